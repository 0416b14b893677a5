/* The composite of charging profiles (K08). Walks from change to change, never second by second. */
#include "station/composite.h"

#include <errno.h>
#include <math.h>

#include "base/list.h"
#include "base/str.h"
#include "station/charging_profile.h"
#include "station/station.h"

#define SAME_A 0.05

/* Looks at a profile for an EVSE, for one schedule: bounds the time of one request to some 20 ms. */
#define MAX_LOOKS 6553600

/* Each has one leading period at a time. External constraints of different sources, and those of the station and of an EVSE, hold at the
 * same time: none of them may be exceeded (SC.01). */
enum slot {
    SLOT_STATION_MAX,
    SLOT_TX_DEFAULT,
    SLOT_TX,
    SLOT_EXTERNAL_EVSE,
    SLOT_EXTERNAL_STATION = SLOT_EXTERNAL_EVSE + LIMIT_SOURCES,
    SLOTS = SLOT_EXTERNAL_STATION + LIMIT_SOURCES
};

struct leading {
    const struct charging_profile *profile;
    const struct schedule_period *period; /* NULL: none has one */
};

/* ---- the leading periods ---- */

static int slot_of(const struct charging_profile *p)
{
    switch (p->purpose) {
    case PURPOSE_STATION_MAX:
        return SLOT_STATION_MAX;
    case PURPOSE_TX_DEFAULT:
        return SLOT_TX_DEFAULT;
    case PURPOSE_TX:
        return SLOT_TX;
    case PURPOSE_EXTERNAL_CONSTRAINTS:
    case PURPOSES:
        break;
    }
    return (p->evse ? SLOT_EXTERNAL_EVSE : SLOT_EXTERNAL_STATION) + (int)p->source;
}

static bool counts_for(const struct charging_profile *p, const struct composite_evse *e)
{
    if (p->purpose == PURPOSE_TX) /* K01.FR.04 */
        return p->evse == e->id && e->transaction_id[0] && str_equal(p->transaction_id, e->transaction_id);
    return p->evse == 0 || p->evse == e->id; /* K01.FR.14, K01.FR.15 */
}

static void find_leading(const struct composite *c, const struct composite_evse *e, int64_t at_ms,
                         struct leading ret[static SLOTS], int64_t *ret_next_ms)
{
    for (int i = 0; i < SLOTS; i++)
        ret[i].period = NULL;
    LIST_FOREACH(link, following, c->profiles)
    {
        struct charging_profile *p = LIST_ITEM(link, struct charging_profile, link);
        struct leading *slot = &ret[slot_of(p)];
        if (slot->period || !counts_for(p, e) ||
            (c->external_only && p->purpose != PURPOSE_EXTERNAL_CONSTRAINTS))
            continue; /* one of a higher stackLevel leads (K01.FR.17) */
        slot->period = charging_profile_period(p, at_ms, e->relative_ms, ret_next_ms);
        slot->profile = p;
    }
    if (ret[SLOT_TX].period)
        ret[SLOT_TX_DEFAULT].period = NULL; /* K02.FR.04, K02.FR.08 */
}

/* ---- the limit of one EVSE, before it shares ---- */

struct own {
    double limit_A;
    double floor_A;  /* below it, it is not worth while to charge (K01.FR.21) */
    double budget_A; /* of the station; INFINITY: none */
    int phases, phase_to_use;
    const struct charging_profile *lowest, *lowest_of_station;
};

static int phases_used(const struct composite_evse *e, int phases)
{
    return !e->is_dc && e->switches_phases && phases < e->phases ? phases : e->phases;
}

/* A limit of so many phases (K01.FR.50); should the device use more all the same, then of those. */
static double per_phase_A(const struct composite_evse *e, int used, bool in_watts, double limit, int phases)
{
    if (!in_watts)
        return limit; /* K01.FR.51 */
    return limit / (e->voltage_V * (!e->is_dc && phases > used ? phases : used));
}

static void take_phases(const struct leading leading[static SLOTS], struct own *ret)
{
    for (int i = 0; i < SLOTS; i++) {
        const struct schedule_period *period = leading[i].period;
        if (!period)
            continue;
        if (period->phases < ret->phases)
            ret->phases = period->phases;
        if (period->phase_to_use)
            ret->phase_to_use = period->phase_to_use;
    }
}

/* Takes one leading period into the limits. */
static void take_period(const struct composite_evse *e, enum slot slot, const struct leading *leading,
                        struct own *ret)
{
    const struct charging_profile *p = leading->profile;
    const struct schedule_period *period = leading->period;
    bool of_station = slot == SLOT_STATION_MAX || slot >= SLOT_EXTERNAL_STATION;
    int used = phases_used(e, ret->phases);
    double limit_A = per_phase_A(e, used, p->in_watts, period->limit, period->phases);
    double *lowest_A = of_station ? &ret->budget_A : &ret->limit_A;
    if (limit_A < *lowest_A) {
        *lowest_A = limit_A;
        *(of_station ? &ret->lowest_of_station : &ret->lowest) = p;
    }
    if (!of_station)
        ret->floor_A =
            fmax(ret->floor_A, per_phase_A(e, used, p->in_watts, p->min_charging_rate, period->phases));
}

static struct own own_limit(const struct composite *c, size_t index, int64_t at_ms, int64_t *ret_next_ms)
{
    const struct composite_evse *e = &c->evses[index];
    struct own own = { .limit_A = e->max_A, .floor_A = e->min_A, .budget_A = INFINITY, .phases = e->phases };
    struct leading leading[SLOTS];
    find_leading(c, e, at_ms, leading, ret_next_ms);
    take_phases(leading, &own);
    for (int i = 0; i < SLOTS; i++)
        if (leading[i].period)
            take_period(e, (enum slot)i, &leading[i], &own);
    return own;
}

/* ---- the shares of the budget ---- */

struct share {
    size_t index;                   /* of the EVSE */
    double own_A, floor_A, limit_A; /* limit_A -1: goes without */
    int priority;
};

/* The one to go without next: the lowest priority, of these the last. -1: only one is left. */
static int last_in_rank(const struct share *shares, size_t count)
{
    int last = -1, admitted = 0;
    for (size_t i = 0; i < count; i++) {
        if (shares[i].limit_A < 0)
            continue;
        admitted++;
        if (last < 0 || shares[i].priority <= shares[last].priority)
            last = (int)i;
    }
    return admitted > 1 ? last : -1;
}

/* Each begins with his floor; where the budget does not bear it, some go without, so that the others can charge (K03.FR.04). Returns what
 * is left of the budget; less than 0 only if there is not even enough for one. */
static double admit(struct share *shares, size_t count, double budget_A)
{
    double rest_A = budget_A;
    for (size_t i = 0; i < count; i++) {
        shares[i].limit_A = fmin(shares[i].floor_A, shares[i].own_A);
        rest_A -= shares[i].limit_A;
    }
    int last;
    while (rest_A < 0 && (last = last_in_rank(shares, count)) >= 0) {
        rest_A += shares[last].limit_A;
        shares[last].limit_A = -1;
    }
    return rest_A;
}

static bool can_rise(const struct share *share)
{
    return share->limit_A >= 0 && share->limit_A < share->own_A;
}

/* One step: the lowest of those that can rise rise together, to the next that stands above them or to the own limit of one of them.
 * Returns what is left of the rest. */
static double raise_lowest(struct share *shares, size_t count, double rest_A)
{
    double lowest_A = INFINITY, next_A = INFINITY;
    int rising = 0;
    for (size_t i = 0; i < count; i++)
        if (can_rise(&shares[i]))
            lowest_A = fmin(lowest_A, shares[i].limit_A);
    for (size_t i = 0; i < count; i++) {
        bool rises = can_rise(&shares[i]) && shares[i].limit_A <= lowest_A;
        if (rises || shares[i].limit_A > lowest_A)
            next_A = fmin(next_A, rises ? shares[i].own_A : shares[i].limit_A);
        rising += rises;
    }
    if (rising == 0)
        return 0;
    bool enough = (next_A - lowest_A) * rising <= rest_A;
    double to_A = enough ? next_A : lowest_A + rest_A / rising;
    for (size_t i = 0; i < count; i++)
        if (can_rise(&shares[i]) && shares[i].limit_A <= lowest_A)
            shares[i].limit_A = to_A;
    return enough ? rest_A - (next_A - lowest_A) * rising : 0;
}

/* Equal shares (K04.FR.05); what one cannot use is the others'. */
static void share_out(struct share *shares, size_t count, double budget_A)
{
    double rest_A = admit(shares, count, budget_A);
    while (rest_A > 0)
        rest_A = raise_lowest(shares, count, rest_A);
    for (size_t i = 0; i < count; i++) {
        if (rest_A < 0 && shares[i].limit_A >= 0)
            shares[i].limit_A = fmin(shares[i].limit_A, budget_A);
        shares[i].limit_A = fmax(shares[i].limit_A, 0);
    }
}

/* ---- at a moment ---- */

static bool is_held(const struct composite_evse *e, double limit_A)
{
    return limit_A > 0 && limit_A >= e->min_A - SAME_A;
}

/* Those that share lower each other's limit; who pauses by his own limit takes nothing. */
static void apply_budget(const struct composite *c, const struct own owns[], const bool counts[],
                         double budget_A, struct composite_limit ret[])
{
    struct share shares[STATION_MAX_EVSES];
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        if (counts[i] && is_held(&c->evses[i], owns[i].limit_A))
            shares[count++] = (struct share){ .index = i,
                                              .own_A = owns[i].limit_A,
                                              .floor_A = owns[i].floor_A,
                                              .priority = c->evses[i].priority };
    share_out(shares, count, budget_A);
    for (size_t i = 0; i < count; i++) {
        struct composite_limit *limit = &ret[shares[i].index];
        if (shares[i].limit_A < limit->limit_A) {
            limit->limit_A = shares[i].limit_A;
            limit->lowest = owns[shares[i].index].lowest_of_station;
        }
    }
}

/* The limits of evses[index], or of all as if they all charged. Entries of `ret` besides these are left as they are. */
static void limits_at(const struct composite *c, size_t index, int64_t at_ms, struct composite_limit ret[],
                      int64_t *ret_next_ms)
{
    struct own owns[STATION_MAX_EVSES];
    bool counts[STATION_MAX_EVSES] = { false };
    double budget_A = INFINITY;
    for (size_t i = 0; i < c->count; i++) {
        counts[i] = index == COMPOSITE_WHOLE || i == index || c->evses[i].shares;
        if (!counts[i])
            continue;
        owns[i] = own_limit(c, i, at_ms, ret_next_ms);
        budget_A = fmin(budget_A, owns[i].budget_A);
        ret[i] = (struct composite_limit){ .limit_A = owns[i].limit_A,
                                           .phases = owns[i].phases,
                                           .phase_to_use = owns[i].phase_to_use,
                                           .lowest = owns[i].lowest };
    }
    for (size_t i = 0; i < c->count; i++)
        if (counts[i])
            ret[i].budget_A = budget_A;
    if (!isinf(budget_A))
        apply_budget(c, owns, counts, budget_A, ret);
}

struct composite_limit composite_at(const struct composite *composite, size_t index, int64_t at_ms,
                                    int64_t *ret_next_ms)
{
    struct composite_limit limits[STATION_MAX_EVSES];
    limits_at(composite, index, at_ms, limits, ret_next_ms);
    return limits[index];
}

/* ---- over a time ---- */

struct sweep {
    const struct composite *composite;
    size_t index;
    bool in_watts;
    struct composite_period *periods;
    int count;
};

/* Down to a tenth, but not for what only computing has lost. */
static double tenth(double value)
{
    return floor(value * 10 + 1e-6) / 10;
}

static struct composite_period period_at(const struct sweep *s, int64_t at_ms, int64_t *ret_next_ms)
{
    const struct composite *c = s->composite;
    struct composite_limit limits[STATION_MAX_EVSES];
    struct composite_period sum = { .phases = 1 };
    double limit = 0;
    limits_at(c, s->index, at_ms, limits, ret_next_ms);
    for (size_t i = 0; i < c->count; i++) {
        const struct composite_evse *e = &c->evses[i];
        if (s->index != COMPOSITE_WHOLE && i != s->index)
            continue;
        double limit_A = is_held(e, limits[i].limit_A) ? limits[i].limit_A : 0;
        limit += s->in_watts ? limit_A * e->voltage_V * phases_used(e, limits[i].phases) : limit_A;
        if (limits[i].phases > sum.phases)
            sum.phases = limits[i].phases;
        if (s->index != COMPOSITE_WHOLE)
            sum.phase_to_use = limits[i].phase_to_use;
    }
    sum.limit = tenth(limit);
    return sum;
}

static bool is_same(const struct composite_period *a, const struct composite_period *b)
{
    return fabs(a->limit - b->limit) < 1e-9 && a->phases == b->phases && a->phase_to_use == b->phase_to_use;
}

/* From its second on. A change within a second counts for it only if it lowers the limit; what was to begin after the second has been
 * overtaken. False: no room. */
static bool append(struct sweep *s, struct composite_period period, bool within)
{
    while (s->count > 0 && s->periods[s->count - 1].start_s > period.start_s)
        s->count--;
    const struct composite_period *last = s->count > 0 ? &s->periods[s->count - 1] : NULL;
    if (last && within && period.limit >= last->limit)
        period.start_s++;
    else if (last && last->start_s == period.start_s)
        s->count--;
    if (s->count > 0 && is_same(&s->periods[s->count - 1], &period))
        return true;
    if (s->count == COMPOSITE_MAX_PERIODS)
        return false;
    s->periods[s->count++] = period;
    return true;
}

/* So many changes can be worked through. */
static size_t max_changes(const struct composite *c)
{
    size_t looks = c->count;
    LIST_FOREACH(link, following, c->profiles)
    looks += c->count;
    return MAX_LOOKS / (looks > 0 ? looks : 1);
}

int composite_schedule(const struct composite *composite, size_t index, int64_t start_ms, int64_t duration_s,
                       bool in_watts, struct composite_period *ret)
{
    struct sweep sweep = { .composite = composite, .index = index, .in_watts = in_watts, .periods = ret };
    size_t changes = max_changes(composite);
    int64_t end_ms = start_ms + duration_s * 1000;
    for (int64_t at_ms = start_ms; at_ms < end_ms; changes--) {
        int64_t next_ms = INT64_MAX;
        struct composite_period period = period_at(&sweep, at_ms, &next_ms);
        period.start_s = (at_ms - start_ms) / 1000;
        if (changes == 0 || !append(&sweep, period, (at_ms - start_ms) % 1000 != 0))
            return -E2BIG;
        at_ms = next_ms;
    }
    while (ret[sweep.count - 1].start_s >= duration_s)
        sweep.count--; /* rose within the last second */
    return sweep.count;
}
