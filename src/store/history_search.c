/* Searching the history's tables: a page of the rows that a filter lets through, and how many there are in all. */
#include "store/history_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "store/database.h"

#define SQL_MAX 2048

/* A table to be searched. */
struct search {
    const char *table, *columns, *order;
    const char *time; /* the column that since and until speak of */
    const char *
        text; /* the condition that the filter's text makes; :text is a LIKE pattern, :kept what is kept of a token */
    json_t *(*item)(sqlite3_stmt *row);
};

void history_shorten_token(const char *token, char ret[HISTORY_TOKEN_SIZE])
{
    size_t len = strlen(token);
    (void)snprintf(ret, HISTORY_TOKEN_SIZE, "..%.4s", len > 4 ? token + len - 4 : token);
}

/* ---- rows ---- */

static void set_text(json_t *item, const char *key, sqlite3_stmt *row, int column)
{
    (void)json_set_text(item, key, (const char *)sqlite3_column_text(row, column));
}

static bool is_null(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL;
}

static void set_time(json_t *item, const char *key, sqlite3_stmt *row, int column)
{
    char text[TIMESTAMP_SIZE];
    if (is_null(row, column))
        return;
    timestamp_format(sqlite3_column_int64(row, column), text);
    (void)json_set_text(item, key, text);
}

static void set_number(json_t *item, const char *key, double number)
{
    if (isfinite(number)) /* without the noise of a difference of floats */
        (void)json_set_optional(item, key, json_real(round(number * 1000) / 1000));
}

static double number_of(sqlite3_stmt *row, int column)
{
    return is_null(row, column) ? (double)NAN : sqlite3_column_double(row, column);
}

static json_t *session_item(sqlite3_stmt *row)
{
    json_t *item = json_object();
    set_text(item, "station", row, 0);
    set_text(item, "id", row, 1);
    if (!is_null(row, 2))
        (void)json_set_optional(item, "evse", json_integer(sqlite3_column_int64(row, 2)));
    set_text(item, "idToken", row, 3);
    set_text(item, "idTokenType", row, 4);
    set_time(item, "startedAt", row, 5);
    set_time(item, "endedAt", row, 6);
    set_time(item, "updatedAt", row, 7);
    set_number(item, "energyStartWh", number_of(row, 8));
    set_number(item, "energyEndWh", number_of(row, 9));
    set_number(item, "energyWh", number_of(row, 9) - number_of(row, 8));
    if (!is_null(row, 5)) {
        int64_t until_ms = sqlite3_column_int64(row, is_null(row, 6) ? 7 : 6);
        int64_t duration_ms = until_ms - sqlite3_column_int64(row, 5);
        (void)json_set_optional(item, "durationSeconds",
                                json_integer(duration_ms > 0 ? duration_ms / 1000 : 0));
    }
    set_text(item, "stoppedReason", row, 10);
    set_text(item, "chargingState", row, 11);
    (void)json_set_text(item, "state", is_null(row, 6) ? "running" : "ended");
    return item;
}

static void set_json(json_t *item, const char *key, sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    json_t *value = text ? json_from_text(text, strlen(text)) : NULL;
    if (value)
        (void)json_set_optional(item, key, value);
    else
        set_text(item, key, row, column);
}

static json_t *audit_item(sqlite3_stmt *row)
{
    static const char *const texts[] = { "user", "role", "peer", "action", "target" };
    json_t *item = json_object();
    (void)json_set_optional(item, "id", json_integer(sqlite3_column_int64(row, 0)));
    set_time(item, "time", row, 1);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        (void)json_set_optional(item, texts[i],
                                json_string((const char *)sqlite3_column_text(row, (int)i + 2)));
    set_json(item, "before", row, 7);
    set_json(item, "after", row, 8);
    return item;
}

static const struct search sessions = {
    .table = "session",
    .columns = "station, id, evse, id_token, id_token_type, started, ended, updated, first_Wh, last_Wh,"
               " stopped_reason, charging_state",
    .order = "began DESC, n DESC",
    .time = "began",
    .text =
        "(id LIKE :text ESCAPE '\\' OR id_token LIKE :text ESCAPE '\\' OR id_token = :kept COLLATE NOCASE "
        "OR stopped_reason LIKE :text ESCAPE '\\')",
    .item = session_item,
};
static const struct search audit = {
    .table = "audit",
    .columns = "n, time, user, role, peer, action, target, before, after",
    .order = "time DESC, n DESC",
    .time = "time",
    .text = "(user LIKE :text ESCAPE '\\' OR action LIKE :text ESCAPE '\\' OR target LIKE :text ESCAPE '\\')",
    .item = audit_item,
};

/* ---- the statement ---- */

/* Only what filters stands in the statement, so that an index can serve it. */
static void add_conditions(struct buf *sql, const struct search *search, const struct history_filter *filter)
{
    (void)buf_text(sql, " WHERE 1");
    if (*filter->station)
        (void)buf_text(sql, " AND station = :station");
    if (filter->evse)
        (void)buf_text(sql, " AND evse = :evse");
    if (*filter->state)
        (void)buf_printf(sql, " AND ended IS %sNULL", str_equal(filter->state, "running") ? "" : "NOT ");
    if (filter->since_ms)
        (void)buf_printf(sql, " AND %s >= :since", search->time);
    if (filter->until_ms)
        (void)buf_printf(sql, " AND %s < :until", search->time);
    if (*filter->text)
        (void)buf_printf(sql, " AND %s", search->text);
}

/* "50%_" becomes "%50\%\_%". */
static void like_pattern(const char *text, char *ret, size_t size)
{
    size_t at = 0;
    ret[at++] = '%';
    for (; *text && at + 4 < size; text++) {
        if (strchr("%_\\", *text))
            ret[at++] = '\\';
        ret[at++] = *text;
    }
    ret[at++] = '%';
    ret[at] = '\0';
}

static void bind_text(sqlite3_stmt *statement, const char *name, const char *text)
{
    int at = sqlite3_bind_parameter_index(statement, name);
    if (at)
        (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
}

static void bind_filter(sqlite3_stmt *statement, const struct history_filter *filter)
{
    char pattern[2 * sizeof(filter->text) + 4], kept[HISTORY_TOKEN_SIZE];
    const struct {
        const char *name;
        int64_t number;
    } numbers[] = { { ":evse", filter->evse },
                    { ":since", filter->since_ms },
                    { ":until", filter->until_ms },
                    { ":limit", (int64_t)filter->limit },
                    { ":offset", (int64_t)filter->offset } };
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) { /* 0, an index that is none: it does not filter */
        int at = sqlite3_bind_parameter_index(statement, numbers[i].name);
        if (at)
            (void)sqlite3_bind_int64(statement, at, numbers[i].number);
    }
    like_pattern(filter->text, pattern, sizeof(pattern));
    history_shorten_token(filter->text, kept);
    bind_text(statement, ":station", filter->station);
    bind_text(statement, ":text", pattern);
    bind_text(statement, ":kept", kept);
}

static int search_error(sqlite3 *db, int code)
{
    return code == SQLITE_INTERRUPT ? -ETIMEDOUT : database_error(db, code);
}

/* Each row of the statement goes to `items`, as an item; without items the one row is a number. */
static int run_search(sqlite3 *db, struct buf *sql, const struct search *search,
                      const struct history_filter *filter, json_t *items, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    if (sql->err < 0)
        return sql->err;
    int code = sqlite3_prepare_v2(db, buf_string(sql), -1, &statement, NULL);
    if (code == SQLITE_OK)
        bind_filter(statement, filter);
    int r = search_error(db, code);
    while (r == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (items && json_array_append_new(items, search->item(statement)) < 0)
            r = -ENOMEM;
        else if (!items)
            *ret_number = sqlite3_column_int64(statement, 0);
    }
    if (r == 0)
        r = search_error(db, code);
    (void)sqlite3_finalize(statement);
    return r;
}

static int find(struct history_rows *rows, const struct search *search, const struct history_filter *filter,
                json_t **ret_page)
{
    struct history_filter bounded = *filter;
    struct buf sql;
    int64_t total = 0;
    AUTO(json_t) *items = json_array();
    bounded.limit = filter->limit == 0                 ? 1
                    : filter->limit > HISTORY_PAGE_MAX ? HISTORY_PAGE_MAX
                                                       : filter->limit;
    if (!items)
        return -ENOMEM;
    buf_init(&sql, SQL_MAX);
    (void)buf_printf(&sql, "SELECT count(*) FROM %s", search->table);
    add_conditions(&sql, search, &bounded);
    int r = run_search(rows->db, &sql, search, &bounded, NULL, &total);
    if (r == 0 && (uint64_t)total > bounded.offset) {
        buf_clear(&sql);
        (void)buf_printf(&sql, "SELECT %s FROM %s", search->columns, search->table);
        add_conditions(&sql, search, &bounded);
        (void)buf_printf(&sql, " ORDER BY %s LIMIT :limit OFFSET :offset", search->order);
        r = run_search(rows->db, &sql, search, &bounded, items, NULL);
    }
    buf_done(&sql);
    if (r < 0)
        return r;
    *ret_page = json_pack("{s:O, s:I}", "items", items, "total", (json_int_t)total);
    return *ret_page ? 0 : -ENOMEM;
}

int history_rows_find_transactions(struct history_rows *rows, const struct history_filter *filter,
                                   json_t **ret_page)
{
    return find(rows, &sessions, filter, ret_page);
}

int history_rows_find_audit(struct history_rows *rows, const struct history_filter *filter, json_t **ret_page)
{
    struct history_filter own = *filter;
    own.station[0] = own.state[0] = '\0';
    own.evse = 0;
    return find(rows, &audit, &own, ret_page);
}
