/* The lag of the loop (lag.h). */
#include "gateway/lag.h"

#include <math.h>

#define EVERY_MS  100
#define MINUTE_MS 60000

static void on_timer(struct timer *timer, void *ctx)
{
    struct lag *lag = ctx;
    int64_t now_ms = env_now_ms(lag->env);
    double late_s = (double)(now_ms - lag->due_ms) / 1000;
    histogram_add(&lag->histogram, late_s);
    if (now_ms - lag->minute_ms > MINUTE_MS) {
        lag->last_max_s = lag->max_s;
        lag->max_s = 0;
        lag->minute_ms = now_ms;
    }
    lag->max_s = fmax(lag->max_s, late_s);
    lag->due_ms = now_ms + EVERY_MS;
    env_timer_start(lag->env, timer, EVERY_MS);
}

void lag_start(struct lag *lag, const struct env *env)
{
    *lag = (struct lag){ .env = env, .minute_ms = env_now_ms(env), .due_ms = env_now_ms(env) + EVERY_MS };
    timer_init(&lag->timer, env->timers, on_timer, lag);
    env_timer_start(env, &lag->timer, EVERY_MS);
}

void lag_stop(struct lag *lag)
{
    timer_stop(&lag->timer);
}

double lag_max_s(const struct lag *lag)
{
    return fmax(lag->max_s, lag->last_max_s);
}
