/* What the devices bring into the device model: the points their profiles declare, and the health of the way to them. */
#include "tests/support/bench.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

static const struct device_variable of_evse[] = {
    { .component = "TemperatureSensor",
      .component_instance = "Inlet",
      .variable = "Temperature",
      .unit = "Celsius",
      .type = DEVICE_DECIMAL,
      .min = -40,
      .max = 120 },
    { .component = "Controller", .variable = "State", .type = DEVICE_STRING, .max = 20 },
    { .component = "Controller", .variable = "Problem", .type = DEVICE_BOOLEAN },
    { .component = "PowerContactor", .variable = "Count", .instance = "Closed", .type = DEVICE_INTEGER },
};

static const struct device_variable of_station[] = {
    { .component = "TemperatureSensor",
      .component_instance = "Inlet",
      .variable = "Temperature",
      .unit = "Celsius",
      .type = DEVICE_DECIMAL },
};

static int set_up(void **state)
{
    struct bench_options options = { .evse_count = 2,
                                     .abilities = bench_abilities(),
                                     .variables = of_station,
                                     .variable_count = ARRAY_SIZE(of_station) };
    options.abilities.variables = of_evse;
    options.abilities.variable_count = ARRAY_SIZE(of_evse);
    struct bench *b = bench_new(&options);
    bench_boot(b);
    *state = b;
    return 0;
}

/* `what`: members of component and of variable; `value` NULL: there is no such variable. */
static void expect_reading(struct bench *b, const char *component, const char *variable, const char *value)
{
    char request[400], expected[400];
    snprintf(request, sizeof(request), "{'getVariableData': [{'component': {%s}, 'variable': {%s}}]}",
             component, variable);
    if (value)
        snprintf(expected, sizeof(expected),
                 "{'getVariableResult': [{'attributeStatus': 'Accepted', 'attributeValue': '%s'}]}", value);
    else
        snprintf(expected, sizeof(expected),
                 "{'getVariableResult': [{'attributeStatus': 'UnknownComponent'}]}");
    bench_call(b, "GetVariables", request, expected);
}

#define INLET(evse) "'name': 'TemperatureSensor', 'instance': 'Inlet', 'evse': {'id': " #evse "}"

static void a_value_of_a_device_is_read_at_its_evse(void **state) /* B06.FR.02, B06.FR.13 */
{
    struct bench *b = *state;
    expect_reading(b, INLET(1), "'name': 'Temperature'", ""); /* nothing was read yet */
    bench_device_number(b, 1, 0, 41.25);
    bench_device_number(b, 2, 0, -3);
    bench_device_number(b, 0, 0, 19.999999999);
    expect_reading(b, INLET(1), "'name': 'Temperature'", "41.25");
    expect_reading(b, INLET(2), "'name': 'Temperature'", "-3");
    expect_reading(b, "'name': 'TemperatureSensor', 'instance': 'Inlet'", "'name': 'Temperature'", "20");
    expect_reading(b, "'name': 'TemperatureSensor', 'evse': {'id': 1}", "'name': 'Temperature'", NULL);
    expect_reading(b, "'name': 'TemperatureSensor', 'instance': 'Outlet', 'evse': {'id': 1}",
                   "'name': 'Temperature'", NULL);
}

static void each_type_has_its_notation(void **state)
{
    struct bench *b = *state;
    static const char controller[] = "'name': 'Controller', 'evse': {'id': 1}";
    static const char closed[] = "'name': 'Count', 'instance': 'Closed'";
    bench_device_number(b, 1, 2, 1);
    bench_device_number(b, 1, 3, 4294967295.0);
    expect_reading(b, controller, "'name': 'Problem'", "true");
    expect_reading(b, "'name': 'PowerContactor', 'evse': {'id': 1}", closed, "4294967295");
    bench_device_number(b, 1, 2, 0);
    bench_device_text(b, 1, 1, "ready");
    expect_reading(b, controller, "'name': 'Problem'", "false");
    expect_reading(b, controller, "'name': 'State'", "ready");
    bench_device_number(b, 1, 0, -0.0000001);
    expect_reading(b, INLET(1), "'name': 'Temperature'", "0");
    bench_device_number(b, 1, 0, 1e15);
    expect_reading(b, INLET(1), "'name': 'Temperature'", "1000000000000000");
}

static void what_cannot_be_read_any_more_has_no_value(void **state) /* B06.FR.13 */
{
    struct bench *b = *state;
    bench_device_number(b, 1, 0, 41);
    bench_device_text(b, 1, 1, "ready");
    bench_device_no_value(b, 1, 0);
    bench_device_no_value(b, 1, 1);
    expect_reading(b, INLET(1), "'name': 'Temperature'", "");
    expect_reading(b, "'name': 'Controller', 'evse': {'id': 1}", "'name': 'State'", "");
}

static void a_point_of_a_device_cannot_be_set(void **state) /* B05.FR.09 */
{
    struct bench *b = *state;
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {" INLET(
                   1) "}, 'variable': {'name': 'Temperature'}, 'attributeValue': '5'}]}",
               "{'setVariableResult': [{'attributeStatus': 'Rejected'}]}");
}

/* The entry of a report on this component and variable at an EVSE (0: the station), or NULL. */
static const json_t *find_item(const json_t *data, const char *component, const char *variable, int evse)
{
    size_t i;
    json_t *item;
    json_array_foreach(data, i, item)
    {
        const json_t *c = json_object_get(item, "component");
        if (str_equal(json_get_string(c, "name", ""), component) &&
            str_equal(json_get_string(json_object_get(item, "variable"), "name", ""), variable) &&
            json_get_int(json_object_get(c, "evse"), "id", 0) == evse)
            return item;
    }
    return NULL;
}

static void a_full_report_has_the_points_with_unit_and_limits(void **state) /* B07.FR.08, B08.FR.03 */
{
    struct bench *b = *state;
    AUTO(json_t) *data = json_array();
    bench_device_number(b, 2, 0, 41);
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    bool more = true;
    while (more) {
        const json_t *part = bench_expect(b, "NotifyReport", "{'requestId': 1}");
        json_array_extend(data, json_object_get(part, "reportData"));
        more = json_is_true(json_object_get(part, "tbc"));
    }
    const json_t *item = find_item(data, "TemperatureSensor", "Temperature", 2);
    assert_non_null(item);
    AUTO(json_t) *expected =
        json_pack("{s:{s:s, s:s, s:{s:i}}, s:[{s:s, s:s, s:b}], s:{s:s, s:s, s:f, s:f}}", "component", "name",
                  "TemperatureSensor", "instance", "Inlet", "evse", "id", 2, "variableAttribute", "value",
                  "41", "mutability", "ReadOnly", "constant", 0, "variableCharacteristics", "dataType",
                  "decimal", "unit", "Celsius", "minLimit", -40.0, "maxLimit", 120.0);
    assert_true(bench_contains(item, expected));
    item = find_item(data, "TemperatureSensor", "Temperature", 0); /* a row of its own: it has no limits */
    assert_non_null(item);
    assert_null(json_object_get(json_object_get(item, "variableCharacteristics"), "maxLimit"));
    assert_non_null(find_item(data, "PowerContactor", "Count", 1));
}

static void a_report_is_asked_for_by_instance_of_the_component(void **state) /* B08.FR.05, B08.FR.20 */
{
    struct bench *b = *state;
    bench_call(b, "GetReport",
               "{'requestId': 2, 'componentVariable': [{'component': {'name': 'TemperatureSensor', "
               "'instance': 'Inlet', 'evse': {'id': 1}}}]}",
               "{'status': 'Accepted'}");
    const json_t *part = bench_expect(b, "NotifyReport", "{'requestId': 2, 'tbc': false}");
    assert_int_equal(json_array_size(json_object_get(part, "reportData")), 1);
    bench_call(b, "GetReport",
               "{'requestId': 3, 'componentVariable': [{'component': {'name': 'TemperatureSensor', "
               "'instance': 'Outlet'}}]}",
               "{'status': 'EmptyResultSet'}");
}

static void a_problem_that_a_device_reports_is_in_the_summary(void **state) /* B07.FR.09, B08.FR.10 */
{
    struct bench *b = *state;
    bench_device_number(b, 2, 2, 1);
    bench_call(b, "GetReport", "{'requestId': 4, 'componentCriteria': ['Problem']}",
               "{'status': 'Accepted'}");
    const json_t *part = bench_expect(b, "NotifyReport", "{'requestId': 4}");
    const json_t *data = json_object_get(part, "reportData");
    assert_non_null(find_item(data, "Controller", "Problem", 2));
    assert_null(find_item(data, "Controller", "Problem", 1));
    assert_null(
        find_item(data, "TemperatureSensor", "Temperature", 2)); /* of a component without a problem */
}

#define DEVICE "'name': 'FieldDevice', 'evse': {'id': 2}"

static void the_way_to_the_device_is_seen_without_any_profile(void **state)
{
    struct bench *b = *state;
    expect_reading(b, DEVICE, "'name': 'Problem'", "false");
    expect_reading(b, DEVICE, "'name': 'AnswerAge'", "");
    bench_silent(b, 2);
    expect_reading(b, DEVICE, "'name': 'Problem'", "true");
    bench_signals(b, 2);
    bench_advance(b, 5000);
    b->health[1] = (struct device_health){ .requests = 100,
                                           .answers = 90,
                                           .timeouts = 7,
                                           .exceptions = 2,
                                           .bad_frames = 3,
                                           .losses = 1,
                                           .last_answer_ms = b->now_ms - 1500 };
    expect_reading(b, DEVICE, "'name': 'AnswerAge'", "1.5");
    expect_reading(b, DEVICE, "'name': 'Count', 'instance': 'Requests'", "100");
    expect_reading(b, DEVICE, "'name': 'Count', 'instance': 'Answers'", "90");
    expect_reading(b, DEVICE, "'name': 'Count', 'instance': 'Timeouts'", "7");
    expect_reading(b, DEVICE, "'name': 'Count', 'instance': 'Exceptions'", "2");
    expect_reading(b, DEVICE, "'name': 'Count', 'instance': 'BadFrames'", "3");
    expect_reading(b, DEVICE, "'name': 'Count', 'instance': 'Losses'", "1");
}

static void a_variable_of_the_gateway_s_own_is_refused(void **state)
{
    (void)state;
    char text[200];
    struct device_variable v = { .component = "EVSE", .variable = "power", .type = DEVICE_DECIMAL };
    assert_true(station_check_device_variable(&v, true, text, sizeof(text)) < 0);
    assert_string_equal(text, "EVSE.Power is the gateway's own; choose another component or instance");
    assert_int_equal(station_check_device_variable(&v, false, text, sizeof(text)), 0);
    (void)str_copy(v.instance, sizeof(v.instance), "Auxiliary");
    assert_int_equal(station_check_device_variable(&v, true, text, sizeof(text)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_value_of_a_device_is_read_at_its_evse, set_up, bench_teardown),
        cmocka_unit_test_setup_teardown(each_type_has_its_notation, set_up, bench_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_any_more_has_no_value, set_up, bench_teardown),
        cmocka_unit_test_setup_teardown(a_point_of_a_device_cannot_be_set, set_up, bench_teardown),
        cmocka_unit_test_setup_teardown(a_full_report_has_the_points_with_unit_and_limits, set_up,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_report_is_asked_for_by_instance_of_the_component, set_up,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_problem_that_a_device_reports_is_in_the_summary, set_up,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(the_way_to_the_device_is_seen_without_any_profile, set_up,
                                        bench_teardown),
        cmocka_unit_test(a_variable_of_the_gateway_s_own_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
