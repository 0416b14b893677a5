#include "tests/support/charging.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

void charging_set(struct bench *b, int evse, const char *profile, const char *schedule, const char *expected)
{
    char text[12000];
    int length = snprintf(text, sizeof(text),
                          "{'evseId': %d, 'chargingProfile': {%s, 'chargingSchedule': [{'id': 1, %s}]}}",
                          evse, profile, schedule);
    assert_in_range(length, 1, sizeof(text) - 1);
    bench_call(b, "SetChargingProfile", text, expected);
}

void charging_set_tx(struct bench *b, const char *transaction_id, const char *schedule, const char *expected)
{
    char profile[300];
    (void)snprintf(profile, sizeof(profile), PROFILE(7, 0, "TxProfile", "Relative") ", 'transactionId': '%s'",
                   transaction_id);
    charging_set(b, 1, profile, schedule, expected);
}

struct bench *charging_bench(size_t evses, const struct evse_abilities *abilities)
{
    const char *presets[] = { "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0",
                              "TxCtrlr.TxStartPoint=PowerPathClosed", NULL };
    struct bench_options options = { .evse_count = evses,
                                     .abilities = abilities ? *abilities : bench_abilities() };
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    return b;
}

int charging_setup(void **state)
{
    *state = charging_bench(1, NULL);
    return 0;
}

void charging_begin(struct bench *b, int evse, const char *token)
{
    bench_state(b, evse, EVSE_CONNECTED);
    bench_token(b, evse, token, "ISO14443");
    bench_state(b, evse, EVSE_CHARGING);
    bench_forget(b);
}

const json_t *charging_composite(struct bench *b, int evse, int duration_s, const char *unit,
                                 const char *expected)
{
    char text[200], got[4000] = "";
    size_t used = 0, index;
    const json_t *period;
    (void)snprintf(text, sizeof(text), "{'evseId': %d, 'duration': %d, 'chargingRateUnit': '%s'}", evse,
                   duration_s, unit);
    const json_t *answer = bench_request(b, "GetCompositeSchedule", text);
    const json_t *schedule = json_object_get(answer, "schedule");
    assert_string_equal(json_get_string(answer, "status", ""), "Accepted");
    assert_int_equal(json_get_int(schedule, "evseId", -1), evse);
    assert_int_equal(json_get_int(schedule, "duration", -1), duration_s);
    assert_string_equal(json_get_string(schedule, "chargingRateUnit", ""), unit);
    json_array_foreach(json_object_get(schedule, "chargingSchedulePeriod"), index, period) used +=
        (size_t)snprintf(got + used, sizeof(got) - used, "%s%lld:%.6g", used ? " " : "",
                         (long long)json_get_int(period, "startPeriod", -1),
                         json_get_number(period, "limit", -1));
    assert_string_equal(got, expected);
    return schedule;
}
