/* Changes of gateway.yaml: the entry says what was asked for, and not a byte of all else is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/problems.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/config.h"
#include "gateway/config_edit.h"

static json_t *json_of(const char *text)
{
    AUTO_FREE char *copy = strdup(text);
    assert_non_null(copy);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *json = json_from_text(copy, strlen(copy));
    assert_non_null(json);
    return json;
}

enum act { ADD, REPLACE, REMOVE, BUS };

static int edit(enum act act, const char *text, const char *id, const json_t *json, char **ret)
{
    struct problems problems;
    problems_init(&problems);
    int r = act == ADD       ? config_edit_add_station(text, json, &problems, ret)
            : act == REPLACE ? config_edit_replace_station(text, id, json, &problems, ret)
            : act == REMOVE  ? config_edit_remove_station(text, id, &problems, ret)
                             : config_edit_named(text, "buses", id, json, &problems, ret);
    assert_true((r == 0) == (problems.total == 0));
    for (size_t i = 0; i < problems.count; i++)
        assert_true(str_starts(problems.list[i].text, "gateway.yaml:"));
    problems_done(&problems);
    return r;
}

static void check(enum act act, const char *text, const char *id, const char *entry, const char *expected)
{
    AUTO(json_t) *json = entry ? json_of(entry) : NULL;
    AUTO_FREE char *result = NULL;
    assert_int_equal(edit(act, text, id, json, &result), 0);
    assert_string_equal(result, expected);
}

/* ---- by example ---- */

#define SITE                                                                                                 \
    "# our site\n"                                                                                           \
    "csms:\n"                                                                                                \
    "  a: { url: \"ws://csms/\" }   # the operator\n"                                                        \
    "\n"                                                                                                     \
    "stations:\n"                                                                                            \
    "  # the yard\n"                                                                                         \
    "  - id: CS-1           # left\n"                                                                        \
    "    csms: a\n"                                                                                          \
    "    chargers: [ { profile: p, tcp: 10.0.0.1 } ]\n"                                                      \
    "    # vendor: X\n"

static void a_station_is_added_as_its_neighbours_are_written(void **state)
{
    (void)state;
    check(ADD, SITE "# the end\n", NULL, "{'id':'CS-2','csms':'a','chargers':[{'profile':'p','unit':7}]}",
          SITE "  - id: CS-2\n    csms: a\n    chargers: [ { profile: p, unit: 7 } ]\n# the end\n");
    check(ADD, "stations:\n- id: 1\n  csms: a\n\n- id: 2\n  csms: a\n\nlog: {}\n", NULL,
          "{'id':'CS-2','csms':'b'}",
          "stations:\n- id: 1\n  csms: a\n\n- id: 2\n  csms: a\n\n- id: CS-2\n  csms: b\n\nlog: {}\n");
    check(ADD, "stations:\r\n    -   id: 1\r\n        csms: a", NULL, "{'id':'CS-2','csms':'b'}",
          "stations:\r\n    -   id: 1\r\n        csms: a\r\n    -   id: CS-2\r\n        csms: b");
    check(ADD, "stations:\n  - { id: 1, csms: a } # x\n", NULL, "{'id':'CS-2','csms':'b'}",
          "stations:\n  - { id: 1, csms: a } # x\n  - { id: CS-2, csms: b }\n");
    check(ADD, "stations: [ { id: 1 } ]\n", NULL, "{'id':'CS-2'}", "stations: [ { id: 1 }, { id: CS-2 } ]\n");
    check(ADD, "{\"stations\": [\n  {\"id\": \"1\"}\n]}\n", NULL, "{'id':'CS-2'}",
          "{\"stations\": [\n  {\"id\": \"1\"},\n  { id: CS-2 }\n]}\n");
}

static void what_is_missing_is_made(void **state)
{
    static const char first[] = "{'id':'CS-1','csms':'a'}";
    (void)state;
    check(ADD, "csms: {}\n", NULL, first, "csms: {}\n\nstations:\n  - { id: CS-1, csms: a }\n");
    check(ADD, "", NULL, first, "stations:\n  - { id: CS-1, csms: a }\n");
    check(ADD, "# nothing yet", NULL, first, "# nothing yet\n\nstations:\n  - { id: CS-1, csms: a }");
    check(ADD, "stations: []   # none yet\n", NULL, first,
          "stations:\n  - { id: CS-1, csms: a }   # none yet\n");
    check(ADD, "stations:\nlog: {}\n", NULL, first, "stations:\n  - { id: CS-1, csms: a }\nlog: {}\n");
    check(ADD, "csms:\n    a: {}\nstations: ~\n", NULL, first,
          "csms:\n    a: {}\nstations:\n    - { id: CS-1, csms: a }\n");
    check(ADD, "{}", NULL, first, "{ stations: [ { id: CS-1, csms: a } ] }");
    check(BUS, SITE, "garage", "{'serial':'/dev/ttyUSB0','line':{'baud':9600}}",
          "# our site\ncsms:\n  a: { url: \"ws://csms/\" }   # the operator\n\n"
          "buses:\n  garage: { serial: /dev/ttyUSB0, line: { baud: 9600 } }\n\n"
          "stations:\n  # the yard\n  - id: CS-1           # left\n    csms: a\n"
          "    chargers: [ { profile: p, tcp: 10.0.0.1 } ]\n    # vendor: X\n");
    check(BUS, "# about the stations\nstations: []\n", "b", "{'tcp':'h:502'}",
          "buses:\n  b: { tcp: \"h:502\" }\n\n# about the stations\nstations: []\n");
    check(BUS, "buses:\n  a: { tcp: h } # x\n  # y\n\nlog: {}\n", "b", "{'tcp':'i'}",
          "buses:\n  a: { tcp: h } # x\n  b: { tcp: i }\n  # y\n\nlog: {}\n");
    check(BUS, "buses:\n  a: { tcp: h, framing: rtu } # x\n", "a", "{'tcp':'i','framing':'rtu'}",
          "buses:\n  a: { tcp: i, framing: rtu } # x\n");
}

static void what_is_replaced_keeps_its_comments(void **state)
{
    (void)state;
    check(REPLACE, SITE, "CS-1",
          "{'id':'CS-1b','csms':'a','chargers':[{'profile':'p','tcp':'10.0.0.2'}],'serial_number':'12'}",
          "# our site\ncsms:\n  a: { url: \"ws://csms/\" }   # the operator\n\nstations:\n  # the yard\n"
          "  - id: CS-1b           # left\n    csms: a\n    chargers: [ { profile: p, tcp: 10.0.0.2 } ]\n"
          "    serial_number: \"12\"\n    # vendor: X\n");
    check(REPLACE, "stations:\n  - id: 1 # x\n    csms: a # y\n    vendor: V # z\n  - id: 2\n", "1",
          "{'id':'1','vendor':'W'}", "stations:\n  - id: 1 # x\n    vendor: W # z\n  - id: 2\n");
    check(REPLACE, "stations:\n  - { id: 1, csms: a, vendor: V } # x\n", "1",
          "{'id':'1','csms':'b','model':'M'}", "stations:\n  - { id: 1, csms: b, model: M } # x\n");
    check(REPLACE, "stations:\n  - id: 1\n    variables:\n      A.B: 1 # one\n      C.D: 2\n", "1",
          "{'id':'1','variables':{'A.B':1,'C.D':3}}",
          "stations:\n  - id: 1\n    variables:\n      A.B: 1 # one\n      C.D: 3\n");
    check(REPLACE, "stations:\n  - csms: a\n    id: 1\n", "1", "{'id':'1','vendor':'V'}",
          "stations:\n  - id: \"1\"\n    vendor: V\n"); /* the first key goes: the whole is written anew */
    check(REPLACE, "stations:\n  - id: 1\n    vendor: |\n      V\n    csms: a\n", "1",
          "{'id':'1','vendor':'W','csms':'a'}", "stations:\n  - id: 1\n    vendor: W\n    csms: a\n");
    check(REPLACE, "stations:\n  - id: 1\n    chargers:\n      - { a: 1 } # one\n", "1",
          "{'id':'1','chargers':[{'a':1},{'b':2}]}",
          "stations:\n  - id: 1\n    chargers:\n      - { a: 1 }\n      - { b: 2 } # one\n");
    check(REPLACE, "stations:\n  - id: 1\n    password:   abc # x\n", "1", "{'id':'1','password':'***'}",
          "stations:\n  - id: 1\n    password:   abc # x\n");
}

static void what_is_removed_takes_its_own_comments_along(void **state)
{
    (void)state;
    check(REMOVE, "stations:\n  - id: 1 # x\n    # vendor: V\n  # two\n  - id: 2\n", "1", NULL,
          "stations:\n  # two\n  - id: 2\n");
    check(REMOVE, "stations:\n  - id: 1\n\n  - id: 2\n    csms: a\n\n  - id: 3\n", "2", NULL,
          "stations:\n  - id: 1\n\n  - id: 3\n");
    check(REMOVE, "stations:\n  - id: 1\n  -\n    # what - is\n    id: 2\n", "2", NULL,
          "stations:\n  - id: 1\n");
    check(REMOVE, "stations:\n  - id: 1\nlog: {}\n", "1", NULL, "stations: []\nlog: {}\n");
    check(BUS, "buses:   # lines\n  a: { tcp: h }\n\nlog: {}\n", "a", NULL,
          "buses: {}   # lines\n\nlog: {}\n");
    check(BUS, "buses:\n  a: { tcp: h }\n  b:\n    tcp: i\n", "b", NULL, "buses:\n  a: { tcp: h }\n");
    check(BUS, "buses: { a: { tcp: h } }\n", "a", NULL, "buses: {  }\n");
    check(REMOVE, "stations: [ { id: 1 }, { id: 2 } ]\n", "1", NULL, "stations: [ { id: 2 } ]\n");
    check(REMOVE, "stations: [ { id: 1 }, { id: 2 } ]\n", "2", NULL, "stations: [ { id: 1 } ]\n");
    check(REMOVE, "stations: [\n  { id: 1 }, # one, first\n  { id: 2 } # two, last\n]\n", "1", NULL,
          "stations: [\n  { id: 2 } # two, last\n]\n");
    check(REMOVE, "stations: [\n  { id: 1 } # one, first\n  , { id: 2 } ]\n", "2", NULL,
          "stations: [\n  { id: 1 } # one, first\n   ]\n");
    check(REMOVE, "stations: [\n  { id: 1 }, # one, first\n  { id: 2 } # two, last\n]\n", "2", NULL,
          "stations: [\n  { id: 1 } # one, first\n]\n");
    check(REMOVE, "stations: [ { id: 1 } ]\n", "1", NULL, "stations: [  ]\n");
}

/* ---- what is refused ---- */

static void what_cannot_be_done_is_refused(void **state)
{
    static const struct {
        enum act act;
        const char *text, *id, *entry;
        int error;
    } rows[] = {
        { ADD, "stations: [ { id: 1 } ]\n", NULL, "{'id':'1'}", -EEXIST },
        { ADD, "stations: [\n", NULL, "{'id':'1'}", -EINVAL },
        { ADD, "stations: 5\n", NULL, "{'id':'1'}", -EINVAL },
        { ADD, "stations: { a: 1 }\n", NULL, "{'id':'1'}", -EINVAL },
        { ADD, "- a\n", NULL, "{'id':'1'}", -EINVAL },
        { ADD, "text\n", NULL, "{'id':'1'}", -EINVAL },
        { ADD, "# x\n---\n...\n", NULL, "{'id':'1'}", -EINVAL },
        { ADD, "\xff\xfe", NULL, "{'id':'1'}", -EINVAL },
        { ADD, "", NULL, "{'csms':'1'}", -EINVAL },
        { ADD, "", NULL, "{'id':5}", -EINVAL },
        { ADD, "", NULL, "[1]", -EINVAL },
        { ADD, "", NULL, "{'id':'1','a':[null]}", -EINVAL },
        { ADD, "", NULL, "{'id':'1','a':[[[[[[[[[[[[[[1]]]]]]]]]]]]]]}", -EINVAL },
        { ADD, "stations:\n  ? - id: 1\n  : 5\n", NULL, "{'id':'1'}", -EINVAL },
        { REPLACE, "stations: []\n", "1", "{'id':'1'}", -ENOENT },
        { REPLACE, "log: {}\n", "1", "{'id':'1'}", -ENOENT },
        { REPLACE, "stations: [ { id: 1 }, { id: 2 } ]\n", "1", "{'id':'2'}", -EEXIST },
        { REPLACE, "stations: [ { id: 1 }, { id: 1 } ]\n", "1", "{'id':'1'}", -EINVAL },
        { REPLACE, "stations: [ { id: 1 } ]\n", "1", "{'id':'1','password':'***'}", -EINVAL },
        { REPLACE, "stations: [ { id: 1, chargers: [ { ocpp16: a, password: b } ] } ]\n", "1",
          "{'id':'1','chargers':[{'ocpp16':'c','password':'***'}]}", -EINVAL },
        { REMOVE, "stations: []\n", "1", NULL, -ENOENT },
        { REMOVE, "stations: &x\n- id: 1\n- id: 2\n", "1", NULL, -EINVAL },
        { BUS, "", "", "{'a':1}", -EINVAL },
        { BUS, "", "a", "{}", -EINVAL },
        { BUS, "buses: []\nstations: [ 5 ]\n- x", "a", "{'a':1}", -EINVAL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO(json_t) *entry = rows[i].entry ? json_of(rows[i].entry) : NULL;
        AUTO_FREE char *result = NULL;
        int r = edit(rows[i].act, rows[i].text, rows[i].id, entry, &result);
        if (r != rows[i].error)
            print_error("row %zu: %d, and %s\n", i, r, result ? result : "nothing");
        assert_int_equal(r, rows[i].error);
        assert_null(result);
    }
}

static void what_to_do_by_hand_is_told(void **state)
{
    AUTO(json_t) *entry = json_of("{'id':'CS-1','password':'0123456789abcdef'}");
    AUTO_FREE char *result = NULL;
    struct problems problems;
    (void)state;
    problems_init(&problems);
    assert_int_equal(config_edit_add_station("csms: {}\nstations: { a: 1 }\n", entry, &problems, &result),
                     -EINVAL);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.list[0].line, 2);
    assert_non_null(strstr(problems.list[0].text, "add the station by hand"));
    assert_null(strstr(problems.list[0].text, "0123456789abcdef"));
    problems_done(&problems);
}

/* ---- texts ---- */

static void any_text_comes_back_as_it_was(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "a",
        "7",
        "007",
        "0x1F",
        "1e3",
        "-",
        "- a",
        "a: b",
        "a #b",
        "#",
        "true",
        "Yes",
        "null",
        "~",
        "'",
        "\"",
        "\\",
        "\\n",
        "a\nb",
        "\n",
        "a\n",
        "\t",
        "\x01\x1f\x7f",
        "{",
        "[a]",
        "a, b",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "`",
        "|",
        ">",
        "?",
        ":",
        "=",
        "<<",
        "---",
        "...",
        "2001-01-01",
        "10.0.0.1",
        "ws://h:80/x?y#z",
        " a",
        "a ",
        "é",
        "日本",
        "😀",
        "\xc2\x85",
        "\xc2\xa0",
        "\xe2\x80\xa8",
        "\xef\xbb\xbf",
        "\xef\xbf\xbf",
        "\xe2\x80\x8b",
        "a  b",
        "12:30",
        "1_000",
        "+5",
        ".5",
        ".inf",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        for (int flow = 0; flow < 2; flow++) {
            AUTO(json_t) *entry = json_pack("{s:s, s:{s:s}, s:[s]}", "id", "CS-1", "variables", texts[i],
                                            texts[i], "list", texts[i]);
            AUTO(json_t) *back = NULL;
            AUTO_FREE char *result = NULL;
            struct problems problems;
            problems_init(&problems);
            assert_int_equal(edit(ADD,
                                  flow ? "stations: [ { id: 1 } ]" : "stations:\n  - id: 1\n    csms: a\n",
                                  NULL, entry, &result),
                             0);
            assert_int_equal(config_edit_station(result, "CS-1", &problems, &back), 0);
            assert_true(json_equal(back, entry));
            problems_done(&problems);
        }
}

static void numbers_come_back_as_they_were(void **state)
{
    AUTO(json_t) *entry =
        json_of("{'id':'CS-1','a':0,'b':-9223372036854775808,'c':0.1,'d':1e300,'e':true,'f':false,"
                "'g':3.3333333333333335,'h':-0.5,'i':[1,2.5,'3'],'j':{},'k':[]}");
    AUTO(json_t) *back = NULL;
    AUTO_FREE char *result = NULL;
    struct problems problems;
    (void)state;
    problems_init(&problems);
    assert_int_equal(edit(ADD, "", NULL, entry, &result), 0);
    assert_int_equal(config_edit_station(result, "CS-1", &problems, &back), 0);
    json_object_del(entry, "d"); /* a real without a fraction comes back as text, or as an integer */
    json_object_del(back, "d");
    assert_true(json_equal(back, entry));
    problems_done(&problems);
}

static void passwords_are_hidden_and_kept(void **state)
{
    static const char text[] =
        "stations:\n  - id: CS-1\n    password: secret-1\n    chargers:\n"
        "      - { ocpp16: a, password: secret-2 }\n      - { ocpp16: b, password: secret-3 }\n";
    AUTO(json_t) *entry = NULL;
    AUTO_FREE char *result = NULL, *same = NULL;
    struct problems problems;
    (void)state;
    problems_init(&problems);
    assert_int_equal(config_edit_station(text, "CS-1", &problems, &entry), 0);
    AUTO_FREE char *shown = json_to_text(entry);
    assert_null(strstr(shown, "secret"));
    assert_int_equal(edit(REPLACE, text, "CS-1", entry, &same), 0);
    assert_string_equal(same, text);
    /* the first charger goes: the other keeps its own */
    json_array_remove(json_object_get(entry, "chargers"), 0);
    assert_int_equal(edit(REPLACE, text, "CS-1", entry, &result), 0);
    assert_non_null(strstr(result, "{ ocpp16: b, password: secret-3 }"));
    assert_null(strstr(result, "secret-2"));
    problems_done(&problems);
}

/* ---- many documents ---- */

struct pen { /* writes a document in a style of chance */
    uint64_t seed;
    struct buf text;
    const char *line_end;
    int step, list_step, dash, comments;
};

static uint32_t chance(struct pen *p, uint32_t sides)
{
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(p->seed >> 33) % sides;
}

static void end_line(struct pen *p)
{
    if (chance(p, 4) == 0)
        (void)buf_printf(&p->text, "%*s# c%d, [x] - {y}: '", (int)chance(p, 3) + 1, "", p->comments++);
    (void)buf_text(&p->text, p->line_end);
}

/* Lines that say nothing, at least as far indented as what is around. */
static void pause_here(struct pen *p, int indent)
{
    if (chance(p, 5) == 0)
        (void)buf_text(&p->text, p->line_end);
    if (chance(p, 5) == 0)
        (void)buf_printf(&p->text, "%*s# c%d - x: y%s", indent, "", p->comments++, p->line_end);
}

static void write_charger(struct pen *p, int number, int unit)
{
    switch (chance(p, 3)) {
    case 0:
        (void)buf_printf(&p->text, "{ profile: demo-modbus-ac22, tcp: 10.0.%d.1, unit: %d }", number, unit);
        break;
    case 1:
        (void)buf_printf(&p->text, "{profile: 'demo-modbus-ac22', \"tcp\": \"10.0.%d.1\", unit: %d}", number,
                         unit);
        break;
    default:
        (void)buf_printf(&p->text, "{ profile: demo-modbus-ac22,tcp: 10.0.%d.1  , unit: %d, }", number, unit);
    }
}

static void write_chargers(struct pen *p, int number, int indent)
{
    int count = 1 + (int)chance(p, 2);
    if (chance(p, 3) == 0) {
        (void)buf_text(&p->text, "chargers: [ ");
        for (int i = 0; i < count; i++) {
            (void)buf_text(&p->text, i ? ", " : "");
            write_charger(p, number, i + 1);
        }
        (void)buf_text(&p->text, " ]");
        end_line(p);
        return;
    }
    (void)buf_text(&p->text, "chargers:");
    end_line(p);
    for (int i = 0; i < count; i++) {
        pause_here(p, indent + p->list_step);
        (void)buf_printf(&p->text, "%*s-%*s", indent + p->list_step, "", p->dash - 1, "");
        write_charger(p, number, i + 1);
        end_line(p);
    }
}

static void write_block_station(struct pen *p, int number, int indent)
{
    int inner = indent + p->dash;
    (void)buf_printf(&p->text, "%*s-", indent, "");
    if (chance(p, 6) == 0) {
        end_line(p);
        (void)buf_printf(&p->text, "%*s", inner, "");
    } else {
        (void)buf_printf(&p->text, "%*s", p->dash - 1, "");
    }
    (void)buf_printf(&p->text, chance(p, 2) ? "id: CS-%d" : "\"id\" :  'CS-%d'", number);
    end_line(p);
    pause_here(p, inner);
    (void)buf_printf(&p->text, "%*scsms:  a", inner, "");
    end_line(p);
    if (chance(p, 2)) {
        (void)buf_printf(&p->text, chance(p, 2) ? "%*svendor: |%s%*sAcme%s" : "%*svendor: >+%s%*sAcme%s",
                         inner, "", p->line_end, inner + p->step, "", p->line_end);
    }
    if (chance(p, 2)) {
        (void)buf_printf(&p->text, "%*svariables:", inner, "");
        end_line(p);
        (void)buf_printf(&p->text, "%*sOCPPCommCtrlr.HeartbeatInterval: 6%d", inner + p->step, "",
                         number % 10);
        end_line(p);
    }
    (void)buf_printf(&p->text, "%*s", inner, "");
    write_chargers(p, number, inner);
    if (chance(p, 6) == 0)
        (void)buf_printf(&p->text, "%*s# c%d of CS-%d%s", inner, "", p->comments++, number, p->line_end);
}

static void write_flow_station(struct pen *p, int number)
{
    (void)buf_printf(&p->text, "{ id: CS-%d, csms: a, chargers: [ ", number);
    write_charger(p, number, 3);
    (void)buf_text(&p->text, chance(p, 2) ? " ] }" : "]}");
}

static void write_stations(struct pen *p, int count)
{
    if (chance(p, 4) == 0) {
        bool lines = chance(p, 2);
        (void)buf_text(&p->text, "stations: [");
        for (int i = 1; i <= count; i++) {
            if (lines) {
                end_line(p);
                (void)buf_printf(&p->text, "%*s", p->step, "");
            }
            write_flow_station(p, i);
            (void)buf_text(&p->text, i < count || chance(p, 3) == 0 ? "," : "");
        }
        if (lines)
            end_line(p);
        (void)buf_text(&p->text, lines ? "  ]" : "]");
        end_line(p);
        return;
    }
    (void)buf_text(&p->text, "stations:");
    end_line(p);
    for (int i = 1; i <= count; i++) {
        pause_here(p, p->list_step);
        if (chance(p, 4) == 0) {
            (void)buf_printf(&p->text, "%*s-%*s", p->list_step, "", p->dash - 1, "");
            write_flow_station(p, i);
            end_line(p);
        } else {
            write_block_station(p, i, p->list_step);
        }
    }
}

static void write_document(struct pen *p, int stations)
{
    static const char *const line_ends[] = { "\n", "\n", "\r\n" };
    static const int steps[] = { 2, 2, 4, 3 };
    p->line_end = line_ends[chance(p, 3)];
    p->step = steps[chance(p, 4)];
    p->list_step = chance(p, 3) ? p->step : 0;
    p->dash = 2 + (int)chance(p, 3);
    if (chance(p, 5) == 0)
        (void)buf_text(&p->text, "\xef\xbb\xbf");
    if (chance(p, 5) == 0)
        (void)buf_printf(&p->text, "# ä 日本 c%d%s---%s", p->comments++, p->line_end, p->line_end);
    bool early = chance(p, 3) == 0;
    if (early)
        write_stations(p, stations);
    pause_here(p, 0);
    (void)buf_printf(&p->text, "gateway: { profiles: \"%s/profiles\" }", SOURCE_DIR);
    end_line(p);
    (void)buf_text(&p->text, "csms:");
    end_line(p);
    (void)buf_printf(&p->text, "%*sa: { url: \"ws://csms/ocpp\", security_profile: 0 }", p->step, "");
    end_line(p);
    if (chance(p, 2)) {
        (void)buf_text(&p->text, "buses:");
        end_line(p);
        (void)buf_printf(&p->text, "%*sline: { serial: /dev/ttyS1 }", p->step, "");
        end_line(p);
    }
    pause_here(p, 0);
    if (!early)
        write_stations(p, stations);
    pause_here(p, 0);
    if (chance(p, 3) == 0 && p->text.data[p->text.len - 1] == '\n') /* no line end at the end */
        p->text.data[--p->text.len] = '\0';
}

static struct config *parse(const char *text)
{
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    (void)config_parse("gateway.yaml", text, strlen(text), &problems, &config);
    for (size_t i = 0; i < problems.count; i++)
        print_error("%s\n", problems.list[i].text);
    if (!config)
        print_error("%s\n", text);
    problems_done(&problems);
    return config;
}

static const struct station_config *station_of(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->station_count; i++)
        if (str_equal(config->stations[i].id, id))
            return &config->stations[i];
    return NULL;
}

/* All stations but `id` are as they were, in their order. */
static void check_others(const struct config *before, const struct config *after, const char *id)
{
    size_t k = 0;
    for (size_t i = 0; i < before->station_count; i++) {
        if (str_equal(before->stations[i].id, id))
            continue;
        while (k < after->station_count && str_equal(after->stations[k].id, id))
            k++;
        assert_true(k < after->station_count);
        assert_string_equal(after->stations[k].fingerprint, before->stations[i].fingerprint);
        k++;
    }
}

static size_t end_of(const struct yaml_node *node)
{
    size_t end = node->at.end;
    for (const struct yaml_node *n = node->children; n; n = n->next)
        end = end_of(n) > end ? end_of(n) : end;
    return end;
}

/* Of the station in the text: from its first value to its last; in brackets from the end of the one before. */
static struct yaml_span place_of(const char *text, const char *id, bool *ret_flow)
{
    struct problems problems;
    AUTO(yaml) *y = NULL;
    problems_init(&problems);
    assert_int_equal(yaml_parse("gateway.yaml", text, strlen(text), &problems, &y), 0);
    const struct yaml_node *n = yaml_get(y->root, "stations")->children;
    while (!str_equal(yaml_get(n, "id")->text, id))
        n = n->next;
    problems_done(&problems);
    *ret_flow = n->parent->flow;
    size_t before = n->parent->at.begin;
    for (const struct yaml_node *other = n->parent->children; other != n; other = other->next)
        before = end_of(other);
    if (*ret_flow)
        return (struct yaml_span){ before, end_of(n) };
    return (struct yaml_span){ n->at.begin, end_of(n) };
}

/* Those from `begin` to `end` are in the result. */
static void check_comments(const char *begin, const char *end, const char *result)
{
    for (const char *at = begin; (at = strchr(at, '#')) && at < end; at++) {
        AUTO_FREE char *comment = strndup(at, strcspn(at, ",\n"));
        assert_non_null(strstr(result, comment));
    }
}

/* What is not at the place of the change is the same to the byte. */
static void check_bytes(enum act act, const char *text, char *result, const char *id)
{
    bool flow = false;
    struct yaml_span place = { 0 };
    if (act == REPLACE || act == REMOVE)
        place = place_of(text, id, &flow);
    char *none = flow ? NULL : strstr(result, "stations: []"); /* the last one went */
    if (act == REMOVE && none)
        memmove(none + 9, none + 12, strlen(none + 12) + 1);
    size_t len = strlen(text), new_len = strlen(result), same = 0, same_end = 0;
    while (same < len && same < new_len && text[same] == result[same])
        same++;
    while (same_end < len && same_end < new_len && text[len - 1 - same_end] == result[new_len - 1 - same_end])
        same_end++;
    if (act == ADD || act == BUS) { /* nothing is lost */
        assert_true(same + same_end >= len);
        return;
    }
    if (act == REMOVE && !flow) {
        do /* back to the line with its dash */
            place.begin--;
        while (place.begin > 0 &&
               (text[place.begin - 1] != '\n' || text[place.begin + strspn(text + place.begin, " ")] != '-'));
        while (place.begin > 0 && strchr(" \r\n", text[place.begin - 1])) /* with what is before that */
            place.begin--;
    }
    size_t end = place.end; /* a comma, comments behind, a line end */
    while (text[end] && (text[end] != '\n' || strchr(" \r\n#", text[end + 1])))
        end++;
    end += text[end] == '\n';
    if (act == REPLACE && !flow)
        check_comments(text + place.end, text + end, result);
    place.end = end;
    if (same < place.begin || same_end < len - place.end)
        (void)fprintf(stderr, "---- %d %s, %zu < %zu or %zu < %zu\n%s---- to\n%s", (int)act, id, same,
                      place.begin, same_end, len - place.end, text, result);
    assert_true(same >= place.begin);
    assert_true(same_end >= len - place.end);
}

static json_t *some_entry(struct pen *p, const char *id)
{
    json_t *entry = json_pack("{s:s, s:s, s:[{s:s, s:s, s:i}]}", "id", id, "csms", "a", "chargers", "profile",
                              "demo-modbus-ac22", "tcp", "10.1.0.1", "unit", (int)chance(p, 100) + 1);
    if (chance(p, 2))
        json_object_set_new(entry, "vendor", json_string(chance(p, 2) ? "A: b # c" : "Acme"));
    if (chance(p, 2))
        json_object_set_new(entry, "variables", json_pack("{s:i}", "OCPPCommCtrlr.HeartbeatInterval", 5));
    if (chance(p, 2))
        json_array_append_new(json_object_get(entry, "chargers"),
                              json_pack("{s:s, s:s}", "profile", "demo-modbus-ac22", "tcp", "10.1.0.2"));
    return entry;
}

static void change_it(struct pen *p, const char *text, int stations)
{
    enum act act = (enum act)chance(p, 4);
    char id[16];
    AUTO_FREE char *result = NULL;
    (void)snprintf(id, sizeof(id), act == BUS ? "bus%d" : "CS-%d",
                   act == ADD ? stations + 1 : 1 + (int)chance(p, (uint32_t)stations));
    AUTO(json_t) *entry = act == BUS
                              ? json_pack("{s:s, s:{s:i}}", "serial", "/dev/ttyS7", "line", "baud", 9600)
                          : act == REMOVE ? NULL
                                          : some_entry(p, id);
    int r = edit(act, text, id, entry, &result);
    if (r < 0)
        print_error("%d: %s\n%s", (int)act, id, text);
    assert_int_equal(r, 0);
    AUTO(config) *before = parse(text);
    AUTO(config) *after = parse(result);
    assert_non_null(before);
    assert_non_null(after);
    check_others(before, after, id);
    int step = act == ADD ? 1 : act == REMOVE ? -1 : 0;
    assert_int_equal((int)after->station_count, (int)before->station_count + step);
    assert_true((station_of(after, id) != NULL) == (act == ADD || act == REPLACE));
    check_bytes(act, text, result, id);
}

static void whatever_the_style_all_else_stays(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        struct pen p = { .seed = seed * 7919 };
        buf_init(&p.text, 1 << 16);
        int stations = 1 + (int)chance(&p, 4);
        write_document(&p, stations);
        assert_int_equal(p.text.err, 0);
        change_it(&p, buf_string(&p.text), stations);
        buf_done(&p.text);
    }
}

/* Many changes, each on what came out of the one before. */
static void changes_can_follow_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct pen p = { .seed = seed };
        buf_init(&p.text, 1 << 16);
        write_document(&p, 3);
        AUTO_FREE char *text = buf_steal(&p.text);
        for (int i = 0; i < 20; i++) {
            char id[16];
            AUTO_FREE char *result = NULL;
            (void)snprintf(id, sizeof(id), "CS-%d", 1 + (int)chance(&p, 6));
            AUTO(json_t) *entry = some_entry(&p, id);
            int r = edit(REPLACE, text, id, entry, &result);
            if (r == 0 && chance(&p, 2)) {
                free(STEAL(result));
                r = edit(REMOVE, text, id, NULL, &result);
            } else if (r == -ENOENT) {
                r = edit(ADD, text, NULL, entry, &result);
            }
            if (r < 0)
                print_error("%s\n%s", id, text);
            assert_int_equal(r, 0);
            free(text);
            text = STEAL(result);
        }
        buf_done(&p.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_station_is_added_as_its_neighbours_are_written),
        cmocka_unit_test(what_is_missing_is_made),
        cmocka_unit_test(what_is_replaced_keeps_its_comments),
        cmocka_unit_test(what_is_removed_takes_its_own_comments_along),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(what_to_do_by_hand_is_told),
        cmocka_unit_test(any_text_comes_back_as_it_was),
        cmocka_unit_test(numbers_come_back_as_they_were),
        cmocka_unit_test(passwords_are_hidden_and_kept),
        cmocka_unit_test(whatever_the_style_all_else_stays),
        cmocka_unit_test(changes_can_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
