/* Values over time, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/series.h"

#define HOUR_MS 3600000LL
#define T0      (1000 * HOUR_MS)

static double at(const struct series *series, int64_t now_ms, int64_t span_ms, size_t index)
{
    struct series_window window = series_window(now_ms, span_ms);
    assert_true(index < window.count);
    return series_at(series, &window, index);
}

static void a_window_is_fine_for_an_hour_and_coarse_beyond(void **state)
{
    static const struct {
        int64_t now_ms, span_ms, step_ms, from_ms;
        size_t count;
    } rows[] = {
        { T0, HOUR_MS, 10000, T0 - HOUR_MS, 360 },
        { T0 + 9999, HOUR_MS, 10000, T0 - HOUR_MS, 360 },
        { T0 + 10000, 1, 10000, T0, 1 },
        { T0, 25000, 10000, T0 - 30000, 3 },
        { T0, HOUR_MS + 1, 60000, T0 - 61 * 60000, 61 },
        { T0, 24 * HOUR_MS, 60000, T0 - 24 * HOUR_MS, 1440 },
        { T0, 1000 * HOUR_MS, 60000, T0 - 24 * HOUR_MS, 1440 },
        { T0, 0, 10000, T0, 0 },
        { T0, -5, 10000, T0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct series_window window = series_window(rows[i].now_ms, rows[i].span_ms);
        assert_int_equal(window.step_ms, rows[i].step_ms);
        assert_int_equal(window.from_ms, rows[i].from_ms);
        assert_int_equal(window.count, rows[i].count);
    }
}

static void a_step_is_the_mean_of_what_was_known_in_it(void **state)
{
    AUTO(series) *series = series_new();
    (void)state;
    series_add(series, T0, 1000);
    series_add(series, T0 + 2000, 2000);
    series_add(series, T0 + 4000, NAN);
    series_add(series, T0 + 8000, 6000);
    assert_true(isnan(at(series, T0 + 9999, 10000, 0))); /* the step is under way */
    series_add(series, T0 + 10000, 500);
    assert_true(at(series, T0 + 10000, 10000, 0) == 3000);
    series_add(series, T0 + 60000, 0);
    assert_true(at(series, T0 + 60000, 2 * HOUR_MS, 119) == 2375); /* of four values */
}

static void what_was_not_known_is_no_number(void **state)
{
    AUTO(series) *series = series_new();
    (void)state;
    series_add(series, T0, 1000);
    series_add(series, T0 + 10000, NAN);
    series_add(series, T0 + 40000, 2000); /* nothing was said for two steps */
    series_add(series, T0 + 50000, 3000);
    assert_true(isnan(at(series, T0 + 50000, 60000, 0)));
    assert_true(at(series, T0 + 50000, 50000, 0) == 1000);
    for (size_t i = 1; i <= 3; i++)
        assert_true(isnan(at(series, T0 + 50000, 50000, i)));
    assert_true(at(series, T0 + 50000, 50000, 4) == 2000);
    assert_true(isnan(at(series, T0 + 80000, 20000, 0))); /* nobody adds any more */
}

/* Of the fine step. */
static double number_of(int64_t ms)
{
    int64_t number = ms / SERIES_FINE_MS;
    return (double)number;
}

static void an_hour_of_steps_and_a_day_of_minutes_are_kept(void **state)
{
    AUTO(series) *series = series_new();
    int64_t end_ms = T0 + 30 * HOUR_MS;
    (void)state;
    for (int64_t ms = T0; ms <= end_ms; ms += 2000)
        series_add(series, ms, number_of(ms));
    struct series_window fine = series_window(end_ms, HOUR_MS);
    for (size_t i = 0; i < fine.count; i++)
        assert_true(series_at(series, &fine, i) == number_of(fine.from_ms) + (double)i);
    struct series_window coarse = series_window(end_ms, 24 * HOUR_MS);
    assert_int_equal(coarse.count, SERIES_COARSE_STEPS);
    for (size_t i = 0; i < coarse.count; i++)
        assert_true(series_at(series, &coarse, i) == number_of(coarse.from_ms) + (double)i * 6 + 2.5);
    fine.from_ms -= SERIES_FINE_MS; /* older than it keeps */
    assert_true(isnan(series_at(series, &fine, 0)));
}

static void a_long_silence_leaves_nothing_of_what_was_before(void **state)
{
    static const int64_t silences[] = { HOUR_MS, 24 * HOUR_MS, 25 * HOUR_MS, 999 * HOUR_MS };
    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(silences); k++) {
        AUTO(series) *series = series_new();
        for (int64_t ms = T0; ms < T0 + 2 * HOUR_MS; ms += 5000)
            series_add(series, ms, 100);
        int64_t now_ms = T0 + 2 * HOUR_MS + silences[k];
        series_add(series, now_ms, 200);
        struct series_window fine = series_window(now_ms, HOUR_MS);
        for (size_t i = 0; i < fine.count; i++)
            assert_true(isnan(series_at(series, &fine, i)));
        struct series_window coarse = series_window(now_ms, silences[k]);
        for (size_t i = 0; i < coarse.count; i++)
            assert_true(isnan(series_at(series, &coarse, i)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_fine_for_an_hour_and_coarse_beyond),
        cmocka_unit_test(a_step_is_the_mean_of_what_was_known_in_it),
        cmocka_unit_test(what_was_not_known_is_no_number),
        cmocka_unit_test(an_hour_of_steps_and_a_day_of_minutes_are_kept),
        cmocka_unit_test(a_long_silence_leaves_nothing_of_what_was_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
