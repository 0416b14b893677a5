/* The HTTP server with too little memory: each allocation of its own fails once, for a request, a body and a stream. What cannot be served is
 * refused or cut off, the owner hears of each exchange as ever, and the next client is served. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/http_internal.h"
#include "tests/support/short_memory.h"

#define TURNS    3000
#define BODY_LEN 30000 /* grows in steps */

struct bench {
    struct loop loop;
    struct websocket_context *context;
    struct http_server *server;
    int asked, ended; /* exchanges; ended: answered, or told to be gone */
    bool is_stream;
    struct http_exchange *streamed;
};

static const struct http_field fields[] = { { "Content-Type", "text/plain" }, { 0 } };

static bool fill(void *ctx, struct buf *out)
{
    (void)ctx;
    buf_text(out, "all of it");
    return false;
}

static void on_request(void *ctx, struct http_exchange *exchange, const struct http_request *request)
{
    struct bench *b = ctx;
    b->asked++;
    if (b->is_stream) {
        b->streamed = exchange;
        if (http_stream(exchange, 200, fields, fill, b, 1000) == 0)
            return;
        b->streamed = NULL;
    } else {
        (void)http_respond(exchange, 200, fields, "all of it", request->body_len ? 9 : 0);
    }
    b->ended++;
}

static void on_gone(void *ctx, struct http_exchange *exchange)
{
    struct bench *b = ctx;
    assert_ptr_equal(exchange, b->streamed);
    b->streamed = NULL;
    b->ended++;
}

static int connected(const struct bench *b)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(http_server_port(b->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Until the server hangs up. What it said is in `ret`. */
static void ask(struct bench *b, char *ret, size_t size)
{
    static char request[BODY_LEN + 128];
    int head =
        snprintf(request, sizeof(request),
                 "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", BODY_LEN);
    size_t len = (size_t)head + BODY_LEN, sent = 0, got = 0;
    memset(request + head, 'x', BODY_LEN);
    int fd = connected(b);
    bool has_ended = false;
    for (int i = 0; i < TURNS && !has_ended; i++) {
        ssize_t n = sent < len ? send(fd, request + sent, len - sent, MSG_NOSIGNAL) : 0;
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&b->loop.uv, UV_RUN_NOWAIT);
        n = recv(fd, ret + got, size - 1 - got, 0);
        got += n > 0 ? (size_t)n : 0;
        has_ended = n == 0 || (n < 0 && errno != EAGAIN);
        usleep(has_ended ? 0 : 50);
    }
    assert_true(has_ended);
    ret[got] = '\0';
    close(fd);
    for (int i = 0; i < TURNS && b->server->connection_count > 0; i++)
        uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(b->server->connection_count, 0);
    assert_int_equal(b->server->bodies, 0);
    assert_int_equal(b->ended, b->asked);
    assert_null(b->streamed);
}

static void each_allocation_may_fail(bool is_stream)
{
    struct bench b = { .is_stream = is_stream };
    struct http_server_settings settings = { .address = "127.0.0.1" };
    static const struct http_events events = { on_request, on_gone };
    char said[4096];
    assert_int_equal(loop_init(&b.loop), 0);
    assert_int_equal(websocket_context_new(&b.loop, &b.context), 0);
    assert_int_equal(http_server_new(b.context, &settings, &events, &b, &b.server), 0);
    long failures = 0;
    for (bool was_refused = true; was_refused;) {
        count_from_now(++failures);
        ask(&b, said, sizeof(said));
        was_refused = memory.count >= memory.fail_at;
        memory.counting = false;
        if (!was_refused)
            assert_non_null(strstr(said, "all of it"));
    }
    assert_in_range(failures, 8, 100);
    ask(&b, said, sizeof(said));
    assert_non_null(strstr(said, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(said, "all of it"));
    http_server_free(b.server);
    websocket_context_free(b.context);
    loop_done(&b.loop);
}

static void each_allocation_of_an_answer_may_fail(void **state)
{
    (void)state;
    each_allocation_may_fail(false);
}

static void each_allocation_of_a_stream_may_fail(void **state)
{
    (void)state;
    each_allocation_may_fail(true);
}

static void each_allocation_of_a_server_may_fail(void **state)
{
    (void)state;
    struct loop loop;
    struct websocket_context *context;
    struct http_server_settings settings = { .address = "127.0.0.1" };
    static const struct http_events events = { on_request, on_gone };
    assert_int_equal(loop_init(&loop), 0);
    assert_int_equal(websocket_context_new(&loop, &context), 0);
    int r = -ENOMEM;
    for (long i = 1; r == -ENOMEM; i++) {
        struct http_server *server = NULL;
        count_from_now(i);
        r = http_server_new(context, &settings, &events, NULL, &server);
        bool was_refused = memory.count >= memory.fail_at;
        memory.counting = false;
        assert_int_equal(r, was_refused ? -ENOMEM : 0);
        http_server_free(server);
        for (int turn = 0; turn < 20; turn++)
            uv_run(&loop.uv, UV_RUN_NOWAIT);
    }
    websocket_context_free(context);
    loop_done(&loop);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_an_answer_may_fail),
        cmocka_unit_test(each_allocation_of_a_stream_may_fail),
        cmocka_unit_test(each_allocation_of_a_server_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
