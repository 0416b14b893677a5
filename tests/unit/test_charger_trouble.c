/* A charger in trouble: what fails, comes late, gets lost or meets something else on its way. */
#include "support/charger_bench.h"

#define HEAD "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\n"
#define EVSE                                                                                                 \
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"                                     \
    "    signals: { state: [ { charging: state == 3 }, { connected: otherwise } ] }\n"

/* Answers the oldest request for this point, read or write. */
static void answer(struct bench *b, const char *point, int err)
{
    for (size_t i = 0; i < b->request_count; i++) {
        struct request r = b->requests[i];
        if (strcmp(r.point->name, point) != 0)
            continue;
        memmove(b->requests + i, b->requests + i + 1, (--b->request_count - i) * sizeof(r));
        r.callback(r.ctx, err);
        return;
    }
    fail_msg("nothing was asked of %s", point);
}

static bool is_asked(const struct bench *b, const char *point)
{
    for (size_t i = 0; i < b->request_count; i++)
        if (strcmp(b->requests[i].point->name, point) == 0)
            return true;
    return false;
}

/* A charge that runs at 16 A. */
static void charging(struct bench *b)
{
    ac22(b);
    set(b, "max_current", 32);
    command(b, EVSE_LIMIT, 16, 1);
    command(b, EVSE_START, 0, 2);
    set(b, "cp_state", 7);
    answer_all(b);
    pass(b, 0);
    answer_all(b);
    forget(b);
}

/* ---- a limit is not lost, and never rounded up ---- */

static void a_limit_that_could_not_be_brought_back_after_a_loss_is_tried_again(void **state)
{
    struct bench *b = *state;
    charging(b);
    online(b, false);
    online(b, true);
    answer(b, "watchdog", 0);
    answer(b, "max_current", 0); /* read: persistent */
    forget(b);
    answer(b, "max_current", -ERR_NO_ANSWER);
    expect(b, ""); /* nobody is to be told, no start without the limit */
    pass(b, 5000);
    answer(b, "alive", 0);
    answer(b, "max_current", 0); /* read */
    expect(b, "write alive 0001\nwrite max_current 00A0\n");
    answer(b, "max_current", 0);
    expect(b, "write enable 01\n");
    assert_true(charger_limit_A(b->charger, 1) == 16);
}

/* The limit is part of the state here, as it is of a device that knows no other start and stop. */
static void a_write_that_was_never_sent_casts_no_doubt_on_its_point(void **state)
{
    struct bench *b = *state;
    use(b,
        HEAD "points:\n"
             "  state: { at: input 1, type: u16 }\n"
             "  limit: { at: holding 2, type: u16, unit: A, access: rw }\n"
             "evses:\n"
             "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
             "    signals: { state: [ { charging: state == 3 and limit >= 6 }, { connected: otherwise } ] }\n"
             "    commands: { limit: { set: { limit: limit_A }, below_min: zero } }\n");
    online(b, true);
    set(b, "state", 3);
    set(b, "limit", 16);
    batch(b);
    command(b, EVSE_LIMIT, 10, 1);
    command(b, EVSE_LIMIT, 8, 2);
    pass(b, 0);
    forget(b);
    answer(b, "limit", -ERR_SUPERSEDED);
    expect(b, "write limit 0008\n");
    answer(b, "limit", -ERR_NO_ANSWER); /* this one may have arrived */
    assert_non_null(strstr(buf_string(&b->said), "1 is unknown\n"));
}

static void a_pause_that_could_not_be_brought_back_after_a_loss_is_tried_again(void **state)
{
    struct bench *b = *state;
    charging(b);
    command(b, EVSE_LIMIT, 0, 3);
    set(b, "cp_state", 6);
    answer_all(b);
    online(b, false);
    online(b, true);
    answer(b, "watchdog", 0);
    forget(b);
    for (int i = 0; i < 3; i++) {
        answer(b, "enable", -ERR_NO_ANSWER);
        forget(b);
        pass(b, 5000 << i);
        assert_non_null(strstr(buf_string(&b->said), "write enable 00\n"));
    }
}

static void a_limit_that_waits_for_the_setup_is_the_one_that_is_told(void **state)
{
    struct bench *b = *state;
    ac22(b);
    online(b, false);
    online(b, true);
    command(b, EVSE_LIMIT, 10, 1);
    pass(b, 0);
    forget(b);
    answer_all(b); /* the setup; what the setting holds */
    answer_all(b);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 limit 1: done\n"));
}

static void the_installation_is_not_overloaded_though_nobody_asked_for_a_limit(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("demo-modbus-ac22");
    use(b, text);
    charger_set_max_current(b->charger, 1, 16);
    online(b, true);
    set(b, "max_current", 32);
    command(b, EVSE_START, 0, 1);
    forget(b);
    answer_one(b, 0); /* the setup */
    expect(b, "write max_current 00A0\n");
    answer(b, "max_current", 0);
    expect(b, "write enable 01\n");
    command(b, EVSE_LIMIT, 32, 2); /* more than it bears */
    answer_all(b);
    pass(b, 0);
    assert_true(charger_limit_A(b->charger, 1) == 16);
    assert_null(strstr(buf_string(&b->said), "max_current"));
}

#define ALIVE                                                                                                \
    HEAD "points:\n  state: { at: input 0, type: u16 }\n  enable: { at: coil 0, access: w }\n"               \
         "  limit: { at: holding 10, type: u16, unit: A, access: w }\n"                                      \
         "  watt: { at: holding 11, type: u16, scale: 1000, unit: W, access: w }\n"                          \
         "evses:\n" EVSE "    commands:\n      start: { set: { watt: limit_W, enable: 1 } }\n"               \
         "      stop: { set: { enable: 0 } }\n"                                                              \
         "      limit: { set: { limit: limit_A }, min: 6, step: 1 }\n"

static void a_keepalive_does_not_write_the_old_limit_over_the_new_one(void **state)
{
    struct bench *b = *state;
    use(b, ALIVE "keepalive: { set: { limit: limit_A }, every: 10s }\n");
    online(b, true);
    command(b, EVSE_LIMIT, 16, 1);
    answer_all(b);
    pass(b, 0);
    answer_all(b);
    pass(b, 9999);
    forget(b);
    command(b, EVSE_LIMIT, 10, 2);
    expect(b, "write limit 000A\n");
    pass(b, 1000);
    expect(b, "");
    answer_all(b);
    pass(b, 10000);
    expect(b, "1 limit 2: done\nwrite limit 000A\n");
}

static void a_limit_is_rounded_down_in_every_command(void **state)
{
    struct bench *b = *state;
    use(b, ALIVE "keepalive: { set: { watt: limit_W }, every: 10s }\n");
    online(b, true);
    command(b, EVSE_LIMIT, 10, 1); /* 6,900 W */
    answer_all(b);
    pass(b, 10000);
    answer_all(b);
    expect(b, "1 is unknown\nwrite limit 000A\n1 limit 1: done\nwrite watt 0006\n");
    command(b, EVSE_START, 0, 2);
    expect(b, "write watt 0006\n");
}

static void a_start_may_have_all_there_is_where_no_limit_was_asked_for(void **state)
{
    struct bench *b = *state;
    use(b, ALIVE);
    online(b, true);
    forget(b);
    command(b, EVSE_START, 0, 1);
    expect(b, "write watt 0016\n"); /* 22 of 22.08 kW */
}

#define TWO                                                                                                  \
    HEAD "evses:\n  - count: 2\n    address_offset: 100\n    points:\n"                                      \
         "      state: { at: input 0, type: u16 }\n      enable: { at: coil 0, access: w }\n"                \
         "      limit: { at: holding 10, type: u16, unit: A, access: w }\n"                                  \
         "      energy: { at: input 20, type: u32, unit: Wh }\n"                                             \
         "    connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"                                \
         "    signals: { state: [ { charging: state == 3 }, { connected: otherwise } ], "                    \
         "energy_import: energy }\n"                                                                         \
         "    commands: { start: { set: { enable: 1 } }, stop: { set: { enable: 0 } }, "                     \
         "limit: { set: { limit: limit_A } } }\n"                                                            \
         "    keepalive: { set: { limit: limit_A }, every: 10s }\n"

static void each_evse_is_reminded_of_its_own_limit(void **state)
{
    struct bench *b = *state;
    use(b, TWO);
    online(b, true);
    command(b, EVSE_LIMIT, 16, 1);
    charger_command(b->charger, 2, &(struct evse_command){ .kind = EVSE_LIMIT, .limit_A = 6, .ticket = 2 });
    answer_all(b);
    pass(b, 0);
    answer_all(b);
    forget(b);
    pass(b, 10000);
    expect(b, "write 1.limit 0010\n");
    answer_one(b, -ERR_NO_ANSWER); /* the one keeps the other from nothing */
    expect(b, "write 2.limit 0006\n");
}

static void a_limit_is_not_written_on_a_scale_that_is_not_known(void **state)
{
    struct bench *b = *state;
    use(b, HEAD "points:\n  state: { at: input 0, type: u16 }\n"
                "  limit: { at: holding 10, type: u16, unit: A, scale: exponent, access: rw }\n"
                "  exponent: { at: holding 11, type: i16, every: 1h }\n"
                "evses:\n" EVSE "    commands:\n      limit: { set: { limit: limit_A }, below_min: zero }\n");
    online(b, true);
    forget(b);
    command(b, EVSE_LIMIT, 16, 1);
    expect(b, "");
    answer_one(b, -ERR_NO_ANSWER);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 limit 1: "));
    forget(b);
    command(b, EVSE_LIMIT, 16, 2);
    set(b, "exponent", -2);
    answer(b, "exponent", 0);
    expect(b, "write limit 0640\n");
}

static void a_scale_that_is_known_again_brings_its_values_back(void **state)
{
    struct bench *b = *state;
    use(b, HEAD "points:\n  state: { at: input 0, type: u16 }\n"
                "  power: { at: holding 10, type: u16, unit: W, scale: exponent, every: 1h }\n"
                "  exponent: { at: holding 11, type: i16, every: 1h }\n"
                "evses:\n" EVSE);
    for (int i = 0; i < 2; i++) { /* new, and after a loss */
        online(b, true);
        charger_device_events.on_value(b->charger, profile_point(b->profile, "power"),
                                       (const uint8_t[]){ 0, 5 }, 2);
        set(b, "exponent", 0);
        assert_true(is_asked(b, "power"));
        set(b, "power", 5);
        answer_all(b);
        assert_int_equal(charger_value(b->charger, profile_point(b->profile, "power"))->quality,
                         QUALITY_GOOD);
        online(b, false);
    }
}

/* ---- an effect is one that was seen ---- */

static void a_reading_that_failed_proves_no_effect(void **state)
{
    struct bench *b = *state;
    charging(b);
    command(b, EVSE_STOP, 0, 1);
    answer(b, "enable", 0);
    set(b, "cp_state", 2); /* a poll that came before the read */
    forget(b);
    answer(b, "cp_state", -ERR_NO_ANSWER);
    pass(b, 0);
    expect(b, "");
    pass(b, 600); /* asked again */
    answer(b, "cp_state", 0);
    answer_all(b);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 stop 1: done\n"));
}

static void a_full_queue_proves_no_effect(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 2);
    batch(b);
    forget(b);
    command(b, EVSE_STOP, 0, 1);
    b->is_full = true;
    answer_all(b);
    pass(b, 9000);
    assert_null(strstr(buf_string(&b->said), "stop 1"));
    b->is_full = false;
    pass(b, 500);
    set(b, "cp_state", 2);
    answer_all(b);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 stop 1: done\n"));
}

/* ---- setup and keepalive ---- */

static void a_failed_step_of_the_setup_keeps_no_other_from_being_done(void **state)
{
    struct bench *b = *state;
    use(b,
        HEAD "points:\n  state: { at: input 0, type: u16 }\n"
             "  text: { at: holding 1, type: string, words: 2, access: w }\n"
             "  a: { at: holding 3, type: u16, access: w }\n  b: { at: holding 4, type: u16, access: rw }\n"
             "setup: [ { set: { text: \"ab\" } }, { set: { a: 1 } }, { until: b == 1, within: 1s }, "
             "{ set: { b: 2 } } ]\nevses:\n" EVSE);
    b->is_full = true; /* the text cannot be written */
    online(b, true);
    b->is_full = false;
    online(b, false);
    online(b, true);
    forget(b);
    answer_one(b, -ERR_NO_ANSWER);
    expect(b, "write a 0001\n");
    answer_one(b, 0);
    answer_all(b);
    pass(b, 1000); /* b never is 1 */
    expect(b, "write b 0002\n");
    answer_all(b);
    forget(b);
    pass(b, 60000); /* again: a step got no answer */
    expect(b, "write text 61620000\n");
}

static void a_text_that_cannot_be_queued_spoils_no_other_step(void **state)
{
    struct bench *b = *state;
    use(b, HEAD "points:\n  state: { at: input 0, type: u16 }\n"
                "  short: { at: holding 1, type: string, words: 1, access: w }\n"
                "  long: { at: holding 3, type: string, words: 2 }\n"
                "  b: { at: holding 8, type: u16, access: w }\n"
                "  c: { at: holding 9, type: u16, access: rw }\n"
                "setup: [ { until: c == 1, within: 1s }, { set: { short: long, b: 2 } } ]\nevses:\n" EVSE);
    online(b, true);
    set_text(b, "long", "abcd");
    set(b, "c", 1);
    forget(b);
    answer_all(b);
    expect(b, "write b 0002\n");
}

static void a_keepalive_that_failed_is_tried_again_in_time(void **state)
{
    struct bench *b = *state;
    ac22(b);
    pass(b, 30000);
    expect(b, "1 is unknown\nwrite alive 0001\n");
    answer(b, "alive", -ERR_NO_ANSWER);
    pass(b, 7500);
    expect(b, "write alive 0001\n");
    answer(b, "alive", -ERR_DEVICE_EXCEPTION); /* it does not know it: no reason for haste */
    pass(b, 29000);
    expect(b, "");
    pass(b, 1000);
    expect(b, "write alive 0001\n");
}

static void the_keepalive_comes_at_its_interval_however_long_an_answer_takes(void **state)
{
    struct bench *b = *state;
    ac22(b);
    pass(b, 30000);
    for (int i = 0; i < 3; i++) {
        pass(b, 20000);
        answer_all(b);
        forget(b);
        pass(b, 10000);
        expect(b, "write alive 0001\n");
    }
}

static void the_keepalive_goes_on_while_a_command_hangs(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_RESET, 0, 1); /* its write is never answered */
    forget(b);
    for (int i = 0; i < 3; i++) {
        pass(b, 30000);
        assert_non_null(strstr(buf_string(&b->said), "write alive 0001\n"));
        answer(b, "alive", 0);
        forget(b);
    }
}

static void a_reset_is_over_when_the_device_that_went_away_is_back(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_RESET, 0, 1);
    online(b, false);
    answer_one(b, -ERR_NO_ANSWER);
    pass(b, 60000);
    expect(b, "write reset 5A5A\n1 is unknown offline\n");
    online(b, true);
    answer_all(b);
    pass(b, 60000); /* it answers, but its state was not read */
    assert_null(strstr(buf_string(&b->said), "reset 1"));
    forget(b);
    set(b, "flags", 0);
    set(b, "cp_state", 1);
    answer_all(b);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 is available"));
    assert_non_null(strstr(buf_string(&b->said), "1 reset 1: done\n"));
}

/* Else what it said before it left would be taken for its state, and what it forgot for what it does. */
static void a_reset_that_was_not_noticed_is_over_when_the_state_was_read_anew(void **state)
{
    struct bench *b = *state;
    charging(b);
    set(b, "flags", 0);
    command(b, EVSE_RESET, 0, 3);
    answer(b, "reset", 0);
    set(b, "cp_state", 1); /* still the old one who speaks */
    answer_all(b);
    pass(b, 2999);
    assert_null(strstr(buf_string(&b->said), "reset 3"));
    forget(b);
    pass(b, 1);
    assert_true(is_asked(b, "cp_state"));
    answer(b, "watchdog", 0); /* the setup; the limit it keeps */
    expect(b, "write watchdog 003C\nwrite enable 01\n");
    answer(b, "cp_state", -ERR_NO_ANSWER); /* that late */
    answer_all(b);
    set(b, "cp_state", 1);
    set(b, "flags", 0);
    pass(b, 2999);
    assert_null(strstr(buf_string(&b->said), "reset 3"));
    pass(b, 1);
    assert_true(is_asked(b, "cp_state"));
    assert_null(strstr(buf_string(&b->said), "unknown")); /* another EVSE may share the points */
    answer_all(b);
    answer_all(b);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 reset 3: done\n"));
}

static void a_device_that_refuses_was_not_reset(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_RESET, 0, 2);
    answer(b, "reset", -ERR_NO_ANSWER); /* back before it was missed */
    command(b, EVSE_RESET, 0, 3);
    answer(b, "reset", -ERR_DEVICE_EXCEPTION);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 reset 3: refused\n"));
}

/* ---- the meter and a change of state ---- */

static void a_change_that_follows_a_stop_waits_for_its_reading_too(void **state)
{
    struct bench *b = *state;
    charging(b);
    command(b, EVSE_STOP, 0, 3);
    answer(b, "enable", 0);
    set(b, "cp_state", 6);
    answer(b, "cp_state", 0); /* the effect is seen: the register is asked for */
    forget(b);
    batch_without_meter(b);
    pass(b, 100);
    expect(b, "");
    set(b, "energy", 4321);
    answer_meter(b);
    pass(b, 0);
    expect(b, "1 is suspended_evse\n1 stop 3: done\n");
    assert_true(b->signals.value[MEASURE_ENERGY_IMPORT] == 4321);
}

static void a_newer_start_is_not_told_before_the_stop_it_follows(void **state)
{
    struct bench *b = *state;
    charging(b);
    command(b, EVSE_STOP, 0, 3);
    answer(b, "enable", 0);
    set(b, "cp_state", 6);
    answer(b, "cp_state", 0);
    command(b, EVSE_START, 0, 4);
    pass(b, 0);
    forget(b);
    answer(b, "enable", 0);
    set(b, "cp_state", 7);
    answer_all(b);
    pass(b, 0);
    assert_null(strstr(buf_string(&b->said), "stop 3"));
    assert_non_null(strstr(buf_string(&b->said), "1 start 4: done\n"));
}

static void a_device_lost_while_the_meter_is_awaited_ends_the_waiting(void **state)
{
    struct bench *b = *state;
    charging(b);
    command(b, EVSE_STOP, 0, 3);
    answer(b, "enable", 0);
    set(b, "cp_state", 6);
    answer(b, "cp_state", 0);
    batch_without_meter(b);
    online(b, false);
    while (b->request_count)
        answer_one(b, -ERR_LINK_DOWN);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 is unknown offline\n"));
    assert_non_null(strstr(buf_string(&b->said), "1 stop 3: done\n"));
    online(b, true);
    forget(b);
    answer_all(b);
    set(b, "cp_state", 1);
    set(b, "flags", 0);
    batch_without_meter(b);
    assert_non_null(strstr(buf_string(&b->said), "write enable 00\n"));
    answer_all(b);
    assert_int_equal(b->signals.state, EVSE_AVAILABLE);
}

static void a_device_that_is_replaced_while_the_meter_is_awaited_ends_the_waiting(void **state)
{
    struct bench *b = *state;
    charging(b);
    command(b, EVSE_STOP, 0, 3);
    answer(b, "enable", 0);
    set(b, "cp_state", 6);
    answer(b, "cp_state", 0);
    batch_without_meter(b);
    forget(b);
    b->request_count = 0; /* its answers will not come */
    charger_set_device(b->charger, (struct device *)(void *)b, &ops);
    pass(b, 0);
    expect(b, "1 is unknown offline\n1 stop 3: done\n");
    online(b, true);
    answer_all(b);
    set(b, "cp_state", 1);
    set(b, "flags", 0);
    batch(b);
    assert_int_equal(b->signals.state, EVSE_AVAILABLE);
}

static void each_evse_waits_for_its_own_meter(void **state)
{
    struct bench *b = *state;
    use(b, TWO);
    online(b, true);
    answer_all(b);
    set(b, "1.state", 1);
    set(b, "2.state", 1);
    batch(b);
    answer_all(b);
    pass(b, 0);
    forget(b);
    set(b, "1.state", 3);
    set(b, "2.state", 3);
    batch_without_meter(b);
    expect(b, "");
    answer(b, "2.energy", 0);
    assert_int_equal(charger_signals(b->charger, 1)->state, EVSE_CONNECTED);
    assert_int_equal(charger_signals(b->charger, 2)->state, EVSE_CHARGING);
    pass(b, SETTLE_MAX_MS);
    assert_int_equal(charger_signals(b->charger, 1)->state, EVSE_CHARGING);
}

/* ---- cards ---- */

static void a_card_that_was_told_before_a_loss_is_acknowledged_after_it_and_not_told_again(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set_text(b, "tag", "04A2B3C4");
    batch(b);
    online(b, false);
    answer_one(b, -ERR_LINK_DOWN);
    pass(b, 0);
    online(b, true);
    answer(b, "watchdog", 0);
    set_text(b, "tag", "04A2B3C4");
    forget(b);
    batch(b);
    assert_true(is_asked(b, "tag"));
    assert_null(strstr(buf_string(&b->said), "token"));
    answer(b, "tag", 0);
    set_text(b, "tag", "");
    batch(b);
    answer_all(b);
    forget(b);
    set_text(b, "tag", "04A2B3C4");
    batch(b);
    assert_non_null(strstr(buf_string(&b->said), "1 token 04A2B3C4 ISO14443\n"));
}

static void an_acknowledgement_without_an_answer_is_repeated(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set_text(b, "tag", "04A2B3C4");
    batch(b);
    answer(b, "tag", -ERR_NO_ANSWER);
    assert_false(is_asked(b, "tag"));
    pass(b, 5000);
    assert_true(is_asked(b, "tag"));
}

static const struct CMUnitTest trouble[] = {
    TEST(a_limit_that_could_not_be_brought_back_after_a_loss_is_tried_again),
    TEST(a_write_that_was_never_sent_casts_no_doubt_on_its_point),
    TEST(a_pause_that_could_not_be_brought_back_after_a_loss_is_tried_again),
    TEST(a_limit_that_waits_for_the_setup_is_the_one_that_is_told),
    TEST(the_installation_is_not_overloaded_though_nobody_asked_for_a_limit),
    TEST(a_keepalive_does_not_write_the_old_limit_over_the_new_one),
    TEST(a_limit_is_rounded_down_in_every_command),
    TEST(a_start_may_have_all_there_is_where_no_limit_was_asked_for),
    TEST(each_evse_is_reminded_of_its_own_limit),
    TEST(a_limit_is_not_written_on_a_scale_that_is_not_known),
    TEST(a_scale_that_is_known_again_brings_its_values_back),
    TEST(a_reading_that_failed_proves_no_effect),
    TEST(a_full_queue_proves_no_effect),
    TEST(a_failed_step_of_the_setup_keeps_no_other_from_being_done),
    TEST(a_text_that_cannot_be_queued_spoils_no_other_step),
    TEST(a_keepalive_that_failed_is_tried_again_in_time),
    TEST(the_keepalive_comes_at_its_interval_however_long_an_answer_takes),
    TEST(the_keepalive_goes_on_while_a_command_hangs),
    TEST(a_reset_is_over_when_the_device_that_went_away_is_back),
    TEST(a_reset_that_was_not_noticed_is_over_when_the_state_was_read_anew),
    TEST(a_device_that_refuses_was_not_reset),
    TEST(a_change_that_follows_a_stop_waits_for_its_reading_too),
    TEST(a_newer_start_is_not_told_before_the_stop_it_follows),
    TEST(a_device_lost_while_the_meter_is_awaited_ends_the_waiting),
    TEST(a_device_that_is_replaced_while_the_meter_is_awaited_ends_the_waiting),
    TEST(each_evse_waits_for_its_own_meter),
    TEST(a_card_that_was_told_before_a_loss_is_acknowledged_after_it_and_not_told_again),
    TEST(an_acknowledgement_without_an_answer_is_repeated),
};

int main(void)
{
    return cmocka_run_group_tests(trouble, NULL, NULL);
}
