/* The table of what is watched (watch.h): a row for each point, and one for each measured value and state of an EVSE. */
#include "list.h"
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "connection.h"

#define MAX_ROWS      2000
#define HIGHLIGHT_MS  3000 /* how long a change is seen */
#define REDRAW_MS     250
#define READ_AGAIN_MS 1000

struct row {
    int evse;
    bool is_signal;
    char name[40], at[24], value[90], raw[48];
    bool is_good;
    int64_t changed_ms; /* 0: not since the beginning */
};

struct table {
    struct row rows[MAX_ROWS];
    size_t count;
    bool is_terminal, is_complete; /* the first picture of all is there */
    int64_t drawn_ms;
};

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void print_clock(void)
{
    char text[16] = "";
    struct tm parts;
    time_t now = time(NULL);
    if (localtime_r(&now, &parts))
        (void)strftime(text, sizeof(text), "%H:%M:%S", &parts);
    (void)printf("%s", text);
}

/* ---- rows ---- */

static struct row *find_row(struct table *t, int evse, bool is_signal, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].evse == evse && t->rows[i].is_signal == is_signal && str_equal(t->rows[i].name, name))
            return &t->rows[i];
    if (t->count == MAX_ROWS)
        return NULL;
    struct row *row = &t->rows[t->count++];
    *row = (struct row){ .evse = evse, .is_signal = is_signal };
    (void)str_copy(row->name, sizeof(row->name), name);
    return row;
}

/* `before` NULL: as it is at the beginning. */
static void tell_row(const struct row *row, const char *before)
{
    print_clock();
    (void)printf("  evse %-2d %-26s %-32s %s%-20s %-14s %s\n", row->evse, row->name, row->value,
                 before ? "was " : "    ", before ? before : "", row->is_signal ? "" : row->at, row->raw);
}

static void update(struct table *t, struct row *row, const char *value, bool is_good)
{
    if (str_equal(row->value, value) && row->is_good == is_good)
        return;
    char before[sizeof(row->value)];
    (void)str_copy(before, sizeof(before), row->value);
    (void)str_copy(row->value, sizeof(row->value), value);
    str_make_harmless(row->value); /* a device wrote it */
    row->is_good = is_good;
    if (!t->is_complete)
        return;
    row->changed_ms = now_ms();
    if (!t->is_terminal)
        tell_row(row, before);
}

/* 4 digits a group: registers as manuals show them. */
static void group_digits(const char *hex, char *ret, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; hex[i] && len + 3 < size; i++) {
        if (i && i % 4 == 0)
            ret[len++] = ' ';
        ret[len++] = hex[i];
    }
    ret[len] = '\0';
}

static void on_point(struct table *t, const json_t *event)
{
    struct row *row =
        find_row(t, (int)json_get_int(event, "evse", 0), false, json_get_string(event, "point", "?"));
    const json_t *value = json_object_get(event, "value");
    const char *quality = json_get_string(event, "quality", "none"),
               *unit = json_get_string(event, "unit", "");
    bool is_good = str_equal(quality, "good");
    char text[90];
    if (!row)
        return;
    if (json_is_string(value))
        (void)snprintf(text, sizeof(text), "\"%.60s\"%s%s", json_string_value(value), is_good ? "" : " ",
                       is_good ? "" : quality);
    else if (value)
        (void)snprintf(text, sizeof(text), "%.10g%s%s%s%s", json_number_value(value), *unit ? " " : "", unit,
                       is_good ? "" : "  ", is_good ? "" : quality);
    else
        (void)str_copy(text, sizeof(text), quality);
    (void)str_copy(row->at, sizeof(row->at), json_get_string(event, "at", ""));
    group_digits(json_get_string(event, "raw", ""), row->raw, sizeof(row->raw));
    update(t, row, text, is_good);
}

static void set_signal(struct table *t, int evse, const char *name, const char *value, bool is_good)
{
    struct row *row = find_row(t, evse, true, name);
    if (row)
        update(t, row, value, is_good);
}

static void on_signals(struct table *t, const json_t *event)
{
    int evse = (int)json_get_int(event, "evse", 0);
    bool online = json_get_bool(event, "online", false);
    const char *name;
    json_t *value;
    char text[40];
    set_signal(t, evse, "state", online ? json_get_string(event, "state", "?") : "SILENT", online);
    set_signal(t, evse, "fault", json_get_string(event, "fault", ""), true);
    set_signal(t, evse, "locked", json_get_bool(event, "locked", false) ? "yes" : "no", true);
    json_t *measured = json_object_get(event, "measured");
    for (size_t i = 0; i < t->count; i++) /* what is not measured any more */
        if (t->rows[i].is_signal && t->rows[i].evse == evse && t->rows[i].at[0] == '*' &&
            !json_object_get(measured, t->rows[i].name))
            update(t, &t->rows[i], "none", false);
    json_object_foreach(measured, name, value)
    {
        (void)snprintf(text, sizeof(text), "%.10g", json_number_value(value));
        set_signal(t, evse, name, text, true);
        struct row *row = find_row(t, evse, true, name);
        if (row)
            (void)str_copy(row->at, sizeof(row->at), "*");
    }
}

/* ---- the picture ---- */

static void draw_row(const struct row *row, int64_t at_ms, int width)
{
    char line[200];
    bool is_new = row->changed_ms && at_ms - row->changed_ms < HIGHLIGHT_MS;
    if (row->is_signal)
        (void)snprintf(line, sizeof(line), "  %-2d %-26s %s", row->evse, row->name, row->value);
    else
        (void)snprintf(line, sizeof(line), "  %-2d %-26s %-32s %-14s %s", row->evse, row->name, row->value,
                       row->at, row->raw);
    (void)printf("%s%.*s%s\033[K\n",
                 is_new         ? "\033[7m"
                 : row->is_good ? ""
                                : "\033[2m",
                 width, line, is_new || !row->is_good ? "\033[0m" : "");
}

/* From the top, as many rows as the terminal has; signals first. */
static void draw(struct table *t, const char *station)
{
    struct winsize size = { .ws_row = 50, .ws_col = 120 };
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    int left = size.ws_row > 6 ? size.ws_row - 6 : 4, width = size.ws_col > 20 ? size.ws_col - 1 : 79;
    size_t hidden = 0;
    t->drawn_ms = now_ms();
    (void)printf("\033[H%s  ", station);
    print_clock();
    (void)printf("  (Ctrl-C ends)\033[K\n\033[K\n");
    for (int signals = 1; signals >= 0; signals--) {
        for (size_t i = 0; i < t->count; i++) {
            if (t->rows[i].is_signal != (signals == 1))
                continue;
            if (left-- > 0)
                draw_row(&t->rows[i], t->drawn_ms, width);
            else
                hidden++;
        }
        if (signals)
            (void)printf("\033[K\n");
    }
    if (hidden)
        (void)printf("... and %zu more; a larger window shows them\033[K", hidden);
    (void)printf("\033[J");
    (void)fflush(stdout);
}

/* ---- what comes ---- */

static void tell_write(const json_t *event)
{
    const json_t *value = json_object_get(event, "value");
    char text[80];
    if (json_is_string(value))
        (void)snprintf(text, sizeof(text), "\"%.70s\"", json_string_value(value));
    else
        (void)snprintf(text, sizeof(text), "%.10g", json_number_value(value));
    str_make_harmless(text);
    print_clock();
    (void)printf("  evse %-2d %-26s %-32s written: %s\n", (int)json_get_int(event, "evse", 0),
                 json_get_string(event, "point", "?"), text, json_get_string(event, "result", "?"));
}

static void on_event(struct table *t, const json_t *event)
{
    const char *kind = json_get_string(event, "event", "");
    if (str_equal(kind, "point"))
        on_point(t, event);
    else if (str_equal(kind, "signals"))
        on_signals(t, event);
    else if (str_equal(kind, "write") && !t->is_terminal)
        tell_write(event);
}

/* Draws when something came, but not too often; and again while something is highlighted. */
static void draw_if_due(struct table *t, const char *station)
{
    if (t->is_terminal && now_ms() - t->drawn_ms >= REDRAW_MS)
        draw(t, station);
}

/* All that was there at the beginning is complete. */
static void tell_all(struct table *t)
{
    for (size_t i = 0; i < t->count && !t->is_terminal; i++)
        tell_row(&t->rows[i], NULL);
    t->is_complete = true;
    (void)fflush(stdout);
}

static void show_event(const struct cli *cli, struct table *t, const json_t *event)
{
    if (!json_object_get(event, "event"))
        return; /* some were lost: all is read anew */
    if (cli->json)
        (void)json_dumpf(event, stdout, JSON_COMPACT), (void)putchar('\n');
    else
        on_event(t, event);
    (void)fflush(stdout);
}

/* What is there. False: nobody tells. */
static bool show_points(const struct cli *cli, struct table *t, const char *station)
{
    AUTO_FREE char *path = api_path("/stations/%s/points", station);
    AUTO(json_t) *now = path ? api_list(cli, path, 0) : NULL;
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(now, "items"), index, event) show_event(cli, t, event);
    return now != NULL;
}

/* What is there, then what changes; after a gap again all that is there. */
static void follow_points(const struct cli *cli, struct event_stream *stream, struct table *t,
                          const char *station)
{
    struct cli patient = *cli; /* while the gateway makes the station anew, it is not there */
    int64_t read_ms = 0;
    patient.is_silent = true;
    if (!show_points(cli, t, station))
        return;
    if (!cli->json)
        tell_all(t);
    while (!stream->ended) {
        json_t *event = event_stream_next(stream, REDRAW_MS);
        if (event)
            show_event(cli, t, event);
        json_decref(event);
        if (stream->has_gap && now_ms() - read_ms >= READ_AGAIN_MS) {
            stream->has_gap = !show_points(&patient, t, station);
            read_ms = now_ms();
        }
        if (!cli->json)
            draw_if_due(t, station);
    }
}

int watch_station(const struct cli *cli, const char *station)
{
    struct event_stream stream = { 0 };
    AUTO_FREE char *path = api_path("/stream?types=point,signals,write&station=%s", station);
    struct table *t = calloc(1, sizeof(*t));
    if (t && event_stream_open(&stream, cli, path) == 0) {
        t->is_terminal = isatty(STDOUT_FILENO) == 1;
        if (t->is_terminal && !cli->json)
            (void)printf("\033[2J");
        follow_points(cli, &stream, t, station);
    }
    event_stream_close(&stream);
    free(t);
    return EXIT_FAILURE;
}
