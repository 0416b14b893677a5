/* An update of firmware (block L) on its way: its steps, the dates and transactions it waits for, what the CSMS hears of it. */
#include "tests/support/update.h"

/* Up to the end of the installation the gateway was asked for this, and for no more. */
static void expect_no_job(struct bench *b)
{
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    if (!update_is_unsigned())
        bench_expect_firmware(b, FIRMWARE_VERIFY);
    bench_expect_firmware(b, FIRMWARE_INSTALL);
    assert_int_equal(json_array_size(b->firmware_jobs), 0);
}

static void begin_transaction(struct bench *b, int evse)
{
    bench_token(b, evse, "AA", "ISO14443");
    bench_state(b, evse, EVSE_CHARGING);
    bench_advance(b, 1000);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Started'}");
    bench_forget(b);
}

static void end_transaction(struct bench *b, int evse)
{
    bench_state(b, evse, EVSE_AVAILABLE);
    bench_advance(b, 1000);
}

/* ---- the way of an update ---- */

static void an_update_is_told_step_by_step(void **state)
/* L01.FR.01, L01.FR.04, L01.FR.05, L01.FR.09, L01.FR.10, L01.FR.12, L01.FR.20, L01.FR.21 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(11);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_next_status(b, 11, "Downloading");
    update_next_status(b, 11, "Downloaded");
    update_next_status(b, 11, "SignatureVerified");
    update_next_status(b, 11, "Installing");
    update_next_status(b, 11, "InstallRebooting");
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    bench_expect_firmware(b, FIRMWARE_VERIFY);
    bench_expect_firmware(b, FIRMWARE_INSTALL);
    bench_expect_firmware(b, FIRMWARE_RELEASE);
    update_expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
}

static void what_is_in_force_at_once_makes_the_station_start_anew(void **state)
/* L01.FR.28, L01.FR.31, L02.FR.20 */
{
    struct bench *b = *state;
    int connects = b->connects;
    struct update_request r = update_usual(12);
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_expect_later(b, "BootNotification", "{'reason': 'FirmwareUpdate'}");
    update_expect_status(b, 12, "Installed");
    update_expect_security_event(b, "FirmwareUpdated");
    assert_int_equal(b->connects, connects + 1);
}

static void what_needs_a_restart_is_told_by_the_new_firmware(void **state)
/* L01.FR.32, L02.FR.09, L02.FR.21, L01.FR.15 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    struct update_request r = update_usual(13);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 13, "InstallRebooting");
    update_expect_no_status(b);
    json_array_clear(b->firmware_jobs);
    bench_stop_and_restart(b);
    bench_expect_later(b, "BootNotification", "{'reason': 'FirmwareUpdate'}");
    update_expect_status(b, 13, "Installed");
    update_expect_security_event(b, "FirmwareUpdated");
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_CONFIRM);
    bench_expect_firmware(b, FIRMWARE_RELEASE);
}

static void the_restart_waits_for_the_csms_to_hear_but_not_for_long(void **state) /* L02.FR.09 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    struct update_request r = update_usual(14);
    bench_answer(b, "FirmwareStatusNotification", BENCH_SILENCE);
    update_send(b, &r, "{'status': 'Accepted'}");
    expect_no_job(b);
    bench_advance(b, 9000);
    assert_int_equal(json_array_size(b->firmware_jobs), 0);
    bench_advance(b, 2000);
    bench_expect_firmware(b, FIRMWARE_ACTIVATE);
}

static void a_rollback_is_no_update(void **state) /* L01.FR.28 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    b->firmware_outcomes[FIRMWARE_CONFIRM] = FIRMWARE_FAILED;
    struct update_request r = update_usual(15);
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_stop_and_restart(b);
    update_expect_status(b, 15, "InstallationFailed");
    assert_int_equal(bench_count(b, "SecurityEventNotification"), 0);
    update_expect_trigger(b, "{'status': 'InstallationFailed', 'requestId': 15}");
}

/* ---- dates ---- */

static void a_download_waits_for_its_date(void **state) /* L01.FR.13, L02.FR.07 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(21);
    r.retrieve_ms = 3 * HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 21, "DownloadScheduled");
    update_expect_no_status(b);
    update_expect_trigger(b, "{'status': 'DownloadScheduled', 'requestId': 21}"); /* L01.FR.26, L02.FR.17 */
    bench_advance(b, 3 * HOUR_MS - 5000);
    update_expect_no_status(b);
    bench_advance(b, 6000);
    update_expect_status(b, 21, "Downloading");
}

static void an_installation_waits_for_its_date(void **state) /* L01.FR.16, L02.FR.10 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(22);
    r.install_ms = 2 * HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_verified(b, 22);
    update_next_status(b, 22, "InstallScheduled");
    assert_int_equal(bench_count(b, "StatusNotification"), 0);
    bench_advance(b, 2 * HOUR_MS - 5000);
    update_expect_no_status(b);
    bench_advance(b, 6000);
    update_expect_status(b, 22, "Installing");
    bench_expect_later(b, "BootNotification", "{'reason': 'FirmwareUpdate'}");
    update_expect_status(b, 22, "Installed");
}

static void a_step_of_the_clock_moves_the_dates(void **state)
{
    struct bench *b = *state;
    struct update_request r = update_usual(23);
    r.retrieve_ms = 48 * HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 23, "DownloadScheduled");
    b->csms_offset_ms = 48 * HOUR_MS; /* its next heartbeat sets our clock */
    bench_advance(b, 301000);
    update_expect_status(b, 23, "Downloading");
}

static void
an_installation_that_waits_for_other_stations_is_scheduled(void **state) /* L01.FR.01, L01.FR.34 */
{
    struct bench *b = *state;
    struct update_request r = update_usual(24);
    r.install_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 24, "InstallScheduled");
    b->hold_firmware = true;
    bench_advance(b, HOUR_MS + 60000);
    update_expect_no_status(b); /* once is enough */
    r = update_usual(25);
    b->hold_firmware = false;
    update_send(b, &r, "{'status': 'AcceptedCanceled'}");
    update_expect_status(b, 25, "Installed");
    b->hold_firmware = true;
    r = update_usual(26);
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_firmware_done(b, FIRMWARE_DONE);
    if (!update_is_unsigned())
        bench_firmware_done(b, FIRMWARE_DONE);
    update_expect_verified(b, 26);
    update_expect_no_status(b);
    bench_advance(b, 3000);
    update_next_status(b, 26, "InstallScheduled");
    bench_advance(b, HOUR_MS);
    update_expect_no_status(b);
    bench_firmware_done(b, FIRMWARE_STARTED);
    update_next_status(b, 26, "Installing");
}

/* ---- transactions ---- */

static void an_installation_waits_for_the_end_of_transactions(void **state)
/* L01.FR.06, L01.FR.07, L01.FR.34, L02.FR.03, L02.FR.04, L02.FR.23 */
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    struct update_request r = update_usual(31);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_verified(b, 31);
    bench_expect(b, "FirmwareStatusNotification", "{'status': 'InstallScheduled', 'requestId': 31}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_advance(b, HOUR_MS);
    bench_forget(b);
    bench_token(b, 2, "BB", "ISO14443"); /* no new session */
    bench_state(b, 2, EVSE_CONNECTED);
    bench_advance(b, 1000);
    assert_int_equal(bench_count(b, "TransactionEvent"), 0);
    bench_state(b, 2, EVSE_AVAILABLE);
    end_transaction(b, 1);
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 1}");
    update_expect_status(b, 31, "Installing");
    bench_expect_later(b, "BootNotification", "{'reason': 'FirmwareUpdate'}");
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 1}");
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 2}");
}

static void new_sessions_may_begin_where_that_is_set(void **state) /* L01.FR.07, L02.FR.04 */
{
    struct bench *b = *state;
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'attributeValue': 'true', 'component': {'name': 'ChargingStation'}, "
               "'variable': {'name': 'AllowNewSessionsPendingFirmwareUpdate'}}]}",
               "{'setVariableResult': [{'attributeStatus': 'Accepted', 'component': '*', 'variable': '*'}]}");
    begin_transaction(b, 1);
    struct update_request r = update_usual(32);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 32, "InstallScheduled");
    assert_int_equal(bench_count(b, "StatusNotification"), 0);
    begin_transaction(b, 2);
    end_transaction(b, 1);
    update_expect_no_status(b);
    end_transaction(b, 2);
    update_expect_status(b, 32, "Installing");
}

static void a_download_waits_for_transactions_where_that_is_set(void **state) /* L01.FR.13, L01.FR.07 */
{
    (void)state;
    struct bench *b = update_bench(FIRMWARE_NOTHING_MEANWHILE, 2);
    begin_transaction(b, 1);
    struct update_request r = update_usual(33);
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_expect(b, "FirmwareStatusNotification", "{'status': 'DownloadScheduled', 'requestId': 33}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    end_transaction(b, 1);
    update_expect_status(b, 33, "Downloading");
    update_expect_status(b, 33, "Installing");
    bench_free(b);
}

static void an_installation_goes_beside_transactions_where_that_is_set(void **state) /* L01.FR.05 */
{
    (void)state;
    struct bench *b = update_bench(FIRMWARE_INSTALLS_MEANWHILE, 2);
    int connects = b->connects;
    begin_transaction(b, 1);
    struct update_request r = update_usual(34);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_verified(b, 34);
    update_next_status(b, 34, "Installing");
    assert_int_equal(bench_count(b, "BootNotification"), 0);
    update_next_status(b, 34, "Installed"); /* nothing boots */
    assert_int_equal(b->connects, connects + 1);
    end_transaction(b, 1);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    bench_free(b);
}

static void a_restart_that_firmware_needs_waits_for_transactions(void **state) /* L01.FR.33, L02.FR.22 */
{
    (void)state;
    struct bench *b = update_bench(FIRMWARE_INSTALLS_MEANWHILE, 2);
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    begin_transaction(b, 1);
    struct update_request r = update_usual(35);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 35, "Installing");
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_advance(b, HOUR_MS);
    update_expect_no_status(b); /* it does not reboot yet */
    expect_no_job(b);
    end_transaction(b, 1);
    update_next_status(b, 35, "InstallRebooting");
    bench_expect_firmware(b, FIRMWARE_ACTIVATE);
    bench_free(b);
}

static void a_restart_does_not_wait_for_a_csms_that_is_away(void **state) /* L01.FR.33, L02.FR.22 */
{
    (void)state;
    struct bench *b = update_bench(FIRMWARE_INSTALLS_MEANWHILE, 1);
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    begin_transaction(b, 1);
    struct update_request r = update_usual(36);
    r.install_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_link_lost(b);
    bench_advance(b, 2 * HOUR_MS);
    expect_no_job(b);
    end_transaction(b, 1);
    bench_advance(b, 30000);
    bench_expect_firmware(b, FIRMWARE_ACTIVATE);
    bench_free(b);
}

/* ---- telling ---- */

static void the_trigger_answers_with_the_last_status(void **state)
/* L01.FR.25, L01.FR.26, L02.FR.14, L02.FR.16, L02.FR.17, F06.FR.03, F06.FR.16 */
{
    struct bench *b = *state;
    update_expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'FirmwareStatusNotification', 'evse': {'id': 9}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "FirmwareStatusNotification", "{'status': 'Idle'}");
    b->hold_firmware = true;
    struct update_request r = update_usual(71);
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_trigger(b, "{'status': 'Downloading', 'requestId': 71}");
    b->hold_firmware = false;
    bench_settle(b);
    bench_restart(b);
    update_expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
}

static void statuses_wait_for_the_link_in_their_order(void **state) /* L01.FR.01, L02.FR.01 */
{
    struct bench *b = *state;
    b->hold_firmware = true;
    struct update_request r = update_usual(72);
    r.install_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_next_status(b, 72, "Downloading");
    bench_link_lost(b);
    bench_firmware_done(b, FIRMWARE_DONE);
    bench_firmware_done(b, FIRMWARE_DONE);
    bench_forget(b);
    bench_link_back(b);
    update_next_status(b, 72, "Downloaded");
    update_next_status(b, 72, "SignatureVerified");
    update_next_status(b, 72, "InstallScheduled");
}

static void a_csms_that_does_not_answer_hears_it_again(void **state) /* L01.FR.01 */
{
    struct bench *b = *state;
    bench_answer(b, "FirmwareStatusNotification", BENCH_SILENCE);
    struct update_request r = update_usual(73);
    r.retrieve_ms = 5 * HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    bench_advance(b, HOUR_MS);
    assert_int_equal(bench_count(b, "FirmwareStatusNotification"), 3);
}

/* ---- unsigned images ---- */

static struct bench *a_bench_without_roots_takes_unsigned_images(void)
{
    struct bench_options options = {
        .firmware = { .is_possible = true,
                      .takes_unsigned = true,
                      .transactions = FIRMWARE_DOWNLOADS_MEANWHILE },
    };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    return b;
}

static void an_unsigned_image_is_taken_where_that_is_set(void **state)
/* L02.FR.01, L02.FR.02, L02.FR.06, L02.FR.20 */
{
    (void)state;
    struct bench *b = a_bench_without_roots_takes_unsigned_images();
    struct update_request r = update_usual(91);
    r.certificate = r.signature = NULL;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 91, "Downloading");
    update_next_status(b, 91, "Downloaded");
    update_next_status(b, 91, "Installing");
    update_expect_status(b, 91, "Installed");
    bench_free(b);
}

static void an_unsigned_image_lost_in_a_power_cut_is_loaded_again(void **state) /* L02.FR.02, L02.FR.10 */
{
    (void)state;
    struct bench *b = a_bench_without_roots_takes_unsigned_images();
    struct update_request r = update_usual(92);
    r.certificate = r.signature = NULL;
    r.install_ms = HOUR_MS;
    update_send(b, &r, "{'status': 'Accepted'}");
    update_expect_status(b, 92, "InstallScheduled");
    b->hold_firmware = true;
    bench_restart(b);
    bench_firmware_done(b, FIRMWARE_DONE); /* it is there: nothing is said to be verified */
    bench_restart(b);
    update_expect_no_status(b);
    bench_firmware_done(b, FIRMWARE_LOST);
    update_next_status(b, 92, "Downloading");
    bench_firmware_done(b, FIRMWARE_DONE);
    update_next_status(b, 92, "Downloaded");
    update_next_status(b, 92, "InstallScheduled");
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPDATE_TEST(an_update_is_told_step_by_step),
        UPDATE_TEST(what_is_in_force_at_once_makes_the_station_start_anew),
        UPDATE_TEST(what_needs_a_restart_is_told_by_the_new_firmware),
        UPDATE_TEST(the_restart_waits_for_the_csms_to_hear_but_not_for_long),
        UPDATE_TEST(a_rollback_is_no_update),
        UPDATE_TEST(a_download_waits_for_its_date),
        UPDATE_TEST(an_installation_waits_for_its_date),
        UPDATE_TEST(a_step_of_the_clock_moves_the_dates),
        UPDATE_TEST(an_installation_that_waits_for_other_stations_is_scheduled),
        UPDATE_TEST_UNSIGNED(an_installation_that_waits_for_other_stations_is_scheduled),
        UPDATE_TEST(an_installation_waits_for_the_end_of_transactions),
        UPDATE_TEST(new_sessions_may_begin_where_that_is_set),
        cmocka_unit_test(a_download_waits_for_transactions_where_that_is_set),
        cmocka_unit_test(an_installation_goes_beside_transactions_where_that_is_set),
        cmocka_unit_test(a_restart_that_firmware_needs_waits_for_transactions),
        cmocka_unit_test(a_restart_does_not_wait_for_a_csms_that_is_away),
        UPDATE_TEST(the_trigger_answers_with_the_last_status),
        UPDATE_TEST(statuses_wait_for_the_link_in_their_order),
        UPDATE_TEST(a_csms_that_does_not_answer_hears_it_again),
        cmocka_unit_test(an_unsigned_image_is_taken_where_that_is_set),
        cmocka_unit_test(an_unsigned_image_lost_in_a_power_cut_is_loaded_again),
        UPDATE_TEST_UNSIGNED(what_is_in_force_at_once_makes_the_station_start_anew),
        UPDATE_TEST_UNSIGNED(what_needs_a_restart_is_told_by_the_new_firmware),
        UPDATE_TEST_UNSIGNED(the_restart_waits_for_the_csms_to_hear_but_not_for_long),
        UPDATE_TEST_UNSIGNED(a_download_waits_for_its_date),
        UPDATE_TEST_UNSIGNED(an_installation_waits_for_its_date),
        UPDATE_TEST_UNSIGNED(an_installation_waits_for_the_end_of_transactions),
        UPDATE_TEST_UNSIGNED(new_sessions_may_begin_where_that_is_set),
        UPDATE_TEST_UNSIGNED(a_download_waits_for_transactions_where_that_is_set),
        UPDATE_TEST_UNSIGNED(an_installation_goes_beside_transactions_where_that_is_set),
        UPDATE_TEST_UNSIGNED(a_restart_that_firmware_needs_waits_for_transactions),
        UPDATE_TEST_UNSIGNED(the_trigger_answers_with_the_last_status),
    };
    return cmocka_run_group_tests(tests, update_setup_group, update_teardown_group);
}
