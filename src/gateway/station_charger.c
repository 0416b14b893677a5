/* Wires one charger: signals and tokens up to the station, values and signals to who watches (station_charger.h). */
#include "gateway/station_charger.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/gateway.h"
#include "gateway/profile_json.h"
#include "gateway/station_entry.h"
#include "station/station.h"

static struct station *station_of(const struct station_charger *c)
{
    return station_entry_station(c->entry);
}

static const char *station_id(const struct station_charger *c)
{
    return station_entry_config(c->entry)->id;
}

/* ---- for who follows ---- */

static const struct events *events_of(const struct station_charger *c)
{
    return &c->gateway->events;
}

static bool is_followed(const struct station_charger *c, enum events_kind kind)
{
    return events_are_followed(events_of(c), kind, station_id(c));
}

/* Whether a change is told. If not, who comes again to follow is told that there was one (untold()). */
static bool is_to_be_told(struct station_charger *c, enum events_kind kind)
{
    if (is_followed(c, kind))
        return true;
    c->untold[kind] = events_next_id(events_of(c));
    return false;
}

static struct device_view view_of(const struct station_charger *c)
{
    return (struct device_view){ station_id(c), c->first_evse, c->config->profile, c->charger, c->raws };
}

static void tell_point(const struct station_charger *c, const struct point *point)
{
    struct device_view view = view_of(c);
    events_point(events_of(c), station_id(c), EVENTS_POINTS, device_json_point(&view, point));
}

void station_charger_tell_points(const struct station_charger *c, void (*tell)(void *ctx, json_t *event),
                                 void *ctx)
{
    struct device_view view = view_of(c);
    tell(ctx, json_pack("{s:s, s:s, s:i, s:o}", "event", "charger", "station", station_id(c), "evse",
                        c->first_evse, "offers", profile_json(view.profile)));
    device_json_tell(&view, tell, ctx);
}

/* ---- struct charger_events ---- */

static void on_signals(void *ctx, int evse, const struct evse_signals *signals)
{
    struct station_charger *c = ctx;
    station_entry_touch(c->entry);
    if (is_to_be_told(c, EVENTS_SIGNALS)) {
        struct device_view view = view_of(c);
        events_point(events_of(c), station_id(c), EVENTS_SIGNALS, device_json_signals(&view, evse));
    }
    station_on_signals(station_of(c), c->first_evse + evse - 1, signals);
}

static void on_id_token(void *ctx, int evse, const struct id_token *token)
{
    struct station_charger *c = ctx;
    station_on_id_token(station_of(c), c->first_evse + evse - 1, token);
}

/* Where a station has several chargers, what is a charger's own stands at its first EVSE, before what is the EVSE's. */
static bool has_station_to_itself(const struct station_charger *c)
{
    return station_entry_config(c->entry)->charger_count == 1;
}

static void on_variable(void *ctx, int evse, size_t index, const struct device_value *value)
{
    const struct station_charger *c = ctx;
    bool moves = !has_station_to_itself(c) && evse <= 1;
    if (moves && evse == 1)
        index += c->config->profile->own_variable_count;
    int at = evse > 0 ? c->first_evse + evse - 1 : moves ? c->first_evse : 0;
    station_on_device_variable(station_of(c), at, index, value);
}

static void on_command_done(void *ctx, int evse, const struct evse_command *command, int err)
{
    struct station_charger *c = ctx;
    /* That the device is not there was said when it fell silent; what becomes of the command is the station's to say. */
    if (err < 0 && err != -ERR_SUPERSEDED)
        log_at(LOG_GATEWAY, err == -ERR_LINK_DOWN ? LOG_DEBUG : LOG_WARN,
               "command failed at the device: station=%s evse=%d command=%s error=\"%s\"", station_id(c),
               c->first_evse + evse - 1, evse_command_names[command->kind], err_text(err));
    station_on_command_done(station_of(c), c->first_evse + evse - 1, command, err);
}

static void on_write(void *ctx, const struct point *point, double number, const char *text, int err)
{
    struct station_charger *c = ctx;
    struct device_write write = { c->first_evse, point, number, text, err };
    events_write(events_of(c), station_id(c), &write);
}

static void on_point(void *ctx, const struct point *point, const struct point_value *value)
{
    struct station_charger *c = ctx;
    (void)value;
    if (is_to_be_told(c, EVENTS_POINTS))
        tell_point(c, point);
}

static const struct charger_events charger_events = {
    .on_signals = on_signals,
    .on_id_token = on_id_token,
    .on_variable = on_variable,
    .on_command_done = on_command_done,
    .on_point = on_point,
    .on_write = on_write,
};

/* Says once when a device falls silent or comes back, and passes it on. */
static void on_online(void *ctx, bool online, int err)
{
    struct station_charger *c = ctx;
    if (online)
        log_info(LOG_GATEWAY, "charger answers: station=%s evse=%d profile=%s", station_id(c), c->first_evse,
                 c->config->profile->name);
    else
        log_warn(LOG_GATEWAY, "charger does not answer: station=%s evse=%d profile=%s error=\"%s\"",
                 station_id(c), c->first_evse, c->config->profile->name, err_text(err));
    c->silent_err = online ? 0 : err;
    station_entry_touch(c->entry);
    charger_device_events.on_online(c->charger, online, err);
}

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct station_charger *c = ctx;
    bool is_shown = is_followed(c, EVENTS_POINTS);
    bool is_first = is_shown && raw_values_keep(&c->raws, c->config->profile, point, raw, len);
    if (!is_shown) {
        free(c->raws);
        c->raws = NULL;
    }
    charger_device_events.on_value(c->charger, point, raw, len);
    if (is_first)
        tell_point(c, point);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    charger_device_events.on_no_value(((struct station_charger *)ctx)->charger, point, err);
}

static void on_batch(void *ctx)
{
    charger_device_events.on_batch(((struct station_charger *)ctx)->charger);
}

static void on_keep(void *ctx, const char *key, const char *value)
{
    station_entry_keep(((struct station_charger *)ctx)->entry, key, value);
}

static const struct device_events device_events = { on_value, on_no_value, on_batch, on_online, on_keep };

/* ---- life ---- */

int station_charger_make(struct station_charger *c)
{
    for (size_t kind = 0; kind < EVENTS_KINDS; kind++) /* who followed the one before knows nothing of it */
        c->untold[kind] = events_next_id(events_of(c));
    c->charger = charger_new(&c->gateway->loop.env, c->config->profile, &charger_events, c);
    return c->charger ? 0 : -ENOMEM;
}

static void restore_device(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    struct station_charger *c = ctx;
    if (kind == RECORD_DEVICE)
        c->link.ops->restore(c->link.device, key, value);
}

int station_charger_start(struct station_charger *c)
{
    int r = device_link_open(c->gateway, c->gateway->config, c->config, &device_events, c, &c->link);
    if (r == 0 && c->link.ops->restore)
        r = store_read_kind(c->gateway->store, station_id(c), RECORD_DEVICE, restore_device, c);
    if (r == 0)
        charger_set_device(c->charger, c->link.device, c->link.ops);
    return r;
}

void station_charger_done(struct station_charger *c)
{
    device_link_close(&c->link);
    charger_free(c->charger);
    free(c->raws);
}
