/* A Modbus connection or line that a person looks at: one question after the other, without a daemon. */
#ifndef CLI_MODBUS_LINE_H
#define CLI_MODBUS_LINE_H

#include "driver/driver.h"

struct modbus_target {
    struct modbus_bus_settings bus;
    int64_t timeout_ms; /* of an answer */
    int64_t pause_ms;   /* between two questions */
};

struct modbus_line {
    struct loop loop;
    struct modbus_bus *bus;
    struct timer tick; /* a turn of the loop lasts no longer */
    int64_t timeout_ms, pause_ms;
    /* the last answer */
    bool waiting;
    int err;
    uint8_t exception;
    size_t len;
    uint8_t data[MODBUS_MAX_PDU]; /* registers high byte first, or bits, the first in the lowest */
};

/* The options that say how a target is reached; each NULL where it was not given. */
struct modbus_words {
    const char *framing, *baud, *parity, *stop_bits, *timeout, *pause;
};
/* HOST, HOST:PORT, or the path of a serial line. 0, or -EINVAL (said why on stderr). */
int modbus_target_read(const char *text, const struct modbus_words *words, struct modbus_target *ret);

/* Opens it; 0 or -errno: it is to be closed in any case. */
int modbus_line_open(struct modbus_line *line, const struct modbus_target *target);
void modbus_line_close(struct modbus_line *line);
/* Asks a unit and waits: 0 (data), -ERR_DEVICE_EXCEPTION (exception), -ERR_NO_ANSWER, -ERR_LINK_DOWN, -EBADMSG, -EINVAL, -ENOMEM. */
int modbus_line_ask(struct modbus_line *line, int unit, const struct modbus_request *request);

/* "illegal data address" and so on; "exception" of one that is not known. */
const char *modbus_exception_name(int exception);
/* Kind and number, such as holding 1000. 0 or -EINVAL. */
int modbus_address_read(const char *kind, const char *number, enum modbus_kind *ret_kind,
                        uint16_t *ret_address);
/* Prints registers as words, and as all the numbers they could be. */
void modbus_print_words(const uint8_t *data, size_t words);

#endif
