/* Frames: a PDU with what its medium adds, and the search for frames in a stream of bytes.
 *
 *   TCP    transaction 2 | protocol 2 (0) | length 2 | unit 1 | PDU              length counts unit and PDU
 *          0               2                4          6        7
 *   RTU    unit 1 | PDU | CRC 2 (low byte first)                                 no length: it follows from the function
 *          0        1
 *   ASCII  ':' | unit, PDU, LRC as pairs of hex digits | CR LF
 *          0     1
 *
 * Modbus Messaging on TCP/IP V1.0b, 3.1.3; Modbus over Serial Line V1.02, 2.5.1 and 2.5.2. */
#include "driver/modbus/codec.h"

#include <string.h>

#include "base/str.h"

#define MBAP_SIZE    7
#define RTU_OVERHEAD 3 /* unit and CRC */

uint16_t modbus_crc(const uint8_t *bytes, size_t len)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    }
    return crc;
}

uint8_t modbus_lrc(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)-sum;
}

static size_t encode_tcp(const struct modbus_frame *frame, uint8_t *ret)
{
    size_t len = frame->pdu_len + 1;
    ret[0] = (uint8_t)(frame->transaction >> 8);
    ret[1] = (uint8_t)frame->transaction;
    ret[2] = ret[3] = 0;
    ret[4] = (uint8_t)(len >> 8);
    ret[5] = (uint8_t)len;
    ret[6] = frame->unit;
    memcpy(ret + MBAP_SIZE, frame->pdu, frame->pdu_len);
    return MBAP_SIZE + frame->pdu_len;
}

static size_t encode_rtu(const struct modbus_frame *frame, uint8_t *ret)
{
    ret[0] = frame->unit;
    memcpy(ret + 1, frame->pdu, frame->pdu_len);
    uint16_t crc = modbus_crc(ret, frame->pdu_len + 1);
    ret[frame->pdu_len + 1] = (uint8_t)crc;
    ret[frame->pdu_len + 2] = (uint8_t)(crc >> 8);
    return frame->pdu_len + RTU_OVERHEAD;
}

static size_t encode_ascii(const struct modbus_frame *frame, uint8_t *ret)
{
    uint8_t bytes[1 + MODBUS_MAX_PDU + 1];
    char text[2 * sizeof(bytes) + 1];
    bytes[0] = frame->unit;
    memcpy(bytes + 1, frame->pdu, frame->pdu_len);
    size_t len = frame->pdu_len + 1;
    bytes[len] = modbus_lrc(bytes, len);
    hex_encode(bytes, len + 1, text, sizeof(text));

    size_t digits = 2 * (len + 1);
    ret[0] = ':';
    memcpy(ret + 1, text, digits);
    ret[1 + digits] = '\r';
    ret[2 + digits] = '\n';
    return digits + 3;
}

int modbus_encode_frame(enum modbus_framing framing, const struct modbus_frame *frame, uint8_t *ret,
                        size_t size)
{
    static const struct {
        size_t (*encode)(const struct modbus_frame *frame, uint8_t *ret);
        size_t overhead, per_byte;
    } framings[] = {
        [MODBUS_TCP] = { encode_tcp, MBAP_SIZE, 1 },
        [MODBUS_RTU] = { encode_rtu, RTU_OVERHEAD, 1 },
        [MODBUS_ASCII] = { encode_ascii, 7, 2 },
    };
    if (frame->pdu_len < 1 || frame->pdu_len > MODBUS_MAX_PDU ||
        framings[framing].overhead + framings[framing].per_byte * frame->pdu_len > size)
        return -EMSGSIZE;
    return (int)framings[framing].encode(frame, ret);
}

/* ---- looking at what may be the start of a frame ----
 *
 * Each look_x() judges the bytes at `r`: the length of the whole frame there (with `ret` filled), WANTED when more bytes
 * must come before one can say, or NO_FRAME when none starts here. */
enum { WANTED = 0, NO_FRAME = -1 };

static int look_tcp(const uint8_t *bytes, size_t len, struct modbus_frame *ret)
{
    struct reader r = reader_of(bytes, len);
    uint16_t transaction = get_u16be(&r);
    uint16_t protocol = get_u16be(&r);
    uint16_t length = get_u16be(&r);
    uint8_t unit = get_u8(&r);
    if (r.err)
        return WANTED;
    if (protocol != 0 || length < 2 || length > MODBUS_MAX_PDU + 1)
        return NO_FRAME;

    size_t pdu_len = length - 1u;
    const uint8_t *pdu = get_bytes(&r, pdu_len);
    if (!pdu)
        return WANTED;
    *ret = (struct modbus_frame){ transaction, unit, pdu, pdu_len };
    return (int)(MBAP_SIZE + pdu_len);
}

/* Length of the PDU which begins with these bytes: > 0, WANTED, or NO_FRAME. */
static int rtu_pdu_length(bool server, const uint8_t *pdu, size_t len)
{
    static const struct {
        uint8_t fixed, count_at; /* length without data; offset of the byte that counts the data, 0: none */
    } lengths[2][MODBUS_READ_WRITE + 1] = {
        /* responses */
        { [1] = { 2, 1 },
          [2] = { 2, 1 },
          [3] = { 2, 1 },
          [4] = { 2, 1 },
          [5] = { 5, 0 },
          [6] = { 5, 0 },
          [15] = { 5, 0 },
          [16] = { 5, 0 },
          [22] = { 7, 0 },
          [23] = { 2, 1 } },
        /* requests */
        { [1] = { 5, 0 },
          [2] = { 5, 0 },
          [3] = { 5, 0 },
          [4] = { 5, 0 },
          [5] = { 5, 0 },
          [6] = { 5, 0 },
          [15] = { 6, 5 },
          [16] = { 6, 5 },
          [22] = { 7, 0 },
          [23] = { 10, 9 } },
    };
    if (len < 1)
        return WANTED;
    if (!server && pdu[0] & 0x80)
        return 2;
    if (pdu[0] > MODBUS_READ_WRITE || lengths[server][pdu[0]].fixed == 0)
        return NO_FRAME;

    size_t fixed = lengths[server][pdu[0]].fixed, count_at = lengths[server][pdu[0]].count_at;
    if (count_at == 0)
        return (int)fixed;
    if (len <= count_at)
        return WANTED;
    size_t whole = fixed + pdu[count_at];
    return whole <= MODBUS_MAX_PDU ? (int)whole : NO_FRAME;
}

/* Whether unit, PDU and CRC at `bytes` are whole: the CRC over all of them, itself included, is then 0. */
static int check_rtu(const uint8_t *bytes, size_t pdu_len, struct modbus_frame *ret)
{
    if (modbus_crc(bytes, pdu_len + RTU_OVERHEAD) != 0)
        return NO_FRAME;
    *ret = (struct modbus_frame){ 0, bytes[0], bytes + 1, pdu_len };
    return (int)(pdu_len + RTU_OVERHEAD);
}

static int look_rtu(bool server, const uint8_t *bytes, size_t len, struct modbus_frame *ret)
{
    if (len < 1)
        return WANTED;
    int pdu_len = rtu_pdu_length(server, bytes + 1, len - 1);
    /* A server owes an answer to functions it does not know; only the silence after them tells their length. */
    if (pdu_len == NO_FRAME && server && len < MODBUS_MAX_PDU + RTU_OVERHEAD)
        return WANTED;
    if (pdu_len <= 0)
        return pdu_len;
    return len < (size_t)pdu_len + RTU_OVERHEAD ? WANTED : check_rtu(bytes, (size_t)pdu_len, ret);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Decodes in place: the bytes grow from the colon on, while the digits they came from are left behind, so a frame is
 * only looked at once it ends. */
static int look_ascii(uint8_t *bytes, size_t len, struct modbus_frame *ret)
{
    if (bytes[0] != ':')
        return NO_FRAME;
    size_t end = 1;
    while (end < len && bytes[end] != '\n' && bytes[end] != ':')
        end++;
    if (end == len)
        return len < MODBUS_MAX_FRAME ? WANTED : NO_FRAME;
    /* Unit, function and LRC at least; and CR before LF. */
    if (bytes[end] != '\n' || bytes[end - 1] != '\r' || end < 8 || (end - 2) % 2 != 0)
        return NO_FRAME;

    size_t count = (end - 2) / 2;
    for (size_t i = 0; i < count; i++) {
        if (hex_digit(bytes[1 + 2 * i]) < 0 || hex_digit(bytes[2 + 2 * i]) < 0)
            return NO_FRAME;
    }
    uint8_t sum = 0; /* over all, LRC included: 0 */
    for (size_t i = 0; i < count; i++)
        sum = (uint8_t)(sum + (hex_digit(bytes[1 + 2 * i]) << 4 | hex_digit(bytes[2 + 2 * i])));
    if (sum != 0)
        return NO_FRAME;
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(hex_digit(bytes[1 + 2 * i]) << 4 | hex_digit(bytes[2 + 2 * i]));
    *ret = (struct modbus_frame){ 0, bytes[0], bytes + 1, count - 2 };
    return (int)(end + 1);
}

/* Whether all that is known of the bytes at `at` is as in the echo. */
static bool may_be_echo(const struct modbus_receiver *receiver, size_t at)
{
    size_t len = receiver->end - at;
    if (!receiver->echo)
        return false;
    return memcmp(receiver->bytes + at, receiver->echo,
                  len < receiver->echo_len ? len : receiver->echo_len) == 0;
}

static bool is_echo(const struct modbus_receiver *receiver, size_t at)
{
    return receiver->end - at >= receiver->echo_len && may_be_echo(receiver, at);
}

static int look_at(struct modbus_receiver *receiver, size_t at, struct modbus_frame *ret)
{
    uint8_t *bytes = receiver->bytes + at;
    size_t len = receiver->end - at;
    switch (receiver->framing) {
    case MODBUS_TCP:
        return look_tcp(bytes, len, ret);
    case MODBUS_RTU:
        return look_rtu(receiver->server, bytes, len, ret);
    case MODBUS_ASCII:
        return look_ascii(bytes, len, ret);
    }
    return NO_FRAME;
}

static int look(struct modbus_receiver *receiver, size_t at, struct modbus_frame *ret)
{
    if (at == receiver->end)
        return WANTED;
    int len = look_at(receiver, at, ret);
    return len == NO_FRAME && may_be_echo(receiver, at) ? WANTED : len;
}

/* ---- the receiver ---- */

void modbus_receiver_init(struct modbus_receiver *receiver, enum modbus_framing framing, bool server)
{
    receiver->framing = framing;
    receiver->server = server;
    receiver->wanted = -1;
    receiver->echo = NULL;
    receiver->echo_len = 0;
    receiver->start = receiver->end = 0;
}

void modbus_receiver_clear(struct modbus_receiver *receiver)
{
    receiver->start = receiver->end = 0;
}

size_t modbus_receiver_pending(const struct modbus_receiver *receiver)
{
    return receiver->end - receiver->start;
}

static void take_input(struct modbus_receiver *receiver, struct reader *input)
{
    if (receiver->start > 0) {
        memmove(receiver->bytes, receiver->bytes + receiver->start, modbus_receiver_pending(receiver));
        receiver->end -= receiver->start;
        receiver->start = 0;
    }
    size_t room = sizeof(receiver->bytes) - receiver->end;
    size_t len = reader_left(input) < room ? reader_left(input) : room;
    if (len > 0)
        memcpy(receiver->bytes + receiver->end, get_bytes(input, len), len);
    receiver->end += len;
}

/* Noise before an answer may look like the head of a long frame, which would eat the answer. So while one waits, the very
 * frame that is wanted counts wherever it stands: unit, function and CRC agree by chance once in 2^31. */
static size_t find_wanted(const struct modbus_receiver *receiver)
{
    struct modbus_frame frame;
    for (size_t at = receiver->start + 1; receiver->wanted >= 0 && at + 1 < receiver->end; at++) {
        const uint8_t *bytes = receiver->bytes + at;
        bool fits = bytes[0] == receiver->wanted >> 8 && (bytes[1] & 0x7F) == (receiver->wanted & 0x7F);
        if (is_echo(receiver, at) || (fits && look_rtu(false, bytes, receiver->end - at, &frame) > 0))
            return at;
    }
    return 0;
}

/* The next place where a frame begins or may begin, or the end. */
static size_t next_start(struct modbus_receiver *receiver)
{
    struct modbus_frame frame;
    if (receiver->framing == MODBUS_TCP)
        return receiver->end;
    size_t at = receiver->start + 1;
    if (receiver->framing == MODBUS_ASCII) {
        while (at < receiver->end && receiver->bytes[at] != ':')
            at++;
        return at;
    }
    while (at < receiver->end && look(receiver, at, &frame) == NO_FRAME)
        at++;
    return at;
}

/* Drops what is no frame, up to `until`, and shows it with what stands behind: a log needs the whole. */
static int drop(struct modbus_receiver *receiver, size_t until, struct modbus_frame *ret)
{
    *ret = (struct modbus_frame){ .pdu = receiver->bytes + receiver->start,
                                  .pdu_len = modbus_receiver_pending(receiver) };
    receiver->start = until;
    return -EBADMSG;
}

int modbus_receive(struct modbus_receiver *receiver, struct reader *input, struct modbus_frame *ret)
{
    take_input(receiver, input);
    if (is_echo(receiver, receiver->start)) {
        *ret =
            (struct modbus_frame){ .pdu = receiver->bytes + receiver->start, .pdu_len = receiver->echo_len };
        receiver->start += receiver->echo_len;
        return MODBUS_ECHO;
    }
    int len = look(receiver, receiver->start, ret);
    if (len > 0) {
        receiver->start += (size_t)len;
        return 1;
    }
    if (len == NO_FRAME)
        return drop(receiver, next_start(receiver), ret);

    size_t found = receiver->framing == MODBUS_RTU ? find_wanted(receiver) : 0;
    return found ? drop(receiver, found, ret) : 0;
}

int modbus_receive_silence(struct modbus_receiver *receiver, struct modbus_frame *ret)
{
    size_t len = modbus_receiver_pending(receiver);
    if (len == 0)
        return 0;
    int known = look(receiver, receiver->start, ret);
    if (known > 0) {
        receiver->start += (size_t)known;
        return 1;
    }

    const uint8_t *bytes = receiver->bytes + receiver->start;
    bool fits = receiver->framing == MODBUS_RTU && len > RTU_OVERHEAD && len <= MODBUS_MAX_PDU + RTU_OVERHEAD;
    if (fits && check_rtu(bytes, len - RTU_OVERHEAD, ret) > 0) {
        receiver->start = receiver->end;
        return 1;
    }
    /* Perhaps a frame stands behind the noise that was waited for in vain. */
    struct modbus_frame frame;
    for (size_t at = receiver->start + 1; receiver->framing == MODBUS_RTU && at < receiver->end; at++) {
        if (look_rtu(receiver->server, receiver->bytes + at, receiver->end - at, &frame) > 0)
            return drop(receiver, at, ret);
    }
    return drop(receiver, receiver->end, ret);
}
