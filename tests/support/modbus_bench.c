#include "tests/support/modbus_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

/* ---- the peer ---- */

static void peer_send(struct mbench *b, const uint8_t *bytes, size_t len)
{
    if (b->peer)
        assert_int_equal(stream_write(b->peer, bytes, len), 0);
}

void mbench_send_late(struct mbench *b)
{
    peer_send(b, b->kept, b->kept_len);
    b->kept_len = 0;
}

static bool touches_hole(const struct mbench *b, uint16_t address, uint16_t count)
{
    return b->hole >= address && b->hole < address + count;
}

static void serve(struct mbench *b, const struct modbus_request *request, struct modbus_response *ret)
{
    bool bits = request->function == MODBUS_READ_COILS || request->function == MODBUS_READ_DISCRETE ||
                request->function == MODBUS_WRITE_COIL || request->function == MODBUS_WRITE_COILS;
    *ret = (struct modbus_response){ .function = request->function,
                                     .address = request->address,
                                     .count = request->count,
                                     .and_mask = request->and_mask,
                                     .or_mask = request->or_mask,
                                     .data = request->data,
                                     .data_len = request->data_len };
    if (request->address + request->count > 64 || touches_hole(b, request->address, request->count)) {
        ret->exception = MODBUS_ILLEGAL_ADDRESS;
        return;
    }
    uint8_t *memory = bits ? b->coils : b->registers + 2 * request->address;
    if (request->function == MODBUS_MASK_WRITE) {
        uint16_t old = (uint16_t)(memory[0] << 8 | memory[1]);
        uint16_t value = (uint16_t)((old & request->and_mask) | (request->or_mask & ~request->and_mask));
        memory[0] = (uint8_t)(value >> 8);
        memory[1] = (uint8_t)value;
    } else if (request->data && bits) {
        for (unsigned i = 0; i < request->count; i++) {
            unsigned at = request->address + i, bit = request->data[i / 8] >> i % 8 & 1;
            memory[at / 8] = (uint8_t)((memory[at / 8] & ~(1u << at % 8)) | bit << at % 8);
        }
    } else if (request->data) {
        memcpy(memory, request->data, request->data_len);
    }
    if (request->function <= MODBUS_READ_INPUT || request->function == MODBUS_READ_WRITE) {
        ret->data = memory; /* bits: only read from address 0 here */
        ret->data_len = bits ? (request->count + 7u) / 8 : 2u * request->count;
    }
}

static bool is_tricked(struct mbench *b, uint8_t unit)
{
    if (b->trick_times == 0 || (b->trick_unit >= 0 && b->trick_unit != unit))
        return false;
    if (b->trick_times > 0)
        b->trick_times--;
    return true;
}

static void answer(struct mbench *b, const struct modbus_frame *frame, const struct modbus_request *request)
{
    enum mbench_trick trick = is_tricked(b, frame->unit) ? b->trick : TRICK_NONE;
    struct modbus_response response;
    uint8_t pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    serve(b, request, &response);
    if (trick == TRICK_WRONG_FUNCTION)
        response = (struct modbus_response){ .function = MODBUS_WRITE_COILS, .count = 1 };
    if (trick == TRICK_EXCEPTION)
        response.exception = b->exception;
    int pdu_len = modbus_encode_response(&response, pdu, sizeof(pdu));
    assert_true(pdu_len > 0);
    struct modbus_frame reply = { frame->transaction, frame->unit, pdu, (size_t)pdu_len };
    if (trick == TRICK_WRONG_UNIT)
        reply.unit++;
    int len = modbus_encode_frame(b->settings.framing, &reply, bytes, sizeof(bytes));
    assert_true(len > 0);

    switch (trick) {
    case TRICK_MUTE:
        return;
    case TRICK_LATE:
        memcpy(b->kept, bytes, (size_t)len);
        b->kept_len = (size_t)len;
        return;
    case TRICK_WRONG_CHECKSUM:
        bytes[b->settings.framing == MODBUS_ASCII ? len - 3 : len - 1] ^= 1;
        break;
    case TRICK_NOISE:
        peer_send(b, (const uint8_t[]){ frame->unit, 3, 0xF0 }, 3);
        break;
    case TRICK_GARBAGE:
        peer_send(b, (const uint8_t *)"HTTP/1.1 400 Bad Request", 24);
        return;
    case TRICK_HANG_UP:
        stream_free(STEAL(b->peer));
        return;
    default:
        break;
    }
    if (b->kept_len > 0)
        mbench_send_late(b);
    peer_send(b, bytes, (size_t)len);
}

static void on_peer_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct mbench *b = ctx;
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    while (b->peer && modbus_receive(&b->receiver, &input, &frame) > 0) {
        struct modbus_request request;
        assert_int_equal(modbus_decode_request(frame.pdu, frame.pdu_len, &request), 0);
        if (b->requests_len < sizeof(b->requests) - 32)
            b->requests_len += (size_t)snprintf(b->requests + b->requests_len,
                                                sizeof(b->requests) - b->requests_len, "%d.%d:%d+%d ",
                                                frame.unit, request.function, request.address, request.count);
        answer(b, &frame, &request);
    }
}

static void on_peer_close(void *ctx, int err)
{
    (void)err;
    struct mbench *b = ctx;
    stream_free(STEAL(b->peer));
}

static void on_connection(void *ctx, struct listener *listener)
{
    static const struct stream_events events = { NULL, on_peer_data, on_peer_close };
    struct mbench *b = ctx;
    stream_free(b->peer);
    b->connections++;
    b->peer = stream_accept(listener, &events, b);
    modbus_receiver_init(&b->receiver, b->settings.framing, true);
}

/* ---- the charger ---- */

static void hear(struct mbench **self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void hear(struct mbench **self, const char *format, ...)
{
    struct mbench *b = *self;
    size_t i = (size_t)(self - b->self);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(b->heard[i] + b->heard_len[i], sizeof(b->heard[i]) - b->heard_len[i], format, args);
    va_end(args);
    if (b->heard_len[i] + (size_t)len < sizeof(b->heard[i]))
        b->heard_len[i] += (size_t)len;
}

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    char hex[64];
    hex_encode(raw, len, hex, sizeof(hex));
    hear(ctx, "%s=%s ", point->name, hex);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    hear(ctx, "%s:none(%d) ", point->name, -err);
}

static void on_batch(void *ctx)
{
    struct mbench **self = ctx;
    (*self)->batches[self - (*self)->self]++;
    hear(ctx, "| ");
}

static void on_online(void *ctx, bool online, int err)
{
    hear(ctx, online ? "online " : "offline(%d) ", -err);
}

static void on_done(void *ctx, int err)
{
    hear(ctx, "done(%d) ", -err);
}

static const struct device_events events = { on_value, on_no_value, on_batch, on_online, NULL };

bool mbench_has_heard(const struct mbench *b, int device, const char *text)
{
    return strstr(b->heard[device], text) != NULL;
}

int mbench_times(const struct mbench *b, const char *request)
{
    int count = 0;
    for (const char *at = b->requests; (at = strstr(at, request)); at++)
        count++;
    return count;
}

void mbench_forget(struct mbench *b)
{
    memset(b->heard, 0, sizeof(b->heard));
    memset(b->heard_len, 0, sizeof(b->heard_len));
    memset(b->requests, 0, sizeof(b->requests));
    memset(b->batches, 0, sizeof(b->batches));
    b->requests_len = 0;
}

/* ---- the frame around both ---- */

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

int64_t mbench_now_ms(struct mbench *b)
{
    return env_now_ms(&b->loop.env);
}

void mbench_run(struct mbench *b, int device, const char *text, int64_t ms)
{
    uv_timer_t tick;
    uv_timer_init(&b->loop.uv, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    int64_t end_ms = mbench_now_ms(b) + ms;
    while (mbench_now_ms(b) < end_ms && !(text && mbench_has_heard(b, device, text)))
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    if (text && !mbench_has_heard(b, device, text))
        fail_msg("not heard: '%s' in '%s'; requests: %s", text, b->heard[device], b->requests);
}

void mbench_await(struct mbench *b, const char *text)
{
    mbench_run(b, 0, text, MBENCH_PATIENCE_MS);
}

struct point *mbench_add_point(struct mbench *b, const char *name, enum modbus_kind kind, uint16_t address,
                               uint16_t count, int64_t every_ms)
{
    struct point *point = &b->points[b->profile.point_count];
    str_copy(point->name, sizeof(point->name), name);
    point->index = (uint16_t)b->profile.point_count++;
    point->access = ACCESS_RW;
    point->at.modbus.kind = kind;
    point->at.modbus.address = address;
    point->at.modbus.count = count;
    point->every_ms = every_ms;
    return point;
}

void mbench_listen(struct mbench *b, uint16_t port)
{
    assert_int_equal(listener_new(&b->loop, "127.0.0.1", port, on_connection, b, &b->listener), 0);
}

struct mbench *mbench_new(enum modbus_framing framing)
{
    struct mbench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    assert_int_equal(loop_init(&b->loop), 0);
    mbench_listen(b, 0);
    b->settings = (struct modbus_bus_settings){ .name = "test",
                                                .framing = framing,
                                                .host = "127.0.0.1",
                                                .connect_timeout_ms = 1000,
                                                .reconnect_after_ms = 50 };
    b->settings.port = listener_port(b->listener);
    b->options = (struct modbus_options){ .max_words = 60, .max_gap = 4, .timeout_ms = MBENCH_TIMEOUT_MS };
    b->profile.points = b->points;
    b->hole = -1;
    b->trick_unit = -1;
    for (size_t i = 0; i < sizeof(b->registers); i++)
        b->registers[i] = (uint8_t)(i & 1 ? i / 2 : 0);
    return b;
}

void mbench_join(struct mbench *b, int device)
{
    b->self[device] = b;
    b->devices[device] =
        modbus_device_new(b->bus, device + 1, &b->profile, &b->options, &events, &b->self[device]);
    assert_non_null(b->devices[device]);
}

void mbench_start(struct mbench *b, int devices)
{
    b->bus = modbus_bus_new(&b->loop, &b->settings);
    assert_non_null(b->bus);
    for (int i = 0; i < devices; i++)
        mbench_join(b, i);
}

void mbench_free(struct mbench *b)
{
    for (int i = 0; i < MBENCH_UNITS; i++) {
        if (b->devices[i])
            modbus_device_ops.free(b->devices[i]);
    }
    modbus_bus_free(b->bus);
    stream_free(b->peer);
    listener_free(b->listener);
    loop_done(&b->loop);
    free(b);
}

struct mbench *mbench_online(enum modbus_framing framing)
{
    struct mbench *b = mbench_new(framing);
    mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    mbench_add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
    mbench_start(b, 1);
    mbench_await(b, "online state=000A | ");
    mbench_forget(b);
    return b;
}

int mbench_read(struct mbench *b, int device, const struct point *point)
{
    return modbus_device_ops.read(b->devices[device], point, on_done, &b->self[device]);
}

int mbench_write(struct mbench *b, int device, const struct point *point, const char *hex)
{
    uint8_t raw[POINT_MAX_RAW];
    int len = hex_decode(hex, raw, sizeof(raw));
    assert_true(len > 0);
    return modbus_device_ops.write(b->devices[device], point, raw, (size_t)len, on_done, &b->self[device]);
}

void mbench_play(struct mbench *b, enum mbench_trick trick, int times)
{
    b->trick = trick;
    b->trick_times = times;
}
