/* Prompt and socket, on libuv. Origin 0 is the terminal, others are clients of the socket. */
#include "console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "net/local.h"

#define MAX_LINE    (256u << 10)
#define MAX_CLIENTS 32
#define MAX_WAITING (4u << 20) /* bytes a client may lag behind */

struct source { /* stdin, or a client */
    struct list link;
    struct console *console;
    csms_origin origin;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tty_t tty;
    } uv;
    struct buf input;
    char chunk[4096];
    size_t open_answers; /* commands that were not answered yet */
    bool ended;          /* no more commands come: goes with the last answer */
};

struct console {
    struct csms *csms;
    uv_pipe_t listener;
    struct list clients;
    size_t client_count;
    csms_origin next_origin;
    struct source *terminal;
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

/* ---- answers ---- */

struct output {
    uv_write_t request;
    char *text;
};

static void on_source_closed(uv_handle_t *handle)
{
    struct source *source = handle->data;
    buf_done(&source->input);
    free(source);
}

static void source_close(struct source *source)
{
    if (uv_is_closing(&source->uv.handle))
        return;
    if (source->origin) {
        list_remove(&source->link);
        source->console->client_count--;
    } else {
        source->console->terminal = NULL;
    }
    uv_close(&source->uv.handle, on_source_closed);
}

/* Closes one that said all it had to say and has all its answers. */
static void close_if_done(struct source *source)
{
    if (source->ended && source->open_answers == 0 && uv_stream_get_write_queue_size(&source->uv.stream) == 0)
        source_close(source);
}

static void on_sent(uv_write_t *request, int status)
{
    struct output *output = CONTAINER_OF(request, struct output, request);
    if (status != UV_ECANCELED)
        close_if_done(request->handle->data);
    free(output->text);
    free(output);
}

/* One that does not read what it asked for is cut off. */
static void source_send(struct source *source, const json_t *answer)
{
    struct output *output = calloc(1, sizeof(*output));
    char *text = output ? json_to_text(answer) : NULL;
    if (!text || uv_stream_get_write_queue_size(&source->uv.stream) > MAX_WAITING) {
        free(text);
        free(output);
        source_close(source);
        return;
    }
    output->text = text;
    uv_buf_t parts[] = { uv_buf_init(text, (unsigned)strlen(text)),
                         uv_buf_init((char *)(uintptr_t) "\n", 1) };
    if (uv_write(&output->request, &source->uv.stream, parts, 2, on_sent) == 0)
        return;
    free(text);
    free(output);
    source_close(source);
}

static struct source *find_source(struct console *console, csms_origin origin)
{
    LIST_FOREACH(link, next, &console->clients)
    if (LIST_ITEM(link, struct source, link)->origin == origin)
        return LIST_ITEM(link, struct source, link);
    return NULL;
}

void console_answer(struct console *console, csms_origin origin, json_t *answer)
{
    AUTO(json_t) *owned = answer;
    if (origin == 0) {
        show(owned);
        (void)fflush(stdout);
        return;
    }
    struct source *source = find_source(console, origin);
    if (!source)
        return;
    source->open_answers--;
    source_send(source, owned);
}

/* ---- input ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct source *source = handle->data;
    *ret = uv_buf_init(source->chunk, sizeof(source->chunk));
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r")] == '\0';
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *data)
{
    struct source *source = stream->data;
    if (count == UV_EOF && source->origin) { /* its answers may still be under way */
        (void)uv_read_stop(stream);
        source->ended = true;
        close_if_done(source);
        return;
    }
    if (count < 0 || buf_append(&source->input, data->base, (size_t)count) < 0) {
        source_close(source);
        return;
    }
    for (uint8_t *end; source->input.len && (end = memchr(source->input.data, '\n', source->input.len));) {
        const char *line = (const char *)source->input.data;
        size_t len = (size_t)(end - source->input.data);
        *end = '\0';
        if (!is_blank(line)) {
            source->open_answers++;
            csms_command(source->console->csms, line, source->origin);
        }
        if (uv_is_closing(&source->uv.handle))
            return;
        buf_consume(&source->input, len + 1);
    }
}

static struct source *source_new(struct console *console, csms_origin origin)
{
    struct source *source = calloc(1, sizeof(*source));
    if (!source)
        return NULL;
    source->console = console;
    source->origin = origin;
    buf_init(&source->input, MAX_LINE);
    return source;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct console *console = listener->data;
    struct source *source = status < 0 ? NULL : source_new(console, ++console->next_origin);
    if (!source || uv_pipe_init(&console->csms->loop.uv, &source->uv.pipe, 0) < 0) {
        free(source);
        return;
    }
    source->uv.pipe.data = source;
    list_append(&console->clients, &source->link);
    console->client_count++;
    if (uv_accept(listener, &source->uv.stream) < 0 || console->client_count > MAX_CLIENTS ||
        uv_read_start(&source->uv.stream, on_alloc, on_read) < 0)
        source_close(source);
}

/* ---- life ---- */

static void open_terminal(struct console *console)
{
    struct source *source = source_new(console, 0);
    if (!source)
        return;
    int r =
        uv_guess_handle(0) == UV_TTY ? uv_tty_init(&console->csms->loop.uv, &source->uv.tty, 0, 1) : -EINVAL;
    if (r < 0 && (uv_pipe_init(&console->csms->loop.uv, &source->uv.pipe, 0) < 0 ||
                  uv_pipe_open(&source->uv.pipe, 0) < 0)) {
        free(source);
        return;
    }
    source->uv.handle.data = source;
    console->terminal = source;
    (void)uv_read_start(&source->uv.stream, on_alloc, on_read);
}

int console_new(struct csms *csms, const char *socket_path, bool interactive, struct console **ret)
{
    struct console *console = calloc(1, sizeof(*console));
    if (!console)
        return -ENOMEM;
    console->csms = csms;
    list_init(&console->clients);
    *ret = console;
    int r = uv_pipe_init(&csms->loop.uv, &console->listener, 0);
    console->listener.data = console;
    if (r == 0 && socket_path)
        r = local_listen(&console->listener, socket_path, on_connection);
    if (r == 0 && interactive)
        open_terminal(console);
    return r;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct console *console = handle->data;
    free(console);
}

void console_free(struct console *console)
{
    if (!console)
        return;
    LIST_FOREACH(link, next, &console->clients)
    source_close(LIST_ITEM(link, struct source, link));
    if (console->terminal)
        source_close(console->terminal);
    uv_close((uv_handle_t *)&console->listener, on_listener_closed);
}
