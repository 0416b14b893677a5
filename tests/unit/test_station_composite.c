#include "tests/support/charging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "station/composite.h"

#define OTHER_CARD "04BBBBBB"

/* ---- GetCompositeSchedule ---- */

static void
without_profiles_it_is_what_the_connector_bears(void **state) /* K08.FR.02, K06.FR.02, K04.FR.02 */
{
    struct bench *b = *state;
    charging_composite(b, 1, 300, "A", "0:32");
    charging_composite(b, 1, 300, "W", "0:22080");
}

static void the_whole_station_is_the_sum_of_its_evses(void **state) /* K08.FR.03 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_composite(b, 0, 300, "A", "0:64");
    charging_set(b, 2, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    charging_composite(b, 0, 300, "A", "0:42");
    charging_set(b, 0, STATION_MAX(2), FLAT("A", "30"), ACCEPTED);
    charging_composite(b, 0, 300, "A", "0:30");
    charging_composite(b, 0, 300, "W", "0:20700");
    bench_free(b);
}

static void
stacked_profiles_take_turns(void **state) /* K08.FR.02, K08.FR.06, K01.FR.10, K01.FR.17, TC_K_40 */
{
    struct bench *b = *state;
    charging_set(
        b, 1, DEFAULT(1, 0),
        SCHEDULE("A", PERIOD(0, "6") ", " PERIOD(100, "8") ", " PERIOD(200, "10")) ", 'duration': 400",
        ACCEPTED);
    charging_set(b, 1, DEFAULT(2, 1), SCHEDULE("A", PERIOD(0, "7") ", " PERIOD(100, "9")) ", 'duration': 150",
                 ACCEPTED);
    charging_composite(b, 1, 350, "A", "0:7 100:9 150:8 200:10");
    bench_advance(b, 30000);
    charging_composite(b, 1, 500, "A", "0:7 70:9 120:8 170:10 370:32");
}

static void purposes_combine_second_by_second(void **state) /* K08.FR.04, SC.01, TC_K_41 */
{
    struct bench *b = *state;
    char profile[300];
    char *id = session_charging(b, 0);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "10") ", 'duration': 86400", ACCEPTED);
    charging_set(b, 1, DEFAULT(2, 0),
                 SCHEDULE("A", PERIOD(0, "6") ", " PERIOD(60, "10") ", " PERIOD(120, "8") ", " PERIOD(
                                   180, "15") ", " PERIOD(260, "8")) ", 'duration': 300",
                 ACCEPTED);
    (void)snprintf(profile, sizeof(profile), PROFILE(3, 0, "TxProfile", "Absolute") ", 'transactionId': '%s'",
                   id);
    charging_set(b, 1, profile,
                 SCHEDULE("A", PERIOD(0, "8") ", " PERIOD(50, "11") ", " PERIOD(140, "16") ", " PERIOD(
                                   200, "6") ", " PERIOD(240, "12")) ", 'duration': 260",
                 ACCEPTED);
    charging_composite(b, 1, 400, "A", "0:8 50:10 200:6 240:10 260:8 300:10");
    free(id);
}

static void a_default_counts_where_no_transaction_runs(void **state) /* K08.FR.06, K01.FR.14, K01.FR.15 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set(b, 0, DEFAULT(1, 0), FLAT("A", "12"), ACCEPTED);
    charging_set(b, 2, DEFAULT(2, 1), FLAT("A", "9"), ACCEPTED);
    charging_composite(b, 1, 60, "A", "0:12");
    charging_composite(b, 2, 60, "A", "0:9");
    bench_free(b);
}

static void periods_count_from_a_whole_second(void **state)
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), SCHEDULE("A", PERIOD(0, "7") ", " PERIOD(100, "9")), ACCEPTED);
    bench_advance(b, 10400);
    const json_t *schedule = charging_composite(b, 1, 100, "A", "0:7 90:9");
    assert_string_equal(json_get_string(schedule, "scheduleStart", ""), "2026-01-31T12:00:10.000Z");
}

static void what_the_device_cannot_hold_is_a_pause(void **state) /* SC.04 */
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), SCHEDULE("A", PERIOD(0, "16") ", " PERIOD(60, "5")), ACCEPTED);
    charging_composite(b, 1, 100, "A", "0:16 60:0"); /* it begins at 6 A */
}

static void what_cannot_be_reported_is_rejected(void **state) /* K08.FR.05 */
{
    struct bench *b = *state;
    bench_call(b, "GetCompositeSchedule", "{'evseId': 2, 'duration': 60}", REJECTED("UnknownEvse"));
    bench_call(b, "GetCompositeSchedule", "{'evseId': -1, 'duration': 60}", REJECTED("UnknownEvse"));
    bench_call(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 0}", REJECTED("ValuePositiveOnly"));
    bench_call(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': -5}", REJECTED("ValuePositiveOnly"));
    bench_call(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 60}",
               "{'status': 'Accepted', 'schedule': {'chargingRateUnit': 'A'}}");
}

/* A daily profile of `count` periods: so many changes a day. */
static void set_daily(struct bench *b, int count)
{
    char periods[9000] = PERIOD(0, "10"), schedule[9500];
    for (int i = 1; i < count; i++)
        (void)snprintf(periods + strlen(periods), sizeof(periods) - strlen(periods), ", " PERIOD(% d, "%d"),
                       i * 60, 10 + i % 2);
    (void)snprintf(schedule, sizeof(schedule), SCHEDULE("A", "%s"), periods);
    charging_set(b, 1, PROFILE(1, 0, "TxDefaultProfile", "Recurring") ", 'recurrencyKind': 'Daily'", schedule,
                 ACCEPTED);
}

static void a_schedule_is_as_long_as_a_message_can_say(void **state)
{
    struct bench *b = *state;
    set_daily(b, 64);
    /* 16 days of 64 periods are 1024; a second more is one too many */
    const json_t *answer = bench_request(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 1382400}");
    const json_t *schedule = json_object_get(answer, "schedule");
    assert_int_equal(json_array_size(json_object_get(schedule, "chargingSchedulePeriod")),
                     COMPOSITE_MAX_PERIODS);
    bench_call(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 1382401}", REJECTED("TooManyElements"));
    charging_set(b, 1, PROFILE(1, 0, "TxDefaultProfile", "Recurring") ", 'recurrencyKind': 'Daily'",
                 FLAT("A", "10"), ACCEPTED);
    charging_composite(b, 1, 2147483647, "A", "0:10"); /* no change, however long */
}

static void what_is_too_long_for_the_link_is_rejected(void **state)
{
    (void)state;
    struct bench_options options = { .max_message = 16384 };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    set_daily(b, 64);
    bench_call(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 864000}", REJECTED("TooManyElements"));
    bench_call(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 86400}", ACCEPTED);
    bench_free(b);
}

static void a_weekly_one_comes_back_on_its_day(void **state) /* K01.FR.13, K 3.3 */
{
    struct bench *b = *state;
    charging_set(b, 1, PROFILE(1, 0, "TxDefaultProfile", "Recurring") ", 'recurrencyKind': 'Weekly'",
                 "'startSchedule': '2026-01-10T13:00:00Z', 'duration': 3600, 'chargingRateUnit': 'A', "
                 "'chargingSchedulePeriod': [" PERIOD(0, "8") "]",
                 ACCEPTED);
    charging_composite(b, 1, 1209600, "A", "0:32 3600:8 7200:32 608400:8 612000:32");
}

static void smart_charging_switched_off_leaves_the_connectors_limit(void **state)
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    session_set(b, "SmartChargingCtrlr", "Enabled", "false");
    bench_expect_limit(b, 1, 32);
    bench_call_error(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 60}", "NotSupported");
    session_set(b, "SmartChargingCtrlr", "Enabled", "true");
    bench_expect_limit(b, 1, 10);
}

/* ---- the station's maximum is shared ---- */

static void what_one_cannot_use_is_the_others(void **state) /* K04.FR.01, K04.FR.05 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "32"), ACCEPTED);
    charging_set(b, 2, DEFAULT(2, 0), FLAT("A", "10"), ACCEPTED);
    charging_begin(b, 1, CARD);
    charging_begin(b, 2, OTHER_CARD);
    charging_composite(b, 1, 60, "A", "0:22");
    charging_composite(b, 2, 60, "A", "0:10");
    bench_free(b);
}

static void nobody_is_paused_for_a_share_that_nobody_can_use(void **state) /* K04.FR.05 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_begin(b, 1, CARD);
    charging_begin(b, 2, OTHER_CARD);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    bench_expect_limit(b, 2, 0); /* 5 A each would be none for both */
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "12"), ACCEPTED);
    bench_expect_limit(b, 1, 6); /* told before the other rises */
    bench_expect_limit(b, 2, 6);
    bench_free(b);
}

static void a_share_rises_when_the_other_has_taken_its_own(void **state) /* K04.FR.05 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "20"), ACCEPTED);
    charging_set(b, 1, DEFAULT(2, 0), FLAT("A", "6"), ACCEPTED);
    charging_begin(b, 1, CARD);
    charging_begin(b, 2, OTHER_CARD); /* has 14 A */
    b->hold_commands = true;
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 2}", ACCEPTED);
    bench_expect_limit(b, 2, 10);
    bench_expect_no_command(b);
    bench_command_done(b, 0);
    bench_expect_limit(b, 1, 10);
    bench_free(b);
}

static void what_a_device_does_not_give_back_is_taken_from_the_other(void **state) /* K04.FR.05 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "32"), ACCEPTED);
    charging_begin(b, 1, CARD);
    charging_begin(b, 2, OTHER_CARD);
    b->hold_commands = true;
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "24"), ACCEPTED);
    bench_expect_limit(b, 1, 12);
    bench_expect_limit(b, 2, 12);
    bench_command_done(b, -ERR_NO_ANSWER); /* EVSE 1 stays at 16 A */
    bench_expect_limit(b, 2, 8);
    b->hold_commands = false;
    bench_command_done(b, 0);
    bench_settle(b);
    bench_advance(b, 10000);
    bench_expect_limit(b, 1, 12);
    bench_expect_limit(b, 2, 12);
    bench_free(b);
}

static void a_rate_that_is_not_worth_while_is_left_to_others(void **state)
{
    /* K01.FR.21, K02.FR.06, K03.FR.07, K04.FR.04 */
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set(b, 2, DEFAULT(2, 0), FLAT("A", "32") ", 'minChargingRate': 10", ACCEPTED);
    charging_begin(b, 1, CARD);
    charging_begin(b, 2, OTHER_CARD);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "18"), ACCEPTED);
    charging_composite(b, 2, 60, "A", "0:10");
    charging_composite(b, 1, 60, "A", "0:8");
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "14"), ACCEPTED);
    charging_composite(b, 2, 60, "A", "0:0");
    charging_composite(b, 1, 60, "A", "0:14");
    bench_free(b);
}

#define INFO(priority) "{'idTokenInfo': {'status': 'Accepted', 'chargingPriority': " #priority "}}"

static void the_higher_priority_charges_on(void **state) /* K03.FR.04, K03.FR.06 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "10"), ACCEPTED);
    charging_begin(b, 1, CARD); /* nothing is said of it: 0 */
    charging_composite(b, 1, 60, "A", "0:10");
    bench_answer(b, "Authorize", INFO(5));
    bench_answer(b, "TransactionEvent", "{}");
    charging_begin(b, 2, OTHER_CARD);
    charging_composite(b, 2, 60, "A", "0:10");
    charging_composite(b, 1, 60, "A", "0:0");
    bench_restart(b);
    bench_state(b, 1, EVSE_SUSPENDED_EVSE);
    bench_state(b, 2, EVSE_CHARGING);
    charging_composite(b, 2, 60, "A", "0:10");
    charging_composite(b, 1, 60, "A", "0:0");
    bench_free(b);
}

static void the_priority_of_a_transaction_stands_above_its_tokens(void **state) /* K03.FR.05 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "10"), ACCEPTED);
    charging_begin(b, 1, CARD);
    bench_answer(b, "TransactionEvent",
                 "{'chargingPriority': -3, 'idTokenInfo': {'status': 'Accepted', 'chargingPriority': 5}}");
    charging_begin(b, 2, OTHER_CARD);
    charging_composite(b, 1, 60, "A", "0:10");
    bench_answer(b, "TransactionEvent", INFO(5)); /* of the token, which changes nothing any more */
    bench_state(b, 2, EVSE_SUSPENDED_EV);
    bench_state(b, 2, EVSE_CHARGING);
    charging_composite(b, 1, 60, "A", "0:10");
    bench_answer(b, "TransactionEvent", "{}");
    bench_state(b, 2, EVSE_AVAILABLE);
    charging_begin(b, 2, OTHER_CARD); /* the next transaction has none */
    bench_answer(b, "TransactionEvent", INFO(1));
    bench_state(b, 2, EVSE_SUSPENDED_EV);
    bench_state(b, 2, EVSE_CHARGING);
    charging_composite(b, 2, 60, "A", "0:10");
    bench_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, charging_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_profiles_it_is_what_the_connector_bears),
        cmocka_unit_test(the_whole_station_is_the_sum_of_its_evses),
        TEST(stacked_profiles_take_turns),
        TEST(purposes_combine_second_by_second),
        cmocka_unit_test(a_default_counts_where_no_transaction_runs),
        TEST(periods_count_from_a_whole_second),
        TEST(what_the_device_cannot_hold_is_a_pause),
        TEST(what_cannot_be_reported_is_rejected),
        TEST(a_schedule_is_as_long_as_a_message_can_say),
        cmocka_unit_test(what_is_too_long_for_the_link_is_rejected),
        TEST(a_weekly_one_comes_back_on_its_day),
        TEST(smart_charging_switched_off_leaves_the_connectors_limit),
        cmocka_unit_test(what_one_cannot_use_is_the_others),
        cmocka_unit_test(nobody_is_paused_for_a_share_that_nobody_can_use),
        cmocka_unit_test(a_share_rises_when_the_other_has_taken_its_own),
        cmocka_unit_test(what_a_device_does_not_give_back_is_taken_from_the_other),
        cmocka_unit_test(a_rate_that_is_not_worth_while_is_left_to_others),
        cmocka_unit_test(the_higher_priority_charges_on),
        cmocka_unit_test(the_priority_of_a_transaction_stands_above_its_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
