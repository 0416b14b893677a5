/* Limits from outside of OCPP (K11-K13): each is a ChargingStationExternalConstraints profile of profile_store.c, and what the CSMS
 * knows of it is kept here.
 *
 *     station_set_external_limit ----> profile -> smart_charging_update()       at once
 *                                 `--> NotifyChargingLimit, ClearedChargingLimit  when the CSMS can hear it */
#ifndef STATION_EXTERNAL_LIMIT_H
#define STATION_EXTERNAL_LIMIT_H

#include <jansson.h>

struct station;

void external_limits_init(struct station *s);
/* All is restored: what ended meanwhile goes. */
void external_limits_start(struct station *s);
void external_limits_done(struct station *s);
/* The CSMS can hear of what it does not know. */
void external_limits_on_accepted(struct station *s);
/* A clock that was put right does not end a limit, nor keep one from beginning: their times go with it. */
void external_limits_follow_clock(struct station *s);
/* Of displays: those in force; a new reference, or NULL: none, or no memory. */
json_t *external_limits_status(const struct station *s);

#endif
