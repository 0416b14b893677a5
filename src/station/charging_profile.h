/* One charging profile of the CSMS: what it says, when it counts, and what its limit is at a moment. */
#ifndef STATION_CHARGING_PROFILE_H
#define STATION_CHARGING_PROFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "station/transactions.h"

enum profile_purpose {
    PURPOSE_EXTERNAL_CONSTRAINTS, /* never set by the CSMS (K01.FR.22) */
    PURPOSE_STATION_MAX,
    PURPOSE_TX_DEFAULT,
    PURPOSE_TX,
    PURPOSES
};
extern const char *const profile_purpose_names[PURPOSES];

enum profile_kind { KIND_ABSOLUTE, KIND_RECURRING, KIND_RELATIVE, KINDS };

struct schedule_period {
    int64_t start_s;
    double limit;
    int phases;
};

struct charging_profile {
    struct list link;
    int64_t id, stack_level;
    int evse; /* 0: the station */
    enum profile_purpose purpose;
    enum profile_kind kind;
    int64_t recurrence_ms;                    /* KIND_RECURRING: a day or a week */
    char transaction_id[TRANSACTION_ID_SIZE]; /* PURPOSE_TX; "": of the next transaction of the EVSE */
    int64_t valid_from_ms, valid_to_ms;
    int64_t start_ms;   /* of the schedule; not KIND_RELATIVE */
    int64_t duration_s; /* INT64_MAX: none */
    bool in_watts;
    size_t period_count;
    struct schedule_period *periods;
    json_t *json; /* as it came, for the store */
};

/* Reads a ChargingProfileType that conforms to the schema. On success `*ret` is the caller's. 0, -EINVAL with a reasonCode in
 * `*ret_reason`, -ENOMEM. */
int charging_profile_read(const json_t *json, int evse, struct charging_profile **ret,
                          const char **ret_reason);
void charging_profile_free(struct charging_profile *profile);
DEFINE_AUTO(charging_profile, charging_profile_free)

/* The period that counts at `now_ms` (wall clock), or NULL; `relative_ms` is when Relative schedules began. `*ret_next_ms` is lowered to
 * the next moment at which that may change. */
const struct schedule_period *charging_profile_period(const struct charging_profile *profile, int64_t now_ms,
                                                      int64_t relative_ms, int64_t *ret_next_ms);
bool charging_profiles_overlap(const struct charging_profile *a, const struct charging_profile *b);

#endif
