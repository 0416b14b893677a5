/* Reset (B11, B12). */
#include "tests/support/bench.h"

#include <string.h>

static void begin_transaction(struct bench *b, int evse)
{
    bench_token(b, evse, "04AABBCC", "ISO14443");
    bench_state(b, evse, EVSE_CONNECTED);
    bench_state(b, evse, EVSE_CHARGING);
    assert_true(bench_count(b, "TransactionEvent") > 0);
    bench_forget(b);
}

/* The driver stops it and leaves. */
static void end_transaction(struct bench *b, int evse)
{
    bench_token(b, evse, "04AABBCC", "ISO14443");
    bench_state(b, evse, EVSE_CONNECTED);
    bench_state(b, evse, EVSE_AVAILABLE);
}

static struct bench *with_device_reset(size_t evse_count)
{
    struct evse_abilities abilities = bench_abilities();
    abilities.reset = true;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = evse_count, .abilities = abilities });
    bench_boot(b);
    return b;
}

static void an_idle_station_restarts(void **state) /* B11.FR.01, .03, .04, B01.FR.03; TC_B_20 */
{
    static const char *const types[] = { "{'type': 'OnIdle'}", "{'type': 'Immediate'}" };
    struct bench *b = *state;
    for (int i = 0; i < 2; i++) {
        int connects = b->connects;
        bench_call(b, "Reset", types[i], "{'status': 'Accepted'}");
        bench_expect_nothing(b);
        assert_false(b->is_up);
        bench_advance(b, 2000);
        assert_int_equal(b->connects, connects + 1);
        bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
        bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available'}");
        bench_expect(b, "SecurityEventNotification", "{'type': 'ResetOrReboot'}");
        bench_expect(b, "SecurityEventNotification", "{'type': 'StartupOfTheDevice'}");
        bench_expect_nothing(b);
    }
}

static void an_inoperative_station_stays_so(void **state) /* B11.FR.02, B12.FR.06; TC_B_23 */
{
    struct bench *b = *state;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Accepted'}");
    bench_forget(b);
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Accepted'}");
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
}

static void an_immediate_reset_ends_the_transaction_first(void **state) /* B12.FR.02, .04; TC_B_22 */
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_state(b, 1, EVSE_CONNECTED); /* the device has stopped */
    bench_expect(b, "TransactionEvent",
                 "{'eventType': 'Ended', 'triggerReason': 'ResetCommand', 'idToken': null, 'transactionInfo':"
                 " {'stoppedReason': 'ImmediateReset'}}");
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
}

static void a_csms_that_does_not_answer_gets_the_event_after_the_restart(void **state) /* B12.FR.05 */
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "TransactionEvent", "{'eventType': 'Ended'}");
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    bench_advance(b, 47000);
    bench_answer(b, "TransactionEvent", "");
    bench_advance(b, 15000);
    bench_expect_later(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
}

static void on_idle_waits_for_the_transaction(void **state) /* B12.FR.01, .03; TC_B_21 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2 });
    bench_boot(b);
    begin_transaction(b, 1);
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_expect_nothing(b);
    bench_token(b, 2, "04DDEEFF", "ISO14443"); /* no one new */
    bench_state(b, 2, EVSE_CONNECTED);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_state(b, 2, EVSE_AVAILABLE);
    bench_advance(b, 600000);
    bench_forget(b);

    end_transaction(b, 1);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Ended', 'transactionInfo': {'stoppedReason': 'Local'}}");
    bench_advance(b, 2000);
    bench_expect_later(b, "BootNotification", "{'reason': 'ScheduledReset'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 1}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 2}");
    bench_free(b);
}

static void an_immediate_reset_overtakes_a_scheduled_one(void **state)
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 2000);
    bench_expect_later(b, "BootNotification", "{'reason': 'RemoteReset'}");
}

static void a_power_cut_in_the_middle_boots_with_the_right_reason(void **state)
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'ScheduledReset'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");

    bench_forget(b);
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
}

static void a_power_cut_before_the_answer_changes_nothing(void **state)
{
    struct bench *b = *state;
    b->hold_commits = true;
    bench_frame(b, "[2,\"x\",\"Reset\",{\"type\":\"Immediate\"}]");
    assert_null(json_object_get(b->responses, "x"));
    bench_restart(b);
    bench_expect(b, "BootNotification", "{'reason': 'PowerUp'}");
}

static void a_reset_while_the_link_fails_goes_on(void **state)
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_link_lost(b);
    bench_answer(b, "TransactionEvent", "");
    bench_advance(b, 1500);
    bench_forget(b);
    bench_link_back(b);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended', 'offline': true}");
}

static void devices_that_can_restart_do(void **state) /* B11.FR.03 */
{
    (void)state;
    struct bench *b = with_device_reset(2);
    b->hold_commands = true;
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_expect_command(b, 1, EVSE_RESET);
    bench_expect_command(b, 2, EVSE_RESET);
    bench_advance(b, 30000);
    assert_false(b->is_up);
    bench_command_done(b, 0);
    bench_command_done(b, 0);
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_free(b);
}

static void a_device_that_does_not_restart_is_tried_again_and_then_left(void **state) /* ResetRetries */
{
    (void)state;
    struct bench *b = with_device_reset(1);
    b->command_error = -110;
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_expect_command(b, 1, EVSE_RESET);
    bench_expect_command(b, 1, EVSE_RESET);
    bench_expect_no_command(b);
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_free(b);
}

static void each_device_is_tried_again(void **state) /* ResetRetries */
{
    (void)state;
    struct bench *b = with_device_reset(2);
    b->command_error = -110;
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    int resets = 0;
    for (; json_array_size(b->commands) > 0; resets++)
        json_array_remove(b->commands, 0);
    assert_int_equal(resets, 4);
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_free(b);
}

static void one_evse_restarts_alone(void **state) /* B11.FR.08, .10; TC_B_25 */
{
    (void)state;
    struct bench *b = with_device_reset(2);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'EVSE', 'evse': {'id': 2}}, 'variable': {'name':"
               " 'AllowReset'}}]}",
               "{'getVariableResult': [{'attributeValue': 'true'}]}");
    b->hold_commands = true;
    bench_call(b, "Reset", "{'type': 'OnIdle', 'evseId': 2}", "{'status': 'Accepted'}");
    bench_expect_command(b, 2, EVSE_RESET);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_command_done(b, 0);
    bench_advance(b, 2000);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 2}");
    bench_expect_nothing(b);
    assert_true(b->is_up);
    bench_free(b);
}

static void one_evse_ends_its_own_transaction_only(void **state) /* B12.FR.08; TC_B_27 */
{
    (void)state;
    struct bench *b = with_device_reset(2);
    begin_transaction(b, 1);
    begin_transaction(b, 2);
    bench_call(b, "Reset", "{'type': 'Immediate', 'evseId': 1}", "{'status': 'Accepted'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(
        b, "TransactionEvent",
        "{'eventType': 'Ended', 'triggerReason': 'ResetCommand', 'transactionInfo': {'stoppedReason':"
        " 'ImmediateReset'}}");
    bench_advance(b, 2000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    assert_int_equal(bench_count(b, "BootNotification"), 0);
    bench_free(b);
}

static void one_evse_waits_for_its_transaction(void **state) /* B12.FR.01, .07 */
{
    (void)state;
    struct bench *b = with_device_reset(2);
    begin_transaction(b, 1);
    bench_forget(b);
    bench_call(b, "Reset", "{'type': 'OnIdle', 'evseId': 1}", "{'status': 'Scheduled'}");
    bench_call(b, "Reset", "{'type': 'OnIdle', 'evseId': 2}", "{'status': 'Rejected'}"); /* one at a time */
    bench_advance(b, 100000);
    bench_expect_no_command(b);
    end_transaction(b, 1);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Ended', 'triggerReason': 'StopAuthorized', 'transactionInfo':"
                       " {'stoppedReason': 'Local'}}");
    for (int kind = -1; kind != EVSE_RESET;) { /* STOP and UNLOCK before it */
        assert_true(json_array_size(b->commands) > 0);
        const json_t *command = json_array_get(b->commands, 0);
        assert_int_equal(json_integer_value(json_array_get(command, 0)), 1);
        kind = (int)json_integer_value(json_array_get(command, 1));
        json_array_remove(b->commands, 0);
    }
    bench_advance(b, 2000);
    assert_int_equal(bench_count(b, "BootNotification"), 0);
    bench_free(b);
}

static void what_cannot_be_reset_is_rejected(void **state) /* B11.FR.09, B12.FR.09; TC_B_29 */
{
    struct bench *b = *state;
    bench_call(b, "Reset", "{'type': 'OnIdle', 'evseId': 1}", "{'status': 'Rejected'}");
    bench_call(b, "Reset", "{'type': 'OnIdle', 'evseId': 9}", "{'status': 'Rejected'}");
    begin_transaction(b, 1);
    bench_call(b, "Reset", "{'type': 'OnIdle', 'evseId': 1}", "{'status': 'Rejected'}");
    bench_expect_nothing(b);
}

/* A driver who was let in and has not plugged in yet: no transaction, but not idle either. */
static void on_idle_waits_for_whoever_was_let_in(void **state) /* B11.FR.07 */
{
    struct bench *b = *state;
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_forget(b);
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_advance(b, 59000);
    assert_true(b->is_up);
    bench_advance(b, 3000);
    bench_expect_later(b, "BootNotification", "{'reason': 'ScheduledReset'}");
}

/* Errata to B11: idle is a station that does nothing a reset would come in between. */
static void on_idle_waits_for_a_log_on_its_way(void **state) /* B11.FR.07 */
{
    struct bench *b = *state;
    bench_call(
        b, "GetLog",
        "{'logType': 'DiagnosticsLog', 'requestId': 7, 'log': {'remoteLocation': 'https://f.example/'}}",
        "{'status': 'Accepted'}");
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_advance(b, 60000);
    assert_int_equal(bench_count(b, "BootNotification"), 0);
    bench_forget(b);
    bench_log_uploaded(b, 0);
    bench_expect_later(b, "LogStatusNotification", "{'status': 'Uploaded'}");
    bench_advance(b, 2000);
    bench_expect_later(b, "BootNotification", "{'reason': 'ScheduledReset'}");
}

static void on_idle_waits_for_the_end_of_a_report(void **state) /* B11.FR.07 */
{
    struct bench *b = *state;
    bench_answer(b, "NotifyReport", BENCH_SILENCE);
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    assert_true(b->is_up);
    bench_answer(b, "NotifyReport", "");
    const json_t *part = bench_expect_later(b, "NotifyReport", "{}");
    while (json_is_true(json_object_get(part, "tbc")))
        part = bench_expect_later(b, "NotifyReport", "{}");
    bench_advance(b, 2000);
    bench_expect_later(b, "BootNotification", "{'reason': 'ScheduledReset'}");
}

static void an_inoperative_evse_stays_so_when_it_is_reset(void **state) /* B12.FR.06, B11.FR.02 */
{
    (void)state;
    struct bench *b = with_device_reset(2);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 2}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_call(b, "Reset", "{'type': 'Immediate', 'evseId': 2}", "{'status': 'Accepted'}");
    bench_advance(b, 5000);
    bench_expect_nothing(b); /* Unavailable all the time */
    bench_free(b);
}

static void a_reset_under_way_takes_no_other(void **state) /* B11.FR.06, B12.FR.10 */
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}"); /* waits for the device */
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Rejected'}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Rejected'}");
}

static void of_two_resets_at_once_one_is_rejected(void **state) /* B11.FR.06 */
{
    struct bench *b = *state;
    b->hold_commits = true;
    bench_frame(b, "[2,\"x\",\"Reset\",{\"type\":\"Immediate\"}]");
    bench_frame(b, "[2,\"y\",\"Reset\",{\"type\":\"Immediate\"}]");
    b->hold_commits = false;
    bench_settle(b);
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_forget(b);
    bench_advance(b, 20000);
    assert_int_equal(bench_count(b, "BootNotification"), 0);
}

static void a_device_that_took_too_long_does_not_end_the_next_reset(void **state) /* B11.FR.03 */
{
    (void)state;
    struct bench *b = with_device_reset(1);
    b->hold_commands = true;
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_advance(b, 62000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_forget(b);
    bench_command_done(b, 0); /* the first */
    bench_advance(b, 5000);
    assert_int_equal(bench_count(b, "BootNotification"), 0);
    bench_command_done(b, 0);
    bench_advance(b, 2000);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    bench_free(b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_idle_station_restarts),
        TEST(an_inoperative_station_stays_so),
        TEST(an_immediate_reset_ends_the_transaction_first),
        TEST(a_csms_that_does_not_answer_gets_the_event_after_the_restart),
        cmocka_unit_test(on_idle_waits_for_the_transaction),
        TEST(an_immediate_reset_overtakes_a_scheduled_one),
        TEST(a_power_cut_in_the_middle_boots_with_the_right_reason),
        TEST(a_power_cut_before_the_answer_changes_nothing),
        TEST(a_reset_while_the_link_fails_goes_on),
        cmocka_unit_test(devices_that_can_restart_do),
        cmocka_unit_test(a_device_that_does_not_restart_is_tried_again_and_then_left),
        cmocka_unit_test(each_device_is_tried_again),
        cmocka_unit_test(one_evse_restarts_alone),
        cmocka_unit_test(one_evse_ends_its_own_transaction_only),
        cmocka_unit_test(one_evse_waits_for_its_transaction),
        TEST(what_cannot_be_reset_is_rejected),
        TEST(on_idle_waits_for_whoever_was_let_in),
        TEST(on_idle_waits_for_a_log_on_its_way),
        TEST(on_idle_waits_for_the_end_of_a_report),
        cmocka_unit_test(an_inoperative_evse_stays_so_when_it_is_reset),
        TEST(a_reset_under_way_takes_no_other),
        TEST(of_two_resets_at_once_one_is_rejected),
        cmocka_unit_test(a_device_that_took_too_long_does_not_end_the_next_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
