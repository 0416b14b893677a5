/* The poll plan by rows: which requests come of which points, when they are due, and what a refusal does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "driver/modbus/plan.h"

#define MAX_POINTS 8

struct row {
    const char *name;
    int max_words, max_gap;
    struct {
        enum modbus_kind kind;
        uint16_t address, count;
        int64_t every_ms;
        uint8_t unit_offset, read_function;
    } points[MAX_POINTS];
    const char *blocks; /* "function:address+count/every(points)" each, unit offset before a dot */
};

#define H MODBUS_HOLDING
#define I MODBUS_INPUT
#define C MODBUS_COIL

static const struct row rows[] = {
    { "neighbours", 60, 0, { { H, 100, 1, 500, 0, 0 }, { H, 101, 2, 500, 0, 0 } }, "3:100+3/500(0 1) " },
    { "order of the profile does not matter",
      60,
      0,
      { { H, 101, 2, 500, 0, 0 }, { H, 100, 1, 500, 0, 0 } },
      "3:100+3/500(1 0) " },
    { "a gap that is borne",
      60,
      8,
      { { H, 100, 1, 500, 0, 0 }, { H, 109, 1, 500, 0, 0 } },
      "3:100+10/500(0 1) " },
    { "a gap too wide",
      60,
      8,
      { { H, 100, 1, 500, 0, 0 }, { H, 110, 1, 500, 0, 0 } },
      "3:100+1/500(0) 3:110+1/500(1) " },
    { "no gap allowed",
      60,
      0,
      { { H, 100, 1, 500, 0, 0 }, { H, 102, 1, 500, 0, 0 } },
      "3:100+1/500(0) 3:102+1/500(1) " },
    { "as long as may be",
      4,
      9,
      { { H, 0, 2, 500, 0, 0 }, { H, 2, 2, 500, 0, 0 }, { H, 4, 1, 500, 0, 0 } },
      "3:0+4/500(0 1) 3:4+1/500(2) " },
    { "one point longer than may be stands alone",
      4,
      0,
      { { H, 0, 10, 500, 0, 0 }, { H, 10, 1, 500, 0, 0 } },
      "3:0+10/500(0) 3:10+1/500(1) " },
    { "kinds do not mix",
      60,
      8,
      { { H, 0, 1, 500, 0, 0 }, { I, 1, 1, 500, 0, 0 }, { C, 2, 1, 500, 0, 0 } },
      "1:2+1/500(2) 3:0+1/500(0) 4:1+1/500(1) " },
    { "the function decides, not the kind",
      60,
      8,
      { { H, 0, 1, 500, 0, 0 }, { I, 1, 1, 500, 0, 3 } },
      "3:0+2/500(0 1) " },
    { "units do not mix",
      60,
      8,
      { { H, 0, 1, 500, 0, 0 }, { H, 1, 1, 500, 1, 0 } },
      "3:0+1/500(0) 1.3:1+1/500(1) " },
    { "intervals do not mix",
      60,
      8,
      { { H, 0, 1, 500, 0, 0 }, { H, 1, 1, 2000, 0, 0 } },
      "3:0+1/500(0) 3:1+1/2000(1) " },
    { "a slow one inside a fast block rides along",
      60,
      8,
      { { H, 3, 1, 9000, 0, 0 }, { H, 0, 1, 500, 0, 0 }, { H, 6, 1, 500, 0, 0 } },
      "3:0+7/500(1 0 2) " },
    { "two of one register",
      60,
      0,
      { { H, 5, 1, 500, 0, 0 }, { H, 5, 1, 500, 0, 0 }, { H, 4, 2, 500, 0, 0 } },
      "3:4+2/500(2 0 1) " },
    { "bits: a gap of one word is sixteen",
      60,
      1,
      { { C, 0, 1, 500, 0, 0 }, { C, 17, 1, 500, 0, 0 } },
      "1:0+18/500(0 1) " },
    { "bits too far",
      60,
      1,
      { { C, 0, 1, 500, 0, 0 }, { C, 18, 1, 500, 0, 0 } },
      "1:0+1/500(0) 1:18+1/500(1) " },
    { "not polled", 60, 8, { { H, 0, 1, 0, 0, 0 } }, "" },
    { "too long for any request", 125, 8, { { H, 0, 126, 500, 0, 0 } }, "" },
    { "beyond the last address", 125, 8, { { H, 65535, 2, 500, 0, 0 } }, "" },
    { "the last address",
      125,
      8,
      { { H, 65534, 1, 500, 0, 0 }, { H, 65535, 1, 500, 0, 0 } },
      "3:65534+2/500(0 1) " },
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

static void describe(const struct plan *plan, char *ret, size_t size)
{
    size_t len = 0;
    ret[0] = '\0';
    for (size_t b = 0; b < plan->block_count; b++) {
        const struct plan_block *block = &plan->blocks[b];
        if (block->unit_offset)
            len += (size_t)snprintf(ret + len, size - len, "%d.", block->unit_offset);
        len += (size_t)snprintf(ret + len, size - len, "%d:%d+%d/%d(", block->function, block->address,
                                block->count, (int)block->every_ms);
        for (size_t i = 0; i < block->point_count; i++)
            len += (size_t)snprintf(ret + len, size - len, "%s%d", i ? " " : "",
                                    plan_point(plan, block, i)->index);
        len += (size_t)snprintf(ret + len, size - len, ") ");
    }
}

static void assert_blocks(const char *name, const struct plan *plan, const char *expected)
{
    char text[512];
    describe(plan, text, sizeof(text));
    if (!str_equal(text, expected))
        fail_msg("%s: %s, expected %s", name, text, expected);
}

static void points_merge_into_the_fewest_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct point points[MAX_POINTS];
        size_t count = make_points(&rows[i], points);
        struct modbus_options options = { .max_words = rows[i].max_words, .max_gap = rows[i].max_gap };
        struct plan plan;
        assert_int_equal(plan_init(&plan, points, count, &options), 0);
        assert_blocks(rows[i].name, &plan, rows[i].blocks);
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
    assert_int_equal(plan_init(&plan, &point, 1, &options), 0);
    assert_int_equal(plan.block_count, 0);
    assert_null(plan_next(&plan));
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
    "3:0+8/1000(0 1 2 3 4) ",
};

static void plan_of(const struct row *row, struct point *points, struct plan *ret)
{
    struct modbus_options options = { .max_words = row->max_words, .max_gap = row->max_gap };
    assert_int_equal(plan_init(ret, points, make_points(row, points), &options), 0);
    assert_blocks(row->name, ret, row->blocks);
    plan_start(ret, 10000, 0);
}

static void a_refused_block_splits_at_the_gap_then_in_the_middle(void **state)
{
    (void)state;
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&five, points, &plan);
    struct plan_block *block = plan_next(&plan);
    assert_int_equal(plan_refused(&plan, block, 2, 10000), PLAN_SPLIT);
    assert_blocks("gap", &plan, "3:0+3/1000(0 1 2) 3:6+2/1000(3 4) ");
    assert_int_equal(plan_refused(&plan, &plan.blocks[0], 3, 10000), PLAN_SPLIT);
    assert_blocks("middle", &plan, "3:0+1/1000(0) 3:6+2/1000(3 4) 3:1+2/1000(1 2) ");
    for (size_t i = 0; i < plan.block_count; i++)
        assert_int_equal(plan.blocks[i].due_ms, 10000);

    assert_true(plan.changed);
    plan_build(&plan);
    assert_false(plan.changed);
    assert_blocks("again", &plan, five.blocks);
    plan_done(&plan);
}

static void a_single_point_refused_has_no_value_and_is_asked_for_rarely(void **state)
{
    (void)state;
    static const struct row one = { "one", 60, 0, { { H, 0, 1, 1000, 0, 0 } }, "3:0+1/1000(0) " };
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&one, points, &plan);
    struct plan_block *block = plan_next(&plan);
    assert_int_equal(plan_refused(&plan, block, 2, 10000), PLAN_NO_VALUE);
    assert_int_equal(block->due_ms, 10000 + PLAN_RETRY_MS);
    plan_answered(&plan, block, 70000);
    assert_int_equal(block->due_ms, 71000);
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
        struct plan_block *block = plan_next(&plan);
        assert_int_equal(plan_refused(&plan, block, verdicts[i].exception, 10000), verdicts[i].verdict);
        assert_int_equal(block->due_ms, verdicts[i].due_ms);
        assert_blocks("whole", &plan, five.blocks);
        plan_done(&plan);
    }
}

static void blocks_of_an_interval_are_spread_over_it(void **state)
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
        "3:0+1/1000(0) 3:10+1/1000(1) 3:20+1/1000(2) 3:30+1/1000(3) ",
    };
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&four, points, &plan);
    /* The first round is read at once; then each has its quarter. */
    for (int i = 0; i < 4; i++) {
        struct plan_block *block = plan_next(&plan);
        assert_int_equal(block->due_ms, 10000);
        plan_answered(&plan, block, 10005);
    }
    static const int64_t due_ms[] = { 10250, 10500, 10750, 11000, 11250 };
    for (size_t i = 0; i < ARRAY_SIZE(due_ms); i++) {
        struct plan_block *block = plan_next(&plan);
        assert_int_equal(block->due_ms, due_ms[i]);
        plan_answered(&plan, block, due_ms[i] + 3);
    }
    plan_done(&plan);
}

static void missed_polls_are_not_made_up_for(void **state)
{
    (void)state;
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&five, points, &plan);
    plan_answered(&plan, plan_next(&plan), 15300);
    assert_int_equal(plan_next(&plan)->due_ms, 16000);
    plan_done(&plan);
}

static void an_offset_shifts_the_grid(void **state)
{
    (void)state;
    struct point points[MAX_POINTS];
    struct plan plan;
    plan_of(&five, points, &plan);
    plan_start(&plan, 10000, 400);
    assert_int_equal(plan_next(&plan)->due_ms, 10000);
    plan_answered(&plan, plan_next(&plan), 10001);
    assert_int_equal(plan_next(&plan)->due_ms, 10600);
    plan_done(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_merge_into_the_fewest_requests),
        cmocka_unit_test(write_only_points_are_not_read),
        cmocka_unit_test(a_refused_block_splits_at_the_gap_then_in_the_middle),
        cmocka_unit_test(a_single_point_refused_has_no_value_and_is_asked_for_rarely),
        cmocka_unit_test(other_exceptions_split_nothing),
        cmocka_unit_test(blocks_of_an_interval_are_spread_over_it),
        cmocka_unit_test(missed_polls_are_not_made_up_for),
        cmocka_unit_test(an_offset_shifts_the_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
