/* Two passes: all cells as text, then as wide as the widest of each column (table.h). */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#define MAX_COLUMNS 16
#define MIN_WIDTH   8 /* of a column that gives way */
#define GAP         2

/* ---- width ---- */

/* The character at `text`; *ret_len: its bytes, 1 if it is no UTF-8. */
static wchar_t character(const char *text, size_t left, size_t *ret_len)
{
    static const unsigned char masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    *ret_len = utf8_step(text, left);
    if (*ret_len == 0) {
        *ret_len = 1;
        return L'?';
    }
    wchar_t code = (unsigned char)text[0] & masks[*ret_len];
    for (size_t i = 1; i < *ret_len; i++)
        code = (wchar_t)((code << 6) | ((unsigned char)text[i] & 0x3F));
    return code;
}

static size_t character_width(wchar_t code)
{
    int width = wcwidth(code);
    return width < 0 ? 1 : (size_t)width;
}

size_t text_width(const char *text)
{
    size_t width = 0, step;
    for (size_t left = strlen(text); left > 0; text += step, left -= step)
        width += character_width(character(text, left, &step));
    return width;
}

void text_fit(const char *text, size_t width, bool at_right, char *ret, size_t size)
{
    size_t used = 0, len = 0, full = text_width(text), most = full > width && width > 0 ? width - 1 : width;
    for (size_t fill = at_right && full < width ? width - full : 0; fill > 0 && len + 1 < size;
         fill--, used++)
        ret[len++] = ' ';
    for (size_t left = strlen(text), step; left > 0; text += step, left -= step) {
        size_t wide = character_width(character(text, left, &step));
        if (used + wide > most || len + step >= size)
            break;
        memcpy(ret + len, text, step);
        len += step;
        used += wide;
    }
    if (full > width && used < width && len + 1 < size) {
        ret[len++] = '~';
        used++;
    }
    for (; used < width && len + 1 < size; used++)
        ret[len++] = ' ';
    ret[len] = '\0';
}

size_t terminal_width(void)
{
    struct winsize window = { 0 };
    if (isatty(STDOUT_FILENO) != 1)
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 20 ? window.ws_col : 80;
}

/* ---- the table ---- */

static const json_t *member_of(const json_t *item, const char *path)
{
    const char *dot = path ? strchr(path, '.') : NULL;
    char name[40];
    if (!path)
        return item;
    if (!dot)
        return json_object_get(item, path);
    (void)snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
    return member_of(json_object_get(item, name), dot + 1);
}

struct table {
    const struct column *columns;
    size_t column_count, row_count;
    size_t widths[MAX_COLUMNS];
    char **cells; /* row by row */
};

static bool fill(struct table *t, const json_t *items)
{
    const json_t *item;
    size_t row;
    t->cells = calloc(t->row_count * t->column_count, sizeof(*t->cells));
    if (!t->cells)
        return false;
    json_array_foreach(items, row, item)
    {
        for (size_t i = 0; i < t->column_count; i++) {
            char text[CELL_SIZE] = "";
            const json_t *value = member_of(item, t->columns[i].member);
            if (value)
                t->columns[i].write(value, text, sizeof(text));
            str_make_harmless(text); /* somebody else wrote it */
            size_t width = text_width(text);
            t->cells[row * t->column_count + i] = strdup(text);
            if (width > t->widths[i])
                t->widths[i] = width;
        }
    }
    return true;
}

/* The widest of those that give way, until all fit or none is left. */
static void narrow(struct table *t, size_t terminal)
{
    size_t all = 0;
    for (size_t i = 0; i < t->column_count; i++)
        all += t->widths[i] + (i ? GAP : 0);
    while (terminal && all > terminal) {
        size_t widest = t->column_count;
        for (size_t i = 0; i < t->column_count; i++)
            if (t->columns[i].gives_way && t->widths[i] > MIN_WIDTH &&
                (widest == t->column_count || t->widths[i] > t->widths[widest]))
                widest = i;
        if (widest == t->column_count)
            break;
        t->widths[widest]--;
        all--;
    }
}

static void print_row(const struct table *t, char *const *cells)
{
    char line[MAX_COLUMNS * (CELL_SIZE + GAP)] = "";
    for (size_t i = 0; i < t->column_count; i++) {
        char cell[CELL_SIZE];
        text_fit(cells[i] ? cells[i] : "", t->widths[i], t->columns[i].is_number, cell, sizeof(cell));
        size_t len = strlen(line);
        (void)snprintf(line + len, sizeof(line) - len, "%*s%s", i ? GAP : 0, "", cell);
    }
    size_t end = strlen(line);
    while (end > 0 && line[end - 1] == ' ')
        end--;
    line[end] = '\0';
    (void)puts(line);
}

void table_print(const json_t *items, const struct column *columns, const char *none)
{
    struct table t = { .columns = columns, .row_count = json_array_size(items) };
    char *titles[MAX_COLUMNS];
    for (; columns[t.column_count].title && t.column_count < MAX_COLUMNS; t.column_count++) {
        titles[t.column_count] = (char *)(uintptr_t)columns[t.column_count].title;
        t.widths[t.column_count] = strlen(columns[t.column_count].title);
    }
    if (t.row_count == 0 || t.column_count == 0) {
        (void)puts(none);
        return;
    }
    if (fill(&t, items)) {
        narrow(&t, terminal_width());
        print_row(&t, titles);
        for (size_t row = 0; row < t.row_count; row++)
            print_row(&t, t.cells + row * t.column_count);
    }
    for (size_t i = 0; t.cells && i < t.row_count * t.column_count; i++)
        free(t.cells[i]);
    free(t.cells);
}
