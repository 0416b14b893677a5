/* Wires one station: charger signals up, commands down, frames to the WebSocket, records to the store.
 *
 *     device (driver) -> charger -> station -> WebSocket
 *     device (driver) <- charger <- station <- WebSocket          station <-> store
 *
 * EVSEs are numbered through all chargers in the configuration's order. */
#include "gateway/station_entry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "charger/charger.h"
#include "gateway/csr_job.h"
#include "gateway/log_job.h"
#include "gateway/station_charger.h"
#include "gateway/station_firmware.h"
#include "gateway/station_item.h"
#include "gateway/transaction_history.h"
#include "net/websocket.h"

struct station_entry {
    struct gateway *gateway;
    const struct station_config *config;
    struct station *station;
    struct station_firmware *firmware; /* NULL: nothing to update */
    struct resource *endpoint;
    struct websocket *websocket;
    bool websocket_is_up, started;
    bool store_fails; /* told once, not for each record */
    int64_t ping_interval_ms;
    struct timer closed_timer; /* tells the station that the link it closed, or could not have, is down */
    enum link_failure closed_failure;
    struct csr_job *csr_job; /* under way, or NULL */
    uint32_t csr_ticket;
    struct timer csr_timer;  /* tells that it could not be begun */
    struct log_job *log_job; /* or NULL */
    struct station_charger *chargers;
    size_t charger_count;
    uint32_t *tickets; /* of batches in the store, oldest first: a ring of ticket_size */
    size_t ticket_first, ticket_count, ticket_size;
    json_t *item; /* what lists show of it; NULL: to be made */
    bool was_touched;
    struct transaction_history told;
    struct traffic traffic;
};

void station_entry_touch(struct station_entry *entry)
{
    json_decref(entry->item);
    entry->item = NULL;
    entry->was_touched = true;
}

const struct traffic *station_entry_traffic(const struct station_entry *entry)
{
    return &entry->traffic;
}

bool station_entry_was_touched(struct station_entry *entry)
{
    bool was_touched = entry->was_touched;
    entry->was_touched = false;
    return was_touched;
}

const json_t *station_entry_item(struct station_entry *entry)
{
    if (!entry->item)
        entry->item = station_item(entry);
    return entry->item;
}

/* ---- the link ---- */

static void on_open(void *ctx, const char *subprotocol)
{
    struct station_entry *entry = ctx;
    log_info(LOG_GATEWAY, "connected to CSMS: station=%s csms=%s subprotocol=%s", entry->config->id,
             entry->config->csms_name, subprotocol);
    entry->websocket_is_up = true;
    traffic_connected(&entry->traffic);
    websocket_set_ping_interval(entry->websocket, entry->ping_interval_ms);
    station_on_link_up(entry->station);
    station_entry_touch(entry);
}

static void on_message(void *ctx, const char *text, size_t len)
{
    struct station_entry *entry = ctx;
    station_on_frame(entry->station, text, len);
}

static enum link_failure failure_of(const struct websocket_end *end)
{
    switch (end->failure) {
    case WEBSOCKET_CLOSED:
    case WEBSOCKET_LOST:
        return LINK_LOST;
    case WEBSOCKET_UNREACHABLE:
        return LINK_UNREACHABLE;
    case WEBSOCKET_TLS_FAILED:
        return LINK_TLS_FAILED;
    case WEBSOCKET_TLS_CERTIFICATE:
        return LINK_TLS_CERTIFICATE;
    case WEBSOCKET_TLS_VERSION:
        return LINK_TLS_VERSION;
    case WEBSOCKET_TLS_SUITES:
        return LINK_TLS_SUITES;
    case WEBSOCKET_REFUSED:
        return LINK_REFUSED;
    case WEBSOCKET_NO_SUBPROTOCOL:
        return LINK_NO_SUBPROTOCOL;
    }
    return LINK_LOST;
}

static void on_close(void *ctx, const struct websocket_end *end)
{
    struct station_entry *entry = ctx;
    enum link_failure failure = failure_of(end);
    bool was_up = entry->websocket_is_up;
    struct websocket *websocket = STEAL(entry->websocket);
    entry->websocket_is_up = false;
    if (was_up)
        log_warn(LOG_GATEWAY, "connection to CSMS lost: station=%s csms=%s code=%d reason=\"%s\"",
                 entry->config->id, entry->config->csms_name, end->status, end->text);
    station_on_link_down(entry->station, failure, end->text);
    station_entry_touch(entry);
    websocket_free(websocket, 1000); /* end->text was its own */
}

static const struct websocket_events websocket_events = { on_open, on_message, on_close };

static void on_closed_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station_entry *entry = ctx;
    station_on_link_down(entry->station, entry->closed_failure,
                         entry->closed_failure == LINK_LOST ? "closed by the station" : "cannot be set up");
}

static void drop_link(struct station_entry *entry, int close_code)
{
    if (entry->websocket)
        websocket_free(entry->websocket, close_code);
    entry->websocket = NULL;
    entry->websocket_is_up = false;
}

/* ---- struct station_ops ---- */

/* The endpoint of the target, made or found; the old one goes when its connections have ended. */
static int use_endpoint(struct station_entry *entry, const struct link_target *target)
{
    const struct csms_config *csms = &entry->gateway->config->csms[entry->config->csms];
    bool secured = target->security_profile >= 2;
    struct endpoint_key key = {
        .name = csms->name,
        .url = target->url,
        .ca_file = csms->ca_file,
        .compression = csms->compression,
        .roots_pem = secured ? target->trusted_pem : NULL,
        .certificate_pem = target->certificate_pem,
        .key = target->key,
        .pin = target->key && key_is_uri(target->key) ? entry->config->pin : NULL,
        .allows_wildcards = target->allows_wildcards,
        .max_message = csms->max_message,
    };
    struct resource *endpoint;
    int r = resource_endpoint(&entry->gateway->resources, &key, &endpoint);
    if (r < 0)
        return r;
    resource_put(entry->endpoint);
    entry->endpoint = endpoint;
    return 0;
}

static void op_connect(void *ctx, const struct link_target *target)
{
    struct station_entry *entry = ctx;
    entry->ping_interval_ms = target->ping_interval_ms;
    drop_link(entry, 1000);
    timer_stop(&entry->closed_timer);
    if (use_endpoint(entry, target) == 0)
        entry->websocket = websocket_connect(resource_as_endpoint(entry->endpoint), entry->config->id,
                                             entry->config->id, target->password, &websocket_events, entry);
    if (entry->websocket)
        return;
    entry->closed_failure = LINK_TLS_FAILED;
    env_timer_start(&entry->gateway->loop.env, &entry->closed_timer, 0);
}

static void op_disconnect(void *ctx)
{
    struct station_entry *entry = ctx;
    if (entry
            ->websocket_is_up) { /* on_close tells when it is gone: a CSMS may mix up two links of one station */
        entry->websocket_is_up = false;
        websocket_close(entry->websocket, 1000);
        return;
    }
    drop_link(entry, 1000);
    entry->closed_failure = LINK_LOST;
    env_timer_start(&entry->gateway->loop.env, &entry->closed_timer, 0);
}

static void op_set_ping_interval(void *ctx, int64_t interval_ms)
{
    struct station_entry *entry = ctx;
    entry->ping_interval_ms = interval_ms;
    if (entry->websocket_is_up)
        websocket_set_ping_interval(entry->websocket, interval_ms);
}

static int op_send(void *ctx, const char *text, size_t len)
{
    struct station_entry *entry = ctx;
    int r = entry->websocket_is_up ? websocket_send(entry->websocket, text, len) : -ENOTCONN;
    if (r ==
        -ENOBUFS) { /* it asks and does not listen: what cannot be answered here may be on another link */
        log_warn(LOG_GATEWAY, "the CSMS takes nothing any more, the link is closed: station=%s csms=%s",
                 entry->config->id, entry->config->csms_name);
        entry->websocket_is_up = false;
        websocket_close(entry->websocket, 1008);
    }
    return r;
}

static int push_ticket(struct station_entry *entry, uint32_t ticket)
{
    if (entry->ticket_count == entry->ticket_size) {
        size_t size = entry->ticket_size ? entry->ticket_size * 2 : 8;
        uint32_t *grown = calloc(size, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        for (size_t i = 0; i < entry->ticket_count; i++)
            grown[i] = entry->tickets[(entry->ticket_first + i) % entry->ticket_size];
        free(entry->tickets);
        entry->tickets = grown;
        entry->ticket_size = size;
        entry->ticket_first = 0;
    }
    entry->tickets[(entry->ticket_first + entry->ticket_count++) % entry->ticket_size] = ticket;
    return 0;
}

static void on_written(void *ctx, int err)
{
    struct station_entry *entry = ctx;
    uint32_t ticket = entry->tickets[entry->ticket_first];
    entry->ticket_first = (entry->ticket_first + 1) % entry->ticket_size;
    entry->ticket_count--;
    transaction_history_on_written(&entry->told, err);
    if (err < 0 && !entry->store_fails)
        log_error(LOG_STORE, "records cannot be written: station=%s error=\"%s\"", entry->config->id,
                  err_text(err));
    else if (err == 0 && entry->store_fails)
        log_info(LOG_STORE, "records are written again: station=%s", entry->config->id);
    entry->store_fails = err < 0;
    if (ticket)
        station_on_persisted(entry->station, ticket, err);
}

static int op_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket)
{
    struct station_entry *entry = ctx;
    int r = push_ticket(entry, ticket);
    if (r < 0)
        return r;
    r = transaction_history_write(&entry->told, records, count, on_written, entry);
    if (r < 0)
        entry->ticket_count--;
    return r;
}

static struct station_charger *charger_of(struct station_entry *entry, int evse)
{
    for (size_t i = entry->charger_count; i-- > 0;)
        if (evse >= entry->chargers[i].first_evse)
            return &entry->chargers[i];
    return NULL;
}

static void op_command(void *ctx, int evse, const struct evse_command *command)
{
    struct station_entry *entry = ctx;
    struct station_charger *c = charger_of(entry, evse);
    charger_command(c->charger, evse - c->first_evse + 1, command);
}

static void op_device_health(void *ctx, int evse, struct device_health *ret)
{
    const struct station_charger *c = charger_of(ctx, evse);
    if (c->link.device)
        *ret = *c->link.ops->health(c->link.device);
    ret->online = charger_signals(c->charger, evse - c->first_evse + 1)->online;
}

static void op_show(void *ctx, int evse, const struct evse_display *display)
{
    struct station_entry *entry = ctx;
    struct station_charger *c = charger_of(entry, evse);
    charger_show(c->charger, evse - c->first_evse + 1, display);
}

static void op_answer_token(void *ctx, int evse, bool accepted)
{
    struct station_entry *entry = ctx;
    struct station_charger *c = charger_of(entry, evse);
    charger_answer_token(c->charger, evse - c->first_evse + 1, accepted);
}

static int op_firmware(void *ctx, const struct firmware_job *job)
{
    struct station_entry *entry = ctx;
    struct firmware_job trusting = *job;
    if (job->step == FIRMWARE_DOWNLOAD && !job->trusted_pem)
        trusting.trusted_pem = entry->gateway->config->csms[entry->config->csms].ca_pem;
    return station_firmware_ask(entry->firmware, &trusting);
}

void station_entry_keep(struct station_entry *entry, const char *key, const char *value)
{
    (void)op_persist(entry, &(struct record){ RECORD_DEVICE, key, value }, 1, 0);
}

bool station_entry_is_installing(const struct station_entry *entry)
{
    return station_firmware_has_hook(entry->firmware);
}

static void on_firmware_done(void *ctx, uint32_t ticket, enum firmware_outcome outcome)
{
    struct station_entry *entry = ctx;
    station_on_firmware_done(entry->station, ticket, outcome);
}

static void op_frame(void *ctx, bool outgoing, const char *text, size_t len)
{
    struct station_entry *entry = ctx;
    traffic_frame(&entry->traffic, outgoing, text, len, env_now_ms(&entry->gateway->loop.env));
    station_entry_touch(entry);
    events_frame(&entry->gateway->events, entry->config->id, outgoing, text, len);
}

static void on_csr_made(void *ctx, const char *csr, const char *key, int err)
{
    struct station_entry *entry = ctx;
    entry->csr_job = NULL;
    station_on_csr(entry->station, entry->csr_ticket, csr, key, err);
}

static void on_csr_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station_entry *entry = ctx;
    station_on_csr(entry->station, entry->csr_ticket, NULL, NULL, -ENOMEM);
}

static void op_make_csr(void *ctx, const struct csr_request *request, uint32_t ticket)
{
    struct station_entry *entry = ctx;
    const struct station_config *config = entry->config;
    struct csr_settings settings = {
        .key_uri = config->key_text && key_is_uri(config->key_text) ? config->key_text : NULL,
        .type = (enum key_type)config->key_type,
        .common_name = request->common_name,
        .organization = request->organization[0] ? request->organization : NULL,
        .pin = config->pin,
    };
    csr_job_cancel(entry->csr_job);
    entry->csr_ticket = ticket;
    entry->csr_job = csr_job_start(&entry->gateway->loop, &settings, on_csr_made, entry);
    if (!entry->csr_job)
        env_timer_start(&entry->gateway->loop.env, &entry->csr_timer, 0);
}

static void on_log_job_ended(void *ctx, int err)
{
    struct station_entry *entry = ctx;
    log_job_free(STEAL(entry->log_job));
    station_on_log_uploaded(entry->station, err);
}

static int op_upload_log(void *ctx, const struct log_request *request)
{
    struct station_entry *entry = ctx;
    return log_job_start(entry->gateway, entry, request, on_log_job_ended, entry, &entry->log_job);
}

static bool op_has_log(void *ctx, const struct log_request *request)
{
    struct station_entry *entry = ctx;
    return log_job_has_log(entry->gateway, entry, request);
}

static void op_cancel_log(void *ctx)
{
    struct station_entry *entry = ctx;
    log_job_free(STEAL(entry->log_job));
}

static const struct station_ops station_ops = {
    .make_csr = op_make_csr,
    .connect = op_connect,
    .disconnect = op_disconnect,
    .set_ping_interval = op_set_ping_interval,
    .send = op_send,
    .persist = op_persist,
    .command = op_command,
    .show = op_show,
    .answer_token = op_answer_token,
    .device_health = op_device_health,
    .firmware = op_firmware,
    .upload_log = op_upload_log,
    .has_log = op_has_log,
    .cancel_log = op_cancel_log,
    .on_frame = op_frame,
};

/* ---- life ---- */

static int make_chargers(struct station_entry *entry, struct evse_abilities *abilities)
{
    const struct station_config *config = entry->config;
    entry->chargers = calloc(config->charger_count, sizeof(*entry->chargers));
    if (!entry->chargers)
        return -ENOMEM;
    int evse = 1;
    for (size_t i = 0; i < config->charger_count; i++) {
        struct station_charger *c = &entry->chargers[i];
        c->gateway = entry->gateway;
        c->entry = entry;
        c->config = &config->chargers[i];
        c->first_evse = evse;
        entry->charger_count++;
        int r = station_charger_make(c);
        if (r < 0)
            return r;
        for (size_t n = 0; n < c->config->profile->evse_count; n++, evse++) {
            abilities[evse - 1] = c->config->profile->evses[n].abilities;
            if (n == 0 && config->charger_count > 1) {
                abilities[evse - 1].variables = c->config->profile->variables;
                abilities[evse - 1].variable_count += c->config->profile->own_variable_count;
            }
            if (c->config->max_current_A < abilities[evse - 1].max_current_A) {
                abilities[evse - 1].max_current_A = c->config->max_current_A;
                charger_set_max_current(c->charger, (int)n + 1, c->config->max_current_A);
            }
        }
    }
    return 0;
}

static int make_station(struct station_entry *entry, const struct evse_abilities *abilities)
{
    const struct station_config *config = entry->config;
    const struct profile *profile = config->chargers[0].profile;
    const struct csms_config *csms = &entry->gateway->config->csms[config->csms];
    struct variable_preset presets[CONFIG_MAX_PRESETS];
    for (size_t i = 0; i < config->preset_count; i++)
        presets[i] = (struct variable_preset){ config->presets[i].component, config->presets[i].variable,
                                               config->presets[i].instance, config->presets[i].value };
    struct station_settings settings = {
        .id = config->id,
        .vendor = config->vendor ? config->vendor : profile->vendor,
        .model = config->model          ? config->model
                 : profile->model_count ? profile->models[0]
                                        : profile->name,
        .serial_number = config->serial_number,
        .firmware_version = GATEWAY_VERSION,
        .password = config->password,
        .csms_url = csms->url,
        .trusted_pem = csms->ca_pem,
        .certificate_pem = config->certificate_pem,
        .key = config->certificate_pem ? config->key_text : NULL,
        .security_profile = csms->security_profile,
        .evse_count = config->evse_count,
        .evses = abilities,
        .variables = config->charger_count == 1 ? profile->variables : NULL,
        .variable_count = config->charger_count == 1 ? profile->own_variable_count : 0,
        .presets = presets,
        .preset_count = config->preset_count,
        .max_message = csms->max_message,
        .limits = csms->limits,
        .firmware = station_firmware_settings(entry->firmware, entry->gateway),
        .host_boot = *entry->gateway->host_boot ? entry->gateway->host_boot : NULL,
    };
    entry->station = station_new(&entry->gateway->loop.env, &settings, &station_ops, entry);
    return entry->station ? 0 : -ENOMEM;
}

static void restore_record(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    struct station_entry *entry = ctx;
    transaction_history_restore(&entry->told, kind, key, value);
    station_restore(entry->station, kind, key, value);
}

static int make(struct station_entry *entry)
{
    struct evse_abilities *abilities = calloc(entry->config->evse_count, sizeof(*abilities));
    if (!abilities)
        return -ENOMEM;
    int r = make_chargers(entry, abilities);
    if (r == 0)
        r = station_firmware_new(entry->gateway, entry->config, on_firmware_done, entry, &entry->firmware);
    if (r == 0)
        r = make_station(entry, abilities);
    free(abilities);
    if (r == 0)
        r = store_read(entry->gateway->store, entry->config->id, restore_record, entry);
    for (size_t i = 0; r == 0 && i < entry->charger_count; i++)
        r = station_charger_start(&entry->chargers[i]);
    return r;
}

int station_entry_new(struct gateway *gateway, const struct station_config *config,
                      struct station_entry **ret)
{
    AUTO(station_entry) *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return -ENOMEM;
    entry->gateway = gateway;
    entry->config = config;
    transaction_history_init(&entry->told, gateway->history, gateway->store, config->id);
    timer_init(&entry->closed_timer, gateway->loop.env.timers, on_closed_timer, entry);
    timer_init(&entry->csr_timer, gateway->loop.env.timers, on_csr_timer, entry);
    int r = make(entry);
    if (r < 0) {
        log_error(LOG_GATEWAY, "station cannot be made: station=%s error=\"%s\"", config->id, err_text(r));
        return r;
    }
    *ret = STEAL(entry);
    return 0;
}

void station_entry_start(struct station_entry *entry, int64_t delay_ms)
{
    entry->started = true;
    station_start(entry->station, delay_ms);
}

bool station_entry_is_started(const struct station_entry *entry)
{
    return entry->started;
}

bool station_entry_is_connected(const struct station_entry *entry)
{
    return entry->websocket_is_up;
}

void station_entry_stop(struct station_entry *entry)
{
    station_stop(entry->station);
    drop_link(entry, 1001);
    timer_stop(&entry->closed_timer);
}

void station_entry_free(struct station_entry *entry)
{
    if (!entry)
        return;
    if (entry->station)
        drop_link(entry, 1001);
    timer_stop(&entry->closed_timer);
    timer_stop(&entry->csr_timer);
    csr_job_cancel(entry->csr_job);
    for (size_t i = 0; i < entry->charger_count; i++)
        station_charger_done(&entry->chargers[i]);
    station_firmware_free(entry->firmware);
    station_free(entry->station);
    resource_put(entry->endpoint);
    transaction_history_done(&entry->told);
    store_forget(entry->gateway->store, entry); /* what was written up to here, by any of them */
    free(entry->chargers);
    free(entry->tickets);
    json_decref(entry->item);
    free(entry);
}

void station_entry_rebind(struct station_entry *entry, const struct station_config *config)
{
    entry->config = config;
    station_entry_touch(entry);
    entry->told.station = config->id;
    for (size_t i = 0; i < entry->charger_count; i++)
        entry->chargers[i].config = &config->chargers[i];
}

const struct station_config *station_entry_config(const struct station_entry *entry)
{
    return entry->config;
}

struct station *station_entry_station(const struct station_entry *entry)
{
    return entry->station;
}

static bool reads_key_codes(const struct charger_config *charger)
{
    for (size_t i = 0; i < charger->profile->evse_count; i++)
        if (str_equal(charger->profile->evses[i].abilities.id_token_type, "KeyCode"))
            return true;
    return false;
}

/* C04.FR.04: a key code that is read is in the frames, too; on a bus in those of all its chargers. */
static bool has_secret_frames(const struct station_entry *entry, const struct charger_config *charger)
{
    const struct config *config = entry->gateway->config;
    if (reads_key_codes(charger))
        return true;
    for (size_t i = 0; charger->bus >= 0 && i < config->station_count; i++)
        for (size_t j = 0; j < config->stations[i].charger_count; j++) {
            const struct charger_config *other = &config->stations[i].chargers[j];
            if (other->bus == charger->bus && reads_key_codes(other))
                return true;
        }
    return false;
}

void station_entry_print_frames(const struct station_entry *entry, struct buf *out)
{
    for (size_t i = 0; i < entry->charger_count; i++) {
        const struct station_charger *c = &entry->chargers[i];
        buf_printf(out, "EVSE %d, profile %s\n", c->first_evse, c->config->profile->name);
        if (has_secret_frames(entry, c->config))
            buf_printf(out, "not shown: key codes are read here\n");
        else
            device_link_print_frames(&c->link, c->config, out);
    }
}

/* The station's own view, and beside it what only the chargers know. */
json_t *station_entry_status(const struct station_entry *entry)
{
    json_t *status = station_status(entry->station);
    json_t *list = json_array();
    for (size_t i = 0; i < entry->charger_count; i++) {
        const struct station_charger *c = &entry->chargers[i];
        const struct evse_signals *signals = charger_signals(c->charger, 1);
        double limit_A = charger_limit_A(c->charger, 1);
        json_t *charger =
            json_pack("{s:s, s:i, s:b, s:s}", "profile", c->config->profile->name, "firstEvse", c->first_evse,
                      "online", signals->online, "state", evse_state_names[signals->state]);
        if (!isnan(limit_A))
            (void)json_set_optional(charger, "limitA", json_real(limit_A));
        char hazard[500];
        profile_hazard(c->config->profile, hazard, sizeof(hazard));
        (void)json_set_text(charger, "hazard", hazard);
        (void)json_array_append_new(list, charger);
    }
    (void)json_set_optional(status, "chargers", list);
    (void)json_set_text(status, "csms", entry->config->csms_name);
    return status;
}

void station_entry_tell_points(const struct station_entry *entry, void (*tell)(void *ctx, json_t *event),
                               void *ctx)
{
    for (size_t i = 0; i < entry->charger_count; i++)
        station_charger_tell_points(&entry->chargers[i], tell, ctx);
}

struct station_charger *station_entry_charger(const struct station_entry *entry, int evse)
{
    for (size_t i = 0; i < entry->charger_count; i++) {
        struct station_charger *c = &entry->chargers[i];
        if (evse >= c->first_evse && evse < c->first_evse + (int)c->config->profile->evse_count)
            return c;
    }
    return NULL;
}

void station_entry_each_charger(const struct station_entry *entry,
                                void (*each)(void *ctx, const struct station_charger *charger), void *ctx)
{
    for (size_t i = 0; i < entry->charger_count; i++)
        each(ctx, &entry->chargers[i]);
}
