/* Whether what the station holds was revoked (M06): asked for, kept, asked for again, minded. */
#include "tests/support/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "tests/support/session.h"

#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)
#define URL       "http://ocsp.example/"

/* Root, below it one with a responder, below that the station's own with one, too. */
static struct authority *sub;
static char *own_csr, *own_key, *own_chain;

static char *sign_own(const char *csr)
{
    return authority_sign(sub, csr, &(struct authority_leaf){ .responder = URL "own" });
}

static int make(void **state)
{
    int r = trust_make(state);
    sub = authority_new(
        &(struct authority_options){ .name = "sub", .signed_by = trust.root, .responder = URL "sub" });
    authority_request("CS-1", "Example", &own_csr, &own_key);
    own_chain = sign_own(own_csr);
    return r;
}

static int done(void **state)
{
    authority_free(sub);
    free(own_csr);
    free(own_key);
    free(own_chain);
    return trust_free(state);
}

static int setup(void **state)
{
    struct bench_options options = { .trusted_pem = authority_pem(trust.root),
                                     .certificate_pem = own_chain,
                                     .key = own_key,
                                     .firmware = { .is_possible = true } };
    options.presets[options.preset_count++] =
        (struct variable_preset){ "SecurityCtrlr", "OrganizationName", NULL, "Example" };
    struct bench *b = trust_bench(3, options);
    b->accepts = trust_csms_accepts;
    bench_answer(b, "GetCertificateStatus", BENCH_SILENCE);
    *state = b;
    return 0;
}

static int64_t wall_ms(const struct bench *b)
{
    return BENCH_WALL_MS + b->now_ms;
}

/* What was asked for is answered. */
static void reply(struct bench *b, const struct authority *a, const char *pem, struct authority_ocsp options)
{
    char text[6000];
    if (options.this_update_ms == 0)
        options.this_update_ms = wall_ms(b);
    char *response = authority_ocsp(a, pem, &options);
    (void)snprintf(text, sizeof(text), "{'status': 'Accepted', 'ocspResult': '%s'}", response);
    bench_reply(b, text);
    free(response);
}

static void expect_asked(struct bench *b, const char *pem, const char *issuer, const char *url)
{
    char text[700];
    const char *hash = trust_hash(pem, issuer, PKI_SHA256);
    (void)snprintf(text, sizeof(text), "{'ocspRequestData': %.*s, 'responderURL': '%s'}}",
                   (int)strlen(hash) - 1, hash, url);
    bench_expect(b, "GetCertificateStatus", text);
}

static void expect_own(struct bench *b)
{
    expect_asked(b, own_chain, authority_pem(sub), URL "own");
}

static void expect_sub(struct bench *b)
{
    expect_asked(b, authority_pem(sub), authority_pem(trust.root), URL "sub");
}

static void own_is_good(struct bench *b)
{
    expect_own(b);
    reply(b, sub, own_chain, (struct authority_ocsp){ 0 });
}

static void sub_is_good(struct bench *b)
{
    expect_sub(b);
    reply(b, trust.root, authority_pem(sub), (struct authority_ocsp){ 0 });
}

/* At the start: both, one after the other. */
static void all_is_good(struct bench *b)
{
    bench_advance(b, MINUTE_MS);
    own_is_good(b);
    sub_is_good(b);
    bench_expect_nothing(b);
}

static const char *shown_status(struct bench *b)
{
    static char text[20];
    json_t *status = station_status(b->station);
    (void)str_copy(text, sizeof(text), json_get_string(json_object_get(status, "certificate"), "ocsp", "-"));
    json_decref(status);
    return text;
}

static void its_own_certificate_and_what_is_above_it_are_asked_for(void **state) /* M06.FR.07 */
{
    struct bench *b = *state;
    assert_string_equal(shown_status(b), "-");
    bench_advance(b, MINUTE_MS);
    expect_own(b);
    bench_expect_nothing(b); /* one at a time */
    reply(b, sub, own_chain, (struct authority_ocsp){ 0 });
    assert_string_equal(shown_status(b), "good");
    sub_is_good(b);
    bench_advance(b, 5 * DAY_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
}

static void it_is_asked_for_again_within_a_week(void **state) /* M06.FR.10 */
{
    struct bench *b = *state;
    all_is_good(b);
    for (int week = 0; week < 3; week++) {
        bench_advance(b, 7 * DAY_MS - HOUR_MS);
        bench_expect_later(b, "GetCertificateStatus", "{}");
        reply(b, sub, own_chain, (struct authority_ocsp){ 0 });
        bench_expect_later(b, "GetCertificateStatus", "{}");
        reply(b, trust.root, authority_pem(sub), (struct authority_ocsp){ 0 });
        bench_forget(b);
    }
}

static void it_is_asked_for_again_when_the_answer_is_out_of_date(void **state)
{
    struct bench *b = *state;
    bench_advance(b, MINUTE_MS);
    expect_own(b);
    reply(b, sub, own_chain, (struct authority_ocsp){ .next_update_ms = wall_ms(b) + DAY_MS });
    expect_sub(b); /* but not more often than hourly */
    reply(b, trust.root, authority_pem(sub), (struct authority_ocsp){ .next_update_ms = wall_ms(b) + 1000 });
    bench_advance(b, HOUR_MS - MINUTE_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
    bench_advance(b, MINUTE_MS);
    bench_expect_later(b, "GetCertificateStatus", "{'ocspRequestData': {'responderURL': '" URL "sub'}}");
    reply(b, trust.root, authority_pem(sub), (struct authority_ocsp){ 0 });
    bench_advance(b, 22 * HOUR_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
    bench_advance(b, HOUR_MS);
    bench_expect_later(b, "GetCertificateStatus", "{'ocspRequestData': {'responderURL': '" URL "own'}}");
}

static void what_is_known_survives_a_power_cut(void **state) /* M06.FR.10 */
{
    struct bench *b = *state;
    all_is_good(b);
    bench_advance(b, DAY_MS);
    bench_restart(b);
    assert_string_equal(shown_status(b), "good");
    bench_advance(b, 4 * DAY_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
    bench_advance(b, 2 * DAY_MS - HOUR_MS);
    bench_expect_later(b, "GetCertificateStatus", "{}");
}

static void a_new_certificate_is_asked_for_at_once(void **state) /* M06.FR.07 */
{
    struct bench *b = *state;
    all_is_good(b);
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = sign_own(b->csr);
    trust_signed(b, chain, ACCEPTED);
    bench_advance(b, 1000);
    assert_string_equal(b->certificate, chain);
    char *before = own_chain;
    own_chain = chain;
    const json_t *first = bench_expect_later(b, "GetCertificateStatus", "{}");
    bool is_sub =
        str_equal(json_get_string(json_object_get(first, "ocspRequestData"), "responderURL", ""), URL "sub");
    reply(b, is_sub ? trust.root : sub, is_sub ? authority_pem(sub) : chain, (struct authority_ocsp){ 0 });
    (is_sub ? own_is_good : sub_is_good)(b);
    bench_advance(b, DAY_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
    assert_string_equal(shown_status(b), "good");
    own_chain = before;
    free(chain);
}

/* The old one's record went with it. */
static void what_is_not_held_any_more_is_forgotten(void **state)
{
    struct bench *b = *state;
    char key[80], hash[65];
    struct pki_info info;
    all_is_good(b);
    assert_int_equal(pki_read(own_chain, &info), PKI_OK);
    (void)str_copy(hash, sizeof(hash), info.fingerprint);
    (void)snprintf(key, sizeof(key), "ocsp/%s", hash);
    assert_non_null(bench_record(b, "certificate", key));
    trust_sign_accepted(b);
    trust_trigger(b);
    char *chain = sign_own(b->csr);
    trust_signed(b, chain, ACCEPTED);
    bench_advance(b, MINUTE_MS);
    assert_null(bench_record(b, "certificate", key));
    free(chain);
}

static void a_csms_that_does_not_know_is_asked_less_and_less(void **state)
{
    static const char *const answers[] = { "{'status': 'Failed'}", BENCH_ERROR("NotImplemented"),
                                           "{'status': 'Accepted'}",
                                           "{'status': 'Accepted', 'ocspResult': 'MAMKAQY='}" };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        static const int hours[] = { 1, 2, 4, 8, 16, 24, 24 };
        bench_restart(b);
        bench_answer(b, "GetCertificateStatus", answers[i]);
        bench_advance(b, 2 * MINUTE_MS);
        assert_int_equal(bench_count(b, "GetCertificateStatus"), 2);
        for (size_t at = 0; at < ARRAY_SIZE(hours); at++) {
            bench_forget(b);
            bench_advance(b, hours[at] * HOUR_MS - 10 * MINUTE_MS);
            assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
            bench_advance(b, 10 * MINUTE_MS);
            assert_int_equal(bench_count(b, "GetCertificateStatus"), 2);
        }
        assert_string_equal(shown_status(b), "-");
        bench_forget(b);
        bench_answer(b, "GetCertificateStatus", BENCH_SILENCE);
    }
}

static void an_answer_of_another_is_not_believed(void **state)
{
    struct bench *b = *state;
    bench_advance(b, MINUTE_MS);
    expect_own(b);
    reply(b, sub, own_chain, (struct authority_ocsp){ .says = trust.other, .is_revoked = true });
    assert_string_equal(shown_status(b), "-");
    expect_sub(b);
}

static void without_a_link_it_waits(void **state)
{
    struct bench *b = *state;
    bench_link_lost(b);
    bench_forget(b);
    bench_advance(b, DAY_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
    bench_link_back(b);
    bench_advance(b, 2 * MINUTE_MS);
    bench_expect_later(b, "GetCertificateStatus", "{}");
    bench_link_lost(b); /* in flight */
    bench_link_back(b);
    bench_advance(b, 5 * MINUTE_MS);
    bench_expect_later(b, "GetCertificateStatus", "{}");
}

static void one_that_was_revoked_is_shown(void **state)
{
    struct bench *b = *state;
    bench_advance(b, MINUTE_MS);
    expect_own(b);
    reply(b, sub, own_chain, (struct authority_ocsp){ .is_revoked = true });
    assert_string_equal(shown_status(b), "revoked");
    bench_restart(b);
    assert_string_equal(shown_status(b), "revoked");
}

static void update(struct bench *b, const char *certificate, const char *result)
{
    static int id;
    char text[17000];
    (void)snprintf(
        text, sizeof(text),
        "{'requestId': %d, 'firmware': {'location': 'https://files.example/image',"
        " 'retrieveDateTime': '2026-01-01T00:00:00Z', 'signature': 'c2ln', 'signingCertificate': '%s'}}",
        ++id, authority_escaped(certificate));
    bench_call(b, "UpdateFirmware", text, result);
}

/* Of what the manufacturer's authority has signed nothing is taken any more, whether it comes along or not. */
static void what_a_revoked_authority_has_signed_is_not_installed(void **state) /* L01.FR.21 */
{
    struct bench *b = *state;
    AUTO_FREE char *leaf = pki_nth(own_chain, 0);
    all_is_good(b);
    trust_install(b, "ManufacturerRootCertificate", authority_pem(sub), ACCEPTED);
    bench_forget(b);
    bench_advance(b, 6 * DAY_MS);
    bench_expect_later(b, "GetCertificateStatus", "{'ocspRequestData': {'responderURL': '" URL "own'}}");
    reply(b, sub, own_chain, (struct authority_ocsp){ 0 });
    expect_sub(b);
    reply(b, trust.root, authority_pem(sub), (struct authority_ocsp){ .is_revoked = true });
    update(b, leaf, "{'status': 'InvalidCertificate'}");
    trust_install(b, "ManufacturerRootCertificate", authority_pem(trust.root), ACCEPTED);
    update(b, own_chain, "{'status': 'RevokedCertificate'}");
    bench_restart(b);
    update(b, own_chain, "{'status': 'RevokedCertificate'}");
    bench_forget(b);
}

static void what_names_no_responder_is_not_asked_for(void **state)
{
    (void)state;
    struct bench_options options = { 0 };
    char *own = trust_make_own(&options, FOREVER_MS);
    struct bench *b = trust_bench(3, options);
    trust_install(b, "CSMSRootCertificate", authority_pem(trust.next), ACCEPTED);
    bench_advance(b, 8 * DAY_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
    bench_free(b);
    free(own);
}

static void an_installed_one_that_another_has_signed_is_asked_for(void **state)
{
    (void)state;
    struct bench_options options = { .trusted_pem = authority_pem(trust.root) };
    struct bench *b = trust_bench(2, options);
    bench_answer(b, "GetCertificateStatus", BENCH_SILENCE);
    trust_install(b, "V2GRootCertificate", authority_pem(sub), ACCEPTED);
    bench_expect_later(b, "GetCertificateStatus", "{'ocspRequestData': {'responderURL': '" URL "sub'}}");
    trust_delete(b, trust_hash(authority_pem(sub), authority_pem(trust.root), PKI_SHA256), ACCEPTED);
    reply(b, trust.root, authority_pem(sub), (struct authority_ocsp){ 0 }); /* too late */
    bench_forget(b);
    bench_advance(b, 8 * DAY_MS);
    assert_int_equal(bench_count(b, "GetCertificateStatus"), 0);
    bench_free(b);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, trust_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_own_certificate_and_what_is_above_it_are_asked_for),
        TEST(it_is_asked_for_again_within_a_week),
        TEST(it_is_asked_for_again_when_the_answer_is_out_of_date),
        TEST(what_is_known_survives_a_power_cut),
        TEST(a_new_certificate_is_asked_for_at_once),
        TEST(what_is_not_held_any_more_is_forgotten),
        TEST(a_csms_that_does_not_know_is_asked_less_and_less),
        TEST(an_answer_of_another_is_not_believed),
        TEST(without_a_link_it_waits),
        TEST(one_that_was_revoked_is_shown),
        TEST(what_a_revoked_authority_has_signed_is_not_installed),
        cmocka_unit_test(what_names_no_responder_is_not_asked_for),
        cmocka_unit_test(an_installed_one_that_another_has_signed_is_asked_for),
    };
    return cmocka_run_group_tests(tests, make, done);
}
