/* A charger as it should go: signals, tokens, commands, limits, keepalive. */
#include "support/charger_bench.h"

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
    set(b, "flags", 4);
    batch(b);
    expect(b, "1 is charging lock failed\n");
    set(b, "fault_code", 12);
    set(b, "flags", 0x40);
    batch(b);
    expect(b, "1 is faulted fault 12\n");
}

static void the_parking_bay_is_occupied_free_or_not_known(void **state)
{
    struct bench *b = *state;
    ac22(b);
    assert_true(b->profile->evses[0].abilities.parking_bay);
    set(b, "flags", 2);
    batch(b);
    assert_int_equal(b->signals.bay, BAY_OCCUPIED);
    set(b, "flags", 0);
    batch(b);
    assert_int_equal(b->signals.bay, BAY_FREE);
    charger_device_events.on_no_value(b->charger, profile_point(b->profile, "flags"), -ERR_DEVICE_EXCEPTION);
    batch(b);
    assert_int_equal(b->signals.bay, BAY_UNKNOWN);
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

static void a_device_that_does_not_say_who_it_is_is_asked_again(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("demo-modbus-ac22");
    use(b, text);
    online_as_stranger(b);
    const struct point *id = b->profile->identify.point;
    charger_device_events.on_no_value(b->charger, id,
                                      -ERR_DEVICE_EXCEPTION); /* it has just been switched on */
    answer_one(b, -ERR_DEVICE_EXCEPTION);
    assert_false(charger_signals(b->charger, 1)->online);
    pass(b, 5000);
    charger_device_events.on_value(b->charger, id, (const uint8_t[]){ 0x01, 0x07 }, 2);
    answer_one(b, 0);
    assert_true(charger_signals(b->charger, 1)->online);
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
    set(b, "power", 0);
    batch_without_meter(b);
    expect(b, "");
    answer_meter(b);
    expect(b, "1 is available\n");
    assert_true(b->signals.value[MEASURE_ENERGY_IMPORT] == 5000);
    assert_true(b->signals.value[MEASURE_POWER_IMPORT] == 0);
}

static void a_change_of_state_reads_power_as_well_as_energy(void **state)
{
    struct bench *b = *state;
    ac22(b);
    set(b, "cp_state", 7);
    batch_without_meter(b);
    bool energy = false, power = false;
    for (size_t i = 0; i < b->request_count; i++) {
        energy = energy || strcmp(b->requests[i].point->name, "energy") == 0;
        power = power || strcmp(b->requests[i].point->name, "power") == 0;
    }
    assert_true(energy);
    assert_true(power);
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

/* A relay behind it: neither a loss nor a keepalive switches it again before its time. */
static void what_rests_is_not_written_again_too_soon(void **state)
{
    struct bench *b = *state;
    ac22(b);
    ((struct point *)(uintptr_t)profile_point(b->profile, "alive"))->rest_ms = 200000;
    pass(b, 30000);
    answer_all(b);
    forget(b);
    for (int i = 0; i < 3; i++) { /* 30 s each */
        online(b, false);
        online(b, true);
        answer_all(b);
        pass(b, 30000);
        answer_all(b);
    }
    assert_null(strstr(buf_string(&b->said), "write alive"));
    for (int i = 0; i < 4; i++)
        pass(b, 30000);
    assert_non_null(strstr(buf_string(&b->said), "write alive"));
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

static const char read_back[] =
    "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\nmodbus: { unit: 1 }\npoints:\n"
    "  enable: { at: holding 1, type: u16, access: rw, every: 1s, verify: 2s }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, max_current: 32 } ]\n"
    "    signals: { state: [ { connected: enable == 0 }, { charging: otherwise } ] }\n"
    "    commands:\n"
    "      start: { set: { enable: 1 } }\n"
    "      stop: { set: { enable: 0 } }\n";

static void a_write_with_verify_is_read_back_until_it_holds(void **state)
{
    struct bench *b = *state;
    use(b, read_back);
    online(b, true);
    set(b, "enable", 0);
    batch(b);
    forget(b);
    command(b, EVSE_START, NAN, 7);
    expect(b, "write enable 0001\n");
    answer_one(b, 0);                      /* acknowledged ... */
    assert_int_equal(b->request_count, 1); /* ... and asked for */
    set(b, "enable", 0);                   /* the old value, still */
    answer_one(b, 0);
    pass(b, 600);
    assert_int_equal(b->request_count, 1);
    set(b, "enable", 1);
    answer_one(b, 0);
    pass(b, 0);
    assert_non_null(strstr(buf_string(&b->said), "1 start 7: done\n"));
}

static void what_is_acknowledged_and_ignored_had_no_effect(void **state)
{
    struct bench *b = *state;
    use(b, read_back);
    online(b, true);
    set(b, "enable", 0);
    batch(b);
    forget(b);
    command(b, EVSE_START, NAN, 7);
    answer_one(b, 0);
    for (int i = 0; i < 6; i++) {
        while (b->request_count) {
            if (!b->requests[0].is_write)
                set(b, "enable", 0);
            answer_one(b, 0);
        }
        pass(b, 500);
    }
    char end[100];
    (void)snprintf(end, sizeof(end), "1 start 7: %s\n", err_text(-ERR_NO_EFFECT));
    assert_non_null(strstr(buf_string(&b->said), end));
}

static const char by_limit[] =
    "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\nmodbus: { unit: 1 }\npoints:\n"
    "  limit: { at: holding 1, type: u16, unit: A, access: rw, every: 1s, persistent: true }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, max_current: 32 } ]\n"
    "    signals: { state: [ { connected: limit == 0 }, { charging: otherwise } ] }\n"
    "    commands:\n"
    "      start: { set: { limit: limit_A } }\n"
    "      stop: { set: { limit: 0 } }\n"
    "      limit: { set: { limit: limit_A }, starts: true }\n";

/* The device has dropped its limit by itself, and is just told it again. */
static void a_stop_takes_back_a_limit_that_is_on_its_way(void **state)
{
    struct bench *b = *state;
    use(b, by_limit);
    online(b, true);
    set(b, "limit", 0);
    batch(b);
    command(b, EVSE_LIMIT, 16, 1);
    command(b, EVSE_START, NAN, 2);
    answer_all(b);
    set(b, "limit", 0);
    batch(b);
    pass(b, 0);
    forget(b);
    command(b, EVSE_LIMIT, 10, 3);
    expect(b, "write limit 000A\n");
    command(b, EVSE_STOP, NAN, 4);
    expect(b, "write limit 0000\n"); /* though it is 0 as far as anybody has read */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_that_comes_online_is_set_up_before_anything_else),
        TEST(signals_follow_the_points_and_only_changes_are_told),
        TEST(the_parking_bay_is_occupied_free_or_not_known),
        TEST(a_marker_or_an_exception_gives_no_value_and_never_0),
        TEST(another_model_than_the_profiles_is_left_alone),
        TEST(a_device_that_does_not_say_who_it_is_is_asked_again),
        TEST(a_change_of_state_is_told_with_the_register_read_after_it),
        TEST(a_change_of_state_reads_power_as_well_as_energy),
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
        TEST(what_rests_is_not_written_again_too_soon),
        TEST(each_outlet_has_its_own_points_limit_and_keepalive),
        TEST(a_value_follows_the_power_of_ten_in_another_point),
        TEST(what_the_profile_does_not_offer_is_said_to_be_so),
        TEST(a_charger_with_15_points_fits_into_3_KiB),
        TEST(a_write_with_verify_is_read_back_until_it_holds),
        TEST(a_stop_takes_back_a_limit_that_is_on_its_way),
        TEST(what_is_acknowledged_and_ignored_had_no_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
