/* What a charger's device tells, as JSON events: its points, raw and decoded, and the signals that follow. The same for who watches a station
 * (station_charger.c) and who tries a charger (trial.c). */
#ifndef GATEWAY_DEVICE_JSON_H
#define GATEWAY_DEVICE_JSON_H

#include <jansson.h>

#include "charger/charger.h"

struct raw_value; /* what a point came as; an array of them by its index in the profile */
/* Keeps it in `*raws`, made at the first time; the caller's to free(). Whether it is the first of its point. Without memory the decoded value is
 * all that is shown. */
bool raw_values_keep(struct raw_value **raws, const struct profile *profile, const struct point *point,
                     const uint8_t *raw, size_t len);

/* Whose device it is; borrowed. */
struct device_view {
    const char *station; /* NULL: of none */
    int first_evse;      /* of the station, 1.. */
    const struct profile *profile;
    const struct charger *charger;
    const struct raw_value *raws; /* NULL: none were kept */
};

/* Events "point" and "signals" (`evse` counts from 1 in the profile). New reference, or NULL without memory. */
json_t *device_json_point(const struct device_view *view, const struct point *point);
json_t *device_json_signals(const struct device_view *view, int evse);
/* One of each point, then one of each EVSE; `tell` takes the reference. */
void device_json_tell(const struct device_view *view, void (*tell)(void *ctx, json_t *event), void *ctx);

#endif
