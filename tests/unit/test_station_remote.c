#include "tests/support/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

#define START "{'remoteStartId': 42, 'evseId': 1, 'idToken': {'idToken': 'APP1', 'type': 'Central'}}"
#define START_CARD                                                                                           \
    "{'remoteStartId': 42, 'evseId': 1, 'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}}"

static int setup(void **state)
{
    *state = session_points("PowerPathClosed", "EVConnected,Authorized");
    return 0;
}

static int setup_two(void **state)
{
    struct bench_options options = { .evse_count = 2 };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    *state = b;
    return 0;
}

static void stop_transaction(struct bench *b, const char *id, const char *expected)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "{'transactionId': '%s'}", id);
    bench_call(b, "RequestStopTransaction", text, expected);
}

static void a_start_with_the_vehicle_there(void **state) /* F01.FR.02, .04, .05, .17, .18, .19 */
{
    struct bench *b = *state;
    session_plug(b);
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted', 'transactionId': null}");
    session_event(
        b, "Started", "RemoteStart",
        "'transactionInfo': {'remoteStartId': 42}, 'idToken': {'idToken': 'APP1', 'type': 'Central'}");
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'remoteStartId': null}, 'idToken': null");
}

static void a_start_before_the_vehicle_comes(void **state) /* F02.FR.01, .05, .10, .12, .13, .21 */
{
    struct bench *b = *state;
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
    bench_expect_nothing(b);
    session_plug(b);
    session_event(b, "Started", "RemoteStart",
                  "'transactionInfo': {'remoteStartId': 42, 'chargingState': 'EVConnected'}, 'idToken': "
                  "{'idToken': 'APP1'}");
}

/* Also for a remote start before the vehicle comes. */
static void a_card_is_authorized_before_the_vehicle_comes(void **state) /* F02.FR.09 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    bench_call(b, "RequestStartTransaction", START_CARD, "{'status': 'Accepted'}");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
    bench_expect_nothing(b);
    session_plug(b);
    session_event(b, "Started", "RemoteStart", "'transactionInfo': {'remoteStartId': 42}");
}

static void a_transaction_nobody_plugs_in_for_ends(void **state) /* F02.FR.07 */
{
    (void)state;
    struct bench *b = session_points("Authorized", "Authorized");
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
    session_event(b, "Started", "RemoteStart",
                  "'transactionInfo': {'remoteStartId': 42}, 'idToken': {'idToken': 'APP1'}");
    bench_advance(b, 59999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    session_event(b, "Ended", "EVConnectTimeout", "'transactionInfo': {'stoppedReason': 'Timeout'}");
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
    session_event(b, "Started", "RemoteStart", NULL);
    bench_free(b);
}

static void a_transaction_of_the_parking_bay_only_loses_its_driver(void **state) /* F02.FR.08 */
{
    (void)state;
    struct bench_options options = { .abilities = bench_abilities(),
                                     .presets = { { "TxCtrlr", "TxStartPoint", NULL, "ParkingBayOccupancy" },
                                                  { "TxCtrlr", "TxStopPoint", NULL, "ParkingBayOccupancy" } },
                                     .preset_count = 2 };
    options.abilities.parking_bay = true;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    b->signals[0].bay = BAY_OCCUPIED;
    bench_signals(b, 1);
    session_event(b, "Started", "EVDetected", NULL);
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted', 'transactionId': '*'}");
    session_event(b, "Updated", "RemoteStart", "'transactionInfo': {'remoteStartId': 42}");
    bench_advance(b, 60000);
    session_event(b, "Updated", "EVConnectTimeout", NULL);
    b->signals[0].bay = BAY_FREE;
    bench_signals(b, 1);
    session_event(b, "Ended", "EVDeparted", "'transactionInfo': {'stoppedReason': 'Timeout'}");
    bench_free(b);
}

static void a_start_nobody_plugs_in_for_is_forgotten(void **state) /* C01.FR.26 */
{
    struct bench *b = *state;
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
    bench_advance(b, 60000);
    session_plug(b);
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

static void a_start_tells_the_transaction_that_is_there(void **state) /* F01.FR.13, F01.FR.25 */
{
    (void)state;
    struct bench *b = session_points("EVConnected", "EVConnected");
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", NULL);
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted', 'transactionId': '*'}");
    session_event(b, "Updated", "RemoteStart",
                  "'transactionInfo': {'remoteStartId': 42}, 'idToken': {'idToken': 'APP1'}");
    bench_free(b);
}

static void a_card_is_authorized_first_where_asked_for(void **state) /* F01.FR.01, C05.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    session_plug(b);
    bench_call(b, "RequestStartTransaction", START_CARD, "{'status': 'Accepted'}");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
    session_event(b, "Started", "RemoteStart", "'transactionInfo': {'remoteStartId': 42}");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
    bench_expect_nothing(b); /* Central is not asked for */
}

/* The CSMS sees the token in the event and says what it thinks of it. */
static void a_start_whose_token_the_csms_does_not_accept_is_stopped(void **state) /* F01.FR.03, F02.FR.11 */
{
    static const bool plugged_first[] = { true, false };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench *b = session_points("Authorized", "Authorized");
        bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Invalid'}}");
        if (plugged_first[i])
            session_plug(b);
        bench_forget(b);
        bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
        session_event(b, "Started", "RemoteStart", "'idToken': {'idToken': 'APP1', 'type': 'Central'}");
        if (plugged_first[i]) {
            bench_expect_limit(b, 1, 32);
            bench_expect_command(b, 1, EVSE_START);
            bench_expect_command(b, 1, EVSE_STOP);
            bench_state(b, 1, EVSE_CONNECTED);
        }
        session_event(b, "Ended", "Deauthorized", "'transactionInfo': {'stoppedReason': 'DeAuthorized'}");
        bench_free(b);
    }
}

static void events_of_a_remote_session_carry_meter_values(void **state) /* F01.FR.14, F01.FR.15 */
{
    (void)state;
    struct bench *b = session_bench((const char *const[]){ "SampledDataCtrlr.TxUpdatedInterval=60",
                                                           "SampledDataCtrlr.TxEndedInterval=60",
                                                           "AlignedDataCtrlr.Interval=0", NULL });
    for (int vehicle_first = 0; vehicle_first < 2; vehicle_first++) { /* F02.FR.02, F02.FR.03 */
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1000);
        if (vehicle_first)
            session_plug(b);
        bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
        if (!vehicle_first)
            session_plug(b);
        const json_t *event = session_event(b, "Started", "RemoteStart", NULL);
        assert_true(session_value(event, "Transaction.Begin", "Energy.Active.Import.Register") == 1000);
        session_charge(b, 1000);
        session_event(b, "Updated", "ChargingStateChanged", NULL);
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1100);
        bench_advance(b, 60000);
        event = session_event(b, "Updated", "MeterValuePeriodic", NULL);
        assert_true(session_value(event, "Sample.Periodic", "Energy.Active.Import.Register") == 1100);
        char *id = strdup(json_get_string(json_object_get(event, "transactionInfo"), "transactionId", ""));
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1200);
        stop_transaction(b, id, "{'status': 'Accepted'}"); /* F03.FR.04 */
        free(id);
        bench_state(b, 1, EVSE_CONNECTED);
        event = session_event(b, "Ended", "RemoteStop", NULL);
        assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 1200);
        bench_state(b, 1, EVSE_AVAILABLE);
        bench_forget(b);
    }
    bench_free(b);
}

/* What was collected for the end and is too much loses values from its middle, whichever way a remote stop ends it. */
static void too_much_is_thinned(void **state) /* F03.FR.05, F03.FR.06, F04.FR.05, F04.FR.06 */
{
    static const char *const stop_points[] = { "Authorized", "EVConnected" };
    (void)state;
    for (int i = 0; i < 2; i++) {
        char stop[60];
        (void)snprintf(stop, sizeof(stop), "TxCtrlr.TxStopPoint=%s", stop_points[i]);
        struct bench *b = session_bench((const char *const[]){
            "TxCtrlr.TxStartPoint=PowerPathClosed", stop, "SampledDataCtrlr.TxUpdatedInterval=0",
            "SampledDataCtrlr.TxEndedInterval=10", "AlignedDataCtrlr.Interval=0", NULL });
        char *id = session_charging(b, 100);
        bench_advance(b, 10000 * 300);
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 900);
        stop_transaction(b, id, "{'status': 'Accepted'}");
        bench_state(b, 1, EVSE_CONNECTED);
        bench_state(b, 1, EVSE_AVAILABLE);
        const json_t *event = bench_expect_later(b, "TransactionEvent", "{}");
        while (strcmp(json_get_string(event, "eventType", ""), "Ended") != 0)
            event = bench_expect_later(b, "TransactionEvent", "{}");
        assert_in_range(json_array_size(json_object_get(event, "meterValue")), 40, 101);
        assert_true(session_value(event, "Transaction.Begin", "Energy.Active.Import.Register") == 100);
        assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 900);
        free(id);
        bench_free(b);
    }
}

static void the_end_after_a_remote_stop_carries_meter_values(void **state) /* F04.FR.04 */
{
    (void)state;
    struct bench *b = session_points("EVConnected", "EVConnected");
    char *id = session_charging(b, 1000);
    stop_transaction(b, id, "{'status': 'Accepted'}");
    session_event(b, "Updated", "RemoteStop", NULL);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1200);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Updated", "ChargingStateChanged", NULL);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 1200);
    free(id);
    bench_free(b);
}

#define PROFILE(purpose)                                                                                     \
    "'chargingProfile': {'id': 7, 'stackLevel': 0, 'chargingProfilePurpose': '" purpose "',"                 \
    " 'chargingProfileKind': 'Relative', 'chargingSchedule': [{'id': 1, 'chargingRateUnit': 'A',"            \
    " 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 10}]}]}"
#define START_WITH(profile)                                                                                  \
    "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': 'A', 'type': 'Central'}, " profile "}"

static void a_profile_comes_before_the_vehicle(void **state) /* F02.FR.18, F02.FR.27, F01.FR.26 */
{
    struct bench *b = *state;
    bench_call(b, "RequestStartTransaction", START_WITH(PROFILE("TxDefaultProfile")),
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidProfile'}}");
    bench_call(b, "RequestStartTransaction", START_WITH(PROFILE("TxProfile")), "{'status': 'Accepted'}");
    session_plug(b);
    session_event(b, "Started", "RemoteStart", NULL);
    bench_expect_limit(b, 1, 10);
    bench_expect_command(b, 1, EVSE_START);
}

static void a_station_without_limits_ignores_the_profile(void **state) /* F01.FR.12, F02.FR.20; TC_K_38 */
{
    (void)state;
    struct bench_options options = { .abilities = bench_abilities() };
    options.abilities.limit = false;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    bench_call(b, "RequestStartTransaction", START_WITH(PROFILE("TxProfile")), "{'status': 'Accepted'}");
    session_plug(b);
    session_event(b, "Started", "RemoteStart", NULL);
    bench_expect_command(b, 1, EVSE_START);
    bench_expect_no_command(b);
    bench_free(b);
}

static void a_card_that_is_not_accepted_does_not_start(void **state)
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    session_plug(b);
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Blocked'}}");
    bench_call(b, "RequestStartTransaction", START_CARD, "{'status': 'Accepted'}");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_answer(b, "Authorize", "");
    session_tap(b);
    session_event(b, "Started", "Authorized", "'transactionInfo': {'remoteStartId': null}");
}

static void what_cannot_be_started_is_rejected(void **state) /* F01.FR.23, F01.FR.24, F02.FR.25, F02.FR.26 */
{
    struct bench *b = *state;
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'evseId': 9, 'idToken': {'idToken': 'A', 'type': 'Central'}}",
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'UnknownEvse'}}");
    free(session_charging(b, 0));
    bench_call(b, "RequestStartTransaction", START,
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'TxInProgress'}}");
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'idToken': {'idToken': 'A', 'type': 'Central'}}",
               "{'status': 'Rejected'}");
    bench_state(b, 1, EVSE_FAULTED);
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Rejected'}");
    bench_state(b, 1, EVSE_AVAILABLE);
    static const char *const places[] = { "", ", 'evse': {'id': 1}",
                                          ", 'evse': {'id': 1, 'connectorId': 1}" };
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        char request[100];
        (void)snprintf(request, sizeof(request), "{'operationalStatus': 'Inoperative'%s}", places[i]);
        bench_call(b, "ChangeAvailability", request, "{'status': 'Accepted'}");
        bench_call(b, "RequestStartTransaction", START, "{'status': 'Rejected'}");
        bench_call(b, "RequestStartTransaction",
                   "{'remoteStartId': 1, 'idToken': {'idToken': 'A', 'type': 'Central'}}",
                   "{'status': 'Rejected'}");
        (void)snprintf(request, sizeof(request), "{'operationalStatus': 'Operative'%s}", places[i]);
        bench_call(b, "ChangeAvailability", request, "{'status': 'Accepted'}");
    }
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
}

static void a_silent_charger_cannot_be_started(void **state) /* F01.FR.23 */
{
    struct bench *b = *state;
    bench_silent(b, 1);
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Rejected'}");
}

static void without_an_evse_the_waiting_vehicle_is_taken(void **state) /* F01.FR.20, F02.FR.22 */
{
    struct bench *b = *state;
    bench_state(b, 2, EVSE_CONNECTED);
    bench_forget(b);
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'idToken': {'idToken': 'A', 'type': 'Central'}}",
               "{'status': 'Accepted'}");
    session_event(b, "Started", "RemoteStart", "'evse': {'id': 2, 'connectorId': 1}");
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 2, 'idToken': {'idToken': 'B', 'type': 'Central'}}",
               "{'status': 'Accepted'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{}");
    session_event(b, "Started", "RemoteStart", "'evse': {'id': 1}, 'idToken': {'idToken': 'B'}");
}

/* The CSMS was told Accepted, so it learns of the failure, even where a transaction would begin with the energy only. */
static void a_start_that_fails_at_the_device_is_told(void **state)
{
    (void)state;
    struct bench *b = session_points("EnergyTransfer", "EnergyTransfer");
    session_plug(b);
    b->command_error = -ERR_REFUSED;
    bench_call(b, "RequestStartTransaction", START, "{'status': 'Accepted'}");
    session_event(b, "Started", "RemoteStart",
                  "'transactionInfo': {'remoteStartId': 42, 'chargingState': 'EVConnected'}");
    session_event(b, "Ended", "AbnormalCondition", "'transactionInfo': {'stoppedReason': 'Other'}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void a_stop_ends_it(void **state) /* F03.FR.03, .07, .09, .10 */
{
    struct bench *b = *state;
    char *id = session_charging(b, 0);
    stop_transaction(b, id, "{'status': 'Accepted'}");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Ended", "RemoteStop",
                  "'transactionInfo': {'stoppedReason': 'Remote'}, 'idToken': null");
    stop_transaction(b, id, "{'status': 'Rejected'}"); /* F03.FR.08 */
    free(id);
}

static void
a_stop_ends_the_energy_only_where_the_cable_counts(void **state) /* F03.FR.02, F04.FR.02, F04.FR.03 */
{
    (void)state;
    struct bench *b = session_points("EVConnected", "EVConnected");
    char *id = session_charging(b, 0);
    stop_transaction(b, id, "{'status': 'Accepted'}");
    session_event(b, "Updated", "RemoteStop", NULL);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_command(b, 1, EVSE_UNLOCK); /* not under load */
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'EVConnected'}");
    session_unplug(b);
    session_event(b, "Ended", "EVCommunicationLost", "'transactionInfo': {'stoppedReason': 'Remote'}");
    free(id);
    bench_free(b);
}

static void unlock_is_answered_when_it_is_done(void **state) /* F05.FR.01, .04, .05, .06 */
{
    struct bench *b = *state;
    bench_call(b, "UnlockConnector", "{'evseId': 1, 'connectorId': 1}", "{'status': 'Unlocked'}");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    b->command_error = -ERR_NO_EFFECT;
    bench_call(b, "UnlockConnector", "{'evseId': 1, 'connectorId': 1}", "{'status': 'UnlockFailed'}");
}

static void an_unlock_that_takes_time_is_answered_later(void **state)
{
    struct bench *b = *state;
    b->hold_commands = true;
    bench_frame(b, "[2,\"u1\",\"UnlockConnector\",{\"evseId\":1,\"connectorId\":1}]");
    assert_null(json_object_get(b->responses, "u1"));
    bench_advance(b, 3000);
    bench_command_done(b, 0);
    assert_string_equal(json_get_string(json_array_get(json_object_get(b->responses, "u1"), 2), "status", ""),
                        "Unlocked");
}

static void unlock_spares_an_authorized_transaction(void **state) /* F05.FR.02, F05.FR.03 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    bench_call(b, "UnlockConnector", "{'evseId': 1, 'connectorId': 1}",
               "{'status': 'OngoingAuthorizedTransaction'}");
    bench_call(b, "UnlockConnector", "{'evseId': 1, 'connectorId': 2}", "{'status': 'UnknownConnector'}");
    bench_call(b, "UnlockConnector", "{'evseId': 2, 'connectorId': 1}", "{'status': 'UnknownConnector'}");
    bench_expect_no_command(b);
}

/* E14.FR.01, E14.FR.02, E14.FR.03, E14.FR.04, E14.FR.05, E14.FR.06, E14.FR.07, E14.FR.08 */
static void the_status_of_a_transaction(void **state)
{
    struct bench *b = *state;
    char text[100];
    bench_call(b, "GetTransactionStatus", "{}", "{'messagesInQueue': false, 'ongoingIndicator': null}");
    bench_call(b, "GetTransactionStatus", "{'transactionId': 'none'}",
               "{'messagesInQueue': false, 'ongoingIndicator': false}");
    char *id = session_charging(b, 0);
    (void)snprintf(text, sizeof(text), "{'transactionId': '%s'}", id);
    bench_call(b, "GetTransactionStatus", text, "{'messagesInQueue': false, 'ongoingIndicator': true}");
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    session_unplug(b);
    bench_call(b, "GetTransactionStatus", text, "{'messagesInQueue': true, 'ongoingIndicator': false}");
    bench_call(b, "GetTransactionStatus", "{}", "{'messagesInQueue': true, 'ongoingIndicator': null}");
    bench_reply(b, "{}");
    bench_call(b, "GetTransactionStatus", text, "{'messagesInQueue': false, 'ongoingIndicator': false}");
    free(id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_with_the_vehicle_there),
        TEST(a_start_before_the_vehicle_comes),
        TEST(a_card_is_authorized_before_the_vehicle_comes),
        cmocka_unit_test(a_transaction_nobody_plugs_in_for_ends),
        cmocka_unit_test(a_transaction_of_the_parking_bay_only_loses_its_driver),
        TEST(a_start_nobody_plugs_in_for_is_forgotten),
        cmocka_unit_test(a_start_tells_the_transaction_that_is_there),
        TEST(a_card_is_authorized_first_where_asked_for),
        cmocka_unit_test(a_start_whose_token_the_csms_does_not_accept_is_stopped),
        cmocka_unit_test(events_of_a_remote_session_carry_meter_values),
        cmocka_unit_test(too_much_is_thinned),
        cmocka_unit_test(the_end_after_a_remote_stop_carries_meter_values),
        TEST(a_profile_comes_before_the_vehicle),
        cmocka_unit_test(a_station_without_limits_ignores_the_profile),
        TEST(a_card_that_is_not_accepted_does_not_start),
        TEST(what_cannot_be_started_is_rejected),
        TEST(a_silent_charger_cannot_be_started),
        cmocka_unit_test_setup_teardown(without_an_evse_the_waiting_vehicle_is_taken, setup_two,
                                        bench_teardown),
        cmocka_unit_test(a_start_that_fails_at_the_device_is_told),
        TEST(a_stop_ends_it),
        cmocka_unit_test(a_stop_ends_the_energy_only_where_the_cable_counts),
        TEST(unlock_is_answered_when_it_is_done),
        TEST(an_unlock_that_takes_time_is_answered_later),
        TEST(unlock_spares_an_authorized_transaction),
        TEST(the_status_of_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
