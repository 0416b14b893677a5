/* The variables of a profile: how they are written, what is wrong in them, and what a charger tells of them. */
#include "support/charger_bench.h"

#define HEAD                                                                                                 \
    "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\n"                                                 \
    "points:\n"                                                                                              \
    "  state: { at: input 0, type: u16, every: 1s }\n"                                                       \
    "  inlet: { at: input 1, type: i16, scale: 0.1, unit: Celsius, every: 2s }\n"                            \
    "  load: { at: input 2, type: u16, unit: \"%\" }\n"                                                      \
    "  faults: { at: input 3, type: bits }\n"                                                                \
    "  fault: { at: discrete 4 }\n"                                                                          \
    "  name: { at: input 10, type: string, words: 4 }\n"                                                     \
    "  switched: { at: input 20, type: u32, scale: 10 }\n"                                                   \
    "  order: { at: holding 5, type: u16, access: rw, every: never }\n"
#define EVSE                                                                                                 \
    "evses:\n"                                                                                               \
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"                                     \
    "    signals: { state: [ { charging: state == 3 }, { available: otherwise } ] }\n"
#define WHOLE HEAD EVSE

/* Refuses what the gateway has itself. */
static int check(const struct device_variable *v, bool is_of_evse, char *ret, size_t size)
{
    if (!is_of_evse || !str_equal(v->component, "EVSE"))
        return 0;
    (void)snprintf(ret, size, "EVSE is taken");
    return -EINVAL;
}

static const struct profile_source source = { .check_variable = check };

static int parse(const char *text, struct problems *problems, struct profile **ret)
{
    problems_init(problems);
    return profile_parse("p.yaml", text, strlen(text), &source, problems, ret);
}

static struct profile *good(const char *text)
{
    struct problems problems;
    struct profile *profile = NULL;
    int r = parse(text, &problems, &profile);
    for (size_t i = 0; i < problems.count; i++)
        print_message("%s\n", problems.list[i].text);
    problems_done(&problems);
    assert_int_equal(r, 0);
    return profile;
}

static void each_mistake_is_told_with_its_place_and_its_remedy(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        { WHOLE "variables: [ inlet ]\n", "p.yaml:17: variables: expected a map of at most 64 variables, "
                                          "such as { Controller.FaultWord: faults }" },
        { WHOLE "variables: { Inlet: inlet }\n",
          "p.yaml:17: variables.Inlet: expected component and variable of at most 50 characters a-z A-Z 0-9 "
          "- _ each, "
          "with their instances if there are several, such as Controller.Problem or "
          "TemperatureSensor[Inlet].Temperature" },
        { WHOLE "variables:\n  A B.C: inlet\n",
          "p.yaml:18: variables.A B.C: expected component and variable of at most 50 characters a-z A-Z 0-9 "
          "- _ each, "
          "with their instances if there are several, such as Controller.Problem or "
          "TemperatureSensor[Inlet].Temperature" },
        { WHOLE "variables:\n  A[].C: inlet\n",
          "p.yaml:18: variables.A[].C: expected component and variable of at most 50 characters a-z A-Z 0-9 "
          "- _ each, "
          "with their instances if there are several, such as Controller.Problem or "
          "TemperatureSensor[Inlet].Temperature" },
        { WHOLE "variables:\n  A.C[1]x: inlet\n",
          "p.yaml:18: variables.A.C[1]x: expected component and variable of at most 50 characters a-z A-Z "
          "0-9 - _ "
          "each, with their instances if there are several, such as Controller.Problem or "
          "TemperatureSensor[Inlet].Temperature" },
        { WHOLE "variables: { A.B: inlett }\n",
          "p.yaml:17: variables.A.B: column 1: \"inlett\" is no point; did you mean inlet?" },
        { WHOLE "variables: { A.B: order }\n", "p.yaml:17: variables.A.B: order is never read (every: "
                                               "never); give it an interval, such as every: 2s" },
        { WHOLE "variables: { A.B: { unit: Celsius } }\n",
          "p.yaml:17: variables.A.B: value is missing: the point or expression to be shown" },
        { WHOLE "variables: { A.B: { value: inlet, mx: 5 } }\n",
          "p.yaml:17: variables.A.B.mx: unknown key; did you mean \"max\"?" },
        { WHOLE "variables: { A.B: inlet, a.b: load }\n", "p.yaml:17: variables.a.b: stands here twice" },
        { WHOLE "    variables: { A.B: inlet }\nvariables: { A.B: load }\n",
          "p.yaml:17: evses[0].variables.A.B: stands here twice: an EVSE and its charger cannot have the "
          "same "
          "variable" },
        { WHOLE "    variables: { EVSE.Power: inlet }\n",
          "p.yaml:17: evses[0].variables.EVSE.Power: EVSE is taken" },
        { WHOLE "variables: { EVSE.Power: inlet }\n", "p.yaml:17: variables.EVSE.Power: EVSE is taken" },
        { WHOLE "variables: { A.B: { value: inlet, type: real } }\n",
          "p.yaml:17: variables.A.B.type: \"real\" is unknown; expected one of: decimal, integer, boolean, "
          "string" },
        { WHOLE "variables: { A.B: { value: inlet, type: boolean } }\n",
          "p.yaml:17: variables.A.B.type: the value is no boolean; boolean needs a condition" },
        { WHOLE "variables: { A.B: { value: inlet, type: string } }\n",
          "p.yaml:17: variables.A.B.type: the value is no string; string needs a text" },
        { WHOLE "variables: { A.B: { value: name, type: integer } }\n",
          "p.yaml:17: variables.A.B.type: the value is no integer; integer needs a number" },
        { WHOLE "variables: { A.B: { value: name, unit: V } }\n",
          "p.yaml:17: variables.A.B.unit: only a number has a unit" },
        { WHOLE "variables: { A.B: { value: inlet, unit: Fahrenheit } }\n",
          "p.yaml:17: variables.A.B.unit: the value is in Celsius" },
        { WHOLE "variables: { A.B: { value: state, unit: hundredweights-an-hour } }\n",
          "p.yaml:17: variables.A.B.unit: expected a unit of 1 to 16 characters, such as Celsius" },
        { WHOLE "variables: { A.B: { value: inlet, max: 100 } }\n",
          "p.yaml:17: variables.A.B.max: expected both min and max, the limits of what can be measured" },
        { WHOLE "variables: { A.B: { value: inlet, min: 5, max: 5 } }\n",
          "p.yaml:17: variables.A.B.max: expected more than min, which is 5" },
        { WHOLE "variables: { A.B: { value: fault, min: 5, max: 6 } }\n",
          "p.yaml:17: variables.A.B.min: only a number has limits; a string has a max, its length" },
        { WHOLE "variables: { A.B: { value: name, max: 2000 } }\n",
          "p.yaml:17: variables.A.B.max: \"2000\" is no whole number from 1 to 1000" },
        /* monitors */
        { WHOLE "variables: { A.B: { value: inlet, monitors: 5 } }\n",
          "p.yaml:17: variables.A.B.monitors: expected a list of at most 4 monitors" },
        { WHOLE "variables: { A.B: { value: inlet, monitors: [ { type: UpperThreshold, value: 80 } ] } }\n",
          "p.yaml:17: variables.A.B.monitors[0]: expected such as { type: UpperThreshold, value: 80, "
          "severity: 4 }" },
        { WHOLE
          "variables: { A.B: { value: inlet, monitors: [ { type: Uper, value: 80, severity: 4 } ] } }\n",
          "p.yaml:17: variables.A.B.monitors[0].type: \"Uper\" is unknown; expected one of: UpperThreshold, "
          "LowerThreshold, Delta, Periodic, PeriodicClockAligned" },
        { WHOLE
          "variables: { A.B: { value: inlet, monitors: [ { type: Delta, value: 8, severity: 10 } ] } }\n",
          "p.yaml:17: variables.A.B.monitors[0].severity: \"10\" is no whole number from 0 to 9" },
        { WHOLE
          "variables: { A.B: { value: inlet, monitors: [ { type: Delta, value: 0, severity: 4 } ] } }\n",
          "p.yaml:17: variables.A.B.monitors[0]: expected a difference above 0" },
        { WHOLE
          "variables: { A.B: { value: inlet, monitors: [ { type: Periodic, value: 0.5, severity: 4 } ] } }\n",
          "p.yaml:17: variables.A.B.monitors[0]: expected seconds, 1 to 86400" },
        { WHOLE "variables: { A.B: { value: fault, monitors: [ { type: LowerThreshold, value: 1, severity: 4 "
                "} ] } }\n",
          "p.yaml:17: variables.A.B.monitors[0]: only a number has a threshold; expected type: Delta, which "
          "tells "
          "each change" },
        { WHOLE "variables: { A.B: { value: inlet, min: 0, max: 99, monitors: [ { type: UpperThreshold, "
                "value: 100, "
                "severity: 4 } ] } }\n",
          "p.yaml:17: variables.A.B.monitors[0]: 100 is outside of min 0 and max 99" },
    };
    bool right = true;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct problems problems;
        struct profile *profile = NULL;
        int r = parse(rows[i].text, &problems, &profile);
        if (r != -EINVAL || problems.count != 1 || !str_equal(problems.list[0].text, rows[i].problem)) {
            right = false;
            print_message("expected: %s\n", rows[i].problem);
            for (size_t k = 0; k < problems.count; k++)
                print_message("     got: %s\n", problems.list[k].text);
        }
        problems_done(&problems);
        profile_free(profile);
    }
    assert_true(right);
}

static void more_than_64_are_too_many(void **state)
{
    struct buf text;
    (void)state;
    for (int count = 64; count <= 65; count++) {
        struct problems problems;
        struct profile *profile = NULL;
        buf_init(&text, 1 << 16);
        buf_printf(&text, "%svariables:\n", WHOLE);
        for (int i = 0; i < count; i++)
            buf_printf(&text, "  A.B%d: inlet\n", i);
        assert_int_equal(parse(buf_string(&text), &problems, &profile), count == 64 ? 0 : -EINVAL);
        problems_done(&problems);
        profile_free(profile);
        buf_done(&text);
    }
}

static void what_the_profile_leaves_out_follows_from_the_value(void **state)
{
    static const struct {
        const char *component, *instance, *variable, *variable_instance, *unit;
        enum device_variable_type type;
    } rows[] = {
        { "A", "In.1", "Temperature", "", "Celsius", DEVICE_DECIMAL },
        { "A", "", "Load", "", "Percent", DEVICE_INTEGER },
        { "B", "", "Word", "", "", DEVICE_INTEGER },
        { "B", "", "Fault", "", "", DEVICE_BOOLEAN },
        { "B", "", "Hot", "", "", DEVICE_BOOLEAN },
        { "B", "", "Name", "", "", DEVICE_STRING },
        { "B", "", "Count", "Switched", "", DEVICE_INTEGER },
        { "B", "", "Twice", "", "", DEVICE_DECIMAL },
        { "B", "", "Bit", "", "", DEVICE_INTEGER },
        { "B", "", "Pressure", "", "kPa", DEVICE_DECIMAL },
    };
    AUTO(profile) *p =
        good(WHOLE "variables:\n"
                   "  A[In.1].Temperature: { value: inlet, min: -40, max: 125, monitors: [ { type: "
                   "UpperThreshold, value: 80, severity: 4, hard_wired: true }, { type: Delta, value: 5.5, "
                   "severity: 8 } "
                   "] }\n"
                   "  A.Load: load\n"
                   "  B.Word: faults\n"
                   "  B.Fault: fault\n"
                   "  B.Hot: inlet > 80 or faults & 2\n"
                   "  B.Name: { value: name, max: 8 }\n"
                   "  B.Count[Switched]: switched\n"
                   "  B.Twice: inlet * 2\n"
                   "  B.Bit: { value: faults & 0x0F, type: integer }\n"
                   "  B.Pressure: { value: state * 0.25, unit: kPa }\n");
    (void)state;
    assert_int_equal(p->variable_count, ARRAY_SIZE(rows));
    assert_int_equal(p->own_variable_count, ARRAY_SIZE(rows));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct device_variable *v = &p->variables[i];
        assert_string_equal(v->component, rows[i].component);
        assert_string_equal(v->component_instance, rows[i].instance);
        assert_string_equal(v->variable, rows[i].variable);
        assert_string_equal(v->instance, rows[i].variable_instance);
        assert_string_equal(v->unit, rows[i].unit);
        assert_int_equal(v->type, rows[i].type);
    }
    assert_true(p->variables[0].min == -40 && p->variables[0].max == 125);
    assert_int_equal(p->variables[0].monitor_count, 2);
    assert_int_equal(p->variables[0].monitors[1].type, MONITOR_DELTA);
    assert_true(p->variables[0].monitors[0].is_hard_wired && !p->variables[0].monitors[1].is_hard_wired);
    assert_true(p->variables[0].monitors[1].value == 5.5);
    assert_int_equal(p->variables[0].monitors[1].severity, 8);
    assert_true(p->variables[5].max == 8);
}

#define TWO                                                                                                  \
    "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\n"                                                 \
    "points: { cabinet: { at: input 0, type: u16, unit: Celsius } }\n"                                       \
    "variables: { Cabinet.Temperature: cabinet }\n"                                                          \
    "evses:\n"                                                                                               \
    "  - count: 2\n"                                                                                         \
    "    address_offset: 100\n"                                                                              \
    "    points: { state: { at: input 10, type: u16 }, plug: { at: input 11, type: u16, unit: Celsius } }\n" \
    "    connectors: [ { type: sType2, max_current: 32 } ]\n"                                                \
    "    signals: { state: [ { charging: state == 3 }, { available: otherwise } ] }\n"                       \
    "    variables: { Plug.Temperature: plug, Plug.Problem: plug > 90 }\n"

static void each_evse_of_a_description_has_them(void **state)
{
    AUTO(profile) *p = good(TWO);
    (void)state;
    assert_int_equal(p->variable_count, 5);
    assert_int_equal(p->own_variable_count, 1);
    assert_ptr_equal(p->evses[0].abilities.variables, p->variables + 1);
    assert_ptr_equal(p->evses[1].abilities.variables, p->variables + 3);
    assert_int_equal(p->evses[1].abilities.variable_count, 2);
}

static char *find(void *ctx, const char *name)
{
    (void)name;
    return strdup(ctx);
}

static void a_profile_that_builds_on_another_changes_single_ones(void **state)
{
    static const char base[] = WHOLE "variables:\n  A.B: { value: inlet, min: -40, max: 125 }\n  A.C: load\n";
    static const char text[] =
        "profile: q\nextends: p\nvariables: { A.B: { max: 90 }, A.C: ~, A.D: fault }\n";
    const struct profile_source extended = { find, (void *)base, check };
    struct problems problems;
    AUTO(profile) *p = NULL;
    (void)state;
    problems_init(&problems);
    assert_int_equal(profile_parse("q.yaml", text, strlen(text), &extended, &problems, &p), 0);
    problems_done(&problems);
    assert_int_equal(p->variable_count, 2);
    assert_true(p->variables[0].max == 90 || p->variables[1].max == 90);
}

/* ---- what is told ---- */

static void on_variable(void *ctx, int evse, size_t index, const struct device_value *value)
{
    struct bench *b = ctx;
    if (!value)
        buf_printf(&b->said, "%d.%zu: none\n", evse, index);
    else if (value->text)
        buf_printf(&b->said, "%d.%zu: \"%s\"\n", evse, index, value->text);
    else
        buf_printf(&b->said, "%d.%zu: %.10g\n", evse, index, value->number);
}

static void use_told(struct bench *b, const char *text)
{
    static const struct charger_events told = { .on_signals = on_signals,
                                                .on_id_token = on_id_token,
                                                .on_variable = on_variable,
                                                .on_command_done = on_command_done };
    b->profile = good(text);
    b->charger = charger_new(&b->env, b->profile, &told, b);
    assert_non_null(b->charger);
    charger_set_device(b->charger, (struct device *)(void *)b, &ops);
}

static void a_change_is_told_once(void **state)
{
    struct bench *b = *state;
    use_told(b,
             WHOLE "variables: { A.Temperature: inlet, A.Name: name, A.Hot: inlet > 80, A.Word: faults }\n");
    online(b, true);
    forget(b);
    set(b, "inlet", 41.5);
    set_text(b, "name", "one");
    batch(b);
    expect(b, "0.0: 41.5\n0.1: \"one\"\n0.2: 0\n");
    batch(b);
    set(b, "inlet", 41.5);
    batch(b);
    expect(b, "");
    set(b, "inlet", 80.1);
    set_text(b, "name", "two");
    set(b, "faults", 0x8001);
    batch(b);
    expect(b, "0.0: 80.1\n0.1: \"two\"\n0.2: 1\n0.3: 32769\n");
}

static void a_silent_device_and_an_old_value_tell_of_none(void **state)
{
    struct bench *b = *state;
    use_told(b, WHOLE "variables: { A.Temperature: inlet, A.Name: name }\n");
    online(b, true);
    set(b, "inlet", 41.5);
    set_text(b, "name", "one");
    batch(b);
    forget(b);
    pass(b, 6001); /* the temperature is polled every 2 s */
    expect(b, "0.0: none\n");
    set(b, "inlet", 42);
    batch(b);
    expect(b, "0.0: 42\n");
    online(b, false);
    expect(b, "1 is unknown offline\n0.0: none\n0.1: none\n");
    online(b, true);
    set(b, "inlet", 42);
    batch(b);
    expect(b, "1 is unknown\n0.0: 42\n");
    charger_device_events.on_no_value(b->charger, profile_point(b->profile, "inlet"), -ERR_DEVICE_EXCEPTION);
    batch(b);
    expect(b, "0.0: none\n");
}

static void each_is_told_at_its_evse(void **state)
{
    struct bench *b = *state;
    use_told(b, TWO);
    online(b, true);
    forget(b);
    set(b, "cabinet", 30);
    set(b, "1.plug", 40);
    set(b, "2.plug", 91);
    batch(b);
    expect(b, "0.0: 30\n1.0: 40\n1.1: 0\n2.0: 91\n2.1: 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_told_with_its_place_and_its_remedy),
        cmocka_unit_test(more_than_64_are_too_many),
        cmocka_unit_test(what_the_profile_leaves_out_follows_from_the_value),
        cmocka_unit_test(each_evse_of_a_description_has_them),
        cmocka_unit_test(a_profile_that_builds_on_another_changes_single_ones),
        TEST(a_change_is_told_once),
        TEST(a_silent_device_and_an_old_value_tell_of_none),
        TEST(each_is_told_at_its_evse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
