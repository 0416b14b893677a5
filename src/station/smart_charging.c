/* Charging profiles of the CSMS become the limit of the device (block K, its base).
 *
 *     per purpose: the period of the highest stackLevel that has one now (K01.FR.17)
 *     limit = lowest of ChargingStationMaxProfile (shared by the EVSEs that charge), TxProfile or else TxDefaultProfile,
 *             and what the connector bears
 *
 * It is worked out anew whenever a profile, a transaction or a period changes, and told to the device if it is another one. */
#include "station/charging_profile.h"
#include "station/transaction_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define NAP_MS       60000 /* a stepped clock is noticed after this time */
#define RETRY_MS     10000
#define RETRY_MAX_MS 300000
#define SAME_A       0.05

/* ---- the composite ---- */

static bool counts_for(const struct charging_profile *p, const struct evse *e)
{
    if (p->purpose == PURPOSE_TX) /* K01.FR.04 */
        return p->evse == e->id && transaction_is_running(e) && str_equal(p->transaction_id, e->tx.id);
    return p->evse == 0 || p->evse == e->id; /* K01.FR.14, K01.FR.15 */
}

/* The period of the leading profile of a purpose, or NULL. */
static const struct schedule_period *leading(const struct evse *e, enum profile_purpose purpose,
                                             const struct charging_profile **ret_profile,
                                             int64_t *ret_next_ms)
{
    const struct station *s = e->station;
    int64_t now = station_wall_ms(s);
    int64_t relative = e->tx.power_path_ms >= 0 ? e->tx.power_path_ms : now; /* K01.FR.42 */
    const struct schedule_period *found = NULL;
    LIST_FOREACH(link, following, &s->smart_charging.profiles)
    {
        const struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->purpose != purpose || !counts_for(p, e))
            continue;
        const struct schedule_period *period = charging_profile_period(p, now, relative, ret_next_ms);
        if (period && (!found || p->stack_level > (*ret_profile)->stack_level)) {
            found = period;
            *ret_profile = p;
        }
    }
    return found;
}

/* Ampere per phase (K01.FR.50, K01.FR.51); `shares`: among so many EVSEs. */
static double period_A(const struct evse *e, const struct charging_profile *p,
                       const struct schedule_period *period, int shares)
{
    if (!p->in_watts)
        return period->limit / shares;
    int phases = period->phases < e->abilities.phases ? period->phases : e->abilities.phases; /* K01.FR.45 */
    double voltage = e->abilities.voltage_V > 0 ? e->abilities.voltage_V : 230;
    return period->limit / shares / (voltage * (phases > 0 ? phases : 1));
}

/* The EVSEs that may draw current now share the station's maximum equally (K04.FR.05); one that is about to counts. */
static int shares(const struct evse *e)
{
    int count = 0;
    for (size_t i = 0; i < e->station->evse_count; i++) {
        const struct evse *each = &e->station->evses[i];
        count += each == e || each->limit.shares;
    }
    return count;
}

static double composite_A(const struct evse *e, int64_t *ret_next_ms)
{
    const struct charging_profile *p = NULL;
    double limit = e->abilities.max_current_A;
    const struct schedule_period *period = leading(e, PURPOSE_STATION_MAX, &p, ret_next_ms);
    if (period)
        limit = fmin(limit, period_A(e, p, period, shares(e)));
    period = leading(e, PURPOSE_TX, &p, ret_next_ms);
    if (!period)
        period = leading(e, PURPOSE_TX_DEFAULT, &p, ret_next_ms); /* K02.FR.04, K02.FR.08 */
    if (period)
        limit = fmin(limit, period_A(e, p, period, 1));
    if (!e->abilities.start_stop && drive_is_possible(e) && !drive_is_allowed(e))
        limit = 0; /* a limit is all we can hold this device with */
    return limit;
}

bool smart_charging_is_paused(const struct evse *e)
{
    double limit = e->limit.composite_A;
    return limit <= 0 || limit < e->abilities.min_current_A - SAME_A;
}

/* ---- to the device ---- */

static void arm(struct evse *e, int64_t next_ms)
{
    if (e->limit.waiting)
        return;
    if (next_ms == INT64_MAX) {
        timer_stop(&e->limit.timer);
        return;
    }
    int64_t wait = next_ms - station_wall_ms(e->station);
    env_timer_start(e->station->env, &e->limit.timer, wait < NAP_MS ? wait : NAP_MS);
}

static void tell(struct evse *e, double limit_A)
{
    struct evse_limit *limit = &e->limit;
    /* a device that stands as it was delivered need not be told that it may do all it can */
    bool nothing_new =
        isnan(limit->limit_A) && limit_A >= e->abilities.max_current_A && !transaction_is_running(e);
    if (!e->abilities.limit || nothing_new || fabs(limit->limit_A - limit_A) < SAME_A || limit->waiting)
        return;
    limit->limit_A = limit_A;
    log_at(LOG_STATION, limit->failures ? LOG_DEBUG : LOG_INFO, "limit: station=%s evse=%d A=%.1f",
           e->station->id, e->id, limit_A);
    limit->ticket = station_command(e->station, e, EVSE_LIMIT, limit_A);
}

static bool is_significant(const struct evse *e, double before_A, double now_A)
{
    double percent = 0;
    (void)str_to_double(variable_text(e->station, VAR_SMART_CHARGING_LIMIT_CHANGE_SIGNIFICANCE), &percent);
    return before_A > 0 && fabs(now_A - before_A) / before_A * 100 > percent;
}

void smart_charging_update(struct evse *e)
{
    struct evse_limit *limit = &e->limit;
    double before = limit->composite_A;
    bool was_paused = smart_charging_is_paused(e);
    int64_t next = INT64_MAX;
    limit->composite_A = composite_A(e, &next);
    tell(e, limit->composite_A);
    arm(e, next);
    bool paused = smart_charging_is_paused(e);
    if (paused != was_paused)
        drive_update(e);
    if (!paused && !was_paused && fabs(before - limit->composite_A) >= SAME_A)
        transaction_on_limit_changed(e, is_significant(e, before, limit->composite_A));
    else if (paused != was_paused)
        transaction_on_limit_changed(e, false);
}

static void update_all(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        smart_charging_update(&s->evses[i]);
}

void smart_charging_share_changed(struct evse *e, bool shares)
{
    if (e->limit.shares == shares)
        return;
    e->limit.shares = shares;
    if (e->station->evse_count > 1)
        update_all(e->station);
    else
        smart_charging_update(e);
}

static void on_limit_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct evse *e = ctx;
    e->limit.waiting = false;
    smart_charging_update(e);
}

void smart_charging_on_command_done(struct evse *e, const struct evse_command *command, int err)
{
    struct evse_limit *limit = &e->limit;
    if (command->ticket != limit->ticket)
        return;
    limit->ticket = 0;
    if (err == 0 || err == -ERR_SUPERSEDED) {
        limit->failures = 0;
        return;
    }
    if (limit->failures == 0)
        log_error(LOG_STATION, "device does not take a limit, keeps trying: station=%s evse=%d A=%.1f: %s",
                  e->station->id, e->id, command->limit_A, err_text(err));
    int64_t wait = RETRY_MS << (limit->failures < 5 ? limit->failures : 5);
    limit->failures++;
    limit->limit_A = NAN;
    limit->waiting = true;
    env_timer_start(e->station->env, &limit->timer, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

/* ---- profiles ---- */

static void store(struct station *s, const struct charging_profile *p, bool keep)
{
    char key[24];
    (void)snprintf(key, sizeof(key), "%" PRId64, p->id);
    json_t *value = keep ? json_pack("{s:i, s:O}", "evseId", p->evse, "chargingProfile", p->json) : NULL;
    char *text = value ? json_to_text(value) : NULL;
    struct record record = { RECORD_PROFILE, key, text };
    if (!keep || text)
        station_persist(s, &record, 1, NULL, NULL); /* K01.FR.27 */
    free(text);
    json_decref(value);
}

static void forget(struct station *s, struct charging_profile *p)
{
    store(s, p, false);
    list_remove(&p->link);
    s->smart_charging.count--;
    charging_profile_free(p);
}

static struct charging_profile *find(struct station *s, int64_t id)
{
    LIST_FOREACH(link, following, &s->smart_charging.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->id == id)
            return p;
    }
    return NULL;
}

/* Takes it; one of the same id is replaced (K01.FR.05). */
static void add(struct station *s, struct charging_profile *p)
{
    struct charging_profile *old = find(s, p->id);
    if (old) {
        list_remove(&old->link);
        s->smart_charging.count--;
        charging_profile_free(old);
    }
    list_append(&s->smart_charging.profiles, &p->link);
    s->smart_charging.count++;
}

/* K01.FR.06, K01.FR.39, K01.FR.52, K01.FR.53 */
static bool is_duplicate(const struct station *s, const struct charging_profile *p)
{
    LIST_FOREACH(link, following, &s->smart_charging.profiles)
    {
        const struct charging_profile *other = LIST_ITEM(link, struct charging_profile, link);
        if (other->id == p->id || other->purpose != p->purpose || other->stack_level != p->stack_level)
            continue;
        if (p->purpose == PURPOSE_TX) {
            if (other->evse == p->evse && str_equal(other->transaction_id, p->transaction_id))
                return true;
        } else if ((other->evse == p->evse || other->evse == 0 || p->evse == 0) &&
                   charging_profiles_overlap(other, p)) {
            return true;
        }
    }
    return false;
}

/* K01.FR.43: fewer phases than the connector has cannot be ensured, no charger shows us how to switch them. */
static bool phases_fit(const struct station *s, const struct charging_profile *p)
{
    const json_t *schedule = json_array_get(json_object_get(p->json, "chargingSchedule"), 0);
    size_t index;
    const json_t *period;
    json_array_foreach(json_object_get(schedule, "chargingSchedulePeriod"), index, period)
    {
        int64_t phases = json_get_int(period, "numberPhases", 3);
        for (size_t i = 0; i < s->evse_count; i++)
            if ((p->evse == 0 || p->evse == s->evses[i].id) && phases < s->evses[i].abilities.phases)
                return false;
    }
    return true;
}

/* Those that never count again make room. */
static void forget_expired(struct station *s)
{
    LIST_FOREACH(link, following, &s->smart_charging.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->valid_to_ms <= station_wall_ms(s))
            forget(s, p);
    }
}

/* A reasonCode, or NULL if it can be taken. */
static const char *check(struct station *s, const struct charging_profile *p)
{
    const struct evse *e = station_evse(s, p->evse);
    if (e && !e->abilities.limit)
        return "UnsupportedRequest"; /* nothing would come of it */
    if (p->stack_level > variable_int(s, VAR_SMART_CHARGING_PROFILE_STACK_LEVEL))
        return "InvalidStackLevel";
    if ((int64_t)p->period_count > variable_int(s, VAR_SMART_CHARGING_PERIODS_PER_SCHEDULE))
        return "TooManyElements";
    if (!phases_fit(s, p))
        return "UnsupportedParam";
    if (is_duplicate(s, p))
        return "DuplicateProfile";
    if (s->smart_charging.count >= SMART_CHARGING_MAX_PROFILES)
        forget_expired(s);
    if (!find(s, p->id) && s->smart_charging.count >= SMART_CHARGING_MAX_PROFILES)
        return "OutOfStorage";
    return NULL;
}

/* ---- SetChargingProfile, ClearChargingProfile ---- */

static const char *set_profile(struct station *s, int64_t evse, const json_t *json)
{
    AUTO(charging_profile) *p = NULL;
    const char *reason = "OutOfMemory";
    if (evse != 0 && !station_evse(s, evse))
        return "UnknownEvse"; /* K01.FR.28 */
    if (charging_profile_read(json, (int)evse, &p, &reason) < 0)
        return reason;
    if (p->purpose == PURPOSE_TX) {
        struct evse *e = transaction_find(s, p->transaction_id);
        if (!p->transaction_id[0])
            return "MissingParam"; /* K01.FR.03 */
        if (!e || e->id != p->evse)
            return "TxNotFound"; /* K01.FR.09, K01.FR.33 */
    }
    reason = check(s, p);
    if (reason)
        return reason;
    store(s, p, true);
    add(s, STEAL(p));
    return NULL;
}

bool smart_charging_is_offered(const struct station *s)
{
    bool any = false;
    for (size_t i = 0; i < s->evse_count; i++)
        any = any || s->evses[i].abilities.limit;
    return any && variable_bool(s, VAR_SMART_CHARGING_ENABLED);
}

static bool is_offered(struct station *s, const struct rpc_request *request)
{
    if (smart_charging_is_offered(s))
        return true;
    rpc_error(s->rpc, request, RPC_NOT_SUPPORTED, "smart charging is not enabled"); /* K01.FR.29 */
    return false;
}

static void on_set_charging_profile(struct station *s, const struct rpc_request *request)
{
    if (!is_offered(s, request))
        return;
    const char *reason = set_profile(s, json_get_int(request->payload, "evseId", -1),
                                     json_object_get(request->payload, "chargingProfile"));
    answer_status(s, request, reason ? "Rejected" : "Accepted", reason);
    if (!reason)
        update_all(s); /* K01.FR.07, K01.FR.32 */
}

/* K10.FR.03, K10.FR.04: by id, or by all that is given. */
static bool matches(const struct charging_profile *p, const json_t *request)
{
    const json_t *id = json_object_get(request, "chargingProfileId");
    const json_t *criteria = json_object_get(request, "chargingProfileCriteria");
    const char *purpose = json_get_string(criteria, "chargingProfilePurpose", NULL);
    if (id)
        return p->id == json_integer_value(id);
    return p->evse == json_get_int(criteria, "evseId", p->evse) &&
           p->stack_level == json_get_int(criteria, "stackLevel", p->stack_level) &&
           (!purpose || str_equal(purpose, profile_purpose_names[p->purpose]));
}

static void on_clear_charging_profile(struct station *s, const struct rpc_request *request)
{
    size_t cleared = 0;
    if (!is_offered(s, request))
        return;
    LIST_FOREACH(link, following, &s->smart_charging.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (matches(p, request->payload)) {
            forget(s, p);
            cleared++;
        }
    }
    answer_status(s, request, cleared ? "Accepted" : "Unknown", NULL); /* K10.FR.01 */
    if (cleared)
        update_all(s); /* K10.FR.05 */
}

/* ---- TxProfiles of RequestStartTransaction ---- */

static void bind(struct charging_profile *p, const char *transaction_id)
{
    (void)str_copy(p->transaction_id, sizeof(p->transaction_id), transaction_id);
    if (transaction_id[0])
        json_object_set_new(p->json, "transactionId", json_string(transaction_id));
}

int smart_charging_set_tx_profile(struct evse *e, const json_t *profile, const char *transaction_id)
{
    struct station *s = e->station;
    AUTO(charging_profile) *p = NULL;
    const char *reason;
    if (charging_profile_read(profile, e->id, &p, &reason) < 0)
        return -EINVAL;
    if (p->purpose != PURPOSE_TX || p->transaction_id[0]) /* F01.FR.09, F01.FR.11 */
        return -EINVAL;
    bind(p, transaction_id);
    if (check(s, p))
        return -EINVAL;
    if (transaction_id[0])
        store(s, p, true);
    add(s, STEAL(p));
    return 0;
}

void smart_charging_on_transaction_started(struct evse *e)
{
    LIST_FOREACH(link, following, &e->station->smart_charging.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->purpose == PURPOSE_TX && p->evse == e->id && !p->transaction_id[0]) {
            bind(p, e->tx.id);
            store(e->station, p, true);
        }
    }
    smart_charging_update(e);
}

void smart_charging_on_transaction_ended(struct evse *e, const char *transaction_id)
{
    LIST_FOREACH(link, following, &e->station->smart_charging.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->purpose == PURPOSE_TX && p->evse == e->id &&
            (!p->transaction_id[0] || str_equal(p->transaction_id, transaction_id)))
            forget(e->station, p); /* K02.FR.05 */
    }
    smart_charging_update(e);
}

/* ---- life ---- */

void smart_charging_init(struct station *s)
{
    list_init(&s->smart_charging.profiles);
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        e->limit.limit_A = NAN;
        e->limit.composite_A = e->abilities.max_current_A;
        timer_init(&e->limit.timer, s->env->timers, on_limit_timer, e);
    }
}

void smart_charging_done(struct station *s)
{
    LIST_FOREACH(link, following, &s->smart_charging.profiles)
    {
        list_remove(link);
        charging_profile_free(LIST_ITEM(link, struct charging_profile, link));
    }
    for (size_t i = 0; i < s->evse_count; i++)
        timer_stop(&s->evses[i].limit.timer);
}

void smart_charging_restore(struct station *s, const char *key, const char *value)
{
    json_t *json = json_from_text(value, strlen(value));
    struct charging_profile *p = NULL;
    const char *reason = "not JSON";
    if (json)
        (void)charging_profile_read(json_object_get(json, "chargingProfile"),
                                    (int)json_get_int(json, "evseId", 0), &p, &reason);
    json_decref(json);
    if (p)
        add(s, p);
    else
        log_error(LOG_STATION, "cannot read a stored charging profile: station=%s id=%s: %s", s->id, key,
                  reason);
}

void smart_charging_start(struct station *s)
{
    LIST_FOREACH(link, following, &s->smart_charging.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->purpose == PURPOSE_TX && !transaction_find(s, p->transaction_id))
            forget(s, p);
    }
    update_all(s);
}

const struct handler smart_charging_handlers[] = {
    { "SetChargingProfile", WHEN_ACCEPTED, on_set_charging_profile },
    { "ClearChargingProfile", WHEN_ACCEPTED, on_clear_charging_profile },
    { NULL, WHEN_ACCEPTED, NULL },
};
