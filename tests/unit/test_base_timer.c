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

/* A seeded walk of starts, restarts, stops and runs, beside a plain search for the earliest. */
static int earliest(const struct fixture *f)
{
    int best = -1;
    for (int i = 0; i < 200; i++) {
        const struct timer *t = &f->timer[i], *b = best < 0 ? NULL : &f->timer[best];
        if (t->active &&
            (!b || t->due_ms < b->due_ms || (t->due_ms == b->due_ms && t->sequence < b->sequence)))
            best = i;
    }
    return best;
}

static void any_mix_of_starts_and_stops_keeps_the_order(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t seed = 1;
    prepare(&f);
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1664525 + 1013904223;
        int which = (int)(seed >> 8) % 200, act = (int)(seed >> 24) % 4;
        if (act == 0)
            timer_stop(&f.timer[which]);
        else if (act < 3)
            timer_start_at(&f.timer[which], (int64_t)((seed >> 16) % 50) + step);
        int first = earliest(&f);
        assert_int_equal(timers_next_ms(&f.timers), first < 0 ? -1 : f.timer[first].due_ms);
        if (act < 3 || first < 0)
            continue;
        f.count = 0;
        timers_run(&f.timers, f.timer[first].due_ms);
        assert_int_equal(f.fired[0], first);
    }
}

static void count_change(void *ctx)
{
    ++*(int *)ctx;
}

static void the_loop_hears_of_a_new_earliest_time_only(void **state)
{
    (void)state;
    struct fixture f;
    int changes = 0;
    prepare(&f);
    f.timers.on_change = count_change;
    f.timers.ctx = &changes;
    timer_start_at(&f.timer[0], 100);
    assert_int_equal(changes, 1);
    timer_start_at(&f.timer[1], 200);
    timer_stop(&f.timer[1]);
    assert_int_equal(changes, 1);
    timer_start_at(&f.timer[0], 150); /* the same timer, another time */
    assert_int_equal(changes, 2);
    timer_stop(&f.timer[0]);
    assert_int_equal(changes, 3);
    timer_stop(&f.timer[0]);
    assert_int_equal(changes, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_the_order_of_their_time),
        cmocka_unit_test(equal_times_fire_in_the_order_of_starting),
        cmocka_unit_test(a_callback_may_stop_another_timer_that_is_due),
        cmocka_unit_test(what_a_callback_starts_waits_for_the_next_run),
        cmocka_unit_test(any_mix_of_starts_and_stops_keeps_the_order),
        cmocka_unit_test(the_loop_hears_of_a_new_earliest_time_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
