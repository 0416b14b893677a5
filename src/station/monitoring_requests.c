/* SetVariableMonitoring, ClearVariableMonitoring, SetMonitoringBase, SetMonitoringLevel (N03 to N06): checked, written, done, answered. One
 * change after the other, so that what was checked still holds when it is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"

struct change {
    struct rpc_request request;
    json_t *answer;
    const struct variable_row *row; /* to be set, or NULL */
    char text[20];                  /* ... to this */
    bool is_base;                   /* the row is that of the base */
    bool is_short;                  /* of memory */
    size_t put_count, remove_count, record_count;
    struct monitor *put;
    int *remove; /* ids */
    struct record *records;
};

static void change_free(struct change *c)
{
    for (size_t i = 0; c->records && i < c->record_count; i++) {
        free((char *)c->records[i].key);
        free((char *)c->records[i].value);
    }
    free(c->records);
    free(c->remove);
    free(c->put);
    json_decref(c->answer);
    free(c);
}

/* Of at most so many monitors. NULL if it cannot begin now; then it is answered. */
static struct change *begin_change(struct station *s, const struct rpc_request *request, size_t most)
{
    struct change *c = s->monitoring.is_writing ? NULL : calloc(1, sizeof(*c));
    if (c) {
        c->request = *request;
        c->request.payload = NULL;
        c->put = calloc(most + 1, sizeof(*c->put));
        c->remove = calloc(most + 1, sizeof(*c->remove));
        c->records = calloc(most + 1, sizeof(*c->records)); /* and that of the row, or of the next id */
        if (c->put && c->remove && c->records)
            return c;
        change_free(c);
    }
    if (s->monitoring.is_writing)
        rpc_error(s->rpc, request, RPC_GENERIC_ERROR, "another change of monitors is being written");
    else
        rpc_error(s->rpc, request, RPC_INTERNAL_ERROR, "out of memory");
    return NULL;
}

static void add_record(struct change *c, enum record_kind kind, const char *key, const char *value)
{
    struct record *record = &c->records[c->record_count++];
    *record = (struct record){ kind, strdup(key), value ? strdup(value) : NULL };
    c->is_short |= !record->key || (value && !record->value);
}

static void add_monitor_record(struct change *c, const struct monitor *m)
{
    char key[MONITOR_KEY_SIZE];
    AUTO_FREE char *value = monitoring_value(m);
    monitoring_key(m, key);
    c->is_short |= !value;
    add_record(c, RECORD_MONITOR, key, value && *value ? value : NULL);
}

/* ---- written, then done ---- */

static bool is_dropped(const struct monitor *m, const char *base)
{
    if (m->kind == MONITOR_HARD_WIRED)
        return false;
    if (m->is_cleared)
        return true;
    return !str_equal(base, "All") && (m->kind == MONITOR_CUSTOM || str_equal(base, "HardWiredOnly"));
}

static void apply_base(struct station *s, const char *base)
{
    for (size_t i = s->monitoring.count; i-- > 0;) {
        struct monitor *m = &s->monitoring.monitors[i];
        if (!is_dropped(m, base))
            continue;
        if (m->preset)
            monitor_reset(m);
        else
            monitoring_remove(s, m);
    }
}

static int apply(struct station *s, const struct change *c)
{
    if (c->row && variable_set(s, c->row, 0, c->text) < 0)
        return -ENOMEM;
    if (c->is_base)
        apply_base(s, c->text);
    for (size_t i = 0; i < c->remove_count; i++)
        monitoring_remove(s, monitoring_find(s, c->remove[i]));
    for (size_t i = 0; i < c->put_count; i++)
        monitoring_put(s, &c->put[i]);
    return 0;
}

static void refuse(json_t *result, const char *reason)
{
    if (!str_equal(json_get_string(result, "status", ""), "Accepted"))
        return;
    json_object_set_new(result, "status", json_string("Rejected"));
    json_set_optional(result, "statusInfo", json_pack("{s:s}", "reasonCode", reason));
}

/* Nothing of it was done. */
static void refuse_all(json_t *answer)
{
    json_t *set = json_object_get(answer, "setMonitoringResult");
    json_t *cleared = json_object_get(answer, "clearMonitoringResult");
    for (size_t i = 0; i < json_array_size(set); i++) {
        (void)json_object_del(json_array_get(set, i), "id");
        refuse(json_array_get(set, i), "InternalError");
    }
    for (size_t i = 0; i < json_array_size(cleared); i++)
        refuse(json_array_get(cleared, i), "InternalError");
    refuse(answer, "InternalError");
}

static void on_written(struct station *s, void *ctx, int err)
{
    struct change *c = ctx;
    s->monitoring.is_writing = false;
    if (!s->freeing) {
        if (err < 0 || apply(s, c) < 0)
            refuse_all(c->answer);
        rpc_result(s->rpc, &c->request, STEAL(c->answer));
        monitoring_update(s);
    }
    change_free(c);
}

/* Takes the change. */
static void write_change(struct station *s, struct change *c)
{
    if (c->is_short || !c->answer || monitoring_reserve(s, c->put_count) < 0) {
        rpc_error(s->rpc, &c->request, RPC_INTERNAL_ERROR, "out of memory");
        change_free(c);
        return;
    }
    if (c->record_count == 0) {
        on_written(s, c, 0);
        return;
    }
    s->monitoring.is_writing = true;
    station_persist(s, c->records, c->record_count, on_written, c);
}

/* ---- SetVariableMonitoring ---- */

/* N04.FR.10: another one of the same type and severity is on the same variable, or will be after what was asked before in this request. */
static bool is_duplicate(const struct station *s, const struct change *c, const struct monitor *wanted)
{
    for (size_t i = 0; i < s->monitoring.count + c->put_count; i++) {
        bool is_put = i >= s->monitoring.count;
        const struct monitor *m = is_put ? &c->put[i - s->monitoring.count] : &s->monitoring.monitors[i];
        bool is_replaced = false;
        for (size_t k = is_put ? i - s->monitoring.count + 1 : 0; k < c->put_count; k++)
            is_replaced |= c->put[k].id == m->id;
        if (!is_replaced && (is_put || monitoring_has(s, m)) && m->id != wanted->id &&
            m->type == wanted->type && m->severity == wanted->severity && monitor_is_on(m, &wanted->place))
            return true;
    }
    return false;
}

static size_t new_ones(const struct change *c, const struct station *s)
{
    size_t count = 0;
    for (size_t i = 0; i < c->put_count; i++)
        count += monitoring_find(s, c->put[i].id) == NULL;
    return count;
}

/* NULL, or the status; then *ret_reason may be a reason code. */
static const char *check_set(const struct station *s, const struct change *c, const json_t *data,
                             struct monitor *m, const char **ret_reason)
{
    const json_t *id = json_object_get(data, "id");
    const struct monitor *old = id ? monitoring_find(s, json_integer_value(id)) : NULL;
    const char *status = monitor_read(s, data, m, ret_reason);
    m->id = old ? old->id : s->monitoring.next_id;
    if (status)
        return status;
    if (id && !old)
        *ret_reason = "NotFound"; /* N04.FR.13 */
    else if (old && old->kind == MONITOR_HARD_WIRED)
        *ret_reason = "ReadOnly"; /* N04.FR.18 */
    else if (old && !monitor_is_on(old, &m->place))
        *ret_reason = "InvalidValue"; /* N04.FR.16 */
    else if (!old && (s->monitoring.custom + new_ones(c, s) >= (size_t)s->limits.monitors ||
                      s->monitoring.next_id == INT32_MAX - 1))
        *ret_reason = "OutOfStorage";
    if (*ret_reason)
        return "Rejected";
    if (is_duplicate(s, c, m)) {
        *ret_reason = "InvalidValue";
        return "Duplicate";
    }
    if (old) { /* N04.FR.12, N04.FR.15 */
        m->preset = old->preset;
        m->is_exceeded = old->is_exceeded && old->type == m->type;
    }
    return NULL;
}

static json_t *set_one(struct station *s, struct change *c, const json_t *data)
{
    struct monitor m;
    const char *reason;
    const char *status = check_set(s, c, data, &m, &reason);
    json_t *result =
        json_pack("{s:s, s:O, s:O, s:O, s:O}", "status", status ? status : "Accepted", "type",
                  json_object_get(data, "type"), "severity", json_object_get(data, "severity"), "component",
                  json_object_get(data, "component"), "variable", json_object_get(data, "variable"));
    if (status) {
        if (result && reason)
            json_set_optional(result, "statusInfo", json_pack("{s:s}", "reasonCode", reason));
        return result;
    }
    json_set_optional(result, "id", json_integer(m.id)); /* N04.FR.11 */
    if (m.id == s->monitoring.next_id)
        s->monitoring.next_id++;
    c->put[c->put_count++] = m;
    add_monitor_record(c, &m);
    return result;
}

static void on_set_variable_monitoring(struct station *s, const struct rpc_request *request)
{
    const json_t *items = json_object_get(request->payload, "setMonitoringData");
    int next_id = s->monitoring.next_id;
    if (refuse_too_large(s, request, items, VAR_MONITORING_ITEMS_SET, VAR_MONITORING_BYTES_SET))
        return; /* N04.FR.09 */
    struct change *c = begin_change(s, request, json_array_size(items));
    if (!c)
        return;
    json_t *results = json_array();
    for (size_t i = 0; i < json_array_size(items); i++)
        c->is_short |= json_array_append_new(results, set_one(s, c, json_array_get(items, i))) < 0;
    if (s->monitoring.next_id > next_id) { /* an id is never another monitor's, even if this one is gone */
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", s->monitoring.next_id);
        add_record(c, RECORD_MONITOR, MONITOR_NEXT_ID_KEY, number);
    }
    c->answer = json_pack("{s:o}", "setMonitoringResult", results);
    write_change(s, c);
}

/* ---- ClearVariableMonitoring ---- */

static bool is_listed(const struct change *c, int id)
{
    for (size_t i = 0; i < c->remove_count; i++)
        if (c->remove[i] == id)
            return true;
    return false;
}

static json_t *clear_one(struct station *s, struct change *c, const json_t *id)
{
    const struct monitor *m = monitoring_find(s, json_integer_value(id));
    if (!m || is_listed(c, m->id)) /* N06.FR.02 */
        return json_pack("{s:O, s:s, s:{s:s}}", "id", id, "status", "NotFound", "statusInfo", "reasonCode",
                         "NotFound");
    if (m->kind == MONITOR_HARD_WIRED) /* N06.FR.03 */
        return json_pack("{s:O, s:s, s:{s:s}}", "id", id, "status", "Rejected", "statusInfo", "reasonCode",
                         "ReadOnly");
    c->remove[c->remove_count++] = m->id;
    if (m->preset) {
        struct monitor cleared = *m;
        monitor_reset(&cleared);
        cleared.is_cleared = true;
        add_monitor_record(c, &cleared);
    } else {
        char key[MONITOR_KEY_SIZE];
        monitoring_key(m, key);
        add_record(c, RECORD_MONITOR, key, NULL);
    }
    return json_pack("{s:O, s:s}", "id", id, "status", "Accepted");
}

static void on_clear_variable_monitoring(struct station *s, const struct rpc_request *request)
{
    const json_t *ids = json_object_get(request->payload, "id");
    if (refuse_too_large(s, request, ids, VAR_MONITORING_ITEMS_CLEAR, VAR_MONITORING_BYTES_CLEAR))
        return; /* N06.FR.06, N06.FR.07 */
    struct change *c = begin_change(s, request, json_array_size(ids));
    if (!c)
        return;
    json_t *results = json_array();
    for (size_t i = 0; i < json_array_size(ids); i++)
        c->is_short |= json_array_append_new(results, clear_one(s, c, json_array_get(ids, i))) < 0;
    c->answer = json_pack("{s:o}", "clearMonitoringResult", results);
    write_change(s, c);
}

/* ---- SetMonitoringBase, SetMonitoringLevel ---- */

static void set_row(struct change *c, enum variable_id id, const char *text)
{
    char key[VARIABLE_KEY_SIZE];
    c->row = &variable_table[id];
    (void)str_copy(c->text, sizeof(c->text), text);
    variable_key(c->row, 0, key);
    add_record(c, RECORD_VARIABLE, key, text);
    c->answer = json_pack("{s:s}", "status", "Accepted");
}

static void on_set_monitoring_base(struct station *s, const struct rpc_request *request)
{
    const char *base = json_get_string(request->payload, "monitoringBase", "");
    struct change *c = begin_change(s, request, s->monitoring.count);
    if (!c)
        return;
    for (size_t i = 0; i < s->monitoring.count; i++) {
        char key[MONITOR_KEY_SIZE];
        if (!is_dropped(&s->monitoring.monitors[i], base))
            continue;
        monitoring_key(&s->monitoring.monitors[i], key);
        add_record(c, RECORD_MONITOR, key, NULL);
    }
    c->is_base = true;
    set_row(c, VAR_MONITORING_ACTIVE_BASE, base);
    write_change(s, c);
}

static void on_set_monitoring_level(struct station *s, const struct rpc_request *request)
{
    int64_t severity = json_get_int(request->payload, "severity", -1);
    char text[4];
    if (severity < 0 || severity > SEVERITY_MAX) {
        answer_status(s, request, "Rejected", "ValueOutOfRange"); /* N05.FR.02 */
        return;
    }
    struct change *c = begin_change(s, request, 0);
    if (!c)
        return;
    (void)snprintf(text, sizeof(text), "%d", (int)severity);
    set_row(c, VAR_MONITORING_ACTIVE_LEVEL, text);
    write_change(s, c);
}

const struct handler monitoring_handlers[] = {
    { "ClearVariableMonitoring", WHEN_ACCEPTED, on_clear_variable_monitoring },
    { "GetMonitoringReport", WHEN_ACCEPTED, monitoring_on_get_report },
    { "SetMonitoringBase", WHEN_ACCEPTED, on_set_monitoring_base },
    { "SetMonitoringLevel", WHEN_ACCEPTED, on_set_monitoring_level },
    { "SetVariableMonitoring", WHEN_ACCEPTED, on_set_variable_monitoring },
    { NULL, WHEN_ACCEPTED, NULL },
};
