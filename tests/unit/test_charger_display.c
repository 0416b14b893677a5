/* The command display: what a profile may say of it, and how the device gets what is to be shown. */
#include "support/charger_bench.h"

#define PROFILE(points, display)                                                                             \
    "profile: test\nvendor: Test\nmodels: [One]\nprotocol: modbus\n"                                         \
    "points:\n"                                                                                              \
    "  state: { at: input 1, type: u16, every: 500ms }\n"                                                    \
    "  enable: { at: coil 1, access: w }\n" points "evses:\n"                                                \
    "  - connectors: [ { type: sType2, max_current: 32 } ]\n"                                                \
    "    signals: { state: [ { charging: state == 3 }, { available: otherwise } ] }\n"                       \
    "    commands:\n"                                                                                        \
    "      start: { set: { enable: 1 } }\n"                                                                  \
    "      stop: { set: { enable: 0 } }\n"                                                                   \
    "      display: " display "\n"
#define STRING "  line: { at: holding 1, type: string, words: 4, access: w }\n"
#define UTF16  "  line: { at: holding 1, type: utf16, words: 8, access: w }\n"
#define LAMP   "  lamp: { at: holding 20, type: u16, access: w }\n"

static void show(struct bench *b, const char *text, enum display_priority priority)
{
    charger_show(b->charger, 1, &(struct evse_display){ text, priority });
}

static void a_text_goes_to_the_device_when_it_is_another(void **state)
{
    struct bench *b = *state;
    use(b, PROFILE(STRING LAMP, "{ set: { line: text, lamp: priority } }"));
    online(b, true);
    forget(b);
    show(b, "Hi", DISPLAY_IN_FRONT);
    expect(b, "write line 4869000000000000\n");
    answer_one(b, 0);
    expect(b, "write lamp 0002\n");
    answer_one(b, 0);
    show(b, "", DISPLAY_NOTHING);
    answer_all(b);
    expect(b, "write line 0000000000000000\nwrite lamp 0000\n");
    pass(b, 60000);
    expect(b, "");
}

static void the_last_text_is_the_one_that_stands_there(void **state)
{
    struct bench *b = *state;
    use(b, PROFILE(STRING, "{ set: { line: text } }"));
    online(b, true);
    forget(b);
    show(b, "A", DISPLAY_IN_FRONT);
    show(b, "B", DISPLAY_IN_FRONT);
    show(b, "C", DISPLAY_IN_FRONT);
    expect(b, "write line 4100000000000000\n"); /* on its way */
    answer_one(b, 0);
    expect(b, "write line 4300000000000000\n");
    answer_one(b, 0);
    pass(b, 1000);
    expect(b, "");
}

static void a_device_that_comes_back_is_told_again(void **state)
{
    struct bench *b = *state;
    use(b, PROFILE(STRING, "{ set: { line: text } }"));
    show(b, "Hi", DISPLAY_IN_FRONT); /* it is not there yet */
    expect(b, "");
    online(b, true);
    answer_one(b, 0);
    expect(b, "write line 4869000000000000\n1 is unknown\n");
    online(b, false);
    forget(b);
    online(b, true);
    assert_non_null(strstr(buf_string(&b->said), "write line 4869"));
    answer_one(b, -ERR_NO_ANSWER);
    forget(b);
    pass(b, 5000); /* what got no answer is tried again, what was refused is not */
    expect(b, "write line 4869000000000000\n");
    answer_one(b, -ERR_DEVICE_EXCEPTION);
    pass(b, 600000);
    expect(b, "");
}

static void commands_do_not_wait_for_the_display(void **state)
{
    struct bench *b = *state;
    use(b, PROFILE(STRING, "{ set: { line: text }, wait: 1s }"));
    online(b, true);
    forget(b);
    show(b, "Hi", DISPLAY_IN_FRONT);
    command(b, EVSE_START, 0, 1);
    expect(b, "write line 4869000000000000\nwrite enable 01\n");
    answer_all(b);
    pass(b, 0);
    expect(b, "1 start 1: done\n");
}

static void the_profile_says_what_the_display_can(void **state)
{
    static const struct {
        const char *text;
        int length;
        bool in_bytes, utf8;
    } rows[] = {
        { PROFILE(STRING, "{ set: { line: text } }"), 8, true, false },
        { PROFILE(STRING, "{ set: { line: text }, formats: [ASCII, UTF8], length: 6 }"), 6, true, true },
        { PROFILE(UTF16, "{ set: { line: text } }"), 8, false, true },
        { PROFILE(UTF16, "{ steps: [ { set: { line: text } } ], formats: [ASCII] }"), 8, false, false },
        { PROFILE(LAMP, "{ set: { lamp: priority } }"), 0, false, false },
        { PROFILE(LAMP, "{ set: { lamp: 'priority * 2' } }"), 0, false, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct problems problems;
        struct profile *profile = NULL;
        problems_init(&problems);
        assert_int_equal(profile_parse("test", rows[i].text, strlen(rows[i].text), NULL, &problems, &profile),
                         0);
        const struct evse_abilities *a = &profile->evses[0].abilities;
        assert_true(a->display && !a->can_fault);
        assert_int_equal(a->display_length, rows[i].length);
        assert_int_equal(a->display_in_bytes, rows[i].in_bytes);
        assert_int_equal(a->display_utf8, rows[i].utf8);
        problems_done(&problems);
        profile_free(profile);
    }
}

static void what_cannot_be_a_display_is_said(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        { PROFILE(STRING, "{ set: { line: \"Hi\" } }"), "sets nothing to text or priority" },
        { PROFILE(STRING, "{ set: { line: priority } }"), "line holds a text; expected one" },
        { PROFILE(LAMP, "{ set: { lamp: text } }"), "lamp holds a number; expected one" },
        { PROFILE(LAMP, "{ set: { lamp: limit_A } }"), "limit_A has a value in commands only" },
        { PROFILE(LAMP, "{ set: { lamp: priority }, length: 5 }"), "belongs to a text, and none is set" },
        { PROFILE(STRING, "{ set: { line: text }, length: 9 }"), "9" },
        { PROFILE(STRING, "{ set: { line: text }, formats: [HTML] }"), "HTML" },
        { PROFILE(STRING, "{ set: { line: text }, formats: ASCII }"), "expected a list" },
        { PROFILE(STRING, "{ set: { line: text }, lenght: 4 }"), "lenght" },
        { PROFILE(STRING, "{ steps: [ { set: { line: text } } ], set: { line: text } }"), "stands beside" },
        { PROFILE(STRING, "[ { set: { line: text } } ]"), "expected a map" },
        { PROFILE("  line: { at: holding 1, type: string, words: 4, access: rw, persistent: true }\n",
                  "{ set: { line: text } }"),
          "line is persistent" },
        { PROFILE("  line: { at: holding 1, type: string, words: 1, access: w }\n",
                  "{ set: { line: text } }"),
          "a text of 2 is none" },
        { PROFILE("  line: { at: holding 1, type: bytes, words: 4, access: w }\n", "{ set: { line: text } }"),
          "no text that people read" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct problems problems;
        struct profile *profile = NULL;
        problems_init(&problems);
        int r = profile_parse("test", rows[i].text, strlen(rows[i].text), NULL, &problems, &profile);
        bool found = false;
        for (size_t n = 0; n < problems.count; n++)
            found = found || strstr(problems.list[n].text, rows[i].problem);
        if (r != -EINVAL || !found)
            fail_msg("%zu: %d %s", i, r, problems.count ? problems.list[0].text : "no problem");
        problems_done(&problems);
    }
}

static void text_and_priority_are_points_elsewhere(void **state)
{
    struct bench *b = *state;
    use(b, PROFILE("  priority: { at: holding 3, type: u16, access: w }\n"
                   "  text: { at: holding 4, type: u16, access: w }\n" LAMP,
                   "{ set: { lamp: priority } }"));
    assert_non_null(profile_point(b->profile, "priority"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_goes_to_the_device_when_it_is_another),
        TEST(the_last_text_is_the_one_that_stands_there),
        TEST(a_device_that_comes_back_is_told_again),
        TEST(commands_do_not_wait_for_the_display),
        cmocka_unit_test(the_profile_says_what_the_display_can),
        cmocka_unit_test(what_cannot_be_a_display_is_said),
        TEST(text_and_priority_are_points_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
