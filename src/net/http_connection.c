/* Connections of an HTTP server: bytes become requests, one at a time; what comes before its turn waits, first here, then with the client. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "net/http_internal.h"

#define READ_MAX      (64u << 10) /* more than libwebsockets gives at once */
#define UNSENT_MAX    (64 << 10)  /* of an answer in the kernel: what a slow client does not take is seen */
#define DEAD_PEER_MS  60000
#define FIRST_PROBE_S 30
#define PROBE_S       10
#define V4_MAPPED     "::ffff:"

/* ---- life ---- */

static void set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

/* A client whose machine is gone is noticed, also where nothing is to be sent. */
static void set_up_socket(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_PEER_MS);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, FIRST_PROBE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S);
}

static void read_peer(int fd, char ret[static HTTP_PEER_SIZE])
{
    struct sockaddr_storage a = { 0 };
    socklen_t len = sizeof(a);
    char text[INET6_ADDRSTRLEN] = "";
    if (getpeername(fd, (struct sockaddr *)&a, &len) < 0)
        return;
    if (a.ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, text, sizeof(text));
    else if (a.ss_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&a)->sin6_addr, text, sizeof(text));
    bool is_mapped = str_starts(text, V4_MAPPED) && strchr(text, '.');
    (void)str_copy(ret, HTTP_PEER_SIZE, is_mapped ? text + strlen(V4_MAPPED) : text);
}

static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->size);
    buf_done(b);
}

static void connection_free(struct http_connection *c)
{
    timer_stop(&c->timer);
    list_remove(&c->link);
    wipe(&c->in); /* tokens and passwords */
    wipe(&c->out);
    free(c);
}

/* The owner, if it has the exchange, is told that it is gone. */
static void end_exchange(struct http_connection *c)
{
    struct http_exchange *e = STEAL(c->exchange);
    if (e && c->server && http_connection_is_owners(c))
        c->server->events.on_gone(c->server->ctx, e); /* the server may be gone now */
    http_exchange_free(e);
}

void http_connection_on_close(struct http_connection *c)
{
    list_remove(&c->link);
    list_remove(&c->queued);
    timer_stop(&c->timer);
    end_exchange(c);
    c->phase = HTTP_PHASE_LINGERING;
    if (c->server)
        c->server->connection_count--;
    c->server = NULL;
}

void http_connection_on_gone(struct http_connection *c)
{
    http_connection_on_close(c);
    connection_free(c);
}

void http_connection_kill(struct http_connection *c)
{
    struct lws *wsi = c->wsi;
    http_connection_on_close(c);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_timeout(struct timer *timer, void *ctx)
{
    (void)timer;
    struct http_connection *c = ctx;
    if (c->server && c->phase == HTTP_PHASE_BODY)
        http_exchange_refuse(c->exchange, 408);
    else
        http_connection_kill(c);
}

bool http_connection_is_owners(const struct http_connection *c)
{
    return c->phase == HTTP_PHASE_ASKED || c->phase == HTTP_PHASE_STREAMING;
}

void http_connection_wait(struct http_connection *c, int64_t ms)
{
    env_timer_start(&c->server->context->loop->env, &c->timer, ms);
}

/* Else who opens connections and says nothing, or takes nothing, would keep everybody out: the one that was served longest ago goes. */
static bool make_room(struct http_server *server)
{
    if (server->connection_count < HTTP_MAX_CONNECTIONS)
        return true;
    LIST_FOREACH(link, following, &server->connections)
    {
        struct http_connection *c = LIST_ITEM(link, struct http_connection, link);
        if (http_connection_is_owners(c) || c->phase == HTTP_PHASE_QUEUED)
            continue;
        http_connection_kill(c);
        return true;
    }
    return false;
}

static void note_served(struct http_connection *c)
{
    list_remove(&c->link);
    list_append(&c->server->connections, &c->link);
}

void http_connection_new(struct http_server *server, int fd)
{
    struct http_connection *c = make_room(server) ? calloc(1, sizeof(*c)) : NULL;
    if (!c) {
        close(fd);
        return;
    }
    list_init(&c->link);
    list_init(&c->queued);
    buf_init(&c->in, HTTP_MAX_HEAD + READ_MAX);
    buf_init(&c->out, HTTP_MAX_HEAD + HTTP_MAX_ANSWER);
    timer_init(&c->timer, server->context->loop->env.timers, on_timeout, c);
    if (server->listener) {
        set_up_socket(fd);
        read_peer(fd, c->peer);
    }
    lws_sock_file_fd_type descriptor = { .sockfd = fd };
    c->wsi = lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL, descriptor,
                                        server->protocols[0].name, NULL);
    if (!c->wsi) { /* the descriptor is closed */
        log_debug(LOG_NET, "a connection is not served: it was closed at once, or there is no memory");
        connection_free(c);
        return;
    }
    lws_set_opaque_user_data(c->wsi, c);
    c->server = server;
    server->connection_count++;
    list_append(&server->connections, &c->link);
    http_connection_wait(c, server->patience.head_ms);
}

void http_connection_forget_server(struct http_connection *c)
{
    struct http_server *server = c->server;
    bool is_owners = c->exchange && http_connection_is_owners(c);
    timer_stop(&c->timer);
    list_remove(&c->queued);
    c->server = NULL;
    if (is_owners)
        server->events.on_gone(server->ctx, c->exchange);
}

/* ---- reading ---- */

/* The client waits with sending while there is enough to do. */
static void hold(struct http_connection *c, bool is_held)
{
    if (c->is_held == is_held)
        return;
    c->is_held = is_held;
    (void)lws_rx_flow_control(c->wsi, !is_held);
}

/* Many who ask at once (after a break all browsers do) must not hold up the loop by the sum of what they ask for. */
static void ask(struct http_connection *c)
{
    timer_stop(&c->timer);
    note_served(c);
    c->phase = HTTP_PHASE_QUEUED;
    list_append(&c->server->queue, &c->queued);
    if (!timer_is_active(&c->server->turn))
        env_timer_start(&c->server->context->loop->env, &c->server->turn, 0);
}

void http_connection_serve_next(struct http_server *server)
{
    if (list_is_empty(&server->queue))
        return;
    struct http_connection *c = LIST_ITEM(server->queue.next, struct http_connection, queued);
    struct http_exchange *e = c->exchange;
    list_remove(&c->queued);
    if (!list_is_empty(&server->queue))
        env_timer_start(&server->context->loop->env, &server->turn, 0);
    c->phase = HTTP_PHASE_ASKED;
    e->request.body = buf_string(&e->body);
    e->request.body_len = e->body.len;
    server->events.on_request(server->ctx, e, &e->request); /* the server may be gone now */
}

static void give_up_body(struct http_exchange *e)
{
    e->connection->server->bodies -= e->reserved;
    e->reserved = 0;
    wipe(&e->body);
    http_exchange_refuse(e, 503);
}

/* Else who promises large bodies and does not send them would keep everybody from it: those who take longest go. */
static void make_room_for_body(struct http_server *server, size_t len)
{
    LIST_FOREACH(link, following, &server->connections)
    {
        struct http_connection *c = LIST_ITEM(link, struct http_connection, link);
        if (len <= HTTP_MAX_BODIES - server->bodies)
            return;
        if (c->phase == HTTP_PHASE_BODY && c->exchange->reserved)
            give_up_body(c->exchange);
    }
}

/* Large bodies share what there is for them. */
static bool reserve_body(struct http_exchange *e)
{
    struct http_server *server = e->connection->server;
    size_t len = e->head.content_length;
    if (len <= HTTP_SMALL_BODY)
        return true;
    make_room_for_body(server, len);
    if (len > HTTP_MAX_BODIES - server->bodies)
        return false;
    server->bodies += len;
    e->reserved = len;
    return true;
}

static void await_body(struct http_connection *c)
{
    c->body_due_ms = env_now_ms(&c->server->context->loop->env) + c->server->patience.body_ms;
    c->phase = HTTP_PHASE_BODY;
    http_connection_wait(c, c->server->patience.body_pause_ms);
    if (c->exchange->head.expects_continue && c->in.len == 0) {
        buf_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        (void)lws_callback_on_writable(c->wsi);
    }
}

static void begin_request(struct http_connection *c, int status)
{
    struct http_exchange *e = c->exchange;
    if (status == 0 && !reserve_body(e))
        status = 503;
    if (status)
        http_exchange_refuse(e, status);
    else if (e->head.content_length)
        await_body(c);
    else
        ask(c);
}

/* 1: there was a head, 0: more of it must come, -1: no memory. */
static int take_head(struct http_connection *c)
{
    while (c->in.len >= 2 && c->in.data[0] == '\r' && c->in.data[1] == '\n') { /* RFC 9112, 2.2 */
        buf_consume(&c->in, 2);
        c->scanned = 0;
    }
    size_t len = http_head_length((const char *)c->in.data, c->in.len, &c->scanned);
    bool is_too_long = (len ? len : c->in.len) > HTTP_MAX_HEAD;
    if (len == 0 && !is_too_long)
        return 0;
    int status = is_too_long ? 431 : 0;
    c->exchange = http_exchange_new(c, is_too_long ? 0 : len, &status);
    if (!c->exchange)
        return -1;
    buf_consume(&c->in, is_too_long ? c->in.len : len);
    c->scanned = 0;
    begin_request(c, status);
    return 1;
}

static void take_body(struct http_connection *c)
{
    struct http_exchange *e = c->exchange;
    size_t missing = e->head.content_length - e->body.len;
    size_t len = c->in.len < missing ? c->in.len : missing;
    if (buf_append(&e->body, c->in.data, len) < 0) {
        http_exchange_refuse(e, 503);
        return;
    }
    buf_consume(&c->in, len);
    if (e->body.len == e->head.content_length) {
        ask(c);
        return;
    }
    int64_t left = c->body_due_ms - env_now_ms(&c->server->context->loop->env);
    int64_t pause = c->server->patience.body_pause_ms;
    http_connection_wait(c, left < pause ? (left > 0 ? left : 0) : pause);
}

/* Deals with what has come. 0, or -1 to close. */
static int advance(struct http_connection *c)
{
    int r = 1;
    while (r > 0 && c->server && c->in.len > 0)
        if (c->phase == HTTP_PHASE_HEAD)
            r = take_head(c);
        else if (c->phase == HTTP_PHASE_BODY)
            take_body(c);
        else
            r = 0;
    if (!c->server || r < 0)
        return -1;
    hold(c, c->in.len > HTTP_MAX_HEAD);
    return 0;
}

/* What OpenSSL has decrypted is not seen by who waits for the socket, and libwebsockets looks once more only. */
static int read_rest(struct http_connection *c)
{
    SSL *ssl = lws_get_ssl(c->wsi);
    char bytes[4096];
    int r = 0;
    while (r == 0 && ssl && SSL_pending(ssl) > 0) {
        int n = SSL_read(ssl, bytes, sizeof(bytes));
        r = n > 0 ? buf_append(&c->in, bytes, (size_t)n) : -EIO;
    }
    explicit_bzero(bytes, sizeof(bytes));
    return r;
}

int http_connection_on_read(struct http_connection *c, const void *bytes, size_t len)
{
    if (!c->server)
        return -1;
    /* Our own timer watches it; libwebsockets' for what follows a TLS handshake is never stopped for raw bytes, and would cut it after 20 s. */
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    if (c->phase == HTTP_PHASE_LINGERING)
        return 0;
    if (c->is_idle) {
        c->is_idle = false;
        http_connection_wait(c, c->server->patience.head_ms);
    }
    if (buf_append(&c->in, bytes, len) < 0 || read_rest(c) < 0)
        return -1;
    return advance(c);
}

/* ---- writing ---- */

/* Hanging up at once would make the kernel throw away the answer, where something of the client was not read (RFC 9112, 9.6). */
static void linger(struct http_connection *c)
{
    SSL *ssl = lws_get_ssl(c->wsi);
    c->phase = HTTP_PHASE_LINGERING;
    if (ssl)
        (void)SSL_shutdown(ssl);
    (void)shutdown(lws_get_socket_fd(c->wsi), SHUT_WR);
    wipe(&c->in);
    hold(c, false);
    http_connection_wait(c, c->server->patience.linger_ms);
}

/* The client has taken the whole answer. */
static int on_answered(struct http_connection *c)
{
    end_exchange(c);
    if (!c->server)
        return -1;
    wipe(&c->out);
    c->out_at = c->static_at = c->static_len = 0;
    if (c->must_close) {
        linger(c);
        return 0;
    }
    if (c->in.len == 0)
        wipe(&c->in);
    c->phase = HTTP_PHASE_HEAD;
    note_served(c);
    c->is_idle = c->in.len == 0;
    http_connection_wait(c, c->is_idle ? c->server->patience.idle_ms : c->server->patience.head_ms);
    return advance(c);
}

/* libwebsockets keeps what the socket does not take, and asks for more when it did. */
static int write_some(struct http_connection *c)
{
    uint8_t chunk[LWS_PRE + HTTP_CHUNK];
    bool is_static = c->out_at == c->out.len;
    const uint8_t *from = is_static ? c->body_static + c->static_at : c->out.data + c->out_at;
    size_t len = is_static ? c->static_len - c->static_at : c->out.len - c->out_at;
    if (len > HTTP_CHUNK)
        len = HTTP_CHUNK;
    memcpy(chunk + LWS_PRE, from, len);
    if (is_static)
        c->static_at += len;
    else
        c->out_at += len;
    int r = lws_write(c->wsi, chunk + LWS_PRE, len, LWS_WRITE_RAW);
    explicit_bzero(chunk, sizeof(chunk));
    return r < 0 ? -1 : 0;
}

static bool has_output(const struct http_connection *c)
{
    return c->out_at < c->out.len || c->static_at < c->static_len;
}

static int on_drained(struct http_connection *c)
{
    struct http_exchange *e = c->exchange;
    if (c->phase == HTTP_PHASE_SENDING || (c->phase == HTTP_PHASE_STREAMING && e->fill_ended))
        return on_answered(c);
    c->out_at = c->out.len = 0;
    if (c->phase != HTTP_PHASE_STREAMING)
        return 0;
    timer_stop(&c->timer);
    http_exchange_fill(e);
    if (!c->server)
        return -1;
    return e->fill_ended && !has_output(c) ? on_answered(c) : 0;
}

int http_connection_on_writable(struct http_connection *c)
{
    int r = c->server ? 0 : -1;
    if (r == 0 && !has_output(c))
        r = on_drained(c);
    if (r < 0 || !has_output(c))
        return r;
    if (c->phase == HTTP_PHASE_SENDING)
        http_connection_wait(c, c->server->patience.answer_ms);
    else if (c->phase == HTTP_PHASE_STREAMING)
        http_connection_wait(c, c->exchange->stalled_ms);
    (void)lws_callback_on_writable(c->wsi);
    return write_some(c);
}
