/* Wrong tries make the next one wait: the table by itself, then what is counted of logins, setup and tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "manage/access_throttle.h"
#include "support/access_bench.h"

/* ---- the table ---- */

static int64_t clock_ms;

static int64_t now(void *ctx)
{
    (void)ctx;
    return clock_ms;
}

static void sevens(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    memset(ret, 7, len);
}

static const struct env env = { .now_ms = now, .wall_ms = now, .random = sevens };
static struct throttle throttle;

static int start_anew(void **state)
{
    (void)state;
    clock_ms = 1000000;
    throttle_init(&throttle, &env, 15 * MINUTE_MS, THROTTLE_FORGET_MS);
    return 0;
}

static void each_wrong_try_after_the_fourth_doubles_the_wait(void **state)
{
    (void)state;
    static const int64_t seconds[] = { 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900 };
    for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
        throttle_count(&throttle, "ann");
        assert_int_equal(throttle_wait_ms(&throttle, "ann"), seconds[i] * 1000);
        assert_int_equal(throttle_wait_ms(&throttle, "bob"), 0);
        if (seconds[i] > 0) {
            clock_ms += seconds[i] * 1000 - 1;
            assert_int_equal(throttle_wait_ms(&throttle, "ann"), 1);
            clock_ms++;
        }
        assert_int_equal(throttle_wait_ms(&throttle, "ann"), 0);
    }
    for (int i = 0; i < 100; i++)
        throttle_count(&throttle, "ann");
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 900 * 1000);
}

static void count(const char *key, int times)
{
    for (int i = 0; i < times; i++)
        throttle_count(&throttle, key);
}

static void wrong_tries_are_forgotten_after_an_hour(void **state)
{
    (void)state;
    count("ann", 8);
    clock_ms += HOUR_MS - 1;
    count("ann", 1);
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 16000);
    clock_ms += HOUR_MS;
    count("ann", 4);
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 0);
    count("ann", 1);
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 1000);
    throttle_forget(&throttle, "ann");
    throttle_forget(&throttle, "bob");
    assert_int_equal(throttle.count, 0);
}

static void the_longest_wait_is_the_tables_own(void **state)
{
    (void)state;
    throttle_init(&throttle, &env, 4000, THROTTLE_FORGET_MS);
    count("ann", 7);
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 4000);
    count("ann", 100);
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 4000);
}

static void a_try_taken_back_leaves_no_trace(void **state)
{
    (void)state;
    count("ann", 6);
    clock_ms += 2000;
    count("ann", 1);
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 4000);
    throttle_take_back(&throttle, "ann");
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 0);
    count("ann", 1);
    assert_int_equal(throttle_wait_ms(&throttle, "ann"), 4000);
    count("bob", 1);
    throttle_take_back(&throttle, "bob");
    throttle_take_back(&throttle, "bob");
    assert_int_equal(throttle.count, 1);
}

static void the_table_is_bounded_and_the_oldest_makes_room(void **state)
{
    (void)state;
    char key[16];
    count("oldest", 6);
    clock_ms++;
    count("ann", 6);
    for (int i = 2; i < THROTTLE_KEYS + 1; i++) {
        assert_int_equal(throttle_wait_ms(&throttle, "oldest") > 0, true);
        (void)snprintf(key, sizeof(key), "k%d", i);
        clock_ms++;
        count(key, 1);
    }
    assert_int_equal(throttle.count, THROTTLE_KEYS);
    assert_int_equal(throttle_wait_ms(&throttle, "oldest"), 0);
    assert_true(throttle_wait_ms(&throttle, "ann") > 0);
}

static void an_address_counts_with_its_neighbours_where_they_are_one_host(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *key;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1" },
        { "::ffff:192.0.2.1", "192.0.2.1" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" },
        { "2001:db8:1:2::9", "2001:db8:1:2::" },
        { "2001:db8:1:3::9", "2001:db8:1:3::" },
        { "::1", "::" },
        { "fe80::1%eth0", "fe80::1%eth0" },
        { "", "" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char key[THROTTLE_PEER_SIZE];
        throttle_peer_key(rows[i].peer, key);
        assert_string_equal(key, rows[i].key);
    }
}

/* ---- logins ---- */

static void guess(struct access_bench *b, const char *user, const char *peer, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(access_bench_login(b, user, "not the password", peer), -EACCES);
}

static void who_tries_a_name_at_one_address_waits_long_there(void **state)
{
    struct access_bench *b = *state;
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
    guess(b, "ann", PEER, 5);
    for (int wait_s = 1; wait_s <= 64; wait_s *= 2) {
        assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), -EAGAIN);
        assert_int_equal(b->last.retry_after_s, wait_s);
        access_bench_pass(b, wait_s * 1000 - 500);
        assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), -EAGAIN);
        assert_int_equal(b->last.retry_after_s, 1); /* rounded up */
        access_bench_pass(b, 500);
        guess(b, "ann", PEER, 1);
    }
}

/* Who tries the name without end, at many addresses, leaves its owner a few seconds at most. */
static void a_name_waits_shortly_whoever_tries_it(void **state)
{
    struct access_bench *b = *state;
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
    for (int i = 0; i < 20; i++) {
        char peer[16];
        (void)snprintf(peer, sizeof(peer), "192.0.2.%d", i);
        access_bench_pass(b, 4000);
        guess(b, "ann", peer, 1);
    }
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, "198.51.100.1"), -EAGAIN);
    assert_int_equal(b->last.retry_after_s, 4);
    access_bench_pass(b, 4000);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, "198.51.100.1"), 0);
    guess(b, "ann", "198.51.100.2", 4); /* who got in has all tries again */
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, "198.51.100.3"), 0);
}

static void where_a_user_was_before_no_stranger_keeps_that_user_out(void **state)
{
    struct access_bench *b = *state;
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
    assert_int_equal(access_bench_put(b, "bob", PASSWORD, ROLE_VIEWER, true), 0);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    access_bench_pass(b, 24 * HOUR_MS);
    guess(b, "ann", "192.0.2.2", 5); /* the name elsewhere */
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, "192.0.2.3"), -EAGAIN);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    guess(b, "bob", PEER, 5); /* another name at the same address */
    assert_int_equal(access_bench_login(b, "bob", PASSWORD, PEER), -EAGAIN);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    guess(b, "ann", PEER, 5); /* but what is tried there counts there */
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), -EAGAIN);
}

static void who_has_set_up_was_there_before(void **state)
{
    struct access_bench *b = *state;
    assert_int_equal(access_bench_set_up_first(b, access_setup_token(b->access), "ann", PASSWORD), 0);
    guess(b, "ann", "192.0.2.2", 5);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
}

static void an_unknown_user_waits_as_a_known_one(void **state)
{
    struct access_bench *b = *state;
    guess(b, "nobody", "192.0.2.1", 3);
    guess(b, "nobody", "192.0.2.2", 2);
    assert_int_equal(access_bench_login(b, "nobody", PASSWORD, "192.0.2.3"), -EAGAIN);
    assert_int_equal(b->last.retry_after_s, 1);
}

static void an_address_waits_whoever_is_tried(void **state)
{
    struct access_bench *b = *state;
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
    for (int i = 0; i < 5; i++) {
        char user[8];
        (void)snprintf(user, sizeof(user), "u%d", i);
        guess(b, user, PEER, 1);
    }
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), -EAGAIN);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, "192.0.2.9"), 0);
    access_bench_pass(b, 1000);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0); /* a right one costs no wait */
    guess(b, "u9", PEER, 1);
    assert_int_equal(access_bench_login(b, "bob", PASSWORD, PEER), -EAGAIN); /* but forgives no wrong ones */
    assert_int_equal(b->last.retry_after_s, 2);
    for (int i = 10; i < 20; i++) {
        char user[8];
        (void)snprintf(user, sizeof(user), "u%d", i);
        access_bench_pass(b, 4000);
        guess(b, user, PEER, 1);
    }
    assert_int_equal(access_bench_login(b, "bob", PASSWORD, PEER), -EAGAIN); /* nor does it wait long */
    assert_int_equal(b->last.retry_after_s, 4);
}

static void who_is_on_this_host_is_counted_by_user_only(void **state)
{
    struct access_bench *b = *state;
    for (int i = 0; i < 6; i++) {
        char user[8];
        (void)snprintf(user, sizeof(user), "u%d", i);
        guess(b, user, i % 2 ? "" : NULL, 1);
    }
}

/* Each counts before it is compared. */
static void many_tries_at_once_gain_nothing(void **state)
{
    struct access_bench *b = *state;
    for (int i = 0; i < 10; i++)
        access_login(b->access, "ann", "guess", PEER, access_bench_on_answer, b);
    assert_int_equal(access_bench_wait(b, 10), -EACCES);
    assert_int_equal(access_bench_login(b, "ann", "guess", PEER), -EAGAIN);
    assert_int_equal(b->last.retry_after_s, 1); /* five were compared, the others came too early */
}

static void setup_tokens_are_counted(void **state)
{
    struct access_bench *b = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(access_bench_set_up_first(b, "guess", "ann", PASSWORD), -EACCES);
    assert_int_equal(access_bench_set_up_first(b, access_setup_token(b->access), "ann", PASSWORD), -EAGAIN);
    assert_int_equal(b->last.retry_after_s, 1);
    access_bench_pass(b, 1000);
    assert_int_equal(access_bench_set_up_first(b, access_setup_token(b->access), "ann", PASSWORD), 0);
}

static void old_passwords_are_counted(void **state)
{
    struct access_bench *b = *state;
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
    for (int i = 0; i < 6; i++) {
        access_change_password(
            b->access,
            &(struct access_change){
                .user = "ann", .old_password = "guess", .password = "another password", .peer = PEER },
            access_bench_on_answer, b);
        assert_int_equal(access_bench_wait(b, 1), i < 5 ? -EACCES : -EAGAIN);
    }
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, "192.0.2.9"), -EAGAIN);
}

/* ---- tokens ---- */

static int ask_token(struct access_bench *b, const char *secret, const char *peer, enum role role)
{
    char name[ACCESS_NAME_SIZE];
    int retry_after_s = -1;
    assert_int_equal(access_find_token(b->access, secret, peer, name, &retry_after_s), role);
    return retry_after_s;
}

static void wrong_tokens_are_counted_and_right_ones_pass(void **state)
{
    struct access_bench *b = *state;
    char token[ACCESS_SECRET_SIZE], old[ACCESS_SECRET_SIZE];
    assert_int_equal(access_bench_put(b, "ann", PASSWORD, ROLE_ADMIN, true), 0);
    assert_int_equal(access_new_token(b->access, "a", ROLE_VIEWER, 0, token), 0);
    assert_int_equal(access_new_token(b->access, "old", ROLE_VIEWER, b->wall_ms + 1, old), 0);
    access_bench_pass(b, 1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(ask_token(b, old, PEER, ROLE_NONE), 0); /* no guess */
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask_token(b, "wrong", PEER, ROLE_NONE), 0);
    assert_int_equal(ask_token(b, "wrong", PEER, ROLE_NONE), 1);
    assert_int_equal(ask_token(b, "wrong", PEER, ROLE_NONE), 1); /* too early ones do not count */
    assert_int_equal(ask_token(b, token, PEER, ROLE_VIEWER), 0);
    assert_int_equal(ask_token(b, "wrong", "192.0.2.9", ROLE_NONE), 0);
    assert_int_equal(access_bench_login(b, "ann", PASSWORD, PEER), 0); /* people do not wait for machines */
    access_bench_pass(b, 1000);
    assert_int_equal(ask_token(b, "wrong", PEER, ROLE_NONE), 0);
    assert_int_equal(ask_token(b, "wrong", PEER, ROLE_NONE), 2);
}

#define TABLE(name) cmocka_unit_test_setup(name, start_anew)
#define TEST(name)  cmocka_unit_test_setup_teardown(name, access_bench_set_up, access_bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TABLE(each_wrong_try_after_the_fourth_doubles_the_wait),
        TABLE(wrong_tries_are_forgotten_after_an_hour),
        TABLE(the_longest_wait_is_the_tables_own),
        TABLE(a_try_taken_back_leaves_no_trace),
        TABLE(the_table_is_bounded_and_the_oldest_makes_room),
        TABLE(an_address_counts_with_its_neighbours_where_they_are_one_host),
        TEST(who_tries_a_name_at_one_address_waits_long_there),
        TEST(a_name_waits_shortly_whoever_tries_it),
        TEST(where_a_user_was_before_no_stranger_keeps_that_user_out),
        TEST(who_has_set_up_was_there_before),
        TEST(an_unknown_user_waits_as_a_known_one),
        TEST(an_address_waits_whoever_is_tried),
        TEST(who_is_on_this_host_is_counted_by_user_only),
        TEST(many_tries_at_once_gain_nothing),
        TEST(setup_tokens_are_counted),
        TEST(old_passwords_are_counted),
        TEST(wrong_tokens_are_counted_and_right_ones_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
