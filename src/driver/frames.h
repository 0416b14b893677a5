/* The last frames of a bus, both ways, for diagnostics. */
#ifndef DRIVER_FRAMES_H
#define DRIVER_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ring.h"

#define FRAMES_MAX_FRAME 300 /* bytes of a frame; the rest is cut off */

struct frames {
    struct ring ring;
};

/* bytes: as ring_init(); nothing is taken before the first frame. */
void frames_init(struct frames *frames, size_t bytes);
void frames_done(struct frames *frames);
/* wall_ms: Unix time; peer: IPv4 address in host order, 0 where a bus has one peer only. */
void frames_add(struct frames *frames, int64_t wall_ms, bool is_outgoing, uint32_t peer, const uint8_t *bytes,
                size_t len);
/* One line for each: time, direction, peer, hex digits. peer 0: all. */
void frames_print(const struct frames *frames, uint32_t peer, struct buf *out);

#endif
