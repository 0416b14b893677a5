/* What the station has to send, and in which order: one CALL at a time.
 *
 * Before registration is Accepted only BootNotification (and while Pending what the CSMS asked for by TriggerMessage or
 * GetBaseReport) leaves; everything else waits here, bounded. Transaction events come from the durable queue of
 * transaction_queue.c, in order, and yield to nothing but BootNotification and messages that already waited. */
#ifndef STATION_OUTBOX_H
#define STATION_OUTBOX_H

#include <jansson.h>
#include <stdbool.h>

#include "base/list.h"
#include "ocpp/rpc.h"

struct station;

#define OUTBOX_MAX 200 /* waiting messages; the oldest that may be dropped goes first */

enum outbox_flags {
    OUTBOX_WHILE_PENDING =
        1,            /* may be sent while the registration is Pending (B02.FR.02: asked for by the CSMS) */
    OUTBOX_FIRST = 2, /* before what waits (BootNotification; status after it) */
    OUTBOX_KEEP_OFFLINE = 4, /* survives a loss of the link; else it is dropped when the link goes */
    OUTBOX_ONLINE_ONLY =
        8, /* dropped when the link goes even if QueueAllMessages holds: only the present counts */
};

struct outbox {
    struct list waiting;
    size_t count;
    struct outgoing *in_flight;
    const char *refused; /* action of the last message that the CSMS refused: the next such is no news */
    bool
        yields; /* one was not answered: a kind this CSMS never answers must not keep the transaction events back */
};

/* Queues a CALL; takes the reference to payload, also on failure. `action` is a literal. The callback (may be NULL) comes once,
 * with RPC_DISCONNECTED if the message was dropped unsent; never from inside. 0; -ENOTCONN (the link is down and neither
 * OUTBOX_KEEP_OFFLINE nor QueueAllMessages holds), -ENOBUFS, -ENOMEM (then no callback). */
int outbox_call(struct station *s, const char *action, json_t *payload, int flags, rpc_answered callback,
                void *ctx);
/* Something may be sendable now: registration, link or queue changed. */
void outbox_wake(struct station *s);
/* Nothing waits, nothing is open, and all durable events are acknowledged. */
bool outbox_is_drained(const struct station *s);
void outbox_on_link_down(struct station *s);
/* What is told of the present only is told of the time without a link, too (QueueAllMessages). */
bool outbox_keeps_all(const struct station *s);
/* Drops what waits, with RPC_DISCONNECTED: a restart (B11) or the end. `all`: OUTBOX_KEEP_OFFLINE, too. */
void outbox_clear(struct station *s, bool all);
void outbox_init(struct station *s);
void outbox_done(struct station *s);

#endif
