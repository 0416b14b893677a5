/* How much a device is like a profile: devices of a few registers, so that each thing that counts is seen alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "gateway/likeness.h"

#define REGISTERS 16
#define ONE       ""
#define TWO       "count: 2\n    address_offset: 10\n    "

struct world {
    struct profile *profile;
    bool has[REGISTERS];
    uint16_t values[REGISTERS];
    int err; /* of every question after so many */
    int err_after, asked;
    struct likeness found;
};

/* A state at 0 (of the second EVSE at 10), a voltage at 1, an energy at 2; `more` stands before them. */
static void load(struct world *w, const char *more, const char *evses)
{
    static const struct profile_source nowhere = { 0 };
    struct problems problems;
    char text[1200];
    (void)snprintf(
        text, sizeof(text),
        "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\n%s"
        "evses:\n  - %sconnectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
        "    points:\n"
        "      state: { at: holding 0, type: u16 }\n"
        "      voltage: { at: holding 1, type: u16, unit: V }\n"
        "      energy: { at: holding 2, type: u16, unit: Wh }\n"
        "    signals:\n"
        "      state: [ { available: state == 1 }, { charging: state == 2 }, { unknown: otherwise } ]\n"
        "      voltage_l1: voltage\n"
        "      energy_import: energy\n",
        more, evses);
    problems_init(&problems);
    profile_free(w->profile);
    w->profile = NULL;
    (void)profile_parse("p.yaml", text, strlen(text), &nowhere, &problems, &w->profile);
    for (size_t i = 0; i < problems.count; i++)
        print_message("%s\n", problems.list[i].text);
    assert_int_equal(problems.count, 0);
    problems_done(&problems);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    load(w, "", ONE);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    profile_free(w->profile);
    free(w);
    return 0;
}

static void put(struct world *w, size_t address, uint16_t value)
{
    w->has[address] = true;
    w->values[address] = value;
}

static int read_register(void *ctx, int unit_offset, uint8_t function, uint16_t address, uint16_t count,
                         uint8_t *ret)
{
    struct world *w = ctx;
    assert_int_equal(unit_offset, 0);
    assert_int_equal(function, 3);
    assert_int_equal(count, 1);
    if (w->err && w->asked++ >= w->err_after)
        return w->err;
    if (address >= REGISTERS || !w->has[address])
        return -ERR_DEVICE_EXCEPTION;
    ret[0] = (uint8_t)(w->values[address] >> 8);
    ret[1] = (uint8_t)w->values[address];
    return 0;
}

static int score_of(struct world *w)
{
    w->asked = 0;
    likeness_of(w->profile, read_register, w, &w->found);
    return w->found.score;
}

static void a_device_that_has_all_and_makes_sense_is_the_one(void **state)
{
    struct world *w = *state;
    put(w, 0, 1);
    put(w, 1, 230);
    put(w, 2, 5000);
    assert_int_equal(score_of(w), 100);
    assert_string_equal(w->found.reason, "3 of 3 points, state available, voltage 230 V");
    assert_false(w->found.identified);
}

static void what_is_missing_or_makes_no_sense_counts_against_it(void **state)
{
    struct world *w = *state;
    put(w, 0, 1);
    put(w, 1, 230);
    int without_energy = score_of(w);
    assert_in_range(without_energy, 50, 99);
    put(w, 1, 23000);
    int nonsense = score_of(w);
    assert_true(nonsense < without_energy);
    assert_non_null(strstr(w->found.reason, "values that make no sense"));
    put(w, 0, 77); /* no state that is known */
    assert_true(score_of(w) < nonsense);
}

static void who_has_nothing_of_its_state_is_another(void **state)
{
    struct world *w = *state;
    put(w, 1, 230);
    put(w, 2, 5000);
    assert_int_equal(score_of(w), 0);
    assert_int_equal(w->found.points, 1); /* and is not asked for the rest */
}

static void who_says_who_it_is_is_believed(void **state)
{
    struct world *w = *state;
    load(w, "identify: { read: holding 5, equals: 0x0107 }\n", ONE);
    put(w, 0, 77);
    put(w, 5, 0x0107);
    assert_in_range(score_of(w), 90, 100);
    assert_true(w->found.identified);
    put(w, 5, 0x0108);
    put(w, 0, 1);
    put(w, 1, 230);
    assert_int_equal(score_of(w), 0);
    assert_string_equal(w->found.reason, "it is another model");
}

/* The profile for two and the one for one have the same first EVSE. */
static void the_second_evse_tells_brothers_apart(void **state)
{
    struct world *w = *state;
    put(w, 0, 1);
    put(w, 1, 230);
    put(w, 2, 5000);
    load(w, "", TWO);
    assert_int_equal(score_of(w), 90);
    assert_int_equal(w->found.evses, 1);
    assert_string_equal(w->found.reason, "3 of 3 points, state available, voltage 230 V, 1 of 2 EVSEs");
    put(w, 10, 1);
    assert_int_equal(score_of(w), 100);
    assert_int_equal(w->found.evses, 2);
    load(w, "", ONE);
    assert_int_equal(score_of(w), 100);
    assert_int_equal(w->found.evses, 1);
}

static void a_link_that_fails_ends_it_and_silence_does_not(void **state)
{
    struct world *w = *state;
    put(w, 0, 1);
    put(w, 1, 230);
    put(w, 2, 5000);
    load(w, "", TWO);
    for (w->err_after = 0; w->err_after < 4; w->err_after++) {
        w->err = -ERR_LINK_DOWN;
        (void)score_of(w);
        assert_int_equal(w->found.err, -ERR_LINK_DOWN);
        assert_int_equal(w->asked, w->err_after + 1);
        w->err = -ERR_NO_ANSWER;
        (void)score_of(w);
        assert_int_equal(w->found.err, 0);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_device_that_has_all_and_makes_sense_is_the_one),
        TEST(what_is_missing_or_makes_no_sense_counts_against_it),
        TEST(who_has_nothing_of_its_state_is_another),
        TEST(who_says_who_it_is_is_believed),
        TEST(the_second_evse_tells_brothers_apart),
        TEST(a_link_that_fails_ends_it_and_silence_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
