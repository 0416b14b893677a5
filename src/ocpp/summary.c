/* Which members of a message say the most, as a table: the summary shows those that are there, in this order. */
#include "ocpp/summary.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* Paths of members; '/' steps into an object, '0' into an array's first item. Numbers say nothing without a label. */
static const struct {
    const char *path, *label;
} members[] = {
    /* clang-format off */
    { "eventType", "" }, { "status", "" }, { "triggerReason", "" }, { "connectorStatus", "" },
    { "transactionInfo/chargingState", "" }, { "transactionInfo/stoppedReason", "" },
    { "meterValue", "" }, /* the energy register and the power of the last one */
    { "seqNo", "seq" }, { "evseId", "evse" }, { "evse/id", "evse" }, { "idToken/idToken", "" }, { "idTokenInfo/status", "" },
    { "remoteStartId", "remoteStart" }, { "reason", "" }, { "type", "" }, { "operationalStatus", "" },
    { "requestedMessage", "" }, { "reportBase", "" }, { "requestId", "request" },
    { "chargingProfile/chargingSchedule/0/chargingSchedulePeriod/0/limit", "limit" },
    { "chargingProfile/chargingSchedule/0/chargingRateUnit", "" }, { "setVariableData/0/variable/name", "" },
    { "setVariableResult/0/attributeStatus", "" }, { "getVariableData/0/variable/name", "" },
    { "getVariableResult/0/attributeValue", "" }, { "vendorId", "" }, { "interval", "interval" }, { "currentTime", "" },
    { "techInfo", "" },
    /* clang-format on */
};

static const json_t *member(const json_t *at, const char *path)
{
    while (at && *path) {
        char name[48];
        size_t len = strcspn(path, "/");
        if (len >= sizeof(name))
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        at = json_is_array(at) ? json_array_get(at, 0) : json_object_get(at, name);
        path += path[len] ? len + 1 : len;
    }
    return at;
}

static void append(char *ret, size_t size, const char *text)
{
    size_t len = strlen(ret);
    (void)snprintf(ret + len, size - len, " %s", text);
}

static void append_value(char *ret, size_t size, const char *label, const json_t *value)
{
    char text[80];
    if (json_is_string(value))
        (void)snprintf(text, sizeof(text), "%.60s", json_string_value(value));
    else if (json_is_number(value))
        (void)snprintf(text, sizeof(text), "%s%s%g", label, *label ? "=" : "", json_number_value(value));
    else
        return;
    append(ret, size, text);
}

/* The energy register of the last meter value, which is what everyone looks for. */
static void append_meter_value(char *ret, size_t size, const json_t *list)
{
    const json_t *samples = json_object_get(json_array_get(list, json_array_size(list) - 1), "sampledValue");
    size_t index;
    json_t *sample;
    json_array_foreach((json_t *)(uintptr_t)samples, index, sample)
    {
        const char *measurand = json_get_string(sample, "measurand", "Energy.Active.Import.Register");
        const char *unit = str_starts(measurand, "Energy")               ? "Wh"
                           : str_equal(measurand, "Power.Active.Import") ? "W"
                                                                         : NULL;
        char text[48];
        if (!unit || json_object_get(sample, "phase"))
            continue;
        (void)snprintf(text, sizeof(text), "%.0f%s", json_get_number(sample, "value", 0), unit);
        append(ret, size, text);
    }
}

static const char *text_at(const json_t *frame, size_t index)
{
    const char *text = json_string_value(json_array_get(frame, index));
    return text ? text : "?";
}

void frame_summary(const json_t *frame, char *ret, size_t size)
{
    int type = (int)json_integer_value(json_array_get(frame, 0));
    const json_t *payload = json_array_get(frame, type == 2 ? 3 : 2);
    if (type == 2)
        (void)snprintf(ret, size, "%.60s", text_at(frame, 2));
    else if (type == 3)
        (void)snprintf(ret, size, "result");
    else if (type == 4)
        (void)snprintf(ret, size, "error %.60s: %.60s", text_at(frame, 2), text_at(frame, 3));
    else
        (void)snprintf(ret, size, "no OCPP message: %.60s",
                       json_is_string(frame) ? json_string_value(frame) : "");
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *value = member(payload, members[i].path);
        if (json_is_array(value))
            append_meter_value(ret, size, value);
        else
            append_value(ret, size, members[i].label, value);
    }
    str_make_harmless(ret);
}
