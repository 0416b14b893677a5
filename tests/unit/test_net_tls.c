/* wss on loopback, with certificates made by the openssl command, which is also the server where ours cannot be bad enough. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>
#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/reader.h"
#include "base/str.h"
#include "net/websocket_internal.h"

#define WAIT_MS 10000
#define BIG     300000

static char directory[] = "/tmp/test_net_tls.XXXXXX"; /* of the certificates */

struct bench {
    struct loop loop;
    struct websocket_context *context;
    struct endpoint *server, *client;
    struct websocket *a, *b;
    int opens, accepts, messages, closes;
    size_t last_len;
    struct websocket_end end;
    char end_text[200];
    struct timer timeout;
    bool timed_out;
    FILE *s_server; /* openssl's server, with its process id */
    pid_t s_server_pid;
};

static const char *path(const char *name)
{
    static char paths[4][128];
    static int next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof(paths[0]), "%s/%s", directory, name);
    return p;
}

static int make_certificates(void **state)
{
    (void)state;
    static const char script[] =
        "cd %s && exec 2>/dev/null && new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes' "
        "&& "
        "$new -x509 -keyout ca.key -out ca.pem -subj /CN=ca -days 2 && "
        "$new -x509 -keyout other.key -out other.pem -subj /CN=other -days 2 && "
        "for n in good:DNS:localhost,IP:127.0.0.1 wrong:DNS:elsewhere; do "
        "  f=${n%%%%:*}; echo \"subjectAltName=${n#*:}\" >$f.ext; "
        "  $new -keyout $f.key -out $f.csr -subj /CN=$f && "
        "  openssl x509 -req -in $f.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $f.ext "
        "-out $f.pem || exit 1; "
        "done; "
        "openssl req -newkey rsa:2048 -nodes -x509 -keyout rsa.key -out rsa.pem -subj /CN=localhost -days 2 "
        "-addext subjectAltName=DNS:localhost; "
        /* sign NAME SUBJECT EXTENSION ISSUER [options of req] */
        "sign() { n=$1 s=$2 i=$4; echo \"$3\" >$n.ext; shift 4; "
        "  openssl req ${*:--newkey ec -pkeyopt ec_paramgen_curve:P-256} -nodes -keyout $n.key -out $n.csr "
        "-subj $s && "
        "  openssl x509 -req -in $n.csr -CA $i.pem -CAkey $i.key -CAcreateserial $md -days ${days:-2} "
        "-extfile $n.ext -out $n.pem || exit 1; }; "
        "sign inter /CN=inter basicConstraints=critical,CA:TRUE ca; "
        "sign client /O=Example/CN=CP keyUsage=digitalSignature inter; cat inter.pem >>client.pem; "
        "days=0 sign expired /O=Example/CN=CP keyUsage=digitalSignature ca; days=; "
        "sign below /CN=localhost keyUsage=digitalSignature inter; "
        "sign name /O=Example/CN=localhost keyUsage=digitalSignature ca; sign address /CN=127.0.0.1 "
        "keyUsage=digitalSignature ca; "
        "sign addressed /CN=127.0.0.1 subjectAltName=DNS:elsewhere ca; sign elsewhere /CN=elsewhere "
        "keyUsage=digitalSignature ca; "
        "sign weak /CN=localhost keyUsage=digitalSignature,keyEncipherment ca -newkey rsa:1024; "
        "md=-sha1 sign sha1 /CN=localhost keyUsage=digitalSignature ca; md=; "
        "sign exact /CN=csms.example.com keyUsage=digitalSignature ca; sign wild /CN=wild "
        "'subjectAltName=DNS:*.example.com' ca; "
        "sign wildcn '/CN=*.example.com' keyUsage=digitalSignature ca; sign partial '/CN=c*.example.com' "
        "keyUsage=digitalSignature ca; "
        "sign promise /CN=localhost tlsfeature=status_request ca; "
        "sign helper /CN=helper extendedKeyUsage=OCSPSigning ca; sign nohelper /CN=nohelper "
        "keyUsage=digitalSignature ca; "
        "respond() { openssl ocsp -index $1 -rsigner $2.pem -rkey $2.key -CA ca.pem -reqin req.der -respout "
        "$3.der -ndays 1 || exit 1; }; "
        "serial=$(openssl x509 -in name.pem -noout -serial | cut -d= -f2); "
        "openssl ocsp -sha256 -issuer ca.pem -cert name.pem -no_nonce -reqout req.der; "
        "printf 'V\\t491231235959Z\\t\\t%%s\\tunknown\\t/CN=localhost\\n' $serial >valid; "
        "printf 'R\\t491231235959Z\\t200101000000Z\\t%%s\\tunknown\\t/CN=localhost\\n' $serial >revoked; : "
        ">nothing; "
        "respond valid ca s_good; respond valid helper s_helped; respond revoked ca s_revoked; respond "
        "revoked helper s_revoked2; "
        "respond nothing ca s_unknown; respond valid other s_other; respond valid name s_own; respond valid "
        "nohelper s_nohelper; "
        "openssl ocsp -issuer ca.pem -cert good.pem -no_nonce -reqout req.der; respond nothing ca s_foreign; "
        "printf '\\060\\003\\012\\001\\003' >s_later.der; "
        "openssl ocsp -issuer ca.pem -cert promise.pem -no_nonce -reqout req.der; "
        "printf 'V\\t491231235959Z\\t\\t%%s\\tunknown\\t/CN=localhost\\n' $(openssl x509 -in promise.pem "
        "-noout -serial | cut -d= -f2) >valid; "
        "respond valid ca s_promise; "
        "mkdir tokens && echo \"directories.tokendir = $PWD/tokens\" >softhsm.conf && export "
        "SOFTHSM2_CONF=$PWD/softhsm.conf && "
        "softhsm2-util --init-token --free --label gateway --pin 1234 --so-pin 87654321 >&2 && "
        "softhsm2-util --import client.key --token gateway --label client --id 01 --pin 1234 >&2; "
        /* a TPM with a key at 0x81000001 */
        "mkdir tpm && swtpm socket --tpm2 --tpmstate dir=$PWD/tpm --ctrl type=unixio,path=$PWD/tpm/sock.ctrl "
        "--server "
        "type=unixio,path=$PWD/tpm/sock --flags not-need-init,startup-clear --daemon --pid file=$PWD/tpm/pid "
        "&& "
        "export TPM2TOOLS_TCTI=swtpm:path=$PWD/tpm/sock && cd tpm && "
        "tpm2_createprimary -C o -G ecc -c parent >&2 && tpm2_import -C parent -G ecc -i ../client.key -u "
        "public -r private >&2 && "
        "tpm2_flushcontext -t && tpm2_load -C parent -u public -r private -c key >&2 && tpm2_flushcontext -t "
        "&& "
        "tpm2_evictcontrol -C o -c key 0x81000001 >&2 && tpm2_flushcontext -t && cd .. ";
    char command[sizeof(script) + sizeof(directory)];
    if (!mkdtemp(directory))
        return -1;
    snprintf(command, sizeof(command), script, directory);
    char where[80];
    (void)snprintf(where, sizeof(where), "swtpm:path=%s/tpm/sock", directory);
    if (system(command))
        return -1;
    (void)setenv("TPM2OPENSSL_TCTI", where, 1);
    return setenv("SOFTHSM2_CONF", path("softhsm.conf"), 1);
}

static int remove_certificates(void **state)
{
    (void)state;
    char command[120];
    snprintf(command, sizeof(command), "kill -9 $(cat %s/tpm/pid); rm -rf %s", directory, directory);
    return system(command);
}

static void on_open(void *ctx, const char *subprotocol)
{
    (void)subprotocol;
    ((struct bench *)ctx)->opens++;
}

static void on_message(void *ctx, const char *text, size_t len)
{
    (void)text;
    struct bench *b = ctx;
    b->messages++;
    b->last_len = len;
}

static void on_close(void *ctx, const struct websocket_end *end)
{
    struct bench *b = ctx;
    b->closes++;
    b->end = *end;
    (void)str_copy(b->end_text, sizeof(b->end_text), end->text);
    websocket_free(STEAL(b->a), 1000);
}

static void on_server_message(void *ctx, const char *text, size_t len)
{
    assert_int_equal(websocket_send(((struct bench *)ctx)->b, text, len), 0);
}

static void on_server_close(void *ctx, const struct websocket_end *end)
{
    (void)end;
    websocket_free(STEAL(((struct bench *)ctx)->b), 1000);
}

static void on_accept(void *ctx, struct websocket *ws, const char *identity)
{
    static const struct websocket_events events = { .on_message = on_server_message,
                                                    .on_close = on_server_close };
    struct bench *b = ctx;
    assert_string_equal(identity, "CP");
    b->accepts++;
    b->b = ws;
    websocket_set_events(ws, &events, b);
}

static void on_timeout(struct timer *timer, void *ctx)
{
    (void)timer;
    ((struct bench *)ctx)->timed_out = true;
}

/* Not UV_RUN_ONCE: that would sleep after a timer of ours fired. */
static void run_turn(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    usleep(200);
}

/* Runs the loop until the condition holds; fails if it does not in time. */
#define RUN_UNTIL(bench, condition)                                                                          \
    do {                                                                                                     \
        (bench)->timed_out = false;                                                                          \
        env_timer_start(&(bench)->loop.env, &(bench)->timeout, WAIT_MS);                                     \
        while (!(condition) && !(bench)->timed_out)                                                          \
            run_turn(&(bench)->loop);                                                                        \
        timer_stop(&(bench)->timeout);                                                                       \
        assert_true(condition);                                                                              \
    } while (0)

static void begin(struct bench *b)
{
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(websocket_context_new(&b->loop, &b->context), 0);
    timer_init(&b->timeout, &b->loop.timers, on_timeout, b);
}

static void finish(struct bench *b)
{
    websocket_free(b->a, 1000);
    websocket_free(b->b, 1000);
    endpoint_free(b->client);
    endpoint_free(b->server);
    websocket_context_free(b->context);
    loop_done(&b->loop);
    if (b->s_server) {
        kill(b->s_server_pid, SIGKILL);
        pclose(b->s_server);
    }
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    begin(*state);
    return 0;
}

static int tear_down(void **state)
{
    finish(*state);
    free(*state);
    return 0;
}

/* For the next row of a table. */
static void start_again(struct bench *b)
{
    finish(b);
    memset(b, 0, sizeof(*b));
    begin(b);
}

static void serve_with(struct bench *b, struct tls_settings tls)
{
    static const struct websocket_server_events events = { .on_accept = on_accept };
    struct server_endpoint_settings s = {
        .address = "127.0.0.1",
        .subprotocols = "ocpp2.0.1",
        .tls_enabled = true,
        .tls = tls,
        .max_message = 1000000,
    };
    assert_int_equal(server_endpoint_new(b->context, &s, &events, b, &b->server), 0);
}

static void serve(struct bench *b, const char *cert, const char *key)
{
    serve_with(b, (struct tls_settings){ .cert_file = cert, .key_file = key });
}

/* openssl's server, with the files of that name as its certificate; answers every request by a page. Returns its port. */
static unsigned int serve_openssl(struct bench *b, const char *name, const char *options)
{
    char command[500], line[200];
    (void)snprintf(
        command, sizeof(command),
        "echo $$; cd %s; exec openssl s_server -www -accept 127.0.0.1:0 -cert %s.pem -key %s.key %s 2>&1",
        directory, name, name, options);
    b->s_server = popen(command, "r");
    assert_non_null(b->s_server);
    assert_non_null(fgets(line, sizeof(line), b->s_server));
    b->s_server_pid = (pid_t)strtol(line, NULL, 10);
    while (fgets(line, sizeof(line), b->s_server))
        if (str_starts(line, "ACCEPT"))
            return (unsigned int)strtoul(strrchr(line, ':') + 1, NULL, 10);
    fail_msg("openssl s_server does not start: %s", line);
    return 0;
}

static void dial_with(struct bench *b, const char *host, unsigned int port, struct tls_settings tls)
{
    static const struct websocket_events events = { on_open, on_message, on_close };
    char url[64];
    snprintf(url, sizeof(url), "wss://%s:%u", host, port);
    struct client_endpoint_settings s = {
        .url = url, .subprotocols = "ocpp2.0.1", .tls = tls, .max_message = 1000000
    };
    assert_int_equal(client_endpoint_new(b->context, &s, &b->client), 0);
    b->a = websocket_connect(b->client, "CP", NULL, NULL, &events, b);
    assert_non_null(b->a);
}

static void dial(struct bench *b, const char *host, const char *ca)
{
    dial_with(b, host, endpoint_port(b->server), (struct tls_settings){ .ca_file = ca });
}

/* The text of a file; the caller's. */
static char *text_of(const char *name)
{
    FILE *file = fopen(path(name), "r");
    assert_non_null(file);
    char *text = calloc(1, 16384);
    text[fread(text, 1, 16383, file)] = '\0';
    fclose(file);
    return text;
}

static void good_certificate_connects_by_name(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "localhost", path("ca.pem"));
    RUN_UNTIL(b, b->opens && b->accepts);
    assert_true(endpoint_is_tls(b->client));
}

static void good_certificate_connects_by_address(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "127.0.0.1", path("ca.pem"));
    RUN_UNTIL(b, b->opens && b->accepts);
}

static void rsa_certificate_connects(void **state)
{
    struct bench *b = *state;
    serve(b, path("rsa.pem"), path("rsa.key"));
    dial(b, "localhost", path("rsa.pem"));
    RUN_UNTIL(b, b->opens && b->accepts);
}

static void messages_of_any_size_pass(void **state)
{
    static const size_t sizes[] = { 1, 1000, 1024, 16384, 70000, BIG };
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "localhost", path("ca.pem"));
    RUN_UNTIL(b, b->opens);
    AUTO_FREE char *text = malloc(BIG);
    memset(text, 'x', BIG);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(websocket_send(b->a, text, sizes[i]), 0);
        RUN_UNTIL(b, b->messages == i + 1);
        assert_int_equal(b->last_len, sizes[i]);
    }
}

static void expect_failure(struct bench *b, const char *text)
{
    RUN_UNTIL(b, b->closes);
    assert_int_equal(b->end.failure, WEBSOCKET_TLS_CERTIFICATE);
    assert_string_equal(b->end_text, text);
    assert_int_equal(b->opens, 0);
    assert_int_equal(b->accepts, 0);
}

static void unknown_authority_is_refused(void **state) /* A00.FR.308, A00.FR.311, A00.FR.411, A00.FR.414 */
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "localhost", path("other.pem"));
    expect_failure(b, "unable to get local issuer certificate");
}

static void system_authorities_do_not_know_ours(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    dial(b, "localhost", NULL);
    expect_failure(b, "unable to get local issuer certificate");
}

static void wrong_name_is_refused(void **state) /* A00.FR.309, A00.FR.412 */
{
    struct bench *b = *state;
    serve(b, path("wrong.pem"), path("wrong.key"));
    dial(b, "localhost", path("ca.pem"));
    expect_failure(b, "hostname mismatch");
}

static void wrong_address_is_refused(void **state)
{
    struct bench *b = *state;
    serve(b, path("wrong.pem"), path("wrong.key"));
    dial(b, "127.0.0.1", path("ca.pem"));
    expect_failure(b, "IP address mismatch");
}

static void plain_client_at_a_tls_server_fails(void **state)
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    static const struct websocket_events events = { on_open, on_message, on_close };
    char url[64];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u", endpoint_port(b->server));
    struct client_endpoint_settings s = { .url = url, .subprotocols = "ocpp2.0.1", .max_message = 1000 };
    assert_int_equal(client_endpoint_new(b->context, &s, &b->client), 0);
    b->a = websocket_connect(b->client, "CP", NULL, NULL, &events, b);
    RUN_UNTIL(b, b->closes);
    assert_int_equal(b->end.failure, WEBSOCKET_LOST);
}

/* The client is openssl's, limited to TLS 1.1. */
static void old_tls_is_refused(void **state) /* A00.FR.315, A00.FR.418 */
{
    struct bench *b = *state;
    serve(b, path("good.pem"), path("good.key"));
    char command[400];
    uint16_t port = endpoint_port(b->server);
    snprintf(command, sizeof(command),
             "openssl s_client -connect 127.0.0.1:%u -tls1_1 -cipher ALL@SECLEVEL=0 </dev/null >%s 2>&1 &",
             port, path("s_client.log"));
    assert_int_equal(system(command), 0);
    b->timed_out = false;
    env_timer_start(&b->loop.env, &b->timeout, 500);
    while (!b->timed_out)
        run_turn(&b->loop);
    snprintf(command, sizeof(command), "grep -q 'alert protocol version' %s", path("s_client.log"));
    assert_int_equal(system(command), 0);
}

static void servers_that_are_not_good_enough_are_refused(void **state)
{
    static const struct {
        const char *name, *options; /* of openssl's server */
        enum websocket_failure failure;
        const char *text;
    } rows[] = {
        { "good", "", WEBSOCKET_REFUSED, NULL },
        { "good", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", WEBSOCKET_REFUSED,
          NULL }, /* A00.FR.319, A00.FR.422 */
        { "good", "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", WEBSOCKET_REFUSED,
          NULL },                                                                /* A00.FR.319, A00.FR.422 */
        { "rsa", "-tls1_2 -cipher AES128-GCM-SHA256", WEBSOCKET_REFUSED, NULL }, /* A00.FR.319, A00.FR.422 */
        { "rsa", "-tls1_2 -cipher AES256-GCM-SHA384", WEBSOCKET_REFUSED, NULL }, /* A00.FR.319, A00.FR.422 */
        /* A00.FR.313, A00.FR.314, A00.FR.316, A00.FR.416, A00.FR.417, A00.FR.419 */
        { "good", "-tls1_1 -cipher ALL@SECLEVEL=0", WEBSOCKET_TLS_VERSION,
          "the server refuses: protocol version" },
        { "good", "-tls1 -cipher ALL@SECLEVEL=0", WEBSOCKET_TLS_VERSION,
          "the server refuses: protocol version" },
        /* A00.FR.320, A00.FR.323, A00.FR.423, A00.FR.426 */
        { "good", "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", WEBSOCKET_TLS_SUITES,
          "the server refuses: handshake failure" },
        { "rsa", "-tls1_2 -cipher AES128-SHA256", WEBSOCKET_TLS_SUITES,
          "the server refuses: handshake failure" },
        { "rsa", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", WEBSOCKET_TLS_SUITES,
          "the server refuses: handshake failure" },
        /* A00.FR.501, A00.FR.502, A00.FR.504 */
        { "weak", "-cipher ALL@SECLEVEL=0", WEBSOCKET_TLS_CERTIFICATE, "EE certificate key too weak" },
        { "sha1", "-cipher ALL@SECLEVEL=0", WEBSOCKET_TLS_CERTIFICATE,
          "CA signature digest algorithm too weak" },
        { "name", "", WEBSOCKET_REFUSED, NULL },                             /* A00.FR.309, A00.FR.510 */
        { "elsewhere", "", WEBSOCKET_TLS_CERTIFICATE, "hostname mismatch" }, /* A00.FR.412 */
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned int port = serve_openssl(b, rows[i].name, rows[i].options);
        bool is_own = str_equal(rows[i].name, "rsa");
        dial_with(b, "localhost", port,
                  (struct tls_settings){ .ca_file = path(is_own ? "rsa.pem" : "ca.pem") });
        RUN_UNTIL(b, b->closes);
        if (b->end.failure != rows[i].failure || (rows[i].text && !str_equal(b->end_text, rows[i].text)))
            fail_msg("%s %s: %d %s", rows[i].name, rows[i].options, b->end.failure, b->end_text);
        start_again(b);
    }
}

/* A response about another certificate, or of who may not speak for the authority, is no good. */
static void stapled_status_is_judged(void **state) /* A00.FR.310, A00.FR.311 */
{
    static const struct {
        const char *name, *options;
        const char *text; /* NULL: taken */
    } rows[] = {
        { "name", "-status_file s_good.der", NULL },
        { "name", "-tls1_2 -status_file s_good.der", NULL },
        { "name", "-status_file s_helped.der", NULL },
        { "name", "-status_file s_unknown.der", NULL },
        { "name", "-status_file s_later.der", NULL },
        { "name", "-status_file s_revoked.der", "certificate revoked" },
        { "name", "-tls1_2 -status_file s_revoked.der", "certificate revoked" },
        { "name", "-status_file s_revoked2.der", "certificate revoked" },
        { "name", "-status_file s_other.der", "certificate status not valid" },
        { "name", "-status_file s_own.der", "certificate status not valid" },
        { "name", "-status_file s_nohelper.der", "certificate status not valid" },
        { "name", "-status_file s_foreign.der", "certificate status not valid" },
        { "promise", "-status_file s_promise.der", NULL },
        { "promise", "-status_file s_later.der", "certificate promises a status, and none was sent" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned int port = serve_openssl(b, rows[i].name, rows[i].options);
        dial_with(b, "localhost", port, (struct tls_settings){ .ca_file = path("ca.pem") });
        RUN_UNTIL(b, b->closes);
        if (b->end.failure != (rows[i].text ? WEBSOCKET_TLS_CERTIFICATE : WEBSOCKET_REFUSED) ||
            (rows[i].text && !str_equal(b->end_text, rows[i].text)))
            fail_msg("%s %s: %d %s", rows[i].name, rows[i].options, b->end.failure, b->end_text);
        start_again(b);
    }
}

/* One handshake in memory; true if the client takes a server of that certificate as `host`. */
static bool takes(const char *host, const char *certificate, bool allows_wildcards)
{
    struct tls_peer peer = { .host = host };
    struct tls_settings settings = { .ca_file = path("ca.pem"), .allows_wildcards = allows_wildcards };
    char cert[32], key[32];
    snprintf(cert, sizeof(cert), "%s.pem", certificate);
    snprintf(key, sizeof(key), "%s.key", certificate);
    struct tls_settings own = { .cert_file = path(cert), .key_file = path(key) };
    SSL_CTX *contexts[2] = { NULL, SSL_CTX_new(TLS_server_method()) };
    assert_int_equal(tls_client_context(&settings, &peer, NULL, &contexts[0]), 0);
    assert_int_equal(tls_configure_server(contexts[1], &own), 0);
    SSL *client = SSL_new(contexts[0]), *server = SSL_new(contexts[1]);
    BIO *there, *here;
    assert_int_equal(BIO_new_bio_pair(&there, 0, &here, 0), 1);
    SSL_set_bio(client, there, there);
    SSL_set_bio(server, here, here);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < 4; i++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
    }
    bool taken = SSL_is_init_finished(client);
    assert_true(taken || peer.fault == TLS_FAULT_CERTIFICATE);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(contexts[0]);
    SSL_CTX_free(contexts[1]);
    ERR_clear_error();
    return taken;
}

static void wildcards_are_taken_only_if_allowed(void **state) /* A00.FR.309, A00.FR.412 */
{
    static const struct {
        const char *host, *certificate;
        bool is_taken, is_taken_if_allowed;
    } rows[] = {
        { "csms.example.com", "exact", true, true },     { "CSMS.example.com", "exact", true, true },
        { "csms.example.com", "wild", false, true },     { "csms.example.com", "wildcn", false, true },
        { "csms.example.com", "partial", false, false }, { "a.csms.example.com", "wild", false, false },
        { "example.com", "wild", false, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(takes(rows[i].host, rows[i].certificate, false), rows[i].is_taken);
        assert_int_equal(takes(rows[i].host, rows[i].certificate, true), rows[i].is_taken_if_allowed);
    }
}

static void roots_may_be_given_as_text(void **state)
{
    static const struct {
        const char *server, *host, *roots;
        const char *text; /* NULL: connects */
    } rows[] = {
        { "good", "localhost", "ca.pem", NULL },
        { "good", "localhost", "other.pem", "unable to get local issuer certificate" },
        { "good", "localhost", "nothing", "unable to get local issuer certificate" },
        { "below", "localhost", "inter.pem", NULL }, /* an anchor that is not self-signed: M05.FR.13 */
        { "below", "localhost", "ca.pem", "unable to get local issuer certificate" },
        { "address", "127.0.0.1", "ca.pem", NULL }, /* A00.FR.510 */
        { "addressed", "127.0.0.1", "ca.pem", "IP address mismatch" },
        { "elsewhere", "127.0.0.1", "ca.pem", "IP address mismatch" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char cert[32], key[32];
        snprintf(cert, sizeof(cert), "%s.pem", rows[i].server);
        snprintf(key, sizeof(key), "%s.key", rows[i].server);
        serve(b, path(cert), path(key));
        AUTO_FREE char *roots = text_of(rows[i].roots);
        dial_with(b, rows[i].host, endpoint_port(b->server), (struct tls_settings){ .roots_pem = roots });
        RUN_UNTIL(b, b->closes || (b->opens && b->accepts));
        if ((b->opens == 1) != !rows[i].text || (rows[i].text && !str_equal(b->end_text, rows[i].text)))
            fail_msg("%s: %s", rows[i].server, b->end_text);
        start_again(b);
    }
}

/* Tokens lock themselves after a few wrong ones, so one that was refused must not reach the token again, even for another key. */
static void a_refused_pin_is_not_tried_again(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *chain = text_of("client.pem");
    static const struct {
        const char *object, *pin;
        int err;
    } rows[] = {
        { "client", NULL, -EACCES }, { "client", "wrong", -EACCES }, { "missing", "wrong", -EACCES },
        { "missing", "1234", -EIO }, { "client", "1234", 0 },        { "client", "wrong", -EACCES },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char uri[64];
        snprintf(uri, sizeof(uri), "pkcs11:token=gateway;object=%s", rows[i].object);
        struct client_endpoint_settings c = {
            .url = "wss://localhost",
            .subprotocols = "ocpp2.0.1",
            .max_message = 1000,
            .tls = { .roots_pem = chain, .cert_pem = chain, .key = uri, .pin = rows[i].pin }
        };
        struct endpoint *e = NULL;
        assert_int_equal(client_endpoint_new(b->context, &c, &e), rows[i].err);
        endpoint_free(e);
    }
    assert_int_equal(b->context->refused_pin_count, 1);
}

/* And each sees the roots it was made for, whatever another endpoint trusts. */
static void endpoints_that_trust_the_same_share_the_roots(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *ca = text_of("ca.pem"), *other = text_of("other.pem");
    const char *const roots[] = { ca, ca, other, other, NULL, NULL };
    struct endpoint *endpoints[6];
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
        struct client_endpoint_settings c = { .url = "wss://localhost",
                                              .subprotocols = "ocpp2.0.1",
                                              .max_message = 1000,
                                              .tls = { .roots_pem = roots[i] } };
        assert_int_equal(client_endpoint_new(b->context, &c, &endpoints[i]), 0);
    }
    X509_STORE *stores[6];
    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        stores[i] = SSL_CTX_get_cert_store(endpoints[i]->ssl);
    for (size_t i = 0; i < 6; i += 2)
        assert_ptr_equal(stores[i], stores[i + 1]);
    assert_ptr_not_equal(stores[0], stores[2]);
    assert_ptr_not_equal(stores[0], stores[4]);
    endpoint_free(endpoints[0]); /* the other one goes on */
    serve(b, path("good.pem"), path("good.key"));
    dial_with(b, "localhost", endpoint_port(b->server), (struct tls_settings){ .roots_pem = ca });
    RUN_UNTIL(b, b->opens && b->accepts);
    for (size_t i = 1; i < ARRAY_SIZE(roots); i++)
        endpoint_free(endpoints[i]);
}

/* Security profile 3, with the key as text and in a token; and an expired certificate is shown, too. */
static void client_shows_its_certificate(void **state) /* A00.FR.401, A00.FR.402 */
{
    struct bench *b = *state;
    AUTO_FREE char *roots = text_of("ca.pem"), *chain = text_of("client.pem"), *key = text_of("client.key");
    const char *const keys[] = { key, "pkcs11:token=gateway;object=client", "handle:0x81000001" };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        serve_with(b, (struct tls_settings){ .cert_file = path("good.pem"),
                                             .key_file = path("good.key"),
                                             .ca_file = path("ca.pem") });
        dial_with(
            b, "localhost", endpoint_port(b->server),
            (struct tls_settings){ .roots_pem = roots, .cert_pem = chain, .key = keys[i], .pin = "1234" });
        RUN_UNTIL(b, b->opens && b->accepts);
        start_again(b);
    }
}

static void client_without_a_good_certificate_is_refused(void **state) /* A00.FR.407 */
{
    struct bench *b = *state;
    AUTO_FREE char *roots = text_of("ca.pem"), *chain = text_of("other.pem"), *key = text_of("other.key");
    const char *const chains[] = { NULL, chain };
    for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
        serve_with(b, (struct tls_settings){ .cert_file = path("good.pem"),
                                             .key_file = path("good.key"),
                                             .ca_file = path("ca.pem") });
        dial_with(b, "localhost", endpoint_port(b->server),
                  (struct tls_settings){
                      .roots_pem = roots, .cert_pem = chains[i], .key = chains[i] ? key : NULL });
        RUN_UNTIL(b, b->closes);
        assert_true(b->end.failure != WEBSOCKET_CLOSED);
        bool hints = strstr(b->end_text, "our certificate") || strstr(b->end_text, "the server refuses");
        assert_true(hints || !chains[i]);
        assert_int_equal(b->opens + b->accepts, 0);
        start_again(b);
    }
}

/* Whether to take it is for the CSMS to say: openssl's server looks at it and goes on. */
static void an_expired_own_certificate_is_shown_all_the_same(void **state) /* A00.FR.430 */
{
    struct bench *b = *state;
    AUTO_FREE char *chain = text_of("expired.pem"), *key = text_of("expired.key"), *roots = text_of("ca.pem");
    unsigned int port = serve_openssl(b, "name", "-verify 2 -CAfile ca.pem");
    dial_with(b, "localhost", port,
              (struct tls_settings){ .roots_pem = roots, .cert_pem = chain, .key = key });
    RUN_UNTIL(b, b->closes);
    assert_int_equal(b->end.failure, WEBSOCKET_REFUSED);
    char line[200];
    bool seen = false;
    while (!seen && fgets(line, sizeof(line), b->s_server))
        seen = strstr(line, "certificate has expired") != NULL;
    assert_true(seen);
}

/* What the client offers, as it goes over the wire. */
struct hello {
    size_t suites, versions;
    bool ecdsa128, ecdsa256, only_good_suites, only_good_versions, only_null_compression, asks_for_status;
};

static void read_suites(struct reader *r, struct hello *hello)
{
    static const uint16_t good[] = { 0xC02B, 0xC02C, 0xC02F, 0xC030, 0x009C, 0x009D, /* TLS 1.2 */
                                     0x1301, 0x1302, 0x1303,                         /* TLS 1.3 */
                                     0x00FF }; /* says: no renegotiation */
    hello->only_good_suites = true;
    for (size_t left = get_u16be(r); left > 0 && !r->err; left -= 2, hello->suites++) {
        uint16_t suite = get_u16be(r);
        bool is_good = false;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
            is_good |= good[i] == suite;
        hello->only_good_suites &= is_good;
        hello->ecdsa128 |= suite == 0xC02B;
        hello->ecdsa256 |= suite == 0xC02C;
    }
}

static void read_extension(struct reader *r, struct hello *hello)
{
    uint16_t type = get_u16be(r), len = get_u16be(r);
    hello->asks_for_status |= type == 5;
    if (type != 43) {
        (void)get_bytes(r, len);
        return;
    }
    hello->only_good_versions = true;
    for (size_t left = get_u8(r); left > 0 && !r->err; left -= 2, hello->versions++)
        hello->only_good_versions &= get_u16be(r) >= TLS1_2_VERSION;
}

/* ClientHello: record header (5), type and length (4), version (2), random (32), session, suites, compressions, extensions. */
static struct hello read_hello(const uint8_t *bytes, size_t len)
{
    struct hello hello = { 0 };
    struct reader r = { bytes, bytes + len, 0 };
    (void)get_bytes(&r, 5 + 4 + 2 + 32);
    (void)get_bytes(&r, get_u8(&r));
    read_suites(&r, &hello);
    hello.only_null_compression = get_u8(&r) == 1 && get_u8(&r) == 0;
    (void)get_u16be(&r);
    while (r.at < r.end && !r.err)
        read_extension(&r, &hello);
    assert_int_equal(r.err, 0);
    return hello;
}

static void client_offers_only_what_is_secure(
    void **
        state) /* A00.FR.313, A00.FR.319, A00.FR.320, A00.FR.321, A00.FR.416, A00.FR.422, A00.FR.423, A00.FR.424 */
{
    struct bench *b = *state;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    dial_with(b, "127.0.0.1", ntohs(address.sin_port), (struct tls_settings){ .ca_file = path("ca.pem") });

    int fd = -1;
    uint8_t bytes[4096];
    ssize_t got = -1;
    RUN_UNTIL(b, (fd >= 0 || (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) &&
                     (got > 0 || (got = recv(fd, bytes, sizeof(bytes), 0)) > 0));
    struct hello hello = read_hello(bytes, (size_t)got);
    assert_true(hello.ecdsa128 && hello.ecdsa256 && hello.only_good_suites && hello.suites > 2);
    assert_true(hello.only_good_versions && hello.versions == 2);
    assert_true(hello.only_null_compression);
    assert_true(hello.asks_for_status);
    close(fd);
    close(listener);
}

static void a_certificate_of_another_station_is_refused(void **state) /* A00.FR.405 */
{
    struct bench *b = *state;
    AUTO_FREE char *roots = text_of("ca.pem"), *chain = text_of("name.pem"), *key = text_of("name.key");
    serve_with(b, (struct tls_settings){ .cert_file = path("good.pem"),
                                         .key_file = path("good.key"),
                                         .ca_file = path("ca.pem") });
    dial_with(b, "localhost", endpoint_port(b->server),
              (struct tls_settings){ .roots_pem = roots, .cert_pem = chain, .key = key });
    RUN_UNTIL(b, b->closes);
    assert_int_equal(b->end.failure, WEBSOCKET_REFUSED);
    assert_int_equal(b->end.status, 401);
}

static void bad_texts_are_reported_at_once(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *chain = text_of("client.pem"), *key = text_of("client.key"),
                   *other = text_of("other.key");
    const struct tls_settings rows[] = {
        { .roots_pem = "nonsense" },
        { .roots_pem = key },
        { .cert_pem = "nonsense", .key = key },
        { .cert_pem = chain, .key = "nonsense" },
        { .cert_pem = chain, .key = other },
        { .cert_pem = chain, .key = "pkcs11:token=gateway;object=missing", .pin = "1234" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct endpoint *e = NULL;
        struct client_endpoint_settings c = {
            .url = "wss://localhost", .subprotocols = "ocpp2.0.1", .max_message = 1000, .tls = rows[i]
        };
        assert_int_equal(client_endpoint_new(b->context, &c, &e), -EIO);
        assert_null(e);
    }
}

static void bad_files_are_reported_at_once(void **state)
{
    struct bench *b = *state;
    struct endpoint *e = NULL;
    struct client_endpoint_settings c = { .url = "wss://localhost",
                                          .subprotocols = "ocpp2.0.1",
                                          .max_message = 1000 };
    log_set_level(LOG_NET, LOG_ERROR);
    c.tls.ca_file = path("missing.pem");
    assert_int_equal(client_endpoint_new(b->context, &c, &e), -EIO);
    c.tls = (struct tls_settings){ .cert_file = path("good.pem"), .key_file = path("wrong.key") };
    assert_int_equal(client_endpoint_new(b->context, &c, &e), -EIO);
    static const struct websocket_server_events events = { 0 };
    struct server_endpoint_settings s = { .address = "127.0.0.1",
                                          .subprotocols = "x",
                                          .tls_enabled = true,
                                          .tls = { .cert_file = path("ca.key") } };
    assert_int_equal(server_endpoint_new(b->context, &s, &events, NULL, &e), -EIO);
    assert_null(e);
}

int main(void)
{
    /* Else LeakSanitizer looks when the TPM's provider is unloaded and can no longer hold what it has. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(good_certificate_connects_by_name),
        TEST(good_certificate_connects_by_address),
        TEST(rsa_certificate_connects),
        TEST(messages_of_any_size_pass),
        TEST(unknown_authority_is_refused),
        TEST(system_authorities_do_not_know_ours),
        TEST(wrong_name_is_refused),
        TEST(wrong_address_is_refused),
        TEST(plain_client_at_a_tls_server_fails),
        TEST(old_tls_is_refused),
        TEST(servers_that_are_not_good_enough_are_refused),
        TEST(stapled_status_is_judged),
        TEST(wildcards_are_taken_only_if_allowed),
        TEST(roots_may_be_given_as_text),
        TEST(a_refused_pin_is_not_tried_again),
        TEST(endpoints_that_trust_the_same_share_the_roots),
        TEST(client_shows_its_certificate),
        TEST(client_without_a_good_certificate_is_refused),
        TEST(an_expired_own_certificate_is_shown_all_the_same),
        TEST(client_offers_only_what_is_secure),
        TEST(a_certificate_of_another_station_is_refused),
        TEST(bad_texts_are_reported_at_once),
        TEST(bad_files_are_reported_at_once),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
