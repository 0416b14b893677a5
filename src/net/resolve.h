/* Name resolution in libuv's pool: never on the loop. Literal addresses answer in the next turn, too. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <netinet/in.h>

#include "net/loop.h"

struct resolve;
/* `address` is NULL on error. The request is over when this returns. */
typedef void (*resolved)(void *ctx, int err, const struct sockaddr *address);

/* host may be a name or a literal. NULL without memory. */
struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port, resolved callback,
                              void *ctx);
/* No callback comes after this. NULL is fine. */
void resolve_cancel(struct resolve *request);

#endif
