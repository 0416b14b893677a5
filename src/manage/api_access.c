/* Routes of the API's own: who is there, users, tokens, the audit log. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "manage/api_internal.h"

static struct access *access_of(const struct api_request *request)
{
    return request->api->settings.access;
}

/* What an error of struct access is to the client. */
static void answer_failure(struct api_request *request, const struct access_result *result)
{
    int status = result->err == -EACCES                          ? 401
                 : result->err == -EAGAIN                        ? 429
                 : result->err == -EINVAL                        ? 422
                 : result->err == -ENOENT                        ? 404
                 : result->err == -ENOMEM || result->err == -EIO ? 503
                                                                 : 409;
    api_problem_with(request, status,
                     status == 429 ? json_pack("{s:i}", "retryAfter", result->retry_after_s) : NULL, "%s",
                     result->text);
}

/* ---- session ---- */

static json_t *session_json(const char *user, enum role role, const char *csrf)
{
    return json_pack("{s:s, s:s, s:s, s:s*}", "user", user, "role", role_names[role], "version",
                     GATEWAY_VERSION, "csrf", csrf);
}

static void answer_with_cookie(struct api_request *request, const char *secret, const char *max_age,
                               json_t *json)
{
    char cookie[160];
    (void)snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
                   api_cookie_name(&request->http), secret, request->http.is_tls ? "; Secure" : "", max_age);
    const struct http_field fields[] = { { "Set-Cookie", cookie }, { 0 } };
    api_answer_fields(request, json ? 200 : 204, fields, json);
    explicit_bzero(cookie, sizeof(cookie));
}

static void post_setup(struct api_request *request);

static void on_login(void *ctx, const struct access_result *result)
{
    struct api_request *request = ctx;
    if (result->err < 0) {
        answer_failure(request, result);
        return;
    }
    const struct access_session *session = result->session;
    (void)str_copy(request->user, sizeof(request->user), session->user);
    request->role = session->role;
    if (request->route->run == post_setup)
        api_audit(request, "user.create", session->user, NULL,
                  json_pack("{s:s, s:s}", "name", session->user, "role", role_names[session->role]));
    api_audit(request, "session.begin", session->user, NULL, NULL);
    json_t *json = session_json(session->user, session->role, session->csrf);
    if (json)
        answer_with_cookie(request, session->secret, "", json);
    else
        api_answer(request, 500, NULL);
}

static void post_session(struct api_request *request)
{
    const char *user = api_need_text(request, "user");
    const char *password = user ? api_need_text(request, "password") : NULL;
    if (password)
        access_login(access_of(request), user, password, request->http.peer, on_login, request);
}

static void post_setup(struct api_request *request)
{
    const char *token = api_need_text(request, "token");
    const char *user = token ? api_need_text(request, "user") : NULL;
    const char *password = user ? api_need_text(request, "password") : NULL;
    if (password)
        access_setup(
            access_of(request),
            &(struct access_change){
                .setup_token = token, .user = user, .password = password, .peer = request->http.peer },
            on_login, request);
}

static void get_session(struct api_request *request)
{
    const struct access_session *session =
        *request->session ? access_find_session(access_of(request), request->session) : NULL;
    api_answer(request, 200, session_json(request->user, request->role, session ? session->csrf : NULL));
}

static void delete_session(struct api_request *request)
{
    if (*request->session) {
        access_end_session(access_of(request), request->session);
        api_check_streams(request->api);
        api_audit(request, "session.end", request->user, NULL, NULL);
    }
    answer_with_cookie(request, "", "; Max-Age=0", NULL);
}

/* ---- users ---- */

/* The user or token as the list shows it, for the audit log; NULL: there is none. The list is taken. */
static json_t *find_named(json_t *list, const char *name)
{
    json_t *item, *found = NULL;
    size_t index;
    json_array_foreach(list, index, item)
    {
        if (str_equal(json_get_string(item, "name", ""), name))
            found = item;
    }
    json_incref(found);
    json_decref(list);
    return found;
}

static void on_changed(void *ctx, const struct access_result *result)
{
    struct api_request *request = ctx;
    if (result->err == -EACCES) { /* no 401: who asks is known, and stays so */
        api_problem_with(request, 422, json_pack("{s:s}", "code", "WrongPassword"),
                         "the password until now is wrong");
        return;
    }
    if (result->err < 0) {
        answer_failure(request, result);
        return;
    }
    api_check_streams(request->api);
    bool is_new = request->http.method == HTTP_POST;
    const char *user = is_new ? json_get_string(request->body, "name", "") : request->params[0];
    api_audit(request, is_new ? "user.create" : "user.change", user ? user : request->user,
              json_incref(request->kept), json_incref(request->body));
    api_answer(request, is_new ? 201 : 204, is_new ? json_pack("{s:s}", "name", user) : NULL);
}

static void put_password(struct api_request *request)
{
    const char *old = api_need_text(request, "old");
    const char *new = old ? api_need_text(request, "new") : NULL;
    if (new)
        access_change_password(access_of(request),
                               &(struct access_change){ .user = request->user,
                                                        .old_password = old,
                                                        .password = new,
                                                        .keep_session = api_session(request),
                                                        .peer = request->http.peer },
                               on_changed, request);
}

/* False: the member is there and no text, and that was answered: to take it for left out would make a token without an end, or leave a role as it was. */
static bool is_text_or_none(struct api_request *request, const char *member)
{
    const json_t *value = json_object_get(request->body, member);
    if (!value || json_is_string(value))
        return true;
    api_problem(request, 422, "%s: expected a text", member);
    return false;
}

/* False: the body names a role that is none, and that was answered. */
static bool read_role(struct api_request *request, enum role *ret)
{
    const char *name = json_get_string(request->body, "role", NULL);
    if (!is_text_or_none(request, "role"))
        return false;
    *ret = name ? role_from_name(name) : ROLE_NONE;
    if (!name || (*ret != ROLES && *ret != ROLE_NONE))
        return true;
    api_problem(request, 422, "role: expected viewer, operator or admin");
    return false;
}

static void post_users(struct api_request *request)
{
    enum role role;
    const char *name = api_need_text(request, "name");
    const char *password = name ? api_need_text(request, "password") : NULL;
    if (!password || !api_has_only(request, "name,password,role") || !api_need_text(request, "role") ||
        !read_role(request, &role))
        return;
    access_put_user(
        access_of(request),
        &(struct access_change){ .user = name, .password = password, .role = role, .is_new = true },
        on_changed, request);
}

static void put_user(struct api_request *request)
{
    enum role role;
    if (!api_has_only(request, "password,role") || !read_role(request, &role) ||
        !is_text_or_none(request, "password"))
        return;
    request->kept = find_named(access_users(access_of(request)), request->params[0]);
    access_put_user(access_of(request),
                    &(struct access_change){ .user = request->params[0],
                                             .password = json_get_string(request->body, "password", NULL),
                                             .role = role,
                                             .keep_session = api_session(request) },
                    on_changed, request);
}

static void get_users(struct api_request *request)
{
    api_answer_page(request, access_users(access_of(request)));
}

static void delete_user(struct api_request *request)
{
    AUTO(json_t) *before = find_named(access_users(access_of(request)), request->params[0]);
    int r = access_delete_user(access_of(request), request->params[0]);
    if (r == -ENOENT)
        api_problem(request, 404, "no user of this name");
    else if (r < 0)
        api_problem(request, 409, "the last admin stays: make another one first");
    else {
        api_check_streams(request->api);
        api_audit(request, "user.delete", request->params[0], json_incref(before), NULL);
        api_answer(request, 204, NULL);
    }
}

/* ---- tokens ---- */

static void get_tokens(struct api_request *request)
{
    api_answer_page(request, access_tokens(access_of(request)));
}

static void answer_token(struct api_request *request, int err, const char *secret)
{
    const char *name = json_get_string(request->body, "name", "");
    if (err == -EEXIST)
        api_problem(request, 409, "there is a token or a user of this name already");
    else if (err == -E2BIG)
        api_problem(request, 409, "there are %d tokens, as many as there may be", ACCESS_MAX_TOKENS);
    else if (err == -EINVAL)
        api_problem(request, 422, "name: expected 1 to 64 of A-Z a-z 0-9 . _ - @");
    else if (err < 0)
        api_problem(request, 503, "the token cannot be stored");
    else {
        api_audit(request, "token.create", name, NULL, json_incref(request->body));
        api_answer(request, 201,
                   json_pack("{s:s, s:s, s:s}", "name", name, "role",
                             json_get_string(request->body, "role", ""), "token", secret));
    }
}

static void post_tokens(struct api_request *request)
{
    char secret[ACCESS_SECRET_SIZE] = "";
    int64_t expires_ms = 0;
    enum role role;
    const char *expires = json_get_string(request->body, "expires", "");
    const char *name = api_need_text(request, "name");
    if (!name || !api_has_only(request, "name,role,expires") || !api_need_text(request, "role") ||
        !read_role(request, &role) || !is_text_or_none(request, "expires"))
        return;
    if (*expires && (timestamp_parse(expires, &expires_ms) < 0 ||
                     expires_ms <= env_wall_ms(&request->api->settings.loop->env))) {
        api_problem(request, 422, "expires: expected a time to come, such as 2027-01-31T12:00:00Z");
        return;
    }
    int r = access_new_token(access_of(request), name, role, expires_ms, secret);
    answer_token(request, r, secret);
    explicit_bzero(secret, sizeof(secret));
}

static void delete_token(struct api_request *request)
{
    AUTO(json_t) *before = find_named(access_tokens(access_of(request)), request->params[0]);
    if (access_delete_token(access_of(request), request->params[0]) < 0) {
        api_problem(request, 404, "no token of this name");
        return;
    }
    api_check_streams(request->api);
    api_audit(request, "token.delete", request->params[0], json_incref(before), NULL);
    api_answer(request, 204, NULL);
}

/* ---- audit ---- */

static void on_audit(void *ctx, int err, json_t *page)
{
    struct api_request *request = ctx;
    size_t offset, limit;
    if (err < 0 || !page) {
        api_problem(request, 503, "the audit log cannot be read now");
        return;
    }
    if (api_page(request, &offset, &limit)) {
        (void)json_set_optional(page, "offset", json_integer((json_int_t)offset));
        (void)json_set_optional(page, "limit", json_integer((json_int_t)limit));
        api_answer(request, 200, page);
    } else {
        json_decref(page);
    }
}

static void get_audit(struct api_request *request)
{
    struct history_filter filter = { 0 };
    if (!api_page(request, &filter.offset, &filter.limit) ||
        !api_query_time(request, "since", &filter.since_ms) ||
        !api_query_time(request, "until", &filter.until_ms))
        return;
    if (str_copy(filter.text, sizeof(filter.text), api_query(request, "q", "")) < 0)
        api_problem(request, 400, "q: at most 127 characters");
    else if (history_find_audit(request->api->settings.history, &filter, on_audit, request) < 0)
        api_problem(request, 503, "too many searches wait");
}

const struct api_route api_access_routes[] = {
    { HTTP_POST, API_PREFIX "/session", ROLE_NONE, post_session, "log in: {user, password}", NULL },
    { HTTP_GET, API_PREFIX "/session", ROLE_VIEWER, get_session, "who is logged in", NULL },
    { HTTP_DELETE, API_PREFIX "/session", ROLE_VIEWER, delete_session, "log out", NULL },
    { HTTP_POST, API_PREFIX "/setup", ROLE_NONE, post_setup, "the first user: {token, user, password}",
      NULL },
    { HTTP_PUT, API_PREFIX "/session/password", ROLE_VIEWER, put_password, "one's own password: {old, new}",
      NULL },
    { HTTP_GET, API_PREFIX "/users", ROLE_ADMIN, get_users, "users", "q,offset,limit" },
    { HTTP_POST, API_PREFIX "/users", ROLE_ADMIN, post_users, "a new user: {name, role, password}", NULL },
    { HTTP_PUT, API_PREFIX "/users/{name}", ROLE_ADMIN, put_user, "changes a user: {role, password}", NULL },
    { HTTP_DELETE, API_PREFIX "/users/{name}", ROLE_ADMIN, delete_user, "removes a user", NULL },
    { HTTP_GET, API_PREFIX "/tokens", ROLE_ADMIN, get_tokens, "tokens of machines", "q,offset,limit" },
    { HTTP_POST, API_PREFIX "/tokens", ROLE_ADMIN, post_tokens, "a new token: {name, role, expires}", NULL },
    { HTTP_DELETE, API_PREFIX "/tokens/{name}", ROLE_ADMIN, delete_token, "removes a token", NULL },
    { HTTP_GET, API_PREFIX "/audit", ROLE_ADMIN, get_audit, "who changed what, newest first",
      "since,until,q,offset,limit" },
    { 0 },
};
