/* The authorization cache at the door: who is let in, asked for or stopped by what is in it. */
#include "tests/support/token_cache.h"

#include <stdio.h>

/* ---- what it is for ---- */

static void
a_token_that_was_accepted_is_not_asked_for_again(void **state) /* C12.FR.02, C12.FR.04, C01.FR.05 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_forget(b);
    bench_token(b, 1, "04a1b2c3", "ISO14443"); /* C01.FR.25: the same */
    session_event(b, "Updated", "Authorized", "'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}");
    bench_expect_command(b, 1, EVSE_START);
    bench_expect_nothing(b);
}

static void the_same_value_of_another_type_is_asked_for(void **state) /* C01.FR.25, C01.FR.02 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    bench_token(b, 1, CARD, "ISO15693");
    bench_expect(b, "Authorize", "{'idToken': {'type': 'ISO15693'}}");
}

static void without_local_pre_authorization_each_token_is_asked_for(void **state) /* TC_C_36 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
    token_cache_learn(b, CARD, ACCEPTED);
    session_tap(b);
}

static void a_disabled_cache_neither_learns_nor_answers(void **state) /* C10.FR.11 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    session_set(b, "AuthCacheCtrlr", "Enabled", "false");
    assert_non_null(token_cache_find(b, CARD)); /* what is in it stays */
    token_cache_learn(b, CARD, ACCEPTED);
    token_cache_learn(b, FRIEND, ACCEPTED);
    session_set(b, "AuthCacheCtrlr", "Enabled", "true");
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
    assert_null(token_cache_find(b, FRIEND));
}

static void what_was_refused_is_asked_for_again(void **state) /* C10.FR.03, C12.FR.05, C10.FR.01 */
{
    struct bench *b = *state;
    for (int i = 0; i < AUTHORIZATION_STATUSES; i++) {
        char answer[100];
        (void)snprintf(answer, sizeof(answer), "{'idTokenInfo': {'status': '%s'}}",
                       authorization_status_names[i]);
        session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
        token_cache_learn(b, CARD, answer);
        session_set(b, "AuthCtrlr", "LocalPreAuthorize", "true");
        assert_int_equal(token_cache_find(b, CARD)->status, i);
        bench_answer(b, "Authorize", answer);
        bench_token(b, 1, CARD, "ISO14443");
        assert_int_equal(bench_count(b, "Authorize"), i == STATUS_ACCEPTED ? 0 : 1);
        if (i == STATUS_ACCEPTED)
            bench_token(b, 1, CARD, "ISO14443"); /* taken back */
        bench_forget(b);
    }
}

static void what_was_refused_may_be_refused_without_asking(void **state) /* TC_C_57 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, INVALID);
    session_set(b, "AuthCacheCtrlr", "DisablePostAuthorize", "true");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_nothing(b);
    token_cache_learn(b, FRIEND, ACCEPTED);
    bench_token(b, 1, FRIEND, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
    bench_token(b, 1, CARD, "ISO14443"); /* nor to stop */
    bench_expect_nothing(b);
}

static void with_remote_authorization_disabled_only_the_cache_counts(void **state) /* TC_E_52 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
    session_set(b, "AuthCtrlr", "DisableRemoteAuthorization", "true");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_nothing(b);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
}

static void a_token_of_another_evse_is_asked_for_here(void **state) /* C01.FR.21 */
{
    struct bench *b = *state;
    token_cache_tell(b, CARD, "{'status': 'Accepted', 'evseId': [2, 3, 99]}");
    assert_int_equal(token_cache_find(b, CARD)->evses, 6);
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL); /* the CSMS says something else now */
    assert_true(token_cache_find(b, CARD)->evses == EVERY_EVSE);
}

static void
a_remote_start_that_must_be_authorized_asks_the_cache_first(void **state) /* C12.FR.02, F01.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    token_cache_learn(b, CARD, ACCEPTED);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 3, 'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}}",
               "{'status': 'Accepted'}");
    session_event(b, "Started", "RemoteStart", "'idToken': {'idToken': '" CARD "'}");
}

/* ---- offline ---- */

static void offline_a_known_token_charges(void **state) /* C12, C15, E04 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
    token_cache_learn(b, CARD, ACCEPTED);
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_no_command(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
}

static void offline_a_known_token_may_be_forbidden(void **state) /* C15.FR.08 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "LocalAuthorizeOffline", "false");
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    token_cache_learn(b, CARD, ACCEPTED);
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_no_command(b);
    bench_token(b, 1, FRIEND, "ISO14443"); /* not in the cache */
    bench_expect_command(b, 1, EVSE_START);
}

static void offline_a_refused_token_is_not_unknown(void **state) /* C15 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    token_cache_learn(b, CARD, "{'idTokenInfo': {'status': 'Blocked'}}");
    token_cache_tell(b, FRIEND, "{'status': 'Accepted', 'evseId': [2]}");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_token(b, 1, FRIEND, "ISO14443"); /* C01.FR.21 */
    bench_expect_no_command(b);
}

static void
an_offline_start_with_a_token_that_is_no_longer_valid_is_stopped(void **state) /* C12.FR.06, TC_C_16 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_link_lost(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", INVALID);
    bench_link_back(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_later(b, "TransactionEvent", "{'triggerReason': 'Authorized', 'offline': true}");
    session_event(b, "Updated", "ChargingStateChanged", "'offline': true");
    session_event(b, "Ended", "Deauthorized", "'offline': null");
    assert_int_equal(token_cache_find(b, CARD)->status, STATUS_INVALID);
}

/* ---- groups and master pass ---- */

static void a_known_member_of_the_group_stops_without_asking(void **state) /* C01.FR.03, C09.FR.07 */
{
    struct bench *b = *state;
    token_cache_tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    token_cache_tell(b, FRIEND, "{'status': 'Accepted', " FAMILY "}");
    session_plug(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Ended", "StopAuthorized",
                  "'idToken': {'idToken': '" FRIEND "'}, 'transactionInfo': {'stoppedReason': 'Local'}");
    bench_expect_nothing(b);
}

static void offline_a_known_member_of_the_group_stops_it(void **state) /* C09.FR.07, C09.FR.03 */
{
    struct bench *b = *state;
    token_cache_tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    token_cache_tell(b, FRIEND, "{'status': 'Accepted', " FAMILY "}");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_token(b, 1, "04EEEEEE", "ISO14443"); /* nobody knows that one */
    bench_expect_no_command(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
}

static void a_member_that_was_refused_is_asked_for_and_stops_nothing(void **state) /* C09.FR.11, TC_C_44 */
{
    struct bench *b = *state;
    token_cache_tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    token_cache_tell(b, FRIEND, "{'status': 'Invalid', " FAMILY "}");
    session_plug(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Invalid', " FAMILY "}}");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" FRIEND "'}}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

static void
a_known_master_pass_starts_nothing_and_stops_all(void **state) /* C12.FR.09, C16.FR.03, C16.FR.04, TC_C_14 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "Master");
    token_cache_tell(b, FRIEND, "{'status': 'Accepted', " MASTER "}");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    token_cache_learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_settle(b);
    session_event(b, "Ended", "StopAuthorized",
                  "'idToken': {'idToken': '" FRIEND "'}, 'transactionInfo': {'stoppedReason': 'MasterPass'}");
    bench_expect_nothing(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, token_cache_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_that_was_accepted_is_not_asked_for_again),
        TEST(the_same_value_of_another_type_is_asked_for),
        TEST(without_local_pre_authorization_each_token_is_asked_for),
        TEST(a_disabled_cache_neither_learns_nor_answers),
        TEST(what_was_refused_is_asked_for_again),
        TEST(what_was_refused_may_be_refused_without_asking),
        TEST(with_remote_authorization_disabled_only_the_cache_counts),
        TEST(a_token_of_another_evse_is_asked_for_here),
        TEST(a_remote_start_that_must_be_authorized_asks_the_cache_first),
        TEST(offline_a_known_token_charges),
        TEST(offline_a_known_token_may_be_forbidden),
        TEST(offline_a_refused_token_is_not_unknown),
        TEST(an_offline_start_with_a_token_that_is_no_longer_valid_is_stopped),
        TEST(a_known_member_of_the_group_stops_without_asking),
        TEST(offline_a_known_member_of_the_group_stops_it),
        TEST(a_member_that_was_refused_is_asked_for_and_stops_nothing),
        TEST(a_known_master_pass_starts_nothing_and_stops_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
