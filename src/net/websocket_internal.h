/* What the parts of the WebSocket code share: endpoint.c (context, endpoints), websocket.c (connections),
 * websocket_lws.c (libwebsockets' one callback). */
#ifndef NET_WEBSOCKET_INTERNAL_H
#define NET_WEBSOCKET_INTERNAL_H

#include <libwebsockets.h>

#include "base/buf.h"
#include "base/list.h"
#include "net/resolve.h"
#include "net/tls.h"
#include "net/url.h"
#include "net/websocket.h"
#include "net/websocket_deflate.h"

#define SUBPROTOCOL_SIZE 32
#define REFUSED_PINS_MAX 8
#define CLOSE_TEXT_MAX   123 /* of a close frame: 125 bytes less the code */

struct websocket_context {
    struct loop *loop;
    struct lws_context *lws;
    struct list endpoints;
    struct deflater *deflater;                        /* NULL until needed */
    size_t websockets;                                /* that exist, those let go by their owners included */
    unsigned char refused_pins[REFUSED_PINS_MAX][32]; /* SHA-256; the newest of refused_pin_count */
    size_t refused_pin_count;
};

struct endpoint {
    struct websocket_context *context;
    struct list link;
    struct lws_vhost *vhost;
    struct lws_extension extensions[2];
    bool tls, compression;
    bool freed;        /* by its owner: goes with its last websocket */
    size_t websockets; /* as above */
    size_t max_message;
    char *subprotocols; /* comma-separated */

    /* client */
    struct url url;
    char *host_header;
    SSL_CTX *ssl;
    struct tls_roots roots;
    struct tls_peer peer;

    /* server */
    struct websocket_server_events events;
    void *ctx;
    char *address;
    bool wants_certificates;                 /* of clients, whose common name is then their identity */
    const struct tls_settings *tls_settings; /* while the vhost is made */
    struct lws_protocols *protocols;         /* libwebsockets copies them, but not their names */
    char refused_protocol[64];               /* see confirm_subprotocol() */
    struct websocket_deflate *negotiated;    /* for the websocket about to be made; libwebsockets' */
};

/*     RESOLVING -> CONNECTING -> TLS -> HANDSHAKE -> OPEN -> CLOSING -> ENDED
 *         '-> NEXT_ADDRESS <-'                  any but OPEN -> ABORTING -> ENDED */
enum phase {
    PHASE_RESOLVING,
    PHASE_NEXT_ADDRESS, /* the timer will try it */
    PHASE_CONNECTING,
    PHASE_TLS,
    PHASE_HANDSHAKE,
    PHASE_OPEN,
    PHASE_CLOSING,  /* a close frame goes out after what is queued, or came in */
    PHASE_ABORTING, /* the timer will kill it */
    PHASE_ENDED     /* libwebsockets knows nothing of it any more */
};

/* What is needed only until it is open. */
struct attempt {
    struct resolve *resolve;
    struct sockaddr_storage addresses[RESOLVE_MAX];
    size_t count, next;
    int64_t deadline_ms;
    char *path;          /* percent-encoded */
    char *authorization; /* or NULL */
};

struct outgoing; /* one message in the queue */

struct websocket {
    struct endpoint *endpoint;
    struct websocket_events events;
    void *ctx;
    bool freed; /* by its owner */
    enum phase phase;
    struct lws *wsi; /* NULL: none, or not yet */
    struct attempt *attempt;
    char subprotocol[SUBPROTOCOL_SIZE];

    struct outgoing *first, **last;
    size_t queued, queued_bytes;
    struct buf incoming; /* the beginning of a message that comes in pieces */
    bool in_message, compressed;
    struct websocket_deflate *deflate; /* libwebsockets'; NULL: not negotiated */

    struct timer timer; /* by phase: attempt, next address, ping, close, kill */
    int64_t ping_interval_ms;
    bool ping_due, silent; /* silent: nothing came since the last ping */

    bool end_known;
    struct websocket_end end;
    char *end_text; /* owned, or NULL */
    int close_code;
    const char *close_reason; /* static, or NULL */
    bool close_sent;
};

extern const lws_retry_bo_t no_keepalive; /* libwebsockets' own pings are off */

int websocket_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* For websocket_lws.c; each may end in the owner's callbacks. */
struct websocket *websocket_of_server(struct endpoint *endpoint, struct lws *wsi);
void websocket_on_connected(struct websocket *ws);
void websocket_on_failure(struct websocket *ws, int status, const char *text);
void websocket_on_open(struct websocket *ws);
void websocket_on_receive(struct websocket *ws, const char *bytes, size_t len);
int websocket_on_writable(struct websocket *ws);
int websocket_on_peer_close(struct websocket *ws, const uint8_t *payload, size_t len);
void websocket_on_closed(struct websocket *ws);
/* Called when a websocket is gone. */
void endpoint_release(struct endpoint *endpoint);

#endif
