/* One property of an object of an ECHONET Lite node by its EPC, whether a profile names it or not: a device of the driver that knows just that one. */
#ifndef GATEWAY_PROPERTY_DEVICE_H
#define GATEWAY_PROPERTY_DEVICE_H

#include "driver/driver.h"
#include "driver/echonet/codec.h"

/* A point that is the whole property: asked for at once, and then when somebody says so. */
struct point property_point(struct echonet_object object, uint8_t epc, enum point_access access);
/* How an object is asked by hand. */
struct echonet_options property_options(struct echonet_object object);

struct property_device;
/* What a question came to: 0 and, of a read, the property's data (borrowed for the call), or -errno. May ask again, and free the device. */
typedef void (*property_answered)(void *ctx, int err, const uint8_t *data, size_t len);
struct property_place {
    const struct echonet_target *target;
    struct echonet_object object;
    uint8_t epc;
    bool writes; /* it may be set, too */
};
/* `node` and `env` are borrowed. NULL without memory. */
struct property_device *property_device_new(const struct env *env, struct echonet_node *node,
                                            const struct property_place *place, property_answered answered,
                                            void *ctx);
/* No answer comes any more. */
void property_device_free(struct property_device *device);
/* Reads the property, or sets it to `data` (1..255 bytes, copied), as soon as the node was heard. The answer comes once, never from inside; one
 * question at a time. */
void property_device_read(struct property_device *device);
void property_device_write(struct property_device *device, const uint8_t *data, size_t len);

#endif
