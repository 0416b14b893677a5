/* Rows are made anew for each picture: a thousand stations take a few milliseconds, and nothing is kept twice (top_rows.h). */
#include "top_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "table.h"

#define MAX_ROWS 200000

const char *const top_order_names[ORDERS] = { "station", "state", "power", "energy",
                                              "current", "time",  "link",  "attention" };
const char top_order_keys[ORDERS] = { 'n', 's', 'p', 'e', 'c', 't', 'l', 'a' };

/* ---- making ---- */

static double number_or_nan(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The worst that is said of the EVSE, or of its station as a whole. */
static void find_attention(const json_t *item, struct top_row *row)
{
    const json_t *note;
    size_t index;
    json_array_foreach(json_object_get(item, "attention"), index, note)
    {
        const char *name = json_get_string(note, "severity", "");
        int severity = str_equal(name, "error") ? 2 : str_equal(name, "warning") ? 1 : 0;
        int64_t evse = json_get_int(note, "evse", 0);
        if ((evse == 0 || evse == row->evse) && severity > row->severity) {
            row->severity = severity;
            row->attention = json_get_string(note, "text", "");
        }
    }
}

static struct top_row row_of(const json_t *item, const json_t *evse)
{
    const json_t *transaction = json_object_get(evse, "transaction");
    struct top_row row = { .station = json_get_string(item, "id", "?"),
                           .link = json_get_string(item, "link", "?"),
                           .attention = "",
                           .evse = (int)json_get_int(evse, "evse", 0),
                           .power_W = number_or_nan(evse, "powerW"),
                           .energy_Wh = number_or_nan(transaction, "energyWh"),
                           .current_A = number_or_nan(evse, "currentA"),
                           .limit_A = number_or_nan(evse, "limitA") };
    row.state = json_get_bool(evse, "online", false) ? json_get_string(evse, "state", "?") : "offline";
    if (transaction)
        (void)timestamp_parse(json_get_string(transaction, "startedAt", ""), &row.started_ms);
    find_attention(item, &row);
    return row;
}

static bool is_chosen(const struct top_row *row, const json_t *item, const char *filter)
{
    const char *const texts[] = { row->station,
                                  row->state,
                                  row->link,
                                  row->attention,
                                  json_get_string(item, "vendor", ""),
                                  json_get_string(item, "model", ""),
                                  json_get_string(item, "csms", "") };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (strcasestr(texts[i], filter))
            return true;
    return false;
}

static int add(struct top_rows *rows, const struct top_row *row)
{
    if ((rows->count & (rows->count - 1)) == 0) { /* full: at 0, 1, 2, 4 ... */
        size_t size = rows->count ? rows->count * 2 : 1;
        struct top_row *list = size <= MAX_ROWS ? reallocarray(rows->list, size, sizeof(*list)) : NULL;
        if (!list)
            return -ENOMEM;
        rows->list = list;
    }
    rows->list[rows->count++] = *row;
    return 0;
}

static void count(struct top_rows *rows, const struct top_row *row)
{
    rows->all++;
    rows->wrong += row->severity == 2;
    rows->power_W += isnan(row->power_W) ? 0 : row->power_W;
    (void)json_set_optional(rows->states, row->state,
                            json_integer(json_get_int(rows->states, row->state, 0) + 1));
}

int top_rows_make(const json_t *stations, const char *filter, struct top_rows *ret)
{
    const char *id;
    json_t *item, *evse;
    size_t index;
    int r = 0;
    *ret = (struct top_rows){ .states = json_object(), .stations = json_object_size(stations) };
    json_object_foreach((json_t *)(uintptr_t)stations, id, item)
    {
        ret->linked += str_equal(json_get_string(item, "link", ""), "up");
        json_array_foreach(json_object_get(item, "evses"), index, evse)
        {
            struct top_row row = row_of(item, evse);
            count(ret, &row);
            if (r == 0 && is_chosen(&row, item, filter))
                r = add(ret, &row);
        }
    }
    return r;
}

void top_rows_done(struct top_rows *rows)
{
    json_decref(rows->states);
    free(rows->list);
}

/* ---- sorting ---- */

struct sorting {
    enum top_order order;
    bool is_reversed;
};

/* What is not known comes last, however it is sorted. */
static int compare_numbers(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a < b) - (a > b);
}

static int compare(const void *left, const void *right, void *ctx)
{
    const struct top_row *a = left, *b = right;
    const struct sorting *sorting = ctx;
    int result = 0;
    switch (sorting->order) {
    case ORDER_STATE:
        result = strcmp(a->state, b->state);
        break;
    case ORDER_POWER:
        result = compare_numbers(a->power_W, b->power_W);
        break;
    case ORDER_ENERGY:
        result = compare_numbers(a->energy_Wh, b->energy_Wh);
        break;
    case ORDER_CURRENT:
        result = compare_numbers(a->current_A, b->current_A);
        break;
    case ORDER_TIME:
        result = compare_numbers(a->started_ms ? -(double)a->started_ms : NAN,
                                 b->started_ms ? -(double)b->started_ms : NAN);
        break;
    case ORDER_LINK:
        result = strcmp(a->link, b->link);
        break;
    case ORDER_ATTENTION:
        result = b->severity - a->severity;
        break;
    case ORDER_STATION:
    case ORDERS:
        break;
    }
    if (result == 0)
        result = strverscmp(a->station, b->station);
    if (result == 0)
        result = a->evse - b->evse;
    return sorting->is_reversed ? -result : result;
}

void top_rows_sort(struct top_rows *rows, enum top_order order, bool is_reversed)
{
    struct sorting sorting = { order, is_reversed };
    if (rows->count > 1)
        qsort_r(rows->list, rows->count, sizeof(*rows->list), compare, &sorting);
}

/* ---- text ---- */

static const struct {
    const char *title;
    size_t width; /* 0: of the stations' names */
    bool at_right;
} columns[] = {
    { "STATION", 0, false }, { "EVSE", 4, true },       { "STATE", 14, false }, { "POWER", 8, true },
    { "ENERGY", 9, true },   { "A / LIMIT", 11, true }, { "TIME", 9, true },    { "LINK", 10, false },
};

static void add_cell(const struct top_layout *layout, size_t column, const char *text, char *ret, size_t size)
{
    char cell[200];
    size_t len = strlen(ret), width = columns[column].width ? columns[column].width : layout->id_width;
    text_fit(text, width, columns[column].at_right, cell, sizeof(cell));
    (void)snprintf(ret + len, size - len, "%s  ", cell);
}

size_t top_id_width(const struct top_rows *rows)
{
    size_t width = strlen(columns[0].title);
    for (size_t i = 0; i < rows->count; i++) {
        size_t own = text_width(rows->list[i].station);
        width = own > width ? own : width;
    }
    return width < 32 ? width : 32;
}

void top_head(const struct top_layout *layout, char *ret, size_t size)
{
    *ret = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        add_cell(layout, i, columns[i].title, ret, size);
    (void)snprintf(ret + strlen(ret), size - strlen(ret), "ATTENTION");
}

static void current_text(const struct top_row *row, char *ret, size_t size)
{
    char current[16] = "-", limit[16] = "";
    if (!isnan(row->current_A))
        (void)snprintf(current, sizeof(current), "%.1f", row->current_A);
    if (!isnan(row->limit_A))
        (void)snprintf(limit, sizeof(limit), " / %.4g", row->limit_A);
    (void)snprintf(ret, size, "%s%s", isnan(row->current_A) && !*limit ? "" : current, limit);
}

void top_row_text(const struct top_row *row, const struct top_layout *layout, char *ret, size_t size)
{
    char cells[8][200] = { 0 };
    (void)str_copy(cells[0], sizeof(cells[0]), row->station);
    (void)snprintf(cells[1], sizeof(cells[1]), "%d", row->evse);
    (void)str_copy(cells[2], sizeof(cells[2]), row->state);
    if (!isnan(row->power_W))
        power_text(row->power_W, cells[3], sizeof(cells[3]));
    if (!isnan(row->energy_Wh))
        energy_text(row->energy_Wh, cells[4], sizeof(cells[4]));
    current_text(row, cells[5], sizeof(cells[5]));
    if (row->started_ms)
        duration_text(layout->now_ms > row->started_ms ? (layout->now_ms - row->started_ms) / 1000 : 0,
                      cells[6], sizeof(cells[6]));
    (void)str_copy(cells[7], sizeof(cells[7]), row->link);
    *ret = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        str_make_harmless(cells[i]);
        add_cell(layout, i, cells[i], ret, size);
    }
    char attention[CELL_SIZE];
    size_t used = text_width(ret), left = layout->width > used ? layout->width - used : 0;
    (void)str_copy(attention, sizeof(attention), row->attention);
    str_make_harmless(attention);
    if (text_width(attention) < left)
        left = text_width(attention);
    text_fit(attention, left, false, ret + strlen(ret), size - strlen(ret));
    for (size_t end = strlen(ret); end > 0 && ret[end - 1] == ' ';)
        ret[--end] = '\0';
}

const char *top_row_style(const struct top_row *row)
{
    static const struct {
        const char *state, *style;
    } styles[] = { { "faulted", "31" },      { "offline", "31" },        { "charging", "32" },
                   { "suspended_ev", "33" }, { "suspended_evse", "33" }, { "connected", "36" } };
    if (row->severity == 2)
        return "31";
    for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
        if (str_equal(styles[i].state, row->state))
            return styles[i].style;
    return "";
}
