/* Prompt and socket; an origin is a client of net/line_server.h. */
#include "console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "net/line_server.h"

struct console {
    struct csms *csms;
    struct line_server *server;
};

/* ---- showing ---- */

void console_print(struct console *console, const char *format, ...)
{
    va_list args;
    char *line = NULL;
    (void)console;
    va_start(args, format);
    int len = vasprintf(&line, format, args);
    va_end(args);
    if (len < 0)
        return;
    str_make_harmless(line);
    (void)puts(line);
    (void)fflush(stdout);
    free(line);
}

static void show_transactions(const json_t *list)
{
    size_t index;
    json_t *row;
    (void)printf("%-36s %-20s %-20s %9s %9s %-16s %s\n", "transaction", "station", "token", "Wh", "duration",
                 "stop reason", "complete");
    json_array_foreach(list, index, row)(void) printf(
        "%-36s %-20s %-20s %9.0f %8llds %-16s %s\n", json_get_string(row, "id", ""),
        json_get_string(row, "station", ""), json_get_string(row, "token", "-"),
        json_get_number(row, "energyWh", 0), (long long)json_get_int(row, "durationSeconds", 0),
        json_get_string(row, "stoppedReason", "-"), json_get_bool(row, "complete", false) ? "yes" : "no");
}

static void show_stations(const json_t *list)
{
    size_t index;
    json_t *row, *status;
    const char *connector;
    json_array_foreach(list, index, row)
    {
        (void)printf("%-24s %-12s", json_get_string(row, "id", ""),
                     json_get_bool(row, "connected", false) ? "connected" : "away");
        json_object_foreach(json_object_get(row, "connectors"), connector, status)(void)
            printf("  %s %s", connector, json_string_value(status));
        (void)putchar('\n');
    }
}

static void show_texts(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)(void)
        printf("  %-60s %s\n", key, json_is_string(value) ? json_string_value(value) : "");
}

static void show(const json_t *answer)
{
    static const struct {
        const char *member;
        void (*show)(const json_t *value);
    } rows[] = {
        { "transactions", show_transactions },
        { "stations", show_stations },
        { "help", show_texts },
        { "variables", show_texts },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (json_object_get(answer, rows[i].member)) {
            rows[i].show(json_object_get(answer, rows[i].member));
            return;
        }
    AUTO_FREE char *text = json_to_text(answer);
    if (json_object_get(answer, "result"))
        (void)puts(text ? text : "");
    else if (!json_get_bool(answer, "ok", false))
        (void)printf("%s %s\n", json_get_string(answer, "code", ""), json_get_string(answer, "error", ""));
}

/* ---- commands and answers ---- */

void console_answer(struct console *console, csms_origin origin, json_t *answer)
{
    AUTO(json_t) *owned = answer;
    if (origin == LINE_SERVER_TERMINAL) {
        show(owned);
        (void)fflush(stdout);
    } else {
        AUTO_FREE char *text = json_to_text(owned);
        line_server_send(console->server, origin, text);
    }
    line_server_release(console->server, origin);
}

static void on_line(void *ctx, uint64_t client, char *line, size_t len)
{
    struct console *console = ctx;
    (void)len;
    if (line[strspn(line, " \t\r")] == '\0')
        return;
    line_server_hold(console->server, client);
    csms_command(console->csms, line, client);
}

static const struct line_server_rules rules = {
    .max_clients = 32,
    .max_line = 256u << 10,
    .on_line = on_line,
};

int console_new(struct csms *csms, const char *socket_path, bool interactive, struct console **ret)
{
    struct console *console = calloc(1, sizeof(*console));
    if (!console)
        return -ENOMEM;
    console->csms = csms;
    int r = line_server_new(&csms->loop, socket_path, &rules, console, &console->server);
    if (r < 0) {
        free(console);
        return r;
    }
    if (interactive)
        (void)line_server_add_terminal(console->server, STDIN_FILENO, NULL);
    *ret = console;
    return 0;
}

void console_free(struct console *console)
{
    if (!console)
        return;
    line_server_free(console->server);
    free(console);
}
