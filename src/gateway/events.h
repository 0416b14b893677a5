/* What happens, as JSON for whoever watches (`ocpp-cli watch`): OCPP frames and device writes. Costs nothing while no one does. */
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
/* text NULL: the number counts. */
void events_write(const struct events *events, const char *station, int evse, const struct point *point,
                  double number, const char *text, int err);

#endif
