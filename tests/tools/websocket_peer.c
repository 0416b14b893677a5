/* One end of a WebSocket on our net layer, for tests against other implementations.
 *
 *     websocket_peer [options] URL IDENTITY      client
 *     websocket_peer [options] --serve           server on any port of 127.0.0.1; prints "port N"; one connection
 *
 * Lines of stdin are sent as messages; "close CODE" closes. Events are lines of stdout. */
#include <getopt.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "net/websocket.h"

struct peer {
    struct loop loop;
    struct websocket_context *context;
    struct endpoint *endpoint;
    struct websocket *ws;
    uv_poll_t input;
    struct buf line;
    int64_t ping_ms;
    const char *password; /* the server refuses others with 401 */
};

static void on_open(void *ctx, const char *subprotocol)
{
    struct peer *p = ctx;
    printf("open %s\n", subprotocol);
    websocket_set_ping_interval(p->ws, p->ping_ms);
}

static void on_message(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    printf("message %.*s\n", (int)len, text);
}

static void on_close(void *ctx, const struct websocket_end *end)
{
    static const char *const names[] = { "CLOSED",          "LOST",        "UNREACHABLE", "TLS_FAILED",
                                         "TLS_CERTIFICATE", "TLS_VERSION", "TLS_SUITES",  "REFUSED",
                                         "NO_SUBPROTOCOL" };
    struct peer *p = ctx;
    printf("close %s %d %s\n", names[end->failure], end->status, end->text);
    websocket_free(STEAL(p->ws), 1000);
    loop_stop(&p->loop);
}

static const struct websocket_events events = { on_open, on_message, on_close };

static int on_handshake(void *ctx, const char *identity, const char *user, const char *password)
{
    struct peer *p = ctx;
    printf("handshake %s %s %s\n", identity, user ? user : "-", password ? password : "-");
    return p->password && !str_equal(password ? password : "", p->password) ? 401 : 0;
}

static void on_accept(void *ctx, struct websocket *ws, const char *identity)
{
    struct peer *p = ctx;
    printf("accept %s\n", identity);
    p->ws = ws;
    websocket_set_events(ws, &events, p);
    websocket_set_ping_interval(ws, p->ping_ms);
}

static void on_line(struct peer *p, const char *line, size_t len)
{
    int64_t code;
    if (str_starts(line, "close ") && str_to_int(line + 6, 1000, 4999, &code) == 0) {
        websocket_free(STEAL(p->ws), (int)code);
        loop_stop(&p->loop);
    } else if (p->ws && websocket_send(p->ws, line, len) < 0) {
        printf("not sent\n");
    }
}

static void on_input(uv_poll_t *poll, int status, int events_ready)
{
    struct peer *p = poll->data;
    char bytes[65536];
    (void)status;
    (void)events_ready;
    ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (n <= 0) {
        uv_poll_stop(poll);
        return;
    }
    buf_append(&p->line, bytes, (size_t)n);
    char *end;
    while (p->line.len && (end = memchr(p->line.data, '\n', p->line.len))) {
        *end = '\0';
        size_t len = (size_t)(end - (char *)p->line.data);
        on_line(p, (char *)p->line.data, len);
        buf_consume(&p->line, len + 1);
    }
}

static int run_client(struct peer *p, const struct client_endpoint_settings *settings, const char *identity,
                      const char *password)
{
    if (client_endpoint_new(p->context, settings, &p->endpoint) < 0)
        return -1;
    p->ws = websocket_connect(p->endpoint, identity, identity, password, &events, p);
    return p->ws ? 0 : -1;
}

static int run_server(struct peer *p, const struct server_endpoint_settings *settings)
{
    static const struct websocket_server_events server_events = { on_handshake, on_accept };
    if (server_endpoint_new(p->context, settings, &server_events, p, &p->endpoint) < 0)
        return -1;
    printf("port %u\n", endpoint_port(p->endpoint));
    return 0;
}

static void finish(struct peer *p)
{
    websocket_free(p->ws, 1001);
    endpoint_free(p->endpoint);
    websocket_context_free(p->context);
    uv_close((uv_handle_t *)&p->input, NULL);
    loop_done(&p->loop);
    buf_done(&p->line);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "serve", no_argument, NULL, 's' },      { "compress", no_argument, NULL, 'z' },
        { "ca", required_argument, NULL, 'a' },   { "cert", required_argument, NULL, 'c' },
        { "key", required_argument, NULL, 'k' },  { "password", required_argument, NULL, 'p' },
        { "ping", required_argument, NULL, 'i' }, { NULL, 0, NULL, 0 },
    };
    struct client_endpoint_settings client = { .subprotocols = "ocpp2.0.1,ocpp1.6", .max_message = 1000000 };
    struct peer p = { 0 };
    bool serve = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        serve |= o == 's';
        client.compression |= o == 'z';
        client.tls.ca_file = o == 'a' ? optarg : client.tls.ca_file;
        client.tls.cert_file = o == 'c' ? optarg : client.tls.cert_file;
        client.tls.key_file = o == 'k' ? optarg : client.tls.key_file;
        p.password = o == 'p' ? optarg : p.password;
        if (o == '?' || (o == 'i' && str_to_int64(optarg, &p.ping_ms) < 0))
            return 2;
    }
    if (!serve && argc - optind != 2)
        return 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    log_set_level(LOG_NET, LOG_DEBUG);
    buf_init(&p.line, 4 * 1024 * 1024);
    if (loop_init(&p.loop) < 0 || websocket_context_new(&p.loop, &p.context) < 0)
        return 1;
    if (uv_poll_init(&p.loop.uv, &p.input, STDIN_FILENO) < 0)
        return 1; /* a file */
    p.input.data = &p;
    uv_poll_start(&p.input, UV_READABLE, on_input);

    struct server_endpoint_settings server = {
        .address = "127.0.0.1",
        .subprotocols = client.subprotocols,
        .compression = client.compression,
        .tls_enabled = client.tls.cert_file != NULL,
        .tls = client.tls,
        .max_message = client.max_message,
    };
    client.url = argv[optind];
    int r = serve ? run_server(&p, &server) : run_client(&p, &client, argv[optind + 1], p.password);
    if (r == 0)
        loop_run(&p.loop);
    finish(&p);
    return r < 0;
}
