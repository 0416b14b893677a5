/* Block K, its base: charging profiles set by the CSMS become the limit of the device. */
#ifndef STATION_SMART_CHARGING_H
#define STATION_SMART_CHARGING_H

#include <jansson.h>
#include <stdbool.h>

#include "base/list.h"
#include "base/timer.h"

struct station;
struct evse;

struct evse_limit {
    double limit_A;     /* what the device was told last; NAN: nothing yet */
    struct timer timer; /* next change of any schedule that counts here */
};
struct smart_charging {
    struct list
        profiles; /* of struct charging_profile (smart_charging.c); bounded by SmartChargingCtrlr.Entries */
    size_t count;
};

void smart_charging_init(struct station *s);
void smart_charging_done(struct station *s);
void smart_charging_restore(struct station *s, const char *key, const char *value);
/* The composite of all profiles that count for the EVSE now, in A per phase; never above abilities.max_current_A. */
double smart_charging_limit_A(struct evse *e);
/* A transaction began or ended, or profiles changed: recomputes and, if it changed, sends EVSE_LIMIT. */
void smart_charging_update(struct evse *e);
/* TxProfile that came with RequestStartTransaction (F01.FR.08-10): checks; 0 or -EINVAL. Copies. */
int smart_charging_set_tx_profile(struct evse *e, const json_t *profile, const char *transaction_id);
void smart_charging_on_transaction_ended(struct evse *e, const char *transaction_id);

#endif
