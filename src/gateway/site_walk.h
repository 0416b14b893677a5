/* All stations and buses of a site, some in each turn of the loop: those that were there when the walk began, each once. A reload may come between: a station that
 * went is left out then, one that came is not told of. */
#ifndef GATEWAY_SITE_WALK_H
#define GATEWAY_SITE_WALK_H

#include "gateway/gateway.h"

struct bus_row {
    char name[CONFIG_NAME_SIZE];
    struct bus_counters counters; /* as they were when the walk began */
};

struct site_walk {
    const struct gateway *gateway;
    char (*ids)[STATION_ID_SIZE];
    size_t id_count, next; /* next: station; 0 begins anew */
    struct bus_row *buses;
    size_t bus_count;
};
/* The gateway is borrowed. 0 or -ENOMEM; to be given to site_walk_done() also then. */
int site_walk_init(struct site_walk *walk, const struct gateway *gateway);
void site_walk_done(struct site_walk *walk);
/* The next station, borrowed until the loop goes on; NULL: that was the last. */
struct station_entry *site_walk_next(struct site_walk *walk);

#endif
