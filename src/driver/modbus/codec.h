/* Modbus on the wire: PDUs, their framings, and frames found in a stream of bytes. Pure; client and server side.
 *
 * Sources: Modbus Application Protocol V1.1b3 (PDUs), Modbus over Serial Line V1.02 (RTU, ASCII), Modbus Messaging on
 * TCP/IP V1.0b (MBAP). */
#ifndef DRIVER_MODBUS_CODEC_H
#define DRIVER_MODBUS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reader.h"

#define MODBUS_MAX_PDU         253
#define MODBUS_MAX_FRAME       513 /* ASCII is the longest: colon, 255 bytes as hex pairs, CR LF */
#define MODBUS_MAX_READ_WORDS  125
#define MODBUS_MAX_WRITE_WORDS 123
#define MODBUS_MAX_READ_BITS   2000
#define MODBUS_MAX_WRITE_BITS  1968

enum modbus_function {
    MODBUS_READ_COILS = 1,
    MODBUS_READ_DISCRETE = 2,
    MODBUS_READ_HOLDING = 3,
    MODBUS_READ_INPUT = 4,
    MODBUS_WRITE_COIL = 5,
    MODBUS_WRITE_REGISTER = 6,
    MODBUS_WRITE_COILS = 15,
    MODBUS_WRITE_REGISTERS = 16,
    MODBUS_MASK_WRITE = 22,
    MODBUS_READ_WRITE = 23,
};

enum modbus_exception {
    MODBUS_ILLEGAL_FUNCTION = 1,
    MODBUS_ILLEGAL_ADDRESS = 2,
    MODBUS_ILLEGAL_VALUE = 3,
    MODBUS_DEVICE_FAILURE = 4,
    MODBUS_ACKNOWLEDGE = 5,
    MODBUS_BUSY = 6,
    MODBUS_PARITY = 8,
    MODBUS_NO_PATH = 10,   /* from a gateway: the unit cannot be reached */
    MODBUS_NO_ANSWER = 11, /* from a gateway: the unit did not answer */
};

/* ---- PDU ---- */

struct modbus_request {
    uint8_t function;
    uint16_t address, count;           /* registers or bits; of the write for function 23 */
    uint16_t read_address, read_count; /* 23 only */
    uint16_t and_mask, or_mask;        /* 22 only */
    const uint8_t *data;               /* to write: registers high byte first, bits LSB first; borrowed */
    size_t data_len;
};

struct modbus_response {
    uint8_t function;
    uint8_t exception;          /* 0: none; then nothing below counts */
    uint16_t address, count;    /* echo: 5, 6 (count is 1), 15, 16, 22 */
    uint16_t and_mask, or_mask; /* 22 */
    const uint8_t *data;        /* 1-4, 23: what was read; 5, 6: the value, as in the request; borrowed */
    size_t data_len;
};

/* These return the length of the PDU, or -EINVAL (count, length or function not allowed), -EMSGSIZE. */
int modbus_encode_request(const struct modbus_request *request, uint8_t *ret, size_t size);
int modbus_encode_response(const struct modbus_response *response, uint8_t *ret, size_t size);

/* `ret->data` points into `pdu`. 0; -EOPNOTSUPP (function not known here: a server answers exception 1), -EBADMSG (length
 * does not fit), -EINVAL (count or value not allowed; for both exception 3). `ret->function` is set whenever there is a byte.
 * A coil's value of function 5 is given as one byte, 0 or 1. */
int modbus_decode_request(const uint8_t *pdu, size_t len, struct modbus_request *ret);
int modbus_decode_response(const uint8_t *pdu, size_t len, struct modbus_response *ret);

/* Whether the response (an exception, too) can be the answer to the request: function, number of bytes, echo. */
bool modbus_is_answer(const struct modbus_request *request, const struct modbus_response *response);

/* ---- framing ---- */

enum modbus_framing { MODBUS_TCP, MODBUS_RTU, MODBUS_ASCII };

struct modbus_frame {
    uint16_t transaction; /* TCP only */
    uint8_t unit;
    const uint8_t *pdu;
    size_t pdu_len;
};

/* Returns the length of the frame or -EMSGSIZE. The PDU may not overlap `ret`. */
int modbus_encode_frame(enum modbus_framing framing, const struct modbus_frame *frame, uint8_t *ret,
                        size_t size);

/* Finds frames in a stream. RTU has no marks in it: a frame's length follows from its function code, and its CRC says
 * whether that was one. */
struct modbus_receiver {
    enum modbus_framing framing;
    bool server; /* looks for requests, else for responses */
    const uint8_t *
        echo; /* client on RTU and ASCII: what was sent, which some adapters let us hear; borrowed. NULL: nothing */
    size_t echo_len;
    int wanted; /* client on RTU: unit << 8 | function waited for, which helps to find it behind noise; -1: any */
    size_t start, end;
    uint8_t bytes[MODBUS_MAX_FRAME];
};

void modbus_receiver_init(struct modbus_receiver *receiver, enum modbus_framing framing, bool server);
/* Forgets what was begun: before a new request, or when the line fell silent. */
void modbus_receiver_clear(struct modbus_receiver *receiver);
size_t modbus_receiver_pending(const struct modbus_receiver *receiver);

#define MODBUS_ECHO 2
/* Takes bytes from `input` and gives one frame (borrowed until the next call): 1. MODBUS_ECHO: these were the bytes of `echo`; which may
 * be an answer, too, where it repeats the request. 0: all bytes are taken, more are wanted; call until
 * then. -EBADMSG: bytes that are no frame were dropped; ret->pdu and pdu_len show them and what came behind. On TCP framing the stream is
 * not to be trusted after that: close the connection. */
int modbus_receive(struct modbus_receiver *receiver, struct reader *input, struct modbus_frame *ret);
/* The line fell silent, so what is there is all (RTU server: the only way to find a frame of an unknown function). Same
 * results; call until 0. */
int modbus_receive_silence(struct modbus_receiver *receiver, struct modbus_frame *ret);

uint16_t modbus_crc(const uint8_t *bytes, size_t len);
uint8_t modbus_lrc(const uint8_t *bytes, size_t len);

#endif
