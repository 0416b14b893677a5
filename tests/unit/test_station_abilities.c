/* The station speaks for the device: what the profile does not offer is refused with the status that the specification names. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "tests/support/session.h"

/* A meter and a contactor that the device switches by itself: nothing can be told to it. */
static struct bench *with_little(void)
{
    struct bench_options options = { .abilities = bench_abilities() };
    struct evse_abilities *a = &options.abilities;
    a->reads_id_token = a->start_stop = a->limit = a->unlock = a->reset = a->supports_pause = false;
    static const char *const presets[] = { "AlignedDataCtrlr.Interval=0", NULL };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    return b;
}

#define PROFILE                                                                                              \
    "{'id': 1, 'stackLevel': 0, 'chargingProfilePurpose': 'TxDefaultProfile', 'chargingProfileKind': "       \
    "'Relative', 'chargingSchedule': [{"                                                                     \
    "'id': 1, 'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': 10}]}]}"

static const struct {
    const char *action, *payload, *status; /* NULL: CALLERROR NotSupported, the whole function is missing */
} refused[] = {
    { "UnlockConnector", "{'evseId': 1, 'connectorId': 1}", "UnlockFailed" },
    { "Reset", "{'type': 'Immediate', 'evseId': 1}", "Rejected" }, /* B11.FR.09 */
    { "RequestStartTransaction",
      "{'evseId': 1, 'remoteStartId': 1, 'idToken': {'idToken': 'X', 'type': 'Central'}}", "Rejected" },
    { "RequestStartTransaction", "{'remoteStartId': 1, 'idToken': {'idToken': 'X', 'type': 'Central'}}",
      "Rejected" },
    { "SetChargingProfile", "{'evseId': 1, 'chargingProfile': " PROFILE "}", NULL },
    { "ClearChargingProfile", "{'chargingProfileId': 1}", NULL },
    { "GetChargingProfiles", "{'requestId': 1, 'chargingProfile': {}}", NULL },
    { "GetCompositeSchedule", "{'evseId': 1, 'duration': 60}", NULL },
    { "UpdateFirmware",
      "{'requestId': 1, 'firmware': {'location': 'http://x.example/y', 'retrieveDateTime': "
      "'2026-01-01T00:00:00Z'}}",
      "Rejected" },
    { "TriggerMessage", "{'requestedMessage': 'FirmwareStatusNotification'}",
      "NotImplemented" },                                                                 /* F06.FR.08 */
    { "TriggerMessage", "{'requestedMessage': 'SignV2GCertificate'}", "NotImplemented" }, /* F06.FR.08 */
    { "PublishFirmware", "{}", NULL },
    { "SetDisplayMessage",
      "{'message': {'id': 1, 'priority': 'InFront', 'message': {'format': 'UTF8', 'content': 'x'}}}", NULL },
    { "GetDisplayMessages", "{'requestId': 1}", NULL },
    { "ClearDisplayMessage", "{'id': 1}", NULL },
    { "CostUpdated", "{'totalCost': 1, 'transactionId': 'x'}", NULL },
};

static void what_the_device_lacks_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct bench *b = with_little();
        if (refused[i].status) {
            const json_t *answer = bench_request(b, refused[i].action, refused[i].payload);
            assert_string_equal(json_get_string(answer, "status", ""), refused[i].status);
        } else {
            bench_call_error(b, refused[i].action, refused[i].payload, "NotSupported");
        }
        bench_expect_no_command(b);
        bench_free(b);
    }
}

/* Energy would flow on, and be in no transaction. */
static void what_cannot_be_stopped_is_not_said_to_stop(void **state)
{
    (void)state;
    struct bench *b = with_little();
    session_set(b, "TxCtrlr", "TxStartPoint", "EVConnected");
    bench_forget(b);
    bench_state(b, 1, EVSE_CHARGING);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
    char payload[100];
    (void)snprintf(payload, sizeof(payload), "{'transactionId': '%s'}",
                   json_get_string(json_object_get(event, "transactionInfo"), "transactionId", ""));
    bench_call(b, "RequestStopTransaction", payload,
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'UnsupportedRequest'}}");
    bench_forget(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    bench_free(b);
}

static void what_the_device_lacks_is_not_in_the_reports(void **state)
{
    (void)state;
    static const char *const missing[] = { "SmartChargingCtrlr.Enabled",
                                           "ChargingStation.AllowNewSessionsPendingFirmwareUpdate" };
    for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
        struct bench *b = with_little();
        const char *dot = strchr(missing[i], '.');
        char payload[200];
        (void)snprintf(payload, sizeof(payload),
                       "{'setVariableData': [{'component': {'name': '%.*s'}, 'variable': {'name': '%s'}, "
                       "'attributeValue': 'true'}]}",
                       (int)(dot - missing[i]), missing[i], dot + 1);
        const json_t *result = json_array_get(
            json_object_get(bench_request(b, "SetVariables", payload), "setVariableResult"), 0);
        const char *status = json_get_string(result, "attributeStatus", "");
        assert_true(str_equal(status, "UnknownComponent") || str_equal(status, "UnknownVariable"));
        bench_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_device_lacks_is_refused),
        cmocka_unit_test(what_cannot_be_stopped_is_not_said_to_stop),
        cmocka_unit_test(what_the_device_lacks_is_not_in_the_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
