/* Routes about the site as a whole: overview, power, CSMS connections, buses, certificates, reload. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "gateway/api_routes.h"
#include "gateway/config_change.h"
#include "gateway/meters.h"
#include "gateway/power_history.h"
#include "gateway/problems_json.h"
#include "gateway/scan_request.h"
#include "gateway/site_walk.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"
#include "pki/pki.h"
#include "station/station.h"

#define ATTENTION_MAX 200

/* ---- overview ---- */

struct counting {
    size_t evses, states[EVSE_STATES], offline;
};

static void count_charger(void *ctx, const struct station_charger *c)
{
    struct counting *counting = ctx;
    for (int i = 1; i <= (int)c->config->profile->evse_count; i++) {
        const struct evse_signals *signals = charger_signals(c->charger, i);
        counting->evses++;
        if (signals->online)
            counting->states[signals->state]++;
        else
            counting->offline++;
    }
}

static json_t *states_json(const struct counting *counting)
{
    json_t *json = json_object();
    for (int i = 0; i < EVSE_STATES; i++)
        if (counting->states[i] > 0)
            (void)json_set_optional(json, evse_state_names[i], json_integer((json_int_t)counting->states[i]));
    if (counting->offline > 0)
        (void)json_set_optional(json, "offline", json_integer((json_int_t)counting->offline));
    return json;
}

/* Errors before warnings; what is only to be known stands with its station. */
static void add_attention(json_t *list, const struct gateway *gateway, const char *severity)
{
    for (size_t i = 0; i < gateway->station_count; i++) {
        const char *id = station_entry_config(gateway->stations[i])->id;
        const json_t *row;
        size_t index;
        json_array_foreach(json_object_get(station_entry_item(gateway->stations[i]), "attention"), index, row)
        {
            if (!str_equal(json_get_string(row, "severity", ""), severity) ||
                json_array_size(list) >= ATTENTION_MAX)
                continue;
            json_t *copy = json_copy((json_t *)row);
            (void)json_set_text(copy, "station", id);
            if (copy)
                (void)json_array_append_new(list, copy);
        }
    }
}

json_t *site_overview(const struct gateway *gateway, bool with_attention)
{
    struct counting counting = { 0 };
    size_t connected = 0;
    char now[TIMESTAMP_SIZE];
    for (size_t i = 0; i < gateway->station_count; i++) {
        connected += station_entry_is_connected(gateway->stations[i]);
        station_entry_each_charger(gateway->stations[i], count_charger, &counting);
    }
    timestamp_format(env_wall_ms(&gateway->loop.env), now);
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:{s:I, s:I}, s:{s:I, s:o}}", "version", GATEWAY_VERSION, "time", now,
        "uptimeSeconds", (json_int_t)((env_now_ms(&gateway->loop.env) - gateway->started_ms) / 1000),
        "stations", "total", (json_int_t)gateway->station_count, "connected", (json_int_t)connected, "evses",
        "total", (json_int_t)counting.evses, "byState", states_json(&counting));
    double power_W = gateway->power ? power_history_now_W(gateway->power) : NAN;
    if (!isnan(power_W))
        (void)json_set_optional(json, "powerW", json_real(power_W));
    if (with_attention) {
        json_t *list = json_array();
        add_attention(list, gateway, "error");
        add_attention(list, gateway, "warning");
        (void)json_set_optional(json, "attention", list);
    }
    return json;
}

static void get_overview(struct api_request *request)
{
    api_answer(request, 200, site_overview(api_gateway(request), true));
}

/* ---- status: an object whose lists are told some in each turn of the loop ---- */

struct status {
    struct site_walk walk;
    bool has_begun, is_in_stations;
    size_t bus, told; /* the next one; stations */
};

static void status_free(void *ctx)
{
    struct status *status = ctx;
    site_walk_done(&status->walk);
    free(status);
}

/* The object up to its first list. */
static void print_head(struct buf *out, const struct gateway *gateway)
{
    int64_t uptime_ms = env_now_ms(&gateway->loop.env) - gateway->started_ms;
    AUTO(json_t) *head = json_pack("{s:s, s:s, s:I, s:o}", "version", GATEWAY_VERSION, "configuration",
                                   gateway->config_path, "uptimeSeconds", (json_int_t)(uptime_ms / 1000),
                                   "external_limits", meters_status(gateway->meters));
    AUTO_FREE char *text = head ? json_to_text(head) : NULL;
    if (text)
        buf_append(out, text, strlen(text) - 1); /* the object goes on */
    else
        out->err = -ENOMEM;
    buf_text(out, ",\"buses\":[");
}

/* Takes the reference; NULL: out of memory. */
static void print_item(struct buf *out, bool is_first, json_t *item)
{
    AUTO_FREE char *text = item ? json_to_text(item) : NULL;
    json_decref(item);
    if (!is_first)
        buf_u8(out, ',');
    if (text)
        buf_text(out, text);
    else
        out->err = -ENOMEM;
}

static bool print_status(void *ctx, struct buf *out)
{
    struct status *status = ctx;
    struct site_walk *walk = &status->walk;
    if (!status->has_begun)
        print_head(out, walk->gateway);
    status->has_begun = true;
    for (; status->bus < walk->bus_count && out->len < API_PIECE; status->bus++)
        print_item(out, status->bus == 0,
                   gateway_bus_json(walk->buses[status->bus].name, &walk->buses[status->bus].counters));
    if (status->bus < walk->bus_count)
        return true;
    if (!status->is_in_stations)
        buf_text(out, "],\"stations\":[");
    status->is_in_stations = true;
    while (walk->next < walk->id_count && out->len < API_PIECE) {
        const struct station_entry *entry = site_walk_next(walk);
        if (entry)
            print_item(out, status->told++ == 0, station_entry_status(entry));
    }
    if (walk->next < walk->id_count)
        return true;
    buf_text(out, "]}");
    return false;
}

static void get_status(struct api_request *request)
{
    struct status *status = calloc(1, sizeof(*status));
    if (!status || site_walk_init(&status->walk, api_gateway(request)) < 0) {
        if (status)
            status_free(status);
        api_problem(request, 503, "out of memory");
        return;
    }
    api_answer_pieces(request, "application/json", print_status, status_free, status);
}

static void get_power(struct api_request *request)
{
    int64_t seconds;
    const char *station = api_query(request, "station", NULL);
    if (str_to_int(api_query(request, "seconds", "3600"), 60, POWER_MAX_SECONDS, &seconds) < 0)
        api_problem(request, 400, "seconds: expected 60 to %d", POWER_MAX_SECONDS);
    else if (station && !gateway_station(api_gateway(request), station))
        api_problem(request, 404, "no station of this id");
    else
        api_answer(request, 200, power_history_json(api_gateway(request)->power, station, seconds));
}

/* ---- connections ---- */

static json_t *csms_json(const struct gateway *gateway, size_t index)
{
    const struct csms_config *csms = &gateway->config->csms[index];
    size_t count = 0, connected = 0;
    for (size_t i = 0; i < gateway->station_count; i++)
        if ((size_t)station_entry_config(gateway->stations[i])->csms == index) {
            count++;
            connected += station_entry_is_connected(gateway->stations[i]);
        }
    json_t *json = json_pack("{s:s, s:s, s:i, s:b, s:I, s:I}", "name", csms->name, "url", csms->url,
                             "securityProfile", csms->security_profile, "compression", csms->compression,
                             "stations", (json_int_t)count, "connected", (json_int_t)connected);
    (void)json_set_text(json, "caFile", csms->ca_file);
    return json;
}

static void get_csms(struct api_request *request)
{
    const struct gateway *gateway = api_gateway(request);
    json_t *list = json_array();
    for (size_t i = 0; list && i < gateway->config->csms_count; i++)
        (void)json_array_append_new(list, csms_json(gateway, i));
    api_answer_page(request, list);
}

struct bus_list {
    json_t *items, *by_name;
    bool is_short; /* of memory */
};

static void add_bus(void *ctx, const char *name, const struct bus_counters *counters)
{
    struct bus_list *list = ctx;
    json_t *bus = gateway_bus_json(name, counters);
    if (json_object_set(list->by_name, name, bus) < 0 || json_array_append(list->items, bus) < 0)
        list->is_short = true;
    json_decref(bus);
}

/* Also of one that is not open, since no charger is on it. `settings` is taken over. */
static void add_settings(struct bus_list *list, const char *name, json_t *settings)
{
    if (!json_object_get(list->by_name, name))
        add_bus(list, name, &(struct bus_counters){ 0 });
    if (json_object_set_new(json_object_get(list->by_name, name), "settings", settings) < 0)
        list->is_short = true;
}

static json_t *ocpp16_json(const struct ocpp16_config *ocpp16)
{
    const struct ocpp16_settings *s = &ocpp16->settings;
    return json_pack("{s:o, s:b}", "listen",
                     json_sprintf(strchr(s->address, ':') ? "[%s]:%u" : "%s:%u", s->address, s->port), "tls",
                     ocpp16->cert_file != NULL);
}

static void get_buses(struct api_request *request)
{
    const struct gateway *gateway = api_gateway(request);
    const struct config *config = gateway->config;
    AUTO(json_t) *items = json_array(), *by_name = json_object();
    struct bus_list list = { items, by_name, false };
    resources_each_counter(&gateway->resources, add_bus, &list);
    for (size_t i = 0; i < config->bus_count; i++)
        add_settings(&list, config->buses[i].name, scan_settings_json(&config->buses[i].settings));
    if (config->ocpp16.listen)
        add_settings(&list, "ocpp16", ocpp16_json(&config->ocpp16));
    api_answer_page(request, list.is_short ? NULL : STEAL(items));
}

/* ---- certificates ---- */

static json_t *certificate_json(const char *pem)
{
    struct pki_info info;
    char before[TIMESTAMP_SIZE], after[TIMESTAMP_SIZE];
    if (pki_read(pem, &info) != PKI_OK)
        return NULL;
    timestamp_format(info.not_before_ms, before);
    timestamp_format(info.not_after_ms, after);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "subject", info.subject_common_name,
                     "organization", info.subject_organization, "issuer", info.issuer_common_name,
                     "notBefore", before, "notAfter", after, "selfSigned", info.is_self_signed, "fingerprint",
                     info.fingerprint);
}

/* Of a station that shows one to its CSMS. */
static json_t *station_certificate_json(const struct station_entry *entry)
{
    const struct station *station = station_entry_station(entry);
    AUTO(json_t) *status = station_status(station);
    const json_t *own = json_object_get(status, "certificate");
    json_t *row = certificate_json(station_certificate(station));
    (void)json_set_text(row, "use", "station");
    (void)json_set_text(row, "station", station_entry_config(entry)->id);
    (void)json_set_text(row, "request", json_get_string(own, "request", ""));
    (void)json_set_text(row, "ocsp", json_get_string(own, "ocsp", ""));
    return row;
}

/* NULL: this server uses none. */
static json_t *management_certificate_json(const struct gateway *gateway)
{
    const char *pem = management_certificate(gateway->management);
    json_t *row = pem ? certificate_json(pem) : NULL;
    (void)json_set_text(row, "use", "management");
    (void)json_set_optional(row, "configured", json_boolean(gateway->config->management.cert_file != NULL));
    return row;
}

static bool shows_certificate(const struct gateway *gateway, size_t index)
{
    const struct station_entry *entry = gateway->stations[index];
    return gateway->config->csms[station_entry_config(entry)->csms].security_profile == 3 &&
           station_certificate(station_entry_station(entry));
}

/* Only those of the page are read: that takes a while for each. */
static void get_certificates(struct api_request *request)
{
    const struct gateway *gateway = api_gateway(request);
    size_t offset, limit, total = 0;
    if (!api_page(request, &offset, &limit))
        return;
    json_t *list = json_array();
    const char *text = api_query(request, "q", "");
    json_t *own = strcasestr("management", text) ? management_certificate_json(gateway) : NULL;
    if (own && total++ >= offset)
        (void)json_array_append(list, own);
    json_decref(own);
    for (size_t i = 0; list && i < gateway->station_count; i++) {
        if (!shows_certificate(gateway, i) ||
            !strcasestr(station_entry_config(gateway->stations[i])->id, text))
            continue;
        if (total >= offset && json_array_size(list) < limit)
            (void)json_array_append_new(list, station_certificate_json(gateway->stations[i]));
        total++;
    }
    api_answer(request, 200,
               list ? json_pack("{s:o, s:I, s:I, s:I}", "items", list, "total", (json_int_t)total, "offset",
                                (json_int_t)offset, "limit", (json_int_t)limit)
                    : NULL);
}

static void put_certificate(struct api_request *request)
{
    const char *cert = api_need_text(request, "cert");
    const char *key = cert ? api_need_text(request, "key") : NULL;
    if (!key)
        return;
    const char *old = management_certificate(api_gateway(request)->management);
    AUTO(json_t) *before = old ? json_pack("{s:s}", "cert", old) : NULL;
    int r = management_set_certificate(api_gateway(request)->management, cert, key);
    if (r == -EPERM)
        api_problem(request, 409, "gateway.yaml names the certificate (management.cert): change it there");
    else if (r == -ENOTCONN)
        api_problem(request, 409, "the management server does not use TLS");
    else if (r == -EINVAL)
        api_problem(request, 422, "expected a PEM certificate (chain) and its PEM key without a password");
    else if (r < 0)
        api_problem(request, 503, "it cannot be kept: %s", err_text(r));
    else {
        api_audit(request, "certificate.management", "", STEAL(before), json_pack("{s:s}", "cert", cert));
        api_answer(request, 204, NULL);
    }
}

static void on_reloaded(void *ctx, int err, const struct problems *problems, json_t *changes)
{
    json_t *answer = json_pack("{s:o}", "problems", problems_json(problems, ""));
    if (err < 0) {
        api_problem_with(ctx, 422, answer, "refused: the running configuration stays");
        return;
    }
    api_audit(ctx, "reload", "", NULL, json_incref(changes));
    api_answer(ctx, 200, answer);
}

static void post_reload(struct api_request *request)
{
    int r = config_change_reload(api_gateway(request), on_reloaded, request);
    if (r < 0)
        api_refuse_job(request, r);
}

const struct api_route api_site_routes[] = {
    { HTTP_POST, API_PREFIX "/reload", ROLE_ADMIN, post_reload, "applies the changed configuration", NULL },
    { HTTP_GET, API_PREFIX "/overview", ROLE_VIEWER, get_overview, "the site in one look", NULL },
    { HTTP_GET, API_PREFIX "/status", ROLE_VIEWER, get_status, "all stations, buses and limits at length",
      NULL },
    { HTTP_GET, API_PREFIX "/power", ROLE_VIEWER, get_power, "power over time", "station,seconds" },
    { HTTP_GET, API_PREFIX "/csms", ROLE_VIEWER, get_csms, "connections to CSMSs", "q,offset,limit" },
    { HTTP_GET, API_PREFIX "/buses", ROLE_VIEWER, get_buses, "buses and their counters", "q,offset,limit" },
    { HTTP_GET, API_PREFIX "/certificates", ROLE_VIEWER, get_certificates, "certificates in use, by station",
      "q,offset,limit" },
    { HTTP_PUT, API_PREFIX "/certificates/management", ROLE_ADMIN, put_certificate,
      "another certificate of this server: {cert, key} in PEM", NULL },
    { 0 },
};
