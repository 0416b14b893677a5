/* The request `limit` of the control socket: a limit from outside of OCPP, raised or released by who operates the site. */
#ifndef GATEWAY_LIMIT_REQUEST_H
#define GATEWAY_LIMIT_REQUEST_H

#include <jansson.h>
#include <stddef.h>

struct station;

/* {"limit": 16, "unit": "A", "evse": 1, "source": "EMS", "duration": 7200, "schedule": [{"start": 600, "limit": 8}]}, or with
 * {"release": true} evse and source only. Does it. 0, or negative with what is wrong, and would be right, in `ret`. */
int limit_request(struct station *station, const json_t *request, char *ret, size_t size);

#endif
