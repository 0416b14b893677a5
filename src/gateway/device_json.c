/* Events made of what a charger holds now (device_json.h). */
#include "gateway/device_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

struct raw_value {
    size_t len; /* 0: none came yet */
    uint8_t bytes[POINT_MAX_RAW];
};

bool raw_values_keep(struct raw_value **raws, const struct profile *profile, const struct point *point,
                     const uint8_t *raw, size_t len)
{
    if (!*raws)
        *raws = calloc(profile->point_count, sizeof(**raws));
    if (!*raws || len > POINT_MAX_RAW)
        return false;
    struct raw_value *value = &(*raws)[point->index];
    bool is_first = value->len == 0;
    value->len = len;
    memcpy(value->bytes, raw, len);
    return is_first;
}

json_t *device_json_point(const struct device_view *view, const struct point *point)
{
    static const char *const qualities[] = {
        [QUALITY_NONE] = "none", [QUALITY_GOOD] = "good", [QUALITY_STALE] = "stale", [QUALITY_BAD] = "bad"
    };
    const struct point_value *value = charger_value(view->charger, point);
    char address[120], raw[2 * POINT_MAX_RAW + 1] = "";
    point_print_at(view->profile, point, address, sizeof(address));
    if (view->raws)
        hex_encode(view->raws[point->index].bytes, view->raws[point->index].len, raw, sizeof(raw));
    json_t *event = json_pack("{s:s, s:s*, s:i, s:s, s:s, s:s, s:s, s:s}", "event", "point", "station",
                              view->station, "evse", view->first_evse, "point", point->name, "at", address,
                              "unit", point->unit, "quality", qualities[value->quality], "raw", raw);
    if (event && value->quality != QUALITY_NONE)
        (void)json_set_optional(event, "value",
                                value->text ? json_string(value->text) : json_real(value->number));
    return event;
}

json_t *device_json_signals(const struct device_view *view, int evse)
{
    const struct evse_signals *signals = charger_signals(view->charger, evse);
    json_t *measured = json_object();
    for (int m = 0; m < MEASURES; m++)
        if (evse_has(signals, (enum evse_measure)m))
            (void)json_set_optional(measured, evse_measure_names[m], json_real(signals->value[m]));
    return json_pack("{s:s, s:s*, s:i, s:s, s:b, s:b, s:s, s:o}", "event", "signals", "station",
                     view->station, "evse", view->first_evse + evse - 1, "state",
                     evse_state_names[signals->state], "online", signals->online, "locked", signals->locked,
                     "fault", signals->fault, "measured", measured);
}

void device_json_tell(const struct device_view *view, void (*tell)(void *ctx, json_t *event), void *ctx)
{
    for (size_t i = 0; i < view->profile->point_count; i++)
        tell(ctx, device_json_point(view, &view->profile->points[i]));
    for (size_t i = 0; i < view->profile->evse_count; i++)
        tell(ctx, device_json_signals(view, (int)i + 1));
}
