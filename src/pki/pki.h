/* Certificates as texts: what they say, whether they are valid, how OCPP names them. Pure: PEM in, texts and structs out, the time
 * is given. Private keys never come here (pki/key.h). */
#ifndef PKI_PKI_H
#define PKI_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PKI_MAX_PEM   10000 /* bytes of a certificate or chain from outside (CertificateSignedRequest: 10000) */
#define PKI_MAX_CHAIN 8     /* certificates in one PEM text */

enum pki_hash { PKI_SHA256, PKI_SHA384, PKI_SHA512, PKI_HASHES };
extern const char *const pki_hash_names[PKI_HASHES]; /* HashAlgorithmEnumType */

/* CertificateHashDataType (Part 2, 2.6 of the data types; OCSP, RFC 6960, 4.1.1): hashes in lower-case hex, the serial number in
 * hex without leading zeroes. */
struct pki_hash_data {
    enum pki_hash algorithm;
    char issuer_name_hash[129], issuer_key_hash[129], serial_number[41];
};

struct pki_info {
    int64_t not_before_ms, not_after_ms; /* wall clock */
    char subject_common_name[65], subject_organization[65], issuer_common_name[65];
    bool is_ca, is_self_signed;
    int key_bits;
    bool key_is_ec;
    char fingerprint[65]; /* SHA-256 of the DER form, lower-case hex */
};

/* Why a certificate is not taken. PKI_OK is 0. */
enum pki_verdict {
    PKI_OK,
    PKI_MALFORMED,     /* no PEM, no X.509, several where one is wanted, or too many */
    PKI_EXPIRED,       /* or not valid yet */
    PKI_WEAK,          /* RSA below 2048, EC below 224 bits, MD5 or SHA-1 signature (A00.FR.501 - .504) */
    PKI_UNTRUSTED,     /* no path to a trusted root */
    PKI_BAD_SIGNATURE, /* of the certificate, or of the data */
    PKI_WRONG_USE,     /* not a CA where a CA is wanted, key usage, or constraints */
    PKI_WRONG_SUBJECT, /* not this station, or not this organization (A00.FR.509, .510) */
    PKI_WRONG_KEY,     /* the key is not the request's */
    PKI_NO_MEMORY,
    PKI_VERDICTS
};
extern const char *const pki_verdict_texts[PKI_VERDICTS]; /* for logs and statusInfo.additionalInfo */

/* How many certificates the PEM text holds; 0: none that can be read. */
size_t pki_count(const char *pem);
/* The index-th (0: the leaf) alone, as PEM; the caller's, or NULL. */
char *pki_nth(const char *pem, size_t index);
/* Reads the first certificate. */
enum pki_verdict pki_read(const char *pem, struct pki_info *ret);
/* Hash data of the first certificate. The issuer's key is taken from `issuer_pem`, or from the certificate itself if it is self-signed;
 * with NULL for another one the key hash is over an empty key and PKI_UNTRUSTED is returned. */
enum pki_verdict pki_hash_certificate(const char *pem, const char *issuer_pem, enum pki_hash algorithm,
                                      struct pki_hash_data *ret);
/* The certificate and intermediates in `chain_pem` (leaf first) lead to one of `roots_pem` (concatenated) and are valid at `now_ms`.
 * `use` as below. */
enum pki_use {
    PKI_USE_ROOT,     /* a root to install: a CA, valid now, strong; roots_pem unused */
    PKI_USE_CLIENT,   /* of the station: TLS client */
    PKI_USE_FIRMWARE, /* signs firmware: digitalSignature */
    PKI_USE_CA_SIGNED, /* AdditionalRootCertificateCheck: a new CSMS root signed by the old one (M05.FR.10 ff.) */
};
enum pki_verdict pki_verify_chain(const char *chain_pem, const char *roots_pem, enum pki_use use,
                                  int64_t now_ms);
/* The public key of the first certificate is that of the request (PKCS#10, PEM). */
bool pki_is_for_request(const char *pem, const char *csr_pem);
/* Whether the certificate's subject has CN = `station` and O = `organization` (NULL or "": any). */
enum pki_verdict pki_check_subject(const char *pem, const char *station, const char *organization);

/* Whether one of the revocation lists (PEM, concatenated; of the certificate's issuer) names the first certificate. Their own signatures
 * are not looked at: they are the installer's. */
bool pki_is_revoked(const char *pem, const char *crl_pem);
/* How many lists the text holds. */
size_t pki_count_crls(const char *crl_pem);

/* What an OCSP responder says of a certificate (RFC 6960). */
enum pki_ocsp_status { PKI_OCSP_GOOD, PKI_OCSP_REVOKED, PKI_OCSP_UNKNOWN, PKI_OCSP_STATUSES };
extern const char *const pki_ocsp_names[PKI_OCSP_STATUSES];
struct pki_ocsp {
    enum pki_ocsp_status status;
    int64_t this_update_ms, next_update_ms; /* wall clock; next 0: the responder does not say */
};
/* The first responder that the first certificate names and that fits; "" if there is none. */
void pki_ocsp_responder(const char *pem, char *ret, size_t size);
/* What the response (OCSPResponse in base64) says of the first certificate, whose issuer is the first of `issuer_pem`. PKI_BAD_SIGNATURE:
 * neither the issuer's nor of one it has named for that; PKI_WRONG_SUBJECT: about another one; PKI_EXPIRED: not of now. */
enum pki_verdict pki_ocsp_read(const char *response, const char *pem, const char *issuer_pem, int64_t now_ms,
                               struct pki_ocsp *ret);

#endif
