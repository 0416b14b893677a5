/* The cable lock (G05): where the device says that its lock does not hold the plug, no energy is offered (tx_points.c) and the CSMS
 * gets a NotifyEvent for ConnectorPlugRetentionLock.Problem; and another one when it holds again.
 *
 * As with connector statuses only the present counts: what could not be told while offline is told later if it still holds (or where
 * QueueAllMessages wants all of it). */
#include "station/lock.h"

#include "base/log.h"
#include "station/internal.h"

bool lock_holds(const struct evse *e)
{
    return !e->lock.failed;
}

void lock_on_signals(struct evse *e)
{
    const struct evse_signals *signals = &e->signals;
    if (signals->online && signals->state != EVSE_UNKNOWN)
        e->lock.failed = e->abilities.lock_failure && signals->lock_failed;
}

static void on_notify_event_result(void *ctx, const struct rpc_answer *answer)
{
    struct evse *e = ctx;
    if (answer->outcome == RPC_DISCONNECTED)
        e->lock.reported = lock_holds(e); /* the next link brings it again */
    e->lock.is_unanswered = answer->outcome == RPC_TIMED_OUT;
}

/* G05.FR.02 */
static void send_notify_event(struct evse *e)
{
    struct station *s = e->station;
    bool problem = !lock_holds(e);
    json_t *component = json_pack("{s:s, s:{s:i, s:i}}", "name", "ConnectorPlugRetentionLock", "evse", "id",
                                  e->id, "connectorId", 1);
    json_t *event = json_pack("{s:i, s:o, s:s, s:s, s:s, s:o, s:{s:s}}", "eventId", s->next_event_id,
                              "timestamp", station_timestamp(s), "trigger", "Delta", "actualValue",
                              problem ? "true" : "false", "eventNotificationType", "HardWiredNotification",
                              "component", component, "variable", "name", "Problem");
    json_t *payload = json_pack("{s:o, s:i, s:b, s:[o]}", "generatedAt", station_timestamp(s), "seqNo", 0,
                                "tbc", 0, "eventData", event);
    int flags = outbox_keeps_all(s) ? 0 : OUTBOX_ONLINE_ONLY;
    if (outbox_call(s, "NotifyEvent", payload, flags, on_notify_event_result, e) < 0)
        return;
    s->next_event_id = s->next_event_id == INT32_MAX ? 0 : s->next_event_id + 1;
    e->lock.reported = problem;
    e->lock.is_unanswered = false;
}

void lock_update(struct evse *e)
{
    bool is_told = station_is_accepted(e->station) || outbox_keeps_all(e->station);
    if (lock_holds(e) == e->lock.reported && is_told)
        send_notify_event(e);
}

void lock_on_authorized(struct evse *e)
{
    if (lock_holds(e))
        return;
    log_warn(LOG_STATION, "the lock does not hold, no energy is offered: station=%s evse=%d", e->station->id,
             e->id);
    if (station_is_accepted(e->station))
        send_notify_event(e);
}

void lock_on_heartbeat(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].lock.is_unanswered)
            send_notify_event(&s->evses[i]);
}
