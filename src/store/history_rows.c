/* The history's tables (schema.c has their columns): what a text told is laid over what is known, so that telling it again changes
 * nothing. */
#include "store/history_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "store/database.h"
#include "store/schema.h"

/* ?3 is the sequence of what is told; a right side sees the row as it was. */
#define NEWEST(column, value)                                                                                \
    column " = CASE WHEN ?3 >= sequence THEN coalesce(" value ", " column ") ELSE coalesce(" column          \
           ", " value ") END, "

void history_rows_close(struct history_rows *rows)
{
    sqlite3_stmt **statements[] = { &rows->begin,          &rows->commit,         &rows->rollback,
                                    &rows->update_session, &rows->insert_session, &rows->set_times,
                                    &rows->trim_sessions,  &rows->insert_audit,   &rows->trim_audit };
    for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
        (void)sqlite3_finalize(STEAL(*statements[i]));
    (void)sqlite3_close(STEAL(rows->db));
}

int history_rows_open(struct history_rows *rows, const char *path, char *ret_text, size_t size)
{
    const struct database_statement statements[] = {
        { "BEGIN IMMEDIATE", &rows->begin },
        { "COMMIT", &rows->commit },
        { "ROLLBACK", &rows->rollback },
        /* no indexed column is named here, so that an update in the middle of a transaction touches no index */
        { "UPDATE session SET " NEWEST("evse", "?4") NEWEST("updated", "?7") NEWEST("stopped_reason", "?10")
              NEWEST("charging_state",
                     "?11") "id_token = coalesce(id_token, ?5),"
                            " id_token_type = coalesce(id_token_type, ?6),"
                            " first_Wh = min(coalesce(first_Wh, ?8), coalesce(?8, first_Wh)),"
                            " last_Wh = max(coalesce(last_Wh, ?9), coalesce(?9, last_Wh)),"
                            " sequence = max(sequence, ?3) WHERE station = ?1 AND id = ?2",
          &rows->update_session },
        { "INSERT INTO session (station, id, sequence, began, updated) VALUES (?1, ?2, ?3, ?4, ?4)",
          &rows->insert_session },
        { "UPDATE session SET started = coalesce(?3, started), began = coalesce(?3, began), ended = "
          "coalesce(?4, ended)"
          " WHERE station = ?1 AND id = ?2 AND (started IS NOT coalesce(?3, started) OR ended IS NOT "
          "coalesce(?4, ended))",
          &rows->set_times },
        { "DELETE FROM session WHERE n <= (SELECT max(n) FROM session) - ?1", &rows->trim_sessions },
        { "INSERT INTO audit (time, user, role, peer, action, target, before, after) VALUES (?, ?, ?, ?, ?, "
          "?, ?, ?)",
          &rows->insert_audit },
        { "DELETE FROM audit WHERE n <= (SELECT max(n) FROM audit) - ?1", &rows->trim_audit },
    };
    int r = database_make_file(path);
    if (r < 0) {
        (void)snprintf(ret_text, size, "%s", strerrordesc_np(errno));
        return r;
    }
    r = database_connect(path, &rows->db);
    if (r < 0)
        (void)snprintf(ret_text, size, "%s", rows->db ? sqlite3_errmsg(rows->db) : "out of memory");
    if (r == 0)
        r = schema_migrate(rows->db, &history_schema, ret_text, size);
    if (r == 0 && (r = database_prepare(rows->db, statements, ARRAY_SIZE(statements))) < 0)
        (void)snprintf(ret_text, size, "%s", sqlite3_errmsg(rows->db));
    rows->kept_transactions = HISTORY_KEPT_TRANSACTIONS;
    rows->kept_audit = HISTORY_KEPT_AUDIT;
    return r;
}

/* ---- binding: what is not told is NULL ---- */

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text && *text ? text : NULL, -1, SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int at, double number)
{
    if (isfinite(number))
        (void)sqlite3_bind_double(statement, at, number);
    else
        (void)sqlite3_bind_null(statement, at);
}

static void bind_told(sqlite3_stmt *statement, int at, int64_t number)
{
    if (number)
        (void)sqlite3_bind_int64(statement, at, number);
    else
        (void)sqlite3_bind_null(statement, at);
}

/* ---- writing ---- */

int history_rows_begin(struct history_rows *rows)
{
    return database_run(rows->begin);
}

static int insert_session(struct history_rows *rows, const char *station,
                          const struct history_transaction *transaction)
{
    sqlite3_stmt *statement = rows->insert_session;
    bind_text(statement, 1, station);
    bind_text(statement, 2, transaction->id);
    (void)sqlite3_bind_int64(statement, 3, transaction->sequence);
    (void)sqlite3_bind_int64(statement, 4, transaction->updated_ms);
    return database_run(statement);
}

static int update_session(struct history_rows *rows, const char *station,
                          const struct history_transaction *transaction)
{
    sqlite3_stmt *statement = rows->update_session;
    bind_text(statement, 1, station);
    bind_text(statement, 2, transaction->id);
    (void)sqlite3_bind_int64(statement, 3, transaction->sequence);
    bind_told(statement, 4, transaction->evse);
    bind_text(statement, 5, transaction->id_token);
    bind_text(statement, 6, transaction->id_token_type);
    (void)sqlite3_bind_int64(statement, 7, transaction->updated_ms);
    bind_number(statement, 8, transaction->energy_first_Wh);
    bind_number(statement, 9, transaction->energy_last_Wh);
    bind_text(statement, 10, transaction->stopped_reason);
    bind_text(statement, 11, transaction->charging_state);
    return database_run(statement);
}

static int set_times(struct history_rows *rows, const char *station,
                     const struct history_transaction *transaction)
{
    sqlite3_stmt *statement = rows->set_times;
    if (!transaction->started_ms && !transaction->ended_ms)
        return 0;
    bind_text(statement, 1, station);
    bind_text(statement, 2, transaction->id);
    bind_told(statement, 3, transaction->started_ms);
    bind_told(statement, 4, transaction->ended_ms);
    return database_run(statement);
}

int history_rows_put(struct history_rows *rows, const char *station,
                     const struct history_transaction *transaction)
{
    int r = update_session(rows, station, transaction);
    if (r == 0 && sqlite3_changes(rows->db) == 0) {
        r = insert_session(rows, station, transaction);
        if (r == 0)
            r = update_session(rows, station, transaction);
    }
    return r < 0 ? r : set_times(rows, station, transaction);
}

int history_rows_put_audit(struct history_rows *rows, const struct history_audit *audit)
{
    sqlite3_stmt *statement = rows->insert_audit;
    const char *const texts[] = { audit->user, audit->role, audit->peer, audit->action, audit->target };
    (void)sqlite3_bind_int64(statement, 1, audit->time_ms);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        (void)sqlite3_bind_text(statement, (int)i + 2, texts[i] ? texts[i] : "", -1, SQLITE_STATIC);
    bind_text(statement, 7, audit->before);
    bind_text(statement, 8, audit->after);
    return database_run(statement);
}

static int trim(sqlite3_stmt *statement, int64_t kept)
{
    (void)sqlite3_bind_int64(statement, 1, kept);
    return database_run(statement);
}

int history_rows_commit(struct history_rows *rows)
{
    int r = trim(rows->trim_sessions, rows->kept_transactions);
    if (r == 0)
        r = trim(rows->trim_audit, rows->kept_audit);
    return r < 0 ? r : database_run(rows->commit);
}

void history_rows_rollback(struct history_rows *rows)
{
    if (rows->db && !sqlite3_get_autocommit(rows->db))
        (void)database_run(rows->rollback);
}
