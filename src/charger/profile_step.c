/* Expressions and steps of a profile. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

#define MIN_WITHIN_MS 100
#define MAX_WITHIN_MS (10 * 60 * 1000)

struct expression_scope profile_scope(const struct reading *r, const char *prefix, bool arguments)
{
    return (struct expression_scope){
        .points = r->profile->points,
        .count = r->profile->point_count,
        .prefix = prefix,
        .arguments = arguments,
    };
}

static struct expression *compile(struct reading *r, const struct yaml_node *node,
                                  const struct expression_scope *scope)
{
    struct expression_error error;
    struct expression *e = NULL;
    int err = expression_compile(node->text, scope, &error, &e);
    if (err == -ENOMEM)
        r->no_memory = true;
    else if (err < 0)
        COMPLAIN(r, node, "column %d: %s", error.column, error.text);
    return e;
}

struct expression *profile_read_expression(struct reading *r, const struct yaml_node *node,
                                           const struct expression_scope *scope)
{
    if (node->kind == YAML_SCALAR)
        return compile(r, node, scope);
    COMPLAIN(
        r, node,
        "expected an expression, such as state == 3 (quote it if it holds : or # or starts with [ or \")");
    return NULL;
}

struct expression *profile_read_condition(struct reading *r, const struct yaml_node *node,
                                          const struct expression_scope *scope)
{
    AUTO(expression) *e = profile_read_expression(r, node, scope);
    if (!e)
        return NULL;
    if (expression_type(e) != EXPRESSION_TRUTH && expression_type(e) != EXPRESSION_FLAG) {
        bool is_text = expression_type(e) == EXPRESSION_TEXT;
        COMPLAIN(r, node, "this is a %s, expected a condition, such as %.40s == %s",
                 is_text ? "text" : "number", node->text, is_text ? "\"\"" : "1");
        return NULL;
    }
    return STEAL(e);
}

void profile_check_polled(struct reading *r, const struct yaml_node *node, const struct expression *e)
{
    int index = 0;
    for (size_t n = 0; (index = expression_point(e, n)) >= 0; n++) {
        const struct point *p = &r->profile->points[index];
        if (p->access & ACCESS_R && p->every_ms == 0 && !r->protocol->tells_itself)
            COMPLAIN(r, node, "%s is never read (every: never); give it an interval, such as every: 2s",
                     p->name);
    }
}

/* ---- steps ---- */

void profile_free_steps(struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        expression_free(steps->list[i].value);
    free(steps->list);
    *steps = (struct steps){ 0 };
}

/* Takes the step's expression in any case. */
static void add_step(struct reading *r, const struct yaml_node *node, struct steps *steps, struct step step)
{
    struct step *list = NULL;
    if (steps->count == MAX_STEPS)
        COMPLAIN(r, node, "too many steps; at most %d", MAX_STEPS);
    else if (!(list = reallocarray(steps->list, steps->count + 1, sizeof(*list))))
        r->no_memory = true;
    if (!list) {
        expression_free(step.value);
        return;
    }
    steps->list = list;
    list[steps->count++] = step;
}

static bool fits_type(struct reading *r, const struct yaml_node *node, const struct point *p,
                      const struct expression *e)
{
    bool unit_known = false;
    const char *unit = expression_unit(e, &unit_known);
    if (point_is_text(p) != (expression_type(e) == EXPRESSION_TEXT)) {
        COMPLAIN(r, node,
                 point_is_text(p) ? "%s holds a text; expected one, such as \"\""
                                  : "%s holds a number; expected one",
                 p->name);
        return false;
    }
    if (unit_known && *unit && p->unit[0] && strcmp(unit, p->unit) != 0) {
        COMPLAIN(r, node, "%s is in %s, but the value is in %s", p->name, p->unit, unit);
        return false;
    }
    return true;
}

static void check_constant(struct reading *r, const struct yaml_node *node, const struct point *p,
                           const struct expression *e)
{
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    struct expression_value v = expression_eval(e, NULL, NULL);
    if (!v.known)
        COMPLAIN(r, node, "the value is no number");
    else if (!point_is_text(p))
        (void)profile_check_constant(r, node, p, v.number);
    else if (value_encode_text(p, v.text, raw, &len) < 0)
        COMPLAIN(r, node, "\"%.40s\" does not fit into %s (%u bytes)", v.text, p->name, p->raw_size);
}

static void read_set(struct reading *r, const struct yaml_node *node, const struct expression_scope *scope,
                     struct steps *steps)
{
    int index = expression_find_point(scope, node->key);
    if (index < 0) {
        const char *names[PROFILE_MAX_POINTS + 1];
        size_t count = 0;
        for (; count < scope->count; count++)
            names[count] = scope->points[count].name;
        names[count] = NULL;
        const char *near = nearest_name(node->key, names);
        COMPLAIN(r, node, "there is no such point%s%s%s", near ? "; did you mean " : "", near ? near : "",
                 near ? "?" : "");
        return;
    }
    const struct point *p = &scope->points[index];
    if (!(p->access & ACCESS_W)) {
        COMPLAIN(r, node, "%s is read-only; give it access: w or access: rw", p->name);
        return;
    }
    AUTO(expression) *e = NULL;
    if (point_is_text(p) && node->kind == YAML_SCALAR && node->quoted) {
        e = expression_of_text(node->text);
        r->no_memory = r->no_memory || !e;
    } else {
        e = profile_read_expression(r, node, scope);
    }
    if (!e || !fits_type(r, node, p, e))
        return;
    if (expression_is_constant(e))
        check_constant(r, node, p, e);
    add_step(r, node, steps,
             (struct step){ .kind = STEP_SET, .point = p, .value = STEAL(e), .line = node->line });
}

static void read_until(struct reading *r, const struct yaml_node *map, const struct expression_scope *scope,
                       struct steps *steps)
{
    const struct yaml_node *until = yaml_get(map, "until"), *within = yaml_get(map, "within");
    if (!until && within)
        COMPLAIN(r, within, "belongs to until, which is missing");
    if (until && !within)
        COMPLAIN(r, until, "needs within, the time after which the command has failed, such as within: 10s");
    if (!until || !within)
        return;
    AUTO(expression) *e = profile_read_condition(r, until, scope);
    int64_t time_ms = read_ms(r, map, "within", 0, MIN_WITHIN_MS, MAX_WITHIN_MS);
    if (e && expression_is_constant(e))
        COMPLAIN(r, until, "names no point, so it says nothing about the device");
    if (e)
        add_step(
            r, until, steps,
            (struct step){ .kind = STEP_UNTIL, .value = STEAL(e), .time_ms = time_ms, .line = until->line });
}

void profile_read_sets(struct reading *r, const struct yaml_node *map, const struct expression_scope *scope,
                       struct steps *ret)
{
    if (map->kind != YAML_MAP || map->count == 0)
        COMPLAIN(r, map, "expected a map of points and their values, such as { enable: 1 }");
    else
        for (const struct yaml_node *n = map->children; n; n = n->next)
            read_set(r, n, scope, ret);
}

static void read_step(struct reading *r, const struct yaml_node *map, const struct expression_scope *scope,
                      struct steps *steps)
{
    const struct yaml_node *set = yaml_get(map, "set"), *wait = yaml_get(map, "wait");
    if (set)
        profile_read_sets(r, set, scope, steps);
    if (wait)
        add_step(r, wait, steps,
                 (struct step){ .kind = STEP_WAIT,
                                .time_ms = read_ms(r, map, "wait", 0, 1, MAX_WITHIN_MS),
                                .line = wait->line });
    read_until(r, map, scope, steps);
}

void profile_read_steps(struct reading *r, const struct yaml_node *node, const struct expression_scope *scope,
                        struct steps *ret)
{
    static const char *const keys[] = { "set", "wait", "until", "within", NULL };
    size_t total = r->problems->total;
    if (node->kind == YAML_MAP)
        read_step(r, node, scope, ret);
    else if (node->kind == YAML_SCALAR)
        COMPLAIN(r, node,
                 "expected steps, such as [ { set: { enable: 1 } }, { until: state == 3, within: 10s } ]");
    else
        for (const struct yaml_node *n = node->children; n; n = n->next) {
            yaml_check_keys(r->yaml, n, keys, r->problems);
            read_step(r, n, scope, ret);
        }
    if (ret->count == 0 && r->problems->total == total)
        COMPLAIN(r, node, "has no step; expected set, wait or until");
}
