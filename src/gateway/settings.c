/* Reads tables of settings from YAML. */
#include "gateway/settings.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define MAX_ROWS 64

static int read_text(const struct yaml *y, const struct yaml_node *n, const struct setting *row, char *at,
                     struct problems *problems)
{
    if (n->kind != YAML_SCALAR) {
        yaml_problem(y, n, problems, "is a list or map, expected a text");
        return -EINVAL;
    }
    if (row->type == SETTING_LINE) {
        if (str_copy(at, (size_t)row->max, n->text) == 0)
            return 0;
        yaml_problem(y, n, problems, "is longer than %d characters", (int)row->max - 1);
        return -EINVAL;
    }
    char *copy = strdup(n->text);
    if (!copy)
        return -ENOMEM;
    char **text = (char **)(void *)at;
    free(*text);
    *text = copy;
    return 0;
}

static int read_integer(const struct yaml *y, const struct yaml_node *n, const struct setting *row, char *at,
                        struct problems *problems)
{
    int64_t value = 0;
    int r = yaml_to_int(y, n, (int64_t)row->min, (int64_t)row->max, problems, &value);
    if (r < 0)
        return r;
    if (row->type == SETTING_INT)
        *(int *)(void *)at = (int)value;
    else if (row->type == SETTING_INT64)
        *(int64_t *)(void *)at = value;
    else
        *(size_t *)(void *)at = (size_t)value;
    return 0;
}

static int read_setting(const struct yaml *y, const struct yaml_node *n, const struct setting *row,
                        void *object, struct problems *problems)
{
    char *at = (char *)object + row->offset;
    switch (row->type) {
    case SETTING_TEXT:
    case SETTING_LINE:
        return read_text(y, n, row, at, problems);
    case SETTING_INT:
    case SETTING_INT64:
    case SETTING_SIZE:
        return read_integer(y, n, row, at, problems);
    case SETTING_BOOL:
        return yaml_to_bool(y, n, problems, (bool *)(void *)at);
    case SETTING_NUMBER:
        return yaml_to_double(y, n, row->min, row->max, problems, (double *)(void *)at);
    case SETTING_DURATION:
        return yaml_to_duration_ms(y, n, (int64_t)row->min, (int64_t)row->max, problems,
                                   (int64_t *)(void *)at);
    case SETTING_ENUM:
        return yaml_to_enum(y, n, row->names, problems, (int *)(void *)at);
    case SETTING_OTHER:
        return 0;
    }
    return 0;
}

/* The default goes the same way as a value from the file. */
static int read_fallback(const struct yaml *y, const struct setting *row, void *object,
                         struct problems *problems)
{
    AUTO_FREE char *text = strdup(row->fallback);
    if (!text)
        return -ENOMEM;
    struct yaml_node node = { .kind = YAML_SCALAR, .text = text, .key = NULL };
    return read_setting(y, &node, row, object, problems);
}

int settings_read(const struct yaml *y, const struct yaml_node *node, const struct setting *rows,
                  void *object, struct problems *problems)
{
    if (node && node->kind != YAML_MAP) {
        yaml_problem(y, node, problems, "expected a map of settings");
        return -EINVAL;
    }
    const char *names[MAX_ROWS + 1] = { NULL };
    int result = 0;
    size_t total = problems->total;
    for (size_t i = 0; rows[i].name; i++) {
        const struct setting *row = &rows[i];
        if (i < MAX_ROWS)
            names[i] = row->name;
        const struct yaml_node *n = yaml_get(node, row->name);
        int r = 0;
        if (n)
            r = read_setting(y, n, row, object, problems);
        else if (row->required && node)
            yaml_problem(y, node, problems, "%s is missing: %s", row->name, row->help);
        else if (row->fallback)
            r = read_fallback(y, row, object, problems);
        if (r < 0)
            result = r;
    }
    if (node)
        yaml_check_keys(y, node, names, problems);
    return result == -ENOMEM ? result : problems->total > total ? -EINVAL : result;
}

static void reference_bounds(const struct setting *row, struct buf *out)
{
    switch (row->type) {
    case SETTING_INT:
    case SETTING_INT64:
    case SETTING_SIZE:
        buf_printf(out, "%.0f..%.0f", row->min, row->max);
        break;
    case SETTING_NUMBER:
        buf_printf(out, "%g..%g", row->min, row->max);
        break;
    case SETTING_DURATION:
        buf_printf(out, "duration, %g s..%g s", row->min / 1000, row->max / 1000);
        break;
    case SETTING_BOOL:
        buf_text(out, "true, false");
        break;
    case SETTING_ENUM:
        for (size_t i = 0; row->names[i]; i++)
            buf_printf(out, "%s%s", i ? ", " : "", row->names[i]);
        break;
    case SETTING_TEXT:
    case SETTING_LINE:
        buf_text(out, "text");
        break;
    case SETTING_OTHER:
        buf_text(out, "see below");
        break;
    }
}

void settings_reference(const struct settings_section *section, struct buf *out)
{
    buf_printf(out, "### `%s`\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
               section->title, section->help);
    for (const struct setting *row = section->rows; row->name; row++) {
        buf_printf(out, "| `%s` | ", row->name);
        reference_bounds(row, out);
        buf_printf(out, " | %s%s%s | %s |\n", row->fallback ? "`" : "",
                   row->fallback   ? row->fallback
                   : row->required ? "required"
                                   : "-",
                   row->fallback ? "`" : "", row->help);
    }
    buf_text(out, "\n");
}
