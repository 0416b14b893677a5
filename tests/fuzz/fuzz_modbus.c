/* Modbus from outside. Byte 0 chooses framing and side, the rest is the stream, cut in two: whatever is taken for a PDU is decoded,
 * and what could be decoded comes back unchanged from its encoding.
 *
 * With bit 5 of byte 0 it is a whole bus in virtual time, with devices, writes, and questions besides: the rest says what comes over the wire and
 * when, and what links do. One request is on the wire at a time, each callback comes once, and in the end everything has come to one (what
 * tests/virtual/modbus_world.c watches, too). */
#include <assert.h>

#include "base/log.h"
#include "driver/modbus/codec.h"
#include "tests/virtual/modbus_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void round_trip_request(const struct modbus_frame *frame)
{
    struct modbus_request request;
    if (modbus_decode_request(frame->pdu, frame->pdu_len, &request) < 0)
        return;
    uint8_t pdu[MODBUS_MAX_PDU];
    int len = modbus_encode_request(&request, pdu, sizeof(pdu));
    assert(len == (int)frame->pdu_len && memcmp(pdu, frame->pdu, frame->pdu_len) == 0);
}

static void round_trip_response(const struct modbus_frame *frame)
{
    struct modbus_response response;
    if (modbus_decode_response(frame->pdu, frame->pdu_len, &response) < 0)
        return;
    uint8_t pdu[MODBUS_MAX_PDU];
    int len = modbus_encode_response(&response, pdu, sizeof(pdu));
    assert(len == (int)frame->pdu_len && memcmp(pdu, frame->pdu, frame->pdu_len) == 0);
}

static void judge(int r, const struct modbus_frame *frame, bool server)
{
    assert(frame->pdu_len > 0);
    if (r < 0)
        return;
    assert(frame->pdu_len <= MODBUS_MAX_PDU);
    if (server)
        round_trip_request(frame);
    else
        round_trip_response(frame);
}

static void feed(struct modbus_receiver *receiver, const uint8_t *bytes, size_t len)
{
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    for (int r; (r = modbus_receive(receiver, &input, &frame)) != 0;)
        judge(r, &frame, receiver->server);
    assert(reader_left(&input) == 0);
}

/* ---- a whole bus ---- */

struct play {
    uint8_t request[MODBUS_MAX_FRAME]; /* the last one that left */
    size_t request_len;
    int accepted[WORLD_DEVICES]; /* writes */
    int asked, answered;
};

static void on_request(struct world *w, const uint8_t *bytes, size_t len)
{
    struct play *play = w->ctx;
    memcpy(play->request, bytes, len);
    play->request_len = len;
}

static void on_asked(void *ctx, int err, const struct modbus_response *response)
{
    struct play *play = ctx;
    assert((err == 0) == (response != NULL));
    play->answered++;
    assert(play->answered <= play->asked);
}

/* The right answer to the last request, or an exception, with one byte spoiled if `spoil` is not 0. */
static void answer_last(struct world *w, uint8_t how, uint8_t spoil)
{
    struct play *play = w->ctx;
    struct modbus_receiver receiver;
    struct modbus_frame frame;
    struct modbus_request request;
    uint8_t bytes[MODBUS_MAX_FRAME];
    struct reader input = reader_of(play->request, play->request_len);
    modbus_receiver_init(&receiver, w->settings.framing, true);
    if (modbus_receive(&receiver, &input, &frame) != 1 ||
        modbus_decode_request(frame.pdu, frame.pdu_len, &request) < 0)
        return;
    size_t len = how & 0x80 ? world_exception(w, &frame, how & 0x0F ? how & 0x0F : 1, bytes)
                            : world_answer(w, &frame, &request, bytes);
    if (spoil)
        bytes[spoil % len] ^= spoil;
    size_t cut = how & 0x40 ? len / 2 : len;
    world_deliver(w, how & 0x3F, bytes, cut);
    if (cut < len)
        world_deliver(w, (how & 0x3F) * 2, bytes + cut, len - cut);
}

static void ask(struct world *w, uint8_t what)
{
    struct play *play = w->ctx;
    static const uint8_t value[2] = { 1, 2 };
    struct modbus_request request = { .function = MODBUS_READ_HOLDING, .address = what, .count = what % 7 };
    if (what & 0x80)
        request = (struct modbus_request){
            .function = MODBUS_WRITE_REGISTER, .address = 3, .count = 1, .data = value, .data_len = 2
        };
    play->asked++;
    if (modbus_bus_ask(w->bus, what % 5, &request, 50 + what * 10, on_asked, play) < 0)
        play->asked--;
}

static void act(struct world *w, struct reader *r)
{
    struct play *play = w->ctx;
    uint8_t verb = get_u8(r), a = get_u8(r), b;
    size_t len;
    switch (verb % 10) {
    case 0: /* bytes of any kind */
        len = a % (reader_left(r) + 1);
        world_deliver(w, verb / 10 * 20, get_bytes(r, len), len);
        break;
    case 1:
        b = get_u8(r);
        answer_last(w, a, b);
        break;
    case 2:
        world_deliver(w, a, play->request, play->request_len); /* an echo */
        break;
    case 3:
        world_close(w, a, -ECONNRESET);
        break;
    case 4:
        w->open_err = a & 1 ? -ECONNREFUSED : 0;
        w->open_ms = a;
        break;
    case 5:
        play->accepted[a % w->ear_count] += world_write(w, a % w->ear_count, &w->points[2], a) == 0;
        break;
    case 6:
        ask(w, a);
        break;
    case 7:
        world_run(w, a * 10);
        break;
    case 8:
        world_run(w, a * 500);
        break;
    case 9:
        if (a & 1) {
            modbus_bus_forget(w->bus, play);
            play->asked = play->answered;
        }
        world_run(w, a);
        break;
    }
}

static void play_with_a_bus(const uint8_t *bytes, size_t len)
{
    struct play play = { 0 };
    struct reader r = reader_of(bytes, len);
    uint8_t kind = get_u8(&r), options = get_u8(&r);
    struct world *w = world_new(kind % 3, kind & 0x80);
    world_add_point(w, "a", 10, 2, 300);
    world_add_point(w, "b", 30, 1, 2000)->at.modbus.unit_offset = options & 1;
    world_add_point(w, "c", 20, 1, 0);
    w->options.retries = options >> 2 & 3;
    w->options.pause_ms = options & 0x10 ? 100 : 0;
    w->options.write_interval_ms = options & 0x20 ? 3000 : 0;
    w->options.wake = options & 0x40;
    w->options.write_function = options & 0x80 ? 16 : 0;
    w->any_values = 1;
    w->raw = on_request;
    w->ctx = &play;
    world_start(w, 1 + (kind >> 3 & 3));
    while (r.err == 0 && reader_left(&r) > 0)
        act(w, &r);

    world_run(w, 2000000); /* whatever was begun has ended by now */
    assert(play.answered == play.asked);
    for (int i = 0; i < w->ear_count; i++)
        assert(w->ears[i].done == play.accepted[i]);
    world_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 3)
        return 0;
    log_set_level(LOG_MODBUS, LOG_ERROR);
    if (bytes[0] & 0x20) {
        play_with_a_bus(bytes, len);
        return 0;
    }
    struct modbus_receiver receiver;
    modbus_receiver_init(&receiver, bytes[0] % 3, bytes[0] & 0x80);
    if (bytes[0] & 0x40)
        receiver.wanted = 1 << 8 | 3;
    size_t half = bytes[1] % (len - 2 + 1);
    feed(&receiver, bytes + 2, half);
    feed(&receiver, bytes + 2 + half, len - 2 - half);

    struct modbus_frame frame;
    for (int r; (r = modbus_receive_silence(&receiver, &frame)) != 0;)
        judge(r, &frame, receiver.server);

    struct modbus_frame whole = { .pdu = bytes + 2, .pdu_len = len - 2 };
    round_trip_request(&whole);
    round_trip_response(&whole);
    return 0;
}
