/* What a charger model offers, as JSON: for `ocpp-cli profile list`, for status, for the table of chargers in the manual. */
#ifndef GATEWAY_PROFILE_JSON_H
#define GATEWAY_PROFILE_JSON_H

#include <jansson.h>

#include "charger/profile.h"

/* New reference, or NULL without memory. */
json_t *profile_json(const struct profile *profile);

#endif
