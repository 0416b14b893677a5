/* GetMonitoringReport (N02): which monitors there are, in NotifyMonitoringReport parts; a part is made when the one before it was
 * answered. What is set or cleared meanwhile is told as it is when its part is made. */
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/report.h"

#define PART_ATTEMPTS 2 /* a part without answer is sent once more */

struct monitoring_report {
    struct station *station;
    int64_t request_id;
    int seq_no, attempts;
    bool aborted; /* its last message is still open */
    size_t next;  /* the first of the part not yet answered */
    size_t after; /* the first of the part after it */
    size_t count;
    int ids[]; /* those of one variable side by side */
};

/* MonitoringCriterionEnumType (N02.FR.12 to .14) */
static const char *const criteria[DEVICE_MONITOR_TYPES] = { "ThresholdMonitoring", "ThresholdMonitoring",
                                                            "DeltaMonitoring", "PeriodicMonitoring",
                                                            "PeriodicMonitoring" };

static bool is_wanted(const struct monitor *m, const json_t *request)
{
    const json_t *wanted = json_object_get(request, "monitoringCriteria");
    const json_t *variables = json_object_get(request, "componentVariable");
    bool meets = json_array_size(wanted) == 0, named = json_array_size(variables) == 0;
    for (size_t i = 0; i < json_array_size(wanted); i++)
        meets |= str_equal(json_string_value(json_array_get(wanted, i)), criteria[m->type]);
    for (size_t i = 0; i < json_array_size(variables); i++)
        named |= report_names(json_array_get(variables, i), m->place.row, &m->place);
    return meets && named;
}

static bool is_listed(const struct monitoring_report *r, int id)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->ids[i] == id)
            return true;
    return false;
}

static void list_those_on(struct monitoring_report *r, const struct monitor *first, const json_t *request)
{
    const struct monitoring *all = &r->station->monitoring;
    for (const struct monitor *m = first; m < all->monitors + all->count; m++)
        if (monitor_is_on(m, &first->place) && monitoring_has(r->station, m) && is_wanted(m, request))
            r->ids[r->count++] = m->id;
}

static struct monitoring_report *report_new(struct station *s, const json_t *request)
{
    struct monitoring_report *r = calloc(1, sizeof(*r) + s->monitoring.count * sizeof(r->ids[0]));
    if (!r)
        return NULL;
    r->station = s;
    r->request_id = json_get_int(request, "requestId", 0);
    for (size_t i = 0; i < s->monitoring.count; i++) {
        const struct monitor *m = &s->monitoring.monitors[i];
        if (monitoring_has(s, m) && is_wanted(m, request) && !is_listed(r, m->id))
            list_those_on(r, m, request);
    }
    return r;
}

/* ---- parts ---- */

/* MonitoringDataType of a variable's monitors from ids[*at] on; moves on behind them. NULL if none is there any more, or without memory. */
static json_t *item_json(const struct monitoring_report *r, size_t *at)
{
    const struct monitor *first = NULL;
    json_t *item = NULL, *monitors = NULL;
    for (; *at < r->count; (*at)++) {
        const struct monitor *m = monitoring_find(r->station, r->ids[*at]);
        if (!m)
            continue;
        if (first && !monitor_is_on(m, &first->place))
            break;
        if (!first) {
            first = m;
            monitors = json_array();
            item = json_pack("{s:o, s:o, s:O}", "component", variable_component_json(m->place.row, &m->place),
                             "variable", variable_name_json(m->place.row), "variableMonitoring", monitors);
            json_decref(monitors); /* the item's now */
        }
        if (item && json_array_append_new(monitors, monitor_json(m)) < 0) {
            json_decref(item);
            item = NULL;
        }
    }
    return item;
}

/* The items from r->next on that fit into a part; r->after is set. NULL without memory. */
static json_t *part_items(struct monitoring_report *r)
{
    size_t max = report_part_bytes(r->station), used = 0;
    json_t *items = json_array();
    r->after = r->next;
    while (items && r->after < r->count && json_array_size(items) < ITEMS_PER_MESSAGE) {
        size_t after = r->after;
        json_t *item = item_json(r, &after);
        if (!item && after == r->count)
            break; /* the last ones are gone */
        used += json_text_size(item) + 1;
        if (used > max && json_array_size(items) > 0) {
            json_decref(item);
            return items;
        }
        if (json_array_append_new(items, item) < 0) {
            json_decref(items);
            return NULL;
        }
        r->after = after;
    }
    return items;
}

static void end(struct monitoring_report *r)
{
    if (r->station->monitoring.report == r)
        r->station->monitoring.report = NULL;
    free(r);
}

static void send_part(struct monitoring_report *r);

static void on_notify_monitoring_report_result(void *ctx, const struct rpc_answer *answer)
{
    struct monitoring_report *r = ctx;
    bool is_again = answer->outcome == RPC_TIMED_OUT && r->attempts < PART_ATTEMPTS;
    if (!r->aborted && answer->outcome == RPC_RESULT && r->after < r->count) {
        r->seq_no++; /* N02.FR.09 */
        r->attempts = 0;
        r->next = r->after;
        is_again = true;
    }
    if (!r->aborted && is_again) {
        send_part(r);
        return;
    }
    if (!r->aborted && answer->outcome != RPC_RESULT)
        log_warn(LOG_STATION, "report of monitors broken off: station=%s request=%lld part=%d",
                 r->station->id, (long long)r->request_id, r->seq_no);
    end(r);
}

static void send_part(struct monitoring_report *r)
{
    struct station *s = r->station;
    json_t *items = part_items(r);
    json_t *payload = json_pack("{s:I, s:o, s:i, s:b}", "requestId", (json_int_t)r->request_id, "generatedAt",
                                station_timestamp(s), "seqNo", r->seq_no, "tbc", r->after < r->count);
    if (payload && json_array_size(items) > 0)
        json_set_optional(payload, "monitor", json_incref(items));
    bool is_short = !items;
    json_decref(items);
    if (is_short) {
        json_decref(payload);
        payload = NULL;
    }
    r->attempts++;
    if (outbox_call(s, "NotifyMonitoringReport", payload, OUTBOX_ONLINE_ONLY,
                    on_notify_monitoring_report_result, r) < 0) {
        log_warn(LOG_STATION, "report of monitors cannot be sent: station=%s request=%lld part=%d", s->id,
                 (long long)r->request_id, r->seq_no);
        end(r);
    }
}

void monitoring_report_abort(struct station *s)
{
    if (s->monitoring.report)
        s->monitoring.report->aborted = true; /* freed when its message is over */
    s->monitoring.report = NULL;
}

/* ---- the request ---- */

void monitoring_on_get_report(struct station *s, const struct rpc_request *request)
{
    const json_t *items = json_object_get(request->payload, "componentVariable");
    if (refuse_too_large(s, request, items, VAR_DEVICE_DATA_ITEMS_GET_REPORT,
                         VAR_DEVICE_DATA_BYTES_GET_REPORT)) /* N02.FR.07 */
        return;
    if (s->monitoring.report) {
        answer_status(s, request, "Rejected", "InvalidMessageSeq"); /* one at a time */
        return;
    }
    struct monitoring_report *r = report_new(s, request->payload);
    if (!r) {
        answer_status(s, request, "Rejected", "OutOfMemory");
        return;
    }
    if (r->count == 0) {
        answer_status(s, request, "EmptyResultSet", NULL); /* N02.FR.10 */
        free(r);
        return;
    }
    s->monitoring.report = r;
    answer_status(s, request, "Accepted", NULL); /* N02.FR.01 */
    send_part(r);
}
