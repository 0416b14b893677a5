/* The station's own certificate: asked for, checked, used, renewed (A02, A03). */
#include "tests/support/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "tests/support/session.h"

#define DAY_MS INT64_C(86400000)

static int setup_own(void **state)
{
    struct bench_options options = { 0 };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "OrganizationName", NULL, "Example" };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, "2" };
    trust.configured = trust_make_own(&options, FOREVER_MS);
    struct bench *b = trust_bench(3, options);
    b->accepts = trust_csms_accepts;
    *state = b;
    return 0;
}

static int teardown_own(void **state)
{
    int r = trust_teardown(state);
    free(trust.configured);
    trust.configured = NULL;
    return r;
}

static void the_certificate_of_the_configuration_is_used(void **state) /* A05.FR.05 */
{
    struct bench *b = *state;
    assert_int_equal(b->security_profile, 3);
    assert_string_equal(b->certificate, trust.configured);
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
    trust_sign_accepted(b);
    bench_call(b, "TriggerMessage", "{'requestedMessage': 'SignChargingStationCertificate'}", ACCEPTED);
    bench_expect(b, "SignCertificate", "{'csr': '*', 'certificateType': 'ChargingStationCertificate'}");
    assert_string_equal(b->csr_common_name, "CS-1");
    assert_string_equal(b->csr_organization, "Example");
    char *chain = authority_sign(trust.root, b->csr, NULL), *key = strdup(b->csr_key);
    int before = b->connects;
    trust_signed(b, chain, ACCEPTED);
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
    trust_trigger(b);
    char *first = strdup(b->csr_key);
    trust_trigger(b);
    assert_int_equal(b->requests, 2);
    assert_string_not_equal(b->csr_key, first);
    free(first);
}

static void the_key_leaves_by_no_message(void **state) /* A02.FR.05, A03.FR.05 */
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
    const json_t *request = bench_expect(b, "SignCertificate", "{}");
    assert_null(strstr(json_get_string(request, "csr", ""), "PRIVATE"));
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}", ACCEPTED);
    bench_settle(b);
    char *all = json_dumps(b->calls, 0);
    assert_null(strstr(all, "PRIVATE"));
    free(all);
    trust_installed(b, "'CSMSRootCertificate'", "{'certificateHashDataChain': ['*']}"); /* hashes only */
}

static void
a_certificate_that_does_not_fit_is_rejected(void **state) /* A02.FR.06, A02.FR.07, A03.FR.06, A03.FR.07 */
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    char *other_csr, *other_key;
    authority_request("CS-1", "Example", &other_csr, &other_key);
    char *bad[] = {
        authority_sign(trust.other, b->csr, NULL),
        authority_sign(trust.root, other_csr, NULL),
        authority_sign(trust.root, b->csr,
                       &(struct authority_leaf){ .not_after_ms = BENCH_WALL_MS - DAY_MS }),
        authority_sign(trust.root, b->csr,
                       &(struct authority_leaf){ .not_before_ms = BENCH_WALL_MS + DAY_MS }),
        authority_sign(trust.root, b->csr, &(struct authority_leaf){ .common_name = "CS-2" }),
        authority_sign(trust.root, b->csr,
                       &(struct authority_leaf){ .common_name = "CS-1" }), /* no organization */
        strdup(b->csr),
        strdup("nonsense"),
    };
    int before = b->connects;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        trust_signed(b, bad[i], "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidCertificate'}}");
        bench_expect(b, "SecurityEventNotification", "{'type': 'InvalidChargingStationCertificate'}");
        free(bad[i]);
    }
    assert_int_equal(b->connects, before);
    assert_null(bench_record(b, "certificate", "own/next"));
    bench_restart(b);
    assert_string_equal(b->certificate, trust.configured);
    free(other_csr);
    free(other_key);
}

static void after_an_invalid_certificate_nothing_is_sent_again(void **state) /* A02.FR.20 */
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    trust_signed(b, "nonsense", REJECTED);
    bench_expect(b, "SecurityEventNotification", "{}");
    bench_advance(b, 250000);
    bench_expect_nothing(b);
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
}

static void nor_if_it_comes_before_the_answer(void **state) /* A02.FR.20 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", BENCH_SILENCE);
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    trust_signed(b, "nonsense", REJECTED);
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
    trust_sign_accepted(b);
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    char *chain = authority_sign(trust.root, b->csr, NULL);
    b->hold_commits = true;
    (void)snprintf(text, sizeof(text), "[2, 'one', 'CertificateSigned', {'certificateChain': '%s'}]",
                   authority_escaped(chain));
    trust_frame(b, text);
    trust_trigger(b);
    assert_int_equal(b->requests, 2);
    b->hold_commits = false;
    bench_settle(b);
    bench_advance(b, 1000);
    assert_string_equal(b->certificate, chain);
    bench_expect_later(b, "SignCertificate", "{}");
    free(chain);
    chain = authority_sign(trust.root, b->csr, NULL);
    trust_signed(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void a_certificate_nobody_asked_for_is_rejected(void **state) /* A02.FR.06 */
{
    struct bench *b = *state;
    char *csr, *key;
    authority_request("CS-1", "Example", &csr, &key);
    char *chain = authority_sign(trust.root, csr, NULL);
    trust_signed(b, chain, REJECTED);
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
    char *own = trust_make_own(&options, FOREVER_MS);
    struct bench *b = trust_bench(3, options);
    trust_sign_accepted(b);
    trust_trigger(b);
    bench_forget(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust_signed(b, chain, "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'TooLargeElement'}}");
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
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.next, b->csr, NULL);
    assert_int_equal(pki_count(chain), 2);
    trust_signed(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void
the_request_is_sent_again_after_longer_and_longer_waits(void **state) /* A02.FR.17, A02.FR.18, A02.FR.19 */
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
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
    char *chain = authority_sign(trust.root, csr, NULL);
    trust_signed(b, chain, ACCEPTED); /* late is better than never */
    assert_string_equal(b->certificate, chain);
    free(chain);
    free(csr);
}

static void a_refused_request_is_not_sent_again(void **state) /* A02.FR.17, TC_A_15 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", REJECTED);
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    bench_advance(b, 200000);
    bench_expect_nothing(b);
    bench_answer(b, "SignCertificate", BENCH_ERROR("NotSupported"));
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    bench_advance(b, 80000);
    bench_expect_nothing(b);
}

static void a_request_in_between_brings_another(void **state) /* A02.FR.02, F06.FR.05 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", BENCH_SILENCE);
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
    trust_trigger(b);
    assert_int_equal(b->requests, 2);
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_expect(b, "SignCertificate", "{}");
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust_signed(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void one_that_lives_for_days_is_not_renewed_for_ever(void **state) /* A03.FR.02 */
{
    (void)state;
    struct bench_options options = { 0 };
    char *csr, *key;
    authority_request("CS-1", "Example", &csr, &key);
    char *own = authority_sign(trust.root, csr,
                               &(struct authority_leaf){ .not_before_ms = BENCH_WALL_MS - DAY_MS,
                                                         .not_after_ms = BENCH_WALL_MS + 11 * DAY_MS });
    options.trusted_pem = authority_pem(trust.root);
    options.certificate_pem = own;
    options.key = key;
    struct bench *b = trust_bench(3, options);
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
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    bench_restart(b);
    trust_signed(b, chain, ACCEPTED);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void the_request_goes_on_after_a_power_cut(void **state) /* A02.FR.17, A02.FR.20 */
{
    struct bench *b = *state;
    bench_answer(b, "SignCertificate", BENCH_SILENCE);
    trust_trigger(b);
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

    trust_signed(b, "nonsense", REJECTED); /* that is the end of it */
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
    trust_trigger(b);
    bench_expect(b, "SecurityEventNotification", "{'type': 'MemoryExhaustion'}");
    bench_expect_nothing(b);
    b->store_refuses = false;
    b->csr_error = -5;
    trust_trigger(b);
    bench_expect_nothing(b);
    b->csr_error = 0;
    trust_trigger(b);
    bench_expect(b, "SignCertificate", "{}");
}

static void a_new_certificate_that_does_not_work_is_discarded(
    void **state) /* A02.FR.28, A02.FR.29, A03.FR.24, A03.FR.25 */
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust.only_certificate = trust.configured;
    bench_forget(b);
    trust_signed(b, chain, ACCEPTED);
    assert_false(b->is_up);
    assert_string_equal(b->certificate, chain);
    bench_advance(b, 30000); /* two attempts, then the old one */
    assert_true(b->is_up);
    assert_string_equal(b->certificate, trust.configured);
    bench_expect_later(b, "SecurityEventNotification", "{'type': 'DiscardedRenewedClientCertificate'}");
    assert_null(bench_record(b, "certificate", "own/next"));
    bench_restart(b);
    assert_string_equal(b->certificate, trust.configured);
    free(chain);
}

static void a_csms_out_of_reach_says_nothing_of_the_certificate(void **state) /* A02.FR.10 */
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    b->link_available = false;
    trust_signed(b, chain, ACCEPTED);
    bench_advance(b, 600000);
    bench_link_back(b);
    assert_string_equal(b->certificate, chain);
    free(chain);
}

static void it_goes_on_with_either_certificate(void **state) /* A02.FR.28, B10.FR.08 */
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust.only_certificate = "none";
    trust_signed(b, chain, ACCEPTED);
    bool had_new = false, had_old = false, had_new_again = false;
    for (int i = 0; i < 600; i++) {
        bench_advance(b, 1000);
        had_new |= str_equal(b->certificate, chain);
        had_old |= had_new && str_equal(b->certificate, trust.configured);
        had_new_again |= had_old && str_equal(b->certificate, chain);
    }
    assert_true(had_new_again);
    trust.only_certificate = chain;
    bench_advance(b, 600000);
    assert_true(b->is_up);
    assert_string_equal(b->certificate, chain);
    trust.only_certificate = NULL;
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
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust.only_certificate = trust.configured;
    b->failure = LINK_UNREACHABLE;
    json_object_set_new(b->refuses, b->url, json_true());
    trust_signed(b, chain, ACCEPTED);
    for (int i = 0; i < 1000 && !b->is_up; i++)
        bench_advance(b, 10000);
    assert_true(b->is_up);
    assert_string_equal(b->url, "wss://other.example/");
    assert_string_equal(b->certificate, trust.configured);
    free(chain);
}

static void a_certificate_that_expires_is_renewed(
    void **state) /* A03.FR.02, A03.FR.03, A03.FR.08, A03.FR.10, A03.FR.13 */
{
    (void)state;
    struct bench_options options = { 0 };
    char *own = trust_make_own(&options, BENCH_WALL_MS + 32 * DAY_MS);
    struct bench *b = trust_bench(3, options);
    bench_forget(b);
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_advance(b, 2 * DAY_MS - 3600000);
    assert_int_equal(bench_count(b, "SignCertificate"), 0);
    bench_advance(b, 2 * 3600000);
    bench_expect_later(b, "SignCertificate", "{'csr': '*', 'certificateType': 'ChargingStationCertificate'}");
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust_signed(b, chain, ACCEPTED);
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
    char *own = trust_make_own(&options, BENCH_WALL_MS - DAY_MS);
    struct bench *b = trust_bench(3, options);
    bench_answer(b, "SignCertificate", ACCEPTED);
    bench_answer(b, "BootNotification", "{'status': 'Pending', 'currentTime': 'now', 'interval': 300}");
    bench_restart(b);
    assert_string_equal(b->certificate, own);
    bench_advance(b, 200000);
    assert_int_equal(requests_sent(b), 0);
    trust_trigger(b);
    assert_int_equal(requests_sent(b), 1);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    bench_answer(b, "BootNotification", "");
    trust_signed(b, chain, ACCEPTED);
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
    char *own = trust_make_own(&options, BENCH_WALL_MS + 31 * DAY_MS);
    struct bench *b = trust_bench(3, options);
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
    trust_trigger(b);
    bench_expect_later(b, "SignCertificate", "{}");
    bench_free(b);
    free(csr);
    free(own);
}

static void the_own_certificate_cannot_be_deleted(void **state) /* M04.FR.06 */
{
    struct bench *b = *state;
    for (int hash = 0; hash < PKI_HASHES; hash++)
        trust_delete(b, trust_hash(trust.configured, authority_pem(trust.root), (enum pki_hash)hash),
                     "{'status': 'Failed'}");
}

static void a_newer_one_in_the_configuration_is_used(void **state)
{
    struct bench *b = *state;
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust_signed(b, chain, ACCEPTED);
    char *csr, *key;
    authority_request("CS-1", "Example", &csr, &key);
    char *newer =
        authority_sign(trust.root, csr, &(struct authority_leaf){ .not_before_ms = BENCH_WALL_MS - DAY_MS });
    b->options.certificate_pem = newer;
    b->options.key = key;
    bench_restart(b);
    assert_string_equal(b->certificate, newer);
    b->options.certificate_pem = trust.configured; /* teardown's */
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
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = authority_sign(trust.root, b->csr, NULL);
    trust_signed(b, chain, ACCEPTED);
    bench_restart(b);
    assert_string_equal(b->certificate, chain);
    b->options.url = "wss://elsewhere.example/ocpp";
    trust.only_certificate = trust.configured;
    for (int i = 0; i < 2; i++) {
        bench_restart(b);
        bench_advance(b, 300000);
        assert_true(b->is_up);
        assert_string_equal(b->url, "wss://elsewhere.example/ocpp");
        assert_string_equal(b->certificate, trust.configured);
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
    assert_string_equal(b->certificate, trust.configured);
}

int main(void)
{
#define TEST(setup, f) cmocka_unit_test_setup_teardown(f, setup_##setup, teardown_##setup)
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, trust_make, trust_free);
}
