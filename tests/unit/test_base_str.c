/* Text: strict numbers, durations, hex, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"

static void a_copy_is_bounded_and_terminated(void **state)
{
    (void)state;
    char text[4];
    assert_int_equal(str_copy(text, sizeof(text), "abc"), 0);
    assert_string_equal(text, "abc");
    assert_int_equal(str_copy(text, sizeof(text), "abcd"), -ENAMETOOLONG);
    assert_string_equal(text, "abc");
    assert_int_equal(str_copy(text, 1, "x"), -ENAMETOOLONG);
    assert_string_equal(text, "");
}

static void texts_are_compared(void **state)
{
    (void)state;
    assert_true(str_equal("a", "a"));
    assert_false(str_equal("a", "A"));
    assert_false(str_equal("a", NULL));
    assert_true(str_equal(NULL, NULL));
    assert_true(str_equal_ci("MaxLimit", "mAXlIMIT"));
    assert_false(str_equal_ci("a", "ab"));
    assert_false(str_equal_ci("[", "{")); /* only letters fold */
    assert_true(str_starts("energy_import", "energy"));
    assert_false(str_starts("en", "energy"));
}

static void whole_numbers_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } rows[] = {
        { "0", 0, 0 },
        { "-5", 0, -5 },
        { "+7", 0, 7 },
        { "007", 0, 7 },
        { "9223372036854775807", 0, INT64_MAX },
        { "-9223372036854775808", 0, INT64_MIN },
        { "9223372036854775808", -ERANGE, 0 },
        { "-9223372036854775809", -ERANGE, 0 },
        { "99999999999999999999999", -ERANGE, 0 },
        { "", -EINVAL, 0 },
        { "-", -EINVAL, 0 },
        { " 1", -EINVAL, 0 },
        { "1 ", -EINVAL, 0 },
        { "1.0", -EINVAL, 0 },
        { "--1", -EINVAL, 0 },
        { "0x10", -EINVAL, 0 },
        { "1e3", -EINVAL, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t value = 0;
        assert_int_equal(str_to_int64(rows[i].text, &value), rows[i].result);
        assert_int_equal(value, rows[i].value);
    }
}

static void a_range_and_hex_are_understood(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_int_equal(str_to_int("0x1F", 0, 255, &value), 0);
    assert_int_equal(value, 31);
    assert_int_equal(str_to_int("256", 0, 255, &value), -ERANGE);
    assert_int_equal(str_to_int("-0x10", -16, 0, &value), 0);
    assert_int_equal(value, -16);
    assert_int_equal(str_to_int("0x", 0, 255, &value), -EINVAL);
    assert_int_equal(str_to_int("0xG", 0, 255, &value), -EINVAL);
}

static void decimal_numbers_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        double value;
    } rows[] = {
        { "0.1", 0, 0.1 },    { "-2.5e3", 0, -2500 }, { ".5", 0, 0.5 },       { "1e999", -ERANGE, 0 },
        { "", -EINVAL, 0 },   { "1,5", -EINVAL, 0 },  { "nan", -EINVAL, 0 },  { "inf", -EINVAL, 0 },
        { "1 ", -EINVAL, 0 }, { "e", -EINVAL, 0 },    { "0x10", -EINVAL, 0 }, { "1.2.3", -EINVAL, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        double value = 0;
        assert_int_equal(str_to_double(rows[i].text, &value), rows[i].result);
        assert_true(value == rows[i].value);
    }
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        int64_t ms;
    } rows[] = {
        { "500ms", 0, 500 },
        { "2s", 0, 2000 },
        { "1.5s", 0, 1500 },
        { "5min", 0, 300000 },
        { "1h", 0, 3600000 },
        { "1d", 0, 86400000 },
        { "0", 0, 0 },
        { "5", -EINVAL, 0 },
        { "5 s", -EINVAL, 0 },
        { "-1s", -EINVAL, 0 },
        { "s", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "1.2.3s", -EINVAL, 0 },
        { "5m", -EINVAL, 0 },
        { "99999999999999d", -ERANGE, 0 },
        { "1e3s", -EINVAL, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ms = 0;
        assert_int_equal(str_to_duration_ms(rows[i].text, &ms), rows[i].result);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[3];
    char text[7], short_text[4];
    assert_int_equal(hex_decode("00fFa5", bytes, sizeof(bytes)), 3);
    hex_encode(bytes, 3, text, sizeof(text));
    assert_string_equal(text, "00FFA5");
    hex_encode(bytes, 3, short_text, sizeof(short_text));
    assert_string_equal(short_text, "00");
    assert_int_equal(hex_decode("", bytes, sizeof(bytes)), 0);
    assert_int_equal(hex_decode("0", bytes, sizeof(bytes)), -EINVAL);
    assert_int_equal(hex_decode("0g", bytes, sizeof(bytes)), -EINVAL);
    assert_int_equal(hex_decode("00112233", bytes, sizeof(bytes)), -ENOSPC);
}

static void utf8_is_counted_in_characters_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        int64_t result;
    } rows[] = {
        { "", 0, 0 },
        { "abc", 3, 3 },
        { "a\0b", 3, 3 },
        { "\xC3\xA4", 2, 1 },
        { "\xE2\x82\xAC", 3, 1 },
        { "\xF0\x9F\x9A\x97", 4, 1 },
        { "\xF4\x8F\xBF\xBF", 4, 1 },
        { "\xC3", 1, -EINVAL },
        { "\xE2\x82", 2, -EINVAL },
        { "\x80", 1, -EINVAL },
        { "\xC0\xAF", 2, -EINVAL },         /* overlong */
        { "\xE0\x80\xAF", 3, -EINVAL },     /* overlong */
        { "\xF0\x80\x80\xAF", 4, -EINVAL }, /* overlong */
        { "\xED\xA0\x80", 3, -EINVAL },     /* a surrogate */
        { "\xF4\x90\x80\x80", 4, -EINVAL }, /* beyond U+10FFFF */
        { "\xFF", 1, -EINVAL },
        { "\xE2\x28\xA1", 3, -EINVAL },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(utf8_length(rows[i].text, rows[i].len), rows[i].result);
}

static void secrets_are_compared_whole(void **state)
{
    (void)state;
    assert_true(bytes_equal_constant_time("secret", "secret", 6));
    assert_false(bytes_equal_constant_time("secret", "secreT", 6));
    assert_true(bytes_equal_constant_time("a", "b", 0));
}

static void every_error_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(err_text(0), "ok");
    assert_string_equal(err_text(-ERR_NO_ANSWER), "no answer");
    assert_string_equal(err_text(ERR_LINK_DOWN), "the link is down");
    assert_string_equal(err_text(-ENOENT), "No such file or directory");
    assert_string_equal(err_text(-99999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_bounded_and_terminated),
        cmocka_unit_test(texts_are_compared),
        cmocka_unit_test(whole_numbers_are_strict),
        cmocka_unit_test(a_range_and_hex_are_understood),
        cmocka_unit_test(decimal_numbers_are_strict),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(utf8_is_counted_in_characters_or_refused),
        cmocka_unit_test(secrets_are_compared_whole),
        cmocka_unit_test(every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
