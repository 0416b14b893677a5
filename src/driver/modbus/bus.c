/* A bus: the link to a line or a TCP peer, the one request on its wire, and whose turn is next.
 *
 * Turns: what is asked besides the devices, then writes of all devices, reads, polls; among equals who was served least recently; after each thing asked
 * besides it is a device's turn, whatever it wants. A request that failed waits
 * for its device's next turn among the polls, so a device in trouble does not hold up its neighbours.
 *
 * Which answer belongs to the request: on TCP the transaction id says it. RTU and ASCII have none: unit, function and
 * length must fit, what came before the request is thrown away, and after a repeated request its unit is left alone until the
 * answer to the first one cannot come any more.
 *
 * A connection is kept as long as anything answers on it, for many devices take the next one only after minutes; one that the peer closes is
 * opened anew, and its devices do not count as lost for a while (device.c). */
#include "driver/modbus/internal.h"

#include <assert.h>
#include <inttypes.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define QUIET_LOG_MS 60000 /* a kind of trouble has ended after so long without */
#define DEAF_MS                                                                                              \
    10000 /* a TCP peer that answered nothing for so long, and to so many requests, is connected anew */
#define DEAF_MAX_MS      320000 /* longer each time */
#define DEAF_REQUESTS    3
#define REOPEN_SERIAL_MS 10000 /* a port is looked for as often at least */
#define FLOOD_BYTES      65536 /* that are no answers, in a second: no line behind a converter brings so much */
#define FLOOD_MS         1000
#define ECHO_MISSING     3 /* answers without echo after which a line has none any more */

int64_t bus_now_ms(const struct modbus_bus *bus)
{
    return env_now_ms(&bus->loop->env);
}

const struct bus_counters *modbus_bus_counters(const struct modbus_bus *bus)
{
    return &bus->counters;
}

enum modbus_link modbus_bus_link(const struct modbus_bus *bus, int *ret_err)
{
    *ret_err = bus->link_err;
    return bus->link;
}

void modbus_bus_print_frames(const struct modbus_bus *bus, struct buf *out)
{
    frames_print(&bus->frames, NULL, out);
}

/* Whether someone waits for an answer. */
static bool is_busy(const struct modbus_bus *bus)
{
    return bus->active || bus->asked;
}

static void wake_at(struct modbus_bus *bus, int64_t at_ms)
{
    timer_start_at(&bus->timer, at_ms);
}

/* ---- trouble ---- */

/* True if this is news. */
static bool trouble_begins(struct modbus_bus *bus, enum trouble_kind kind)
{
    bus->troubles[kind].last_ms = bus_now_ms(bus);
    return bus->troubles[kind].times++ == 0;
}

static void see_troubles_end(struct modbus_bus *bus, int64_t now_ms)
{
    static const char *const names[] = {
        [TROUBLE_BROKEN] = "broken frames",
        [TROUBLE_MISFIT] = "answers that do not fit",
        [TROUBLE_LATE] = "late answers",
        [TROUBLE_LINK] = "lost connections",
    };
    for (int i = 0; i < TROUBLE_KINDS; i++) {
        struct trouble *trouble = &bus->troubles[i];
        if (trouble->times == 0 || now_ms - trouble->last_ms <= QUIET_LOG_MS)
            continue;
        log_info(LOG_MODBUS, "no more %s: bus=%s times=%" PRIu64, names[i], bus->settings.name,
                 trouble->times);
        trouble->times = 0;
    }
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

#define REQUEST_BYTES 20 /* the request, head and checksum of its answer, silence around both */
#define THINKING_MS   5  /* what most devices take to answer at least */
#define FREE_BYTES    250

uint16_t bus_request_cost(const struct modbus_bus *bus, int64_t pause_ms)
{
    const struct serial_settings *line = &bus->settings.line;
    if (bus->settings.framing == MODBUS_TCP)
        return FREE_BYTES; /* bytes cost nothing there but what their round trip costs */
    int64_t baud = bus->settings.serial && line->baud > 0 ? line->baud : 9600;
    int64_t bits = bus->settings.serial ? character_bits(line) : 10;
    int64_t bytes = REQUEST_BYTES + (THINKING_MS + pause_ms) * baud / (bits * 1000);
    return (uint16_t)earlier(bytes, FREE_BYTES);
}

static int64_t gap_before(const struct modbus_bus *bus, int unit)
{
    /* Some units answer a frame, though it was another's, if it comes on the heels of the last one's answer. */
    bool turns = bus->settings.framing != MODBUS_TCP && unit != bus->sent_unit;
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
        at_ms = later(at_ms, asks_rest_ms(bus, device));
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

/* Whether the answer repeats the request, byte by byte. */
static bool answer_is_alike(const struct modbus_request *request)
{
    return request->function == MODBUS_WRITE_COIL || request->function == MODBUS_WRITE_REGISTER ||
           request->function == MODBUS_MASK_WRITE;
}

static void expect_echo(struct modbus_bus *bus, const uint8_t *bytes, size_t len)
{
    struct echo *echo = &bus->echo;
    echo->heard = echo->answered = false;
    echo->len = len;
    memcpy(echo->sent, bytes, len);
    bool none = echo->habit == ECHO_NO && answer_is_alike(&bus->sent);
    bus->receiver.echo = none ? NULL : echo->sent;
    bus->receiver.echo_len = len;
}

/* Sends what stands in `sent`. */
static void transmit(struct modbus_bus *bus, int64_t now_ms, int64_t timeout_ms)
{
    uint8_t pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    int pdu_len = modbus_encode_request(&bus->sent, pdu, sizeof(pdu));
    assert(pdu_len > 0); /* device_write(), the plan and modbus_bus_ask() let nothing else pass */
    struct modbus_frame frame = { ++bus->transaction, bus->sent_unit, pdu, (size_t)pdu_len };
    int len = modbus_encode_frame(bus->settings.framing, &frame, bytes, sizeof(bytes));
    assert(len > 0);

    if (bus->settings.framing != MODBUS_TCP) {
        stream_flush_input(bus->stream);
        modbus_receiver_clear(&bus->receiver);
        bus->receiver.wanted = bus->sent_unit << 8 | bus->sent.function;
        expect_echo(bus, bytes, (size_t)len);
    }
    /* A refused write ends as a time-out or in on_close. */
    (void)stream_write(bus->stream, bytes, (size_t)len);
    frames_add(&bus->frames, env_wall_ms(&bus->loop->env), true, NULL, bytes, (size_t)len);
    size_t characters = bus->settings.framing == MODBUS_ASCII ? 2 : 1;
    bus->misfit = false;
    bus->deadline_ms =
        now_ms + timeout_ms + transmission_ms(bus, (size_t)len + characters * answer_length(&bus->sent));
    bus->sent_ms = now_ms;
    bus->counters.requests++;
    wake_at(bus, bus->deadline_ms);
}

static void serve_device(struct modbus_bus *bus, struct device *device, int64_t now_ms)
{
    device_begin(device, &bus->sent, &bus->sent_unit);
    bus->active = device;
    bus->asked_last = false;
    device->health.requests++;
    bus->unanswered++;
    if (device->quiet_since_ms == 0)
        device->quiet_since_ms = now_ms;
    list_remove(&device->link);
    list_append(&bus->devices, &device->link);
    transmit(bus, now_ms, device_timeout_ms(device));
}

static void serve_ask(struct modbus_bus *bus, struct ask *ask, int64_t now_ms)
{
    ask_begin(bus, ask);
    bus->asked_last = true;
    transmit(bus, now_ms, ask->timeout_ms);
}

void bus_kick(struct modbus_bus *bus)
{
    if (bus->link != MODBUS_LINK_OPEN || is_busy(bus) || bus->abandoned || bus->delivering)
        return;
    int64_t now_ms = bus_now_ms(bus), next_ms;
    struct device *device = choose(bus, now_ms, &next_ms);
    struct ask *ask = device && bus->asked_last ? NULL : asks_next(bus, now_ms, &next_ms);
    if (!device && !ask) {
        if (next_ms == INT64_MAX)
            timer_stop(&bus->timer);
        else
            wake_at(bus, next_ms);
        return;
    }
    int64_t free_ms = bus->quiet_from_ms + gap_before(bus, ask ? ask->unit : device->unit);
    if (free_ms > now_ms)
        wake_at(bus, free_ms);
    else if (ask)
        serve_ask(bus, ask, now_ms);
    else
        serve_device(bus, device, now_ms);
}

void bus_abandon(struct modbus_bus *bus)
{
    bus->active = NULL;
    bus->abandoned = true;
}

/* ---- link ---- */

static void open_link(struct modbus_bus *bus)
{
    bus->link = MODBUS_LINK_OPENING;
    stream_open(bus->stream);
}

static void lose_link(struct modbus_bus *bus, int err)
{
    if (bus->link == MODBUS_LINK_LOST)
        return;
    if (trouble_begins(bus, TROUBLE_LINK))
        log_info(LOG_MODBUS, "connection lost or refused: bus=%s reason=%s", bus->settings.name,
                 err_text(err));
    log_debug(LOG_MODBUS, "link lost: bus=%s reason=%s again_in_ms=%lld", bus->settings.name, err_text(err),
              (long long)bus->reconnect_ms);
    struct device *asked = bus->active;
    bool worked = bus->worked;
    bus->abandoned = false;
    stream_close(bus->stream);
    bus->link = MODBUS_LINK_LOST;
    bus->link_err = err;
    bus->reopening = worked;
    bus->worked = false;
    bus->active = NULL;
    wake_at(bus, bus_now_ms(bus) + bus->reconnect_ms);
    int64_t longest_ms = bus->settings.serial ? REOPEN_SERIAL_MS : MODBUS_BACK_OFF_MAX_MS;
    if (!worked)
        bus->reconnect_ms = earlier(2 * bus->reconnect_ms, later(longest_ms, bus->reconnect_after_ms));

    bus->delivering = true;
    LIST_FOREACH(link, following, &bus->devices)
    {
        struct device *device = LIST_ITEM(link, struct device, link);
        device_on_link_lost(device, err, device == asked, worked);
    }
    asks_on_link_lost(bus);
    bus->delivering = false;
    if (asked &&
        worked) { /* it had no turn, and where each connection serves but one it would never have one */
        list_remove(&asked->link);
        list_prepend(&bus->devices, &asked->link);
    }
}

static void on_open(void *ctx)
{
    struct modbus_bus *bus = ctx;
    log_debug(LOG_MODBUS, "link up: bus=%s", bus->settings.name);
    bus->link = MODBUS_LINK_OPEN;
    bus->quiet_from_ms = bus->heard_ms = bus->opened_ms = bus->flood_since_ms = bus_now_ms(bus);
    bus->flood = 0;
    bus->link_number++;
    bus->unanswered = 0;
    bus->echo.habit = ECHO_UNKNOWN;
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

/* A TCP peer that answers nothing may have forgotten the connection: a new one is the way to find out. */
static void lose_link_if_deaf(struct modbus_bus *bus)
{
    if (!bus->settings.serial && bus->unanswered >= DEAF_REQUESTS &&
        bus_now_ms(bus) - bus->heard_ms >= bus->deaf_ms) {
        bus->deaf_ms = earlier(2 * bus->deaf_ms, DEAF_MAX_MS);
        lose_link(bus, -ERR_NO_ANSWER);
    }
}

/* ---- receiving ---- */

/* The line is free again. */
static void end_of_wire(struct modbus_bus *bus)
{
    bus->quiet_from_ms = bus_now_ms(bus);
    bus->counters.busy_ms += (uint64_t)(bus->quiet_from_ms - bus->sent_ms);
}

static void fail_exchange(struct modbus_bus *bus)
{
    struct device *device = bus->active;
    bus->active = NULL;
    end_of_wire(bus);
    bus->delivering = true;
    if (!device)
        ask_end(bus, bus->misfit ? -EBADMSG : -ERR_NO_ANSWER, NULL);
    else if (bus->misfit)
        device_on_misfit(device);
    else
        device_on_no_answer(device);
    bus->delivering = false;
    lose_link_if_deaf(bus);
}

static void count_broken(struct modbus_bus *bus, const struct modbus_frame *frame, enum trouble_kind kind,
                         const char *what)
{
    char hex[2 * 32 + 1];
    bus->counters.bad_frames++;
    if (bus->active)
        bus->active->health.bad_frames++;
    if (trouble_begins(bus, kind)) {
        hex_encode(frame->pdu, frame->pdu_len, hex, sizeof(hex));
        log_warn(LOG_MODBUS, "%s: bus=%s unit=%d bytes=%s%s", what, bus->settings.name, bus->sent_unit, hex,
                 frame->pdu_len > 32 ? "..." : "");
    }
}

static void count_late(struct modbus_bus *bus, const struct modbus_frame *frame)
{
    bus->counters.late_answers++;
    if (trouble_begins(bus, TROUBLE_LATE))
        log_warn(LOG_MODBUS, "answer came late or unasked and is dropped: bus=%s unit=%d", bus->settings.name,
                 frame->unit);
}

static void take_answer(struct modbus_bus *bus, const struct modbus_response *response)
{
    struct device *device = bus->active;
    bus->active = NULL;
    end_of_wire(bus);
    if (!bus->flooded)
        bus->reconnect_ms = bus->reconnect_after_ms;
    bus->worked = true;
    bus->unanswered = 0;
    bus->deaf_ms = DEAF_MS;
    bus->heard_ms = bus->quiet_from_ms;
    see_troubles_end(bus, bus->heard_ms);
    bus->flood -= bus->flood < MODBUS_MAX_FRAME ? bus->flood : MODBUS_MAX_FRAME; /* at most what it came in */
    bus->counters.answers++;
    bus->counters.exceptions += response->exception != 0;
    bus->delivering = true;
    if (device) {
        device->health.answers++;
        device->health.last_answer_ms = bus->quiet_from_ms;
        device->health.exceptions += response->exception != 0;
        device->slowest_ms = later(device->slowest_ms, bus->heard_ms - bus->sent_ms);
        bus->slowest_ms = later(bus->slowest_ms, device->slowest_ms);
        device_on_answer(device, response);
    } else {
        ask_end(bus, 0, response);
    }
    bus->delivering = false;
}

/* The answer that repeats the request came. */
static void take_repetition(struct modbus_bus *bus)
{
    const struct modbus_request *sent = &bus->sent;
    struct modbus_response response = {
        .function = sent->function,
        .address = sent->address,
        .count = sent->count,
        .and_mask = sent->and_mask,
        .or_mask = sent->or_mask,
        .data = sent->data,
        .data_len = sent->data_len,
    };
    take_answer(bus, &response);
}

/* What an answer, which is there, says of the line. */
static void learn_echo(struct modbus_bus *bus)
{
    struct echo *echo = &bus->echo;
    if (echo->heard || answer_is_alike(&bus->sent))
        return;
    if (echo->habit == ECHO_UNKNOWN || ++echo->missing >= ECHO_MISSING)
        echo->habit = ECHO_NO;
}

static void on_frame(struct modbus_bus *bus, const struct modbus_frame *frame)
{
    bool tcp = bus->settings.framing == MODBUS_TCP;
    struct modbus_response response;
    bool is_of_sent = tcp ? frame->transaction == bus->transaction : frame->unit == bus->sent_unit;
    if (bus->abandoned && is_of_sent) {
        bus->abandoned = false;
        bus->quiet_from_ms = bus_now_ms(bus);
        return;
    }
    if (!is_busy(bus) || !is_of_sent) {
        count_late(bus, frame);
        return;
    }
    int err = modbus_decode_response(frame->pdu, frame->pdu_len, &response);
    if (err == 0 && !tcp && !modbus_is_answer(&bus->sent, &response)) {
        bus->misfit = true;
        count_late(bus, frame); /* to an earlier request; ours may still come */
        return;
    }
    if (err < 0 || frame->unit != bus->sent_unit || !modbus_is_answer(&bus->sent, &response)) {
        bus->misfit = frame->unit == bus->sent_unit;
        count_broken(bus, frame, TROUBLE_MISFIT, "answer does not fit the request");
        fail_exchange(bus);
        return;
    }

    if (!tcp)
        learn_echo(bus);
    take_answer(bus, &response);
}

/* The bytes of our own request: its echo, or an answer that repeats it. */
static void on_echo(struct modbus_bus *bus)
{
    struct echo *echo = &bus->echo;
    bool alike = answer_is_alike(&bus->sent);
    if (!is_busy(bus))
        return;
    if (!alike || echo->heard || echo->answered) { /* if alike, the second one is the answer */
        if (echo->habit != ECHO_YES)
            log_info(LOG_MODBUS, "the line lets us hear what we send: bus=%s", bus->settings.name);
        echo->habit = ECHO_YES;
        echo->missing = 0;
    }
    if (alike && (echo->heard || echo->answered))
        take_repetition(bus);
    else if (alike && echo->habit == ECHO_UNKNOWN)
        echo->answered = true;
    else
        echo->heard = true;
}

/* Whether the peer only talks. Looking through it would take all the time there is. */
static bool is_flood(struct modbus_bus *bus, size_t len)
{
    int64_t now_ms = bus_now_ms(bus);
    if (now_ms - bus->flood_since_ms >= FLOOD_MS) {
        bus->flood_since_ms = now_ms;
        bus->flood = 0;
        bus->flooded = false;
    }
    bus->flood += len;
    return bus->flood > FLOOD_BYTES && !bus->settings.serial;
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct modbus_bus *bus = ctx;
    if (is_flood(bus, len)) {
        bus->counters.bad_frames++;
        bus->flooded = true;
        bus->worked = false; /* whatever it answered meanwhile */
        lose_link(bus, -EBADMSG);
        return;
    }
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    int r;
    frames_add(&bus->frames, env_wall_ms(&bus->loop->env), false, NULL, bytes, len);
    while (bus->link == MODBUS_LINK_OPEN && (r = modbus_receive(&bus->receiver, &input, &frame)) != 0) {
        if (r > 0) {
            if (r == MODBUS_ECHO)
                on_echo(bus);
            else
                on_frame(bus, &frame);
            continue;
        }
        count_broken(bus, &frame, TROUBLE_BROKEN, "broken frame");
        if (bus->settings.framing == MODBUS_TCP)
            lose_link(bus, r);
    }
    bus_kick(bus);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct modbus_bus *bus = ctx;
    if (bus->link == MODBUS_LINK_LOST) {
        open_link(bus);
        return;
    }
    bool is_over = is_busy(bus) && bus_now_ms(bus) >= bus->deadline_ms;
    if (bus_now_ms(bus) >= bus->deadline_ms)
        bus->abandoned = false;
    if (is_over &&
        bus->echo.answered) { /* no second one came: that was the answer, and the line has no echo */
        take_repetition(bus);
    } else if (is_over) {
        bus->counters.timeouts++;
        if (bus->active)
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
    if (bus->active == device)
        bus_abandon(bus);
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
    asks_init(bus);
    timer_init(&bus->timer, loop->env.timers, on_timer, bus);
    timer_init(&bus->ended_timer, loop->env.timers, on_ended_timer, bus);
    bus->silence_ms = silence_of(settings);
    bus->reconnect_after_ms = settings->reconnect_after_ms > 0 ? settings->reconnect_after_ms : 1000;
    bus->reconnect_ms = bus->reconnect_after_ms;
    bus->deaf_ms = DEAF_MS;
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
    asks_done(bus);
    stream_free(bus->stream);
    frames_done(&bus->frames);
    free(bus);
}
