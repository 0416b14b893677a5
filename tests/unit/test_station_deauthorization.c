/* Who is let in without the CSMS while the link is down, and what becomes of a transaction when the CSMS refuses afterwards. */
#include "tests/support/session.h"

#include <stdlib.h>

/* ---- offline ---- */

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

/* ---- refused while charging ---- */

static void
a_refused_token_without_a_cable_leaves_a_transaction_that_times_out(void **state) /* E05.FR.09, E03.FR.05 */
{
    (void)state;
    struct bench *b = session_points("Authorized", "EVConnected");
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Blocked'}}");
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    session_event(b, "Updated", "Deauthorized", NULL);
    bench_advance(b, 59000);
    bench_expect_nothing(b);
    bench_advance(b, 1000);
    session_event(b, "Ended", "EVConnectTimeout", NULL);
    bench_free(b);
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

/* ---- authorized offline, and the CSMS thinks otherwise ---- */

/* Nobody knows the card, and there is no one to ask. */
static void authorized_offline(struct bench *b)
{
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
}

static struct bench *charging_offline(const char *stop_point)
{
    struct bench *b = session_points("EVConnected,Authorized", stop_point);
    authorized_offline(b);
    session_charge(b, 0);
    session_charge(b, 100);
    bench_forget(b);
    return b;
}

/* The link is back, and the CSMS has heard of what happened. */
static void tell_what_happened(struct bench *b, const char *answer)
{
    bench_answer(b, "TransactionEvent", answer);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'offline': true}");
    session_event(b, "Updated", "Authorized", "'offline': true, 'idToken': {'idToken': '" CARD "'}");
    session_event(b, "Updated", "ChargingStateChanged", "'offline': true");
}

/* The link is back, and the CSMS answers so to what was begun offline. */
static void the_csms_refuses_and_the_device_stops(struct bench *b, const char *answer)
{
    bench_answer(b, "TransactionEvent", answer);
    bench_link_back(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
    session_event(b, "Updated", "Authorized", NULL);
    session_event(b, "Updated", "ChargingStateChanged", "'offline': true");
}

static void what_was_begun_offline_is_told(void **state) /* C15.FR.02 */
{
    (void)state;
    struct bench *b = charging_offline("EVConnected,Authorized");
    tell_what_happened(b, "");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    bench_free(b);
}

static void stop_on_invalid_id_ends_it(void **state) /* E05.FR.10, C15.FR.04, TC_E_16 */
{
    struct bench *b = *state;
    authorized_offline(b);
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    the_csms_refuses_and_the_device_stops(b, "{'idTokenInfo': {'status': 'Invalid'}}");
    session_event(b, "Ended", "Deauthorized",
                  "'transactionInfo': {'stoppedReason': 'DeAuthorized', 'chargingState': 'EVConnected'}, "
                  "'offline': null");
    bench_expect_no_command(b); /* the cable stays locked: E05.FR.11 */
    bench_expect_nothing(b);
}

static void refused_afterwards_the_energy_ends_where_the_cable_counts(void **state) /* C15.FR.03 */
{
    (void)state;
    struct bench *b = charging_offline("EVConnected");
    the_csms_refuses_and_the_device_stops(b, "{'idTokenInfo': {'status': 'Blocked'}}");
    session_event(b, "Updated", "Deauthorized", "'transactionInfo': {'chargingState': 'EVConnected'}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void refused_afterwards_the_transaction_ends(void **state) /* C15.FR.04, C15.FR.05 */
{
    static const char *const points[] = { "Authorized", "EVConnected,PowerPathClosed",
                                          "EVConnected,EnergyTransfer" };
    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        struct bench *b = charging_offline(points[i]);
        the_csms_refuses_and_the_device_stops(b, "{'idTokenInfo': {'status': 'Invalid'}}");
        bench_expect_later(b, "TransactionEvent",
                           "{'eventType': 'Ended', 'triggerReason': 'Deauthorized', 'offline': null,"
                           " 'transactionInfo': {'stoppedReason': 'DeAuthorized'}}");
        bench_expect_no_command(b); /* the cable stays locked */
        bench_free(b);
    }
}

static void refused_afterwards_the_energy_stops_and_the_transaction_goes_on(void **state) /* C15.FR.06 */
{
    (void)state;
    struct bench *b = session_points("EVConnected,Authorized", "EVConnected,Authorized");
    session_set(b, "TxCtrlr", "StopTxOnInvalidId", "false");
    authorized_offline(b);
    session_charge(b, 100);
    bench_forget(b);
    tell_what_happened(b, "{'idTokenInfo': {'status': 'Invalid'}}");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'SuspendedEVSE'}, 'offline': null");
    bench_expect_nothing(b);
    bench_free(b);
}

static void refused_afterwards_some_energy_may_still_be_had(void **state) /* C15.FR.07 */
{
    (void)state;
    struct bench *b = session_points("EVConnected,Authorized", "EVConnected,Authorized");
    session_set(b, "TxCtrlr", "StopTxOnInvalidId", "false");
    session_set(b, "TxCtrlr", "MaxEnergyOnInvalidId", "500");
    authorized_offline(b);
    session_charge(b, 0);
    session_charge(b, 300);
    bench_forget(b);
    tell_what_happened(b, "{'idTokenInfo': {'status': 'Invalid'}}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    session_charge(b, 499);
    bench_expect_no_command(b);
    session_charge(b, 500);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offline_nobody_unknown_charges),
        TEST(offline_an_unknown_one_charges_where_that_is_allowed),
        TEST(a_link_lost_while_asking_is_offline),
        cmocka_unit_test(a_refused_token_without_a_cable_leaves_a_transaction_that_times_out),
        cmocka_unit_test(stop_on_invalid_id_ends_the_energy_only_where_the_cable_counts),
        TEST(an_invalid_id_may_have_some_energy),
        TEST(an_invalid_id_without_allowance_gets_none),
        cmocka_unit_test(what_was_begun_offline_is_told),
        TEST(stop_on_invalid_id_ends_it),
        cmocka_unit_test(refused_afterwards_the_energy_ends_where_the_cable_counts),
        cmocka_unit_test(refused_afterwards_the_transaction_ends),
        cmocka_unit_test(refused_afterwards_the_energy_stops_and_the_transaction_goes_on),
        cmocka_unit_test(refused_afterwards_some_energy_may_still_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
