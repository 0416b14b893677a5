/* What `ocpp-cli top` shows: a row for each EVSE, chosen, sorted and written. */
#ifndef CLI_TOP_ROWS_H
#define CLI_TOP_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum top_order {
    ORDER_STATION,
    ORDER_STATE,
    ORDER_POWER,
    ORDER_ENERGY,
    ORDER_CURRENT,
    ORDER_TIME,
    ORDER_LINK,
    ORDER_ATTENTION,
    ORDERS
};
extern const char *const top_order_names[ORDERS];
extern const char top_order_keys[ORDERS]; /* the key that sorts by it */

/* Texts are the JSON's. */
struct top_row {
    const char *station, *state, *link, *attention; /* "": none */
    int evse, severity;                             /* 2 error, 1 warning, 0 nothing */
    double power_W, energy_Wh, current_A, limit_A;  /* NAN: not known */
    int64_t started_ms;                             /* of its transaction; 0: none */
};

struct top_rows {
    struct top_row *list;
    size_t count;
    size_t all, stations, linked,
        wrong; /* EVSEs, stations, those with a link, EVSEs with an error: without the filter */
    double power_W;
    json_t *states; /* name -> how many EVSEs, without the filter */
};

/* Rows of the stations (id -> item of GET /stations) that have the text in them; "": all. Valid while those are. 0 or -ENOMEM. */
int top_rows_make(const json_t *stations, const char *filter, struct top_rows *ret);
void top_rows_done(struct top_rows *rows);
void top_rows_sort(struct top_rows *rows, enum top_order order, bool is_reversed);

/* Head and row as text of `width` columns at most; `id_width` of the stations' names. `now_ms`: the gateway's clock. */
struct top_layout {
    size_t id_width, width;
    int64_t now_ms;
};
size_t top_id_width(const struct top_rows *rows);
void top_head(const struct top_layout *layout, char *ret, size_t size);
void top_row_text(const struct top_row *row, const struct top_layout *layout, char *ret, size_t size);
/* How it is drawn: a style of screen_line(). */
const char *top_row_style(const struct top_row *row);

#endif
