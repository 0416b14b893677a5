/* Whom a request comes from, where proxies stand before the gateway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "net/http_forwarded.h"

#define PROXY "192.0.2.1"
#define INNER "2001:db8::1"
#define LONG  "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111"

static void check(const char *peer, const char *forwarded, const char *client)
{
    struct http_proxies proxies = { 0 };
    char found[HTTP_PEER_SIZE];
    assert_int_equal(http_proxies_add(&proxies, PROXY), 0);
    assert_int_equal(http_proxies_add(&proxies, INNER), 0);
    http_client_address(&proxies, peer, forwarded, found);
    assert_string_equal(found, client);
}

static void a_trusted_proxy_names_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *forwarded, *client;
    } rows[] = {
        { "198.51.100.7", "198.51.100.7" },
        { " \t198.51.100.7 \t", "198.51.100.7" },
        { "198.51.100.7:4711", "198.51.100.7" },
        { "2001:DB8:0:0::7", "2001:db8::7" },
        { "[2001:db8::7]", "2001:db8::7" },
        { "[2001:db8::7]:4711", "2001:db8::7" },
        { "::ffff:198.51.100.7", "198.51.100.7" },
        { "[::ffff:198.51.100.7]:80", "198.51.100.7" },
        { "203.0.113.9, 198.51.100.7", "198.51.100.7" }, /* what the client wrote comes first */
        { "nonsense, 198.51.100.7", "198.51.100.7" },    /* and is not even read */
        { LONG ",198.51.100.7", "198.51.100.7" },
        { "203.0.113.9, 198.51.100.7, " INNER, "198.51.100.7" }, /* proxies in a row */
        { "198.51.100.7," PROXY ",[2001:DB8::1]:9," PROXY, "198.51.100.7" },
        { "::ffff:" PROXY, PROXY },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check(PROXY, rows[i].forwarded, rows[i].client);
    check(INNER, "198.51.100.7", "198.51.100.7");
}

static void what_cannot_be_read_leaves_the_proxys_own_address(void **state)
{
    (void)state;
    static const char *const rows[] = {
        NULL,
        "",
        " ",
        ",",
        "198.51.100.7,",
        "198.51.100.7, ",
        "198.51.100.7,,",
        "198.51.100.7, unknown",
        "_hidden",
        "198.51.100",
        "198.51.100.7.1",
        "198.51.100.256",
        "198.51.100.7:",
        "198.51.100.7:x",
        "198.51.100.7:65536",
        "198.51.100.7:-1",
        "198.51.100.7 80",
        "198.51.100.7\n",
        "[198.51.100.7]",
        "[2001:db8::7",
        "[2001:db8::7]x",
        "[2001:db8::7]:",
        "[2001:db8::7]:99999",
        "[[2001:db8::7]]",
        "[]",
        "]",
        "2001:db8::7]",
        "2001:db8::7::1",
        "fe80::1%eth0",
        "\"198.51.100.7\"",
        "for=198.51.100.7",
        LONG,
        "198.51.100.7, " LONG,
        "unknown, " INNER,
        PROXY,
        INNER ", " PROXY,
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check(PROXY, rows[i], PROXY);
}

static void who_is_no_trusted_proxy_names_nobody(void **state)
{
    (void)state;
    check("192.0.2.2", "198.51.100.7", "192.0.2.2");
    check("", "198.51.100.7", "");
    const struct http_proxies none = { 0 };
    char found[HTTP_PEER_SIZE];
    http_client_address(&none, PROXY, "198.51.100.7", found);
    assert_string_equal(found, PROXY);
    http_client_address(&none, "", "198.51.100.7", found);
    assert_string_equal(found, "");
}

static void a_very_long_row_of_proxies_is_read_to_its_end(void **state)
{
    (void)state;
    char text[16000] = "198.51.100.7";
    size_t len = strlen(text);
    while (len + sizeof("," PROXY) < sizeof(text)) {
        (void)str_copy(text + len, sizeof(text) - len, "," PROXY);
        len += strlen("," PROXY);
    }
    check(PROXY, text, "198.51.100.7");
}

static void proxies_are_addresses_and_few(void **state)
{
    (void)state;
    struct http_proxies proxies = { 0 };
    static const char *const wrong[] = { "", "proxy", "10.0.0.0/8", "10.0.0.1:80", "[::1]", " 10.0.0.1" };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(http_proxies_add(&proxies, wrong[i]), -EINVAL);
    assert_int_equal(proxies.count, 0);
    for (size_t i = 0; i < HTTP_MAX_PROXIES; i++)
        assert_int_equal(http_proxies_add(&proxies, "::FFFF:10.0.0.1"), 0);
    assert_int_equal(http_proxies_add(&proxies, "10.0.0.1"), -E2BIG);
    assert_string_equal(proxies.at[0], "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trusted_proxy_names_the_client),
        cmocka_unit_test(what_cannot_be_read_leaves_the_proxys_own_address),
        cmocka_unit_test(who_is_no_trusted_proxy_names_nobody),
        cmocka_unit_test(a_very_long_row_of_proxies_is_read_to_its_end),
        cmocka_unit_test(proxies_are_addresses_and_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
