/* Frames and device writes, to the debug log and to those who watch. */
#include "gateway/events.h"

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "ocpp/secrets.h"

void events_frame(const struct events *events, const char *station, bool outgoing, const char *text,
                  size_t len)
{
    if (!events->sink && !log_is_on(LOG_OCPP, LOG_DEBUG))
        return;
    AUTO(json_t) *frame = frame_for_display(text, len);
    if (log_is_on(LOG_OCPP, LOG_DEBUG)) {
        AUTO_FREE char *shown = frame ? json_to_text(frame) : NULL;
        log_debug(LOG_OCPP, "%s: station=%s frame=%.2000s", outgoing ? "sent" : "received", station,
                  shown ? shown : "");
    }
    if (!events->sink || !frame)
        return;
    AUTO(json_t) *event = json_pack("{s:s, s:s, s:b, s:O}", "event", "frame", "station", station, "outgoing",
                                    outgoing, "frame", frame);
    if (event)
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
