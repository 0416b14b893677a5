/* The history: notes and searches that wait, the thread that serves them, and the way back to the loop (history.h has the picture).
 *
 * A note or a search belongs to the loop, then to the thread, then to the loop again; the mutex guards the lists, the counts and what is told of the file. The database is the
 * thread's alone. */
#include "store/history.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "store/database.h"
#include "store/history_rows.h"

#define GATHER_NS       1000000000ULL /* notes of transactions wait for others */
#define GATHER_MAX      5000          /* ... but not more than these */
#define SEARCH_MAX_NS   15000000000ULL
#define ASK_AFTER_STEPS 20000 /* of SQLite, a few milliseconds */

struct history_note {
    struct list link;
    size_t size;
    bool is_audit;
    struct history_text of_transaction; /* its texts are in `texts`, as those of the audit entry */
    struct history_audit of_audit;
    int err;
    char texts[];
};

struct search_job {
    struct list link;
    bool of_audit;
    struct history_filter filter;
    history_found found; /* NULL: forgotten */
    void *ctx;
    int err;
    json_t *page;
};

struct history {
    char *path;
    struct history_rows rows; /* the thread's */
    bool
        was_set_aside; /* the thread's: a disk that spoils one file after the other is no reason to make more */
    uint64_t search_until_ns; /* the thread's */
    atomic_bool ending;
    uv_thread_t thread;
    bool thread_runs;
    uv_mutex_t mutex;
    uv_cond_t wake;
    uv_async_t async;
    struct list notes, writing, written;    /* that wait; that the thread has; whose owners are to be told */
    struct list searches, searching, found; /* the same */
    struct list telling, answering;         /* the loop's own */
    size_t note_count, note_bytes, search_count;
    bool urgent;                  /* someone waits for what was put */
    int write_err;                /* of the last group */
    char text[256], aside[256];   /* what is wrong; the file that was set aside, not told yet */
    bool full_told, failing_told; /* the loop's */
};

/* ---- notes ---- */

static const char *add_text(char **at, const char *text)
{
    char *copy = *at;
    if (!text)
        return NULL;
    *at = stpcpy(copy, text) + 1;
    return copy;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static struct history_note *note_alloc(size_t size)
{
    struct history_note *note = malloc(sizeof(*note) + size);
    if (!note)
        return NULL;
    *note = (struct history_note){ .size = sizeof(*note) + size };
    list_init(&note->link);
    return note;
}

struct history_note *history_note_new(const struct history_text *text)
{
    struct history_note *note = note_alloc(size_of(text->station) + size_of(text->id) + size_of(text->text));
    if (!note)
        return NULL;
    char *at = note->texts;
    note->of_transaction = *text;
    note->of_transaction.station = add_text(&at, text->station);
    note->of_transaction.id = add_text(&at, text->id);
    note->of_transaction.text = add_text(&at, text->text);
    return note;
}

static struct history_note *audit_note_new(const struct history_audit *audit)
{
    struct history_note *note = note_alloc(
        size_of(audit->user) + size_of(audit->role) + size_of(audit->peer) + size_of(audit->action) +
        size_of(audit->target) + size_of(audit->before) + size_of(audit->after));
    if (!note)
        return NULL;
    char *at = note->texts;
    note->is_audit = true;
    note->of_audit = (struct history_audit){
        .time_ms = audit->time_ms,
        .user = add_text(&at, audit->user),
        .role = add_text(&at, audit->role),
        .peer = add_text(&at, audit->peer),
        .action = add_text(&at, audit->action),
        .target = add_text(&at, audit->target),
        .before = add_text(&at, audit->before),
        .after = add_text(&at, audit->after),
    };
    return note;
}

void history_note_free(struct history_note *note)
{
    free(note);
}

static void search_free(struct search_job *search)
{
    json_decref(search->page);
    free(search);
}

/* ---- the thread ---- */

static void move_all(struct list *from, struct list *to)
{
    LIST_FOREACH(link, next, from)
    {
        list_remove(link);
        list_append(to, link);
    }
}

/* What was kept of an earlier one makes room. */
static void set_aside(struct history *history)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    char from[600], to[600];
    history_rows_close(&history->rows);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        (void)snprintf(from, sizeof(from), "%s%s", history->path, ends[i]);
        (void)snprintf(to, sizeof(to), "%s.broken%s", history->path, ends[i]);
        (void)unlink(to);
        (void)rename(from, to);
    }
    history->was_set_aside = true;
    (void)snprintf(to, sizeof(to), "%s.broken", history->path);
    uv_mutex_lock(&history->mutex);
    (void)str_copy(history->aside, sizeof(history->aside), to);
    uv_mutex_unlock(&history->mutex);
}

static bool is_to_be_set_aside(const struct history *history)
{
    return database_is_broken(history->rows.db) && !history->was_set_aside;
}

/* Opens the file if it is not open. It is tried anew each time: a full disk gets room, a directory its rights. */
static int open_rows(struct history *history, char *ret_text, size_t size)
{
    if (history->rows.db)
        return 0;
    int r = history_rows_open(&history->rows, history->path, ret_text, size);
    if (r < 0 && is_to_be_set_aside(history)) {
        set_aside(history);
        r = history_rows_open(&history->rows, history->path, ret_text, size);
    }
    if (r < 0)
        history_rows_close(&history->rows);
    return r;
}

static int put_note(struct history_rows *rows, const struct history_note *note)
{
    const struct history_text *text = &note->of_transaction;
    struct history_transaction transaction = { .energy_first_Wh = NAN, .energy_last_Wh = NAN };
    if (note->is_audit)
        return history_rows_put_audit(rows, &note->of_audit);
    AUTO(json_t) *owner = text->read(text->id, text->text, &transaction);
    bool tells = owner && transaction.id && *transaction.id;
    return tells ? history_rows_put(rows, text->station, &transaction) : 0;
}

static int put_group(struct history_rows *rows, const struct list *group)
{
    int r = history_rows_begin(rows);
    for (struct list *link = group->next; r == 0 && link != group; link = link->next)
        r = put_note(rows, LIST_ITEM(link, struct history_note, link));
    return r < 0 ? r : history_rows_commit(rows);
}

static int write_group(struct history *history, const struct list *group, char *ret_text, size_t size)
{
    int r = open_rows(history, ret_text, size);
    if (r < 0)
        return r;
    r = put_group(&history->rows, group);
    if (r < 0 && is_to_be_set_aside(history)) {
        set_aside(history);
        r = open_rows(history, ret_text, size);
        if (r < 0)
            return r;
        r = put_group(&history->rows, group);
    }
    if (r < 0) {
        (void)str_copy(ret_text, size, err_text(r));
        history_rows_rollback(&history->rows);
    }
    return r;
}

/* Notes whose owner waits for them go back to the loop, the others end here. */
static void end_group(struct history *history, struct list *group, int err, const char *text)
{
    struct list ended;
    list_init(&ended);
    uv_mutex_lock(&history->mutex);
    history->write_err = err;
    if (err < 0)
        (void)str_copy(history->text, sizeof(history->text), text);
    LIST_FOREACH(link, next, group)
    {
        struct history_note *note = LIST_ITEM(link, struct history_note, link);
        note->err = err;
        list_remove(link);
        list_append(note->of_transaction.written ? &history->written : &ended, link);
    }
    uv_mutex_unlock(&history->mutex);
    LIST_FOREACH(link, next, &ended)
    history_note_free(LIST_ITEM(link, struct history_note, link));
}

static int give_up(void *ctx)
{
    const struct history *history = ctx;
    return atomic_load(&history->ending) || uv_hrtime() > history->search_until_ns;
}

static int search(struct history *history, struct search_job *job)
{
    char text[256];
    int r = open_rows(history, text, sizeof(text));
    if (r < 0)
        return r;
    history->search_until_ns = uv_hrtime() + SEARCH_MAX_NS;
    sqlite3_progress_handler(history->rows.db, ASK_AFTER_STEPS, give_up, history);
    r = job->of_audit ? history_rows_find_audit(&history->rows, &job->filter, &job->page)
                      : history_rows_find_transactions(&history->rows, &job->filter, &job->page);
    sqlite3_progress_handler(history->rows.db, 0, NULL, NULL);
    return r;
}

static int search_or_begin_anew(struct history *history, struct search_job *job)
{
    int r = atomic_load(&history->ending) ? -ECANCELED : search(history, job);
    if (r < 0 && is_to_be_set_aside(history)) {
        set_aside(history);
        r = search(history, job);
    }
    return r < 0 && atomic_load(&history->ending) ? -ECANCELED : r;
}

/* Returns with the mutex, and something to do or the end. */
static void wait_for_work(struct history *history)
{
    while (list_is_empty(&history->notes) && list_is_empty(&history->searches) &&
           !atomic_load(&history->ending))
        uv_cond_wait(&history->wake, &history->mutex);
    uint64_t end = uv_hrtime() + GATHER_NS;
    while (!history->urgent && !atomic_load(&history->ending) && history->note_count < GATHER_MAX) {
        uint64_t now = uv_hrtime();
        if (now >= end)
            break;
        (void)uv_cond_timedwait(&history->wake, &history->mutex, end - now);
    }
    history->urgent = false;
}

/* What waits, notes first: a search finds what was put before it. */
static void serve(struct history *history)
{
    char text[256] = "";
    move_all(&history->notes, &history->writing);
    move_all(&history->searches, &history->searching);
    history->note_count = history->note_bytes = history->search_count = 0;
    uv_mutex_unlock(&history->mutex);
    if (!list_is_empty(&history->writing)) {
        int r = write_group(history, &history->writing, text, sizeof(text));
        end_group(history, &history->writing, r, text);
        (void)uv_async_send(&history->async);
    }
    LIST_FOREACH(link, next, &history->searching)
    {
        struct search_job *job = LIST_ITEM(link, struct search_job, link);
        int r = search_or_begin_anew(history, job);
        uv_mutex_lock(&history->mutex);
        job->err = r;
        list_remove(link);
        list_append(&history->found, link);
        uv_mutex_unlock(&history->mutex);
        (void)uv_async_send(&history->async);
    }
    uv_mutex_lock(&history->mutex);
}

static void work(void *ctx)
{
    struct history *history = ctx;
    uv_mutex_lock(&history->mutex);
    for (;;) {
        wait_for_work(history);
        if (list_is_empty(&history->notes) && list_is_empty(&history->searches))
            break;
        serve(history);
    }
    uv_mutex_unlock(&history->mutex);
    history_rows_close(&history->rows);
}

/* ---- the loop ---- */

static void log_state(struct history *history)
{
    char text[256], aside[256];
    uv_mutex_lock(&history->mutex);
    int err = history->write_err;
    (void)str_copy(text, sizeof(text), history->text);
    (void)str_copy(aside, sizeof(aside), history->aside);
    history->aside[0] = '\0';
    uv_mutex_unlock(&history->mutex);
    if (*aside)
        log_error(LOG_STORE, "the history was damaged, a new one is begun: path=%s kept=%s", history->path,
                  aside);
    if (err < 0 && !history->failing_told)
        log_error(LOG_STORE,
                  "the history cannot be written, what happens now is missing in it: path=%s error=\"%s\"",
                  history->path, text);
    else if (err == 0 && history->failing_told)
        log_info(LOG_STORE, "the history is written again: path=%s", history->path);
    history->failing_told = err < 0;
}

static void tell_written(struct history *history)
{
    uv_mutex_lock(&history->mutex);
    move_all(&history->written, &history->telling);
    uv_mutex_unlock(&history->mutex);
    while (!list_is_empty(&history->telling)) { /* a callback may history_forget() */
        struct history_note *note = LIST_ITEM(history->telling.next, struct history_note, link);
        const struct history_text *text = &note->of_transaction;
        list_remove(&note->link);
        if (text->written)
            text->written(text->ctx, text->id, note->err);
        history_note_free(note);
    }
}

static void answer(struct history *history)
{
    uv_mutex_lock(&history->mutex);
    move_all(&history->found, &history->answering);
    uv_mutex_unlock(&history->mutex);
    while (!list_is_empty(&history->answering)) {
        struct search_job *job = LIST_ITEM(history->answering.next, struct search_job, link);
        list_remove(&job->link);
        if (job->found)
            job->found(job->ctx, job->err, STEAL(job->page));
        search_free(job);
    }
}

static void on_async(uv_async_t *handle)
{
    struct history *history = handle->data;
    log_state(history);
    tell_written(history);
    answer(history);
}

static int put(struct history *history, struct history_note *note, bool urgent)
{
    uv_mutex_lock(&history->mutex);
    bool full = history->note_count >= HISTORY_MAX_WAITING ||
                history->note_bytes + note->size > HISTORY_MAX_WAITING_BYTES;
    if (!full) {
        bool wakes = list_is_empty(&history->notes) || urgent || history->note_count + 1 == GATHER_MAX;
        list_append(&history->notes, &note->link);
        history->note_count++;
        history->note_bytes += note->size;
        history->urgent |= urgent;
        if (wakes)
            uv_cond_signal(&history->wake);
    }
    uv_mutex_unlock(&history->mutex);
    if (full && !history->full_told)
        log_error(LOG_STORE, "the history cannot be written fast enough, something is missing in it: path=%s",
                  history->path);
    history->full_told = full;
    if (full)
        history_note_free(note);
    return full ? -ENOBUFS : 0;
}

int history_put(struct history *history, struct history_note *note)
{
    return put(history, note, false);
}

int history_put_audit(struct history *history, const struct history_audit *audit)
{
    struct history_note *note = audit_note_new(audit);
    return note ? put(history, note, true) : -ENOMEM;
}

static int find(struct history *history, bool of_audit, const struct history_filter *filter,
                history_found found, void *ctx)
{
    if (!of_audit && *filter->state && !str_equal(filter->state, "running") &&
        !str_equal(filter->state, "ended"))
        return -EINVAL;
    struct search_job *job = malloc(sizeof(*job));
    if (!job)
        return -ENOMEM;
    *job = (struct search_job){ .of_audit = of_audit, .filter = *filter, .found = found, .ctx = ctx };
    uv_mutex_lock(&history->mutex);
    bool full = history->search_count >= HISTORY_MAX_SEARCHES;
    if (!full) {
        list_append(&history->searches, &job->link);
        history->search_count++;
        history->urgent = true;
        uv_cond_signal(&history->wake);
    }
    uv_mutex_unlock(&history->mutex);
    if (full)
        search_free(job);
    return full ? -ENOBUFS : 0;
}

int history_find_transactions(struct history *history, const struct history_filter *filter,
                              history_found found, void *ctx)
{
    return find(history, false, filter, found, ctx);
}

int history_find_audit(struct history *history, const struct history_filter *filter, history_found found,
                       void *ctx)
{
    return find(history, true, filter, found, ctx);
}

void history_forget(struct history *history, const void *ctx)
{
    struct list *notes[] = { &history->notes, &history->writing, &history->written, &history->telling };
    struct list *searches[] = { &history->searches, &history->searching, &history->found,
                                &history->answering };
    uv_mutex_lock(&history->mutex);
    for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
        LIST_FOREACH(link, next, notes[i])
        {
            struct history_note *note = LIST_ITEM(link, struct history_note, link);
            if (note->of_transaction.ctx == ctx)
                note->of_transaction.written = NULL;
        }
    for (size_t i = 0; i < ARRAY_SIZE(searches); i++)
        LIST_FOREACH(link, next, searches[i])
        {
            struct search_job *job = LIST_ITEM(link, struct search_job, link);
            if (job->ctx == ctx)
                job->found = NULL;
        }
    uv_mutex_unlock(&history->mutex);
}

/* ---- life ---- */

static void on_async_closed(uv_handle_t *handle)
{
    struct history *history = handle->data;
    uv_cond_destroy(&history->wake);
    uv_mutex_destroy(&history->mutex);
    free(history->path);
    free(history);
}

int history_open(struct loop *loop, const char *path, struct history **ret)
{
    struct history *history = calloc(1, sizeof(*history));
    if (!history || !(history->path = strdup(path))) {
        free(history);
        return -ENOMEM;
    }
    struct list *lists[] = { &history->notes,     &history->writing, &history->written, &history->searches,
                             &history->searching, &history->found,   &history->telling, &history->answering };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        list_init(lists[i]);
    (void)uv_mutex_init(&history->mutex);
    (void)uv_cond_init(&history->wake);
    (void)uv_async_init(&loop->uv, &history->async, on_async);
    history->async.data = history;
    int r = uv_thread_create(&history->thread, work, history);
    history->thread_runs = r == 0;
    if (r < 0) {
        history_close(history);
        return r;
    }
    *ret = history;
    return 0;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    uv_mutex_lock(&history->mutex);
    atomic_store(&history->ending, true);
    uv_cond_signal(&history->wake);
    uv_mutex_unlock(&history->mutex);
    if (history->thread_runs)
        (void)uv_thread_join(&history->thread);
    on_async(&history->async);
    uv_close((uv_handle_t *)&history->async, on_async_closed);
}
