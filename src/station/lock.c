/* The cable lock (G05): where the device says that its lock does not hold the plug, no energy is offered (tx_points.c) and the CSMS
 * gets a NotifyEvent for ConnectorPlugRetentionLock.Problem; and another one when it holds again.
 *
 * As with connector statuses only the present counts: what could not be told while offline is told later if it still holds (or where
 * QueueAllMessages wants all of it). */
#include "station/lock.h"

#include "base/log.h"
#include "station/internal.h"

#define LOCK_SEVERITY 3 /* critical: nobody charges there */

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

/* G05.FR.02 */
static void notify_event(struct evse *e)
{
    struct station *s = e->station;
    bool problem = !lock_holds(e);
    json_t *component = json_pack("{s:s, s:{s:i, s:i}}", "name", "ConnectorPlugRetentionLock", "evse", "id",
                                  e->id, "connectorId", 1);
    json_t *event = json_pack("{s:i, s:o, s:s, s:s, s:s, s:o, s:{s:s}}", "eventId", notify_event_id(s),
                              "timestamp", station_timestamp(s), "trigger", "Delta", "actualValue",
                              problem ? "true" : "false", "eventNotificationType", "HardWiredNotification",
                              "component", component, "variable", "name", "Problem");
    if (notify_event_add(s, event, LOCK_SEVERITY) < 0)
        return;
    e->lock.reported = problem;
    notify_event_flush(s);
}

void lock_update(struct evse *e)
{
    bool is_told = station_is_accepted(e->station) || outbox_keeps_all(e->station);
    if (lock_holds(e) == e->lock.reported && is_told)
        notify_event(e);
}

void lock_on_authorized(struct evse *e)
{
    if (lock_holds(e))
        return;
    log_warn(LOG_STATION, "the lock does not hold, no energy is offered: station=%s evse=%d", e->station->id,
             e->id);
    if (station_is_accepted(e->station))
        notify_event(e);
}
