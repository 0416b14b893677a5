/* Block B: registration (boot), heartbeat and clock (provisioning.c), reset (reset.c). */
#ifndef STATION_PROVISIONING_H
#define STATION_PROVISIONING_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"

struct station;
struct evse;
struct evse_command;

enum registration { REGISTRATION_NONE, REGISTRATION_PENDING, REGISTRATION_REJECTED, REGISTRATION_ACCEPTED };
extern const char *const registration_names[]; /* "None", "Pending", ... */

/* WHEN_IDLE: for the end of the transactions; ENDING: for the device to stop and the CSMS to have the events;
 * RESTARTING: the devices restart and, for the whole station, the link is down. */
enum reset_state { RESET_NONE, RESET_WHEN_IDLE, RESET_ENDING_TRANSACTIONS, RESET_RESTARTING };

struct provisioning {
    enum registration
        registration; /* of this boot; survives a reconnect (B01, errata: no new boot after a lost link) */
    bool boot_in_flight;
    char boot_reason[20];      /* BootReasonEnumType of the next BootNotification */
    int64_t retry_interval_ms; /* from the CSMS; 0: ours */
    bool clock_is_set;         /* the CSMS has told the time */
    int64_t
        clock_offset_ms; /* its time minus the monotonic clock, which no step of the host's clock disturbs */
    int64_t last_heartbeat_ms; /* monotonic, of the last answer that told the time */
    enum reset_state reset;
    int reset_evse;               /* 0: the station */
    bool reset_after_transaction; /* it was Scheduled: the boot reason differs */
    struct timer boot_timer, heartbeat_timer, reset_timer;
};

void provisioning_init(struct station *s);
void provisioning_done(struct station *s);
void provisioning_restore(struct station *s, const char *key, const char *value);
/* All is restored: notes that the station runs. */
void provisioning_start(struct station *s);
/* The program ends in order. */
void provisioning_stop(struct station *s);
/* The station restarts as if it had been switched on: not registered, reason as given. */
void provisioning_reboot(struct station *s, const char *boot_reason);
/* The link leads to another CSMS than the one before: it does not know us yet (B10.FR.10). */
void provisioning_on_other_csms(struct station *s);
void provisioning_on_link_up(struct station *s);
void provisioning_on_link_down(struct station *s);
/* The CSMS has accepted the station, or it may charge before (B02.FR.03, B03.FR.01). */
bool provisioning_admits_transactions(const struct station *s);
void provisioning_heartbeat_changed(struct station *s);
void provisioning_time_source_changed(struct station *s);
/* The offset of the local time, "+01:00", as it is now: from NextTimeOffsetTransitionDateTime on the one of NextTransition. */
const char *provisioning_time_offset(const struct station *s);
/* TimeOffset was set: it counts, and a transition that is over does not any more. */
void provisioning_time_offset_changed(struct station *s);
/* The local time with its offset, "2026-01-31T12:00:00.000+01:00", as a JSON string for displays. */
json_t *provisioning_local_time(const struct station *s);
/* A CALL left: the heartbeat can wait (G02.FR.05). */
void provisioning_on_message_sent(struct station *s);
/* TriggerMessage. */
void trigger_boot_notification(struct station *s);
void trigger_heartbeat(struct station *s);
/* Is the CSMS still there? A heartbeat before all else. */
void provisioning_probe(struct station *s);

void reset_init(struct station *s);
void reset_done(struct station *s);
void reset_on_link_down(struct station *s);
void reset_on_command_done(struct evse *e, const struct evse_command *command, int err);
/* A transaction ended, an EVSE became idle or the last message was answered: a reset that waits may go on. */
void provisioning_on_idle(struct station *s);
/* B11, B12: whether a reset is under way that forbids new transactions on this EVSE; or a firmware update [L01.FR.07]. */
bool provisioning_is_resetting(const struct station *s, int evse);

#endif
