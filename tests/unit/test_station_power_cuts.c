/* The power fails after each group of records that a change of certificates, roots or network profiles writes: whatever was written,
 * the station comes back to its CSMS, with what fits together. */
#include "tests/support/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "tests/support/authority.h"

#define CUTS_MAX 60 /* more groups than any of the stories writes */

#define PLAIN_URL "ws://csms.example/ocpp"
#define TLS_URL   "wss://csms.example/ocpp"

static struct {
    struct authority *root, *next;
    char *csr, *key, *own;   /* of the configuration */
    const char *server_root; /* what the CSMS's certificate leads to */
    char *renewed;           /* what was signed, and its key */
    char *renewed_key;
    const char *only; /* the CSMS takes this certificate only; NULL: each one */
} world;

static int make_world(void **state)
{
    (void)state;
    world.root = authority_new(NULL);
    world.next = authority_new(&(struct authority_options){ .name = "next", .signed_by = world.root });
    authority_request("CS-1", "", &world.csr, &world.key);
    world.own = authority_sign(world.root, world.csr, NULL);
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    authority_free(world.root);
    authority_free(world.next);
    free(world.csr);
    free(world.key);
    free(world.own);
    free(world.renewed);
    free(world.renewed_key);
    return 0;
}

static bool knows_the_station(struct bench *b, enum link_failure *ret_failure)
{
    *ret_failure = LINK_TLS_CERTIFICATE;
    if (b->security_profile >= 2 && (!b->trusted || !strstr(b->trusted, world.server_root)))
        return false;
    *ret_failure = LINK_TLS_FAILED;
    if (b->security_profile < 3)
        return true;
    assert_non_null(b->certificate);
    bool is_own = str_equal(b->certificate, world.own);
    assert_true(is_own || str_equal(b->certificate, world.renewed));
    assert_string_equal(b->key, is_own ? world.key : world.renewed_key); /* never one with the other's key */
    return !world.only || str_equal(b->certificate, world.only);
}

static struct bench *bench_of(int security_profile, bool has_certificate)
{
    struct bench *b = bench_new(&(struct bench_options){
        .security_profile = security_profile,
        .url = security_profile == 1 ? PLAIN_URL : TLS_URL,
        .password = security_profile < 3 ? "from-the-file-16" : NULL,
        .trusted_pem = security_profile > 1 ? authority_pem(world.root) : NULL,
        .certificate_pem = has_certificate ? world.own : NULL,
        .key = has_certificate ? world.key : NULL,
        .presets = { { "SecurityCtrlr", "AdditionalRootCertificateCheck", NULL, "true" },
                     { "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, "2" },
                     { "OCPPCommCtrlr", "RetryBackOffRepeatTimes", NULL, "1" } },
        .preset_count = 3 });
    world.server_root = authority_pem(world.root);
    world.only = NULL;
    b->accepts = knows_the_station;
    bench_answer(b, "SignCertificate", "{'status': 'Accepted'}");
    bench_boot(b);
    return b;
}

/* A CALL of the CSMS that may get no answer any more. True: it was Accepted. */
static bool ask(struct bench *b, const char *action, const char *payload)
{
    static char text[20000];
    static int number;
    char id[16];
    if (!b->is_up)
        return false;
    (void)snprintf(id, sizeof(id), "p%d", number++);
    (void)snprintf(text, sizeof(text), "[2, '%s', '%s', %s]", id, action, payload);
    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_object_clear(b->responses);
    bench_frame(b, text);
    bench_settle(b);
    const json_t *response = json_array_get(json_object_get(b->responses, id), 2);
    return str_equal(json_get_string(response, "status", ""), "Accepted");
}

static bool install(struct bench *b, const char *pem)
{
    char text[17000];
    (void)snprintf(text, sizeof(text), "{'certificateType': 'CSMSRootCertificate', 'certificate': '%s'}",
                   authority_escaped(pem));
    return ask(b, "InstallCertificate", text);
}

static void reset(struct bench *b)
{
    (void)ask(b, "Reset", "{'type': 'Immediate'}");
    bench_advance(b, 120000);
}

/* False: no request came, or its certificate was not taken. */
static bool renew(struct bench *b)
{
    char text[17000];
    int before = b->requests;
    (void)ask(b, "TriggerMessage", "{'requestedMessage': 'SignChargingStationCertificate'}");
    if (b->requests == before)
        return false;
    free(world.renewed);
    free(world.renewed_key);
    world.renewed = authority_sign(world.root, b->csr, NULL);
    world.renewed_key = strdup(b->csr_key);
    (void)snprintf(text, sizeof(text), "{'certificateChain': '%s'}", authority_escaped(world.renewed));
    return ask(b, "CertificateSigned", text);
}

static void expect_up(struct bench *b, const char *what, int cut)
{
    for (int i = 0; i < 200 && !b->is_up; i++)
        bench_advance(b, 10000);
    if (!b->is_up)
        fail_msg("%s: the station does not come back after group %d", what, cut);
}

static size_t roots_installed(struct bench *b)
{
    const json_t *all =
        bench_request(b, "GetInstalledCertificateIds", "{'certificateType': ['CSMSRootCertificate']}");
    return json_array_size(json_object_get(all, "certificateHashDataChain"));
}

/* The story went to its end before the power failed. */
static bool is_told(const struct bench *b)
{
    return !b->hold_commits;
}

static void a_renewal_may_be_cut_anywhere(void **state) /* A02.FR.05, A02.FR.08, A02.FR.10 */
{
    (void)state;
    bool done = false;
    for (int cut = 1; cut < CUTS_MAX && !done; cut++) {
        struct bench *b = bench_of(3, true);
        b->hold_after = cut;
        bool accepted = renew(b);
        bench_advance(b, 120000);
        done = is_told(b);
        world.only = accepted ? world.renewed : world.own; /* what the CSMS was told */
        bench_restart(b);
        expect_up(b, "renewal", cut);
        assert_string_equal(b->certificate, world.only);
        assert_null(bench_record(b, "certificate", "own/next"));
        bench_restart(b);
        expect_up(b, "renewal, again", cut);
        assert_string_equal(b->certificate, world.only);
        bench_free(b);
    }
    assert_true(done);
}

static void a_renewal_that_does_not_work_may_be_cut_anywhere(void **state) /* A02.FR.10, A02.FR.28 */
{
    (void)state;
    bool done = false;
    for (int cut = 1; cut < CUTS_MAX && !done; cut++) {
        struct bench *b = bench_of(3, true);
        b->hold_after = cut;
        world.only = world.own;
        (void)renew(b);
        bench_advance(b, 300000);
        done = is_told(b);
        bench_restart(b);
        expect_up(b, "refused renewal", cut);
        assert_string_equal(b->certificate, world.own);
        bench_free(b);
    }
    assert_true(done);
}

static void
a_rotation_of_roots_may_be_cut_anywhere(void **state) /* M05.FR.09, M05.FR.12, M05.FR.13, M05.FR.14 */
{
    (void)state;
    for (int serves_next = 0; serves_next < 2; serves_next++) {
        bool done = false;
        for (int cut = 1; cut < CUTS_MAX && !done; cut++) {
            struct bench *b = bench_of(2, false);
            b->hold_after = cut;
            bool accepted = install(b, authority_pem(world.next));
            bool is_next = accepted && serves_next;
            world.server_root = authority_pem(is_next ? world.next : world.root);
            reset(b);
            done = is_told(b);
            bench_restart(b);
            expect_up(b, "rotation", cut);
            size_t roots = roots_installed(b);
            assert_true(is_next ? roots == 1 : roots == 1 || roots == 2);
            bench_restart(b);
            expect_up(b, "rotation, again", cut);
            assert_int_equal(roots_installed(b), roots);
            bench_free(b);
        }
        assert_true(done);
    }
}

static void set_up_profile_3(struct bench *b)
{
    (void)install(b, authority_pem(world.root));
    (void)renew(b);
    (void)ask(b, "SetNetworkProfile",
              "{'configurationSlot': 2, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
              " 'ocppCsmsUrl': '" TLS_URL "', 'messageTimeout': 20, 'securityProfile': 3, 'ocppInterface':"
              " 'Wired0'}}");
    (void)ask(b, "SetVariables",
              "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
              " 'NetworkConfigurationPriority'}, 'attributeValue': '2,1'}]}");
    reset(b);
}

static void an_upgrade_may_be_cut_anywhere(void **state) /* A05.FR.05, A05.FR.06 */
{
    (void)state;
    bool done = false;
    for (int cut = 1; cut < CUTS_MAX && !done; cut++) {
        struct bench *b = bench_of(1, false);
        b->hold_after = cut;
        set_up_profile_3(b);
        done = is_told(b);
        bench_restart(b);
        expect_up(b, "upgrade", cut);
        int reached = b->security_profile;
        assert_true(reached == 3 || (reached == 1 && !done));
        char expected[100];
        (void)snprintf(expected, sizeof(expected),
                       "{'getVariableResult': [{'attributeValue': '%d'}, {'attributeValue': '%s'}]}", reached,
                       reached == 3 ? "2" : "*");
        bench_call(b, "GetVariables",
                   "{'getVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
                   " 'SecurityProfile'}}, {'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
                   " 'NetworkConfigurationPriority'}}]}",
                   expected);
        bench_settle(b);
        bench_restart(b);
        expect_up(b, "upgrade, again", cut);
        assert_int_equal(b->security_profile, reached);
        bench_free(b);
    }
    assert_true(done);
}

static void an_upgrade_that_fails_may_be_cut_anywhere(void **state) /* B10.FR.07, A05.FR.06 */
{
    (void)state;
    bool done = false;
    for (int cut = 1; cut < CUTS_MAX && !done; cut++) {
        struct bench *b = bench_of(1, false);
        b->hold_after = cut;
        json_object_set_new(b->refuses, TLS_URL, json_true());
        set_up_profile_3(b);
        done = is_told(b);
        bench_restart(b);
        expect_up(b, "failing upgrade", cut);
        assert_int_equal(b->security_profile, 1);
        bench_free(b);
    }
    assert_true(done);
}

static void set_password(struct bench *b, const char *password)
{
    char text[300];
    (void)snprintf(text, sizeof(text),
                   "{'setVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
                   " 'BasicAuthPassword'}, 'attributeValue': '%s'}]}",
                   password);
    (void)ask(b, "SetVariables", text);
}

static const char *valid_password; /* what the CSMS takes */

static bool knows_the_password(struct bench *b, enum link_failure *ret_failure)
{
    *ret_failure = LINK_REFUSED;
    return str_equal(b->password, valid_password);
}

/* The answer to the second may or may not have reached the CSMS. */
static void a_change_of_the_password_may_be_cut_anywhere(void **state) /* A01.FR.04 */
{
    (void)state;
    for (int is_heard = 0; is_heard < 2; is_heard++) {
        bool done = false;
        for (int cut = 1; cut < CUTS_MAX && !done; cut++) {
            struct bench *b = bench_of(1, false);
            b->accepts = knows_the_password;
            valid_password = "the-first-password";
            set_password(b, "the-first-password");
            bench_advance(b, 60000);
            expect_up(b, "first password", 0);
            b->hold_after = cut;
            set_password(b, "the-second-password");
            bool is_stored = b->hold_after < cut; /* else no answer left */
            valid_password = is_heard && is_stored ? "the-second-password" : "the-first-password";
            bench_advance(b, 120000);
            done = is_told(b);
            bench_restart(b);
            expect_up(b, "second password", cut);
            bench_restart(b);
            expect_up(b, "second password, again", cut);
            bench_free(b);
            done |= cut > 20; /* each connection may write */
        }
        assert_true(done);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_renewal_may_be_cut_anywhere),
        cmocka_unit_test(a_renewal_that_does_not_work_may_be_cut_anywhere),
        cmocka_unit_test(a_rotation_of_roots_may_be_cut_anywhere),
        cmocka_unit_test(an_upgrade_may_be_cut_anywhere),
        cmocka_unit_test(an_upgrade_that_fails_may_be_cut_anywhere),
        cmocka_unit_test(a_change_of_the_password_may_be_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
