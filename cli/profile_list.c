/* `ocpp-cli profile list` and `profile check`: the profiles of files and directories, what each offers, and what an engineer may have
 * overlooked in one. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/str.h"
#include "charger/expression.h"
#include "gateway/config.h"
#include "gateway/profile_json.h"
#include "profile_commands.h"

#define FAST_MS 500 /* what is polled more often than this costs its bus more than it gives */

const struct cli_option profile_options[] = {
    { "profiles", "DIRS", "where profiles are looked for, separated by colons", 0 },
    { 0 },
};

const char *profile_directories(const struct cli *cli)
{
    return cli->values[0] ? cli->values[0] : DEFAULT_PROFILES;
}

void print_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        (void)fprintf(stderr, "%s\n", problems->list[i].text);
    if (problems->total > problems->count)
        (void)fprintf(stderr, "and %zu problems more\n", problems->total - problems->count);
}

/* ---- what a profile offers ---- */

/* One character a thing, so that a screen shows many profiles. */
static void show(const struct profile *profile)
{
    const struct profile_evse *evse = profile->evse_count ? &profile->evses[0] : NULL;
    char offers[80] = "";
    (void)snprintf(offers, sizeof(offers), "%s%s%s%s%s%s%s%s", evse ? "status" : "meter only",
                   evse && evse->abilities.start_stop ? " start/stop" : "",
                   evse && evse->abilities.limit ? " limit" : "",
                   evse && evse->measures[MEASURE_ENERGY_IMPORT] ? " energy" : "",
                   evse && evse->measures[MEASURE_POWER_IMPORT] ? " power" : "",
                   evse && evse->abilities.reads_id_token ? " card" : "",
                   evse && evse->abilities.unlock ? " unlock" : "",
                   evse && evse->abilities.switches_phases ? " phases" : "");
    (void)printf("%-34s %-8s %-3zu %-52s %s %s%s\n", profile->name, protocol_name(profile->protocol),
                 profile->evse_count, offers, profile->vendor, profile->models[0],
                 profile->model_count > 1 ? ", ..." : "");
}

/* ---- advice ---- */

static void mark(bool *used, const struct expression *e)
{
    int index = 0;
    for (size_t n = 0; e && (index = expression_point(e, n)) >= 0; n++)
        used[index] = true;
}

static void mark_steps(bool *used, const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        mark(used, steps->list[i].value);
        if (steps->list[i].point)
            used[steps->list[i].point->index] = true;
    }
}

static void mark_evse(bool *used, const struct profile_evse *evse)
{
    const struct expression *const more[] = { evse->locked, evse->lock_failed, evse->occupied,
                                              evse->fault,  evse->id_token,    evse->id_token_when };
    for (size_t i = 0; i < evse->state_count; i++)
        mark(used, evse->states[i].when);
    for (int m = 0; m < MEASURES; m++)
        mark(used, evse->measures[m]);
    for (size_t i = 0; i < ARRAY_SIZE(more); i++)
        mark(used, more[i]);
    for (int kind = 0; kind < EVSE_COMMANDS; kind++)
        mark_steps(used, &evse->commands[kind].steps);
    mark_steps(used, &evse->id_token_acknowledge);
    mark_steps(used, &evse->display);
}

static void advise_points(const struct profile *profile, const char *path)
{
    bool used[PROFILE_MAX_POINTS] = { false };
    for (size_t i = 0; i < profile->evse_count; i++)
        mark_evse(used, &profile->evses[i]);
    for (size_t i = 0; i < profile->variable_count; i++)
        mark(used, profile->variable_values[i]);
    mark_steps(used, &profile->setup);
    mark_steps(used, &profile->keepalive);
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *point = &profile->points[i];
        if (point->scale_point >= 0)
            used[point->scale_point] = true;
    }
    for (size_t i = 0; i < profile->point_count && !profile->is_meter; i++) {
        const struct point *point = &profile->points[i];
        if (!used[i] && point->every_ms > 0 && point != profile->identify.point)
            (void)printf("%s: advice: %s is polled, but nothing uses it; make it a signal, a variable, or "
                         "every: never\n",
                         path, point->name);
        if (point->every_ms > 0 && point->every_ms < FAST_MS)
            (void)printf("%s: advice: %s is polled each %lld ms; 1s is enough for a state\n", path,
                         point->name, (long long)point->every_ms);
    }
}

static bool has_until(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->list[i].kind == STEP_UNTIL)
            return true;
    return false;
}

static void advise(const struct profile *profile, const char *path)
{
    advise_points(profile, path);
    if (!profile->identify.point)
        (void)printf("%s: advice: no identify; another device at the same address would not be noticed\n",
                     path);
    for (size_t i = 0; i < profile->evse_count && i < 1; i++) {
        const struct profile_evse *evse = &profile->evses[i];
        if (!evse->measures[MEASURE_ENERGY_IMPORT])
            (void)printf("%s: advice: no energy_import; transactions have no meter values to be billed by\n",
                         path);
        if (evse->commands[EVSE_STOP].offered && !has_until(&evse->commands[EVSE_STOP].steps))
            (void)printf("%s: advice: stop has no until; that energy still flows would not be noticed\n",
                         path);
    }
    if (profile->keepalive.count && !profile->on_silence)
        (void)printf("%s: advice: there is a keepalive, but on_silence does not say what it is for\n", path);
}

/* ---- files and directories ---- */

static json_t *listed(const struct profile *profile, const char *path)
{
    json_t *json = profile_json(profile);
    (void)json_set_text(json, "file", path);
    return json;
}

typedef void (*on_profile)(const struct profile *profile, const char *path, void *ctx);

struct walk {
    const char *directories;
    on_profile each;
    void *ctx;
    bool failed;
    size_t count;
};

static void visit_file(struct walk *walk, const char *path)
{
    AUTO(profile) *profile = NULL;
    struct problems problems;
    problems_init(&problems);
    if (config_load_profile(path, walk->directories, &problems, &profile) == 0) {
        walk->each(profile, path, walk->ctx);
        walk->count++;
    } else {
        walk->failed = true;
    }
    print_problems(&problems);
    problems_done(&problems);
}

static int is_profile_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    bool is_test = len > 10 && str_equal(entry->d_name + len - 10, ".test.yaml");
    return len > 5 && str_equal(entry->d_name + len - 5, ".yaml") && !is_test;
}

/* Whether the directory is there. */
static bool visit_directory(struct walk *walk, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_profile_file, alphasort);
    for (int i = 0; i < count; i++) {
        AUTO_FREE char *file = NULL;
        if (asprintf(&file, "%s/%s", path, entries[i]->d_name) >= 0)
            visit_file(walk, file);
        free(entries[i]);
    }
    free(entries);
    return count >= 0;
}

static void visit(struct walk *walk, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        (void)visit_directory(walk, path);
    else
        visit_file(walk, path);
}

static void visit_usual(struct walk *walk)
{
    const char *at = walk->directories;
    while (*at) {
        size_t len = strcspn(at, ":");
        AUTO_FREE char *path = strndup(at, len);
        if (path && !str_equal(path, "."))
            (void)visit_directory(walk, path);
        at += len + (at[len] == ':');
    }
}

static void on_listed(const struct profile *profile, const char *path, void *ctx)
{
    if (ctx)
        (void)json_array_append_new(ctx, listed(profile, path));
    else
        show(profile);
}

int run_profile_list(const struct cli *cli, int argc, char **argv)
{
    AUTO(json_t) *list = cli->json ? json_array() : NULL;
    struct walk walk = { .directories = profile_directories(cli), .each = on_listed, .ctx = list };
    for (int i = 0; i < argc; i++)
        visit(&walk, argv[i]);
    if (argc == 0)
        visit_usual(&walk);
    if (list)
        cli_print_json(list);
    if (walk.count == 0 && !walk.failed)
        (void)fprintf(stderr, "ocpp-cli: no profiles found in %s\n", argc ? argv[0] : walk.directories);
    return walk.failed || walk.count == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void on_checked(const struct profile *profile, const char *path, void *ctx)
{
    (void)ctx;
    (void)printf("%s: good: profile %s, %zu points, %zu EVSEs\n", path, profile->name, profile->point_count,
                 profile->evse_count);
    char hazard[500];
    profile_hazard(profile, hazard, sizeof(hazard));
    if (*hazard)
        (void)printf("%s: hazard: %s\n", path, hazard);
    advise(profile, path);
}

int run_profile_check(const struct cli *cli, int argc, char **argv)
{
    struct walk walk = { .directories = profile_directories(cli), .each = on_checked };
    for (int i = 0; i < argc; i++)
        visit(&walk, argv[i]);
    return walk.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
