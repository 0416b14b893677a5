/* RFC 3339 and Unix time, by the proleptic Gregorian calendar. */
#include "base/timestamp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#define DAY_MS 86400000LL

/* Days since 1970-01-01. March is the first month, so that the leap day is the last of its year. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

void timestamp_format(int64_t unix_ms, char ret[static TIMESTAMP_SIZE])
{
    const int64_t first = days_from_date(0, 1, 1) * DAY_MS, last = days_from_date(10000, 1, 1) * DAY_MS - 1;
    int64_t t = unix_ms < first ? first : unix_ms > last ? last : unix_ms;
    int64_t days = t >= 0 ? t / DAY_MS : -((DAY_MS - 1 - t) / DAY_MS);
    unsigned rest = (unsigned)(t - days * DAY_MS);
    int year, month, day;
    date_from_days(days, &year, &month, &day);
    (void)snprintf(ret, TIMESTAMP_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000,
                   (unsigned)month % 100, (unsigned)day % 100, rest / 3600000 % 24, rest / 60000 % 60,
                   rest / 1000 % 60, rest % 1000);
}

/* Exactly `count` digits. The first error sticks. */
static int take_digits(const char **at, int count, bool *ok)
{
    int value = 0;
    for (; count > 0; count--) {
        if (**at < '0' || **at > '9') {
            *ok = false;
            return 0;
        }
        value = value * 10 + (*(*at)++ - '0');
    }
    return value;
}

static void take_char(const char **at, char upper, char other, bool *ok)
{
    if (**at == upper || **at == other)
        (*at)++;
    else
        *ok = false;
}

/* ".123456789": milliseconds, the rest is cut off. */
static int take_fraction(const char **at, bool *ok)
{
    int ms = 0, digits = 0;
    if (**at != '.')
        return 0;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, digits++)
        if (digits < 3)
            ms = ms * 10 + (**at - '0');
    if (digits == 0 || digits > 9)
        *ok = false;
    for (; digits < 3; digits++)
        ms *= 10;
    return ms;
}

static int take_offset_minutes(const char **at, bool *ok)
{
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        return 0;
    }
    int sign = **at == '-' ? -1 : 1;
    take_char(at, '+', '-', ok);
    int hours = take_digits(at, 2, ok);
    take_char(at, ':', ':', ok);
    int minutes = take_digits(at, 2, ok);
    if (hours > 23 || minutes > 59)
        *ok = false;
    return sign * (hours * 60 + minutes);
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

int timestamp_parse(const char *text, int64_t *ret_unix_ms)
{
    bool ok = true;
    const char *at = text;
    int year = take_digits(&at, 4, &ok);
    take_char(&at, '-', '-', &ok);
    int month = take_digits(&at, 2, &ok);
    take_char(&at, '-', '-', &ok);
    int day = take_digits(&at, 2, &ok);
    take_char(&at, 'T', 't', &ok);
    int hour = take_digits(&at, 2, &ok);
    take_char(&at, ':', ':', &ok);
    int minute = take_digits(&at, 2, &ok);
    take_char(&at, ':', ':', &ok);
    int second = take_digits(&at, 2, &ok);
    int ms = ok ? take_fraction(&at, &ok) : 0;
    int offset = ok ? take_offset_minutes(&at, &ok) : 0;
    if (!ok || *at || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return -EINVAL;
    int64_t minutes = hour * 60 + minute - offset;
    *ret_unix_ms = days_from_date(year, month, day) * DAY_MS + minutes * 60000 + second * 1000LL + ms;
    return 0;
}

int64_t timestamp_next_boundary(int64_t unix_ms, int64_t interval_ms)
{
    int64_t midnight = unix_ms - unix_ms % DAY_MS;
    int64_t next = midnight + ((unix_ms - midnight) / interval_ms + 1) * interval_ms;
    return next < midnight + DAY_MS ? next : midnight + DAY_MS;
}
