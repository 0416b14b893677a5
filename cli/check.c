/* Reads files as the gateway would, and says what is wrong (check.h). */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/yaml.h"
#include "gateway/config.h"
#include "gateway/file.h"

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

static void print_hazard(const char *path, const char *station, const struct profile *profile)
{
    char hazard[500];
    profile_hazard(profile, hazard, sizeof(hazard));
    if (*hazard)
        (void)printf("%s: hazard: %s%s%s\n", path, station, *station ? ": " : "", hazard);
}

/* What it extends is looked for beside it first. */
static int check_profile(const char *path, struct problems *problems)
{
    AUTO(profile) *profile = NULL;
    int r = config_load_profile(path, DEFAULT_PROFILES, problems, &profile);
    if (r < 0)
        return r;
    (void)printf("%s: good: profile %s, %zu points, %zu EVSEs\n", path, profile->name, profile->point_count,
                 profile->evse_count);
    print_hazard(path, "", profile);
    return 0;
}

static int check_config(const char *path, struct problems *problems)
{
    AUTO(config) *config = NULL;
    int r = config_load(path, problems, &config);
    if (r < 0)
        return r;
    (void)printf("%s: good: %zu stations, %zu buses, %zu profiles\n", path, config->station_count,
                 config->bus_count, config->profile_count);
    for (size_t i = 0; i < config->station_count; i++)
        for (size_t k = 0; k < config->stations[i].charger_count; k++)
            print_hazard(path, config->stations[i].id, config->stations[i].chargers[k].profile);
    return 0;
}

int run_check(const struct cli *cli, int argc, char **argv)
{
    (void)cli;
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
