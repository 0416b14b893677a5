/* What becomes of a token at a reader that wants to know: the steps `accepted` and `refused` of id_token. */
#include "support/charger_bench.h"

#define PROFILE(answers)                                                                                     \
    "profile: test\nvendor: Test\nmodels: [One]\nprotocol: modbus\n"                                         \
    "points:\n"                                                                                              \
    "  state: { at: input 1, type: u16, every: 500ms }\n"                                                    \
    "  tag: { at: holding 10, type: string, words: 4, every: 500ms, access: rw }\n"                          \
    "  lamp: { at: holding 20, type: u16, access: w }\n"                                                     \
    "  buzzer: { at: holding 21, type: u16, access: w }\n"                                                   \
    "  enable: { at: coil 1, access: w }\n"                                                                  \
    "evses:\n"                                                                                               \
    "  - connectors: [ { type: sType2, max_current: 32 } ]\n"                                                \
    "    signals:\n"                                                                                         \
    "      state: [ { charging: state == 3 }, { available: otherwise } ]\n"                                  \
    "      id_token: { value: tag, type: ISO14443" answers " }\n"                                            \
    "    commands: { start: { set: { enable: 1 } }, stop: { set: { enable: 0 } } }\n"

static void expect_no_write(struct bench *b, int64_t ms)
{
    pass(b, ms);
    assert_null(strstr(buf_string(&b->said), "write"));
    forget(b);
}

static void begin(struct bench *b, const char *profile)
{
    use(b, profile);
    online(b, true);
    set(b, "state", 1);
    set_text(b, "tag", "");
    batch(b);
    forget(b);
}

static void a_reader_is_told_what_became_of_its_token(void **state)
{
    struct bench *b = *state;
    begin(b, PROFILE(", accepted: { lamp: 1 }, refused: [ { set: { lamp: 2 } }, { wait: 1s }, { set: { "
                     "buzzer: 1 } } ]"));
    set_text(b, "tag", "CARD");
    batch(b);
    expect(b, "1 token CARD ISO14443\n");
    charger_answer_token(b->charger, 1, true);
    expect(b, "write lamp 0001\n");
    answer_one(b, 0);
    charger_answer_token(b->charger, 1, false);
    expect(b, "write lamp 0002\n");
    answer_one(b, 0);
    expect(b, "");
    pass(b, 1000);
    expect(b, "write buzzer 0001\n");
    answer_one(b, -ERR_DEVICE_EXCEPTION); /* nobody is told, and it is not tried again */
    expect_no_write(b, 600000);
}

static void the_last_answer_counts(void **state)
{
    struct bench *b = *state;
    begin(b, PROFILE(", accepted: { lamp: 1 }, refused: { lamp: 2 }"));
    charger_answer_token(b->charger, 1, false);
    charger_answer_token(b->charger, 1, true);
    expect(b, "write lamp 0002\n");
    answer_one(b, 0);
    expect(b, "write lamp 0001\n");
    answer_one(b, 0);
    expect_no_write(b, 60000);
}

static void a_silent_device_is_told_nothing_later(void **state)
{
    struct bench *b = *state;
    begin(b, PROFILE(", accepted: { lamp: 1 }"));
    charger_answer_token(b->charger, 1, false); /* the profile does not say what then */
    online(b, false);
    charger_answer_token(b->charger, 1, true);
    forget(b);
    online(b, true);
    expect_no_write(b, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_is_told_what_became_of_its_token),
        TEST(the_last_answer_counts),
        TEST(a_silent_device_is_told_nothing_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
