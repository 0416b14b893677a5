/* Charging profiles in memory and in the store (K01.FR.27).
 *
 *     refuse -> put: written -> refuse -> in memory -> done
 *
 * A profile is in force only when it is written; between the two the transaction it is for may have ended, or another request have
 * taken its place, so that it is looked at again. */
#include "station/profile_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/charging_profile.h"
#include "station/transaction_internal.h"

#define KEY_SIZE 24

static void set_key(char ret[static KEY_SIZE], int64_t id)
{
    (void)snprintf(ret, KEY_SIZE, "%" PRId64, id);
}

/* The record's value, the caller's; NULL without memory. */
static char *to_record(const struct charging_profile *p)
{
    AUTO(json_t) *profile = json_from_text(p->text, strlen(p->text));
    AUTO(json_t) *value = json_pack("{s:i, s:s, s:O?}", "evseId", p->evse, "chargingLimitSource",
                                    limit_source_names[p->source], "chargingProfile", profile);
    return profile && value ? json_to_text(value) : NULL;
}

/* ---- in memory ---- */

struct charging_profile *profile_store_find(const struct station *s, int64_t id)
{
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->id == id)
            return p;
    }
    return NULL;
}

size_t profile_store_max(const struct station *s)
{
    return (size_t)s->limits.charging_profiles + (s->evse_count + 1) * LIMIT_SOURCE_CSO;
}

static void count(struct station *s, const struct charging_profile *p, int by)
{
    s->profile_store.count += (size_t)by;
    if (p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS)
        s->profile_store.external += (size_t)by;
}

static void drop(struct station *s, struct charging_profile *p)
{
    list_remove(&p->link);
    count(s, p, -1);
    charging_profile_free(p);
}

/* Takes it; one of the same id is replaced (K01.FR.05). */
static void insert(struct station *s, struct charging_profile *p)
{
    struct charging_profile *old = profile_store_find(s, p->id);
    if (old)
        drop(s, old);
    struct list *before = s->profile_store.profiles.next;
    while (before != &s->profile_store.profiles &&
           LIST_ITEM(before, struct charging_profile, link)->stack_level >= p->stack_level)
        before = before->next;
    list_append(before, &p->link);
    count(s, p, 1);
}

static void write_record(struct station *s, const struct charging_profile *p)
{
    char key[KEY_SIZE];
    char *text = to_record(p);
    set_key(key, p->id);
    if (text)
        station_persist(s, &(struct record){ RECORD_PROFILE, key, text }, 1, NULL, NULL);
    else
        log_error(LOG_STATION, "no memory to keep a charging profile: station=%s id=%s", s->id, key);
    free(text);
}

void profile_store_add(struct station *s, struct charging_profile *profile, bool keep)
{
    if (keep)
        write_record(s, profile);
    insert(s, profile);
}

void profile_store_bind(struct station *s, int evse, const char *transaction_id)
{
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->purpose != PURPOSE_TX || p->evse != evse || p->transaction_id[0])
            continue;
        if (charging_profile_bind(p, transaction_id) == 0)
            write_record(s, p);
        else
            log_error(LOG_STATION, "no memory to keep a charging profile: station=%s evse=%d", s->id, evse);
    }
}

static void erase(struct station *s, int64_t id)
{
    char key[KEY_SIZE];
    set_key(key, id);
    station_persist(s, &(struct record){ RECORD_PROFILE, key, NULL }, 1, NULL, NULL);
}

size_t profile_store_forget(struct station *s, profile_matches matches, const void *ctx)
{
    size_t forgotten = 0;
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (!matches(p, ctx))
            continue;
        erase(s, p->id);
        drop(s, p);
        forgotten++;
    }
    return forgotten;
}

/* ---- what can be taken ---- */

/* Both would lead at some moment, and neither before the other (K01.FR.06, .39, .52, .53). */
static bool conflicts(const struct charging_profile *a, const struct charging_profile *b)
{
    if (a->id == b->id || a->purpose != b->purpose || a->stack_level != b->stack_level ||
        a->source != b->source)
        return false;
    if (a->purpose == PURPOSE_TX)
        return a->evse == b->evse && str_equal(a->transaction_id, b->transaction_id);
    /* an external limit of the station and one of an EVSE hold both */
    bool shares_evse =
        a->evse == b->evse || (a->purpose != PURPOSE_EXTERNAL_CONSTRAINTS && (a->evse == 0 || b->evse == 0));
    return shares_evse && charging_profiles_overlap(a, b);
}

static bool is_duplicate(const struct station *s, const struct charging_profile *p)
{
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    if (conflicts(LIST_ITEM(link, struct charging_profile, link), p))
        return true;
    return false;
}

/* No more phases are used than the profile says (K01.FR.43), and the one it says (K01.FR.48). Direct current has none (K01.FR.44). */
static bool phases_fit(const struct station *s, const struct charging_profile *p)
{
    for (size_t i = 0; i < s->evse_count; i++) {
        const struct evse *e = &s->evses[i];
        if ((p->evse != 0 && p->evse != e->id) || smart_charging_is_dc(e))
            continue;
        for (size_t k = 0; k < p->period_count; k++)
            if ((p->periods[k].phases < e->abilities.phases && !e->abilities.switches_phases) ||
                p->periods[k].phase_to_use)
                return false;
    }
    return true;
}

static bool has_expired(const struct charging_profile *p, const void *ctx)
{
    return p->valid_to_ms <= *(const int64_t *)ctx;
}

static bool has_room(const struct station *s, const struct charging_profile *p)
{
    const struct profile_store *store = &s->profile_store;
    const struct charging_profile *old = profile_store_find(s, p->id);
    if (old && old->purpose == p->purpose)
        return true;
    return store->count - store->external < (size_t)s->limits.charging_profiles;
}

const char *profile_store_refuse(struct station *s, const struct charging_profile *p)
{
    const struct evse *e = station_evse(s, p->evse);
    const struct charging_profile *old = profile_store_find(s, p->id);
    int64_t now = station_wall_ms(s);
    if (p->evse != 0 && !e)
        return "UnknownEvse"; /* K01.FR.28 */
    if (e && !e->abilities.limit)
        return "UnsupportedRequest"; /* nothing would come of it */
    if (p->stack_level > variable_int(s, VAR_SMART_CHARGING_PROFILE_STACK_LEVEL))
        return "InvalidStackLevel";
    if ((int64_t)p->period_count > variable_int(s, VAR_SMART_CHARGING_PERIODS_PER_SCHEDULE))
        return "TooManyElements";
    if (!variable_has_member(s, VAR_SMART_CHARGING_RATE_UNIT, p->in_watts ? "W" : "A"))
        return "UnsupportedRateUnit"; /* K01.FR.26 */
    if (!phases_fit(s, p))
        return "UnsupportedParam";
    if (old && (old->purpose == PURPOSE_EXTERNAL_CONSTRAINTS) != (p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS))
        return "DuplicateProfile"; /* K01.FR.05: external constraints are not the CSMS's to replace */
    (void)profile_store_forget(s, has_expired, &now);
    if (is_duplicate(s, p))
        return "DuplicateProfile";
    return has_room(s, p) ? NULL : "OutOfStorage";
}

/* ---- written, then taken ---- */

struct put {
    struct charging_profile *profile;
    profile_store_done_fn done;
    void *ctx;
};

/* A transaction may have ended since. */
static const char *refuse_again(struct station *s, const struct charging_profile *p)
{
    if (p->purpose == PURPOSE_TX && p->transaction_id[0] && !transaction_find(s, p->transaction_id))
        return "TxNotFound";
    return profile_store_refuse(s, p);
}

static void on_written(struct station *s, void *ctx, int err)
{
    struct put put = *(struct put *)ctx;
    free(ctx);
    const char *reason = NULL;
    if (err)
        reason = "InternalError";
    else if (!s->freeing && (reason = refuse_again(s, put.profile))) {
        struct charging_profile *old = profile_store_find(s, put.profile->id);
        if (old)
            write_record(s, old);
        else
            erase(s, put.profile->id);
    }
    if (reason)
        charging_profile_free(put.profile);
    else
        insert(s, put.profile);
    put.done(s, put.ctx, reason);
}

void profile_store_put(struct station *s, struct charging_profile *profile, profile_store_done_fn done,
                       void *ctx)
{
    char key[KEY_SIZE];
    char *text = to_record(profile);
    struct put *put = text ? malloc(sizeof(*put)) : NULL;
    set_key(key, profile->id);
    if (put) {
        *put = (struct put){ .profile = profile, .done = done, .ctx = ctx };
        station_persist(s, &(struct record){ RECORD_PROFILE, key, text }, 1, on_written, put);
    } else {
        charging_profile_free(profile);
        done(s, ctx, "OutOfMemory");
    }
    free(text);
}

/* ---- erased, then removed ---- */

struct removal {
    profile_store_done_fn done;
    void *ctx;
    size_t count;
    int64_t ids[]; /* of as many as the store had */
};

/* Erases them in one group. */
static int erase_all(struct station *s, struct removal *r, persisted callback)
{
    AUTO_FREE struct record *records = calloc(r->count, sizeof(*records));
    AUTO_FREE char(*keys)[KEY_SIZE] = calloc(r->count, sizeof(*keys));
    if (!records || !keys)
        return -ENOMEM;
    for (size_t i = 0; i < r->count; i++) {
        set_key(keys[i], r->ids[i]);
        records[i] = (struct record){ RECORD_PROFILE, keys[i], NULL };
    }
    station_persist(s, records, r->count, callback, r);
    return 0;
}

static void on_erased(struct station *s, void *ctx, int err)
{
    struct removal *r = ctx;
    for (size_t i = 0; !err && i < r->count; i++) {
        struct charging_profile *p = profile_store_find(s, r->ids[i]);
        if (p)
            drop(s, p);
    }
    r->done(s, r->ctx, err ? "InternalError" : NULL);
    free(r);
}

int profile_store_remove(struct station *s, profile_matches matches, const void *match_ctx,
                         profile_store_done_fn done, void *ctx)
{
    struct removal *r = calloc(1, sizeof(*r) + s->profile_store.count * sizeof(r->ids[0]));
    if (!r)
        return -ENOMEM;
    r->done = done;
    r->ctx = ctx;
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    {
        const struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (matches(p, match_ctx))
            r->ids[r->count++] = p->id;
    }
    int err = r->count > 0 ? erase_all(s, r, on_erased) : -ENOENT;
    if (err)
        free(r);
    return err;
}

/* ---- life ---- */

void profile_store_init(struct station *s)
{
    list_init(&s->profile_store.profiles);
}

void profile_store_done(struct station *s)
{
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    drop(s, LIST_ITEM(link, struct charging_profile, link));
}

void profile_store_restore(struct station *s, const char *key, const char *value)
{
    AUTO(json_t) *json = json_from_text(value, strlen(value));
    struct charging_profile *p = NULL;
    const char *reason = "not JSON";
    int source = name_index(limit_source_names, LIMIT_SOURCES,
                            json_get_string(json, "chargingLimitSource", ""), LIMIT_SOURCE_CSO);
    if (json &&
        charging_profile_read(json_object_get(json, "chargingProfile"), (int)json_get_int(json, "evseId", 0),
                              (enum limit_source)source, &p, &reason) == 0)
        insert(s, p);
    else
        log_error(LOG_STATION, "cannot read a stored charging profile: station=%s id=%s: %s", s->id, key,
                  reason);
}
