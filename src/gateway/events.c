/* Frames and device writes, to the debug log and to those who follow. */
#include "gateway/events.h"

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "ocpp/secrets.h"

json_t *events_frame_json(const char *station, bool outgoing, const char *text, size_t len)
{
    AUTO(json_t) *frame = frame_for_display(text, len);
    return frame ? json_pack("{s:s, s:s, s:b, s:O}", "event", "frame", "station", station, "outgoing",
                             outgoing, "frame", frame)
                 : NULL;
}

void events_frame(const struct events *events, const char *station, bool outgoing, const char *text,
                  size_t len)
{
    if (log_is_on(LOG_OCPP, LOG_DEBUG)) {
        AUTO(json_t) *frame = frame_for_display(text, len);
        AUTO_FREE char *shown = frame ? json_to_text(frame) : NULL;
        log_debug(LOG_OCPP, "%s: station=%s frame=%.2000s", outgoing ? "sent" : "received", station,
                  shown ? shown : "");
    }
    if (events->on_frame)
        events->on_frame(events->ctx, station, outgoing, text, len);
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
    if (!events->on_write)
        return;
    AUTO(json_t) *event =
        json_pack("{s:s, s:s, s:i, s:s, s:s}", "event", "write", "station", station, "evse", write->evse,
                  "point", write->point->name, "result", write->err ? err_text(write->err) : "ok");
    if (event && json_object_set_new(event, "value",
                                     write->text ? json_string(write->text) : json_real(write->number)) == 0)
        events->on_write(events->ctx, station, event);
}

bool events_are_followed(const struct events *events, enum events_kind kind, const char *station)
{
    return events->follows && events->follows(events->ctx, kind, station);
}

uint64_t events_next_id(const struct events *events)
{
    return events->next_id ? events->next_id(events->ctx) : 0;
}

void events_point(const struct events *events, const char *station, enum events_kind kind, json_t *event)
{
    if (event && events->on_point)
        events->on_point(events->ctx, station, kind, event);
    json_decref(event);
}
