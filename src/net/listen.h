/* Between listener.c and stream.c. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/stream.h"

/* A listening, non-blocking socket, or -errno (-EINVAL: not a literal address). */
int listen_socket(const char *address, uint16_t port);
/* A stream of a connected socket, open already; takes the descriptor, also on failure. NULL without memory. */
struct stream *stream_adopt(struct loop *loop, int fd, const struct stream_events *events, void *ctx);

#endif
