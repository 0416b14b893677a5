/* The small certificate authority of ocpp-csms: signs what stations ask for by SignCertificate. */
#ifndef CSMS_AUTHORITY_H
#define CSMS_AUTHORITY_H

struct authority;

/* Certificate and key of a CA, PEM files. 0, -EIO (told on stderr why), -ENOMEM. */
int authority_open(const char *cert_file, const char *key_file, struct authority **ret);
void authority_free(struct authority *authority); /* NULL is fine */
/* A certificate for a PKCS#10 request in PEM, if it is a good one for this station (its key, CN = station): PEM, followed by the CA's own
 * if that is no root; the caller's. NULL: refused, or no memory. */
char *authority_sign(const struct authority *authority, const char *csr, const char *station);

#endif
