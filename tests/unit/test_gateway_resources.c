/* What stations share of their connections, and keys that are made beside the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway/csr_job.h"
#include "gateway/resources.h"
#include "pki/pki.h"
#include "tests/support/authority.h"

struct world {
    struct loop loop;
    struct websocket_context *websockets;
    struct resources resources;
    int made, err;
    char *csr, *key;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    assert_int_equal(loop_init(&w->loop), 0);
    assert_int_equal(websocket_context_new(&w->loop, &w->websockets), 0);
    resources_init(&w->resources, &w->loop, w->websockets);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    websocket_context_free(w->websockets);
    loop_done(&w->loop);
    free(w->csr);
    free(w->key);
    free(w);
    return 0;
}

static struct resource *endpoint(struct world *w, const struct endpoint_key *key)
{
    struct resource *r = NULL;
    assert_int_equal(resource_endpoint(&w->resources, key, &r), 0);
    return r;
}

/* A thousand stations with the same target need one TLS context. */
static void stations_that_are_alike_share_an_endpoint(void **state)
{
    struct world *w = *state;
    struct authority *root = authority_new(NULL), *other = authority_new(NULL);
    char *csr, *key;
    authority_request("CS1", "Example", &csr, &key);
    char *own = authority_sign(root, csr, NULL);
    const struct endpoint_key same = {
        .name = "a", .url = "wss://csms.example/", .roots_pem = authority_pem(root), .max_message = 65536
    };
    struct endpoint_key differ[] = { same, same, same, same, same, same };
    differ[0].roots_pem = authority_pem(other);
    differ[1].roots_pem = "";
    differ[2].url = "wss://csms.example/b";
    differ[3].certificate_pem = own, differ[3].key = key;
    differ[4].compression = true;
    differ[5].name = "b";

    struct resource *first = endpoint(w, &same), *others[ARRAY_SIZE(differ)];
    struct endpoint_key again = same;
    char *copy = strdup(authority_pem(root)); /* the text counts, not its place */
    again.roots_pem = copy;
    assert_ptr_equal(endpoint(w, &again), first);
    for (size_t i = 0; i < ARRAY_SIZE(differ); i++) {
        others[i] = endpoint(w, &differ[i]);
        assert_ptr_not_equal(others[i], first);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(others[i], others[j]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(differ); i++)
        resource_put(others[i]);
    resource_put(first);
    resource_put(first);
    free(copy);
    free(own);
    free(csr);
    free(key);
    authority_free(root);
    authority_free(other);
}

static void what_cannot_be_used_makes_no_endpoint(void **state)
{
    struct world *w = *state;
    struct authority *root = authority_new(NULL);
    char *csr, *key, *other_csr, *other_key;
    authority_request("CS1", "Example", &csr, &key);
    authority_request("CS1", "Example", &other_csr, &other_key);
    char *own = authority_sign(root, csr, NULL);
    const struct endpoint_key bad[] = {
        { .name = "a", .url = "wss://csms/", .roots_pem = "nonsense", .max_message = 65536 },
        { .name = "a", .url = "wss://csms/", .certificate_pem = own, .key = other_key, .max_message = 65536 },
        { .name = "a",
          .url = "wss://csms/",
          .certificate_pem = own,
          .key = "nonsense",
          .max_message = 65536 },
        { .name = "a", .url = "http://csms/", .max_message = 65536 },
    };
    struct resource *none = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_true(resource_endpoint(&w->resources, &bad[i], &none) < 0);
    assert_null(none);
    assert_true(list_is_empty(&w->resources.list));
    free(own);
    free(csr);
    free(key);
    free(other_csr);
    free(other_key);
    authority_free(root);
}

static void on_made(void *ctx, const char *csr, const char *key, int err)
{
    struct world *w = ctx;
    w->made++;
    w->err = err;
    w->csr = csr ? strdup(csr) : NULL;
    w->key = key ? strdup(key) : NULL;
}

static const struct csr_settings settings = { .type = KEY_EC_P256,
                                              .common_name = "CS1",
                                              .organization = "Example" };

static void a_key_is_made_beside_the_loop(void **state) /* A02.FR.02, A02.FR.03 */
{
    struct world *w = *state;
    assert_non_null(csr_job_start(&w->loop, &settings, on_made, w));
    assert_int_equal(w->made, 0);
    while (!w->made)
        (void)uv_run(&w->loop.uv, UV_RUN_ONCE);
    assert_int_equal(w->err, 0);
    assert_non_null(strstr(w->csr, "BEGIN CERTIFICATE REQUEST"));
    assert_non_null(strstr(w->key, "PRIVATE KEY"));
}

static void a_key_that_cannot_be_had_is_an_error(void **state)
{
    struct world *w = *state;
    struct csr_settings token = settings;
    token.key_uri = "pkcs11:token=none;object=none";
    assert_non_null(csr_job_start(&w->loop, &token, on_made, w));
    while (!w->made)
        (void)uv_run(&w->loop.uv, UV_RUN_ONCE);
    assert_true(w->err < 0);
    assert_null(w->csr);
    assert_null(w->key);
}

static void a_cancelled_key_says_nothing(void **state)
{
    struct world *w = *state;
    struct csr_settings slow = settings;
    slow.type = KEY_RSA_2048;
    csr_job_cancel(csr_job_start(&w->loop, &slow, on_made, w));
    csr_job_cancel(NULL);
    while (uv_loop_alive(&w->loop.uv) && w->loop.uv.active_reqs.count > 0)
        (void)uv_run(&w->loop.uv, UV_RUN_ONCE);
    assert_int_equal(w->made, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(stations_that_are_alike_share_an_endpoint),
        TEST(what_cannot_be_used_makes_no_endpoint),
        TEST(a_key_is_made_beside_the_loop),
        TEST(a_key_that_cannot_be_had_is_an_error),
        TEST(a_cancelled_key_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
