/* A Modbus bus in virtual time: the real driver over a stream that is none, and a peer that a test can play with.
 *
 * The peer has 64 holding registers for each unit; what is in one is made of unit and address (world_register()), so that an answer to another
 * request can be told from the right one. Whatever a device is told is compared with that at once; so is that there is one request on
 * the wire at a time. Hours pass in no time, but not more than a number of events in each instant. */
#ifndef TESTS_VIRTUAL_MODBUS_WORLD_H
#define TESTS_VIRTUAL_MODBUS_WORLD_H

#include "base/list.h"
#include "driver/driver.h"

#define WORLD_DEVICES   40
#define WORLD_REGISTERS 64
#define WORLD_POINTS    8
#define WORLD_SENT      8192
#define WORLD_OPENS     512

struct world;

/* A device of the bus and what its charger hears. */
struct ear {
    struct world *world;
    uint8_t unit;
    struct device *device;
    bool online;
    int onlines, losses, values, nones, done, done_ok;
    int err;                     /* of the last request that ended, or of the loss */
    int64_t value_ms;            /* the last value came */
    int64_t done_ms;             /* the last request ended */
    int64_t max_age_ms;          /* the longest time between two values */
    const struct point *restore; /* is written when the device comes online; NULL: none */
    uint16_t value;              /* the last one, its first register */
};

/* What reached the peer. */
struct sent {
    int64_t at_ms;
    uint8_t unit, function;
    uint16_t address, count;
    int connection; /* 1: the first */
};

struct world {
    struct loop loop; /* its env and timers only */
    int64_t now_ms;
    uint64_t chance; /* the state of what env draws from */
    struct modbus_bus_settings settings;
    struct modbus_options options;
    struct point points[WORLD_POINTS];
    struct profile profile;
    struct modbus_bus *bus;
    struct ear ears[WORLD_DEVICES];
    int ear_count;
    int any_values; /* > 0: values are not compared (the peer lies) */

    /* the link */
    struct stream *stream;
    int64_t open_ms; /* how long it takes to open */
    int open_err;    /* what comes of it; 0: it opens */
    int opens;
    int64_t opened_ms[WORLD_OPENS];
    struct list deliveries;

    /* the peer */
    struct modbus_receiver receiver;
    int64_t answer_ms; /* how long it takes to answer */
    bool echo;         /* the line lets the driver hear what it sends */
    bool dead[256];    /* units that do not answer */
    uint16_t registers[256][WORLD_REGISTERS];
    /* Does something else with a request: true. NULL: it is served. */
    bool (*play)(struct world *world, const struct modbus_frame *frame, const struct modbus_request *request);
    /* Takes the bytes before anyone looks at them: the peer is no Modbus server then. */
    void (*raw)(struct world *world, const uint8_t *bytes, size_t len);
    void *ctx;
    int count; /* the test's own */
    struct sent sent[WORLD_SENT];
    int sent_count;
    bool heard;           /* something came for the request on the wire */
    int64_t wire_free_ms; /* it may be given up by then */

    int log_lines;
    char log[8192]; /* what was logged, a line each; what does not fit is only counted */
};

/* Settings, options, points can still be changed; the clock stands at 1000 s. */
struct world *world_new(enum modbus_framing framing, bool serial);
struct point *world_add_point(struct world *world, const char *name, uint16_t address, uint16_t count,
                              int64_t every_ms);
/* The bus begins, with devices of units 1.. */
void world_start(struct world *world, int devices);
void world_free(struct world *world);
void world_run(struct world *world, int64_t ms);

/* 0, or what device_write() says. */
int world_write(struct world *world, int device, const struct point *point, uint16_t value);
uint16_t world_register(uint8_t unit, uint16_t address);

/* The peer's answer to the request as bytes: its length. */
size_t world_answer(struct world *world, const struct modbus_frame *frame,
                    const struct modbus_request *request, uint8_t ret[static MODBUS_MAX_FRAME]);
size_t world_exception(struct world *world, const struct modbus_frame *frame, uint8_t exception,
                       uint8_t ret[static MODBUS_MAX_FRAME]);
/* Bytes come to the driver, or the connection ends, in so many milliseconds, if it is still the same one then. */
void world_deliver(struct world *world, int64_t in_ms, const uint8_t *bytes, size_t len);
void world_close(struct world *world, int64_t in_ms, int err);

/* Requests to the unit from sent[from] on; -1: any unit. */
int world_count_sent(const struct world *world, int from, int unit);

#endif
