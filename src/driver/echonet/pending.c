/* Writes and reads that the charger asked for, until their callback: never from inside the call that asked. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "driver/echonet/internal.h"

static struct pending *pending_of(struct list *link)
{
    return LIST_ITEM(link, struct pending, link);
}

struct pending *pending_write(const struct device *device)
{
    return list_is_empty(&device->writes) ? NULL : pending_of(device->writes.next);
}

static void set_over(struct device *device, struct pending *pending, int err)
{
    pending->is_over = true;
    pending->err = err;
    list_remove(&pending->link);
    list_append(&device->over, &pending->link);
}

void pending_write_over(struct device *device, struct pending *write, int err)
{
    set_over(device, write, err);
}

void pending_reads_over(struct device *device, struct property *p, int err)
{
    if (!p->urgent)
        return;
    p->urgent = false;
    LIST_FOREACH(link, following, &device->reads)
    {
        struct pending *read = pending_of(link);
        if (read->property == p)
            set_over(device, read, err);
    }
}

void pending_writes_refused(struct device *device)
{
    LIST_FOREACH(link, following, &device->writes)
    {
        struct pending *write = pending_of(link);
        if (write->attempts == 0 &&
            properties_refuse_set(device, write->object, write->point->at.echonet.epc))
            set_over(device, write, -ERR_DEVICE_EXCEPTION);
    }
}

void pending_fail(struct device *device, int err)
{
    while (!list_is_empty(&device->writes))
        set_over(device, pending_of(device->writes.next), err);
    for (size_t i = 0; i < device->property_count; i++)
        pending_reads_over(device, &device->properties[i], err);
}

void pending_call(struct device *device)
{
    while (!list_is_empty(&device->over)) {
        struct pending *pending = pending_of(device->over.next);
        list_remove(&pending->link);
        device->queued--;
        pending->callback(pending->ctx, pending->err);
        free(pending);
    }
}

static void on_over(struct timer *timer, void *ctx)
{
    (void)timer;
    pending_call(ctx);
}

void pending_init(struct device *device)
{
    list_init(&device->writes);
    list_init(&device->reads);
    list_init(&device->over);
    timer_init(&device->over_timer, device->engine->env->timers, on_over, device);
}

void pending_done(struct device *device)
{
    struct list *const queues[] = { &device->writes, &device->reads, &device->over };
    timer_stop(&device->over_timer);
    for (size_t i = 0; i < ARRAY_SIZE(queues); i++)
        LIST_FOREACH(link, following, queues[i])
        {
            struct pending *pending = pending_of(link);
            list_remove(link);
            free(pending);
        }
}

/* A newer value for the same point takes the place of one that was not sent yet. */
static void supersede(struct device *device, const struct point *point)
{
    LIST_FOREACH(link, following, &device->writes)
    {
        struct pending *write = pending_of(link);
        if (write->point != point || write->attempts > 0)
            continue;
        set_over(device, write, -ERR_SUPERSEDED);
        env_timer_start(device->engine->env, &device->over_timer, 0);
    }
}

static struct pending *pending_new(struct device *device, const struct point *point, size_t len,
                                   device_done callback, void *ctx)
{
    struct pending *pending = calloc(1, sizeof(*pending) + len);
    if (!pending)
        return NULL;
    list_init(&pending->link);
    pending->point = point;
    pending->callback = callback;
    pending->ctx = ctx;
    device->queued++;
    return pending;
}

int pending_add_write(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                      device_done callback, void *ctx)
{
    if (!(point->access & ACCESS_W) || point->at.echonet.offset > 0 || len == 0 || len > UINT8_MAX)
        return -EINVAL; /* a part of a property cannot be written */
    if (!device->peer)
        return -ERR_LINK_DOWN;
    supersede(device, point);
    if (device->queued >= 2 * MAX_QUEUE)
        return -ENOBUFS;
    struct pending *write = pending_new(device, point, len, callback, ctx);
    if (!write)
        return -ENOMEM;
    write->object = point_object(device, point);
    write->property = properties_find(device, write->object, point->at.echonet.epc);
    write->len = (uint8_t)len;
    memcpy(write->raw, raw, len);
    list_append(&device->writes, &write->link);
    pending_writes_refused(device);
    if (!list_is_empty(&device->over))
        env_timer_start(device->engine->env, &device->over_timer, 0);
    return 0;
}

int pending_add_read(struct device *device, const struct point *point, device_done callback, void *ctx)
{
    struct property *p = properties_find(device, point_object(device, point), point->at.echonet.epc);
    if (!p || !(point->access & ACCESS_R))
        return -EINVAL;
    if (!device->peer)
        return -ERR_LINK_DOWN;
    if (device->queued >= MAX_QUEUE)
        return -ENOBUFS;
    struct pending *read = pending_new(device, point, 0, callback, ctx);
    if (!read)
        return -ENOMEM;
    read->property = p;
    if (property_is_absent(p)) {
        set_over(device, read, -ERR_DEVICE_EXCEPTION);
        env_timer_start(device->engine->env, &device->over_timer, 0);
        return 0;
    }
    p->urgent = true;
    p->due_ms = env_now_ms(device->engine->env);
    list_append(&device->reads, &read->link);
    return 0;
}
