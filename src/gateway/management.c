/* Puts the management side together (management.h): what the gateway tells goes into the feed, what people ask comes by the API's routes. */
#include "gateway/management.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/config_change.h"
#include "gateway/management_tls.h"
#include "gateway/probe.h"
#include "gateway/profile_files.h"
#include "gateway/scan_job.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"
#include "gateway/trial.h"

#define FEED_BYTES (4u << 20)
#define TICK_MS    200
#define TOUCHED_MAX                                                                                          \
    50 /* stations told of in one tick: a thousand take four seconds, and nobody waits for them */
#define POWER_EVERY     10 /* ticks */
#define LOOK_MS         30000
#define LOOKS           8
#define LISTEN_AGAIN_MS 5000
#define CHANGE_MS       1000

struct look {
    char station[STATION_ID_SIZE];
    int64_t until_ms;
};

struct management {
    struct gateway *gateway;
    struct access *access;
    struct feed *feed;
    struct api *api;
    struct http_server *local, *remote; /* Unix socket; port, or NULL */
    char *fingerprint;                  /* of what `remote` was made from */
    struct management_tls tls;
    struct probes *probes;
    struct scan_jobs *scans;
    struct trials *trials;
    struct profile_files *profiles;
    struct look looks[LOOKS];
    struct timer tick, listen, change; /* listen: tries again; change: to another address or certificate */
    int ticks;
    uint64_t power_untold; /* the event that was to come when nobody followed power */
    size_t next_touched;   /* where the next tick goes on */
    bool refused_told;
};

/* ---- into the feed ---- */

/* 'O' or 'I', then the frame as it was; secrets go when somebody reads it. */
static void on_frame(void *ctx, const char *station, bool outgoing, const char *text, size_t len)
{
    struct management *m = ctx;
    AUTO_FREE char *copy = malloc(len + 1);
    if (!copy)
        return;
    copy[0] = outgoing ? 'O' : 'I';
    memcpy(copy + 1, text, len);
    feed_add_text(m->feed, FEED_FRAME, station, copy, len + 1);
}

static char *present_frame(const char *station, const char *text)
{
    AUTO(json_t) *event = events_frame_json(station, *text == 'O', text + 1, strlen(text + 1));
    return event ? json_to_text(event) : NULL;
}

static void on_write(void *ctx, const char *station, const json_t *event)
{
    feed_add(((struct management *)ctx)->feed, FEED_WRITE, station, event);
}

static void on_point(void *ctx, const char *station, enum events_kind kind, const json_t *event)
{
    feed_add(((struct management *)ctx)->feed, kind == EVENTS_POINTS ? FEED_POINT : FEED_SIGNALS, station,
             event);
}

static bool is_looked_at(const struct management *m, const char *station)
{
    int64_t now_ms = env_now_ms(&m->gateway->loop.env);
    for (size_t i = 0; i < LOOKS; i++)
        if (m->looks[i].until_ms > now_ms && str_equal(m->looks[i].station, station))
            return true;
    return false;
}

static bool follows(void *ctx, enum events_kind kind, const char *station)
{
    const struct management *m = ctx;
    if (kind == EVENTS_SIGNALS)
        return api_is_followed(m->api, FEED_SIGNALS, station);
    return api_is_followed(m->api, FEED_POINT, station) || is_looked_at(m, station);
}

static uint64_t next_id(void *ctx)
{
    return feed_next_id(((struct management *)ctx)->feed);
}

struct untold {
    const struct feed_filter *filter;
    uint64_t id;
};

static void look_for_untold(void *ctx, const struct station_charger *charger)
{
    struct untold *last = ctx;
    static const enum feed_type types[EVENTS_KINDS] = {
        [EVENTS_POINTS] = FEED_POINT,
        [EVENTS_SIGNALS] = FEED_SIGNALS,
    };
    for (size_t kind = 0; kind < EVENTS_KINDS; kind++)
        if (last->filter->types & 1u << types[kind] && charger->untold[kind] > last->id)
            last->id = charger->untold[kind];
}

/* Frames, writes, the log and scans are told always; a station that was touched stays so until it is told. */
static uint64_t untold(void *ctx, const struct feed_filter *filter)
{
    const struct gateway *gateway = ctx;
    struct untold last = { filter, 0 };
    bool is_of_devices = filter->types & (1u << FEED_POINT | 1u << FEED_SIGNALS);
    if (filter->types & 1u << FEED_POWER && !*filter->station)
        last.id = gateway->management->power_untold;
    if (is_of_devices && *filter->station && !gateway_station(gateway, filter->station))
        return next_id(gateway->management); /* it may have been there */
    for (size_t i = 0; i < gateway->station_count; i++)
        if (!*filter->station || str_equal(station_entry_config(gateway->stations[i])->id, filter->station))
            station_entry_each_charger(gateway->stations[i], look_for_untold, &last);
    return last.id;
}

static void on_log_line(void *ctx, const struct log_line *line)
{
    struct management *m = ctx;
    AUTO(json_t) *event = json_pack("{s:s, s:s, s:s, s:s}", "level", log_level_names[line->level], "area",
                                    log_area_names[line->area], "text", line->message, "line", line->line);
    feed_add(m->feed, FEED_LOG, "", event);
}

/* What it has found is asked for; this only says that there is something to ask for. */
static void on_scan(void *ctx, uint32_t id)
{
    struct management *m = ctx;
    AUTO(json_t) *scan = scan_jobs_get(m->scans, id);
    AUTO(json_t) *event =
        json_pack("{s:I, s:s, s:I}", "id", (json_int_t)id, "state", json_get_string(scan, "state", ""),
                  "found", (json_int_t)json_array_size(json_object_get(scan, "found")));
    if (scan)
        feed_add(m->feed, FEED_SCAN, "", event);
}

static void on_added(void *ctx)
{
    api_on_feed(((struct management *)ctx)->api);
}

void management_look_at(struct management *m, const char *station)
{
    int64_t now_ms = env_now_ms(&m->gateway->loop.env);
    struct look *look = &m->looks[0];
    for (size_t i = 0; i < LOOKS; i++) {
        bool is_same = str_equal(m->looks[i].station, station);
        if (is_same || m->looks[i].until_ms < look->until_ms)
            look = &m->looks[i];
        if (is_same)
            break;
    }
    (void)str_copy(look->station, sizeof(look->station), station);
    look->until_ms = now_ms + LOOK_MS;
}

static void tell_touched(struct management *m)
{
    const struct gateway *gateway = m->gateway;
    size_t told = 0;
    for (size_t i = 0; i < gateway->station_count && told < TOUCHED_MAX; i++) {
        struct station_entry *entry = gateway->stations[(m->next_touched + i) % gateway->station_count];
        if (!station_entry_was_touched(entry))
            continue;
        feed_add(m->feed, FEED_STATION, station_entry_config(entry)->id, station_entry_item(entry));
        if (++told == TOUCHED_MAX)
            m->next_touched = (m->next_touched + i + 1) % gateway->station_count;
    }
}

static void on_tick(struct timer *timer, void *ctx)
{
    struct management *m = ctx;
    if (api_is_followed(m->api, FEED_STATION, NULL))
        tell_touched(m);
    bool is_power_due = ++m->ticks % POWER_EVERY == 0;
    if (is_power_due && api_is_followed(m->api, FEED_POWER, NULL)) {
        AUTO(json_t) *power = site_overview(m->gateway, false);
        feed_add(m->feed, FEED_POWER, "", power);
    } else if (is_power_due) {
        m->power_untold = feed_next_id(m->feed);
    }
    env_timer_start(&m->gateway->loop.env, timer, TICK_MS);
}

/* ---- listening ---- */

static int listen_local(struct management *m)
{
    const char *path = m->gateway->config->general.control_socket;
    int r = api_listen(m->api, &(struct http_server_settings){ .socket_path = path }, &m->local);
    if (r < 0)
        log_error(LOG_GATEWAY, "control socket cannot be opened: path=%s error=\"%s\"%s", path, err_text(r),
                  r == -EADDRINUSE ? " (is another gateway running?)"
                  : r == -EEXIST   ? " (it is no socket, and stays)"
                                   : "");
    return r;
}

static void tell_address(const struct management *m)
{
    const struct management_config *config = &m->gateway->config->management;
    const char *setup = access_setup_token(m->access);
    log_info(LOG_GATEWAY, "management listens: address=%s port=%d tls=%s", config->address,
             http_server_port(m->remote), config->tls ? "yes" : "no");
    if (setup)
        log_private(
            LOG_GATEWAY, LOG_WARN,
            "there is no user yet: open the pages and make the first one with this setup token: token=%s",
            setup);
}

static int try_listen(struct management *m)
{
    const struct management_config *config = &m->gateway->config->management;
    struct http_server_settings settings = { .address = config->address, .port = config->port };
    if (config->tls) {
        int r = management_tls_load(&m->tls, m->gateway);
        if (r < 0)
            return r;
        settings.cert_pem = m->tls.cert;
        settings.key_pem = m->tls.key;
    }
    api_trust(m->api, &config->trusted_proxy);
    int r = api_listen(m->api, &settings, &m->remote);
    if (r == 0)
        tell_address(m);
    else if (!m->refused_told)
        log_error(LOG_GATEWAY, "management cannot listen, tries again: address=%s port=%d error=\"%s\"",
                  config->address, config->port, err_text(r));
    m->refused_told = r < 0;
    return r;
}

static void on_listen(struct timer *timer, void *ctx)
{
    struct management *m = ctx;
    if (m->gateway->config->management.listen && !m->remote && try_listen(m) < 0)
        env_timer_start(&m->gateway->loop.env, timer, LISTEN_AGAIN_MS);
}

static void on_change(struct timer *timer, void *ctx)
{
    struct management *m = ctx;
    http_server_free(STEAL(m->remote));
    management_tls_done(&m->tls);
    m->refused_told = false;
    on_listen(&m->listen, ctx);
    (void)timer;
}

void management_listen(struct management *m)
{
    const char *fingerprint = m->gateway->config->management.fingerprint;
    bool is_first = !m->fingerprint;
    if (m->fingerprint && str_equal(m->fingerprint, fingerprint ? fingerprint : ""))
        return;
    free(m->fingerprint);
    m->fingerprint = strdup(fingerprint ? fingerprint : "");
    env_timer_start(&m->gateway->loop.env, &m->change, is_first ? 0 : CHANGE_MS);
}

int management_set_certificate(struct management *m, const char *cert, const char *key)
{
    if (!m->remote || !m->tls.cert)
        return -ENOTCONN;
    if (m->gateway->config->management.cert_file)
        return -EPERM;
    int r = http_server_set_certificate(m->remote, cert, key);
    if (r < 0)
        return r;
    r = management_tls_replace(&m->tls, m->gateway, cert, key);
    if (r < 0) /* what a restart would show stays in use */
        (void)http_server_set_certificate(m->remote, m->tls.cert, m->tls.key);
    return r;
}

/* ---- life ---- */

static const struct api_route *const tables[] = {
    api_site_routes,   api_station_routes, api_command_routes,
    api_config_routes, api_profile_routes, api_history_routes,
    api_wizard_routes, api_metrics_routes, NULL,
};

void management_print_routes(struct buf *out)
{
    api_print_routes(tables, out);
}

static int make(struct management *m)
{
    struct gateway *gateway = m->gateway;
    int r = access_new(&gateway->loop, gateway->store, &m->access);
    if (r < 0)
        return r;
    m->feed = feed_new(&gateway->loop.env, FEED_BYTES);
    const struct api_settings settings = {
        .loop = &gateway->loop,
        .websockets = gateway->websockets,
        .access = m->access,
        .feed = m->feed,
        .history = gateway->history,
        .untold = untold,
        .tables = tables,
        .ctx = gateway,
    };
    m->api = m->feed ? api_new(&settings) : NULL;
    m->probes = m->api ? probes_new(gateway) : NULL;
    m->trials = m->probes ? trials_new(gateway) : NULL;
    m->profiles = m->trials ? profile_files_new(gateway) : NULL;
    r = m->profiles ? scan_jobs_new(gateway, on_scan, m, &m->scans) : -ENOMEM;
    return r < 0 ? r : listen_local(m);
}

int management_new(struct gateway *gateway, struct management **ret)
{
    struct management *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->gateway = gateway;
    timer_init(&m->tick, gateway->loop.env.timers, on_tick, m);
    timer_init(&m->listen, gateway->loop.env.timers, on_listen, m);
    timer_init(&m->change, gateway->loop.env.timers, on_change, m);
    int r = make(m);
    if (r < 0) {
        management_close(m);
        management_free(m);
        return r;
    }
    feed_set_presenter(m->feed, FEED_FRAME, present_frame);
    feed_set_follower(m->feed, on_added, m);
    log_set_follower(on_log_line, m);
    gateway->events = (struct events){ m, on_frame, on_write, follows, on_point, next_id };
    env_timer_start(&gateway->loop.env, &m->tick, TICK_MS);
    *ret = m;
    return 0;
}

void management_close(struct management *m)
{
    if (!m)
        return;
    log_set_follower(NULL, NULL);
    m->gateway->events = (struct events){ 0 };
    timer_stop(&m->tick);
    timer_stop(&m->listen);
    timer_stop(&m->change);
    http_server_free(STEAL(m->remote));
    http_server_free(STEAL(m->local));
    probes_free(STEAL(m->probes));
    scan_jobs_free(STEAL(m->scans));
    trials_free(STEAL(m->trials));
    profile_files_free(STEAL(m->profiles));
}

void management_free(struct management *m)
{
    if (!m)
        return;
    api_free(m->api);
    feed_free(m->feed);
    access_free(m->access);
    management_tls_done(&m->tls);
    free(m->fingerprint);
    free(m);
}

static void on_reloaded(void *ctx, int err, const struct problems *problems, json_t *changes)
{
    struct gateway *gateway = ctx;
    AUTO_FREE char *text = changes ? json_to_text(changes) : NULL;
    const struct history_audit audit = {
        .time_ms = env_wall_ms(&gateway->loop.env),
        .user = ACCESS_LOCAL,
        .role = role_names[ROLE_ADMIN],
        .peer = "",
        .action = "reload",
        .target = "SIGHUP",
        .after = text,
    };
    (void)problems; /* they were logged */
    if (err == 0 && gateway->history)
        (void)history_put_audit(gateway->history, &audit);
}

void management_reload_by_signal(struct gateway *gateway)
{
    int r = config_change_reload(gateway, on_reloaded, gateway);
    if (r < 0 && r != -ECANCELED)
        log_error(LOG_GATEWAY, "the configuration cannot be read now: error=\"%s\"", err_text(r));
}

struct feed *management_feed(const struct management *m)
{
    return m->feed;
}

struct probes *management_probes(const struct management *m)
{
    return m->probes;
}

struct scan_jobs *management_scans(const struct management *m)
{
    return m->scans;
}

struct trials *management_trials(const struct management *m)
{
    return m->trials;
}

struct profile_files *management_profiles(const struct management *m)
{
    return m->profiles;
}

void management_release_devices(struct management *m)
{
    scan_jobs_stop(m->scans);
    trials_end_all(m->trials);
}

const char *management_certificate(const struct management *m)
{
    return m->tls.cert;
}
