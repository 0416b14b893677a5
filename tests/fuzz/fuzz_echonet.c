/* ECHONET Lite from outside: a datagram of frames one after the other (a length byte before each) for an engine with three devices
 * (two instances on one node, one with another object beside it, and one known by its id only), in virtual time. The length also says
 * from where the frame comes, and what the charger does meanwhile. Nothing may crash, answers stay bounded, whoever asked is called
 * back, and what could be decoded comes back unchanged from its encoding. */
#include <assert.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "driver/echonet/engine.h"

#define PEER 0x7F000002u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct world {
    struct env env;
    struct timers timers;
    int64_t now_ms;
    size_t sent;
    uint8_t chance;
    uint16_t tid;
    int asked, told; /* by the charger, to it */
};

static int64_t now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static void chance(void *ctx, void *ret, size_t len)
{
    memset(ret, (int)(((struct world *)ctx)->chance += 37), len);
}

static void on_send(void *ctx, const struct echonet_address *to, const uint8_t *bytes, size_t len)
{
    struct world *w = ctx;
    (void)to;
    assert(len >= 12 && len <= ECHONET_MAX_FRAME);
    w->tid = (uint16_t)(bytes[2] << 8 | bytes[3]);
    w->sent++;
}

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    (void)ctx;
    assert(len > 0 && len < POINT_MAX_RAW && (!point->raw_size || len <= point->raw_size));
    assert(raw[0] + raw[len - 1] >= 0); /* readable */
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    (void)ctx;
    assert(point && err < 0);
}

static void on_batch(void *ctx)
{
    (void)ctx;
}

static void on_online(void *ctx, bool online, int err)
{
    (void)ctx;
    assert(online == (err == 0));
}

static void on_done(void *ctx, int err)
{
    (void)err;
    ((struct world *)ctx)->told++;
}

static void on_found(void *ctx, const struct echonet_found *found)
{
    (void)ctx;
    assert(found->host[0] && (!found->node_id || found->node_id_len > 0) &&
           found->instance_count <= ECHONET_MAX_INSTANCES);
}

/* What the charger does by itself, whatever the device sends. */
static void act(struct world *w, struct device *device, const struct point *points, size_t n, uint8_t value)
{
    if (n % 7 == 1)
        w->asked +=
            echonet_device_ops.write(device, &points[n % 14 == 1 ? 0 : 5], &value, 1, on_done, w) == 0;
    if (n % 7 == 2)
        w->asked += echonet_device_ops.read(device, &points[n % 14 == 2 ? 1 : 4], on_done, w) == 0;
}

static void copy_list(struct echonet_list list, struct echonet_writer *w)
{
    struct echonet_entry e;
    while (echonet_next(&list, &e))
        echonet_add(w, e.epc, e.edt, e.pdc);
}

static void round_trip(const uint8_t *bytes, size_t len)
{
    struct echonet_frame frame;
    uint8_t again[512];
    struct echonet_writer w;
    if (echonet_decode(bytes, len, &frame) < 0)
        return;
    echonet_begin(&w, again, sizeof(again), &frame);
    copy_list(frame.list, &w);
    if (frame.esv == ESV_SETGET || frame.esv == ESV_SETGET_RES || frame.esv == ESV_SETGET_SNA) {
        echonet_next_list(&w);
        copy_list(frame.get, &w);
    }
    size_t common = w.len < len ? w.len : len;
    assert(echonet_end(&w) > 0 && memcmp(again, bytes, common) == 0);
    struct property_map map;
    (void)property_map_decode(bytes, len, &map);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint8_t node_id[17] = { 0xFE, 1, 2, 3 };
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, NULL };
    struct point points[] = {
        { .name = "mode",
          .type = POINT_U8,
          .access = ACCESS_RW,
          .at.echonet.epc = 0xDA,
          .raw_size = 1,
          .every_ms = 1000 },
        { .name = "plug",
          .type = POINT_U8,
          .access = ACCESS_R,
          .at.echonet.epc = 0xC7,
          .raw_size = 1,
          .every_ms = 500 },
        { .name = "low",
          .type = POINT_U32,
          .access = ACCESS_R,
          .at.echonet.epc = 0xC8,
          .raw_size = 4,
          .every_ms = 500 },
        { .name = "high",
          .type = POINT_U32,
          .access = ACCESS_R,
          .at.echonet = { .epc = 0xC8, .offset = 4 },
          .raw_size = 4 },
        { .name = "tag", .type = POINT_BYTES, .access = ACCESS_R, .at.echonet.epc = 0xE6, .every_ms = 2000 },
        { .name = "look", .type = POINT_U8, .access = ACCESS_W, .at.echonet.epc = 0xCD, .raw_size = 1 },
        { .name = "meter",
          .type = POINT_U32,
          .access = ACCESS_R,
          .at.echonet = { .class_group = 2, .class_code = 0x8D, .epc = 0xE7 },
          .raw_size = 4,
          .every_ms = 3000 },
    };
    struct profile profile = { .points = points,
                               .point_count = ARRAY_SIZE(points),
                               .echonet = { .class_group = 2, .class_code = 0xA1 } };
    struct echonet_options options = {
        .class_group = 2, .class_code = 0xA1, .batch = 4, .timeout_ms = 100, .retries = 1
    };
    struct world w = { .now_ms = 1000 };
    struct engine engine;
    log_set_level(LOG_ECHONET, LOG_ERROR);
    timers_init(&w.timers);
    w.env = (struct env){ &w, now, now, chance, &w.timers };
    engine_init(&engine, &w.env, node_id, on_send, &w);
    engine_start(&engine);
    struct echonet_target target = { .host = "127.0.0.2", .instance = 1 };
    if (len > 0 && bytes[0] & 1)
        target.node_id[0] = 0xFE;
    struct echonet_target beside = { .host = "127.0.0.2", .instance = 2 };
    struct echonet_target sought = { .instance = 1, .node_id = { 0xFE, 7 } };
    struct device *devices[] = {
        engine_device_new(&engine, &target, &profile, &options, &events, &w),
        engine_device_new(&engine, &beside, &profile, &options, &events, &w),
        engine_device_new(&engine, &sought, &profile, &options, &events, &w),
    };
    engine_discover(&engine, on_found, &w);

    for (size_t at = 0; at < len;) {
        size_t n = bytes[at++], asked = n;
        n = n < len - at ? n : len - at;
        uint8_t frame[256];
        memcpy(frame, bytes + at, n);
        round_trip(frame, n);
        if (n > 4 && frame[2] == 0xFF) { /* the TID of the latest request: hard to guess */
            frame[2] = (uint8_t)(w.tid >> 8);
            frame[3] = (uint8_t)w.tid;
        }
        act(&w, devices[asked % ARRAY_SIZE(devices)], points, asked, n > 0 ? frame[0] : 0);
        w.sent = 0;
        struct echonet_address from = echonet_address_v4(PEER + (asked == 13));
        if (asked == 21) /* IPv6 */
            (void)echonet_address_parse("fe80::2", &from);
        engine_receive(&engine, &from, frame, n);
        assert(w.sent <= 2);
        at += n;
        w.now_ms += asked == 255 ? 700000 : 60;
        timers_run(&w.timers, w.now_ms);
    }
    for (int i = 0; i < 200; i++) { /* long enough for every time-out */
        w.now_ms += 1000;
        timers_run(&w.timers, w.now_ms);
    }
    assert(w.told == w.asked);
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
        echonet_device_ops.free(devices[i]);
    engine_done(&engine);
    return 0;
}
