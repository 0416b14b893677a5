/* TransactionEventRequest: built from the transaction's state, then stored together with that state, then sent.
 *
 * What must be told once (token, remoteStartId, evse, first meter values) is owed by the next event, whichever it is. */
#include "station/transaction_internal.h"

#include <errno.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define FRAME_BYTES ((size_t)128) /* of a CALL besides its payload */

const char *const event_type_names[EVENT_TYPES] = { "Started", "Updated", "Ended" };

const char *const trigger_names[TRIGGERS] = {
    [TRIGGER_ABNORMAL_CONDITION] = "AbnormalCondition",
    [TRIGGER_AUTHORIZED] = "Authorized",
    [TRIGGER_CABLE_PLUGGED_IN] = "CablePluggedIn",
    [TRIGGER_CHARGING_RATE_CHANGED] = "ChargingRateChanged",
    [TRIGGER_CHARGING_STATE_CHANGED] = "ChargingStateChanged",
    [TRIGGER_DEAUTHORIZED] = "Deauthorized",
    [TRIGGER_ENERGY_LIMIT_REACHED] = "EnergyLimitReached",
    [TRIGGER_EV_COMMUNICATION_LOST] = "EVCommunicationLost",
    [TRIGGER_EV_CONNECT_TIMEOUT] = "EVConnectTimeout",
    [TRIGGER_EV_DEPARTED] = "EVDeparted",
    [TRIGGER_EV_DETECTED] = "EVDetected",
    [TRIGGER_METER_VALUE_CLOCK] = "MeterValueClock",
    [TRIGGER_METER_VALUE_PERIODIC] = "MeterValuePeriodic",
    [TRIGGER_REMOTE_START] = "RemoteStart",
    [TRIGGER_REMOTE_STOP] = "RemoteStop",
    [TRIGGER_RESET_COMMAND] = "ResetCommand",
    [TRIGGER_STOP_AUTHORIZED] = "StopAuthorized",
    [TRIGGER_TIME_LIMIT_REACHED] = "TimeLimitReached",
    [TRIGGER_TRIGGER] = "Trigger",
    [TRIGGER_UNLOCK_COMMAND] = "UnlockCommand",
};

int name_index(const char *const *names, int count, const char *name, int fallback)
{
    for (int i = 0; name && i < count; i++)
        if (str_equal(names[i], name))
            return i;
    return fallback;
}

json_t *id_token_to_json(const struct id_token *token)
{
    return json_pack("{s:s, s:s}", "idToken", token->value, "type", token->type);
}

static json_t *evse_to_json(const struct evse *e)
{
    /* before the plug is in, a connector is known only where there is but one */
    bool known = (e->tx.points & TX_EV_CONNECTED) || e->abilities.connectors == 1;
    return known ? json_pack("{s:i, s:i}", "id", e->id, "connectorId", 1) : json_pack("{s:i}", "id", e->id);
}

/* An event in the making; the first error sticks. */
struct event {
    json_t *payload;
    bool failed; /* no memory: it is not sent without what it must carry */
};

/* A member that must be there. Takes the reference. */
static void put(struct event *event, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        event->failed = true;
}

static json_t *transaction_info(struct event *event, const struct evse *e, enum event_type type)
{
    const struct evse_transaction *tx = &e->tx;
    json_t *info = json_pack("{s:s, s:s}", "transactionId", tx->id, "chargingState",
                             charging_state_names[tx->charging_state]);
    if (tx->owed & OWED_REMOTE_START_ID)
        put(event, info, "remoteStartId", json_integer(tx->remote_start_id));
    if (type == EVENT_ENDED) {
        put(event, info, "timeSpentCharging", json_integer(metering_charging_s(e)));
        if (tx->stopped_reason[0])
            put(event, info, "stoppedReason", json_string(tx->stopped_reason)); /* E06.FR.08 */
    }
    return info;
}

/* Takes `taken`. NULL if there is nothing to tell. */
static json_t *event_meter_values(struct evse *e, enum event_type type, json_t *taken)
{
    if (type == EVENT_ENDED) {
        json_decref(taken);
        return metering_ended_values(e);
    }
    if (type != EVENT_STARTED && !(e->tx.owed & OWED_BEGIN_VALUES))
        return taken;
    json_t *values = metering_begin_values(e); /* E01.FR.09, E01.FR.17 */
    if (!values)
        return taken;
    if (taken)
        json_array_extend(values, taken);
    json_decref(taken);
    return values;
}

/* What the cable bears is told with where it is plugged in. */
static void set_evse(struct event *event, const struct evse *e)
{
    put(event, event->payload, "evse", evse_to_json(e));
    bool is_known = (e->tx.points & TX_EV_CONNECTED) && evse_has(&e->signals, MEASURE_CABLE_MAX_CURRENT);
    double cable_A = is_known ? e->signals.value[MEASURE_CABLE_MAX_CURRENT] : 0;
    if (cable_A >= 1 && cable_A < 10000)
        json_set_optional(event->payload, "cableMaxCurrent", json_integer((json_int_t)cable_A));
}

static void set_phases(struct evse *e, json_t *payload)
{
    int phases = metering_phases_used(e); /* E02.FR.18, E02.FR.19 */
    if (phases && phases != e->tx.phases_reported) {
        json_set_optional(payload, "numberOfPhasesUsed", json_integer(phases));
        e->tx.phases_reported = phases;
    }
}

/* J02.FR.20: what the CSMS would not take in one piece loses samples in between. */
static void fit(const struct station *s, json_t *payload)
{
    json_t *values = json_object_get(payload, "meterValue");
    size_t room = s->max_message > FRAME_BYTES ? s->max_message - FRAME_BYTES : 0;
    while (json_array_size(values) > 2 && json_text_size(payload) > room)
        metering_thin(values);
}

static json_t *build(struct evse *e, enum event_type type, enum trigger trigger, const struct id_token *token,
                     json_t *meter_values)
{
    const struct evse_transaction *tx = &e->tx;
    struct event event = { .payload = json_object() };
    json_t *payload = event.payload;
    transaction_times_follow(e->station);
    meter_values = event_meter_values(e, type, meter_values);
    put(&event, payload, "eventType", json_string(event_type_names[type]));
    put(&event, payload, "timestamp", station_timestamp(e->station));
    put(&event, payload, "triggerReason", json_string(trigger_names[trigger]));
    put(&event, payload, "seqNo", json_integer(tx->next_seq_no));
    put(&event, payload, "transactionInfo", transaction_info(&event, e, type));
    if (tx->owed & OWED_RESERVATION)
        put(&event, payload, "reservationId", json_integer(tx->reservation_id)); /* E01.FR.13, H01.FR.15 */
    if (!station_is_online(e->station))
        put(&event, payload, "offline", json_true()); /* E04.FR.03 */
    if (token)
        put(&event, payload, "idToken", id_token_to_json(token)); /* E07.FR.02 */
    else if (tx->owed & OWED_ID_TOKEN)
        put(&event, payload, "idToken", id_token_to_json(&tx->token));
    if (type == EVENT_STARTED || (tx->owed & OWED_EVSE))
        set_evse(&event, e);
    set_phases(e, payload);
    if (meter_values)
        put(&event, payload, "meterValue", meter_values);
    else if (type == EVENT_ENDED && metering_has_ended_values(e))
        event.failed = true;
    transaction_times_mark(e->station, payload);
    fit(e->station, payload);
    return event.failed ? (json_decref(payload), NULL) : payload;
}

bool transaction_event(struct evse *e, enum event_type type, enum trigger trigger,
                       const struct id_token *token, json_t *meter_values)
{
    struct evse_transaction *tx = &e->tx;
    struct station *s = e->station;
    if (tx->next_seq_no == 0 && type == EVENT_UPDATED)
        type = EVENT_STARTED; /* there was no memory for that one */
    if ((tx->owed & OWED_REMOTE_START_ID) && type != EVENT_ENDED)
        trigger = TRIGGER_REMOTE_START; /* F01.FR.19, F02.FR.21: whatever else happened with it */
    AUTO(json_t) *payload = build(e, type, trigger, token, meter_values);
    int32_t seq_no = tx->next_seq_no++;
    uint32_t owed = tx->owed;
    /* a device that has not been read yet owes its first values still */
    tx->owed = (tx->owed & OWED_AT_PLUG) | (metering_has_begun(e) ? 0 : (uint32_t)OWED_BEGIN_VALUES);
    AUTO_FREE char *record = type == EVENT_ENDED ? NULL : transaction_record(e);
    if (!payload || (!record && type != EVENT_ENDED) || transaction_queue_add(s, payload, record) < 0) {
        log_error(LOG_STATION, "no room for a transaction event: station=%s id=%s type=%s", s->id, tx->id,
                  event_type_names[type]);
        tx->next_seq_no = seq_no; /* as if it had not happened: no hole in the sequence */
        tx->owed = owed;
        return false;
    }
    bool is_sample = trigger == TRIGGER_METER_VALUE_PERIODIC || trigger == TRIGGER_METER_VALUE_CLOCK;
    log_at(LOG_STATION, is_sample ? LOG_DEBUG : LOG_INFO,
           "transaction %s: station=%s evse=%d id=%s seq=%d trigger=%s state=%s Wh=%.0f",
           type == EVENT_STARTED ? "started"
           : type == EVENT_ENDED ? "ended"
                                 : "updated",
           s->id, e->id, tx->id, (int)seq_no, trigger_names[trigger],
           charging_state_names[tx->charging_state], metering_energy_Wh(e));
    return true;
}
