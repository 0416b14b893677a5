/* The authorization cache: what gets into it, how long it stays, what is done with it. */
#include "tests/support/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"

#define FRIEND   "04FFFFFF"
#define FAMILY   "'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}"
#define MASTER   "'groupIdToken': {'idToken': 'MASTER', 'type': 'Central'}"
#define ACCEPTED "{'idTokenInfo': {'status': 'Accepted'}}"
#define INVALID  "{'idTokenInfo': {'status': 'Invalid'}}"
#define DAY_MS   86400000

static int setup(void **state)
{
    struct bench *b = session_points("Authorized,EVConnected", "Authorized,EVConnected");
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "true");
    *state = b;
    return 0;
}

static struct id_token token_of(const char *value, const char *type)
{
    struct id_token token;
    assert_int_equal(str_copy(token.value, sizeof(token.value), value), 0);
    assert_int_equal(str_copy(token.type, sizeof(token.type), type), 0);
    return token;
}

static const struct cached_token *find(struct bench *b, const char *value)
{
    struct id_token token = token_of(value, "ISO14443");
    return auth_cache_find(b->station, &token);
}

/* The CSMS says so of the card, at once. */
static void tell(struct bench *b, const char *value, const char *info)
{
    struct id_token token = token_of(value, "ISO14443");
    char text[400];
    (void)snprintf(text, sizeof(text), "%s", info);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    AUTO(json_t) *json = json_from_text(text, strlen(text));
    assert_non_null(json);
    auth_cache_update(b->station, &token, json);
    bench_settle(b);
}

/* A card is presented and refused or granted, and taken back; then nothing is left but what the cache has of it. */
static void learn(struct bench *b, const char *card, const char *answer)
{
    bench_answer(b, "Authorize", answer);
    bench_token(b, 1, card, "ISO14443");
    bench_expect_later(b, "Authorize", "{}");
    if (strstr(answer, "Accepted"))
        bench_token(b, 1, card, "ISO14443");
    bench_answer(b, "Authorize", "");
    bench_forget(b);
}

static size_t records(struct bench *b)
{
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(b->records, name, value) count += str_starts(name, "token/");
    return count;
}

/* ---- what it is for ---- */

static void
a_token_that_was_accepted_is_not_asked_for_again(void **state) /* C12.FR.02, C12.FR.04, C01.FR.05 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_forget(b);
    bench_token(b, 1, "04a1b2c3", "ISO14443"); /* C01.FR.25: the same */
    session_event(b, "Updated", "Authorized", "'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}");
    bench_expect_command(b, 1, EVSE_START);
    bench_expect_nothing(b);
}

static void the_same_value_of_another_type_is_asked_for(void **state) /* C01.FR.25, C01.FR.02 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    bench_token(b, 1, CARD, "ISO15693");
    bench_expect(b, "Authorize", "{'idToken': {'type': 'ISO15693'}}");
}

static void without_local_pre_authorization_each_token_is_asked_for(void **state) /* TC_C_36 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
    learn(b, CARD, ACCEPTED);
    session_tap(b);
}

static void a_disabled_cache_neither_learns_nor_answers(void **state) /* C10.FR.11 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    session_set(b, "AuthCacheCtrlr", "Enabled", "false");
    assert_non_null(find(b, CARD)); /* what is in it stays */
    learn(b, CARD, ACCEPTED);
    learn(b, FRIEND, ACCEPTED);
    session_set(b, "AuthCacheCtrlr", "Enabled", "true");
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
    assert_null(find(b, FRIEND));
}

static void what_was_refused_is_asked_for_again(void **state) /* C10.FR.03, C12.FR.05, C10.FR.01 */
{
    struct bench *b = *state;
    for (int i = 0; i < AUTHORIZATION_STATUSES; i++) {
        char answer[100];
        (void)snprintf(answer, sizeof(answer), "{'idTokenInfo': {'status': '%s'}}",
                       authorization_status_names[i]);
        session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
        learn(b, CARD, answer);
        session_set(b, "AuthCtrlr", "LocalPreAuthorize", "true");
        assert_int_equal(find(b, CARD)->status, i);
        bench_answer(b, "Authorize", answer);
        bench_token(b, 1, CARD, "ISO14443");
        assert_int_equal(bench_count(b, "Authorize"), i == STATUS_ACCEPTED ? 0 : 1);
        if (i == STATUS_ACCEPTED)
            bench_token(b, 1, CARD, "ISO14443"); /* taken back */
        bench_forget(b);
    }
}

static void what_was_refused_may_be_refused_without_asking(void **state) /* TC_C_57 */
{
    struct bench *b = *state;
    learn(b, CARD, INVALID);
    session_set(b, "AuthCacheCtrlr", "DisablePostAuthorize", "true");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_nothing(b);
    learn(b, FRIEND, ACCEPTED);
    bench_token(b, 1, FRIEND, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
    bench_token(b, 1, CARD, "ISO14443"); /* nor to stop */
    bench_expect_nothing(b);
}

static void with_remote_authorization_disabled_only_the_cache_counts(void **state) /* TC_E_52 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
    session_set(b, "AuthCtrlr", "DisableRemoteAuthorization", "true");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_nothing(b);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
}

static void a_token_of_another_evse_is_asked_for_here(void **state) /* C01.FR.21 */
{
    struct bench *b = *state;
    tell(b, CARD, "{'status': 'Accepted', 'evseId': [2, 3, 99]}");
    assert_int_equal(find(b, CARD)->evses, 6);
    session_tap(b);
    session_event(b, "Started", "Authorized", NULL); /* the CSMS says something else now */
    assert_true(find(b, CARD)->evses == EVERY_EVSE);
}

static void
a_remote_start_that_must_be_authorized_asks_the_cache_first(void **state) /* C12.FR.02, F01.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "AuthorizeRemoteStart", "true");
    learn(b, CARD, ACCEPTED);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 3, 'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}}",
               "{'status': 'Accepted'}");
    session_event(b, "Started", "RemoteStart", "'idToken': {'idToken': '" CARD "'}");
}

/* ---- what it learns ---- */

static void the_answer_to_an_event_counts(void **state) /* C10.FR.05, C12.FR.06 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Blocked', " FAMILY "}}");
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Updated", "Authorized", NULL);
    session_event(b, "Ended", "Deauthorized", NULL);
    assert_int_equal(find(b, CARD)->status, STATUS_BLOCKED);
    assert_string_equal(find(b, CARD)->group, "FAMILY");
    bench_answer(b, "TransactionEvent", "");
    session_tap(b); /* C12.FR.05 */
}

static void the_answer_to_an_authorization_counts(void **state) /* C10.FR.04, C12.FR.06 */
{
    struct bench *b = *state;
    learn(b, CARD, INVALID);
    assert_int_equal(find(b, CARD)->status, STATUS_INVALID);
    learn(b, CARD, ACCEPTED);
    assert_int_equal(find(b, CARD)->status, STATUS_ACCEPTED);
}

static void a_late_answer_still_teaches(void **state) /* C10.FR.04 */
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_advance(b, 20000);
    bench_reply(b, INVALID);
    assert_int_equal(find(b, CARD)->status, STATUS_INVALID);
}

static void an_answer_that_is_none_teaches_nothing(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", BENCH_ERROR("InternalError"));
    session_tap(b);
    assert_null(find(b, CARD));
    bench_answer(b, "Authorize", BENCH_SILENCE);
    session_tap(b);
    bench_advance(b, 40000);
    assert_null(find(b, CARD));
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
    assert_int_equal(records(b), 0);
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
    assert_null(find(b, CARD));
    assert_int_equal(records(b), 0);
    bench_answer(b, "TransactionEvent", ACCEPTED);
    bench_link_back(b);
    assert_non_null(find(b, CARD)); /* now the CSMS has said something of it */
}

/* ---- how long ---- */

static void an_entry_lives_for_its_life_time(void **state) /* C10.FR.08, C10.FR.10 */
{
    struct bench *b = *state;
    session_set(b, "AuthCacheCtrlr", "LifeTime", "600");
    learn(b, CARD, ACCEPTED);
    bench_advance(b, 590000);
    assert_non_null(find(b, CARD));
    learn(b, FRIEND, INVALID);
    bench_token(b, 1, CARD, "ISO14443"); /* used, and confirmed by the answer to the event */
    bench_answer(b, "TransactionEvent", ACCEPTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_advance(b, 590000);
    assert_non_null(find(b, CARD));
    bench_advance(b, 11000);
    assert_null(find(b, CARD));
    bench_forget(b);
    session_tap(b); /* TC_C_46 */
}

static void an_entry_with_a_date_lives_until_then(void **state) /* C10.FR.13 */
{
    struct bench *b = *state;
    session_set(b, "AuthCacheCtrlr", "LifeTime", "60");
    tell(b, CARD, "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-01-31T13:00:00Z'}");
    bench_advance(b, 3500000);
    assert_non_null(find(b, CARD));
    bench_advance(b, 100001);
    assert_null(find(b, CARD));
    bench_settle(b);
    assert_int_equal(records(b), 1); /* the key */
}

static void a_date_in_the_past_keeps_it_out(void **state) /* C10.FR.10 */
{
    struct bench *b = *state;
    tell(b, CARD, "{'status': 'Accepted'}");
    tell(b, CARD, "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-01-01T00:00:00Z'}");
    assert_null(find(b, CARD));
    tell(b, FRIEND, "{'status': 'Accepted', 'cacheExpiryDateTime': '1960-01-01T00:00:00Z'}");
    assert_null(find(b, FRIEND));
    assert_int_equal(records(b), 1);
}

static void what_is_expired_is_swept_out_without_being_asked_for(void **state) /* C10.FR.10 */
{
    struct bench *b = *state;
    session_set(b, "AuthCacheCtrlr", "LifeTime", "86400");
    for (int i = 0; i < 20; i++) {
        char card[ID_TOKEN_SIZE];
        (void)snprintf(card, sizeof(card), "04%06d", i);
        tell(b, card,
             i % 2 ? "{'status': 'Accepted'}"
                   : "{'status': 'Accepted', 'cacheExpiryDateTime': '2027-01-31T12:00:00Z'}");
    }
    assert_int_equal(b->station->auth_cache.count, 20);
    bench_advance(b, DAY_MS + 2 * 3600000);
    assert_int_equal(b->station->auth_cache.count, 10);
    assert_int_equal(records(b), 11);
    assert_non_null(find(b, "04000018"));
}

/* ---- how much ---- */

static void name_card(int i, char ret[static ID_TOKEN_SIZE])
{
    (void)snprintf(ret, ID_TOKEN_SIZE, "04%06d", i);
}

/* Each card a millisecond after the other. */
static void fill_with(struct bench *b, int from, int to, const char *info)
{
    struct id_token token = token_of("", "ISO14443");
    AUTO(json_t) *json = json_from_text(info, strlen(info));
    for (int i = from; i < to; i++) {
        name_card(i, token.value);
        b->now_ms++;
        auth_cache_update(b->station, &token, json);
    }
    bench_settle(b);
}

static bool has_card(struct bench *b, int i)
{
    char card[ID_TOKEN_SIZE];
    name_card(i, card);
    return find(b, card) != NULL;
}

static void a_full_cache_lets_the_least_recently_used_go(void **state) /* C10.FR.07 */
{
    struct bench *b = *state;
    fill_with(b, 0, AUTH_CACHE_MAX, "{\"status\":\"Accepted\"}");
    assert_true(has_card(b, 0) && has_card(b, AUTH_CACHE_MAX - 1));
    b->now_ms++;
    struct id_token first = token_of("04000000", "ISO14443");
    (void)auth_cache_use(b->station, &first);
    fill_with(b, AUTH_CACHE_MAX, AUTH_CACHE_MAX + 2, "{\"status\":\"Accepted\"}");
    assert_true(has_card(b, 0) && !has_card(b, 1) && !has_card(b, 2) && has_card(b, 3));
    assert_true(has_card(b, AUTH_CACHE_MAX) && has_card(b, AUTH_CACHE_MAX + 1));
    assert_int_equal(records(b), AUTH_CACHE_MAX + 1);
}

static void what_was_refused_goes_first(void **state) /* C10.FR.07 */
{
    struct bench *b = *state;
    fill_with(b, 0, AUTH_CACHE_MAX - 1, "{\"status\":\"Accepted\"}");
    fill_with(b, AUTH_CACHE_MAX - 1, AUTH_CACHE_MAX + 1, "{\"status\":\"Unknown\"}");
    assert_true(has_card(b, 0) && !has_card(b, AUTH_CACHE_MAX - 1) && has_card(b, AUTH_CACHE_MAX));
}

static void the_policy_says_which_goes(void **state) /* C10.FR.07 */
{
    struct bench *b = *state;
    struct id_token first = token_of("04000000", "ISO14443"), last = token_of("", "ISO14443");
    name_card(AUTH_CACHE_MAX - 1, last.value);
    fill_with(b, 0, AUTH_CACHE_MAX, "{\"status\":\"Accepted\"}");
    for (int i = 0; i < AUTH_CACHE_MAX - 1; i++) {
        struct id_token token = token_of("", "ISO14443");
        name_card(i, token.value);
        (void)auth_cache_use(b->station, &token);
    }
    b->now_ms++;
    (void)auth_cache_use(b->station, &first);
    session_set(b, "AuthCacheCtrlr", "Policy", "LFU");
    fill_with(b, AUTH_CACHE_MAX, AUTH_CACHE_MAX + 1, "{\"status\":\"Accepted\"}");
    assert_null(auth_cache_find(b->station, &last)); /* used once, though the latest */
    session_set(b, "AuthCacheCtrlr", "Policy", "FIFO");
    fill_with(b, AUTH_CACHE_MAX + 1, AUTH_CACHE_MAX + 2, "{\"status\":\"Accepted\"}");
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
    struct id_token token = token_of("", "ISO14443");
    AUTO(json_t) *info = json_pack("{s:s, s:{s:s}}", "status", "Accepted", "groupIdToken", "idToken", "G");
    uint32_t chance = 1;
    for (int step = 0; step < 20000; step++) {
        chance = chance * 1664525 + 1013904223;
        int i = (int)(chance >> 8) % 500;
        name_card(i, token.value);
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
    tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    char storage[100];
    (void)snprintf(storage, sizeof(storage), "{'getVariableResult': [{'attributeValue': '%zu'}]}",
                   sizeof(struct cached_token) + strlen("FAMILY"));
    bench_call(
        b, "GetVariables",
        "{'getVariableData': [{'component': {'name': 'AuthCacheCtrlr'}, 'variable': {'name': 'Storage'}}]}",
        storage);
}

/* ---- power cuts ---- */

static void neither_tariff_nor_message_is_kept(void **state) /* C10.FR.09 */
{
    struct bench *b = *state;
    tell(b, CARD, "{'status': 'Accepted', 'personalMessage': {'format': 'UTF8', 'content': '0.42 EUR/kWh'}}");
    AUTO_FREE char *all = json_to_text(b->records);
    assert_null(strstr(all, "0.42"));
}

static void it_outlives_a_power_cut(void **state) /* C10.FR.02, TC_C_32 */
{
    struct bench *b = *state;
    tell(b, CARD,
         "{'status': 'Accepted', 'evseId': [1, 64], " FAMILY
         ", 'cacheExpiryDateTime': '2026-02-28T00:00:00Z'}");
    tell(b, FRIEND, "{'status': 'Blocked'}");
    bench_restart(b);
    const struct cached_token *card = find(b, CARD);
    assert_int_equal(card->status, STATUS_ACCEPTED);
    assert_true(card->evses == (1 | (uint64_t)1 << 63));
    assert_string_equal(card->group, "FAMILY");
    assert_true(card->expires_ms > BENCH_WALL_MS);
    assert_int_equal(find(b, FRIEND)->status, STATUS_BLOCKED);
    assert_int_equal(find(b, FRIEND)->expires_ms, -1);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
    tell(b, FRIEND, "{'status': 'Accepted'}");
    bench_restart(b);
    assert_int_equal(find(b, FRIEND)->status, STATUS_ACCEPTED);
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
    tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    b->hold_commits = true;
    tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    assert_int_equal(token_commits(b), 0);
    bench_advance(b, 61000);
    tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    assert_int_equal(token_commits(b), 1);
    tell(b, CARD, "{'status': 'Accepted', " MASTER "}");
    assert_int_equal(token_commits(b), 2);
    tell(b, CARD, "{'status': 'Accepted', 'evseId': [1], " MASTER "}");
    assert_int_equal(token_commits(b), 3);
    tell(b, CARD, "{'status': 'Blocked', 'evseId': [1]}");
    assert_int_equal(token_commits(b), 4);
    bench_frame(b, "[2,\"c\",\"ClearCache\",{}]");
    tell(b, CARD, "{'status': 'Blocked', 'evseId': [1]}"); /* it must outlive the clearing */
    assert_int_equal(token_commits(b), 6);
    b->hold_commits = false;
    bench_settle(b);
    assert_int_equal(find(b, CARD)->status, STATUS_BLOCKED);
    bench_restart(b);
    assert_int_equal(find(b, CARD)->status, STATUS_BLOCKED);
}

static void what_the_store_has_not_taken_is_gone_with_the_power(void **state)
{
    struct bench *b = *state;
    b->hold_commits = true;
    tell(b, CARD, "{'status': 'Accepted'}");
    tell(b, FRIEND, "{'status': 'Accepted'}");
    assert_non_null(find(b, CARD));
    bench_restart(b);
    b->hold_commits = false;
    assert_null(find(b, CARD));
    tell(b, FRIEND, "{'status': 'Accepted'}"); /* under another key */
    bench_restart(b);
    assert_non_null(find(b, FRIEND));
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
    tell(b, CARD, "{'status': 'Accepted'}");
    bench_restart(b);
    assert_non_null(find(b, CARD));
}

/* ---- offline ---- */

static void offline_a_known_token_charges(void **state) /* C12, C15, E04 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
    learn(b, CARD, ACCEPTED);
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_no_command(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
}

static void offline_a_known_token_may_be_forbidden(void **state) /* C15.FR.08 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "LocalAuthorizeOffline", "false");
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    learn(b, CARD, ACCEPTED);
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_no_command(b);
    bench_token(b, 1, FRIEND, "ISO14443"); /* not in the cache */
    bench_expect_command(b, 1, EVSE_START);
}

static void offline_a_refused_token_is_not_unknown(void **state) /* C15 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    learn(b, CARD, "{'idTokenInfo': {'status': 'Blocked'}}");
    tell(b, FRIEND, "{'status': 'Accepted', 'evseId': [2]}");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_token(b, 1, FRIEND, "ISO14443"); /* C01.FR.21 */
    bench_expect_no_command(b);
}

static void
an_offline_start_with_a_token_that_is_no_longer_valid_is_stopped(void **state) /* C12.FR.06, TC_C_16 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_link_lost(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_answer(b, "TransactionEvent", INVALID);
    bench_link_back(b);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_later(b, "TransactionEvent", "{'triggerReason': 'Authorized', 'offline': true}");
    session_event(b, "Updated", "ChargingStateChanged", "'offline': true");
    session_event(b, "Ended", "Deauthorized", "'offline': null");
    assert_int_equal(find(b, CARD)->status, STATUS_INVALID);
}

/* ---- groups and master pass ---- */

static void a_known_member_of_the_group_stops_without_asking(void **state) /* C01.FR.03, C09.FR.07 */
{
    struct bench *b = *state;
    tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    tell(b, FRIEND, "{'status': 'Accepted', " FAMILY "}");
    session_plug(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Ended", "StopAuthorized",
                  "'idToken': {'idToken': '" FRIEND "'}, 'transactionInfo': {'stoppedReason': 'Local'}");
    bench_expect_nothing(b);
}

static void offline_a_known_member_of_the_group_stops_it(void **state) /* C09.FR.07, C09.FR.03 */
{
    struct bench *b = *state;
    tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    tell(b, FRIEND, "{'status': 'Accepted', " FAMILY "}");
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_token(b, 1, "04EEEEEE", "ISO14443"); /* nobody knows that one */
    bench_expect_no_command(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
}

static void a_member_that_was_refused_is_asked_for_and_stops_nothing(void **state) /* C09.FR.11, TC_C_44 */
{
    struct bench *b = *state;
    tell(b, CARD, "{'status': 'Accepted', " FAMILY "}");
    tell(b, FRIEND, "{'status': 'Invalid', " FAMILY "}");
    session_plug(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_answer(b, "Authorize", "{'idTokenInfo': {'status': 'Invalid', " FAMILY "}}");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" FRIEND "'}}");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
}

static void
a_known_master_pass_starts_nothing_and_stops_all(void **state) /* C12.FR.09, C16.FR.03, C16.FR.04, TC_C_14 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "Master");
    tell(b, FRIEND, "{'status': 'Accepted', " MASTER "}");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    learn(b, CARD, ACCEPTED);
    session_plug(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_command(b, 1, EVSE_STOP);
    bench_settle(b);
    session_event(b, "Ended", "StopAuthorized",
                  "'idToken': {'idToken': '" FRIEND "'}, 'transactionInfo': {'stoppedReason': 'MasterPass'}");
    bench_expect_nothing(b);
}

/* ---- ClearCache ---- */

static void the_csms_clears_it(void **state) /* C11.FR.01, C11.FR.02, C11.FR.03 */
{
    struct bench *b = *state;
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}"); /* empty as it is */
    fill_with(b, 0, 1000, "{\"status\":\"Accepted\"}");
    learn(b, CARD, ACCEPTED);
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}");
    assert_null(find(b, CARD));
    assert_int_equal(records(b), 1);
    bench_restart(b);
    bench_forget(b);
    session_tap(b);
}

static void what_is_disabled_is_not_cleared(void **state) /* C11.FR.04 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    session_set(b, "AuthCacheCtrlr", "Enabled", "false");
    bench_call(b, "ClearCache", "{}", "{'status': 'Rejected'}");
    assert_non_null(find(b, CARD));
}

static void what_the_store_does_not_clear_is_not_cleared(void **state) /* C11.FR.05 */
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    b->store_refuses = true;
    bench_call(b, "ClearCache", "{}", "{'status': 'Rejected'}");
    assert_non_null(find(b, CARD));
    b->store_refuses = false;
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}");
    assert_null(find(b, CARD));
}

static void a_station_may_go_while_its_cache_is_being_cleared(void **state)
{
    struct bench *b = *state;
    learn(b, CARD, ACCEPTED);
    b->hold_commits = true;
    bench_frame(b, "[2,\"c\",\"ClearCache\",{}]");
    bench_restart(b);
    assert_non_null(find(b, CARD));
    b->hold_commits = false;
}

static void one_token_can_be_forgotten(void **state)
{
    struct bench *b = *state;
    struct id_token token = token_of(CARD, "ISO14443");
    assert_false(auth_cache_remove(b->station, &token));
    learn(b, CARD, ACCEPTED);
    learn(b, FRIEND, ACCEPTED);
    assert_true(auth_cache_remove(b->station, &token));
    assert_false(auth_cache_remove(b->station, &token));
    bench_settle(b);
    assert_int_equal(records(b), 2);
    assert_non_null(find(b, FRIEND));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_that_was_accepted_is_not_asked_for_again),
        TEST(the_same_value_of_another_type_is_asked_for),
        TEST(without_local_pre_authorization_each_token_is_asked_for),
        TEST(a_disabled_cache_neither_learns_nor_answers),
        TEST(what_was_refused_is_asked_for_again),
        TEST(what_was_refused_may_be_refused_without_asking),
        TEST(with_remote_authorization_disabled_only_the_cache_counts),
        TEST(a_token_of_another_evse_is_asked_for_here),
        TEST(a_remote_start_that_must_be_authorized_asks_the_cache_first),
        TEST(the_answer_to_an_event_counts),
        TEST(the_answer_to_an_authorization_counts),
        TEST(a_late_answer_still_teaches),
        TEST(an_answer_that_is_none_teaches_nothing),
        TEST(tokens_for_one_time_only_are_not_kept),
        TEST(key_codes_are_kept_but_cannot_be_read),
        TEST(who_was_let_in_as_unknown_is_not_in_it),
        TEST(an_entry_lives_for_its_life_time),
        TEST(an_entry_with_a_date_lives_until_then),
        TEST(a_date_in_the_past_keeps_it_out),
        TEST(what_is_expired_is_swept_out_without_being_asked_for),
        TEST(a_full_cache_lets_the_least_recently_used_go),
        TEST(what_was_refused_goes_first),
        TEST(the_policy_says_which_goes),
        TEST(the_table_finds_all_whatever_comes_and_goes),
        TEST(its_variables_tell_how_it_is),
        TEST(neither_tariff_nor_message_is_kept),
        TEST(it_outlives_a_power_cut),
        TEST(what_the_store_has_is_not_written_again),
        TEST(what_the_store_has_not_taken_is_gone_with_the_power),
        TEST(stored_nonsense_does_no_harm),
        TEST(offline_a_known_token_charges),
        TEST(offline_a_known_token_may_be_forbidden),
        TEST(offline_a_refused_token_is_not_unknown),
        TEST(an_offline_start_with_a_token_that_is_no_longer_valid_is_stopped),
        TEST(a_known_member_of_the_group_stops_without_asking),
        TEST(offline_a_known_member_of_the_group_stops_it),
        TEST(a_member_that_was_refused_is_asked_for_and_stops_nothing),
        TEST(a_known_master_pass_starts_nothing_and_stops_all),
        TEST(the_csms_clears_it),
        TEST(what_is_disabled_is_not_cleared),
        TEST(what_the_store_does_not_clear_is_not_cleared),
        TEST(a_station_may_go_while_its_cache_is_being_cleared),
        TEST(one_token_can_be_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
