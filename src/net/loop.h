/* The one reactor: a libuv loop, the env made from the system's clocks and random source, and the timers of
 * base/timer.h driven by a single uv_timer. Between two runs of timers the sockets have their turn. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <uv.h>

#include "base/env.h"

struct loop {
    uv_loop_t uv;
    struct env env; /* CLOCK_MONOTONIC, CLOCK_REALTIME, getrandom() */
    struct timers timers;
    uv_timer_t timer; /* armed for the earliest of `timers` */
    uv_idle_t idle;   /* or it is due: then these two */
    uv_check_t check;
    bool stopping;
};

/* 0 or -errno. The struct must not move afterwards. */
int loop_init(struct loop *loop);
/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* Every handle must have been closed by its owner; runs the loop until they are, then releases it. */
void loop_done(struct loop *loop);

#endif
