/* CALLs of the charger, each with its answer. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "driver/ocpp16/internal.h"

static json_t *current_time(const struct device *device)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(env_wall_ms(device->env), text);
    return json_string(text);
}

static void copy(char *ret, size_t size, const json_t *payload, const char *key)
{
    (void)str_copy(ret, size, json_get_string(payload, key, ""));
    str_make_harmless(ret); /* some of it is logged */
}

static void on_boot_notification(struct device *device, const struct rpc_request *request)
{
    const json_t *p = request->payload;
    copy(device->vendor, sizeof(device->vendor), p, "chargePointVendor");
    copy(device->model, sizeof(device->model), p, "chargePointModel");
    copy(device->serial_number, sizeof(device->serial_number), p, "chargePointSerialNumber");
    copy(device->firmware, sizeof(device->firmware), p, "firmwareVersion");
    if (device_may(device, &device->warnings))
        log_info(LOG_OCPP16, "charger has booted: charger=%s vendor=\"%s\" model=\"%s\" firmware=\"%s\"",
                 device->identity, device->vendor, device->model, device->firmware);
    rpc_result(device->rpc, request,
               json_pack("{s:s, s:o, s:I}", "status", "Accepted", "currentTime", current_time(device),
                         "interval", (json_int_t)(device->options.heartbeat_ms / 1000)));
    bool was_asked = device->boot_asked;
    device->boot_asked = false;
    device_come_online(device, !was_asked);
    device_tell(device);
}

static void on_heartbeat(struct device *device, const struct rpc_request *request)
{
    rpc_result(device->rpc, request, json_pack("{s:o}", "currentTime", current_time(device)));
}

static void on_status_notification(struct device *device, const struct rpc_request *request)
{
    const json_t *p = request->payload;
    struct connector *c = device_connector(device, json_get_int(p, "connectorId", -1));
    if (c) {
        copy(c->error_code, sizeof(c->error_code), p, "errorCode");
        if (str_equal(c->error_code, "NoError"))
            c->error_code[0] = '\0';
        copy(c->vendor_error_code, sizeof(c->vendor_error_code), p, "vendorErrorCode");
        copy(c->info, sizeof(c->info), p, "info");
        connector_on_status(c, json_get_string(p, "status", ""));
    }
    rpc_result(device->rpc, request, json_object());
}

/* What is not surely of the session that ran before the link was lost may be of one that began since: that comes with its own messages. */
static void on_meter_values(struct device *device, const struct rpc_request *request)
{
    const json_t *p = request->payload;
    struct connector *c = device_connector(device, json_get_int(p, "connectorId", -1));
    int64_t id = json_get_int(p, "transactionId", 0);
    if (c) {
        if (id)
            connector_on_transaction_seen(c, id);
        bool is_own = c->session.runs && c->session.id == id;
        bool is_certain = !c->session.runs || is_own || (!id && c->session.is_confirmed);
        meter_on_values(c, json_object_get(p, "meterValue"), is_certain);
    }
    rpc_result(device->rpc, request, json_object());
}

/* Text for the points of this vendor and message; without any the charger hears that nobody knows it. */
static void on_data_transfer(struct device *device, const struct rpc_request *request)
{
    const char *vendor = json_get_string(request->payload, "vendorId", "");
    const char *message = json_get_string(request->payload, "messageId", "");
    const char *data = json_get_string(request->payload, "data", "");
    char name[320];
    bool knows_vendor = false, knows = false;
    (void)snprintf(name, sizeof(name), "%s%s%s", vendor, *message ? " " : "", message);
    for (size_t i = 0; i < device->profile->point_count; i++) {
        const struct point *point = &device->profile->points[i];
        struct datum *datum = &device->data[i];
        size_t len = strlen(vendor);
        if (point->at.ocpp16.item != OCPP16_DATA)
            continue;
        const char *own = point->at.ocpp16.name;
        knows_vendor = knows_vendor || (str_starts(own, vendor) && (own[len] == ' ' || own[len] == '\0'));
        if (!str_equal(own, name) || strlen(data) > POINT_MAX_RAW)
            continue;
        char *text = strdup(data);
        if (!text)
            continue;
        free(datum->text);
        datum->text = text;
        knows = true;
        device_tell(device);
    }
    rpc_result(device->rpc, request,
               json_pack("{s:s}", "status",
                         knows          ? "Accepted"
                         : knows_vendor ? "UnknownMessageId"
                                        : "UnknownVendorId"));
}

static void on_news(struct device *device, const struct rpc_request *request)
{
    rpc_result(device->rpc, request, json_object());
}

static void on_security_event(struct device *device, const struct rpc_request *request)
{
    char type[51];
    (void)str_copy(type, sizeof(type), json_get_string(request->payload, "type", ""));
    str_make_harmless(type);
    WARN(device, "security event of a charger: charger=%s type=\"%s\"", device->identity, type);
    rpc_result(device->rpc, request, json_object());
}

static const struct {
    const char *action;
    void (*handle)(struct device *device, const struct rpc_request *request);
    bool is_boot;
} rows[] = {
    { "Authorize", on_authorize, false },
    { "BootNotification", on_boot_notification, true },
    { "DataTransfer", on_data_transfer, false },
    { "DiagnosticsStatusNotification", on_news, false },
    { "FirmwareStatusNotification", on_news, false },
    { "Heartbeat", on_heartbeat, false },
    { "LogStatusNotification", on_news, false },
    { "MeterValues", on_meter_values, false },
    { "SecurityEventNotification", on_security_event, false },
    { "SignedFirmwareStatusNotification", on_news, false },
    { "StartTransaction", on_start_transaction, false },
    { "StatusNotification", on_status_notification, false },
    { "StopTransaction", on_stop_transaction, false },
};

static int find_row(const struct message *message)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (str_equal(rows[i].action, message_name(message)))
            return (int)i;
    return -1;
}

/* ---- struct rpc_ops ---- */

static int op_send(void *ctx, const char *text, size_t len)
{
    struct device *device = ctx;
    device_keep_sent(device, text, len);
    return device->connected ? device->link->send(device->link_ctx, text, len) : -ENOTCONN;
}

static void op_call(void *ctx, const struct rpc_request *request)
{
    struct device *device = ctx;
    int row = find_row(request->message);
    if (!rows[row].is_boot) /* it need not boot again because the link was lost */
        device_come_online(device, false);
    rows[row].handle(device, request);
}

static bool op_supports(void *ctx, const struct message *message)
{
    (void)ctx;
    return find_row(message) >= 0;
}

static void op_idle(void *ctx)
{
    calls_send_next(ctx);
}

static void op_invalid(void *ctx, const char *why)
{
    struct device *device = ctx;
    (void)why;
    device->health.bad_frames++;
}

const struct rpc_ops ocpp16_rpc_ops = { op_send, op_call, op_supports, op_idle, NULL, op_invalid };
