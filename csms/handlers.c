/* What stations say, and the answer to each. Actions a station never sends are answered NotSupported. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "authority.h"
#include "console.h"
#include "csms.h"
#include "database.h"
#include "tokens.h"

#define MAX_CONNECTORS 1000 /* of a station, that are remembered */
#define MAX_VARIABLES  20000

static json_t *now(const struct csms_station *station)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(env_wall_ms(&station->csms->loop.env), text);
    return json_string(text);
}

static json_t *on_boot_notification(struct csms_station *station, const json_t *payload)
{
    json_decref(station->boot);
    station->boot = json_deep_copy(payload);
    return json_pack("{s:o, s:I, s:s}", "currentTime", now(station), "interval",
                     (json_int_t)station->csms->heartbeat_interval_s, "status", "Accepted");
}

static json_t *on_heartbeat(struct csms_station *station, const json_t *payload)
{
    (void)payload;
    return json_pack("{s:o}", "currentTime", now(station));
}

static json_t *on_status_notification(struct csms_station *station, const json_t *payload)
{
    char key[48];
    (void)snprintf(key, sizeof(key), "%lld.%lld", (long long)json_get_int(payload, "evseId", 0),
                   (long long)json_get_int(payload, "connectorId", 0));
    if (json_object_size(station->connectors) < MAX_CONNECTORS || json_object_get(station->connectors, key))
        (void)json_object_set(station->connectors, key, json_object_get(payload, "connectorStatus"));
    return json_object();
}

static json_t *on_authorize(struct csms_station *station, const json_t *payload)
{
    return json_pack("{s:o}", "idTokenInfo",
                     tokens_info(station->csms->tokens, json_object_get(payload, "idToken")));
}

/* NULL if it could not be stored: then the station must send it again. */
static json_t *on_transaction_event(struct csms_station *station, const json_t *payload)
{
    if (database_add_event(station->csms->database, station->id, payload) < 0)
        return NULL;
    json_t *response = json_object();
    const json_t *token = json_object_get(payload, "idToken");
    if (token)
        (void)json_set_optional(response, "idTokenInfo", tokens_info(station->csms->tokens, token));
    return response;
}

static json_t *on_notify_report(struct csms_station *station, const json_t *payload)
{
    size_t index;
    json_t *row;
    if (json_get_int(payload, "seqNo", 0) == 0)
        (void)json_object_clear(station->report);
    json_array_foreach(json_object_get(payload, "reportData"), index, row)
    {
        const json_t *component = json_object_get(row, "component"),
                     *variable = json_object_get(row, "variable");
        const json_t *evse = json_object_get(component, "evse");
        const char *instance = json_get_string(variable, "instance", "");
        char key[200];
        (void)snprintf(key, sizeof(key), "%s[%lld.%lld].%s%s%s", json_get_string(component, "name", ""),
                       (long long)json_get_int(evse, "id", 0),
                       (long long)json_get_int(evse, "connectorId", 0), json_get_string(variable, "name", ""),
                       *instance ? "." : "", instance);
        const json_t *attribute = json_array_get(json_object_get(row, "variableAttribute"), 0);
        if (json_object_size(station->report) < MAX_VARIABLES)
            (void)json_object_set_new(station->report, key,
                                      json_string(json_get_string(attribute, "value", "")));
    }
    if (!json_get_bool(payload, "tbc", false))
        console_print(station->csms->console, "-- %s reported %zu variables (command: variables %s)",
                      station->id, json_object_size(station->report), station->id);
    return json_object();
}

static json_t *on_data_transfer(struct csms_station *station, const json_t *payload)
{
    (void)station;
    (void)payload;
    return json_pack("{s:s}", "status", "UnknownVendorId");
}

static json_t *on_accepted(struct csms_station *station, const json_t *payload)
{
    (void)station;
    (void)payload;
    return json_pack("{s:s}", "status", "Accepted");
}

/* A02.FR.11, .12 */
static json_t *on_sign_certificate(struct csms_station *station, const json_t *payload)
{
    (void)payload;
    return json_pack("{s:s}", "status", station->csms->authority ? "Accepted" : "Rejected");
}

static void send_certificate(struct csms_station *station, const json_t *payload)
{
    const struct csms *csms = station->csms;
    if (!csms->authority)
        return;
    AUTO_FREE char *chain = authority_sign(csms->authority, json_get_string(payload, "csr", ""), station->id);
    if (!chain) {
        console_print(csms->console, "-- %s asks for a certificate that is not its own", station->id);
        return;
    }
    json_t *request = json_pack("{s:s, s:s}", "certificateChain", chain, "certificateType",
                                json_get_string(payload, "certificateType", "ChargingStationCertificate"));
    (void)csms_call(station, "CertificateSigned", request, CSMS_NOBODY);
}

static json_t *on_news(struct csms_station *station, const json_t *payload)
{
    (void)station;
    (void)payload;
    return json_object();
}

static const struct {
    const char *action;
    json_t *(*handle)(struct csms_station *station, const json_t *payload);
} rows[] = {
    { "Authorize", on_authorize },
    { "BootNotification", on_boot_notification },
    { "ClearedChargingLimit", on_news },
    { "DataTransfer", on_data_transfer },
    { "FirmwareStatusNotification", on_news },
    { "Heartbeat", on_heartbeat },
    { "LogStatusNotification", on_news },
    { "MeterValues", on_news },
    { "NotifyChargingLimit", on_news },
    { "NotifyCustomerInformation", on_news },
    { "NotifyDisplayMessages", on_news },
    { "NotifyEVChargingNeeds", on_accepted },
    { "NotifyEVChargingSchedule", on_accepted },
    { "NotifyEvent", on_news },
    { "NotifyMonitoringReport", on_news },
    { "NotifyReport", on_notify_report },
    { "PublishFirmwareStatusNotification", on_news },
    { "ReportChargingProfiles", on_news },
    { "ReservationStatusUpdate", on_news },
    { "SecurityEventNotification", on_news },
    { "SignCertificate", on_sign_certificate },
    { "StatusNotification", on_status_notification },
    { "TransactionEvent", on_transaction_event },
};

void csms_handle(struct csms_station *station, const struct rpc_request *request)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!str_equal(rows[i].action, message_name(request->message)))
            continue;
        json_t *response = rows[i].handle(station, request->payload);
        if (response)
            rpc_result(station->rpc, request, response);
        else
            rpc_error(station->rpc, request, RPC_INTERNAL_ERROR, "could not be stored");
        if (response && rows[i].handle == on_sign_certificate)
            send_certificate(station, request->payload); /* behind the answer */
        return;
    }
    rpc_error(station->rpc, request, RPC_NOT_SUPPORTED, "a charging station does not send this");
}
