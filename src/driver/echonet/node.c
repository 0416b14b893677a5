/* The sockets under engine.c.
 *
 * Everything of ECHONET Lite goes to UDP port 3610, answers too, so one socket bound to it hears all and sends all. Only if it is
 * bound to one address a second one is needed, for Linux gives multicast to no socket bound elsewhere; what we multicast then
 * leaves through that one, since it knows the interface. */
#include <arpa/inet.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "driver/echonet/engine.h"
#include "driver/frames.h"

struct echonet_node {
    struct engine engine;
    uint16_t port;
    struct udp *socket, *group; /* group: NULL if one socket does both */
    const struct env *env;
    struct frames frames; /* the last ones, for diagnostics */
};

static void on_datagram(void *ctx, const struct sockaddr_in *from, const uint8_t *bytes, size_t len)
{
    struct echonet_node *node = ctx;
    frames_add(&node->frames, env_wall_ms(node->env), false, ntohl(from->sin_addr.s_addr), bytes, len);
    engine_receive(&node->engine, ntohl(from->sin_addr.s_addr), bytes, len);
}

static void send_datagram(void *ctx, uint32_t address, const uint8_t *bytes, size_t len)
{
    struct echonet_node *node = ctx;
    struct udp *udp = address == ECHONET_GROUP_ADDRESS && node->group ? node->group : node->socket;
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(node->port),
                              .sin_addr.s_addr = htonl(address) };
    frames_add(&node->frames, env_wall_ms(node->env), true, address, bytes, len);
    int r = udp_send(udp, &to, bytes, len);
    if (r < 0)
        log_debug(LOG_ECHONET, "datagram is not sent: to=%s: %s",
                  address == ECHONET_GROUP_ADDRESS ? "all" : "one", err_text(r));
}

static int open_sockets(struct loop *loop, const struct echonet_settings *settings, struct echonet_node *node)
{
    bool any = settings->bind_address[0] == '\0' || str_equal(settings->bind_address, "0.0.0.0");
    /* Another stack on this host may be bound to all addresses, while we have ours; two on all are a mistake to show. */
    struct udp_settings own = { .port = settings->port, .reuse_address = !any };
    struct udp_settings group = { .port = settings->port, .reuse_address = true };
    (void)str_copy(own.bind_address, sizeof(own.bind_address), any ? "0.0.0.0" : settings->bind_address);
    (void)str_copy(group.bind_address, sizeof(group.bind_address), ECHONET_GROUP);
    struct udp_settings *joined = any ? &own : &group;
    (void)str_copy(joined->multicast_group, sizeof(joined->multicast_group), ECHONET_GROUP);
    (void)str_copy(joined->multicast_interface, sizeof(joined->multicast_interface),
                   settings->multicast_interface[0] || any ? settings->multicast_interface
                                                           : settings->bind_address);
    int r = udp_new(loop, &own, on_datagram, node, &node->socket);
    if (r == 0 && !any)
        r = udp_new(loop, &group, on_datagram, node, &node->group);
    return r;
}

int echonet_new(struct loop *loop, const struct echonet_settings *settings, struct echonet_node **ret)
{
    struct echonet_node *node = calloc(1, sizeof(*node));
    if (!node)
        return -ENOMEM;
    node->port = settings->port;
    node->env = &loop->env;
    frames_init(&node->frames, 16384);
    engine_init(&node->engine, &loop->env, settings->node_id, send_datagram, node);
    int r = open_sockets(loop, settings, node);
    if (r < 0) {
        echonet_free(node);
        return r;
    }
    engine_start(&node->engine);
    *ret = node;
    return 0;
}

void echonet_free(struct echonet_node *node)
{
    if (!node)
        return;
    engine_done(&node->engine);
    udp_free(node->socket);
    udp_free(node->group);
    frames_done(&node->frames);
    free(node);
}

const struct bus_counters *echonet_counters(const struct echonet_node *node)
{
    return &node->engine.counters;
}

void echonet_print_frames(const struct echonet_node *node, const char *host, struct buf *out)
{
    struct in_addr address;
    frames_print(&node->frames, inet_pton(AF_INET, host, &address) == 1 ? ntohl(address.s_addr) : 0, out);
}

void echonet_discover(struct echonet_node *node, echonet_on_found on_found, void *ctx)
{
    engine_discover(&node->engine, on_found, ctx);
}

struct device *echonet_device_new(struct echonet_node *node, const struct echonet_target *target,
                                  const struct profile *profile, const struct echonet_options *options,
                                  const struct device_events *events, void *ctx)
{
    return engine_device_new(&node->engine, target, profile, options, events, ctx);
}
