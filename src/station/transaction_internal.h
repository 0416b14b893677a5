/* What the files of blocks C, E, F and J share among themselves; no other block includes this.
 *
 *     authorization.c       who may charge: tokens at the device, AuthorizeRequest, EVConnectionTimeOut
 *     transactions.c        when a transaction starts, changes and ends
 *     tx_points.c           the facts that TxStartPoint and TxStopPoint speak of
 *     transaction_events.c  builds an event and hands it, with the transaction's new state, to the store
 *     transaction_store.c   a transaction as a record, and back
 *     transaction_limits.c  energy and time that one transaction may take
 *     transaction_queue.c   stored events, sent in order
 *     transaction_times.c   what happened before the clock was set gets its right time
 *     drive.c               START and STOP to the device
 *     metering.c            registers, samples, clock-aligned values; measurands.c: sampledValue elements
 *     remote.c              the CSMS's requests */
#ifndef STATION_TRANSACTION_INTERNAL_H
#define STATION_TRANSACTION_INTERNAL_H

#include "station/internal.h"

enum trigger { /* TriggerReasonEnumType, what is used of it */
               TRIGGER_ABNORMAL_CONDITION,
               TRIGGER_AUTHORIZED,
               TRIGGER_CABLE_PLUGGED_IN,
               TRIGGER_CHARGING_RATE_CHANGED,
               TRIGGER_CHARGING_STATE_CHANGED,
               TRIGGER_DEAUTHORIZED,
               TRIGGER_ENERGY_LIMIT_REACHED,
               TRIGGER_EV_COMMUNICATION_LOST,
               TRIGGER_EV_CONNECT_TIMEOUT,
               TRIGGER_EV_DEPARTED,
               TRIGGER_EV_DETECTED,
               TRIGGER_METER_VALUE_CLOCK,
               TRIGGER_METER_VALUE_PERIODIC,
               TRIGGER_REMOTE_START,
               TRIGGER_REMOTE_STOP,
               TRIGGER_RESET_COMMAND,
               TRIGGER_STOP_AUTHORIZED,
               TRIGGER_TIME_LIMIT_REACHED,
               TRIGGER_TRIGGER,
               TRIGGER_UNLOCK_COMMAND,
               TRIGGERS
};
extern const char *const trigger_names[TRIGGERS];

enum event_type { EVENT_STARTED, EVENT_UPDATED, EVENT_ENDED, EVENT_TYPES };
extern const char *const event_type_names[EVENT_TYPES];

/* What the next event must carry, since it became known after the last one. */
enum owed {
    OWED_ID_TOKEN = 1,        /* E01.FR.10, E03.FR.01 */
    OWED_REMOTE_START_ID = 2, /* F01.FR.25, F02.FR.01 */
    OWED_EVSE = 4,            /* E01.FR.16 */
    OWED_BEGIN_VALUES = 8,    /* E01.FR.09, E01.FR.17 */
    OWED_RESERVATION = 32,    /* E01.FR.13, H01.FR.15 */
    OWED_AT_PLUG =
        16, /* not by the next event: the first values once more, when the vehicle comes (E01.FR.17) */
};

/* Index of `name` in a table of names, or `fallback`. */
int name_index(const char *const *names, int count, const char *name, int fallback);

/* ---- tx_points.c ---- */

/* The points that hold, from what is known of the EVSE; `before` for what an unreadable device leaves open. */
uint32_t tx_points_now(const struct evse *e, uint32_t before);
/* TxStartPoint and TxStopPoint as masks. A PowerPathClosed to stop at is EVConnected or Authorized; where nobody sees the parking bay,
 * ParkingBayOccupancy is EVConnected. */
uint32_t tx_start_points(const struct evse *e);
uint32_t tx_stop_points(const struct evse *e);
enum charging_state tx_charging_state(const struct evse *e);

/* ---- transactions.c ---- */

/* Authorization was granted: starts or continues the transaction, lets energy flow. */
void transaction_authorized(struct evse *e, enum trigger trigger);
/* Authorization ends: stops energy and, where TxStopPoint says so, the transaction. `token` (may be NULL) goes into the event. */
void transaction_deauthorize(struct evse *e, enum trigger trigger, const char *reason,
                             const struct id_token *token);
/* A start the CSMS asked for failed at the device before TxStartPoint was reached: begins the transaction all the same, so that its
 * end can be told. */
void transaction_never_began(struct evse *e);
/* The same, and the transaction ends whatever TxStopPoint says. */
void transaction_stop(struct evse *e, enum trigger trigger, const char *reason);
/* The CSMS answered an event of a transaction that may still run with what it knows of the event's token. token NULL: it had
 * none; info NULL: nothing was said of it. */
void transaction_on_token_info(struct station *s, const char *transaction_id, const struct id_token *token,
                               const json_t *info);
/* Another limit counts: tells the CSMS if the charging state is another one, or if the change is significant (SC.02). */
void transaction_on_limit_changed(struct evse *e, bool significant);
struct evse *transaction_find(struct station *s, const char *transaction_id);

/* ---- transaction_limits.c ---- */

void transaction_limits_init(struct evse *e);
/* What the EVSE draws has changed: ends the authorization of a transaction that has had all it may. */
void transaction_limits_check(struct evse *e);
/* A transaction runs and has had all it may: nobody is authorized in it again. */
bool transaction_limits_are_reached(const struct evse *e);

/* ---- transaction_events.c ---- */

/* Builds the event from the transaction's state, stores it and queues it. `token` (may be NULL): that ended the authorization.
 * `meter_values` (may be NULL; taken): an array of MeterValueType. False if there was no memory or room: then nothing has changed, and
 * what the event had to carry is owed by the next one. */
bool transaction_event(struct evse *e, enum event_type type, enum trigger trigger,
                       const struct id_token *token, json_t *meter_values);

/* ---- transaction_store.c ---- */

/* The record's text; the caller's, NULL without memory. */
char *transaction_record(const struct evse *e);
/* Writes the record alone. */
void transaction_save(struct evse *e);
/* Transactions whose EVSE is configured no more: each gets its Ended. */
void transaction_orphans_end(struct station *s);
void transaction_orphans_done(struct station *s);
void transaction_init(struct evse *e, struct station *s);
void transaction_clear(struct evse *e); /* no transaction, no authorization; timers stopped */

/* ---- transaction_queue.c ---- */

/* Queues an event (`payload` borrowed) and commits it together with the transaction's record (value NULL deletes). 0, -ENOMEM, or -ENOBUFS:
 * the queue is full and this event is one that may be missing. */
int transaction_queue_add(struct station *s, const json_t *payload, const char *record);
/* Events wait that the store has not taken yet. */
bool transaction_queue_is_behind(const struct station *s);
/* Each event that names the token. */
void transaction_queue_each(const struct station *s, const struct id_token *token,
                            void (*each)(void *ctx, const json_t *payload), void *ctx);
bool transaction_queue_has(const struct station *s, const char *transaction_id);
/* False: so many events wait that cannot be thinned that no new transaction may begin. */
bool transaction_queue_has_room(const struct station *s);
void transaction_queue_init(struct station *s);
void transaction_queue_done(struct station *s);
void transaction_queue_on_offline(struct station *s); /* E11.FR.07 */

/* Moves the marked times of what waits. */
void transaction_queue_move_times(struct station *s, int64_t step_ms);

/* ---- transaction_times.c ---- */

/* Nobody has told the time yet. */
bool transaction_times_are_unsure(const struct station *s);
/* Marks an event or a MeterValueType (NULL: nothing), if so. */
void transaction_times_mark(const struct station *s, json_t *object);
/* Takes the marks out of what is sent. */
void transaction_times_unmark(json_t *payload);
/* Moves the marked times of an event. `restored`: it was made before this start. False: nothing moved. */
bool transaction_times_move(const struct station *s, json_t *payload, int64_t step_ms, bool restored);
/* Looks whether the host's clock was stepped; before a time is taken. */
void transaction_times_follow(struct station *s);
void transaction_times_start(struct station *s);

/* ---- drive.c ---- */

void drive_init(struct evse *e);
/* Energy may flow now: authorized, connected, nothing against it. */
bool drive_is_allowed(const struct evse *e);
/* False: the device switches by itself and can be told neither to begin nor to end. */
bool drive_is_possible(const struct evse *e);
/* Told to start, or told to stop and has not yet answered. */
bool drive_is_on(const struct evse *e);
/* Tells the device what follows from the state. */
void drive_update(struct evse *e);
void drive_on_signals(struct evse *e, const struct evse_signals *before);
void drive_on_command_done(struct evse *e, const struct evse_command *command, int err);

/* ---- authorization.c ---- */

void authorization_init(struct evse *e);
/* Grants without asking further. remote_start_id -1: none. */
void authorization_grant(struct evse *e, const struct id_token *token, const char *group,
                         int64_t remote_start_id);
/* Asks the CSMS or decides offline, then grants or refuses. group: that the request named, counts if the answer names none; may be NULL. */
void authorization_request(struct evse *e, const struct id_token *token, const char *group,
                           int64_t remote_start_id);
/* The group is that of the master passes: whoever has it may stop all, and start nothing (C16). group may be NULL. */
bool authorization_is_master_pass(const struct station *s, const char *group);
/* The token of this idTokenInfo may charge at this EVSE (C01.FR.21), if it is Accepted. info may be NULL. */
bool authorization_is_for_here(const struct evse *e, const json_t *info);
/* EVConnectionTimeOut runs, if the authorized driver has not plugged in. */
void authorization_await_vehicle(struct evse *e);
/* The vehicle was plugged in. */
void authorization_on_plugged(struct evse *e);
bool id_token_equal(const struct id_token *a, const struct id_token *b); /* C01.FR.25 */
/* idToken of a message; false if it does not fit. */
bool id_token_from_json(const json_t *json, struct id_token *ret);
json_t *id_token_to_json(const struct id_token *token);

/* ---- metering.c ---- */

void metering_init_evse(struct evse *e);
void metering_on_signals(struct evse *e);
void metering_begin(struct evse *e);  /* transaction starts: registers, samples for Ended, timers */
void metering_resume(struct evse *e); /* timers of a restored transaction */
void metering_end(struct evse *e);    /* timers stopped, samples freed */
void metering_on_charging(struct evse *e, bool charging);
/* meterValue arrays for an event, or NULL if there is nothing to say. New reference. */
json_t *metering_begin_values(struct evse *e);
/* The energy register is known, as far as it is to be told with the first values. */
bool metering_has_begun(const struct evse *e);
json_t *metering_updated_values(struct evse *e, const char *context);
json_t *metering_ended_values(struct evse *e);
/* Whether metering_ended_values() has something to say, if there is memory for it. */
bool metering_has_ended_values(const struct evse *e);
/* Takes every second one out of an array, but not the last. */
void metering_thin(json_t *samples);
double metering_energy_Wh(const struct evse *e); /* of the transaction */
int64_t metering_charging_s(const struct evse *e);
int metering_phases_used(const struct evse *e); /* 0: not known */
/* MeterValuesRequest that TriggerMessage asked for. */
void metering_send_triggered(struct evse *e);
void metering_init(struct station *s);
void metering_done(struct station *s);
void metering_start(struct station *s);

/* ---- measurands.c ---- */

/* One MeterValueType with every measurand of the list (comma-separated names) that has a good value, or NULL. */
json_t *measurands_sample(struct evse *e, const char *list, const char *context);

/* ---- remote.c ---- */

void remote_init(struct station *s);
void remote_done(struct station *s);
void remote_on_command_done(struct evse *e, const struct evse_command *command, int err);

#endif
