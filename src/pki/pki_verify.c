/* Path validation (RFC 5280, 6) by OpenSSL, at a time that is given. An installed certificate is an anchor even if it is not
 * self-signed: a root that was signed by the one it replaces must stand alone later (M05.FR.13). */
#include <openssl/x509_vfy.h>
#include <string.h>

#include "pki/x509.h"

#define SECURITY_LEVEL 2 /* of OpenSSL: 112 bits, A00.FR.501 */

DEFINE_AUTO(x509_store_st, X509_STORE_free)
DEFINE_AUTO(x509_store_ctx_st, X509_STORE_CTX_free)

/* What OpenSSL finds that is not just the lack of a path. */
static const struct {
    int error;
    enum pki_verdict verdict;
} verdicts[] = {
    { X509_V_ERR_CERT_HAS_EXPIRED, PKI_EXPIRED },
    { X509_V_ERR_CERT_NOT_YET_VALID, PKI_EXPIRED },
    { X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, PKI_MALFORMED },
    { X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, PKI_MALFORMED },
    { X509_V_ERR_CERT_CHAIN_TOO_LONG, PKI_MALFORMED },
    { X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, PKI_MALFORMED },
    { X509_V_ERR_INVALID_EXTENSION, PKI_MALFORMED },
    { X509_V_ERR_CERT_SIGNATURE_FAILURE, PKI_BAD_SIGNATURE },
    { X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, PKI_BAD_SIGNATURE },
    { X509_V_ERR_EE_KEY_TOO_SMALL, PKI_WEAK },
    { X509_V_ERR_CA_KEY_TOO_SMALL, PKI_WEAK },
    { X509_V_ERR_CA_MD_TOO_WEAK, PKI_WEAK },
    { X509_V_ERR_INVALID_CA, PKI_WRONG_USE },
    { X509_V_ERR_INVALID_NON_CA, PKI_WRONG_USE },
    { X509_V_ERR_INVALID_PURPOSE, PKI_WRONG_USE },
    { X509_V_ERR_KEYUSAGE_NO_CERTSIGN, PKI_WRONG_USE },
    { X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE, PKI_WRONG_USE },
    { X509_V_ERR_PATH_LENGTH_EXCEEDED, PKI_WRONG_USE },
    { X509_V_ERR_PERMITTED_VIOLATION, PKI_WRONG_USE },
    { X509_V_ERR_EXCLUDED_VIOLATION, PKI_WRONG_USE },
    { X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, PKI_WRONG_USE },
    { X509_V_ERR_OUT_OF_MEM, PKI_NO_MEMORY },
};

static enum pki_verdict verdict_of(int error)
{
    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
        if (verdicts[i].error == error)
            return verdicts[i].verdict;
    return PKI_UNTRUSTED;
}

/* Seconds, rounded down. */
static time_t seconds_of(int64_t now_ms)
{
    return (time_t)(now_ms / 1000 - (now_ms % 1000 < 0));
}

static enum pki_verdict check_root(struct x509_st *certificate, int64_t now_ms)
{
    time_t now = seconds_of(now_ms);
    if (X509_cmp_time(X509_get0_notBefore(certificate), &now) >= 0 ||
        X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0)
        return PKI_EXPIRED;
    if (!pki_is_strong(certificate))
        return PKI_WEAK;
    if (X509_check_ca(certificate) != 1 || !(X509_get_key_usage(certificate) & KU_KEY_CERT_SIGN))
        return PKI_WRONG_USE;
    bool claims = X509_self_signed(certificate, 0) == 1;
    return claims && X509_self_signed(certificate, 1) != 1 ? PKI_BAD_SIGNATURE : PKI_OK;
}

/* Without Extended Key Usage everything is allowed, which A00.FR.514 recommends. */
static bool may_sign_code(struct x509_st *certificate)
{
    uint32_t extended = X509_get_extended_key_usage(certificate);
    return (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) &&
           (extended == UINT32_MAX || extended & (XKU_CODE_SIGN | XKU_ANYEKU));
}

static struct x509_store_st *make_store(struct stack_st_X509 *roots)
{
    AUTO(x509_store_st) *store = X509_STORE_new();
    if (!store)
        return NULL;
    for (int i = 0; i < sk_X509_num(roots); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(roots, i)) != 1)
            return NULL;
    return STEAL(store);
}

static enum pki_verdict find_path(struct stack_st_X509 *chain, struct stack_st_X509 *roots, enum pki_use use,
                                  int64_t now_ms)
{
    AUTO(x509_store_st) *store = make_store(roots);
    AUTO(x509_store_ctx_st) *path = X509_STORE_CTX_new();
    if (!store || !path || X509_STORE_CTX_init(path, store, sk_X509_value(chain, 0), chain) != 1)
        return PKI_NO_MEMORY;

    X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(path);
    X509_VERIFY_PARAM_set_time(rules, seconds_of(now_ms));
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_USE_CHECK_TIME);
    X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_depth(rules, PKI_MAX_CHAIN);
    X509_VERIFY_PARAM_set_purpose(rules, use == PKI_USE_CLIENT ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_ANY);
    if (X509_verify_cert(path) != 1)
        return verdict_of(X509_STORE_CTX_get_error(path));
    /* M05.FR.10: signed by the old root itself, not by something below it. */
    bool is_direct = sk_X509_num(X509_STORE_CTX_get0_chain(path)) <= 2;
    return use == PKI_USE_CA_SIGNED && !is_direct ? PKI_UNTRUSTED : PKI_OK;
}

static enum pki_verdict check_use(struct stack_st_X509 *chain, enum pki_use use, int64_t now_ms)
{
    struct x509_st *leaf = sk_X509_value(chain, 0);
    switch (use) {
    case PKI_USE_ROOT:
        return sk_X509_num(chain) == 1 ? check_root(leaf, now_ms) : PKI_MALFORMED;
    case PKI_USE_CA_SIGNED:
        return check_root(leaf, now_ms);
    case PKI_USE_FIRMWARE:
        return may_sign_code(leaf) ? PKI_OK : PKI_WRONG_USE;
    case PKI_USE_CLIENT:
        break; /* by its purpose */
    }
    return PKI_OK;
}

enum pki_verdict pki_verify_chain(const char *chain_pem, const char *roots_pem, enum pki_use use,
                                  int64_t now_ms)
{
    if (strnlen(chain_pem, PKI_MAX_PEM + 1) > PKI_MAX_PEM)
        return PKI_MALFORMED;
    AUTO(stack_st_X509) *chain = NULL, *roots = NULL;
    enum pki_verdict verdict = pki_all(chain_pem, PKI_MAX_CHAIN, &chain);
    if (verdict == PKI_OK)
        verdict = check_use(chain, use, now_ms);
    if (verdict == PKI_OK && use != PKI_USE_ROOT) {
        verdict = roots_pem ? pki_all(roots_pem, PKI_MAX_ROOTS, &roots) : PKI_MALFORMED;
        if (verdict == PKI_OK)
            verdict = find_path(chain, roots, use, now_ms);
        else if (verdict == PKI_MALFORMED)
            verdict = PKI_UNTRUSTED;
    }
    ERR_clear_error();
    return verdict;
}
