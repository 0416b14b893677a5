/* Transactions in SQLite. Events are the truth; the row of a transaction is kept beside them for quick reading. */
#include "database.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"

#define BUSY_MS 500 /* someone may be looking into the file */

struct database {
    sqlite3 *db;
};

static const char schema[] = "PRAGMA journal_mode = WAL;"
                             "CREATE TABLE IF NOT EXISTS event (station TEXT, transaction_id TEXT, seq_no "
                             "INTEGER, type TEXT, time INTEGER,"
                             " payload TEXT, PRIMARY KEY (station, transaction_id, seq_no)) WITHOUT ROWID;"
                             "CREATE TABLE IF NOT EXISTS transactions (number INTEGER PRIMARY KEY, station "
                             "TEXT, id TEXT, evse INTEGER,"
                             " token TEXT, started INTEGER, ended INTEGER, first_Wh REAL, last_Wh REAL, "
                             "reason TEXT, UNIQUE (station, id));";

int database_open(const char *path, struct database **ret)
{
    struct database *database = calloc(1, sizeof(*database));
    if (!database)
        return -ENOMEM;
    *ret = database;
    if (sqlite3_open(path ? path : ":memory:", &database->db) == SQLITE_OK &&
        sqlite3_busy_timeout(database->db, BUSY_MS) == SQLITE_OK &&
        sqlite3_exec(database->db, schema, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    (void)fprintf(stderr, "ocpp-csms: database %s: %s\n", path ? path : "in memory",
                  sqlite3_errmsg(database->db));
    return -EIO;
}

void database_close(struct database *database)
{
    if (!database)
        return;
    (void)sqlite3_close(database->db);
    free(database);
}

/* ---- writing ---- */

/* The import register in Wh, or NAN, of one sampledValue. */
static double register_Wh(const json_t *sample)
{
    const json_t *unit = json_object_get(sample, "unitOfMeasure");
    if (!str_equal(json_get_string(sample, "measurand", "Energy.Active.Import.Register"),
                   "Energy.Active.Import.Register") ||
        json_object_get(sample, "phase"))
        return NAN;
    double factor = str_equal(json_get_string(unit, "unit", "Wh"), "kWh") ? 1000 : 1;
    return json_get_number(sample, "value", NAN) * factor *
           pow(10, (double)json_get_int(unit, "multiplier", 0));
}

static void find_energy(const json_t *request, double *ret_first, double *ret_last)
{
    size_t i, k;
    json_t *meter_value, *sample;
    json_array_foreach(json_object_get(request, "meterValue"), i, meter_value)
        json_array_foreach(json_object_get(meter_value, "sampledValue"), k, sample)
    {
        double Wh = register_Wh(sample);
        if (isnan(Wh))
            continue;
        if (isnan(*ret_first))
            *ret_first = Wh;
        *ret_last = Wh;
    }
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    (void)sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT); /* NULL binds NULL */
}

static int insert_event(struct database *d, const char *station, const json_t *request, int64_t time_ms)
{
    AUTO_FREE char *payload = json_to_text(request);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(d->db, "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?)", -1, &statement,
                           NULL) != SQLITE_OK)
        return -EIO;
    bind_text(statement, 1, station);
    bind_text(statement, 2,
              json_get_string(json_object_get(request, "transactionInfo"), "transactionId", ""));
    (void)sqlite3_bind_int64(statement, 3, json_get_int(request, "seqNo", -1));
    bind_text(statement, 4, json_get_string(request, "eventType", ""));
    (void)sqlite3_bind_int64(statement, 5, time_ms);
    bind_text(statement, 6, payload);
    int code = sqlite3_step(statement);
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE ? 0 : -EIO;
}

static const char update_sql[] =
    "INSERT INTO transactions (station, id, evse, token, started, ended, first_Wh, last_Wh, reason)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (station, id) DO UPDATE SET"
    " evse = coalesce(evse, excluded.evse), token = coalesce(token, excluded.token),"
    " started = coalesce(started, excluded.started), ended = coalesce(excluded.ended, ended),"
    " first_Wh = coalesce(first_Wh, excluded.first_Wh), last_Wh = coalesce(excluded.last_Wh, last_Wh),"
    " reason = coalesce(excluded.reason, reason)";

static void bind_number(sqlite3_stmt *statement, int index, double number)
{
    if (!isnan(number)) /* else it stays NULL */
        (void)sqlite3_bind_double(statement, index, number);
}

static int update_transaction(struct database *d, const char *station, const json_t *request, int64_t time_ms)
{
    const json_t *info = json_object_get(request, "transactionInfo");
    const char *type = json_get_string(request, "eventType", "");
    double first_Wh = NAN, last_Wh = NAN;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(d->db, update_sql, -1, &statement, NULL) != SQLITE_OK)
        return -EIO;
    find_energy(request, &first_Wh, &last_Wh);
    bind_text(statement, 1, station);
    bind_text(statement, 2, json_get_string(info, "transactionId", ""));
    if (json_object_get(request, "evse"))
        (void)sqlite3_bind_int64(statement, 3, json_get_int(json_object_get(request, "evse"), "id", 0));
    bind_text(statement, 4, json_get_string(json_object_get(request, "idToken"), "idToken", NULL));
    if (str_equal(type, "Started"))
        (void)sqlite3_bind_int64(statement, 5, time_ms);
    if (str_equal(type, "Ended"))
        (void)sqlite3_bind_int64(statement, 6, time_ms);
    bind_number(statement, 7, first_Wh);
    bind_number(statement, 8, last_Wh);
    bind_text(statement, 9,
              json_get_string(info, "stoppedReason", str_equal(type, "Ended") ? "Local" : NULL));
    int code = sqlite3_step(statement);
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE ? 0 : -EIO;
}

int database_add_event(struct database *d, const char *station, const json_t *request)
{
    int64_t time_ms = 0;
    (void)timestamp_parse(json_get_string(request, "timestamp", ""), &time_ms);
    if (sqlite3_exec(d->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return -EIO;
    int r = insert_event(d, station, request, time_ms);
    if (r == 0 && sqlite3_changes(d->db) > 0)
        r = update_transaction(d, station, request, time_ms);
    if (r == 0 && sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        r = -EIO;
    if (r < 0 && !sqlite3_get_autocommit(d->db))
        (void)sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

/* ---- reading ---- */

static const char list_sql[] =
    "SELECT t.id, t.station, t.evse, t.token, t.last_Wh - t.first_Wh, (t.ended - t.started) / 1000, t.reason,"
    " (SELECT count(*) FROM event e WHERE e.station = t.station AND e.transaction_id = t.id),"
    " t.started IS NOT NULL AND t.ended IS NOT NULL AND"
    " (SELECT count(*) = max(seq_no) + 1 AND min(seq_no) = 0 FROM event e"
    "  WHERE e.station = t.station AND e.transaction_id = t.id)"
    " FROM transactions t ORDER BY t.number";

json_t *database_transactions(struct database *d)
{
    static const char *const names[] = { "id",       "station",         "evse",          "token",
                                         "energyWh", "durationSeconds", "stoppedReason", "events" };
    sqlite3_stmt *statement = NULL;
    json_t *list = json_array();
    if (sqlite3_prepare_v2(d->db, list_sql, -1, &statement, NULL) != SQLITE_OK)
        return list;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        json_t *row = json_object();
        for (int i = 0; i < (int)ARRAY_SIZE(names); i++) {
            int type = sqlite3_column_type(statement, i);
            if (type == SQLITE_TEXT)
                (void)json_set_text(row, names[i], (const char *)sqlite3_column_text(statement, i));
            else if (type == SQLITE_INTEGER)
                (void)json_set_optional(row, names[i], json_integer(sqlite3_column_int64(statement, i)));
            else if (type == SQLITE_FLOAT)
                (void)json_set_optional(row, names[i], json_real(sqlite3_column_double(statement, i)));
        }
        (void)json_set_optional(row, "complete", json_boolean(sqlite3_column_int(statement, 8)));
        (void)json_array_append_new(list, row);
    }
    (void)sqlite3_finalize(statement);
    return list;
}

int database_running(struct database *d, const char *station, char *ret, size_t size)
{
    sqlite3_stmt *statement = NULL;
    int r = -ENOENT;
    if (sqlite3_prepare_v2(
            d->db, "SELECT id FROM transactions WHERE station = ? AND ended IS NULL ORDER BY number DESC", -1,
            &statement, NULL) != SQLITE_OK)
        return -ENOENT;
    bind_text(statement, 1, station);
    if (sqlite3_step(statement) == SQLITE_ROW)
        r = str_copy(ret, size, (const char *)sqlite3_column_text(statement, 0));
    (void)sqlite3_finalize(statement);
    return r;
}
