/* Fields: model to bytes and back. */
#include "sim/field.h"

#include <errno.h>
#include <math.h>

#include "base/str.h"

#define RESTART_MS 2000

static enum pilot pilot_of(const struct model *m)
{
    if (m->fault)
        return PILOT_F;
    if (!m->plugged)
        return PILOT_A;
    return m->enabled && model_vehicle_wants_energy(m) ? PILOT_C : PILOT_B;
}

double quantity_get(const struct model *m, enum quantity quantity)
{
    double full_V = m->settings.voltage_V * m->settings.phases;
    switch (quantity) {
    case Q_STATE:
        return model_state(m);
    case Q_PILOT:
        return pilot_of(m);
    case Q_FAULT:
        return m->fault;
    case Q_FAULTED:
        return m->fault != 0;
    case Q_ENABLED:
        return m->enabled;
    case Q_CONTACTOR:
        return m->contactor;
    case Q_OCCUPIED:
        return model_bay_is_occupied(m);
    case Q_LOCKED:
        return m->locked;
    case Q_LOCK_FAILED:
        return model_lock_failed(m);
    case Q_CURRENT_L1:
    case Q_CURRENT_L2:
    case Q_CURRENT_L3:
        return model_current_A(m, (int)(quantity - Q_CURRENT_L1));
    case Q_VOLTAGE_L1:
    case Q_VOLTAGE_L2:
    case Q_VOLTAGE_L3:
        return model_voltage_V(m, (int)(quantity - Q_VOLTAGE_L1));
    case Q_POWER:
        return model_power_W(m);
    case Q_ENERGY:
        return m->energy_Wh;
    case Q_LIMIT:
        return m->limit_A;
    case Q_NOMINAL_VOLTAGE:
        return m->settings.voltage_V;
    case Q_MIN_CURRENT:
        return MODEL_MIN_CURRENT_A;
    case Q_MAX_CURRENT:
        return m->settings.max_current_A;
    case Q_MIN_POWER:
        return MODEL_MIN_CURRENT_A * full_V;
    case Q_MAX_POWER:
        return m->settings.max_current_A * full_V;
    case Q_TEMPERATURE:
        return model_temperature_C(m);
    case Q_SWITCHED:
        return m->switched;
    case Q_SOC:
        return model_soc_percent(m);
    case Q_BATTERY_ENERGY:
        return m->vehicle.charged_Wh;
    case Q_BATTERY_CAPACITY:
        return m->vehicle.capacity_Wh;
    case Q_BATTERY_ROOM:
        return m->vehicle.capacity_Wh - m->vehicle.charged_Wh;
    case Q_WATCHDOG:
        return (double)m->watchdog_ms / 1000;
    case Q_LAMP:
        return m->lamp;
    case Q_PHASES:
        return m->phases;
    case Q_CONSTANT:
    case Q_DISPLAY:
    case Q_KEEP_ALIVE:
    case Q_UNLOCK:
    case Q_RESET:
    case Q_TAG_ACKNOWLEDGE:
    case Q_METER_RESET:
    case Q_TAG:
    case Q_TEXT:
        break;
    }
    return 0;
}

static void put_be(uint8_t *ret, size_t size, uint32_t raw)
{
    for (size_t i = 0; i < size; i++)
        ret[size - 1 - i] = i < 4 ? (uint8_t)(raw >> 8 * i) : 0;
}

static uint32_t get_be(const uint8_t *bytes, size_t size)
{
    uint32_t raw = 0;
    for (size_t i = 0; i < size; i++)
        raw = raw << 8 | bytes[i];
    return raw;
}

static double scale_of(const struct field *f)
{
    return f->scale > 0 ? f->scale : 1;
}

bool quantity_is_metered(enum quantity q)
{
    return q >= Q_CURRENT_L1 && q <= Q_ENERGY;
}

static uint32_t encode_number(const struct field *f, const struct model *m)
{
    if (f->quantity == Q_CONSTANT)
        return f->constant;
    if (quantity_is_metered(f->quantity) && !m->metered)
        return f->absent;

    double value = quantity_get(m, f->quantity);
    if (f->type == FIELD_CODE)
        return f->codes[(int)value];
    /* A register counts what is full; the small sum mends 999.9999999 from adding up. */
    double raw = value / scale_of(f);
    raw = f->quantity == Q_ENERGY ? floor(raw + 1e-6) : round(raw);
    /* Counters run over as the device's do. */
    return (uint32_t)(int64_t)fmod(raw, 4294967296.0);
}

static uint32_t encode_flags(const struct field *f, const struct model *m)
{
    uint32_t raw = 0;
    for (const struct field_flag *flag = f->flags; flag->mask; flag++) {
        if (quantity_get(m, flag->quantity) != 0)
            raw |= flag->mask;
    }
    return raw;
}

void field_encode(const struct field *f, const struct model *m, uint8_t *ret)
{
    memset(ret, 0, f->size);
    switch (f->type) {
    case FIELD_UINT:
    case FIELD_INT:
    case FIELD_CODE:
        put_be(ret, f->size, encode_number(f, m));
        break;
    case FIELD_FLAGS:
        put_be(ret, f->size, encode_flags(f, m));
        break;
    case FIELD_TEXT: {
        const char *text = f->quantity == Q_TAG ? m->tag : f->quantity == Q_DISPLAY ? m->display : f->text;
        memcpy(ret, text, strnlen(text, f->size));
        break;
    }
    case FIELD_BYTES: /* a longer UID shows its first bytes */
        if (f->quantity == Q_TAG) {
            uint8_t uid[MODEL_TAG_SIZE / 2];
            int len = hex_decode(m->tag, uid, sizeof uid);
            if (len > 0)
                memcpy(ret, uid, (size_t)len < f->size ? (size_t)len : f->size);
        }
        break;
    }
}

/* Only these move the model; all else can be read only. */
static int write_quantity(const struct field *f, struct model *m, double value)
{
    switch (f->quantity) {
    case Q_ENABLED:
        if (value != 0 && value != 1)
            return -ERANGE;
        model_set_enabled(m, value != 0);
        return 0;
    case Q_LIMIT:
        return model_set_limit(m, value);
    case Q_WATCHDOG:
        model_set_watchdog(m, (int64_t)value * 1000);
        return 0;
    case Q_KEEP_ALIVE:
        model_keep_alive(m);
        return 0;
    case Q_UNLOCK:
        return value == 1 ? model_unlock(m) : 0;
    case Q_TAG_ACKNOWLEDGE:
        if (value == 1)
            model_acknowledge_tag(m);
        return 0;
    case Q_LAMP:
        return model_set_lamp(m, value);
    case Q_PHASES:
        return model_set_phases(m, value);
    case Q_RESET:
        if (value != f->constant)
            return -ERANGE;
        model_restart(m, RESTART_MS);
        return 0;
    case Q_METER_RESET:
        if (value != f->constant)
            return -ERANGE;
        model_set_meter(m, 0);
        return 0;
    default:
        return -EACCES;
    }
}

static int write_tag(const struct field *f, struct model *m, const uint8_t *bytes)
{
    for (size_t i = 0; i < f->size; i++) {
        if (bytes[i])
            return -ERANGE;
    }
    model_acknowledge_tag(m);
    return 0;
}

static int write_display(const struct field *f, struct model *m, const uint8_t *bytes)
{
    char text[FIELD_MAX_SIZE + 1] = "";
    memcpy(text, bytes, f->size);
    model_set_display(m, text);
    return 0;
}

int field_apply(const struct field *f, struct model *m, const uint8_t *bytes)
{
    if (f->quantity == Q_DISPLAY)
        return write_display(f, m, bytes);
    if (f->quantity == Q_TAG)
        return write_tag(f, m, bytes);
    if (f->type != FIELD_UINT)
        return -EACCES;
    return write_quantity(f, m, get_be(bytes, f->size) * scale_of(f));
}

void field_print(const struct field *f, const uint8_t *bytes, char *ret, size_t size)
{
    if (f->type == FIELD_BYTES)
        hex_encode(bytes, f->size, ret, size);
    else if (f->type == FIELD_TEXT)
        (void)snprintf(ret, size, "\"%.*s\"", f->size, (const char *)bytes);
    else
        (void)snprintf(ret, size, "%.10g", get_be(bytes, f->size) * scale_of(f));
}
