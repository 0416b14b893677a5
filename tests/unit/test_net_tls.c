/* wss on loopback, with certificates made by the openssl command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "net/websocket.h"

#define WAIT_MS 10000
#define BIG     300000

static char directory[] = "/tmp/test_net_tls.XXXXXX"; /* of the certificates */

struct bench {
    struct loop loop;
    struct websocket_context *context;
    struct endpoint *server, *client;
    struct websocket *a, *b;
    int opens, accepts, messages, closes;
    size_t last_len;
    struct websocket_end end;
    char end_text[200];
    struct timer timeout;
    bool timed_out;
};

static const char *path(const char *name)
{
    static char paths[4][128];
    static int next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof(paths[0]), "%s/%s", directory, name);
    return p;
}

static int make_certificates(void **state)
{
    (void)state;
    static const char script[] =
        "cd %s && exec 2>/dev/null && new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes' "
        "&& "
        "$new -x509 -keyout ca.key -out ca.pem -subj /CN=ca -days 2 && "
        "$new -x509 -keyout other.key -out other.pem -subj /CN=other -days 2 && "
        "for n in good:DNS:localhost,IP:127.0.0.1 wrong:DNS:elsewhere; do "
        "  f=${n%%%%:*}; echo \"subjectAltName=${n#*:}\" >$f.ext; "
        "  $new -keyout $f.key -out $f.csr -subj /CN=$f && "
        "  openssl x509 -req -in $f.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $f.ext "
        "-out $f.pem || exit 1; "
        "done; "
        "openssl req -newkey rsa:2048 -nodes -x509 -keyout rsa.key -out rsa.pem -subj /CN=localhost -days 2 "
        "-addext subjectAltName=DNS:localhost";
    char command[sizeof(script) + sizeof(directory)];
    if (!mkdtemp(directory))
        return -1;
    snprintf(command, sizeof(command), script, directory);
    return system(command);
}

static int remove_certificates(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

static void on_open(void *ctx, const char *subprotocol)
{
    (void)subprotocol;
    ((struct bench *)ctx)->opens++;
}

static void on_message(void *ctx, const char *text, size_t len)
{
    (void)text;
    struct bench *b = ctx;
    b->messages++;
    b->last_len = len;
}

static void on_close(void *ctx, const struct websocket_end *end)
{
    struct bench *b = ctx;
    b->closes++;
    b->end = *end;
    (void)str_copy(b->end_text, sizeof(b->end_text), end->text);
    websocket_free(STEAL(b->a), 1000);
}

static void on_server_message(void *ctx, const char *text, size_t len)
{
    assert_int_equal(websocket_send(((struct bench *)ctx)->b, text, len), 0);
}

static void on_server_close(void *ctx, const struct websocket_end *end)
{
    (void)end;
    websocket_free(STEAL(((struct bench *)ctx)->b), 1000);
}

static void on_accept(void *ctx, struct websocket *ws, const char *identity)
{
    static const struct websocket_events events = { .on_message = on_server_message,
                                                    .on_close = on_server_close };
    struct bench *b = ctx;
    assert_string_equal(identity, "CP");
    b->accepts++;
    b->b = ws;
    websocket_set_events(ws, &events, b);
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

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(websocket_context_new(&b->loop, &b->context), 0);
    timer_init(&b->timeout, &b->loop.timers, on_timeout, b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    websocket_free(b->a, 1000);
    websocket_free(b->b, 1000);
    endpoint_free(b->client);
    endpoint_free(b->server);
    websocket_context_free(b->context);
    loop_done(&b->loop);
    free(b);
    return 0;
}

static void serve(struct bench *b, const char *cert, const char *key)
{
    static const struct websocket_server_events events = { .on_accept = on_accept };
    struct server_endpoint_settings s = {
        .address = "127.0.0.1",
        .subprotocols = "ocpp2.0.1",
        .tls_enabled = true,
        .tls = { .cert_file = cert, .key_file = key },
        .max_message = 1000000,
    };
    assert_int_equal(server_endpoint_new(b->context, &s, &events, b, &b->server), 0);
}

static void dial(struct bench *b, const char *scheme, const char *host, const char *ca)
{
    static const struct websocket_events events = { on_open, on_message, on_close };
    char url[64];
    snprintf(url, sizeof(url), "%s://%s:%u", scheme, host, endpoint_port(b->server));
    struct client_endpoint_settings s = {
        .url = url, .subprotocols = "ocpp2.0.1", .tls = { .ca_file = ca }, .max_message = 1000000
    };
    assert_int_equal(client_endpoint_new(b->context, &s, &b->client), 0);
    b->a = websocket_connect(b->client, "CP", NULL, NULL, &events, b);
    assert_non_null(b->a);
}

static void good_certificate_connects_by_name(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "wss", "localhost", path("ca.pem"));
    RUN_UNTIL(b, b->opens && b->accepts);
    assert_true(endpoint_is_tls(b->client));
}

static void good_certificate_connects_by_address(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "wss", "127.0.0.1", path("ca.pem"));
    RUN_UNTIL(b, b->opens && b->accepts);
}

static void rsa_certificate_connects(void **state)
{
    struct bench *b = *state;
    serve(b, path("rsa.pem"), path("rsa.key"));
    dial(b, "wss", "localhost", path("rsa.pem"));
    RUN_UNTIL(b, b->opens && b->accepts);
}

static void messages_of_any_size_pass(void **state)
{
    static const size_t sizes[] = { 1, 1000, 1024, 16384, 70000, BIG };
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "wss", "localhost", path("ca.pem"));
    RUN_UNTIL(b, b->opens);
    AUTO_FREE char *text = malloc(BIG);
    memset(text, 'x', BIG);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(websocket_send(b->a, text, sizes[i]), 0);
        RUN_UNTIL(b, b->messages == i + 1);
        assert_int_equal(b->last_len, sizes[i]);
    }
}

static void expect_failure(struct bench *b, const char *text)
{
    RUN_UNTIL(b, b->closes);
    assert_int_equal(b->end.failure, WEBSOCKET_TLS_CERTIFICATE);
    assert_string_equal(b->end_text, text);
    assert_int_equal(b->opens, 0);
    assert_int_equal(b->accepts, 0);
}

static void unknown_authority_is_refused(void **state) /* A00.FR.309 */
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "wss", "localhost", path("other.pem"));
    expect_failure(b, "unable to get local issuer certificate");
}

static void system_authorities_do_not_know_ours(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "wss", "localhost", NULL);
    expect_failure(b, "unable to get local issuer certificate");
}

static void wrong_name_is_refused(void **state) /* A00.FR.308 */
{
    struct bench *b = *state;
    serve(b, path("wrong.pem"), path("wrong.key"));
    dial(b, "wss", "localhost", path("ca.pem"));
    expect_failure(b, "hostname mismatch");
}

static void wrong_address_is_refused(void **state)
{
    struct bench *b = *state;
    serve(b, path("wrong.pem"), path("wrong.key"));
    dial(b, "wss", "127.0.0.1", path("ca.pem"));
    expect_failure(b, "IP address mismatch");
}

static void plain_client_at_a_tls_server_fails(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "ws", "127.0.0.1", NULL);
    RUN_UNTIL(b, b->closes);
    assert_int_equal(b->end.failure, WEBSOCKET_LOST);
}

/* The server is openssl's, limited to TLS 1.1. */
static void old_tls_is_refused(void **state) /* A00.FR.313 */
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    char command[400];
    uint16_t port = endpoint_port(b->server);
    snprintf(command, sizeof(command),
             "openssl s_client -connect 127.0.0.1:%u -tls1_1 -cipher ALL@SECLEVEL=0 </dev/null >%s 2>&1 &",
             port, path("s_client.log"));
    assert_int_equal(system(command), 0);
    b->timed_out = false;
    env_timer_start(&b->loop.env, &b->timeout, 500);
    while (!b->timed_out)
        run_turn(&b->loop);
    snprintf(command, sizeof(command), "grep -q 'alert protocol version' %s", path("s_client.log"));
    assert_int_equal(system(command), 0);
}

static void bad_files_are_reported_at_once(void **state)
{
    struct bench *b = *state;
    struct endpoint *e = NULL;
    struct client_endpoint_settings c = { .url = "wss://localhost",
                                          .subprotocols = "ocpp2.0.1",
                                          .max_message = 1000 };
    log_set_level(LOG_NET, LOG_ERROR);
    c.tls.ca_file = path("missing.pem");
    assert_int_equal(client_endpoint_new(b->context, &c, &e), -EIO);
    c.tls = (struct tls_settings){ .cert_file = path("good.pem"), .key_file = path("wrong.key") };
    assert_int_equal(client_endpoint_new(b->context, &c, &e), -EIO);
    static const struct websocket_server_events events = { 0 };
    struct server_endpoint_settings s = { .address = "127.0.0.1",
                                          .subprotocols = "x",
                                          .tls_enabled = true,
                                          .tls = { .cert_file = path("ca.key") } };
    assert_int_equal(server_endpoint_new(b->context, &s, &events, NULL, &e), -EIO);
    assert_null(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(good_certificate_connects_by_name),
        TEST(good_certificate_connects_by_address),
        TEST(rsa_certificate_connects),
        TEST(messages_of_any_size_pass),
        TEST(unknown_authority_is_refused),
        TEST(system_authorities_do_not_know_ours),
        TEST(wrong_name_is_refused),
        TEST(wrong_address_is_refused),
        TEST(plain_client_at_a_tls_server_fails),
        TEST(old_tls_is_refused),
        TEST(bad_files_are_reported_at_once),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
