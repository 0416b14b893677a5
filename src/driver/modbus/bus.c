/* A bus: the link to a line or a TCP peer, the one request on its wire, and whose turn is next.
 *
 * Turns: writes of all devices, then reads, then polls; among equals who was served least recently. A request that failed waits
 * for its device's next turn among the polls, so a device in trouble does not hold up its neighbours.
 *
 * Which answer belongs to the request: on TCP the transaction id says it. RTU and ASCII have none: unit, function and
 * length must fit, what came before the request is thrown away, and after a repeated request its unit is left alone until the
 * answer to the first one cannot come any more. */
#include "driver/modbus/internal.h"

#include <assert.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define QUIET_LOG_MS 60000 /* a kind of trouble is news again after so long without */

int64_t bus_now_ms(const struct modbus_bus *bus)
{
    return env_now_ms(&bus->loop->env);
}

const struct bus_counters *modbus_bus_counters(const struct modbus_bus *bus)
{
    return &bus->counters;
}

void modbus_bus_print_frames(const struct modbus_bus *bus, struct buf *out)
{
    frames_print(&bus->frames, 0, out);
}

static void wake_at(struct modbus_bus *bus, int64_t at_ms)
{
    timer_start_at(&bus->timer, at_ms);
}

/* ---- time on a serial line ---- */

static int64_t character_bits(const struct serial_settings *line)
{
    return 1 + line->data_bits + (line->parity != 'N') + line->stop_bits;
}

static int64_t transmission_ms(const struct modbus_bus *bus, size_t len)
{
    const struct serial_settings *line = &bus->settings.line;
    if (!bus->settings.serial || line->baud <= 0)
        return 0;
    return ((int64_t)len * character_bits(line) * 1000 + line->baud - 1) / line->baud;
}

/* 3.5 characters, or 1.75 ms above 19,200 baud (Serial Line V1.02, 2.5.1.1). The clock ticks whole milliseconds: one more
 * makes sure of it. */
static int64_t silence_of(const struct modbus_bus_settings *settings)
{
    const struct serial_settings *line = &settings->line;
    if (!settings->serial || settings->framing != MODBUS_RTU || line->baud <= 0)
        return 0;
    int64_t us = line->baud > 19200 ? 1750 : 3500000 * character_bits(line) / line->baud;
    return (us + 999) / 1000 + 1;
}

static int64_t gap_before(const struct modbus_bus *bus, const struct device *device)
{
    /* Some units answer a frame, though it was another's, if it comes on the heels of the last one's answer. */
    bool turns = bus->settings.framing != MODBUS_TCP && device->unit != bus->sent_unit;
    return turns && bus->settings.turnaround_ms > bus->silence_ms ? bus->settings.turnaround_ms
                                                                  : bus->silence_ms;
}

/* ---- sending ---- */

static struct device *choose(struct modbus_bus *bus, int64_t now_ms, int64_t *ret_next_ms)
{
    struct device *best = NULL;
    enum urgency best_urgency = URGENCY_POLL;
    *ret_next_ms = INT64_MAX;
    LIST_FOREACH(link, following, &bus->devices)
    {
        struct device *device = LIST_ITEM(link, struct device, link);
        enum urgency urgency;
        int64_t at_ms = device_wants_ms(device, now_ms, &urgency);
        if (at_ms < 0)
            continue;
        if (at_ms > now_ms) {
            *ret_next_ms = earlier(*ret_next_ms, at_ms);
        } else if (!best || urgency < best_urgency) {
            best = device;
            best_urgency = urgency;
        }
    }
    return best;
}

static size_t answer_length(const struct modbus_request *request)
{
    return request->function == MODBUS_READ_WRITE     ? request->read_count * 2u + 8
           : request->function > MODBUS_READ_INPUT    ? 10
           : request->function > MODBUS_READ_DISCRETE ? request->count * 2u + 8
                                                      : request->count / 8u + 9;
}

static void transmit(struct modbus_bus *bus, struct device *device, int64_t now_ms)
{
    uint8_t pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    device_begin(device, &bus->sent, &bus->sent_unit);
    int pdu_len = modbus_encode_request(&bus->sent, pdu, sizeof(pdu));
    assert(pdu_len > 0); /* device_write() and the plan let nothing else pass */
    struct modbus_frame frame = { ++bus->transaction, bus->sent_unit, pdu, (size_t)pdu_len };
    int len = modbus_encode_frame(bus->settings.framing, &frame, bytes, sizeof(bytes));
    assert(len > 0);

    if (bus->settings.framing != MODBUS_TCP) {
        stream_flush_input(bus->stream);
        modbus_receiver_clear(&bus->receiver);
        bus->receiver.wanted = bus->sent_unit << 8 | bus->sent.function;
    }
    /* A refused write ends as a time-out or in on_close. */
    (void)stream_write(bus->stream, bytes, (size_t)len);
    frames_add(&bus->frames, env_wall_ms(&bus->loop->env), true, 0, bytes, (size_t)len);
    size_t characters = bus->settings.framing == MODBUS_ASCII ? 2 : 1;
    bus->active = device;
    bus->deadline_ms = now_ms + device->options.timeout_ms +
                       transmission_ms(bus, (size_t)len + characters * answer_length(&bus->sent));
    bus->counters.requests++;
    device->health.requests++;
    list_remove(&device->link);
    list_append(&bus->devices, &device->link);
    wake_at(bus, bus->deadline_ms);
}

void bus_kick(struct modbus_bus *bus)
{
    if (bus->link != LINK_OPEN || bus->active || bus->delivering)
        return;
    int64_t now_ms = bus_now_ms(bus), next_ms;
    struct device *device = choose(bus, now_ms, &next_ms);
    if (!device) {
        if (next_ms == INT64_MAX)
            timer_stop(&bus->timer);
        else
            wake_at(bus, next_ms);
        return;
    }
    int64_t free_ms = bus->quiet_from_ms + gap_before(bus, device);
    if (free_ms > now_ms)
        wake_at(bus, free_ms);
    else
        transmit(bus, device, now_ms);
}

/* ---- link ---- */

static void open_link(struct modbus_bus *bus)
{
    bus->link = LINK_OPENING;
    stream_open(bus->stream);
}

static void lose_link(struct modbus_bus *bus, int err)
{
    if (bus->link == LINK_CLOSED)
        return;
    log_debug(LOG_MODBUS, "link lost: bus=%s reason=%s again_in_ms=%lld", bus->settings.name, err_text(err),
              (long long)bus->reconnect_ms);
    stream_close(bus->stream);
    bus->link = LINK_CLOSED;
    bus->active = NULL;
    wake_at(bus, bus_now_ms(bus) + bus->reconnect_ms);
    bus->reconnect_ms = earlier(2 * bus->reconnect_ms, MODBUS_BACK_OFF_MAX_MS);

    bus->delivering = true;
    LIST_FOREACH(link, following, &bus->devices)
    device_on_link_lost(LIST_ITEM(link, struct device, link), err);
    bus->delivering = false;
}

static void on_open(void *ctx)
{
    struct modbus_bus *bus = ctx;
    log_debug(LOG_MODBUS, "link up: bus=%s", bus->settings.name);
    bus->link = LINK_OPEN;
    bus->quiet_from_ms = bus_now_ms(bus);
    modbus_receiver_init(&bus->receiver, bus->settings.framing, false);
    bus->delivering = true;
    LIST_FOREACH(link, following, &bus->devices)
    device_on_link_up(LIST_ITEM(link, struct device, link));
    bus->delivering = false;
    bus_kick(bus);
}

static void on_close(void *ctx, int err)
{
    lose_link(ctx, err ? err : -ERR_LINK_DOWN);
}

/* A TCP peer none of whose units answers may have forgotten the connection: a new one is the way to find out. */
static void lose_link_if_all_are_silent(struct modbus_bus *bus)
{
    if (bus->settings.serial)
        return;
    LIST_FOREACH(link, following, &bus->devices)
    {
        if (LIST_ITEM(link, struct device, link)->presence != PRESENCE_SILENT)
            return;
    }
    lose_link(bus, -ERR_NO_ANSWER);
}

/* ---- receiving ---- */

static void fail_exchange(struct modbus_bus *bus)
{
    struct device *device = bus->active;
    bus->active = NULL;
    bus->quiet_from_ms = bus_now_ms(bus);
    bus->delivering = true;
    device_on_no_answer(device);
    bus->delivering = false;
    if (device->presence == PRESENCE_SILENT)
        lose_link_if_all_are_silent(bus);
}

static void count_broken(struct modbus_bus *bus, const struct modbus_frame *frame, const char *what)
{
    char hex[2 * 32 + 1];
    int64_t now_ms = bus_now_ms(bus);
    bus->counters.bad_frames++;
    if (bus->active)
        bus->active->health.bad_frames++;
    if (bus->noise_ms < 0 || now_ms - bus->noise_ms > QUIET_LOG_MS) {
        hex_encode(frame->pdu, frame->pdu_len, hex, sizeof(hex));
        log_warn(LOG_MODBUS, "%s: bus=%s unit=%d bytes=%s%s", what, bus->settings.name, bus->sent_unit, hex,
                 frame->pdu_len > 32 ? "..." : "");
    }
    bus->noise_ms = now_ms;
}

static void count_late(struct modbus_bus *bus, const struct modbus_frame *frame)
{
    int64_t now_ms = bus_now_ms(bus);
    bus->counters.late_answers++;
    if (bus->late_ms < 0 || now_ms - bus->late_ms > QUIET_LOG_MS)
        log_warn(LOG_MODBUS, "answer came late or unasked and is dropped: bus=%s unit=%d", bus->settings.name,
                 frame->unit);
    bus->late_ms = now_ms;
}

static void on_frame(struct modbus_bus *bus, const struct modbus_frame *frame)
{
    bool tcp = bus->settings.framing == MODBUS_TCP;
    struct modbus_response response;
    if (!bus->active || (tcp ? frame->transaction != bus->transaction : frame->unit != bus->sent_unit)) {
        count_late(bus, frame);
        return;
    }
    int err = modbus_decode_response(frame->pdu, frame->pdu_len, &response);
    if (err == 0 && !tcp && !modbus_is_answer(&bus->sent, &response)) {
        count_late(bus, frame); /* to an earlier request; ours may still come */
        return;
    }
    if (err < 0 || frame->unit != bus->sent_unit || !modbus_is_answer(&bus->sent, &response)) {
        count_broken(bus, frame, "answer does not fit the request");
        fail_exchange(bus);
        return;
    }

    struct device *device = bus->active;
    bus->active = NULL;
    bus->quiet_from_ms = bus_now_ms(bus);
    bus->reconnect_ms = bus->reconnect_after_ms;
    bus->counters.answers++;
    device->health.answers++;
    device->health.last_answer_ms = bus->quiet_from_ms;
    if (response.exception) {
        bus->counters.exceptions++;
        device->health.exceptions++;
    }
    bus->delivering = true;
    device_on_answer(device, &response);
    bus->delivering = false;
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct modbus_bus *bus = ctx;
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    int r;
    frames_add(&bus->frames, env_wall_ms(&bus->loop->env), false, 0, bytes, len);
    while (bus->link == LINK_OPEN && (r = modbus_receive(&bus->receiver, &input, &frame)) != 0) {
        if (r > 0) {
            on_frame(bus, &frame);
            continue;
        }
        count_broken(bus, &frame, "broken frame");
        if (bus->settings.framing == MODBUS_TCP)
            lose_link(bus, r);
    }
    bus_kick(bus);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct modbus_bus *bus = ctx;
    if (bus->link == LINK_CLOSED) {
        open_link(bus);
        return;
    }
    if (bus->active && bus_now_ms(bus) >= bus->deadline_ms) {
        bus->counters.timeouts++;
        bus->active->health.timeouts++;
        fail_exchange(bus);
    }
    bus_kick(bus);
}

/* ---- ends ---- */

void bus_end_later(struct modbus_bus *bus, struct request *request, int err)
{
    request->err = err;
    list_append(&bus->ended, &request->link);
    env_timer_start(&bus->loop->env, &bus->ended_timer, 0);
}

static void on_ended_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct modbus_bus *bus = ctx;
    if (list_is_empty(&bus->ended))
        return;
    /* One a turn: callbacks may end others, or free their device. */
    struct request *request = LIST_ITEM(bus->ended.next, struct request, link);
    list_remove(&request->link);
    if (!list_is_empty(&bus->ended))
        env_timer_start(&bus->loop->env, &bus->ended_timer, 0);
    request->callback(request->ctx, request->err);
    free(request);
}

void bus_forget_device(struct modbus_bus *bus, struct device *device)
{
    LIST_FOREACH(link, following, &bus->ended)
    {
        struct request *request = LIST_ITEM(link, struct request, link);
        if (request->device == device) {
            list_remove(link);
            free(request);
        }
    }
    if (bus->active == device) {
        bus->active = NULL;
        if (bus->settings.framing != MODBUS_TCP)
            bus->quiet_from_ms = bus->deadline_ms; /* its answer may be on the way */
    }
    list_remove(&device->link);
    bus_kick(bus);
}

/* ---- birth and death ---- */

static const struct stream_events bus_stream_events = { on_open, on_data, on_close };

struct modbus_bus *modbus_bus_new(struct loop *loop, const struct modbus_bus_settings *settings)
{
    struct modbus_bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        return NULL;

    bus->loop = loop;
    bus->settings = *settings;
    frames_init(&bus->frames, 4096);
    bus->stream = settings->serial ? stream_new_serial(loop, &settings->line, &bus_stream_events, bus)
                                   : stream_new_tcp(loop, settings->host, settings->port,
                                                    settings->connect_timeout_ms, &bus_stream_events, bus);
    if (!bus->stream) {
        free(bus);
        return NULL;
    }
    list_init(&bus->devices);
    list_init(&bus->ended);
    timer_init(&bus->timer, loop->env.timers, on_timer, bus);
    timer_init(&bus->ended_timer, loop->env.timers, on_ended_timer, bus);
    bus->silence_ms = silence_of(settings);
    bus->reconnect_after_ms = settings->reconnect_after_ms > 0 ? settings->reconnect_after_ms : 1000;
    bus->reconnect_ms = bus->reconnect_after_ms;
    bus->noise_ms = bus->late_ms = -1;
    bus->transaction = (uint16_t)env_random(&loop->env, 0x10000);
    open_link(bus);
    return bus;
}

void modbus_bus_free(struct modbus_bus *bus)
{
    if (!bus)
        return;
    assert(list_is_empty(&bus->devices));
    timer_stop(&bus->timer);
    timer_stop(&bus->ended_timer);
    stream_free(bus->stream);
    frames_done(&bus->frames);
    free(bus);
}
