/* Links as chargers in the field have them: closed when idle or after each answer, refused for minutes, deaf, gone and back. In virtual
 * time: hours of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "tests/virtual/modbus_world.h"

#define MINUTE 60000
#define HOUR   (60 * MINUTE)

static struct world *charger(enum modbus_framing framing, bool serial)
{
    struct world *w = world_new(framing, serial);
    world_add_point(w, "state", 10, 1, 2000);
    world_add_point(w, "limit", 20, 1, 0);
    return w;
}

/* The least time between two attempts to connect, and between a loss and the next. */
static int64_t least_pause_ms(const struct world *w)
{
    int64_t least = INT64_MAX;
    for (int i = 1; i < w->opens && i < WORLD_OPENS; i++) {
        int64_t pause = w->opened_ms[i] - w->opened_ms[i - 1];
        least = pause < least ? pause : least;
    }
    return least;
}

static bool hangs_up_after_30_s(struct world *w, const struct modbus_frame *frame,
                                const struct modbus_request *request)
{
    (void)frame;
    (void)request;
    if (w->count != w->opens) {
        w->count = w->opens;
        world_close(w, 30000, -ECONNRESET);
    }
    return false;
}

static void a_connection_that_ends_after_30_s_is_opened_again_and_nothing_is_lost(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    w->play = hangs_up_after_30_s;
    world_start(w, 1);
    for (int i = 0; i < 12 * 60; i++) {
        world_run(w, 5000);
        assert_int_equal(world_write(w, 0, &w->points[1], (uint16_t)i), 0);
    }
    world_run(w, 5000);
    assert_int_equal(w->ears[0].losses, 0);
    assert_int_equal(w->ears[0].onlines, 1);
    assert_int_equal(w->ears[0].done_ok, 12 * 60);
    assert_int_equal(w->registers[1][20], 12 * 60 - 1);
    assert_in_range(w->ears[0].max_age_ms, 0, 2 * 2000 + 200);
    assert_in_range(w->opens, 110, 120);
    assert_in_range(w->log_lines, 1, 2); /* not each time */
    world_free(w);
}

static bool hangs_up_after_each_answer(struct world *w, const struct modbus_frame *frame,
                                       const struct modbus_request *request)
{
    uint8_t bytes[MODBUS_MAX_FRAME];
    if (w->dead[frame->unit])
        return true;
    size_t len = world_answer(w, frame, request, bytes);
    world_deliver(w, w->answer_ms, bytes, len);
    world_close(w, w->answer_ms + w->count, -ECONNRESET);
    return true;
}

static void a_device_that_hangs_up_after_each_answer_is_asked_over_and_over(void **state)
{
    (void)state;
    /* With the answer, or when the next request is already on its way. */
    for (int delay = 0; delay <= 3; delay++) {
        struct world *w = charger(MODBUS_TCP, false);
        w->points[0].every_ms = 200;
        w->count = delay;
        w->options.reconnect_after_ms = 1500;
        w->play = hangs_up_after_each_answer;
        world_start(w, 1);
        world_run(w, MINUTE);
        assert_int_equal(world_write(w, 0, &w->points[1], 7), 0);
        world_run(w, HOUR);
        assert_int_equal(w->ears[0].losses, 0);
        assert_int_equal(w->ears[0].done_ok, 1);
        assert_int_equal(w->registers[1][20], 7);
        assert_true(w->ears[0].values > 2000);
        assert_true(least_pause_ms(w) >= 1500);
        assert_in_range(w->log_lines, 1, 2);
        world_free(w);
    }
}

static void one_of_many_units_is_not_lost_because_each_connection_serves_but_one(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    w->play = hangs_up_after_each_answer;
    w->dead[8] = true;
    world_start(w, 9);
    world_run(w, HOUR);
    for (int i = 0; i < 9; i++)
        assert_true(w->ears[i].online == (i != 7) && w->ears[i].losses == (i == 7));
    w->dead[3] = true; /* it has its turn, too */
    world_run(w, 2 * MINUTE);
    assert_false(w->ears[2].online);
    world_free(w);
}

static void a_link_that_comes_back_in_time_costs_nothing(void **state)
{
    (void)state;
    for (int serial = 0; serial <= 1; serial++) {
        struct world *w = charger(serial ? MODBUS_RTU : MODBUS_TCP, serial);
        world_start(w, 1);
        world_run(w, MINUTE);
        world_close(w, 0, serial ? -EIO : -ECONNRESET);
        w->open_err = -ECONNREFUSED;
        world_run(w, 500);
        assert_int_equal(world_write(w, 0, &w->points[1], 6), 0);
        world_run(w, 800); /* refused once meanwhile */
        assert_int_equal(world_write(w, 0, &w->points[1], 7), 0);
        w->open_err = 0;
        assert_int_equal(w->ears[0].done, 0);
        world_run(w, 2500);
        assert_int_equal(w->ears[0].done, 2); /* the first one was superseded while it waited */
        assert_int_equal(w->ears[0].done_ok, 1);
        assert_int_equal(w->registers[1][20], 7);
        assert_int_equal(w->ears[0].losses, 0);
        assert_int_equal(w->ears[0].onlines, 1);
        world_free(w);
    }
}

static bool says_nothing(struct world *w, const struct modbus_frame *frame,
                         const struct modbus_request *request)
{
    (void)w;
    (void)frame;
    (void)request;
    return true;
}

static void who_may_have_restarted_meanwhile_is_told_of(void **state)
{
    (void)state;
    static const struct {
        int64_t reconnect_after_ms, mute_ms, refused_ms;
        bool restarted;
    } rows[] = {
        { 1000, 0, 0, false }, { 1000, 0, 1900, false }, { 1000, 0, 3500, true }, { 1000, 3500, 0, true },
        { 2500, 0, 0, false }, { 2500, 1000, 0, true },  { 5000, 0, 0, true },    { 10000, 0, 0, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world *w = charger(MODBUS_TCP, false);
        w->options.timeout_ms = 3000;
        w->options.retries = 3;
        w->options.reconnect_after_ms = rows[i].reconnect_after_ms;
        world_start(w, 1);
        world_run(w, MINUTE);
        int values = w->ears[0].values;
        while (w->ears[0].values == values)
            world_run(w, 1);
        world_run(w, 1950); /* the next poll is near */
        w->play = says_nothing;
        world_run(w, 100 + rows[i].mute_ms);
        w->open_err = rows[i].refused_ms > 0 ? -ECONNREFUSED : 0;
        world_close(w, 0, -ECONNRESET);
        world_run(w, rows[i].refused_ms);
        w->play = NULL;
        w->open_err = 0;
        world_run(w, MINUTE);
        assert_int_equal(w->ears[0].losses, 0);
        assert_int_equal(w->ears[0].onlines, rows[i].restarted ? 2 : 1);
        world_free(w);
    }
}

static void what_is_written_when_a_device_comes_online_costs_no_value(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct world *w = charger(framing, false);
        w->points[0].every_ms = HOUR;
        world_start(w, 1);
        w->ears[0].restore = &w->points[1];
        world_run(w, 1000);
        assert_int_equal(w->ears[0].values, 1);
        assert_int_equal(w->ears[0].done_ok, 1);
        world_free(w);
    }
}

static void a_device_that_refuses_connections_for_minutes_is_lost_once(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_start(w, 1);
    world_run(w, MINUTE);
    world_close(w, 0, -ECONNRESET);
    w->open_err = -ECONNREFUSED;
    world_run(w, 2900);
    assert_int_equal(world_write(w, 0, &w->points[1], 7), 0);
    assert_int_equal(w->ears[0].losses, 0);
    world_run(w, 200); /* the grace: three time-outs */
    assert_int_equal(w->ears[0].losses, 1);
    assert_int_equal(w->ears[0].done, 1);
    assert_int_equal(w->ears[0].err, -ERR_LINK_DOWN);
    int opens = w->opens;
    world_run(w, 5 * MINUTE);
    assert_in_range(w->opens - opens, 5, 10);
    assert_int_equal(w->ears[0].losses, 1);
    w->open_err = 0;
    for (uint16_t i = 0; i < WORLD_REGISTERS; i++) /* it has restarted */
        w->registers[1][i] = (uint16_t)(0xBB00 + i);
    world_run(w, MINUTE + 100);
    assert_int_equal(w->ears[0].onlines, 2);
    assert_int_equal(w->ears[0].value, 0xBB0A);
    assert_in_range(w->log_lines, 1, 2);
    world_run(w, 2 * MINUTE);
    assert_non_null(strstr(w->log, "no more lost connections: bus=world times="));
    world_free(w);
}

static void a_device_that_takes_a_connection_and_says_nothing_is_lost_after_the_grace(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_start(w, 1);
    world_run(w, MINUTE);
    w->dead[1] = true;
    world_close(w, 0, -ECONNRESET);
    world_run(w, 5000);
    assert_int_equal(w->ears[0].losses, 1);
    world_free(w);
}

static void one_time_out_is_no_reason_to_drop_a_connection(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_start(w, 1);
    world_run(w, MINUTE);
    for (int i = 0; i < 20; i++) {
        w->dead[1] = true;
        world_run(w, 8000);
        w->dead[1] = false;
        world_run(w, 10000);
    }
    assert_int_equal(w->opens, 1);
    assert_int_equal(w->ears[0].losses, 20);
    assert_true(w->ears[0].online);
    world_free(w);
}

static void a_deaf_peer_is_connected_anew_but_seldom(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_start(w, 1);
    world_run(w, MINUTE);
    w->dead[1] = true;
    world_run(w, 9000);
    assert_int_equal(w->opens, 1);
    world_run(w, MINUTE);
    assert_in_range(w->opens, 2, 3);
    world_run(w, HOUR);
    assert_in_range(w->opens, 10, 20);
    w->dead[1] = false;
    world_run(w, 2 * MINUTE);
    assert_true(w->ears[0].online);
    world_free(w);
}

static void no_connection_is_dropped_while_another_unit_answers(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct world *w = charger(framing, false);
        for (int unit = 2; unit <= 5; unit++)
            w->dead[unit] = true;
        world_start(w, 5);
        world_run(w, HOUR);
        assert_int_equal(w->opens, 1);
        assert_true(w->ears[0].online && !w->ears[1].online);
        world_free(w);
    }
}

static bool hangs_up_when_asked_for_register_30(struct world *w, const struct modbus_frame *frame,
                                                const struct modbus_request *request)
{
    (void)frame;
    if (request->address > 30 || request->address + request->count <= 30)
        return false;
    w->count++;
    world_close(w, 5, -ECONNRESET);
    return true;
}

static void a_register_that_costs_the_connection_is_not_asked_for_all_the_time(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_add_point(w, "unknown", 30, 1, 1000);
    world_add_point(w, "next", 31, 1, 1000);
    w->play = hangs_up_when_asked_for_register_30;
    world_start(w, 1);
    world_run(w, MINUTE);
    assert_true(w->ears[0].online);
    assert_in_range(w->ears[0].nones, 1, 1000);
    int hung_up = w->count, values = w->ears[0].values;
    world_run(w, 10 * MINUTE);
    assert_in_range(w->count - hung_up, 1, 60);
    assert_true(w->ears[0].values - values > 600);
    world_free(w);
}

static bool hangs_up_now_and_then(struct world *w, const struct modbus_frame *frame,
                                  const struct modbus_request *request)
{
    (void)frame;
    (void)request;
    if (++w->count % 11 > 1) /* twice in a row */
        return false;
    world_close(w, 5, -ECONNRESET);
    return true;
}

static void a_register_is_not_blamed_for_a_connection_that_ends_by_chance(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_add_point(w, "other", 30, 1, 1000);
    world_start(w, 1);
    world_run(w, 10000);
    w->play = hangs_up_now_and_then;
    world_run(w, HOUR);
    assert_int_equal(w->ears[0].nones, 0);
    assert_true(w->ears[0].values > 2500);
    assert_int_equal(w->ears[0].losses, 0);
    world_free(w);
}

static void a_port_that_vanishes_is_found_again_soon(void **state)
{
    (void)state;
    static const int errors[] = { -EIO, -ENXIO, -ENODEV };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct world *w = charger(MODBUS_RTU, true);
        world_start(w, 2);
        world_run(w, MINUTE);
        world_close(w, 0, errors[i]);
        w->open_err = -ENOENT;
        world_run(w, HOUR);
        assert_int_equal(w->ears[0].losses, 1);
        assert_int_equal(w->ears[1].losses, 1);
        assert_in_range(w->opens, 300, 400);
        w->open_err = 0;
        world_run(w, 12000);
        assert_true(w->ears[0].online && w->ears[1].online);
        world_free(w);
    }
}

static void nothing_is_polled_while_the_link_is_down(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_start(w, 1);
    world_run(w, MINUTE);
    w->open_err = -EHOSTUNREACH;
    w->open_ms = 3000;
    world_close(w, 0, -ETIMEDOUT);
    world_run(w, 10);
    int sent = w->sent_count;
    world_run(w, HOUR);
    assert_int_equal(w->sent_count, sent);
    assert_in_range(w->opens, 55, 70);
    world_free(w);
}

static void a_device_may_go_while_its_link_is_opened_anew(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_TCP, false);
    world_start(w, 2);
    world_run(w, MINUTE);
    world_close(w, 0, -ECONNRESET);
    world_run(w, 100);
    assert_int_equal(world_write(w, 1, &w->points[1], 1), 0);
    modbus_device_ops.free(w->ears[1].device);
    w->ear_count = 1;
    world_run(w, MINUTE);
    assert_int_equal(w->ears[1].done, 0);
    assert_int_equal(w->ears[0].losses, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_ends_after_30_s_is_opened_again_and_nothing_is_lost),
        cmocka_unit_test(a_device_that_hangs_up_after_each_answer_is_asked_over_and_over),
        cmocka_unit_test(one_of_many_units_is_not_lost_because_each_connection_serves_but_one),
        cmocka_unit_test(a_link_that_comes_back_in_time_costs_nothing),
        cmocka_unit_test(who_may_have_restarted_meanwhile_is_told_of),
        cmocka_unit_test(what_is_written_when_a_device_comes_online_costs_no_value),
        cmocka_unit_test(a_device_that_refuses_connections_for_minutes_is_lost_once),
        cmocka_unit_test(a_device_that_takes_a_connection_and_says_nothing_is_lost_after_the_grace),
        cmocka_unit_test(one_time_out_is_no_reason_to_drop_a_connection),
        cmocka_unit_test(a_deaf_peer_is_connected_anew_but_seldom),
        cmocka_unit_test(no_connection_is_dropped_while_another_unit_answers),
        cmocka_unit_test(a_register_that_costs_the_connection_is_not_asked_for_all_the_time),
        cmocka_unit_test(a_register_is_not_blamed_for_a_connection_that_ends_by_chance),
        cmocka_unit_test(a_port_that_vanishes_is_found_again_soon),
        cmocka_unit_test(nothing_is_polled_while_the_link_is_down),
        cmocka_unit_test(a_device_may_go_while_its_link_is_opened_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
