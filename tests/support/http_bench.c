#include "tests/support/http_bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

/* ---- what serves ---- */

static bool fill(void *ctx, struct buf *out)
{
    struct http_bench *b = ctx;
    assert_false(b->in_call);
    if (b->frees_in_fill)
        http_server_free(STEAL(b->server));
    if (b->given < b->pieces) {
        for (size_t i = 0; i < b->piece_len; i++)
            buf_u8(out, (uint8_t)('a' + b->given % 26));
        b->given++;
    }
    return b->given < b->pieces || !b->stream_ends;
}

struct http_asked *http_last(struct http_bench *b)
{
    return &b->asked[(b->requests - 1) % HTTP_KEPT];
}

void http_bench_answer(struct http_bench *b, struct http_asked *asked)
{
    static const struct http_field fields[] = { { "X-Left-Out", NULL }, { "X-Said", "yes" }, { 0 } };
    static const char constant[] = "constant";
    char text[160];
    int len = snprintf(text, sizeof(text), "%s %s %s %zu", http_method_names[asked->method], asked->path,
                       asked->query, asked->body_len);
    b->in_call = true;
    if (str_equal(asked->path, "/stream"))
        assert_int_equal(http_stream(asked->exchange, 200, fields, fill, b, 300), 0);
    else if (str_equal(asked->path, "/static"))
        assert_int_equal(http_respond_static(asked->exchange, 200, fields, constant, 8), 0);
    else if (str_equal(asked->path, "/none"))
        assert_int_equal(http_respond(asked->exchange, 204, NULL, NULL, 0), 0);
    else
        assert_int_equal(http_respond(asked->exchange, 200, fields, text, (size_t)len), 0);
    b->in_call = false;
}

static void on_request(void *ctx, struct http_exchange *exchange, const struct http_request *request)
{
    struct http_bench *b = ctx;
    assert_false(b->in_call);
    b->requests++;
    struct http_asked *asked = http_last(b);
    *asked = (struct http_asked){ .exchange = exchange,
                                  .method = request->method,
                                  .body_len = request->body_len,
                                  .is_local = request->is_local,
                                  .is_tls = request->is_tls };
    (void)str_copy(asked->path, sizeof(asked->path), request->path);
    (void)str_copy(asked->query, sizeof(asked->query), request->query);
    (void)str_copy(asked->peer, sizeof(asked->peer), request->peer);
    const char *header = http_header(exchange, "x-csrf-token");
    (void)str_copy(asked->header, sizeof(asked->header), header ? header : "none");
    for (size_t i = 0; i < request->body_len; i++)
        asked->sum += (uint8_t)request->body[i];
    assert_int_equal(request->body[request->body_len], 0);
    if (b->frees)
        http_server_free(STEAL(b->server));
    else if (!b->keeps)
        http_bench_answer(b, asked);
}

static void on_gone(void *ctx, struct http_exchange *exchange)
{
    struct http_bench *b = ctx;
    assert_false(b->in_call);
    assert_non_null(exchange);
    b->gone++;
}

const struct http_events http_bench_events = { on_request, on_gone };

void http_serve(struct http_bench *b, const char *cert, const char *key)
{
    struct http_server_settings s = { .address = "127.0.0.1", .cert_pem = cert, .key_pem = key };
    assert_int_equal(http_server_new(b->context, &s, &http_bench_events, b, &b->server), 0);
    assert_int_not_equal(http_server_port(b->server), 0);
}

/* ---- who asks ---- */

bool http_is_for_later(const struct http_client *c, ssize_t n)
{
    if (!c->ssl)
        return n < 0 && errno == EAGAIN;
    int error = SSL_get_error(c->ssl, (int)n);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

void http_take(struct http_client *c, size_t max)
{
    char bytes[16384];
    while (c->fd && !c->ended && max > 0) {
        size_t some = max < sizeof(bytes) ? max : sizeof(bytes);
        ssize_t n = c->ssl ? SSL_read(c->ssl, bytes, (int)some) : recv(c->fd, bytes, some, 0);
        if (n <= 0) {
            c->ended = !http_is_for_later(c, n);
            return;
        }
        assert_int_equal(buf_append(&c->in, bytes, (size_t)n), 0);
        max -= (size_t)n;
    }
}

/* Not UV_RUN_ONCE: that would sleep after a timer of ours fired. */
void http_run_turn(struct http_bench *b)
{
    uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    usleep(100);
}

static void on_timeout(struct timer *timer, void *ctx)
{
    (void)timer;
    ((struct http_bench *)ctx)->timed_out = true;
}

void http_run_for(struct http_bench *b, int64_t ms)
{
    b->timed_out = false;
    env_timer_start(&b->loop.env, &b->timeout, ms);
    while (!b->timed_out)
        http_run_turn(b);
}

int http_connected(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd > 0);
    assert_int_equal(connect(fd, address, len), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

struct http_client *http_client_at(struct http_bench *b, int index)
{
    struct http_client *c = &b->clients[index];
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(http_server_port(b->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    buf_init(&c->in, 64u << 20);
    c->fd = http_connected((struct sockaddr *)&a, sizeof(a));
    return c;
}

struct http_client *http_client_new(struct http_bench *b)
{
    return http_client_at(b, 0);
}

void http_client_close(struct http_client *c)
{
    if (!c->fd)
        return;
    SSL_free(c->ssl);
    close(c->fd);
    buf_done(&c->in);
    *c = (struct http_client){ 0 };
}

void http_say_bytes(struct http_bench *b, struct http_client *c, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t left = len - done;
        ssize_t n = c->ssl ? SSL_write(c->ssl, bytes + done, (int)left)
                           : send(c->fd, bytes + done, left, MSG_NOSIGNAL);
        assert_true(n > 0 || http_is_for_later(c, n));
        done += n > 0 ? (size_t)n : 0;
        http_run_turn(b);
    }
}

void http_say(struct http_bench *b, struct http_client *c, const char *text)
{
    http_say_bytes(b, c, text, strlen(text));
}

bool http_has(struct http_client *c, const char *text)
{
    http_take(c, SIZE_MAX);
    return strstr(buf_string(&c->in), text) != NULL;
}

bool http_has_ended(struct http_client *c)
{
    http_take(c, SIZE_MAX);
    return c->ended;
}

bool http_ends_with(struct http_client *c, const char *text)
{
    http_take(c, SIZE_MAX);
    size_t len = strlen(text);
    return c->in.len >= len && memcmp(c->in.data + c->in.len - len, text, len) == 0;
}

int http_count(struct http_client *c, const char *text)
{
    int n = 0;
    http_take(c, SIZE_MAX);
    for (const char *at = buf_string(&c->in); (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

int http_set_up(void **state)
{
    struct http_bench *b = calloc(1, sizeof(*b));
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(websocket_context_new(&b->loop, &b->context), 0);
    timer_init(&b->timeout, &b->loop.timers, on_timeout, b);
    b->piece_len = 10;
    *state = b;
    return 0;
}

int http_tear_down(void **state)
{
    struct http_bench *b = *state;
    http_server_free(b->server);
    for (int i = 0; i < HTTP_CLIENTS; i++)
        http_client_close(&b->clients[i]);
    websocket_context_free(b->context);
    loop_done(&b->loop);
    if (b->directory[0])
        assert_int_equal(rmdir(b->directory), 0);
    free(b);
    return 0;
}
