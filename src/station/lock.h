/* Block G05: a cable lock that does not hold. */
#ifndef STATION_LOCK_H
#define STATION_LOCK_H

#include <stdbool.h>

struct station;
struct evse;

struct evse_lock {
    bool failed;   /* as the device said last */
    bool reported; /* what the CSMS was told of Problem; it begins as false */
};

/* The vehicle may be given energy as far as the lock goes (G05.FR.01). */
bool lock_holds(const struct evse *e);
/* New signals: keeps what they say. A silent device says nothing, so what was goes on. */
void lock_on_signals(struct evse *e);
/* It may have changed, or the station is online: tells the CSMS what it does not know yet. */
void lock_update(struct evse *e);
/* A driver was authorized: if the lock keeps the energy from him, the CSMS is told (again). */
void lock_on_authorized(struct evse *e);

#endif
