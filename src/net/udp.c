/* One UDP socket, watched by a uv_poll.
 *
 * A group is joined on interfaces, not on addresses: left to itself the kernel picks one, and the others hear nothing
 * (echonet-lite.js#14). A membership survives an interface that goes down and up, but not one that is removed and made anew (a USB
 * adapter, a VLAN, a bridge), so udp_join() looks again. */
#include "net/udp.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define DATAGRAM_MAX   65536
#define RECEIVE_MAX    64 /* datagrams in one turn of the loop */
#define INTERFACES_MAX 16 /* IPv4 allows 20 memberships */

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct udp {
    uv_poll_t poll;
    int fd;
    bool freed; /* in a callback: on_ready() looks at it */
    udp_on_datagram on_datagram;
    void *ctx;
    struct udp_settings settings;
    unsigned joined
        [INTERFACES_MAX]; /* indices; none for IPv4 by an address of no interface, or by the system's choice */
    size_t joined_count;
};

/* 0, or -errno with the call that failed in the log. */
static int checked(const char *call, const char *what, int result)
{
    if (result >= 0)
        return 0;
    int err = -errno;
    log_debug(LOG_NET, "cannot set up a UDP socket: call=%s for=%s: %s", call, what, err_text(err));
    return err;
}

static int set_option(int fd, const char *name, int level, int option, const void *value, size_t len)
{
    return checked("setsockopt", name, setsockopt(fd, level, option, value, (socklen_t)len));
}

/* A literal, with "%interface" where it is link-local. Returns its length, or -EINVAL. */
static int parse_address(const char *text, bool ipv6, uint16_t port, union any_address *ret)
{
    *ret = (union any_address){ 0 };
    if (!ipv6) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(port);
        return inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1 ? (int)sizeof(ret->v4) : -EINVAL;
    }
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "%");
    if (len >= sizeof(address))
        return -EINVAL;
    memcpy(address, text, len);
    address[len] = '\0';
    ret->v6.sin6_family = AF_INET6;
    ret->v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, address, &ret->v6.sin6_addr) != 1)
        return -EINVAL;
    if (text[len] && !(ret->v6.sin6_scope_id = if_nametoindex(text + len + 1)))
        return -ENODEV;
    return (int)sizeof(ret->v6);
}

/* ---- membership ---- */

static bool same_ip(const struct sockaddr *a, const union any_address *b)
{
    if (a->sa_family != b->any.sa_family)
        return false;
    return a->sa_family == AF_INET
               ? ((const struct sockaddr_in *)a)->sin_addr.s_addr == b->v4.sin_addr.s_addr
               : memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &b->v6.sin6_addr, 16) == 0;
}

/* By name or address; 0 if there is none. */
static unsigned interface_index(const char *text)
{
    unsigned index = if_nametoindex(text);
    union any_address wanted;
    struct ifaddrs *all = NULL;
    bool is_address =
        parse_address(text, false, 0, &wanted) >= 0 || parse_address(text, true, 0, &wanted) >= 0;
    if (index || !is_address || getifaddrs(&all) < 0)
        return index;
    for (const struct ifaddrs *i = all; i && !index; i = i->ifa_next)
        if (i->ifa_addr && same_ip(i->ifa_addr, &wanted))
            index = if_nametoindex(i->ifa_name);
    freeifaddrs(all);
    return index;
}

/* Those that are up and can multicast. Returns how many. */
static size_t all_interfaces(bool ipv6, unsigned ret[static INTERFACES_MAX])
{
    const unsigned wanted = IFF_UP | IFF_MULTICAST;
    struct ifaddrs *all = NULL;
    size_t count = 0;
    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *i = all; i && count < INTERFACES_MAX; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != (ipv6 ? AF_INET6 : AF_INET) ||
            (i->ifa_flags & wanted) != wanted || i->ifa_flags & IFF_LOOPBACK)
            continue;
        unsigned index = if_nametoindex(i->ifa_name);
        bool known = index == 0;
        for (size_t j = 0; j < count; j++)
            known = known || ret[j] == index;
        if (!known)
            ret[count++] = index;
    }
    freeifaddrs(all);
    return count;
}

static int set_membership(const struct udp *u, bool joins, unsigned index)
{
    union any_address group;
    if (parse_address(u->settings.multicast_group, u->settings.ipv6, 0, &group) < 0)
        return -EINVAL;
    struct ip_mreqn v4 = { .imr_multiaddr = group.v4.sin_addr, .imr_ifindex = (int)index };
    struct ipv6_mreq v6 = { .ipv6mr_multiaddr = group.v6.sin6_addr, .ipv6mr_interface = index };
    int r =
        u->settings.ipv6
            ? setsockopt(u->fd, IPPROTO_IPV6, joins ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &v6, sizeof(v6))
            : setsockopt(u->fd, IPPROTO_IP, joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &v4, sizeof(v4));
    return r < 0 ? -errno : 0;
}

/* IPv4 by an address that the kernel knows to be ours although no interface lists it (127.0.0.2), or by nothing at all. */
static int join_by_address(const struct udp *u)
{
    const char *interface = u->settings.multicast_interface;
    struct ip_mreqn group = { 0 };
    union any_address address;
    if (parse_address(u->settings.multicast_group, false, 0, &address) < 0)
        return -EINVAL;
    group.imr_multiaddr = address.v4.sin_addr;
    if (interface[0] && parse_address(interface, false, 0, &address) < 0)
        return -ENODEV;
    if (interface[0])
        group.imr_address = address.v4.sin_addr;
    if (setsockopt(u->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
        return errno == EADDRINUSE ? 0 : -errno;
    int r =
        interface[0] ? set_option(u->fd, interface, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) : 0;
    return r < 0 ? r : 1;
}

/* What is sent to the group leaves through the one interface that the settings name, and from its address there. */
static int send_by(const struct udp *u, unsigned index)
{
    const char *interface = u->settings.multicast_interface;
    union any_address address;
    struct ip_mreqn through = { .imr_ifindex = (int)index };
    int v6 = (int)index;
    if (u->settings.ipv6)
        return set_option(u->fd, interface, IPPROTO_IPV6, IPV6_MULTICAST_IF, &v6, sizeof(v6));
    if (parse_address(interface, false, 0, &address) >= 0)
        through.imr_address = address.v4.sin_addr;
    return set_option(u->fd, interface, IPPROTO_IP, IP_MULTICAST_IF, &through, sizeof(through));
}

static bool leave_what_is_gone(struct udp *u, const unsigned *now, size_t count)
{
    size_t kept = 0, before = u->joined_count;
    for (size_t i = 0; i < before; i++) {
        bool stays = false;
        for (size_t j = 0; j < count; j++)
            stays = stays || now[j] == u->joined[i];
        if (stays)
            u->joined[kept++] = u->joined[i];
        else
            (void)set_membership(u, false, u->joined[i]); /* it counts, interface or not */
    }
    u->joined_count = kept;
    return kept < before;
}

int udp_join(struct udp *u)
{
    const struct udp_settings *s = &u->settings;
    unsigned now[INTERFACES_MAX];
    size_t count = s->multicast_interface[0] ? 1 : all_interfaces(s->ipv6, now);
    if (s->multicast_interface[0] && !(now[0] = interface_index(s->multicast_interface)))
        count = 0;
    bool changed = leave_what_is_gone(u, now, count);
    int err = -ENODEV;
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t j = 0; j < u->joined_count; j++)
            known = known || u->joined[j] == now[i];
        int r = set_membership(u, true, now[i]);
        if (r == 0 && s->multicast_interface[0])
            r = send_by(u, now[i]);
        if (r < 0 && r != -EADDRINUSE) {
            err = r;
            continue;
        }
        changed = changed || r == 0;
        if (!known)
            u->joined[u->joined_count++] = now[i];
    }
    if (u->joined_count == 0)
        return s->ipv6 ? err : join_by_address(u);
    return changed;
}

unsigned udp_interface(const struct udp *u)
{
    return u && u->settings.multicast_interface[0] && u->joined_count == 1 ? u->joined[0] : 0;
}

/* ---- the socket ---- */

static int configure(struct udp *u)
{
    const struct udp_settings *s = &u->settings;
    union any_address address;
    int len = parse_address(s->bind_address, s->ipv6, s->port, &address);
    if (len < 0)
        return len;
    /* A group of one link is one of an interface. */
    if (s->ipv6 && IN6_IS_ADDR_MC_LINKLOCAL(&address.v6.sin6_addr) && !address.v6.sin6_scope_id)
        address.v6.sin6_scope_id = interface_index(s->multicast_interface);

    int yes = 1, no = 0;
    int r =
        s->reuse_address ? set_option(u->fd, "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) : 0;
    if (r == 0 && s->ipv6) /* IPv4 has a socket of its own */
        r = set_option(u->fd, "IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    if (r == 0)
        r = checked("bind", s->bind_address, bind(u->fd, &address.any, (socklen_t)len));
    if (r < 0 || !s->multicast_group[0])
        return r;
    /* Without this a socket also hears the groups that other sockets of the host joined. */
    r = s->ipv6 ? set_option(u->fd, "IPV6_MULTICAST_ALL", IPPROTO_IPV6, IPV6_MULTICAST_ALL, &no, sizeof(no))
                : set_option(u->fd, "IP_MULTICAST_ALL", IPPROTO_IP, IP_MULTICAST_ALL, &no, sizeof(no));
    if (r < 0)
        return r;
    return udp_join(u) == -EINVAL ? -EINVAL : 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void udp_free(struct udp *u)
{
    if (!u || u->freed)
        return;
    u->freed = true;
    uv_close((uv_handle_t *)&u->poll, on_closed);
    close(u->fd);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct udp *u = poll->data;
    (void)status;
    (void)events;
    uint8_t bytes[DATAGRAM_MAX];
    for (int i = 0; i < RECEIVE_MAX && !u->freed; i++) {
        union any_address from = { 0 };
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(u->fd, bytes, sizeof(bytes), 0, &from.any, &from_len);
        if (n >= 0)
            u->on_datagram(u->ctx, &from.any, bytes, (size_t)n);
        else if (errno == EAGAIN)
            return;
        /* else an ICMP error of an earlier datagram: the receiver's time-out will notice */
    }
}

int udp_new(struct loop *loop, const struct udp_settings *settings, udp_on_datagram on_datagram, void *ctx,
            struct udp **ret)
{
    struct udp *u = calloc(1, sizeof(*u));
    if (!u)
        return -ENOMEM;
    u->settings = *settings;
    u->on_datagram = on_datagram;
    u->ctx = ctx;
    u->fd = socket(settings->ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r = u->fd < 0 ? -errno : configure(u);
    if (r == 0)
        r = uv_poll_init(&loop->uv, &u->poll, u->fd);
    if (r < 0) {
        if (u->fd >= 0)
            close(u->fd);
        free(u);
        return r;
    }
    u->poll.data = u;
    uv_poll_start(&u->poll, UV_READABLE, on_ready);
    *ret = u;
    return 0;
}

int udp_send(struct udp *u, const struct sockaddr *to, const void *bytes, size_t len)
{
    socklen_t size = to->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    return sendto(u->fd, bytes, len, 0, to, size) < 0 ? -errno : 0;
}

/* Through one interface: IPv6 says so in the address, IPv4 beside it. */
static int send_through(struct udp *u, union any_address *to, unsigned index, struct iovec *payload)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control = { 0 };
    struct msghdr message = { .msg_name = to, .msg_iov = payload, .msg_iovlen = 1 };
    message.msg_namelen = u->settings.ipv6 ? sizeof(to->v6) : sizeof(to->v4);
    if (u->settings.ipv6) {
        to->v6.sin6_scope_id = index;
    } else {
        struct in_pktinfo through = { .ipi_ifindex = (int)index };
        control.head.cmsg_level = IPPROTO_IP;
        control.head.cmsg_type = IP_PKTINFO;
        control.head.cmsg_len = CMSG_LEN(sizeof(through));
        memcpy(CMSG_DATA(&control.head), &through, sizeof(through));
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
    }
    return sendmsg(u->fd, &message, 0) < 0 ? -errno : 0;
}

int udp_send_group(struct udp *u, uint16_t port, const void *bytes, size_t len)
{
    union any_address to;
    struct iovec payload = { (void *)(uintptr_t)bytes, len };
    if (parse_address(u->settings.multicast_group, u->settings.ipv6, port, &to) < 0)
        return -EINVAL;
    bool named = u->settings.multicast_interface[0];
    if (u->joined_count == 0 && u->settings.ipv6)
        return -ENODEV;
    if (named && u->settings.ipv6)
        to.v6.sin6_scope_id = u->joined[0];
    if (named || u->joined_count == 0)
        return udp_send(u, &to.any, bytes, len);
    int result = -ENODEV;
    for (size_t i = 0; i < u->joined_count; i++) {
        int r = send_through(u, &to, u->joined[i], &payload);
        result = result == 0 ? 0 : r;
    }
    return result;
}

uint16_t udp_port(const struct udp *u)
{
    union any_address a = { 0 };
    socklen_t len = sizeof(a);
    if (getsockname(u->fd, &a.any, &len) < 0)
        return 0;
    return ntohs(u->settings.ipv6 ? a.v6.sin6_port : a.v4.sin_port);
}
