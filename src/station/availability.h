/* Block G: connector status, ChangeAvailability. */
#ifndef STATION_AVAILABILITY_H
#define STATION_AVAILABILITY_H

#include <stdbool.h>

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

struct evse_availability {
    bool inoperative;                               /* EVSE, by ChangeAvailability; persistent */
    bool connector_inoperative[MAX_CONNECTORS];     /* persistent */
    bool change_scheduled, scheduled_inoperative;   /* waits for the transaction's end (G03.FR.05) */
    int scheduled_connector;                        /* 0: the EVSE */
    enum connector_status reported[MAX_CONNECTORS]; /* last one sent */
    bool is_reported[MAX_CONNECTORS];
};

struct availability {
    bool inoperative, change_scheduled,
        scheduled_inoperative; /* station (evse absent in ChangeAvailability) */
};

void availability_restore(struct station *s, const char *key, const char *value);
/* Registration became Accepted: reports every connector (B01.FR.05; B04 after offline). */
void availability_on_accepted(struct station *s, bool all);
/* Signals or transaction of the EVSE changed: reports the connectors whose status changed; applies scheduled changes when the
 * transaction is over. */
void availability_on_evse_changed(struct evse *e);
/* False if station, EVSE or all its connectors are set Inoperative, or the device says unavailable, faulted or nothing. */
bool availability_is_operative(const struct evse *e);
enum connector_status availability_status(const struct evse *e, int connector);

#endif
