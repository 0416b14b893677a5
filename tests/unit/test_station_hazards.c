/* What a slow CSMS, a hurried driver or a forgetful device must not bring about: energy without authorization, energy billed twice,
 * events that never leave. */
#include "tests/support/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

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

/* ---- energy ---- */

static void a_meter_that_shows_nothing_for_a_moment_is_not_billed_twice(void **state) /* J02.FR.16 */
{
    struct bench *b = *state;
    free(session_charging(b, 10000));
    bench_silent(b, 1);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 0); /* the device has started anew, its meter not yet read */
    bench_state(b, 1, EVSE_CHARGING);
    bench_advance(b, 5000);
    bench_restart(b);
    bench_signals(b, 1);
    bench_forget(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 10050);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 10050);
}

static void a_meter_that_began_anew_catches_up_in_time(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 300));
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 10);
    bench_advance(b, 60000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 310);
    bench_forget(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 610);
}

static void an_ended_that_is_too_long_loses_samples_in_between(void **state) /* J02.FR.20 */
{
    (void)state;
    struct bench_options options = {
        .max_message = 4096,
        .presets = { { "SampledDataCtrlr", "TxEndedInterval", NULL, "10" },
                     { "SampledDataCtrlr", "TxUpdatedInterval", NULL, "0" },
                     { "AlignedDataCtrlr", "Interval", NULL, "0" } },
        .preset_count = 3,
    };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    free(session_charging(b, 1000));
    bench_advance(b, 900000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 2000);
    bench_forget(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    assert_true(json_array_size(json_object_get(event, "meterValue")) > 5);
    assert_true(json_dumpb(event, NULL, 0, JSON_COMPACT) < 4096);
    assert_true(session_value(event, "Transaction.Begin", "Energy.Active.Import.Register") == 1000);
    assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 2000);
    bench_free(b);
}

/* However many values on the clock there are beside the samples. */
static void what_is_billed_by_is_never_among_those_lost(void **state) /* J02.FR.20, E06.FR.13 */
{
    (void)state;
    for (int minutes = 16; minutes < 20; minutes++) {
        struct bench_options options = {
            .max_message = 4096,
            .presets = { { "SampledDataCtrlr", "TxEndedInterval", NULL, "10" },
                         { "SampledDataCtrlr", "TxUpdatedInterval", NULL, "0" },
                         { "AlignedDataCtrlr", "TxEndedInterval", NULL, "60" },
                         { "AlignedDataCtrlr", "TxEndedMeasurands", NULL, "Energy.Active.Import.Register" },
                         { "AlignedDataCtrlr", "Interval", NULL, "0" } },
            .preset_count = 5,
        };
        struct bench *b = bench_new(&options);
        bench_boot(b);
        free(session_charging(b, 1000));
        bench_advance(b, minutes * 60000);
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 2000);
        bench_forget(b);
        bench_state(b, 1, EVSE_AVAILABLE);
        const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
        assert_true(session_value(event, "Transaction.Begin", "Energy.Active.Import.Register") == 1000);
        assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 2000);
        bench_free(b);
    }
}

static void a_register_read_late_is_told_as_the_first(void **state) /* E01.FR.09 */
{
    struct bench *b = *state;
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443"); /* nothing was measured so far */
    bench_forget(b);
    b->signals[0].measures = 1u << MEASURE_ENERGY_IMPORT;
    b->signals[0].value[MEASURE_ENERGY_IMPORT] = 5000;
    bench_state(b, 1, EVSE_CHARGING);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Updated'}");
    assert_true(session_value(event, "Transaction.Begin", "Energy.Active.Import.Register") == 5000);
    bench_state(b, 1, EVSE_SUSPENDED_EV);
    event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Updated'}");
    assert_false(session_value(event, "Transaction.Begin", "Energy.Active.Import.Register") == 5000);
}

static void while_nothing_can_be_stored_nobody_new_charges(void **state)
{
    struct bench *b = *state;
    b->store_refuses = true;
    bench_state(b, 1, EVSE_CONNECTED); /* a transaction begins: it may be over soon */
    bench_advance(b, 300000);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_no_command(b);
    b->store_refuses = false;
    bench_advance(b, 60000);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
}

static void a_stop_of_a_silent_device_waits_for_its_last_reading(void **state)
{
    struct bench *b = *state;
    char request[80], *id = session_charging(b, 1000);
    (void)snprintf(request, sizeof(request), "{'transactionId': '%s'}", id);
    bench_silent(b, 1);
    bench_forget(b);
    bench_call(b, "RequestStopTransaction", request, "{'status': 'Accepted'}");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_advance(b, 300000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1500);
    bench_state(b, 1, EVSE_CONNECTED);
    const json_t *event =
        bench_expect_later(b, "TransactionEvent",
                           "{'triggerReason': 'RemoteStop', 'transactionInfo': {'stoppedReason': 'Remote'}}");
    assert_true(session_value(event, "Transaction.End", "Energy.Active.Import.Register") == 1500);
    free(id);
}

static void a_silent_device_holds_its_end_up_for_ten_minutes(void **state)
{
    struct bench *b = *state;
    char request[80], *id = session_charging(b, 1000);
    (void)snprintf(request, sizeof(request), "{'transactionId': '%s'}", id);
    bench_silent(b, 1);
    bench_forget(b);
    bench_call(b, "RequestStopTransaction", request, "{'status': 'Accepted'}");
    bench_restart(b); /* that changes nothing in it */
    bench_silent(b, 1);
    bench_advance(b, 600000);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Ended', 'transactionInfo': {'stoppedReason': 'Remote'}}");
    free(id);
}

/* ---- out of service ---- */

static void an_evse_made_inoperative_does_not_charge_who_was_let_in_before(void **state) /* G03.FR.03 */
{
    (void)state;
    struct bench *b = session_points("PowerPathClosed", "EVConnected,Authorized");
    session_tap(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Accepted'}");
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    bench_free(b);
}

static void a_plug_in_an_inoperative_evse_begins_nothing(void **state) /* G03 */
{
    struct bench *b = *state;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_nothing(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
}

static void plugs_without_end_do_not_fill_the_memory(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    for (int i = 0; i < 2000; i++) {
        bench_state(b, 1, EVSE_CONNECTED);
        bench_state(b, 1, EVSE_AVAILABLE);
    }
    json_t *status = station_status(b->station);
    assert_true(json_integer_value(json_object_get(status, "events_waiting")) <= 2001);
    json_decref(status);
}

static void a_master_pass_stops_all_there_is(void **state) /* C16.FR.02 */
{
    (void)state;
    struct bench_options options = {
        .evse_count = 3,
        .presets = { { "AuthCtrlr", "MasterPassGroupId", NULL, "MASTER" },
                     { "SampledDataCtrlr", "TxUpdatedInterval", NULL, "0" } },
        .preset_count = 2,
    };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    for (int evse = 1; evse <= 2; evse++) {
        char card[] = "04AAAAA0";
        card[7] = (char)('0' + evse);
        bench_state(b, evse, EVSE_CONNECTED);
        bench_token(b, evse, card, "ISO14443");
        bench_state(b, evse, EVSE_SUSPENDED_EV);
    }
    bench_forget(b);
    bench_answer(
        b, "Authorize",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'MASTER', 'type': 'Central'}}}");
    bench_token(b, 3, "04FFFFFF", "ISO14443");
    bench_expect(b, "Authorize", "{}");
    for (int evse = 1; evse <= 2; evse++)
        session_event(
            b, "Ended", "StopAuthorized",
            "'idToken': {'idToken': '04FFFFFF'}, 'transactionInfo': {'stoppedReason': 'MasterPass'}");
    bench_expect_nothing(b);
    bench_free(b);
}

/* ---- limits ---- */

#define PROFILE                                                                                              \
    "{'id': 5, 'stackLevel': 0, 'chargingProfilePurpose': 'TxProfile', 'chargingProfileKind': 'Relative',"   \
    " 'chargingSchedule': [{'id': 1, 'chargingRateUnit': 'A', 'chargingSchedulePeriod':"                     \
    " [{'startPeriod': 0, 'limit': 7}]}]}"

static void the_profile_of_a_refused_start_is_not_for_the_next_driver(void **state) /* F01.FR.10 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Blocked'}}");
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 7, 'idToken': {'idToken': '04FFFFFF', 'type': 'ISO14443'},"
               " 'chargingProfile': " PROFILE "}",
               "{'status': 'Accepted'}");
    bench_answer(b, "Authorize", "");
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
}

static void a_share_is_free_only_when_the_current_has_ceased(void **state) /* K04.FR.05 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2 });
    bench_boot(b);
    bench_call(b, "SetChargingProfile",
               "{'evseId': 0, 'chargingProfile': {'id': 1, 'stackLevel': 0, 'chargingProfilePurpose':"
               " 'ChargingStationMaxProfile', 'chargingProfileKind': 'Absolute', 'chargingSchedule':"
               " [{'id': 1, 'startSchedule': '2026-01-01T00:00:00Z', 'chargingRateUnit': 'A',"
               " 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 32}]}]}}",
               "{'status': 'Accepted'}");
    for (int evse = 1; evse <= 2; evse++) {
        bench_state(b, evse, EVSE_CONNECTED);
        bench_token(b, evse, evse == 1 ? CARD : "04BBBBBB", "ISO14443");
        bench_state(b, evse, EVSE_CHARGING);
    }
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_expect_no_command(b); /* it has taken the stop, but still draws 16 A */
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_expect_limit(b, 2, 32);
    bench_free(b);
}

static void a_limit_that_cannot_be_set_is_not_accepted(void **state) /* K01 */
{
    (void)state;
    struct bench_options options = { .evse_count = 1, .abilities = bench_abilities() };
    options.abilities.limit = false;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    bench_call_error(b, "SetChargingProfile", "{'evseId': 1, 'chargingProfile': " PROFILE "}",
                     "NotSupported");
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 7, 'idToken': {'idToken': 'A', 'type': 'Central'},"
               " 'chargingProfile': " PROFILE "}",
               "{'status': 'Accepted'}"); /* F01.FR.12 */
    bench_free(b);
}

static void profiles_that_never_count_again_make_room(void **state)
{
    struct bench *b = *state;
    char request[600];
    for (int i = 1; i <= 51; i++) {
        (void)snprintf(request, sizeof(request),
                       "{'evseId': 1, 'chargingProfile': {'id': %d, 'stackLevel': 0, 'validFrom':"
                       " '2026-02-%02dT%02d:00:00Z', 'validTo': '2026-02-%02dT%02d:59:00Z',"
                       " 'chargingProfilePurpose': 'TxDefaultProfile', 'chargingProfileKind': 'Relative',"
                       " 'chargingSchedule': [{'id': 1, 'chargingRateUnit': 'A', 'chargingSchedulePeriod':"
                       " [{'startPeriod': 0, 'limit': 10}]}]}}",
                       i, 1 + i / 24, i % 24, 1 + i / 24, i % 24);
        if (i == 51)
            bench_advance(b, 86400000);
        bench_call(b, "SetChargingProfile", request, "{'status': 'Accepted'}");
    }
}

/* ---- the link ---- */

static void a_full_outbox_does_not_keep_the_station_from_booting(void **state)
{
    (void)state;
    struct bench_options options = {
        .evse_count = 4,
        .presets = { { "OCPPCommCtrlr", "QueueAllMessages", NULL, "true" },
                     { "AlignedDataCtrlr", "Interval", NULL, "60" } },
        .preset_count = 2,
    };
    struct bench *b = bench_new(&options);
    b->link_available = false;
    bench_start(b);
    for (int evse = 1; evse <= 4; evse++)
        bench_measure(b, evse, MEASURE_ENERGY_IMPORT, 1);
    bench_advance(b, 2 * 3600000);
    bench_link_back(b);
    bench_expect(b, "BootNotification", "{}");
    assert_int_not_equal(bench_count(b, "MeterValues"), 0);
    bench_free(b);
}

static void a_password_the_csms_does_not_know_does_not_shut_the_station_out(void **state) /* A01.FR.04 */
{
    (void)state;
    struct bench *b =
        bench_new(&(struct bench_options){ .security_profile = 1, .password = "configured-0123456789" });
    bench_boot(b);
    session_set(b, "SecurityCtrlr", "BasicAuthPassword", "set-by-the-csms-01234");
    assert_string_equal(b->password, "set-by-the-csms-01234");
    b->failure = LINK_REFUSED;
    bench_link_lost(b);
    const char *const expected[] = { "set-by-the-csms-01234", "configured-0123456789",
                                     "set-by-the-csms-01234" };
    for (int i = 0; i < 3; i++) {
        for (int connects = b->connects; b->connects == connects;)
            bench_advance(b, 1000);
        assert_string_equal(b->password, expected[i]);
    }
    bench_free(b);
}

static bool knows_the_first(struct bench *b, enum link_failure *ret_failure)
{
    *ret_failure = LINK_REFUSED;
    return strcmp(b->password, "first-of-the-csms-01234") == 0;
}

/* The CSMS did not hear that its second password was taken, and keeps to its first. */
static void the_password_that_worked_before_is_one_to_go_back_to(void **state) /* A01.FR.04 */
{
    (void)state;
    struct bench *b =
        bench_new(&(struct bench_options){ .security_profile = 1, .password = "configured-0123456789" });
    bench_boot(b);
    session_set(b, "SecurityCtrlr", "BasicAuthPassword", "first-of-the-csms-01234");
    b->failure = LINK_REFUSED;
    b->accepts = knows_the_first;
    session_set(b, "SecurityCtrlr", "BasicAuthPassword", "second-of-the-csms-0123");
    for (int restart = 0; restart < 3; restart++) {
        bench_advance(b, 600000);
        assert_true(b->is_up);
        assert_string_equal(b->password, "first-of-the-csms-01234");
        bench_restart(b);
    }
    bench_advance(b, 600000);
    session_set(b, "SecurityCtrlr", "BasicAuthPassword",
                "first-of-the-csms-01234"); /* the CSMS tries again */
    assert_true(b->is_up);
    assert_string_equal(b->password, "first-of-the-csms-01234");
    bench_free(b);
}

/* ---- the log ---- */

static void count_line(void *ctx, const struct log_line *said)
{
    if (strstr(said->line, "link down") || strstr(said->line, "no connection") ||
        strstr(said->line, "without authorization") || strstr(said->line, "take a stop"))
        ++*(int *)ctx;
}

static void an_outage_is_logged_when_it_begins(void **state)
{
    struct bench *b = *state;
    int lines = 0;
    b->failure = LINK_REFUSED;
    log_set_follower(count_line, &lines);
    bench_link_lost(b);
    bench_advance(b, 3600000);
    assert_int_equal(lines, 2); /* lost; and cannot be made again */
    b->failure = LINK_UNREACHABLE;
    bench_advance(b, 3600000);
    assert_int_equal(lines, 3);
    log_set_follower(NULL, NULL);
}

static void a_device_that_does_not_obey_is_logged_when_it_begins(void **state)
{
    struct bench *b = *state;
    int lines = 0;
    log_set_follower(count_line, &lines);
    b->command_error = -5;
    bench_state(b, 1, EVSE_CHARGING);
    bench_advance(b, 3600000);
    assert_in_range(lines, 1, 3);
    log_set_follower(NULL, NULL);
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
        TEST(a_meter_that_shows_nothing_for_a_moment_is_not_billed_twice),
        TEST(a_meter_that_began_anew_catches_up_in_time),
        cmocka_unit_test(an_ended_that_is_too_long_loses_samples_in_between),
        cmocka_unit_test(what_is_billed_by_is_never_among_those_lost),
        TEST(a_register_read_late_is_told_as_the_first),
        TEST(while_nothing_can_be_stored_nobody_new_charges),
        TEST(a_stop_of_a_silent_device_waits_for_its_last_reading),
        TEST(a_silent_device_holds_its_end_up_for_ten_minutes),
        cmocka_unit_test(an_evse_made_inoperative_does_not_charge_who_was_let_in_before),
        TEST(a_plug_in_an_inoperative_evse_begins_nothing),
        TEST(plugs_without_end_do_not_fill_the_memory),
        cmocka_unit_test(a_master_pass_stops_all_there_is),
        TEST(the_profile_of_a_refused_start_is_not_for_the_next_driver),
        cmocka_unit_test(a_share_is_free_only_when_the_current_has_ceased),
        cmocka_unit_test(a_limit_that_cannot_be_set_is_not_accepted),
        TEST(profiles_that_never_count_again_make_room),
        cmocka_unit_test(a_full_outbox_does_not_keep_the_station_from_booting),
        cmocka_unit_test(a_password_the_csms_does_not_know_does_not_shut_the_station_out),
        cmocka_unit_test(the_password_that_worked_before_is_one_to_go_back_to),
        TEST(an_outage_is_logged_when_it_begins),
        TEST(a_device_that_does_not_obey_is_logged_when_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
