/* The CSMS's requests about charging profiles: SetChargingProfile (K01), GetCompositeSchedule (K08), GetChargingProfiles (K09), ClearChargingProfile (K10). */
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "station/charging_profile.h"
#include "station/profile_report.h"
#include "station/transaction_internal.h"

#define FRAME_BYTES ((size_t)128) /* of a CALLRESULT besides its payload */

static bool is_offered(struct station *s, const struct rpc_request *request)
{
    if (smart_charging_is_offered(s))
        return true;
    rpc_error(s->rpc, request, RPC_NOT_SUPPORTED, "smart charging is not enabled"); /* K01.FR.29 */
    return false;
}

/* To answer when the store has written. NULL without memory. */
static struct rpc_request *keep_request(const struct rpc_request *request)
{
    struct rpc_request *kept = malloc(sizeof(*kept));
    if (kept) {
        *kept = *request;
        kept->payload = NULL;
    }
    return kept;
}

/* ---- SetChargingProfile ---- */

static const char *read_profile(struct station *s, const json_t *payload, struct charging_profile **ret)
{
    AUTO(charging_profile) *p = NULL;
    const char *reason;
    int64_t evse = json_get_int(payload, "evseId", -1);
    if (evse != 0 && !station_evse(s, evse))
        return "UnknownEvse"; /* K01.FR.28 */
    if (charging_profile_read(json_object_get(payload, "chargingProfile"), (int)evse, LIMIT_SOURCE_CSO, &p,
                              &reason) < 0)
        return reason;
    if (p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS)
        return "InvalidProfile"; /* K01.FR.22 */
    if (p->purpose == PURPOSE_TX) {
        const struct evse *e = transaction_find(s, p->transaction_id);
        if (!p->transaction_id[0])
            return "MissingParam"; /* K01.FR.03 */
        if (!e || e->id != p->evse)
            return "TxNotFound"; /* K01.FR.09, K01.FR.33 */
    }
    reason = profile_store_refuse(s, p);
    if (!reason)
        *ret = STEAL(p);
    return reason;
}

static void on_profile_set(struct station *s, void *ctx, const char *reason)
{
    struct rpc_request *request = ctx;
    if (!s->freeing) {
        answer_status(s, request, reason ? "Rejected" : "Accepted", reason);
        if (!reason)
            smart_charging_update(s); /* K01.FR.07, K01.FR.32 */
    }
    free(request);
}

static void on_set_charging_profile(struct station *s, const struct rpc_request *request)
{
    struct charging_profile *profile = NULL;
    if (!is_offered(s, request))
        return;
    const char *reason = read_profile(s, request->payload, &profile);
    struct rpc_request *kept = reason ? NULL : keep_request(request);
    if (kept) {
        profile_store_put(s, profile, on_profile_set, kept);
        return;
    }
    charging_profile_free(profile);
    answer_status(s, request, "Rejected", reason ? reason : "OutOfMemory");
}

/* ---- GetCompositeSchedule ---- */

static json_t *periods_json(const struct composite_period *periods, int count, bool with_phases)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *period =
            json_pack("{s:I, s:f}", "startPeriod", (json_int_t)periods[i].start_s, "limit", periods[i].limit);
        if (with_phases)
            json_set_optional(period, "numberPhases", json_integer(periods[i].phases));
        if (periods[i].phase_to_use)
            json_set_optional(period, "phaseToUse", json_integer(periods[i].phase_to_use));
        if (json_array_append_new(list, period) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

struct asked {
    int64_t evse, duration_s;
    bool in_watts;
};

/* Reads a GetCompositeScheduleRequest. A reasonCode, or NULL. */
static const char *read_asked(struct station *s, const json_t *payload, struct asked *ret)
{
    const char *unit = json_get_string(payload, "chargingRateUnit", NULL);
    if (!unit) /* the station's choice: what its devices are told */
        unit = variable_has_member(s, VAR_SMART_CHARGING_RATE_UNIT, "A") ? "A" : "W";
    ret->evse = json_get_int(payload, "evseId", -1);
    ret->duration_s = json_get_int(payload, "duration", 0);
    ret->in_watts = str_equal(unit, "W");
    if (ret->evse != 0 && !station_evse(s, ret->evse))
        return "UnknownEvse"; /* K08.FR.05 */
    if (!variable_has_member(s, VAR_SMART_CHARGING_RATE_UNIT, unit))
        return "UnsupportedRateUnit"; /* K08.FR.07 */
    return ret->duration_s > 0 ? NULL : "ValuePositiveOnly";
}

/* The response, or NULL and a reasonCode. */
static json_t *composite_json(struct station *s, const struct asked *asked, const char **ret_reason)
{
    struct composite_evse views[STATION_MAX_EVSES];
    struct composite composite;
    struct composite_period *periods = calloc(COMPOSITE_MAX_PERIODS, sizeof(*periods));
    int64_t start_ms = station_wall_ms(s) / 1000 * 1000; /* its periods count whole seconds */
    char start[TIMESTAMP_SIZE];
    *ret_reason = "OutOfMemory";
    if (!periods)
        return NULL;
    smart_charging_view(s, views, &composite);
    size_t index = asked->evse ? (size_t)asked->evse - 1 : COMPOSITE_WHOLE;
    int count = composite_schedule(&composite, index, start_ms, asked->duration_s, asked->in_watts, periods);
    if (count < 0)
        *ret_reason = "TooManyElements"; /* K08.FR.05 */
    timestamp_format(start_ms, start);
    json_t *list = count < 0 ? NULL : periods_json(periods, count, asked->evse && !views[index].is_dc);
    free(periods);
    return list ? json_pack("{s:s, s:{s:I, s:I, s:s, s:s, s:o}}", "status", "Accepted", "schedule", "evseId",
                            (json_int_t)asked->evse, "duration", (json_int_t)asked->duration_s,
                            "scheduleStart", start, "chargingRateUnit", asked->in_watts ? "W" : "A",
                            "chargingSchedulePeriod", list)
                : NULL;
}

static void on_get_composite_schedule(struct station *s, const struct rpc_request *request)
{
    struct asked asked;
    if (!is_offered(s, request))
        return;
    const char *reason = read_asked(s, request->payload, &asked);
    AUTO(json_t) *response = reason ? NULL : composite_json(s, &asked, &reason);
    if (!response)
        answer_status(s, request, "Rejected", reason);
    else if (json_text_size(response) + FRAME_BYTES > s->max_message)
        answer_status(s, request, "Rejected", "TooManyElements"); /* K08.FR.05 */
    else
        rpc_result(s->rpc, request, STEAL(response));
}

static void on_get_charging_profiles(struct station *s, const struct rpc_request *request)
{
    if (is_offered(s, request))
        profile_report_request(s, request);
}

/* ---- ClearChargingProfile ---- */

/* K10.FR.03, K10.FR.04: by id, or by all that is given; external constraints never (K10.FR.08, K10.FR.09). */
static bool is_to_clear(const struct charging_profile *p, const void *ctx)
{
    const json_t *request = ctx;
    const json_t *id = json_object_get(request, "chargingProfileId");
    const json_t *criteria = json_object_get(request, "chargingProfileCriteria");
    const char *purpose = json_get_string(criteria, "chargingProfilePurpose", NULL);
    if (p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS)
        return false;
    if (id)
        return p->id == json_integer_value(id);
    return p->evse == json_get_int(criteria, "evseId", p->evse) &&
           p->stack_level == json_get_int(criteria, "stackLevel", p->stack_level) &&
           (!purpose || str_equal(purpose, profile_purpose_names[p->purpose]));
}

static void on_profiles_cleared(struct station *s, void *ctx, const char *reason)
{
    struct rpc_request *request = ctx;
    if (!s->freeing) {
        if (reason)
            rpc_error(s->rpc, request, RPC_INTERNAL_ERROR, "the profiles cannot be removed from the store");
        else
            answer_status(s, request, "Accepted", NULL);
        smart_charging_update(s); /* K10.FR.05, K10.FR.07 */
    }
    free(request);
}

static void on_clear_charging_profile(struct station *s, const struct rpc_request *request)
{
    if (!is_offered(s, request))
        return;
    struct rpc_request *kept = keep_request(request);
    int r =
        kept ? profile_store_remove(s, is_to_clear, request->payload, on_profiles_cleared, kept) : -ENOMEM;
    if (r == -ENOENT)
        answer_status(s, request, "Unknown", NULL); /* K10.FR.01 */
    else if (r < 0)
        rpc_error(s->rpc, request, RPC_INTERNAL_ERROR, "no memory");
    if (r < 0)
        free(kept);
}

const struct handler smart_charging_handlers[] = {
    { "SetChargingProfile", WHEN_ACCEPTED, on_set_charging_profile },
    { "GetCompositeSchedule", WHEN_ACCEPTED, on_get_composite_schedule },
    { "GetChargingProfiles", WHEN_ACCEPTED, on_get_charging_profiles },
    { "ClearChargingProfile", WHEN_ACCEPTED, on_clear_charging_profile },
    { NULL, WHEN_ACCEPTED, NULL },
};
