/* /metrics, /healthz, /readyz: for those who watch many gateways. */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/file.h"
#include "gateway/power_history.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"
#include "manage/metrics.h"

/* ---- stations ---- */

/* Each station's figures, a column each; all of one name stand together. */
struct figure {
    const char *name, *type, *help;
    double (*of)(const struct gateway *gateway, const struct station_entry *entry, const json_t *item);
};

static double connected(const struct gateway *gateway, const struct station_entry *entry, const json_t *item)
{
    (void)gateway;
    (void)item;
    return station_entry_is_connected(entry);
}

static double accepted(const struct gateway *gateway, const struct station_entry *entry, const json_t *item)
{
    (void)gateway;
    (void)entry;
    return str_equal(json_get_string(item, "registration", ""), "Accepted");
}

static double messages_waiting(const struct gateway *gateway, const struct station_entry *entry,
                               const json_t *item)
{
    (void)gateway;
    (void)entry;
    return json_get_number(item, "messagesWaiting", 0);
}

static double events_waiting(const struct gateway *gateway, const struct station_entry *entry,
                             const json_t *item)
{
    (void)gateway;
    (void)entry;
    return json_get_number(item, "eventsWaiting", 0);
}

static double sent(const struct gateway *gateway, const struct station_entry *entry, const json_t *item)
{
    (void)gateway;
    (void)item;
    return (double)station_entry_traffic(entry)->sent;
}

static double received(const struct gateway *gateway, const struct station_entry *entry, const json_t *item)
{
    (void)gateway;
    (void)item;
    return (double)station_entry_traffic(entry)->received;
}

static double connects(const struct gateway *gateway, const struct station_entry *entry, const json_t *item)
{
    (void)gateway;
    (void)item;
    return (double)station_entry_traffic(entry)->connects;
}

static const struct figure figures[] = {
    { "ocpp_station_connected", "gauge", "1 while the station has a link to its CSMS", connected },
    { "ocpp_station_accepted", "gauge", "1 while the CSMS has accepted the station", accepted },
    { "ocpp_station_messages_waiting", "gauge", "messages that wait for the CSMS", messages_waiting },
    { "ocpp_station_events_waiting", "gauge", "transaction events that the CSMS has not acknowledged",
      events_waiting },
    { "ocpp_station_frames_sent_total", "counter", "frames to the CSMS", sent },
    { "ocpp_station_frames_received_total", "counter", "frames from the CSMS", received },
    { "ocpp_station_connects_total", "counter", "links that were opened", connects },
};

static void print_stations(struct buf *out, const struct gateway *gateway)
{
    for (size_t f = 0; f < ARRAY_SIZE(figures); f++) {
        metrics_head(out, figures[f].name, figures[f].type, figures[f].help);
        for (size_t i = 0; i < gateway->station_count; i++) {
            struct station_entry *entry = gateway->stations[i];
            const char *const labels[] = { "station", station_entry_config(entry)->id, NULL };
            metrics_value(out, figures[f].name, labels,
                          figures[f].of(gateway, entry, station_entry_item(entry)));
        }
    }
    metrics_head(out, "ocpp_station_answer_seconds", "histogram", "how long the CSMS takes to answer");
    for (size_t i = 0; i < gateway->station_count; i++) {
        const char *const labels[] = { "station", station_entry_config(gateway->stations[i])->id, NULL };
        metrics_histogram(out, "ocpp_station_answer_seconds", labels,
                          &station_entry_traffic(gateway->stations[i])->answers);
    }
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

static void print_chargers(struct buf *out, const struct gateway *gateway)
{
    static const struct {
        const char *name, *type, *help;
        double (*of)(const struct evse_signals *signals); /* NULL: the state, as a label */
    } rows[] = {
        { "ocpp_evse_online", "gauge", "1 while the charger answers", online },
        { "ocpp_evse_state", "gauge", "1, with the state that the charger tells", NULL },
        { "ocpp_evse_power_watts", "gauge", "power that is drawn", power },
        { "ocpp_evse_energy_watthours", "counter", "energy register of the charger", energy },
    };
    for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
        metrics_head(out, rows[r].name, rows[r].type, rows[r].help);
        for (size_t i = 0; i < gateway->station_count; i++) {
            struct printing p = { out, rows[r].name, station_entry_config(gateway->stations[i])->id,
                                  rows[r].of };
            station_entry_each_charger(gateway->stations[i], print_charger, &p);
        }
    }
}

/* ---- buses ---- */

struct bus_printing {
    struct buf *out;
    const char *name;
    size_t offset; /* in struct bus_counters */
    double scale;
};

static void print_bus(void *ctx, const char *name, const struct bus_counters *counters)
{
    const struct bus_printing *p = ctx;
    const char *const labels[] = { "bus", name, NULL };
    const uint64_t *value = (const uint64_t *)(const void *)((const char *)counters + p->offset);
    metrics_value(p->out, p->name, labels, (double)*value * p->scale);
}

static void print_buses(struct buf *out, const struct gateway *gateway)
{
    static const struct {
        const char *name, *help;
        size_t offset;
        double scale;
    } rows[] = {
        { "ocpp_bus_busy_seconds_total", "time that exchanges took: its rate is the load",
          offsetof(struct bus_counters, busy_ms), 0.001 },
        { "ocpp_bus_requests_total", "requests to devices", offsetof(struct bus_counters, requests), 1 },
        { "ocpp_bus_answers_total", "answers of devices", offsetof(struct bus_counters, answers), 1 },
        { "ocpp_bus_timeouts_total", "requests without an answer", offsetof(struct bus_counters, timeouts),
          1 },
        { "ocpp_bus_exceptions_total", "requests that a device refused",
          offsetof(struct bus_counters, exceptions), 1 },
        { "ocpp_bus_bad_frames_total", "frames that were none", offsetof(struct bus_counters, bad_frames),
          1 },
        { "ocpp_bus_late_answers_total", "answers after their time",
          offsetof(struct bus_counters, late_answers), 1 },
    };
    for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
        struct bus_printing p = { out, rows[r].name, rows[r].offset, rows[r].scale };
        metrics_head(out, rows[r].name, "counter", rows[r].help);
        resources_each_counter(&gateway->resources, print_bus, &p);
    }
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

static void get_metrics(struct api_request *request)
{
    const struct gateway *gateway = api_gateway(request);
    struct buf out;
    if (gateway->config->management.metrics == 0 && api_role(request) < ROLE_VIEWER) {
        api_problem(request, 401,
                    "send a token (Authorization: Bearer ...), or set management.metrics: open");
        return;
    }
    buf_init(&out, HTTP_MAX_ANSWER);
    print_process(&out, gateway);
    print_stations(&out, gateway);
    print_chargers(&out, gateway);
    print_buses(&out, gateway);
    if (out.err)
        api_problem(request, 500, "out of memory");
    else
        api_answer_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", buf_string(&out));
    buf_done(&out);
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
