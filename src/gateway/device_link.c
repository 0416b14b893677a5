/* Opens and closes devices (device_link.h). */
#include "gateway/device_link.h"

#include <errno.h>

static int open_modbus(struct gateway *gateway, const struct charger_config *config,
                       const struct device_events *events, void *ctx, struct device_link *ret)
{
    int r = resource_bus(&gateway->resources, &gateway->config->buses[config->bus], &ret->resource);
    if (r < 0)
        return r;
    ret->device = modbus_device_new(resource_as_bus(ret->resource), config->unit, config->profile,
                                    &config->modbus, events, ctx);
    ret->ops = &modbus_device_ops;
    return ret->device ? 0 : -ENOMEM;
}

static int open_echonet(struct gateway *gateway, const struct charger_config *config,
                        const struct device_events *events, void *ctx, struct device_link *ret)
{
    int r = resource_echonet(&gateway->resources, gateway->config, &ret->resource);
    if (r < 0)
        return r;
    ret->device = echonet_device_new(resource_as_echonet(ret->resource), &config->target, config->profile,
                                     &config->echonet, events, ctx);
    ret->ops = &echonet_device_ops;
    return ret->device ? 0 : -ENOMEM;
}

int device_link_open(struct gateway *gateway, const struct charger_config *config,
                     const struct device_events *events, void *ctx, struct device_link *ret)
{
    int r = config->bus >= 0 ? open_modbus(gateway, config, events, ctx, ret)
                             : open_echonet(gateway, config, events, ctx, ret);
    if (r < 0)
        device_link_close(ret);
    return r;
}

void device_link_close(struct device_link *link)
{
    if (link->device)
        link->ops->free(link->device);
    resource_put(link->resource);
    *link = (struct device_link){ 0 };
}
