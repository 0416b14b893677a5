/* HTTP/1.1 server on libwebsockets, on the one loop, over TCP, TLS or a Unix socket: a request comes whole, an answer goes whole or as a stream.
 *
 * Connections are bounded in number, requests in size and time; a client that does not send or does not read costs its connection only. A body in
 * chunks is refused (411), and so is what could be read in two ways (400). */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "net/websocket.h"

struct http_server;
struct http_exchange; /* a request and its answer; the server's */

#define HTTP_MAX_BODY   (2u << 20)
#define HTTP_MAX_ANSWER (16u << 20) /* that is copied */
#define HTTP_MAX_CONNECTIONS                                                                                 \
    256 /* of one server; a further one takes the place of one that the owner has not */
#define HTTP_PEER_SIZE 64

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OTHER, HTTP_METHODS };
extern const char *const
    http_method_names[HTTP_METHODS]; /* "GET" ...; HEAD is GET, and its body is left out by the server */

struct http_request {
    enum http_method method;
    const char *path;  /* percent-decoded, begins with '/', no "." or ".." segments */
    const char *query; /* as sent, without '?'; "" */
    const char *body;  /* followed by a 0 byte */
    size_t body_len;
    char peer[HTTP_PEER_SIZE]; /* address of the client, or of its proxy; "" on a Unix socket */
    bool is_local;             /* on a Unix socket */
    bool is_tls;
};

struct http_server_settings {
    const char *socket_path;        /* listens there (mode 0660) as local_listen() does; or NULL, and then */
    const char *address;            /* an address, IPv4 or IPv6, without brackets */
    uint16_t port;                  /* 0: any, see http_server_port() */
    const char *cert_pem, *key_pem; /* TLS 1.2 and 1.3 with these; NULL: plain. Used for the call only */
};

struct http_events {
    /* Answer it, now or later, by http_respond() or http_stream(), once. All texts of the request live until the answer or on_gone. */
    void (*on_request)(void *ctx, struct http_exchange *exchange, const struct http_request *request);
    /* The client went before it was answered, or while it was streamed to: the exchange is not there any more. Also for each that is left
     * when the server is freed. */
    void (*on_gone)(void *ctx, struct http_exchange *exchange);
};

/* Several may share one context. Address and port are free again when it is freed. 0, -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL (certificate, key,
 * address), -EEXIST (path is no socket), -ENOMEM, -errno. */
int http_server_new(struct websocket_context *context, const struct http_server_settings *settings,
                    const struct http_events *events, void *ctx, struct http_server **ret);
void http_server_free(struct http_server *server); /* NULL is fine */
DEFINE_AUTO(http_server, http_server_free)
uint16_t http_server_port(const struct http_server *server);
/* Another certificate from the next connection on. 0 or -EINVAL: the old one stays. */
int http_server_set_certificate(struct http_server *server, const char *cert_pem, const char *key_pem);

/* A header of the request by its lower-case name, or NULL. Of these only: authorization, cookie, content-type, accept, accept-encoding,
 * if-none-match, if-match, last-event-id, x-csrf-token, host, origin, user-agent, x-forwarded-for (the last, where there are several). Borrowed until
 * the answer. */
const char *http_header(const struct http_exchange *exchange, const char *name);

/* The first value of `name` in a query string, decoded. 0, -ENOENT, -ENAMETOOLONG, -EINVAL (wrong encoding, or a 0 byte). Pure. */
int http_query_get(const char *query, const char *name, char *ret, size_t size);

struct http_field {
    const char *name, *value; /* value NULL: left out */
};

/* The whole answer; texts are copied. Content-Length, Connection and Date are set here. fields ends with a name of NULL, or is NULL. The exchange is the
 * server's again. -ENOMEM: the connection is closed. */
int http_respond(struct http_exchange *exchange, int status, const struct http_field *fields,
                 const void *body, size_t len);
/* The same for a body that outlives the server and is not copied. */
int http_respond_static(struct http_exchange *exchange, int status, const struct http_field *fields,
                        const void *body, size_t len);

/* Gives what is next of a stream, at most about 64 KiB, by appending to `out`. Nothing appended: nothing is there now, http_stream_wake() tells when there
 * is. Returns false when the stream ends with this. Called only when the client has taken what was given before. */
typedef bool (*http_fill)(void *ctx, struct buf *out);
/* Begins an answer that is a stream (chunked); ends by on_gone, also when fill returned false and all was sent. `stalled_ms`: a client that takes nothing
 * for so long is closed. 0 or -ENOMEM (the connection is closed). */
int http_stream(struct http_exchange *exchange, int status, const struct http_field *fields, http_fill fill,
                void *ctx, int64_t stalled_ms);
void http_stream_wake(struct http_exchange *exchange);

#endif
