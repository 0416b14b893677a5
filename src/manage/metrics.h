/* Figures in the text format of Prometheus. Pure. */
#ifndef MANAGE_METRICS_H
#define MANAGE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The lines before a metric's values; `type` is "gauge", "counter" or "histogram". Once for each name. */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);
/* One value; `labels` is name, value, name, value ..., NULL: values are escaped. */
void metrics_value(struct buf *out, const char *name, const char *const labels[], double value);

#define HISTOGRAM_BUCKETS 14

/* How often something took how long: bounds 0.001, 0.0025, 0.005, 0.01, 0.025 ... 10 s and above. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS]; /* of each bucket alone */
    double sum_s;
};
void histogram_add(struct histogram *histogram, double seconds);
/* Its values: _bucket, _sum, _count. The head is the caller's. */
void metrics_histogram(struct buf *out, const char *name, const char *const labels[],
                       const struct histogram *histogram);

#endif
