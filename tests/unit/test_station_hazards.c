/* What a slow CSMS, a hurried driver or a forgetful device must not bring about: energy without authorization, energy billed twice,
 * events that never leave. */
#include "tests/support/session.h"

#include <stdlib.h>

static int setup(void **state)
{
    *state = session_points("Authorized,EVConnected", "Authorized,EVConnected");
    return 0;
}

/* ---- an answer belongs to the token it was asked for ---- */

static void an_answer_for_a_card_taken_back_does_not_authorize_a_remote_start(void **state) /* C01.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    session_plug(b);
    bench_answer(b, "Authorize", BENCH_SILENCE);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_AVAILABLE); /* the driver leaves; nobody has answered */
    bench_state(b, 1, EVSE_CONNECTED);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 7, 'idToken': {'idToken': '04FFFFFF', 'type': 'ISO14443'}}",
               "{'status': 'Accepted'}");
    bench_forget(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_no_command(b);
    bench_expect_later(b, "Authorize", "{'idToken': {'idToken': '04FFFFFF'}}");
    bench_reply(b, "{'idTokenInfo': {'status': 'Invalid'}}");
    bench_expect_no_command(b);
}

static void an_answer_for_a_card_that_would_stop_does_not_start_another(void **state) /* C01.FR.01 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_answer(b, "Authorize", BENCH_SILENCE);
    bench_token(b, 1, "04CCCCCC", "ISO14443"); /* perhaps of the same group */
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, "04EEEEEE", "ISO14443");
    bench_forget(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_no_command(b);
    bench_expect_later(b, "Authorize", "{'idToken': {'idToken': '04EEEEEE'}}");
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_command(b, 1, EVSE_START);
}

/* ---- a CSMS that does not answer ---- */

static void a_kind_that_is_never_answered_does_not_keep_the_events_back(void **state) /* E04.FR.02 */
{
    static const char *const kinds[] = { "SecurityEventNotification", "StatusNotification" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bench *b = bench_new(NULL);
        bench_answer(b, kinds[i], BENCH_SILENCE);
        bench_start(b);
        bench_advance(b, 300000);
        int connects = b->connects;
        bench_forget(b);
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1000);
        bench_state(b, 1, EVSE_CONNECTED);
        bench_token(b, 1, CARD, "ISO14443");
        bench_advance(b, 150000);
        bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
        bench_state(b, 1, EVSE_CHARGING);
        bench_state(b, 1, EVSE_AVAILABLE);
        bench_advance(b, 600000);
        bench_call(b, "GetTransactionStatus", "{}", "{'messagesInQueue': false}");
        assert_int_equal(b->connects, connects); /* the link is not deaf */
        bench_free(b);
    }
}

static void a_csms_that_hangs_for_hours_costs_no_event(void **state)
{
    static const char *const kinds[] = { "TransactionEvent", "Heartbeat", "StatusNotification" };
    struct bench *b = *state;
    for (size_t i = 0; i < 3; i++)
        bench_answer(b, kinds[i], BENCH_SILENCE);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1000);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 4 * 3600000);
    bench_forget(b);
    for (size_t i = 0; i < 3; i++)
        bench_answer(b, kinds[i], "");
    bench_advance(b, 600000);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'seqNo': 0}");
    session_event(b, "Ended", "EVCommunicationLost", "'seqNo': 1");
}

static void an_event_given_up_on_a_living_link_costs_no_link(void **state) /* TC_E_41 */
{
    struct bench *b = *state;
    int connects = b->connects;
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 600000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 5);
    assert_int_equal(b->connects, connects);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_for_a_card_taken_back_does_not_authorize_a_remote_start),
        TEST(an_answer_for_a_card_that_would_stop_does_not_start_another),
        cmocka_unit_test(a_kind_that_is_never_answered_does_not_keep_the_events_back),
        TEST(a_csms_that_hangs_for_hours_costs_no_event),
        TEST(an_event_given_up_on_a_living_link_costs_no_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
