/* The control socket, on libuv pipes. */
#include "gateway/control.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/gateway.h"
#include "gateway/station_entry.h"
#include "net/local.h"
#include "station/station.h"

struct control {
    struct gateway *gateway;
    uv_pipe_t listener;
    struct list clients;
    size_t client_count;
    uint64_t next_client;
    bool closing;
};

struct client {
    struct list link;
    struct control *control;
    uv_pipe_t pipe;
    uint64_t id; /* an answer that comes later finds its client by it */
    struct buf input;
    char chunk[4096];
    bool wants_log, wants_events;
    size_t pending; /* answers of stations that are to come */
    bool ended;     /* it says no more: goes with its last answer */
};

/* ---- output ---- */

struct output {
    uv_write_t request;
    char *text;
};

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    buf_done(&client->input);
    free(client);
}

static void update_followers(struct control *control);

static void client_close(struct client *client)
{
    if (uv_is_closing((uv_handle_t *)&client->pipe))
        return;
    list_remove(&client->link);
    client->control->client_count--;
    uv_close((uv_handle_t *)&client->pipe, on_client_closed);
    update_followers(client->control);
}

static void close_if_done(struct client *client)
{
    if (client->ended && client->pending == 0 &&
        uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) == 0)
        client_close(client);
}

static void on_sent(uv_write_t *request, int status)
{
    struct output *output = CONTAINER_OF(request, struct output, request);
    if (status != UV_ECANCELED)
        close_if_done(request->handle->data);
    free(output->text);
    free(output);
}

/* Sends one line; takes the text (NULL: no memory). A client that lags too far behind is cut off. */
static void client_send(struct client *client, char *text)
{
    struct output *output = text ? calloc(1, sizeof(*output)) : NULL;
    if (!output || uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe) > CONTROL_MAX_WAITING) {
        free(text);
        free(output);
        client_close(client);
        return;
    }
    output->text = text;
    uv_buf_t parts[] = { uv_buf_init(text, (unsigned)strlen(text)),
                         uv_buf_init((char *)(uintptr_t) "\n", 1) };
    if (uv_write(&output->request, (uv_stream_t *)&client->pipe, parts, 2, on_sent) < 0) {
        free(text);
        free(output);
        client_close(client);
    }
}

static void client_send_json(struct client *client, json_t *json)
{
    client_send(client, json ? json_to_text(json) : NULL);
    json_decref(json);
}

static void client_fail(struct client *client, const char *text)
{
    client_send_json(client, json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

/* ---- those who follow ---- */

static void on_log_line(void *ctx, const char *line)
{
    struct control *control = ctx;
    LIST_FOREACH(link, next, &control->clients)
    {
        struct client *client = LIST_ITEM(link, struct client, link);
        if (client->wants_log)
            client_send_json(client, json_pack("{s:s}", "line", line));
    }
}

static void on_event(void *ctx, const json_t *event)
{
    struct control *control = ctx;
    LIST_FOREACH(link, next, &control->clients)
    {
        struct client *client = LIST_ITEM(link, struct client, link);
        if (client->wants_events)
            client_send(client, json_to_text(event));
    }
}

static void update_followers(struct control *control)
{
    bool log = false, events = false;
    LIST_FOREACH(link, next, &control->clients)
    {
        log = log || LIST_ITEM(link, struct client, link)->wants_log;
        events = events || LIST_ITEM(link, struct client, link)->wants_events;
    }
    log_set_follower(log ? on_log_line : NULL, control);
    control->gateway->events = (struct events){ events ? on_event : NULL, control };
}

/* ---- commands ---- */

static void do_status(struct client *client, const json_t *request)
{
    (void)request;
    client_send_json(client,
                     json_pack("{s:b, s:o}", "ok", 1, "result", gateway_status(client->control->gateway)));
}

static void do_reload(struct client *client, const json_t *request)
{
    (void)request;
    struct problems problems;
    problems_init(&problems);
    int r = gateway_reload(client->control->gateway, &problems);
    json_t *list = json_array();
    for (size_t i = 0; i < problems.count; i++)
        (void)json_array_append_new(list, json_string(problems.list[i].text));
    if (problems.total > problems.count)
        (void)json_array_append_new(list,
                                    json_sprintf("and %zu problems more", problems.total - problems.count));
    client_send_json(client, json_pack("{s:b, s:o}", "ok", r == 0, "problems", list));
    problems_done(&problems);
}

static void do_log(struct client *client, const json_t *request)
{
    (void)request;
    client->wants_log = true;
    update_followers(client->control);
}

static void do_watch(struct client *client, const json_t *request)
{
    (void)request;
    client->wants_events = true;
    update_followers(client->control);
}

/* An answer from a station, for a client that may be gone by now. */
struct pending_answer {
    struct gateway *gateway;
    uint64_t client;
};

static struct client *find_client(struct control *control, uint64_t id)
{
    if (!control)
        return NULL;
    LIST_FOREACH(link, next, &control->clients)
    if (LIST_ITEM(link, struct client, link)->id == id)
        return LIST_ITEM(link, struct client, link);
    return NULL;
}

static void on_station_answer(void *ctx, const struct rpc_answer *answer)
{
    struct pending_answer *pending = ctx;
    struct client *client = find_client(pending->gateway->control, pending->client);
    free(pending);
    if (!client)
        return;
    client->pending--;
    if (answer->outcome == RPC_RESULT)
        client_send_json(client, json_pack("{s:b, s:O}", "ok", 1, "result", answer->payload));
    else
        client_send_json(client, json_pack("{s:b, s:s, s:s}", "ok", 0, "code", answer->code, "error",
                                           answer->description));
}

static void do_send(struct client *client, const json_t *request)
{
    const char *id = json_get_string(request, "station", "");
    const char *action = json_get_string(request, "action", "");
    json_t *payload = json_object_get(request, "payload");
    struct station_entry *entry = gateway_station(client->control->gateway, id);
    if (!entry) {
        client_fail(client, "no station of this id; `ocpp-cli status` lists them");
        return;
    }
    struct pending_answer *pending = malloc(sizeof(*pending));
    if (!pending) {
        client_fail(client, "out of memory");
        return;
    }
    *pending = (struct pending_answer){ client->control->gateway, client->id };
    client->pending++;
    station_request(station_entry_station(entry), action, payload ? json_incref(payload) : json_object(),
                    on_station_answer, pending);
}

static const struct control_command {
    const char *name;
    void (*run)(struct client *client, const json_t *request);
} commands[] = {
    { "status", do_status }, { "reload", do_reload }, { "log", do_log },
    { "watch", do_watch },   { "send", do_send },
};

static void run_line(struct client *client, const char *line, size_t len)
{
    AUTO(json_t) *request = json_from_text(line, len);
    const char *name = json_get_string(request, "command", "");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (str_equal(commands[i].name, name)) {
            commands[i].run(client, request);
            return;
        }
    client_fail(client, "unknown command; expected status, reload, log, watch or send");
}

/* ---- input ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct client *client = handle->data;
    *ret = uv_buf_init(client->chunk, sizeof(client->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *data)
{
    struct client *client = stream->data;
    if (count == UV_EOF && !client->wants_log && !client->wants_events) { /* answers may be under way */
        (void)uv_read_stop(stream);
        client->ended = true;
        close_if_done(client);
        return;
    }
    if (count < 0 || buf_append(&client->input, data->base, (size_t)count) < 0) {
        client_close(client);
        return;
    }
    for (uint8_t *end; client->input.len && (end = memchr(client->input.data, '\n', client->input.len));) {
        size_t len = (size_t)(end - client->input.data);
        run_line(client, (const char *)client->input.data, len);
        if (uv_is_closing((uv_handle_t *)stream))
            return;
        buf_consume(&client->input, len + 1);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *control = listener->data;
    struct client *client = status < 0 ? NULL : calloc(1, sizeof(*client));
    if (!client || uv_pipe_init(&control->gateway->loop.uv, &client->pipe, 0) < 0) {
        free(client);
        return;
    }
    client->pipe.data = client;
    client->control = control;
    client->id = ++control->next_client;
    buf_init(&client->input, CONTROL_MAX_LINE);
    list_append(&control->clients, &client->link);
    control->client_count++;
    if (uv_accept(listener, (uv_stream_t *)&client->pipe) < 0 ||
        control->client_count > CONTROL_MAX_CLIENTS ||
        uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) < 0)
        client_close(client);
}

/* ---- life ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct control *control = handle->data;
    free(control);
}

int control_new(struct gateway *gateway, const char *path, struct control **ret)
{
    struct control *control = calloc(1, sizeof(*control));
    if (!control || uv_pipe_init(&gateway->loop.uv, &control->listener, 0) < 0) {
        free(control);
        return -ENOMEM;
    }
    control->gateway = gateway;
    control->listener.data = control;
    list_init(&control->clients);
    int r = local_listen(&control->listener, path, on_connection);
    if (r < 0) {
        log_error(LOG_GATEWAY, "control socket cannot be opened: path=%s error=\"%s\"%s", path, err_text(r),
                  r == -EADDRINUSE ? " (is another gateway running?)"
                  : r == -EEXIST   ? " (it is no socket, and stays)"
                                   : "");
        uv_close((uv_handle_t *)&control->listener, on_listener_closed);
        return r;
    }
    *ret = control;
    return 0;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    log_set_follower(NULL, NULL);
    control->gateway->events = (struct events){ 0 };
    LIST_FOREACH(link, next, &control->clients)
    client_close(LIST_ITEM(link, struct client, link));
    uv_close((uv_handle_t *)&control->listener, on_listener_closed);
}
