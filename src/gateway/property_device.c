#include "gateway/property_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum question { NOTHING, READ, WRITE };

struct property_device {
    const struct env *env;
    struct device *device;
    struct timer timer; /* answers, since the device must not be freed from its own callbacks */
    property_answered answered;
    void *ctx;
    struct point point;
    struct profile profile;
    bool is_online;
    enum question question; /* NOTHING: it was put, or there is none */
    int err;
    uint8_t wanted[POINT_MAX_RAW], data[POINT_MAX_RAW]; /* to be set; as it came last */
    size_t wanted_len, len;
};

struct point property_point(struct echonet_object object, uint8_t epc, enum point_access access)
{
    struct point p = { .type = POINT_BYTES, .access = access, .scale = 1, .scale_point = -1 };
    (void)snprintf(p.name, sizeof(p.name), "epc_%02x", epc);
    p.at.echonet.class_group = object.group;
    p.at.echonet.class_code = object.code;
    p.at.echonet.epc = epc;
    p.every_ms = 3600000;
    return p;
}

struct echonet_options property_options(struct echonet_object object)
{
    return (struct echonet_options){ .class_group = object.group,
                                     .class_code = object.code,
                                     .batch = 1,
                                     .timeout_ms = 2000,
                                     .pause_ms = 100,
                                     .retries = 1 };
}

static void answer(struct property_device *d, int err)
{
    d->err = err;
    d->question = NOTHING;
    env_timer_start(d->env, &d->timer, 0);
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct property_device *d = ctx;
    (void)timer;
    d->answered(d->ctx, d->err, d->data, d->len);
}

static void on_done(void *ctx, int err)
{
    answer(ctx, err);
}

static void put_question(struct property_device *d)
{
    enum question question = d->question;
    if (question == NOTHING || !d->is_online)
        return;
    d->question = NOTHING;
    d->len = 0;
    int r = question == WRITE
                ? echonet_device_ops.write(d->device, &d->point, d->wanted, d->wanted_len, on_done, d)
                : echonet_device_ops.read(d->device, &d->point, on_done, d);
    if (r < 0)
        answer(d, r);
}

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct property_device *d = ctx;
    (void)point;
    d->len = len < sizeof(d->data) ? len : sizeof(d->data);
    memcpy(d->data, raw, d->len);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    (void)ctx, (void)point, (void)err;
}

static void on_batch(void *ctx)
{
    (void)ctx;
}

static void on_online(void *ctx, bool online, int err)
{
    struct property_device *d = ctx;
    d->is_online = online;
    if (!online && d->question != NOTHING)
        answer(d, err);
    put_question(d);
}

struct property_device *property_device_new(const struct env *env, struct echonet_node *node,
                                            const struct property_place *place, property_answered answered,
                                            void *ctx)
{
    static const struct device_events events = {
        .on_value = on_value, .on_no_value = on_no_value, .on_batch = on_batch, .on_online = on_online
    };
    AUTO_FREE struct property_device *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->env = env;
    d->answered = answered;
    d->ctx = ctx;
    d->point = property_point(place->object, place->epc, place->writes ? ACCESS_RW : ACCESS_R);
    d->profile = (struct profile){ .protocol = PROTOCOL_ECHONET, .points = &d->point, .point_count = 1 };
    d->profile.echonet = property_options(place->object);
    timer_init(&d->timer, env->timers, on_timer, d);
    d->device = echonet_device_new(node, place->target, &d->profile, &d->profile.echonet, &events, d);
    return d->device ? STEAL(d) : NULL;
}

void property_device_free(struct property_device *d)
{
    if (!d)
        return;
    echonet_device_ops.free(d->device);
    timer_stop(&d->timer);
    free(d);
}

void property_device_read(struct property_device *d)
{
    d->question = READ;
    put_question(d);
}

void property_device_write(struct property_device *d, const uint8_t *data, size_t len)
{
    d->wanted_len = len < sizeof(d->wanted) ? len : sizeof(d->wanted);
    memcpy(d->wanted, data, d->wanted_len);
    d->question = WRITE;
    put_question(d);
}
