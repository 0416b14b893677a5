/* What tests of certificates share: authorities, a CSMS that looks at certificates, and the messages of blocks A and M.
 *
 * `trust_make` and `trust_free` are the group's fixtures, `trust_teardown` that of a test whose CSMS is trust_csms_accepts(). */
#ifndef TESTS_TRUST_H
#define TESTS_TRUST_H

#include "pki/pki.h"
#include "tests/support/authority.h"
#include "tests/support/bench.h"

#define FOREVER_MS INT64_C(2208988800000)
#define ACCEPTED   "{'status': 'Accepted'}"
#define REJECTED   "{'status': 'Rejected'}"

/* What a test works with: authorities, and whom the CSMS has. */
extern struct trust {
    struct authority *root, *next, *other;
    const char *server_root;      /* the CSMS's certificate leads to it; NULL: to whatever is trusted */
    const char *only_certificate; /* the CSMS takes this one only */
    char *configured;             /* the station's certificate in the configuration, or NULL */
} trust;

int trust_make(void **state);
int trust_free(void **state);
int trust_teardown(void **state);
/* Booted, in this security profile; CertSigningWaitMinimum 30, CertSigningRepeatTimes 1. */
struct bench *trust_bench(int security_profile, struct bench_options options);
/* For bench.accepts: what `trust` says of server and station. */
bool trust_csms_accepts(struct bench *b, enum link_failure *ret_failure);
/* A certificate of trust.root for the station, and its key, in the configuration; the caller's. */
char *trust_make_own(struct bench_options *options, int64_t not_after_ms);

/* Each sends the request; the answer must contain `result`. */
void trust_install(struct bench *b, const char *type, const char *pem, const char *result);
void trust_installed(struct bench *b, const char *types, const char *result);
void trust_delete(struct bench *b, const char *hash, const char *result);
void trust_signed(struct bench *b, const char *chain, const char *result);
void trust_trigger(struct bench *b); /* SignChargingStationCertificate */
void trust_sign_accepted(struct bench *b);
void trust_reset(struct bench *b);
/* A CALL whose answer is not waited for. */
void trust_frame(struct bench *b, char *text);
/* CertificateHashDataType; static until the next call. issuer NULL: self-signed. */
const char *trust_hash(const char *pem, const char *issuer, enum pki_hash algorithm);

#endif
