/* Who asks through a proxy: X-Forwarded-For is believed of those proxies only that the owner trusts. Pure. */
#ifndef NET_HTTP_FORWARDED_H
#define NET_HTTP_FORWARDED_H

#include "net/http.h"

#define HTTP_MAX_PROXIES 16

struct http_proxies { /* a value; zeroed: none */
    char at[HTTP_MAX_PROXIES][HTTP_PEER_SIZE];
    size_t count;
};

/* An address as it is compared and told: "2001:DB8:0::1" is "2001:db8::1", "::ffff:192.0.2.1" is "192.0.2.1". False: it is none. */
bool http_read_address(const char *text, char ret[static HTTP_PEER_SIZE]);
/* 0, -EINVAL: it is no address; -E2BIG: there are too many. */
int http_proxies_add(struct http_proxies *proxies, const char *address);
/* The client of a request that came from `peer` with this X-Forwarded-For (may be NULL): of a trusted peer the last address in it that is no
 * trusted proxy's. `peer`, where there is none, or where what stands there is no address: who can write that header can write anything. */
void http_client_address(const struct http_proxies *proxies, const char *peer, const char *forwarded,
                         char ret[static HTTP_PEER_SIZE]);

#endif
