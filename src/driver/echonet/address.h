/* Where an ECHONET Lite node is: an IPv4 or IPv6 address. The port is always the same (part 2, 1.2). */
#ifndef DRIVER_ECHONET_ADDRESS_H
#define DRIVER_ECHONET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define ECHONET_ADDRESS_TEXT 64

struct echonet_address {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
    uint32_t
        scope; /* index of the interface of a link-local address, 0 where it follows from the settings; else 0 */
};

static inline bool echonet_same_address(const struct echonet_address *a, const struct echonet_address *b)
{
    return a->scope == b->scope && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* `ip` in host order. */
struct echonet_address echonet_address_v4(uint32_t ip);
bool echonet_address_is_v4(const struct echonet_address *address);
/* IPv6, of one link only: without an interface it is no place. */
bool echonet_address_is_link_local(const struct echonet_address *address);
/* A literal: "192.0.2.1", "2001:db8::1", "fe80::1%eth0" (or %2). 0, or -EINVAL: no literal. An interface that does not exist (now)
 * gives scope 0. */
int echonet_address_parse(const char *text, struct echonet_address *ret);
/* As it is parsed. */
void echonet_address_format(const struct echonet_address *address, char ret[static ECHONET_ADDRESS_TEXT]);
void echonet_address_from_socket(const struct sockaddr *from, struct echonet_address *ret);
/* `ret` is a sockaddr_in or sockaddr_in6. */
void echonet_address_to_socket(const struct echonet_address *address, uint16_t port,
                               struct sockaddr_storage *ret);

#endif
