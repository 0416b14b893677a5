/* URLs, headers and compression: the pure parts of src/net. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/deflate.h"
#include "net/handshake.h"
#include "net/url.h"

static void good_urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *path, *header;
        bool tls;
        int port;
    } rows[] = {
        { "ws://csms", "csms", "", "csms", false, 80 },
        { "wss://csms/", "csms", "", "csms", true, 443 },
        { "WSS://csms.example.com:9000/ocpp/v2/", "csms.example.com", "/ocpp/v2", "csms.example.com:9000",
          true, 9000 },
        { "ws://192.0.2.1:80/a%20b", "192.0.2.1", "/a%20b", "192.0.2.1", false, 80 },
        { "wss://[2001:db8::1]:443/x", "2001:db8::1", "/x", "[2001:db8::1]", true, 443 },
        { "ws://[::1]:443", "::1", "", "[::1]:443", false, 443 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct url url;
        struct buf header;
        const char *problem;
        buf_init(&header, 300);
        assert_int_equal(url_parse(rows[i].text, &url, &problem), 0);
        url_host_header(&url, &header);
        assert_string_equal(url.host, rows[i].host);
        assert_string_equal(url.path, rows[i].path);
        assert_string_equal(buf_string(&header), rows[i].header);
        assert_int_equal(url.tls, rows[i].tls);
        assert_int_equal(url.port, rows[i].port);
        buf_done(&header);
    }
}

static void bad_urls_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",          "csms",         "http://csms",     "ws:/csms",        "ws://",          "ws:///path",
        "ws://:80/", "ws://csms:",   "ws://csms:0",     "ws://csms:65536", "ws://csms:80x/", "ws://csms:-1",
        "ws://u@h/", "ws://h/?q=1",  "ws://h/#f",       "ws://h /",        "ws://h/\n",      "ws://[::1",
        "ws://[]/",  "ws://[::1]x/", "ws://h/\xc3\xa9", "ws://csms:+80/",
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct url url;
        const char *problem = NULL;
        assert_int_equal(url_parse(rows[i], &url, &problem), -EINVAL);
        assert_non_null(problem);
    }
}

static void identities_are_percent_encoded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *encoded;
    } rows[] = {
        { "CP-1_x.y~z", "CP-1_x.y~z" },
        { "RDAM 123|4", "RDAM%20123%7C4" },
        { "a/b?c#d%", "a%2Fb%3Fc%23d%25" },
        { "\xc3\xa9", "%C3%A9" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        url_append_segment(&b, rows[i].text);
        assert_string_equal(buf_string(&b), rows[i].encoded);
        buf_done(&b);
    }
}

static void basic_authorization_goes_both_ways(void **state) /* RFC 7617, 2 */
{
    (void)state;
    static const struct {
        const char *user, *password, *header;
    } rows[] = {
        { "Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
        { "test", "123\xc2\xa3", "Basic dGVzdDoxMjPCow==" },
        { "", "", "Basic Og==" },
        { "CP", "a:b:c", "Basic Q1A6YTpiOmM=" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *header = NULL;
        const char *user, *password;
        assert_int_equal(basic_encode(rows[i].user, rows[i].password, &header), 0);
        assert_string_equal(header, rows[i].header);
        assert_true(basic_decode(header, &user, &password));
        assert_string_equal(user, rows[i].user);
        assert_string_equal(password, rows[i].password);
    }
    char longest[300];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    char *none = NULL;
    assert_int_equal(basic_encode("u", longest, &none), -EINVAL);
}

static void other_authorizations_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = { "",           "Basic",      "Basic ",     "Bearer dGVzdDox",
                                        "Basic dGVz", "Basic QQ",   "Basic ====", "Basic !!!!",
                                        "Basic Og=",  "Basic O g==" };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *header = strdup(rows[i]);
        const char *user, *password;
        assert_false(basic_decode(header, &user, &password));
    }
}

static void lists_are_searched_by_whole_elements(void **state)
{
    (void)state;
    assert_true(list_has("ocpp2.0.1", "ocpp2.0.1"));
    assert_true(list_has("ocpp1.6, ocpp2.0.1", "ocpp2.0.1"));
    assert_true(list_has("ocpp2.0.1 ,ocpp1.6", "ocpp2.0.1"));
    assert_false(list_has("ocpp2.0.1.1", "ocpp2.0.1"));
    assert_false(list_has("ocpp2.0", "ocpp2.0.1"));
    assert_false(list_has("xocpp2.0.1", "ocpp2.0.1"));
    assert_false(list_has("", "ocpp2.0.1"));
    assert_false(list_has("a,,b", ""));
}

static void messages_survive_compression(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 63, 4093, 4094, 4095, 4096, 4097, 100000 };
    AUTO_FREE char *text = malloc(100000);
    for (size_t i = 0; i < 100000; i++)
        text[i] = (char)("[2,\"1\",\"Heartbeat\",{}]"[i % 22] + (int)(i / 5000 % 3));
    struct deflater *d = deflater_new();
    struct inflater *in = inflater_new();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct buf small, out;
        buf_init(&small, 200000);
        buf_init(&out, 100000);
        assert_int_equal(deflater_run(d, text, sizes[i], &small), 0);
        size_t half = small.len / 2;
        assert_int_equal(inflater_run(in, small.data, half, false, true, &out), 0);
        assert_int_equal(inflater_run(in, small.data + half, small.len - half, true, true, &out), 0);
        assert_int_equal(out.len, sizes[i]);
        if (sizes[i])
            assert_memory_equal(out.data, text, sizes[i]);
        buf_done(&small);
        buf_done(&out);
    }
    deflater_free(d);
    inflater_free(in);
}

static void bad_compression_is_refused(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    struct inflater *i = inflater_new();
    assert_int_equal(inflater_run(i, "\xff\xff\xff", 3, true, true, &out), -EBADMSG);
    inflater_free(i);

    /* 100,000 bytes do not go into 1,000. */
    struct buf small;
    buf_init(&small, 10000);
    AUTO_FREE char *zeros = calloc(1, 100000);
    struct deflater *d = deflater_new();
    assert_int_equal(deflater_run(d, zeros, 100000, &small), 0);
    i = inflater_new();
    assert_int_equal(inflater_run(i, small.data, small.len, true, true, &out), -EMSGSIZE);
    assert_true(out.len <= 1000);
    inflater_free(i);
    deflater_free(d);
    buf_done(&small);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_are_taken_apart),
        cmocka_unit_test(bad_urls_are_refused_with_a_reason),
        cmocka_unit_test(identities_are_percent_encoded),
        cmocka_unit_test(basic_authorization_goes_both_ways),
        cmocka_unit_test(other_authorizations_are_refused),
        cmocka_unit_test(lists_are_searched_by_whole_elements),
        cmocka_unit_test(messages_survive_compression),
        cmocka_unit_test(bad_compression_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
