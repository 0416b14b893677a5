/* Timers: order, and what callbacks may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/timer.h"

struct fixture {
    struct timers timers;
    struct timer timer[200];
    int fired[400], count;
    struct timer *to_stop, *to_start;
};

static void on_timer(struct timer *timer, void *ctx)
{
    struct fixture *f = ctx;
    f->fired[f->count++] = (int)(timer - f->timer);
    if (f->to_stop)
        timer_stop(f->to_stop);
    if (f->to_start)
        timer_start_at(f->to_start, f->timers.now_ms);
}

static void prepare(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    timers_init(&f->timers);
    for (size_t i = 0; i < ARRAY_SIZE(f->timer); i++)
        timer_init(&f->timer[i], &f->timers, on_timer, f);
}

static void timers_fire_in_the_order_of_their_time(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    for (int i = 0; i < 200; i++)
        timer_start_at(&f.timer[i], (i * 37) % 200);
    for (int i = 0; i < 200; i += 3)
        timer_stop(&f.timer[i]);
    timers_run(&f.timers, 1000);
    for (int i = 1; i < f.count; i++)
        assert_true((f.fired[i - 1] * 37) % 200 < (f.fired[i] * 37) % 200);
    assert_int_equal(f.count, 133);
    assert_int_equal(timers_next_ms(&f.timers), -1);
}

static void equal_times_fire_in_the_order_of_starting(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    for (int i = 0; i < 100; i++)
        timer_start_at(&f.timer[i], 5);
    timer_start_at(&f.timer[0], 5); /* a restart goes to the end */
    timers_run(&f.timers, 5);
    assert_int_equal(f.fired[0], 1);
    assert_int_equal(f.fired[98], 99);
    assert_int_equal(f.fired[99], 0);
}

static void a_callback_may_stop_another_timer_that_is_due(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    timer_start_at(&f.timer[0], 1);
    timer_start_at(&f.timer[1], 1);
    f.to_stop = &f.timer[1];
    timers_run(&f.timers, 1);
    assert_int_equal(f.count, 1);
    assert_false(timer_is_active(&f.timer[1]));
}

static void what_a_callback_starts_waits_for_the_next_run(void **state)
{
    (void)state;
    struct fixture f;
    prepare(&f);
    timer_start_at(&f.timer[0], 1);
    f.to_start = &f.timer[0];
    timers_run(&f.timers, 1);
    assert_int_equal(f.count, 1);
    assert_int_equal(timers_next_ms(&f.timers), 1);
    timers_run(&f.timers, 1);
    assert_int_equal(f.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_the_order_of_their_time),
        cmocka_unit_test(equal_times_fire_in_the_order_of_starting),
        cmocka_unit_test(a_callback_may_stop_another_timer_that_is_due),
        cmocka_unit_test(what_a_callback_starts_waits_for_the_next_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
