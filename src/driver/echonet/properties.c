/* What a device is asked for: one property for each EPC that points of the profile lie in, and a few that the driver
 * itself needs. When each is due, and what an answer means for its points.
 *
 * The Get map of an object is a hint: stacks announce maps with half of their properties missing, and devices stay silent when asked
 * for what they list. So an unlisted property is asked for once, alone; only if it is not answered then, it is not there, until
 * the device begins anew. A refusal (SNA) of any other means "not now". The Set map decides what is written. A map that
 * contradicts itself, or is not told, decides nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/err.h"
#include "driver/echonet/internal.h"

#define UNANNOUNCED_MAX 3
#define OBJECT_MAPS     3

/* ---- the table ---- */

struct echonet_object point_object(const struct device *device, const struct point *point)
{
    struct echonet_object o = device->object;
    if (point->at.echonet.class_group || point->at.echonet.class_code) {
        o.group = point->at.echonet.class_group;
        o.code = point->at.echonet.class_code;
    }
    if (point->at.echonet.instance)
        o.instance = point->at.echonet.instance;
    return o;
}

static bool is_of(const struct property *p, struct echonet_object object, uint8_t epc)
{
    return p->epc == epc && echonet_same_object(p->object, object);
}

struct property *properties_find(const struct device *device, struct echonet_object object, uint8_t epc)
{
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        if (p->kind == PROPERTY_POINTS && is_of(p, object, epc))
            return p;
    }
    return NULL;
}

static struct device_object *find_object(const struct device *device, struct echonet_object object)
{
    for (size_t i = 0; i < device->object_count; i++)
        if (echonet_same_object(device->objects[i].object, object))
            return &device->objects[i];
    return NULL;
}

static int add_objects(struct device *device, const struct profile *profile)
{
    device->objects = calloc(profile->point_count + 1, sizeof(*device->objects));
    if (!device->objects)
        return -ENOMEM;
    device->objects[device->object_count++].object = device->object;
    for (size_t i = 0; i < profile->point_count; i++) {
        struct echonet_object object = point_object(device, &profile->points[i]);
        struct device_object *o = find_object(device, object);
        if (!o) {
            o = &device->objects[device->object_count++];
            o->object = object;
        }
        o->is_written = o->is_written || profile->points[i].access & ACCESS_W;
    }
    return 0;
}

static void add_internal(struct device *device)
{
    struct property *p = device->properties;
    if (device->identity != IDENTITY_ANY)
        *p++ = (struct property){ .object = echonet_node_profile,
                                  .epc = EPC_NODE_ID,
                                  .kind = PROPERTY_NODE_ID,
                                  .every_ms = VERIFY_MS };
    for (size_t i = 0; i < device->object_count; i++) {
        const struct device_object *o = &device->objects[i];
        *p++ = (struct property){ .object = o->object, .epc = EPC_GET_MAP, .kind = PROPERTY_GET_MAP };
        if (o->is_written)
            *p++ = (struct property){ .object = o->object, .epc = EPC_SET_MAP, .kind = PROPERTY_SET_MAP };
        *p++ = (struct property){ .object = o->object, .epc = EPC_INF_MAP, .kind = PROPERTY_INF_MAP };
    }
    *p++ = (struct property){ .object = echonet_node_profile,
                              .epc = EPC_INSTANCE_LIST,
                              .kind = PROPERTY_INSTANCES };
    device->property_count = (size_t)(p - device->properties);
}

static bool is_text(enum point_type type)
{
    return type == POINT_STRING || type == POINT_UTF16 || type == POINT_BYTES || type == POINT_UID;
}

/* The size of a property follows from its points, which so must cover it. Text may be shorter. */
static void add_point(struct property *p, const struct point *point)
{
    size_t end = (size_t)point->at.echonet.offset + point->raw_size;
    bool known = !is_text(point->type) && point->raw_size > 0 && end <= UINT8_MAX;
    if (p->count == 0)
        p->size = known ? (uint8_t)end : 0;
    else if (!known)
        p->size = 0;
    else if (p->size && end > p->size)
        p->size = (uint8_t)end;
    if (point->every_ms > 0 && (p->every_ms == 0 || point->every_ms < p->every_ms))
        p->every_ms = point->every_ms;
    p->count++;
}

int properties_init(struct device *device, const struct profile *profile)
{
    if (add_objects(device, profile) < 0)
        return -ENOMEM;
    device->properties =
        calloc(profile->point_count + 2 + OBJECT_MAPS * device->object_count, sizeof(*device->properties));
    device->points = calloc(profile->point_count + 1, sizeof(const struct point *));
    device->writable = calloc(profile->point_count + 1, sizeof(const struct point *));
    if (!device->properties || !device->points || !device->writable)
        return -ENOMEM;
    add_internal(device);

    size_t point_count = 0;
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *lead = &profile->points[i];
        struct echonet_object object = point_object(device, lead);
        if (lead->access & ACCESS_W)
            device->writable[device->writable_count++] = lead;
        if (!(lead->access & ACCESS_R) || properties_find(device, object, lead->at.echonet.epc))
            continue;
        struct property *p = &device->properties[device->property_count++];
        *p = (struct property){ .object = object,
                                .epc = lead->at.echonet.epc,
                                .kind = PROPERTY_POINTS,
                                .first = (uint16_t)point_count };
        for (size_t j = i; j < profile->point_count; j++) {
            const struct point *point = &profile->points[j];
            if (!(point->access & ACCESS_R) || !is_of(p, point_object(device, point), point->at.echonet.epc))
                continue;
            device->points[point_count++] = point;
            add_point(p, point);
        }
    }
    return 0;
}

void properties_done(struct device *device)
{
    free(device->objects);
    free(device->properties);
    free(device->points);
    free(device->writable);
}

/* ---- when ---- */

void properties_renew(struct device *device, int64_t now_ms)
{
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        p->due_ms = now_ms;
        p->back_off_ms = 0;
        p->unanswered = false;
        p->seen = false;
    }
}

int64_t properties_due_ms(const struct device *device)
{
    int64_t due_ms = NEVER_MS;
    for (size_t i = 0; i < device->property_count; i++)
        if (device->properties[i].due_ms < due_ms)
            due_ms = device->properties[i].due_ms;
    return due_ms;
}

/* What the driver needs goes first, then what the charger waits for, then by time. */
static int rank(const struct property *p)
{
    return p->kind != PROPERTY_POINTS ? 0 : p->urgent ? 1 : 2;
}

struct property *properties_next(struct device *device, int64_t now_ms)
{
    struct property *next = NULL;
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        if (p->due_ms > now_ms)
            continue;
        if (!next || rank(p) < rank(next) || (rank(p) == rank(next) && p->due_ms < next->due_ms))
            next = p;
    }
    return next;
}

static bool goes_alone(const struct property *p)
{
    return p->kind != PROPERTY_POINTS || p->unlisted || p->unanswered;
}

bool property_goes_with(const struct property *p, const struct property *lead, int64_t now_ms)
{
    return p != lead && !goes_alone(p) && !goes_alone(lead) && echonet_same_object(p->object, lead->object) &&
           p->due_ms <= now_ms;
}

struct property *properties_of_kind(const struct device *device, enum property_kind kind)
{
    for (size_t i = 0; i < device->property_count; i++)
        if (device->properties[i].kind == kind)
            return &device->properties[i];
    return NULL;
}

/* On a grid that all properties of the device share, so that they are due together and go into one request. */
static void next_time(const struct device *device, struct property *p, int64_t now_ms)
{
    int64_t every_ms = p->back_off_ms > p->every_ms ? p->back_off_ms : p->every_ms;
    int64_t since_ms = now_ms - device->epoch_ms;
    p->due_ms = every_ms == 0 ? NEVER_MS : now_ms + every_ms - since_ms % every_ms;
}

static void back_off(struct property *p)
{
    int64_t twice_ms = 2 * (p->back_off_ms ? p->back_off_ms : BACK_OFF_MS);
    p->back_off_ms = twice_ms < BACK_OFF_MAX_MS ? twice_ms : BACK_OFF_MAX_MS;
}

void property_answered(const struct device *device, struct property *p, int64_t now_ms)
{
    p->back_off_ms = 0;
    p->unanswered = false;
    p->seen = true;
    next_time(device, p, now_ms);
}

void property_announced(const struct device *device, struct property *p, int64_t now_ms)
{
    if (p->urgent || p->every_ms == 0)
        return;
    int64_t due_ms = now_ms + p->every_ms, beyond_ms = (due_ms - device->epoch_ms) % p->every_ms;
    due_ms += beyond_ms ? p->every_ms - beyond_ms : 0; /* on the grid */
    p->due_ms = p->due_ms > due_ms ? p->due_ms : due_ms;
}

/* Not in the map, and without an answer up to now. */
static bool is_doubtful(const struct property *p)
{
    return p->unlisted && !p->seen;
}

bool property_is_absent(const struct property *p)
{
    return is_doubtful(p) && p->due_ms == NEVER_MS && !p->urgent;
}

/* ---- what ---- */

static void tell_no_value(struct device *device, const struct property *p, int err)
{
    for (size_t i = 0; i < p->count; i++)
        device->events.on_no_value(device->ctx, device->points[p->first + i], err);
}

void property_refused(struct device *device, struct property *p, int64_t now_ms)
{
    p->unanswered = false;
    p->back_off_ms = p->unlisted || p->every_ms == 0 ? BACK_OFF_MAX_MS : 0;
    if (p->kind != PROPERTY_POINTS || is_doubtful(p))
        p->due_ms = NEVER_MS; /* asked again when the device begins anew */
    else
        next_time(device, p, now_ms);
    tell_no_value(device, p, -ERR_DEVICE_EXCEPTION);
}

void property_unanswered(struct device *device, struct property *p, int64_t now_ms)
{
    back_off(p);
    p->unanswered = true;
    if (p->kind != PROPERTY_POINTS || is_doubtful(p))
        p->due_ms = NEVER_MS;
    else
        next_time(device, p, now_ms);
    tell_no_value(device, p, -ERR_NO_ANSWER);
}

/* Switches and access points that do not pass multicast are common, and polling hides them: say so. */
static void watch_announcements(struct device *device, struct property *p, const struct echonet_entry *entry,
                                bool asked)
{
    uint32_t digest = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < entry->pdc; i++)
        digest = (digest ^ entry->edt[i]) * 16777619u;
    bool changed = p->digest && p->digest != digest;
    bool missed = asked && changed && p->announced && device->heard_ms < p->taken_ms;
    p->digest = digest;
    p->taken_ms = device_now_ms(device);
    if (!asked)
        device->unannounced = 0;
    else if (missed && ++device->unannounced == UNANNOUNCED_MAX)
        log_warn(LOG_ECHONET,
                 "announcements do not arrive, is multicast blocked: object=%02X%02X%02X epc=%02X",
                 p->object.group, p->object.code, p->object.instance, p->epc);
}

bool property_take(struct device *device, struct property *p, const struct echonet_entry *entry, bool asked)
{
    watch_announcements(device, p, entry, asked);
    if (p->size && entry->pdc != p->size) {
        if (!p->complained)
            log_debug(LOG_ECHONET,
                      "property of a wrong size is discarded: object=%02X%02X%02X epc=%02X size=%d "
                      "expected=%d",
                      p->object.group, p->object.code, p->object.instance, p->epc, entry->pdc, p->size);
        p->complained = true;
        tell_no_value(device, p, -EBADMSG);
        return p->count > 0;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct point *point = device->points[p->first + i];
        size_t at = point->at.echonet.offset, left = entry->pdc > at ? entry->pdc - at : 0;
        size_t len = point->raw_size && point->raw_size < left ? point->raw_size : left;
        if (len == 0 || (len < point->raw_size && !is_text(point->type)))
            device->events.on_no_value(device->ctx, point, -EBADMSG);
        else
            device->events.on_value(device->ctx, point, entry->edt + at, len);
    }
    return p->count > 0;
}

/* ---- maps ---- */

static void set_listed(struct device *device, const struct property *map_property,
                       const struct property_map *map)
{
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        if (p->kind != PROPERTY_POINTS || !echonet_same_object(p->object, map_property->object))
            continue;
        if (map_property->kind == PROPERTY_GET_MAP)
            p->unlisted = map && !property_map_has(map, p->epc);
        else
            p->announced = map && property_map_has(map, p->epc);
    }
}

static void set_settable(struct device *device, struct device_object *o, const struct property_map *map)
{
    bool is_news = o->set_known != (map != NULL) || (map && memcmp(map, &o->set, sizeof(*map)) != 0);
    o->set_known = map != NULL;
    o->set = map ? *map : (struct property_map){ 0 };
    for (size_t i = 0; i < device->writable_count && map && is_news; i++) {
        const struct point *point = device->writable[i];
        uint8_t epc = point->at.echonet.epc;
        if (echonet_same_object(point_object(device, point), o->object) && !property_map_has(map, epc))
            log_warn(
                LOG_ECHONET,
                "the device does not let this be set, so it is not: object=%02X%02X%02X epc=%02X point=%s",
                o->object.group, o->object.code, o->object.instance, epc, point->name);
    }
    pending_writes_refused(device);
}

void properties_set_map(struct device *device, const struct property *p, const struct property_map *map)
{
    if (p->kind != PROPERTY_SET_MAP)
        set_listed(device, p, map);
    else
        set_settable(device, find_object(device, p->object), map);
}

bool properties_refuse_set(const struct device *device, struct echonet_object object, uint8_t epc)
{
    const struct device_object *o = find_object(device, object);
    return o && o->set_known && !property_map_has(&o->set, epc);
}

struct property *properties_unknown_set_map(const struct device *device, struct echonet_object object)
{
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        if (p->kind == PROPERTY_SET_MAP && echonet_same_object(p->object, object) && p->due_ms < NEVER_MS &&
            p != device->suspect)
            return p;
    }
    return NULL;
}
