/* Gathered on the loop when the CSMS asks; between requests only the log's last lines cost memory. */
#include "gateway/diagnostics.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "ocpp/secrets.h"

/* ---- the log ---- */

static void on_log_line(void *ctx, const char *line)
{
    struct gateway *gateway = ctx;
    (void)ring_add(&gateway->log_lines, line, strlen(line));
}

void diagnostics_keep_log(struct gateway *gateway)
{
    ring_init(&gateway->log_lines, DIAGNOSTICS_LOG_BYTES);
    log_set_keeper(on_log_line, gateway);
}

void diagnostics_keep_no_log(struct gateway *gateway)
{
    log_set_keeper(NULL, NULL);
    ring_done(&gateway->log_lines);
}

struct printing {
    const struct station_config *station;
    const struct log_request *request;
    struct buf *out;
    bool found;
};

static bool is_own_station(const struct station_config *station, const char *id, size_t len)
{
    return len == strlen(station->id) && strncmp(id, station->id, len) == 0;
}

/* Of OCPP 1.6, by its identity. */
static bool is_own_charger(const struct station_config *station, const char *identity, size_t len)
{
    for (size_t i = 0; i < station->charger_count; i++) {
        const char *own = station->chargers[i].identity;
        if (own && len == strlen(own) && strncmp(identity, own, len) == 0)
            return true;
    }
    return false;
}

/* What is said of another station, or of a charger of another, is none of this CSMS's business. */
static bool is_of_another(const char *line, const struct station_config *station)
{
    static const struct {
        const char *name;
        bool (*is_own)(const struct station_config *station, const char *value, size_t len);
    } rows[] = { { "station=", is_own_station }, { "charger=", is_own_charger } };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (const char *at = strstr(line, rows[i].name); at; at = strstr(at, rows[i].name)) {
            at += strlen(rows[i].name);
            if (!rows[i].is_own(station, at, strcspn(at, " ,\"\\")))
                return true;
        }
    return false;
}

/* A line begins with its time, alone or as a JSON object's first member. */
static bool is_in_time(const char *line, const struct log_request *request)
{
    static const char member[] = "{\"time\":\"";
    char when[TIMESTAMP_SIZE];
    int64_t ms;
    (void)str_copy(when, sizeof(when), line + (str_starts(line, member) ? strlen(member) : 0));
    return timestamp_parse(when, &ms) < 0 || (ms >= request->oldest_ms && ms <= request->latest_ms);
}

static bool is_asked_for(const struct printing *p, const char *line)
{
    return !is_of_another(line, p->station) && is_in_time(line, p->request);
}

static void print_line(void *ctx, const void *record, size_t len)
{
    const struct printing *p = ctx;
    const char *line = record;
    if (!is_asked_for(p, line))
        return;
    buf_append(p->out, line, len);
    buf_text(p->out, "\n");
}

static void print_log(const struct gateway *gateway, struct station_entry *entry,
                      const struct log_request *request, struct buf *out)
{
    struct printing p = { station_entry_config(entry), request, out, false };
    ring_each(&gateway->log_lines, print_line, &p);
}

static void find_line(void *ctx, const void *record, size_t len)
{
    (void)len;
    struct printing *p = ctx;
    p->found = p->found || is_asked_for(p, record);
}

bool diagnostics_has_line(const struct gateway *gateway, struct station_entry *entry,
                          const struct log_request *request)
{
    struct printing p = { station_entry_config(entry), request, NULL, false };
    ring_each(&gateway->log_lines, find_line, &p);
    return p.found;
}

/* ---- what is, now ---- */

/* Takes the reference. */
static void print_json(json_t *json, struct buf *out)
{
    char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    buf_text(out, text ? text : "{}");
    buf_text(out, "\n");
    free(text);
    json_decref(json);
}

static void print_status(const struct gateway *gateway, struct station_entry *entry,
                         const struct log_request *request, struct buf *out)
{
    (void)gateway;
    (void)request;
    print_json(station_entry_status(entry), out);
}

static void print_variables(const struct gateway *gateway, struct station_entry *entry,
                            const struct log_request *request, struct buf *out)
{
    (void)gateway;
    (void)request;
    print_json(station_inventory(station_entry_station(entry)), out);
}

static void print_devices(const struct gateway *gateway, struct station_entry *entry,
                          const struct log_request *request, struct buf *out)
{
    (void)gateway;
    (void)request;
    station_entry_print_frames(entry, out);
}

/* ---- the configuration ---- */

static json_t *charger_json(const struct charger_config *charger)
{
    json_t *json = json_pack("{s:s, s:i}", "profile", charger->profile_name, "unit", charger->unit);
    (void)json_set_text(json, "tcp", charger->tcp);
    (void)json_set_text(json, "bus", charger->bus_name);
    (void)json_set_text(json, "host", charger->host);
    (void)json_set_text(json, "nodeId", charger->node_id);
    (void)json_set_text(json, "ocpp16", charger->identity);
    if (!isnan(charger->max_current_A))
        (void)json_set_optional(json, "maxCurrentA", json_real(charger->max_current_A));
    return json;
}

/* Passwords are told apart by their variable's name only, so nothing that sounds like one is shown. */
static json_t *preset_json(const struct preset_config *preset)
{
    bool is_secret = strcasestr(preset->variable, "password") || strcasestr(preset->variable, "key");
    json_t *json = json_pack("{s:s, s:s, s:s}", "component", preset->component, "variable", preset->variable,
                             "value", is_secret ? "(hidden)" : preset->value);
    (void)json_set_text(json, "instance", preset->instance);
    return json;
}

static void print_configuration(const struct gateway *gateway, struct station_entry *entry,
                                const struct log_request *request, struct buf *out)
{
    (void)request;
    const struct station_config *config = station_entry_config(entry);
    const struct csms_config *csms = &gateway->config->csms[config->csms];
    json_t *chargers = json_array(), *presets = json_array();
    for (size_t i = 0; i < config->charger_count; i++)
        (void)json_array_append_new(chargers, charger_json(&config->chargers[i]));
    for (size_t i = 0; i < config->preset_count; i++)
        (void)json_array_append_new(presets, preset_json(&config->presets[i]));
    json_t *json =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:i, s:b, s:I}, s:o, s:o}", "version", GATEWAY_VERSION, "station",
                  config->id, "csms", "name", csms->name, "url", csms->url, "securityProfile",
                  csms->security_profile, "compression", csms->compression, "maxMessage",
                  (json_int_t)csms->max_message, "variables", presets, "chargers", chargers);
    (void)json_set_text(json, "vendor", config->vendor);
    (void)json_set_text(json, "model", config->model);
    (void)json_set_text(json, "serialNumber", config->serial_number);
    if (json)
        frame_hide_secrets(json); /* a user in the URL */
    print_json(json, out);
}

const struct diagnostics_text diagnostics_texts[DIAGNOSTICS_TEXTS] = {
    { "gateway.log", print_log },           { "status.json", print_status },
    { "variables.json", print_variables },  { "configuration.json", print_configuration },
    { "device-frames.txt", print_devices },
};
