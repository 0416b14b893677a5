/* A station's summary, and what is wrong with it (station_item.h). */
#include "gateway/station_item.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"
#include "station/station.h"

#define MAX_TEXT 600

struct making {
    json_t *profiles, *attention;
};

__attribute__((format(printf, 5, 6))) static void note(json_t *attention, int evse, const char *severity,
                                                       const char *code, const char *format, ...)
{
    char text[MAX_TEXT];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    str_make_harmless(text);
    json_t *row = json_pack("{s:s, s:s, s:s}", "severity", severity, "code", code, "text", text);
    if (evse > 0)
        (void)json_set_optional(row, "evse", json_integer(evse));
    if (row)
        (void)json_array_append_new(attention, row);
}

static void look_at_link(const json_t *item, json_t *attention)
{
    const char *registration = json_get_string(item, "registration", "");
    if (!str_equal(json_get_string(item, "link", ""), "up"))
        note(attention, 0, "error", "csms-unreachable", "no connection to the CSMS: %s",
             json_get_string(item, "linkError", "not tried yet"));
    else if (!str_equal(registration, "Accepted"))
        note(attention, 0, "warning", "not-accepted", "the CSMS has not accepted the station (%s)",
             *registration ? registration : "no answer yet");
}

static void look_at_evse(const json_t *evse, json_t *attention)
{
    int id = (int)json_get_int(evse, "evse", 0);
    const char *fault = json_get_string(evse, "fault", "");
    if (str_equal(json_get_string(evse, "state", ""), "faulted") || *fault)
        note(attention, id, "error", "faulted", "the charger reports a fault%s%s", *fault ? ": " : "", fault);
    if (str_equal(json_get_string(evse, "state", ""), "unavailable"))
        note(attention, id, "warning", "out-of-service", "the charger says that it is out of service");
    else if (str_equal(json_get_string(evse, "status", ""), "Unavailable") &&
             json_get_bool(evse, "online", false))
        note(attention, id, "info", "set-inoperative", "set out of service by the CSMS or here");
}

static void look_at_charger(void *ctx, const struct station_charger *c)
{
    struct making *m = ctx;
    char hazard[500];
    (void)json_array_append_new(m->profiles, json_string(c->config->profile->name));
    if (c->silent_err)
        note(m->attention, c->first_evse, "error", "charger-silent", "the charger does not answer: %s",
             err_text(c->silent_err));
    else if (!charger_signals(c->charger, 1)->online)
        note(m->attention, c->first_evse, "warning", "charger-unknown", "the charger has not answered yet");
    profile_hazard(c->config->profile, hazard, sizeof(hazard));
    if (*hazard)
        note(m->attention, c->first_evse, "info", "hazard", "%s", hazard);
}

json_t *station_item(const struct station_entry *entry)
{
    json_t *item = station_summary(station_entry_station(entry)), *evse;
    struct making m = { json_array(), json_array() };
    size_t index;
    if (item) {
        look_at_link(item, m.attention);
        station_entry_each_charger(entry, look_at_charger, &m);
        json_array_foreach(json_object_get(item, "evses"), index, evse) look_at_evse(evse, m.attention);
        (void)json_set_text(item, "csms", station_entry_config(entry)->csms_name);
    }
    (void)json_set_optional(item, "profiles", m.profiles);
    (void)json_set_optional(item, "attention", m.attention);
    return item;
}
