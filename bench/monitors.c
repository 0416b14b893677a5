/* What monitors cost: stations of one EVSE, each with custom monitors that are looked at once a second and find nothing to tell.
 *
 *   bench-monitors STATIONS MONITORS
 *
 * Prints the share of a core as JSON. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "bench/solo.h"

#define SECONDS 20

/* A number and a word in turn. */
static const char *const watched[] = {
    "\"type\":\"UpperThreshold\",\"value\":86400,\"component\":{\"name\":\"OCPPCommCtrlr\"},"
    "\"variable\":{\"name\":\"OfflineThreshold\"}",
    "\"type\":\"Delta\",\"value\":1,\"component\":{\"name\":\"EVSE\",\"evse\":{\"id\":1}},"
    "\"variable\":{\"name\":\"AvailabilityState\"}",
};

static void set_monitors(struct solo *solo, int count)
{
    char frame[512];
    for (int i = 0; i < count; i++) {
        int len =
            snprintf(frame, sizeof(frame),
                     "[2,\"%d\",\"SetVariableMonitoring\",{\"setMonitoringData\":[{\"severity\":%d,%s}]}]", i,
                     i / 2 % 10, watched[i % 2]);
        station_on_frame(solo->station, frame, (size_t)len);
        solo_serve(solo);
    }
}

static double cpu_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level((enum log_area)area, LOG_ERROR);
    size_t count = (size_t)strtol(argv[1], NULL, 10);
    int monitors = (int)strtol(argv[2], NULL, 10);
    struct solo *stations = calloc(count, sizeof(*stations));
    if (!stations)
        return 1;
    int64_t now_ms = 0;
    struct timers timers;
    struct env env = solo_env(&now_ms, &timers);
    for (size_t i = 0; i < count; i++) {
        stations[i].now_ms = &now_ms;
        if (!solo_make(&stations[i], &env))
            return 1;
    }
    for (int second = 0; second < 60; second++, now_ms += 1000) {
        timers_run(&timers, now_ms);
        for (size_t i = 0; i < count; i++)
            solo_serve(&stations[i]);
    }
    for (size_t i = 0; i < count; i++)
        set_monitors(&stations[i], monitors);
    double began_s = cpu_s();
    for (int second = 0; second < SECONDS; second++) {
        now_ms += 1000;
        timers_run(&timers, now_ms);
    }
    printf("{\"core\": %.5f}\n", (cpu_s() - began_s) / SECONDS);
    for (size_t i = 0; i < count; i++)
        station_free(stations[i].station);
    free(stations);
    return 0;
}
