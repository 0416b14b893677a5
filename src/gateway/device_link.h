/* The way from a configured device to its driver: the bus or node it is on, made or found, and the device on it. */
#ifndef GATEWAY_DEVICE_LINK_H
#define GATEWAY_DEVICE_LINK_H

#include "gateway/gateway.h"

struct device_link {
    struct device *device; /* NULL: closed */
    const struct device_ops *ops;
    struct resource *resource; /* bus, ECHONET node or OCPP 1.6 server */
};

/* `config` and `in`, the configuration that its bus is named in, are borrowed for the call, its profile for the device's life; events come with ctx. 0, or -errno and closed. */
int device_link_open(struct gateway *gateway, const struct config *in, const struct charger_config *config,
                     const struct device_events *events, void *ctx, struct device_link *ret);
/* The last frames of its bus that concern it, a line of text each; nothing of one that is closed. */
void device_link_print_frames(const struct device_link *link, const struct charger_config *config,
                              struct buf *out);
/* Also one that is closed. Before the charger that the device belongs to is freed. */
void device_link_close(struct device_link *link);

#endif
