/* Measured values as SampledValueType elements: which signal stands for which measurand, phase and unit. */
#include "station/transaction_internal.h"

#include <math.h>

#include "base/json.h"
#include "base/str.h"

/* What a row leaves out is NULL on purpose. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
/* A measurand's rows stand together; every row that has a good value is reported (2.3, errata 2.34), in the resolution of the device
 * (2.1), but without the noise of floats. */
static const struct measurand_row {
    const char *measurand;
    enum evse_measure measure;
    const char *phase, *unit; /* NULL: none */
    double per_unit;          /* 1000: three decimals */
    const char *location;     /* NULL: Outlet, the default */
} measurand_rows[] = {
    /* clang-format off */
    { "Current.Import",                MEASURE_CURRENT_IMPORT,    NULL,   "A",       1000 },
    { "Current.Import",                MEASURE_CURRENT_IMPORT_L1, "L1",   "A",       1000 },
    { "Current.Import",                MEASURE_CURRENT_IMPORT_L2, "L2",   "A",       1000 },
    { "Current.Import",                MEASURE_CURRENT_IMPORT_L3, "L3",   "A",       1000 },
    { "Current.Offered",               MEASURE_CURRENT_OFFERED,   NULL,   "A",       1000 },
    { "Energy.Active.Export.Register", MEASURE_ENERGY_EXPORT,     NULL,   "Wh",      1000 },
    { "Energy.Active.Import.Register", MEASURE_ENERGY_IMPORT,     NULL,   "Wh",      1000 },
    { "Frequency",                     MEASURE_FREQUENCY,         NULL,   "Hz",      10000 },
    { "Power.Active.Export",           MEASURE_POWER_EXPORT,      NULL,   "W",       1000 },
    { "Power.Active.Import",           MEASURE_POWER_IMPORT,      NULL,   "W",       1000 },
    { "Power.Active.Import",           MEASURE_POWER_IMPORT_L1,   "L1",   "W",       1000 },
    { "Power.Active.Import",           MEASURE_POWER_IMPORT_L2,   "L2",   "W",       1000 },
    { "Power.Active.Import",           MEASURE_POWER_IMPORT_L3,   "L3",   "W",       1000 },
    { "Power.Factor",                  MEASURE_POWER_FACTOR,      NULL,   NULL,      10000 },
    { "Power.Offered",                 MEASURE_POWER_OFFERED,     NULL,   "W",       1000 },
    { "SoC",                           MEASURE_SOC,               NULL,   "Percent", 1000, "EV" },
    { "Voltage",                       MEASURE_VOLTAGE,           NULL,   "V",       1000 },
    { "Voltage",                       MEASURE_VOLTAGE_L1,        "L1-N", "V",       1000 },
    { "Voltage",                       MEASURE_VOLTAGE_L2,        "L2-N", "V",       1000 },
    { "Voltage",                       MEASURE_VOLTAGE_L3,        "L3-N", "V",       1000 },
    /* clang-format on */
};

/* False if there is no good value now. */
static bool value_of(const struct evse *e, enum evse_measure measure, double *ret)
{
    if (measure == MEASURE_ENERGY_IMPORT && transaction_is_running(e) && e->tx.has_register) {
        *ret =
            e->tx
                .register_Wh; /* never backwards (J02.FR.16); the last one known is still true of a silent device */
        return true;
    }
    if (measure == MEASURE_ENERGY_EXPORT && transaction_is_running(e) && e->tx.has_export) {
        *ret = e->tx.export_raw_Wh + e->tx.export_offset_Wh;
        return true;
    }
    if (!evse_has(&e->signals, measure) || !isfinite(e->signals.value[measure]))
        return false;
    *ret = e->signals.value[measure];
    return true;
}

static json_t *sampled_value(const struct evse *e, const struct measurand_row *row, const char *context)
{
    double value;
    if (!value_of(e, row->measure, &value))
        return NULL;
    json_t *sample = json_pack("{s:f, s:s, s:s}", "value", round(value * row->per_unit) / row->per_unit,
                               "context", context, "measurand", row->measurand);
    if (sample && row->phase)
        json_set_optional(sample, "phase", json_string(row->phase));
    if (sample && row->location)
        json_set_optional(sample, "location", json_string(row->location)); /* J01.FR.09 */
    if (sample && row->unit)
        json_set_optional(sample, "unitOfMeasure", json_pack("{s:s}", "unit", row->unit));
    return sample;
}

static bool is_member(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = list; at && *at;) {
        at += strspn(at, ", ");
        size_t span = strcspn(at, ",");
        size_t used = span;
        while (used && at[used - 1] == ' ')
            used--;
        if (used == len && strncmp(at, name, len) == 0)
            return true;
        at += span;
    }
    return false;
}

json_t *measurands_sample(struct evse *e, const char *list, const char *context)
{
    json_t *samples = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(measurand_rows); i++) {
        json_t *sample = is_member(list, measurand_rows[i].measurand)
                             ? sampled_value(e, &measurand_rows[i], context)
                             : NULL;
        if (sample)
            json_array_append_new(samples, sample);
    }
    if (json_array_size(samples) == 0) { /* an empty array is not valid */
        json_decref(samples);
        return NULL;
    }
    return json_pack("{s:o, s:o}", "timestamp", station_timestamp(e->station), "sampledValue", samples);
}
