/* How the HTTP server listens, is bounded and ends; TLS. */
#include "tests/support/http_bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/rsa.h>

#include "base/str.h"
#include "pki/key.h"
#include "pki/self_signed.h"

/* ---- servers ---- */

/* What all ask at once must not hold up the loop in one go. */
static void one_request_is_served_in_each_turn_of_the_loop(void **state)
{
    enum { MANY = 10 };
    struct http_bench *b = *state;
    int most = 0;
    http_serve(b, NULL, NULL);
    for (int i = 0; i < MANY; i++)
        (void)http_client_at(b, i);
    HTTP_RUN_UNTIL(b, b->server->connection_count == MANY);
    for (int i = 0; i < MANY; i++) /* all of it is there before the loop looks */
        assert_int_equal(send(b->clients[i].fd, GET("/a"), sizeof(GET("/a")) - 1, MSG_NOSIGNAL),
                         sizeof(GET("/a")) - 1);
    while (b->requests < MANY) {
        int before = (int)b->requests;
        http_run_turn(b);
        most = (int)b->requests - before > most ? (int)b->requests - before : most;
    }
    assert_int_equal(most, 1);
    for (int i = 0; i < MANY; i++)
        HTTP_RUN_UNTIL(b, http_has(&b->clients[i], "/a"));
}

static void connections_are_bounded(void **state)
{
    struct http_bench *b = *state;
    http_serve(b, NULL, NULL);
    for (int i = 0; i < HTTP_MAX_CONNECTIONS; i++) {
        (void)http_client_at(b, i);
        http_run_turn(b);
    }
    HTTP_RUN_UNTIL(b, b->server->connection_count == HTTP_MAX_CONNECTIONS);
    b->keeps = true;
    http_say(b, &b->clients[0], GET("/asked"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    b->keeps = false;
    struct http_client *one_more = http_client_at(b, HTTP_MAX_CONNECTIONS);
    HTTP_RUN_UNTIL(b, http_has_ended(&b->clients[1])); /* not the first, which is being served */
    http_say(b, one_more, GET("/a"));
    HTTP_RUN_UNTIL(b, http_has(one_more, "/a"));
    assert_false(http_has_ended(&b->clients[0]));
    assert_false(http_has_ended(&b->clients[2]));
    http_client_close(&b->clients[7]);
    HTTP_RUN_UNTIL(b, b->server->connection_count == HTTP_MAX_CONNECTIONS - 1);
    struct http_client *c = http_client_at(b, 7);
    http_say(b, c, GET("/b"));
    HTTP_RUN_UNTIL(b, http_has(c, "/b"));
}

static void freeing_tells_of_each_open_exchange_and_gives_the_port_back(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    struct http_client *asks = http_client_at(b, 0), *streams = http_client_at(b, 1),
                       *idle = http_client_at(b, 2), *reads = http_client_at(b, 3);
    http_say(b, asks, GET("/a"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
    http_say(b, streams, GET("/stream"));
    HTTP_RUN_UNTIL(b, b->requests == 2);
    http_bench_answer(b, http_last(b));
    HTTP_RUN_UNTIL(b, http_has(streams, "chunked"));
    http_say(b, reads, "POST / HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\nx");
    HTTP_RUN_UNTIL(b, b->server->bodies > 0);

    uint16_t port = http_server_port(b->server);
    http_server_free(STEAL(b->server));
    assert_int_equal(b->gone, 2);
    struct http_server_settings s = { .address = "127.0.0.1", .port = port };
    assert_int_equal(http_server_new(b->context, &s, &http_bench_events, b, &b->server), 0);
    HTTP_RUN_UNTIL(b, http_has_ended(asks) && http_has_ended(streams) && http_has_ended(idle) &&
                          http_has_ended(reads));
    assert_int_equal(b->gone, 2);
    http_client_close(asks);
    b->keeps = false;
    asks = http_client_at(b, 0);
    http_say(b, asks, GET("/again"));
    HTTP_RUN_UNTIL(b, http_has(asks, "/again"));

    struct http_server *other = NULL;
    assert_int_equal(http_server_new(b->context, &s, &http_bench_events, b, &other), -EADDRINUSE);
}

static void freeing_in_callbacks_is_safe(void **state)
{
    struct http_bench *b = *state;
    b->frees = true;
    http_serve(b, NULL, NULL);
    struct http_client *c = http_client_at(b, 0);
    http_say(b, c, GET("/a") GET("/b"));
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(b->requests, 1);
    assert_int_equal(b->gone, 1);
    assert_null(b->server);

    b->frees = false;
    b->frees_in_fill = true;
    b->pieces = 1;
    http_serve(b, NULL, NULL);
    c = http_client_at(b, 1);
    http_say(b, c, GET("/stream"));
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(b->gone, 2);
}

/* At the end of a test the context goes while the server's last timer waits. */
static void freeing_with_the_context_is_safe(void **state)
{
    struct http_bench *b = *state;
    b->keeps = true;
    http_serve(b, NULL, NULL);
    http_say(b, http_client_new(b), GET("/a"));
    HTTP_RUN_UNTIL(b, b->requests == 1);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    struct http_bench *b = *state;
    const struct {
        struct http_server_settings settings;
        int r;
    } rows[] = {
        { { .address = "localhost" }, -EINVAL },
        { { .address = "192.0.2.1" }, -EADDRNOTAVAIL },
        { { .address = "127.0.0.1", .cert_pem = "none", .key_pem = "none" }, -EINVAL },
        { { .address = "127.0.0.1", .cert_pem = "none" }, -EINVAL },
        { { .socket_path = "/dev/null" }, -EEXIST },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct http_server *server = NULL;
        assert_int_equal(http_server_new(b->context, &rows[i].settings, &http_bench_events, b, &server),
                         rows[i].r);
        assert_null(server);
        http_run_for(b, 5);
    }
}

static void ipv6_addresses_are_served(void **state)
{
    struct http_bench *b = *state;
    struct http_server_settings s = { .address = "::" };
    assert_int_equal(http_server_new(b->context, &s, &http_bench_events, b, &b->server), 0);
    struct http_client *c = http_client_at(b, 0);
    http_say(b, c, GET("/a"));
    HTTP_RUN_UNTIL(b, http_has(c, "/a"));
    assert_string_equal(http_last(b)->peer, "127.0.0.1"); /* as one who writes it would */
}

static void a_unix_socket_is_served(void **state)
{
    struct http_bench *b = *state;
    (void)snprintf(b->directory, sizeof(b->directory), "/tmp/test_http.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    (void)snprintf(b->path, sizeof(b->path), "%s/socket", b->directory);
    struct http_server_settings s = { .socket_path = b->path };
    assert_int_equal(http_server_new(b->context, &s, &http_bench_events, b, &b->server), 0);
    struct stat status;
    assert_int_equal(stat(b->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);

    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)str_copy(a.sun_path, sizeof(a.sun_path), b->path);
    struct http_client *c = &b->clients[0];
    buf_init(&c->in, 1u << 20);
    c->fd = http_connected((struct sockaddr *)&a, sizeof(a));
    http_say(b, c, GET("/a"));
    HTTP_RUN_UNTIL(b, http_has(c, "/a"));
    assert_true(http_last(b)->is_local);
    assert_string_equal(http_last(b)->peer, "");
    http_server_free(STEAL(b->server));
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(access(b->path, F_OK), -1);
    assert_int_equal(http_server_new(b->context, &s, &http_bench_events, b, &b->server), 0);
}

/* ---- TLS ---- */

static struct http_client *tls_client(struct http_bench *b, int index)
{
    struct http_client *c = http_client_at(b, index);
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    c->ssl = SSL_new(ssl);
    SSL_CTX_free(ssl);
    assert_int_equal(SSL_set_fd(c->ssl, c->fd), 1);
    int r = 0;
    HTTP_RUN_UNTIL(b, (r = SSL_connect(c->ssl)) == 1 || !http_is_for_later(c, r));
    assert_int_equal(r, 1);
    return c;
}

static void make_certificate(const char *name, char **ret_cert, char **ret_key)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const char *const names[] = { name };
    assert_int_equal(self_signed_new(names, 1, (int64_t)now.tv_sec * 1000, ret_cert, ret_key), 0);
}

static char *text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = strndup(bytes, (size_t)len);
    BIO_free(bio);
    return text;
}

/* With another kind of key, of which OpenSSL would keep one beside the first. */
static void make_rsa_certificate(char **ret_cert, char **ret_key)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *x = X509_new();
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"rsa", -1,
                               -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    BIO *cert = BIO_new(BIO_s_mem()), *pem = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(cert, x), 1);
    assert_int_equal(PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), 1);
    *ret_cert = text_of(cert);
    *ret_key = text_of(pem);
    X509_free(x);
    EVP_PKEY_free(key);
}

static int shown_key(const struct http_client *c)
{
    return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(c->ssl)));
}

static void tls_carries_requests_bodies_and_streams(void **state)
{
    struct http_bench *b = *state;
    AUTO_FREE char *cert = NULL, *key = NULL, *body = calloc(1, HTTP_MAX_BODY);
    make_certificate("localhost", &cert, &key);
    http_serve(b, cert, key);
    struct http_client *c = tls_client(b, 0);
    http_say(b, c, GET("/a"));
    HTTP_RUN_UNTIL(b, http_ends_with(c, "GET /a  0"));
    assert_true(http_last(b)->is_tls);
    http_say(b, c, "POST /big HTTP/1.1\r\n" HOST "Content-Length: 2097152\r\n\r\n");
    http_say_bytes(b, c, body, HTTP_MAX_BODY);
    HTTP_RUN_UNTIL(b, http_ends_with(c, "POST /big  2097152"));
    b->pieces = 50;
    b->piece_len = 65536;
    b->stream_ends = true;
    http_say(b, c, GET("/stream"));
    HTTP_RUN_UNTIL(b, http_ends_with(c, "\r\n0\r\n\r\n"));
    assert_int_equal(http_count(c, "10000\r\n"), 50);
    for (int i = 0; i < 1500; i++) /* more than is read before its turn */
        http_say(b, c, GET("/many"));
    http_say(b, c, "GET /end HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    HTTP_RUN_UNTIL(b, http_has_ended(c));
    assert_int_equal(http_count(c, "GET /many  0"), 1500);
    assert_true(http_ends_with(c, "GET /end  0"));
    assert_int_equal(SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN,
                     SSL_RECEIVED_SHUTDOWN); /* not cut off */
}

/* What TLS has decrypted already must not be forgotten when reading goes on. */
static void what_waits_within_tls_is_served(void **state)
{
    struct http_bench *b = *state;
    AUTO_FREE char *cert = NULL, *key = NULL;
    struct buf all;
    make_certificate("localhost", &cert, &key);
    b->keeps = true;
    http_serve(b, cert, key);
    struct http_client *c = tls_client(b, 0);
    buf_init(&all, 1u << 20);
    for (int i = 0; i < 1000; i++)
        buf_text(&all, GET("/many"));
    http_say_bytes(b, c, (char *)all.data, 16384);
    http_run_for(b, 50);
    http_say_bytes(b, c, (char *)all.data + 16384, all.len - 16384);
    buf_done(&all);
    http_run_for(b, 50);
    assert_int_equal(b->requests, 1);
    b->keeps = false;
    http_bench_answer(b, http_last(b));
    HTTP_RUN_UNTIL(b, (http_take(c, SIZE_MAX), b->requests == 1000));
    HTTP_RUN_UNTIL(b, http_count(c, "GET /many  0") == 1000);
    assert_true(http_ends_with(c, "GET /many  0"));
}

static void slow_handshakes_cost_the_connection(void **state)
{
    struct http_bench *b = *state;
    AUTO_FREE char *cert = NULL, *key = NULL;
    make_certificate("localhost", &cert, &key);
    http_serve(b, cert, key);
    b->server->patience.head_ms = 100;
    struct http_client *silent = http_client_at(b, 0), *plain = http_client_at(b, 1);
    http_say(b, plain, GET("/a"));
    HTTP_RUN_UNTIL(b, http_has_ended(silent) && http_has_ended(plain));
    HTTP_RUN_UNTIL(b, b->server->connection_count == 0);
    assert_int_equal(b->requests, 0);
}

static void a_certificate_may_change_while_it_serves(void **state)
{
    struct http_bench *b = *state;
    AUTO_FREE char *ec_cert = NULL, *ec_key = NULL, *rsa_cert = NULL, *rsa_key = NULL;
    make_certificate("localhost", &ec_cert, &ec_key);
    make_rsa_certificate(&rsa_cert, &rsa_key);
    http_serve(b, ec_cert, ec_key);
    struct http_client *first = tls_client(b, 0);
    assert_int_equal(shown_key(first), EVP_PKEY_EC);

    assert_int_equal(http_server_set_certificate(b->server, rsa_cert, ec_key), -EINVAL);
    assert_int_equal(http_server_set_certificate(b->server, "none", rsa_key), -EINVAL);
    assert_int_equal(http_server_set_certificate(b->server, rsa_cert, "pkcs11:token=a"), -EINVAL);
    assert_int_equal(shown_key(tls_client(b, 1)), EVP_PKEY_EC);
    assert_int_equal(http_server_set_certificate(b->server, rsa_cert, rsa_key), 0);
    struct http_client *second = tls_client(b, 2);
    assert_int_equal(shown_key(second), EVP_PKEY_RSA);
    http_say(b, second, GET("/a"));
    HTTP_RUN_UNTIL(b, http_has(second, "/a"));
    assert_int_equal(http_server_set_certificate(b->server, ec_cert, ec_key), 0);
    assert_int_equal(shown_key(tls_client(b, 3)), EVP_PKEY_EC);
    http_say(b, first, GET("/b"));
    HTTP_RUN_UNTIL(b, http_has(first, "/b"));

    http_server_free(STEAL(b->server));
    http_serve(b, NULL, NULL);
    assert_int_equal(http_server_set_certificate(b->server, ec_cert, ec_key), -EINVAL); /* plain */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_request_is_served_in_each_turn_of_the_loop, http_set_up,
                                        http_tear_down),
        cmocka_unit_test_setup_teardown(connections_are_bounded, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(freeing_tells_of_each_open_exchange_and_gives_the_port_back,
                                        http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(freeing_in_callbacks_is_safe, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(freeing_with_the_context_is_safe, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(settings_that_cannot_be_are_refused, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(ipv6_addresses_are_served, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(a_unix_socket_is_served, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(tls_carries_requests_bodies_and_streams, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(what_waits_within_tls_is_served, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(slow_handshakes_cost_the_connection, http_set_up, http_tear_down),
        cmocka_unit_test_setup_teardown(a_certificate_may_change_while_it_serves, http_set_up,
                                        http_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
