/* What a fingerprint must not keep as it is, since it is secret or long. */
#ifndef GATEWAY_HASH_H
#define GATEWAY_HASH_H

#include <stddef.h>

struct buf;

/* Appends one SHA-256 over all the texts (each may be NULL, which differs from "") in hex; without memory out->err is set. */
void hash_texts(struct buf *out, const char *const *texts, size_t count);

#endif
