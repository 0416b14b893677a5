/* The monitors, what they see, and what of it is told.
 *
 *     a touch, or each second -> evaluate -> NotifyEvent (notify_event.c)
 *                                         -> the store, where a threshold was passed: what a power cut hides is told afterwards
 *
 * What may not be told now (offline and not severe enough to be queued, below the level, disabled) is not even looked at: once it may, the
 * CSMS learns how things stand, and never that something is over of whose beginning it did not hear (remark to N07). */
#include "station/monitoring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

#define TICK_MS    1000
#define CUSTOM_IDS 100001 /* presets have the numbers below */

/* ---- the monitors ---- */

bool monitoring_has(const struct station *s, const struct monitor *m)
{
    return !m->is_cleared && (m->kind != MONITOR_PRECONFIGURED ||
                              !str_equal(variable_text(s, VAR_MONITORING_ACTIVE_BASE), "HardWiredOnly"));
}

struct monitor *monitoring_find(const struct station *s, int64_t id)
{
    for (size_t i = 0; i < s->monitoring.count; i++) {
        struct monitor *m = &s->monitoring.monitors[i];
        if (m->id == id && monitoring_has(s, m))
            return m;
    }
    return NULL;
}

int monitoring_reserve(struct station *s, size_t count)
{
    struct monitoring *all = &s->monitoring;
    if (all->count + count <= all->room)
        return 0;
    struct monitor *monitors = realloc(all->monitors, (all->count + count) * sizeof(*monitors));
    if (!monitors)
        return -ENOMEM;
    all->monitors = monitors;
    all->room = all->count + count;
    return 0;
}

void monitoring_put(struct station *s, const struct monitor *m)
{
    struct monitoring *all = &s->monitoring;
    struct monitor *old = monitoring_find(s, m->id);
    if (!old) {
        all->custom += m->preset == NULL;
        all->monitors[all->count++] = *m;
        return;
    }
    struct monitor before = *old;
    *old = *m;
    old->preset = before.preset;
    if (old->type == before.type) /* N07.FR.11: the new threshold ends what the old one began, or begins it */
        old->is_exceeded = before.is_exceeded;
}

void monitoring_remove(struct station *s, struct monitor *m)
{
    struct monitoring *all = &s->monitoring;
    if (m->preset) {
        monitor_reset(m);
        m->is_cleared = true;
        return;
    }
    size_t index = (size_t)(m - all->monitors);
    memmove(m, m + 1, (all->count - index - 1) * sizeof(*m));
    all->count--;
    all->custom--;
}

/* ---- events ---- */

static bool is_running(const struct monitor *m)
{
    const struct station *s = m->place.station;
    for (size_t i = 0; i < s->evse_count; i++)
        if ((!m->place.evse || m->place.evse == &s->evses[i]) && transaction_is_running(&s->evses[i]))
            return true;
    return false;
}

/* What the devices have not told yet is no change when it comes. */
static bool is_heard(const struct monitor *m)
{
    const struct station *s = m->place.station;
    for (size_t i = 0; i < s->evse_count; i++)
        if ((!m->place.evse || m->place.evse == &s->evses[i]) && !s->evses[i].is_heard)
            return false;
    return true;
}

/* N05.FR.03, N07.FR.04, N07.FR.15, N08.FR.03 */
static bool may_be_told(const struct station *s, const struct monitor *m)
{
    return m->severity <= variable_int(s, VAR_MONITORING_ACTIVE_LEVEL) &&
           (station_is_online(s) || m->severity <= variable_int(s, VAR_MONITORING_OFFLINE_QUEUING_SEVERITY));
}

static json_t *event_json(struct station *s, const struct monitor *m, const char *value, bool is_over)
{
    static const char *const triggers[DEVICE_MONITOR_TYPES] = { "Alerting", "Alerting", "Delta", "Periodic",
                                                                "Periodic" };
    const struct variable_place *place = &m->place;
    json_t *event = json_pack(
        "{s:i, s:o, s:s, s:s, s:s, s:i, s:o, s:o}", "eventId", notify_event_id(s), "timestamp",
        station_timestamp(s), "trigger", triggers[m->type], "actualValue", value, "eventNotificationType",
        monitor_kind_names[m->kind], "variableMonitoringId", m->id, "component",
        variable_component_json(place->row, place), "variable", variable_name_json(place->row));
    if (!event)
        return NULL;
    if (is_over)
        json_set_optional(event, "cleared", json_true());
    if (place->evse && transaction_is_running(place->evse))
        json_set_text(event, "transactionId", place->evse->tx.id);
    if (place->evse && str_equal(place->row->variable, "Problem"))
        json_set_text(event, "techCode", place->evse->signals.fault);
    return event;
}

/* N07.FR.05: the problem of an EVSE is the cause of that of the station. */
static void set_causes(json_t *events)
{
    for (size_t i = 0; i < json_array_size(events); i++) {
        json_t *event = json_array_get(events, i);
        const char *name = json_get_string(json_object_get(event, "variable"), "name", "");
        for (size_t k = 0; k < json_array_size(events); k++) {
            const json_t *other = json_array_get(events, k);
            if (!json_object_get(json_object_get(event, "component"), "evse") &&
                json_object_get(json_object_get(other, "component"), "evse") &&
                str_equal(json_get_string(json_object_get(other, "variable"), "name", ""), name))
                json_set_optional(event, "cause", json_incref(json_object_get(other, "eventId")));
        }
    }
}

static void write_record(struct station *s, const struct monitor *m)
{
    char key[MONITOR_KEY_SIZE];
    AUTO_FREE char *value = monitoring_value(m);
    if (!value) {
        log_error(LOG_STATION, "no memory to keep a monitor: station=%s id=%d", s->id, m->id);
        return;
    }
    monitoring_key(m, key);
    station_persist(s, &(struct record){ RECORD_MONITOR, key, *value ? value : NULL }, 1, NULL, NULL);
}

/* True unless there was no memory to tell; then it is as if it had not been looked at. */
static bool look_at(struct station *s, struct monitor *m, json_t *events)
{
    char text[VARIABLE_VALUE_SIZE];
    struct monitor before = *m;
    struct monitor_reading now = monitor_reading(m, text);
    enum monitor_outcome outcome = monitor_evaluate(m, &now, env_now_ms(s->env), station_wall_ms(s));
    if (outcome == MONITOR_QUIET)
        return true;
    if (json_array_append_new(events, event_json(s, m, text, outcome == MONITOR_IS_OVER)) < 0) {
        *m = before;
        return false;
    }
    if (m->is_exceeded != before.is_exceeded)
        write_record(s, m); /* N07.FR.14 */
    return true;
}

static bool is_periodic(const struct monitor *m)
{
    return m->type == MONITOR_PERIODIC || m->type == MONITOR_PERIODIC_CLOCK_ALIGNED;
}

/* Nothing may be told of it: its interval goes on. */
static void pass_over(struct station *s, struct monitor *m)
{
    const struct monitor_reading none = { .is_known = false };
    if (is_periodic(m))
        (void)monitor_evaluate(m, &none, env_now_ms(s->env), station_wall_ms(s));
}

/* Events with the severity of their monitors. */
static void queue(struct station *s, json_t *events)
{
    set_causes(events);
    for (size_t i = 0; i < json_array_size(events); i++) {
        json_t *event = json_array_get(events, i);
        const struct monitor *m = monitoring_find(s, json_get_int(event, "variableMonitoringId", 0));
        (void)notify_event_add(s, json_incref(event), m ? m->severity : SEVERITY_MAX);
    }
    notify_event_flush(s);
}

static void evaluate(struct station *s)
{
    AUTO(json_t) *events = json_array();
    if (!events || !variable_bool(s, VAR_MONITORING_ENABLED))
        return;
    for (size_t i = 0; i < s->monitoring.count; i++) {
        struct monitor *m = &s->monitoring.monitors[i];
        if (!monitoring_has(s, m) || !is_heard(m))
            continue;
        if (m->transaction && !is_running(m))
            monitor_forget(m);
        else if (!may_be_told(s, m))
            pass_over(s, m);
        else if (!look_at(s, m, events))
            log_warn(LOG_STATION, "no memory to tell an event: station=%s monitor=%d", s->id, m->id);
    }
    queue(s, events);
}

/* ---- when they are looked at ---- */

/* Presets watch what the devices bring, and those touch them. */
static bool needs_ticks(const struct station *s)
{
    for (size_t i = 0; i < s->monitoring.count; i++) {
        const struct monitor *m = &s->monitoring.monitors[i];
        if (monitoring_has(s, m) && (m->kind == MONITOR_CUSTOM || is_periodic(m)))
            return variable_bool(s, VAR_MONITORING_ENABLED);
    }
    return false;
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct station *s = ctx;
    evaluate(s);
    if (needs_ticks(s))
        env_timer_start(s->env, timer, TICK_MS);
}

void monitoring_touch(struct station *s)
{
    if (s->started && !s->stopping && !timer_is_active(&s->monitoring.timer))
        env_timer_start(s->env, &s->monitoring.timer, TICK_MS);
}

void monitoring_update(struct station *s)
{
    if (s->started && !s->stopping)
        env_timer_start(s->env, &s->monitoring.timer, 0);
}

/* ---- the store ---- */

void monitoring_key(const struct monitor *m, char ret[static MONITOR_KEY_SIZE])
{
    const struct variable_row *row = m->place.row;
    if (!m->preset) {
        (void)snprintf(ret, MONITOR_KEY_SIZE, "%d", m->id);
        return;
    }
    (void)snprintf(ret, MONITOR_KEY_SIZE, "%s/%s/%d/%d/%s/%s/%d", row->component,
                   row->component_instance ? row->component_instance : "",
                   m->place.evse ? m->place.evse->id : 0, m->place.connector, row->variable,
                   row->instance ? row->instance : "", (int)(m->preset - row->monitors));
}

/* {"kind", "isCleared", "isExceeded", "data": SetMonitoringDataType of a custom one} */
char *monitoring_value(const struct monitor *m)
{
    if (m->kind != MONITOR_CUSTOM && !m->is_cleared && !m->is_exceeded)
        return strdup("");
    AUTO(json_t) *value = json_pack("{s:s, s:b, s:b}", "kind", monitor_kind_names[m->kind], "isCleared",
                                    m->is_cleared, "isExceeded", m->is_exceeded);
    if (m->kind == MONITOR_CUSTOM) {
        json_t *data = monitor_json(m);
        if (!data ||
            json_object_set_new(data, "component", variable_component_json(m->place.row, &m->place)) < 0 ||
            json_object_set_new(data, "variable", variable_name_json(m->place.row)) < 0) {
            json_decref(data);
            return NULL;
        }
        if (json_object_set_new(value, "data", data) < 0)
            return NULL;
    }
    return value ? json_to_text(value) : NULL;
}

static struct monitor *find_preset(const struct station *s, const char *wanted)
{
    char key[MONITOR_KEY_SIZE];
    for (size_t i = 0; i < s->monitoring.count; i++) {
        struct monitor *m = &s->monitoring.monitors[i];
        if (!m->preset)
            continue;
        monitoring_key(m, key);
        if (str_equal(key, wanted))
            return m;
    }
    return NULL;
}

/* NULL, or why not. A variable that is gone takes its monitors with it (N04, remark). */
static const char *restore(struct station *s, const char *key, const json_t *value)
{
    struct monitor *preset = find_preset(s, key), m;
    const json_t *data = json_object_get(value, "data");
    const char *reason = NULL;
    int64_t id = 0;
    if (!value)
        return "it is not JSON";
    if (!preset && str_to_int(key, CUSTOM_IDS, INT32_MAX - 1, &id) < 0)
        return "there is no such monitor any more";
    if (!data && !preset)
        return "it has no data";
    if (data) {
        const char *status = monitor_read(s, data, &m, &reason);
        if (status)
            return reason ? reason : status;
        m.id = preset ? preset->id : (int)id;
    }
    if (preset && data) {
        m.preset = preset->preset;
        *preset = m;
    } else if (!preset && monitoring_reserve(s, 1) < 0) {
        return "there is no memory";
    } else if (!preset) {
        monitoring_put(s, &m);
        preset = &s->monitoring.monitors[s->monitoring.count - 1];
    }
    preset->is_cleared = json_get_bool(value, "isCleared", false);
    preset->is_exceeded = json_get_bool(value, "isExceeded", false);
    if (id >= s->monitoring.next_id)
        s->monitoring.next_id = (int)id + 1;
    return NULL;
}

/* What a variable is may depend on other records, so that they are read when all have come. */
void monitoring_restore(struct station *s, const char *key, const char *value)
{
    struct monitoring *all = &s->monitoring;
    int64_t next_id;
    if (str_equal(key, MONITOR_NEXT_ID_KEY)) {
        if (str_to_int(value, CUSTOM_IDS, INT32_MAX - 1, &next_id) == 0 && next_id > all->next_id)
            all->next_id = (int)next_id;
        return;
    }
    if (!all->restored)
        all->restored = json_object();
    if (!all->restored || json_object_set_new(all->restored, key, json_string(value)) < 0)
        log_error(LOG_STATION, "no memory to restore a monitor: station=%s key=%s", s->id, key);
}

void monitoring_start(struct station *s)
{
    const char *key;
    json_t *text;
    json_object_foreach(s->monitoring.restored, key, text)
    {
        AUTO(json_t) *value = json_from_text(json_string_value(text), json_string_length(text));
        const char *wrong = restore(s, key, value);
        if (wrong)
            log_warn(LOG_STATION, "a stored monitor does not fit any more: station=%s key=%s why=%s", s->id,
                     key, wrong);
    }
    json_decref(STEAL(s->monitoring.restored));
    monitoring_update(s);
}

/* ---- life ---- */

static void add_presets(struct station *s, const struct variable_place *place)
{
    struct monitoring *all = &s->monitoring;
    for (size_t i = 0; i < place->row->monitor_count; i++) {
        struct monitor *m = &all->monitors[all->count++];
        *m = (struct monitor){ .place = *place, .preset = &place->row->monitors[i], .id = (int)all->count };
        monitor_reset(m);
    }
}

int monitoring_init(struct station *s)
{
    timer_init(&s->monitoring.timer, s->env->timers, on_timer, s);
    s->monitoring.next_id = CUSTOM_IDS;
    for (size_t i = 0; i < variable_row_count(s); i++) {
        const struct variable_row *row = variable_row_at(s, i);
        struct variable_place place = { .station = s };
        while (row->monitor_count > 0 && variable_next_place(row, &place)) {
            if (monitoring_reserve(s, row->monitor_count) < 0)
                return -ENOMEM;
            add_presets(s, &place);
        }
    }
    return 0;
}

void monitoring_done(struct station *s)
{
    struct monitoring *all = &s->monitoring;
    if (all->timer.timers)
        timer_stop(&all->timer);
    monitoring_report_abort(s);
    json_decref(all->restored);
    free(all->monitors);
    all->monitors = NULL;
    all->count = 0;
}
