/* Two rings of means, one for each length of step (series.h). A step's place in its ring is its number since time 0. */
#include "base/series.h"

#include <math.h>
#include <stdbool.h>

struct ring_of_steps {
    int64_t first, last; /* numbers of the step it began with, and of the one under way */
    double sum;          /* of the one under way */
    unsigned count;
};

struct series {
    bool has_begun;
    struct ring_of_steps fine, coarse;
    float fine_means[SERIES_FINE_STEPS], coarse_means[SERIES_COARSE_STEPS];
};

/* The two differ in nothing but their size. */
struct ring_view {
    struct ring_of_steps *steps;
    float *means;
    int64_t size, step_ms;
};

static struct ring_view fine_of(struct series *series)
{
    return (struct ring_view){ &series->fine, series->fine_means, SERIES_FINE_STEPS, SERIES_FINE_MS };
}

static struct ring_view coarse_of(struct series *series)
{
    return (struct ring_view){ &series->coarse, series->coarse_means, SERIES_COARSE_STEPS, SERIES_COARSE_MS };
}

struct series *series_new(void)
{
    return calloc(1, sizeof(struct series));
}

void series_free(struct series *series)
{
    free(series);
}

/* Ends the step under way, and those in which nothing was said. */
static void go_to(struct ring_view ring, int64_t step)
{
    struct ring_of_steps *steps = ring.steps;
    if (step <= steps->last)
        return;
    ring.means[steps->last % ring.size] = steps->count ? (float)(steps->sum / steps->count) : NAN;
    int64_t gap = step - steps->last - 1;
    for (int64_t i = gap < ring.size ? gap : ring.size; i > 0; i--)
        ring.means[(step - i) % ring.size] = NAN;
    steps->last = step;
    steps->sum = 0;
    steps->count = 0;
}

static void add(struct ring_view ring, int64_t now_ms, double value)
{
    go_to(ring, now_ms / ring.step_ms);
    if (!isfinite(value))
        return;
    ring.steps->sum += value;
    ring.steps->count++;
}

void series_add(struct series *series, int64_t now_ms, double value)
{
    if (!series->has_begun) {
        series->fine.first = series->fine.last = now_ms / SERIES_FINE_MS;
        series->coarse.first = series->coarse.last = now_ms / SERIES_COARSE_MS;
        series->has_begun = true;
    }
    add(fine_of(series), now_ms, value);
    add(coarse_of(series), now_ms, value);
}

struct series_window series_window(int64_t now_ms, int64_t span_ms)
{
    bool is_fine = span_ms <= (int64_t)SERIES_FINE_MS * SERIES_FINE_STEPS;
    int64_t step_ms = is_fine ? SERIES_FINE_MS : SERIES_COARSE_MS;
    int64_t most = is_fine ? SERIES_FINE_STEPS : SERIES_COARSE_STEPS;
    int64_t count = span_ms <= 0 ? 0 : (span_ms + step_ms - 1) / step_ms;
    if (count > most)
        count = most;
    return (struct series_window){ step_ms, (now_ms / step_ms - count) * step_ms, (size_t)count };
}

double series_at(const struct series *series, const struct series_window *window, size_t index)
{
    bool is_fine = window->step_ms == SERIES_FINE_MS;
    const struct ring_of_steps *steps = is_fine ? &series->fine : &series->coarse;
    const float *means = is_fine ? series->fine_means : series->coarse_means;
    int64_t size = is_fine ? SERIES_FINE_STEPS : SERIES_COARSE_STEPS;
    int64_t step = window->from_ms / window->step_ms + (int64_t)index;
    bool is_there = step >= steps->first && step < steps->last && step >= steps->last - size;
    return is_there ? (double)means[step % size] : (double)NAN;
}
