/* Tables for people: aligned, as wide as the terminal where there is one. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CELL_SIZE 400

/* Writes what stands in a cell; `value` is the member of the item, or NULL if it has none. "" leaves it empty. */
typedef void (*cell_writer)(const json_t *value, char *ret, size_t size);

/* A row of the list of columns, which ends with a title of NULL. */
struct column {
    const char *title;
    const char *member; /* "stations.total": of an object within; NULL: the item as a whole */
    cell_writer write;
    bool is_number; /* stands at the right */
    bool gives_way; /* is cut off where the terminal is narrow */
};

/* Prints a head and a row for each item; nothing but `none` if there are none. */
void table_print(const json_t *items, const struct column *columns, const char *none);
/* Columns of a terminal that the text takes. */
size_t text_width(const char *text);
/* The text cut off, or filled with blanks, to `width` columns. */
void text_fit(const char *text, size_t width, bool at_right, char *ret, size_t size);
/* Of the terminal; 0: standard output is none. */
size_t terminal_width(void);

/* ---- cells ---- */

void cell_text(const json_t *value, char *ret, size_t size);     /* texts, numbers, true: as they are */
void cell_list(const json_t *value, char *ret, size_t size);     /* "a, b" */
void cell_power(const json_t *value, char *ret, size_t size);    /* W: "11.0 kW" */
void cell_energy(const json_t *value, char *ret, size_t size);   /* Wh: "4.21 kWh" */
void cell_current(const json_t *value, char *ret, size_t size);  /* A: "16.0 A" */
void cell_time(const json_t *value, char *ret, size_t size);     /* RFC 3339: "2026-01-31 12:00:00", local */
void cell_duration(const json_t *value, char *ret, size_t size); /* s: "1:02:03" */
void cell_yes(const json_t *value, char *ret, size_t size);      /* "yes" or "" */

void power_text(double power_W, char *ret, size_t size);
void energy_text(double energy_Wh, char *ret, size_t size);
void duration_text(long long seconds, char *ret, size_t size);

#endif
