/* Certificates, keys and trusted roots into a TLS context, from files or from texts. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "net/tls_internal.h"
#include "pki/key.h"
#include "pki/x509.h"

/* -EIO, having logged OpenSSL's reason. */
static int failed(const char *what, const char *file)
{
    unsigned long error = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(error) ? err_text(-ERR_GET_REASON(error)) : ERR_reason_error_string(error);
    log_error(LOG_NET, "%s: file=%s: %s", what, file ? file : "", reason ? reason : "unknown reason");
    ERR_clear_error();
    return -EIO;
}

static int use_files(SSL_CTX *ssl, const struct tls_settings *s)
{
    const char *key = s->key_file ? s->key_file : s->cert_file;
    if (SSL_CTX_use_certificate_chain_file(ssl, s->cert_file) != 1)
        return failed("cannot use the certificate", s->cert_file);
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1)
        return failed("cannot use the private key", key);
    if (SSL_CTX_check_private_key(ssl) != 1)
        return failed("the private key is not the certificate's", key);
    return 0;
}

static int use_chain(SSL_CTX *ssl, const char *pem)
{
    AUTO(stack_st_X509) *chain = NULL;
    if (pki_all(pem, PKI_MAX_CHAIN, &chain) != PKI_OK) {
        log_error(LOG_NET, "cannot use the station's certificate: not readable");
        return -EIO;
    }
    if (SSL_CTX_use_certificate(ssl, sk_X509_value(chain, 0)) != 1)
        return failed("cannot use the station's certificate", NULL);
    for (int i = 1; i < sk_X509_num(chain); i++)
        if (SSL_CTX_add1_chain_cert(ssl, sk_X509_value(chain, i)) != 1)
            return failed("cannot use the station's certificate chain", NULL);
    return 0;
}

/* A00.FR.402. An expired certificate is shown all the same: whether to take it is for the CSMS to say (A00.FR.430). */
static int use_texts(SSL_CTX *ssl, const struct tls_settings *s)
{
    int r = use_chain(ssl, s->cert_pem);
    if (r < 0)
        return r;
    AUTO(evp_pkey_st) *key = NULL;
    r = key_open(s->key, s->pin, &key);
    if (r < 0) {
        log_error(LOG_NET, "cannot open the station's private key: place=%s: %s",
                  key_is_uri(s->key) ? s->key : "database", err_text(r));
        return r == -EACCES ? r : -EIO;
    }
    if (SSL_CTX_use_PrivateKey(ssl, key) != 1)
        return failed("the station's private key is not its certificate's", NULL);
    return 0;
}

int tls_use_certificate(SSL_CTX *ssl, const struct tls_settings *settings)
{
    if (settings->cert_pem && settings->key)
        return use_texts(ssl, settings);
    return settings->cert_file ? use_files(ssl, settings) : 0;
}

static int add_roots(X509_STORE *store, const char *pem)
{
    if (!*pem)
        return 0;
    AUTO(stack_st_X509) *roots = NULL;
    if (pki_all(pem, PKI_MAX_ROOTS, &roots) != PKI_OK) {
        log_error(LOG_NET, "cannot use the installed root certificates: not readable");
        return -EIO;
    }
    for (int i = 0; i < sk_X509_num(roots); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(roots, i)) != 1)
            return failed("cannot use an installed root certificate", NULL);
    return 0;
}

struct tls_roots tls_roots_of(const struct tls_settings *settings)
{
    struct tls_roots roots = { .is_known = settings->roots_pem || !settings->ca_file };
    const char *pem = settings->roots_pem;
    if (pem && EVP_Digest(pem, strlen(pem), roots.hash, NULL, EVP_sha256(), NULL) != 1)
        roots.is_known = false;
    return roots;
}

/* What was installed or configured is an anchor even if it is not self-signed: see pki_verify.c. */
int tls_use_roots(SSL_CTX *ssl, const struct tls_settings *settings)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    if (!settings->roots_pem && !settings->ca_file) {
        if (SSL_CTX_set_default_verify_paths(ssl) != 1)
            return failed("cannot use the system's trusted certificates", NULL);
        return 0;
    }
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    if (settings->roots_pem)
        return add_roots(store, settings->roots_pem);
    if (SSL_CTX_load_verify_file(ssl, settings->ca_file) != 1)
        return failed("cannot use the trusted certificates", settings->ca_file);
    return 0;
}
