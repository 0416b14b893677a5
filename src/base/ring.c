/* Each record stands behind two bytes of length; both may go around the end. */
#include "base/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX 2

void ring_init(struct ring *ring, size_t size)
{
    *ring = (struct ring){ .size = size };
}

void ring_done(struct ring *ring)
{
    free(ring->bytes);
    *ring = (struct ring){ .size = ring->size };
}

static void put(struct ring *ring, size_t at, const void *bytes, size_t len)
{
    size_t to_end = ring->size - at % ring->size;
    size_t head = len < to_end ? len : to_end;
    memcpy(ring->bytes + at % ring->size, bytes, head);
    memcpy(ring->bytes, (const uint8_t *)bytes + head, len - head);
}

static void get(const struct ring *ring, size_t at, void *ret, size_t len)
{
    size_t to_end = ring->size - at % ring->size;
    size_t head = len < to_end ? len : to_end;
    memcpy(ret, ring->bytes + at % ring->size, head);
    memcpy((uint8_t *)ret + head, ring->bytes, len - head);
}

static size_t length_at(const struct ring *ring, size_t at)
{
    uint8_t prefix[PREFIX];
    get(ring, at, prefix, PREFIX);
    return (size_t)(prefix[0] << 8 | prefix[1]);
}

int ring_add(struct ring *ring, const void *record, size_t len)
{
    size_t max = ring->size / 2 < RING_MAX_RECORD ? ring->size / 2 : RING_MAX_RECORD;
    if (!ring->bytes)
        ring->bytes = malloc(ring->size);
    if (!ring->bytes)
        return -ENOMEM;

    len = len < max ? len : max;
    while (ring->used + PREFIX + len > ring->size) {
        size_t oldest = PREFIX + length_at(ring, ring->first);
        ring->first = (ring->first + oldest) % ring->size;
        ring->used -= oldest;
    }
    uint8_t prefix[PREFIX] = { (uint8_t)(len >> 8), (uint8_t)len };
    put(ring, ring->first + ring->used, prefix, PREFIX);
    put(ring, ring->first + ring->used + PREFIX, record, len);
    ring->used += PREFIX + len;
    return 0;
}

void ring_each(const struct ring *ring, void (*each)(void *ctx, const void *record, size_t len), void *ctx)
{
    uint8_t record[RING_MAX_RECORD + 1];
    for (size_t done = 0; done < ring->used;) {
        size_t len = length_at(ring, ring->first + done);
        get(ring, ring->first + done + PREFIX, record, len);
        record[len] = '\0';
        each(ctx, record, len);
        done += PREFIX + len;
    }
}
