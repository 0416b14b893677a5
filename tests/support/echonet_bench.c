#include "tests/support/echonet_bench.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"

static const struct echonet_object charger = { 0x02, 0xA1, 0x01 };

/* ---- world ---- */

static int64_t now(void *ctx)
{
    return ((struct ebench *)ctx)->now_ms;
}

static void chance(void *ctx, void *ret, size_t len)
{
    struct ebench *b = ctx;
    for (size_t i = 0; i < len; i++) {
        b->random_state = b->random_state * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)ret)[i] = (uint8_t)(b->random_state >> 56);
    }
}

static void note(char *text, size_t *len, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void note(char *text, size_t *len, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text + *len, size - *len, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < size - *len);
    *len += (size_t)n;
}

#define ASKED(b, ...) note((b)->asked, &(b)->asked_len, sizeof((b)->asked), __VA_ARGS__)
#define HEARD(b, ...) note((b)->heard, &(b)->heard_len, sizeof((b)->heard), __VA_ARGS__)

static void note_frame(const struct echonet_frame *frame, char *text, size_t *len, size_t size)
{
    const char *verb = frame->esv == ESV_GET       ? "Get"
                       : frame->esv == ESV_SETC    ? "SetC"
                       : frame->esv == ESV_INF_REQ ? "InfReq"
                       : frame->esv == ESV_INF     ? "Inf"
                                                   : "Other";
    struct echonet_list list = frame->list;
    struct echonet_entry e;
    note(text, len, size, "%s", verb);
    for (int i = 0; echonet_next(&list, &e); i++) {
        char hex[2 * 255 + 1] = "";
        hex_encode(e.edt, e.pdc, hex, sizeof(hex));
        note(text, len, size, "%c%02X%s%s", i ? ',' : ':', e.epc, e.pdc ? "=" : "", hex);
    }
    note(text, len, size, " ");
}

/* ---- nodes ---- */

static struct echonet_address address_of(uint32_t address, bool ipv6)
{
    struct echonet_address a = echonet_address_v4(address);
    if (ipv6) {
        memset(a.ip, 0, 12);
        a.ip[0] = 0xFE;
        a.ip[1] = 0x80;
        a.scope = 3;
    }
    return a;
}

static bool is_at(const struct ebench_node *node, const struct echonet_address *address)
{
    struct echonet_address a = address_of(node->address, node->ipv6);
    return echonet_same_address(&a, address);
}

static void fly(struct ebench *b, const struct ebench_node *node, const uint8_t *bytes, size_t len,
                bool closes)
{
    assert_true(b->flying_count < ARRAY_SIZE(b->flying));
    size_t i = b->flying_count++;
    b->flying[i].at_ms = b->now_ms + (node->delay_ms ? node->delay_ms : 10);
    b->flying[i].from = address_of(node->address, node->ipv6);
    b->flying[i].closes = closes;
    b->flying[i].len = len;
    memcpy(b->flying[i].bytes, bytes, len);
}

static bool get_profile(const struct ebench_node *node, uint8_t epc, struct echonet_writer *w)
{
    if (epc == EPC_NODE_ID && node->id[0])
        echonet_add(w, epc, node->id, NODE_ID_SIZE);
    else if (epc == EPC_INSTANCE_LIST && node->second.group) {
        const struct echonet_object o = node->second;
        const uint8_t list[] = { 2, 0x02, 0xA1, 1, o.group, o.code, o.instance };
        echonet_add(w, epc, list, sizeof(list));
    } else if (epc == EPC_INSTANCE_LIST)
        echonet_add(w, epc, "\x01\x02\xA1\x01", 4);
    else
        echonet_add(w, epc, NULL, 0);
    return epc == EPC_INSTANCE_LIST || (epc == EPC_NODE_ID && node->id[0]);
}

static bool get_device(const struct ebench_node *node, bool second, uint8_t epc, struct echonet_writer *w)
{
    const struct ebench_property *p = second ? &node->second_properties[epc] : &node->properties[epc];
    bool map = !second && epc == EPC_GET_MAP && node->map_len, has = p->len && !p->refused;
    if (map)
        echonet_add(w, epc, node->map, (uint8_t)node->map_len);
    else
        echonet_add(w, epc, p->edt, has ? p->len : 0);
    return map || has;
}

static bool set_device(struct ebench_node *node, bool second, const struct echonet_entry *e,
                       struct echonet_writer *w)
{
    struct ebench_property *p = second ? &node->second_properties[e->epc] : &node->properties[e->epc];
    bool accepted = !p->refused && node->mute != DEAF_SET;
    if (accepted) {
        p->len = e->pdc;
        memcpy(p->edt, e->edt, e->pdc);
    }
    echonet_add(w, e->epc, e->edt, accepted ? 0 : e->pdc);
    return accepted;
}

static void serve(struct ebench *b, struct ebench_node *node, const struct echonet_frame *request,
                  bool unicast)
{
    struct echonet_list list = request->list;
    struct echonet_entry e;
    bool profile = echonet_same_object(request->deoj, echonet_node_profile), all = true;
    bool second = node->second.group && echonet_same_object(request->deoj, node->second);
    if (node->mute == MUTE || (!profile && !second && !echonet_same_object(request->deoj, charger)) ||
        (node->drop_above && list.count > node->drop_above) || request->esv == ESV_INF_REQ)
        return;
    for (struct echonet_list l = list; echonet_next(&l, &e);) {
        if (e.epc == node->mute_epc)
            return;
    }
    uint8_t bytes[ECHONET_MAX_FRAME];
    struct echonet_writer w;
    struct echonet_frame header = { .tid = (uint16_t)(request->tid + (node->foreign_tid ? 1000 : 0)),
                                    .seoj = request->deoj,
                                    .deoj = request->seoj };
    echonet_begin(&w, bytes, sizeof(bytes), &header);
    for (int i = 0; echonet_next(&list, &e) && (!node->cut_to || i < node->cut_to); i++)
        all = (request->esv == ESV_SETC ? set_device(node, second, &e, &w)
               : profile                ? get_profile(node, e.epc, &w)
                                        : get_device(node, second, e.epc, &w)) &&
              all;
    echonet_set_esv(&w, node->esv ? node->esv : esv_answer(request->esv, all));
    if (request->esv != ESV_SETC || node->mute == ANSWERS)
        fly(b, node, bytes, (size_t)echonet_end(&w), unicast);
}

static void on_send(void *ctx, const struct echonet_address *to, const uint8_t *bytes, size_t len)
{
    struct ebench *b = ctx;
    struct echonet_frame frame;
    assert_int_equal(echonet_decode(bytes, len, &frame), 0);
    b->sent++;
    bool multicast = !to;
    if (multicast) {
        note_frame(&frame, b->multicast, &b->multicast_len, sizeof(b->multicast));
        struct echonet_address we = echonet_address_v4(0x0A000001u);
        engine_receive(&b->engine, &we, bytes, len); /* as Linux does */
    }
    if (multicast || (frame.esv != ESV_GET && frame.esv != ESV_SETC)) {
        memcpy(b->last, bytes, len);
        b->last_len = len;
    }
    if (frame.esv != ESV_GET && frame.esv != ESV_SETC)
        return;
    if (!multicast)
        note_frame(&frame, b->asked, &b->asked_len, sizeof(b->asked));
    for (size_t i = 0; i < EBENCH_NODES; i++) {
        struct ebench_node *node = &b->nodes[i];
        if (!node->present || (!multicast && !is_at(node, to)))
            continue;
        if (!multicast && node->open++ > 0)
            ASKED(b, "!");
        serve(b, node, &frame, !multicast);
    }
}

void ebench_add_node(struct ebench *b, int index, uint32_t address)
{
    static const uint8_t listed[] = { 0x80, 0x9F, 0xC7, 0xC8, 0xCD, 0xD3, 0xDA, 0xE6 };
    struct ebench_node *node = &b->nodes[index];
    *node = (struct ebench_node){ .present = true, .address = address };
    memcpy(node->id, "\xFE\x01\x02\x03unique-number", NODE_ID_SIZE);
    node->id[16] = (uint8_t)('0' + index);
    node->properties[0xDA].len = node->properties[0xC7].len = 1;
    node->properties[0xDA].edt[0] = 0x44;
    node->properties[0xC7].edt[0] = 0x30;
    node->properties[0xD3].len = 4;
    node->properties[0xC8].len = 8;
    memcpy(node->properties[0xC8].edt, "\x00\x00\x03\xE8\x00\x00\x17\x70", 8);
    node->properties[0xE6].len = 3;
    memcpy(node->properties[0xE6].edt,
           "\x02"
           "AB",
           3);
    ebench_set_map(node, listed, sizeof(listed));
}

void ebench_set_map(struct ebench_node *node, const uint8_t *epcs, size_t count)
{
    struct property_map map = { 0 };
    for (size_t i = 0; i < count; i++)
        property_map_add(&map, epcs[i]);
    node->map_len = property_map_encode(&map, node->map);
}

void ebench_set(struct ebench_property *property, const char *hex)
{
    int len = hex_decode(hex, property->edt, sizeof(property->edt));
    assert_true(len >= 0);
    property->len = (uint8_t)len;
}

/* ---- time ---- */

static void deliver(struct ebench *b)
{
    for (size_t i = 0; i < b->flying_count;) {
        if (b->flying[i].at_ms > b->now_ms) {
            i++;
            continue;
        }
        uint8_t bytes[ECHONET_MAX_FRAME];
        size_t len = b->flying[i].len;
        struct echonet_address from = b->flying[i].from;
        memcpy(bytes, b->flying[i].bytes, len);
        for (size_t n = 0; n < EBENCH_NODES; n++)
            if (b->flying[i].closes && is_at(&b->nodes[n], &from))
                b->nodes[n].open = 0;
        memmove(b->flying + i, b->flying + i + 1, (--b->flying_count - i) * sizeof(b->flying[0]));
        engine_receive(&b->engine, &from, bytes, len);
        i = 0;
    }
}

void ebench_run(struct ebench *b, int64_t ms)
{
    for (int64_t end_ms = b->now_ms + ms; b->now_ms < end_ms;) {
        int64_t next_ms = timers_next_ms(&b->timers);
        next_ms = next_ms < 0 || next_ms > end_ms ? end_ms : next_ms;
        for (size_t i = 0; i < b->flying_count; i++)
            if (b->flying[i].at_ms < next_ms)
                next_ms = b->flying[i].at_ms;
        if (next_ms > b->now_ms)
            b->now_ms = next_ms;
        deliver(b);
        int64_t before = timers_next_ms(&b->timers);
        if (before >= 0 && before <= b->now_ms) {
            for (size_t i = 0; i < EBENCH_NODES; i++)
                if (b->nodes[i].mute != ANSWERS || b->nodes[i].mute_epc || b->nodes[i].drop_above ||
                    b->nodes[i].delay_ms)
                    b->nodes[i].open = 0; /* a time-out ended it */
        }
        timers_run(&b->timers, b->now_ms);
    }
}

static void receive(struct ebench *b, const struct echonet_address *from, const char *hex)
{
    uint8_t bytes[ECHONET_MAX_FRAME];
    int len = hex_decode(hex, bytes, sizeof(bytes));
    assert_true(len >= 0);
    engine_receive(&b->engine, from, bytes, (size_t)len);
}

void ebench_receive(struct ebench *b, uint32_t address, const char *hex)
{
    struct echonet_address from = address_of(address, false);
    receive(b, &from, hex);
}

void ebench_receive_ipv6(struct ebench *b, uint32_t address, const char *hex)
{
    struct echonet_address from = address_of(address, true);
    receive(b, &from, hex);
}

/* ---- charger ---- */

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    char hex[2 * POINT_MAX_RAW + 1];
    hex_encode(raw, len, hex, sizeof(hex));
    HEARD(*(struct ebench **)ctx, "%s=%s ", point->name, hex);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    HEARD(*(struct ebench **)ctx, "%s!%d ", point->name, -err);
}

static void on_batch(void *ctx)
{
    (*(struct ebench **)ctx)->batches++;
}

static void on_online(void *ctx, bool online, int err)
{
    if (online)
        HEARD(*(struct ebench **)ctx, "online ");
    else
        HEARD(*(struct ebench **)ctx, "offline:%d ", -err);
}

static void on_done(void *ctx, int err)
{
    HEARD(*(struct ebench **)ctx, "done:%d ", -err);
}

struct device *ebench_device(struct ebench *b, int index, const char *host, const uint8_t *id,
                             uint8_t instance)
{
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, NULL };
    struct echonet_target target = { .instance = instance };
    if (host)
        (void)str_copy(target.host, sizeof(target.host), host);
    if (id)
        memcpy(target.node_id, id, NODE_ID_SIZE);
    b->self[index] = b;
    b->devices[index] =
        engine_device_new(&b->engine, &target, &b->profile, &b->options, &events, &b->self[index]);
    assert_non_null(b->devices[index]);
    return b->devices[index];
}

const struct point *ebench_point(struct ebench *b, const char *name)
{
    for (size_t i = 0; i < b->profile.point_count; i++)
        if (str_equal(b->points[i].name, name))
            return &b->points[i];
    fail_msg("no point %s", name);
    return NULL;
}

int ebench_write(struct ebench *b, int index, const char *name, uint8_t value)
{
    return echonet_device_ops.write(b->devices[index], ebench_point(b, name), &value, 1, on_done,
                                    &b->self[index]);
}

int ebench_read(struct ebench *b, int index, const char *name)
{
    return echonet_device_ops.read(b->devices[index], ebench_point(b, name), on_done, &b->self[index]);
}

void ebench_clear(struct ebench *b)
{
    b->asked_len = b->heard_len = b->multicast_len = 0;
    b->asked[0] = b->heard[0] = b->multicast[0] = '\0';
    b->batches = 0;
    b->sent = 0;
    b->last_len = 0;
}

int ebench_times(const char *text, const char *word)
{
    int times = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        times++;
    return times;
}

/* ---- life ---- */

int ebench_setup(void **state)
{
    static const uint8_t node_id[NODE_ID_SIZE] = { 0xFE, 0x00, 0x00, 0x77, 'g', 'w' };
    static const struct point points[] = {
        { .name = "mode",
          .type = POINT_U8,
          .access = ACCESS_RW,
          .at.echonet.epc = 0xDA,
          .raw_size = 1,
          .every_ms = 5000 },
        { .name = "plug",
          .type = POINT_U8,
          .access = ACCESS_R,
          .at.echonet.epc = 0xC7,
          .raw_size = 1,
          .every_ms = 5000 },
        { .name = "power",
          .type = POINT_U32,
          .access = ACCESS_R,
          .at.echonet.epc = 0xD3,
          .raw_size = 4,
          .every_ms = 5000 },
        { .name = "low",
          .type = POINT_U32,
          .access = ACCESS_R,
          .at.echonet.epc = 0xC8,
          .raw_size = 4,
          .every_ms = 60000 },
        { .name = "high",
          .type = POINT_U32,
          .access = ACCESS_R,
          .at.echonet = { .epc = 0xC8, .offset = 4 },
          .raw_size = 4 },
        { .name = "tag", .type = POINT_BYTES, .access = ACCESS_R, .at.echonet.epc = 0xE6, .every_ms = 5000 },
        { .name = "look", .type = POINT_U8, .access = ACCESS_W, .at.echonet.epc = 0xCD, .raw_size = 1 },
        { .name = "power_all",
          .type = POINT_BYTES,
          .access = ACCESS_R,
          .at.echonet.epc = 0xD3,
          .every_ms = 10000 },
    };
    struct ebench *b = calloc(1, sizeof(*b));
    if (!b)
        return -1;
    log_set_level(LOG_ECHONET, LOG_ERROR);
    b->now_ms = 1000000;
    b->random_state = 1;
    timers_init(&b->timers);
    b->env = (struct env){ b, now, now, chance, &b->timers };
    memcpy(b->points, points, sizeof(points));
    b->options = (struct echonet_options){
        .class_group = 2, .class_code = 0xA1, .batch = 4, .timeout_ms = 1000, .pause_ms = 100, .retries = 2
    };
    b->profile = (struct profile){ .points = b->points,
                                   .point_count = ARRAY_SIZE(points),
                                   .echonet = b->options,
                                   .protocol = PROTOCOL_ECHONET };
    ebench_add_node(b, 0, EBENCH_FIRST);
    engine_init(&b->engine, &b->env, node_id, on_send, b);
    *state = b;
    return 0;
}

int ebench_teardown(void **state)
{
    struct ebench *b = *state;
    for (size_t i = 0; i < EBENCH_DEVICES; i++)
        echonet_device_ops.free(b->devices[i]);
    engine_done(&b->engine);
    free(b);
    return 0;
}
