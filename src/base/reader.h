/* Takes bytes from outside apart. The first error sticks; every later read gives 0. */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *at, *end;
    int err; /* 0 or -EBADMSG */
};

static inline struct reader reader_of(const void *bytes, size_t len)
{
    return (struct reader){ .at = bytes, .end = (const uint8_t *)bytes + len };
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

/* Borrowed pointer to the next `len` bytes, or NULL with the error set. */
static inline const uint8_t *get_bytes(struct reader *r, size_t len)
{
    if (r->err || reader_left(r) < len) {
        r->err = -EBADMSG;
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += len;
    return bytes;
}

static inline uint8_t get_u8(struct reader *r)
{
    const uint8_t *b = get_bytes(r, 1);
    return b ? b[0] : 0;
}

static inline uint16_t get_u16be(struct reader *r)
{
    const uint8_t *b = get_bytes(r, 2);
    return b ? (uint16_t)(b[0] << 8 | b[1]) : 0;
}

static inline uint32_t get_u32be(struct reader *r)
{
    uint32_t high = get_u16be(r);
    return high << 16 | get_u16be(r);
}

/* Bytes left over are an error, too. 0 or -EBADMSG. */
static inline int reader_finish(struct reader *r)
{
    if (r->at != r->end)
        r->err = -EBADMSG;
    return r->err;
}

#endif
