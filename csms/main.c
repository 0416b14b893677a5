/* ocpp-csms: options, loop, end. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "authority.h"
#include "console.h"
#include "csms.h"
#include "database.h"
#include "tokens.h"

struct options {
    char address[64];
    uint16_t port;
    const char *database, *tokens, *socket, *cert, *key, *client_ca, *ca, *ca_key;
    bool compression;
};

static void usage(FILE *out)
{
    (void)fprintf(
        out, "usage: ocpp-csms [options]\n"
             "\n"
             "  -l, --listen ADDRESS:PORT  where stations connect (default 127.0.0.1:9000)\n"
             "  -d, --database FILE        transactions are kept here (default: in memory)\n"
             "  -t, --tokens FILE          tokens and passwords, YAML (default: all are accepted)\n"
             "  -s, --socket PATH          take commands from a Unix socket: a line in, a line of JSON out\n"
             "  -c, --cert FILE --key FILE PEM files: serve wss://\n"
             "      --client-ca FILE       stations must show a certificate of these (security profile 3)\n"
             "      --ca FILE --ca-key FILE  PEM files: sign what stations ask for by SignCertificate\n"
             "  -i, --interval SECONDS     heartbeat interval (default 60)\n"
             "  -z, --compression          accept permessage-deflate\n"
             "  -f, --frames               show whole frames, not a summary\n"
             "  -q, --quiet                do not show the dialogue\n"
             "      --version              print the version\n"
             "  -h, --help                 this text\n"
             "\n"
             "Stations connect to ws://ADDRESS:PORT/anything/IDENTITY with subprotocol ocpp2.0.1. At the "
             "prompt, `help`\n"
             "lists the commands.\n");
}

static int parse_listen(const char *text, struct options *options)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || str_to_int(colon + 1, 0, 65535, &port) < 0 ||
        (size_t)(colon - text) >= sizeof(options->address))
        return -EINVAL;
    memcpy(options->address, text, (size_t)(colon - text));
    options->address[colon - text] = '\0';
    options->port = (uint16_t)port;
    return 0;
}

/* 0, or an exit code + 1. */
static int parse(int argc, char **argv, struct options *options, struct csms *csms)
{
    static const struct option rows[] = {
        { "listen", required_argument, NULL, 'l' },    { "database", required_argument, NULL, 'd' },
        { "tokens", required_argument, NULL, 't' },    { "socket", required_argument, NULL, 's' },
        { "cert", required_argument, NULL, 'c' },      { "key", required_argument, NULL, 'k' },
        { "client-ca", required_argument, NULL, 'C' }, { "ca", required_argument, NULL, 'A' },
        { "ca-key", required_argument, NULL, 'K' },    { "interval", required_argument, NULL, 'i' },
        { "compression", no_argument, NULL, 'z' },     { "frames", no_argument, NULL, 'f' },
        { "quiet", no_argument, NULL, 'q' },           { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },         { 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "l:d:t:s:c:k:i:zfqh", rows, NULL)) != -1;) {
        switch (option) {
        case 'l':
            if (parse_listen(optarg, options) < 0) {
                (void)fprintf(stderr, "ocpp-csms: --listen %s: expected ADDRESS:PORT\n", optarg);
                return 3;
            }
            break;
        case 'd':
            options->database = optarg;
            break;
        case 't':
            options->tokens = optarg;
            break;
        case 's':
            options->socket = optarg;
            break;
        case 'c':
            options->cert = optarg;
            break;
        case 'k':
            options->key = optarg;
            break;
        case 'A':
            options->ca = optarg;
            break;
        case 'K':
            options->ca_key = optarg;
            break;
        case 'C':
            options->client_ca = optarg;
            break;
        case 'i':
            if (str_to_int(optarg, 1, 86400, &csms->heartbeat_interval_s) < 0) {
                (void)fprintf(stderr, "ocpp-csms: --interval %s: expected 1 to 86400 seconds\n", optarg);
                return 3;
            }
            break;
        case 'z':
            options->compression = true;
            break;
        case 'f':
            csms->frames = true;
            break;
        case 'q':
            csms->quiet = true;
            break;
        case 'h':
            usage(stdout);
            return 1;
        case 'v':
            (void)puts("ocpp-csms " GATEWAY_VERSION);
            return 1;
        default:
            usage(stderr);
            return 3;
        }
    }
    if (optind == argc && !options->cert == !options->key && (options->cert || !options->client_ca) &&
        !options->ca == !options->ca_key)
        return 0;
    usage(stderr);
    return 3;
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    loop_stop(handle->data);
}

static int start(struct csms *csms, const struct options *options)
{
    struct server_endpoint_settings settings = {
        .address = options->address,
        .port = options->port,
        .subprotocols = "ocpp2.0.1",
        .compression = options->compression,
        .tls_enabled = options->cert != NULL,
        .tls = { .cert_file = options->cert, .key_file = options->key, .ca_file = options->client_ca },
        .max_message = CSMS_MAX_MESSAGE,
    };
    struct problems problems;
    problems_init(&problems);
    int r = tokens_load(options->tokens, &problems, &csms->tokens);
    for (size_t i = 0; i < problems.count; i++)
        (void)fprintf(stderr, "%s\n", problems.list[i].text);
    problems_done(&problems);
    if (r == 0 && options->ca)
        r = authority_open(options->ca, options->ca_key, &csms->authority);
    if (r == 0)
        r = database_open(options->database, &csms->database);
    if (r == 0 && (r = csms_listen(csms, &settings)) < 0)
        (void)fprintf(stderr, "ocpp-csms: cannot listen on %s:%u: %s\n", options->address, options->port,
                      err_text(r));
    /* who can reach the socket can reach the stations' port, too */
    if (r == 0 && (r = console_new(csms, options->socket, isatty(0), &csms->console)) < 0)
        (void)fprintf(stderr, "ocpp-csms: socket %s: %s\n", options->socket, err_text(r));
    if (r == 0)
        console_print(csms->console, "listening on %s://%s:%u%s", options->cert ? "wss" : "ws",
                      options->address, endpoint_port(csms->endpoint),
                      isatty(0) ? "; `help` lists the commands" : "");
    return r;
}

int main(int argc, char **argv)
{
    struct csms csms = { .heartbeat_interval_s = 60 };
    struct options options = { .address = "127.0.0.1", .port = 9000 };
    uv_signal_t signals[2];
    static const int numbers[] = { SIGINT, SIGTERM };
    int r = parse(argc, argv, &options, &csms);
    if (r)
        return r - 1;
    if (loop_init(&csms.loop) < 0)
        return EXIT_FAILURE;
    list_init(&csms.stations);
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        (void)uv_signal_init(&csms.loop.uv, &signals[i]);
        signals[i].data = &csms.loop;
        (void)uv_signal_start(&signals[i], on_signal, numbers[i]);
    }
    r = start(&csms, &options);
    if (r == 0)
        loop_run(&csms.loop);
    csms_close(&csms);
    console_free(csms.console);
    database_close(csms.database);
    tokens_free(csms.tokens);
    authority_free(csms.authority);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
    loop_done(&csms.loop);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
