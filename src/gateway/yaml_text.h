/* JSON written as YAML text, in the manner of a file that a person wrote, and the two compared.
 *
 * A member that is null is none: it is not written, and no key is expected for it. */
#ifndef GATEWAY_YAML_TEXT_H
#define GATEWAY_YAML_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/yaml.h"

#define YAML_TEXT_MAX_DEPTH 12
#define YAML_TEXT_WIDTH     100 /* what does not fit into it is not written in brackets */
#define YAML_TEXT_HIDDEN    "***"

struct yaml_style {
    const char *line_end; /* "\n" or "\r\n" */
    int map_step;         /* a map's column behind the one of its key */
    int list_step;        /* a list's */
};

/* Whether it can be written at all: 0, or -EINVAL and why in `ret_why`. */
int yaml_text_check(const json_t *json, const char **ret_why);
/* Entries of a map or list that are not null. */
size_t yaml_text_size(const json_t *json);
/* In one line, maps and lists in brackets. */
void yaml_text_flow(struct buf *out, const json_t *json);
/* The lines of a map or list that is not empty. The first is not indented, the others by `column`; no line end behind the last. */
void yaml_text_block(struct buf *out, const json_t *json, int column, const struct yaml_style *style);
/* What stands behind the colon of a key in `column`: a blank and the value, or lines that are further indented. */
void yaml_text_value(struct buf *out, const json_t *json, int column, const struct yaml_style *style);
/* The same of one that is not empty, always in lines. */
void yaml_text_lines(struct buf *out, const json_t *json, int column, const struct yaml_style *style);
void yaml_text_key(struct buf *out, const char *key);

/* Whether the node says what the JSON does: texts are compared, so 7 is "7". */
bool yaml_text_matches(const struct yaml_node *node, const json_t *json);
/* The node as JSON; what a plain scalar looks like (7, 0.5, true) is what it becomes. With `hide`, passwords are YAML_TEXT_HIDDEN. New
 * reference, or NULL without memory. */
json_t *yaml_text_to_json(const struct yaml_node *node, bool hide);

#endif
