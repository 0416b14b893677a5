/* Monitors: set, cleared, the base and the level (N03 to N06). What they tell is in test_station_events.c. */
#include "tests/support/bench.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "tests/support/monitors.h"

static void a_monitor_is_set_and_gets_an_id(void **state) /* N04.FR.01, .02, .08, .11 */
{
    struct bench *b = *state;
    bench_call(b, "SetVariableMonitoring",
               "{'setMonitoringData': [{'value': 1, 'type': 'Delta', 'severity': 8, " EVSE_STATE
               "}, {'value': 7, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER "}]}",
               "{'setMonitoringResult': [{'id': 100001, 'status': 'Accepted', 'type': 'Delta', 'severity': "
               "8, " EVSE_STATE
               ", 'statusInfo': null}, {'id': 100002, 'status': 'Accepted', 'type': 'UpperThreshold',"
               " 'severity': 5, " EVSE_POWER "}]}");
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}");
    assert_true(monitors_has(all, 100001,
                             "{'id': 100001, 'value': 1.0, 'type': 'Delta', 'severity': 8,"
                             " 'transaction': false}"));
    assert_true(monitors_has(all, 100002, "{'value': 7.0, 'type': 'UpperThreshold', 'severity': 5}"));
}

static void
what_cannot_be_a_monitor_is_answered_one_by_one(void **state) /* N04.FR.03, .04, .05, .06, .13, .14 */
{
    static const struct {
        const char *data, *result;
    } rows[] = {
        { "'value': 1, 'type': 'Delta', 'severity': 5, 'component': {'name': 'EVSE', 'evse': {'id': 99}},"
          " 'variable': {'name': 'AvailabilityState'}",
          "'status': 'UnknownComponent', 'component': {'name': 'EVSE', 'evse': {'id': 99}}" },
        { "'value': 1, 'type': 'Delta', 'severity': 5, 'component': {'name': 'Nonsense'},"
          " 'variable': {'name': 'Power'}",
          "'status': 'UnknownComponent', 'component': {'name': 'Nonsense'}" },
        { "'value': 1, 'type': 'Delta', 'severity': 5, 'component': {'name': 'EVSE', 'evse': {'id': 1}},"
          " 'variable': {'name': 'Nonsense'}",
          "'status': 'UnknownVariable', 'variable': {'name': 'Nonsense'}" },
        { "'value': 1, 'type': 'UpperThreshold', 'severity': 5, " EVSE_STATE,
          "'status': 'UnsupportedMonitorType'" },
        { "'value': 1, 'type': 'LowerThreshold', 'severity': 5, " EVSE_STATE,
          "'status': 'UnsupportedMonitorType'" },
        { "'value': 5, 'type': 'Periodic', 'severity': 5, 'component': {'name': 'ClockCtrlr'},"
          " 'variable': {'name': 'DateTime'}",
          "'status': 'UnsupportedMonitorType'" },
        { "'value': 22081, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER,
          "'status': 'Rejected', 'statusInfo': {'reasonCode': 'ValueOutOfRange'}" },
        { "'value': 1, 'type': 'LowerThreshold', 'severity': 5, " HEARTBEAT, "'status': 'Accepted'" },
        { "'value': 0, 'type': 'LowerThreshold', 'severity': 5, " HEARTBEAT, /* it is 1 at least */
          "'status': 'Rejected', 'statusInfo': {'reasonCode': 'ValueOutOfRange'}" },
        { "'value': -1, 'type': 'Delta', 'severity': 5, " EVSE_POWER,
          "'status': 'Rejected', 'statusInfo': {'reasonCode': 'ValuePositiveOnly'}" },
        { "'value': -1, 'type': 'Delta', 'severity': 5, " EVSE_STATE, "'status': 'Rejected'" },
        { "'value': 0, 'type': 'Periodic', 'severity': 5, " EVSE_STATE,
          "'status': 'Rejected', 'statusInfo': {'reasonCode': 'ValueTooLow'}" },
        { "'value': 31536001, 'type': 'Periodic', 'severity': 5, " EVSE_STATE,
          "'status': 'Rejected', 'statusInfo': {'reasonCode': 'ValueTooHigh'}" },
        { "'value': 86401, 'type': 'PeriodicClockAligned', 'severity': 5, " EVSE_STATE,
          "'status': 'Rejected', 'statusInfo': {'reasonCode': 'ValueTooHigh'}" },
        { "'value': 1, 'type': 'Delta', 'severity': 10, " EVSE_STATE,
          "'status': 'Rejected', 'severity': 10, 'statusInfo': {'reasonCode': 'ValueOutOfRange'}" },
        { "'value': 1, 'type': 'Delta', 'severity': -1, " EVSE_STATE, "'status': 'Rejected'" },
        { "'id': 4711, 'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE,
          "'id': null, 'status': 'Rejected', 'statusInfo': {'reasonCode': 'NotFound'}" },
        { "'id': 4294967297, 'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE, /* 1 and 2^32 */
          "'status': 'Rejected', 'statusInfo': {'reasonCode': 'NotFound'}" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char payload[600], expected[600];
        (void)snprintf(payload, sizeof(payload), "{'setMonitoringData': [{%s}]}", rows[i].data);
        (void)snprintf(expected, sizeof(expected), "{'setMonitoringResult': [{%s}]}", rows[i].result);
        bench_call(b, "SetVariableMonitoring", payload, expected);
    }
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}");
    assert_int_equal(monitors_count(all), PRESETS + 1);
}

static void of_one_type_and_severity_a_variable_has_one_monitor(void **state) /* N04.FR.10 */
{
    struct bench *b = *state;
    bench_call(b, "SetVariableMonitoring",
               "{'setMonitoringData': [{'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE
               "}, {'value': 2, 'type': 'Delta', 'severity': 5, " EVSE_STATE
               "}, {'value': 1, 'type': 'Delta', 'severity': 6, " EVSE_STATE "}]}",
               "{'setMonitoringResult': [{'status': 'Accepted'}, {'status': 'Duplicate', 'id': null,"
               " 'statusInfo': {'reasonCode': 'InvalidValue'}}, {'status': 'Accepted'}]}");
    bench_call(b, "SetVariableMonitoring",
               "{'setMonitoringData': [{'id': 100002, 'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE
               "}, {'id': 100002, 'value': 1, 'type': 'Delta', 'severity': 7, " EVSE_STATE
               "}, {'value': 1, 'type': 'Delta', 'severity': 6, " EVSE_STATE "}]}",
               "{'setMonitoringResult': [{'status': 'Duplicate'}, {'status': 'Accepted', 'id': 100002},"
               " {'status': 'Accepted', 'id': 100003}]}");
    /* that of an EVSE is not that of the station, nor of a preset */
    bench_call(b, "SetVariableMonitoring",
               "{'setMonitoringData': [{'value': 1, 'type': 'Delta', 'severity': 5, " STATION_STATE
               "}, {'value': 1, 'type': 'Delta', 'severity': 3, " EVSE_PROBLEM "}]}",
               "{'setMonitoringResult': [{'status': 'Accepted'}, {'status': 'Duplicate'}]}");
}

static void a_monitor_is_replaced_by_its_id(void **state) /* N04.FR.12, N04.FR.16 */
{
    struct bench *b = *state;
    int id = monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE);
    assert_int_equal(monitor_set(b, "'id': 100001, 'value': 1, 'type': 'Delta', 'severity': 4, " EVSE_STATE),
                     id);
    bench_call(b, "SetVariableMonitoring",
               "{'setMonitoringData': [{'id': 100001, 'value': 1, 'type': 'Delta', 'severity': 4, " EVSE_POWER
               "}]}",
               "{'setMonitoringResult': [{'status': 'Rejected', " EVSE_POWER "}]}");
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}");
    assert_true(monitors_has(all, id, "{'value': 1.0, 'type': 'Delta', 'severity': 4}"));
    assert_int_equal(monitors_count(all), PRESETS + 1);
}

static void hard_wired_monitors_stay_as_they_are(void **state) /* N04.FR.18, N06.FR.03 */
{
    struct bench *b = *state;
    bench_call(b, "SetVariableMonitoring",
               "{'setMonitoringData': [{'id': 2, 'value': 1, 'type': 'Delta', 'severity': 9, " EVSE_PROBLEM
               "}]}",
               "{'setMonitoringResult': [{'status': 'Rejected'}]}");
    bench_call(b, "ClearVariableMonitoring", "{'id': [2]}",
               "{'clearMonitoringResult': [{'id': 2, 'status': 'Rejected'}]}");
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}");
    assert_true(monitors_has(all, 2, "{'type': 'Delta', 'severity': 3}"));
}

static void monitors_are_cleared_by_their_ids(void **state) /* N06.FR.01, .02, .05 */
{
    struct bench *b = *state;
    int id = monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE);
    assert_int_equal(id, 100001);
    bench_call(b, "ClearVariableMonitoring", "{'id': [100001, 4711, 100001, 1]}",
               "{'clearMonitoringResult': [{'id': 100001, 'status': 'Accepted', 'statusInfo': null},"
               " {'id': 4711, 'status': 'NotFound'}, {'id': 100001, 'status': 'NotFound'},"
               " {'id': 1, 'status': 'Accepted'}]}");
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}");
    assert_int_equal(monitors_count(all), PRESETS - 1);
    assert_int_equal(monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE), 100002);
}

static void the_base_decides_which_monitors_there_are(void **state) /* N03.FR.01, .03, .04, .05, N04.FR.15 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE);
    /* the preset of the station's Problem becomes a custom one of its id */
    assert_int_equal(monitor_set(b, "'id': 1, 'value': 1, 'type': 'Delta', 'severity': 6, " STATION_PROBLEM),
                     1);
    bench_call(b, "SetMonitoringBase", "{'monitoringBase': 'All'}", "{'status': 'Accepted'}");
    json_t *all = monitors_reported(b, "{'requestId': 1}");
    assert_int_equal(monitors_count(all), PRESETS + 1);
    assert_true(monitors_has(all, 1, "{'severity': 6}"));
    json_decref(all);

    bench_call(b, "SetMonitoringBase", "{'monitoringBase': 'FactoryDefault'}", "{'status': 'Accepted'}");
    all = monitors_reported(b, "{'requestId': 2}");
    assert_int_equal(monitors_count(all), PRESETS);
    assert_true(monitors_has(all, 1, "{'severity': 4}"));
    json_decref(all);

    (void)monitor_set(b, "'id': 1, 'value': 1, 'type': 'Delta', 'severity': 6, " STATION_PROBLEM);
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE);
    bench_call(b, "SetMonitoringBase", "{'monitoringBase': 'HardWiredOnly'}", "{'status': 'Accepted'}");
    all = monitors_reported(b, "{'requestId': 3}");
    assert_int_equal(monitors_count(all), 1);
    assert_true(monitors_has(all, 2, "{'severity': 3}"));
    json_decref(all);
    monitor_variable_is(b, "ActiveMonitoringBase", "HardWiredOnly");
    bench_call(b, "ClearVariableMonitoring", "{'id': [1]}",
               "{'clearMonitoringResult': [{'status': 'NotFound'}]}");

    bench_restart(b);
    monitor_variable_is(b, "ActiveMonitoringBase", "HardWiredOnly");
    bench_call(b, "SetMonitoringBase", "{'monitoringBase': 'All'}", "{'status': 'Accepted'}");
    all = monitors_reported(b, "{'requestId': 4}");
    assert_int_equal(monitors_count(all), PRESETS);
    assert_true(monitors_has(all, 1, "{'severity': 4}"));
    json_decref(all);
    /* what was cleared comes back, too */
    bench_call(b, "ClearVariableMonitoring", "{'id': [1]}",
               "{'clearMonitoringResult': [{'status': 'Accepted'}]}");
    bench_restart(b);
    all = monitors_reported(b, "{'requestId': 5}");
    assert_int_equal(monitors_count(all), PRESETS - 1);
    json_decref(all);
    bench_call(b, "SetMonitoringBase", "{'monitoringBase': 'All'}", "{'status': 'Accepted'}");
    all = monitors_reported(b, "{'requestId': 6}");
    assert_int_equal(monitors_count(all), PRESETS);
    json_decref(all);
}

static void the_level_is_one_of_ten(void **state) /* N05.FR.01, N05.FR.02 */
{
    struct bench *b = *state;
    monitor_variable_is(b, "ActiveMonitoringLevel", "9");
    bench_call(b, "SetMonitoringLevel", "{'severity': 10}",
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'ValueOutOfRange'}}");
    bench_call(b, "SetMonitoringLevel", "{'severity': -1}", "{'status': 'Rejected'}");
    bench_call(b, "SetMonitoringLevel", "{'severity': 0}", "{'status': 'Accepted'}");
    monitor_variable_is(b, "ActiveMonitoringLevel", "0");
    bench_call(b, "SetMonitoringLevel", "{'severity': 7}", "{'status': 'Accepted'}");
    bench_restart(b);
    monitor_variable_is(b, "ActiveMonitoringLevel", "7");
}

static void monitors_outlive_a_power_cut(void **state) /* N07.FR.13 */
{
    struct bench *b = *state;
    int power = monitor_set(
        b, "'value': 500.5, 'type': 'UpperThreshold', 'severity': 2, 'transaction': true, " EVSE_POWER);
    (void)monitor_set(b, "'id': 1, 'value': 1, 'type': 'Delta', 'severity': 7, " STATION_PROBLEM);
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE);
    bench_call(b, "ClearVariableMonitoring", "{'id': [100002]}",
               "{'clearMonitoringResult': [{'status': 'Accepted'}]}");
    bench_restart(b);
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}");
    assert_int_equal(monitors_count(all), PRESETS + 1);
    assert_true(monitors_has(all, power,
                             "{'value': 500.5, 'type': 'UpperThreshold', 'severity': 2,"
                             " 'transaction': true}"));
    assert_true(monitors_has(all, 1, "{'type': 'Delta', 'severity': 7}"));
    /* the id of the one that is gone is nobody's again */
    assert_int_equal(monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE), 100003);
}

static void what_the_store_does_not_take_is_not_done(void **state)
{
    struct bench *b = *state;
    int id = monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE);
    assert_int_equal(id, 100001);
    b->store_refuses = true;
    bench_call(b, "SetVariableMonitoring",
               "{'setMonitoringData': [{'value': 1, 'type': 'Delta', 'severity': 6, " EVSE_STATE
               "}, {'value': 1, 'type': 'LowerThreshold', 'severity': 6, " EVSE_STATE "}]}",
               "{'setMonitoringResult': [{'id': null, 'status': 'Rejected', 'statusInfo': {'reasonCode':"
               " 'InternalError'}}, {'status': 'UnsupportedMonitorType'}]}");
    bench_call(b, "ClearVariableMonitoring", "{'id': [100001, 7]}",
               "{'clearMonitoringResult': [{'status': 'Rejected'}, {'status': 'NotFound'}]}");
    bench_call(b, "SetMonitoringBase", "{'monitoringBase': 'HardWiredOnly'}", "{'status': 'Rejected'}");
    bench_call(b, "SetMonitoringLevel", "{'severity': 1}", "{'status': 'Rejected'}");
    b->store_refuses = false;
    monitor_variable_is(b, "ActiveMonitoringBase", "All");
    monitor_variable_is(b, "ActiveMonitoringLevel", "9");
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}");
    assert_int_equal(monitors_count(all), PRESETS + 1);
    assert_true(monitors_has(all, id, "{'severity': 5}"));
}

static void nothing_is_answered_before_it_is_written(void **state)
{
    struct bench *b = *state;
    b->hold_commits = true;
    bench_frame(b,
                "[2,\"x1\",\"SetVariableMonitoring\",{\"setMonitoringData\":[{\"value\":1,\"type\":\"Delta\","
                "\"severity\":5,\"component\":{\"name\":\"ChargingStation\"},\"variable\":{\"name\":"
                "\"AvailabilityState\"}}]}]");
    assert_null(json_object_get(b->responses, "x1"));
    bench_frame(b, "[2,\"x2\",\"SetMonitoringLevel\",{\"severity\":3}]"); /* one change after the other */
    assert_non_null(json_object_get(b->responses, "x2"));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(b->responses, "x2"), 0)), 4);
    b->hold_commits = false;
    bench_settle(b);
    assert_non_null(json_object_get(b->responses, "x1"));
    bench_call(b, "SetMonitoringLevel", "{'severity': 3}", "{'status': 'Accepted'}");

    b->hold_commits = true; /* lost with the power */
    bench_frame(b, "[2,\"x3\",\"SetMonitoringLevel\",{\"severity\":5}]");
    bench_restart(b);
    b->hold_commits = false;
    monitor_variable_is(b, "ActiveMonitoringLevel", "3");
}

static void a_station_has_as_many_monitors_as_it_may(void **state) /* the limit, and past it */
{
    struct bench *b = *state;
    static const char *const types[] = { "Delta", "Periodic", "PeriodicClockAligned", "UpperThreshold",
                                         "LowerThreshold" };
    for (int i = 0; i < 100; i++) {
        char data[300];
        (void)snprintf(data, sizeof(data), "'value': 70, 'type': '%s', 'severity': %d, %s", types[i / 10 % 5],
                       i % 10, i < 50 ? EVSE_POWER : OFFLINE_THRESHOLD);
        assert_int_equal(monitor_set(b, data), 100001 + i);
    }
    bench_call(
        b, "SetVariableMonitoring",
        "{'setMonitoringData': [{'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE
        "}, {'id': 100001, 'value': 80, 'type': 'Delta', 'severity': 0, " EVSE_POWER "}]}",
        "{'setMonitoringResult': [{'status': 'Rejected', 'statusInfo': {'reasonCode': 'OutOfStorage'}},"
        " {'status': 'Accepted'}]}");
    bench_call(b, "GetReport",
               "{'requestId': 3, 'componentVariable': [{'component': {'name': 'MonitoringCtrlr'}, 'variable':"
               " {'name': 'Entries'}}]}",
               "{'status': 'Accepted'}");
    bench_expect_later(b, "NotifyReport",
                       "{'reportData': [{'variableAttribute': [{'value': '100'}], 'variableCharacteristics':"
                       " {'maxLimit': 100.0}}]}");
    AUTO(json_t) *all = monitors_reported(b, "{'requestId': 1}"); /* in several parts */
    assert_int_equal(monitors_count(all), PRESETS + 100);
    bench_call(b, "ClearVariableMonitoring", "{'id': [100007]}",
               "{'clearMonitoringResult': [{'status': 'Accepted'}]}");
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " EVSE_STATE);
}

static void requests_have_a_size(void **state) /* N04.FR.09, N06.FR.04, .06, .07, N02.FR.07 */
{
    struct bench *b = *state;
    AUTO(json_t) *ids = json_array();
    for (int i = 0; i < 101; i++)
        json_array_append_new(ids, json_integer(i));
    AUTO(json_t) *request = json_pack("{s:O}", "id", ids);
    AUTO_FREE char *text = json_to_text(request);
    bench_call_error(b, "ClearVariableMonitoring", text, "OccurrenceConstraintViolation");
    json_array_remove(ids, 100);
    AUTO_FREE char *fewer = json_to_text(request);
    bench_call(b, "ClearVariableMonitoring", fewer, "{'clearMonitoringResult': '*'}");

    AUTO(json_t) *data = json_pack("{s:[]}", "setMonitoringData");
    AUTO(json_t) *named = json_pack("{s:i, s:[]}", "requestId", 1, "componentVariable");
    for (int i = 0; i < 101; i++) {
        json_array_append_new(json_object_get(data, "setMonitoringData"),
                              json_pack("{s:i, s:s, s:i, s:{s:s}, s:{s:s}}", "value", 1, "type", "Delta",
                                        "severity", 5, "component", "name", "X", "variable", "name", "Y"));
        json_array_append_new(json_object_get(named, "componentVariable"),
                              json_pack("{s:{s:s}}", "component", "name", "X"));
    }
    AUTO_FREE char *set = json_to_text(data), *get = json_to_text(named);
    bench_call_error(b, "SetVariableMonitoring", set, "OccurrenceConstraintViolation");
    bench_call_error(b, "GetMonitoringReport", get, "OccurrenceConstraintViolation");

    char more[33001];
    memset(more, 'x', sizeof(more) - 1);
    more[sizeof(more) - 1] = '\0';
    AUTO(json_t) *long_text =
        json_pack("{s:[i], s:{s:s, s:s}}", "id", 1, "customData", "vendorId", "x", "more", more);
    AUTO_FREE char *large = json_to_text(long_text);
    bench_call_error(b, "ClearVariableMonitoring", large, "FormatViolation");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_monitor_is_set_and_gets_an_id),
        TEST(what_cannot_be_a_monitor_is_answered_one_by_one),
        TEST(of_one_type_and_severity_a_variable_has_one_monitor),
        TEST(a_monitor_is_replaced_by_its_id),
        TEST(hard_wired_monitors_stay_as_they_are),
        TEST(monitors_are_cleared_by_their_ids),
        TEST(the_base_decides_which_monitors_there_are),
        TEST(the_level_is_one_of_ten),
        TEST(monitors_outlive_a_power_cut),
        TEST(what_the_store_does_not_take_is_not_done),
        TEST(nothing_is_answered_before_it_is_written),
        TEST(a_station_has_as_many_monitors_as_it_may),
        TEST(requests_have_a_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
