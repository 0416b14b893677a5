/* A device: an instance on a node. Whether it is there, and where.
 *
 *              answer                        no answer (after retries, and none to the last probe)
 *   UNKNOWN -----------> ONLINE             ONLINE, UNKNOWN -> SILENT: one probe per back-off period, up to 60 s
 *      ^                    ^ answer, INF   with a node id: looked for elsewhere, too
 *      '--- SILENT ---------'
 *
 * What it is asked stands in ask.c, what it answers in answer.c. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "driver/echonet/internal.h"

#define RESTART_MIN_MS  10000 /* between two restarts that are believed */
#define SPREAD_START_MS 1000
#define VERIFY_MIN_MS   1000

/* ---- presence ---- */

static void tell(struct device *device, bool online, int err)
{
    if (device->told && device->told_online == online)
        return;
    if (device->told_online && !online)
        device->health.losses++;
    device->told = true;
    device->told_online = online;
    log_debug(LOG_ECHONET, "device %s: object=%02X%02X%02X reason=%s", online ? "answers" : "is silent",
              device->object.group, device->object.code, device->object.instance,
              err ? err_text(err) : "none");
    device->events.on_online(device->ctx, online, err);
}

void echonet_device_begin_round(struct device *device)
{
    int64_t now_ms = device_now_ms(device);
    device->split = device->limit;
    if (device->limit < device->options.batch && now_ms >= device->regrow_ms) {
        int twice = 2 * device->limit; /* it may only have been a bad day of the network */
        device->split = twice < device->options.batch ? twice : device->options.batch;
        device->regrow_ms = now_ms + REGROW_MS;
    }
    device->best = 0;
    device->round_split = false;
}

void echonet_device_begin_anew(struct device *device)
{
    device->silent_tries = 0;
    device->doubted = false;
    device->suspect = NULL;
    echonet_device_begin_round(device);
    properties_renew(device, device_now_ms(device));
}

void echonet_device_set_online(struct device *device)
{
    device->back_off_ms = BACK_OFF_MS;
    if (device->presence == PRESENCE_ONLINE)
        return;
    if (device->presence == PRESENCE_SILENT)
        echonet_device_begin_anew(device);
    device->presence = PRESENCE_ONLINE;
    tell(device, true, 0);
}

void echonet_device_back_off(struct device *device)
{
    device->not_before_ms = device_now_ms(device) + device->back_off_ms;
    device->back_off_ms =
        2 * device->back_off_ms < BACK_OFF_MAX_MS ? 2 * device->back_off_ms : BACK_OFF_MAX_MS;
}

void echonet_device_set_silent(struct device *device, int err)
{
    bool is_news = device->presence == PRESENCE_ONLINE || !device->peer;
    device->presence = PRESENCE_SILENT;
    device->doubted = false;
    device->suspect = NULL;
    device->silent_tries = 0;
    device->good = NULL; /* it may have forgotten that one: probes try all in turn */
    if (device->identity != IDENTITY_ANY)
        device->identity = IDENTITY_UNVERIFIED; /* another may have got its address */
    echonet_device_back_off(device);
    tell(device, false, err);
    pending_fail(device, err);
    pending_call(device);
    if (device->identity != IDENTITY_ANY && is_news)
        engine_seek(device->engine);
}

/* ---- news without a question ---- */

void echonet_device_identify(struct device *device, const uint8_t *id, size_t len)
{
    bool same = len > 0 && len <= NODE_ID_SIZE && memcmp(id, device->node_id, len) == 0;
    for (size_t i = len; same && i < NODE_ID_SIZE; i++)
        same = device->node_id[i] == 0; /* some are shorter than 17 bytes */
    device->identity = same ? IDENTITY_VERIFIED : IDENTITY_WRONG;
}

void echonet_device_on_list(struct device *device)
{
    struct property *node_id = properties_of_kind(device, PROPERTY_NODE_ID);
    int64_t now_ms = device_now_ms(device);
    if (!node_id || !node_id->seen || device->identity != IDENTITY_VERIFIED)
        return;
    if (now_ms < device->verify_ms) {
        node_id->due_ms = device->verify_ms;
    } else {
        device->verify_ms = now_ms + VERIFY_MIN_MS;
        device->identity = IDENTITY_UNVERIFIED; /* two that start may have swapped their addresses */
        node_id->due_ms = now_ms;
    }
    peer_wake(device->peer);
}

void echonet_device_on_restart(struct device *device)
{
    int64_t now_ms = device_now_ms(device);
    if (now_ms - device->restarted_ms < RESTART_MIN_MS)
        return;
    device->restarted_ms = now_ms;
    echonet_device_begin_round(device);
    properties_renew(device, now_ms);
    if (device->presence == PRESENCE_ONLINE)
        device->events.on_online(device->ctx, true, 0); /* again: what was set may be lost */
    echonet_device_on_alive(device);
    if (device->peer)
        peer_wake(device->peer);
}

void echonet_device_on_alive(struct device *device)
{
    if (device->presence == PRESENCE_SILENT)
        device->not_before_ms = device_now_ms(device);
    if (device->peer)
        peer_wake(device->peer);
}

bool echonet_device_is_sought(const struct device *device)
{
    return device->identity != IDENTITY_ANY && (!device->peer || device->presence == PRESENCE_SILENT);
}

void echonet_device_on_found(struct device *device, const struct echonet_address *address, const uint8_t *id,
                             size_t len)
{
    if (!echonet_device_is_sought(device))
        return;
    enum identity before = device->identity;
    echonet_device_identify(device, id, len);
    if (device->identity != IDENTITY_VERIFIED) {
        device->identity = before;
        return;
    }
    if (!device->peer || !echonet_same_address(&device->peer->address, address)) {
        peer_detach(device);
        device->job = JOB_NONE;
        memset(device->tries, 0, sizeof(device->tries));
        if (peer_attach(device->engine, address, device) < 0)
            return;
    }
    device->presence = PRESENCE_UNKNOWN;
    echonet_device_begin_anew(device);
    if (device->peer)
        peer_wake(device->peer);
}

void echonet_device_on_searched(struct device *device)
{
    if (!device->peer)
        tell(device, false, -ERR_LINK_DOWN);
}

/* ---- for the charger ---- */

static int write_point(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                       device_done callback, void *ctx)
{
    int r = pending_add_write(device, point, raw, len, callback, ctx);
    if (device->peer)
        peer_wake(device->peer);
    return r;
}

static int read_point(struct device *device, const struct point *point, device_done callback, void *ctx)
{
    int r = pending_add_read(device, point, callback, ctx);
    if (device->peer)
        peer_wake(device->peer);
    return r;
}

static void free_device(struct device *device)
{
    if (!device)
        return;
    peer_detach(device);
    pending_done(device);
    list_remove(&device->all);
    device->engine->device_count--;
    properties_done(device);
    free(device);
}
DEFINE_AUTO(device, free_device)

static const struct device_health *health_of(const struct device *device)
{
    return &device->health;
}

const struct device_ops echonet_device_ops = { write_point, read_point, free_device, health_of, NULL };

static struct echonet_options checked(struct echonet_options o)
{
    o.batch = o.batch < 1 ? 1 : o.batch > MAX_BATCH ? MAX_BATCH : o.batch;
    o.timeout_ms = o.timeout_ms < 1 ? 3000 : o.timeout_ms;
    return o;
}

struct device *engine_device_new(struct engine *engine, const struct echonet_target *target,
                                 const struct profile *profile, const struct echonet_options *options,
                                 const struct device_events *events, void *ctx)
{
    static const uint8_t nobody[NODE_ID_SIZE];
    AUTO(device) *device = calloc(1, sizeof(*device));
    if (!device)
        return NULL;
    device->engine = engine;
    device->options = checked(*options);
    device->object = (struct echonet_object){ options->class_group, options->class_code, target->instance };
    memcpy(device->node_id, target->node_id, NODE_ID_SIZE);
    device->identity = memcmp(target->node_id, nobody, NODE_ID_SIZE) ? IDENTITY_UNVERIFIED : IDENTITY_ANY;
    device->events = *events;
    device->ctx = ctx;
    device->limit = device->options.batch;
    device->back_off_ms = BACK_OFF_MS;
    device->restarted_ms = device_now_ms(device);
    device->heard_ms = -1;
    list_init(&device->link);
    list_append(&engine->devices, &device->all);
    engine->device_count++;
    pending_init(device);

    struct echonet_address address;
    bool has_address = echonet_address_parse(target->host, &address) == 0;
    if (properties_init(device, profile) < 0 || (has_address && peer_attach(engine, &address, device) < 0))
        return NULL;
    echonet_device_begin_round(device);
    /* Devices that start together would else ask in step for ever. */
    uint32_t spread_ms =
        1 + (engine->device_count < SPREAD_START_MS ? engine->device_count : SPREAD_START_MS);
    device->epoch_ms = device_now_ms(device) + env_random(engine->env, spread_ms);
    properties_renew(device, device->epoch_ms);
    if (has_address)
        peer_wake(device->peer);
    else
        engine_seek(engine);
    return STEAL(device);
}
