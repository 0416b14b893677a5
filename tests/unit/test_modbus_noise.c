/* What comes over the wire is not what was meant: echoes, pieces, garbage, answers that are late, another's, too long, or no. In
 * virtual time; that no value is ever a wrong one is compared by tests/virtual/modbus_world.c with each value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "tests/virtual/modbus_world.h"

#define MINUTE 60000

static struct world *charger(enum modbus_framing framing, bool serial)
{
    struct world *w = world_new(framing, serial);
    world_add_point(w, "state", 10, 1, 1000);
    world_add_point(w, "limit", 20, 1, 0);
    return w;
}

/* ---- echo ---- */

static const struct {
    enum modbus_framing framing;
    bool serial;
    int write_function;
} lines[] = {
    { MODBUS_RTU, true, 0 },  { MODBUS_ASCII, true, 0 },  { MODBUS_RTU, false, 0 },
    { MODBUS_RTU, true, 16 }, { MODBUS_ASCII, true, 16 }, { MODBUS_ASCII, false, 0 },
};

static void a_line_with_an_echo_is_as_good_as_one_without(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct world *w = charger(lines[i].framing, lines[i].serial);
        w->options.write_function = lines[i].write_function;
        w->echo = true;
        world_start(w, 2);
        world_run(w, MINUTE);
        for (int k = 0; k < 100; k++) {
            assert_int_equal(world_write(w, k % 2, &w->points[1], (uint16_t)k), 0);
            world_run(w, 500);
            assert_int_equal(w->ears[k % 2].done_ok, k / 2 + 1);
            assert_int_equal(w->registers[k % 2 + 1][20], k);
        }
        const struct bus_counters *c = modbus_bus_counters(w->bus);
        assert_int_equal(c->timeouts + c->bad_frames + c->late_answers, 0);
        assert_int_equal(w->ears[0].losses + w->ears[1].losses, 0);
        assert_true(w->ears[0].values > 100);
        assert_int_equal(w->log_lines, 1); /* that there is one */
        world_free(w);
    }
}

static void an_echo_is_no_answer_of_a_dead_unit(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct world *w = charger(lines[i].framing, lines[i].serial);
        w->options.write_function = lines[i].write_function;
        w->echo = true;
        world_start(w, 2);
        world_run(w, MINUTE);
        w->dead[2] = true;
        assert_int_equal(world_write(w, 1, &w->points[1], 7), 0);
        world_run(w, 10000);
        assert_int_equal(w->ears[1].done, 1);
        assert_int_equal(w->ears[1].done_ok, 0);
        assert_false(w->ears[1].online);
        assert_true(w->ears[0].online);
        world_free(w);
    }
}

static void the_first_request_of_all_may_be_a_write(void **state)
{
    (void)state;
    for (int echo = 0; echo <= 1; echo++) {
        struct world *w = world_new(MODBUS_RTU, true);
        world_add_point(w, "limit", 20, 1, 0);
        w->points[0].access = ACCESS_W; /* nothing can be read */
        w->echo = echo;
        world_start(w, 1);
        world_run(w, 1000);
        for (int k = 1; k <= 3; k++) {
            assert_int_equal(world_write(w, 0, &w->points[0], (uint16_t)k), 0);
            world_run(w, 2500);
            assert_int_equal(w->ears[0].done_ok, k);
            assert_int_equal(w->registers[1][20], k);
        }
        assert_int_equal(w->sent_count, 3); /* none was repeated */
        world_free(w);
    }
}

static bool echoes_in_pieces_behind_noise(struct world *w, const struct modbus_frame *frame,
                                          const struct modbus_request *request)
{
    static const uint8_t noise[] = { 0x00, 0xFF, 0x01, 0x03 };
    uint8_t echo[MODBUS_MAX_FRAME], answer[MODBUS_MAX_FRAME];
    int len = modbus_encode_frame(w->settings.framing, frame, echo, sizeof(echo));
    assert_true(len > 0);
    size_t answer_len = world_answer(w, frame, request, answer);
    if (w->count++ % 3 == 1)
        world_deliver(w, 0, noise, sizeof(noise));
    for (int at = 0; at < len; at += 3)
        world_deliver(w, at, echo + at, (size_t)(len - at < 3 ? len - at : 3));
    if (frame->unit == 1)
        for (size_t at = 0; at < answer_len; at += 2)
            world_deliver(w, 40 + (int64_t)at, answer + at, answer_len - at < 2 ? answer_len - at : 2);
    return true;
}

static void an_echo_may_come_in_pieces_and_behind_noise(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_RTU; framing <= MODBUS_ASCII; framing++) {
        struct world *w = charger(framing, true);
        w->play = echoes_in_pieces_behind_noise;
        world_start(w, 2);
        world_run(w, 20000);
        assert_true(w->ears[0].online && w->ears[0].losses == 0);
        assert_int_equal(w->ears[1].onlines, 0);
        for (int k = 0; k < 20; k++) {
            assert_int_equal(world_write(w, 0, &w->points[1], (uint16_t)k), 0);
            world_run(w, 3000);
        }
        assert_int_equal(w->ears[0].done_ok, 20);
        assert_int_equal(modbus_bus_counters(w->bus)->late_answers, 0);
        world_free(w);
    }
}

static void an_adapter_may_lose_its_echo_and_get_one(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_RTU, true);
    w->echo = true;
    world_start(w, 1);
    world_run(w, 10000);
    for (int k = 0; k < 6; k++) {
        w->echo = !w->echo;
        world_run(w, 10000); /* some polls tell */
        assert_int_equal(world_write(w, 0, &w->points[1], (uint16_t)k), 0);
        world_run(w, 200);
        assert_int_equal(w->ears[0].done_ok, k + 1);
    }
    assert_int_equal(w->ears[0].losses, 0);
    world_free(w);
}

/* ---- broken, strange and late answers ---- */

enum trouble_of_answer {
    IN_PIECES,
    NOISE_BEFORE,
    NOISE_BEHIND,
    TWICE,
    CUT_OFF,
    BROKEN,
    LATE,
    OTHER_UNIT,
    OTHER_UNIT_FIRST,
    OTHER_TRANSACTION,
    LONGER,
    NOTHING,
    TROUBLES
};

/* The peer spoils every w->count'th answer; w->ctx points to how. */
static bool spoils(struct world *w, const struct modbus_frame *frame, const struct modbus_request *request)
{
    static const uint8_t noise[] = { 0xFF, 0x00, 0x7E, ':', 0x01, 0x03, 0x40 };
    uint8_t bytes[MODBUS_MAX_FRAME], other[MODBUS_MAX_FRAME];
    bool tcp = w->settings.framing == MODBUS_TCP;
    if (w->count <= 0 || w->sent_count % w->count != 0)
        return false;
    size_t len = world_answer(w, frame, request, bytes);
    int64_t in_ms = w->answer_ms;
    struct modbus_frame wrong = *frame;
    wrong.unit++;
    struct modbus_request longer = *request;
    switch (*(const enum trouble_of_answer *)w->ctx) {
    case IN_PIECES:
        for (size_t at = 0; at < len; at++)
            world_deliver(w, in_ms + 11 * (int64_t)at, bytes + at, 1);
        return true;
    case NOISE_BEFORE:
        if (!tcp) /* there it ends the connection */
            world_deliver(w, in_ms, noise, sizeof(noise));
        break;
    case NOISE_BEHIND:
        world_deliver(w, in_ms, bytes, len);
        if (!tcp)
            world_deliver(w, in_ms, noise, sizeof(noise));
        return true;
    case TWICE: /* in one piece */
        memcpy(other, bytes, len);
        memcpy(other + len, bytes, len);
        world_deliver(w, in_ms, other, 2 * len);
        return true;
    case CUT_OFF:
        world_deliver(w, in_ms, bytes, len / 2);
        if (tcp) /* nobody finds the next frame behind that */
            world_close(w, in_ms + 100, -ECONNRESET);
        return true;
    case BROKEN:
        bytes[tcp ? 2 : len - 3] ^= 1;
        break;
    case LATE:
        in_ms = w->options.timeout_ms + 150;
        break;
    case OTHER_UNIT:
        len = world_answer(w, &wrong, request, bytes);
        break;
    case OTHER_UNIT_FIRST:
        world_deliver(w, in_ms, other, world_answer(w, &wrong, request, other));
        if (tcp)
            return true;
        break;
    case OTHER_TRANSACTION:
        wrong = *frame;
        wrong.transaction += 3;
        len = world_answer(w, &wrong, request, bytes);
        break;
    case LONGER:
        longer.count++;
        if (request->function == MODBUS_READ_HOLDING)
            len = world_answer(w, frame, &longer, bytes);
        break;
    case NOTHING:
    case TROUBLES:
        return true;
    }
    world_deliver(w, in_ms, bytes, len);
    return true;
}

static void every_spoiled_answer_is_got_over(void **state)
{
    (void)state;
    for (size_t line = 0; line < 4; line++) {
        for (enum trouble_of_answer trouble = 0; trouble < TROUBLES; trouble++) {
            bool tcp = line == 3;
            struct world *w = charger(tcp ? MODBUS_TCP : lines[line].framing, !tcp && lines[line].serial);
            w->ctx = &trouble;
            w->play = spoils;
            world_start(w, 3);
            world_run(w, 10000);
            w->count = 5;
            for (uint16_t k = 1; k <= 60; k++) {
                int device = k % 3;
                int done = w->ears[device].done_ok;
                assert_int_equal(world_write(w, device, &w->points[1], k), 0);
                world_run(w, 8000);
                assert_int_equal(w->ears[device].done_ok, done + 1);
                assert_int_equal(w->registers[device + 1][20], k);
            }
            for (int i = 0; i < 3; i++) {
                assert_int_equal(w->ears[i].losses, 0);
                assert_true(w->ears[i].values > 200);
            }
            assert_in_range(w->log_lines, 0, 6);
            world_free(w);
        }
    }
}

static void a_peer_that_only_talks_nonsense_is_lost_and_fills_no_log(void **state)
{
    (void)state;
    static const enum trouble_of_answer troubles[] = { BROKEN, LATE, OTHER_UNIT, CUT_OFF, NOTHING };
    for (size_t line = 0; line < 4; line++) {
        for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
            enum trouble_of_answer trouble = troubles[i];
            if (trouble == LATE && line != 3) /* elsewhere it is the answer to the repeated request */
                continue;
            struct world *w =
                charger(line == 3 ? MODBUS_TCP : lines[line].framing, line != 3 && lines[line].serial);
            w->ctx = &trouble;
            w->play = spoils;
            world_start(w, 1);
            world_run(w, 10000);
            w->count = 1;
            world_run(w, 60 * MINUTE);
            assert_int_equal(w->ears[0].losses, 1);
            assert_in_range(w->log_lines, 0, 4);
            w->count = 0;
            world_run(w, 6 * MINUTE); /* the longest pause of all */
            assert_true(w->ears[0].online);
            assert_in_range(w->log_lines, 0, 8);
            world_free(w);
        }
    }
}

static bool answers_two_words(struct world *w, const struct modbus_frame *frame,
                              const struct modbus_request *request)
{
    uint8_t bytes[MODBUS_MAX_FRAME];
    struct modbus_request longer = *request;
    if (request->function != MODBUS_READ_HOLDING || request->address != 30)
        return false;
    longer.count = 2;
    world_deliver(w, w->answer_ms, bytes, world_answer(w, frame, &longer, bytes));
    return true;
}

static void an_answer_longer_than_asked_gives_no_value_and_costs_no_device(void **state)
{
    (void)state;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct world *w = charger(framing, false);
        world_add_point(w, "short", 30, 1, 5000);
        w->play = answers_two_words;
        world_start(w, 1);
        world_run(w, 10 * MINUTE);
        assert_int_equal(w->ears[0].losses, 0);
        assert_true(w->ears[0].nones > 10);
        assert_true(w->ears[0].values > 300);
        assert_in_range(w->log_lines, 1, 2);
        w->play = NULL;
        int values = w->ears[0].values;
        world_run(w, 2 * MINUTE);
        assert_true(w->ears[0].values - values > 130); /* with those of the short one */
        assert_non_null(strstr(w->log, "no more "));
        world_free(w);
    }
}

/* ---- exceptions ---- */

static bool refuses(struct world *w, const struct modbus_frame *frame, const struct modbus_request *request)
{
    uint8_t bytes[MODBUS_MAX_FRAME];
    (void)request;
    if (w->count == 0)
        return false;
    world_deliver(w, w->answer_ms, bytes, world_exception(w, frame, (uint8_t)w->count, bytes));
    return true;
}

static void each_exception_means_what_it_says(void **state)
{
    (void)state;
    static const struct {
        int exception;
        int write_err; /* what a write comes to */
        bool is_there; /* the device counts as there after a minute of nothing else */
        bool no_value; /* its points have none */
    } rows[] = {
        { MODBUS_ILLEGAL_FUNCTION, -ERR_DEVICE_EXCEPTION, true, true },
        { MODBUS_ILLEGAL_ADDRESS, -ERR_DEVICE_EXCEPTION, true, true },
        { MODBUS_ILLEGAL_VALUE, -ERR_DEVICE_EXCEPTION, true, true },
        { MODBUS_DEVICE_FAILURE, -ERR_DEVICE_EXCEPTION, true, true },
        { MODBUS_ACKNOWLEDGE, 0, true, false },
        { MODBUS_BUSY, -ERR_DEVICE_EXCEPTION, true, false },
        { MODBUS_PARITY, -ERR_DEVICE_EXCEPTION, true, true },
        { MODBUS_NO_PATH, -ERR_NO_ANSWER, false, false },
        { MODBUS_NO_ANSWER, -ERR_NO_ANSWER, false, false },
        { 12, -ERR_DEVICE_EXCEPTION, true, true },
        { 0x55, -ERR_DEVICE_EXCEPTION, true, true },
        { 0xFF, -ERR_DEVICE_EXCEPTION, true, true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
            struct world *w = charger(framing, false);
            w->play = refuses;
            world_start(w, 1);
            world_run(w, 10000);
            w->count = rows[i].exception;
            assert_int_equal(world_write(w, 0, &w->points[1], 7), 0);
            world_run(w, 800);
            assert_int_equal(w->ears[0].done, 1);
            assert_int_equal(w->ears[0].done_ok, rows[i].write_err == 0);
            if (rows[i].is_there)
                assert_int_equal(w->ears[0].err, rows[i].write_err);
            world_run(w, MINUTE);
            assert_int_equal(w->ears[0].online, rows[i].is_there);
            assert_int_equal(w->ears[0].nones > 0, rows[i].no_value);
            assert_int_equal(w->opens, 1);
            w->count = 0;
            world_run(w, 2 * MINUTE);
            assert_true(w->ears[0].online);
            assert_int_equal(w->ears[0].value, world_register(1, 10));
            assert_true(w->now_ms - w->ears[0].value_ms <= 1100);
            world_free(w);
        }
    }
}

static void an_exception_without_a_code_is_none(void **state)
{
    (void)state;
    static const uint8_t pdu[] = { 0x83, 0 };
    struct modbus_response response;
    assert_int_equal(modbus_decode_response(pdu, sizeof(pdu), &response), -EINVAL);
}

/* ---- a peer that never stops ---- */

#define BURST_MS 10

static void talks_without_end(struct world *w, const uint8_t *bytes, size_t len)
{
    static const uint8_t noise[1500] = { 0x3A, 0x30 };
    (void)bytes;
    (void)len;
    if (w->count == 0)
        return;
    for (int ms = 0; ms < 1000; ms += BURST_MS)
        world_deliver(w, ms, noise, sizeof(noise));
}

static void a_peer_that_never_stops_is_hung_up_on(void **state)
{
    (void)state;
    static const enum modbus_framing framings[] = { MODBUS_RTU, MODBUS_ASCII };
    for (size_t i = 0; i < ARRAY_SIZE(framings); i++) {
        struct world *w = charger(framings[i], false);
        world_start(w, 1);
        world_run(w, 10000);
        w->count = 1;
        w->raw = talks_without_end;
        w->opens = 0;
        world_run(w, 60 * MINUTE);
        assert_int_equal(w->ears[0].losses, 1);
        assert_in_range(w->opens, 5, 90); /* ever more seldom, up to once a minute */
        assert_in_range(w->log_lines, 0, 6);
        w->raw = NULL;
        world_run(w, 6 * MINUTE);
        assert_true(w->ears[0].online);
        world_free(w);
    }
}

/* Each answer is right, and comes behind 60,000 bytes that are none. */
static bool answers_behind_rubbish(struct world *w, const struct modbus_frame *frame,
                                   const struct modbus_request *request)
{
    static const uint8_t noise[1500] = { 9, 3, 2 };
    uint8_t bytes[MODBUS_MAX_FRAME];
    for (int i = 0; i < 40; i++)
        world_deliver(w, 10, noise, sizeof(noise));
    world_deliver(w, 20, bytes, world_answer(w, frame, request, bytes));
    return true;
}

static void right_answers_make_a_flood_no_better(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_RTU, false);
    world_add_point(w, "often", 30, 1, 100);
    world_start(w, 1);
    world_run(w, 10000);
    assert_true(w->ears[0].online);
    w->opens = 0;
    w->play = answers_behind_rubbish;
    world_run(w, 10 * MINUTE);
    assert_in_range(w->opens, 5, 90);
    w->play = NULL;
    world_run(w, 6 * MINUTE);
    assert_true(w->ears[0].online);
    world_free(w);
}

static void many_answers_are_no_flood(void **state)
{
    (void)state;
    struct world *w = world_new(MODBUS_TCP, false);
    world_add_point(w, "block", 0, 60, 1);
    w->answer_ms = 1; /* up to 129,000 bytes a second */
    world_start(w, 4);
    world_run(w, 10000);
    assert_true(w->ears[0].values + w->ears[1].values + w->ears[2].values + w->ears[3].values > 6000);
    assert_int_equal(w->opens, 1);
    world_free(w);
}

static void what_others_say_on_the_line_is_no_flood(void **state)
{
    (void)state;
    struct world *w = charger(MODBUS_RTU, false);
    static const uint8_t noise[600] = { 9, 3, 2 };
    world_start(w, 1);
    world_run(w, 10000);
    w->dead[1] = true;
    w->opens = 0;
    for (int ms = 0; ms < 5000; ms += 50) { /* 12,000 bytes a second: 115,200 baud */
        world_deliver(w, 0, noise, sizeof(noise));
        world_run(w, 50);
    }
    assert_int_equal(w->opens, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_with_an_echo_is_as_good_as_one_without),
        cmocka_unit_test(an_echo_is_no_answer_of_a_dead_unit),
        cmocka_unit_test(the_first_request_of_all_may_be_a_write),
        cmocka_unit_test(an_echo_may_come_in_pieces_and_behind_noise),
        cmocka_unit_test(an_adapter_may_lose_its_echo_and_get_one),
        cmocka_unit_test(every_spoiled_answer_is_got_over),
        cmocka_unit_test(a_peer_that_only_talks_nonsense_is_lost_and_fills_no_log),
        cmocka_unit_test(an_answer_longer_than_asked_gives_no_value_and_costs_no_device),
        cmocka_unit_test(each_exception_means_what_it_says),
        cmocka_unit_test(an_exception_without_a_code_is_none),
        cmocka_unit_test(a_peer_that_never_stops_is_hung_up_on),
        cmocka_unit_test(right_answers_make_a_flood_no_better),
        cmocka_unit_test(many_answers_are_no_flood),
        cmocka_unit_test(what_others_say_on_the_line_is_no_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
