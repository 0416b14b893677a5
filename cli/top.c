/* The list of stations, then their changes as the gateway tells them (top.h). One that breaks off is taken up again; since something may have been missed, the
 * list is fetched anew then, and once a minute. The picture is drawn four times a second at most, whatever comes. */
#include "top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "connection.h"
#include "list.h"
#include "screen.h"
#include "table.h"
#include "top_rows.h"

#define KEY_WAIT_MS 100
#define REDRAW_MS   250
#define TICK_MS     1000 /* times go on also while nothing comes */
#define LIST_MS     60000
#define RETRY_MS    1000
#define REQUEST_MS  5000
#define MAX_EVENTS  5000 /* taken between two pictures */
#define HEAD_LINES  5    /* above and below the rows */
#define TABLE_WIDTH 400  /* of a table without a terminal */
#define BACKSPACE   0x7F
#define LINE_SIZE   1024

enum { SORT, FIND };

const struct cli_option top_options[] = {
    [SORT] = { "sort", "station|state|power|energy|current|time|link|attention", "by what (default station)",
               's' },
    [FIND] = { "find", "TEXT", "only those that have this text in them", 'f' },
    { 0 },
};

struct top {
    const struct cli *cli;
    struct cli patient; /* as `cli`, but says nothing and does not wait long */
    struct event_stream stream;
    struct screen screen;
    json_t *stations; /* id -> item */
    char version[32];
    int64_t clock_ms; /* the gateway's clock, ahead of ours */
    int64_t drawn_ms, listed_ms, retry_ms;
    enum top_order order;
    bool is_reversed, is_typing, is_wanted; /* is_wanted: something is to be drawn */
    bool is_lost;                           /* the list could not be fetched anew */
    char filter[64];
    size_t first, page; /* row at the top; rows that fit */
};

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- what there is ---- */

static bool load(struct top *t, const struct cli *cli)
{
    AUTO(json_t) *overview = api_ask(cli, "GET", "/overview", NULL);
    AUTO(json_t) *list = overview ? api_list(cli, "/stations", 0) : NULL;
    json_t *stations = list ? json_object() : NULL, *item;
    int64_t gateway_ms = 0;
    size_t index;
    t->listed_ms = now_ms();
    if (!stations)
        return false;
    json_array_foreach(json_object_get(list, "items"), index, item)
    {
        (void)json_object_set(stations, json_get_string(item, "id", ""), item);
    }
    json_decref(t->stations);
    t->stations = stations;
    if (timestamp_parse(json_get_string(overview, "time", ""), &gateway_ms) == 0)
        t->clock_ms = gateway_ms - wall_ms();
    (void)str_copy(t->version, sizeof(t->version), json_get_string(overview, "version", "?"));
    t->is_wanted = true;
    return true;
}

static void on_event(struct top *t, json_t *event)
{
    const char *id = json_get_string(event, "id", NULL);
    if (id && json_object_get(event, "evses"))
        (void)json_object_set(t->stations, id, event);
    t->is_wanted = true;
}

static void take_events(struct top *t)
{
    bool was_open = t->stream.is_open;
    for (int i = 0; i < MAX_EVENTS; i++) {
        AUTO(json_t) *event = event_stream_next(&t->stream, 0);
        if (!event)
            break;
        on_event(t, event);
    }
    t->is_wanted = t->is_wanted || was_open != t->stream.is_open;
    if ((!was_open && t->stream.is_open) || t->stream.has_gap)
        t->listed_ms = 0;
    t->stream.has_gap = false;
    int64_t now = now_ms();
    if (!t->stream.is_open && !t->stream.easy && now >= t->retry_ms) {
        event_stream_resume(&t->stream);
        t->retry_ms = now + RETRY_MS;
    } else if (t->stream.is_open && (t->listed_ms == 0 || now - t->listed_ms >= LIST_MS)) {
        t->is_lost = !load(t, &t->patient);
    }
}

/* ---- the picture ---- */

static void add_states(const struct top_rows *rows, char *ret, size_t size)
{
    const char *state;
    json_t *count;
    json_object_foreach(rows->states, state, count)
    {
        size_t len = strlen(ret);
        (void)snprintf(ret + len, size - len, ", %lld %s", (long long)json_integer_value(count), state);
    }
}

static void draw_head(struct top *t, const struct top_rows *rows)
{
    char line[LINE_SIZE], clock[16] = "", power[32];
    time_t seconds = (time_t)((wall_ms() + t->clock_ms) / 1000);
    struct tm parts;
    bool is_well = t->stream.is_open && !t->is_lost;
    if (localtime_r(&seconds, &parts))
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
    (void)snprintf(line, sizeof(line), "ocpp-gateway %s  %s  %s", t->version, clock,
                   is_well ? "" : "NO CONNECTION to the gateway, trying again");
    screen_line(&t->screen, is_well ? "1" : "1;31", line);
    power_text(rows->power_W, power, sizeof(power));
    (void)snprintf(line, sizeof(line), "%zu stations, %zu with a link  %s  %zu EVSEs", rows->stations,
                   rows->linked, power, rows->all);
    add_states(rows, line, sizeof(line));
    screen_line(&t->screen, "", line);
    size_t last = t->first + t->page < rows->count ? t->first + t->page : rows->count;
    (void)snprintf(line, sizeof(line), "%zu-%zu of %zu, by %s%s%s%s%s", rows->count ? t->first + 1 : 0, last,
                   rows->count, top_order_names[t->order], t->is_reversed ? ", reversed" : "",
                   *t->filter || t->is_typing ? "  find: " : "", t->filter, t->is_typing ? "_" : "");
    screen_line(&t->screen, "", line);
}

static void draw_keys(struct top *t)
{
    char line[LINE_SIZE] = "q quit  / find  r reverse  sort:";
    for (size_t i = 0; i < ORDERS; i++)
        (void)snprintf(line + strlen(line), sizeof(line) - strlen(line), " %c %s", top_order_keys[i],
                       top_order_names[i]);
    screen_line(&t->screen, "", t->is_typing ? "Enter keeps the filter, Esc clears it" : line);
}

/* So that the last page is full. */
static void keep_in_range(struct top *t, size_t count)
{
    t->page = t->screen.rows > HEAD_LINES ? (size_t)(t->screen.rows - HEAD_LINES) : 1;
    size_t most = count > t->page ? count - t->page : 0;
    t->first = t->first < most ? t->first : most;
}

static void draw(struct top *t)
{
    struct top_rows rows;
    char line[LINE_SIZE];
    (void)top_rows_make(t->stations, t->filter, &rows);
    top_rows_sort(&rows, t->order, t->is_reversed);
    keep_in_range(t, rows.count);
    struct top_layout layout = { top_id_width(&rows), (size_t)t->screen.columns, wall_ms() + t->clock_ms };
    draw_head(t, &rows);
    top_head(&layout, line, sizeof(line));
    screen_line(&t->screen, "7", line);
    for (size_t i = 0; i < t->page; i++) {
        const struct top_row *row = t->first + i < rows.count ? &rows.list[t->first + i] : NULL;
        if (row)
            top_row_text(row, &layout, line, sizeof(line));
        screen_line(&t->screen, row ? top_row_style(row) : "", row ? line : "");
    }
    draw_keys(t);
    screen_show(&t->screen);
    top_rows_done(&rows);
    t->drawn_ms = now_ms();
    t->is_wanted = false;
}

/* ---- keys ---- */

static void on_typed(struct top *t, int key)
{
    size_t len = strlen(t->filter);
    if (key == '\n' || key == '\r')
        t->is_typing = false;
    else if (key == KEY_ESCAPE) {
        t->filter[0] = '\0';
        t->is_typing = false;
    } else if ((key == BACKSPACE || key == '\b') && len > 0)
        t->filter[len - 1] = '\0';
    else if (key >= ' ' && key < BACKSPACE && len + 1 < sizeof(t->filter)) {
        t->filter[len] = (char)key;
        t->filter[len + 1] = '\0';
    }
    t->first = 0;
}

static void sort_by_key(struct top *t, int key)
{
    for (size_t i = 0; i < ORDERS; i++)
        if (key == top_order_keys[i]) {
            t->order = (enum top_order)i;
            t->first = 0;
        }
}

static void scroll(struct top *t, int key)
{
    size_t back = key == KEY_PAGE_UP ? t->page : 1, on = key == KEY_PAGE_DOWN || key == ' ' ? t->page : 1;
    if (key == KEY_UP || key == 'k' || key == KEY_PAGE_UP)
        t->first -= back < t->first ? back : t->first;
    else if (key == KEY_DOWN || key == 'j' || key == KEY_PAGE_DOWN || key == ' ')
        t->first += on; /* keep_in_range() */
    else if (key == KEY_HOME || key == 'g')
        t->first = 0;
    else if (key == KEY_END || key == 'G')
        t->first = SIZE_MAX / 2;
}

/* False: enough. */
static bool on_key(struct top *t, int key)
{
    if (key == KEY_QUIT)
        return false;
    t->is_wanted = true;
    t->drawn_ms = 0; /* who presses a key wants to see it */
    if (key == KEY_RESIZED)
        return true;
    if (t->is_typing) {
        on_typed(t, key);
        return true;
    }
    if (key == 'q')
        return false;
    if (key == '/')
        t->is_typing = true;
    else if (key == KEY_ESCAPE)
        t->filter[0] = '\0';
    else if (key == 'r')
        t->is_reversed = !t->is_reversed;
    else
        sort_by_key(t, key), scroll(t, key);
    return true;
}

/* ---- the command ---- */

static void show_live(struct top *t)
{
    for (bool goes_on = true; goes_on;) {
        int64_t since_ms = now_ms() - t->drawn_ms;
        if ((t->is_wanted && since_ms >= REDRAW_MS) || since_ms >= TICK_MS)
            draw(t);
        int key = screen_key(&t->screen, KEY_WAIT_MS);
        goes_on = key == KEY_NONE || on_key(t, key);
        take_events(t);
    }
}

/* For who has no terminal: all, once. */
static int print_once(struct top *t)
{
    struct top_rows rows;
    char line[LINE_SIZE];
    if (!load(t, t->cli))
        return EXIT_FAILURE;
    int r = top_rows_make(t->stations, t->filter, &rows);
    top_rows_sort(&rows, t->order, false);
    struct top_layout layout = { top_id_width(&rows), TABLE_WIDTH, wall_ms() + t->clock_ms };
    top_head(&layout, line, sizeof(line));
    (void)puts(line);
    for (size_t i = 0; i < rows.count; i++) {
        top_row_text(&rows.list[i], &layout, line, sizeof(line));
        (void)puts(line);
    }
    top_rows_done(&rows);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int live(struct top *t)
{
    int r = event_stream_open(&t->stream, t->cli, "/stream?types=station");
    if (r == 0 && !load(t, t->cli))
        r = -1;
    if (r == 0) {
        t->stream.by_hand = true;
        t->stream.cli = &t->patient;
        r = screen_begin(&t->screen);
        if (r == 0)
            show_live(t);
        screen_end(&t->screen);
    }
    event_stream_close(&t->stream);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_json(const struct cli *cli)
{
    AUTO(json_t) *list = api_list(cli, "/stations", 0);
    if (list)
        cli_print_json(list);
    return list ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_top(const struct cli *cli, int argc, char **argv)
{
    const char *sort = cli->values[SORT] ? cli->values[SORT] : top_order_names[ORDER_STATION];
    (void)argc;
    (void)argv;
    struct top t = { .cli = cli, .patient = *cli };
    t.patient.is_silent = true;
    t.patient.timeout_ms = REQUEST_MS;
    while (t.order < ORDERS && !str_equal(top_order_names[t.order], sort))
        t.order++;
    if (t.order == ORDERS)
        return cli_complain("%s: expected --sort %s", sort, top_options[SORT].argument);
    if (str_copy(t.filter, sizeof(t.filter), cli->values[FIND] ? cli->values[FIND] : "") < 0)
        return cli_complain("--find: at most 63 characters");
    if (cli->json)
        return print_json(cli);
    int code = screen_is_there() ? live(&t) : print_once(&t);
    json_decref(t.stations);
    return code;
}
