/* Between the files of the key library. */
#ifndef PKI_KEY_INTERNAL_H
#define PKI_KEY_INTERNAL_H

struct evp_pkey_st;

/* Opens the key that the URI names; see key_open(). */
int token_open_key(const char *uri, const char *pin, struct evp_pkey_st **ret);
/* A key that signs by `key`, of the provider tpm2, and can be used as OpenSSL's own. `key` stays the caller's. 0, -EINVAL (no EC key),
 * -ENOMEM. */
int tpm_wrap_key(struct evp_pkey_st *key, struct evp_pkey_st **ret);

#endif
