/* Certificates as OpenSSL's objects, for this library and for TLS; the layers above know texts only. */
#ifndef PKI_X509_H
#define PKI_X509_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "pki/pki.h"

DEFINE_AUTO(bio_st, BIO_vfree)
DEFINE_AUTO(x509_st, X509_free)
DEFINE_AUTO(X509_req_st, X509_REQ_free)
DEFINE_AUTO(evp_pkey_st, EVP_PKEY_free)

#define PKI_MAX_ROOTS 1000 /* a whole system's bundle has 150 */

/* PKI_MALFORMED, or PKI_NO_MEMORY if that was OpenSSL's reason. */
enum pki_verdict pki_trouble(void);
/* For PEM_read_bio_...(): a text that is encrypted is not read. Without it OpenSSL asks for a password at the terminal. Its signature is
 * OpenSSL's. */
int pki_no_password(char *buffer, int size, int writing, void *ctx);
/* The first certificate; the caller's X509. */
enum pki_verdict pki_first(const char *pem, struct x509_st **ret);
/* All certificates, in order: PKI_MALFORMED if there is none, one cannot be read, or there are more than `max`. The caller's. */
enum pki_verdict pki_all(const char *pem, size_t max, struct stack_st_X509 **ret);
void pki_free_all(struct stack_st_X509 *certificates); /* NULL is fine */
DEFINE_AUTO(stack_st_X509, pki_free_all)
/* Keys and signatures of at least 112 bits of security: A00.FR.501 - A00.FR.504. */
bool pki_is_strong(struct x509_st *certificate);

/* ASN.1's time in ms since 1970, by calendar and without any clock. */
bool pki_read_time(const struct asn1_string_st *time, int64_t *ret_ms);

/* There is such an entry (NID_...), and none that says otherwise. */
bool pki_name_says(const struct X509_name_st *name, int nid, const char *text);

#endif
