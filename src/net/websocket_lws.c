/* libwebsockets' callback for every vhost and protocol: finds the connection and says what happened. Also the server's
 * side of the HTTP handshake. */
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/handshake.h"
#include "net/websocket_internal.h"

static struct endpoint *endpoint_of(struct lws *wsi)
{
    struct lws_vhost *vhost = lws_get_vhost(wsi);
    return vhost ? lws_vhost_user(vhost) : NULL;
}

/* Answers a request with an HTTP status and closes. */
static int refuse_request(struct lws *wsi, int status)
{
    const char *reason = status == 401   ? "Unauthorized"
                         : status == 404 ? "Not Found"
                         : status == 409 ? "Conflict"
                         : status == 426 ? "Upgrade Required"
                                         : "Refused";
    uint8_t response[LWS_PRE + 256];
    int len = snprintf((char *)response + LWS_PRE, sizeof(response) - LWS_PRE,
                       "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n", status, reason,
                       status == 401 ? "WWW-Authenticate: Basic realm=\"OCPP\"\r\n" : "");
    (void)lws_write(wsi, response + LWS_PRE, (size_t)len, LWS_WRITE_HTTP_HEADERS);
    return -1;
}

/* The last segment of the request's path, which libwebsockets has decoded. NULL if there is none. */
static const char *request_identity(struct lws *wsi, char *path, int size)
{
    if (lws_hdr_copy(wsi, path, size, WSI_TOKEN_GET_URI) <= 0)
        return NULL;
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : NULL;
}

/* Part 4, 4.1.2: a client that offers none of ours gets its handshake completed without a subprotocol and is then closed.
 * libwebsockets would drop it; so the last entry of its protocol table takes the name that was offered, and
 * loses it again before the answer is written. */
static void confirm_subprotocol(struct lws *wsi, struct endpoint *e)
{
    char offered[128];
    e->refused_protocol[0] = '\0';
    if (lws_hdr_copy(wsi, offered, sizeof(offered), WSI_TOKEN_PROTOCOL) <= 0)
        return;
    for (const struct lws_protocols *p = e->protocols; p->callback; p++)
        if (p->id && list_has(offered, p->name))
            return;
    offered[strcspn(offered, ", ")] = '\0';
    (void)str_copy(e->refused_protocol, sizeof(e->refused_protocol), offered);
}

static int on_upgrade_request(struct lws *wsi, struct endpoint *e)
{
    char path[512], authorization[512];
    const char *user = NULL, *password = NULL;
    const char *identity = request_identity(wsi, path, sizeof(path));
    if (!identity || e->freed)
        return refuse_request(wsi, 404);
    if (e->wants_certificates && !tls_client_is(lws_get_ssl(wsi), identity))
        return refuse_request(wsi, 401);
    if (lws_hdr_copy(wsi, authorization, sizeof(authorization), WSI_TOKEN_HTTP_AUTHORIZATION) > 0 &&
        !basic_decode(authorization, &user, &password))
        user = password = NULL;

    int status = e->events.on_handshake ? e->events.on_handshake(e->ctx, identity, user, password) : 0;
    OPENSSL_cleanse(authorization, sizeof(authorization));
    if (status)
        return refuse_request(wsi, status);
    confirm_subprotocol(wsi, e);
    return 0;
}

static int on_server_established(struct lws *wsi, struct endpoint *e)
{
    char path[512];
    const char *identity = request_identity(wsi, path, sizeof(path));
    struct websocket *ws = identity ? websocket_of_server(e, wsi) : NULL;
    if (!ws)
        return -1;
    ws->deflate = STEAL(e->negotiated);
    if (lws_get_protocol(wsi)->id) {
        (void)str_copy(ws->subprotocol, sizeof(ws->subprotocol), lws_get_protocol(wsi)->name);
        e->events.on_accept(e->ctx, ws, identity);
    } else {
        websocket_free(ws, LWS_CLOSE_STATUS_PROTOCOL_ERR);
    }
    return 0;
}

static int append_headers(struct websocket *ws, struct lws *wsi, unsigned char **at, size_t len)
{
    if (ws->phase == PHASE_TLS)
        ws->phase = PHASE_HANDSHAKE;
    if (!ws->attempt || !ws->attempt->authorization)
        return 0;
    const char *value = ws->attempt->authorization;
    return lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, (const unsigned char *)value,
                                        (int)strlen(value), at, *at + len);
}

/* What concerns a server before there is a websocket. */
static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in)
{
    struct endpoint *e = endpoint_of(wsi);
    switch ((int)reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS: /* the vhost is being made */
        e = lws_vhost_user(in);
        return tls_configure_server(user, e->tls_settings);
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return e->freed;
    case LWS_CALLBACK_HTTP:
        return refuse_request(wsi, 426);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade_request(wsi, e);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* extensions are negotiated next */
        e->refused_protocol[0] = '\0';
        e->negotiated = NULL;
        return 0;
    case LWS_CALLBACK_ESTABLISHED:
        return on_server_established(wsi, e);
    default:
        return 0;
    }
}

/* libwebsockets has one text for a port where no one listens and for a peer that hangs up. */
static const char *failure_text(const char *text)
{
    return !text                                          ? "connection failed"
           : str_equal(text, "closed before established") ? "connection refused or cut off"
                                                          : text;
}

/* What concerns a websocket. */
static int websocket_reason(struct websocket *ws, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                            size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_WSI_CREATE: /* client: TCP is up */
        websocket_on_connected(ws);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return append_headers(ws, wsi, in, len);
    case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
        if (lws_hdr_copy(wsi, ws->subprotocol, sizeof(ws->subprotocol), WSI_TOKEN_PROTOCOL) <= 0)
            ws->subprotocol[0] = '\0';
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        websocket_on_failure(ws, (int)lws_http_client_http_response(wsi), failure_text(in));
        return 0;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: /* no answer to our request */
        websocket_on_failure(ws, 0, "connection closed in the handshake");
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        websocket_on_open(ws);
        return 0;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE:
        websocket_on_receive(ws, in, len);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        ws->silent = false;
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return websocket_on_writable(ws);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return websocket_on_peer_close(ws, in, len);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        websocket_on_closed(ws);
        return 0;
    default:
        return 0;
    }
}

int websocket_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION) {
        struct endpoint *e = endpoint_of(wsi);
        if (!len && e && !tls_accepts_address(user, &e->peer)) { /* len: OpenSSL found the certificate good */
            e->peer.error = X509_verify_cert_error_string(X509_STORE_CTX_get_error(user));
            e->peer.fault = TLS_FAULT_CERTIFICATE;
        }
        return 0;
    }
    /* lws_get_opaque_user_data() may be that of a connection which failed inside lws_client_connect_via_info(), and is
     * then stale: that one gets LWS_CALLBACK_WSI_DESTROY only. */
    if (reason == LWS_CALLBACK_WSI_DESTROY)
        return 0;
    struct websocket *ws = lws_get_opaque_user_data(wsi);
    return ws ? websocket_reason(ws, wsi, reason, in, len) : server_callback(wsi, reason, user, in);
}
