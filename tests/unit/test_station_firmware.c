/* Block L in virtual time: what the CSMS hears, what the gateway is asked for, and what a power cut leaves. */
#include "tests/support/bench.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/timestamp.h"

#define HOUR_MS 3600000

/* ---- certificates of the bench's time ---- */

static char *roots;
static char *root_json, *signer, *stranger, *expired; /* as JSON text, newlines escaped */

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Signed by `issuer`, or by itself. */
static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, int days)
{
    X509 *c = X509_new();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                               -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer : c));
    ASN1_TIME_set(X509_getm_notBefore(c), BENCH_WALL_MS / 1000 - 86400L * 30);
    ASN1_TIME_set(X509_getm_notAfter(c), BENCH_WALL_MS / 1000 + 86400L * days);
    X509_set_pubkey(c, key);
    if (!issuer)
        add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(c, NID_key_usage, issuer ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign");
    assert_int_not_equal(X509_sign(c, issuer_key, EVP_sha256()), 0);
    return c;
}

static char *to_pem(X509 *certificate)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    long len = BIO_get_mem_data(bio, &text);
    char *pem = strndup(text, (size_t)len);
    BIO_free(bio);
    return pem;
}

static char *to_json(X509 *certificate)
{
    char *pem = to_pem(certificate);
    char *json = calloc(2, strlen(pem) + 1);
    char *at = json;
    for (const char *c = pem; *c; c++) {
        if (*c == '\n')
            *at++ = '\\';
        *at++ = *c == '\n' ? 'n' : *c;
    }
    free(pem);
    return json;
}

static int make_certificates(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *leaf_key = EVP_EC_gen("P-256");
    X509 *root = make_certificate("manufacturer", key, NULL, key, 3650);
    X509 *leaf = make_certificate("signer", leaf_key, root, key, 100);
    X509 *old = make_certificate("old signer", leaf_key, root, key, -1);
    X509 *own = make_certificate("stranger", leaf_key, NULL, leaf_key, 100);
    roots = to_pem(root);
    root_json = to_json(root);
    signer = to_json(leaf);
    expired = to_json(old);
    stranger = to_json(own);
    X509_free(root);
    X509_free(leaf);
    X509_free(old);
    X509_free(own);
    EVP_PKEY_free(key);
    EVP_PKEY_free(leaf_key);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    free(roots);
    free(root_json);
    free(signer);
    free(stranger);
    free(expired);
    return 0;
}

/* ---- the bench ---- */

/* L02: the tests below do with it what they do with signed images. */
static bool is_unsigned;

static struct bench *firmware_bench(enum firmware_meanwhile transactions, size_t evses)
{
    struct bench_options options = {
        .evse_count = evses,
        .firmware = { .is_possible = true,
                      .transactions = transactions,
                      .roots_pem = roots,
                      .takes_unsigned = is_unsigned },
    };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    return b;
}

static int setup(void **state)
{
    *state = firmware_bench(FIRMWARE_DOWNLOADS_MEANWHILE, 2);
    return 0;
}

struct request {
    int id;
    int64_t retrieve_ms, install_ms; /* from now; install_ms 0: absent */
    const char *certificate, *signature, *more;
    const char *location;
};

/* Default: at once, well signed. */
static void update(struct bench *b, const struct request *r, const char *expected)
{
    char payload[8192], retrieve[TIMESTAMP_SIZE], install[TIMESTAMP_SIZE], part[2][4096] = { "", "" };
    timestamp_format(BENCH_WALL_MS + b->now_ms + r->retrieve_ms, retrieve);
    timestamp_format(BENCH_WALL_MS + b->now_ms + r->install_ms, install);
    if (r->certificate)
        snprintf(part[0], sizeof(part[0]), ", 'signingCertificate': '%s'", r->certificate);
    if (r->signature)
        snprintf(part[1], sizeof(part[1]), ", 'signature': '%s'", r->signature);
    snprintf(payload, sizeof(payload),
             "{'requestId': %d%s, 'firmware': {'location': '%s', 'retrieveDateTime': '%s'%s%s%s%s%s}}", r->id,
             r->more ? r->more : "", r->location ? r->location : "https://files.example/image", retrieve,
             r->install_ms ? ", 'installDateTime': '" : "", r->install_ms ? install : "",
             r->install_ms ? "'" : "", part[0], part[1]);
    bench_call(b, "UpdateFirmware", payload, expected);
}

static struct request usual(int id)
{
    return (struct request){ .id = id,
                             .retrieve_ms = -2 * HOUR_MS,
                             .certificate = is_unsigned ? NULL : signer,
                             .signature = is_unsigned ? NULL : "c2ln" };
}

/* The next FirmwareStatusNotification is this. */
static void next_status(struct bench *b, int id, const char *status)
{
    char text[96];
    snprintf(text, sizeof(text), "{'status': '%s', 'requestId': %d}", status, id);
    bench_expect_later(b, "FirmwareStatusNotification", text);
}

/* ... or a later one. */
static void expect_status(struct bench *b, int id, const char *status)
{
    const json_t *payload;
    do
        payload = bench_expect_later(b, "FirmwareStatusNotification", "{}");
    while (strcmp(json_get_string(payload, "status", ""), status) != 0);
    assert_int_equal(json_get_int(payload, "requestId", -1), id);
}

/* ... SignatureVerified, if there is a signature. */
static void expect_verified(struct bench *b, int id)
{
    expect_status(b, id, is_unsigned ? "Downloaded" : "SignatureVerified");
}

/* Up to the end of the installation the gateway was asked for this, and for no more. */
static void expect_no_job(struct bench *b)
{
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    if (!is_unsigned)
        bench_expect_firmware(b, FIRMWARE_VERIFY);
    bench_expect_firmware(b, FIRMWARE_INSTALL);
    assert_int_equal(json_array_size(b->firmware_jobs), 0);
}

static void await_security_event(struct bench *b, const char *type)
{
    const json_t *payload;
    do
        payload = bench_expect_later(b, "SecurityEventNotification", "{}");
    while (strcmp(json_get_string(payload, "type", ""), type) != 0);
}

static void expect_no_status(struct bench *b)
{
    assert_int_equal(bench_count(b, "FirmwareStatusNotification"), 0);
}

static void expect_trigger(struct bench *b, const char *answer)
{
    bench_forget(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'FirmwareStatusNotification'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "FirmwareStatusNotification", answer);
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
    struct request r = usual(11);
    update(b, &r, "{'status': 'Accepted'}");
    next_status(b, 11, "Downloading");
    next_status(b, 11, "Downloaded");
    next_status(b, 11, "SignatureVerified");
    next_status(b, 11, "Installing");
    next_status(b, 11, "InstallRebooting");
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    bench_expect_firmware(b, FIRMWARE_VERIFY);
    bench_expect_firmware(b, FIRMWARE_INSTALL);
    bench_expect_firmware(b, FIRMWARE_RELEASE);
    expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
}

static void what_is_in_force_at_once_makes_the_station_start_anew(void **state)
/* L01.FR.28, L01.FR.31, L02.FR.20 */
{
    struct bench *b = *state;
    int connects = b->connects;
    struct request r = usual(12);
    update(b, &r, "{'status': 'Accepted'}");
    bench_expect_later(b, "BootNotification", "{'reason': 'FirmwareUpdate'}");
    expect_status(b, 12, "Installed");
    await_security_event(b, "FirmwareUpdated");
    assert_int_equal(b->connects, connects + 1);
}

static void what_needs_a_restart_is_told_by_the_new_firmware(void **state)
/* L01.FR.32, L02.FR.09, L02.FR.21, L01.FR.15 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    struct request r = usual(13);
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 13, "InstallRebooting");
    expect_no_status(b);
    json_array_clear(b->firmware_jobs);
    bench_stop_and_restart(b);
    bench_expect_later(b, "BootNotification", "{'reason': 'FirmwareUpdate'}");
    expect_status(b, 13, "Installed");
    await_security_event(b, "FirmwareUpdated");
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_CONFIRM);
    bench_expect_firmware(b, FIRMWARE_RELEASE);
}

static void the_restart_waits_for_the_csms_to_hear_but_not_for_long(void **state) /* L02.FR.09 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    struct request r = usual(14);
    bench_answer(b, "FirmwareStatusNotification", BENCH_SILENCE);
    update(b, &r, "{'status': 'Accepted'}");
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
    struct request r = usual(15);
    update(b, &r, "{'status': 'Accepted'}");
    bench_stop_and_restart(b);
    expect_status(b, 15, "InstallationFailed");
    assert_int_equal(bench_count(b, "SecurityEventNotification"), 0);
    expect_trigger(b, "{'status': 'InstallationFailed', 'requestId': 15}");
}

/* ---- dates ---- */

static void a_download_waits_for_its_date(void **state) /* L01.FR.13, L02.FR.07 */
{
    struct bench *b = *state;
    struct request r = usual(21);
    r.retrieve_ms = 3 * HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 21, "DownloadScheduled");
    expect_no_status(b);
    expect_trigger(b, "{'status': 'DownloadScheduled', 'requestId': 21}"); /* L01.FR.26, L02.FR.17 */
    bench_advance(b, 3 * HOUR_MS - 5000);
    expect_no_status(b);
    bench_advance(b, 6000);
    expect_status(b, 21, "Downloading");
}

static void an_installation_waits_for_its_date(void **state) /* L01.FR.16, L02.FR.10 */
{
    struct bench *b = *state;
    struct request r = usual(22);
    r.install_ms = 2 * HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    expect_verified(b, 22);
    next_status(b, 22, "InstallScheduled");
    assert_int_equal(bench_count(b, "StatusNotification"), 0);
    bench_advance(b, 2 * HOUR_MS - 5000);
    expect_no_status(b);
    bench_advance(b, 6000);
    expect_status(b, 22, "Installing");
    bench_expect_later(b, "BootNotification", "{'reason': 'FirmwareUpdate'}");
    expect_status(b, 22, "Installed");
}

static void a_step_of_the_clock_moves_the_dates(void **state)
{
    struct bench *b = *state;
    struct request r = usual(23);
    r.retrieve_ms = 48 * HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 23, "DownloadScheduled");
    b->csms_offset_ms = 48 * HOUR_MS; /* its next heartbeat sets our clock */
    bench_advance(b, 301000);
    expect_status(b, 23, "Downloading");
}

static void
an_installation_that_waits_for_other_stations_is_scheduled(void **state) /* L01.FR.01, L01.FR.34 */
{
    struct bench *b = *state;
    struct request r = usual(24);
    r.install_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 24, "InstallScheduled");
    b->hold_firmware = true;
    bench_advance(b, HOUR_MS + 60000);
    expect_no_status(b); /* once is enough */
    r = usual(25);
    b->hold_firmware = false;
    update(b, &r, "{'status': 'AcceptedCanceled'}");
    expect_status(b, 25, "Installed");
    b->hold_firmware = true;
    r = usual(26);
    update(b, &r, "{'status': 'Accepted'}");
    bench_firmware_done(b, FIRMWARE_DONE);
    if (!is_unsigned)
        bench_firmware_done(b, FIRMWARE_DONE);
    expect_verified(b, 26);
    expect_no_status(b);
    bench_advance(b, 3000);
    next_status(b, 26, "InstallScheduled");
    bench_advance(b, HOUR_MS);
    expect_no_status(b);
    bench_firmware_done(b, FIRMWARE_STARTED);
    next_status(b, 26, "Installing");
}

/* ---- transactions ---- */

static void an_installation_waits_for_the_end_of_transactions(void **state)
/* L01.FR.06, L01.FR.07, L01.FR.34, L02.FR.03, L02.FR.04, L02.FR.23 */
{
    struct bench *b = *state;
    begin_transaction(b, 1);
    struct request r = usual(31);
    update(b, &r, "{'status': 'Accepted'}");
    expect_verified(b, 31);
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
    expect_status(b, 31, "Installing");
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
    struct request r = usual(32);
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 32, "InstallScheduled");
    assert_int_equal(bench_count(b, "StatusNotification"), 0);
    begin_transaction(b, 2);
    end_transaction(b, 1);
    expect_no_status(b);
    end_transaction(b, 2);
    expect_status(b, 32, "Installing");
}

static void a_download_waits_for_transactions_where_that_is_set(void **state) /* L01.FR.13, L01.FR.07 */
{
    (void)state;
    struct bench *b = firmware_bench(FIRMWARE_NOTHING_MEANWHILE, 2);
    begin_transaction(b, 1);
    struct request r = usual(33);
    update(b, &r, "{'status': 'Accepted'}");
    bench_expect(b, "FirmwareStatusNotification", "{'status': 'DownloadScheduled', 'requestId': 33}");
    bench_expect(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    end_transaction(b, 1);
    expect_status(b, 33, "Downloading");
    expect_status(b, 33, "Installing");
    bench_free(b);
}

static void an_installation_goes_beside_transactions_where_that_is_set(void **state) /* L01.FR.05 */
{
    (void)state;
    struct bench *b = firmware_bench(FIRMWARE_INSTALLS_MEANWHILE, 2);
    int connects = b->connects;
    begin_transaction(b, 1);
    struct request r = usual(34);
    update(b, &r, "{'status': 'Accepted'}");
    expect_verified(b, 34);
    next_status(b, 34, "Installing");
    assert_int_equal(bench_count(b, "BootNotification"), 0);
    next_status(b, 34, "Installed"); /* nothing boots */
    assert_int_equal(b->connects, connects + 1);
    end_transaction(b, 1);
    bench_expect_later(b, "TransactionEvent", "{'eventType': 'Ended'}");
    bench_free(b);
}

static void a_restart_that_firmware_needs_waits_for_transactions(void **state) /* L01.FR.33, L02.FR.22 */
{
    (void)state;
    struct bench *b = firmware_bench(FIRMWARE_INSTALLS_MEANWHILE, 2);
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    begin_transaction(b, 1);
    struct request r = usual(35);
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 35, "Installing");
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Unavailable', 'evseId': 2}");
    bench_advance(b, HOUR_MS);
    expect_no_status(b); /* it does not reboot yet */
    expect_no_job(b);
    end_transaction(b, 1);
    next_status(b, 35, "InstallRebooting");
    bench_expect_firmware(b, FIRMWARE_ACTIVATE);
    bench_free(b);
}

static void a_restart_does_not_wait_for_a_csms_that_is_away(void **state) /* L01.FR.33, L02.FR.22 */
{
    (void)state;
    struct bench *b = firmware_bench(FIRMWARE_INSTALLS_MEANWHILE, 1);
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    begin_transaction(b, 1);
    struct request r = usual(36);
    r.install_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    bench_link_lost(b);
    bench_advance(b, 2 * HOUR_MS);
    expect_no_job(b);
    end_transaction(b, 1);
    bench_advance(b, 30000);
    bench_expect_firmware(b, FIRMWARE_ACTIVATE);
    bench_free(b);
}

/* ---- what goes wrong ---- */

static void a_download_is_tried_again_and_then_given_up(void **state) /* L01.FR.30, L02.FR.19 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_DOWNLOAD] = FIRMWARE_FAILED;
    struct request r = usual(41);
    r.more = ", 'retries': 2, 'retryInterval': 60";
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 41, "Downloading");
    bench_advance(b, 119000);
    expect_no_status(b);
    bench_advance(b, 2000);
    expect_status(b, 41, "DownloadFailed");
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    for (int i = 0; i < 3; i++)
        bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    bench_expect_firmware(b, FIRMWARE_RELEASE);
    expect_trigger(b, "{'status': 'DownloadFailed', 'requestId': 41}");
}

static void a_download_that_works_at_last_goes_on(void **state) /* L01.FR.30 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_DOWNLOAD] = FIRMWARE_FAILED;
    struct request r = usual(42);
    r.more = ", 'retries': 1, 'retryInterval': 60";
    update(b, &r, "{'status': 'Accepted'}");
    b->firmware_outcomes[FIRMWARE_DOWNLOAD] = FIRMWARE_DONE;
    bench_advance(b, 61000);
    expect_status(b, 42, "Downloading");
    expect_status(b, 42, "Downloaded");
}

static void a_wrong_signature_ends_it_and_is_a_security_event(void **state) /* L01.FR.03, L01.FR.12 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_VERIFY] = FIRMWARE_FAILED;
    struct request r = usual(43);
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 43, "Downloaded");
    bench_expect(b, "FirmwareStatusNotification", "{'status': 'InvalidSignature', 'requestId': 43}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidFirmwareSignature'}");
    bench_expect_nothing(b);
}

static void a_missing_signature_is_a_wrong_one(void **state) /* L01.FR.03 */
{
    struct bench *b = *state;
    struct request r = usual(44);
    r.signature = NULL;
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 44, "Downloaded");
    expect_status(b, 44, "InvalidSignature");
    await_security_event(b, "InvalidFirmwareSignature");
}

static void an_installation_that_fails_is_told(void **state) /* L01.FR.01, L02.FR.01 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_FAILED;
    struct request r = usual(45);
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 45, "Installing");
    expect_status(b, 45, "InstallationFailed");
    bench_expect_later(b, "StatusNotification", "{'connectorStatus': 'Available', 'evseId': 1}");
    assert_int_equal(bench_count(b, "BootNotification"), 0);
}

static void an_image_that_does_not_suit_is_told(void **state) /* L01.FR.29 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NOT_SUITABLE;
    struct request r = usual(46);
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 46, "InstallVerificationFailed");
}

static void a_certificate_that_is_not_trusted_is_refused(void **state) /* L01.FR.02, L01.FR.21, L01.FR.22 */
{
    struct bench *b = *state;
    const char *bad[] = { stranger, expired, "no certificate" };
    for (size_t i = 0; i < 3; i++) {
        struct request r = usual(47);
        r.certificate = bad[i];
        update(b, &r, "{'status': 'InvalidCertificate'}");
        bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidFirmwareSigningCertificate'}");
        bench_expect_nothing(b);
    }
    b->firmware_claim = -EKEYREVOKED;
    struct request r = usual(47);
    update(b, &r, "{'status': 'RevokedCertificate'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidFirmwareSigningCertificate'}");
    assert_int_equal(json_array_size(b->firmware_jobs), 0);
}

static void a_root_that_the_csms_installed_counts(void **state) /* L01.FR.12, L01.FR.21 */
{
    (void)state;
    struct bench_options options = { .firmware = { .is_possible = true } };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    struct request r = usual(52);
    update(b, &r, "{'status': 'InvalidCertificate'}");
    char payload[4096];
    snprintf(payload, sizeof(payload),
             "{'certificateType': 'ManufacturerRootCertificate', 'certificate': '%s'}", root_json);
    bench_call(b, "InstallCertificate", payload, "{'status': 'Accepted'}");
    update(b, &r, "{'status': 'Accepted'}");
    bench_free(b);
}

static void what_is_not_signed_is_refused(void **state) /* L01.FR.09 */
{
    struct bench *b = *state;
    struct request r = usual(48);
    r.certificate = r.signature = NULL;
    update(b, &r, "{'status': 'Rejected'}");
    r.signature = "c2ln";
    update(b, &r, "{'status': 'InvalidCertificate'}");
    bench_advance(b, HOUR_MS);
    expect_no_status(b);
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
        struct request r = usual(49);
        b->firmware_claim = rows[i].claim;
        update(b, &r, rows[i].expected);
    }
    b->firmware_claim = 0;
    bench_call_error(b, "UpdateFirmware",
                     "{'requestId': 1, 'firmware': {'location': 'http://x/', 'retrieveDateTime': 'soon'}}",
                     "PropertyConstraintViolation");
    b->store_refuses = true;
    struct request r = usual(50);
    update(b, &r, "{'status': 'Rejected'}");
    b->store_refuses = false;
    expect_no_status(b);
}

static void a_station_without_a_place_for_firmware_says_so(void **state)
{
    (void)state;
    struct bench *b = bench_new(NULL);
    bench_boot(b);
    struct request r = usual(51);
    update(b, &r, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'UnsupportedRequest'}}");
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
        struct request r = usual(61);
        r.retrieve_ms = rows[i].retrieve_ms;
        r.install_ms = rows[i].install_ms;
        b->hold_firmware = rows[i].holds;
        update(b, &r, "{'status': 'Accepted'}");
        expect_status(b, 61, rows[i].status);
        bench_forget(b);
        b->hold_firmware = false;
        r = usual(62);
        update(b, &r, "{'status': 'AcceptedCanceled'}");
        bench_expect(b, "FirmwareStatusNotification", "{'status': 'Downloading', 'requestId': 62}");
        expect_status(b, 62, "Installed");
        bench_advance(b, 2 * HOUR_MS);
        expect_no_status(b);
    }
}

static void what_is_being_installed_is_not_cancelled(void **state) /* L01.FR.27, L02.FR.18 */
{
    struct bench *b = *state;
    struct request r = usual(63);
    r.install_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    b->hold_firmware = true;
    bench_advance(b, HOUR_MS + 1000);
    bench_firmware_done(b, FIRMWARE_STARTED);
    expect_status(b, 63, "Installing");
    struct request second = usual(64);
    update(b, &second, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'FwUpdateInProgress'}}");
    bench_call(b, "Reset", "{'type': 'Immediate'}", /* B11.FR.06 */
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'FwUpdateInProgress'}}");
    bench_firmware_done(b, FIRMWARE_DONE);
    expect_status(b, 63, "Installed");
}

static void an_invalid_second_request_leaves_the_first_alone(void **state) /* L01.FR.24 */
{
    struct bench *b = *state;
    struct request r = usual(65);
    r.retrieve_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    struct request second = usual(66);
    second.certificate = stranger;
    update(b, &second, "{'status': 'InvalidCertificate'}");
    b->hold_firmware = true;
    bench_advance(b, 2 * HOUR_MS);
    expect_status(b, 65, "Downloading");
    b->firmware_claim = -EBUSY;
    second.certificate = signer;
    update(b, &second, "{'status': 'Rejected'}");
    bench_firmware_done(b, FIRMWARE_DONE);
    expect_status(b, 65, "Downloaded");
}

/* ---- telling ---- */

static void the_trigger_answers_with_the_last_status(void **state)
/* L01.FR.25, L01.FR.26, L02.FR.14, L02.FR.16, L02.FR.17, F06.FR.03, F06.FR.16 */
{
    struct bench *b = *state;
    expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'FirmwareStatusNotification', 'evse': {'id': 9}}",
               "{'status': 'Accepted'}");
    bench_expect(b, "FirmwareStatusNotification", "{'status': 'Idle'}");
    b->hold_firmware = true;
    struct request r = usual(71);
    update(b, &r, "{'status': 'Accepted'}");
    expect_trigger(b, "{'status': 'Downloading', 'requestId': 71}");
    b->hold_firmware = false;
    bench_settle(b);
    bench_restart(b);
    expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
}

static void statuses_wait_for_the_link_in_their_order(void **state) /* L01.FR.01, L02.FR.01 */
{
    struct bench *b = *state;
    b->hold_firmware = true;
    struct request r = usual(72);
    r.install_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    next_status(b, 72, "Downloading");
    bench_link_lost(b);
    bench_firmware_done(b, FIRMWARE_DONE);
    bench_firmware_done(b, FIRMWARE_DONE);
    bench_forget(b);
    bench_link_back(b);
    next_status(b, 72, "Downloaded");
    next_status(b, 72, "SignatureVerified");
    next_status(b, 72, "InstallScheduled");
}

static void a_csms_that_does_not_answer_hears_it_again(void **state) /* L01.FR.01 */
{
    struct bench *b = *state;
    bench_answer(b, "FirmwareStatusNotification", BENCH_SILENCE);
    struct request r = usual(73);
    r.retrieve_ms = 5 * HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    bench_advance(b, HOUR_MS);
    assert_int_equal(bench_count(b, "FirmwareStatusNotification"), 3);
}

/* ---- power cuts ---- */

static void a_power_cut_while_it_waits_changes_nothing(void **state) /* L01.FR.13, L01.FR.16 */
{
    struct bench *b = *state;
    struct request r = usual(81);
    r.retrieve_ms = HOUR_MS;
    r.install_ms = 2 * HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    bench_restart(b);
    expect_no_status(b);
    bench_advance(b, HOUR_MS + 1000);
    expect_status(b, 81, "Downloading");
    expect_status(b, 81, "InstallScheduled");
    bench_restart(b);
    expect_no_status(b);
    bench_advance(b, HOUR_MS + 1000);
    expect_status(b, 81, "Installing");
    expect_status(b, 81, "Installed");
}

static void a_power_cut_during_the_download_begins_it_anew(void **state) /* L01.FR.05 */
{
    struct bench *b = *state;
    b->hold_firmware = true;
    struct request r = usual(82);
    update(b, &r, "{'status': 'Accepted'}");
    bench_restart(b);
    bench_expect_firmware(b, FIRMWARE_CLAIM);
    bench_expect_firmware(b, FIRMWARE_DOWNLOAD);
    b->hold_firmware = false;
    bench_settle(b);
    expect_status(b, 82, "Downloaded");
    expect_status(b, 82, "Installed");
}

static void an_image_lost_in_a_power_cut_is_loaded_again(void **state) /* L01.FR.05 */
{
    struct bench *b = *state;
    struct request r = usual(83);
    r.install_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    b->hold_firmware = true;
    bench_restart(b);
    bench_firmware_done(b, FIRMWARE_LOST);
    expect_status(b, 83, "Downloading");
    b->hold_firmware = false;
    bench_settle(b);
    expect_status(b, 83, "SignatureVerified");
}

static void after_a_power_cut_during_the_installation_the_hook_decides(void **state) /* L01.FR.28 */
{
    (void)state;
    static const enum firmware_outcome outcomes[] = { FIRMWARE_DONE, FIRMWARE_FAILED };
    static const char *const statuses[] = { "Installed", "InstallationFailed" };
    for (size_t i = 0; i < 2; i++) {
        struct bench *b = firmware_bench(FIRMWARE_DOWNLOADS_MEANWHILE, 1);
        struct request r = usual(84);
        r.install_ms = HOUR_MS;
        update(b, &r, "{'status': 'Accepted'}");
        b->hold_firmware = true;
        bench_advance(b, HOUR_MS + 1000);
        bench_firmware_done(b, FIRMWARE_STARTED);
        bench_restart(b);
        bench_firmware_done(b, outcomes[i]);
        expect_status(b, 84, statuses[i]);
        bench_free(b);
    }
}

static void a_last_status_that_was_not_heard_is_told_after_the_restart(void **state) /* L01.FR.01 */
{
    struct bench *b = *state;
    b->firmware_outcomes[FIRMWARE_VERIFY] = FIRMWARE_FAILED;
    bench_answer(b, "FirmwareStatusNotification", BENCH_SILENCE);
    struct request r = usual(85);
    update(b, &r, "{'status': 'Accepted'}");
    bench_restart(b);
    expect_status(b, 85, "InvalidSignature");
    bench_answer(b, "FirmwareStatusNotification", "");
    bench_restart(b);
    expect_no_status(b);
}

static void of_an_update_that_is_over_no_url_is_kept(void **state)
{
    struct bench *b = *state;
    struct request r = usual(87);
    r.location = "ftp://user:word@files.example/image";
    r.retrieve_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    assert_non_null(strstr(bench_record(b, "state", "firmware"), "user:word"));
    bench_advance(b, 2 * HOUR_MS);
    expect_status(b, 87, "Installed");
    assert_null(strstr(bench_record(b, "state", "firmware"), "user:word"));
    bench_restart(b);
    expect_trigger(b, "{'status': 'Idle', 'requestId': null}");
}

static void an_update_whose_place_is_gone_has_failed(void **state) /* L01.FR.01 */
{
    struct bench *b = *state;
    struct request r = usual(86);
    r.retrieve_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    b->firmware_claim = -EBUSY;
    bench_restart(b);
    expect_status(b, 86, "DownloadFailed");
}

/* ---- L02 ---- */

static void an_unsigned_image_is_taken_where_that_is_set(void **state)
/* L02.FR.01, L02.FR.02, L02.FR.06, L02.FR.20 */
{
    (void)state;
    struct bench_options options = {
        .firmware = { .is_possible = true,
                      .takes_unsigned = true,
                      .transactions = FIRMWARE_DOWNLOADS_MEANWHILE },
    };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    struct request r = usual(91);
    r.certificate = r.signature = NULL;
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 91, "Downloading");
    next_status(b, 91, "Downloaded");
    next_status(b, 91, "Installing");
    expect_status(b, 91, "Installed");
    bench_free(b);
}

static void an_unsigned_image_lost_in_a_power_cut_is_loaded_again(void **state) /* L02.FR.02, L02.FR.10 */
{
    (void)state;
    struct bench_options options = {
        .firmware = { .is_possible = true,
                      .takes_unsigned = true,
                      .transactions = FIRMWARE_DOWNLOADS_MEANWHILE },
    };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    struct request r = usual(92);
    r.certificate = r.signature = NULL;
    r.install_ms = HOUR_MS;
    update(b, &r, "{'status': 'Accepted'}");
    expect_status(b, 92, "InstallScheduled");
    b->hold_firmware = true;
    bench_restart(b);
    bench_firmware_done(b, FIRMWARE_DONE); /* it is there: nothing is said to be verified */
    bench_restart(b);
    expect_no_status(b);
    bench_firmware_done(b, FIRMWARE_LOST);
    next_status(b, 92, "Downloading");
    bench_firmware_done(b, FIRMWARE_DONE);
    next_status(b, 92, "Downloaded");
    next_status(b, 92, "InstallScheduled");
    bench_free(b);
}

static int setup_unsigned(void **state)
{
    is_unsigned = true;
    return setup(state);
}

static int teardown_unsigned(void **state)
{
    is_unsigned = false;
    return bench_teardown(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, bench_teardown)
#define UNSIGNED(function)                                                                                   \
    {                                                                                                        \
#function " (unsigned)", function, setup_unsigned, teardown_unsigned, NULL                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_update_is_told_step_by_step),
        TEST(what_is_in_force_at_once_makes_the_station_start_anew),
        TEST(what_needs_a_restart_is_told_by_the_new_firmware),
        TEST(the_restart_waits_for_the_csms_to_hear_but_not_for_long),
        TEST(a_rollback_is_no_update),
        TEST(a_download_waits_for_its_date),
        TEST(an_installation_waits_for_its_date),
        TEST(a_step_of_the_clock_moves_the_dates),
        TEST(an_installation_that_waits_for_other_stations_is_scheduled),
        UNSIGNED(an_installation_that_waits_for_other_stations_is_scheduled),
        TEST(an_installation_waits_for_the_end_of_transactions),
        TEST(new_sessions_may_begin_where_that_is_set),
        cmocka_unit_test(a_download_waits_for_transactions_where_that_is_set),
        cmocka_unit_test(an_installation_goes_beside_transactions_where_that_is_set),
        cmocka_unit_test(a_restart_that_firmware_needs_waits_for_transactions),
        cmocka_unit_test(a_restart_does_not_wait_for_a_csms_that_is_away),
        TEST(a_download_is_tried_again_and_then_given_up),
        TEST(a_download_that_works_at_last_goes_on),
        TEST(a_wrong_signature_ends_it_and_is_a_security_event),
        TEST(a_missing_signature_is_a_wrong_one),
        TEST(an_installation_that_fails_is_told),
        TEST(an_image_that_does_not_suit_is_told),
        TEST(a_certificate_that_is_not_trusted_is_refused),
        cmocka_unit_test(a_root_that_the_csms_installed_counts),
        TEST(what_is_not_signed_is_refused),
        TEST(what_cannot_be_is_rejected),
        cmocka_unit_test(a_station_without_a_place_for_firmware_says_so),
        TEST(a_new_request_takes_the_place_of_the_old),
        TEST(what_is_being_installed_is_not_cancelled),
        TEST(an_invalid_second_request_leaves_the_first_alone),
        TEST(the_trigger_answers_with_the_last_status),
        TEST(statuses_wait_for_the_link_in_their_order),
        TEST(a_csms_that_does_not_answer_hears_it_again),
        TEST(a_power_cut_while_it_waits_changes_nothing),
        TEST(a_power_cut_during_the_download_begins_it_anew),
        TEST(an_image_lost_in_a_power_cut_is_loaded_again),
        cmocka_unit_test(after_a_power_cut_during_the_installation_the_hook_decides),
        TEST(a_last_status_that_was_not_heard_is_told_after_the_restart),
        TEST(of_an_update_that_is_over_no_url_is_kept),
        TEST(an_update_whose_place_is_gone_has_failed),
        cmocka_unit_test(an_unsigned_image_is_taken_where_that_is_set),
        cmocka_unit_test(an_unsigned_image_lost_in_a_power_cut_is_loaded_again),
        UNSIGNED(what_is_in_force_at_once_makes_the_station_start_anew),
        UNSIGNED(what_needs_a_restart_is_told_by_the_new_firmware),
        UNSIGNED(the_restart_waits_for_the_csms_to_hear_but_not_for_long),
        UNSIGNED(a_download_waits_for_its_date),
        UNSIGNED(an_installation_waits_for_its_date),
        UNSIGNED(an_installation_waits_for_the_end_of_transactions),
        UNSIGNED(new_sessions_may_begin_where_that_is_set),
        UNSIGNED(a_download_waits_for_transactions_where_that_is_set),
        UNSIGNED(an_installation_goes_beside_transactions_where_that_is_set),
        UNSIGNED(a_restart_that_firmware_needs_waits_for_transactions),
        UNSIGNED(a_download_is_tried_again_and_then_given_up),
        UNSIGNED(an_installation_that_fails_is_told),
        UNSIGNED(a_new_request_takes_the_place_of_the_old),
        UNSIGNED(what_is_being_installed_is_not_cancelled),
        UNSIGNED(the_trigger_answers_with_the_last_status),
        UNSIGNED(a_power_cut_while_it_waits_changes_nothing),
        UNSIGNED(a_power_cut_during_the_download_begins_it_anew),
        UNSIGNED(after_a_power_cut_during_the_installation_the_hook_decides),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
