#include "tests/support/session.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"

#define ENERGY "Energy.Active.Import.Register"

static struct bench *with(const char *a, const char *c, const char *d, const char *e)
{
    const char *presets[] = {
        "TxCtrlr.TxStartPoint=PowerPathClosed", "TxCtrlr.TxStopPoint=EVConnected,Authorized", a, c, d, e, NULL
    };
    return session_bench(presets);
}

/* Everything between the events that have nothing to do with the matter is left out. */
static const json_t *next_event(struct bench *b, const char *payload)
{
    return bench_expect_later(b, "TransactionEvent", payload);
}

/* J02.FR.11, J02.FR.01, J02.FR.02, J02.FR.03, J02.FR.04, J02.FR.22, E02.FR.16 */
static void samples_come_at_their_interval(void **state)
{
    (void)state;
    struct bench *b = with("SampledDataCtrlr.TxUpdatedInterval=30",
                           "SampledDataCtrlr.TxUpdatedMeasurands=" ENERGY ",Power.Active.Import,Voltage",
                           "AlignedDataCtrlr.Interval=0", NULL);
    free(session_charging(b, 1000));
    bench_measure(b, 1, MEASURE_POWER_IMPORT, 11040.25);
    bench_measure(b, 1, MEASURE_VOLTAGE_L1, 230.5);
    for (int i = 1; i <= 3; i++) {
        bench_advance(b, 29999);
        assert_int_equal(bench_count(b, "TransactionEvent"), 0);
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 1000 + i * 90);
        bench_advance(b, 1);
        const json_t *event =
            session_event(b, "Updated", "MeterValuePeriodic", "'evse': null, 'idToken': null");
        assert_true(session_value(event, "Sample.Periodic", ENERGY) == 1000 + i * 90);
        assert_true(session_value(event, "Sample.Periodic", "Power.Active.Import") == 11040.25);
        assert_true(session_value(event, "Sample.Periodic", "Voltage") == 230.5);
    }
    bench_free(b);
}

/* The list of stations: what a limit is compared with is the phase with the most, unless the device measures a current as a whole. */
static void a_summary_tells_the_highest_current(void **state)
{
    (void)state;
    struct bench *b = with(NULL, NULL, NULL, NULL);
    const enum evse_measure measures[] = { MEASURE_CURRENT_IMPORT_L1, MEASURE_CURRENT_IMPORT_L3,
                                           MEASURE_CURRENT_IMPORT };
    const double values[] = { 15.5, 16, 40 };
    for (size_t i = 0; i < ARRAY_SIZE(measures); i++) {
        bench_measure(b, 1, measures[i], values[i]);
        AUTO(json_t) *summary = station_summary(b->station);
        const json_t *evse = json_array_get(json_object_get(summary, "evses"), 0);
        assert_true(json_number_value(json_object_get(evse, "currentA")) == values[i]);
    }
    bench_free(b);
}

static void phases_and_units_are_named(void **state) /* J02.FR.06, J01.FR.10, J01.FR.11, J02.FR.07 */
{
    (void)state;
    struct bench *b = with("SampledDataCtrlr.TxUpdatedInterval=30",
                           "SampledDataCtrlr.TxUpdatedMeasurands=Current.Import,Voltage",
                           "AlignedDataCtrlr.Interval=0", NULL);
    free(session_charging(b, 0));
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L1, 16);
    bench_measure(b, 1, MEASURE_CURRENT_IMPORT_L3, 15.5);
    bench_measure(b, 1, MEASURE_VOLTAGE_L2, 231);
    bench_advance(b, 30000);
    session_event(
        b, "Updated", "MeterValuePeriodic",
        "'meterValue': [{'sampledValue': ["
        "{'measurand': 'Current.Import', 'phase': 'L1', 'value': 16, 'unitOfMeasure': {'unit': 'A'}},"
        "{'measurand': 'Current.Import', 'phase': 'L3', 'value': 15.5},"
        "{'measurand': 'Voltage', 'phase': 'L2-N', 'unitOfMeasure': {'unit': 'V'}}]}]");
    bench_free(b);
}

static void what_has_no_good_value_is_not_reported(void **state)
{
    (void)state;
    struct bench *b =
        with("SampledDataCtrlr.TxUpdatedInterval=30",
             "SampledDataCtrlr.TxUpdatedMeasurands=Power.Active.Import", "AlignedDataCtrlr.Interval=0", NULL);
    bench_measure(b, 1, MEASURE_POWER_IMPORT, 7000);
    free(session_charging(b, 0));
    b->signals[0].measures &= ~(1u << MEASURE_POWER_IMPORT);
    bench_signals(b, 1);
    bench_advance(b, 90000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0); /* no empty array either */
    bench_free(b);
}

static void the_end_carries_what_was_collected(void **state) /* E06.FR.11, TC_J_10 */
{
    (void)state;
    struct bench *b = with("SampledDataCtrlr.TxUpdatedInterval=0", "SampledDataCtrlr.TxEndedInterval=10",
                           "SampledDataCtrlr.TxEndedMeasurands=" ENERGY, "AlignedDataCtrlr.Interval=0");
    free(session_charging(b, 100));
    for (int i = 1; i <= 3; i++) {
        bench_advance(b, 10000);
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 100 + i * 10);
    }
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = next_event(b, "{'eventType': 'Ended'}");
    const json_t *values = json_object_get(event, "meterValue");
    assert_int_equal(json_array_size(values), 5);
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 100);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 130);
    assert_string_equal(json_get_string(json_array_get(values, 1), "timestamp", ""),
                        "2026-01-31T12:00:10.000Z");
    bench_free(b);
}

static void too_many_collected_values_are_thinned_from_the_middle(void **state) /* J02.FR.20, E06.FR.13 */
{
    (void)state;
    struct bench *b = with("SampledDataCtrlr.TxUpdatedInterval=0", "SampledDataCtrlr.TxEndedInterval=10",
                           "SampledDataCtrlr.TxEndedMeasurands=" ENERGY, "AlignedDataCtrlr.Interval=0");
    free(session_charging(b, 100));
    bench_advance(b, 10000 * 500);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 900);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = next_event(b, "{'eventType': 'Ended'}");
    assert_in_range(json_array_size(json_object_get(event, "meterValue")), 40, 101);
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 100);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 900);
    bench_free(b);
}

static void a_register_that_is_set_back_goes_on(void **state) /* J02.FR.16 */
{
    (void)state;
    struct bench *b = with("SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0", NULL, NULL);
    free(session_charging(b, 10000));
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 10400);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 10395); /* rounding */
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 0);     /* reset */
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 250);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = next_event(b, "{'eventType': 'Ended'}");
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 10000);
    assert_true(session_value(event, "Transaction.End", ENERGY) == 10650);
    bench_forget(b);
    bench_state(b, 1, EVSE_CONNECTED); /* the next one begins with what the device shows: J02.FR.17 */
    bench_token(b, 1, CARD, "ISO14443");
    event = next_event(b, "{'eventType': 'Started'}");
    assert_true(session_value(event, "Transaction.Begin", ENERGY) == 250);
    bench_free(b);
}

static void a_register_first_known_later_counts_from_there(void **state)
{
    (void)state;
    struct bench *b = with("SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0", NULL, NULL);
    session_plug(b);
    session_tap(b);
    session_event(b, "Started", "Authorized", "'meterValue': null");
    bench_state(b, 1, EVSE_CHARGING);
    session_event(b, "Updated", "ChargingStateChanged", NULL);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 5000);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 5100);
    json_t *status = station_status(b->station);
    const json_t *evse = json_array_get(json_object_get(status, "evses"), 0);
    assert_true(json_get_number(json_object_get(evse, "transaction"), "energy_Wh", 0) == 100);
    json_decref(status);
    bench_free(b);
}

static void idle_values_come_on_the_clock(void **state) /* J01.FR.14, J01.FR.01 */
{
    (void)state;
    struct bench *b =
        with("AlignedDataCtrlr.Interval=900", "AlignedDataCtrlr.Measurands=" ENERGY, NULL, NULL);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 77);
    bench_advance(b, 899999);
    assert_int_equal(bench_count(b, "MeterValues"), 0);
    bench_advance(b, 1);
    bench_expect_later(b, "MeterValues",
                       "{'evseId': 1, 'meterValue': [{'timestamp': '2026-01-31T12:15:00.000Z', "
                       "'sampledValue': [{'value': 77,"
                       " 'context': 'Sample.Clock', 'measurand': '" ENERGY "'}]}]}");
    bench_free(b);
}

/* J01.FR.02, J01.FR.05, J01.FR.06, J01.FR.07, J01.FR.08, J01.FR.17 */
static void each_evse_tells_its_own_values(void **state)
{
    (void)state;
    struct bench_options options = { .evse_count = 2 };
    const char *presets[] = { "AlignedDataCtrlr.Interval=900",
                              "AlignedDataCtrlr.Measurands=" ENERGY ",Power.Active.Import", NULL };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    for (int evse = 1; evse <= 2; evse++) {
        bench_measure(b, evse, MEASURE_ENERGY_IMPORT, 100 * evse);
        bench_measure(b, evse, MEASURE_POWER_IMPORT, 10 * evse);
    }
    bench_advance(b, 900000);
    bench_expect_later(
        b, "MeterValues",
        "{'evseId': 1, 'meterValue': [{'timestamp': '2026-01-31T12:15:00.000Z', 'sampledValue': ["
        "{'value': 100, 'context': 'Sample.Clock', 'measurand': '" ENERGY
        "', 'unitOfMeasure': {'unit': 'Wh'}},"
        "{'value': 10, 'context': 'Sample.Clock', 'measurand': 'Power.Active.Import'}]}]}");
    bench_expect_later(b, "MeterValues",
                       "{'evseId': 2, 'meterValue': [{'sampledValue': [{'value': 200}, {'value': 20}]}]}");
    bench_free(b);
}

static void the_state_of_charge_is_measured_in_the_vehicle(void **state) /* J01.FR.09, J02.FR.05 */
{
    (void)state;
    struct bench_options options = { .abilities = bench_abilities() };
    options.abilities.measures |= 1u << MEASURE_SOC;
    const char *presets[] = { "AlignedDataCtrlr.Interval=900", "AlignedDataCtrlr.Measurands=SoC,Voltage",
                              NULL };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    bench_measure(b, 1, MEASURE_SOC, 55);
    bench_measure(b, 1, MEASURE_VOLTAGE_L1, 230);
    bench_advance(b, 900000);
    bench_expect_later(
        b, "MeterValues",
        "{'meterValue': [{'sampledValue': [{'measurand': 'SoC', 'value': 55, 'location': 'EV'},"
        "{'measurand': 'Voltage', 'location': null}]}]}"); /* absent: at the outlet */
    bench_free(b);
}

/* The first values are owed, and a sample is due: both are of now. */
static void values_of_one_event_are_of_its_interval(void **state) /* J02.FR.10, J02.FR.18 */
{
    (void)state;
    struct bench *b =
        with("SampledDataCtrlr.TxUpdatedInterval=30", "SampledDataCtrlr.TxUpdatedMeasurands=" ENERGY,
             "AlignedDataCtrlr.Interval=0", NULL);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443"); /* the register has not been read yet */
    bench_state(b, 1, EVSE_CHARGING);
    bench_forget(b);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 500);
    bench_advance(b, 30000);
    bench_expect_later(
        b, "TransactionEvent",
        "{'timestamp': '2026-01-31T12:00:30.000Z', 'meterValue': ["
        "{'timestamp': '2026-01-31T12:00:30.000Z', 'sampledValue': [{'context': 'Transaction.Begin'}]},"
        "{'timestamp': '2026-01-31T12:00:30.000Z', 'sampledValue': [{'context': 'Sample.Periodic'}]}]}");
    bench_free(b);
}

static void what_is_fed_back_does_not_run_backwards_either(void **state) /* J02.FR.16 */
{
    (void)state;
    struct bench_options options = { .abilities = bench_abilities() };
    options.abilities.measures |= 1u << MEASURE_ENERGY_EXPORT;
    const char *presets[] = { "SampledDataCtrlr.TxEndedMeasurands=Energy.Active.Export.Register",
                              "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0", NULL };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    bench_measure(b, 1, MEASURE_ENERGY_EXPORT, 5000);
    free(session_charging(b, 0));
    bench_measure(b, 1, MEASURE_ENERGY_EXPORT, 5200);
    bench_measure(b, 1, MEASURE_ENERGY_EXPORT, 5190); /* rounding */
    bench_measure(b, 1, MEASURE_ENERGY_EXPORT, 0);    /* reset */
    bench_measure(b, 1, MEASURE_ENERGY_EXPORT, 40);
    bench_state(b, 1, EVSE_AVAILABLE);
    const json_t *event = next_event(b, "{'eventType': 'Ended'}");
    assert_true(session_value(event, "Transaction.Begin", "Energy.Active.Export.Register") == 5000);
    assert_true(session_value(event, "Transaction.End", "Energy.Active.Export.Register") == 5240);
    bench_free(b);
}

static void a_clock_that_is_set_shifts_the_boundary(void **state)
{
    (void)state;
    struct bench *b = with("AlignedDataCtrlr.Interval=900", "AlignedDataCtrlr.Measurands=" ENERGY,
                           "ClockCtrlr.TimeSource=Heartbeat", NULL);
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 77);
    b->csms_offset_ms = 600000; /* the CSMS's clock is ten minutes ahead: 12:10 */
    bench_advance(b, 300001);   /* a heartbeat tells */
    bench_advance(b, 60000);    /* 12:16: the boundary at 12:15 has passed */
    bench_expect_later(b, "MeterValues", "{}");
    bench_free(b);
}

static void in_a_transaction_they_are_events(void **state) /* J01.FR.22, TC_J_02 */
{
    (void)state;
    struct bench *b = with("AlignedDataCtrlr.Interval=900", "AlignedDataCtrlr.Measurands=" ENERGY,
                           "SampledDataCtrlr.TxUpdatedInterval=0", NULL);
    free(session_charging(b, 77));
    bench_advance(b, 900000);
    const json_t *event = next_event(b, "{'triggerReason': 'MeterValueClock', 'eventType': 'Updated'}");
    assert_true(session_value(event, "Sample.Clock", ENERGY) == 77);
    assert_int_equal(bench_count(b, "MeterValues"), 0);
    bench_free(b);
}

static void during_idle_only_means_only_during_idle(void **state) /* J01.FR.20, TC_J_06 */
{
    (void)state;
    struct bench *b = with("AlignedDataCtrlr.Interval=900", "AlignedDataCtrlr.SendDuringIdle=true",
                           "SampledDataCtrlr.TxUpdatedInterval=0", NULL);
    free(session_charging(b, 77));
    bench_advance(b, 1800000);
    assert_int_equal(bench_count(b, "TransactionEvent") + bench_count(b, "MeterValues"), 0);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    bench_advance(b, 900000);
    assert_int_equal(bench_count(b, "MeterValues"), 1);
    bench_free(b);
}

static void set_idle_only(struct bench *b, const char *evse, const char *value, const char *status)
{
    char text[300];
    (void)snprintf(text, sizeof(text),
                   "{'setVariableData': [{'component': {'name': 'AlignedDataCtrlr'%s}, 'variable': {'name': "
                   "'SendDuringIdle'},"
                   " 'attributeValue': '%s'}]}",
                   evse, value);
    char result[100];
    (void)snprintf(result, sizeof(result), "{'setVariableResult': [{'attributeStatus': '%s'}]}", status);
    bench_call(b, "SetVariables", text, result);
}

static void one_evse_may_be_told_during_idle_only(void **state) /* J01.FR.19 */
{
    (void)state;
    struct bench_options options = { .evse_count = 2 };
    const char *presets[] = { "AlignedDataCtrlr.Interval=900", "AlignedDataCtrlr.Measurands=" ENERGY,
                              "SampledDataCtrlr.TxUpdatedInterval=0", NULL };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    bench_measure(b, 2, MEASURE_ENERGY_IMPORT, 5);
    set_idle_only(b, ", 'evse': {'id': 1}", "true", "Accepted");
    set_idle_only(b, ", 'evse': {'id': 3}", "true", "UnknownComponent");
    set_idle_only(b, ", 'evse': {'id': 2}", "perhaps", "Rejected");
    bench_restart(b); /* it is kept */
    free(session_charging(b, 77));
    bench_advance(b, 900000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_expect_later(b, "MeterValues", "{'evseId': 2}");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_forget(b);
    bench_advance(b, 900000);
    assert_int_equal(bench_count(b, "MeterValues"), 2);
    bench_free(b);
}

static void the_end_carries_aligned_values(void **state) /* TC_J_03 */
{
    (void)state;
    struct bench *b =
        with("AlignedDataCtrlr.TxEndedInterval=60", "AlignedDataCtrlr.TxEndedMeasurands=" ENERGY,
             "SampledDataCtrlr.TxEndedMeasurands=", "SampledDataCtrlr.TxUpdatedInterval=0");
    free(session_charging(b, 77));
    bench_advance(b, 130000);
    bench_state(b, 1, EVSE_AVAILABLE);
    next_event(b,
               "{'eventType': 'Ended', 'meterValue': ["
               "{'timestamp': '2026-01-31T12:01:00.000Z', 'sampledValue': [{'context': 'Sample.Clock'}]},"
               "{'timestamp': '2026-01-31T12:02:00.000Z', 'sampledValue': [{'context': 'Sample.Clock'}]}]}");
    bench_free(b);
}

static void the_csms_may_ask_for_values(void **state) /* F06.FR.06 */
{
    (void)state;
    struct bench *b = with("AlignedDataCtrlr.Measurands=" ENERGY, NULL, NULL, NULL);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'MeterValues'}", "{'status': 'Rejected'}");
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, 5);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'MeterValues', 'evse': {'id': 1}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "MeterValues",
                 "{'evseId': 1, 'meterValue': [{'sampledValue': [{'context': 'Trigger', 'value': 5}]}]}");
    bench_free(b);
}

static void a_new_interval_counts_at_once(void **state)
{
    (void)state;
    struct bench *b =
        with("SampledDataCtrlr.TxUpdatedInterval=3600", "AlignedDataCtrlr.Interval=0", NULL, NULL);
    free(session_charging(b, 0));
    session_set(b, "SampledDataCtrlr", "TxUpdatedInterval", "20");
    bench_advance(b, 20000);
    session_event(b, "Updated", "MeterValuePeriodic", NULL);
    bench_free(b);
}

static void nothing_is_sampled_where_that_is_off(void **state)
{
    (void)state;
    struct bench *b = with("SampledDataCtrlr.Enabled=false", "AlignedDataCtrlr.Enabled=false", NULL, NULL);
    free(session_charging(b, 0));
    bench_advance(b, 3600000);
    bench_state(b, 1, EVSE_AVAILABLE);
    next_event(b, "{'eventType': 'Ended', 'meterValue': null}");
    assert_int_equal(bench_count(b, "MeterValues"), 0);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_at_their_interval),
        cmocka_unit_test(phases_and_units_are_named),
        cmocka_unit_test(what_has_no_good_value_is_not_reported),
        cmocka_unit_test(the_end_carries_what_was_collected),
        cmocka_unit_test(too_many_collected_values_are_thinned_from_the_middle),
        cmocka_unit_test(a_register_that_is_set_back_goes_on),
        cmocka_unit_test(a_register_first_known_later_counts_from_there),
        cmocka_unit_test(idle_values_come_on_the_clock),
        cmocka_unit_test(each_evse_tells_its_own_values),
        cmocka_unit_test(the_state_of_charge_is_measured_in_the_vehicle),
        cmocka_unit_test(values_of_one_event_are_of_its_interval),
        cmocka_unit_test(what_is_fed_back_does_not_run_backwards_either),
        cmocka_unit_test(a_clock_that_is_set_shifts_the_boundary),
        cmocka_unit_test(in_a_transaction_they_are_events),
        cmocka_unit_test(during_idle_only_means_only_during_idle),
        cmocka_unit_test(one_evse_may_be_told_during_idle_only),
        cmocka_unit_test(the_end_carries_aligned_values),
        cmocka_unit_test(the_csms_may_ask_for_values),
        cmocka_unit_test(a_summary_tells_the_highest_current),
        cmocka_unit_test(a_new_interval_counts_at_once),
        cmocka_unit_test(nothing_is_sampled_where_that_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
