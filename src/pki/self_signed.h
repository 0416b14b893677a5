/* A certificate that a server makes for itself. Not pure, and slow by a key: not on the loop but at the start. */
#ifndef PKI_SELF_SIGNED_H
#define PKI_SELF_SIGNED_H

#include <stddef.h>
#include <stdint.h>

/* An EC key and a certificate of it for a TLS server of these names (host names and addresses), valid from a day before `now_ms` (Unix) for ten years. Both
 * PEM, the caller's; the key to be freed by key_text_free(). 0, -EINVAL (a name that cannot stand there), -ENOMEM. */
int self_signed_new(const char *const names[], size_t count, int64_t now_ms, char **ret_cert, char **ret_key);

#endif
