/* Events on their way to the CSMS.
 *
 *     notify_event_add -> waiting -> a NotifyEvent of all that fit in a message -> answered: gone
 *                                                                               -> link lost: sent again on the next link
 *                                                                               -> no answer: sent again after a heartbeat
 *
 * What is too much for one message follows in the next, as parts of one (seqNo, tbc). */
#include "station/notify_event.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "station/internal.h"

#define PART_BYTES_MAX 16384
#define FRAME_BYTES    ((size_t)512) /* of a message besides its events */
#define PART_EVENTS    20
#define ATTEMPTS_MAX   3

struct event {
    struct list link;
    json_t *data; /* EventDataType */
    int severity;
};

static void event_free(struct events *events, struct event *event)
{
    events->count--;
    list_remove(&event->link);
    json_decref(event->data);
    free(event);
}

int notify_event_id(struct station *s)
{
    int id = s->events.next_id;
    s->events.next_id = id == INT32_MAX ? 0 : id + 1;
    return id;
}

/* The oldest of the least severe that is not under way. */
static struct event *least_severe(const struct events *events)
{
    struct event *least = NULL;
    size_t index = 0;
    LIST_FOREACH(link, following, &events->waiting)
    {
        struct event *event = LIST_ITEM(link, struct event, link);
        if (index++ >= events->in_flight && (!least || event->severity > least->severity))
            least = event;
    }
    return least;
}

static bool make_room(struct station *s, int severity)
{
    struct events *events = &s->events;
    if (events->count < EVENTS_MAX)
        return true;
    if (!events->told_overflow)
        log_warn(LOG_STATION, "too many events wait for the CSMS, some are lost: station=%s", s->id);
    events->told_overflow = true;
    struct event *least = least_severe(events);
    if (!least || least->severity < severity)
        return false;
    event_free(events, least);
    return true;
}

int notify_event_add(struct station *s, json_t *event, int severity)
{
    struct event *waiting = NULL;
    int r = !event ? -ENOMEM : make_room(s, severity) ? 0 : -ENOBUFS;
    if (r == 0 && !(waiting = calloc(1, sizeof(*waiting))))
        r = -ENOMEM;
    if (r < 0) {
        json_decref(event);
        return r;
    }
    *waiting = (struct event){ .data = event, .severity = severity };
    list_append(&s->events.waiting, &waiting->link);
    s->events.count++;
    return 0;
}

static void forget_in_flight(struct events *events)
{
    for (; events->in_flight > 0; events->in_flight--)
        event_free(events, LIST_ITEM(events->waiting.next, struct event, link));
    events->attempts = 0;
    events->told_overflow = false;
}

static void on_notify_event_result(void *ctx, const struct rpc_answer *answer)
{
    struct station *s = ctx;
    struct events *events = &s->events;
    bool is_over = answer->outcome == RPC_RESULT || answer->outcome == RPC_CALL_ERROR;
    if (is_over || (answer->outcome == RPC_TIMED_OUT && events->attempts >= ATTEMPTS_MAX)) {
        forget_in_flight(events);
        events->seq_no = events->is_continued ? events->seq_no + 1 : 0;
        notify_event_flush(s);
        return;
    }
    events->in_flight = 0;
    if (answer->outcome == RPC_DISCONNECTED) { /* on the next link it is another message */
        events->attempts = 0;
        events->seq_no = 0;
    }
}

/* Events from the head on that fit into a message; NULL without memory. */
static json_t *part_events(const struct station *s)
{
    size_t max = s->max_message > 2 * FRAME_BYTES ? s->max_message - FRAME_BYTES : FRAME_BYTES, used = 0;
    json_t *part = json_array();
    if (max > PART_BYTES_MAX)
        max = PART_BYTES_MAX;
    LIST_FOREACH(link, following, &s->events.waiting)
    {
        json_t *data = LIST_ITEM(link, struct event, link)->data;
        used += json_text_size(data) + 1;
        if (json_array_size(part) == PART_EVENTS || (used > max && json_array_size(part) > 0))
            break;
        if (!part || json_array_append(part, data) < 0) {
            json_decref(part);
            return NULL;
        }
    }
    return part;
}

void notify_event_flush(struct station *s)
{
    struct events *events = &s->events;
    if (s->freeing || events->in_flight > 0 || list_is_empty(&events->waiting) || !station_is_accepted(s))
        return;
    json_t *part = part_events(s);
    size_t count = json_array_size(part);
    bool more = count < events->count;
    json_t *payload = json_pack("{s:o, s:i, s:b, s:o}", "generatedAt", station_timestamp(s), "seqNo",
                                events->seq_no, "tbc", more, "eventData", part);
    /* It waits here for the next link, not there. */
    if (outbox_call(s, "NotifyEvent", payload, OUTBOX_ONLINE_ONLY, on_notify_event_result, s) < 0)
        return;
    events->in_flight = count;
    events->is_continued = more;
    events->attempts++;
}

void notify_event_init(struct station *s)
{
    list_init(&s->events.waiting);
}

void notify_event_done(struct station *s)
{
    if (!s->events.waiting.next)
        return;
    LIST_FOREACH(link, following, &s->events.waiting)
    event_free(&s->events, LIST_ITEM(link, struct event, link));
}
