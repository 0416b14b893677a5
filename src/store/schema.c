/* Migrations: row n brings version n to n + 1 (PRAGMA user_version). Append rows, never change one. */
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "store/store.h"

static const char *const migrations[] = {
    "CREATE TABLE record ("
    " station TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (station, kind, key)) WITHOUT ROWID;",
};
_Static_assert(ARRAY_SIZE(migrations) == STORE_SCHEMA_VERSION, "one migration per version");

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

int schema_migrate(sqlite3 *db, char *ret_text, size_t size)
{
    int version = read_version(db);
    if (version < 0) {
        (void)snprintf(ret_text, size, "cannot be read: %s", sqlite3_errmsg(db));
        return -EIO;
    }
    if (version > STORE_SCHEMA_VERSION) {
        (void)snprintf(ret_text, size,
                       "was written by a newer version (schema %d, this program knows %d): install that "
                       "version or restore the older database",
                       version, STORE_SCHEMA_VERSION);
        return -EPROTO;
    }
    for (; version < STORE_SCHEMA_VERSION; version++) {
        char sql[1024];
        int len = snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT;",
                           migrations[version], version + 1);
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
