/* The store: a queue of batches, a thread that commits them in groups, and the way back to the loop.
 *
 *     loop: store_write -> waiting --(thread takes all)--> one SQL transaction -> done --(uv_async)--> loop: callbacks
 *
 * A batch belongs to the loop, then to the thread, then to the loop again; the mutex guards the two queues and `ending`. The reading
 * connection is the loop's own and never meets the writing one's statements. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "store/database.h"
#include "store/reserve.h"
#include "store/schema.h"

#define MAKE_RESERVE_AFTER 100 /* groups */

struct batch {
    struct list link;
    store_written callback;
    void *ctx; /* NULL callback: forgotten or not asked for */
    int err;
    size_t count;
    char *texts; /* station, then key and value of each row */
    struct row {
        enum record_kind kind;
        const char *key, *value; /* in texts; value NULL: delete */
    } rows[];
};

struct store {
    sqlite3 *reading; /* the loop's */
    sqlite3 *writing; /* the thread's */
    sqlite3_stmt *put, *remove, *begin, *commit, *rollback;
    char *reserve_path;
    int lock; /* descriptor that keeps other processes away */
    uv_thread_t thread;
    bool thread_runs;
    uv_mutex_t mutex;
    uv_cond_t wake, idle; /* idle: a group was committed */
    uv_async_t async;
    struct list waiting, working, done; /* working: the group the thread has */
    struct list answering;              /* the loop's own */
    size_t waiting_count;
    bool ending;
};

/* ---- batches ---- */

static struct batch *batch_new(const char *station, const struct record *records, size_t count)
{
    size_t size = strlen(station) + 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(records[i].key) + 1 + (records[i].value ? strlen(records[i].value) + 1 : 0);
    struct batch *batch = calloc(1, sizeof(*batch) + count * sizeof(batch->rows[0]) + size);
    if (!batch)
        return NULL;
    batch->count = count;
    batch->texts = (char *)&batch->rows[count];
    char *at = stpcpy(batch->texts, station) + 1;
    for (size_t i = 0; i < count; i++) {
        struct row *row = &batch->rows[i];
        row->kind = records[i].kind;
        row->key = at;
        at = stpcpy(at, records[i].key) + 1;
        if (!records[i].value)
            continue;
        row->value = at;
        at = stpcpy(at, records[i].value) + 1;
    }
    return batch;
}

/* ---- the thread ---- */

static int write_row(struct store *store, const char *station, const struct row *row)
{
    sqlite3_stmt *statement = row->value ? store->put : store->remove;
    (void)sqlite3_bind_text(statement, 1, station, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 2, record_kind_names[row->kind], -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 3, row->key, -1, SQLITE_STATIC);
    if (row->value)
        (void)sqlite3_bind_text(statement, 4, row->value, -1, SQLITE_STATIC);
    return database_run(statement);
}

static int write_batch(struct store *store, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        int r = write_row(store, batch->texts, &batch->rows[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Commits batches `first` to before `end` (list links) together. */
static int commit_range(struct store *store, struct list *first, const struct list *end)
{
    int r = database_run(store->begin);
    for (struct list *link = first; r == 0 && link != end; link = link->next)
        r = write_batch(store, LIST_ITEM(link, struct batch, link));
    if (r == 0)
        r = database_run(store->commit);
    if (r < 0 && !sqlite3_get_autocommit(store->writing))
        (void)database_run(store->rollback);
    return r;
}

/* The group together; if that fails, each batch alone, so that one bad batch spoils no other. A full disk costs the reserve first. */
static void commit_group(struct store *store, struct list *group)
{
    int r = commit_range(store, group->next, group);
    if ((r == -ENOSPC || r == -EIO) && reserve_release(store->reserve_path))
        r = commit_range(store, group->next, group);
    LIST_FOREACH(link, next, group)
    {
        struct batch *batch = LIST_ITEM(link, struct batch, link);
        batch->err = r == 0 ? 0 : commit_range(store, link, next);
    }
}

static void move_all(struct list *from, struct list *to)
{
    LIST_FOREACH(link, next, from)
    {
        list_remove(link);
        list_append(to, link);
    }
}

static void work(void *ctx)
{
    struct store *store = ctx;
    unsigned groups = 0;
    uv_mutex_lock(&store->mutex);
    for (;;) {
        while (list_is_empty(&store->waiting) && !store->ending)
            uv_cond_wait(&store->wake, &store->mutex);
        if (list_is_empty(&store->waiting))
            break;
        move_all(&store->waiting, &store->working);
        store->waiting_count = 0;
        uv_mutex_unlock(&store->mutex);
        commit_group(store, &store->working);
        if (++groups % MAKE_RESERVE_AFTER == 0)
            (void)reserve_make(store->reserve_path);
        uv_mutex_lock(&store->mutex);
        move_all(&store->working, &store->done);
        uv_cond_signal(&store->idle);
        (void)uv_async_send(&store->async);
    }
    uv_mutex_unlock(&store->mutex);
}

/* ---- the loop ---- */

/* Tells the owners. A callback may store_forget(), so what is still to be told stays in view. */
static void answer(struct store *store)
{
    uv_mutex_lock(&store->mutex);
    move_all(&store->done, &store->answering);
    uv_mutex_unlock(&store->mutex);
    while (!list_is_empty(&store->answering)) {
        struct batch *batch = LIST_ITEM(store->answering.next, struct batch, link);
        list_remove(&batch->link);
        if (batch->callback)
            batch->callback(batch->ctx, batch->err);
        free(batch);
    }
}

static void on_async(uv_async_t *handle)
{
    answer(handle->data);
}

int store_write(struct store *store, const char *station, const struct record *records, size_t count,
                store_written callback, void *ctx)
{
    struct batch *batch = batch_new(station, records, count);
    if (!batch)
        return -ENOMEM;
    batch->callback = callback;
    batch->ctx = ctx;
    uv_mutex_lock(&store->mutex);
    bool full = store->waiting_count >= STORE_MAX_WAITING;
    if (!full) {
        list_append(&store->waiting, &batch->link);
        store->waiting_count++;
        uv_cond_signal(&store->wake);
    }
    uv_mutex_unlock(&store->mutex);
    if (full)
        free(batch);
    return full ? -ENOBUFS : 0;
}

void store_forget(struct store *store, const void *ctx)
{
    struct list *lists[] = { &store->waiting, &store->working, &store->done, &store->answering };
    uv_mutex_lock(&store->mutex);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        LIST_FOREACH(link, next, lists[i])
        {
            struct batch *batch = LIST_ITEM(link, struct batch, link);
            if (batch->ctx == ctx)
                batch->callback = NULL;
        }
    uv_mutex_unlock(&store->mutex);
}

/* ---- reading ---- */

/* Waits for all that was written before, so that what is read now is what was written. */
static void wait_for_commits(struct store *store)
{
    uv_mutex_lock(&store->mutex);
    while (!list_is_empty(&store->waiting) || !list_is_empty(&store->working))
        uv_cond_wait(&store->idle, &store->mutex);
    uv_mutex_unlock(&store->mutex);
}

static enum record_kind kind_of(const char *name)
{
    int kind = 0;
    while (kind < RECORD_KINDS && !str_equal(record_kind_names[kind], name))
        kind++;
    return (enum record_kind)kind;
}

int store_read(struct store *store, const char *station,
               void (*each)(void *ctx, enum record_kind kind, const char *key, const char *value), void *ctx)
{
    sqlite3_stmt *statement = NULL;
    wait_for_commits(store);
    int code = sqlite3_prepare_v2(store->reading,
                                  "SELECT kind, key, value FROM record WHERE station = ? ORDER BY kind, key",
                                  -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 1, station, -1, SQLITE_STATIC);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code != SQLITE_ROW)
            break;
        enum record_kind kind = kind_of((const char *)sqlite3_column_text(statement, 0));
        const char *key = (const char *)sqlite3_column_text(statement, 1);
        const char *value = (const char *)sqlite3_column_text(statement, 2);
        if (kind < RECORD_KINDS && key && value)
            each(ctx, kind, key, value);
        else
            log_warn(LOG_STORE, "record of an unknown kind is kept: station=%s key=%s", station,
                     key ? key : "");
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE ? 0 : database_error(store->reading, code);
}

int store_read_kind(struct store *store, const char *station, enum record_kind kind,
                    void (*each)(void *ctx, enum record_kind kind, const char *key, const char *value),
                    void *ctx)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->reading,
                                  "SELECT key, value FROM record WHERE station = ? AND kind = ? ORDER BY key",
                                  -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 1, station, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 2, record_kind_names[kind], -1, SQLITE_STATIC);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        const char *key = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        const char *value = key ? (const char *)sqlite3_column_text(statement, 1) : NULL;
        if (value)
            each(ctx, kind, key, value);
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE ? 0 : database_error(store->reading, code);
}

int store_stations(struct store *store, void (*each)(void *ctx, const char *station), void *ctx)
{
    sqlite3_stmt *statement = NULL;
    wait_for_commits(store);
    int code = sqlite3_prepare_v2(store->reading, "SELECT DISTINCT station FROM record ORDER BY station", -1,
                                  &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            each(ctx, (const char *)sqlite3_column_text(statement, 0));
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE ? 0 : database_error(store->reading, code);
}

/* ---- opening ---- */

static int open_connection(const char *path, sqlite3 **ret, char *ret_text, size_t size)
{
    int r = database_connect(path, ret);
    if (r < 0 && *ret)
        (void)snprintf(ret_text, size, "%s%s", sqlite3_errmsg(*ret),
                       database_is_broken(*ret)
                           ? ": restore it from a backup, or move it away to begin with an empty one (what "
                             "it held is then not sent to the CSMS)"
                           : "");
    return r;
}

static int on_check_row(void *ctx, int count, char **values, char **names)
{
    (void)names;
    bool *good = ctx;
    *good = count == 1 && values[0] && str_equal(values[0], "ok");
    return !*good;
}

static int check_integrity(sqlite3 *db, char *ret_text, size_t size)
{
    bool good = false;
    (void)sqlite3_exec(db, "PRAGMA quick_check(1)", on_check_row, &good, NULL);
    if (good)
        return 0;
    (void)snprintf(ret_text, size,
                   "is damaged: restore it from a backup, or move it away to begin with an empty one (what "
                   "it held is then not sent to the CSMS)");
    return -EIO;
}

static int prepare(struct store *store)
{
    const struct database_statement rows[] = {
        { "INSERT INTO record (station, kind, key, value) VALUES (?, ?, ?, ?)"
          " ON CONFLICT (station, kind, key) DO UPDATE SET value = excluded.value",
          &store->put },
        { "DELETE FROM record WHERE station = ? AND kind = ? AND key = ?", &store->remove },
        { "BEGIN IMMEDIATE", &store->begin },
        { "COMMIT", &store->commit },
        { "ROLLBACK", &store->rollback },
    };
    return database_prepare(store->writing, rows, ARRAY_SIZE(rows));
}

/* A file beside the database: closing any descriptor of the database itself would drop SQLite's own locks. */
static int lock(struct store *store, const char *path, char *ret_text, size_t size)
{
    AUTO_FREE char *name = NULL;
    if (asprintf(&name, "%s.lock", path) < 0)
        return -ENOMEM;
    store->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock >= 0 && flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    bool busy = errno == EWOULDBLOCK;
    (void)snprintf(ret_text, size, "%s", busy ? "another gateway has it" : strerror(errno));
    return busy ? -EBUSY : errno == ENOSPC ? -ENOSPC : -EACCES;
}

static int open_databases(struct store *store, const char *path, char *ret_text, size_t size)
{
    int r = database_make_file(path);
    if (r < 0) {
        (void)snprintf(ret_text, size, "%s", strerror(errno));
        return r;
    }
    r = open_connection(path, &store->writing, ret_text, size);
    if (r == 0)
        r = check_integrity(store->writing, ret_text, size);
    if (r == 0)
        r = schema_migrate(store->writing, &store_schema, ret_text, size);
    if (r == 0)
        r = open_connection(path, &store->reading, ret_text, size);
    if (r == 0 && (r = prepare(store)) < 0)
        (void)snprintf(ret_text, size, "%s", sqlite3_errmsg(store->writing));
    return r;
}

static void on_async_closed(uv_handle_t *handle)
{
    struct store *store = handle->data;
    uv_cond_destroy(&store->wake);
    uv_cond_destroy(&store->idle);
    uv_mutex_destroy(&store->mutex);
    free(store);
}

static void close_databases(struct store *store)
{
    sqlite3_stmt **statements[] = { &store->put, &store->remove, &store->begin, &store->commit,
                                    &store->rollback };
    for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
        (void)sqlite3_finalize(STEAL(*statements[i]));
    (void)sqlite3_close(STEAL(store->reading));
    (void)sqlite3_close(STEAL(store->writing));
}

static void release(struct store *store)
{
    close_databases(store);
    if (store->lock >= 0)
        (void)close(store->lock);
    free(store->reserve_path);
}

static struct store *store_new(struct loop *loop, const char *path)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store || asprintf(&store->reserve_path, "%s.reserve", path) < 0) {
        free(store);
        return NULL;
    }
    store->lock = -1;
    list_init(&store->waiting);
    list_init(&store->working);
    list_init(&store->done);
    list_init(&store->answering);
    (void)uv_mutex_init(&store->mutex);
    (void)uv_cond_init(&store->wake);
    (void)uv_cond_init(&store->idle);
    (void)uv_async_init(&loop->uv, &store->async, on_async);
    store->async.data = store;
    return store;
}

/* SQLite needs room for its working files even to read. */
static int open_files(struct store *store, const char *path, char *ret_text, size_t size)
{
    int r = lock(store, path, ret_text, size);
    if (r < 0)
        return r;
    r = open_databases(store, path, ret_text, size);
    if (r == -ENOSPC && reserve_release(store->reserve_path)) {
        log_warn(LOG_STORE, "the disk is full, the reserve is used up: path=%s", path);
        close_databases(store);
        r = open_databases(store, path, ret_text, size);
    } else if (r == 0 && !reserve_make(store->reserve_path)) {
        log_warn(LOG_STORE, "no room for the reserve beside the database: path=%s", store->reserve_path);
    }
    return r;
}

int store_open(struct loop *loop, const char *path, char *ret_text, size_t size, struct store **ret)
{
    struct store *store = store_new(loop, path);
    (void)str_copy(ret_text, size, "out of memory");
    if (!store)
        return -ENOMEM;
    int r = open_files(store, path, ret_text, size);
    if (r == 0) {
        r = uv_thread_create(&store->thread, work, store);
        store->thread_runs = r == 0;
        if (r < 0)
            (void)snprintf(ret_text, size, "no thread: %s", err_text(r));
    }
    if (r < 0) {
        store_close(store);
        return r;
    }
    *ret = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    uv_mutex_lock(&store->mutex);
    store->ending = true;
    uv_cond_signal(&store->wake);
    uv_mutex_unlock(&store->mutex);
    if (store->thread_runs)
        (void)uv_thread_join(&store->thread);
    answer(store);
    release(store);
    uv_close((uv_handle_t *)&store->async, on_async_closed);
}
