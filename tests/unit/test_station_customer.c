/* CustomerInformation (N09, N10). */
#include "tests/support/bench.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"

#define TOKEN "{'idToken': '04AABBCC', 'type': 'ISO14443'}"
#define CERTIFICATE                                                                                          \
    "{'hashAlgorithm': 'SHA256', 'issuerNameHash': 'aa', 'issuerKeyHash': 'bb', 'serialNumber': '1'}"
#define ASK(flags) "{'requestId': 5, " flags ", 'idToken': {'idToken': '04aabbcc', 'type': 'ISO14443'}}"
#define REPORT     "'report': true, 'clear': false"
#define CLEAR      "'report': false, 'clear': true"
#define CLEAR_ALL  "'report': true, 'clear': true"

static void a_session_is_held(struct bench *b)
{
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_CONNECTED);
    bench_settle(b);
}

static void a_session_was_held(struct bench *b)
{
    a_session_is_held(b);
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 60000);
    bench_forget(b);
}

static bool says(const json_t *notification, const char *text)
{
    return strstr(json_get_string(notification, "data", ""), text) != NULL;
}

static void what_is_kept_is_told(void **state) /* N09.FR.02, N09.FR.05 */
{
    struct bench *b = *state;
    a_session_was_held(b);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    const json_t *sent = bench_expect(b, "NotifyCustomerInformation",
                                      "{'requestId': 5, 'seqNo': 0, 'tbc': null, 'generatedAt': '*'}");
    assert_true(says(sent, "authorization cache: Accepted") && says(sent, "last session: EVSE 1"));
    bench_expect_nothing(b);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}"); /* it is still there */
    assert_true(says(bench_expect(b, "NotifyCustomerInformation", "{}"), "authorization cache"));
}

static void of_a_stranger_nothing_is_told(void **state) /* N09.FR.06, N10.FR.04 */
{
    static const char *const requests[] = {
        ASK(REPORT),
        ASK(CLEAR_ALL),
        "{'requestId': 5, 'report': true, 'clear': true, 'customerIdentifier': '04AABBCC'}",
        "{'requestId': 5, 'report': true, 'clear': false, 'customerCertificate': " CERTIFICATE "}",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        bench_call(b, "CustomerInformation", requests[i], "{'status': 'Accepted'}");
        bench_expect(b, "NotifyCustomerInformation",
                     "{'data': 'No data was found.', 'seqNo': 0, 'tbc': null}");
        bench_expect_nothing(b);
    }
}

static void what_is_cleared_is_told_once_more_and_then_gone(void **state) /* N10.FR.01, N10.FR.03 */
{
    struct bench *b = *state;
    a_session_was_held(b);
    bench_call(b, "CustomerInformation", ASK(CLEAR_ALL), "{'status': 'Accepted'}");
    assert_true(
        says(bench_expect(b, "NotifyCustomerInformation", "{'requestId': 5}"), "authorization cache"));
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_expect(b, "NotifyCustomerInformation", "{'data': 'No data was found.'}");
    const char *key;
    json_t *value;
    json_object_foreach(b->records, key, value) if (str_starts(key, "token/"))
        assert_non_null(strstr(key, "key")); /* of the cache itself */
}

static void what_is_cleared_without_a_report_is_confirmed(void **state) /* N10.FR.06 */
{
    struct bench *b = *state;
    a_session_was_held(b);
    bench_call(b, "CustomerInformation", ASK(CLEAR), "{'status': 'Accepted'}");
    bench_expect(b, "NotifyCustomerInformation", "{'data': 'The data was cleared.', 'requestId': 5}");
    bench_expect_nothing(b);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_expect(b, "NotifyCustomerInformation", "{'data': 'No data was found.'}");
}

static void a_customer_who_charges_is_forgotten_afterwards(void **state) /* N09.FR.05, N10.FR.03, N10.FR.06 */
{
    struct bench *b = *state;
    a_session_is_held(b);
    bench_forget(b);
    bench_call(b, "CustomerInformation", ASK(CLEAR_ALL), "{'status': 'Accepted'}");
    const json_t *sent = bench_expect(b, "NotifyCustomerInformation", "{}");
    assert_true(says(sent, "transaction ") && says(sent, "EVSE 1, started 2026-01-31T12:00"));
    bench_advance(b, 30000);
    bench_call(b, "CustomerInformation", ASK(CLEAR), "{'status': 'Accepted'}"); /* asked for twice */
    bench_token(b, 1, "04AABBCC", "ISO14443");                                  /* the owner still ends it */
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended', 'idToken': {'idToken': '04AABBCC'}}");
    bench_advance(b, 20000);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_expect_later(b, "NotifyCustomerInformation", "{'data': 'No data was found.'}");
}

static void
a_customer_who_is_expected_is_forgotten_when_he_is_not_any_more(void **state) /* N09.FR.05, N10.FR.03 */
{
    struct bench *b = *state;
    bench_call(b, "ReserveNow",
               "{'id': 3, 'evseId': 1, 'expiryDateTime': '2026-01-31T12:30:00Z', 'idToken': " TOKEN "}",
               "{'status': 'Accepted'}");
    bench_forget(b);
    bench_call(b, "CustomerInformation", ASK(CLEAR_ALL), "{'status': 'Accepted'}");
    assert_true(
        says(bench_expect(b, "NotifyCustomerInformation", "{}"), "reservation 3, until 2026-01-31T12:30"));
    assert_non_null(bench_record(b, "state", "forget/ISO14443/04aabbcc"));
    bench_advance(b, 3600000);
    assert_null(bench_record(b, "state", "forget/ISO14443/04aabbcc"));
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_expect_later(b, "NotifyCustomerInformation", "{'data': 'No data was found.'}");
}

static void a_power_cut_does_not_make_it_remember(void **state) /* N10.FR.03 */
{
    struct bench *b = *state;
    a_session_is_held(b);
    bench_call(b, "CustomerInformation", ASK(CLEAR), "{'status': 'Accepted'}");
    bench_settle(b);
    assert_non_null(bench_record(b, "state", "forget/ISO14443/04aabbcc"));
    bench_restart(b);
    bench_advance(b, 15000);
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    bench_advance(b, 20000);
    assert_null(bench_record(b, "state", "forget/ISO14443/04aabbcc"));
    bench_forget(b);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_expect(b, "NotifyCustomerInformation", "{'data': 'No data was found.'}");
}

static void too_many_who_are_to_be_forgotten_are_refused(void **state) /* N10.FR.05 */
{
    struct bench *b = *state;
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {'name': 'AuthCtrlr'}, 'variable': {'name': "
               "'OfflineTxForUnknownIdEnabled'}, 'attributeValue': 'true'}]}",
               "{}");
    bench_link_lost(b);
    for (int i = 0; i < 9; i++) {
        char token[12];
        snprintf(token, sizeof(token), "04AABB%02d", i);
        bench_token(b, 1, token, "ISO14443");
        bench_state(b, 1, EVSE_CONNECTED);
        bench_token(b, 1, token, "ISO14443");
        bench_state(b, 1, EVSE_AVAILABLE);
        bench_advance(b, 1000);
    }
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    bench_link_back(b);
    for (int i = 0; i < 9; i++) {
        char request[200];
        snprintf(request, sizeof(request),
                 "{'requestId': 1, 'report': false, 'clear': true, 'idToken': {'idToken': '04AABB%02d', "
                 "'type': 'ISO14443'}}",
                 i);
        bench_call(b, "CustomerInformation", request,
                   i < 8 ? "{'status': 'Accepted'}" : "{'status': 'Rejected'}");
        bench_advance(b, 40000); /* the event on its way is given up for now, the report leaves */
    }
}

static void events_not_delivered_are_told_of_and_stay(void **state) /* N09.FR.05, N10.FR.03 */
{
    struct bench *b = *state;
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    a_session_is_held(b);
    bench_forget(b);
    bench_token(b, 1, "04AABBCC", "ISO14443");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_advance(b, 20000);
    bench_call(b, "CustomerInformation", ASK(CLEAR_ALL), "{'status': 'Accepted'}");
    bench_answer(b, "TransactionEvent", "");
    bench_advance(b, 60000); /* the event on its way is given up for now, and comes again */
    assert_true(
        says(bench_expect_later(b, "NotifyCustomerInformation", "{}"), "event that waits for the CSMS"));
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended', 'idToken': '*'}");
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_expect_later(b, "NotifyCustomerInformation", "{'data': 'No data was found.'}");
}

static void a_request_must_name_one_customer(void **state) /* N09.FR.09 */
{
    static const char *const requests[] = {
        "{'requestId': 5, 'report': true, 'clear': false}",
        "{'requestId': 5, 'report': true, 'clear': false, 'customerIdentifier': 'x', 'idToken': " TOKEN "}",
        "{'requestId': 5, 'report': false, 'clear': false, 'customerIdentifier': 'x', "
        "'customerCertificate': " CERTIFICATE "}",
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        bench_call(b, "CustomerInformation", requests[i], "{'status': 'Invalid'}");
    bench_expect_nothing(b);
}

static void what_asks_for_nothing_is_rejected(void **state) /* N09.FR.07, N10.FR.07 */
{
    struct bench *b = *state;
    bench_call(b, "CustomerInformation", ASK("'report': false, 'clear': false"), "{'status': 'Rejected'}");
    bench_expect_nothing(b);
}

static void one_report_is_sent_at_a_time(void **state) /* N09.FR.03, N10.FR.05 */
{
    struct bench *b = *state;
    bench_answer(b, "NotifyCustomerInformation", BENCH_SILENCE);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_call(b, "CustomerInformation", ASK(CLEAR), "{'status': 'Rejected'}");
    bench_reply(b, "{}");
    bench_answer(b, "NotifyCustomerInformation", "");
    bench_call(b, "CustomerInformation", ASK(CLEAR), "{'status': 'Accepted'}");
}

static void a_long_report_comes_in_parts(void **state) /* N09.FR.05 */
{
    struct bench *b = *state;
    a_session_was_held(b); /* the token is in the cache now */
    bench_link_lost(b);
    for (int i = 0; i < 8; i++) {
        a_session_is_held(b);
        bench_token(b, 1, "04AABBCC", "ISO14443");
        bench_state(b, 1, EVSE_AVAILABLE);
        bench_advance(b, 1000);
    }
    bench_answer(b, "TransactionEvent", BENCH_SILENCE);
    bench_link_back(b);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_answer(b, "TransactionEvent", "");
    bool more = true;
    int parts = 0, events = 0;
    char text[17000] = "";
    for (; more; parts++) {
        bench_advance(b, 40000);
        const json_t *sent = bench_expect_later(b, "NotifyCustomerInformation", "{'requestId': 5}");
        assert_int_equal(json_get_int(sent, "seqNo", -1), parts);
        assert_true(strlen(json_get_string(sent, "data", "")) <= 512);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", json_get_string(sent, "data", ""));
        more = json_get_bool(sent, "tbc", false);
    }
    for (const char *at = text; (at = strstr(at, "waits for the CSMS: transaction ")); at++)
        events++;
    assert_true(parts > 1 && events >= 8);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void a_part_lost_is_sent_again(void **state) /* N09.FR.05 */
{
    struct bench *b = *state;
    bench_answer(b, "NotifyCustomerInformation", BENCH_SILENCE);
    bench_call(b, "CustomerInformation", ASK(REPORT), "{'status': 'Accepted'}");
    bench_expect(b, "NotifyCustomerInformation", "{'seqNo': 0}");
    bench_advance(b, 36000);
    bench_expect(b, "NotifyCustomerInformation", "{'seqNo': 0}");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_kept_is_told),
        TEST(of_a_stranger_nothing_is_told),
        TEST(what_is_cleared_is_told_once_more_and_then_gone),
        TEST(what_is_cleared_without_a_report_is_confirmed),
        TEST(a_customer_who_charges_is_forgotten_afterwards),
        TEST(a_customer_who_is_expected_is_forgotten_when_he_is_not_any_more),
        TEST(a_power_cut_does_not_make_it_remember),
        TEST(too_many_who_are_to_be_forgotten_are_refused),
        TEST(events_not_delivered_are_told_of_and_stay),
        TEST(a_request_must_name_one_customer),
        TEST(what_asks_for_nothing_is_rejected),
        TEST(one_report_is_sent_at_a_time),
        TEST(a_long_report_comes_in_parts),
        TEST(a_part_lost_is_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
