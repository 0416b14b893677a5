/* The charging profiles a station has: those of the CSMS and (ChargingStationExternalConstraints) those of external systems. Bounded,
 * without duplicates, and kept through power cuts. Whoever changes them calls smart_charging_update() afterwards. */
#ifndef STATION_PROFILE_STORE_H
#define STATION_PROFILE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct station;
struct charging_profile;

struct profile_store {
    struct list profiles; /* of struct charging_profile, the highest stackLevel first */
    size_t count;         /* of all */
    size_t external;      /* of those that are ChargingStationExternalConstraints */
};

void profile_store_init(struct station *s);
void profile_store_done(struct station *s);
/* A RECORD_PROFILE. */
void profile_store_restore(struct station *s, const char *key, const char *value);

/* maxLimit of SmartChargingCtrlr.Entries, whose value is the count: those of the CSMS (struct station_limits), and beside them external
 * constraints, one of each source for the station and each EVSE: the CSMS cannot keep a limit of the grid out. */
size_t profile_store_max(const struct station *s);

/* NULL: not there. */
struct charging_profile *profile_store_find(const struct station *s, int64_t id);

/* Why this station cannot have the profile, as a reasonCode; NULL: it can. Forgets what has expired. */
const char *profile_store_refuse(struct station *s, const struct charging_profile *profile);

/* Writes the profile, then takes it in place of the one with its id. `done` comes once, from inside only without memory; reason NULL: it
 * is there, else a reasonCode and nothing has changed. Takes ownership in any case. When the station is freed it comes with s->freeing
 * set, and only releases ctx. The caller has asked profile_store_refuse(); it is asked again when the profile is written. */
typedef void (*profile_store_done_fn)(struct station *s, void *ctx, const char *reason);
void profile_store_put(struct station *s, struct charging_profile *profile, profile_store_done_fn done,
                       void *ctx);

/* Takes it at once and writes it, if `keep`, without waiting: for a TxProfile whose transaction is written after it. */
void profile_store_add(struct station *s, struct charging_profile *profile, bool keep);

/* The TxProfiles that waited for a transaction of the EVSE are of this one; written without waiting. */
void profile_store_bind(struct station *s, int evse, const char *transaction_id);

/* Removes each profile that `matches` and its record, at once. How many. */
typedef bool (*profile_matches)(const struct charging_profile *profile, const void *ctx);
size_t profile_store_forget(struct station *s, profile_matches matches, const void *ctx);

/* The same, and only after the records are gone. 0: `done` comes once, as above; -ENOENT: no profile matches, -ENOMEM, and it does not
 * come. `ctx` of `matches` is not used after the call. */
int profile_store_remove(struct station *s, profile_matches matches, const void *match_ctx,
                         profile_store_done_fn done, void *ctx);

#endif
