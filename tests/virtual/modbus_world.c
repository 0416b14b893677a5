/* The stream of net/stream.h in virtual time (it takes its place where this is linked), and the peer behind it. */
#include "tests/virtual/modbus_world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "net/stream.h"

#define SHORTEST_WAIT_MS 40    /* for an answer */
#define MAX_EVENTS       20000 /* in one instant: more is a loop without end */

/* ---- the stream ---- */

struct stream {
    struct world *world;
    struct stream_events events;
    void *ctx;
    bool opening, open;
    int failed;
    struct timer timer;
};

/* What is on its way to the driver. */
struct delivery {
    struct list link;
    struct world *world;
    struct timer timer;
    int connection;
    int err; /* < 0: the connection ends */
    size_t len;
    uint8_t bytes[];
};

static void end_stream(struct stream *s, int err)
{
    stream_close(s);
    s->events.on_close(s->ctx, err);
}

static void on_stream_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct stream *s = ctx;
    struct world *w = s->world;
    if (s->failed) {
        end_stream(s, s->failed);
        return;
    }
    s->opening = false;
    if (w->open_err < 0) {
        s->events.on_close(s->ctx, w->open_err);
        return;
    }
    s->open = true;
    w->wire_free_ms = 0;
    modbus_receiver_init(&w->receiver, w->settings.framing, true);
    s->events.on_open(s->ctx);
}

static struct stream *stream_of(struct loop *loop, const struct stream_events *events, void *ctx)
{
    struct world *w = CONTAINER_OF(loop, struct world, loop);
    struct stream *s = calloc(1, sizeof(*s));
    assert(s && !w->stream);
    s->world = w;
    s->events = *events;
    s->ctx = ctx;
    timer_init(&s->timer, &w->loop.timers, on_stream_timer, s);
    w->stream = s;
    return s;
}

struct stream *stream_new_tcp(struct loop *loop, const char *host, uint16_t port, int64_t connect_timeout_ms,
                              const struct stream_events *events, void *ctx)
{
    (void)host;
    (void)port;
    (void)connect_timeout_ms;
    return stream_of(loop, events, ctx);
}

struct stream *stream_new_serial(struct loop *loop, const struct serial_settings *settings,
                                 const struct stream_events *events, void *ctx)
{
    (void)settings;
    return stream_of(loop, events, ctx);
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    timer_stop(&s->timer);
    s->world->stream = NULL;
    free(s);
}

void stream_open(struct stream *s)
{
    struct world *w = s->world;
    assert(!s->open && !s->opening);
    s->opening = true;
    if (w->opens < WORLD_OPENS)
        w->opened_ms[w->opens] = w->now_ms;
    w->opens++;
    timer_start_at(&s->timer, w->now_ms + w->open_ms);
}

void stream_close(struct stream *s)
{
    s->open = s->opening = false;
    s->failed = 0;
    timer_stop(&s->timer);
}

bool stream_is_open(const struct stream *s)
{
    return s->open;
}

void stream_flush_input(struct stream *s)
{
    (void)s;
}

/* ---- what is on its way ---- */

static void on_delivery(struct timer *timer, void *ctx)
{
    (void)timer;
    struct delivery *d = ctx;
    struct world *w = d->world;
    list_remove(&d->link);
    bool here = w->stream && w->stream->open && d->connection == w->opens;
    if (here && d->err < 0)
        end_stream(w->stream, d->err);
    w->heard = w->heard || here;
    if (here && d->err == 0)
        w->stream->events.on_data(w->stream->ctx, d->bytes, d->len);
    free(d);
}

static void send_later(struct world *w, int64_t in_ms, int err, const uint8_t *bytes, size_t len)
{
    struct delivery *d = calloc(1, sizeof(*d) + len);
    assert(d);
    d->world = w;
    d->connection = w->opens;
    d->err = err;
    d->len = len;
    if (len > 0)
        memcpy(d->bytes, bytes, len);
    list_append(&w->deliveries, &d->link);
    timer_init(&d->timer, &w->loop.timers, on_delivery, d);
    timer_start_at(&d->timer, w->now_ms + in_ms);
}

void world_deliver(struct world *w, int64_t in_ms, const uint8_t *bytes, size_t len)
{
    send_later(w, in_ms, 0, bytes, len);
}

void world_close(struct world *w, int64_t in_ms, int err)
{
    send_later(w, in_ms, err, NULL, 0);
}

/* ---- the peer ---- */

uint16_t world_register(uint8_t unit, uint16_t address)
{
    return (uint16_t)(unit << 8 | (address ^ 0x5A));
}

static size_t frame_of(struct world *w, const struct modbus_frame *frame,
                       const struct modbus_response *response, uint8_t *ret)
{
    uint8_t pdu[MODBUS_MAX_PDU];
    int len = modbus_encode_response(response, pdu, sizeof(pdu));
    assert(len > 0);
    struct modbus_frame reply = { frame->transaction, frame->unit, pdu, (size_t)len };
    len = modbus_encode_frame(w->settings.framing, &reply, ret, MODBUS_MAX_FRAME);
    assert(len > 0);
    return (size_t)len;
}

size_t world_exception(struct world *w, const struct modbus_frame *frame, uint8_t exception,
                       uint8_t ret[static MODBUS_MAX_FRAME])
{
    struct modbus_response response = { .function = frame->pdu[0], .exception = exception };
    return frame_of(w, frame, &response, ret);
}

size_t world_answer(struct world *w, const struct modbus_frame *frame, const struct modbus_request *request,
                    uint8_t ret[static MODBUS_MAX_FRAME])
{
    uint8_t words[2 * WORLD_REGISTERS];
    struct modbus_response response = { .function = request->function,
                                        .address = request->address,
                                        .count = request->count,
                                        .data = request->data,
                                        .data_len = request->data_len };
    if (request->address + request->count > WORLD_REGISTERS)
        return world_exception(w, frame, MODBUS_ILLEGAL_ADDRESS, ret);
    uint16_t *registers = w->registers[frame->unit] + request->address;
    for (size_t i = 0; i < request->data_len / 2; i++)
        registers[i] = (uint16_t)(request->data[2 * i] << 8 | request->data[2 * i + 1]);
    if (request->function == MODBUS_READ_HOLDING) {
        for (size_t i = 0; i < request->count; i++) {
            words[2 * i] = (uint8_t)(registers[i] >> 8);
            words[2 * i + 1] = (uint8_t)registers[i];
        }
        response.data = words;
        response.data_len = 2u * request->count;
    }
    return frame_of(w, frame, &response, ret);
}

static void serve(struct world *w, const struct modbus_frame *frame)
{
    uint8_t bytes[MODBUS_MAX_FRAME];
    struct modbus_request request;
    int r = modbus_decode_request(frame->pdu, frame->pdu_len, &request);
    assert(r == 0);
    if (w->sent_count < WORLD_SENT)
        w->sent[w->sent_count++] = (struct sent){ w->now_ms,       frame->unit,   request.function,
                                                  request.address, request.count, w->opens };
    if (w->play && w->play(w, frame, &request))
        return;
    if (w->dead[frame->unit])
        return;
    size_t len = world_answer(w, frame, &request, bytes);
    world_deliver(w, w->answer_ms, bytes, len);
}

int stream_write(struct stream *s, const void *bytes, size_t len)
{
    struct world *w = s->world;
    if (!s->open)
        return -ENOTCONN;
    assert(w->heard || w->now_ms >= w->wire_free_ms); /* one request at a time */
    w->heard = false;
    w->wire_free_ms = w->now_ms + SHORTEST_WAIT_MS;
    if (w->raw) {
        w->raw(w, bytes, len);
        return 0;
    }
    if (w->echo)
        world_deliver(w, 0, bytes, len);
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    int r = modbus_receive(&w->receiver, &input, &frame);
    assert(r == 1 && reader_left(&input) == 0); /* one whole request at a time */
    serve(w, &frame);
    return 0;
}

int world_count_sent(const struct world *w, int from, int unit)
{
    int count = 0;
    for (int i = from; i < w->sent_count; i++)
        count += unit < 0 || w->sent[i].unit == unit;
    return count;
}

/* ---- what the chargers hear ---- */

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct ear *ear = ctx;
    struct world *w = ear->world;
    uint8_t unit = (uint8_t)(ear->unit + point->at.modbus.unit_offset);
    assert(len == 2u * point->at.modbus.count);
    for (size_t i = 0; i < point->at.modbus.count && w->any_values == 0; i++)
        assert((raw[2 * i] << 8 | raw[2 * i + 1]) == w->registers[unit][point->at.modbus.address + i]);
    if (ear->value_ms > 0 && w->now_ms - ear->value_ms > ear->max_age_ms)
        ear->max_age_ms = w->now_ms - ear->value_ms;
    ear->value_ms = w->now_ms;
    ear->value = (uint16_t)(raw[0] << 8 | raw[1]);
    ear->values++;
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    (void)point;
    (void)err;
    ((struct ear *)ctx)->nones++;
}

static void on_done(void *ctx, int err)
{
    struct ear *ear = ctx;
    ear->err = err;
    ear->done_ms = ear->world->now_ms;
    ear->done++;
    ear->done_ok += err == 0;
}

static void on_online(void *ctx, bool online, int err)
{
    struct ear *ear = ctx;
    assert(online || ear->online || ear->onlines + ear->losses == 0); /* a loss is told once */
    ear->online = online;
    ear->onlines += online;
    ear->losses += !online;
    if (!online)
        ear->err = err;
    else if (ear->restore)
        assert(modbus_device_ops.write(ear->device, ear->restore, (const uint8_t[]){ 0, 1 }, 2, on_done,
                                       ear) == 0);
}

static const struct device_events ear_events = {
    .on_value = on_value,
    .on_no_value = on_no_value,
    .on_online = on_online,
};

int world_write(struct world *w, int device, const struct point *point, uint16_t value)
{
    uint8_t raw[2] = { (uint8_t)(value >> 8), (uint8_t)value };
    struct ear *ear = &w->ears[device];
    int done = ear->done;
    int r = modbus_device_ops.write(ear->device, point, raw, sizeof(raw), on_done, ear);
    assert(ear->done == done); /* never from inside */
    return r;
}

/* ---- time ---- */

static int64_t now_of(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static int64_t wall_of(void *ctx)
{
    return ((struct world *)ctx)->now_ms + 1700000000000;
}

static void random_of(void *ctx, void *ret, size_t len)
{
    struct world *w = ctx;
    for (size_t i = 0; i < len; i++) {
        w->chance = w->chance * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)ret)[i] = (uint8_t)(w->chance >> 40);
    }
}

void world_run(struct world *w, int64_t ms)
{
    int64_t end_ms = w->now_ms + ms;
    int events = 0;
    for (int64_t next; (next = timers_next_ms(&w->loop.timers)) >= 0 && next <= end_ms;) {
        events = next > w->now_ms ? 0 : events + 1;
        assert(events < MAX_EVENTS);
        w->now_ms = next > w->now_ms ? next : w->now_ms;
        timers_run(&w->loop.timers, w->now_ms);
    }
    w->now_ms = end_ms;
}

/* ---- birth and death ---- */

static void keep_line(void *ctx, const char *line)
{
    struct world *w = ctx;
    size_t used = strlen(w->log), len = strlen(line);
    w->log_lines++;
    if (used + len + 2 > sizeof(w->log))
        return;
    memcpy(w->log + used, line, len);
    memcpy(w->log + used + len, "\n", 2);
}

struct world *world_new(enum modbus_framing framing, bool serial)
{
    struct world *w = calloc(1, sizeof(*w));
    assert(w);
    w->now_ms = 1000000;
    w->chance = 1;
    timers_init(&w->loop.timers);
    w->loop.timers.now_ms = w->now_ms;
    w->loop.env = (struct env){ w, now_of, wall_of, random_of, &w->loop.timers };
    list_init(&w->deliveries);
    w->settings =
        (struct modbus_bus_settings){ .name = "world",
                                      .framing = framing,
                                      .serial = serial,
                                      .line = { .baud = 9600, .data_bits = 8, .parity = 'N', .stop_bits = 1 },
                                      .host = "peer",
                                      .port = 502,
                                      .connect_timeout_ms = 5000,
                                      .reconnect_after_ms = 1000 };
    w->options = (struct modbus_options){ .max_words = 60, .timeout_ms = 1000, .retries = 1 };
    w->profile.points = w->points;
    w->answer_ms = 20;
    w->open_ms = 5;
    for (int unit = 0; unit < 256; unit++) {
        for (uint16_t i = 0; i < WORLD_REGISTERS; i++)
            w->registers[unit][i] = world_register((uint8_t)unit, i);
    }
    log_set_keeper(keep_line, w);
    return w;
}

struct point *world_add_point(struct world *w, const char *name, uint16_t address, uint16_t count,
                              int64_t every_ms)
{
    assert(w->profile.point_count < WORLD_POINTS);
    struct point *point = &w->points[w->profile.point_count];
    str_copy(point->name, sizeof(point->name), name);
    point->index = (uint16_t)w->profile.point_count++;
    point->access = ACCESS_RW;
    point->at.modbus.kind = MODBUS_HOLDING;
    point->at.modbus.address = address;
    point->at.modbus.count = count;
    point->every_ms = every_ms;
    return point;
}

void world_start(struct world *w, int devices)
{
    w->bus = modbus_bus_new(&w->loop, &w->settings);
    assert(w->bus && devices <= WORLD_DEVICES);
    for (w->ear_count = 0; w->ear_count < devices; w->ear_count++) {
        struct ear *ear = &w->ears[w->ear_count];
        *ear = (struct ear){ .world = w, .unit = (uint8_t)(w->ear_count + 1) };
        ear->device = modbus_device_new(w->bus, ear->unit, &w->profile, &w->options, &ear_events, ear);
        assert(ear->device);
    }
}

void world_free(struct world *w)
{
    for (int i = 0; i < w->ear_count; i++) {
        w->heard = true; /* nobody waits for what a device asked that is freed */
        modbus_device_ops.free(w->ears[i].device);
    }
    modbus_bus_free(w->bus);
    LIST_FOREACH(link, following, &w->deliveries)
    {
        struct delivery *d = LIST_ITEM(link, struct delivery, link);
        timer_stop(&d->timer);
        list_remove(link);
        free(d);
    }
    log_set_keeper(NULL, NULL);
    free(w);
}
