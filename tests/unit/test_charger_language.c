/* What chargers on the market ask of the language of profiles: a row for each need that was met among the register maps of 65 families,
 * with the bytes of the device on one side and what the station sees or asks on the other. */
#include "support/charger_bench.h"

#include <math.h>

#include "base/str.h"

#define HEAD "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\n"
#define EVSE                                                                                                 \
    "evses:\n"                                                                                               \
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"

/* ---- what is read ---- */

static const struct {
    const char *need, *point, *bytes;
    double number;
    const char *text; /* instead of a number */
} readings[] = {
    { "a scale", "{ at: input 1, type: u16, scale: 0.1 }", "003C", 6, NULL },
    { "a scale of 1/256", "{ at: input 1, type: u16, scale: 0.00390625 }", "0180", 1.5, NULL },
    { "watt-seconds", "{ at: input 1, type: u32, scale: 0.0002777777777777778, unit: Wh }", "00001C20", 2,
      NULL },
    { "a direction turned round", "{ at: input 1, type: i16, scale: -1 }", "FFFB", 5, NULL },
    { "low word first", "{ at: input 1, type: u32, word_order: little }", "56781234", 0x12345678, NULL },
    { "a float, low word first", "{ at: input 1, type: f32, word_order: little }", "00004148", 12.5, NULL },
    { "low word and low byte first", "{ at: input 1, type: u32, word_order: little, byte_order: little }",
      "78563412", 0x12345678, NULL },
    { "the high byte of a register", "{ at: holding 56, type: u16, mask: 0xFF00, shift: 8 }", "0203", 2,
      NULL },
    { "the low byte of a register", "{ at: holding 56, type: u16, mask: 0x00FF }", "0203", 3, NULL },
    { "seven bits in the middle of two words", "{ at: holding 10, type: u32, mask: 0x7F00, shift: 8 }",
      "00008300", 3, NULL },
    { "a flag in a register", "{ at: holding 10, type: bits, mask: 0x20, shift: 5 }", "0020", 1, NULL },
    { "digits in nibbles", "{ at: holding 705, type: bcd, words: 2 }", "00142530", 142530, NULL },
    { "a coil", "{ at: coil 400 }", "01", 1, NULL },
    { "discrete inputs in a row", "{ at: discrete 200, type: bits, bits: 4 }", "0A", 10, NULL },
    { "eight bytes", "{ at: input 1, type: u64 }", "0000000100000000", 4294967296.0, NULL },
    { "a double", "{ at: input 1, type: f64 }", "4029000000000000", 12.5, NULL },
    { "a text", "{ at: holding 1, type: string, words: 2 }", "43320000", 0, "C2" },
    { "a text of swapped bytes", "{ at: holding 1, type: string, words: 2, byte_order: little }", "32432000",
      0, "C2" },
    { "a text padded on the left", "{ at: holding 1, type: string, words: 3 }", "202020204131", 0, "A1" },
    { "a text of 16-bit characters", "{ at: input 1, type: utf16, words: 3 }", "004300320000", 0, "C2" },
    { "a card as bytes", "{ at: holding 1, type: bytes, words: 2 }", "04A2B3C4", 0, "04A2B3C4" },
    { "a card padded with zeros", "{ at: holding 1, type: uid, words: 5 }", "04A2B3C4000000000000", 0,
      "04A2B3C4" },
    { "a marker of no value", "{ at: holding 1, type: u32, invalid: [0xFFFFFFFF] }", "FFFFFFFF", NAN, NULL },
    { "a float that is none", "{ at: holding 1, type: f32 }", "FFFFFFFF", NAN, NULL },
};

static void what_devices_tell_can_be_read(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
        char text[1000];
        uint8_t raw[POINT_MAX_RAW];
        struct value value;
        (void)snprintf(text, sizeof(text),
                       HEAD "points:\n  x: %s\n" EVSE
                            "    signals: { state: [ { available: otherwise } ] }\n",
                       readings[i].point);
        use(b, text);
        const struct point *x = profile_point(b->profile, "x");
        int len = hex_decode(readings[i].bytes, raw, sizeof(raw));
        assert_true(len > 0);
        int r = value_decode(x, 0, raw, (size_t)len, &value);
        bool right = isnan(readings[i].number) ? r == -ENODATA
                     : readings[i].text        ? r == 0 && str_equal(value.text, readings[i].text)
                                               : r == 0 && value.number == readings[i].number;
        if (!right)
            fail_msg("%s: %d, %g, \"%s\"", readings[i].need, r, value.number, value.text);
        charger_free(STEAL(b->charger));
        profile_free(STEAL(b->profile));
    }
}

static void a_power_of_ten_may_stand_in_another_register(void **state)
{
    struct bench *b = *state;
    use(b, HEAD "points:\n  x: { at: input 1, type: i16, scale: e, unit: W }\n"
                "  e: { at: input 2, type: i16 }\n" EVSE
                "    signals: { state: [ { available: otherwise } ], power_import: x }\n");
    online(b, true);
    set(b, "e", -1);
    const uint8_t raw[] = { 0x04, 0xD2 };
    charger_device_events.on_value(b->charger, profile_point(b->profile, "x"), raw, sizeof(raw));
    batch(b);
    assert_true(b->signals.value[MEASURE_POWER_IMPORT] == 123.4);
}

/* ---- states ---- */

static const struct {
    const char *need, *points, *rules;
    struct {
        const char *point, *text;
        double number;
    } values[3];
    enum evse_state state;
} states[] = {
    { "a table of values",
      "a: { at: input 1, type: u16 }",
      "{ available: a == 1 }, { charging: 'a in [3, 7..9]' }, { faulted: otherwise }",
      { { "a", NULL, 8 } },
      EVSE_CHARGING },
    { "two registers for one state",
      "a: { at: input 1, type: u16 }, b: { at: input 2, type: u16 }",
      "{ available: b == 0 }, { charging: a == 3 }, { connected: otherwise }",
      { { "a", NULL, 3 }, { "b", NULL, 0 } },
      EVSE_AVAILABLE },
    { "a letter as text",
      "a: { at: holding 1, type: string, words: 1 }",
      "{ available: 'a in [\"A\", \"A1\"]' }, { charging: 'a in [\"C\", \"C2\"]' }, { connected: otherwise }",
      { { "a", "C2", 0 } },
      EVSE_CHARGING },
    { "a letter in the low byte",
      "a: { at: input 100, type: u16, mask: 0x00FF }",
      "{ available: a == 0x41 }, { connected: a == 0x42 }, { charging: otherwise }",
      { { "a", NULL, 0x42 } },
      EVSE_CONNECTED },
    { "a flag in a word",
      "a: { at: input 1, type: bits }",
      "{ faulted: a & 0x40 }, { charging: a & 0x0F == 1 }, { available: otherwise }",
      { { "a", NULL, 0x11 } },
      EVSE_CHARGING },
    { "charging told apart by the power",
      "a: { at: input 1, type: u16 }, p: { at: input 2, type: u16, unit: W }",
      "{ charging: a == 3 and p > 50 }, { suspended_ev: a == 3 }, { available: otherwise }",
      { { "a", NULL, 3 }, { "p", NULL, 5 } },
      EVSE_SUSPENDED_EV },
    { "a coil beside registers",
      "a: { at: input 1, type: u16 }, c: { at: discrete 3 }",
      "{ faulted: c }, { charging: a == 3 }, { available: otherwise }",
      { { "a", NULL, 3 }, { "c", NULL, 1 } },
      EVSE_FAULTED },
    { "a register that only some have",
      "a: { at: input 1, type: u16 }, c: { at: input 9, type: u16, since: \"2.0\" }",
      "{ unavailable: known(c) and c == 1 }, { charging: a == 3 }, { available: otherwise }",
      { { "a", NULL, 3 } },
      EVSE_CHARGING },
};

static void what_they_are_at_can_be_said(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        char text[1000];
        (void)snprintf(text, sizeof(text), HEAD "points: { %s }\n" EVSE "    signals: { state: [ %s ] }\n",
                       states[i].points, states[i].rules);
        use(b, text);
        online(b, true);
        for (size_t k = 0; k < ARRAY_SIZE(states[i].values) && states[i].values[k].point; k++)
            if (states[i].values[k].text)
                set_text(b, states[i].values[k].point, states[i].values[k].text);
            else
                set(b, states[i].values[k].point, states[i].values[k].number);
        batch(b);
        if (b->signals.state != states[i].state)
            fail_msg("%s: %s", states[i].need, evse_state_names[b->signals.state]);
        charger_free(STEAL(b->charger));
        profile_free(STEAL(b->profile));
    }
}

/* ---- what is written ---- */

#define ENABLE "e: { at: coil 1, access: rw }"
#define SWITCH "start: { set: { e: 1 } }, stop: { set: { e: 0 } }"

static const struct {
    const char *need, *points, *commands;
    enum evse_command_kind kind;
    double limit_A;
    const char *said;
} writings[] = {
    { "start and stop by a command", "c: { at: holding 5, type: u16, access: w }",
      "start: { set: { c: 1 } }, stop: { set: { c: 2 } }", EVSE_STOP, 0, "write c 0002\n" },
    { "by an enable flag", ENABLE, SWITCH, EVSE_START, 0, "write e 01\n" },
    { "by a flag that pauses", "p: { at: holding 5, type: u16, access: rw }",
      "start: { set: { p: 0 } }, stop: { set: { p: 1 } }", EVSE_STOP, 0, "write p 0001\n" },
    { "by nothing but the limit", "l: { at: holding 5, type: u16, unit: A, access: rw }",
      "start: { set: { l: limit_A } }, stop: { set: { l: 0 } }, limit: { set: { l: limit_A }, starts: true }",
      EVSE_START, 0, "write l 0020\n" },
    { "by a card's number, padded on the left", "t: { at: holding 1110, type: string, words: 5, access: w }",
      "start: { set: { t: \"  DEADBEEF\" } }, stop: { set: { t: \"  DEADBEEF\" } }", EVSE_START, 0,
      "write t 20204445414442454546\n" },
    { "a text of swapped bytes",
      "t: { at: holding 1110, type: string, words: 2, access: w, byte_order: little }",
      "start: { set: { t: \"ABCD\" } }, stop: { set: { t: \"\" } }", EVSE_START, 0, "write t 42414443\n" },
    { "a limit in steps of 1 A", "l: { at: holding 5, type: u16, unit: A, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: limit_A } }", EVSE_LIMIT, 10.9, "write l 000A\n" },
    { "a limit in mA", "l: { at: holding 5, type: u16, scale: 0.001, unit: A, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: limit_A }, step: 0.1 }", EVSE_LIMIT, 10.95, "write l 2A94\n" },
    { "a limit as a float", "l: { at: holding 5, type: f32, unit: A, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: limit_A }, step: 0.5 }", EVSE_LIMIT, 10.9, "write l 41280000\n" },
    { "a limit in W", "l: { at: holding 5, type: u32, unit: W, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: limit_W } }", EVSE_LIMIT, 10, "write l 00001AF4\n" },
    { "a limit in 100 W", "l: { at: holding 5, type: u16, scale: 100, unit: W, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: limit_W } }", EVSE_LIMIT, 6, "write l 0029\n" },
    { "power as a negative number", "l: { at: holding 5, type: i32, unit: W, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: -limit_W }, step: 0 }", EVSE_LIMIT, 6.001, "write l FFFFEFD4\n" },
    { "a duty cycle", "l: { at: holding 5, type: u16, scale: 0.1, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: limit_A / 0.6 }, step: 0 }", EVSE_LIMIT, 16, "write l 010A\n" },
    { "a limit twice in a register", "l: { at: holding 5, type: u16, access: rw }, " ENABLE,
      SWITCH ", limit: { set: { l: limit_A * 257 } }", EVSE_LIMIT, 16, "write l 1010\n" },
    { "a limit in three registers",
      "a: { at: holding 5, type: u16, unit: A, access: w }, b: { at: holding 6, type: u16, unit: A, access: "
      "w }, " ENABLE,
      SWITCH ", limit: { set: { a: limit_A, b: limit_A } }", EVSE_LIMIT, 16, "write a 0010\nwrite b 0010\n" },
    { "a device that pauses at 0", "l: { at: holding 5, type: u16, unit: A, access: rw }",
      "limit: { set: { l: limit_A }, below_min: zero }", EVSE_LIMIT, 5, "write l 0000\n" },
    { "a part of a register",
      "m: { at: holding 5, type: u16, mask: 0xF0, shift: 4, access: rw, write_function: 22 }",
      "start: { set: { m: 3 } }, stop: { set: { m: 0 } }", EVSE_START, 0, "write m 0030\n" },
    { "nothing, only read", "a: { at: input 5, type: u16 }", "", EVSE_START, 0, "" },
};

static void what_they_are_to_do_can_be_said(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(writings); i++) {
        char text[1500];
        (void)snprintf(text, sizeof(text),
                       HEAD "points: { %s }\n" EVSE "    signals: { state: [ { available: otherwise } ] }\n"
                            "    commands: { %s }\n",
                       writings[i].points, writings[i].commands);
        use(b, text);
        online(b, true);
        batch(b);
        forget(b);
        command(b, writings[i].kind, writings[i].limit_A, 1);
        while (b->request_count)
            answer_one(b, 0);
        if (!str_equal(buf_string(&b->said), writings[i].said))
            fail_msg("%s: %s", writings[i].need, buf_string(&b->said));
        charger_free(STEAL(b->charger));
        profile_free(STEAL(b->profile));
        forget(b);
        timers_init(&b->timers);
    }
}

/* ---- how they are spoken to ---- */

static void what_they_bear_on_the_line_can_be_said(void **state)
{
    struct bench *b = *state;
    use(b,
        HEAD "modbus: { unit: 0, port: 1502, baud: 57600, parity: even, data_bits: 7, stop_bits: 2,\n"
             "          write_function: 16, max_words: 2, pause: 250ms, reconnect_after: 20s, timeout: 3s }\n"
             "points:\n"
             "  input: { at: input 5, type: u16 }\n"
             "  holding: { at: holding 5, type: u16, access: rw }\n"
             "  asked_as_input: { at: holding 7, type: u16, read_function: 4 }\n"
             "  single: { at: holding 8, type: u16, access: w, write_function: 6 }\n"
             "  flash: { at: holding 9, type: u16, access: rw, persistent: true }\n"
             "  ignored: { at: holding 10, type: u16, access: rw, verify: 2s }\n"
             "  later: { at: holding 11, type: u16, since: \"1.10\" }\n"
             "  token: { at: holding 12, type: u16, access: w }\n"
             "  watchdog: { at: holding 13, type: u16, access: w }\n"
             "  inlet: { at: holding 11, type: i16, unit_offset: 199 }\n"
             "setup: { set: { watchdog: 60 } }\n"
             "keepalive: { set: { token: 1 }, every: 20s }\n"
             "on_silence: { device: \"stops after 60 s\", current: 0 }\n" EVSE
             "    signals: { state: [ { available: otherwise } ] }\n");
    const struct profile *p = b->profile;
    const struct modbus_options *o = &p->modbus;
    assert_true(o->unit == 0 && o->port == 1502 && o->baud == 57600 && o->parity == 'E');
    assert_true(o->data_bits == 7 && o->stop_bits == 2 && o->max_words == 2 && o->max_gap == 0);
    assert_true(o->pause_ms == 250 && o->reconnect_after_ms == 20000 && o->timeout_ms == 3000);
    assert_int_equal(profile_point(p, "input")->at.modbus.kind, MODBUS_INPUT);
    assert_int_equal(profile_point(p, "holding")->at.modbus.kind, MODBUS_HOLDING);
    assert_int_equal(profile_point(p, "holding")->at.modbus.write_function, 16);
    assert_int_equal(profile_point(p, "asked_as_input")->at.modbus.read_function, 4);
    assert_int_equal(profile_point(p, "single")->at.modbus.write_function, 6);
    assert_true(profile_point(p, "flash")->persistent);
    assert_int_equal(profile_point(p, "ignored")->verify_ms, 2000);
    assert_string_equal(profile_point(p, "later")->since, "1.10");
    assert_int_equal(profile_point(p, "token")->every_ms, 0);
    assert_int_equal(profile_point(p, "inlet")->at.modbus.unit_offset, 199);
    char hazard[100];
    profile_hazard(p, hazard, sizeof(hazard));
    assert_string_equal(hazard, "");
    online(b, true);
    expect(b, "write watchdog 003C\n1 is available\n"); /* the setup, and then the sign of life */
    answer_all(b);
    pass(b, 0);
    assert_string_equal(buf_string(&b->said), "write token 0001\n");
}

/* Two outlets whose addresses or unit ids move, and two whose states share a register. */
static void several_outlets_can_be_told_apart(void **state)
{
    struct bench *b = *state;
    use(b, HEAD "evses:\n"
                "  - count: 2\n    address_offset: { input: 1000 }\n    unit_offset: 1\n"
                "    points: { s: { at: input 100, type: u16 }, c: { at: holding 7, type: u16 } }\n"
                "    connectors: [ { type: sType2, max_current: 32 } ]\n"
                "    signals: { state: [ { charging: s == 3 }, { available: otherwise } ] }\n"
                "  - points: { s: { at: holding 56, type: u16, mask: 0x00FF } }\n"
                "    connectors: [ { type: sType2, max_current: 32 } ]\n"
                "    signals: { state: [ { charging: s == 3 }, { available: otherwise } ] }\n"
                "  - points: { s: { at: holding 56, type: u16, mask: 0xFF00, shift: 8 } }\n"
                "    connectors: [ { type: sType2, max_current: 32 } ]\n"
                "    signals: { state: [ { charging: s == 3 }, { available: otherwise } ] }\n");
    assert_int_equal(b->profile->evse_count, 4);
    assert_int_equal(profile_point(b->profile, "2.s")->at.modbus.address, 1100);
    assert_int_equal(profile_point(b->profile, "2.s")->at.modbus.unit_offset, 1);
    assert_int_equal(profile_point(b->profile, "2.c")->at.modbus.address, 7);
    online(b, true);
    const uint8_t raw[] = { 0x01, 0x03 };
    charger_device_events.on_value(b->charger, profile_point(b->profile, "3.s"), raw, 2);
    charger_device_events.on_value(b->charger, profile_point(b->profile, "4.s"), raw, 2);
    batch(b);
    assert_non_null(strstr(buf_string(&b->said), "3 is charging\n"));
    assert_non_null(strstr(buf_string(&b->said), "4 is available\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_devices_tell_can_be_read),          TEST(a_power_of_ten_may_stand_in_another_register),
        TEST(what_they_are_at_can_be_said),           TEST(what_they_are_to_do_can_be_said),
        TEST(what_they_bear_on_the_line_can_be_said), TEST(several_outlets_can_be_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
