/* What a probe is asked to do, and whether it may (probe.h). */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/probe_internal.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"

static bool sets(const struct steps *steps, const struct point *point)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->list[i].kind == STEP_SET && steps->list[i].point == point)
            return true;
    return false;
}

/* What start or limit write can make energy flow. */
static bool energises(const struct profile *profile, const struct point *point)
{
    for (size_t i = 0; i < profile->evse_count; i++)
        if (sets(&profile->evses[i].commands[EVSE_START].steps, point) ||
            sets(&profile->evses[i].commands[EVSE_LIMIT].steps, point))
            return true;
    return false;
}

/* What the gateway itself tells the device: a watchdog's time, what flows without us, who has the say. */
static bool is_setting(const struct profile *profile, const struct point *point)
{
    return sets(&profile->setup, point) || sets(&profile->keepalive, point);
}

static bool overlaps(const struct probe *p, const struct point *point, int unit)
{
    if (p->property)
        return point->at.echonet.epc == p->address;
    return point->at.modbus.kind == p->kind && unit + point->at.modbus.unit_offset == p->unit &&
           point->at.modbus.address < p->address + p->count &&
           p->address < point->at.modbus.address + point->at.modbus.count;
}

/* Why the write is not done without force; NULL: nothing speaks against it. */
static const char *hazard_of(const struct probe *p)
{
    const struct charger_config *config = p->charger->config;
    for (size_t i = 0; i < config->profile->point_count; i++) {
        const struct point *point = &config->profile->points[i];
        bool meant = p->point ? point == p->point : overlaps(p, point, config->unit);
        if (meant && energises(config->profile, point))
            return "start or limit write this point, so energy may flow by it; --force does it all the same";
        if (meant && is_setting(config->profile, point))
            return "setup or keepalive write this point, such as what flows when the gateway falls silent; "
                   "--force does it all the same";
        if (meant && point->persistent)
            return "it is kept in flash, which wears out; --force writes it all the same";
    }
    return NULL;
}

static const char *read_words(struct probe *p, const json_t *request)
{
    const json_t *words = json_object_get(request, "words");
    size_t count = json_array_size(words);
    if (count < 1 || count > MODBUS_MAX_WRITE_WORDS || p->kind == MODBUS_INPUT || p->kind == MODBUS_DISCRETE)
        return "expected 1 to 123 values for coils or holding registers";
    p->count = (uint16_t)count;
    for (size_t i = 0; i < count; i++) {
        json_int_t word = json_integer_value(json_array_get(words, i));
        if (word < 0 || word > (p->kind == MODBUS_COIL ? 1 : 0xFFFF))
            return "a register holds 0 to 65535, a coil 0 or 1";
        if (p->kind == MODBUS_COIL) {
            p->raw[i / 8] |= (uint8_t)(word << i % 8);
            continue;
        }
        p->raw[2 * i] = (uint8_t)(word >> 8);
        p->raw[2 * i + 1] = (uint8_t)word;
    }
    p->raw_len = p->kind == MODBUS_COIL ? (count + 7) / 8 : 2 * count;
    return NULL;
}

static const char *read_address(struct probe *p, const json_t *request)
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding" };
    const char *kind = json_get_string(request, "kind", "");
    int64_t address = json_get_int(request, "address", -1), count = json_get_int(request, "count", 1);
    size_t i = 0;
    while (i < ARRAY_SIZE(kinds) && !str_equal(kinds[i], kind))
        i++;
    if (i == ARRAY_SIZE(kinds) || address < 0 || address > 0xFFFF || count < 1 || count > 125)
        return "expected a point's name, or coil, discrete, input or holding with an address from 0 to 65535 "
               "and at most 125 of them";
    p->kind = (enum modbus_kind)i;
    p->address = (uint16_t)address;
    p->count = (uint16_t)count;
    p->unit = (int)json_get_int(request, "unit", p->charger->config->unit);
    p->reads = true;
    return p->writes ? read_words(p, request) : NULL;
}

static const char *read_property(struct probe *p, const json_t *request)
{
    struct gateway *gateway = p->probes->gateway;
    const struct charger_config *config = p->charger->config;
    const char *data = json_get_string(request, "data", "");
    int64_t epc = json_get_int(request, "epc", -1);
    int len = p->writes ? hex_decode(data, p->raw, sizeof(p->raw)) : 0;
    if (epc < 0x80 || epc > 0xFF)
        return "expected a point's name, or an EPC from 0x80 to 0xFF (`read epc 0xDA`)";
    if (p->writes && (len < 1 || len > UINT8_MAX))
        return "expected what is to be set as 1 to 255 bytes in hexadecimal digits, such as 30 or 000A";
    const struct property_place place = { .target = &config->target,
                                          .object = { config->echonet.class_group, config->echonet.class_code,
                                                      config->target.instance },
                                          .epc = (uint8_t)epc,
                                          .writes = p->writes };
    p->address = (uint16_t)epc;
    p->unit = config->target.instance;
    p->raw_len = (size_t)len;
    p->reads = true;
    (void)snprintf(p->at, sizeof(p->at), "epc 0x%02X", (unsigned)epc);
    if (resource_echonet(&gateway->resources, gateway->config, &p->node) < 0)
        return "out of memory";
    p->property =
        property_device_new(&gateway->loop.env, resource_as_echonet(p->node), &place, probe_on_property, p);
    return p->property ? NULL : "out of memory";
}

static const char *read_point(struct probe *p, const json_t *request, const char *name)
{
    const json_t *value = json_object_get(request, "value");
    p->point = profile_point(p->charger->config->profile, name);
    if (!p->point)
        return "the profile has no such point; `ocpp-cli watch STATION` lists them";
    if (p->charger->config->profile->protocol == PROTOCOL_MODBUS) {
        p->kind = p->point->at.modbus.kind;
        p->address = p->point->at.modbus.address;
        p->count = p->point->at.modbus.count;
        p->unit = p->charger->config->unit + p->point->at.modbus.unit_offset;
    }
    p->reads = p->point->access & ACCESS_R;
    if (!p->writes)
        return p->reads ? NULL : "the point can only be written";
    if (!(p->point->access & ACCESS_W))
        return "the point can only be read";
    int r = -EINVAL;
    if (point_is_text(p->point) && json_is_string(value))
        r = value_encode_text(p->point, json_string_value(value), p->raw, &p->raw_len);
    else if (!point_is_text(p->point) && json_is_number(value) && p->point->scale_point < 0)
        r = value_encode_number(p->point, 0, json_number_value(value), ROUND_NEAREST, p->raw, &p->raw_len);
    return r < 0 ? "the point cannot hold this value" : NULL;
}

static uint8_t write_function(const struct probe *p)
{
    int wished = p->point && p->point->at.modbus.write_function ? p->point->at.modbus.write_function
                                                                : p->charger->config->modbus.write_function;
    if (p->point && p->kind == MODBUS_HOLDING &&
        (wished == MODBUS_READ_WRITE || (wished == MODBUS_MASK_WRITE && p->count == 1)))
        return (uint8_t)wished;
    bool many = p->count > 1 || wished == MODBUS_WRITE_REGISTERS || wished == MODBUS_WRITE_COILS;
    if (p->kind == MODBUS_COIL)
        return many ? MODBUS_WRITE_COILS : MODBUS_WRITE_COIL;
    return many ? MODBUS_WRITE_REGISTERS : MODBUS_WRITE_REGISTER;
}

const char *probe_prepare(struct probe *p, const json_t *request)
{
    struct probes *probes = p->probes;
    const char *name = json_get_string(request, "point", NULL);
    const struct station_entry *entry = gateway_station(probes->gateway, p->station);
    if (!entry)
        return "no station of this id; `ocpp-cli status` lists them";
    p->charger = station_entry_charger(entry, (int)json_get_int(request, "evse", 1));
    if (!p->charger || !p->charger->link.device)
        return "the station has no such evse";
    p->writes = json_get_bool(request, "write", false);
    enum point_protocol protocol = p->charger->config->profile->protocol;
    bool is_modbus = protocol == PROTOCOL_MODBUS;
    if (protocol == PROTOCOL_OCPP16 && !name)
        return "of such a device only points of its profile can be read and written";
    const char *wrong = name        ? read_point(p, request, name)
                        : is_modbus ? read_address(p, request)
                                    : read_property(p, request);
    const char *hazard = !wrong && p->writes && !json_get_bool(request, "force", false) ? hazard_of(p) : NULL;
    if (wrong || hazard)
        return wrong ? wrong : hazard;
    p->device = p->charger->link.device;
    p->ops = p->charger->link.ops;
    p->function = write_function(p);
    if (p->point)
        point_print_at(p->charger->config->profile, p->point, p->at, sizeof(p->at));
    if (p->point && is_modbus) {
        p->copy = *p->point;
        p->copy.invalid_count = 0;
        p->point = &p->copy;
    }
    if (is_modbus && resource_bus(&probes->gateway->resources,
                                  &probes->gateway->config->buses[p->charger->config->bus], &p->bus) < 0)
        return "out of memory";
    if (p->writes && !json_get_bool(request, "confirmed", false)) {
        if (!probe_has_stages(p) || !p->reads)
            return "what it holds now cannot be told: confirm (--yes) to write it";
        p->writes = false; /* only what it holds now */
    }
    return NULL;
}
