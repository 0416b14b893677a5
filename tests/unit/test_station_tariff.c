/* Tariff and cost at the display of the driver (block I). */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"
#include "tests/support/session.h"

#define INFO(more)     "{'idTokenInfo': {'status': 'Accepted'" more "}}"
#define PERSONAL(text) ", 'personalMessage': {'format': 'UTF8', 'content': '" text "'}"

static const char *const usual[] = { "SampledDataCtrlr.TxUpdatedInterval=0",
                                     "AlignedDataCtrlr.Interval=0",
                                     "AuthCacheCtrlr.Enabled=false",
                                     "TxCtrlr.TxStartPoint=Authorized,EVConnected",
                                     "TxCtrlr.TxStopPoint=Authorized,EVConnected",
                                     "TariffCostCtrlr.TariffFallbackMessage=0.59 EUR/kWh",
                                     "TariffCostCtrlr.TotalCostFallbackMessage=See your bill",
                                     NULL };

static struct bench *bench_with(const char *const *presets)
{
    struct evse_abilities abilities = bench_abilities();
    abilities.display = abilities.display_utf8 = abilities.parking_bay = true;
    abilities.display_length = 40;
    return session_bench_of(&abilities, presets);
}

static int setup(void **state)
{
    *state = bench_with(usual);
    return 0;
}

/* The text stands there once within the time that all texts take. */
static void expect_in_turn(struct bench *b, const char *text)
{
    for (int i = 0; i < 4; i++) {
        if (str_equal(b->shown[0], text))
            return;
        bench_advance(b, DISPLAY_PAGE_MS);
    }
    bench_expect_shown(b, 1, text);
}

static void expect_never(struct bench *b, const char *text)
{
    for (int i = 0; i < 4; i++) {
        assert_string_not_equal(b->shown[0], text);
        bench_advance(b, DISPLAY_PAGE_MS);
    }
}

static void tap(struct bench *b)
{
    bench_token(b, 1, CARD, "ISO14443");
    bench_settle(b);
}

/* The next events are answered so, and one is sent. */
static void event_is_answered(struct bench *b, const char *answer)
{
    bench_answer(b, "TransactionEvent", answer);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'TransactionEvent'}", "{'status': 'Accepted'}");
    bench_settle(b);
    bench_answer(b, "TransactionEvent", "");
}

static void charge(struct bench *b)
{
    tap(b);
    bench_state(b, 1, EVSE_CHARGING);
    bench_settle(b);
    bench_forget(b);
}

static void the_driver_sees_his_tariff_before_he_charges(void **state) /* I01.FR.03 */
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", INFO(PERSONAL("Hello Anna, 0.39 EUR/kWh")));
    tap(b);
    bench_expect_shown(b, 1, "Hello Anna, 0.39 EUR/kWh");
    expect_never(b, "0.59 EUR/kWh");
    tap(b); /* she changes her mind */
    expect_never(b, "Hello Anna, 0.39 EUR/kWh");
}

static void a_tariff_may_come_with_the_answer_to_the_first_event(void **state) /* I01.FR.03, I04.FR.01 */
{
    struct bench *b = *state;
    bench_answer(b, "TransactionEvent", INFO(PERSONAL("0.45 EUR/kWh")));
    tap(b);
    bench_expect_shown(b, 1, "0.45 EUR/kWh");
}

static void without_a_tariff_of_his_own_he_sees_the_general_one(void **state) /* I04.FR.01, I04.FR.02 */
{
    struct bench *b = *state;
    tap(b);
    bench_expect_shown(b, 1, "0.59 EUR/kWh");
    session_set(b, "TariffCostCtrlr", "TariffFallbackMessage", "0.61 EUR/kWh");
    bench_expect_shown(b, 1, "0.61 EUR/kWh");
    bench_forget(b);
    tap(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    expect_never(b, "0.61 EUR/kWh");
}

static void offline_he_sees_the_general_tariff(void **state) /* I04.FR.01 */
{
    struct bench *b = *state;
    session_set(b, "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true");
    bench_link_lost(b);
    tap(b);
    bench_expect_shown(b, 1, "0.59 EUR/kWh");
}

static void what_the_display_cannot_show_is_no_tariff(void **state) /* I04.FR.01 */
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", INFO(", 'personalMessage': {'format': 'HTML', 'content': '<b>0.39</b>'}"));
    tap(b);
    bench_expect_shown(b, 1, "0.59 EUR/kWh");
}

static void who_is_refused_is_told_why_for_a_moment(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "Authorize",
                 "{'idTokenInfo': {'status': 'NoCredit'" PERSONAL("Please top up your account") "}}");
    tap(b);
    bench_expect_shown(b, 1, "Please top up your account");
    bench_advance(b, 20000);
    bench_expect_shown(b, 1, "");
}

static void the_running_cost_is_shown(void **state) /* I02.FR.02, I02.FR.03, C01.FR.12 */
{
    struct bench *b = *state;
    charge(b);
    char payload[100];
    snprintf(payload, sizeof(payload), "{'totalCost': 4.2, 'transactionId': '%s'}",
             b->station->evses[0].tx.id);
    bench_call(b, "CostUpdated", payload, "{}");
    expect_in_turn(b, "Cost: 4.20 EUR");
    expect_in_turn(b, "0.59 EUR/kWh"); /* the tariff, too */
    AUTO(json_t) *status = station_status(b->station);
    assert_true(json_object_get(json_array_get(json_object_get(status, "evses"), 0), "display") != NULL);
    bench_call(b, "CostUpdated", "{'totalCost': 9, 'transactionId': 'unknown'}", "{}");
    expect_never(b, "Cost: 9.00 EUR");
}

static void the_running_cost_may_come_with_an_answer(void **state) /* I02.FR.04 */
{
    struct bench *b = *state;
    charge(b);
    session_set(b, "TariffCostCtrlr", "Currency", "JPY");
    event_is_answered(b, "{'totalCost': 420.4}");
    expect_in_turn(b, "Cost: 420 JPY");
    session_set(b, "TariffCostCtrlr", "Currency", "KWD");
    event_is_answered(b, "{'totalCost': 0.5}");
    expect_in_turn(b, "Cost: 0.500 KWD");
}

static void an_updated_tariff_takes_the_place_of_the_old_one(void **state) /* I06.FR.03 */
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", INFO(PERSONAL("0.28 EUR/kWh")));
    charge(b);
    expect_in_turn(b, "0.28 EUR/kWh");
    event_is_answered(b, "{'updatedPersonalMessage': {'format': 'ASCII', 'content': '0.32 EUR/kWh'}}");
    expect_in_turn(b, "0.32 EUR/kWh");
    expect_never(b, "0.28 EUR/kWh");
}

static void the_total_cost_is_shown_for_a_minute(void **state) /* I03.FR.01, I03.FR.03, I03.FR.04 */
{
    struct bench *b = *state;
    charge(b);
    bench_answer(b, "TransactionEvent", "{'totalCost': 0.0}");
    tap(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_settle(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    bench_expect_shown(b, 1, "Total cost: 0.00 EUR");
    bench_advance(b, 59000);
    bench_expect_shown(b, 1, "Total cost: 0.00 EUR");
    bench_advance(b, 2000);
    bench_expect_shown(b, 1, "");
}

static void end_session(struct bench *b)
{
    tap(b);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_settle(b);
}

static void a_total_cost_that_is_not_told_is_not_free(void **state) /* I03.FR.04, I05.FR.01, I05.FR.02 */
{
    struct bench *b = *state;
    charge(b);
    session_set(b, "TariffCostCtrlr", "TotalCostFallbackMessage", "See your invoice");
    end_session(b);
    bench_expect_shown(b, 1, "See your invoice");
}

static void offline_the_fallback_stands_for_the_total_cost(void **state) /* I05.FR.02 */
{
    struct bench *b = *state;
    charge(b);
    bench_link_lost(b);
    end_session(b);
    bench_expect_shown(b, 1, "See your bill");
    bench_answer(b, "TransactionEvent", "{'totalCost': 7}");
    bench_link_back(b);
    bench_advance(b, 1000);
    expect_never(b, "Total cost: 7.00 EUR"); /* I03, remark: the driver has gone */
}

static void a_link_that_goes_before_the_answer_brings_the_fallback(void **state) /* I05.FR.02 */
{
    struct bench *b = *state;
    charge(b);
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    end_session(b);
    expect_never(b, "See your bill");
    bench_link_lost(b);
    bench_settle(b);
    bench_expect_shown(b, 1, "See your bill");
    bench_answer(b, "TransactionEvent", "");
}

static void an_answer_that_does_not_come_brings_the_fallback(void **state)
{
    struct bench *b = *state;
    charge(b);
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    end_session(b);
    bench_advance(b, 31000);
    bench_expect_shown(b, 1, "See your bill");
    bench_answer(b, "TransactionEvent", "");
}

static void who_has_driven_off_is_told_no_total_cost(void **state) /* I03.FR.05 */
{
    static const char *const presets[] = { "AlignedDataCtrlr.Interval=0",
                                           "TxCtrlr.TxStartPoint=ParkingBayOccupancy",
                                           "TxCtrlr.TxStopPoint=ParkingBayOccupancy",
                                           "TariffCostCtrlr.TotalCostFallbackMessage=See your bill", NULL };
    (void)state;
    struct bench *b = bench_with(presets);
    b->signals[0].bay = BAY_OCCUPIED;
    charge(b);
    tap(b);
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_answer(b, "TransactionEvent", "{'totalCost': 3}");
    bench_forget(b);
    b->signals[0].bay = BAY_FREE;
    bench_signals(b, 1);
    bench_settle(b);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    bench_expect_shown(b, 1, "");
    bench_free(b);
}

static void what_is_not_enabled_is_not_shown(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "Authorize", INFO(PERSONAL("0.28 EUR/kWh")));
    charge(b);
    event_is_answered(b, "{'totalCost': 5}");
    expect_in_turn(b, "Cost: 5.00 EUR");
    bench_call(
        b, "SetVariables",
        "{'setVariableData': [{'component': {'name': 'TariffCostCtrlr'}, 'variable': {'name': 'Enabled', "
        "'instance': 'Cost'}, 'attributeValue': 'false'}]}",
        "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    expect_never(b, "Cost: 5.00 EUR");
    bench_call_error(b, "CostUpdated", "{'totalCost': 1, 'transactionId': 'x'}", "NotSupported");
    bench_call(
        b, "SetVariables",
        "{'setVariableData': [{'component': {'name': 'TariffCostCtrlr'}, 'variable': {'name': 'Enabled', "
        "'instance': 'Tariff'}, 'attributeValue': 'false'}]}",
        "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    bench_expect_shown(b, 1, "");
}

static void as_much_of_a_personal_message_is_kept_as_its_size_says(void **state)
{
    static const char *const presets[] = { "DisplayMessageCtrlr.PersonalMessageSize=5", NULL };
    (void)state;
    struct bench *b = bench_with(presets);
    bench_answer(b, "Authorize", INFO(PERSONAL("\u00e9t\u00e9 2026")));
    tap(b);
    bench_expect_shown(b, 1, "\u00e9t\u00e9 2");
    bench_free(b);
}

static void messages_take_turns_with_tariff_and_cost(void **state) /* I01.FR.03, O01.FR.13, O01.FR.15 */
{
    struct bench *b = *state;
    bench_call(
        b, "SetDisplayMessage",
        "{'message': {'id': 1, 'priority': 'InFront', 'message': {'format': 'UTF8', 'content': 'Hi'}}}",
        "{'status': 'Accepted'}");
    charge(b);
    expect_in_turn(b, "Hi");
    expect_in_turn(b, "0.59 EUR/kWh");
    bench_call(b, "SetDisplayMessage",
               "{'message': {'id': 2, 'priority': 'AlwaysFront', 'message': {'format': 'UTF8', 'content': "
               "'Leave the building'}}}",
               "{'status': 'Accepted'}");
    expect_never(b, "0.59 EUR/kWh");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_driver_sees_his_tariff_before_he_charges),
        T(a_tariff_may_come_with_the_answer_to_the_first_event),
        T(without_a_tariff_of_his_own_he_sees_the_general_one),
        T(offline_he_sees_the_general_tariff),
        T(what_the_display_cannot_show_is_no_tariff),
        T(who_is_refused_is_told_why_for_a_moment),
        T(the_running_cost_is_shown),
        T(the_running_cost_may_come_with_an_answer),
        T(an_updated_tariff_takes_the_place_of_the_old_one),
        T(the_total_cost_is_shown_for_a_minute),
        T(a_total_cost_that_is_not_told_is_not_free),
        T(offline_the_fallback_stands_for_the_total_cost),
        T(a_link_that_goes_before_the_answer_brings_the_fallback),
        T(an_answer_that_does_not_come_brings_the_fallback),
        cmocka_unit_test(who_has_driven_off_is_told_no_total_cost),
        T(what_is_not_enabled_is_not_shown),
        cmocka_unit_test(as_much_of_a_personal_message_is_kept_as_its_size_says),
        T(messages_take_turns_with_tariff_and_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
