/* What a profile offers, in words of the profile language (profile_json.h). */
#include "gateway/profile_json.h"

#include "base/json.h"
#include "charger/expression.h"

static json_t *states_of(const struct profile_evse *evse)
{
    json_t *list = json_array();
    bool listed[EVSE_STATES] = { false };
    for (size_t i = 0; i < evse->state_count; i++) {
        enum evse_state state = evse->states[i].state;
        if (!listed[state])
            (void)json_array_append_new(list, json_string(evse_state_names[state]));
        listed[state] = true;
    }
    return list;
}

static json_t *measures_of(const struct profile_evse *evse)
{
    json_t *list = json_array();
    for (int m = 0; m < MEASURES; m++)
        if (evse->measures[m])
            (void)json_array_append_new(list, json_string(evse_measure_names[m]));
    return list;
}

static json_t *limit_of(const struct profile_evse *evse)
{
    static const char *const below[] = {
        [BELOW_MIN_PAUSE] = "pause", [BELOW_MIN_CLAMP] = "clamp", [BELOW_MIN_ZERO] = "zero"
    };
    const struct command *limit = &evse->commands[EVSE_LIMIT];
    if (!limit->offered)
        return json_null();
    bool watts = false;
    for (size_t i = 0; i < limit->steps.count; i++)
        watts = watts || (limit->steps.list[i].kind == STEP_SET &&
                          expression_uses_argument(limit->steps.list[i].value, ARGUMENT_LIMIT_W));
    return json_pack("{s:f, s:f, s:f, s:s, s:s, s:b, s:b}", "min", limit->min_A, "max", limit->max_A, "step",
                     limit->step_A, "unit", watts ? "W" : "A", "below_min", below[limit->below_min], "starts",
                     limit->starts, "switches_phases", evse->abilities.switches_phases);
}

static json_t *evse_of(const struct profile_evse *evse)
{
    const struct evse_abilities *a = &evse->abilities;
    return json_pack("{s:s, s:i, s:f, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "connector",
                     a->connector_type, "phases", a->phases, "max_current", a->max_current_A, "states",
                     states_of(evse), "measures", measures_of(evse), "limit", limit_of(evse), "start_stop",
                     a->start_stop, "id_token", a->reads_id_token, "unlock", a->unlock, "lock_state",
                     a->lock_state, "reset", a->reset, "fault", evse->fault != NULL || a->can_fault,
                     "fault_code", evse->fault != NULL, "display", a->display);
}

/* What flows without the gateway: A, "max" or "last"; null: not known. */
static json_t *silence_of(const struct profile *profile)
{
    switch (profile->silence) {
    case SILENCE_CURRENT:
        return json_real(profile->silence_A);
    case SILENCE_MAX:
        return json_string("max");
    case SILENCE_LAST:
        return json_string("last");
    case SILENCE_UNKNOWN:
        break;
    }
    return json_null();
}

static json_t *transports_of(const struct profile *profile)
{
    json_t *list = json_array();
    if (profile->protocol == PROTOCOL_MODBUS && profile->modbus.over_tcp)
        (void)json_array_append_new(list, json_string("tcp"));
    if (profile->protocol == PROTOCOL_MODBUS && profile->modbus.over_rtu)
        (void)json_array_append_new(list, json_string("rtu"));
    if (profile->protocol == PROTOCOL_MODBUS && profile->modbus.over_ascii)
        (void)json_array_append_new(list, json_string("ascii"));
    return list;
}

json_t *profile_json(const struct profile *profile)
{
    char hazard[500];
    profile_hazard(profile, hazard, sizeof(hazard));
    json_t *models = json_array(), *evses = json_array();
    for (size_t i = 0; i < profile->model_count; i++)
        (void)json_array_append_new(models, json_string(profile->models[i]));
    for (size_t i = 0; i < profile->evse_count; i++)
        (void)json_array_append_new(evses, evse_of(&profile->evses[i]));
    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:s, s:i, s:o, s:s?, s:o, s:s}", "profile", profile->name,
                     "vendor", profile->vendor, "models", models, "protocol",
                     protocol_name(profile->protocol), "transports", transports_of(profile), "kind",
                     profile->is_meter ? "meter" : "charger", "points", (int)profile->point_count, "evses",
                     evses, "on_silence", profile->on_silence, "silence_current", silence_of(profile),
                     "hazard", hazard);
}
