#include "tests/support/authority.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/bench.h"

#define FROM_MS INT64_C(1577836800000) /* 2020-01-01 */
#define TO_MS   INT64_C(2208988800000) /* 2040-01-01 */

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
    char *pem;
    struct authority *signed_by;
};

static long next_serial = 0x1000;

static char *text_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static char *certificate_text(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    return text_of(bio);
}

static void add_name(X509_NAME *name, const char *field, const char *text)
{
    if (text && *text)
        assert_int_equal(
            X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0),
            1);
}

static void set_times(X509 *certificate, int64_t from_ms, int64_t to_ms)
{
    assert_non_null(
        ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)((from_ms ? from_ms : FROM_MS) / 1000)));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)((to_ms ? to_ms : TO_MS) / 1000)));
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void add_responder(X509 *certificate, const char *url)
{
    char text[600];
    if (!url)
        return;
    (void)snprintf(text, sizeof(text), "OCSP;URI:%s", url);
    add_extension(certificate, NID_info_access, text);
}

static X509 *new_certificate(void)
{
    X509 *certificate = X509_new();
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), next_serial++), 1);
    return certificate;
}

struct authority *authority_new(const struct authority_options *options)
{
    static const struct authority_options none;
    const struct authority_options *o = options ? options : &none;
    struct authority *a = calloc(1, sizeof(*a));
    const struct authority *by = o->signed_by ? o->signed_by : a;

    a->key = EVP_EC_gen("P-256");
    a->certificate = new_certificate();
    a->signed_by = o->signed_by;
    add_name(X509_get_subject_name(a->certificate), "O", "Example");
    add_name(X509_get_subject_name(a->certificate), "CN", o->name ? o->name : "root");
    assert_int_equal(X509_set_issuer_name(a->certificate, X509_get_subject_name(by->certificate)), 1);
    assert_int_equal(X509_set_pubkey(a->certificate, a->key), 1);
    set_times(a->certificate, o->not_before_ms, o->not_after_ms);
    add_extension(a->certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(a->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_responder(a->certificate, o->responder);
    assert_true(X509_sign(a->certificate, by->key, EVP_sha256()) > 0);
    a->pem = certificate_text(a->certificate);
    return a;
}

void authority_free(struct authority *a)
{
    if (!a)
        return;
    EVP_PKEY_free(a->key);
    X509_free(a->certificate);
    free(a->pem);
    free(a);
}

const char *authority_pem(const struct authority *a)
{
    return a->pem;
}

void authority_request(const char *common_name, const char *organization, char **ret_csr, char **ret_key)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    add_name(X509_REQ_get_subject_name(request), "O", organization);
    add_name(X509_REQ_get_subject_name(request), "CN", common_name);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);

    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509_REQ(bio, request), 1);
    *ret_csr = text_of(bio);
    bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    *ret_key = text_of(bio);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
}

char *authority_sign(struct authority *a, const char *csr, const struct authority_leaf *options)
{
    static const struct authority_leaf none;
    const struct authority_leaf *o = options ? options : &none;
    BIO *bio = BIO_new_mem_buf(csr, -1);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(request);

    X509 *certificate = new_certificate();
    if (o->common_name)
        add_name(X509_get_subject_name(certificate), "CN", o->common_name);
    else
        assert_int_equal(X509_set_subject_name(certificate, X509_REQ_get_subject_name(request)), 1);
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(a->certificate)), 1);
    assert_int_equal(X509_set_pubkey(certificate, X509_REQ_get0_pubkey(request)), 1);
    set_times(certificate, o->not_before_ms, o->not_after_ms);
    add_extension(certificate, NID_key_usage, "critical,digitalSignature");
    add_responder(certificate, o->responder);
    if (o->signs_ocsp)
        add_extension(certificate, NID_ext_key_usage, "OCSPSigning");
    assert_true(X509_sign(certificate, a->key, EVP_sha256()) > 0);

    char *leaf = certificate_text(certificate), *chain = leaf;
    if (a->signed_by) {
        assert_true(asprintf(&chain, "%s%s", leaf, a->pem) > 0);
        free(leaf);
    }
    X509_free(certificate);
    X509_REQ_free(request);
    return chain;
}

static X509 *read_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(certificate);
    return certificate;
}

static EVP_PKEY *read_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key);
    return key;
}

static char *response_text(OCSP_BASICRESP *basic)
{
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);
    char *text = calloc(1, (size_t)len * 2 + 5);
    (void)EVP_EncodeBlock((unsigned char *)text, der, len);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    return text;
}

char *authority_ocsp(const struct authority *a, const char *pem, const struct authority_ocsp *options)
{
    const struct authority *says = options->says ? options->says : a;
    X509 *certificate = read_certificate(pem);
    X509 *signer = options->signer_pem ? read_certificate(options->signer_pem) : says->certificate;
    EVP_PKEY *key = options->signer_key ? read_key(options->signer_key) : says->key;
    OCSP_CERTID *id = OCSP_cert_to_id(options->sha1 ? EVP_sha1() : EVP_sha256(), certificate, a->certificate);
    ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, (time_t)(options->this_update_ms / 1000));
    ASN1_TIME *to = options->next_update_ms
                        ? ASN1_GENERALIZEDTIME_set(NULL, (time_t)(options->next_update_ms / 1000))
                        : NULL;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    assert_non_null(OCSP_basic_add1_status(
        basic, id, options->is_revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD,
        OCSP_REVOKED_STATUS_KEYCOMPROMISE, from, from, to));
    assert_int_equal(OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, 0), 1);
    if (options->signer_pem)
        X509_free(signer);
    if (options->signer_key)
        EVP_PKEY_free(key);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    OCSP_CERTID_free(id);
    X509_free(certificate);
    return response_text(basic);
}

const char *authority_escaped(const char *pem)
{
    static char texts[4][16000];
    static int turn;
    char *text = texts[turn++ % 4], *at = text;
    for (; *pem; pem++) {
        if (*pem == '\n') {
            *at++ = '\\';
            *at++ = 'n';
        } else {
            *at++ = *pem;
        }
    }
    *at = '\0';
    return text;
}
