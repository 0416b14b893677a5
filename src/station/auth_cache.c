/* The authorization cache: a hash table by open addressing.
 *
 *     token -> "TYPE/VALUE" in upper case -> siphash under the station's key -> slot
 *
 * Holds: at most three quarters of the slots are taken; between an entry and the slot its hash points to none is free; the key is
 * in the store before or together with the first entry. */
#include "station/auth_cache.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/transaction_internal.h"

#define MIN_CAPACITY 8
#define MAX_CAPACITY ((size_t)AUTH_CACHE_MAX / 3 * 4)
#define HASH_TEXT    (2 * SIPHASH_SIZE + 1)
#define KEY_RECORD   "key"
#define PURGE_MS     3600000
#define STALE_MS     60000 /* times in the store may be older than here by so much */

const char *const authorization_status_names[AUTHORIZATION_STATUSES] = {
    [STATUS_ACCEPTED] = "Accepted",
    [STATUS_BLOCKED] = "Blocked",
    [STATUS_CONCURRENT_TX] = "ConcurrentTx",
    [STATUS_EXPIRED] = "Expired",
    [STATUS_INVALID] = "Invalid",
    [STATUS_NO_CREDIT] = "NoCredit",
    [STATUS_NOT_ALLOWED_TYPE_EVSE] = "NotAllowedTypeEVSE",
    [STATUS_NOT_AT_THIS_LOCATION] = "NotAtThisLocation",
    [STATUS_NOT_AT_THIS_TIME] = "NotAtThisTime",
    [STATUS_UNKNOWN] = "Unknown",
};

/* ---- the table ---- */

static size_t home_of(const struct auth_cache *c, const uint8_t *hash)
{
    uint32_t start;
    memcpy(&start, hash, sizeof(start));
    return start & (c->capacity - 1);
}

static size_t next_slot(const struct auth_cache *c, size_t slot)
{
    return (slot + 1) & (c->capacity - 1);
}

/* Where the hash is, or the free slot where it would be. The table is not empty. */
static struct cached_token *slot_of(const struct auth_cache *c, const uint8_t *hash)
{
    size_t slot = home_of(c, hash);
    while (c->slots[slot].is_taken && memcmp(c->slots[slot].hash, hash, SIPHASH_SIZE) != 0)
        slot = next_slot(c, slot);
    return &c->slots[slot];
}

static struct cached_token *find_hash(const struct auth_cache *c, const uint8_t *hash)
{
    struct cached_token *token = c->capacity ? slot_of(c, hash) : NULL;
    return token && token->is_taken ? token : NULL;
}

static void set_group(struct auth_cache *c, struct cached_token *token, char *group)
{
    c->group_bytes -= token->group ? strlen(token->group) : 0;
    c->group_bytes += group ? strlen(group) : 0;
    free(token->group);
    token->group = group;
}

/* Those behind move up, or they could not be found any more. */
static void take_out(struct auth_cache *c, struct cached_token *token)
{
    size_t hole = (size_t)(token - c->slots), mask = c->capacity - 1;
    set_group(c, token, NULL);
    for (size_t i = next_slot(c, hole); c->slots[i].is_taken; i = next_slot(c, i)) {
        size_t home = home_of(c, c->slots[i].hash);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        c->slots[hole] = c->slots[i];
        hole = i;
    }
    c->slots[hole] = (struct cached_token){ 0 };
    if (--c->count > 0)
        return;
    free(c->slots);
    c->slots = NULL;
    c->capacity = 0;
}

/* Room for one more. */
static int grow(struct auth_cache *c)
{
    if ((c->count + 1) * 4 <= c->capacity * 3)
        return 0;
    size_t old_capacity = c->capacity, capacity = old_capacity ? old_capacity * 2 : MIN_CAPACITY;
    struct cached_token *old = c->slots,
                        *slots = capacity > MAX_CAPACITY ? NULL : calloc(capacity, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    c->slots = slots;
    c->capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].is_taken)
            *slot_of(c, old[i].hash) = old[i];
    free(old);
    return 0;
}

/* ---- the store ---- */

static char *token_record(const struct cached_token *token)
{
    AUTO(json_t) *record =
        json_pack("{s:s, s:I, s:I, s:I, s:I}", "status", authorization_status_names[token->status], "added",
                  (json_int_t)token->added_ms, "updated", (json_int_t)token->updated_ms, "used",
                  (json_int_t)token->used_ms, "uses", (json_int_t)token->uses);
    if (!record || json_set_text(record, "group", token->group) < 0)
        return NULL;
    if (token->expires_ms >= 0 && json_set_optional(record, "expires", json_integer(token->expires_ms)) < 0)
        return NULL;
    if (token->evses != EVERY_EVSE &&
        json_set_optional(record, "evses", json_integer((json_int_t)token->evses)) < 0)
        return NULL;
    return json_to_text(record);
}

static void on_key_stored(struct station *s, void *ctx, int err)
{
    (void)ctx;
    if (!s->freeing && !err)
        s->auth_cache.key_is_stored = true;
}

static void store(struct station *s, const struct cached_token *token)
{
    const struct auth_cache *c = &s->auth_cache;
    char name[HASH_TEXT], key[2 * SIPHASH_KEY_SIZE + 1];
    AUTO_FREE char *value =
        token_record(token); /* without memory it is deleted: rather nothing than what was */
    hex_encode(token->hash, SIPHASH_SIZE, name, sizeof(name));
    hex_encode(c->key, SIPHASH_KEY_SIZE, key, sizeof(key));
    struct record records[] = { { RECORD_TOKEN, name, value }, { RECORD_TOKEN, KEY_RECORD, key } };
    if (c->key_is_stored)
        station_persist(s, records, 1, NULL, NULL);
    else
        station_persist(s, records, 2, on_key_stored, NULL);
}

static void forget(struct station *s, struct cached_token *token)
{
    char name[HASH_TEXT];
    hex_encode(token->hash, SIPHASH_SIZE, name, sizeof(name));
    take_out(&s->auth_cache, token);
    station_persist(s, &(struct record){ RECORD_TOKEN, name, NULL }, 1, NULL, NULL);
}

/* ---- expiry and replacement ---- */

static bool is_expired(const struct station *s, const struct cached_token *token)
{
    int64_t now_ms = station_wall_ms(s);
    if (token->expires_ms >= 0)
        return now_ms > token->expires_ms;                                                /* C10.FR.13 */
    return now_ms - token->updated_ms > variable_int(s, VAR_AUTH_CACHE_LIFE_TIME) * 1000; /* C10.FR.10 */
}

static void purge(struct station *s)
{
    struct auth_cache *c = &s->auth_cache;
    for (size_t i = 0; i < c->capacity;) {
        if (c->slots[i].is_taken && is_expired(s, &c->slots[i]))
            forget(s, &c->slots[i]); /* another one may be here now */
        else
            i++;
    }
}

static void await_purge(struct station *s)
{
    if (s->auth_cache.count > 0 && !timer_is_active(&s->auth_cache.purge_timer))
        env_timer_start(s->env, &s->auth_cache.purge_timer, PURGE_MS);
}

static void on_purge_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    purge(ctx);
    await_purge(ctx);
}

enum policy { POLICY_LRU, POLICY_LFU, POLICY_FIFO, POLICIES };
static const char *const policy_names[POLICIES] = { "LRU", "LFU", "FIFO" };

static bool goes_before(const struct cached_token *a, const struct cached_token *b, enum policy policy)
{
    if ((a->status == STATUS_ACCEPTED) != (b->status == STATUS_ACCEPTED))
        return a->status != STATUS_ACCEPTED; /* C10.FR.07 */
    if (policy == POLICY_FIFO)
        return a->added_ms < b->added_ms;
    if (policy == POLICY_LFU && a->uses != b->uses)
        return a->uses < b->uses;
    return a->used_ms < b->used_ms;
}

/* Only when the table is full and a token comes that is new: one walk through it. */
static void replace_one(struct station *s)
{
    struct auth_cache *c = &s->auth_cache;
    enum policy policy =
        (enum policy)name_index(policy_names, POLICIES, variable_text(s, VAR_AUTH_CACHE_POLICY), POLICY_LRU);
    struct cached_token *victim = NULL;
    for (size_t i = 0; i < c->capacity; i++)
        if (c->slots[i].is_taken && (!victim || goes_before(&c->slots[i], victim, policy)))
            victim = &c->slots[i];
    if (victim)
        forget(s, victim);
}

/* The hash's entry, a new one if it has none; NULL without memory. */
static struct cached_token *make_entry(struct station *s, const uint8_t *hash)
{
    struct auth_cache *c = &s->auth_cache;
    struct cached_token *token = find_hash(c, hash);
    if (token)
        return token;
    if (grow(c) < 0)
        purge(s);
    if (grow(c) < 0)
        replace_one(s);
    if (grow(c) < 0)
        return NULL;
    token = slot_of(c, hash);
    *token = (struct cached_token){ .is_taken = true, .expires_ms = -1, .evses = EVERY_EVSE };
    memcpy(token->hash, hash, SIPHASH_SIZE);
    c->count++;
    return token;
}

/* ---- tokens ---- */

void id_token_hash(const uint8_t key[static SIPHASH_KEY_SIZE], const struct id_token *token,
                   uint8_t ret[static SIPHASH_SIZE])
{
    char text[sizeof(token->type) + sizeof(token->value) + 1];
    int len = snprintf(text, sizeof(text), "%s/%s", token->type, token->value);
    for (char *c = text; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    siphash(key, text, (size_t)len, ret);
}

/* Without a key nothing has been kept yet. */
static bool hash_of(const struct station *s, const struct id_token *token, uint8_t ret[static SIPHASH_SIZE])
{
    id_token_hash(s->auth_cache.key, token, ret);
    return s->auth_cache.has_key;
}

/* What is said of these is of no use for another time (C02.FR.03, C03.FR.02, C05.FR.02). */
static bool may_be_kept(const struct id_token *token)
{
    return token->value[0] && !str_equal(token->type, "Central") &&
           !str_equal(token->type, "NoAuthorization");
}

static struct cached_token *find_valid(struct station *s, const struct id_token *token)
{
    uint8_t hash[SIPHASH_SIZE];
    struct cached_token *found = hash_of(s, token, hash) ? find_hash(&s->auth_cache, hash) : NULL;
    if (!found || !is_expired(s, found))
        return found;
    forget(s, found);
    return NULL;
}

const struct cached_token *auth_cache_find(struct station *s, const struct id_token *token)
{
    return find_valid(s, token);
}

const struct cached_token *auth_cache_use(struct station *s, const struct id_token *token)
{
    struct cached_token *found = find_valid(s, token);
    if (found) {
        found->used_ms = station_wall_ms(s);
        found->uses++;
    }
    return found;
}

bool auth_cache_remove(struct station *s, const struct id_token *token)
{
    struct cached_token *found = find_valid(s, token);
    if (found)
        forget(s, found);
    return found != NULL;
}

/* ---- what the CSMS says ---- */

uint64_t token_info_evses(const json_t *info)
{
    const json_t *list = json_object_get(info, "evseId");
    uint64_t evses = 0;
    size_t index;
    const json_t *id;
    json_array_foreach(list, index, id)
    {
        json_int_t number = json_integer_value(id);
        if (number >= 1 && number <= STATION_MAX_EVSES)
            evses |= (uint64_t)1 << (number - 1);
    }
    return json_array_size(list) > 0 ? evses : EVERY_EVSE;
}

int64_t token_info_expiry(const json_t *info)
{
    const char *text = json_get_string(info, "cacheExpiryDateTime", NULL);
    int64_t ms = 0;
    if (!text)
        return -1;
    return timestamp_parse(text, &ms) < 0 || ms < 0 ? 0 : ms;
}

/* 1: it is to be stored; 0: the store has the same, but for the times of the last minute; -ENOMEM. */
static int fill(struct station *s, struct cached_token *entry, const json_t *info)
{
    const struct cached_token before = *entry;
    const char *group = json_get_string(json_object_get(info, "groupIdToken"), "idToken", "");
    bool is_same_group = str_equal(entry->group ? entry->group : "", group);
    char *copy = *group && !is_same_group ? strdup(group) : NULL;
    if (*group && !is_same_group && !copy)
        return -ENOMEM;
    if (!is_same_group)
        set_group(&s->auth_cache, entry, copy);
    entry->status = (uint8_t)name_index(authorization_status_names, AUTHORIZATION_STATUSES,
                                        json_get_string(info, "status", ""), STATUS_INVALID);
    entry->expires_ms = token_info_expiry(info);
    entry->evses = token_info_evses(info);
    entry->updated_ms = station_wall_ms(s);
    entry->clearing = false;
    if (before.uses == 0) {
        entry->added_ms = entry->used_ms = entry->updated_ms;
        entry->uses = 1;
    }
    return before.uses == 0 || before.clearing || !is_same_group || entry->status != before.status ||
           entry->expires_ms != before.expires_ms || entry->evses != before.evses ||
           entry->updated_ms - before.updated_ms > STALE_MS;
}

void auth_cache_update(struct station *s, const struct id_token *token, const json_t *info)
{
    struct auth_cache *c = &s->auth_cache;
    uint8_t hash[SIPHASH_SIZE];
    if (!json_is_object(info) || !variable_bool(s, VAR_AUTH_CACHE_ENABLED) || !may_be_kept(token))
        return;
    int64_t expires_ms = token_info_expiry(info);
    if (expires_ms >= 0 && station_wall_ms(s) > expires_ms) { /* C10.FR.10: not to be kept at all */
        (void)auth_cache_remove(s, token);
        return;
    }
    if (!c->has_key) {
        s->env->random(s->env->ctx, c->key, sizeof(c->key));
        c->has_key = true;
    }
    (void)hash_of(s, token, hash);
    struct cached_token *entry = make_entry(s, hash);
    if (!entry)
        return;
    int changed = fill(s, entry, info);
    if (changed < 0)
        forget(s, entry); /* rather nothing than half of it */
    else if (changed)
        store(s, entry);
    await_purge(s);
}

/* ---- ClearCache (C11): answered when the store has done it ---- */

static void finish_clearing(struct station *s, bool is_cleared)
{
    struct auth_cache *c = &s->auth_cache;
    for (size_t i = 0; i < c->capacity;) {
        if (is_cleared && c->slots[i].is_taken && c->slots[i].clearing) {
            take_out(c, &c->slots[i]); /* another one may be here now */
            continue;
        }
        c->slots[i++].clearing = false;
    }
}

static void on_cleared(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct rpc_request *request = ctx;
    if (s->freeing)
        return;
    finish_clearing(s, !err);
    log_info(LOG_STATION, "authorization cache %s: station=%s", err ? "could not be cleared" : "cleared",
             s->id);
    answer_status(s, request, err ? "Rejected" : "Accepted",
                  err ? "InternalError" : NULL); /* C11.FR.03, .05 */
}

/* Deletes all that is here; false without memory. */
static bool clear(struct station *s, struct rpc_request *request)
{
    struct auth_cache *c = &s->auth_cache;
    AUTO_FREE char(*names)[HASH_TEXT] = calloc(c->count, sizeof(*names));
    AUTO_FREE struct record *records = calloc(c->count, sizeof(*records));
    if (!names || !records)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < c->capacity; i++) {
        if (!c->slots[i].is_taken)
            continue;
        c->slots[i].clearing = true;
        hex_encode(c->slots[i].hash, SIPHASH_SIZE, names[count], HASH_TEXT);
        records[count] = (struct record){ RECORD_TOKEN, names[count], NULL };
        count++;
    }
    station_persist(s, records, count, on_cleared, request);
    return true;
}

static void on_clear_cache(struct station *s, const struct rpc_request *request)
{
    if (!variable_bool(s, VAR_AUTH_CACHE_ENABLED)) {
        answer_status(s, request, "Rejected", "NotEnabled"); /* C11.FR.04 */
        return;
    }
    if (s->auth_cache.count == 0) {
        answer_status(s, request, "Accepted", NULL);
        return;
    }
    AUTO_FREE struct rpc_request *later = malloc(sizeof(*later));
    if (later) {
        *later = *request;
        later->payload = NULL;
    }
    if (!later || !clear(s, later)) {
        answer_status(s, request, "Rejected", "OutOfMemory"); /* C11.FR.05 */
        return;
    }
    (void)STEAL(later);
}

const struct handler auth_cache_handlers[] = {
    { "ClearCache", WHEN_ACCEPTED, on_clear_cache },
    { NULL, WHEN_ACCEPTED, NULL },
};

/* ---- life ---- */

size_t auth_cache_bytes(const struct station *s)
{
    return s->auth_cache.count * sizeof(struct cached_token) + s->auth_cache.group_bytes;
}

size_t auth_cache_max_bytes(void)
{
    return AUTH_CACHE_MAX * (sizeof(struct cached_token) + ID_TOKEN_SIZE - 1);
}

/* A number that a record may have; others are as if it was not there. */
static int64_t get_ms(const json_t *record, const char *name)
{
    int64_t ms = json_get_int(record, name, -1);
    return ms < 0 ? -1 : ms;
}

static void read_entry(struct station *s, struct cached_token *entry, const json_t *record)
{
    const char *group = json_get_string(record, "group", NULL);
    entry->status = (uint8_t)name_index(authorization_status_names, AUTHORIZATION_STATUSES,
                                        json_get_string(record, "status", ""), STATUS_INVALID);
    entry->added_ms = get_ms(record, "added");
    entry->updated_ms = get_ms(record, "updated");
    entry->used_ms = get_ms(record, "used");
    entry->expires_ms = get_ms(record, "expires");
    entry->uses = (uint32_t)json_get_int(record, "uses", 1);
    entry->evses = (uint64_t)json_get_int(record, "evses", (int64_t)EVERY_EVSE);
    char *copy = group ? strdup(group) : NULL;
    set_group(&s->auth_cache, entry, copy);
    if (group && !copy)
        take_out(&s->auth_cache, entry); /* until the next start */
}

void auth_cache_restore(struct station *s, const char *key, const char *value)
{
    struct auth_cache *c = &s->auth_cache;
    uint8_t hash[SIPHASH_SIZE];
    if (str_equal(key, KEY_RECORD)) {
        c->has_key = c->key_is_stored = hex_decode(value, c->key, sizeof(c->key)) == SIPHASH_KEY_SIZE;
        return;
    }
    AUTO(json_t) *record = json_from_text(value, strlen(value));
    if (!json_is_object(record) || hex_decode(key, hash, sizeof(hash)) != SIPHASH_SIZE) {
        log_warn(LOG_STATION, "cannot read a stored token: station=%s", s->id);
        return;
    }
    struct cached_token *entry = make_entry(s, hash);
    if (entry)
        read_entry(s, entry, record);
}

void auth_cache_start(struct station *s)
{
    struct auth_cache *c = &s->auth_cache;
    for (size_t i = 0; !c->has_key && i < c->capacity;) { /* nothing can be found without it */
        if (c->slots[i].is_taken)
            forget(s, &c->slots[i]);
        else
            i++;
    }
    await_purge(s);
}

void auth_cache_init(struct station *s)
{
    timer_init(&s->auth_cache.purge_timer, s->env->timers, on_purge_timer, s);
}

void auth_cache_done(struct station *s)
{
    struct auth_cache *c = &s->auth_cache;
    timer_stop(&c->purge_timer);
    for (size_t i = 0; i < c->capacity; i++)
        free(c->slots[i].group);
    free(c->slots);
    c->slots = NULL;
    c->capacity = c->count = 0;
}
