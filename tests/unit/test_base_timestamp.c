/* Timestamps, by rows; and every day of 800 years both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/timestamp.h"

static void good_timestamps_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01T00:00:00.001Z", 1 },
        { "1969-12-31T23:59:59.999Z", -1 },
        { "2026-01-31T12:00:00.5Z", 1769860800500 },
        { "2026-01-31T12:00:00.123456789Z", 1769860800123 },
        { "2026-01-31t12:00:00z", 1769860800000 },
        { "2026-01-31T13:00:00+01:00", 1769860800000 },
        { "2026-01-31T06:30:00-05:30", 1769860800000 },
        { "2024-02-29T00:00:00+00:00", 1709164800000 },
        { "2000-02-29T00:00:00Z", 951782400000 },
        { "2016-12-31T23:59:60Z", 1483228800000 }, /* a leap second */
        { "9999-12-31T23:59:59.999Z", 253402300799999 },
        { "0000-01-01T00:00:00Z", -62167219200000 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ms = 12345;
        assert_int_equal(timestamp_parse(rows[i].text, &ms), 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void bad_timestamps_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-1-31T12:00:00Z",
        "2026-00-31T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "1900-02-29T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00+01",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:00Zx",
        "+026-01-31T12:00:00Z",
        " 2026-01-31T12:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ms = 0;
        assert_int_equal(timestamp_parse(rows[i], &ms), -EINVAL);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    char text[TIMESTAMP_SIZE];
    for (int64_t day = -146097; day < 146097; day++) {
        int64_t ms = 0, at = day * 86400000 + day % 1000 * 86399;
        timestamp_format(at, text);
        assert_int_equal(timestamp_parse(text, &ms), 0);
        assert_int_equal(ms, at);
    }
}

static void times_beyond_four_digits_become_the_nearest_end(void **state)
{
    (void)state;
    char text[TIMESTAMP_SIZE];
    timestamp_format(1769860800123, text);
    assert_string_equal(text, "2026-01-31T12:00:00.123Z");
    timestamp_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    timestamp_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_timestamps_are_read),
        cmocka_unit_test(bad_timestamps_are_refused),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(times_beyond_four_digits_become_the_nearest_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
