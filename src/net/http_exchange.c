/* A request and its answer (net/http.h). */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "net/http_internal.h"

/* ---- the request ---- */

struct http_exchange *http_exchange_new(struct http_connection *c, size_t head_len, int *status)
{
    struct http_exchange *e = calloc(1, sizeof(*e));
    char *text = e ? calloc(1, head_len + 1) : NULL;
    if (!text) {
        free(e);
        return NULL;
    }
    e->connection = c;
    e->head_text = text;
    e->head_len = head_len;
    buf_init(&e->body, HTTP_MAX_BODY);
    memcpy(text, c->in.data, head_len);
    int wrong = http_head_read(text, head_len, &e->head);
    if (*status == 0)
        *status = wrong;
    c->must_close = e->head.wants_close || e->head.is_1_0;
    e->request = (struct http_request){
        .method = e->head.method,
        .path = e->head.path,
        .query = e->head.query,
        .is_local = c->server->pipe != NULL,
        .is_tls = c->server->certificate != NULL,
    };
    (void)str_copy(e->request.peer, sizeof(e->request.peer), c->peer);
    return e;
}

void http_exchange_free(struct http_exchange *e)
{
    if (!e)
        return;
    if (e->connection->server)
        e->connection->server->bodies -= e->reserved;
    explicit_bzero(e->head_text, e->head_len); /* it may have a token */
    free(e->head_text);
    if (e->body.data)
        explicit_bzero(e->body.data, e->body.size); /* or a password */
    buf_done(&e->body);
    free(e);
}

const char *http_header(const struct http_exchange *e, const char *name)
{
    return http_head_header(&e->head, name);
}

/* ---- the answer ---- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return status < 400 ? "OK" : "Error";
}

/* Line ends in a value would begin another header. */
static bool is_clean(const char *value)
{
    return value[strcspn(value, "\r\n")] == '\0';
}

static void print_head(struct http_exchange *e, int status, const struct http_field *fields)
{
    struct http_connection *c = e->connection;
    char date[40];
    time_t now = (time_t)(env_wall_ms(&c->server->context->loop->env) / 1000);
    struct tm tm;
    (void)gmtime_r(&now, &tm);
    (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(&c->out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason_of(status), date);
    for (; fields && fields->name; fields++)
        if (fields->value && is_clean(fields->value))
            buf_printf(&c->out, "%s: %s\r\n", fields->name, fields->value);
    if (c->must_close)
        buf_text(&c->out, "Connection: close\r\n");
}

static void print_length(struct http_connection *c, int status, size_t len)
{
    if (status != 204 && status != 304)
        buf_printf(&c->out, "Content-Length: %zu\r\n", len);
    buf_text(&c->out, "\r\n");
}

static int begin_sending(struct http_exchange *e, enum http_phase phase, int64_t patience_ms)
{
    struct http_connection *c = e->connection;
    int err = c->out.err;
    c->phase = phase;
    if (err) { /* it cannot even be said */
        c->phase = HTTP_PHASE_SENDING;
        c->must_close = true;
        c->out_at = c->out.len = c->static_len = 0;
    }
    http_connection_wait(c, patience_ms);
    (void)lws_callback_on_writable(c->wsi);
    return err ? -ENOMEM : 0;
}

int http_respond(struct http_exchange *e, int status, const struct http_field *fields, const void *body,
                 size_t len)
{
    struct http_connection *c = e->connection;
    assert(c->phase == HTTP_PHASE_ASKED);
    print_head(e, status, fields);
    print_length(c, status, len);
    if (!e->head.is_head && len > 0)
        buf_append(&c->out, body, len);
    return begin_sending(e, HTTP_PHASE_SENDING, c->server->patience.answer_ms);
}

int http_respond_static(struct http_exchange *e, int status, const struct http_field *fields,
                        const void *body, size_t len)
{
    struct http_connection *c = e->connection;
    assert(c->phase == HTTP_PHASE_ASKED);
    print_head(e, status, fields);
    print_length(c, status, len);
    c->body_static = body;
    c->static_len = e->head.is_head ? 0 : len;
    return begin_sending(e, HTTP_PHASE_SENDING, c->server->patience.answer_ms);
}

static const char *detail_of(int status)
{
    switch (status) {
    case 408:
        return "the body did not come in time";
    case 411:
        return "a body needs Content-Length; chunks are not taken";
    case 413:
        return "the body is too long";
    case 417:
        return "of Expect only 100-continue is known";
    case 431:
        return "the head is too long";
    case 503:
        return "too much comes at a time; try again in a moment";
    case 505:
        return "expected HTTP/1.1 or HTTP/1.0";
    default:
        return "this is no HTTP request that can be read in one way only";
    }
}

void http_exchange_refuse(struct http_exchange *e, int status)
{
    static const struct http_field fields[] = { { "Content-Type", "application/problem+json" }, { 0 } };
    char body[256];
    int len = snprintf(body, sizeof(body),
                       "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
                       reason_of(status), status, detail_of(status));
    e->connection->must_close = true;
    e->connection->phase = HTTP_PHASE_ASKED;
    (void)http_respond(e, status, fields, body, (size_t)len);
}

/* ---- streams ---- */

int http_stream(struct http_exchange *e, int status, const struct http_field *fields, http_fill fill,
                void *ctx, int64_t stalled_ms)
{
    struct http_connection *c = e->connection;
    assert(c->phase == HTTP_PHASE_ASKED);
    c->must_close = c->must_close || e->head.is_1_0; /* which knows no chunks: the end is where we hang up */
    print_head(e, status, fields);
    buf_text(&c->out, e->head.is_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    e->fill = fill;
    e->fill_ctx = ctx;
    e->stalled_ms = stalled_ms;
    e->fill_ended = e->head.is_head;
    return begin_sending(e, HTTP_PHASE_STREAMING, stalled_ms);
}

void http_stream_wake(struct http_exchange *e)
{
    if (e->connection->phase == HTTP_PHASE_STREAMING)
        (void)lws_callback_on_writable(e->connection->wsi);
}

void http_exchange_fill(struct http_exchange *e)
{
    struct http_connection *c = e->connection;
    bool is_chunked = !e->head.is_1_0;
    struct buf next;
    buf_init(&next, HTTP_MAX_ANSWER);
    e->fill_ended = !e->fill(e->fill_ctx, &next);
    if (next.len > 0) {
        if (is_chunked)
            buf_printf(&c->out, "%zx\r\n", next.len);
        buf_append(&c->out, next.data, next.len);
        if (is_chunked)
            buf_text(&c->out, "\r\n");
    }
    if (next.err || c->out.err) { /* what is missing must not look like the end */
        c->must_close = e->fill_ended = true;
        c->out.len = 0;
    } else if (e->fill_ended && is_chunked) {
        buf_text(&c->out, "0\r\n\r\n");
    }
    buf_done(&next);
}
