/* Block K: charging profiles become the limit of the device.
 *
 *     charging_profile.c          one profile: what it says, its period at a moment
 *     profile_store.c             those the station has
 *     composite.c                 what they come to; pure computing
 *     smart_charging.c            the limit to the device, at each change of a schedule
 *     smart_charging_messages.c   the CSMS's requests
 *     profile_report.c            GetChargingProfiles
 *     external_limit.c            limits from outside of OCPP */
#ifndef STATION_SMART_CHARGING_H
#define STATION_SMART_CHARGING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"
#include "station/charging_profile.h"
#include "station/composite.h"

struct station;
struct evse;
struct evse_command;

struct evse_limit {
    double limit_A;     /* what the device was told last; NAN: nothing yet, or it did not take it */
    double taken_A;     /* what it took last; NAN: not known */
    int phases;         /* what it was told with it; 0: all, or it cannot switch them */
    double composite_A; /* what it is to be told */
    struct composite_limit composite; /* what the profiles come to now */
    enum profile_purpose purpose;     /* of the profile that is the lowest; PURPOSES: the connector is */
    enum limit_source source;         /* and whose it is */
    int64_t profile_id;
    uint32_t ticket;        /* of the open EVSE_LIMIT; 0 none */
    int failures, refusals; /* in a row; refusals: while the device was there */
    double failed_A;        /* the limit of the last one */
    bool shares;            /* counts among those that share the station's maximum */
    struct timer retry;     /* it did not take it: again when the timer says so */
    double told_A;          /* the rate that the CSMS knows of the running transaction */
    int64_t quiet_ms;       /* monotonic: no change of it is told before */
    struct timer rate;      /* then it is looked at again */
};
struct smart_charging {
    struct list reports; /* of charging profiles, not yet told; profile_report.c */
    struct timer change; /* of some schedule that counts now */
    bool stale;          /* is to be worked out anew */
    bool updating;
};

/* The limit changed by more than LimitChangeSignificance (SC.03). */
bool smart_charging_is_significant(const struct station *s, double before, double now);
/* The controller is enabled and some device can be limited. */
bool smart_charging_is_offered(const struct station *s);
/* Direct current: phases mean nothing to it. */
bool smart_charging_is_dc(const struct evse *e);
void smart_charging_init(struct station *s);
void smart_charging_done(struct station *s);
/* All is restored: what belongs to no running transaction goes. */
void smart_charging_start(struct station *s);
/* Profiles, a transaction or what they depend on changed: works out all limits anew, and tells the devices whose limit is another. */
void smart_charging_update(struct station *s);
/* The EVSE began or ceased to draw current: the others' share of the station's maximum changes. */
void smart_charging_share_changed(struct evse *e, bool shares);
/* The limit is 0 now, or so low that the device cannot hold it and must pause. */
bool smart_charging_is_paused(const struct evse *e);
/* For displays: whose limit it is, such as "EMS" or "TxProfile 5"; NULL: the connector's. New reference. */
json_t *smart_charging_reason(const struct evse *e);
/* EVSE_LIMIT ended. */
void smart_charging_on_command_done(struct evse *e, const struct evse_command *command, int err);
/* TxProfile that came with RequestStartTransaction (F01.FR.08-10): a reasonCode, or NULL and it is taken. Copies. */
const char *smart_charging_set_tx_profile(struct evse *e, const json_t *profile, const char *transaction_id);
/* The transaction the profile was waiting for has begun. */
void smart_charging_on_transaction_started(struct evse *e);
/* Its TxProfiles go (K02.FR.05). transaction_id "": the one that waited for a transaction. */
void smart_charging_on_transaction_ended(struct evse *e, const char *transaction_id);
/* The CSMS answered an event: takes over the chargingPriority it gives the transaction, or else its token. */
void smart_charging_on_priority(struct station *s, const char *transaction_id, const json_t *response);
/* chargingPriority of an IdTokenInfoType, or of a response; -9..9, 0 if there is none. */
int smart_charging_priority(const json_t *info);
/* The composite's view of all EVSEs, each at its own index; `composite` borrows `evses`. */
void smart_charging_view(struct station *s, struct composite_evse evses[], struct composite *ret);

#endif
