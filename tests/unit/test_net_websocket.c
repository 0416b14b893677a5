/* WebSocket client against server endpoint on loopback, over the real loop. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "net/websocket.h"

#define WAIT_MS 5000
#define BIG     200000

struct side {
    struct websocket *ws;
    int opens, closes, messages;
    struct websocket_end end;
    char end_text[160], subprotocol[32];
    struct buf last; /* message */
    size_t total;
    bool free_on_open, free_on_message;
    int echo; /* answers that many messages */
};

struct bench {
    struct loop loop;
    struct websocket_context *context;
    struct endpoint *server, *client;
    struct side a, b; /* client, server */
    char identity[64], user[64], password[64];
    int refuse;
    bool free_on_accept, timed_out;
    struct timer timeout;
};

static void on_open(void *ctx, const char *subprotocol)
{
    struct side *s = ctx;
    s->opens++;
    (void)str_copy(s->subprotocol, sizeof(s->subprotocol), subprotocol);
    if (s->free_on_open)
        websocket_free(STEAL(s->ws), 1000);
}

static void on_message(void *ctx, const char *text, size_t len)
{
    struct side *s = ctx;
    s->messages++;
    s->total += len;
    buf_clear(&s->last);
    assert_int_equal(buf_append(&s->last, text, len), 0);
    if (s->echo-- > 0)
        assert_int_equal(websocket_send(s->ws, text, len), 0);
    if (s->free_on_message)
        websocket_free(STEAL(s->ws), 1000);
}

static void on_close(void *ctx, const struct websocket_end *end)
{
    struct side *s = ctx;
    s->closes++;
    s->end = *end;
    (void)str_copy(s->end_text, sizeof(s->end_text), end->text);
    websocket_free(STEAL(s->ws), 1000);
}

static const struct websocket_events events = { on_open, on_message, on_close };

static int on_handshake(void *ctx, const char *identity, const char *user, const char *password)
{
    struct bench *b = ctx;
    (void)str_copy(b->identity, sizeof(b->identity), identity);
    (void)str_copy(b->user, sizeof(b->user), user ? user : "");
    (void)str_copy(b->password, sizeof(b->password), password ? password : "");
    return b->refuse;
}

static void on_accept(void *ctx, struct websocket *ws, const char *identity)
{
    struct bench *b = ctx;
    (void)identity;
    b->b.opens++;
    if (b->free_on_accept) {
        websocket_free(ws, 1001);
        return;
    }
    b->b.ws = ws;
    websocket_set_events(ws, &events, &b->b);
}

static void on_timeout(struct timer *timer, void *ctx)
{
    (void)timer;
    ((struct bench *)ctx)->timed_out = true;
}

/* Not UV_RUN_ONCE: that would sleep after a timer of ours fired. */
static void run_turn(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    usleep(200);
}

/* Runs the loop until the condition holds; fails if it does not in time. */
#define RUN_UNTIL(bench, condition)                                                                          \
    do {                                                                                                     \
        (bench)->timed_out = false;                                                                          \
        env_timer_start(&(bench)->loop.env, &(bench)->timeout, WAIT_MS);                                     \
        while (!(condition) && !(bench)->timed_out)                                                          \
            run_turn(&(bench)->loop);                                                                        \
        timer_stop(&(bench)->timeout);                                                                       \
        assert_true(condition);                                                                              \
    } while (0)

static void run_for(struct bench *b, int64_t ms)
{
    b->timed_out = false;
    env_timer_start(&b->loop.env, &b->timeout, ms);
    while (!b->timed_out)
        run_turn(&b->loop);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(websocket_context_new(&b->loop, &b->context), 0);
    timer_init(&b->timeout, &b->loop.timers, on_timeout, b);
    buf_init(&b->a.last, 10 * BIG);
    buf_init(&b->b.last, 10 * BIG);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    websocket_free(b->a.ws, 1000);
    websocket_free(b->b.ws, 1000);
    endpoint_free(b->client);
    endpoint_free(b->server);
    websocket_context_free(b->context);
    loop_done(&b->loop);
    buf_done(&b->a.last);
    buf_done(&b->b.last);
    free(b);
    return 0;
}

static struct server_endpoint_settings server_settings(void)
{
    return (struct server_endpoint_settings){ .address = "127.0.0.1",
                                              .subprotocols = "ocpp2.0.1,ocpp1.6",
                                              .max_message = 2 * BIG };
}

static void serve(struct bench *b, const struct server_endpoint_settings *settings)
{
    static const struct websocket_server_events server_events = { on_handshake, on_accept };
    assert_int_equal(server_endpoint_new(b->context, settings, &server_events, b, &b->server), 0);
}

static void make_client(struct bench *b, const char *scheme, const char *host, bool compression)
{
    char url[128];
    snprintf(url, sizeof(url), "%s://%s:%u/ocpp/", scheme, host, endpoint_port(b->server));
    struct client_endpoint_settings s = {
        .url = url, .subprotocols = "ocpp2.0.1", .max_message = 2 * BIG, .compression = compression
    };
    assert_int_equal(client_endpoint_new(b->context, &s, &b->client), 0);
}

static void dial(struct bench *b, const char *identity, const char *password)
{
    b->a.ws = websocket_connect(b->client, identity, identity, password, &events, &b->a);
    assert_non_null(b->a.ws);
}

static void connect_both(struct bench *b, bool compression)
{
    struct server_endpoint_settings s = server_settings();
    s.compression = compression;
    serve(b, &s);
    make_client(b, "ws", "127.0.0.1", compression);
    dial(b, "CP-1", "secret");
    RUN_UNTIL(b, b->a.opens == 1 && b->b.opens == 1);
}

static void client_and_server_shake_hands(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    assert_string_equal(b->identity, "CP-1");
    assert_string_equal(b->user, "CP-1");
    assert_string_equal(b->password, "secret");
    assert_string_equal(b->a.subprotocol, "ocpp2.0.1");
    assert_true(websocket_is_open(b->a.ws));
}

static void identity_is_percent_encoded_and_decoded(void **state)
{
    struct bench *b = *state;
    struct server_endpoint_settings s = server_settings();
    serve(b, &s);
    make_client(b, "ws", "localhost", false); /* ::1 comes first and refuses: the next address is tried */
    dial(b, "RDAM 1|2:x\xc3\xa9", NULL);
    RUN_UNTIL(b, b->a.opens == 1);
    assert_string_equal(b->identity, "RDAM 1|2:x\xc3\xa9");
    assert_string_equal(b->password, "");
}

static void messages_go_both_ways(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    b->b.echo = 1;
    assert_int_equal(websocket_send(b->a.ws, "[2,\"1\"]", 7), 0);
    RUN_UNTIL(b, b->a.messages == 1);
    assert_string_equal(buf_string(&b->a.last), "[2,\"1\"]");
}

static void exchange_big(struct bench *b)
{
    AUTO_FREE char *big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)('a' + (i * i + i / 7) % 26);
    b->b.echo = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(websocket_send(b->a.ws, big, BIG), 0);
    RUN_UNTIL(b, b->a.messages == 3);
    assert_int_equal(b->a.last.len, BIG);
    assert_memory_equal(b->a.last.data, big, BIG);
}

static void big_messages_arrive_whole(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    exchange_big(b);
}

static void compressed_messages_arrive_whole(void **state)
{
    struct bench *b = *state;
    connect_both(b, true);
    exchange_big(b);
    b->b.echo = 500;
    for (int i = 0; i < 500; i++)
        assert_int_equal(websocket_send(b->a.ws, "[2,\"1\",\"Heartbeat\",{}]", 22), 0);
    RUN_UNTIL(b, b->a.messages == 503);
    assert_string_equal(buf_string(&b->a.last), "[2,\"1\",\"Heartbeat\",{}]");
}

static void many_messages_keep_their_order(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    char text[16];
    b->b.echo = 900;
    for (int i = 0; i < 900; i++) {
        int n = snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(websocket_send(b->a.ws, text, (size_t)n), 0);
    }
    RUN_UNTIL(b, b->a.messages == 900);
    assert_string_equal(buf_string(&b->a.last), "899");
}

static void queue_is_bounded(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    AUTO_FREE char *big = calloc(1, 600000);
    memset(big, 'x', 600000);
    assert_int_equal(websocket_send(b->a.ws, big, 600000), 0);
    assert_int_equal(websocket_send(b->a.ws, big, 600000), -ENOBUFS);
    for (int i = 0; i < 999; i++)
        assert_int_equal(websocket_send(b->a.ws, "x", 1), 0);
    assert_int_equal(websocket_send(b->a.ws, "x", 1), -ENOBUFS);
}

static void too_long_message_closes_with_1009(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    AUTO_FREE char *big = calloc(1, 3 * BIG);
    memset(big, 'x', 3 * BIG);
    assert_int_equal(websocket_send(b->a.ws, big, 3 * BIG), 0);
    RUN_UNTIL(b, b->a.closes && b->b.closes);
    assert_int_equal(b->b.end.failure, WEBSOCKET_CLOSED);
    assert_int_equal(b->b.end.status, 1009);
    assert_int_equal(b->b.messages, 0);
}

static void invalid_utf8_closes_with_1007(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    assert_int_equal(websocket_send(b->a.ws, "a\xff", 2), 0);
    RUN_UNTIL(b, b->a.closes && b->b.closes);
    assert_int_equal(b->b.end.status, 1007);
    assert_int_equal(b->a.end.failure, WEBSOCKET_CLOSED);
    assert_int_equal(b->a.end.status, 1007);
}

static void closing_flushes_the_queue_and_tells_the_code(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    for (int i = 0; i < 10; i++)
        assert_int_equal(websocket_send(b->a.ws, "bye", 3), 0);
    websocket_free(STEAL(b->a.ws), 1001);
    RUN_UNTIL(b, b->b.closes == 1);
    assert_int_equal(b->b.messages, 10);
    assert_int_equal(b->b.end.failure, WEBSOCKET_CLOSED);
    assert_int_equal(b->b.end.status, 1001);
    assert_int_equal(b->a.closes, 0);
}

static void who_closes_in_order_hears_when_the_peer_is_gone(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    assert_int_equal(websocket_send(b->a.ws, "bye", 3), 0);
    websocket_close(b->a.ws, 1000);
    assert_int_equal(b->a.closes, 0);
    assert_int_equal(websocket_send(b->b.ws, "too late", 8), 0);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.messages, 0);
    assert_int_equal(b->b.messages, 1);
    assert_int_equal(b->b.end.status, 1000);
    assert_int_equal(b->a.end.failure, WEBSOCKET_CLOSED);
}

static void server_may_close(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    websocket_free(STEAL(b->b.ws), 1001);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.end.failure, WEBSOCKET_CLOSED);
    assert_int_equal(b->a.end.status, 1001);
}

static void freeing_in_callbacks_is_safe(void **state)
{
    struct bench *b = *state;
    struct server_endpoint_settings s = server_settings();
    serve(b, &s);
    make_client(b, "ws", "127.0.0.1", false);

    b->a.free_on_open = true;
    dial(b, "A", NULL);
    RUN_UNTIL(b, b->b.closes == 1);
    b->a.free_on_open = false;

    dial(b, "B", NULL);
    RUN_UNTIL(b, b->b.ws && b->a.opens == 2);
    b->b.free_on_message = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(websocket_send(b->a.ws, "x", 1), 0);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->b.messages, 1);

    b->free_on_accept = true;
    dial(b, "C", NULL);
    RUN_UNTIL(b, b->a.closes == 2);
    assert_int_equal(b->a.end.status, 1001);
}

static void freeing_at_any_moment_of_the_attempt_is_safe(void **state)
{
    struct bench *b = *state;
    struct server_endpoint_settings s = server_settings();
    serve(b, &s);
    make_client(b, "ws", "localhost", false);
    for (int turns = 0; turns < 14; turns++) {
        dial(b, "A", NULL);
        for (int i = 0; i < turns; i++)
            uv_run(&b->loop.uv, UV_RUN_NOWAIT);
        websocket_free(STEAL(b->a.ws), 1000);
        run_for(b, 20);
    }
    assert_int_equal(b->a.closes, 0);
}

static void refusal_tells_the_http_status(void **state)
{
    static const int statuses[] = { 401, 404, 409 };
    struct bench *b = *state;
    struct server_endpoint_settings s = server_settings();
    serve(b, &s);
    make_client(b, "ws", "127.0.0.1", false);
    for (int i = 0; i < 3; i++) {
        b->refuse = statuses[i];
        dial(b, "CP", "wrong");
        RUN_UNTIL(b, b->a.closes == i + 1);
        assert_int_equal(b->a.end.failure, WEBSOCKET_REFUSED);
        assert_int_equal(b->a.end.status, statuses[i]);
    }
    assert_int_equal(b->b.opens, 0);
}

static void unreachable_server_is_reported(void **state)
{
    struct bench *b = *state;
    struct client_endpoint_settings s = { .subprotocols = "ocpp2.0.1", .max_message = 1000 };
    static const char *const urls[] = { "ws://127.0.0.1:1/", "ws://localhost:1", "ws://a..b/" };
    for (int i = 0; i < 3; i++) {
        s.url = urls[i];
        assert_int_equal(client_endpoint_new(b->context, &s, &b->client), 0);
        dial(b, "CP", NULL);
        assert_int_equal(b->a.closes, i);
        RUN_UNTIL(b, b->a.closes == i + 1);
        assert_int_equal(b->a.end.failure, WEBSOCKET_UNREACHABLE);
        assert_true(strlen(b->a.end_text) > 0);
        endpoint_free(STEAL(b->client));
    }
}

static void server_without_our_subprotocol_is_left(void **state) /* Part 4, 4.1.2 */
{
    struct bench *b = *state;
    struct server_endpoint_settings s = server_settings();
    s.subprotocols = "ocpp1.5";
    serve(b, &s);
    make_client(b, "ws", "127.0.0.1", false);
    dial(b, "CP", NULL);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.end.failure, WEBSOCKET_NO_SUBPROTOCOL);
    assert_int_equal(b->a.opens, 0);
    assert_int_equal(b->b.opens, 0);
}

static void pings_keep_a_quiet_connection_up(void **state)
{
    struct bench *b = *state;
    connect_both(b, false);
    websocket_set_ping_interval(b->a.ws, 30);
    websocket_set_ping_interval(b->b.ws, 40);
    run_for(b, 300);
    assert_int_equal(b->a.closes, 0);
    assert_int_equal(b->b.closes, 0);
}

/* A TCP server that completes the handshake and is silent from then on cannot be made of our own server: the answer is
 * canned, with the accept key computed by the client's request. */
struct mute_server {
    int listener, fd;
};

static uint16_t mute_listen(struct mute_server *m)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    m->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(m->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(m->listener, 5), 0);
    assert_int_equal(getsockname(m->listener, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static void make_client_to(struct bench *b, uint16_t port)
{
    char url[64];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u", port);
    struct client_endpoint_settings s = { .url = url, .subprotocols = "ocpp2.0.1", .max_message = 1000 };
    assert_int_equal(client_endpoint_new(b->context, &s, &b->client), 0);
}

#include <openssl/evp.h>
#include <openssl/sha.h>

/* Answers the handshake that waits on the socket, with `headers` besides the necessary ones. */
static void mute_answer(struct mute_server *m, const char *headers)
{
    char request[2048], key[128], answer[512];
    unsigned char hash[20], accept_key[32];
    m->fd = accept(m->listener, NULL, NULL);
    ssize_t n = 0;
    while (n <= 0 || !memmem(request, (size_t)n, "\r\n\r\n", 4)) {
        n = recv(m->fd, request, sizeof(request) - 1, MSG_PEEK | MSG_DONTWAIT);
        if (n <= 0)
            return;
    }
    n = recv(m->fd, request, sizeof(request) - 1, 0);
    request[n] = '\0';
    const char *at = strcasestr(request, "Sec-WebSocket-Key: ");
    assert_non_null(at);
    snprintf(key, sizeof(key), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", at + 19);
    SHA1((unsigned char *)key, strlen(key), hash);
    EVP_EncodeBlock(accept_key, hash, 20);
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                       (char *)accept_key, headers);
    assert_int_equal(send(m->fd, answer, (size_t)len, 0), len);
}

static void mute_connect(struct bench *b, struct mute_server *m, const char *headers)
{
    make_client_to(b, mute_listen(m));
    dial(b, "CP", NULL);
    run_for(b, 50);
    mute_answer(m, headers);
}

static void mute_close(struct mute_server *m)
{
    close(m->fd);
    close(m->listener);
}

static void missing_pong_ends_the_connection(void **state)
{
    struct bench *b = *state;
    struct mute_server m;
    mute_connect(b, &m, "Sec-WebSocket-Protocol: ocpp2.0.1\r\n");
    RUN_UNTIL(b, b->a.opens == 1);
    websocket_set_ping_interval(b->a.ws, 50);
    run_for(b, 70);
    assert_int_equal(b->a.closes, 0);
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.end.failure, WEBSOCKET_LOST);
    assert_string_equal(b->a.end_text, "no answer to a ping");
    mute_close(&m);
}

static void data_counts_as_life(void **state)
{
    struct bench *b = *state;
    struct mute_server m;
    mute_connect(b, &m, "Sec-WebSocket-Protocol: ocpp2.0.1\r\n");
    RUN_UNTIL(b, b->a.opens == 1);
    websocket_set_ping_interval(b->a.ws, 50);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(send(m.fd, "\x81\x01x", 3, 0), 3);
        run_for(b, 30);
    }
    assert_int_equal(b->a.closes, 0);
    assert_int_equal(b->a.messages, 10);
    mute_close(&m);
}

static void frames_of_the_peer(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
        int messages, closes, code;
        const char *last;
    } rows[] = {
        { "one frame", "\x81\x02hi", 4, 1, 0, 0, "hi" },
        { "empty text", "\x81\x00", 2, 1, 0, 0, "" },
        { "fragments", "\x01\x02he\x00\x01l\x80\x02lo", 11, 1, 0, 0, "hello" },
        { "ping between fragments", "\x01\x02he\x89\x00\x80\x03llo", 11, 1, 0, 0, "hello" },
        { "two pongs nobody asked for", "\x8a\x00\x8a\x01z\x81\x02hi", 9, 1, 0, 0, "hi" },
        { "UTF-8 over fragments", "\x01\x01\xc3\x80\x01\xa9", 6, 1, 0, 0, "\xc3\xa9" },
        { "cut UTF-8", "\x81\x01\xc3", 3, 0, 1, 1007, NULL },
        { "binary", "\x82\x02hi", 4, 0, 1, 1003, NULL },
        { "longer than 1000 bytes", "\x81\x7e\x03\xe9" /* and 1001 bytes, below */, 4, 0, 1, 1009, NULL },
        { "close with text",
          "\x88\x05\x03\xe9"
          "bye",
          7, 0, 1, 1001, NULL },
        { "close without code", "\x88\x00", 2, 0, 1, 1005, NULL },
        { "reserved bits", "\xf1\x02hi", 4, 0, 1, 0, NULL },
        { "continuation of nothing", "\x80\x02hi", 4, 0, 1, 0, NULL },
        { "unknown opcode", "\x83\x02hi", 4, 0, 1, 0, NULL },
    };
    struct bench *b = *state;
    static const char filling[1001] = { 0 };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mute_server m;
        b->a = (struct side){ .last = b->a.last };
        mute_connect(b, &m, "Sec-WebSocket-Protocol: ocpp2.0.1\r\n");
        RUN_UNTIL(b, b->a.opens == 1);
        assert_int_equal(send(m.fd, rows[i].bytes, rows[i].len, 0), rows[i].len);
        if (rows[i].code == 1009)
            (void)send(m.fd, filling, sizeof(filling), 0);
        run_for(b, 60);
        shutdown(m.fd, SHUT_WR); /* we do not answer close frames */
        if (rows[i].closes)
            RUN_UNTIL(b, b->a.closes == 1);
        print_message("%s\n", rows[i].name);
        assert_int_equal(b->a.messages, rows[i].messages);
        if (rows[i].code)
            assert_int_equal(b->a.end.status, rows[i].code);
        if (rows[i].last)
            assert_string_equal(buf_string(&b->a.last), rows[i].last);
        mute_close(&m);
        websocket_free(STEAL(b->a.ws), 1000);
        endpoint_free(STEAL(b->client));
    }
}

static void missing_subprotocol_is_closed_by_us(void **state) /* Part 4, 4.1.2 */
{
    struct bench *b = *state;
    struct mute_server m;
    mute_connect(b, &m, "");
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.end.failure, WEBSOCKET_NO_SUBPROTOCOL);
    assert_int_equal(b->a.opens, 0);
    mute_close(&m);
}

static void foreign_subprotocol_is_refused(void **state)
{
    struct bench *b = *state;
    struct mute_server m;
    mute_connect(b, &m, "Sec-WebSocket-Protocol: ocpp9\r\n");
    RUN_UNTIL(b, b->a.closes == 1);
    assert_int_equal(b->a.end.failure, WEBSOCKET_NO_SUBPROTOCOL);
    mute_close(&m);
}

static void proxies_of_the_environment_are_ignored(void **state)
{
    struct bench *b = *state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    connect_both(b, false);
    unsetenv("http_proxy");
}

static void server_refuses_what_is_no_websocket(void **state)
{
    struct bench *b = *state;
    struct server_endpoint_settings s = server_settings();
    serve(b, &s);
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(endpoint_port(b->server)) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    static const char request[] = "GET /CP HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    run_for(b, 100);
    char answer[256] = "";
    assert_true(recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT) > 0);
    assert_non_null(strstr(answer, " 426 "));
    close(fd);
    assert_int_equal(b->b.opens, 0);
}

static void address_in_use_is_reported(void **state)
{
    struct bench *b = *state;
    static const struct websocket_server_events none = { 0 };
    struct server_endpoint_settings s = server_settings();
    serve(b, &s);
    s.port = endpoint_port(b->server);
    struct endpoint *second = NULL;
    assert_int_equal(server_endpoint_new(b->context, &s, &none, NULL, &second), -EADDRINUSE);
    assert_null(second);
}

static void bad_urls_are_refused(void **state)
{
    struct bench *b = *state;
    struct client_endpoint_settings s = { .url = "http://x/",
                                          .subprotocols = "ocpp2.0.1",
                                          .max_message = 100 };
    struct endpoint *e = NULL;
    assert_int_equal(client_endpoint_new(b->context, &s, &e), -EINVAL);
    assert_null(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(client_and_server_shake_hands),
        TEST(identity_is_percent_encoded_and_decoded),
        TEST(messages_go_both_ways),
        TEST(big_messages_arrive_whole),
        TEST(compressed_messages_arrive_whole),
        TEST(many_messages_keep_their_order),
        TEST(queue_is_bounded),
        TEST(too_long_message_closes_with_1009),
        TEST(invalid_utf8_closes_with_1007),
        TEST(closing_flushes_the_queue_and_tells_the_code),
        TEST(who_closes_in_order_hears_when_the_peer_is_gone),
        TEST(server_may_close),
        TEST(freeing_in_callbacks_is_safe),
        TEST(freeing_at_any_moment_of_the_attempt_is_safe),
        TEST(refusal_tells_the_http_status),
        TEST(unreachable_server_is_reported),
        TEST(server_without_our_subprotocol_is_left),
        TEST(pings_keep_a_quiet_connection_up),
        TEST(missing_pong_ends_the_connection),
        TEST(data_counts_as_life),
        TEST(frames_of_the_peer),
        TEST(missing_subprotocol_is_closed_by_us),
        TEST(foreign_subprotocol_is_refused),
        TEST(proxies_of_the_environment_are_ignored),
        TEST(server_refuses_what_is_no_websocket),
        TEST(address_in_use_is_reported),
        TEST(bad_urls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
