/* Finds and loads device profiles. A profile that failed once is not tried again: its problems were told. */
#include "gateway/config_profiles.h"

#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "gateway/file.h"

#define MAX_PROFILES 200

struct search {
    const char *directories; /* separated by colons */
    const char *beside;      /* file that relative directories start at */
    struct buf *texts;       /* all that was read, for the fingerprint */
    char path[512];          /* of the last one found */
    int err;                 /* why one that is there could not be read; 0: none such */
};

int config_profile_directory(const char *directories, const char *beside, size_t index, char *ret,
                             size_t size)
{
    const char *at = directories, *slash = strrchr(beside, '/');
    for (; index > 0; index--) {
        at = strchr(at, ':');
        if (!at)
            return -ENOENT;
        at++;
    }
    int len = (int)strcspn(at, ":"), base = at[0] == '/' || !slash ? 0 : (int)(slash - beside) + 1;
    return snprintf(ret, size, "%.*s%.*s", base, beside, len, at) < (int)size ? 0 : -ENAMETOOLONG;
}

/* The text of NAME.yaml in the first directory that has it; NULL if none. A struct search is the ctx. */
static char *find_text(void *ctx, const char *name)
{
    struct search *s = ctx;
    if (strchr(name, '/') || name[0] == '.')
        return NULL;
    char directory[sizeof(s->path)];
    int found = 0;
    for (size_t i = 0; found != -ENOENT; i++) {
        found = config_profile_directory(s->directories, s->beside, i, directory, sizeof(directory));
        if (found < 0 ||
            snprintf(s->path, sizeof(s->path), "%s/%s.yaml", directory, name) >= (int)sizeof(s->path))
            continue;
        char *text = NULL;
        size_t size = 0;
        int r = file_read(s->path, CONFIG_MAX_BYTES, &text, &size);
        if (r == 0) {
            buf_append(s->texts, text, size);
            return text;
        }
        if (r != -ENOENT && r != -ENOTDIR) {
            s->err = r;
            return NULL;
        }
    }
    return NULL;
}

/* Takes profile (NULL: one with errors) and text, also on failure. */
static int add_profile(struct config *c, const char *name, struct profile *profile, char *text)
{
    AUTO(profile) *owned = profile;
    AUTO_FREE char *owned_text = text;
    struct loaded_profile *grown = reallocarray(c->profiles, c->profile_count + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    c->profiles = grown;
    char *copy = strdup(name);
    if (!copy || !text) {
        free(copy);
        return -ENOMEM;
    }
    grown[c->profile_count++] = (struct loaded_profile){ STEAL(owned), copy, STEAL(owned_text) };
    return 0;
}

/* Tells what is wrong. */
static int load_profile(struct config *c, const struct yaml *y, const struct yaml_node *node,
                        struct search *search, struct problems *problems)
{
    AUTO_FREE char *text = find_text(search, node->text);
    if (!text && search->err == -ENOMEM)
        return -ENOMEM;
    if (!text && search->err)
        yaml_problem(y, node, problems, "%s cannot be read: %s", search->path, err_text(search->err));
    else if (!text)
        yaml_problem(y, node, problems, "no file %s.yaml in the profile directories (%s)", node->text,
                     search->directories);
    if (!text)
        return -EINVAL;

    AUTO_FREE char *path = strdup(search->path); /* the search goes on for what it extends */
    AUTO(profile) *profile = NULL;
    const struct profile_source source = { find_text, search, station_check_device_variable };
    int r = path ? profile_parse(path, text, strlen(text), &source, problems, &profile) : -ENOMEM;
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        yaml_problem(y, node, problems, "profile %s has errors, see %s", node->text, path);
    return add_profile(c, node->text, STEAL(profile), buf_steal(search->texts));
}

int config_find_profile(struct config *c, const struct yaml *y, const struct yaml_node *node,
                        struct problems *problems, const struct profile **ret)
{
    for (size_t i = 0; i < c->profile_count; i++)
        if (str_equal(c->profiles[i].name, node->text)) {
            *ret = c->profiles[i].profile;
            return *ret ? 0 : -EINVAL;
        }
    if (c->profile_count >= MAX_PROFILES) {
        yaml_problem(y, node, problems, "more than %d different profiles", MAX_PROFILES);
        return -EINVAL;
    }
    struct buf texts;
    buf_init(&texts, CONFIG_MAX_BYTES);
    struct search search = { .directories = c->general.profiles ? c->general.profiles : "",
                             .beside = c->name,
                             .texts = &texts };
    int r = load_profile(c, y, node, &search, problems);
    buf_done(&texts);
    if (r == 0)
        *ret = c->profiles[c->profile_count - 1].profile;
    return r == 0 && !*ret ? -EINVAL : r;
}

const char *config_profile_text(const struct config *c, const struct profile *profile)
{
    for (size_t i = 0; i < c->profile_count; i++)
        if (c->profiles[i].profile == profile)
            return c->profiles[i].text;
    return "";
}

void config_free_profiles(struct config *c)
{
    for (size_t i = 0; i < c->profile_count; i++) {
        profile_free(c->profiles[i].profile);
        free(c->profiles[i].name);
        free(c->profiles[i].text);
    }
    free(c->profiles);
}

/* A profile's text and where others are found. */
struct opened {
    struct buf texts;
    struct search search;
    struct profile_source source;
    char *text;
    size_t len;
};

static int open_profile(const char *path, const char *directories, struct problems *problems,
                        struct opened *ret)
{
    *ret = (struct opened){ 0 };
    int r = file_read(path, CONFIG_MAX_BYTES, &ret->text, &ret->len);
    if (r < 0) {
        problems_add(problems, path, 0, NULL, "cannot be read: %s", err_text(r));
        return -EINVAL;
    }
    buf_init(&ret->texts, CONFIG_MAX_BYTES);
    ret->search = (struct search){ .directories = directories, .beside = path, .texts = &ret->texts };
    ret->source = (struct profile_source){ find_text, &ret->search, station_check_device_variable };
    return 0;
}

static void close_profile(struct opened *opened)
{
    buf_done(&opened->texts);
    free(opened->text);
}

int config_load_profile(const char *path, const char *directories, struct problems *problems,
                        struct profile **ret)
{
    struct opened opened;
    int r = open_profile(path, directories, problems, &opened);
    if (r < 0)
        return r;
    r = profile_parse(path, opened.text, opened.len, &opened.source, problems, ret);
    close_profile(&opened);
    return r;
}

/* The profile itself, and those on the disk. */
struct draft {
    struct search search;
    const struct profile_text *own;
    char name[256];
};

static char *find_with_draft(void *ctx, const char *name)
{
    struct draft *d = ctx;
    return str_equal(name, d->name) ? strdup(d->own->text) : find_text(&d->search, name);
}

int config_parse_profile(const struct profile_text *profile, struct problems *problems, struct profile **ret)
{
    const char *slash = strrchr(profile->path, '/');
    struct buf texts;
    buf_init(&texts, CONFIG_MAX_BYTES);
    struct draft draft = {
        .search = { .directories = profile->directories, .beside = profile->beside, .texts = &texts },
        .own = profile
    };
    (void)str_copy(draft.name, sizeof(draft.name), slash ? slash + 1 : profile->path);
    char *dot = strrchr(draft.name, '.');
    if (dot)
        *dot = '\0';
    const struct profile_source source = { find_with_draft, &draft, station_check_device_variable };
    int r = profile_parse(profile->path, profile->text, strlen(profile->text), &source, problems, ret);
    buf_done(&texts);
    return r;
}

int config_load_profile_tree(const char *path, const char *directories, struct problems *problems,
                             struct profile_tree *ret)
{
    struct opened opened;
    *ret = (struct profile_tree){ { NULL } };
    int r = open_profile(path, directories, problems, &opened);
    if (r < 0)
        return r;
    r = profile_tree_read(path, opened.text, opened.len, &opened.source, problems, ret);
    close_profile(&opened);
    return r;
}
