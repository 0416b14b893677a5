/* What a composite schedule costs (bench.py):
 *
 *   bench-composite PROFILES PERIODS
 *
 * So many stacked profiles of so many periods each, a day long; their periods do not coincide. Prints one line of JSON: milliseconds for
 * the schedule of a day, and how many periods it has. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "station/charging_profile.h"
#include "station/composite.h"

#define BEGIN_MS INT64_C(1769860800000)
#define DAY_S    86400
#define ROUNDS   200

/* The one at `level` counts for a part of the day, and the lower one takes over after it. */
static struct charging_profile *make(int level, int profiles, int periods)
{
    char start[TIMESTAMP_SIZE];
    json_t *list = json_array();
    for (int i = 0; i < periods; i++)
        json_array_append_new(list,
                              json_pack("{s:i, s:f}", "startPeriod", i * (DAY_S / periods) + (i ? level : 0),
                                        "limit", 6 + (level + i) % 20 + 0.1));
    timestamp_format(BEGIN_MS, start);
    json_t *json =
        json_pack("{s:i, s:i, s:s, s:s, s:[{s:i, s:s, s:s, s:i, s:o}]}", "id", level, "stackLevel", level,
                  "chargingProfilePurpose", "TxDefaultProfile", "chargingProfileKind", "Absolute",
                  "chargingSchedule", "id", 1, "startSchedule", start, "chargingRateUnit", "A", "duration",
                  DAY_S / profiles * (profiles - level), "chargingSchedulePeriod", list);
    struct charging_profile *p = NULL;
    const char *reason = NULL;
    if (charging_profile_read(json, 0, LIMIT_SOURCE_CSO, &p, &reason) < 0)
        exit(1);
    json_decref(json);
    return p;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    static struct composite_period periods[COMPOSITE_MAX_PERIODS];
    if (argc < 3)
        return 2;
    int profiles = (int)strtol(argv[1], NULL, 10), each = (int)strtol(argv[2], NULL, 10), count = 0;
    struct list list;
    list_init(&list);
    for (int i = profiles - 1; i >= 0; i--)
        list_append(&list, &make(i, profiles, each)->link);
    struct composite_evse evse = {
        .id = 1, .transaction_id = "", .phases = 3, .voltage_V = 230, .min_A = 6, .max_A = 32
    };
    struct composite composite = { .profiles = &list, .evses = &evse, .count = 1 };
    double begin_ms = now_ms();
    for (int i = 0; i < ROUNDS; i++)
        count = composite_schedule(&composite, 0, BEGIN_MS, DAY_S, false, periods);
    printf("{\"ms\": %.4f, \"periods\": %d}\n", (now_ms() - begin_ms) / ROUNDS, count);
    LIST_FOREACH(link, following, &list)
    charging_profile_free(LIST_ITEM(link, struct charging_profile, link));
    return count < 0;
}
