/* One WebSocket connection of either side: attempt, queue, messages, pings, end. See the phases in the internal header.
 *
 * Lifetime: the struct goes when both its owner (websocket_free) and libwebsockets (websocket_on_closed, or
 * websocket_on_failure) are done with it. libwebsockets may only be told to kill a connection from outside its callbacks,
 * so a timer does that. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/handshake.h"
#include "net/websocket_internal.h"

#define ATTEMPT_MS         20000
#define CLOSE_MS           3000 /* for a close handshake */
#define QUEUE_MAX_MESSAGES 1000
#define QUEUE_MAX_BYTES    1048576
#define COMPRESS_MIN       64                           /* bytes; less is not worth it */
#define WRITE_CLOSE        ((enum lws_write_protocol)4) /* libwebsockets' LWS_WRITE_CLOSE is in no header of it */
#define RSV1               0x40
#define RSV2_RSV3          0x30

struct outgoing {
    struct outgoing *next;
    size_t len;
    bool compressed;
    uint8_t bytes[]; /* LWS_PRE for libwebsockets' header, then the text */
};

static void on_timer(struct timer *timer, void *ctx);

static void attempt_free(struct attempt *a)
{
    if (!a)
        return;
    resolve_cancel(a->resolve);
    free(a->path);
    if (a->authorization)
        OPENSSL_cleanse(a->authorization, strlen(a->authorization));
    free(a->authorization);
    free(a);
}
DEFINE_AUTO(attempt, attempt_free)

static void pop_outgoing(struct websocket *ws)
{
    struct outgoing *m = ws->first;
    ws->first = m->next;
    if (!ws->first)
        ws->last = &ws->first;
    ws->queued--;
    ws->queued_bytes -= m->len;
    free(m);
}

static void destroy(struct websocket *ws)
{
    timer_stop(&ws->timer);
    attempt_free(ws->attempt);
    while (ws->first)
        pop_outgoing(ws);
    buf_done(&ws->incoming);
    free(ws->end_text);
    struct endpoint *endpoint = ws->endpoint;
    free(ws);
    endpoint_release(endpoint);
}

static struct websocket *websocket_new(struct endpoint *endpoint)
{
    struct websocket *ws = calloc(1, sizeof(*ws));
    if (!ws)
        return NULL;
    ws->endpoint = endpoint;
    ws->last = &ws->first;
    buf_init(&ws->incoming, endpoint->max_message);
    timer_init(&ws->timer, &endpoint->context->loop->timers, on_timer, ws);
    endpoint->websockets++;
    endpoint->context->websockets++;
    return ws;
}

static void start_timer(struct websocket *ws, int64_t delay_ms)
{
    env_timer_start(&ws->endpoint->context->loop->env, &ws->timer, delay_ms);
}

/* The first reason counts; what follows it is only its consequence. */
static void set_end(struct websocket *ws, enum websocket_failure failure, int status, const char *text)
{
    if (ws->end_known)
        return;
    ws->end_known = true;
    ws->end_text = strdup(text);
    ws->end = (struct websocket_end){ .failure = failure, .status = status };
}

/* libwebsockets has no part in it any more: tells the owner, or goes if there is none. */
static void end(struct websocket *ws)
{
    ws->phase = PHASE_ENDED;
    timer_stop(&ws->timer);
    attempt_free(STEAL(ws->attempt));
    ws->end.text = ws->end_text ? ws->end_text : "";
    log_debug(LOG_NET, "websocket ended: failure=%d status=%d: %s", ws->end.failure, ws->end.status,
              ws->end.text);
    if (ws->freed)
        destroy(ws);
    else if (ws->events.on_close)
        ws->events.on_close(ws->ctx, &ws->end);
}

static void detach(struct websocket *ws)
{
    if (ws->wsi)
        lws_set_opaque_user_data(ws->wsi, NULL);
    ws->wsi = NULL;
}

/* Ends in websocket_on_closed() or websocket_on_failure(), at once or (if libwebsockets still has something to send) after
 * it found the socket dead. */
static void kill_connection(struct websocket *ws)
{
    start_timer(ws, CLOSE_MS);
    shutdown(lws_get_socket_fd(ws->wsi), SHUT_RDWR);
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* ---- Client: the attempt ---- */

static bool connect_to(struct websocket *ws, const struct sockaddr_storage *address)
{
    struct endpoint *e = ws->endpoint;
    char literal[INET6_ADDRSTRLEN];
    if (address->ss_family == AF_INET6)
        uv_ip6_name((const struct sockaddr_in6 *)address, literal, sizeof(literal));
    else
        uv_ip4_name((const struct sockaddr_in *)address, literal, sizeof(literal));

    /* libwebsockets would resolve a name blockingly, so it gets the address; host is for the Host header, and the name of
     * the certificate and SNI are set by tls.c. */
    struct lws_client_connect_info info = {
        .context = e->context->lws,
        .vhost = e->vhost,
        .address = literal,
        .port = e->url.port,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT |
                          (e->tls ? LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0),
        .path = ws->attempt->path,
        .host = e->host_header,
        .protocol = e->subprotocols,
        .local_protocol_name = "client",
        .alpn = "http/1.1",
        .ietf_version_or_minus_one = -1,
        .opaque_user_data = ws,
        .retry_and_idle_policy = &no_keepalive,
    };
    ws->phase = PHASE_CONNECTING;
    ws->wsi = lws_client_connect_via_info(&info);
    return ws->wsi != NULL;
}

static const enum websocket_failure tls_failures[] = {
    [TLS_FAULT_OTHER] = WEBSOCKET_TLS_FAILED,
    [TLS_FAULT_CERTIFICATE] = WEBSOCKET_TLS_CERTIFICATE,
    [TLS_FAULT_VERSION] = WEBSOCKET_TLS_VERSION,
    [TLS_FAULT_SUITES] = WEBSOCKET_TLS_SUITES,
};

static void fail_tls(struct websocket *ws, const char *text)
{
    const struct tls_peer *peer = &ws->endpoint->peer;
    char told[96];
    snprintf(told, sizeof(told), "%s%s", peer->is_told ? "the server refuses: " : "",
             peer->error ? peer->error : text);
    set_end(ws, tls_failures[peer->fault], 0, told);
}

/* After the TLS handshake. In TLS 1.3 a server judges our certificate only then, and many just close. */
static void fail_handshake(struct websocket *ws, int status, const char *text)
{
    const struct endpoint *e = ws->endpoint;
    char refused[32], closed[160];
    snprintf(refused, sizeof(refused), "HTTP status %d", status);
    snprintf(closed, sizeof(closed), "%s%s", text,
             e->ssl && SSL_CTX_get0_certificate(e->ssl) ? " (does it take our certificate?)" : "");
    if (status && status != 101)
        set_end(ws, WEBSOCKET_REFUSED, status, refused);
    else if (strstr(text, "PROTOCOL")) /* libwebsockets: the server chose one that we did not offer */
        set_end(ws, WEBSOCKET_NO_SUBPROTOCOL, 0, "the server chose another subprotocol than those offered");
    else if (e->tls && e->peer.is_told)
        fail_tls(ws, text);
    else
        set_end(ws, WEBSOCKET_LOST, 0, closed);
}

/* Ends the attempt according to how far it got. */
static void fail(struct websocket *ws, int status, const char *text)
{
    switch (ws->phase) {
    case PHASE_TLS:
        fail_tls(ws, text);
        break;
    case PHASE_HANDSHAKE:
        fail_handshake(ws, status, text);
        break;
    case PHASE_RESOLVING:
    case PHASE_NEXT_ADDRESS:
    case PHASE_CONNECTING:
    case PHASE_OPEN:
    case PHASE_CLOSING:
    case PHASE_ABORTING:
    case PHASE_ENDED:
        set_end(ws, WEBSOCKET_UNREACHABLE, 0, text);
        break;
    }
    end(ws);
}

static void try_addresses(struct websocket *ws)
{
    struct attempt *a = ws->attempt;
    int64_t left = a->deadline_ms - env_now_ms(&ws->endpoint->context->loop->env);
    start_timer(ws, left > 0 ? left : 0);
    while (a->next < a->count)
        if (connect_to(ws, &a->addresses[a->next++]))
            return;
        else if (ws->phase != PHASE_CONNECTING)
            break; /* it answered, so the next address is no better */
    fail(ws, 0, "cannot connect");
}

static void on_resolved(void *ctx, int err, const struct sockaddr_storage *addresses, size_t count)
{
    struct websocket *ws = ctx;
    struct attempt *a = ws->attempt;
    a->resolve = NULL;
    a->count = count;
    if (count == 0) {
        fail(ws, 0, uv_strerror(err));
        return;
    }
    memcpy(a->addresses, addresses, count * sizeof(*addresses));
    try_addresses(ws);
}

void websocket_on_connected(struct websocket *ws)
{
    if (ws->phase == PHASE_CONNECTING)
        ws->phase = ws->endpoint->tls ? PHASE_TLS : PHASE_HANDSHAKE;
}

void websocket_on_failure(struct websocket *ws, int status, const char *text)
{
    detach(ws);
    if (ws->phase == PHASE_CONNECTING && !ws->end_known && ws->attempt->next < ws->attempt->count) {
        ws->phase = PHASE_NEXT_ADDRESS;
        start_timer(ws, 0);
        return;
    }
    fail(ws, status, text);
}

static struct attempt *attempt_new(struct endpoint *e, const char *identity, const char *user,
                                   const char *password)
{
    AUTO(attempt) *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    struct buf path;
    buf_init(&path, 1024);
    buf_printf(&path, "%s/", e->url.path);
    url_append_segment(&path, identity);
    a->path = buf_steal(&path);
    buf_done(&path);
    if (!a->path || (password && basic_encode(user, password, &a->authorization) < 0))
        return NULL;
    a->deadline_ms = env_now_ms(&e->context->loop->env) + ATTEMPT_MS;
    return STEAL(a);
}

struct websocket *websocket_connect(struct endpoint *endpoint, const char *identity, const char *user,
                                    const char *password, const struct websocket_events *events, void *ctx)
{
    struct websocket *ws = websocket_new(endpoint);
    if (!ws)
        return NULL;
    ws->events = *events;
    ws->ctx = ctx;
    ws->attempt = attempt_new(endpoint, identity, user, password);
    if (ws->attempt)
        ws->attempt->resolve =
            resolve_start(endpoint->context->loop, endpoint->url.host, endpoint->url.port, on_resolved, ws);
    if (!ws->attempt || !ws->attempt->resolve) {
        destroy(ws);
        return NULL;
    }
    start_timer(ws, ATTEMPT_MS);
    return ws;
}

/* ---- Open ---- */

/* The close frame goes out after what is queued. libwebsockets' own way to close, a negative result of the callback, skips
 * it in Debian's build (which has _DEBUG set) when that callback was for writing. */
static void start_close(struct websocket *ws, int code, const char *reason)
{
    ws->phase = PHASE_CLOSING;
    ws->close_code = code;
    ws->close_reason = reason;
    start_timer(ws, CLOSE_MS);
    lws_callback_on_writable(ws->wsi);
}

static void refuse(struct websocket *ws, int code, const char *reason)
{
    set_end(ws, WEBSOCKET_CLOSED, code, reason);
    start_close(ws, code, reason);
}

static void start_pings(struct websocket *ws)
{
    ws->silent = false;
    if (ws->phase != PHASE_OPEN)
        return;
    timer_stop(&ws->timer);
    if (ws->ping_interval_ms > 0)
        start_timer(ws, ws->ping_interval_ms);
}

void websocket_on_open(struct websocket *ws)
{
    attempt_free(STEAL(ws->attempt));
    if (ws->phase == PHASE_ABORTING)
        return;
    ws->phase = PHASE_OPEN;
    start_pings(ws);
    if (ws->subprotocol[0]) {
        if (ws->events.on_open)
            ws->events.on_open(ws->ctx, ws->subprotocol);
        return;
    }
    /* Part 4, 4.1.2: no header means that the server speaks none of ours. */
    set_end(ws, WEBSOCKET_NO_SUBPROTOCOL, 0, "the server agreed to no subprotocol");
    start_close(ws, LWS_CLOSE_STATUS_PROTOCOL_ERR, "no subprotocol");
}

struct websocket *websocket_of_server(struct endpoint *endpoint, struct lws *wsi)
{
    struct websocket *ws = websocket_new(endpoint);
    if (!ws)
        return NULL;
    ws->wsi = wsi;
    lws_set_opaque_user_data(wsi, ws);
    ws->phase = PHASE_OPEN;
    return ws;
}

void websocket_set_events(struct websocket *ws, const struct websocket_events *events, void *ctx)
{
    ws->events = *events;
    ws->ctx = ctx;
}

void websocket_set_ping_interval(struct websocket *ws, int64_t interval_ms)
{
    ws->ping_interval_ms = interval_ms;
    start_pings(ws);
}

static void on_ping_time(struct websocket *ws)
{
    if (ws->silent) {
        set_end(ws, WEBSOCKET_LOST, 0, "no answer to a ping");
        kill_connection(ws);
        return;
    }
    ws->silent = true;
    ws->ping_due = true;
    lws_callback_on_writable(ws->wsi);
    start_timer(ws, ws->ping_interval_ms);
}

static void deliver(struct websocket *ws, const char *text, size_t len)
{
    if (utf8_length(text, len) < 0)
        refuse(ws, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "invalid UTF-8");
    else if (ws->events.on_message)
        ws->events.on_message(ws->ctx, text, len);
}

/* Adds a piece to `incoming`. 0, or -EMSGSIZE and what inflater_run() knows. */
static int take_piece(struct websocket *ws, const char *bytes, size_t len, bool last)
{
    if (ws->compressed)
        return inflater_run(ws->deflate->inflater, bytes, len, last, !ws->deflate->peer_forgets,
                            &ws->incoming);
    return buf_append(&ws->incoming, bytes, len);
}

/* libwebsockets gives pieces as they come; a message that is one plain piece is not copied. */
void websocket_on_receive(struct websocket *ws, const char *bytes, size_t len)
{
    ws->silent = false;
    if (ws->phase != PHASE_OPEN)
        return;
    int reserved = lws_get_reserved_bits(ws->wsi);
    bool first = !ws->in_message, last = lws_is_final_fragment(ws->wsi);
    if (first)
        ws->compressed = reserved & RSV1 && ws->deflate;
    ws->in_message = !last;

    if (lws_frame_is_binary(ws->wsi)) {
        refuse(ws, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "binary message");
    } else if (reserved & RSV2_RSV3) {
        refuse(ws, LWS_CLOSE_STATUS_PROTOCOL_ERR, "reserved bits");
    } else if (len > ws->endpoint->max_message) {
        refuse(ws, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too long");
    } else if (first && last && !ws->compressed) {
        deliver(ws, bytes, len);
    } else {
        int r = take_piece(ws, bytes, len, last);
        if (r < 0)
            refuse(ws, r == -EMSGSIZE ? LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE : LWS_CLOSE_STATUS_INVALID_PAYLOAD,
                   r == -EMSGSIZE ? "message too long" : "message cannot be read");
        else if (last)
            deliver(ws, buf_string(&ws->incoming), ws->incoming.len);
    }
    if (last || ws->phase != PHASE_OPEN) {
        buf_done(&ws->incoming);
        buf_init(&ws->incoming, ws->endpoint->max_message);
    }
}

static struct outgoing *outgoing_new(const void *bytes, size_t len, bool compressed)
{
    struct outgoing *m = malloc(sizeof(*m) + LWS_PRE + len);
    if (!m)
        return NULL;
    *m = (struct outgoing){ .len = len, .compressed = compressed };
    memcpy(m->bytes + LWS_PRE, bytes, len);
    return m;
}

static struct outgoing *compress(struct websocket *ws, const char *text, size_t len)
{
    struct websocket_context *c = ws->endpoint->context;
    if (!c->deflater && !(c->deflater = deflater_new()))
        return NULL;
    struct buf small;
    buf_init(&small, QUEUE_MAX_BYTES);
    struct outgoing *m = NULL;
    if (deflater_run(c->deflater, text, len, &small) == 0)
        m = outgoing_new(small.data, small.len, true);
    buf_done(&small);
    return m;
}

int websocket_send(struct websocket *ws, const char *text, size_t len)
{
    if (ws->phase != PHASE_OPEN)
        return -ENOTCONN;
    if (ws->queued >= QUEUE_MAX_MESSAGES || len > QUEUE_MAX_BYTES - ws->queued_bytes)
        return -ENOBUFS;
    struct outgoing *m = NULL;
    if (ws->deflate && len >= COMPRESS_MIN)
        m = compress(ws, text, len);
    if (!m)
        m = outgoing_new(text, len, false);
    if (!m)
        return -ENOMEM;
    *ws->last = m;
    ws->last = &m->next;
    ws->queued++;
    ws->queued_bytes += m->len;
    lws_callback_on_writable(ws->wsi);
    return 0;
}

/* Sends as much as the socket takes; libwebsockets keeps what the kernel did not take of the last message. */
static int send_queued(struct websocket *ws)
{
    while (ws->first && !lws_partial_buffered(ws->wsi)) {
        struct outgoing *m = ws->first;
        if (ws->deflate)
            ws->deflate->marking = m->compressed;
        int n = lws_write(ws->wsi, m->bytes + LWS_PRE, m->len, LWS_WRITE_TEXT);
        pop_outgoing(ws);
        if (n < 0)
            return -1;
    }
    return 0;
}

static int send_close(struct websocket *ws)
{
    uint8_t frame[LWS_PRE + 2 + CLOSE_TEXT_MAX + 1];
    uint8_t *at = frame + LWS_PRE;
    at[0] = (uint8_t)(ws->close_code >> 8);
    at[1] = (uint8_t)ws->close_code;
    (void)str_copy((char *)at + 2, CLOSE_TEXT_MAX + 1, ws->close_reason ? ws->close_reason : "");
    ws->close_sent = true;
    return lws_write(ws->wsi, at, 2 + strlen((char *)at + 2), WRITE_CLOSE) < 0 ? -1 : 0;
}

/* 0, or -1: libwebsockets shall drop the connection. */
int websocket_on_writable(struct websocket *ws)
{
    uint8_t ping[LWS_PRE + 4] = { 0 }; /* a server's libwebsockets hides pongs without payload */
    if (ws->ping_due && ws->phase == PHASE_OPEN && lws_write(ws->wsi, ping + LWS_PRE, 4, LWS_WRITE_PING) < 0)
        return -1;
    ws->ping_due = false;
    if (send_queued(ws) < 0)
        return -1;
    if (ws->first || lws_partial_buffered(ws->wsi)) {
        lws_callback_on_writable(ws->wsi);
        return 0;
    }
    return ws->phase == PHASE_CLOSING && !ws->close_sent ? send_close(ws) : 0;
}

bool websocket_is_open(const struct websocket *ws)
{
    return ws->phase == PHASE_OPEN;
}

/* ---- The end ---- */

/* payload: code and text of the close frame. 0: libwebsockets shall answer it, -1: it is the answer to ours. */
int websocket_on_peer_close(struct websocket *ws, const uint8_t *payload, size_t len)
{
    if (ws->close_sent)
        return -1;
    char text[CLOSE_TEXT_MAX + 1] = "";
    int code = len >= 2 ? payload[0] << 8 | payload[1] : LWS_CLOSE_STATUS_NO_STATUS;
    for (size_t i = 2; i < len && i - 2 < CLOSE_TEXT_MAX; i++)
        text[i - 2] = payload[i] >= ' ' && payload[i] < 0x7f ? (char)payload[i] : '?';
    set_end(ws, WEBSOCKET_CLOSED, code, text[0] ? text : "closed by the peer");
    ws->phase = PHASE_CLOSING;
    ws->close_sent = true;
    start_timer(ws, CLOSE_MS);
    return 0;
}

void websocket_on_closed(struct websocket *ws)
{
    detach(ws);
    set_end(ws, WEBSOCKET_LOST, 0, "connection lost");
    end(ws);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct websocket *ws = ctx;
    switch (ws->phase) {
    case PHASE_NEXT_ADDRESS:
        try_addresses(ws);
        return;
    case PHASE_OPEN:
        on_ping_time(ws);
        return;
    case PHASE_RESOLVING:
    case PHASE_CONNECTING:
    case PHASE_TLS:
    case PHASE_HANDSHAKE:
        set_end(ws,
                ws->phase == PHASE_TLS || ws->phase == PHASE_HANDSHAKE ? WEBSOCKET_LOST
                                                                       : WEBSOCKET_UNREACHABLE,
                0, "no answer in time");
        break;
    case PHASE_CLOSING:
    case PHASE_ABORTING:
    case PHASE_ENDED:
        break;
    }
    if (ws->wsi)
        kill_connection(ws);
    else
        end(ws);
}

void websocket_close(struct websocket *ws, int close_code)
{
    ws->events.on_message = NULL;
    if (ws->phase != PHASE_OPEN)
        return; /* it is ending already */
    set_end(ws, WEBSOCKET_CLOSED, close_code, "closed by us");
    start_close(ws, close_code, NULL);
}

void websocket_free(struct websocket *ws, int close_code)
{
    if (!ws)
        return;
    ws->freed = true;
    ws->events = (struct websocket_events){ 0 };
    if (!ws->wsi) {
        destroy(ws);
    } else if (ws->phase == PHASE_OPEN) {
        start_close(ws, close_code, NULL);
    } else if (ws->phase != PHASE_CLOSING) {
        ws->phase = PHASE_ABORTING;
        start_timer(ws, 0);
    }
}
