/* /metrics, /healthz, /readyz: for those who watch many gateways. */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/file.h"
#include "gateway/power_history.h"
#include "gateway/site_walk.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"
#include "manage/metrics.h"

#define PIECE_STATIONS 50 /* what lists show of each may have to be made anew */

/* ---- stations ---- */

/* What is told of each station, or each of its EVSEs; all of one name stand together. */
struct family {
    const char *name, *type, *help;
    void (*print)(struct buf *out, const struct family *family, struct station_entry *entry);
    /* As `print` needs it: */
    double (*of_station)(const struct station_entry *entry, const json_t *item);
    double (*of_evse)(const struct evse_signals *signals); /* NULL: the state, as a label */
};

static double connected(const struct station_entry *entry, const json_t *item)
{
    (void)item;
    return station_entry_is_connected(entry);
}

static double accepted(const struct station_entry *entry, const json_t *item)
{
    (void)entry;
    return str_equal(json_get_string(item, "registration", ""), "Accepted");
}

static double messages_waiting(const struct station_entry *entry, const json_t *item)
{
    (void)entry;
    return json_get_number(item, "messagesWaiting", 0);
}

static double events_waiting(const struct station_entry *entry, const json_t *item)
{
    (void)entry;
    return json_get_number(item, "eventsWaiting", 0);
}

static double sent(const struct station_entry *entry, const json_t *item)
{
    (void)item;
    return (double)station_entry_traffic(entry)->sent;
}

static double received(const struct station_entry *entry, const json_t *item)
{
    (void)item;
    return (double)station_entry_traffic(entry)->received;
}

static double connects(const struct station_entry *entry, const json_t *item)
{
    (void)item;
    return (double)station_entry_traffic(entry)->connects;
}

static void print_figure(struct buf *out, const struct family *family, struct station_entry *entry)
{
    const char *const labels[] = { "station", station_entry_config(entry)->id, NULL };
    metrics_value(out, family->name, labels, family->of_station(entry, station_entry_item(entry)));
}

static void print_answers(struct buf *out, const struct family *family, struct station_entry *entry)
{
    const char *const labels[] = { "station", station_entry_config(entry)->id, NULL };
    metrics_histogram(out, family->name, labels, &station_entry_traffic(entry)->answers);
}

/* ---- chargers ---- */

struct printing {
    struct buf *out;
    const char *name, *station;
    double (*of)(const struct evse_signals *signals);
};

static double online(const struct evse_signals *signals)
{
    return signals->online;
}

static double power(const struct evse_signals *signals)
{
    return power_of_evse_W(signals);
}

static double energy(const struct evse_signals *signals)
{
    return evse_has(signals, MEASURE_ENERGY_IMPORT) ? signals->value[MEASURE_ENERGY_IMPORT] : NAN;
}

static void print_charger(void *ctx, const struct station_charger *c)
{
    const struct printing *p = ctx;
    for (int i = 1; i <= (int)c->config->profile->evse_count; i++) {
        char evse[12];
        const struct evse_signals *signals = charger_signals(c->charger, i);
        (void)snprintf(evse, sizeof(evse), "%d", c->first_evse + i - 1);
        const char *const labels[] = { "station",
                                       p->station,
                                       "evse",
                                       evse,
                                       p->of ? NULL : "state",
                                       p->of ? NULL : evse_state_names[signals->state],
                                       NULL };
        double value = p->of ? p->of(signals) : 1;
        if (!isnan(value))
            metrics_value(p->out, p->name, labels, value);
    }
}

static void print_evses(struct buf *out, const struct family *family, struct station_entry *entry)
{
    struct printing p = { out, family->name, station_entry_config(entry)->id, family->of_evse };
    station_entry_each_charger(entry, print_charger, &p);
}

static const struct family families[] = {
    { "ocpp_station_connected", "gauge", "1 while the station has a link to its CSMS", print_figure,
      connected, NULL },
    { "ocpp_station_accepted", "gauge", "1 while the CSMS has accepted the station", print_figure, accepted,
      NULL },
    { "ocpp_station_messages_waiting", "gauge", "messages that wait for the CSMS", print_figure,
      messages_waiting, NULL },
    { "ocpp_station_events_waiting", "gauge", "transaction events that the CSMS has not acknowledged",
      print_figure, events_waiting, NULL },
    { "ocpp_station_frames_sent_total", "counter", "frames to the CSMS", print_figure, sent, NULL },
    { "ocpp_station_frames_received_total", "counter", "frames from the CSMS", print_figure, received, NULL },
    { "ocpp_station_connects_total", "counter", "links that were opened", print_figure, connects, NULL },
    { "ocpp_station_answer_seconds", "histogram", "how long the CSMS takes to answer", print_answers, NULL,
      NULL },
    { "ocpp_evse_online", "gauge", "1 while the charger answers", print_evses, NULL, online },
    { "ocpp_evse_state", "gauge", "1, with the state that the charger tells", print_evses, NULL, NULL },
    { "ocpp_evse_power_watts", "gauge", "power that is drawn", print_evses, NULL, power },
    { "ocpp_evse_energy_watthours", "counter", "energy register of the charger", print_evses, NULL, energy },
};

/* ---- buses ---- */

static const struct bus_family {
    const char *name, *help;
    size_t offset; /* in struct bus_counters */
    double scale;
} bus_families[] = {
    { "ocpp_bus_busy_seconds_total", "time that exchanges took: its rate is the load",
      offsetof(struct bus_counters, busy_ms), 0.001 },
    { "ocpp_bus_requests_total", "requests to devices", offsetof(struct bus_counters, requests), 1 },
    { "ocpp_bus_answers_total", "answers of devices", offsetof(struct bus_counters, answers), 1 },
    { "ocpp_bus_timeouts_total", "requests without an answer", offsetof(struct bus_counters, timeouts), 1 },
    { "ocpp_bus_exceptions_total", "requests that a device refused",
      offsetof(struct bus_counters, exceptions), 1 },
    { "ocpp_bus_bad_frames_total", "frames that were none", offsetof(struct bus_counters, bad_frames), 1 },
    { "ocpp_bus_late_answers_total", "answers after their time", offsetof(struct bus_counters, late_answers),
      1 },
};

static void print_bus(struct buf *out, const struct bus_family *family, const struct bus_row *bus)
{
    const char *const labels[] = { "bus", bus->name, NULL };
    const char *counters = (const char *)&bus->counters;
    const uint64_t *value = (const uint64_t *)(const void *)(counters + family->offset);
    metrics_value(out, family->name, labels, (double)*value * family->scale);
}

/* ---- the process ---- */

static double resident_bytes(void)
{
    AUTO_FREE char *text = NULL;
    size_t len;
    if (file_read("/proc/self/statm", 200, &text, &len) < 0)
        return NAN;
    char *end = text + strcspn(text, " ");
    return (double)strtoll(end, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static void print_single(struct buf *out, const char *name, const char *type, const char *help, double value)
{
    metrics_head(out, name, type, help);
    metrics_value(out, name, NULL, value);
}

static void print_process(struct buf *out, const struct gateway *gateway)
{
    const char *const version[] = { "version", GATEWAY_VERSION, NULL };
    const struct lag *lag = &gateway->lag;
    metrics_head(out, "ocpp_gateway_info", "gauge", "1, with the version");
    metrics_value(out, "ocpp_gateway_info", version, 1);
    print_single(out, "ocpp_gateway_uptime_seconds", "gauge", "since the start",
                 (double)(env_now_ms(&gateway->loop.env) - gateway->started_ms) / 1000);
    print_single(out, "process_resident_memory_bytes", "gauge", "memory in use", resident_bytes());
    print_single(out, "process_heap_bytes", "gauge", "memory that was asked for",
                 (double)mallinfo2().uordblks);
    print_single(out, "ocpp_gateway_loop_lag_max_seconds", "gauge",
                 "longest delay of the loop within the last minute", lag_max_s(lag));
    metrics_head(out, "ocpp_gateway_loop_lag_seconds", "histogram",
                 "delay of the loop, looked at every 100 ms");
    metrics_histogram(out, "ocpp_gateway_loop_lag_seconds", NULL, &lag->histogram);
}

/* ---- all of them, some in each turn of the loop ---- */

struct scrape {
    struct site_walk walk;
    bool has_begun;
    size_t family, bus_family; /* the next, or the one that is being told */
    size_t bus;                /* the next of its buses */
};

static void scrape_free(void *ctx)
{
    struct scrape *scrape = ctx;
    site_walk_done(&scrape->walk);
    free(scrape);
}

static bool is_piece(const struct buf *out, size_t count)
{
    return out->len >= API_PIECE || count >= PIECE_STATIONS;
}

/* The next stations of a family. */
static void print_stations(struct scrape *scrape, struct buf *out)
{
    const struct family *family = &families[scrape->family];
    struct station_entry *entry;
    if (scrape->walk.next == 0)
        metrics_head(out, family->name, family->type, family->help);
    for (size_t i = 0; !is_piece(out, i) && (entry = site_walk_next(&scrape->walk)); i++)
        family->print(out, family, entry);
    if (scrape->walk.next == scrape->walk.id_count) {
        scrape->family++;
        scrape->walk.next = 0;
    }
}

static void print_buses(struct scrape *scrape, struct buf *out)
{
    const struct bus_family *family = &bus_families[scrape->bus_family];
    if (scrape->bus == 0)
        metrics_head(out, family->name, "counter", family->help);
    while (scrape->bus < scrape->walk.bus_count && out->len < API_PIECE)
        print_bus(out, family, &scrape->walk.buses[scrape->bus++]);
    if (scrape->bus == scrape->walk.bus_count) {
        scrape->bus_family++;
        scrape->bus = 0;
    }
}

static bool print_piece(void *ctx, struct buf *out)
{
    struct scrape *scrape = ctx;
    if (!scrape->has_begun)
        print_process(out, scrape->walk.gateway);
    else if (scrape->family < ARRAY_SIZE(families))
        print_stations(scrape, out);
    else
        print_buses(scrape, out);
    scrape->has_begun = true;
    return scrape->bus_family < ARRAY_SIZE(bus_families);
}

static void get_metrics(struct api_request *request)
{
    const struct gateway *gateway = api_gateway(request);
    if (gateway->config->management.metrics == 0 && api_role(request) < ROLE_VIEWER) {
        api_problem(request, 401,
                    "send a token (Authorization: Bearer ...), or set management.metrics: open");
        return;
    }
    struct scrape *scrape = calloc(1, sizeof(*scrape));
    if (!scrape || site_walk_init(&scrape->walk, gateway) < 0) {
        if (scrape)
            scrape_free(scrape);
        api_problem(request, 503, "out of memory");
        return;
    }
    api_answer_pieces(request, "text/plain; version=0.0.4; charset=utf-8", print_piece, scrape_free, scrape);
}

static void get_healthz(struct api_request *request)
{
    api_answer_text(request, 200, "text/plain; charset=utf-8", "ok\n");
}

/* Ready: the stations are made, and at least one is connected where there are any. */
static void get_readyz(struct api_request *request)
{
    const struct gateway *gateway = api_gateway(request);
    size_t up = 0;
    for (size_t i = 0; i < gateway->station_count; i++)
        up += station_entry_is_connected(gateway->stations[i]);
    bool is_ready = gateway->station_count == 0 || up > 0;
    api_answer_text(request, is_ready ? 200 : 503, "text/plain; charset=utf-8",
                    is_ready ? "ready\n" : "no station is connected to its CSMS\n");
}

const struct api_route api_metrics_routes[] = {
    { HTTP_GET, "/metrics", ROLE_NONE, get_metrics, "figures for Prometheus", NULL },
    { HTTP_GET, "/healthz", ROLE_NONE, get_healthz, "the gateway runs", NULL },
    { HTTP_GET, "/readyz", ROLE_NONE, get_readyz, "the gateway runs, and reaches a CSMS", NULL },
    { 0 },
};
