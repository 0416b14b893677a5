/* The order of what leaves the station. Part 4, 4.1.1: one CALL is open at a time; OCPP 2.0.1, 3: FR.01. */
#include "station/outbox.h"

#include "base/log.h"
#include "station/internal.h"

struct outgoing {
    struct list link;
    struct station *station;
    const char *action;
    json_t *payload; /* NULL once handed to rpc */
    int flags;
    rpc_answered callback;
    void *ctx;
};

static void outgoing_free(struct outgoing *o)
{
    json_decref(o->payload);
    free(o);
}

/* Ends a message that was not sent. */
static void drop(struct outgoing *o, const char *why)
{
    static const struct rpc_answer disconnected = { .outcome = RPC_DISCONNECTED };

    log_debug(LOG_STATION, "message dropped: station=%s action=%s why=%s", o->station->id, o->action, why);
    o->station->outbox.count--;
    list_remove(&o->link);
    if (o->callback)
        o->callback(o->ctx, &disconnected);
    outgoing_free(o);
}

static bool is_kept_offline(const struct outgoing *o)
{
    if (o->flags & OUTBOX_ONLINE_ONLY)
        return false;
    return o->flags & OUTBOX_KEEP_OFFLINE || variable_bool(o->station, VAR_COMM_QUEUE_ALL_MESSAGES);
}

bool outbox_keeps_all(const struct station *s)
{
    return variable_bool(s, VAR_COMM_QUEUE_ALL_MESSAGES) &&
           s->provisioning.registration == REGISTRATION_ACCEPTED;
}

static bool may_leave(const struct station *s, int flags)
{
    if (!network_is_up(s))
        return false;
    switch (s->provisioning.registration) {
    case REGISTRATION_NONE:     /* BootNotification alone: B01.FR.08 */
    case REGISTRATION_REJECTED: /* B03.FR.02 */
        return flags & OUTBOX_FIRST;
    case REGISTRATION_PENDING:
        return flags & OUTBOX_WHILE_PENDING;
    case REGISTRATION_ACCEPTED:
        break;
    }
    return true;
}

static void on_answered(void *ctx, const struct rpc_answer *answer)
{
    struct outgoing *o = ctx;
    struct station *s = o->station;
    s->outbox.in_flight = NULL;
    if (answer->outcome == RPC_TIMED_OUT) {
        s->outbox.yields = true;
        network_on_timeout(s);
    }
    if (answer->outcome == RPC_CALL_ERROR) {
        log_at(LOG_STATION, o->action == s->outbox.refused ? LOG_DEBUG : LOG_WARN,
               "the CSMS refused a message: station=%s action=%s code=%s description=%s", s->id, o->action,
               answer->code, answer->description);
        s->outbox.refused = o->action;
    }

    if (o->callback)
        o->callback(o->ctx, answer);
    outgoing_free(o);
}

/* True if rpc took it. */
static bool send_one(struct station *s, struct outgoing *o)
{
    int64_t timeout_ms = variable_int(s, VAR_COMM_MESSAGE_TIMEOUT) * 1000;
    int r = rpc_call(s->rpc, o->action, json_incref(o->payload), timeout_ms, on_answered, o);
    if (r == -EBUSY || r == -ENOTCONN)
        return false;
    if (r < 0) { /* invalid (our bug) or no memory: it will not get better by waiting */
        log_error(LOG_STATION, "message cannot be sent: station=%s action=%s error=%d", s->id, o->action, r);
        drop(o, "cannot be sent");
        return false;
    }
    s->outbox.count--;
    list_remove(&o->link);
    json_decref(o->payload);
    o->payload = NULL;
    s->outbox.in_flight = o;
    provisioning_on_message_sent(s);
    return true;
}

static bool send_waiting(struct station *s)
{
    LIST_FOREACH(link, next, &s->outbox.waiting)
    {
        struct outgoing *o = LIST_ITEM(link, struct outgoing, link);
        if (may_leave(s, o->flags))
            return send_one(s, o);
    }
    return false;
}

static bool send_transaction_event(struct station *s)
{
    if (!station_is_accepted(s) || !transaction_queue_send(s))
        return false;
    provisioning_on_message_sent(s);
    return true;
}

void outbox_wake(struct station *s)
{
    while (s->started && rpc_is_idle(s->rpc)) {
        size_t before = s->outbox.count;
        bool yields = s->outbox.yields;
        s->outbox.yields = false;
        if (yields && send_transaction_event(s))
            return;
        if (send_waiting(s))
            return;
        if (s->outbox.count < before)
            continue; /* one was dropped: the next */
        (void)send_transaction_event(s);
        return;
    }
}

bool outbox_is_drained(const struct station *s)
{
    return list_is_empty(&s->outbox.waiting) && !s->outbox.in_flight && transaction_queue_is_empty(s);
}

/* Makes room for one more by dropping the oldest message that may be dropped. */
static bool make_room(struct station *s)
{
    if (s->outbox.count < OUTBOX_MAX)
        return true;
    LIST_FOREACH(link, next, &s->outbox.waiting)
    {
        struct outgoing *o = LIST_ITEM(link, struct outgoing, link);
        if (!(o->flags & (OUTBOX_KEEP_OFFLINE | OUTBOX_FIRST))) {
            drop(o, "too many waiting");
            return true;
        }
    }
    return false;
}

/* OUTBOX_FIRST: after those of its kind, before all others. */
static void enqueue(struct outbox *box, struct outgoing *o)
{
    struct list *before = &box->waiting;
    if (o->flags & OUTBOX_FIRST) {
        before = box->waiting.next;
        while (before != &box->waiting && LIST_ITEM(before, struct outgoing, link)->flags & OUTBOX_FIRST)
            before = before->next;
    }
    list_append(before, &o->link);
    box->count++;
}

int outbox_call(struct station *s, const char *action, json_t *payload, int flags, rpc_answered callback,
                void *ctx)
{
    struct outgoing *o = payload ? calloc(1, sizeof(*o)) : NULL;
    if (!o) {
        json_decref(payload);
        return -ENOMEM;
    }
    *o = (struct outgoing){
        .station = s, .action = action, .payload = payload, .flags = flags, .callback = callback, .ctx = ctx
    };
    int r = 0;
    if (!network_is_up(s) && !is_kept_offline(o))
        r = -ENOTCONN;
    else if (!(flags & OUTBOX_FIRST) &&
             !make_room(s)) /* without BootNotification nothing of it would ever leave */
        r = -ENOBUFS;
    if (r < 0) {
        outgoing_free(o);
        return r;
    }

    enqueue(&s->outbox, o);
    outbox_wake(s);
    return 0;
}

void outbox_on_link_down(struct station *s)
{
    LIST_FOREACH(link, next, &s->outbox.waiting)
    {
        struct outgoing *o = LIST_ITEM(link, struct outgoing, link);
        if (!is_kept_offline(o))
            drop(o, "link down");
    }
}

void outbox_clear(struct station *s, bool all)
{
    LIST_FOREACH(link, next, &s->outbox.waiting)
    {
        struct outgoing *o = LIST_ITEM(link, struct outgoing, link);
        if (all || !(o->flags & OUTBOX_KEEP_OFFLINE))
            drop(o, "restart");
    }
}

void outbox_init(struct station *s)
{
    list_init(&s->outbox.waiting);
}

void outbox_done(struct station *s)
{
    if (s->outbox.waiting.next)
        outbox_clear(s, true);
}
