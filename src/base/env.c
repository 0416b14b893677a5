/* Conveniences on struct env. */
#include "base/env.h"

#include <stdio.h>

int64_t env_now_ms(const struct env *env)
{
    return env->now_ms(env->ctx);
}

int64_t env_wall_ms(const struct env *env)
{
    return env->wall_ms(env->ctx);
}

uint32_t env_random(const struct env *env, uint32_t bound)
{
    uint32_t value;
    uint32_t excess =
        (uint32_t)(0u - bound) % bound; /* 2^32 mod bound: values below it would favour some results */
    do
        env->random(env->ctx, &value, sizeof(value));
    while (value < excess);
    return value % bound;
}

void env_uuid(const struct env *env, char ret[static UUID_SIZE])
{
    uint8_t b[16];
    env->random(env->ctx, b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    (void)snprintf(ret, UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}

void env_timer_start(const struct env *env, struct timer *timer, int64_t delay_ms)
{
    timer_start_at(timer, env_now_ms(env) + delay_ms);
}
