/* A UDP socket with multicast. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <netinet/in.h>

#include "base/cleanup.h"
#include "net/loop.h"

struct udp;
struct udp_settings {
    char bind_address[64]; /* "0.0.0.0" */
    uint16_t port;
    char multicast_group[64];     /* joined if not "" */
    char multicast_interface[64]; /* address of the interface to join and send on; "" = system's choice */
    bool reuse_address;           /* several sockets on one port (tests on one host) */
};

/* 0, or -errno (address in use, no such interface ...; -EINVAL: no literal address); the log names the call that failed. */
int udp_new(struct loop *loop, const struct udp_settings *settings,
            void (*on_datagram)(void *ctx, const struct sockaddr_in *from, const uint8_t *bytes, size_t len),
            void *ctx, struct udp **ret);
void udp_free(struct udp *udp);
DEFINE_AUTO(udp, udp_free)
/* Datagrams are sent at once or dropped (a full socket buffer is the network's loss). 0 or -errno. */
int udp_send(struct udp *udp, const struct sockaddr_in *to, const void *bytes, size_t len);
uint16_t udp_port(const struct udp *udp);

#endif
