/* One charging profile: what it says, when it counts, and what its limit is at a moment. */
#ifndef STATION_CHARGING_PROFILE_H
#define STATION_CHARGING_PROFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "station/station.h"
#include "station/transactions.h"

enum profile_purpose {
    PURPOSE_EXTERNAL_CONSTRAINTS, /* ours: the CSMS sees, but neither sets nor clears it (K01.FR.22, K10.FR.08) */
    PURPOSE_STATION_MAX,
    PURPOSE_TX_DEFAULT,
    PURPOSE_TX,
    PURPOSES
};
extern const char *const profile_purpose_names[PURPOSES];

enum profile_kind { KIND_ABSOLUTE, KIND_RECURRING, KIND_RELATIVE, KINDS };

struct schedule_period {
    int64_t start_s; /* after the schedule's start */
    double limit;
    int phases;       /* 1..3; 3 if nothing is said (K01.FR.49) */
    int phase_to_use; /* 1..3, or 0: nothing is said */
};

struct charging_profile {
    struct list link;
    int64_t id, stack_level;
    int evse; /* 0: the station */
    enum profile_purpose purpose;
    enum profile_kind kind;
    enum limit_source source;
    int64_t recurrence_ms;                    /* KIND_RECURRING: a day or a week */
    char transaction_id[TRANSACTION_ID_SIZE]; /* PURPOSE_TX; "": of the next transaction of the EVSE */
    int64_t valid_from_ms, valid_to_ms;
    int64_t start_ms;         /* of the schedule; not KIND_RELATIVE */
    int64_t duration_s;       /* INT64_MAX: none */
    double min_charging_rate; /* in the schedule's unit; 0: none */
    bool in_watts;
    size_t period_count;
    struct schedule_period *periods;
    char *text; /* ChargingProfileType as it came, for store and reports */
    /* The last answer of charging_profile_period() holds from `from_ms` until `until_ms`. */
    struct {
        int64_t relative_ms, from_ms, until_ms;
        const struct schedule_period *period;
    } last;
};

/* Reads a ChargingProfileType that conforms to the schema. Whether this station can have it is asked of profile_store_refuse(). On
 * success `*ret` is the caller's. 0, -EINVAL with a reasonCode in `*ret_reason`, -ENOMEM (likewise). */
int charging_profile_read(const json_t *json, int evse, enum limit_source source,
                          struct charging_profile **ret, const char **ret_reason);
void charging_profile_free(struct charging_profile *profile);
DEFINE_AUTO(charging_profile, charging_profile_free)

/* Binds a TxProfile to its transaction, also in its text. 0, or -ENOMEM: bound, but its text does not say so. */
int charging_profile_bind(struct charging_profile *profile, const char *transaction_id);

/* The period that counts at `now_ms` (wall clock), or NULL; `relative_ms` is when Relative schedules began. `*ret_next_ms` is lowered to
 * the next moment at which that may change. Remembers the answer: to ask again within it costs next to nothing. */
const struct schedule_period *charging_profile_period(struct charging_profile *profile, int64_t now_ms,
                                                      int64_t relative_ms, int64_t *ret_next_ms);
/* All of its times are later by so much. Its text stays as it is. */
void charging_profile_shift(struct charging_profile *profile, int64_t by_ms);
/* Some moment is in the validity of both. */
bool charging_profiles_overlap(const struct charging_profile *a, const struct charging_profile *b);

#endif
