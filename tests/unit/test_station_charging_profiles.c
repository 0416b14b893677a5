#include "tests/support/charging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/profile_report.h"
#include "station/profile_store.h"

#define MOST    100 /* by default */
#define UNKNOWN "{'status': 'Unknown'}"

/* ---- SetChargingProfile ---- */

static const struct {
    const char *name;
    int evse;
    const char *profile, *schedule, *reason;
} bad_profiles[] = {
    /* clang-format off */
    { "K01.FR.28", 9, DEFAULT(2, 0), FLAT("A", "6"), "UnknownEvse" },
    { "K01.FR.22", 0, "'id': 2, 'stackLevel': 0, 'chargingProfilePurpose': 'ChargingStationExternalConstraints', 'chargingProfileKind': 'Absolute'", FLAT("A", "6"), "InvalidProfile" },
    { "K04.FR.03", 1, STATION_MAX(2), FLAT("A", "6"), "InvalidProfile" },
    { "K01.FR.38", 0, "'id': 2, 'stackLevel': 0, 'chargingProfilePurpose': 'ChargingStationMaxProfile', 'chargingProfileKind': 'Relative'", "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6}]", "InvalidProfile" },
    { "K01.FR.16", 0, "'id': 2, 'stackLevel': 0, 'chargingProfilePurpose': 'TxProfile', 'chargingProfileKind': 'Relative', 'transactionId': 'x'", "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6}]", "InvalidProfile" },
    { "K01.FR.33", 1, "'id': 2, 'stackLevel': 0, 'chargingProfilePurpose': 'TxProfile', 'chargingProfileKind': 'Relative', 'transactionId': 'x'", "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6}]", "TxNotFound" },
    { "K01.FR.03", 1, "'id': 2, 'stackLevel': 0, 'chargingProfilePurpose': 'TxProfile', 'chargingProfileKind': 'Relative'", "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6}]", "MissingParam" },
    { "level", 1, DEFAULT(2, 21), FLAT("A", "6"), "InvalidStackLevel" },
    { "K01.FR.40", 1, DEFAULT(2, 0), "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6}]", "InvalidSchedule" },
    { "K01.FR.41", 1, "'id': 2, 'stackLevel': 0, 'chargingProfilePurpose': 'TxDefaultProfile', 'chargingProfileKind': 'Relative'", FLAT("A", "6"), "InvalidSchedule" },
    { "K01.FR.31", 1, DEFAULT(2, 0), "'startSchedule': '" NOW "', 'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 5, 'limit': 6}]", "InvalidSchedule" },
    { "K01.FR.35", 1, DEFAULT(2, 0), "'startSchedule': '" NOW "', 'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6}, {'startPeriod': 60, 'limit': 6}, {'startPeriod': 60, 'limit': 7}]", "InvalidSchedule" },
    { "negative", 1, DEFAULT(2, 0), FLAT("A", "-1"), "InvalidSchedule" },
    { "K01.FR.43", 1, DEFAULT(2, 0), "'startSchedule': '" NOW "', 'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6, 'numberPhases': 1}]", "UnsupportedParam" },
    { "K01.FR.48", 1, DEFAULT(2, 0), "'startSchedule': '" NOW "', 'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6, 'numberPhases': 1, 'phaseToUse': 1}]", "UnsupportedParam" },
    { "K01.FR.19", 1, DEFAULT(2, 0), "'startSchedule': '" NOW "', 'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6, 'phaseToUse': 1}]", "InvalidSchedule" },
    { "recurring how", 1, "'id': 2, 'stackLevel': 0, 'chargingProfilePurpose': 'TxDefaultProfile', 'chargingProfileKind': 'Recurring'", FLAT("A", "6"), "InvalidProfile" },
    { "validity", 1, DEFAULT(2, 0) ", 'validFrom': '2026-02-01T00:00:00Z', 'validTo': '2026-01-01T00:00:00Z'", FLAT("A", "6"), "InvalidProfile" },
    { "more than one schedule", 1, DEFAULT(2, 0), FLAT("A", "6") "}, {'id': 2, " FLAT("A", "7"), "InvalidSchedule" },
    { "the rate", 1, DEFAULT(2, 0), FLAT("A", "6") ", 'minChargingRate': -1", "InvalidSchedule" },
    { "phases", 1, DEFAULT(2, 0), SCHEDULE("A", "{'startPeriod': 0, 'limit': 6, 'numberPhases': 4}"), "InvalidSchedule" },
    { "K01.FR.06", 1, DEFAULT(2, 1), FLAT("A", "6"), "DuplicateProfile" },
    { "K01.FR.52", 0, DEFAULT(2, 1), FLAT("A", "6"), "DuplicateProfile" },
    /* clang-format on */
};

static void what_is_wrong_is_rejected_with_its_reason(void **state)
{
    /* K01.FR.03, .06, .16, .19, .20, .22, .28, .31, .33, .34, .35, .38, .40, .41, .43, .48, .52; K02.FR.07, K03.FR.08, K04.FR.03 */
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 1), FLAT("A", "10"), ACCEPTED);
    bench_forget(b);
    for (size_t i = 0; i < ARRAY_SIZE(bad_profiles); i++) {
        char expected[100];
        print_message("%s\n", bad_profiles[i].name);
        (void)snprintf(expected, sizeof(expected), REJECTED("%s"), bad_profiles[i].reason);
        charging_set(b, bad_profiles[i].evse, bad_profiles[i].profile, bad_profiles[i].schedule, expected);
    }
    bench_expect_no_command(b);
}

static void a_profile_of_the_station_and_one_of_an_evse_do_not_share_a_level(void **state) /* K01.FR.53 */
{
    struct bench *b = *state;
    charging_set(b, 0, DEFAULT(1, 1), FLAT("A", "10"), ACCEPTED);
    charging_set(b, 1, DEFAULT(2, 1), FLAT("A", "10"), REJECTED("DuplicateProfile"));
    charging_set(b, 1, DEFAULT(2, 2), FLAT("A", "10"), ACCEPTED);
    charging_set(b, 1, DEFAULT(1, 1), FLAT("A", "10"), ACCEPTED); /* the same one, moved */
}

static void what_is_never_valid_together_shares_a_level(void **state) /* K01.FR.06 */
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0) ", 'validTo': '2026-02-01T00:00:00Z'", FLAT("A", "10"), ACCEPTED);
    charging_set(b, 1, DEFAULT(2, 0) ", 'validFrom': '2026-01-31T23:59:59Z'", FLAT("A", "10"),
                 REJECTED("DuplicateProfile"));
    charging_set(b, 1, DEFAULT(2, 0) ", 'validFrom': '2026-02-01T00:00:00Z'", FLAT("A", "12"), ACCEPTED);
    bench_advance(b, 12 * 3600000);
    charging_set(b, 1, DEFAULT(3, 0) ", 'validTo': '2026-02-01T00:00:00Z'", FLAT("A", "10"), ACCEPTED);
    assert_null(bench_record(b, "profile", "1")); /* expired: forgotten */
}

static void a_tx_profile_is_of_a_running_transaction_of_its_evse(void **state) /* K01.FR.09, K01.FR.33 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_set_tx(b, "12345", RELATIVE("A", "8"), REJECTED("TxNotFound"));
    char *id = session_charging(b, 0);
    char profile[300];
    (void)snprintf(profile, sizeof(profile), PROFILE(8, 0, "TxProfile", "Relative") ", 'transactionId': '%s'",
                   id);
    charging_set(b, 2, profile, RELATIVE("A", "8"), REJECTED("TxNotFound"));
    charging_set(b, 1, profile, RELATIVE("A", "8"), ACCEPTED);
    free(id);
    bench_free(b);
}

static void a_transaction_has_one_tx_profile_of_a_level(void **state) /* K01.FR.39 */
{
    struct bench *b = *state;
    char *id = session_charging(b, 0);
    char profile[300];
    charging_set_tx(b, id, RELATIVE("A", "8"), ACCEPTED);
    (void)snprintf(profile, sizeof(profile), PROFILE(8, 0, "TxProfile", "Relative") ", 'transactionId': '%s'",
                   id);
    charging_set(b, 1, profile, RELATIVE("A", "9"), REJECTED("DuplicateProfile"));
    (void)snprintf(profile, sizeof(profile), PROFILE(8, 1, "TxProfile", "Relative") ", 'transactionId': '%s'",
                   id);
    charging_set(b, 1, profile, RELATIVE("A", "9"), ACCEPTED);
    free(id);
}

static void a_unit_that_is_not_offered_is_rejected(void **state) /* K01.FR.26, K08.FR.07 */
{
    (void)state;
    const char *presets[] = { "SmartChargingCtrlr.RateUnit=A", NULL };
    struct bench *b = session_bench(presets);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("W", "6900"), REJECTED("UnsupportedRateUnit"));
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_call(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 60, 'chargingRateUnit': 'W'}",
               REJECTED("UnsupportedRateUnit"));
    bench_free(b);
}

static void a_device_of_one_phase_takes_a_profile_of_three(void **state) /* K01.FR.45, K01.FR.47 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.phases = 1;
    struct bench *b = charging_bench(1, &abilities);
    charging_set(b, 1, DEFAULT(1, 0), SCHEDULE("W", "{'startPeriod': 0, 'limit': 6900, 'numberPhases': 3}"),
                 ACCEPTED);
    bench_expect_limit(b, 1, 10); /* 6900 / (3 * 230): of three phases, of which it has one */
    charging_set(b, 1, DEFAULT(1, 0), SCHEDULE("W", "{'startPeriod': 0, 'limit': 2760, 'numberPhases': 1}"),
                 ACCEPTED);
    bench_expect_limit(b, 1, 12);
    bench_free(b);
}

static void direct_current_has_no_phases(void **state) /* K01.FR.44 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.voltage_V = 400;
    abilities.phases = 1;
    (void)str_copy(abilities.connector_type, sizeof(abilities.connector_type), "cCCS2");
    struct bench *b = charging_bench(1, &abilities);
    charging_set(b, 1, DEFAULT(1, 0),
                 SCHEDULE("W", "{'startPeriod': 0, 'limit': 8000, 'numberPhases': 1, 'phaseToUse': 2}"),
                 ACCEPTED);
    bench_expect_limit(b, 1, 20);
    bench_free(b);
}

static void the_number_of_profiles_is_bounded(void **state)
{
    struct bench *b = *state;
    char profile[500], count[8];
    for (int i = 0; i <= MOST; i++) {
        (void)snprintf(
            profile, sizeof(profile),
            PROFILE(% d, 0, "TxDefaultProfile", "Absolute") ", 'validFrom': '2026-%02d-%02dT00:00:00Z', "
                                                            "'validTo': '2026-%02d-%02dT12:00:00Z'",
            i + 1, 3 + i / 25, 1 + i % 25, 3 + i / 25, 1 + i % 25);
        charging_set(b, 1, profile, FLAT("A", "6"), i < MOST ? ACCEPTED : REJECTED("OutOfStorage"));
    }
    (void)snprintf(count, sizeof(count), "%d", MOST);
    const json_t *answer =
        bench_request(b, "GetVariables",
                      "{'getVariableData': [{'component': {'name': 'SmartChargingCtrlr'}, "
                      "'variable': {'name': 'Entries', 'instance': 'ChargingProfiles'}}]}");
    assert_string_equal(json_get_string(json_array_get(json_object_get(answer, "getVariableResult"), 0),
                                        "attributeValue", ""),
                        count);
    charging_set(b, 1, DEFAULT(5, 3), FLAT("A", "6"), ACCEPTED); /* in place of another */
}

static void periods_and_levels_are_bounded(void **state)
{
    struct bench *b = *state;
    char periods[9000] = PERIOD(0, "10"), schedule[9500];
    for (int i = 1; i < 100; i++)
        (void)snprintf(periods + strlen(periods), sizeof(periods) - strlen(periods), ", " PERIOD(% d, "10"),
                       i * 60);
    (void)snprintf(schedule, sizeof(schedule), SCHEDULE("A", "%s"), periods);
    charging_set(b, 1, DEFAULT(1, 20), schedule, ACCEPTED);
    (void)snprintf(schedule, sizeof(schedule), SCHEDULE("A", "%s, " PERIOD(6000, "10")), periods);
    charging_set(b, 1, DEFAULT(1, 20), schedule, REJECTED("TooManyElements"));
    charging_set(b, 1, DEFAULT(2, 21), FLAT("A", "10"), REJECTED("InvalidStackLevel"));
}

static void it_is_in_force_only_when_it_is_written(void **state) /* K01.FR.27 */
{
    struct bench *b = *state;
    b->hold_commits = true;
    bench_frame(
        b, "[2, \"set\", \"SetChargingProfile\", {\"evseId\": 1, \"chargingProfile\": {\"id\": 1, "
           "\"stackLevel\": 0, \"chargingProfilePurpose\": \"TxDefaultProfile\", \"chargingProfileKind\": "
           "\"Relative\", \"chargingSchedule\": [{\"id\": 1, \"chargingRateUnit\": \"A\", "
           "\"chargingSchedulePeriod\": [{\"startPeriod\": 0, \"limit\": 8}]}]}}]");
    bench_expect_no_command(b);
    b->hold_commits = false;
    bench_settle(b);
    bench_expect_limit(b, 1, 8);
    assert_non_null(bench_record(b, "profile", "1"));
}

static void what_the_store_does_not_take_is_not_there(void **state)
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    b->store_refuses = true;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "20"), REJECTED("InternalError"));
    charging_set(b, 1, DEFAULT(2, 1), FLAT("A", "20"), REJECTED("InternalError"));
    bench_call_error(b, "ClearChargingProfile", "{'chargingProfileId': 1}", "InternalError");
    bench_expect_no_command(b);
    b->store_refuses = false;
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 2}", UNKNOWN);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 1}", ACCEPTED);
    bench_expect_limit(b, 1, 32);
}

/* ---- ClearChargingProfile ---- */

/* A limit of an energy manager that the station had before it was started. */
static void restart_with_external(struct bench *b, int evse, const char *limit)
{
    char text[500];
    (void)snprintf(
        text, sizeof(text),
        "{\"evseId\": %d, \"chargingLimitSource\": \"EMS\", \"chargingProfile\": {\"id\": -1, "
        "\"stackLevel\": 0, \"chargingProfilePurpose\": \"ChargingStationExternalConstraints\", "
        "\"chargingProfileKind\": \"Absolute\", \"chargingSchedule\": [{\"id\": 1, \"startSchedule\": "
        "\"2026-01-31T12:00:00Z\", \"chargingRateUnit\": \"A\", \"chargingSchedulePeriod\": "
        "[{\"startPeriod\": 0, \"limit\": %s}]}]}}",
        evse, limit);
    json_object_set_new(b->records, "profile/-1", json_string(text));
    bench_restart(b);
    bench_forget(b);
}

static void clearing_is_by_all_that_is_given(void **state) /* K10.FR.01, K10.FR.03, K10.FR.04 */
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    charging_set(b, 1, DEFAULT(2, 1), FLAT("A", "10"), ACCEPTED);
    charging_set(b, 0, STATION_MAX(3), FLAT("A", "10"), ACCEPTED);
    bench_call(b, "ClearChargingProfile",
               "{'chargingProfileCriteria': {'chargingProfilePurpose': 'TxDefaultProfile', 'stackLevel': 2}}",
               UNKNOWN);
    bench_call(b, "ClearChargingProfile",
               "{'chargingProfileCriteria': {'chargingProfilePurpose': 'TxDefaultProfile', 'evseId': 1}}",
               ACCEPTED);
    assert_null(bench_record(b, "profile", "1"));
    assert_null(bench_record(b, "profile", "2"));
    assert_non_null(bench_record(b, "profile", "3"));
    bench_call(b, "ClearChargingProfile", "{'chargingProfileCriteria': {'evseId': 1}}", UNKNOWN);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 3}", ACCEPTED);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 3}", UNKNOWN);
}

static void external_constraints_are_not_the_csmss_to_change(void **state)
{
    /* K01.FR.05, K01.FR.22, K10.FR.06, K10.FR.08, K10.FR.09 */
    struct bench *b = *state;
    restart_with_external(b, 0, "9");
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': -1}", UNKNOWN);
    bench_call(
        b, "ClearChargingProfile",
        "{'chargingProfileCriteria': {'chargingProfilePurpose': 'ChargingStationExternalConstraints'}}",
        UNKNOWN);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileCriteria': {'stackLevel': 0}}", UNKNOWN);
    charging_set(b, 1, DEFAULT(-1, 0), FLAT("A", "20"), REJECTED("DuplicateProfile"));
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "20"), ACCEPTED);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileCriteria': {'stackLevel': 0}}", ACCEPTED);
    charging_composite(b, 1, 60, "A", "0:9");
}

/* SC.01: all or nothing */
static void a_device_that_cannot_be_limited_is_held_back(void **state)
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.limit = false;
    for (int i = 0; i < 2; i++) {
        struct bench *b = charging_bench(1, &abilities);
        restart_with_external(b, 0, i ? "32" : "31");
        bench_state(b, 1, EVSE_CONNECTED);
        bench_token(b, 1, CARD, "ISO14443");
        if (i)
            bench_expect_command(b, 1, EVSE_START);
        bench_expect_no_command(b);
        bench_free(b);
    }
}

static void clearing_a_default_lets_the_transaction_go_on(void **state) /* K10.FR.05, K10.FR.07 */
{
    struct bench *b = *state;
    charging_set(b, 0, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    free(session_charging(b, 0));
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 1}", ACCEPTED);
    bench_expect_limit(b, 1, 32);
    bench_expect_no_command(b);
    session_event(b, "Updated", "ChargingRateChanged", NULL);
    bench_expect_nothing(b);
}

/* ---- GetChargingProfiles ---- */

/* What is reported for these criteria: each message as "evse/source:id,id", "+" at the end of those that are not the last. */
static void reports(struct bench *b, const char *request, const char *expected)
{
    char text[500], got[1000] = "";
    (void)snprintf(text, sizeof(text), "{'requestId': 77, %s}", request);
    bench_call(b, "GetChargingProfiles", text, *expected ? ACCEPTED : "{'status': 'NoProfiles'}");
    while (bench_count(b, "ReportChargingProfiles") > 0) {
        const json_t *report = bench_expect(b, "ReportChargingProfiles", "{'requestId': 77}"); /* K09.FR.01 */
        size_t index, used = strlen(got);
        const json_t *profile;
        used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%lld/%s", used ? " " : "",
                                 (long long)json_get_int(report, "evseId", -1),
                                 json_get_string(report, "chargingLimitSource", ""));
        json_array_foreach(json_object_get(report, "chargingProfile"), index, profile) used +=
            (size_t)snprintf(got + used, sizeof(got) - used, "%c%lld", index ? ',' : ':',
                             (long long)json_get_int(profile, "id", 0));
        (void)snprintf(got + used, sizeof(got) - used, "%s", json_get_bool(report, "tbc", false) ? "+" : "");
    }
    assert_string_equal(got, expected);
}

static void profiles_are_reported_by_every_criterion(void **state)
{
    /* K09.FR.01, K09.FR.02, K09.FR.03, K09.FR.04, K09.FR.05, K09.FR.06 */
    struct bench *b = charging_bench(2, NULL);
    (void)state;
    reports(b, "'chargingProfile': {'stackLevel': 0}", "");
    restart_with_external(b, 0, "9");
    charging_set(b, 0, STATION_MAX(10), FLAT("A", "20"), ACCEPTED);
    charging_set(b, 0, DEFAULT(11, 3), FLAT("A", "20"), ACCEPTED);
    charging_set(b, 1, DEFAULT(12, 0), FLAT("A", "20"), ACCEPTED);
    charging_set(b, 2, DEFAULT(13, 0), FLAT("A", "20"), ACCEPTED);
    charging_set(b, 2, DEFAULT(14, 1), FLAT("A", "20"), ACCEPTED);
    bench_forget(b);
    static const struct {
        const char *request, *expected;
    } rows[] = {
        { "'chargingProfile': {}", "0/EMS:-1+ 0/CSO:11,10+ 1/CSO:12+ 2/CSO:14,13" },
        { "'evseId': 0, 'chargingProfile': {}", "0/EMS:-1+ 0/CSO:11,10" },
        { "'evseId': 2, 'chargingProfile': {}", "2/CSO:14,13" },
        { "'evseId': 3, 'chargingProfile': {}", "" },
        { "'chargingProfile': {'stackLevel': 0}", "0/EMS:-1+ 0/CSO:10+ 1/CSO:12+ 2/CSO:13" },
        { "'chargingProfile': {'chargingProfilePurpose': 'TxDefaultProfile'}",
          "0/CSO:11+ 1/CSO:12+ 2/CSO:14,13" },
        { "'evseId': 2, 'chargingProfile': {'chargingProfilePurpose': 'TxDefaultProfile', 'stackLevel': 1}",
          "2/CSO:14" },
        { "'chargingProfile': {'chargingProfilePurpose': 'TxProfile'}", "" },
        { "'chargingProfile': {'chargingProfileId': [12, 10, 99]}", "0/CSO:10+ 1/CSO:12" },
        { "'evseId': 1, 'chargingProfile': {'chargingProfileId': [13]}", "" },
        { "'chargingProfile': {'chargingLimitSource': ['EMS', 'SO']}", "0/EMS:-1" },
        { "'chargingProfile': {'chargingLimitSource': ['SO', 'Other']}", "" },
        { "'evseId': 1, 'chargingProfile': {'chargingLimitSource': ['CSO']}", "1/CSO:12" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        print_message("%s\n", rows[i].request);
        reports(b, rows[i].request, rows[i].expected);
    }
    bench_free(b);
}

static void a_profile_is_reported_as_it_was_set(void **state)
{
    struct bench *b = *state;
    char *id = session_charging(b, 0);
    charging_set_tx(b, id, RELATIVE("W", "6900.5") ", 'minChargingRate': 1000", ACCEPTED);
    bench_forget(b);
    bench_call(b, "GetChargingProfiles", "{'requestId': 1, 'chargingProfile': {'chargingProfileId': [7]}}",
               ACCEPTED);
    const json_t *report = bench_expect(
        b, "ReportChargingProfiles",
        "{'evseId': 1, 'tbc': null, 'chargingProfile': [{'id': 7, 'stackLevel': 0, 'chargingProfilePurpose': "
        "'TxProfile', 'chargingProfileKind': 'Relative', 'chargingSchedule': [{'id': 1, 'minChargingRate': "
        "1000, "
        "'chargingRateUnit': 'W', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 6900.5}]}]}]}");
    const json_t *profile = json_array_get(json_object_get(report, "chargingProfile"), 0);
    assert_string_equal(json_get_string(profile, "transactionId", ""), id);
    free(id);
}

static void set_long_profiles(struct bench *b, int count)
{
    char periods[9000] = PERIOD(0, "10"), schedule[9500], profile[200];
    for (int i = 1; i < 100; i++)
        (void)snprintf(periods + strlen(periods), sizeof(periods) - strlen(periods), ", " PERIOD(% d, "10"),
                       i * 60);
    (void)snprintf(schedule, sizeof(schedule), SCHEDULE("A", "%s"), periods);
    for (int i = 0; i < count; i++) {
        (void)snprintf(profile, sizeof(profile), PROFILE(% d, % d, "TxDefaultProfile", "Absolute"), i + 1, i);
        charging_set(b, 1, profile, schedule, ACCEPTED);
    }
    bench_forget(b);
}

static void a_long_report_goes_part_by_part(void **state) /* K09.FR.02 */
{
    struct bench *b = *state;
    set_long_profiles(b, 12);
    bench_answer(b, "ReportChargingProfiles", BENCH_SILENCE);
    bench_call(b, "GetChargingProfiles", "{'requestId': 5, 'chargingProfile': {}}", ACCEPTED);
    size_t told = 0;
    while (told < 12) {
        assert_int_equal(bench_count(b, "ReportChargingProfiles"), 1); /* the next waits for its answer */
        const json_t *report = bench_expect(b, "ReportChargingProfiles", "{'requestId': 5}");
        assert_true(json_text_size(report) < 17000);
        told += json_array_size(json_object_get(report, "chargingProfile"));
        assert_true(json_get_bool(report, "tbc", false) == (told < 12));
        bench_reply(b, "{}");
    }
    assert_int_equal(told, 12);
    bench_expect_nothing(b);
}

static void reports_wait_for_each_other_and_are_bounded(void **state)
{
    struct bench *b = *state;
    set_long_profiles(b, 6);
    bench_answer(b, "ReportChargingProfiles", BENCH_SILENCE);
    for (int i = 1; i <= PROFILE_REPORTS_MAX; i++) {
        char request[100];
        (void)snprintf(request, sizeof(request), "{'requestId': %d, 'chargingProfile': {}}", i);
        bench_call(b, "GetChargingProfiles", request, ACCEPTED);
    }
    bench_call_error(b, "GetChargingProfiles", "{'requestId': 9, 'chargingProfile': {}}", "GenericError");
    bench_call(b, "ClearChargingProfile", "{'chargingProfileCriteria': {'evseId': 1}}", ACCEPTED);
    bench_answer(b, "ReportChargingProfiles", "");
    int last = 0;
    while (bench_count(b, "ReportChargingProfiles") > 0) {
        int id = (int)json_get_int(bench_expect(b, "ReportChargingProfiles", "{}"), "requestId", 0);
        assert_in_range(id, last > 0 ? last : 1, last + 1);
        last = id;
    }
    assert_int_equal(last, PROFILE_REPORTS_MAX); /* also of what was cleared since */
}

static void a_report_without_an_answer_is_sent_once_more(void **state)
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_forget(b);
    bench_answer(b, "ReportChargingProfiles", BENCH_SILENCE);
    bench_call(b, "GetChargingProfiles", "{'requestId': 1, 'chargingProfile': {}}", ACCEPTED);
    bench_expect(b, "ReportChargingProfiles", "{'requestId': 1}");
    bench_advance(b, 120000);
    bench_expect(b, "ReportChargingProfiles", "{'requestId': 1}");
    bench_advance(b, 600000);
    assert_int_equal(bench_count(b, "ReportChargingProfiles"), 0);
}

static void a_report_goes_with_the_link(void **state)
{
    struct bench *b = *state;
    set_long_profiles(b, 6);
    bench_answer(b, "ReportChargingProfiles", BENCH_SILENCE);
    bench_call(b, "GetChargingProfiles", "{'requestId': 1, 'chargingProfile': {}}", ACCEPTED);
    bench_call(b, "GetChargingProfiles", "{'requestId': 2, 'chargingProfile': {}}", ACCEPTED);
    bench_link_lost(b);
    bench_answer(b, "ReportChargingProfiles", "");
    bench_forget(b);
    bench_link_back(b);
    bench_advance(b, 60000);
    assert_int_equal(bench_count(b, "ReportChargingProfiles"), 0);
    bench_forget(b);
    bench_call(b, "GetChargingProfiles", "{'requestId': 3, 'chargingProfile': {}}", ACCEPTED);
    bench_expect(b, "ReportChargingProfiles", "{'requestId': 3}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, charging_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_wrong_is_rejected_with_its_reason),
        TEST(a_profile_of_the_station_and_one_of_an_evse_do_not_share_a_level),
        TEST(what_is_never_valid_together_shares_a_level),
        cmocka_unit_test(a_tx_profile_is_of_a_running_transaction_of_its_evse),
        TEST(a_transaction_has_one_tx_profile_of_a_level),
        cmocka_unit_test(a_unit_that_is_not_offered_is_rejected),
        cmocka_unit_test(a_device_of_one_phase_takes_a_profile_of_three),
        cmocka_unit_test(direct_current_has_no_phases),
        TEST(the_number_of_profiles_is_bounded),
        TEST(periods_and_levels_are_bounded),
        TEST(it_is_in_force_only_when_it_is_written),
        TEST(what_the_store_does_not_take_is_not_there),
        TEST(clearing_is_by_all_that_is_given),
        TEST(external_constraints_are_not_the_csmss_to_change),
        cmocka_unit_test(a_device_that_cannot_be_limited_is_held_back),
        TEST(clearing_a_default_lets_the_transaction_go_on),
        cmocka_unit_test(profiles_are_reported_by_every_criterion),
        TEST(a_profile_is_reported_as_it_was_set),
        TEST(a_long_report_goes_part_by_part),
        TEST(reports_wait_for_each_other_and_are_bounded),
        TEST(a_report_without_an_answer_is_sent_once_more),
        TEST(a_report_goes_with_the_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
