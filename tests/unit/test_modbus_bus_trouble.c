/* The bus in trouble: what the charger hears when the peer is late, wrong, silent or gone. */
#include "tests/support/modbus_bench.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"

static void an_exception_refuses_a_write_and_the_device_stays(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    b->hole = 20;
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    mbench_await(b, "done(2001) ");
    mbench_run(b, 0, NULL, 50);
    assert_false(mbench_has_heard(b, 0, "offline"));
    mbench_free(b);
}

static void a_busy_device_is_asked_again(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 100000);
    mbench_add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
    b->options.retries = 2;
    mbench_start(b, 1);
    mbench_await(b, "online ");
    b->exception = MODBUS_BUSY;
    mbench_play(b, TRICK_EXCEPTION, 2);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    mbench_await(b, "done(0) ");
    mbench_play(b, TRICK_EXCEPTION, 3);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0002"), 0);
    mbench_await(b, "done(2001) ");
    mbench_forget(b);
    mbench_play(b, TRICK_EXCEPTION, 2);
    assert_int_equal(mbench_read(b, 0, &b->points[1]), 0);
    mbench_await(b, "limit=0002 | done(0) ");
    mbench_forget(b);
    mbench_play(b, TRICK_EXCEPTION, 3);
    assert_int_equal(mbench_read(b, 0, &b->points[1]), 0);
    mbench_await(b, "done(2001) ");
    assert_false(mbench_has_heard(b, 0, "limit:none")); /* what was known stays */
    mbench_free(b);
}

static void refused_registers_split_the_block_and_cost_only_their_point(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    static const char *const names[] = { "a", "b", "c", "d" };
    for (uint16_t i = 0; i < 4; i++)
        mbench_add_point(b, names[i], MODBUS_HOLDING, (uint16_t)(10 + i), 1, 30);
    b->hole = 12;
    mbench_start(b, 1);
    mbench_await(b, "c:none(2001) | ");
    mbench_await(b, "a=000A b=000B | ");
    mbench_await(b, "d=000D | ");
    mbench_forget(b);
    mbench_run(b, 0, NULL, 100);
    assert_null(strstr(b->requests, ":12+")); /* asked for rarely from now on */
    assert_non_null(strstr(b->requests, "1.3:10+2 "));
    mbench_free(b);
}

static void a_late_answer_is_recognised_and_dropped(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct mbench *b = mbench_online(framing);
        /* The read of 20 is answered after its time-out, ahead of the answer to the next poll. */
        mbench_play(b, TRICK_LATE, 1);
        b->points[1].at.modbus.count = 2;
        assert_int_equal(mbench_read(b, 0, &b->points[1]), 0);
        mbench_await(b, "done(2002) ");
        mbench_await(b, "state=000A ");
        assert_false(mbench_has_heard(b, 0, "limit="));
        assert_false(mbench_has_heard(b, 0, "state=0014"));
        assert_false(mbench_has_heard(b, 0, "offline"));
        assert_int_equal(modbus_bus_counters(b->bus)->late_answers, 1);
        mbench_free(b);
    }
}

static void a_late_answer_that_would_fit_the_next_request_is_waited_for(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_RTU);
    mbench_play(b, TRICK_LATE, 1); /* as long as the answer to the poll, which may be asked at once */
    assert_int_equal(mbench_read(b, 0, &b->points[1]), 0);
    mbench_await(b, "done(2002) ");
    mbench_forget(b);
    mbench_run(b, 0, NULL, MBENCH_TIMEOUT_MS / 2);
    mbench_send_late(b);
    mbench_await(b, "state=");
    assert_false(mbench_has_heard(b, 0, "state=0014 "));
    assert_int_equal(modbus_bus_counters(b->bus)->late_answers, 1);
    mbench_free(b);
}

static void a_broken_answer_is_asked_for_again(void **state)
{
    (void)state;
    static const struct {
        enum modbus_framing framing;
        enum mbench_trick trick;
        bool is_bad;
    } rows[] = {
        { MODBUS_TCP, TRICK_WRONG_UNIT, true },     { MODBUS_TCP, TRICK_WRONG_FUNCTION, true },
        { MODBUS_TCP, TRICK_MUTE, false },          { MODBUS_RTU, TRICK_WRONG_UNIT, false },
        { MODBUS_RTU, TRICK_WRONG_CHECKSUM, true }, { MODBUS_RTU, TRICK_WRONG_FUNCTION, false },
        { MODBUS_RTU, TRICK_GARBAGE, true },        { MODBUS_RTU, TRICK_MUTE, false },
        { MODBUS_RTU, TRICK_NOISE, true },          { MODBUS_ASCII, TRICK_WRONG_CHECKSUM, true },
        { MODBUS_ASCII, TRICK_GARBAGE, true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mbench *b = mbench_new(rows[i].framing);
        mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
        mbench_add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
        b->options.retries = 1;
        mbench_start(b, 1);
        mbench_await(b, "online ");
        mbench_play(b, rows[i].trick, 1);
        assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
        mbench_await(b, "done(0) ");
        assert_false(mbench_has_heard(b, 0, "offline"));
        assert_int_equal(modbus_bus_counters(b->bus)->bad_frames > 0, rows[i].is_bad);
        mbench_free(b);
    }
}

static void a_silent_device_goes_offline_and_comes_back(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct mbench *b = mbench_online(framing);
        mbench_play(b, TRICK_MUTE, -1);
        mbench_await(b, "offline(2002) ");
        mbench_forget(b);
        assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
        assert_false(mbench_has_heard(b, 0, "done"));
        mbench_await(b, "done(2002) ");
        mbench_run(b, 0, NULL, 300);
        assert_false(mbench_has_heard(b, 0, "offline")); /* told once */
        mbench_play(b, TRICK_NONE, 0);
        mbench_await(b, "online state=000A | ");
        mbench_free(b);
    }
}

static void a_write_without_answer_is_no_proof_of_a_dead_device(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    mbench_play(b, TRICK_MUTE, 1);
    mbench_await(b, "done(2002) ");
    mbench_await(b, "state=");
    assert_false(mbench_has_heard(b, 0, "offline"));
    mbench_free(b);
}

static void waiting_writes_fail_with_the_device(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    mbench_add_point(b, "more", MODBUS_HOLDING, 21, 1, 0);
    mbench_play(b, TRICK_MUTE, -1);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    assert_int_equal(mbench_write(b, 0, &b->points[2], "0001"), 0);
    mbench_await(b, "done(2002) offline(2002) done(2002) ");
    mbench_free(b);
}

static void a_dead_unit_costs_its_neighbour_one_time_out_per_period(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_RTU);
    mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    b->options.retries = 2;
    b->trick_unit = 2;
    mbench_play(b, TRICK_MUTE, -1);
    mbench_start(b, 2);
    mbench_await(b, "online ");
    mbench_run(b, 1, "offline(2002) ", MBENCH_PATIENCE_MS);
    mbench_forget(b);
    mbench_run(b, 0, NULL, 2000);
    /* Periods of 1 s and 2 s: one or two probes, whatever the retries; all else is the neighbour's. */
    assert_in_range(mbench_times(b, "2.3:10+1 "), 1, 2);
    assert_true(b->batches[0] > 40);
    assert_false(mbench_has_heard(b, 0, "offline"));

    mbench_play(b, TRICK_NONE, 0);
    mbench_run(b, 1, "online state=000A | ", MBENCH_PATIENCE_MS);
    mbench_free(b);
}

static void a_silent_unit_of_a_device_with_several_costs_only_its_points(void **state)
{
    (void)state;
    for (int silent = 1; silent <= 2; silent++) {
        struct mbench *b = mbench_new(MODBUS_RTU);
        mbench_add_point(b, "a", MODBUS_HOLDING, 10, 1, 20);
        mbench_add_point(b, "b", MODBUS_HOLDING, 11, 1, 20);
        b->points[1].at.modbus.unit_offset = 1;
        b->trick_unit = silent;
        mbench_play(b, TRICK_MUTE, -1);
        mbench_start(b, 1);
        mbench_await(b, silent == 1 ? "a:none(2002) " : "b:none(2002) ");
        mbench_await(b, silent == 1 ? "b=000B " : "a=000A ");
        mbench_forget(b);
        mbench_run(b, 0, NULL, 500);
        assert_string_equal(strstr(b->heard[0], "o") ? b->heard[0] : "",
                            ""); /* neither offline nor none again */
        assert_true(b->batches[0] > 10);
        mbench_play(b, TRICK_NONE, 0);
        mbench_await(b, silent == 1 ? "online a=000A " : "online b=000B ");
        b->trick_unit = 3 - silent; /* and the other way round */
        mbench_play(b, TRICK_MUTE, -1);
        mbench_await(b, silent == 1 ? "b:none(2002) " : "a:none(2002) ");
        assert_false(mbench_has_heard(b, 0, "offline"));
        b->trick_unit = -1;
        mbench_await(b, "offline(2002) ");
        mbench_play(b, TRICK_NONE, 0);
        mbench_await(b, "online ");
        mbench_await(b, silent == 1 ? "a=000A " : "b=000B ");
        mbench_free(b);
    }
}

static void a_lost_link_is_opened_again(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    mbench_play(b, TRICK_HANG_UP, 1);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    mbench_await(b, "done(0) ");
    assert_int_equal(b->connections, 2);
    assert_int_equal(mbench_times(b, "1.6:20+1 "), 2);
    assert_false(mbench_has_heard(b, 0, "line")); /* neither offline nor online */
    mbench_free(b);
}

static void a_link_that_cannot_be_opened_again_loses_its_device_after_a_grace(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    listener_free(STEAL(b->listener));
    mbench_play(b, TRICK_HANG_UP, 1);
    int64_t start_ms = mbench_now_ms(b);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    mbench_await(b, "offline(2003) done(2003) ");
    assert_true(mbench_now_ms(b) - start_ms >= 3 * MBENCH_TIMEOUT_MS);
    mbench_forget(b);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    mbench_await(b, "done(2003) ");
    mbench_listen(b, b->settings.port);
    mbench_await(b, "online state=000A | ");
    mbench_free(b);
}

static void a_peer_that_is_not_there_is_told_once(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    uint16_t port = b->settings.port;
    listener_free(STEAL(b->listener));
    mbench_start(b, 1);
    mbench_await(b, "offline(2003) ");
    mbench_run(b, 0, NULL, 300);
    assert_string_equal(b->heard[0], "offline(2003) ");
    mbench_listen(b, port);
    mbench_await(b, "online ");
    mbench_free(b);
}

static void bytes_that_are_no_modbus_close_the_connection(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    mbench_play(b, TRICK_GARBAGE, 1);
    mbench_forget(b);
    mbench_run(b, 0, NULL, 200);
    mbench_await(b, "state=000A | ");
    assert_false(mbench_has_heard(b, 0, "line"));
    assert_int_equal(b->connections, 2);
    assert_int_equal(modbus_bus_counters(b->bus)->bad_frames, 1);
    mbench_free(b);
}

static void a_gateway_may_say_that_a_unit_is_dead(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
    b->exception = MODBUS_NO_ANSWER;
    b->trick_unit = 2;
    mbench_play(b, TRICK_EXCEPTION, -1);
    mbench_start(b, 2);
    mbench_await(b, "online ");
    mbench_run(b, 1, "offline(2002) ", MBENCH_PATIENCE_MS);
    mbench_run(b, 0, NULL, 100);
    assert_false(mbench_has_heard(b, 0, "offline"));
    mbench_play(b, TRICK_NONE, 0);
    mbench_run(b, 1, "online ", MBENCH_PATIENCE_MS);
    mbench_free(b);
}

int main(void)
{
    log_set_level(LOG_MODBUS, LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exception_refuses_a_write_and_the_device_stays),
        cmocka_unit_test(a_busy_device_is_asked_again),
        cmocka_unit_test(refused_registers_split_the_block_and_cost_only_their_point),
        cmocka_unit_test(a_late_answer_is_recognised_and_dropped),
        cmocka_unit_test(a_late_answer_that_would_fit_the_next_request_is_waited_for),
        cmocka_unit_test(a_broken_answer_is_asked_for_again),
        cmocka_unit_test(a_silent_device_goes_offline_and_comes_back),
        cmocka_unit_test(a_write_without_answer_is_no_proof_of_a_dead_device),
        cmocka_unit_test(waiting_writes_fail_with_the_device),
        cmocka_unit_test(a_dead_unit_costs_its_neighbour_one_time_out_per_period),
        cmocka_unit_test(a_silent_unit_of_a_device_with_several_costs_only_its_points),
        cmocka_unit_test(a_lost_link_is_opened_again),
        cmocka_unit_test(a_link_that_cannot_be_opened_again_loses_its_device_after_a_grace),
        cmocka_unit_test(a_peer_that_is_not_there_is_told_once),
        cmocka_unit_test(bytes_that_are_no_modbus_close_the_connection),
        cmocka_unit_test(a_gateway_may_say_that_a_unit_is_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
