/* SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): who does not know the key
 * can neither foresee a hash nor tell what it is of. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16
#define SIPHASH_SIZE     16

void siphash(const uint8_t key[static SIPHASH_KEY_SIZE], const void *data, size_t len,
             uint8_t ret[static SIPHASH_SIZE]);

#endif
