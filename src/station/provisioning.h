/* Block B: registration (boot), heartbeat and clock, reset, TriggerMessage. */
#ifndef STATION_PROVISIONING_H
#define STATION_PROVISIONING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"

struct station;

enum registration { REGISTRATION_NONE, REGISTRATION_PENDING, REGISTRATION_REJECTED, REGISTRATION_ACCEPTED };
enum reset_state { RESET_NONE, RESET_WHEN_IDLE, RESET_ENDING_TRANSACTIONS, RESET_RESTARTING };

struct provisioning {
    enum registration
        registration; /* of this boot; survives a reconnect (B01, errata: no new boot after a lost link) */
    bool boot_in_flight;
    char boot_reason[20];      /* BootReasonEnumType of the next BootNotification */
    int64_t retry_interval_ms; /* from the CSMS */
    int64_t clock_offset_ms;   /* added to the wall clock */
    enum reset_state reset;
    int reset_evse; /* 0: the station */
    struct timer boot_timer, heartbeat_timer, reset_timer;
};

void provisioning_init(struct station *s);
void provisioning_done(struct station *s);
void provisioning_restore(struct station *s, const char *key, const char *value);
void provisioning_on_link_up(struct station *s);
void provisioning_on_link_down(struct station *s);
void provisioning_heartbeat_changed(struct station *s);
/* A transaction ended or an EVSE became idle: a reset that waits may go on. */
void provisioning_on_idle(struct station *s);
/* B11, B12: whether a reset is under way that forbids new transactions on this EVSE. */
bool provisioning_is_resetting(const struct station *s, int evse);

#endif
