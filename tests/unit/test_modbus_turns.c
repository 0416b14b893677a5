/* Whose turn it is on a line with many: commands wait for what is on the wire and no more, nobody starves, the dead cost little, and each
 * device has its pauses. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "tests/virtual/modbus_world.h"

#define MINUTE 60000
#define UNITS  32

static struct world *line(enum modbus_framing framing, int64_t every_ms)
{
    struct world *w = world_new(framing, framing != MODBUS_TCP);
    world_add_point(w, "state", 10, 1, every_ms);
    world_add_point(w, "energy", 40, 2, 5 * every_ms);
    world_add_point(w, "limit", 20, 1, 0);
    return w;
}

/* When the first write to the unit left, from sent[from] on; -1: it did not. */
static int64_t write_sent_ms(const struct world *w, int from, int unit)
{
    for (int i = from; i < w->sent_count; i++) {
        if (w->sent[i].unit == unit && w->sent[i].function != MODBUS_READ_HOLDING)
            return w->sent[i].at_ms;
    }
    return -1;
}

static void a_command_waits_for_what_is_on_the_wire_and_no_more(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct world *w = line(framing, 500); /* far more than the line can carry */
        int64_t longest_ms = 0;
        w->answer_ms = 180;
        for (int unit = 25; unit <= UNITS; unit++)
            w->dead[unit] = true;
        world_start(w, UNITS);
        world_run(w, 5 * MINUTE);
        for (int k = 0; k < 300; k++) {
            int device = k * 7 % 24;
            w->sent_count = 0;
            assert_int_equal(world_write(w, device, &w->points[2], (uint16_t)k), 0);
            world_run(w, 1500);
            int64_t left_ms = write_sent_ms(w, 0, device + 1);
            assert_true(left_ms >= 0);
            left_ms -= w->now_ms - 1500;
            longest_ms = left_ms > longest_ms ? left_ms : longest_ms;
            assert_int_equal(w->registers[device + 1][20], k);
            world_run(w, 17 * (k % 5));
        }
        /* A time-out, and what takes place on the line besides: both frames and the silence between them. */
        assert_in_range(longest_ms, 100, 1000 + 80);
        world_free(w);
    }
}

static void no_keepalive_starves_on_a_full_line_of_slow_units(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct world *w = line(framing, 200);
        w->answer_ms = 100;
        for (int unit = 29; unit <= UNITS; unit++)
            w->dead[unit] = true;
        world_start(w, UNITS);
        world_run(w, MINUTE);
        for (int round = 1; round <= 60; round++) {
            for (int i = 0; i < 28; i++)
                assert_int_equal(world_write(w, i, &w->points[2], (uint16_t)round), 0);
            world_run(w, 5000);
            for (int i = 0; i < 28; i++) { /* none superseded: all were done before the next round */
                assert_int_equal(w->ears[i].done_ok, round);
                assert_int_equal(w->registers[i + 1][20], round);
            }
        }
        int fewest = INT32_MAX, most = 0;
        for (int i = 0; i < 28; i++) {
            fewest = w->ears[i].values < fewest ? w->ears[i].values : fewest;
            most = w->ears[i].values > most ? w->ears[i].values : most;
        }
        assert_true(fewest > 30 && most < 2 * fewest); /* nor does a poll */
        world_free(w);
    }
}

static void a_command_goes_before_the_repetition_of_a_poll(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct world *w = line(framing, 1000);
        w->options.retries = 5;
        world_start(w, 1);
        world_run(w, MINUTE);
        w->dead[1] = true;
        world_run(w, 2100); /* a poll timed out and is on the wire again */
        w->sent_count = 0;
        assert_int_equal(world_write(w, 0, &w->points[2], 7), 0);
        w->dead[1] = false;
        world_run(w, 1100);
        assert_int_equal(w->sent[0].function, MODBUS_WRITE_REGISTER);
        assert_int_equal(w->ears[0].done_ok, 1);
        assert_int_equal(w->ears[0].losses, 0);
        world_free(w);
    }
}

static bool answers_writes_only(struct world *w, const struct modbus_frame *frame,
                                const struct modbus_request *request)
{
    (void)w;
    (void)frame;
    return request->function == MODBUS_READ_HOLDING;
}

static void keep_result(void *ctx, int err)
{
    *(int *)ctx = err;
}

static void a_command_goes_before_the_repetition_of_a_read(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct world *w = line(framing, 10 * MINUTE);
        int result = 1;
        w->options.retries = 3;
        world_start(w, 1);
        world_run(w, MINUTE);
        w->dead[1] = true;
        assert_int_equal(modbus_device_ops.read(w->ears[0].device, &w->points[0], keep_result, &result), 0);
        world_run(w, 1500); /* it timed out and is on the wire again */
        w->sent_count = 0;
        assert_int_equal(world_write(w, 0, &w->points[2], 7), 0);
        w->dead[1] = false;
        world_run(w, 3000);
        assert_int_equal(w->sent[0].function, MODBUS_WRITE_REGISTER);
        assert_int_equal(w->ears[0].done_ok, 1);
        assert_int_equal(result, 0); /* it had its turn after that */
        world_free(w);
    }
}

static void a_read_that_gave_way_is_not_tried_for_ever(void **state)
{
    (void)state;
    struct world *w = line(MODBUS_TCP, 10 * MINUTE);
    int result = 1;
    w->options.retries = 3;
    world_start(w, 1);
    world_run(w, MINUTE);
    w->play = answers_writes_only;
    assert_int_equal(modbus_device_ops.read(w->ears[0].device, &w->points[0], keep_result, &result), 0);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(world_write(w, 0, &w->points[2], (uint16_t)i), 0);
        world_run(w, 500);
    }
    assert_int_equal(result, -ERR_NO_ANSWER);
    world_free(w);
}

/* Of each unit: the time between the end of an exchange and the next request, at least. */
static bool plays_by_turns(struct world *w, const struct modbus_frame *frame,
                           const struct modbus_request *request)
{
    static const uint8_t exceptions[] = { MODBUS_DEVICE_FAILURE, MODBUS_BUSY, MODBUS_ACKNOWLEDGE };
    uint8_t bytes[MODBUS_MAX_FRAME];
    (void)request;
    int k = w->count++;
    if (k % 7 == 3)
        return true;
    if (k % 7 != 5)
        return false;
    uint8_t exception = exceptions[k / 7 % 3];
    world_deliver(w, w->answer_ms, bytes, world_exception(w, frame, exception, bytes));
    return true;
}

static void the_pause_is_kept_whatever_came(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct world *w = line(framing, 300);
        w->options.pause_ms = 150;
        w->options.timeout_ms = 400;
        w->options.retries = 2;
        w->play = plays_by_turns;
        world_start(w, 2);
        for (uint16_t k = 0; k < 200; k++) {
            (void)world_write(w, k % 2, &w->points[2], k);
            world_run(w, 700);
        }
        assert_true(w->sent_count > 300);
        for (int i = 0; i < w->sent_count; i++) {
            for (int next = i + 1; next < w->sent_count; next++) {
                if (w->sent[next].unit != w->sent[i].unit)
                    continue;
                assert_true(w->sent[next].at_ms - w->sent[i].at_ms >= w->answer_ms + 150);
                break;
            }
        }
        world_free(w);
    }
}

static void on_asked(void *ctx, int err, const struct modbus_response *response)
{
    struct world *w = ctx;
    static const struct modbus_request request = { .function = MODBUS_READ_HOLDING,
                                                   .address = 5,
                                                   .count = 1 };
    (void)err;
    (void)response;
    if (w->count-- > 0)
        assert_int_equal(modbus_bus_ask(w->bus, 3, &request, 300, on_asked, w), 0);
}

static void who_asks_without_end_gets_every_other_turn(void **state)
{
    (void)state;
    for (int dead = 0; dead <= 1; dead++) {
        struct world *w = line(MODBUS_RTU, 100);
        world_start(w, 2);
        world_run(w, MINUTE);
        w->dead[3] = dead;
        w->sent_count = 0;
        w->count = 200;
        on_asked(w, 0, NULL);
        world_run(w, 3 * MINUTE);
        int asked = w->sent[0].unit == 3;
        for (int i = 1; asked < 200; i++) {
            assert_true(i < w->sent_count);
            asked += w->sent[i].unit == 3;
            assert_false(w->sent[i].unit == 3 && w->sent[i - 1].unit == 3);
        }
        assert_int_equal(w->ears[0].losses + w->ears[1].losses, 0);
        world_free(w);
    }
}

static void dead_units_cost_the_line_little(void **state)
{
    (void)state;
    for (int once = 0; once <= 1; once++) { /* those that never were there, and those that were once */
        struct world *w = line(MODBUS_RTU, 2000);
        for (int unit = 17; unit <= UNITS; unit++)
            w->dead[unit] = !once;
        world_start(w, UNITS);
        world_run(w, MINUTE);
        for (int unit = 17; unit <= UNITS; unit++)
            w->dead[unit] = true;
        world_run(w, 10 * MINUTE);
        w->sent_count = 0;
        world_run(w, 10 * MINUTE);
        int64_t lost_ms = 0;
        int full = 0;
        for (int i = 0; i + 1 < w->sent_count; i++) {
            if (w->sent[i].unit < 17)
                continue;
            lost_ms += w->sent[i + 1].at_ms - w->sent[i].at_ms;
            full += w->sent[i + 1].at_ms - w->sent[i].at_ms >= 1000;
        }
        assert_in_range(world_count_sent(w, 0, 20), 8, 12); /* each in a minute */
        assert_in_range(full, 30, 60); /* but one in four for as long as the profile says */
        assert_true(lost_ms * 100 < (int64_t)10 * MINUTE * 12); /* 12 % */
        for (int unit = 17; unit <= UNITS; unit++)
            w->dead[unit] = false;
        world_run(w, MINUTE + 5000);
        for (int i = 0; i < UNITS; i++)
            assert_true(w->ears[i].online);
        world_free(w);
    }
}

static void a_slow_device_that_fell_silent_is_found_again(void **state)
{
    (void)state;
    struct world *w = line(MODBUS_RTU, 2000);
    w->answer_ms = 30;
    world_start(w, 2);
    world_run(w, MINUTE);
    w->dead[2] = true;
    world_run(w, 10 * MINUTE);
    w->dead[2] = false;
    w->answer_ms = 900; /* after its restart it takes its time */
    world_run(w, 5 * MINUTE);
    assert_true(w->ears[1].online);
    assert_int_equal(w->ears[1].losses, 1);
    world_free(w);
}

/* The device of KEBA's kind: what is written more often than each 5 s is lost on it. */
static void writes_of_a_point_keep_their_interval_and_none_is_lost(void **state)
{
    (void)state;
    for (int trouble = 0; trouble <= 1; trouble++) {
        struct world *w = line(MODBUS_TCP, 1000);
        world_add_point(w, "keepalive", 30, 1, 0);
        w->options.write_interval_ms = 5000;
        world_start(w, 1);
        world_run(w, 10000);
        w->play = trouble ? plays_by_turns : NULL;
        int written = 0;
        for (uint16_t k = 1; k <= 600; k++) {
            assert_int_equal(world_write(w, 0, &w->points[2], k), 0);
            written++;
            if (k % 60 == 0) { /* another point waits for no interval but its own */
                int64_t start_ms = w->now_ms;
                assert_int_equal(world_write(w, 0, &w->points[3], k), 0);
                written++;
                world_run(w, 2500);
                assert_true(w->registers[1][30] == k || trouble);
                assert_true(w->ears[0].done_ms >= start_ms);
            }
            world_run(w, 300);
        }
        world_run(w, 10000);
        assert_int_equal(w->ears[0].done, written);
        assert_true(w->registers[1][20] == 600 || trouble);
        int64_t last_ms = 0;
        int writes = 0;
        for (int i = 0; i < w->sent_count; i++) {
            if (w->sent[i].address != 20)
                continue;
            /* A time-out's repetition is no new write. */
            assert_true(w->sent[i].at_ms - last_ms >= (trouble ? 200 : 5000));
            last_ms = w->sent[i].at_ms;
            writes++;
        }
        assert_in_range(writes, 38, trouble ? 90 : 44); /* in 205 s */
        world_free(w);
    }
}

static void a_stop_written_to_the_point_of_the_limit_waits_but_is_not_lost(void **state)
{
    (void)state;
    struct world *w = line(MODBUS_RTU, 1000);
    w->options.write_interval_ms = 5000;
    world_start(w, 1);
    world_run(w, 10000);
    for (uint16_t k = 0; k < 20; k++) {
        assert_int_equal(world_write(w, 0, &w->points[2], 160), 0);
        world_run(w, 100);
        assert_int_equal(world_write(w, 0, &w->points[2], 0), 0);
        world_run(w, 5000);
        assert_int_equal(w->registers[1][20], 0);
        assert_int_equal(w->ears[0].done_ok, 2 * (k + 1));
        world_run(w, 5000);
    }
    world_free(w);
}

int main(void)
{
    log_set_level(LOG_MODBUS, LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_waits_for_what_is_on_the_wire_and_no_more),
        cmocka_unit_test(no_keepalive_starves_on_a_full_line_of_slow_units),
        cmocka_unit_test(a_command_goes_before_the_repetition_of_a_poll),
        cmocka_unit_test(a_command_goes_before_the_repetition_of_a_read),
        cmocka_unit_test(a_read_that_gave_way_is_not_tried_for_ever),
        cmocka_unit_test(the_pause_is_kept_whatever_came),
        cmocka_unit_test(who_asks_without_end_gets_every_other_turn),
        cmocka_unit_test(dead_units_cost_the_line_little),
        cmocka_unit_test(a_slow_device_that_fell_silent_is_found_again),
        cmocka_unit_test(writes_of_a_point_keep_their_interval_and_none_is_lost),
        cmocka_unit_test(a_stop_written_to_the_point_of_the_limit_waits_but_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
