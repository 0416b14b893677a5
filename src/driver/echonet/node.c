/* The sockets under engine.c: IPv4, and IPv6 if it is wanted.
 *
 * Everything of ECHONET Lite goes to UDP port 3610, answers too, so one socket bound to it hears all and sends all. Only if it is
 * bound to one address a second one is needed, for Linux gives multicast to no socket bound elsewhere; what we multicast then
 * leaves through that one, since it knows the interface.
 *
 * Whether the groups are still joined is looked at again and again: interfaces come late and are made anew. */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "driver/echonet/engine.h"
#include "driver/frames.h"

#define JOIN_MS 10000

struct family {
    const char *name;           /* of its group */
    struct udp *socket, *group; /* group: NULL if one socket does both */
    bool wanted;
    bool bound_to_link; /* to one interface: gone with it */
    bool deaf;          /* joined nowhere, and it was said */
};

struct echonet_node {
    struct engine engine;
    struct loop *loop;
    struct echonet_settings settings;
    uint16_t port;
    struct family v4, v6;
    const struct env *env;
    struct timer join;
    struct frames frames; /* the last ones, for diagnostics */
};

static struct udp *group_of(const struct family *family)
{
    return family->group ? family->group : family->socket; /* NULL: not open */
}

static void note_frame(struct echonet_node *node, bool is_outgoing, const struct echonet_address *peer,
                       const uint8_t *bytes, size_t len)
{
    char text[ECHONET_ADDRESS_TEXT] = "all";
    if (peer)
        echonet_address_format(peer, text);
    frames_add(&node->frames, env_wall_ms(node->env), is_outgoing, text, bytes, len);
}

/* The interface that the settings name goes without saying: it may be made anew, and has another index then. */
static void forget_interface(const struct echonet_node *node, struct echonet_address *address)
{
    if (address->scope && address->scope == udp_interface(group_of(&node->v6)))
        address->scope = 0;
}

static void on_datagram(void *ctx, const struct sockaddr *sender, const uint8_t *bytes, size_t len)
{
    struct echonet_node *node = ctx;
    struct echonet_address from;
    echonet_address_from_socket(sender, &from);
    forget_interface(node, &from);
    note_frame(node, false, &from, bytes, len);
    engine_receive(&node->engine, &from, bytes, len);
}

static int send_to(struct echonet_node *node, const struct echonet_address *to, const uint8_t *bytes,
                   size_t len)
{
    struct echonet_address address = *to;
    struct family *family = echonet_address_is_v4(to) ? &node->v4 : &node->v6;
    struct sockaddr_storage socket;
    if (!family->socket)
        return -EAFNOSUPPORT;
    if (echonet_address_is_link_local(to) && !to->scope)
        address.scope = udp_interface(group_of(family));
    echonet_address_to_socket(&address, node->port, &socket);
    return udp_send(family->socket, (const struct sockaddr *)&socket, bytes, len);
}

static int send_to_all(struct echonet_node *node, struct family *family, const uint8_t *bytes, size_t len)
{
    return family->socket ? udp_send_group(group_of(family), node->port, bytes, len) : 0;
}

static void send_datagram(void *ctx, const struct echonet_address *to, const uint8_t *bytes, size_t len)
{
    struct echonet_node *node = ctx;
    note_frame(node, true, to, bytes, len);
    int r = to ? send_to(node, to, bytes, len) : send_to_all(node, &node->v4, bytes, len);
    if (!to) {
        int r6 = send_to_all(node, &node->v6, bytes, len);
        r = r < 0 ? r : r6;
    }
    if (r < 0)
        log_debug(LOG_ECHONET, "datagram is not sent: to=%s: %s", to ? "one" : "all", err_text(r));
}

/* ---- sockets ---- */

static void close_family(struct family *family)
{
    udp_free(family->socket);
    udp_free(family->group);
    family->socket = family->group = NULL;
}

static int open_family(struct echonet_node *node, struct family *family)
{
    const struct echonet_settings *settings = &node->settings;
    bool ipv6 = family == &node->v6;
    const char *bind = ipv6 ? settings->ipv6 : settings->bind_address, *all = ipv6 ? "::" : "0.0.0.0";
    bool any = bind[0] == '\0' || str_equal(bind, all) || (ipv6 && str_equal(bind, "yes"));
    /* Another stack on this host may be bound to all addresses, while we have ours; two on all are a mistake to show. */
    struct udp_settings own = { .ipv6 = ipv6, .port = settings->port, .reuse_address = !any };
    struct udp_settings group = { .ipv6 = ipv6, .port = settings->port, .reuse_address = true };
    const char *group_address = ipv6 ? ECHONET_GROUP_IPV6 : ECHONET_GROUP;
    (void)str_copy(own.bind_address, sizeof(own.bind_address), any ? all : bind);
    (void)str_copy(group.bind_address, sizeof(group.bind_address), group_address);
    struct udp_settings *joined = any ? &own : &group;
    const char *interface = settings->multicast_interface;
    if (!interface[0] && !any)
        interface = ipv6 && strchr(bind, '%') ? strchr(bind, '%') + 1 : bind;
    (void)str_copy(joined->multicast_group, sizeof(joined->multicast_group), group_address);
    (void)str_copy(joined->multicast_interface, sizeof(joined->multicast_interface), interface);
    family->bound_to_link = ipv6 && !any;
    int r = udp_new(node->loop, &own, on_datagram, node, &family->socket);
    if (r == 0 && !any)
        r = udp_new(node->loop, &group, on_datagram, node, &family->group);
    if (r < 0)
        close_family(family);
    return r;
}

/* Returns whether the group is joined where it was not. */
static bool join_again(struct echonet_node *node, struct family *family)
{
    if (!family->wanted)
        return false;
    int r = family->socket ? udp_join(group_of(family)) : open_family(node, family);
    bool changed = r > 0 || (family->deaf && r == 0);
    if (r != 0 && family->bound_to_link) { /* bound to an interface that is no more */
        close_family(family);
        r = open_family(node, family);
        changed = r == 0;
    }
    if (r < 0 && !family->deaf)
        log_warn(LOG_ECHONET, "nothing is heard that is sent to all, tried again: group=%s: %s", family->name,
                 err_text(r));
    if (r >= 0 && family->deaf)
        log_info(LOG_ECHONET, "what is sent to all is heard again: group=%s", family->name);
    family->deaf = r < 0;
    return changed && r >= 0;
}

static void on_join(struct timer *timer, void *ctx)
{
    struct echonet_node *node = ctx;
    bool v4 = join_again(node, &node->v4), v6 = join_again(node, &node->v6);
    env_timer_start(node->env, timer, JOIN_MS);
    if (v4 || v6)
        engine_start(&node->engine);
}

int echonet_new(struct loop *loop, const struct echonet_settings *settings, struct echonet_node **ret)
{
    struct echonet_node *node = calloc(1, sizeof(*node));
    if (!node)
        return -ENOMEM;
    node->loop = loop;
    node->settings = *settings;
    node->v4 = (struct family){ .name = ECHONET_GROUP, .wanted = true };
    node->v6 = (struct family){ .name = ECHONET_GROUP_IPV6,
                                .wanted = settings->ipv6[0] && !str_equal(settings->ipv6, "no") };
    node->port = settings->port;
    node->env = &loop->env;
    frames_init(&node->frames, 16384);
    engine_init(&node->engine, &loop->env, settings->node_id, send_datagram, node);
    timer_init(&node->join, &loop->timers, on_join, node);
    int r = open_family(node, &node->v4);
    if (r == 0 && node->v6.wanted)
        r = open_family(node, &node->v6);
    if (r < 0) {
        echonet_free(node);
        return r;
    }
    on_join(&node->join, node);
    engine_start(&node->engine);
    *ret = node;
    return 0;
}

void echonet_free(struct echonet_node *node)
{
    if (!node)
        return;
    timer_stop(&node->join);
    engine_done(&node->engine);
    close_family(&node->v4);
    close_family(&node->v6);
    frames_done(&node->frames);
    free(node);
}

const struct bus_counters *echonet_counters(const struct echonet_node *node)
{
    return &node->engine.counters;
}

void echonet_print_frames(const struct echonet_node *node, const char *host, struct buf *out)
{
    struct echonet_address address;
    char text[ECHONET_ADDRESS_TEXT];
    bool one = echonet_address_parse(host, &address) == 0;
    if (one) {
        forget_interface(node, &address);
        echonet_address_format(&address, text); /* as it was written down */
    }
    frames_print(&node->frames, one ? text : NULL, out);
}

void echonet_discover(struct echonet_node *node, echonet_on_found on_found, void *ctx)
{
    engine_discover(&node->engine, on_found, ctx);
}

struct device *echonet_device_new(struct echonet_node *node, const struct echonet_target *target,
                                  const struct profile *profile, const struct echonet_options *options,
                                  const struct device_events *events, void *ctx)
{
    struct echonet_target place = *target;
    struct echonet_address address;
    if (echonet_address_parse(target->host, &address) == 0) {
        forget_interface(node, &address);
        echonet_address_format(&address, place.host);
    }
    return engine_device_new(&node->engine, &place, profile, options, events, ctx);
}
