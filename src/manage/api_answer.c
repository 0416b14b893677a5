/* How requests are answered (api.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "manage/api_internal.h"

#define MAX_DETAIL 1024

static const struct {
    int status;
    const char *title;
} titles[] = {
    { 400, "Bad Request" },         { 401, "Unauthorized" },           { 403, "Forbidden" },
    { 404, "Not Found" },           { 405, "Method Not Allowed" },     { 409, "Conflict" },
    { 413, "Content Too Large" },   { 415, "Unsupported Media Type" }, { 422, "Unprocessable Content" },
    { 429, "Too Many Requests" },   { 500, "Internal Server Error" },  { 502, "Bad Gateway" },
    { 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
};

static const char *title_of(int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

void api_fields(struct http_field ret[API_MAX_FIELDS], const char *content_type,
                const struct http_field *more)
{
    size_t count = 0;
    ret[count++] = (struct http_field){ "Content-Type", content_type };
    ret[count++] = (struct http_field){ "Cache-Control", "no-store" };
    ret[count++] = (struct http_field){ "X-Content-Type-Options", "nosniff" };
    for (; more && more->name && count < API_MAX_FIELDS - 1; more++)
        ret[count++] = *more;
    ret[count] = (struct http_field){ 0 };
}

static void respond(struct http_exchange *exchange, int status, const char *content_type,
                    const struct http_field *more, const char *text)
{
    struct http_field fields[API_MAX_FIELDS];
    api_fields(fields, text ? content_type : NULL, more);
    (void)http_respond(exchange, status, fields, text ? text : "", text ? strlen(text) : 0);
}

/* Takes the reference. */
static void respond_json(struct http_exchange *exchange, int status, const char *content_type,
                         const struct http_field *more, json_t *json)
{
    AUTO_FREE char *text = json ? json_to_text(json) : NULL;
    json_decref(json);
    if (text)
        respond(exchange, status, content_type, more, text);
    else
        respond(exchange, 500, "application/problem+json", NULL,
                "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
                "\"detail\":\"out of memory\"}");
}

static json_t *problem_json(int status, const char *detail)
{
    char clean[MAX_DETAIL];
    (void)str_copy(clean, sizeof(clean), detail);
    str_make_harmless(clean);
    return json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title_of(status), "status",
                     status, "detail", clean);
}

void api_refuse(struct http_exchange *exchange, int status, const struct http_field *more, const char *detail)
{
    respond_json(exchange, status, "application/problem+json", more, problem_json(status, detail));
}

/* ---- of a request that is kept ---- */

void api_request_free(struct api_request *request)
{
    list_remove(&request->link);
    json_decref(request->body);
    json_decref(request->query);
    json_decref(request->kept);
    free(request->texts);
    explicit_bzero(request->session, sizeof(request->session));
    free(request);
}

void api_answer_fields(struct api_request *request, int status, const struct http_field *fields, json_t *json)
{
    if (!request->exchange)
        json_decref(json);
    else if (status == 204)
        respond(request->exchange, status, NULL, fields, NULL);
    else
        respond_json(request->exchange, status, "application/json", fields, json);
    api_request_free(request);
}

void api_answer(struct api_request *request, int status, json_t *json)
{
    api_answer_fields(request, status, NULL, json);
}

void api_answer_text(struct api_request *request, int status, const char *content_type, const char *text)
{
    if (request->exchange)
        respond(request->exchange, status, content_type, NULL, text);
    api_request_free(request);
}

__attribute__((format(printf, 4, 0))) static void
answer_problem(struct api_request *request, int status, json_t *more, const char *format, va_list args)
{
    char detail[MAX_DETAIL];
    (void)vsnprintf(detail, sizeof(detail), format, args);
    json_t *problem = problem_json(status, detail);
    if (more && problem && json_object_update_missing(problem, more) < 0) {
        json_decref(problem);
        problem = NULL;
    }
    json_decref(more);
    char retry[24];
    int64_t retry_s = json_get_int(problem, "retryAfter", 0);
    (void)snprintf(retry, sizeof(retry), "%" PRId64, retry_s);
    const struct http_field fields[] = {
        { "Retry-After", retry_s > 0 ? retry : NULL },
        /* RFC 9110, 11.6.1. Not Basic, or browsers would ask for a password themselves. */
        { "WWW-Authenticate", status == 401 ? "Bearer realm=\"ocpp-gateway\"" : NULL },
        { 0 },
    };
    if (request->exchange)
        respond_json(request->exchange, status, "application/problem+json", fields, problem);
    else
        json_decref(problem);
    api_request_free(request);
}

void api_problem(struct api_request *request, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    answer_problem(request, status, NULL, format, args);
    va_end(args);
}

void api_problem_with(struct api_request *request, int status, json_t *more, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    answer_problem(request, status, more, format, args);
    va_end(args);
}

/* ---- pages ---- */

static bool read_number(struct api_request *request, const char *name, int64_t min, int64_t max,
                        size_t fallback, size_t *ret)
{
    int64_t number = (int64_t)fallback;
    const char *text = api_query(request, name, NULL);
    if (text && str_to_int(text, min, max, &number) < 0) {
        api_problem(request, 400, "%s: expected a number from %" PRId64 " to %" PRId64, name, min, max);
        return false;
    }
    *ret = (size_t)number;
    return true;
}

bool api_page(struct api_request *request, size_t *ret_offset, size_t *ret_limit)
{
    return read_number(request, "offset", 0, INT32_MAX, 0, ret_offset) &&
           read_number(request, "limit", 1, API_PAGE_MAX, API_PAGE, ret_limit);
}

/* Whether the text is in any text of it; names of members do not count. */
static bool has_text(const json_t *json, const char *text)
{
    const char *name;
    const json_t *value;
    size_t index;
    if (json_is_string(json))
        return strcasestr(json_string_value(json), text) != NULL;
    json_array_foreach(json, index, value)
    {
        if (has_text(value, text))
            return true;
    }
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (has_text(value, text))
            return true;
    }
    return false;
}

/* Takes the reference; NULL without memory. */
static json_t *with_text(json_t *all, const char *text)
{
    const json_t *item;
    size_t index;
    json_t *found = all && *text ? json_array() : json_incref(all);
    if (found != all)
        json_array_foreach(all, index, item)
        {
            if (has_text(item, text))
                (void)json_array_append(found, (json_t *)(uintptr_t)item);
        }
    json_decref(all);
    return found;
}

void api_answer_page(struct api_request *request, json_t *all)
{
    size_t offset, limit, total;
    all = with_text(all, api_query(request, "q", ""));
    if (!all) {
        api_answer(request, 500, NULL);
        return;
    }
    total = json_array_size(all);
    if (api_page(request, &offset, &limit)) {
        json_t *items = json_array();
        int r = 0;
        for (size_t i = offset; i < total && i - offset < limit; i++)
            r |= json_array_append(items, json_array_get(all, i));
        if (r < 0)
            json_decref(STEAL(items)); /* half a page would pass for a whole one */
        api_answer(request, 200,
                   json_pack("{s:o, s:I, s:I, s:I}", "items", items, "total", (json_int_t)total, "offset",
                             (json_int_t)offset, "limit", (json_int_t)limit));
    }
    json_decref(all);
}

/* ---- the audit log ---- */

static bool is_secret(const char *name)
{
    static const char *const names[] = { "password",          "old", "new", "token", "secret", "key", "csrf",
                                         "basicAuthPassword", "pin" };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_equal_ci(names[i], name))
            return true;
    return false;
}

static void hide_secrets(json_t *json)
{
    const char *name;
    json_t *value;
    size_t index;
    void *next;
    if (json_is_array(json))
        json_array_foreach(json, index, value) hide_secrets(value);
    json_object_foreach_safe(json, next, name, value)
    {
        if (is_secret(name) && json_is_string(value))
            (void)json_object_set_new(json, name, json_string("***"));
        else
            hide_secrets(value);
    }
}

/* Takes the reference; NULL: nothing. */
static char *audit_text(json_t *json)
{
    AUTO(json_t) *copy = json ? json_deep_copy(json) : NULL; /* it may be in use elsewhere */
    json_decref(json);
    hide_secrets(copy);
    return copy ? json_to_text(copy) : NULL;
}

void api_audit(const struct api_request *request, const char *action, const char *target, json_t *before,
               json_t *after)
{
    AUTO_FREE char *old = audit_text(before);
    AUTO_FREE char *new = audit_text(after);
    const struct history_audit audit = {
        .time_ms = env_wall_ms(&request->api->settings.loop->env),
        .user = request->user,
        .role = role_names[request->role],
        .peer = request->http.peer,
        .action = action,
        .target = target,
        .before = old,
        .after = new,
    };
    if (request->api->settings.history)
        (void)history_put_audit(request->api->settings.history, &audit);
}
