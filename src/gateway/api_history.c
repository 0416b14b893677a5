/* Routes about transactions that were, and those that run. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/api_routes.h"

#define CSV_PAGE      1000
#define CSV_MAX_ROWS  100000
#define CSV_MAX_BYTES (15u << 20) /* what one answer may hold */

static bool read_filter(struct api_request *request, struct history_filter *ret)
{
    int64_t evse = 0;
    if (str_copy(ret->station, sizeof(ret->station), api_query(request, "station", "")) < 0 ||
        str_copy(ret->text, sizeof(ret->text), api_query(request, "q", "")) < 0 ||
        str_copy(ret->state, sizeof(ret->state), api_query(request, "state", "")) < 0) {
        api_problem(request, 400, "station, q or state is too long");
        return false;
    }
    if (str_to_int(api_query(request, "evse", "0"), 0, STATION_MAX_EVSES, &evse) < 0) {
        api_problem(request, 400, "evse: expected a number from 1 to %d", STATION_MAX_EVSES);
        return false;
    }
    ret->evse = (int)evse;
    return api_query_time(request, "since", &ret->since_ms) &&
           api_query_time(request, "until", &ret->until_ms);
}

/* Answers why a search does not go. */
static void refuse(struct api_request *request, int err)
{
    if (err == -EINVAL)
        api_problem(request, 400, "state: expected running or ended");
    else if (err == -ETIMEDOUT)
        api_problem(request, 503, "the search takes too long; narrow it down");
    else
        api_problem(request, 503, "the history cannot be searched now");
}

/* ---- pages ---- */

static void on_page(void *ctx, int err, json_t *page)
{
    struct api_request *request = ctx;
    size_t offset, limit;
    if (err < 0 || !page) {
        refuse(request, err);
    } else if (api_page(request, &offset, &limit)) {
        (void)json_set_optional(page, "offset", json_integer((json_int_t)offset));
        (void)json_set_optional(page, "limit", json_integer((json_int_t)limit));
        api_answer(request, 200, page);
        return;
    }
    json_decref(page);
}

static void get_transactions(struct api_request *request)
{
    struct history_filter filter = { 0 };
    if (!read_filter(request, &filter) || !api_page(request, &filter.offset, &filter.limit))
        return;
    int r = history_find_transactions(api_gateway(request)->history, &filter, on_page, request);
    if (r < 0)
        refuse(request, r);
}

/* ---- CSV ---- */

static const char *const columns[] = {
    "station",  "evse",          "id",          "idToken",         "idTokenType",   "startedAt", "endedAt",
    "energyWh", "energyStartWh", "energyEndWh", "durationSeconds", "stoppedReason", "state",
};

struct csv {
    struct gateway *gateway;
    struct api_request *request; /* gone with the API */
    struct history_filter filter;
    struct buf out;
};

/* Quoted where it must be; what a spreadsheet would take for a formula gets an apostrophe before it. */
static void print_text(struct buf *out, const char *text)
{
    bool is_formula = *text && strchr("=+-@\t\r", *text);
    if (!is_formula && text[strcspn(text, ",\"\r\n")] == '\0') {
        buf_text(out, text);
        return;
    }
    buf_u8(out, '"');
    if (is_formula)
        buf_u8(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            buf_u8(out, '"');
        buf_u8(out, (uint8_t)*text);
    }
    buf_u8(out, '"');
}

static void print_row(struct buf *out, const json_t *item)
{
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        const json_t *value = json_object_get(item, columns[i]);
        if (i > 0)
            buf_u8(out, ',');
        if (json_is_string(value))
            print_text(out, json_string_value(value));
        else if (json_is_integer(value))
            buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_real(value))
            buf_printf(out, "%.10g", json_real_value(value));
    }
    buf_text(out, "\r\n");
}

static void csv_free(struct csv *csv)
{
    buf_done(&csv->out);
    free(csv);
}

/* The next page follows when the last one is there: no search holds up another for long. */
static void on_csv_page(void *ctx, int err, json_t *page)
{
    struct csv *csv = ctx;
    struct api_request *request = csv->request;
    const json_t *items = json_object_get(page, "items"), *item;
    size_t index, count = json_array_size(items);
    json_array_foreach(items, index, item) print_row(&csv->out, item);
    csv->filter.offset += count;
    bool is_too_long = json_get_int(page, "total", 0) > CSV_MAX_ROWS || csv->out.err == -EMSGSIZE;
    if (csv->out.err && !is_too_long)
        err = csv->out.err;
    json_decref(page);
    if (!csv->gateway->management) {
        csv_free(csv);
        return;
    }
    bool goes_on = err == 0 && !is_too_long && count == CSV_PAGE;
    if (goes_on) {
        err = history_find_transactions(api_gateway(request)->history, &csv->filter, on_csv_page, csv);
        if (err == 0)
            return;
    }
    if (err < 0)
        refuse(request, err);
    else if (is_too_long) /* a table that is cut off would pass for the whole one */
        api_problem(request, 413, "these are more than %d, or %u MiB; narrow it down by since and until",
                    CSV_MAX_ROWS, CSV_MAX_BYTES >> 20);
    else
        api_answer_text(request, 200, "text/csv; charset=utf-8; header=present", buf_string(&csv->out));
    csv_free(csv);
}

static void get_csv(struct api_request *request)
{
    struct csv *csv = calloc(1, sizeof(*csv));
    if (!csv) {
        api_problem(request, 503, "out of memory");
        return;
    }
    csv->gateway = api_gateway(request);
    csv->request = request;
    csv->filter.limit = CSV_PAGE;
    buf_init(&csv->out, CSV_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        buf_printf(&csv->out, "%s%s", i ? "," : "", columns[i]);
    buf_text(&csv->out, "\r\n");
    if (!read_filter(request, &csv->filter)) {
        csv_free(csv);
        return;
    }
    int r = history_find_transactions(api_gateway(request)->history, &csv->filter, on_csv_page, csv);
    if (r < 0) {
        refuse(request, r);
        csv_free(csv);
    }
}

const struct api_route api_history_routes[] = {
    { HTTP_GET, API_PREFIX "/transactions", ROLE_VIEWER, get_transactions, "transactions, newest first",
      "station,evse,state,since,until,q,offset,limit" },
    { HTTP_GET, API_PREFIX "/transactions.csv", ROLE_VIEWER, get_csv, "all of them as CSV",
      "station,evse,state,since,until,q" },
    { 0 },
};
