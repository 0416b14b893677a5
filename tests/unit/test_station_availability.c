/* Status of the connectors, ChangeAvailability (G01, G03, G04). */
#include "tests/support/bench.h"

#include <stdio.h>

static void begin_transaction(struct bench *b, int evse)
{
    bench_token(b, evse, "04AABBCC", "ISO14443");
    bench_state(b, evse, EVSE_CONNECTED);
    bench_state(b, evse, EVSE_CHARGING);
    assert_true(bench_count(b, "TransactionEvent") > 0);
    bench_forget(b);
}

/* The driver leaves. */
static void end_transaction(struct bench *b, int evse)
{
    bench_token(b, evse, "04AABBCC", "ISO14443");
    bench_state(b, evse, EVSE_CONNECTED);
    bench_state(b, evse, EVSE_AVAILABLE);
}

static void every_change_of_the_device_is_reported_once(void **state) /* G01.FR.01, .03, .04 */
{
    static const struct {
        enum evse_state state;
        const char *expected; /* NULL: nothing changed */
    } rows[] = {
        { EVSE_CONNECTED, "{'connectorStatus': 'Occupied', 'evseId': 1, 'connectorId': 1}" },
        { EVSE_SUSPENDED_EV, NULL },
        { EVSE_CHARGING, NULL },
        { EVSE_SUSPENDED_EVSE, NULL },
        { EVSE_FAULTED, "{'connectorStatus': 'Faulted'}" },
        { EVSE_CONNECTED, "{'connectorStatus': 'Occupied'}" },
        { EVSE_AVAILABLE, "{'connectorStatus': 'Available'}" },
        { EVSE_UNAVAILABLE, "{'connectorStatus': 'Unavailable'}" },
        { EVSE_AVAILABLE, "{'connectorStatus': 'Available'}" },
        { EVSE_UNKNOWN, "{'connectorStatus': 'Unavailable'}" },
        { EVSE_AVAILABLE, "{'connectorStatus': 'Available'}" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bench_state(b, 1, rows[i].state);
        if (rows[i].expected)
            bench_expect(b, "StatusNotification", rows[i].expected);
        bench_expect_nothing(b);
    }
}

static void a_status_is_told_when_it_has_lasted(void **state) /* MinimumStatusDuration */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){
        .presets = { { "OCPPCommCtrlr", "MinimumStatusDuration", NULL, "5" } }, .preset_count = 1 });
    bench_start(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification",
                 "{'connectorStatus': 'Available'}"); /* the first waits for nothing */
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 4999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");

    for (int i = 0; i < 5; i++) { /* what comes and goes is not told */
        bench_state(b, 1, EVSE_AVAILABLE);
        bench_advance(b, 3000);
        bench_state(b, 1, EVSE_CONNECTED);
        bench_advance(b, 3000);
    }
    bench_advance(b, 10000);
    bench_expect_nothing(b);

    bench_state(b, 1, EVSE_FAULTED);
    bench_advance(b, 1000);
    bench_expect(b, "NotifyEvent", "{}"); /* that is of Problem */
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
               " 'MinimumStatusDuration'}, 'attributeValue': '0'}]}",
               "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Faulted'}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void a_status_that_lasts_is_told_after_a_reconnection(void **state) /* MinimumStatusDuration */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){
        .presets = { { "OCPPCommCtrlr", "MinimumStatusDuration", NULL, "60" } }, .preset_count = 1 });
    bench_boot(b);
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    int64_t since_ms = b->now_ms;
    bench_link_back(b);
    assert_int_equal(bench_count(b, "StatusNotification"), 0);
    bench_advance(b, since_ms + 60000 - b->now_ms);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void what_was_in_between_is_told_where_all_is_to_be_queued(void **state) /* QueueAllMessages */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){
        .presets = { { "OCPPCommCtrlr", "QueueAllMessages", NULL, "true" } }, .preset_count = 1 });
    bench_boot(b);
    bench_link_lost(b);
    bench_advance(b, 10000);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 10000);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 100000);
    bench_link_back(b);
    bench_expect(b, "StatusNotification",
                 "{'connectorStatus': 'Occupied', 'timestamp': '2026-01-31T12:00:10.000Z'}");
    bench_expect(b, "StatusNotification",
                 "{'connectorStatus': 'Available', 'timestamp': '2026-01-31T12:00:20.000Z'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available'}"); /* B04.FR.01 */
    bench_expect_nothing(b);

    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_link_lost(b); /* on its way */
    bench_answer(b, "StatusNotification", "");
    bench_link_back(b);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void a_vehicle_at_one_connector_says_nothing_of_the_other(void **state) /* G01.FR.08 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.connectors = 2;
    struct bench *b = bench_new(&(struct bench_options){ .abilities = abilities });
    bench_boot(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied', 'connectorId': 1}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void an_evse_is_taken_out_and_put_back(void **state) /* G01.FR.07, G03.FR.01, .02, .04, .06, .07 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.connectors = 2;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2, .abilities = abilities });
    bench_boot(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 2}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification",
                 "{'connectorStatus': 'Unavailable', 'evseId': 2, 'connectorId': 1}");
    bench_expect(b, "StatusNotification",
                 "{'connectorStatus': 'Unavailable', 'evseId': 2, 'connectorId': 2}");
    bench_expect_nothing(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative', 'evse': {'id': 2}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 2, 'connectorId': 1}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 2, 'connectorId': 2}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void a_connector_keeps_its_own_state_under_that_of_its_evse(void **state) /* G03, note 1 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.connectors = 2;
    struct bench *b = bench_new(&(struct bench_options){ .abilities = abilities });
    bench_boot(b);
    bench_call(b, "ChangeAvailability",
               "{'operationalStatus': 'Inoperative', 'evse': {'id': 1, 'connectorId': 2}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'connectorId': 2}");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'connectorId': 1}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'connectorId': 2}");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'connectorId': 1}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'connectorId': 2}");
    bench_expect_nothing(b);
    bench_free(b);
}

/* ... and its status is told once more (TC_G_12, TC_G_13, TC_G_15, TC_G_16). */
static void the_state_it_is_in_already_is_accepted(void **state) /* G03.FR.03, G04.FR.04 */
{
    static const char *const places[] = { "", ", 'evse': {'id': 1}",
                                          ", 'evse': {'id': 1, 'connectorId': 1}" };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char request[100];
        for (int twice = 0; twice < 2; twice++) {
            (void)snprintf(request, sizeof(request), "{'operationalStatus': 'Operative'%s}", places[i]);
            bench_call(b, "ChangeAvailability", request, "{'status': 'Accepted'}");
            bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available'}");
            bench_expect_nothing(b);
        }
        for (int twice = 0; twice < 2; twice++) {
            (void)snprintf(request, sizeof(request), "{'operationalStatus': 'Inoperative'%s}", places[i]);
            bench_call(b, "ChangeAvailability", request, "{'status': 'Accepted'}");
            bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
            bench_expect_nothing(b);
        }
        (void)snprintf(request, sizeof(request), "{'operationalStatus': 'Operative'%s}", places[i]);
        bench_call(b, "ChangeAvailability", request, "{'status': 'Accepted'}");
        bench_forget(b);
    }
}

static void what_does_not_exist_is_rejected(void **state)
{
    struct bench *b = *state;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 2}}",
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'UnknownEvse'}}");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 0}}",
               "{'status': 'Rejected'}");
    bench_call(b, "ChangeAvailability",
               "{'operationalStatus': 'Inoperative', 'evse': {'id': 1, 'connectorId': 2}}",
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'UnknownConnectorId'}}");
    bench_call(b, "ChangeAvailability",
               "{'operationalStatus': 'Inoperative', 'evse': {'id': 1, 'connectorId': 0}}",
               "{'status': 'Rejected'}");
    bench_expect_nothing(b);
}

static void a_change_waits_for_the_transaction(void **state) /* G03.FR.05, G01.FR.05 */
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 1}}",
               "{'status': 'Scheduled'}");
    bench_expect_nothing(b);
    end_transaction(b, 1);
    assert_int_equal(bench_count(b, "StatusNotification"), 1);
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
    assert_string_equal(bench_record(b, "state", "availability/1/0"), "Inoperative");
}

static void a_scheduled_change_can_be_taken_back(void **state)
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Scheduled'}");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative'}", "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    end_transaction(b, 1);
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Available'}");
}

static void the_whole_station_waits_for_all_but_takes_no_one_new(void **state) /* G04.FR.06, .07 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2 });
    bench_boot(b);
    begin_transaction(b, 1);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Scheduled'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_expect_nothing(b);
    bench_token(b, 2, "04DDEEFF", "ISO14443");
    bench_state(b, 2, EVSE_CONNECTED);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_state(b, 2, EVSE_AVAILABLE);
    bench_forget(b);
    end_transaction(b, 1);
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 1}");
    assert_string_equal(bench_record(b, "state", "availability/0/0"), "Inoperative");
    bench_free(b);
}

static void a_set_state_survives_a_power_cut(void **state) /* B01.FR.07, G01.FR.02, G03.FR.08 */
{
    struct bench *b = *state;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available'}");
}

static void
the_whole_station_is_taken_out_and_put_back(void **state) /* G04.FR.01, .02, .03, .05, .07, .08, .09 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2 });
    bench_boot(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 2}}",
               "{'status': 'Accepted'}");
    bench_forget(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 1}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_expect_nothing(b);
    bench_restart(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 1}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_forget(b);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative'}", "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 1}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}"); /* its own */
    bench_free(b);
}

static void a_scheduled_change_survives_a_power_cut(void **state) /* G03.FR.08 */
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative', 'evse': {'id': 1}}",
               "{'status': 'Scheduled'}");
    bench_restart(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_forget(b);
    end_transaction(b, 1);
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
}

static void a_change_is_not_answered_before_it_is_stored(void **state)
{
    struct bench *b = *state;
    b->hold_commits = true;
    bench_frame(b, "[2,\"x\",\"ChangeAvailability\",{\"operationalStatus\":\"Inoperative\"}]");
    assert_null(json_object_get(b->responses, "x"));
    bench_expect_nothing(b);
    b->hold_commits = false;
    bench_settle(b);
    assert_non_null(json_object_get(b->responses, "x"));
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
}

static void a_change_while_the_store_refuses_is_rejected(void **state) /* G03.FR.02 */
{
    struct bench *b = *state;
    b->store_refuses = true;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Rejected'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'MemoryExhaustion'}");
    bench_expect_nothing(b);
}

static void a_fault_shows_through_unavailability(void **state) /* G03.FR.06: not of what is Faulted */
{
    struct bench *b = *state;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
    bench_state(b, 1, EVSE_FAULTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Faulted'}");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable'}");
    bench_expect_nothing(b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_change_of_the_device_is_reported_once),
        cmocka_unit_test(a_status_is_told_when_it_has_lasted),
        cmocka_unit_test(a_status_that_lasts_is_told_after_a_reconnection),
        cmocka_unit_test(what_was_in_between_is_told_where_all_is_to_be_queued),
        cmocka_unit_test(a_vehicle_at_one_connector_says_nothing_of_the_other),
        cmocka_unit_test(an_evse_is_taken_out_and_put_back),
        cmocka_unit_test(a_connector_keeps_its_own_state_under_that_of_its_evse),
        TEST(the_state_it_is_in_already_is_accepted),
        TEST(what_does_not_exist_is_rejected),
        TEST(a_change_waits_for_the_transaction),
        TEST(a_scheduled_change_can_be_taken_back),
        cmocka_unit_test(the_whole_station_waits_for_all_but_takes_no_one_new),
        TEST(a_set_state_survives_a_power_cut),
        cmocka_unit_test(the_whole_station_is_taken_out_and_put_back),
        TEST(a_scheduled_change_survives_a_power_cut),
        TEST(a_change_is_not_answered_before_it_is_stored),
        TEST(a_change_while_the_store_refuses_is_rejected),
        TEST(a_fault_shows_through_unavailability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
