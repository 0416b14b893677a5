/* The bus at work: what leaves for the peer, in which order, and what the charger hears of it. */
#include "tests/support/modbus_bench.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

static void polled_values_arrive_in_batches(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct mbench *b = mbench_new(framing);
        mbench_add_point(b, "a", MODBUS_HOLDING, 10, 1, 30);
        mbench_add_point(b, "b", MODBUS_HOLDING, 12, 2, 30);
        b->coils[0] = 0xA5;
        b->coils[1] = 0x03;
        mbench_add_point(b, "c", MODBUS_COIL, 0, 3, 30);
        mbench_add_point(b, "d", MODBUS_COIL, 2, 8, 30);
        mbench_start(b, 1);
        mbench_await(b, "online c=05 d=E9 | a=000A b=000C000D | ");
        assert_true(str_starts(b->requests, "1.1:0+10 1.3:10+4 "));
        assert_int_equal(modbus_bus_counters(b->bus)->bad_frames, 0);
        mbench_free(b);
    }
}

static void a_write_leaves_at_once_and_before_polls(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    for (int i = 0; i < 6; i++)
        mbench_add_point(b, "p", MODBUS_HOLDING, (uint16_t)(8 * i), 1, 1000);
    b->points[0].at.modbus.count = 1;
    mbench_start(b, 1);
    mbench_await(b, "online ");
    /* Five polls are due; the write was asked for last. */
    mbench_forget(b);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "1234"), 0);
    mbench_await(b, "done(0) ");
    const char *write = strstr(b->requests, "1.6:8+1 ");
    assert_non_null(write);
    assert_true(write - b->requests <= 8); /* at most the one poll that was on the wire */

    mbench_run(b, 0, NULL, 50);
    uint64_t before = modbus_bus_counters(b->bus)->requests;
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0008"), 0);
    assert_int_equal(modbus_bus_counters(b->bus)->requests, before + 1); /* no turn of the loop between */
    mbench_free(b);
}

static void the_function_code_follows_profile_and_point(void **state)
{
    (void)state;
    static const struct {
        enum modbus_kind kind;
        uint16_t count;
        uint8_t point_function;
        int option;
        const char *raw, *requests;
    } rows[] = {
        { MODBUS_HOLDING, 1, 0, 0, "1234", "1.6:0+1 " },
        { MODBUS_HOLDING, 2, 0, 0, "12345678", "1.16:0+2 " },
        { MODBUS_HOLDING, 1, 0, 16, "1234", "1.16:0+1 " },
        { MODBUS_HOLDING, 2, 0, 6, "12345678", "1.6:0+1 1.6:1+1 " },
        { MODBUS_HOLDING, 1, 16, 6, "1234", "1.16:0+1 " },
        { MODBUS_HOLDING, 1, 6, 16, "1234", "1.6:0+1 " },
        { MODBUS_HOLDING, 1, 22, 0, "1234", "1.22:0+1 " },
        { MODBUS_HOLDING, 2, 23, 0, "12345678", "1.23:0+2 " },
        { MODBUS_COIL, 1, 0, 0, "01", "1.5:0+1 " },
        { MODBUS_COIL, 1, 0, 16, "01", "1.15:0+1 " },
        { MODBUS_COIL, 3, 0, 0, "05", "1.15:0+3 " },
        { MODBUS_COIL, 3, 0, 6, "05", "1.5:0+1 1.5:1+1 1.5:2+1 " },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mbench *b = mbench_new(MODBUS_TCP);
        mbench_add_point(b, "state", MODBUS_HOLDING, 30, 1, 100000);
        struct point *point = mbench_add_point(b, "p", rows[i].kind, 0, rows[i].count, 0);
        point->at.modbus.write_function = rows[i].point_function;
        b->options.write_function = rows[i].option;
        mbench_start(b, 1);
        mbench_await(b, "online ");
        mbench_run(b, 0, NULL, 5);
        mbench_forget(b);
        assert_int_equal(mbench_write(b, 0, point, rows[i].raw), 0);
        mbench_await(b, "done(0) ");
        assert_string_equal(b->requests, rows[i].requests);
        uint8_t wanted[4];
        int len = hex_decode(rows[i].raw, wanted, sizeof(wanted));
        assert_memory_equal(rows[i].kind == MODBUS_COIL ? b->coils : b->registers, wanted, (size_t)len);
        mbench_free(b);
    }
}

static void a_mask_write_leaves_the_other_bits(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    struct point *point = &b->points[1];
    point->at.modbus.write_function = MODBUS_MASK_WRITE;
    point->mask = 0x00F0;
    b->registers[40] = 0xAB;
    b->registers[41] = 0xCD;
    assert_int_equal(mbench_write(b, 0, point, "0010"), 0);
    mbench_await(b, "done(0) ");
    assert_int_equal(b->registers[40] << 8 | b->registers[41], 0xAB1D);
    point->low_byte_first = true; /* the same mask, of a value that stands the other way round */
    assert_int_equal(mbench_write(b, 0, point, "2000"), 0);
    mbench_await(b, "done(0) ");
    assert_int_equal(b->registers[40] << 8 | b->registers[41], 0x2B1D);
    mbench_free(b);
}

static void impossible_requests_are_refused_at_once(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "12"), -EINVAL);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "123456"), -EINVAL);
    b->points[1].at.modbus.kind = MODBUS_INPUT;
    assert_int_equal(mbench_write(b, 0, &b->points[1], "1234"), -EINVAL);
    b->points[1].access = ACCESS_W;
    assert_int_equal(mbench_read(b, 0, &b->points[1]), -EINVAL);
    mbench_free(b);
}

static void a_newer_write_supersedes_the_one_still_queued(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    /* The first is on the wire, the second waits, the third takes its place. */
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0002"), 0);
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0003"), 0);
    assert_false(mbench_has_heard(b, 0, "done")); /* never from inside */
    mbench_run(b, 0, NULL, 50);
    assert_true(mbench_has_heard(b, 0, "done(2006) "));
    assert_int_equal(b->registers[41], 3);
    assert_int_equal(mbench_times(b, "1.6:20+1 "), 2);
    mbench_free(b);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    int r = 0, taken = 0;
    while ((r = mbench_read(b, 0, &b->points[1])) == 0)
        taken++;
    assert_int_equal(r, -ENOBUFS);
    assert_int_equal(taken, 64);
    /* No reads keep a command from the device. */
    assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
    mbench_free(b);
}

static void a_read_gives_its_value_before_its_end(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    assert_int_equal(mbench_read(b, 0, &b->points[1]), 0);
    mbench_await(b, "limit=0014 | done(0) ");
    b->hole = 20;
    assert_int_equal(mbench_read(b, 0, &b->points[1]), 0);
    mbench_await(b, "limit:none(2001) | done(2001) ");
    mbench_free(b);
}

static void units_of_a_line_take_turns(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_RTU);
    mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 1); /* more than the line can carry */
    mbench_start(b, 2);
    mbench_run(b, 1, "online ", MBENCH_PATIENCE_MS);
    mbench_forget(b);
    mbench_run(b, 0, NULL, 100);
    assert_true(b->batches[0] > 10);
    assert_in_range(b->batches[1], b->batches[0] * 3 / 4, b->batches[0] * 4 / 3);
    mbench_free(b);
}

static void the_pause_of_the_profile_is_kept(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    for (int i = 0; i < 4; i++)
        mbench_add_point(b, "p", MODBUS_HOLDING, (uint16_t)(8 * i), 1, 100000);
    b->options.pause_ms = 30;
    int64_t start_ms = mbench_now_ms(b);
    mbench_start(b, 1);
    mbench_await(b, "| p=0008 | p=0010 | p=0018 | ");
    assert_true(mbench_now_ms(b) - start_ms >= 90);
    mbench_free(b);
}

static void a_device_may_go_with_its_request_on_the_wire(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct mbench *b = mbench_new(framing);
        mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 20);
        mbench_add_point(b, "limit", MODBUS_HOLDING, 20, 1, 0);
        mbench_start(b, 2);
        mbench_await(b, "online ");
        mbench_run(b, 1, "online ", MBENCH_PATIENCE_MS);
        assert_int_equal(mbench_write(b, 0, &b->points[1], "0001"), 0);
        assert_int_equal(mbench_write(b, 0, &b->points[1], "0002"), 0);
        assert_int_equal(mbench_write(b, 0, &b->points[1], "0003"), 0);
        modbus_device_ops.free(STEAL(b->devices[0]));
        mbench_forget(b);
        mbench_run(b, 1, "state=000A ", MBENCH_PATIENCE_MS);
        assert_string_equal(b->heard[0], "");
        mbench_free(b);
    }
}

static void a_device_may_join_an_open_link(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_TCP);
    mbench_join(b, 1);
    assert_string_equal(b->heard[1], ""); /* nothing from inside */
    mbench_run(b, 1, "online state=000A | ", MBENCH_PATIENCE_MS);
    mbench_free(b);
}

struct answers {
    struct mbench *b;
    int count, err;
    uint8_t exception, data[8];
    size_t len;
    int to_ask; /* again, from the callback */
};

static const struct modbus_request read_two = { .function = MODBUS_READ_HOLDING, .address = 8, .count = 2 };

static void on_asked(void *ctx, int err, const struct modbus_response *response)
{
    struct answers *a = ctx;
    a->count++;
    a->err = err;
    assert_int_equal(response != NULL, err == 0);
    if (response) {
        a->exception = response->exception;
        a->len = response->data_len < sizeof(a->data) ? response->data_len : sizeof(a->data);
        if (a->len > 0)
            memcpy(a->data, response->data, a->len);
    }
    if (a->to_ask > 0 && a->to_ask--)
        assert_int_equal(modbus_bus_ask(a->b->bus, 1, &read_two, 100, on_asked, a), 0);
}

static void await_answers(struct answers *a, int count)
{
    for (int i = 0; i < 500 && a->count < count; i++)
        mbench_run(a->b, 0, NULL, 5);
    assert_int_equal(a->count, count);
}

static void anyone_may_ask_besides_the_devices(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct mbench *b = mbench_online(framing);
        struct answers a = { .b = b };
        assert_int_equal(modbus_bus_ask(b->bus, 9, &read_two, 100, on_asked, &a), 0);
        assert_int_equal(a.count, 0); /* never from inside */
        await_answers(&a, 1);
        assert_int_equal(a.err, 0);
        assert_memory_equal(a.data, "\0\x08\0\x09", 4);
        b->hole = 8;
        assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
        await_answers(&a, 2);
        assert_int_equal(a.err, 0);
        assert_int_equal(a.exception, MODBUS_ILLEGAL_ADDRESS);
        const uint8_t value[] = { 0xAB, 0xCD };
        struct modbus_request write = {
            .function = MODBUS_WRITE_REGISTER, .address = 3, .count = 1, .data = value, .data_len = 2
        };
        assert_int_equal(modbus_bus_ask(b->bus, 1, &write, 100, on_asked, &a), 0);
        await_answers(&a, 3);
        assert_memory_equal(b->registers + 6, value, 2);
        assert_false(mbench_has_heard(b, 0, "offline"));
        mbench_free(b);
    }
}

static void who_asks_hears_of_silence_once_and_no_device_suffers(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct mbench *b = mbench_online(framing);
        struct answers a = { .b = b };
        b->trick_unit = 9;
        mbench_play(b, TRICK_MUTE, -1);
        assert_int_equal(modbus_bus_ask(b->bus, 9, &read_two, 40, on_asked, &a), 0);
        await_answers(&a, 1);
        assert_int_equal(a.err, -ERR_NO_ANSWER);
        mbench_run(b, 0, NULL, 100);
        assert_int_equal(a.count, 1);
        assert_int_equal(mbench_times(b, "9.3:8+2 "), 1);
        assert_true(b->batches[0] > 2);
        assert_false(mbench_has_heard(b, 0, "offline"));
        mbench_free(b);
    }
}

static void a_late_answer_to_what_was_asked_is_no_value_of_a_device(void **state)
{
    (void)state;
    struct mbench *b = mbench_online(MODBUS_RTU);
    struct answers a = { .b = b };
    const struct modbus_request other = { .function = MODBUS_READ_HOLDING, .address = 33, .count = 1 };
    mbench_run(b, 0, "state=", MBENCH_PATIENCE_MS);
    mbench_play(b, TRICK_LATE, 1); /* comes with the next answer, and would fit the poll */
    assert_int_equal(modbus_bus_ask(b->bus, 1, &other, 40, on_asked, &a), 0);
    await_answers(&a, 1);
    assert_int_equal(a.err, -ERR_NO_ANSWER);
    mbench_run(b, 0, NULL, 20);
    mbench_send_late(b);
    mbench_run(b, 0, NULL, 200);
    assert_false(mbench_has_heard(b, 0, "state=0021 "));
    assert_true(mbench_has_heard(b, 0, "state=000A "));
    mbench_free(b);
}

static void questions_and_polls_take_turns(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    mbench_add_point(b, "state", MODBUS_HOLDING, 10, 1, 1);
    mbench_start(b, 1);
    mbench_await(b, "online ");
    mbench_forget(b);
    struct answers a = { .b = b, .to_ask = 499 };
    int64_t start_ms = mbench_now_ms(b);
    assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
    await_answers(&a, 500);
    assert_true(b->batches[0] > (mbench_now_ms(b) - start_ms) / 4);
    mbench_free(b);
}

static void what_is_forgotten_calls_nobody(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_RTU; framing++) {
        struct mbench *b = mbench_online(framing);
        struct answers a = { .b = b }, other = { .b = b };
        assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
        assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &other), 0);
        assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
        modbus_bus_forget(b->bus, &a);
        await_answers(&other, 1);
        assert_int_equal(other.err, 0);
        mbench_forget(b);
        mbench_await(b, "state=000A ");
        assert_int_equal(a.count, 0);
        modbus_bus_forget(b->bus, &a);
        mbench_free(b);
    }
}

static void impossible_questions_are_refused(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_RTU);
    struct answers a = { .b = b };
    mbench_start(b, 0);
    const struct modbus_request bad = { .function = MODBUS_READ_HOLDING, .count = 126 };
    assert_int_equal(modbus_bus_ask(b->bus, 1, &bad, 100, on_asked, &a), -EINVAL);
    assert_int_equal(modbus_bus_ask(b->bus, 0, &read_two, 100, on_asked, &a), -EINVAL);
    assert_int_equal(modbus_bus_ask(b->bus, 256, &read_two, 100, on_asked, &a), -EINVAL);
    int r = 0, taken = 0;
    while ((r = modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a)) == 0)
        taken++;
    assert_int_equal(r, -ENOBUFS);
    assert_int_equal(taken, 64);
    await_answers(&a, 64);
    assert_int_equal(a.err, 0);
    mbench_free(b);
}

static void questions_do_not_wait_for_a_host_that_is_not_there(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    struct answers a = { .b = b };
    int err = 0;
    listener_free(STEAL(b->listener));
    mbench_start(b, 0);
    assert_int_equal(modbus_bus_link(b->bus, &err), MODBUS_LINK_OPENING);
    assert_int_equal(err, 0);
    assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
    await_answers(&a, 1);
    assert_int_equal(a.err, -ERR_LINK_DOWN);
    assert_int_equal(modbus_bus_link(b->bus, &err), MODBUS_LINK_LOST);
    assert_int_equal(err, -ECONNREFUSED);
    assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
    assert_int_equal(a.count, 1); /* never from inside */
    await_answers(&a, 2);
    mbench_free(b);
}

static void a_question_waits_for_a_link_that_worked(void **state)
{
    (void)state;
    struct mbench *b = mbench_new(MODBUS_TCP);
    struct answers a = { .b = b };
    mbench_start(b, 0);
    assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
    await_answers(&a, 1);
    mbench_play(b, TRICK_HANG_UP, 1);
    assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
    assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
    await_answers(&a, 3);
    assert_int_equal(a.err, 0);
    assert_int_equal(b->connections, 2);
    /* A write may have been done: only who asked knows whether it may be done again. */
    const uint8_t value[] = { 0, 1 };
    struct modbus_request write = {
        .function = MODBUS_WRITE_REGISTER, .address = 3, .count = 1, .data = value, .data_len = 2
    };
    mbench_forget(b);
    mbench_play(b, TRICK_HANG_UP, 1);
    assert_int_equal(modbus_bus_ask(b->bus, 1, &write, 100, on_asked, &a), 0);
    await_answers(&a, 4);
    assert_int_equal(a.err, -ERR_LINK_DOWN);
    mbench_run(b, 0, NULL, 200);
    assert_int_equal(mbench_times(b, "1.6:3+1 "), 1);
    mbench_play(b, TRICK_HANG_UP, 2); /* that was the request, then */
    assert_int_equal(modbus_bus_ask(b->bus, 1, &read_two, 100, on_asked, &a), 0);
    await_answers(&a, 5);
    assert_int_equal(a.err, -ERR_LINK_DOWN);
    mbench_free(b);
}

int main(void)
{
    log_set_level(LOG_MODBUS, LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polled_values_arrive_in_batches),
        cmocka_unit_test(a_write_leaves_at_once_and_before_polls),
        cmocka_unit_test(the_function_code_follows_profile_and_point),
        cmocka_unit_test(a_mask_write_leaves_the_other_bits),
        cmocka_unit_test(impossible_requests_are_refused_at_once),
        cmocka_unit_test(a_newer_write_supersedes_the_one_still_queued),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(a_read_gives_its_value_before_its_end),
        cmocka_unit_test(units_of_a_line_take_turns),
        cmocka_unit_test(the_pause_of_the_profile_is_kept),
        cmocka_unit_test(a_device_may_go_with_its_request_on_the_wire),
        cmocka_unit_test(a_device_may_join_an_open_link),
        cmocka_unit_test(anyone_may_ask_besides_the_devices),
        cmocka_unit_test(who_asks_hears_of_silence_once_and_no_device_suffers),
        cmocka_unit_test(a_late_answer_to_what_was_asked_is_no_value_of_a_device),
        cmocka_unit_test(questions_and_polls_take_turns),
        cmocka_unit_test(what_is_forgotten_calls_nobody),
        cmocka_unit_test(impossible_questions_are_refused),
        cmocka_unit_test(questions_do_not_wait_for_a_host_that_is_not_there),
        cmocka_unit_test(a_question_waits_for_a_link_that_worked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
