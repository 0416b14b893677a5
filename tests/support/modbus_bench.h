/* A Modbus bus on a real loop, against a scripted peer over the loopback, and chargers that write down what they hear.
 *
 * The peer keeps 64 registers, each holding its address, and 64 coils; mbench_play() makes it misbehave. What reached it
 * and what a charger heard is text, a word each:
 *   requests: "unit.function:address+count "
 *   heard:    "online " "offline(2002) " "state=000A " "state:none(2001) " (no value, error) "done(0) " "| " (end of a batch) */
#ifndef TESTS_MODBUS_BENCH_H
#define TESTS_MODBUS_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "driver/driver.h"

#define MBENCH_UNITS       2
#define MBENCH_TIMEOUT_MS  60
#define MBENCH_PATIENCE_MS 5000

/* How the peer misbehaves. */
enum mbench_trick {
    TRICK_NONE,
    TRICK_MUTE,
    TRICK_LATE,       /* after the time-out, together with the next answer */
    TRICK_WRONG_UNIT, /* the answer names another unit */
    TRICK_WRONG_CHECKSUM,
    TRICK_NOISE, /* bytes before the answer that look like the head of a long frame */
    TRICK_WRONG_FUNCTION,
    TRICK_GARBAGE,
    TRICK_HANG_UP,
    TRICK_EXCEPTION,
};

struct mbench {
    struct loop loop;
    struct listener *listener;
    struct stream *peer;
    int connections; /* so far */
    struct modbus_receiver receiver;
    enum mbench_trick trick;
    int trick_times, trick_unit; /* with the next `times` requests (-1: all) to `unit` (-1: any) */
    uint8_t exception;
    int hole; /* register that gives exception 2; -1: none */
    uint8_t kept[MODBUS_MAX_FRAME];
    size_t kept_len;
    uint8_t registers[2 * 64];
    uint8_t coils[8];
    char requests[4096];
    size_t requests_len;

    struct modbus_bus_settings settings;
    struct modbus_options options;
    struct point points[8];
    struct profile profile;
    struct modbus_bus *bus;
    struct device *devices[MBENCH_UNITS]; /* device i is unit i + 1 */
    char heard[MBENCH_UNITS][2048];
    size_t heard_len[MBENCH_UNITS];
    int batches[MBENCH_UNITS];
    struct mbench *self[MBENCH_UNITS]; /* ctx of device i is &self[i] */
};

/* The peer listens; no bus yet, so that the test can still set settings, options and points. */
struct mbench *mbench_new(enum modbus_framing framing);
/* Read and written; every_ms 0: not polled. */
struct point *mbench_add_point(struct mbench *b, const char *name, enum modbus_kind kind, uint16_t address,
                               uint16_t count, int64_t every_ms);
/* The bus begins, with this many devices. */
void mbench_start(struct mbench *b, int devices);
/* One device, online: points[0] is "state" (10), polled each 20 ms, points[1] is "limit" (20), not polled. */
struct mbench *mbench_online(enum modbus_framing framing);
void mbench_free(struct mbench *b);

/* The peer listens (again) at this port, 0 for any. */
void mbench_listen(struct mbench *b, uint16_t port);
/* Another device comes to the bus. */
void mbench_join(struct mbench *b, int device);
void mbench_play(struct mbench *b, enum mbench_trick trick, int times);
/* The answer kept back by TRICK_LATE leaves now. */
void mbench_send_late(struct mbench *b);

/* Turns the loop until the device heard `text` (fails after `ms`), or for `ms` if it is NULL. */
void mbench_run(struct mbench *b, int device, const char *text, int64_t ms);
/* ... device 0, with patience. */
void mbench_await(struct mbench *b, const char *text);
int64_t mbench_now_ms(struct mbench *b);

/* What the device's operation returns; its end is heard as "done(error) ". */
int mbench_read(struct mbench *b, int device, const struct point *point);
int mbench_write(struct mbench *b, int device, const struct point *point, const char *hex);

bool mbench_has_heard(const struct mbench *b, int device, const char *text);
/* How often `request` reached the peer. */
int mbench_times(const struct mbench *b, const char *request);
/* Forgets what was asked and heard. */
void mbench_forget(struct mbench *b);

#endif
