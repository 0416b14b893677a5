/* One frame after the other: the next is taken when the one before was answered (bus_relay.h). */
#include "gateway/bus_relay.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

#define ANSWER_MS 1000 /* what a device may take */

struct bus_relay {
    struct resource *bus;
    struct listener *listener;
    struct stream *stream; /* NULL: nobody has come */
    struct modbus_receiver receiver;
    bool is_asking;
    uint16_t transaction; /* of what is asked */
    uint8_t unit, function;
};

static void answer(struct bus_relay *relay, const struct modbus_response *response)
{
    uint8_t pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    int len = modbus_encode_response(response, pdu, sizeof(pdu));
    const struct modbus_frame frame = {
        .transaction = relay->transaction, .unit = relay->unit, .pdu = pdu, .pdu_len = (size_t)len
    };
    len = len < 0 ? len : modbus_encode_frame(MODBUS_TCP, &frame, bytes, sizeof(bytes));
    if (len < 0 || stream_write(relay->stream, bytes, (size_t)len) < 0)
        stream_close(relay->stream);
}

static void refuse(struct bus_relay *relay, enum modbus_exception exception)
{
    answer(relay, &(struct modbus_response){ .function = relay->function, .exception = (uint8_t)exception });
}

static void on_answer(void *ctx, int err, const struct modbus_response *response)
{
    struct bus_relay *relay = ctx;
    relay->is_asking = false;
    if (!stream_is_open(relay->stream))
        return;
    if (err == 0)
        answer(relay, response);
    else
        refuse(relay, err == -ERR_LINK_DOWN ? MODBUS_NO_PATH : MODBUS_NO_ANSWER);
}

static void on_frame(struct bus_relay *relay, const struct modbus_frame *frame)
{
    struct modbus_request request = { 0 };
    int r = modbus_decode_request(frame->pdu, frame->pdu_len, &request);
    relay->transaction = frame->transaction;
    relay->unit = frame->unit;
    relay->function = request.function;
    if (r < 0 || request.function > MODBUS_READ_INPUT) {
        refuse(relay, r < 0 && r != -EOPNOTSUPP ? MODBUS_ILLEGAL_VALUE : MODBUS_ILLEGAL_FUNCTION);
        return;
    }
    r = modbus_bus_ask(resource_as_bus(relay->bus), frame->unit, &request, ANSWER_MS, on_answer, relay);
    relay->is_asking = r == 0;
    if (r < 0)
        refuse(relay, MODBUS_NO_PATH);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct bus_relay *relay = ctx;
    struct reader input = { .at = bytes, .end = bytes + len };
    struct modbus_frame frame;
    int r = 0;
    while ((r = modbus_receive(&relay->receiver, &input, &frame)) > 0) {
        if (relay->is_asking) { /* who asks the next before the answer has not understood */
            r = -EBADMSG;
            break;
        }
        on_frame(relay, &frame);
        if (!stream_is_open(relay->stream))
            return;
    }
    if (r < 0)
        stream_close(relay->stream);
}

static void on_open(void *ctx)
{
    (void)ctx;
}

static void on_close(void *ctx, int err)
{
    (void)ctx;
    (void)err;
}

static void on_connection(void *ctx, struct listener *listener)
{
    static const struct stream_events events = { on_open, on_data, on_close };
    struct bus_relay *relay = ctx;
    if (relay->stream)
        (void)close(listener_take(listener));
    else
        relay->stream = stream_accept(listener, &events, relay);
}

int bus_relay_new(struct loop *loop, struct resource *bus, struct bus_relay **ret)
{
    struct bus_relay *relay = calloc(1, sizeof(*relay));
    if (!relay) {
        resource_put(bus);
        return -ENOMEM;
    }
    relay->bus = bus;
    modbus_receiver_init(&relay->receiver, MODBUS_TCP, true);
    int r = listener_new(loop, "127.0.0.1", 0, on_connection, relay, &relay->listener);
    if (r < 0) {
        bus_relay_free(relay);
        return r;
    }
    *ret = relay;
    return 0;
}

void bus_relay_free(struct bus_relay *relay)
{
    if (!relay)
        return;
    modbus_bus_forget(resource_as_bus(relay->bus), relay);
    stream_free(relay->stream);
    listener_free(relay->listener);
    resource_put(relay->bus);
    free(relay);
}

uint16_t bus_relay_port(const struct bus_relay *relay)
{
    return listener_port(relay->listener);
}

int bus_relay_err(const struct bus_relay *relay)
{
    int err = 0;
    enum modbus_link link = modbus_bus_link(resource_as_bus(relay->bus), &err);
    return link == MODBUS_LINK_OPEN ? 0 : err < 0 ? err : -ERR_LINK_DOWN;
}
