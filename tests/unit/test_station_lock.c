/* A cable lock that does not hold (G05). */
#include "tests/support/session.h"

#include <stdlib.h>

#define PROBLEM(value)                                                                                       \
    "{'seqNo': 0, 'tbc': false, 'eventData': [{'trigger': 'Delta', 'actualValue': '" value "',"              \
    " 'eventNotificationType': 'HardWiredNotification', 'component': {'name': 'ConnectorPlugRetentionLock'," \
    " 'evse': {'id': 1, 'connectorId': 1}}, 'variable': {'name': 'Problem'}}]}"

static int setup(void **state)
{
    struct bench_options options = { .abilities = bench_abilities() };
    options.abilities.lock_failure = true;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    *state = b;
    return 0;
}

static void lock_fails(struct bench *b, bool fails)
{
    b->signals[0].lock_failed = fails;
    bench_signals(b, 1);
}

static void a_lock_that_fails_is_told_and_nobody_charges(void **state) /* G05.FR.01, G05.FR.02 */
{
    struct bench *b = *state;
    session_plug(b);
    lock_fails(b, true);
    bench_expect(b, "NotifyEvent", PROBLEM("true"));
    session_tap(b);
    bench_expect(b, "NotifyEvent", PROBLEM("true")); /* the driver stands there and gets nothing: TC_G_20 */
    bench_advance(b, 30000);
    bench_expect_nothing(b);
    bench_expect_no_command(b);

    lock_fails(b, false); /* the plug is pushed in */
    bench_expect(b, "NotifyEvent", PROBLEM("false"));
    session_event(b, "Started", "ChargingStateChanged", "'idToken': {'idToken': '" CARD "'}");
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
}

static void a_lock_that_lets_go_ends_the_energy(void **state) /* G05.FR.01 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    lock_fails(b, true);
    bench_expect(b, "NotifyEvent", PROBLEM("true"));
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    lock_fails(b, false);
    bench_expect_command(b, 1, EVSE_START);
}

static void a_silent_device_has_not_mended_its_lock(void **state) /* G05.FR.01 */
{
    struct bench *b = *state;
    session_plug(b);
    lock_fails(b, true);
    bench_forget(b);
    b->signals[0].lock_failed = false; /* as the charger layer has it */
    bench_silent(b, 1);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
    bench_expect_nothing(b);
    b->signals[0].lock_failed = true;
    b->signals[0].online = true;
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect_nothing(b);
    lock_fails(b, false);
    bench_expect(b, "NotifyEvent", PROBLEM("false"));
}

static void a_transaction_that_began_before_gets_no_energy(void **state) /* G05.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "TxCtrlr", "TxStartPoint", "Authorized");
    session_plug(b);
    lock_fails(b, true);
    bench_expect(b, "NotifyEvent", PROBLEM("true"));
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': 'A', 'type': 'Central'}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "NotifyEvent", PROBLEM("true"));
    session_event(b, "Started", "RemoteStart", "'transactionInfo': {'chargingState': 'EVConnected'}");
    bench_advance(b, 30000);
    bench_expect_limit(b, 1, 32);
    bench_expect_no_command(b);
}

static void a_failure_while_offline_is_told_later(void **state) /* G05.FR.02 */
{
    struct bench *b = *state;
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    lock_fails(b, true);
    bench_link_back(b);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect(b, "NotifyEvent", PROBLEM("true"));
    bench_expect_nothing(b);

    bench_answer(b, "NotifyEvent", BENCH_SILENCE);
    lock_fails(b, false);
    bench_expect(b, "NotifyEvent", PROBLEM("false"));
    bench_link_lost(b);
    bench_answer(b, "NotifyEvent", "");
    bench_link_back(b);
    bench_expect(b, "NotifyEvent", PROBLEM("false"));
    bench_expect_nothing(b);
}

static void a_failure_that_is_over_is_told_where_all_is_to_be_queued(void **state) /* QueueAllMessages */
{
    struct bench *b = *state;
    session_set(b, "OCPPCommCtrlr", "QueueAllMessages", "true");
    bench_link_lost(b);
    lock_fails(b, true);
    lock_fails(b, false);
    bench_link_back(b);
    bench_expect(b, "NotifyEvent",
                 "{'eventData': [{'actualValue': 'true', 'trigger': 'Delta'}, {'actualValue': 'false'}]}");
    bench_expect_nothing(b);
}

static void an_event_without_answer_is_sent_again_after_a_heartbeat(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "NotifyEvent", BENCH_SILENCE);
    lock_fails(b, true);
    bench_expect(b, "NotifyEvent", PROBLEM("true"));
    bench_advance(b, 36000);
    bench_expect_nothing(b);
    bench_answer(b, "NotifyEvent", "");
    bench_advance(b, 300000);
    bench_expect(b, "Heartbeat", "{}");
    bench_expect(b, "NotifyEvent", PROBLEM("true"));
    bench_advance(b, 300000);
    bench_expect(b, "Heartbeat", "{}");
    bench_expect_nothing(b);
}

static void the_device_model_shows_the_lock(void **state)
{
    struct bench *b = *state;
    lock_fails(b, true);
    bench_forget(b);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'ConnectorPlugRetentionLock', 'evse': {'id': 1,"
               " 'connectorId': 1}}, 'variable': {'name': 'Problem'}}]}",
               "{'getVariableResult': [{'attributeStatus': 'Accepted', 'attributeValue': 'true'}]}");
    bench_free(b);
    b = bench_new(NULL); /* a device that tells nothing of its lock */
    bench_boot(b);
    *state = b;
    lock_fails(b, true);
    bench_expect_nothing(b);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'ConnectorPlugRetentionLock', 'evse': {'id': 1,"
               " 'connectorId': 1}}, 'variable': {'name': 'Problem'}}]}",
               "{'getVariableResult': [{'attributeStatus': 'UnknownComponent'}]}");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_lock_that_fails_is_told_and_nobody_charges),
        TEST(a_lock_that_lets_go_ends_the_energy),
        TEST(a_silent_device_has_not_mended_its_lock),
        TEST(a_transaction_that_began_before_gets_no_energy),
        TEST(a_failure_while_offline_is_told_later),
        TEST(a_failure_that_is_over_is_told_where_all_is_to_be_queued),
        TEST(an_event_without_answer_is_sent_again_after_a_heartbeat),
        TEST(the_device_model_shows_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
