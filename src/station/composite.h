/* What charging profiles come to: the limit of an EVSE at a moment, and its schedule over a time (K08; Part 2, K 3.4-3.7). Pure
 * computing: knows no station, sends nothing.
 *
 *     leading  = per purpose the period of the highest stackLevel that has one now (K01.FR.17)
 *     own      = lowest of the connector, TxProfile or else TxDefaultProfile, and the EVSE's external constraints
 *     budget   = lowest of ChargingStationMaxProfile and the station's external constraints
 *     limit    = own, or the share of the budget, which the EVSEs that draw current have together */
#ifndef STATION_COMPOSITE_H
#define STATION_COMPOSITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list;
struct charging_profile;

/* One EVSE as the computing sees it. */
struct composite_evse {
    int id;                     /* 1.. */
    const char *transaction_id; /* of the one that runs, whose TxProfiles count; "": none */
    int64_t relative_ms;        /* Relative schedules begin here (K01.FR.42) */
    int phases;                 /* 1..3, of the connector */
    bool switches_phases;       /* the device can be told to use fewer */
    bool is_dc;                 /* phases mean nothing (K01.FR.44) */
    double voltage_V;           /* phase to neutral; of the area, not measured (K01.FR.50) */
    double min_A, max_A;        /* what the device can hold, and what the connector bears; per phase */
    bool shares;                /* draws current or is about to: has a share of the budget */
    int priority; /* chargingPriority of its transaction: the lowest go without first (K03.FR.04) */
};

/* All EVSEs of a station with its profiles (struct charging_profile, highest stackLevel first). Borrowed. */
struct composite {
    struct list *profiles;
    const struct composite_evse *evses;
    size_t count;       /* at most STATION_MAX_EVSES */
    bool external_only; /* smart charging is switched off: the CSMS's profiles do not count */
};

struct composite_limit {
    double limit_A;   /* per phase, at most (K01.FR.51). What is below min_A is a pause */
    double budget_A;  /* of the whole station; INFINITY: none */
    int phases;       /* at most so many are used: the lowest of all that count (K 3.7) */
    int phase_to_use; /* 1..3: this one; 0: the station's own choice (K01.FR.47) */
    /* whose period is the lowest; NULL: the connector. The limit may be lower still as a share of it */
    const struct charging_profile *lowest;
};

/* The limit of evses[index] at a moment (wall clock), as if it shared the budget. `*ret_next_ms` is lowered to the next moment at which
 * it may change. */
struct composite_limit composite_at(const struct composite *composite, size_t index, int64_t at_ms,
                                    int64_t *ret_next_ms);

struct composite_period {
    int64_t start_s; /* after the schedule's start; the first is 0 */
    double limit;    /* A per phase or W of all phases, rounded down to a tenth */
    int phases, phase_to_use;
};

#define COMPOSITE_MAX_PERIODS 1024 /* of a ChargingScheduleType */
#define COMPOSITE_WHOLE       SIZE_MAX

/* The expected schedule of evses[index], or with COMPOSITE_WHOLE of all together as if they all charged (K08.FR.03, K08.FR.06), for
 * duration_s > 0 from start_ms on, a whole second. In each second the lowest limit in force counts; a limit the device cannot hold is 0,
 * since it pauses. Returns the number of periods in `ret` (of COMPOSITE_MAX_PERIODS), or -E2BIG: it has more, or its profiles more
 * changes than can be worked through. */
int composite_schedule(const struct composite *composite, size_t index, int64_t start_ms, int64_t duration_s,
                       bool in_watts, struct composite_period *ret);

#endif
