/* What happens, as JSON for whoever watches (`ocpp-cli watch`): OCPP frames (without secrets) and device writes. Costs nothing
 * while no one does. */
#ifndef GATEWAY_EVENTS_H
#define GATEWAY_EVENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "charger/point.h"

struct events {
    void (*sink)(void *ctx, const json_t *event); /* NULL: no one watches */
    void *ctx;
};

void events_frame(const struct events *events, const char *station, bool outgoing, const char *text,
                  size_t len);
struct device_write {
    int evse;
    const struct point *point;
    double number;
    const char *text; /* NULL: the number counts */
    int err;          /* 0: acknowledged */
};
void events_write(const struct events *events, const char *station, const struct device_write *write);

#endif
