/* The security log (A04.FR.04): every security event, critical or not, one record each, the oldest overwritten by the newest. It is
 * not kept in memory: GetLog has the gateway read it from the store. Only what was written before the clock was set waits here for its
 * right time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "station/internal.h"

#define KEY_SIZE   13 /* twelve digits, so that keys sort by number */
#define TEXT_SIZE  380
#define UNSURE_MAX 16

/* A line whose time was taken before the CSMS told the time. */
struct unsure_line {
    struct list link;
    int64_t number, wall_ms;
    char text[];
};

static void make_key(int64_t number, char ret[static KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%012llu", (unsigned long long)number % 1000000000000);
}

static void write_line(struct station *s, int64_t number, int64_t wall_ms, const char *text)
{
    char key[KEY_SIZE], old_key[KEY_SIZE], when[TIMESTAMP_SIZE], line[TIMESTAMP_SIZE + TEXT_SIZE];
    timestamp_format(wall_ms, when);
    snprintf(line, sizeof(line), "%s %s", when, text);
    make_key(number, key);
    struct record records[2] = { { RECORD_SECURITY_LOG, key, line }, { RECORD_SECURITY_LOG, old_key, NULL } };
    if (number >= SECURITY_LOG_MAX)
        make_key(number - SECURITY_LOG_MAX, old_key);
    station_persist(s, records, number >= SECURITY_LOG_MAX ? 2 : 1, NULL, NULL);
}

static void remember(struct station *s, int64_t number, int64_t wall_ms, const char *text)
{
    size_t count = 0;
    LIST_FOREACH(link, next, &s->security.unsure_lines)
    count++;
    struct unsure_line *line = count < UNSURE_MAX ? calloc(1, sizeof(*line) + strlen(text) + 1) : NULL;
    if (!line)
        return; /* keeps the time it has */
    line->number = number;
    line->wall_ms = wall_ms;
    (void)str_copy(line->text, strlen(text) + 1, text);
    list_append(&s->security.unsure_lines, &line->link);
}

void security_log_add(struct station *s, const char *type, const char *tech_info, bool is_critical)
{
    char text[TEXT_SIZE];
    int64_t number = s->security.log_next++, wall_ms = station_wall_ms(s);
    snprintf(text, sizeof(text), "%s critical=%s info=\"%s\"", type, is_critical ? "yes" : "no",
             tech_info ? tech_info : "");
    str_make_harmless(text);
    write_line(s, number, wall_ms, text);
    if (!s->provisioning.clock_is_set)
        remember(s, number, wall_ms, text);
}

void security_log_on_clock_set(struct station *s, int64_t step_ms)
{
    LIST_FOREACH(link, next, &s->security.unsure_lines)
    {
        struct unsure_line *line = LIST_ITEM(link, struct unsure_line, link);
        if (step_ms && !s->freeing)
            write_line(s, line->number, line->wall_ms + step_ms, line->text);
        list_remove(link);
        free(line);
    }
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
