/* The Local Authorization List: how it is changed, what is let in and refused by it, what survives. */
#include "tests/support/token_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

#define ENTRY(card, info) "{'idToken': {'idToken': '" card "', 'type': 'ISO14443'}, 'idTokenInfo': " info "}"
#define GONE(card)        "{'idToken': {'idToken': '" card "', 'type': 'ISO14443'}}"
#define GOOD              "{'status': 'Accepted'}"
#define BLOCKED           "{'status': 'Blocked'}"
#define OVER              "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-01-31T11:59:59Z'}"
#define NOT_YET_OVER      "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-02-28T00:00:00Z'}"
#define FULL              "Full"
#define DIFFERENTIAL      "Differential"

static void send(struct bench *b, const char *type, int version, const char *entries, const char *expected)
{
    char text[2000];
    (void)snprintf(text, sizeof(text),
                   "{'versionNumber': %d, 'updateType': '%s', 'localAuthorizationList': [%s]}", version, type,
                   entries);
    bench_call(b, "SendLocalList", text, expected);
}

static void full(struct bench *b, int version, const char *entries)
{
    send(b, FULL, version, entries, "{'status': 'Accepted'}");
}

static void differential(struct bench *b, int version, const char *entries)
{
    send(b, DIFFERENTIAL, version, entries, "{'status': 'Accepted'}");
}

static void expect_version(struct bench *b, int version)
{
    char text[60];
    (void)snprintf(text, sizeof(text), "{'versionNumber': %d}", version);
    bench_call(b, "GetLocalListVersion", "{}", text);
}

static const struct list_entry *find(struct bench *b, const char *card)
{
    struct id_token token = token_cache_token(card, "ISO14443");
    return local_list_find(b->station, &token);
}

static void expect_entries(struct bench *b, const char *value)
{
    char text[300];
    (void)snprintf(text, sizeof(text), "{'getVariableResult': [{'attributeValue': '%s'}]}", value);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'LocalAuthListCtrlr'}, 'variable': {'name': "
               "'Entries'}}]}",
               text);
}

static void restart(struct bench *b)
{
    bench_restart(b);
    bench_advance(b, 60000);
    bench_forget(b);
}

static void expect_no_start(struct bench *b)
{
    size_t index;
    json_t *command;
    json_array_foreach(b->commands, index, command)
        assert_int_not_equal(json_integer_value(json_array_get(command, 1)), EVSE_START);
    json_array_clear(b->commands);
}

/* ---- updates ---- */

static void a_full_update_replaces_the_list(void **state) /* D01.FR.02, D01.FR.15, D02.FR.01, D01.FR.01 */
{
    struct bench *b = *state;
    full(b, 7, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, BLOCKED));
    expect_version(b, 7);
    expect_entries(b, "2"); /* D01.FR.12 */
    full(b, 3, ENTRY("0401", GOOD));
    expect_version(b, 3); /* of a full one any number counts */
    assert_null(find(b, CARD));
    assert_null(find(b, FRIEND));
    assert_int_equal(find(b, "0401")->status, STATUS_ACCEPTED);
}

static void a_full_update_without_entries_empties_the_list(void **state) /* D01.FR.04 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, GOOD));
    bench_call(b, "SendLocalList", "{'versionNumber': 2, 'updateType': 'Full'}", "{'status': 'Accepted'}");
    assert_null(find(b, CARD));
    expect_version(b, 2);
    expect_entries(b, "0");
    restart(b);
    expect_version(b, 2); /* an emptied list is one */
}

static void a_differential_update_adds_changes_and_removes(void **state) /* D01.FR.16, D01.FR.17 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, GOOD));
    differential(b, 2, ENTRY("0401", GOOD) ", " ENTRY(FRIEND, BLOCKED) ", " GONE(CARD) ", " GONE("0499"));
    assert_null(find(b, CARD));
    assert_int_equal(find(b, FRIEND)->status, STATUS_BLOCKED);
    assert_int_equal(find(b, "0401")->status, STATUS_ACCEPTED);
    expect_version(b, 2);
}

static void a_differential_update_of_nothing_changes_the_version_only(void **state) /* D01.FR.05 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, GOOD));
    bench_call(b, "SendLocalList", "{'versionNumber': 2, 'updateType': 'Differential'}",
               "{'status': 'Accepted'}");
    assert_non_null(find(b, CARD));
    expect_version(b, 2);
}

static void an_older_or_the_same_version_does_not_fit(void **state) /* D01.FR.19 */
{
    struct bench *b = *state;
    full(b, 5, ENTRY(CARD, GOOD));
    for (int version = 4; version <= 5; version++)
        send(b, DIFFERENTIAL, version, GONE(CARD), "{'status': 'VersionMismatch'}");
    assert_non_null(find(b, CARD));
    expect_version(b, 5);
}

static void what_cannot_be_a_list_changes_nothing(void **state) /* D01.FR.06, D01.FR.18 */
{
    static const struct {
        const char *type;
        int version;
        const char *entries, *expected;
    } rows[] = {
        { FULL, 2, ENTRY("0401", GOOD) ", " ENTRY("0401", BLOCKED), "'InvalidValue'" },
        { DIFFERENTIAL, 2, ENTRY("04AB", GOOD) ", " GONE("04ab"), "'InvalidValue'" },
        { FULL, 2, GONE("0401"), "'MissingParam'" },
        { FULL, 0, ENTRY("0401", GOOD), "'InvalidValue'" },
        { DIFFERENTIAL, -1, ENTRY("0401", GOOD), "'InvalidValue'" },
    };
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, GOOD));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char expected[200];
        (void)snprintf(expected, sizeof(expected), "{'status': 'Failed', 'statusInfo': {'reasonCode': %s}}",
                       rows[i].expected);
        send(b, rows[i].type, rows[i].version, rows[i].entries, expected);
        expect_version(b, 1);
        assert_non_null(find(b, CARD));
        expect_entries(b, "1");
    }
}

static void a_disabled_list_is_none(void **state) /* D01.FR.13, D02.FR.03 */
{
    struct bench *b = *state;
    full(b, 4, ENTRY(CARD, GOOD));
    session_set(b, "LocalAuthListCtrlr", "Enabled", "false");
    expect_version(b, 0);
    send(b, DIFFERENTIAL, 5, GONE(CARD), "{'status': 'Failed', 'statusInfo': {'reasonCode': 'NotEnabled'}}");
    session_tap(b); /* the CSMS is asked */
    bench_forget(b);
    session_set(b, "LocalAuthListCtrlr", "Enabled", "true");
    expect_version(b, 4);
}

static void a_list_that_was_never_sent_has_version_0(void **state) /* D02.FR.02 */
{
    struct bench *b = *state;
    expect_version(b, 0);
    expect_entries(b, "0");
}

static void authorizing_does_not_change_the_list(void **state) /* D01.FR.09 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, BLOCKED));
    token_cache_learn(b, CARD, ACCEPTED);
    assert_int_equal(find(b, CARD)->status, STATUS_BLOCKED);
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}");
    expect_entries(b, "1");
}

/* ---- limits ---- */

static json_t *update_of(int version, int first, int count)
{
    json_t *list = json_array();
    for (int i = first; i < first + count; i++) {
        char card[ID_TOKEN_SIZE];
        token_cache_name_card(i, card);
        json_array_append_new(list, json_pack("{s:{s:s, s:s}, s:{s:s}}", "idToken", "idToken", card, "type",
                                              "ISO14443", "idTokenInfo", "status", "Accepted"));
    }
    return json_pack("{s:i, s:s, s:o}", "versionNumber", version, "updateType", "Differential",
                     "localAuthorizationList", list);
}

static void send_many(struct bench *b, int version, int first, int count, const char *expected)
{
    json_t *update = update_of(version, first, count);
    char *text = json_dumps(update, JSON_COMPACT);
    for (char *c = text; *c; c++)
        if (*c == '"')
            *c = '\'';
    bench_call(b, "SendLocalList", text, expected);
    free(text);
    json_decref(update);
}

static void a_message_and_a_list_have_bounds(void **state) /* D01.FR.11, D01.FR.12 */
{
    (void)state;
    struct bench_options options = { .max_message = 1 << 20, .limits.local_list_entries = 1500 };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    send_many(b, 1, 0, 1001, "{'status': 'Failed', 'statusInfo': {'reasonCode': 'TooManyElements'}}");
    send_many(b, 1, 0, 1000, "{'status': 'Accepted'}");
    send_many(b, 2, 1000, 501, "{'status': 'Failed', 'statusInfo': {'reasonCode': 'OutOfStorage'}}");
    expect_entries(b, "1000");
    send_many(b, 2, 1000, 500, "{'status': 'Accepted'}");
    expect_entries(b, "1500");
    send_many(b, 3, 1000, 500, "{'status': 'Accepted'}"); /* the same again is no more */
    send_many(b, 4, 1500, 1, "{'status': 'Failed', 'statusInfo': {'reasonCode': 'OutOfStorage'}}");
    expect_version(b, 3);
    bench_free(b);
}

static void a_store_that_is_full_leaves_the_old_list(void **state) /* D01.FR.02 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, GOOD));
    b->store_refuses = true;
    send(b, FULL, 2, ENTRY(FRIEND, GOOD), "{'status': 'Failed'}");
    b->store_refuses = false;
    assert_non_null(find(b, CARD));
    assert_null(find(b, FRIEND));
    expect_version(b, 1);
    full(b, 2, ENTRY(FRIEND, GOOD));
}

/* ---- what survives ---- */

static void the_list_survives_a_power_cut(void **state) /* D01.FR.10 */
{
    struct bench *b = *state;
    full(b, 9,
         ENTRY(CARD, "{'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}, "
                     "'evseId': [1], 'language1': 'ja'}") ", " ENTRY(FRIEND, NOT_YET_OVER));
    size_t bytes = local_list_bytes(b->station);
    restart(b);
    expect_version(b, 9);
    const struct list_entry *entry = find(b, CARD);
    assert_string_equal(entry->group, "FAMILY");
    assert_int_equal(entry->evses, 1);
    json_t *info = local_list_info(entry);
    assert_string_equal(json_string_value(json_object_get(info, "language1")), "ja");
    assert_int_equal(json_object_size(info), 1);
    json_decref(info);
    assert_true(find(b, FRIEND)->expires_ms > BENCH_WALL_MS);
    assert_int_equal(local_list_bytes(b->station), bytes);
    assert_true(bytes > 0 && bytes < local_list_max_bytes(b->station));
}

static void no_token_is_in_the_store_in_clear(void **state)
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, GOOD));
    const char *name;
    json_t *value;
    json_object_foreach(b->records, name, value)
    {
        if (!str_starts(name, "local_list/"))
            continue;
        assert_null(strstr(name, CARD));
        assert_null(strstr(json_string_value(value), CARD));
    }
}

/* Random updates and a power cut at a random commit: then there is the old list or the new one, with its version. */
static void a_power_cut_leaves_the_old_or_the_new_list(void **state) /* D01.FR.10 */
{
    (void)state;
    for (unsigned seed = 0; seed < 60; seed++) {
        struct bench *b = bench_new(&(struct bench_options){ .max_message = 1 << 20 });
        bench_boot(b);
        srand(seed);
        int in_force[40] = { 0 }, next[40] = { 0 }, version = 0;
        for (int round = 1; round <= 6; round++) {
            bool is_full = rand() % 3 == 0;
            json_t *list = json_array();
            memcpy(next, in_force, sizeof(next));
            for (int i = 0; i < 40; i++) {
                char card[ID_TOKEN_SIZE];
                int what = rand() % 3; /* 0: left alone, 1: put, 2: removed */
                token_cache_name_card(i, card);
                if (is_full)
                    next[i] = what == 1 ? round : 0;
                else if (what)
                    next[i] = what == 1 ? round : 0;
                if (what == 0 || (is_full && what == 2))
                    continue;
                json_t *entry = json_pack("{s:{s:s, s:s}}", "idToken", "idToken", card, "type", "ISO14443");
                if (what == 1)
                    json_object_set_new(
                        entry, "idTokenInfo",
                        json_pack("{s:s, s:i}", "status", "Accepted", "chargingPriority", round));
                json_array_append_new(list, entry);
            }
            json_t *update = json_pack("{s:i, s:s}", "versionNumber", round, "updateType",
                                       is_full ? "Full" : "Differential");
            if (json_array_size(list) > 0)
                json_object_set(update, "localAuthorizationList", list);
            json_decref(list);
            char *text = json_dumps(update, JSON_COMPACT);
            json_decref(update);
            b->hold_commits = rand() % 2;
            bool is_lost = b->hold_commits;
            char frame[9000];
            (void)snprintf(frame, sizeof(frame), "[2,\"list%d\",\"SendLocalList\",%s]", round, text);
            free(text);
            bench_frame(b, frame);
            bench_restart(b);
            b->hold_commits = false;
            restart(b);
            if (!is_lost) {
                memcpy(in_force, next, sizeof(next));
                version = round;
            }
            expect_version(b, version);
            for (int i = 0; i < 40; i++) {
                char card[ID_TOKEN_SIZE];
                token_cache_name_card(i, card);
                const struct list_entry *entry = find(b, card);
                json_t *info = entry ? local_list_info(entry) : NULL;
                int round_of = (int)json_integer_value(json_object_get(info, "chargingPriority"));
                assert_int_equal(round_of, in_force[i]);
                json_decref(info);
            }
        }
        bench_free(b);
    }
}

/* ---- who is let in ---- */

static void a_listed_token_charges_without_asking(void **state) /* C14.FR.04, C01.FR.05 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, NOT_YET_OVER));
    session_plug(b);
    bench_forget(b);
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Updated", "Authorized", NULL);
    bench_expect_command(b, 1, EVSE_START);
    bench_expect_nothing(b);
}

static void without_local_pre_authorization_a_listed_token_is_asked_for(void **state) /* C14 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "LocalPreAuthorize", "false");
    full(b, 1, ENTRY(CARD, GOOD));
    session_tap(b);
}

static void the_list_stands_before_the_cache(void **state) /* C13.FR.01, C14.FR.01 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, INVALID);
    token_cache_learn(b, FRIEND, ACCEPTED);
    full(b, 1, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, BLOCKED));
    bench_token(b, 1, FRIEND, "ISO14443"); /* C14.FR.03 */
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" FRIEND "'}}");
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_forget(b);
    bench_link_lost(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_nothing(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Started', 'offline': true, 'idToken': {'idToken': '" CARD "'}}");
}

static void a_refused_entry_may_be_refused_without_asking(void **state) /* C14.FR.03, LocalAuthListCtrlr */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, BLOCKED));
    session_set(b, "LocalAuthListCtrlr", "DisablePostAuthorize", "true");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_nothing(b);
    session_set(b, "LocalAuthListCtrlr", "DisablePostAuthorize", "false");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
}

static void an_entry_that_is_over_is_asked_for(void **state) /* C14.FR.05 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, OVER));
    session_set(b, "LocalAuthListCtrlr", "DisablePostAuthorize", "true");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
    assert_non_null(find(b, CARD)); /* the list stays as it is */
}

static void offline_only_what_the_list_accepts_is_let_in(void **state) /* C13.FR.05, C13.FR.03 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY("0401", OVER) ", " ENTRY("0402", BLOCKED) ", " ENTRY(CARD, NOT_YET_OVER));
    bench_link_lost(b);
    bench_token(b, 1, "0401", "ISO14443");
    bench_token(b, 1, "0402", "ISO14443");
    bench_token(b, 1, "0403", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    expect_no_start(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
}

static void offline_an_entry_that_is_over_is_not_unknown(void **state) /* C13.FR.06, C15.FR.08 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    full(b, 1, ENTRY("0401", OVER) ", " ENTRY("0402", BLOCKED));
    bench_link_lost(b);
    bench_token(b, 1, "0401", "ISO14443");
    bench_token(b, 1, "0402", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    expect_no_start(b);
    bench_token(b, 1, "0403", "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
}

static void a_listed_token_of_another_evse_is_not_let_in_offline(void **state) /* C01.FR.21 */
{
    struct bench *b = *state;
    full(b, 1, ENTRY(CARD, "{'status': 'Accepted', 'evseId': [2]}"));
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    expect_no_start(b);
}

static void a_listed_member_of_the_group_stops_without_asking(void **state) /* C09.FR.07 */
{
    struct bench *b = *state;
    full(b, 1,
         ENTRY(CARD, "{'status': 'Accepted', " FAMILY "}") ", " ENTRY(FRIEND,
                                                                      "{'status': 'Accepted', " FAMILY "}"));
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    session_event(b, "Ended", "StopAuthorized", "'idToken': {'idToken': '" FRIEND "'}");
}

static void a_listed_master_pass_starts_nothing_and_stops_all(void **state) /* C16.FR.03, C16.FR.05 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "MASTER");
    full(b, 1, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, "{'status': 'Accepted', " MASTER "}"));
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_expect_nothing(b);
    bench_call(b, "RequestStartTransaction",
               "{'evseId': 1, 'remoteStartId': 1, 'idToken': {'idToken': '" FRIEND "', 'type': 'ISO14443'}}",
               "{'status': 'Rejected'}");
    bench_token(b, 1, CARD, "ISO14443");
    session_event(b, "Started", "Authorized", NULL);
    bench_token(b, 1, FRIEND, "ISO14443");
    session_event(b, "Ended", "StopAuthorized", "'transactionInfo': {'stoppedReason': 'MasterPass'}");
}

static void a_customer_is_told_that_he_is_listed(void **state) /* N09 */
{
    struct bench *b = *state;
    full(b, 12, ENTRY(CARD, "{'status': 'Accepted', " FAMILY "}"));
    bench_call(b, "CustomerInformation",
               "{'requestId': 1, 'report': true, 'clear': true, 'idToken': {'idToken': '" CARD
               "', 'type': 'ISO14443'}}",
               "{'status': 'Accepted'}");
    const json_t *told = bench_expect_later(b, "NotifyCustomerInformation", "{}");
    const char *data = json_string_value(json_object_get(told, "data"));
    assert_non_null(strstr(data, "local authorization list, version 12: Accepted, group FAMILY"));
    assert_non_null(find(b, CARD)); /* only the CSMS takes it out: D01.FR.09 */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, token_cache_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_update_replaces_the_list),
        TEST(a_full_update_without_entries_empties_the_list),
        TEST(a_differential_update_adds_changes_and_removes),
        TEST(a_differential_update_of_nothing_changes_the_version_only),
        TEST(an_older_or_the_same_version_does_not_fit),
        TEST(what_cannot_be_a_list_changes_nothing),
        TEST(a_disabled_list_is_none),
        TEST(a_list_that_was_never_sent_has_version_0),
        TEST(authorizing_does_not_change_the_list),
        cmocka_unit_test(a_message_and_a_list_have_bounds),
        TEST(a_store_that_is_full_leaves_the_old_list),
        TEST(the_list_survives_a_power_cut),
        TEST(no_token_is_in_the_store_in_clear),
        cmocka_unit_test(a_power_cut_leaves_the_old_or_the_new_list),
        TEST(a_listed_token_charges_without_asking),
        TEST(without_local_pre_authorization_a_listed_token_is_asked_for),
        TEST(the_list_stands_before_the_cache),
        TEST(a_refused_entry_may_be_refused_without_asking),
        TEST(an_entry_that_is_over_is_asked_for),
        TEST(offline_only_what_the_list_accepts_is_let_in),
        TEST(offline_an_entry_that_is_over_is_not_unknown),
        TEST(a_listed_token_of_another_evse_is_not_let_in_offline),
        TEST(a_listed_member_of_the_group_stops_without_asking),
        TEST(a_listed_master_pass_starts_nothing_and_stops_all),
        TEST(a_customer_is_told_that_he_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
