/* Detached signatures over files (L01): the file is hashed in pieces, then the hash is held against the signature. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "pki/key.h"
#include "pki/x509.h"

#define MAX_SIGNATURE 1024 /* bytes: RSA of 8192 bits */
#define PIECE         65536

DEFINE_AUTO(evp_md_ctx_st, EVP_MD_CTX_free)
DEFINE_AUTO(evp_pkey_ctx_st, EVP_PKEY_CTX_free)
DEFINE_AUTO(evp_Encode_Ctx_st, EVP_ENCODE_CTX_free)

/* Length of the bytes, or -EINVAL, -ENOMEM. Blanks and line ends are no matter. */
static int decode_base64(const char *text, unsigned char ret[static MAX_SIGNATURE])
{
    size_t len = strlen(text);
    if (!len || len > MAX_SIGNATURE * 4 / 3)
        return -EINVAL;
    AUTO(evp_Encode_Ctx_st) *decoder = EVP_ENCODE_CTX_new();
    if (!decoder)
        return -ENOMEM;
    int written, rest;
    EVP_DecodeInit(decoder);
    if (EVP_DecodeUpdate(decoder, ret, &written, (const unsigned char *)text, (int)len) < 0 ||
        EVP_DecodeFinal(decoder, ret + written, &rest) != 1 || written + rest == 0)
        return -EINVAL;
    return written + rest;
}

static int hash_stream(FILE *file, unsigned char ret[static EVP_MAX_MD_SIZE])
{
    AUTO(evp_md_ctx_st) *hash = EVP_MD_CTX_new();
    AUTO_FREE unsigned char *piece = malloc(PIECE);
    if (!hash || !piece || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    errno = 0;
    for (size_t len; (len = fread(piece, 1, PIECE, file)) > 0;)
        if (EVP_DigestUpdate(hash, piece, len) != 1)
            return -ENOMEM;
    if (ferror(file))
        return errno ? -errno : -EIO;
    return EVP_DigestFinal_ex(hash, ret, NULL) == 1 ? 0 : -ENOMEM;
}

static int hash_file(const char *path, unsigned char ret[static EVP_MAX_MD_SIZE])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    int r = hash_stream(file, ret);
    (void)fclose(file);
    return r;
}

/* `padding` 0: not RSA. */
static bool fits(struct evp_pkey_st *key, int padding, const unsigned char *hash,
                 const unsigned char *signature, size_t len)
{
    AUTO(evp_pkey_ctx_st) *ctx = EVP_PKEY_CTX_new(key, NULL);
    return ctx && EVP_PKEY_verify_init(ctx) == 1 &&
           (!padding || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1) &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_verify(ctx, signature, len, hash, 32) == 1;
}

int key_verify_file(const char *path, const char *certificate_pem, const char *signature_base64)
{
    AUTO(x509_st) *certificate = NULL;
    if (pki_first(certificate_pem, &certificate) != PKI_OK)
        return -EINVAL;
    struct evp_pkey_st *key = X509_get0_pubkey(certificate);
    unsigned char signature[MAX_SIGNATURE], hash[EVP_MAX_MD_SIZE];
    int len = decode_base64(signature_base64, signature);
    int r = len < 0 ? len : key ? hash_file(path, hash) : -EINVAL;
    if (r == 0) {
        bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
        bool is_good = (is_rsa && fits(key, RSA_PKCS1_PADDING, hash, signature, (size_t)len)) ||
                       fits(key, is_rsa ? RSA_PKCS1_PSS_PADDING : 0, hash, signature, (size_t)len);
        r = is_good ? 0 : -EBADMSG;
    }
    ERR_clear_error();
    return r;
}
