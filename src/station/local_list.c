/* The Local Authorization List: an array of entries by their hash, replaced as a whole. */
#include "station/local_list.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/local_list_records.h"
#include "station/transaction_internal.h"

#define UNREADABLE    AUTHORIZATION_STATUSES
#define PURGE_AT_ONCE 2000 /* records: twice as many as a message can bring, so the CSMS is never faster */

/* ---- entries ---- */

/* Of what is in an idTokenInfo and has no member of its own here; "" for nothing. Heap, or NULL. */
static char *rest_of(const json_t *info)
{
    static const char *const known[] = { "status", "groupIdToken", "cacheExpiryDateTime", "evseId" };
    AUTO(json_t) *rest = json_copy((json_t *)info);
    for (size_t i = 0; rest && i < ARRAY_SIZE(known); i++)
        (void)json_object_del(rest, known[i]);
    if (!rest)
        return NULL;
    return json_object_size(rest) > 0 ? json_to_text(rest) : strdup("");
}

/* NULL without memory. */
static struct list_entry *entry_new(uint32_t generation, const uint8_t *hash, const json_t *info)
{
    const char *group = json_get_string(json_object_get(info, "groupIdToken"), "idToken", "");
    AUTO_FREE char *rest = rest_of(info);
    if (!rest)
        return NULL;
    size_t group_size = strlen(group) + 1, rest_size = strlen(rest) + 1;
    size_t size = sizeof(struct list_entry) + group_size + rest_size;
    struct list_entry *entry = malloc(size);
    if (!entry)
        return NULL;
    memcpy(entry->hash, hash, SIPHASH_SIZE);
    entry->expires_ms = token_info_expiry(info);
    entry->evses = token_info_evses(info);
    entry->status = (uint8_t)name_index(authorization_status_names, AUTHORIZATION_STATUSES,
                                        json_get_string(info, "status", ""), STATUS_INVALID);
    entry->size = (uint32_t)size;
    entry->generation = generation;
    memcpy(entry->group, group, group_size);
    memcpy(entry->group + group_size, rest, rest_size);
    return entry;
}

json_t *local_list_info(const struct list_entry *entry)
{
    const char *rest = entry->group + strlen(entry->group) + 1;
    return *rest ? json_from_text(rest, strlen(rest)) : NULL;
}

static void free_all(struct list_entry **entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

static int by_hash(const void *a, const void *b)
{
    const struct list_entry *const *left = a, *const *right = b;
    return memcmp((*left)->hash, (*right)->hash, SIPHASH_SIZE);
}

/* Of count entries by hash the first from `from` on that is not below hash; count: none. */
static size_t place_of(struct list_entry *const *entries, size_t from, size_t count, const uint8_t *hash)
{
    while (from < count) {
        size_t middle = from + (count - from) / 2;
        if (memcmp(entries[middle]->hash, hash, SIPHASH_SIZE) < 0)
            from = middle + 1;
        else
            count = middle;
    }
    return from;
}

static bool is_at(struct list_entry *const *entries, size_t at, size_t count, const uint8_t *hash)
{
    return at < count && memcmp(entries[at]->hash, hash, SIPHASH_SIZE) == 0;
}

const struct list_entry *local_list_find(const struct station *s, const struct id_token *token)
{
    const struct local_list *list = &s->local_list;
    uint8_t hash[SIPHASH_SIZE];
    if (list->count == 0)
        return NULL;
    id_token_hash(list->key, token, hash);
    size_t at = place_of(list->entries, 0, list->count, hash);
    return is_at(list->entries, at, list->count, hash) ? list->entries[at] : NULL;
}

static size_t bytes_of(size_t count, size_t bytes)
{
    return bytes + count * sizeof(struct list_entry *);
}

size_t local_list_bytes(const struct station *s)
{
    return bytes_of(s->local_list.count, s->local_list.bytes);
}

size_t local_list_max_bytes(const struct station *s)
{
    return (size_t)s->limits.local_list_entries * LOCAL_LIST_ENTRY_BYTES;
}

/* ---- what is no more in force ---- */

static void purge(struct station *s);

static void on_purged(struct station *s, void *ctx, int err)
{
    (void)ctx;
    s->local_list.is_purging = false;
    if (err == 0 && !s->freeing)
        purge(s);
}

/* The store gets rid of the next of them. What it does not take stays until the next start. */
static void purge(struct station *s)
{
    struct local_list *list = &s->local_list;
    size_t count = list->stale_count < PURGE_AT_ONCE ? list->stale_count : PURGE_AT_ONCE;
    struct list_records records = { 0 };
    if (list->is_purging || count == 0)
        return;
    if (list_records_init(&records, count) == 0) {
        while (records.count < count) {
            struct list_entry *entry = list->stale[--list->stale_count];
            (void)list_records_add(&records, entry->generation, entry->hash, NULL);
            free(entry);
        }
        list->is_purging = true;
        station_persist(s, records.items, records.count, on_purged, NULL);
    }
    list_records_done(&records);
    if (list->stale_count == 0) {
        free(list->stale);
        list->stale = NULL;
    }
}

/* Without memory they are forgotten, and found again at the next start. */
static void add_stale(struct local_list *list, struct list_entry **entries, size_t count)
{
    if (count == 0)
        return;
    struct list_entry **all = realloc(list->stale, (list->stale_count + count) * sizeof(struct list_entry *));
    if (!all) {
        for (size_t i = 0; i < count; i++)
            free(entries[i]);
        return;
    }
    memcpy(all + list->stale_count, entries, count * sizeof(struct list_entry *));
    list->stale = all;
    list->stale_count += count;
}

/* ---- an update: all of it is made first, then stored, then in force ---- */

struct change {
    uint8_t hash[SIPHASH_SIZE];
    struct list_entry *entry; /* NULL: it goes */
    const json_t *info;
};

struct list_update {
    struct rpc_request request;
    bool is_full;
    int64_t version;
    uint32_t generation;
    struct list_entry **entries; /* the new list: some of the old one, some of the changes */
    size_t count, bytes;
    struct list_entry **dropped; /* of the old list, by a Differential one */
    size_t dropped_count;
    struct change *changes; /* by hash */
    size_t change_count;
};

/* The new entries are its own until it is in force. */
static void update_free(struct list_update *u, bool is_in_force)
{
    for (size_t i = 0; u->changes && !is_in_force && i < u->change_count; i++)
        free(u->changes[i].entry);
    if (!is_in_force)
        free(u->entries);
    free(u->dropped);
    free(u->changes);
    free(u);
}

static int change_order(const void *a, const void *b)
{
    return memcmp(((const struct change *)a)->hash, ((const struct change *)b)->hash, SIPHASH_SIZE);
}

/* A reason code, or NULL. */
static const char *read_changes(const struct local_list *list, struct list_update *u, const json_t *items)
{
    size_t index;
    const json_t *item;
    json_array_foreach(items, index, item)
    {
        struct change *change = &u->changes[u->change_count++];
        const json_t *info = json_object_get(item, "idTokenInfo");
        struct id_token token;
        if (!id_token_from_json(json_object_get(item, "idToken"), &token))
            return "InvalidIdToken";
        if (!info && u->is_full)
            return "MissingParam";
        id_token_hash(list->key, &token, change->hash);
        change->info = info;
        change->entry = info ? entry_new(u->generation, change->hash, info) : NULL;
        if (info && !change->entry)
            return "OutOfMemory";
    }
    qsort(u->changes, u->change_count, sizeof(u->changes[0]), change_order);
    for (size_t i = 1; i < u->change_count; i++)
        if (change_order(&u->changes[i - 1], &u->changes[i]) == 0)
            return "InvalidValue"; /* D01.FR.06 */
    return NULL;
}

/* The old list's from one place up to before another stay. */
static void keep(struct list_update *u, const struct local_list *list, size_t from, size_t to)
{
    if (from < to)
        memcpy(u->entries + u->count, list->entries + from, (to - from) * sizeof(struct list_entry *));
    u->count += to - from;
}

/* Both are in order of hash. What is in both is the change's. */
static void merge(const struct local_list *list, struct list_update *u)
{
    size_t at = 0, count = u->is_full ? 0 : list->count;
    u->bytes = u->is_full ? 0 : list->bytes;
    for (size_t i = 0; i < u->change_count; i++) {
        const struct change *change = &u->changes[i];
        size_t place = place_of(list->entries, at, count, change->hash);
        keep(u, list, at, place);
        at = place;
        if (is_at(list->entries, at, count, change->hash)) {
            u->bytes -= list->entries[at]->size;
            u->dropped[u->dropped_count++] = list->entries[at++];
        }
        if (change->entry) {
            u->bytes += change->entry->size;
            u->entries[u->count++] = change->entry;
        }
    }
    keep(u, list, at, count);
}

/* Where the limits became lower than what there is, it may still become less. */
static bool is_too_much(const struct station *s, const struct list_update *u)
{
    size_t entries = (size_t)s->limits.local_list_entries, bytes = local_list_max_bytes(s);
    if (!u->is_full && s->local_list.count > entries)
        entries = s->local_list.count;
    if (!u->is_full && local_list_bytes(s) > bytes)
        bytes = local_list_bytes(s);
    return u->count > entries || bytes_of(u->count, u->bytes) > bytes;
}

/* What goes, then what comes: an entry that is replaced is in both, and stays. */
static int make_records(const struct list_update *u, struct list_records *r)
{
    if (list_records_init(r, u->dropped_count + u->change_count + LIST_HEAD_RECORDS) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < u->dropped_count; i++)
        if (list_records_add(r, u->generation, u->dropped[i]->hash, NULL) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < u->change_count; i++)
        if (u->changes[i].info &&
            list_records_add(r, u->generation, u->changes[i].hash, u->changes[i].info) < 0)
            return -ENOMEM;
    return 0;
}

static void answer_update(struct station *s, const struct rpc_request *request, const char *reason)
{
    if (reason)
        log_warn(LOG_STATION, "local authorization list not changed: station=%s why=%s", s->id, reason);
    answer_status(s, request, reason ? "Failed" : "Accepted", reason); /* D01.FR.02 */
}

static void come_into_force(struct local_list *list, struct list_update *u)
{
    if (u->is_full)
        add_stale(list, list->entries, list->count);
    for (size_t i = 0; i < u->dropped_count; i++)
        free(u->dropped[i]);
    free(list->entries);
    list->entries = u->entries;
    list->count = list->capacity = u->count;
    list->bytes = u->bytes;
    list->version = u->version;
    list->generation = u->generation;
}

static void on_stored(struct station *s, void *ctx, int err)
{
    struct list_update *u = ctx;
    s->local_list.update = NULL;
    if (s->freeing) {
        update_free(u, false);
        return;
    }
    if (err == 0) {
        come_into_force(&s->local_list, u);
        log_info(LOG_STATION, "local authorization list: station=%s version=%lld entries=%zu", s->id,
                 (long long)u->version, u->count);
    }
    answer_update(s, &u->request, err == -ENOSPC ? "OutOfStorage" : err ? "InternalError" : NULL);
    update_free(u, err == 0);
    if (err == 0)
        purge(s);
}

static void store(struct station *s, struct list_update *u, struct list_records *r)
{
    list_records_add_head(r, &s->local_list, u->version, u->generation);
    s->local_list.update = u;
    station_persist(s, r->items, r->count, on_stored, u);
}

static bool is_full(const json_t *payload)
{
    return str_equal(json_get_string(payload, "updateType", ""), "Full");
}

/* A reason code, or NULL: then the answer follows. */
static const char *begin_update(struct station *s, const struct rpc_request *request)
{
    struct local_list *list = &s->local_list;
    const json_t *items = json_object_get(request->payload, "localAuthorizationList");
    size_t count = json_array_size(items);
    struct list_update *u = calloc(1, sizeof(*u));
    if (!u)
        return "OutOfMemory";
    u->request = *request;
    u->request.payload = NULL;
    u->is_full = is_full(request->payload);
    u->version = json_get_int(request->payload, "versionNumber", 0);
    u->generation = list->generation + u->is_full;
    u->changes = calloc(count + 1, sizeof(*u->changes));
    u->entries = calloc((u->is_full ? 0 : list->count) + count + 1, sizeof(struct list_entry *));
    u->dropped = calloc(count + 1, sizeof(struct list_entry *));
    const char *reason = "OutOfMemory";
    struct list_records records = { 0 };
    if (u->changes && u->entries && u->dropped) {
        reason = read_changes(list, u, items);
        if (!reason)
            merge(list, u);
        if (!reason && is_too_much(s, u))
            reason = "OutOfStorage";
        if (!reason && make_records(u, &records) < 0)
            reason = "OutOfMemory";
    }
    if (reason)
        update_free(u, false);
    else
        store(s, u, &records);
    list_records_done(&records);
    return reason;
}

/* ---- requests ---- */

static void on_send_local_list(struct station *s, const struct rpc_request *request)
{
    struct local_list *list = &s->local_list;
    const json_t *payload = request->payload;
    int64_t version = json_get_int(payload, "versionNumber", 0);
    const char *reason = NULL;
    if (!variable_bool(s, VAR_LOCAL_LIST_ENABLED)) {
        reason = "NotEnabled";
    } else if (version <= 0) {
        reason = "InvalidValue"; /* D01.FR.18 */
    } else if (list->update) {
        reason = "InvalidMessageSeq"; /* the one before is not yet stored */
    } else if ((int64_t)json_array_size(json_object_get(payload, "localAuthorizationList")) >
               variable_int(s, VAR_LOCAL_LIST_ITEMS_PER_MESSAGE)) {
        reason = "TooManyElements"; /* D01.FR.11 */
    } else if (!is_full(payload) && version <= list->version) {
        answer_status(s, request, "VersionMismatch", NULL); /* D01.FR.19 */
        return;
    } else {
        if (!list->has_key)
            s->env->random(s->env->ctx, list->key, sizeof(list->key));
        list->has_key = true;
        reason = begin_update(s, request);
    }
    if (reason)
        answer_update(s, request, reason);
}

static void on_get_local_list_version(struct station *s, const struct rpc_request *request)
{
    bool is_enabled = variable_bool(s, VAR_LOCAL_LIST_ENABLED); /* else 0: D02.FR.03 */
    rpc_result(
        s->rpc, request,
        json_pack("{s:I}", "versionNumber", is_enabled ? (json_int_t)s->local_list.version : (json_int_t)0));
}

const struct handler local_list_handlers[] = {
    { "SendLocalList", WHEN_ACCEPTED, on_send_local_list },
    { "GetLocalListVersion", WHEN_ACCEPTED, on_get_local_list_version },
    { NULL, WHEN_ACCEPTED, NULL },
};

/* ---- life ---- */

static int restore_entry(struct local_list *list, uint32_t generation, const uint8_t *hash, const char *value)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct list_entry **entries = realloc(list->entries, capacity * sizeof(struct list_entry *));
        if (!entries)
            return -ENOMEM;
        list->entries = entries;
        list->capacity = capacity;
    }
    AUTO(json_t) *info = json_from_text(value, strlen(value));
    AUTO(json_t) *nothing = json_object();
    struct list_entry *entry = entry_new(generation, hash, json_is_object(info) ? info : nothing);
    if (!entry)
        return -ENOMEM;
    if (!json_is_object(info))
        entry->status = UNREADABLE;
    list->entries[list->count++] = entry;
    return 0;
}

void local_list_restore(struct station *s, const char *key, const char *value)
{
    struct local_list *list = &s->local_list;
    uint8_t hash[SIPHASH_SIZE];
    uint32_t generation;
    switch (list_record_read(list, key, value, &generation, hash)) {
    case LIST_RECORD_HEAD:
        break;
    case LIST_RECORD_ENTRY:
        if (restore_entry(list, generation, hash, value) < 0)
            list->is_damaged = true;
        break;
    case LIST_RECORD_UNKNOWN:
        log_warn(LOG_STATION, "no record of the local authorization list: station=%s key=%s", s->id, key);
        break;
    }
}

static bool is_whole(const struct local_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i]->generation == list->generation && list->entries[i]->status == UNREADABLE)
            return false;
    return !list->is_damaged && (list->count == 0 || list->has_key); /* nothing can be found without it */
}

/* Half a list is none: the CSMS is told so by its version, and sends it anew. What is in the store is of a generation that is over. */
static void give_up(struct station *s)
{
    struct local_list *list = &s->local_list;
    struct list_records head = { 0 };
    log_error(LOG_STATION, "the local authorization list cannot be read any more: station=%s", s->id);
    if (!list->has_key)
        s->env->random(s->env->ctx, list->key, sizeof(list->key));
    list->has_key = true;
    list->version = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i]->generation > list->generation)
            list->generation = list->entries[i]->generation;
    list->generation++;
    if (list_records_init(&head, LIST_HEAD_RECORDS) == 0) {
        list_records_add_head(&head, list, list->version, list->generation);
        station_persist(s, head.items, head.count, NULL, NULL);
    }
    list_records_done(&head);
}

void local_list_start(struct station *s)
{
    struct local_list *list = &s->local_list;
    size_t count = 0;
    if (!is_whole(list))
        give_up(s);
    for (size_t i = 0; i < list->count; i++) {
        struct list_entry *entry = list->entries[i];
        if (entry->generation != list->generation) {
            add_stale(list, &entry, 1);
            continue;
        }
        list->bytes += entry->size;
        list->entries[count++] = entry;
    }
    list->count = count;
    if (count > 0)
        qsort(list->entries, count, sizeof(struct list_entry *), by_hash);
    purge(s);
}

void local_list_done(struct station *s)
{
    struct local_list *list = &s->local_list;
    free_all(list->entries, list->count);
    free_all(list->stale, list->stale_count);
    list->entries = list->stale = NULL;
    list->count = list->capacity = list->bytes = list->stale_count = 0;
}
