/* SipHash-2-4-128.
 *
 *     key -> four words of state -> two rounds for each 8 bytes, the last ones with the length on top
 *         -> four rounds -> first half -> four rounds -> second half; all words little-endian */
#include "base/siphash.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t get_word(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

static void put_word(uint64_t word, uint8_t *ret)
{
    for (size_t i = 0; i < 8; i++)
        ret[i] = (uint8_t)(word >> 8 * i);
}

static void rounds(struct state *s, int count)
{
    for (; count > 0; count--) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

static void take(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

void siphash(const uint8_t key[static SIPHASH_KEY_SIZE], const void *data, size_t len,
             uint8_t ret[static SIPHASH_SIZE])
{
    const uint8_t *bytes = data;
    uint64_t k0 = get_word(key, 8), k1 = get_word(key + 8, 8);
    struct state s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261,
                       k1 ^ 0x7465646279746573 };
    size_t whole = len / 8 * 8;
    for (size_t i = 0; i < whole; i += 8)
        take(&s, get_word(bytes + i, 8));
    take(&s, get_word(bytes + whole, len - whole) | (uint64_t)len << 56);

    s.v2 ^= 0xee;
    rounds(&s, 4);
    put_word(s.v0 ^ s.v1 ^ s.v2 ^ s.v3, ret);
    s.v1 ^= 0xdd;
    rounds(&s, 4);
    put_word(s.v0 ^ s.v1 ^ s.v2 ^ s.v3, ret + 8);
}
