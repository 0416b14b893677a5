/* A key of a TPM, as one of OpenSSL's own whose signatures are made elsewhere. Used as it comes from its provider it would be of no use in
 * TLS: OpenSSL prefers its own algorithms, hands them the public half, and finds that it cannot sign; told to prefer the TPM's, it
 * has the TPM also check every signature of the peer. So this key has the public half and, for signing, a method of its own. */
#define OPENSSL_SUPPRESS_DEPRECATED /* keys with methods */
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "pki/key_internal.h"
#include "pki/x509.h"

#define OWN_DATA 0 /* of an EC_KEY's extra data: the place that is the application's */

DEFINE_AUTO(ec_key_st, EC_KEY_free)
DEFINE_AUTO(evp_pkey_ctx_st, EVP_PKEY_CTX_free)

struct tpm_key {
    struct evp_pkey_st *key; /* of the provider */
    EC_KEY_METHOD *method;
};

static void tpm_key_free(struct tpm_key *tpm)
{
    if (!tpm)
        return;
    EVP_PKEY_free(tpm->key);
    EC_KEY_METHOD_free(tpm->method);
    free(tpm);
}
DEFINE_AUTO(tpm_key, tpm_key_free)

/* The last thing OpenSSL does with the key's method. */
static void on_key_gone(EC_KEY *key)
{
    tpm_key_free(EC_KEY_get_ex_data(key, OWN_DATA));
}

static const EVP_MD *hash_of_size(int len)
{
    return len == 32 ? EVP_sha256() : len == 48 ? EVP_sha384() : len == 64 ? EVP_sha512() : NULL;
}

/* 1, or 0. Foreign signature. */
static int sign(int type, const unsigned char *hash, int len, unsigned char *ret, unsigned int *ret_len,
                const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
    (void)type;
    (void)kinv;
    (void)r;
    const struct tpm_key *tpm = EC_KEY_get_ex_data(key, OWN_DATA);
    AUTO(evp_pkey_ctx_st) *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, tpm->key, "?provider=tpm2");
    const EVP_MD *algorithm = hash_of_size(len);
    size_t size = (size_t)ECDSA_size(key);
    if (!ctx || !algorithm || EVP_PKEY_sign_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, algorithm) != 1 ||
        EVP_PKEY_sign(ctx, ret, &size, hash, (size_t)len) != 1)
        return 0;
    *ret_len = (unsigned int)size;
    return 1;
}

/* A copy of the public half; NULL: no EC key, or no memory. */
static struct ec_key_st *public_half(struct evp_pkey_st *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    AUTO(evp_pkey_st) *public = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;
    OPENSSL_free(der);
    const struct ec_key_st *ec = public ? EVP_PKEY_get0_EC_KEY(public) : NULL;
    return ec ? EC_KEY_dup(ec) : NULL;
}

static struct tpm_key *tpm_key_new(struct evp_pkey_st *key)
{
    AUTO(tpm_key) *tpm = calloc(1, sizeof(*tpm));
    if (!tpm || !(tpm->method = EC_KEY_METHOD_new(EC_KEY_OpenSSL())) || EVP_PKEY_up_ref(key) != 1)
        return NULL;
    tpm->key = key;
    EC_KEY_METHOD_set_sign(tpm->method, sign, NULL, NULL);
    EC_KEY_METHOD_set_init(tpm->method, NULL, on_key_gone, NULL, NULL, NULL, NULL);
    return STEAL(tpm);
}

int tpm_wrap_key(struct evp_pkey_st *key, struct evp_pkey_st **ret)
{
    AUTO(ec_key_st) *ec = public_half(key);
    if (!ec)
        return -EINVAL;
    AUTO(tpm_key) *tpm = tpm_key_new(key);
    AUTO(evp_pkey_st) *wrapped = EVP_PKEY_new();
    if (!tpm || !wrapped || EC_KEY_set_ex_data(ec, OWN_DATA, tpm) != 1)
        return -ENOMEM;
    if (EC_KEY_set_method(ec, tpm->method) != 1) {
        (void)EC_KEY_set_ex_data(ec, OWN_DATA, NULL);
        return -ENOMEM;
    }
    (void)STEAL(tpm); /* the key's */
    if (EVP_PKEY_assign_EC_KEY(wrapped, ec) != 1)
        return -ENOMEM;
    (void)STEAL(ec);
    *ret = STEAL(wrapped);
    return 0;
}
