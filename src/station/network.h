/* The link to the CSMS: when to connect and how long to wait (RetryBackOff..., Part 4, 5.3 and 8). */
#ifndef STATION_NETWORK_H
#define STATION_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"

struct station;

enum link_state { LINK_IDLE, LINK_WAITING, LINK_CONNECTING, LINK_UP, LINK_CLOSING };

struct network {
    enum link_state state;
    int attempts; /* since the last time the link was up */
    int64_t back_off_ms;
    int64_t down_since_ms; /* monotonic; -1: up */
    struct timer timer;
};

void network_init(struct station *s);
void network_done(struct station *s);
void network_start(struct station *s, int64_t delay_ms);
/* Ends the link and connects again after delay_ms (reset, new password). */
void network_reconnect(struct station *s, int64_t delay_ms);
void network_ping_interval_changed(struct station *s);
bool network_is_up(const struct station *s);

#endif
