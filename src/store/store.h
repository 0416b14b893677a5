/* What must survive: SQLite in a thread of its own behind a queue of atomic batches.
 *
 * The thread takes all batches that wait, commits them in one SQL transaction (WAL, synchronous=FULL) and tells each
 * one's owner on the loop. If the group fails, each batch is tried alone, so that one bad batch spoils no other. A reserve of disk space is kept,
 * and given up when the disk is full, so that running sessions can still be ended. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/record.h"
#include "net/loop.h"

struct store;
#define STORE_SCHEMA_VERSION 1
#define STORE_MAX_WAITING    100000 /* batches */

/* Opens or creates (mode 0600), checks integrity quickly, migrates. On error `ret_text` (size bytes) says what and what to do.
 * 0, -EIO, -EACCES, -EBUSY (another process has it), -ENOSPC, -EPROTO (file of a newer version), -ENOMEM. */
int store_open(struct loop *loop, const char *path, char *ret_text, size_t size, struct store **ret);
/* Commits all that waits, answers the owners, ends the thread. NULL is fine. */
void store_close(struct store *store);
DEFINE_AUTO(store, store_close)

typedef void (*store_written)(void *ctx, int err);
/* Queues an atomic batch; copies everything. The callback comes once, on the loop, after the commit (0) or its failure (-ENOSPC,
 * -EIO), never from inside; batches of one station are committed and answered in order. callback may be NULL.
 * 0, -ENOBUFS, -ENOMEM. */
int store_write(struct store *store, const char *station, const struct record *records, size_t count,
                store_written callback, void *ctx);
/* Drops callbacks of `ctx` that have not come yet; their batches are still written. */
void store_forget(struct store *store, const void *ctx);

/* Blocking, until all that was written before is committed, too; only before the loop runs or on reload. Each record of the station, ordered by kind and key. */
int store_read(struct store *store, const char *station,
               void (*each)(void *ctx, enum record_kind kind, const char *key, const char *value), void *ctx);
/* The station's records of one kind, ordered by key, as far as they are committed: waits for nothing, so that the loop may ask. `each`
 * as above. */
int store_read_kind(struct store *store, const char *station, enum record_kind kind,
                    void (*each)(void *ctx, enum record_kind kind, const char *key, const char *value),
                    void *ctx);
/* Every station that has records. */
int store_stations(struct store *store, void (*each)(void *ctx, const char *station), void *ctx);

#endif
