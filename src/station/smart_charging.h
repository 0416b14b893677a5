/* Block K, its base: charging profiles set by the CSMS become the limit of the device. */
#ifndef STATION_SMART_CHARGING_H
#define STATION_SMART_CHARGING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timer.h"

struct station;
struct evse;
struct evse_command;

#define SMART_CHARGING_MAX_PROFILES 50 /* maxLimit of SmartChargingCtrlr.Entries, whose value is the count */

struct evse_limit {
    double limit_A;     /* what the device was told last; NAN: nothing yet, or it did not take it */
    double composite_A; /* what the profiles come to now */
    uint32_t ticket;    /* of the open EVSE_LIMIT; 0 none */
    int failures;
    bool waiting;       /* it did not take it: again when the timer says so */
    bool shares;        /* counts among those that share ChargingStationMaxProfile */
    struct timer timer; /* next change of any schedule that counts here */
};
struct smart_charging {
    struct list
        profiles; /* of struct charging_profile (smart_charging.c); bounded by SmartChargingCtrlr.Entries */
    size_t count;
};

/* The controller is enabled and some device can be limited. */
bool smart_charging_is_offered(const struct station *s);
void smart_charging_init(struct station *s);
void smart_charging_done(struct station *s);
void smart_charging_restore(struct station *s, const char *key, const char *value);
/* All is restored: what belongs to no running transaction goes. */
void smart_charging_start(struct station *s);
/* A transaction began or ended, or profiles changed: recomputes and, if it changed, sends EVSE_LIMIT. */
void smart_charging_update(struct evse *e);
/* The EVSE began or ceased to draw current: the others' share of ChargingStationMaxProfile changes. */
void smart_charging_share_changed(struct evse *e, bool shares);
/* The limit is 0 now, or so low that the device cannot hold it and must pause. */
bool smart_charging_is_paused(const struct evse *e);
/* EVSE_LIMIT ended. */
void smart_charging_on_command_done(struct evse *e, const struct evse_command *command, int err);
/* TxProfile that came with RequestStartTransaction (F01.FR.08-10): checks; 0 or -EINVAL. Copies. */
int smart_charging_set_tx_profile(struct evse *e, const json_t *profile, const char *transaction_id);
/* The transaction the profile was waiting for has begun. */
void smart_charging_on_transaction_started(struct evse *e);
/* Its TxProfiles go (K02.FR.05). transaction_id "": the one that waited for a transaction. */
void smart_charging_on_transaction_ended(struct evse *e, const char *transaction_id);

#endif
