/* By Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986), on what is left when equal lines at both ends
 * are taken away. */
#include "gateway/text_diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/config.h"

#define HIDDEN   "***"
#define PASSWORD "password"

/* ---- passwords ---- */

/* Appends a value's place: its line ends stay. */
static void hide(struct buf *out, const char *text, size_t len)
{
    (void)buf_text(out, HIDDEN);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n')
            (void)buf_text(out, "\n");
}

/* All scalars that are, or are in, a value of the key. `at` is how far `text` was copied. */
static void hide_nodes(const struct yaml_node *node, bool inside, const char *text, size_t *at,
                       struct buf *out)
{
    inside = inside || (node->key && str_equal(node->key, PASSWORD));
    for (const struct yaml_node *n = node->children; n; n = n->next)
        hide_nodes(n, inside, text, at, out);
    if (!inside || node->kind != YAML_SCALAR || node->at.begin < *at || node->at.end <= node->at.begin)
        return;
    (void)buf_append(out, text + *at, node->at.begin - *at);
    hide(out, text + node->at.begin, node->at.end - node->at.begin);
    *at = node->at.end;
}

static size_t indent_of(const char *line)
{
    return strspn(line, " \t");
}

/* What stands behind "password:" in the line, or NULL. */
static const char *password_in(const char *line, const char *end)
{
    for (const char *at = line; (at = memmem(at, (size_t)(end - at), PASSWORD, strlen(PASSWORD)));) {
        at += strlen(PASSWORD);
        const char *colon = at;
        if (*colon == '"' || *colon == '\'')
            colon++;
        colon += strspn(colon, " \t");
        if (*colon == ':')
            return colon + 1;
    }
    return NULL;
}

/* Line by line, whatever they mean. `further`: lines that are further indented belong to the value. */
static void hide_lines(const char *text, bool further, struct buf *out)
{
    size_t inside = SIZE_MAX; /* the value began in a line so far indented */
    while (*text) {
        size_t len = strcspn(text, "\n"), indent = indent_of(text);
        const char *value = password_in(text, text + len);
        bool is_hidden = value && strncmp(value + strspn(value, " "), HIDDEN, strlen(HIDDEN)) == 0;
        if (indent < len && indent <= inside)
            inside = SIZE_MAX;
        if (inside != SIZE_MAX) {
            (void)buf_text(out, indent < len ? HIDDEN : "");
        } else if (value && !is_hidden) {
            (void)buf_append(out, text, (size_t)(value - text));
            (void)buf_text(out, " " HIDDEN);
            inside = further ? indent : SIZE_MAX;
        } else {
            (void)buf_append(out, text, len);
        }
        text += len;
        if (*text)
            (void)buf_append(out, text++, 1);
    }
}

char *text_hide_passwords(const char *text)
{
    struct buf values, lines;
    struct problems problems;
    AUTO(yaml) *y = NULL;
    buf_init(&values, 2 * CONFIG_MAX_BYTES);
    buf_init(&lines, 2 * CONFIG_MAX_BYTES);
    problems_init(&problems);
    int r = yaml_parse("", text, strlen(text), &problems, &y);
    problems_done(&problems);
    if (r == 0) {
        size_t at = 0;
        hide_nodes(y->root, false, text, &at, &values);
        (void)buf_text(&values, text + at);
    }
    if (r != -ENOMEM && values.err == 0)
        hide_lines(r == 0 ? buf_string(&values) : text, r != 0, &lines);
    (void)buf_text(&lines, "");
    char *result = r == -ENOMEM || values.err < 0 ? NULL : buf_steal(&lines);
    buf_done(&values);
    buf_done(&lines);
    return result;
}

/* ---- lines ---- */

struct line {
    const char *text, *shown; /* with its end, if it has one */
    size_t len, shown_len;
    bool changed; /* is only in this text */
};

struct side {
    struct line *lines;
    size_t count;
    char *hidden; /* what `shown` points into */
};

static void side_done(struct side *side)
{
    free(side->lines);
    free(side->hidden);
}

static size_t line_len(const char *text)
{
    size_t len = strcspn(text, "\n");
    return len + (text[len] == '\n');
}

static int read_lines(const char *text, struct side *ret)
{
    size_t count = 0;
    for (const char *at = text; *at; at += line_len(at))
        count++;
    ret->lines = calloc(count + 1, sizeof(*ret->lines));
    ret->hidden = text_hide_passwords(text);
    if (!ret->lines || !ret->hidden)
        return -ENOMEM;
    const char *shown = ret->hidden;
    for (; *text; ret->count++) {
        size_t len = line_len(text), shown_len = line_len(shown);
        ret->lines[ret->count] =
            (struct line){ .text = text, .shown = shown, .len = len, .shown_len = shown_len };
        text += len;
        shown += shown_len;
    }
    return 0;
}

static bool is_same(const struct line *a, const struct line *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* ---- the shortest way from one to the other ---- */

/* The part that differs. On diagonal k is x - y = k; reach[k] is the largest x on it so far. */
struct search {
    struct line *old, *new;
    long old_count, new_count;
    int *trace[TEXT_DIFF_MAX_CHANGES + 1]; /* reach as it was before step d: 2 * d + 1 of them, from -d on */
    int *reach;                            /* of diagonal 0; both ways */
    long steps;                            /* needed; -1: more than are allowed */
};

/* One step further on diagonal k. Whether both ends are reached. */
static bool advance(struct search *s, long k, long d)
{
    bool down = k == -d || (k != d && s->reach[k - 1] < s->reach[k + 1]);
    long x = down ? s->reach[k + 1] : s->reach[k - 1] + 1, y = x - k;
    while (x < s->old_count && y < s->new_count && is_same(&s->old[x], &s->new[y])) {
        x++;
        y++;
    }
    s->reach[k] = (int)x;
    return x >= s->old_count && y >= s->new_count;
}

static int find_way(struct search *s)
{
    s->steps = -1;
    s->reach[1] = 0;
    for (long d = 0; d <= TEXT_DIFF_MAX_CHANGES; d++) {
        s->trace[d] = calloc((size_t)(2 * d + 3), sizeof(int));
        if (!s->trace[d])
            return -ENOMEM;
        memcpy(s->trace[d], s->reach - d - 1, (size_t)(2 * d + 3) * sizeof(int));
        for (long k = -d; k <= d; k += 2)
            if (advance(s, k, d)) {
                s->steps = d;
                return 0;
            }
    }
    return 0;
}

/* Back along the trace, marking what was taken away or put in. */
static void mark_way(struct search *s)
{
    long x = s->old_count, y = s->new_count;
    for (long d = s->steps; d > 0; d--) {
        const int *reach = s->trace[d] + d + 1;
        long k = x - y;
        bool down = k == -d || (k != d && reach[k - 1] < reach[k + 1]);
        long from = down ? k + 1 : k - 1;
        x = reach[from];
        y = x - from;
        if (down)
            s->new[y].changed = true;
        else
            s->old[x].changed = true;
    }
}

static void mark_all(struct line *lines, long count)
{
    for (long i = 0; i < count; i++)
        lines[i].changed = true;
}

static int compare(struct search *s)
{
    int r = 0;
    s->steps = -1;
    if (s->old_count + s->new_count <= TEXT_DIFF_MAX_LINES) {
        size_t size = 2 * (TEXT_DIFF_MAX_CHANGES + 2) + 1;
        AUTO_FREE int *reach = calloc(size, sizeof(int));
        if (!reach)
            return -ENOMEM;
        s->reach = reach + TEXT_DIFF_MAX_CHANGES + 2;
        r = find_way(s);
        s->reach = NULL;
    }
    if (r == 0 && s->steps >= 0) {
        mark_way(s);
    } else if (r == 0) {
        mark_all(s->old, s->old_count);
        mark_all(s->new, s->new_count);
    }
    for (size_t d = 0; d <= TEXT_DIFF_MAX_CHANGES; d++)
        free(s->trace[d]);
    return r;
}

static int mark_changes(struct side *old, struct side *new)
{
    size_t start = 0, end = 0, shorter = old->count < new->count ? old->count : new->count;
    while (start < shorter && is_same(&old->lines[start], &new->lines[start]))
        start++;
    while (end < shorter - start &&
           is_same(&old->lines[old->count - 1 - end], &new->lines[new->count - 1 - end]))
        end++;
    AUTO_FREE struct search *search = calloc(1, sizeof(*search));
    if (!search)
        return -ENOMEM;
    search->old = old->lines + start;
    search->new = new->lines + start;
    search->old_count = (long)(old->count - start - end);
    search->new_count = (long)(new->count - start - end);
    return compare(search);
}

/* ---- printing ---- */

static bool is_changed(const struct side *side, size_t i)
{
    return i < side->count && side->lines[i].changed;
}

/* The place of a part for its head: a part without lines is named by the line before. */
static void print_range(struct buf *out, size_t start, size_t count)
{
    (void)buf_printf(out, count == 1 ? "%zu" : "%zu,%zu", start + (count > 0), count);
}

static void print_line(struct buf *out, char mark, const struct line *line)
{
    (void)buf_append(out, &mark, 1);
    (void)buf_append(out, line->shown, line->shown_len);
    if (line->text[line->len - 1] != '\n')
        (void)buf_text(out, "\n\\ No newline at end of file\n");
}

struct hunk {
    size_t old_start, old_end, new_start, new_end;
};

/* From the first change at or behind *ret's ends, with the lines around, as far as changes are near each other. */
static bool find_hunk(const struct side *old, const struct side *new, struct hunk *ret)
{
    size_t x = ret->old_end, y = ret->new_end, quiet = 0;
    while (x < old->count && !is_changed(old, x) && !is_changed(new, y)) {
        x++;
        y++;
    }
    if (!is_changed(old, x) && !is_changed(new, y))
        return false;
    size_t before = x - ret->old_end < TEXT_DIFF_CONTEXT ? x - ret->old_end : TEXT_DIFF_CONTEXT;
    *ret = (struct hunk){ .old_start = x - before, .new_start = y - before };
    while (x < old->count || y < new->count) {
        if (is_changed(old, x) || is_changed(new, y)) {
            x += is_changed(old, x);
            y += is_changed(new, y) && !is_changed(old, x);
            quiet = 0;
        } else if (quiet++ < 2 * TEXT_DIFF_CONTEXT) {
            x++;
            y++;
        } else {
            quiet--;
            break;
        }
    }
    size_t less = quiet > TEXT_DIFF_CONTEXT ? quiet - TEXT_DIFF_CONTEXT : 0;
    ret->old_end = x - less;
    ret->new_end = y - less;
    return true;
}

static void print_hunk(struct buf *out, const struct side *old, const struct side *new, const struct hunk *h)
{
    (void)buf_text(out, "@@ -");
    print_range(out, h->old_start, h->old_end - h->old_start);
    (void)buf_text(out, " +");
    print_range(out, h->new_start, h->new_end - h->new_start);
    (void)buf_text(out, " @@\n");
    for (size_t x = h->old_start, y = h->new_start; x < h->old_end || y < h->new_end;) {
        if (out->len > TEXT_DIFF_MAX_BYTES)
            return;
        if (x < h->old_end && is_changed(old, x))
            print_line(out, '-', &old->lines[x++]);
        else if (y < h->new_end && is_changed(new, y))
            print_line(out, '+', &new->lines[y++]);
        else {
            print_line(out, ' ', &old->lines[x++]);
            y++;
        }
    }
}

static void print(struct buf *out, const struct side *old, const struct side *new)
{
    struct hunk hunk = { 0 };
    while (out->len <= TEXT_DIFF_MAX_BYTES && find_hunk(old, new, &hunk))
        print_hunk(out, old, new, &hunk);
    if (out->len > TEXT_DIFF_MAX_BYTES)
        (void)buf_text(out, "... and more, which is not shown\n");
}

/* What is not in UTF-8 could be in no JSON. */
static void make_utf8(char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t step = utf8_step(text, left);
        if (step == 0)
            *text = '?';
        text += step ? step : 1;
        left -= step ? step : 1;
    }
}

char *text_diff(const char *old_name, const char *old_text, const char *new_name, const char *new_text)
{
    struct side old = { 0 }, new = { 0 };
    struct buf out;
    char *result = NULL;
    if (str_equal(old_text, new_text))
        return strdup("");
    buf_init(&out, TEXT_DIFF_MAX_BYTES + 2 * CONFIG_MAX_BYTES);
    (void)buf_printf(&out, "--- %s\n+++ %s\n", old_name, new_name);
    if (read_lines(old_text, &old) == 0 && read_lines(new_text, &new) == 0 && mark_changes(&old, &new) == 0) {
        print(&out, &old, &new);
        result = buf_steal(&out);
    }
    if (result)
        make_utf8(result);
    buf_done(&out);
    side_done(&old);
    side_done(&new);
    return result;
}
