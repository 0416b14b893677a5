/* Walking the rows of a station's device model, and finding what a CSMS names. */
#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/variable_table.h"

size_t variable_row_count(const struct station *s)
{
    return variable_table_size + s->device_variables.row_count;
}

const struct variable_row *variable_row_at(const struct station *s, size_t index)
{
    return index < variable_table_size ? &variable_table[index]
                                       : &s->device_variables.rows[index - variable_table_size];
}

/* ---- where rows stand ---- */

/* One step, whether the row exists there or not. */
static bool step(const struct variable_row *row, struct variable_place *place)
{
    const struct station *s = place->station;
    bool first = !place->begun;

    place->begun = true;
    place->row = row;
    if (row->tier == TIER_STATION)
        return first;
    if (!first && row->tier == TIER_CONNECTOR && place->connector < place->evse->abilities.connectors) {
        place->connector++;
        return true;
    }
    size_t next = first ? 0 : (size_t)place->evse->id; /* ids begin at 1 */
    if (next >= s->evse_count)
        return false;
    place->evse = &s->evses[next];
    place->connector = row->tier == TIER_CONNECTOR ? 1 : 0;
    return true;
}

bool variable_next_place(const struct variable_row *row, struct variable_place *place)
{
    while (step(row, place))
        if (!row->exists || row->exists(place))
            return true;
    return false;
}

/* ---- finding what a request names ---- */

/* Whether evse and connectorId of a component, or their absence, are those of the place. */
static bool component_is_at(const json_t *component, const struct variable_place *place)
{
    const json_t *evse = json_object_get(component, "evse");
    int64_t id = json_get_int(evse, "id", 0), connector = json_get_int(evse, "connectorId", 0);
    if (!place->evse) /* TIER_STATION */
        return !evse;
    return evse && id == place->evse->id && connector == place->connector;
}

static bool same_name(const char *name, const char *wanted)
{
    return str_equal_ci(name ? name : "", wanted);
}

enum variable_found variable_find(const struct station *s, const json_t *component, const json_t *variable,
                                  const struct variable_row **ret, struct variable_place *ret_place)
{
    const char *component_name = json_get_string(component, "name", "");
    const char *component_instance = json_get_string(component, "instance", "");
    const char *variable_name = json_get_string(variable, "name", "");
    const char *instance = json_get_string(variable, "instance", "");
    enum variable_found found = VARIABLE_UNKNOWN_COMPONENT;

    for (size_t i = 0; i < variable_row_count(s); i++) {
        const struct variable_row *row = variable_row_at(s, i);
        struct variable_place place = { .station = s };
        if (!same_name(row->component, component_name) ||
            !same_name(row->component_instance, component_instance))
            continue;
        while (variable_next_place(row, &place)) {
            if (!component_is_at(component, &place))
                continue;
            found = VARIABLE_UNKNOWN;
            if (same_name(row->variable, variable_name) && same_name(row->instance, instance)) {
                *ret = row;
                *ret_place = place;
                return VARIABLE_FOUND;
            }
        }
    }
    return found;
}

json_t *variable_component_json(const struct variable_row *row, const struct variable_place *place)
{
    json_t *component = json_pack("{s:s}", "name", row->component);
    json_set_text(component, "instance", row->component_instance);
    if (component && place->evse) {
        json_t *evse = json_pack("{s:i}", "id", place->evse->id);
        if (evse && place->connector)
            json_set_optional(evse, "connectorId", json_integer(place->connector));
        json_set_optional(component, "evse", evse);
    }
    return component;
}

json_t *variable_name_json(const struct variable_row *row)
{
    json_t *variable = json_pack("{s:s}", "name", row->variable);
    json_set_text(variable, "instance", row->instance);
    return variable;
}
