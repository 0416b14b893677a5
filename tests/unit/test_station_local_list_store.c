/* The Local Authorization List: how much there may be of it, and what of it survives. */
#include "tests/support/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* ---- limits ---- */

static void a_message_and_a_list_have_bounds(void **state) /* D01.FR.11, D01.FR.12 */
{
    (void)state;
    struct bench_options options = { .max_message = 1 << 20, .limits.local_list_entries = 1500 };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    listing_send_many(b, 1, 0, 1001, "{}",
                      "{'status': 'Failed', 'statusInfo': {'reasonCode': 'TooManyElements'}}");
    listing_send_many(b, 1, 0, 1000, "{}", "{'status': 'Accepted'}");
    listing_send_many(b, 2, 1000, 501, "{}",
                      "{'status': 'Failed', 'statusInfo': {'reasonCode': 'OutOfStorage'}}");
    listing_expect_entries(b, "1000");
    listing_send_many(b, 2, 1000, 500, "{}", "{'status': 'Accepted'}");
    listing_expect_entries(b, "1500");
    listing_send_many(b, 3, 1000, 500, "{}", "{'status': 'Accepted'}"); /* the same again is no more */
    listing_send_many(b, 4, 1500, 1, "{}",
                      "{'status': 'Failed', 'statusInfo': {'reasonCode': 'OutOfStorage'}}");
    listing_expect_version(b, 3);
    bench_free(b);
}

static void expect_storage_within_its_limit(struct bench *b)
{
    bench_call(b, "GetReport",
               "{'requestId': 1, 'componentVariable': [{'component': {'name': 'LocalAuthListCtrlr'}}]}",
               "{'status': 'Accepted'}");
    const json_t *told = bench_expect_later(b, "NotifyReport", "{}");
    size_t index, found = 0;
    const json_t *row;
    json_array_foreach(json_object_get(told, "reportData"), index, row)
    {
        if (!str_equal(json_get_string(json_object_get(row, "variable"), "name", ""), "Storage"))
            continue;
        const json_t *attribute = json_array_get(json_object_get(row, "variableAttribute"), 0);
        double most = json_get_number(json_object_get(row, "variableCharacteristics"), "maxLimit", 0);
        assert_true(strtod(json_get_string(attribute, "value", ""), NULL) > most / 2);
        assert_true(strtod(json_get_string(attribute, "value", ""), NULL) <= most);
        found++;
    }
    assert_int_equal(found, 1);
}

static void what_is_said_of_tokens_has_a_bound_in_bytes(void **state) /* LocalAuthListCtrlr.Storage */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .limits.local_list_entries = 4 });
    bench_boot(b);
    char more[700], text[501];
    memset(text, 'x', 500);
    text[500] = '\0';
    (void)snprintf(more, sizeof(more), "{\"personalMessage\": {\"format\": \"UTF8\", \"content\": \"%s\"}}",
                   text);
    listing_send_many(b, 1, 0, 3, more, "{'status': 'Accepted'}");
    listing_send_many(b, 2, 0, 4, more, "{'status': 'Failed', 'statusInfo': {'reasonCode': 'OutOfStorage'}}");
    listing_expect_entries(b, "3");
    listing_send_many(b, 2, 3, 1, "{}", "{'status': 'Accepted'}");
    expect_storage_within_its_limit(b);
    bench_free(b);
}

static void where_less_is_allowed_than_before_it_may_become_less(void **state) /* D01.FR.12, D01.FR.17 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, GOOD) ", " ENTRY("0401", GOOD));
    b->options.limits.local_list_entries = 1;
    listing_restart(b);
    listing_expect_entries(b, "3");
    listing_differential(b, 2, GONE(CARD));
    listing_send(b, "Differential", 3, ENTRY(CARD, GOOD), "{'status': 'Failed'}");
    listing_send(b, "Full", 3, ENTRY(FRIEND, GOOD) ", " ENTRY("0401", GOOD), "{'status': 'Failed'}");
    listing_full(b, 3, ENTRY(FRIEND, GOOD));
}

static void a_store_that_is_full_leaves_the_old_list(void **state) /* D01.FR.02 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, GOOD));
    b->store_refuses = true;
    listing_send(b, "Full", 2, ENTRY(FRIEND, GOOD), "{'status': 'Failed'}");
    b->store_refuses = false;
    assert_non_null(listing_find(b, CARD));
    assert_null(listing_find(b, FRIEND));
    listing_expect_version(b, 1);
    listing_full(b, 2, ENTRY(FRIEND, GOOD));
}

/* ---- what survives ---- */

static void the_list_survives_a_power_cut(void **state) /* D01.FR.10 */
{
    struct bench *b = *state;
    listing_full(b, 9,
                 ENTRY(CARD,
                       "{'status': 'Accepted', 'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}, "
                       "'evseId': [1], 'language1': 'ja'}") ", " ENTRY(FRIEND, NOT_YET_OVER));
    size_t bytes = local_list_bytes(b->station);
    listing_restart(b);
    listing_expect_version(b, 9);
    const struct list_entry *entry = listing_find(b, CARD);
    assert_string_equal(entry->group, "FAMILY");
    assert_int_equal(entry->evses, 1);
    json_t *info = local_list_info(entry);
    assert_string_equal(json_string_value(json_object_get(info, "language1")), "ja");
    assert_int_equal(json_object_size(info), 1);
    json_decref(info);
    assert_true(listing_find(b, FRIEND)->expires_ms > BENCH_WALL_MS);
    assert_int_equal(local_list_bytes(b->station), bytes);
    assert_true(bytes > 0 && bytes < local_list_max_bytes(b->station));
}

static void no_token_is_in_the_store_in_clear(void **state)
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, GOOD));
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
            int cut =
                rand() % 3; /* 0: before the update, 1: before what it replaced is gone, 2: afterwards */
            b->hold_commits = cut == 0;
            b->hold_after = cut == 1;
            char frame[9000];
            (void)snprintf(frame, sizeof(frame), "[2,\"list%d\",\"SendLocalList\",%s]", round, text);
            free(text);
            bench_frame(b, frame);
            bench_restart(b);
            listing_restart(b);
            if (cut > 0) {
                memcpy(in_force, next, sizeof(next));
                version = round;
            }
            listing_expect_version(b, version);
            size_t listed = 0;
            for (int i = 0; i < 40; i++) {
                listed += in_force[i] > 0;
                char card[ID_TOKEN_SIZE];
                token_cache_name_card(i, card);
                const struct list_entry *entry = listing_find(b, card);
                json_t *info = entry ? local_list_info(entry) : NULL;
                int round_of = (int)json_integer_value(json_object_get(info, "chargingPriority"));
                assert_int_equal(round_of, in_force[i]);
                json_decref(info);
            }
            assert_int_equal(listing_records(b), listed);
        }
        bench_free(b);
    }
}

/* ---- what was replaced ---- */

static struct bench *bench_with_many(void)
{
    struct bench *b = bench_new(&(struct bench_options){ .max_message = 1 << 20 });
    bench_boot(b);
    for (int i = 0; i < 5; i++)
        listing_send_many(b, i + 1, i * 1000, 1000, "{}", "{'status': 'Accepted'}");
    return b;
}

static void a_list_that_was_replaced_leaves_the_store_afterwards(void **state) /* D01.FR.15 */
{
    (void)state;
    struct bench *b = bench_with_many();
    b->hold_after = 1;
    listing_full(b, 6, ENTRY(CARD, GOOD));
    assert_int_equal(listing_records(b), 5001); /* none of it had to be waited for */
    listing_expect_entries(b, "1");
    b->hold_commits = false;
    assert_int_equal(listing_records(b), 1);
    bench_free(b);
}

static void a_power_cut_does_not_bring_back_a_list_that_was_replaced(void **state) /* D01.FR.10, D01.FR.15 */
{
    (void)state;
    for (int after = 1; after <= 3; after++) { /* the update; some of what it replaced */
        struct bench *b = bench_with_many();
        b->hold_after = after;
        listing_full(b, 6, ENTRY(CARD, GOOD));
        assert_int_equal(listing_records(b), 5001 - (after - 1) * 2000);
        listing_restart(b);
        listing_expect_version(b, 6);
        listing_expect_entries(b, "1");
        assert_non_null(listing_find(b, CARD));
        assert_int_equal(listing_records(b), 1);
        bench_free(b);
    }
}

static void one_list_after_the_other_leaves_the_last(void **state) /* D01.FR.15 */
{
    (void)state;
    struct bench *b = bench_with_many();
    b->hold_after = 1;
    listing_full(b, 6, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, GOOD));
    b->hold_commits = false;
    listing_full(b, 3, ENTRY(FRIEND, BLOCKED));
    listing_full(b, 4, ENTRY(CARD, BLOCKED));
    assert_int_equal(listing_records(b), 1);
    listing_restart(b);
    listing_expect_version(b, 4);
    assert_int_equal(listing_find(b, CARD)->status, STATUS_BLOCKED);
    assert_null(listing_find(b, FRIEND));
    bench_free(b);
}

static void an_update_waits_until_the_one_before_is_stored(void **state) /* D01.FR.02 */
{
    struct bench *b = *state;
    b->hold_commits = true;
    bench_frame(b, "[2,\"first\",\"SendLocalList\",{\"versionNumber\":1,\"updateType\":\"Full\"}]");
    listing_send(b, "Full", 2, ENTRY(CARD, GOOD),
                 "{'status': 'Failed', 'statusInfo': {'reasonCode': 'InvalidMessageSeq'}}");
    b->hold_commits = false;
    bench_settle(b);
    listing_expect_version(b, 1);
    listing_full(b, 2, ENTRY(CARD, GOOD));
}

/* ---- what cannot be read any more ---- */

/* The CSMS finds that out by its version, and the next list is as good as any. */
static void expect_given_up(struct bench *b)
{
    listing_restart(b);
    listing_expect_version(b, 0);
    listing_expect_entries(b, "0");
    assert_null(listing_find(b, CARD));
    assert_null(listing_find(b, FRIEND));
    assert_int_equal(listing_records(b), 0);
    listing_send(b, "Differential", 1, ENTRY(FRIEND, GOOD), "{'status': 'Accepted'}");
    listing_restart(b);
    listing_expect_version(b, 1);
    assert_null(listing_find(b, CARD));
    assert_non_null(listing_find(b, FRIEND));
}

static void half_a_list_is_none(void **state) /* D01.FR.10 */
{
    struct bench *b = *state;
    listing_full(b, 7, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, BLOCKED));
    assert_int_equal(listing_records(b), 2);
    const char *name;
    json_t *value;
    json_object_foreach(b->records, name, value) if (str_starts(name, "local_list/0")) break;
    json_object_set_new(b->records, name, json_string("{'status"));
    expect_given_up(b);
}

static void a_list_without_its_key_is_none(void **state) /* D01.FR.10 */
{
    struct bench *b = *state;
    listing_full(b, 7, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, BLOCKED));
    json_object_del(b->records, "local_list/key");
    expect_given_up(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, token_cache_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_and_a_list_have_bounds),
        cmocka_unit_test(what_is_said_of_tokens_has_a_bound_in_bytes),
        TEST(where_less_is_allowed_than_before_it_may_become_less),
        TEST(a_store_that_is_full_leaves_the_old_list),
        TEST(the_list_survives_a_power_cut),
        TEST(no_token_is_in_the_store_in_clear),
        cmocka_unit_test(a_power_cut_leaves_the_old_or_the_new_list),
        cmocka_unit_test(a_list_that_was_replaced_leaves_the_store_afterwards),
        cmocka_unit_test(a_power_cut_does_not_bring_back_a_list_that_was_replaced),
        cmocka_unit_test(one_list_after_the_other_leaves_the_last),
        TEST(an_update_waits_until_the_one_before_is_stored),
        TEST(half_a_list_is_none),
        TEST(a_list_without_its_key_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
