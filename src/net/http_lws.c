/* libwebsockets' callback for HTTP servers: finds the connection and says what happened. */
#include "net/http_internal.h"

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) /* the vhost is being made */
        return http_tls_attach(lws_vhost_user(in), user);
    /* What is the context's, libwebsockets tells the first vhost it has: certificates of the CSMS, too. */
    const struct lws_protocols *protocol = wsi ? lws_get_protocol(wsi) : NULL;
    if (!protocol || protocol->callback != http_callback)
        return wsi ? websocket_callback(wsi, reason, user, in, len) : 0;
    struct http_connection *connection = lws_get_opaque_user_data(wsi); /* none while it is adopted */
    if (!connection)
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_RAW_RX:
        return http_connection_on_read(connection, in, len);
    case LWS_CALLBACK_RAW_WRITEABLE:
        return http_connection_on_writable(connection);
    case LWS_CALLBACK_RAW_CLOSE:
        http_connection_on_close(connection);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        http_connection_on_gone(connection);
        return 0;
    default:
        return 0;
    }
}
