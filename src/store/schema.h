/* The database's schema, version by version. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

/* Brings the file to STORE_SCHEMA_VERSION, each step in a transaction of its own. 0, -EPROTO (a newer program wrote it), -EIO,
 * -ENOSPC; `ret_text` says what. */
int schema_migrate(sqlite3 *db, char *ret_text, size_t size);

#endif
