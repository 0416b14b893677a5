/* What monitors tell: NotifyEvent (N07, N08), at the right moment, to the end of it, through lost links and power cuts. */
#include "tests/support/monitors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "tests/support/session.h"

#define HEAD        "'seqNo': 0, 'tbc': false, 'generatedAt': '*'"
#define EVENT(text) "{" HEAD ", 'eventData': [{" text "}]}"

static void power_is(struct bench *b, double W)
{
    bench_measure(b, 1, MEASURE_POWER_IMPORT, W);
    bench_advance(b, 1000);
}

static void a_threshold_is_told_once_passed_and_once_it_is_over(void **state) /* N07.FR.02, .06, .07, .16 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 100, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    bench_advance(b, 3000); /* no value yet */
    bench_expect_nothing(b);
    power_is(b, 100); /* on it is not past it */
    bench_expect_nothing(b);
    power_is(b, 100.5);
    bench_expect(
        b, "NotifyEvent",
        EVENT("'eventId': '*', 'timestamp': '*', 'trigger': 'Alerting', 'actualValue': '100.5', 'cleared':"
              " null, 'variableMonitoringId': 100001, 'eventNotificationType': 'CustomMonitor',"
              " 'transactionId': null, 'cause': null, " EVSE_POWER));
    power_is(b, 3000);
    bench_expect_nothing(b);
    power_is(b, 100);
    bench_expect(
        b, "NotifyEvent",
        EVENT("'trigger': 'Alerting', 'actualValue': '100.0', 'cleared': true, 'variableMonitoringId':"
              " 100001, 'eventNotificationType': 'CustomMonitor', " EVSE_POWER));
    bench_advance(b, 5000);
    bench_expect_nothing(b);
}

static void a_lower_threshold_is_told_below_it(void **state) /* N07.FR.17 */
{
    struct bench *b = *state;
    power_is(b, 50);
    (void)monitor_set(b, "'value': 10, 'type': 'LowerThreshold', 'severity': 5, " EVSE_POWER);
    power_is(b, 10);
    bench_expect_nothing(b);
    power_is(b, 9.9);
    bench_expect(b, "NotifyEvent", EVENT("'trigger': 'Alerting', 'actualValue': '9.9', 'cleared': null"));
    power_is(b, 11);
    bench_expect(b, "NotifyEvent", EVENT("'trigger': 'Alerting', 'actualValue': '11.0', 'cleared': true"));
}

static void a_value_that_is_past_it_already_is_told_at_once(void **state) /* N07.FR.16, N07.FR.11 */
{
    struct bench *b = *state;
    power_is(b, 500);
    (void)monitor_set(b, "'value': 1000, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    bench_advance(b, 2000);
    bench_expect_nothing(b);
    (void)monitor_set(b, "'id': 100001, 'value': 400, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    bench_expect(b, "NotifyEvent", EVENT("'trigger': 'Alerting', 'actualValue': '500.0', 'cleared': null"));
    (void)monitor_set(b, "'id': 100001, 'value': 300, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    bench_advance(b, 2000); /* it is past this one as it was past the other */
    bench_expect_nothing(b);
    (void)monitor_set(b, "'id': 100001, 'value': 600, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    bench_expect(b, "NotifyEvent", EVENT("'trigger': 'Alerting', 'actualValue': '500.0', 'cleared': true"));
}

static void a_monitor_that_is_gone_tells_nothing(void **state) /* N07.FR.12 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 100, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    power_is(b, 500);
    bench_expect(b, "NotifyEvent", "{}");
    bench_call(b, "ClearVariableMonitoring", "{'id': [100001]}",
               "{'clearMonitoringResult': [{'status': 'Accepted'}]}");
    power_is(b, 0);
    bench_advance(b, 5000);
    bench_expect_nothing(b);
}

static void what_was_passed_before_a_power_cut_is_told_to_be_over_after_it(void **state) /* N07.FR.14 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 100, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    power_is(b, 500);
    bench_expect(b, "NotifyEvent", "{}");
    bench_restart(b); /* still past it */
    bench_advance(b, 10000);
    assert_int_equal(bench_count(b, "NotifyEvent"), 0);
    b->signals[0].value[MEASURE_POWER_IMPORT] = 0;
    bench_restart(b);
    bench_advance(b, 10000);
    bench_expect_later(b, "NotifyEvent",
                       EVENT("'actualValue': '0.0', 'cleared': true, 'variableMonitoringId': 100001"));
    bench_restart(b);
    bench_advance(b, 10000);
    assert_int_equal(bench_count(b, "NotifyEvent"), 0);
}

static void a_restart_is_no_change(void **state) /* N07.FR.19 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 1, " EVSE_STATE);
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 1, " STATION_STATE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 1000);
    bench_forget(b);
    b->options.slow_devices = true;
    bench_restart(b);
    bench_advance(b, 4000);
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED); /* the device tells what it always told */
    bench_advance(b, 10000);
    assert_int_equal(bench_count(b, "NotifyEvent"), 0);
}

static void a_number_must_change_by_more_than_the_difference(void **state) /* N07.FR.18 */
{
    struct bench *b = *state;
    session_set(b, "OCPPCommCtrlr", "OfflineThreshold", "60");
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 5, " OFFLINE_THRESHOLD);
    session_set(b, "OCPPCommCtrlr", "OfflineThreshold", "61");
    bench_advance(b, 3000);
    bench_expect_nothing(b);
    session_set(b, "OCPPCommCtrlr", "OfflineThreshold", "62");
    bench_advance(b, 1000);
    bench_expect(b, "NotifyEvent", EVENT("'trigger': 'Delta', 'actualValue': '62', 'cleared': null"));
    session_set(b, "OCPPCommCtrlr", "OfflineThreshold", "61"); /* from what was told last */
    bench_advance(b, 1000);
    bench_expect_nothing(b);
    session_set(b, "OCPPCommCtrlr", "OfflineThreshold", "60");
    bench_advance(b, 1000);
    bench_expect(b, "NotifyEvent", EVENT("'trigger': 'Delta', 'actualValue': '60'"));
}

static void any_change_of_a_word_is_told(void **state) /* N07.FR.06, .07, .19, N04.FR.17 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 1000, 'type': 'Delta', 'severity': 8, " EVSE_STATE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{}");
    bench_advance(b, 1000);
    bench_expect(
        b, "NotifyEvent",
        EVENT("'trigger': 'Delta', 'actualValue': 'Occupied', 'variableMonitoringId': 100001, " EVSE_STATE));
    bench_advance(b, 5000);
    bench_expect_nothing(b);
}

static void a_date_must_change_by_more_than_its_seconds(void **state) /* Part 1, 4.4 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 90, 'type': 'Delta', 'severity': 8, 'component': {'name': 'ClockCtrlr'},"
                         " 'variable': {'name': 'DateTime'}");
    bench_advance(b, 90000);
    bench_expect_nothing(b);
    bench_advance(b, 1000);
    bench_expect(b, "NotifyEvent", EVENT("'trigger': 'Delta'"));
}

static void what_can_only_be_written_is_told_without_its_value(void **state) /* N07.FR.10 */
{
    (void)state;
    struct bench *b =
        bench_new(&(struct bench_options){ .security_profile = 1, .password = "0123456789abcdef" });
    bench_boot(b);
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 4, 'component': {'name': 'SecurityCtrlr'},"
                         " 'variable': {'name': 'BasicAuthPassword'}");
    bench_advance(b, 2000);
    bench_expect_nothing(b);
    session_set(b, "SecurityCtrlr", "BasicAuthPassword", "another-password-1");
    bench_advance(b, 60000);
    bench_expect_later(
        b, "NotifyEvent",
        "{'eventData': [{'trigger': 'Delta', 'actualValue': '', 'variableMonitoringId': 100001}]}");
    bench_free(b);
}

static void a_periodic_monitor_tells_at_its_interval(void **state) /* N08.FR.04, .05, .06 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 7, 'type': 'Periodic', 'severity': 8, " EVSE_STATE);
    for (int i = 0; i < 5; i++) {
        bench_advance(b, 6000);
        bench_expect_nothing(b);
        bench_advance(b, 1000);
        bench_expect(b, "NotifyEvent",
                     EVENT("'trigger': 'Periodic', 'actualValue': 'Available', 'cleared': null,"
                           " 'variableMonitoringId': 100001, " EVSE_STATE));
    }
}

static void an_aligned_monitor_tells_at_the_clock(void **state) /* N08.FR.05, N08.FR.07 */
{
    struct bench *b = *state;
    int64_t into_ms = (BENCH_WALL_MS + b->now_ms) % 900000;
    bench_advance(b, 900000 - into_ms + 20000); /* at 20 s past a quarter */
    bench_forget(b);
    (void)monitor_set(b, "'value': 900, 'type': 'PeriodicClockAligned', 'severity': 8, " EVSE_STATE);
    for (int i = 0; i < 3; i++) {
        bench_advance(b, i == 0 ? 879000 : 899000);
        assert_int_equal(bench_count(b, "NotifyEvent"), 0);
        bench_advance(b, 1000);
        bench_expect_later(b, "NotifyEvent", EVENT("'trigger': 'Periodic', 'actualValue': 'Available'"));
    }
}

static void a_clock_that_is_set_back_does_not_silence_it(void **state) /* N08.FR.07 */
{
    struct bench *b = *state;
    session_set(b, "ClockCtrlr", "TimeSource", "RealTimeClock");
    (void)monitor_set(b, "'value': 60, 'type': 'PeriodicClockAligned', 'severity': 8, " EVSE_STATE);
    bench_advance(b, 60000);
    bench_expect_later(b, "NotifyEvent", "{}");
    b->wall_offset_ms -= 3600000;
    bench_advance(b, 120000);
    bench_expect_later(b, "NotifyEvent", "{}");
}

static void less_severe_events_than_the_level_are_not_told(void **state) /* N05.FR.03, N07.FR.15 */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 8, " EVSE_STATE);
    (void)monitor_set(b, "'value': 2, 'type': 'Periodic', 'severity': 8, " EVSE_STATE);
    (void)monitor_set(b, "'value': 100, 'type': 'UpperThreshold', 'severity': 7, " EVSE_POWER);
    bench_call(b, "SetMonitoringLevel", "{'severity': 7}", "{'status': 'Accepted'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{}");
    power_is(b, 200);
    bench_expect(b, "NotifyEvent", EVENT("'variableMonitoringId': 100003"));
    bench_advance(b, 20000);
    bench_expect_nothing(b);
    bench_call(b, "SetMonitoringLevel", "{'severity': 8}", "{'status': 'Accepted'}"); /* how things stand */
    bench_expect(b, "NotifyEvent",
                 EVENT("'variableMonitoringId': 100001, 'actualValue': 'Occupied', 'trigger': 'Delta'"));
}

static void disabled_monitors_tell_nothing(void **state) /* MonitoringCtrlr.Enabled */
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 1, 'type': 'Delta', 'severity': 2, " EVSE_STATE);
    session_set(b, "MonitoringCtrlr", "Enabled", "false");
    bench_state(b, 1, EVSE_FAULTED);
    bench_expect(b, "StatusNotification", "{}");
    bench_advance(b, 10000);
    bench_expect_nothing(b);
    session_set(b, "MonitoringCtrlr", "Enabled", "true");
    bench_expect(b, "NotifyEvent", "{'eventData': '*'}");
}

static void severe_events_wait_for_the_link(void **state) /* N07.FR.04, N08.FR.03 */
{
    struct bench *b = *state;
    session_set(b, "MonitoringCtrlr", "OfflineQueuingSeverity", "5");
    (void)monitor_set(b, "'value': 100, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    (void)monitor_set(b, "'value': 10, 'type': 'Periodic', 'severity': 4, " EVSE_STATE);
    power_is(b, 0);
    bench_link_lost(b);
    power_is(b, 500);
    power_is(b, 0);
    bench_advance(b, 10000);
    bench_link_back(b);
    const json_t *payload = bench_expect_later(b, "NotifyEvent", "{'seqNo': 0}");
    const json_t *events = json_object_get(payload, "eventData");
    assert_true(json_array_size(events) >= 3);
    size_t passed = 0, over = 0, periodic = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        bool is_threshold = json_get_int(event, "variableMonitoringId", 0) == 100001;
        periodic += !is_threshold;
        over += is_threshold && json_get_bool(event, "cleared", false);
        passed += is_threshold && !json_get_bool(event, "cleared", false);
    }
    assert_int_equal(passed, 1);
    assert_int_equal(over, 1);
    assert_true(periodic >= 1);
}

static void other_events_tell_only_how_things_stand_then(void **state) /* N07.FR.04, remark to N07 */
{
    struct bench *b = *state;
    session_set(b, "MonitoringCtrlr", "OfflineQueuingSeverity", "4");
    (void)monitor_set(b, "'value': 100, 'type': 'UpperThreshold', 'severity': 5, " EVSE_POWER);
    (void)monitor_set(b, "'value': 1, 'type': 'Periodic', 'severity': 5, " STATION_STATE);
    bench_call(b, "ClearVariableMonitoring", "{'id': [100002]}", "{'clearMonitoringResult': '*'}");
    power_is(b, 0);
    bench_link_lost(b);
    power_is(b, 500);
    power_is(b, 0); /* it came and went */
    bench_link_back(b);
    bench_advance(b, 5000);
    assert_int_equal(bench_count(b, "NotifyEvent"), 0);
    bench_link_lost(b);
    power_is(b, 700); /* it is still so */
    bench_link_back(b);
    bench_advance(b, 2000);
    bench_expect_later(b, "NotifyEvent", EVENT("'actualValue': '700.0', 'cleared': null"));
}

static void a_fault_is_told_by_the_evse_and_as_the_cause_by_the_station(void **state) /* N07.FR.05 */
{
    struct bench *b = *state;
    bench_advance(b, 2000);
    (void)str_copy(b->signals[0].fault, sizeof(b->signals[0].fault), "E17");
    bench_state(b, 1, EVSE_FAULTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Faulted'}");
    bench_advance(b, 1000);
    const json_t *payload = bench_expect(
        b, "NotifyEvent",
        "{" HEAD ", 'eventData': [{'trigger': 'Delta', 'actualValue': 'true', 'variableMonitoringId': 1,"
        " 'eventNotificationType': 'PreconfiguredMonitor', 'cause': '*', " STATION_PROBLEM
        "}, {'trigger': 'Delta', 'actualValue': 'true', 'variableMonitoringId': 2, 'techCode': 'E17',"
        " 'eventNotificationType': 'HardWiredMonitor', 'cause': null, " EVSE_PROBLEM "}]}");
    const json_t *events = json_object_get(payload, "eventData");
    assert_int_equal(json_get_int(json_array_get(events, 0), "cause", -1),
                     json_get_int(json_array_get(events, 1), "eventId", -2));
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available'}");
    bench_advance(b, 1000);
    bench_expect(b, "NotifyEvent", "{'eventData': [{'actualValue': 'false'}, {'actualValue': 'false'}]}");
    bench_expect_nothing(b);
}

static void a_transaction_is_named_and_some_monitors_watch_only_in_one(void **state)
{
    struct bench *b = *state;
    (void)monitor_set(
        b, "'value': 100, 'type': 'UpperThreshold', 'severity': 5, 'transaction': true, " EVSE_POWER);
    (void)monitor_set(b,
                      "'value': 3, 'type': 'Periodic', 'severity': 5, 'transaction': true, " STATION_STATE);
    power_is(b, 500);
    bench_advance(b, 10000);
    bench_expect_nothing(b);
    AUTO_FREE char *id = session_charging(b, 0);
    bench_advance(b, 1000);
    char expected[200];
    (void)snprintf(expected, sizeof(expected),
                   "{'eventData': [{'transactionId': '%s', 'variableMonitoringId': 100001}]}", id);
    bench_expect_later(b, "NotifyEvent", expected);
    bench_advance(b, 4000);
    bench_expect_later(b, "NotifyEvent", "{'eventData': [{'variableMonitoringId': 100002}]}");
    session_unplug(b);
    bench_advance(b, 2000);
    bench_forget(b);
    bench_advance(b, 10000);
    assert_int_equal(bench_count(b, "NotifyEvent"), 0);
}

static void an_event_without_answer_is_not_lost(void **state)
{
    struct bench *b = *state;
    (void)monitor_set(b, "'value': 100, 'type': 'UpperThreshold', 'severity': 9, " EVSE_POWER);
    bench_answer(b, "NotifyEvent", BENCH_SILENCE);
    power_is(b, 500);
    bench_expect(b, "NotifyEvent", "{}");
    bench_link_lost(b);
    bench_answer(b, "NotifyEvent", "");
    bench_link_back(b);
    bench_expect_later(b, "NotifyEvent", EVENT("'actualValue': '500.0', 'cleared': null"));

    bench_answer(b, "NotifyEvent", BENCH_ERROR("InternalError")); /* that is an answer */
    power_is(b, 0);
    bench_expect(b, "NotifyEvent", "{}");
    bench_answer(b, "NotifyEvent", "");
    bench_advance(b, 20000);
    bench_expect_nothing(b);
}

static void
many_events_are_told_in_parts_and_the_least_severe_go_first(void **state) /* N07.FR.07, N08.FR.04 */
{
    struct bench *b = *state;
    session_set(b, "MonitoringCtrlr", "OfflineQueuingSeverity", "9");
    (void)monitor_set(b, "'value': 5, 'type': 'Periodic', 'severity': 2, " EVSE_STATE);
    (void)monitor_set(b, "'value': 1, 'type': 'Periodic', 'severity': 9, " STATION_STATE);
    bench_link_lost(b);
    bench_advance(b, 300000);
    bench_link_back(b);
    size_t severe = 0, others = 0;
    for (int seq_no = 0;; seq_no++) {
        const json_t *part = bench_expect_later(b, "NotifyEvent", "{}");
        const json_t *events = json_object_get(part, "eventData");
        assert_int_equal(json_get_int(part, "seqNo", -1), seq_no);
        assert_true(json_array_size(events) <= 20);
        for (size_t i = 0; i < json_array_size(events); i++)
            if (json_get_int(json_array_get(events, i), "variableMonitoringId", 0) == 100001)
                severe++;
            else
                others++;
        if (!json_get_bool(part, "tbc", false))
            break;
    }
    assert_in_range(severe, 60, 95); /* all of them */
    assert_in_range(severe + others, 100, 102);
}

/* ---- against a plain reference ---- */

struct reference {
    const char *type;
    double value, told;
    bool is_past;
};

/* What must be told of this number: 0 nothing, 1 an event, 2 that it is over. */
static int reference_step(struct reference *r, double number)
{
    if (str_equal(r->type, "Delta")) {
        if (fabs(number - r->told) <= r->value)
            return 0;
        r->told = number;
        return 1;
    }
    bool is_past = str_equal(r->type, "UpperThreshold") ? number > r->value : number < r->value;
    bool changes = is_past != r->is_past;
    r->is_past = is_past;
    return !changes ? 0 : is_past ? 1 : 2;
}

static void random_values_are_told_as_a_plain_reference_says(void **state) /* N07.FR.02, .16, .17, .18 */
{
    struct bench *b = *state;
    unsigned seed = 4711;
    struct reference monitors[9];
    power_is(b, 0);
    for (int i = 0; i < 9; i++) {
        static const char *const types[] = { "UpperThreshold", "LowerThreshold", "Delta" };
        char data[300];
        monitors[i] = (struct reference){ types[i % 3], (double)(i / 3) * 35 + 10, 0, false };
        if (i % 3 == 1)
            monitors[i].is_past = true; /* 0 is below it: told at once */
        (void)snprintf(data, sizeof(data), "'value': %.0f, 'type': '%s', 'severity': %d, " EVSE_POWER,
                       monitors[i].value, types[i % 3], i);
        assert_int_equal(monitor_set(b, data), 100001 + i);
    }
    bench_forget(b);
    for (int step = 0; step < 500; step++) {
        seed = seed * 1103515245 + 12345;
        double number = (double)(seed >> 16 & 127);
        int expected[9], told[9] = { 0 };
        for (int i = 0; i < 9; i++)
            expected[i] = reference_step(&monitors[i], number);
        power_is(b, number);
        while (bench_count(b, "NotifyEvent") > 0) {
            const json_t *events = json_object_get(bench_expect_later(b, "NotifyEvent", "{}"), "eventData");
            for (size_t k = 0; k < json_array_size(events); k++) {
                const json_t *event = json_array_get(events, k);
                int64_t id = json_get_int(event, "variableMonitoringId", 0) - 100001;
                assert_in_range(id, 0, 8);
                assert_int_equal(told[id], 0);
                told[id] = json_get_bool(event, "cleared", false) ? 2 : 1;
            }
        }
        assert_memory_equal(told, expected, sizeof(told));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_threshold_is_told_once_passed_and_once_it_is_over),
        TEST(a_lower_threshold_is_told_below_it),
        TEST(a_value_that_is_past_it_already_is_told_at_once),
        TEST(a_monitor_that_is_gone_tells_nothing),
        TEST(what_was_passed_before_a_power_cut_is_told_to_be_over_after_it),
        TEST(a_restart_is_no_change),
        TEST(a_number_must_change_by_more_than_the_difference),
        TEST(any_change_of_a_word_is_told),
        TEST(a_date_must_change_by_more_than_its_seconds),
        cmocka_unit_test(what_can_only_be_written_is_told_without_its_value),
        TEST(a_periodic_monitor_tells_at_its_interval),
        TEST(an_aligned_monitor_tells_at_the_clock),
        TEST(a_clock_that_is_set_back_does_not_silence_it),
        TEST(less_severe_events_than_the_level_are_not_told),
        TEST(disabled_monitors_tell_nothing),
        TEST(severe_events_wait_for_the_link),
        TEST(other_events_tell_only_how_things_stand_then),
        TEST(a_fault_is_told_by_the_evse_and_as_the_cause_by_the_station),
        TEST(a_transaction_is_named_and_some_monitors_watch_only_in_one),
        TEST(an_event_without_answer_is_not_lost),
        TEST(many_events_are_told_in_parts_and_the_least_severe_go_first),
        TEST(random_values_are_told_as_a_plain_reference_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
