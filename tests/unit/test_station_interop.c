/* What CSMSs in the field do beside the specification, and what a station has to do about it. */
#include "tests/support/bench.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "station/internal.h"

static void plug_in_with_a_card(struct bench *b)
{
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
}

static void an_answer_after_thirty_seconds_counts(void **state) /* E04.FR.02 */
{
    struct bench *b = *state;
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    plug_in_with_a_card(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'seqNo': 0}");
    bench_forget(b);
    bench_advance(b, 30500);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_reply(b, "{}");
    size_t waiting = json_array_size(b->unanswered);
    bench_advance(b, 10000);
    for (size_t i = 0; i < bench_count(b, "TransactionEvent"); i++)
        assert_true(json_get_int(bench_expect_later(b, "TransactionEvent", "{}"), "seqNo", 0) > 0);
    assert_true(waiting <= 1);
}

static void
nothing_is_taken_amiss(void **state) /* of a CSMS that knows BootNotification and Heartbeat only */
{
    static const char *const actions[] = { "StatusNotification",
                                           "SecurityEventNotification",
                                           "NotifyReport",
                                           "MeterValues",
                                           "LogStatusNotification",
                                           "NotifyEvent",
                                           "NotifyCustomerInformation",
                                           "FirmwareStatusNotification" };
    static const char *const codes[] = { BENCH_ERROR("NotImplemented"), BENCH_ERROR("NotSupported"),
                                         BENCH_ERROR("InternalError"), BENCH_ERROR("FormationViolation") };
    struct bench *b = *state;
    for (size_t code = 0; code < ARRAY_SIZE(codes); code++) {
        for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
            bench_answer(b, actions[i], codes[code]);
        int connects = b->connects;
        bench_state(b, 1, EVSE_CONNECTED);
        bench_state(b, 1, EVSE_AVAILABLE);
        security_event(b->station, "TamperDetectionActivated", codes[code]);
        bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}",
                   "{'status': 'Accepted'}");
        bench_call(b, "TriggerMessage", "{'requestedMessage': 'LogStatusNotification'}", "{}");
        bench_advance(b, 10000);
        assert_int_equal(bench_count(b, "NotifyReport"), 1); /* broken off, and not sent for ever */
        assert_int_equal(bench_count(b, "SecurityEventNotification"), 1);
        bench_forget(b);
        bench_advance(b, 600000);
        assert_int_equal(b->connects, connects);
        assert_true(bench_count(b, "Heartbeat") >= 1);
        bench_forget(b);
    }
}

static void a_time_may_be_written_in_any_way(void **state) /* B01.FR.06 */
{
    static const char *const times[] = {
        "2026-02-01T00:00:00Z",
        "2026-02-01T00:00:00.0Z",
        "2026-02-01T00:00:00.000Z",
        "2026-02-01T00:00:00.000000Z",
        "2026-02-01T00:00:00.000000000Z",
        "2026-02-01T01:00:00+01:00",
        "2026-01-31T19:00:00.000000-05:00",
        "2026-02-01T05:45:00+05:45",
        "2026-02-01t00:00:00.12z",
    };
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        struct bench *b = bench_new(&(struct bench_options){ 0 });
        char answer[150];
        snprintf(answer, sizeof(answer), "{'status': 'Accepted', 'interval': 300, 'currentTime': '%s'}",
                 times[i]);
        bench_answer(b, "BootNotification", answer);
        bench_start(b);
        const json_t *sent = bench_expect_later(b, "StatusNotification", "{}");
        if (strncmp(json_get_string(sent, "timestamp", ""), "2026-02-01T00:00:00", 19) != 0)
            fail_msg("%s was understood as %s", times[i], json_get_string(sent, "timestamp", ""));
        bench_free(b);
    }
    (void)state;
}

static void a_request_number_may_be_zero_or_the_greatest(void **state) /* B07.FR.08 */
{
    static const char *const numbers[] = { "0", "2147483647" };
    struct bench *b = *state;
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'interval': 60, 'currentTime': 'now'}");
    bench_start(b);
    bench_forget(b);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        char request[100], expected[60];
        snprintf(request, sizeof(request), "{'requestId': %s, 'reportBase': 'FullInventory'}", numbers[i]);
        snprintf(expected, sizeof(expected), "{'requestId': %s, 'seqNo': 0}", numbers[i]);
        bench_call(b, "GetBaseReport", request, "{'status': 'Accepted'}");
        const json_t *part = bench_expect(b, "NotifyReport", expected);
        for (int parts = 1; json_get_bool(part, "tbc", false); parts++)
            part = bench_expect(b, "NotifyReport", "{}");
        bench_expect_nothing(b);
    }
}

/* The id of the CALL that waits for its answer. */
static void open_id(struct bench *b, char ret[static 40])
{
    const json_t *call = json_array_get(b->unanswered, json_array_size(b->unanswered) - 1);
    assert_non_null(call);
    (void)str_copy(ret, 40, json_string_value(json_array_get(call, 0)));
}

static void every_attempt_has_a_random_uuid_of_its_own(void **state) /* Part 4, 4.1.4 */
{
    struct bench *b = *state;
    char first[40], second[40];
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    plug_in_with_a_card(b);
    open_id(b, first);
    json_t *payload = json_deep_copy(bench_expect_later(b, "TransactionEvent", "{'seqNo': 0}"));
    bench_forget(b);
    bench_advance(b, 36000 + 10000);
    bench_settle(b);
    open_id(b, second);
    assert_string_not_equal(first, second);
    assert_int_equal(strlen(second), 36);
    for (size_t i = 0; i < 36; i++)
        assert_true(i == 8 || i == 13 || i == 18 || i == 23 ? second[i] == '-'
                                                            : isxdigit((unsigned char)second[i]) != 0);
    assert_int_equal(second[14], '4');
    assert_non_null(strchr("89ab", second[19]));
    const json_t *again = bench_expect_later(b, "TransactionEvent", "{'seqNo': 0}");
    assert_true(json_equal(payload, again)); /* the same otherwise */
    json_decref(payload);
}

static void an_answer_with_more_than_we_need_is_fine(void **state)
{
    struct bench *b = *state;
    bench_answer(
        b, "TransactionEvent",
        "{'totalCost': 1.25, 'chargingPriority': 3, 'idTokenInfo': {'status': 'Accepted', "
        "'personalMessage': {'format': 'UTF8', 'content': 'Hello'}, 'customData': {'vendorId': 'x'}}, "
        "'updatedPersonalMessage': {'format': 'ASCII', 'content': 'Bye'}}");
    plug_in_with_a_card(b);
    bench_advance(b, 1000);
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
    bench_answer(b, "TransactionEvent", "{}"); /* no idTokenInfo, though a token was sent */
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 60000);
    assert_true(transaction_queue_is_empty(b->station));
}

static void a_station_never_speaks_of_evse_or_connector_zero(void **state) /* G01 */
{
    struct bench *b = *state;
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", "{'status': 'Accepted'}");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative'}", "{'status': 'Accepted'}");
    for (size_t left = bench_count(b, "StatusNotification"); left > 0; left--) {
        const json_t *sent = bench_expect_later(b, "StatusNotification", "{}");
        assert_true(json_get_int(sent, "evseId", 0) > 0 && json_get_int(sent, "connectorId", 0) > 0);
    }
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 10);
    bench_forget(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'MeterValues'}", "{'status': 'Accepted'}");
    for (size_t left = bench_count(b, "MeterValues"); left > 0; left--)
        assert_true(json_get_int(bench_expect_later(b, "MeterValues", "{}"), "evseId", 0) > 0);
}

static void answers_that_are_late_double_or_of_others_change_nothing(void **state) /* E13 */
{
    struct bench *b = *state;
    char id[40], frame[100];
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    plug_in_with_a_card(b);
    open_id(b, id);
    bench_forget(b);
    bench_frame(b, "[3,\"00000000-0000-4000-8000-000000000000\",{}]"); /* of none */
    bench_frame(b, "[3,\"\",{}]");
    bench_frame(b, "[4,\"00000000-0000-4000-8000-000000000000\",\"InternalError\",\"\",{}]");
    assert_false(transaction_queue_is_empty(b->station));
    bench_advance(b, 36000 + 10000); /* the second attempt is open */
    assert_int_equal(bench_count(b, "TransactionEvent"), 1);
    snprintf(frame, sizeof(frame), "[3,\"%s\",{}]", id);
    bench_frame(b, frame); /* the answer to the first, too late */
    bench_forget(b);
    size_t queued = b->station->transactions.queued;
    open_id(b, id);
    snprintf(frame, sizeof(frame), "[3,\"%s\",{}]", id);
    bench_frame(b, frame);
    assert_int_equal(b->station->transactions.queued, queued - 1);
    bench_frame(b, frame); /* the same once more */
    bench_frame(b, frame);
    assert_int_equal(b->station->transactions.queued, queued - 1);
    bench_answer(b, "TransactionEvent", "");
    bench_advance(b, 100000);
    assert_true(transaction_queue_is_empty(b->station));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_after_thirty_seconds_counts),
        TEST(nothing_is_taken_amiss),
        cmocka_unit_test(a_time_may_be_written_in_any_way),
        cmocka_unit_test_setup_teardown(a_request_number_may_be_zero_or_the_greatest, bench_setup_new,
                                        bench_teardown),
        TEST(every_attempt_has_a_random_uuid_of_its_own),
        TEST(an_answer_with_more_than_we_need_is_fine),
        TEST(a_station_never_speaks_of_evse_or_connector_zero),
        TEST(answers_that_are_late_double_or_of_others_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
