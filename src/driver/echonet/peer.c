/* Whose turn it is at a node. Nodes and bridges lose the second of two quick requests, also to different instances
 * (echonetlite2mqtt#21), so a node has one request out at a time, and a pause after each. */
#include <stdlib.h>

#include "driver/echonet/internal.h"

static struct list *bucket(struct engine *engine, const struct echonet_address *address)
{
    unsigned hash = address->scope;
    for (size_t i = 0; i < sizeof(address->ip); i++)
        hash = hash * 31 + address->ip[i];
    return &engine->peers[hash % ENGINE_BUCKETS];
}

struct peer *peer_find(struct engine *engine, const struct echonet_address *address)
{
    struct list *head = bucket(engine, address);
    LIST_FOREACH(link, following, head)
    {
        struct peer *peer = LIST_ITEM(link, struct peer, link);
        if (echonet_same_address(&peer->address, address))
            return peer;
    }
    return NULL;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The device to serve next and when: one for which the charger waits, else the earliest. */
static struct device *next_device(struct peer *peer, int64_t *ret_ms)
{
    struct device *next = NULL;
    bool pressing = false;
    *ret_ms = NEVER_MS;
    LIST_FOREACH(link, following, &peer->devices)
    {
        struct device *device = LIST_ITEM(link, struct device, link);
        bool device_pressing;
        int64_t at_ms = echonet_device_wants_ms(device, &device_pressing);
        if (device_pressing < pressing || (device_pressing == pressing && at_ms >= *ret_ms))
            continue;
        next = device;
        pressing = device_pressing;
        *ret_ms = at_ms;
    }
    return next;
}

void peer_wake(struct peer *peer)
{
    int64_t at_ms;
    if (peer->busy)
        return;
    if (next_device(peer, &at_ms))
        timer_start_at(&peer->timer, later(at_ms, peer->not_before_ms));
    else
        timer_stop(&peer->timer);
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct peer *peer = ctx;
    struct device *device = peer->busy;
    (void)timer;
    if (device) {
        peer->busy = NULL;
        echonet_device_on_timeout(device); /* may move it to another peer, and this one is gone */
        return;
    }
    int64_t at_ms, now_ms = env_now_ms(peer->engine->env);
    device = next_device(peer, &at_ms);
    if (!device || at_ms > now_ms) {
        peer_wake(peer);
        return;
    }
    list_remove(&device->link);
    list_append(&peer->devices, &device->link);
    peer->busy = device;
    timer_start_at(&peer->timer, now_ms + echonet_device_begin(device));
}

void peer_release(struct peer *peer, struct device *device)
{
    if (peer->busy != device)
        return;
    peer->busy = NULL;
    peer->not_before_ms = env_now_ms(peer->engine->env) + device->options.pause_ms;
    peer_wake(peer);
}

int peer_attach(struct engine *engine, const struct echonet_address *address, struct device *device)
{
    struct peer *peer = peer_find(engine, address);
    if (!peer) {
        peer = calloc(1, sizeof(*peer));
        if (!peer)
            return -ENOMEM;
        peer->engine = engine;
        peer->address = *address;
        list_init(&peer->devices);
        timer_init(&peer->timer, engine->env->timers, on_timer, peer);
        list_append(bucket(engine, address), &peer->link);
    }
    list_append(&peer->devices, &device->link);
    device->peer = peer;
    return 0;
}

void peer_detach(struct device *device)
{
    struct peer *peer = device->peer;
    if (!peer)
        return;
    list_remove(&device->link);
    device->peer = NULL;
    peer_release(peer, device);
    if (!list_is_empty(&peer->devices)) {
        peer_wake(peer);
        return;
    }
    timer_stop(&peer->timer);
    list_remove(&peer->link);
    free(peer);
}
