/* One question, one answer; or what comes until the gateway or the user ends it (daemon.h). */
#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "connection.h"
#include "display.h"
#include "limit.h"
#include "watch.h"

int run_status(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    AUTO(json_t) *answer = api_ask(cli, "GET", "/status", NULL);
    if (!answer)
        return EXIT_FAILURE;
    if (cli->json)
        cli_print_json(answer);
    else
        display_status(answer);
    return EXIT_SUCCESS;
}

int run_reload(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int status = 0;
    AUTO(json_t) *answer = api_call(cli, "POST", "/reload", NULL, &status);
    if (!answer)
        return EXIT_FAILURE;
    if (status != 200 && status != 422) {
        api_say_problem(answer);
        return EXIT_FAILURE;
    }
    (void)api_say_problems(answer, "");
    (void)puts(status == 200 ? "reloaded" : "refused: the running configuration stays");
    return status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_send(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    json_t *payload = argv[2] ? json_from_text(argv[2], strlen(argv[2])) : json_object();
    if (!json_is_object(payload)) {
        (void)fprintf(stderr, "ocpp-cli: the payload is no JSON object: %s\n", argv[2]);
        json_decref(payload);
        return EXIT_USAGE;
    }
    int status = 0;
    AUTO_FREE char *path = api_path("/stations/%s/requests", argv[0]);
    AUTO(json_t) *answer =
        api_call(cli, "POST", path, json_pack("{s:s, s:o}", "action", argv[1], "payload", payload), &status);
    if (!answer)
        return EXIT_FAILURE;
    if (status == 200) {
        cli_print_json(json_object_get(answer, "result"));
        return EXIT_SUCCESS;
    }
    const char *code = json_get_string(answer, "code", "");
    (void)fprintf(stderr, "ocpp-cli: %s%s%s\n", code, *code ? " " : "",
                  json_get_string(answer, "detail", ""));
    return EXIT_FAILURE;
}

const struct cli_option limit_options[] = {
    { "for", "TIME", "ends by itself after this time, such as 90s, 15min, 2h", 0 },
    { "source", "NAME", "whose it is: EMS (default), SO (the grid), Other", 0 },
    { 0 },
};

int run_limit(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct limit_choice given = { cli->values[0], cli->values[1] };
    json_t *request = limit_request_read(argv, &given);
    if (!request)
        return EXIT_USAGE;
    AUTO_FREE char *path = api_path("/stations/%s/limits", argv[0]);
    AUTO(json_t) *answer = api_ask(cli, "POST", path, request);
    return answer ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* After a break that was too long: the gateway has not kept all. */
static bool is_lost(const json_t *item)
{
    return json_object_get(item, "from") && json_object_get(item, "to");
}

/* Shows what comes until the gateway or the user ends it. */
static int follow(const struct cli *cli, const char *path, void (*begin)(void),
                  void (*show)(const json_t *item))
{
    struct event_stream stream;
    if (event_stream_open(&stream, cli, path) == 0) {
        if (begin && !cli->json)
            begin();
        (void)fflush(stdout);
        for (json_t *item; (item = event_stream_next(&stream, -1));) {
            if (cli->json)
                (void)json_dumpf(item, stdout, JSON_COMPACT), (void)putchar('\n');
            else if (is_lost(item))
                (void)fprintf(stderr, "ocpp-cli: some of what happened meanwhile is lost\n");
            else
                show(item);
            (void)fflush(stdout);
            json_decref(item);
        }
    }
    event_stream_close(&stream);
    return EXIT_FAILURE;
}

static void show_log_line(const json_t *item)
{
    (void)puts(json_get_string(item, "line", ""));
}

int run_log(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (!cli->values[0]) {
        (void)fprintf(stderr, "ocpp-cli: what is past is in the journal (journalctl -u ocpp-gateway); "
                              "use `ocpp-cli log -f` to follow\n");
        return EXIT_USAGE;
    }
    return follow(cli, "/stream?types=log", NULL, show_log_line);
}

int run_watch(const struct cli *cli, int argc, char **argv)
{
    if (argc > 0)
        return watch_station(cli, argv[0]);
    return follow(cli, "/stream?types=frame,write", display_watch_header, display_watch);
}
