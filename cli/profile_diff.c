/* `ocpp-cli profile diff`: what differs between two profiles once all they extend is merged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/config.h"
#include "profile_commands.h"

#define MAX_VALUE 200 /* characters of a value shown */

struct diff {
    size_t count;
    bool json;
    json_t *list;
};

/* A value as it could stand in the file, on one line. */
static void print_value(struct buf *out, const struct yaml_node *node)
{
    if (node->kind == YAML_SCALAR) {
        buf_printf(out, node->quoted ? "\"%s\"" : "%s", node->text);
        return;
    }
    buf_text(out, node->kind == YAML_MAP ? "{" : "[");
    for (const struct yaml_node *n = node->children; n; n = n->next) {
        buf_printf(out, "%s%s%s", n == node->children ? " " : ", ", n->key ? n->key : "", n->key ? ": " : "");
        print_value(out, n);
    }
    buf_text(out, node->kind == YAML_MAP ? " }" : " ]");
}

static char *value_of(const struct yaml_node *node)
{
    struct buf out;
    if (!node)
        return NULL;
    buf_init(&out, CONFIG_MAX_BYTES);
    print_value(&out, node);
    char *text = buf_steal(&out);
    if (text)
        str_make_harmless(text);
    return text;
}

static void tell(struct diff *d, const struct yaml_node *a, const struct yaml_node *b)
{
    char path[256];
    AUTO_FREE char *left = value_of(a), *right = value_of(b);
    yaml_path(a ? a : b, path, sizeof(path));
    d->count++;
    if (d->json)
        (void)json_array_append_new(d->list,
                                    json_pack("{s:s, s:s?, s:s?}", "path", path, "from", left, "to", right));
    else if (a && b)
        (void)printf("~ %s: %.*s -> %.*s\n", path, MAX_VALUE, left ? left : "", MAX_VALUE,
                     right ? right : "");
    else
        (void)printf("%c %s: %.*s\n", a ? '-' : '+', path, MAX_VALUE,
                     a ? (left ? left : "") : (right ? right : ""));
}

static bool is_same(const struct yaml_node *a, const struct yaml_node *b)
{
    AUTO_FREE char *left = value_of(a), *right = value_of(b);
    return left && right && strcmp(left, right) == 0;
}

static const struct yaml_node *nth(const struct yaml_node *parent, size_t index)
{
    const struct yaml_node *n = parent->children;
    while (n && index-- > 0)
        n = n->next;
    return n;
}

/* Maps are compared key by key; evses and connectors entry by entry, any other list as a whole. As deep as YAML_MAX_DEPTH. */
static void compare(struct diff *d, const struct yaml_node *a, const struct yaml_node *b)
{
    bool is_map = a->kind == YAML_MAP && b->kind == YAML_MAP;
    bool is_list = a->kind == YAML_LIST && b->kind == YAML_LIST && a->key &&
                   (str_equal(a->key, "evses") || str_equal(a->key, "connectors"));
    if (!is_map && !is_list) {
        if (a->kind != b->kind || !is_same(a, b))
            tell(d, a, b);
        return;
    }
    size_t index = 0;
    for (const struct yaml_node *n = a->children; n; n = n->next, index++) {
        const struct yaml_node *other = is_map ? yaml_get(b, n->key) : nth(b, index);
        if (other)
            compare(d, n, other);
        else
            tell(d, n, NULL);
    }
    index = 0;
    for (const struct yaml_node *n = b->children; n; n = n->next, index++)
        if (!(is_map ? yaml_get(a, n->key) : nth(a, index)))
            tell(d, NULL, n);
}

int run_profile_diff(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct problems problems;
    struct profile_tree a, b;
    struct diff d = { .json = cli->json, .list = cli->json ? json_array() : NULL };
    problems_init(&problems);
    int left = config_load_profile_tree(argv[0], profile_directories(cli), &problems, &a);
    int right = config_load_profile_tree(argv[1], profile_directories(cli), &problems, &b);
    if (left == 0 && right == 0) {
        compare(&d, a.trees[0]->root, b.trees[0]->root);
        if (cli->json)
            cli_print_json(d.list);
        else if (d.count == 0)
            (void)puts("no difference");
    }
    print_problems(&problems);
    problems_done(&problems);
    profile_tree_done(&a);
    profile_tree_done(&b);
    json_decref(d.list);
    return left == 0 && right == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
