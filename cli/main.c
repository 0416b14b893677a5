/* ocpp-cli: what an installer asks of the gateway. `check` stands alone; the rest talks to the daemon's control socket. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "connection.h"
#include "display.h"
#include "gateway/config.h"
#include "gateway/file.h"
#include "limit.h"

#define DEFAULT_SOCKET "/run/ocpp-gateway/control.sock"
#define DEFAULT_CONFIG "/etc/ocpp-gateway/gateway.yaml"
#define PROFILE_FALLBACK                                                                                     \
    "/etc/ocpp-gateway/profiles:/usr/local/share/ocpp-gateway/profiles:/usr/share/ocpp-gateway/profiles"

struct options {
    const char *socket;
    bool json, follow;
    struct limit_options limit;
};

enum { EXIT_USAGE = 2 };

/* ---- commands that talk to the daemon ---- */

/* Sends and takes the one answer; NULL (said why) or a new reference. */
static json_t *ask(const struct options *options, json_t *request)
{
    struct connection connection;
    if (connection_open(&connection, options->socket) < 0) {
        json_decref(request);
        return NULL;
    }
    json_t *answer = connection_send(&connection, request) == 0 ? connection_receive(&connection) : NULL;
    if (!answer)
        (void)fprintf(stderr, "ocpp-cli: the gateway closed the connection without an answer\n");
    connection_close(&connection);
    return answer;
}

static void print_json(const json_t *json)
{
    (void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    (void)putchar('\n');
}

static int run_status(const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    AUTO(json_t) *answer = ask(options, json_pack("{s:s}", "command", "status"));
    if (!answer)
        return EXIT_FAILURE;
    if (options->json)
        print_json(json_object_get(answer, "result"));
    else
        display_status(json_object_get(answer, "result"));
    return EXIT_SUCCESS;
}

static int run_reload(const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    AUTO(json_t) *answer = ask(options, json_pack("{s:s}", "command", "reload"));
    if (!answer)
        return EXIT_FAILURE;
    size_t index;
    json_t *problem;
    json_array_foreach(json_object_get(answer, "problems"), index, problem)(void)
        fprintf(stderr, "%s\n", json_string_value(problem));
    bool ok = json_get_bool(answer, "ok", false);
    (void)puts(ok ? "reloaded" : "refused: the running configuration stays");
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_send(const struct options *options, int argc, char **argv)
{
    (void)argc;
    json_t *payload = argv[2] ? json_from_text(argv[2], strlen(argv[2])) : json_object();
    if (!json_is_object(payload)) {
        (void)fprintf(stderr, "ocpp-cli: the payload is no JSON object: %s\n", argv[2]);
        json_decref(payload);
        return EXIT_USAGE;
    }
    AUTO(json_t) *answer = ask(options, json_pack("{s:s, s:s, s:s, s:o}", "command", "send", "station",
                                                  argv[0], "action", argv[1], "payload", payload));
    if (!answer)
        return EXIT_FAILURE;
    if (json_get_bool(answer, "ok", false)) {
        print_json(json_object_get(answer, "result"));
        return EXIT_SUCCESS;
    }
    (void)fprintf(stderr, "ocpp-cli: %s %s\n", json_get_string(answer, "code", ""),
                  json_get_string(answer, "error", ""));
    return EXIT_FAILURE;
}

static int run_limit(const struct options *options, int argc, char **argv)
{
    (void)argc;
    json_t *request = limit_request_read(argv, &options->limit);
    if (!request)
        return EXIT_USAGE;
    AUTO(json_t) *answer = ask(options, request);
    if (!answer)
        return EXIT_FAILURE;
    if (json_get_bool(answer, "ok", false))
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "ocpp-cli: %s\n", json_get_string(answer, "error", ""));
    return EXIT_FAILURE;
}

static int follow(const struct options *options, const char *command, void (*show)(const json_t *item))
{
    struct connection connection;
    if (connection_open(&connection, options->socket) < 0)
        return EXIT_FAILURE;
    int r = connection_send(&connection, json_pack("{s:s}", "command", command));
    for (json_t *item; r == 0 && (item = connection_receive(&connection));) {
        if (options->json)
            (void)json_dumpf(item, stdout, JSON_COMPACT), (void)putchar('\n');
        else
            show(item);
        (void)fflush(stdout);
        json_decref(item);
    }
    connection_close(&connection);
    (void)fprintf(stderr, "ocpp-cli: the gateway closed the connection\n");
    return EXIT_FAILURE;
}

static void show_log_line(const json_t *item)
{
    (void)puts(json_get_string(item, "line", ""));
}

static int run_log(const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (!options->follow) {
        (void)fprintf(stderr, "ocpp-cli: what is past is in the journal (journalctl -u ocpp-gateway); "
                              "use `ocpp-cli log -f` to follow\n");
        return EXIT_USAGE;
    }
    return follow(options, "log", show_log_line);
}

static int run_watch(const struct options *options, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (!options->json)
        display_watch_header();
    return follow(options, "watch", display_watch);
}

/* ---- check ---- */

/* A file with a top-level `profile:` or `extends:` is a device profile. */
static bool is_profile(const char *path)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    AUTO(yaml) *y = NULL;
    struct problems ignored;
    problems_init(&ignored);
    if (file_read(path, CONFIG_MAX_BYTES, &text, &len) == 0)
        (void)yaml_parse(path, text, len, &ignored, &y);
    problems_done(&ignored);
    return y && (yaml_get(y->root, "profile") || yaml_get(y->root, "extends"));
}

/* What it extends is looked for beside it first. */
static int check_profile(const char *path, struct problems *problems)
{
    AUTO(profile) *profile = NULL;
    int r = config_load_profile(path, ".:" PROFILE_FALLBACK, problems, &profile);
    if (r == 0)
        (void)printf("%s: good: profile %s, %zu points, %zu EVSEs\n", path, profile->name,
                     profile->point_count, profile->evse_count);
    return r;
}

static int check_config(const char *path, struct problems *problems)
{
    AUTO(config) *config = NULL;
    int r = config_load(path, problems, &config);
    if (r == 0)
        (void)printf("%s: good: %zu stations, %zu buses, %zu profiles\n", path, config->station_count,
                     config->bus_count, config->profile_count);
    return r;
}

static int run_check(const struct options *options, int argc, char **argv)
{
    (void)options;
    static char *fallback[] = { (char *)(uintptr_t)DEFAULT_CONFIG };
    char **files = argc ? argv : fallback;
    int result = EXIT_SUCCESS;
    for (int i = 0; i < (argc ? argc : 1); i++) {
        struct problems problems;
        problems_init(&problems);
        int r = is_profile(files[i]) ? check_profile(files[i], &problems) : check_config(files[i], &problems);
        for (size_t k = 0; k < problems.count; k++)
            (void)fprintf(stderr, "%s\n", problems.list[k].text);
        if (problems.total > problems.count)
            (void)fprintf(stderr, "and %zu problems more\n", problems.total - problems.count);
        problems_done(&problems);
        if (r < 0)
            result = EXIT_FAILURE;
    }
    return result;
}

/* ---- main ---- */

static const struct cli_command {
    const char *name, *arguments, *help;
    int min, max; /* number of arguments */
    int (*run)(const struct options *options, int argc, char **argv);
} commands[] = {
    { "status", "", "stations, connectors, transactions, queues and buses", 0, 0, run_status },
    { "watch", "", "OCPP messages and device writes side by side, live", 0, 0, run_watch },
    { "log", "-f", "follow the gateway's log", 0, 0, run_log },
    { "send", "STATION ACTION [JSON]", "put an OCPP request to a station as its CSMS would, print the answer",
      2, 3, run_send },
    { "limit", "STATION [EVSE] 16A|11kW|release", "limit charging by hand; release ends it", 2, 3,
      run_limit },
    { "check", "[FILE ...]", "check configurations or device profiles, offline", 0, 1000, run_check },
    { "reload", "", "apply the changed configuration; only what changed restarts", 0, 0, run_reload },
};

static void usage(FILE *out)
{
    (void)fprintf(out, "usage: ocpp-cli [--socket PATH] [--json] COMMAND\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        (void)fprintf(out, "  %-6s %-31s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    (void)fprintf(out, "\n"
                       "  -s, --socket PATH  the gateway's control socket (default $OCPP_GATEWAY_SOCKET or\n"
                       "                     " DEFAULT_SOCKET ")\n"
                       "  -j, --json         machine-readable output\n"
                       "      --for TIME     limit: ends by itself after this time, such as 90s, 15min, 2h\n"
                       "      --source NAME  limit: whose it is: EMS (default), SO (the grid), Other\n"
                       "  -h, --help         this text\n"
                       "      --version      print the version\n");
}

static int run_command(const struct options *options, int argc, char **argv)
{
    const char *names[ARRAY_SIZE(commands) + 1] = { NULL };
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct cli_command *c = &commands[i];
        names[i] = c->name;
        if (!str_equal(c->name, argv[0]))
            continue;
        if (argc - 1 >= c->min && argc - 1 <= c->max)
            return c->run(options, argc - 1, argv + 1);
        (void)fprintf(stderr, "usage: ocpp-cli %s %s\n", c->name, c->arguments);
        return EXIT_USAGE;
    }
    const char *near = nearest_name(argv[0], names);
    (void)fprintf(stderr, "ocpp-cli: unknown command \"%s\"%s%s%s\n", argv[0],
                  near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    enum { OPTION_VERSION = 256, OPTION_FOR, OPTION_SOURCE };
    static const struct option long_options[] = {
        { "socket", required_argument, NULL, 's' },
        { "json", no_argument, NULL, 'j' },
        { "follow", no_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "for", required_argument, NULL, OPTION_FOR },
        { "source", required_argument, NULL, OPTION_SOURCE },
        { 0 },
    };
    const char *from_environment = getenv("OCPP_GATEWAY_SOCKET");
    struct options options = { .socket = from_environment ? from_environment : DEFAULT_SOCKET };
    for (int option; (option = getopt_long(argc, argv, "s:jfh", long_options, NULL)) != -1;) {
        switch (option) {
        case 's':
            options.socket = optarg;
            break;
        case 'j':
            options.json = true;
            break;
        case 'f':
            options.follow = true;
            break;
        case OPTION_FOR:
            options.limit.duration = optarg;
            break;
        case OPTION_SOURCE:
            options.limit.source = optarg;
            break;
        case 'h':
            usage(stdout);
            return EXIT_SUCCESS;
        case OPTION_VERSION:
            (void)puts("ocpp-cli " GATEWAY_VERSION);
            return EXIT_SUCCESS;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return run_command(&options, argc - optind, argv + optind);
}
