/* Security profiles: raised, kept, lowered only where that is allowed (A05). */
#include "tests/support/trust.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "tests/support/session.h"

#define DAY_MS INT64_C(86400000)

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
    *state = trust_bench(1, options);
    return 0;
}

static void tls_needs_a_root(void **state) /* A05.FR.02 */
{
    struct bench *b = *state;
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Rejected");
    struct authority *brief =
        authority_new(&(struct authority_options){ .not_after_ms = BENCH_WALL_MS + DAY_MS });
    trust_install(b, "CSMSRootCertificate", authority_pem(brief), ACCEPTED);
    bench_advance(b, 2 * DAY_MS);
    priority(b, "2,1", "Rejected"); /* expired */
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    priority(b, "2,1", "Accepted");
    authority_free(brief);
}

static void profile_3_needs_a_certificate(void **state) /* A05.FR.03, A05.FR.04 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[3], ACCEPTED);
    priority(b, "3,1", "Rejected");
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    int before = b->connects;
    trust_signed(b, chain, ACCEPTED);
    assert_int_equal(b->connects, before); /* not of use here */
    priority(b, "3,1", "Accepted");
    trust_reset(b);
    assert_int_equal(b->security_profile, 3);
    assert_string_equal(b->certificate, chain);
    assert_string_equal(b->password, "");
    assert_non_null(bench_record(b, "certificate", "own/current"));
    free(chain);
}

static void security_reached_is_kept(void **state) /* A05.FR.05, A05.FR.06, A05.FR.10 */
{
    struct bench *b = *state;
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Accepted");
    assert_int_equal(b->security_profile, 1); /* not yet */
    trust_reset(b);
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
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Accepted");
    json_t *before = json_deep_copy(b->records);
    trust_reset(b);
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
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.root), ACCEPTED);
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Accepted");
    json_object_set_new(b->refuses, "wss://csms.example:443/ocpp", json_true());
    trust_reset(b);
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
    free(trust.configured);
    trust.configured = trust_make_own(&options, FOREVER_MS);
    return trust_bench(3, options);
}

static void from_3_it_goes_back_to_2_where_that_is_allowed(void **state) /* A05.FR.08, A00.FR.005 */
{
    (void)state;
    struct bench *b = bench_that_may_fall("true");
    bench_call(b, "SetNetworkProfile", profile_of[2], ACCEPTED);
    priority(b, "2,1", "Rejected"); /* there is no password */
    session_set(b, "SecurityCtrlr", "BasicAuthPassword", "a-password-of-the-csms");
    priority(b, "2,1", "Accepted");
    trust_reset(b);
    assert_int_equal(b->security_profile, 2);
    assert_string_equal(b->password, "a-password-of-the-csms");
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
               " 'SecurityProfile'}}]}",
               "{'getVariableResult': [{'attributeValue': '2'}]}");
    bench_restart(b);
    assert_int_equal(b->security_profile, 2);
    priority(b, "1,2", "Accepted"); /* and up again */
    trust_reset(b);
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
    free(trust.configured);
    trust.configured = NULL;
}

int main(void)
{
#define TEST(setup, f)     cmocka_unit_test_setup_teardown(f, setup_##setup, teardown_##setup)
#define teardown_profile_1 bench_teardown
    const struct CMUnitTest tests[] = {
        TEST(profile_1, tls_needs_a_root),
        TEST(profile_1, profile_3_needs_a_certificate),
        TEST(profile_1, security_reached_is_kept),
        TEST(profile_1, a_power_cut_within_an_upgrade_does_not_lose_it),
        TEST(profile_1, an_upgrade_that_fails_is_none),
        cmocka_unit_test(from_3_it_goes_back_to_2_where_that_is_allowed),
        cmocka_unit_test(to_1_it_never_goes_back),
    };
    return cmocka_run_group_tests(tests, trust_make, trust_free);
}
