/* YAML as a tree with lines, by libyaml's events. */
#include "base/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/str.h"

#define MAX_PATH   256
#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define MAX_NAMES  512 /* names offered to choose from, in a message */

/* ---- building the tree ---- */

struct build {
    struct yaml *y;
    struct problems *problems;
    struct yaml_node *stack[YAML_MAX_DEPTH]; /* open lists and maps */
    struct yaml_node *last[YAML_MAX_DEPTH];  /* the last child of each */
    int depth;
    char *key; /* of the entry that comes next in a map */
    int key_line;
    struct yaml_span key_at;
    size_t nodes;
    const char *text; /* all of it */
    size_t len;
    size_t offset, index; /* a byte of it, and which character that is to libyaml */
};

/* libyaml counts characters, the byte order mark not. Marks come nearly in order, so each way is short. */
static size_t offset_of(struct build *b, const yaml_mark_t *mark)
{
    if (b->offset == 0 && b->len >= 3 && memcmp(b->text, "\xef\xbb\xbf", 3) == 0)
        b->offset = 3;
    for (; b->index < mark->index && b->offset < b->len; b->index++)
        do
            b->offset++;
        while (b->offset < b->len && ((unsigned char)b->text[b->offset] & 0xC0) == 0x80);
    for (; b->index > mark->index && b->offset > 0; b->index--)
        do
            b->offset--;
        while (b->offset > 0 && ((unsigned char)b->text[b->offset] & 0xC0) == 0x80);
    return b->offset;
}

static struct yaml_span span_of(struct build *b, const yaml_event_t *event)
{
    size_t begin = offset_of(b, &event->start_mark);
    return (struct yaml_span){ begin, offset_of(b, &event->end_mark) };
}

static void fail(struct build *b, int line, const char *text)
{
    problems_add(b->problems, b->y->name, line, NULL, "%s", text);
}

static void node_free(struct yaml_node *node)
{
    while (node) { /* children first become the front of the chain: no recursion on outside data */
        struct yaml_node *next = node->children;
        if (next) {
            struct yaml_node *last = next;
            while (last->next)
                last = last->next;
            last->next = node->next;
        } else {
            next = node->next;
        }
        free(node->key);
        free(node->text);
        free(node);
        node = next;
    }
}

static bool has_key(const struct yaml_node *map, const char *key)
{
    return yaml_get(map, key) != NULL;
}

/* Adds a node below the innermost open one. NULL with errno or a problem. */
static struct yaml_node *add_node(struct build *b, enum yaml_kind kind, int line)
{
    if (++b->nodes > YAML_MAX_NODES) {
        fail(b, line, "the file is too large");
        return NULL;
    }
    struct yaml_node *node = calloc(1, sizeof(*node));
    if (!node)
        return NULL;
    node->kind = kind;
    node->line = b->key ? b->key_line : line;
    node->file = b->y->name;
    if (b->key)
        node->key_at = b->key_at;
    node->key = STEAL(b->key);
    if (b->depth == 0) {
        b->y->root = node;
        return node;
    }
    struct yaml_node *parent = b->stack[b->depth - 1], *last = b->last[b->depth - 1];
    node->parent = parent;
    if (last)
        last->next = node;
    else
        parent->children = node;
    b->last[b->depth - 1] = node;
    parent->count++;
    return node;
}

static int on_scalar(struct build *b, const yaml_event_t *event)
{
    int line = (int)event->start_mark.line + 1;
    const char *text = (const char *)event->data.scalar.value;
    bool in_map = b->depth > 0 && b->stack[b->depth - 1]->kind == YAML_MAP;
    if (strlen(text) != event->data.scalar.length) {
        fail(b, line, "a text holds a NUL character");
        return -EINVAL;
    }
    if (in_map && !b->key) {
        if (b->stack[b->depth - 1]->count == YAML_MAX_KEYS) {
            fail(b, line, "the map has too many keys; at most " TEXT(YAML_MAX_KEYS));
            return -EINVAL;
        }
        if (has_key(b->stack[b->depth - 1], text))
            problems_add(b->problems, b->y->name, line, NULL, "\"%s\" is given twice", text);
        b->key = strdup(text);
        b->key_line = line;
        b->key_at = span_of(b, event);
        return b->key ? 0 : -ENOMEM;
    }
    struct yaml_node *node = add_node(b, YAML_SCALAR, line);
    if (!node)
        return b->nodes > YAML_MAX_NODES ? -EINVAL : -ENOMEM;
    node->at = span_of(b, event);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = strdup(text);
    return node->text ? 0 : -ENOMEM;
}

static int on_open(struct build *b, const yaml_event_t *event, enum yaml_kind kind)
{
    int line = (int)event->start_mark.line + 1;
    if (b->depth > 0 && b->stack[b->depth - 1]->kind == YAML_MAP && !b->key) {
        fail(b, line, "a list or map stands where a key is expected");
        return -EINVAL;
    }
    if (b->depth == YAML_MAX_DEPTH) {
        fail(b, line, "nested too deeply; at most " TEXT(YAML_MAX_DEPTH) " levels");
        return -EINVAL;
    }
    struct yaml_node *node = add_node(b, kind, line);
    if (!node)
        return b->nodes > YAML_MAX_NODES ? -EINVAL : -ENOMEM;
    node->at.begin = node->at.end = offset_of(b, &event->start_mark);
    node->flow = event->type == YAML_SEQUENCE_START_EVENT
                     ? event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                     : event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    b->stack[b->depth] = node;
    b->last[b->depth] = NULL;
    b->depth++;
    return 0;
}

static bool has_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.tag;
    default:
        return false;
    }
}

static int on_event(struct build *b, const yaml_event_t *event, int *documents)
{
    int line = (int)event->start_mark.line + 1;
    if (has_tag(event)) {
        fail(b, line, "tags (!name) are not supported; write the plain value");
        return -EINVAL;
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++*documents == 1)
            return 0;
        fail(b, line, "a second document begins; expected one");
        return -EINVAL;
    case YAML_ALIAS_EVENT:
        fail(b, line, "aliases (*name) are not supported; write the value again");
        return -EINVAL;
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, event, YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, event, YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        if (b->stack[b->depth]->flow)
            b->stack[b->depth]->at.end = offset_of(b, &event->end_mark);
        return 0;
    default:
        return 0;
    }
}

/* What a person most likely did who gets this message of libyaml. */
static const char *remedy_of(const char *problem)
{
    static const struct {
        const char *problem, *remedy;
    } rows[] = {
        { "found character that cannot start any token",
          "; lines are indented by blanks, not tabs, and a text that begins with @ ` or % needs quotes" },
        { "mapping values are not allowed in this context",
          "; is the line indented like its neighbours? A text with a colon needs quotes" },
        { "did not find expected ',' or '}'",
          "; is a bracket not closed? A text with brackets or commas needs quotes inside { }" },
        { "did not find expected ',' or ']'",
          "; is a bracket not closed? A text with brackets or commas needs quotes inside [ ]" },
        { "did not find expected key", "; is the line indented like its neighbours?" },
        { "did not find expected '-' indicator", "; is the line indented like its neighbours?" },
        { "found unexpected end of stream", "; is a quote not closed?" },
        { "control characters are not allowed", "; remove it" },
        { "invalid trailing UTF-8 octet", "; save the file in UTF-8" },
        { "invalid leading UTF-8 octet", "; save the file in UTF-8" },
        { "incomplete UTF-8 octet sequence", "; save the file in UTF-8" },
        { "invalid length of a UTF-8 sequence", "; save the file in UTF-8" },
    };
    for (size_t i = 0; problem && i < ARRAY_SIZE(rows); i++)
        if (str_equal(problem, rows[i].problem))
            return rows[i].remedy;
    return "";
}

/* What cannot be read at all has an offset instead of a mark. */
static yaml_mark_t problem_mark(const yaml_parser_t *parser, const char *text, size_t len)
{
    yaml_mark_t mark = { 0 };
    if (parser->error != YAML_READER_ERROR)
        return parser->problem_mark;
    for (size_t i = 0; i < len && i < parser->problem_offset; i++) {
        mark.column = text[i] == '\n' ? 0 : mark.column + 1;
        mark.line += text[i] == '\n';
    }
    return mark;
}

static void complain(const struct build *b, const yaml_parser_t *parser, const char *text, size_t len)
{
    const char *context = parser->context ? parser->context : "";
    yaml_mark_t mark = problem_mark(parser, text, len);
    char begun[40] = "";
    /* A bracket or quote that is not closed is noticed lines later. */
    if ((strstr(context, "flow") || strstr(context, "quoted")) && parser->context_mark.line != mark.line)
        (void)snprintf(begun, sizeof(begun), " (begun in line %zu)", parser->context_mark.line + 1);
    problems_add(b->problems, b->y->name, (int)mark.line + 1, NULL, "column %zu: %s%s%s", mark.column + 1,
                 parser->problem ? parser->problem : "not YAML", begun, remedy_of(parser->problem));
}

static int parse_events(struct build *b, yaml_parser_t *parser, const char *text, size_t len)
{
    int documents = 0, r = 0;
    for (bool end = false; r == 0 && !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            complain(b, parser, text, len);
            return parser->error == YAML_MEMORY_ERROR ? -ENOMEM : -EINVAL;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        r = on_event(b, &event, &documents);
        yaml_event_delete(&event);
    }
    return r;
}

int yaml_parse(const char *name, const char *text, size_t len, struct problems *problems, struct yaml **ret)
{
    AUTO(yaml) *y = calloc(1, sizeof(*y));
    if (!y || !(y->name = strdup(name)))
        return -ENOMEM;
    struct build b = { .y = y, .problems = problems, .text = text, .len = len };
    size_t total = problems->total;
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int r = parse_events(&b, &parser, text, len);
    yaml_parser_delete(&parser);
    free(b.key);
    if (r < 0)
        return r;
    if (problems->total > total)
        return -EINVAL;
    if (!y->root || (y->root->kind == YAML_SCALAR && !*y->root->text)) {
        node_free(y->root);
        y->root = calloc(1, sizeof(*y->root));
        if (!y->root)
            return -ENOMEM;
        y->root->kind = YAML_MAP;
        y->root->line = 1;
    }
    *ret = STEAL(y);
    return 0;
}

void yaml_free(struct yaml *y)
{
    if (!y)
        return;
    node_free(y->root);
    free(y->name);
    free(y);
}

/* ---- finding ---- */

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml_node *n = map->children; n; n = n->next)
        if (strcmp(n->key, key) == 0)
            return n;
    return NULL;
}

static int index_of(const struct yaml_node *node)
{
    int index = 0;
    for (const struct yaml_node *n = node->parent->children; n != node; n = n->next)
        index++;
    return index;
}

void yaml_path(const struct yaml_node *node, char *ret, size_t size)
{
    const struct yaml_node *way[YAML_MAX_DEPTH + 1];
    int depth = 0;
    for (; node && node->parent && depth <= YAML_MAX_DEPTH; node = node->parent)
        way[depth++] = node;
    size_t at = 0;
    ret[0] = '\0';
    while (depth-- > 0 && at < size) {
        const struct yaml_node *n = way[depth];
        int len = n->key ? snprintf(ret + at, size - at, "%s%s", at ? "." : "", n->key)
                         : snprintf(ret + at, size - at, "[%d]", index_of(n));
        at += len < 0 ? 0 : (size_t)len;
    }
}

void yaml_problem(const struct yaml *y, const struct yaml_node *node, struct problems *problems,
                  const char *format, ...)
{
    char path[MAX_PATH], text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    yaml_path(node, path, sizeof(path));
    problems_add(problems, node && node->file ? node->file : y->name, node ? node->line : 0, path, "%s",
                 text);
}

/* ---- typed reads ---- */

static const char *scalar(const struct yaml *y, const struct yaml_node *n, struct problems *problems,
                          const char *expected)
{
    if (n->kind == YAML_SCALAR)
        return n->text;
    yaml_problem(y, n, problems, "is a %s, expected %s", n->kind == YAML_LIST ? "list" : "map", expected);
    return NULL;
}

int yaml_to_int(const struct yaml *y, const struct yaml_node *n, int64_t min, int64_t max,
                struct problems *problems, int64_t *ret)
{
    const char *text = scalar(y, n, problems, "a whole number");
    if (!text)
        return -EINVAL;
    if (str_to_int(text, min, max, ret) == 0)
        return 0;
    yaml_problem(y, n, problems, "\"%s\" is no whole number from %" PRId64 " to %" PRId64, text, min, max);
    return -EINVAL;
}

int yaml_to_double(const struct yaml *y, const struct yaml_node *n, double min, double max,
                   struct problems *problems, double *ret)
{
    const char *text = scalar(y, n, problems, "a number");
    double value = 0;
    if (!text)
        return -EINVAL;
    if (str_to_double(text, &value) == 0 && value >= min && value <= max) {
        *ret = value;
        return 0;
    }
    yaml_problem(y, n, problems, "\"%s\" is no number from %g to %g", text, min, max);
    return -EINVAL;
}

int yaml_to_bool(const struct yaml *y, const struct yaml_node *n, struct problems *problems, bool *ret)
{
    static const struct {
        const char *text;
        bool value;
    } rows[] = { { "true", true },   { "yes", true }, { "on", true },
                 { "false", false }, { "no", false }, { "off", false } };
    const char *text = scalar(y, n, problems, "true or false");
    if (!text)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (str_equal_ci(text, rows[i].text)) {
            *ret = rows[i].value;
            return 0;
        }
    yaml_problem(y, n, problems, "\"%s\" is neither true nor false", text);
    return -EINVAL;
}

int yaml_to_duration_ms(const struct yaml *y, const struct yaml_node *n, int64_t min_ms, int64_t max_ms,
                        struct problems *problems, int64_t *ret_ms)
{
    const char *text = scalar(y, n, problems, "a duration such as 500ms, 2s, 5min");
    int64_t value = 0;
    if (!text)
        return -EINVAL;
    if (str_to_duration_ms(text, &value) == 0 && value >= min_ms && value <= max_ms) {
        *ret_ms = value;
        return 0;
    }
    yaml_problem(y, n, problems,
                 "\"%s\" is no duration from %g s to %g s; expected such as 500ms, 2s, 5min, 1h", text,
                 (double)min_ms / 1000, (double)max_ms / 1000);
    return -EINVAL;
}

static void join_names(const char *const *names, char *ret, size_t size)
{
    size_t at = 0;
    ret[0] = '\0';
    for (size_t i = 0; names[i] && at < size; i++)
        at += (size_t)snprintf(ret + at, size - at, "%s%s", i ? ", " : "", names[i]);
}

int yaml_to_enum(const struct yaml *y, const struct yaml_node *n, const char *const *names,
                 struct problems *problems, int *ret)
{
    const char *text = scalar(y, n, problems, "a name");
    char list[MAX_NAMES];
    if (!text)
        return -EINVAL;
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0) {
            *ret = i;
            return 0;
        }
    const char *near = nearest_name(text, names);
    join_names(names, list, sizeof(list));
    if (near)
        yaml_problem(y, n, problems, "\"%s\" is unknown; did you mean %s? Expected one of: %s", text, near,
                     list);
    else
        yaml_problem(y, n, problems, "\"%s\" is unknown; expected one of: %s", text, list);
    return -EINVAL;
}

void yaml_check_keys(const struct yaml *y, const struct yaml_node *map, const char *const *names,
                     struct problems *problems)
{
    if (!map)
        return;
    if (map->kind != YAML_MAP) {
        yaml_problem(y, map, problems, "expected a map");
        return;
    }
    for (const struct yaml_node *n = map->children; n; n = n->next) {
        bool known = false;
        for (size_t i = 0; names[i] && !known; i++)
            known = strcmp(names[i], n->key) == 0;
        if (known)
            continue;
        const char *near = nearest_name(n->key, names);
        char list[MAX_NAMES];
        join_names(names, list, sizeof(list));
        if (near)
            yaml_problem(y, n, problems, "unknown key; did you mean \"%s\"?", near);
        else
            yaml_problem(y, n, problems, "unknown key; expected one of: %s", list);
    }
}

/* ---- likeness of names ---- */

#define MAX_WORD 40

/* Levenshtein distance of words of at most MAX_WORD characters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_WORD + 1], len_a = strlen(a), len_b = strlen(b);
    if (len_a > MAX_WORD || len_b > MAX_WORD)
        return MAX_WORD;
    for (size_t i = 0; i <= len_b; i++)
        row[i] = i;
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= len_b; k++) {
            size_t replaced = diagonal + (a[i - 1] != b[k - 1]);
            size_t shorter = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            diagonal = row[k];
            row[k] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[len_b];
}

const char *nearest_name(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1; /* further is no likeness */
    for (size_t i = 0; names[i]; i++) {
        size_t d = distance(word, names[i]);
        if (d <= best_distance && (!best || d < best_distance)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
