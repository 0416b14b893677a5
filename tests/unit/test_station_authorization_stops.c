/* Who may stop a transaction: the one who began it, the group, the master pass. */
#include "tests/support/session.h"

#include <stdlib.h>

/* ---- the token ---- */

static void the_same_token_ends_it_without_asking(void **state) /* C01.FR.03, E07.FR.01 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_token(b, 1, "04a1b2c3", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Ended", "StopAuthorized", NULL);
    bench_expect_nothing(b);
}

static void a_token_of_another_type_is_another_token(void **state) /* C01.FR.25 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_token(b, 1, CARD, "KeyCode");
    bench_expect(b, "Authorize", "{'idToken': {'type': 'KeyCode'}}");
    bench_expect_nothing(b);
}

static void a_stranger_stops_nothing(void **state) /* TC_C_04 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '04FFFFFF'}}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

static void an_answer_counts_for_the_token_of_its_event_only(void **state) /* C09.FR.11 */
{
    (void)state;
    struct bench *b = session_points("EVConnected", "EVConnected");
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}}}");
    free(session_charging(b, 0));
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");                      /* the first driver goes on */
    bench_reply(b, "{'idTokenInfo': {'status': 'Blocked'}}"); /* to the stop by the second */
    bench_answer(b, "TransactionEvent", "");
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443"); /* who still is authorized */
    session_event(b, "Updated", "StopAuthorized", NULL);
    bench_free(b);
}

/* ---- the group ---- */

static void the_same_group_may_stop_it(void **state) /* C09.FR.03, C09.FR.05 */
{
    struct bench *b = *state;
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}}}");
    free(session_charging(b, 0));
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '04FFFFFF'}}");
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Ended", "StopAuthorized",
                  "'idToken': {'idToken': '04FFFFFF'}, 'transactionInfo': {'stoppedReason': 'Local'}");
}

static void the_same_group_but_not_accepted_stops_nothing(void **state) /* C09.FR.11 */
{
    struct bench *b = *state;
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}}}");
    free(session_charging(b, 0));
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Expired', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}}}");
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

static void the_group_may_come_with_the_answer_to_the_event(void **state) /* C09.FR.12 */
{
    struct bench *b = *state;
    bench_answer(
        b, "TransactionEvent",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}}}");
    free(session_charging(b, 0));
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'Family', 'type': 'Central'}}}");
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_command(b, 1, EVSE_STOP);
}

/* ---- the master pass ---- */

static void a_master_pass_stops_but_does_not_start(void **state) /* C16 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "MASTER");
    free(session_charging(b, 0));
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'MASTER', 'type': 'Central'}}}");
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Ended", "StopAuthorized", "'transactionInfo': {'stoppedReason': 'MasterPass'}");
    bench_forget(b);
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

static void a_master_pass_at_an_idle_evse_stops_the_others(void **state) /* C16.FR.02, C16.FR.03, C16.FR.07 */
{
    (void)state;
    struct bench *b = bench_new(
        &(struct bench_options){ .evse_count = 3,
                                 .presets = { { "TxCtrlr", "TxStartPoint", NULL, "Authorized" },
                                              { "AuthCtrlr", "MasterPassGroupId", NULL, "POLICE" } },
                                 .preset_count = 2 });
    bench_boot(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_token(b, 2, "04FFFFFF", "ISO14443");
    bench_forget(b);
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'POLICE', 'type': 'Central'}}}");
    bench_token(b, 3, "04EEEEEE", "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '04EEEEEE'}}");
    for (int i = 0; i < 2; i++)
        bench_expect(b, "TransactionEvent",
                     "{'eventType': 'Ended', 'triggerReason': 'StopAuthorized', 'idToken': {'idToken': "
                     "'04EEEEEE'}, 'transactionInfo': {'stoppedReason': 'MasterPass'}}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void a_master_pass_that_is_not_accepted_stops_nothing(void **state) /* C16.FR.02, C09.FR.11 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "POLICE");
    free(session_charging(b, 0));
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Blocked', 'groupIdToken': {'idToken': 'POLICE', 'type': 'Central'}}}");
    bench_token(b, 1, "04EEEEEE", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_token_ends_it_without_asking),
        TEST(a_token_of_another_type_is_another_token),
        TEST(a_stranger_stops_nothing),
        cmocka_unit_test(an_answer_counts_for_the_token_of_its_event_only),
        TEST(the_same_group_may_stop_it),
        TEST(the_same_group_but_not_accepted_stops_nothing),
        TEST(the_group_may_come_with_the_answer_to_the_event),
        TEST(a_master_pass_stops_but_does_not_start),
        cmocka_unit_test(a_master_pass_at_an_idle_evse_stops_the_others),
        TEST(a_master_pass_that_is_not_accepted_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
