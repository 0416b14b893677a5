/* How a limit follows its meter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "gateway/meters.h"

static void a_limit_falls_at_once_and_rises_when_it_is_worth_it(void **state)
{
    static const struct {
        double now, allowed, hysteresis, next;
    } rows[] = {
        { NAN, 17.8, 1, 17 },      { 17, 17.9, 1, 17 },       { 17, 16.9, 1, 16 },
        { 16, 17.1, 1, 16 },       { 16, 17.99, 1, 16 },      { 16, 18, 1, 18 },
        { 16, 25.4, 1, 25 },       { 16, -3, 1, 0 },          { 0, 1.9, 1, 0 },
        { NAN, 0.4, 1, 0 },        { 16, 16, 1, 16 },         { 16, 15.99999999999, 1, 16 },
        { 5000, 5499, 250, 5000 }, { 5000, 5501, 250, 5500 }, { 5000, 4999, 250, 4750 },
        { 16, 16.1, 0, 16.1 },     { 16, 15.9, 0, 15.9 },     { NAN, -1, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_float_equal(meters_step(rows[i].now, rows[i].allowed, rows[i].hysteresis), rows[i].next, 1e-9);
}

/* However the value trembles, the limit is never above it, and does not follow a tremble of less than a step. */
static void a_trembling_value_changes_nothing(void **state)
{
    double now = NAN;
    int changes = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        double allowed = 16 + 0.9 * sin(i * 1.7);
        double next = meters_step(now, allowed, 1);
        assert_true(next <= allowed);
        changes += next != now;
        now = next;
    }
    assert_true(changes <= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_falls_at_once_and_rises_when_it_is_worth_it),
        cmocka_unit_test(a_trembling_value_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
