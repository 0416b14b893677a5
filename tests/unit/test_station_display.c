/* Messages of the CSMS on the displays (block O): which are taken, which are shown when, and what is told of them. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "station/internal.h"
#include "tests/support/session.h"

#define MESSAGE(id, priority, more, text)                                                                    \
    "{'message': {'id': " id ", 'priority': '" priority "'" more ", 'message': {'format': 'UTF8', "          \
    "'content': '" text "'}}}"
#define IN_LANGUAGE(id, language, text)                                                                      \
    "{'message': {'id': " id                                                                                 \
    ", 'priority': 'NormalCycle', 'message': {'format': 'UTF8', 'language': '" language                      \
    "', 'content': '" text "'}}}"
#define STATE(state) ", 'state': '" state "'"
#define ACCEPTED     "{'status': 'Accepted'}"

static struct bench *bench_with(size_t evse_count, void (*change)(struct bench_options *options),
                                const char *const *presets)
{
    struct bench_options options = { .evse_count = evse_count, .abilities = bench_abilities() };
    options.abilities.display = options.abilities.display_utf8 = options.abilities.can_fault = true;
    options.abilities.display_length = 40;
    if (change)
        change(&options);
    struct bench *b = session_bench_unbooted(&options, presets);
    bench_boot(b);
    return b;
}

static const char *const usual[] = { "SampledDataCtrlr.TxUpdatedInterval=0", "AlignedDataCtrlr.Interval=0",
                                     NULL };

static int setup(void **state)
{
    *state = bench_with(1, NULL, usual);
    return 0;
}

static void set(struct bench *b, const char *payload)
{
    bench_call(b, "SetDisplayMessage", payload, ACCEPTED);
}

static void expect_known(struct bench *b, int id, bool is_known)
{
    char ask[64];
    snprintf(ask, sizeof(ask), "{'requestId': 1, 'id': [%d]}", id);
    bench_call(b, "GetDisplayMessages", ask, is_known ? ACCEPTED : "{'status': 'Unknown'}");
    if (is_known)
        bench_expect_later(b, "NotifyDisplayMessages", "{'requestId': 1}");
}

static void
a_message_is_shown_and_is_gone_when_it_is_cleared(void **state) /* O01.FR.12, O05.FR.01, O05.FR.02 */
{
    struct bench *b = *state;
    bench_call(b, "ClearDisplayMessage", "{'id': 5}", "{'status': 'Unknown'}");
    set(b, MESSAGE("5", "NormalCycle", "", "Welcome"));
    bench_expect_shown(b, 1, "Welcome");
    assert_int_equal(b->shown_priority[0], DISPLAY_NORMAL_CYCLE);
    bench_call(b, "ClearDisplayMessage", "{'id': 5}", ACCEPTED);
    bench_expect_shown(b, 1, "");
    assert_int_equal(b->shown_priority[0], DISPLAY_NOTHING);
    expect_known(b, 5, false);
    bench_call(b, "ClearDisplayMessage", "{'id': 5}", "{'status': 'Unknown'}");
    assert_null(bench_record(b, "display_message", "5"));
}

/* ---- what is taken ---- */

static void cannot_fault(struct bench_options *options)
{
    options->abilities.can_fault = false;
}

static void only_ascii(struct bench_options *options)
{
    options->abilities.display_utf8 = false;
}

static const char *const no_always_front[] = { "DisplayMessageCtrlr.SupportedPriorities=InFront,NormalCycle",
                                               NULL };

static const struct {
    const char *payload, *expected;
    void (*change)(struct bench_options *options);
    const char *const *presets;
} refused[] = {
    /* O01.FR.01, O02.FR.03 */
    { MESSAGE("1", "AlwaysFront", "", "x"), "{'status': 'NotSupportedPriority'}", NULL, no_always_front },
    { MESSAGE("1", "AlwaysFront", ", 'transactionId': 'no'", "x"), "{'status': 'NotSupportedPriority'}", NULL,
      no_always_front },
    /* O01.FR.02, O02.FR.04 */
    { MESSAGE("1", "InFront", STATE("Faulted"), "x"), "{'status': 'NotSupportedState'}", cannot_fault,
      usual },
    /* O01.FR.03, O02.FR.05 */
    { "{'message': {'id': 1, 'priority': 'InFront', 'message': {'format': 'HTML', 'content': 'x'}}}",
      "{'status': 'NotSupportedMessageFormat'}", NULL, usual },
    { "{'message': {'id': 1, 'priority': 'InFront', 'message': {'format': 'URI', 'content': 'x'}}}",
      "{'status': 'NotSupportedMessageFormat'}", NULL, usual },
    { MESSAGE("1", "InFront", "", "x"), "{'status': 'NotSupportedMessageFormat'}", only_ascii, usual },
    { "{'message': {'id': 1, 'priority': 'InFront', 'message': {'format': 'ASCII', 'content': 'caf\u00e9'}}}",
      "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidValue'}}", NULL, usual },
    /* O01.FR.22 */
    { MESSAGE("1", "InFront", ", 'display': {'name': 'Display', 'evse': {'id': 2}}", "x"),
      "{'status': 'Rejected'}", NULL, usual },
    { MESSAGE("1", "InFront", ", 'display': {'name': 'Display'}", "x"), "{'status': 'Rejected'}", NULL,
      usual },
    { MESSAGE("1", "InFront", ", 'display': {'name': 'Connector', 'evse': {'id': 1}}", "x"),
      "{'status': 'Rejected'}", NULL, usual },
    { MESSAGE("-1", "InFront", "", "x"), "{'status': 'Rejected'}", NULL, usual },
    { MESSAGE("1", "InFront", ", 'endDateTime': '2026-01-30T00:00:00Z'", "x"), "{'status': 'Rejected'}", NULL,
      usual },
    { MESSAGE("1", "InFront", ", 'transactionId': 'no'", "x"), "{'status': 'UnknownTransaction'}", NULL,
      usual }, /* O02.FR.01 */
};

static void
what_cannot_be_shown_is_refused(void **state) /* O01.FR.01, .02, .03, .22, O02.FR.01, .03, .04, .05 */
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct bench *b = bench_with(1, refused[i].change, refused[i].presets);
        bench_call(b, "SetDisplayMessage", refused[i].payload, refused[i].expected);
        expect_known(b, 1, false);
        bench_expect_shown(b, 1, "");
        bench_free(b);
    }
}

static void no_display(struct bench_options *options)
{
    options->abilities.display = false;
}

static void without_a_display_or_switched_off_nothing_is_offered(void **state)
{
    (void)state;
    struct bench *b = bench_with(1, no_display, usual);
    bench_call_error(b, "SetDisplayMessage", MESSAGE("1", "InFront", "", "x"), "NotSupported");
    bench_call_error(b, "GetDisplayMessages", "{'requestId': 1}", "NotSupported");
    bench_call_error(b, "ClearDisplayMessage", "{'id': 1}", "NotSupported");
    bench_call_error(b, "CostUpdated", "{'totalCost': 1, 'transactionId': 'x'}", "NotSupported");
    bench_free(b);

    b = bench_with(1, NULL, usual);
    set(b, MESSAGE("1", "InFront", "", "Hello"));
    session_set(b, "DisplayMessageCtrlr", "Enabled", "false");
    bench_expect_shown(b, 1, "");
    bench_call_error(b, "SetDisplayMessage", MESSAGE("1", "InFront", "", "x"), "NotSupported");
    session_set(b, "DisplayMessageCtrlr", "Enabled", "true");
    bench_expect_shown(b, 1, "Hello");
    bench_free(b);
}

static void as_many_as_the_limit_says_are_taken(void **state) /* O01.FR.11, O02.FR.11 */
{
    struct bench *b = *state;
    char payload[200];
    for (int i = 1; i <= 50; i++) {
        snprintf(
            payload, sizeof(payload),
            "{'message': {'id': %d, 'priority': 'InFront', 'message': {'format': 'UTF8', 'content': 'x'}}}",
            i);
        set(b, payload);
    }
    bench_call(b, "SetDisplayMessage", MESSAGE("51", "InFront", "", "x"), "{'status': 'Rejected'}");
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'DisplayMessageCtrlr'}, 'variable': {'name': "
               "'DisplayMessages'}}]}",
               "{'getVariableResult': [{'attributeValue': '50'}]}");
    set(b, MESSAGE("50", "InFront", "", "another")); /* it replaces one */
    bench_call(b, "ClearDisplayMessage", "{'id': 7}", ACCEPTED);
    set(b, MESSAGE("51", "InFront", "", "x"));
}

static void a_message_with_the_same_id_replaces_the_old_one(void **state) /* O06.FR.01 */
{
    struct bench *b = *state;
    set(b, MESSAGE("1", "AlwaysFront", STATE("Idle"), "old"));
    set(b, MESSAGE("1", "NormalCycle", "", "new"));
    bench_expect_shown(b, 1, "new");
    bench_call(b, "GetDisplayMessages", "{'requestId': 3}", ACCEPTED);
    const json_t *sent = bench_expect(b, "NotifyDisplayMessages", "{'requestId': 3, 'tbc': null}");
    const json_t *info = json_array_get(json_object_get(sent, "messageInfo"), 0);
    assert_int_equal(json_array_size(json_object_get(sent, "messageInfo")), 1);
    assert_string_equal(json_get_string(info, "priority", ""), "NormalCycle");
    assert_null(json_object_get(info, "state"));
}

static void a_store_that_refuses_leaves_all_as_it_was(void **state)
{
    struct bench *b = *state;
    set(b, MESSAGE("1", "AlwaysFront", "", "first"));
    b->store_refuses = true;
    bench_call(b, "SetDisplayMessage", MESSAGE("2", "AlwaysFront", "", "second"), "{'status': 'Rejected'}");
    bench_call_error(b, "ClearDisplayMessage", "{'id': 1}", "InternalError");
    bench_expect_shown(b, 1, "first");
    b->store_refuses = false;
    set(b, MESSAGE("2", "AlwaysFront", "", "second"));
    bench_expect_shown(b, 1, "second");
}

/* ---- what is shown when ---- */

static void messages_of_one_priority_take_turns(void **state) /* O01.FR.12, O01.FR.14 */
{
    static const char *const priorities[] = { "NormalCycle", "InFront" };
    for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
        struct bench *b = bench_with(1, NULL, usual);
        (void)state;
        set(b, i ? MESSAGE("1", "InFront", "", "one") : MESSAGE("1", "NormalCycle", "", "one"));
        set(b, i ? MESSAGE("2", "InFront", "", "two") : MESSAGE("2", "NormalCycle", "", "two"));
        bench_expect_shown(b, 1, "two"); /* what is new comes at once */
        bench_advance(b, DISPLAY_PAGE_MS);
        bench_expect_shown(b, 1, "one");
        bench_advance(b, DISPLAY_PAGE_MS);
        bench_expect_shown(b, 1, "two");
        bench_free(b);
    }
}

static void a_message_in_front_hides_the_normal_cycle(void **state) /* O01.FR.13 */
{
    struct bench *b = *state;
    set(b, MESSAGE("1", "NormalCycle", "", "one"));
    set(b, MESSAGE("2", "InFront", "", "two"));
    set(b, MESSAGE("3", "NormalCycle", "", "three"));
    for (int i = 0; i < 4; i++) {
        bench_expect_shown(b, 1, "two");
        bench_advance(b, DISPLAY_PAGE_MS);
    }
    bench_call(b, "ClearDisplayMessage", "{'id': 2}", ACCEPTED);
    assert_string_not_equal(b->shown[0], "two");
}

static void only_the_last_message_always_in_front_is_there(void **state) /* O01.FR.15, O01.FR.16 */
{
    struct bench *b = *state;
    set(b, MESSAGE("1", "InFront", "", "one"));
    set(b, MESSAGE("2", "AlwaysFront", "", "two"));
    bench_expect_shown(b, 1, "two");
    set(b, MESSAGE("3", "AlwaysFront", "", "three"));
    for (int i = 0; i < 3; i++) {
        bench_expect_shown(b, 1, "three");
        bench_advance(b, DISPLAY_PAGE_MS);
    }
    expect_known(b, 2, false);
    expect_known(b, 1, true);
    bench_restart(b);
    bench_expect_shown(b, 1, "three");
    expect_known(b, 2, false);
}

static void a_message_is_shown_from_its_start_to_its_end(void **state) /* O01.FR.06, O01.FR.07 */
{
    struct bench *b = *state;
    set(b,
        MESSAGE("1", "InFront",
                ", 'startDateTime': '2026-01-31T12:10:00Z', 'endDateTime': '2026-01-31T12:20:00Z'", "lunch"));
    int64_t start_ms = BENCH_WALL_MS + 600000, end_ms = BENCH_WALL_MS + 1200000;
    bench_expect_shown(b, 1, "");
    bench_advance(b, start_ms - station_wall_ms(b->station) - 1);
    bench_expect_shown(b, 1, "");
    expect_known(b, 1, true);
    bench_advance(b, 1);
    bench_expect_shown(b, 1, "lunch");
    bench_advance(b, end_ms - station_wall_ms(b->station) - 1);
    bench_expect_shown(b, 1, "lunch");
    bench_advance(b, 1);
    bench_expect_shown(b, 1, "");
    assert_null(bench_record(b, "display_message", "1"));
    expect_known(b, 1, false);
}

static void a_message_is_shown_in_its_state(void **state)
{
    struct bench *b = *state;
    set(b, MESSAGE("1", "NormalCycle", STATE("Idle"), "idle"));
    set(b, MESSAGE("2", "NormalCycle", STATE("Charging"), "charging"));
    set(b, MESSAGE("3", "NormalCycle", STATE("Faulted"), "faulted"));
    set(b, MESSAGE("4", "NormalCycle", STATE("Unavailable"), "unavailable"));
    bench_expect_shown(b, 1, "idle");
    free(session_charging(b, 1000));
    bench_expect_shown(b, 1, "charging");
    bench_state(b, 1, EVSE_SUSPENDED_EV);
    bench_expect_shown(b, 1, "idle");
    bench_state(b, 1, EVSE_FAULTED);
    bench_expect_shown(b, 1, "faulted");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_settle(b);
    bench_expect_shown(b, 1, "idle");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Inoperative'}", ACCEPTED);
    bench_expect_shown(b, 1, "unavailable");
    bench_call(b, "ChangeAvailability", "{'operationalStatus': 'Operative'}", ACCEPTED);
    bench_expect_shown(b, 1, "idle");
}

static void
a_message_of_a_transaction_goes_with_it(void **state) /* O02.FR.02, O02.FR.14, .15, .16, .17, .18 */
{
    struct bench *b = *state;
    char payload[300];
    AUTO_FREE char *id = session_charging(b, 1000);
    static const struct {
        int id;
        const char *priority, *text, *then, *later;
    } rows[] = {
        { 1, "NormalCycle", "one", "one", "one" },    { 2, "InFront", "two", "two", "two" },
        { 3, "InFront", "three", "three", "two" },    { 4, "AlwaysFront", "four", "four", "four" },
        { 5, "AlwaysFront", "five", "five", "five" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        snprintf(payload, sizeof(payload),
                 "{'message': {'id': %d, 'priority': '%s', 'transactionId': '%s', 'message': {'format': "
                 "'ASCII', 'content': '%s'}}}",
                 rows[i].id, rows[i].priority, id, rows[i].text);
        set(b, payload);
        bench_expect_shown(b, 1, rows[i].then);
        bench_advance(b, DISPLAY_PAGE_MS);
        bench_expect_shown(b, 1, rows[i].later);
    }
    expect_known(b, 4, false);
    bench_restart(b); /* O02.FR.10 */
    bench_state(b, 1, EVSE_CHARGING);
    bench_expect_shown(b, 1, "five");
    bench_state(b, 1, EVSE_AVAILABLE);
    bench_settle(b);
    bench_expect_shown(b, 1, "");
    for (int i = 1; i <= 5; i++)
        expect_known(b, i, false);
    assert_null(bench_record(b, "display_message", "1"));
}

static void a_message_of_a_transaction_has_its_time_too(void **state) /* O02.FR.06, O02.FR.07 */
{
    struct bench *b = *state;
    char payload[400];
    AUTO_FREE char *id = session_charging(b, 1000);
    char from[TIMESTAMP_SIZE], until[TIMESTAMP_SIZE];
    timestamp_format(station_wall_ms(b->station) + 30000, from);
    timestamp_format(station_wall_ms(b->station) + 60000, until);
    snprintf(payload, sizeof(payload),
             "{'message': {'id': 1, 'priority': 'InFront', 'transactionId': '%s', 'startDateTime': '%s', "
             "'endDateTime': '%s', 'message': {'format': 'ASCII', 'content': 'now'}}}",
             id, from, until);
    set(b, payload);
    bench_advance(b, 29000);
    bench_expect_shown(b, 1, "");
    bench_advance(b, 1001);
    bench_expect_shown(b, 1, "now");
    bench_advance(b, 30000);
    bench_expect_shown(b, 1, "");
    expect_known(b, 1, false);
}

/* O01.FR.08, .09, .17, O02.FR.08, .09, .12, C01.FR.08, .09, .13 */
static void the_driver_reads_his_language(void **state)
{
    struct bench *b = *state;
    set(b, IN_LANGUAGE("1", "en-US", "Hello"));
    set(b, IN_LANGUAGE("2", "de", "Hallo"));
    set(b, IN_LANGUAGE("3", "fr", "Bonjour"));
    static const struct {
        const char *answer, *shown;
    } rows[] = {
        { "{'idTokenInfo': {'status': 'Accepted', 'language1': 'de-AT', 'language2': 'fr'}}", "Hallo" },
        { "{'idTokenInfo': {'status': 'Accepted', 'language1': 'nl', 'language2': 'fr'}}", "Bonjour" },
        { "{'idTokenInfo': {'status': 'Accepted', 'language1': 'nl'}}", "Hello" },
        { "{'idTokenInfo': {'status': 'Accepted', 'language1': 'EN'}}", "Hello" },
    };
    session_set(b, "AuthCacheCtrlr", "Enabled", "false");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bench_answer(b, "Authorize", rows[i].answer);
        bench_token(b, 1, CARD, "ISO14443");
        for (int page = 0; page < 4; page++) {
            bench_expect_shown(b, 1, rows[i].shown);
            bench_advance(b, DISPLAY_PAGE_MS);
        }
        bench_token(b, 1, CARD, "ISO14443"); /* the session is over */
        bench_settle(b);
        bench_advance(b, 4 * DISPLAY_PAGE_MS);
    }
    int before = b->shows;
    bench_advance(b, 3 * DISPLAY_PAGE_MS); /* nobody's language is known: all of them */
    assert_int_equal(b->shows - before, 3);
}

static void messages_survive_a_power_cut(void **state) /* O01.FR.10, O02.FR.10 */
{
    struct bench *b = *state;
    set(b, MESSAGE("7", "InFront", STATE("Idle") ", 'customData': {'vendorId': 'x'}", "Willkommen"));
    bench_restart(b);
    bench_expect_shown(b, 1, "Willkommen");
    bench_call(b, "GetDisplayMessages", "{'requestId': 9, 'id': [7]}", ACCEPTED);
    bench_expect_later(
        b, "NotifyDisplayMessages",
        "{'requestId': 9, 'messageInfo': [{'id': 7, 'state': 'Idle', 'customData': {'vendorId': "
        "'x'}, 'message': {'content': 'Willkommen', 'format': 'UTF8'}}]}");
}

static void a_message_is_for_every_display_or_for_one(void **state) /* O01.FR.20, O01.FR.23 */
{
    (void)state;
    struct bench *b = bench_with(2, NULL, usual);
    set(b, MESSAGE("1", "NormalCycle", "", "all"));
    set(b, MESSAGE("2", "InFront", ", 'display': {'name': 'Display', 'evse': {'id': 2}}", "two"));
    bench_expect_shown(b, 1, "all");
    bench_expect_shown(b, 2, "two");
    set(b, MESSAGE("3", "AlwaysFront", ", 'display': {'name': 'Display', 'evse': {'id': 1}}", "one"));
    set(b, MESSAGE("4", "AlwaysFront", ", 'display': {'name': 'Display', 'evse': {'id': 2}}", "other"));
    bench_expect_shown(b, 1, "one"); /* each is in front of its display */
    bench_expect_shown(b, 2, "other");
    bench_free(b);
}

static void each_display_is_in_the_inventory(void **state) /* O01.FR.21 */
{
    (void)state;
    struct bench *b = bench_with(2, NULL, usual);
    AUTO(json_t) *items = station_inventory(b->station);
    size_t index, found = 0;
    json_t *item;
    json_array_foreach(items, index, item) found +=
        str_equal(json_get_string(json_object_get(item, "component"), "name", ""), "Display") &&
        str_equal(json_get_string(json_object_get(item, "variable"), "name", ""), "Available");
    assert_int_equal(found, 2);
    bench_free(b);
}

/* ---- pages ---- */

static void narrow(struct bench_options *options)
{
    options->abilities.display_length = 10;
}

static void a_long_text_is_shown_page_by_page(void **state)
{
    (void)state;
    static const char *const pages[] = { "Tank up", "here: 0,39", "EUR per", "kWh;", "Donaudampf", "schiff" };
    struct bench *b = bench_with(1, narrow, usual);
    set(b, MESSAGE("1", "AlwaysFront", "", "Tank up  here: 0,39 EUR per kWh; Donaudampfschiff"));
    for (size_t i = 0; i < 2 * ARRAY_SIZE(pages); i++) {
        bench_expect_shown(b, 1, pages[i % ARRAY_SIZE(pages)]);
        bench_advance(b, DISPLAY_PAGE_MS);
    }
    bench_free(b);
}

static void bytes(struct bench_options *options)
{
    options->abilities.display_length = 5;
    options->abilities.display_in_bytes = true;
}

static void what_the_display_lacks_is_replaced(void **state)
{
    (void)state;
    struct bench *b = bench_with(1, NULL, usual);
    set(b, MESSAGE("1", "InFront", "", "a\\nb \U0001F600"));
    bench_expect_shown(b, 1, "a b ?");
    set(b, MESSAGE("1", "InFront", "",
                   "a\xC2\x9B"
                   "1mb\\u0007")); /* a terminal's command */
    bench_expect_shown(b, 1, "a 1mb");
    bench_free(b);
    b = bench_with(1, bytes, usual);
    set(b, MESSAGE("1", "InFront", "", "\u00e9\u00e9\u00e9"));
    bench_expect_shown(b, 1, "\u00e9\u00e9");
    bench_advance(b, DISPLAY_PAGE_MS);
    bench_expect_shown(b, 1, "\u00e9");
    bench_free(b);
}

static void lamp(struct bench_options *options)
{
    options->abilities.display_length = 0;
}

static void a_lamp_shows_the_priority_alone(void **state)
{
    (void)state;
    struct bench *b = bench_with(1, lamp, usual);
    set(b, MESSAGE("1", "InFront", "", "x"));
    bench_expect_shown(b, 1, "");
    assert_int_equal(b->shown_priority[0], DISPLAY_IN_FRONT);
    bench_call_error(b, "CostUpdated", "{'totalCost': 1, 'transactionId': 'x'}", "NotSupported");
    bench_free(b);
}

/* ---- what is told ---- */

static void what_is_asked_for_is_told(void **state) /* O03.FR.01, .02, .06, O04.FR.01, .02, .03, .07 */
{
    struct bench *b = *state;
    static const struct {
        const char *criteria;
        size_t count;
    } rows[] = {
        { "", 3 },
        { ", 'id': [1, 3, 9]", 2 },
        { ", 'id': [9]", 0 },
        { ", 'priority': 'InFront'", 2 },
        { ", 'priority': 'AlwaysFront'", 0 },
        { ", 'state': 'Idle'", 1 },
        { ", 'state': 'Charging'", 0 },
        { ", 'id': [1], 'state': 'Idle'", 0 },
        { ", 'id': [2], 'priority': 'NormalCycle'", 0 },
        { ", 'id': [2], 'priority': 'InFront', 'state': 'Idle'", 1 },
    };
    bench_call(b, "GetDisplayMessages", "{'requestId': 4}", "{'status': 'Unknown'}");
    bench_call(b, "GetDisplayMessages", "{'requestId': 4, 'id': [1]}", "{'status': 'Unknown'}");
    set(b, MESSAGE("1", "InFront", "", "one"));
    set(b, MESSAGE("2", "InFront", STATE("Idle"), "two"));
    set(b, MESSAGE("3", "NormalCycle", "", "three"));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char ask[100];
        snprintf(ask, sizeof(ask), "{'requestId': 4%s}", rows[i].criteria);
        bench_call(b, "GetDisplayMessages", ask, rows[i].count ? ACCEPTED : "{'status': 'Unknown'}");
        if (rows[i].count) {
            const json_t *sent = bench_expect(b, "NotifyDisplayMessages", "{'requestId': 4, 'tbc': null}");
            assert_int_equal(json_array_size(json_object_get(sent, "messageInfo")), rows[i].count);
        }
        bench_expect_nothing(b);
    }
}

static void small_messages(struct bench_options *options)
{
    options->max_message = 2048;
}

/* Of one request; what comes between them is nothing. */
static void expect_parts(struct bench *b, int request_id, size_t messages)
{
    char expected[64];
    size_t told = 0, parts = 0;
    snprintf(expected, sizeof(expected), "{'requestId': %d}", request_id);
    for (bool more = true; more; parts++) {
        const json_t *sent = bench_expect(b, "NotifyDisplayMessages", expected);
        told += json_array_size(json_object_get(sent, "messageInfo"));
        more = json_get_bool(sent, "tbc", false);
        assert_true(told < messages || !more);
    }
    assert_int_equal(told, messages);
    assert_true(parts > 1);
}

/* O03.FR.03, O03.FR.04, O03.FR.05, O04.FR.04, O04.FR.05, O04.FR.06 */
static void many_messages_come_in_parts(void **state)
{
    (void)state;
    struct bench *b = bench_with(1, small_messages, usual);
    char payload[600];
    for (int i = 1; i <= 10; i++) {
        snprintf(payload, sizeof(payload),
                 "{'message': {'id': %d, 'priority': 'InFront', 'message': {'format': 'UTF8', 'content': "
                 "'%0400d'}}}",
                 i, i);
        set(b, payload);
    }
    bench_call(b, "GetDisplayMessages", "{'requestId': 11}", ACCEPTED);
    expect_parts(b, 11, 10);
    bench_call(b, "GetDisplayMessages", "{'requestId': 12, 'priority': 'InFront'}", ACCEPTED);
    expect_parts(b, 12, 10);
    bench_expect_nothing(b);
    bench_free(b);
}

static void reports_wait_for_each_other_and_go_with_the_link(void **state)
{
    struct bench *b = *state;
    set(b, MESSAGE("1", "InFront", "", "one"));
    bench_answer(b, "NotifyDisplayMessages", BENCH_SILENCE);
    for (int i = 0; i < DISPLAY_REPORTS_MAX; i++)
        bench_call(b, "GetDisplayMessages", "{'requestId': 1}", ACCEPTED);
    bench_call_error(b, "GetDisplayMessages", "{'requestId': 1}", "GenericError");
    assert_int_equal(bench_count(b, "NotifyDisplayMessages"), 1);
    bench_link_lost(b);
    bench_answer(b, "NotifyDisplayMessages", "");
    bench_link_back(b);
    bench_forget(b);
    expect_known(b, 1, true);
    bench_expect_nothing(b);
}

static void more_ids_than_there_can_be_messages_are_an_error(void **state)
{
    struct bench *b = *state;
    char ask[1000] = "{'requestId': 1, 'id': [0";
    for (int i = 1; i <= 50; i++)
        snprintf(ask + strlen(ask), sizeof(ask) - strlen(ask), ", %d", i);
    snprintf(ask + strlen(ask), sizeof(ask) - strlen(ask), "]}");
    bench_call_error(b, "GetDisplayMessages", ask, "OccurrenceConstraintViolation");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_is_shown_and_is_gone_when_it_is_cleared),
        cmocka_unit_test(what_cannot_be_shown_is_refused),
        cmocka_unit_test(without_a_display_or_switched_off_nothing_is_offered),
        T(as_many_as_the_limit_says_are_taken),
        T(a_message_with_the_same_id_replaces_the_old_one),
        T(a_store_that_refuses_leaves_all_as_it_was),
        cmocka_unit_test(messages_of_one_priority_take_turns),
        T(a_message_in_front_hides_the_normal_cycle),
        T(only_the_last_message_always_in_front_is_there),
        T(a_message_is_shown_from_its_start_to_its_end),
        T(a_message_is_shown_in_its_state),
        T(a_message_of_a_transaction_goes_with_it),
        T(a_message_of_a_transaction_has_its_time_too),
        T(the_driver_reads_his_language),
        T(messages_survive_a_power_cut),
        cmocka_unit_test(a_message_is_for_every_display_or_for_one),
        cmocka_unit_test(each_display_is_in_the_inventory),
        cmocka_unit_test(a_long_text_is_shown_page_by_page),
        cmocka_unit_test(what_the_display_lacks_is_replaced),
        cmocka_unit_test(a_lamp_shows_the_priority_alone),
        T(what_is_asked_for_is_told),
        cmocka_unit_test(many_messages_come_in_parts),
        T(reports_wait_for_each_other_and_go_with_the_link),
        T(more_ids_than_there_can_be_messages_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
