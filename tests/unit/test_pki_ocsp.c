/* What OCSP responders say, told from what they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/err.h>

#include "base/cleanup.h"
#include "pki/pki.h"
#include "tests/support/authority.h"

#define NOW_MS    INT64_C(1790000000000)
#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)
#define URL       "http://ocsp.example/root"

static struct authority *root, *other;
static char *pem, *second_pem, *signer_pem, *signer_key, *client_pem, *client_key;

static char *issue(const struct authority_leaf *options, char **ret_key)
{
    char *csr, *key, *certificate;
    authority_request("CS-1", "Example", &csr, &key);
    certificate = authority_sign(root, csr, options);
    free(csr);
    if (ret_key)
        *ret_key = key;
    else
        free(key);
    return certificate;
}

static int make(void **state)
{
    (void)state;
    root = authority_new(NULL);
    other = authority_new(&(struct authority_options){ .name = "other" });
    pem = issue(&(struct authority_leaf){ .responder = URL }, NULL);
    second_pem = issue(NULL, NULL);
    signer_pem = issue(&(struct authority_leaf){ .signs_ocsp = true }, &signer_key);
    client_pem = issue(NULL, &client_key);
    return 0;
}

static int done(void **state)
{
    (void)state;
    authority_free(root);
    authority_free(other);
    free(pem);
    free(second_pem);
    free(signer_pem);
    free(signer_key);
    free(client_pem);
    free(client_key);
    return 0;
}

static enum pki_verdict read_one(const char *about, const struct authority_ocsp *options,
                                 struct pki_ocsp *ret)
{
    AUTO_FREE char *response = authority_ocsp(root, about, options);
    enum pki_verdict verdict = pki_ocsp_read(response, pem, authority_pem(root), NOW_MS, ret);
    assert_int_equal(ERR_peek_error(), 0);
    return verdict;
}

static void a_certificate_names_its_responder(void **state)
{
    (void)state;
    char url[40], small[10];
    pki_ocsp_responder(pem, url, sizeof(url));
    assert_string_equal(url, URL);
    pki_ocsp_responder(pem, small, sizeof(small)); /* rather none than a part */
    assert_string_equal(small, "");
    pki_ocsp_responder(second_pem, url, sizeof(url));
    assert_string_equal(url, "");
    pki_ocsp_responder("nonsense", url, sizeof(url));
    assert_string_equal(url, "");
}

static void good_and_revoked_are_told_apart(void **state)
{
    (void)state;
    struct pki_ocsp ocsp;
    struct authority_ocsp options = { .this_update_ms = NOW_MS - DAY_MS, .next_update_ms = NOW_MS + DAY_MS };
    for (int i = 0; i < 4; i++) {
        options.is_revoked = i & 1;
        options.sha1 = i & 2;
        assert_int_equal(read_one(pem, &options, &ocsp), PKI_OK);
        assert_int_equal(ocsp.status, options.is_revoked ? PKI_OCSP_REVOKED : PKI_OCSP_GOOD);
        assert_int_equal(ocsp.this_update_ms, NOW_MS - DAY_MS);
        assert_int_equal(ocsp.next_update_ms, NOW_MS + DAY_MS);
    }
    options.next_update_ms = 0;
    assert_int_equal(read_one(pem, &options, &ocsp), PKI_OK);
    assert_int_equal(ocsp.next_update_ms, 0);
}

static void only_the_issuer_and_whom_it_names_are_believed(void **state)
{
    (void)state;
    struct pki_ocsp ocsp;
    const struct {
        struct authority_ocsp options;
        enum pki_verdict verdict;
    } rows[] = {
        { { .says = root }, PKI_OK },
        { { .says = other }, PKI_BAD_SIGNATURE },
        { { .signer_pem = signer_pem, .signer_key = signer_key }, PKI_OK },
        { { .signer_pem = client_pem, .signer_key = client_key }, PKI_BAD_SIGNATURE },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct authority_ocsp options = rows[i].options;
        options.this_update_ms = NOW_MS;
        assert_int_equal(read_one(pem, &options, &ocsp), rows[i].verdict);
    }
}

static void what_is_not_of_now_or_of_another_says_nothing(void **state)
{
    (void)state;
    struct pki_ocsp ocsp;
    const struct authority_ocsp now = { .this_update_ms = NOW_MS },
                                ahead = { .this_update_ms = NOW_MS + 4 * MINUTE_MS },
                                future = { .this_update_ms = NOW_MS + 6 * MINUTE_MS },
                                past = { .this_update_ms = NOW_MS - DAY_MS, .next_update_ms = NOW_MS };
    assert_int_equal(read_one(second_pem, &now, &ocsp), PKI_WRONG_SUBJECT);
    assert_int_equal(read_one(pem, &ahead, &ocsp), PKI_OK);
    assert_int_equal(read_one(pem, &future, &ocsp), PKI_EXPIRED);
    assert_int_equal(read_one(pem, &past, &ocsp), PKI_EXPIRED);
}

static void what_is_no_response_is_malformed(void **state)
{
    (void)state;
    struct pki_ocsp ocsp;
    AUTO_FREE char *whole = authority_ocsp(root, pem, &(struct authority_ocsp){ .this_update_ms = NOW_MS });
    char text[6000];
    const char *const bad[] = { "", "A", "====", "not base64!!", "AAAA", "MAMKAQY=" /* unauthorized */ };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(pki_ocsp_read(bad[i], pem, authority_pem(root), NOW_MS, &ocsp), PKI_MALFORMED);

    for (size_t len = 4; len < strlen(whole); len += 4) { /* cut off anywhere */
        (void)snprintf(text, sizeof(text), "%.*s", (int)len, whole);
        assert_int_not_equal(pki_ocsp_read(text, pem, authority_pem(root), NOW_MS, &ocsp), PKI_OK);
    }
    memset(text, 'A', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(pki_ocsp_read(text, pem, authority_pem(root), NOW_MS, &ocsp), PKI_MALFORMED);
    assert_int_equal(pki_ocsp_read(whole, "nonsense", authority_pem(root), NOW_MS, &ocsp), PKI_MALFORMED);
    assert_int_equal(pki_ocsp_read(whole, pem, "nonsense", NOW_MS, &ocsp), PKI_MALFORMED);
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_names_its_responder),
        cmocka_unit_test(good_and_revoked_are_told_apart),
        cmocka_unit_test(only_the_issuer_and_whom_it_names_are_believed),
        cmocka_unit_test(what_is_not_of_now_or_of_another_says_nothing),
        cmocka_unit_test(what_is_no_response_is_malformed),
    };
    return cmocka_run_group_tests(tests, make, done);
}
