/* Opens and closes devices (device_link.h). */
#include "gateway/device_link.h"

#include <errno.h>

static int open_modbus(struct gateway *gateway, const struct config *in, const struct charger_config *config,
                       const struct device_events *events, void *ctx, struct device_link *ret)
{
    int r = resource_bus(&gateway->resources, &in->buses[config->bus], &ret->resource);
    if (r < 0)
        return r;
    ret->device = modbus_device_new(resource_as_bus(ret->resource), config->unit, config->profile,
                                    &config->modbus, events, ctx);
    ret->ops = &modbus_device_ops;
    return ret->device ? 0 : -ENOMEM;
}

static int open_echonet(struct gateway *gateway, const struct config *in, const struct charger_config *config,
                        const struct device_events *events, void *ctx, struct device_link *ret)
{
    int r = resource_echonet(&gateway->resources, in, &ret->resource);
    if (r < 0)
        return r;
    ret->device = echonet_device_new(resource_as_echonet(ret->resource), &config->target, config->profile,
                                     &config->echonet, events, ctx);
    ret->ops = &echonet_device_ops;
    return ret->device ? 0 : -ENOMEM;
}

static int open_ocpp16(struct gateway *gateway, const struct config *in, const struct charger_config *config,
                       const struct device_events *events, void *ctx, struct device_link *ret)
{
    const struct ocpp16_target target = { config->identity, config->password };
    int r = resource_ocpp16(&gateway->resources, in, &ret->resource);
    if (r < 0)
        return r;
    ret->device = ocpp16_device_new(resource_as_ocpp16(ret->resource), &target, config->profile,
                                    &config->ocpp16, events, ctx);
    ret->ops = &ocpp16_device_ops;
    return ret->device ? 0 : -ENOMEM;
}

static void print_modbus(const struct device_link *link, const struct charger_config *config, struct buf *out)
{
    (void)config;
    modbus_bus_print_frames(resource_as_bus(link->resource), out);
}

static void print_echonet(const struct device_link *link, const struct charger_config *config,
                          struct buf *out)
{
    echonet_print_frames(resource_as_echonet(link->resource), config->target.host, out);
}

static void print_ocpp16(const struct device_link *link, const struct charger_config *config, struct buf *out)
{
    (void)config;
    ocpp16_print_frames(link->device, out);
}

/* One row for each protocol. */
static const struct {
    int (*open)(struct gateway *gateway, const struct config *in, const struct charger_config *config,
                const struct device_events *events, void *ctx, struct device_link *ret);
    void (*print_frames)(const struct device_link *link, const struct charger_config *config,
                         struct buf *out);
} rows[PROTOCOLS] = {
    [PROTOCOL_MODBUS] = { open_modbus, print_modbus },
    [PROTOCOL_ECHONET] = { open_echonet, print_echonet },
    [PROTOCOL_OCPP16] = { open_ocpp16, print_ocpp16 },
};

int device_link_open(struct gateway *gateway, const struct config *in, const struct charger_config *config,
                     const struct device_events *events, void *ctx, struct device_link *ret)
{
    int r = rows[config->profile->protocol].open(gateway, in, config, events, ctx, ret);
    if (r < 0)
        device_link_close(ret);
    return r;
}

void device_link_print_frames(const struct device_link *link, const struct charger_config *config,
                              struct buf *out)
{
    if (link->resource)
        rows[config->profile->protocol].print_frames(link, config, out);
}

void device_link_close(struct device_link *link)
{
    if (link->device)
        link->ops->free(link->device);
    resource_put(link->resource);
    *link = (struct device_link){ 0 };
}
