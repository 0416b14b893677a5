/* What goes over the link of a station, counted. */
#ifndef GATEWAY_TRAFFIC_H
#define GATEWAY_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manage/metrics.h"

struct traffic {
    uint64_t sent, received, connects;
    struct histogram answers; /* how long the CSMS takes to answer our CALLs */
    int64_t asked_ms;         /* when the CALL that waits for its answer went out; 0: none does */
};
/* A link is open. */
void traffic_connected(struct traffic *traffic);
void traffic_frame(struct traffic *traffic, bool outgoing, const char *text, size_t len, int64_t now_ms);

#endif
