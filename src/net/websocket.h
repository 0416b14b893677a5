/* WebSocket client and server on libwebsockets, on the one loop.
 *
 * A websocket_context carries every connection; TLS settings belong to an endpoint (one libwebsockets vhost and one
 * SSL_CTX per endpoint, as long as the endpoint lives), so a thousand stations to one CSMS share one. */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "net/loop.h"

struct websocket_context;
/* 0, -ENOMEM, -ENOSYS (logged why). Connections get descriptors below 8,192 and RLIMIT_NOFILE as it is now: raise it before. */
int websocket_context_new(struct loop *loop, struct websocket_context **ret);
/* Every connection and endpoint must have been freed; runs the loop until they have ended (3 s at most), so never from a
 * callback. */
void websocket_context_free(struct websocket_context *context);

/* TLS: 1.2 and 1.3; for 1.2 the suites OCPP names for profile 2 and 3 (A00.FR.318 ff.), no compression, no
 * renegotiation by the peer. Texts are used while the endpoint is made and not kept. */
struct tls_settings {
    const char *
        ca_file; /* PEM of trusted roots; NULL and no roots_pem: the system's. Server: clients must show a certificate of these, and
                            * its common name is their identity */
    const char *cert_file; /* own certificate chain (server; or client for profile 3); NULL: none */
    const char *key_file;  /* NULL: it is in cert_file */
    /* Client: the same as texts; each takes the place of its file. */
    const char *roots_pem; /* "": nobody is trusted */
    const char *cert_pem;  /* leaf first */
    const char *key;       /* PEM, or the URI of a token's key, which is opened here and signs on the loop */
    const char *pin;       /* of the token, or NULL */
    bool
        allows_wildcards; /* the server's certificate may be for *.example.com (SecurityCtrlr.AllowCSMSTLSWildcards) */
};

struct endpoint; /* where clients connect to, or what a server listens on */

struct client_endpoint_settings {
    const char *url;          /* ws[s]://host[:port][/path], without the station's identity */
    const char *subprotocols; /* "ocpp2.0.1" */
    bool compression;         /* offer permessage-deflate */
    struct tls_settings tls;  /* wss only */
    size_t max_message;       /* a longer one closes the connection with 1009 */
};
/* 0, -EINVAL (URL), -EIO (certificates, key, token; logged why), -EACCES (the token refused this PIN, now or before), -ENOMEM. */
int client_endpoint_new(struct websocket_context *context, const struct client_endpoint_settings *settings,
                        struct endpoint **ret);

struct server_endpoint_settings {
    const char *address; /* interface address to listen on */
    uint16_t port;       /* 0: any, see endpoint_port() */
    const char *subprotocols;
    bool compression, tls_enabled;
    struct tls_settings tls;
    size_t max_message;
};

struct websocket;
/* why a connection ended, for log, back-off and security events */
enum websocket_failure {
    WEBSOCKET_CLOSED,          /* by peer or us, in order; see close code */
    WEBSOCKET_LOST,            /* TCP error, time-out, no pong */
    WEBSOCKET_UNREACHABLE,     /* name, route, connect */
    WEBSOCKET_TLS_FAILED,      /* handshake */
    WEBSOCKET_TLS_CERTIFICATE, /* the peer's is not valid, not its own, or revoked (stapled OCSP) */
    WEBSOCKET_TLS_VERSION,     /* the peer only knows TLS before 1.2 */
    WEBSOCKET_TLS_SUITES,      /* the peer takes no cipher suite of ours */
    WEBSOCKET_REFUSED,         /* HTTP status other than 101, in `status` */
    WEBSOCKET_NO_SUBPROTOCOL,  /* handshake without our subprotocol: closed by us (Part 4, 3.2) */
};
struct websocket_end {
    enum websocket_failure failure;
    int status;       /* HTTP status or close code, else 0 */
    const char *text; /* never NULL; borrowed for the callback */
};

struct websocket_events {
    void (*on_open)(void *ctx, const char *subprotocol);
    void (*on_message)(void *ctx, const char *text, size_t len);  /* one whole text message; not terminated */
    void (*on_close)(void *ctx, const struct websocket_end *end); /* also when it never opened; once */
};

/* One attempt to connect; back-off is the owner's (station/network.c). `identity` is appended to the URL's path,
 * percent-encoded. user/password: Basic auth if password is not NULL (not kept longer than the handshake). Callbacks never
 * come from inside this call. NULL without memory. */
struct websocket *websocket_connect(struct endpoint *endpoint, const char *identity, const char *user,
                                    const char *password, const struct websocket_events *events, void *ctx);
/* Closes one that is open in order: what is queued still goes, nothing is received any more; on_close follows when the peer is gone
 * or after 3 s, never from inside. */
void websocket_close(struct websocket *ws, int close_code);
/* Sends a close frame if open and lets the object go when libwebsockets did; no callback comes after this. */
void websocket_free(struct websocket *ws, int close_code);

/* Copies and queues; queue bounded at 1 MiB or 1,000 messages. 0, -ENOTCONN, -ENOBUFS, -ENOMEM. */
int websocket_send(struct websocket *ws, const char *text, size_t len);
bool websocket_is_open(const struct websocket *ws);
/* Pings each interval_ms and ends the connection (WEBSOCKET_LOST) if nothing at all came for one further interval. 0: off.
 * Pings of the peer are answered at once by libwebsockets; extra pongs are ignored. */
void websocket_set_ping_interval(struct websocket *ws, int64_t interval_ms);

/* Server side. */
struct websocket_server_events {
    /* Before the handshake is accepted. identity: last path segment, percent-decoded, valid for the call. user and
     * password: from Basic auth, or NULL. 0 to accept, else the HTTP status to refuse with (401, 404, 409). */
    int (*on_handshake)(void *ctx, const char *identity, const char *user, const char *password);
    /* Handshake done: the owner takes the websocket and sets its events. */
    void (*on_accept)(void *ctx, struct websocket *ws, const char *identity);
};
int server_endpoint_new(struct websocket_context *context, const struct server_endpoint_settings *settings,
                        const struct websocket_server_events *events, void *ctx, struct endpoint **ret);
void websocket_set_events(struct websocket *ws, const struct websocket_events *events, void *ctx);

/* Waits for its connections' end inside libwebsockets; none may be owned any more. */
void endpoint_free(struct endpoint *endpoint);
uint16_t endpoint_port(const struct endpoint *endpoint);
bool endpoint_is_tls(const struct endpoint *endpoint);

#endif
