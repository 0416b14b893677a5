/* Reading certificates: PEM to X509, and what OCPP wants to know of one. Every function leaves OpenSSL's queue of errors empty,
 * since a stale error there is taken for one of the next TLS connection. */
#include "pki/pki.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/str.h"
#include "pki/x509.h"

#define SECURITY_BITS 112 /* A00.FR.501 */

const char *const pki_hash_names[PKI_HASHES] = { "SHA256", "SHA384", "SHA512" };

const char *const pki_verdict_texts[PKI_VERDICTS] = {
    [PKI_OK] = "certificate is valid",
    [PKI_MALFORMED] = "not a readable PEM certificate",
    [PKI_EXPIRED] = "expired or not valid yet",
    [PKI_WEAK] = "key or signature algorithm too weak",
    [PKI_UNTRUSTED] = "no path to a trusted root",
    [PKI_BAD_SIGNATURE] = "signature does not fit",
    [PKI_WRONG_USE] = "not for this use",
    [PKI_WRONG_SUBJECT] = "subject is not this station or organization",
    [PKI_WRONG_KEY] = "key is not the request's",
    [PKI_NO_MEMORY] = "out of memory",
};

enum pki_verdict pki_trouble(void)
{
    bool memory = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
    ERR_clear_error();
    return memory ? PKI_NO_MEMORY : PKI_MALFORMED;
}

int pki_no_password(char *buffer, int size, int writing, void *ctx)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static struct bio_st *open_text(const char *pem)
{
    return BIO_new_mem_buf(pem, -1);
}

enum pki_verdict pki_first(const char *pem, struct x509_st **ret)
{
    AUTO(bio_st) *bio = open_text(pem);
    *ret = bio ? PEM_read_bio_X509(bio, NULL, pki_no_password, NULL) : NULL;
    if (!*ret)
        return pki_trouble();
    ERR_clear_error();
    return PKI_OK;
}

void pki_free_all(struct stack_st_X509 *certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}

/* After the last certificate OpenSSL finds no further start line, which is the one good reason to end. */
static enum pki_verdict read_all(struct bio_st *bio, size_t max, struct stack_st_X509 *list)
{
    for (;;) {
        struct x509_st *one = PEM_read_bio_X509(bio, NULL, pki_no_password, NULL);
        if (!one && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && sk_X509_num(list) > 0)
            return PKI_OK;
        if (!one)
            return pki_trouble();
        if ((size_t)sk_X509_num(list) == max || !sk_X509_push(list, one)) {
            X509_free(one);
            return pki_trouble();
        }
    }
}

enum pki_verdict pki_all(const char *pem, size_t max, struct stack_st_X509 **ret)
{
    AUTO(bio_st) *bio = open_text(pem);
    AUTO(stack_st_X509) *list = sk_X509_new_null();
    if (!bio || !list)
        return PKI_NO_MEMORY;
    enum pki_verdict verdict = read_all(bio, max, list);
    ERR_clear_error();
    if (verdict == PKI_OK)
        *ret = STEAL(list);
    return verdict;
}

size_t pki_count(const char *pem)
{
    AUTO(stack_st_X509) *list = NULL;
    return pki_all(pem, PKI_MAX_ROOTS, &list) == PKI_OK ? (size_t)sk_X509_num(list) : 0;
}

char *pki_nth(const char *pem, size_t index)
{
    AUTO(stack_st_X509) *list = NULL;
    if (pki_all(pem, PKI_MAX_ROOTS, &list) != PKI_OK || index >= (size_t)sk_X509_num(list))
        return NULL;
    AUTO(bio_st) *bio = BIO_new(BIO_s_mem());
    char *text = NULL, *copy = NULL;
    if (bio && PEM_write_bio_X509(bio, sk_X509_value(list, (int)index)) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        copy = strndup(text, (size_t)len);
    }
    ERR_clear_error();
    return copy;
}

bool pki_is_strong(struct x509_st *certificate)
{
    struct evp_pkey_st *key = X509_get0_pubkey(certificate);
    int signature_bits;
    bool strong = key && EVP_PKEY_get_security_bits(key) >= SECURITY_BITS &&
                  X509_get_signature_info(certificate, NULL, NULL, &signature_bits, NULL) == 1 &&
                  signature_bits >= SECURITY_BITS;
    ERR_clear_error();
    return strong;
}

bool pki_read_time(const struct asn1_string_st *time, int64_t *ret_ms)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days, seconds;
    bool done = epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    if (done)
        *ret_ms = ((int64_t)days * 86400 + seconds) * 1000;
    return done;
}

/* The first entry of that kind, cut to `size`; "" if there is none. False: not text, or a zero byte is in it. */
static bool read_name(const X509_NAME *name, int nid, char *ret, size_t size)
{
    *ret = '\0';
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0)
        return true;
    unsigned char *text;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (len < 0)
        return false;
    bool clean = strnlen((char *)text, (size_t)len) == (size_t)len;
    (void)str_copy(ret, size, (char *)text);
    OPENSSL_free(text);
    return clean;
}

static void lower_hex(const unsigned char *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *ret++ = digits[bytes[i] >> 4];
        *ret++ = digits[bytes[i] & 15];
    }
    *ret = '\0';
}

static bool read_info(struct x509_st *certificate, struct pki_info *info)
{
    struct evp_pkey_st *key = X509_get0_pubkey(certificate);
    const X509_NAME *subject = X509_get_subject_name(certificate);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len;
    if (!key || !pki_read_time(X509_get0_notBefore(certificate), &info->not_before_ms) ||
        !pki_read_time(X509_get0_notAfter(certificate), &info->not_after_ms) ||
        !read_name(subject, NID_commonName, info->subject_common_name, sizeof(info->subject_common_name)) ||
        !read_name(subject, NID_organizationName, info->subject_organization,
                   sizeof(info->subject_organization)) ||
        !read_name(X509_get_issuer_name(certificate), NID_commonName, info->issuer_common_name,
                   sizeof(info->issuer_common_name)) ||
        X509_digest(certificate, EVP_sha256(), digest, &len) != 1)
        return false;

    lower_hex(digest, len, info->fingerprint);
    info->is_ca = X509_check_ca(certificate) == 1;
    info->is_self_signed = X509_self_signed(certificate, 1) == 1;
    info->key_bits = EVP_PKEY_get_bits(key);
    info->key_is_ec = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
    return true;
}

enum pki_verdict pki_read(const char *pem, struct pki_info *ret)
{
    AUTO(x509_st) *certificate = NULL;
    enum pki_verdict verdict = pki_first(pem, &certificate);
    if (verdict != PKI_OK)
        return verdict;
    struct pki_info info = { 0 };
    if (!read_info(certificate, &info))
        return pki_trouble();
    ERR_clear_error();
    *ret = info;
    return PKI_OK;
}

/* Hex without leading zeroes. A negative number, or one too long for OCPP (40 digits; RFC 5280: 20 bytes), is not taken. A00.FR.508 */
static bool read_serial(const struct x509_st *certificate, char *ret, size_t size)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    const unsigned char *bytes = ASN1_STRING_get0_data(serial);
    int len = ASN1_STRING_length(serial);
    while (len > 0 && *bytes == 0) {
        bytes++;
        len--;
    }
    if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || (size_t)len * 2 >= size)
        return false;
    char text[64];
    lower_hex(bytes, (size_t)len, text);
    const char *start = *text == '0' ? text + 1 : text;
    return str_copy(ret, size, *start ? start : "0") == 0;
}

/* Borrowed: the certificate itself, one of `candidates`, or NULL. */
static struct x509_st *find_issuer(struct x509_st *certificate, struct stack_st_X509 *candidates)
{
    if (X509_self_signed(certificate, 0) == 1)
        return certificate;
    for (int i = 0; i < sk_X509_num(candidates); i++) {
        struct x509_st *one = sk_X509_value(candidates, i);
        if (X509_check_issued(one, certificate) == X509_V_OK)
            return one;
    }
    return NULL;
}

/* RFC 6960, 4.1.1: the name as DER; of the key only the bits, without tag, length and count of unused bits. */
static enum pki_verdict hash(struct x509_st *certificate, struct x509_st *issuer, enum pki_hash algorithm,
                             struct pki_hash_data *data)
{
    const EVP_MD *const digests[] = { EVP_sha256(), EVP_sha384(), EVP_sha512() };
    const ASN1_BIT_STRING *key = issuer ? X509_get0_pubkey_bitstr(issuer) : NULL;
    unsigned char name_hash[EVP_MAX_MD_SIZE], key_hash[EVP_MAX_MD_SIZE];
    unsigned int len;
    if (!read_serial(certificate, data->serial_number, sizeof(data->serial_number)) ||
        X509_NAME_digest(X509_get_issuer_name(certificate), digests[algorithm], name_hash, &len) != 1 ||
        EVP_Digest(key ? ASN1_STRING_get0_data(key) : (const unsigned char *)"",
                   key ? (size_t)ASN1_STRING_length(key) : 0, key_hash, &len, digests[algorithm], NULL) != 1)
        return pki_trouble();

    data->algorithm = algorithm;
    lower_hex(name_hash, len, data->issuer_name_hash);
    lower_hex(key_hash, len, data->issuer_key_hash);
    return issuer ? PKI_OK : PKI_UNTRUSTED;
}

enum pki_verdict pki_hash_certificate(const char *pem, const char *issuer_pem, enum pki_hash algorithm,
                                      struct pki_hash_data *ret)
{
    AUTO(x509_st) *certificate = NULL;
    enum pki_verdict verdict = pki_first(pem, &certificate);
    if (verdict != PKI_OK)
        return verdict;
    AUTO(stack_st_X509) *candidates = NULL;
    if (issuer_pem)
        verdict = pki_all(issuer_pem, PKI_MAX_ROOTS, &candidates);
    if (verdict != PKI_OK)
        return verdict;
    verdict = hash(certificate, find_issuer(certificate, candidates), algorithm, ret);
    ERR_clear_error();
    return verdict;
}

bool pki_is_for_request(const char *pem, const char *csr_pem)
{
    AUTO(x509_st) *certificate = NULL;
    if (pki_first(pem, &certificate) != PKI_OK)
        return false;
    AUTO(bio_st) *bio = open_text(csr_pem);
    AUTO(X509_req_st) *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, pki_no_password, NULL) : NULL;
    struct evp_pkey_st *wanted = request ? X509_REQ_get0_pubkey(request) : NULL;
    struct evp_pkey_st *key = X509_get0_pubkey(certificate);
    bool same = wanted && key && EVP_PKEY_eq(wanted, key) == 1;
    ERR_clear_error();
    return same;
}

bool pki_name_says(const X509_NAME *name, int nid, const char *text)
{
    int found = 0;
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0; found++) {
        unsigned char *entry;
        int len = ASN1_STRING_to_UTF8(&entry, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
        if (len < 0)
            return false;
        bool same = (size_t)len == strlen(text) && memcmp(entry, text, (size_t)len) == 0;
        OPENSSL_free(entry);
        if (!same)
            return false;
    }
    return found > 0;
}

enum pki_verdict pki_check_subject(const char *pem, const char *station, const char *organization)
{
    AUTO(x509_st) *certificate = NULL;
    enum pki_verdict verdict = pki_first(pem, &certificate);
    if (verdict != PKI_OK)
        return verdict;
    const X509_NAME *subject = X509_get_subject_name(certificate);
    bool any = !organization || !*organization;
    bool fits = pki_name_says(subject, NID_commonName, station) &&
                (any || pki_name_says(subject, NID_organizationName, organization));
    ERR_clear_error();
    return fits ? PKI_OK : PKI_WRONG_SUBJECT;
}
