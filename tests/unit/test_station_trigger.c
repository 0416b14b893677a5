/* TriggerMessage (F06). */
#include "tests/support/bench.h"

#include <stdio.h>

#include "base/json.h"

static void an_accepted_station_does_not_boot_again(void **state) /* F06.FR.17 */
{
    struct bench *b = *state;
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'BootNotification'}", "{'status': 'Rejected'}");
    bench_expect_nothing(b);
}

static void a_heartbeat_follows_at_once(void **state) /* F06.FR.03, .05, .10 */
{
    struct bench *b = *state;
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'Heartbeat'}", "{'status': 'Accepted'}");
    bench_expect(b, "Heartbeat", "{}");
    /* what is not relevant is ignored: F06.FR.03 */
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'Heartbeat', 'evse': {'id': 7}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "Heartbeat", "{}");
    bench_expect_nothing(b);
}

static void a_status_is_sent_for_one_connector(void **state) /* F06.FR.12 */
{
    struct bench *b = *state;
    bench_call(b, "TriggerMessage",
               "{'requestedMessage': 'StatusNotification', 'evse': {'id': 1, 'connectorId': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 1, 'connectorId': 1}");
    static const char *const rejected[] = {
        "{'requestedMessage': 'StatusNotification'}",
        "{'requestedMessage': 'StatusNotification', 'evse': {'id': 1}}",
        "{'requestedMessage': 'StatusNotification', 'evse': {'id': 2, 'connectorId': 1}}",
        "{'requestedMessage': 'StatusNotification', 'evse': {'id': 1, 'connectorId': 2}}",
    };
    for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++)
        bench_call(b, "TriggerMessage", rejected[i], "{'status': 'Rejected'}");
    bench_state(b, 1, EVSE_CONNECTED); /* what is told is the present: F06.FR.09 */
    bench_forget(b);
    bench_call(b, "TriggerMessage",
               "{'requestedMessage': 'StatusNotification', 'evse': {'id': 1, 'connectorId': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
    bench_expect_nothing(b);
}

static void without_an_evse_all_are_meant(void **state) /* F06.FR.11 */
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 3 });
    bench_boot(b);
    for (int evse = 1; evse <= 3; evse++)
        bench_measure(b, evse, MEASURE_ENERGY_IMPORT, 1000 * evse);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'MeterValues'}", "{'status': 'Accepted'}");
    for (int evse = 1; evse <= 3; evse++) {
        const json_t *message = bench_expect(b, "MeterValues", "{'meterValue': [{'sampledValue': '*'}]}");
        assert_int_equal(json_get_int(message, "evseId", 0), evse);
    }
    bench_expect_nothing(b);

    for (int evse = 1; evse <= 3; evse += 2) {
        bench_token(b, evse, "04AABBCC", "ISO14443");
        bench_state(b, evse, EVSE_CONNECTED);
        bench_state(b, evse, EVSE_CHARGING);
    }
    bench_forget(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent', 'evse': {'id': 2}}",
               "{'status': 'Rejected'}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent'}", "{'status': 'Accepted'}");
    for (int evse = 1; evse <= 3; evse += 2)
        bench_expect(b, "TransactionEvent",
                     evse == 1 ? "{'triggerReason': 'Trigger', 'evse': {'id': 1}, 'transactionInfo':"
                                 " {'chargingState': 'Charging'}, 'meterValue': '*'}"
                               : "{'triggerReason': 'Trigger', 'evse': {'id': 3}, 'transactionInfo':"
                                 " {'chargingState': 'Charging'}, 'meterValue': '*'}");
    bench_expect_nothing(b);
    bench_free(b);
}

static void meter_values_come_from_an_idle_evse(void **state) /* F06.FR.06 */
{
    struct bench *b = *state;
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1234);
    bench_measure(b, 1, MEASURE_POWER_IMPORT, 0);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'MeterValues', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "MeterValues", "{'evseId': 1, 'meterValue': '*'}");
    bench_expect_nothing(b);
}

static void a_transaction_event_needs_a_transaction(void **state) /* F06.FR.07 */
{
    struct bench *b = *state;
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent'}", "{'status': 'Rejected'}");
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_forget(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(
        b, "TransactionEvent",
        "{'eventType': 'Updated', 'triggerReason': 'Trigger', 'transactionInfo': {'chargingState': '*'}}");
}

static void what_is_not_built_is_not_implemented(void **state) /* F06.FR.08 */
{
    static const char *const messages[] = {
        "FirmwareStatusNotification",
        "SignV2GCertificate",
        "PublishFirmwareStatusNotification",
        "SignCombinedCertificate",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        char request[100];
        snprintf(request, sizeof(request), "{'requestedMessage': '%s'}", messages[i]);
        bench_call(b, "TriggerMessage", request, "{'status': 'NotImplemented'}");
    }
    bench_expect_nothing(b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_accepted_station_does_not_boot_again),   TEST(a_heartbeat_follows_at_once),
        TEST(a_status_is_sent_for_one_connector),        TEST(meter_values_come_from_an_idle_evse),
        cmocka_unit_test(without_an_evse_all_are_meant), TEST(a_transaction_event_needs_a_transaction),
        TEST(what_is_not_built_is_not_implemented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
