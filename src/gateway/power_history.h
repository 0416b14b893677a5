/* How much power the site and each of its stations drew in the last hour (steps of 10 s) and day (steps of 60 s), in memory.
 *
 *     evse signals --(each 2 s)--> power of each station, of the site --> series of means
 *
 * A station takes 7 KiB from its first value of power on. A reload takes nothing from one that stays by its id. */
#ifndef GATEWAY_POWER_HISTORY_H
#define GATEWAY_POWER_HISTORY_H

#include <jansson.h>

#include "gateway/gateway.h"

#define POWER_SAMPLE_MS   2000
#define POWER_MAX_SECONDS 86400

struct power_history;
/* Samples from now on. NULL without memory. */
struct power_history *power_history_new(struct gateway *gateway);
void power_history_free(struct power_history *history);
DEFINE_AUTO(power_history, power_history_free)

/* {from (RFC 3339), stepSeconds, powerW: [...], energyWh: [...]} of the last `seconds` (at most POWER_MAX_SECONDS) of a station, or of the site
 * (NULL); null in the lists: not known. Of an unknown station nothing is known. The energy of a step is that of its mean power. New reference, or NULL
 * without memory. */
json_t *power_history_json(const struct power_history *history, const char *station, int64_t seconds);
/* The site's power by the last sample, W; NAN: not known. */
double power_history_now_W(const struct power_history *history);

/* What an EVSE draws, W: its power, else the sum of its phases; NAN: not known. */
double power_of_evse_W(const struct evse_signals *signals);

/* A sample by hand: what each station draws now (NAN: not known). Stations that are not among them are forgotten. */
struct station_power {
    const char *id;
    double power_W;
};
void power_history_add(struct power_history *history, const struct station_power *stations, size_t count);

#endif
