/* What is said on the control socket; net/line_server.h carries it. */
#include "gateway/control.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/gateway.h"
#include "gateway/limit_request.h"
#include "gateway/meters.h"
#include "gateway/station_entry.h"
#include "net/line_server.h"
#include "station/station.h"

#define NO_STATION "no station of this id; `ocpp-cli status` lists them"

struct followers {
    uint64_t clients[CONTROL_MAX_CLIENTS];
    size_t count;
};

struct control {
    struct gateway *gateway;
    struct line_server *server;
    struct followers log, events;
};

/* Takes the reference. */
static void send_json(struct control *control, uint64_t client, json_t *json)
{
    AUTO_FREE char *text = json ? json_to_text(json) : NULL;
    json_decref(json);
    line_server_send(control->server, client, text);
}

static void fail(struct control *control, uint64_t client, const char *text)
{
    send_json(control, client, json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

/* ---- those who follow ---- */

/* Backwards: one that is cut off leaves the list meanwhile. */
static void tell(struct control *control, const struct followers *followers, const json_t *json)
{
    AUTO_FREE char *text = json ? json_to_text(json) : NULL;
    for (size_t i = followers->count; i-- > 0;)
        line_server_send(control->server, followers->clients[i], text);
}

static void on_log_line(void *ctx, const char *line)
{
    struct control *control = ctx;
    AUTO(json_t) *json = json_pack("{s:s}", "line", line);
    tell(control, &control->log, json);
}

static void on_event(void *ctx, const json_t *event)
{
    struct control *control = ctx;
    tell(control, &control->events, event);
}

static void unfollow(struct followers *followers, uint64_t client)
{
    for (size_t i = 0; i < followers->count; i++)
        if (followers->clients[i] == client)
            followers->clients[i] = followers->clients[--followers->count];
}

static void follow(struct followers *followers, uint64_t client)
{
    unfollow(followers, client); /* it may ask twice */
    followers->clients[followers->count++] = client;
}

static void update_followers(struct control *control)
{
    log_set_follower(control->log.count ? on_log_line : NULL, control);
    control->gateway->events = (struct events){ control->events.count ? on_event : NULL, control };
}

static void on_gone(void *ctx, uint64_t client)
{
    struct control *control = ctx;
    unfollow(&control->log, client);
    unfollow(&control->events, client);
    update_followers(control);
}

/* ---- commands ---- */

static void do_status(struct control *control, uint64_t client, const json_t *request)
{
    (void)request;
    send_json(control, client, json_pack("{s:b, s:o}", "ok", 1, "result", gateway_status(control->gateway)));
}

static void do_reload(struct control *control, uint64_t client, const json_t *request)
{
    (void)request;
    struct problems problems;
    problems_init(&problems);
    int r = gateway_reload(control->gateway, &problems);
    json_t *list = json_array();
    for (size_t i = 0; i < problems.count; i++)
        (void)json_array_append_new(list, json_string(problems.list[i].text));
    if (problems.total > problems.count)
        (void)json_array_append_new(list,
                                    json_sprintf("and %zu problems more", problems.total - problems.count));
    send_json(control, client, json_pack("{s:b, s:o}", "ok", r == 0, "problems", list));
    problems_done(&problems);
}

static void do_log(struct control *control, uint64_t client, const json_t *request)
{
    (void)request;
    follow(&control->log, client);
    update_followers(control);
}

static void do_watch(struct control *control, uint64_t client, const json_t *request)
{
    (void)request;
    follow(&control->events, client);
    update_followers(control);
}

/* An answer from a station, for a client that may be gone by now. */
struct pending_answer {
    struct gateway *gateway;
    uint64_t client;
};

static void on_station_answer(void *ctx, const struct rpc_answer *answer)
{
    struct pending_answer *pending = ctx;
    struct control *control = pending->gateway->control; /* NULL: the gateway stops */
    uint64_t client = pending->client;
    free(pending);
    if (!control)
        return;
    if (answer->outcome == RPC_RESULT)
        send_json(control, client, json_pack("{s:b, s:O}", "ok", 1, "result", answer->payload));
    else
        send_json(control, client,
                  json_pack("{s:b, s:s, s:s}", "ok", 0, "code", answer->code, "error", answer->description));
    line_server_release(control->server, client);
}

static void do_send(struct control *control, uint64_t client, const json_t *request)
{
    const char *id = json_get_string(request, "station", "");
    const char *action = json_get_string(request, "action", "");
    json_t *payload = json_object_get(request, "payload");
    struct station_entry *entry = gateway_station(control->gateway, id);
    if (!entry) {
        fail(control, client, NO_STATION);
        return;
    }
    struct pending_answer *pending = malloc(sizeof(*pending));
    if (!pending) {
        fail(control, client, "out of memory");
        return;
    }
    *pending = (struct pending_answer){ control->gateway, client };
    line_server_hold(control->server, client);
    station_request(station_entry_station(entry), action, payload ? json_incref(payload) : json_object(),
                    on_station_answer, pending);
}

/* Nobody is to undo what protects the installation: a limit that a meter sets is lowered by one of another source. */
static bool is_of_meter(const struct control *control, const json_t *request, char *ret, size_t size)
{
    const char *meter = meters_owner(
        control->gateway->config, json_get_string(request, "station", ""), json_get_int(request, "evse", 0),
        json_get_string(request, "source", limit_source_names[LIMIT_SOURCE_EMS]));
    if (meter)
        (void)snprintf(ret, size, "the meter %.60s sets the limit of this source; take another source",
                       meter);
    return meter != NULL;
}

static void do_limit(struct control *control, uint64_t client, const json_t *request)
{
    struct station_entry *entry = gateway_station(control->gateway, json_get_string(request, "station", ""));
    char problem[200] = NO_STATION;
    if (entry && !is_of_meter(control, request, problem, sizeof(problem)) &&
        limit_request(station_entry_station(entry), request, problem, sizeof(problem)) == 0)
        send_json(control, client, json_pack("{s:b}", "ok", 1));
    else
        fail(control, client, problem);
}

static const struct control_command {
    const char *name;
    void (*run)(struct control *control, uint64_t client, const json_t *request);
} commands[] = {
    { "status", do_status }, { "reload", do_reload }, { "log", do_log },
    { "watch", do_watch },   { "send", do_send },     { "limit", do_limit },
};

static void on_line(void *ctx, uint64_t client, char *line, size_t len)
{
    struct control *control = ctx;
    AUTO(json_t) *request = json_from_text(line, len);
    const char *name = json_get_string(request, "command", "");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (str_equal(commands[i].name, name)) {
            commands[i].run(control, client, request);
            return;
        }
    fail(control, client, "unknown command; expected status, reload, log, watch, send or limit");
}

/* ---- life ---- */

static const struct line_server_rules rules = {
    .max_clients = CONTROL_MAX_CLIENTS,
    .max_line = CONTROL_MAX_LINE,
    .on_line = on_line,
    .on_gone = on_gone,
};

int control_new(struct gateway *gateway, const char *path, struct control **ret)
{
    struct control *control = calloc(1, sizeof(*control));
    if (!control)
        return -ENOMEM;
    control->gateway = gateway;
    int r = line_server_new(&gateway->loop, path, &rules, control, &control->server);
    if (r < 0) {
        log_error(LOG_GATEWAY, "control socket cannot be opened: path=%s error=\"%s\"%s", path, err_text(r),
                  r == -EADDRINUSE ? " (is another gateway running?)"
                  : r == -EEXIST   ? " (it is no socket, and stays)"
                                   : "");
        free(control);
        return r;
    }
    *ret = control;
    return 0;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    log_set_follower(NULL, NULL);
    control->gateway->events = (struct events){ 0 };
    line_server_free(control->server);
    free(control);
}
