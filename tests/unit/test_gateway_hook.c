/* Programs of the installer's: what their end is told as, also where they cannot be run at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/hook.h"

#define NOT_YET 1000

static int set_up(void **state)
{
    static struct loop loop;
    *state = &loop;
    return loop_init(&loop);
}

static int tear_down(void **state)
{
    loop_done(*state);
    return 0;
}

static int last_status;

static void on_ended(void *ctx, int status)
{
    last_status = status;
    loop_stop(ctx);
}

static int run(struct loop *loop, const char *const *argv, int64_t timeout_ms)
{
    last_status = NOT_YET;
    assert_non_null(hook_start(loop, argv, timeout_ms, on_ended, loop));
    assert_int_equal(last_status, NOT_YET); /* never from inside */
    loop_run(loop);
    return last_status;
}

static void the_end_is_told_by_its_status(void **state)
{
    assert_int_equal(run(*state, (const char *[]){ "/bin/sh", "-c", "exit 3", NULL }, 10000), 3);
    assert_int_equal(run(*state, (const char *[]){ "/bin/sh", "-c", "kill -9 $$", NULL }, 10000), -EINTR);
    assert_int_equal(run(*state, (const char *[]){ "/bin/sh", "-c", "sleep 60", NULL }, 50), -ETIMEDOUT);
    assert_int_equal(run(*state, (const char *[]){ "/there/is/none", NULL }, 10000), -ENOENT);
}

static void a_program_that_leaves_another_running_has_ended(void **state)
{
    assert_int_equal(run(*state, (const char *[]){ "/bin/sh", "-c", "sleep 2 & exit 0", NULL }, 10000), 0);
}

static void without_a_free_descriptor_it_cannot_be_run(void **state)
{
    struct rlimit before, none;
    int lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ (rlim_t)lowest, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int status = run(*state, (const char *[]){ "/bin/true", NULL }, 10000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, -EMFILE);
}

static void one_that_is_killed_tells_nothing(void **state)
{
    last_status = NOT_YET;
    hook_kill(hook_start(*state, (const char *[]){ "/bin/sleep", "60", NULL }, 10000, on_ended, *state));
    hook_kill(NULL);
    assert_int_equal(run(*state, (const char *[]){ "/bin/true", NULL }, 10000), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_end_is_told_by_its_status),
        TEST(a_program_that_leaves_another_running_has_ended),
        TEST(without_a_free_descriptor_it_cannot_be_run),
        TEST(one_that_is_killed_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
