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
        1,            /* may be sent before the registration is Accepted (B02.FR.02: asked for by the CSMS) */
    OUTBOX_FIRST = 2, /* before what waits (BootNotification) */
    OUTBOX_KEEP_OFFLINE = 4, /* survives a loss of the link; else it is dropped when the link goes */
};

struct outbox {
    struct list waiting;
    size_t count;
    bool in_flight;
};

/* Queues a CALL; takes the reference to payload. The callback (may be NULL) comes once, with RPC_DISCONNECTED if the
 * message was dropped unsent; never from inside. 0, -ENOBUFS, -ENOMEM (then no callback). */
int outbox_call(struct station *s, const char *action, json_t *payload, int flags, rpc_answered callback,
                void *ctx);
/* Something may be sendable now: registration, link or queue changed. */
void outbox_wake(struct station *s);
void outbox_on_link_down(struct station *s);
void outbox_init(struct station *s);
void outbox_done(struct station *s);

#endif
