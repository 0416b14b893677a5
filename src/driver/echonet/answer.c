/* What a device answers and announces. An answer belongs to a request by address, TID, SEOJ, EPCs and ESV, never by port;
 * it is judged by its entries, not by its ESV: an SNA carries values, too, and a Get_Res may lack some. */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "driver/echonet/internal.h"

/* ---- answers ---- */

static void on_map(struct device *device, const struct property *p, const struct echonet_entry *entry)
{
    struct property_map map;
    bool believed = property_map_decode(entry->edt, entry->pdc, &map) == 0;
    if (!believed)
        log_debug(LOG_ECHONET, "map is not to be believed: object=%02X%02X%02X epc=%02X", p->object.group,
                  p->object.code, p->object.instance, entry->epc);
    properties_set_map(device, p, believed ? &map : NULL);
}

static void on_instances(struct device *device, const struct echonet_entry *entry)
{
    struct echonet_object objects[ECHONET_MAX_INSTANCES];
    int count = echonet_instances_decode(entry->edt, entry->pdc, objects, ARRAY_SIZE(objects));
    device->alone = count == 1;
    bool listed = count < 0;
    for (int i = 0; i < count; i++)
        listed = listed || echonet_same_object(objects[i], device->object);
    bool is_news = !listed && !device->missed;
    device->missed = !listed;
    if (is_news)
        log_warn(LOG_ECHONET, "node does not list the object: object=%02X%02X%02X instances=%d",
                 device->object.group, device->object.code, device->object.instance, count);
}

/* A property with data. Returns whether the charger heard of it. */
static bool take(struct device *device, struct property *p, const struct echonet_entry *entry, int64_t now_ms)
{
    property_answered(device, p, now_ms);
    switch (p->kind) {
    case PROPERTY_NODE_ID:
        echonet_device_identify(device, entry->edt, entry->pdc);
        return false;
    case PROPERTY_GET_MAP:
    case PROPERTY_SET_MAP:
    case PROPERTY_INF_MAP:
        on_map(device, p, entry);
        return false;
    case PROPERTY_INSTANCES:
        on_instances(device, entry);
        return false;
    case PROPERTY_POINTS:
        return property_take(device, p, entry, true);
    }
    return false;
}

static bool may_take(const struct device *device, const struct property *p)
{
    return device->identity != IDENTITY_UNVERIFIED || p->kind == PROPERTY_NODE_ID;
}

/* What is asked and stays out comes again; a single one that stays out is a refusal. */
static bool refuse(struct device *device, struct property *p, int64_t now_ms)
{
    property_refused(device, p, now_ms);
    pending_reads_over(device, p, -ERR_DEVICE_EXCEPTION);
    if (p->kind == PROPERTY_NODE_ID && device->identity == IDENTITY_UNVERIFIED)
        device->identity = IDENTITY_VERIFIED; /* it has none to tell: the address has to do */
    return p->count > 0;
}

static bool take_entry(struct device *device, struct echonet_object object, const struct echonet_entry *entry)
{
    bool told = false;
    int64_t now_ms = device_now_ms(device);
    for (size_t i = 0; i < device->property_count; i++) {
        struct property *p = &device->properties[i];
        if (p->epc != entry->epc || !echonet_same_object(p->object, object) || !may_take(device, p))
            continue;
        if (entry->pdc == 0) {
            told = refuse(device, p, now_ms) || told;
            continue;
        }
        told = take(device, p, entry, now_ms) || told;
        pending_reads_over(device, p, p->size && entry->pdc != p->size ? -ERR_DEVICE_EXCEPTION : 0);
        if (echonet_same_object(object, device->object))
            device->good = p;
    }
    return told;
}

/* Takes what was asked for. `*ret_got`: what was in the answer. Returns whether the charger heard of it. */
static bool take_answer(struct device *device, const struct echonet_frame *frame, const struct try *t,
                        struct property_map *ret_got)
{
    bool told = false;
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    *ret_got = (struct property_map){ 0 };
    while (echonet_next(&list, &e)) {
        if (property_map_has(ret_got, e.epc))
            continue;
        property_map_add(ret_got, e.epc);
        told = take_entry(device, t->object, &e) || told;
    }
    bool single = property_map_count(&t->asked) == 1;
    for (size_t i = 0; i < device->property_count && (single || frame->list.count == 0); i++) {
        struct property *p = &device->properties[i];
        if (echonet_same_object(p->object, t->object) && property_map_has(&t->asked, p->epc) &&
            !property_map_has(ret_got, p->epc) && may_take(device, p))
            told = refuse(device, p, device_now_ms(device)) || told;
    }
    return told;
}

/* Nothing is due any more: was the batch size right? */
static void end_round(struct device *device)
{
    if (device->round_split && device->best > 0) {
        if (++device->split_rounds >= 2) {
            device->limit = device->best;
            device->split_rounds = 0;
            device->regrow_ms = device_now_ms(device) + REGROW_MS;
            log_debug(LOG_ECHONET, "batch size learned: object=%02X%02X%02X properties=%d",
                      device->object.group, device->object.code, device->object.instance, device->limit);
        }
    } else if (device->best >= device->limit) {
        device->limit = device->best;
        device->split_rounds = 0;
    }
    echonet_device_begin_round(device);
}

static void judge_batch(struct device *device, const struct try *t, const struct property_map *got)
{
    int asked = property_map_count(&t->asked), count = property_map_count(got);
    if (count > device->best)
        device->best = count;
    if (asked > 1 && count > 0 && count < asked) { /* answers fewer than asked */
        device->split = count;
        device->round_split = true;
    }
    if (device->split < 1)
        device->split = 1;
}

/* The device is there. */
static void on_sign_of_life(struct device *device, const struct echonet_frame *frame)
{
    bool own = echonet_same_object(frame->seoj, device->object);
    if (own)
        device->health.last_answer_ms = device_now_ms(device);
    if (own && device->identity != IDENTITY_UNVERIFIED) {
        echonet_device_set_online(device);
    } else if (device->presence == PRESENCE_SILENT) {
        device->presence =
            PRESENCE_UNKNOWN; /* the node is: who it is, and whether the object is, comes next */
        echonet_device_begin_anew(device);
    }
}

/* The wrong node is at this address: find the right one. */
static void on_wrong_node(struct device *device)
{
    log_debug(LOG_ECHONET, "another node has the address: object=%02X%02X%02X", device->object.group,
              device->object.code, device->object.instance);
    device->identity = IDENTITY_UNVERIFIED;
    peer_detach(device);
    echonet_device_set_silent(device, -ERR_LINK_DOWN);
}

static void on_read_back(struct device *device, const struct echonet_frame *frame)
{
    struct pending *write = pending_write(device);
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    bool found = echonet_next(&list, &e) && e.pdc > 0;
    if (found && e.pdc == write->len && memcmp(e.edt, write->raw, write->len) == 0)
        pending_write_over(device, write, 0); /* executed, and the answer was lost */
    else if (!found || write->attempts > device->options.retries)
        pending_write_over(device, write, -ERR_NO_ANSWER);
    else
        write->read_back = false; /* once more */
}

static struct try *find_try(struct device *device, const struct echonet_frame *frame)
{
    struct property_map got = { 0 };
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    while (echonet_next(&list, &e))
        property_map_add(&got, e.epc);

    for (size_t i = 0; i < KEPT_TRIES; i++) {
        struct try *t = &device->tries[i];
        bool subset = true;
        for (size_t j = 0; j < sizeof(got.bits); j++)
            subset = subset && !(got.bits[j] & ~t->asked.bits[j]);
        if (t->used && t->tid == frame->tid && echonet_same_object(t->object, frame->seoj) && subset)
            return t;
    }
    /* Stacks answer with a TID of their own (echonet-lite.js#12): taken only if nothing else can be meant. */
    struct try *t = &device->tries[0];
    bool open = device->job == JOB_POLL || device->job == JOB_PROBE;
    if (!open || !t->used || !echonet_same_object(t->object, frame->seoj) ||
        memcmp(&got, &t->asked, sizeof(got)) != 0)
        return NULL;
    log_debug(LOG_ECHONET, "answer with a foreign TID: object=%02X%02X%02X", frame->seoj.group,
              frame->seoj.code, frame->seoj.instance);
    return t;
}

static bool covers(const struct try *answered, const struct try *latest)
{
    for (size_t i = 0; i < sizeof(latest->asked.bits); i++)
        if (latest->asked.bits[i] & ~answered->asked.bits[i])
            return false;
    return echonet_same_object(answered->object, latest->object);
}

/* The request that is out was answered. */
static void end_request(struct device *device, const struct try *t, const struct property_map *got)
{
    /* Answers stayed out for a while: another node may have got the address meanwhile. */
    struct property *node_id = device->silent_tries > 0 ? properties_of_kind(device, PROPERTY_NODE_ID) : NULL;
    if (node_id && node_id->seen)
        node_id->due_ms = device_now_ms(device);
    device->silent_tries = 0;
    if (device->doubted && device->suspect && !property_map_has(got, device->suspect->epc)) {
        int64_t now_ms = device_now_ms(device); /* it answers, but not to that one */
        property_unanswered(device, device->suspect, now_ms);
        pending_reads_over(device, device->suspect, -ERR_NO_ANSWER);
        if (device->suspect->kind == PROPERTY_NODE_ID && device->identity == IDENTITY_UNVERIFIED)
            device->identity = IDENTITY_VERIFIED;
        device->round_split = false; /* the size was not to blame */
        device->split_rounds = 0;
    } else {
        judge_batch(device, t, got);
    }
    device->suspect = NULL;
    device->doubted = false;
}

static bool on_get_answer(struct device *device, const struct echonet_frame *frame)
{
    struct try *found = find_try(device, frame);
    if (!found)
        return false;
    struct try t = *found;
    struct property_map got;
    bool open = device->job != JOB_NONE && device->job != JOB_SET;
    bool looks = device->job == JOB_READ_BACK; /* only a Get after the SetC tells what it did */
    bool current = open && (found == device->tries || (!looks && covers(&t, device->tries)));
    bool read_back = current && looks;
    if (current) {
        device->engine->counters.answers++;
        device->health.answers++;
        device->job = JOB_NONE;
    } else {
        device->engine->counters.late_answers++;
    }
    if (frame->esv == ESV_GET_SNA) {
        device->engine->counters.exceptions++;
        device->health.exceptions++;
    }

    on_sign_of_life(device, frame);
    bool told = take_answer(device, frame, &t, &got);
    if (read_back)
        on_read_back(device, frame);
    if (current)
        end_request(device, &t, &got);
    if (told)
        device->events.on_batch(device->ctx);
    pending_call(device);
    if (device->identity == IDENTITY_WRONG) {
        on_wrong_node(device);
        return true;
    }
    if (device->presence != PRESENCE_SILENT && !properties_next(device, device_now_ms(device)))
        end_round(device);
    if (current)
        peer_release(device->peer, device);
    return true;
}

static bool on_set_answer(struct device *device, const struct echonet_frame *frame)
{
    struct pending *write = pending_write(device);
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    bool ours = false;
    for (int i = 0; write && i < write->attempts && i < KEPT_TRIES; i++)
        ours = ours || write->tids[i] == frame->tid;
    if (!ours || !echonet_same_object(frame->seoj, write->object) ||
        (echonet_next(&list, &e) && e.epc != write->point->at.echonet.epc))
        return false;

    bool accepted = frame->esv == ESV_SET_RES;
    if (device->job == JOB_SET) {
        device->engine->counters.answers++;
        device->health.answers++;
    } else {
        device->engine->counters.late_answers++;
    }
    device->engine->counters.exceptions += !accepted;
    device->health.exceptions += !accepted;
    bool current = device->job == JOB_SET || device->job == JOB_READ_BACK;
    if (current)
        device->job = JOB_NONE;
    device->silent_tries = 0;
    on_sign_of_life(device, frame);
    if (accepted && write->property)
        write->property->due_ms = device_now_ms(device); /* accepted is not done: see */
    pending_write_over(device, write, accepted ? 0 : -ERR_DEVICE_EXCEPTION);
    pending_call(device);
    if (current)
        peer_release(device->peer, device);
    return true;
}

bool echonet_device_on_answer(struct device *device, const struct echonet_frame *frame)
{
    switch (frame->esv) {
    case ESV_GET_RES:
    case ESV_GET_SNA:
        return on_get_answer(device, frame);
    case ESV_SET_RES:
    case ESV_SETC_SNA:
    case ESV_SETI_SNA: /* uecho refuses a SetC so */
        return on_set_answer(device, frame);
    default:
        return false;
    }
}

/* ---- news without a question ---- */

/* uecho announces as node profile what is the device's: EPCs that no node profile has. */
static bool is_misattributed(const struct echonet_frame *frame, uint8_t epc)
{
    return frame->seoj.group == echonet_node_profile.group && epc >= 0xA0 && epc != 0xBF &&
           (epc < 0xD3 || epc > 0xD7);
}

static bool has_sibling(const struct device *device)
{
    return device->peer->devices.next->next != &device->peer->devices;
}

static bool take_announced(struct device *device, struct property *p, const struct echonet_entry *entry)
{
    if (!p->size || entry->pdc == p->size)
        property_announced(device, p, device_now_ms(device));
    return property_take(device, p, entry, false);
}

void echonet_device_on_announcement(struct device *device, const struct echonet_frame *frame)
{
    bool own = echonet_same_object(frame->seoj, device->object), told = false;
    if (device->identity == IDENTITY_UNVERIFIED) {
        if (own)
            echonet_device_on_alive(device);
        return;
    }
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    if (own) {
        device->heard_ms = device_now_ms(device);
        echonet_device_set_online(device);
    }
    while (echonet_next(&list, &e)) {
        bool ours = is_misattributed(frame, e.epc) && device->alone && !has_sibling(device);
        struct echonet_object object = ours ? device->object : frame->seoj;
        for (size_t i = 0; i < device->property_count && e.pdc > 0; i++) {
            struct property *p = &device->properties[i];
            if (p->kind == PROPERTY_POINTS && p->epc == e.epc && echonet_same_object(p->object, object))
                told = take_announced(device, p, &e) || told;
        }
    }
    if (told)
        device->events.on_batch(device->ctx);
    peer_wake(device->peer);
}
