/* A charger in virtual time against a device that answers when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "charger/charger_internal.h"
#include "charger/value.h"

#define MAX_REQUESTS 64

struct request {
    const struct point *point;
    bool is_write;
    device_done callback;
    void *ctx;
};

struct bench {
    struct timers timers;
    struct env env;
    int64_t now_ms;
    struct profile *profile;
    struct charger *charger;
    struct buf said;                       /* what happened, a line each, since the last look */
    struct request requests[MAX_REQUESTS]; /* with the device, oldest first */
    size_t request_count;
    struct evse_signals signals;
};

/* ---- the device ---- */

static int device_write(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                        device_done callback, void *ctx)
{
    struct bench *b = (struct bench *)(void *)device;
    char hex[2 * POINT_MAX_RAW + 1] = "";
    hex_encode(raw, len, hex, sizeof(hex));
    buf_printf(&b->said, "write %s %s\n", point->name, hex);
    assert_true(b->request_count < MAX_REQUESTS);
    b->requests[b->request_count++] = (struct request){ point, true, callback, ctx };
    return 0;
}

static int device_read(struct device *device, const struct point *point, device_done callback, void *ctx)
{
    struct bench *b = (struct bench *)(void *)device;
    assert_true(b->request_count < MAX_REQUESTS);
    b->requests[b->request_count++] = (struct request){ point, false, callback, ctx };
    return 0;
}

static const struct device_ops ops = { .write = device_write, .read = device_read };

/* The device has this value now. */
static void set(struct bench *b, const char *name, double number)
{
    const struct point *p = profile_point(b->profile, name);
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    assert_non_null(p);
    assert_int_equal(value_encode_number(p, 0, number, ROUND_NEAREST, raw, &len), 0);
    charger_device_events.on_value(b->charger, p, raw, len);
}

static void set_text(struct bench *b, const char *name, const char *text)
{
    const struct point *p = profile_point(b->profile, name);
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    assert_non_null(p);
    assert_int_equal(value_encode_text(p, text, raw, &len), 0);
    charger_device_events.on_value(b->charger, p, raw, len);
}

/* Answers the reads of the energy register, whatever else waits. */
static void answer_meter(struct bench *b)
{
    for (size_t i = 0; i < b->request_count;) {
        struct request r = b->requests[i];
        if (r.is_write || strcmp(r.point->unit, "Wh") != 0) {
            i++;
            continue;
        }
        memmove(b->requests + i, b->requests + i + 1, (--b->request_count - i) * sizeof(r));
        r.callback(r.ctx, 0);
    }
}

/* A batch of values ends; a change of state waits for the meter. */
static void batch_without_meter(struct bench *b)
{
    charger_device_events.on_batch(b->charger);
}

static void batch(struct bench *b)
{
    batch_without_meter(b);
    answer_meter(b);
}

/* The device answers the oldest request. */
static void answer_one(struct bench *b, int err)
{
    assert_true(b->request_count > 0);
    struct request r = b->requests[0];
    memmove(b->requests, b->requests + 1, --b->request_count * sizeof(r));
    r.callback(r.ctx, err);
}

static void answer_all(struct bench *b)
{
    while (b->request_count)
        answer_one(b, 0);
}

/* It comes online without a word of who it is. */
static void online_as_stranger(struct bench *b)
{
    charger_device_events.on_online(b->charger, true, 0);
}

static void online(struct bench *b, bool is)
{
    const struct identify *id = &b->profile->identify;
    charger_device_events.on_online(b->charger, is, is ? 0 : -ERR_NO_ANSWER);
    if (!is || !id->point)
        return;
    assert_ptr_equal(b->requests[b->request_count - 1].point, id->point);
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    assert_int_equal(id->is_text ? value_encode_text(id->point, id->text, raw, &len)
                                 : value_encode_number(id->point, 0, id->number, ROUND_NEAREST, raw, &len),
                     0);
    charger_device_events.on_value(b->charger, id->point, raw, len);
    struct request r = b->requests[--b->request_count];
    r.callback(r.ctx, 0);
}

/* ---- the station ---- */

static void on_signals(void *ctx, int evse, const struct evse_signals *signals)
{
    struct bench *b = ctx;
    const struct evse_signals *before = &b->signals;
    bool same = before->state == signals->state && before->online == signals->online &&
                before->locked == signals->locked && str_equal(before->fault, signals->fault);
    b->signals = *signals;
    if (same)
        return; /* measures only */
    buf_printf(&b->said, "%d is %s%s%s%s%s\n", evse, evse_state_names[signals->state],
               signals->online ? "" : " offline", signals->locked ? " locked" : "",
               *signals->fault ? " fault " : "", signals->fault);
}

static void on_id_token(void *ctx, int evse, const struct id_token *token)
{
    struct bench *b = ctx;
    buf_printf(&b->said, "%d token %s %s\n", evse, token->value, token->type);
}

static void on_command_done(void *ctx, int evse, const struct evse_command *command, int err)
{
    struct bench *b = ctx;
    buf_printf(&b->said, "%d %s %u: %s\n", evse, evse_command_names[command->kind], command->ticket,
               err ? err_text(err) : "done");
}

static const struct charger_events events = { .on_signals = on_signals,
                                              .on_id_token = on_id_token,
                                              .on_command_done = on_command_done };

static void command(struct bench *b, enum evse_command_kind kind, double limit_A, uint32_t ticket)
{
    charger_command(b->charger, 1,
                    &(struct evse_command){ .kind = kind, .limit_A = limit_A, .ticket = ticket });
}

/* ---- the bench ---- */

static int64_t now_ms(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static void pass(struct bench *b, int64_t ms)
{
    int64_t end = b->now_ms + ms, next = 0;
    while ((next = timers_next_ms(&b->timers)) >= 0 && next <= end) {
        b->now_ms = next > b->now_ms ? next : b->now_ms;
        timers_run(&b->timers, b->now_ms);
    }
    b->now_ms = end;
}

static void expect(struct bench *b, const char *said)
{
    assert_string_equal(buf_string(&b->said), said);
    buf_clear(&b->said);
}

static void forget(struct bench *b)
{
    buf_clear(&b->said);
}

static char *read_profile(const char *name)
{
    char path[512], chunk[4096];
    struct buf text;
    size_t n = 0;
    (void)snprintf(path, sizeof(path), SOURCE_DIR "/profiles/%s.yaml", name);
    FILE *f = fopen(path, "rbe");
    assert_non_null(f);
    buf_init(&text, 1 << 20);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_append(&text, chunk, n);
    (void)fclose(f);
    return buf_steal(&text);
}

static void use(struct bench *b, const char *text)
{
    struct problems problems;
    problems_init(&problems);
    int r = profile_parse("test", text, strlen(text), NULL, &problems, &b->profile);
    for (size_t i = 0; i < problems.count; i++)
        print_message("%s\n", problems.list[i].text);
    problems_done(&problems);
    assert_int_equal(r, 0);
    b->charger = charger_new(&b->env, b->profile, &events, b);
    assert_non_null(b->charger);
    charger_set_device(b->charger, (struct device *)(void *)b, &ops);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    b->now_ms = 1000;
    b->env = (struct env){ .ctx = b, .now_ms = now_ms, .timers = &b->timers };
    timers_init(&b->timers);
    buf_init(&b->said, 1 << 16);
    *state = b;
    return 0;
}

static int clean_up(void **state)
{
    struct bench *b = *state;
    charger_free(b->charger);
    profile_free(b->profile);
    buf_done(&b->said);
    free(b);
    return 0;
}

/* The AC22 online and idle, its setup done and its keepalive on the way. */
static void ac22(struct bench *b)
{
    AUTO_FREE char *text = read_profile("demo-modbus-ac22");
    use(b, text);
    online(b, true);
    answer_all(b);
    set(b, "cp_state", 1);
    set(b, "flags", 0);
    set(b, "fault_code", 0);
    set(b, "power", 0);
    set(b, "energy", 1000);
    set(b, "enable", 0);
    set(b, "max_current", 32);
    set_text(b, "tag", "");
    batch(b);
    pass(b, 0);
    answer_all(b);
    forget(b);
}

/* ---- tests ---- */

static void a_device_that_comes_online_is_set_up_before_anything_else(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("demo-modbus-ac22");
    use(b, text);
    online(b, true);
    expect(b, "write watchdog 003C\n1 is unknown\n");
    command(b, EVSE_STOP, 0, 7);
    expect(b, "");
    answer_one(b, 0);
    expect(b, "write enable 00\n");
    pass(b, 0);
    expect(b, "write alive 0001\n");
}

static void signals_follow_the_points_and_only_changes_are_told(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 7);
    set(b, "power", 7360);
    set(b, "flags", 1);
    expect(b, "");
    batch(b);
    expect(b, "1 is charging locked\n");
    assert_true(b->signals.value[MEASURE_POWER_IMPORT] == 7360);
    assert_true(b->signals.value[MEASURE_ENERGY_IMPORT] == 1000);
    assert_false(evse_has(&b->signals, MEASURE_CURRENT_IMPORT_L1));
    set(b, "power", 7360);
    batch(b);
    expect(b, "");
    set(b, "fault_code", 12);
    set(b, "flags", 0x40);
    batch(b);
    expect(b, "1 is faulted fault 12\n");
}

static void a_marker_or_an_exception_gives_no_value_and_never_0(void **state)
{
    struct bench *b = *state;
    ac22(b);
    assert_true(evse_has(charger_signals(b->charger, 1), MEASURE_POWER_IMPORT));
    charger_device_events.on_value(b->charger, profile_point(b->profile, "power"),
                                   (const uint8_t[]){ 0x7F, 0xFF, 0xFF, 0xFF }, 4);
    batch(b);
    assert_false(evse_has(charger_signals(b->charger, 1), MEASURE_POWER_IMPORT));
    charger_device_events.on_no_value(b->charger, profile_point(b->profile, "flags"), -ERR_DEVICE_EXCEPTION);
    batch(b);
    assert_int_equal(b->signals.state, EVSE_UNKNOWN); /* it may be a fault */
    set(b, "cp_state", 9);
    batch(b);
    assert_int_equal(b->signals.state, EVSE_FAULTED); /* a fault it is, whatever the flags say */
}

static void another_model_than_the_profiles_is_left_alone(void **state)
{
    struct bench *b = *state;
    ac22(b);
    online(b, false);
    forget(b);
    command(b, EVSE_STOP, 0, 1);
    online_as_stranger(b);
    const struct point *id = b->profile->identify.point;
    charger_device_events.on_value(b->charger, id, (const uint8_t[]){ 0x01, 0x08 }, 2);
    answer_all(b);
    pass(b, 1000);
    assert_false(charger_signals(b->charger, 1)->online);
    assert_null(strstr(buf_string(&b->said), "write"));
    pass(b, 60000); /* it was exchanged */
    charger_device_events.on_value(b->charger, id, (const uint8_t[]){ 0x01, 0x07 }, 2);
    answer_one(b, 0);
    assert_true(charger_signals(b->charger, 1)->online);
    assert_non_null(strstr(buf_string(&b->said), "write"));
}

static void a_change_of_state_is_told_with_the_register_read_after_it(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 7);
    batch(b);
    forget(b);
    set(b, "cp_state", 1);
    batch_without_meter(b);
    expect(b, "");
    set(b, "energy", 5000);
    batch_without_meter(b);
    expect(b, "");
    answer_meter(b);
    expect(b, "1 is available\n");
    assert_true(b->signals.value[MEASURE_ENERGY_IMPORT] == 5000);
}

static void a_meter_that_does_not_answer_holds_a_change_up_for_two_seconds(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 7);
    batch_without_meter(b);
    pass(b, SETTLE_MAX_MS - 1);
    expect(b, "");
    pass(b, 1);
    expect(b, "1 is charging\n");
    set(b, "cp_state", 2); /* its late answer counts for nothing */
    batch(b);
    expect(b, "1 is connected\n");
}

static void a_stop_is_told_with_the_register_read_after_it(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 2);
    batch(b);
    forget(b);
    command(b, EVSE_STOP, 0, 1); /* before the signals told of any charging */
    answer_one(b, 0);
    set(b, "power", 0);
    pass(b, 0);
    forget(b);
    while (b->request_count && strcmp(b->requests[0].point->unit, "Wh") != 0)
        answer_one(b, 0);
    batch_without_meter(b);
    pass(b, 0);
    expect(b, "");
    set(b, "energy", 1234);
    answer_all(b);
    pass(b, 0);
    expect(b, "1 stop 1: done\n");
    assert_true(b->signals.value[MEASURE_ENERGY_IMPORT] == 1234);
}

static void values_that_are_not_renewed_grow_stale(void **state)
{
    struct bench *b = *state;
    ac22(b);
    for (int i = 0; i < 8; i++) {
        pass(b, 1000);
        set(b, "flags", 0);
        batch(b);
    }
    assert_int_equal(b->signals.state, EVSE_UNKNOWN);
    assert_int_equal(charger_value(b->charger, profile_point(b->profile, "cp_state"))->quality,
                     QUALITY_STALE);
    assert_int_equal(charger_value(b->charger, profile_point(b->profile, "flags"))->quality, QUALITY_GOOD);
    set(b, "cp_state", 1);
    batch(b);
    assert_int_equal(b->signals.state, EVSE_AVAILABLE);
}

static void a_start_is_done_when_its_effect_is_seen(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 2);
    batch(b);
    forget(b);
    command(b, EVSE_START, 0, 1);
    expect(b, "write enable 01\n");
    answer_one(b, 0);
    pass(b, 0);
    expect(b, "");
    set(b, "cp_state", 7); /* as if read before the write: does not count until asked for after it */
    batch(b);
    pass(b, 0);
    expect(b, "1 is charging\n");
    answer_all(b);
    pass(b, 0);
    expect(b, "1 start 1: done\n");
}

static void an_effect_that_is_not_seen_in_time_is_told(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 2);
    batch(b);
    forget(b);
    command(b, EVSE_START, 0, 1);
    for (int i = 0; i < 9; i++) {
        answer_all(b);
        pass(b, 1000);
    }
    forget(b);
    pass(b, 2000);
    expect(b, "1 start 1: accepted, but no effect was seen in time\n");
}

static void a_refused_start_is_undone(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_START, 0, 1);
    answer_one(b, -ERR_DEVICE_EXCEPTION);
    expect(b, "write enable 01\nwrite enable 00\n");
    pass(b, 0);
    expect(b, "1 start 1: refused\n");
}

static void a_stop_takes_the_place_of_a_start_that_is_on_its_way(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_START, 0, 1);
    command(b, EVSE_STOP, 0, 2);
    expect(b, "write enable 01\n");
    pass(b, 0);
    expect(b, "1 start 1: superseded by a newer request\n");
    answer_one(b, 0);
    expect(b, "write enable 00\n");
    answer_all(b);
    pass(b, 0);
    expect(b, "1 stop 2: done\n");
}

static void limits_are_rounded_down_and_never_above_what_was_asked(void **state)
{
    static const struct {
        double asked, set;
    } rows[] = { { 16, 16 }, { 15.99, 15.9 }, { 31.999, 31.9 }, { 40, 32 }, { 6, 6 }, { 6.05, 6 } };
    struct bench *b = *state;
    ac22(b);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        set(b, "max_current", 10);
        command(b, EVSE_LIMIT, rows[i].asked, 1);
        answer_all(b);
        pass(b, 0);
        assert_float_equal(charger_value(b->charger, profile_point(b->profile, "max_current"))->number,
                           rows[i].set, 1e-9);
        assert_float_equal(charger_limit_A(b->charger, 1), rows[i].set, 1e-9);
    }
}

static void a_persistent_setpoint_is_not_written_for_nothing(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "max_current", 16);
    command(b, EVSE_LIMIT, 16, 1);
    pass(b, 0);
    expect(b, "1 limit 1: done\n");
    command(b, EVSE_LIMIT, 10, 2);
    expect(b, "write max_current 0064\n");
    command(b, EVSE_LIMIT, 16, 3); /* the 10 A are on their way, so the device no longer has 16 A */
    answer_one(b, 0);
    expect(b, "write max_current 00A0\n");
    answer_one(b, 0);
    pass(b, 0);
    expect(b, "1 limit 2: superseded by a newer request\n1 limit 3: done\n");
}

static void a_limit_below_the_minimum_pauses_and_a_higher_one_resumes(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_START, 0, 1);
    set(b, "cp_state", 7);
    answer_all(b);
    pass(b, 0);
    forget(b);
    command(b, EVSE_LIMIT, 3, 2);
    expect(b, "write enable 00\n");
    set(b, "cp_state", 6);
    answer_all(b);
    pass(b, 0);
    expect(b, "1 is suspended_evse\n1 limit 2: done\n");
    assert_true(charger_limit_A(b->charger, 1) == 0);
    command(b, EVSE_LIMIT, 8, 3);
    expect(b, "write max_current 0050\n");
    answer_one(b, 0);
    expect(b, "write enable 01\n");
    pass(b, 0);
    expect(b, "1 limit 3: done\n");
}

static void a_limit_that_rises_before_the_pause_is_done_still_resumes(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_START, 0, 1);
    set(b, "cp_state", 7);
    answer_all(b);
    pass(b, 0);
    forget(b);
    command(b, EVSE_LIMIT, 0, 2);
    command(b, EVSE_LIMIT, 16, 3);
    expect(b, "write enable 00\nwrite max_current 00A0\n");
    answer_all(b);
    pass(b, 0);
    expect(b, "write enable 01\n1 limit 2: superseded by a newer request\n1 limit 3: done\n");
}

static void starting_below_the_minimum_waits_for_the_limit(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_LIMIT, 0, 1);
    answer_all(b);
    pass(b, 0);
    forget(b);
    command(b, EVSE_START, 0, 2);
    pass(b, 0);
    expect(b, "1 start 2: done\n");
    command(b, EVSE_LIMIT, 6, 3);
    answer_one(b, 0);
    expect(b, "write max_current 003C\nwrite enable 01\n");
}

static void a_start_without_the_limit_that_was_asked_does_not_happen(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_LIMIT, 10, 1);
    command(b, EVSE_START, 0, 2);
    expect(b, "write max_current 0064\n");
    answer_one(b, -ERR_DEVICE_EXCEPTION);
    pass(b, 0);
    expect(b, "1 limit 1: refused\n1 start 2: refused\n");
    command(b, EVSE_START, 0, 3); /* tries the limit again first */
    answer_one(b, 0);             /* what does it hold? */
    expect(b, "write max_current 0064\n");
    answer_one(b, 0);
    expect(b, "write enable 01\n");
}

static void what_was_asked_of_a_silent_device_is_done_when_it_is_back(void **state)
{
    struct bench *b = *state;
    ac22(b);
    online(b, false);
    expect(b, "1 is unknown offline\n");
    command(b, EVSE_STOP, 0, 1);
    command(b, EVSE_LIMIT, 10, 2);
    command(b, EVSE_START, 0, 3);
    pass(b, 0);
    expect(b, "1 stop 1: the link is down\n1 limit 2: the link is down\n1 start 3: the link is down\n");
    pass(b, 60000);
    online(b, true);
    expect(b, "write watchdog 003C\n1 is unknown\n");
    answer_one(b, 0);
    expect(b, "write enable 00\n");
    answer_all(b);
    expect(b, "write max_current 0064\n");
}

static void a_running_charge_is_brought_back_after_a_loss_limit_first(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_LIMIT, 10, 1);
    command(b, EVSE_START, 0, 2);
    set(b, "cp_state", 7);
    answer_all(b);
    pass(b, 0);
    online(b, false);
    forget(b);
    online(b, true);
    answer_one(b, 0);
    answer_one(b, 0); /* the setting is persistent: what it holds is read first */
    expect(b, "write watchdog 003C\n1 is unknown\nwrite max_current 0064\n");
    answer_one(b, 0);
    expect(b, "write enable 01\n");
}

static void a_start_that_was_cut_off_by_a_loss_is_not_made_up_for(void **state)
{
    struct bench *b = *state;
    ac22(b);
    command(b, EVSE_START, 0, 1);
    online(b, false);
    answer_one(b, -ERR_LINK_DOWN);
    pass(b, 0);
    forget(b);
    online(b, true);
    answer_one(b, 0);
    expect(b, "write watchdog 003C\n1 is unknown\nwrite enable 00\n");
}

static void a_card_is_told_once_and_acknowledged(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set_text(b, "tag", "04A2B3C4");
    batch(b);
    char empty[41];
    memset(empty, '0', 40);
    empty[40] = '\0';
    char expected[128];
    (void)snprintf(expected, sizeof(expected), "1 token 04A2B3C4 ISO14443\nwrite tag %s\n", empty);
    expect(b, expected);
    set(b, "power", 5);
    batch(b);
    expect(b, ""); /* no second token */
    answer_all(b);
    set_text(b, "tag", "");
    batch(b);
    set_text(b, "tag", "04A2B3C4");
    batch(b);
    expect(b, expected);
}

static void a_card_that_was_there_before_us_is_no_presentation(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("keba-p30");
    use(b, text);
    online(b, true);
    set_text(b, "rfid", "DEADBEEF");
    batch(b);
    set_text(b, "rfid", "00000000");
    batch(b);
    forget(b);
    set_text(b, "rfid", "DEADBEEF");
    batch(b);
    expect(b, "1 token DEADBEEF ISO14443\n");
}

static void a_padded_uid_is_a_uid(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("demo-modbus-rtu");
    use(b, text);
    online(b, true);
    set_text(b, "rfid", "");
    batch(b);
    forget(b);
    charger_device_events.on_value(b->charger, profile_point(b->profile, "rfid"),
                                   (const uint8_t[]){ 4, 0xA2, 0xB3, 0, 0, 0, 0, 0 }, 8);
    batch(b);
    expect(b, "1 token 04A2B300 ISO14443\nwrite rfid_acknowledge 0001\n");
}

static void the_keepalive_goes_on_as_long_as_the_device_is_there(void **state)
{
    struct bench *b = *state;
    ac22(b);
    for (int i = 0; i < 3; i++) {
        pass(b, 30000);
        answer_all(b);
    }
    online(b, false);
    forget(b);
    pass(b, 120000);
    expect(b, "");
}

static const char two_outlets[] = "profile: two\nvendor: V\nmodels: [M]\nprotocol: modbus\n"
                                  "evses:\n"
                                  "  - count: 2\n    address_offset: 100\n"
                                  "    points:\n"
                                  "      state: { at: input 0, type: u16 }\n"
                                  "      power: { at: input 1, type: i16, scale: exponent, unit: W }\n"
                                  "      exponent: { at: input 2, type: i16 }\n"
                                  "      limit: { at: holding 0, type: u16, unit: W, access: w }\n"
                                  "    connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
                                  "    signals:\n"
                                  "      state: [ { charging: state == 3 }, { available: otherwise } ]\n"
                                  "      power_import: power\n"
                                  "    commands:\n"
                                  "      limit: { set: { limit: limit_W }, below_min: zero }\n"
                                  "    keepalive: { set: { limit: limit_W }, every: 10s }\n";

static void each_outlet_has_its_own_points_limit_and_keepalive(void **state)
{
    struct bench *b = *state;
    use(b, two_outlets);
    online(b, true);
    set(b, "1.state", 0);
    set(b, "2.state", 3);
    batch(b);
    pass(b, 0);
    forget(b);
    charger_command(b->charger, 2, &(struct evse_command){ .kind = EVSE_LIMIT, .limit_A = 10, .ticket = 1 });
    answer_all(b);
    pass(b, 0);
    expect(b, "write 2.limit 1AF4\n2 limit 1: done\n"); /* 6900 W */
    pass(b, 10000);
    expect(b, "write 2.limit 1AF4\n"); /* the first has none to renew */
    charger_command(b->charger, 2, &(struct evse_command){ .kind = EVSE_LIMIT, .limit_A = 5, .ticket = 2 });
    answer_all(b);
    pass(b, 0);
    expect(b, "write 2.limit 0000\n2 limit 2: done\n");
}

static void a_value_follows_the_power_of_ten_in_another_point(void **state)
{
    struct bench *b = *state;
    use(b, two_outlets);
    online(b, true);
    set(b, "1.state", 0);
    batch(b);
    const struct point *power = profile_point(b->profile, "1.power");
    static const uint8_t raw[] = { 0x04, 0xD2 };
    charger_device_events.on_value(b->charger, power, raw, 2);
    batch(b);
    assert_false(evse_has(&b->signals, MEASURE_POWER_IMPORT)); /* 1234 of what? */
    set(b, "1.exponent", -1);
    assert_int_equal(b->request_count, 1); /* the power is read again */
    charger_device_events.on_value(b->charger, power, raw, 2);
    batch(b);
    assert_true(charger_signals(b->charger, 1)->value[MEASURE_POWER_IMPORT] == 123.4);
    set(b, "1.exponent", 1);
    batch(b);
    assert_false(evse_has(charger_signals(b->charger, 1), MEASURE_POWER_IMPORT));
}

static void what_the_profile_does_not_offer_is_said_to_be_so(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("phoenix-ev-cc-ac1-ser");
    use(b, text);
    command(b, EVSE_UNLOCK, 0, 1);
    expect(b, "");
    pass(b, 0);
    expect(b, "1 unlock 1: not offered by the profile\n");
}

static void a_charger_with_15_points_fits_into_3_KiB(void **state)
{
    size_t texts = 3 * 32, blocks = 3 * 16;
    (void)state;
    assert_true(sizeof(struct charger) + sizeof(struct outlet) + 15 * sizeof(struct point_value) + texts +
                    blocks <
                3 * 1024);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_that_comes_online_is_set_up_before_anything_else),
        TEST(signals_follow_the_points_and_only_changes_are_told),
        TEST(a_marker_or_an_exception_gives_no_value_and_never_0),
        TEST(another_model_than_the_profiles_is_left_alone),
        TEST(a_change_of_state_is_told_with_the_register_read_after_it),
        TEST(a_meter_that_does_not_answer_holds_a_change_up_for_two_seconds),
        TEST(a_stop_is_told_with_the_register_read_after_it),
        TEST(values_that_are_not_renewed_grow_stale),
        TEST(a_start_is_done_when_its_effect_is_seen),
        TEST(an_effect_that_is_not_seen_in_time_is_told),
        TEST(a_refused_start_is_undone),
        TEST(a_stop_takes_the_place_of_a_start_that_is_on_its_way),
        TEST(limits_are_rounded_down_and_never_above_what_was_asked),
        TEST(a_persistent_setpoint_is_not_written_for_nothing),
        TEST(a_limit_below_the_minimum_pauses_and_a_higher_one_resumes),
        TEST(a_limit_that_rises_before_the_pause_is_done_still_resumes),
        TEST(starting_below_the_minimum_waits_for_the_limit),
        TEST(a_start_without_the_limit_that_was_asked_does_not_happen),
        TEST(what_was_asked_of_a_silent_device_is_done_when_it_is_back),
        TEST(a_running_charge_is_brought_back_after_a_loss_limit_first),
        TEST(a_start_that_was_cut_off_by_a_loss_is_not_made_up_for),
        TEST(a_card_is_told_once_and_acknowledged),
        TEST(a_card_that_was_there_before_us_is_no_presentation),
        TEST(a_padded_uid_is_a_uid),
        TEST(the_keepalive_goes_on_as_long_as_the_device_is_there),
        TEST(each_outlet_has_its_own_points_limit_and_keepalive),
        TEST(a_value_follows_the_power_of_ten_in_another_point),
        TEST(what_the_profile_does_not_offer_is_said_to_be_so),
        TEST(a_charger_with_15_points_fits_into_3_KiB),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
