/* A UDP socket with multicast, IPv4 or IPv6. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <netinet/in.h>

#include "base/cleanup.h"
#include "net/loop.h"

struct udp;
struct udp_settings {
    bool ipv6;             /* else IPv4 */
    char bind_address[64]; /* "0.0.0.0", "::", "fe80::1%eth0" */
    uint16_t port;
    char multicast_group[64]; /* joined if not "" */
    char
        multicast_interface[64]; /* name or address of the interface to join and send on; "": all there are */
    bool reuse_address;          /* several sockets on one port (tests on one host) */
};

/* `from` is a sockaddr_in, or sockaddr_in6 of an IPv6 socket. */
typedef void (*udp_on_datagram)(void *ctx, const struct sockaddr *from, const uint8_t *bytes, size_t len);

/* 0, or -errno (address in use ...; -EINVAL: no literal address); the log names the call that failed. An interface that is not
 * there yet is no error: see udp_join(). */
int udp_new(struct loop *loop, const struct udp_settings *settings, udp_on_datagram on_datagram, void *ctx,
            struct udp **ret);
void udp_free(struct udp *udp);
DEFINE_AUTO(udp, udp_free)
/* Joins the group where it is not joined yet: interfaces come, go and are made anew. 1 if something changed, 0 if not, or -errno
 * if it is joined nowhere (-ENODEV: no such interface). */
int udp_join(struct udp *udp);
/* The index of the one interface that the settings name, 0 if there is none (now). `udp` may be NULL. */
unsigned udp_interface(const struct udp *udp);
/* Datagrams are sent at once or dropped (a full socket buffer is the network's loss). 0 or -errno. */
int udp_send(struct udp *udp, const struct sockaddr *to, const void *bytes, size_t len);
/* To the group, on every interface where it is joined. 0, or -errno if it went out nowhere. */
int udp_send_group(struct udp *udp, uint16_t port, const void *bytes, size_t len);
uint16_t udp_port(const struct udp *udp);

#endif
