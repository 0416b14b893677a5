/* The poll plan of one device: which of its points the next request reads, and when it is due. Pure.
 *
 * Every point has its own place in time: a grid of its interval. A request is made anew each time, of all that is due where it can be read
 * together: points of one function and unit, over words of no interest where these cost less than a request of their own and the
 * device bears it (max_gap), at most max_words. So what is wanted seldom is read along with what is wanted often, and costs no request, and what
 * lies between is read for nothing extra. Points that can be read together share the beginning of their grids; those that cannot are spread over the
 * interval. What the device refuses to read together is not asked for together again. */
#ifndef DRIVER_MODBUS_PLAN_H
#define DRIVER_MODBUS_PLAN_H

#include "charger/point.h"
#include "charger/profile.h"
#include "driver/modbus/codec.h"

#define PLAN_RETRY_MS                                                                                        \
    60000 /* a point which the device refuses is asked for again so seldom, or at its interval */
#define PLAN_SILENCE_MS     1000 /* a unit that does not answer: first pause, and the longest */
#define PLAN_SILENCE_MAX_MS 60000

/* A polled point; in order of unit, function and address. */
struct plan_slot {
    int64_t due_ms, phase_ms; /* where its grid begins, after plan.base_ms */
    int64_t fast_ms;          /* the shortest interval among those it can be read together with */
    uint16_t point;           /* index in plan.points */
    uint16_t chain; /* the first slot of those it can be read together with, if need be by way of others */
    bool cut;       /* no request goes over the border before it: the device refused that */
    bool refused;   /* refused even alone; retried each PLAN_RETRY_MS */
};

/* The unit of the device, or one beside it (several EVSEs by unit id). */
struct plan_unit {
    uint8_t offset;
    int64_t silence_ms; /* pause since it did not answer, though others did; 0: it answers */
};

/* What plan_take() decided: registers or bits, and the slots that lie inside. */
struct plan_request {
    uint8_t unit_offset, function;
    uint16_t address, count;
    uint16_t first, slot_count; /* slots first.. ; some may reach out: plan_covers() */
};

struct plan {
    const struct point *points; /* the profile's */
    uint16_t max_words, max_gap;
    uint16_t request_cost; /* bytes that a request costs besides its data */
    bool changed;          /* something was cut or refused since plan_build() */
    size_t slot_count, unit_count;
    struct plan_slot *slots;
    struct plan_unit *units;
    uint32_t *least;         /* while a request is made, by slot: what all from there on costs */
    uint16_t *last;          /* ... and the last slot of the request that begins there */
    int64_t base_ms, due_ms; /* due_ms: of the first one; -1: nothing is polled */
    int64_t fastest_ms;      /* the shortest interval of all */
    struct plan_request request;
};

/* The points are borrowed. `request_cost`: how many bytes take the time that a request takes besides its data: its own bytes, the
 * head of the answer, silence on the line. 0 or -ENOMEM. */
int plan_init(struct plan *plan, const struct point *points, size_t count,
              const struct modbus_options *options, uint16_t request_cost);
void plan_done(struct plan *plan);

/* Forgets what was refused: the device may be another one after its restart. Allocates nothing. */
void plan_build(struct plan *plan);
/* Everything is due now, and later at its place in the interval; `offset_ms` sets apart devices that start together. */
void plan_start(struct plan *plan, int64_t now_ms, int64_t offset_ms);

/* When the next request is due, perhaps in the past; -1: nothing is polled. */
int64_t plan_due_ms(const struct plan *plan);
/* Makes the next request, of what is due first and what can be read along; something must be polled. It stays, to be tried again, until the next
 * call; what follows is about it. */
const struct plan_request *plan_take(struct plan *plan, int64_t now_ms);
/* The device answered: next time at the next place in the interval; missed ones are not made up for. */
void plan_answered(struct plan *plan, int64_t now_ms);
/* Nothing came of it this time, for a reason of the moment. */
void plan_postpone(struct plan *plan, int64_t now_ms);

/* The unit asked did not answer. True if others do: the unit is then asked again after a pause that doubles. */
bool plan_unit_silent(struct plan *plan, int64_t now_ms);
/* True if it did not before: all its points are due. */
bool plan_unit_answers(struct plan *plan, int64_t now_ms);
/* Whether the unit asked was silent the last time. */
bool plan_unit_was_silent(const struct plan *plan);
void plan_forget_silence(struct plan *plan);

enum plan_verdict {
    PLAN_SPLIT,    /* tried again in two parts, due at once */
    PLAN_NO_VALUE, /* the point has no value; or, for a while, none of those asked for */
    PLAN_KEEP,     /* the device is busy: what is known stays */
};
enum plan_verdict plan_refused(struct plan *plan, uint8_t exception, int64_t now_ms);

/* The point of a slot, and whether the request reads it whole. */
const struct point *plan_point(const struct plan *plan, size_t slot);
bool plan_covers(const struct plan *plan, size_t slot);

/* Function code 1..4 that reads the point. */
uint8_t point_read_function(const struct point *point);
/* Whether one request can read it. */
bool point_is_readable(const struct point *point);

#endif
