#include "gateway/scan_owner.h"

#include "base/json.h"
#include "base/str.h"
#include "charger/profile.h"

static void set(json_t *thing, const char *station)
{
    if (station)
        (void)json_object_set_new(thing, "station", json_string(station));
    else
        (void)json_object_del(thing, "station");
}

static void tell_unit(json_t *found, const struct charger_config *charger, const char *station)
{
    size_t i;
    json_t *unit;
    json_array_foreach(found, i, unit)
    {
        if (json_get_int(unit, "unit", -1) == charger->unit)
            set(unit, station);
    }
}

static bool is_node(const json_t *node, const struct charger_config *charger)
{
    char id[2 * sizeof(charger->target.node_id) + 1];
    hex_encode(charger->target.node_id, sizeof(charger->target.node_id), id, sizeof(id));
    return charger->node_id ? str_equal_ci(json_get_string(node, "node_id", ""), id)
                            : str_equal(json_get_string(node, "host", ""), charger->target.host);
}

static void tell_object(json_t *found, const struct charger_config *charger, const char *station)
{
    const struct echonet_options *class = &charger->profile->echonet;
    size_t i, k;
    json_t *node, *object;
    json_array_foreach(found, i, node)
    {
        if (!is_node(node, charger))
            continue;
        json_array_foreach(json_object_get(node, "objects"), k, object)
        {
            if (json_get_int(object, "code", -1) == (class->class_group << 8 | class->class_code) &&
                json_get_int(object, "instance", -1) == charger->target.instance)
                set(object, station);
        }
    }
}

static void forget(json_t *found)
{
    size_t i, k;
    json_t *thing, *object;
    json_array_foreach(found, i, thing)
    {
        set(thing, NULL);
        json_array_foreach(json_object_get(thing, "objects"), k, object) set(object, NULL);
    }
}

void scan_owner_tell(json_t *found, const struct scan_request *request, const struct config *config)
{
    forget(found);
    for (size_t i = 0; i < config->station_count; i++)
        for (size_t k = 0; k < config->stations[i].charger_count; k++) {
            const struct charger_config *charger = &config->stations[i].chargers[k];
            const char *station = config->stations[i].id;
            if (request->protocol == SCAN_ECHONET && charger->profile->protocol == PROTOCOL_ECHONET)
                tell_object(found, charger, station);
            else if (request->protocol == SCAN_MODBUS && charger->bus >= 0 &&
                     scan_request_is_of(request, &config->buses[charger->bus].settings))
                tell_unit(found, charger, station);
        }
}
