/* ECHONET Lite from outside: a datagram of frames one after the other (a length byte before each) for an engine with a device,
 * in virtual time. Nothing may crash, answers stay bounded, and what could be decoded comes back unchanged from its encoding. */
#include <assert.h>

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
};

static int64_t now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static void chance(void *ctx, void *ret, size_t len)
{
    memset(ret, (int)(((struct world *)ctx)->chance += 37), len);
}

static void on_send(void *ctx, uint32_t address, const uint8_t *bytes, size_t len)
{
    struct world *w = ctx;
    (void)address;
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
    (void)ctx;
    (void)err;
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
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online };
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
    };
    struct profile profile = { .points = points,
                               .point_count = 5,
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
    struct device *device = engine_device_new(&engine, &target, &profile, &options, &events, NULL);
    assert(device);

    for (size_t at = 0; at < len;) {
        size_t n = bytes[at++];
        n = n < len - at ? n : len - at;
        uint8_t frame[256];
        memcpy(frame, bytes + at, n);
        round_trip(frame, n);
        if (n > 4 && frame[2] == 0xFF) { /* the TID of the latest request: hard to guess */
            frame[2] = (uint8_t)(w.tid >> 8);
            frame[3] = (uint8_t)w.tid;
        }
        if (n == 1)
            (void)echonet_device_ops.write(device, &points[0], frame, 1, on_done, NULL);
        w.sent = 0;
        engine_receive(&engine, PEER + (n == 13), frame, n);
        assert(w.sent <= 2);
        at += n;
        w.now_ms += 60;
        timers_run(&w.timers, w.now_ms);
    }
    echonet_device_ops.free(device);
    engine_done(&engine);
    return 0;
}
