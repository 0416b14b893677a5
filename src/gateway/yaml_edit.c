#include "gateway/yaml_edit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/config.h"

#define MAX_INDENT 40

/* ---- changes ---- */

static void fail(struct yaml_edit *e, int err)
{
    if (e->err == 0)
        e->err = err;
}

/* Takes what is in `text`, and its error. */
static void change(struct yaml_edit *e, size_t at, size_t end, struct buf *text)
{
    if (text->err == 0)
        (void)buf_text(text, "");
    if (text->err < 0 || end < at)
        fail(e, text->err == -ENOMEM ? -ENOMEM : -EINVAL);
    if (e->err == 0 && e->count == e->size) {
        struct yaml_change *grown = reallocarray(e->changes, e->size + 32, sizeof(*grown));
        if (grown) {
            e->changes = grown;
            e->size += 32;
        } else {
            fail(e, -ENOMEM);
        }
    }
    if (e->err == 0) {
        char *own = buf_steal(text);
        if (own)
            e->changes[e->count++] = (struct yaml_change){ at, end - at, own };
        else
            fail(e, -ENOMEM);
    }
    buf_done(text);
}

static void cut(struct yaml_edit *e, size_t at, size_t end)
{
    struct buf nothing;
    buf_init(&nothing, 1);
    change(e, at, end, &nothing);
}

/* ---- places in the text ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static size_t line_start(const struct yaml_edit *e, size_t at)
{
    while (at > 0 && e->text[at - 1] != '\n')
        at--;
    return at == 0 && str_starts(e->text, "\xef\xbb\xbf") ? 3 : at;
}

/* Behind the line's end. */
static size_t line_end(const struct yaml_edit *e, size_t at)
{
    const char *end = strchr(e->text + at, '\n');
    return end ? (size_t)(end - e->text) + 1 : e->len;
}

static int column(const struct yaml_edit *e, size_t at)
{
    return (int)(at - line_start(e, at));
}

static size_t skip_blanks(const struct yaml_edit *e, size_t at)
{
    while (is_blank(e->text[at]))
        at++;
    return at;
}

static bool ends_line(const struct yaml_edit *e, size_t at)
{
    return e->text[at] == '\0' || is_break(e->text[at]);
}

/* Whether only blanks stand before it in its line. */
static bool begins_line(const struct yaml_edit *e, size_t at)
{
    return skip_blanks(e, line_start(e, at)) >= at;
}

static bool is_empty_line(const struct yaml_edit *e, size_t start)
{
    return ends_line(e, skip_blanks(e, start));
}

static bool is_comment_line(const struct yaml_edit *e, size_t start)
{
    return e->text[skip_blanks(e, start)] == '#';
}

/* Over blanks, lines and comments. */
static size_t skip_space(const struct yaml_edit *e, size_t at)
{
    for (;;) {
        while (is_blank(e->text[at]) || is_break(e->text[at]))
            at++;
        if (e->text[at] != '#')
            return at;
        at = line_end(e, at);
    }
}

/* Without the white space before. */
static size_t trim(const struct yaml_edit *e, size_t begin, size_t end)
{
    while (end > begin && (is_blank(e->text[end - 1]) || is_break(e->text[end - 1])))
        end--;
    return end;
}

static bool is_block(const struct yaml_node *node)
{
    return node->kind != YAML_SCALAR && !node->flow && node->count > 0;
}

/* Where the last of its values ends; behind a text of many lines (|) that is a line's start. */
static size_t end_of(const struct yaml_node *node)
{
    while (is_block(node)) {
        node = node->children;
        while (node->next)
            node = node->next;
    }
    return node->at.end;
}

static const struct yaml_node *before(const struct yaml_node *node)
{
    const struct yaml_node *n = node->parent->children;
    if (n == node)
        return NULL;
    while (n->next != node)
        n = n->next;
    return n;
}

static const struct yaml_node *last_of(const struct yaml_node *node)
{
    const struct yaml_node *n = node->children;
    while (n && n->next)
        n = n->next;
    return n;
}

/* Of an entry of a block: its key, or the dash, which is the first thing behind the item before. */
static size_t begin_of(struct yaml_edit *e, const struct yaml_node *node)
{
    if (node->key)
        return node->key_at.begin;
    const struct yaml_node *previous = before(node);
    size_t at = previous ? skip_space(e, end_of(previous)) : node->parent->at.begin;
    if (e->text[at] != '-')
        fail(e, -EINVAL);
    return at;
}

/* Behind the lines of an entry of a block that begins in `indent`: to the end of the last one, and comments that follow at once
 * and are further indented. */
static size_t lines_end(struct yaml_edit *e, const struct yaml_node *node, int indent)
{
    size_t at = end_of(node);
    if (at == 0 || e->text[at - 1] != '\n') {
        size_t rest = skip_blanks(e, at);
        if (!ends_line(e, rest) && e->text[rest] != '#')
            fail(e, -EINVAL);
        at = line_end(e, at);
    }
    while (at < e->len && is_comment_line(e, at) && column(e, skip_blanks(e, at)) > indent)
        at = line_end(e, at);
    return at;
}

/* The start of the line before; 0 for the first. */
static size_t line_before(const struct yaml_edit *e, size_t start)
{
    return start > 0 ? line_start(e, start - 1) : 0;
}

/* The lines of a comment above, down to the line that begins at `start`. */
static size_t with_comment_above(const struct yaml_edit *e, size_t start)
{
    while (start > 0 && start != line_before(e, start) && is_comment_line(e, line_before(e, start)))
        start = line_before(e, start);
    return start;
}

bool yaml_edit_is_apart(struct yaml_edit *e, const struct yaml_node *node)
{
    size_t start = with_comment_above(e, line_start(e, begin_of(e, node)));
    return start > 0 && is_empty_line(e, line_before(e, start));
}

/* Whole lines at the start of one; without a line end if the file has none at its end either. */
static void insert_lines(struct yaml_edit *e, size_t at, struct buf *lines)
{
    struct buf text;
    buf_init(&text, CONFIG_MAX_BYTES);
    bool open_end = at > 0 && e->text[at - 1] != '\n';
    if (open_end)
        (void)buf_text(&text, e->style.line_end);
    if (lines->err < 0)
        text.err = lines->err;
    else
        (void)buf_append(&text, lines->data, lines->len);
    if (!open_end)
        (void)buf_text(&text, e->style.line_end);
    buf_done(lines);
    change(e, at, at, &text);
}

/* ---- brackets ---- */

static void write_pair(struct buf *out, const char *key, const json_t *json)
{
    if (key) {
        yaml_text_key(out, key);
        (void)buf_text(out, ": ");
    }
    yaml_text_flow(out, json);
}

static size_t flow_begin(const struct yaml_node *node)
{
    return node->key ? node->key_at.begin : node->at.begin;
}

static void add_to_flow(struct yaml_edit *e, const struct yaml_node *to, const char *key, const json_t *json)
{
    struct buf text;
    buf_init(&text, CONFIG_MAX_BYTES);
    const struct yaml_node *last = last_of(to);
    if (!strchr("[{", e->text[to->at.begin]))
        fail(e, -EINVAL);
    if (!last) {
        size_t inside = to->at.begin + 1, end = to->at.end - 1;
        (void)buf_text(&text, " ");
        write_pair(&text, key, json);
        (void)buf_text(&text, " ");
        change(e, inside, trim(e, inside, end) == inside ? end : inside, &text);
        return;
    }
    size_t begin = flow_begin(last);
    if (begins_line(e, begin) && line_start(e, begin) > to->at.begin)
        (void)buf_printf(&text, ",%s%*s", e->style.line_end, column(e, begin), "");
    else
        (void)buf_text(&text, ", ");
    write_pair(&text, key, json);
    change(e, last->at.end, last->at.end, &text);
}

/* With the comment behind it, and with the line if nothing else is in it. */
static void cut_from_flow(struct yaml_edit *e, size_t begin, size_t end, bool with_comment)
{
    size_t rest = skip_blanks(e, end);
    bool alone = begins_line(e, begin) && (ends_line(e, rest) || e->text[rest] == '#');
    if (alone) {
        begin = line_start(e, begin);
        end = line_end(e, rest);
    } else if (with_comment) {
        end = e->text[rest] == '#' ? trim(e, rest, line_end(e, rest)) : rest;
    }
    cut(e, begin, end);
}

static void remove_from_flow(struct yaml_edit *e, const struct yaml_node *node)
{
    const struct yaml_node *previous = before(node);
    size_t begin = flow_begin(node), comma = skip_space(e, node->at.end);
    if (e->text[comma] == ',') {
        cut_from_flow(e, begin, comma + 1, true);
        return;
    }
    if (previous) {
        comma = skip_space(e, previous->at.end);
        if (e->text[comma] != ',')
            fail(e, -EINVAL);
        cut(e, comma, comma + 1);
        while (begin > comma + 1 && is_blank(e->text[begin - 1]) && !begins_line(e, begin))
            begin--;
    }
    cut_from_flow(e, begin, node->at.end, false);
}

/* ---- whole values ---- */

/* Behind the colon of a key. */
static size_t value_begin(struct yaml_edit *e, const struct yaml_node *node)
{
    size_t at = skip_blanks(e, node->key_at.end);
    if (e->text[at] != ':')
        fail(e, -EINVAL);
    return at + 1;
}

/* The sections of a file are written in lines, however short. */
static void write_value(const struct yaml_edit *e, struct buf *out, const json_t *json, int indent,
                        const struct yaml_node *map)
{
    if (!map->parent && yaml_text_size(json) > 0)
        yaml_text_lines(out, json, indent, &e->style);
    else
        yaml_text_value(out, json, indent, &e->style);
}

static void replace_keyed(struct yaml_edit *e, const struct yaml_node *node, const json_t *json,
                          struct buf *text)
{
    assert(node->parent); /* it has a key */
    size_t from = value_begin(e, node), begin = node->at.begin, end = trim(e, begin, end_of(node));
    if (e->err < 0 || begin < from) {
        fail(e, -EINVAL);
        buf_done(text);
        return;
    }
    if (memchr(e->text + from, '#', begin - from)) { /* a comment between stays */
        yaml_text_flow(text, json);
        change(e, begin, end, text);
        return;
    }
    write_value(e, text, json, column(e, node->key_at.begin), node->parent);
    bool one_line = text->len > 0 && text->data[0] == ' ';
    if (one_line && begin > from && !is_block(node) && skip_blanks(e, from) == begin) {
        buf_consume(text, 1); /* the blanks behind the colon stay */
        from = begin;
    }
    change(e, from, end, text);
}

void yaml_edit_replace(struct yaml_edit *e, const struct yaml_node *node, const json_t *json)
{
    struct buf text;
    buf_init(&text, CONFIG_MAX_BYTES);
    size_t begin = node->at.begin;
    if (node->parent && node->parent->flow) {
        if (begin == node->at.end)
            (void)buf_text(&text, " ");
        yaml_text_flow(&text, json);
        change(e, begin, node->at.end, &text);
    } else if (is_block(node) && yaml_text_size(json) > 0) {
        yaml_text_block(&text, json, column(e, begin), &e->style);
        change(e, begin, trim(e, begin, end_of(node)), &text);
    } else if (node->key) {
        replace_keyed(e, node, json, &text);
    } else {
        yaml_text_flow(&text, json);
        change(e, begin, trim(e, begin, end_of(node)), &text);
    }
}

/* ---- entries ---- */

static int dash_width(struct yaml_edit *e, const struct yaml_node *item)
{
    int width = column(e, item->at.begin) - column(e, begin_of(e, item));
    return width >= 2 && width <= 6 ? width : 2;
}

static void write_entry(const struct yaml_edit *e, struct buf *out, const struct yaml_node *map,
                        const char *key, const json_t *json, int indent)
{
    (void)buf_printf(out, "%*s", indent, "");
    yaml_text_key(out, key);
    (void)buf_text(out, ":");
    write_value(e, out, json, indent, map);
}

/* As the last item is written. */
static void write_item(struct yaml_edit *e, struct buf *out, const struct yaml_node *like, const json_t *json,
                       int indent)
{
    int width = dash_width(e, like);
    (void)buf_printf(out, "%*s-%*s", indent, "", width - 1, "");
    if (like->flow || yaml_text_size(json) == 0)
        yaml_text_flow(out, json);
    else
        yaml_text_block(out, json, indent + width, &e->style);
}

void yaml_edit_add(struct yaml_edit *e, const struct yaml_node *to, const char *key, const json_t *json,
                   bool apart)
{
    const struct yaml_node *last = last_of(to);
    struct buf lines;
    if (to->flow) {
        add_to_flow(e, to, key, json);
        return;
    }
    size_t at = e->len;
    int indent = 0;
    if (last) {
        indent = column(e, begin_of(e, last));
        at = lines_end(e, last, indent);
        if (!begins_line(e, begin_of(e, last)) && last != to->children)
            fail(e, -EINVAL);
    }
    buf_init(&lines, CONFIG_MAX_BYTES);
    if (apart && at > 0 && !is_empty_line(e, line_before(e, at)))
        (void)buf_text(&lines, e->style.line_end);
    if (key)
        write_entry(e, &lines, to, key, json, indent);
    else if (last)
        write_item(e, &lines, last, json, indent);
    else
        fail(e, -EINVAL);
    insert_lines(e, at, &lines);
}

void yaml_edit_add_before(struct yaml_edit *e, const struct yaml_node *next, const char *key,
                          const json_t *json)
{
    struct buf lines;
    size_t begin = begin_of(e, next);
    if (!begins_line(e, begin) || next->parent->flow) {
        yaml_edit_add(e, next->parent, key, json, true);
        return;
    }
    buf_init(&lines, CONFIG_MAX_BYTES);
    write_entry(e, &lines, next->parent, key, json, column(e, begin));
    (void)buf_printf(&lines, "%s%s", e->style.line_end, e->style.line_end);
    size_t at = with_comment_above(e, line_start(e, begin));
    change(e, at, at, &lines);
}

void yaml_edit_remove(struct yaml_edit *e, const struct yaml_node *node)
{
    if (node->parent->flow) {
        remove_from_flow(e, node);
        return;
    }
    size_t begin = begin_of(e, node), start = line_start(e, begin);
    if (node->parent->count == 1 && node->parent->key) {
        struct buf none;
        buf_init(&none, 8);
        (void)buf_text(&none, node->key ? " {}" : " []");
        size_t at = value_begin(e, node->parent);
        change(e, at, at, &none);
    } else if (node->parent->count == 1) {
        fail(e, -EINVAL);
    }
    if (!begins_line(e, begin))
        fail(e, -EINVAL);
    size_t end = lines_end(e, node, column(e, begin));
    size_t above = line_before(e, start);
    if (above < start && is_empty_line(e, above) && (end == e->len || is_empty_line(e, end)))
        start = above; /* one blank line of two */
    cut(e, start, end);
}

static void edit_map(struct yaml_edit *e, const struct yaml_node *map, const json_t *json)
{
    const char *key;
    json_t *value;
    for (const struct yaml_node *n = map->children; n; n = n->next) {
        value = json_object_get(json, n->key);
        if (!value || json_is_null(value))
            yaml_edit_remove(e, n);
        else
            yaml_edit_value(e, n, value);
    }
    json_object_foreach((json_t *)json, key, value)
    {
        if (!json_is_null(value) && !yaml_get(map, key))
            yaml_edit_add(e, map, key, value, false);
    }
}

void yaml_edit_value(struct yaml_edit *e, const struct yaml_node *node, const json_t *json)
{
    size_t i = 0;
    if (yaml_text_matches(node, json))
        return;
    if (node->kind == YAML_MAP && node->count > 0 && json_is_object(json))
        edit_map(e, node, json);
    else if (node->kind == YAML_LIST && node->count == json_array_size(json) && json_is_array(json))
        for (const struct yaml_node *n = node->children; n; n = n->next)
            yaml_edit_value(e, n, json_array_get(json, i++));
    else
        yaml_edit_replace(e, node, json);
}

/* ---- begin and end ---- */

static const struct yaml_node *find_block(const struct yaml_node *map, enum yaml_kind kind)
{
    for (const struct yaml_node *n = map->children; n; n = n->next)
        if (n->kind == kind && is_block(n))
            return n;
    return NULL;
}

/* How far the neighbours are indented. */
static void read_style(struct yaml_edit *e)
{
    const char *end = strchr(e->text, '\n');
    const struct yaml_node *root = e->yaml->root;
    const struct yaml_node *map = find_block(root, YAML_MAP), *list = find_block(root, YAML_LIST);
    e->style = (struct yaml_style){ end && end > e->text && end[-1] == '\r' ? "\r\n" : "\n", 2, 2 };
    int step = map ? column(e, map->at.begin) - column(e, map->key_at.begin) : 2;
    if (step > 0 && step <= MAX_INDENT)
        e->style.map_step = e->style.list_step = step;
    step = list ? column(e, list->at.begin) - column(e, list->key_at.begin) : e->style.list_step;
    if (step >= 0 && step <= MAX_INDENT)
        e->style.list_step = step;
}

int yaml_edit_begin(struct yaml_edit *e, const char *name, const char *text, struct problems *problems)
{
    *e = (struct yaml_edit){ .text = text, .len = strlen(text) };
    if (utf8_length(text, e->len) < 0) { /* libyaml reads UTF-16, too */
        problems_add(problems, name, 0, NULL, "is no text in UTF-8; save the file in UTF-8");
        return e->err = -EINVAL;
    }
    int r = yaml_parse(name, text, e->len, problems, &e->yaml);
    if (r == 0)
        read_style(e);
    return e->err = r;
}

static int compare(const void *a, const void *b)
{
    const struct yaml_change *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Those at one place stay in their order; they are few. */
static void sort_changes(struct yaml_change *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct yaml_change moved = list[i];
        size_t k = i;
        for (; k > 0 && compare(&list[k - 1], &moved) > 0; k--)
            list[k] = list[k - 1];
        list[k] = moved;
    }
}

int yaml_edit_finish(struct yaml_edit *e, char **ret)
{
    struct buf out;
    size_t at = 0;
    if (e->err < 0)
        return e->err;
    sort_changes(e->changes, e->count);
    buf_init(&out, CONFIG_MAX_BYTES);
    for (size_t i = 0; i < e->count; i++) {
        const struct yaml_change *c = &e->changes[i];
        if (c->at < at || c->at + c->len > e->len) { /* two of them touch the same */
            fail(e, -EINVAL);
            break;
        }
        (void)buf_append(&out, e->text + at, c->at - at);
        (void)buf_text(&out, c->text);
        at = c->at + c->len;
    }
    if (e->err == 0)
        (void)buf_append(&out, e->text + at, e->len - at);
    if (out.err == 0)
        (void)buf_text(&out, "");
    if (out.err < 0)
        fail(e, out.err == -ENOMEM ? -ENOMEM : -EINVAL);
    if (e->err == 0 && !(*ret = buf_steal(&out)))
        fail(e, -ENOMEM);
    buf_done(&out);
    return e->err;
}

void yaml_edit_done(struct yaml_edit *e)
{
    for (size_t i = 0; i < e->count; i++)
        free(e->changes[i].text);
    free(e->changes);
    yaml_free(e->yaml);
    *e = (struct yaml_edit){ 0 };
}
