/* Making and opening private keys, and requests for their certificates. */
#include "pki/key.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/str.h"
#include "pki/key_internal.h"
#include "pki/x509.h"

const char *const key_type_names[KEY_TYPES] = { "ec", "rsa2048", "rsa3072" };

static const char *const schemes[] = { "pkcs11:", "handle:" };

bool key_is_uri(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (str_starts(key, schemes[i]))
            return true;
    return false;
}

void key_text_free(char *key)
{
    if (key)
        explicit_bzero(key, strlen(key));
    free(key);
}

/* 0, or why OpenSSL failed: -ENOMEM or -EINVAL. */
static int trouble(void)
{
    return pki_trouble() == PKI_NO_MEMORY ? -ENOMEM : -EINVAL;
}

int key_open(const char *key, const char *pin, struct evp_pkey_st **ret)
{
    if (key_is_uri(key))
        return token_open_key(key, pin, ret);
    AUTO(bio_st) *bio = BIO_new_mem_buf(key, -1);
    struct evp_pkey_st *opened = bio ? PEM_read_bio_PrivateKey(bio, NULL, pki_no_password, NULL) : NULL;
    if (!opened)
        return trouble();
    ERR_clear_error();
    *ret = opened;
    return 0;
}

int key_is_of(const char *key, const char *certificate_pem)
{
    AUTO(evp_pkey_st) *opened = NULL;
    AUTO(x509_st) *certificate = NULL;
    int r = key_open(key, NULL, &opened);
    if (r < 0)
        return r;
    enum pki_verdict verdict = pki_first(certificate_pem, &certificate);
    if (verdict != PKI_OK)
        return verdict == PKI_NO_MEMORY ? -ENOMEM : -EBADMSG;
    bool is_its = X509_check_private_key(certificate, opened) == 1;
    ERR_clear_error();
    return is_its ? 0 : -EKEYREJECTED;
}

static struct evp_pkey_st *make_key(enum key_type type)
{
    switch (type) {
    case KEY_EC_P256:
        return EVP_EC_gen("P-256");
    case KEY_RSA_2048:
        return EVP_RSA_gen(2048);
    case KEY_RSA_3072:
        return EVP_RSA_gen(3072);
    case KEY_TYPES:
        break;
    }
    return NULL;
}

/* What was written to `bio`, as the caller's text; NULL without memory. The BIO wipes what it frees. */
static char *text_of(struct bio_st *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    return strndup(text, (size_t)len);
}

static int write_key(struct evp_pkey_st *key, char **ret)
{
    AUTO(bio_st) *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return trouble();
    *ret = text_of(bio);
    return *ret ? 0 : -ENOMEM;
}

static bool add_name(X509_NAME *name, const char *field, const char *text)
{
    return !text || !*text ||
           X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) ==
               1;
}

/* A00.FR.512: what the key is for, which the authority may take over. A00.FR.514: no Extended Key Usage. */
static bool add_key_usage(struct X509_req_st *request)
{
    X509_EXTENSION *usage = X509V3_EXT_nconf_nid(NULL, NULL, NID_key_usage, "critical,digitalSignature");
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    bool done = usage && extensions && sk_X509_EXTENSION_push(extensions, usage) > 0;
    if (!done)
        X509_EXTENSION_free(usage);
    done = done && X509_REQ_add_extensions(request, extensions) == 1;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return done;
}

/* A00.FR.509, A00.FR.511: O and CN of the subject; A02.FR.03: PKCS#10 in PEM. */
static int write_request(const struct csr_settings *settings, struct evp_pkey_st *key, char **ret)
{
    AUTO(X509_req_st) *request = X509_REQ_new();
    AUTO(bio_st) *bio = BIO_new(BIO_s_mem());
    if (!request || !bio)
        return trouble();
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    if (!add_name(subject, "C", settings->country) || !add_name(subject, "O", settings->organization) ||
        !add_name(subject, "CN", settings->common_name) || !add_key_usage(request))
        return trouble();
    /* libp11 gives an EC key without its public half if the token has no public object of the same id. */
    if (X509_REQ_set_pubkey(request, key) != 1 || X509_REQ_sign(request, key, EVP_sha256()) <= 0) {
        ERR_clear_error();
        return settings->key_uri ? -EIO : -ENOMEM;
    }
    if (PEM_write_bio_X509_REQ(bio, request) != 1)
        return trouble();
    *ret = text_of(bio);
    return *ret ? 0 : -ENOMEM;
}

int key_make_csr(const struct csr_settings *settings, char **ret_csr, char **ret_key)
{
    AUTO(evp_pkey_st) *key = NULL;
    int r = 0;
    if (settings->key_uri)
        r = key_open(settings->key_uri, settings->pin, &key);
    else if (!(key = make_key(settings->type)))
        r = trouble();
    if (r < 0)
        return r;

    char *csr = NULL, *text = NULL;
    r = write_request(settings, key, &csr);
    if (r == 0 && settings->key_uri)
        r = (text = strdup(settings->key_uri)) ? 0 : -ENOMEM;
    else if (r == 0)
        r = write_key(key, &text);
    ERR_clear_error();
    if (r < 0) {
        free(csr);
        return r;
    }
    *ret_csr = csr;
    *ret_key = text;
    return 0;
}
