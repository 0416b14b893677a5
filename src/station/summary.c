/* What a station shows of itself to people, again and again and of a thousand stations: little, and cheap. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/transaction_internal.h"

/* Enough to recognise a card, too little to copy it; of a key code nothing (C04.FR.04). */
static void shorten(const struct id_token *token, char ret[static 8])
{
    size_t len = strlen(token->value);
    *ret = '\0';
    if (*token->type && !str_equal(token->type, "KeyCode"))
        (void)snprintf(ret, 8, "..%.4s", len > 4 ? token->value + len - 4 : token->value);
}

static json_t *transaction_summary(const struct evse *e)
{
    const struct evse_transaction *tx = &e->tx;
    char started[TIMESTAMP_SIZE], token[8];
    timestamp_format(tx->started_ms, started);
    shorten(&tx->token, token);
    json_t *json = json_pack("{s:s, s:s, s:s, s:b}", "id", tx->id, "startedAt", started, "chargingState",
                             charging_state_names[tx->charging_state], "authorized",
                             tx->authorization == AUTHORIZATION_GRANTED);
    double energy_Wh = metering_energy_Wh(e);
    if (!isnan(energy_Wh))
        (void)json_set_optional(json, "energyWh", json_real(energy_Wh));
    (void)json_set_text(json, "idToken", token);
    return json;
}

static void set_measure(json_t *json, const char *key, const struct evse *e, enum evse_measure measure)
{
    if (evse_has(&e->signals, measure))
        (void)json_set_optional(json, key, json_real(e->signals.value[measure]));
}

/* What a limit is compared with: where no current as a whole is measured, that of the phase with the most. */
static void set_current(json_t *json, const struct evse *e)
{
    static const enum evse_measure phases[] = { MEASURE_CURRENT_IMPORT_L1, MEASURE_CURRENT_IMPORT_L2,
                                                MEASURE_CURRENT_IMPORT_L3 };
    enum evse_measure most = MEASURE_CURRENT_IMPORT;
    for (size_t i = 0; !evse_has(&e->signals, MEASURE_CURRENT_IMPORT) && i < ARRAY_SIZE(phases); i++)
        if (evse_has(&e->signals, phases[i]) &&
            (!evse_has(&e->signals, most) || e->signals.value[phases[i]] > e->signals.value[most]))
            most = phases[i];
    set_measure(json, "currentA", e, most);
}

static json_t *evse_summary(const struct evse *e)
{
    json_t *json =
        json_pack("{s:i, s:s, s:b, s:s}", "evse", e->id, "state", evse_state_names[e->signals.state],
                  "online", e->signals.online, "status", connector_status_names[availability_evse_status(e)]);
    set_measure(json, "powerW", e, MEASURE_POWER_IMPORT);
    set_measure(json, "energyWh", e, MEASURE_ENERGY_IMPORT);
    set_current(json, e);
    set_measure(json, "soc", e, MEASURE_SOC);
    if (e->limit.limit_A >= 0) /* not NAN */
        (void)json_set_optional(json, "limitA", json_real(e->limit.limit_A));
    (void)json_set_text(json, "fault", e->signals.fault);
    if (transaction_is_running(e))
        (void)json_set_optional(json, "transaction", transaction_summary(e));
    return json;
}

json_t *station_summary(const struct station *station)
{
    const struct station *s = station;
    json_t *evses = json_array();
    for (size_t i = 0; evses && i < s->evse_count; i++)
        (void)json_array_append_new(evses, evse_summary(&s->evses[i]));
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o}", "id", s->id, "vendor", s->vendor,
                             "model", s->model, "link", link_state_names[s->network.state], "registration",
                             registration_names[s->provisioning.registration], "messagesWaiting",
                             (json_int_t)s->outbox.count, "eventsWaiting", (json_int_t)s->transactions.queued,
                             "evses", evses);
    if (!network_is_up(s))
        (void)json_set_text(json, "linkError", s->network.told_why);
    return json;
}

/* ---- limits ---- */

static json_t *limit_row(int evse, const char *kind, double limit, const char *unit)
{
    return json_pack("{s:i, s:s, s:f, s:s, s:b}", "evse", evse, "kind", kind, "limit", limit, "unit", unit,
                     "inForce", 0);
}

static void set_time(json_t *json, const char *key, int64_t wall_ms)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(wall_ms, text);
    (void)json_set_optional(json, key, json_string(text));
}

/* A charging profile as it counts now for the EVSE; NULL: it has no period now, or is another's. */
static json_t *profile_row(const struct evse *e, const struct charging_profile *p)
{
    int64_t now = station_wall_ms(e->station), next_ms = INT64_MAX;
    bool concerns = p->evse == 0 || p->evse == e->id;
    if (!concerns || (*p->transaction_id && !str_equal(p->transaction_id, e->tx.id)))
        return NULL;
    struct charging_profile copy = *p; /* asking leaves a mark */
    const struct schedule_period *period =
        charging_profile_period(&copy, now, e->tx.power_path_ms >= 0 ? e->tx.power_path_ms : now, &next_ms);
    if (!period)
        return NULL;
    json_t *row =
        limit_row(e->id, p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS ? "external" : "chargingProfile",
                  period->limit, p->in_watts ? "W" : "A");
    (void)json_set_text(row, "purpose", profile_purpose_names[p->purpose]);
    (void)json_set_text(row, "source", limit_source_names[p->source]);
    (void)json_set_optional(row, "chargingProfileId", json_integer(p->id));
    (void)json_set_optional(row, "stackLevel", json_integer(p->stack_level));
    (void)json_set_optional(row, "ofStation", json_boolean(p->evse == 0));
    if (next_ms != INT64_MAX)
        set_time(row, "until", next_ms);
    return row;
}

static void add_row(json_t *list, json_t *row, bool in_force)
{
    if (row)
        (void)json_object_set_new(row, "inForce", json_boolean(in_force));
    if (row)
        (void)json_array_append_new(list, row);
}

static void add_evse(json_t *list, const struct evse *e)
{
    const struct evse_limit *limit = &e->limit;
    bool by_device = limit->purpose == PURPOSES;
    add_row(list, limit_row(e->id, "device", e->abilities.max_current_A, "A"), by_device);
    LIST_FOREACH(link, next, &e->station->profile_store.profiles)
    {
        const struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        bool in_force = !by_device && p->id == limit->profile_id && p->purpose == limit->purpose;
        add_row(list, profile_row(e, p), in_force);
    }
    if (isfinite(limit->composite.budget_A) && limit->shares)
        add_row(list, limit_row(e->id, "share", limit->composite_A, "A"),
                limit->composite_A < limit->composite.limit_A - 0.05);
    json_t *total = limit_row(e->id, "result", limit->composite_A, "A");
    if (limit->taken_A >= 0)
        (void)json_set_optional(total, "takenA", json_real(limit->taken_A));
    add_row(list, total, true);
}

json_t *station_limits(const struct station *station)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < station->evse_count; i++)
        add_evse(list, &station->evses[i]);
    return list;
}
