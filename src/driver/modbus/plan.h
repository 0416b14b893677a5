/* The poll plan of one device: its points merged into the fewest reads, and when each is due. Pure.
 *
 * Points of one function, unit and interval share a block when the words between them are at most max_gap and the whole is at
 * most max_words; a slower point that lies inside a faster block is read along with it. Blocks of one interval are
 * spread over it. A device that refuses a block is not asked for it again: the block is split, down to single points. */
#ifndef DRIVER_MODBUS_PLAN_H
#define DRIVER_MODBUS_PLAN_H

#include "charger/point.h"
#include "charger/profile.h"
#include "driver/modbus/codec.h"

#define PLAN_RETRY_MS                                                                                        \
    60000 /* a point which the device refuses is asked for again so seldom, or at its interval */
#define PLAN_SILENCE_MS     1000 /* a unit that does not answer: first pause, and the longest */
#define PLAN_SILENCE_MAX_MS 60000

struct plan_block {
    uint8_t unit_offset, function;
    bool refused;                /* retried each PLAN_RETRY_MS */
    int64_t silence_ms;          /* pause since its unit did not answer, though others did; 0: it answers */
    uint16_t address, count;     /* registers or bits */
    uint16_t first, point_count; /* its points are plan->order[first] ff., by address */
    int64_t every_ms, phase_ms, due_ms;
};

struct plan {
    const struct point *points; /* the profile's */
    uint16_t max_words, max_gap;
    bool changed; /* a block was split or refused since plan_build() */
    size_t order_count, block_count;
    uint16_t *order;    /* indices of points */
    uint16_t *block_of; /* used while building: the block of each in order */
    struct plan_block *blocks;
    int64_t base_ms;
};

/* The points are borrowed. 0 or -ENOMEM. */
int plan_init(struct plan *plan, const struct point *points, size_t count,
              const struct modbus_options *options);
void plan_done(struct plan *plan);

/* Forgets what was split or refused: the device may be another one after its restart. Allocates nothing. */
void plan_build(struct plan *plan);
/* Everything is due now, and later at its place in the interval; `offset_ms` sets apart devices that start together. */
void plan_start(struct plan *plan, int64_t now_ms, int64_t offset_ms);

/* The block that is due first (perhaps not yet); NULL: nothing is polled. */
struct plan_block *plan_next(struct plan *plan);
/* The device answered: next time at the next place in the interval; missed ones are not made up for. */
void plan_answered(struct plan *plan, struct plan_block *block, int64_t now_ms);
/* Nothing came of it this time, for a reason of the moment. */
void plan_postpone(struct plan *plan, struct plan_block *block, int64_t now_ms);

/* The block's unit did not answer. True if others do: the unit is then asked again after a pause that doubles. */
bool plan_unit_silent(struct plan *plan, const struct plan_block *block, int64_t now_ms);
/* True if it did not before: all its blocks are due. */
bool plan_unit_answers(struct plan *plan, const struct plan_block *block, int64_t now_ms);
void plan_forget_silence(struct plan *plan);

enum plan_verdict {
    PLAN_SPLIT,    /* tried again in two parts, due at once; `block` is the first of them */
    PLAN_NO_VALUE, /* the block's points have no value */
    PLAN_KEEP,     /* the device is busy: what is known stays */
};
enum plan_verdict plan_refused(struct plan *plan, struct plan_block *block, uint8_t exception,
                               int64_t now_ms);

const struct point *plan_point(const struct plan *plan, const struct plan_block *block, size_t i);

/* Function code 1..4 that reads the point. */
uint8_t point_read_function(const struct point *point);
/* Whether one request can read it. */
bool point_is_readable(const struct point *point);

#endif
