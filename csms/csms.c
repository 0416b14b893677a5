/* Stations and their links: one rpc each, CALLs one at a time. */
#include "csms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "console.h"
#include "ocpp/secrets.h"
#include "ocpp/summary.h"
#include "tokens.h"

#define CALL_TIMEOUT_MS  30000
#define PING_INTERVAL_MS 30000

struct csms_call {
    struct list link;
    struct csms_station *station;
    csms_origin origin;
    char *action;
    json_t *payload;
};

static void call_free(struct csms_call *call)
{
    free(call->action);
    json_decref(call->payload);
    free(call);
}

struct csms_station *csms_station(const struct csms *csms, const char *id)
{
    LIST_FOREACH(link, next, (struct list *)&csms->stations)
    if (str_equal(LIST_ITEM(link, struct csms_station, link)->id, id))
        return LIST_ITEM(link, struct csms_station, link);
    return NULL;
}

/* ---- our CALLs ---- */

static void on_answer(void *ctx, const struct rpc_answer *answer)
{
    struct csms_call *call = ctx;
    struct csms_station *station = call->station;
    static const char *const texts[] = { [RPC_TIMED_OUT] = "no answer", [RPC_DISCONNECTED] = "disconnected" };
    json_t *result;
    if (answer->outcome == RPC_RESULT)
        result = json_pack("{s:b, s:s, s:O}", "ok", 1, "station", station->id, "result", answer->payload);
    else if (answer->outcome == RPC_CALL_ERROR)
        result = json_pack("{s:b, s:s, s:s, s:s}", "ok", 0, "station", station->id, "code", answer->code,
                           "error", answer->description);
    else
        result =
            json_pack("{s:b, s:s, s:s}", "ok", 0, "station", station->id, "error", texts[answer->outcome]);
    console_answer(station->csms->console, call->origin, result);
    call_free(call);
}

static void send_next(struct csms_station *station)
{
    while (rpc_is_idle(station->rpc) && !list_is_empty(&station->calls)) {
        struct csms_call *call = LIST_ITEM(station->calls.next, struct csms_call, link);
        list_remove(&call->link);
        station->call_count--;
        int r = rpc_call(station->rpc, call->action, STEAL(call->payload), CALL_TIMEOUT_MS, on_answer, call);
        if (r == 0)
            continue;
        console_answer(station->csms->console, call->origin,
                       json_pack("{s:b, s:s}", "ok", 0, "error",
                                 r == -EINVAL
                                     ? "the payload does not conform to the OCPP 2.0.1 schema (see the log)"
                                     : "cannot be sent"));
        call_free(call);
    }
}

int csms_call(struct csms_station *station, const char *action, json_t *payload, csms_origin origin)
{
    AUTO(json_t) *owned = payload;
    if (!station->websocket)
        return -ENOTCONN;
    if (station->call_count >= CSMS_MAX_CALLS)
        return -ENOBUFS;
    struct csms_call *call = calloc(1, sizeof(*call));
    if (!call || !owned || !(call->action = strdup(action))) {
        free(call);
        return -ENOMEM;
    }
    call->station = station;
    call->origin = origin;
    call->payload = STEAL(owned);
    list_append(&station->calls, &call->link);
    station->call_count++;
    send_next(station);
    return 0;
}

/* ---- struct rpc_ops ---- */

static int op_send(void *ctx, const char *text, size_t len)
{
    struct csms_station *station = ctx;
    return station->websocket ? websocket_send(station->websocket, text, len) : -ENOTCONN;
}

static void op_call(void *ctx, const struct rpc_request *request)
{
    csms_handle(ctx, request);
}

static bool op_supports(void *ctx, const struct message *message)
{
    (void)ctx;
    (void)message;
    return true;
}

static void op_idle(void *ctx)
{
    send_next(ctx);
}

static void op_frame(void *ctx, bool outgoing, const char *text, size_t len)
{
    struct csms_station *station = ctx;
    char clock[16] = "", summary[200];
    struct tm parts;
    time_t now = time(NULL);
    if (station->csms->quiet)
        return;
    if (localtime_r(&now, &parts))
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
    AUTO(json_t) *frame = frame_for_display(text, len);
    if (station->csms->frames) {
        AUTO_FREE char *shown = frame ? json_to_text(frame) : NULL;
        console_print(station->csms->console, "%s %s %s %.4000s", clock, station->id, outgoing ? "<" : ">",
                      shown ? shown : "");
        return;
    }
    frame_summary(frame, summary, sizeof(summary));
    console_print(station->csms->console, "%s %-20s %s %s", clock, station->id, outgoing ? "<" : ">",
                  summary);
}

static const struct rpc_ops rpc_ops = { op_send, op_call, op_supports, op_idle, op_frame, NULL };

/* ---- links ---- */

static void on_message(void *ctx, const char *text, size_t len)
{
    struct csms_station *station = ctx;
    rpc_receive(station->rpc, text, len);
}

static void drop_link(struct csms_station *station)
{
    websocket_free(STEAL(station->websocket), 1000);
    rpc_set_connected(station->rpc, false);
    while (!list_is_empty(&station->calls)) {
        struct csms_call *call = LIST_ITEM(station->calls.next, struct csms_call, link);
        list_remove(&call->link);
        on_answer(call, &(struct rpc_answer){ .outcome = RPC_DISCONNECTED });
    }
    station->call_count = 0;
}

static void on_close(void *ctx, const struct websocket_end *end)
{
    struct csms_station *station = ctx;
    console_print(station->csms->console, "-- %s disconnected: %s", station->id, end->text);
    drop_link(station);
}

static const struct websocket_events websocket_events = { NULL, on_message, on_close };

/* At most 48 characters (Part 4, 3.1.1), and those of a kind that can be shown. */
static bool is_identity(const char *identity)
{
    size_t len = strlen(identity);
    for (size_t i = 0; i < len; i++)
        if (identity[i] < ' ' || identity[i] > '~')
            return false;
    return len > 0 && len <= 48;
}

static int on_handshake(void *ctx, const char *identity, const char *user, const char *password)
{
    struct csms *csms = ctx;
    if (!is_identity(identity))
        return 404;
    if (!tokens_may_connect(csms->tokens, identity, user, password)) {
        console_print(csms->console, "-- %s refused: wrong user or password", identity);
        return 401;
    }
    return csms->station_count < CSMS_MAX_STATIONS || csms_station(csms, identity) ? 0 : 503;
}

static struct csms_station *station_new(struct csms *csms, const char *identity)
{
    struct csms_station *station = calloc(1, sizeof(*station));
    if (!station)
        return NULL;
    station->csms = csms;
    (void)str_copy(station->id, sizeof(station->id), identity);
    station->rpc = rpc_new(&csms->loop.env, &rpc_ops, station, CSMS_MAX_MESSAGE);
    station->connectors = json_object();
    station->report = json_object();
    list_init(&station->calls);
    list_append(&csms->stations, &station->link);
    csms->station_count++;
    return station;
}

static void on_accept(void *ctx, struct websocket *websocket, const char *identity)
{
    struct csms *csms = ctx;
    struct csms_station *station = csms_station(csms, identity);
    if (!station)
        station = station_new(csms, identity);
    if (!station || !station->rpc) {
        websocket_free(websocket, 1011);
        return;
    }
    if (station->websocket) /* the newer connection counts: the older one may be dead without knowing */
        drop_link(station);
    station->websocket = websocket;
    websocket_set_events(websocket, &websocket_events, station);
    websocket_set_ping_interval(websocket, PING_INTERVAL_MS);
    rpc_set_connected(station->rpc, true);
    console_print(csms->console, "-- %s connected", identity);
}

static const struct websocket_server_events server_events = { on_handshake, on_accept };

int csms_listen(struct csms *csms, const struct server_endpoint_settings *settings)
{
    list_init(&csms->stations);
    int r = websocket_context_new(&csms->loop, &csms->websockets);
    return r < 0 ? r : server_endpoint_new(csms->websockets, settings, &server_events, csms, &csms->endpoint);
}

void csms_close(struct csms *csms)
{
    LIST_FOREACH(link, next, &csms->stations)
    {
        struct csms_station *station = LIST_ITEM(link, struct csms_station, link);
        if (station->websocket)
            drop_link(station);
        rpc_free(station->rpc);
        json_decref(station->boot);
        json_decref(station->connectors);
        json_decref(station->report);
        free(station);
    }
    endpoint_free(csms->endpoint);
    websocket_context_free(csms->websockets);
}
