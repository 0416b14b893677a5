/* The Local Authorization List: how it is changed, what is let in and refused by it. */
#include "tests/support/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

#define FULL         "Full"
#define DIFFERENTIAL "Differential"

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
    listing_full(b, 7, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, BLOCKED));
    listing_expect_version(b, 7);
    listing_expect_entries(b, "2"); /* D01.FR.12 */
    listing_full(b, 3, ENTRY("0401", GOOD));
    listing_expect_version(b, 3); /* of a full one any number counts */
    assert_null(listing_find(b, CARD));
    assert_null(listing_find(b, FRIEND));
    assert_int_equal(listing_find(b, "0401")->status, STATUS_ACCEPTED);
}

static void a_full_update_without_entries_empties_the_list(void **state) /* D01.FR.04 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, GOOD));
    bench_call(b, "SendLocalList", "{'versionNumber': 2, 'updateType': 'Full'}", "{'status': 'Accepted'}");
    assert_null(listing_find(b, CARD));
    listing_expect_version(b, 2);
    listing_expect_entries(b, "0");
    listing_restart(b);
    listing_expect_version(b, 2); /* an emptied list is one */
}

static void a_differential_update_adds_changes_and_removes(void **state) /* D01.FR.16, D01.FR.17 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, GOOD));
    listing_differential(b, 2,
                         ENTRY("0401", GOOD) ", " ENTRY(FRIEND, BLOCKED) ", " GONE(CARD) ", " GONE("0499"));
    assert_null(listing_find(b, CARD));
    assert_int_equal(listing_find(b, FRIEND)->status, STATUS_BLOCKED);
    assert_int_equal(listing_find(b, "0401")->status, STATUS_ACCEPTED);
    listing_expect_version(b, 2);
}

static void a_differential_update_of_nothing_changes_the_version_only(void **state) /* D01.FR.05 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, GOOD));
    bench_call(b, "SendLocalList", "{'versionNumber': 2, 'updateType': 'Differential'}",
               "{'status': 'Accepted'}");
    assert_non_null(listing_find(b, CARD));
    listing_expect_version(b, 2);
}

static void an_older_or_the_same_version_does_not_fit(void **state) /* D01.FR.19 */
{
    struct bench *b = *state;
    listing_full(b, 5, ENTRY(CARD, GOOD));
    for (int version = 4; version <= 5; version++)
        listing_send(b, DIFFERENTIAL, version, GONE(CARD), "{'status': 'VersionMismatch'}");
    assert_non_null(listing_find(b, CARD));
    listing_expect_version(b, 5);
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
    listing_full(b, 1, ENTRY(CARD, GOOD));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char expected[200];
        (void)snprintf(expected, sizeof(expected), "{'status': 'Failed', 'statusInfo': {'reasonCode': %s}}",
                       rows[i].expected);
        listing_send(b, rows[i].type, rows[i].version, rows[i].entries, expected);
        listing_expect_version(b, 1);
        assert_non_null(listing_find(b, CARD));
        listing_expect_entries(b, "1");
    }
}

static void a_disabled_list_is_none(void **state) /* D01.FR.13, D02.FR.03 */
{
    struct bench *b = *state;
    listing_full(b, 4, ENTRY(CARD, GOOD));
    session_set(b, "LocalAuthListCtrlr", "Enabled", "false");
    listing_expect_version(b, 0);
    listing_send(b, DIFFERENTIAL, 5, GONE(CARD),
                 "{'status': 'Failed', 'statusInfo': {'reasonCode': 'NotEnabled'}}");
    session_tap(b); /* the CSMS is asked */
    bench_forget(b);
    session_set(b, "LocalAuthListCtrlr", "Enabled", "true");
    listing_expect_version(b, 4);
}

static void a_list_that_was_never_sent_has_version_0(void **state) /* D02.FR.02 */
{
    struct bench *b = *state;
    listing_expect_version(b, 0);
    listing_expect_entries(b, "0");
}

static void authorizing_does_not_change_the_list(void **state) /* D01.FR.09 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, BLOCKED));
    token_cache_learn(b, CARD, ACCEPTED);
    assert_int_equal(listing_find(b, CARD)->status, STATUS_BLOCKED);
    bench_call(b, "ClearCache", "{}", "{'status': 'Accepted'}");
    listing_expect_entries(b, "1");
}

/* ---- who is let in ---- */

static void a_listed_token_charges_without_asking(void **state) /* C14.FR.04, C01.FR.05 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, NOT_YET_OVER));
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
    listing_full(b, 1, ENTRY(CARD, GOOD));
    session_tap(b);
}

static void the_list_stands_before_the_cache(void **state) /* C13.FR.01, C14.FR.01 */
{
    struct bench *b = *state;
    token_cache_learn(b, CARD, INVALID);
    token_cache_learn(b, FRIEND, ACCEPTED);
    listing_full(b, 1, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, BLOCKED));
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
    listing_full(b, 1, ENTRY(CARD, BLOCKED));
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
    listing_full(b, 1, ENTRY(CARD, OVER));
    session_set(b, "LocalAuthListCtrlr", "DisablePostAuthorize", "true");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "'}}");
    assert_non_null(listing_find(b, CARD)); /* the list stays as it is */
}

static void offline_only_what_the_list_accepts_is_let_in(void **state) /* C13.FR.05, C13.FR.03 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY("0401", OVER) ", " ENTRY("0402", BLOCKED) ", " ENTRY(CARD, NOT_YET_OVER));
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
    listing_full(b, 1, ENTRY("0401", OVER) ", " ENTRY("0402", BLOCKED));
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
    listing_full(b, 1, ENTRY(CARD, "{'status': 'Accepted', 'evseId': [2]}"));
    bench_link_lost(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    expect_no_start(b);
}

static void a_listed_member_of_the_group_stops_without_asking(void **state) /* C09.FR.07 */
{
    struct bench *b = *state;
    listing_full(b, 1,
                 ENTRY(CARD, "{'status': 'Accepted', " FAMILY
                             "}") ", " ENTRY(FRIEND, "{'status': 'Accepted', " FAMILY "}"));
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_token(b, 1, FRIEND, "ISO14443");
    session_event(b, "Ended", "StopAuthorized", "'idToken': {'idToken': '" FRIEND "'}");
}

static void offline_a_listed_member_of_the_group_stops(void **state) /* C09.FR.07 */
{
    struct bench *b = *state;
    listing_full(b, 1,
                 ENTRY(CARD, "{'status': 'Accepted', " FAMILY "}") ", " ENTRY(
                     FRIEND, "{'status': 'Accepted', " FAMILY "}") ", " ENTRY("0401", GOOD));
    bench_link_lost(b);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, "0401", "ISO14443"); /* of no group */
    assert_true(transaction_is_running(&b->station->evses[0]));
    bench_token(b, 1, FRIEND, "ISO14443");
    bench_link_back(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Updated'}");
    bench_expect_later(b, "TransactionEvent",
                       "{'eventType': 'Ended', 'triggerReason': 'StopAuthorized', 'offline': true, "
                       "'idToken': {'idToken': '" FRIEND "'}}");
}

static void who_is_listed_and_refused_by_the_CSMS_later_is_stopped(void **state) /* C14, D01.FR.09 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, GOOD));
    bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Blocked'}}");
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended', 'triggerReason': 'Deauthorized'}");
    assert_int_equal(listing_find(b, CARD)->status, STATUS_ACCEPTED); /* only SendLocalList changes it */
}

static void a_listed_token_has_its_charging_priority(void **state) /* K03.FR.04, K03.FR.06 */
{
    struct bench *b = *state;
    listing_full(b, 1, ENTRY(CARD, "{'status': 'Accepted', 'chargingPriority': 5}"));
    bench_answer(b, "TransactionEvent", "{}");
    bench_token(b, 1, CARD, "ISO14443");
    bench_settle(b);
    assert_int_equal(b->station->evses[0].tx.priority, 5);
    bench_restart(b);
    assert_int_equal(b->station->evses[0].tx.priority, 5);
}

static void what_the_list_has_to_tell_a_driver_is_shown(void **state) /* I01.FR.03 */
{
    (void)state;
    static const char *const presets[] = { "AuthCtrlr.LocalPreAuthorize=true",
                                           "TxCtrlr.TxStartPoint=Authorized", NULL };
    struct evse_abilities abilities = bench_abilities();
    abilities.display = abilities.display_utf8 = true;
    abilities.display_length = 40;
    struct bench *b = session_bench_of(&abilities, presets);
    listing_full(b, 1,
                 ENTRY(CARD, "{'status': 'Accepted', 'language1': 'ja', 'personalMessage': {'format': "
                             "'UTF8', 'content': '39 JPY/kWh'}}"));
    bench_answer(b, "TransactionEvent", "{}");
    bench_token(b, 1, CARD, "ISO14443");
    bench_settle(b);
    bench_expect_shown(b, 1, "39 JPY/kWh");
    assert_string_equal(tariff_language(&b->station->evses[0], 0), "ja");
    bench_free(b);
}

static void a_listed_master_pass_starts_nothing_and_stops_all(void **state) /* C16.FR.03, C16.FR.05 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "MasterPassGroupId", "MASTER");
    listing_full(b, 1, ENTRY(CARD, GOOD) ", " ENTRY(FRIEND, "{'status': 'Accepted', " MASTER "}"));
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
    listing_full(b, 12, ENTRY(CARD, "{'status': 'Accepted', " FAMILY "}"));
    bench_call(b, "CustomerInformation",
               "{'requestId': 1, 'report': true, 'clear': true, 'idToken': {'idToken': '" CARD
               "', 'type': 'ISO14443'}}",
               "{'status': 'Accepted'}");
    const json_t *told = bench_expect_later(b, "NotifyCustomerInformation", "{}");
    const char *data = json_string_value(json_object_get(told, "data"));
    assert_non_null(strstr(data, "local authorization list, version 12: Accepted, group FAMILY"));
    assert_non_null(listing_find(b, CARD)); /* only the CSMS takes it out: D01.FR.09 */
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
        TEST(a_listed_token_charges_without_asking),
        TEST(without_local_pre_authorization_a_listed_token_is_asked_for),
        TEST(the_list_stands_before_the_cache),
        TEST(a_refused_entry_may_be_refused_without_asking),
        TEST(an_entry_that_is_over_is_asked_for),
        TEST(offline_only_what_the_list_accepts_is_let_in),
        TEST(offline_an_entry_that_is_over_is_not_unknown),
        TEST(a_listed_token_of_another_evse_is_not_let_in_offline),
        TEST(a_listed_member_of_the_group_stops_without_asking),
        TEST(offline_a_listed_member_of_the_group_stops),
        TEST(who_is_listed_and_refused_by_the_CSMS_later_is_stopped),
        TEST(a_listed_token_has_its_charging_priority),
        cmocka_unit_test(what_the_list_has_to_tell_a_driver_is_shown),
        TEST(a_listed_master_pass_starts_nothing_and_stops_all),
        TEST(a_customer_is_told_that_he_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
