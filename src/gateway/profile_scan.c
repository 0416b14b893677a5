#include "gateway/profile_scan.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/file.h"
#include "gateway/problems_json.h"
#include "gateway/profile_json.h"

#define MAX_PATH 512
#define SUFFIX   ".yaml"

static void file_done(struct profile_file *file)
{
    free(file->name);
    free(file->path);
    free(file->extends);
    free(file->hides);
    json_decref(file->about);
}

void profile_scan_done(struct profile_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        file_done(&scan->files[i]);
    free(scan->files);
    free(scan->target);
    *scan = (struct profile_scan){ 0 };
}

static int compare_names(const void *a, const void *b)
{
    const struct profile_file *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static struct profile_file *find(const struct profile_scan *scan, const char *name)
{
    const struct profile_file key = { .name = (char *)(uintptr_t)name };
    return scan->count ? bsearch(&key, scan->files, scan->count, sizeof(key), compare_names) : NULL;
}

const struct profile_file *profile_scan_find(const struct profile_scan *scan, const char *name)
{
    return find(scan, name);
}

bool profile_scan_builds_on(const struct profile_scan *scan, const char *name, const char *other)
{
    for (int i = 0; name && i <= PROFILE_MAX_EXTENDS; i++) {
        if (str_equal(name, other))
            return true;
        const struct profile_file *file = find(scan, name);
        name = file ? file->extends : NULL;
    }
    return false;
}

/* ---- directories ---- */

/* NAME of NAME.yaml, or NULL: it is no profile's file. The caller's. */
static char *name_of(const char *file)
{
    size_t len = strlen(file), suffix = strlen(SUFFIX);
    if (file[0] == '.' || len <= suffix || !str_equal(file + len - suffix, SUFFIX) ||
        utf8_length(file, len) < 0)
        return NULL;
    return strndup(file, len - suffix);
}

static int add_file(struct profile_scan *scan, size_t *size, const struct profile_file *file)
{
    if (scan->count == *size) {
        struct profile_file *grown = reallocarray(scan->files, *size + 64, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        scan->files = grown;
        *size += 64;
    }
    scan->files[scan->count++] = *file;
    return 0;
}

bool profile_scan_is_config(const char *path, const char *config_path)
{
    struct stat a, b;
    return stat(path, &a) == 0 && stat(config_path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int read_entry(struct profile_scan *scan, size_t *size, const char *directory, const char *entry,
                      const struct profile_file *like)
{
    char path[MAX_PATH];
    struct profile_file file = *like;
    if (scan->count == PROFILE_SCAN_MAX) {
        scan->cut_off = true;
        return 0;
    }
    if (snprintf(path, sizeof(path), "%s/%s", directory, entry) >= (int)sizeof(path) ||
        stat(path, &file.status) < 0 || !S_ISREG(file.status.st_mode) ||
        profile_scan_is_config(path, scan->config_path))
        return 0;
    file.name = name_of(entry);
    if (!file.name)
        return 0;
    file.path = strdup(path);
    int r = file.path ? add_file(scan, size, &file) : -ENOMEM;
    if (r < 0) {
        free(file.name);
        free(file.path);
    }
    return r;
}

static int read_directory(struct profile_scan *scan, size_t *size, const char *directory, size_t index)
{
    int r = 0;
    DIR *dir = opendir(directory);
    if (!dir)
        return errno == ENOMEM ? -ENOMEM : 0;
    const struct profile_file like = { .directory = index, .writable = access(directory, W_OK) == 0 };
    for (const struct dirent *entry; r == 0 && (entry = readdir(dir));)
        r = read_entry(scan, size, directory, entry->d_name, &like);
    (void)closedir(dir);
    return r;
}

/* A directory that is missing can be made where the one above it can be written. */
static bool can_be_written(const char *directory)
{
    char above[MAX_PATH];
    if (access(directory, W_OK) == 0)
        return true;
    if (errno != ENOENT || str_copy(above, sizeof(above), directory) < 0)
        return false;
    char *slash = strrchr(above, '/');
    if (!slash || slash == above)
        return false;
    *slash = '\0';
    return access(above, W_OK) == 0;
}

static int by_name_then_directory(const void *a, const void *b)
{
    const struct profile_file *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->directory < y->directory ? -1 : x->directory > y->directory;
}

/* Of files with one name the first directory's stays. */
static void drop_hidden(struct profile_scan *scan)
{
    size_t kept = 0;
    for (size_t i = 0; i < scan->count; i++) {
        struct profile_file *file = &scan->files[i], *first = kept ? &scan->files[kept - 1] : NULL;
        if (!first || !str_equal(first->name, file->name)) {
            scan->files[kept++] = *file;
            continue;
        }
        if (!first->hides)
            first->hides = STEAL(file->path);
        file_done(file);
    }
    scan->count = kept;
}

static int read_directories(struct profile_scan *scan, const char *directories, const char *beside)
{
    char directory[MAX_PATH];
    size_t size = 0;
    int r = 0;
    for (size_t i = 0;
         (r = config_profile_directory(directories, beside, i, directory, sizeof(directory))) != -ENOENT;
         i++) {
        if (r < 0 || !*directory)
            continue;
        if (!scan->target && can_be_written(directory)) {
            scan->target = strdup(directory);
            scan->target_index = i;
            if (!scan->target)
                return -ENOMEM;
        }
        r = read_directory(scan, &size, directory, i);
        if (r < 0)
            return r;
    }
    if (scan->count)
        qsort(scan->files, scan->count, sizeof(*scan->files), by_name_then_directory);
    drop_hidden(scan);
    return 0;
}

/* ---- what is still true ---- */

static bool is_same_file(const struct profile_file *a, const struct profile_file *b)
{
    return str_equal(a->path, b->path) && a->status.st_size == b->status.st_size &&
           a->status.st_ino == b->status.st_ino && a->status.st_dev == b->status.st_dev &&
           a->status.st_mtim.tv_sec == b->status.st_mtim.tv_sec &&
           a->status.st_mtim.tv_nsec == b->status.st_mtim.tv_nsec;
}

/* Whether what the profile is built on is another than it was. */
static bool is_base_another(const struct profile_scan *now, const struct profile_scan *old,
                            const struct profile_file *file)
{
    if (!file->extends)
        return false;
    const struct profile_file *base = find(now, file->extends);
    return base ? base->fresh : find(old, file->extends) != NULL;
}

static void reuse(struct profile_scan *now, struct profile_scan *old)
{
    for (size_t i = 0; i < now->count; i++) {
        struct profile_file *file = &now->files[i], *was = find(old, file->name);
        file->fresh = !was || !was->about || !is_same_file(file, was);
        if (!file->fresh && was->extends)
            file->extends = STEAL(was->extends);
    }
    bool more = true;
    for (int depth = 0; more && depth <= PROFILE_MAX_EXTENDS; depth++) {
        more = false;
        for (size_t i = 0; i < now->count; i++)
            if (!now->files[i].fresh && is_base_another(now, old, &now->files[i]))
                now->files[i].fresh = more = true;
    }
    for (size_t i = 0; i < now->count; i++)
        if (!now->files[i].fresh)
            now->files[i].about = STEAL(find(old, now->files[i].name)->about);
}

/* ---- reading ---- */

static int read_extends(struct profile_file *file, const char *text)
{
    AUTO(yaml) *y = NULL;
    struct problems problems;
    if (!strstr(text, "extends"))
        return 0;
    problems_init(&problems);
    int r = yaml_parse(file->path, text, strlen(text), &problems, &y);
    problems_done(&problems);
    const struct yaml_node *extends = r == 0 ? yaml_get(y->root, "extends") : NULL;
    if (extends && extends->text) {
        free(file->extends);
        file->extends = strdup(extends->text);
        return file->extends ? 0 : -ENOMEM;
    }
    return r == -ENOMEM ? r : 0;
}

static json_t *describe(const struct profile *profile)
{
    json_t *offers = profile_json(profile);
    return json_pack("{s:s, s:O, s:s, s:o}", "vendor", profile->vendor, "models",
                     json_object_get(offers, "models"), "protocol", protocol_name(profile->protocol),
                     "offers", offers);
}

static int read_file(struct profile_file *file, const char *directories, const char *beside)
{
    AUTO_FREE char *text = NULL;
    AUTO(profile) *profile = NULL;
    size_t len = 0;
    struct problems problems;
    problems_init(&problems);
    free(STEAL(file->extends));
    int r = file_read(file->path, CONFIG_MAX_BYTES, &text, &len);
    if (r == 0)
        r = read_extends(file, text);
    else if (r != -ENOMEM)
        problems_add(&problems, file->path, 0, NULL, "cannot be read: %s", err_text(r));
    if (r == 0) {
        const struct profile_text draft = { file->path, text, directories, beside };
        r = config_parse_profile(&draft, &problems, &profile);
    }
    if (r == 0)
        file->about = describe(profile);
    else if (r != -ENOMEM)
        file->about = json_pack("{s:o}", "problems", problems_json(&problems, file->path));
    problems_done(&problems);
    return file->about ? 0 : -ENOMEM;
}

int profile_scan(const char *directories, const char *beside, struct profile_scan *old,
                 struct profile_scan *ret)
{
    *ret = (struct profile_scan){ .config_path = beside };
    int r = read_directories(ret, directories, beside);
    if (r < 0)
        return r;
    reuse(ret, old);
    for (size_t i = 0; i < ret->count; i++) {
        if (!ret->files[i].fresh)
            continue;
        r = read_file(&ret->files[i], directories, beside);
        if (r < 0)
            return r;
        ret->read++;
    }
    return 0;
}
