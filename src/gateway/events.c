/* Frames and device writes, to the debug log and to those who watch. */
#include "gateway/events.h"

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

void events_frame(const struct events *events, const char *station, bool outgoing, const char *text,
                  size_t len)
{
    log_debug(LOG_OCPP, "%s: station=%s frame=%.*s", outgoing ? "sent" : "received", station,
              (int)(len > 2000 ? 2000 : len), text);
    if (!events->sink)
        return;
    AUTO(json_t) *event =
        json_pack("{s:s, s:s, s:b}", "event", "frame", "station", station, "outgoing", outgoing);
    if (event && json_object_set_new(event, "frame", json_from_text(text, len)) == 0)
        events->sink(events->ctx, event);
}

void events_write(const struct events *events, const char *station, int evse, const struct point *point,
                  double number, const char *text, int err)
{
    if (text)
        log_debug(LOG_CHARGER, "device write: station=%s evse=%d %s=\"%s\" result=\"%s\"", station, evse,
                  point->name, text, err_text(err));
    else
        log_debug(LOG_CHARGER, "device write: station=%s evse=%d %s=%g result=\"%s\"", station, evse,
                  point->name, number, err_text(err));
    if (!events->sink)
        return;
    AUTO(json_t) *event = json_pack("{s:s, s:s, s:i, s:s, s:s}", "event", "write", "station", station, "evse",
                                    evse, "point", point->name, "result", err ? err_text(err) : "ok");
    if (event && json_object_set_new(event, "value", text ? json_string(text) : json_real(number)) == 0)
        events->sink(events->ctx, event);
}
