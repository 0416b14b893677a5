/* A certificate authority for tests: roots, station certificates, requests; at any time and with any mistake. */
#ifndef TESTS_AUTHORITY_H
#define TESTS_AUTHORITY_H

#include <stdint.h>

struct authority;

struct authority_options {               /* zero: the default */
    const char *name;                    /* CN; "root" */
    struct authority *signed_by;         /* NULL: by itself */
    int64_t not_before_ms, not_after_ms; /* 2020 .. 2040 */
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
};
char *authority_sign(struct authority *a, const char *csr, const struct authority_leaf *options);

/* PEM as it stands in JSON; one of a few buffers that take turns. */
const char *authority_escaped(const char *pem);

#endif
