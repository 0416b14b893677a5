/* The management API: a table of routes, who may use them, and how they are answered (problem+json, pages, streams).
 *
 *     http -> route -> who is it (session, bearer token, Unix socket) -> role -> CSRF -> body -> handler -> api_answer()
 *
 * A handler answers once, now or later, by api_answer...() or api_problem(); the request is gone with that. It may answer a client that is gone. */
#ifndef MANAGE_API_H
#define MANAGE_API_H

#include <jansson.h>

#include "manage/access.h"
#include "manage/feed.h"
#include "net/http.h"

struct api;
struct api_request;
struct history;
struct http_proxies;

#define API_PREFIX     "/api/v1" /* of all but /metrics, /healthz, /readyz */
#define API_MAX_PARAMS 3
#define API_PAGE       100 /* items of a list where no limit is asked for */
#define API_PAGE_MAX   1000

typedef void (*api_handler)(struct api_request *request);
struct api_route {
    enum http_method method;
    const char *pattern; /* API_PREFIX "/stations/{id}/points" */
    enum role role;      /* ROLE_NONE: everybody */
    api_handler run;
    const char *help;
    const char *query; /* parameters it takes, "limit,offset"; others are refused. NULL: none */
};

struct api_settings {
    struct loop *loop;
    struct websocket_context *websockets;
    struct access *access;
    struct feed *feed;
    struct history *history; /* for the audit log */
    /* The number of the event that was to come when something that the filter asks for was last not told, since nobody followed; 0: never. */
    uint64_t (*untold)(void *ctx, const struct feed_filter *filter);
    const struct api_route *const
        *tables; /* of routes, each ends with a pattern of NULL; NULL ends. Outlive the API */
    void *ctx;   /* api_context() */
};
/* NULL without memory. */
struct api *api_new(const struct api_settings *settings);
/* Every server of it must be freed before. Requests not answered yet are gone, too: who has one must not answer it after this. */
void api_free(struct api *api);
DEFINE_AUTO(api, api_free)
/* Serves what http_server_new() would; several at once. As that. */
int api_listen(struct api *api, const struct http_server_settings *settings, struct http_server **ret);
/* From now on these proxies say who their clients are; copied. At first none does. */
void api_trust(struct api *api, const struct http_proxies *proxies);
/* The routes of the API's own and of `tables`, for who tests or describes them: a line each, "METHOD PATTERN ROLE QUERY"; no query: "-". */
void api_print_routes(const struct api_route *const *tables, struct buf *out);
/* Wakes those who stream; to be called when the feed has grown. */
void api_on_feed(struct api *api);
/* Whether anyone follows events of the type; of a station, if it is not NULL, by name. */
bool api_is_followed(const struct api *api, enum feed_type type, const char *station);

/* ---- for handlers ---- */

void *api_context(const struct api_request *request);
const struct http_request *api_http(const struct api_request *request);
/* Whose request it is: "local", user or token name; and as what. */
const char *api_user(const struct api_request *request);
enum role api_role(const struct api_request *request);
/* The session's secret, or NULL. */
const char *api_session(const struct api_request *request);
/* The text in place of {name}. */
const char *api_param(const struct api_request *request, size_t index);
/* A parameter of the query, decoded, or `fallback`. */
const char *api_query(const struct api_request *request, const char *name, const char *fallback);
/* The body, an object; NULL: there is none (GET, DELETE, or it is empty). Borrowed. */
const json_t *api_body(const struct api_request *request);
struct access *api_access(const struct api_request *request);
/* What a handler that answers later wants to know then: kept with the request, taken; freed with it. False: NULL, for want of memory, and that was
 * answered. And borrowed again. */
bool api_keep(struct api_request *request, json_t *what);
const json_t *api_kept(const struct api_request *request);
/* False: the body has a member that is not in the list ("name,role"), most likely misspelt, and that was answered. */
bool api_has_only(struct api_request *request, const char *members);
/* A member of the body that is a text; NULL: there is none, and that was answered. */
const char *api_need_text(struct api_request *request, const char *member);
/* One that may be left out: NULL then. False: it is no text, and that was answered. */
bool api_read_text(struct api_request *request, const char *member, const char **ret);
/* A parameter of the query that is an RFC 3339 time, as Unix ms; 0: not given. False: it is wrong, and that was answered. */
bool api_query_time(struct api_request *request, const char *name, int64_t *ret_ms);

/* Each ends the request. References are taken; NULL json: out of memory, answered 500. */
void api_answer(struct api_request *request, int status, json_t *json);
void api_answer_text(struct api_request *request, int status, const char *content_type, const char *text);
void api_answer_fields(struct api_request *request, int status, const struct http_field *fields,
                       json_t *json);
#define API_PIECE (16u << 10)
/* An answer that would hold up the loop as a whole is made while it is sent. `fill` appends what is next, about API_PIECE or nothing, and is called once in a
 * turn of the loop, when the client has taken what was before; false: that was the end. An error of the buffer hangs up: what is missing must not pass for
 * the end. `done` is called once, with whatever comes of it, and frees the ctx. */
typedef bool (*api_fill)(void *ctx, struct buf *out);
typedef void (*api_filled)(void *ctx);
void api_answer_pieces(struct api_request *request, const char *content_type, api_fill fill, api_filled done,
                       void *ctx);
/* application/problem+json (RFC 9457): status, title (of the status) and this detail. */
void api_problem(struct api_request *request, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with more members (taken): {"problems": [...]} */
void api_problem_with(struct api_request *request, int status, json_t *more, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* {"items": the page, "total": n, "offset": o, "limit": l} of an array (taken), by the query's q (a text
 * that is in an item), offset and limit. */
void api_answer_page(struct api_request *request, json_t *all);
/* The query's offset and limit; false: they are wrong, and that was answered. */
bool api_page(struct api_request *request, size_t *ret_offset, size_t *ret_limit);

/* Writes down who changed what; before and after may be NULL and are taken, secrets in them (members named as such) are hidden. */
void api_audit(const struct api_request *request, const char *action, const char *target, json_t *before,
               json_t *after);

#endif
