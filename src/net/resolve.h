/* Name resolution in libuv's pool: never on the loop. Literal addresses answer in the next turn, too. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <netinet/in.h>
#include <stddef.h>

#include "net/loop.h"

#define RESOLVE_MAX 4 /* addresses of one name, in the order to try them */

struct resolve;
/* `count` is 0 on error (`err` is then libuv's) and else 1..RESOLVE_MAX; `addresses` are borrowed and carry the port. The
 * request is over when this is called. */
typedef void (*resolved)(void *ctx, int err, const struct sockaddr_storage *addresses, size_t count);

/* host may be a name or a literal. NULL without memory. */
struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port, resolved callback,
                              void *ctx);
/* No callback comes after this. NULL is fine. */
void resolve_cancel(struct resolve *request);

#endif
