/* GetLog (N01), and the security log it may ask for (A04). */
#include "tests/support/authority.h"
#include "tests/support/bench.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"

#define GET_LOG                                                                                              \
    "{'logType': 'DiagnosticsLog', 'requestId': 7, 'retries': 0, 'log': {'remoteLocation': "                 \
    "'https://user:word@files.example/in/'}}"

static void a_log_is_uploaded_and_its_progress_told(
    void **state) /* N01.FR.01, N01.FR.02, N01.FR.04, N01.FR.07, N01.FR.08, N01.FR.09, N01.FR.13 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog", GET_LOG,
               "{'status': 'Accepted', 'filename': 'CS-1-diagnostics-20260131T120000Z.tar.gz'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 7}");
    bench_expect_nothing(b);
    assert_int_equal(json_get_int(b->log_request, "kind", -1), LOG_KIND_DIAGNOSTICS);
    assert_string_equal(json_get_string(b->log_request, "url", ""), "https://user:word@files.example/in/");
    assert_string_equal(json_get_string(b->log_request, "fileName", ""),
                        "CS-1-diagnostics-20260131T120000Z.tar.gz");
    assert_null(json_object_get(b->log_request, "oldest"));
    bench_log_uploaded(b, 0);
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploaded', 'requestId': 7}");
    bench_expect_nothing(b);
}

static void a_security_log_is_another_file(void **state) /* N01.FR.03 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog",
               "{'logType': 'SecurityLog', 'requestId': 0, 'log': {'remoteLocation': 'ftp://f.example/', "
               "'oldestTimestamp': '2026-01-01T00:00:00Z', 'latestTimestamp': '2026-01-31T12:00:00.5Z'}}",
               "{'status': 'Accepted', 'filename': 'CS-1-security-20260131T120000Z.tar.gz'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 0}");
    assert_int_equal(json_get_int(b->log_request, "kind", -1), LOG_KIND_SECURITY);
    assert_true(json_get_int(b->log_request, "oldest", 0) == BENCH_WALL_MS - 30LL * 86400000 - 43200000);
    assert_true(json_get_int(b->log_request, "latest", 0) == BENCH_WALL_MS + 500);
}

static void what_there_is_not_is_rejected(void **state) /* N01.FR.05 */
{
    static const struct {
        const char *request, *reason;
    } rows[] = {
        { "{'logType': 'DiagnosticsLog', 'requestId': 1, 'log': {'remoteLocation': 'gopher://f.example/'}}",
          "InvalidURL" },
        { "{'logType': 'DiagnosticsLog', 'requestId': 1, 'log': {'remoteLocation': 'nonsense'}}",
          "InvalidURL" },
        { "{'logType': 'DiagnosticsLog', 'requestId': 1, 'log': {'remoteLocation': 'http:/f.example/'}}",
          "InvalidURL" },
        { "{'logType': 'DiagnosticsLog', 'requestId': 1, 'log': {'remoteLocation': 'http://f.example/', "
          "'oldestTimestamp': '2026-01-02T00:00:00Z', 'latestTimestamp': '2026-01-01T00:00:00Z'}}",
          "NotFound" },
        { "{'logType': 'SecurityLog', 'requestId': 1, 'log': {'remoteLocation': 'http://f.example/', "
          "'oldestTimestamp': '2027-01-02T00:00:00Z'}}",
          "NotFound" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const json_t *answer = bench_request(b, "GetLog", rows[i].request);
        assert_string_equal(json_get_string(answer, "status", ""), "Rejected");
        assert_null(json_object_get(answer, "filename"));
        assert_string_equal(json_get_string(json_object_get(answer, "statusInfo"), "reasonCode", ""),
                            rows[i].reason);
    }
    bench_expect_nothing(b);
    assert_int_equal(b->log_uploads, 0);
}

static void a_time_of_which_nothing_is_kept_is_rejected(void **state) /* N01.FR.05 */
{
    static const char *const kinds[] = { "DiagnosticsLog", "SecurityLog" };
    struct bench *b = *state;
    b->log_begins_ms = BENCH_WALL_MS - 86400000;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        char request[200];
        snprintf(request, sizeof(request),
                 "{'logType': '%s', 'requestId': 1, 'log': {'remoteLocation': 'http://f.example/', "
                 "'latestTimestamp': '2020-01-01T00:00:00Z'}}",
                 kinds[i]);
        bench_call(b, "GetLog", request, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'NotFound'}}");
    }
    bench_expect_nothing(b);
    bench_call(b, "GetLog",
               "{'logType': 'DiagnosticsLog', 'requestId': 1, 'log': {'remoteLocation': 'http://f.example/', "
               "'latestTimestamp': '2026-01-31T00:00:00Z'}}",
               "{'status': 'Accepted'}");
}

static void diagnostics_are_of_the_present_though_nothing_was_logged_lately(void **state) /* N01.FR.01 */
{
    static const char *const answers[] = { "Accepted", "Rejected" };
    static const char *const kinds[] = { "DiagnosticsLog", "SecurityLog" };
    struct bench *b = *state;
    b->log_ends_ms = BENCH_WALL_MS - 86400000;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        char request[250], answer[40];
        snprintf(request, sizeof(request),
                 "{'logType': '%s', 'requestId': 1, 'log': {'remoteLocation': 'http://f.example/', "
                 "'oldestTimestamp': '2026-01-31T11:00:00Z', 'latestTimestamp': '2026-01-31T11:59:00Z'}}",
                 kinds[i]);
        snprintf(answer, sizeof(answer), "{'status': '%s'}", answers[i]);
        bench_call(b, "GetLog", request, answer);
    }
}

static void a_log_that_a_restart_broke_off_has_failed(void **state) /* N01.FR.07, N01.FR.10 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 7}");
    bench_restart(b);
    bench_expect_later(b, "LogStatusNotification", "{'status': 'UploadFailure', 'requestId': 7}");
    bench_restart(b);
    bench_forget(b);
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading'}");
    bench_log_uploaded(b, 0);
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploaded'}");
    bench_restart(b); /* this one has ended */
    assert_int_equal(bench_count(b, "LogStatusNotification"), 0);
}

static void a_root_that_the_csms_installed_counts_for_uploads(void **state) /* N01.FR.15 */
{
    struct bench *b = *state;
    struct authority *root = authority_new(&(struct authority_options){ 0 });
    char request[4096];
    snprintf(request, sizeof(request), "{'certificateType': 'CSMSRootCertificate', 'certificate': '%s'}",
             authority_escaped(authority_pem(root)));
    bench_call(b, "InstallCertificate", request, "{'status': 'Accepted'}");
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    assert_non_null(strstr(json_get_string(b->log_request, "trusted", ""), authority_pem(root)));
    authority_free(root);
}

static void what_went_wrong_has_its_name(void **state) /* N01.FR.10 */
{
    static const struct {
        int err;
        const char *status;
    } rows[] = {
        { -EACCES, "PermissionDenied" }, { -EOPNOTSUPP, "NotSupportedOperation" },
        { -EBADMSG, "BadMessage" },      { -ECONNREFUSED, "UploadFailure" },
        { -ENOSPC, "UploadFailure" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
        bench_expect(b, "LogStatusNotification", "{'status': 'Uploading'}");
        bench_log_uploaded(b, rows[i].err);
        const json_t *sent = bench_expect(b, "LogStatusNotification", "{'requestId': 7}");
        assert_string_equal(json_get_string(sent, "status", ""), rows[i].status);
    }
    b->log_refusal = -ENOMEM; /* not even begun */
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'UploadFailure'}");
    bench_expect_nothing(b);
}

static void
retries_begin_at_the_interval_and_only_the_last_failure_is_told(void **state) /* N01.FR.10, TC_N_26 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog",
               "{'logType': 'DiagnosticsLog', 'requestId': 3, 'retries': 3, 'retryInterval': 10, 'log': "
               "{'remoteLocation': 'http://files.example/none'}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 3}");
    for (int attempt = 1; attempt <= 4; attempt++) {
        assert_int_equal(b->log_uploads, attempt);
        bench_advance(b, 2000);
        bench_expect_nothing(b);
        bench_log_uploaded(b, -ENOENT);
        if (attempt < 4)
            bench_advance(b, 8000);
    }
    bench_expect(b, "LogStatusNotification", "{'status': 'UploadFailure', 'requestId': 3}");
    bench_advance(b, 100000);
    bench_expect_nothing(b);
    assert_int_equal(b->log_uploads, 4);
}

static void a_retry_may_succeed(void **state) /* N01.FR.09 */
{
    struct bench *b = *state;
    bench_call(
        b, "GetLog",
        "{'logType': 'DiagnosticsLog', 'requestId': 3, 'log': {'remoteLocation': 'http://f.example/'}}",
        "{'status': 'Accepted'}");
    bench_log_uploaded(b, -ETIMEDOUT);
    bench_advance(b, 60000);
    bench_log_uploaded(b, 0);
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploaded'}");
    bench_expect_nothing(b);
}

static void a_second_request_takes_the_place_of_the_first(void **state) /* N01.FR.12, N01.FR.20 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 7}");
    bench_call(b, "GetLog",
               "{'logType': 'SecurityLog', 'requestId': 8, 'log': {'remoteLocation': 'http://f.example/'}}",
               "{'status': 'AcceptedCanceled', 'filename': '*'}");
    assert_int_equal(b->log_cancels, 1);
    bench_expect(b, "LogStatusNotification", "{'status': 'AcceptedCanceled', 'requestId': 7}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 8}");
    bench_log_uploaded(b, -EACCES); /* the second waits for its retry: that is under way, too */
    bench_call(b, "GetLog", GET_LOG, "{'status': 'AcceptedCanceled'}");
    assert_int_equal(b->log_cancels, 1);
    bench_expect(b, "LogStatusNotification", "{'status': 'AcceptedCanceled', 'requestId': 8}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 7}");
    bench_log_uploaded(b, 0);
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploaded', 'requestId': 7}");
    bench_advance(b, 120000);
    bench_expect_nothing(b);
}

static void a_refused_second_request_leaves_the_first_alone(void **state) /* N01.FR.05 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_call(b, "GetLog",
               "{'logType': 'SecurityLog', 'requestId': 8, 'log': {'remoteLocation': 'mailto://x'}}",
               "{'status': 'Rejected'}");
    assert_int_equal(b->log_cancels, 0);
    bench_log_uploaded(b, 0);
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 7}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploaded', 'requestId': 7}");
}

static void the_status_can_be_asked_for(void **state) /* N01.FR.13, F06.FR.14, F06.FR.15 */
{
    struct bench *b = *state;
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'LogStatusNotification'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Idle', 'requestId': null}");
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading'}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'LogStatusNotification', 'evse': {'id': 9}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading', 'requestId': 7}");
    bench_log_uploaded(b, 0);
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploaded'}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'LogStatusNotification'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Idle', 'requestId': null}");
}

static void the_end_is_told_when_the_link_is_back(void **state) /* N01.FR.09 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploading'}");
    bench_link_lost(b);
    bench_log_uploaded(b, 0);
    bench_link_back(b);
    bench_expect(b, "LogStatusNotification", "{'status': 'Uploaded', 'requestId': 7}");
}

static void nothing_is_told_before_the_station_is_accepted_again(void **state) /* B02.FR.02, N01.FR.09 */
{
    struct bench *b = *state;
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}");
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'interval': 60, 'currentTime': 'now'}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", "{'status': 'Accepted'}");
    bench_advance(b, 20000);
    bench_forget(b);
    if (b->log_request)
        bench_log_uploaded(b, 0);
    assert_int_equal(bench_count(b, "LogStatusNotification"), 0);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'LogStatusNotification'}",
               "{'status': 'Accepted'}");
    assert_int_equal(bench_count(b, "LogStatusNotification"), 1); /* but when it is asked for */
    bench_forget(b);
    bench_answer(b, "BootNotification", "");
    bench_advance(b, 60000);
    bench_expect_later(b, "LogStatusNotification", "{'status': 'Uploaded', 'requestId': 7}");
}

static void nobody_is_told_of_what_was_broken_off(void **state)
{
    struct bench *b = *state;
    station_on_log_uploaded(b->station, 0); /* none runs */
    bench_expect_nothing(b);
    bench_call(b, "GetLog", GET_LOG, "{'status': 'Accepted'}"); /* and the station goes with it open */
}

static void every_event_is_in_the_security_log(void **state) /* A04.FR.04 */
{
    struct bench *b = *state;
    security_event(b->station, "InvalidMessages", "not \"JSON\"\nat all"); /* the start was number 0 */
    security_event(b->station, "InvalidCsmsCertificate", NULL);
    bench_settle(b);
    assert_non_null(
        strstr(bench_record(b, "security_log", "000000000000"), "StartupOfTheDevice critical=yes"));
    assert_string_equal(bench_record(b, "security_log", "000000000001"),
                        "2026-01-31T12:00:00.000Z InvalidMessages critical=no info=\"not \"JSON\"?at all\"");
    assert_non_null(
        strstr(bench_record(b, "security_log", "000000000002"), "InvalidCsmsCertificate critical=yes"));
}

static void invalid_messages_are_security_events(void **state) /* A04.FR.04 */
{
    static const char *const frames[] = { "rubbish", "[2,\"a\",\"Reset\",{}]", "[9,\"b\"]" };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        char key[16];
        bench_frame(b, frames[i]);
        snprintf(key, sizeof(key), "%012zu", i + 1);
        assert_non_null(strstr(bench_record(b, "security_log", key), " InvalidMessages critical=no info="));
    }
    for (int i = 0; i < 1000; i++) /* a flood is one of words only */
        bench_frame(b, "rubbish");
    assert_null(bench_record(b, "security_log", "000000000015"));
    bench_frame(b, "[2,\"c\",\"GetDisplayMessages\",{\"requestId\":1}]"); /* valid, if of no use here */
    bench_expect_nothing(b);
}

static void the_security_log_goes_on_after_a_restart(void **state) /* A04.FR.04 */
{
    struct bench *b = *state;
    bench_restart(b);
    assert_non_null(bench_record(b, "security_log", "000000000000"));
    assert_non_null(bench_record(b, "security_log", "000000000001"));
}

static void the_security_log_rolls(void **state) /* A04.FR.04 */
{
    struct bench *b = *state;
    for (int i = 0; i < SECURITY_LOG_MAX + 4; i++) {
        security_event(b->station, "InvalidMessages", NULL);
        bench_settle(b);
    }
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach(b->records, key, value) count += str_starts(key, "security_log/");
    assert_int_equal(count, SECURITY_LOG_MAX);
    assert_null(bench_record(b, "security_log", "000000000004"));
    assert_non_null(bench_record(b, "security_log", "000000000005"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_log_is_uploaded_and_its_progress_told),
        TEST(a_security_log_is_another_file),
        TEST(what_there_is_not_is_rejected),
        TEST(a_time_of_which_nothing_is_kept_is_rejected),
        TEST(diagnostics_are_of_the_present_though_nothing_was_logged_lately),
        TEST(a_log_that_a_restart_broke_off_has_failed),
        TEST(a_root_that_the_csms_installed_counts_for_uploads),
        TEST(what_went_wrong_has_its_name),
        TEST(retries_begin_at_the_interval_and_only_the_last_failure_is_told),
        TEST(a_retry_may_succeed),
        TEST(a_second_request_takes_the_place_of_the_first),
        TEST(a_refused_second_request_leaves_the_first_alone),
        TEST(the_status_can_be_asked_for),
        TEST(the_end_is_told_when_the_link_is_back),
        TEST(nothing_is_told_before_the_station_is_accepted_again),
        TEST(nobody_is_told_of_what_was_broken_off),
        TEST(every_event_is_in_the_security_log),
        TEST(invalid_messages_are_security_events),
        TEST(the_security_log_goes_on_after_a_restart),
        TEST(the_security_log_rolls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
