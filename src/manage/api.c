/* From a request to its handler (api.h). */
#include "manage/api.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "manage/api_internal.h"
#include "manage/assets.h"

/* ---- routes ---- */

/* Whether the path fits; what stands for {name} goes to `params` as offsets and lengths. */
struct span {
    const char *at;
    size_t len;
};

static bool path_fits(const char *pattern, const char *path, struct span params[API_MAX_PARAMS])
{
    size_t count = 0;
    while (*pattern) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        if (len == 0 || count == API_MAX_PARAMS)
            return false;
        params[count++] = (struct span){ path, len };
        pattern += strcspn(pattern, "}") + 1;
        path += len;
    }
    return *path == '\0';
}

/* The table's route; else `methods`, by enum http_method, gets those that the path has. */
static const struct api_route *find_in(const struct api_route *routes, const struct http_request *http,
                                       struct span params[API_MAX_PARAMS], bool methods[HTTP_METHODS])
{
    for (; routes && routes->pattern; routes++) {
        if (!path_fits(routes->pattern, http->path, params))
            continue;
        if (routes->method == http->method)
            return routes;
        methods[routes->method] = true;
    }
    return NULL;
}

static const struct api_route *const own_tables[] = { api_access_routes, api_feed_routes, api_openapi_routes,
                                                      NULL };

static const struct api_route *find_route(const struct api *api, const struct http_request *http,
                                          struct span params[API_MAX_PARAMS], bool methods[HTTP_METHODS])
{
    const struct api_route *const *tables[] = { own_tables, api->settings.tables };
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        for (const struct api_route *const *table = tables[i]; *table; table++) {
            const struct api_route *route = find_in(*table, http, params, methods);
            if (route)
                return route;
        }
    return NULL;
}

static void print_routes(const struct api_route *route, struct buf *out)
{
    for (; route->pattern; route++)
        buf_printf(out, "%s %s %s %s\n", http_method_names[route->method], route->pattern,
                   role_names[route->role], route->query ? route->query : "-");
}

void api_print_routes(const struct api_route *const *tables, struct buf *out)
{
    for (size_t i = 0; own_tables[i]; i++)
        print_routes(own_tables[i], out);
    for (; *tables; tables++)
        print_routes(*tables, out);
}

/* ---- a request that is kept ---- */

/* Copies what the request must still know when its client is gone. NULL without memory. */
static struct api_request *request_new(struct api *api, struct http_exchange *exchange,
                                       const struct http_request *http, const struct span *params)
{
    size_t path = strlen(http->path) + 1, query = strlen(http->query) + 1;
    struct api_request *request = calloc(1, sizeof(*request));
    char *texts = request ? calloc(1, 2 * path + query + API_MAX_PARAMS) : NULL;
    if (!texts) {
        free(request);
        return NULL;
    }
    request->api = api;
    request->exchange = exchange;
    request->http = *http;
    http_client_address(&api->proxies, http->peer, http_header(exchange, "x-forwarded-for"),
                        request->http.peer);
    request->texts = texts;
    request->http.path = memcpy(texts, http->path, path);
    request->http.query = memcpy(texts + path, http->query, query);
    request->http.body = NULL;
    char *at = texts + path + query;
    for (size_t i = 0; i < API_MAX_PARAMS && params[i].at; i++) {
        request->params[i] = memcpy(at, params[i].at, params[i].len);
        at += params[i].len + 1;
    }
    list_append(&api->requests, &request->link);
    return request;
}

/* ---- who it is ---- */

/* The value of a cookie in the header, or false. */
static bool find_cookie(const char *header, const char *name, char *ret, size_t size)
{
    size_t name_len = strlen(name);
    while (header && *header) {
        header += strspn(header, "; ");
        size_t len = strcspn(header, ";");
        if (len > name_len && strncmp(header, name, name_len) == 0 && header[name_len] == '=' &&
            len - name_len - 1 < size) {
            memcpy(ret, header + name_len + 1, len - name_len - 1);
            ret[len - name_len - 1] = '\0';
            return true;
        }
        header += len;
    }
    return false;
}

const char *api_cookie_name(const struct http_request *http)
{
    return http->is_tls ? "__Host-" API_SESSION_COOKIE : API_SESSION_COOKIE;
}

static bool is_bearer(struct api_request *request, const char *authorization, int *ret_status)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return false;
    request->role = access_find_token(request->api->settings.access, authorization + 7, request->http.peer,
                                      request->user, &request->retry_after_s);
    if (request->role == ROLE_NONE)
        *ret_status = request->retry_after_s > 0 ? 429 : 401;
    return true;
}

/* 0, or the status it is refused with, and why. */
static int identify(struct api_request *request, const char **ret_why)
{
    struct access *access = request->api->settings.access;
    char secret[ACCESS_SECRET_SIZE];
    int status = 0;
    if (request->http.is_local) { /* the socket's mode has judged */
        (void)str_copy(request->user, sizeof(request->user), ACCESS_LOCAL);
        request->role = ROLE_ADMIN;
        return 0;
    }
    if (is_bearer(request, http_header(request->exchange, "authorization"), &status)) {
        *ret_why = status == 429 ? "too many wrong tokens came from this address; wait, then try again"
                                 : "this token is not known, or has expired";
        return status;
    }
    if (!find_cookie(http_header(request->exchange, "cookie"), api_cookie_name(&request->http), secret,
                     sizeof(secret)))
        return 0;
    const struct access_session *session = access_find_session(access, secret);
    if (session) {
        (void)str_copy(request->user, sizeof(request->user), session->user);
        (void)str_copy(request->session, sizeof(request->session), secret);
        request->role = session->role;
        const char *csrf = http_header(request->exchange, "x-csrf-token");
        if (request->http.method != HTTP_GET && !(csrf && access_csrf_is(session, csrf))) {
            *ret_why = "the header X-CSRF-Token is missing or wrong; GET /api/v1/session tells the right one";
            status = 403;
        }
    }
    explicit_bzero(secret, sizeof(secret));
    return status;
}

static bool may(struct api_request *request, const struct api_route *route)
{
    const char *why = "";
    int status = identify(request, &why);
    /* What everybody may: a session that is over must not keep from logging in. */
    if (route->role == ROLE_NONE && status != 429 && !(status == 403 && request->http.method == HTTP_DELETE))
        return true;
    if (status == 0 && request->role == ROLE_NONE) {
        status = 401;
        why = "log in (POST /api/v1/session), or send a token (Authorization: Bearer ...)";
    }
    if (status == 0 && request->role < route->role) {
        api_problem(request, 403, "this needs the role %s; %s has the role %s", role_names[route->role],
                    request->user, role_names[request->role]);
        return false;
    }
    if (status == 0)
        return true;
    json_t *more =
        status == 401 ? json_pack("{s:b}", "setup", access_setup_token(request->api->settings.access) != NULL)
        : status == 429 ? json_pack("{s:i}", "retryAfter", request->retry_after_s)
                        : NULL;
    api_problem_with(request, status, more, "%s", why);
    return false;
}

/* ---- query and body ---- */

static bool is_listed(const char *list, const char *name, size_t len)
{
    while (list && *list) {
        size_t item = strcspn(list, ",");
        if (item == len && strncmp(list, name, len) == 0)
            return true;
        list += item + (list[item] == ',');
    }
    return false;
}

static bool read_query(struct api_request *request)
{
    request->query = json_object();
    for (const char *at = request->http.query; *at;) {
        char name[40], value[API_VALUE_SIZE];
        size_t len = strcspn(at, "&"), name_len = strcspn(at, "=&");
        if (name_len == 0 || name_len >= sizeof(name) || !is_listed(request->route->query, at, name_len)) {
            api_problem(request, 400, "%.*s: no such parameter; expected %s",
                        (int)(name_len < 40 ? name_len : 40), at,
                        request->route->query ? request->route->query : "none");
            return false;
        }
        memcpy(name, at, name_len);
        name[name_len] = '\0';
        if (http_query_get(request->http.query, name, value, sizeof(value)) < 0 ||
            json_object_set_new(request->query, name, json_string(value)) < 0) {
            api_problem(request, 400, "%s: is too long, or wrongly encoded", name);
            return false;
        }
        at += len + (at[len] == '&');
    }
    return true;
}

static bool has_json_type(const struct api_request *request)
{
    const char *type = http_header(request->exchange, "content-type");
    return type && strncasecmp(type, "application/json", 16) == 0 && (type[16] == '\0' || type[16] == ';');
}

static bool read_body(struct api_request *request, const struct http_request *http)
{
    if (http->body_len == 0)
        return true;
    if (!has_json_type(request)) {
        api_problem(request, 415, "expected Content-Type: application/json");
        return false;
    }
    json_error_t error;
    request->body = json_loadb(http->body, http->body_len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(request->body))
        return true;
    if (request->body)
        api_problem(request, 400, "the body is no JSON object");
    else if (json_error_code(&error) == json_error_out_of_memory)
        api_problem(request, 503, "out of memory");
    else
        api_problem(request, 400, "the body is no JSON: line %d, column %d: %s", error.line, error.column,
                    error.text);
    return false;
}

/* ---- dispatch ---- */

/* Scripts, styles and pictures come from here only; nothing may frame the pages. */
static const char policy[] =
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'; object-src 'none'";

static void send_asset(struct http_exchange *exchange, const struct http_request *http)
{
    const struct asset *asset = asset_find(http->path);
    if (!asset) {
        api_refuse(exchange, 404, NULL,
                   "there is nothing here; the pages begin at /, the API at " API_PREFIX);
        return;
    }
    const char *known = http_header(exchange, "if-none-match");
    bool is_known = known && str_equal(known, asset->etag);
    const struct http_field fields[] = {
        { "Content-Type", asset->content_type },
        { "Content-Encoding", "gzip" },
        { "ETag", asset->etag },
        { "Cache-Control", asset->is_hashed ? "public, max-age=31536000, immutable" : "no-cache" },
        { "Content-Security-Policy", policy },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { 0 },
    };
    if (is_known)
        (void)http_respond(exchange, 304, fields + 2, "", 0);
    else
        (void)http_respond_static(exchange, 200, fields, asset->gzip, asset->len);
}

static void run(struct api *api, struct http_exchange *exchange, const struct http_request *http,
                const struct api_route *route, const struct span *params)
{
    struct api_request *request = request_new(api, exchange, http, params);
    if (!request) {
        api_refuse(exchange, 503, NULL, "out of memory");
        return;
    }
    request->route = route;
    if (may(request, route) && read_query(request) && read_body(request, http))
        route->run(request);
}

/* False: the path has no method at all. */
static bool refuse_method(struct http_exchange *exchange, const bool methods[HTTP_METHODS])
{
    char allow[80] = "";
    size_t len = 0;
    for (size_t i = 0; i < HTTP_METHODS; i++)
        if (methods[i])
            len += (size_t)snprintf(allow + len, sizeof(allow) - len, "%s%s%s", len ? ", " : "",
                                    http_method_names[i], i == HTTP_GET ? ", HEAD" : "");
    const struct http_field fields[] = { { "Allow", allow }, { 0 } };
    if (len > 0)
        api_refuse(exchange, 405, fields,
                   "this path has other methods; GET " API_PREFIX "/openapi.json describes them");
    return len > 0;
}

static void on_request(void *ctx, struct http_exchange *exchange, const struct http_request *http)
{
    struct api *api = ctx;
    struct span params[API_MAX_PARAMS] = { 0 };
    bool methods[HTTP_METHODS] = { false };
    const struct api_route *route = find_route(api, http, params, methods);
    if (route)
        run(api, exchange, http, route, params);
    else if (refuse_method(exchange, methods))
        return;
    else if (http->method != HTTP_GET || str_starts(http->path, "/api/"))
        api_refuse(exchange, 404, NULL,
                   "no such path; GET " API_PREFIX "/openapi.json lists those there are");
    else
        send_asset(exchange, http);
}

static void on_gone(void *ctx, struct http_exchange *exchange)
{
    struct api *api = ctx;
    if (api_stream_gone(api, exchange) || api_pieces_gone(api, exchange))
        return;
    LIST_FOREACH(link, next, &api->requests)
    {
        struct api_request *request = LIST_ITEM(link, struct api_request, link);
        if (request->exchange == exchange)
            request->exchange = NULL;
    }
}

/* ---- life ---- */

static void on_keepalive(struct timer *timer, void *ctx)
{
    struct api *api = ctx;
    api_on_keepalive(api);
    env_timer_start(&api->settings.loop->env, timer, API_KEEPALIVE_MS);
}

struct api *api_new(const struct api_settings *settings)
{
    struct api *api = calloc(1, sizeof(*api));
    if (!api)
        return NULL;
    api->settings = *settings;
    list_init(&api->requests);
    list_init(&api->streams);
    list_init(&api->searches);
    list_init(&api->pieces);
    timer_init(&api->keepalive, settings->loop->env.timers, on_keepalive, api);
    env_timer_start(&settings->loop->env, &api->keepalive, API_KEEPALIVE_MS);
    return api;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    timer_stop(&api->keepalive);
    api_streams_done(api);
    api_searches_done(api);
    LIST_FOREACH(link, next, &api->requests)
    {
        struct api_request *request = LIST_ITEM(link, struct api_request, link);
        access_forget(api->settings.access, request);
        history_forget(api->settings.history, request);
        api_request_free(request);
    }
    free(api);
}

int api_listen(struct api *api, const struct http_server_settings *settings, struct http_server **ret)
{
    static const struct http_events events = { on_request, on_gone };
    return http_server_new(api->settings.websockets, settings, &events, api, ret);
}

void api_trust(struct api *api, const struct http_proxies *proxies)
{
    api->proxies = *proxies;
}

/* ---- for handlers ---- */

void *api_context(const struct api_request *request)
{
    return request->api->settings.ctx;
}

const struct http_request *api_http(const struct api_request *request)
{
    return &request->http;
}

const char *api_user(const struct api_request *request)
{
    return request->user;
}

enum role api_role(const struct api_request *request)
{
    return request->role;
}

const char *api_session(const struct api_request *request)
{
    return *request->session ? request->session : NULL;
}

const char *api_param(const struct api_request *request, size_t index)
{
    return request->params[index];
}

const char *api_query(const struct api_request *request, const char *name, const char *fallback)
{
    return json_get_string(request->query, name, fallback);
}

const json_t *api_body(const struct api_request *request)
{
    return request->body;
}

struct access *api_access(const struct api_request *request)
{
    return request->api->settings.access;
}

bool api_keep(struct api_request *request, json_t *what)
{
    json_decref(request->kept);
    request->kept = what;
    if (!what)
        api_problem(request, 503, "out of memory");
    return what != NULL;
}

const json_t *api_kept(const struct api_request *request)
{
    return request->kept;
}

bool api_has_only(struct api_request *request, const char *members)
{
    const char *name;
    json_t *value;
    json_object_foreach(request->body, name, value)
    {
        if (is_listed(members, name, strlen(name)))
            continue;
        api_problem(request, 422, "%.60s: no such member; expected %s", name, members);
        return false;
    }
    return true;
}

const char *api_need_text(struct api_request *request, const char *member)
{
    const char *text = json_get_string(request->body, member, NULL);
    if (!text)
        api_problem(request, 400, "the body has no \"%s\" that is a text", member);
    return text;
}

bool api_read_text(struct api_request *request, const char *member, const char **ret)
{
    const json_t *value = json_object_get(request->body, member);
    *ret = json_string_value(value);
    if (!value || *ret)
        return true;
    api_problem(request, 400, "%s: expected a text", member);
    return false;
}

bool api_query_time(struct api_request *request, const char *name, int64_t *ret_ms)
{
    const char *text = api_query(request, name, "");
    *ret_ms = 0;
    if (!*text || timestamp_parse(text, ret_ms) == 0)
        return true;
    api_problem(request, 400, "%s: expected a time such as 2026-01-31T12:00:00Z", name);
    return false;
}
