/* A record is time (8 bytes), direction (1), length of the peer (1), the peer and the frame. */
#include "driver/frames.h"

#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

#define HEAD 10

void frames_init(struct frames *frames, size_t bytes)
{
    ring_init(&frames->ring, bytes);
}

void frames_done(struct frames *frames)
{
    ring_done(&frames->ring);
}

void frames_add(struct frames *frames, int64_t wall_ms, bool is_outgoing, const char *peer,
                const uint8_t *bytes, size_t len)
{
    uint8_t record[HEAD + FRAMES_MAX_PEER + FRAMES_MAX_FRAME];
    size_t peer_len = peer ? strnlen(peer, FRAMES_MAX_PEER) : 0;
    len = len < FRAMES_MAX_FRAME ? len : FRAMES_MAX_FRAME;
    memcpy(record, &wall_ms, 8);
    record[8] = is_outgoing;
    record[9] = (uint8_t)peer_len;
    if (peer_len > 0)
        memcpy(record + HEAD, peer, peer_len);
    memcpy(record + HEAD + peer_len, bytes, len);
    (void)ring_add(&frames->ring, record, HEAD + peer_len + len);
}

struct printing {
    struct buf *out;
    const char *peer;
};

static void print_frame(void *ctx, const void *record, size_t len)
{
    const struct printing *p = ctx;
    const uint8_t *at = record;
    int64_t wall_ms;
    size_t peer_len = at[9];
    char when[TIMESTAMP_SIZE], hex[2 * FRAMES_MAX_FRAME + 1];
    memcpy(&wall_ms, at, 8);
    if (p->peer && (strlen(p->peer) != peer_len || memcmp(p->peer, at + HEAD, peer_len) != 0))
        return;
    timestamp_format(wall_ms, when);
    hex_encode(at + HEAD + peer_len, len - HEAD - peer_len, hex, sizeof(hex));
    buf_printf(p->out, "%s %s ", when, at[8] ? "sent    " : "received");
    if (peer_len > 0)
        buf_printf(p->out, "%.*s ", (int)peer_len, (const char *)at + HEAD);
    buf_printf(p->out, "%s\n", hex);
}

void frames_print(const struct frames *frames, const char *peer, struct buf *out)
{
    struct printing p = { out, peer };
    ring_each(&frames->ring, print_frame, &p);
}
