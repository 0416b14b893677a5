/* The security log (A04.FR.04): every security event, critical or not, one record each, the oldest overwritten by the newest. It is
 * never kept in memory: GetLog has the gateway read it from the store. */
#include <stdio.h>

#include "base/str.h"
#include "station/internal.h"

#define KEY_SIZE  13 /* twelve digits, so that keys sort by number */
#define LINE_SIZE 400

static void make_key(int64_t number, char ret[static KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%012llu", (unsigned long long)number % 1000000000000ULL);
}

void security_log_add(struct station *s, const char *type, const char *tech_info, bool is_critical)
{
    char key[KEY_SIZE], old_key[KEY_SIZE], when[TIMESTAMP_SIZE], line[LINE_SIZE];
    int64_t number = s->security.log_next++;

    timestamp_format(station_wall_ms(s), when);
    snprintf(line, sizeof(line), "%s %s critical=%s info=\"%s\"", when, type, is_critical ? "yes" : "no",
             tech_info ? tech_info : "");
    str_make_harmless(line);
    make_key(number, key);
    struct record records[2] = { { RECORD_SECURITY_LOG, key, line }, { RECORD_SECURITY_LOG, old_key, NULL } };
    if (number >= SECURITY_LOG_MAX)
        make_key(number - SECURITY_LOG_MAX, old_key);
    station_persist(s, records, number >= SECURITY_LOG_MAX ? 2 : 1, NULL, NULL);
}

bool security_log_is_empty(const struct station *s)
{
    return s->security.log_next == 0;
}

void security_log_restore(struct station *s, const char *key)
{
    int64_t number;
    if (str_to_int64(key, &number) == 0 && number >= s->security.log_next)
        s->security.log_next = number + 1;
}
