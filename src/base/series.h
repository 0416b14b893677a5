/* A measured value over time, in a fixed number of bytes: means over 10 s for the last hour, over 60 s for the last day. Times are monotonic ms. */
#ifndef BASE_SERIES_H
#define BASE_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SERIES_FINE_MS      10000
#define SERIES_FINE_STEPS   360
#define SERIES_COARSE_MS    60000
#define SERIES_COARSE_STEPS 1440

struct series;
struct series *series_new(void); /* NULL without memory */
void series_free(struct series *series);
DEFINE_AUTO(series, series_free)

/* The value at this time, not before the last one's; NAN: not known. A step's mean is that of what was known in it. */
void series_add(struct series *series, int64_t now_ms, double value);

/* Which steps tell of the last span_ms before now_ms: the fine ones as far as they reach, else the coarse ones; the step that is under way is not among
 * them. Their number is at most SERIES_COARSE_STEPS. */
struct series_window {
    int64_t step_ms, from_ms; /* from_ms: the begin of the first step */
    size_t count;
};
struct series_window series_window(int64_t now_ms, int64_t span_ms);
/* The mean of the window's step `index`; NAN: nothing was known, or the series does not reach there. */
double series_at(const struct series *series, const struct series_window *window, size_t index);

#endif
