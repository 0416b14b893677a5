/* A record is time (8 bytes), peer (4), direction (1) and the frame. */
#include "driver/frames.h"

#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

#define HEAD 13

void frames_init(struct frames *frames, size_t bytes)
{
    ring_init(&frames->ring, bytes);
}

void frames_done(struct frames *frames)
{
    ring_done(&frames->ring);
}

void frames_add(struct frames *frames, int64_t wall_ms, bool is_outgoing, uint32_t peer, const uint8_t *bytes,
                size_t len)
{
    uint8_t record[HEAD + FRAMES_MAX_FRAME];
    len = len < FRAMES_MAX_FRAME ? len : FRAMES_MAX_FRAME;
    memcpy(record, &wall_ms, 8);
    memcpy(record + 8, &peer, 4);
    record[12] = is_outgoing;
    memcpy(record + HEAD, bytes, len);
    (void)ring_add(&frames->ring, record, HEAD + len);
}

struct printing {
    struct buf *out;
    uint32_t peer;
};

static void print_frame(void *ctx, const void *record, size_t len)
{
    const struct printing *p = ctx;
    const uint8_t *at = record;
    int64_t wall_ms;
    uint32_t peer;
    char when[TIMESTAMP_SIZE], hex[2 * FRAMES_MAX_FRAME + 1];
    memcpy(&wall_ms, at, 8);
    memcpy(&peer, at + 8, 4);
    if (p->peer && p->peer != peer)
        return;
    timestamp_format(wall_ms, when);
    hex_encode(at + HEAD, len - HEAD, hex, sizeof(hex));
    buf_printf(p->out, "%s %s ", when, at[12] ? "sent    " : "received");
    if (peer)
        buf_printf(p->out, "%u.%u.%u.%u ", peer >> 24, peer >> 16 & 255, peer >> 8 & 255, peer & 255);
    buf_printf(p->out, "%s\n", hex);
}

void frames_print(const struct frames *frames, uint32_t peer, struct buf *out)
{
    struct printing p = { out, peer };
    ring_each(&frames->ring, print_frame, &p);
}
