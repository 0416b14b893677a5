/* The roots a station trusts: listed, deleted, installed, replaced (M03-M05). */
#include "tests/support/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/support/session.h"

#define DAY_MS INT64_C(86400000)

static void expect_installed(struct bench *b, const char *type, const char *pem, const char *issuer)
{
    char text[800], asked[60];
    (void)snprintf(asked, sizeof(asked), "'%s'", type);
    (void)snprintf(text, sizeof(text),
                   "{'status': 'Accepted', 'certificateHashDataChain': [{'certificateType': '%s',"
                   " 'certificateHashData': %s, 'childCertificateHashData': null}]}",
                   type, trust_hash(pem, issuer, PKI_SHA256));
    trust_installed(b, asked, text);
}

/* ---- M03: listing ---- */

static void nothing_is_installed_at_first(void **state) /* M03.FR.01, M03.FR.02 */
{
    struct bench *b = *state;
    static const char *const types[] = { "",
                                         "'CSMSRootCertificate'",
                                         "'ManufacturerRootCertificate'",
                                         "'MORootCertificate'",
                                         "'V2GRootCertificate'",
                                         "'V2GCertificateChain'" };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        trust_installed(b, types[i], "{'status': 'NotFound', 'certificateHashDataChain': null}");
}

static void
what_was_installed_is_listed(void **state) /* M03.FR.01, M03.FR.03, M03.FR.04, M05.FR.01, M05.FR.02 */
{
    struct bench *b = *state;
    static const char *const types[] = { "CSMSRootCertificate", "ManufacturerRootCertificate",
                                         "V2GRootCertificate", "MORootCertificate" };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        trust_install(b, types[i], authority_pem(trust.root), ACCEPTED);
        expect_installed(b, types[i], authority_pem(trust.root), NULL);
    }
    bench_restart(b);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        expect_installed(b, types[i], authority_pem(trust.root), NULL);
    const json_t *all = bench_request(b, "GetInstalledCertificateIds", "{}");
    assert_int_equal(json_array_size(json_object_get(all, "certificateHashDataChain")), 4);
    all = bench_request(
        b, "GetInstalledCertificateIds",
        "{'certificateType': ['CSMSRootCertificate', 'MORootCertificate', 'V2GCertificateChain']}");
    assert_int_equal(json_array_size(json_object_get(all, "certificateHashDataChain")), 2);
}

static void the_hash_of_one_signed_by_another_is_over_its_issuer(void **state) /* M03.FR.04 */
{
    struct bench *b = *state;
    trust_install(b, "ManufacturerRootCertificate", authority_pem(trust.root), ACCEPTED);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), ACCEPTED);
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.next), authority_pem(trust.root));
    bench_restart(b);
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.next), authority_pem(trust.root));
}

/* ---- M04: deleting ---- */

static void what_is_deleted_is_gone(void **state) /* M04.FR.01, M04.FR.02, M04.FR.07 */
{
    struct bench *b = *state;
    for (int hash = 0; hash < PKI_HASHES; hash++) {
        trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
        trust_install(b, "CSMSRootCertificate", authority_pem(trust.other), ACCEPTED);
        trust_delete(b, trust_hash(authority_pem(trust.root), NULL, (enum pki_hash)hash), ACCEPTED);
        expect_installed(b, "CSMSRootCertificate", authority_pem(trust.other), NULL);
        trust_delete(b, trust_hash(authority_pem(trust.root), NULL, (enum pki_hash)hash),
                     "{'status': 'NotFound'}");
    }
    bench_restart(b);
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.other), NULL);
}

static void what_is_not_there_is_not_found(void **state) /* M04.FR.04 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    trust_delete(b, trust_hash(authority_pem(trust.other), NULL, PKI_SHA256), "{'status': 'NotFound'}");
    trust_delete(b,
                 "{'hashAlgorithm': 'SHA256', 'issuerNameHash': '', 'issuerKeyHash': '', 'serialNumber': ''}",
                 "{'status': 'NotFound'}");
}

static void letters_and_leading_zeroes_do_not_matter(void **state) /* M04.FR.02 */
{
    struct bench *b = *state;
    char text[500];
    struct pki_hash_data hash = { 0 };
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    (void)pki_hash_certificate(authority_pem(trust.root), NULL, PKI_SHA256, &hash);
    for (char *at = hash.issuer_name_hash; *at; at++)
        *at = (char)(*at >= 'a' ? *at - 'a' + 'A' : *at);
    (void)snprintf(
        text, sizeof(text),
        "{'hashAlgorithm': 'SHA256', 'issuerNameHash': '%s', 'issuerKeyHash': '%s', 'serialNumber': '00%s'}",
        hash.issuer_name_hash, hash.issuer_key_hash, hash.serial_number);
    trust_delete(b, text, ACCEPTED);
}

static void a_deletion_that_cannot_be_stored_fails(void **state) /* M04.FR.03 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    b->store_refuses = true;
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    b->store_refuses = false;
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.root), NULL);
}

static void the_last_root_of_a_secured_link_stays(void **state) /* M04.FR.03 */
{
    (void)state;
    struct bench *b = trust_bench(2, (struct bench_options){ .trusted_pem = authority_pem(trust.root) });
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.other), ACCEPTED);
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), ACCEPTED);
    struct authority *brief =
        authority_new(&(struct authority_options){ .not_after_ms = BENCH_WALL_MS + DAY_MS });
    trust_install(b, "CSMSRootCertificate", authority_pem(brief), ACCEPTED);
    bench_advance(b, 2 * DAY_MS); /* an expired one is none */
    trust_delete(b, trust_hash(authority_pem(trust.other), NULL, PKI_SHA256), "{'status': 'Failed'}");
    trust_delete(b, trust_hash(authority_pem(brief), NULL, PKI_SHA256), ACCEPTED);
    authority_free(brief);
    bench_free(b);
}

/* The CSMS and a local client may ask at the same time. */
static void one_change_of_the_roots_at_a_time(void **state) /* M04.FR.03, M05.FR.03 */
{
    (void)state;
    struct bench *b = trust_bench(2, (struct bench_options){ .trusted_pem = authority_pem(trust.root) });
    char text[17000];
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.other), ACCEPTED);
    b->hold_commits = true;
    (void)snprintf(text, sizeof(text), "[2, 'one', 'DeleteCertificate', {'certificateHashData': %s}]",
                   trust_hash(authority_pem(trust.other), NULL, PKI_SHA256));
    trust_frame(b, text);
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), "{'status': 'Failed'}");
    b->hold_commits = false;
    bench_settle(b);
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.root), NULL);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    bench_free(b);
}

/* ---- M05: installing ---- */

static void what_is_no_root_is_rejected(void **state) /* M05.FR.01, M05.FR.07 */
{
    struct bench *b = *state;
    struct authority *expired =
        authority_new(&(struct authority_options){ .not_after_ms = BENCH_WALL_MS - DAY_MS });
    struct authority *early =
        authority_new(&(struct authority_options){ .not_before_ms = BENCH_WALL_MS + DAY_MS });
    char *csr, *key;
    authority_request("CS-1", "Example", &csr, &key);
    char *leaf = authority_sign(trust.root, csr, NULL);
    trust_install(b, "CSMSRootCertificate", authority_pem(expired), REJECTED);
    trust_install(b, "CSMSRootCertificate", authority_pem(early), REJECTED);
    trust_install(b, "CSMSRootCertificate", leaf,
                  "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidCertificate'}}");
    trust_install(b, "CSMSRootCertificate", csr, REJECTED);
    trust_install(b, "CSMSRootCertificate", "", REJECTED);
    trust_install(b, "ManufacturerRootCertificate",
                  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", REJECTED);
    trust_installed(b, "", "{'status': 'NotFound'}");
    free(csr);
    free(key);
    free(leaf);
    authority_free(expired);
    authority_free(early);
}

static void one_that_is_there_is_replaced(void **state) /* M05.FR.17 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.root), NULL);
}

static void an_installation_that_cannot_be_stored_fails(void **state) /* M05.FR.03 */
{
    struct bench *b = *state;
    b->store_refuses = true;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), "{'status': 'Failed'}");
    b->store_refuses = false;
    trust_installed(b, "", "{'status': 'NotFound'}");
}

static void certificates_have_a_maximum(void **state) /* M05.FR.06 */
{
    struct bench *b = *state;
    for (int i = 0; i < 20; i++) {
        struct authority *a = authority_new(NULL);
        trust_install(b, "ManufacturerRootCertificate", authority_pem(a), ACCEPTED);
        authority_free(a);
    }
    trust_install(b, "ManufacturerRootCertificate", authority_pem(trust.root), REJECTED);
    bench_call(
        b, "GetReport",
        "{'requestId': 1, 'componentVariable': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
        " 'CertificateEntries'}}]}",
        ACCEPTED);
    bench_expect(b, "NotifyReport",
                 "{'reportData': [{'variableAttribute': [{'value': '20', 'mutability': 'ReadOnly'}],"
                 " 'variableCharacteristics': {'dataType': 'integer', 'maxLimit': 20}}]}");
}

static void roots_of_the_configuration_are_installed_ones(void **state) /* M03.FR.04, M04.FR.02 */
{
    (void)state;
    char *both;
    assert_true(asprintf(&both, "# ours\n%s\n%s", authority_pem(trust.root), authority_pem(trust.other)) > 0);
    struct bench *b = trust_bench(2, (struct bench_options){ .trusted_pem = both });
    const json_t *all = bench_request(b, "GetInstalledCertificateIds", "{}");
    assert_int_equal(json_array_size(json_object_get(all, "certificateHashDataChain")), 2);
    assert_int_equal(json_object_size(b->records) > 0 && bench_record(b, "certificate", "csms/x") != NULL, 0);
    assert_int_equal(pki_count(b->trusted), 2);
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), ACCEPTED);
    bench_restart(b); /* it does not come back */
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.other), NULL);
    assert_int_equal(pki_count(b->trusted), 1);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    bench_restart(b);
    assert_int_equal(pki_count(b->trusted), 2);
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), ACCEPTED);
    bench_restart(b); /* nor when it was installed once more in between */
    assert_int_equal(pki_count(b->trusted), 1);
    bench_free(b);
    free(both);
}

/* ---- AdditionalRootCertificateCheck ---- */

static int setup_check(void **state)
{
    struct bench_options options = { .trusted_pem = authority_pem(trust.root) };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "AdditionalRootCertificateCheck", NULL, "true" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, "1" };
    struct bench *b = trust_bench(2, options);
    b->accepts = trust_csms_accepts;
    trust.server_root = authority_pem(trust.root);
    *state = b;
    return 0;
}

static size_t roots_installed(struct bench *b)
{
    const json_t *all =
        bench_request(b, "GetInstalledCertificateIds", "{'certificateType': ['CSMSRootCertificate']}");
    return json_array_size(json_object_get(all, "certificateHashDataChain"));
}

static void a_new_root_must_be_signed_by_the_old_one(void **state) /* M05.FR.10, M05.FR.11 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.other), REJECTED);
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.root), NULL);
    trust_install(b, "ManufacturerRootCertificate", authority_pem(trust.other),
                  ACCEPTED);                                                      /* not of its concern */
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED); /* the same again */
    assert_int_equal(roots_installed(b), 1);
}

static void a_new_root_that_works_replaces_the_old_one(void **state) /* M05.FR.09, M05.FR.12, M05.FR.13 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    assert_int_equal(roots_installed(b), 2); /* with the old one to fall back to */
    trust.server_root = authority_pem(trust.next);
    bench_restart(b);
    assert_true(b->is_up);
    assert_null(strstr(b->trusted, authority_pem(trust.root)));
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.next), authority_pem(trust.root));
    bench_restart(b); /* nor does the configuration's come back */
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.next), authority_pem(trust.root));
}

static void a_new_root_that_does_not_work_leaves_the_old_one(void **state) /* M05.FR.14 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    int before = b->connects;
    trust_reset(b);
    assert_true(b->is_up); /* the second attempt followed at once */
    assert_int_equal(b->connects, before + 2);
    assert_non_null(strstr(b->trusted, authority_pem(trust.root)));
    assert_int_equal(roots_installed(b), 2);
    bench_expect_later(b, "SecurityEventNotification", "{'type': 'ResetOrReboot'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'StartupOfTheDevice'}");
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidCsmsCertificate'}");
    bench_restart(b);
    assert_true(b->is_up);
    assert_int_equal(roots_installed(b), 2);
}

static void the_old_root_stays_until_the_new_one_has_worked(void **state) /* M04.FR.03, M05.FR.12 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    trust_delete(b, trust_hash(authority_pem(trust.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    trust_reset(b);
    assert_true(b->is_up);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED); /* the CSMS thinks again */
    assert_int_equal(roots_installed(b), 1);
    trust_reset(b);
    assert_true(b->is_up);
    expect_installed(b, "CSMSRootCertificate", authority_pem(trust.root), NULL);
}

static void there_is_never_more_than_one_old_root(void **state) /* M05.FR.09 */
{
    struct bench *b = *state;
    struct authority *third =
        authority_new(&(struct authority_options){ .name = "third", .signed_by = trust.next });
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    trust_install(b, "CSMSRootCertificate", authority_pem(third), ACCEPTED);
    assert_int_equal(roots_installed(b), 2); /* the one never proven is gone */
    trust_reset(b);
    assert_true(b->is_up);
    bench_restart(b);
    assert_int_equal(roots_installed(b), 2);
    authority_free(third);
}

static void a_migration_goes_with_the_new_root_only(void **state) /* M05.FR.15, M05.FR.16 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    bench_call(
        b, "SetNetworkProfile",
        "{'configurationSlot': 2, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
        " 'ocppCsmsUrl': 'wss://other.example/', 'messageTimeout': 20, 'securityProfile': 2, 'ocppInterface':"
        " 'Wired0'}}",
        ACCEPTED);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
    int before = b->connects;
    trust_reset(b);
    assert_true(b->is_up);
    assert_string_equal(b->url, "wss://csms.example/ocpp");
    assert_int_equal(b->connects, before + 2); /* once there with the new, then back with the old */
    assert_non_null(strstr(b->trusted, authority_pem(trust.root)));
    assert_int_equal(roots_installed(b), 2);
}

/* What the station has worked with is gone, and the other CSMS shows a certificate of the old root. */
static void either_root_is_tried_at_every_csms_in_the_end(void **state) /* M05.FR.14, B10.FR.09 */
{
    struct bench *b = *state;
    bench_call(
        b, "SetNetworkProfile",
        "{'configurationSlot': 2, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
        " 'ocppCsmsUrl': 'wss://other.example/', 'messageTimeout': 20, 'securityProfile': 2, 'ocppInterface':"
        " 'Wired0'}}",
        ACCEPTED);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "1,2");
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    json_object_set_new(b->refuses, b->url, json_true());
    b->failure = LINK_UNREACHABLE;
    bench_link_lost(b);
    b->link_available = true;
    for (int i = 0; i < 1000 && !b->is_up; i++)
        bench_advance(b, 10000);
    assert_true(b->is_up);
    assert_string_equal(b->url, "wss://other.example/");
    assert_int_equal(roots_installed(b), 2);
}

static bool csms_of_the_system(struct bench *b, enum link_failure *ret_failure)
{
    *ret_failure = LINK_TLS_CERTIFICATE;
    return !b->trusted;
}

/* A CSMS whose server has a certificate of a public root may install one for the station's certificates only. */
static void the_systems_roots_stay_until_another_has_worked(void **state) /* M05.FR.13, M05.FR.14 */
{
    (void)state;
    struct bench *b = trust_bench(2, (struct bench_options){ 0 });
    b->accepts = csms_of_the_system;
    assert_null(b->trusted);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    for (int i = 0; i < 3; i++) {
        trust_reset(b);
        assert_true(b->is_up);
        assert_null(b->trusted);
    }
    b->accepts = trust_csms_accepts;
    trust.server_root = authority_pem(trust.root);
    bench_restart(b);
    assert_true(b->is_up);
    bench_restart(b); /* that one has worked: the system's are out */
    b->accepts = csms_of_the_system;
    bench_call(b, "Reset", "{'type': 'OnIdle'}", ACCEPTED);
    for (int i = 0; i < 60; i++) {
        bench_advance(b, 1000);
        assert_false(b->is_up);
        assert_non_null(b->trusted);
    }
    trust.server_root = NULL;
    bench_free(b);
}

static void another_csms_of_the_configuration_may_need_the_systems_roots(void **state) /* M05.FR.13 */
{
    (void)state;
    struct bench *b = trust_bench(2, (struct bench_options){ 0 });
    b->accepts = trust_csms_accepts;
    trust.server_root = authority_pem(trust.root);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    trust_reset(b);
    assert_true(b->is_up);
    b->accepts = csms_of_the_system;
    b->options.url = "wss://elsewhere.example/ocpp";
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        bench_advance(b, 60000);
        assert_true(b->is_up);
        assert_string_equal(b->url, "wss://elsewhere.example/ocpp");
    }
    trust.server_root = NULL;
    bench_free(b);
}

static void another_csms_of_the_configuration_may_need_its_roots(void **state) /* M05.FR.10, M05.FR.13 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    trust.server_root = authority_pem(trust.next);
    trust_reset(b);
    bench_restart(b);
    assert_int_equal(roots_installed(b), 1);
    trust.server_root = authority_pem(trust.root);
    b->options.url = "wss://elsewhere.example/ocpp";
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        bench_advance(b, 60000);
        assert_true(b->is_up);
        assert_string_equal(b->url, "wss://elsewhere.example/ocpp");
        assert_int_equal(roots_installed(b), 2);
    }
    trust.server_root = authority_pem(trust.next); /* the same CSMS by another name: its word holds */
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        assert_true(b->is_up);
        assert_int_equal(roots_installed(b), 1);
    }
}

int main(void)
{
#define TEST(setup, f) cmocka_unit_test_setup_teardown(f, setup_##setup, teardown_##setup)
#define setup_plain    bench_setup
#define teardown_plain bench_teardown
#define teardown_check trust_teardown
    const struct CMUnitTest tests[] = {
        TEST(plain, nothing_is_installed_at_first),
        TEST(plain, what_was_installed_is_listed),
        TEST(plain, the_hash_of_one_signed_by_another_is_over_its_issuer),
        TEST(plain, what_is_deleted_is_gone),
        TEST(plain, what_is_not_there_is_not_found),
        TEST(plain, letters_and_leading_zeroes_do_not_matter),
        TEST(plain, a_deletion_that_cannot_be_stored_fails),
        cmocka_unit_test(the_last_root_of_a_secured_link_stays),
        cmocka_unit_test(one_change_of_the_roots_at_a_time),
        TEST(plain, what_is_no_root_is_rejected),
        TEST(plain, one_that_is_there_is_replaced),
        TEST(plain, an_installation_that_cannot_be_stored_fails),
        TEST(plain, certificates_have_a_maximum),
        cmocka_unit_test(roots_of_the_configuration_are_installed_ones),
        TEST(check, a_new_root_must_be_signed_by_the_old_one),
        TEST(check, a_new_root_that_works_replaces_the_old_one),
        TEST(check, a_new_root_that_does_not_work_leaves_the_old_one),
        TEST(check, the_old_root_stays_until_the_new_one_has_worked),
        TEST(check, there_is_never_more_than_one_old_root),
        TEST(check, a_migration_goes_with_the_new_root_only),
        TEST(check, either_root_is_tried_at_every_csms_in_the_end),
        cmocka_unit_test(the_systems_roots_stay_until_another_has_worked),
        cmocka_unit_test(another_csms_of_the_configuration_may_need_the_systems_roots),
        TEST(check, another_csms_of_the_configuration_may_need_its_roots),
    };
    return cmocka_run_group_tests(tests, trust_make, trust_free);
}
