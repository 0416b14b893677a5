/* How late the loop is: a timer that is due every 100 ms tells by how much it was not. */
#ifndef GATEWAY_LAG_H
#define GATEWAY_LAG_H

#include "base/env.h"
#include "manage/metrics.h"

struct lag {
    const struct env *env;
    struct timer timer;
    int64_t due_ms, minute_ms;
    double max_s, last_max_s; /* of this minute, of the one before */
    struct histogram histogram;
};
void lag_start(struct lag *lag, const struct env *env);
void lag_stop(struct lag *lag);
double lag_max_s(const struct lag *lag);

#endif
