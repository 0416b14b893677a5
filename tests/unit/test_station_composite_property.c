/* Random sets of charging profiles: the composite schedule against a reference that walks from moment to moment and reads the rules of
 * block K anew for each of them. The reference shares no code with the station: it lives on the profiles as they were drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "station/charging_profile.h"
#include "station/composite.h"

#define CASES        1500
#define MAX_PROFILES 12
#define MAX_PERIODS  6
#define EVSES        3
#define TICK_MS      250 /* all drawn times are multiples of it */
#define DAY_S        86400

/* 2026-01-31T12:00:00Z */
#define BEGIN_MS INT64_C(1769860800000)

/* ---- what is drawn ---- */

struct drawn {
    const char *purpose, *kind, *source;
    int evse, level, recurrence_s, duration_s, count;
    int64_t from_ms, to_ms, start_ms; /* from_ms INT64_MIN, to_ms INT64_MAX: none */
    bool watts;
    double min_rate;
    int starts[MAX_PERIODS], phases[MAX_PERIODS];
    double limits[MAX_PERIODS];
};

struct world {
    struct drawn drawn[MAX_PROFILES];
    int count;
    struct composite_evse evses[EVSES];
    size_t evse_count;
    struct list profiles;
    int64_t tick_ms; /* of this case */
};

static uint32_t seed;

static int draw(int below)
{
    seed = seed * 1664525 + 1013904223;
    return (int)((seed >> 8) % (uint32_t)below);
}

static int64_t draw_time(const struct world *w, int before_s, int after_s)
{
    int64_t ticks = (int64_t)(before_s + after_s) * 1000 / w->tick_ms;
    return BEGIN_MS - (int64_t)before_s * 1000 + draw((int)ticks) * w->tick_ms;
}

static void draw_schedule(struct drawn *d)
{
    d->watts = draw(2);
    d->duration_s = draw(3) ? -1 : draw(500);
    d->min_rate = draw(4) ? 0 : draw(d->watts ? 9000 : 12);
    d->count = 1 + draw(MAX_PERIODS);
    for (int i = 0, at = 0; i < d->count; i++, at += 1 + draw(150)) {
        d->starts[i] = at;
        d->phases[i] = 1 + draw(3);
        d->limits[i] = d->watts ? draw(250) * 100 : draw(400) / 10.0;
    }
}

static void draw_profile(struct world *w, struct drawn *d, int level)
{
    static const char *const purposes[] = { "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile",
                                            "ChargingStationExternalConstraints" };
    static const char *const kinds[] = { "Absolute", "Recurring", "Relative" };
    static const char *const sources[] = { "EMS", "SO" };
    int purpose = draw(4);
    d->purpose = purposes[purpose];
    d->kind = kinds[draw(purpose == 0 ? 2 : 3)];
    d->source = purpose == 3 ? sources[draw(2)] : "CSO";
    d->evse = purpose == 0 ? 0 : purpose == 2 ? 1 + draw((int)w->evse_count) : draw((int)w->evse_count + 1);
    d->level = level;
    d->recurrence_s = draw(2) ? DAY_S : 7 * DAY_S;
    d->start_ms = draw_time(w, 400, 300);
    if (d->kind[0] == 'R' && draw(2))
        d->start_ms -= (int64_t)d->recurrence_s * 1000 * (1 + draw(3));
    d->from_ms = draw(3) ? INT64_MIN : draw_time(w, 300, 300);
    d->to_ms = draw(3) ? INT64_MAX : draw_time(w, 100, 500);
    if (d->to_ms <= d->from_ms)
        d->to_ms = INT64_MAX;
    draw_schedule(d);
    if (d->kind[2] == 'c' && !draw(3))
        d->duration_s = d->recurrence_s - draw(300);
}

static void set_time(json_t *object, const char *key, int64_t ms)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(ms, text);
    json_object_set_new(object, key, json_string(text));
}

static struct charging_profile *read_drawn(const struct drawn *d, int id)
{
    json_t *periods = json_array();
    for (int i = 0; i < d->count; i++)
        json_array_append_new(periods, json_pack("{s:i, s:f, s:i}", "startPeriod", d->starts[i], "limit",
                                                 d->limits[i], "numberPhases", d->phases[i]));
    json_t *schedule = json_pack("{s:i, s:s, s:o}", "id", 1, "chargingRateUnit", d->watts ? "W" : "A",
                                 "chargingSchedulePeriod", periods);
    if (d->duration_s >= 0)
        json_object_set_new(schedule, "duration", json_integer(d->duration_s));
    if (d->min_rate > 0)
        json_object_set_new(schedule, "minChargingRate", json_real(d->min_rate));
    if (strcmp(d->kind, "Relative") != 0)
        set_time(schedule, "startSchedule", d->start_ms);
    json_t *json =
        json_pack("{s:i, s:i, s:s, s:s, s:[o]}", "id", id, "stackLevel", d->level, "chargingProfilePurpose",
                  d->purpose, "chargingProfileKind", d->kind, "chargingSchedule", schedule);
    if (strcmp(d->kind, "Recurring") == 0)
        json_object_set_new(json, "recurrencyKind",
                            json_string(d->recurrence_s == DAY_S ? "Daily" : "Weekly"));
    if (d->from_ms != INT64_MIN)
        set_time(json, "validFrom", d->from_ms);
    if (d->to_ms != INT64_MAX)
        set_time(json, "validTo", d->to_ms);
    if (strcmp(d->purpose, "TxProfile") == 0)
        json_object_set_new(json, "transactionId", json_string("tx"));
    struct charging_profile *p = NULL;
    const char *reason = NULL;
    int source = 0;
    while (strcmp(limit_source_names[source], d->source) != 0)
        source++;
    assert_int_equal(charging_profile_read(json, d->evse, (enum limit_source)source, &p, &reason), 0);
    json_decref(json);
    return p;
}

static void draw_world(struct world *w)
{
    *w = (struct world){ .evse_count = 1 + (size_t)draw(EVSES), .count = 1 + draw(MAX_PROFILES) };
    w->tick_ms = draw(2) ? 1000 : TICK_MS;
    list_init(&w->profiles);
    for (size_t i = 0; i < w->evse_count; i++)
        w->evses[i] = (struct composite_evse){
            .id = (int)i + 1,
            .transaction_id = draw(2) ? "tx" : "",
            .relative_ms = draw_time(w, 200, 1),
            .phases = draw(2) ? 3 : 1,
            .switches_phases = draw(3) == 0,
            .is_dc = draw(8) == 0,
            .voltage_V = 230,
            .min_A = draw(3) ? 6 : 0,
            .max_A = 16 + draw(17),
            .shares = draw(2),
            .priority = draw(3) - 1,
        };
    for (int i = 0; i < w->count; i++) {
        draw_profile(w, &w->drawn[i], w->count - i);
        list_append(&w->profiles, &read_drawn(&w->drawn[i], i + 1)->link); /* the highest level first */
    }
}

static void forget_world(struct world *w)
{
    LIST_FOREACH(link, following, &w->profiles)
    charging_profile_free(LIST_ITEM(link, struct charging_profile, link));
}

/* ---- the reference ---- */

/* Index of the period that counts, or -1. */
static int period_now(const struct drawn *d, const struct composite_evse *e, int64_t at_ms)
{
    if (at_ms < d->from_ms || at_ms >= d->to_ms)
        return -1;
    int64_t since = at_ms - (strcmp(d->kind, "Relative") == 0 ? e->relative_ms : d->start_ms);
    if (since < 0)
        return -1;
    if (strcmp(d->kind, "Recurring") == 0)
        while (since >= (int64_t)d->recurrence_s * 1000)
            since -= (int64_t)d->recurrence_s * 1000;
    if (d->duration_s >= 0 && since >= (int64_t)d->duration_s * 1000)
        return -1;
    int found = -1;
    for (int i = 0; i < d->count; i++)
        if (since >= (int64_t)d->starts[i] * 1000)
            found = i;
    return found;
}

struct reference {
    double own, floor, budget;
    int phases, used;
};

static bool is_led(const struct world *w, const struct composite_evse *e, int64_t at_ms, int index)
{
    const struct drawn *d = &w->drawn[index];
    bool tx = strcmp(d->purpose, "TxProfile") == 0;
    if (tx ? d->evse != e->id || !e->transaction_id[0] : d->evse != 0 && d->evse != e->id)
        return false;
    if (period_now(d, e, at_ms) < 0)
        return false;
    for (int i = 0; i < w->count; i++) {
        const struct drawn *other = &w->drawn[i];
        bool same = strcmp(other->purpose, d->purpose) == 0 && strcmp(other->source, d->source) == 0;
        if (strcmp(d->purpose, "ChargingStationExternalConstraints") == 0)
            same = same && (other->evse == 0) == (d->evse == 0);
        bool overrules =
            strcmp(d->purpose, "TxDefaultProfile") == 0 && strcmp(other->purpose, "TxProfile") == 0;
        bool other_tx = strcmp(other->purpose, "TxProfile") == 0;
        bool here = other_tx ? other->evse == e->id && e->transaction_id[0]
                             : other->evse == 0 || other->evse == e->id;
        if (here && period_now(other, e, at_ms) >= 0 && (overrules || (same && other->level > d->level)))
            return false;
    }
    return true;
}

static struct reference look(const struct world *w, const struct composite_evse *e, int64_t at_ms)
{
    struct reference r = { .own = e->max_A, .floor = e->min_A, .budget = INFINITY, .phases = e->phases };
    for (int i = 0; i < w->count; i++)
        if (is_led(w, e, at_ms, i))
            r.phases = (int)fmin(r.phases, w->drawn[i].phases[period_now(&w->drawn[i], e, at_ms)]);
    r.used = !e->is_dc && e->switches_phases ? r.phases : e->phases;
    for (int i = 0; i < w->count; i++) {
        const struct drawn *d = &w->drawn[i];
        if (!is_led(w, e, at_ms, i))
            continue;
        int period = period_now(d, e, at_ms);
        double unit = 1;
        if (d->watts)
            unit = e->voltage_V * (e->is_dc ? e->phases : fmax(d->phases[period], r.used));
        bool station = strcmp(d->purpose, "ChargingStationMaxProfile") == 0 ||
                       (strcmp(d->source, "CSO") != 0 && d->evse == 0);
        if (station)
            r.budget = fmin(r.budget, d->limits[period] / unit);
        else {
            r.own = fmin(r.own, d->limits[period] / unit);
            r.floor = fmax(r.floor, d->min_rate / unit);
        }
    }
    return r;
}

static bool holds(const struct composite_evse *e, double limit)
{
    return limit > 0 && limit >= e->min_A - 0.05;
}

/* The level up to which all are raised, found by halving. */
static double level_of(const double own[], const double floors[], const bool in[], size_t count,
                       double budget)
{
    double low = 0, high = 100;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2, sum = 0;
        for (size_t k = 0; k < count; k++)
            if (in[k])
                sum += fmin(own[k], fmax(middle, fmin(floors[k], own[k])));
        if (sum <= budget)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The limits of those that `in` has. */
static void share_reference(const struct world *w, const struct reference r[], bool in[], double ret[])
{
    double own[EVSES], floors[EVSES], budget = INFINITY;
    int left = 0;
    for (size_t i = 0; i < w->evse_count; i++) {
        own[i] = r[i].own;
        floors[i] = r[i].floor;
        ret[i] = r[i].own;
        if (in[i])
            budget = fmin(budget, r[i].budget);
    }
    for (size_t i = 0; i < w->evse_count; i++) {
        in[i] = in[i] && holds(&w->evses[i], own[i]);
        left += in[i];
    }
    if (isinf(budget) || left == 0)
        return;
    for (;; left--) {
        double sum = 0;
        size_t last = EVSES;
        for (size_t i = 0; i < w->evse_count; i++) {
            if (!in[i])
                continue;
            sum += fmin(floors[i], own[i]);
            if (last == EVSES || w->evses[i].priority <= w->evses[last].priority)
                last = i;
        }
        if (left == 1 && sum > budget) {
            ret[last] = fmin(own[last], budget);
            return;
        }
        if (sum <= budget)
            break;
        in[last] = false;
        ret[last] = 0;
    }
    double level = level_of(own, floors, in, w->evse_count, budget);
    for (size_t i = 0; i < w->evse_count; i++)
        if (in[i])
            ret[i] = fmin(own[i], fmax(level, fmin(floors[i], own[i])));
}

static double reference_at(const struct world *w, size_t index, bool watts, int64_t at_ms)
{
    struct reference r[EVSES];
    bool in[EVSES];
    double limits[EVSES], sum = 0;
    for (size_t i = 0; i < w->evse_count; i++) {
        in[i] = index == COMPOSITE_WHOLE || i == index || w->evses[i].shares;
        r[i] = look(w, &w->evses[i], at_ms);
    }
    share_reference(w, r, in, limits);
    for (size_t i = 0; i < w->evse_count; i++) {
        if (index != COMPOSITE_WHOLE && i != index)
            continue;
        double limit = holds(&w->evses[i], limits[i]) ? limits[i] : 0;
        sum += watts ? limit * w->evses[i].voltage_V * r[i].used : limit;
    }
    return sum;
}

/* ---- both compared ---- */

static void compare(struct world *w, size_t index, bool watts, int duration_s)
{
    struct composite composite = { .profiles = &w->profiles, .evses = w->evses, .count = w->evse_count };
    struct composite_period *periods = calloc(COMPOSITE_MAX_PERIODS, sizeof(*periods));
    int count = composite_schedule(&composite, index, BEGIN_MS, duration_s, watts, periods);
    assert_in_range(count, 1, COMPOSITE_MAX_PERIODS);
    assert_int_equal(periods[0].start_s, 0);
    assert_true(periods[count - 1].start_s < duration_s);
    for (int second = 0, at = 0; second < duration_s; second++) {
        double lowest = INFINITY;
        while (at + 1 < count && periods[at + 1].start_s <= second)
            at++;
        for (int64_t ms = 0; ms < 1000; ms += w->tick_ms)
            lowest = fmin(lowest, reference_at(w, index, watts, BEGIN_MS + second * 1000 + ms));
        /* down to a tenth; what halving and dividing lose apart */
        if (periods[at].limit > lowest + 1e-4 || periods[at].limit < lowest - 0.1 - 1e-4) {
            print_error("second %d: %f, expected %f\n", second, periods[at].limit, lowest);
            fail();
        }
    }
    for (int i = 1; i < count; i++) { /* no period for nothing */
        assert_true(periods[i].start_s > periods[i - 1].start_s);
        assert_true(fabs(periods[i].limit - periods[i - 1].limit) > 1e-9 ||
                    periods[i].phases != periods[i - 1].phases);
    }
    free(periods);
}

static void a_composite_is_what_walking_second_by_second_gives(void **state)
{
    /* K01.FR.11, K01.FR.12, K01.FR.17, K01.FR.36, K01.FR.37, K04.FR.05, K08.FR.02, K08.FR.03, K08.FR.04 */
    (void)state;
    for (uint32_t i = 0; i < CASES; i++) {
        struct world w;
        seed = i * 2654435761U;
        draw_world(&w);
        size_t index = draw(3) ? (size_t)draw((int)w.evse_count) : COMPOSITE_WHOLE;
        int duration_s = 1 + draw(w.tick_ms == 1000 ? 400 : 120);
        bool watts = draw(2);
        print_message("case %u: %d profiles, %zu EVSEs\n", i, w.count, w.evse_count);
        compare(&w, index, watts, duration_s);
        forget_world(&w);
    }
}

/* The limit of the moment is that of the schedule, and no change is missed between two that are told. */
static void the_limit_holds_until_the_next_change(void **state) /* K01.FR.07 */
{
    (void)state;
    for (uint32_t i = 0; i < CASES / 3; i++) {
        struct world w;
        seed = i * 40503U + 7;
        draw_world(&w);
        struct composite composite = { .profiles = &w.profiles, .evses = w.evses, .count = w.evse_count };
        size_t index = (size_t)draw((int)w.evse_count);
        int64_t at_ms = BEGIN_MS, next_ms = BEGIN_MS;
        double limit_A = 0;
        for (; at_ms < BEGIN_MS + 200000; at_ms += w.tick_ms) {
            struct reference r[EVSES];
            bool in[EVSES];
            double limits[EVSES];
            if (at_ms >= next_ms) {
                next_ms = INT64_MAX;
                limit_A = composite_at(&composite, index, at_ms, &next_ms).limit_A;
                assert_true(next_ms > at_ms);
            }
            for (size_t k = 0; k < w.evse_count; k++) {
                in[k] = k == index || w.evses[k].shares;
                r[k] = look(&w, &w.evses[k], at_ms);
            }
            share_reference(&w, r, in, limits);
            assert_true(fabs(limits[index] - limit_A) < 1e-6);
        }
        forget_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_composite_is_what_walking_second_by_second_gives),
        cmocka_unit_test(the_limit_holds_until_the_next_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
