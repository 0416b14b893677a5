/* Limits from outside of OCPP: raised and released here, told to the CSMS (K11-K13).
 *
 * A limit holds from the moment it is raised, whether the CSMS can be reached or the store takes it: it protects an installation. What
 * the CSMS is told follows, one message of a limit at a time and not more than one in TELL_PAUSE_MS, so that a meter that changes its
 * mind each second does not flood it; it hears of the last state in any case. */
#include "station/external_limit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/charging_profile.h"
#include "station/internal.h"

#define TELL_PAUSE_MS 5000
#define NAP_MS        60000 /* a stepped clock is noticed after this time */

struct told {
    bool is_told; /* false: the CSMS knows of no limit */
    bool in_watts;
    double limit;
    size_t period_count;
};

/* There is one per source and EVSE as long as there is a limit, or the CSMS does not know that there is none. */
struct external {
    struct list link;
    struct station *station;
    int evse;
    enum limit_source source;
    bool is_kept;       /* in the store */
    int64_t clock_ms;   /* wall clock minus monotonic time, as the times of its profile have it */
    struct told told;   /* as the CSMS knows it */
    struct told on_way; /* as it will, when the open message is answered */
    bool is_open;       /* there is one */
    int64_t quiet_ms;   /* monotonic: no new limit is told before */
    struct timer timer;
};

static int64_t clock_ms(const struct station *s)
{
    return station_wall_ms(s) - env_now_ms(s->env);
}

/* ---- their profiles ---- */

struct place {
    int evse;
    enum limit_source source;
};

static bool is_at(const struct charging_profile *p, const void *ctx)
{
    const struct place *place = ctx;
    return p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS && p->evse == place->evse && p->source == place->source;
}

static struct charging_profile *find_profile(const struct station *s, int evse, enum limit_source source)
{
    const struct place place = { evse, source };
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (is_at(p, &place))
            return p;
    }
    return NULL;
}

static void forget_profile(const struct external *x)
{
    const struct place place = { x->evse, x->source };
    (void)profile_store_forget(x->station, is_at, &place);
}

static void external_free(struct external *x)
{
    list_remove(&x->link);
    timer_stop(&x->timer);
    free(x);
}

/* ---- to the CSMS ---- */

static struct told told_of(const struct charging_profile *p)
{
    return p ? (struct told){ true, p->in_watts, p->periods[0].limit, p->period_count } : (struct told){ 0 };
}

/* Is what there is now worth a message? (K11.FR.02, K12.FR.02; SC.03) */
static bool is_news(const struct external *x, const struct told *now)
{
    if (!now->is_told || !x->told.is_told)
        return now->is_told != x->told.is_told;
    if (now->in_watts != x->told.in_watts || now->period_count != x->told.period_count ||
        now->period_count > 1) /* of a schedule nobody can say that it is about the same */
        return true;
    return smart_charging_is_significant(x->station, x->told.limit, now->limit);
}

static json_t *notification(const struct external *x, const struct charging_profile *p)
{
    json_t *payload =
        json_pack("{s:{s:s}}", "chargingLimit", "chargingLimitSource", limit_source_names[x->source]);
    if (payload && variable_bool(x->station, VAR_SMART_CHARGING_NOTIFY_WITH_SCHEDULES)) { /* K11.FR.03 */
        AUTO(json_t) *profile = json_from_text(p->text, strlen(p->text));
        json_set_optional(payload, "chargingSchedule",
                          json_incref(json_object_get(profile, "chargingSchedule")));
    }
    return payload;
}

static void tell(struct external *x);

static void on_told(void *ctx, const struct rpc_answer *answer)
{
    struct external *x = ctx;
    x->is_open = false;
    if (answer->outcome != RPC_DISCONNECTED) /* a CSMS that does not understand it is not asked again */
        x->told = x->on_way;
    if (!x->station->freeing)
        tell(x);
}

static void send(struct external *x, const struct charging_profile *p)
{
    json_t *payload =
        p ? notification(x, p) : json_pack("{s:s}", "chargingLimitSource", limit_source_names[x->source]);
    if (payload && x->evse) /* none: the station as a whole */
        json_set_optional(payload, "evseId", json_integer(x->evse));
    x->on_way = told_of(p);
    x->quiet_ms = env_now_ms(x->station->env) + TELL_PAUSE_MS;
    x->is_open = outbox_call(x->station, p ? "NotifyChargingLimit" : "ClearedChargingLimit", payload,
                             OUTBOX_ONLINE_ONLY, on_told, x) == 0;
}

/* The end of its last moment by the wall clock; INT64_MAX: none. */
static int64_t end_ms(const struct charging_profile *p)
{
    return p ? p->valid_to_ms : INT64_MAX;
}

static void arm(struct external *x, const struct charging_profile *p, bool waits)
{
    const struct station *s = x->station;
    int64_t wait = INT64_MAX;
    if (waits)
        wait = x->quiet_ms - env_now_ms(s->env);
    if (end_ms(p) != INT64_MAX) {
        int64_t rest = end_ms(p) - station_wall_ms(s);
        rest = rest < NAP_MS ? rest : NAP_MS;
        wait = rest < wait ? rest : wait;
    }
    if (wait == INT64_MAX)
        timer_stop(&x->timer);
    else
        env_timer_start(s->env, &x->timer, wait > 0 ? wait : 0);
}

/* Tells what the CSMS does not know, now or when it may be told. May free `x`. */
static void tell(struct external *x)
{
    const struct charging_profile *p = find_profile(x->station, x->evse, x->source);
    struct told now = told_of(p);
    bool is_due = !x->is_open && is_news(x, &now) && station_is_accepted(x->station);
    bool is_early = p && env_now_ms(x->station->env) < x->quiet_ms;
    if (is_due && !is_early)
        send(x, p);
    if (!p && !x->is_open && !x->told.is_told)
        external_free(x);
    else
        arm(x, p, is_due && (is_early || !x->is_open));
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct external *x = ctx;
    struct station *s = x->station;
    external_limits_follow_clock(s);
    if (end_ms(find_profile(s, x->evse, x->source)) > station_wall_ms(s)) {
        tell(x);
        return;
    }
    log_info(LOG_STATION, "external limit ended: station=%s evse=%d source=%s", s->id, x->evse,
             limit_source_names[x->source]);
    (void)station_release_external_limit(s, x->evse, x->source);
}

static struct external *external_find(const struct station *s, int evse, enum limit_source source)
{
    LIST_FOREACH(link, following, &s->external_limits)
    {
        struct external *x = LIST_ITEM(link, struct external, link);
        if (x->evse == evse && x->source == source)
            return x;
    }
    return NULL;
}

/* The one there is, or a new one. NULL without memory. */
static struct external *external_at(struct station *s, int evse, enum limit_source source)
{
    struct external *x = external_find(s, evse, source);
    if (x || !(x = calloc(1, sizeof(*x))))
        return x;
    x->station = s;
    x->evse = evse;
    x->source = source;
    timer_init(&x->timer, s->env->timers, on_timer, x);
    list_append(&s->external_limits, &x->link);
    return x;
}

/* ---- raised ---- */

/* Down to what a message shows, but not for what only computing has lost. */
static double tenth(double value)
{
    return floor(value * 10 + 1e-6) / 10;
}

static bool is_limit(double value)
{
    return value >= 0 && value <= EXTERNAL_LIMIT_MAX;
}

/* Some device of the station, or that of the EVSE, can hold a limit. */
static bool can_be_limited(const struct station *s, int evse)
{
    bool any = false;
    for (size_t i = 0; i < s->evse_count; i++)
        any = any || (s->evses[i].abilities.limit && (evse == 0 || s->evses[i].id == evse));
    return any;
}

static int check(struct station *s, const struct external_limit *limit)
{
    if (limit->evse != 0 && !station_evse(s, limit->evse))
        return -ENODEV;
    if (!can_be_limited(s, limit->evse))
        return -EOPNOTSUPP;
    if ((int64_t)limit->later_count >= variable_int(s, VAR_SMART_CHARGING_PERIODS_PER_SCHEDULE))
        return -E2BIG;
    bool is_source = limit->source >= 0 && limit->source < LIMIT_SOURCE_CSO; /* K11.FR.05, K12.FR.04 */
    if (!is_source || !is_limit(limit->limit) || limit->duration_s < 0 ||
        limit->duration_s > EXTERNAL_LIMIT_MAX_S)
        return -EINVAL;
    int64_t before_s = 0;
    for (size_t i = 0; i < limit->later_count; i++) {
        const struct external_period *later = &limit->later[i];
        if (later->start_s <= before_s || later->start_s > EXTERNAL_LIMIT_MAX_S || !is_limit(later->limit))
            return -EINVAL;
        before_s = later->start_s;
    }
    return 0;
}

/* A limit in W is of so many phases (K01.FR.50): those of its devices, not the 3 that would count if nothing is said. */
static int phases_of(const struct station *s, int evse)
{
    int phases = 1;
    for (size_t i = 0; i < s->evse_count; i++) {
        const struct evse *e = &s->evses[i];
        if ((evse == 0 || e->id == evse) && e->abilities.phases > phases)
            phases = e->abilities.phases;
    }
    return phases;
}

static json_t *period_json(int64_t start_s, double limit, int phases)
{
    json_t *period = json_pack("{s:I, s:f}", "startPeriod", (json_int_t)start_s, "limit", tenth(limit));
    if (period && phases && json_set_optional(period, "numberPhases", json_integer(phases)) < 0) {
        json_decref(period);
        return NULL;
    }
    return period;
}

static json_t *periods_json(const struct station *s, const struct external_limit *limit)
{
    int phases = limit->in_watts ? phases_of(s, limit->evse) : 0;
    AUTO(json_t) *list = json_array();
    bool ok = list && json_array_append_new(list, period_json(0, limit->limit, phases)) == 0;
    for (size_t i = 0; ok && i < limit->later_count; i++)
        ok = json_array_append_new(list,
                                   period_json(limit->later[i].start_s, limit->later[i].limit, phases)) == 0;
    return ok ? STEAL(list) : NULL;
}

/* The one it takes the place of, or one that nobody has: negative, so that the CSMS has no such (K11.FR.06). */
static int64_t profile_id(const struct station *s, int evse, enum limit_source source)
{
    const struct charging_profile *old = find_profile(s, evse, source);
    int64_t id = -1;
    while (!old && profile_store_find(s, id))
        id--;
    return old ? old->id : id;
}

static int make_profile(const struct station *s, const struct external_limit *limit,
                        struct charging_profile **ret)
{
    int64_t now = station_wall_ms(s);
    int64_t id = profile_id(s, limit->evse, limit->source);
    char start[TIMESTAMP_SIZE], end[TIMESTAMP_SIZE];
    const char *reason;
    timestamp_format(now, start);
    timestamp_format(now + limit->duration_s * 1000, end);
    AUTO(json_t) *schedule =
        json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)-id, "startSchedule", start, "chargingRateUnit",
                  limit->in_watts ? "W" : "A", "chargingSchedulePeriod", periods_json(s, limit));
    AUTO(json_t) *profile =
        schedule ? json_pack("{s:I, s:i, s:s, s:s, s:[O]}", "id", (json_int_t)id, "stackLevel", 0,
                             "chargingProfilePurpose", profile_purpose_names[PURPOSE_EXTERNAL_CONSTRAINTS],
                             "chargingProfileKind", "Absolute", "chargingSchedule", schedule)
                 : NULL;
    if (!profile)
        return -ENOMEM;
    if (limit->duration_s && (json_set_optional(schedule, "duration", json_integer(limit->duration_s)) < 0 ||
                              json_set_optional(profile, "validTo", json_string(end)) < 0))
        return -ENOMEM;
    /* made so that nothing can be wrong with it but that there is no memory */
    return charging_profile_read(profile, limit->evse, limit->source, ret, &reason) < 0 ? -ENOMEM : 0;
}

int station_set_external_limit(struct station *station, const struct external_limit *limit)
{
    struct station *s = station;
    AUTO(charging_profile) *p = NULL;
    int r = check(s, limit);
    if (r == 0)
        r = make_profile(s, limit, &p);
    struct external *x = r == 0 ? external_at(s, limit->evse, limit->source) : NULL;
    if (!x)
        return r ? r : -ENOMEM;
    log_at(LOG_STATION, limit->is_renewed ? LOG_DEBUG : LOG_INFO,
           "external limit: station=%s evse=%d source=%s limit=%.1f %s", s->id, x->evse,
           limit_source_names[x->source], limit->limit, limit->in_watts ? "W" : "A");
    if (limit->is_renewed && x->is_kept)
        forget_profile(x); /* what it was before is not to come back after a start */
    x->is_kept = !limit->is_renewed;
    x->clock_ms = clock_ms(s);
    profile_store_add(s, STEAL(p), x->is_kept);
    if (s->started) {
        smart_charging_update(s); /* K11.FR.01, K12.FR.01 */
        tell(x);
    }
    return 0;
}

int station_release_external_limit(struct station *station, int evse, enum limit_source source)
{
    struct external *x = external_find(station, evse, source);
    if (!x || !find_profile(station, evse, source))
        return -ENOENT;
    forget_profile(x);
    if (station->started) {
        smart_charging_update(station); /* K13.FR.01 */
        tell(x);                        /* K13.FR.02 */
    }
    return 0;
}

/* ---- life ---- */

void external_limits_on_accepted(struct station *s)
{
    LIST_FOREACH(link, following, &s->external_limits)
    tell(LIST_ITEM(link, struct external, link));
}

void external_limits_follow_clock(struct station *s)
{
    int64_t clock = clock_ms(s);
    LIST_FOREACH(link, following, &s->external_limits)
    {
        struct external *x = LIST_ITEM(link, struct external, link);
        struct charging_profile *p = find_profile(s, x->evse, x->source);
        if (p)
            charging_profile_shift(p, clock - x->clock_ms);
        x->clock_ms = clock;
    }
}

void external_limits_init(struct station *s)
{
    list_init(&s->external_limits);
}

/* A limit that ended while nobody looked is told to have ended; the others are told anew. */
static void restore(struct station *s, struct charging_profile *p)
{
    struct external *x = external_at(s, p->evse, p->source);
    int64_t now = station_wall_ms(s);
    if (!x) {
        log_error(LOG_STATION, "no memory to tell of an external limit: station=%s evse=%d", s->id, p->evse);
        return;
    }
    x->is_kept = true;
    x->clock_ms = clock_ms(s);
    if (p->start_ms > now) /* the clock is not right yet */
        charging_profile_shift(p, now - p->start_ms);
    if (p->valid_to_ms > now)
        return;
    x->told = told_of(p);
    forget_profile(x);
}

void external_limits_start(struct station *s)
{
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS && !external_find(s, p->evse, p->source))
            restore(s, p);
    }
    external_limits_on_accepted(s); /* arms their timers */
}

void external_limits_done(struct station *s)
{
    LIST_FOREACH(link, following, &s->external_limits)
    external_free(LIST_ITEM(link, struct external, link));
}

/* ---- displays ---- */

static json_t *status_of(const struct station *s, const struct charging_profile *p)
{
    int64_t next_ms = INT64_MAX, now = station_wall_ms(s);
    AUTO_FREE struct charging_profile *copy = malloc(sizeof(*copy)); /* asking leaves a mark */
    if (!copy)
        return NULL;
    *copy = *p;
    const struct schedule_period *period = charging_profile_period(copy, now, now, &next_ms);
    json_t *status = json_pack("{s:i, s:s, s:s}", "evse", p->evse, "source", limit_source_names[p->source],
                               "unit", p->in_watts ? "W" : "A");
    if (status && period)
        json_set_optional(status, "limit", json_real(period->limit));
    if (status && p->valid_to_ms != INT64_MAX) {
        char until[TIMESTAMP_SIZE];
        timestamp_format(p->valid_to_ms, until);
        json_set_optional(status, "until", json_string(until));
    }
    return status;
}

json_t *external_limits_status(const struct station *s)
{
    json_t *list = NULL;
    LIST_FOREACH(link, following, &s->profile_store.profiles)
    {
        const struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        if (p->purpose == PURPOSE_EXTERNAL_CONSTRAINTS && (list || (list = json_array())))
            (void)json_array_append_new(list, status_of(s, p));
    }
    return list;
}
