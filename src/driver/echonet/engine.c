#include "driver/echonet/engine.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "driver/echonet/internal.h"

#define ROUND_STEPS       3 /* UDP loses datagrams, and not every stack answers every question */
#define STEP_MS           1000
#define ROUND_MS          3600000 /* nobody is sought */
#define SEEK_MS           60000   /* somebody is */
#define ROUND_MIN_MS      10000
#define REPLIES_PER_S     200
#define LOOKUPS_PER_S     10
#define ECHO_MS           1000
#define LISTS_ANSWERED_MS 10000
#define COMPLAIN_MS       10000
#define EXCERPT_MAX       32

bool allowed(struct allowance *allowance, int64_t now_ms, int64_t period_ms, int max)
{
    if (now_ms - allowance->since_ms >= period_ms)
        *allowance = (struct allowance){ .since_ms = now_ms };
    if (allowance->used >= max)
        return false;
    allowance->used++;
    return true;
}

uint16_t engine_next_tid(struct engine *engine)
{
    return ++engine->next_tid;
}

static int64_t now_of(const struct engine *engine)
{
    return env_now_ms(engine->env);
}

/* ---- to everybody ---- */

/* A node may well announce its list with the TID that we announced ours with. */
static bool is_others_list(const struct echonet_frame *frame)
{
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    while (echonet_next(&list, &e))
        if (e.epc == EPC_INSTANCE_LIST_NOTIFICATION && e.pdc > 0)
            return e.pdc != 4 || e.edt[1] != echonet_controller.group || e.edt[2] != echonet_controller.code;
    return false;
}

static void note_echo(struct engine *engine, uint16_t tid, uint8_t esv)
{
    engine->echoes[engine->next_echo++ % ENGINE_ECHOES] = (struct echo){ tid, esv, now_of(engine) };
}

static uint16_t multicast_tid(struct engine *engine, uint8_t esv)
{
    uint16_t tid = engine_next_tid(engine);
    note_echo(engine, tid, esv);
    return tid;
}

static bool is_echo(const struct engine *engine, const struct echonet_frame *frame)
{
    if (!echonet_same_object(frame->seoj, echonet_controller) &&
        !echonet_same_object(frame->seoj, echonet_node_profile))
        return false;
    for (size_t i = 0; i < ENGINE_ECHOES; i++) {
        const struct echo *e = &engine->echoes[i];
        if (e->esv == frame->esv && e->tid == frame->tid && now_of(engine) - e->sent_ms < ECHO_MS)
            return !is_others_list(frame);
    }
    return false;
}

static void announce(struct engine *engine, struct echonet_object object, uint8_t epc)
{
    uint8_t bytes[ECHONET_MAX_FRAME];
    int len = self_announce(&engine->self, multicast_tid(engine, ESV_INF), object, epc, bytes, sizeof(bytes));
    if (len > 0)
        engine->send(engine->ctx, NULL, bytes, (size_t)len);
}

/* Asks node profiles, all of them if `to` is NULL. Not instance 00, to which not all answer (uecho). */
static void ask(struct engine *engine, const struct echonet_address *to, uint8_t esv, uint8_t epc)
{
    uint8_t bytes[32];
    struct echonet_writer w;
    struct echonet_frame header = { .tid = to ? engine_next_tid(engine) : multicast_tid(engine, esv),
                                    .seoj = echonet_controller,
                                    .deoj = echonet_node_profile,
                                    .esv = esv };
    echonet_begin(&w, bytes, sizeof(bytes), &header);
    echonet_add(&w, epc, NULL, 0);
    engine->send(engine->ctx, to, bytes, (size_t)echonet_end(&w));
}

/* ---- discovery ---- */

static bool is_seeking(const struct engine *engine)
{
    LIST_FOREACH(link, following, &engine->devices)
    {
        if (echonet_device_is_sought(LIST_ITEM(link, struct device, all)))
            return true;
    }
    return false;
}

static void end_round(struct engine *engine)
{
    LIST_FOREACH(link, following, &engine->devices)
    {
        echonet_device_on_searched(LIST_ITEM(link, struct device, all));
    }
}

static void on_discovery(struct timer *timer, void *ctx)
{
    struct engine *engine = ctx;
    (void)timer;
    if (engine->discovery_step == ROUND_STEPS) {
        engine->discovery_step = 0;
        env_timer_start(engine->env, &engine->discovery, is_seeking(engine) ? SEEK_MS : ROUND_MS);
        end_round(engine);
        return;
    }
    if (engine->discovery_step == 0)
        engine->discovery_ms = now_of(engine);
    if (engine->discovery_step == 1) {
        ask(engine, NULL, ESV_INF_REQ, EPC_INSTANCE_LIST_NOTIFICATION);
        engine->lists_asked_ms = now_of(engine);
    } else {
        ask(engine, NULL, ESV_GET, EPC_INSTANCE_LIST);
    }
    if (engine->on_found || is_seeking(engine))
        ask(engine, NULL, ESV_GET, EPC_NODE_ID);
    engine->discovery_step++;
    env_timer_start(engine->env, &engine->discovery, STEP_MS);
}

void engine_seek(struct engine *engine)
{
    if (engine->discovery_ms < 0 || engine->discovery_step > 0)
        return; /* not begun, or under way */
    int64_t at_ms = engine->discovery_ms + ROUND_MIN_MS, now_ms = now_of(engine);
    at_ms = at_ms > now_ms ? at_ms : now_ms;
    if (engine->discovery.due_ms > at_ms)
        timer_start_at(&engine->discovery, at_ms);
}

void engine_discover(struct engine *engine, echonet_on_found on_found, void *ctx)
{
    engine->on_found = on_found;
    engine->found_ctx = ctx;
    if (!on_found)
        return;
    engine->discovery_step = 0;
    timer_start_at(&engine->discovery, now_of(engine));
}

static void tell_found(struct engine *engine, const struct echonet_address *address,
                       struct echonet_found *found)
{
    if (!engine->on_found)
        return;
    echonet_address_format(address, found->host);
    engine->on_found(engine->found_ctx, found);
}

static void on_node_id(struct engine *engine, const struct echonet_address *address,
                       const struct echonet_entry *entry)
{
    LIST_FOREACH(link, following, &engine->devices)
    {
        echonet_device_on_found(LIST_ITEM(link, struct device, all), address, entry->edt, entry->pdc);
    }
    tell_found(engine, address, &(struct echonet_found){ .node_id = entry->edt, .node_id_len = entry->pdc });
}

static void on_instance_list(struct engine *engine, const struct echonet_address *address,
                             const struct echonet_entry *entry)
{
    struct echonet_object objects[ECHONET_MAX_INSTANCES];
    int count = echonet_instances_decode(entry->edt, entry->pdc, objects, ECHONET_MAX_INSTANCES);
    if (count < 0)
        return;
    if (!peer_find(engine, address) && is_seeking(engine) &&
        allowed(&engine->lookups, now_of(engine), 1000, LOOKUPS_PER_S))
        ask(engine, address, ESV_GET, EPC_NODE_ID);
    tell_found(engine, address,
               &(struct echonet_found){ .instances = objects, .instance_count = (size_t)count });
}

/* A node tells of itself: an answer to discovery, or an announcement. */
static void on_profile(struct engine *engine, const struct echonet_address *address,
                       const struct echonet_frame *frame)
{
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    while (echonet_next(&list, &e)) {
        if (e.pdc > 0 && e.epc == EPC_NODE_ID)
            on_node_id(engine, address, &e);
        else if (e.pdc > 0 && (e.epc == EPC_INSTANCE_LIST || e.epc == EPC_INSTANCE_LIST_NOTIFICATION))
            on_instance_list(engine, address, &e);
    }
}

static bool names_list(const struct echonet_frame *frame)
{
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    while (echonet_next(&list, &e))
        if (e.epc == EPC_INSTANCE_LIST_NOTIFICATION)
            return true;
    return false;
}

/* A node that starts announces its instances to all. If somebody just asked for the lists, it is only an answer: that should name
 * who asked, but does not with every stack. */
static bool is_start(const struct engine *engine, const struct echonet_frame *frame)
{
    bool asked = engine->lists_asked_ms >= 0 && now_of(engine) - engine->lists_asked_ms < LISTS_ANSWERED_MS;
    return !asked && names_list(frame) && frame->deoj.group == echonet_node_profile.group &&
           (frame->esv == ESV_INF || frame->esv == ESV_INFC);
}

/* ---- what comes in ---- */

static void on_broken(struct engine *engine, const struct echonet_address *address, const uint8_t *bytes,
                      size_t len, int err)
{
    engine->counters.bad_frames++;
    if (!allowed(&engine->complaints, now_of(engine), COMPLAIN_MS, 1)) {
        engine->complaints_dropped++;
        return;
    }
    char hex[2 * EXCERPT_MAX + 1] = "", from[ECHONET_ADDRESS_TEXT];
    echonet_address_format(address, from);
    hex_encode(bytes, len < EXCERPT_MAX ? len : EXCERPT_MAX, hex, sizeof(hex));
    log_warn(LOG_ECHONET, "datagram is ignored: from=%s reason=%s bytes=%zu begin=%s unlogged=%llu", from,
             err == -EPROTONOSUPPORT ? "other message format"
             : err == -EOPNOTSUPP    ? "unknown service"
                                     : "broken",
             len, hex, (unsigned long long)engine->complaints_dropped);
    engine->complaints_dropped = 0;
}

static void on_request(struct engine *engine, const struct echonet_address *address,
                       const struct echonet_frame *frame)
{
    if (!allowed(&engine->replies, now_of(engine), 1000, REPLIES_PER_S))
        return;
    if (frame->esv == ESV_INF_REQ && names_list(frame))
        engine->lists_asked_ms = now_of(engine);
    uint8_t bytes[ECHONET_MAX_FRAME], location = engine->self.location;
    int len = self_answer(&engine->self, frame, bytes, sizeof(bytes));
    struct echonet_frame answer;
    bool answers = len > 0 && echonet_decode(bytes, (size_t)len, &answer) == 0;
    bool to_all = answers && answer.esv == ESV_INF;
    if (to_all)
        note_echo(engine, frame->tid, ESV_INF);
    if (answers)
        engine->send(engine->ctx, to_all ? NULL : address, bytes, (size_t)len);
    if (location != engine->self.location)
        announce(engine, echonet_controller, EPC_INSTALLATION_LOCATION);
}

static void on_announcement(struct engine *engine, const struct echonet_address *address,
                            const struct echonet_frame *frame)
{
    struct peer *peer = peer_find(engine, address);
    if (peer) {
        LIST_FOREACH(link, following, &peer->devices)
        {
            struct device *device = LIST_ITEM(link, struct device, link);
            bool profile = echonet_same_object(frame->seoj, echonet_node_profile);
            if (profile && names_list(frame))
                echonet_device_on_list(device);
            if (profile && is_start(engine, frame))
                echonet_device_on_restart(device);
            echonet_device_on_announcement(device, frame);
        }
    }
    if (frame->seoj.group == echonet_node_profile.group)
        on_profile(engine, address, frame);
}

static void on_answer(struct engine *engine, const struct echonet_address *address,
                      const struct echonet_frame *frame)
{
    struct peer *peer = peer_find(engine, address);
    bool profile = frame->seoj.group == echonet_node_profile.group, matched = false;
    if (peer) {
        LIST_FOREACH(link, following, &peer->devices)
        {
            if (echonet_device_on_answer(LIST_ITEM(link, struct device, link), frame)) {
                matched = true;
                break; /* the peer may be gone */
            }
        }
    }
    if (!matched && !profile)
        engine->counters.late_answers++;
    if (!matched && peer) {
        LIST_FOREACH(link, following, &peer->devices)
        {
            echonet_device_on_alive(LIST_ITEM(link, struct device, link));
        }
    }
    if (profile && frame->esv != ESV_SET_RES)
        on_profile(engine, address, frame);
}

void engine_receive(struct engine *engine, const struct echonet_address *address, const uint8_t *bytes,
                    size_t len)
{
    struct echonet_frame frame;
    int r = echonet_decode(bytes, len, &frame);
    if (r < 0) {
        on_broken(engine, address, bytes, len, r);
        return;
    }
    if (is_echo(engine, &frame))
        return;
    switch (frame.esv) {
    case ESV_SETI:
    case ESV_SETC:
    case ESV_GET:
    case ESV_INF_REQ:
    case ESV_SETGET:
        on_request(engine, address, &frame);
        break;
    case ESV_INFC:
        on_request(engine, address, &frame);
        on_announcement(engine, address, &frame);
        break;
    case ESV_INF:
        on_announcement(engine, address, &frame);
        break;
    default:
        on_answer(engine, address, &frame);
    }
}

/* ---- life ---- */

void engine_init(struct engine *engine, const struct env *env, const uint8_t node_id[static NODE_ID_SIZE],
                 engine_send send, void *ctx)
{
    *engine =
        (struct engine){ .env = env, .send = send, .ctx = ctx, .discovery_ms = -1, .lists_asked_ms = -1 };
    memcpy(engine->self.node_id, node_id, NODE_ID_SIZE);
    env->random(env->ctx, &engine->next_tid, sizeof(engine->next_tid));
    for (size_t i = 0; i < ENGINE_BUCKETS; i++)
        list_init(&engine->peers[i]);
    list_init(&engine->devices);
    timer_init(&engine->discovery, env->timers, on_discovery, engine);
}

void engine_done(struct engine *engine)
{
    assert(list_is_empty(&engine->devices));
    timer_stop(&engine->discovery);
}

void engine_start(struct engine *engine)
{
    announce(engine, echonet_node_profile, EPC_INSTANCE_LIST_NOTIFICATION);
    engine->discovery_ms = now_of(engine);
    timer_start_at(&engine->discovery, engine->discovery_ms);
}
