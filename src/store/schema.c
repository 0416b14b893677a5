/* Migrations: append rows, never change one. */
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "store/store.h"

static const char *const store_migrations[] = {
    "CREATE TABLE record ("
    " station TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (station, kind, key)) WITHOUT ROWID;",
};
_Static_assert(ARRAY_SIZE(store_migrations) == STORE_SCHEMA_VERSION, "one migration per version");

/* Times are Unix ms. began: what transactions are sorted by, the start or else the first that was heard of them; n: their order of
 * arrival. */
static const char *const history_migrations[] = {
    "CREATE TABLE session ("
    " n INTEGER PRIMARY KEY AUTOINCREMENT, station TEXT NOT NULL, id TEXT NOT NULL, evse INTEGER,"
    " id_token TEXT, id_token_type TEXT, began INTEGER NOT NULL, started INTEGER, ended INTEGER,"
    " updated INTEGER NOT NULL, first_Wh REAL, last_Wh REAL, stopped_reason TEXT, charging_state TEXT,"
    " sequence INTEGER NOT NULL, UNIQUE (station, id));"
    "CREATE INDEX session_began ON session (began);"
    "CREATE INDEX session_station ON session (station, began);"
    "CREATE INDEX session_running ON session (began) WHERE ended IS NULL;"
    "CREATE TABLE audit ("
    " n INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL,"
    " peer TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, before TEXT, after TEXT);"
    "CREATE INDEX audit_time ON audit (time);",
};

const struct schema store_schema = { store_migrations, ARRAY_SIZE(store_migrations) };
const struct schema history_schema = { history_migrations, ARRAY_SIZE(history_migrations) };

static int read_version(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return version;
}

int schema_migrate(sqlite3 *db, const struct schema *schema, char *ret_text, size_t size)
{
    int version = read_version(db);
    if (version < 0) {
        (void)snprintf(ret_text, size, "cannot be read: %s", sqlite3_errmsg(db));
        return -EIO;
    }
    if (version > schema->version) {
        (void)snprintf(ret_text, size,
                       "was written by a newer version (schema %d, this program knows %d): install that "
                       "version or restore the older database",
                       version, schema->version);
        return -EPROTO;
    }
    for (; version < schema->version; version++) {
        char sql[2048];
        int len = snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;",
                           schema->migrations[version], version + 1);
        if (len >= (int)sizeof(sql) || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
            (void)snprintf(ret_text, size, "cannot be brought to schema %d: %s", version + 1,
                           sqlite3_errmsg(db));
            int err = sqlite3_errcode(db);
            (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            return err == SQLITE_FULL ? -ENOSPC : -EIO;
        }
    }
    return 0;
}
