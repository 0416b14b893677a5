/* Lines over pipes and a terminal, on libuv. */
#include "net/line_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "net/local.h"
#include "net/loop.h"

struct client {
    struct list link;
    struct line_server *server;
    uint64_t id;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tty_t tty;
    } uv;
    const char *prompt; /* NULL: none */
    struct buf input;
    size_t held;  /* lines not dealt with yet */
    bool ended;   /* it says no more */
    bool working; /* its lines are being given */
    char chunk[4096];
};

struct line_server {
    struct loop *loop;
    const struct line_server_rules *rules;
    void *ctx;
    uv_pipe_t listener;
    struct list clients;
    size_t client_count;
    uint64_t last_id;
    size_t handles; /* that libuv has not given back */
    bool closing;
};

/* ---- end of a client ---- */

static void give_back(struct line_server *server)
{
    if (--server->handles == 0)
        free(server);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct line_server *server = client->server;
    buf_done(&client->input);
    free(client);
    give_back(server);
}

static bool is_closing(const struct client *client)
{
    return uv_is_closing(&client->uv.handle);
}

static void client_close(struct client *client)
{
    struct line_server *server = client->server;
    if (is_closing(client))
        return;
    list_remove(&client->link);
    server->client_count -= client->id != LINE_SERVER_TERMINAL;
    uv_close(&client->uv.handle, on_client_closed);
    if (server->rules->on_gone && !server->closing)
        server->rules->on_gone(server->ctx, client->id);
}

static struct client *find(const struct line_server *server, uint64_t id)
{
    LIST_FOREACH(link, next, &server->clients)
    if (LIST_ITEM(link, struct client, link)->id == id)
        return LIST_ITEM(link, struct client, link);
    return NULL;
}

/* ---- output ---- */

struct output {
    uv_write_t request;
    char text[];
};

static void take_input(struct client *client);

static void on_written(uv_write_t *request, int status)
{
    struct client *client = request->handle->data;
    free(CONTAINER_OF(request, struct output, request));
    if (is_closing(client))
        return;
    if (status < 0)
        client_close(client);
    else
        take_input(client);
}

static void write_text(struct client *client, const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    struct output *output = malloc(sizeof(*output) + len + end_len);
    if (!output || uv_stream_get_write_queue_size(&client->uv.stream) > LINE_SERVER_MAX_WAITING) {
        free(output);
        client_close(client);
        return;
    }
    memcpy(output->text, text, len);
    memcpy(output->text + len, end, end_len);
    uv_buf_t bytes = uv_buf_init(output->text, (unsigned)(len + end_len));
    if (uv_write(&output->request, &client->uv.stream, &bytes, 1, on_written) < 0) {
        free(output);
        client_close(client);
    }
}

void line_server_send(struct line_server *server, uint64_t id, const char *text)
{
    struct client *client = find(server, id);
    if (client && text)
        write_text(client, text, "\n");
    else if (client)
        client_close(client);
}

static void show_prompt(struct client *client)
{
    if (client->prompt && client->held == 0 && !is_closing(client))
        write_text(client, client->prompt, "");
}

/* ---- input ---- */

static bool is_busy(const struct client *client)
{
    return client->held || uv_stream_get_write_queue_size(&client->uv.stream);
}

static void give_lines(struct client *client)
{
    const struct line_server_rules *rules = client->server->rules;
    while (client->input.len && !(rules->one_at_a_time && is_busy(client))) {
        char *line = (char *)client->input.data;
        char *end = memchr(line, '\n', client->input.len);
        size_t len = end ? (size_t)(end - line) : client->input.len;
        if (len >= rules->max_line)
            client_close(client);
        if (len >= rules->max_line || !end)
            return;
        *end = '\0';
        rules->on_line(client->server->ctx, client->id, line, len);
        if (is_closing(client))
            return;
        buf_consume(&client->input, len + 1);
        show_prompt(client);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct client *client = handle->data;
    *ret = uv_buf_init(client->chunk, sizeof(client->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct client *client = stream->data;
    client->ended = count == UV_EOF;
    if ((count < 0 && !client->ended) ||
        (count > 0 && buf_append(&client->input, bytes->base, (size_t)count) < 0))
        client_close(client);
    else
        take_input(client);
}

/* Gives what lines there are, and reads on unless one that may be given only later is here already. */
static void take_input(struct client *client)
{
    if (client->working) /* on_line() released: the loop that called it goes on */
        return;
    client->working = true;
    give_lines(client);
    client->working = false;
    if (is_closing(client))
        return;
    if (client->ended && !is_busy(client))
        client_close(client);
    else if (client->ended || client->input.len >= client->server->rules->max_line)
        (void)uv_read_stop(&client->uv.stream);
    else
        (void)uv_read_start(&client->uv.stream, on_alloc, on_read);
}

void line_server_hold(struct line_server *server, uint64_t id)
{
    struct client *client = find(server, id);
    if (client)
        client->held++;
}

void line_server_release(struct line_server *server, uint64_t id)
{
    struct client *client = find(server, id);
    if (!client)
        return;
    client->held--;
    if (client->working)
        return;
    show_prompt(client);
    if (!is_closing(client))
        take_input(client);
}

/* ---- life ---- */

static struct client *client_new(struct line_server *server, uint64_t id)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->server = server;
    client->id = id;
    buf_init(&client->input, server->rules->max_line + sizeof(client->chunk));
    return client;
}

/* Its handle is initialised. */
static void client_open(struct client *client)
{
    client->uv.handle.data = client;
    list_append(&client->server->clients, &client->link);
    client->server->client_count += client->id != LINE_SERVER_TERMINAL;
    client->server->handles++;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct line_server *server = listener->data;
    struct client *client = status < 0 ? NULL : client_new(server, ++server->last_id);
    if (!client || uv_pipe_init(&server->loop->uv, &client->uv.pipe, 0) < 0) {
        free(client);
        return;
    }
    client_open(client);
    if (uv_accept(listener, &client->uv.stream) < 0 || server->client_count > server->rules->max_clients ||
        uv_read_start(&client->uv.stream, on_alloc, on_read) < 0)
        client_close(client);
}

int line_server_add_terminal(struct line_server *server, int fd, const char *prompt)
{
    struct client *client = client_new(server, LINE_SERVER_TERMINAL);
    int r = client ? uv_tty_init(&server->loop->uv, &client->uv.tty, fd, 1) : -ENOMEM;
    if (r < 0) {
        free(client);
        return r;
    }
    client->prompt = prompt;
    client_open(client);
    r = uv_read_start(&client->uv.stream, on_alloc, on_read);
    if (r < 0)
        client_close(client);
    else
        show_prompt(client);
    return r;
}

static void on_listener_closed(uv_handle_t *handle)
{
    give_back(handle->data);
}

int line_server_new(struct loop *loop, const char *path, const struct line_server_rules *rules, void *ctx,
                    struct line_server **ret)
{
    struct line_server *server = calloc(1, sizeof(*server));
    if (!server || uv_pipe_init(&loop->uv, &server->listener, 0) < 0) {
        free(server);
        return -ENOMEM;
    }
    server->loop = loop;
    server->rules = rules;
    server->ctx = ctx;
    server->listener.data = server;
    server->handles = 1;
    list_init(&server->clients);
    int r = path ? local_listen(&server->listener, path, on_connection) : 0;
    if (r < 0) {
        line_server_free(server);
        return r;
    }
    *ret = server;
    return 0;
}

void line_server_free(struct line_server *server)
{
    if (!server)
        return;
    server->closing = true;
    LIST_FOREACH(link, next, &server->clients)
    client_close(LIST_ITEM(link, struct client, link));
    uv_close((uv_handle_t *)&server->listener, on_listener_closed);
}
