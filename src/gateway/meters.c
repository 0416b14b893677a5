/* Meters and what they limit (meters.h). */
#include "gateway/meters.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/str.h"
#include "charger/charger.h"
#include "gateway/device_link.h"
#include "gateway/station_entry.h"

static const char *const units[] = { "A", "W" };

struct meter {
    struct meters *meters;
    const struct meter_config *config;
    struct charger *charger;
    struct device_link link;
    struct timer timer; /* its values changed */
};

struct limit {
    double value; /* in force; NAN: nothing yet */
    bool is_silent;
};

struct meters {
    struct gateway *gateway;
    const struct config *config;
    struct meter *list; /* as config->meters */
    size_t count;
    struct limit *limits; /* as config->limits */
};

/* ---- the limits ---- */

static void set_at(const struct meters *m, const struct limit_config *config, double value, const char *id)
{
    const struct station_entry *entry = gateway_station(m->gateway, id);
    const struct external_limit limit = { .evse = config->evse,
                                          .source = (enum limit_source)config->source,
                                          .in_watts = config->unit == 1,
                                          .limit = value,
                                          .is_renewed = true };
    if (!entry) /* it could not be made, which was told */
        return;
    int r = station_set_external_limit(station_entry_station(entry), &limit);
    if (r < 0)
        log_error(LOG_GATEWAY, "external limit cannot be set: station=%s meter=%s limit=%g%s error=\"%s\"",
                  id, config->meter_name, value, units[config->unit], err_text(r));
}

static void set_everywhere(const struct meters *m, size_t index)
{
    const struct limit_config *config = &m->config->limits[index];
    for (size_t i = 0; i < config->station_count; i++)
        set_at(m, config, m->limits[index].value, m->config->stations[config->stations[i]].id);
}

/* What rises waits for two steps, so that a value that trembles by less than one changes nothing. */
double meters_step(double now, double allowed, double hysteresis)
{
    double next = fmax(allowed, 0);
    if (hysteresis > 0)
        next = floor(next / hysteresis + 1e-9) * hysteresis;
    bool rises_enough = isnan(now) || allowed >= now + 2 * hysteresis;
    return next < now || rises_enough ? next : now;
}

static void log_silence(const struct limit_config *config, bool is_silent)
{
    if (is_silent)
        log_warn(LOG_GATEWAY, "meter tells no limit, the one for silence holds: meter=%s limit=%g%s",
                 config->meter_name, config->on_silence, units[config->unit]);
    else
        log_info(LOG_GATEWAY, "meter tells a limit: meter=%s", config->meter_name);
}

static void evaluate(struct meters *m, size_t index)
{
    const struct limit_config *config = &m->config->limits[index];
    struct limit *limit = &m->limits[index];
    struct expression_value v = charger_eval(m->list[config->meter].charger, config->value);
    bool is_silent = !v.known || !isfinite(v.number);
    double now = limit->is_silent ? NAN : limit->value; /* the other one is nothing to compare with */
    double next = is_silent ? config->on_silence : meters_step(now, v.number, config->hysteresis);
    if (is_silent != limit->is_silent)
        log_silence(config, is_silent);
    limit->is_silent = is_silent;
    if (next == limit->value)
        return;
    limit->value = next;
    set_everywhere(m, index);
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct meter *meter = ctx;
    struct meters *m = meter->meters;
    (void)timer;
    for (size_t i = 0; i < m->config->limit_count; i++)
        if (&m->list[m->config->limits[i].meter] == meter)
            evaluate(m, i);
}

/* ---- the meters ---- */

/* Points that are read together are looked at together. */
static void on_point(void *ctx, const struct point *point, const struct point_value *value)
{
    struct meter *meter = ctx;
    (void)point;
    (void)value;
    env_timer_start(&meter->meters->gateway->loop.env, &meter->timer, 0);
}

static const struct charger_events charger_events = { .on_point = on_point };

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    charger_device_events.on_value(((struct meter *)ctx)->charger, point, raw, len);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    charger_device_events.on_no_value(((struct meter *)ctx)->charger, point, err);
}

static void on_batch(void *ctx)
{
    charger_device_events.on_batch(((struct meter *)ctx)->charger);
}

static void on_online(void *ctx, bool online, int err)
{
    struct meter *meter = ctx;
    if (online)
        log_info(LOG_GATEWAY, "meter answers: meter=%s profile=%s", meter->config->name,
                 meter->config->device.profile_name);
    else
        log_warn(LOG_GATEWAY, "meter does not answer: meter=%s profile=%s error=\"%s\"", meter->config->name,
                 meter->config->device.profile_name, err_text(err));
    charger_device_events.on_online(meter->charger, online, err);
}

static int open_meter(struct meters *m, struct meter *meter, const struct meter_config *config)
{
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, NULL };
    meter->meters = m;
    meter->config = config;
    timer_init(&meter->timer, m->gateway->loop.env.timers, on_timer, meter);
    meter->charger = charger_new(&m->gateway->loop.env, config->device.profile, &charger_events, meter);
    if (!meter->charger)
        return -ENOMEM;
    int r = device_link_open(m->gateway, m->config, &config->device, &events, meter, &meter->link);
    if (r == 0)
        charger_set_device(meter->charger, meter->link.device, meter->link.ops);
    return r;
}

void meters_free(struct meters *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++) {
        timer_stop(&m->list[i].timer);
        device_link_close(&m->list[i].link);
        charger_free(m->list[i].charger);
    }
    free(m->list);
    free(m->limits);
    free(m);
}
DEFINE_AUTO(meters, meters_free)

static int make(struct gateway *gateway, struct meters **ret)
{
    const struct config *config = gateway->config;
    if (config->meter_count == 0)
        return 0;
    AUTO(meters) *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->gateway = gateway;
    m->config = config;
    m->list = calloc(config->meter_count, sizeof(*m->list));
    m->limits = calloc(config->limit_count + 1, sizeof(*m->limits));
    if (!m->list || !m->limits)
        return -ENOMEM;
    for (size_t i = 0; i < config->limit_count; i++)
        m->limits[i] = (struct limit){ .value = NAN, .is_silent = true }; /* nobody has answered yet */
    for (size_t i = 0; i < config->meter_count; i++) {
        m->count++;
        int r = open_meter(m, &m->list[i], &config->meters[i]);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < config->limit_count; i++)
        evaluate(m, i); /* nothing is known: the limit for silence holds */
    *ret = STEAL(m);
    return 0;
}

int meters_new(struct gateway *gateway, struct meters **ret)
{
    int r = make(gateway, ret);
    if (r < 0)
        log_error(LOG_GATEWAY, "meters cannot be opened: error=\"%s\"", err_text(r));
    return r;
}

/* ---- reload ---- */

const char *meters_owner(const struct config *config, const char *station, int64_t evse, const char *source)
{
    for (size_t i = 0; i < config->limit_count; i++) {
        const struct limit_config *limit = &config->limits[i];
        bool is_same = limit->evse == evse && str_equal(limit_source_names[limit->source], source);
        for (size_t k = 0; is_same && k < limit->station_count; k++)
            if (str_equal(config->stations[limit->stations[k]].id, station))
                return limit->meter_name;
    }
    return NULL;
}

static void release_rest(struct gateway *gateway, const struct config *old)
{
    for (size_t i = 0; i < old->limit_count; i++) {
        const struct limit_config *limit = &old->limits[i];
        for (size_t k = 0; k < limit->station_count; k++) {
            const char *id = old->stations[limit->stations[k]].id;
            const struct station_entry *entry = gateway_station(gateway, id);
            if (entry && !meters_owner(gateway->config, id, limit->evse, limit_source_names[limit->source]))
                (void)station_release_external_limit(station_entry_station(entry), limit->evse,
                                                     (enum limit_source)limit->source);
        }
    }
}

/* The same content in the new configuration; stations made anew have no limit yet. */
static void rebind(struct meters *m, const struct config *config)
{
    m->config = config;
    for (size_t i = 0; i < m->count; i++)
        m->list[i].config = &config->meters[i];
    for (size_t i = 0; i < config->limit_count; i++)
        set_everywhere(m, i);
}

int meters_switch(struct gateway *gateway, struct meters **meters)
{
    struct meters *old = *meters, *fresh = NULL;
    if (old && str_equal(old->config->limits_fingerprint, gateway->config->limits_fingerprint)) {
        rebind(old, gateway->config);
        return 0;
    }
    int r = meters_new(gateway, &fresh);
    if (old)
        release_rest(gateway, old->config);
    meters_free(old);
    *meters = fresh;
    return r;
}

/* ---- for displays ---- */

json_t *meters_status(const struct meters *m)
{
    json_t *list = json_array();
    for (size_t i = 0; m && i < m->config->limit_count; i++) {
        const struct limit_config *config = &m->config->limits[i];
        json_t *limit =
            json_pack("{s:s, s:f, s:s, s:b}", "meter", config->meter_name, "limit", m->limits[i].value,
                      "unit", units[config->unit], "silent", m->limits[i].is_silent);
        (void)json_array_append_new(list, limit);
    }
    return list;
}
