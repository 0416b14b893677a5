/* extends: one tree out of a profile and those it is based on.
 *
 * What the profile says stands; what it does not say is taken from its base. Maps are merged key by key,
 * `evses` and `connectors` entry by entry, any other list is taken whole. A key with the value null takes
 * an inherited entry away. Nodes of a base are moved into the tree and keep the name of their file, so
 * that messages point to the right place. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"

#define TOO_LARGE "the profile is too large; at most 256 KiB"

static bool is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && !node->quoted &&
           (str_equal(node->text, "null") || str_equal(node->text, "~") || !*node->text);
}

static bool is_merged_list(const struct yaml_node *node)
{
    return node->kind == YAML_LIST && node->key &&
           (str_equal(node->key, "evses") || str_equal(node->key, "connectors"));
}

static void append_child(struct yaml_node *parent, struct yaml_node *child)
{
    struct yaml_node **at = &parent->children;
    while (*at)
        at = &(*at)->next;
    child->next = NULL;
    child->parent = parent;
    *at = child;
    parent->count++;
}

static struct yaml_node *counterpart(const struct yaml_node *parent, const struct yaml_node *child,
                                     size_t index)
{
    struct yaml_node *n = parent->children;
    if (parent->kind == YAML_LIST) {
        while (n && index-- > 0)
            n = n->next;
        return n;
    }
    while (n && !str_equal(n->key, child->key))
        n = n->next;
    return n;
}

/* Moves into `into` what only `base` has. As deep as YAML_MAX_DEPTH. */
static void merge(struct yaml_node *into, struct yaml_node *base)
{
    struct yaml_node *child = base->children;
    base->children = NULL;
    base->count = 0;
    for (size_t index = 0; child; index++) {
        struct yaml_node *next = child->next, *own = counterpart(into, child, index);
        if (!own)
            append_child(into, child);
        else
            append_child(base, child); /* stays, to be freed with its tree */
        if (own && own->kind == child->kind && (own->kind == YAML_MAP || is_merged_list(own)))
            merge(own, child);
        child = next;
    }
}

/* Takes out the entries that are null: they only said what not to inherit. */
static void drop_nulls(struct yaml_node *map, struct yaml_node *removed)
{
    struct yaml_node **at = &map->children;
    while (*at) {
        struct yaml_node *child = *at;
        if (map->kind == YAML_MAP && is_null(child)) {
            *at = child->next;
            map->count--;
            append_child(removed, child);
            continue;
        }
        drop_nulls(child, removed);
        at = &child->next;
    }
}

static int read_base(const struct profile_source *source, const char *name, struct problems *problems,
                     struct yaml **ret)
{
    AUTO_FREE char *text = source ? source->find(source->ctx, name) : NULL;
    char file[256];
    (void)snprintf(file, sizeof(file), "%s.yaml", name);
    if (!text)
        return -ENOENT;
    if (strlen(text) > MAX_PROFILE) {
        problems_add(problems, file, 0, NULL, TOO_LARGE);
        return -EINVAL;
    }
    return yaml_parse(file, text, strlen(text), problems, ret);
}

static bool is_cycle(const char *name, struct yaml *const trees[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *own = yaml_get(trees[i]->root, "profile");
        if (own && str_equal(own->text, name))
            return true;
    }
    return false;
}

/* The base of the last tree, as the next one. 1, or 0: it has none. */
static int add_base(const struct profile_source *source, struct problems *problems,
                    struct yaml *trees[PROFILE_MAX_EXTENDS + 1], size_t count)
{
    struct yaml *last = trees[count - 1];
    const struct yaml_node *extends = yaml_get(last->root, "extends");
    if (!extends)
        return 0;
    const char *name = extends->kind == YAML_SCALAR ? extends->text : "";
    size_t total = problems->total;
    if (!*name)
        yaml_problem(last, extends, problems,
                     "expected the name of another profile, such as extends: acme-one");
    else if (is_cycle(name, trees, count))
        yaml_problem(last, extends, problems, "\"%s\" extends this profile: a circle", name);
    else if (count > PROFILE_MAX_EXTENDS)
        yaml_problem(last, extends, problems, "\"%s\" is one too many; at most %d build on each other", name,
                     PROFILE_MAX_EXTENDS + 1);
    if (problems->total > total)
        return -EINVAL;
    int r = read_base(source, name, problems, &trees[count]);
    if (r == -ENOENT) {
        yaml_problem(last, extends, problems, "there is no profile \"%s\"", name);
        return -EINVAL;
    }
    return r < 0 ? r : 1;
}

int profile_merge(const struct profile_source *source, const char *name, const char *text, size_t len,
                  struct problems *problems, struct yaml *trees[PROFILE_MAX_EXTENDS + 1])
{
    size_t count = 1, total = problems->total;
    if (len > MAX_PROFILE) {
        problems_add(problems, name, 0, NULL, TOO_LARGE);
        return -EINVAL;
    }
    int r = yaml_parse(name, text, len, problems, &trees[0]);
    while (r == 0 && (r = add_base(source, problems, trees, count)) == 1) {
        count++;
        r = 0;
    }
    if (r < 0)
        return r;
    for (size_t i = 1; i < count; i++)
        if (trees[i]->root->kind == YAML_MAP && trees[0]->root->kind == YAML_MAP)
            merge(trees[0]->root, trees[i]->root);
    if (count > 1)
        drop_nulls(trees[0]->root, trees[1]->root);
    return problems->total > total ? -EINVAL : 0;
}

int profile_tree_read(const char *name, const char *text, size_t len, const struct profile_source *source,
                      struct problems *problems, struct profile_tree *ret)
{
    *ret = (struct profile_tree){ { NULL } };
    return profile_merge(source, name, text, len, problems, ret->trees);
}

void profile_tree_done(struct profile_tree *tree)
{
    for (size_t i = 0; i <= PROFILE_MAX_EXTENDS; i++)
        yaml_free(tree->trees[i]);
    *tree = (struct profile_tree){ { NULL } };
}
