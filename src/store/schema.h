/* The databases' schemas, version by version (PRAGMA user_version). */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

struct schema {
    const char *const *migrations; /* row n brings version n to n + 1 */
    int version;                   /* the newest */
};
extern const struct schema store_schema, history_schema;

/* Brings the file to the newest version, each step in a transaction of its own. 0, -EPROTO (a newer program wrote it), -EIO,
 * -ENOSPC; `ret_text` says what. */
int schema_migrate(sqlite3 *db, const struct schema *schema, char *ret_text, size_t size);

#endif
