/* GetMonitoringReport, NotifyMonitoringReport (N02). */
#include "tests/support/monitors.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#define EVSE_2_STATE                                                                                         \
    "'component': {'name': 'EVSE', 'evse': {'id': 2}}, 'variable': {'name': 'AvailabilityState'}"
#define CONNECTOR_STATE(id)                                                                                  \
    "'component': {'name': 'Connector', 'evse': {'id': 1, 'connectorId': " id "}},"                          \
    " 'variable': {'name': 'AvailabilityState'}"
#define ITEMS_PER_MESSAGE(of)                                                                                \
    "'component': {'name': 'DeviceDataCtrlr'}, 'variable': {'name': 'ItemsPerMessage', 'instance': '" of "'" \
    "}"

/* Of two EVSEs with two connectors, without what is there from the beginning. */
static int setup(void **state)
{
    struct bench_options options = { .evse_count = 2, .abilities = bench_abilities() };
    options.abilities.connectors = 2;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    bench_call(b, "SetMonitoringBase", "{'monitoringBase': 'HardWiredOnly'}", "{'status': 'Accepted'}");
    static const char *const data[] = {
        "'value': 100, 'type': 'UpperThreshold', 'severity': 9, " EVSE_POWER,
        "'value': 10, 'type': 'LowerThreshold', 'severity': 9, " EVSE_POWER,
        "'value': 10, 'type': 'Delta', 'severity': 9, " STATION_STATE,
        "'value': 3600, 'type': 'Periodic', 'severity': 9, " EVSE_POWER,
        "'value': 3600, 'type': 'PeriodicClockAligned', 'severity': 9, " EVSE_STATE,
        "'value': 1, 'type': 'Delta', 'severity': 9, " EVSE_2_STATE,
        "'value': 1, 'type': 'Delta', 'severity': 9, " CONNECTOR_STATE("1"),
        "'value': 1, 'type': 'Delta', 'severity': 9, " CONNECTOR_STATE("2"),
        "'value': 9, 'type': 'Delta', 'severity': 9, " ITEMS_PER_MESSAGE("GetReport"),
        "'value': 9, 'type': 'Delta', 'severity': 9, " ITEMS_PER_MESSAGE("GetVariables"),
    };
    for (int i = 0; i < 10; i++)
        assert_int_equal(monitor_set(b, data[i]), 100001 + i);
    *state = b;
    return 0;
}

/* The ids are these, as numbers from 1; "" nothing is reported. Hard-wired ones do not count. */
static void reports(struct bench *b, const char *criteria, const char *expected)
{
    char request[600], found[200] = "";
    (void)snprintf(request, sizeof(request), "{'requestId': 7%s%s}", *criteria ? ", " : "", criteria);
    if (!*expected) {
        bench_call(b, "GetMonitoringReport", request, "{'status': 'EmptyResultSet'}"); /* N02.FR.10 */
        bench_expect_nothing(b);
        return;
    }
    AUTO(json_t) *report = monitors_reported(b, request);
    for (int id = 1; id <= 10; id++)
        if (monitors_has(report, 100000 + id, "{}"))
            (void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%d", *found ? " " : "",
                           id);
    assert_string_equal(found, expected);
}

static void
what_is_asked_for_is_reported(void **state) /* N02.FR.03, .05, .06, .08, .10, .11, .12, .13, .14 */
{
    struct bench *b = *state;
    reports(b, "", "1 2 3 4 5 6 7 8 9 10");
    reports(b, "'monitoringCriteria': ['ThresholdMonitoring']", "1 2");
    reports(b, "'monitoringCriteria': ['DeltaMonitoring']", "3 6 7 8 9 10");
    reports(b, "'monitoringCriteria': ['PeriodicMonitoring']", "4 5");
    reports(b, "'monitoringCriteria': ['ThresholdMonitoring', 'PeriodicMonitoring']", "1 2 4 5");
    reports(b, "'componentVariable': [{" EVSE_POWER "}]", "1 2 4");
    reports(b, "'componentVariable': [{" EVSE_POWER "}, {" STATION_STATE "}]", "1 2 3 4");
    reports(b, "'monitoringCriteria': ['PeriodicMonitoring'], 'componentVariable': [{" EVSE_POWER "}]", "4");
    reports(b, "'monitoringCriteria': ['DeltaMonitoring'], 'componentVariable': [{" EVSE_POWER "}]", "");
    reports(b, "'componentVariable': [{'component': {'name': 'Nonsense'}}]", "");
}

static void what_is_left_out_stands_for_all(void **state) /* N02.FR.16, .17, .18, .19, .20, .21 */
{
    struct bench *b = *state;
    reports(b, "'componentVariable': [{'component': {'name': 'EVSE', 'evse': {'id': 1}}}]", "1 2 4 5");
    reports(b, "'componentVariable': [{'component': {'name': 'EVSE'}}]", "1 2 4 5 6");
    reports(b, "'componentVariable': [{'component': {'name': 'Connector', 'evse': {'id': 1}}}]", "7 8");
    reports(
        b, "'componentVariable': [{'component': {'name': 'Connector', 'evse': {'id': 1, 'connectorId': 2}}}]",
        "8");
    reports(b, "'componentVariable': [{'component': {'name': 'Connector', 'evse': {'id': 2}}}]", "");
    reports(b,
            "'componentVariable': [{'component': {'name': 'DeviceDataCtrlr'}, 'variable': {'name':"
            " 'ItemsPerMessage'}}]",
            "9 10");
    reports(b,
            "'componentVariable': [{'component': {'name': 'DeviceDataCtrlr'}, 'variable': {'name':"
            " 'ItemsPerMessage', 'instance': 'GetReport'}}]",
            "9");
    reports(b, "'componentVariable': [{'component': {'name': 'DeviceDataCtrlr'}}]",
            "9 10"); /* it has no instance */
    reports(b, "'componentVariable': [{'component': {'name': 'DeviceDataCtrlr', 'instance': 'x'}}]", "");
}

static void the_monitors_of_a_variable_stand_together(void **state)
{
    struct bench *b = *state;
    AUTO(json_t) *report = monitors_reported(b, "{'requestId': 1, 'componentVariable': [{" EVSE_POWER
                                                "}, {" STATION_STATE "}]}");
    assert_int_equal(json_array_size(report), 2);
    bench_call(b, "GetMonitoringReport", "{'requestId': 2, 'componentVariable': [{" EVSE_POWER "}]}",
               "{'status': 'Accepted'}");
    bench_expect(b, "NotifyMonitoringReport",
                 "{'requestId': 2, 'seqNo': 0, 'tbc': false, 'monitor': [{" EVSE_POWER
                 ", 'variableMonitoring':"
                 " [{'id': 100001}, {'id': 100002}, {'id': 100004}]}]}");
}

static void a_long_report_comes_in_parts(void **state) /* N02.FR.04, N02.FR.09 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .max_message = 2048 });
    bench_boot(b);
    for (int i = 0; i < 10; i++) {
        char data[300];
        (void)snprintf(data, sizeof(data), "'value': 3600, 'type': 'Periodic', 'severity': %d, %s", i,
                       i % 2 ? EVSE_STATE : STATION_STATE);
        (void)monitor_set(b, data);
        (void)snprintf(data, sizeof(data), "'value': 3600, 'type': 'Periodic', 'severity': %d, %s", i,
                       i % 2 ? EVSE_POWER : OFFLINE_THRESHOLD);
        (void)monitor_set(b, data);
    }
    bench_forget(b);
    bench_call(b, "GetMonitoringReport", "{'requestId': 4}", "{'status': 'Accepted'}");
    assert_true(bench_count(b, "NotifyMonitoringReport") > 1);
    bench_forget(b);
    AUTO(json_t) *report = monitors_reported(b, "{'requestId': 4}");
    assert_int_equal(monitors_count(report), 20 + PRESETS);
    bench_free(b);
}

static void one_report_at_a_time(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "NotifyMonitoringReport", BENCH_SILENCE);
    bench_call(b, "GetMonitoringReport", "{'requestId': 1}", "{'status': 'Accepted'}");
    bench_call(b, "GetMonitoringReport", "{'requestId': 2}", "{'status': 'Rejected'}");
    bench_call(b, "ClearVariableMonitoring", "{'id': [100001, 100002]}", "{'clearMonitoringResult': '*'}");
    bench_forget(b);
    bench_advance(b, 36000); /* not answered: once more, as it is now */
    const json_t *part = bench_expect(b, "NotifyMonitoringReport", "{'requestId': 1, 'seqNo': 0}");
    assert_false(monitors_has(json_object_get(part, "monitor"), 100001, "{}"));
    assert_true(monitors_has(json_object_get(part, "monitor"), 100003, "{}"));
    bench_link_lost(b); /* ends it */
    bench_answer(b, "NotifyMonitoringReport", "");
    bench_link_back(b);
    bench_advance(b, 2000);
    bench_forget(b);
    reports(b, "", "3 4 5 6 7 8 9 10");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_for_is_reported),
        TEST(what_is_left_out_stands_for_all),
        TEST(the_monitors_of_a_variable_stand_together),
        cmocka_unit_test(a_long_report_comes_in_parts),
        TEST(one_report_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
