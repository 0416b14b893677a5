/* What OCSP responders say of certificates (RFC 6960): read and checked at a time that is given. How the answer came here does not
 * matter: it is signed. */
#include <openssl/ocsp.h>
#include <string.h>

#include "base/str.h"
#include "pki/x509.h"

#define MAX_RESPONSE   5500                     /* characters: GetCertificateStatusResponse.ocspResult */
#define CLOCK_ERROR_MS (INT64_C(5) * 60 * 1000) /* a responder whose clock is ahead of ours */

DEFINE_AUTO(ocsp_response_st, OCSP_RESPONSE_free)
DEFINE_AUTO(ocsp_basic_response_st, OCSP_BASICRESP_free)
DEFINE_AUTO(ocsp_cert_id_st, OCSP_CERTID_free)
DEFINE_AUTO(x509_store_st, X509_STORE_free)
DEFINE_AUTO(stack_st_OPENSSL_STRING, X509_email_free)

const char *const pki_ocsp_names[PKI_OCSP_STATUSES] = { "good", "revoked", "unknown" };

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

void pki_ocsp_responder(const char *pem, char *ret, size_t size)
{
    AUTO(x509_st) *certificate = NULL;
    *ret = '\0';
    if (pki_first(pem, &certificate) != PKI_OK)
        return;
    AUTO(stack_st_OPENSSL_STRING) *urls = X509_get1_ocsp(certificate);
    for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && !*ret; i++) {
        const char *url = sk_OPENSSL_STRING_value(urls, i);
        if (is_printable(url) && str_copy(ret, size, url) < 0)
            *ret = '\0';
    }
    ERR_clear_error();
}

/* Base64 of DER, all of it. */
static enum pki_verdict decode(const char *text, struct ocsp_response_st **ret)
{
    unsigned char der[MAX_RESPONSE];
    size_t len = strnlen(text, MAX_RESPONSE + 1);
    if (len == 0 || len % 4 != 0 || len > MAX_RESPONSE)
        return PKI_MALFORMED;
    int got = EVP_DecodeBlock(der, (const unsigned char *)text, (int)len);
    if (got <= 0)
        return PKI_MALFORMED;
    got -= (text[len - 1] == '=') + (text[len - 2] == '=');
    const unsigned char *at = der;
    *ret = d2i_OCSP_RESPONSE(NULL, &at, got);
    if (!*ret)
        return pki_trouble();
    return at == der + got ? PKI_OK : PKI_MALFORMED;
}

/* By the issuer, or by one that the issuer has named for that (RFC 6960, 4.2.2.2). */
static enum pki_verdict check_signature(struct ocsp_basic_response_st *response, struct x509_st *issuer,
                                        int64_t now_ms)
{
    AUTO(x509_store_st) *store = X509_STORE_new();
    if (!store || X509_STORE_add_cert(store, issuer) != 1)
        return PKI_NO_MEMORY;
    X509_VERIFY_PARAM *rules = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_time(rules, (time_t)(now_ms / 1000));
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_USE_CHECK_TIME);
    struct stack_st_X509 *signers = sk_X509_new_null();
    if (!signers || !sk_X509_push(signers, issuer)) {
        sk_X509_free(signers);
        return PKI_NO_MEMORY;
    }
    int r = OCSP_basic_verify(response, signers, store, 0);
    sk_X509_free(signers);
    return r == 1 ? PKI_OK : PKI_BAD_SIGNATURE;
}

/* The responder chooses how it hashes the issuer. */
static bool is_about(const OCSP_CERTID *id, struct x509_st *certificate, struct x509_st *issuer)
{
    ASN1_OBJECT *algorithm = NULL;
    (void)OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, (OCSP_CERTID *)id);
    const EVP_MD *const digests[] = { EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512() };
    for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
        if (OBJ_obj2nid(algorithm) != EVP_MD_get_type(digests[i]))
            continue;
        AUTO(ocsp_cert_id_st) *own = OCSP_cert_to_id(digests[i], certificate, issuer);
        return own && OCSP_id_cmp(own, id) == 0;
    }
    return false;
}

static OCSP_SINGLERESP *find_single(struct ocsp_basic_response_st *response, struct x509_st *certificate,
                                    struct x509_st *issuer)
{
    for (int i = 0; i < OCSP_resp_count(response); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(response, i);
        if (is_about(OCSP_SINGLERESP_get0_id(one), certificate, issuer))
            return one;
    }
    return NULL;
}

static enum pki_verdict read_single(OCSP_SINGLERESP *single, int64_t now_ms, struct pki_ocsp *ret)
{
    ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;
    struct pki_ocsp found = { .status = PKI_OCSP_UNKNOWN };
    int status = OCSP_single_get0_status(single, NULL, NULL, &from, &to);
    if (!from || !pki_read_time(from, &found.this_update_ms) ||
        (to && !pki_read_time(to, &found.next_update_ms)))
        return PKI_MALFORMED;
    if (found.this_update_ms > now_ms + CLOCK_ERROR_MS || (to && found.next_update_ms <= now_ms))
        return PKI_EXPIRED;
    if (status == V_OCSP_CERTSTATUS_GOOD)
        found.status = PKI_OCSP_GOOD;
    if (status == V_OCSP_CERTSTATUS_REVOKED)
        found.status = PKI_OCSP_REVOKED;
    *ret = found;
    return PKI_OK;
}

static enum pki_verdict read_response(struct ocsp_response_st *response, struct x509_st *certificate,
                                      struct x509_st *issuer, int64_t now_ms, struct pki_ocsp *ret)
{
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return PKI_MALFORMED;
    AUTO(ocsp_basic_response_st) *basic = OCSP_response_get1_basic(response);
    if (!basic)
        return pki_trouble();
    enum pki_verdict verdict = check_signature(basic, issuer, now_ms);
    if (verdict != PKI_OK)
        return verdict;
    OCSP_SINGLERESP *single = find_single(basic, certificate, issuer);
    return single ? read_single(single, now_ms, ret) : PKI_WRONG_SUBJECT;
}

enum pki_verdict pki_ocsp_read(const char *response, const char *pem, const char *issuer_pem, int64_t now_ms,
                               struct pki_ocsp *ret)
{
    AUTO(x509_st) *certificate = NULL, *issuer = NULL;
    AUTO(ocsp_response_st) *decoded = NULL;
    enum pki_verdict verdict = pki_first(pem, &certificate);
    if (verdict == PKI_OK)
        verdict = pki_first(issuer_pem, &issuer);
    if (verdict == PKI_OK)
        verdict = decode(response, &decoded);
    if (verdict == PKI_OK)
        verdict = read_response(decoded, certificate, issuer, now_ms, ret);
    ERR_clear_error();
    return verdict;
}
