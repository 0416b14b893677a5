/* The log: one write(2) a line, so that lines of several processes do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"

#define MAX_MESSAGE 3900
#define MAX_LINE    (4 * MAX_MESSAGE + 400) /* JSON: a backslash before each quote, and the fields once more */

const char *const log_level_names[LOG_LEVELS] = { "error", "warn", "info", "debug" };
const char *const log_area_names[LOG_AREAS] = { "gateway", "ocpp",   "station", "charger", "modbus",
                                                "echonet", "ocpp16", "net",     "store" };

/* The sink: the program's one global. */
static struct {
    int fd;
    bool json;
    enum log_level levels[LOG_AREAS];
    void (*follow)(void *ctx, const struct log_line *line);
    void *ctx;
    void (*keep)(void *ctx, const char *line);
    void *keep_ctx;
    bool following; /* a follower that logs is not told of it */
} sink = {
    .fd = 2,
    .levels = { LOG_INFO, LOG_INFO, LOG_INFO, LOG_INFO, LOG_INFO, LOG_INFO, LOG_INFO, LOG_INFO },
};

void log_setup(int fd, bool json)
{
    sink.fd = fd;
    sink.json = json;
}

void log_set_level(enum log_area area, enum log_level level)
{
    sink.levels[area] = level;
}

bool log_is_on(enum log_area area, enum log_level level)
{
    return level <= sink.levels[area];
}

void log_set_follower(void (*follow)(void *ctx, const struct log_line *line), void *ctx)
{
    sink.follow = follow;
    sink.ctx = ctx;
}

void log_set_keeper(void (*keep)(void *ctx, const char *line), void *ctx)
{
    sink.keep = keep;
    sink.keep_ctx = ctx;
}

static void format_text(char *ret, size_t size, const char *when, const char *level, const char *area,
                        const char *message)
{
    (void)snprintf(ret, size - 1, "%s %-5s %s: %s", when, level, area, message);
}

/* The length of "name=" at `at`; 0: none. */
static size_t name_length(const char *at)
{
    size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    return len && at[len] == '=' ? len + 1 : 0;
}

/* The row of name=value behind the sentence as members, up to the first word that is none. A value is quoted or one word; what follows
 * the row stands in the message only. The first of a name counts, so that nothing a peer said takes the place of ours. */
static json_t *fields_of(const char *message)
{
    const char *at = strstr(message, ": ");
    while (at && !name_length(at + 2))
        at = strstr(at + 1, ": ");
    json_t *fields = at ? json_object() : NULL;
    for (at = at ? at + 2 : NULL; fields && name_length(at);) {
        char name[32];
        size_t prefix = name_length(at);
        bool quoted = at[prefix] == '"';
        const char *value = at + prefix + quoted;
        size_t len = strcspn(value, quoted ? "\"" : " ");
        const char *end = value + len;
        (void)snprintf(name, sizeof(name), "%.*s", (int)prefix - 1, at);
        if (!quoted && len && value[len - 1] == ':')
            len--;
        if (!json_object_get(fields, name))
            (void)json_object_set_new(fields, name, json_stringn(value, len));
        at = end + strspn(end, quoted ? "\" " : " ");
    }
    return fields;
}

static void format_json(char *ret, size_t size, const char *when, const char *level, const char *area,
                        const char *message)
{
    AUTO(json_t) *line = json_pack("{s:s, s:s, s:s}", "time", when, "level", level, "area", area);
    (void)json_set_optional(line, "message", json_string(message));
    (void)json_set_optional(line, "fields", fields_of(message));
    size_t len = line ? json_dumpb(line, ret, size - 2, JSON_COMPACT) : 0;
    ret[len <= size - 2 ? len : 0] = '\0';
}

static void tell_others(const struct log_line *line)
{
    if (sink.keep)
        sink.keep(sink.keep_ctx, line->line);
    if (!sink.follow || sink.following)
        return;
    sink.following = true;
    sink.follow(sink.ctx, line);
    sink.following = false;
}

/* Of the message, a text of MAX_MESSAGE bytes, what could harm is taken out. */
static void write_line(enum log_area area, enum log_level level, bool is_private, char *message)
{
    char line[MAX_LINE], when[TIMESTAMP_SIZE];
    struct timespec now;
    str_make_harmless(message);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    timestamp_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, when);
    (sink.json ? format_json : format_text)(line, sizeof(line), when, log_level_names[level],
                                            log_area_names[area], message);
    if (!is_private)
        tell_others(&(struct log_line){ level, area, message, line });
    size_t len = strlen(line);
    line[len] = '\n';
    (void)!write(sink.fd, line, len + 1);
}

void log_write(enum log_area area, enum log_level level, const char *format, ...)
{
    char message[MAX_MESSAGE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    write_line(area, level, false, message);
}

void log_private(enum log_area area, enum log_level level, const char *format, ...)
{
    char message[MAX_MESSAGE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    write_line(area, level, true, message);
}
