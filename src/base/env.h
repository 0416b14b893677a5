/* All that a pure layer may know of the world: time, chance, timers. Sending, storing and commanding are
 * handed to each object at its creation, as callbacks. */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/timer.h"

struct env {
    void *ctx;
    int64_t (*now_ms)(void *ctx);  /* monotonic; for waiting */
    int64_t (*wall_ms)(void *ctx); /* Unix time; may step; for what is sent or stored */
    void (*random)(void *ctx, void *ret, size_t len);
    struct timers *timers;
};

int64_t env_now_ms(const struct env *env);
int64_t env_wall_ms(const struct env *env);
/* Uniform in 0..bound-1; bound > 0. */
uint32_t env_random(const struct env *env, uint32_t bound);

#define UUID_SIZE 37
/* A random UUID (version 4) in lower-case text. */
void env_uuid(const struct env *env, char ret[static UUID_SIZE]);

/* (Re)starts the timer to fire in delay_ms (>= 0) from now. */
void env_timer_start(const struct env *env, struct timer *timer, int64_t delay_ms);

#endif
