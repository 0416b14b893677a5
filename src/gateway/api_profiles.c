/* Routes about device profiles: the list, one as text, whether a text is good, written and removed. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/profile_files.h"
#include "gateway/text_diff.h"

static struct profile_files *files(const struct api_request *request)
{
    return management_profiles(api_gateway(request)->management);
}

/* ---- the list ---- */

static bool has_text(const json_t *value, const char *text)
{
    size_t index;
    const json_t *item;
    if (json_is_string(value))
        return strcasestr(json_string_value(value), text) != NULL;
    json_array_foreach(value, index, item)
    {
        if (has_text(item, text))
            return true;
    }
    return false;
}

static bool is_listed(const struct api_request *request, const json_t *item)
{
    static const char *const members[] = { "name", "vendor", "models", "path", "usedBy" };
    const char *text = api_query(request, "q", ""), *protocol = api_query(request, "protocol", "");
    bool is_found = !*text;
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        is_found = is_found || has_text(json_object_get(item, members[i]), text);
    return is_found && (!*protocol || str_equal(json_get_string(item, "protocol", ""), protocol));
}

static void on_listed(void *ctx, const json_t *list)
{
    struct api_request *request = ctx;
    json_t *page = list ? json_array() : NULL, *item;
    size_t index;
    json_array_foreach(list, index, item)
    {
        if (is_listed(request, item))
            (void)json_array_append(page, item);
    }
    api_answer_page(request, page);
}

static void get_profiles(struct api_request *request)
{
    if (profile_files_list(files(request), on_listed, request) < 0)
        api_problem(request, 503, "out of memory");
}

/* ---- one ---- */

static void get_profile(struct api_request *request)
{
    json_t *json = NULL;
    int r = profile_files_read(files(request), api_param(request, 0), &json);
    if (r == -ENOENT || r == -ENAMETOOLONG)
        api_problem(request, 404, "no profile of this name");
    else if (r == -ENOMEM)
        api_problem(request, 503, "out of memory");
    else if (r < 0)
        api_problem(request, 500, "the profile cannot be read: %s", err_text(r));
    else
        api_answer(request, 200, json);
}

static void check_profile(struct api_request *request)
{
    const char *name = api_need_text(request, "name");
    const char *text = name ? api_need_text(request, "text") : NULL;
    if (text)
        api_answer(request, 200, profile_files_check(files(request), name, text));
}

/* ---- changes ---- */

static void on_changed(void *ctx, int err, const struct problems *problems)
{
    struct api_request *request = ctx;
    const json_t *kept = api_kept(request);
    char file[PROFILE_NAME_MAX + 8];
    (void)snprintf(file, sizeof(file), "%.*s.yaml", PROFILE_NAME_MAX, api_param(request, 0));
    if (err < 0) {
        api_refuse_change(request, err, problems, file);
        return;
    }
    api_audit(request, json_get_string(kept, "action", ""), api_param(request, 0), NULL,
              json_incref(json_object_get(kept, "after")));
    api_answer(request, 204, NULL);
}

/* `text` "": it is removed. False without memory, and that was answered. */
static bool keep_diff(struct api_request *request, const char *action, const char *text)
{
    AUTO(json_t) *old = NULL;
    const char *name = api_param(request, 0);
    (void)profile_files_read(files(request), name, &old);
    AUTO_FREE char *diff = text_diff(name, json_get_string(old, "text", ""), name, text);
    return api_keep(request, json_pack("{s:s, s:{s:s}}", "action", action, "after", "diff", diff));
}

static void put_profile(struct api_request *request)
{
    const char *text = api_need_text(request, "text"), *etag;
    if (!text || !api_read_text(request, "etag", &etag) || !keep_diff(request, "profile.write", text))
        return;
    if (profile_files_put(files(request), api_param(request, 0), text, etag, on_changed, request) < 0)
        api_problem(request, 503, "out of memory");
}

static void delete_profile(struct api_request *request)
{
    if (keep_diff(request, "profile.remove", "") &&
        profile_files_remove(files(request), api_param(request, 0), on_changed, request) < 0)
        api_problem(request, 503, "out of memory");
}

const struct api_route api_profile_routes[] = {
    { HTTP_GET, API_PREFIX "/profiles", ROLE_VIEWER, get_profiles, "device profiles",
      "q,protocol,offset,limit" },
    { HTTP_POST, API_PREFIX "/profiles/check", ROLE_OPERATOR, check_profile,
      "what is wrong with this text, and what it offers: {name, text}", NULL },
    { HTTP_GET, API_PREFIX "/profiles/{name}", ROLE_VIEWER, get_profile, "a profile as text", NULL },
    { HTTP_PUT, API_PREFIX "/profiles/{name}", ROLE_ADMIN, put_profile,
      "writes a profile to the site's directory: {text, etag?}", NULL },
    { HTTP_DELETE, API_PREFIX "/profiles/{name}", ROLE_ADMIN, delete_profile, "removes a profile of the site",
      NULL },
    { 0 },
};
