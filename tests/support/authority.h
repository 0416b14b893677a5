/* A certificate authority for tests: roots, station certificates, requests; at any time and with any mistake. */
#ifndef TESTS_AUTHORITY_H
#define TESTS_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

struct authority;

struct authority_options {               /* zero: the default */
    const char *name;                    /* CN; "root" */
    struct authority *signed_by;         /* NULL: by itself */
    int64_t not_before_ms, not_after_ms; /* 2020 .. 2040 */
    const char *responder;               /* URL of the OCSP responder for its certificate, or NULL */
};
struct authority *authority_new(const struct authority_options *options);
void authority_free(struct authority *a);
const char *authority_pem(const struct authority *a); /* its certificate */

/* A new key and request; both the caller's. */
void authority_request(const char *common_name, const char *organization, char **ret_csr, char **ret_key);
/* The request signed: the caller's PEM, followed by the authority's own certificate if it is no root. */
struct authority_leaf {
    int64_t not_before_ms, not_after_ms; /* 2020 .. 2040 */
    const char *common_name;             /* NULL: the request's subject */
    const char *responder;               /* OCSP */
    bool signs_ocsp;                     /* for the authority */
};
char *authority_sign(struct authority *a, const char *csr, const struct authority_leaf *options);

/* What a responder of the authority says of the certificate (the first of `pem`): OCSPResponse in base64; the caller's. */
struct authority_ocsp {
    bool is_revoked;
    int64_t this_update_ms, next_update_ms; /* next 0: not said */
    const struct authority *says;           /* whose key signs it; NULL: the authority's own */
    const char *signer_pem, *signer_key;    /* or this one, which comes along */
    bool sha1;                              /* hashes in it, as most responders have them */
};
char *authority_ocsp(const struct authority *a, const char *pem, const struct authority_ocsp *options);

/* PEM as it stands in JSON; one of a few buffers that take turns. */
const char *authority_escaped(const char *pem);

#endif
