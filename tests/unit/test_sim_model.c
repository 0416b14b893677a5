/* The simulated charger's physics, in virtual time. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sim/model.h"

struct bench {
    int64_t now_ms;
    struct timers timers;
    struct env env;
    struct model model;
    int changes;
};

static int64_t now(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static void no_chance(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    uint32_t value = 301; /* of 0..300: 0, so the contactor closes after 200 ms */
    assert_int_equal(len, sizeof value);
    memcpy(ret, &value, len);
}

static void count_change(void *ctx)
{
    ((struct bench *)ctx)->changes++;
}

static void bench_start(struct bench *b, const struct model_settings *settings)
{
    *b = (struct bench){ .now_ms = 1000 };
    timers_init(&b->timers);
    b->env =
        (struct env){ .ctx = b, .now_ms = now, .wall_ms = now, .random = no_chance, .timers = &b->timers };
    model_init(&b->model, &b->env, settings, count_change, b);
}

static int setup(void **state)
{
    static struct bench bench;
    struct model_settings settings = model_default_settings();
    bench_start(&bench, &settings);
    *state = &bench;
    return 0;
}

/* As the loop does it: each timer at its time. */
static void pass(struct bench *b, int64_t ms)
{
    int64_t end_ms = b->now_ms + ms;
    for (int64_t next; (next = timers_next_ms(&b->timers)) >= 0 && next <= end_ms;) {
        b->now_ms = next > b->now_ms ? next : b->now_ms;
        timers_run(&b->timers, b->now_ms);
    }
    b->now_ms = end_ms;
    model_update(&b->model);
}

static void plug(struct bench *b, double soc)
{
    struct vehicle v = vehicle_default();
    v.charged_Wh = v.capacity_Wh * soc;
    assert_int_equal(model_plug(&b->model, &v), 0);
}

static void start_charging(struct bench *b, double soc)
{
    plug(b, soc);
    model_set_enabled(&b->model, true);
    pass(b, 200);
    assert_int_equal(model_state(&b->model), MODEL_CHARGING);
}

static void assert_near(double a, double b, double within)
{
    if (fabs(a - b) > within)
        fail_msg("%.9f is not %.9f", a, b);
}

/* 3 phases of 16 A; each sags by 0.1 ohm times 16 A. */
#define POWER_16A_W (16 * (228.4 + 229.0 + 228.0))

static void the_states_follow_the_car_and_the_device(void **state)
{
    struct bench *b = *state;
    struct model *m = &b->model;
    assert_int_equal(model_state(m), MODEL_NO_VEHICLE);
    plug(b, 0.2);
    assert_int_equal(model_state(m), MODEL_CONNECTED);
    assert_true(m->locked);
    model_set_enabled(m, true);
    assert_int_equal(model_state(m), MODEL_CONNECTED);
    pass(b, 200);
    assert_int_equal(model_state(m), MODEL_CHARGING);
    model_set_ready(m, false);
    assert_int_equal(model_state(m), MODEL_SUSPENDED_EV);
    assert_false(m->contactor);
    model_set_ready(m, true);
    assert_int_equal(model_set_limit(m, 0), 0);
    assert_int_equal(model_state(m), MODEL_SUSPENDED_EVSE);
    assert_int_equal(model_unplug(m, false), 0);
    assert_int_equal(model_state(m), MODEL_NO_VEHICLE);
    assert_false(m->locked);
}

static void a_car_in_the_bay_need_not_be_plugged_in(void **state)
{
    struct bench *b = *state;
    struct model *m = &b->model;
    assert_false(model_bay_is_occupied(m));
    plug(b, 0.2);
    assert_true(model_bay_is_occupied(m));
    assert_int_equal(model_unplug(m, false), 0);
    assert_false(model_bay_is_occupied(m));
    model_park(m, true);
    plug(b, 0.2);
    assert_int_equal(model_unplug(m, false), 0);
    assert_true(model_bay_is_occupied(m));
    model_park(m, false);
    assert_false(model_bay_is_occupied(m));
}

static void a_cable_drawn_at_the_car_stays_in_the_socket_until_it_is_unlocked(void **state)
{
    struct bench *b = *state;
    struct model *m = &b->model;
    plug(b, 0.2);
    assert_int_equal(model_unplug(m, true), 0);
    assert_int_equal(model_state(m), MODEL_NO_VEHICLE);
    assert_true(m->locked);
    assert_int_equal(model_unplug(m, false), -EBUSY);
    assert_int_equal(model_unlock(m), 0);
    assert_int_equal(model_unplug(m, false), 0);
    assert_int_equal(model_unplug(m, false), -ENOENT);
}

static void a_lock_that_breaks_holds_no_plug(void **state)
{
    struct bench *b = *state;
    struct model *m = &b->model;
    model_set_lock_breaks(m, true);
    assert_false(model_lock_failed(m)); /* nothing to hold */
    plug(b, 0.2);
    assert_true(model_lock_failed(m) && !m->locked);
    model_set_enabled(m, true);
    assert_false(m->locked);
    model_set_lock_breaks(m, false);
    assert_true(m->locked && !model_lock_failed(m));
}

static void the_contactor_closes_some_time_after_enable_and_opens_at_once(void **state)
{
    struct bench *b = *state;
    plug(b, 0.2);
    pass(b, 5000);
    assert_false(b->model.contactor);
    model_set_enabled(&b->model, true);
    pass(b, 199);
    assert_false(b->model.contactor);
    pass(b, 1);
    assert_true(b->model.contactor);
    model_set_enabled(&b->model, false);
    assert_false(b->model.contactor);
    assert_near(model_power_W(&b->model), 0, 0);
}

static void an_enable_taken_back_in_time_never_closes_the_contactor(void **state)
{
    struct bench *b = *state;
    plug(b, 0.2);
    model_set_enabled(&b->model, true);
    pass(b, 150);
    model_set_enabled(&b->model, false);
    pass(b, 10000);
    assert_false(b->model.contactor);
    assert_near(b->model.energy_Wh, 0, 0);
}

static void energy_is_the_exact_integral_of_power(void **state)
{
    struct bench *b = *state;
    start_charging(b, 0.2);
    assert_near(model_power_W(&b->model), POWER_16A_W, 1e-9);
    pass(b, 3600 * 1000);
    assert_near(b->model.energy_Wh, POWER_16A_W, 1e-6);
    model_set_limit(&b->model, 6);
    pass(b, 1800 * 1000);
    assert_near(b->model.energy_Wh, POWER_16A_W + 0.5 * 6 * (229.4 + 230.0 + 229.0), 1e-6);
    model_set_enabled(&b->model, false);
    double stopped_Wh = b->model.energy_Wh;
    pass(b, 3600 * 1000);
    assert_near(b->model.energy_Wh, stopped_Wh, 0);
}

static void reading_changes_nothing(void **state)
{
    struct bench *b = *state;
    start_charging(b, 0.79);
    pass(b, 600 * 1000);
    double quiet_Wh = b->model.energy_Wh;

    setup(state);
    start_charging(b, 0.79);
    for (int i = 0; i < 600 * 1000 / 7; i++) {
        b->now_ms += 7;
        model_update(&b->model);
    }
    b->now_ms += 600 * 1000 % 7;
    model_update(&b->model);
    assert_near(b->model.energy_Wh, quiet_Wh, 1e-6);
}

static void the_car_tapers_and_stops_when_full(void **state)
{
    struct bench *b = *state;
    start_charging(b, 0.8);
    pass(b, 1000);
    assert_near(model_current_A(&b->model, 0), 16, 0.01);
    pass(b, 30 * 60 * 1000);
    double later_A = model_current_A(&b->model, 0);
    assert_true(later_A < 11 && later_A > 2);
    pass(b, 6 * 3600 * 1000);
    assert_int_equal(model_state(&b->model), MODEL_SUSPENDED_EV);
    assert_false(b->model.contactor);
    assert_near(model_soc_percent(&b->model), 100, 1e-9);
    assert_near(b->model.energy_Wh, 8000, 1e-6);
}

static void speed_fills_the_car_sooner_and_leaves_power_alone(void **state)
{
    (void)state;
    struct bench b;
    struct model_settings settings = model_default_settings();
    settings.speed = 60;
    bench_start(&b, &settings);
    start_charging(&b, 0.2);
    assert_near(model_power_W(&b.model), POWER_16A_W, 1e-9);
    pass(&b, 60 * 1000);
    assert_near(b.model.energy_Wh, POWER_16A_W, 1e-6);
}

static void current_is_the_least_of_limit_car_and_phases(void **state)
{
    struct bench *b = *state;
    struct vehicle v = vehicle_default();
    v.max_current_A = 10;
    v.phases = 1;
    model_plug(&b->model, &v);
    model_set_enabled(&b->model, true);
    pass(b, 1000);
    assert_near(model_current_A(&b->model, 0), 10, 0);
    assert_near(model_current_A(&b->model, 1), 0, 0);
    assert_near(model_voltage_V(&b->model, 0), 229, 1e-9);
    assert_near(model_power_W(&b->model), 2290, 1e-9);
    model_set_limit(&b->model, 6.5);
    assert_near(model_current_A(&b->model, 0), 6.5, 0);
    assert_int_equal(model_set_limit(&b->model, 33), -ERANGE);
    assert_int_equal(model_set_limit(&b->model, -1), -ERANGE);
    assert_int_equal(model_set_limit(&b->model, NAN), -ERANGE);
    model_set_limit(&b->model, 5.9);
    assert_near(model_power_W(&b->model), 0, 0);
}

static void a_fault_opens_the_contactor_until_it_is_cleared(void **state)
{
    struct bench *b = *state;
    start_charging(b, 0.2);
    model_set_fault(&b->model, 17);
    assert_int_equal(model_state(&b->model), MODEL_FAULTED);
    assert_false(b->model.contactor);
    pass(b, 5000);
    assert_near(model_power_W(&b->model), 0, 0);
    model_set_fault(&b->model, 0);
    pass(b, 200);
    assert_int_equal(model_state(&b->model), MODEL_CHARGING);
}

static void a_power_cut_keeps_the_meter_and_forgets_the_session(void **state)
{
    struct bench *b = *state;
    start_charging(b, 0.2);
    model_set_limit(&b->model, 10);
    model_tap(&b->model, "04a1b2c3");
    pass(b, 3600 * 1000);
    double energy_Wh = b->model.energy_Wh;
    assert_true(energy_Wh > 6000);

    model_power(&b->model, false);
    assert_false(b->model.contactor);
    assert_string_equal(b->model.tag, "");
    assert_int_equal(model_tap(&b->model, "04A1B2C3"), -ENODEV);
    pass(b, 60000);
    model_power(&b->model, true);
    pass(b, 60000);
    assert_int_equal(model_state(&b->model), MODEL_CONNECTED);
    assert_false(b->model.enabled);
    assert_near(b->model.limit_A, 32, 0);
    assert_near(b->model.energy_Wh, energy_Wh, 0);
}

static void a_restart_ends_by_itself_and_may_keep_the_limit(void **state)
{
    (void)state;
    struct bench b;
    struct model_settings settings = model_default_settings();
    settings.keeps_limit = true;
    bench_start(&b, &settings);
    model_set_limit(&b.model, 10);
    model_restart(&b.model, 2000);
    pass(&b, 1999);
    assert_false(b.model.powered);
    pass(&b, 1);
    assert_true(b.model.powered);
    assert_near(b.model.limit_A, 10, 0);
}

static void a_card_is_shown_until_acknowledged_or_for_ten_seconds(void **state)
{
    struct bench *b = *state;
    assert_int_equal(model_tap(&b->model, "04a1b2c3d4e5f6"), 0);
    assert_string_equal(b->model.tag, "04A1B2C3D4E5F6");
    pass(b, 9999);
    assert_string_equal(b->model.tag, "04A1B2C3D4E5F6");
    pass(b, 1);
    assert_string_equal(b->model.tag, "");
    model_tap(&b->model, "01020304");
    model_acknowledge_tag(&b->model);
    assert_string_equal(b->model.tag, "");
    static const char *const wrong[] = { "",           "0102",     "010203040",
                                         "0102030405", "0G020304", "0102030405060708090A0B" };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(model_tap(&b->model, wrong[i]), -EINVAL);
}

static void without_keepalive_the_limit_falls_to_six_ampere(void **state)
{
    (void)state;
    struct bench b;
    struct model_settings settings = model_default_settings();
    settings.watchdog_ms = 60000;
    bench_start(&b, &settings);
    start_charging(&b, 0.2);
    pass(&b, 50000);
    model_keep_alive(&b.model);
    pass(&b, 59999);
    assert_near(model_current_A(&b.model, 0), 16, 0);
    pass(&b, 1);
    assert_near(model_current_A(&b.model, 0), 6, 0);
    assert_near(model_effective_limit_A(&b.model), 6, 0);
    model_keep_alive(&b.model);
    assert_near(model_current_A(&b.model, 0), 16, 0);
    model_set_watchdog(&b.model, 0);
    pass(&b, 3600 * 1000);
    assert_near(model_current_A(&b.model, 0), 16, 0);
}

static void the_lock_opens_only_while_no_current_flows(void **state)
{
    struct bench *b = *state;
    start_charging(b, 0.2);
    assert_int_equal(model_unlock(&b->model), -EBUSY);
    assert_true(b->model.locked);
    model_set_enabled(&b->model, false);
    assert_int_equal(model_unlock(&b->model), 0);
    assert_false(b->model.locked);
}

static void enable_stays_when_the_car_leaves_but_for_devices_that_stop(void **state)
{
    struct bench *b = *state;
    start_charging(b, 0.2);
    model_unplug(&b->model, false);
    assert_true(b->model.enabled);
    plug(b, 0.2);
    pass(b, 1000);
    assert_int_equal(model_state(&b->model), MODEL_CHARGING);

    struct model_settings settings = model_default_settings();
    settings.stops_at_unplug = true;
    bench_start(b, &settings);
    start_charging(b, 0.2);
    model_unplug(&b->model, false);
    assert_false(b->model.enabled);
}

static void an_idle_charger_needs_no_timer(void **state)
{
    struct bench *b = *state;
    assert_int_equal(timers_next_ms(&b->timers), -1);
    start_charging(b, 0.2);
    int changes = b->changes;
    pass(b, 10000);
    assert_int_equal(b->changes, changes); /* ticks are no news */
    model_set_enabled(&b->model, false);
    assert_int_equal(timers_next_ms(&b->timers), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_states_follow_the_car_and_the_device, setup),
        cmocka_unit_test_setup(a_car_in_the_bay_need_not_be_plugged_in, setup),
        cmocka_unit_test_setup(a_cable_drawn_at_the_car_stays_in_the_socket_until_it_is_unlocked, setup),
        cmocka_unit_test_setup(a_lock_that_breaks_holds_no_plug, setup),
        cmocka_unit_test_setup(the_contactor_closes_some_time_after_enable_and_opens_at_once, setup),
        cmocka_unit_test_setup(an_enable_taken_back_in_time_never_closes_the_contactor, setup),
        cmocka_unit_test_setup(energy_is_the_exact_integral_of_power, setup),
        cmocka_unit_test_setup(reading_changes_nothing, setup),
        cmocka_unit_test_setup(the_car_tapers_and_stops_when_full, setup),
        cmocka_unit_test(speed_fills_the_car_sooner_and_leaves_power_alone),
        cmocka_unit_test_setup(current_is_the_least_of_limit_car_and_phases, setup),
        cmocka_unit_test_setup(a_fault_opens_the_contactor_until_it_is_cleared, setup),
        cmocka_unit_test_setup(a_power_cut_keeps_the_meter_and_forgets_the_session, setup),
        cmocka_unit_test(a_restart_ends_by_itself_and_may_keep_the_limit),
        cmocka_unit_test_setup(a_card_is_shown_until_acknowledged_or_for_ten_seconds, setup),
        cmocka_unit_test(without_keepalive_the_limit_falls_to_six_ampere),
        cmocka_unit_test_setup(the_lock_opens_only_while_no_current_flows, setup),
        cmocka_unit_test_setup(enable_stays_when_the_car_leaves_but_for_devices_that_stop, setup),
        cmocka_unit_test_setup(an_idle_charger_needs_no_timer, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
