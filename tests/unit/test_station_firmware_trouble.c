/* An update of firmware (block L) in trouble: what goes wrong, what is refused or replaced, what a power cut leaves. */
#include "tests/support/update.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tests/support/authority.h"

/* It has begun; what becomes of it is the test's to say. */
static void an_installation_is_under_way(struct bench *b, int id)
{
    struct update_request r = update_usual(id);
    r.install_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    b->hold_firmware = true;
    bench_advance(b, HOUR_MS + 1000);
    bench_firmware_done(b, FIRMWARE_STARTED);
}

/* ---- what goes wrong ---- */

static void a_download_is_tried_again_and_then_given_up(void **state) /* L01.FR.30, L02.FR.19 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_DOWNLOAD] = FIRMWARE_FAILED;
    struct update_request r = update_usual(41);
    r.more = ", 'retries': 2, 'retryInterval': 60";
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 41, "Downloading");
    bench_advance(b, 119000);
    update_expect_no_status(b);
    bench_advance(b, 2000);
    update_expect_status(b, 41, "DownloadFailed");
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    for (int i = 0; i < 3; i++)
        bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    bench_expect_firmware(b, FIRMWARE_RELEASE);
    update_expect_trigger(b, "{'status': 'DownloadFailed', 'requestId': 41}");
}

static void a_download_that_works_at_last_goes_on(void **state) /* L01.FR.30 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_DOWNLOAD] = FIRMWARE_FAILED;
    struct update_request r = update_usual(42);
    r.more = ", 'retries': 1, 'retryInterval': 60";
    update_send(b, &r, "{'status': 'Accepted'}");
    b->firmware_outcomes[FIRMWARE_DOWNLOAD] = FIRMWARE_DONE;
    bench_advance(b, 61000);
    update_expect_status(b, 42, "Downloading");
    update_expect_status(b, 42, "Downloaded");
}

static void a_wrong_signature_ends_it_and_is_a_security_event(void **state) /* L01.FR.03, L01.FR.12 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_VERIFY] = FIRMWARE_FAILED;
    struct update_request r = update_usual(43);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 43, "Downloaded");
    bench_expect(b, "FirmwareStatusNotification", "{'status': 'InvalidSignature', 'requestId': 43}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidFirmwareSignature'}");
    bench_expect_nothing(b);
}

static void a_missing_signature_is_a_wrong_one(void **state) /* L01.FR.03 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(44);
    r.signature = NULL;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 44, "Downloaded");
    update_expect_status(b, 44, "InvalidSignature");
    update_expect_security_event(b, "InvalidFirmwareSignature");
}

static void an_installation_that_fails_is_told(void **state) /* L01.FR.01, L02.FR.01 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_FAILED;
    struct update_request r = update_usual(45);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 45, "Installing");
    update_expect_status(b, 45, "InstallationFailed");
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 1}");
    assert_int_equal(bench_count(b, "BootNotification"), 0);
}

static void an_image_that_does_not_suit_is_told(void **state) /* L01.FR.29 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NOT_SUITABLE;
    struct update_request r = update_usual(46);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 46, "InstallVerificationFailed");
}

static void a_certificate_that_is_not_trusted_is_refused(void **state) /* L01.FR.02, L01.FR.21, L01.FR.22 */
{
    struct bench *b = *state;
    const char *bad[] = { update_certificates()->stranger, update_certificates()->expired, "no certificate" };
    for (size_t i = 0; i < 3; i++) {
        struct update_request r = update_usual(47);
        r.certificate = bad[i];
        update_send(b, &r, "{'status': 'InvalidCertificate'}");
        bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidFirmwareSigningCertificate'}");
        bench_expect_nothing(b);
    }
    b->firmware_claim = -EKEYREVOKED;
    struct update_request r = update_usual(47);
    update_send(b, &r, "{'status': 'RevokedCertificate'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidFirmwareSigningCertificate'}");
    assert_int_equal(json_array_size(b->firmware_jobs), 0);
}

static void a_root_that_the_csms_installed_counts(void **state) /* L01.FR.12, L01.FR.21 */
{
    (void)state;
    struct bench_options options = { .firmware = { .is_possible = true } };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    struct update_request r = update_usual(52);
    update_send(b, &r, "{'status': 'InvalidCertificate'}");
    char payload[4096];
    snprintf(payload, sizeof(payload),
             "{'certificateType': 'ManufacturerRootCertificate', 'certificate': '%s'}",
             authority_escaped(update_certificates()->root));
    bench_call(b, "InstallCertificate", payload, "{'status': 'Accepted'}");
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_free(b);
}

static void what_is_not_signed_is_refused(void **state) /* L01.FR.09 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(48);
    r.certificate = r.signature = NULL;
    update_send(b, &r, "{'status': 'Rejected'}");
    r.signature = "c2ln";
    update_send(b, &r, "{'status': 'InvalidCertificate'}");
    bench_advance(b, HOUR_MS);
    update_expect_no_status(b);
}

static void what_cannot_be_is_rejected(void **state)
{
    struct bench *b = *state;
    static const struct {
        int claim;
        const char *expected;
    } rows[] = {
        { -EINVAL, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidURL'}}" },
        { -EBUSY, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'FwUpdateInProgress'}}" },
        { -EIO, "{'status': 'Rejected'}" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct update_request r = update_usual(49);
        b->firmware_claim = rows[i].claim;
        update_send(b, &r, rows[i].expected);
    }
    b->firmware_claim = 0;
    bench_call_error(b, "UpdateFirmware",
                     "{'requestId': 1, 'firmware': {'location': 'http://x/', 'retrieveDateTime': 'soon'}}",
                     "PropertyConstraintViolation");
    b->store_refuses = true;
    struct update_request r = update_usual(50);
    update_send(b, &r, "{'status': 'Rejected'}");
    b->store_refuses = false;
    update_expect_no_status(b);
}

static void a_station_without_a_place_for_firmware_says_so(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_boot(b);
    struct update_request r = update_usual(51);
    update_send(b, &r, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'UnsupportedRequest'}}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'FirmwareStatusNotification'}",
               "{'status': 'NotImplemented'}");
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'ChargingStation'}, 'variable': {'name': "
               "'AllowNewSessionsPendingFirmwareUpdate'}}]}",
               "{'getVariableResult': [{'attributeStatus': 'UnknownVariable', 'component': '*', 'variable': "
               "'*'}]}");
    bench_free(b);
}

/* ---- a second request ---- */

static void
a_new_request_takes_the_place_of_the_old(void **state) /* L01.FR.24, L02.FR.15, L01.FR.10, L02.FR.06 */
{
    struct bench *b = *state;
    static const struct {
        int64_t retrieve_ms, install_ms;
        const char *status;
        bool holds;
    } rows[] = {
        { HOUR_MS, 0, "DownloadScheduled", false },
        { -HOUR_MS, HOUR_MS, "InstallScheduled", false },
        { -HOUR_MS, 0, "Downloading", true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct update_request r = update_usual(61);
        r.retrieve_ms = rows[i].retrieve_ms;
        r.install_ms = rows[i].install_ms;
        b->hold_firmware = rows[i].holds;
        update_send(b, &r, "{'status': 'Accepted'}");
        update_expect_status(b, 61, rows[i].status);
        bench_forget(b);
        b->hold_firmware = false;
        r = update_usual(62);
        update_send(b, &r, "{'status': 'AcceptedCanceled'}");
        bench_expect(b, "FirmwareStatusNotification", "{'status': 'Downloading', 'requestId': 62}");
        update_expect_status(b, 62, "Installed");
        bench_advance(b, 2 * HOUR_MS);
        update_expect_no_status(b);
    }
}

static void what_is_being_installed_is_not_cancelled(void **state) /* L01.FR.27, L02.FR.18 */
{
    struct bench *b = *state;
    an_installation_is_under_way(b, 63);
    update_expect_status(b, 63, "Installing");
    struct update_request second = update_usual(64);
    update_send(b, &second, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'FwUpdateInProgress'}}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", /* B11.FR.06 */
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'FwUpdateInProgress'}}");
    bench_firmware_done(b, FIRMWARE_DONE);
    update_expect_status(b, 63, "Installed");
}

static void an_invalid_second_request_leaves_the_first_alone(void **state) /* L01.FR.24 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(65);
    r.retrieve_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    struct update_request second = update_usual(66);
    second.certificate = update_certificates()->stranger;
    update_send(b, &second, "{'status': 'InvalidCertificate'}");
    b->hold_firmware = true;
    bench_advance(b, 2 * HOUR_MS);
    update_expect_status(b, 65, "Downloading");
    b->firmware_claim = -EBUSY;
    second.certificate = update_certificates()->signer;
    update_send(b, &second, "{'status': 'Rejected'}");
    bench_firmware_done(b, FIRMWARE_DONE);
    update_expect_status(b, 65, "Downloaded");
}

/* ---- power cuts ---- */

static void a_power_cut_while_it_waits_changes_nothing(void **state) /* L01.FR.13, L01.FR.16 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(81);
    r.retrieve_ms = HOUR_MS;
    r.install_ms = 2 * HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_restart(b);
    update_expect_no_status(b);
    bench_advance(b, HOUR_MS + 1000);
    update_expect_status(b, 81, "Downloading");
    update_expect_status(b, 81, "InstallScheduled");
    bench_restart(b);
    update_expect_no_status(b);
    bench_advance(b, HOUR_MS + 1000);
    update_expect_status(b, 81, "Installing");
    update_expect_status(b, 81, "Installed");
}

static void a_power_cut_during_the_download_begins_it_anew(void **state) /* L01.FR.05 */
{
    struct bench *b = *state;
    b->hold_firmware = true;
    struct update_request r = update_usual(82);
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_restart(b);
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    b->hold_firmware = false;
    bench_settle(b);
    update_expect_status(b, 82, "Downloaded");
    update_expect_status(b, 82, "Installed");
}

static void an_image_lost_in_a_power_cut_is_loaded_again(void **state) /* L01.FR.05 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(83);
    r.install_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    b->hold_firmware = true;
    bench_restart(b);
    bench_firmware_done(b, FIRMWARE_LOST);
    update_expect_status(b, 83, "Downloading");
    b->hold_firmware = false;
    bench_settle(b);
    update_expect_status(b, 83, "SignatureVerified");
}

static void after_a_power_cut_during_the_installation_the_hook_decides(void **state) /* L01.FR.28 */
{
    (void)state;
    static const enum firmware_outcome outcomes[] = { FIRMWARE_DONE, FIRMWARE_FAILED };
    static const char *const statuses[] = { "Installed", "InstallationFailed" };
    for (size_t i = 0; i < 2; i++) {
        struct bench *b = update_bench(FIRMWARE_DOWNLOADS_MEANWHILE, 1);
        an_installation_is_under_way(b, 84);
        bench_restart(b);
        bench_firmware_done(b, outcomes[i]);
        update_expect_status(b, 84, statuses[i]);
        bench_free(b);
    }
}

static void a_last_status_that_was_not_heard_is_told_after_the_restart(void **state) /* L01.FR.01 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_VERIFY] = FIRMWARE_FAILED;
    bench_answer(b, "FirmwareStatusNotification", BENCH_SILENCE);
    struct update_request r = update_usual(85);
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_restart(b);
    update_expect_status(b, 85, "InvalidSignature");
    bench_answer(b, "FirmwareStatusNotification", "");
    bench_restart(b);
    update_expect_no_status(b);
}

static void of_an_update_that_is_over_no_url_is_kept(void **state)
{
    struct bench *b = *state;
    struct update_request r = update_usual(87);
    r.location = "ftp://user:word@files.example/image";
    r.retrieve_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    assert_non_null(strstr(bench_record(b, "state", "firmware"), "user:word"));
    bench_advance(b, 2 * HOUR_MS);
    update_expect_status(b, 87, "Installed");
    assert_null(strstr(bench_record(b, "state", "firmware"), "user:word"));
    bench_restart(b);
    update_expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
}

static void an_update_whose_place_is_gone_has_failed(void **state) /* L01.FR.01 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(86);
    r.retrieve_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    b->firmware_claim = -EBUSY;
    bench_restart(b);
    update_expect_status(b, 86, "DownloadFailed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPDATE_TEST(a_download_is_tried_again_and_then_given_up),
        UPDATE_TEST(a_download_that_works_at_last_goes_on),
        UPDATE_TEST(a_wrong_signature_ends_it_and_is_a_security_event),
        UPDATE_TEST(a_missing_signature_is_a_wrong_one),
        UPDATE_TEST(an_installation_that_fails_is_told),
        UPDATE_TEST(an_image_that_does_not_suit_is_told),
        UPDATE_TEST(a_certificate_that_is_not_trusted_is_refused),
        cmocka_unit_test(a_root_that_the_csms_installed_counts),
        UPDATE_TEST(what_is_not_signed_is_refused),
        UPDATE_TEST(what_cannot_be_is_rejected),
        cmocka_unit_test(a_station_without_a_place_for_firmware_says_so),
        UPDATE_TEST(a_new_request_takes_the_place_of_the_old),
        UPDATE_TEST(what_is_being_installed_is_not_cancelled),
        UPDATE_TEST(an_invalid_second_request_leaves_the_first_alone),
        UPDATE_TEST(a_power_cut_while_it_waits_changes_nothing),
        UPDATE_TEST(a_power_cut_during_the_download_begins_it_anew),
        UPDATE_TEST(an_image_lost_in_a_power_cut_is_loaded_again),
        cmocka_unit_test(after_a_power_cut_during_the_installation_the_hook_decides),
        UPDATE_TEST(a_last_status_that_was_not_heard_is_told_after_the_restart),
        UPDATE_TEST(of_an_update_that_is_over_no_url_is_kept),
        UPDATE_TEST(an_update_whose_place_is_gone_has_failed),
        UPDATE_TEST_UNSIGNED(a_download_is_tried_again_and_then_given_up),
        UPDATE_TEST_UNSIGNED(an_installation_that_fails_is_told),
        UPDATE_TEST_UNSIGNED(a_new_request_takes_the_place_of_the_old),
        UPDATE_TEST_UNSIGNED(what_is_being_installed_is_not_cancelled),
        UPDATE_TEST_UNSIGNED(a_power_cut_while_it_waits_changes_nothing),
        UPDATE_TEST_UNSIGNED(a_power_cut_during_the_download_begins_it_anew),
        UPDATE_TEST_UNSIGNED(after_a_power_cut_during_the_installation_the_hook_decides),
    };
    return cmocka_run_group_tests(tests, update_setup_group, update_teardown_group);
}
