/* A ring of events (feed.h): an event's number tells its place. */
#include "manage/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"

const char *const feed_type_names[FEED_TYPES] = {
    [FEED_STATION] = "station", [FEED_SIGNALS] = "signals", [FEED_POINT] = "point", [FEED_FRAME] = "frame",
    [FEED_WRITE] = "write",     [FEED_LOG] = "log",         [FEED_POWER] = "power", [FEED_SCAN] = "scan",
};

struct event {
    int64_t time_ms; /* Unix */
    enum feed_type type;
    char *station, *text; /* one allocation: station */
    size_t size;
};

struct feed {
    const struct env *env;
    size_t max_bytes, bytes;
    uint64_t first_id, next_id;
    void (*on_added)(void *ctx);
    void *ctx;
    char *(*present[FEED_TYPES])(const char *station, const char *text);
    struct event events[FEED_MAX_EVENTS]; /* id % FEED_MAX_EVENTS */
};

struct feed *feed_new(const struct env *env, size_t bytes)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    if (!feed)
        return NULL;
    feed->env = env;
    feed->max_bytes = bytes;
    feed->first_id = feed->next_id = (uint64_t)env_wall_ms(env) * 1000;
    return feed;
}

static struct event *event_at(const struct feed *feed, uint64_t id)
{
    return (struct event *)&feed->events[id % FEED_MAX_EVENTS];
}

static void drop_oldest(struct feed *feed)
{
    struct event *event = event_at(feed, feed->first_id++);
    feed->bytes -= event->size;
    free(event->station);
    *event = (struct event){ 0 };
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    while (feed->first_id < feed->next_id)
        drop_oldest(feed);
    free(feed);
}

int feed_filter_types(struct feed_filter *filter, const char *names)
{
    unsigned types = 0;
    if (!*names) {
        filter->types = ((1u << FEED_TYPES) - 1) & ~(1u << FEED_POINT);
        return 0;
    }
    for (const char *at = names; *at;) {
        size_t len = strcspn(at, ","), type = 0;
        while (type < FEED_TYPES &&
               (strlen(feed_type_names[type]) != len || strncmp(feed_type_names[type], at, len) != 0))
            type++;
        if (type == FEED_TYPES)
            return -EINVAL;
        types |= 1u << type;
        at += len + (at[len] == ',');
    }
    filter->types = types;
    return 0;
}

void feed_set_follower(struct feed *feed, void (*on_added)(void *ctx), void *ctx)
{
    feed->on_added = on_added;
    feed->ctx = ctx;
}

void feed_set_presenter(struct feed *feed, enum feed_type type,
                        char *(*present)(const char *station, const char *text))
{
    feed->present[type] = present;
}

void feed_add_text(struct feed *feed, enum feed_type type, const char *station, const char *text, size_t len)
{
    size_t station_size = strlen(station) + 1, size = station_size + len + 1;
    char *copy =
        size <= feed->max_bytes / 4 ? malloc(size) : NULL; /* one event may not push out all others */
    if (!copy)
        return;
    memcpy(copy, station, station_size);
    memcpy(copy + station_size, text, len);
    copy[size - 1] = '\0';
    while (feed->first_id < feed->next_id &&
           (feed->bytes + size > feed->max_bytes || feed->next_id - feed->first_id == FEED_MAX_EVENTS))
        drop_oldest(feed);
    *event_at(feed, feed->next_id++) =
        (struct event){ env_wall_ms(feed->env), type, copy, copy + station_size, size };
    feed->bytes += size;
    if (feed->on_added)
        feed->on_added(feed->ctx);
}

void feed_add(struct feed *feed, enum feed_type type, const char *station, const json_t *event)
{
    AUTO_FREE char *text = event ? json_to_text(event) : NULL;
    if (text)
        feed_add_text(feed, type, station, text, strlen(text));
}

uint64_t feed_next_id(const struct feed *feed)
{
    return feed->next_id;
}

uint64_t feed_first_id(const struct feed *feed)
{
    return feed->first_id;
}

static bool may_fit(const struct feed_filter *filter, uint64_t id, const struct event *event)
{
    const unsigned states = 1u << FEED_SIGNALS | 1u << FEED_POINT | 1u << FEED_POWER;
    unsigned types = id < filter->states_from ? filter->types & ~states : filter->types;
    return types & 1u << event->type && (!*filter->station || str_equal(event->station, filter->station));
}

/* The JSON of one that may fit, if it does, else NULL; `*own` is to be freed. What is filtered by is what is shown: nobody finds out by searching what is hidden. */
static const char *shown(const struct feed *feed, const struct feed_filter *filter, const struct event *event,
                         char **own)
{
    const char *text = event->text;
    *own = NULL;
    if (feed->present[event->type])
        text = *own = feed->present[event->type](event->station, event->text);
    return text && (!*filter->text || strcasestr(text, filter->text)) ? text : NULL;
}

/* What happened at a moment, or was so then: a frame, a write, a line of the log, a station. Who follows is told when, as by feed_list(). */
static bool is_moment(enum feed_type type)
{
    return type == FEED_FRAME || type == FEED_WRITE || type == FEED_LOG || type == FEED_STATION;
}

static void print_event(struct buf *out, uint64_t id, const struct event *event, const char *text)
{
    buf_printf(out, "id: %" PRIu64 "\nevent: %s\ndata: ", id, feed_type_names[event->type]);
    if (is_moment(event->type) && text[0] == '{' && text[1] != '}') {
        char time[TIMESTAMP_SIZE];
        timestamp_format(event->time_ms, time);
        buf_printf(out, "{\"time\":\"%s\",", time);
        text++;
    }
    buf_printf(out, "%s\n\n", text);
}

void feed_print_lost(struct buf *out, uint64_t id, uint64_t from, uint64_t to)
{
    buf_printf(out, "id: %" PRIu64 "\nevent: lost\ndata: {\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}\n\n", id,
               from, to);
}

uint64_t feed_print_sse(const struct feed *feed, const struct feed_filter *filter, uint64_t from, size_t max,
                        struct buf *out)
{
    if (from < feed->first_id) {
        feed_print_lost(out, feed->first_id - 1, from, feed->first_id - 1);
        from = feed->first_id;
    }
    for (int looks = 0; from < feed->next_id && out->len < max && looks < FEED_LOOKS; from++) {
        const struct event *event = event_at(feed, from);
        AUTO_FREE char *own = NULL;
        if (!may_fit(filter, from, event))
            continue;
        looks++;
        const char *text = shown(feed, filter, event, &own);
        if (text)
            print_event(out, from, event, text);
    }
    return from < feed->next_id ? from : feed->next_id;
}

static json_t *item_of(uint64_t id, const struct event *event, const char *text)
{
    char time[TIMESTAMP_SIZE];
    json_t *data = json_from_text(text, strlen(text));
    timestamp_format(event->time_ms, time);
    return data ? json_pack("{s:I, s:s, s:s, s:s, s:o}", "id", (json_int_t)id, "time", time, "type",
                            feed_type_names[event->type], "station", event->station, "data", data)
                : NULL;
}

json_t *feed_list(const struct feed *feed, const struct feed_filter *filter, uint64_t *before, size_t limit)
{
    json_t *list = json_array();
    uint64_t id = *before && *before < feed->next_id ? *before : feed->next_id;
    for (int looks = 0; list && id > feed->first_id && looks < FEED_LOOKS && json_array_size(list) < limit;) {
        const struct event *event = event_at(feed, --id);
        AUTO_FREE char *own = NULL;
        if (!may_fit(filter, id, event))
            continue;
        looks++;
        const char *text = shown(feed, filter, event, &own);
        if (text && json_array_append_new(list, item_of(id, event, text)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    *before = id > feed->first_id ? id : 0;
    return list;
}
