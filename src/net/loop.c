/* Glue between libuv and base/timer.h: one uv_timer is armed for the earliest timer of the heap. It always
 * runs, so that the loop never ends by itself. */
#include "net/loop.h"

#include <assert.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"

#define IDLE_MS (24LL * 3600 * 1000) /* the timer's period while no timer of ours runs */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_MONOTONIC);
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_REALTIME);
}

static void random_bytes(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    for (size_t done = 0; done < len;) {
        ssize_t n = getrandom((char *)ret + done, len - done, 0);
        assert(n > 0 || errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
}

static void on_uv_timer(uv_timer_t *timer);
static void on_uv_check(uv_check_t *check);

static void on_uv_idle(uv_idle_t *idle)
{
    (void)idle; /* while it runs, the loop looks at sockets and does not wait for them */
}

/* What is due at once gets its turn after the sockets had theirs: a uv_timer of 0 ms that a timer starts would fire once more before.
 *
 * libuv counts from its own time of this turn's start, which may be earlier than now: the timer may fire early
 * by that much, finds nothing due, and is armed again. */
static void arm(void *ctx)
{
    struct loop *loop = ctx;
    int64_t next = timers_next_ms(&loop->timers);
    int64_t delay = next < 0 ? IDLE_MS : next - now_ms(NULL);
    if (delay > 0) {
        uv_idle_stop(&loop->idle);
        uv_check_stop(&loop->check);
        uv_timer_start(&loop->timer, on_uv_timer, (uint64_t)delay, 0);
    } else {
        uv_timer_stop(&loop->timer);
        uv_idle_start(&loop->idle, on_uv_idle);
        uv_check_start(&loop->check, on_uv_check);
    }
}

static void run_timers(struct loop *loop)
{
    timers_run(&loop->timers, now_ms(NULL));
    arm(loop);
}

static void on_uv_timer(uv_timer_t *timer)
{
    run_timers(timer->data);
}

static void on_uv_check(uv_check_t *check)
{
    run_timers(check->data);
}

int loop_init(struct loop *loop)
{
    *loop = (struct loop){ 0 };
    int r = uv_loop_init(&loop->uv);
    if (r < 0)
        return r;

    timers_init(&loop->timers);
    loop->timers.now_ms = now_ms(NULL);
    loop->timers.on_change = arm;
    loop->timers.ctx = loop;
    loop->env = (struct env){
        .ctx = loop,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .random = random_bytes,
        .timers = &loop->timers,
    };
    uv_timer_init(&loop->uv, &loop->timer);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_check_init(&loop->uv, &loop->check);
    loop->timer.data = loop;
    loop->check.data = loop;
    arm(loop);
    return 0;
}

void loop_run(struct loop *loop)
{
    loop->stopping = false;
    while (!loop->stopping)
        uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    uv_stop(&loop->uv);
}

static void find_open(uv_handle_t *handle, void *ctx)
{
    const char **ret_kind = ctx;
    if (!uv_is_closing(handle))
        *ret_kind = uv_handle_type_name(handle->type);
}

void loop_done(struct loop *loop)
{
    loop->timers.on_change = NULL;
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    while (uv_loop_close(&loop->uv) == UV_EBUSY) {
        const char *kind = NULL;
        uv_walk(&loop->uv, find_open, &kind);
        if (kind) {
            log_error(LOG_NET, "a handle was left open at the end of the loop: kind=%s", kind);
            return;
        }
        uv_run(&loop->uv, UV_RUN_ONCE);
    }
}
