/* TransactionEventRequest: built from the transaction's state, then stored together with that state, then sent.
 *
 * What must be told once (token, remoteStartId, evse, first meter values) is owed by the next event, whichever it is. */
#include "station/transaction_internal.h"

#include <errno.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

const char *const event_type_names[EVENT_TYPES] = { "Started", "Updated", "Ended" };

const char *const trigger_names[TRIGGERS] = {
    [TRIGGER_ABNORMAL_CONDITION] = "AbnormalCondition",
    [TRIGGER_AUTHORIZED] = "Authorized",
    [TRIGGER_CABLE_PLUGGED_IN] = "CablePluggedIn",
    [TRIGGER_CHARGING_RATE_CHANGED] = "ChargingRateChanged",
    [TRIGGER_CHARGING_STATE_CHANGED] = "ChargingStateChanged",
    [TRIGGER_DEAUTHORIZED] = "Deauthorized",
    [TRIGGER_EV_COMMUNICATION_LOST] = "EVCommunicationLost",
    [TRIGGER_EV_CONNECT_TIMEOUT] = "EVConnectTimeout",
    [TRIGGER_METER_VALUE_CLOCK] = "MeterValueClock",
    [TRIGGER_METER_VALUE_PERIODIC] = "MeterValuePeriodic",
    [TRIGGER_REMOTE_START] = "RemoteStart",
    [TRIGGER_REMOTE_STOP] = "RemoteStop",
    [TRIGGER_RESET_COMMAND] = "ResetCommand",
    [TRIGGER_STOP_AUTHORIZED] = "StopAuthorized",
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

static json_t *transaction_info(struct evse *e, enum event_type type)
{
    struct evse_transaction *tx = &e->tx;
    json_t *info = json_pack("{s:s, s:s}", "transactionId", tx->id, "chargingState",
                             charging_state_names[tx->charging_state]);
    if (!info)
        return NULL;
    if (tx->owed & OWED_REMOTE_START_ID)
        json_set_optional(info, "remoteStartId", json_integer(tx->remote_start_id));
    if (type == EVENT_ENDED) {
        json_set_optional(info, "timeSpentCharging", json_integer(metering_charging_s(e)));
        json_set_text(info, "stoppedReason", tx->stopped_reason); /* E06.FR.08 */
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

static void set_phases(struct evse *e, json_t *payload)
{
    int phases = metering_phases_used(e); /* E02.FR.18, E02.FR.19 */
    if (phases && phases != e->tx.phases_reported) {
        json_set_optional(payload, "numberOfPhasesUsed", json_integer(phases));
        e->tx.phases_reported = phases;
    }
}

static json_t *build(struct evse *e, enum event_type type, enum trigger trigger, const struct id_token *token,
                     json_t *meter_values)
{
    struct evse_transaction *tx = &e->tx;
    json_t *payload = json_pack("{s:s, s:o, s:s, s:i, s:o}", "eventType", event_type_names[type], "timestamp",
                                station_timestamp(e->station), "triggerReason", trigger_names[trigger],
                                "seqNo", (int)tx->next_seq_no, "transactionInfo", transaction_info(e, type));
    meter_values = event_meter_values(e, type, meter_values);
    if (!payload) {
        json_decref(meter_values);
        return NULL;
    }
    if (!station_is_online(e->station))
        json_set_optional(payload, "offline", json_true()); /* E04.FR.03 */
    if (token)
        json_set_optional(payload, "idToken", id_token_to_json(token)); /* E07.FR.02 */
    else if (tx->owed & OWED_ID_TOKEN)
        json_set_optional(payload, "idToken", id_token_to_json(&tx->token));
    if (type == EVENT_STARTED || (tx->owed & OWED_EVSE))
        json_set_optional(payload, "evse", evse_to_json(e));
    set_phases(e, payload);
    json_set_optional(payload, "meterValue", meter_values);
    return payload;
}

void transaction_event(struct evse *e, enum event_type type, enum trigger trigger,
                       const struct id_token *token, json_t *meter_values)
{
    struct evse_transaction *tx = &e->tx;
    struct station *s = e->station;
    if ((tx->owed & OWED_REMOTE_START_ID) && type != EVENT_ENDED)
        trigger = TRIGGER_REMOTE_START; /* F01.FR.19, F02.FR.21: whatever else happened with it */
    json_t *payload = build(e, type, trigger, token, meter_values);
    log_info(LOG_STATION, "transaction %s: station=%s evse=%d id=%s seq=%d trigger=%s state=%s Wh=%.0f",
             type == EVENT_STARTED ? "started"
             : type == EVENT_ENDED ? "ended"
                                   : "updated",
             s->id, e->id, tx->id, (int)tx->next_seq_no, trigger_names[trigger],
             charging_state_names[tx->charging_state], metering_energy_Wh(e));
    tx->next_seq_no++;
    tx->owed = 0;
    char *record = type == EVENT_ENDED ? NULL : transaction_record(e);
    if (payload)
        transaction_queue_add(s, payload, record);
    else
        log_error(LOG_STATION, "no memory for a transaction event: station=%s id=%s", s->id, tx->id);
    free(record);
    json_decref(payload);
}
