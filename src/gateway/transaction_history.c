/* From a station's records to the history (transaction_history.h). The texts are only copied here; transaction_history_read.c reads them on the
 * history's thread. */
#include "gateway/transaction_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define KEY_SIZE      64 /* of RECORD_HISTORY: a prefix and the key of the record that it stands for */
#define EVENT_PREFIX  "event/"
#define RECORD_PREFIX "record/"

/* ---- what the history does not have yet ---- */

/* A running transaction of which something is on its way to the history that is told but once: its start, its EVSE, its token. Its record is kept for
 * the case that it ends before that has arrived. */
struct unwritten {
    struct list link;
    unsigned notes; /* on their way */
    bool stands;    /* in the store, as RECORD_HISTORY */
    char *record;
    char id[];
};

static struct unwritten *find_unwritten(const struct transaction_history *told, const char *id)
{
    LIST_FOREACH(link, following, &told->unwritten)
    {
        struct unwritten *unwritten = LIST_ITEM(link, struct unwritten, link);
        if (str_equal(unwritten->id, id))
            return unwritten;
    }
    return NULL;
}

static void unwritten_free(struct unwritten *unwritten)
{
    list_remove(&unwritten->link);
    free(unwritten->record);
    free(unwritten);
}

/* One note more. NULL without memory. */
static struct unwritten *hold_unwritten(struct transaction_history *told, const char *id, const char *record)
{
    struct unwritten *unwritten = find_unwritten(told, id);
    char *copy = strdup(record);
    if (copy && !unwritten && (unwritten = calloc(1, sizeof(*unwritten) + strlen(id) + 1))) {
        (void)stpcpy(unwritten->id, id);
        list_append(&told->unwritten, &unwritten->link);
    }
    if (!copy || !unwritten) {
        free(copy);
        return NULL;
    }
    free(unwritten->record);
    unwritten->record = copy;
    unwritten->notes++;
    return unwritten;
}

static void forget_stored(struct transaction_history *told, const char *key)
{
    const struct record record = { RECORD_HISTORY, key, NULL };
    (void)store_write(told->store, told->station, &record, 1, NULL, NULL);
}

static void put_unwritten(struct transaction_history *told, struct unwritten *unwritten)
{
    char key[KEY_SIZE];
    if (--unwritten->notes > 0)
        return;
    (void)snprintf(key, sizeof(key), RECORD_PREFIX "%s", unwritten->id);
    if (unwritten->stands)
        forget_stored(told, key);
    unwritten_free(unwritten);
}

/* ---- notes ---- */

/* A note that waits for its batch to be committed. */
struct pending {
    struct list link;
    uint64_t batch;
    struct history_note *note;
    struct unwritten *unwritten; /* that it holds, or NULL */
};

static void pending_free(struct pending *pending)
{
    list_remove(&pending->link);
    history_note_free(pending->note);
    free(pending);
}

/* It is on the disk, or was given up. */
static void on_end_written(void *ctx, const char *key, int err)
{
    (void)err;
    forget_stored(ctx, key);
}

static void on_once_written(void *ctx, const char *id, int err)
{
    struct unwritten *unwritten = find_unwritten(ctx, id);
    (void)err;
    if (unwritten)
        put_unwritten(ctx, unwritten);
}

/* Gives the note to the history, at once or when its batch is committed. Without memory the history misses something; the station does not. */
static void tell(struct transaction_history *told, const struct history_text *text,
                 struct unwritten *unwritten, bool at_once)
{
    struct history_note *note = history_note_new(text);
    struct pending *pending = note && !at_once ? malloc(sizeof(*pending)) : NULL;
    if (pending) {
        *pending = (struct pending){ .batch = told->asked, .note = note, .unwritten = unwritten };
        list_append(&told->notes, &pending->link);
        return;
    }
    bool is_told = note && at_once && history_put(told->history, note) == 0;
    if (note && !at_once)
        history_note_free(note);
    if (unwritten && !is_told)
        put_unwritten(told, unwritten);
}

static void tell_event(struct transaction_history *told, const char *text, const char *end_key, bool at_once)
{
    tell(told,
         &(struct history_text){ .station = told->station,
                                 .id = end_key ? end_key : "",
                                 .text = text,
                                 .read = transaction_history_read_event,
                                 .written = end_key ? on_end_written : NULL,
                                 .ctx = told },
         NULL, at_once);
}

/* `text` is the record itself, or an event that comes with it. `once`: it says what is not said again. */
static void tell_running(struct transaction_history *told, const struct record *record, const char *text,
                         bool once, bool at_once)
{
    struct unwritten *unwritten = once ? hold_unwritten(told, record->key, record->value) : NULL;
    tell(told,
         &(struct history_text){ .station = told->station,
                                 .id = record->key,
                                 .text = text,
                                 .read = text == record->value ? transaction_history_read_record
                                                               : transaction_history_read_event,
                                 .written = unwritten ? on_once_written : NULL,
                                 .ctx = told },
         unwritten, at_once);
}

/* ---- batches ---- */

/* A batch as it is stored: with what the history does not have yet of transactions that end in it. */
struct batch {
    struct record *records; /* NULL: nothing is added, or there is no memory for it */
    char (*keys)[KEY_SIZE];
    size_t count;
};

static bool is_event(const struct record *record)
{
    return record->kind == RECORD_EVENT && record->value;
}

static bool is_record(const struct record *record)
{
    return record->kind == RECORD_TRANSACTION && record->value;
}

/* An event stands before the record of its transaction; if there is none any more, it ended by now. */
static bool is_of_ended(const struct record *records, size_t count, size_t index)
{
    return is_event(&records[index]) && index + 1 < count && records[index + 1].kind == RECORD_TRANSACTION &&
           !records[index + 1].value;
}

/* The texts are our own, without blanks. */
static bool says_what_is_said_once(const char *event)
{
    return strstr(event, "\"evse\":") || strstr(event, "\"idToken\":");
}

static void add(struct batch *batch, size_t key, const char *prefix, const char *name, const char *value)
{
    (void)snprintf(batch->keys[key], KEY_SIZE, "%s%s", prefix, name);
    batch->records[batch->count++] = (struct record){ RECORD_HISTORY, batch->keys[key], value };
}

static void add_ends(struct transaction_history *told, const struct record *records, size_t count,
                     struct batch *batch)
{
    size_t key = 0;
    batch->count = count;
    memcpy(batch->records, records, count * sizeof(*records));
    for (size_t i = 0; i < count; i++) {
        if (!is_of_ended(records, count, i))
            continue;
        struct unwritten *unwritten = find_unwritten(told, records[i + 1].key);
        add(batch, key++, EVENT_PREFIX, records[i].key, records[i].value);
        if (unwritten) {
            unwritten->stands = true;
            add(batch, key++, RECORD_PREFIX, unwritten->id, unwritten->record);
        }
    }
}

static void batch_init(struct batch *batch, struct transaction_history *told, const struct record *records,
                       size_t count)
{
    size_t ends = 0;
    *batch = (struct batch){ 0 };
    for (size_t i = 0; i < count; i++)
        ends += is_of_ended(records, count, i);
    if (!ends)
        return;
    batch->records = calloc(count + 2 * ends, sizeof(*batch->records));
    batch->keys = calloc(2 * ends, sizeof(*batch->keys));
    if (batch->records && batch->keys)
        add_ends(told, records, count, batch);
    else
        free(STEAL(batch->records));
}

static void batch_done(struct batch *batch)
{
    free(batch->records);
    free(batch->keys);
}

/* Where there is an event, the record beside it says nothing new; between events it has the energy drawn meanwhile. */
static void tell_batch(struct transaction_history *told, const struct record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct record *record = &records[i], *next = i + 1 < count ? record + 1 : NULL;
        char key[KEY_SIZE];
        if (is_event(record) && next && is_record(next)) {
            tell_running(told, next, record->value, says_what_is_said_once(record->value), false);
            i++;
        } else if (is_event(record)) {
            (void)snprintf(key, sizeof(key), EVENT_PREFIX "%s", record->key);
            tell_event(told, record->value, is_of_ended(records, count, i) ? key : NULL, false);
        } else if (is_record(record)) {
            tell_running(told, record, record->value, false, false);
        }
    }
}

int transaction_history_write(struct transaction_history *told, const struct record *records, size_t count,
                              store_written callback, void *ctx)
{
    struct batch batch;
    batch_init(&batch, told, records, count);
    int r = store_write(told->store, told->station, batch.records ? batch.records : records,
                        batch.records ? batch.count : count, callback, ctx);
    batch_done(&batch);
    if (r < 0)
        return r;
    told->asked++;
    tell_batch(told, records, count);
    return 0;
}

void transaction_history_on_written(struct transaction_history *told, int err)
{
    told->answered++;
    LIST_FOREACH(link, following, &told->notes)
    {
        struct pending *pending = LIST_ITEM(link, struct pending, link);
        if (pending->batch > told->answered)
            break;
        bool is_told = err == 0 && history_put(told->history, STEAL(pending->note)) == 0;
        if (!is_told && pending->unwritten)
            put_unwritten(told, pending->unwritten);
        pending_free(pending);
    }
}

static void restore_own(struct transaction_history *told, const char *key, const char *value)
{
    if (str_starts(key, EVENT_PREFIX)) {
        tell_event(told, value, key, true);
        return;
    }
    const struct record record = { RECORD_TRANSACTION, key + strlen(RECORD_PREFIX), value };
    if (!str_starts(key, RECORD_PREFIX))
        return;
    tell_running(told, &record, value, true, true);
    struct unwritten *unwritten = find_unwritten(told, record.key);
    if (unwritten)
        unwritten->stands = true;
}

void transaction_history_restore(struct transaction_history *told, enum record_kind kind, const char *key,
                                 const char *value)
{
    const struct record record = { kind, key, value };
    if (is_event(&record))
        tell_event(told, value, NULL, true);
    else if (is_record(&record))
        tell_running(told, &record, value, true, true);
    else if (kind == RECORD_HISTORY)
        restore_own(told, key, value);
}

/* ---- life ---- */

void transaction_history_init(struct transaction_history *told, struct history *history, struct store *store,
                              const char *station)
{
    *told = (struct transaction_history){ .history = history, .store = store, .station = station };
    list_init(&told->notes);
    list_init(&told->unwritten);
}

void transaction_history_done(struct transaction_history *told)
{
    LIST_FOREACH(link, following, &told->notes)
    pending_free(LIST_ITEM(link, struct pending, link));
    LIST_FOREACH(link, following, &told->unwritten)
    unwritten_free(LIST_ITEM(link, struct unwritten, link));
    history_forget(told->history, told);
}
