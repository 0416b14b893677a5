/* The roots a station trusts (M03-M05) and its own certificate (A02, A03, A05). */
#include "tests/support/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "pki/pki.h"
#include "tests/support/authority.h"
#include "tests/support/session.h"

#define DAY_MS     INT64_C(86400000)
#define FOREVER_MS INT64_C(2208988800000)

/* What a test works with: authorities, and whom the CSMS has. */
static struct {
    struct authority *root, *next, *other;
    const char *server_root;      /* the CSMS's certificate leads to it; NULL: to whatever is trusted */
    const char *only_certificate; /* the CSMS takes this one only */
} world;

static int make_world(void **state)
{
    (void)state;
    world.root = authority_new(NULL);
    world.next = authority_new(&(struct authority_options){ .name = "next", .signed_by = world.root });
    world.other = authority_new(&(struct authority_options){ .name = "other" });
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    authority_free(world.root);
    authority_free(world.next);
    authority_free(world.other);
    return 0;
}

static void install(struct bench *b, const char *type, const char *pem, const char *result)
{
    char text[17000];
    (void)snprintf(text, sizeof(text), "{'certificateType': '%s', 'certificate': '%s'}", type,
                   authority_escaped(pem));
    bench_call(b, "InstallCertificate", text, result);
}

#define ACCEPTED "{'status': 'Accepted'}"
#define REJECTED "{'status': 'Rejected'}"

static void installed(struct bench *b, const char *types, const char *result)
{
    char text[300];
    (void)snprintf(text, sizeof(text), "{%s%s%s}", *types ? "'certificateType': [" : "", types,
                   *types ? "]" : "");
    bench_call(b, "GetInstalledCertificateIds", text, result);
}

/* A CALL whose answer is not waited for. */
static void frame(struct bench *b, char *text)
{
    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    bench_frame(b, text);
}

static const char *hash_text(const char *pem, const char *issuer, enum pki_hash algorithm)
{
    static char text[500];
    struct pki_hash_data hash = { 0 };
    (void)pki_hash_certificate(pem, issuer, algorithm, &hash);
    (void)snprintf(
        text, sizeof(text),
        "{'hashAlgorithm': '%s', 'issuerNameHash': '%s', 'issuerKeyHash': '%s', 'serialNumber': '%s'}",
        pki_hash_names[algorithm], hash.issuer_name_hash, hash.issuer_key_hash, hash.serial_number);
    return text;
}

static void delete (struct bench *b, const char *hash, const char *result)
{
    char text[600];
    (void)snprintf(text, sizeof(text), "{'certificateHashData': %s}", hash);
    bench_call(b, "DeleteCertificate", text, result);
}

static void expect_installed(struct bench *b, const char *type, const char *pem, const char *issuer)
{
    char text[800], asked[60];
    (void)snprintf(asked, sizeof(asked), "'%s'", type);
    (void)snprintf(text, sizeof(text),
                   "{'status': 'Accepted', 'certificateHashDataChain': [{'certificateType': '%s',"
                   " 'certificateHashData': %s, 'childCertificateHashData': null}]}",
                   type, hash_text(pem, issuer, PKI_SHA256));
    installed(b, asked, text);
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
        installed(b, types[i], "{'status': 'NotFound', 'certificateHashDataChain': null}");
}

static void
what_was_installed_is_listed(void **state) /* M03.FR.01, M03.FR.03, M03.FR.04, M05.FR.01, M05.FR.02 */
{
    struct bench *b = *state;
    static const char *const types[] = { "CSMSRootCertificate", "ManufacturerRootCertificate",
                                         "V2GRootCertificate", "MORootCertificate" };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        install(b, types[i], authority_pem(world.root), ACCEPTED);
        expect_installed(b, types[i], authority_pem(world.root), NULL);
    }
    bench_restart(b);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        expect_installed(b, types[i], authority_pem(world.root), NULL);
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
    install(b, "ManufacturerRootCertificate", authority_pem(world.root), ACCEPTED);
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), ACCEPTED);
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.next), authority_pem(world.root));
    bench_restart(b);
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.next), authority_pem(world.root));
}

/* ---- M04: deleting ---- */

static void what_is_deleted_is_gone(void **state) /* M04.FR.01, M04.FR.02, M04.FR.07 */
{
    struct bench *b = *state;
    for (int hash = 0; hash < PKI_HASHES; hash++) {
        install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
        install(b, "CSMSRootCertificate", authority_pem(world.other), ACCEPTED);
        delete (b, hash_text(authority_pem(world.root), NULL, (enum pki_hash)hash), ACCEPTED);
        expect_installed(b, "CSMSRootCertificate", authority_pem(world.other), NULL);
        delete (b, hash_text(authority_pem(world.root), NULL, (enum pki_hash)hash), "{'status': 'NotFound'}");
    }
    bench_restart(b);
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.other), NULL);
}

static void what_is_not_there_is_not_found(void **state) /* M04.FR.04 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    delete (b, hash_text(authority_pem(world.other), NULL, PKI_SHA256), "{'status': 'NotFound'}");
    delete (b, "{'hashAlgorithm': 'SHA256', 'issuerNameHash': '', 'issuerKeyHash': '', 'serialNumber': ''}",
            "{'status': 'NotFound'}");
}

static void letters_and_leading_zeroes_do_not_matter(void **state) /* M04.FR.02 */
{
    struct bench *b = *state;
    char text[500];
    struct pki_hash_data hash = { 0 };
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    (void)pki_hash_certificate(authority_pem(world.root), NULL, PKI_SHA256, &hash);
    for (char *at = hash.issuer_name_hash; *at; at++)
        *at = (char)(*at >= 'a' ? *at - 'a' + 'A' : *at);
    (void)snprintf(
        text, sizeof(text),
        "{'hashAlgorithm': 'SHA256', 'issuerNameHash': '%s', 'issuerKeyHash': '%s', 'serialNumber': '00%s'}",
        hash.issuer_name_hash, hash.issuer_key_hash, hash.serial_number);
    delete (b, text, ACCEPTED);
}

static void a_deletion_that_cannot_be_stored_fails(void **state) /* M04.FR.03 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    b->store_refuses = true;
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    b->store_refuses = false;
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.root), NULL);
}

static struct bench *bench_of(int security_profile, struct bench_options options)
{
    options.security_profile = security_profile;
    options.password = security_profile == 1 || security_profile == 2 ? "from-the-file-16" : NULL;
    options.url = security_profile == 1 ? "ws://csms.example/ocpp" : "wss://csms.example/ocpp";
    options.presets[options.preset_count++] =
        (struct variable_preset){ "OCPPCommCtrlr", "RetryBackOffRandomRange", NULL, "0" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "CertSigningWaitMinimum", NULL, "30" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "CertSigningRepeatTimes", NULL, "1" };
    struct bench *b = bench_new(&options);
    bench_boot(b);
    return b;
}

static void the_last_root_of_a_secured_link_stays(void **state) /* M04.FR.03 */
{
    (void)state;
    struct bench *b = bench_of(2, (struct bench_options){ .trusted_pem = authority_pem(world.root) });
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    install(b, "CSMSRootCertificate", authority_pem(world.other), ACCEPTED);
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), ACCEPTED);
    struct authority *brief =
        authority_new(&(struct authority_options){ .not_after_ms = BENCH_WALL_MS + DAY_MS });
    install(b, "CSMSRootCertificate", authority_pem(brief), ACCEPTED);
    bench_advance(b, 2 * DAY_MS); /* an expired one is none */
    delete (b, hash_text(authority_pem(world.other), NULL, PKI_SHA256), "{'status': 'Failed'}");
    delete (b, hash_text(authority_pem(brief), NULL, PKI_SHA256), ACCEPTED);
    authority_free(brief);
    bench_free(b);
}

/* The CSMS and a local client may ask at the same time. */
static void one_change_of_the_roots_at_a_time(void **state) /* M04.FR.03, M05.FR.03 */
{
    (void)state;
    struct bench *b = bench_of(2, (struct bench_options){ .trusted_pem = authority_pem(world.root) });
    char text[17000];
    install(b, "CSMSRootCertificate", authority_pem(world.other), ACCEPTED);
    b->hold_commits = true;
    (void)snprintf(text, sizeof(text), "[2, 'one', 'DeleteCertificate', {'certificateHashData': %s}]",
                   hash_text(authority_pem(world.other), NULL, PKI_SHA256));
    frame(b, text);
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    install(b, "CSMSRootCertificate", authority_pem(world.next), "{'status': 'Failed'}");
    b->hold_commits = false;
    bench_settle(b);
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.root), NULL);
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
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
    char *leaf = authority_sign(world.root, csr, NULL);
    install(b, "CSMSRootCertificate", authority_pem(expired), REJECTED);
    install(b, "CSMSRootCertificate", authority_pem(early), REJECTED);
    install(b, "CSMSRootCertificate", leaf,
            "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidCertificate'}}");
    install(b, "CSMSRootCertificate", csr, REJECTED);
    install(b, "CSMSRootCertificate", "", REJECTED);
    install(b, "ManufacturerRootCertificate",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", REJECTED);
    installed(b, "", "{'status': 'NotFound'}");
    free(csr);
    free(key);
    free(leaf);
    authority_free(expired);
    authority_free(early);
}

static void one_that_is_there_is_replaced(void **state) /* M05.FR.17 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.root), NULL);
}

static void an_installation_that_cannot_be_stored_fails(void **state) /* M05.FR.03 */
{
    struct bench *b = *state;
    b->store_refuses = true;
    install(b, "CSMSRootCertificate", authority_pem(world.root), "{'status': 'Failed'}");
    b->store_refuses = false;
    installed(b, "", "{'status': 'NotFound'}");
}

static void certificates_have_a_maximum(void **state) /* M05.FR.06 */
{
    struct bench *b = *state;
    for (int i = 0; i < 20; i++) {
        struct authority *a = authority_new(NULL);
        install(b, "ManufacturerRootCertificate", authority_pem(a), ACCEPTED);
        authority_free(a);
    }
    install(b, "ManufacturerRootCertificate", authority_pem(world.root), REJECTED);
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
    assert_true(asprintf(&both, "# ours\n%s\n%s", authority_pem(world.root), authority_pem(world.other)) > 0);
    struct bench *b = bench_of(2, (struct bench_options){ .trusted_pem = both });
    const json_t *all = bench_request(b, "GetInstalledCertificateIds", "{}");
    assert_int_equal(json_array_size(json_object_get(all, "certificateHashDataChain")), 2);
    assert_int_equal(json_object_size(b->records) > 0 && bench_record(b, "certificate", "csms/x") != NULL, 0);
    assert_int_equal(pki_count(b->trusted), 2);
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), ACCEPTED);
    bench_restart(b); /* it does not come back */
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.other), NULL);
    assert_int_equal(pki_count(b->trusted), 1);
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    bench_restart(b);
    assert_int_equal(pki_count(b->trusted), 2);
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), ACCEPTED);
    bench_restart(b); /* nor when it was installed once more in between */
    assert_int_equal(pki_count(b->trusted), 1);
    bench_free(b);
    free(both);
}

/* ---- AdditionalRootCertificateCheck ---- */

static bool csms_is_trusted(struct bench *b, enum link_failure *ret_failure)
{
    *ret_failure = LINK_TLS_CERTIFICATE;
    if (world.server_root && (!b->trusted || !strstr(b->trusted, world.server_root)))
        return false;
    *ret_failure = LINK_TLS_FAILED;
    return !world.only_certificate || (b->certificate && str_equal(b->certificate, world.only_certificate));
}

static int setup_check(void **state)
{
    struct bench_options options = { .trusted_pem = authority_pem(world.root) };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "AdditionalRootCertificateCheck", NULL, "true" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, "1" };
    struct bench *b = bench_of(2, options);
    b->accepts = csms_is_trusted;
    world.server_root = authority_pem(world.root);
    *state = b;
    return 0;
}

static int teardown_check(void **state)
{
    world.server_root = NULL;
    world.only_certificate = NULL;
    return bench_teardown(state);
}

static void reset(struct bench *b)
{
    bench_call(b, "Reset", "{'type': 'OnIdle'}", ACCEPTED);
    bench_advance(b, 2000);
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
    install(b, "CSMSRootCertificate", authority_pem(world.other), REJECTED);
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.root), NULL);
    install(b, "ManufacturerRootCertificate", authority_pem(world.other), ACCEPTED); /* not of its concern */
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);          /* the same again */
    assert_int_equal(roots_installed(b), 1);
}

static void a_new_root_that_works_replaces_the_old_one(void **state) /* M05.FR.09, M05.FR.12, M05.FR.13 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
    assert_int_equal(roots_installed(b), 2); /* with the old one to fall back to */
    world.server_root = authority_pem(world.next);
    bench_restart(b);
    assert_true(b->is_up);
    assert_null(strstr(b->trusted, authority_pem(world.root)));
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.next), authority_pem(world.root));
    bench_restart(b); /* nor does the configuration's come back */
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.next), authority_pem(world.root));
}

static void a_new_root_that_does_not_work_leaves_the_old_one(void **state) /* M05.FR.14 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
    int before = b->connects;
    reset(b);
    assert_true(b->is_up); /* the second attempt followed at once */
    assert_int_equal(b->connects, before + 2);
    assert_non_null(strstr(b->trusted, authority_pem(world.root)));
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
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
    delete (b, hash_text(authority_pem(world.root), NULL, PKI_SHA256), "{'status': 'Failed'}");
    reset(b);
    assert_true(b->is_up);
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED); /* the CSMS thinks again */
    assert_int_equal(roots_installed(b), 1);
    reset(b);
    assert_true(b->is_up);
    expect_installed(b, "CSMSRootCertificate", authority_pem(world.root), NULL);
}

static void there_is_never_more_than_one_old_root(void **state) /* M05.FR.09 */
{
    struct bench *b = *state;
    struct authority *third =
        authority_new(&(struct authority_options){ .name = "third", .signed_by = world.next });
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
    install(b, "CSMSRootCertificate", authority_pem(third), ACCEPTED);
    assert_int_equal(roots_installed(b), 2); /* the one never proven is gone */
    reset(b);
    assert_true(b->is_up);
    bench_restart(b);
    assert_int_equal(roots_installed(b), 2);
    authority_free(third);
}

static void a_migration_goes_with_the_new_root_only(void **state) /* M05.FR.15, M05.FR.16 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
    bench_call(
        b, "SetNetworkProfile",
        "{'configurationSlot': 2, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
        " 'ocppCsmsUrl': 'wss://other.example/', 'messageTimeout': 20, 'securityProfile': 2, 'ocppInterface':"
        " 'Wired0'}}",
        ACCEPTED);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
    int before = b->connects;
    reset(b);
    assert_true(b->is_up);
    assert_string_equal(b->url, "wss://csms.example/ocpp");
    assert_int_equal(b->connects, before + 2); /* once there with the new, then back with the old */
    assert_non_null(strstr(b->trusted, authority_pem(world.root)));
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
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
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

/* ---- A02, A03: the station's own ---- */

static char *make_own(struct bench_options *options, int64_t not_after_ms)
{
    static char *csr, *key;
    free(csr);
    free(key);
    authority_request("CS-1", "Example", &csr, &key);
    char *pem = authority_sign(world.root, csr, &(struct authority_leaf){ .not_after_ms = not_after_ms });
    options->trusted_pem = authority_pem(world.root);
    options->certificate_pem = pem;
    options->key = key;
    return pem;
}

static char *configured; /* the certificate of the configuration */

static int setup_own(void **state)
{
    struct bench_options options = { 0 };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "OrganizationName", NULL, "Example" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, "2" };
    configured = make_own(&options, FOREVER_MS);
    struct bench *b = bench_of(3, options);
    b->accepts = csms_is_trusted;
    *state = b;
    return 0;
}

static int teardown_own(void **state)
{
    int r = teardown_check(state);
    free(configured);
    configured = NULL;
    return r;
}

static void trigger(struct bench *b)
{
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'SignChargingStationCertificate'}", ACCEPTED);
}

static void signed_by_csms(struct bench *b, const char *chain, const char *result)
{
    char text[17000];
    (void)snprintf(text, sizeof(text),
                   "{'certificateChain': '%s', 'certificateType': 'ChargingStationCertificate'}",
                   authority_escaped(chain));
    bench_call(b, "CertificateSigned", text, result);
}

static void sign_accepted(struct bench *b)
{
    bench_answer(b, "SignCertificate", ACCEPTED);
}

static void the_certificate_of_the_configuration_is_used(void **state) /* A05.FR.05 */
{
    struct bench *b = *state;
    assert_int_equal(b->security_profile, 3);
    assert_string_equal(b->certificate, configured);
    assert_non_null(strstr(b->key, "PRIVATE KEY"));
    assert_string_equal(b->password, "");

    json_t *status = station_status(b->station); /* and displays tell */
    const json_t *network = json_object_get(status, "network");
    assert_int_equal(json_get_int(network, "security_profile", 0), 3);
    assert_string_equal(json_get_string(network, "url", ""), "wss://csms.example/ocpp");
    assert_string_equal(json_get_string(json_object_get(status, "certificate"), "valid_until", ""),
                        "2040-01-01T00:00:00.000Z");
    json_decref(status);
}

static void
a_new_certificate_comes_by_request(void **state) /* A02.FR.02, A02.FR.03, A02.FR.08, A02.FR.10, A02.FR.13 */
{
    struct bench *b = *state;
    sign_accepted(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'SignChargingStationCertificate'}", ACCEPTED);
    bench_expect(b, "SignCertificate", "{'csr': '*', 'certificateType': 'ChargingStationCertificate'}");
    assert_string_equal(b->csr_common_name, "CS-1");
    assert_string_equal(b->csr_organization, "Example");
    char *chain = authority_sign(world.root, b->csr, NULL), *key = strdup(b->csr_key);
    int before = b->connects;
    signed_by_csms(b, chain, ACCEPTED);
    assert_int_equal(b->connects, before + 1); /* at once */
    assert_string_equal(b->certificate, chain);
    assert_string_equal(b->key, key);
    bench_expect_nothing(b);
    bench_restart(b);
    assert_string_equal(b->certificate, chain);
    assert_string_equal(b->key, key);
    assert_null(bench_record(b, "certificate", "own/next"));
    assert_null(bench_record(b, "certificate", "own/request"));
    free(chain);
    free(key);
}

static void each_request_has_a_key_of_its_own(void **state) /* A02.FR.02 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", REJECTED);
    trigger(b);
    char *first = strdup(b->csr_key);
    trigger(b);
    assert_int_equal(b->requests, 2);
    assert_string_not_equal(b->csr_key, first);
    free(first);
}

static void the_key_leaves_by_no_message(void **state) /* A02.FR.05, A03.FR.05 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    const json_t *request = bench_expect(b, "SignCertificate", "{}");
    assert_null(strstr(json_get_string(request, "csr", ""), "PRIVATE"));
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}", ACCEPTED);
    bench_settle(b);
    char *all = json_dumps(b->calls, 0);
    assert_null(strstr(all, "PRIVATE"));
    free(all);
    installed(b, "'CSMSRootCertificate'", "{'certificateHashDataChain': ['*']}"); /* hashes only */
}

static void
a_certificate_that_does_not_fit_is_rejected(void **state) /* A02.FR.06, A02.FR.07, A03.FR.06, A03.FR.07 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    char *other_csr, *other_key;
    authority_request("CS-1", "Example", &other_csr, &other_key);
    char *bad[] = {
        authority_sign(world.other, b->csr, NULL),
        authority_sign(world.root, other_csr, NULL),
        authority_sign(world.root, b->csr,
                       &(struct authority_leaf){ .not_after_ms = BENCH_WALL_MS - DAY_MS }),
        authority_sign(world.root, b->csr,
                       &(struct authority_leaf){ .not_before_ms = BENCH_WALL_MS + DAY_MS }),
        authority_sign(world.root, b->csr, &(struct authority_leaf){ .common_name = "CS-2" }),
        authority_sign(world.root, b->csr,
                       &(struct authority_leaf){ .common_name = "CS-1" }), /* no organization */
        strdup(b->csr),
        strdup("nonsense"),
    };
    int before = b->connects;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        signed_by_csms(b, bad[i],
                       "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidCertificate'}}");
        bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidChargingStationCertificate'}");
        free(bad[i]);
    }
    assert_int_equal(b->connects, before);
    assert_null(bench_record(b, "certificate", "own/next"));
    bench_restart(b);
    assert_string_equal(b->certificate, configured);
    free(other_csr);
    free(other_key);
}

static void after_an_invalid_certificate_nothing_is_sent_again(void **state) /* A02.FR.20 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    signed_by_csms(b, "nonsense", REJECTED);
    bench_expect(b, "SecurityEventNotification", "{}");
    bench_advance(b, 250000);
    bench_expect_nothing(b);
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
}

static void nor_if_it_comes_before_the_answer(void **state) /* A02.FR.20 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", BENCH_SILENCE);
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    signed_by_csms(b, "nonsense", REJECTED);
    bench_reply(b, ACCEPTED);
    bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidChargingStationCertificate'}");
    bench_advance(b, 250000);
    bench_expect_nothing(b);
}

/* The new request is not forgotten with the one before. */
static void a_request_while_the_certificate_is_stored_goes_on(void **state) /* A02.FR.02 */
{
    struct bench *b = *state;
    char text[17000];
    sign_accepted(b);
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    char *chain = authority_sign(world.root, b->csr, NULL);
    b->hold_commits = true;
    (void)snprintf(text, sizeof(text), "[2, 'one', 'CertificateSigned', {'certificateChain': '%s'}]",
                   authority_escaped(chain));
    frame(b, text);
    trigger(b);
    assert_int_equal(b->requests, 2);
    b->hold_commits = false;
    bench_settle(b);
    bench_advance(b, 1000);
    assert_string_equal(b->certificate, chain);
    bench_expect_later(b, "SignCertificate", "{}");
    free(chain);
    chain = authority_sign(world.root, b->csr, NULL);
    signed_by_csms(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void a_certificate_nobody_asked_for_is_rejected(void **state) /* A02.FR.06 */
{
    struct bench *b = *state;
    char *csr, *key;
    authority_request("CS-1", "Example", &csr, &key);
    char *chain = authority_sign(world.root, csr, NULL);
    signed_by_csms(b, chain, REJECTED);
    free(chain);
    free(csr);
    free(key);
}

static void a_chain_too_long_is_rejected(void **state) /* A02.FR.16, A03.FR.16 */
{
    (void)state;
    struct bench_options options = { 0 };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "MaxCertificateChainSize", NULL, "100" };
    char *own = make_own(&options, FOREVER_MS);
    struct bench *b = bench_of(3, options);
    sign_accepted(b);
    trigger(b);
    bench_forget(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    signed_by_csms(b, chain, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'TooLargeElement'}}");
    bench_expect_nothing(b);
    free(chain);
    free(own);
    bench_free(b);
}

static void certificates_for_vehicles_are_not_taken(void **state)
{
    struct bench *b = *state;
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'SignV2GCertificate'}",
               "{'status': 'NotImplemented'}");
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'SignCombinedCertificate'}",
               "{'status': 'NotImplemented'}");
    bench_call(b, "CertificateSigned", "{'certificateChain': 'x', 'certificateType': 'V2GCertificate'}",
               REJECTED);
    bench_expect_nothing(b);
}

static void an_intermediate_may_have_signed_it(void **state) /* A02.FR.06 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.next, b->csr, NULL);
    assert_int_equal(pki_count(chain), 2);
    signed_by_csms(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void
the_request_is_sent_again_after_longer_and_longer_waits(void **state) /* A02.FR.17, A02.FR.18, A02.FR.19 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    const json_t *request = bench_expect(b, "SignCertificate", "{}");
    char *csr = strdup(json_get_string(request, "csr", ""));
    bench_advance(b, 29999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    request = bench_expect(b, "SignCertificate", "{}");
    assert_string_equal(json_get_string(request, "csr", ""), csr);
    bench_advance(b, 59999);
    bench_expect_nothing(b);
    bench_advance(b, 1);
    request = bench_expect(b, "SignCertificate", "{}");
    assert_string_equal(json_get_string(request, "csr", ""), csr);
    bench_advance(b, 290000); /* it was doubled once: that is all */
    bench_expect_nothing(b);
    char *chain = authority_sign(world.root, csr, NULL);
    signed_by_csms(b, chain, ACCEPTED); /* late is better than never */
    assert_string_equal(b->certificate, chain);
    free(chain);
    free(csr);
}

static void a_refused_request_is_not_sent_again(void **state) /* A02.FR.17, TC_A_15 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", REJECTED);
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    bench_advance(b, 200000);
    bench_expect_nothing(b);
    bench_answer(b, "SignCertificate", BENCH_ERROR("NotSupported"));
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    bench_advance(b, 80000);
    bench_expect_nothing(b);
}

static void a_request_in_between_brings_another(void **state) /* A02.FR.02, F06.FR.05 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", BENCH_SILENCE);
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    trigger(b);
    assert_int_equal(b->requests, 2);
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_expect(b, "SignCertificate", "{}");
    char *chain = authority_sign(world.root, b->csr, NULL);
    signed_by_csms(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void one_that_lives_for_days_is_not_renewed_for_ever(void **state) /* A03.FR.02 */
{
    (void)state;
    struct bench_options options = { 0 };
    char *csr, *key;
    authority_request("CS-1", "Example", &csr, &key);
    char *own = authority_sign(world.root, csr,
                               &(struct authority_leaf){ .not_before_ms = BENCH_WALL_MS - DAY_MS,
                                                         .not_after_ms = BENCH_WALL_MS + 11 * DAY_MS });
    options.trusted_pem = authority_pem(world.root);
    options.certificate_pem = own;
    options.key = key;
    struct bench *b = bench_of(3, options);
    bench_advance(b, 6 * DAY_MS);
    assert_int_equal(b->requests, 0);
    bench_advance(b, 2 * DAY_MS);
    assert_int_equal(b->requests, 1);
    bench_free(b);
    free(csr);
    free(key);
    free(own);
}

static void the_request_outlives_a_power_cut(void **state) /* A02.FR.03 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    bench_restart(b);
    signed_by_csms(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void the_request_goes_on_after_a_power_cut(void **state) /* A02.FR.17, A02.FR.20 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", BENCH_SILENCE);
    trigger(b);
    const json_t *request = bench_expect(b, "SignCertificate", "{}");
    char *csr = strdup(json_get_string(request, "csr", ""));
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_restart(b);
    bench_forget(b);
    bench_advance(b, 25000);
    assert_int_equal(bench_count(b, "SignCertificate"), 0);
    bench_advance(b, 10000);
    request = bench_expect_later(b, "SignCertificate", "{}");
    assert_string_equal(json_get_string(request, "csr", ""), csr);

    signed_by_csms(b, "nonsense", REJECTED); /* that is the end of it */
    bench_restart(b);
    bench_forget(b);
    bench_advance(b, 500000);
    assert_int_equal(bench_count(b, "SignCertificate"), 0);
    free(csr);
}

static void without_a_stored_key_nothing_is_asked(void **state)
{
    struct bench *b = *state;
    b->store_refuses = true;
    trigger(b);
    bench_expect(b, "SecurityEventNotification", "{'type': 'MemoryExhaustion'}");
    bench_expect_nothing(b);
    b->store_refuses = false;
    b->csr_error = -5;
    trigger(b);
    bench_expect_nothing(b);
    b->csr_error = 0;
    trigger(b);
    bench_expect(b, "SignCertificate", "{}");
}

static void a_new_certificate_that_does_not_work_is_discarded(
    void **state) /* A02.FR.28, A02.FR.29, A03.FR.24, A03.FR.25 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    world.only_certificate = configured;
    bench_forget(b);
    signed_by_csms(b, chain, ACCEPTED);
    assert_false(b->is_up);
    assert_string_equal(b->certificate, chain);
    bench_advance(b, 30000); /* two attempts, then the old one */
    assert_true(b->is_up);
    assert_string_equal(b->certificate, configured);
    bench_expect_later(b, "SecurityEventNotification", "{'type': 'DiscardedRenewedClientCertificate'}");
    assert_null(bench_record(b, "certificate", "own/next"));
    bench_restart(b);
    assert_string_equal(b->certificate, configured);
    free(chain);
}

static void a_csms_out_of_reach_says_nothing_of_the_certificate(void **state) /* A02.FR.10 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    b->link_available = false;
    signed_by_csms(b, chain, ACCEPTED);
    bench_advance(b, 600000);
    bench_link_back(b);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void it_goes_on_with_either_certificate(void **state) /* A02.FR.28, B10.FR.08 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    world.only_certificate = "none";
    signed_by_csms(b, chain, ACCEPTED);
    bool had_new = false, had_old = false, had_new_again = false;
    for (int i = 0; i < 600; i++) {
        bench_advance(b, 1000);
        had_new |= str_equal(b->certificate, chain);
        had_old |= had_new && str_equal(b->certificate, configured);
        had_new_again |= had_old && str_equal(b->certificate, chain);
    }
    assert_true(had_new_again);
    world.only_certificate = chain;
    bench_advance(b, 600000);
    assert_true(b->is_up);
    assert_string_equal(b->certificate, chain);
    world.only_certificate = NULL;
    free(chain);
}

/* Where the old one works is not where it worked last. */
static void either_certificate_is_tried_at_every_csms(void **state) /* A02.FR.28, B10.FR.08, B10.FR.09 */
{
    struct bench *b = *state;
    bench_call(
        b, "SetNetworkProfile",
        "{'configurationSlot': 2, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
        " 'ocppCsmsUrl': 'wss://other.example/', 'messageTimeout': 20, 'securityProfile': 3, 'ocppInterface':"
        " 'Wired0'}}",
        ACCEPTED);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "1,2");
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    world.only_certificate = configured;
    b->failure = LINK_UNREACHABLE;
    json_object_set_new(b->refuses, b->url, json_true());
    signed_by_csms(b, chain, ACCEPTED);
    for (int i = 0; i < 1000 && !b->is_up; i++)
        bench_advance(b, 10000);
    assert_true(b->is_up);
    assert_string_equal(b->url, "wss://other.example/");
    assert_string_equal(b->certificate, configured);
    free(chain);
}

static void a_certificate_that_expires_is_renewed(
    void **state) /* A03.FR.02, A03.FR.03, A03.FR.08, A03.FR.10, A03.FR.13 */
{
    (void)state;
    struct bench_options options = { 0 };
    char *own = make_own(&options, BENCH_WALL_MS + 32 * DAY_MS);
    struct bench *b = bench_of(3, options);
    bench_forget(b);
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_advance(b, 2 * DAY_MS - 3600000);
    assert_int_equal(bench_count(b, "SignCertificate"), 0);
    bench_advance(b, 2 * 3600000);
    bench_expect_later(b, "SignCertificate", "{'csr': '*', 'certificateType': 'ChargingStationCertificate'}");
    char *chain = authority_sign(world.root, b->csr, NULL);
    signed_by_csms(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    bench_forget(b);
    bench_advance(b, 60 * DAY_MS); /* this one is good for long */
    assert_int_equal(bench_count(b, "SignCertificate"), 0);
    bench_free(b);
    free(chain);
    free(own);
}

static size_t requests_sent(struct bench *b)
{
    size_t sent = bench_count(b, "SignCertificate");
    bench_forget(b);
    return sent;
}

/* The CSMS lets a station whose certificate has expired in as far as Pending, and asks for the request. */
static void an_expired_one_is_renewed_while_pending(void **state) /* A00.FR.430, A02.FR.03, B02.FR.02 */
{
    (void)state;
    struct bench_options options = { 0 };
    char *own = make_own(&options, BENCH_WALL_MS - DAY_MS);
    struct bench *b = bench_of(3, options);
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 300}");
    bench_restart(b);
    assert_string_equal(b->certificate, own);
    bench_advance(b, 200000);
    assert_int_equal(requests_sent(b), 0);
    trigger(b);
    assert_int_equal(requests_sent(b), 1);
    char *chain = authority_sign(world.root, b->csr, NULL);
    bench_answer(b, "BootNotification", "");
    signed_by_csms(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    bench_advance(b, 2 * DAY_MS);
    assert_int_equal(requests_sent(b), 0); /* none that had waited */
    bench_free(b);
    free(chain);
    free(own);
}

/* CertSigningWaitMinimum is 30 s, CertSigningRepeatTimes 1. */
static void a_renewal_without_answer_is_left_to_the_csms(void **state) /* A03.FR.17, A03.FR.18, A03.FR.19 */
{
    (void)state;
    struct bench_options options = { 0 };
    char *own = make_own(&options, BENCH_WALL_MS + 31 * DAY_MS);
    struct bench *b = bench_of(3, options);
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_advance(b, DAY_MS - 1000 - b->now_ms);
    bench_forget(b);
    bench_advance(b, 2000);
    const json_t *request = bench_expect_later(b, "SignCertificate", "{}");
    char *csr = strdup(json_get_string(request, "csr", ""));
    static const int64_t waits_ms[] = { 30000, 60000 };
    for (size_t i = 0; i < ARRAY_SIZE(waits_ms); i++) {
        bench_advance(b, waits_ms[i] - 3000);
        assert_int_equal(bench_count(b, "SignCertificate"), 0);
        bench_advance(b, 3000);
        request = bench_expect_later(b, "SignCertificate", "{}");
        assert_string_equal(json_get_string(request, "csr", ""), csr);
    }
    bench_advance(b, 5 * DAY_MS);
    assert_int_equal(bench_count(b, "SignCertificate"), 0);
    assert_int_equal(b->requests, 1);
    bench_forget(b);
    trigger(b);
    bench_expect_later(b, "SignCertificate", "{}");
    bench_free(b);
    free(csr);
    free(own);
}

static void the_own_certificate_cannot_be_deleted(void **state) /* M04.FR.06 */
{
    struct bench *b = *state;
    for (int hash = 0; hash < PKI_HASHES; hash++)
        delete (b, hash_text(configured, authority_pem(world.root), (enum pki_hash)hash),
                "{'status': 'Failed'}");
}

static void a_newer_one_in_the_configuration_is_used(void **state)
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    signed_by_csms(b, chain, ACCEPTED);
    char *csr, *key;
    authority_request("CS-1", "Example", &csr, &key);
    char *newer =
        authority_sign(world.root, csr, &(struct authority_leaf){ .not_before_ms = BENCH_WALL_MS - DAY_MS });
    b->options.certificate_pem = newer;
    b->options.key = key;
    bench_restart(b);
    assert_string_equal(b->certificate, newer);
    b->options.certificate_pem = configured; /* teardown's */
    free(csr);
    free(key);
    free(chain);
    free(newer);
}

/* One that was moved to another CSMS by hand; nothing but the url has changed. */
static void
another_csms_of_the_configuration_may_want_its_certificate(void **state) /* A02.FR.10, A02.FR.28 */
{
    struct bench *b = *state;
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    signed_by_csms(b, chain, ACCEPTED);
    bench_restart(b);
    assert_string_equal(b->certificate, chain);
    b->options.url = "wss://elsewhere.example/ocpp";
    world.only_certificate = configured;
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        bench_advance(b, 300000);
        assert_true(b->is_up);
        assert_string_equal(b->url, "wss://elsewhere.example/ocpp");
        assert_string_equal(b->certificate, configured);
        assert_null(bench_record(b, "certificate", "own/next"));
    }
    free(chain);
}

static void what_is_stored_and_not_readable_is_left_out(void **state)
{
    struct bench *b = *state;
    static const char *const rows[][2] = {
        { "certificate/csms/abc", "nonsense" },
        { "certificate/own/current", "{}" },
        { "certificate/own/next", "[" },
        { "certificate/own/request", "{\"csr\": 1}" },
        { "certificate/what", "?" },
        { "certificate/csms/def", "deleted" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        json_object_set_new(b->records, rows[i][0], json_string(rows[i][1]));
    bench_restart(b);
    assert_true(b->is_up);
    assert_string_equal(b->certificate, configured);
}

/* ---- A05: more security ---- */

static const char *const profile_of[] = {
    [2] = "{'configurationSlot': 2, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON', "
          "'ocppCsmsUrl':"
          " 'wss://csms.example:443/ocpp', 'messageTimeout': 20, 'securityProfile': 2, 'ocppInterface': "
          "'Wired0'}}",
    [3] = "{'configurationSlot': 3, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON', "
          "'ocppCsmsUrl':"
          " 'wss://csms.example:444/ocpp', 'messageTimeout': 20, 'securityProfile': 3, 'ocppInterface': "
          "'Wired0'}}",
};

static void priority(struct bench *b, const char *list, const char *status)
{
    char text[300], result[100];
    (void)snprintf(text, sizeof(text),
                   "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
                   " 'NetworkConfigurationPriority'}, 'attributeValue': '%s'}]}",
                   list);
    (void)snprintf(result, sizeof(result), "{'setVariableResult': [{'attributeStatus': '%s'}]}", status);
    bench_call(b, "SetVariables", text, result);
}

static int setup_profile_1(void **state)
{
    struct bench_options options = { 0 };
    *state = bench_of(1, options);
    return 0;
}

static void tls_needs_a_root(void **state) /* A05.FR.02 */
{
    struct bench *b = *state;
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Rejected");
    struct authority *brief =
        authority_new(&(struct authority_options){ .not_after_ms = BENCH_WALL_MS + DAY_MS });
    install(b, "CSMSRootCertificate", authority_pem(brief), ACCEPTED);
    bench_advance(b, 2 * DAY_MS);
    priority(b, "2,1", "Rejected"); /* expired */
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    priority(b, "2,1", "Accepted");
    authority_free(brief);
}

static void profile_3_needs_a_certificate(void **state) /* A05.FR.03, A05.FR.04 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[3], ACCEPTED);
    priority(b, "3,1", "Rejected");
    sign_accepted(b);
    trigger(b);
    char *chain = authority_sign(world.root, b->csr, NULL);
    int before = b->connects;
    signed_by_csms(b, chain, ACCEPTED);
    assert_int_equal(b->connects, before); /* not of use here */
    priority(b, "3,1", "Accepted");
    reset(b);
    assert_int_equal(b->security_profile, 3);
    assert_string_equal(b->certificate, chain);
    assert_string_equal(b->password, "");
    assert_non_null(bench_record(b, "certificate", "own/current"));
    free(chain);
}

static void security_reached_is_kept(void **state) /* A05.FR.05, A05.FR.06, A05.FR.10 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Accepted");
    assert_int_equal(b->security_profile, 1); /* not yet */
    reset(b);
    assert_int_equal(b->security_profile, 2);
    assert_string_equal(b->trusted, b->trusted ? b->trusted : "");
    bench_call(
        b, "GetVariables",
        "{'getVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name': "
        "'SecurityProfile'}},"
        " {'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name': 'NetworkConfigurationPriority'}}]}",
        "{'getVariableResult': [{'attributeValue': '2'}, {'attributeValue': '2'}]}");
    priority(b, "2,1", "Rejected"); /* that slot is empty */
    bench_call(
        b, "SetNetworkProfile",
        "{'configurationSlot': 1, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
        " 'ocppCsmsUrl': 'ws://csms.example/', 'messageTimeout': 20, 'securityProfile': 1, 'ocppInterface':"
        " 'Wired0'}}",
        REJECTED);
    bench_restart(b);
    assert_int_equal(b->security_profile, 2);
    b->link_available = false;
    bench_link_lost(b);
    for (int i = 0; i < 100; i++) {
        bench_advance(b, 10000);
        assert_int_equal(b->security_profile, 2);
    }
}

/* Of the records of an upgrade only the first ones were written. */
static void a_power_cut_within_an_upgrade_does_not_lose_it(void **state) /* A05.FR.06 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Accepted");
    json_t *before = json_deep_copy(b->records);
    reset(b);
    json_t *after = json_deep_copy(b->records);

    for (int written = 0; written < 3; written++) {
        static const char *const names[] = { "network/good", "network/security_profile" };
        json_decref(b->records);
        b->records = json_deep_copy(before);
        for (int i = 0; i < written; i++)
            json_object_set(b->records, names[i], json_object_get(after, names[i]));
        bench_restart(b);
        assert_int_equal(b->security_profile, 2);
        bench_call(b, "GetVariables",
                   "{'getVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name': "
                   "'SecurityProfile'}}, {'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
                   " 'NetworkConfigurationPriority'}}]}",
                   "{'getVariableResult': [{'attributeValue': '2'}, {'attributeValue': '2'}]}");
        assert_string_equal(bench_record(b, "network", "security_profile"), "2");
    }
    json_decref(before);
    json_decref(after);
}

static void an_upgrade_that_fails_is_none(void **state) /* A05.FR.06 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Accepted");
    json_object_set_new(b->refuses, "wss://csms.example:443/ocpp", json_true());
    reset(b);
    bench_advance(b, 60000);
    assert_true(b->is_up);
    assert_int_equal(b->security_profile, 1);
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
               " 'SecurityProfile'}}]}",
               "{'getVariableResult': [{'attributeValue': '1'}]}");
}

static struct bench *bench_that_may_fall(const char *allowed)
{
    struct bench_options options = { 0 };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "AllowSecurityProfileDowngrade", NULL, allowed };
    free(configured);
    configured = make_own(&options, FOREVER_MS);
    return bench_of(3, options);
}

static void from_3_it_goes_back_to_2_where_that_is_allowed(void **state) /* A05.FR.08, A00.FR.005 */
{
    (void)state;
    struct bench *b = bench_that_may_fall("true");
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Rejected"); /* there is no password */
    session_set(b, "SecurityCtrlr", "BasicAuthPassword", "a-password-of-the-csms");
    priority(b, "2,1", "Accepted");
    reset(b);
    assert_int_equal(b->security_profile, 2);
    assert_string_equal(b->password, "a-password-of-the-csms");
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
               " 'SecurityProfile'}}]}",
               "{'getVariableResult': [{'attributeValue': '2'}]}");
    bench_restart(b);
    assert_int_equal(b->security_profile, 2);
    priority(b, "1,2", "Accepted"); /* and up again */
    reset(b);
    assert_int_equal(b->security_profile, 3);
    bench_free(b);
}

static void to_1_it_never_goes_back(void **state) /* A05.FR.09, A05.FR.10, B09.FR.04, B09.FR.31, A00.FR.005 */
{
    static const char *const allowed[] = { "true", "false" };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        struct bench *b = bench_that_may_fall(allowed[i]);
        bench_call(
            b, "SetNetworkProfile",
            "{'configurationSlot': 2, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
            " 'ocppCsmsUrl': 'ws://csms.example/', 'messageTimeout': 20, 'securityProfile': 1,"
            " 'ocppInterface': 'Wired0'}}",
            "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'NoSecurityDowngrade'}}");
        json_object_set_new(
            b->records, "network/2", /* as if it had been there before */
            json_string("{\"ocppVersion\":\"OCPP20\",\"ocppTransport\":\"JSON\",\"ocppCsmsUrl\":"
                        "\"ws://csms.example/\",\"messageTimeout\":20,\"securityProfile\":1}"));
        bench_restart(b);
        priority(b, "2,1", "Rejected");
        assert_int_equal(b->security_profile, 3);
        bench_free(b);
    }
    struct bench *b = bench_that_may_fall("false");
    bench_call(b, "SetNetworkProfile", profile_of[2], REJECTED);
    bench_free(b);
    free(configured);
    configured = NULL;
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
    struct bench *b = bench_of(2, (struct bench_options){ 0 });
    b->accepts = csms_of_the_system;
    assert_null(b->trusted);
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    for (int i = 0; i < 3; i++) {
        reset(b);
        assert_true(b->is_up);
        assert_null(b->trusted);
    }
    b->accepts = csms_is_trusted;
    world.server_root = authority_pem(world.root);
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
    world.server_root = NULL;
    bench_free(b);
}

static void another_csms_of_the_configuration_may_need_the_systems_roots(void **state) /* M05.FR.13 */
{
    (void)state;
    struct bench *b = bench_of(2, (struct bench_options){ 0 });
    b->accepts = csms_is_trusted;
    world.server_root = authority_pem(world.root);
    install(b, "CSMSRootCertificate", authority_pem(world.root), ACCEPTED);
    reset(b);
    assert_true(b->is_up);
    b->accepts = csms_of_the_system;
    b->options.url = "wss://elsewhere.example/ocpp";
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        bench_advance(b, 60000);
        assert_true(b->is_up);
        assert_string_equal(b->url, "wss://elsewhere.example/ocpp");
    }
    world.server_root = NULL;
    bench_free(b);
}

static void another_csms_of_the_configuration_may_need_its_roots(void **state) /* M05.FR.10, M05.FR.13 */
{
    struct bench *b = *state;
    install(b, "CSMSRootCertificate", authority_pem(world.next), ACCEPTED);
    world.server_root = authority_pem(world.next);
    reset(b);
    bench_restart(b);
    assert_int_equal(roots_installed(b), 1);
    world.server_root = authority_pem(world.root);
    b->options.url = "wss://elsewhere.example/ocpp";
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        bench_advance(b, 60000);
        assert_true(b->is_up);
        assert_string_equal(b->url, "wss://elsewhere.example/ocpp");
        assert_int_equal(roots_installed(b), 2);
    }
    world.server_root = authority_pem(world.next); /* the same CSMS by another name: its word holds */
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        assert_true(b->is_up);
        assert_int_equal(roots_installed(b), 1);
    }
}

static int setup_plain(void **state)
{
    return bench_setup(state);
}

int main(void)
{
#define TEST(setup, f)     cmocka_unit_test_setup_teardown(f, setup_##setup, teardown_##setup)
#define teardown_plain     bench_teardown
#define teardown_profile_1 bench_teardown
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
        TEST(own, the_certificate_of_the_configuration_is_used),
        TEST(own, a_new_certificate_comes_by_request),
        TEST(own, each_request_has_a_key_of_its_own),
        TEST(own, the_key_leaves_by_no_message),
        TEST(own, a_certificate_that_does_not_fit_is_rejected),
        TEST(own, after_an_invalid_certificate_nothing_is_sent_again),
        TEST(own, nor_if_it_comes_before_the_answer),
        TEST(own, a_request_while_the_certificate_is_stored_goes_on),
        TEST(own, a_certificate_nobody_asked_for_is_rejected),
        cmocka_unit_test(a_chain_too_long_is_rejected),
        TEST(own, certificates_for_vehicles_are_not_taken),
        TEST(own, an_intermediate_may_have_signed_it),
        TEST(own, the_request_is_sent_again_after_longer_and_longer_waits),
        TEST(own, a_refused_request_is_not_sent_again),
        TEST(own, a_request_in_between_brings_another),
        cmocka_unit_test(one_that_lives_for_days_is_not_renewed_for_ever),
        TEST(own, the_request_outlives_a_power_cut),
        TEST(own, the_request_goes_on_after_a_power_cut),
        TEST(own, without_a_stored_key_nothing_is_asked),
        TEST(own, a_new_certificate_that_does_not_work_is_discarded),
        TEST(own, a_csms_out_of_reach_says_nothing_of_the_certificate),
        TEST(own, it_goes_on_with_either_certificate),
        TEST(own, either_certificate_is_tried_at_every_csms),
        cmocka_unit_test(a_certificate_that_expires_is_renewed),
        cmocka_unit_test(an_expired_one_is_renewed_while_pending),
        cmocka_unit_test(a_renewal_without_answer_is_left_to_the_csms),
        TEST(own, the_own_certificate_cannot_be_deleted),
        TEST(own, a_newer_one_in_the_configuration_is_used),
        TEST(own, another_csms_of_the_configuration_may_want_its_certificate),
        TEST(own, what_is_stored_and_not_readable_is_left_out),
        cmocka_unit_test(the_systems_roots_stay_until_another_has_worked),
        cmocka_unit_test(another_csms_of_the_configuration_may_need_the_systems_roots),
        TEST(check, another_csms_of_the_configuration_may_need_its_roots),
        TEST(profile_1, tls_needs_a_root),
        TEST(profile_1, profile_3_needs_a_certificate),
        TEST(profile_1, security_reached_is_kept),
        TEST(profile_1, a_power_cut_within_an_upgrade_does_not_lose_it),
        TEST(profile_1, an_upgrade_that_fails_is_none),
        cmocka_unit_test(from_3_it_goes_back_to_2_where_that_is_allowed),
        cmocka_unit_test(to_1_it_never_goes_back),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
