/* The certificate of an HTTP server, which may change while it serves. */
#include <errno.h>
#include <openssl/err.h>

#include "net/http_internal.h"
#include "pki/key.h"
#include "pki/x509.h"

static int use(SSL_CTX *ssl, const char *cert_pem, const char *key_pem)
{
    AUTO(stack_st_X509) *chain = NULL;
    AUTO(evp_pkey_st) *key = NULL;
    if (pki_all(cert_pem, PKI_MAX_CHAIN, &chain) != PKI_OK || key_is_uri(key_pem) ||
        key_open(key_pem, NULL, &key) < 0)
        return -EINVAL;
    X509 *leaf = sk_X509_shift(chain);
    int done = SSL_CTX_use_cert_and_key(ssl, leaf, key, chain, 1);
    X509_free(leaf);
    ERR_clear_error();
    return done == 1 ? 0 : -EINVAL;
}

int http_tls_read(const char *cert_pem, const char *key_pem, SSL_CTX **ret)
{
    static const struct tls_settings none = { 0 };
    if (!cert_pem || !key_pem)
        return -EINVAL;
    SSL_CTX *ssl = SSL_CTX_new(TLS_method());
    if (!ssl)
        return -ENOMEM;
    int r = tls_configure_server(ssl, &none);
    if (r == 0)
        r = use(ssl, cert_pem, key_pem);
    if (r < 0) {
        SSL_CTX_free(ssl);
        return r;
    }
    *ret = ssl;
    return 0;
}

/* A context keeps one certificate for each kind of key, so the old one must be cleared, which OpenSSL does for connections only. */
static int show(SSL *ssl, void *ctx)
{
    const struct http_server *server = ctx;
    STACK_OF(X509) *chain = NULL;
    SSL_certs_clear(ssl);
    SSL_CTX_get0_chain_certs(server->certificate, &chain);
    return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(server->certificate),
                                SSL_CTX_get0_privatekey(server->certificate), chain, 1);
}

int http_tls_attach(struct http_server *server, SSL_CTX *ssl)
{
    static const struct tls_settings none = { 0 };
    SSL_CTX_set_cert_cb(ssl, show, server);
    return tls_configure_server(ssl, &none);
}
