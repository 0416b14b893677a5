/* The authorization cache and the store: what outlives a power cut, and how it is cleared. */
#include "tests/support/token_cache.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

/* ---- power cuts ---- */

static void it_outlives_a_power_cut(void **state) /* C10.FR.02, TC_C_32 */
{
    struct bench *b = *state;
    token_cache_tell(b, CARD,
                     "{'status': 'Accepted', 'evseId': [1, 64], " FAMILY
                     ", 'cacheExpiryDateTime': '2026-02-28T00:00:00Z'}");
    token_cache_tell(b, FRIEND, "{'status': 'Blocked'}");
    bench_restart(b);
    const struct cached_token *card = token_cache_find(b, CARD);
    assert_int_equal(card->status, STATUS_ACCEPTED);
    assert_true(card->evses == (1 | (uint64_t)1 << 63));
    assert_string_equal(card->group, "FAMILY");
    assert_true(card->expires_ms > BENCH_WALL_MS);
    assert_int_equal(token_cache_find(b, FRIEND)->status, STATUS_BLOCKED);
    assert_int_equal(token_cache_find(b, FRIEND)->expires_ms, -1);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
    token_cache_tell(b, FRIEND, "{'status': 'Accepted'}");
    bench_restart(b);
    assert_int_equal(token_cache_find(b, FRIEND)->status, STATUS_ACCEPTED);
}

static size_t token_commits(struct bench *b)
{
    AUTO_FREE char *text = json_to_text(b->commits);
    size_t count = 0;
    for (const char *at = text; at && (at = strstr(at, "token/")); at++)
        count++;
    return count;
}

static void what_the_store_has_is_not_written_again(void **state)
{
    struct bench *b = *state;
    token_cache_tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    b->hold_commits = true;
    token_cache_tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    assert_int_equal(token_commits(b), 0);
    bench_advance(b, 61000);
    token_cache_tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    assert_int_equal(token_commits(b), 1);
    token_cache_tell(b, CARD, "{'status': 'Accepted', " MASTER "}");
    assert_int_equal(token_commits(b), 2);
    token_cache_tell(b, CARD, "{'status': 'Accepted', 'evseId': [1], " MASTER "}");
    assert_int_equal(token_commits(b), 3);
    token_cache_tell(b, CARD, "{'status': 'Blocked', 'evseId': [1]}");
    assert_int_equal(token_commits(b), 4);
    bench_frame(b, "[2,\"c\",\"ClearCache\",{}]");
    token_cache_tell(b, CARD, "{'status': 'Blocked', 'evseId': [1]}"); /* it must outlive the clearing */
    assert_int_equal(token_commits(b), 6);
    b->hold_commits = false;
    bench_settle(b);
    assert_int_equal(token_cache_find(b, CARD)->status, STATUS_BLOCKED);
    bench_restart(b);
    assert_int_equal(token_cache_find(b, CARD)->status, STATUS_BLOCKED);
}

static void what_the_store_has_not_taken_is_gone_with_the_power(void **state)
{
    struct bench *b = *state;
    b->hold_commits = true;
    token_cache_tell(b, CARD, "{'status': 'Accepted'}");
    token_cache_tell(b, FRIEND, "{'status': 'Accepted'}");
    assert_non_null(token_cache_find(b, CARD));
    bench_restart(b);
    b->hold_commits = false;
    assert_null(token_cache_find(b, CARD));
    token_cache_tell(b, FRIEND, "{'status': 'Accepted'}"); /* under another key */
    bench_restart(b);
    assert_non_null(token_cache_find(b, FRIEND));
}

static void stored_nonsense_does_no_harm(void **state)
{
    static const char *const rows[][2] = {
        { "token/zz", "{}" },
        { "token/00112233445566778899AABBCCDDEEFF", "[]" },
        { "token/00112233445566778899AABBCCDDEEFE", "{\"status\":7,\"evses\":\"x\",\"uses\":-1}" },
        { "token/00112233445566778899AABBCCDDEEFD", "no json" },
        { "token/key", "00" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        json_object_set_new(b->records, rows[i][0], json_string(rows[i][1]));
    bench_restart(b);
    assert_int_equal(b->station->auth_cache.count, 0); /* without a key nothing can be found */
    token_cache_tell(b, CARD, "{'status': 'Accepted'}");
    bench_restart(b);
    assert_non_null(token_cache_find(b, CARD));
}

/* ---- ClearCache ---- */

static void the_csms_clears_it(void **state) /* C11.FR.01, C11.FR.02, C11.FR.03 */
{
    struct bench *b = *state;
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}"); /* empty as it is */
    token_cache_fill(b, 0, 1000, "{\"status\":\"Accepted\"}");
    token_cache_learn(b, CARD, ACCEPTED);
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}");
    assert_null(token_cache_find(b, CARD));
    assert_int_equal(token_cache_records(b), 1);
    bench_restart(b);
    bench_forget(b);
    session_tap(b);
}

static void what_is_disabled_is_not_cleared(void **state) /* C11.FR.04 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    session_set(b, "AuthCacheCtrlr", "Enabled", "false");
    bench_call(b, "ClearCache", "{}", "{'status': 'Rejected'}");
    assert_non_null(token_cache_find(b, CARD));
}

static void what_the_store_does_not_clear_is_not_cleared(void **state) /* C11.FR.05 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    b->store_refuses = true;
    bench_call(b, "ClearCache", "{}", "{'status': 'Rejected'}");
    assert_non_null(token_cache_find(b, CARD));
    b->store_refuses = false;
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}");
    assert_null(token_cache_find(b, CARD));
}

static void a_station_may_go_while_its_cache_is_being_cleared(void **state)
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    b->hold_commits = true;
    bench_frame(b, "[2,\"c\",\"ClearCache\",{}]");
    bench_restart(b);
    assert_non_null(token_cache_find(b, CARD));
    b->hold_commits = false;
}

static void one_token_can_be_forgotten(void **state)
{
    struct bench *b = *state;
    struct id_token token = token_cache_token(CARD, "ISO14443");
    assert_false(auth_cache_remove(b->station, &token));
    token_cache_learn(b, CARD, ACCEPTED);
    token_cache_learn(b, FRIEND, ACCEPTED);
    assert_true(auth_cache_remove(b->station, &token));
    assert_false(auth_cache_remove(b->station, &token));
    bench_settle(b);
    assert_int_equal(token_cache_records(b), 2);
    assert_non_null(token_cache_find(b, FRIEND));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, token_cache_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_outlives_a_power_cut),
        TEST(what_the_store_has_is_not_written_again),
        TEST(what_the_store_has_not_taken_is_gone_with_the_power),
        TEST(stored_nonsense_does_no_harm),
        TEST(the_csms_clears_it),
        TEST(what_is_disabled_is_not_cleared),
        TEST(what_the_store_does_not_clear_is_not_cleared),
        TEST(a_station_may_go_while_its_cache_is_being_cleared),
        TEST(one_token_can_be_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
