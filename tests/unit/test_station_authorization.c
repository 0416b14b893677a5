/* Who is asked for, and for whom energy flows. */
#include "tests/support/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static void the_token_goes_out_in_upper_case(void **state) /* C01.FR.02 */
{
    struct bench *b = *state;
    bench_token(b, 1, "04a1b2c3", "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '04A1B2C3', 'type': 'ISO14443'}}");
    session_event(b, "Started", "Authorized", "'idToken': {'idToken': '04A1B2C3', 'type': 'ISO14443'}");
}

static void a_key_code_goes_out_as_it_is(void **state) /* C01.FR.02 */
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

static void the_csms_can_read_which_tokens_there_are(void **state)
{
    (void)state;
    struct bench_options options = { .evse_count = 3, .abilities = bench_abilities() };
    (void)snprintf(options.abilities.id_token_type, sizeof(options.abilities.id_token_type), "ISO14443");
    struct bench *b = bench_new(&options);
    bench_boot(b);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'AuthCtrlr'}, 'variable': {'name':"
               " 'SupportedIdTokenTypes'}}]}",
               "{'getVariableResult': [{'attributeValue': 'Central,NoAuthorization,ISO14443'}]}");
    bench_free(b);
}

/* ---- whom energy is for ---- */

static void nothing_flows_before_someone_is_authorized(void **state) /* C01.FR.01, C06.FR.01 */
{
    struct bench *b = *state;
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", NULL);
    bench_expect_limit(b, 1, 32);
    bench_advance(b, 200000);
    bench_expect_no_command(b);
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_expect_no_command(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_command(b, 1, EVSE_START);
}

static void only_identifiers_are_asked_for_once_each(void **state) /* C01.FR.04, C06.FR.03 */
{
    struct bench *b = *state;
    session_plug(b);
    bench_token(b, 1, CARD, "ISO14443");
    session_charge(b, 0);
    session_charge(b, 500);
    bench_advance(b, 600000);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 600000);
    assert_int_equal(bench_count(b, "Authorize"), 1);
    bench_expect_later(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
}

static void a_local_identifier_is_asked_for(void **state) /* C06.FR.02 */
{
    struct bench *b = *state;
    bench_token(b, 1, "Ticket-17", "Local");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': 'Ticket-17', 'type': 'Local'}}");
    session_event(b, "Started", "Authorized", "'idToken': {'idToken': 'Ticket-17', 'type': 'Local'}");
}

static void an_authorization_nobody_uses_ends(void **state) /* C01.FR.26 */
{
    (void)state;
    struct bench *b = session_points("PowerPathClosed", "Authorized");
    session_set(b, "TxCtrlr", "EVConnectionTimeOut", "30");
    session_tap(b);
    bench_advance(b, 31000);
    bench_forget(b);
    session_plug(b);
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    bench_free(b);
}

static void another_token_does_not_go_on_with_the_transaction(void **state) /* C01.FR.23 */
{
    (void)state;
    struct bench *b = session_points("EVConnected", "EVConnected");
    free(session_charging(b, 0));
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    session_tap(b); /* whose it is may */
    session_event(b, "Updated", "Authorized", NULL);
    bench_expect_command(b, 1, EVSE_START);
    bench_free(b);
}

static void where_none_is_needed_a_token_is_passed_on_unasked(void **state) /* C02 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "Enabled", "false");
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", "'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}");
    session_plug(b);
    session_event(b, "Updated", "CablePluggedIn", "'idToken': null");
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
}

static void an_identifier_of_the_csms_is_not_asked_for(void **state)
/* C03.FR.01, C05.FR.01, C05.FR.03, C05.FR.05 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    session_plug(b);
    bench_forget(b);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 9, 'idToken': {'idToken': 'APP', 'type': 'Central'}}",
               "{'status': 'Accepted'}");
    session_event(
        b, "Updated", "RemoteStart",
        "'transactionInfo': {'remoteStartId': 9}, 'idToken': {'idToken': 'APP', 'type': 'Central'}");
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Updated", "ChargingStateChanged", "'idToken': null");
    bench_expect_nothing(b);
}

/* ---- the CSMS's answers ---- */

static void a_late_answer_lets_nobody_in_who_went_away(void **state) /* C01.FR.01 */
{
    struct bench *b = *state;
    session_plug(b);
    bench_forget(b);
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_advance(b, 40000); /* given up */
    session_tap(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}"); /* to the first */
    bench_expect_no_command(b);
    bench_expect_nothing(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_command(b, 1, EVSE_START);
}

static void only_the_first_answer_counts(void **state) /* C01.FR.01 */
{
    struct bench *b = *state;
    char frame[200];
    session_plug(b);
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_event(b, "Started", "CablePluggedIn", NULL);
    bench_expect_limit(b, 1, 32);
    session_tap(b);
    AUTO_FREE char *id = strdup(json_string_value(json_array_get(json_array_get(b->unanswered, 0), 0)));
    bench_reply(b, "{'idTokenInfo': {'status': 'Invalid'}}");
    (void)snprintf(frame, sizeof(frame), "[3,\"%s\",{\"idTokenInfo\":{\"status\":\"Accepted\"}}]", id);
    bench_frame(b, frame);
    bench_expect_no_command(b);
    bench_expect_nothing(b);
}

static void the_status_of_a_certificate_nobody_showed_means_nothing(void **state) /* C01 */
{
    struct bench *b = *state;
    bench_answer(b, "Authorize",
                 "{'certificateStatus': 'NoCertificateAvailable', 'idTokenInfo': {'status': 'Accepted'}}");
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
}

static void each_evse_has_a_token_of_its_own(void **state) /* C01.FR.03 */
{
    (void)state;
    struct bench *b =
        bench_new(&(struct bench_options){ .evse_count = 2,
                                           .presets = { { "TxCtrlr", "TxStartPoint", NULL, "Authorized" } },
                                           .preset_count = 1 });
    bench_boot(b);
    bench_answer(b, "Authorize", BENCH_SILENCE);
    bench_token(b, 1, CARD, "ISO14443");
    bench_token(b, 2, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted', 'evseId': [1]}}");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '04FFFFFF'}}");
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted', 'evseId': [2]}}");
    bench_expect(b, "TransactionEvent", "{'evse': {'id': 1}, 'idToken': {'idToken': '" CARD "'}}");
    bench_expect(b, "TransactionEvent", "{'evse': {'id': 2}, 'idToken': {'idToken': '04FFFFFF'}}");
    bench_token(b, 2, CARD, "ISO14443"); /* of the other EVSE: a stranger here */
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
    bench_reply(b, "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_expect_nothing(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "TransactionEvent", "{'triggerReason': 'StopAuthorized'}");
    bench_free(b);
}

/* ---- key codes ---- */

static void enter(struct bench *b, const char *code)
{
    bench_token(b, 1, code, "KeyCode");
}

static void guessing_key_codes_takes_longer_and_longer(void **state) /* C04.FR.06 */
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Invalid'}}");
    for (int i = 0; i < 3; i++)
        enter(b, "0000");
    assert_int_equal(bench_count(b, "Authorize"), 3);
    bench_forget(b);
    for (int64_t wait_ms = 10000; wait_ms < 700000; wait_ms *= 2) {
        bench_advance(b, (wait_ms < 600000 ? wait_ms : 600000) - 1000);
        bench_forget(b);
        enter(b, "0001");
        assert_int_equal(bench_count(b, "Authorize"), 0);
        bench_advance(b, 1000);
        bench_forget(b);
        enter(b, "0001");
        assert_int_equal(bench_count(b, "Authorize"), 1);
        bench_forget(b);
    }
    bench_answer(b, "Authorize", "");
    bench_forget(b);
    session_tap(b); /* cards are not guessed */
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_advance(b, 600000);
    bench_forget(b);
    enter(b, "1234");
    bench_expect(b, "Authorize", "{'idToken': {'type': 'KeyCode'}}");
    bench_forget(b);
    enter(b, "1234"); /* the right one ends it at once */
    session_event(b, "Ended", "StopAuthorized", NULL);
}

static void a_key_code_is_not_displayed(void **state) /* C04.FR.04 */
{
    struct bench *b = *state;
    enter(b, "1234");
    bench_settle(b);
    json_t *status = station_status(b->station);
    char *text = json_dumps(status, 0);
    assert_non_null(strstr(text, "chargingState"));
    assert_null(strstr(text, "1234"));
    free(text);
    json_decref(status);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_token_goes_out_in_upper_case),
        TEST(a_key_code_goes_out_as_it_is),
        TEST(what_is_not_accepted_does_not_charge),
        TEST(an_unanswered_question_is_a_no),
        TEST(without_authorization_required_a_plug_is_enough),
        TEST(nothing_is_asked_where_that_is_forbidden),
        TEST(an_inoperative_evse_takes_no_token),
        TEST(two_taps_before_the_plug_take_it_back),
        cmocka_unit_test(the_owner_releases_a_cable_that_stayed_locked),
        cmocka_unit_test(the_csms_can_read_which_tokens_there_are),
        TEST(nothing_flows_before_someone_is_authorized),
        TEST(only_identifiers_are_asked_for_once_each),
        TEST(a_local_identifier_is_asked_for),
        cmocka_unit_test(an_authorization_nobody_uses_ends),
        cmocka_unit_test(another_token_does_not_go_on_with_the_transaction),
        TEST(where_none_is_needed_a_token_is_passed_on_unasked),
        TEST(an_identifier_of_the_csms_is_not_asked_for),
        TEST(a_late_answer_lets_nobody_in_who_went_away),
        TEST(only_the_first_answer_counts),
        TEST(the_status_of_a_certificate_nobody_showed_means_nothing),
        cmocka_unit_test(each_evse_has_a_token_of_its_own),
        TEST(guessing_key_codes_takes_longer_and_longer),
        TEST(a_key_code_is_not_displayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
