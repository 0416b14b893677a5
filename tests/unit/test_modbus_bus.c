/* The bus against a scripted peer over the loopback: what leaves, in which order, and what the charger hears when the peer is
 * late, wrong, silent or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "driver/driver.h"

#define TIMEOUT_MS  60
#define PATIENCE_MS 5000
#define UNITS       2

/* How the peer misbehaves with the next `times` requests to `unit` (-1: any). */
enum trick {
    TRICK_NONE,
    TRICK_MUTE,
    TRICK_LATE,       /* after the time-out, together with the next answer */
    TRICK_WRONG_UNIT, /* the answer names another unit */
    TRICK_WRONG_CHECKSUM,
    TRICK_NOISE, /* bytes before the answer that look like the head of a long frame */
    TRICK_WRONG_FUNCTION,
    TRICK_GARBAGE,
    TRICK_HANG_UP,
    TRICK_EXCEPTION,
};

struct bench {
    struct loop loop;
    struct listener *listener;
    struct stream *peer;
    struct modbus_receiver receiver;
    enum trick trick;
    int trick_times, trick_unit;
    uint8_t exception;
    int hole; /* register that gives exception 2; -1: none */
    uint8_t kept[MODBUS_MAX_FRAME];
    size_t kept_len;
    uint8_t registers[2 * 64];
    uint8_t coils[8];
    char requests[4096]; /* "unit.function:address+count " each */
    size_t requests_len;

    struct modbus_bus_settings settings;
    struct modbus_options options;
    struct point points[8];
    struct profile profile;
    struct modbus_bus *bus;
    struct device *devices[UNITS];
    char heard[UNITS][2048]; /* what the charger heard, a word each */
    size_t heard_len[UNITS];
    int batches[UNITS];
    struct bench *self[UNITS]; /* ctx of device i is &self[i] */
};

/* ---- the peer ---- */

static void peer_send(struct bench *b, const uint8_t *bytes, size_t len)
{
    if (b->peer)
        assert_int_equal(stream_write(b->peer, bytes, len), 0);
}

static bool touches_hole(const struct bench *b, uint16_t address, uint16_t count)
{
    return b->hole >= address && b->hole < address + count;
}

static void serve(struct bench *b, const struct modbus_request *request, struct modbus_response *ret)
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

static bool is_tricked(struct bench *b, uint8_t unit)
{
    if (b->trick_times == 0 || (b->trick_unit >= 0 && b->trick_unit != unit))
        return false;
    if (b->trick_times > 0)
        b->trick_times--;
    return true;
}

static void answer(struct bench *b, const struct modbus_frame *frame, const struct modbus_request *request)
{
    enum trick trick = is_tricked(b, frame->unit) ? b->trick : TRICK_NONE;
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
    if (b->kept_len > 0) {
        peer_send(b, b->kept, b->kept_len);
        b->kept_len = 0;
    }
    peer_send(b, bytes, (size_t)len);
}

static void on_peer_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct bench *b = ctx;
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
    struct bench *b = ctx;
    stream_free(STEAL(b->peer));
}

static void on_connection(void *ctx, struct listener *listener)
{
    static const struct stream_events events = { NULL, on_peer_data, on_peer_close };
    struct bench *b = ctx;
    stream_free(b->peer);
    b->peer = stream_accept(listener, &events, b);
    modbus_receiver_init(&b->receiver, b->settings.framing, true);
}

/* ---- the charger ---- */

static void hear(struct bench **self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void hear(struct bench **self, const char *format, ...)
{
    struct bench *b = *self;
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
    struct bench **self = ctx;
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

static const struct device_events events = { on_value, on_no_value, on_batch, on_online };

static bool has_heard(const struct bench *b, int device, const char *text)
{
    return strstr(b->heard[device], text) != NULL;
}

static void forget(struct bench *b)
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

static int64_t now_ms(struct bench *b)
{
    return env_now_ms(&b->loop.env);
}

/* Turns the loop until the device heard `text`, or for `ms` if it is NULL. */
static void run(struct bench *b, int device, const char *text, int64_t ms)
{
    uv_timer_t tick;
    uv_timer_init(&b->loop.uv, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    int64_t end_ms = now_ms(b) + ms;
    while (now_ms(b) < end_ms && !(text && has_heard(b, device, text)))
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&b->loop.uv, UV_RUN_NOWAIT);
    if (text && !has_heard(b, device, text))
        fail_msg("not heard: '%s' in '%s'; requests: %s", text, b->heard[device], b->requests);
}

static void await(struct bench *b, const char *text)
{
    run(b, 0, text, PATIENCE_MS);
}

static struct point *add_point(struct bench *b, const char *name, enum modbus_kind kind, uint16_t address,
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

static struct bench *bench_new(enum modbus_framing framing)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(listener_new(&b->loop, "127.0.0.1", 0, on_connection, b, &b->listener), 0);
    b->settings = (struct modbus_bus_settings){ .name = "test",
                                                .framing = framing,
                                                .host = "127.0.0.1",
                                                .connect_timeout_ms = 1000,
                                                .reconnect_after_ms = 50 };
    b->settings.port = listener_port(b->listener);
    b->options = (struct modbus_options){ .max_words = 60, .max_gap = 4, .timeout_ms = TIMEOUT_MS };
    b->profile.points = b->points;
    b->hole = -1;
    b->trick_unit = -1;
    for (size_t i = 0; i < sizeof(b->registers); i++)
        b->registers[i] = (uint8_t)(i & 1 ? i / 2 : 0);
    return b;
}

static void start(struct bench *b, int devices)
{
    b->bus = modbus_bus_new(&b->loop, &b->settings);
    assert_non_null(b->bus);
    for (int i = 0; i < devices; i++) {
        b->self[i] = b;
        b->devices[i] = modbus_device_new(b->bus, i + 1, &b->profile, &b->options, &events, &b->self[i]);
        assert_non_null(b->devices[i]);
    }
}

static void bench_free(struct bench *b)
{
    for (int i = 0; i < UNITS; i++) {
        if (b->devices[i])
            modbus_device_ops.free(b->devices[i]);
    }
    modbus_bus_free(b->bus);
    stream_free(b->peer);
    listener_free(b->listener);
    loop_done(&b->loop);
    free(b);
}

/* One device with one point polled each 20 ms, online. */
static struct bench *bench_online(enum modbus_framing framing)
{
    struct bench *b = bench_new(framing);
    add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
    start(b, 1);
    await(b, "online state=000A | ");
    forget(b);
    return b;
}

static int write_point(struct bench *b, int device, const struct point *point, const char *hex)
{
    uint8_t raw[POINT_MAX_RAW];
    int len = hex_decode(hex, raw, sizeof(raw));
    assert_true(len > 0);
    return modbus_device_ops.write(b->devices[device], point, raw, (size_t)len, on_done, &b->self[device]);
}

static void play(struct bench *b, enum trick trick, int times)
{
    b->trick = trick;
    b->trick_times = times;
}

/* ---- tests ---- */

static void polled_values_arrive_in_batches(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct bench *b = bench_new(framing);
        add_point(b, "a", MODBUS_HOLDING, 10, 1, 30);
        add_point(b, "b", MODBUS_HOLDING, 12, 2, 30);
        b->coils[0] = 0xA5;
        b->coils[1] = 0x03;
        add_point(b, "c", MODBUS_COIL, 0, 3, 30);
        add_point(b, "d", MODBUS_COIL, 2, 8, 30);
        start(b, 1);
        await(b, "online c=05 d=E9 | a=000A b=000C000D | ");
        assert_true(str_starts(b->requests, "1.1:0+10 1.3:10+4 "));
        assert_int_equal(modbus_bus_counters(b->bus)->bad_frames, 0);
        bench_free(b);
    }
}

static void a_write_leaves_at_once_and_before_polls(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_TCP);
    for (int i = 0; i < 6; i++)
        add_point(b, "p", MODBUS_HOLDING, (uint16_t)(8 * i), 1, 1000);
    b->points[0].at.modbus.count = 1;
    start(b, 1);
    await(b, "online ");
    /* Five polls are due; the write was asked for last. */
    forget(b);
    assert_int_equal(write_point(b, 0, &b->points[1], "1234"), 0);
    await(b, "done(0) ");
    const char *write = strstr(b->requests, "1.6:8+1 ");
    assert_non_null(write);
    assert_true(write - b->requests <= 8); /* at most the one poll that was on the wire */

    run(b, 0, NULL, 50);
    uint64_t before = modbus_bus_counters(b->bus)->requests;
    assert_int_equal(write_point(b, 0, &b->points[1], "0008"), 0);
    assert_int_equal(modbus_bus_counters(b->bus)->requests, before + 1); /* no turn of the loop between */
    bench_free(b);
}

static void the_function_code_follows_profile_and_point(void **state)
{
    (void)state;
    static const struct {
        enum modbus_kind kind;
        uint16_t count;
        uint8_t point_function;
        int option;
        const char *raw, *requests;
    } rows[] = {
        { MODBUS_HOLDING, 1, 0, 0, "1234", "1.6:0+1 " },
        { MODBUS_HOLDING, 2, 0, 0, "12345678", "1.16:0+2 " },
        { MODBUS_HOLDING, 1, 0, 16, "1234", "1.16:0+1 " },
        { MODBUS_HOLDING, 2, 0, 6, "12345678", "1.6:0+1 1.6:1+1 " },
        { MODBUS_HOLDING, 1, 16, 6, "1234", "1.16:0+1 " },
        { MODBUS_HOLDING, 1, 6, 16, "1234", "1.6:0+1 " },
        { MODBUS_HOLDING, 1, 22, 0, "1234", "1.22:0+1 " },
        { MODBUS_HOLDING, 2, 23, 0, "12345678", "1.23:0+2 " },
        { MODBUS_COIL, 1, 0, 0, "01", "1.5:0+1 " },
        { MODBUS_COIL, 1, 0, 16, "01", "1.15:0+1 " },
        { MODBUS_COIL, 3, 0, 0, "05", "1.15:0+3 " },
        { MODBUS_COIL, 3, 0, 6, "05", "1.5:0+1 1.5:1+1 1.5:2+1 " },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench *b = bench_new(MODBUS_TCP);
        add_point(b, "state", MODBUS_HOLDING, 30, 1, 100000);
        struct point *point = add_point(b, "p", rows[i].kind, 0, rows[i].count, 0);
        point->at.modbus.write_function = rows[i].point_function;
        b->options.write_function = rows[i].option;
        start(b, 1);
        await(b, "online ");
        run(b, 0, NULL, 5);
        forget(b);
        assert_int_equal(write_point(b, 0, point, rows[i].raw), 0);
        await(b, "done(0) ");
        assert_string_equal(b->requests, rows[i].requests);
        uint8_t wanted[4];
        int len = hex_decode(rows[i].raw, wanted, sizeof(wanted));
        assert_memory_equal(rows[i].kind == MODBUS_COIL ? b->coils : b->registers, wanted, (size_t)len);
        bench_free(b);
    }
}

static void a_mask_write_leaves_the_other_bits(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    struct point *point = &b->points[1];
    point->at.modbus.write_function = MODBUS_MASK_WRITE;
    point->mask = 0x00F0;
    b->registers[40] = 0xAB;
    b->registers[41] = 0xCD;
    assert_int_equal(write_point(b, 0, point, "0010"), 0);
    await(b, "done(0) ");
    assert_int_equal(b->registers[40] << 8 | b->registers[41], 0xAB1D);
    point->low_byte_first = true; /* the same mask, of a value that stands the other way round */
    assert_int_equal(write_point(b, 0, point, "2000"), 0);
    await(b, "done(0) ");
    assert_int_equal(b->registers[40] << 8 | b->registers[41], 0x2B1D);
    bench_free(b);
}

static void impossible_requests_are_refused_at_once(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    assert_int_equal(write_point(b, 0, &b->points[1], "12"), -EINVAL);
    assert_int_equal(write_point(b, 0, &b->points[1], "123456"), -EINVAL);
    b->points[1].at.modbus.kind = MODBUS_INPUT;
    assert_int_equal(write_point(b, 0, &b->points[1], "1234"), -EINVAL);
    b->points[1].access = ACCESS_W;
    assert_int_equal(modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0]), -EINVAL);
    bench_free(b);
}

static void a_newer_write_supersedes_the_one_still_queued(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    /* The first is on the wire, the second waits, the third takes its place. */
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
    assert_int_equal(write_point(b, 0, &b->points[1], "0002"), 0);
    assert_int_equal(write_point(b, 0, &b->points[1], "0003"), 0);
    assert_false(has_heard(b, 0, "done")); /* never from inside */
    run(b, 0, NULL, 50);
    assert_true(has_heard(b, 0, "done(2006) "));
    assert_int_equal(b->registers[41], 3);
    int writes = 0;
    for (const char *at = b->requests; (at = strstr(at, "1.6:20+1 ")); at++)
        writes++;
    assert_int_equal(writes, 2);
    bench_free(b);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    int r = 0, taken = 0;
    while ((r = modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0])) == 0)
        taken++;
    assert_int_equal(r, -ENOBUFS);
    assert_int_equal(taken, 64);
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"),
                     0); /* no reads keep a command from the device */
    bench_free(b);
}

static void a_read_gives_its_value_before_its_end(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    assert_int_equal(modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0]), 0);
    await(b, "limit=0014 | done(0) ");
    b->hole = 20;
    assert_int_equal(modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0]), 0);
    await(b, "limit:none(2001) | done(2001) ");
    bench_free(b);
}

static void an_exception_refuses_a_write_and_the_device_stays(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    b->hole = 20;
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
    await(b, "done(2001) ");
    run(b, 0, NULL, 50);
    assert_false(has_heard(b, 0, "offline"));
    bench_free(b);
}

static void a_busy_device_is_asked_again(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_TCP);
    add_point(b, "state", MODBUS_HOLDING, 10, 1, 100000);
    add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
    b->options.retries = 2;
    start(b, 1);
    await(b, "online ");
    b->exception = MODBUS_BUSY;
    play(b, TRICK_EXCEPTION, 2);
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
    await(b, "done(0) ");
    play(b, TRICK_EXCEPTION, 3);
    assert_int_equal(write_point(b, 0, &b->points[1], "0002"), 0);
    await(b, "done(2001) ");
    forget(b);
    play(b, TRICK_EXCEPTION, 2);
    assert_int_equal(modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0]), 0);
    await(b, "limit=0002 | done(0) ");
    forget(b);
    play(b, TRICK_EXCEPTION, 3);
    assert_int_equal(modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0]), 0);
    await(b, "done(2001) ");
    assert_false(has_heard(b, 0, "limit:none")); /* what was known stays */
    bench_free(b);
}

static void refused_registers_split_the_block_and_cost_only_their_point(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_TCP);
    static const char *const names[] = { "a", "b", "c", "d" };
    for (uint16_t i = 0; i < 4; i++)
        add_point(b, names[i], MODBUS_HOLDING, (uint16_t)(10 + i), 1, 30);
    b->hole = 12;
    start(b, 1);
    await(b, "c:none(2001) | ");
    await(b, "a=000A b=000B | ");
    await(b, "d=000D | ");
    forget(b);
    run(b, 0, NULL, 100);
    assert_null(strstr(b->requests, ":12+")); /* asked for rarely from now on */
    assert_non_null(strstr(b->requests, "1.3:10+2 "));
    bench_free(b);
}

static void a_late_answer_is_recognised_and_dropped(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct bench *b = bench_online(framing);
        /* The read of 20 is answered after its time-out, ahead of the answer to the next poll. */
        play(b, TRICK_LATE, 1);
        b->points[1].at.modbus.count = 2;
        assert_int_equal(modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0]), 0);
        await(b, "done(2002) ");
        await(b, "state=000A ");
        assert_false(has_heard(b, 0, "limit="));
        assert_false(has_heard(b, 0, "state=0014"));
        assert_false(has_heard(b, 0, "offline"));
        assert_int_equal(modbus_bus_counters(b->bus)->late_answers, 1);
        bench_free(b);
    }
}

static void a_late_answer_that_would_fit_the_next_request_is_waited_for(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_RTU);
    play(b, TRICK_LATE, 1); /* as long as the answer to the poll, which may be asked at once */
    assert_int_equal(modbus_device_ops.read(b->devices[0], &b->points[1], on_done, &b->self[0]), 0);
    await(b, "done(2002) ");
    forget(b);
    run(b, 0, NULL, TIMEOUT_MS / 2);
    peer_send(b, b->kept, b->kept_len);
    b->kept_len = 0;
    await(b, "state=");
    assert_false(has_heard(b, 0, "state=0014 "));
    assert_int_equal(modbus_bus_counters(b->bus)->late_answers, 1);
    bench_free(b);
}

static void a_broken_answer_is_asked_for_again(void **state)
{
    (void)state;
    static const struct {
        enum modbus_framing framing;
        enum trick trick;
        bool is_bad;
    } rows[] = {
        { MODBUS_TCP, TRICK_WRONG_UNIT, true },     { MODBUS_TCP, TRICK_WRONG_FUNCTION, true },
        { MODBUS_TCP, TRICK_MUTE, false },          { MODBUS_RTU, TRICK_WRONG_UNIT, false },
        { MODBUS_RTU, TRICK_WRONG_CHECKSUM, true }, { MODBUS_RTU, TRICK_WRONG_FUNCTION, false },
        { MODBUS_RTU, TRICK_GARBAGE, true },        { MODBUS_RTU, TRICK_MUTE, false },
        { MODBUS_RTU, TRICK_NOISE, true },          { MODBUS_ASCII, TRICK_WRONG_CHECKSUM, true },
        { MODBUS_ASCII, TRICK_GARBAGE, true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench *b = bench_new(rows[i].framing);
        add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
        add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
        b->options.retries = 1;
        start(b, 1);
        await(b, "online ");
        play(b, rows[i].trick, 1);
        assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
        await(b, "done(0) ");
        assert_false(has_heard(b, 0, "offline"));
        assert_int_equal(modbus_bus_counters(b->bus)->bad_frames > 0, rows[i].is_bad);
        bench_free(b);
    }
}

static void a_silent_device_goes_offline_and_comes_back(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct bench *b = bench_online(framing);
        play(b, TRICK_MUTE, -1);
        await(b, "offline(2002) ");
        forget(b);
        assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
        assert_false(has_heard(b, 0, "done"));
        await(b, "done(2002) ");
        run(b, 0, NULL, 300);
        assert_false(has_heard(b, 0, "offline")); /* told once */
        play(b, TRICK_NONE, 0);
        await(b, "online state=000A | ");
        bench_free(b);
    }
}

static void a_write_without_answer_is_no_proof_of_a_dead_device(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
    play(b, TRICK_MUTE, 1);
    await(b, "done(2002) ");
    await(b, "state=");
    assert_false(has_heard(b, 0, "offline"));
    bench_free(b);
}

static void waiting_writes_fail_with_the_device(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    add_point(b, "more", MODBUS_HOLDING, 21, 1, 0);
    play(b, TRICK_MUTE, -1);
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
    assert_int_equal(write_point(b, 0, &b->points[2], "0001"), 0);
    await(b, "done(2002) offline(2002) done(2002) ");
    bench_free(b);
}

static void a_dead_unit_costs_its_neighbour_one_time_out_per_period(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_RTU);
    add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    b->options.retries = 2;
    b->trick_unit = 2;
    play(b, TRICK_MUTE, -1);
    start(b, 2);
    await(b, "online ");
    run(b, 1, "offline(2002) ", PATIENCE_MS);
    forget(b);
    run(b, 0, NULL, 2000);
    /* Periods of 1 s and 2 s: one or two probes, whatever the retries; all else is the neighbour's. */
    int probes = 0;
    for (const char *at = b->requests; (at = strstr(at, "2.3:10+1 ")); at++)
        probes++;
    assert_in_range(probes, 1, 2);
    assert_true(b->batches[0] > 40);
    assert_false(has_heard(b, 0, "offline"));

    play(b, TRICK_NONE, 0);
    run(b, 1, "online state=000A | ", PATIENCE_MS);
    bench_free(b);
}

static void a_silent_unit_of_a_device_with_several_costs_only_its_points(void **state)
{
    (void)state;
    for (int silent = 1; silent <= 2; silent++) {
        struct bench *b = bench_new(MODBUS_RTU);
        add_point(b, "a", MODBUS_HOLDING, 10, 1, 20);
        add_point(b, "b", MODBUS_HOLDING, 11, 1, 20);
        b->points[1].at.modbus.unit_offset = 1;
        b->trick_unit = silent;
        play(b, TRICK_MUTE, -1);
        start(b, 1);
        await(b, silent == 1 ? "a:none(2002) " : "b:none(2002) ");
        await(b, silent == 1 ? "b=000B " : "a=000A ");
        forget(b);
        run(b, 0, NULL, 500);
        assert_string_equal(strstr(b->heard[0], "o") ? b->heard[0] : "",
                            ""); /* neither offline nor none again */
        assert_true(b->batches[0] > 10);
        play(b, TRICK_NONE, 0);
        await(b, silent == 1 ? "online a=000A " : "online b=000B ");
        b->trick_unit = 3 - silent; /* and the other way round */
        play(b, TRICK_MUTE, -1);
        await(b, silent == 1 ? "b:none(2002) " : "a:none(2002) ");
        assert_false(has_heard(b, 0, "offline"));
        b->trick_unit = -1;
        await(b, "offline(2002) ");
        play(b, TRICK_NONE, 0);
        await(b, "online ");
        await(b, silent == 1 ? "a=000A " : "b=000B ");
        bench_free(b);
    }
}

static void units_of_a_line_take_turns(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_RTU);
    add_point(b, "state", MODBUS_HOLDING, 10, 1, 1); /* more than the line can carry */
    start(b, 2);
    run(b, 1, "online ", PATIENCE_MS);
    forget(b);
    run(b, 0, NULL, 100);
    assert_true(b->batches[0] > 10);
    assert_in_range(b->batches[1], b->batches[0] * 3 / 4, b->batches[0] * 4 / 3);
    bench_free(b);
}

static void a_lost_link_is_opened_again(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    play(b, TRICK_HANG_UP, 1);
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
    await(b, "offline(2003) done(2003) ");
    forget(b);
    assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
    await(b, "done(2003) ");
    await(b, "online state=000A | ");
    bench_free(b);
}

static void a_peer_that_is_not_there_is_told_once(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_TCP);
    add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    uint16_t port = b->settings.port;
    listener_free(STEAL(b->listener));
    start(b, 1);
    await(b, "offline(2003) ");
    run(b, 0, NULL, 300);
    assert_string_equal(b->heard[0], "offline(2003) ");
    assert_int_equal(listener_new(&b->loop, "127.0.0.1", port, on_connection, b, &b->listener), 0);
    await(b, "online ");
    bench_free(b);
}

static void bytes_that_are_no_modbus_close_the_connection(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    play(b, TRICK_GARBAGE, 1);
    await(b, "offline(2003) ");
    await(b, "online state=000A | ");
    assert_int_equal(modbus_bus_counters(b->bus)->bad_frames, 1);
    bench_free(b);
}

static void a_gateway_may_say_that_a_unit_is_dead(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_TCP);
    add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    b->exception = MODBUS_NO_ANSWER;
    b->trick_unit = 2;
    play(b, TRICK_EXCEPTION, -1);
    start(b, 2);
    await(b, "online ");
    run(b, 1, "offline(2002) ", PATIENCE_MS);
    run(b, 0, NULL, 100);
    assert_false(has_heard(b, 0, "offline"));
    play(b, TRICK_NONE, 0);
    run(b, 1, "online ", PATIENCE_MS);
    bench_free(b);
}

static void the_pause_of_the_profile_is_kept(void **state)
{
    (void)state;
    struct bench *b = bench_new(MODBUS_TCP);
    for (int i = 0; i < 4; i++)
        add_point(b, "p", MODBUS_HOLDING, (uint16_t)(8 * i), 1, 100000);
    b->options.pause_ms = 30;
    int64_t start_ms = now_ms(b);
    start(b, 1);
    await(b, "| p=0008 | p=0010 | p=0018 | ");
    assert_true(now_ms(b) - start_ms >= 90);
    bench_free(b);
}

static void a_device_may_go_with_its_request_on_the_wire(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct bench *b = bench_new(framing);
        add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
        add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
        start(b, 2);
        await(b, "online ");
        run(b, 1, "online ", PATIENCE_MS);
        assert_int_equal(write_point(b, 0, &b->points[1], "0001"), 0);
        assert_int_equal(write_point(b, 0, &b->points[1], "0002"), 0);
        assert_int_equal(write_point(b, 0, &b->points[1], "0003"), 0);
        modbus_device_ops.free(STEAL(b->devices[0]));
        forget(b);
        run(b, 1, "state=000A ", PATIENCE_MS);
        assert_string_equal(b->heard[0], "");
        bench_free(b);
    }
}

static void a_device_may_join_an_open_link(void **state)
{
    (void)state;
    struct bench *b = bench_online(MODBUS_TCP);
    b->self[1] = b;
    b->devices[1] = modbus_device_new(b->bus, 2, &b->profile, &b->options, &events, &b->self[1]);
    assert_string_equal(b->heard[1], ""); /* nothing from inside */
    run(b, 1, "online state=000A | ", PATIENCE_MS);
    bench_free(b);
}

int main(void)
{
    log_set_level(LOG_MODBUS, LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polled_values_arrive_in_batches),
        cmocka_unit_test(a_write_leaves_at_once_and_before_polls),
        cmocka_unit_test(the_function_code_follows_profile_and_point),
        cmocka_unit_test(a_mask_write_leaves_the_other_bits),
        cmocka_unit_test(impossible_requests_are_refused_at_once),
        cmocka_unit_test(a_newer_write_supersedes_the_one_still_queued),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(a_read_gives_its_value_before_its_end),
        cmocka_unit_test(an_exception_refuses_a_write_and_the_device_stays),
        cmocka_unit_test(a_busy_device_is_asked_again),
        cmocka_unit_test(refused_registers_split_the_block_and_cost_only_their_point),
        cmocka_unit_test(a_late_answer_is_recognised_and_dropped),
        cmocka_unit_test(a_late_answer_that_would_fit_the_next_request_is_waited_for),
        cmocka_unit_test(a_broken_answer_is_asked_for_again),
        cmocka_unit_test(a_silent_device_goes_offline_and_comes_back),
        cmocka_unit_test(a_write_without_answer_is_no_proof_of_a_dead_device),
        cmocka_unit_test(waiting_writes_fail_with_the_device),
        cmocka_unit_test(a_dead_unit_costs_its_neighbour_one_time_out_per_period),
        cmocka_unit_test(a_silent_unit_of_a_device_with_several_costs_only_its_points),
        cmocka_unit_test(units_of_a_line_take_turns),
        cmocka_unit_test(a_lost_link_is_opened_again),
        cmocka_unit_test(a_peer_that_is_not_there_is_told_once),
        cmocka_unit_test(bytes_that_are_no_modbus_close_the_connection),
        cmocka_unit_test(a_gateway_may_say_that_a_unit_is_dead),
        cmocka_unit_test(the_pause_of_the_profile_is_kept),
        cmocka_unit_test(a_device_may_go_with_its_request_on_the_wire),
        cmocka_unit_test(a_device_may_join_an_open_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
