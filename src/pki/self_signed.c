/* A self-signed certificate of a TLS server (self_signed.h). */
#include "pki/self_signed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S   86400
#define YEARS_S (10L * 366 * DAY_S)

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool done = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool is_address(const char *name)
{
    unsigned char address[16];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool add_name(GENERAL_NAMES *names, const char *name)
{
    GENERAL_NAME *general =
        a2i_GENERAL_NAME(NULL, NULL, NULL, is_address(name) ? GEN_IPADD : GEN_DNS, (char *)name, 0);
    if (general && sk_GENERAL_NAME_push(names, general) > 0)
        return true;
    GENERAL_NAME_free(general);
    return false;
}

static bool add_names(X509 *cert, const char *const names[], size_t count)
{
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    bool good = list != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = add_name(list, names[i]);
    good = good && X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1;
    sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
    return good;
}

static bool fill(X509 *cert, EVP_PKEY *key, const char *const names[], size_t count, int64_t now_ms)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    unsigned char serial[16];
    time_t now = (time_t)(now_ms / 1000);
    if (RAND_bytes(serial, sizeof(serial)) != 1)
        return false;
    serial[0] &= 0x7F;
    BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    return good && X509_set_version(cert, 2) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)names[0], -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"ocpp-gateway", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 &&
           X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, &now) &&
           X509_time_adj_ex(X509_getm_notAfter(cert), 0, YEARS_S, &now) && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") && add_names(cert, names, count) &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

/* The text in a memory BIO as a heap string; takes the BIO. */
static char *text_of(BIO *bio, bool is_written)
{
    char *data = NULL;
    long len = is_written ? BIO_get_mem_data(bio, &data) : 0;
    char *text = len > 0 ? strndup(data, (size_t)len) : NULL;
    BIO_free_all(bio);
    return text;
}

int self_signed_new(const char *const names[], size_t count, int64_t now_ms, char **ret_cert, char **ret_key)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    int r = !key || !cert                                                                  ? -ENOMEM
            : count > 0 && strlen(names[0]) <= 64 && fill(cert, key, names, count, now_ms) ? 0
                                                                                           : -EINVAL;
    if (r == 0) {
        BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
        *ret_cert = text_of(cert_bio, cert_bio && PEM_write_bio_X509(cert_bio, cert) == 1);
        *ret_key = text_of(
            key_bio, key_bio && PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1);
        if (!*ret_cert || !*ret_key) {
            free(*ret_cert);
            if (*ret_key)
                explicit_bzero(*ret_key, strlen(*ret_key));
            free(*ret_key);
            *ret_cert = *ret_key = NULL;
            r = -ENOMEM;
        }
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return r;
}
