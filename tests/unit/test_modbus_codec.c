/* The Modbus codec by rows: PDUs both ways, the three framings, and frames found among noise. Examples of the PDUs are those of
 * the Modbus Application Protocol V1.1b3, section 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "driver/modbus/codec.h"

static size_t unhex(const char *text, uint8_t *ret, size_t size)
{
    char digits[2 * MODBUS_MAX_FRAME + 1];
    size_t len = 0;
    for (; *text; text++) {
        if (*text != ' ')
            digits[len++] = *text;
    }
    digits[len] = '\0';
    int r = hex_decode(digits, ret, size);
    assert_true(r >= 0);
    return (size_t)r;
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    uint8_t wanted[MODBUS_MAX_FRAME];
    size_t wanted_len = unhex(expected, wanted, sizeof(wanted));
    assert_int_equal(len, wanted_len);
    assert_memory_equal(bytes, wanted, len);
}

#define DATA(...)                                                                                            \
    .data = (const uint8_t[]){ __VA_ARGS__ }, .data_len = sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct {
    const char *name, *pdu;
    struct modbus_request request;
} requests[] = {
    { "read coils", "01 0013 0013", { 1, 0x13, 0x13, 0, 0, 0, 0, NULL, 0 } },
    { "read discrete", "02 00C4 0016", { 2, 0xC4, 0x16, 0, 0, 0, 0, NULL, 0 } },
    { "read holding", "03 006B 0003", { 3, 0x6B, 3, 0, 0, 0, 0, NULL, 0 } },
    { "read input", "04 0008 0001", { 4, 8, 1, 0, 0, 0, 0, NULL, 0 } },
    { "coil on", "05 00AC FF00", { .function = 5, .address = 0xAC, .count = 1, DATA(1) } },
    { "coil off", "05 00AC 0000", { .function = 5, .address = 0xAC, .count = 1, DATA(0) } },
    { "one register", "06 0001 0003", { .function = 6, .address = 1, .count = 1, DATA(0, 3) } },
    { "coils", "0F 0013 000A 02 CD01", { .function = 15, .address = 0x13, .count = 10, DATA(0xCD, 1) } },
    { "registers",
      "10 0001 0002 04 000A 0102",
      { .function = 16, .address = 1, .count = 2, DATA(0, 10, 1, 2) } },
    { "mask",
      "16 0004 00F2 0025",
      { .function = 22, .address = 4, .count = 1, .and_mask = 0xF2, .or_mask = 0x25 } },
    { "read and write",
      "17 0003 0006 000E 0003 06 00FF 00FF 00FF",
      { .function = 23,
        .address = 0xE,
        .count = 3,
        .read_address = 3,
        .read_count = 6,
        DATA(0, 0xFF, 0, 0xFF, 0, 0xFF) } },
};

static void requests_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        const struct modbus_request *wanted = &requests[i].request;
        uint8_t pdu[MODBUS_MAX_PDU];
        int len = modbus_encode_request(wanted, pdu, sizeof(pdu));
        assert_true(len > 0);
        assert_hex(pdu, (size_t)len, requests[i].pdu);
        assert_int_equal(modbus_encode_request(wanted, pdu, (size_t)len - 1), -EMSGSIZE);

        struct modbus_request got;
        assert_int_equal(modbus_decode_request(pdu, (size_t)len, &got), 0);
        assert_int_equal(got.function, wanted->function);
        assert_int_equal(got.address, wanted->address);
        assert_int_equal(got.count, wanted->count);
        assert_int_equal(got.read_address, wanted->read_address);
        assert_int_equal(got.read_count, wanted->read_count);
        assert_int_equal(got.and_mask, wanted->and_mask);
        assert_int_equal(got.or_mask, wanted->or_mask);
        assert_int_equal(got.data_len, wanted->data_len);
        if (got.data_len > 0)
            assert_memory_equal(got.data, wanted->data, got.data_len);
    }
}

static void bad_requests_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *pdu;
        int err;
    } rows[] = {
        { "", -EBADMSG },
        { "00 0000 0001", -EOPNOTSUPP },
        { "07", -EOPNOTSUPP },
        { "2B 0E 01 00", -EOPNOTSUPP },
        { "83 02", -EOPNOTSUPP },
        { "03 0000", -EBADMSG },
        { "03 0000 0001 00", -EBADMSG },
        { "03 0000 0000", -EINVAL },
        { "03 0000 007E", -EINVAL },
        { "01 0000 07D1", -EINVAL },
        { "05 0000 1234", -EINVAL },
        { "05 0000 FF01", -EINVAL },
        { "05 0000 FF", -EBADMSG },
        { "06 0000 0001 02", -EBADMSG },
        { "0F 0000 0009 01 FF", -EINVAL },
        { "0F 0000 0008 02 FF", -EBADMSG },
        { "10 0000 0001 02 00", -EBADMSG },
        { "10 0000 0002 02 0000", -EINVAL },
        { "10 0000 0000 00", -EINVAL },
        { "16 0000 0000", -EBADMSG },
        { "17 0000 0000 0000 0001 02 0000", -EINVAL },
        { "17 0000 007E 0000 0001 02 0000", -EINVAL },
        { "17 0000 0001 0000 0001 02 00", -EBADMSG },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t pdu[MODBUS_MAX_PDU];
        struct modbus_request got;
        size_t len = unhex(rows[i].pdu, pdu, sizeof(pdu));
        assert_int_equal(modbus_decode_request(pdu, len, &got), rows[i].err);
        if (len > 0)
            assert_int_equal(got.function, pdu[0]);
    }
}

static void requests_beyond_the_limits_are_not_encoded(void **state)
{
    (void)state;
    const struct modbus_request rows[] = {
        { .function = 3, .count = 0 },
        { .function = 3, .count = 126 },
        { .function = 1, .count = 2001 },
        { .function = 7, .count = 1 },
        { .function = 200, .count = 1 },
        { .function = 6, .count = 1 },          /* no data */
        { .function = 6, .count = 1, DATA(1) }, /* half a register */
        { .function = 16, .count = 2, DATA(1, 2) },
        { .function = 16, .count = 124, DATA(1, 2) },
        { .function = 23, .count = 1, .read_count = 0, DATA(1, 2) },
    };
    uint8_t pdu[MODBUS_MAX_PDU];
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(modbus_encode_request(&rows[i], pdu, sizeof(pdu)), -EINVAL);
}

static void responses_go_both_ways(void **state)
{
    (void)state;
    const struct {
        const char *pdu;
        struct modbus_response response;
    } rows[] = {
        { "01 03 CD6B05", { .function = 1, DATA(0xCD, 0x6B, 5) } },
        { "03 06 022B 0000 0064", { .function = 3, DATA(2, 0x2B, 0, 0, 0, 0x64) } },
        { "04 02 000A", { .function = 4, DATA(0, 10) } },
        { "05 00AC FF00", { .function = 5, .address = 0xAC, .count = 1, DATA(1) } },
        { "06 0001 0003", { .function = 6, .address = 1, .count = 1, DATA(0, 3) } },
        { "0F 0013 000A", { .function = 15, .address = 0x13, .count = 10 } },
        { "10 0001 0002", { .function = 16, .address = 1, .count = 2 } },
        { "16 0004 00F2 0025",
          { .function = 22, .address = 4, .count = 1, .and_mask = 0xF2, .or_mask = 0x25 } },
        { "17 04 00FE 0ACD", { .function = 23, DATA(0, 0xFE, 0x0A, 0xCD) } },
        { "83 02", { .function = 3, .exception = 2 } },
        { "90 0B", { .function = 16, .exception = 11 } },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct modbus_response *wanted = &rows[i].response;
        uint8_t pdu[MODBUS_MAX_PDU];
        int len = modbus_encode_response(wanted, pdu, sizeof(pdu));
        assert_true(len > 0);
        assert_hex(pdu, (size_t)len, rows[i].pdu);

        struct modbus_response got;
        assert_int_equal(modbus_decode_response(pdu, (size_t)len, &got), 0);
        assert_int_equal(got.function, wanted->function);
        assert_int_equal(got.exception, wanted->exception);
        assert_int_equal(got.address, wanted->address);
        assert_int_equal(got.count, wanted->count);
        assert_int_equal(got.data_len, wanted->data_len);
        if (got.data_len > 0)
            assert_memory_equal(got.data, wanted->data, got.data_len);
    }
}

static void bad_responses_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",           "03",       "03 00",        "03 02 00",     "03 02 0000 00", "83",
        "83 00",      "83 02 00", "05 0000 0001", "06 0000 00",   "10 0000",       "10 0000 0000",
        "16 0000 00", "2B 0E",    "63 02 0000",   "0F 0000 FFFF", "17 03 0000",
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t pdu[MODBUS_MAX_PDU];
        struct modbus_response got;
        size_t len = unhex(rows[i], pdu, sizeof(pdu));
        assert_true(modbus_decode_response(pdu, len, &got) < 0);
    }
}

static void an_answer_belongs_to_its_request(void **state)
{
    (void)state;
    static const struct {
        const char *request, *response;
        bool is_answer;
    } rows[] = {
        { "03 0000 0002", "03 04 00000000", true },
        { "03 0000 0002", "03 02 0000", false },
        { "03 0000 0002", "04 04 00000000", false },
        { "03 0000 0002", "83 02", true },
        { "03 0000 0002", "84 02", false },
        { "01 0000 0009", "01 02 0000", true },
        { "01 0000 0009", "01 01 00", false },
        { "06 0001 0003", "06 0001 0003", true },
        { "06 0001 0003", "06 0002 0003", false },
        { "06 0001 0003", "06 0001 0004", false },
        { "05 0001 FF00", "05 0001 FF00", true },
        { "05 0001 FF00", "05 0001 0000", false },
        { "10 0001 0001 02 0000", "10 0001 0001", true },
        { "10 0001 0001 02 0000", "10 0001 0002", false },
        { "10 0001 0001 02 0000", "10 0000 0001", false },
        { "16 0004 00F2 0025", "16 0004 00F2 0025", true },
        { "16 0004 00F2 0025", "16 0004 00F2 0024", false },
        { "17 0003 0002 000E 0001 02 00FF", "17 04 00000000", true },
        { "17 0003 0002 000E 0001 02 00FF", "17 02 0000", false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t a[MODBUS_MAX_PDU], b[MODBUS_MAX_PDU];
        struct modbus_request request;
        struct modbus_response response;
        assert_int_equal(modbus_decode_request(a, unhex(rows[i].request, a, sizeof(a)), &request), 0);
        assert_int_equal(modbus_decode_response(b, unhex(rows[i].response, b, sizeof(b)), &response), 0);
        assert_int_equal(modbus_is_answer(&request, &response), rows[i].is_answer);
    }
}

static void frames_are_encoded(void **state)
{
    (void)state;
    static const uint8_t pdu[] = { 3, 0, 0x6B, 0, 3 };
    struct modbus_frame frame = { 0x1501, 0x11, pdu, sizeof(pdu) };
    uint8_t bytes[MODBUS_MAX_FRAME];

    int len = modbus_encode_frame(MODBUS_TCP, &frame, bytes, sizeof(bytes));
    assert_hex(bytes, (size_t)len, "1501 0000 0006 11 03 006B 0003");
    len = modbus_encode_frame(MODBUS_RTU, &frame, bytes, sizeof(bytes));
    assert_hex(bytes, (size_t)len, "11 03 006B 0003 7687");
    len = modbus_encode_frame(MODBUS_ASCII, &frame, bytes, sizeof(bytes));
    assert_int_equal(len, 17);
    assert_memory_equal(bytes, ":1103006B00037E\r\n", 17);
    assert_int_equal(modbus_encode_frame(MODBUS_ASCII, &frame, bytes, 16), -EMSGSIZE);
}

static void the_longest_pdu_fits_every_framing(void **state)
{
    (void)state;
    uint8_t pdu[MODBUS_MAX_PDU] = { 3, 251 }, bytes[MODBUS_MAX_FRAME];
    struct modbus_frame frame = { 7, 1, pdu, sizeof(pdu) }, got;
    for (enum modbus_framing framing = MODBUS_TCP; framing <= MODBUS_ASCII; framing++) {
        struct modbus_receiver receiver;
        modbus_receiver_init(&receiver, framing, false);
        int len = modbus_encode_frame(framing, &frame, bytes, sizeof(bytes));
        assert_true(len > 0);
        struct reader input = reader_of(bytes, (size_t)len);
        assert_int_equal(modbus_receive(&receiver, &input, &got), 1);
        assert_int_equal(got.pdu_len, sizeof(pdu));
        assert_memory_equal(got.pdu, pdu, sizeof(pdu));
    }
}

/* ---- streams: each row is fed whole and byte by byte; `expected` lists "unit:pdu", and "!" for what was dropped ---- */

struct stream_row {
    const char *name;
    enum modbus_framing framing;
    bool server;
    const char *input; /* hex; ASCII framing: text */
    const char *expected;
};

static const struct stream_row streams[] = {
    { "one frame", MODBUS_TCP, false, "0001 0000 0005 01 03 02 1234", "1:03021234 " },
    { "two frames at once", MODBUS_TCP, false, "0001 0000 0005 01 03 02 1234 0002 0000 0003 02 83 02",
      "1:03021234 2:8302 " },
    { "wrong protocol", MODBUS_TCP, false, "0001 0001 0005 01", "! " },
    { "no length", MODBUS_TCP, false, "0001 0000 0001 01", "! " },
    { "too long", MODBUS_TCP, false, "0001 0000 00FF 01", "! " },
    { "begun", MODBUS_TCP, false, "0001 0000 0005 01 03", "" },

    { "answer", MODBUS_RTU, false, "01 03 02 1234 B533", "1:03021234 " },
    { "exception", MODBUS_RTU, false, "01 83 02 C0F1", "1:8302 " },
    { "answer behind a stray byte", MODBUS_RTU, false, "00 01 83 02 C0F1", "! 1:8302 " },
    { "answer behind an unknown function", MODBUS_RTU, false, "01 7B 01 83 02 C0F1", "! 1:8302 " },
    { "answer behind what looks like the head of a long one", MODBUS_RTU, false, "01 03 F0 01 83 02 C0F1",
      "! 1:8302 " },
    { "wrong CRC", MODBUS_RTU, false, "01 83 02 C0F2", "! " },
    { "begun", MODBUS_RTU, false, "01 03 02 12", "" },
    { "request", MODBUS_RTU, true, "11 03 006B 0003 7687", "17:03006B0003 " },
    { "request of data", MODBUS_RTU, true, "01 10 0001 0001 02 0005 6782", "1:1000010001020005 " },
    { "request of too much data", MODBUS_RTU, true, "01 10 0001 0001 FF", "" },

    { "answer", MODBUS_ASCII, false, ":0103021234B4\r\n", "1:03021234 " },
    { "lower case", MODBUS_ASCII, false, ":1103006b00037e\r\n", "17:03006B0003 " },
    { "noise before", MODBUS_ASCII, false, "xx:0103021234B4\r\n", "! 1:03021234 " },
    { "begun anew", MODBUS_ASCII, false, ":0103:0103021234B4\r\n", "! 1:03021234 " },
    { "wrong LRC", MODBUS_ASCII, false, ":0103021234B5\r\n", "! " },
    { "no digit", MODBUS_ASCII, false, ":01030212G4B4\r\n", "! " },
    { "odd number of digits", MODBUS_ASCII, false, ":0103021234B\r\n", "! " },
    { "too short", MODBUS_ASCII, false, ":0000\r\n", "! " },
    { "no CR", MODBUS_ASCII, false, ":0103021234B4\n", "! " },
};

struct transcript {
    char text[256];
    size_t len;
    bool dropping; /* consecutive drops count as one */
};

static void transcribe(struct transcript *t, int r, const struct modbus_frame *frame)
{
    if (r < 0 && t->dropping)
        return;
    t->dropping = r < 0;
    if (r < 0) {
        assert_true(frame->pdu_len > 0);
        t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len, "! ");
        return;
    }
    char hex[64];
    hex_encode(frame->pdu, frame->pdu_len, hex, sizeof(hex));
    t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len, "%d:%s ", frame->unit, hex);
}

static void feed(struct modbus_receiver *receiver, struct transcript *t, const uint8_t *bytes, size_t len)
{
    struct reader input = reader_of(bytes, len);
    struct modbus_frame frame;
    for (int r; (r = modbus_receive(receiver, &input, &frame)) != 0;)
        transcribe(t, r, &frame);
    assert_int_equal(reader_left(&input), 0);
}

static void streams_give_their_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        const struct stream_row *row = &streams[i];
        uint8_t bytes[MODBUS_MAX_FRAME];
        size_t len = strlen(row->input);
        if (row->framing == MODBUS_ASCII)
            memcpy(bytes, row->input, len);
        else
            len = unhex(row->input, bytes, sizeof(bytes));

        for (size_t step = 1; step <= len; step = step == 1 ? len : len + 1) {
            struct modbus_receiver receiver;
            struct transcript t = { .len = 0 };
            modbus_receiver_init(&receiver, row->framing, row->server);
            if (row->framing == MODBUS_RTU && !row->server)
                receiver.wanted = 1 << 8 | 3;
            for (size_t at = 0; at < len; at += step)
                feed(&receiver, &t, bytes + at, step);
            if (!str_equal(t.text, row->expected))
                fail_msg("%s (steps of %zu): %s, expected %s", row->name, step, t.text, row->expected);
        }
    }
}

static void silence_ends_a_frame_of_an_unknown_function(void **state)
{
    (void)state;
    uint8_t bytes[] = { 1, 0x2B, 0x0E, 1, 0, 0, 0 };
    uint16_t crc = modbus_crc(bytes, 5);
    bytes[5] = (uint8_t)crc;
    bytes[6] = (uint8_t)(crc >> 8);

    struct modbus_receiver receiver;
    struct modbus_frame frame;
    modbus_receiver_init(&receiver, MODBUS_RTU, true);
    /* Unknown functions must wait for the silence, or they could not be answered with exception 1. */
    struct reader input = reader_of(bytes, sizeof(bytes));
    assert_int_equal(modbus_receive(&receiver, &input, &frame), 0);
    assert_int_equal(modbus_receive_silence(&receiver, &frame), 1);
    assert_int_equal(frame.pdu_len, 4);
    assert_int_equal(modbus_receive_silence(&receiver, &frame), 0);
}

static void silence_finds_what_stood_behind_noise(void **state)
{
    (void)state;
    uint8_t bytes[64];
    /* The noise looks like the head of a write of 0x80 bytes. */
    size_t len = unhex("01 10 0001 0040 80 11 03 006B 0003 7687", bytes, sizeof(bytes));
    struct modbus_receiver receiver;
    struct modbus_frame frame;
    modbus_receiver_init(&receiver, MODBUS_RTU, true);
    struct reader input = reader_of(bytes, len);
    assert_int_equal(modbus_receive(&receiver, &input, &frame), 0);
    assert_int_equal(modbus_receive_silence(&receiver, &frame), -EBADMSG);
    assert_int_equal(modbus_receive_silence(&receiver, &frame), 1);
    assert_int_equal(frame.unit, 0x11);
    assert_int_equal(modbus_receive_silence(&receiver, &frame), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_go_both_ways),
        cmocka_unit_test(bad_requests_are_told_apart),
        cmocka_unit_test(requests_beyond_the_limits_are_not_encoded),
        cmocka_unit_test(responses_go_both_ways),
        cmocka_unit_test(bad_responses_are_refused),
        cmocka_unit_test(an_answer_belongs_to_its_request),
        cmocka_unit_test(frames_are_encoded),
        cmocka_unit_test(the_longest_pdu_fits_every_framing),
        cmocka_unit_test(streams_give_their_frames),
        cmocka_unit_test(silence_ends_a_frame_of_an_unknown_function),
        cmocka_unit_test(silence_finds_what_stood_behind_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
