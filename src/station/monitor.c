/* A monitor's rules (Part 1, 4.4; N04, N07, N08), without the station round it.
 *
 *                  string and lists   number   dateTime   boolean
 *     thresholds                        x
 *     Delta               x             x         x          x
 *     Periodic            x             x                    x */
#include "station/monitor.h"

#include <math.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "station/transaction_internal.h"

#define PERIODIC_MAX_S (365 * 86400)
#define ALIGNED_MAX_S  86400 /* midnight is always one */

const char *const monitor_kind_names[MONITOR_KINDS] = { "HardWiredMonitor", "PreconfiguredMonitor",
                                                        "CustomMonitor" };

static bool is_number(const struct variable_row *row)
{
    return row->type == TYPE_INTEGER || row->type == TYPE_DECIMAL;
}

/* ---- what can be set ---- */

static bool supports(const struct variable_row *row, enum device_monitor_type type)
{
    switch (type) {
    case MONITOR_UPPER_THRESHOLD:
    case MONITOR_LOWER_THRESHOLD:
        return is_number(row);
    case MONITOR_PERIODIC:
    case MONITOR_PERIODIC_CLOCK_ALIGNED:
        return row->type != TYPE_DATE_TIME;
    case MONITOR_DELTA:
    case DEVICE_MONITOR_TYPES:
        break;
    }
    return true;
}

/* NULL, or the reason code. */
static const char *refuse_value(const struct monitor *m)
{
    double min, max;
    switch (m->type) {
    case MONITOR_UPPER_THRESHOLD:
    case MONITOR_LOWER_THRESHOLD: /* N04.FR.06 */
        variable_limits(m->place.row, &m->place, &min, &max);
        return m->value < min || m->value > max ? "ValueOutOfRange" : NULL;
    case MONITOR_DELTA: /* N04.FR.14 */
        return m->value < 0 ? "ValuePositiveOnly" : NULL;
    case MONITOR_PERIODIC:
    case MONITOR_PERIODIC_CLOCK_ALIGNED:
        if (m->value < 1)
            return "ValueTooLow"; /* values are looked at once a second */
        return m->value > (m->type == MONITOR_PERIODIC ? PERIODIC_MAX_S : ALIGNED_MAX_S) ? "ValueTooHigh"
                                                                                         : NULL;
    case DEVICE_MONITOR_TYPES:
        break;
    }
    return NULL;
}

const char *monitor_read(const struct station *s, const json_t *data, struct monitor *ret,
                         const char **ret_reason)
{
    const struct variable_row *row;
    int type = name_index(device_monitor_type_names, DEVICE_MONITOR_TYPES, json_get_string(data, "type", ""),
                          MONITOR_DELTA);
    int64_t severity = json_get_int(data, "severity", -1);
    *ret_reason = NULL;
    *ret = (struct monitor){ .id = (int)json_get_int(data, "id", 0),
                             .value = json_get_number(data, "value", 0),
                             .type = (enum device_monitor_type)type,
                             .kind = MONITOR_CUSTOM,
                             .transaction = json_get_bool(data, "transaction", false) };
    switch (variable_find(s, json_object_get(data, "component"), json_object_get(data, "variable"), &row,
                          &ret->place)) {
    case VARIABLE_UNKNOWN_COMPONENT:
        return "UnknownComponent"; /* N04.FR.03 */
    case VARIABLE_UNKNOWN:
        return "UnknownVariable"; /* N04.FR.04 */
    case VARIABLE_FOUND:
        break;
    }
    if (!supports(row, ret->type))
        return "UnsupportedMonitorType"; /* N04.FR.05 */
    if (severity < 0 || severity > SEVERITY_MAX)
        *ret_reason = "ValueOutOfRange";
    else
        *ret_reason = refuse_value(ret);
    ret->severity = (int)severity;
    return *ret_reason ? "Rejected" : NULL;
}

bool monitor_is_on(const struct monitor *m, const struct variable_place *place)
{
    return m->place.row == place->row && m->place.evse == place->evse &&
           m->place.connector == place->connector;
}

json_t *monitor_json(const struct monitor *m)
{
    return json_pack("{s:i, s:b, s:f, s:s, s:i}", "id", m->id, "transaction", m->transaction, "value",
                     m->value, "type", device_monitor_type_names[m->type], "severity", m->severity);
}

void monitor_forget(struct monitor *m)
{
    m->is_exceeded = m->has_reference = false;
    m->due_ms = 0;
}

void monitor_reset(struct monitor *m)
{
    m->type = m->preset->type;
    m->value = m->preset->value;
    m->severity = m->preset->severity;
    m->kind = m->preset->is_hard_wired ? MONITOR_HARD_WIRED : MONITOR_PRECONFIGURED;
    m->transaction = m->is_cleared = false;
    monitor_forget(m);
}

/* ---- what there is to tell ---- */

/* FNV-1a: it tells one text from the next, no more. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return hash;
}

struct monitor_reading monitor_reading(const struct monitor *m, char ret_text[static VARIABLE_VALUE_SIZE])
{
    const struct variable_row *row = m->place.row;
    struct monitor_reading now = { .is_known = true };
    int64_t ms;
    variable_get(row, &m->place, ret_text);
    if (is_number(row)) {
        now.is_known = str_to_double(ret_text, &now.number) == 0;
    } else if (row->type == TYPE_DATE_TIME) {
        now.is_known = timestamp_parse(ret_text, &ms) == 0;
        now.number = now.is_known ? (double)ms / 1000 : 0;
    } else if (row->mutability == WRITE_ONLY) {
        now.hash = hash_of(variable_stored_text(m->place.station, row, variable_place_evse(&m->place)));
    } else {
        now.hash = hash_of(ret_text);
    }
    return now;
}

/* It tells when the threshold is passed, not on it, and once more when that is over (N07.FR.02, .16, .17). */
static enum monitor_outcome evaluate_threshold(struct monitor *m, double number)
{
    bool was_exceeded = m->is_exceeded;
    m->is_exceeded = m->type == MONITOR_UPPER_THRESHOLD ? number > m->value : number < m->value;
    if (m->is_exceeded == was_exceeded)
        return MONITOR_QUIET;
    return m->is_exceeded ? MONITOR_TRIGGERED : MONITOR_IS_OVER;
}

/* N07.FR.18, .19 */
static enum monitor_outcome evaluate_delta(struct monitor *m, const struct monitor_reading *now)
{
    bool has_numbers = is_number(m->place.row) || m->place.row->type == TYPE_DATE_TIME;
    bool differs = has_numbers ? fabs(now->number - m->reference) > m->value : now->hash != m->reference_hash;
    bool is_first = !m->has_reference;
    if (!is_first && !differs)
        return MONITOR_QUIET;
    m->has_reference = true;
    m->reference = now->number;
    m->reference_hash = now->hash;
    return is_first ? MONITOR_QUIET : MONITOR_TRIGGERED;
}

/* N08.FR.06: what was missed while the station stood still is not made up for. */
static enum monitor_outcome evaluate_periodic(struct monitor *m, int64_t now_ms)
{
    int64_t interval_ms = llround(m->value * 1000);
    bool is_due = m->due_ms && now_ms >= m->due_ms;
    if (!m->due_ms || now_ms >= m->due_ms + interval_ms)
        m->due_ms = now_ms + interval_ms;
    else if (is_due)
        m->due_ms += interval_ms;
    return is_due ? MONITOR_TRIGGERED : MONITOR_QUIET;
}

/* N08.FR.07: also with a clock that is set back. */
static enum monitor_outcome evaluate_aligned(struct monitor *m, int64_t wall_ms)
{
    int64_t next_ms = timestamp_next_boundary(wall_ms, llround(m->value * 1000));
    bool is_due = m->due_ms && wall_ms >= m->due_ms;
    m->due_ms = next_ms;
    return is_due ? MONITOR_TRIGGERED : MONITOR_QUIET;
}

enum monitor_outcome monitor_evaluate(struct monitor *m, const struct monitor_reading *now, int64_t now_ms,
                                      int64_t wall_ms)
{
    switch (m->type) {
    case MONITOR_UPPER_THRESHOLD:
    case MONITOR_LOWER_THRESHOLD:
        return now->is_known ? evaluate_threshold(m, now->number) : MONITOR_QUIET;
    case MONITOR_DELTA:
        return now->is_known ? evaluate_delta(m, now) : MONITOR_QUIET;
    case MONITOR_PERIODIC:
        return evaluate_periodic(m, now_ms);
    case MONITOR_PERIODIC_CLOCK_ALIGNED:
        return evaluate_aligned(m, wall_ms);
    case DEVICE_MONITOR_TYPES:
        break;
    }
    return MONITOR_QUIET;
}
