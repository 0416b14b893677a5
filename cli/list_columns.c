/* Which members of the API's items are shown, and how (list_columns.h). */
#include "list_columns.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "ocpp/summary.h"

/* ---- cells of their own ---- */

static const char *evse_state(const json_t *evse)
{
    return json_get_bool(evse, "online", false) ? json_get_string(evse, "state", "?") : "offline";
}

/* "charging", "2 charging, 1 available" */
static void cell_evses(const json_t *evses, char *ret, size_t size)
{
    const json_t *evse, *other;
    size_t i, k;
    json_array_foreach(evses, i, evse)
    {
        size_t count = 0;
        bool is_first = true;
        json_array_foreach(evses, k, other)
        {
            bool is_same = str_equal(evse_state(evse), evse_state(other));
            is_first = is_first && !(is_same && k < i);
            count += is_same;
        }
        if (!is_first)
            continue;
        const char *comma = *ret ? ", " : "";
        size_t len = strlen(ret);
        if (json_array_size(evses) == 1)
            (void)snprintf(ret + len, size - len, "%s%s", comma, evse_state(evse));
        else
            (void)snprintf(ret + len, size - len, "%s%zu %s", comma, count, evse_state(evse));
    }
}

static void cell_sum_power(const json_t *evses, char *ret, size_t size)
{
    const json_t *evse;
    size_t index;
    double sum_W = 0;
    bool is_known = false;
    json_array_foreach(evses, index, evse)
    {
        is_known = is_known || json_object_get(evse, "powerW");
        sum_W += json_get_number(evse, "powerW", 0);
    }
    if (is_known)
        power_text(sum_W, ret, size);
}

/* What is wrong first; what is only to be known is shown by `station show`. */
static void cell_attention(const json_t *attention, char *ret, size_t size)
{
    const json_t *row;
    size_t index, others = 0;
    json_array_foreach(attention, index, row)
    {
        if (str_equal(json_get_string(row, "severity", ""), "info"))
            continue;
        if (*ret)
            others++;
        else
            (void)str_copy(ret, size, json_get_string(row, "text", ""));
    }
    if (others)
        (void)snprintf(ret + strlen(ret), size - strlen(ret), " (and %zu more)", others);
}

static void cell_amount(const json_t *limit, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%.6g %s", json_get_number(limit, "limit", 0),
                   json_get_string(limit, "unit", ""));
}

static void cell_evse_or_station(const json_t *limit, char *ret, size_t size)
{
    int64_t evse = json_get_int(limit, "evse", 0);
    if (evse > 0)
        (void)snprintf(ret, size, "%lld", (long long)evse);
    else
        (void)str_copy(ret, size, "station");
}

static void cell_write(const json_t *data, char *ret, size_t size)
{
    char value[100] = "";
    cell_text(json_object_get(data, "value"), value, sizeof(value));
    (void)snprintf(ret, size, "evse %lld: %s = %s (%s)", (long long)json_get_int(data, "evse", 0),
                   json_get_string(data, "point", "?"), value, json_get_string(data, "result", "?"));
}

static void cell_frame(const json_t *data, char *ret, size_t size)
{
    char summary[300];
    frame_summary(json_object_get(data, "frame"), summary, sizeof(summary));
    (void)snprintf(ret, size, "%s %s", json_get_bool(data, "outgoing", false) ? ">" : "<", summary);
}

static void cell_event(const json_t *event, char *ret, size_t size)
{
    const json_t *data = json_object_get(event, "data");
    const char *type = json_get_string(event, "type", "");
    if (str_equal(type, "frame"))
        cell_frame(data, ret, size);
    else if (str_equal(type, "write"))
        cell_write(data, ret, size);
    else if (str_equal(type, "log"))
        (void)snprintf(ret, size, "%s %s: %s", json_get_string(data, "level", ""),
                       json_get_string(data, "area", ""), json_get_string(data, "text", ""));
    else if (str_equal(type, "station"))
        cell_evses(json_object_get(data, "evses"), ret, size);
    else if (str_equal(type, "signals"))
        (void)snprintf(ret, size, "evse %lld: %s", (long long)json_get_int(data, "evse", 0),
                       evse_state(data));
    else if (str_equal(type, "power"))
        cell_power(json_object_get(data, "powerW"), ret, size);
    else
        cell_text(data, ret, size);
}

/* ---- columns ---- */

const struct column station_columns[] = {
    { "STATION", "id", cell_text, false, false },
    { "VENDOR", "vendor", cell_text, false, true },
    { "MODEL", "model", cell_text, false, true },
    { "CSMS", "csms", cell_text, false, true },
    { "LINK", "link", cell_text, false, false },
    { "EVSES", "evses", cell_evses, false, false },
    { "POWER", "evses", cell_sum_power, true, false },
    { "ATTENTION", "attention", cell_attention, false, true },
    { 0 },
};
const struct column attention_columns[] = {
    { "STATION", "station", cell_text, false, false },
    { "EVSE", "evse", cell_text, true, false },
    { "SEVERITY", "severity", cell_text, false, false },
    { "WHAT", "text", cell_text, false, true },
    { 0 },
};
const struct column limit_columns[] = {
    { "EVSE", NULL, cell_evse_or_station, false, false },
    { "LIMIT", NULL, cell_amount, true, false },
    { "KIND", "kind", cell_text, false, false },
    { "SOURCE", "source", cell_text, false, false },
    { "PURPOSE", "purpose", cell_text, false, false },
    { "PROFILE", "chargingProfileId", cell_text, true, false },
    { "STACK", "stackLevel", cell_text, true, false },
    { "UNTIL", "until", cell_time, false, false },
    { "IN FORCE", "inForce", cell_yes, false, false },
    { 0 },
};
const struct column csms_columns[] = {
    { "CSMS", "name", cell_text, false, false },
    { "URL", "url", cell_text, false, true },
    { "PROFILE", "securityProfile", cell_text, true, false },
    { "STATIONS", "stations", cell_text, true, false },
    { "CONNECTED", "connected", cell_text, true, false },
    { "CA FILE", "caFile", cell_text, false, true },
    { 0 },
};
const struct column bus_columns[] = {
    { "BUS", "name", cell_text, false, true },
    { "REQUESTS", "requests", cell_text, true, false },
    { "ANSWERS", "answers", cell_text, true, false },
    { "TIMEOUTS", "timeouts", cell_text, true, false },
    { "EXCEPTIONS", "exceptions", cell_text, true, false },
    { "BAD FRAMES", "badFrames", cell_text, true, false },
    { "LATE", "lateAnswers", cell_text, true, false },
    { 0 },
};
const struct column certificate_columns[] = {
    { "OF", "use", cell_text, false, false },
    { "STATION", "station", cell_text, false, false },
    { "SUBJECT", "subject", cell_text, false, true },
    { "NOT BEFORE", "notBefore", cell_time, false, false },
    { "NOT AFTER", "notAfter", cell_time, false, false },
    { "SELF-SIGNED", "selfSigned", cell_yes, false, false },
    { "OCSP", "ocsp", cell_text, false, false },
    { 0 },
};
const struct column profile_columns[] = {
    { "PROFILE", "name", cell_text, false, false },
    { "VENDOR", "vendor", cell_text, false, true },
    { "MODELS", "models", cell_list, false, true },
    { "PROTOCOL", "protocol", cell_text, false, false },
    { "KIND", "offers.kind", cell_text, false, false },
    { "USED BY", "usedBy", cell_list, false, true },
    { 0 },
};
const struct column transaction_columns[] = {
    { "STARTED", "startedAt", cell_time, false, false },
    { "STATION", "station", cell_text, false, false },
    { "EVSE", "evse", cell_text, true, false },
    { "TOKEN", "idToken", cell_text, false, true },
    { "TIME", "durationSeconds", cell_duration, true, false },
    { "ENERGY", "energyWh", cell_energy, true, false },
    { "STATE", "state", cell_text, false, false },
    { "STOPPED BY", "stoppedReason", cell_text, false, false },
    { "TRANSACTION", "id", cell_text, false, true },
    { 0 },
};
const struct column event_columns[] = {
    { "TIME", "time", cell_time, false, false },
    { "TYPE", "type", cell_text, false, false },
    { "STATION", "station", cell_text, false, false },
    { "WHAT", NULL, cell_event, false, true },
    { 0 },
};
const struct column user_columns[] = {
    { "USER", "name", cell_text, false, false },
    { "ROLE", "role", cell_text, false, false },
    { "CREATED", "created", cell_time, false, false },
    { "LAST LOGIN", "lastLogin", cell_time, false, false },
    { 0 },
};
const struct column token_columns[] = {
    { "TOKEN", "name", cell_text, false, false },         { "ROLE", "role", cell_text, false, false },
    { "CREATED", "created", cell_time, false, false },    { "EXPIRES", "expires", cell_time, false, false },
    { "LAST USED", "lastUsed", cell_time, false, false }, { 0 },
};
const struct column audit_columns[] = {
    { "TIME", "time", cell_time, false, false },
    { "WHO", "user", cell_text, false, false },
    { "ROLE", "role", cell_text, false, false },
    { "FROM", "peer", cell_text, false, false },
    { "ACTION", "action", cell_text, false, false },
    { "TARGET", "target", cell_text, false, true },
    { "BEFORE", "before", cell_text, false, true },
    { "AFTER", "after", cell_text, false, true },
    { 0 },
};
