/* The last records of a stream, in a fixed number of bytes: the oldest make room for the newest. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_MAX_RECORD 4096 /* what is longer is cut off */

struct ring {
    uint8_t *bytes;           /* NULL until the first record */
    size_t size, first, used; /* of bytes: size, place of the oldest record, bytes in use */
};

/* Takes no memory yet. size: at least twice RING_MAX_RECORD, or no record is longer than half of it. */
void ring_init(struct ring *ring, size_t size);
void ring_done(struct ring *ring);
/* 0, or -ENOMEM: then the record is lost. */
int ring_add(struct ring *ring, const void *record, size_t len);
/* Oldest first; a record is borrowed for the call, and followed by a 0 byte. */
void ring_each(const struct ring *ring, void (*each)(void *ctx, const void *record, size_t len), void *ctx);

#endif
