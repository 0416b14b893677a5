/* Routes that move stations: OCPP requests as the CSMS would send them, limits, single registers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/limit_request.h"
#include "gateway/meters.h"
#include "gateway/probe.h"
#include "gateway/station_entry.h"
#include "ocpp/secrets.h"
#include "station/station.h"

/* What moves a charger or shows something is an operator's; what changes how the station is set up, an admin's. */
static const struct operator_action {
    const char *action;
    bool only_reads; /* changes nothing, so the audit log tells nothing of it */
} operator_actions[] = {
    { "CancelReservation", false },
    { "ChangeAvailability", false },
    { "ClearCache", false },
    { "ClearChargingProfile", false },
    { "ClearDisplayMessage", false },
    { "GetBaseReport", true },
    { "GetChargingProfiles", true },
    { "GetCompositeSchedule", true },
    { "GetDisplayMessages", true },
    { "GetInstalledCertificateIds", true },
    { "GetLocalListVersion", true },
    { "GetMonitoringReport", true },
    { "GetReport", true },
    { "GetTransactionStatus", true },
    { "GetVariables", true },
    { "RequestStartTransaction", false },
    { "RequestStopTransaction", false },
    { "ReserveNow", false },
    { "Reset", false },
    { "SetChargingProfile", false },
    { "SetDisplayMessage", false },
    { "TriggerMessage", false },
    { "UnlockConnector", false },
};

/* NULL: an admin's. */
static const struct operator_action *find_operator_action(const char *action)
{
    for (size_t i = 0; i < ARRAY_SIZE(operator_actions); i++)
        if (str_equal(operator_actions[i].action, action))
            return &operator_actions[i];
    return NULL;
}

/* An answer for a request that may be gone with the API. */
struct pending {
    struct gateway *gateway;
    struct api_request *request;
};

static struct pending *pending_new(struct api_request *request)
{
    struct pending *pending = malloc(sizeof(*pending));
    if (pending)
        *pending = (struct pending){ api_gateway(request), request };
    else
        api_problem(request, 503, "out of memory");
    return pending;
}

/* What the station says to each of several things, such as "Accepted, Rejected"; new reference, NULL: nothing. */
static json_t *statuses_of(const json_t *payload)
{
    static const struct {
        const char *list, *status;
    } rows[] = {
        { "setVariableResult", "attributeStatus" },
        { "setMonitoringResult", "status" },
        { "clearMonitoringResult", "status" },
    };
    char text[200] = "";
    size_t len = 0, index;
    const json_t *result;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        json_array_foreach(json_object_get(payload, rows[i].list), index, result)
        {
            const char *status = json_get_string(result, rows[i].status, "");
            bool fits = len + strlen(status) + sizeof(", ") <= sizeof(text);
            if (fits && !strstr(text, status)) /* each once */
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "", status);
        }
    return len ? json_string(text) : NULL;
}

/* Done or refused: after the answer, since only that tells. */
static void audit_request(struct api_request *request, const struct rpc_answer *answer)
{
    const json_t *body = api_body(request);
    const char *action = json_get_string(body, "action", "");
    const struct operator_action *known = find_operator_action(action);
    bool is_done = answer->outcome == RPC_RESULT;
    if (known && known->only_reads)
        return;
    json_t *status =
        is_done ? json_incref(json_object_get(answer->payload, "status")) : json_string(answer->code);
    if (!status)
        status = statuses_of(answer->payload);
    json_t *after = json_pack("{s:s, s:o*, s:O*}", "action", action, is_done ? "status" : "code", status,
                              "payload", json_object_get(body, "payload"));
    AUTO(json_t) *copy = json_deep_copy(after); /* what is in the body stays as it is */
    json_decref(after);
    frame_hide_secrets(copy);
    api_audit(request, "station.request", api_param(request, 0), NULL, STEAL(copy));
}

static void on_answer(void *ctx, const struct rpc_answer *answer)
{
    struct pending *pending = ctx;
    struct api_request *request = pending->gateway->management ? pending->request : NULL;
    free(pending);
    if (!request)
        return;
    audit_request(request, answer);
    if (answer->outcome == RPC_RESULT)
        api_answer(request, 200, json_pack("{s:O}", "result", answer->payload));
    else
        api_problem_with(request, 422, json_pack("{s:s}", "code", answer->code), "%s",
                         *answer->description ? answer->description : answer->code);
}

static void post_request(struct api_request *request)
{
    struct station_entry *entry = api_station(request);
    const char *action = entry ? api_need_text(request, "action") : NULL;
    if (!action)
        return;
    if (api_role(request) < ROLE_ADMIN && !find_operator_action(action)) {
        api_problem(request, 403, "%.60s changes how the station is set up: this needs the role admin",
                    action);
        return;
    }
    json_t *payload = json_object_get(api_body(request), "payload");
    struct pending *pending = pending_new(request);
    if (!pending)
        return;
    station_request(station_entry_station(entry), action, payload ? json_incref(payload) : json_object(),
                    on_answer, pending);
}

/* Nobody is to undo what protects the installation: a limit that a meter sets is lowered by one of another source. */
static const char *meter_of(const struct api_request *request)
{
    return meters_owner(api_gateway(request)->config, api_param(request, 0),
                        json_get_int(api_body(request), "evse", 0),
                        json_get_string(api_body(request), "source", limit_source_names[LIMIT_SOURCE_EMS]));
}

/* The limit of this source and EVSE as it is, for the audit log; NULL: there is none. New reference. */
static json_t *limit_now(const struct station_entry *entry, const json_t *body)
{
    AUTO(json_t) *status = station_status(station_entry_station(entry));
    int64_t evse = json_get_int(body, "evse", 0);
    const char *source = json_get_string(body, "source", limit_source_names[LIMIT_SOURCE_EMS]);
    json_t *row;
    size_t index;
    json_array_foreach(json_object_get(status, "external_limits"), index, row)
    {
        if (json_get_int(row, "evse", 0) == evse && str_equal(json_get_string(row, "source", ""), source))
            return json_incref(row);
    }
    return NULL;
}

static void post_limit(struct api_request *request)
{
    char problem[200] = "";
    struct station_entry *entry = api_station(request);
    if (!entry)
        return;
    const char *meter = meter_of(request);
    AUTO(json_t) *before = limit_now(entry, api_body(request));
    if (meter)
        api_problem(request, 409, "the meter %.60s sets the limit of this source; take another source",
                    meter);
    else if (limit_request(station_entry_station(entry), api_body(request), problem, sizeof(problem)) < 0)
        api_problem(request, 422, "%s", problem);
    else {
        api_audit(request, "station.limit", api_param(request, 0), STEAL(before),
                  json_incref((json_t *)api_body(request)));
        api_answer(request, 204, NULL);
    }
}

/* A write that was done, or that may have been. */
static void audit_write(struct api_request *request, const json_t *answer)
{
    const char *raw = json_get_string(answer, "before", "");
    json_t *after = json_deep_copy(api_body(request));
    (void)json_set_text(after, "raw", json_get_string(answer, "raw", NULL));
    (void)json_set_text(after, "error", json_get_string(answer, "error", NULL));
    api_audit(request, "station.probe", api_param(request, 0), *raw ? json_pack("{s:s}", "raw", raw) : NULL,
              after);
}

static void on_probed(void *ctx, json_t *answer)
{
    struct pending *pending = ctx;
    struct api_request *request = pending->gateway->management ? pending->request : NULL;
    free(pending);
    if (request && (json_get_bool(answer, "written", false) || json_get_bool(answer, "tried", false)))
        audit_write(request, answer);
    if (request && json_get_bool(answer, "ok", false)) {
        (void)json_object_del(answer, "ok");
        api_answer(request, 200, json_incref(answer));
    } else if (request) {
        api_problem(request, 422, "%s", json_get_string(answer, "error", "out of memory"));
    }
    json_decref(answer);
}

static void post_probe(struct api_request *request)
{
    const json_t *body = api_body(request);
    if (!api_station(request))
        return;
    if (json_get_bool(body, "write", false) && api_role(request) < ROLE_ADMIN) {
        api_problem(request, 403, "to write needs the role admin");
        return;
    }
    AUTO(json_t) *copy = body ? json_copy((json_t *)body) : json_object();
    struct pending *pending = pending_new(request);
    if (!pending)
        return;
    (void)json_set_text(copy, "station", api_param(request, 0));
    probes_start(management_probes(api_gateway(request)->management), copy, on_probed, pending);
}

const struct api_route api_command_routes[] = {
    { HTTP_POST, API_PREFIX "/stations/{id}/requests", ROLE_OPERATOR, post_request,
      "puts an OCPP request to the station as its CSMS would: {action, payload}", NULL },
    { HTTP_POST, API_PREFIX "/stations/{id}/limits", ROLE_OPERATOR, post_limit,
      "a limit from outside of OCPP: {limit, unit, evse, source, duration, schedule} or {release: true}",
      NULL },
    { HTTP_POST, API_PREFIX "/stations/{id}/probe", ROLE_OPERATOR, post_probe,
      "reads or writes one register, property or point: {point}, {epc} or {kind, address, count}", NULL },
    { 0 },
};
