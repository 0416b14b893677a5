/* The entries of the authorization cache: what gets into it, how long it stays, which goes when it is full. */
#include "tests/support/token_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#define DAY_MS 86400000

/* ---- what it learns ---- */

static void the_answer_to_an_event_counts(void **state) /* C10.FR.05, C12.FR.06 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Blocked', " FAMILY "}}");
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Updated", "Authorized", NULL);
    session_event(b, "Ended", "Deauthorized", NULL);
    assert_int_equal(token_cache_find(b, CARD)->status, STATUS_BLOCKED);
    assert_string_equal(token_cache_find(b, CARD)->group, "FAMILY");
    bench_answer(b, "TransactionEvent", "");
    session_tap(b); /* C12.FR.05 */
}

static void the_answer_to_an_authorization_counts(void **state) /* C10.FR.04, C12.FR.06 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, INVALID);
    assert_int_equal(token_cache_find(b, CARD)->status, STATUS_INVALID);
    token_cache_learn(b, CARD, ACCEPTED);
    assert_int_equal(token_cache_find(b, CARD)->status, STATUS_ACCEPTED);
}

static void a_late_answer_still_teaches(void **state) /* C10.FR.04 */
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_advance(b, 20000);
    bench_reply(b, INVALID);
    assert_int_equal(token_cache_find(b, CARD)->status, STATUS_INVALID);
}

static void an_answer_that_is_none_teaches_nothing(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", BENCH_ERROR("InternalError"));
    session_tap(b);
    assert_null(token_cache_find(b, CARD));
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_advance(b, 40000);
    assert_null(token_cache_find(b, CARD));
}

static void tokens_for_one_time_only_are_not_kept(void **state) /* C02.FR.03, C03.FR.02, C05.FR.02 */
{
    static const char *const types[] = { "Central", "NoAuthorization" };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        char payload[200];
        (void)snprintf(payload, sizeof(payload),
                       "{'evseId': 1, 'remoteStartId': 3, 'idToken': {'idToken': 'APP', 'type': '%s'}}",
                       types[i]);
        bench_call(b, "RequestStartTransaction", payload, "{'status': 'Accepted'}");
        bench_expect(b, "TransactionEvent", "{'idToken': {'idToken': 'APP'}}");
        bench_advance(b, 120000);
        bench_forget(b);
    }
    session_set(b, "AuthCtrlr", "Enabled", "false");
    session_plug(b);
    session_event(b, "Started", "CablePluggedIn", "'idToken': {'type': 'NoAuthorization', 'idToken': ''}");
    assert_int_equal(token_cache_records(b), 0);
    assert_int_equal(auth_cache_bytes(b->station), 0);
}

static void key_codes_are_kept_but_cannot_be_read(void **state) /* C04.FR.03, C10.FR.12 */
{
    struct bench *b = *state;
    bench_token(b, 1, "987654", "KeyCode");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '987654', 'type': 'KeyCode'}}");
    bench_forget(b);
    session_tap(b);
    bench_settle(b);
    size_t tokens = 0;
    const char *name;
    json_t *value;
    json_object_foreach(b->records, name, value)
    {
        if (!str_starts(name, "token/"))
            continue;
        tokens++;
        assert_null(strstr(name, "987654"));
        assert_null(strstr(json_string_value(value), "987654"));
        assert_null(strstr(json_string_value(value), CARD));
    }
    assert_int_equal(tokens, 3); /* and the key */
}

static void who_was_let_in_as_unknown_is_not_in_it(void **state) /* C15.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    assert_null(token_cache_find(b, CARD));
    assert_int_equal(token_cache_records(b), 0);
    bench_answer(b, "TransactionEvent", ACCEPTED);
    bench_link_back(b);
    assert_non_null(token_cache_find(b, CARD)); /* now the CSMS has said something of it */
}

static void neither_tariff_nor_message_is_kept(void **state) /* C10.FR.09 */
{
    struct bench *b = *state;
    token_cache_tell(
        b, CARD, "{'status': 'Accepted', 'personalMessage': {'format': 'UTF8', 'content': '0.42 EUR/kWh'}}");
    AUTO_FREE char *all = json_to_text(b->records);
    assert_null(strstr(all, "0.42"));
}

/* ---- how long ---- */

static void an_entry_lives_for_its_life_time(void **state) /* C10.FR.08, C10.FR.10 */
{
    struct bench *b = *state;
    session_set(b, "AuthCacheCtrlr", "LifeTime", "600");
    token_cache_learn(b, CARD, ACCEPTED);
    bench_advance(b, 590000);
    assert_non_null(token_cache_find(b, CARD));
    token_cache_learn(b, FRIEND, INVALID);
    bench_token(b, 1, CARD, "ISO14443"); /* used, and confirmed by the answer to the event */
    bench_answer(b, "TransactionEvent", ACCEPTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_advance(b, 590000);
    assert_non_null(token_cache_find(b, CARD));
    bench_advance(b, 11000);
    assert_null(token_cache_find(b, CARD));
    bench_forget(b);
    session_tap(b); /* TC_C_46 */
}

static void an_entry_with_a_date_lives_until_then(void **state) /* C10.FR.13 */
{
    struct bench *b = *state;
    session_set(b, "AuthCacheCtrlr", "LifeTime", "60");
    token_cache_tell(b, CARD, "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-01-31T13:00:00Z'}");
    bench_advance(b, 3500000);
    assert_non_null(token_cache_find(b, CARD));
    bench_advance(b, 100001);
    assert_null(token_cache_find(b, CARD));
    bench_settle(b);
    assert_int_equal(token_cache_records(b), 1); /* the key */
}

static void a_date_in_the_past_keeps_it_out(void **state) /* C10.FR.10 */
{
    struct bench *b = *state;
    token_cache_tell(b, CARD, "{'status': 'Accepted'}");
    token_cache_tell(b, CARD, "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-01-01T00:00:00Z'}");
    assert_null(token_cache_find(b, CARD));
    token_cache_tell(b, FRIEND, "{'status': 'Accepted', 'cacheExpiryDateTime': '1960-01-01T00:00:00Z'}");
    assert_null(token_cache_find(b, FRIEND));
    assert_int_equal(token_cache_records(b), 1);
}

static void what_is_expired_is_swept_out_without_being_asked_for(void **state) /* C10.FR.10 */
{
    struct bench *b = *state;
    session_set(b, "AuthCacheCtrlr", "LifeTime", "86400");
    for (int i = 0; i < 20; i++) {
        char card[ID_TOKEN_SIZE];
        (void)snprintf(card, sizeof(card), "04%06d", i);
        token_cache_tell(b, card,
                         i % 2 ? "{'status': 'Accepted'}"
                               : "{'status': 'Accepted', 'cacheExpiryDateTime': '2027-01-31T12:00:00Z'}");
    }
    assert_int_equal(b->station->auth_cache.count, 20);
    bench_advance(b, DAY_MS + 2 * 3600000);
    assert_int_equal(b->station->auth_cache.count, 10);
    assert_int_equal(token_cache_records(b), 11);
    assert_non_null(token_cache_find(b, "04000018"));
}

/* ---- how much ---- */

static bool has_card(struct bench *b, int i)
{
    char card[ID_TOKEN_SIZE];
    token_cache_name_card(i, card);
    return token_cache_find(b, card) != NULL;
}

static void a_full_cache_lets_the_least_recently_used_go(void **state) /* C10.FR.07 */
{
    struct bench *b = *state;
    token_cache_fill(b, 0, AUTH_CACHE_MAX, "{\"status\":\"Accepted\"}");
    assert_true(has_card(b, 0) && has_card(b, AUTH_CACHE_MAX - 1));
    b->now_ms++;
    struct id_token first = token_cache_token("04000000", "ISO14443");
    (void)auth_cache_use(b->station, &first);
    token_cache_fill(b, AUTH_CACHE_MAX, AUTH_CACHE_MAX + 2, "{\"status\":\"Accepted\"}");
    assert_true(has_card(b, 0) && !has_card(b, 1) && !has_card(b, 2) && has_card(b, 3));
    assert_true(has_card(b, AUTH_CACHE_MAX) && has_card(b, AUTH_CACHE_MAX + 1));
    assert_int_equal(token_cache_records(b), AUTH_CACHE_MAX + 1);
}

static void what_was_refused_goes_first(void **state) /* C10.FR.07 */
{
    struct bench *b = *state;
    token_cache_fill(b, 0, AUTH_CACHE_MAX - 1, "{\"status\":\"Accepted\"}");
    token_cache_fill(b, AUTH_CACHE_MAX - 1, AUTH_CACHE_MAX + 1, "{\"status\":\"Unknown\"}");
    assert_true(has_card(b, 0) && !has_card(b, AUTH_CACHE_MAX - 1) && has_card(b, AUTH_CACHE_MAX));
}

static void the_policy_says_which_goes(void **state) /* C10.FR.07 */
{
    struct bench *b = *state;
    struct id_token first = token_cache_token("04000000", "ISO14443"),
                    last = token_cache_token("", "ISO14443");
    token_cache_name_card(AUTH_CACHE_MAX - 1, last.value);
    token_cache_fill(b, 0, AUTH_CACHE_MAX, "{\"status\":\"Accepted\"}");
    for (int i = 0; i < AUTH_CACHE_MAX - 1; i++) {
        struct id_token token = token_cache_token("", "ISO14443");
        token_cache_name_card(i, token.value);
        (void)auth_cache_use(b->station, &token);
    }
    b->now_ms++;
    (void)auth_cache_use(b->station, &first);
    session_set(b, "AuthCacheCtrlr", "Policy", "LFU");
    token_cache_fill(b, AUTH_CACHE_MAX, AUTH_CACHE_MAX + 1, "{\"status\":\"Accepted\"}");
    assert_null(auth_cache_find(b->station, &last)); /* used once, though the latest */
    session_set(b, "AuthCacheCtrlr", "Policy", "FIFO");
    token_cache_fill(b, AUTH_CACHE_MAX + 1, AUTH_CACHE_MAX + 2, "{\"status\":\"Accepted\"}");
    assert_null(auth_cache_find(b->station, &first)); /* the oldest, though used most */
    bench_call(
        b, "SetVariables",
        "{'setVariableData': [{'component': {'name': 'AuthCacheCtrlr'}, 'variable': {'name': 'Policy'},"
        " 'attributeValue': 'CUSTOM'}]}",
        "{'setVariableResult': [{'attributeStatus': 'Rejected'}]}");
}

static void the_table_finds_all_whatever_comes_and_goes(void **state)
{
    struct bench *b = *state;
    bool there[500] = { false };
    struct id_token token = token_cache_token("", "ISO14443");
    AUTO(json_t) *info = json_pack("{s:s, s:{s:s}}", "status", "Accepted", "groupIdToken", "idToken", "G");
    uint32_t chance = 1;
    for (int step = 0; step < 20000; step++) {
        chance = chance * 1664525 + 1013904223;
        int i = (int)(chance >> 8) % 500;
        token_cache_name_card(i, token.value);
        if (chance >> 31 && step / 2000 % 2) {
            assert_true(auth_cache_remove(b->station, &token) == there[i]);
            there[i] = false;
        } else if (chance >> 30 & 1) {
            auth_cache_update(b->station, &token, info);
            there[i] = true;
        }
        assert_true((auth_cache_find(b->station, &token) != NULL) == there[i]);
        if (step % 100 == 0)
            bench_settle(b);
    }
    size_t count = 0;
    for (int i = 0; i < 500; i++) {
        assert_true(has_card(b, i) == there[i]);
        count += there[i];
    }
    assert_int_equal(b->station->auth_cache.count, count);
    assert_int_equal(auth_cache_bytes(b->station), count * (sizeof(struct cached_token) + 1));
    bench_settle(b);
}

static void its_variables_tell_how_it_is(void **state) /* C10.FR.11 */
{
    struct bench *b = *state;
    static const char *const variables[] = { "Available", "Enabled", "LifeTime",
                                             "Policy",    "Storage", "DisablePostAuthorize" };
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        char text[200];
        (void)snprintf(text, sizeof(text),
                       "{'getVariableData': [{'component': {'name': 'AuthCacheCtrlr'}, 'variable': {'name': "
                       "'%s'}}]}",
                       variables[i]);
        bench_call(b, "GetVariables", text, "{'getVariableResult': [{'attributeStatus': 'Accepted'}]}");
    }
    token_cache_tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    char storage[100];
    (void)snprintf(storage, sizeof(storage), "{'getVariableResult': [{'attributeValue': '%zu'}]}",
                   sizeof(struct cached_token) + strlen("FAMILY"));
    bench_call(
        b, "GetVariables",
        "{'getVariableData': [{'component': {'name': 'AuthCacheCtrlr'}, 'variable': {'name': 'Storage'}}]}",
        storage);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, token_cache_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_answer_to_an_event_counts),
        TEST(the_answer_to_an_authorization_counts),
        TEST(a_late_answer_still_teaches),
        TEST(an_answer_that_is_none_teaches_nothing),
        TEST(tokens_for_one_time_only_are_not_kept),
        TEST(key_codes_are_kept_but_cannot_be_read),
        TEST(who_was_let_in_as_unknown_is_not_in_it),
        TEST(neither_tariff_nor_message_is_kept),
        TEST(an_entry_lives_for_its_life_time),
        TEST(an_entry_with_a_date_lives_until_then),
        TEST(a_date_in_the_past_keeps_it_out),
        TEST(what_is_expired_is_swept_out_without_being_asked_for),
        TEST(a_full_cache_lets_the_least_recently_used_go),
        TEST(what_was_refused_goes_first),
        TEST(the_policy_says_which_goes),
        TEST(the_table_finds_all_whatever_comes_and_goes),
        TEST(its_variables_tell_how_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
