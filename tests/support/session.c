#include "tests/support/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* The bench borrows the texts for as long as it lives; a test has one bench at a time. */
static void add_preset(struct bench_options *options, const char *text)
{
    static char texts[BENCH_MAX_PRESETS][200];
    assert_true(options->preset_count < BENCH_MAX_PRESETS);
    char *copy = texts[options->preset_count];
    assert_int_equal(str_copy(copy, sizeof(texts[0]), text), 0);
    char *dot = strchr(copy, '.'), *equals = strchr(copy, '=');
    assert_true(dot && equals);
    *dot = *equals = '\0';
    options->presets[options->preset_count++] =
        (struct variable_preset){ .component = copy, .variable = dot + 1, .value = equals + 1 };
}

struct bench *session_bench_unbooted(struct bench_options *options, const char *const *presets)
{
    for (; *presets; presets++)
        add_preset(options, *presets);
    return bench_new(options);
}

struct bench *session_bench_of(const struct evse_abilities *abilities, const char *const *presets)
{
    struct bench_options options = { .abilities = *abilities };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    return b;
}

struct bench *session_bench(const char *const *presets)
{
    struct evse_abilities abilities = bench_abilities();
    return session_bench_of(&abilities, presets);
}

struct bench *session_points(const char *start, const char *stop)
{
    char first[100], last[100];
    (void)snprintf(first, sizeof(first), "TxCtrlr.TxStartPoint=%s", start);
    (void)snprintf(last, sizeof(last), "TxCtrlr.TxStopPoint=%s", stop);
    const char *presets[] = { first, last, "SampledDataCtrlr.TxUpdatedInterval=0",
                              "AlignedDataCtrlr.Interval=0", NULL };
    struct evse_abilities abilities = bench_abilities();
    abilities.parking_bay = true;
    return session_bench_of(&abilities, presets);
}

int session_setup(void **state)
{
    *state = session_points("Authorized,EVConnected", "Authorized,EVConnected");
    return 0;
}

void session_set(struct bench *b, const char *component, const char *variable, const char *value)
{
    char text[400];
    (void)snprintf(text, sizeof(text),
                   "{'setVariableData': [{'component': {'name': '%s'}, 'variable': {'name': '%s'},"
                   " 'attributeValue': '%s'}]}",
                   component, variable, value);
    bench_call(b, "SetVariables", text, "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
}

void session_tap(struct bench *b)
{
    bench_token(b, 1, CARD, "ISO14443");
    bench_expect(b, "Authorize", "{'idToken': {'idToken': '" CARD "', 'type': 'ISO14443'}}");
}

void session_plug(struct bench *b)
{
    bench_state(b, 1, EVSE_CONNECTED);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied'}");
}

void session_unplug(struct bench *b)
{
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Available'}");
}

void session_charge(struct bench *b, double Wh)
{
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, Wh);
    bench_state(b, 1, EVSE_CHARGING);
}

char *session_charging(struct bench *b, double Wh)
{
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, Wh);
    bench_state(b, 1, EVSE_CONNECTED);
    bench_token(b, 1, CARD, "ISO14443");
    bench_state(b, 1, EVSE_CHARGING);
    const json_t *event = bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
    char *id = strdup(json_get_string(json_object_get(event, "transactionInfo"), "transactionId", ""));
    bench_forget(b);
    return id;
}

const json_t *session_event(struct bench *b, const char *type, const char *trigger, const char *more)
{
    char text[1000];
    (void)snprintf(text, sizeof(text), "{'eventType': '%s', 'triggerReason': '%s'%s%s}", type, trigger,
                   more ? ", " : "", more ? more : "");
    return bench_expect(b, "TransactionEvent", text);
}

double session_value(const json_t *event, const char *context, const char *measurand)
{
    size_t i, j;
    json_t *meter_value, *sample;
    json_array_foreach(json_object_get(event, "meterValue"), i, meter_value)
        json_array_foreach(json_object_get(meter_value, "sampledValue"), j,
                           sample) if (str_equal(json_get_string(sample, "context", ""), context) &&
                                       str_equal(json_get_string(sample, "measurand", ""),
                                                 measurand)) return json_get_number(sample, "value", NAN);
    return NAN;
}

void session_step(struct bench *b, char letter)
{
    switch (letter) {
    case 'p':
        bench_state(b, 1, EVSE_CONNECTED);
        break;
    case 't':
        bench_token(b, 1, CARD, "ISO14443");
        if (b->signals[0].state == EVSE_CHARGING)
            bench_state(b, 1, EVSE_CONNECTED); /* it obeys when it is stopped; else this changes nothing */
        break;
    case 'c':
        bench_state(b, 1, EVSE_CHARGING);
        break;
    case 'e':
        bench_state(b, 1, EVSE_SUSPENDED_EV);
        break;
    case 'u':
        bench_state(b, 1, EVSE_AVAILABLE);
        break;
    case 'w':
        bench_advance(b, 60000);
        break;
    default:
        fail();
    }
}
