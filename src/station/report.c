/* GetBaseReport and GetReport (B07, B08): the device model in NotifyReport parts.
 *
 * A part is made when the one before it was answered, so a report costs the memory of one part. */
#include "station/report.h"

#include <math.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/variable_table.h"

#define PART_BYTES_MAX 16384
#define FRAME_BYTES    ((size_t)512) /* of a part besides its items */
#define PART_ATTEMPTS  2             /* a part without answer is sent once more */

enum report_base { FULL_INVENTORY, CONFIGURATION_INVENTORY, SUMMARY_INVENTORY, CUSTOM };

/* ComponentCriterionEnumType */
static const struct {
    const char *criterion, *variable;
    bool without_it; /* whether a component that lacks the variable fulfils it (B08.FR.07-.10) */
} criteria[] = {
    { "Active", "Active", true },
    { "Available", "Available", true },
    { "Enabled", "Enabled", true },
    { "Problem", "Problem", false },
};

struct report {
    struct station *station;
    enum report_base base;
    json_t *request; /* of a CUSTOM one */
    int64_t request_id;
    int seq_no, attempts;
    /* the next item, and where the part not yet answered began */
    size_t row, part_row;
    struct variable_place place, part_place;
    bool aborted; /* its last message is still open */
};

static void report_free(struct report *r)
{
    json_decref(r->request);
    free(r);
}

/* ---- what belongs to a report ---- */

static bool is_true(const struct variable_row *row, const struct variable_place *place)
{
    char value[VARIABLE_VALUE_SIZE];
    variable_get(row, place, value);
    return str_equal_ci(value, "true");
}

static bool same_place(const struct variable_place *a, const struct variable_place *b)
{
    return a->evse == b->evse && a->connector == b->connector;
}

static bool same_component(const struct variable_row *a, const struct variable_row *b)
{
    return str_equal(a->component, b->component) &&
           str_equal(a->component_instance ? a->component_instance : "",
                     b->component_instance ? b->component_instance : "");
}

static bool component_meets(const struct variable_row *wanted, const struct variable_place *place,
                            size_t criterion)
{
    for (size_t i = 0; i < variable_row_count(place->station); i++) {
        const struct variable_row *row = variable_row_at(place->station, i);
        struct variable_place at = { .station = place->station };
        if (!same_component(row, wanted) || !str_equal(row->variable, criteria[criterion].variable))
            continue;
        while (variable_next_place(row, &at))
            if (same_place(&at, place))
                return is_true(row, &at);
    }
    return criteria[criterion].without_it;
}

/* B08.FR.13: one of them is enough. */
static bool meets_criteria(const json_t *wanted, const struct variable_row *row,
                           const struct variable_place *place)
{
    if (json_array_size(wanted) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(criteria); i++)
        for (size_t w = 0; w < json_array_size(wanted); w++)
            if (str_equal(json_string_value(json_array_get(wanted, w)), criteria[i].criterion) &&
                component_meets(row, place, i))
                return true;
    return false;
}

bool report_names(const json_t *wanted, const struct variable_row *row, const struct variable_place *place)
{
    const json_t *component = json_object_get(wanted, "component");
    const json_t *variable = json_object_get(wanted, "variable");
    const json_t *evse = json_object_get(component, "evse");
    const char *component_instance = json_get_string(component, "instance", "");
    const char *instance = json_get_string(variable, "instance", "");

    if (!str_equal_ci(json_get_string(component, "name", ""), row->component))
        return false;
    if (*component_instance &&
        !str_equal_ci(component_instance, row->component_instance ? row->component_instance : ""))
        return false;
    if (evse && (!place->evse || json_get_int(evse, "id", 0) != place->evse->id))
        return false;
    if (json_object_get(evse, "connectorId") && json_get_int(evse, "connectorId", 0) != place->connector)
        return false;
    if (variable && !str_equal_ci(json_get_string(variable, "name", ""), row->variable))
        return false;
    return !*instance || str_equal_ci(instance, row->instance ? row->instance : "");
}

static bool is_wanted(const json_t *request, const struct variable_row *row,
                      const struct variable_place *place)
{
    const json_t *variables = json_object_get(request, "componentVariable");
    bool named = json_array_size(variables) == 0;

    for (size_t i = 0; !named && i < json_array_size(variables); i++)
        named = report_names(json_array_get(variables, i), row, place);
    return named && meets_criteria(json_object_get(request, "componentCriteria"), row, place);
}

static bool belongs(const struct report *r, const struct variable_row *row,
                    const struct variable_place *place)
{
    switch (r->base) {
    case FULL_INVENTORY:
        return true;
    case CONFIGURATION_INVENTORY: /* B07.FR.07 */
        return row->mutability != READ_ONLY;
    case SUMMARY_INVENTORY: /* B07.FR.09 */
        return str_equal(row->variable, "AvailabilityState") ||
               (str_equal(row->variable, "Problem") && is_true(row, place));
    case CUSTOM:
        return is_wanted(r->request, row, place);
    }
    return false;
}

/* Moves on to the next item that belongs to it; false at the end. */
static bool next_item(struct report *r)
{
    for (; r->row < variable_row_count(r->station);
         r->row++, r->place = (struct variable_place){ .station = r->station }) {
        const struct variable_row *row = variable_row_at(r->station, r->row);
        while (variable_next_place(row, &r->place))
            if (belongs(r, row, &r->place))
                return true;
    }
    return false;
}

/* ---- parts ---- */

static json_t *characteristics_json(const struct variable_row *row, const struct variable_place *place)
{
    char list[VARIABLE_VALUE_SIZE];
    double min, max;
    json_t *json =
        json_pack("{s:s, s:b}", "dataType", variable_type_names[row->type], "supportsMonitoring", 1);
    if (!json)
        return NULL;

    json_set_text(json, "unit", row->unit);
    variable_limits(row, place, &min, &max);
    if (!isnan(min))
        json_set_optional(json, "minLimit", json_real(min));
    if (!isnan(max))
        json_set_optional(json, "maxLimit", json_real(max));
    variable_values_list(row, place->station, list);
    json_set_text(json, "valuesList", list);
    return json;
}

static json_t *item_json(const struct variable_row *row, const struct variable_place *place)
{
    char value[VARIABLE_VALUE_SIZE];
    json_t *attribute = json_pack(
        "{s:s, s:s, s:b, s:b}", "type", "Actual", "mutability", mutability_names[row->mutability],
        "persistent", row->mutability != READ_ONLY, "constant", row->mutability == READ_ONLY && !row->get);
    if (attribute && row->mutability != WRITE_ONLY) { /* errata to B07.FR.03 */
        variable_get(row, place, value);
        json_set_optional(attribute, "value", json_string(value)); /* "" if unset: B07.FR.11 */
    }
    return json_pack("{s:o, s:o, s:[o], s:o}", "component", variable_component_json(row, place), "variable",
                     variable_name_json(row), "variableAttribute", attribute, "variableCharacteristics",
                     characteristics_json(row, place));
}

size_t report_part_bytes(const struct station *s)
{
    size_t max = s->max_message > 2 * FRAME_BYTES ? s->max_message - FRAME_BYTES : FRAME_BYTES;
    return max < PART_BYTES_MAX ? max : PART_BYTES_MAX;
}

/* The items from the present one on that fit into a part; *ret_more whether some are left. NULL without memory: a report with a gap is
 * none. */
static json_t *part_items(struct report *r, bool *ret_more)
{
    size_t max = report_part_bytes(r->station), used = 0;
    json_t *items = json_array();
    bool more = true;

    while (items && more && json_array_size(items) < ITEMS_PER_MESSAGE) {
        json_t *item = item_json(r->place.row, &r->place);
        if (!item) {
            json_decref(items);
            items = NULL;
            break;
        }
        used += json_text_size(item) + 1;
        if (used > max && json_array_size(items) > 0) {
            json_decref(item);
            break;
        }
        json_array_append_new(items, item);
        more = next_item(r);
    }
    *ret_more = more;
    return items;
}

static void send_part(struct report *r);

static void on_notify_report_result(void *ctx, const struct rpc_answer *answer)
{
    struct report *r = ctx;
    struct station *s = r->station;

    if (r->aborted) {
        report_free(r);
        return;
    }
    if (answer->outcome == RPC_RESULT && r->row < variable_row_count(s)) {
        r->seq_no++; /* B07.FR.10 */
        r->attempts = 0;
        r->part_row = r->row;
        r->part_place = r->place;
        send_part(r);
        return;
    }
    if (answer->outcome == RPC_TIMED_OUT && r->attempts < PART_ATTEMPTS) {
        r->row = r->part_row;
        r->place = r->part_place;
        send_part(r);
        return;
    }
    if (answer->outcome != RPC_RESULT)
        log_warn(LOG_STATION, "report broken off: station=%s request=%lld part=%d", s->id,
                 (long long)r->request_id, r->seq_no);
    s->report = NULL;
    report_free(r);
}

static void send_part(struct report *r)
{
    struct station *s = r->station;
    bool more;
    json_t *items = part_items(r, &more);
    json_t *payload =
        json_pack("{s:I, s:o, s:i, s:b, s:o}", "requestId", (json_int_t)r->request_id, "generatedAt",
                  station_timestamp(s), "seqNo", r->seq_no, "tbc", more, "reportData", items);
    r->attempts++;
    if (outbox_call(s, "NotifyReport", payload, OUTBOX_WHILE_PENDING | OUTBOX_ONLINE_ONLY,
                    on_notify_report_result, r) < 0) {
        log_warn(LOG_STATION, "report cannot be sent: station=%s request=%lld part=%d", s->id,
                 (long long)r->request_id, r->seq_no);
        s->report = NULL;
        report_free(r);
    }
}

void report_abort(struct station *s)
{
    if (s->report)
        s->report->aborted = true; /* freed when its message is over */
    s->report = NULL;
}

/* ---- the requests ---- */

/* Answers, then sends. */
static void begin_report(struct station *s, const struct rpc_request *request, enum report_base base)
{
    struct report *r = s->report ? NULL : calloc(1, sizeof(*r));
    if (!r) {
        answer_status(s, request, "Rejected", NULL); /* B07.FR.13, B08.FR.16: one at a time */
        return;
    }
    *r = (struct report){ .station = s,
                          .base = base,
                          .request_id = json_get_int(request->payload, "requestId", 0),
                          .place = { .station = s } };
    if (base == CUSTOM && !(r->request = json_deep_copy(request->payload))) {
        report_free(r); /* without its filter it would tell all */
        answer_status(s, request, "Rejected", "OutOfMemory");
        return;
    }
    if (!next_item(r)) {
        answer_status(s, request, "EmptyResultSet", NULL); /* B08.FR.15 */
        report_free(r);
        return;
    }
    r->part_row = r->row;
    r->part_place = r->place;
    s->report = r;
    answer_status(s, request, "Accepted", NULL);
    send_part(r);
}

static void on_get_base_report(struct station *s, const struct rpc_request *request)
{
    static const char *const names[] = { "FullInventory", "ConfigurationInventory", "SummaryInventory" };
    const char *name = json_get_string(request->payload, "reportBase", "");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (str_equal(name, names[i])) {
            begin_report(s, request, (enum report_base)i);
            return;
        }
    }
    answer_status(s, request, "NotSupported", NULL); /* B07.FR.02 */
}

static void on_get_report(struct station *s, const struct rpc_request *request)
{
    const json_t *items = json_object_get(request->payload, "componentVariable");
    if (refuse_too_large(s, request, items, VAR_DEVICE_DATA_ITEMS_GET_REPORT,
                         VAR_DEVICE_DATA_BYTES_GET_REPORT))
        return;
    begin_report(s, request, CUSTOM);
}

json_t *station_inventory(struct station *station)
{
    struct report all = { .station = station, .base = FULL_INVENTORY, .place = { .station = station } };
    json_t *items = json_array();
    while (items && next_item(&all))
        if (all.place.row->mutability != WRITE_ONLY)
            (void)json_array_append_new(items, item_json(all.place.row, &all.place));
    return items;
}

const struct handler report_handlers[] = {
    { "GetBaseReport", WHEN_PENDING_TOO, on_get_base_report },
    { "GetReport", WHEN_PENDING_TOO, on_get_report },
    { NULL, WHEN_ACCEPTED, NULL },
};
