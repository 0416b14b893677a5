/* What the parts of the API share: api.c (routes, who it is), api_answer.c (answers), api_pieces.c (long ones), api_stream.c (Server-Sent Events), api_access.c and
 * api_openapi.c (routes of its own). */
#ifndef MANAGE_API_INTERNAL_H
#define MANAGE_API_INTERNAL_H

#include "base/list.h"
#include "manage/api.h"
#include "net/http_forwarded.h"
#include "store/history.h"

#define API_MAX_QUERY      2048
#define API_MAX_PATH       512
#define API_VALUE_SIZE     512 /* of a parameter */
#define API_STREAMS_MAX    100
#define API_KEEPALIVE_MS   15000
#define API_STALLED_MS     20000 /* a stream whose reader takes nothing for so long is closed; it may resume */
#define API_MAX_FIELDS     16
#define API_SESSION_COOKIE "session"

struct api {
    struct api_settings settings;
    struct http_proxies proxies;
    struct list requests;          /* not answered yet */
    struct list streams, searches; /* searches: GET /events that goes on */
    struct list pieces;            /* answers that are being made and sent */
    size_t stream_count;
    struct timer keepalive;
};

struct api_request {
    struct api *api;
    struct list link;
    struct http_exchange *exchange; /* NULL: the client is gone */
    struct http_request http;       /* its texts are `texts` */
    const struct api_route *route;
    char *texts;
    const char *params[API_MAX_PARAMS];
    json_t *body, *query; /* query: an object of strings */
    json_t *kept;         /* api_keep() */
    char user[ACCESS_NAME_SIZE], session[ACCESS_SECRET_SIZE];
    enum role role;
    int retry_after_s; /* of a 429 */
};

/* Routes that need nothing but what stands in struct api. */
extern const struct api_route api_access_routes[], api_feed_routes[], api_openapi_routes[];

/* Frees it; it must be answered, or its client gone. */
void api_request_free(struct api_request *request);
/* The name of the cookie depends on TLS: __Host- is not allowed without. */
const char *api_cookie_name(const struct http_request *http);
/* The fields of every answer, then those given. */
void api_fields(struct http_field ret[API_MAX_FIELDS], const char *content_type,
                const struct http_field *more);
/* Answers that belong to no request that is kept. */
void api_refuse(struct http_exchange *exchange, int status, const struct http_field *more,
                const char *detail);
/* Turns the request into a stream, or answers why not. */
void api_stream(struct api_request *request);
/* Whether it was a stream's. */
bool api_stream_gone(struct api *api, const struct http_exchange *exchange);
/* The same of an answer that is made while it is sent. */
bool api_pieces_gone(struct api *api, const struct http_exchange *exchange);
void api_on_keepalive(struct api *api);
/* Ends the streams whose session or token has ended. */
void api_check_streams(struct api *api);
void api_streams_done(struct api *api);
void api_searches_done(struct api *api);

#endif
