/* Server-Sent Events: each reader has a place in the feed and is given what follows when it has taken what it had. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "manage/api_internal.h"

#define FILL_BYTES      (32u << 10)
#define SEARCH_PAUSE_MS 1

/* Where a stream goes on, and what its reader missed before: is_gap: between these two events. */
struct place {
    uint64_t next_id;
    bool is_gap;
    uint64_t lost_from, lost_to;
};

struct stream {
    struct api *api;
    struct list link;
    struct http_exchange *exchange;
    struct feed_filter filter;
    struct place place;
    bool keepalive_due, ended;
    char session[ACCESS_SECRET_SIZE], token[ACCESS_NAME_SIZE]; /* whose it is: it ends with that */
};

static bool fill(void *ctx, struct buf *out)
{
    struct stream *stream = ctx;
    const struct feed *feed = stream->api->settings.feed;
    struct place *place = &stream->place;
    if (stream->ended)
        return false;
    if (place->is_gap)
        feed_print_lost(out, place->next_id - 1, place->lost_from, place->lost_to);
    place->is_gap = false;
    place->next_id = feed_print_sse(feed, &stream->filter, place->next_id, FILL_BYTES, out);
    if (out->len == 0 && place->next_id < feed_next_id(feed))
        http_stream_wake(stream->exchange); /* nothing fitted so far: the others' turn, then on */
    else if (stream->keepalive_due && out->len == 0)
        buf_text(out, ": still here\n\n");
    stream->keepalive_due = false;
    return true;
}

static void stream_free(struct stream *stream)
{
    list_remove(&stream->link);
    stream->api->stream_count--;
    explicit_bzero(stream->session, sizeof(stream->session));
    free(stream);
}

/* The last event that the client had. A browser that comes back by itself asks for the address it was given once, and tells in the header where it is. */
static const char *last_event(const struct api_request *request)
{
    const char *header = request->exchange ? http_header(request->exchange, "last-event-id") : NULL;
    return header && *header ? header : api_query(request, "lastEventId", "");
}

/* After the event the client had last, or with the next one. What the ring has no more, feed_print_sse() says. Where something was not told, the states
 * before that are left out: else an old one could come after the client has read the new one, and stay. */
static bool read_place(struct api_request *request, struct feed_filter *filter, struct place *ret)
{
    const struct api_settings *settings = &request->api->settings;
    const char *last = last_event(request);
    uint64_t next_id = feed_next_id(settings->feed);
    int64_t id;
    *ret = (struct place){ .next_id = next_id };
    if (!*last)
        return true;
    if (str_to_int(last, 0, INT64_MAX - 1, &id) < 0) {
        api_problem(request, 400, "Last-Event-ID: expected a number");
        return false;
    }
    uint64_t from = (uint64_t)id + 1;
    if (from > next_id) { /* of an earlier run, when the clock was ahead */
        *ret = (struct place){ next_id, true, 0, next_id - 1 };
        return true;
    }
    uint64_t untold = settings->untold ? settings->untold(settings->ctx, filter) : 0;
    if (untold >= from)
        filter->states_from = untold;
    bool is_gap = from >= feed_first_id(settings->feed) && untold >= from;
    *ret = (struct place){ from, is_gap, from, untold };
    return true;
}

static bool read_filter(struct api_request *request, struct feed_filter *ret)
{
    *ret = (struct feed_filter){ 0 };
    if (feed_filter_types(ret, api_query(request, "types", "")) < 0) {
        api_problem(
            request, 400,
            "types: expected some of station,signals,point,frame,write,log,power,scan, separated by commas");
        return false;
    }
    if (str_copy(ret->station, sizeof(ret->station), api_query(request, "station", "")) < 0 ||
        str_copy(ret->text, sizeof(ret->text), api_query(request, "q", "")) < 0) {
        api_problem(request, 400, "station, q: at most 63 characters");
        return false;
    }
    if (ret->types & 1u << FEED_POINT && !*ret->station) {
        api_problem(request, 400, "points are told of one station only: ?types=point&station=ID");
        return false;
    }
    return true;
}

static void get_stream(struct api_request *request)
{
    static const struct http_field fields[] = {
        { "Content-Type", "text/event-stream" },
        { "Cache-Control", "no-store" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Accel-Buffering", "no" },
        { 0 },
    };
    struct api *api = request->api;
    struct feed_filter filter;
    struct place place;
    if (!read_filter(request, &filter) || !read_place(request, &filter, &place))
        return;
    if (api->stream_count >= API_STREAMS_MAX) {
        api_problem_with(request, 503, json_pack("{s:i}", "retryAfter", 10),
                         "%d streams are open, as many as there may be", API_STREAMS_MAX);
        return;
    }
    struct stream *stream = request->exchange ? calloc(1, sizeof(*stream)) : NULL;
    if (!stream) {
        api_problem(request, 503, "out of memory");
        return;
    }
    *stream = (struct stream){
        .api = api, .exchange = request->exchange, .filter = filter, .place = place, .keepalive_due = true
    };
    memcpy(stream->session, request->session, sizeof(stream->session));
    if (!*stream->session && !request->http.is_local)
        (void)str_copy(stream->token, sizeof(stream->token), request->user);
    list_append(&api->streams, &stream->link);
    api->stream_count++;
    api_request_free(request);
    if (http_stream(stream->exchange, 200, fields, fill, stream, API_STALLED_MS) < 0)
        stream_free(stream);
}

bool api_stream_gone(struct api *api, const struct http_exchange *exchange)
{
    LIST_FOREACH(link, next, &api->streams)
    {
        struct stream *stream = LIST_ITEM(link, struct stream, link);
        if (stream->exchange == exchange) {
            stream_free(stream);
            return true;
        }
    }
    return false;
}

void api_on_feed(struct api *api)
{
    LIST_FOREACH(link, next, &api->streams)
    {
        http_stream_wake(LIST_ITEM(link, struct stream, link)->exchange);
    }
}

static bool may_go_on(const struct stream *stream)
{
    struct access *access = stream->api->settings.access;
    if (*stream->session)
        return access_find_session(access, stream->session) != NULL;
    return !*stream->token || access_has_token(access, stream->token);
}

void api_check_streams(struct api *api)
{
    LIST_FOREACH(link, next, &api->streams)
    {
        struct stream *stream = LIST_ITEM(link, struct stream, link);
        stream->ended = stream->ended || !may_go_on(stream);
        if (stream->ended)
            http_stream_wake(stream->exchange);
    }
}

/* Tells proxies and clients that the stream lives. */
void api_on_keepalive(struct api *api)
{
    api_check_streams(api);
    LIST_FOREACH(link, next, &api->streams)
    {
        struct stream *stream = LIST_ITEM(link, struct stream, link);
        stream->keepalive_due = true;
        http_stream_wake(stream->exchange);
    }
}

bool api_is_followed(const struct api *api, enum feed_type type, const char *station)
{
    LIST_FOREACH(link, next, (struct list *)&api->streams)
    {
        const struct stream *stream = LIST_ITEM(link, struct stream, link);
        bool is_of_station =
            !station || !*stream->filter.station || str_equal(stream->filter.station, station);
        if (stream->filter.types & 1u << type && is_of_station)
            return true;
    }
    return false;
}

void api_streams_done(struct api *api)
{
    LIST_FOREACH(link, next, &api->streams)
    {
        stream_free(LIST_ITEM(link, struct stream, link));
    }
}

/* ---- what was ---- */

/* A search goes on turn by turn, so that it holds up nobody. */
struct search {
    struct list link;
    struct timer timer;
    struct api_request *request;
    struct feed_filter filter;
    uint64_t before;
    size_t limit;
    json_t *items; /* one more than `limit`, if there is one */
};

static void search_free(struct search *search)
{
    list_remove(&search->link);
    timer_stop(&search->timer);
    json_decref(search->items);
    free(search);
}

/* Takes the next ones. Whether there may be more; none without memory. */
static bool search_on(struct search *search)
{
    const struct feed *feed = search->request->api->settings.feed;
    size_t missing = search->limit + 1 - json_array_size(search->items);
    AUTO(json_t) *found = feed_list(feed, &search->filter, &search->before, missing);
    if (!found || json_array_extend(search->items, found) < 0) {
        json_decref(search->items);
        search->items = NULL;
    }
    return search->items && search->before > 0 && json_array_size(search->items) <= search->limit;
}

static void answer_search(struct search *search)
{
    bool more = json_array_size(search->items) > search->limit;
    if (more)
        (void)json_array_remove(search->items, search->limit);
    api_answer(search->request, 200,
               search->items ? json_pack("{s:O, s:b}", "items", search->items, "more", more) : NULL);
    search_free(search);
}

static void on_search(struct timer *timer, void *ctx)
{
    struct search *search = ctx;
    if (search->request->exchange && search_on(search)) /* whose client is gone is not searched for */
        env_timer_start(&search->request->api->settings.loop->env, timer, SEARCH_PAUSE_MS);
    else
        answer_search(search);
}

static void get_events(struct api_request *request)
{
    struct api *api = request->api;
    struct feed_filter filter;
    size_t offset, limit;
    int64_t before = 0;
    if (!read_filter(request, &filter) || !api_page(request, &offset, &limit))
        return;
    if (str_to_int(api_query(request, "before", "0"), 0, INT64_MAX - 1, &before) < 0) {
        api_problem(request, 400, "before: expected the number of an event");
        return;
    }
    struct search *search = calloc(1, sizeof(*search));
    json_t *items = json_array();
    if (!search || !items) {
        free(search);
        json_decref(items);
        api_problem(request, 503, "out of memory");
        return;
    }
    *search = (struct search){
        .request = request, .filter = filter, .before = (uint64_t)before, .limit = limit, .items = items
    };
    timer_init(&search->timer, api->settings.loop->env.timers, on_search, search);
    list_append(&api->searches, &search->link);
    on_search(&search->timer, search);
}

void api_searches_done(struct api *api)
{
    LIST_FOREACH(link, next, &api->searches)
    {
        search_free(LIST_ITEM(link, struct search, link));
    }
}

const struct api_route api_feed_routes[] = {
    { HTTP_GET, API_PREFIX "/events", ROLE_VIEWER, get_events, "the last events, newest first",
      "types,station,q,before,limit" },
    { HTTP_GET, API_PREFIX "/stream", ROLE_VIEWER, get_stream, "events as they happen (Server-Sent Events)",
      "types,station,q,lastEventId" },
    { 0 },
};
