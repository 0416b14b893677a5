/* First the points that the state hangs on, and identify; only a device that has them is asked for the others (likeness.h). */
#include "gateway/likeness.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "charger/expression.h"
#include "charger/value.h"
#include "driver/modbus/plan.h"

struct look {
    const struct profile *profile;
    likeness_read read;
    void *ctx;
    struct point_value values[PROFILE_MAX_POINTS];
    bool asked[PROFILE_MAX_POINTS];
    struct likeness *ret;
};

static void decode(struct look *l, const struct point *point, const uint8_t *raw, size_t len)
{
    struct value value;
    struct point_value *now = &l->values[point->index];
    double power = point->scale_point >= 0 ? l->values[point->scale_point].number : 0;
    if (point->scale_point >= 0 && l->values[point->scale_point].quality != QUALITY_GOOD)
        return;
    if (value_decode(point, power, raw, len, &value) < 0)
        return;
    now->number = value.number;
    now->raw = value.raw;
    free(now->text);
    now->text = point_is_text(point) ? strdup(value.text) : NULL;
    now->quality = point_is_text(point) && !now->text ? QUALITY_NONE : QUALITY_GOOD;
}

/* Whether the device has the point; false with ret->err: it cannot be asked any more. */
static bool ask(struct look *l, const struct point *point)
{
    uint8_t raw[POINT_MAX_RAW] = { 0 };
    if (l->asked[point->index])
        return l->values[point->index].quality != QUALITY_NONE;
    l->asked[point->index] = true;
    if (!point_is_readable(point) || point->at.modbus.count * 2u > sizeof(raw))
        return false;
    l->ret->points++;
    int r = l->read(l->ctx, point->at.modbus.unit_offset, point_read_function(point),
                    point->at.modbus.address, point->at.modbus.count, raw);
    if (r < 0 && r != -ERR_DEVICE_EXCEPTION && r != -ERR_NO_ANSWER)
        l->ret->err = r;
    if (r < 0)
        return false;
    l->ret->answered++;
    l->values[point->index].quality = QUALITY_BAD; /* it is there, whatever it says */
    decode(l, point, raw,
           point->is_bit_field ? (point->at.modbus.count + 7u) / 8u : point->at.modbus.count * 2u);
    return true;
}

static bool ask_for(struct look *l, const struct expression *e)
{
    bool all = true;
    int index = 0;
    for (size_t n = 0; e && (index = expression_point(e, n)) >= 0 && !l->ret->err; n++)
        if (l->profile->points[index].access & ACCESS_R)
            all = ask(l, &l->profile->points[index]) && all;
    return all;
}

/* 1: it is the one; 0: it does not say; -1: it is another. */
static int judge_identity(struct look *l)
{
    const struct identify *id = &l->profile->identify;
    if (!id->point)
        return 0;
    if (!ask(l, id->point))
        return -1;
    const struct point_value *v = &l->values[id->point->index];
    bool same = v->quality == QUALITY_GOOD &&
                (id->is_text ? v->text && str_equal(v->text, id->text) : v->number == id->number);
    return same ? 1 : -1;
}

/* The rule that says the state; -1: none can. */
static int find_rule(const struct look *l, const struct profile_evse *evse)
{
    for (size_t i = 0; i < evse->state_count; i++) {
        if (!evse->states[i].when)
            return (int)i;
        struct expression_value v = expression_eval(evse->states[i].when, l->values, NULL);
        if (!v.known)
            return -1;
        if (v.bits)
            return (int)i;
    }
    return -1;
}

/* What a measured value may be; below `certain` it says nothing (nobody charges). */
static const struct {
    enum evse_measure measure;
    double min, max, certain;
} ranges[] = {
    { MEASURE_VOLTAGE_L1, 80, 1000, 1 },
    { MEASURE_VOLTAGE_L2, 80, 1000, 1 },
    { MEASURE_VOLTAGE_L3, 80, 1000, 1 },
    { MEASURE_VOLTAGE, 80, 1100, 1 },
    { MEASURE_FREQUENCY, 45, 65, 0.1 },
    { MEASURE_TEMPERATURE, -40, 120, 0.1 },
    { MEASURE_POWER_IMPORT, -400000, 400000, 1 },
    { MEASURE_CURRENT_IMPORT_L1, -500, 500, 0.05 },
    { MEASURE_CURRENT_IMPORT_L2, -500, 500, 0.05 },
    { MEASURE_CURRENT_IMPORT_L3, -500, 500, 0.05 },
    { MEASURE_ENERGY_IMPORT, 0, 1e10, 1 },
    { MEASURE_SOC, 0, 100, 0.1 },
};

static void judge_values(struct look *l, const struct profile_evse *evse)
{
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        const struct expression *e = evse->measures[ranges[i].measure];
        struct expression_value v = { 0 };
        if (e)
            v = expression_eval(e, l->values, NULL);
        if (!v.known || fabs(v.number) < ranges[i].certain)
            continue;
        if (v.number >= ranges[i].min && v.number <= ranges[i].max)
            l->ret->sensible++;
        else
            l->ret->nonsense++;
    }
}

static double value_of(const struct look *l, const struct profile_evse *evse, enum evse_measure m)
{
    struct expression_value v = { 0 };
    if (evse->measures[m])
        v = expression_eval(evse->measures[m], l->values, NULL);
    return v.known ? v.number : NAN;
}

static void tell(struct look *l, const struct profile_evse *evse, int rule)
{
    struct likeness *ret = l->ret;
    char state[40] = "no state", voltage[40] = "", evses[60] = "";
    double V = evse ? value_of(l, evse, MEASURE_VOLTAGE_L1) : NAN;
    if (evse && rule >= 0)
        (void)snprintf(state, sizeof(state), "state %s", evse_state_names[evse->states[rule].state]);
    if (!isnan(V))
        (void)snprintf(voltage, sizeof(voltage), ", voltage %.4g V", V);
    if (l->profile->evse_count > 1 && ret->evses > 0)
        (void)snprintf(evses, sizeof(evses), ", %d of %zu EVSEs", ret->evses, l->profile->evse_count);
    (void)snprintf(ret->reason, sizeof(ret->reason), "%s%d of %d points, %s%s%s%s",
                   ret->identified ? "says who it is, " : "", ret->answered, ret->points, state, voltage,
                   evses, ret->nonsense ? ", values that make no sense" : "");
}

static void score(struct look *l, const struct profile_evse *evse)
{
    struct likeness *ret = l->ret;
    int rule = evse ? find_rule(l, evse) : -1;
    bool says_state = rule >= 0 && evse->states[rule].when && evse->states[rule].state != EVSE_UNKNOWN;
    double answered = ret->points ? (double)ret->answered / ret->points : 0;
    int judged = ret->sensible + ret->nonsense;
    double sense = judged ? (double)ret->sensible / judged : 0.5;
    tell(l, evse, rule);
    ret->score = (int)(100 * (0.45 * answered + 0.35 * sense + 0.2 * says_state));
    if (ret->identified)
        ret->score = 90 + ret->score / 10;
}

/* Of several EVSEs all is asked of the first: the others are like it, or not there. */
static bool is_of_first(const struct point *point)
{
    return !strchr(point->name, '.') || point->name[0] == '1';
}

static bool has_state_of(struct look *l, const struct profile_evse *evse)
{
    bool all = true;
    for (size_t i = 0; i < evse->state_count; i++)
        all = ask_for(l, evse->states[i].when) && all;
    return all;
}

/* A model with two EVSEs and its brother with one have the same registers, but for those of the second. */
static void count_evses(struct look *l)
{
    const struct profile *profile = l->profile;
    struct likeness before = *l->ret;
    int count = 1;
    while ((size_t)count < profile->evse_count && has_state_of(l, &profile->evses[count]) && !l->ret->err)
        count++;
    before.err = l->ret->err;
    *l->ret = before; /* the points are those of the first */
    l->ret->evses = count;
}

static void look_at(struct look *l)
{
    const struct profile *profile = l->profile;
    const struct profile_evse *evse = profile->evse_count ? &profile->evses[0] : NULL;
    int identity = judge_identity(l);
    if (identity < 0 || l->ret->err) {
        (void)snprintf(l->ret->reason, sizeof(l->ret->reason), "it is another model");
        return;
    }
    l->ret->identified = identity > 0;
    bool has_state = !evse || has_state_of(l, evse);
    if (l->ret->answered == 0 && l->ret->points > 0) {
        (void)snprintf(l->ret->reason, sizeof(l->ret->reason), "has nothing of what its state is made of");
        return;
    }
    for (size_t i = 0; i < profile->point_count && !l->ret->err; i++)
        if (is_of_first(&profile->points[i]) && profile->points[i].access & ACCESS_R && has_state)
            (void)ask(l, &profile->points[i]);
    if (evse)
        judge_values(l, evse);
    if (evse && has_state && !l->ret->err)
        count_evses(l);
    score(l, evse);
    if (evse && has_state && (size_t)l->ret->evses < profile->evse_count)
        l->ret->score -= l->ret->score / 10;
    if (!has_state && !l->ret->identified)
        l->ret->score /= 4;
}

void likeness_of(const struct profile *profile, likeness_read read, void *ctx, struct likeness *ret)
{
    *ret = (struct likeness){ 0 };
    struct look *l = calloc(1, sizeof(*l));
    if (!l) {
        ret->err = -ENOMEM;
        return;
    }
    l->profile = profile;
    l->read = read;
    l->ctx = ctx;
    l->ret = ret;
    look_at(l);
    for (size_t i = 0; i < profile->point_count; i++)
        free(l->values[i].text);
    free(l);
}
