/* Whole sessions of every kind, each looked at for what holds in all of them: numbers without a hole, the first values, samples on the
 * way, the last values, and what goes first when there are too many. */
#include "tests/support/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

#define ENERGY "Energy.Active.Import.Register"

/* One letter a step: p plug, t the card, T another card of the same group, c charge, e the vehicle wants no more, u unplug, x the link is
 * lost, o it comes back, i the CSMS finds the token invalid from now on, w the time to plug in runs out, s so many samples go by. */
struct row {
    const char *steps;
    bool stays_authorized;        /* StopTxOnEVSideDisconnect false */
    const char *trigger, *reason; /* of the end */
};

static const struct row rows[] = {
    /* E02: the cable first; E07: ended by the card. E02.FR.07, E02.FR.09, E02.FR.10, E07.FR.08, E07.FR.11 */
    { "ptcst", false, "StopAuthorized", "Local" },
    /* E01: before anything else. E01.FR.07, E01.FR.09, E06.FR.11, E06.FR.14 */
    { "ptcsesu", false, "EVCommunicationLost", "EVDisconnected" },
    /* E03: the card first. E03.FR.06, E03.FR.07, E03.FR.08 */
    { "tpcst", false, "StopAuthorized", "Local" },
    /* E04: begun without a link. E04.FR.04, E04.FR.05, E04.FR.06 */
    { "xptcsot", false, "StopAuthorized", "Local" },
    /* E05: not accepted afterwards. E05.FR.04, E05.FR.05 */
    { "xptcsio", false, "Deauthorized", "DeAuthorized" },
    /* E08: ended without a link. E08.FR.08, E08.FR.09 */
    { "ptcsxto", false, "StopAuthorized", "Local" },
    /* E09: pulled out at the vehicle. E09.FR.04, E09.FR.05 */
    { "ptcsu", false, "EVCommunicationLost", "EVDisconnected" },
    /* E10: pulled out, and not plugged in again. E10.FR.03, E10.FR.04 */
    { "ptcsuw", true, "EVConnectTimeout", "Timeout" },
    /* E11: the link is away for a while. E11.FR.03 */
    { "ptcxsost", false, "StopAuthorized", "Local" },
    /* E12: all of it without a link. E12.FR.03, E12.FR.07 */
    { "xptcsto", false, "StopAuthorized", "Local" },
    /* E15: the vehicle ends it. E15.FR.01 */
    { "ptcseu", false, "EVCommunicationLost", "EVDisconnected" },
};

struct log {
    json_t *events;
    double Wh;
};

static void take(struct bench *b, struct log *log)
{
    while (bench_count(b, "TransactionEvent") > 0) {
        json_t *event = json_deep_copy(bench_expect_later(b, "TransactionEvent", "{}"));
        json_array_append_new(log->events, event);
    }
    bench_forget(b);
}

static void pass_samples(struct bench *b, struct log *log, int samples)
{
    for (int i = 0; i < samples; i++) {
        log->Wh += 10;
        bench_measure(b, 1, MEASURE_ENERGY_IMPORT, log->Wh);
        bench_advance(b, 20000);
    }
}

static void step(struct bench *b, struct log *log, char letter, int samples)
{
    switch (letter) {
    case 'x':
        bench_link_lost(b);
        break;
    case 'o':
        bench_link_back(b);
        if (b->signals[0].state == EVSE_CHARGING && json_object_get(b->answers, "TransactionEvent"))
            bench_state(b, 1, EVSE_CONNECTED); /* told to stop */
        break;
    case 'i':
        bench_answer(b, "TransactionEvent", "{'idTokenInfo': {'status': 'Invalid'}}");
        break;
    case 's':
        pass_samples(b, log, samples);
        break;
    default:
        session_step(b, letter);
    }
    take(b, log);
}

static struct log run(const struct row *row, int samples, const char *updated, const char *ended)
{
    char first[80], second[80];
    (void)snprintf(first, sizeof(first), "SampledDataCtrlr.TxUpdatedInterval=%s", updated);
    (void)snprintf(second, sizeof(second), "SampledDataCtrlr.TxEndedInterval=%s", ended);
    const char *presets[] = { first,
                              second,
                              "SampledDataCtrlr.TxUpdatedMeasurands=" ENERGY,
                              "AlignedDataCtrlr.Interval=0",
                              "AuthCtrlr.OfflineTxForUnknownIdEnabled=true",
                              "TxCtrlr.TxStartPoint=Authorized",
                              "TxCtrlr.TxStopPoint=Authorized",
                              row->stays_authorized ? "TxCtrlr.StopTxOnEVSideDisconnect=false" : NULL,
                              NULL };
    struct bench *b = session_bench(presets);
    struct log log = { json_array(), 1000 };
    bench_measure(b, 1, MEASURE_ENERGY_IMPORT, log.Wh);
    for (const char *letter = row->steps; *letter; letter++)
        step(b, &log, *letter, samples);
    bench_advance(b, 5000);
    take(b, &log);
    bench_free(b);
    return log;
}

static const json_t *event_at(const struct log *log, size_t index)
{
    return json_array_get(log->events, index);
}

static void check_ended(const struct row *row, const struct log *log)
{
    const json_t *ended = event_at(log, json_array_size(log->events) - 1);
    const json_t *info = json_object_get(ended, "transactionInfo");
    if (!str_equal(json_get_string(ended, "eventType", ""), "Ended") ||
        !str_equal(json_get_string(ended, "triggerReason", ""), row->trigger) ||
        !str_equal(json_get_string(info, "stoppedReason", ""), row->reason))
        fail_msg("%s: ended by %s, %s", row->steps, json_get_string(ended, "triggerReason", "?"),
                 json_get_string(info, "stoppedReason", "?"));
    assert_true(session_value(ended, "Transaction.Begin", ENERGY) == 1000);
    assert_true(session_value(ended, "Transaction.End", ENERGY) == log->Wh);
}

static void every_kind_of_session_is_numbered_and_metered(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct log log = run(&rows[i], 3, "20", "0");
        size_t count = json_array_size(log.events), sampled = 0;
        const char *id = NULL;
        for (size_t n = 0; n < count; n++) {
            const json_t *event = event_at(&log, n), *info = json_object_get(event, "transactionInfo");
            assert_int_equal(json_get_int(event, "seqNo", -1), n);
            assert_string_equal(json_get_string(event, "eventType", ""), n == 0           ? "Started"
                                                                         : n == count - 1 ? "Ended"
                                                                                          : "Updated");
            id = id ? id : json_get_string(info, "transactionId", "");
            assert_string_equal(json_get_string(info, "transactionId", ""), id);
            bool is_sample = str_equal(json_get_string(event, "triggerReason", ""), "MeterValuePeriodic");
            sampled += is_sample && !isnan(session_value(event, "Sample.Periodic", ENERGY));
        }
        assert_true(session_value(event_at(&log, 0), "Transaction.Begin", ENERGY) == 1000);
        assert_in_range(sampled, 3, 9);
        check_ended(&rows[i], &log);
        json_decref(log.events);
    }
}

/* More samples than are kept: those in between go, the first and the last stay, and so does the span. E06.FR.12, E06.FR.13, E07.FR.09,
 * E07.FR.10, E08.FR.10, E08.FR.11, E09.FR.06, E09.FR.07, E10.FR.05, E10.FR.06, E12.FR.08, E12.FR.09, E15.FR.02, E15.FR.03, J02.FR.20 */
static void of_too_many_values_those_in_between_go_however_it_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct log log = run(&rows[i], 250, "0", "20");
        check_ended(&rows[i], &log);
        const json_t *ended = event_at(&log, json_array_size(log.events) - 1);
        const json_t *values = json_object_get(ended, "meterValue");
        assert_true(json_array_size(values) <= 101);
        double before = 0, widest = 0;
        for (size_t n = 0; n < json_array_size(values); n++) {
            const json_t *value = json_array_get(values, n);
            double Wh =
                json_get_number(json_array_get(json_object_get(value, "sampledValue"), 0), "value", NAN);
            assert_true(Wh >= before);
            widest = n > 0 ? fmax(widest, Wh - before) : 0;
            before = Wh;
        }
        assert_true(widest <= 160 && json_array_size(values) >= 100); /* even: no long gap anywhere */
        json_decref(log.events);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_session_is_numbered_and_metered),
        cmocka_unit_test(of_too_many_values_those_in_between_go_however_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
