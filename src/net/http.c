/* HTTP servers: a vhost of libwebsockets each, and listening of our own, since libwebsockets gives an address back only with its context. */
#include "net/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/http_internal.h"
#include "net/local.h"

#define ACCEPT_AGAIN_MS 100

static const struct http_patience patience = {
    .head_ms = 10000,
    .body_ms = 60000,
    .body_pause_ms = 20000,
    .idle_ms = 60000,
    .answer_ms = 60000,
    .linger_ms = 2000,
};

/* ---- connections ---- */

static void on_connection(void *ctx, struct listener *listener)
{
    http_connection_new(ctx, listener_take(listener));
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

/* libuv wants a handle to accept with; libwebsockets wants the descriptor. Who is not accepted now is tried again: libuv tells of nobody else before. */
static void on_local_connection(uv_stream_t *pipe, int status)
{
    struct http_server *s = pipe->data;
    uv_pipe_t *accepted = status == 0 && s ? malloc(sizeof(*accepted)) : NULL;
    uv_os_fd_t fd;
    if (!accepted || uv_pipe_init(pipe->loop, accepted, 0) < 0) {
        free(accepted);
        if (status == 0 && s)
            env_timer_start(&s->context->loop->env, &s->accept_again, ACCEPT_AGAIN_MS);
        return;
    }
    if (uv_accept(pipe, (uv_stream_t *)accepted) == 0 && uv_fileno((uv_handle_t *)accepted, &fd) == 0) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (own >= 0)
            http_connection_new(s, own);
    }
    uv_close((uv_handle_t *)accepted, free_handle);
}

static void on_turn(struct timer *timer, void *ctx)
{
    (void)timer;
    http_connection_serve_next(ctx);
}

static void on_accept_again(struct timer *timer, void *ctx)
{
    struct http_server *s = ctx;
    (void)timer;
    on_local_connection((uv_stream_t *)s->pipe, 0);
}

static int listen_local(struct http_server *s, const char *path)
{
    s->pipe = malloc(sizeof(*s->pipe));
    if (!s->pipe)
        return -ENOMEM;
    int r = uv_pipe_init(&s->context->loop->uv, s->pipe, 0);
    if (r < 0) {
        free(STEAL(s->pipe));
        return r;
    }
    s->pipe->data = s;
    return local_listen(s->pipe, path, on_local_connection);
}

/* ---- the vhost ---- */

static void server_clear(struct http_server *s)
{
    timer_stop(&s->destroy);
    SSL_CTX_free(s->certificate);
    free(s);
}

static void on_vhost_gone(struct lws_vhost *vhost, void *ctx)
{
    struct http_server *s = ctx;
    (void)vhost;
    if (!s->vhost)
        return; /* it could not be made */
    server_clear(s);
}

static void on_destroy(struct timer *timer, void *ctx)
{
    (void)timer;
    struct http_server *s = ctx;
    LIST_FOREACH(link, following, &s->connections)
    http_connection_kill(LIST_ITEM(link, struct http_connection, link));
    lws_vhost_destroy(s->vhost);
}

static int make_vhost(struct http_server *s)
{
    s->protocols[0] = (struct lws_protocols){
        .name = "http",
        .callback = http_callback,
        .rx_buffer_size = HTTP_CHUNK,
        .tx_packet_size = HTTP_CHUNK,
    };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = s->protocols,
        .vhost_name = "http",
        .user = s,
        .finalize = on_vhost_gone,
        .finalize_arg = s,
        .options = s->certificate
                       ? LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT
                       : 0,
        .alpn = "http/1.1",
        .http_proxy_address = "",
        .retry_and_idle_policy = &no_keepalive,
    };
    s->vhost = lws_create_vhost(s->context->lws, &info);
    return s->vhost ? 0 : -ENOMEM;
}

/* ---- life ---- */

int http_server_new(struct websocket_context *context, const struct http_server_settings *settings,
                    const struct http_events *events, void *ctx, struct http_server **ret)
{
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->context = context;
    s->events = *events;
    s->ctx = ctx;
    s->patience = patience;
    list_init(&s->connections);
    timer_init(&s->destroy, context->loop->env.timers, on_destroy, s);
    list_init(&s->queue);
    timer_init(&s->turn, context->loop->env.timers, on_turn, s);
    timer_init(&s->accept_again, context->loop->env.timers, on_accept_again, s);
    bool is_tls = settings->cert_pem || settings->key_pem;
    int r = is_tls ? http_tls_read(settings->cert_pem, settings->key_pem, &s->certificate) : 0;
    if (r == 0)
        r = make_vhost(s);
    if (r < 0) {
        server_clear(s);
        return r;
    }
    r = settings->socket_path
            ? listen_local(s, settings->socket_path)
            : listener_new(context->loop, settings->address, settings->port, on_connection, s, &s->listener);
    if (r < 0) {
        http_server_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void http_server_free(struct http_server *s)
{
    if (!s || s->freed)
        return;
    s->freed = true;
    listener_free(s->listener);
    timer_stop(&s->accept_again);
    timer_stop(&s->turn);
    if (s->pipe) {
        s->pipe->data = NULL;
        uv_close((uv_handle_t *)s->pipe, free_handle);
    }
    LIST_FOREACH(link, following, &s->connections)
    http_connection_forget_server(LIST_ITEM(link, struct http_connection, link));
    env_timer_start(&s->context->loop->env, &s->destroy, 0);
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->listener ? listener_port(s->listener) : 0;
}

int http_server_set_certificate(struct http_server *s, const char *cert_pem, const char *key_pem)
{
    SSL_CTX *certificate = NULL;
    int r = s->certificate ? http_tls_read(cert_pem, key_pem, &certificate) : -EINVAL;
    if (r < 0)
        return r;
    SSL_CTX_free(s->certificate);
    s->certificate = certificate;
    return 0;
}
