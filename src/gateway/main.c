/* ocpp-gateway: options, signals, one loop. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "gateway/management.h"

#define DEFAULT_CONFIG "/etc/ocpp-gateway/gateway.yaml"

static void on_stop_signal(uv_signal_t *handle, int number)
{
    struct gateway *gateway = handle->data;
    log_info(LOG_GATEWAY, "stopping: signal=%d", number);
    loop_stop(&gateway->loop);
}

static void on_reload_signal(uv_signal_t *handle, int number)
{
    (void)number;
    management_reload_by_signal(handle->data);
}

static const struct {
    int number;
    uv_signal_cb callback;
} signal_rows[] = { { SIGTERM, on_stop_signal }, { SIGINT, on_stop_signal }, { SIGHUP, on_reload_signal } };

static void start_signals(struct gateway *gateway, uv_signal_t handles[])
{
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_SIZE(signal_rows); i++) {
        (void)uv_signal_init(&gateway->loop.uv, &handles[i]);
        handles[i].data = gateway;
        (void)uv_signal_start(&handles[i], signal_rows[i].callback, signal_rows[i].number);
    }
}

/* They would end us before the loop is done, with nobody left to heed them. */
static void end_signals(uv_signal_t handles[])
{
    for (size_t i = 0; i < ARRAY_SIZE(signal_rows); i++) {
        uv_close((uv_handle_t *)&handles[i], NULL);
        (void)signal(signal_rows[i].number, SIG_IGN);
    }
}

/* A station needs two descriptors, a thousand more than the usual soft limit gives. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(const char *config_path)
{
    struct gateway gateway = { 0 };
    uv_signal_t handles[ARRAY_SIZE(signal_rows)];
    int r = loop_init(&gateway.loop);
    if (r < 0) {
        log_error(LOG_GATEWAY, "event loop cannot be made: error=\"%s\"", err_text(r));
        return EXIT_FAILURE;
    }
    size_t seed = 0;
    gateway.loop.env.random(gateway.loop.env.ctx, &seed, sizeof(seed));
    json_object_seed(seed);
    raise_descriptor_limit();
    start_signals(&gateway, handles);
    r = gateway_start(&gateway, config_path);
    if (r == 0)
        loop_run(&gateway.loop);
    gateway_stop(&gateway);
    end_signals(handles);
    loop_done(&gateway.loop);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_settings(void)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    config_reference(&out);
    (void)fputs(buf_string(&out), stdout);
    buf_done(&out);
    return EXIT_SUCCESS;
}

/* For tests and for who looks after the API: what stands in the tables, so that docs/openapi.json can be held against it. */
static int print_routes(void)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    management_print_routes(&out);
    (void)fputs(buf_string(&out), stdout);
    buf_done(&out);
    return EXIT_SUCCESS;
}

static void usage(FILE *out)
{
    (void)fprintf(out,
                  "usage: ocpp-gateway [--config FILE]\n"
                  "\n"
                  "  -c, --config FILE  configuration (default " DEFAULT_CONFIG ")\n"
                  "      --settings     print the reference of all settings as Markdown\n"
                  "      --routes       print the routes of the management API: method, path, role, query\n"
                  "      --version      print the version\n"
                  "  -h, --help         this text\n"
                  "\n"
                  "SIGHUP reloads the configuration; SIGTERM and SIGINT stop. See also: ocpp-cli --help.\n");
}

int main(int argc, char **argv)
{
    enum { OPTION_SETTINGS = 256, OPTION_ROUTES, OPTION_VERSION };
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },       { "help", no_argument, NULL, 'h' },
        { "routes", no_argument, NULL, OPTION_ROUTES },   { "settings", no_argument, NULL, OPTION_SETTINGS },
        { "version", no_argument, NULL, OPTION_VERSION }, { 0 },
    };
    const char *config_path = DEFAULT_CONFIG;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            config_path = optarg;
            break;
        case 'h':
            usage(stdout);
            return EXIT_SUCCESS;
        case OPTION_SETTINGS:
            return print_settings();
        case OPTION_ROUTES:
            return print_routes();
        case OPTION_VERSION:
            (void)puts("ocpp-gateway " GATEWAY_VERSION);
            return EXIT_SUCCESS;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return 2;
    }
    return run(config_path);
}
