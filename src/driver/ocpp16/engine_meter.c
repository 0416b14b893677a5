/* Sampled values of a charger become values of points: matched by measurand, phase and location, brought to the point's unit. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "charger/value.h"
#include "driver/ocpp16/internal.h"

#define MAX_VALUES 1000 /* of a message that are looked at: elements times samples */
/* Sampled values are rounded otherwise than meterStart and meterStop: so little less is no step back of the register. */
#define ROUNDING_WH 100

/* Units of OCPP 1.6, UnitOfMeasure; one of them as it was misspelt first. The base is that of ocpp16_measurands. */
static const struct {
    const char *name;
    double factor, offset;
} units[] = {
    { "Wh", 1, 0 },      { "kWh", 1000, 0 },  { "varh", 1, 0 },    { "kvarh", 1000, 0 },
    { "W", 1, 0 },       { "kW", 1000, 0 },   { "VA", 1, 0 },      { "kVA", 1000, 0 },
    { "var", 1, 0 },     { "kvar", 1000, 0 }, { "A", 1, 0 },       { "V", 1, 0 },
    { "Celsius", 1, 0 }, { "Celcius", 1, 0 }, { "K", 1, -273.15 }, { "Fahrenheit", 5.0 / 9, -32 * 5.0 / 9 },
    { "Percent", 1, 0 },
};

struct sample {
    int measurand, phase, location;
    double value; /* in the measurand's unit */
};

/* False: of no use here (signed data, no number, unknown words). */
static bool read_sample(const json_t *json, struct sample *ret)
{
    const char *unit = json_get_string(json, "unit", "");
    bool found = !*unit;
    if (str_equal(json_get_string(json, "format", "Raw"), "SignedData") ||
        str_to_double(json_get_string(json, "value", ""), &ret->value) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(units) && !found; i++)
        if (str_equal(units[i].name, unit)) {
            ret->value = ret->value * units[i].factor + units[i].offset;
            found = true;
        }
    ret->measurand =
        ocpp16_measurand(json_get_string(json, "measurand", ocpp16_measurands[OCPP16_ENERGY].name));
    ret->phase = ocpp16_name(ocpp16_phases, json_get_string(json, "phase", ""));
    ret->location = ocpp16_name(ocpp16_locations, json_get_string(json, "location", "Outlet"));
    return found && ret->measurand >= 0 && ret->phase >= 0 && ret->location >= 0 && isfinite(ret->value);
}

static bool is_line(int phase)
{
    return phase >= 1 && phase <= 3;
}

/* L1 of a point takes L1-N, too: some mean that by it. */
static bool is_phase(int wanted, int phase)
{
    return phase == wanted || (is_line(wanted) && phase == wanted + 4);
}

/* Where a point does not say, the inlet, which feeds the whole charger, is not meant. */
static bool is_location(int wanted, int location)
{
    return wanted ? location == wanted : !str_equal(ocpp16_locations[location], "Inlet");
}

/* What the samples say of a point; false: nothing. */
static bool find_value(const struct point *point, const struct sample *samples, size_t count, double *ret)
{
    int phase = point->at.ocpp16.phase;
    bool adds = !phase && ocpp16_measurands[point->at.ocpp16.measurand].is_sum;
    double sum = 0;
    unsigned lines = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sample *s = &samples[i];
        if (s->measurand != point->at.ocpp16.measurand ||
            !is_location(point->at.ocpp16.location, s->location))
            continue;
        if (is_phase(phase, s->phase)) {
            *ret = s->value;
            return true;
        }
        int line = is_line(s->phase) ? s->phase : is_line(s->phase - 4) ? s->phase - 4 : 0;
        if (adds && line && !(lines >> line & 1)) {
            lines |= 1u << line;
            sum += s->value;
        }
    }
    *ret = sum;
    return lines != 0;
}

static bool is_register(const struct point *point)
{
    return point->at.ocpp16.item == OCPP16_MEASURAND && point->at.ocpp16.measurand == OCPP16_ENERGY &&
           point->at.ocpp16.phase == 0;
}

/* In the point's own unit. */
static void store(struct device *device, const struct point *point, double value, int64_t sampled_ms)
{
    struct datum *datum = &device->data[point->index];
    const struct unit *unit = unit_find(point->unit);
    datum->number = unit && unit->factor > 0 ? value / unit->factor : value;
    datum->is_known = true;
    datum->sampled_ms = sampled_ms;
}

/* A value that was sampled before the one there is tells nothing; that the register has gone back by a rounding, neither. */
static bool is_news(const struct connector *connector, const struct point *point, double value,
                    int64_t sampled_ms)
{
    const struct datum *datum = &connector->device->data[point->index];
    const struct unit *unit = unit_find(point->unit);
    double before = datum->number * (unit ? unit->factor : 1);
    if (!datum->is_known)
        return true;
    if (is_register(point) && value < before &&
        (before - value < ROUNDING_WH || sampled_ms < datum->sampled_ms))
        return false;
    return sampled_ms >= datum->sampled_ms;
}

static void use_samples(struct connector *connector, const struct sample *samples, size_t count,
                        int64_t sampled_ms, bool is_certain)
{
    struct device *device = connector->device;
    double value = 0;
    for (size_t i = 0; i < device->profile->point_count; i++) {
        const struct point *point = &device->profile->points[i];
        if (point->at.ocpp16.item != OCPP16_MEASURAND || point->at.ocpp16.connector != connector->number ||
            !find_value(point, samples, count, &value) || (is_register(point) && !is_certain))
            continue;
        if (is_news(connector, point, value, sampled_ms))
            store(device, point, value, sampled_ms);
    }
}

void meter_on_values(struct connector *connector, const json_t *meter_values, bool is_certain)
{
    struct sample samples[64];
    size_t i, k, looked = 0;
    json_t *element, *json;
    json_array_foreach(meter_values, i, element)
    {
        const json_t *list = json_object_get(element, "sampledValue");
        int64_t sampled_ms = 0;
        size_t count = 0;
        if (timestamp_parse(json_get_string(element, "timestamp", ""), &sampled_ms) < 0)
            sampled_ms = env_wall_ms(connector->device->env);
        json_array_foreach(list, k, json)
        {
            if (count == ARRAY_SIZE(samples) || looked++ >= MAX_VALUES)
                break;
            count += read_sample(json, &samples[count]);
        }
        use_samples(connector, samples, count, sampled_ms, is_certain);
    }
    calls_on_reading(connector, 0);
}

void meter_forget_flow(struct connector *connector)
{
    struct device *device = connector->device;
    for (size_t i = 0; i < device->profile->point_count; i++) {
        const struct point *point = &device->profile->points[i];
        const char *name = ocpp16_measurands[point->at.ocpp16.measurand].name;
        if (point->at.ocpp16.item == OCPP16_MEASURAND && point->at.ocpp16.connector == connector->number &&
            (str_starts(name, "Power.") || str_starts(name, "Current.") || str_equal(name, "SoC")))
            device->data[i].is_known = false;
    }
}

void meter_set_register(struct connector *connector, int64_t Wh)
{
    struct device *device = connector->device;
    for (size_t i = 0; i < device->profile->point_count; i++) {
        const struct point *point = &device->profile->points[i];
        if (is_register(point) && point->at.ocpp16.connector == connector->number)
            store(device, point, (double)Wh, device->data[i].sampled_ms);
    }
    calls_on_reading(connector, 0);
}
