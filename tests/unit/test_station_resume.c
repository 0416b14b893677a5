/* A transaction outlives the station: kill -9, a power cut, an update. */
#include "tests/support/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define ENERGY "Energy.Active.Import.Register"

static int setup(void **state)
{
    const char *presets[] = { "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0",
                              "TxCtrlr.TxStartPoint=PowerPathClosed",
                              "TxCtrlr.TxStopPoint=EVConnected,Authorized", NULL };
    *state = session_bench(presets);
    return 0;
}

static void check_id(const json_t *event, const char *id)
{
    assert_string_equal(json_get_string(json_object_get(event, "transactionInfo"), "transactionId", ""), id);
}

static void it_goes_on_and_ends_once_with_the_right_energy(void **state)
{
    struct bench *b = *state;
    char *id = session_charging(b, 1000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1500);
    bench_restart(b);
    bench_expect_command(b, 1, EVSE_LIMIT);
    bench_expect_command(b, 1, EVSE_START); /* the charger layer has forgotten what was asked of it */
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_forget(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 2000);
    bench_token(b, 1, CARD, "ISO14443"); /* the token is remembered, too */
    bench_state(b, 1, EVSE_CONNECTED);
    const json_t *event = session_event(b, "Ended", "StopAuthorized",
                                        "'seqNo': 2, 'transactionInfo': {'stoppedReason': 'Local'}");
    check_id(event, id);
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 1000);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 2000);
    bench_restart(b);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    free(id);
}

static void it_waits_for_a_device_that_comes_later(void **state)
{
    struct bench *b = *state;
    char *id = session_charging(b, 1000);
    bench_silent(b, 1);
    bench_restart(b);
    bench_advance(b, 300000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_forget(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1200);
    bench_state(b, 1, EVSE_SUSPENDED_EV);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    session_event(b, "Updated", "ChargingStateChanged",
                  "'seqNo': 2, 'transactionInfo': {'chargingState': 'SuspendedEV'}");
    bench_advance(b, 1000000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    free(id);
}

static void a_vehicle_that_left_meanwhile_has_disconnected(void **state)
{
    struct bench *b = *state;
    char *id = session_charging(b, 1000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1700);
    b->signals[0].state = EVSE_AVAILABLE;
    bench_restart(b);
    const json_t *event =
        bench_expect_later(b, "TransactionEvent",
                           "{'eventType': 'Ended', 'triggerReason': 'EVCommunicationLost', 'seqNo': 2,"
                           " 'transactionInfo': {'stoppedReason': 'EVDisconnected'}}");
    check_id(event, id);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 1700);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    free(id);
}

static void a_device_that_does_not_come_back_lost_its_power(void **state)
{
    struct bench *b = *state;
    char *id = session_charging(b, 1000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1700);
    bench_advance(b, 60000); /* the record is kept fresh */
    bench_silent(b, 1);
    bench_restart(b);
    bench_advance(b, 600000);
    const json_t *event = bench_expect_later(b, "TransactionEvent",
                                             "{'eventType': 'Ended', 'triggerReason': 'AbnormalCondition',"
                                             " 'transactionInfo': {'stoppedReason': 'PowerLoss'}}");
    check_id(event, id);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 1700);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 600000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0); /* once */
    free(id);
}

static void a_register_that_was_set_back_meanwhile_goes_on(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 100000));
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 101000);
    bench_advance(b, 60000);
    b->signals[0].value[MEASURE_ENERGY_IMPORT] = 20;
    bench_restart(b);
    bench_forget(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 70);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    assert_true(session_value(event, "Transaction.End", ENERGY) == 101070);
}

static void a_stop_under_way_is_finished(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 1000));
    bench_token(b, 1, CARD, "ISO14443");
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_restart(b);
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Ended", "StopAuthorized",
                  "'transactionInfo': {'stoppedReason': 'Local'}, 'idToken': {'idToken': '" CARD "'}");
}

static void an_event_not_stored_did_not_happen(void **state)
{
    struct bench *b = *state;
    session_plug(b);
    b->hold_commits = true;
    session_tap(b);
    bench_restart(b); /* neither the event nor the transaction was on disk */
    bench_forget(b);
    session_unplug(b);
    bench_expect_nothing(b);
}

static void an_orderly_stop_ends_no_transaction(void **state)
{
    struct bench *b = *state;
    char *id = session_charging(b, 1000);
    bench_stop_and_restart(b);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_forget(b);
    session_unplug(b);
    check_id(session_event(b, "Ended", "EVCommunicationLost", "'seqNo': 2"), id);
    free(id);
}

static void events_of_before_go_before_those_of_after(void **state)
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    b->signals[0].state = EVSE_AVAILABLE;
    bench_restart(b);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'seqNo': 0, 'offline': true}");
    session_event(b, "Ended", "EVCommunicationLost", "'seqNo': 1, 'offline': true");
}

static void a_transaction_of_an_evse_that_is_no_more_ends(void **state)
{
    struct bench *b = *state;
    char *id = session_charging(b, 1000);
    char name[100];
    (void)snprintf(name, sizeof(name), "transaction/%s", id);
    json_t *record = json_loads(json_string_value(json_object_get(b->records, name)), 0, NULL);
    json_object_set_new(record, "evse", json_integer(9)); /* as if the configuration had shrunk */
    char *text = json_dumps(record, 0);
    json_object_set_new(b->records, name, json_string(text));
    free(text);
    json_decref(record);
    bench_restart(b);
    const json_t *event = bench_expect_later(b, "TransactionEvent",
                                             "{'eventType': 'Ended', 'seqNo': 2, 'offline': true,"
                                             " 'transactionInfo': {'stoppedReason': 'Other'}}");
    check_id(event, id);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 1000);
    assert_null(json_object_get(b->records, name));
    free(id);
}

static void a_record_no_one_understands_spoils_nothing(void **state)
{
    static const char *const values[] = { "", "{", "[]", "{}", "{\"evse\":1,\"points\":\"x\"}", "null" };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        json_object_set_new(b->records, "transaction/t1", json_string(values[i]));
        bench_restart(b);
        json_object_del(b->records, "transaction/t1");
        bench_restart(b);
    }
    free(session_charging(b, 0));
}

static void a_stepped_clock_disturbs_no_interval(void **state)
{
    struct bench *b = *state;
    session_set(b, "SampledDataCtrlr", "TxUpdatedInterval", "60");
    free(session_charging(b, 1000));
    bench_advance(b, 30000);
    b->wall_offset_ms = -86400000;
    bench_advance(b, 30000);
    session_event(b, "Updated", "MeterValuePeriodic", NULL);
    b->wall_offset_ms = 86400000;
    bench_advance(b, 60000);
    session_event(b, "Updated", "MeterValuePeriodic", NULL);
    bench_forget(b);
    session_unplug(b);
    session_event(b, "Ended", "EVCommunicationLost", "'transactionInfo': {'timeSpentCharging': 120}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_goes_on_and_ends_once_with_the_right_energy),
        TEST(it_waits_for_a_device_that_comes_later),
        TEST(a_vehicle_that_left_meanwhile_has_disconnected),
        TEST(a_device_that_does_not_come_back_lost_its_power),
        TEST(a_register_that_was_set_back_meanwhile_goes_on),
        TEST(a_stop_under_way_is_finished),
        TEST(an_event_not_stored_did_not_happen),
        TEST(an_orderly_stop_ends_no_transaction),
        TEST(events_of_before_go_before_those_of_after),
        TEST(a_transaction_of_an_evse_that_is_no_more_ends),
        TEST(a_record_no_one_understands_spoils_nothing),
        TEST(a_stepped_clock_disturbs_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
