/* How transactions end, and what comes with the end: reasons, the cable, tokens of a group, the link away. */
#include "tests/support/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"

#define OTHER_CARD "04FFFFFF"

static struct bench *charging(const char *stop_points, const char *more, const char *even_more)
{
    char stop[100];
    (void)snprintf(stop, sizeof(stop), "TxCtrlr.TxStopPoint=%s", stop_points);
    const char *presets[] = { "TxCtrlr.TxStartPoint=EVConnected",
                              stop,
                              "SampledDataCtrlr.TxUpdatedInterval=0",
                              "AlignedDataCtrlr.Interval=0",
                              more ? more : "AuthCtrlr.Enabled=true",
                              even_more,
                              NULL };
    struct evse_abilities abilities = bench_abilities();
    abilities.lock_state = true;
    struct bench *b = session_bench_of(&abilities, presets);
    b->signals[0].locked = true;
    free(session_charging(b, 100));
    return b;
}

/* The device obeys: it charges no more, the vehicle is still there. */
static void obey(struct bench *b)
{
    bench_state(b, 1, EVSE_CONNECTED);
}

static void ends(struct bench *b, const char *trigger, const char *reason)
{
    const json_t *event;
    do
        event = bench_expect_later(b, "TransactionEvent", "{}");
    while (!str_equal(json_get_string(event, "eventType", ""), "Ended"));
    const json_t *info = json_object_get(event, "transactionInfo");
    assert_string_equal(json_get_string(event, "triggerReason", ""), trigger);
    assert_string_equal(json_get_string(info, "stoppedReason", ""), reason);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
}

/* ---- reasons ---- */

static void by_card(struct bench *b)
{
    bench_token(b, 1, CARD, "ISO14443");
    obey(b);
}

static void by_csms(struct bench *b)
{
    json_t *status = station_status(b->station);
    const json_t *evse = json_array_get(json_object_get(status, "evses"), 0);
    char text[100];
    (void)snprintf(text, sizeof(text), "{'transactionId': '%s'}",
                   json_get_string(json_object_get(evse, "transaction"), "id", ""));
    json_decref(status);
    bench_call(b, "RequestStopTransaction", text, "{'status': 'Accepted'}");
    obey(b);
}

static void by_reset(struct bench *b)
{
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    obey(b);
}

static void by_unplugging(struct bench *b)
{
    bench_state(b, 1, EVSE_AVAILABLE);
}

static void by_vehicle(struct bench *b)
{
    bench_state(b, 1, EVSE_SUSPENDED_EV);
}

static void fault(struct bench *b, const char *code)
{
    (void)str_copy(b->signals[0].fault, sizeof(b->signals[0].fault), code);
    bench_state(b, 1, EVSE_FAULTED);
}

static void by_fault(struct bench *b)
{
    fault(b, "17");
}

static void by_ground_fault(struct bench *b)
{
    fault(b, "RCD tripped");
}

static void by_emergency(struct bench *b)
{
    fault(b, "emergency_stop");
}

static void by_overcurrent(struct bench *b)
{
    fault(b, "OverCurrent L2");
}

static void by_power_quality(struct bench *b)
{
    fault(b, "undervoltage");
}

static const struct {
    const char *stop_points;
    void (*act)(struct bench *b);
    const char *trigger, *reason;
} ends_rows[] = {
    { "Authorized", by_card, "StopAuthorized", "Local" }, /* E06.FR.03, E07.FR.05 */
    { "Authorized", by_csms, "RemoteStop", "Remote" },
    { "Authorized", by_reset, "ResetCommand", "ImmediateReset" },
    { "EVConnected", by_unplugging, "EVCommunicationLost", "EVDisconnected" }, /* E06.FR.02 */
    { "EnergyTransfer", by_vehicle, "ChargingStateChanged", "StoppedByEV" },   /* E06.FR.07 */
    { "EnergyTransfer", by_fault, "AbnormalCondition", "Other" },              /* E06.FR.16 */
    { "EnergyTransfer", by_ground_fault, "AbnormalCondition", "GroundFault" },
    { "EnergyTransfer", by_emergency, "AbnormalCondition", "EmergencyStop" },
    { "EnergyTransfer", by_overcurrent, "AbnormalCondition", "OvercurrentFault" },
    { "EnergyTransfer", by_power_quality, "AbnormalCondition", "PowerQuality" },
};

static void each_end_has_its_reason(void **state) /* E06.FR.08, E06.FR.15, E07.FR.06 */
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ends_rows); i++) {
        struct bench *b = charging(ends_rows[i].stop_points, NULL, NULL);
        ends_rows[i].act(b);
        ends(b, ends_rows[i].trigger, ends_rows[i].reason);
        bench_free(b);
    }
}

/* The power path is open when either of the two is gone. */
static void a_power_path_opens_by_the_plug_or_by_the_authorization(void **state) /* E06.FR.06 */
{
    (void)state;
    struct bench *b = charging("PowerPathClosed", NULL, NULL);
    by_unplugging(b);
    ends(b, "EVCommunicationLost", "EVDisconnected");
    bench_free(b);
    b = charging("PowerPathClosed", NULL, NULL);
    by_card(b);
    ends(b, "StopAuthorized", "Local");
    bench_free(b);
}

/* ---- limits of the site ---- */

static void who_has_had_all_he_may_is_authorized_no_more(void **state) /* E06.FR.03, E06.FR.08 */
{
    (void)state;
    struct bench *b = charging("Authorized", "TxCtrlr.MaxEnergy=5000", NULL);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 5099);
    bench_expect_no_command(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 5100);
    bench_expect_command(b, 1, EVSE_STOP);
    obey(b);
    ends(b, "EnergyLimitReached", "EnergyLimitReached");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_free(b);
    b = charging("Authorized", "TxCtrlr.MaxTime=3600", NULL);
    bench_advance(b, 3590000);
    bench_expect_no_command(b);
    bench_advance(b, 11000);
    bench_expect_command(b, 1, EVSE_STOP);
    obey(b);
    ends(b, "TimeLimitReached", "TimeLimitReached");
    bench_free(b);
}

/* A vehicle that pauses uses up no time; a power cut gives none back. */
static void only_time_of_charging_counts(void **state) /* E06.FR.08 */
{
    (void)state;
    struct bench *b = charging("Authorized", "TxCtrlr.MaxTime=3600", NULL);
    bench_advance(b, 3000000);
    bench_state(b, 1, EVSE_SUSPENDED_EV);
    bench_advance(b, 3600000);
    bench_restart(b);
    bench_state(b, 1, EVSE_SUSPENDED_EV);
    bench_advance(b, 3600000);
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_advance(b, 590000);
    bench_expect_no_command(b);
    bench_advance(b, 20000);
    bench_expect_command(b, 1, EVSE_STOP);
    obey(b);
    ends(b, "TimeLimitReached", "TimeLimitReached");
    bench_free(b);
}

/* The transaction goes on until its TxStopPoint, and tells then why it was over. */
static void a_limit_set_meanwhile_counts_at_once(void **state) /* E06.FR.02, E06.FR.08 */
{
    (void)state;
    struct bench *b = charging("EVConnected", NULL, NULL);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 9000);
    bench_forget(b);
    session_set(b, "TxCtrlr", "MaxEnergy", "1000");
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Updated', 'triggerReason': 'EnergyLimitReached'}");
    bench_expect_command(b, 1, EVSE_STOP);
    obey(b);
    by_unplugging(b);
    ends(b, "EVCommunicationLost", "EnergyLimitReached");
    bench_free(b);
}

/* Whoever presents his card again: the limit is the transaction's, not the authorization's. */
static void who_has_had_all_he_may_is_not_let_in_again(void **state) /* E06.FR.08 */
{
    (void)state;
    struct bench *b = charging("EVConnected", "TxCtrlr.MaxEnergy=5000", NULL);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 5100);
    bench_expect_command(b, 1, EVSE_STOP);
    obey(b);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_no_command(b);
    assert_int_equal(bench_count(b, "Authorize"), 0);
    by_unplugging(b);
    ends(b, "EVCommunicationLost", "EnergyLimitReached");
    bench_free(b);
}

/* ---- deauthorized ---- */

static struct bench *invalid(const char *stop_points, const char *more)
{
    struct bench *b = charging(stop_points, more, NULL);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Invalid'}}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    return b;
}

static void a_token_found_invalid_ends_it_where_authorization_counts(void **state) /* E06.FR.04, E05.FR.10 */
{
    (void)state;
    static const char *const points[] = { "Authorized", "PowerPathClosed", "EnergyTransfer" };
    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        struct bench *b = invalid(points[i], NULL);
        ends(b, "Deauthorized", "DeAuthorized");
        bench_expect_command(b, 1, EVSE_START);
        bench_expect_command(b, 1, EVSE_STOP);
        bench_expect_no_command(b);
        bench_free(b);
    }
}

/* The events that follow have no token; what is said then is still of the driver. */
static void credit_that_is_used_up_ends_it_too(void **state) /* E05.FR.10, C10.FR.05 */
{
    (void)state;
    struct bench *b = charging("Authorized", NULL, NULL);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'NoCredit'}}");
    by_vehicle(b);
    bench_expect_command(b, 1, EVSE_STOP);
    ends(b, "Deauthorized", "DeAuthorized");
    bench_answer(b, "TransactionEvent", "");
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "true");
    bench_forget(b);
    session_tap(b); /* asked for: not Accepted in the cache */
    bench_free(b);
}

/* Let in without a link; the CSMS accepts it, but elsewhere. */
static void a_token_of_another_evse_charges_no_longer(void **state) /* C01.FR.21 */
{
    (void)state;
    struct bench *b = session_points("EVConnected,Authorized", "Authorized");
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Accepted', 'evseId': [2]}}");
    bench_link_back(b);
    obey(b);
    ends(b, "Deauthorized", "DeAuthorized");
    bench_free(b);
}

/* Some CSMSs say Accepted in every answer, and no more: the group is still known. */
static void an_accepted_without_a_token_forgets_no_group(void **state) /* C09.FR.07 */
{
    (void)state;
    struct bench *b = session_points("EVConnected,Authorized", "Authorized");
    struct id_token token = { CARD, "ISO14443" };
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}}}");
    free(session_charging(b, 0));
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Accepted'}}");
    by_vehicle(b);
    assert_string_equal(auth_cache_find(b->station, &token)->group, "FAMILY");
    bench_free(b);
}

/* "Unknown" in the answer to an event before anyone was there is not said of who came since. */
static void what_is_said_before_there_was_a_driver_is_not_of_him(void **state) /* E05.FR.10 */
{
    (void)state;
    struct bench *b = session_points("EVConnected", "Authorized");
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", NULL);
    bench_link_lost(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
    bench_link_back(b);
    bench_reply(b, "{'idTokenInfo': {'status': 'Unknown'}}");
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Accepted'}}");
    bench_state(b, 1, EVSE_CHARGING);
    bench_expect_no_command(b);
    bench_free(b);
}

/* Whose cable it is shows by his card, whatever the CSMS thinks of it. */
static void after_a_deauthorization_the_cable_waits_for_its_owner(void **state) /* E05.FR.11 */
{
    (void)state;
    struct bench *b = invalid("Authorized", NULL);
    ends(b, "Deauthorized", "DeAuthorized");
    b->commands = (json_decref(b->commands), json_array());
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Blocked'}}");
    bench_token(b, 1, OTHER_CARD, "ISO14443");
    bench_expect_no_command(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_free(b);
}

/* ---- the cable ---- */

static void a_stop_by_the_driver_unlocks_the_cable(void **state) /* E06.FR.10, E07.FR.07 */
{
    (void)state;
    struct bench *b = charging("Authorized", NULL, NULL);
    by_card(b);
    ends(b, "StopAuthorized", "Local");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_free(b);
}

static void a_vehicle_that_ends_it_gives_the_cable_back(void **state) /* E06.FR.10 */
{
    (void)state;
    struct bench *b = charging("EnergyTransfer", NULL, NULL);
    by_vehicle(b);
    ends(b, "ChargingStateChanged", "StoppedByEV");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_expect_no_command(b);
    bench_free(b);
    b = charging("EVConnected", NULL, NULL); /* a pause, as far as we know */
    by_vehicle(b);
    bench_expect_no_command(b);
    bench_free(b);
    b = charging("EnergyTransfer", NULL, NULL); /* not normal: the cable stays where it is */
    by_fault(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b);
    bench_free(b);
}

/* TxStopPoint keeps the transaction: the stop is told at once, but a cable is not released while energy flows through it. */
static void a_cable_is_not_released_under_load(void **state) /* E07.FR.07 */
{
    (void)state;
    struct bench *b = charging("EVConnected", NULL, NULL);
    b->hold_commands = true;
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Updated", "StopAuthorized", NULL);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_command_done(b, 0); /* taken, and not yet done */
    bench_expect_no_command(b);
    obey(b);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_free(b);
}

static void a_cable_is_not_released_if_its_owner_goes_on(void **state) /* E07.FR.07 */
{
    (void)state;
    struct bench *b = charging("EVConnected", NULL, NULL);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_token(b, 1, CARD, "ISO14443"); /* he changed his mind */
    bench_expect_command(b, 1, EVSE_START);
    obey(b);
    bench_state(b, 1, EVSE_CHARGING);
    bench_expect_no_command(b);
    bench_free(b);
}

static struct bench *pulled_out_at_the_vehicle(const char *stop_points)
{
    struct bench *b = charging(stop_points, "OCPPCommCtrlr.UnlockOnEVSideDisconnect=false", NULL);
    by_unplugging(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b);
    bench_forget(b);
    return b;
}

/* Others who tried meanwhile do not matter. */
static void a_cable_left_locked_is_its_owners_whoever_tried_before(void **state) /* E09.FR.03 */
{
    (void)state;
    struct bench *b = pulled_out_at_the_vehicle("Authorized");
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Unknown'}}");
    bench_token(b, 1, OTHER_CARD, "ISO14443");
    bench_expect_no_command(b);
    bench_answer(b, "Authorize", "");
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_expect_nothing(b); /* no session begins by it */
    bench_free(b);
}

static void a_cable_left_locked_keeps_a_reset_waiting(void **state) /* B11.FR.07, errata to B11 */
{
    (void)state;
    struct bench *b = pulled_out_at_the_vehicle("Authorized");
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Scheduled'}");
    bench_advance(b, 3600000);
    assert_true(b->is_up);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    b->signals[0].locked = false;
    bench_signals(b, 1);
    bench_advance(b, 2000);
    bench_expect_later(b, "BootNotification", "{'reason': 'ScheduledReset'}");
    bench_free(b);
}

/* Some sockets are locked while nobody is there, so that nobody plugs in before he is authorized. */
static void who_comes_back_to_a_locked_empty_socket_is_a_new_customer(void **state) /* C01.FR.02, E09.FR.03 */
{
    (void)state;
    struct bench *b = charging("Authorized", NULL, NULL);
    by_card(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    b->signals[0].locked = false;
    bench_state(b, 1, EVSE_AVAILABLE); /* he draws it at the socket */
    b->signals[0].locked = true;
    bench_signals(b, 1);
    bench_forget(b);
    session_tap(b);
    bench_expect_no_command(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_command(b, 1, EVSE_START);
    bench_free(b);
}

/* The transaction lasts as long as the bay is occupied: authorized again, he may go on, or take his cable. */
static void
a_cable_left_locked_is_released_by_authorization_in_a_transaction_too(void **state) /* E09.FR.03 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.lock_state = abilities.parking_bay = true;
    const char *presets[] = { "TxCtrlr.TxStartPoint=ParkingBayOccupancy",
                              "TxCtrlr.TxStopPoint=ParkingBayOccupancy",
                              "OCPPCommCtrlr.UnlockOnEVSideDisconnect=false",
                              "SampledDataCtrlr.TxUpdatedInterval=0",
                              "AlignedDataCtrlr.Interval=0",
                              NULL };
    struct bench *b = session_bench_of(&abilities, presets);
    b->signals[0].bay = BAY_OCCUPIED;
    b->signals[0].locked = true;
    free(session_charging(b, 0));
    by_unplugging(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b);
    bench_forget(b);
    bench_token(b, 1, OTHER_CARD, "ISO14443");
    bench_expect_no_command(b);
    bench_restart(b); /* a power cut changes nothing */
    b->commands = (json_decref(b->commands), json_array());
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Updated', 'triggerReason': 'Authorized'}");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_command(b, 1, EVSE_START);
    bench_free(b);
}

/* He is gone, his cable stands in the socket: a strange token still does nothing, a master pass releases it. */
static void a_master_pass_counts_after_the_driver_ended_it_too(void **state) /* C16.FR.02, C01.FR.23 */
{
    (void)state;
    const char *master =
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'POLICE', 'type': 'Central'}}}";
    struct bench *b = charging("EVConnected", "AuthCtrlr.MasterPassGroupId=POLICE", NULL);
    by_card(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_forget(b);
    bench_token(b, 1, "04EEEEEE", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    bench_answer(b, "Authorize", master);
    bench_token(b, 1, OTHER_CARD, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" OTHER_CARD "'}}");
    session_event(b, "Updated", "StopAuthorized", "'idToken': {'idToken': '" OTHER_CARD "'}");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_free(b);
}

static void a_master_pass_starts_nothing_at_the_csmss_request_either(void **state) /* C16.FR.03 */
{
    (void)state;
    struct bench *b = session_points("EVConnected,Authorized", "Authorized");
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "POLICE");
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'},"
               " 'groupIdToken': {'idToken': 'police', 'type': 'Central'}}",
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidIdToken'}}");
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'POLICE', 'type': 'Central'}}}");
    session_tap(b); /* now it is in the cache */
    bench_call(b, "RequestStartTransaction",
               "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}}",
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidIdToken'}}");
    bench_expect_nothing(b);
    bench_free(b);
}

/* Offline nobody could know what it is. */
static void what_turns_out_to_be_a_master_pass_charges_no_longer(void **state) /* C16.FR.03 */
{
    (void)state;
    struct bench *b = session_points("EVConnected,Authorized", "Authorized");
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "POLICE");
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    session_set(b, "TxCtrlr", "StopTxOnInvalidId", "false");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_answer(
        b, "TransactionEvent",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'POLICE', 'type': 'Central'}}}");
    bench_link_back(b);
    obey(b);
    ends(b, "Deauthorized", "DeAuthorized");
    bench_free(b);
}

static void reconnected_without_a_card_nothing_flows(void **state) /* E09.FR.01 */
{
    (void)state;
    struct bench *b = charging("Authorized", "OCPPCommCtrlr.UnlockOnEVSideDisconnect=true", NULL);
    by_unplugging(b);
    bench_expect_command(b, 1, EVSE_UNLOCK); /* E09.FR.02 */
    bench_expect_command(b, 1, EVSE_STOP);
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_no_command(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
    bench_free(b);
}

static void
a_cable_pulled_out_at_the_vehicle_stays_locked_in_until_the_card(void **state) /* E10.FR.01, E09.FR.03 */
{
    (void)state;
    struct bench *b = charging("Authorized", "TxCtrlr.StopTxOnEVSideDisconnect=false",
                               "OCPPCommCtrlr.UnlockOnEVSideDisconnect=false");
    by_unplugging(b);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Updated', 'transactionInfo': {'chargingState': 'Idle'}}");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b);
    bench_token(b, 1, CARD, "ISO14443");
    ends(b, "StopAuthorized", "Local");
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_free(b);
}

/* ---- without a link ---- */

static void a_card_ends_it_without_a_link(
    void **state) /* E08.FR.01, E08.FR.03, E08.FR.04, E08.FR.05, E08.FR.06, E08.FR.07 */
{
    (void)state;
    struct bench *b = charging("Authorized", NULL, NULL);
    bench_link_lost(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    obey(b);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_forget(b);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Ended', 'triggerReason': 'StopAuthorized', 'offline': true,"
                       " 'idToken': {'idToken': '" CARD "'}, 'transactionInfo': {'stoppedReason': 'Local'}}");
    bench_free(b);
}

static void a_card_of_the_same_group_ends_it_without_a_link(void **state) /* E08.FR.02, E07.FR.01 */
{
    (void)state;
    const char *presets[] = { "TxCtrlr.TxStopPoint=Authorized", "AuthCacheCtrlr.Enabled=true",
                              "AlignedDataCtrlr.Interval=0", "SampledDataCtrlr.TxUpdatedInterval=0", NULL };
    struct bench *b = session_bench(presets);
    const char *family =
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}}}";
    bench_answer(b, "Authorize", family);
    bench_answer(b, "TransactionEvent", family);
    bench_token(b, 1, OTHER_CARD, "ISO14443"); /* so that it is known */
    bench_token(b, 1, OTHER_CARD, "ISO14443");
    bench_forget(b);
    free(session_charging(b, 100));
    bench_answer(b, "TransactionEvent", "");
    bench_link_lost(b);
    bench_forget(b);
    bench_token(b, 1, OTHER_CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    obey(b);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Ended', 'triggerReason': 'StopAuthorized', 'offline': true,"
                       " 'idToken': {'idToken': '" OTHER_CARD "'}}");
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_reason),
        cmocka_unit_test(a_power_path_opens_by_the_plug_or_by_the_authorization),
        cmocka_unit_test(who_has_had_all_he_may_is_authorized_no_more),
        cmocka_unit_test(only_time_of_charging_counts),
        cmocka_unit_test(a_limit_set_meanwhile_counts_at_once),
        cmocka_unit_test(who_has_had_all_he_may_is_not_let_in_again),
        cmocka_unit_test(a_token_found_invalid_ends_it_where_authorization_counts),
        cmocka_unit_test(credit_that_is_used_up_ends_it_too),
        cmocka_unit_test(a_token_of_another_evse_charges_no_longer),
        cmocka_unit_test(an_accepted_without_a_token_forgets_no_group),
        cmocka_unit_test(what_is_said_before_there_was_a_driver_is_not_of_him),
        cmocka_unit_test(after_a_deauthorization_the_cable_waits_for_its_owner),
        cmocka_unit_test(a_stop_by_the_driver_unlocks_the_cable),
        cmocka_unit_test(a_vehicle_that_ends_it_gives_the_cable_back),
        cmocka_unit_test(a_cable_is_not_released_under_load),
        cmocka_unit_test(a_cable_is_not_released_if_its_owner_goes_on),
        cmocka_unit_test(a_cable_left_locked_is_its_owners_whoever_tried_before),
        cmocka_unit_test(a_cable_left_locked_keeps_a_reset_waiting),
        cmocka_unit_test(who_comes_back_to_a_locked_empty_socket_is_a_new_customer),
        cmocka_unit_test(a_cable_left_locked_is_released_by_authorization_in_a_transaction_too),
        cmocka_unit_test(a_master_pass_counts_after_the_driver_ended_it_too),
        cmocka_unit_test(a_master_pass_starts_nothing_at_the_csmss_request_either),
        cmocka_unit_test(what_turns_out_to_be_a_master_pass_charges_no_longer),
        cmocka_unit_test(reconnected_without_a_card_nothing_flows),
        cmocka_unit_test(a_cable_pulled_out_at_the_vehicle_stays_locked_in_until_the_card),
        cmocka_unit_test(a_card_ends_it_without_a_link),
        cmocka_unit_test(a_card_of_the_same_group_ends_it_without_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
