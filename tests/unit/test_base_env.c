/* Chance and names: what env makes of random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/env.h"
#include "base/evse.h"
#include "base/record.h"

struct world {
    int64_t now_ms;
    const uint32_t *numbers;
};

static int64_t now_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms + 1000;
}

static void random_numbers(void *ctx, void *ret, size_t len)
{
    struct world *w = ctx;
    for (size_t i = 0; i < len; i += sizeof(uint32_t))
        memcpy((char *)ret + i, w->numbers++, sizeof(uint32_t));
}

static void random_numbers_favour_none(void **state)
{
    (void)state;
    static const uint32_t numbers[] = { 0, 1, 3, 4, UINT32_MAX };
    struct world w = { .numbers = numbers };
    const struct env env = { .ctx = &w, .now_ms = now_ms, .wall_ms = wall_ms, .random = random_numbers };
    /* 2^32 = 1 mod 3 = 1 mod 5: 0 is drawn again */
    assert_int_equal(env_random(&env, 3), 1 % 3);
    assert_int_equal(env_random(&env, 5), 3);
    assert_int_equal(env_random(&env, 1), 0);
    assert_int_equal(env_random(&env, 2), 1);
}

static void a_uuid_has_its_version_and_variant(void **state)
{
    (void)state;
    static const uint32_t numbers[] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0, 0, 0, 0 };
    struct world w = { .numbers = numbers };
    const struct env env = { .ctx = &w, .random = random_numbers };
    char uuid[UUID_SIZE];
    env_uuid(&env, uuid);
    assert_string_equal(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    env_uuid(&env, uuid);
    assert_string_equal(uuid, "00000000-0000-4000-8000-000000000000");
}

static void count(struct timer *timer, void *ctx)
{
    (void)timer;
    ++*(int *)ctx;
}

static void a_timer_counts_from_now(void **state)
{
    (void)state;
    struct timers timers;
    struct timer timer;
    struct world w = { .now_ms = 500 };
    const struct env env = { .ctx = &w, .now_ms = now_ms, .wall_ms = wall_ms, .timers = &timers };
    int fired = 0;
    timers_init(&timers);
    timer_init(&timer, &timers, count, &fired);
    env_timer_start(&env, &timer, 100);
    assert_int_equal(timers_next_ms(&timers), 600);
    timers_run(&timers, 599);
    assert_int_equal(fired, 0);
    timers_run(&timers, 600);
    assert_int_equal(fired, 1);
    assert_int_equal(env_wall_ms(&env), 1500);
}

static void every_enumerator_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORD_KINDS; i++)
        assert_non_null(record_kind_names[i]);
    for (size_t i = 0; i < EVSE_STATES; i++)
        assert_non_null(evse_state_names[i]);
    for (size_t i = 0; i < MEASURES; i++)
        assert_non_null(evse_measure_names[i]);
    for (size_t i = 0; i < EVSE_COMMANDS; i++)
        assert_non_null(evse_command_names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers_favour_none),
        cmocka_unit_test(a_uuid_has_its_version_and_variant),
        cmocka_unit_test(a_timer_counts_from_now),
        cmocka_unit_test(every_enumerator_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
