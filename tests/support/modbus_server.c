#include "tests/support/modbus_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

static bool has_all(const bool *has, const struct modbus_request *request)
{
    for (int i = 0; i < request->count; i++)
        if (request->address + i >= MSERVER_REGISTERS || !has[request->address + i])
            return false;
    return true;
}

static void read_words(const bool *has, const uint16_t *words, const struct modbus_request *request,
                       struct modbus_response *ret, uint8_t *data)
{
    if (!has_all(has, request)) {
        ret->exception = MODBUS_ILLEGAL_ADDRESS;
        return;
    }
    for (int i = 0; i < request->count; i++) {
        data[2 * i] = (uint8_t)(words[request->address + i] >> 8);
        data[2 * i + 1] = (uint8_t)words[request->address + i];
    }
    ret->data = data;
    ret->data_len = 2u * request->count;
}

static void respond(struct mserver *server, const struct modbus_request *request, struct modbus_response *ret,
                    uint8_t *data)
{
    *ret = (struct modbus_response){ .function = request->function };
    if (request->function > MODBUS_READ_INPUT) {
        server->writes++;
        ret->exception = MODBUS_DEVICE_FAILURE;
        return;
    }
    server->reads++;
    if (request->function == MODBUS_READ_INPUT) {
        read_words(server->has_input, server->input, request, ret, data);
    } else if (request->function == MODBUS_READ_HOLDING) {
        read_words(server->has_holding, server->holding, request, ret, data);
    } else if (request->function == MODBUS_READ_COILS && has_all(server->has_coil, request)) {
        memset(data, 0, 32);
        ret->data = data;
        ret->data_len = (request->count + 7u) / 8u;
    } else {
        ret->exception = MODBUS_ILLEGAL_ADDRESS;
    }
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct mserver_stream *s = ctx;
    struct reader input = { .at = bytes, .end = bytes + len };
    struct modbus_frame frame;
    while (modbus_receive(&s->receiver, &input, &frame) > 0) {
        struct modbus_request request;
        struct modbus_response response;
        uint8_t data[256], pdu[MODBUS_MAX_PDU], out[MODBUS_MAX_FRAME];
        if (s->server->is_mute || frame.unit != s->server->unit)
            continue;
        assert_int_equal(modbus_decode_request(frame.pdu, frame.pdu_len, &request), 0);
        respond(s->server, &request, &response, data);
        int n = modbus_encode_response(&response, pdu, sizeof(pdu));
        assert_true(n > 0);
        frame.pdu = pdu;
        frame.pdu_len = (size_t)n;
        n = modbus_encode_frame(MODBUS_TCP, &frame, out, sizeof(out));
        assert_true(n > 0);
        (void)stream_write(s->stream, out, (size_t)n);
    }
}

static void on_open(void *ctx)
{
    (void)ctx;
}

static void on_close(void *ctx, int err)
{
    struct mserver_stream *s = ctx;
    (void)err;
    stream_free(s->stream);
    s->stream = NULL;
}

static void on_connection(void *ctx, struct listener *listener)
{
    static const struct stream_events events = { on_open, on_data, on_close };
    struct mserver *server = ctx;
    struct mserver_stream *s = &server->streams[0];
    while (s < server->streams + MSERVER_STREAMS && s->stream)
        s++;
    assert_true(s < server->streams + MSERVER_STREAMS);
    server->connections++;
    s->server = server;
    modbus_receiver_init(&s->receiver, MODBUS_TCP, true);
    s->stream = stream_accept(listener, &events, s);
    assert_non_null(s->stream);
}

void mserver_start(struct mserver *server, struct loop *loop)
{
    *server = (struct mserver){ .loop = loop, .unit = 1 };
    assert_int_equal(listener_new(loop, "127.0.0.1", 0, on_connection, server, &server->listener), 0);
}

uint16_t mserver_port(const struct mserver *server)
{
    return listener_port(server->listener);
}

void mserver_stop(struct mserver *server)
{
    for (size_t i = 0; i < MSERVER_STREAMS; i++)
        stream_free(server->streams[i].stream);
    listener_free(server->listener);
}

void mserver_play_ac22(struct mserver *server)
{
    for (int at = 100; at < 138; at++)
        server->has_input[at] = true;
    for (int at = 200; at < 210; at++)
        server->has_holding[at] = true;
    server->has_holding[4] = server->has_holding[300] = server->has_holding[311] = server->has_coil[5] = true;
    server->holding[4] = 0x0107;
    server->holding[300] = 320;
    server->holding[311] = 60;
    server->input[100] = 1;
    server->input[103] = 250;
    for (int at = 113; at < 116; at++)
        server->input[at] = 2300;
}
