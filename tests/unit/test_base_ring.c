/* The ring of the last records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ring.h"

struct seen {
    int count;
    char first[64], last[64];
};

static void look(void *ctx, const void *record, size_t len)
{
    struct seen *seen = ctx;
    assert_int_equal(strlen(record), len);
    if (seen->count++ == 0)
        snprintf(seen->first, sizeof(seen->first), "%.60s", (const char *)record);
    snprintf(seen->last, sizeof(seen->last), "%.60s", (const char *)record);
}

static void an_empty_ring_has_nothing(void **state)
{
    (void)state;
    struct ring ring;
    struct seen seen = { 0 };
    ring_init(&ring, 100);
    ring_each(&ring, look, &seen);
    assert_int_equal(seen.count, 0);
    assert_null(ring.bytes);
    ring_done(&ring);
}

static void the_oldest_make_room(void **state)
{
    (void)state;
    for (size_t size = 20; size < 60; size++) { /* every way to go around the end */
        struct ring ring;
        ring_init(&ring, size);
        for (int i = 0; i < 200; i++) {
            struct seen seen = { 0 };
            char text[16];
            snprintf(text, sizeof(text), "%.*s%d", i % 4, "abc", i);
            assert_int_equal(ring_add(&ring, text, strlen(text)), 0);
            ring_each(&ring, look, &seen);
            assert_string_equal(seen.last, text);
            assert_true(seen.count >= 2 || i == 0);
        }
        ring_done(&ring);
    }
}

static void what_is_too_long_is_cut_off(void **state)
{
    (void)state;
    struct ring ring;
    struct seen seen = { 0 };
    ring_init(&ring, 20);
    assert_int_equal(ring_add(&ring, "0123456789abcdefghij", 20), 0);
    assert_int_equal(ring_add(&ring, "", 0), 0);
    ring_each(&ring, look, &seen);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.first, "0123456789");
    assert_string_equal(seen.last, "");
    ring_done(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ring_has_nothing),
        cmocka_unit_test(the_oldest_make_room),
        cmocka_unit_test(what_is_too_long_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
