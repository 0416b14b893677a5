/* The libwebsockets context on our loop, and endpoints: one vhost each. */
#include <assert.h>
#include <openssl/evp.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/listen.h"
#include "net/websocket_internal.h"

/* libwebsockets holds two tables by the process's limit of open files, and searches them one by one if it is told to use
 * less. 16 bytes each: 128 KiB. */
#define DESCRIPTORS_MAX 8192
#define RECEIVE_SIZE    1024  /* of each connection, in one piece */
#define SEND_SIZE       65536 /* in one system call */
#define SCRATCH_SIZE    8192  /* of the context: handshakes are written in it */
#define HANDSHAKE_S     20
#define SUBPROTOCOLS    4

const lws_retry_bo_t no_keepalive = { 0 };

static void write_log(int level, const char *line)
{
    (void)level;
    int len = (int)strcspn(line, "\r\n");
    if (len)
        log_debug(LOG_NET, "libwebsockets: %.*s", len, line);
}

static struct lws_context *create_context(struct loop *loop)
{
    void *loops[] = { &loop->uv };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
        .foreign_loops = loops,
        .pt_serv_buf_size = SCRATCH_SIZE,
        .timeout_secs = HANDSHAKE_S,
        .retry_and_idle_policy = &no_keepalive,
        .server_string = "ocpp-gateway",
    };
    lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, write_log);

    struct rlimit files, fewer;
    getrlimit(RLIMIT_NOFILE, &files);
    fewer = files;
    if (fewer.rlim_cur > DESCRIPTORS_MAX)
        fewer.rlim_cur = DESCRIPTORS_MAX;
    setrlimit(RLIMIT_NOFILE, &fewer);
    struct lws_context *lws = lws_create_context(&info);
    setrlimit(RLIMIT_NOFILE, &files);
    return lws;
}

int websocket_context_new(struct loop *loop, struct websocket_context **ret)
{
    struct websocket_context *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->loop = loop;
    list_init(&c->endpoints);
    c->lws = create_context(loop);
    if (!c->lws) {
        log_error(LOG_NET,
                  "libwebsockets does not start; is its libuv plugin (libwebsockets-evlib-uv) installed?");
        free(c);
        return -ENOSYS;
    }
    *ret = c;
    return 0;
}

static void find_closing(uv_handle_t *handle, void *ctx)
{
    *(bool *)ctx |= uv_is_closing(handle) != 0;
}

/* On a loop not its own, libwebsockets is destroyed in two steps, between which its handles must close. */
void websocket_context_free(struct websocket_context *c)
{
    if (!c)
        return;
    while (c->websockets) /* each ends by its timer at the latest */
        uv_run(&c->loop->uv, UV_RUN_ONCE);
    lws_context_destroy(c->lws);
    bool closing = true;
    while (closing) {
        uv_run(&c->loop->uv, UV_RUN_NOWAIT);
        closing = false;
        uv_walk(&c->loop->uv, find_closing, &closing);
    }
    lws_context_destroy(c->lws); /* finishes the endpoints, too */
    assert(list_is_empty(&c->endpoints));
    deflater_free(c->deflater);
    free(c);
}

static void endpoint_clear(struct endpoint *e)
{
    list_remove(&e->link);
    SSL_CTX_free(e->ssl);
    free(e->protocols);
    free(e->host_header);
    free(e->subprotocols);
    free(e->address);
    free(e);
}

/* libwebsockets is done with the vhost; also when it could not make it. */
static void on_vhost_gone(struct lws_vhost *vhost, void *ctx)
{
    (void)vhost;
    struct endpoint *e = ctx;
    if (e->vhost)
        endpoint_clear(e);
}

static struct endpoint *endpoint_new(struct websocket_context *context, const char *subprotocols,
                                     size_t max_message, bool compression)
{
    struct endpoint *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->context = context;
    e->max_message = max_message;
    e->compression = compression;
    if (compression)
        e->extensions[0] = websocket_deflate_extension();
    list_append(&context->endpoints, &e->link);
    e->subprotocols = strdup(subprotocols);
    if (!e->subprotocols) {
        endpoint_clear(e);
        return NULL;
    }
    return e;
}

static struct lws_protocols protocol(const char *name, unsigned int id)
{
    return (struct lws_protocols){ .name = name,
                                   .callback = websocket_callback,
                                   .rx_buffer_size = RECEIVE_SIZE,
                                   .tx_packet_size = SEND_SIZE,
                                   .id = id };
}

/* Fills in what both kinds share and makes the vhost. 0, or -EIO; the endpoint is cleared then. */
static int create_vhost(struct endpoint *e, struct lws_context_creation_info *info)
{
    info->user = e;
    info->finalize = on_vhost_gone;
    info->finalize_arg = e;
    info->extensions = e->compression ? e->extensions : NULL;
    info->options |= e->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0;
    info->provided_client_ssl_ctx = e->ssl;
    info->alpn = "http/1.1";
    info->http_proxy_address = ""; /* none; NULL would mean the one of the environment */
    info->timeout_secs = HANDSHAKE_S;
    info->connect_timeout_secs = HANDSHAKE_S;
    info->retry_and_idle_policy = &no_keepalive;
    e->vhost = lws_create_vhost(e->context->lws, info);
    return e->vhost ? 0 : -EIO;
}

/* The context of another client that trusts the same roots, or NULL. */
static SSL_CTX *find_like(const struct endpoint *e)
{
    LIST_FOREACH(link, following, &e->context->endpoints)
    {
        const struct endpoint *other = LIST_ITEM(link, struct endpoint, link);
        if (e->roots.is_known && other->roots.is_known && other->ssl &&
            memcmp(e->roots.hash, other->roots.hash, sizeof(e->roots.hash)) == 0)
            return other->ssl;
    }
    return NULL;
}

static void hash_pin(const char *pin, unsigned char ret[static 32])
{
    if (EVP_Digest(pin, strlen(pin), ret, NULL, EVP_sha256(), NULL) != 1)
        memset(ret, 0, 32);
}

/* Tokens lock themselves after a few wrong PINs, and stations try to connect for ever: a PIN that was refused is not tried again, by
 * whichever station. Another one, after a reload, is. */
static int create_client_context(struct endpoint *e, const struct tls_settings *settings)
{
    struct websocket_context *c = e->context;
    unsigned char pin[32];
    bool has_pin = settings->key && settings->pin;
    if (has_pin) {
        hash_pin(settings->pin, pin);
        for (size_t i = 0; i < REFUSED_PINS_MAX; i++)
            if (i < c->refused_pin_count && memcmp(c->refused_pins[i], pin, sizeof(pin)) == 0)
                return -EACCES;
    }
    int r = tls_client_context(settings, &e->peer, find_like(e), &e->ssl);
    if (r == -EACCES && has_pin) {
        memcpy(c->refused_pins[c->refused_pin_count % REFUSED_PINS_MAX], pin, sizeof(pin));
        c->refused_pin_count++;
        log_error(LOG_NET, "the token refused its PIN, which is not tried again: key=%s", settings->key);
    }
    return r;
}

static int client_endpoint_init(struct endpoint *e, const struct client_endpoint_settings *settings)
{
    const char *problem;
    if (url_parse(settings->url, &e->url, &problem) < 0) {
        log_error(LOG_NET, "cannot read the URL: url=%s: %s", settings->url, problem);
        return -EINVAL;
    }
    struct buf header;
    buf_init(&header, sizeof(e->url.host) + 16);
    url_host_header(&e->url, &header);
    e->host_header = buf_steal(&header);
    buf_done(&header);
    if (!e->host_header)
        return -ENOMEM;

    e->tls = e->url.tls;
    e->peer.host = e->url.host;
    e->roots = tls_roots_of(&settings->tls);
    int r = e->tls ? create_client_context(e, &settings->tls) : 0;
    if (r < 0)
        return r;
    struct lws_protocols protocols[] = { protocol("client", 0), { 0 } };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .vhost_name = e->host_header,
    };
    return create_vhost(e, &info);
}

int client_endpoint_new(struct websocket_context *context, const struct client_endpoint_settings *settings,
                        struct endpoint **ret)
{
    struct endpoint *e =
        endpoint_new(context, settings->subprotocols, settings->max_message, settings->compression);
    if (!e)
        return -ENOMEM;
    int r = client_endpoint_init(e, settings);
    if (r < 0) {
        endpoint_clear(e);
        return r;
    }
    *ret = e;
    return 0;
}

/* One entry for those who offer no subprotocol, one for each of ours, one for those who offer others only. */
static int make_protocols(struct endpoint *e)
{
    struct lws_protocols *p = calloc(SUBPROTOCOLS + 3, sizeof(*p));
    if (!p)
        return -ENOMEM;
    e->protocols = p;
    *p++ = protocol("", 0);
    char *rest = e->subprotocols;
    for (char *name; (name = strsep(&rest, ", "));)
        if (*name && p < e->protocols + 1 + SUBPROTOCOLS)
            *p++ = protocol(name, 1);
    *p++ = protocol(e->refused_protocol, 0);
    return 0;
}

/* libwebsockets does not tell why it cannot listen. */
static int check_address(const char *address, uint16_t port)
{
    int fd = listen_socket(address, port);
    if (fd < 0) {
        log_error(LOG_NET, "cannot listen: address=%s port=%u: %s", address, port, err_text(fd));
        return fd;
    }
    close(fd);
    return 0;
}

/* libwebsockets swallows why it cannot use a certificate: the files are tried before. */
static int check_files(struct endpoint *e, const struct server_endpoint_settings *settings)
{
    if (!e->tls)
        return 0;
    e->tls_settings = &settings->tls;
    e->ssl = SSL_CTX_new(TLS_method());
    return e->ssl ? tls_configure_server(e->ssl, &settings->tls) : -ENOMEM;
}

static int server_endpoint_init(struct endpoint *e, const struct server_endpoint_settings *settings)
{
    e->tls = settings->tls_enabled;
    e->wants_certificates = e->tls && settings->tls.ca_file;
    e->address = strdup(settings->address);
    int r = e->address ? make_protocols(e) : -ENOMEM;
    if (r == 0)
        r = check_address(settings->address, settings->port);
    if (r == 0)
        r = check_files(e, settings);
    if (r < 0)
        return r;

    bool any = str_equal(e->address, "0.0.0.0") || str_equal(e->address, "::");
    bool v6 = strchr(e->address, ':') != NULL;
    struct lws_context_creation_info info = {
        .port = settings->port,
        .iface = any ? NULL : e->address,
        .protocols = e->protocols,
        .vhost_name = e->address,
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | (v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) |
                   (e->tls ? LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX : 0),
    };
    r = create_vhost(e, &info);
    e->tls_settings = NULL;
    return r;
}

int server_endpoint_new(struct websocket_context *context, const struct server_endpoint_settings *settings,
                        const struct websocket_server_events *events, void *ctx, struct endpoint **ret)
{
    struct endpoint *e =
        endpoint_new(context, settings->subprotocols, settings->max_message, settings->compression);
    if (!e)
        return -ENOMEM;
    e->events = *events;
    e->ctx = ctx;
    int r = server_endpoint_init(e, settings);
    if (r < 0) {
        endpoint_clear(e);
        return r;
    }
    *ret = e;
    return 0;
}

static void destroy_if_unused(struct endpoint *e)
{
    if (e->freed && e->websockets == 0)
        lws_vhost_destroy(
            e->vhost); /* ends in on_vhost_gone(), later if HTTP requests or a listener are there */
}

void endpoint_release(struct endpoint *e)
{
    e->websockets--;
    e->context->websockets--;
    destroy_if_unused(e);
}

void endpoint_free(struct endpoint *e)
{
    if (!e || e->freed)
        return;
    e->freed = true;
    destroy_if_unused(e);
}

uint16_t endpoint_port(const struct endpoint *e)
{
    return e->address ? (uint16_t)lws_get_vhost_listen_port(e->vhost) : e->url.port;
}

bool endpoint_is_tls(const struct endpoint *e)
{
    return e->tls;
}
