/* Bytes to values and back.
 *
 * A Modbus point comes as registers in the order of their addresses, each high byte first; an ECHONET
 * point as the big-endian bytes of its EDT; coils as bits, the first in the lowest bit. All of it is
 * brought to big-endian bytes first:
 *
 *     registers 0x5678 0x1234, low word first  ->  12 34 56 78
 *     coils 1 0 1                              ->  05 */
#include "charger/value.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

const char *const point_type_names[POINT_TYPES + 1] = {
    [POINT_U8] = "u8",       [POINT_I8] = "i8",     [POINT_U16] = "u16",   [POINT_I16] = "i16",
    [POINT_U32] = "u32",     [POINT_I32] = "i32",   [POINT_U64] = "u64",   [POINT_I64] = "i64",
    [POINT_F32] = "f32",     [POINT_F64] = "f64",   [POINT_BOOL] = "bool", [POINT_STRING] = "string",
    [POINT_UTF16] = "utf16", [POINT_BITS] = "bits", [POINT_BCD] = "bcd",   [POINT_BYTES] = "bytes",
    [POINT_UID] = "uid",
};

static const struct unit units[] = {
    { "W", "W", 1 },        { "kW", "W", 1000 },     { "MW", "W", 1e6 },
    { "Wh", "Wh", 1 },      { "kWh", "Wh", 1000 },   { "MWh", "Wh", 1e6 },
    { "A", "A", 1 },        { "mA", "A", 0.001 },    { "V", "V", 1 },
    { "mV", "V", 0.001 },   { "kV", "V", 1000 },     { "Hz", "Hz", 1 },
    { "mHz", "Hz", 0.001 }, { "%", "%", 1 },         { "Celsius", "Celsius", 1 },
    { "var", "var", 1 },    { "kvar", "var", 1000 }, { "VA", "VA", 1 },
    { "kVA", "VA", 1000 },  { "ms", "s", 0.001 },    { "s", "s", 1 },
    { "min", "s", 60 },     { "h", "s", 3600 },
};
const char *const unit_names[] = { "W",    "kW", "MW",  "Wh", "kWh", "MWh", "A",       "mA",
                                   "V",    "mV", "kV",  "Hz", "mHz", "%",   "Celsius", "var",
                                   "kvar", "VA", "kVA", "ms", "s",   "min", "h",       NULL };

const struct unit *unit_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

size_t point_type_size(enum point_type type)
{
    static const uint8_t sizes[POINT_TYPES] = {
        [POINT_U8] = 1,  [POINT_I8] = 1,  [POINT_U16] = 2, [POINT_I16] = 2, [POINT_U32] = 4,  [POINT_I32] = 4,
        [POINT_U64] = 8, [POINT_I64] = 8, [POINT_F32] = 4, [POINT_F64] = 8, [POINT_BOOL] = 1,
    };
    return sizes[type];
}

bool point_is_text(const struct point *point)
{
    return point->type == POINT_STRING || point->type == POINT_UTF16 || point->type == POINT_BYTES ||
           point->type == POINT_UID;
}

bool point_is_integral(const struct point *point)
{
    return !point_is_text(point) && point->type != POINT_F32 && point->type != POINT_F64;
}

static bool is_signed(enum point_type type)
{
    return type == POINT_I8 || type == POINT_I16 || type == POINT_I32 || type == POINT_I64;
}

/* Between the order on the wire and big endian; its own inverse. */
static void reorder(const struct point *point, uint8_t *bytes, size_t len)
{
    size_t words = len / 2;
    if (point->low_byte_first)
        for (size_t i = 0; i < words; i++) {
            uint8_t high = bytes[2 * i];
            bytes[2 * i] = bytes[2 * i + 1];
            bytes[2 * i + 1] = high;
        }
    if (!point->low_word_first || point_is_text(point))
        return;
    for (size_t i = 0; i < words / 2; i++) {
        uint8_t word[2];
        memcpy(word, bytes + 2 * i, 2);
        memcpy(bytes + 2 * i, bytes + 2 * (words - 1 - i), 2);
        memcpy(bytes + 2 * (words - 1 - i), word, 2);
    }
}

static void reverse(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t byte = bytes[i];
        bytes[i] = bytes[len - 1 - i];
        bytes[len - 1 - i] = byte;
    }
}

static uint64_t load_be(const uint8_t *bytes, size_t len)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | bytes[i];
    return v;
}

static void store_be(uint64_t v, uint8_t *bytes, size_t len)
{
    for (size_t i = len; i-- > 0; v >>= 8)
        bytes[i] = (uint8_t)v;
}

static uint64_t width_mask(size_t bytes)
{
    return bytes >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * bytes) - 1;
}

/* ---- scale ---- */

/* A decimal fraction is divided by its inverse: 60 * 0.1 is 6.000000000000001, 60 / 10 is 6. */
static double scaled(const struct point *point, double power, double raw)
{
    double scale = point->scale * (point->scale_point >= 0 ? pow(10, power) : 1);
    double inverse = round(1 / scale);
    bool is_fraction = fabs(scale) < 1 && fabs(inverse * scale - 1) < 1e-9;
    return (is_fraction ? raw / inverse : raw * scale) + point->offset;
}

static double unscaled(const struct point *point, double power, double number)
{
    return (number - point->offset) / (point->scale * (point->scale_point >= 0 ? pow(10, power) : 1));
}

/* ---- decoding ---- */

static bool is_invalid(const struct point *point, uint64_t raw)
{
    for (size_t i = 0; i < point->invalid_count; i++)
        if (point->invalid[i] == raw)
            return true;
    return false;
}

static int decode_bcd(uint64_t raw, uint64_t *ret)
{
    uint64_t v = 0;
    for (int shift = 60; shift >= 0; shift -= 4) {
        uint64_t digit = raw >> shift & 15;
        if (digit > 9)
            return -ENODATA;
        v = v * 10 + digit;
    }
    *ret = v;
    return 0;
}

static int decode_integer(const struct point *point, double power, const uint8_t *bytes, size_t len,
                          struct value *ret)
{
    uint64_t raw = load_be(bytes, len);
    if (is_invalid(point, raw))
        return -ENODATA;
    bool negative = is_signed(point->type) && !point->mask && raw >> (8 * len - 1) & 1;
    if (point->type == POINT_BCD && decode_bcd(raw, &raw) < 0)
        return -ENODATA;
    if (point->mask)
        raw &= point->mask;
    raw >>= point->shift;
    if (point->type == POINT_BOOL)
        raw = raw != 0;
    ret->raw = raw;
    ret->number = scaled(point, power, negative ? (double)(int64_t)(raw | ~width_mask(len)) : (double)raw);
    return isfinite(ret->number) ? 0 : -ENODATA;
}

static int decode_float(const struct point *point, double power, const uint8_t *bytes, size_t len,
                        struct value *ret)
{
    uint64_t raw = load_be(bytes, len);
    double number = 0;
    if (len == 4) {
        uint32_t half = (uint32_t)raw;
        float f = 0;
        memcpy(&f, &half, sizeof(f));
        number = (double)f;
    } else {
        memcpy(&number, &raw, sizeof(number));
    }
    if (!isfinite(number) || is_invalid(point, raw))
        return -ENODATA;
    ret->number = scaled(point, power, number);
    return isfinite(ret->number) ? 0 : -ENODATA;
}

/* Ends at the first NUL, without blanks around it; what is no text is shown as ?. */
static void decode_string(const uint8_t *bytes, size_t len, char *ret)
{
    size_t end = strnlen((const char *)bytes, len), start = 0;
    while (end > 0 && (bytes[end - 1] == ' ' || bytes[end - 1] == '\r' || bytes[end - 1] == '\n'))
        end--;
    while (start < end && bytes[start] == ' ')
        start++;
    bool utf8 = utf8_length((const char *)bytes + start, end - start) >= 0;
    for (size_t i = start; i < end; i++)
        *ret++ = bytes[i] < 0x20 || bytes[i] == 0x7F || (bytes[i] >= 0x80 && !utf8) ? '?' : (char)bytes[i];
    *ret = '\0';
}

static size_t encode_utf8(uint32_t code, char *ret)
{
    if (code < 0x80) {
        ret[0] = code < 0x20 || code == 0x7F ? '?' : (char)code;
        return 1;
    }
    if (code < 0x800) {
        ret[0] = (char)(0xC0 | code >> 6);
        ret[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    ret[0] = (char)(0xE0 | code >> 12);
    ret[1] = (char)(0x80 | (code >> 6 & 0x3F));
    ret[2] = (char)(0x80 | (code & 0x3F));
    return 3;
}

static void decode_utf16(const uint8_t *bytes, size_t len, char *ret)
{
    char *at = ret;
    for (size_t i = 0; i + 1 < len; i += 2) {
        uint32_t code = (uint32_t)bytes[i] << 8 | bytes[i + 1];
        if (code == 0)
            break;
        at += encode_utf8(code >= 0xD800 && code < 0xE000 ? '?' : code, at);
    }
    while (at > ret && at[-1] == ' ')
        at--;
    *at = '\0';
}

/* ISO 14443 knows UIDs of 4, 7 and 10 bytes; a UID may well end in a zero byte. */
static size_t uid_length(const uint8_t *bytes, size_t len)
{
    static const size_t lengths[] = { 4, 7, 10 };
    size_t used = len;
    while (used > 0 && bytes[used - 1] == 0)
        used--;
    for (size_t i = 0; i < ARRAY_SIZE(lengths) && used > 0; i++)
        if (used <= lengths[i])
            return lengths[i] < len ? lengths[i] : len;
    return used > 0 ? len : 0;
}

static void drop_prefix(const char *prefix, char *text)
{
    size_t len = strlen(prefix);
    if (len > 0 && strncmp(text, prefix, len) == 0)
        memmove(text, text + len, strlen(text + len) + 1);
}

static void decode_text(const struct point *point, const uint8_t *bytes, size_t len, char *ret)
{
    if (point->type == POINT_STRING)
        decode_string(bytes, len, ret);
    else if (point->type == POINT_UTF16)
        decode_utf16(bytes, len, ret);
    else
        hex_encode(bytes, point->type == POINT_UID ? uid_length(bytes, len) : len, ret, VALUE_MAX_TEXT);
}

int value_decode(const struct point *point, double power, const uint8_t *raw, size_t len, struct value *ret)
{
    uint8_t bytes[POINT_MAX_RAW];
    bool fits = point->raw_size == 0 || len == point->raw_size ||
                (point_is_text(point) && len < point->raw_size); /* ECHONET texts may be shorter */
    if (len > sizeof(bytes) || !fits)
        return -EBADMSG;
    memcpy(bytes, raw, len);
    ret->number = 0;
    ret->raw = 0;
    ret->text[0] = '\0';
    if (point_is_text(point)) {
        reorder(point, bytes, len);
        decode_text(point, bytes, len, ret->text);
        drop_prefix(point->prefix, ret->text);
        return 0;
    }
    if (len == 0 || len > 8)
        return -EBADMSG;
    if (point->is_bit_field)
        reverse(bytes, len); /* coils: the first in the lowest bit */
    else
        reorder(point, bytes, len);
    if (point_is_integral(point))
        return decode_integer(point, power, bytes, len, ret);
    return decode_float(point, power, bytes, len, ret);
}

/* ---- encoding ---- */

/* Down means to the value nearer to 0, with which less flows either way: where scale and number are of different signs, to the
 * higher raw number. */
static bool is_lower_raw_less(const struct point *point, double number)
{
    return (number < 0) == (point->scale < 0);
}

static double rounded(const struct point *point, double number, double raw, enum value_rounding rounding)
{
    double near = round(raw);
    if (rounding == ROUND_NEAREST || fabs(raw - near) < 1e-6)
        return near;
    return is_lower_raw_less(point, number) ? floor(raw) : ceil(raw);
}

/* The float next to it, below or above. */
static uint32_t next_float(float f, uint32_t bits, bool below)
{
    if (f == 0)
        return below ? 0x80000001 : 1;
    return (f > 0) == below ? bits - 1 : bits + 1;
}

static int encode_float(double raw, enum value_rounding rounding, bool below, uint8_t *ret, size_t len)
{
    uint64_t bits = 0;
    if (len == 4) {
        float f = (float)raw;
        if (!isfinite(f))
            return -ERANGE;
        uint32_t half = 0;
        memcpy(&half, &f, sizeof(half));
        if (rounding == ROUND_DOWN && (below ? (double)f > raw : (double)f < raw))
            half = next_float(f, half, below);
        bits = half;
    } else {
        memcpy(&bits, &raw, sizeof(bits));
    }
    store_be(bits, ret, len);
    return 0;
}

static int encode_integer(const struct point *point, double raw, uint8_t *ret, size_t len)
{
    double max = (double)width_mask(len) + 1, min = 0;
    if (point->type == POINT_BOOL)
        max = 2;
    else if (point->type == POINT_BCD)
        max = pow(10, (double)(2 * len));
    else if (point->is_bit_field && point->at.modbus.count < 64)
        max = (double)(UINT64_C(1) << point->at.modbus.count);
    else if (point->mask || point->shift)
        max = (double)((point->mask ? point->mask : width_mask(len)) >> point->shift) + 1;
    else if (is_signed(point->type))
        min = -(max /= 2);
    if (raw < min || raw >= max)
        return -ERANGE;
    uint64_t bits = raw < 0 ? (uint64_t)(int64_t)raw : (uint64_t)raw;
    if (point->type == POINT_BCD) {
        uint64_t digits = 0;
        for (int shift = 0; bits; shift += 4, bits /= 10)
            digits |= bits % 10 << shift;
        bits = digits;
    }
    bits <<= point->shift;
    if (point->mask && bits & ~point->mask)
        return -ERANGE; /* the mask has holes */
    store_be(bits, ret, len);
    return 0;
}

int value_encode_number(const struct point *point, double power, double number, enum value_rounding rounding,
                        uint8_t *ret, size_t *ret_len)
{
    size_t len = point->raw_size;
    double raw = unscaled(point, power, number);
    if (!isfinite(raw) || len == 0 || len > 8 || point_is_text(point))
        return -ERANGE;
    int r = point_is_integral(point)
                ? encode_integer(point, rounded(point, number, raw, rounding), ret, len)
                : encode_float(raw, rounding, is_lower_raw_less(point, number), ret, len);
    if (r < 0)
        return r;
    if (point->is_bit_field)
        reverse(ret, len);
    else
        reorder(point, ret, len);
    *ret_len = len;
    return 0;
}

static int encode_utf16(const char *text, uint8_t *ret, size_t size, size_t *ret_len)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t len = 0;
    if (utf8_length(text, strlen(text)) < 0)
        return -ERANGE;
    while (*at) {
        uint32_t code = *at;
        size_t more = code < 0x80 ? 0 : code < 0xE0 ? 1 : code < 0xF0 ? 2 : 3;
        if (more == 3 || len + 2 > size) /* beyond 16 bits */
            return -ERANGE;
        code &= 0xFFu >> (more ? more + 2 : 0);
        while (at++, more-- > 0)
            code = code << 6 | (*at & 0x3Fu);
        store_be(code, ret + len, 2);
        len += 2;
    }
    *ret_len = len;
    return 0;
}

int value_encode_text(const struct point *point, const char *text, uint8_t *ret, size_t *ret_len)
{
    size_t size = point->raw_size ? point->raw_size : POINT_MAX_RAW, len = strlen(text);
    if (point->type == POINT_STRING && len <= size) {
        memcpy(ret, text, len);
    } else if (point->type == POINT_UTF16) {
        if (encode_utf16(text, ret, size, &len) < 0)
            return -ERANGE;
    } else if (point->type == POINT_BYTES || point->type == POINT_UID) {
        int r = hex_decode(text, ret, size);
        if (r < 0)
            return -ERANGE;
        len = (size_t)r;
    } else {
        return -ERANGE;
    }
    if (point->raw_size) {
        memset(ret + len, 0, size - len);
        len = size;
    }
    reorder(point, ret, len);
    *ret_len = len;
    return 0;
}
