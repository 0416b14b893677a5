/* Times taken before the clock was set: a host that begins in 1970, a CSMS out of reach, and the right times afterwards. */
#include "tests/support/session.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"

static struct bench *offline_in_1970(bool samples)
{
    const char *presets[] = { samples ? "SampledDataCtrlr.TxEndedInterval=300"
                                      : "SampledDataCtrlr.TxEndedInterval=0",
                              "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0",
                              "AuthCtrlr.OfflineTxForUnknownIdEnabled=true", NULL };
    struct bench_options options = { 0 };
    struct bench *b = session_bench_unbooted(&options, presets);
    b->wall_offset_ms = -BENCH_WALL_MS;
    b->link_available = false;
    bench_start(b);
    bench_advance(b, 10000);
    return b;
}

static void session(struct bench *b)
{
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1000);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    bench_advance(b, 600000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 2000);
}

/* The next event of this type. */
static const json_t *next(struct bench *b, const char *type)
{
    for (;;) {
        const json_t *event = bench_expect_later(b, "TransactionEvent", "{}");
        if (str_equal(json_get_string(event, "eventType", ""), type))
            return event;
    }
}

static int64_t time_of(const json_t *object)
{
    int64_t ms = -1;
    assert_null(json_object_get(object, "unsure"));
    assert_int_equal(timestamp_parse(json_get_string(object, "timestamp", ""), &ms), 0);
    return ms;
}

static void a_security_event_of_before_has_its_time_too(void **state) /* A04.FR.02, B01.FR.06 */
{
    (void)state;
    struct bench *b = offline_in_1970(false);
    bench_link_back(b);
    const json_t *event =
        bench_expect_later(b, "SecurityEventNotification", "{'type': 'StartupOfTheDevice'}");
    assert_int_equal(time_of(event), BENCH_WALL_MS);
    bench_free(b);
}

static void the_security_log_has_the_right_times_too(void **state) /* A04.FR.04, B01.FR.06 */
{
    (void)state;
    struct bench *b = offline_in_1970(false);
    assert_non_null(strstr(bench_record(b, "security_log", "000000000000"), "1970-01-01T00:00:00"));
    bench_link_back(b);
    bench_settle(b);
    const char *line = bench_record(b, "security_log", "000000000000");
    assert_non_null(strstr(line, "2026-01-31T12:00:00"));
    assert_non_null(strstr(line, "Z StartupOfTheDevice critical=yes"));
    bench_free(b);
}

/* The events wait with the times of 1970, and are sent with true ones. */
static void
what_happened_before_the_clock_was_set_gets_its_time_afterwards(void **state) /* B01.FR.06, E04.FR.02 */
{
    (void)state;
    struct bench *b = offline_in_1970(true);
    session(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 3600000);
    bench_forget(b);
    bench_link_back(b);
    bench_advance(b, 2000); /* they are stored anew before they are sent */
    const json_t *event = next(b, "Started");
    assert_int_equal(time_of(event), BENCH_WALL_MS + 10000);
    event = next(b, "Ended");
    assert_int_equal(time_of(event), BENCH_WALL_MS + 610000);
    const json_t *values = json_object_get(event, "meterValue");
    assert_int_equal(json_array_size(values), 4); /* begin, two on the way, end */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(time_of(json_array_get(values, i)),
                         BENCH_WALL_MS + 10000 + (i < 3 ? 300000 * (int64_t)i : 600000));
    bench_free(b);
}

static void a_transaction_that_goes_on_has_no_jump_in_it(void **state)
{
    (void)state;
    struct bench *b = offline_in_1970(true);
    session(b);
    bench_forget(b);
    bench_link_back(b);
    bench_advance(b, 2000); /* they are stored anew before they are sent */
    const json_t *event = next(b, "Started");
    assert_int_equal(time_of(event), BENCH_WALL_MS + 10000);
    bench_advance(b, 700000 - b->now_ms);
    bench_state(b, 1, EVSE_AVAILABLE);
    event = next(b, "Ended");
    assert_int_equal(time_of(event), BENCH_WALL_MS + b->now_ms);
    assert_int_equal(time_of(json_array_get(json_object_get(event, "meterValue"), 1)),
                     BENCH_WALL_MS + 310000);
    bench_free(b);
}

static void a_stepped_host_moves_what_waits_even_without_the_csms(void **state)
{
    (void)state;
    struct bench *b = offline_in_1970(false);
    session(b);
    b->wall_offset_ms = 0; /* NTP */
    bench_advance(b, 60000);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    bench_link_back(b);
    bench_advance(b, 2000); /* they are stored anew before they are sent */
    const json_t *event = next(b, "Started");
    assert_int_equal(time_of(event), BENCH_WALL_MS + 10000);
    event = next(b, "Ended");
    assert_int_equal(time_of(event), BENCH_WALL_MS + 670000);
    bench_free(b);
}

/* Two power cuts in 1970: nobody knows how long they were; the order stays, and nothing lies in the future. */
static void after_a_power_cut_times_are_as_good_as_can_be_known(void **state)
{
    (void)state;
    struct bench *b = offline_in_1970(false);
    session(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_settle(b);
    b->wall_offset_ms = -BENCH_WALL_MS - b->now_ms; /* it begins in 1970 again */
    int64_t start_ms = b->now_ms;
    bench_restart(b);
    bench_forget(b);
    bench_link_back(b);
    bench_advance(b, 2000); /* they are stored anew before they are sent */
    int64_t last = 0;
    for (int i = 0; i < 3; i++) {
        int64_t ms = time_of(bench_expect_later(b, "TransactionEvent", "{'offline': true}"));
        assert_true(ms >= last && ms >= BENCH_WALL_MS && ms <= BENCH_WALL_MS + start_ms + 60000);
        last = ms;
    }
    bench_free(b);
}

static void right_times_are_left_alone(void **state)
{
    (void)state;
    struct bench *b = offline_in_1970(false);
    b->wall_offset_ms = 0;
    session(b);
    b->wall_offset_ms = -BENCH_WALL_MS - b->now_ms; /* the clock's battery is empty, and it is cut off */
    bench_restart(b);
    bench_forget(b);
    bench_link_back(b);
    bench_advance(b, 2000); /* they are stored anew before they are sent */
    const json_t *event = next(b, "Started");
    assert_int_equal(time_of(event), BENCH_WALL_MS + 10000);
    bench_free(b);
}

/* The CSMS's time is known: what its clock does afterwards changes no past event. */
static void once_set_a_later_correction_moves_nothing(void **state)
{
    (void)state;
    const char *presets[] = { "AuthCtrlr.OfflineTxForUnknownIdEnabled=true", NULL };
    struct bench *b = session_bench(presets);
    bench_link_lost(b);
    session(b);
    b->csms_offset_ms = 3600000;
    bench_forget(b);
    bench_link_back(b);
    bench_advance(b, 2000); /* they are stored anew before they are sent */
    const json_t *event = next(b, "Started");
    assert_true(time_of(event) < BENCH_WALL_MS + 600000);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_before_the_clock_was_set_gets_its_time_afterwards),
        cmocka_unit_test(a_security_event_of_before_has_its_time_too),
        cmocka_unit_test(the_security_log_has_the_right_times_too),
        cmocka_unit_test(a_transaction_that_goes_on_has_no_jump_in_it),
        cmocka_unit_test(a_stepped_host_moves_what_waits_even_without_the_csms),
        cmocka_unit_test(after_a_power_cut_times_are_as_good_as_can_be_known),
        cmocka_unit_test(right_times_are_left_alone),
        cmocka_unit_test(once_set_a_later_correction_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
