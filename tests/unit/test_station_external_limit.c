#include "tests/support/charging.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"

#define NOTIFY  "NotifyChargingLimit"
#define CLEARED "ClearedChargingLimit"
#define RATE    "ChargingRateChanged"

static int raise_limit(struct bench *b, int evse, enum limit_source source, double limit_A)
{
    int r = station_set_external_limit(
        b->station, &(struct external_limit){ .evse = evse, .source = source, .limit = limit_A });
    bench_settle(b);
    return r;
}

static void raise(struct bench *b, int evse, double limit_A)
{
    assert_int_equal(raise_limit(b, evse, LIMIT_SOURCE_EMS, limit_A), 0);
}

static int release(struct bench *b, int evse, enum limit_source source)
{
    int r = station_release_external_limit(b->station, evse, source);
    bench_settle(b);
    return r;
}

static struct bench *charging(size_t evses)
{
    struct bench *b = charging_bench(evses, NULL);
    for (int evse = 1; evse <= (int)evses; evse++) {
        char card[9];
        (void)snprintf(card, sizeof(card), "04A1B2C%d", evse);
        charging_begin(b, evse, card);
    }
    return b;
}

/* GetChargingProfiles of external constraints: how many are reported; the last one in `ret`, borrowed until the next bench_expect. */
static size_t report(struct bench *b, const json_t **ret)
{
    bench_forget(b);
    const char *status =
        json_get_string(bench_request(b, "GetChargingProfiles",
                                      "{'requestId': 1, 'chargingProfile': "
                                      "{'chargingProfilePurpose': 'ChargingStationExternalConstraints'}}"),
                        "status", "");
    if (strcmp(status, "NoProfiles") == 0)
        return 0;
    *ret = bench_expect_later(b, "ReportChargingProfiles", "{}");
    return json_array_size(json_object_get(*ret, "chargingProfile"));
}

/* ---- K11, K12 ---- */

static void a_limit_holds_at_once_and_is_told(void **state) /* K11.FR.01, K11.FR.02, K11.FR.04, K11.FR.05 */
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    raise(b, 0, 10);
    bench_expect_limit(b, 1, 10);
    bench_expect(
        b, NOTIFY,
        "{'chargingLimit': {'chargingLimitSource': 'EMS'}, 'evseId': null, 'chargingSchedule': null}");
    session_event(b, "Updated", RATE, NULL);
    bench_expect_nothing(b);
}

static void a_limit_of_an_evse_leaves_the_others_alone(void **state) /* K11.FR.01 */
{
    (void)state;
    struct bench *b = charging(2);
    raise(b, 2, 8);
    bench_expect_limit(b, 2, 8);
    bench_expect_no_command(b);
    bench_expect_later(b, NOTIFY, "{'evseId': 2}");
    bench_free(b);
}

static void without_a_transaction_it_waits_for_the_next(void **state) /* K12.FR.01, K12.FR.02, K12.FR.04 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    assert_int_equal(raise_limit(b, 0, LIMIT_SOURCE_SO, 14), 0);
    bench_expect(b, NOTIFY, "{'chargingLimit': {'chargingLimitSource': 'SO'}}");
    bench_expect_nothing(b);
    charging_begin(b, 1, "04A1B2C1");
    charging_begin(b, 2, "04A1B2C2");
    json_t *status = station_status(b->station);
    double sum = 0;
    for (size_t i = 0; i < 2; i++)
        sum += json_get_number(json_array_get(json_object_get(status, "evses"), i), "limit_A", 99);
    json_decref(status);
    assert_true(fabs(sum - 14) < 0.01);
    bench_free(b);
}

static void the_schedule_is_told_if_the_csms_wants_it(void **state) /* K11.FR.03, K12.FR.03 */
{
    struct bench *b = *state;
    session_set(b, "SmartChargingCtrlr", "NotifyChargingLimitWithSchedules", "true");
    const struct external_period later[] = { { 600, 8 }, { 1200, 0 } };
    assert_int_equal(station_set_external_limit(b->station, &(struct external_limit){ .evse = 1,
                                                                                      .limit = 16.57,
                                                                                      .later = later,
                                                                                      .later_count = 2,
                                                                                      .duration_s = 3600 }),
                     0);
    bench_settle(b);
    bench_expect(b, NOTIFY,
                 "{'evseId': 1, 'chargingSchedule': [{'chargingRateUnit': 'A', 'duration': 3600,"
                 " 'startSchedule': '2026-01-31T12:00:00.000Z', 'chargingSchedulePeriod': [{'startPeriod': "
                 "0, 'limit': 16.5},"
                 " {'startPeriod': 600, 'limit': 8.0}, {'startPeriod': 1200, 'limit': 0.0}]}]}");
    (void)charging_composite(b, 1, 4000, "A", "0:16.5 600:8 1200:0 3600:32");
}

static void it_is_reported_as_external_constraint(void **state) /* K11.FR.06, K12.FR.05 */
{
    struct bench *b = *state;
    const json_t *reported = NULL;
    raise(b, 0, 20);
    assert_int_equal(report(b, &reported), 1);
    assert_string_equal(json_get_string(reported, "chargingLimitSource", ""), "EMS");
    const json_t *profile = json_array_get(json_object_get(reported, "chargingProfile"), 0);
    assert_true(json_get_int(profile, "id", 0) < 0);
    bench_call(
        b, "ClearChargingProfile",
        "{'chargingProfileCriteria': {'chargingProfilePurpose': 'ChargingStationExternalConstraints'}}",
        "{'status': 'Unknown'}");
    charging_set(b, 0, PROFILE(5, 0, "ChargingStationExternalConstraints", "Absolute"), FLAT("A", "30"),
                 REJECTED("InvalidProfile"));
}

static void its_id_is_one_that_the_csms_does_not_use(void **state)
{
    struct bench *b = *state;
    const json_t *reported = NULL;
    charging_set(b, 0, DEFAULT(-1, 0), FLAT("A", "20"), ACCEPTED);
    raise(b, 0, 10);
    assert_int_equal(report(b, &reported), 1);
    assert_int_equal(json_get_int(json_array_get(json_object_get(reported, "chargingProfile"), 0), "id", 0),
                     -2);
}

static void the_lowest_of_all_sources_counts(void **state) /* SC.01 */
{
    (void)state;
    struct bench *b = charging(1);
    raise(b, 0, 20);
    bench_expect_limit(b, 1, 20);
    assert_int_equal(raise_limit(b, 0, LIMIT_SOURCE_SO, 12), 0);
    bench_expect_limit(b, 1, 12);
    assert_int_equal(raise_limit(b, 1, LIMIT_SOURCE_OTHER, 16), 0);
    bench_expect_no_command(b);
    charging_set(b, 0, DEFAULT(1, 0), FLAT("A", "31"), ACCEPTED);
    bench_expect_no_command(b);
    assert_int_equal(release(b, 0, LIMIT_SOURCE_SO), 0);
    bench_expect_limit(b, 1, 16);
    bench_free(b);
}

static void a_limit_in_watts_is_of_the_phases_the_devices_have(void **state)
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.phases = 1;
    struct bench *b = charging_bench(1, &abilities);
    charging_begin(b, 1, CARD);
    assert_int_equal(
        station_set_external_limit(b->station, &(struct external_limit){ .in_watts = true, .limit = 2300 }),
        0);
    bench_settle(b);
    bench_expect_limit(b, 1, 10);
    bench_free(b);
}

static void it_holds_while_smart_charging_is_switched_off(void **state)
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    session_set(b, "SmartChargingCtrlr", "Enabled", "false");
    raise(b, 0, 10);
    bench_expect_limit(b, 1, 10);
}

static void zero_pauses(void **state) /* K11.FR.01 */
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    raise(b, 0, 0);
    bench_expect_limit(b, 1, 0);
}

static void a_lower_limit_does_not_wait_for_one_that_was_not_taken(void **state) /* SC.01 */
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    b->command_error = -ERR_REFUSED;
    raise(b, 0, 16);
    bench_expect_limit(b, 1, 16);
    bench_advance(b, 100000);
    bench_forget(b);
    bench_expect_no_command(b);
    raise(b, 0, 10);
    bench_expect_limit(b, 1, 10);
    b->command_error = 0;
    for (int minute = 0; minute < 2; minute++) /* and it is tried again at least each minute */
        bench_advance(b, 60000);
    bench_expect_limit(b, 1, 10);
    bench_expect_no_command(b);
}

/* ---- K13 ---- */

static void a_release_is_told_and_ends_it(void **state) /* K13.FR.01, K13.FR.02, K13.FR.03 */
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    raise(b, 1, 10);
    bench_expect_limit(b, 1, 10);
    bench_advance(b, 10000);
    bench_forget(b);
    assert_int_equal(release(b, 1, LIMIT_SOURCE_EMS), 0);
    bench_expect_limit(b, 1, 32);
    bench_expect(b, CLEARED, "{'chargingLimitSource': 'EMS', 'evseId': 1}");
    session_event(b, "Updated", RATE, NULL);
    bench_expect_nothing(b);
    assert_int_equal(release(b, 1, LIMIT_SOURCE_EMS), -ENOENT);
    bench_expect_nothing(b);
}

static void a_limit_for_a_time_ends_by_itself(void **state) /* K13.FR.01, K13.FR.02 */
{
    struct bench *b = *state;
    const json_t *reported = NULL;
    charging_begin(b, 1, CARD);
    assert_int_equal(
        station_set_external_limit(b->station, &(struct external_limit){ .limit = 10, .duration_s = 7200 }),
        0);
    bench_advance(b, 7199000);
    bench_expect_limit(b, 1, 10);
    bench_forget(b);
    bench_advance(b, 1000);
    bench_expect_limit(b, 1, 32);
    bench_expect_later(b, CLEARED, "{'chargingLimitSource': 'EMS', 'evseId': null}");
    session_event(b, "Updated", RATE, NULL);
    assert_int_equal(report(b, &reported), 0);
}

static void a_release_the_csms_knows_nothing_of_is_not_told(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    raise(b, 0, 10);
    assert_int_equal(release(b, 0, LIMIT_SOURCE_EMS), 0);
    bench_link_back(b);
    assert_int_equal(bench_count(b, NOTIFY) + bench_count(b, CLEARED), 0);
}

/* ---- how often ---- */

static void small_changes_are_not_told_until_they_come_to_a_big_one(void **state) /* SC.03 */
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    session_set(b, "SmartChargingCtrlr", "LimitChangeSignificance", "10");
    raise(b, 0, 20);
    bench_advance(b, 10000);
    bench_forget(b);
    for (double limit_A = 19.5; limit_A >= 18; limit_A -= 0.5) { /* 10 % of 20 is no more than 10 % */
        raise(b, 0, limit_A);
        bench_expect_limit(b, 1, limit_A);
        bench_advance(b, 10000);
        bench_expect_nothing(b);
    }
    raise(b, 0, 17.9);
    bench_expect(b, NOTIFY, "{}");
    session_event(b, "Updated", RATE, NULL);
    bench_advance(b, 10000);
    raise(b, 0, 18);
    bench_expect_nothing(b);
}

static void the_same_limit_again_is_no_news(void **state)
{
    struct bench *b = *state;
    raise(b, 0, 10);
    bench_forget(b);
    bench_advance(b, 10000);
    raise(b, 0, 10);
    bench_expect_nothing(b);
}

static void a_restless_meter_floods_nobody(void **state)
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    for (int second = 0; second < 60; second++) {
        raise(b, 0, second % 2 ? 10 : 20);
        bench_expect_limit(b, 1, second % 2 ? 10 : 20);
        bench_advance(b, 1000);
    }
    assert_in_range(bench_count(b, NOTIFY), 2, 13);
    assert_in_range(bench_count(b, "TransactionEvent"), 2, 13);
    bench_advance(b, 5000);
    bench_forget(b);
    raise(b, 0, 15); /* it heard of the last state in any case */
    bench_expect_limit(b, 1, 15);
    bench_expect(b, NOTIFY, "{}");
    session_event(b, "Updated", RATE, NULL);
}

static void the_last_limit_is_told_after_the_pause(void **state)
{
    struct bench *b = *state;
    session_set(b, "SmartChargingCtrlr", "NotifyChargingLimitWithSchedules", "true");
    raise(b, 0, 10);
    raise(b, 0, 12);
    raise(b, 0, 14);
    bench_expect(b, NOTIFY, "{'chargingSchedule': [{'chargingSchedulePeriod': [{'limit': 10.0}]}]}");
    bench_expect_nothing(b);
    bench_advance(b, 5000);
    bench_expect(b, NOTIFY, "{'chargingSchedule': [{'chargingSchedulePeriod': [{'limit': 14.0}]}]}");
    bench_advance(b, 60000);
    bench_expect_nothing(b);
}

static void a_csms_that_does_not_know_the_message_is_told_once(void **state)
{
    struct bench *b = *state;
    bench_answer(b, NOTIFY, BENCH_ERROR("NotSupported"));
    raise(b, 0, 10);
    bench_advance(b, 600000);
    assert_int_equal(bench_count(b, NOTIFY), 1);
}

/* ---- links, power cuts, clocks ---- */

static void what_the_csms_missed_it_hears_when_the_link_is_back(void **state) /* K11.FR.02, K13.FR.02 */
{
    struct bench *b = *state;
    bench_link_lost(b);
    raise(b, 0, 10);
    bench_expect_nothing(b);
    bench_link_back(b);
    bench_expect_later(b, NOTIFY, "{}");
    bench_link_lost(b);
    assert_int_equal(release(b, 0, LIMIT_SOURCE_EMS), 0);
    bench_link_back(b);
    bench_expect_later(b, CLEARED, "{'chargingLimitSource': 'EMS'}");
}

static void it_survives_a_power_cut(void **state)
{
    struct bench *b = *state;
    raise(b, 1, 10);
    bench_settle(b);
    bench_restart(b);
    (void)charging_composite(b, 1, 60, "A", "0:10");
    bench_expect_limit(b, 1, 10);
    assert_int_equal(release(b, 1, LIMIT_SOURCE_EMS), 0);
    bench_restart(b);
    (void)charging_composite(b, 1, 60, "A", "0:32");
}

static void one_that_ended_while_the_power_was_off_is_told_to_have_ended(void **state) /* K13.FR.02 */
{
    struct bench *b = *state;
    assert_int_equal(
        station_set_external_limit(b->station, &(struct external_limit){ .limit = 10, .duration_s = 60 }), 0);
    bench_settle(b);
    b->wall_offset_ms += 120000;
    b->csms_offset_ms += 120000;
    bench_restart(b);
    assert_int_equal(bench_count(b, CLEARED), 1);
    (void)charging_composite(b, 1, 60, "A", "0:32");
    const json_t *reported = NULL;
    assert_int_equal(report(b, &reported), 0);
}

static void what_is_raised_anew_after_a_start_is_not_kept(void **state)
{
    struct bench *b = *state;
    raise(b, 0, 12);
    assert_int_equal(
        station_set_external_limit(b->station, &(struct external_limit){ .limit = 10, .is_renewed = true }),
        0);
    bench_settle(b);
    (void)charging_composite(b, 1, 60, "A", "0:10");
    assert_null(bench_record(b, "profile", "-1"));
    bench_restart(b);
    (void)charging_composite(b, 1, 60, "A", "0:32");
}

static void it_holds_though_the_store_refuses(void **state)
{
    struct bench *b = *state;
    charging_begin(b, 1, CARD);
    b->store_refuses = true;
    raise(b, 0, 10);
    bench_expect_limit(b, 1, 10);
    b->store_refuses = false;
}

static void a_clock_put_right_neither_ends_nor_delays_it(void **state)
{
    for (int way = -1; way <= 1; way += 2) {
        struct bench *b = charging(1);
        assert_int_equal(station_set_external_limit(
                             b->station, &(struct external_limit){ .limit = 10, .duration_s = 7200 }),
                         0);
        bench_settle(b);
        bench_expect_limit(b, 1, 10);
        b->wall_offset_ms += way * 86400000LL;
        b->csms_offset_ms += way * 86400000LL;
        bench_advance(b, 7190000);
        bench_expect_no_command(b);
        bench_advance(b, 70000);
        bench_expect_limit(b, 1, 32);
        bench_free(b);
    }
    (void)state;
}

/* ---- refused ---- */

static void what_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
    struct bench *b = *state;
    static const struct external_period late[] = { { 10, 6 }, { 10, 8 } }, negative[] = { { 10, -1 } };
    static struct external_period many[100];
    for (int i = 0; i < 100; i++)
        many[i] = (struct external_period){ i + 1, 10 };
    const struct {
        struct external_limit limit;
        int err;
    } rows[] = {
        { { .evse = 2, .limit = 10 }, -ENODEV },
        { { .evse = -1, .limit = 10 }, -ENODEV },
        { { .limit = -1 }, -EINVAL },
        { { .limit = NAN }, -EINVAL },
        { { .limit = INFINITY }, -EINVAL },
        { { .limit = 10, .source = LIMIT_SOURCE_CSO }, -EINVAL }, /* K11.FR.05 */
        { { .limit = 10, .source = LIMIT_SOURCES }, -EINVAL },
        { { .limit = 10, .duration_s = -1 }, -EINVAL },
        { { .limit = 10, .duration_s = EXTERNAL_LIMIT_MAX_S + 1 }, -EINVAL },
        { { .limit = 10, .later = late, .later_count = 2 }, -EINVAL },
        { { .limit = 10, .later = negative, .later_count = 1 }, -EINVAL },
        { { .limit = 10, .later = many, .later_count = 100 }, -E2BIG },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(station_set_external_limit(b->station, &rows[i].limit), rows[i].err);
    bench_settle(b);
    bench_expect_nothing(b);
    bench_expect_no_command(b);
    assert_int_equal(
        station_set_external_limit(b->station,
                                   &(struct external_limit){ .limit = 10, .later = many, .later_count = 99 }),
        0);
}

static void a_device_that_cannot_be_limited_says_so(void **state)
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.limit = false;
    struct bench *b = charging_bench(1, &abilities);
    assert_int_equal(raise_limit(b, 0, LIMIT_SOURCE_EMS, 10), -EOPNOTSUPP);
    bench_free(b);
}

static void all_of_them_have_room_beside_those_of_the_csms(void **state)
{
    (void)state;
    struct bench_options options = { .evse_count = 2, .limits = { .charging_profiles = 1 } };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    const json_t *reported = NULL;
    charging_set(b, 0, DEFAULT(1, 0), FLAT("A", "20"), ACCEPTED);
    for (int source = 0; source < LIMIT_SOURCE_CSO; source++)
        for (int evse = 0; evse <= 2; evse++)
            assert_int_equal(raise_limit(b, evse, (enum limit_source)source, 10), 0);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'SmartChargingCtrlr'}, 'variable': {'name': "
               "'Entries', 'instance': 'ChargingProfiles'}}]}",
               "{'getVariableResult': [{'attributeValue': '10'}]}");
    assert_int_equal(report(b, &reported), 1);
    bench_free(b);
}

static void what_limits_and_until_when_can_be_seen(void **state)
{
    struct bench *b = *state;
    assert_int_equal(
        station_set_external_limit(
            b->station,
            &(struct external_limit){
                .evse = 1, .source = LIMIT_SOURCE_SO, .in_watts = true, .limit = 6900, .duration_s = 600 }),
        0);
    bench_settle(b);
    json_t *status = station_status(b->station);
    const json_t *limit = json_array_get(json_object_get(status, "external_limits"), 0);
    assert_int_equal(json_get_int(limit, "evse", 0), 1);
    assert_string_equal(json_get_string(limit, "source", ""), "SO");
    assert_string_equal(json_get_string(limit, "unit", ""), "W");
    assert_true(json_get_number(limit, "limit", 0) == 6900);
    assert_string_equal(json_get_string(limit, "until", ""), "2026-01-31T12:10:00.000Z");
    const json_t *evse = json_array_get(json_object_get(status, "evses"), 0);
    assert_string_equal(json_get_string(evse, "limit_by", ""), "SO");
    json_decref(status);
    charging_set(b, 1, DEFAULT(5, 0), FLAT("A", "8"), ACCEPTED);
    status = station_status(b->station);
    evse = json_array_get(json_object_get(status, "evses"), 0);
    assert_string_equal(json_get_string(evse, "limit_by", ""), "TxDefaultProfile 5");
    json_decref(status);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, charging_setup, bench_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_limit_holds_at_once_and_is_told),
        cmocka_unit_test(a_limit_of_an_evse_leaves_the_others_alone),
        cmocka_unit_test(without_a_transaction_it_waits_for_the_next),
        TEST(the_schedule_is_told_if_the_csms_wants_it),
        TEST(it_is_reported_as_external_constraint),
        TEST(its_id_is_one_that_the_csms_does_not_use),
        cmocka_unit_test(the_lowest_of_all_sources_counts),
        cmocka_unit_test(a_limit_in_watts_is_of_the_phases_the_devices_have),
        TEST(it_holds_while_smart_charging_is_switched_off),
        TEST(zero_pauses),
        TEST(a_lower_limit_does_not_wait_for_one_that_was_not_taken),
        TEST(a_release_is_told_and_ends_it),
        TEST(a_limit_for_a_time_ends_by_itself),
        TEST(a_release_the_csms_knows_nothing_of_is_not_told),
        TEST(small_changes_are_not_told_until_they_come_to_a_big_one),
        TEST(the_same_limit_again_is_no_news),
        TEST(a_restless_meter_floods_nobody),
        TEST(the_last_limit_is_told_after_the_pause),
        TEST(a_csms_that_does_not_know_the_message_is_told_once),
        TEST(what_the_csms_missed_it_hears_when_the_link_is_back),
        TEST(it_survives_a_power_cut),
        TEST(one_that_ended_while_the_power_was_off_is_told_to_have_ended),
        TEST(what_is_raised_anew_after_a_start_is_not_kept),
        TEST(it_holds_though_the_store_refuses),
        cmocka_unit_test(a_clock_put_right_neither_ends_nor_delays_it),
        TEST(what_makes_no_sense_is_refused_and_changes_nothing),
        cmocka_unit_test(a_device_that_cannot_be_limited_says_so),
        cmocka_unit_test(all_of_them_have_room_beside_those_of_the_csms),
        TEST(what_limits_and_until_when_can_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
