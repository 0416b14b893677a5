/* Charging profiles become the limit of the device: worked out anew whenever a profile, a transaction or a period changes, and told to
 * the device if it is another one. */
#include "station/transaction_internal.h"

#include <math.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/charging_profile.h"
#include "station/profile_report.h"

#define NAP_MS        60000 /* a stepped clock is noticed after this time */
#define RETRY_MS      10000
#define RETRY_MAX_MS  60000
#define RATE_PAUSE_MS 5000
#define SAME_A        0.05

bool smart_charging_is_offered(const struct station *s)
{
    bool any = false;
    for (size_t i = 0; i < s->evse_count; i++)
        any = any || s->evses[i].abilities.limit;
    return any && variable_bool(s, VAR_SMART_CHARGING_ENABLED);
}

bool smart_charging_is_dc(const struct evse *e)
{
    static const char *const types[] = { "cCCS1", "cCCS2", "cG105", "Pan" };
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_equal(e->abilities.connector_type, types[i]))
            return true;
    return false;
}

/* The least it can hold to: without a command `limit` all or nothing, so that what it cannot hold is a pause (SC.01). */
static double least_A(const struct evse *e)
{
    return e->abilities.limit ? e->abilities.min_current_A : e->abilities.max_current_A;
}

bool smart_charging_is_paused(const struct evse *e)
{
    double limit = e->limit.composite_A;
    return limit <= 0 || limit < least_A(e) - SAME_A;
}

/* ---- to the device ---- */

/* Of a device that switches: one or all, so never more than there may be (K01.FR.43). */
static int wanted_phases(const struct evse *e)
{
    const struct evse_abilities *a = &e->abilities;
    return a->switches_phases && e->limit.composite.phases < a->phases ? 1 : 0;
}

static void tell(struct evse *e)
{
    struct evse_limit *limit = &e->limit;
    int phases = wanted_phases(e);
    /* a device that stands as it was delivered need not be told that it may do all it can */
    bool as_delivered = isnan(limit->limit_A) && limit->failures == 0 && !phases;
    bool nothing_new =
        as_delivered && limit->composite_A >= e->abilities.max_current_A && !transaction_is_running(e);
    bool same = fabs(limit->limit_A - limit->composite_A) < SAME_A && limit->phases == phases;
    bool failed = fabs(limit->failed_A - limit->composite_A) < SAME_A && limit->phases == phases;
    if (!e->abilities.limit || nothing_new || same || (failed && timer_is_active(&limit->retry)))
        return;
    timer_stop(&limit->retry); /* another limit may be one that it takes */
    limit->limit_A = limit->composite_A;
    limit->phases = phases;
    log_at(LOG_STATION, limit->failures ? LOG_DEBUG : LOG_INFO, "limit: station=%s evse=%d A=%.1f%s",
           e->station->id, e->id, limit->limit_A, phases == 1 ? " phases=1" : "");
    limit->ticket = station_command(e->station, e, EVSE_LIMIT, limit->limit_A);
}

static void on_retry(struct timer *timer, void *ctx)
{
    (void)timer;
    smart_charging_update(((struct evse *)ctx)->station);
}

/* Each once. That a device is not there is no fault of the limit, and said elsewhere. */
static void tell_failure(struct evse *e, double limit_A, int err)
{
    struct evse_limit *limit = &e->limit;
    if (err == -ERR_LINK_DOWN) {
        if (limit->failures == 0)
            log_info(LOG_STATION, "limit waits until the device answers: station=%s evse=%d A=%.1f",
                     e->station->id, e->id, limit_A);
    } else if (limit->refusals++ == 0) {
        log_error(LOG_STATION, "device does not take a limit, keeps trying: station=%s evse=%d A=%.1f: %s",
                  e->station->id, e->id, limit_A, err_text(err));
    }
}

void smart_charging_on_command_done(struct evse *e, const struct evse_command *command, int err)
{
    struct evse_limit *limit = &e->limit;
    if (command->ticket != limit->ticket)
        return;
    bool others_wait = !isinf(limit->composite.budget_A);
    limit->ticket = 0;
    if (err == 0 || err == -ERR_SUPERSEDED) {
        limit->failures = limit->refusals = 0;
        limit->taken_A = err ? limit->taken_A : command->limit_A;
        if (others_wait)
            smart_charging_update(e->station);
        return;
    }
    tell_failure(e, command->limit_A, err);
    int64_t wait = RETRY_MS << (limit->failures < 5 ? limit->failures : 5);
    limit->failures++;
    limit->failed_A = command->limit_A;
    limit->limit_A = NAN;
    env_timer_start(e->station->env, &limit->retry, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
    if (others_wait)
        smart_charging_update(e->station);
}

/* ---- the limits ---- */

void smart_charging_view(struct station *s, struct composite_evse evses[], struct composite *ret)
{
    int64_t now = station_wall_ms(s);
    for (size_t i = 0; i < s->evse_count; i++) {
        const struct evse *e = &s->evses[i];
        evses[i] = (struct composite_evse){
            .id = e->id,
            .transaction_id = transaction_is_running(e) ? e->tx.id : "",
            .relative_ms = e->tx.power_path_ms >= 0 ? e->tx.power_path_ms : now,
            .phases = e->abilities.phases > 0 ? e->abilities.phases : 1,
            .switches_phases = e->abilities.switches_phases,
            .is_dc = smart_charging_is_dc(e),
            .voltage_V = e->abilities.voltage_V > 0 ? e->abilities.voltage_V : 230,
            .min_A = least_A(e),
            .max_A = e->abilities.max_current_A,
            .shares = e->limit.shares,
            .priority = e->tx.priority,
        };
    }
    *ret = (struct composite){ .profiles = &s->profile_store.profiles,
                               .evses = evses,
                               .count = s->evse_count,
                               .external_only = !variable_bool(s, VAR_SMART_CHARGING_ENABLED) };
}

/* ---- what one EVSE leaves of the station's budget is the others' only when its device has taken it (K04.FR.05) ---- */

/* It may still draw more than it is to be told. After a start nothing is known of it: then it holds to what it was told before. */
static double may_draw_A(const struct evse *e)
{
    return fmax(e->limit.composite_A, e->limit.taken_A); /* the other one, if it is NAN */
}

/* A rise waits until the others have taken their lower limits. As long as one of them does not take it at all, what it may draw is taken
 * from this one, too. */
static double within_budget_A(const struct evse *e)
{
    const struct station *s = e->station;
    const struct evse_limit *limit = &e->limit;
    double rest_A = limit->composite.budget_A;
    bool refused = false;
    for (size_t i = 0; i < s->evse_count; i++) {
        const struct evse *other = &s->evses[i];
        if (other == e || !other->limit.shares)
            continue;
        rest_A -= may_draw_A(other);
        refused |= other->limit.failures > 0 && other->limit.taken_A > other->limit.composite_A;
    }
    if (limit->composite_A <= rest_A + SAME_A)
        return limit->composite_A;
    return refused ? fmax(rest_A, 0) : fmin(limit->composite_A, limit->limit_A);
}

bool smart_charging_is_significant(const struct station *s, double before, double now)
{
    double percent = 0;
    (void)str_to_double(variable_text(s, VAR_SMART_CHARGING_LIMIT_CHANGE_SIGNIFICANCE), &percent);
    return before > 0 ? fabs(now - before) / before * 100 > percent : now > before;
}

/* Tells how fast the transaction may charge now (K11.FR.04, K13.FR.03). Measured against what was told last, so that many small changes
 * come to a big one; and not with each second's change of a limit that follows a meter. */
static void tell_rate(struct evse *e)
{
    struct evse_limit *limit = &e->limit;
    int64_t now = env_now_ms(e->station->env);
    bool significant = fabs(limit->told_A - limit->composite_A) >= SAME_A &&
                       smart_charging_is_significant(e->station, limit->told_A, limit->composite_A);
    if (significant && now < limit->quiet_ms) {
        env_timer_start(e->station->env, &limit->rate, limit->quiet_ms - now);
        return;
    }
    timer_stop(&limit->rate);
    if (significant) {
        limit->told_A = limit->composite_A;
        limit->quiet_ms = now + RATE_PAUSE_MS;
    }
    transaction_on_limit_changed(e, significant);
}

static void on_rate_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct evse *e = ctx;
    if (!smart_charging_is_paused(e))
        tell_rate(e);
}

static void follow_change(struct evse *e, double before_A, bool was_paused)
{
    bool paused = smart_charging_is_paused(e);
    if (paused != was_paused)
        drive_update(e);
    if (paused || was_paused || !transaction_is_running(e)) {
        e->limit.told_A = e->limit.composite_A; /* it begins with this, and ends its pause with it */
        timer_stop(&e->limit.rate);
        if (paused != was_paused)
            transaction_on_limit_changed(e, false);
    } else if (fabs(before_A - e->limit.composite_A) >= SAME_A) {
        tell_rate(e);
    }
}

static void arm(struct station *s, int64_t next_ms)
{
    if (next_ms == INT64_MAX) {
        timer_stop(&s->smart_charging.change);
        return;
    }
    int64_t wait = next_ms - station_wall_ms(s);
    env_timer_start(s->env, &s->smart_charging.change, wait < NAP_MS ? wait : NAP_MS);
}

/* The profile itself may be gone when it is asked for. */
static void note_reason(struct evse_limit *limit)
{
    const struct charging_profile *p = limit->composite.lowest;
    limit->purpose = p ? p->purpose : PURPOSES;
    limit->source = p ? p->source : LIMIT_SOURCE_CSO;
    limit->profile_id = p ? p->id : 0;
    limit->composite.lowest = NULL;
}

/* The limits of all are worked out; what is lowered is told before what rises. */
static void update_once(struct station *s)
{
    struct composite_evse views[STATION_MAX_EVSES];
    struct composite composite;
    double before_A[STATION_MAX_EVSES] = { 0 };
    bool was_paused[STATION_MAX_EVSES] = { false };
    int64_t now = station_wall_ms(s), next = INT64_MAX;
    external_limits_follow_clock(s);
    smart_charging_view(s, views, &composite);
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        before_A[i] = e->limit.composite_A;
        was_paused[i] = smart_charging_is_paused(e);
        e->limit.composite = composite_at(&composite, i, now, &next);
        note_reason(&e->limit);
        e->limit.composite_A = e->limit.composite.limit_A;
        if (!e->abilities.start_stop && drive_is_possible(e) && !drive_is_allowed(e))
            e->limit.composite_A = 0; /* a limit is all we can hold this device with */
    }
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].limit.composite_A < before_A[i])
            tell(&s->evses[i]);
    for (size_t i = 0; i < s->evse_count; i++) {
        s->evses[i].limit.composite_A = within_budget_A(&s->evses[i]);
        tell(&s->evses[i]);
    }
    arm(s, next);
    for (size_t i = 0; i < s->evse_count; i++)
        follow_change(&s->evses[i], before_A[i], was_paused[i]);
}

void smart_charging_update(struct station *s)
{
    s->smart_charging.stale = true;
    if (s->smart_charging.updating)
        return; /* what an update leads to may lead to another */
    s->smart_charging.updating = true;
    while (s->smart_charging.stale) {
        s->smart_charging.stale = false;
        update_once(s);
    }
    s->smart_charging.updating = false;
}

void smart_charging_share_changed(struct evse *e, bool shares)
{
    if (e->limit.shares == shares)
        return;
    e->limit.shares = shares;
    smart_charging_update(e->station);
}

static void on_change(struct timer *timer, void *ctx)
{
    (void)timer;
    smart_charging_update(ctx);
}

/* ---- chargingPriority ---- */

int smart_charging_priority(const json_t *info)
{
    int64_t priority = json_get_int(info, "chargingPriority", 0);
    return priority < -9 ? -9 : priority > 9 ? 9 : (int)priority;
}

void smart_charging_on_priority(struct station *s, const char *transaction_id, const json_t *response)
{
    struct evse *e = transaction_find(s, transaction_id);
    const json_t *info = json_object_get(response, "idTokenInfo");
    bool is_own = json_object_get(response, "chargingPriority") != NULL;
    if (!e || (!is_own && (e->tx.priority_is_own || !json_object_get(info, "chargingPriority"))))
        return;
    int priority = smart_charging_priority(is_own ? response : info);
    if (priority == e->tx.priority && is_own == e->tx.priority_is_own)
        return;
    e->tx.priority = priority;
    e->tx.priority_is_own = is_own;
    transaction_save(e);
    smart_charging_update(s); /* K03.FR.04 */
}

/* ---- TxProfiles of RequestStartTransaction ---- */

const char *smart_charging_set_tx_profile(struct evse *e, const json_t *profile, const char *transaction_id)
{
    struct station *s = e->station;
    AUTO(charging_profile) *p = NULL;
    const char *reason;
    if (charging_profile_read(profile, e->id, LIMIT_SOURCE_CSO, &p, &reason) < 0)
        return reason;
    if (p->purpose != PURPOSE_TX || p->transaction_id[0]) /* F01.FR.09, F01.FR.11 */
        return "InvalidProfile";
    if (transaction_id[0] && charging_profile_bind(p, transaction_id) < 0)
        return "OutOfMemory";
    reason = profile_store_refuse(s, p);
    if (reason)
        return reason;
    profile_store_add(s, STEAL(p), transaction_id[0] != '\0');
    return NULL;
}

void smart_charging_on_transaction_started(struct evse *e)
{
    profile_store_bind(e->station, e->id, e->tx.id);
    smart_charging_update(e->station);
}

struct ended {
    int evse;
    const char *transaction_id;
};

static bool is_of_ended(const struct charging_profile *p, const void *ctx)
{
    const struct ended *ended = ctx;
    return p->purpose == PURPOSE_TX && p->evse == ended->evse &&
           (!p->transaction_id[0] || str_equal(p->transaction_id, ended->transaction_id));
}

void smart_charging_on_transaction_ended(struct evse *e, const char *transaction_id)
{
    struct ended ended = { .evse = e->id, .transaction_id = transaction_id };
    (void)profile_store_forget(e->station, is_of_ended, &ended); /* K02.FR.05 */
    smart_charging_update(e->station);
}

/* ---- displays ---- */

json_t *smart_charging_reason(const struct evse *e)
{
    const struct evse_limit *limit = &e->limit;
    if (limit->purpose == PURPOSES)
        return NULL;
    if (limit->purpose == PURPOSE_EXTERNAL_CONSTRAINTS)
        return json_string(limit_source_names[limit->source]);
    return json_sprintf("%s %lld", profile_purpose_names[limit->purpose], (long long)limit->profile_id);
}

/* ---- life ---- */

void smart_charging_init(struct station *s)
{
    profile_store_init(s);
    profile_reports_init(s);
    external_limits_init(s);
    timer_init(&s->smart_charging.change, s->env->timers, on_change, s);
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        e->limit.limit_A = e->limit.taken_A = NAN;
        e->limit.composite.budget_A = INFINITY;
        e->limit.purpose = PURPOSES;
        e->limit.composite_A = e->limit.told_A = e->abilities.max_current_A;
        timer_init(&e->limit.retry, s->env->timers, on_retry, e);
        timer_init(&e->limit.rate, s->env->timers, on_rate_timer, e);
    }
}

void smart_charging_done(struct station *s)
{
    profile_store_done(s);
    profile_reports_done(s);
    timer_stop(&s->smart_charging.change);
    external_limits_done(s);
    for (size_t i = 0; i < s->evse_count; i++) {
        timer_stop(&s->evses[i].limit.retry);
        timer_stop(&s->evses[i].limit.rate);
    }
}

static bool is_orphan(const struct charging_profile *p, const void *ctx)
{
    struct station *s = *(struct station *const *)ctx;
    return p->purpose == PURPOSE_TX && !transaction_find(s, p->transaction_id);
}

void smart_charging_start(struct station *s)
{
    (void)profile_store_forget(s, is_orphan, &s);
    external_limits_start(s);
    smart_charging_update(s);
}
