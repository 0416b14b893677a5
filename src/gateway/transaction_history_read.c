/* What the texts that a station stores tell of a transaction. Runs on the history's thread. */
#include "gateway/transaction_history.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"

static void shorten_token(const json_t *token, struct history_transaction *ret)
{
    const char *value = json_get_string(token, "idToken", "");
    ret->id_token_type = json_get_string(token, "type", NULL);
    if (ret->id_token_type && str_equal(ret->id_token_type, "KeyCode"))
        (void)str_copy(ret->id_token, sizeof(ret->id_token), "hidden"); /* C04.FR.04 */
    else if (*value)
        history_shorten_token(value, ret->id_token);
}

static int64_t time_of(const json_t *object)
{
    int64_t time_ms = 0;
    (void)timestamp_parse(json_get_string(object, "timestamp", ""), &time_ms);
    return time_ms;
}

/* The register of the outlet as a whole: not of a phase, nor of another place. */
static bool is_register(const json_t *sample)
{
    return str_equal(json_get_string(sample, "measurand", "Energy.Active.Import.Register"),
                     "Energy.Active.Import.Register") &&
           !json_object_get(sample, "phase") &&
           str_equal(json_get_string(sample, "location", "Outlet"), "Outlet");
}

static double energy_Wh(const json_t *sample)
{
    const json_t *unit = json_object_get(sample, "unitOfMeasure");
    double per_unit = str_equal(json_get_string(unit, "unit", "Wh"), "kWh") ? 1000 : 1;
    return json_get_number(sample, "value", NAN) * per_unit * pow(10, json_get_number(unit, "multiplier", 0));
}

static void read_energy(const json_t *values, struct history_transaction *ret)
{
    size_t i, k;
    const json_t *value, *sample;
    json_array_foreach(values, i, value) json_array_foreach(json_object_get(value, "sampledValue"), k, sample)
    {
        if (!is_register(sample))
            continue;
        double Wh = energy_Wh(sample);
        ret->energy_first_Wh = fmin(ret->energy_first_Wh, Wh); /* fmin() of a number and NAN is the number */
        ret->energy_last_Wh = fmax(ret->energy_last_Wh, Wh);
    }
}

json_t *transaction_history_read_event(const char *id, const char *text, struct history_transaction *ret)
{
    json_t *event = json_from_text(text, strlen(text));
    const json_t *info = json_object_get(event, "transactionInfo");
    const char *type = json_get_string(event, "eventType", "");
    (void)id; /* it is in the event */
    ret->id = json_get_string(info, "transactionId", "");
    ret->sequence = json_get_int(event, "seqNo", 0);
    ret->evse = (int)json_get_int(json_object_get(event, "evse"), "id", 0);
    ret->updated_ms = time_of(event);
    if (str_equal(type, "Started"))
        ret->started_ms = ret->updated_ms;
    if (str_equal(type, "Ended"))
        ret->ended_ms = ret->updated_ms;
    /* who stops is not always who started */
    if (!str_equal(json_get_string(event, "triggerReason", ""), "StopAuthorized"))
        shorten_token(json_object_get(event, "idToken"), ret);
    ret->stopped_reason = json_get_string(info, "stoppedReason", NULL);
    ret->charging_state = json_get_string(info, "chargingState", NULL);
    read_energy(json_object_get(event, "meterValue"), ret);
    return event;
}

json_t *transaction_history_read_record(const char *id, const char *text, struct history_transaction *ret)
{
    json_t *record = json_from_text(text, strlen(text));
    int64_t next = json_get_int(record, "seqNo", 0);
    if (next == 0) { /* nothing was told of it, and may never be */
        json_decref(record);
        return NULL;
    }
    ret->id = id;
    ret->sequence = next - 1;
    ret->evse = (int)json_get_int(record, "evse", 0);
    ret->started_ms = json_get_int(record, "started", 0);
    ret->updated_ms = json_get_int(record, "seen", ret->started_ms);
    shorten_token(json_object_get(record, "idToken"), ret);
    ret->charging_state = json_get_string(record, "state", NULL);
    ret->energy_first_Wh = json_get_number(record, "start", NAN);
    ret->energy_last_Wh = json_get_number(record, "register", NAN);
    return record;
}
