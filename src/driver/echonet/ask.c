/* What a device is asked next, and what its silence means.
 *
 * Silence has three reasons, told apart like this: a Get for several properties that is not answered is split (some devices
 * drop a frame whose answer would be too big); a single property that is not answered twice is suspect (some devices never
 * answer to what they list); before the device is called silent it is asked for a property that it answered before.
 *
 * A SetC is never repeated blindly, since it may have been executed and its answer lost: the value is read back first. */
#include <string.h>

#include "base/err.h"
#include "driver/echonet/internal.h"

/* ---- whose turn, and with what ---- */

static bool has_urgent_read(const struct device *device)
{
    return !list_is_empty(&device->reads);
}

int64_t echonet_device_wants_ms(const struct device *device, bool *ret_pressing)
{
    *ret_pressing = pending_write(device) || has_urgent_read(device);
    if (*ret_pressing || device->doubted)
        return 0;
    return device->presence == PRESENCE_SILENT ? device->not_before_ms : properties_due_ms(device);
}

/* A property that the device should answer if it is there at all. */
static struct property *probe_property(struct device *device)
{
    if (device->good)
        return device->good;
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[device->next_probe++ % device->property_count];
        bool identifies = p->kind == PROPERTY_NODE_ID && device->identity == IDENTITY_UNVERIFIED &&
                          device->presence == PRESENCE_SILENT;
        if (p != device->suspect && (identifies || echonet_same_object(p->object, device->object)))
            return p;
    }
    return device->suspect ? device->suspect : device->properties; /* nothing else can be read */
}

static struct property *next_property(struct device *device, int64_t now_ms)
{
    struct property *next = NULL;
    device->job = JOB_POLL;
    if (!device->doubted && device->suspect)
        return device->suspect;
    if (!device->doubted && device->presence != PRESENCE_SILENT)
        next = device->identity == IDENTITY_UNVERIFIED ? properties_of_kind(device, PROPERTY_NODE_ID)
                                                       : properties_next(device, now_ms);
    if (next)
        return next;
    device->job = JOB_PROBE;
    if (has_urgent_read(device) && !device->doubted && device->identity != IDENTITY_UNVERIFIED)
        return LIST_ITEM(device->reads.next, struct pending, link)->property;
    return probe_property(device);
}

static void begin_frame(struct device *device, struct echonet_writer *w, uint8_t *bytes,
                        const struct echonet_frame *header)
{
    struct echonet_frame h = *header;
    h.seoj = echonet_controller;
    h.tid = engine_next_tid(device->engine);
    echonet_begin(w, bytes, ECHONET_MAX_FRAME, &h);
}

static void send_frame(struct device *device, const struct echonet_writer *w)
{
    int len = echonet_end(w);
    device->engine->counters.requests++;
    device->health.requests++;
    if (len > 0)
        device->engine->send(device->engine->ctx, &device->peer->address, w->bytes, (size_t)len);
}

static uint16_t tid_of(const struct echonet_writer *w)
{
    return (uint16_t)(w->bytes[2] << 8 | w->bytes[3]);
}

static void remember_try(struct device *device, uint16_t tid, struct echonet_object object,
                         const struct property_map *asked)
{
    memmove(device->tries + 1, device->tries, sizeof(device->tries) - sizeof(device->tries[0]));
    device->tries[0] = (struct try){ true, tid, object, *asked };
}

static void send_get(struct device *device, struct property *lead, int64_t now_ms)
{
    uint8_t bytes[ECHONET_MAX_FRAME];
    struct echonet_writer w;
    struct property_map asked = { 0 };
    begin_frame(device, &w, bytes, &(struct echonet_frame){ .deoj = lead->object, .esv = ESV_GET });
    echonet_add(&w, lead->epc, NULL, 0);
    property_map_add(&asked, lead->epc);

    int room = device->job == JOB_POLL && !device->suspect ? device->split - 1 : 0;
    for (size_t i = 0; i < device->property_count && room > 0; i++) {
        struct property *p = &device->properties[i];
        if (!property_goes_with(p, lead, now_ms) || property_map_has(&asked, p->epc))
            continue;
        echonet_add(&w, p->epc, NULL, 0);
        property_map_add(&asked, p->epc);
        room--;
    }
    remember_try(device, tid_of(&w), lead->object, &asked);
    send_frame(device, &w);
}

static void send_set(struct device *device, struct pending *write)
{
    uint8_t bytes[ECHONET_MAX_FRAME];
    struct echonet_writer w;
    begin_frame(device, &w, bytes, &(struct echonet_frame){ .deoj = write->object, .esv = ESV_SETC });
    echonet_add(&w, write->point->at.echonet.epc, write->raw, write->len);
    write->tids[write->attempts++ % KEPT_TRIES] = tid_of(&w);
    device->job = JOB_SET;
    send_frame(device, &w);
}

/* The first wait doubles with every silence; +-10 % keep many devices from asking in step. */
static int64_t wait_ms(const struct device *device)
{
    int shift = device->silent_tries < 10 ? device->silent_tries : 10;
    int64_t ms = device->options.timeout_ms << shift;
    if (ms > MAX_TIMEOUT_MS)
        ms = MAX_TIMEOUT_MS;
    uint32_t spread = (uint32_t)(ms / 5 + 1);
    return ms - ms / 10 + env_random(device->engine->env, spread);
}

int64_t echonet_device_begin(struct device *device)
{
    int64_t now_ms = device_now_ms(device);
    struct pending *write = pending_write(device);
    if (device->silent_tries == 0)
        device->silent_since_ms = now_ms;
    if (write && device->identity != IDENTITY_UNVERIFIED && !device->doubted) {
        struct property *map = properties_unknown_set_map(device, write->object);
        if (map && device->presence != PRESENCE_SILENT) {
            device->job = JOB_POLL;
            send_get(device, map, now_ms);
        } else if (!write->read_back) {
            send_set(device, write);
        } else {
            device->job = JOB_READ_BACK;
            send_get(device, write->property, now_ms);
        }
        return wait_ms(device);
    }
    send_get(device, next_property(device, now_ms), now_ms);
    return wait_ms(device);
}

/* ---- silence ---- */

static int max_tries(const struct device *device)
{
    return 1 + (device->options.retries > 1 ? device->options.retries : 1);
}

/* Announcements still come, so the device is there, and only requests do not get through (seen until an access point was
 * restarted): its values are not known, but it is no case for a back-off of the whole device. */
static void give_up_requests(struct device *device, int64_t now_ms)
{
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        if (p->due_ms > now_ms)
            continue;
        property_unanswered(device, p, now_ms);
        pending_reads_over(device, p, -ERR_NO_ANSWER);
    }
    device->suspect = NULL;
    device->doubted = false;
    device->silent_tries = 0;
    device->events.on_batch(device->ctx);
    pending_call(device);
}

static struct property *only_asked(struct device *device)
{
    const struct try *t = &device->tries[0];
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        if (echonet_same_object(p->object, t->object) && property_map_has(&t->asked, p->epc))
            return p;
    }
    return NULL;
}

static void on_poll_silence(struct device *device)
{
    int64_t now_ms = device_now_ms(device);
    if (device->presence == PRESENCE_SILENT) {
        echonet_device_back_off(device);
        pending_fail(device, -ERR_NO_ANSWER);
        pending_call(device);
        return;
    }
    if (device->doubted) {
        if (device->presence == PRESENCE_ONLINE && device->heard_ms >= device->silent_since_ms)
            give_up_requests(device, now_ms);
        else
            echonet_device_set_silent(device, -ERR_NO_ANSWER);
        return;
    }
    int asked = property_map_count(&device->tries[0].asked);
    if (asked > 1) {
        device->split = asked / 2;
        device->round_split = true;
    } else {
        device->suspect = only_asked(device);
    }
    device->doubted = device->silent_tries >= max_tries(device) - 1;
}

static bool can_read_back(const struct pending *write)
{
    return write->property && !write->property->unlisted && !write->property->unanswered;
}

static void on_write_silence(struct device *device, enum job job)
{
    struct pending *write = pending_write(device);
    bool silent = device->presence == PRESENCE_SILENT;
    if (job == JOB_SET && !silent && can_read_back(write)) {
        write->read_back = true;
        return;
    }
    if (job == JOB_READ_BACK && !silent && device->silent_tries < max_tries(device))
        return;
    pending_write_over(device, write, -ERR_NO_ANSWER);
    if (silent)
        echonet_device_back_off(device);
    else
        device->doubted = true;
    pending_call(device);
}

void echonet_device_on_timeout(struct device *device)
{
    enum job job = device->job;
    device->job = JOB_NONE;
    device->silent_tries++;
    device->engine->counters.timeouts++;
    device->health.timeouts++;
    if (job == JOB_SET || job == JOB_READ_BACK)
        on_write_silence(device, job);
    else
        on_poll_silence(device);
    if (device->presence == PRESENCE_SILENT)
        device->silent_tries = 0;
    if (device->peer)
        peer_wake(device->peer);
}
