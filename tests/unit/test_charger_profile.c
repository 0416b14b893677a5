/* Profiles: those we ship are sound, and what is wrong in one is said with its place and its remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "charger/expression.h"
#include "charger/profile.h"

static char *read_file(const char *path)
{
    struct buf b;
    char chunk[4096];
    size_t n = 0;
    FILE *f = fopen(path, "rbe");
    if (!f)
        return NULL;
    buf_init(&b, 1 << 20);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_append(&b, chunk, n);
    (void)fclose(f);
    return buf_steal(&b);
}

static char *from_directory(void *ctx, const char *name)
{
    char path[512];
    (void)ctx;
    (void)snprintf(path, sizeof(path), SOURCE_DIR "/profiles/%s.yaml", name);
    return read_file(path);
}

static void print(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        print_message("%s\n", problems->list[i].text);
}

static struct profile *load(const char *name)
{
    AUTO_FREE char *text = from_directory(NULL, name);
    char file[128];
    struct problems problems;
    struct profile *profile = NULL;
    const struct profile_source source = { .find = from_directory };
    assert_non_null(text);
    (void)snprintf(file, sizeof(file), "profiles/%s.yaml", name);
    problems_init(&problems);
    int r = profile_parse(file, text, strlen(text), &source, &problems, &profile);
    print(&problems);
    problems_done(&problems);
    assert_int_equal(r, 0);
    return profile;
}

static void every_profile_we_ship_is_sound(void **state)
{
    static const char *const names[] = { "demo-modbus-ac22",
                                         "demo-modbus-meter",
                                         "demo-modbus-rtu",
                                         "echonet-02a1",
                                         "echonet-027e",
                                         "keba-p30",
                                         "mennekes-amtron-compact-2s",
                                         "phoenix-ev-cc-ac1-ser" };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct profile *profile = load(names[i]);
        assert_string_equal(profile->name, names[i]);
        profile_free(profile);
    }
}

/* ---- what is wrong is said ---- */

#define HEAD "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\n"
#define POINTS                                                                                               \
    "points:\n"                                                                                              \
    "  state: { at: input 0, type: u16, every: 1s }\n"                                                       \
    "  energy: { at: input 2, type: u32, unit: Wh }\n"                                                       \
    "  tag: { at: holding 20, type: string, words: 4, access: rw }\n"                                        \
    "  enable: { at: coil 0, access: w }\n"                                                                  \
    "  limit: { at: holding 10, type: u16, scale: 0.1, unit: A, access: rw }\n"
#define EVSE                                                                                                 \
    "evses:\n"                                                                                               \
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
#define STATE                                                                                                \
    "    signals:\n"                                                                                         \
    "      state: [ { charging: state == 3 }, { available: otherwise } ]\n"
#define SWITCH "      start: { set: { enable: 1 } }\n      stop: { set: { enable: 0 } }\n"
#define WHOLE  HEAD POINTS EVSE STATE

static char *from_table(void *ctx, const char *name)
{
    const char *const(*rows)[2] = ctx;
    for (size_t i = 0; rows && rows[i][0]; i++)
        if (strcmp(rows[i][0], name) == 0)
            return strdup(rows[i][1]);
    return NULL;
}

static struct profile *parse(const char *text, const char *const rows[][2], struct problems *problems)
{
    struct profile *profile = NULL;
    const struct profile_source source = { .find = from_table, .ctx = (void *)rows };
    int r = profile_parse("p.yaml", text, strlen(text), &source, problems, &profile);
    assert_true(r == 0 || r == -EINVAL);
    assert_int_equal(problems->total == 0, r == 0);
    assert_int_equal(profile != NULL, r == 0);
    return profile;
}

static struct profile *good(const char *text)
{
    struct problems problems;
    problems_init(&problems);
    struct profile *profile = parse(text, NULL, &problems);
    print(&problems);
    problems_done(&problems);
    assert_non_null(profile);
    return profile;
}

/* One mistake, one message. */
static bool says(const char *text, const char *const rows[][2], const char *problem)
{
    struct problems problems;
    problems_init(&problems);
    profile_free(parse(text, rows, &problems));
    bool right = problems.count == 1 && strcmp(problems.list[0].text, problem) == 0;
    if (!right) {
        print_message("expected: %s\n", problem);
        print(&problems);
    }
    problems_done(&problems);
    return right;
}

static void each_mistake_is_told_with_its_place_and_its_remedy(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        { "profile: q\nvendor: V\nmodels: [M]\nprotocol: modbus\n" POINTS EVSE STATE,
          "p.yaml:1: profile: \"q\" is not the file's name; expected p" },
        { HEAD "vender: X\n" POINTS EVSE STATE, "p.yaml:5: vender: unknown key; did you mean \"vendor\"?" },
        { HEAD "kind: metre\n" POINTS EVSE STATE,
          "p.yaml:5: kind: \"metre\" is unknown; did you mean meter? Expected one of: charger, meter" },
        { HEAD "kind: meter\n" POINTS EVSE STATE,
          "p.yaml:12: evses: does not belong to kind: meter, which is only read" },
        { HEAD "kind: meter\n" POINTS "setup: { set: { enable: 1 } }\n",
          "p.yaml:12: setup: does not belong to kind: meter, which is only read" },
        { HEAD "kind: meter\n" POINTS "variables: { A.B: state }\n",
          "p.yaml:12: variables: does not belong to kind: meter, which is only read" },
        { HEAD "echonet: { class: 0x02A1 }\n" POINTS EVSE STATE,
          "p.yaml:5: echonet: does not belong to protocol: modbus" },
        { HEAD "modbus: { max_words: 200 }\n" POINTS EVSE STATE,
          "p.yaml:5: modbus.max_words: \"200\" is no whole number from 1 to 125" },
        { HEAD "modbus: { parity: strange }\n" POINTS EVSE STATE,
          "p.yaml:5: modbus.parity: \"strange\" is unknown; expected one of: none, even, odd" },
        /* points */
        { HEAD POINTS "  p: { at: inputs 5, type: u16 }\n" EVSE STATE,
          "p.yaml:11: points.p.at: expected coil, discrete, input or holding and a number, such as input "
          "120; did you mean "
          "input?" },
        { HEAD POINTS "  p: { at: holding 40301x, type: u16 }\n" EVSE STATE,
          "p.yaml:11: points.p.at: expected coil, discrete, input or holding and a number, such as input "
          "120" },
        { HEAD POINTS "  p: { at: holding 70000, type: u16 }\n" EVSE STATE,
          "p.yaml:11: points.p.at: address 70000 is beyond 65535; addresses start at 0, as in the protocol "
          "(40301 in a manual "
          "is often holding 300)" },
        { HEAD POINTS "  p: { at: input 65535, type: u32 }\n" EVSE STATE,
          "p.yaml:11: points.p: its 2 words at address 65535 go beyond 65535" },
        { HEAD POINTS "  p: { at: input 5 }\n" EVSE STATE,
          "p.yaml:11: points.p: type is missing; expected such as type: u16" },
        { HEAD POINTS "  p: { at: input 5, type: u8 }\n" EVSE STATE,
          "p.yaml:11: points.p.type: a register has 16 bits; take type: u16 with mask: 0x00FF, or mask: "
          "0xFF00 and shift: 8" },
        { HEAD POINTS "  p: { at: input 5, type: string }\n" EVSE STATE,
          "p.yaml:11: points.p: words is missing: the length of the text in registers, such as words: 8" },
        { HEAD POINTS "  p: { at: input 5, type: u32, words: 4 }\n" EVSE STATE,
          "p.yaml:11: points.p.words: u32 has 2" },
        { HEAD POINTS "  p: { at: input 5, type: u16, acess: r }\n" EVSE STATE,
          "p.yaml:11: points.p.acess: unknown key; did you mean \"access\"?" },
        { HEAD POINTS "  p: { at: input 5, type: u16, access: w }\n" EVSE STATE,
          "p.yaml:11: points.p.access: input registers cannot be written in Modbus; only coil and holding "
          "can" },
        { HEAD POINTS "  p: { at: holding 5, type: u16, access: w, every: 2s }\n" EVSE STATE,
          "p.yaml:11: points.p.every: the point is write-only, so it is never read" },
        { HEAD POINTS "  p: { at: holding 5, type: u16, persistent: true }\n" EVSE STATE,
          "p.yaml:11: points.p.persistent: has a meaning for writable points only" },
        { HEAD POINTS "  p: { at: holding 5, type: u16, rest: 1min }\n" EVSE STATE,
          "p.yaml:11: points.p.rest: has a meaning for writable points only" },
        { HEAD POINTS "  p: { at: holding 5, type: u16, access: w, rest: 10ms }\n" EVSE STATE,
          "p.yaml:11: points.p.rest: \"10ms\" is no duration from 1 s to 86400 s; expected such as 500ms, "
          "2s, "
          "5min, 1h" },
        { HEAD POINTS "  p: { at: input 5, type: string, words: 2, mask: 1 }\n" EVSE STATE,
          "p.yaml:11: points.p.mask: a string has no bits to choose; only u8..u64 and bits have" },
        { HEAD POINTS "  p: { at: input 5, type: u16, mask: 0x10000 }\n" EVSE STATE,
          "p.yaml:11: points.p.mask: reaches beyond the 16 bits of the point" },
        { HEAD POINTS "  p: { at: input 5, type: u16, mask: 0xFF, shift: 8 }\n" EVSE STATE,
          "p.yaml:11: points.p.shift: moves all bits of the mask away; expected at most 7" },
        { HEAD POINTS "  p: { at: input 5, type: i16, mask: 0xFF }\n" EVSE STATE,
          "p.yaml:11: points.p.mask: a part of a signed number has no sign; take the unsigned type" },
        { HEAD POINTS "  p: { at: input 5, type: bits, unit: W }\n" EVSE STATE,
          "p.yaml:11: points.p.unit: a bits is no quantity; only numbers have scale, offset and unit" },
        { HEAD POINTS "  p: { at: input 5, type: u16, unit: kw }\n" EVSE STATE,
          "p.yaml:11: points.p.unit: \"kw\" is unknown; did you mean kW? Expected one of: W, kW, MW, Wh, "
          "kWh, MWh, A, mA, V, mV, "
          "kV, Hz, mHz, %, Celsius, var, kvar, VA, kVA, ms, s, min, h" },
        { HEAD POINTS "  p: { at: input 5, type: u16, scale: 0 }\n" EVSE STATE,
          "p.yaml:11: points.p.scale: a scale of 0 leaves nothing of the value (decimals have a point: "
          "0.1)" },
        { HEAD POINTS "  p: { at: input 5, type: u16, scale: enegy }\n" EVSE STATE,
          "p.yaml:11: points.p.scale: \"enegy\" is neither a number nor a point; expected such as 0.1, or "
          "the point that holds "
          "the power of ten" },
        { HEAD POINTS "  p: { at: input 5, type: u16, invalid: [0x10000] }\n" EVSE STATE,
          "p.yaml:11: points.p.invalid[0]: \"0x10000\" is no whole number from -32768 to 65535" },
        { HEAD POINTS "  p: { at: input 3, type: u32 }\n" EVSE STATE,
          "p.yaml:11: points.p: p (3, 2 words) and energy (2, 2 words) share registers; one of them is "
          "wrong" },
        { HEAD POINTS "  min: { at: input 5, type: u16 }\n" EVSE STATE,
          "p.yaml:11: points.min: is a word of expressions; choose another name for the point" },
        { HEAD POINTS "  2p: { at: input 5, type: u16 }\n" EVSE STATE,
          "p.yaml:11: points.2p: is no name for a point; expected at most 27 of a-z A-Z 0-9 _, a letter "
          "first" },
        { HEAD POINTS "  p: { at: holding 5, type: u32, access: w, write_function: 6 }\n" EVSE STATE,
          "p.yaml:11: points.p.write_function: function 6 writes one register, but this point has 2" },
        { HEAD POINTS "  p: { at: holding 5, type: u16, read_function: 1 }\n" EVSE STATE,
          "p.yaml:11: points.p.read_function: function 1 does not fit; expected 3 or 4" },
        { HEAD POINTS "  p: { at: holding 5, type: u16, access: w, write_function: 5 }\n" EVSE STATE,
          "p.yaml:11: points.p.write_function: function 5 does not fit; expected 6, 16, 22 (part of a "
          "register) or 23" },
        { HEAD POINTS "  p: { at: holding 5, type: u32, access: w, write_function: 22 }\n" EVSE STATE,
          "p.yaml:11: points.p.write_function: function 22 writes one register, but this point has 2" },
        { HEAD POINTS "  p: { at: holding 5, type: u16, access: w, mask: 0xF0 }\n" EVSE STATE,
          "p.yaml:11: points.p.mask: a part of a register is written by write_function: 22 only; where the "
          "device does not know it, describe the whole register as another point for writing" },
        /* signals */
        { HEAD POINTS EVSE
          "    signals:\n      state: [ { charging: sate == 3 }, { available: otherwise } ]\n",
          "p.yaml:14: evses[0].signals.state[0].charging: column 1: \"sate\" is no point; did you mean "
          "state?" },
        { HEAD POINTS EVSE "    signals:\n      state: [ { charging: state }, { available: otherwise } ]\n",
          "p.yaml:14: evses[0].signals.state[0].charging: this is a number, expected a condition, such as "
          "state == 1" },
        { HEAD POINTS EVSE "    signals:\n      state: [ { charging: state == 3 } ]\n",
          "p.yaml:14: evses[0].signals.state: not every case is covered; end with such as - unavailable: "
          "otherwise" },
        { HEAD POINTS EVSE
          "    signals:\n      state: [ { chargin: state == 3 }, { available: otherwise } ]\n",
          "p.yaml:14: evses[0].signals.state[0].chargin: there is no such state; did you mean charging? "
          "Expected one of: unknown, "
          "available, connected, charging, suspended_ev, suspended_evse, faulted, unavailable" },
        { HEAD POINTS EVSE "    signals:\n      state: [ { charging: state in 1..3 }, { connected: state == "
                           "2 }, { available: otherwise } ]\n",
          "p.yaml:14: evses[0].signals.state[1].connected: is never reached: the rules before it match first "
          "in all its cases" },
        { HEAD POINTS EVSE
          "    signals:\n      state: [ { available: otherwise }, { charging: state == 3 } ]\n",
          "p.yaml:14: evses[0].signals.state[1].charging: is never reached: otherwise stands before it" },
        { HEAD POINTS EVSE "    signals:\n      state: [ { charging: state > 3 }, { connected: state <= 3 }, "
                           "{ available: otherwise } "
                           "]\n",
          "p.yaml:14: evses[0].signals.state[2].available: is never reached: the rules before it cover every "
          "case" },
        { HEAD POINTS EVSE
          "    signals:\n      state: [ { charging: state == 99999 }, { available: otherwise } ]\n",
          "p.yaml:14: evses[0].signals.state[0].charging: is never reached: no value of the point fulfils "
          "the condition" },
        { HEAD POINTS EVSE "    signals:\n      state: [ { charging: true } ]\n",
          "p.yaml:14: evses[0].signals.state[0].charging: names no point; for all that is left write "
          "otherwise" },
        { WHOLE "      power_imports: state\n",
          "p.yaml:15: evses[0].signals.power_imports: unknown key; did you mean \"power_import\"?" },
        { WHOLE "      power_import: energy\n",
          "p.yaml:15: evses[0].signals.power_import: is in Wh, but power_import is in W" },
        { WHOLE "      power_import: state\n", "p.yaml:15: evses[0].signals.power_import: the point has no "
                                               "unit; say unit: W at it, with the scale that makes it so" },
        { HEAD POINTS "  kwh: { at: input 30, type: u32, scale: 0.01, unit: kWh }\n" EVSE STATE
                      "      energy_import: kwh\n",
          "p.yaml:16: evses[0].signals.energy_import: kwh is in kWh, but energy_import is in Wh; at the "
          "point use scale: 10, unit: "
          "Wh" },
        { HEAD POINTS "  p: { at: input 5, type: u16, unit: W, every: never }\n" EVSE STATE
                      "      power_import: p\n",
          "p.yaml:16: evses[0].signals.power_import: p is never read (every: never); give it an interval, "
          "such as every: 2s" },
        { WHOLE "      power_import: limit_W\n",
          "p.yaml:15: evses[0].signals.power_import: column 1: limit_W has a value in commands only" },
        { WHOLE "      id_token: { value: state, type: ISO14443 }\n",
          "p.yaml:15: evses[0].signals.id_token: when is missing: when does the number mean that a card is "
          "there, such as when: "
          "state != 0" },
        { WHOLE "      id_token: { value: tag, type: ISO1444 }\n",
          "p.yaml:15: evses[0].signals.id_token.type: \"ISO1444\" is unknown; did you mean ISO14443? "
          "Expected one of: Central, "
          "eMAID, ISO14443, ISO15693, KeyCode, Local, MacAddress, NoAuthorization" },
        { WHOLE "      id_token: { value: tag, type: Local, acknowledge: { tag: \"123456789\" } }\n",
          "p.yaml:15: evses[0].signals.id_token.acknowledge.tag: \"123456789\" does not fit into tag (8 "
          "bytes)" },
        /* connectors */
        { HEAD POINTS "evses:\n  - connectors: [ { type: Type2, max_current: 32 } ]\n" STATE,
          "p.yaml:12: evses[0].connectors[0].type: \"Type2\" is unknown; did you mean cType2? Expected one "
          "of: cCCS1, cCCS2, cG105, "
          "cTesla, cType1, cType2, s309-1P-16A, s309-1P-32A, s309-3P-16A, s309-3P-32A, sBS1361, sCEE-7-7, "
          "sType2, sType3, "
          "Other1PhMax16A, Other1PhOver16A, Other3Ph, Pan, wInductive, wResonant, Undetermined, Unknown" },
        { HEAD POINTS "evses:\n  - connectors: [ { type: sType2 } ]\n" STATE,
          "p.yaml:12: evses[0].connectors[0]: max_current is missing: what cable and contactor bear, such as "
          "max_current: 32" },
        { HEAD POINTS "evses:\n  - count: 2\n    address_offset: 9\n    connectors: [ { type: sType2, "
                      "max_current: 32 } ]\n" STATE,
          "p.yaml:12: evses[0]: count needs points inside this entry: those of the profile are shared and "
          "not moved" },
        /* commands */
        { WHOLE "    commands:\n      start: { set: { enable: 1 } }\n",
          "p.yaml:15: evses[0].commands: start needs stop: what is begun must be ended, and the other way "
          "round" },
        { WHOLE "    commands:\n      unlock: { set: { enabel: 1 } }\n",
          "p.yaml:16: evses[0].commands.unlock.set.enabel: there is no such point; did you mean enable?" },
        { WHOLE "    commands:\n      unlock: { set: { state: 1 } }\n",
          "p.yaml:16: evses[0].commands.unlock.set.state: state is read-only; give it access: w or access: "
          "rw" },
        { WHOLE "    commands:\n      unlock: { set: { enable: 2 } }\n",
          "p.yaml:16: evses[0].commands.unlock.set.enable: enable (bool, scale 1) cannot hold 2" },
        { WHOLE "    commands:\n      unlock: { set: { tag: 3 } }\n",
          "p.yaml:16: evses[0].commands.unlock.set.tag: tag holds a text; expected one, such as \"\"" },
        { WHOLE "    commands:\n      unlock: [ { set: { enable: 1 } }, { until: state == 3 } ]\n",
          "p.yaml:16: evses[0].commands.unlock[1].until: needs within, the time after which the command has "
          "failed, such as within: "
          "10s" },
        { WHOLE "    commands:\n      unlock: [ { wate: 1s } ]\n",
          "p.yaml:16: evses[0].commands.unlock[0].wate: unknown key; did you mean \"wait\"?" },
        { WHOLE "    commands:\n" SWITCH "      limit: { set: { limit: limit_W } }\n",
          "p.yaml:18: evses[0].commands.limit.set.limit: limit is in A, but the value is in W" },
        { WHOLE "    commands:\n" SWITCH "      limit: { set: { limit: 10 } }\n",
          "p.yaml:18: evses[0].commands.limit: sets nothing to limit_A (ampere per phase) or limit_W" },
        { WHOLE "    commands:\n" SWITCH "      limit: { set: { limit: limit_A }, step: 0.05 }\n",
          "p.yaml:18: evses[0].commands.limit: step 0.05 A cannot be told to limit, whose scale is 0.1 A" },
        { WHOLE "    commands:\n" SWITCH "      limit: { set: { limit: limit_A }, min: 40 }\n",
          "p.yaml:18: evses[0].commands.limit: min 40 A is above the maximum of 32 A" },
        { WHOLE "    commands:\n" SWITCH "      limit: { set: { limit: limit_A }, switch_phases: true }\n",
          "p.yaml:18: evses[0].commands.limit.switch_phases: no step sets anything to phases (1 or 3)" },
        { WHOLE "    commands:\n      limit: { set: { limit: limit_A } }\n",
          "p.yaml:16: evses[0].commands.limit: below_min is missing; a pause needs the commands start and "
          "stop; where the device "
          "pauses at a limit of 0 say below_min: zero" },
        { HEAD POINTS "  small: { at: holding 30, type: u16, scale: 0.0001, unit: A, access: w }\n" EVSE STATE
                      "    commands:\n" SWITCH "      limit: { set: { small: limit_A } }\n",
          "p.yaml:19: evses[0].commands.limit: small (u16, scale 0.0001) cannot hold 32 A" },
        /* the rest */
        { WHOLE "keepalive: { set: { enable: 1 } }\n", "p.yaml:15: keepalive: expected what to write and how "
                                                       "often, such as { set: { alive: 1 }, every: 30s }" },
        { HEAD POINTS "  flash: { at: holding 30, type: u16, access: w, persistent: true }\n" EVSE STATE
                      "keepalive: { set: { flash: 1 }, every: 30s }\n",
          "p.yaml:16: keepalive.set: flash is persistent; writing it again and again would wear out its "
          "memory" },
        { WHOLE "setup: { set: { enable: } }\n",
          "p.yaml:15: setup.set.enable: column 1: the expression ends too early" },
        { WHOLE "identify: { read: holding 4 }\n", "p.yaml:15: identify: expected what to read and what it "
                                                   "must be, such as { read: holding 4, equals: 0x0107 }" },
        { WHOLE "extends: nowhere\n", "p.yaml:15: extends: there is no profile \"nowhere\"" },
        { WHOLE "extends: p\n", "p.yaml:15: extends: \"p\" extends this profile: a circle" },
        { "profile: p\nvendor: V\nmodels: [M]\nprotocol: echonet\nechonet: { class: 0x02A1 }\nevses:\n  - "
          "count: 2\n"
          "    points: { state: { at: epc 0xDA, type: u8 } }\n    connectors: [ { type: cType1, max_current: "
          "32 } ]\n" STATE,
          "p.yaml:8: evses[0].points.state.at: with count it needs the first one's instance, such as epc "
          "0xDA instance 1, or all are "
          "the same" },
        { "- a\n- b\n", "p.yaml:1: expected a map" },
        /* what people bring along from elsewhere */
        { HEAD POINTS "  b: { at: input 5, type: bool }\n" EVSE STATE,
          "p.yaml:11: points.b.type: bool is for coils and discrete inputs; take type: bits, and & in "
          "expressions" },
        { WHOLE "      power_import: state && state\n",
          "p.yaml:15: evses[0].signals.power_import: column 7: \"&&\" is unknown; expected the word and" },
        { WHOLE "      power_import: state AND state\n", "p.yaml:15: evses[0].signals.power_import: column "
                                                         "7: \"AND\" does not belong here; the word is and" },
        { WHOLE "      locked: state in 1-3\n",
          "p.yaml:15: evses[0].signals.locked: column 11: \"-\" does not "
          "belong here; a range is written 1..3" },
        { WHOLE "      locked: tag == open\n", "p.yaml:15: evses[0].signals.locked: column 8: \"open\" is no "
                                               "point of this profile; a text would stand in quotes" },
        { WHOLE "      power_import: round(energy)\n",
          "p.yaml:15: evses[0].signals.power_import: column 1: there is no function round(); expected min(), "
          "max(), abs() or known()" },
        { WHOLE "    commands:\n      unlock: { set: { enable: yes } }\n",
          "p.yaml:16: evses[0].commands.unlock.set.enable: column 1: \"yes\" is no value; expected true or "
          "false, or a number such as 1" },
        { WHOLE "    commands:\n" SWITCH "      limit: [ { set: { limit: limit_A } } ]\n",
          "p.yaml:18: evses[0].commands.limit: expected a map, such as { set: { max_current: limit_A }, min: "
          "6 "
          "}; a list of steps stands under steps" },
        { WHOLE "identify: { read: holding 4, equals: 70000 }\n",
          "p.yaml:15: identify.equals: identify (u16, scale 1) cannot hold 70000" },
    };
    (void)state;
    size_t right = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        right += says(rows[i].text, NULL, rows[i].problem);
    assert_int_equal(right, ARRAY_SIZE(rows));
}

static void all_mistakes_are_told_at_once(void **state)
{
    struct problems problems;
    (void)state;
    problems_init(&problems);
    assert_null(parse(HEAD "points:\n  a: { at: nowhere }\n  b: { at: input 1, type: u16, unit: X }\n"
                           "evses:\n  - signals: { state: [] }\n",
                      NULL, &problems));
    assert_true(problems.total >= 5);
    problems_done(&problems);
}

/* ---- what is right is understood ---- */

static void a_description_can_be_repeated_for_several_evses(void **state)
{
    (void)state;
    AUTO(profile) *p =
        good(HEAD "points:\n  serial: { at: input 1, type: u16 }\n"
                  "evses:\n"
                  "  - count: 2\n    address_offset: 100\n    unit_offset: 1\n"
                  "    points:\n      state: { at: input 10, type: u16 }\n"
                  "      enable: { at: coil 0, access: w }\n"
                  "    setup: { set: { enable: 0 } }\n"
                  "    connectors: [ { type: sType2, max_current: 32 } ]\n"
                  "    signals: { state: [ { charging: state == serial }, { available: otherwise } ] }\n"
                  "    commands: { unlock: { set: { enable: 1 } } }\n");
    assert_int_equal(p->evse_count, 2);
    assert_int_equal(profile_point(p, "1.state")->at.modbus.address, 10);
    assert_int_equal(profile_point(p, "2.state")->at.modbus.address, 110);
    assert_int_equal(profile_point(p, "2.state")->at.modbus.unit_offset, 1);
    assert_int_equal(profile_point(p, "serial")->at.modbus.address, 1);
    assert_ptr_equal(p->evses[1].commands[EVSE_UNLOCK].steps.list[0].point, profile_point(p, "2.enable"));
    assert_int_equal(p->setup.count, 2);
    assert_int_equal(expression_point(p->evses[1].states[0].when, 0), profile_point(p, "2.state")->index);
    assert_int_equal(expression_point(p->evses[1].states[0].when, 1), profile_point(p, "serial")->index);
}

static void offsets_may_differ_by_kind(void **state)
{
    (void)state;
    AUTO(profile) *p =
        good(HEAD "evses:\n"
                  "  - count: 3\n    address_offset: { input: 200, holding: 100 }\n"
                  "    points:\n      state: { at: input 10, type: u16 }\n"
                  "      limit: { at: holding 10, type: u16, access: w }\n"
                  "    connectors: [ { type: sType2, max_current: 32 } ]\n"
                  "    signals: { state: [ { charging: state == 1 }, { available: otherwise } ] }\n");
    assert_int_equal(profile_point(p, "3.state")->at.modbus.address, 410);
    assert_int_equal(profile_point(p, "3.limit")->at.modbus.address, 210);
}

static void a_scale_may_be_another_point(void **state)
{
    (void)state;
    AUTO(profile) *p =
        good(HEAD "points:\n  power: { at: input 2, type: i16, scale: exponent, unit: W }\n"
                  "  exponent: { at: input 3, type: i16 }\n  state: { at: input 0, type: u16 }\n" EVSE STATE);
    assert_int_equal(profile_point(p, "power")->scale_point, profile_point(p, "exponent")->index);
}

static void parts_of_a_register_are_written_by_function_22(void **state)
{
    (void)state;
    AUTO(profile) *p =
        good(HEAD POINTS
             "  mode: { at: holding 5, type: u16, access: rw, mask: 0xF0, shift: 4, write_function: 22 }\n"
             "  upper: { at: holding 5, type: u16, access: rw, shift: 12, write_function: 22 }\n"
             "  alive: { at: holding 6, type: u16, access: rw, write_function: 23 }\n" EVSE STATE);
    assert_int_equal(profile_point(p, "upper")->mask, 0xF000); /* what lies below stays as it is */
    assert_int_equal(profile_point(p, "mode")->at.modbus.write_function, 22);
    assert_int_equal(profile_point(p, "alive")->at.modbus.write_function, 23);
}

static void what_a_profile_says_is_all_there(void **state)
{
    (void)state;
    struct profile *p = load("demo-modbus-rtu");
    assert_true(p->modbus.low_word_first);
    assert_int_equal(p->modbus.write_function, 16);
    assert_int_equal(p->modbus.max_words, 20);
    assert_int_equal(p->modbus.pause_ms, 20);
    assert_int_equal(p->modbus.parity, 'E');
    assert_int_equal(p->modbus.unit, 7);
    const struct point *power = profile_point(p, "power");
    assert_true(power->low_word_first);
    assert_int_equal(power->at.modbus.count, 2);
    assert_int_equal(power->at.modbus.read_function, 3);
    const struct evse_abilities *a = &p->evses[0].abilities;
    assert_true(a->start_stop && a->limit && a->reads_id_token && a->lock_state && a->supports_pause);
    assert_false(a->unlock || a->reset);
    assert_true(a->min_current_A == 6 && a->max_current_A == 32);
    assert_string_equal(a->connector_type, "cType2");
    assert_string_equal(a->id_token_type, "ISO14443");
    profile_free(p);
    p = good(WHOLE "identify: { read: tag, equals: \"AC22\" }\n");
    assert_true(p->identify.is_text);
    assert_null(p->firmware_hook);
    profile_free(p);
    p = good(WHOLE "identify: { read: tag, equals: \"AC22\" }\nfirmware_hook: [ /bin/update, --fast ]\n");
    assert_string_equal(p->firmware_hook[0], "/bin/update");
    assert_string_equal(p->firmware_hook[1], "--fast");
    assert_null(p->firmware_hook[2]);
    assert_string_equal(p->identify.text, "AC22");
    assert_ptr_equal(p->identify.point, profile_point(p, "tag"));
    profile_free(p);
    p = load("demo-modbus-ac22");
    assert_int_equal(p->identify.point->at.modbus.address, 4);
    assert_int_equal(p->identify.point->every_ms, 0);
    assert_true(p->identify.number == 0x107);
    assert_int_equal(p->keepalive_ms, 30000);
    assert_string_equal(p->on_silence, "falls to 6 A after 60 s and keeps charging");
    assert_true(p->evses[0].abilities.lock_state && p->evses[0].abilities.lock_failure);
    profile_free(p);
    p = load("echonet-02a1");
    const struct point *highest = profile_point(p, "highest_current");
    assert_int_equal(highest->at.echonet.epc, 0xCA);
    assert_int_equal(highest->at.echonet.offset, 2);
    assert_int_equal(highest->raw_size, 2);
    assert_int_equal(highest->at.echonet.class_group, 0x02);
    assert_int_equal(highest->at.echonet.class_code, 0xA1);
    profile_free(p);
}

static void what_flows_without_the_gateway_is_a_hazard_unless_it_is_nothing(void **state)
{
    static const struct {
        const char *on_silence, *hazard;
    } rows[] = {
        { "", "" },
        { "on_silence: { device: \"stops\", current: 0 }\n", "" },
        { "on_silence: { device: \"falls to 6 A\", current: 6 }\n",
          "without the gateway up to 6 A flow: the device falls to 6 A" },
        { "on_silence: { device: \"goes on\", current: max }\n",
          "without the gateway all that it can give flows: the device goes on" },
        { "on_silence: { device: \"goes on\", current: last }\n",
          "without the gateway up to its last limit flows: the device goes on" },
        { "on_silence: { device: \"blinks\" }\n",
          "without the gateway it is not known what flows: the device blinks" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[2000], hazard[500], cut[8];
        (void)snprintf(text, sizeof(text), "%s%s", WHOLE, rows[i].on_silence);
        AUTO(profile) *p = good(text);
        profile_hazard(p, hazard, sizeof(hazard));
        assert_string_equal(hazard, rows[i].hazard);
        profile_hazard(p, cut, sizeof(cut));
        assert_int_equal(strncmp(cut, hazard, sizeof(cut) - 1), 0);
    }
}

/* ---- extends ---- */

static const char *const bases[][2] = {
    { "base", "profile: base\nvendor: V\nmodels: [B]\nprotocol: modbus\nmodbus: { max_words: 10, pause: 5ms "
              "}\n" POINTS EVSE STATE "      energy_import: energy\n    commands:\n" SWITCH
              "      limit: { set: { limit: limit_A } }\n" },
    { "middle", "profile: middle\nextends: base\nmodels: [C]\nmodbus: { pause: 7ms }\n" },
    { "circle", "profile: circle\nextends: middle2\n" },
    { "middle2", "profile: middle2\nextends: circle\n" },
    { "broken", "profile: broken\nvendor: V\nprotocol: modbus\n" POINTS
                "  p: { at: input 5, type: u17 }\n" EVSE STATE },
    { NULL, NULL },
};

static void a_profile_can_build_on_another(void **state)
{
    (void)state;
    struct problems problems;
    problems_init(&problems);
    AUTO(profile) *p =
        parse("profile: p\nextends: middle\nmodels: [M]\npoints:\n  limit: { scale: 1 }\n  tag: ~\n"
              "evses:\n  - connectors: [ { max_current: 16 } ]\n    commands: { limit: { min: 8 } }\n",
              bases, &problems);
    print(&problems);
    assert_non_null(p);
    assert_string_equal(p->models[0], "M");
    assert_string_equal(p->vendor, "V");
    assert_int_equal(p->modbus.pause_ms, 7);
    assert_int_equal(p->modbus.max_words, 10);
    assert_true(profile_point(p, "limit")->scale == 1);
    assert_int_equal(profile_point(p, "limit")->at.modbus.address, 10);
    assert_null(profile_point(p, "tag"));
    assert_true(p->evses[0].abilities.min_current_A == 8 && p->evses[0].abilities.max_current_A == 16);
    assert_string_equal(p->evses[0].abilities.connector_type, "sType2");
    problems_done(&problems);
}

static void what_is_wrong_in_a_base_is_told_of_its_file(void **state)
{
    (void)state;
    bool right = says("profile: p\nextends: broken\nmodels: [M]\n", bases,
                      "broken.yaml:10: points.p.type: \"u17\" is unknown; did you mean u16? Expected one of: "
                      "u8, i8, u16, i16, u32, "
                      "i32, u64, i64, f32, f64, bool, string, utf16, bits, bcd, bytes, uid");
    right =
        right && says("profile: p\nextends: base\nmodels: [M]\npoints: { energy: { unit: W } }\n", bases,
                      "base.yaml:16: evses[0].signals.energy_import: is in W, but energy_import is in Wh");
    right = right && says("profile: p\nextends: circle\nmodels: [M]\n", bases,
                          "middle2.yaml:2: extends: \"circle\" extends this profile: a circle");
    assert_true(right);
}

/* The n-th YAML example of the manual, or NULL. */
static char *example(size_t n)
{
    static const char begin[] = "```yaml\n";
    AUTO_FREE char *text = read_file(SOURCE_DIR "/docs/profiles.md");
    const char *at = text;
    assert_non_null(text);
    while ((at = strstr(at, begin))) {
        at += strlen(begin);
        if (n-- == 0)
            return strndup(at, (size_t)(strstr(at, "```") - at));
    }
    return NULL;
}

static void the_examples_of_the_manual_are_sound(void **state)
{
    struct problems problems;
    (void)state;
    AUTO_FREE char *first = example(0);
    AUTO_FREE char *second = example(1);
    assert_non_null(first);
    assert_non_null(second);
    const char *const rows[][2] = { { "acme-one", first }, { NULL, NULL } };
    problems_init(&problems);
    struct profile_source source = { .find = from_table, .ctx = (void *)rows };
    AUTO(profile) *one = NULL;
    AUTO(profile) *other = NULL;
    (void)profile_parse("acme-one.yaml", first, strlen(first), &source, &problems, &one);
    (void)profile_parse("acme-one-1p.yaml", second, strlen(second), &source, &problems, &other);
    print(&problems);
    problems_done(&problems);
    assert_non_null(one);
    assert_non_null(other);
    assert_null(profile_point(other, "alive"));
    assert_int_equal(other->keepalive.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_we_ship_is_sound),
        cmocka_unit_test(each_mistake_is_told_with_its_place_and_its_remedy),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(a_description_can_be_repeated_for_several_evses),
        cmocka_unit_test(offsets_may_differ_by_kind),
        cmocka_unit_test(a_scale_may_be_another_point),
        cmocka_unit_test(parts_of_a_register_are_written_by_function_22),
        cmocka_unit_test(what_a_profile_says_is_all_there),
        cmocka_unit_test(what_flows_without_the_gateway_is_a_hazard_unless_it_is_nothing),
        cmocka_unit_test(a_profile_can_build_on_another),
        cmocka_unit_test(what_is_wrong_in_a_base_is_told_of_its_file),
        cmocka_unit_test(the_examples_of_the_manual_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
