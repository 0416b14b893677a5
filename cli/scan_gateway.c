/* Scans and trials that the gateway does (scan.h): begun, asked after until they are done, and ended also where the user has enough. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "connection.h"
#include "scan.h"
#include "table.h"

#define POLL_MS      500
#define TRIAL_MS     20000 /* for a charger to answer */
#define TRIAL_ALL_MS 3000  /* for the points that it reads seldom */

/* What is under way at the gateway. */
struct job {
    const struct cli *cli;
    char *path;  /* "/scans/7" */
    int signals; /* a signalfd of what ends us */
};

static void block_signals(struct job *job)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    job->signals = signalfd(-1, &ends, SFD_CLOEXEC);
}

/* `request` is taken. False: said why. */
static bool begin(struct job *job, const struct cli *cli, const char *path, json_t *request)
{
    char id[24];
    *job = (struct job){ .cli = cli, .signals = -1 };
    AUTO(json_t) *answer = request ? api_ask(cli, "POST", path, request) : NULL;
    if (!answer)
        return false;
    (void)snprintf(id, sizeof(id), "%lld", (long long)json_get_int(answer, "id", 0));
    if (asprintf(&job->path, "%s/%s", path, id) < 0)
        job->path = NULL;
    block_signals(job);
    return job->path != NULL;
}

/* Waits a little; false: a signal came. */
static bool wait_a_little(const struct job *job)
{
    struct pollfd fd = { .fd = job->signals, .events = POLLIN };
    return poll(&fd, job->signals >= 0, POLL_MS) == 0;
}

static void end(struct job *job)
{
    AUTO(json_t) *gone = job->path ? api_ask(job->cli, "DELETE", job->path, NULL) : NULL;
    (void)gone;
    free(job->path);
    if (job->signals >= 0)
        (void)close(job->signals);
}

/* ---- scans ---- */

struct told {
    size_t messages, found;
};

static void tell_news(const json_t *scan, struct told *told, void (*print)(const json_t *found))
{
    const json_t *messages = json_object_get(scan, "messages"), *found = json_object_get(scan, "found");
    for (; told->messages < json_array_size(messages); told->messages++)
        (void)fprintf(stderr, "ocpp-cli: %s\n", json_string_value(json_array_get(messages, told->messages)));
    for (; told->found < json_array_size(found); told->found++)
        print(json_array_get(found, told->found));
    (void)fflush(stdout);
}

int scan_by_gateway(const struct cli *cli, json_t *request, void (*print)(const json_t *found))
{
    struct job job;
    struct told told = { 0 };
    int code = EXIT_FAILURE;
    if (!begin(&job, cli, "/scans", request))
        return EXIT_FAILURE;
    for (bool goes_on = true; goes_on;) {
        bool is_quiet = wait_a_little(&job);
        AUTO(json_t) *scan = api_ask(cli, "GET", job.path, NULL);
        const char *state = json_get_string(scan, "state", "");
        goes_on = is_quiet && str_equal(state, "running");
        if (scan && !cli->json)
            tell_news(scan, &told, print);
        if (!goes_on && scan && cli->json)
            cli_print_json(json_object_get(scan, "found"));
        if (!goes_on && str_equal(state, "done") && json_array_size(json_object_get(scan, "found")) > 0)
            code = EXIT_SUCCESS;
    }
    end(&job);
    return code;
}

/* ---- trials ---- */

enum { TCP, BUS, ECHONET, OCPP16, UNIT, INSTANCE };

const struct cli_option trial_options[] = {
    [TCP] = { "tcp", "HOST[:PORT]", "Modbus by TCP", 0 },
    [BUS] = { "bus", "NAME", "Modbus on a bus of gateway.yaml", 0 },
    [ECHONET] = { "echonet", "HOST", "an ECHONET Lite node", 0 },
    [OCPP16] = { "ocpp16", "IDENTITY", "a charger that connects to the gateway by OCPP 1.6", 0 },
    [UNIT] = { "unit", "N", "Modbus unit id", 0 },
    [INSTANCE] = { "instance", "N", "of an ECHONET Lite object", 0 },
    { 0 },
};

static void cell_point(const json_t *event, char *ret, size_t size)
{
    char value[200] = "";
    cell_text(json_object_get(event, "value"), value, sizeof(value));
    (void)snprintf(ret, size, "%s %s", value, json_get_string(event, "unit", ""));
}

static void cell_value(const json_t *event, char *ret, size_t size)
{
    if (str_equal(json_get_string(event, "event", ""), "signals"))
        (void)str_copy(ret, size,
                       json_get_bool(event, "online", false) ? json_get_string(event, "state", "?")
                                                             : "SILENT");
    else
        cell_point(event, ret, size);
}

static void cell_name(const json_t *event, char *ret, size_t size)
{
    (void)str_copy(ret, size, json_get_string(event, "point", "(state)"));
}

static const struct column trial_columns[] = {
    { "EVSE", "evse", cell_text, true, false },
    { "POINT", NULL, cell_name, false, false },
    { "VALUE", NULL, cell_value, false, true },
    { "QUALITY", "quality", cell_text, false, false },
    { "AT", "at", cell_text, false, false },
    { "RAW", "raw", cell_text, false, true },
    { 0 },
};

static json_t *trial_entry(const struct cli *cli, const char *profile)
{
    json_t *entry = json_pack("{s:s}", "profile", profile);
    int64_t number;
    for (int i = 0; trial_options[i].name; i++) {
        const char *text = cli->values[i];
        if (text)
            (void)json_set_optional(entry, trial_options[i].name,
                                    i >= UNIT && str_to_int64(text, &number) == 0 ? json_integer(number)
                                                                                  : json_string(text));
    }
    return entry;
}

int run_trial(const struct cli *cli, int argc, char **argv)
{
    struct job job;
    (void)argc;
    if (!begin(&job, cli, "/trials", trial_entry(cli, argv[0])))
        return EXIT_FAILURE;
    AUTO(json_t) *trial = NULL;
    int waited_ms = 0, online_ms = 0;
    while (waited_ms < TRIAL_MS && online_ms < TRIAL_ALL_MS && wait_a_little(&job)) {
        json_decref(trial);
        trial = api_ask(cli, "GET", job.path, NULL);
        if (!trial)
            break;
        waited_ms += POLL_MS;
        online_ms += json_get_bool(trial, "online", false) ? POLL_MS : 0;
    }
    bool is_online = json_get_bool(trial, "online", false);
    if (trial && cli->json)
        cli_print_json(trial);
    else if (trial && is_online)
        table_print(json_object_get(trial, "items"), trial_columns, "the profile has no points");
    if (trial && !is_online)
        (void)cli_complain("the charger does not answer: %s",
                           json_get_string(trial, "error", "no answer yet"));
    end(&job);
    return is_online ? EXIT_SUCCESS : EXIT_FAILURE;
}
