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

void events_write(const struct events *events, const char *station, const struct device_write *write)
{
    char value[80];
    if (write->text)
        (void)snprintf(value, sizeof(value), "\"%.70s\"", write->text);
    else
        (void)snprintf(value, sizeof(value), "%g", write->number);
    log_debug(LOG_CHARGER, "device write: station=%s evse=%d %s=%s result=\"%s\"", station, write->evse,
              write->point->name, value, err_text(write->err));
    if (!events->sink)
        return;
    AUTO(json_t) *event =
        json_pack("{s:s, s:s, s:i, s:s, s:s}", "event", "write", "station", station, "evse", write->evse,
                  "point", write->point->name, "result", write->err ? err_text(write->err) : "ok");
    if (event && json_object_set_new(event, "value",
                                     write->text ? json_string(write->text) : json_real(write->number)) == 0)
        events->sink(events->ctx, event);
}
