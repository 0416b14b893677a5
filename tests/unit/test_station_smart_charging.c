#include "tests/support/charging.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

static void a_default_limits_at_once(void **state) /* K01.FR.07, K01.FR.32 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10.5"), ACCEPTED);
    bench_expect_limit(b, 1, 10.5);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "16"), ACCEPTED); /* K01.FR.05 */
    bench_expect_limit(b, 1, 16);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 1}", ACCEPTED);
    bench_expect_limit(b, 1, 32); /* K10.FR.05, K10.FR.07 */
}

static void watts_become_amperes_per_phase(void **state) /* K01.FR.50 */
{
    struct bench *b = *state;
    charging_set(b, 0, DEFAULT(1, 0), FLAT("W", "6900"), ACCEPTED);
    bench_expect_limit(b, 1, 10); /* 6900 / (3 * 230) */
}

static void the_connector_is_never_asked_for_more(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "999999"), ACCEPTED);
    bench_expect_no_command(b);
    json_t *status = station_status(b->station);
    assert_true(json_get_number(json_array_get(json_object_get(status, "evses"), 0), "limit_A", 0) == 32);
    json_decref(status);
}

static void zero_pauses_and_does_not_end_it(void **state)
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "0"), ACCEPTED);
    bench_expect_limit(b, 1, 0);
    bench_expect_no_command(b);
    bench_state(b, 1, EVSE_CONNECTED);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'SuspendedEVSE'}");
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "16"), ACCEPTED);
    bench_expect_limit(b, 1, 16);
    session_event(b, "Updated", "ChargingStateChanged",
                  "'transactionInfo': {'chargingState': 'EVConnected'}");
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Updated", "ChargingStateChanged", "'transactionInfo': {'chargingState': 'Charging'}");
}

/* Begins under a limit of 0 A; the open command is the START. */
static void begin_at_0(struct bench *b)
{
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "0"), ACCEPTED);
    session_plug(b);
    b->hold_commands = true;
    session_tap(b);
    session_event(b, "Started", "Authorized", "'transactionInfo': {'chargingState': 'SuspendedEVSE'}");
    bench_expect_limit(b, 1, 0);
    bench_expect_command(b, 1, EVSE_START);
    bench_forget(b);
}

static void a_start_under_0_A_need_not_show_an_effect(void **state)
{
    struct bench *b = *state;
    begin_at_0(b);
    bench_command_done(b, -ERR_NO_EFFECT);
    bench_advance(b, 600000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0); /* it goes on */
    bench_expect_no_command(b);
    b->hold_commands = false;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "16"), ACCEPTED);
    bench_expect_limit(b, 1, 16);
    bench_expect_command(b, 1, EVSE_START);
    bench_state(b, 1, EVSE_CHARGING);
    bench_expect_no_command(b);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "0"),
                 ACCEPTED); /* it is known to be started: the limit is all */
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "16"), ACCEPTED);
    bench_expect_limit(b, 1, 0);
    bench_expect_limit(b, 1, 16);
    bench_expect_no_command(b);
}

static void a_limit_that_rises_before_that_is_known_is_no_failure(void **state)
{
    struct bench *b = *state;
    begin_at_0(b);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "16"), ACCEPTED);
    bench_expect_limit(b, 1, 16);
    bench_command_done(b, -ERR_NO_EFFECT); /* the START's time was up before it could charge */
    bench_command_done(b, 0);              /* the limit */
    bench_expect_command(b, 1, EVSE_START);
    bench_command_done(b, -ERR_NO_EFFECT); /* now it does not start though it may: that ends the matter */
    bench_expect_command(b, 1, EVSE_STOP);
    bench_command_done(b, 0);
    session_event(b, "Updated", "ChargingStateChanged", NULL);
    session_event(b, "Ended", "AbnormalCondition", NULL);
}

static void what_is_refused_under_0_A_ends_it(void **state) /* E06.FR.16 */
{
    struct bench *b = *state;
    begin_at_0(b);
    bench_command_done(b, -ERR_REFUSED);
    bench_command_done(b, 0); /* the STOP */
    session_event(b, "Ended", "AbnormalCondition", NULL);
}

static void a_device_that_cannot_pause_is_stopped(void **state)
{
    (void)state;
    struct bench_options options = { .abilities = bench_abilities() };
    options.abilities.supports_pause = false;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    free(session_charging(b, 0));
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "5"), ACCEPTED); /* below its 6 A */
    bench_expect_limit(b, 1, 5);
    bench_expect_command(b, 1, EVSE_STOP);
    bench_state(b, 1, EVSE_CONNECTED);
    assert_int_equal(bench_count(b, "TransactionEvent"), 1);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "6"), ACCEPTED);
    bench_expect_limit(b, 1, 6);
    bench_expect_command(b, 1, EVSE_START);
    bench_free(b);
}

static void periods_take_turns_by_the_clock(void **state) /* K01.FR.12, K01.FR.11, K01.FR.30 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    charging_set(
        b, 1, DEFAULT(1, 0),
        "'startSchedule': '2026-01-31T12:10:00Z', 'duration': 1200, 'chargingRateUnit': 'A', "
        "'chargingSchedulePeriod': ["
        "{'startPeriod': 0, 'limit': 10}, {'startPeriod': 600, 'limit': 20}, {'startPeriod': 1200, 'limit': "
        "6}]",
        ACCEPTED);
    bench_expect_no_command(b);
    bench_advance(b, 599999);
    bench_expect_no_command(b);
    bench_advance(b, 1);
    bench_expect_limit(b, 1, 10);
    bench_advance(b, 600000);
    bench_expect_limit(b, 1, 20);
    bench_advance(b, 600000);
    bench_expect_limit(b, 1, 32); /* over, not 6: K01.FR.11 */
    bench_advance(b, 3600000);
    bench_expect_no_command(b);
}

static void a_daily_one_comes_back(void **state) /* K01.FR.13 */
{
    struct bench *b = *state;
    charging_set(
        b, 0,
        "'id': 1, 'stackLevel': 0, 'chargingProfilePurpose': 'TxDefaultProfile', 'chargingProfileKind': "
        "'Recurring',"
        " 'recurrencyKind': 'Daily'",
        "'startSchedule': '2026-01-01T17:00:00Z', 'duration': 10800, 'chargingRateUnit': 'A',"
        " 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 8}]",
        ACCEPTED);
    bench_expect_no_command(b);
    for (int day = 0; day < 2; day++) {
        bench_advance(b, 5 * 3600000);
        bench_expect_limit(b, 1, 8);
        bench_advance(b, 3 * 3600000);
        bench_expect_limit(b, 1, 32);
        bench_advance(b, 16 * 3600000);
        bench_expect_no_command(b);
    }
}

static void validity_counts(void **state) /* K01.FR.36, K01.FR.37, TC_K_22 */
{
    struct bench *b = *state;
    charging_set(b, 1,
                 DEFAULT(1, 0) ", 'validFrom': '2026-01-31T12:01:00Z', 'validTo': '2026-01-31T12:02:00Z'",
                 FLAT("A", "9"), ACCEPTED);
    bench_expect_no_command(b);
    bench_advance(b, 60000);
    bench_expect_limit(b, 1, 9);
    bench_advance(b, 60000);
    bench_expect_limit(b, 1, 32);
}

static void the_highest_level_leads(void **state) /* K01.FR.17 */
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    charging_set(b, 1, DEFAULT(2, 3), FLAT("A", "20"), ACCEPTED);
    bench_expect_limit(b, 1, 20);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileCriteria': {'stackLevel': 3}}", ACCEPTED);
    bench_expect_limit(b, 1, 10);
}

static void purposes_combine_to_the_lowest(void **state) /* K 3.5, K02.FR.04, K02.FR.05 */
{
    struct bench *b = *state;
    char *id = session_charging(b, 0);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    charging_set_tx(b, id,
                    "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 20}]",
                    ACCEPTED);
    bench_expect_limit(b, 1, 20); /* overrules the default */
    charging_set(b, 0, STATION_MAX(3), FLAT("A", "15"), ACCEPTED);
    bench_expect_limit(b, 1, 15);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_expect_limit(b, 1, 10); /* the TxProfile went with its transaction */
    bench_expect_command(b, 1, EVSE_STOP);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 7}", "{'status': 'Unknown'}");
    free(id);
}

static void a_relative_one_begins_with_the_power_path(void **state) /* K01.FR.42, K02.FR.08 */
{
    struct bench *b = *state;
    char *id = session_charging(b, 0);
    bench_advance(b, 60000);
    charging_set_tx(b, id,
                    "'chargingRateUnit': 'A', 'duration': 300, 'chargingSchedulePeriod': [{'startPeriod': 0, "
                    "'limit': 20},"
                    " {'startPeriod': 120, 'limit': 12}]",
                    ACCEPTED);
    bench_expect_limit(b, 1, 20);
    bench_advance(b, 60000);
    bench_expect_limit(b, 1, 12);
    bench_advance(b, 180000);
    bench_expect_limit(b, 1, 32);
    free(id);
}

static void the_stations_maximum_is_shared(void **state) /* K04.FR.05 */
{
    (void)state;
    struct bench_options options = { .evse_count = 2 };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    charging_set(b, 0, STATION_MAX(1), FLAT("A", "20"), ACCEPTED);
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_state(b, 2, EVSE_CONNECTED);
    bench_token(b, 2, "04BBBBBB", "ISO14443");
    bench_expect_limit(b, 1, 10); /* the other was told its share when the first began */
    bench_expect_command(b, 2, EVSE_START);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started', 'evse': {'id': 2}}");
    session_event(b, "Updated", "ChargingRateChanged", "'seqNo': 2");
    bench_forget(b);
    bench_state(b, 2, EVSE_AVAILABLE);
    bench_expect_command(b, 2, EVSE_UNLOCK);
    bench_expect_limit(b, 1, 20);
    bench_free(b);
}

static void a_significant_change_is_told(void **state) /* SC.02, SC.03 */
{
    struct bench *b = *state;
    free(session_charging(b, 0));
    session_set(b, "SmartChargingCtrlr", "LimitChangeSignificance", "10.0");
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "20"), ACCEPTED);
    session_event(b, "Updated", "ChargingRateChanged", NULL);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "19"), ACCEPTED);
    bench_expect_nothing(b);
}

static void profiles_survive_a_restart(void **state) /* K01.FR.27, TC_K_13 */
{
    struct bench *b = *state;
    char *id = session_charging(b, 0);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    charging_set_tx(b, id,
                    "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 20}]",
                    ACCEPTED);
    bench_restart(b);
    bench_expect_limit(b, 1, 20);
    bench_forget(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_command(b, 1, EVSE_UNLOCK);
    bench_expect_limit(b, 1, 10);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 1}", ACCEPTED);
    bench_restart(b);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 1}", "{'status': 'Unknown'}");
    free(id);
}

static void a_device_that_does_not_take_it_is_asked_again(void **state)
{
    struct bench *b = *state;
    b->command_error = -ERR_NO_ANSWER;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    bench_advance(b, 9999);
    bench_expect_no_command(b);
    b->command_error = 0;
    bench_advance(b, 1);
    bench_expect_limit(b, 1, 10);
    bench_advance(b, 600000);
    bench_expect_no_command(b);
}

struct said {
    char last[200];
    int lines, errors;
};

static void on_log(void *ctx, const struct log_line *line)
{
    struct said *said = ctx;
    if (!strstr(line->message, "device"))
        return;
    said->lines++;
    said->errors += line->level <= LOG_WARN;
    (void)str_copy(said->last, sizeof(said->last), line->message);
}

/* Until a device is there its silence is no fault of the limit; who is there and does not take it is a fault, once. */
static void only_a_device_that_is_there_is_blamed_for_a_limit(void **state)
{
    struct bench *b = *state;
    struct said said = { 0 };
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_setup(null, false);
    log_set_level(LOG_STATION, LOG_INFO);
    log_set_follower(on_log, &said);
    b->command_error = -ERR_LINK_DOWN;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_advance(b, 600000);
    struct said offline = said;
    b->command_error = -ERR_REFUSED;
    bench_advance(b, 600000);
    struct said refused = said;
    b->command_error = 0;
    bench_advance(b, 600000);
    b->command_error = -ERR_REFUSED;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "12"), ACCEPTED);
    bench_advance(b, 600000);
    log_set_follower(NULL, NULL);
    log_set_level(LOG_STATION, LOG_ERROR);
    log_setup(STDERR_FILENO, false);
    close(null);

    assert_int_equal(offline.errors, 0);
    assert_int_equal(offline.lines, 1);
    assert_string_equal(offline.last, "limit waits until the device answers: station=CS-1 evse=1 A=10.0");
    assert_int_equal(refused.errors, 1);
    assert_non_null(
        strstr(refused.last, "device does not take a limit, keeps trying: station=CS-1 evse=1 A=10.0: "));
    assert_int_equal(said.errors, 2);
    bench_forget(b);
}

static void a_start_may_bring_its_profile(void **state) /* F01.FR.10, K05.FR.03, TC_K_37 */
{
#define REMOTE(profile)                                                                                      \
    "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': 'A', 'type': 'Central'}, "                     \
    "'chargingProfile':" profile "}"
    struct bench *b = *state;
    bench_call(b, "RequestStartTransaction",
               REMOTE("{'id': 5, 'stackLevel': 0, 'chargingProfilePurpose': 'TxDefaultProfile', "
                      "'chargingProfileKind': 'Relative',"
                      " 'chargingSchedule': [{'id': 1, 'chargingRateUnit': 'A', 'chargingSchedulePeriod':"
                      " [{'startPeriod': 0, 'limit': 7}]}]}"),
               REJECTED("InvalidProfile")); /* F01.FR.26 */
    bench_call(b, "RequestStartTransaction",
               REMOTE("{'id': 5, 'stackLevel': 0, 'chargingProfilePurpose': 'TxProfile', "
                      "'chargingProfileKind': 'Relative',"
                      " 'chargingSchedule': [{'id': 1, 'chargingRateUnit': 'A', 'chargingSchedulePeriod':"
                      " [{'startPeriod': 0, 'limit': 7}]}]}"),
               ACCEPTED);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_limit(b, 1, 7);
    bench_expect_command(b, 1, EVSE_START);
    assert_non_null(bench_record(b, "profile", "5"));
    bench_state(b, 1, EVSE_AVAILABLE);
    assert_null(bench_record(b, "profile", "5"));
}

static void a_profile_of_a_start_nobody_came_for_goes(void **state)
{
    struct bench *b = *state;
    bench_call(b, "RequestStartTransaction",
               REMOTE("{'id': 5, 'stackLevel': 0, 'chargingProfilePurpose': 'TxProfile', "
                      "'chargingProfileKind': 'Relative',"
                      " 'chargingSchedule': [{'id': 1, 'chargingRateUnit': 'A', 'chargingSchedulePeriod':"
                      " [{'startPeriod': 0, 'limit': 7}]}]}"),
               ACCEPTED);
    bench_advance(b, 60000);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 5}", "{'status': 'Unknown'}");
}

static void
three_phases_are_assumed_and_amperes_are_of_each(void **state) /* K01.FR.49, K01.FR.50, K01.FR.51 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.phases = 1;
    struct bench *one = charging_bench(1, &abilities);
    charging_set(one, 1, DEFAULT(1, 0), FLAT("W", "6900"), ACCEPTED);
    bench_expect_limit(one, 1, 10);
    charging_composite(one, 1, 60, "W", "0:2300"); /* it has but one */
    bench_free(one);
    struct bench *three = charging_bench(1, NULL);
    charging_set(three, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(three, 1, 10);
    charging_composite(three, 1, 60, "W", "0:6900");
    bench_free(three);
}

#define ON_PHASES(limit, phases)                                                                             \
    SCHEDULE("W", "{'startPeriod': 0, 'limit': " limit ", 'numberPhases': " phases "}")

static void expect_limit_on(struct bench *b, double limit_A, int phases)
{
    const json_t *command = json_array_get(b->commands, 0);
    assert_int_equal(json_integer_value(json_array_get(command, 3)), phases);
    bench_expect_limit(b, 1, limit_A);
}

static void a_device_that_switches_uses_no_more_phases_than_it_may(void **state) /* K01.FR.43, K01.FR.47 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.switches_phases = true;
    struct bench *b = charging_bench(1, &abilities);
    charging_set(b, 1, DEFAULT(1, 0), ON_PHASES("3680", "1"), ACCEPTED);
    expect_limit_on(b, 16, 1);
    charging_set(b, 1, DEFAULT(1, 0), ON_PHASES("3680", "2"), ACCEPTED); /* it has one or three */
    expect_limit_on(b, 8, 1);
    charging_set(b, 1, DEFAULT(1, 0), ON_PHASES("11040", "3"), ACCEPTED);
    expect_limit_on(b, 16, 0);
    charging_set(b, 1, DEFAULT(1, 0), ON_PHASES("3680", "1"), ACCEPTED); /* the same current, on one phase */
    expect_limit_on(b, 16, 1);
    bench_restart(b);
    expect_limit_on(b, 16, 1);
    bench_advance(b, 60000);
    bench_forget(b);
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 1}", "{'status': 'Accepted'}");
    expect_limit_on(b, 32, 0);
    bench_free(b);
}

/* What it did not take may come true all the same, when the device is back. */
static void a_limit_that_was_not_taken_is_taken_back(void **state) /* K10.FR.05 */
{
    struct bench *b = *state;
    b->command_error = -ERR_LINK_DOWN;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    b->command_error = 0;
    bench_call(b, "ClearChargingProfile", "{'chargingProfileId': 1}", "{'status': 'Accepted'}");
    bench_expect_limit(b, 1, 32);
}

static void the_limit_is_told_before_energy_flows(void **state) /* K02.FR.02 */
{
    struct bench *b = *state;
    session_plug(b);
    session_tap(b);
    bench_expect_limit(b, 1, 32); /* also if it is all the connector bears */
    bench_expect_command(b, 1, EVSE_START);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "10"), ACCEPTED);
    bench_expect_limit(b, 1, 10);
    bench_restart(b);
    bench_expect_limit(b, 1, 10);
}

static void a_tx_profile_is_of_its_transaction_only(void **state) /* K01.FR.04 */
{
    (void)state;
    struct bench *b = charging_bench(2, NULL);
    charging_begin(b, 2, "04BBBBBB");
    char *id = session_charging(b, 0);
    charging_set_tx(b, id, RELATIVE("A", "8"), ACCEPTED);
    bench_expect_limit(b, 1, 8);
    bench_expect_no_command(b);
    charging_composite(b, 2, 60, "A", "0:32");
    bench_state(b, 1, EVSE_AVAILABLE);
    charging_begin(b, 1, CARD);
    charging_composite(b, 1, 60, "A", "0:32");
    free(id);
    bench_free(b);
}

static void a_new_profile_counts_in_the_next_composite(void **state) /* K03.FR.03 */
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0), FLAT("A", "20"), ACCEPTED);
    charging_composite(b, 1, 60, "A", "0:20");
    charging_set(b, 1, DEFAULT(2, 1), SCHEDULE("A", PERIOD(0, "18") ", " PERIOD(30, "16")), ACCEPTED);
    charging_composite(b, 1, 60, "A", "0:18 30:16");
}

static void without_a_link_the_profiles_hold(void **state) /* K06.FR.01, K06.FR.02 */
{
    struct bench *b = *state;
    char *id = session_charging(b, 0);
    charging_set_tx(
        b, id,
        "'chargingRateUnit': 'A', 'chargingSchedulePeriod': [" PERIOD(0, "20") ", " PERIOD(600, "8") "]",
        ACCEPTED);
    bench_expect_limit(b, 1, 20);
    bench_link_lost(b);
    bench_advance(b, 599999);
    bench_expect_no_command(b);
    bench_advance(b, 1);
    bench_expect_limit(b, 1, 8);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_no_command(b); /* no profile is left: nothing to hold to */
    free(id);
}

static void a_transaction_begun_without_a_link_has_the_default(void **state) /* K07.FR.01 */
{
    (void)state;
    const char *presets[] = { "AuthCtrlr.OfflineTxForUnknownIdEnabled=true", NULL };
    struct bench *b = session_bench(presets);
    charging_set(b, 0, DEFAULT(1, 0), FLAT("A", "11"), ACCEPTED);
    bench_link_lost(b);
    bench_restart(b);
    bench_expect_limit(b, 1, 11);
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect_command(b, 1, EVSE_START);
    bench_state(b, 1, EVSE_CHARGING);
    bench_advance(b, 3600000);
    bench_expect_no_command(b);
    bench_free(b);
}

#define START(profile)                                                                                       \
    "{'remoteStartId': 1, 'evseId': 1, 'idToken': {'idToken': 'A', 'type': 'Central'}, 'chargingProfile': "  \
    "{" profile "}}"

static void a_start_with_a_wrong_profile_is_rejected(void **state) /* K05.FR.02, K05.FR.05, F01.FR.26 */
{
    struct bench *b = *state;
    static const struct {
        const char *request, *reason;
    } rows[] = {
        { START(DEFAULT(1, 0) ", 'chargingSchedule': [{'id': 1, " FLAT("A", "8") "}]"), "InvalidProfile" },
        { START(PROFILE(
              1, 0, "TxProfile",
              "Relative") ", 'transactionId': 'x', 'chargingSchedule': [{'id': 1, " RELATIVE("A", "8") "}]"),
          "InvalidProfile" },
        { START(PROFILE(1, 0, "TxProfile",
                        "Relative") ", 'chargingSchedule': [{'id': 1, " RELATIVE("A", "-8") "}]"),
          "InvalidSchedule" },
        { START(PROFILE(1, 99, "TxProfile",
                        "Relative") ", 'chargingSchedule': [{'id': 1, " RELATIVE("A", "8") "}]"),
          "InvalidStackLevel" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char expected[100];
        (void)snprintf(expected, sizeof(expected), REJECTED("%s"), rows[i].reason);
        bench_call(b, "RequestStartTransaction", rows[i].request, expected);
    }
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_no_command(b);
}

static void without_smart_charging_the_profile_of_a_start_is_ignored(void **state) /* K05.FR.04, F01.FR.12 */
{
    struct bench *b = *state;
    session_set(b, "SmartChargingCtrlr", "Enabled", "false");
    bench_call(b, "RequestStartTransaction",
               START(PROFILE(1, 0, "TxProfile",
                             "Relative") ", 'chargingSchedule': [{'id': 1, " RELATIVE("A", "-8") "}]"),
               ACCEPTED);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect_limit(b, 1, 32);
    bench_expect_command(b, 1, EVSE_START);
}

static void the_time_of_the_csms_counts_at_once(void **state)
{
    struct bench *b = *state;
    charging_set(b, 1, DEFAULT(1, 0),
                 "'startSchedule': '2026-01-31T13:00:00Z', 'chargingRateUnit': 'A', "
                 "'chargingSchedulePeriod': [" PERIOD(0, "10") "]",
                 ACCEPTED);
    bench_expect_no_command(b);
    b->csms_offset_ms = 2 * 3600000;
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'Heartbeat'}", ACCEPTED);
    bench_expect_limit(b, 1, 10);
}

static void a_device_without_limit_has_no_smart_charging(void **state) /* K01.FR.29, TC_K_15 */
{
    (void)state;
    struct bench_options options = { .abilities = bench_abilities() };
    options.abilities.limit = false;
    struct bench *b = bench_new(&options);
    bench_boot(b);
    bench_call_error(b, "ClearChargingProfile", "{'chargingProfileId': 1}", "NotSupported");
    bench_call_error(b, "GetCompositeSchedule", "{'evseId': 1, 'duration': 60}", "NotSupported");
    bench_call_error(b, "GetChargingProfiles", "{'requestId': 1, 'chargingProfile': {}}", "NotSupported");
    bench_call_error(b, "SetChargingProfile",
                     "{'evseId': 1, 'chargingProfile': {" DEFAULT(
                         1, 0) ", 'chargingSchedule': [{'id': 1, " FLAT("A", "8") "}]}}",
                     "NotSupported");
    bench_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, charging_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_default_limits_at_once),
        TEST(watts_become_amperes_per_phase),
        TEST(the_connector_is_never_asked_for_more),
        TEST(zero_pauses_and_does_not_end_it),
        TEST(a_start_under_0_A_need_not_show_an_effect),
        TEST(a_limit_that_rises_before_that_is_known_is_no_failure),
        TEST(what_is_refused_under_0_A_ends_it),
        cmocka_unit_test(a_device_that_cannot_pause_is_stopped),
        TEST(periods_take_turns_by_the_clock),
        TEST(a_daily_one_comes_back),
        TEST(validity_counts),
        TEST(the_highest_level_leads),
        TEST(purposes_combine_to_the_lowest),
        TEST(a_relative_one_begins_with_the_power_path),
        cmocka_unit_test(the_stations_maximum_is_shared),
        TEST(a_significant_change_is_told),
        TEST(profiles_survive_a_restart),
        TEST(a_device_that_does_not_take_it_is_asked_again),
        TEST(only_a_device_that_is_there_is_blamed_for_a_limit),
        TEST(a_start_may_bring_its_profile),
        TEST(a_profile_of_a_start_nobody_came_for_goes),
        cmocka_unit_test(three_phases_are_assumed_and_amperes_are_of_each),
        cmocka_unit_test(a_device_that_switches_uses_no_more_phases_than_it_may),
        TEST(a_limit_that_was_not_taken_is_taken_back),
        TEST(the_limit_is_told_before_energy_flows),
        cmocka_unit_test(a_tx_profile_is_of_its_transaction_only),
        TEST(a_new_profile_counts_in_the_next_composite),
        TEST(without_a_link_the_profiles_hold),
        cmocka_unit_test(a_transaction_begun_without_a_link_has_the_default),
        TEST(a_start_with_a_wrong_profile_is_rejected),
        TEST(without_smart_charging_the_profile_of_a_start_is_ignored),
        TEST(the_time_of_the_csms_counts_at_once),
        cmocka_unit_test(a_device_without_limit_has_no_smart_charging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
