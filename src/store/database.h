/* What the SQLite files of the store have in common: for their owner only, written ahead (WAL), every commit on the disk (synchronous=FULL);
 * errors as ours. */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* A file that SQLite may open: mode 0600, those beside it too. 0, -ENOSPC, -EACCES (errno says more). */
int database_make_file(const char *path);
/* 0, -ENOMEM, -EIO, -EACCES, -ENOSPC; *ret is to be closed in any case, and sqlite3_errmsg() of it says more. */
int database_connect(const char *path, sqlite3 **ret);
/* Whether the last error says that the file is no database, or a damaged one. */
bool database_is_broken(sqlite3 *db);

struct database_statement {
    const char *sql;
    sqlite3_stmt **ret;
};
/* 0 or -EIO. */
int database_prepare(sqlite3 *db, const struct database_statement *rows, size_t count);
/* Our error for SQLite's code; 0: it is none. */
int database_error(sqlite3 *db, int code);
/* A statement without rows, to its end, ready for the next time. 0 or our error. */
int database_run(sqlite3_stmt *statement);

#endif
