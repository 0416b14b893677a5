/* Short of memory: each allocation of a path fails once. Every question is answered once, and what is not told to be there is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/json.h"
#include "support/access_bench.h"
#include "support/short_memory.h"

/* Until none is left to fail; `act` returns whether it had all it wanted. */
static void with_each_failing(struct access_bench *b, bool (*act)(struct access_bench *b), int at_least)
{
    int fail_at = 1;
    for (;; fail_at++) {
        count_from_now(fail_at);
        bool whole = act(b);
        memory.counting = false;
        if (memory.count < fail_at) {
            assert_true(whole);
            break;
        }
    }
    assert_true(fail_at > at_least); /* the allocators are ours */
}

static bool answer_is_whole(struct access_bench *b)
{
    int err = access_bench_wait(b, 1);
    assert_true(err == 0 || err == -ENOMEM);
    return err == 0;
}

static bool log_in(struct access_bench *b)
{
    access_login(b->access, "ann", PASSWORD, PEER, access_bench_on_answer, b);
    bool whole = answer_is_whole(b);
    assert_int_equal(whole, b->last.session != NULL);
    return whole;
}

static bool make_bob(struct access_bench *b)
{
    access_put_user(
        b->access,
        &(struct access_change){ .user = "bob", .password = PASSWORD, .role = ROLE_VIEWER, .is_new = true },
        access_bench_on_answer, b);
    bool whole = answer_is_whole(b);
    memory.counting = false;
    assert_int_equal(access_delete_user(b->access, "bob"), whole ? 0 : -ENOENT);
    access_bench_settle(b);
    return whole;
}

static bool make_token(struct access_bench *b)
{
    char secret[ACCESS_SECRET_SIZE];
    int r = access_new_token(b->access, "a", ROLE_VIEWER, 0, secret);
    memory.counting = false;
    assert_true(r == 0 || r == -ENOMEM);
    assert_int_equal(access_delete_token(b->access, "a"), r == 0 ? 0 : -ENOENT);
    access_bench_settle(b);
    return r == 0;
}

static bool list(struct access_bench *b)
{
    AUTO(json_t) *users = access_users(b->access);
    AUTO(json_t) *tokens = access_tokens(b->access);
    return json_array_size(users) == 1 && json_array_size(tokens) == 1;
}

static bool begin(struct access_bench *b)
{
    struct access *access = NULL;
    int r = access_new(&b->loop, b->store, &access);
    assert_true((r == 0) == (access != NULL));
    assert_true(r == 0 || r == -ENOMEM);
    assert_null(access ? access_setup_token(access) : NULL); /* a user that could not be read is not none */
    access_free(access);
    return r == 0;
}

static void without_memory_nothing_is_half_done(void **state)
{
    struct access_bench *b = *state;
    char secret[ACCESS_SECRET_SIZE];
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
    with_each_failing(b, log_in, 3);
    with_each_failing(b, make_bob, 3);
    with_each_failing(b, make_token, 1);
    assert_int_equal(access_new_token(b->access, "b", ROLE_VIEWER, b->wall_ms + 1, secret), 0);
    access_bench_settle(b);
    with_each_failing(b, list, 20);
    with_each_failing(b, begin, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_half_done, access_bench_set_up,
                                        access_bench_tear_down),
    };
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
