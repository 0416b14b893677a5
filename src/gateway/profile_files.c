#include "gateway/profile_files.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/problems_json.h"
#include "gateway/profile_json.h"
#include "gateway/profile_scan.h"

#define BAD_NAME "the name is none for a profile; expected 1 to 64 of a-z 0-9 -, the first no -"

/* Who waits for the directories to be read, for what. */
struct waiter {
    struct waiter *next;
    profile_files_listed listed; /* NULL: a change */
    file_changed changed;
    void *ctx;
    char *name, *text; /* of a change; text NULL: removal */
    char *etag;        /* of what has to be there, NULL: anything */
};

struct scan_job {
    uv_work_t work;
    struct profile_files *files; /* NULL: they are gone */
    char *directories, *beside;
    struct profile_scan old, now;
    int err;
};

struct profile_files {
    struct gateway *gateway;
    struct profile_scan scan; /* the last; the job's while one runs */
    struct scan_job *job;
    struct waiter *waiting; /* for the job under way */
    struct waiter *later;   /* came after it began, so for the next */
    bool serving;           /* those who waited; `scan` stays while they are */
};

static void waiter_free(struct waiter *w)
{
    if (!w)
        return;
    free(w->name);
    free(w->text);
    free(w->etag);
    free(w);
}
DEFINE_AUTO(waiter, waiter_free)

static void waiters_free(struct waiter *list)
{
    while (list) {
        struct waiter *next = list->next;
        waiter_free(list);
        list = next;
    }
}

static void job_free(struct scan_job *job)
{
    if (!job)
        return;
    profile_scan_done(&job->old);
    profile_scan_done(&job->now);
    free(job->directories);
    free(job->beside);
    free(job);
}
DEFINE_AUTO(scan_job, job_free)

/* ---- who uses what ---- */

static int add_user(json_t *users, const char *id)
{
    const json_t *last = json_array_get(users, json_array_size(users) - 1);
    if (last && str_equal(json_string_value(last), id)) /* several of its chargers do */
        return 0;
    return json_array_append_new(users, json_string(id));
}

/* {"profile": {"usedBy": [station], "meters": [meter]}} of all that are used. */
static json_t *users_of(const struct config *config)
{
    AUTO(json_t) *all = json_object();
    int r = 0;
    for (size_t i = 0; i < config->profile_count; i++)
        r |=
            json_object_set_new(all, config->profiles[i].name, json_pack("{s:[], s:[]}", "usedBy", "meters"));
    for (size_t i = 0; r == 0 && i < config->station_count; i++)
        for (size_t k = 0; k < config->stations[i].charger_count; k++) {
            const json_t *users = json_object_get(all, config->stations[i].chargers[k].profile_name);
            r |= add_user(json_object_get(users, "usedBy"), config->stations[i].id);
        }
    for (size_t i = 0; r == 0 && i < config->meter_count; i++) {
        const json_t *users = json_object_get(all, config->meters[i].device.profile_name);
        r |= add_user(json_object_get(users, "meters"), config->meters[i].name);
    }
    return r == 0 ? STEAL(all) : NULL;
}

static bool is_in_use(const struct profile_files *files, const char *name)
{
    const struct config *config = files->gateway->config;
    for (size_t i = 0; i < config->profile_count; i++)
        if (profile_scan_builds_on(&files->scan, config->profiles[i].name, name))
            return true;
    return false;
}

/* ---- the list ---- */

static json_t *describe(const struct profile_file *file, const json_t *users)
{
    const json_t *own = json_object_get(users, file->name);
    json_t *item = json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:o, s:o}", "name", file->name, "path", file->path,
                             "writable", file->writable, "extends", file->extends, "hides", file->hides,
                             "usedBy", own ? json_incref(json_object_get(own, "usedBy")) : json_array(),
                             "meters", own ? json_incref(json_object_get(own, "meters")) : json_array());
    if (item && json_object_update(item, file->about) < 0) {
        json_decref(item);
        return NULL;
    }
    return item;
}

static json_t *make_list(const struct profile_files *files)
{
    AUTO(json_t) *list = json_array();
    AUTO(json_t) *users = users_of(files->gateway->config);
    if (!users)
        return NULL;
    for (size_t i = 0; i < files->scan.count; i++)
        if (json_array_append_new(list, describe(&files->scan.files[i], users)) < 0)
            return NULL;
    return STEAL(list);
}

/* ---- changes ---- */

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len >= 1 && len <= PROFILE_NAME_MAX && name[0] != '-' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static const char *beside(const struct profile_files *files)
{
    return files->gateway->config_path;
}

static const char *directories(const struct profile_files *files)
{
    return files->gateway->config->general.profiles;
}

/* 0, -EINVAL (see problems, of file NAME.yaml) or -ENOMEM. */
static int check_text(const struct profile_files *files, const char *name, const char *text,
                      struct problems *problems, struct profile **ret)
{
    char path[PROFILE_NAME_MAX + 8];
    (void)snprintf(path, sizeof(path), "%.*s.yaml", PROFILE_NAME_MAX, name);
    const struct profile_text draft = { path, text, directories(files), beside(files) };
    return config_parse_profile(&draft, problems, ret);
}

static int refuse(struct problems *problems, const char *name, int err, const char *why)
{
    char file[PROFILE_NAME_MAX + 8];
    (void)snprintf(file, sizeof(file), "%.*s.yaml", PROFILE_NAME_MAX, name);
    problems_add(problems, file, 0, NULL, "%s", why);
    return err;
}

/* Where the profile would be written; the caller's. */
static int find_place(const struct profile_files *files, const char *name, struct problems *problems,
                      char **ret)
{
    const struct profile_scan *scan = &files->scan;
    const struct profile_file *there = profile_scan_find(scan, name);
    if (!scan->target)
        return refuse(problems, name, -EACCES, "no profile directory (gateway.profiles) can be written");
    if (there && there->directory < scan->target_index)
        return refuse(
            problems, name, -EACCES,
            "there is a profile of this name in a directory that comes first and cannot be written");
    if (asprintf(ret, "%s/%s.yaml", scan->target, name) < 0) {
        *ret = NULL;
        return -ENOMEM;
    }
    if (profile_scan_is_config(*ret, beside(files)))
        return refuse(problems, name, -EINVAL, "this is the file of the configuration; take another name");
    if (mkdir(scan->target, 0755) < 0 && errno != EEXIST) {
        int err = -errno;
        problems_add(problems, scan->target, 0, NULL, "cannot be made: %s", err_text(err));
        return err;
    }
    return 0;
}

/* 0, or why it may not go. */
static int check_removal(const struct profile_files *files, const char *name, struct problems *problems)
{
    const struct profile_file *file = profile_scan_find(&files->scan, name);
    char why[PROFILE_NAME_MAX + 300];
    if (!file)
        return refuse(problems, name, -ENOENT, "there is no such profile");
    if (!file->writable)
        return refuse(problems, name, -EACCES, "its directory cannot be written");
    if (file->hides) /* that one takes its place, and the reload judges it */
        return 0;
    for (size_t i = 0; i < files->scan.count; i++) {
        const struct profile_file *other = &files->scan.files[i];
        if (!str_equal(other->extends, name))
            continue;
        (void)snprintf(why, sizeof(why), "profile %s extends it", other->name);
        return refuse(problems, name, -EADDRINUSE, why);
    }
    if (is_in_use(files, name))
        return refuse(problems, name, -EADDRINUSE, "stations or meters use it");
    return 0;
}

/* The file of the profile; the caller's. */
static int read_file(const struct profile_files *files, const char *name, char **ret_path, char **ret_text)
{
    char directory[512];
    size_t len = 0;
    int r = 0;
    if (strchr(name, '/') || name[0] == '.')
        return -ENOENT;
    for (size_t i = 0; (r = config_profile_directory(directories(files), beside(files), i, directory,
                                                     sizeof(directory))) != -ENOENT;
         i++) {
        AUTO_FREE char *path = NULL;
        if (r < 0)
            continue;
        if (asprintf(&path, "%s/%s.yaml", directory, name) < 0) {
            path = NULL;
            return -ENOMEM;
        }
        if (profile_scan_is_config(path, beside(files)))
            return -ENOENT;
        r = file_read(path, CONFIG_MAX_BYTES, ret_text, &len);
        if (r == 0)
            *ret_path = STEAL(path);
        if (r != -ENOENT && r != -ENOTDIR)
            return r;
    }
    return -ENOENT;
}

/* Whether the text that the caller knows is still the profile's. 0 and which etag has to be at `place`: there is nothing yet where the profile
 * hides one of another directory. Or why not. */
static int check_etag(const struct profile_files *files, const struct waiter *w, const char *place,
                      struct problems *problems, const char **ret)
{
    AUTO_FREE char *path = NULL, *text = NULL;
    char etag[FILE_ETAG_SIZE] = "";
    int r = read_file(files, w->name, &path, &text);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == 0)
        file_etag(text, etag);
    if (r == 0 && !*w->etag)
        return refuse(problems, w->name, -EEXIST, "there is a profile of this name already");
    if (!str_equal(etag, w->etag))
        return refuse(problems, w->name, -ESTALE, FILE_STALE);
    *ret = path && str_equal(path, place) ? w->etag : "";
    return 0;
}

static int start_change(struct profile_files *files, struct waiter *w, struct problems *problems)
{
    AUTO(profile) *profile = NULL;
    AUTO_FREE char *place = NULL;
    const char *etag = NULL;
    if (w->text && !is_name(w->name))
        return refuse(problems, w->name, -EINVAL, BAD_NAME);
    int r = w->text ? find_place(files, w->name, problems, &place) : check_removal(files, w->name, problems);
    if (r == 0 && w->etag)
        r = check_etag(files, w, place, problems, &etag);
    if (r == 0 && w->text)
        r = check_text(files, w->name, w->text, problems, &profile);
    if (r < 0)
        return r;
    const struct file_change_request request = {
        .path = w->text ? place : profile_scan_find(&files->scan, w->name)->path,
        .text = w->text,
        .etag = etag,
        .mode = 0644,
        .reload = is_in_use(files, w->name),
    };
    r = file_change_start(files->gateway, &request, w->changed, w->ctx);
    if (r == -EBUSY)
        return refuse(problems, w->name, r, "another change is under way; try again");
    return r;
}

static void serve_change(struct profile_files *files, struct waiter *w, int err)
{
    struct problems problems;
    problems_init(&problems);
    int r = err < 0 ? err : start_change(files, w, &problems);
    if (r < 0 && problems.total == 0)
        (void)refuse(&problems, w->name, r, err_text(r));
    if (r < 0)
        w->changed(w->ctx, r, &problems);
    problems_done(&problems);
}

/* ---- the job ---- */

static void scan_in_pool(uv_work_t *work)
{
    struct scan_job *job = CONTAINER_OF(work, struct scan_job, work);
    job->err = profile_scan(job->directories, job->beside, &job->old, &job->now);
}

static void serve(struct profile_files *files, struct waiter *waiter, int err)
{
    AUTO(waiter) *w = waiter;
    if (w->listed) {
        AUTO(json_t) *list = err < 0 ? NULL : make_list(files);
        w->listed(w->ctx, list);
    } else {
        serve_change(files, w, err);
    }
}

static void serve_all(struct profile_files *files, int err)
{
    files->serving = true;
    while (files->waiting) {
        struct waiter *w = files->waiting;
        files->waiting = w->next;
        serve(files, w, err);
    }
    files->serving = false;
}

static int start_scan(struct profile_files *files);

/* Those who came meanwhile may want what changed meanwhile. */
static void on_scanned(uv_work_t *work, int status)
{
    AUTO(scan_job) *job = CONTAINER_OF(work, struct scan_job, work);
    struct profile_files *files = job->files;
    int err = status < 0 ? -ECANCELED : job->err;
    if (!files)
        return;
    files->job = NULL;
    if (err == 0) {
        files->scan = job->now;
        job->now = (struct profile_scan){ 0 };
    }
    if (err == 0 && files->scan.cut_off)
        log_warn(LOG_GATEWAY, "more profiles than are listed: most=%d", PROFILE_SCAN_MAX);
    serve_all(files, err);
    files->waiting = STEAL(files->later);
    err = files->waiting ? start_scan(files) : 0;
    if (err < 0)
        serve_all(files, err);
}

static int start_scan(struct profile_files *files)
{
    AUTO(scan_job) *job = calloc(1, sizeof(*job));
    if (!job)
        return -ENOMEM;
    job->directories = strdup(directories(files));
    job->beside = strdup(beside(files));
    if (!job->directories || !job->beside)
        return -ENOMEM;
    int r = uv_queue_work(&files->gateway->loop.uv, &job->work, scan_in_pool, on_scanned);
    if (r < 0)
        return r;
    job->files = files;
    job->old = files->scan;
    files->scan = (struct profile_scan){ 0 };
    files->job = STEAL(job);
    return 0;
}

/* Takes the waiter. */
static int wait_for_scan(struct profile_files *files, struct waiter *waiter)
{
    AUTO(waiter) *w = waiter;
    bool is_late = files->job || files->serving;
    struct waiter **at = is_late ? &files->later : &files->waiting;
    int r = is_late ? 0 : start_scan(files);
    if (r < 0)
        return r;
    while (*at)
        at = &(*at)->next;
    *at = STEAL(w);
    return 0;
}

/* ---- from outside ---- */

struct profile_files *profile_files_new(struct gateway *gateway)
{
    struct profile_files *files = calloc(1, sizeof(*files));
    if (files)
        files->gateway = gateway;
    return files;
}

void profile_files_free(struct profile_files *files)
{
    if (!files)
        return;
    if (files->job)
        files->job->files = NULL;
    waiters_free(files->waiting);
    waiters_free(files->later);
    profile_scan_done(&files->scan);
    free(files);
}

int profile_files_list(struct profile_files *files, profile_files_listed callback, void *ctx)
{
    struct waiter *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->listed = callback;
    w->ctx = ctx;
    return wait_for_scan(files, w);
}

/* `text` NULL: removal. */
static int change(struct profile_files *files, const char *name, const char *text, const char *etag,
                  file_changed callback, void *ctx)
{
    AUTO(waiter) *w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->changed = callback;
    w->ctx = ctx;
    w->name = strdup(name);
    w->text = text ? strdup(text) : NULL;
    w->etag = etag ? strdup(etag) : NULL;
    if (!w->name || (text && !w->text) || (etag && !w->etag))
        return -ENOMEM;
    return wait_for_scan(files, STEAL(w));
}

int profile_files_put(struct profile_files *files, const char *name, const char *text, const char *etag,
                      file_changed callback, void *ctx)
{
    return change(files, name, text, etag, callback, ctx);
}

int profile_files_remove(struct profile_files *files, const char *name, file_changed callback, void *ctx)
{
    return change(files, name, NULL, NULL, callback, ctx);
}

json_t *profile_files_check(const struct profile_files *files, const char *name, const char *text)
{
    AUTO(profile) *profile = NULL;
    struct problems problems;
    char file[PROFILE_NAME_MAX + 8];
    (void)snprintf(file, sizeof(file), "%.*s.yaml", PROFILE_NAME_MAX, name);
    problems_init(&problems);
    int r = is_name(name) ? check_text(files, name, text, &problems, &profile)
                          : refuse(&problems, name, -EINVAL, BAD_NAME);
    json_t *told = r == -ENOMEM ? NULL : problems_json(&problems, file);
    problems_done(&problems);
    return json_pack("{s:o, s:o*}", "problems", told, "offers", profile ? profile_json(profile) : NULL);
}

int profile_files_read(const struct profile_files *files, const char *name, json_t **ret)
{
    AUTO_FREE char *path = NULL, *text = NULL;
    AUTO(profile) *profile = NULL;
    struct problems problems;
    int r = read_file(files, name, &path, &text);
    if (r < 0)
        return r;
    problems_init(&problems);
    const struct profile_text draft = { path, text, directories(files), beside(files) };
    r = config_parse_profile(&draft, &problems, &profile);
    json_t *told = r == -EINVAL ? problems_json(&problems, path) : NULL;
    problems_done(&problems);
    if (r == -ENOMEM)
        return r;
    char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash)
        return -ENOENT;
    *slash = '\0';
    bool writable = access(path, W_OK) == 0;
    *slash = '/';
    if (utf8_length(text, strlen(text)) < 0)
        return -EILSEQ;
    char etag[FILE_ETAG_SIZE];
    file_etag(text, etag);
    *ret = json_pack("{s:s, s:s, s:b, s:s, s:s, s:o*, s:o*}", "name", name, "path", path, "writable",
                     writable, "text", text, "etag", etag, "offers", profile ? profile_json(profile) : NULL,
                     "problems", told);
    return *ret ? 0 : -ENOMEM;
}
