/* GetDisplayMessages (O03, O04): the messages asked for, in NotifyDisplayMessages parts, one request's after the other's.
 *
 * A part is sent when the one before it was answered. If the link goes, what waits goes: the CSMS asks again. */
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

#define PART_BYTES_MAX 16384
#define FRAME_BYTES    ((size_t)256) /* of a part besides its messages */
#define PART_ATTEMPTS  2             /* a part without answer is sent once more */

struct display_report {
    struct list link;
    struct station *station;
    int64_t request_id;
    json_t *messages;  /* of MessageInfoType, as they were when asked for */
    size_t next, part; /* answered; in the part on its way */
    int attempts;
};

static void report_free(struct display_report *report)
{
    list_remove(&report->link);
    json_decref(report->messages);
    free(report);
}

static struct display_report *first(const struct station *s)
{
    const struct list *reports = &s->display.reports;
    return list_is_empty(reports) ? NULL : LIST_ITEM(reports->next, struct display_report, link);
}

/* ---- what is asked for ---- */

/* O04.FR.01: all that is given. */
static bool is_asked_for(const struct display_message *m, const json_t *request)
{
    const json_t *ids = json_object_get(request, "id"), *id;
    const char *priority = json_get_string(request, "priority", NULL);
    const char *state = json_get_string(request, "state", NULL);
    bool is_named = json_array_size(ids) == 0;
    size_t index;
    json_array_foreach(ids, index, id) is_named = is_named || json_integer_value(id) == m->id;
    return is_named && (!priority || str_equal(priority, message_priority_names[m->priority])) &&
           (!state || (m->state != MESSAGE_ANY_STATE && str_equal(state, message_state_names[m->state])));
}

/* NULL without memory. */
static json_t *collect(const struct station *s, const json_t *request)
{
    json_t *messages = json_array();
    LIST_FOREACH(link, following, &s->display.messages)
    {
        const struct display_message *m = LIST_ITEM(link, struct display_message, link);
        if (messages && is_asked_for(m, request) && json_array_append(messages, m->info) < 0) {
            json_decref(messages);
            messages = NULL;
        }
    }
    return messages;
}

/* ---- parts ---- */

static void send_part(struct display_report *report);

static void end(struct display_report *report)
{
    struct station *s = report->station;
    report_free(report);
    struct display_report *next = first(s);
    if (next)
        send_part(next);
}

static void on_notify_display_messages_result(void *ctx, const struct rpc_answer *answer)
{
    struct display_report *report = ctx;
    struct station *s = report->station;
    if (answer->outcome == RPC_DISCONNECTED) {
        display_reports_done(s);
        return;
    }
    if (answer->outcome == RPC_TIMED_OUT && report->attempts < PART_ATTEMPTS) {
        send_part(report);
        return;
    }
    report->next += report->part;
    report->attempts = 0;
    if (answer->outcome == RPC_RESULT && report->next < json_array_size(report->messages)) {
        send_part(report);
        return;
    }
    if (answer->outcome != RPC_RESULT)
        log_warn(LOG_STATION, "report of display messages broken off: station=%s request=%lld", s->id,
                 (long long)report->request_id);
    end(report);
}

static size_t part_bytes(const struct station *s)
{
    size_t max = s->max_message > 2 * FRAME_BYTES ? s->max_message - FRAME_BYTES : FRAME_BYTES;
    return max < PART_BYTES_MAX ? max : PART_BYTES_MAX;
}

/* The next messages that stand in one part, one at least. NULL without memory. */
static json_t *part_messages(struct display_report *report)
{
    size_t used = 0, count = json_array_size(report->messages);
    json_t *list = json_array();
    for (report->part = 0; list && report->next + report->part < count; report->part++) {
        json_t *info = json_array_get(report->messages, report->next + report->part);
        used += json_text_size(info) + 1;
        if (report->part > 0 && used > part_bytes(report->station))
            break;
        if (json_array_append(list, info) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static void send_part(struct display_report *report)
{
    struct station *s = report->station;
    json_t *messages = part_messages(report);
    json_t *payload = json_pack("{s:I, s:o}", "requestId", (json_int_t)report->request_id, "messageInfo",
                                messages); /* O03.FR.05, O04.FR.06 */
    if (report->next + report->part < json_array_size(report->messages))
        json_set_optional(payload, "tbc", json_true()); /* O03.FR.04, O04.FR.05 */
    report->attempts++;
    if (outbox_call(s, "NotifyDisplayMessages", payload, OUTBOX_ONLINE_ONLY,
                    on_notify_display_messages_result, report) < 0) {
        log_warn(LOG_STATION, "report of display messages cannot be sent: station=%s request=%lld", s->id,
                 (long long)report->request_id);
        end(report);
    }
}

/* ---- the request ---- */

static size_t waiting(const struct station *s)
{
    size_t count = 0;
    LIST_FOREACH(link, following, &s->display.reports)
    count++;
    return count;
}

void display_report_request(struct station *s, const struct rpc_request *request)
{
    const json_t *ids = json_object_get(request->payload, "id");
    if (json_array_size(ids) > (size_t)s->limits.display_messages) { /* 1.21.1: not more than can be there */
        rpc_error(s->rpc, request, RPC_OCCURRENCE_CONSTRAINT_VIOLATION,
                  "more ids than DisplayMessages.maxLimit");
        return;
    }
    if (waiting(s) >= DISPLAY_REPORTS_MAX) {
        rpc_error(s->rpc, request, RPC_GENERIC_ERROR, "too many reports of display messages are waiting");
        return;
    }
    AUTO(json_t) *messages = collect(s, request->payload);
    struct display_report *report = messages ? calloc(1, sizeof(*report)) : NULL;
    if (!report) {
        rpc_error(s->rpc, request, RPC_INTERNAL_ERROR, "no memory");
        return;
    }
    list_init(&report->link);
    report->station = s;
    report->request_id = json_get_int(request->payload, "requestId", 0);
    report->messages = STEAL(messages);
    if (json_array_size(report->messages) == 0) { /* O03.FR.06, O04.FR.02, O04.FR.07 */
        report_free(report);
        answer_status(s, request, "Unknown", NULL);
        return;
    }
    bool is_first = list_is_empty(&s->display.reports);
    list_append(&s->display.reports, &report->link);
    answer_status(s, request, "Accepted", NULL); /* O03.FR.01, O04.FR.01 */
    if (is_first)
        send_part(report);
}

void display_reports_done(struct station *s)
{
    struct display_report *report;
    while ((report = first(s)))
        report_free(report);
}
