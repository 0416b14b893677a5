/* The link to the CSMS: when to connect and how long to wait (RetryBackOff..., Part 4, 5.3 and 8). */
#ifndef STATION_NETWORK_H
#define STATION_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"

struct station;
enum link_failure;

enum link_state { LINK_IDLE, LINK_WAITING, LINK_CONNECTING, LINK_UP, LINK_CLOSING };
extern const char *const link_state_names[]; /* "idle", "waiting", ... */

struct network {
    enum link_state state;
    int attempts; /* since the last time the link was up */
    int64_t back_off_ms;
    int64_t down_since_ms; /* monotonic; -1: up */
    int64_t reopen_ms;     /* LINK_CLOSING: connect again so long after the close; -1: stay down */
    unsigned refusals;     /* in a row; after each the other password is tried */
    int told_failure; /* enum link_failure of the last attempt, -1: it succeeded; the next of the same kind is no news */
    char told_why[96];   /* the log is told another reason of the same kind, too */
    int timeouts;        /* CALLs in a row without an answer, and nothing else was heard either */
    bool awaits_devices; /* the first connection waits until all have told their state */
    int64_t first_ms;    /* ... but is not made before */
    struct timer timer;
};

void network_init(struct station *s);
void network_done(struct station *s);
void network_start(struct station *s, int64_t delay_ms);
/* The first time: the devices may tell their state before. */
void network_first_start(struct station *s, int64_t delay_ms);
void network_on_device_heard(struct station *s);
/* Ends the link, if there is one, and stays down until network_start(). */
void network_stop(struct station *s);
/* Ends the link and connects again after delay_ms (new password, deaf link). */
void network_reconnect(struct station *s, int64_t delay_ms);
void network_on_link_up(struct station *s);
/* The link, or the attempt to make it, has ended: waits and tries again. */
void network_on_link_down(struct station *s, enum link_failure failure);
/* A CALL of ours was not answered in time. */
void network_on_timeout(struct station *s);
/* Something came in. */
void network_on_heard(struct station *s);
void network_ping_interval_changed(struct station *s);
bool network_is_up(const struct station *s);

#endif
