/* TriggerMessage (F06). The answer leaves before the message it promises (F06.FR.04). */
#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"

/* What a row says of a request: whether it will be followed by the message. `evse` is NULL if none was named (F06.FR.11). */
struct trigger {
    const char *message;
    bool (*is_possible)(struct station *s, struct evse *evse, int connector);
    void (*send)(struct station *s, struct evse *evse, int connector);
    bool (*exists)(const struct station *s); /* NULL: always */
};

static bool is_boot_possible(struct station *s, struct evse *evse, int connector)
{
    (void)evse;
    (void)connector;
    return s->provisioning.registration != REGISTRATION_ACCEPTED; /* F06.FR.17 */
}

static void send_boot(struct station *s, struct evse *evse, int connector)
{
    (void)evse;
    (void)connector;
    trigger_boot_notification(s);
}

static bool is_always_possible(struct station *s, struct evse *evse, int connector)
{
    (void)s;
    (void)evse;
    (void)connector;
    return true;
}

static void send_heartbeat(struct station *s, struct evse *evse, int connector)
{
    (void)evse;
    (void)connector;
    trigger_heartbeat(s);
}

static void send_log_status(struct station *s, struct evse *evse, int connector)
{
    (void)evse;
    (void)connector;
    trigger_log_status_notification(s);
}

static void send_signing(struct station *s, struct evse *evse, int connector)
{
    (void)evse;
    (void)connector;
    trigger_sign_certificate(s);
}

static bool is_status_possible(struct station *s, struct evse *evse, int connector)
{
    (void)s;
    return evse && connector > 0; /* F06.FR.12 */
}

static void send_status(struct station *s, struct evse *evse, int connector)
{
    (void)s;
    trigger_status_notification(evse, connector);
}

static bool are_meter_values_possible(struct station *s, struct evse *evse, int connector)
{
    (void)connector;
    return trigger_meter_values(s, evse);
}

static bool is_transaction_event_possible(struct station *s, struct evse *evse, int connector)
{
    (void)connector;
    return station_is_accepted(s) && trigger_transaction_event(s, evse);
}

static void send_firmware_status(struct station *s, struct evse *evse, int connector)
{
    (void)evse;
    (void)connector;
    trigger_firmware_status(s);
}

/* Without anything to update, its status is no message of ours (F06.FR.08). */
static bool has_firmware(const struct station *s)
{
    return s->firmware.settings.is_possible;
}

/* A row without `send` arranges the message itself, after this answer. */
static const struct trigger triggers[] = {
    { "BootNotification", is_boot_possible, send_boot, NULL },
    { "FirmwareStatusNotification", is_always_possible, send_firmware_status, has_firmware },
    { "Heartbeat", is_always_possible, send_heartbeat, NULL },
    { "LogStatusNotification", is_always_possible, send_log_status, NULL },
    { "SignChargingStationCertificate", is_always_possible, send_signing, certificates_can_sign },
    { "StatusNotification", is_status_possible, send_status, NULL },
    { "MeterValues", are_meter_values_possible, NULL, NULL },
    { "TransactionEvent", is_transaction_event_possible, NULL, NULL },
};

static const struct trigger *find_trigger(const struct station *s, const char *message)
{
    for (size_t i = 0; i < ARRAY_SIZE(triggers); i++)
        if (str_equal(triggers[i].message, message) && (!triggers[i].exists || triggers[i].exists(s)))
            return &triggers[i];
    return NULL;
}

static void on_trigger_message(struct station *s, const struct rpc_request *request)
{
    const struct trigger *trigger =
        find_trigger(s, json_get_string(request->payload, "requestedMessage", ""));
    if (!trigger) {
        answer_status(s, request, "NotImplemented", NULL); /* F06.FR.08 */
        return;
    }

    const json_t *place = json_object_get(request->payload, "evse");
    struct evse *evse = place ? station_evse(s, json_get_int(place, "id", 0)) : NULL;
    int64_t connector = json_get_int(place, "connectorId", 0);
    bool is_for_evse = !trigger->send || trigger->send == send_status; /* F06.FR.03 */
    bool is_unknown = place && (!evse || connector < 0 || connector > evse->abilities.connectors);
    if ((is_for_evse && is_unknown) || !trigger->is_possible(s, evse, (int)connector)) {
        answer_status(s, request, "Rejected", NULL);
        return;
    }
    answer_status(s, request, "Accepted", NULL);
    if (trigger->send)
        trigger->send(s, evse, (int)connector);
}

const struct handler trigger_handlers[] = {
    { "TriggerMessage", WHEN_PENDING_TOO, on_trigger_message },
    { NULL, WHEN_ACCEPTED, NULL },
};
