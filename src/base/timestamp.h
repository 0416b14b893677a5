/* RFC 3339 date-time and Unix time in milliseconds; no system calls, no time zones but offsets. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stdint.h>

#define TIMESTAMP_SIZE 25 /* "2026-01-31T23:59:59.999Z" and its terminator */

/* Years 0000..9999; beyond them the nearest end is written. */
void timestamp_format(int64_t unix_ms, char ret[static TIMESTAMP_SIZE]);
/* 0 to 9 decimals, Z or any offset, T or t, digits checked for range. 0 or -EINVAL. */
int timestamp_parse(const char *text, int64_t *ret_unix_ms);
/* The next multiple of the interval (> 0) since midnight (UTC) after `unix_ms`; midnight itself is always one. */
int64_t timestamp_next_boundary(int64_t unix_ms, int64_t interval_ms);

#endif
