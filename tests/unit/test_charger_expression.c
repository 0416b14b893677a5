/* Expressions: what they give, what has no value, and what is refused with which column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "charger/coverage.h"
#include "charger/expression.h"

enum { STATE, FLAGS, POWER, LOST, TAG, ENABLE, ENERGY, BIG, OWN, POINTS };

/* clang-format off */
static const struct point points[POINTS] = {
    [STATE]  = { .name = "state",  .type = POINT_U16,  .raw_size = 2, .scale = 1, .scale_point = -1 },
    [FLAGS]  = { .name = "flags",  .type = POINT_BITS, .raw_size = 2, .scale = 1, .scale_point = -1 },
    [POWER]  = { .name = "power",  .type = POINT_I32,  .raw_size = 4, .scale = 0.1, .scale_point = -1, .unit = "W" },
    [LOST]   = { .name = "lost",   .type = POINT_U16,  .raw_size = 2, .scale = 1, .scale_point = -1 },
    [TAG]    = { .name = "tag",    .type = POINT_STRING, .raw_size = 20, .scale = 1, .scale_point = -1 },
    [ENABLE] = { .name = "enable", .type = POINT_BOOL, .raw_size = 1, .scale = 1, .scale_point = -1 },
    [ENERGY] = { .name = "energy", .type = POINT_U32,  .raw_size = 4, .scale = 1, .scale_point = -1, .unit = "kWh" },
    [BIG]    = { .name = "big",    .type = POINT_BITS, .raw_size = 8, .scale = 1, .scale_point = -1 },
    [OWN]    = { .name = "2.own",  .type = POINT_U16,  .raw_size = 2, .scale = 1, .scale_point = -1 },
};
static struct point_value values[POINTS] = {
    [STATE]  = { .number = 7, .raw = 7, .quality = QUALITY_GOOD },
    [FLAGS]  = { .number = 0x41, .raw = 0x41, .quality = QUALITY_GOOD },
    [POWER]  = { .number = 50.5, .raw = 505, .quality = QUALITY_GOOD },
    [LOST]   = { .number = 3, .raw = 3, .quality = QUALITY_STALE },
    [TAG]    = { .text = (char[]){ "04A2" }, .quality = QUALITY_GOOD },
    [ENABLE] = { .number = 1, .raw = 1, .quality = QUALITY_GOOD },
    [ENERGY] = { .number = 12, .raw = 12, .quality = QUALITY_GOOD },
    [BIG]    = { .number = 1.8446744073709552e19, .raw = UINT64_C(0xFFFFFFFFFFFFFFFE), .quality = QUALITY_GOOD },
    [OWN]    = { .number = 5, .raw = 5, .quality = QUALITY_GOOD },
};
/* clang-format on */

static const struct expression_scope scope = { points, POINTS, "2.", true, true };
static const struct expression_arguments arguments = { .number = { 16, 11040, 3, 2 }, .text = "hello" };

static struct expression *compile(const char *text, struct expression_error *error)
{
    struct expression *e = NULL;
    int r = expression_compile(text, &scope, error, &e);
    assert_true(r == 0 || r == -EINVAL);
    assert_true((r == 0) == (e != NULL));
    return e;
}

static struct expression *good(const char *text)
{
    struct expression_error error = { 0 };
    struct expression *e = compile(text, &error);
    if (!e)
        print_message("%s: column %d: %s\n", text, error.column, error.text);
    assert_non_null(e);
    return e;
}

#define NO_VALUE NAN

static void expressions_give_what_they_say(void **state)
{
    static const struct {
        const char *text;
        double number;
    } rows[] = {
        { "1 + 2 * 3", 7 },
        { "(1 + 2) * 3", 9 },
        { "2 - 3 - 4", -5 },
        { "-power + 1", -49.5 },
        { "- -3", 3 },
        { "7 % 4 + 0.5", 3.5 },
        { "0x10 / 4", 4 },
        { "power / 0", NO_VALUE },
        { "power % 0", NO_VALUE },
        { "min(limit_A, 32, 10)", 10 },
        { "max(limit_A, 32)", 32 },
        { "abs(-power)", 50.5 },
        { "limit_W / phases", 3680 },
        { "state == 7", 1 },
        { "state != 7", 0 },
        { "state in 1..6", 0 },
        { "state in 7", 1 },
        { "state in [1, 3, 5..7]", 1 },
        { "state not in [1, 3, 5..7]", 0 },
        { "-state in -8..-6", 1 },
        { "power > 50 and power <= 50.5", 1 },
        { "not state == 7", 0 },
        { "not not enable", 1 },
        { "flags & 0x40", 0x40 },
        { "flags & 0x40 or false", 1 },
        { "flags & 0x02 or false", 0 },
        { "flags & 0x0F == 1", 1 },
        { "not (flags & 0x40)", 0 },
        { "big & 1", 0 },
        { "big & 2", 2 },
        { "enable", 1 },
        { "enable and state == 7", 1 },
        { "enable == 1", 1 },
        { "enable == true", 1 },
        { "(state == 7) == enable", 1 },
        { "tag == \"04A2\"", 1 },
        { "tag != '04A2'", 0 },
        { "tag in [\"A\", \"04A2\"]", 1 },
        { "tag not in 'A'", 1 },
        { "own", 5 },
        { "true", 1 },
        /* three values */
        { "lost", NO_VALUE },
        { "lost == 3", NO_VALUE },
        { "lost + 1", NO_VALUE },
        { "not lost == 3", NO_VALUE },
        { "min(lost, 1)", NO_VALUE },
        { "lost in 1..9", NO_VALUE },
        { "lost == 3 and state == 7", NO_VALUE },
        { "lost == 3 and state == 8", 0 },
        { "state == 8 and lost == 3", 0 },
        { "lost == 3 or state == 7", 1 },
        { "lost == 3 or state == 8", NO_VALUE },
        { "known(lost)", 0 },
        { "known(state)", 1 },
        { "not known(lost) or lost > 5", 1 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO(expression) *e = good(rows[i].text);
        struct expression_value v = expression_eval(e, values, &arguments);
        if (v.known == isnan(rows[i].number) || (v.known && fabs(v.number - rows[i].number) > 1e-9))
            fail_msg("%s gives %d %g", rows[i].text, v.known, v.number);
    }
}

static void what_makes_no_sense_is_refused_at_its_column(void **state)
{
    static const struct {
        const char *text;
        int column;
        const char *says;
    } rows[] = {
        { "", 1, "ends too early" },
        { "state ==", 9, "ends too early" },
        { "powr > 3", 1, "did you mean power?" },
        { "state == 7 and limitA > 3", 16, "did you mean limit_A?" },
        { "xyzzy", 1, "no point and no argument" },
        { "state = 7", 7, "expected ==" },
        { "state == 7 || state == 8", 12, "the word or" },
        { "!enable", 1, "the word not" },
        { "state == 7 state", 12, "does not belong here" },
        { "(state == 7", 12, "expected )" },
        { "state in [1, 2", 15, "expected ]" },
        { "state in 3..1", 10, "the range is empty" },
        { "state in power", 10, "constant number" },
        { "tag in 3", 8, "expected a text" },
        { "tag == 3", 8, "this is a number, but what stands before == is a text" },
        { "state == \"7\"", 10, "this is a text" },
        { "tag < 'x'", 1, "has no order" },
        { "tag + 1", 1, "needs a number" },
        { "tag and enable", 1, "needs a condition" },
        { "state and enable", 1, "needs a condition" },
        { "enable or state", 11, "needs a condition" },
        { "not state", 5, "needs a condition" },
        { "power & 1", 1, "this point is scaled" },
        { "power + energy", 7, "W and kWh do not go together" },
        { "power > energy", 9, "W and kWh do not go together" },
        { "limit_A < power", 11, "A and W do not go together" },
        { "min(power)", 10, "expected ," },
        { "abs(tag)", 5, "needs a number" },
        { "known(3)", 7, "needs the name of a point" },
        { "known(nope)", 7, "no point" },
        { "12x", 1, "no number" },
        { "0x", 1, "no number" },
        { "1.2.3", 4, "has no meaning" },
        { "'open", 1, "not closed" },
        { "state @ 3", 7, "has no meaning" },
        { "((((((((((((((((((((((((((1))))))))))))))))))))))))))", 25, "too deeply" },
        { "1 == 1 == 1", 8, "does not belong here" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct expression_error error = { 0 };
        AUTO(expression) *e = compile(rows[i].text, &error);
        if (e || error.column != rows[i].column || !strstr(error.text, rows[i].says))
            fail_msg("%s: %s column %d: %s", rows[i].text, e ? "accepted" : "refused", error.column,
                     error.text);
    }
}

static void long_expressions_are_bounded(void **state)
{
    char text[2000] = "1";
    struct expression_error error = { 0 };
    struct expression *e = NULL;
    (void)state;
    for (int i = 0; i < 300; i++)
        memcpy(text + 1 + 2 * i, "+1", 3);
    assert_int_equal(expression_compile(text, &scope, &error, &e), -EINVAL);
    memset(text, ' ', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(expression_compile(text, &scope, &error, &e), -EINVAL);
}

static void an_expression_knows_what_it_is_made_of(void **state)
{
    bool known = false;
    (void)state;
    AUTO(expression) *e = good("power > 3 and known(state) or power < limit_W");
    assert_int_equal(expression_point(e, 0), POWER);
    assert_int_equal(expression_point(e, 1), STATE);
    assert_int_equal(expression_point(e, 2), -1);
    assert_true(expression_uses_argument(e, ARGUMENT_LIMIT_W));
    assert_false(expression_uses_argument(e, ARGUMENT_LIMIT_A));
    assert_int_equal(expression_plain_point(e), -1);
    AUTO(expression) *plain = good("energy");
    assert_int_equal(expression_plain_point(plain), ENERGY);
    assert_string_equal(expression_unit(plain, &known), "kWh");
    assert_true(known);
    AUTO(expression) *product = good("energy * 1000");
    (void)expression_unit(product, &known);
    assert_false(known);
}

/* ---- rules ---- */

static void rules_that_cannot_be_reached_are_found(void **state)
{
    static const struct {
        const char *first, *second;
        enum coverage_verdict verdict;
        bool total;
    } rows[] = {
        { "state == 1", "state == 2", COVERAGE_OK, false },
        { "state == 1", "state == 1 and power > 3", COVERAGE_CAUGHT, false },
        { "state in 1..5", "state in [2, 4]", COVERAGE_CAUGHT, false },
        { "state in 1..5", "state in [2, 6]", COVERAGE_OK, false },
        { "state < 5", "state <= 4", COVERAGE_CAUGHT, false },
        { "state < 5", "state >= 5", COVERAGE_OK, true },
        { "state == 1 or power > 3", "state == 1", COVERAGE_CAUGHT, false },
        { "state == 1 and power > 3", "state == 1", COVERAGE_OK, false },
        { "not state == 1", "state == 1", COVERAGE_OK, true },
        { "not (state == 1 and enable)", "state == 1", COVERAGE_OK, true },
        { "state == 1", "state == 70000", COVERAGE_NEVER, false },
        { "state == 1", "state == 1.5", COVERAGE_NEVER, false },
        { "state == 1", "state == 2 and state == 3", COVERAGE_NEVER, false },
        { "state != 1", "1 == state", COVERAGE_OK, true },
        { "state > 0", "state == 0", COVERAGE_OK, true },
        { "enable", "not enable", COVERAGE_OK, true },
        { "enable", "enable == 1", COVERAGE_CAUGHT, false },
        { "power > 3", "power > 5", COVERAGE_OK, false }, /* scaled: it does not reason about those */
        { "flags & 1", "flags & 1 and state == 2", COVERAGE_OK, false },
        { "tag == 'A'", "tag == 'A' and enable", COVERAGE_OK, false },
        { "state in 0..100", "state in 200..65535 or state in 101..199", COVERAGE_OK, true },
        { "state >= 0", "enable", COVERAGE_OK, true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO(expression) *first = good(rows[i].first);
        AUTO(expression) *second = good(rows[i].second);
        struct coverage c;
        coverage_init(&c, points);
        assert_int_equal(coverage_add(&c, first), COVERAGE_OK);
        enum coverage_verdict verdict = coverage_add(&c, second);
        if (verdict != rows[i].verdict || coverage_is_total(&c) != rows[i].total)
            fail_msg("%s, then %s: %d, total %d", rows[i].first, rows[i].second, (int)verdict,
                     coverage_is_total(&c));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_give_what_they_say),
        cmocka_unit_test(what_makes_no_sense_is_refused_at_its_column),
        cmocka_unit_test(long_expressions_are_bounded),
        cmocka_unit_test(an_expression_knows_what_it_is_made_of),
        cmocka_unit_test(rules_that_cannot_be_reached_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
