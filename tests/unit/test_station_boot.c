/* Registration, heartbeat and clock (B01-B04, G02). */
#include "tests/support/bench.h"

#include <malloc.h>
#include <stdio.h>

static void the_first_boot_says_power_up_and_reports_every_connector(void **state) /* B01.FR.01, .05, .09 */
{
    struct bench *b = *state;
    bench_start(b);
    bench_expect(b, "BootNotification",
                 "{'reason': 'PowerUp', 'chargingStation': {'model': 'AC22', 'vendorName': 'Example',"
                 " 'serialNumber': 'SN-1', 'firmwareVersion': '1.0'}}");
    bench_expect(b, "StatusNotification",
                 "{'evseId': 1, 'connectorId': 1, 'connectorStatus': 'Available', 'timestamp': '*'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'StartupOfTheDevice'}");
    bench_expect_nothing(b);
}

static void
statuses_of_all_evses_go_before_anything_else(void **state) /* B01.FR.05; real CSMSs expect this order */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 3 });
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'evseId': 1}");
    bench_expect(b, "StatusNotification", "{'evseId': 2}");
    bench_expect(b, "StatusNotification", "{'evseId': 3}");
    bench_expect(b, "SecurityEventNotification", "{}");
    bench_free(b);
}

static void the_first_connection_waits_until_every_device_told_its_state(void **state) /* B01.FR.05 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2, .slow_devices = true });
    bench_start(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_settle(b);
    assert_int_equal(b->connects, 0);
    bench_state(b, 2, EVSE_CONNECTED);
    bench_settle(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Available'}");
    bench_expect(b, "StatusNotification", "{'evseId': 2, 'connectorStatus': 'Occupied'}");
    bench_free(b);
}

static void a_device_that_tells_nothing_keeps_the_station_from_booting_for_5_s(void **state)
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .slow_devices = true });
    bench_start(b);
    bench_advance(b, 4999);
    assert_int_equal(b->connects, 0);
    bench_advance(b, 1);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'evseId': 1, 'connectorStatus': 'Unavailable'}");
    bench_free(b);
}

static void nothing_but_the_boot_leaves_before_it_is_answered(void **state) /* B01.FR.08 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", BENCH_SILENCE);
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 10000);
    bench_expect_nothing(b);
}

static void a_silent_csms_is_asked_again_after_a_while(void **state) /* B01, error handling 2 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", BENCH_SILENCE);
    bench_start(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_advance(b, 94000); /* 35 s message timeout, at least 60 s of waiting */
    bench_expect_nothing(b);
    bench_advance(b, 12000);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
}

static void a_csms_that_never_answers_gets_a_new_connection(void **state) /* Part 2, 3.2 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", BENCH_SILENCE);
    bench_start(b);
    assert_int_equal(b->connects, 1);
    bench_advance(b, 400000);
    assert_true(b->connects > 1);
}

static void a_boot_refused_by_an_error_is_sent_again(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", BENCH_ERROR("InternalError"));
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_advance(b, 59000);
    bench_expect_nothing(b);
    bench_answer(b, "BootNotification", "");
    bench_advance(b, 12000);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{}");
}

static void pending_waits_for_the_interval(void **state) /* B02.FR.04, .06, .08 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 20}");
    bench_start(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_advance(b, 19999);
    bench_expect_nothing(b);
    assert_true(b->is_up && b->connects == 1);
    bench_answer(b, "BootNotification", "");
    bench_advance(b, 1);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_expect(b, "StatusNotification", "{}");
}

static void a_new_link_does_not_shorten_the_interval(void **state) /* B02.FR.04 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Rejected', 'currentTime': 'now', 'interval': 100}");
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_link_lost(b);
    bench_link_back(b);
    bench_advance(b, 60000);
    bench_expect_nothing(b);
    bench_advance(b, 40000);
    bench_expect(b, "BootNotification", "{}");
}

static void a_new_link_shortens_our_own_wait(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", BENCH_ERROR("InternalError"));
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_answer(b, "BootNotification", "");
    bench_link_lost(b);
    bench_link_back(b);
    bench_expect(b, "BootNotification", "{}");
}

static void an_interval_of_zero_is_chosen_by_the_station(void **state) /* B02.FR.07, B03.FR.05 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 0}");
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_advance(b, 59000);
    bench_expect_nothing(b);
    bench_advance(b, 12000);
    bench_expect(b, "BootNotification", "{}");
}

static void pending_answers_configuration_and_refuses_the_rest(void **state) /* B02.FR.01, .05 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 300}");
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
               " 'OfflineThreshold'}}]}",
               "{'getVariableResult': [{'attributeStatus': 'Accepted'}]}");
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
               " 'OfflineThreshold'}, 'attributeValue': '90'}]}",
               "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': 'AA', 'type': 'Central'}}",
               "{'status': 'Rejected'}");
    bench_call(b, "RequestStopTransaction", "{'transactionId': 'x'}", "{'status': 'Rejected'}");
    bench_call_error(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "SecurityError");
    bench_expect_nothing(b);
}

static void pending_reports_what_it_is_asked_for(void **state) /* B02.FR.02 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 300}");
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_call(b, "GetBaseReport", "{'requestId': 7, 'reportBase': 'SummaryInventory'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "NotifyReport", "{'requestId': 7, 'seqNo': 0, 'tbc': false}");
    bench_call(b, "TriggerMessage",
               "{'requestedMessage': 'StatusNotification', 'evse': {'id': 1, 'connectorId': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available'}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'BootNotification'}", "{'status': 'Accepted'}");
    bench_expect(b, "BootNotification", "{'reason': 'Triggered'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_nothing(b);
}

/* A restart does not end the upload of a log; nobody asks for its status now. */
static void pending_keeps_back_what_nobody_asked_for(void **state) /* B02.FR.02 */
{
    struct bench *b = *state;
    bench_boot(b);
    bench_call(
        b, "GetLog",
        "{'logType': 'DiagnosticsLog', 'requestId': 7, 'log': {'remoteLocation': 'https://f.example/'}}",
        "{'status': 'Accepted'}");
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 30}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_forget(b);
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{}");
    bench_log_uploaded(b, 0);
    bench_expect_nothing(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'LogStatusNotification'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Idle'}");
    bench_expect_nothing(b);
    bench_answer(b, "BootNotification", "");
    bench_advance(b, 30000);
    bench_expect(b, "BootNotification", "{}");
    bench_expect_later(b, "LogStatusNotification", "{'status': 'Uploaded', 'requestId': 7}");
}

static void what_is_asked_for_before_the_first_answer_waits_for_it(void **state) /* B01.FR.08 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", BENCH_ERROR("InternalError"));
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_call(b, "GetBaseReport", "{'requestId': 7, 'reportBase': 'SummaryInventory'}",
               "{'status': 'Accepted'}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'Heartbeat'}", "{'status': 'Accepted'}");
    bench_expect_nothing(b);
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 300}");
    bench_advance(b, 70000);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "NotifyReport", "{'requestId': 7}");
    bench_expect(b, "Heartbeat", "{}");
    bench_expect_nothing(b);
}

static void rejected_sends_nothing_and_answers_security_error(void **state) /* B03.FR.02, .06, .08 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Rejected', 'currentTime': 'now', 'interval': 50}");
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_call_error(b, "TriggerMessage", "{'requestedMessage': 'Heartbeat'}", "SecurityError");
    bench_call_error(b, "GetBaseReport", "{'requestId': 7, 'reportBase': 'FullInventory'}", "SecurityError");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 49999);
    bench_expect_nothing(b);
    bench_answer(b, "BootNotification", "");
    bench_advance(b, 1);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
}

/* What happened before, also before a power cut, waits for the registration. */
static void a_start_without_a_csms_boots_first_when_it_is_there(void **state) /* B01.FR.01, B01.FR.08 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){
        .presets = { { "AuthCtrlr", "OfflineTxForUnknownIdEnabled", NULL, "true" } }, .preset_count = 1 });
    b->link_available = false;
    bench_start(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_restart(b);
    bench_advance(b, 3600000);
    bench_expect_nothing(b);

    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 30}");
    bench_link_back(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_expect_nothing(b);
    bench_answer(b, "BootNotification", "");
    bench_advance(b, 30000);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'offline': true, 'seqNo': 0}");
    bench_free(b);
}

static void charging_before_the_first_acceptance_is_a_setting(void **state) /* B02.FR.03, B03.FR.01 */
{
    static const char *const statuses[] = { "Pending", "Rejected" };
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool may = i % 2;
        char answer[100];
        struct bench *b = bench_new(&(struct bench_options){
            .presets = { { "TxCtrlr", "TxBeforeAcceptedEnabled", NULL, may ? "true" : "false" },
                         { "AuthCtrlr", "OfflineTxForUnknownIdEnabled", NULL, "true" } },
            .preset_count = 2 });
        (void)snprintf(answer, sizeof(answer), "{'status': '%s', 'currentTime': 'now', 'interval': 100}",
                       statuses[i / 2]);
        bench_answer(b, "BootNotification", answer);
        bench_start(b);
        bench_forget(b);
        bench_state(b, 1, EVSE_CONNECTED);
        bench_token(b, 1, "04AABBCC", "ISO14443");
        assert_int_equal(bench_count(b, "TransactionEvent"), 0);
        if (may) {
            bench_expect_limit(b, 1, 32);
            bench_expect_command(b, 1, EVSE_START);
        } else {
            bench_expect_no_command(b);
        }
        bench_answer(b, "BootNotification", "");
        bench_advance(b, 100000);
        assert_int_equal(bench_count(b, "TransactionEvent"), may ? 1 : 0); /* told once accepted */
        bench_free(b);
    }
}

static void a_reconnect_does_not_boot_again(void **state) /* Part 4, 5.3 */
{
    struct bench *b = *state;
    bench_boot(b);
    bench_link_lost(b);
    bench_link_back(b);
    bench_expect_nothing(b);
}

static void after_a_long_time_offline_every_connector_is_reported(void **state) /* B04.FR.01 */
{
    struct bench *b = *state;
    bench_boot(b);
    bench_link_lost(b);
    bench_advance(b, 61000);
    bench_link_back(b);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 1, 'connectorId': 1}");
    bench_expect_nothing(b);
}

static void after_a_short_time_offline_only_changes_are_reported(void **state) /* B04.FR.02 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2 });
    bench_boot(b);
    bench_link_lost(b);
    bench_state(b, 2, EVSE_CONNECTED);
    bench_link_back(b);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied', 'evseId': 2}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void the_boot_sets_the_heartbeat_interval(void **state) /* B01.FR.04, G02.FR.01, .02 */
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Accepted', 'currentTime': 'now', 'interval': 40}");
    bench_boot(b);
    bench_advance(b, 39999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    bench_expect(b, "Heartbeat", "{}");
    bench_advance(b, 40000);
    bench_expect(b, "Heartbeat", "{}");
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
               " 'HeartbeatInterval'}}]}",
               "{'getVariableResult': [{'attributeValue': '40'}]}");
    assert_string_equal(bench_record(b, "variable", "OCPPCommCtrlr/HeartbeatInterval"), "40");
}

/* Whatever the CSMS says is done; 0 leaves it to the station. */
static void every_interval_of_the_boot_is_taken(void **state) /* B01.FR.04 */
{
    static const struct {
        const char *interval, *value;
    } rows[] = { { "2147483647", "2147483647" }, { "1", "1" }, { "0", "1" }, { "-5", "1" } };
    struct bench *b = *state;
    bench_boot(b);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char answer[100], expected[100];
        (void)snprintf(answer, sizeof(answer), "{'status': 'Accepted', 'currentTime': 'now', 'interval': %s}",
                       rows[i].interval);
        bench_answer(b, "BootNotification", answer);
        bench_restart(b);
        (void)snprintf(expected, sizeof(expected), "{'getVariableResult': [{'attributeValue': '%s'}]}",
                       rows[i].value);
        bench_call(b, "GetVariables",
                   "{'getVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
                   " 'HeartbeatInterval'}}]}",
                   expected);
    }
}

static void other_messages_put_the_heartbeat_off(void **state) /* G02.FR.05 */
{
    struct bench *b = *state;
    bench_boot(b);
    bench_advance(b, 200000);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{}");
    bench_advance(b, 299999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    bench_expect(b, "Heartbeat", "{}");
}

static void the_clock_is_refreshed_once_a_day_even_in_traffic(void **state) /* G02.FR.07 */
{
    struct bench *b = *state;
    bench_boot(b);
    for (int i = 0; i < 24 * 60 / 4 + 1; i++) {
        bench_state(b, 1, i % 2 ? EVSE_AVAILABLE : EVSE_CONNECTED);
        bench_advance(b, 240000);
    }
    assert_int_equal(bench_count(b, "Heartbeat"), 1);
}

static void a_heartbeat_without_answer_is_followed_by_another(void **state) /* G02.FR.02 */
{
    struct bench *b = *state;
    bench_boot(b);
    bench_answer(b, "Heartbeat", BENCH_SILENCE);
    bench_advance(b, 300000);
    bench_expect(b, "Heartbeat", "{}");
    bench_advance(b, 335000);
    bench_expect(b, "Heartbeat", "{}");
}

static void there_is_no_heartbeat_while_the_link_is_down(void **state)
{
    struct bench *b = *state;
    bench_boot(b);
    bench_link_lost(b);
    bench_advance(b, 1000000);
    bench_link_back(b);
    bench_forget(b);
    bench_advance(b, 299999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    bench_expect(b, "Heartbeat", "{}");
}

static void the_csms_sets_the_clock(void **state) /* B01.FR.06, G02.FR.06 */
{
    struct bench *b = *state;
    b->wall_offset_ms = -3600000; /* our host is an hour late */
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'timestamp': '2026-01-31T12:00:00.000Z'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'StartupOfTheDevice'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'SettingSystemTime'}");
    b->wall_offset_ms = 86400000; /* and its clock jumps: nothing to us */
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'timestamp': '2026-01-31T12:00:00.000Z'}");
}

static void a_heartbeat_corrects_the_clock(void **state) /* G02.FR.06 */
{
    struct bench *b = *state;
    bench_boot(b);
    b->csms_offset_ms = 5000;
    bench_advance(b, 300000);
    bench_expect(b, "Heartbeat", "{}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'timestamp': '2026-01-31T12:05:05.000Z'}");
    bench_expect_nothing(b); /* 5 s are below TimeAdjustmentReportingThreshold */
}

static void a_time_without_decimals_does_not_shake_the_clock(void **state)
{
    struct bench *b = *state;
    bench_boot(b);
    bench_answer(b, "Heartbeat", "{'currentTime': '2026-01-31T12:05:00Z'}");
    bench_advance(b, 300500);
    bench_expect(b, "Heartbeat", "{}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'timestamp': '2026-01-31T12:05:00.500Z'}");
}

static void another_time_source_leaves_the_clock_alone(void **state) /* B01.FR.06 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){
        .presets = { { "ClockCtrlr", "TimeSource", NULL, "RealTimeClock" } }, .preset_count = 1 });
    b->csms_offset_ms = 100000;
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'timestamp': '2026-01-31T12:00:00.000Z'}");
    bench_free(b);
}

static void a_time_with_six_decimals_and_an_offset_is_understood(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "BootNotification",
                 "{'status': 'Accepted', 'currentTime': '2026-01-31T14:00:09.123456+02:00',"
                 " 'interval': 300}");
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'timestamp': '2026-01-31T12:00:09.123Z'}");
}

static void a_restart_boots_again(void **state) /* B01.FR.03 */
{
    struct bench *b = *state;
    bench_boot(b);
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_expect(b, "StatusNotification", "{}");
}

static void a_start_after_an_orderly_end_is_no_power_up(void **state) /* B01.FR.09 */
{
    struct bench *b = *state;
    bench_boot(b);
    bench_stop_and_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'LocalReset'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
}

static void a_start_after_a_crash_is_no_power_up(void **state) /* B01.FR.09 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .host_boot = "first" });
    bench_start(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'ApplicationReset'}");
    bench_expect_later(b, "SecurityEventNotification",
                       "{'type': 'ResetOrReboot', 'techInfo': 'ApplicationReset'}");
    bench_stop_and_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'LocalReset'}");
    b->options.host_boot = "second";
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_free(b);
}

static void the_status_for_displays_tells_why_there_is_no_link(void **state)
{
    struct bench *b = *state;
    bench_boot(b);
    b->failure = LINK_UNREACHABLE;
    bench_link_lost(b);
    bench_advance(b, 600000);
    json_t *status = station_status(b->station);
    assert_string_equal(json_string_value(json_object_get(status, "link_error")), "not reachable");
    json_decref(status);
    bench_link_back(b);
    status = station_status(b->station);
    assert_null(json_object_get(status, "link_error"));
    json_decref(status);
}

static void the_status_for_displays_tells_the_registration(void **state)
{
    struct bench *b = *state;
    bench_boot(b);
    json_t *status = station_status(b->station);
    assert_string_equal(json_string_value(json_object_get(status, "registration")), "Accepted");
    assert_string_equal(json_string_value(json_object_get(status, "link")), "up");
    assert_int_equal(json_array_size(json_object_get(status, "evses")), 1);
    json_decref(status);
}

/* The budget of the design; says nothing under a sanitizer, whose heap tells no sizes. */
static void an_idle_station_needs_little_memory(void **state)
{
    struct bench *b = *state;
    bench_boot(b);
    size_t with = mallinfo2().uordblks;
    station_free(b->station);
    size_t without = mallinfo2().uordblks;
    b->station = NULL;
    assert_in_range(with - without, 0, 8192);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup_new, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_boot_says_power_up_and_reports_every_connector),
        cmocka_unit_test(statuses_of_all_evses_go_before_anything_else),
        cmocka_unit_test(the_first_connection_waits_until_every_device_told_its_state),
        cmocka_unit_test(a_device_that_tells_nothing_keeps_the_station_from_booting_for_5_s),
        TEST(nothing_but_the_boot_leaves_before_it_is_answered),
        TEST(a_silent_csms_is_asked_again_after_a_while),
        TEST(a_csms_that_never_answers_gets_a_new_connection),
        TEST(a_boot_refused_by_an_error_is_sent_again),
        TEST(pending_waits_for_the_interval),
        TEST(a_new_link_does_not_shorten_the_interval),
        TEST(a_new_link_shortens_our_own_wait),
        TEST(an_interval_of_zero_is_chosen_by_the_station),
        TEST(pending_answers_configuration_and_refuses_the_rest),
        TEST(pending_reports_what_it_is_asked_for),
        TEST(pending_keeps_back_what_nobody_asked_for),
        TEST(what_is_asked_for_before_the_first_answer_waits_for_it),
        TEST(rejected_sends_nothing_and_answers_security_error),
        cmocka_unit_test(a_start_without_a_csms_boots_first_when_it_is_there),
        cmocka_unit_test(charging_before_the_first_acceptance_is_a_setting),
        TEST(a_reconnect_does_not_boot_again),
        TEST(after_a_long_time_offline_every_connector_is_reported),
        cmocka_unit_test(after_a_short_time_offline_only_changes_are_reported),
        TEST(the_boot_sets_the_heartbeat_interval),
        TEST(every_interval_of_the_boot_is_taken),
        TEST(other_messages_put_the_heartbeat_off),
        TEST(the_clock_is_refreshed_once_a_day_even_in_traffic),
        TEST(a_heartbeat_without_answer_is_followed_by_another),
        TEST(there_is_no_heartbeat_while_the_link_is_down),
        TEST(the_csms_sets_the_clock),
        TEST(a_heartbeat_corrects_the_clock),
        TEST(a_time_without_decimals_does_not_shake_the_clock),
        TEST(another_time_source_leaves_the_clock_alone),
        TEST(a_time_with_six_decimals_and_an_offset_is_understood),
        TEST(a_restart_boots_again),
        TEST(a_start_after_an_orderly_end_is_no_power_up),
        cmocka_unit_test(a_start_after_a_crash_is_no_power_up),
        TEST(an_idle_station_needs_little_memory),
        TEST(the_status_for_displays_tells_why_there_is_no_link),
        TEST(the_status_for_displays_tells_the_registration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
