/* One EVSE of a profile: its connectors, signals and commands. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "charger/coverage.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

#define DEFAULT_MIN_A     6.0 /* IEC 61851-1: the least a control pilot can offer */
#define DEFAULT_STEP_A    1.0
#define DEFAULT_VOLTAGE_V 230.0
#define MAX_CONNECTORS    8

const char *const profile_evse_keys[] = { "count",      "address_offset", "unit_offset", "points",
                                          "connectors", "signals",        "commands",    "setup",
                                          "keepalive",  "notes",          "variables",   NULL };

/* ConnectorEnumType */
static const char *const connector_types[] = {
    "cCCS1",       "cCCS2",       "cG105",          "cTesla",          "cType1",   "cType2",
    "s309-1P-16A", "s309-1P-32A", "s309-3P-16A",    "s309-3P-32A",     "sBS1361",  "sCEE-7-7",
    "sType2",      "sType3",      "Other1PhMax16A", "Other1PhOver16A", "Other3Ph", "Pan",
    "wInductive",  "wResonant",   "Undetermined",   "Unknown",         NULL
};

/* IdTokenEnumType */
static const char *const token_types[] = { "Central", "eMAID",      "ISO14443",        "ISO15693", "KeyCode",
                                           "Local",   "MacAddress", "NoAuthorization", NULL };

static const char *measure_unit(enum evse_measure m)
{
    static const char *const units[MEASURES] = {
        [MEASURE_ENERGY_IMPORT] = "Wh",
        [MEASURE_ENERGY_EXPORT] = "Wh",
        [MEASURE_POWER_IMPORT] = "W",
        [MEASURE_POWER_IMPORT_L1] = "W",
        [MEASURE_POWER_IMPORT_L2] = "W",
        [MEASURE_POWER_IMPORT_L3] = "W",
        [MEASURE_POWER_EXPORT] = "W",
        [MEASURE_POWER_OFFERED] = "W",
        [MEASURE_POWER_FACTOR] = "",
        [MEASURE_CURRENT_IMPORT] = "A",
        [MEASURE_CURRENT_IMPORT_L1] = "A",
        [MEASURE_CURRENT_IMPORT_L2] = "A",
        [MEASURE_CURRENT_IMPORT_L3] = "A",
        [MEASURE_CURRENT_OFFERED] = "A",
        [MEASURE_VOLTAGE] = "V",
        [MEASURE_VOLTAGE_L1] = "V",
        [MEASURE_VOLTAGE_L2] = "V",
        [MEASURE_VOLTAGE_L3] = "V",
        [MEASURE_FREQUENCY] = "Hz",
        [MEASURE_TEMPERATURE] = "Celsius",
        [MEASURE_SOC] = "%",
        [MEASURE_CABLE_MAX_CURRENT] = "A",
    };
    return units[m];
}

/* ---- connectors ---- */

static void read_connector(struct reading *r, const struct yaml_node *node, struct evse_abilities *a)
{
    static const char *const keys[] = { "type", "phases", "max_current", "voltage", NULL };
    const struct yaml_node *type = yaml_get(node, "type");
    int index = 0;
    yaml_check_keys(r->yaml, node, keys, r->problems);
    if (node->kind != YAML_MAP)
        return;
    if (!type)
        COMPLAIN(r, node, "type is missing; expected such as type: sType2 (socket) or cType2 (fixed cable)");
    else if (yaml_to_enum(r->yaml, type, connector_types, r->problems, &index) == 0)
        (void)str_copy(a->connector_type, sizeof(a->connector_type), connector_types[index]);
    a->phases = (int)read_int(r, node, "phases", 3, 1, 3);
    if (a->phases == 2)
        COMPLAIN(r, yaml_get(node, "phases"), "expected 1 or 3");
    if (!yaml_get(node, "max_current"))
        COMPLAIN(r, node, "max_current is missing: what cable and contactor bear, such as max_current: 32");
    a->max_current_A = read_double(r, node, "max_current", 0, 1, MAX_CURRENT_A);
    a->voltage_V = read_double(r, node, "voltage", DEFAULT_VOLTAGE_V, 50, 1000);
}

/* What holds for the EVSE is what the first connector says. */
static void read_connectors(struct reading *r, const struct yaml_node *evse, struct evse_abilities *a)
{
    const struct yaml_node *list = yaml_get(evse, "connectors");
    struct evse_abilities other;
    if (!list || list->kind != YAML_LIST || list->count < 1 || list->count > MAX_CONNECTORS) {
        COMPLAIN(r, list ? list : evse,
                 "%sexpected 1 to %d connectors, such as connectors: [ { type: sType2, phases: 3, "
                 "max_current: 32 } ]",
                 list ? "" : "connectors is missing; ", MAX_CONNECTORS);
        return;
    }
    a->connectors = (int)list->count;
    for (const struct yaml_node *n = list->children; n; n = n->next)
        read_connector(r, n, n == list->children ? a : &other);
}

/* ---- signals ---- */

static const struct yaml_node *state_pair(struct reading *r, const struct yaml_node *node, int *ret_state)
{
    char names[160] = "";
    for (int i = 0; i < EVSE_STATES; i++)
        (void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? ", " : "",
                       evse_state_names[i]);
    const struct yaml_node *pair = node->kind == YAML_MAP && node->count == 1 ? node->children : NULL;
    if (!pair || pair->kind != YAML_SCALAR) {
        COMPLAIN(r, node, "expected one state and its condition, such as - charging: state == 3");
        return NULL;
    }
    const char *list[EVSE_STATES + 1] = { NULL };
    for (int i = 0; i < EVSE_STATES; i++) {
        list[i] = evse_state_names[i];
        if (str_equal(pair->key, evse_state_names[i])) {
            *ret_state = i;
            return pair;
        }
    }
    const char *near = nearest_name(pair->key, list);
    COMPLAIN(r, pair, "there is no such state%s%s%s one of: %s", near ? "; did you mean " : "; expected",
             near ? near : "", near ? "? Expected" : "", names);
    return NULL;
}

static void judge_rule(struct reading *r, const struct yaml_node *node, struct coverage *coverage,
                       const struct profile_evse *evse, const struct expression *when)
{
    for (size_t i = 0; i < evse->state_count; i++)
        if (evse->states[i].when && expression_is_same(evse->states[i].when, when)) {
            COMPLAIN(r, node, "is never reached: line %d has the same condition", evse->states[i].line);
            return;
        }
    if (expression_is_constant(when)) {
        COMPLAIN(r, node, "names no point; for all that is left write otherwise");
        return;
    }
    enum coverage_verdict verdict = coverage_add(coverage, when);
    if (verdict == COVERAGE_NEVER)
        COMPLAIN(r, node, "is never reached: no value of the point fulfils the condition");
    else if (verdict == COVERAGE_CAUGHT)
        COMPLAIN(r, node, "is never reached: the rules before it match first in all its cases");
}

static void read_state_rule(struct reading *r, const struct yaml_node *node,
                            const struct expression_scope *scope, struct coverage *coverage,
                            struct profile_evse *evse)
{
    int state = 0;
    const struct yaml_node *pair = state_pair(r, node, &state);
    if (!pair)
        return;
    struct state_rule *rule = &evse->states[evse->state_count];
    *rule = (struct state_rule){ .state = (enum evse_state)state, .line = pair->line };
    if (evse->state_count > 0 && !rule[-1].when)
        COMPLAIN(r, pair, "is never reached: otherwise stands before it");
    if (coverage_is_total(coverage))
        COMPLAIN(r, pair, "is never reached: the rules before it cover every case");
    if (!str_equal(pair->text, "otherwise")) {
        rule->when = profile_read_condition(r, pair, scope);
        if (!rule->when)
            return;
        judge_rule(r, pair, coverage, evse, rule->when);
        profile_check_polled(r, pair, rule->when);
    }
    evse->state_count++;
}

static void read_state(struct reading *r, const struct yaml_node *signals,
                       const struct expression_scope *scope, struct profile_evse *evse)
{
    const struct yaml_node *list = yaml_get(signals, "state");
    struct coverage coverage;
    size_t total = r->problems->total;
    if (!list || list->kind != YAML_LIST || list->count == 0 || list->count > MAX_RULES) {
        COMPLAIN(r, list ? list : signals,
                 "%sexpected a list of 1 to %d rules, such as [ { charging: state == 3 }, { "
                 "available: otherwise } ], or a line each that begins with -",
                 list ? "" : "state is missing; ", MAX_RULES);
        return;
    }
    evse->states = calloc(list->count, sizeof(*evse->states));
    if (!evse->states) {
        r->no_memory = true;
        return;
    }
    coverage_init(&coverage, scope->points);
    for (const struct yaml_node *n = list->children; n; n = n->next)
        read_state_rule(r, n, scope, &coverage, evse);
    for (size_t i = 0; i < evse->state_count; i++)
        evse->abilities.can_fault = evse->abilities.can_fault || evse->states[i].state == EVSE_FAULTED;
    bool total_by_rules =
        evse->state_count && (!evse->states[evse->state_count - 1].when || coverage_is_total(&coverage));
    if (!total_by_rules && r->problems->total == total)
        COMPLAIN(r, list, "not every case is covered; end with such as - unavailable: otherwise");
}

static void check_measure(struct reading *r, const struct yaml_node *node, enum evse_measure m,
                          const struct expression *e)
{
    bool known = false;
    const char *unit = expression_unit(e, &known), *wanted = measure_unit(m);
    int index = expression_plain_point(e);
    const struct unit *u = unit_find(unit);
    if (expression_type(e) != EXPRESSION_NUMBER) {
        COMPLAIN(r, node, "this is no quantity; expected a number%s%s", *wanted ? " in " : "", wanted);
        return;
    }
    if (!known || str_equal(unit, wanted))
        return;
    if (u && str_equal(u->base, wanted) && index >= 0)
        COMPLAIN(r, node, "%s is in %s, but %s is in %s; at the point use scale: %g, unit: %s",
                 r->profile->points[index].name, unit, evse_measure_names[m], wanted,
                 r->profile->points[index].scale * u->factor, wanted);
    else if (!*unit)
        COMPLAIN(r, node, "the point has no unit; say unit: %s at it, with the scale that makes it so",
                 wanted);
    else
        COMPLAIN(r, node, "is in %s, but %s is %s%s", unit, evse_measure_names[m],
                 *wanted ? "in " : "a plain number", wanted);
}

static struct expression *read_signal(struct reading *r, const struct yaml_node *node,
                                      const struct expression_scope *scope)
{
    struct expression *e = profile_read_expression(r, node, scope);
    if (e)
        profile_check_polled(r, node, e);
    return e;
}

static void read_measures(struct reading *r, const struct yaml_node *signals,
                          const struct expression_scope *scope, struct profile_evse *evse)
{
    for (int m = 0; m < MEASURES; m++) {
        const struct yaml_node *node = yaml_get(signals, evse_measure_names[m]);
        if (!node || !(evse->measures[m] = read_signal(r, node, scope)))
            continue;
        check_measure(r, node, (enum evse_measure)m, evse->measures[m]);
        evse->abilities.measures |= 1u << m;
    }
}

static void read_token_steps(struct reading *r, const struct yaml_node *node,
                             const struct expression_scope *scope, struct steps *ret)
{
    if (node && (node->kind == YAML_LIST || yaml_get(node, "set")))
        profile_read_steps(r, node, scope, ret);
    else if (node) /* { tag: "" } is short for { set: { tag: "" } } */
        profile_read_sets(r, node, scope, ret);
}

static void read_id_token(struct reading *r, const struct yaml_node *signals,
                          const struct expression_scope *scope, struct profile_evse *evse)
{
    static const char *const keys[] = { "value", "type", "when", "acknowledge", "accepted", "refused", NULL };
    const struct yaml_node *node = yaml_get(signals, "id_token");
    if (!node)
        return;
    yaml_check_keys(r->yaml, node, keys, r->problems);
    if (node->kind != YAML_MAP)
        return;
    const struct yaml_node *value = yaml_get(node, "value"), *when = yaml_get(node, "when"),
                           *type = yaml_get(node, "type"), *acknowledge = yaml_get(node, "acknowledge");
    int index = 0;
    if (!value || !type) {
        COMPLAIN(r, node, "%s is missing; expected such as { value: tag, type: ISO14443, when: tag != \"\" }",
                 value ? "type" : "value");
        return;
    }
    if (yaml_to_enum(r->yaml, type, token_types, r->problems, &index) == 0)
        (void)str_copy(evse->abilities.id_token_type, sizeof(evse->abilities.id_token_type),
                       token_types[index]);
    evse->id_token = read_signal(r, value, scope);
    if (evse->id_token && expression_type(evse->id_token) == EXPRESSION_TRUTH)
        COMPLAIN(r, value, "this is a condition; expected the token itself");
    else if (evse->id_token && expression_type(evse->id_token) != EXPRESSION_TEXT && !when)
        COMPLAIN(r, node,
                 "when is missing: when does the number mean that a card is there, such as when: %.30s != 0",
                 value->text);
    if (when && (evse->id_token_when = profile_read_condition(r, when, scope)))
        profile_check_polled(r, when, evse->id_token_when);
    read_token_steps(r, acknowledge, scope, &evse->id_token_acknowledge);
    read_token_steps(r, yaml_get(node, "refused"), scope, &evse->id_token_answers[0]);
    read_token_steps(r, yaml_get(node, "accepted"), scope, &evse->id_token_answers[1]);
    evse->abilities.reads_id_token = true;
}

static void check_signal_keys(struct reading *r, const struct yaml_node *signals)
{
    const char *keys[MEASURES + 7] = { "state", "id_token", "locked", "lock_failed", "occupied", "fault" };
    for (int m = 0; m < MEASURES; m++)
        keys[6 + m] = evse_measure_names[m];
    yaml_check_keys(r->yaml, signals, keys, r->problems);
}

/* A condition that may be left out. */
static struct expression *read_truth(struct reading *r, const struct yaml_node *signals, const char *key,
                                     const struct expression_scope *scope)
{
    const struct yaml_node *node = yaml_get(signals, key);
    struct expression *e = node ? profile_read_condition(r, node, scope) : NULL;
    if (e)
        profile_check_polled(r, node, e);
    return e;
}

static void read_signals(struct reading *r, const struct yaml_node *evse_node,
                         const struct expression_scope *scope, struct profile_evse *evse)
{
    const struct yaml_node *signals = yaml_get(evse_node, "signals");
    if (!signals || signals->kind != YAML_MAP) {
        COMPLAIN(r, signals ? signals : evse_node, "%sexpected a map with at least state",
                 signals ? "" : "signals is missing; ");
        return;
    }
    check_signal_keys(r, signals);
    read_state(r, signals, scope, evse);
    read_measures(r, signals, scope, evse);
    read_id_token(r, signals, scope, evse);
    evse->locked = read_truth(r, signals, "locked", scope);
    evse->lock_failed = read_truth(r, signals, "lock_failed", scope);
    evse->occupied = read_truth(r, signals, "occupied", scope);
    const struct yaml_node *fault = yaml_get(signals, "fault");
    if (fault && (evse->fault = read_signal(r, fault, scope)) &&
        expression_type(evse->fault) == EXPRESSION_TRUTH)
        COMPLAIN(r, fault, "this is a condition; expected the device's code of the fault, a number or text");
    evse->abilities.lock_state = evse->locked != NULL;
    evse->abilities.parking_bay = evse->occupied != NULL;
    evse->abilities.lock_failure = evse->lock_failed != NULL;
}

/* ---- commands ---- */

static bool is_set(const struct step *step)
{
    return step->kind == STEP_SET;
}

static bool is_limit_step(const struct step *step)
{
    return step->kind == STEP_SET && (expression_uses_argument(step->value, ARGUMENT_LIMIT_A) ||
                                      expression_uses_argument(step->value, ARGUMENT_LIMIT_W));
}

/* Can the point take this limit? Only asked where the value hangs on nothing but the limit. */
static bool check_limit_value(struct reading *r, const struct yaml_node *node, const struct step *step,
                              const struct evse_abilities *a, double limit_A)
{
    double phases = a->phases;
    struct expression_arguments arguments = { .number = { [ARGUMENT_LIMIT_A] = limit_A,
                                                          [ARGUMENT_LIMIT_W] =
                                                              limit_A * phases * a->voltage_V,
                                                          [ARGUMENT_PHASES] = phases,
                                                          [ARGUMENT_PRIORITY] = NAN } };
    struct expression_value v = expression_eval(step->value, NULL, &arguments);
    return !v.known || profile_check_number(r, node, step->point, v.number);
}

/* What rests is left out in silence: a stop or a limit must not be. */
static void check_no_rest(struct reading *r, const struct yaml_node *node, const struct steps *steps,
                          bool (*is_meant)(const struct step *step))
{
    for (size_t i = 0; i < steps->count; i++)
        if (is_meant(&steps->list[i]) && steps->list[i].point->rest_ms > 0)
            COMPLAIN(r, node,
                     "%s has a rest, in which it is not written; nothing may keep this from the device",
                     steps->list[i].point->name);
}

static void check_limit_steps(struct reading *r, const struct yaml_node *node, const struct command *c,
                              const struct evse_abilities *a)
{
    bool any = false;
    for (size_t i = 0; i < c->steps.count; i++) {
        const struct step *step = &c->steps.list[i];
        if (!is_limit_step(step))
            continue;
        any = true;
        if (expression_point(step->value, 0) >= 0)
            continue;
        bool fits = check_limit_value(r, node, step, a, c->max_A);
        fits = fits && check_limit_value(r, node, step, a, c->below_min == BELOW_MIN_ZERO ? 0 : c->min_A);
        double steps = c->step_A / step->point->scale;
        bool plain = step->point->unit[0] == 'A' && step->point->type != POINT_F32 &&
                     step->point->type != POINT_F64 && step->point->scale_point < 0;
        if (fits && plain && fabs(steps - round(steps)) > 1e-6)
            COMPLAIN(r, node, "step %g A cannot be told to %s, whose scale is %g A", c->step_A,
                     step->point->name, step->point->scale);
    }
    if (!any)
        COMPLAIN(r, node, "sets nothing to limit_A (ampere per phase) or limit_W");
}

static void read_below_min(struct reading *r, const struct yaml_node *node, struct profile_evse *evse)
{
    static const char *const names[] = { "pause", "clamp", "zero", NULL };
    struct command *c = &evse->commands[EVSE_LIMIT];
    const struct yaml_node *below = yaml_get(node, "below_min");
    bool can_pause = evse->commands[EVSE_START].offered && evse->commands[EVSE_STOP].offered;
    int index = BELOW_MIN_PAUSE;
    if (below && yaml_to_enum(r->yaml, below, names, r->problems, &index) < 0)
        return;
    c->below_min = (enum below_min)index;
    if (index == BELOW_MIN_PAUSE && !can_pause)
        COMPLAIN(r, below ? below : node,
                 "%sa pause needs the commands start and stop; where the device pauses at a limit of 0 say "
                 "below_min: zero",
                 below ? "" : "below_min is missing; ");
    evse->abilities.supports_pause = c->below_min != BELOW_MIN_CLAMP;
}

/* Does it tell the device how many phases to use? */
static void read_switch_phases(struct reading *r, const struct yaml_node *node, const struct command *c,
                               struct evse_abilities *a)
{
    const struct yaml_node *given = yaml_get(node, "switch_phases");
    bool is_told = false;
    if (!given || yaml_to_bool(r->yaml, given, r->problems, &a->switches_phases) < 0 || !a->switches_phases)
        return;
    for (size_t i = 0; i < c->steps.count; i++)
        is_told |= c->steps.list[i].kind == STEP_SET &&
                   expression_uses_argument(c->steps.list[i].value, ARGUMENT_PHASES);
    if (!is_told)
        COMPLAIN(r, given, "no step sets anything to phases (1 or 3)");
    if (a->phases != 3)
        COMPLAIN(r, given, "a connector of %d phase%s has none to switch", a->phases,
                 a->phases == 1 ? "" : "s");
}

static const struct point *set_by(const struct steps *steps, const struct step *like)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->list[i].kind == STEP_SET && steps->list[i].point == like->point)
            return like->point;
    return NULL;
}

static bool sets_only_limit(const struct steps *steps)
{
    bool any = false;
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->list[i].kind == STEP_SET && !is_limit_step(&steps->list[i]))
            return false;
        any = any || is_limit_step(&steps->list[i]);
    }
    return any;
}

/* Would a limit alone start the device? Where stop takes the limit away, or start gives nothing else, it would: then it must be said. */
static void read_starts(struct reading *r, const struct yaml_node *node, struct profile_evse *evse)
{
    const struct yaml_node *given = yaml_get(node, "starts");
    struct command *c = &evse->commands[EVSE_LIMIT];
    const struct steps *start = &evse->commands[EVSE_START].steps, *stop = &evse->commands[EVSE_STOP].steps;
    const struct point *shared = NULL;
    bool is_told = false;
    if (given && yaml_to_bool(r->yaml, given, r->problems, &c->starts) < 0)
        return;
    for (size_t i = 0; i < start->count; i++)
        is_told = is_told || is_limit_step(&start->list[i]);
    for (size_t i = 0; i < c->steps.count && !shared; i++)
        if (is_limit_step(&c->steps.list[i]))
            shared = set_by(stop, &c->steps.list[i]);
    if (c->starts && !is_told)
        COMPLAIN(r, given,
                 "a device that a limit starts needs a start that sets something to limit_A or limit_W, and "
                 "a stop");
    else if (!c->starts && (shared || sets_only_limit(start)))
        COMPLAIN(r, given ? given : node,
                 "a limit alone would start the device, since %s%s; say starts: true, and it is told only "
                 "while the device is to charge",
                 shared ? "stop and limit set the same point " : "start sets nothing but the limit",
                 shared ? shared->name : "");
}

static void read_limit(struct reading *r, const struct yaml_node *node, const struct expression_scope *scope,
                       struct profile_evse *evse)
{
    static const char *const keys[] = { "set", "wait", "until",     "within",        "steps",  "min",
                                        "max", "step", "below_min", "switch_phases", "starts", NULL };
    struct command *c = &evse->commands[EVSE_LIMIT];
    struct evse_abilities *a = &evse->abilities;
    if (node->kind != YAML_MAP) {
        COMPLAIN(r, node,
                 "expected a map, such as { set: { max_current: limit_A }, min: 6 }; a list of steps "
                 "stands under steps");
        return;
    }
    yaml_check_keys(r->yaml, node, keys, r->problems);
    const struct yaml_node *steps = yaml_get(node, "steps");
    if (steps && (yaml_get(node, "set") || yaml_get(node, "wait") || yaml_get(node, "until")))
        COMPLAIN(r, steps, "stands beside set, wait or until; write all of it into steps");
    profile_read_steps(r, steps ? steps : node, scope, &c->steps);
    c->min_A = read_double(r, node, "min", DEFAULT_MIN_A, 0, MAX_CURRENT_A);
    c->max_A = read_double(r, node, "max", a->max_current_A, 0, MAX_CURRENT_A);
    c->step_A = read_double(r, node, "step", DEFAULT_STEP_A, 0, MAX_CURRENT_A);
    if (c->max_A > a->max_current_A)
        c->max_A = a->max_current_A;
    if (c->min_A > c->max_A && a->max_current_A > 0) /* else that was said */
        COMPLAIN(r, node, "min %g A is above the maximum of %g A", c->min_A, c->max_A);
    if (c->min_A == 0 && yaml_get(node, "below_min"))
        COMPLAIN(r, yaml_get(node, "below_min"), "nothing is below a min of 0");
    c->below_min = BELOW_MIN_ZERO;
    if (c->min_A > 0)
        read_below_min(r, node, evse);
    else
        a->supports_pause = true;
    if (c->steps.count)
        check_limit_steps(r, node, c, a);
    check_no_rest(r, node, &c->steps, is_limit_step);
    read_switch_phases(r, node, c, a);
    read_starts(r, node, evse);
    c->offered = true;
    a->limit = true;
    a->min_current_A = c->min_A;
    a->max_current_A = c->max_A;
}

static void read_commands(struct reading *r, const struct yaml_node *evse_node,
                          const struct expression_scope *scope, struct profile_evse *evse)
{
    static const char *const keys[] = { "start", "stop", "limit", "unlock", "reset", "display", NULL };
    const struct yaml_node *commands = yaml_get(evse_node, "commands");
    struct evse_abilities *a = &evse->abilities;
    if (!commands)
        return;
    yaml_check_keys(r->yaml, commands, keys, r->problems);
    for (int kind = 0; kind < EVSE_COMMANDS; kind++) {
        const struct yaml_node *node = yaml_get(commands, evse_command_names[kind]);
        if (!node || kind == EVSE_LIMIT)
            continue;
        static const char *const step_keys[] = { "set", "wait", "until", "within", NULL };
        if (node->kind == YAML_MAP)
            yaml_check_keys(r->yaml, node, step_keys, r->problems);
        profile_read_steps(r, node, scope, &evse->commands[kind].steps);
        evse->commands[kind].offered = true;
        if (kind == EVSE_STOP)
            check_no_rest(r, node, &evse->commands[kind].steps, is_set);
    }
    bool start = evse->commands[EVSE_START].offered, stop = evse->commands[EVSE_STOP].offered;
    if (start != stop)
        COMPLAIN(r, commands, "%s needs %s: what is begun must be ended, and the other way round",
                 start ? "start" : "stop", start ? "stop" : "start");
    a->start_stop = start && stop;
    a->unlock = evse->commands[EVSE_UNLOCK].offered;
    a->reset = evse->commands[EVSE_RESET].offered;
    const struct yaml_node *limit = yaml_get(commands, evse_command_names[EVSE_LIMIT]);
    if (limit)
        read_limit(r, limit, scope, evse);
    const struct yaml_node *display = yaml_get(commands, "display");
    if (display)
        profile_read_display(r, display, scope->prefix, evse);
}

void profile_read_evse(struct reading *r, const struct repetition *at, struct profile_evse *ret)
{
    struct expression_scope scope = profile_scope(r, at->prefix, false);
    read_connectors(r, at->node, &ret->abilities);
    read_signals(r, at->node, &scope, ret);
    scope.arguments = true;
    read_commands(r, at->node, &scope, ret);
}

void profile_free_evse(struct profile_evse *evse)
{
    for (size_t i = 0; i < evse->state_count; i++)
        expression_free(evse->states[i].when);
    free(evse->states);
    for (int m = 0; m < MEASURES; m++)
        expression_free(evse->measures[m]);
    expression_free(evse->locked);
    expression_free(evse->occupied);
    expression_free(evse->lock_failed);
    expression_free(evse->fault);
    expression_free(evse->id_token);
    expression_free(evse->id_token_when);
    profile_free_steps(&evse->id_token_acknowledge);
    profile_free_steps(&evse->id_token_answers[0]);
    profile_free_steps(&evse->id_token_answers[1]);
    profile_free_steps(&evse->display);
    for (int kind = 0; kind < EVSE_COMMANDS; kind++)
        profile_free_steps(&evse->commands[kind].steps);
}
