/* Timers for everything above: one heap, driven from outside, so that tests run in virtual time and the
 * event loop arms a single system timer.
 *
 * A timer is embedded in its owner; start, restart and stop are O(log n) and never fail once the timer was
 * added to its heap by timer_init(). A callback may start and stop any timer, its own included,
 * and free its owner. A timer is stopped before it is initialised again or its memory goes. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;
typedef void (*timer_callback)(struct timer *timer, void *ctx);

struct timers {
    struct timer *root; /* pairing heap by (due, sequence): equal times fire in the order they were started */
    uint64_t next_sequence;
    int64_t now_ms; /* the time of the running timers_run(), else of the last one */
    /* Called when the earliest deadline changed; may be NULL. */
    void (*on_change)(void *ctx);
    void *ctx;
};

struct timer {
    struct timers *timers;
    timer_callback callback;
    void *ctx;
    int64_t due_ms;
    uint64_t sequence;
    struct timer *child, *next, *prev; /* heap links */
    bool active;
};

void timers_init(struct timers *timers);
void timer_init(struct timer *timer, struct timers *timers, timer_callback callback, void *ctx);
/* (Re)starts it to fire once at the monotonic time due_ms. */
void timer_start_at(struct timer *timer, int64_t due_ms);
void timer_stop(struct timer *timer);
bool timer_is_active(const struct timer *timer);
/* Earliest due time, or -1 if no timer runs. */
int64_t timers_next_ms(const struct timers *timers);
/* Fires everything due at now_ms, in order. Timers started by callbacks for <= now_ms fire in the next run. */
void timers_run(struct timers *timers, int64_t now_ms);

#endif
