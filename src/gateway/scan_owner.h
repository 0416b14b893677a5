/* Which station has what a search found: nobody adds a charger twice. */
#ifndef GATEWAY_SCAN_OWNER_H
#define GATEWAY_SCAN_OWNER_H

#include <jansson.h>

#include "gateway/config.h"
#include "gateway/scan_request.h"

/* Sets "station" of each unit, or object of a node, in `found` that a station of the configuration has; and takes it from those that none has
 * any more. Without memory it is not told. */
void scan_owner_tell(json_t *found, const struct scan_request *request, const struct config *config);

#endif
