/* TLS contexts by OCPP's rules for security profiles 2 and 3, for websocket endpoints. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>

#include "net/websocket.h"

/* What was wrong with the peer, as far as it can be told. */
enum tls_fault { TLS_FAULT_OTHER, TLS_FAULT_CERTIFICATE, TLS_FAULT_VERSION, TLS_FAULT_SUITES };

/* One per client endpoint; its SSL_CTX points to it. */
struct tls_peer {
    const char *host;  /* borrowed: the name or literal address that the certificate must carry */
    const char *error; /* why the last handshake failed, or NULL; static text */
    enum tls_fault fault;
    bool is_told; /* the error is what the server told us */
};

/* What tells whether two clients trust the same roots; a copy of the system's takes 800 KiB. Roots of a file are not told, since the file may
 * have changed. */
struct tls_roots {
    bool is_known;
    unsigned char hash[32];
};
struct tls_roots tls_roots_of(const struct tls_settings *settings);
/* A client context that trusts `settings` and accepts only `peer->host`. `like`: a context that trusts the same, or NULL.
 * The caller's SSL_CTX. 0, or, logged why, -EACCES (the token wants another PIN), -EIO, -ENOMEM. */
int tls_client_context(const struct tls_settings *settings, struct tls_peer *peer, SSL_CTX *like,
                       SSL_CTX **ret);
/* Whether what OpenSSL dislikes of the server is only that a literal address stands in the common name; the error is cleared then. */
bool tls_accepts_address(X509_STORE_CTX *path, const struct tls_peer *peer);
/* The client has shown a certificate whose common name is `name`: A00.FR.405. */
bool tls_client_is(const SSL *ssl, const char *name);
/* Makes `ssl` a server's. 0, or -EIO: logged why. */
int tls_configure_server(SSL_CTX *ssl, const struct tls_settings *settings);

#endif
