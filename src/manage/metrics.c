/* The text format of Prometheus (metrics.h). */
#include "manage/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double bounds_s[HISTOGRAM_BUCKETS - 1] = { 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1,
                                                        0.25,  0.5,    1,     2.5,  5,    10 };

void metrics_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_u8(out, '\\');
        if (*text == '\n')
            buf_text(out, "\\n");
        else
            buf_u8(out, (uint8_t)*text);
    }
}

/* {a="b",c="d"}, with one more label if `more` is not NULL; nothing if there is none. */
static void print_labels(struct buf *out, const char *const labels[], const char *more,
                         const char *more_value)
{
    size_t count = 0;
    for (; labels && labels[2 * count]; count++) {
        buf_printf(out, "%s%s=\"", count ? "," : "{", labels[2 * count]);
        print_escaped(out, labels[2 * count + 1]);
        buf_u8(out, '"');
    }
    if (more)
        buf_printf(out, "%s%s=\"%s\"", count ? "," : "{", more, more_value);
    if (count > 0 || more)
        buf_u8(out, '}');
}

static void print_number(struct buf *out, double value)
{
    if (isnan(value))
        buf_text(out, " NaN\n");
    else if (isinf(value))
        buf_text(out, value > 0 ? " +Inf\n" : " -Inf\n");
    else
        buf_printf(out, " %.15g\n", value);
}

void metrics_value(struct buf *out, const char *name, const char *const labels[], double value)
{
    buf_text(out, name);
    print_labels(out, labels, NULL, NULL);
    print_number(out, value);
}

void histogram_add(struct histogram *histogram, double seconds)
{
    size_t i = 0;
    while (i < HISTOGRAM_BUCKETS - 1 && seconds > bounds_s[i])
        i++;
    histogram->counts[i]++;
    histogram->sum_s += seconds;
}

void metrics_histogram(struct buf *out, const char *name, const char *const labels[],
                       const struct histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        char bound[32] = "+Inf";
        count += histogram->counts[i];
        if (i < HISTOGRAM_BUCKETS - 1)
            (void)snprintf(bound, sizeof(bound), "%g", bounds_s[i]);
        buf_printf(out, "%s_bucket", name);
        print_labels(out, labels, "le", bound);
        buf_printf(out, " %" PRIu64 "\n", count);
    }
    buf_printf(out, "%s_sum", name);
    print_labels(out, labels, NULL, NULL);
    print_number(out, histogram->sum_s);
    buf_printf(out, "%s_count", name);
    print_labels(out, labels, NULL, NULL);
    buf_printf(out, " %" PRIu64 "\n", count);
}
