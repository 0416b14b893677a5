#include "tests/support/session.h"

#include <stdlib.h>

static int setup(void **state)
{
    *state = session_points("Authorized,EVConnected", "Authorized,EVConnected");
    return 0;
}

static void the_token_goes_out_in_upper_case(void **state) /* C01.FR.02 */
{
    struct bench *b = *state;
    bench_token(b, 1, "04a1b2c3", "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '04A1B2C3', 'type': 'ISO14443'}}");
    session_event(b, "Started", "Authorized", "'idToken': {'idToken': '04A1B2C3', 'type': 'ISO14443'}");
}

static void a_key_code_goes_out_as_it_is(void **state)
{
    struct bench *b = *state;
    bench_token(b, 1, "a1b2", "KeyCode");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': 'a1b2'}}");
}

static void what_is_not_accepted_does_not_charge(void **state) /* C01 */
{
    static const char *const answers[] = {
        "{'idTokenInfo': {'status': 'Invalid'}}",
        "{'idTokenInfo': {'status': 'Blocked'}}",
        "{'idTokenInfo': {'status': 'Unknown'}}",
        "{'idTokenInfo': {'status': 'Accepted', 'evseId': [2, 3]}}", /* C01.FR.21 */
        BENCH_ERROR("InternalError"),
    };
    struct bench *b = *state;
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", NULL);
    bench_forget(b);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        bench_answer(b, "Authorize", answers[i]);
        session_tap(b);
        bench_expect_nothing(b);
        bench_expect_no_command(b);
    }
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Accepted', 'evseId': [1]}}");
    session_tap(b);
    session_event(b, "Updated", "Authorized", NULL);
    bench_expect_command(b, 1, EVSE_START);
}

static void an_unanswered_question_is_a_no(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_token(b, 1, CARD, "ISO14443"); /* impatience changes nothing */
    bench_expect_nothing(b);
    bench_advance(b, 40000);
    bench_answer(b, "Authorize", "");
    bench_expect_nothing(b);
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
}

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

static void the_same_group_may_stop_it(void **state) /* C09.FR.03 */
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

static void offline_nobody_unknown_charges(void **state) /* C15 */
{
    struct bench *b = *state;
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_no_command(b);
}

static void offline_an_unknown_one_charges_where_that_is_allowed(void **state) /* C15.FR.08, E04 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
    bench_link_back(b);
    bench_expect_later(
        b, "TransactionEvent",
        "{'eventType': 'Started', 'triggerReason': 'CablePluggedIn', 'offline': true, 'seqNo': 0}");
    session_event(b, "Updated", "Authorized",
                  "'offline': true, 'idToken': {'idToken': '" CARD "'}, 'seqNo': 1");
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Ended", "StopAuthorized", "'offline': null");
}

static void a_link_lost_while_asking_is_offline(void **state)
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    session_plug(b);
    bench_forget(b);
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_link_lost(b);
    bench_expect_command(b, 1, EVSE_START);
}

static void stop_on_invalid_id_ends_it(void **state) /* E05.FR.10, C15.FR.04, TC_E_16 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Invalid'}}");
    bench_link_back(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
    session_event(b, "Updated", "Authorized", NULL);
    session_event(b, "Updated", "ChargingStateChanged", "'offline': true");
    session_event(b, "Ended", "Deauthorized",
                  "'transactionInfo': {'stoppedReason': 'DeAuthorized', 'chargingState': 'EVConnected'}, "
                  "'offline': null");
    bench_expect_no_command(b); /* the cable stays locked: E05.FR.11 */
    bench_expect_nothing(b);
}

static void stop_on_invalid_id_ends_the_energy_only_where_the_cable_counts(void **state) /* E05.FR.09 */
{
    (void)state;
    struct bench *b = session_points("EVConnected", "EVConnected");
    session_plug(b);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Blocked'}}");
    session_tap(b);
    session_event(b, "Updated", "Authorized", NULL);
    session_event(b, "Updated", "Deauthorized", "'transactionInfo': {'chargingState': 'EVConnected'}");
    session_unplug(b);
    session_event(b, "Ended", "EVCommunicationLost", "'transactionInfo': {'stoppedReason': 'DeAuthorized'}");
    bench_free(b);
}

static void an_invalid_id_may_have_some_energy(void **state) /* E05.FR.03, E05.FR.02 */
{
    struct bench *b = *state;
    session_set(b, "TxCtrlr", "StopTxOnInvalidId", "false");
    session_set(b, "TxCtrlr", "MaxEnergyOnInvalidId", "500");
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Invalid'}}");
    free(session_charging(b, 1000));
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1499);
    bench_expect_no_command(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1500);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'SuspendedEVSE'}");
    bench_expect_nothing(b);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Ended", "StopAuthorized", "'transactionInfo': {'stoppedReason': 'Local'}");
}

static void an_invalid_id_without_allowance_gets_none(void **state) /* E05.FR.02 */
{
    struct bench *b = *state;
    session_set(b, "TxCtrlr", "StopTxOnInvalidId", "false");
    session_plug(b);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Invalid'}}");
    session_tap(b);
    session_event(b, "Updated", "Authorized", NULL);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'SuspendedEVSE'}");
    bench_expect_command(b, 1, EVSE_START);
    bench_expect_command(b, 1, EVSE_STOP);
}

static void without_authorization_required_a_plug_is_enough(void **state) /* C02.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "Enabled", "false");
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", "'idToken': {'idToken': '', 'type': 'NoAuthorization'}");
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_nothing(b);
}

static void nothing_is_asked_where_that_is_forbidden(void **state) /* TC_E_52 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "DisableRemoteAuthorization", "true");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_nothing(b);
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", NULL);
    bench_expect_limit(b, 1, 32);
    bench_expect_no_command(b);
}

static void an_inoperative_evse_takes_no_token(void **state) /* G03 */
{
    struct bench *b = *state;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_nothing(b);
}

static void two_taps_before_the_plug_take_it_back(void **state)
{
    struct bench *b = *state;
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Ended", "StopAuthorized", "'transactionInfo': {'stoppedReason': 'Local'}");
    bench_advance(b, 120000);
    bench_expect_nothing(b);
}

static void the_owner_releases_a_cable_that_stayed_locked(void **state) /* E09.FR.03 */
{
    (void)state;
    struct bench_options options = { .abilities = bench_abilities() };
    options.abilities.lock_state = true;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    session_set(b, "OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "false");
    b->signals[0].locked = true;
    free(session_charging(b, 0));
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_expect_nothing(b);
    bench_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_token_goes_out_in_upper_case),
        TEST(a_key_code_goes_out_as_it_is),
        TEST(what_is_not_accepted_does_not_charge),
        TEST(an_unanswered_question_is_a_no),
        TEST(the_same_token_ends_it_without_asking),
        TEST(a_token_of_another_type_is_another_token),
        TEST(a_stranger_stops_nothing),
        TEST(the_same_group_may_stop_it),
        TEST(the_same_group_but_not_accepted_stops_nothing),
        TEST(the_group_may_come_with_the_answer_to_the_event),
        TEST(a_master_pass_stops_but_does_not_start),
        TEST(offline_nobody_unknown_charges),
        TEST(offline_an_unknown_one_charges_where_that_is_allowed),
        TEST(a_link_lost_while_asking_is_offline),
        TEST(stop_on_invalid_id_ends_it),
        cmocka_unit_test(stop_on_invalid_id_ends_the_energy_only_where_the_cable_counts),
        TEST(an_invalid_id_may_have_some_energy),
        TEST(an_invalid_id_without_allowance_gets_none),
        TEST(without_authorization_required_a_plug_is_enough),
        TEST(nothing_is_asked_where_that_is_forbidden),
        TEST(an_inoperative_evse_takes_no_token),
        TEST(two_taps_before_the_plug_take_it_back),
        cmocka_unit_test(the_owner_releases_a_cable_that_stayed_locked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
