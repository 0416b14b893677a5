/* What the parts of the HTTP server share: http.c (servers, and how they listen), http_tls.c, http_lws.c (libwebsockets' one callback),
 * http_connection.c (from bytes to requests, and the clock) and http_exchange.c (answers).
 *
 * libwebsockets carries bytes and TLS only. Its own HTTP server, as of 4.1, loops for ever on a second POST that comes with the first, keeps
 * whatever a client sends before its turn, and answers much by itself. */
#ifndef NET_HTTP_INTERNAL_H
#define NET_HTTP_INTERNAL_H

#include <libwebsockets.h>

#include "base/list.h"
#include "net/http.h"
#include "net/http_head.h"
#include "net/stream.h"
#include "net/websocket_internal.h"

#define HTTP_CHUNK      (16u << 10) /* is written at a time */
#define HTTP_SMALL_BODY (16u << 10) /* always has room; larger ones share this: */
#define HTTP_MAX_BODIES (16u << 20)

/* How long a client may take. */
struct http_patience {
    int64_t head_ms;       /* until a request's head is there, TLS handshake included */
    int64_t body_ms;       /* until its body is there */
    int64_t body_pause_ms; /* without anything of it */
    int64_t idle_ms;       /* between two requests */
    int64_t answer_ms;     /* taking nothing of an answer */
    int64_t linger_ms;     /* to hang up after an answer with which we do */
};

struct http_server {
    struct websocket_context *context;
    struct http_events events;
    void *ctx;
    struct http_patience patience;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    SSL_CTX *certificate;      /* the one that is shown; NULL: plain */
    struct listener *listener; /* TCP, or */
    uv_pipe_t *pipe;           /* Unix socket */
    struct list queue;         /* of connections whose request waits for its turn: one in each of the loop */
    struct timer turn;
    struct list connections;         /* the one that was served longest ago comes first */
    size_t connection_count, bodies; /* bodies: bytes of large ones */
    bool freed;
    struct timer destroy;      /* the vhost, when no callback of its runs */
    struct timer accept_again; /* from the Unix socket, where there was no memory to */
};

/*     HEAD -> BODY -> QUEUED -> ASKED -> SENDING --> HEAD     (a refusal leaves HEAD and BODY for SENDING at once)
 *        '------------^           '----> STREAMING -^  '-> LINGERING, where what the client still sends is not looked at */
enum http_phase {
    HTTP_PHASE_HEAD,
    HTTP_PHASE_BODY,
    HTTP_PHASE_QUEUED,
    HTTP_PHASE_ASKED, /* the owner has the exchange */
    HTTP_PHASE_SENDING,
    HTTP_PHASE_STREAMING, /* as ASKED, the owner has it */
    HTTP_PHASE_LINGERING,
};

struct http_connection {
    struct http_server *server; /* NULL: it was freed, the connection will be closed */
    struct list link, queued;
    struct lws *wsi;
    enum http_phase phase;
    struct timer timer; /* by phase */
    int64_t body_due_ms;
    char peer[HTTP_PEER_SIZE];

    struct buf in; /* what was not dealt with yet */
    size_t scanned;
    bool is_idle; /* since the last answer nothing came */
    bool is_held; /* nothing is read from the client */
    struct http_exchange *exchange;

    struct buf out; /* head, and a copied body or what a stream gave */
    size_t out_at;
    const uint8_t *body_static; /* after `out` */
    size_t static_len, static_at;
    bool must_close; /* after the answer */
};

struct http_exchange {
    struct http_connection *connection;
    char *head_text;
    size_t head_len;
    struct http_head head;
    struct buf body;
    size_t reserved; /* of the server's `bodies` */
    struct http_request request;
    http_fill fill;
    void *fill_ctx;
    int64_t stalled_ms;
    bool fill_ended;
};

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* ---- http_connection.c ---- */

/* Takes the connected descriptor. */
void http_connection_new(struct http_server *server, int fd);
/* The server is going: tells the owner of an exchange, if it has it. The connection is to be killed later. */
void http_connection_forget_server(struct http_connection *connection);
/* Closes it; never in a callback of libwebsockets. It is gone afterwards, or soon. */
void http_connection_kill(struct http_connection *connection);
/* The timer: what is to be done within this time; else it is closed. */
void http_connection_wait(struct http_connection *connection, int64_t ms);
/* Whether the owner has the exchange. */
bool http_connection_is_owners(const struct http_connection *connection);
/* Hands the request that waited longest to the owner. */
void http_connection_serve_next(struct http_server *server);

/* What libwebsockets tells: 0, or -1 to close. */
int http_connection_on_read(struct http_connection *connection, const void *bytes, size_t len);
int http_connection_on_writable(struct http_connection *connection);
void http_connection_on_close(struct http_connection *connection);
/* libwebsockets knows nothing of it any more. */
void http_connection_on_gone(struct http_connection *connection);

/* ---- http_exchange.c ---- */

/* Reads the head at the beginning of what came, unless `*status` says already what to refuse it with, or says it. NULL: no memory. */
struct http_exchange *http_exchange_new(struct http_connection *connection, size_t head_len, int *status);
void http_exchange_free(struct http_exchange *exchange); /* NULL is fine */
/* Answers in the owner's place, and closes. */
void http_exchange_refuse(struct http_exchange *exchange, int status);
/* Appends to `out` what is next of the stream. */
void http_exchange_fill(struct http_exchange *exchange);

/* ---- http_tls.c ---- */

/* A context that shows this certificate. 0, -EINVAL, -ENOMEM. */
int http_tls_read(const char *cert_pem, const char *key_pem, SSL_CTX **ret);
/* Makes the vhost's context show what server->certificate is at the time. 0, -EIO. */
int http_tls_attach(struct http_server *server, SSL_CTX *ssl);

#endif
