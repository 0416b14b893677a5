/* The loop: timers and sockets have their turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"

#define MANY 100

struct bench {
    struct loop loop;
    struct timer timer;
    uv_poll_t poll;
    int ends[2];
    int turns, heard_at;
};

static void on_timer(struct timer *timer, void *ctx)
{
    struct bench *b = ctx;
    if (b->turns++ == 0)
        assert_int_equal(write(b->ends[1], "x", 1), 1);
    if (b->turns < MANY)
        env_timer_start(&b->loop.env, timer, 0);
    else
        loop_stop(&b->loop);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct bench *b = poll->data;
    (void)status;
    (void)events;
    b->heard_at = b->turns;
    uv_poll_stop(poll);
}

/* Work that is cut into pieces by timers of 0 ms holds up nobody. */
static void a_timer_that_is_always_due_leaves_the_sockets_their_turn(void **state)
{
    (void)state;
    struct bench b = { 0 };
    assert_int_equal(loop_init(&b.loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b.ends), 0);
    assert_int_equal(uv_poll_init(&b.loop.uv, &b.poll, b.ends[0]), 0);
    b.poll.data = &b;
    uv_poll_start(&b.poll, UV_READABLE, on_readable);
    timer_init(&b.timer, &b.loop.timers, on_timer, &b);
    env_timer_start(&b.loop.env, &b.timer, 0);
    loop_run(&b.loop);
    assert_int_equal(b.turns, MANY);
    assert_int_equal(b.heard_at, 1);
    uv_close((uv_handle_t *)&b.poll, NULL);
    loop_done(&b.loop);
    close(b.ends[0]);
    close(b.ends[1]);
}

static void on_time(struct timer *timer, void *ctx)
{
    struct bench *b = ctx;
    (void)timer;
    b->turns++;
    loop_stop(&b->loop);
}

/* One that is due at once does not keep the later ones from theirs, nor they it. */
static void a_later_timer_fires_at_its_time(void **state)
{
    (void)state;
    struct bench b = { .turns = 1 };
    struct timer later;
    assert_int_equal(loop_init(&b.loop), 0);
    timer_init(&later, &b.loop.timers, on_time, &b);
    timer_init(&b.timer, &b.loop.timers, on_time, &b);
    int64_t began_ms = env_now_ms(&b.loop.env);
    env_timer_start(&b.loop.env, &later, 300);
    env_timer_start(&b.loop.env, &b.timer, 0);
    loop_run(&b.loop);
    assert_int_equal(b.turns, 2);
    assert_true(timer_is_active(&later));
    loop_run(&b.loop);
    assert_int_equal(b.turns, 3);
    assert_true(env_now_ms(&b.loop.env) - began_ms >= 300);
    loop_done(&b.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_that_is_always_due_leaves_the_sockets_their_turn),
        cmocka_unit_test(a_later_timer_fires_at_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
