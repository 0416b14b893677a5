/* Modbus TCP: a listener and its connections. A charger without power or with a dead line says nothing at all; when
 * its power returns it knows nothing of the old connections. */
#include <errno.h>

#include "sim/modbus_map.h"
#include "sim/port.h"

#define CONNECTIONS_MAX 8

struct tcp_port {
    struct charger *charger;
    struct listener *listener;
    struct list connections;
    size_t count;
    bool powered;
};

struct connection {
    struct list link;
    struct tcp_port *port;
    struct stream *stream;
    struct modbus_receiver receiver;
    struct answers answers;
};

static void connection_free(struct connection *c)
{
    answers_done(&c->answers);
    stream_free(c->stream);
    list_remove(&c->link);
    c->port->count--;
    free(c);
}

static void send_answer(void *ctx, const struct sockaddr_in *to, const uint8_t *bytes, size_t len)
{
    (void)to;
    struct connection *c = ctx;
    (void)stream_write(c->stream, bytes, len);
}

static void answer(struct connection *c, const struct modbus_frame *request)
{
    struct charger *charger = c->port->charger;
    if (request->unit != charger->unit || !charger_is_reachable(charger))
        return;

    uint8_t pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    struct modbus_frame response = *request;
    struct modbus_device device = { charger->modbus, &charger->model, charger_wrote, charger };
    int len = modbus_answer(&device, request->pdu, request->pdu_len, pdu);
    if (len < 0)
        return;
    response.pdu = pdu;
    response.pdu_len = (size_t)len;
    len = modbus_encode_frame(MODBUS_TCP, &response, bytes, sizeof bytes);
    if (len > 0) /* byte 2: the protocol id, so that nobody takes the frame for Modbus */
        answers_send(&c->answers, charger, NULL, bytes, (size_t)len, 2);
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct connection *c = ctx;
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    int r;
    while ((r = modbus_receive(&c->receiver, &input, &frame)) > 0)
        answer(c, &frame);
    if (r < 0)
        connection_free(c);
}

static void on_close(void *ctx, int err)
{
    (void)err;
    connection_free(ctx);
}

static void on_connection(void *ctx, struct listener *listener)
{
    static const struct stream_events events = { .on_data = on_data, .on_close = on_close };
    struct tcp_port *port = ctx;
    struct connection *c = port->count < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
    if (!c)
        return;
    c->port = port;
    c->stream = stream_accept(listener, &events, c);
    if (!c->stream) {
        free(c);
        return;
    }
    modbus_receiver_init(&c->receiver, MODBUS_TCP, true);
    answers_init(&c->answers, port->charger->env, send_answer, c);
    list_append(&port->connections, &c->link);
    port->count++;
}

static void drop_connections(struct tcp_port *port)
{
    LIST_FOREACH(link, following, &port->connections)
    {
        connection_free(LIST_ITEM(link, struct connection, link));
    }
}

static void on_change(struct charger *charger)
{
    struct tcp_port *port = charger->port;
    if (charger->model.powered && !port->powered)
        drop_connections(port);
    port->powered = charger->model.powered;
}

static void port_free(struct charger *charger)
{
    struct tcp_port *port = charger->port;
    drop_connections(port);
    listener_free(port->listener);
    free(port);
}

int tcp_port_new(struct loop *loop, struct charger *charger, const char *address, uint16_t tcp_port)
{
    static const struct port_ops ops = { on_change, port_free };
    struct tcp_port *port = calloc(1, sizeof(*port));
    if (!port)
        return -ENOMEM;
    port->charger = charger;
    port->powered = true;
    list_init(&port->connections);
    int r = listener_new(loop, address, tcp_port, on_connection, port, &port->listener);
    if (r < 0) {
        free(port);
        return r;
    }
    charger->port = port;
    charger->port_ops = &ops;
    return 0;
}
