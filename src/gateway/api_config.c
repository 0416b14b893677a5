/* Routes that change gateway.yaml: its text, its stations and connections one by one. Each change is checked, written, put into force by a reload and written
 * into the audit log; or nothing changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"
#include "gateway/config_change.h"
#include "gateway/config_edit.h"
#include "gateway/problems_json.h"
#include "gateway/station_entry.h"

/* ---- answers ---- */

void api_refuse_change(struct api_request *request, int err, const struct problems *problems,
                       const char *file)
{
    static const struct {
        int err, status;
    } statuses[] = {
        { -EINVAL, 422 }, { -ENOENT, 404 }, { -EEXIST, 409 },     { -EBUSY, 409 },
        { -ESTALE, 409 }, { -EACCES, 409 }, { -EADDRINUSE, 409 }, { -ENOMEM, 503 },
    };
    int status = 500;
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].err == err)
            status = statuses[i].status;
    const char *first = problems->count  ? problems->list[0].text + problems->list[0].message
                        : err == -EBUSY  ? "another change is under way; try again"
                        : err == -ESTALE ? "the file " FILE_STALE
                                         : err_text(err);
    api_problem_with(request, status, json_pack("{s:o}", "problems", problems_json(problems, file)), "%s",
                     first);
}

static const char *config_path(const struct api_request *request)
{
    return api_gateway(request)->config_path;
}

/* What is kept with the request says what goes into the audit log, and the answer. */
static void on_changed(void *ctx, int err, const struct problems *problems)
{
    struct api_request *request = ctx;
    const json_t *kept = api_kept(request);
    if (err < 0) {
        api_refuse_change(request, err, problems, config_path(request));
        return;
    }
    const char *target = json_get_string(kept, "target", "");
    api_audit(request, json_get_string(kept, "action", ""), target,
              json_incref(json_object_get(kept, "before")), json_incref(json_object_get(kept, "after")));
    bool is_new = json_get_bool(kept, "new", false);
    api_answer(request, is_new ? 201 : 204, is_new ? json_pack("{s:s}", "id", target) : NULL);
}

void api_refuse_job(struct api_request *request, int err)
{
    api_problem(request, 503, "%s",
                err == -EBUSY ? "too many ask about the configuration; try again" : err_text(err));
}

static void apply(struct api_request *request, const char *text, const char *etag,
                  int (*checked)(void *ctx, const char *diff))
{
    const struct config_change change = { text, etag, checked, on_changed };
    const struct problems none = { 0 };
    int r = config_change_apply(api_gateway(request), &change, request);
    if (r < 0)
        api_refuse_change(request, r, &none, config_path(request));
}

/* ---- the whole text ---- */

/* The text, the caller's; NULL: it cannot be read, and that was answered. */
static char *read_config(struct api_request *request, char etag[FILE_ETAG_SIZE])
{
    char *text = NULL;
    int r = config_change_read(api_gateway(request), &text, etag);
    if (r == 0 && utf8_length(text, strlen(text)) < 0) {
        free(STEAL(text));
        r = -EILSEQ;
    }
    if (r < 0)
        api_problem(request, 500, "gateway.yaml cannot be read: %s", err_text(r));
    return text;
}

static void get_config(struct api_request *request)
{
    char etag[FILE_ETAG_SIZE];
    AUTO_FREE char *text = read_config(request, etag);
    if (text)
        api_answer(request, 200,
                   json_pack("{s:s, s:s, s:s}", "path", config_path(request), "text", text, "etag", etag));
}

static void on_checked(void *ctx, json_t *result)
{
    api_answer(ctx, 200, result);
}

static void check_config(struct api_request *request)
{
    const char *text = api_need_text(request, "text");
    int r = text ? config_change_check(api_gateway(request), text, on_checked, request) : 0;
    if (r < 0)
        api_refuse_job(request, r);
}

/* For the audit log. */
static int keep_diff(void *ctx, const char *diff)
{
    json_t *kept = (json_t *)(uintptr_t)api_kept(ctx);
    return json_object_set_new(kept, "after", json_pack("{s:s}", "diff", diff)) == 0 ? 0 : -ENOMEM;
}

static void put_config(struct api_request *request)
{
    const char *text = api_need_text(request, "text");
    const char *etag = text ? api_need_text(request, "etag") : NULL;
    if (etag &&
        api_keep(request, json_pack("{s:s, s:s}", "action", "config", "target", config_path(request))))
        apply(request, text, etag, keep_diff);
}

/* ---- stations ---- */

/* What a new charger may need beside its station's entry; nothing that the file has already is changed by it. */
static const char *const sections[] = { "buses", "ocpp16" };

static int add_to_section(struct api_request *request, const char *section, char **text,
                          struct problems *problems)
{
    const char *key;
    json_t *value;
    int r = 0;
    json_object_foreach(json_object_get(api_body(request), section), key, value)
    {
        AUTO_FREE char *before = r == 0 ? STEAL(*text) : NULL;
        if (before)
            r = config_edit_add_named(before, section, key, value, problems, text);
    }
    return r;
}

static char *add_sections(struct api_request *request, const char *text, struct problems *problems, int *ret)
{
    char *now = strdup(text);
    *ret = now ? 0 : -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(sections) && *ret == 0; i++)
        *ret = add_to_section(request, sections[i], &now, problems);
    return now;
}

/* For what stands elsewhere in the file to be taken out. NULL: no memory, and that was answered: no entry at all would be a removal. */
static json_t *body_copy(struct api_request *request)
{
    json_t *entry = json_copy_whole(api_body(request));
    if (!entry)
        api_problem(request, 503, "out of memory");
    return entry;
}

/* `id` NULL: a new one; `entry` NULL: removal. */
static char *edit(struct api_request *request, const char *text, const char *id, const json_t *entry,
                  struct problems *problems, int *ret)
{
    AUTO_FREE char *base = entry ? add_sections(request, text, problems, ret) : strdup(text);
    char *result = NULL;
    if (!base && *ret == 0)
        *ret = -ENOMEM;
    if (*ret < 0)
        return NULL;
    *ret = !id      ? config_edit_add_station(base, entry, problems, &result)
           : !entry ? config_edit_remove_station(base, id, problems, &result)
                    : config_edit_replace_station(base, id, entry, problems, &result);
    return result;
}

void api_entry_etag(const json_t *entry, char ret[FILE_ETAG_SIZE])
{
    AUTO_FREE char *text = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
    ret[0] = '\0';
    if (text)
        file_etag(text, ret);
}

/* Whether the entry is still the one that the caller knows; NULL: whichever. */
static int check_known(const json_t *entry, const char *known)
{
    char etag[FILE_ETAG_SIZE];
    if (!known)
        return 0;
    api_entry_etag(entry, etag);
    return etag[0] && str_equal(etag, known) ? 0 : -ESTALE;
}

static void change_station(struct api_request *request, const char *action, const char *id,
                           const json_t *entry)
{
    char etag[FILE_ETAG_SIZE];
    struct problems problems;
    AUTO(json_t) *before = NULL;
    int r = 0;
    AUTO_FREE char *now = read_config(request, etag);
    if (!now)
        return;
    problems_init(&problems);
    if (id)
        r = config_edit_station(now, id, &problems, &before);
    if (r == 0)
        r = check_known(before, api_query(request, "etag", NULL));
    AUTO_FREE char *text = r == 0 ? edit(request, now, id, entry, &problems, &r) : NULL;
    if (r == 0) {
        if (api_keep(request, json_pack("{s:s, s:s, s:b, s:O*, s:O*}", "action", action, "target",
                                        id ? id : json_get_string(entry, "id", ""), "new", !id, "before",
                                        before, "after", api_body(request))))
            apply(request, text, etag, NULL);
    } else {
        api_refuse_change(request, r, &problems, config_path(request));
    }
    problems_done(&problems);
}

/* The station's entry, without what stands beside it in the file. NULL: there is none, and that was answered. */
static json_t *station_entry(struct api_request *request)
{
    if (!api_body(request)) {
        api_problem(request, 400,
                    "expected the station's entry, an object as under `stations` in gateway.yaml");
        return NULL;
    }
    AUTO(json_t) *entry = body_copy(request);
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
        const char *name = sections[i];
        const json_t *section = json_object_get(entry, name);
        if (section && !json_is_object(section)) {
            api_problem(request, 400, "%s: expected an object, as in gateway.yaml", name);
            return NULL;
        }
        (void)json_object_del(entry, name);
    }
    return STEAL(entry);
}

static void post_station(struct api_request *request)
{
    AUTO(json_t) *entry = station_entry(request);
    if (entry)
        change_station(request, "station.add", NULL, entry);
}

static void put_station(struct api_request *request)
{
    AUTO(json_t) *entry = station_entry(request);
    if (entry && api_station(request))
        change_station(request, "station.replace", api_param(request, 0), entry);
}

/* What money hangs on, if the station went now; NULL: nothing. */
static const char *at_stake(const json_t *item)
{
    size_t index;
    const json_t *evse;
    json_array_foreach(json_object_get(item, "evses"), index, evse)
    {
        if (json_object_get(evse, "transaction"))
            return "a transaction is running";
    }
    return json_get_int(item, "eventsWaiting", 0) > 0 ? "its CSMS has not had all its transaction events"
                                                      : NULL;
}

static void delete_station(struct api_request *request)
{
    struct station_entry *entry = api_station(request);
    const char *why = entry ? at_stake(station_entry_item(entry)) : NULL;
    if (why && !str_equal(api_query(request, "force", "false"), "true"))
        api_problem(request, 409, "%s; to remove it nevertheless add ?force=true", why);
    else if (entry)
        change_station(request, "station.remove", api_param(request, 0), NULL);
}

/* ---- connections to CSMSs ---- */

static void change_csms(struct api_request *request, const char *action, const char *name,
                        const json_t *entry)
{
    char etag[FILE_ETAG_SIZE];
    AUTO_FREE char *now = read_config(request, etag), *text = NULL;
    struct problems problems;
    if (!now)
        return;
    problems_init(&problems);
    json_t *before = NULL;
    int r = config_edit_named(now, "csms", name, entry, &problems, &text);
    if (r == 0 && !entry)
        r = config_edit_entry(now, "csms", name, &problems, &before);
    if (r == 0) {
        if (api_keep(request, json_pack("{s:s, s:s, s:b, s:o*, s:O*}", "action", action, "target", name,
                                        "new", entry != NULL, "before", before, "after", entry)))
            apply(request, text, etag, NULL);
    } else {
        api_refuse_change(request, r, &problems, config_path(request));
    }
    problems_done(&problems);
}

static const struct csms_config *csms_of(const struct api_request *request, const char *name)
{
    const struct config *config = api_gateway(request)->config;
    for (size_t i = 0; i < config->csms_count; i++)
        if (str_equal(config->csms[i].name, name))
            return &config->csms[i];
    return NULL;
}

static void post_csms(struct api_request *request)
{
    const char *name = api_need_text(request, "name");
    if (name && csms_of(request, name)) {
        api_problem(request, 409, "there is a CSMS of this name already");
    } else if (name) {
        AUTO(json_t) *entry = body_copy(request);
        (void)json_object_del(entry, "name");
        if (entry)
            change_csms(request, "csms.add", name, entry);
    }
}

static void delete_csms(struct api_request *request)
{
    if (csms_of(request, api_param(request, 0)))
        change_csms(request, "csms.remove", api_param(request, 0), NULL);
    else
        api_problem(request, 404, "no CSMS of this name");
}

const struct api_route api_config_routes[] = {
    { HTTP_GET, API_PREFIX "/config", ROLE_ADMIN, get_config, "gateway.yaml, with its etag", NULL },
    { HTTP_POST, API_PREFIX "/config/check", ROLE_ADMIN, check_config,
      "what would change with this text: {text}", NULL },
    { HTTP_PUT, API_PREFIX "/config", ROLE_ADMIN, put_config,
      "this text takes the place of gateway.yaml: {text, etag}", NULL },
    { HTTP_POST, API_PREFIX "/stations", ROLE_ADMIN, post_station,
      "a new station: its entry as in gateway.yaml; new `buses` by name, and `ocpp16` if that is new", NULL },
    { HTTP_PUT, API_PREFIX "/stations/{id}", ROLE_ADMIN, put_station, "another entry for a station", "etag" },
    { HTTP_DELETE, API_PREFIX "/stations/{id}", ROLE_ADMIN, delete_station, "removes a station", "force" },
    { HTTP_POST, API_PREFIX "/csms", ROLE_ADMIN, post_csms,
      "a new connection: {name}, and its entry as under `csms` in gateway.yaml", NULL },
    { HTTP_DELETE, API_PREFIX "/csms/{name}", ROLE_ADMIN, delete_csms,
      "removes a connection that no station uses", NULL },
    { 0 },
};
