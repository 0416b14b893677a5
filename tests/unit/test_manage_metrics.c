/* The text format of Prometheus: heads, labels, numbers, histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "manage/metrics.h"

static int set_up(void **state)
{
    struct buf *out = calloc(1, sizeof(*out));
    buf_init(out, 65536);
    *state = out;
    return 0;
}

static int tear_down(void **state)
{
    buf_done(*state);
    free(*state);
    return 0;
}

static void a_head_names_help_and_type(void **state)
{
    struct buf *out = *state;
    metrics_head(out, "a_total", "counter", "how many");
    assert_string_equal(buf_string(out), "# HELP a_total how many\n# TYPE a_total counter\n");
}

static void values_have_their_labels(void **state)
{
    static const struct {
        const char *const labels[7];
        double value;
        const char *line;
    } rows[] = {
        { { NULL }, 1, "m 1\n" },
        { { "a", "b", NULL }, 0, "m{a=\"b\"} 0\n" },
        { { "a", "b", "c", "d", NULL }, 1.5, "m{a=\"b\",c=\"d\"} 1.5\n" },
        { { "a", "", NULL }, -1, "m{a=\"\"} -1\n" },
        { { "a", "x\"y", NULL }, 1, "m{a=\"x\\\"y\"} 1\n" },
        { { "a", "x\\y", NULL }, 1, "m{a=\"x\\\\y\"} 1\n" },
        { { "a", "x\ny", NULL }, 1, "m{a=\"x\\ny\"} 1\n" },
        { { "a", "\\n{}=,", NULL }, 1, "m{a=\"\\\\n{}=,\"} 1\n" },
        { { "a", "\xc3\xa9", NULL }, 1, "m{a=\"\xc3\xa9\"} 1\n" },
        { { "a", "b", NULL }, NAN, "m{a=\"b\"} NaN\n" },
        { { "a", "b", NULL }, INFINITY, "m{a=\"b\"} +Inf\n" },
        { { "a", "b", NULL }, -INFINITY, "m{a=\"b\"} -Inf\n" },
        { { NULL }, 123456789012345, "m 123456789012345\n" },
        { { NULL }, 1e21, "m 1e+21\n" },
        { { NULL }, 0.001, "m 0.001\n" },
    };
    struct buf *out = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        out->len = 0;
        metrics_value(out, "m", rows[i].labels, rows[i].value);
        assert_string_equal(buf_string(out), rows[i].line);
    }
    out->len = 0;
    metrics_value(out, "m", NULL, 2);
    assert_string_equal(buf_string(out), "m 2\n");
}

static void a_histogram_is_cumulative(void **state)
{
    struct buf *out = *state;
    struct histogram histogram = { 0 };
    static const double times_s[] = {
        0, 0.001, 0.0011, 0.03, 0.03, 10, 10.5, 1e6
    }; /* a bound belongs to its bucket */
    for (size_t i = 0; i < ARRAY_SIZE(times_s); i++)
        histogram_add(&histogram, times_s[i]);
    const char *const labels[] = { "station", "C\"1", NULL };
    metrics_histogram(out, "h", labels, &histogram);
    assert_string_equal(buf_string(out), "h_bucket{station=\"C\\\"1\",le=\"0.001\"} 2\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.0025\"} 3\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.005\"} 3\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.01\"} 3\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.02\"} 3\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.05\"} 5\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.1\"} 5\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.25\"} 5\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"0.5\"} 5\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"1\"} 5\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"2.5\"} 5\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"5\"} 5\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"10\"} 6\n"
                                         "h_bucket{station=\"C\\\"1\",le=\"+Inf\"} 8\n"
                                         "h_sum{station=\"C\\\"1\"} 1000020.5621\n"
                                         "h_count{station=\"C\\\"1\"} 8\n");
}

static void a_histogram_without_labels_has_the_bound_only(void **state)
{
    struct buf *out = *state;
    const struct histogram none = { 0 };
    metrics_histogram(out, "h", NULL, &none);
    assert_true(str_starts(buf_string(out), "h_bucket{le=\"0.001\"} 0\n"));
    assert_non_null(strstr(buf_string(out), "h_bucket{le=\"+Inf\"} 0\nh_sum 0\nh_count 0\n"));
}

static void what_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct buf out;
    const struct histogram none = { 0 };
    buf_init(&out, 100);
    metrics_histogram(&out, "h", NULL, &none);
    assert_true(out.err < 0);
    assert_true(out.len <= 100);
    buf_done(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_head_names_help_and_type),    TEST(values_have_their_labels),
        TEST(a_histogram_is_cumulative),     TEST(a_histogram_without_labels_has_the_bound_only),
        TEST(what_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
