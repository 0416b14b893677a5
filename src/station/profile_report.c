/* Reports of charging profiles (K09), one at a time, in the order they were asked for.
 *
 * A ReportChargingProfiles has profiles of one EVSE and one source. The next is sent when the one before it was answered, so that a
 * report of hundreds of periods leaves room for others. If the link goes, the reports go: the CSMS asks again. */
#include "station/profile_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/charging_profile.h"
#include "station/internal.h"

#define PART_BYTES_MAX 16384
#define FRAME_BYTES    ((size_t)256) /* of a part besides its profiles */
#define PART_ATTEMPTS  2             /* a part without answer is sent once more */

struct reported {
    int evse;
    enum limit_source source;
    char *text;
};

struct profile_report {
    struct list link;
    struct station *station;
    int64_t request_id;
    int attempts;
    size_t count, next, part;   /* profiles; of them answered; in the part on its way */
    struct reported profiles[]; /* of as many as the store had */
};

static void report_free(struct profile_report *report)
{
    if (!report)
        return;
    list_remove(&report->link);
    for (size_t i = 0; i < report->count; i++)
        free(report->profiles[i].text);
    free(report);
}
DEFINE_AUTO(profile_report, report_free)

static struct profile_report *first(const struct station *s)
{
    const struct list *reports = &s->smart_charging.reports;
    return list_is_empty(reports) ? NULL : LIST_ITEM(reports->next, struct profile_report, link);
}

/* ---- what is asked for ---- */

/* The list has the text or number; a list that is not there has all. */
static bool lists(const json_t *list, const json_t *value)
{
    size_t index;
    const json_t *item;
    json_array_foreach(list, index, item) if (json_equal(item, value)) return true;
    return list == NULL;
}

/* K09.FR.04-.06: all that is given */
static bool is_asked_for(const struct charging_profile *p, const json_t *request)
{
    const json_t *criteria = json_object_get(request, "chargingProfile");
    AUTO(json_t) *id = json_integer(p->id);
    AUTO(json_t) *source = json_string(limit_source_names[p->source]);
    const char *purpose = json_get_string(criteria, "chargingProfilePurpose", NULL);
    return p->evse == json_get_int(request, "evseId", p->evse) &&
           p->stack_level == json_get_int(criteria, "stackLevel", p->stack_level) &&
           (!purpose || str_equal(purpose, profile_purpose_names[p->purpose])) &&
           lists(json_object_get(criteria, "chargingProfileId"), id) &&
           lists(json_object_get(criteria, "chargingLimitSource"), source);
}

/* The profiles of one EVSE and source. False without memory. */
static bool collect(struct profile_report *report, const json_t *request, int evse, enum limit_source source)
{
    LIST_FOREACH(link, following, &report->station->profile_store.profiles)
    {
        const struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        struct reported *reported = &report->profiles[report->count];
        if (p->evse != evse || p->source != source || !is_asked_for(p, request))
            continue;
        *reported = (struct reported){ .evse = evse, .source = source, .text = strdup(p->text) };
        if (!reported->text)
            return false;
        report->count++;
    }
    return true;
}

static struct profile_report *report_new(struct station *s, const json_t *request)
{
    AUTO(profile_report) *report =
        calloc(1, sizeof(*report) + s->profile_store.count * sizeof(report->profiles[0]));
    if (!report)
        return NULL;
    list_init(&report->link);
    report->station = s;
    report->request_id = json_get_int(request, "requestId", 0);
    for (int evse = 0; evse <= (int)s->evse_count; evse++)
        for (int source = 0; source < LIMIT_SOURCES; source++)
            if (!collect(report, request, evse, (enum limit_source)source))
                return NULL;
    return STEAL(report);
}

/* ---- parts ---- */

static void send_part(struct profile_report *report);

static void end(struct profile_report *report)
{
    struct station *s = report->station;
    report_free(report);
    struct profile_report *next = first(s);
    if (next)
        send_part(next);
}

static void on_report_charging_profiles_result(void *ctx, const struct rpc_answer *answer)
{
    struct profile_report *report = ctx;
    struct station *s = report->station;
    if (answer->outcome == RPC_DISCONNECTED) {
        profile_reports_done(s);
        return;
    }
    if (answer->outcome == RPC_TIMED_OUT && report->attempts < PART_ATTEMPTS) {
        send_part(report);
        return;
    }
    report->next += report->part;
    report->attempts = 0;
    if (answer->outcome == RPC_RESULT && report->next < report->count) {
        send_part(report);
        return;
    }
    if (answer->outcome != RPC_RESULT)
        log_warn(LOG_STATION, "report of charging profiles broken off: station=%s request=%lld", s->id,
                 (long long)report->request_id);
    end(report);
}

static size_t part_bytes(const struct station *s)
{
    size_t max = s->max_message > 2 * FRAME_BYTES ? s->max_message - FRAME_BYTES : FRAME_BYTES;
    return max < PART_BYTES_MAX ? max : PART_BYTES_MAX;
}

/* The next profiles that stand in one message. NULL without memory. */
static json_t *part_profiles(struct profile_report *report)
{
    const struct reported *begin = &report->profiles[report->next];
    size_t used = 0;
    json_t *list = json_array();
    for (report->part = 0; list && report->next + report->part < report->count; report->part++) {
        const struct reported *p = begin + report->part;
        used += strlen(p->text) + 1;
        if (p->evse != begin->evse || p->source != begin->source ||
            (report->part > 0 && used > part_bytes(report->station)))
            break;
        if (json_array_append_new(list, json_from_text(p->text, strlen(p->text))) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static void send_part(struct profile_report *report)
{
    struct station *s = report->station;
    const struct reported *begin = &report->profiles[report->next];
    json_t *profiles = part_profiles(report);
    json_t *payload =
        json_pack("{s:I, s:s, s:i, s:o}", "requestId", (json_int_t)report->request_id, "chargingLimitSource",
                  limit_source_names[begin->source], "evseId", begin->evse, "chargingProfile", profiles);
    if (report->next + report->part < report->count) /* K09.FR.02 */
        json_set_optional(payload, "tbc", json_true());
    report->attempts++;
    if (outbox_call(s, "ReportChargingProfiles", payload, OUTBOX_ONLINE_ONLY,
                    on_report_charging_profiles_result, report) < 0) {
        log_warn(LOG_STATION, "report of charging profiles cannot be sent: station=%s request=%lld", s->id,
                 (long long)report->request_id);
        end(report);
    }
}

/* ---- the request ---- */

static size_t waiting(const struct station *s)
{
    size_t count = 0;
    LIST_FOREACH(link, following, &s->smart_charging.reports)
    count++;
    return count;
}

void profile_report_request(struct station *s, const struct rpc_request *request)
{
    if (waiting(s) >= PROFILE_REPORTS_MAX) {
        rpc_error(s->rpc, request, RPC_GENERIC_ERROR, "too many reports of charging profiles are waiting");
        return;
    }
    struct profile_report *report = report_new(s, request->payload);
    if (!report) {
        rpc_error(s->rpc, request, RPC_INTERNAL_ERROR, "no memory");
        return;
    }
    if (report->count == 0) {
        report_free(report);
        answer_status(s, request, "NoProfiles", NULL);
        return;
    }
    bool is_first = list_is_empty(&s->smart_charging.reports);
    list_append(&s->smart_charging.reports, &report->link);
    answer_status(s, request, "Accepted", NULL);
    if (is_first)
        send_part(report);
}

void profile_reports_init(struct station *s)
{
    list_init(&s->smart_charging.reports);
}

void profile_reports_done(struct station *s)
{
    struct profile_report *report;
    while ((report = first(s)))
        report_free(report);
}
