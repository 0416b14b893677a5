/* The configuration that a charger on trial would have: its entry, put into a gateway.yaml of its own beside the running one, so that it is read
 * and checked as it would be there, by the same code and with the same words. */
#ifndef GATEWAY_TRIAL_CONFIG_H
#define GATEWAY_TRIAL_CONFIG_H

#include <jansson.h>

#include "gateway/config.h"

/* `entry` is a charger as under `chargers` of gateway.yaml; `bus` may name one of the running configuration, or be an object as under `buses`. On
 * success *ret is the caller's: its one station's one charger is what is asked for. Its bus and ECHONET Lite node are those of the running
 * configuration where that has the same, by name and fingerprint. 0, -EINVAL (see problems, of file "charger" and of profiles), -ENOMEM. */
int trial_config_read(const struct config *running, const json_t *entry, struct problems *problems,
                      struct config **ret);

#endif
