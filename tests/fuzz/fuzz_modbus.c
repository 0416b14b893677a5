/* Modbus from outside: byte 0 chooses framing and side, the rest is the stream, cut in two. Whatever is taken for a PDU is decoded,
 * and what could be decoded comes back unchanged from its encoding. */
#include <assert.h>

#include "driver/modbus/codec.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 3)
        return 0;
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
