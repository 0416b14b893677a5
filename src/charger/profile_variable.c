/* The section `variables`, of the file and of an EVSE: points that stand in the station's device model.
 *
 *     variables:
 *       TemperatureSensor[Inlet].Temperature: { value: inlet, min: -40, max: 125, monitors: [ ... ] }
 *       Controller.FaultWord: faults
 *
 * The key names component and variable, each with its instance if it has one. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

#define MAX_PERIOD_S (24 * 3600)

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

/* ---- the name ---- */

/* `name` or `name[instance]` at `*at`, which is moved behind it. */
static bool read_part(const char **at, char name[DEVICE_NAME_SIZE], char instance[DEVICE_NAME_SIZE])
{
    size_t len = strspn(*at, LETTERS);
    if (len == 0 || len >= DEVICE_NAME_SIZE)
        return false;
    memcpy(name, *at, len);
    *at += len;
    if (**at != '[')
        return true;
    len = strspn(++*at, LETTERS ".:+@|*=");
    if (len == 0 || len >= DEVICE_NAME_SIZE || (*at)[len] != ']')
        return false;
    memcpy(instance, *at, len);
    *at += len + 1;
    return true;
}

static bool read_variable_name(struct reading *r, const struct yaml_node *node, struct device_variable *v)
{
    const char *at = node->key ? node->key : "";
    if (read_part(&at, v->component, v->component_instance) && *at == '.') {
        at++;
        if (read_part(&at, v->variable, v->instance) && !*at)
            return true;
    }
    COMPLAIN(
        r, node,
        "expected component and variable of at most 50 characters a-z A-Z 0-9 - _ each, with their "
        "instances if there are several, such as Controller.Problem or TemperatureSensor[Inlet].Temperature");
    return false;
}

static bool has_same_name(const struct device_variable *a, const struct device_variable *b)
{
    return str_equal_ci(a->component, b->component) &&
           str_equal_ci(a->component_instance, b->component_instance) &&
           str_equal_ci(a->variable, b->variable) && str_equal_ci(a->instance, b->instance);
}

/* A charger's own variables stand at its first EVSE where a station has several chargers: no name may be there twice. */
static void check_name(struct reading *r, const struct yaml_node *node, const struct device_variable *v,
                       size_t first, int evse)
{
    const struct profile *p = r->profile;
    char why[200];
    for (size_t i = 0; i < p->variable_count; i++)
        if ((i < p->own_variable_count || i >= first) && has_same_name(&p->variables[i], v)) {
            COMPLAIN(r, node, "stands here twice%s",
                     i < first ? ": an EVSE and its charger cannot have the same variable" : "");
            return;
        }
    if (!r->source || !r->source->check_variable)
        return;
    if (r->source->check_variable(v, true, why, sizeof(why)) < 0 ||
        (evse == 0 && r->source->check_variable(v, false, why, sizeof(why)) < 0))
        COMPLAIN(r, node, "%s", why);
}

/* ---- type, unit and limits ---- */

static bool is_whole(double number)
{
    return number == round(number);
}

/* What it is if the profile does not say. */
static enum device_variable_type usual_type(const struct reading *r, const struct expression *e)
{
    int index = expression_plain_point(e);
    const struct point *p = index >= 0 ? &r->profile->points[index] : NULL;
    switch (expression_type(e)) {
    case EXPRESSION_TEXT:
        return DEVICE_STRING;
    case EXPRESSION_TRUTH:
    case EXPRESSION_FLAG:
        return DEVICE_BOOLEAN;
    case EXPRESSION_NUMBER:
        break;
    }
    bool is_integer =
        p && point_is_integral(p) && p->scale_point < 0 && is_whole(p->scale) && is_whole(p->offset);
    return is_integer ? DEVICE_INTEGER : DEVICE_DECIMAL;
}

static void read_type(struct reading *r, const struct yaml_node *node, const struct expression *e,
                      struct device_variable *v)
{
    static const char *const wanted[DEVICE_VARIABLE_TYPES] = { "a number", "a number", "a condition",
                                                               "a text" };
    const struct yaml_node *type = yaml_get(node, "type");
    enum expression_type is = expression_type(e);
    int index = 0;
    v->type = usual_type(r, e);
    if (!type || yaml_to_enum(r->yaml, type, device_variable_type_names, r->problems, &index) < 0)
        return;
    v->type = (enum device_variable_type)index;
    bool fits = v->type == DEVICE_STRING    ? is == EXPRESSION_TEXT
                : v->type == DEVICE_BOOLEAN ? is == EXPRESSION_TRUTH || is == EXPRESSION_FLAG
                                            : is == EXPRESSION_NUMBER || is == EXPRESSION_FLAG;
    if (!fits)
        COMPLAIN(r, type, "the value is no %s; %s needs %s", device_variable_type_names[index],
                 device_variable_type_names[index], wanted[index]);
}

/* OCPP's word for a unit of points. */
static const char *unit_name(const char *unit)
{
    return str_equal(unit, "%") ? "Percent" : unit;
}

static void read_unit(struct reading *r, const struct yaml_node *node, const struct expression *e,
                      struct device_variable *v)
{
    const struct yaml_node *unit = yaml_get(node, "unit");
    bool is_known = false;
    const char *is = unit_name(expression_unit(e, &is_known));
    bool is_number = v->type == DEVICE_DECIMAL || v->type == DEVICE_INTEGER;
    if (unit && !is_number)
        COMPLAIN(r, unit, "only a number has a unit");
    else if (unit && (unit->kind != YAML_SCALAR || !*unit->text ||
                      str_copy(v->unit, sizeof(v->unit), unit->text) < 0))
        COMPLAIN(r, unit, "expected a unit of 1 to %zu characters, such as Celsius", sizeof(v->unit) - 1);
    else if (unit && is_known && *is && !str_equal(is, v->unit))
        COMPLAIN(r, unit, "the value is in %s", is);
    else if (!unit && is_number && is_known)
        (void)str_copy(v->unit, sizeof(v->unit), is);
}

static void read_limits(struct reading *r, const struct yaml_node *node, struct device_variable *v)
{
    const struct yaml_node *min = yaml_get(node, "min"), *max = yaml_get(node, "max");
    if (!min && !max)
        return;
    if (v->type == DEVICE_BOOLEAN || (v->type == DEVICE_STRING && min))
        COMPLAIN(r, min ? min : max, "only a number has limits; a string has a max, its length");
    else if (v->type == DEVICE_STRING)
        v->max = (double)read_int(r, node, "max", 0, 1, 1000);
    else if (!min || !max)
        COMPLAIN(r, min ? min : max, "expected both min and max, the limits of what can be measured");
    else {
        v->min = read_double(r, node, "min", 0, -1e15, 1e15);
        v->max = read_double(r, node, "max", 0, -1e15, 1e15);
        if (v->max <= v->min)
            COMPLAIN(r, max, "expected more than min, which is %g", v->min);
    }
}

/* ---- monitors ---- */

static void check_monitor(struct reading *r, const struct yaml_node *node, const struct device_variable *v,
                          const struct device_monitor *m)
{
    bool is_number = v->type == DEVICE_DECIMAL || v->type == DEVICE_INTEGER;
    bool is_threshold = m->type == MONITOR_UPPER_THRESHOLD || m->type == MONITOR_LOWER_THRESHOLD;
    bool is_periodic = m->type == MONITOR_PERIODIC || m->type == MONITOR_PERIODIC_CLOCK_ALIGNED;
    if (is_threshold && !is_number)
        COMPLAIN(r, node, "only a number has a threshold; expected type: Delta, which tells each change");
    else if (is_threshold && v->max != v->min && (m->value < v->min || m->value > v->max))
        COMPLAIN(r, node, "%g is outside of min %g and max %g", m->value, v->min, v->max);
    else if (m->type == MONITOR_DELTA && is_number && m->value <= 0)
        COMPLAIN(r, node, "expected a difference above 0");
    else if (is_periodic && (m->value < 1 || m->value > MAX_PERIOD_S || !is_whole(m->value)))
        COMPLAIN(r, node, "expected seconds, 1 to %d", MAX_PERIOD_S);
}

static void read_monitor(struct reading *r, const struct yaml_node *node, struct device_variable *v)
{
    static const char *const keys[] = { "type", "value", "severity", "hard_wired", NULL };
    struct device_monitor *m = &v->monitors[v->monitor_count];
    const struct yaml_node *type = yaml_get(node, "type");
    size_t total = r->problems->total;
    int index = 0;
    yaml_check_keys(r->yaml, node, keys, r->problems);
    if (!type || !yaml_get(node, "value") || !yaml_get(node, "severity")) {
        COMPLAIN(r, node, "expected such as { type: UpperThreshold, value: 80, severity: 4 }");
        return;
    }
    (void)yaml_to_enum(r->yaml, type, device_monitor_type_names, r->problems, &index);
    m->type = (enum device_monitor_type)index;
    m->value = read_double(r, node, "value", 0, -1e15, 1e15);
    m->severity = (int)read_int(r, node, "severity", 0, 0, 9);
    if (yaml_get(node, "hard_wired"))
        (void)yaml_to_bool(r->yaml, yaml_get(node, "hard_wired"), r->problems, &m->is_hard_wired);
    if (r->problems->total == total)
        check_monitor(r, node, v, m);
    v->monitor_count++;
}

static void read_monitors(struct reading *r, const struct yaml_node *list, struct device_variable *v)
{
    if (!list)
        return;
    if (list->kind != YAML_LIST || list->count > DEVICE_MONITORS_MAX) {
        COMPLAIN(r, list, "expected a list of at most %d monitors", DEVICE_MONITORS_MAX);
        return;
    }
    for (const struct yaml_node *n = list->children; n; n = n->next)
        read_monitor(r, n, v);
}

/* ---- all of them ---- */

/* Takes the expression in any case. */
static void add_variable(struct reading *r, const struct device_variable *v, struct expression *e)
{
    struct profile *p = r->profile;
    struct device_variable *variables = reallocarray(p->variables, p->variable_count + 1, sizeof(*variables));
    struct expression **values =
        reallocarray(p->variable_values, p->variable_count + 1, sizeof(struct expression *));
    p->variables = variables ? variables : p->variables;
    p->variable_values = values ? values : p->variable_values;
    if (!variables || !values) {
        r->no_memory = true;
        expression_free(e);
        return;
    }
    variables[p->variable_count] = *v;
    values[p->variable_count++] = e;
}

static void read_variable(struct reading *r, const struct yaml_node *node,
                          const struct expression_scope *scope, size_t first, int evse)
{
    static const char *const keys[] = { "value", "type", "unit", "min", "max", "monitors", NULL };
    const struct yaml_node *value = node;
    struct device_variable v = { .type = DEVICE_DECIMAL };
    if (node->kind == YAML_MAP) {
        yaml_check_keys(r->yaml, node, keys, r->problems);
        value = yaml_get(node, "value");
        if (!value)
            COMPLAIN(r, node, "value is missing: the point or expression to be shown");
    }
    if (!read_variable_name(r, node, &v) || !value)
        return;
    struct expression *e = profile_read_expression(r, value, scope);
    if (!e)
        return;
    profile_check_polled(r, value, e);
    check_name(r, node, &v, first, evse);
    read_type(r, node, e, &v);
    read_unit(r, node, e, &v);
    read_limits(r, node, &v);
    read_monitors(r, yaml_get(node, "monitors"), &v);
    add_variable(r, &v, e);
}

void profile_read_variables(struct reading *r, const struct yaml_node *map, const char *prefix, int evse)
{
    struct expression_scope scope = profile_scope(r, prefix, false);
    struct profile *p = r->profile;
    size_t first = p->variable_count;
    if (!map)
        return;
    if (map->kind != YAML_MAP || map->count > MAX_VARIABLES) {
        COMPLAIN(r, map, "expected a map of at most %d variables, such as { Controller.FaultWord: faults }",
                 MAX_VARIABLES);
        return;
    }
    for (const struct yaml_node *n = map->children; n; n = n->next)
        read_variable(r, n, &scope, first, evse);
    if (evse == 0)
        p->own_variable_count = p->variable_count;
    else
        p->evses[evse - 1].abilities.variable_count = p->variable_count - first;
}

void profile_place_variables(struct profile *profile)
{
    const struct device_variable *at = profile->variables;
    if (!at)
        return;
    at += profile->own_variable_count;
    for (size_t i = 0; i < profile->evse_count; i++) {
        profile->evses[i].abilities.variables = at;
        at += profile->evses[i].abilities.variable_count;
    }
}
