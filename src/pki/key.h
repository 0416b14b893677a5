/* Private keys: made here as PEM (PKCS#8), or living in a token (PKCS#11, TPM) and named by a URI that OpenSSL opens. Not pure and slow
 * (RSA keys, tokens): from a worker thread only, except key_is_uri(). Nothing here logs, since the log belongs to the loop's thread. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <stdbool.h>
#include <stddef.h>

enum key_type { KEY_EC_P256, KEY_RSA_2048, KEY_RSA_3072, KEY_TYPES };
extern const char *const key_type_names[KEY_TYPES]; /* "ec", "rsa2048", "rsa3072" */

struct csr_settings {
    const char *key_uri; /* "pkcs11:...", "handle:..." (TPM): that key; NULL: a new one of `type` is made */
    enum key_type type;
    const char *common_name, *organization, *country; /* organization and country may be NULL */
    const char *pin;                                  /* of the token, or NULL */
};

/* A PKCS#10 request in PEM, signed with SHA-256, in `*ret_csr`; the new key in `*ret_key` (PEM; with key_uri a copy of the URI). Both the
 * caller's; keys are wiped by key_text_free(). 0, -EINVAL (a name is too long, or no text), and as key_open(). */
int key_make_csr(const struct csr_settings *settings, char **ret_csr, char **ret_key);
/* Whether a text is a URI that names a key in a token, not PEM. */
bool key_is_uri(const char *key);
/* Wipes and frees. NULL is fine. */
void key_text_free(char *key);

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */
/* Opens a key given as PEM or URI, for a TLS context. The caller's EVP_PKEY. 0, -EINVAL (no private key, an encrypted one, or a PIN within the URI), -ENOMEM; of a
 * token: -EINVAL (an RSA key of a TPM), -ENOSYS (OpenSSL lacks the engine or provider), -EACCES (PIN missing or wrong), -EIO (no such token or key, or it fails). */
int key_open(const char *key, const char *pin, struct evp_pkey_st **ret);
/* Whether the key (PEM, no URI) is that of the first certificate: 0, -EKEYREJECTED (of another one), -EBADMSG (no certificate), and
 * as key_open(). */
int key_is_of(const char *key, const char *certificate_pem);
/* Checks a detached signature (SHA-256; RSA PKCS#1 v1.5, RSA-PSS or ECDSA; base64) over the file by the certificate's key: 0,
 * -EBADMSG (does not fit), -EINVAL (certificate or base64), -ENOMEM, -errno of the file. Reads the whole file. */
int key_verify_file(const char *path, const char *certificate_pem, const char *signature_base64);

#endif
