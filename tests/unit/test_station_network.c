/* Connecting and back-off (Part 4, 5.3 and 8), and what waits in the outbox meanwhile. */
#include "tests/support/bench.h"

static struct bench *with_back_off(const char *minimum, const char *times, const char *range)
{
    return bench_new(
        &(struct bench_options){ .presets = { { "OCPPCommCtrlr", "RetryBackOffWaitMinimum", NULL, minimum },
                                              { "OCPPCommCtrlr", "RetryBackOffRepeatTimes", NULL, times },
                                              { "OCPPCommCtrlr", "RetryBackOffRandomRange", NULL, range } },
                                 .preset_count = 3 });
}

/* Time until the next attempt, which it waits for. */
static int64_t next_attempt_ms(struct bench *b)
{
    int before = b->connects;
    int64_t from_ms = b->now_ms;
    while (b->connects == before)
        bench_advance(b, 1);
    return b->now_ms - from_ms;
}

static void the_wait_doubles_so_many_times_and_stays_then(void **state) /* Part 4, 5.3 */
{
    (void)state;
    struct bench *b = with_back_off("2", "3", "0");
    bench_boot(b);
    bench_link_lost(b);
    static const int64_t waits_ms[] = { 2000, 4000, 8000, 16000, 16000, 16000 };
    for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++)
        assert_int_equal(next_attempt_ms(b), waits_ms[i]);
    bench_free(b);
}

static void each_wait_gets_a_new_random_part(void **state) /* Part 4, 8.2 */
{
    (void)state;
    struct bench *b = with_back_off("2", "2", "4");
    bench_boot(b);
    bench_link_lost(b);
    int64_t first_ms = next_attempt_ms(b);
    int64_t second_ms = next_attempt_ms(b);
    int64_t third_ms = next_attempt_ms(b);
    assert_in_range(first_ms, 2000, 6000);
    assert_in_range(second_ms, 2 * first_ms, 2 * first_ms + 4000);
    assert_in_range(third_ms, 2 * second_ms, 2 * second_ms + 4000);
    assert_int_not_equal(second_ms, 2 * first_ms);
    assert_int_equal(next_attempt_ms(b), third_ms);
    bench_free(b);
}

static void a_successful_connection_starts_the_back_off_over(void **state) /* Part 4, errata to 5.3 */
{
    (void)state;
    struct bench *b = with_back_off("2", "3", "0");
    bench_boot(b);
    bench_link_lost(b);
    next_attempt_ms(b);
    next_attempt_ms(b);
    bench_link_back(b);
    bench_link_lost(b);
    assert_int_equal(next_attempt_ms(b), 2000);
    bench_free(b);
}

static void the_first_connection_backs_off_alike(void **state)
{
    (void)state;
    struct bench *b = with_back_off("2", "3", "0");
    b->link_available = false;
    bench_start(b);
    assert_int_equal(b->connects, 1);
    assert_int_equal(next_attempt_ms(b), 2000);
    assert_int_equal(next_attempt_ms(b), 4000);
    b->link_available = true;
    bench_advance(b, 8000);
    bench_expect(b, "BootNotification", "{}");
    bench_free(b);
}

static void a_refused_connection_is_tried_again(void **state)
{
    (void)state;
    struct bench *b = with_back_off("2", "3", "0");
    b->link_available = false;
    b->failure = LINK_REFUSED; /* 401, 403, 409: an operator may still be setting things up */
    bench_start(b);
    assert_int_equal(next_attempt_ms(b), 2000);
    b->link_available = true;
    bench_advance(b, 4000);
    bench_expect(b, "BootNotification", "{}");
    bench_free(b);
}

static void the_ping_interval_follows_its_variable(void **state) /* Part 4, 8.4 */
{
    struct bench *b = *state;
    assert_int_equal(b->ping_interval_ms, 30000);
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
               " 'WebSocketPingInterval'}, 'attributeValue': '0'}]}",
               "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    assert_int_equal(b->ping_interval_ms, 0);
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
               " 'WebSocketPingInterval'}, 'attributeValue': '-1'}]}",
               "{'setVariableResult': [{'attributeStatus': 'Rejected'}]}");
}

/* Errata of 2025-09, 2.62: what is not allowed is refused. */
static void wildcards_of_a_csms_are_allowed_by_a_variable(void **state) /* A00.FR.309 */
{
    struct bench *b = *state;
    assert_false(b->allows_wildcards);
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
               " 'AllowCSMSTLSWildcards'}, 'attributeValue': 'true'}]}",
               "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    int connects = b->connects;
    bench_link_lost(b);
    bench_advance(b, 20000);
    assert_true(b->connects > connects);
    assert_true(b->allows_wildcards);
}

static void three_calls_without_answer_bring_a_new_link(void **state) /* Part 2, 3.2 */
{
    struct bench *b = *state;
    int before = b->connects;
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_answer(b, "Heartbeat", BENCH_SILENCE); /* the third is one, to be sure */
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 104000);
    assert_int_equal(b->connects, before);
    bench_advance(b, 2000);
    assert_int_equal(b->connects, before + 1);
    bench_answer(b, "StatusNotification", "");
    bench_forget(b);
    bench_advance(b, 35000);
    assert_int_equal(b->connects, before + 1);
}

static void a_csms_that_speaks_is_not_deaf(void **state)
{
    struct bench *b = *state;
    int before = b->connects;
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    for (int i = 0; i < 10; i++) {
        bench_advance(b, 30000);
        bench_call(b, "DataTransfer", "{'vendorId': 'x'}", "{'status': 'UnknownVendorId'}"); /* P01.FR.05 */
    }
    assert_int_equal(b->connects, before);
}

static void a_status_without_answer_is_sent_again(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_advance(b, 35000);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
}

static void a_status_lost_with_the_link_follows_on_the_next(void **state) /* B04.FR.02 */
{
    struct bench *b = *state;
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_link_lost(b);
    bench_answer(b, "StatusNotification", "");
    bench_link_back(b);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect_nothing(b);
}

static void a_status_the_csms_does_not_want_is_not_repeated(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "StatusNotification", BENCH_ERROR("NotImplemented"));
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{}");
    bench_advance(b, 120000);
    bench_expect_nothing(b);
}

static void one_call_is_open_at_a_time(void **state) /* Part 2, FR.01 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 3 });
    bench_boot(b);
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_state(b, 2, EVSE_CONNECTED);
    bench_state(b, 3, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'evseId': 1}");
    bench_expect_nothing(b);
    bench_reply(b, "{}");
    bench_expect(b, "StatusNotification", "{'evseId': 2}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void requests_are_answered_while_ours_is_open(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_call(b, "DataTransfer", "{'vendorId': 'x'}", "{'status': 'UnknownVendorId'}");
}

static void what_is_not_supported_is_said_so(void **state)
{
    struct bench *b = *state;
    bench_call_error(b, "GetDisplayMessages", "{'requestId': 1}", "NotSupported");
    bench_call_error(b, "NoSuchAction", "{}", "NotImplemented");
    bench_call_error(b, "BootNotification", "{}", "NotSupported");
    bench_call_error(b, "Reset", "{}", "OccurrenceConstraintViolation");
}

static void freeing_with_everything_open_leaks_nothing(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "StatusNotification", BENCH_SILENCE);
    bench_state(b, 1, EVSE_CONNECTED);
    b->hold_commits = true;
    char request[] =
        "[2,\"x\",\"SetVariables\",{\"setVariableData\":[{\"component\":{\"name\":\"OCPPCommCtrlr\"},"
        "\"variable\":{\"name\":\"OfflineThreshold\"},\"attributeValue\":\"90\"}]}]";
    bench_frame(b, request);
    bench_frame(b, "[2,\"y\",\"Reset\",{\"type\":\"Immediate\"}]");
    bench_frame(b, "[2,\"z\",\"ChangeAvailability\",{\"operationalStatus\":\"Inoperative\"}]");
    bench_frame(b, "[2,\"a\",\"GetBaseReport\",{\"requestId\":1,\"reportBase\":\"FullInventory\"}]");
    /* bench_teardown() frees it; LeakSanitizer looks on */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_doubles_so_many_times_and_stays_then),
        cmocka_unit_test(each_wait_gets_a_new_random_part),
        cmocka_unit_test(a_successful_connection_starts_the_back_off_over),
        cmocka_unit_test(the_first_connection_backs_off_alike),
        cmocka_unit_test(a_refused_connection_is_tried_again),
        TEST(the_ping_interval_follows_its_variable),
        TEST(wildcards_of_a_csms_are_allowed_by_a_variable),
        TEST(three_calls_without_answer_bring_a_new_link),
        TEST(a_csms_that_speaks_is_not_deaf),
        TEST(a_status_without_answer_is_sent_again),
        TEST(a_status_lost_with_the_link_follows_on_the_next),
        TEST(a_status_the_csms_does_not_want_is_not_repeated),
        cmocka_unit_test(one_call_is_open_at_a_time),
        TEST(requests_are_answered_while_ours_is_open),
        TEST(what_is_not_supported_is_said_so),
        TEST(freeing_with_everything_open_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
