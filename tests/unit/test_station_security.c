/* Security events (A04). */
#include "tests/support/bench.h"

#include "station/internal.h"

#include <string.h>

static void a_critical_event_is_sent(void **state) /* A04.FR.01 */
{
    struct bench *b = *state;
    security_event(b->station, "InvalidCsmsCertificate", "expired");
    bench_expect(b, "SecurityEventNotification",
                 "{'type': 'InvalidCsmsCertificate', 'techInfo': 'expired', 'timestamp': '*'}");
    bench_expect_nothing(b);
}

static void what_is_not_critical_is_only_logged(void **state) /* A04.FR.04 */
{
    struct bench *b = *state;
    security_event(b->station, "FailedToAuthenticateAtCsms", NULL);
    security_event(b->station, "NoSuchEvent", NULL);
    bench_expect_nothing(b);
}

static void an_event_waits_for_the_link(void **state) /* A04.FR.02 */
{
    struct bench *b = *state;
    bench_link_lost(b);
    security_event(b->station, "InvalidTLSVersion", NULL);
    bench_link_back(b);
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidTLSVersion'}");
}

static void an_event_survives_a_power_cut(void **state) /* A04.FR.02 */
{
    struct bench *b = *state;
    bench_link_lost(b);
    security_event(b->station, "InvalidTLSVersion", "1.0");
    bench_settle(b);
    bench_restart(b);
    bench_link_back(b);
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidTLSVersion', 'techInfo': '1.0'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'StartupOfTheDevice'}");
    bench_restart(b); /* answered: not again */
    bench_expect(b, "BootNotification", "{}");
    bench_expect(b, "StatusNotification", "{}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'StartupOfTheDevice'}");
    bench_expect_nothing(b);
}

static void an_event_without_answer_is_sent_again(void **state) /* A04.FR.02 */
{
    struct bench *b = *state;
    bench_answer(b, "SecurityEventNotification", BENCH_SILENCE);
    security_event(b->station, "InvalidTLSVersion", NULL);
    bench_expect(b, "SecurityEventNotification", "{}");
    bench_advance(b, 35000);
    bench_expect(b, "SecurityEventNotification", "{}");
    bench_answer(b, "SecurityEventNotification", BENCH_ERROR("NotSupported"));
    bench_advance(b, 200000);
    bench_expect_nothing(b); /* that was an answer */
}

static void an_event_outlives_a_fault_of_the_csms(void **state) /* A04.FR.02 */
{
    struct bench *b = *state;
    bench_answer(b, "SecurityEventNotification", BENCH_ERROR("InternalError"));
    security_event(b->station, "InvalidTLSVersion", NULL);
    bench_expect(b, "SecurityEventNotification", "{}");
    bench_expect_nothing(b); /* not at once */
    bench_answer(b, "SecurityEventNotification", "");
    bench_restart(b);
    bench_expect_later(b, "SecurityEventNotification", "{'type': 'InvalidTLSVersion'}");

    bench_answer(b, "SecurityEventNotification", BENCH_ERROR("GenericError"));
    security_event(b->station, "InvalidTLSCipherSuite", NULL);
    bench_advance(b, 10 * 3600000);
    json_t *calls = json_deep_copy(b->calls);
    size_t sent = 0;
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *payload = json_array_get(json_array_get(calls, i), 1);
        const char *type = json_string_value(json_object_get(payload, "type"));
        sent += type && strcmp(type, "InvalidTLSCipherSuite") == 0;
    }
    assert_int_equal(sent, 3); /* nor for ever */
    json_decref(calls);
}

static void the_same_event_does_not_pile_up(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    for (int i = 0; i < 100; i++)
        security_event(b->station, "InvalidCsmsCertificate", "expired");
    bench_link_back(b);
    bench_expect(b, "SecurityEventNotification", "{}");
    bench_expect_nothing(b);
}

static void events_are_bounded(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    for (int i = 0; i < 200; i++) {
        char info[20];
        snprintf(info, sizeof(info), "try %d", i);
        security_event(b->station, "MaintenanceLoginFailed", info);
    }
    bench_link_back(b);
    assert_int_equal(bench_count(b, "SecurityEventNotification"), SECURITY_EVENTS_MAX);
}

static void a_full_storage_is_told_when_it_begins(void **state) /* A04.FR.01 */
{
    struct bench *b = *state;
    b->store_refuses = true;
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_advance(b, 300000); /* it is tried again and again */
    assert_int_equal(bench_count(b, "SecurityEventNotification"), 1);
    bench_expect_later(b, "SecurityEventNotification", "{'type': 'MemoryExhaustion'}");
    b->store_refuses = false;
    bench_advance(b, 120000);
    bench_forget(b);
    b->store_refuses = true;
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 60000);
    assert_int_equal(bench_count(b, "SecurityEventNotification"), 1);
}

static void a_text_too_long_is_cut_off(void **state)
{
    struct bench *b = *state;
    char info[400];
    memset(info, 'x', sizeof(info) - 1);
    info[sizeof(info) - 1] = '\0';
    security_event(b->station, "MaintenanceLoginFailed", info);
    bench_expect(b, "SecurityEventNotification", "{'techInfo': '*'}");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_critical_event_is_sent),
        TEST(what_is_not_critical_is_only_logged),
        TEST(an_event_waits_for_the_link),
        TEST(an_event_survives_a_power_cut),
        TEST(an_event_without_answer_is_sent_again),
        TEST(an_event_outlives_a_fault_of_the_csms),
        TEST(the_same_event_does_not_pile_up),
        TEST(events_are_bounded),
        TEST(a_full_storage_is_told_when_it_begins),
        TEST(a_text_too_long_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
