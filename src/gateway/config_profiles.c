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

/* The text of NAME.yaml in the first directory that has it; NULL if none. A struct search is the ctx. */
static char *find_text(void *ctx, const char *name)
{
    struct search *s = ctx;
    if (strchr(name, '/') || name[0] == '.')
        return NULL;
    for (const char *at = s->directories; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        int len = (int)strcspn(at, ":");
        const char *slash = strrchr(s->beside, '/');
        int base = at[0] == '/' || !slash ? 0 : (int)(slash - s->beside) + 1;
        char *text = NULL;
        size_t size = 0;
        if (snprintf(s->path, sizeof(s->path), "%.*s%.*s/%s.yaml", base, s->beside, len, at, name) >=
            (int)sizeof(s->path))
            continue;
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

int config_load_profile(const char *path, const char *directories, struct problems *problems,
                        struct profile **ret)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    int r = file_read(path, CONFIG_MAX_BYTES, &text, &len);
    if (r < 0) {
        problems_add(problems, path, 0, NULL, "cannot be read: %s", err_text(r));
        return -EINVAL;
    }
    struct buf texts;
    buf_init(&texts, CONFIG_MAX_BYTES);
    struct search search = { .directories = directories, .beside = path, .texts = &texts };
    const struct profile_source source = { find_text, &search, station_check_device_variable };
    r = profile_parse(path, text, len, &source, problems, ret);
    buf_done(&texts);
    return r;
}
