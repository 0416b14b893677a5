/* Where chargers connect to: a WebSocket server, and the way of each charger's messages to its device.
 *
 *   handshake: is the identity one of ours, and the password right -> link -> device (engine.h)
 *
 * A link belongs to the device that had the identity when it was opened. A charger that connects again takes the place of its former
 * connection, which may be dead without knowing. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "driver/driver.h"
#include "driver/ocpp16/engine.h"

#define PING_MS          30000
#define LISTEN_AGAIN_MS  5000
#define REFUSED_LOG_MS   60000 /* refused connections are told once in that time */
#define MAX_HANDSHAKES   30    /* of a charger in that time */
#define CLOSE_REPLACED   1000
#define CLOSE_GOING_AWAY 1001

struct ocpp16_server {
    struct loop *loop;
    struct websocket_context *websockets;
    char *address, *cert_file, *key_file;
    uint16_t port;
    bool tls_enabled;
    struct endpoint *endpoint;
    struct timer listen_timer;
    bool told; /* that it cannot listen */
    struct list seats;
    int64_t refused_ms; /* when a refusal was told */
    uint64_t refused;   /* since then */
    struct bus_counters counters;
};

/* A device on the server. */
struct seat {
    struct list link;
    struct ocpp16_server *server;
    struct device *device;
    char *password; /* or NULL */
    struct websocket *websocket;
    int64_t handshakes_ms;
    int handshakes;
};

/* ---- the link ---- */

static int link_send(void *ctx, const char *text, size_t len)
{
    struct seat *seat = ctx;
    return seat->websocket ? websocket_send(seat->websocket, text, len) : -ENOTCONN;
}

static void link_close(void *ctx, int code)
{
    struct seat *seat = ctx;
    if (!seat->websocket)
        return;
    websocket_close(seat->websocket, code);
    if (code == OCPP16_CLOSE_FLOOD) { /* else it comes again at once, and again */
        seat->handshakes_ms = env_now_ms(&seat->server->loop->env);
        seat->handshakes = MAX_HANDSHAKES;
    }
}

static const struct ocpp16_link seat_link = { link_send, link_close };

static void on_message(void *ctx, const char *text, size_t len)
{
    struct seat *seat = ctx;
    ocpp16_on_message(seat->device, text, len);
}

static void drop_link(struct seat *seat, int code)
{
    struct websocket *websocket = STEAL(seat->websocket);
    if (!websocket)
        return;
    websocket_free(websocket, code);
    ocpp16_on_closed(seat->device);
}

static void on_close(void *ctx, const struct websocket_end *end)
{
    struct seat *seat = ctx;
    log_info(LOG_OCPP16, "charger has disconnected: charger=%s code=%d reason=\"%s\"",
             ocpp16_identity(seat->device), end->status, end->text);
    drop_link(seat, CLOSE_REPLACED);
}

static const struct websocket_events websocket_events = { NULL, on_message, on_close };

/* ---- handshakes ---- */

/* Of two with an identity, while one is being replaced, the newer. */
static struct seat *find_seat(const struct ocpp16_server *server, const char *identity)
{
    struct seat *found = NULL;
    LIST_FOREACH(link, next, (struct list *)&server->seats)
    {
        struct seat *seat = LIST_ITEM(link, struct seat, link);
        if (str_equal(ocpp16_identity(seat->device), identity))
            found = seat;
    }
    return found;
}

static int refuse(struct ocpp16_server *server, const char *identity, int status)
{
    int64_t now_ms = env_now_ms(&server->loop->env);
    char shown[OCPP16_IDENTITY_SIZE];
    server->refused++;
    if (server->refused_ms && now_ms - server->refused_ms < REFUSED_LOG_MS)
        return status;
    (void)str_copy(shown, sizeof(shown), identity);
    str_make_harmless(shown);
    log_warn(LOG_OCPP16, "connection of a charger is refused: charger=\"%s\" status=%d since_last_told=%llu",
             shown, status, (unsigned long long)server->refused);
    server->refused_ms = now_ms;
    server->refused = 0;
    return status;
}

static bool knows_password(const struct seat *seat, const char *user, const char *password)
{
    if (!seat->password)
        return true;
    size_t len = strlen(seat->password);
    return user && password && str_equal(user, ocpp16_identity(seat->device)) && strlen(password) == len &&
           bytes_equal_constant_time(password, seat->password, len);
}

static bool connects_too_often(struct seat *seat)
{
    int64_t now_ms = env_now_ms(&seat->server->loop->env);
    if (seat->handshakes == 0 || now_ms - seat->handshakes_ms >= REFUSED_LOG_MS) {
        seat->handshakes_ms = now_ms;
        seat->handshakes = 0;
    }
    return seat->handshakes++ >= MAX_HANDSHAKES;
}

static int on_handshake(void *ctx, const char *identity, const char *user, const char *password)
{
    struct ocpp16_server *server = ctx;
    struct seat *seat = find_seat(server, identity);
    if (!seat)
        return refuse(server, identity, 404);
    if (!knows_password(seat, user, password))
        return refuse(server, identity, 401);
    return connects_too_often(seat) ? refuse(server, identity, 503) : 0;
}

static void on_accept(void *ctx, struct websocket *websocket, const char *identity)
{
    struct ocpp16_server *server = ctx;
    struct seat *seat = find_seat(server, identity);
    if (!seat) {
        websocket_free(websocket, CLOSE_GOING_AWAY);
        return;
    }
    log_info(LOG_OCPP16, "charger has connected: charger=%s", identity);
    drop_link(seat, CLOSE_REPLACED);
    seat->websocket = websocket;
    websocket_set_events(websocket, &websocket_events, seat);
    websocket_set_ping_interval(websocket, PING_MS);
    ocpp16_on_open(seat->device, &seat_link, seat);
}

static const struct websocket_server_events server_events = { on_handshake, on_accept };

/* ---- listening ---- */

static void start_listening(struct ocpp16_server *server)
{
    struct server_endpoint_settings settings = {
        .address = server->address,
        .port = server->port,
        .subprotocols = "ocpp1.6",
        .tls_enabled = server->tls_enabled,
        .tls = { .cert_file = server->cert_file, .key_file = server->key_file },
        .max_message = OCPP16_MAX_MESSAGE,
    };
    int r = server_endpoint_new(server->websockets, &settings, &server_events, server, &server->endpoint);
    if (r == 0) {
        log_info(LOG_OCPP16, "chargers may connect: address=%s port=%u tls=%d", server->address,
                 endpoint_port(server->endpoint), server->tls_enabled);
        server->told = false;
        return;
    }
    if (!server->told)
        log_error(LOG_OCPP16, "cannot listen for chargers: address=%s port=%u error=\"%s\"", server->address,
                  server->port, err_text(r));
    server->told = true;
    env_timer_start(&server->loop->env, &server->listen_timer, LISTEN_AGAIN_MS);
}

static void on_listen_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    start_listening(ctx);
}

/* ---- life ---- */

DEFINE_AUTO(ocpp16_server, ocpp16_server_free)

struct ocpp16_server *ocpp16_server_new(struct loop *loop, struct websocket_context *websockets,
                                        const struct ocpp16_settings *settings)
{
    AUTO(ocpp16_server) *server = calloc(1, sizeof(*server));
    if (!server)
        return NULL;
    server->loop = loop;
    server->websockets = websockets;
    server->port = settings->port;
    list_init(&server->seats);
    timer_init(&server->listen_timer, loop->env.timers, on_listen_timer, server);
    server->address = strdup(settings->address);
    server->tls_enabled = settings->cert_file != NULL;
    server->cert_file = settings->cert_file ? strdup(settings->cert_file) : NULL;
    server->key_file = settings->key_file ? strdup(settings->key_file) : NULL;
    if (!server->address || (settings->cert_file && !server->cert_file) ||
        (settings->key_file && !server->key_file))
        return NULL;
    start_listening(server);
    return STEAL(server);
}

void ocpp16_server_free(struct ocpp16_server *server)
{
    if (!server)
        return;
    timer_stop(&server->listen_timer);
    if (server->endpoint)
        endpoint_free(server->endpoint);
    free(server->address);
    free(server->cert_file);
    free(server->key_file);
    free(server);
}

const struct bus_counters *ocpp16_server_counters(struct ocpp16_server *server)
{
    server->counters = (struct bus_counters){ 0 };
    LIST_FOREACH(link, next, &server->seats)
    {
        const struct seat *seat = LIST_ITEM(link, struct seat, link);
        const struct device_health *health = ocpp16_device_ops.health(seat->device);
        server->counters.requests += health->requests;
        server->counters.answers += health->answers;
        server->counters.timeouts += health->timeouts;
        server->counters.exceptions += health->exceptions;
        server->counters.bad_frames += health->bad_frames;
    }
    return &server->counters;
}

static void on_device_free(void *ctx)
{
    struct seat *seat = ctx;
    websocket_free(STEAL(seat->websocket), CLOSE_GOING_AWAY);
    list_remove(&seat->link);
    if (seat->password)
        explicit_bzero(seat->password, strlen(seat->password));
    free(seat->password);
    free(seat);
}

struct device *ocpp16_device_new(struct ocpp16_server *server, const struct ocpp16_target *target,
                                 const struct profile *profile, const struct ocpp16_options *options,
                                 const struct device_events *events, void *ctx)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    struct device *device =
        ocpp16_engine_new(&server->loop->env, target->identity, profile, options, events, ctx);
    if (!seat || !device || (target->password && !(seat->password = strdup(target->password)))) {
        ocpp16_device_ops.free(device);
        free(seat);
        return NULL;
    }
    seat->server = server;
    seat->device = device;
    list_append(&server->seats, &seat->link);
    ocpp16_set_on_free(device, on_device_free, seat);
    return device;
}
