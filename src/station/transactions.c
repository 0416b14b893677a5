/* When a transaction starts, what changes in it, and when it ends (blocks E and F).
 *
 * Everything that happens is a change of the facts in tx.points (tx_points.c), of the charging state, or of the authorization:
 *
 *     signals ----> points_changed() --+-- a point of TxStartPoint rises, none runs ----> begin()
 *     token   ----> transaction_       |   a point of TxStopPoint falls --------------> finish()
 *                   authorized() ------+   anything else changes ---------------------> Updated
 *     deauthorization --> transaction_deauthorize(): stops energy first, then the same
 *
 * A transaction of which no fact holds any more ends whatever TxStopPoint says, so that each Started gets its Ended. */
#include "station/transaction_internal.h"

#include <math.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define STOP_WAIT_MS     30000 /* a device that does not stop holds up the event no longer */
#define RESUME_WAIT_MS   600000 /* a device that does not come back after our restart, or while it is to stop */
#define SAVE_INTERVAL_MS 60000
#define END_AGAIN_MS     1000 /* an Ended for which there was no memory */

bool transaction_is_running(const struct evse *e)
{
    return e->tx.id[0] != '\0';
}

bool evse_is_idle(const struct evse *e)
{
    return !transaction_is_running(e) && e->tx.authorization != AUTHORIZATION_GRANTED &&
           e->tx.authorization != AUTHORIZATION_ASKED;
}

struct evse *transaction_find(struct station *s, const char *transaction_id)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]) && str_equal(s->evses[i].tx.id, transaction_id))
            return &s->evses[i];
    return NULL;
}

/* ---- beginning and ending ---- */

static void begin(struct evse *e, enum trigger trigger)
{
    struct evse_transaction *tx = &e->tx;
    transaction_times_follow(e->station);
    env_uuid(e->station->env, tx->id); /* E01.FR.08 */
    tx->next_seq_no = 0;
    tx->phases_reported = 0;
    tx->stopped_reason[0] = '\0';
    tx->stopping = false;
    tx->token_invalid = tx->no_more_energy = false;
    tx->unsure_times = transaction_times_are_unsure(e->station);
    if (tx->authorization != AUTHORIZATION_GRANTED)
        tx->token = (struct id_token){ 0 }; /* nobody's yet */
    tx->charging_state = tx_charging_state(e);
    metering_begin(e);
    if (!(tx->points & TX_EV_CONNECTED))
        tx->owed |= OWED_AT_PLUG;
    transaction_event(e, EVENT_STARTED, trigger, NULL, NULL);
    env_timer_start(e->station->env, &tx->save_timer, SAVE_INTERVAL_MS);
    availability_on_evse_changed(e);
    smart_charging_on_transaction_started(e);
}

/* stoppedReason where nobody gave one (ReasonEnumType). */
static void set_reason(struct evse *e, const char *reason)
{
    if (!e->tx.stopped_reason
             [0]) /* the first one counts: it began the process of stopping (TransactionType) */
        (void)str_copy(e->tx.stopped_reason, sizeof(e->tx.stopped_reason), reason);
}

/* There was no memory for the Ended: as if the device had not stopped yet. */
static void finish_later(struct evse *e, enum trigger trigger, const struct id_token *token)
{
    struct evse_transaction *tx = &e->tx;
    tx->stopping = tx->stop_ends = true;
    tx->stop_trigger = trigger;
    tx->stop_token = token ? *token : (struct id_token){ 0 };
    env_timer_start(e->station->env, &tx->stop_timer, END_AGAIN_MS);
    drive_update(e);
}

static void finish(struct evse *e, enum trigger trigger, const struct id_token *token)
{
    struct evse_transaction *tx = &e->tx;
    char id[TRANSACTION_ID_SIZE];
    (void)str_copy(id, sizeof(id), tx->id);
    metering_on_charging(e, false);
    if (!transaction_event(e, EVENT_ENDED, trigger, token, NULL)) {
        finish_later(e, trigger, token);
        return;
    }
    metering_end(e);
    tariff_on_ended(e);
    transaction_clear(e);
    tx->points = tx_points_now(e, tx->points);
    smart_charging_on_transaction_ended(e, id);
    drive_update(e);
    availability_on_evse_changed(e);
    provisioning_on_idle(e->station);
}

/* ---- stopping: the device first, then the event, so that the last reading is the last ---- */

/* The device was told to start and has not yet taken a stop: it may charge before its signals say so; and a silent one goes on as it did. */
static bool may_draw_energy(const struct evse *e)
{
    if (e->signals.state == EVSE_UNKNOWN)
        return (e->tx.points & TX_EV_CONNECTED) &&
               (e->tx.charging_state == CHARGING_STATE_CHARGING || drive_is_on(e));
    return e->signals.state == EVSE_CHARGING || ((e->tx.points & TX_EV_CONNECTED) && e->signals.online &&
                                                 e->signals.state != EVSE_FAULTED && drive_is_on(e));
}

/* E06.FR.10, E07.FR.07: the driver's cable is released when nothing is drawn through it any more, not before. */
static void release_cable(struct evse *e)
{
    if (!e->tx.owes_cable || may_draw_energy(e))
        return;
    e->tx.owes_cable = false;
    station_command(e->station, e, EVSE_UNLOCK, 0);
}

/* The plug was drawn at the vehicle, or at the socket: there it cannot be while it is locked. */
static void note_cable(struct evse *e, uint32_t before)
{
    if (before & ~e->tx.points & TX_EV_CONNECTED)
        e->tx.cable_left = e->abilities.lock_state && e->signals.locked;
}

static void complete_stop(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    uint32_t before = tx->points;
    enum trigger trigger = (enum trigger)tx->stop_trigger;
    struct id_token token = tx->stop_token;
    timer_stop(&tx->stop_timer);
    tx->stopping = false;
    tx->charging_state = tx_charging_state(e);
    metering_on_charging(e, tx->charging_state == CHARGING_STATE_CHARGING);
    tx->points = tx_points_now(e, before);
    note_cable(e, before);
    const struct id_token *presented = token.type[0] ? &token : NULL;
    bool asked_for = trigger == TRIGGER_STOP_AUTHORIZED || trigger == TRIGGER_REMOTE_STOP ||
                     trigger == TRIGGER_ENERGY_LIMIT_REACHED || trigger == TRIGGER_TIME_LIMIT_REACHED;
    bool is_held =
        (tx->points & TX_EV_CONNECTED) || (e->abilities.lock_state && e->signals.locked); /* E10.FR.01 */
    if (asked_for && e->abilities.unlock && is_held)
        tx->owes_cable = true;
    release_cable(e);
    bool is_refused = trigger == TRIGGER_DEAUTHORIZED && !tx->points;
    if (tx->stop_ends || (!tx->points && !is_refused)) {
        finish(e, trigger, presented);
        return;
    }
    transaction_event(e, EVENT_UPDATED, trigger, presented, NULL);
    if (is_refused) /* E05.FR.09: no end of it; E03.FR.05 gives one */
        authorization_await_vehicle(e);
}

static void on_stop_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct evse *e = ctx;
    if (e->signals.state == EVSE_CHARGING)
        log_error(LOG_STATION, "device does not stop charging: station=%s evse=%d id=%s", e->station->id,
                  e->id, e->tx.id);
    complete_stop(e);
}

static void stop(struct evse *e, enum trigger trigger, const struct id_token *token, bool ends)
{
    struct evse_transaction *tx = &e->tx;
    if (tx->stopping) { /* twice: the first goes on; it ends if either says so */
        tx->stop_ends = tx->stop_ends || ends;
        return;
    }
    tx->stop_trigger = trigger;
    tx->stop_ends = ends;
    tx->stop_token = token ? *token : (struct id_token){ 0 };
    tx->points = tx_points_now(e, tx->points);
    /* E05.FR.09 wants the state after the stop in the event of a deauthorization; others are told at once */
    bool waits = ends || trigger == TRIGGER_DEAUTHORIZED;
    if (!may_draw_energy(e) || !waits) {
        complete_stop(e);
        drive_update(e);
        release_cable(e);
        return;
    }
    tx->stopping = true;
    /* what a silent device gives until it hears of the stop is to be paid, too */
    env_timer_start(e->station->env, &tx->stop_timer,
                    e->signals.state == EVSE_UNKNOWN ? RESUME_WAIT_MS : STOP_WAIT_MS);
    transaction_save(e);
    drive_update(e);
}

static void end_authorization(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    if (tx->authorization != AUTHORIZATION_NONE)
        log_info(LOG_STATION, "authorization ended: station=%s evse=%d", e->station->id, e->id);
    tx->authorization = AUTHORIZATION_NONE;
    tx->owed &= ~(uint32_t)(OWED_ID_TOKEN | OWED_REMOTE_START_ID);
    tx->energised = false;
    timer_stop(&tx->connection_timer);
    if (!transaction_is_running(e)) { /* nothing to tell: the authorization was all there was */
        transaction_clear(e);
        smart_charging_on_transaction_ended(e, "");
        tx->points = tx_points_now(e, tx->points);
        drive_update(e);
        availability_on_evse_changed(e);
        provisioning_on_idle(e->station);
    }
}

void transactions_on_inoperative(struct evse *e)
{
    if (!transaction_is_running(e))
        end_authorization(e);
}

void transaction_deauthorize(struct evse *e, enum trigger trigger, const char *reason,
                             const struct id_token *token)
{
    uint32_t stops = tx_stop_points(e);
    bool ends = stops & TX_AUTHORIZED; /* E06.FR.03, E06.FR.06 */
    if (trigger == TRIGGER_DEAUTHORIZED && (stops & TX_ENERGY_TRANSFER))
        ends = true; /* E05.FR.10 */
    struct id_token copy = token ? *token : (struct id_token){ 0 };
    end_authorization(e);
    if (!transaction_is_running(e))
        return;
    set_reason(e, reason);
    stop(e, trigger, token ? &copy : NULL, ends);
}

void transaction_never_began(struct evse *e)
{
    if (!transaction_is_running(e) && e->tx.remote_start_id >= 0)
        begin(e, TRIGGER_REMOTE_START);
}

void transaction_stop(struct evse *e, enum trigger trigger, const char *reason)
{
    end_authorization(e);
    if (!transaction_is_running(e))
        return;
    set_reason(e, reason);
    stop(e, trigger, NULL, true);
}

void transactions_end(struct station *s, struct evse *e, const char *stopped_reason,
                      const char *trigger_reason)
{
    enum trigger trigger =
        (enum trigger)name_index(trigger_names, TRIGGERS, trigger_reason, TRIGGER_ABNORMAL_CONDITION);
    for (size_t i = 0; i < s->evse_count; i++)
        if (!e || e == &s->evses[i])
            transaction_stop(&s->evses[i], trigger, stopped_reason);
}

/* ---- changes ---- */

/* Words in a fault's short code and the reason they stand for. */
static const struct {
    const char *word, *reason;
} fault_reasons[] = {
    { "emergency", "EmergencyStop" },
    { "ground", "GroundFault" },
    { "rcd", "GroundFault" },
    { "residual", "GroundFault" },
    { "overcurrent", "OvercurrentFault" },
    { "over_current", "OvercurrentFault" },
    { "voltage", "PowerQuality" },
};

static const char *fault_reason(const struct evse *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(fault_reasons); i++)
        if (strcasestr(e->signals.fault, fault_reasons[i].word))
            return fault_reasons[i].reason;
    return "Other";
}

static const char *reason_of(const struct evse *e, uint32_t falling)
{
    if (falling & TX_EV_CONNECTED)
        return "EVDisconnected"; /* E09 */
    if (falling & TX_PARKING_BAY_OCCUPANCY)
        return "Local"; /* the driver drove off */
    switch (e->signals.state) {
    case EVSE_FAULTED:
        return fault_reason(e);
    case EVSE_CONNECTED: /* the vehicle asks no more */
    case EVSE_SUSPENDED_EV:
        return e->tx.no_more_energy ? "EnergyLimitReached" : "StoppedByEV";
    case EVSE_SUSPENDED_EVSE:
        return e->tx.no_more_energy ? "EnergyLimitReached" : "Other";
    default:
        return "Other";
    }
}

/* TxStartPoint, on a rising point. A new authorization also counts the points that already hold: else a second driver at a
 * plugged-in vehicle would charge without a transaction. */
static bool starts(const struct evse *e, uint32_t rising)
{
    uint32_t points = rising & TX_AUTHORIZED ? e->tx.points : rising;
    return points & tx_start_points(e);
}

/* On an EVSE that is out of service a plug begins nothing; nor while so many events wait that each further transaction would only add to
 * them. Who was authorized had been let in before: what he draws is told in any case. */
static bool may_begin(const struct evse *e)
{
    const struct station *s = e->station;
    return e->tx.authorization == AUTHORIZATION_GRANTED ||
           (availability_is_operative(e) && !provisioning_is_resetting(s, e->id) &&
            transaction_queue_has_room(s));
}

static void points_changed(struct evse *e, uint32_t before, enum trigger trigger, bool tell)
{
    struct evse_transaction *tx = &e->tx;
    uint32_t rising = tx->points & ~before, falling = before & ~tx->points;
    if (rising & TX_POWER_PATH_CLOSED)
        tx->power_path_ms = station_wall_ms(e->station);
    if (!transaction_is_running(e)) {
        if (starts(e, rising) && may_begin(e))
            begin(e, trigger);
    } else if ((falling & tx_stop_points(e)) || (falling && !tx->points)) {
        set_reason(e, reason_of(e, falling));
        /* E06.FR.10: nobody is authorized any more whose card could release the cable */
        if ((falling & TX_ENERGY_TRANSFER) && str_equal(tx->stopped_reason, "StoppedByEV"))
            tx->owes_cable = e->abilities.unlock;
        finish(e, trigger, NULL);
    } else if (tell) {
        transaction_event(e, EVENT_UPDATED, trigger, NULL, NULL);
    }
    drive_update(e);
    release_cable(e);
}

void transaction_authorized(struct evse *e, enum trigger trigger)
{
    struct evse_transaction *tx = &e->tx;
    uint32_t before = tx->points;
    tx->stopped_reason[0] = '\0'; /* authorized once more: nothing is being stopped */
    tx->token_invalid = tx->no_more_energy = false;
    tx->points = tx_points_now(e, before);
    tx->charging_state = tx_charging_state(e);
    points_changed(e, before, trigger, true);
    availability_on_evse_changed(e);
}

/* ---- signals ---- */

static void on_plugged(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    tx->owed |= OWED_EVSE;
    if (tx->owed & OWED_AT_PLUG) /* but not when it comes back (E10): the beginning was another one */
        tx->owed = (tx->owed & ~(uint32_t)OWED_AT_PLUG) | OWED_BEGIN_VALUES;
    authorization_on_plugged(e);
}

/* E09: deauthorized, and the cable released where so configured. E10: stays authorized for EVConnectionTimeOut. */
static void on_unplugged(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    if (tx->authorization != AUTHORIZATION_GRANTED)
        return;
    bool deauthorize = variable_bool(e->station, VAR_TX_STOP_TX_ON_EV_SIDE_DISCONNECT);
    if (!deauthorize && transaction_is_running(e)) {
        authorization_await_vehicle(e);
        return;
    }
    tx->authorization = AUTHORIZATION_NONE; /* E09.FR.01 */
    tx->energised = false;
    if (!transaction_is_running(e))
        transaction_clear(e);
    if (deauthorize && variable_bool(e->station, VAR_COMM_UNLOCK_ON_EV_SIDE_DISCONNECT) &&
        e->abilities.unlock)
        station_command(e->station, e, EVSE_UNLOCK, 0); /* E09.FR.02 */
}

static enum trigger trigger_of(const struct evse *e, uint32_t before, const struct evse_signals *old)
{
    uint32_t changed = before ^ e->tx.points;
    if (changed & TX_EV_CONNECTED)
        return e->tx.points & TX_EV_CONNECTED ? TRIGGER_CABLE_PLUGGED_IN : TRIGGER_EV_COMMUNICATION_LOST;
    if (changed & TX_PARKING_BAY_OCCUPANCY)
        return e->tx.points & TX_PARKING_BAY_OCCUPANCY ? TRIGGER_EV_DETECTED : TRIGGER_EV_DEPARTED;
    if (e->signals.state == EVSE_FAULTED && old->state != EVSE_FAULTED)
        return TRIGGER_ABNORMAL_CONDITION; /* E06.FR.16 */
    return TRIGGER_CHARGING_STATE_CHANGED;
}

/* The device is seen for the first time after our restart: its state decides what became of the restored transaction. */
static void resume(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    if (e->signals.state == EVSE_UNKNOWN)
        return;
    tx->resumed = false;
    timer_stop(&tx->resume_timer);
    log_info(LOG_STATION, "transaction goes on after a restart: station=%s evse=%d id=%s state=%s",
             e->station->id, e->id, tx->id, evse_state_names[e->signals.state]);
    metering_resume(e);
    env_timer_start(e->station->env, &tx->save_timer, SAVE_INTERVAL_MS);
    if (!(tx->points & TX_EV_CONNECTED) && tx->authorization == AUTHORIZATION_GRANTED)
        authorization_await_vehicle(e); /* unless it is plugged in now */
}

/* E05.FR.03: the allowance for a token that turned out invalid. */
static void check_energy_allowance(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    if (!tx->token_invalid || tx->no_more_energy || tx->authorization != AUTHORIZATION_GRANTED)
        return;
    int64_t most = variable_int(e->station, VAR_TX_MAX_ENERGY_ON_INVALID_ID);
    if (most > 0 && metering_energy_Wh(e) < (double)most)
        return;
    tx->no_more_energy = true; /* E05.FR.02 */
    log_info(LOG_STATION, "no more energy for a token that is not accepted: station=%s evse=%d",
             e->station->id, e->id);
}

static void signals_changed(struct evse *e, const struct evse_signals *before)
{
    struct evse_transaction *tx = &e->tx;
    metering_on_signals(e);
    if (e->signals.online && !e->signals.locked)
        tx->cable_left = false;
    if (tx->resumed) {
        resume(e);
        if (tx->resumed)
            return;
    }
    check_energy_allowance(e);
    if (tx->stopping) {
        if (before->state == EVSE_UNKNOWN && e->signals.state != EVSE_UNKNOWN)
            env_timer_start(e->station->env, &tx->stop_timer, STOP_WAIT_MS); /* it is back and hears of it */
        if (!may_draw_energy(e) && e->signals.state != EVSE_UNKNOWN)
            complete_stop(e);
        drive_on_signals(e, before);
        return;
    }
    release_cable(e);
    uint32_t points = tx->points;
    tx->points = tx_points_now(e, points);
    enum trigger trigger = trigger_of(e, points, before);
    if (tx->points & ~points & TX_EV_CONNECTED)
        on_plugged(e);
    note_cable(e, points);
    if (points & ~tx->points & TX_EV_CONNECTED)
        on_unplugged(e);
    tx->points = tx_points_now(e, tx->points);
    enum charging_state state = tx_charging_state(e);
    bool tell =
        state != tx->charging_state || trigger != TRIGGER_CHARGING_STATE_CHANGED; /* E02.FR.13, E02.FR.17 */
    tx->charging_state = state;
    metering_on_charging(e, state == CHARGING_STATE_CHARGING);
    points_changed(e, points, trigger, tell);
    drive_on_signals(e, before);
    transaction_limits_check(e);
}

/* A vehicle that is seen together with what it does was plugged in before (E03.FR.12: two events, two messages). */
static bool is_seen_late(const struct evse *e)
{
    switch (e->signals.state) {
    case EVSE_CHARGING:
    case EVSE_SUSPENDED_EV:
    case EVSE_SUSPENDED_EVSE:
        return !(e->tx.points & TX_EV_CONNECTED) && !e->tx.resumed && !e->tx.stopping;
    case EVSE_UNKNOWN:
    case EVSE_AVAILABLE:
    case EVSE_CONNECTED:
    case EVSE_FAULTED:
    case EVSE_UNAVAILABLE:
    case EVSE_STATES:
        break;
    }
    return false;
}

void transactions_on_signals(struct evse *e, const struct evse_signals *before)
{
    if (!is_seen_late(e)) {
        signals_changed(e, before);
        return;
    }
    struct evse_signals now = e->signals, plugged = now;
    e->signals.state = plugged.state = EVSE_CONNECTED;
    signals_changed(e, before);
    e->signals = now;
    signals_changed(e, &plugged);
}

void transaction_on_limit_changed(struct evse *e, bool significant)
{
    struct evse_transaction *tx = &e->tx;
    if (!transaction_is_running(e) || tx->resumed || tx->stopping)
        return;
    enum charging_state state = tx_charging_state(e);
    if (state != tx->charging_state) {
        tx->charging_state = state;
        transaction_event(e, EVENT_UPDATED, TRIGGER_CHARGING_STATE_CHANGED, NULL, NULL);
    } else if (significant && state == CHARGING_STATE_CHARGING) {
        transaction_event(e, EVENT_UPDATED, TRIGGER_CHARGING_RATE_CHANGED, NULL, NULL);
    }
}

/* ---- the CSMS's answer to an event ---- */

/* What is said without a token in the event is of the driver's, once the CSMS has heard of it: his credit is used up, say. Before that it
 * may well mean that there is none. */
static bool is_of_driver(const struct evse *e, const struct id_token *token)
{
    return token ? id_token_equal(token, &e->tx.token) : e->tx.token_confirmed;
}

void transaction_on_token_info(struct station *s, const char *transaction_id, const struct id_token *token,
                               const json_t *info)
{
    struct evse *e = transaction_find(s, transaction_id);
    if (!e || e->tx.authorization != AUTHORIZATION_GRANTED || !is_of_driver(e, token))
        return; /* over, or of the token that ended it */
    const char *group = json_get_string(json_object_get(info, "groupIdToken"), "idToken", NULL);
    if (group)
        (void)str_copy(e->tx.group_token, sizeof(e->tx.group_token), group); /* C09.FR.12 */
    bool is_master_pass = authorization_is_master_pass(s, group);            /* C16.FR.03 */
    bool is_accepted = str_equal(json_get_string(info, "status", ""), "Accepted") && !is_master_pass &&
                       authorization_is_for_here(e, info); /* C01.FR.21 */
    if (!info || is_accepted) {
        e->tx.token_invalid = e->tx.token_invalid && !info;
        e->tx.token_confirmed = true;
        return;
    }
    if (!token) /* C10.FR.05. An Accepted without a token may lack the group: it changes nothing */
        auth_cache_update(s, &e->tx.token, info);
    log_warn(LOG_STATION,
             "CSMS does not accept the token of a running transaction: station=%s evse=%d status=%s", s->id,
             e->id, json_get_string(info, "status", ""));
    if (variable_bool(s, VAR_TX_STOP_TX_ON_INVALID_ID) || is_master_pass) {
        transaction_deauthorize(e, TRIGGER_DEAUTHORIZED, "DeAuthorized",
                                NULL); /* E05.FR.09-10, C15.FR.03-04 */
        return;
    }
    e->tx.token_invalid = true;
    check_energy_allowance(e);
    drive_update(e);
    if (e->tx.charging_state != tx_charging_state(e)) {
        e->tx.charging_state = tx_charging_state(e);
        transaction_event(e, EVENT_UPDATED, TRIGGER_CHARGING_STATE_CHANGED, NULL, NULL);
    }
}

/* ---- TriggerMessage ---- */

/* The events leave after the answer to TriggerMessage (F06.FR.04), so from a timer. */
static void on_trigger_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        if (e->tx.trigger_event && transaction_is_running(e)) {
            e->tx.owed |= OWED_EVSE; /* TC_F_13, TC_F_14 */
            transaction_event(e, EVENT_UPDATED, TRIGGER_TRIGGER, NULL,
                              metering_updated_values(e, "Trigger")); /* F06.FR.07 */
        }
        if (e->tx.trigger_meter_values)
            metering_send_triggered(e);
        e->tx.trigger_event = e->tx.trigger_meter_values = false;
    }
}

bool trigger_transaction_event(struct station *s, struct evse *e)
{
    bool any = false;
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *each = &s->evses[i];
        if ((!e || e == each) && transaction_is_running(each))
            any = each->tx.trigger_event = true;
    }
    if (any)
        env_timer_start(s->env, &s->transactions.trigger_timer, 0);
    return any;
}

/* ---- life ---- */

/* Where nothing is sampled no event would tell of other phases in use (E02.FR.18, E02.FR.19). */
static bool has_untold_phases(const struct evse *e)
{
    int phases = metering_phases_used(e);
    return phases && phases != e->tx.phases_reported && !e->tx.stopping;
}

static void on_save_timer(struct timer *timer, void *ctx)
{
    struct evse *e = ctx;
    if (transaction_is_running(e)) {
        if (!has_untold_phases(e) ||
            !transaction_event(e, EVENT_UPDATED, TRIGGER_CHARGING_RATE_CHANGED, NULL, NULL))
            transaction_save(e);
        env_timer_start(e->station->env, timer, SAVE_INTERVAL_MS);
    }
}

/* A device that does not come back after our restart has no power, as far as anyone can see. */
static void on_resume_timeout(struct timer *timer, void *ctx)
{
    (void)timer;
    struct evse *e = ctx;
    log_error(LOG_STATION, "charger of a running transaction did not come back: station=%s evse=%d id=%s",
              e->station->id, e->id, e->tx.id);
    e->tx.resumed = false;
    end_authorization(e);
    set_reason(e, "PowerLoss");
    finish(e, TRIGGER_ABNORMAL_CONDITION, NULL);
}

void transaction_init(struct evse *e, struct station *s)
{
    struct timers *timers = s->env->timers;
    e->tx.remote_start_id = e->tx.reservation_id = -1;
    e->tx.charging_state = CHARGING_STATE_IDLE;
    e->tx.charging_since_ms = e->tx.power_path_ms = -1;
    timer_init(&e->tx.stop_timer, timers, on_stop_timer, e);
    transaction_limits_init(e);
    timer_init(&e->tx.save_timer, timers, on_save_timer, e);
    timer_init(&e->tx.resume_timer, timers, on_resume_timeout, e);
    authorization_init(e);
    drive_init(e);
    metering_init_evse(e);
}

void transaction_clear(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    timer_stop(&tx->stop_timer);
    timer_stop(&tx->limit_timer);
    timer_stop(&tx->save_timer);
    timer_stop(&tx->connection_timer);
    timer_stop(&tx->resume_timer);
    tx->id[0] = '\0';
    tx->authorization = AUTHORIZATION_NONE;
    tx->group_token[0] = '\0';
    tx->remote_start_id = tx->reservation_id = tx->power_path_ms = -1;
    tx->owed = 0;
    tx->stopped_reason[0] = '\0';
    tx->stopping = tx->stop_ends = false;
    tx->token_invalid = tx->no_more_energy = false;
    tx->resumed = tx->energised = false;
    tx->priority = 0;
    tx->priority_is_own = false;
    tariff_on_session_over(e);
}

int transactions_init(struct station *s)
{
    transaction_queue_init(s);
    metering_init(s);
    remote_init(s);
    list_init(&s->transactions.orphans);
    timer_init(&s->transactions.trigger_timer, s->env->timers, on_trigger_timer, s);
    for (size_t i = 0; i < s->evse_count; i++)
        transaction_init(&s->evses[i], s);
    return 0;
}

void transactions_stop(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]))
            transaction_save(&s->evses[i]);
}

void transactions_done(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++) {
        transaction_clear(&s->evses[i]);
        metering_end(&s->evses[i]);
        timer_stop(&s->evses[i].tx.drive_timer);
    }
    timer_stop(&s->transactions.trigger_timer);
    metering_done(s);
    remote_done(s);
    transaction_orphans_done(s);
    transaction_queue_done(s);
}

void transactions_start(struct station *s)
{
    transaction_times_start(s);
    transaction_orphans_end(s);
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].tx.resumed)
            env_timer_start(s->env, &s->evses[i].tx.resume_timer, RESUME_WAIT_MS);
    smart_charging_start(s);
    metering_start(s);
}

void transactions_on_online(struct station *s, bool online)
{
    if (!online)
        transaction_queue_on_offline(s);
    else
        outbox_wake(s);
}

void transactions_on_command_done(struct evse *e, const struct evse_command *command, int err)
{
    switch (command->kind) {
    case EVSE_START:
    case EVSE_STOP:
        drive_on_command_done(e, command, err);
        if (e->tx.stopping && !may_draw_energy(e) && e->signals.state != EVSE_UNKNOWN)
            complete_stop(e);
        release_cable(e);
        break;
    case EVSE_LIMIT:
        smart_charging_on_command_done(e, command, err);
        break;
    case EVSE_UNLOCK:
        remote_on_command_done(e, command, err);
        break;
    case EVSE_RESET: /* provisioning's */
    case EVSE_COMMANDS:
        break;
    }
}

json_t *transaction_status(const struct evse *e)
{
    const struct evse_transaction *tx = &e->tx;
    if (!transaction_is_running(e))
        return json_null();
    json_t *status = json_pack("{s:s, s:s, s:b, s:f, s:I, s:i}", "id", tx->id, "chargingState",
                               charging_state_names[tx->charging_state], "authorized",
                               tx->authorization == AUTHORIZATION_GRANTED, "energy_Wh", metering_energy_Wh(e),
                               "started_ms", (json_int_t)tx->started_ms, "events", (int)tx->next_seq_no);
    if (status && tx->token.type[0] && !str_equal(tx->token.type, "KeyCode")) /* C04.FR.04 */
        json_set_optional(status, "idToken", id_token_to_json(&tx->token));
    return status;
}
