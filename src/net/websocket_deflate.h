/* permessage-deflate on one connection, as an extension of libwebsockets that only negotiates and marks. */
#ifndef NET_WEBSOCKET_DEFLATE_H
#define NET_WEBSOCKET_DEFLATE_H

#include <libwebsockets.h>

#include "net/deflate.h"

struct websocket_deflate {
    struct inflater *inflater;
    bool peer_forgets; /* the peer compresses each message by itself */
    bool marking;      /* the text frame being written is compressed */
};

/* For the vhost's table of extensions. */
struct lws_extension websocket_deflate_extension(void);

#endif
