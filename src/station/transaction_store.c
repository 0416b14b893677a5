/* A running transaction as a record: all that is needed to go on with it, or to end it truthfully, after a restart or a power
 * cut. It is written with every event and once a minute between them. */
#include "station/transaction_internal.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

struct orphan {
    struct list link;
    char id[TRANSACTION_ID_SIZE];
    json_t *record;
};

/* ---- writing ---- */

static json_t *text(const char *value)
{
    return value[0] ? json_string(value) : NULL;
}

/* Members with their default are left out: the record is written often. */
static void put(json_t *record, const char *key, json_t *value, bool wanted)
{
    if (wanted)
        json_set_optional(record, key, value);
    else
        json_decref(value);
}

char *transaction_record(const struct evse *e)
{
    const struct evse_transaction *tx = &e->tx;
    json_t *r = json_pack("{s:i, s:i, s:s, s:i, s:I, s:I}", "evse", e->id, "seqNo", (int)tx->next_seq_no,
                          "state", charging_state_names[tx->charging_state], "points", (int)tx->points,
                          "started", (json_int_t)tx->started_ms, "seen", (json_int_t)tx->register_ms);
    if (!r)
        return NULL;
    put(r, "authorized", json_true(), tx->authorization == AUTHORIZATION_GRANTED);
    put(r, "idToken", id_token_to_json(&tx->token), tx->token.type[0]);
    json_set_optional(r, "group", text(tx->group_token));
    put(r, "remoteStartId", json_integer(tx->remote_start_id), tx->remote_start_id >= 0);
    put(r, "reservationId", json_integer(tx->reservation_id), tx->owed & OWED_RESERVATION);
    put(r, "priority", json_integer(tx->priority), tx->priority != 0 || tx->priority_is_own);
    put(r, "ownPriority", json_true(), tx->priority_is_own);
    put(r, "owed", json_integer(tx->owed), tx->owed);
    json_set_optional(r, "stoppedReason", text(tx->stopped_reason));
    put(r, "stop", json_string(trigger_names[tx->stop_trigger]), tx->stopping);
    put(r, "stopEnds", json_true(), tx->stopping && tx->stop_ends);
    put(r, "stopToken", id_token_to_json(&tx->stop_token), tx->stopping && tx->stop_token.type[0]);
    put(r, "cableLeft", json_true(), tx->cable_left);
    put(r, "confirmed", json_true(), tx->token_confirmed);
    put(r, "invalid", json_true(), tx->token_invalid);
    put(r, "noMoreEnergy", json_true(), tx->no_more_energy);
    put(r, "energised", json_true(), tx->energised);
    put(r, "phases", json_integer(tx->phases_reported), tx->phases_reported);
    put(r, "register", json_real(tx->register_Wh), tx->has_register);
    put(r, "raw", json_real(tx->raw_Wh), tx->has_register);
    put(r, "offset", json_real(tx->register_offset_Wh), tx->register_offset_Wh != 0);
    put(r, "fellFrom", json_real(tx->fell_from_Wh), tx->fell_from_Wh > 0);
    put(r, "offsetBefore", json_real(tx->offset_before_Wh), tx->fell_from_Wh > 0);
    put(r, "export", json_real(tx->export_raw_Wh), tx->has_export);
    put(r, "exportOffset", json_real(tx->export_offset_Wh), tx->has_export && tx->export_offset_Wh > 0);
    put(r, "start", json_real(tx->start_Wh), tx->has_register);
    put(r, "unsure", json_true(), tx->unsure_times);
    put(r, "powerPath", json_integer(tx->power_path_ms), tx->power_path_ms >= 0);
    put(r, "charged", json_integer(metering_charging_s(e)), true);
    put(r, "samples", json_incref(tx->ended_samples), json_array_size(tx->ended_samples));
    put(r, "aligned", json_incref(tx->ended_aligned), json_array_size(tx->ended_aligned));
    char *ret = json_to_text(r);
    json_decref(r);
    return ret;
}

void transaction_save(struct evse *e)
{
    if (transaction_queue_is_behind(e->station))
        return; /* a record ahead of its events would leave a hole in the sequence; theirs brings this one along */
    char *value = transaction_record(e);
    struct record record = { RECORD_TRANSACTION, e->tx.id, value };
    if (value)
        station_persist(e->station, &record, 1, NULL, NULL);
    free(value);
}

/* ---- reading ---- */

static json_t *get_array(const json_t *record, const char *key)
{
    json_t *value = json_object_get(record, key);
    return json_is_array(value) ? json_incref(value) : NULL;
}

static void get_authorization(struct evse_transaction *tx, const json_t *r)
{
    tx->authorization = json_get_bool(r, "authorized", false) ? AUTHORIZATION_GRANTED : AUTHORIZATION_NONE;
    if (!id_token_from_json(json_object_get(r, "idToken"), &tx->token))
        tx->token = (struct id_token){ 0 };
    (void)str_copy(tx->group_token, sizeof(tx->group_token), json_get_string(r, "group", ""));
    tx->remote_start_id = json_get_int(r, "remoteStartId", -1);
    tx->reservation_id = json_get_int(r, "reservationId", -1);
    tx->priority = (int)json_get_int(r, "priority", 0);
    tx->priority_is_own = json_get_bool(r, "ownPriority", false);
    tx->cable_left = json_get_bool(r, "cableLeft", false);
    tx->token_confirmed = json_get_bool(r, "confirmed", false);
    tx->token_invalid = json_get_bool(r, "invalid", false);
    tx->no_more_energy = json_get_bool(r, "noMoreEnergy", false);
    tx->energised = json_get_bool(r, "energised", false);
}

static void get_stop(struct evse_transaction *tx, const json_t *r)
{
    (void)str_copy(tx->stopped_reason, sizeof(tx->stopped_reason), json_get_string(r, "stoppedReason", ""));
    tx->stopping = json_object_get(r, "stop") != NULL;
    tx->stop_trigger =
        name_index(trigger_names, TRIGGERS, json_get_string(r, "stop", NULL), TRIGGER_ABNORMAL_CONDITION);
    tx->stop_ends = json_get_bool(r, "stopEnds", false);
    if (!id_token_from_json(json_object_get(r, "stopToken"), &tx->stop_token))
        tx->stop_token = (struct id_token){ 0 };
}

static void get_metering(struct evse_transaction *tx, const json_t *r)
{
    tx->has_register = json_object_get(r, "register") != NULL;
    tx->register_Wh = json_get_number(r, "register", 0);
    tx->raw_Wh = json_get_number(r, "raw", 0);
    tx->register_offset_Wh = json_get_number(r, "offset", 0);
    tx->fell_from_Wh = json_get_number(r, "fellFrom", 0);
    tx->offset_before_Wh = json_get_number(r, "offsetBefore", 0);
    tx->start_Wh = json_get_number(r, "start", 0);
    tx->has_export = json_object_get(r, "export") != NULL;
    tx->export_raw_Wh = json_get_number(r, "export", 0);
    tx->export_offset_Wh = json_get_number(r, "exportOffset", 0);
    tx->started_ms = json_get_int(r, "started", 0);
    tx->power_path_ms = json_get_int(r, "powerPath", -1);
    tx->unsure_times = json_get_bool(r, "unsure", false);
    tx->register_ms = json_get_int(r, "seen", tx->started_ms);
    tx->charging_ms = json_get_int(r, "charged", 0) * 1000;
    tx->charging_since_ms = -1;
    tx->phases_reported = (int)json_get_int(r, "phases", 0);
    tx->ended_samples = get_array(r, "samples");
    tx->ended_aligned = get_array(r, "aligned");
}

static void transaction_read(struct evse *e, const char *id, const json_t *r)
{
    struct evse_transaction *tx = &e->tx;
    (void)str_copy(tx->id, sizeof(tx->id), id);
    tx->next_seq_no = (int32_t)json_get_int(r, "seqNo", 0);
    tx->charging_state = (enum charging_state)name_index(
        charging_state_names, CHARGING_STATES, json_get_string(r, "state", ""), CHARGING_STATE_IDLE);
    tx->points = (uint32_t)json_get_int(r, "points", 0);
    tx->owed = (uint32_t)json_get_int(r, "owed", 0);
    get_authorization(tx, r);
    get_stop(tx, r);
    get_metering(tx, r);
    tx->resumed = true;
}

static void keep_orphan(struct station *s, const char *id, json_t *record)
{
    struct orphan *orphan = calloc(1, sizeof(*orphan));
    if (!orphan)
        return; /* it is still in the store */
    (void)str_copy(orphan->id, sizeof(orphan->id), id);
    orphan->record = json_incref(record);
    list_append(&s->transactions.orphans, &orphan->link);
}

void transactions_restore(struct station *s, const char *key, const char *value)
{
    json_t *record = json_from_text(value, strlen(value));
    if (!json_is_object(record) || strlen(key) >= TRANSACTION_ID_SIZE) {
        log_error(LOG_STATION, "cannot read a stored transaction: station=%s id=%s", s->id, key);
        json_decref(record);
        return;
    }
    struct evse *e = station_evse(s, json_get_int(record, "evse", 0));
    if (e && !transaction_is_running(e))
        transaction_read(e, key, record);
    else
        keep_orphan(s, key, record);
    json_decref(record);
}

/* ---- transactions whose EVSE is configured no more ---- */

/* The ending that stood ready: with the last reading, at the time of that reading. */
static void end_orphan(struct station *s, const struct orphan *orphan)
{
    char when[TIMESTAMP_SIZE];
    timestamp_format(json_get_int(orphan->record, "seen", 0), when);
    json_t *payload = json_pack("{s:s, s:s, s:s, s:I, s:b, s:{s:s, s:s}}", "eventType", "Ended", "timestamp",
                                when, "triggerReason", "AbnormalCondition", "seqNo",
                                (json_int_t)json_get_int(orphan->record, "seqNo", 0), "offline", 1,
                                "transactionInfo", "transactionId", orphan->id, "stoppedReason", "Other");
    json_t *values = get_array(orphan->record, "samples");
    if (json_object_get(orphan->record, "register")) {
        json_t *last = json_pack("{s:s, s:[{s:f, s:s, s:s}]}", "timestamp", when, "sampledValue", "value",
                                 json_get_number(orphan->record, "register", 0), "context", "Transaction.End",
                                 "measurand", "Energy.Active.Import.Register");
        values = values ? values : json_array();
        json_array_append_new(values, last);
    }
    if (payload) {
        json_set_optional(payload, "meterValue", values);
        log_warn(LOG_STATION, "transaction of an EVSE that is no more: station=%s id=%s", s->id, orphan->id);
        transaction_queue_add(s, payload, NULL);
    } else {
        json_decref(values);
    }
    json_decref(payload);
}

void transaction_orphans_done(struct station *s)
{
    LIST_FOREACH(link, following, &s->transactions.orphans)
    {
        struct orphan *orphan = LIST_ITEM(link, struct orphan, link);
        list_remove(link);
        json_decref(orphan->record);
        free(orphan);
    }
}

void transaction_orphans_end(struct station *s)
{
    LIST_FOREACH(link, following, &s->transactions.orphans)
    end_orphan(s, LIST_ITEM(link, struct orphan, link));
    transaction_orphans_done(s);
}
