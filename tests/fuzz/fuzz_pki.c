/* Certificates, chains and requests as a CSMS may send them: PEM as it is, or DER (from its first byte on, 0x30) put into PEM here, so
 * that base64 does not stand between the fuzzer and the parser. */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pki/key.h"
#include "pki/pki.h"

#define NOW_MS INT64_C(1790000000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* corpus/pki/responder: response.der beside it is signed by its key and is about itself. */
static const char responder[] = "-----BEGIN CERTIFICATE-----\n"
                                "MIIBXDCCAQKgAwIBAgIBBzAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlyZXNwb25k\n"
                                "ZXIwHhcNMjAwMTAxMDAwMDAwWhcNNDAwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAly\n"
                                "ZXNwb25kZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATNuMROiAKSBBMNVyEE\n"
                                "f0+bzSWoJJaLNNoQYoXFV8wH1H6+rEze9PX+UVUqkoqmig5EV4mOuytevNwK2qNc\n"
                                "fhK/o0UwQzAPBgNVHRMBAf8EBTADAQH/MDAGCCsGAQUFBwEBBCQwIjAgBggrBgEF\n"
                                "BQcwAYYUaHR0cDovL29jc3AuZXhhbXBsZS8wCgYIKoZIzj0EAwIDSAAwRQIgPPAI\n"
                                "zn1PHH9ZEnv1Rhzpby7PipZUG5aWf5PyIOoUQjcCIQCmw0qjP0rYVq2rhlAHbCXW\n"
                                "2yG4vX2gMq29sQ+gTC57IA==\n"
                                "-----END CERTIFICATE-----\n";

static char *pem_of(const uint8_t *bytes, size_t len)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n", end[] = "\n-----END CERTIFICATE-----\n";
    char *pem = calloc(1, sizeof(begin) + sizeof(end) + len * 2 + 8);
    char *at = stpcpy(pem, begin);
    for (size_t done = 0, part; done < len; done += part) {
        part = len - done < 48 ? len - done : 48;
        at += EVP_EncodeBlock((unsigned char *)at, bytes + done, (int)part);
        *at++ = '\n';
    }
    memcpy(at - 1, end, sizeof(end));
    return pem;
}

static void judge(const char *pem)
{
    struct pki_info info;
    struct pki_hash_data data;
    enum pki_verdict read = pki_read(pem, &info);
    assert(read == PKI_OK || read == PKI_MALFORMED);
    size_t count = pki_count(pem);
    for (size_t i = 0; i < count && i < PKI_MAX_CHAIN; i++) {
        char *one = pki_nth(pem, i);
        assert(one && pki_count(one) == 1);
        free(one);
    }
    for (enum pki_hash algorithm = 0; algorithm < PKI_HASHES; algorithm++)
        if (pki_hash_certificate(pem, pem, algorithm, &data) == PKI_OK)
            assert(strlen(data.serial_number) <= 40 && strlen(data.issuer_key_hash) == 64 + 32 * algorithm);
    for (enum pki_use use = PKI_USE_ROOT; use <= PKI_USE_CA_SIGNED; use++)
        (void)pki_verify_chain(pem, pem, use, NOW_MS);
    (void)pki_is_for_request(pem, pem);
    (void)pki_check_subject(pem, "CP", "Example");
    char url[100];
    pki_ocsp_responder(pem, url, sizeof(url));
    assert(strlen(url) < sizeof(url));
}

/* As an OCSP response, in base64 here for the same reason. */
static void judge_response(const uint8_t *bytes, size_t len)
{
    struct pki_ocsp ocsp;
    char *text = calloc(1, len * 2 + 8);
    (void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    (void)pki_ocsp_read(text, responder, responder, NOW_MS, &ocsp);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > 2 * PKI_MAX_PEM)
        return 0;
    char *pem = bytes[0] == 0x30 ? pem_of(bytes, len) : strndup((const char *)bytes, len);
    judge(pem);
    judge_response(bytes, len);
    struct evp_pkey_st *key = NULL;
    if (!key_is_uri(pem) && key_open(pem, NULL, &key) == 0)
        EVP_PKEY_free(key);
    assert(ERR_peek_error() == 0);
    free(pem);
    return 0;
}
