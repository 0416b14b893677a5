/* Power of the site and its stations, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "gateway/power_history.h"

#define WALL_AHEAD_MS 1767225600000 /* 2026-01-01T00:00:00Z at the monotonic time 0 */

struct bench {
    struct gateway gateway;
    struct timers timers;
    struct power_history *history;
    int64_t now_ms;
    json_t *told;
};

static int64_t now_of(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static int64_t wall_of(void *ctx)
{
    return ((struct bench *)ctx)->now_ms + WALL_AHEAD_MS;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    timers_init(&b->timers);
    b->gateway.loop.env = (struct env){ b, now_of, wall_of, NULL, &b->timers };
    b->history = power_history_new(&b->gateway);
    assert_non_null(b->history);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    power_history_free(b->history);
    json_decref(b->told);
    free(b);
    return 0;
}

/* For ten seconds. */
static void draw(struct bench *b, const struct station_power *stations, size_t count)
{
    for (int i = 0; i < 5; i++, b->now_ms += 2000)
        power_history_add(b->history, stations, count);
}

static const json_t *ask(struct bench *b, const char *station, int64_t seconds, const char *member)
{
    json_decref(b->told);
    b->told = power_history_json(b->history, station, seconds);
    assert_non_null(b->told);
    return json_object_get(b->told, member);
}

static void check(const json_t *list, size_t index, double expected)
{
    const json_t *value = json_array_get(list, index);
    if (isnan(expected))
        assert_true(json_is_null(value));
    else
        assert_true(json_is_real(value) && fabs(json_real_value(value) - expected) < 0.06);
}

static void the_site_is_the_sum_of_what_is_known(void **state)
{
    struct bench *b = *state;
    draw(b, (struct station_power[]){ { "A", 1000 }, { "B", 2000 } }, 2);
    draw(b, (struct station_power[]){ { "A", 1500 }, { "B", NAN } }, 2);
    assert_true(power_history_now_W(b->history) == 1500);
    draw(b, (struct station_power[]){ { "A", NAN }, { "B", NAN } }, 2);
    assert_true(isnan(power_history_now_W(b->history)));
    draw(b, (struct station_power[]){ { "A", 0 }, { "B", 0 } }, 2);
    draw(b, (struct station_power[]){ { "A", 0 }, { "B", 0 } }, 2);
    static const double site[] = { 3000, 1500, NAN, 0 }, own[] = { 2000, NAN, NAN, 0 };
    const json_t *power = ask(b, NULL, 50, "powerW");
    assert_int_equal(json_array_size(power), 5);
    for (size_t i = 0; i < 4; i++)
        check(power, i, site[i]);
    power = ask(b, "B", 50, "powerW");
    for (size_t i = 0; i < 4; i++)
        check(power, i, own[i]);
    const json_t *energy = ask(b, NULL, 50, "energyWh");
    check(energy, 0, 8.3);
    check(energy, 2, NAN);
    assert_int_equal(json_get_int(b->told, "stepSeconds", 0), 10);
    assert_string_equal(json_get_string(b->told, "from", ""), "2026-01-01T00:00:00.000Z");
}

static void a_day_is_told_in_minutes_and_no_more(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 61; i++)
        draw(b, (struct station_power[]){ { "A", 60 } }, 1);
    const json_t *power = ask(b, "A", 1000000, "powerW");
    assert_int_equal(json_array_size(power), 1440);
    assert_int_equal(json_get_int(b->told, "stepSeconds", 0), 60);
    assert_string_equal(json_get_string(b->told, "from", ""), "2025-12-31T00:10:00.000Z");
    check(power, 1429, NAN);
    for (size_t i = 1430; i < 1440; i++)
        check(power, i, 60);
    check(ask(b, "A", 1000000, "energyWh"), 1439, 1);
    assert_int_equal(json_array_size(ask(b, "A", 0, "powerW")), 0);
}

static void nothing_is_known_of_an_unknown_station(void **state)
{
    struct bench *b = *state;
    draw(b, (struct station_power[]){ { "A", 60 } }, 1);
    const json_t *power = ask(b, "B", 100, "powerW");
    assert_int_equal(json_array_size(power), 10);
    for (size_t i = 0; i < 10; i++)
        check(power, i, NAN);
}

static void a_station_that_stays_by_its_id_keeps_its_past(void **state)
{
    struct bench *b = *state;
    draw(b, (struct station_power[]){ { "A", 100 }, { "B", 200 }, { "C", 300 } }, 3);
    draw(b, (struct station_power[]){ { "D", 400 }, { "C", 301 }, { "A", 101 } }, 3);
    draw(b, (struct station_power[]){ { "C", 302 }, { "B", 202 }, { "A", 102 }, { "D", 402 } }, 4);
    static const struct {
        const char *id;
        double power[2];
    } rows[] = { { "A", { 100, 101 } }, { "B", { NAN, NAN } }, { "C", { 300, 301 } }, { "D", { NAN, 400 } } };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const json_t *power = ask(b, rows[i].id, 30, "powerW");
        check(power, 0, rows[i].power[0]);
        check(power, 1, rows[i].power[1]);
    }
    check(ask(b, NULL, 30, "powerW"), 1, 802);
}

static void it_samples_by_itself(void **state)
{
    struct bench *b = *state;
    struct station_entry *none = NULL;
    b->gateway.stations = &none;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(timers_next_ms(&b->timers), b->now_ms + POWER_SAMPLE_MS);
        b->now_ms += POWER_SAMPLE_MS;
        timers_run(&b->timers, b->now_ms);
    }
    assert_true(isnan(power_history_now_W(b->history))); /* there is no station */
}

static void power_is_that_of_the_evse_or_of_its_phases(void **state)
{
    struct evse_signals signals = { 0 };
    (void)state;
    assert_true(isnan(power_of_evse_W(&signals)));
    signals.value[MEASURE_POWER_IMPORT_L1] = 1000;
    signals.value[MEASURE_POWER_IMPORT_L3] = 500;
    signals.measures = 1u << MEASURE_POWER_IMPORT_L1 | 1u << MEASURE_POWER_IMPORT_L3;
    assert_true(power_of_evse_W(&signals) == 1500);
    signals.value[MEASURE_POWER_IMPORT] = 1490;
    signals.measures |= 1u << MEASURE_POWER_IMPORT;
    assert_true(power_of_evse_W(&signals) == 1490);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_site_is_the_sum_of_what_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_day_is_told_in_minutes_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_known_of_an_unknown_station, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_station_that_stays_by_its_id_keeps_its_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_samples_by_itself, set_up, tear_down),
        cmocka_unit_test(power_is_that_of_the_evse_or_of_its_phases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
