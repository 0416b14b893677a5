/* Percent-encoding, and queries of URLs. Pure. */
#include <errno.h>
#include <string.h>

#include "net/http_head.h"

const char *const http_method_names[HTTP_METHODS] = { "GET", "POST", "PUT", "PATCH", "DELETE", "OTHER" };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte of two hexadecimal digits, or -1: they are none, or it is 0. */
static int hex_byte(const char *digits, size_t left)
{
    int high = left >= 2 ? hex_digit(digits[0]) : -1;
    int low = high >= 0 ? hex_digit(digits[1]) : -1;
    return low < 0 || (high == 0 && low == 0) ? -1 : high << 4 | low;
}

bool http_decode(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        int byte = (unsigned char)*at;
        if (byte == '%') {
            byte = hex_byte(at + 1, strnlen(at + 1, 2));
            if (byte < 0)
                return false;
            at += 2;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    return true;
}

static int decode_value(const char *at, size_t len, char *ret, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        int byte = at[i] == '+' ? ' ' : (unsigned char)at[i];
        if (byte == '%') {
            byte = hex_byte(at + i + 1, len - i - 1);
            if (byte < 0)
                return -EINVAL;
            i += 2;
        }
        if (used + 1 >= size)
            return -ENAMETOOLONG;
        ret[used++] = (char)byte;
    }
    ret[used] = '\0';
    return 0;
}

int http_query_get(const char *query, const char *name, char *ret, size_t size)
{
    size_t name_len = strlen(name);
    if (size == 0)
        return -ENAMETOOLONG;
    while (*query) {
        size_t len = strcspn(query, "&");
        if (len >= name_len && strncmp(query, name, name_len) == 0) {
            if (len == name_len)
                return decode_value("", 0, ret, size);
            if (query[name_len] == '=')
                return decode_value(query + name_len + 1, len - name_len - 1, ret, size);
        }
        query += len + (query[len] == '&');
    }
    return -ENOENT;
}
