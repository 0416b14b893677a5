/* Compression of single messages as permessage-deflate wants it (RFC 7692, 7.2). Pure. libwebsockets' own
 * implementation ends the process by an assertion when a message's size meets its buffer's in certain ways. */
#ifndef NET_DEFLATE_H
#define NET_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Each message by itself (no context takeover), so that one deflater serves all connections. 0, -ENOMEM, -EMSGSIZE. */
struct deflater;
struct deflater *deflater_new(void);
void deflater_free(struct deflater *d);
int deflater_run(struct deflater *d, const void *bytes, size_t len, struct buf *ret);

/* A connection's: the peer may refer to earlier messages, unless it agreed not to. Its memory is taken with the first piece
 * (42 KiB), and given back after each message if `keep` is false. */
struct inflater;
struct inflater *inflater_new(void);
void inflater_free(struct inflater *i);
/* A piece of a message; `last` ends it. Appends to `ret`, whose maximum bounds what comes out. 0, -EBADMSG, -EMSGSIZE,
 * -ENOMEM. */
int inflater_run(struct inflater *i, const void *bytes, size_t len, bool last, bool keep, struct buf *ret);

#endif
