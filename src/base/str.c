/* Text without surprises. */
#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int str_copy(char *ret, size_t size, const char *text)
{
    size_t len = strlen(text);
    size_t copied = len < size ? len : size - 1;
    memcpy(ret, text, copied);
    ret[copied] = '\0';
    return copied == len ? 0 : -ENAMETOOLONG;
}

bool str_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_equal_ci(const char *a, const char *b)
{
    while (*a && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return fold(*a) == fold(*b);
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = fold(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_magnitude(const char *text, unsigned base, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (!*text)
        return -EINVAL;
    for (; *text; text++) {
        int digit = hex_value(*text);
        if (digit < 0 || (unsigned)digit >= base)
            return -EINVAL;
        if (value > (max - (uint64_t)digit) / base)
            return -ERANGE;
        value = value * base + (uint64_t)digit;
    }
    *ret = value;
    return 0;
}

static int parse_signed(const char *text, bool hex_too, int64_t *ret)
{
    bool negative = *text == '-';
    uint64_t value = 0;
    if (*text == '-' || *text == '+')
        text++;
    bool hex = hex_too && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    int r = parse_magnitude(hex ? text + 2 : text, hex ? 16 : 10, (uint64_t)INT64_MAX + negative, &value);
    if (r == 0)
        *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return r;
}

int str_to_int64(const char *text, int64_t *ret)
{
    return parse_signed(text, false, ret);
}

int str_to_int(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    int64_t value = 0;
    int r = parse_signed(text, true, &value);
    if (r < 0)
        return r;
    if (value < min || value > max)
        return -ERANGE;
    *ret = value;
    return 0;
}

int str_to_double(const char *text, double *ret)
{
    /* Digits, sign, point and exponent only: no blanks, hex, inf or nan. A locale with another point is never set
     * by our programs. */
    if (!*text || text[strspn(text, "0123456789+-.eE")] != '\0')
        return -EINVAL;
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (*end != '\0')
        return -EINVAL;
    if (errno == ERANGE || !isfinite(value))
        return -ERANGE;
    *ret = value;
    return 0;
}

int str_to_duration_ms(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = { { "ms", 1 }, { "s", 1e3 }, { "min", 60e3 }, { "h", 3600e3 }, { "d", 86400e3 } };
    size_t digits = strspn(text, "0123456789.");
    char number[32];
    double value = 0;
    if (digits == 0 || digits >= sizeof(number))
        return -EINVAL;
    memcpy(number, text, digits);
    number[digits] = '\0';
    int r = str_to_double(number, &value);
    if (r < 0)
        return r;
    if (text[digits] == '\0' && value == 0) {
        *ret_ms = 0;
        return 0;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(text + digits, units[i].unit) == 0) {
            if (value * units[i].ms > 1e15)
                return -ERANGE;
            *ret_ms = (int64_t)llround(value * units[i].ms);
            return 0;
        }
    return -EINVAL;
}

void hex_encode(const void *bytes, size_t len, char *ret, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *b = bytes;
    size_t at = 0;
    if (size == 0)
        return;
    for (size_t i = 0; i < len && at + 2 < size; i++) {
        ret[at++] = digits[b[i] >> 4];
        ret[at++] = digits[b[i] & 15];
    }
    ret[at] = '\0';
}

int hex_decode(const char *text, void *ret, size_t size)
{
    uint8_t *out = ret;
    size_t len = strlen(text);
    if (len % 2)
        return -EINVAL;
    if (len / 2 > size)
        return -ENOSPC;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (int)(len / 2);
}

bool bytes_equal_constant_time(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < len; i++)
        difference |= (uint8_t)(x[i] ^ y[i]);
    return difference == 0;
}

size_t utf8_step(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    static const unsigned char min_second[] = { [0xE0 - 0xC2] = 0xA0, [0xF0 - 0xC2] = 0x90 };
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    size_t len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    unsigned char min = (size_t)(s[0] - 0xC2) < sizeof(min_second) ? min_second[s[0] - 0xC2] : 0;
    unsigned char max = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (left < len || s[1] < (min ? min : 0x80) || s[1] > max)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

int64_t utf8_length(const char *text, size_t len)
{
    int64_t count = 0;
    for (size_t at = 0; at < len; count++) {
        size_t step = utf8_step(text + at, len - at);
        if (step == 0)
            return -EINVAL;
        at += step;
    }
    return count;
}

void str_make_harmless(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0, step; i < len; i += step ? step : 1) {
        step = utf8_step(text + i, len - i);
        bool is_c1 = step == 2 && (unsigned char)text[i] == 0xC2 && (unsigned char)text[i + 1] < 0xA0;
        if (is_c1)
            text[i + 1] = '?';
        if (step == 0 || is_c1 || (unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            text[i] = '?';
    }
}
