/* Opening SQLite files and running statements on them (database.h). */
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BUSY_MS 2000

/* Passwords and keys are in it. What SQLite makes beside it takes over the mode; what was put back from a copy, or was left behind by one
 * with another mode, does not. */
static void keep_private(const char *path)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    char name[PATH_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (snprintf(name, sizeof(name), "%s%s", path, ends[i]) < (int)sizeof(name))
            (void)chmod(name, S_IRUSR | S_IWUSR);
}

int database_make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* SQLite's own mode would be 0644 */
    if (fd < 0)
        return errno == ENOSPC ? -ENOSPC : -EACCES;
    (void)close(fd);
    keep_private(path);
    return 0;
}

int database_connect(const char *path, sqlite3 **ret)
{
    int code = sqlite3_open_v2(path, ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!*ret)
        return -ENOMEM;
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*ret, BUSY_MS);
    if (code == SQLITE_OK)
        code =
            sqlite3_exec(*ret,
                         "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024; "
                         "PRAGMA secure_delete = ON",
                         NULL, NULL, NULL);
    return database_error(*ret, code);
}

bool database_is_broken(sqlite3 *db)
{
    int code = db ? sqlite3_errcode(db) & 0xFF : SQLITE_OK;
    return code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
}

int database_prepare(sqlite3 *db, const struct database_statement *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sqlite3_prepare_v3(db, rows[i].sql, -1, SQLITE_PREPARE_PERSISTENT, rows[i].ret, NULL) !=
            SQLITE_OK)
            return -EIO;
    return 0;
}

int database_error(sqlite3 *db, int code)
{
    int system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;
    if (system == ENOSPC || system == EDQUOT)
        return -ENOSPC; /* SQLite says so only of its main files */
    switch (code) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return -EACCES;
    default:
        return -EIO;
    }
}

int database_run(sqlite3_stmt *statement)
{
    int r = database_error(sqlite3_db_handle(statement), sqlite3_step(statement));
    (void)sqlite3_reset(statement);
    return r;
}
