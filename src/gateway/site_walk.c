#include "gateway/site_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gateway/station_entry.h"

static void add_bus(void *ctx, const char *name, const struct bus_counters *counters)
{
    struct site_walk *walk = ctx;
    struct bus_row *row = &walk->buses[walk->bus_count++];
    (void)str_copy(row->name, sizeof(row->name), name);
    row->counters = *counters;
}

static void count_bus(void *ctx, const char *name, const struct bus_counters *counters)
{
    (void)name;
    (void)counters;
    (*(size_t *)ctx)++;
}

int site_walk_init(struct site_walk *walk, const struct gateway *gateway)
{
    size_t buses = 0;
    *walk = (struct site_walk){ .gateway = gateway, .id_count = gateway->station_count };
    resources_each_counter(&gateway->resources, count_bus, &buses);
    walk->ids = calloc(gateway->station_count + 1, STATION_ID_SIZE);
    walk->buses = calloc(buses + 1, sizeof(*walk->buses));
    if (!walk->ids || !walk->buses)
        return -ENOMEM;
    for (size_t i = 0; i < gateway->station_count; i++)
        (void)str_copy(walk->ids[i], STATION_ID_SIZE, station_entry_config(gateway->stations[i])->id);
    resources_each_counter(&gateway->resources, add_bus, walk);
    return 0;
}

void site_walk_done(struct site_walk *walk)
{
    free(walk->ids);
    free(walk->buses);
}

/* It is searched for only when a reload moved it. */
static struct station_entry *find(const struct gateway *gateway, size_t index, const char *id)
{
    struct station_entry *entry = index < gateway->station_count ? gateway->stations[index] : NULL;
    return entry && str_equal(station_entry_config(entry)->id, id) ? entry : gateway_station(gateway, id);
}

struct station_entry *site_walk_next(struct site_walk *walk)
{
    struct station_entry *entry = NULL;
    while (!entry && walk->next < walk->id_count) {
        entry = find(walk->gateway, walk->next, walk->ids[walk->next]);
        walk->next++;
    }
    return entry;
}
