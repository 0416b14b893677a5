/* The Local Authorization List: an array of entries by their hash, replaced as a whole. */
#include "station/local_list.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/transaction_internal.h"

#define HASH_TEXT      (2 * SIPHASH_SIZE + 1)
#define KEY_RECORD     "key"
#define VERSION_RECORD "version"

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
static struct list_entry *entry_new(const uint8_t *hash, const json_t *info)
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

static int hash_to_entry(const void *key, const void *item)
{
    const struct list_entry *const *entry = item;
    return memcmp(key, (*entry)->hash, SIPHASH_SIZE);
}

const struct list_entry *local_list_find(const struct station *s, const struct id_token *token)
{
    const struct local_list *list = &s->local_list;
    uint8_t hash[SIPHASH_SIZE];
    if (list->count == 0)
        return NULL;
    id_token_hash(list->key, token, hash);
    struct list_entry **found =
        bsearch(hash, list->entries, list->count, sizeof(*list->entries), hash_to_entry);
    return found ? *found : NULL;
}

size_t local_list_bytes(const struct station *s)
{
    return s->local_list.bytes + s->local_list.count * sizeof(struct list_entry *);
}

size_t local_list_max_bytes(const struct station *s)
{
    const size_t most = sizeof(struct list_entry *) + sizeof(struct list_entry) + ID_TOKEN_SIZE + 1;
    return (size_t)s->limits.local_list_entries * most;
}

/* ---- an update: all of it is made first, then stored, then in force ---- */

struct change {
    uint8_t hash[SIPHASH_SIZE];
    struct list_entry *entry; /* NULL: it goes */
    const json_t *info;
};

struct list_update {
    struct rpc_request request;
    int64_t version;
    struct list_entry **entries; /* the new list: some of the old one, some of the changes */
    size_t count, bytes;
    struct list_entry **dropped; /* of the old list */
    size_t dropped_count;
    struct change *changes; /* by hash */
    size_t change_count;
};

static void update_free(struct list_update *u, bool is_in_force)
{
    for (size_t i = 0; !is_in_force && i < u->change_count; i++)
        free(u->changes[i].entry);
    if (is_in_force)
        free_all(u->dropped, u->dropped_count);
    else
        free(u->dropped);
    if (!is_in_force)
        free(u->entries);
    free(u->changes);
    free(u);
}

static int change_order(const void *a, const void *b)
{
    return memcmp(((const struct change *)a)->hash, ((const struct change *)b)->hash, SIPHASH_SIZE);
}

/* A reason code, or NULL. */
static const char *read_changes(const struct local_list *list, struct list_update *u, const json_t *items,
                                bool is_full)
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
        if (!info && is_full)
            return "MissingParam";
        id_token_hash(list->key, &token, change->hash);
        change->info = info;
        change->entry = info ? entry_new(change->hash, info) : NULL;
        if (info && !change->entry)
            return "OutOfMemory";
    }
    qsort(u->changes, u->change_count, sizeof(u->changes[0]), change_order);
    for (size_t i = 1; i < u->change_count; i++)
        if (change_order(&u->changes[i - 1], &u->changes[i]) == 0)
            return "InvalidValue"; /* D01.FR.06 */
    return NULL;
}

static void take(struct list_update *u, struct list_entry *entry)
{
    u->entries[u->count++] = entry;
    u->bytes += entry->size;
}

/* Both in order of hash. What is in both is the change's. */
static void merge(const struct local_list *list, struct list_update *u, bool is_full)
{
    size_t i = 0, c = 0;
    while (i < list->count || c < u->change_count) {
        int order = i == list->count       ? 1
                    : c == u->change_count ? -1
                                           : memcmp(list->entries[i]->hash, u->changes[c].hash, SIPHASH_SIZE);
        if (order < 0 && !is_full)
            take(u, list->entries[i]);
        else if (order <= 0)
            u->dropped[u->dropped_count++] = list->entries[i];
        if (order <= 0)
            i++;
        if (order >= 0 && u->changes[c].entry)
            take(u, u->changes[c].entry);
        if (order >= 0)
            c++;
    }
}

struct list_records {
    struct record *items;
    char (*names)[HASH_TEXT];
    json_t *texts; /* that the values are borrowed from */
    size_t count;
};

static void records_done(struct list_records *r)
{
    free(r->items);
    free(r->names);
    json_decref(r->texts);
}

static int add_record(struct list_records *r, const uint8_t *hash, const json_t *info)
{
    const char *value = NULL;
    if (info) {
        AUTO_FREE char *text = json_to_text(info);
        json_t *kept = text ? json_string(text) : NULL;
        value = json_string_value(kept);
        if (!kept || json_array_append_new(r->texts, kept) < 0)
            return -ENOMEM;
    }
    hex_encode(hash, SIPHASH_SIZE, r->names[r->count], HASH_TEXT);
    r->items[r->count] = (struct record){ RECORD_LOCAL_LIST, r->names[r->count], value };
    r->count++;
    return 0;
}

/* What goes, then what comes: an entry that is replaced is in both, and stays. */
static int make_records(const struct list_update *u, struct list_records *r)
{
    size_t most = u->dropped_count + u->change_count + 2;
    r->items = calloc(most, sizeof(*r->items));
    r->names = calloc(most, sizeof(*r->names));
    r->texts = json_array();
    if (!r->items || !r->names || !r->texts)
        return -ENOMEM;
    for (size_t i = 0; i < u->dropped_count; i++)
        if (add_record(r, u->dropped[i]->hash, NULL) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < u->change_count; i++)
        if (u->changes[i].info && add_record(r, u->changes[i].hash, u->changes[i].info) < 0)
            return -ENOMEM;
    return 0;
}

static void answer_update(struct station *s, const struct rpc_request *request, const char *reason)
{
    if (reason)
        log_warn(LOG_STATION, "local authorization list not changed: station=%s why=%s", s->id, reason);
    answer_status(s, request, reason ? "Failed" : "Accepted", reason); /* D01.FR.02 */
}

static void on_stored(struct station *s, void *ctx, int err)
{
    struct local_list *list = &s->local_list;
    struct list_update *u = ctx;
    list->update = NULL;
    if (s->freeing) {
        update_free(u, false);
        return;
    }
    if (err == 0) {
        free(list->entries);
        list->entries = u->entries;
        list->count = list->capacity = u->count;
        list->bytes = u->bytes;
        list->version = u->version;
        log_info(LOG_STATION, "local authorization list: station=%s version=%lld entries=%zu", s->id,
                 (long long)u->version, u->count);
    }
    answer_update(s, &u->request, err == -ENOSPC ? "OutOfStorage" : err ? "InternalError" : NULL);
    update_free(u, err == 0);
}

static void store(struct station *s, struct list_update *u, struct list_records *r)
{
    char version[24], key[2 * SIPHASH_KEY_SIZE + 1];
    snprintf(version, sizeof(version), "%lld", (long long)u->version);
    hex_encode(s->local_list.key, SIPHASH_KEY_SIZE, key, sizeof(key));
    r->items[r->count++] = (struct record){ RECORD_LOCAL_LIST, VERSION_RECORD, version };
    r->items[r->count++] = (struct record){ RECORD_LOCAL_LIST, KEY_RECORD, key };
    s->local_list.update = u;
    station_persist(s, r->items, r->count, on_stored, u);
}

/* A reason code, or NULL: then the answer follows. */
static const char *begin_update(struct station *s, const struct rpc_request *request)
{
    struct local_list *list = &s->local_list;
    const json_t *items = json_object_get(request->payload, "localAuthorizationList");
    bool is_full = str_equal(json_get_string(request->payload, "updateType", ""), "Full");
    size_t count = json_array_size(items);
    struct list_update *u = calloc(1, sizeof(*u));
    if (!u)
        return "OutOfMemory";
    u->request = *request;
    u->request.payload = NULL;
    u->version = json_get_int(request->payload, "versionNumber", 0);
    u->changes = calloc(count + 1, sizeof(*u->changes));
    u->entries = calloc(list->count + count + 1, sizeof(struct list_entry *));
    u->dropped = calloc(list->count + 1, sizeof(struct list_entry *));
    const char *reason = "OutOfMemory";
    struct list_records records = { 0 };
    if (u->changes && u->entries && u->dropped) {
        reason = read_changes(list, u, items, is_full);
        if (!reason)
            merge(list, u, is_full);
        if (!reason && u->count > (size_t)s->limits.local_list_entries)
            reason = "OutOfStorage";
        if (!reason && make_records(u, &records) < 0)
            reason = "OutOfMemory";
    }
    if (reason)
        update_free(u, false);
    else
        store(s, u, &records);
    records_done(&records);
    return reason;
}

/* ---- requests ---- */

static void on_send_local_list(struct station *s, const struct rpc_request *request)
{
    struct local_list *list = &s->local_list;
    const json_t *payload = request->payload;
    int64_t version = json_get_int(payload, "versionNumber", 0);
    bool is_full = str_equal(json_get_string(payload, "updateType", ""), "Full");
    const char *reason = NULL;
    if (!variable_bool(s, VAR_LOCAL_LIST_ENABLED)) {
        reason = "NotEnabled";
    } else if (version <= 0) {
        reason = "InvalidValue"; /* D01.FR.18 */
    } else if (list->update) {
        reason = "Busy";
    } else if ((int64_t)json_array_size(json_object_get(payload, "localAuthorizationList")) >
               variable_int(s, VAR_LOCAL_LIST_ITEMS_PER_MESSAGE)) {
        reason = "TooManyElements"; /* D01.FR.11 */
    } else if (!is_full && version <= list->version) {
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

static int restore_entry(struct local_list *list, const uint8_t *hash, const json_t *info)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct list_entry **entries = realloc(list->entries, capacity * sizeof(struct list_entry *));
        if (!entries)
            return -ENOMEM;
        list->entries = entries;
        list->capacity = capacity;
    }
    struct list_entry *entry = entry_new(hash, info);
    if (!entry)
        return -ENOMEM;
    list->entries[list->count++] = entry;
    list->bytes += entry->size;
    return 0;
}

void local_list_restore(struct station *s, const char *key, const char *value)
{
    struct local_list *list = &s->local_list;
    uint8_t hash[SIPHASH_SIZE];
    if (str_equal(key, KEY_RECORD)) {
        list->has_key = hex_decode(value, list->key, sizeof(list->key)) == SIPHASH_KEY_SIZE;
        return;
    }
    if (str_equal(key, VERSION_RECORD)) {
        (void)str_to_int64(value, &list->version);
        return;
    }
    AUTO(json_t) *info = json_from_text(value, strlen(value));
    if (!json_is_object(info) || hex_decode(key, hash, sizeof(hash)) != SIPHASH_SIZE)
        log_warn(LOG_STATION, "cannot read an entry of the local authorization list: station=%s", s->id);
    else if (restore_entry(list, hash, info) < 0)
        log_error(LOG_STATION, "no memory for the local authorization list: station=%s", s->id);
}

void local_list_start(struct station *s)
{
    struct local_list *list = &s->local_list;
    if (list->count > 0 && !list->has_key) { /* nothing can be found without it: the CSMS sends it anew */
        log_error(LOG_STATION, "the local authorization list cannot be read any more: station=%s", s->id);
        local_list_done(s);
        list->version = 0;
    }
    if (list->count > 0)
        qsort(list->entries, list->count, sizeof(struct list_entry *), by_hash);
}

void local_list_done(struct station *s)
{
    struct local_list *list = &s->local_list;
    free_all(list->entries, list->count);
    list->entries = NULL;
    list->count = list->capacity = list->bytes = 0;
}
