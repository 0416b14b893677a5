/* The poll plan by rows: which requests come of which points, when they are due, and what a refusal does to them; and how near it comes to the least
 * that a line can be used for the same points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "driver/modbus/plan.h"

#define MAX_POINTS 8
#define COST       24 /* bytes of a request besides its data, as on a line of 9600 baud */

struct row {
    const char *name;
    int max_words, max_gap;
    struct {
        enum modbus_kind kind;
        uint16_t address, count;
        int64_t every_ms;
        uint8_t unit_offset, read_function;
    } points[MAX_POINTS];
    const char
        *requests; /* of the first round: "function:address+count(points)" each, unit offset before a dot */
};

#define H MODBUS_HOLDING
#define I MODBUS_INPUT
#define C MODBUS_COIL

static const struct row rows[] = {
    { "neighbours", 60, 0, { { H, 100, 1, 500, 0, 0 }, { H, 101, 2, 500, 0, 0 } }, "3:100+3(0 1) " },
    { "order of the profile does not matter",
      60,
      0,
      { { H, 101, 2, 500, 0, 0 }, { H, 100, 1, 500, 0, 0 } },
      "3:100+3(1 0) " },
    { "a gap that is borne",
      60,
      8,
      { { H, 100, 1, 500, 0, 0 }, { H, 109, 1, 500, 0, 0 } },
      "3:100+10(0 1) " },
    { "a gap too wide",
      60,
      8,
      { { H, 100, 1, 500, 0, 0 }, { H, 110, 1, 500, 0, 0 } },
      "3:100+1(0) 3:110+1(1) " },
    { "no gap allowed",
      60,
      0,
      { { H, 100, 1, 500, 0, 0 }, { H, 102, 1, 500, 0, 0 } },
      "3:100+1(0) 3:102+1(1) " },
    { "as long as may be",
      4,
      9,
      { { H, 0, 2, 500, 0, 0 }, { H, 2, 2, 500, 0, 0 }, { H, 4, 1, 500, 0, 0 } },
      "3:0+4(0 1) 3:4+1(2) " },
    { "one point longer than may be stands alone",
      4,
      0,
      { { H, 0, 10, 500, 0, 0 }, { H, 10, 1, 500, 0, 0 } },
      "3:0+10(0) 3:10+1(1) " },
    { "kinds do not mix",
      60,
      8,
      { { H, 0, 1, 500, 0, 0 }, { I, 1, 1, 500, 0, 0 }, { C, 2, 1, 500, 0, 0 } },
      "1:2+1(2) 3:0+1(0) 4:1+1(1) " },
    { "the function decides, not the kind",
      60,
      8,
      { { H, 0, 1, 500, 0, 0 }, { I, 1, 1, 500, 0, 3 } },
      "3:0+2(0 1) " },
    { "units do not mix", 60, 8, { { H, 0, 1, 500, 0, 0 }, { H, 1, 1, 500, 1, 0 } }, "3:0+1(0) 1.3:1+1(1) " },
    { "what is due is read together, whatever its interval",
      60,
      8,
      { { H, 0, 1, 500, 0, 0 }, { H, 1, 1, 2000, 0, 0 } },
      "3:0+2(0 1) " },
    { "a gap that the device bears, but that costs more than a request",
      60,
      60,
      { { H, 100, 1, 500, 0, 0 }, { H, 114, 1, 500, 0, 0 } },
      "3:100+1(0) 3:114+1(1) " },
    { "what is between counts as read for nothing only where nobody wants it",
      60,
      60,
      { { H, 100, 1, 500, 0, 0 }, { H, 114, 1, 500, 0, 0 }, { H, 105, 4, 500, 0, 0 } },
      "3:100+15(0 2 1) " },
    { "a slow one between fast ones",
      60,
      8,
      { { H, 3, 1, 9000, 0, 0 }, { H, 0, 1, 500, 0, 0 }, { H, 6, 1, 500, 0, 0 } },
      "3:0+7(1 0 2) " },
    { "two of one register",
      60,
      0,
      { { H, 5, 1, 500, 0, 0 }, { H, 5, 1, 500, 0, 0 }, { H, 4, 2, 500, 0, 0 } },
      "3:4+2(2 0 1) " },
    { "bits: a gap of one word is sixteen",
      60,
      1,
      { { C, 0, 1, 500, 0, 0 }, { C, 17, 1, 500, 0, 0 } },
      "1:0+18(0 1) " },
    { "bits too far", 60, 1, { { C, 0, 1, 500, 0, 0 }, { C, 18, 1, 500, 0, 0 } }, "1:0+1(0) 1:18+1(1) " },
    { "not polled", 60, 8, { { H, 0, 1, 0, 0, 0 } }, "" },
    { "too long for any request", 125, 8, { { H, 0, 126, 500, 0, 0 } }, "" },
    { "beyond the last address", 125, 8, { { H, 65535, 2, 500, 0, 0 } }, "" },
    { "the last address",
      125,
      8,
      { { H, 65534, 1, 500, 0, 0 }, { H, 65535, 1, 500, 0, 0 } },
      "3:65534+2(0 1) " },
};

static size_t make_points(const struct row *row, struct point *ret)
{
    size_t count = 0;
    for (; count < MAX_POINTS && row->points[count].count > 0; count++) {
        ret[count] = (struct point){ .index = (uint16_t)count,
                                     .access = ACCESS_R,
                                     .every_ms = row->points[count].every_ms };
        ret[count].at.modbus.kind = row->points[count].kind;
        ret[count].at.modbus.address = row->points[count].address;
        ret[count].at.modbus.count = row->points[count].count;
        ret[count].at.modbus.unit_offset = row->points[count].unit_offset;
        ret[count].at.modbus.read_function = row->points[count].read_function;
    }
    return count;
}

/* The request that is made now, as text. */
static size_t describe(const struct plan *plan, char *ret, size_t size)
{
    const struct plan_request *r = &plan->request;
    size_t len = 0;
    if (r->unit_offset)
        len += (size_t)snprintf(ret, size, "%d.", r->unit_offset);
    len += (size_t)snprintf(ret + len, size - len, "%d:%d+%d(", r->function, r->address, r->count);
    for (size_t i = r->first; i < (size_t)r->first + r->slot_count; i++)
        if (plan_covers(plan, i))
            len += (size_t)snprintf(ret + len, size - len, "%s%d", i > r->first ? " " : "",
                                    plan_point(plan, i)->index);
    return len + (size_t)snprintf(ret + len, size - len, ") ");
}

/* All that is due at `now_ms` is asked for and answered. */
static void assert_round(const char *name, struct plan *plan, int64_t now_ms, const char *expected)
{
    char text[512] = "";
    size_t len = 0;
    while (plan_due_ms(plan) >= 0 && plan_due_ms(plan) <= now_ms && len < sizeof(text) - 64) {
        (void)plan_take(plan, now_ms);
        len += describe(plan, text + len, sizeof(text) - len);
        plan_answered(plan, now_ms);
    }
    if (!str_equal(text, expected))
        fail_msg("%s: %s, expected %s", name, text, expected);
}

static void assert_request(struct plan *plan, int64_t now_ms, const char *expected)
{
    char text[256];
    (void)plan_take(plan, now_ms);
    (void)describe(plan, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void points_merge_into_the_fewest_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct point points[MAX_POINTS];
        size_t count = make_points(&rows[i], points);
        struct modbus_options options = { .max_words = rows[i].max_words, .max_gap = rows[i].max_gap };
        struct plan plan;
        assert_int_equal(plan_init(&plan, points, count, &options, COST), 0);
        plan_start(&plan, 10000, 0);
        assert_round(rows[i].name, &plan, 10000, rows[i].requests);
        plan_done(&plan);
    }
}

static void write_only_points_are_not_read(void **state)
{
    (void)state;
    struct point point = { .access = ACCESS_W, .every_ms = 500 };
    point.at.modbus.count = 1;
    struct modbus_options options = { .max_words = 60 };
    struct plan plan;
    assert_int_equal(plan_init(&plan, &point, 1, &options, COST), 0);
    assert_int_equal(plan_due_ms(&plan), -1);
    plan_done(&plan);
}

static const struct row five = {
    "five",
    60,
    4,
    { { H, 0, 1, 1000, 0, 0 },
      { H, 1, 1, 1000, 0, 0 },
      { H, 2, 1, 1000, 0, 0 },
      { H, 6, 1, 1000, 0, 0 },
      { H, 7, 1, 1000, 0, 0 } },
    "3:0+8(0 1 2 3 4) ",
};

static void plan_of(const struct row *row, struct point *points, struct plan *ret)
{
    struct modbus_options options = { .max_words = row->max_words, .max_gap = row->max_gap };
    assert_int_equal(plan_init(ret, points, make_points(row, points), &options, COST), 0);
    plan_start(ret, 10000, 0);
}

static void a_refused_request_splits_at_the_gap_then_in_the_middle(void **state)
{
    (void)state;
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&five, points, &plan);
    assert_request(&plan, 10000, five.requests);
    assert_int_equal(plan_refused(&plan, 2, 10000), PLAN_SPLIT);
    assert_request(&plan, 10000, "3:0+3(0 1 2) ");
    assert_int_equal(plan_refused(&plan, 3, 10000), PLAN_SPLIT);
    assert_round("middle", &plan, 10000, "3:0+1(0) 3:1+2(1 2) 3:6+2(3 4) ");

    assert_true(plan.changed);
    plan_build(&plan);
    assert_false(plan.changed);
    plan_start(&plan, 20000, 0);
    assert_round("again", &plan, 20000, five.requests);
    plan_done(&plan);
}

static void a_single_point_refused_has_no_value_and_is_asked_for_rarely(void **state)
{
    (void)state;
    static const struct row two = { "two", 60, 8, { { H, 0, 1, 1000, 0, 0 }, { H, 4, 1, 1000, 0, 0 } }, "" };
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&two, points, &plan);
    assert_request(&plan, 10000, "3:0+5(0 1) ");
    assert_int_equal(plan_refused(&plan, 2, 10000), PLAN_SPLIT);
    assert_request(&plan, 10000, "3:0+1(0) ");
    assert_int_equal(plan_refused(&plan, 2, 10000), PLAN_NO_VALUE);
    assert_round("the other", &plan, 10000, "3:4+1(1) ");
    for (int64_t ms = 11000; ms < 70000; ms += 1000)
        if (plan_due_ms(&plan) <= ms)
            assert_request(&plan, ms, "3:4+1(1) "), plan_answered(&plan, ms);
    assert_round("again", &plan, 70000, "3:4+1(1) 3:0+1(0) ");
    plan_done(&plan);
}

static void other_exceptions_split_nothing(void **state)
{
    (void)state;
    static const struct {
        uint8_t exception;
        enum plan_verdict verdict;
        int64_t due_ms;
    } verdicts[] = {
        { MODBUS_ILLEGAL_FUNCTION, PLAN_NO_VALUE, 10000 + PLAN_RETRY_MS },
        { MODBUS_DEVICE_FAILURE, PLAN_NO_VALUE, 11000 },
        { MODBUS_BUSY, PLAN_KEEP, 11000 },
        { MODBUS_ACKNOWLEDGE, PLAN_KEEP, 11000 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
        struct point points[MAX_POINTS];
        struct plan plan;
        plan_of(&five, points, &plan);
        assert_request(&plan, 10000, five.requests);
        assert_int_equal(plan_refused(&plan, verdicts[i].exception, 10000), verdicts[i].verdict);
        assert_int_equal(plan_due_ms(&plan), verdicts[i].due_ms);
        plan_done(&plan);
    }
}

static void what_cannot_be_read_together_is_spread_over_the_interval(void **state)
{
    (void)state;
    static const struct row four = {
        "four",
        60,
        0,
        { { H, 0, 1, 1000, 0, 0 },
          { H, 10, 1, 1000, 0, 0 },
          { H, 20, 1, 1000, 0, 0 },
          { H, 30, 1, 1000, 0, 0 } },
        "",
    };
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&four, points, &plan);
    /* The first round is read at once; then each has its quarter. */
    assert_round("first", &plan, 10005, "3:0+1(0) 3:10+1(1) 3:20+1(2) 3:30+1(3) ");
    static const int64_t due_ms[] = { 10250, 10500, 10750, 11000, 11250 };
    for (size_t i = 0; i < ARRAY_SIZE(due_ms); i++) {
        assert_int_equal(plan_due_ms(&plan), due_ms[i]);
        (void)plan_take(&plan, due_ms[i]);
        plan_answered(&plan, due_ms[i] + 3);
    }
    plan_done(&plan);
}

static void what_is_wanted_seldom_is_read_along_when_it_is_due(void **state)
{
    (void)state;
    static const struct row mixed = {
        "mixed", 60, 2, { { H, 0, 1, 1000, 0, 0 }, { H, 1, 2, 5000, 0, 0 }, { H, 4, 2, 2000, 0, 0 } }, ""
    };
    static const char *const rounds[] = { "3:0+6(0 1 2) ", "3:0+1(0) ",     "3:0+6(0 1 2) ",
                                          "3:0+1(0) ",     "3:0+6(0 1 2) ", "3:0+3(0 1) " };
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&mixed, points, &plan);
    for (size_t i = 0; i < ARRAY_SIZE(rounds); i++)
        assert_round("round", &plan, 10000 + 1000 * (int64_t)i, rounds[i]);
    plan_done(&plan);
}

static void missed_polls_are_not_made_up_for(void **state)
{
    (void)state;
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&five, points, &plan);
    assert_round("late", &plan, 15300, five.requests);
    assert_int_equal(plan_due_ms(&plan), 16000);
    plan_done(&plan);
}

static void an_offset_shifts_the_grid(void **state)
{
    (void)state;
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&five, points, &plan);
    plan_start(&plan, 10000, 400);
    assert_int_equal(plan_due_ms(&plan), 10000);
    assert_round("first", &plan, 10001, five.requests);
    assert_int_equal(plan_due_ms(&plan), 10600);
    plan_done(&plan);
}

/* ---- against the least ---- */

#define RANDOM_POINTS 24
#define SECONDS       200

static uint32_t chance;

static unsigned draw(unsigned bound)
{
    chance = chance * 1664525u + 1013904223u;
    return (chance >> 8) % bound;
}

static unsigned bytes_of(unsigned count)
{
    return COST + 2 * count;
}

/* What the points that are due in this second cost at least: over all ways to cut them, in order of address, into requests. Points of one second in one
 * request can only be neighbours among those that are due: what lies between two of them is read anyway. */
static unsigned least_of(const struct point *points, size_t count, int64_t second,
                         const struct modbus_options *options)
{
    unsigned best[RANDOM_POINTS + 1] = { 0 };
    size_t due[RANDOM_POINTS], n = 0;
    for (size_t i = 0; i < count; i++)
        if (second * 1000 % points[i].every_ms == 0)
            due[n++] = i;
    for (size_t end = 1; end <= n; end++) {
        best[end] = UINT32_MAX;
        for (size_t first = end; first-- > 0;) {
            unsigned from = points[due[first]].at.modbus.address;
            unsigned to =
                points[due[end - 1]].at.modbus.address + (unsigned)points[due[end - 1]].at.modbus.count;
            if (to - from > (unsigned)options->max_words)
                break;
            if (best[first] + bytes_of(to - from) < best[end])
                best[end] = best[first] + bytes_of(to - from);
        }
    }
    return best[n];
}

/* Registers one after the other, with holes of all sizes that the device bears, as maps of chargers have them. */
static size_t draw_map(struct point *ret)
{
    static const int64_t intervals[] = { 1000, 1000, 2000, 5000, 10000, 20000 };
    size_t count = 2 + draw(RANDOM_POINTS - 2);
    unsigned address = draw(1000);
    for (size_t i = 0; i < count; i++) {
        ret[i] = (struct point){ .index = (uint16_t)i, .access = ACCESS_R, .every_ms = intervals[draw(6)] };
        ret[i].at.modbus.kind = MODBUS_HOLDING;
        ret[i].at.modbus.address = (uint16_t)address;
        ret[i].at.modbus.count = (uint16_t)(1 + draw(3));
        address += ret[i].at.modbus.count + (draw(3) ? 0 : draw(40));
    }
    return count;
}

static void the_line_is_used_within_a_tenth_of_the_least(void **state)
{
    (void)state;
    uint64_t all = 0, all_least = 0;
    for (int round = 0; round < 500; round++) {
        struct point points[RANDOM_POINTS];
        chance = (uint32_t)round;
        size_t count = draw_map(points);
        struct modbus_options options = { .max_words = 8 + (int)draw(100), .max_gap = 124 };
        struct plan plan;
        uint64_t used = 0, least = 0;
        int64_t age_ms[RANDOM_POINTS] = { 0 };
        assert_int_equal(plan_init(&plan, points, count, &options, COST), 0);
        plan_start(&plan, 0, 0);
        for (int64_t ms = 0; ms < SECONDS * 1000; ms += 50) {
            while (plan_due_ms(&plan) <= ms) {
                const struct plan_request *r = plan_take(&plan, ms);
                used += bytes_of(r->count);
                for (size_t i = r->first; i < (size_t)r->first + r->slot_count; i++) {
                    const struct point *p = plan_point(&plan, i);
                    if (!plan_covers(&plan, i))
                        continue;
                    assert_true(ms - age_ms[p->index] <=
                                p->every_ms + plan.slots[i].fast_ms / 2 + 50); /* none is forgotten */
                    age_ms[p->index] = ms;
                }
                assert_true(r->count <= options.max_words);
                plan_answered(&plan, ms);
            }
            least += ms % 1000 == 0 ? least_of(points, count, ms / 1000, &options) : 0;
        }
        plan_done(&plan);
        if (used > least * 11 / 10)
            fail_msg("round %d: %llu bytes, least are %llu", round, (unsigned long long)used,
                     (unsigned long long)least);
        all += used;
        all_least += least;
    }
    print_message("%.2f %% above the least\n", 100.0 * (double)all / (double)all_least - 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_merge_into_the_fewest_requests),
        cmocka_unit_test(write_only_points_are_not_read),
        cmocka_unit_test(a_refused_request_splits_at_the_gap_then_in_the_middle),
        cmocka_unit_test(a_single_point_refused_has_no_value_and_is_asked_for_rarely),
        cmocka_unit_test(other_exceptions_split_nothing),
        cmocka_unit_test(what_cannot_be_read_together_is_spread_over_the_interval),
        cmocka_unit_test(what_is_wanted_seldom_is_read_along_when_it_is_due),
        cmocka_unit_test(missed_polls_are_not_made_up_for),
        cmocka_unit_test(an_offset_shifts_the_grid),
        cmocka_unit_test(the_line_is_used_within_a_tenth_of_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
