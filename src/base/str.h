/* Text without surprises: bounded copies, strict numbers, hex. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies `text` into `ret` of `size` bytes, always terminated. 0, or -ENAMETOOLONG (cut off). */
int str_copy(char *ret, size_t size, const char *text);

bool str_equal(const char *a, const char *b);
/* ASCII case folding only: OCPP's CiString. */
bool str_equal_ci(const char *a, const char *b);
bool str_starts(const char *text, const char *prefix);

/* Whole string, base 10, optional sign, no blanks. 0, -EINVAL (not a number), -ERANGE. */
int str_to_int64(const char *text, int64_t *ret);
/* As above, and 0x... too; result must be in min..max. */
int str_to_int(const char *text, int64_t min, int64_t max, int64_t *ret);
/* Whole string, finite, independent of the locale. 0, -EINVAL, -ERANGE. */
int str_to_double(const char *text, double *ret);
/* Duration such as 500ms, 2s, 5min, 1h, or plain 0, to milliseconds. 0, -EINVAL, -ERANGE. */
int str_to_duration_ms(const char *text, int64_t *ret_ms);

/* Writes 2*len upper-case digits and a terminator; cuts off at whole bytes if `size` is small. */
void hex_encode(const void *bytes, size_t len, char *ret, size_t size);
/* Digits of either case, no separators. Returns the byte count, -EINVAL, -ENOSPC. */
int hex_decode(const char *text, void *ret, size_t size);

/* Takes time depending on `len` only. */
bool bytes_equal_constant_time(const void *a, const void *b, size_t len);

/* Bytes of the UTF-8 character at `text`, of which `left` > 0 bytes are there; 0 if it is none (overlong, surrogate,
 * beyond U+10FFFF, cut off). */
size_t utf8_step(const char *text, size_t left);
/* Length of valid UTF-8 in code points, or -EINVAL. */
int64_t utf8_length(const char *text, size_t len);
/* For logs and terminals: what a peer sent must not look like a line of its own, nor reach the terminal as a command (C0, DEL and C1),
 * nor spoil JSON by what is no UTF-8. Each such byte becomes '?'. */
void str_make_harmless(char *text);

#endif
