/* Requests, bodies, slow clients and streams of the HTTP server. */
#include "tests/support/http_bench.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

/* ---- requests ---- */

static void a_request_is_answered_and_the_connection_kept(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    http_say(b, c, "GET /a%20b?x=%31&y=a+b HTTP/1.1\r\n" HOST "x-CSRF-Token: \t tok en \t\r\n\r\n");
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GET /a b x=%31&y=a+b 0"));
    assert_true(str_starts(buf_string(&c->in), "HTTP/1.1 200 OK\r\nDate: "));
    assert_true(http_has(c, "\r\nX-Said: yes\r\n"));
    assert_true(http_has(c, "\r\nContent-Length: 22\r\n"));
    assert_false(http_has(c, "X-Left-Out"));
    assert_false(http_has(c, "Connection:"));
    assert_string_equal(http_last(b)->peer, "127.0.0.1");
    assert_string_equal(http_last(b)->header, "tok en");
    assert_false(http_last(b)->is_tls || http_last(b)->is_local);

    http_say(b, c, "DELETE /two HTTP/1.1\r\n" HOST "\r\n");
    HTTP_RUN_UNTIL(b, http_ends_with(c, "DELETE /two  0"));
    assert_string_equal(http_last(b)->header, "none");
    http_say(b, c, GET("/static"));
    HTTP_RUN_UNTIL(b, http_ends_with(c, "Content-Length: 8\r\n\r\nconstant"));
    http_say(b, c, GET("/none"));
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GMT\r\n\r\n"));
    assert_true(http_has(c, "204 No Content"));
    http_say(b, c, "BREW /pot HTTP/1.1\r\n" HOST "\r\n");
    HTTP_RUN_UNTIL(b, http_ends_with(c, "OTHER /pot  0"));
    assert_false(c->ended);
    assert_int_equal(b->gone, 0);
}

static void single_bytes_are_put_together(void **state)
{
    static const char text[] = "\r\nPOST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET "
                               "/next HTTP/1.1\r\nHost: h\r\n\r\n";
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    for (const char *at = text; *at; at++) {
        http_say_bytes(b, c, at, 1);
        http_run_turn(b);
    }
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GET /next  0"));
    assert_true(http_has(c, "POST /slow  5"));
}

/* The POSTs are what libwebsockets' own server never came back from. */
static void pipelined_requests_are_answered_in_order(void **state)
{
    struct http_bench *b = *state;
    struct buf all;
    http_serve(b, NULL, NULL);
    buf_init(&all, 1u << 20);
    for (int i = 0; i < 1000; i++)
        buf_printf(
            &all,
            "POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /%d HTTP/1.1\r\nHost: h\r\n\r\n",
            i, i);
    struct http_client *c = http_client_new(b);
    http_say_bytes(b, c, (char *)all.data, all.len);
    buf_done(&all);
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GET /999  0"));
    assert_int_equal(b->requests, 2000);
    const char *at = buf_string(&c->in);
    for (int i = 0; i < 1000; i++) {
        char expected[2][32];
        snprintf(expected[0], sizeof(expected[0]), "\r\n\r\nPOST /%d  3HTTP", i);
        snprintf(expected[1], sizeof(expected[1]), "\r\n\r\nGET /%d  0", i);
        at = strstr(at, expected[0]);
        assert_non_null(at);
        at = strstr(at, expected[1]);
        assert_non_null(at);
    }
}

static void who_sends_much_before_its_turn_waits(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    int small = 8192;
    (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    http_say(b, c, GET("/first"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    AUTO_FREE char *more = malloc(1u << 20);
    memset(more, 'x', 1u << 20);
    size_t sent = 0;
    for (int i = 0; i < 2000; i++) {
        ssize_t n = send(c->fd, more, 1u << 20, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        http_run_turn(b);
    }
    struct http_connection *connection = LIST_ITEM(b->server->connections.next, struct http_connection, link);
    assert_true(connection->in.len <= HTTP_MAX_HEAD + 8192);
    assert_true(sent > connection->in.len); /* the rest is in the kernel */
    b->keeps = false;
    http_bench_answer(b, http_last(b));
    HTTP_RUN_UNTIL(b, http_has_ended(c)); /* it was no request */
    assert_true(http_has(c, "/first"));
    assert_true(http_has(c, "431 Request Header Fields Too Large"));
}

static void answers_may_come_later_and_in_any_order(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    struct http_client *one = http_client_at(b, 0), *two = http_client_at(b, 1);
    http_say(b, one, GET("/one") GET("/more"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    http_say(b, two, GET("/two"));
    HTTP_RUN_UNTIL(b, b->requests == 2);
    http_run_for(b, 20);
    assert_int_equal(b->requests, 2);
    http_bench_answer(b, &b->asked[1]);
    HTTP_RUN_UNTIL(b, http_has(two, "/two"));
    assert_int_equal(one->in.len, 0);
    http_bench_answer(b, &b->asked[0]);
    HTTP_RUN_UNTIL(b, b->requests == 3);
    assert_true(http_has(one, "/one"));
    http_bench_answer(b, &b->asked[2]);
    HTTP_RUN_UNTIL(b, http_has(one, "/more"));
}

static void head_requests_get_the_head_only(void **state)
{
    struct http_bench *b = *state;
    b->pieces = 3;
    b->stream_ends = true;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    http_say(b, c, "HEAD /a HTTP/1.1\r\n" HOST "\r\n");
    HTTP_RUN_UNTIL(b, http_ends_with(c, "Content-Length: 9\r\n\r\n"));
    assert_int_equal(http_last(b)->method, HTTP_GET);
    http_say(b, c, "HEAD /static HTTP/1.1\r\n" HOST "\r\n");
    HTTP_RUN_UNTIL(b, http_ends_with(c, "Content-Length: 8\r\n\r\n"));
    http_say(b, c, "HEAD /stream HTTP/1.1\r\n" HOST "\r\n");
    HTTP_RUN_UNTIL(b, http_ends_with(c, "Transfer-Encoding: chunked\r\n\r\n"));
    HTTP_RUN_UNTIL(b, b->gone == 1);
    assert_int_equal(b->given, 0);
    http_say(b, c, GET("/next"));
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GET /next  0"));
}

static void old_and_closing_clients_are_hung_up_on(void **state)
{
    static const char *const rows[] = {
        "GET /a HTTP/1.0\r\n\r\n",
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /a HTTP/1.1\r\n" HOST "Connection: Keep-Alive ,Close\r\n\r\n",
    };
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct http_client *c = http_client_new(b);
        http_say(b, c, rows[i]);
        HTTP_RUN_UNTIL(b, http_has_ended(c));
        assert_true(http_has(c, "\r\nConnection: close\r\n"));
        assert_true(http_ends_with(c, "GET /a  0"));
        http_client_close(c);
    }
    b->pieces = 2;
    b->stream_ends = true;
    struct http_client *c = http_client_new(b);
    http_say(b, c, "GET /stream HTTP/1.0\r\n\r\n");
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_true(http_ends_with(c, "\r\n\r\naaaaaaaaaabbbbbbbbbb"));
    assert_false(http_has(c, "chunked"));
    http_client_close(c);
    b->pieces = 0; /* the end has nothing to say */
    c = http_client_new(b);
    http_say(b, c, "GET /stream HTTP/1.0\r\n\r\n");
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(b->gone, 2);
}

static void wrong_requests_are_refused(void **state)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { GET("/a/../b"), 400 },
        { GET("/%2e%2E/b"), 400 },
        { GET("/a/."), 400 },
        { GET("/a%00b"), 400 },
        { GET("/a%0ab"), 400 },
        { GET("/a%zz"), 400 },
        { GET("/a%2"), 400 },
        { GET("/a b"), 400 },
        { GET("/a\tb"), 400 },
        { GET("a"), 400 },
        { GET("*"), 400 },
        { GET("/a#b"), 400 },
        { GET("http://h"), 400 },
        { "GET  / HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET /\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n\r\n", 400 }, /* no host */
        { "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
        { "GET / HTTP/1.1\n" HOST "\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: b\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n" HOST "A\r\n\r\n", 400 },
        { "G(T / HTTP/1.1\r\n" HOST "\r\n", 400 },
        { "\x16\x03\x01", 400 },
        { "GET / FTP/1.1\r\n" HOST "\r\n", 400 },
        { "GET / HTTP/1.2\r\n" HOST "\r\n", 505 },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
        { "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: b\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n\r\na", 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\na", 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\na", 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 2097153\r\n\r\n", 413 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\n", 413 },
        { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 411 },
        { "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: identity\r\n\r\na", 411 },
        { "POST / HTTP/1.1\r\n" HOST "Expect: a miracle\r\nContent-Length: 1\r\n\r\na", 417 },
    };
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char expected[32], body[32];
        struct http_client *c = http_client_new(b);
        http_say(b, c, rows[i].request);
        HTTP_RUN_UNTIL(b, http_has_ended(c));
        snprintf(expected, sizeof(expected), "HTTP/1.1 %d ", rows[i].status);
        snprintf(body, sizeof(body), "\"status\":%d,\"detail\":\"", rows[i].status);
        if (!str_starts(buf_string(&c->in), expected) || !http_has(c, body) || !http_ends_with(c, "\"}\n"))
            fail_msg("%s: %s", rows[i].request, buf_string(&c->in));
        assert_true(http_has(c, "\r\nConnection: close\r\n"));
        http_client_close(c);
    }
    assert_int_equal(b->requests, 0);
}

static void unusual_requests_are_served(void **state)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {
        { GET("/"), "GET /  0" },
        { GET("/a//b/"), "GET /a//b/  0" },
        { GET("/%2Fa%25/..b"), "GET //a%/..b  0" },
        { GET("http://other/a?b"), "GET /a b 0" },
        { GET("/?"), "GET /  0" },
        { GET("/?a?b=/../%00"), "GET / a?b=/../%00 0" },
        { GET("/\xc3\xa9"), "GET /\xc3\xa9  0" },
        { "\r\n\r\n" GET("/a"), "GET /a  0" },
        { "PUT /a HTTP/1.1\r\nHOST:\r\ncontent-length:2\r\nA:\xe9\r\nUpgrade: h2c\r\n\r\nab", "PUT /a  2" },
        { "GET /a HTTP/1.1\r\n" HOST "Accept: a\r\nAccept: b\r\nContent-Length: 000\r\n\r\n", "GET /a  0" },
    };
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        http_say(b, c, rows[i].request);
        HTTP_RUN_UNTIL(b, http_ends_with(c, rows[i].answer));
    }
}

static void heads_are_bounded(void **state)
{
    struct http_bench *b = *state;
    char value[HTTP_MAX_HEAD];
    memset(value, 'v', sizeof(value));
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    http_say(b, c, "GET / HTTP/1.1\r\n" HOST "Cookie: ");
    http_say_bytes(b, c, value, HTTP_MAX_HEAD - 100);
    http_say(b, c, "\r\n\r\n");
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GET /  0"));

    http_say(b, c, "GET / HTTP/1.1\r\n" HOST "Cookie: ");
    http_say_bytes(b, c, value, HTTP_MAX_HEAD);
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_true(http_has(c, "HTTP/1.1 431 "));
}

/* ---- bodies ---- */

static void large_bodies_come_whole_and_too_large_ones_not_at_all(void **state)
{
    struct http_bench *b = *state;
    AUTO_FREE char *body = malloc(2 * HTTP_MAX_BODY);
    size_t sum = 0;
    for (size_t i = 0; i < 2 * HTTP_MAX_BODY; i++) {
        body[i] = (char)(i * i + i / 7);
        sum += i < HTTP_MAX_BODY ? (uint8_t)body[i] : 0;
    }
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    http_say(b, c, "POST /big HTTP/1.1\r\n" HOST "Content-Length: 2097152\r\n\r\n");
    http_say_bytes(b, c, body, HTTP_MAX_BODY);
    HTTP_RUN_UNTIL(b, http_ends_with(c, "POST /big  2097152"));
    assert_int_equal(http_last(b)->sum, sum);
    HTTP_RUN_UNTIL(b, b->server->bodies == 0);

    /* All of it is sent before the answer is looked at, which must be there still. */
    http_say(b, c, "POST /bigger HTTP/1.1\r\n" HOST "Content-Length: 4194304\r\n\r\n");
    http_say_bytes(b, c, body, 2 * HTTP_MAX_BODY);
    HTTP_RUN_UNTIL(b, http_has(c, "HTTP/1.1 413 Content Too Large"));
    assert_int_equal(b->requests, 1);
}

static void large_bodies_share_what_there_is_for_them(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    for (int i = 0; i < 8; i++)
        http_say(b, http_client_at(b, i), "POST /a HTTP/1.1\r\n" HOST "Content-Length: 2097152\r\n\r\nx");
    HTTP_RUN_UNTIL(b, b->server->bodies == HTTP_MAX_BODIES);
    struct http_client *c = http_client_at(b, 8), *small = http_client_at(b, 9);
    http_say(b, c, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 2097152\r\n\r\nx");
    HTTP_RUN_UNTIL(b, http_has(&b->clients[0], "HTTP/1.1 503 ")); /* it has waited longest, and makes room */
    assert_false(http_has_ended(&b->clients[1]));
    assert_int_equal(b->server->bodies, HTTP_MAX_BODIES);
    http_say(b, small, "POST /c HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
    HTTP_RUN_UNTIL(b, http_ends_with(small, "POST /c  1"));
    http_client_close(&b->clients[1]);
    HTTP_RUN_UNTIL(b, b->server->bodies < HTTP_MAX_BODIES);
    assert_int_equal(b->gone, 0); /* the owner never heard of it */
}

static void who_expects_to_be_told_is_told_to_go_on(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    for (int i = 1; i <= 2; i++) {
        http_say(b, c, "POST /a HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n");
        HTTP_RUN_UNTIL(b, http_ends_with(c, "HTTP/1.1 100 Continue\r\n\r\n"));
        assert_int_equal(b->requests, i - 1);
        http_say(b, c, "abc");
        HTTP_RUN_UNTIL(b, http_ends_with(c, "POST /a  3"));
    }
    http_say(b, c, "POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    HTTP_RUN_UNTIL(b, b->requests == 3 && http_ends_with(c, "POST /a  3"));
    assert_int_equal(http_count(c, "100 Continue"), 2);
    http_say(b, c, "POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n");
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(http_count(c, "100 Continue"), 2);
    assert_true(http_has(c, "HTTP/1.1 413 "));
}

/* ---- slow clients ---- */

static void slow_heads_cost_the_connection(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    b->server->patience.head_ms = 150;
    struct http_client *silent = http_client_at(b, 0), *slow = http_client_at(b, 1),
                       *second = http_client_at(b, 2);
    http_say(b, slow, "GET / HTTP/1.1\r\n");
    http_say(b, second, GET("/a"));
    HTTP_RUN_UNTIL(b, http_has(second, "/a"));
    http_run_for(b, 200);
    assert_false(http_has_ended(second)); /* idle is another thing */
    http_say(b, second, "GET");
    for (int i = 0; i < 8; i++) { /* a byte now and then does not help */
        (void)send(slow->fd, "x", 1, MSG_NOSIGNAL);
        (void)send(second->fd, "x", 1, MSG_NOSIGNAL);
        http_run_for(b, 30);
    }
    HTTP_RUN_UNTIL(b, http_has_ended(silent) && http_has_ended(slow) && http_has_ended(second));
    HTTP_RUN_UNTIL(b, b->server->connection_count == 0);
}

static void slow_bodies_cost_the_connection(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    b->server->patience.body_pause_ms = 100;
    b->server->patience.body_ms = 400;
    struct http_client *pauses = http_client_at(b, 0), *drips = http_client_at(b, 1);
    http_say(b, pauses, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nx");
    http_say(b, drips, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nx");
    for (int i = 0; i < 6; i++) {
        http_run_for(b, 40);
        (void)send(drips->fd, "x", 1, MSG_NOSIGNAL);
    }
    assert_true(http_has(pauses, "HTTP/1.1 408 Request Timeout"));
    assert_false(http_has_ended(drips));
    for (int i = 0; i < 8; i++) {
        http_run_for(b, 40);
        (void)send(drips->fd, "x", 1, MSG_NOSIGNAL);
    }
    HTTP_RUN_UNTIL(b, http_has_ended(drips));
    assert_true(http_has(drips, "HTTP/1.1 408 "));
    assert_int_equal(b->requests, 0);
}

static void idle_connections_are_closed(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    b->server->patience.idle_ms = 100;
    struct http_client *c = http_client_new(b);
    http_say(b, c, GET("/a"));
    HTTP_RUN_UNTIL(b, http_has(c, "/a"));
    assert_false(http_has_ended(c));
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    HTTP_RUN_UNTIL(b, b->server->connection_count == 0);
}

static void who_does_not_hang_up_is_hung_up_on(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    b->server->patience.linger_ms = 100;
    struct http_client *c = http_client_new(b);
    http_say(b, c, "nonsense\r\n\r\n");
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(b->server->connection_count, 1);
    for (int i = 0; i < 3; i++) {
        (void)send(c->fd, "more", 4, MSG_NOSIGNAL);
        http_run_for(b, 10);
    }
    HTTP_RUN_UNTIL(b, b->server->connection_count == 0);
}

static void who_does_not_take_its_answer_is_closed(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    b->server->patience.answer_ms = 150;
    struct http_client *c = http_client_new(b);
    http_say(b, c, GET("/a"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    AUTO_FREE char *body = calloc(1, HTTP_MAX_ANSWER);
    assert_int_equal(http_respond(http_last(b)->exchange, 200, NULL, body, HTTP_MAX_ANSWER), 0);
    HTTP_RUN_UNTIL(b, b->server->connection_count == 0);
    assert_int_equal(b->gone, 0); /* it was answered */
}

static void large_answers_come_whole(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    AUTO_FREE char *body = malloc(HTTP_MAX_ANSWER);
    for (size_t i = 0; i < HTTP_MAX_ANSWER; i++)
        body[i] = (char)(i * i + i / 7);
    http_say(b, c, GET("/a") GET("/b"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    assert_int_equal(http_respond(http_last(b)->exchange, 200, NULL, body, HTTP_MAX_ANSWER), 0);
    HTTP_RUN_UNTIL(b, (http_take(c, SIZE_MAX), b->requests == 2));
    assert_int_equal(http_respond_static(http_last(b)->exchange, 200, NULL, body, HTTP_MAX_ANSWER), 0);
    HTTP_RUN_UNTIL(b, (http_take(c, SIZE_MAX), c->in.len > 2 * HTTP_MAX_ANSWER + 100));
    const uint8_t *end = c->in.data + c->in.len - HTTP_MAX_ANSWER;
    assert_memory_equal(end, body, HTTP_MAX_ANSWER);
    const uint8_t *first = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
    assert_memory_equal(first + 4, body, HTTP_MAX_ANSWER);
}

static void an_answer_too_large_closes_the_connection(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    AUTO_FREE char *body = calloc(1, HTTP_MAX_ANSWER + HTTP_MAX_HEAD);
    http_say(b, c, GET("/a"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    assert_int_equal(http_respond(http_last(b)->exchange, 200, NULL, body, HTTP_MAX_ANSWER + HTTP_MAX_HEAD),
                     -ENOMEM);
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(c->in.len, 0);
    assert_int_equal(b->gone, 0);
}

/* ---- streams ---- */

static void a_stream_goes_on_when_it_is_woken_and_ends_in_order(void **state)
{
    struct http_bench *b = *state;
    b->pieces = 2;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    http_say(b, c, GET("/stream"));
    HTTP_RUN_UNTIL(
        b, http_ends_with(c, "Transfer-Encoding: chunked\r\n\r\na\r\naaaaaaaaaa\r\na\r\nbbbbbbbbbb\r\n"));
    http_run_for(b, 400); /* longer than it may be stalled, but there is nothing to take */
    b->pieces = 3;
    http_stream_wake(http_last(b)->exchange);
    HTTP_RUN_UNTIL(b, http_ends_with(c, "a\r\ncccccccccc\r\n"));
    assert_int_equal(b->gone, 0);
    b->stream_ends = true;
    http_stream_wake(http_last(b)->exchange);
    HTTP_RUN_UNTIL(b, http_ends_with(c, "cc\r\n0\r\n\r\n"));
    HTTP_RUN_UNTIL(b, b->gone == 1);
    http_say(b, c, GET("/next"));
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GET /next  0"));
}

static void a_slow_reader_gets_all_and_costs_no_memory(void **state)
{
    struct http_bench *b = *state;
    b->pieces = 300;
    b->piece_len = 65536;
    b->stream_ends = true;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    http_say(b, c, GET("/stream"));
    http_run_for(b, 100);
    int given = b->given;
    assert_in_range(given, 1, 200); /* what kernels hold; the rest was not asked for yet */
    http_run_for(b, 100);
    assert_int_equal(b->given, given);
    for (int i = 0; i < 2000 && b->gone == 0; i++) {
        http_take(c, 16384);
        http_run_turn(b);
    }
    HTTP_RUN_UNTIL(b, http_ends_with(c, "\r\n0\r\n\r\n"));
    assert_int_equal(http_count(c, "10000\r\n"), 300);
    assert_int_equal(b->gone, 1);
}

static void who_does_not_read_a_stream_is_closed(void **state)
{
    struct http_bench *b = *state;
    b->pieces = 1000;
    b->piece_len = 65536;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_new(b);
    http_say(b, c, GET("/stream"));
    HTTP_RUN_UNTIL(b, b->gone == 1);
    HTTP_RUN_UNTIL(b, b->server->connection_count == 0);
    assert_in_range(b->given, 1, 500);
}

static void who_leaves_is_told_of_once(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    struct http_client *waits = http_client_at(b, 0), *streams = http_client_at(b, 1);
    http_say(b, waits, GET("/a"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    http_client_close(waits);
    HTTP_RUN_UNTIL(b, b->gone == 1);
    http_say(b, streams, GET("/stream"));
    HTTP_RUN_UNTIL(b, b->requests == 2);
    http_bench_answer(b, http_last(b));
    HTTP_RUN_UNTIL(b, http_has(streams, "chunked"));
    http_client_close(streams);
    HTTP_RUN_UNTIL(b, b->gone == 2);
    HTTP_RUN_UNTIL(b, b->server->connection_count == 0);
    http_run_for(b, 20);
    assert_int_equal(b->gone, 2);
}

/* ---- queries ---- */

static void queries_are_read(void **state)
{
    static const struct {
        const char *query, *name;
        size_t size;
        int r;
        const char *value;
    } rows[] = {
        { "a=1&b=2", "a", 8, 0, "1" },
        { "a=1&b=2", "b", 8, 0, "2" },
        { "a=1&a=2", "a", 8, 0, "1" },
        { "ab=1&a=2", "a", 8, 0, "2" },
        { "a=x+y%2Bz%20%c3%A9", "a", 16, 0, "x y+z \xc3\xa9" },
        { "a=b=c", "a", 8, 0, "b=c" },
        { "a", "a", 8, 0, "" },
        { "a=", "a", 1, 0, "" },
        { "&&a=1&", "a", 8, 0, "1" },
        { "", "a", 8, -ENOENT, NULL },
        { "b=a", "a", 8, -ENOENT, NULL },
        { "A=1", "a", 8, -ENOENT, NULL },
        { "a=1234567", "a", 8, 0, "1234567" },
        { "a=12345678", "a", 8, -ENAMETOOLONG, NULL },
        { "a=1", "a", 0, -ENAMETOOLONG, NULL },
        { "a=%", "a", 8, -EINVAL, NULL },
        { "a=%4", "a", 8, -EINVAL, NULL },
        { "a=%4&b=1", "a", 8, -EINVAL, NULL },
        { "a=%g1", "a", 8, -EINVAL, NULL },
        { "a=%00", "a", 8, -EINVAL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char value[16];
        assert_int_equal(http_query_get(rows[i].query, rows[i].name, value, rows[i].size), rows[i].r);
        if (rows[i].r == 0)
            assert_string_equal(value, rows[i].value);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_answered_and_the_connection_kept, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(single_bytes_are_put_together, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(pipelined_requests_are_answered_in_order, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(who_sends_much_before_its_turn_waits, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(answers_may_come_later_and_in_any_order, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(head_requests_get_the_head_only, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(old_and_closing_clients_are_hung_up_on, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(wrong_requests_are_refused, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(unusual_requests_are_served, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(heads_are_bounded, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(large_bodies_come_whole_and_too_large_ones_not_at_all, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(large_bodies_share_what_there_is_for_them, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(who_expects_to_be_told_is_told_to_go_on, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(slow_heads_cost_the_connection, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(slow_bodies_cost_the_connection, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(idle_connections_are_closed, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_hang_up_is_hung_up_on, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_take_its_answer_is_closed, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(large_answers_come_whole, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(an_answer_too_large_closes_the_connection, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(a_stream_goes_on_when_it_is_woken_and_ends_in_order, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(a_slow_reader_gets_all_and_costs_no_memory, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_read_a_stream_is_closed, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(who_leaves_is_told_of_once, http_set_up, http_tear_down),
        cmocka_unit_test(queries_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
