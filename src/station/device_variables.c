/* Rows and values that the devices bring into the device model (device_variables.h). */
#include "station/device_variables.h"

#include "base/str.h"
#include "station/internal.h"
#include "station/variable_table.h"

/* ---- values ---- */

/* The list a row of this tier looks into. */
static const struct device_values *values_at(const struct variable_place *place)
{
    return place->evse ? &place->evse->device_values : &place->station->device_variables.station;
}

/* NULL: this EVSE has not got the variable. */
static const struct device_slot *slot_at(const struct variable_place *place)
{
    const struct device_values *values = values_at(place);
    size_t row = (size_t)(place->row - place->station->device_variables.rows);
    for (size_t i = 0; i < values->count; i++)
        if (values->slots[i].row == row)
            return &values->slots[i];
    return NULL;
}

static bool has_slot(const struct variable_place *place)
{
    return slot_at(place) != NULL;
}

/* No exponent, no more than six digits behind the point and no zeros at their end (DecimalType). */
static void print_decimal(double number, char *ret, size_t size)
{
    int len = snprintf(ret, size, "%.6f", number);
    if (len < 0 || (size_t)len >= size) {
        *ret = '\0';
        return;
    }
    while (ret[len - 1] == '0')
        ret[--len] = '\0';
    if (ret[len - 1] == '.')
        ret[--len] = '\0';
    if (str_equal(ret, "-0"))
        (void)str_copy(ret, size, "0");
}

static void get_slot(const struct variable_place *place, char *ret, size_t size)
{
    const struct device_slot *slot = slot_at(place);
    *ret = '\0';
    if (!slot || !slot->is_known)
        return;
    if (slot->text)
        (void)str_copy(ret, size, slot->text);
    else if (place->row->type == TYPE_BOOLEAN)
        (void)str_copy(ret, size, slot->number != 0 ? "true" : "false");
    else if (place->row->type == TYPE_INTEGER)
        snprintf(ret, size, "%.0f", slot->number);
    else
        print_decimal(slot->number, ret, size);
}

void station_on_device_variable(struct station *s, int evse, size_t index, const struct device_value *value)
{
    struct device_values *values =
        evse > 0 ? &s->evses[evse - 1].device_values : &s->device_variables.station;
    struct device_slot *slot = &values->slots[index];
    char *text = value && value->text ? strdup(value->text) : NULL;
    free(slot->text);
    slot->text = text;
    slot->number = value ? value->number : 0;
    slot->is_known = value && (text || !value->text); /* without memory there is none */
    monitoring_touch(s);
}

/* ---- rows ---- */

static struct variable_row row_of(const struct device_variable *v, enum variable_tier tier)
{
    static const enum variable_type types[DEVICE_VARIABLE_TYPES] = { [DEVICE_DECIMAL] = TYPE_DECIMAL,
                                                                     [DEVICE_INTEGER] = TYPE_INTEGER,
                                                                     [DEVICE_BOOLEAN] = TYPE_BOOLEAN,
                                                                     [DEVICE_STRING] = TYPE_STRING };
    return (struct variable_row){ .component = v->component,
                                  .component_instance = *v->component_instance ? v->component_instance : NULL,
                                  .variable = v->variable,
                                  .instance = *v->instance ? v->instance : NULL,
                                  .type = types[v->type],
                                  .mutability = READ_ONLY,
                                  .min = v->min,
                                  .max = v->max,
                                  .unit = *v->unit ? v->unit : NULL,
                                  .tier = tier,
                                  .get = get_slot,
                                  .exists = has_slot,
                                  .monitors = v->monitors,
                                  .monitor_count = v->monitor_count };
}

static bool same_text(const char *a, const char *b)
{
    return str_equal(a ? a : "", b ? b : "");
}

static bool same_monitors(const struct variable_row *a, const struct variable_row *b)
{
    bool same = a->monitor_count == b->monitor_count;
    for (size_t i = 0; same && i < a->monitor_count; i++)
        same = a->monitors[i].type == b->monitors[i].type && a->monitors[i].value == b->monitors[i].value &&
               a->monitors[i].severity == b->monitors[i].severity &&
               a->monitors[i].is_hard_wired == b->monitors[i].is_hard_wired;
    return same;
}

static bool same_row(const struct variable_row *a, const struct variable_row *b)
{
    return a->tier == b->tier && a->type == b->type && a->min == b->min && a->max == b->max &&
           str_equal(a->component, b->component) && same_text(a->component_instance, b->component_instance) &&
           str_equal(a->variable, b->variable) && same_text(a->instance, b->instance) &&
           same_text(a->unit, b->unit) && same_monitors(a, b);
}

/* Rows have room for one more. */
static uint16_t find_or_add_row(struct device_variables *d, const struct variable_row *row)
{
    for (size_t i = 0; i < d->row_count; i++)
        if (same_row(&d->rows[i], row))
            return (uint16_t)i;
    d->rows[d->row_count] = *row;
    return (uint16_t)d->row_count++;
}

static int init_values(struct device_variables *d, struct device_values *values,
                       const struct device_variable *list, size_t count, enum variable_tier tier)
{
    if (count == 0)
        return 0;
    values->slots = calloc(count, sizeof(*values->slots));
    if (!values->slots)
        return -ENOMEM;
    values->count = count;
    for (size_t i = 0; i < count; i++) {
        struct variable_row row = row_of(&list[i], tier);
        values->slots[i].row = find_or_add_row(d, &row);
    }
    return 0;
}

int device_variables_init(struct station *s, const struct station_settings *settings)
{
    struct device_variables *d = &s->device_variables;
    size_t most = settings->variable_count;
    for (size_t i = 0; i < s->evse_count; i++)
        most += s->evses[i].abilities.variable_count;
    if (most == 0)
        return 0;
    d->rows = calloc(most, sizeof(*d->rows));
    if (!d->rows)
        return -ENOMEM;
    int r = init_values(d, &d->station, settings->variables, settings->variable_count, TIER_STATION);
    for (size_t i = 0; r == 0 && i < s->evse_count; i++) {
        const struct evse_abilities *a = &s->evses[i].abilities;
        r = init_values(d, &s->evses[i].device_values, a->variables, a->variable_count, TIER_EVSE);
    }
    if (r < 0)
        return r;
    struct variable_row *fitting = realloc(d->rows, d->row_count * sizeof(*d->rows));
    if (fitting) /* EVSEs of one kind share their rows */
        d->rows = fitting;
    return 0;
}

static void free_values(struct device_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        free(values->slots[i].text);
    free(values->slots);
}

void device_variables_free(struct station *s)
{
    free_values(&s->device_variables.station);
    for (size_t i = 0; s->evses && i < s->evse_count; i++)
        free_values(&s->evses[i].device_values);
    free(s->device_variables.rows);
}

int station_check_device_variable(const struct device_variable *variable, bool is_of_evse, char *ret,
                                  size_t size)
{
    struct variable_row row = row_of(variable, is_of_evse ? TIER_EVSE : TIER_STATION);
    for (size_t i = 0; i < variable_table_size; i++) {
        const struct variable_row *own = &variable_table[i];
        if (own->tier == row.tier && str_equal_ci(own->component, row.component) &&
            str_equal_ci(own->component_instance ? own->component_instance : "",
                         row.component_instance ? row.component_instance : "") &&
            str_equal_ci(own->variable, row.variable) &&
            str_equal_ci(own->instance ? own->instance : "", row.instance ? row.instance : "")) {
            snprintf(ret, size, "%s.%s is the gateway's own; choose another component or instance",
                     own->component, own->variable);
            return -EINVAL;
        }
    }
    return 0;
}

/* ---- health ---- */

static struct device_health health_of(const struct variable_place *place)
{
    const struct station *s = place->station;
    struct device_health health = { .online = false };
    s->ops->device_health(s->ctx, place->evse->id, &health);
    return health;
}

bool has_device_health(const struct variable_place *place)
{
    return place->station->ops->device_health != NULL;
}

void get_device_problem(const struct variable_place *place, char *ret, size_t size)
{
    (void)str_copy(ret, size, health_of(place).online ? "false" : "true");
}

void get_device_count(const struct variable_place *place, char *ret, size_t size)
{
    const struct device_health health = health_of(place);
    const struct {
        const char *instance;
        uint64_t count;
    } counts[] = {
        { "Answers", health.answers },       { "BadFrames", health.bad_frames },
        { "Exceptions", health.exceptions }, { "Losses", health.losses },
        { "Requests", health.requests },     { "Timeouts", health.timeouts },
    };
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        if (str_equal(counts[i].instance, place->row->instance))
            snprintf(ret, size, "%llu", (unsigned long long)counts[i].count);
}

/* Seconds; "" as long as it never answered. */
void get_device_answer_age(const struct variable_place *place, char *ret, size_t size)
{
    struct device_health health = health_of(place);
    int64_t age_ms = env_now_ms(place->station->env) - health.last_answer_ms;
    if (health.last_answer_ms)
        snprintf(ret, size, "%.1f", (double)age_ms / 1000);
    else
        *ret = '\0';
}
