/* Meters (devices that are no chargers) and the limits that their points set to stations.
 *
 *     meter -> driver -> charger (values) -> expression of external_limits -> station_set_external_limit() of each station named
 *
 * A limit falls as soon as its meter says so, and rises only when it is worth it; while its meter is silent, what the
 * configuration says for that holds. */
#ifndef GATEWAY_METERS_H
#define GATEWAY_METERS_H

#include <jansson.h>

#include "gateway/gateway.h"

struct meters;

/* Those of the gateway's configuration, if it has any (else NULL); the limits hold from now on. 0 or -errno, logged. */
int meters_new(struct gateway *gateway, struct meters **ret);
/* After a reload: to those of the configuration in force now. What did not change goes on, also with stations that were made anew; limits
 * that are no more are released. 0 or -errno, logged; then there are none. */
int meters_switch(struct gateway *gateway, struct meters **meters);
/* The limits stay with the stations. */
void meters_free(struct meters *meters);

/* The meter that sets the limit of this source to the EVSE of the station (0: the station), as the configuration has it; NULL: none. */
const char *meters_owner(const struct config *config, const char *station, int64_t evse, const char *source);

/* A list of the limits: meter, unit, value in force, whether the meter is silent. New reference or NULL. */
json_t *meters_status(const struct meters *meters);

/* What holds next, of a limit that is `now` (NAN: nothing yet) when the meter would allow `allowed`. */
double meters_step(double now, double allowed, double hysteresis);

#endif
