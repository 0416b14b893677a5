/* The simulated ECHONET Lite chargers. One row is one property; what a row cannot say is a small function above. */
#include "sim/echonet_map.h"

#include <errno.h>
#include <math.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

enum { MODE_CHARGE = 0x42, MODE_STANDBY = 0x44, MODE_IDLE = 0x47, MODE_PREPARATION = 0x48 };
enum { METHOD_MAXIMUM = 0x01, METHOD_POWER = 0x03, METHOD_CURRENT = 0x04 };
enum { NO_VEHICLE = 0x30, NOT_CHARGEABLE = 0x40, CHARGEABLE = 0x41, DISCHARGEABLE = 0x42, BOTH_WAYS = 0x43 };

#define TEST_MAKER         0xFFFFF0u /* a code kept for tests */
#define FAULT_UNSPECIFIED  0x03FF
#define FAULT_LARGEST      0x03E8
#define IDENTIFICATION_LEN 17

/* 0x9D, 0x9E, 0x9F: the map of all properties with `access`. */
static int put_map(const struct echonet_class *c, enum echonet_access access, uint8_t *ret)
{
    struct property_map map = { { 0 } };
    for (size_t i = 0; i < c->count; i++) {
        if (c->properties[i].access & access)
            property_map_add(&map, c->properties[i].epc);
    }
    return (int)property_map_encode(&map, ret);
}

/* ---- superclass ---- */

static int get_location(const struct echonet_node *n, uint8_t *ret)
{
    ret[0] = n->location;
    return 1;
}

static int set_location(struct echonet_node *n, const uint8_t *edt, size_t len)
{
    if (len != 1)
        return -ERANGE;
    n->location = edt[0];
    return 0;
}

/* 0xFE, the maker, and 13 bytes that are unique: here the charger's name. */
static int get_identification(const struct echonet_node *n, uint8_t *ret)
{
    memset(ret, 0, IDENTIFICATION_LEN);
    ret[0] = 0xFE;
    ret[1] = TEST_MAKER >> 16;
    ret[2] = (TEST_MAKER >> 8) & 0xFF;
    ret[3] = TEST_MAKER & 0xFF;
    memcpy(ret + 4, n->serial, strnlen(n->serial, IDENTIFICATION_LEN - 4));
    return IDENTIFICATION_LEN;
}

static int get_serial(const struct echonet_node *n, uint8_t *ret)
{
    memset(ret, 0, 12);
    memcpy(ret, n->serial, strnlen(n->serial, 12));
    return 12;
}

/* Size of the code, the maker, the maker's code. */
static int get_maker_fault(const struct echonet_node *n, uint8_t *ret)
{
    const uint8_t edt[] = { 2,
                            TEST_MAKER >> 16,
                            (TEST_MAKER >> 8) & 0xFF,
                            TEST_MAKER & 0xFF,
                            (uint8_t)(n->model->fault >> 8),
                            (uint8_t)n->model->fault };
    memcpy(ret, edt, sizeof edt);
    return sizeof edt;
}

static int get_fault(const struct echonet_node *n, uint8_t *ret)
{
    uint16_t code = n->model->fault <= FAULT_LARGEST ? n->model->fault : FAULT_UNSPECIFIED;
    ret[0] = (uint8_t)(code >> 8);
    ret[1] = (uint8_t)code;
    return 2;
}

static int get_device_inf_map(const struct echonet_node *n, uint8_t *ret)
{
    return put_map(&n->map->device, ECHONET_INF, ret);
}

static int get_device_set_map(const struct echonet_node *n, uint8_t *ret)
{
    return put_map(&n->map->device, ECHONET_SET, ret);
}

static int get_device_get_map(const struct echonet_node *n, uint8_t *ret)
{
    return put_map(&n->map->device, ECHONET_GET, ret);
}

/* ---- the charger ---- */

static int get_vehicle_status(const struct echonet_node *n, uint8_t *ret)
{
    const struct model *m = n->model;
    bool both = n->map->has_method;
    bool full = m->vehicle.charged_Wh >= m->vehicle.capacity_Wh;
    if (!m->plugged)
        ret[0] = NO_VEHICLE;
    else if (m->fault || !m->vehicle.ready)
        ret[0] = NOT_CHARGEABLE;
    else if (full)
        ret[0] = both ? DISCHARGEABLE : NOT_CHARGEABLE;
    else
        ret[0] = both ? BOTH_WAYS : CHARGEABLE;
    return 1;
}

/* A charger with a control pilot always knows whether a vehicle is there. */
static int confirm_connection(struct echonet_node *n, const uint8_t *edt, size_t len)
{
    (void)n;
    return len == 1 && edt[0] == 0x10 ? 0 : -ERANGE;
}

static int get_mode(const struct echonet_node *n, uint8_t *ret)
{
    ret[0] = n->model->enabled ? MODE_CHARGE : n->idle_mode;
    return 1;
}

/* 0x43, discharging, is refused: the car of the model cannot. */
static int set_mode(struct echonet_node *n, const uint8_t *edt, size_t len)
{
    if (len != 1)
        return -ERANGE;
    switch (edt[0]) {
    case MODE_CHARGE:
        if (!n->model->plugged || n->model->fault)
            return -EBUSY;
        model_set_enabled(n->model, true);
        return 0;
    case MODE_STANDBY:
    case MODE_IDLE:
        n->idle_mode = edt[0];
        model_set_enabled(n->model, false);
        return 0;
    default:
        return -ERANGE;
    }
}

static int get_actual_mode(const struct echonet_node *n, uint8_t *ret)
{
    enum model_state state = model_state(n->model);
    if (state == MODEL_CHARGING)
        ret[0] = MODE_CHARGE;
    else if (n->model->enabled && state == MODEL_CONNECTED)
        ret[0] = MODE_PREPARATION;
    else
        ret[0] = n->model->enabled ? MODE_STANDBY : n->idle_mode;
    return 1;
}

/* One length byte, then the id; 0: the car tells none. */
static int get_vehicle_id(const struct echonet_node *n, uint8_t *ret)
{
    size_t len = n->model->plugged ? strlen(n->model->vehicle.id) : 0;
    ret[0] = (uint8_t)len;
    memcpy(ret + 1, n->model->vehicle.id, len);
    return (int)len + 1;
}

/* ---- setpoints ---- */

static void apply_setpoints(struct echonet_node *n)
{
    const struct model_settings *s = &n->model->settings;
    double by_power_A = n->power_setpoint_W / (s->voltage_V * s->phases);
    double by_current_A = n->current_setpoint_dA / 10.0;
    double limit_A = n->power_last ? by_power_A : by_current_A;
    if (n->map->has_method) {
        limit_A = n->method == METHOD_POWER     ? by_power_A
                  : n->method == METHOD_CURRENT ? by_current_A
                                                : s->max_current_A;
    }
    (void)model_set_limit(n->model, fmin(limit_A, s->max_current_A));
}

static int get_power_setpoint(const struct echonet_node *n, uint8_t *ret)
{
    for (int i = 0; i < 4; i++)
        ret[i] = (uint8_t)(n->power_setpoint_W >> (24 - 8 * i));
    return 4;
}

static int set_power_setpoint(struct echonet_node *n, const uint8_t *edt, size_t len)
{
    if (len != 4)
        return -ERANGE;
    uint32_t power_W = (uint32_t)edt[0] << 24 | (uint32_t)edt[1] << 16 | (uint32_t)edt[2] << 8 | edt[3];
    if (power_W < quantity_get(n->model, Q_MIN_POWER) || power_W > quantity_get(n->model, Q_MAX_POWER))
        return -ERANGE;
    n->power_setpoint_W = power_W;
    n->power_last = true;
    apply_setpoints(n);
    return 0;
}

static int get_current_setpoint(const struct echonet_node *n, uint8_t *ret)
{
    ret[0] = (uint8_t)(n->current_setpoint_dA >> 8);
    ret[1] = (uint8_t)n->current_setpoint_dA;
    return 2;
}

static int set_current_setpoint(struct echonet_node *n, const uint8_t *edt, size_t len)
{
    if (len != 2)
        return -ERANGE;
    uint16_t current_dA = (uint16_t)(edt[0] << 8 | edt[1]);
    if (current_dA < 10 * MODEL_MIN_CURRENT_A || current_dA > 10 * n->model->settings.max_current_A)
        return -ERANGE;
    n->current_setpoint_dA = current_dA;
    n->power_last = false;
    apply_setpoints(n);
    return 0;
}

static int get_method(const struct echonet_node *n, uint8_t *ret)
{
    ret[0] = n->method;
    return 1;
}

static int set_method(struct echonet_node *n, const uint8_t *edt, size_t len)
{
    if (len != 1 || (edt[0] != METHOD_MAXIMUM && edt[0] != METHOD_POWER && edt[0] != METHOD_CURRENT))
        return -ERANGE;
    n->method = edt[0];
    apply_setpoints(n);
    return 0;
}

/* ---- node profile ---- */

static int put_class(uint8_t *ret, const struct echonet_class *c)
{
    ret[0] = c->group;
    ret[1] = c->code;
    return 2;
}

static int get_instance_list(const struct echonet_node *n, uint8_t *ret)
{
    ret[0] = 1;
    put_class(ret + 1, &n->map->device);
    ret[3] = 1;
    return 4;
}

static int get_class_list(const struct echonet_node *n, uint8_t *ret)
{
    ret[0] = 1;
    return 1 + put_class(ret + 1, &n->map->device);
}

static int get_node_inf_map(const struct echonet_node *n, uint8_t *ret)
{
    (void)n;
    return put_map(&echonet_node_profile, ECHONET_INF, ret);
}

static int get_node_set_map(const struct echonet_node *n, uint8_t *ret)
{
    (void)n;
    return put_map(&echonet_node_profile, ECHONET_SET, ret);
}

static int get_node_get_map(const struct echonet_node *n, uint8_t *ret)
{
    (void)n;
    return put_map(&echonet_node_profile, ECHONET_GET, ret);
}

/* ---- the tables ---- */

#define CONSTANT(bytes, value)                                                                               \
    {                                                                                                        \
        {                                                                                                    \
            .type = FIELD_UINT, .size = (bytes), .quantity = Q_CONSTANT, .constant = (value)                 \
        }                                                                                                    \
    }
#define NUMBER(bytes, q, s)                                                                                  \
    {                                                                                                        \
        .type = FIELD_UINT, .size = (bytes), .quantity = (q), .scale = (s)                                   \
    }
#define ONE(bytes, q, s)                                                                                     \
    {                                                                                                        \
        NUMBER(bytes, q, s)                                                                                  \
    }
#define TWO(bytes, q1, q2, s)                                                                                \
    {                                                                                                        \
        NUMBER(bytes, q1, s), NUMBER(bytes, q2, s)                                                           \
    }
#define TEXT12(content)                                                                                      \
    {                                                                                                        \
        {                                                                                                    \
            .type = FIELD_TEXT, .size = 12, .quantity = Q_TEXT, .text = (content)                            \
        }                                                                                                    \
    }
#define GET     ECHONET_GET
#define SET     ECHONET_SET
#define GET_SET (ECHONET_GET | ECHONET_SET)
#define GET_INF (ECHONET_GET | ECHONET_INF)
#define ALL     (ECHONET_GET | ECHONET_SET | ECHONET_INF)

static const uint16_t fault_codes[] = { 0x42, 0x41 };
#define FAULTED                                                                                              \
    {                                                                                                        \
        {                                                                                                    \
            .type = FIELD_CODE, .size = 1, .quantity = Q_FAULTED, .codes = fault_codes                       \
        }                                                                                                    \
    }
#define METER_RESET                                                                                          \
    {                                                                                                        \
        {                                                                                                    \
            .type = FIELD_UINT, .size = 1, .quantity = Q_METER_RESET, .constant = 0                          \
        }                                                                                                    \
    }

/* Both classes begin alike. */
#define SUPERCLASS(product)                                                                                  \
    { 0x80, "operation_status", GET_INF, false, CONSTANT(1, 0x30), NULL, NULL },                             \
        { 0x81, "location", ALL, false, { { 0 } }, get_location, set_location },                             \
        { 0x82, "version", GET, false, CONSTANT(4, 0x00005201), NULL, NULL }, /* release R */                \
        { 0x83, "identification", GET, false, { { 0 } }, get_identification, NULL },                         \
        { 0x86, "maker_fault", GET, false, { { 0 } }, get_maker_fault, NULL },                               \
        { 0x88, "fault_status", GET_INF, false, FAULTED, NULL, NULL },                                       \
        { 0x89, "fault", GET, false, { { 0 } }, get_fault, NULL },                                           \
        { 0x8A, "maker", GET, false, CONSTANT(3, TEST_MAKER), NULL, NULL },                                  \
        { 0x8C, "product", GET, false, TEXT12(product), NULL, NULL },                                        \
        { 0x8D, "serial", GET, false, { { 0 } }, get_serial, NULL },                                         \
        { 0x9D, "inf_map", GET, false, { { 0 } }, get_device_inf_map, NULL },                                \
        { 0x9E, "set_map", GET, false, { { 0 } }, get_device_set_map, NULL },                                \
    {                                                                                                        \
        0x9F, "get_map", GET, false, { { 0 } }, get_device_get_map, NULL                                     \
    }

/* clang-format off */
static const struct echonet_property charger_properties[] = { /* 0x02A1 */
    SUPERCLASS("SIM-02A1"),
    { 0xC5, "rated_power",        GET,     false, ONE(4, Q_MAX_POWER, 1), NULL, NULL },
    { 0xC7, "vehicle_status",     GET_INF, false, { { 0 } }, get_vehicle_status, NULL },
    { 0xC8, "min_max_power",      GET,     false, TWO(4, Q_MIN_POWER, Q_MAX_POWER, 1), NULL, NULL },
    { 0xCA, "min_max_current",    GET,     false, TWO(2, Q_MIN_CURRENT, Q_MAX_CURRENT, 0.1), NULL, NULL },
    { 0xCC, "charger_type",       GET,     false, CONSTANT(1, 0x11), NULL, NULL }, /* AC, control pilot */
    { 0xCD, "confirm_connection", SET,     false, { { 0 } }, NULL, confirm_connection },
    { 0xCE, "battery_capacity",   GET,     true,  ONE(4, Q_BATTERY_CAPACITY, 1), NULL, NULL },
    { 0xCF, "battery_room",       GET,     true,  ONE(4, Q_BATTERY_ROOM, 1), NULL, NULL },
    { 0xD0, "battery_used_capacity", GET,  true,  ONE(4, Q_BATTERY_CAPACITY, 1), NULL, NULL },
    { 0xD2, "rated_voltage",      GET,     false, ONE(2, Q_NOMINAL_VOLTAGE, 1), NULL, NULL },
    { 0xD3, "power",              GET,     false, ONE(4, Q_POWER, 1), NULL, NULL },
    { 0xD8, "energy",             GET,     false, ONE(4, Q_ENERGY, 1), NULL, NULL },
    { 0xD9, "reset_energy",       SET,     false, METER_RESET, NULL, NULL },
    { 0xDA, "operation_mode",     ALL,     false, { { 0 } }, get_mode, set_mode },
    { 0xE2, "battery_energy",     GET,     true,  ONE(4, Q_BATTERY_ENERGY, 1), NULL, NULL },
    { 0xE4, "battery_soc",        GET,     true,  ONE(1, Q_SOC, 1), NULL, NULL },
    { 0xE6, "vehicle_id",         GET,     false, { { 0 } }, get_vehicle_id, NULL },
    { 0xEB, "power_setpoint",     GET_SET, false, { { 0 } }, get_power_setpoint, set_power_setpoint },
    { 0xED, "current_setpoint",   GET_SET, false, { { .scale = 0.1 } }, get_current_setpoint, set_current_setpoint },
};

static const struct echonet_property charger_discharger_properties[] = { /* 0x027E */
    SUPERCLASS("SIM-027E"),
    { 0xC0, "dischargeable_capacity", GET, true,  ONE(4, Q_BATTERY_CAPACITY, 1), NULL, NULL },
    { 0xC2, "dischargeable",      GET,     true,  ONE(4, Q_BATTERY_ENERGY, 1), NULL, NULL },
    { 0xC4, "dischargeable_soc",  GET,     true,  ONE(1, Q_SOC, 1), NULL, NULL },
    { 0xC5, "rated_power",        GET,     false, ONE(4, Q_MAX_POWER, 1), NULL, NULL },
    { 0xC6, "rated_discharge_power", GET,  false, CONSTANT(4, 0), NULL, NULL },
    { 0xC7, "vehicle_status",     GET_INF, false, { { 0 } }, get_vehicle_status, NULL },
    { 0xC8, "min_max_power",      GET,     false, TWO(4, Q_MIN_POWER, Q_MAX_POWER, 1), NULL, NULL },
    { 0xC9, "min_max_discharge_power", GET, false, TWO(4, Q_CONSTANT, Q_CONSTANT, 1), NULL, NULL },
    { 0xCA, "min_max_current",    GET,     false, TWO(2, Q_MIN_CURRENT, Q_MAX_CURRENT, 0.1), NULL, NULL },
    { 0xCB, "min_max_discharge_current", GET, false, TWO(2, Q_CONSTANT, Q_CONSTANT, 1), NULL, NULL },
    { 0xCC, "equipment_type",     GET,     false, CONSTANT(1, 0x11), NULL, NULL }, /* AC, control pilot */
    { 0xCD, "confirm_connection", SET,     false, { { 0 } }, NULL, confirm_connection },
    { 0xCE, "battery_capacity",   GET,     true,  ONE(4, Q_BATTERY_CAPACITY, 1), NULL, NULL },
    { 0xCF, "battery_room",       GET,     true,  ONE(4, Q_BATTERY_ROOM, 1), NULL, NULL },
    { 0xD0, "battery_used_capacity", GET,  true,  ONE(4, Q_BATTERY_CAPACITY, 1), NULL, NULL },
    { 0xD2, "rated_voltage",      GET,     false, ONE(2, Q_NOMINAL_VOLTAGE, 1), NULL, NULL },
    { 0xD3, "power",              GET,     false, ONE(4, Q_POWER, 1), NULL, NULL },
    { 0xD4, "current",            GET,     false, ONE(2, Q_CURRENT_L1, 0.1), NULL, NULL },
    { 0xD5, "voltage",            GET,     false, ONE(2, Q_VOLTAGE_L1, 1), NULL, NULL },
    { 0xD6, "discharged_energy",  GET,     false, CONSTANT(4, 0), NULL, NULL },
    { 0xD8, "energy",             GET,     false, ONE(4, Q_ENERGY, 1), NULL, NULL },
    { 0xD9, "reset_energy",       SET,     false, METER_RESET, NULL, NULL },
    { 0xDA, "operation_mode",     ALL,     false, { { 0 } }, get_mode, set_mode },
    { 0xDC, "charging_method",    ALL,     false, { { 0 } }, get_method, set_method },
    { 0xDD, "discharging_method", GET_INF, false, CONSTANT(1, 0x00), NULL, NULL },
    { 0xE1, "actual_mode",        GET_INF, false, { { 0 } }, get_actual_mode, NULL },
    { 0xE2, "battery_energy",     GET,     true,  ONE(4, Q_BATTERY_ENERGY, 1), NULL, NULL },
    { 0xE4, "battery_soc",        GET,     true,  ONE(1, Q_SOC, 1), NULL, NULL },
    { 0xE6, "vehicle_id",         GET,     false, { { 0 } }, get_vehicle_id, NULL },
    { 0xEB, "power_setpoint",     GET_SET, false, { { 0 } }, get_power_setpoint, set_power_setpoint },
    { 0xED, "current_setpoint",   GET_SET, false, { { .scale = 0.1 } }, get_current_setpoint, set_current_setpoint },
};

static const struct echonet_property node_properties[] = { /* 0x0EF0 */
    { 0x80, "operating_status", GET_INF, false, CONSTANT(1, 0x30), NULL, NULL },
    { 0x82, "version",          GET,     false, CONSTANT(4, 0x010E0100), NULL, NULL }, /* 1.14, format 1 */
    { 0x83, "identification",   GET,     false, { { 0 } }, get_identification, NULL },
    { 0x8A, "maker",            GET,     false, CONSTANT(3, TEST_MAKER), NULL, NULL },
    { 0x9D, "inf_map",          GET,     false, { { 0 } }, get_node_inf_map, NULL },
    { 0x9E, "set_map",          GET,     false, { { 0 } }, get_node_set_map, NULL },
    { 0x9F, "get_map",          GET,     false, { { 0 } }, get_node_get_map, NULL },
    { 0xD3, "instance_count",   GET,     false, CONSTANT(3, 1), NULL, NULL },
    { 0xD4, "class_count",      GET,     false, CONSTANT(2, 2), NULL, NULL },
    { 0xD5, "instance_list",    ECHONET_INF, false, { { 0 } }, get_instance_list, NULL },
    { 0xD6, "instance_list_s",  GET,     false, { { 0 } }, get_instance_list, NULL },
    { 0xD7, "class_list_s",     GET,     false, { { 0 } }, get_class_list, NULL },
};
/* clang-format on */

const struct echonet_class echonet_node_profile = { 0x0E, 0xF0, node_properties,
                                                    ARRAY_SIZE(node_properties) };

static const struct echonet_map charger = {
    .name = "echonet-02a1",
    .device = { 0x02, 0xA1, charger_properties, ARRAY_SIZE(charger_properties) },
};
static const struct echonet_map charger_discharger = {
    .name = "echonet-027e",
    .device = { 0x02, 0x7E, charger_discharger_properties, ARRAY_SIZE(charger_discharger_properties) },
    .has_method = true,
};
const struct echonet_map *const echonet_maps[] = { &charger, &charger_discharger, NULL };

const struct echonet_map *echonet_map_find(const char *name)
{
    for (size_t i = 0; echonet_maps[i]; i++) {
        if (str_equal(echonet_maps[i]->name, name))
            return echonet_maps[i];
    }
    return NULL;
}

/* ---- reading and writing ---- */

static void reset_setpoints(struct echonet_node *n)
{
    n->idle_mode = MODE_IDLE;
    n->method = METHOD_MAXIMUM;
    n->power_last = false;
    n->power_setpoint_W = (uint32_t)quantity_get(n->model, Q_MAX_POWER);
    n->current_setpoint_dA = (uint16_t)(10 * n->model->settings.max_current_A);
}

void echonet_node_init(struct echonet_node *n, const struct echonet_map *map, struct model *model,
                       const char *serial)
{
    *n = (struct echonet_node){ .map = map, .model = model, .serial = serial };
    reset_setpoints(n);
}

void echonet_node_update(struct echonet_node *n)
{
    if (!n->model->powered)
        reset_setpoints(n);
    if (!n->model->plugged)
        n->idle_mode = MODE_IDLE;
}

const struct echonet_property *echonet_property_find(const struct echonet_class *c, uint8_t epc)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->properties[i].epc == epc)
            return &c->properties[i];
    }
    return NULL;
}

int echonet_get(const struct echonet_node *n, const struct echonet_class *c, uint8_t epc,
                uint8_t ret[static ECHONET_EDT_MAX])
{
    const struct echonet_property *p = echonet_property_find(c, epc);
    if (!p || !(p->access & (ECHONET_GET | ECHONET_INF)))
        return -ENOENT;
    if (p->needs_car && !n->model->plugged)
        return -ENODATA;
    if (p->get)
        return p->get(n, ret);
    int len = 0;
    for (size_t i = 0; i < ARRAY_SIZE(p->field) && p->field[i].size; i++) {
        if (quantity_is_metered(p->field[i].quantity) && !n->model->metered)
            return -ENODATA;
        field_encode(&p->field[i], n->model, ret + len);
        len += p->field[i].size;
    }
    return len;
}

int echonet_set(struct echonet_node *n, const struct echonet_class *c, uint8_t epc, const uint8_t *edt,
                size_t len)
{
    const struct echonet_property *p = echonet_property_find(c, epc);
    if (!p || !(p->access & ECHONET_SET))
        return -ENOENT;
    if (p->set)
        return p->set(n, edt, len);
    return len == p->field[0].size ? field_apply(&p->field[0], n->model, edt) : -ERANGE;
}
