/* An ECHONET Lite node on UDP. One socket is bound to the node's address, another to the group, both on the same interface:
 * so several nodes live side by side on loopback addresses. Whatever port a request comes from, the answer goes to the
 * one port of ECHONET Lite (part 2, 1.2). */
#include <arpa/inet.h>
#include <errno.h>

#include "base/str.h"
#include "net/udp.h"
#include "sim/echonet_map.h"
#include "sim/port.h"

#define INSTANCE_LIST 0xD5
#define TOLD_MAX      16 /* properties that are announced */
#define TOLD_EDT      4  /* none of them is longer */

struct echonet_port {
    struct charger *charger;
    struct echonet_node node;
    struct udp *unicast, *group;
    struct sockaddr_in everybody;
    struct answers answers;
    uint16_t tid;
    bool powered;
    uint8_t told[TOLD_MAX][TOLD_EDT]; /* what was last announced, in the order of the table */
};

static void send_bytes(void *ctx, const struct sockaddr_in *to, const uint8_t *bytes, size_t len)
{
    struct echonet_port *port = ctx;
    (void)udp_send(port->unicast, (const struct sockaddr *)to, bytes, len);
}

/* ---- notifications ---- */

static void notify(struct echonet_port *port, const struct echonet_class *c, uint8_t epc)
{
    uint8_t bytes[ECHONET_MAX_FRAME];
    int len = echonet_notify(&port->node, c, epc, ++port->tid, bytes);
    if (len > 0 && charger_is_reachable(port->charger))
        send_bytes(port, &port->everybody, bytes, (size_t)len);
}

/* Compares with what was told; tells what changed, unless it is only to be noted. */
static void tell_changes(struct echonet_port *port, bool only_note)
{
    const struct echonet_class *c = &port->node.map->device;
    size_t told = 0;
    for (size_t i = 0; i < c->count && told < TOLD_MAX; i++) {
        uint8_t edt[ECHONET_EDT_MAX] = { 0 };
        uint8_t epc = c->properties[i].epc;
        if (!(c->properties[i].access & ECHONET_INF))
            continue;
        uint8_t *last = port->told[told++];
        if (echonet_get(&port->node, c, epc, edt) <= 0 || memcmp(edt, last, TOLD_EDT) == 0)
            continue;
        memcpy(last, edt, TOLD_EDT);
        if (!only_note)
            notify(port, c, epc);
    }
}

/* A node that comes up names its objects (part 2, 4.3.1). */
static void announce(struct echonet_port *port)
{
    notify(port, &echonet_node_profile, INSTANCE_LIST);
    tell_changes(port, true);
}

static void on_change(struct charger *charger)
{
    struct echonet_port *port = charger->port;
    bool was_powered = port->powered;
    port->powered = charger->model.powered;
    echonet_node_update(&port->node);
    if (port->powered && !was_powered)
        announce(port);
    else
        tell_changes(port, false);
}

/* ---- requests ---- */

static void answer(struct echonet_port *port, const struct echonet_class *c,
                   const struct echonet_frame *request, const struct sockaddr_in *from)
{
    uint8_t bytes[ECHONET_MAX_FRAME];
    bool multicast = false;
    int len = echonet_reply(&port->node, c, request, bytes, &multicast);
    tell_changes(port, false); /* what the model does not know of, as standby instead of idle */
    if (len <= 0)
        return;
    struct sockaddr_in to = *from;
    to.sin_port = port->everybody.sin_port;
    /* Byte 0, EHD1: nobody takes it for a frame. */
    answers_send(&port->answers, port->charger, multicast ? &port->everybody : &to, bytes, (size_t)len, 0);
}

static bool is_meant(const struct echonet_class *c, const struct echonet_object *o)
{
    return o->group == c->group && o->code == c->code && o->instance <= 1; /* 0: every instance */
}

static void on_datagram(void *ctx, const struct sockaddr *sender, const uint8_t *bytes, size_t len)
{
    struct echonet_port *port = ctx;
    const struct sockaddr_in *from = (const struct sockaddr_in *)sender; /* of an IPv4 socket */
    struct echonet_frame request;
    if (!charger_is_reachable(port->charger) || echonet_decode(bytes, len, &request) < 0)
        return;
    if (is_meant(&echonet_node_profile, &request.deoj))
        answer(port, &echonet_node_profile, &request, from);
    else if (is_meant(&port->node.map->device, &request.deoj))
        answer(port, &port->node.map->device, &request, from);
}

/* ---- the port ---- */

static void port_free(struct charger *charger)
{
    struct echonet_port *port = charger->port;
    answers_done(&port->answers);
    udp_free(port->unicast);
    udp_free(port->group);
    free(port);
}

static int open_sockets(struct loop *loop, struct echonet_port *port, const char *address, uint16_t udp_port,
                        const char **ret_failed)
{
    struct udp_settings settings = { .port = udp_port, .reuse_address = false };
    *ret_failed = "the socket";
    if (str_copy(settings.bind_address, sizeof settings.bind_address, address) < 0 ||
        str_copy(settings.multicast_interface, sizeof settings.multicast_interface, address) < 0)
        return -EINVAL;
    (void)str_copy(settings.multicast_group, sizeof settings.multicast_group, ECHONET_GROUP);
    int r = udp_new(loop, &settings, on_datagram, port, &port->unicast);
    if (r < 0)
        return r;
    *ret_failed = "the multicast socket";
    settings.reuse_address = true;
    (void)str_copy(settings.bind_address, sizeof settings.bind_address, ECHONET_GROUP);
    return udp_new(loop, &settings, on_datagram, port, &port->group);
}

int echonet_port_new(struct loop *loop, struct charger *charger, const char *address, uint16_t udp_port,
                     const char **ret_failed)
{
    static const struct port_ops ops = { on_change, port_free };
    struct echonet_port *port = calloc(1, sizeof(*port));
    if (!port)
        return -ENOMEM;
    port->charger = charger;
    port->powered = true;
    port->everybody = (struct sockaddr_in){ .sin_family = AF_INET,
                                            .sin_port = htons(udp_port),
                                            .sin_addr.s_addr = htonl(ECHONET_GROUP_ADDRESS) };
    answers_init(&port->answers, charger->env, send_bytes, port);
    echonet_node_init(&port->node, charger->echonet, &charger->model, charger->name);
    port->node.on_write = charger_wrote;
    port->node.ctx = charger;
    charger->port = port;
    charger->port_ops = &ops;

    int r = open_sockets(loop, port, address, udp_port, ret_failed);
    if (r == 0)
        announce(port);
    return r; /* on failure charger_free() puts the rest away */
}
