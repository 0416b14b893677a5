/* Block G: connector status, ChangeAvailability. */
#ifndef STATION_AVAILABILITY_H
#define STATION_AVAILABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"

struct station;
struct evse;

enum connector_status {
    CONNECTOR_AVAILABLE,
    CONNECTOR_OCCUPIED,
    CONNECTOR_RESERVED,
    CONNECTOR_UNAVAILABLE,
    CONNECTOR_FAULTED,
    CONNECTOR_STATUSES
};
extern const char *const connector_status_names[CONNECTOR_STATUSES];

#define MAX_CONNECTORS 4 /* of an EVSE; one is used at a time */

/* What ChangeAvailability made of a station, an EVSE or a connector: each has its own (G03, note 1); persistent. */
enum operation {
    OPERATIVE,
    INOPERATIVE_SCHEDULED, /* after the transaction (G03.FR.05) */
    INOPERATIVE
};

struct evse_availability {
    enum operation evse, connector[MAX_CONNECTORS];
    enum connector_status reported[MAX_CONNECTORS]; /* last one sent */
    bool is_reported[MAX_CONNECTORS];
    bool is_unanswered[MAX_CONNECTORS];            /* ... but the CSMS did not say that it heard */
    enum connector_status present[MAX_CONNECTORS]; /* last one seen, and since when: MinimumStatusDuration */
    int64_t present_since_ms[MAX_CONNECTORS];
    struct timer timer; /* one that is not reported yet has lasted long enough */
};

struct availability {
    enum operation station;
};

void availability_init(struct station *s);
void availability_done(struct station *s);
void availability_restore(struct station *s, const char *key, const char *value);
/* The link is up and the registration Accepted: reports every connector (all: B01.FR.05, B04.FR.01) or those that changed. */
void availability_on_accepted(struct station *s, bool all);
/* The CSMS has answered a heartbeat: what it did not answer is sent once more. */
void availability_on_heartbeat(struct station *s);
/* Signals or transaction of the EVSE changed: reports the connectors whose status changed; applies scheduled changes when the
 * transaction is over. */
void availability_on_evse_changed(struct evse *e);
/* False if station, EVSE or all its connectors are set Inoperative (also if that waits for the end of transactions), or the device says
 * unavailable, faulted or nothing; or while the CSMS has not accepted the station and TxBeforeAcceptedEnabled does not let it charge. */
bool availability_is_operative(const struct evse *e);
/* As if nothing was reserved; of an EVSE as a whole. */
enum connector_status availability_evse_unreserved(const struct evse *e);
/* Something else that the status follows from has changed: reports the connectors whose status is another one. */
void availability_report(struct evse *e);
enum connector_status availability_status(const struct evse *e, int connector);
/* The EVSE's and the station's own, for AvailabilityState: that of the connector, or EVSE, that is best off. */
enum connector_status availability_evse_status(const struct evse *e);
enum connector_status availability_station_status(const struct station *s);
/* MinimumStatusDuration is another one. */
void availability_settings_changed(struct station *s);
/* TriggerMessage. */
void trigger_status_notification(struct evse *e, int connector);

#endif
