#include "tests/support/session.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"

#define ENERGY "Energy.Active.Import.Register"

static int setup(void **state)
{
    *state = session_points("PowerPathClosed", "EVConnected,Authorized");
    return 0;
}

static int setup_early(void **state)
{
    *state = session_points("EVConnected,Authorized", "EVConnected,Authorized");
    return 0;
}

static int setup_cable(void **state)
{
    *state = session_points("EVConnected", "EVConnected");
    return 0;
}

/* E02, E07, E01.FR.10, E02.FR.01, E07.FR.02, E07.FR.05, E07.FR.07 */
static void a_session_from_plug_to_unplug(void **state)
{
    struct bench *b = *state;
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1000);
    session_plug(b);
    bench_expect_nothing(b);
    session_tap(b);
    const json_t *event =
        session_event(b, "Started", "Authorized",
                      "'seqNo': 0, 'offline': null, 'transactionInfo': {'chargingState': 'EVConnected'},"
                      "'idToken': {'idToken': '" CARD "'}, 'evse': {'id': 1, 'connectorId': 1}");
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 1000);
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);

    session_charge(b, 1000);
    session_event(
        b, "Updated", "ChargingStateChanged",
        "'seqNo': 1, 'idToken': null, 'evse': null, 'transactionInfo': {'chargingState': 'Charging'}");
    bench_advance(b, 60000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1200);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_nothing(b); /* it still charges: the last reading is to come */
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1201);
    bench_state(b, 1, EVSE_CONNECTED);
    event = session_event(b, "Ended", "StopAuthorized",
                          "'seqNo': 2, 'idToken': {'idToken': '" CARD
                          "'}, 'transactionInfo': {'stoppedReason': 'Local',"
                          "'chargingState': 'EVConnected', 'timeSpentCharging': 60}");
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 1000);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 1201);
    bench_expect_command(b, 1, EVSE_UNLOCK); /* E07.FR.07 */
    session_unplug(b);
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

static void each_session_has_an_id_of_its_own(void **state) /* E01.FR.08, E02.FR.08 */
{
    struct bench *b = *state;
    char *first = session_charging(b, 0);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    char *second = session_charging(b, 0);
    assert_string_not_equal(first, second);
    free(first);
    free(second);
}

static void unplugging_ends_it(void **state) /* E09.FR.01, E06.FR.02 */
{
    struct bench *b = *state;
    free(session_charging(b, 500));
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 700);
    session_unplug(b);
    const json_t *event =
        session_event(b, "Ended", "EVCommunicationLost",
                      "'transactionInfo': {'chargingState': 'Idle', 'stoppedReason': 'EVDisconnected'},"
                      "'idToken': null");
    assert_true(session_value(event, "Transaction.End", ENERGY) == 700);
    bench_expect_command(b, 1, EVSE_UNLOCK); /* E09.FR.02 */
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_nothing(b);
}

/* E01.FR.16, E01.FR.09, E01.FR.17, E02.FR.21, E03.FR.01, E03.FR.11, E05.FR.08 */
static void the_evse_is_told_when_the_vehicle_comes(void **state)
{
    struct bench *b = *state;
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 10);
    session_tap(b);
    session_event(
        b, "Started", "Authorized",
        "'transactionInfo': {'chargingState': 'Idle'}, 'evse': {'id': 1}, 'idToken': {'idToken': '" CARD
        "'}");
    bench_expect_limit(b, 1, 32);
    bench_expect_no_command(b);
    session_plug(b);
    const json_t *event = session_event(b, "Updated", "CablePluggedIn",
                                        "'seqNo': 1, 'idToken': null, 'evse': {'id': 1, 'connectorId': 1},"
                                        "'transactionInfo': {'chargingState': 'EVConnected'}");
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 10);
    bench_expect_command(b, 1, EVSE_START);
    session_charge(b, 10);
    session_event(b, "Updated", "ChargingStateChanged", "'seqNo': 2, 'evse': null, 'meterValue': null");
}

static void no_vehicle_in_time_ends_it(void **state) /* E03.FR.05 */
{
    struct bench *b = *state;
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    bench_advance(b, 59999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    bench_expect_limit(b, 1, 32);
    session_event(b, "Ended", "EVConnectTimeout",
                  "'seqNo': 1, 'transactionInfo': {'stoppedReason': 'Timeout'}");
    session_plug(b); /* TC_E_39: it may start, but not charge */
    session_event(b, "Started", "CablePluggedIn", "'idToken': null");
    bench_expect_no_command(b);
}

static void a_device_that_does_not_start_ends_it(void **state) /* E06.FR.16 */
{
    struct bench *b = *state;
    session_plug(b);
    b->command_error = -ERR_REFUSED;
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    session_event(b, "Ended", "AbnormalCondition", "'transactionInfo': {'stoppedReason': 'Other'}");
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_nothing(b);
}

static void a_silent_device_ends_it(void **state)
{
    struct bench *b = *state;
    session_plug(b);
    b->hold_commands = true;
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    bench_command_done(b, 0); /* limit */
    bench_command_done(b, -ERR_NO_ANSWER);
    session_event(b, "Ended", "AbnormalCondition", "'transactionInfo': {'stoppedReason': 'Other'}");
}

static void a_vehicle_that_does_not_want_energy_yet_is_suspended(
    void **state) /* TC_E_38, E01.FR.18, E01.FR.19, E02.FR.13 */
{
    struct bench *b = *state;
    session_plug(b);
    b->hold_commands = true;
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    bench_command_done(b, 0);
    bench_state(b, 1, EVSE_SUSPENDED_EV);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'SuspendedEV'}");
    bench_command_done(b, -ERR_NO_EFFECT); /* the contactor is not seen to close: the vehicle does not ask */
    bench_expect_nothing(b);
}

static void charging_without_authorization_is_stopped(void **state) /* C01.FR.01 */
{
    struct bench *b = *state;
    session_plug(b);
    bench_forget(b);
    bench_state(b, 1, EVSE_CHARGING);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_advance(b, 4000);
    bench_expect_no_command(b);
    bench_advance(b, 1000);
    bench_expect_command(b, 1, EVSE_STOP); /* it charges on: once more */
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_advance(b, 600000);
    bench_expect_no_command(b);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
}

static void an_idle_device_is_stopped_at_the_start(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_silent(b, 1);
    bench_start(b);
    bench_expect_no_command(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b);
    bench_free(b);
}

static void a_device_that_does_not_stop_holds_the_end_up_for_a_while_only(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 100));
    bench_token(b, 1, CARD, "ISO14443");
    bench_advance(b, 29999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    session_event(b, "Ended", "StopAuthorized",
                  "'transactionInfo': {'stoppedReason': 'Local', 'chargingState': 'Charging'}");
}

static void a_fault_is_told_and_outlived(void **state) /* E02.FR.17 */
{
    struct bench *b = *state;
    free(session_charging(b, 100));
    bench_state(b, 1, EVSE_FAULTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Faulted'}");
    session_event(b, "Updated", "AbnormalCondition", "'transactionInfo': {'chargingState': 'SuspendedEVSE'}");
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'EVConnected'}");
    bench_expect_command(b, 1, EVSE_START); /* it may have forgotten */
}

static void a_charger_that_falls_silent_keeps_its_transaction(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 100));
    bench_silent(b, 1);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
    bench_advance(b, 3000000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_forget(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 900);
    bench_state(b, 1, EVSE_CHARGING);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect_nothing(b);
    session_unplug(b);
    const json_t *event = session_event(b, "Ended", "EVCommunicationLost", NULL);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 900);
}

static void a_vehicle_that_left_a_silent_charger_has_disconnected(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 100));
    bench_silent(b, 1);
    bench_forget(b);
    session_unplug(b);
    session_event(b, "Ended", "EVCommunicationLost",
                  "'transactionInfo': {'stoppedReason': 'EVDisconnected'}");
}

static void unplugged_but_still_authorized_waits_for_the_vehicle(void **state) /* E10 */
{
    (void)state;
    const char *presets[] = { "TxCtrlr.TxStopPoint=Authorized", "TxCtrlr.StopTxOnEVSideDisconnect=false",
                              "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0", NULL };
    struct bench *b = session_bench(presets);
    free(session_charging(b, 100));
    session_unplug(b);
    session_event(b, "Updated", "EVCommunicationLost", "'transactionInfo': {'chargingState': 'Idle'}");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_advance(b, 30000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 5100);
    session_plug(b); /* a second time: it did not begin here */
    session_event(
        b, "Updated", "CablePluggedIn",
        "'evse': {'id': 1}, 'meterValue': null, 'transactionInfo': {'chargingState': 'EVConnected'}");
    bench_expect_command(b, 1, EVSE_START);
    session_unplug(b);
    session_event(b, "Updated", "EVCommunicationLost", NULL);
    bench_advance(b, 60000);
    session_event(b, "Ended", "EVConnectTimeout",
                  "'transactionInfo': {'stoppedReason': 'Timeout'}"); /* E10.FR.02 */
    bench_free(b);
}

static void a_token_stops_energy_but_not_a_transaction_until_the_cable_is_out(
    void **state) /* E07, fig. 55, E02.FR.06, E02.FR.20, E01.FR.15 */
{
    struct bench *b = *state;
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", "'idToken': null, 'evse': {'id': 1, 'connectorId': 1}");
    session_tap(b);
    session_event(b, "Updated", "Authorized", "'idToken': {'idToken': '" CARD "'}, 'evse': null");
    session_charge(b, 0);
    session_event(b, "Updated", "ChargingStateChanged", NULL);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Updated", "StopAuthorized", "'idToken': {'idToken': '" CARD "'}");
    bench_state(b, 1, EVSE_SUSPENDED_EVSE);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'EVConnected'}");
    session_unplug(b);
    session_event(b, "Ended", "EVCommunicationLost",
                  "'transactionInfo': {'stoppedReason': 'Local', 'chargingState': 'Idle'}");
    bench_expect_nothing(b);
}

static void the_same_token_may_go_on(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, "04FFFFFF", "ISO14443"); /* C01.FR.23 */
    bench_expect_nothing(b);
    session_tap(b);
    session_event(b, "Updated", "Authorized", "'idToken': {'idToken': '" CARD "'}");
    bench_expect_command(b, 1, EVSE_START);
    session_unplug(b);
    session_event(b, "Ended", "EVCommunicationLost",
                  "'transactionInfo': {'stoppedReason': 'EVDisconnected'}");
}

static void an_immediate_reset_ends_it(void **state) /* B12 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Ended', 'triggerReason': 'ResetCommand',"
                       " 'transactionInfo': {'stoppedReason': 'ImmediateReset'}}");
}

static void a_plug_is_told_by_status_and_by_event(void **state) /* E02.FR.05, E02.FR.06 */
{
    struct bench *b = *state;
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied', 'evseId': 1, 'connectorId': 1}");
    session_event(b, "Started", "CablePluggedIn", NULL);
    bench_expect_nothing(b);
}

/* A device that does not tell a pause of the vehicle from a vehicle that merely is there. */
static void
a_pause_that_is_no_suspension_to_the_device_is_ev_connected(void **state) /* E01.FR.20, E01.FR.18 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'EVConnected'}");
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Updated", "ChargingStateChanged", "'transactionInfo': {'chargingState': 'Charging'}");
}

static void an_evse_has_one_transaction_whatever_its_connectors(void **state) /* E01.FR.14 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    const char *presets[] = { "TxCtrlr.TxStartPoint=Authorized", NULL };
    abilities.connectors = 2;
    struct bench *b = session_bench_of(&abilities, presets);
    free(session_charging(b, 0));
    bench_token(b, 1, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': 'APP', 'type': 'Central'}}",
               "{'status': 'Rejected'}");
    bench_expect_nothing(b);
    bench_free(b);
}

/* Two things happened between two looks at the device: two events. */
static void a_vehicle_that_is_seen_charging_was_plugged_in_before(void **state) /* E03.FR.12, E02.FR.17 */
{
    struct bench *b = *state;
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    bench_state(b, 1, EVSE_CHARGING);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    session_event(b, "Updated", "CablePluggedIn",
                  "'seqNo': 1, 'evse': {'id': 1, 'connectorId': 1}, 'transactionInfo': {'chargingState': "
                  "'EVConnected'}");
    session_event(b, "Updated", "ChargingStateChanged",
                  "'seqNo': 2, 'transactionInfo': {'chargingState': 'Charging'}");
    bench_expect_nothing(b);
}

static void what_the_cable_bears_is_told_with_the_plug(void **state)
{
    struct bench *b = *state;
    bench_measure(b, 1, MEASURE_CABLE_MAX_CURRENT, 20);
    session_tap(b);
    session_event(b, "Started", "Authorized", "'cableMaxCurrent': null");
    session_plug(b);
    session_event(b, "Updated", "CablePluggedIn", "'cableMaxCurrent': 20");
    session_charge(b, 0);
    session_event(b, "Updated", "ChargingStateChanged", "'cableMaxCurrent': null");
}

static void the_first_values_come_with_the_vehicle_without_a_link_too(void **state) /* E04.FR.11 */
{
    (void)state;
    const char *presets[] = { "TxCtrlr.TxStartPoint=Authorized",
                              "AuthCtrlr.OfflineTxForUnknownIdEnabled=true",
                              "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0", NULL };
    struct bench *b = session_bench(presets);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 10);
    bench_link_lost(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_advance(b, 1000);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'offline': true}");
    const json_t *event =
        session_event(b, "Updated", "CablePluggedIn", "'offline': true, 'evse': {'connectorId': 1}");
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 10);
    bench_free(b);
}

static void phases_in_use_are_told_once(void **state) /* E02.FR.18, E02.FR.19, E03.FR.13 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L1, 16);
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L2, 0.1);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent'}", "{'status': 'Accepted'}");
    session_event(b, "Updated", "Trigger",
                  "'numberOfPhasesUsed': 1, 'transactionInfo': {'chargingState': 'Charging'}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent'}", "{'status': 'Accepted'}");
    session_event(b, "Updated", "Trigger", "'numberOfPhasesUsed': null");
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L2, 16);
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L3, 16);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent'}", "{'status': 'Accepted'}");
    session_event(b, "Updated", "Trigger", "'numberOfPhasesUsed': 3"); /* E03.FR.14 */
}

static void
phases_in_use_are_told_where_nothing_is_sampled(void **state) /* E02.FR.18, E02.FR.19, E03.FR.13, E03.FR.14 */
{
    struct bench *b = *state;
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L1, 16);
    session_plug(b);
    session_tap(b);
    bench_forget(b);
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Updated", "ChargingStateChanged", "'numberOfPhasesUsed': 1");
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L2, 16);
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L3, 16);
    bench_expect_nothing(b); /* not while the currents still rise */
    bench_advance(b, 60000);
    session_event(b, "Updated", "ChargingRateChanged", "'numberOfPhasesUsed': 3");
    bench_advance(b, 600000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
}

static void without_a_transaction_none_is_triggered(void **state) /* F06.FR.05 */
{
    struct bench *b = *state;
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent'}", "{'status': 'Rejected'}");
    bench_expect_nothing(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_from_plug_to_unplug, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(each_session_has_an_id_of_its_own, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(unplugging_ends_it, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(the_evse_is_told_when_the_vehicle_comes, setup_early, bench_teardown),
        cmocka_unit_test_setup_teardown(no_vehicle_in_time_ends_it, setup_early, bench_teardown),
        cmocka_unit_test_setup_teardown(a_device_that_does_not_start_ends_it, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_silent_device_ends_it, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_vehicle_that_does_not_want_energy_yet_is_suspended, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(charging_without_authorization_is_stopped, setup, bench_teardown),
        cmocka_unit_test(an_idle_device_is_stopped_at_the_start),
        cmocka_unit_test_setup_teardown(a_device_that_does_not_stop_holds_the_end_up_for_a_while_only, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_fault_is_told_and_outlived, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_charger_that_falls_silent_keeps_its_transaction, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_vehicle_that_left_a_silent_charger_has_disconnected, setup,
                                        bench_teardown),
        cmocka_unit_test(unplugged_but_still_authorized_waits_for_the_vehicle),
        cmocka_unit_test_setup_teardown(a_token_stops_energy_but_not_a_transaction_until_the_cable_is_out,
                                        setup_cable, bench_teardown),
        cmocka_unit_test_setup_teardown(the_same_token_may_go_on, setup_cable, bench_teardown),
        cmocka_unit_test_setup_teardown(an_immediate_reset_ends_it, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_plug_is_told_by_status_and_by_event, setup_cable, bench_teardown),
        cmocka_unit_test_setup_teardown(a_pause_that_is_no_suspension_to_the_device_is_ev_connected, setup,
                                        bench_teardown),
        cmocka_unit_test(an_evse_has_one_transaction_whatever_its_connectors),
        cmocka_unit_test_setup_teardown(a_vehicle_that_is_seen_charging_was_plugged_in_before, setup_early,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(what_the_cable_bears_is_told_with_the_plug, setup_early,
                                        bench_teardown),
        cmocka_unit_test(the_first_values_come_with_the_vehicle_without_a_link_too),
        cmocka_unit_test_setup_teardown(phases_in_use_are_told_once, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(phases_in_use_are_told_where_nothing_is_sampled, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(without_a_transaction_none_is_triggered, setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
