#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/access_bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "manage/access_internal.h"
#include "support/scratch.h"

static int64_t bench_now(void *ctx)
{
    return ((struct access_bench *)ctx)->now_ms;
}

static int64_t bench_wall(void *ctx)
{
    return ((struct access_bench *)ctx)->wall_ms;
}

static void open_all(struct access_bench *b)
{
    char text[256];
    if (store_open(&b->loop, b->path, text, sizeof(text), &b->store) < 0)
        fail_msg("%s", text);
    assert_int_equal(access_new(&b->loop, b->store, &b->access), 0);
}

static void close_all(struct access_bench *b)
{
    access_free(b->access);
    store_close(b->store);
    b->access = NULL;
    b->store = NULL;
}

int access_bench_set_up(void **state)
{
    struct access_bench *b = calloc(1, sizeof(*b));
    (void)snprintf(b->directory, sizeof(b->directory), "/tmp/test_access.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    (void)snprintf(b->path, sizeof(b->path), "%s/gateway.db", b->directory);
    assert_int_equal(loop_init(&b->loop), 0);
    b->now_ms = 5000;
    b->wall_ms = 1769900000000; /* 2026-01-31T22:53:20Z */
    b->loop.env.ctx = b;
    b->loop.env.now_ms = bench_now;
    b->loop.env.wall_ms = bench_wall;
    open_all(b);
    *state = b;
    return 0;
}

int access_bench_tear_down(void **state)
{
    struct access_bench *b = *state;
    close_all(b);
    loop_done(&b->loop);
    scratch_remove(b->directory);
    free(b);
    return 0;
}

void access_bench_restart(struct access_bench *b)
{
    close_all(b);
    open_all(b);
}

void access_bench_pass(struct access_bench *b, int64_t ms)
{
    b->now_ms += ms;
    b->wall_ms += ms;
}

void access_bench_on_answer(void *ctx, const struct access_result *result)
{
    struct access_bench *b = ctx;
    b->answers++;
    b->last = *result;
    assert_non_null(result->text);
    if (result->session)
        b->session = *result->session;
    b->last.session = result->session ? &b->session : NULL;
    uv_stop(&b->loop.uv); /* a turn of UV_RUN_ONCE whose timers have answered would wait for more */
}

int access_bench_wait(struct access_bench *b, int answers)
{
    assert_int_equal(b->answers, 0); /* never from inside */
    while (b->answers < answers)
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    assert_int_equal(b->answers, answers);
    b->answers = 0;
    return b->last.err;
}

static void on_written(void *ctx, int err)
{
    (void)err;
    *(bool *)ctx = true;
}

/* Twice: the first answer may let something be written again. */
void access_bench_settle(struct access_bench *b)
{
    for (int i = 0; i < 2; i++) {
        bool written = false;
        const struct record none = { RECORD_STATE, "settle", NULL };
        assert_int_equal(store_write(b->store, "bench", &none, 1, on_written, &written), 0);
        while (!written)
            uv_run(&b->loop.uv, UV_RUN_ONCE);
    }
}

int access_bench_login(struct access_bench *b, const char *user, const char *password, const char *peer)
{
    access_login(b->access, user, password, peer, access_bench_on_answer, b);
    int err = access_bench_wait(b, 1);
    assert_int_equal(err == 0, b->last.session != NULL);
    return err;
}

void access_bench_add_session(struct access_bench *b, const char *user)
{
    struct access_session session = { 0 };
    assert_int_equal(session_new(b->access, accounts_find(&b->access->users, user), &session), 0);
}

int access_bench_put(struct access_bench *b, const char *user, const char *password, enum role role,
                     bool is_new)
{
    access_put_user(
        b->access,
        &(struct access_change){ .user = user, .password = password, .role = role, .is_new = is_new },
        access_bench_on_answer, b);
    return access_bench_wait(b, 1);
}

int access_bench_set_up_first(struct access_bench *b, const char *token, const char *user,
                              const char *password)
{
    access_setup(
        b->access,
        &(struct access_change){ .setup_token = token, .user = user, .password = password, .peer = PEER },
        access_bench_on_answer, b);
    int err = access_bench_wait(b, 1);
    assert_int_equal(err == 0, b->last.session != NULL);
    return err;
}
