/* Bytes and values of points, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "charger/value.h"

#define NUMBER(...)                                                                                          \
    {                                                                                                        \
        .scale = 1, .scale_point = -1, __VA_ARGS__                                                           \
    }

static uint64_t no_value[] = { 0xFFFF };
static uint64_t no_value_32[] = { 0x7FFFFFFF };

/* clang-format off */
static const struct {
    const char *name;
    struct point point;
    const char *bytes;
    double number; /* NAN: none */
} numbers[] = {
    { "u8",           NUMBER(.type = POINT_U8,  .raw_size = 1), "FE", 254 },
    { "i8",           NUMBER(.type = POINT_I8,  .raw_size = 1), "FE", -2 },
    { "u16",          NUMBER(.type = POINT_U16, .raw_size = 2), "FFFE", 65534 },
    { "a part",       NUMBER(.type = POINT_U16, .raw_size = 2, .mask = 0xF0, .shift = 4), "0030", 3 },
    { "a high part",  NUMBER(.type = POINT_U16, .raw_size = 2, .shift = 12), "7000", 7 },
    { "i16",          NUMBER(.type = POINT_I16, .raw_size = 2), "FFFE", -2 },
    { "u32",          NUMBER(.type = POINT_U32, .raw_size = 4), "12345678", 0x12345678 },
    { "u32 low word", NUMBER(.type = POINT_U32, .raw_size = 4, .low_word_first = true), "56781234", 0x12345678 },
    { "u32 low byte", NUMBER(.type = POINT_U32, .raw_size = 4, .low_byte_first = true), "34127856", 0x12345678 },
    { "u32 both",     NUMBER(.type = POINT_U32, .raw_size = 4, .low_word_first = true, .low_byte_first = true), "78563412", 0x12345678 },
    { "i32",          NUMBER(.type = POINT_I32, .raw_size = 4), "FFFFFFFF", -1 },
    { "u64",          NUMBER(.type = POINT_U64, .raw_size = 8), "0000000100000000", 4294967296.0 },
    { "u64 low word", NUMBER(.type = POINT_U64, .raw_size = 8, .low_word_first = true), "0000000000010000", 4294967296.0 },
    { "i64",          NUMBER(.type = POINT_I64, .raw_size = 8), "FFFFFFFFFFFFFFF6", -10 },
    { "f32",          NUMBER(.type = POINT_F32, .raw_size = 4), "41480000", 12.5 },
    { "f32 low word", NUMBER(.type = POINT_F32, .raw_size = 4, .low_word_first = true), "00004148", 12.5 },
    { "f64",          NUMBER(.type = POINT_F64, .raw_size = 8), "4029000000000000", 12.5 },
    { "bits",         NUMBER(.type = POINT_BITS, .raw_size = 2), "8001", 0x8001 },
    { "bcd",          NUMBER(.type = POINT_BCD, .raw_size = 4), "00123456", 123456 },
    { "coil",         NUMBER(.type = POINT_BOOL, .raw_size = 1, .is_bit_field = true, .at.modbus.count = 1), "01", 1 },
    { "coils",        NUMBER(.type = POINT_BITS, .raw_size = 2, .is_bit_field = true, .at.modbus.count = 12), "0108", 0x801 },
    { "scale 0.1",    { .type = POINT_U16, .raw_size = 2, .scale = 0.1, .scale_point = -1 }, "003C", 6 },
    { "scale 10",     { .type = POINT_U16, .raw_size = 2, .scale = 10, .scale_point = -1 }, "003C", 600 },
    { "negative",     { .type = POINT_I16, .raw_size = 2, .scale = -1, .scale_point = -1 }, "FFFB", 5 },
    { "offset",       { .type = POINT_U16, .raw_size = 2, .scale = 0.5, .offset = -40, .scale_point = -1 }, "0064", 10 },
    { "power of ten", { .type = POINT_I16, .raw_size = 2, .scale = 1, .scale_point = 3 }, "04D2", 12.34 },
};

static const struct {
    const char *name;
    struct point point;
    const char *bytes;
    double number;
    int err;
} one_way[] = {
    { "mask and shift", NUMBER(.type = POINT_U16, .raw_size = 2, .mask = 0xFF00, .shift = 8), "1234", 0x12, 0 },
    { "mask",           NUMBER(.type = POINT_BITS, .raw_size = 2, .mask = 0x0F0), "1234", 0x30, 0 },
    { "shift",          NUMBER(.type = POINT_U32, .raw_size = 4, .shift = 16), "12345678", 0x1234, 0 },
    { "bool is 1",      NUMBER(.type = POINT_BOOL, .raw_size = 1, .is_bit_field = true), "FF", 1, 0 },
    { "marker",         NUMBER(.type = POINT_U16, .raw_size = 2, .invalid = no_value, .invalid_count = 1), "FFFF", 0, -ENODATA },
    { "no marker",      NUMBER(.type = POINT_U16, .raw_size = 2, .invalid = no_value, .invalid_count = 1), "FFFE", 65534, 0 },
    { "marker i32",     NUMBER(.type = POINT_I32, .raw_size = 4, .invalid = no_value_32, .invalid_count = 1), "7FFFFFFF", 0, -ENODATA },
    { "marker swapped", NUMBER(.type = POINT_I32, .raw_size = 4, .low_word_first = true, .invalid = no_value_32, .invalid_count = 1), "FFFF7FFF", 0, -ENODATA },
    { "f32 NaN",        NUMBER(.type = POINT_F32, .raw_size = 4), "7FC00000", 0, -ENODATA },
    { "f32 infinite",   NUMBER(.type = POINT_F32, .raw_size = 4), "7F800000", 0, -ENODATA },
    { "f64 NaN",        NUMBER(.type = POINT_F64, .raw_size = 8), "7FF8000000000000", 0, -ENODATA },
    { "no digits",      NUMBER(.type = POINT_BCD, .raw_size = 2), "12A4", 0, -ENODATA },
    { "too short",      NUMBER(.type = POINT_U32, .raw_size = 4), "1234", 0, -EBADMSG },
    { "too long",       NUMBER(.type = POINT_U16, .raw_size = 2), "123456", 0, -EBADMSG },
    { "empty",          NUMBER(.type = POINT_U8, .raw_size = 1), "", 0, -EBADMSG },
};

static const struct {
    const char *name;
    struct point point;
    const char *bytes, *text;
    bool one_way;
} texts[] = {
    { "padded by 0",      NUMBER(.type = POINT_STRING, .raw_size = 6), "414243000000", "ABC", false },
    { "full",             NUMBER(.type = POINT_STRING, .raw_size = 4), "41424344", "ABCD", false },
    { "none",             NUMBER(.type = POINT_STRING, .raw_size = 4), "00000000", "", false },
    { "padded by blanks", NUMBER(.type = POINT_STRING, .raw_size = 6), "204142202020", "AB", true },
    { "low byte first",   NUMBER(.type = POINT_STRING, .raw_size = 4, .low_byte_first = true), "42414443", "ABCD", false },
    { "word order plays no part", NUMBER(.type = POINT_STRING, .raw_size = 4, .low_word_first = true), "41424344", "ABCD", false },
    { "any length",       NUMBER(.type = POINT_STRING), "4142", "AB", false },
    { "with its prefix",  NUMBER(.type = POINT_STRING, .raw_size = 8, .prefix = "RFID:"), "524649443A414200", "AB", true },
    { "without it",       NUMBER(.type = POINT_STRING, .raw_size = 4, .prefix = "RFID:"), "41420000", "AB", false },
    { "a part of it",     NUMBER(.type = POINT_STRING, .raw_size = 4, .prefix = "RFID:"), "52464944", "RFID", false },
    { "nothing but it",   NUMBER(.type = POINT_UTF16, .raw_size = 6, .prefix = "ID:"), "00490044003A", "", true },
    { "not text",         NUMBER(.type = POINT_STRING, .raw_size = 4), "41FF0142", "A??B", true },
    { "utf-8",            NUMBER(.type = POINT_STRING, .raw_size = 4), "C3A40000", "\xC3\xA4", false },
    { "utf16",            NUMBER(.type = POINT_UTF16, .raw_size = 8), "004100E420AC0000", "A\xC3\xA4\xE2\x82\xAC", false },
    { "utf16 surrogate",  NUMBER(.type = POINT_UTF16, .raw_size = 4), "D83DDE00", "??", true },
    { "bytes",            NUMBER(.type = POINT_BYTES, .raw_size = 4), "DEADBEEF", "DEADBEEF", false },
    { "uid of 4",         NUMBER(.type = POINT_UID, .raw_size = 8), "04A2B3C400000000", "04A2B3C4", false },
    { "uid of 7",         NUMBER(.type = POINT_UID, .raw_size = 8), "04A2B3C4D5E68000", "04A2B3C4D5E680", false },
    { "uid ending in 0",  NUMBER(.type = POINT_UID, .raw_size = 8), "04A2B30000000000", "04A2B300", false },
    { "uid of 10",        NUMBER(.type = POINT_UID, .raw_size = 12), "0102030405060708090A0000", "0102030405060708090A", false },
    { "uid of no length", NUMBER(.type = POINT_UID, .raw_size = 8), "0102030405060708", "0102030405060708", false },
    { "no uid",           NUMBER(.type = POINT_UID, .raw_size = 8), "0000000000000000", "", false },
};
/* clang-format on */

static double power_of(const struct point *p)
{
    return p->scale_point >= 0 ? -2 : 0;
}

static void numbers_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const struct point *p = &numbers[i].point;
        uint8_t bytes[POINT_MAX_RAW], back[POINT_MAX_RAW];
        struct value v;
        size_t back_len = 0;
        size_t len = (size_t)hex_decode(numbers[i].bytes, bytes, sizeof(bytes));
        if (value_decode(p, power_of(p), bytes, len, &v) != 0 || v.number != numbers[i].number)
            fail_msg("%s: %.17g", numbers[i].name, v.number);
        if (value_encode_number(p, power_of(p), v.number, ROUND_NEAREST, back, &back_len) != 0 ||
            back_len != len || memcmp(bytes, back, len) != 0)
            fail_msg("%s is written otherwise than it was read", numbers[i].name);
    }
}

static void what_is_no_value_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(one_way); i++) {
        uint8_t bytes[POINT_MAX_RAW];
        struct value v = { 0 };
        size_t len = (size_t)hex_decode(one_way[i].bytes, bytes, sizeof(bytes));
        int r = value_decode(&one_way[i].point, 0, bytes, len, &v);
        if (r != one_way[i].err || (r == 0 && v.number != one_way[i].number))
            fail_msg("%s: %d %g", one_way[i].name, r, v.number);
    }
}

static void texts_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const struct point *p = &texts[i].point;
        uint8_t bytes[POINT_MAX_RAW], back[POINT_MAX_RAW];
        struct value v;
        size_t back_len = 0;
        size_t len = (size_t)hex_decode(texts[i].bytes, bytes, sizeof(bytes));
        if (value_decode(p, 0, bytes, len, &v) != 0 || strcmp(v.text, texts[i].text) != 0)
            fail_msg("%s: %s", texts[i].name, v.text);
        if (texts[i].one_way)
            continue;
        if (value_encode_text(p, v.text, back, &back_len) != 0 || back_len != len ||
            memcmp(bytes, back, len) != 0)
            fail_msg("%s is written otherwise than it was read", texts[i].name);
    }
}

static void a_value_that_does_not_fit_is_not_written(void **state)
{
    static const struct point u16 = NUMBER(.type = POINT_U16, .raw_size = 2);
    static const struct point i16 = NUMBER(.type = POINT_I16, .raw_size = 2);
    static const struct point u64 = NUMBER(.type = POINT_U64, .raw_size = 8);
    static const struct point i64 = NUMBER(.type = POINT_I64, .raw_size = 8);
    static const struct point f32 = NUMBER(.type = POINT_F32, .raw_size = 4);
    static const struct point bcd = NUMBER(.type = POINT_BCD, .raw_size = 2);
    static const struct point part = NUMBER(.type = POINT_U16, .raw_size = 2, .mask = 0xF0, .shift = 4);
    static const struct point holes = NUMBER(.type = POINT_U16, .raw_size = 2, .mask = 0x05);
    static const struct point coil = NUMBER(.type = POINT_BOOL, .raw_size = 1, .is_bit_field = true);
    static const struct point text = NUMBER(.type = POINT_STRING, .raw_size = 2);
    static const struct {
        const struct point *point;
        double number;
        int err;
    } rows[] = {
        { &u16, 65535, 0 },        { &u16, 65536, -ERANGE }, { &u16, -1, -ERANGE },
        { &u16, NAN, -ERANGE },    { &i16, -32768, 0 },      { &i16, -32769, -ERANGE },
        { &i16, 32768, -ERANGE },  { &bcd, 9999, 0 },        { &bcd, 10000, -ERANGE },
        { &coil, 1, 0 },           { &coil, 2, -ERANGE },    { &f32, 1e39, -ERANGE },
        { &u64, 1.9e19, -ERANGE }, { &u64, 1e19, 0 },        { &i64, 1e19, -ERANGE },
        { &i64, -9e18, 0 },        { &text, 1, -ERANGE },    { &part, 15, 0 },
        { &part, 16, -ERANGE },    { &part, -1, -ERANGE },   { &holes, 4, 0 },
        { &holes, 2, -ERANGE },
    };
    (void)state;
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (value_encode_number(rows[i].point, 0, rows[i].number, ROUND_NEAREST, raw, &len) != rows[i].err)
            fail_msg("row %zu", i);
    assert_int_equal(value_encode_text(&text, "ABC", raw, &len), -ERANGE);
    assert_int_equal(value_encode_text(&u16, "A", raw, &len), -ERANGE);
}

static void limits_are_rounded_down(void **state)
{
    static const struct point tenth = { .type = POINT_U16, .raw_size = 2, .scale = 0.1, .scale_point = -1 };
    static const struct point f32 = NUMBER(.type = POINT_F32, .raw_size = 4);
    static const struct point i16 = NUMBER(.type = POINT_I16, .raw_size = 2);
    static const struct point turned = { .type = POINT_I16, .raw_size = 2, .scale = -1, .scale_point = -1 };
    static const struct point turned_f32 = {
        .type = POINT_F32, .raw_size = 4, .scale = -1, .scale_point = -1
    };
    static const struct {
        double number;
        unsigned raw;
    } rows[] = { { 6, 60 }, { 6.05, 60 }, { 6.09999, 60 }, { 15.999, 159 }, { 16.3, 163 }, { 0.3, 3 } };
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    struct value v;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(value_encode_number(&tenth, 0, rows[i].number, ROUND_DOWN, raw, &len), 0);
        assert_int_equal(raw[0] << 8 | raw[1], rows[i].raw);
    }
    assert_int_equal(value_encode_number(&f32, 0, 16.3, ROUND_DOWN, raw, &len), 0);
    assert_int_equal(value_decode(&f32, 0, raw, len, &v), 0);
    assert_true(v.number <= 16.3 && v.number > 16.29999);
    /* A negative one is a limit the other way. */
    assert_int_equal(value_encode_number(&i16, 0, -4140.6, ROUND_DOWN, raw, &len), 0);
    assert_int_equal((int16_t)(raw[0] << 8 | raw[1]), -4140);
    assert_int_equal(value_encode_number(&turned, 0, 4140.6, ROUND_DOWN, raw, &len), 0);
    assert_int_equal((int16_t)(raw[0] << 8 | raw[1]), -4140);
    assert_int_equal(value_encode_number(&f32, 0, -16.3, ROUND_DOWN, raw, &len), 0);
    assert_int_equal(value_decode(&f32, 0, raw, len, &v), 0);
    assert_true(v.number >= -16.3 && v.number < -16.29999);
    assert_int_equal(value_encode_number(&turned_f32, 0, 16.3, ROUND_DOWN, raw, &len), 0);
    assert_int_equal(value_decode(&turned_f32, 0, raw, len, &v), 0);
    assert_true(v.number <= 16.3 && v.number > 16.29999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_and_written),
        cmocka_unit_test(what_is_no_value_is_none),
        cmocka_unit_test(texts_are_read_and_written),
        cmocka_unit_test(a_value_that_does_not_fit_is_not_written),
        cmocka_unit_test(limits_are_rounded_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
