/* Memory of the station library alone: many stations of one EVSE, booted and idle.
 *
 *   bench-station STATIONS
 *
 * Prints the heap of one station as JSON. */
#include <malloc.h>
#include <stdlib.h>

#include "base/log.h"
#include "bench/solo.h"

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level((enum log_area)area, LOG_ERROR);
    size_t count = (size_t)strtol(argv[1], NULL, 10);
    struct solo *stations = calloc(count, sizeof(*stations));
    if (!stations)
        return 1;
    int64_t now_ms = 0;
    struct timers timers;
    struct env env = solo_env(&now_ms, &timers);
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < count; i++) {
        stations[i].now_ms = &now_ms;
        if (!solo_make(&stations[i], &env))
            return 1;
    }
    for (int second = 0; second < 120; second++, now_ms += 1000) {
        timers_run(&timers, now_ms);
        for (size_t i = 0; i < count; i++)
            solo_serve(&stations[i]);
    }
    printf("{\"heap_bytes\": %zu}\n", (mallinfo2().uordblks - before) / count);
    for (size_t i = 0; i < count; i++)
        station_free(stations[i].station);
    free(stations);
    return 0;
}
