#include "tests/support/session.h"

#include <stdlib.h>

#include "base/json.h"
#include "station/internal.h"

#define SILENT_MS 35000 /* MessageTimeout */

static int setup(void **state)
{
    const char *presets[] = { "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0",
                              "AuthCtrlr.OfflineTxForUnknownIdEnabled=true",
                              "TxCtrlr.TxStartPoint=PowerPathClosed", NULL };
    *state = session_bench(presets);
    return 0;
}

static void session_set_attempts(struct bench *b, const char *attempts)
{
    char text[300];
    (void)snprintf(text, sizeof(text),
                   "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name': "
                   "'MessageAttempts',"
                   " 'instance': 'TransactionEvent'}, 'attributeValue': '%s'}]}",
                   attempts);
    bench_call(b, "SetVariables", text, "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
}

static size_t stored(struct bench *b, const char *kind)
{
    size_t count = 0;
    const char *name;
    json_t *value;
    bench_settle(b);
    json_object_foreach(b->records, name, value) count += strncmp(name, kind, strlen(kind)) == 0;
    return count;
}

static void nothing_is_sent_before_it_is_stored(void **state)
{
    struct bench *b = *state;
    session_plug(b);
    b->hold_commits = true;
    session_tap(b);
    bench_expect_nothing(b);
    b->hold_commits = false;
    session_event(b, "Started", "Authorized", NULL);
}

static void what_is_acknowledged_is_deleted(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    free(session_charging(b, 0));
    assert_int_equal(stored(b, "event/"), 2);
    assert_int_equal(stored(b, "transaction/"), 1);
    bench_answer(b, "TransactionEvent", "");
    assert_int_equal(stored(b, "event/"), 0);
    bench_state(b, 1, EVSE_AVAILABLE);
    assert_int_equal(stored(b, "event/"), 0);
    assert_int_equal(stored(b, "transaction/"), 0);
}

static void one_is_open_at_a_time_and_in_order(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    session_plug(b);
    session_tap(b);
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Started", "Authorized", "'seqNo': 0");
    bench_expect_nothing(b);
    bench_reply(b, "{}");
    session_event(b, "Updated", "ChargingStateChanged", "'seqNo': 1");
    bench_reply(b, "{}");
    bench_expect_nothing(b);
}

static void silence_is_met_with_the_same_event_again(
    void **state) /* E13.FR.02, E13.FR.03, E13.FR.04, TC_E_41, E13.FR.01 */
{
    struct bench *b = *state;
    session_set_attempts(b, "3");
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    session_plug(b);
    session_tap(b);
    json_t *first = json_deep_copy(session_event(b, "Started", "Authorized", NULL));
    for (int attempt = 1; attempt < 3; attempt++) { /* E13.FR.03: 10 s, then 20 s */
        bench_advance(b, SILENT_MS + attempt * 10000 - 1);
        assert_int_equal(bench_count(b, "TransactionEvent"), 0);
        bench_advance(b, 1);
        const json_t *again = bench_expect_later(b, "TransactionEvent", "{}");
        assert_true(json_equal(first, again));
    }
    bench_advance(b, SILENT_MS);
    assert_int_equal(stored(b, "event/"), 0); /* E13.FR.04 */
    bench_forget(b);
    bench_answer(b, "TransactionEvent", "");
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Updated", "ChargingStateChanged", "'seqNo': 1");
    json_decref(first);
}

static void an_error_is_met_in_the_same_way(void **state) /* TC_E_50, TC_E_51, E13.FR.02 */
{
    struct bench *b = *state;
    bench_answer(b, "TransactionEvent", BENCH_ERROR("InternalError"));
    session_plug(b);
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL);
    bench_answer(b, "TransactionEvent", "");
    bench_advance(b, 9999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    session_event(b, "Started", "Authorized", "'seqNo': 0");
    bench_advance(b, 100000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
}

static void a_lost_link_is_no_attempt(void **state)
{
    struct bench *b = *state;
    session_set_attempts(b, "1");
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    session_plug(b);
    session_tap(b);
    session_event(b, "Started", "Authorized", "'offline': null");
    for (int i = 0; i < 3; i++) {
        bench_link_lost(b);
        bench_link_back(b);
        bench_expect_later(b, "TransactionEvent",
                           "{'eventType': 'Started', 'offline': true}"); /* E11.FR.07 */
    }
    bench_answer(b, "TransactionEvent", "");
    assert_int_equal(stored(b, "event/"), 0);
}

/* E04.FR.01, E04.FR.02, E04.FR.03, E12, TC_E_43, E11.FR.01, E11.FR.02, E12.FR.01, E12.FR.02 */
static void what_happened_offline_is_told_in_order(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_advance(b, 600000);
    bench_state(b, 1, EVSE_SUSPENDED_EV);
    bench_state(b, 1, EVSE_AVAILABLE);
    assert_int_equal(stored(b, "event/"), 4);
    bench_forget(b);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'seqNo': 0, 'offline': true}");
    session_event(b, "Updated", "ChargingStateChanged", "'seqNo': 1, 'offline': true");
    session_event(b, "Updated", "ChargingStateChanged",
                  "'seqNo': 2, 'offline': true, 'timestamp': '2026-01-31T12:10:00.000Z'");
    session_event(b, "Ended", "EVCommunicationLost", "'seqNo': 3, 'offline': true");
    assert_int_equal(stored(b, "event/"), 0);
}

static void nothing_is_sent_while_not_accepted(void **state) /* B02 */
{
    struct bench *b = *state;
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 60}");
    bench_restart(b);
    bench_link_back(b);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_answer(b, "BootNotification", "");
    bench_advance(b, 60000);
    assert_true(bench_count(b, "TransactionEvent") > 0);
}

static void a_full_disk_delays_but_loses_nothing(void **state)
{
    struct bench *b = *state;
    session_plug(b);
    b->store_refuses = true;
    session_tap(b);
    bench_state(b, 1, EVSE_CHARGING);
    bench_advance(b, 120000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_forget(b);
    b->store_refuses = false;
    bench_advance(b, 60000);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'seqNo': 0}");
    session_event(b, "Updated", "ChargingStateChanged", "'seqNo': 1");
    assert_int_equal(stored(b, "transaction/"), 1);
}

static void the_queue_survives_a_power_cut(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_restart(b);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'seqNo': 0, 'offline': true}");
    session_event(b, "Ended", "EVCommunicationLost", "'seqNo': 1, 'offline': true");
    bench_expect_nothing(b);
    assert_int_equal(stored(b, "event/"), 0);
}

static void an_unreadable_event_spoils_no_other(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    json_object_set_new(b->records, "event/00000000000000000000", json_string("{"));
    json_object_set_new(b->records, "event/x", json_string("{}"));
    bench_restart(b);
    bench_link_back(b);
    assert_int_equal(stored(b, "event/x"), 1); /* kept for whoever can read it */
}

/* Samples are thinned, every second one, never what begins, ends or authorizes: E04.FR.07, E04.FR.08, E11.FR.04, E11.FR.05,
 * E12.FR.04, E12.FR.05, J02.FR.12, J02.FR.13. */
static void a_full_queue_is_thinned_in_the_middle(void **state)
{
    struct bench *b = *state;
    session_set(b, "SampledDataCtrlr", "TxUpdatedInterval", "1");
    bench_link_lost(b);
    session_charge(b, 0);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_advance(b, 1000 * (int64_t)(QUEUE_MAX_EVENTS + 500));
    bench_state(b, 1, EVSE_AVAILABLE);
    size_t kept = stored(b, "event/");
    assert_in_range(kept, QUEUE_MAX_EVENTS / 2, QUEUE_MAX_EVENTS + 1);
    bench_forget(b);
    bench_link_back(b);
    const json_t *event =
        bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'seqNo': 0, 'idToken': '*'}");
    int64_t last = 0, largest_gap = 0;
    for (size_t i = 1; i + 1 < kept; i++) {
        event = bench_expect(b, "TransactionEvent", "{'eventType': 'Updated'}");
        int64_t seq_no = json_get_int(event, "seqNo", -1);
        assert_true(seq_no > last);
        largest_gap = seq_no - last > largest_gap ? seq_no - last : largest_gap;
        last = seq_no;
    }
    assert_int_equal(largest_gap, 2);
    bench_expect(b, "TransactionEvent", "{'eventType': 'Ended'}");
}

/* Five times what the queue holds: the first hours are not worse known than the last. */
static void what_is_left_of_a_long_outage_lies_evenly(void **state) /* E04.FR.08, E11.FR.05, E12.FR.05 */
{
    struct bench *b = *state;
    session_set(b, "SampledDataCtrlr", "TxUpdatedInterval", "1");
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 0);
    free(session_charging(b, 0));
    bench_link_lost(b);
    bench_advance(b, 1000 * (int64_t)(QUEUE_MAX_EVENTS * 5));
    bench_state(b, 1, EVSE_AVAILABLE);
    size_t kept = stored(b, "event/");
    assert_in_range(kept, QUEUE_MAX_EVENTS / 2, QUEUE_MAX_EVENTS + 1);
    bench_forget(b);
    bench_link_back(b);
    int64_t last = 0, largest_gap = 0;
    for (size_t i = 0; i < kept; i++) {
        int64_t seq_no = json_get_int(bench_expect_later(b, "TransactionEvent", "{}"), "seqNo", -1);
        largest_gap = seq_no - last > largest_gap ? seq_no - last : largest_gap;
        last = seq_no;
    }
    assert_in_range(largest_gap, 4, 16);
}

/* The meter was read late: a sample brought the first values with it. */
static void what_is_told_once_is_not_thinned(void **state) /* E01.FR.09, E04.FR.08 */
{
    struct bench *b = *state;
    session_set(b, "SampledDataCtrlr", "TxUpdatedInterval", "1");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1234);
    bench_advance(b, 1000 * (int64_t)(3 * QUEUE_MAX_EVENTS));
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'meterValue': null}");
    bool is_told = false;
    while (!is_told && bench_count(b, "TransactionEvent") > 0)
        is_told = session_value(bench_expect_later(b, "TransactionEvent", "{}"), "Transaction.Begin",
                                "Energy.Active.Import.Register") == 1234;
    assert_true(is_told);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_sent_before_it_is_stored),    TEST(what_is_acknowledged_is_deleted),
        TEST(one_is_open_at_a_time_and_in_order),     TEST(silence_is_met_with_the_same_event_again),
        TEST(an_error_is_met_in_the_same_way),        TEST(a_lost_link_is_no_attempt),
        TEST(what_happened_offline_is_told_in_order), TEST(nothing_is_sent_while_not_accepted),
        TEST(a_full_disk_delays_but_loses_nothing),   TEST(the_queue_survives_a_power_cut),
        TEST(an_unreadable_event_spoils_no_other),    TEST(what_is_told_once_is_not_thinned),
        TEST(a_full_queue_is_thinned_in_the_middle),  TEST(what_is_left_of_a_long_outage_lies_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
