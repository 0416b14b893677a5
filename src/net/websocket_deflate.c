#include "net/websocket_deflate.h"

#include "net/websocket_internal.h"

#define RSV1        0x40 /* in a frame's first byte */
#define OPCODE_TEXT 1

enum option { SERVER_FORGETS, CLIENT_FORGETS };

static const struct lws_ext_options options[] = {
    [SERVER_FORGETS] = { "server_no_context_takeover", EXTARG_NONE },
    [CLIENT_FORGETS] = { "client_no_context_takeover", EXTARG_NONE },
    { "server_max_window_bits", EXTARG_OPT_DEC },
    { "client_max_window_bits", EXTARG_OPT_DEC },
    { NULL, EXTARG_NONE },
};

static void deflate_free(struct websocket_deflate *d)
{
    if (d)
        inflater_free(d->inflater);
    free(d);
}

/* A client's connection has its websocket already; a server's gets it a little later from the endpoint. */
static struct websocket_deflate *construct(struct lws *wsi, bool client)
{
    struct websocket_deflate *d = calloc(1, sizeof(*d));
    if (!d || !(d->inflater = inflater_new())) {
        deflate_free(d);
        return NULL;
    }
    struct websocket *ws = lws_get_opaque_user_data(wsi);
    struct endpoint *e = lws_vhost_user(lws_get_vhost(wsi));
    if (client && ws)
        ws->deflate = d;
    else if (!client)
        e->negotiated = d;
    return d;
}

static void destroy(struct lws *wsi, struct websocket_deflate *d)
{
    struct websocket *ws = lws_get_opaque_user_data(wsi);
    if (ws)
        ws->deflate = NULL;
    deflate_free(d);
}

/* 0: agreed. Window sizes are not echoed: any window of the peer's is inflated, and ours is small enough. */
static int set_option(struct websocket_deflate *d, struct lws *wsi, int option)
{
    struct endpoint *e = lws_vhost_user(lws_get_vhost(wsi));
    if (option == (e->address ? CLIENT_FORGETS : SERVER_FORGETS))
        d->peer_forgets = true;
    return option != SERVER_FORGETS && option != CLIENT_FORGETS;
}

/* In the first byte of a frame: text frames of a compressed message carry RSV1, continuations and control frames do not. */
static void mark(struct websocket_deflate *d, unsigned char *frame)
{
    if (d->marking && (frame[0] & 0x0f) == OPCODE_TEXT)
        frame[0] |= RSV1;
}

/* Foreign signature: lws_extension_callback_function. */
static int on_extension(struct lws_context *context, const struct lws_extension *extension, struct lws *wsi,
                        enum lws_extension_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)context;
    (void)extension;
    (void)len;
    switch (reason) {
    case LWS_EXT_CB_CONSTRUCT:
    case LWS_EXT_CB_CLIENT_CONSTRUCT:
        *(const struct lws_ext_options **)in = options;
        *(void **)user = construct(wsi, reason == LWS_EXT_CB_CLIENT_CONSTRUCT);
        return *(void **)user ? 0 : -1;
    case LWS_EXT_CB_DESTROY:
        destroy(wsi, user);
        return 0;
    case LWS_EXT_CB_OPTION_SET:
        return set_option(user, wsi, ((struct lws_ext_option_arg *)in)->option_index);
    case LWS_EXT_CB_PACKET_TX_PRESEND:
        mark(user, ((struct lws_tokens *)in)->token);
        return 0;
    default:
        return 0;
    }
}

struct lws_extension websocket_deflate_extension(void)
{
    return (struct lws_extension){
        .name = "permessage-deflate",
        .callback = on_extension,
        .client_offer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    };
}
