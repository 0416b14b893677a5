/* Changes of single values in YAML text that a person wrote: comments, order and formatting of all else stay.
 *
 *     yaml_edit_begin -> ..._value, ..._add, ..._remove (they collect changes of bytes) -> yaml_edit_finish (a new text)
 *
 * YAML can be written in more ways than this knows. What it does not know sets `err`, or comes out as a text that does not say what was meant:
 * whoever edits parses the result and compares it (config_edit.c does). */
#ifndef GATEWAY_YAML_EDIT_H
#define GATEWAY_YAML_EDIT_H

#include <jansson.h>

#include "base/problems.h"
#include "base/yaml.h"
#include "gateway/yaml_text.h"

struct yaml_change {
    size_t at, len; /* bytes of the old text ... */
    char *text;     /* ... that this takes the place of */
};

struct yaml_edit {
    const char *text;
    size_t len;
    struct yaml *yaml; /* of the text; spans of nodes are in it */
    struct yaml_style style;
    struct yaml_change *changes; /* in the order they were made; those at one place stay in it */
    size_t count, size;
    int err; /* the first sticks: -ENOMEM, -EINVAL (cannot be done) */
};

/* `text` is borrowed until yaml_edit_done(), which is due also on failure. 0, -EINVAL (see problems; `name` is for them), -ENOMEM. */
int yaml_edit_begin(struct yaml_edit *edit, const char *name, const char *text, struct problems *problems);
/* The node's value becomes `json`; of maps, and lists of the same length, only what differs is touched. */
void yaml_edit_value(struct yaml_edit *edit, const struct yaml_node *node, const json_t *json);
/* The same, but the value is written anew whole. */
void yaml_edit_replace(struct yaml_edit *edit, const struct yaml_node *node, const json_t *json);
/* Behind the last entry. `key` NULL: to a list. `apart`: a blank line stands between. */
void yaml_edit_add(struct yaml_edit *edit, const struct yaml_node *to, const char *key, const json_t *json,
                   bool apart);
/* A key of the map that `next` is in, before it and the comment above it. */
void yaml_edit_add_before(struct yaml_edit *edit, const struct yaml_node *next, const char *key,
                          const json_t *json);
/* The item or key, with comments behind it and further indented ones below. */
void yaml_edit_remove(struct yaml_edit *edit, const struct yaml_node *node);
/* Whether a blank line stands above the item or key, or above the comment that is above it. */
bool yaml_edit_is_apart(struct yaml_edit *edit, const struct yaml_node *node);
/* The text with all changes, the caller's. 0, or the first error. */
int yaml_edit_finish(struct yaml_edit *edit, char **ret);
void yaml_edit_done(struct yaml_edit *edit);

#endif
