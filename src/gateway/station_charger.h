/* A charger of a station: its device's news go up to the station, and to who watches. */
#ifndef GATEWAY_STATION_CHARGER_H
#define GATEWAY_STATION_CHARGER_H

#include <jansson.h>

#include "charger/charger.h"
#include "gateway/device_json.h"
#include "gateway/device_link.h"
#include "gateway/events.h"

struct gateway;
struct station_entry;

struct station_charger {
    struct gateway *gateway;
    struct station_entry *entry;
    const struct charger_config *config;
    struct charger *charger;
    struct device_link link;
    int first_evse;                /* of the station, 1.. */
    int silent_err;                /* why it does not answer; 0: it does, or nobody knows yet */
    struct raw_value *raws;        /* what the points came as, by index; NULL while nobody watches */
    uint64_t untold[EVENTS_KINDS]; /* the event that was to come at the last change that nobody followed */
};

/* gateway, entry, config and first_evse are set before. 0 or -ENOMEM. */
int station_charger_make(struct station_charger *c);
/* Opens the way to its device, once the station is there. 0 or -errno. */
int station_charger_start(struct station_charger *c);
void station_charger_done(struct station_charger *c);
/* As station_entry_tell_points(). */
void station_charger_tell_points(const struct station_charger *c, void (*tell)(void *ctx, json_t *event),
                                 void *ctx);

#endif
