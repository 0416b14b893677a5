#include "authority.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "pki/x509.h"

#define VALID_S     (400L * 86400)
#define BACKDATE_S  300L /* clocks differ: A02.FR.06, errata */
#define SERIAL_BITS 120

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
};

static int complain(const char *file)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    (void)fprintf(stderr, "ocpp-csms: %s: %s\n", file, reason ? reason : "cannot be used");
    ERR_clear_error();
    return -EIO;
}

DEFINE_AUTO(authority, authority_free)

int authority_open(const char *cert_file, const char *key_file, struct authority **ret)
{
    AUTO(authority) *a = calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    AUTO(bio_st) *cert = BIO_new_file(cert_file, "r");
    a->certificate = cert ? PEM_read_bio_X509(cert, NULL, NULL, NULL) : NULL;
    if (!a->certificate)
        return complain(cert_file);
    AUTO(bio_st) *key = BIO_new_file(key_file, "r");
    a->key = key ? PEM_read_bio_PrivateKey(key, NULL, NULL, NULL) : NULL;
    if (!a->key || X509_check_private_key(a->certificate, a->key) != 1)
        return complain(key_file);
    *ret = STEAL(a);
    return 0;
}

void authority_free(struct authority *a)
{
    if (!a)
        return;
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
    free(a);
}

static bool is_of_station(X509_REQ *request, const char *station)
{
    char name[65];
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    return key && X509_REQ_verify(request, key) == 1 && EVP_PKEY_get_security_bits(key) >= 112 &&
           X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof(name)) >= 0 &&
           str_equal(name, station);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool done = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return done;
}

static bool fill(const struct authority *a, X509 *certificate, X509_REQ *request)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_set_subject_name(certificate, X509_REQ_get_subject_name(request)) == 1 &&
           X509_set_issuer_name(certificate, X509_get_subject_name(a->certificate)) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATE_S) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S) &&
           X509_set_pubkey(certificate, X509_REQ_get0_pubkey(request)) == 1 &&
           add_extension(certificate, a->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, a->certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, a->certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, a->certificate, NID_authority_key_identifier, "keyid") &&
           X509_sign(certificate, a->key, EVP_sha256()) > 0;
}

static char *text_of(const struct authority *a, X509 *certificate)
{
    AUTO(bio_st) *out = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (!out || PEM_write_bio_X509(out, certificate) != 1)
        return NULL;
    if (X509_self_signed(a->certificate, 0) != 1 && PEM_write_bio_X509(out, a->certificate) != 1)
        return NULL;
    long len = BIO_get_mem_data(out, &data);
    return strndup(data, (size_t)len);
}

char *authority_sign(const struct authority *a, const char *csr, const char *station)
{
    AUTO(bio_st) *in = BIO_new_mem_buf(csr, -1);
    AUTO(X509_req_st) *request = in ? PEM_read_bio_X509_REQ(in, NULL, NULL, NULL) : NULL;
    AUTO(x509_st) *certificate = X509_new();
    bool good = request && certificate && is_of_station(request, station) && fill(a, certificate, request);
    ERR_clear_error();
    return good ? text_of(a, certificate) : NULL;
}
