/* The last frames of a bus, both ways, for diagnostics. */
#ifndef DRIVER_FRAMES_H
#define DRIVER_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ring.h"

#define FRAMES_MAX_FRAME 300 /* bytes of a frame; the rest is cut off */
#define FRAMES_MAX_PEER  64

struct frames {
    struct ring ring;
};

/* bytes: as ring_init(); nothing is taken before the first frame. */
void frames_init(struct frames *frames, size_t bytes);
void frames_done(struct frames *frames);
/* wall_ms: Unix time; peer: whom it was sent to or came from (cut off at FRAMES_MAX_PEER), NULL where a bus has one peer only. */
void frames_add(struct frames *frames, int64_t wall_ms, bool is_outgoing, const char *peer,
                const uint8_t *bytes, size_t len);
/* One line for each: time, direction, peer, hex digits. peer NULL: all. */
void frames_print(const struct frames *frames, const char *peer, struct buf *out);

#endif
