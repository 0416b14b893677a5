/* Stapled OCSP (RFC 6066, 8; RFC 6960): a client asks, and refuses a server whose certificate was revoked or whose staple is not
 * satisfactory. A server that staples nothing is taken, unless its certificate promises a staple (RFC 7633). */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "base/cleanup.h"
#include "net/tls_internal.h"

#define CLOCK_SKEW_S 300

DEFINE_AUTO(ocsp_response_st, OCSP_RESPONSE_free)
DEFINE_AUTO(ocsp_basic_response_st, OCSP_BASICRESP_free)

enum staple { STAPLE_NONE, STAPLE_GOOD, STAPLE_REVOKED, STAPLE_BAD };

static const char *const staple_texts[] = {
    [STAPLE_NONE] = "certificate promises a status, and none was sent",
    [STAPLE_REVOKED] = "certificate revoked",
    [STAPLE_BAD] = "certificate status not valid",
};

/* Whether an entry of the response is about the certificate: by whichever hash it names it. */
static bool is_about(OCSP_SINGLERESP *entry, X509 *certificate, X509 *issuer)
{
    const OCSP_CERTID *theirs = OCSP_SINGLERESP_get0_id(entry);
    ASN1_OBJECT *algorithm;
    OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, (OCSP_CERTID *)theirs);
    const EVP_MD *hash = EVP_get_digestbyobj(algorithm);
    OCSP_CERTID *ours = hash ? OCSP_cert_to_id(hash, certificate, issuer) : NULL;
    bool same = ours && OCSP_id_cmp(ours, theirs) == 0;
    OCSP_CERTID_free(ours);
    return same;
}

static enum staple judge_entry(OCSP_SINGLERESP *entry)
{
    ASN1_GENERALIZEDTIME *produced, *until;
    int status = OCSP_single_get0_status(entry, NULL, NULL, &produced, &until);
    if (OCSP_check_validity(produced, until, CLOCK_SKEW_S, -1) != 1)
        return STAPLE_BAD;
    switch (status) {
    case V_OCSP_CERTSTATUS_GOOD:
        return STAPLE_GOOD;
    case V_OCSP_CERTSTATUS_REVOKED:
        return STAPLE_REVOKED;
    default: /* the responder does not know it, which says nothing */
        return STAPLE_NONE;
    }
}

static enum staple judge_basic(OCSP_BASICRESP *basic, SSL *ssl)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    if (sk_X509_num(chain) < 1 || OCSP_basic_verify(basic, chain, store, 0) != 1)
        return STAPLE_BAD;
    X509 *certificate = sk_X509_value(chain, 0);
    X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : certificate;
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *entry = OCSP_resp_get0(basic, i);
        if (is_about(entry, certificate, issuer))
            return judge_entry(entry);
    }
    return STAPLE_BAD;
}

static enum staple judge(SSL *ssl)
{
    const unsigned char *der;
    long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
    if (!der || len <= 0)
        return STAPLE_NONE;
    AUTO(ocsp_response_st) *response = d2i_OCSP_RESPONSE(NULL, &der, len);
    if (!response)
        return STAPLE_BAD;
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return STAPLE_NONE;
    AUTO(ocsp_basic_response_st) *basic = OCSP_response_get1_basic(response);
    return basic ? judge_basic(basic, ssl) : STAPLE_BAD;
}

/* RFC 7633: the certificate says that its server staples. */
static bool promises_status(SSL *ssl)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    TLS_FEATURE *features = certificate ? X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL) : NULL;
    bool found = false;
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLSEXT_TYPE_status_request;
    TLS_FEATURE_free(features);
    return found;
}

/* 1: go on, 0: end the handshake. Foreign signature. */
static int on_status(SSL *ssl, void *ctx)
{
    (void)ctx;
    enum staple staple = judge(ssl);
    ERR_clear_error();
    SSL_set_tlsext_status_ocsp_resp(ssl, NULL, 0); /* 2 KiB that would stay with the connection */
    if (staple == STAPLE_GOOD || (staple == STAPLE_NONE && !promises_status(ssl)))
        return 1;
    struct tls_peer *peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    peer->error = staple_texts[staple];
    peer->fault = TLS_FAULT_CERTIFICATE;
    return 0;
}

void tls_ask_for_status(SSL_CTX *ssl)
{
    SSL_CTX_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
    SSL_CTX_set_tlsext_status_cb(ssl, on_status);
}
