/* Points of OCPP 1.6 chargers in a profile: what they mean, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "charger/ocpp16_point.h"
#include "charger/profile.h"

#define HEAD "profile: p\nvendor: V\nmodels: [M]\nprotocol: ocpp16\n"
#define EVSE                                                                                                 \
    "evses:\n  - connectors: [ { type: sType2, max_current: 32 } ]\n"                                        \
    "    signals: { state: [ { charging: status == \"Charging\" }, { available: otherwise } ] }\n"
#define POINTS(rest) HEAD "points:\n  status: { at: status }\n" rest EVSE

static struct profile *parse(const char *text, struct problems *problems)
{
    struct profile *profile = NULL;
    int r = profile_parse("p.yaml", text, strlen(text), NULL, problems, &profile);
    assert_int_equal(r == 0, profile != NULL);
    return profile;
}

static void each_address_means_what_it_says(void **state)
{
    static const struct {
        const char *at, *printed, *unit;
        enum point_access access;
        bool is_text;
    } rows[] = {
        { "status", "status connector 1", "", ACCESS_R, true },
        { "status connector 0", "status connector 0", "", ACCESS_R, true },
        { "plugged connector 3", "plugged connector 3", "", ACCESS_R, false },
        { "measurand SoC", "measurand SoC connector 1", "%", ACCESS_R, false },
        { "measurand Voltage phase L2", "measurand Voltage phase L2 connector 1", "V", ACCESS_R, false },
        { "measurand  Temperature  connector 2 location Body",
          "measurand Temperature location Body connector 2", "Celsius", ACCESS_R, false },
        { "measurand Energy.Active.Import.Register", "measurand Energy.Active.Import.Register connector 1",
          "Wh", ACCESS_R, false },
        { "limit", "limit connector 1", "A", ACCESS_W, false },
        { "reset Soft", "reset Soft", "", ACCESS_W, false },
        { "configuration HeartbeatInterval", "configuration HeartbeatInterval", "", ACCESS_RW, true },
        { "data com.acme", "data com.acme", "", ACCESS_RW, true },
        { "data com.acme price", "data com.acme price", "", ACCESS_RW, true },
        { "model", "model", "", ACCESS_R, true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[1000], printed[120];
        struct problems problems;
        problems_init(&problems);
        (void)snprintf(text, sizeof(text), HEAD "points:\n  status: { at: status }\n  p: { at: %s }\n" EVSE,
                       rows[i].at);
        AUTO(profile) *profile = parse(text, &problems);
        if (!profile)
            fail_msg("%s", problems.list[0].text);
        const struct point *p = profile_point(profile, "p");
        point_print_at(profile, p, printed, sizeof(printed));
        assert_string_equal(printed, rows[i].printed);
        assert_string_equal(p->unit, rows[i].unit);
        assert_int_equal(p->access, rows[i].access);
        assert_int_equal(p->type == POINT_STRING, rows[i].is_text);
        problems_done(&problems);
    }
}

static void repeated_evses_have_the_next_connector(void **state)
{
    struct problems problems;
    (void)state;
    problems_init(&problems);
    AUTO(profile) *profile = parse(
        HEAD "evses:\n  - connectors: [ { type: sType2, max_current: 32 } ]\n    count: 3\n"
             "    points: { status: { at: status }, whole: { at: status connector 0 } }\n"
             "    signals: { state: [ { charging: status == \"Charging\" }, { available: otherwise } ] }\n",
        &problems);
    assert_non_null(profile);
    assert_int_equal(profile_point(profile, "1.status")->at.ocpp16.connector, 1);
    assert_int_equal(profile_point(profile, "3.status")->at.ocpp16.connector, 3);
    assert_int_equal(profile_point(profile, "3.whole")->at.ocpp16.connector, 0);
    problems_done(&problems);
}

static void each_mistake_is_told(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        { POINTS("  p: { at: state }\n"), "did you mean status?" },
        { POINTS("  p: { at: holding 5 }\n"), "expected such as status" },
        { POINTS("  p: { at: measurand }\n"), "measurand needs a name behind it" },
        { POINTS("  p: { at: measurand Power }\n"), "is no measurand of OCPP 1.6" },
        { POINTS("  p: { at: measurand Voltage phase L4 }\n"), "expected phase (L1, " },
        { POINTS("  p: { at: status phase L1 }\n"), "expected a connector (0 to 64) at most behind status" },
        { POINTS("  p: { at: status connector 65 }\n"),
          "expected a connector (0 to 64) at most behind status" },
        { POINTS("  p: { at: model connector 1 }\n"), "expected nothing behind model" },
        { POINTS("  p: { at: reset Warm }\n"), "expected reset Soft or reset Hard" },
        { POINTS("  p: { at: configuration aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeff }\n"),
          "is longer than 51" },
        { POINTS("  p: { at: status, type: u16 }\n"), "follows from what the point is" },
        { POINTS("  p: { at: status, every: 1s }\n"), "tells by itself" },
        { POINTS("  p: { at: status, access: w }\n"), "can only be read" },
        { POINTS("  p: { at: remote_start, access: r }\n"), "can only be written" },
        { POINTS("  p: { at: status, words: 2 }\n"), "has no meaning for OCPP" },
        { POINTS("  p: { at: measurand Voltage, unit: A }\n"), "is in V" },
        { POINTS("  p: { at: measurand Voltage, word_order: little }\n"), "has but one order of bytes" },
        { HEAD "modbus: { unit: 1 }\n" EVSE, "does not belong to protocol: ocpp16" },
        { HEAD "ocpp16: { timeout: 5min }\n" EVSE, "ocpp16.timeout" },
        { HEAD "ocpp16: { time_out: 5s }\n" EVSE, "unknown key" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct problems problems;
        problems_init(&problems);
        profile_free(parse(rows[i].text, &problems));
        bool found = false;
        for (size_t n = 0; n < problems.count; n++)
            found = found || strstr(problems.list[n].text, rows[i].problem);
        if (!found)
            fail_msg("row %zu: %s", i, problems.count ? problems.list[0].text : "no problem");
        problems_done(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_means_what_it_says),
        cmocka_unit_test(repeated_evses_have_the_next_connector),
        cmocka_unit_test(each_mistake_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
