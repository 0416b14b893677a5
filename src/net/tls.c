#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "net/tls_internal.h"
#include "pki/x509.h"

#define SECURITY_LEVEL 2 /* of OpenSSL: 112 bits, no SHA-1: A00.FR.320, A00.FR.501 */

/* A00.FR.318, A00.FR.319 for TLS 1.2: the four of the specification, and between them the RSA suites with forward
 * secrecy, which it recommends. TLS 1.3 has its own and only good ones. */
#define SUITES                                                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"                                           \
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:AES128-GCM-SHA256:AES256-GCM-SHA384"

static int configure(SSL_CTX *ssl, const struct tls_settings *s)
{
    /* A00.FR.313; compression and renegotiation are ways to attack; buffers are released while a connection is idle,
     * which most are. Sessions are not resumed: reconnects are rare, and tickets would cost memory. */
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ssl, SUITES);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    return tls_use_certificate(ssl, s);
}

static bool is_literal(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* A server that finds no suite among ours says so, by a general alert, before its ServerHello. */
static enum tls_fault fault_of(const SSL *ssl, int where, int alert)
{
    OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);
    bool before_hello = state == TLS_ST_CW_CLNT_HELLO || state == TLS_ST_CR_SRVR_HELLO;
    if (alert == SSL_AD_PROTOCOL_VERSION)
        return TLS_FAULT_VERSION;
    if (alert == SSL_AD_INSUFFICIENT_SECURITY || (alert == SSL_AD_HANDSHAKE_FAILURE && before_hello))
        return TLS_FAULT_SUITES;
    bool is_of_certificate = (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_UNKNOWN_CA &&
                              alert != SSL_AD_ILLEGAL_PARAMETER) ||
                             alert == SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE;
    return is_of_certificate && (where & SSL_CB_WRITE) ? TLS_FAULT_CERTIFICATE : TLS_FAULT_OTHER;
}

/* libwebsockets takes the server name from the Host header, which is wrong for literal addresses (RFC 6066, 3). Alerts
 * tell what the peer or we disliked. */
static void on_info(const SSL *ssl, int where, int value)
{
    struct tls_peer *peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (where & SSL_CB_HANDSHAKE_START) {
        const char *name = is_literal(peer->host) ? NULL : peer->host;
        SSL_set_tlsext_host_name((SSL *)ssl, name);
        peer->error = NULL;
        peer->fault = TLS_FAULT_OTHER;
        peer->is_told = false;
    }
    if (where & SSL_CB_ALERT && value >> 8 == SSL3_AL_FATAL && !peer->error) {
        bool is_closed = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
        peer->error =
            is_closed ? "closed by the server in the TLS handshake" : SSL_alert_desc_string_long(value);
        peer->fault = fault_of(ssl, where, value & 0xFF);
        peer->is_told = (where & SSL_CB_READ) && !is_closed;
    }
}

/* A00.FR.309: the name itself; one that a wildcard covers only where that is allowed. */
static int expect_host(SSL_CTX *ssl, const char *host, bool allows_wildcards)
{
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(rules, allows_wildcards ? X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                                                            : X509_CHECK_FLAG_NO_WILDCARDS);
    int done = is_literal(host) ? X509_VERIFY_PARAM_set1_ip_asc(rules, host)
                                : X509_VERIFY_PARAM_set1_host(rules, host, 0);
    return done == 1 ? 0 : -ENOMEM;
}

/* A00.FR.510 puts the host into the common name, where OpenSSL does not look for an address. A subjectAltName leaves no room for that. */
bool tls_accepts_address(X509_STORE_CTX *path, const struct tls_peer *peer)
{
    X509 *leaf = X509_STORE_CTX_get_current_cert(path);
    if (X509_STORE_CTX_get_error(path) != X509_V_ERR_IP_ADDRESS_MISMATCH ||
        X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0 ||
        X509_check_host(leaf, peer->host, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) != 1)
        return false;
    X509_STORE_CTX_set_error(path, X509_V_OK);
    return true;
}

int tls_client_context(const struct tls_settings *settings, struct tls_peer *peer, SSL_CTX *like,
                       SSL_CTX **ret)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    if (!ssl)
        return -ENOMEM;
    int r = configure(ssl, settings);
    if (r == 0 && like)
        SSL_CTX_set1_cert_store(ssl, SSL_CTX_get_cert_store(like));
    else if (r == 0)
        r = tls_use_roots(ssl, settings);
    if (r == 0)
        r = expect_host(ssl, peer->host, settings->allows_wildcards);
    if (r < 0) {
        SSL_CTX_free(ssl);
        return r;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_app_data(ssl, peer);
    SSL_CTX_set_info_callback(ssl, on_info);
    tls_ask_for_status(ssl);
    *ret = ssl;
    return 0;
}

bool tls_client_is(const SSL *ssl, const char *name)
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    return certificate && pki_name_says(X509_get_subject_name(certificate), NID_commonName, name);
}

int tls_configure_server(SSL_CTX *ssl, const struct tls_settings *settings)
{
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set1_groups_list(ssl, "X25519:P-256:P-384");
    int r = configure(ssl, settings);
    if (r < 0 || !settings->ca_file)
        return r;
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return tls_use_roots(ssl, settings);
}
