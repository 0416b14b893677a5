/* A point: one datum of a device, as a profile describes it, and its value with quality and age.
 *
 * This is all a driver sees of a profile: where a point lives, how often it is wanted, how many raw bytes
 * it has. What the bytes mean (type, scale, enum, signals) is the charger layer's business. */
#ifndef CHARGER_POINT_H
#define CHARGER_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/evse.h"

#define POINT_NAME_SIZE    32
#define POINT_MAX_RAW      256 /* bytes: 125 registers fit, and an ECHONET EDT */
#define PROFILE_MAX_POINTS 512

enum point_protocol { PROTOCOL_MODBUS, PROTOCOL_ECHONET, PROTOCOL_OCPP16, PROTOCOLS };
/* "modbus", as in profiles. */
const char *protocol_name(enum point_protocol protocol);

enum modbus_kind { MODBUS_COIL, MODBUS_DISCRETE, MODBUS_INPUT, MODBUS_HOLDING };

enum point_type {
    POINT_U8,
    POINT_I8, /* ECHONET only */
    POINT_U16,
    POINT_I16,
    POINT_U32,
    POINT_I32,
    POINT_U64,
    POINT_I64,
    POINT_F32,
    POINT_F64,
    POINT_BOOL,   /* coil, discrete */
    POINT_STRING, /* 8-bit characters, padded by 0 or blanks */
    POINT_UTF16,  /* 16-bit characters, big endian */
    POINT_BITS,   /* unsigned, for masks */
    POINT_BCD,    /* digits in nibbles */
    POINT_BYTES,  /* text of upper-case hex digits */
    POINT_UID,    /* as bytes, a card's UID padded with zero bytes: 4, 7, 10 bytes or all; all zero: "" */
    POINT_TYPES
};

enum point_access { ACCESS_R = 1, ACCESS_W = 2, ACCESS_RW = 3 };

struct point {
    char name[POINT_NAME_SIZE];
    uint16_t index; /* in its profile */
    enum point_type type;
    enum point_access access;
    union {
        struct {
            enum modbus_kind kind;
            uint16_t address;    /* 0-based PDU address, the EVSE's offset included */
            uint16_t count;      /* registers, or bits for coil and discrete */
            uint8_t unit_offset; /* added to the charger's unit id (several EVSEs by unit id) */
            uint8_t read_function, write_function; /* 0: the rule for the kind and the profile */
        } modbus;
        struct {
            uint8_t class_group, class_code, instance; /* EOJ; instance 0: the charger's own choice */
            uint8_t epc;
            uint8_t offset; /* first byte inside the EDT */
        } echonet;
        struct {
            uint8_t item;                       /* enum ocpp16_item */
            uint8_t connector;                  /* 1..; 0: the charge point as a whole */
            uint8_t measurand, phase, location; /* of ocpp16_measurands, ocpp16_phases, ocpp16_locations */
            char name[52]; /* configuration key; "vendorId" or "vendorId messageId"; kind of reset */
        } ocpp16;
    } at;
    uint16_t raw_size; /* bytes: registers * 2, bits rounded up, EDT bytes of this point (0: any) */
    bool low_word_first, low_byte_first;
    bool is_bit_field;    /* Modbus coils and discrete inputs: raw bytes are bits, the first in the lowest */
    double scale, offset; /* value = raw * scale + offset */
    int scale_point;      /* index of a point whose value is a power of ten for scale; -1 none */
    uint64_t mask;        /* 0: none; applied before shift */
    uint8_t shift;
    uint64_t *invalid; /* raw values that mean "no value"; the profile's */
    size_t invalid_count;
    char unit[8];
    int64_t every_ms;  /* poll interval; 0: never polled (write-only, or by announcement) */
    bool persistent;   /* flash behind it: written on change only */
    int64_t verify_ms; /* after a write it is read back until it holds the value, at most so long; 0: not */
    int64_t rest_ms;   /* a relay behind it: not written again for so long; 0: at any time */
    char prefix[16];   /* of a text: dropped where it begins with that, "" none */
    char since[16];    /* firmware version it exists from, "" always */
};

enum quality {
    QUALITY_NONE, /* never read */
    QUALITY_GOOD,
    QUALITY_STALE, /* older than it should be: device silent */
    QUALITY_BAD,   /* the device says it has no value (marker, exception, SNA) */
};

struct point_value {
    double number; /* all numeric types; exact up to 2^53 */
    char *text;    /* string types: owned; NULL for none */
    uint64_t raw;  /* integral types: for masks and 64-bit exactness */
    enum quality quality;
    int64_t time_ms; /* monotonic, of the last good value */
    int64_t sent_ms; /* monotonic, of the last write; 0: none yet */
};

/* ---- what the charger asks of a driver; implemented by driver/, one `struct device` per charger ---- */

struct device;

/* err: 0 (device acknowledged), -ERR_DEVICE_EXCEPTION, -ERR_NO_ANSWER, -ERR_LINK_DOWN, -ERR_SUPERSEDED. */
typedef void (*device_done)(void *ctx, int err);

struct device_ops {
    /* Writes a point; before every poll in the queue. `raw` is copied. The callback comes once, never from
     * inside. */
    int (*write)(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                 device_done callback, void *ctx);
    /* Reads a point soon, besides the plan; the value arrives by on_value before the callback. */
    int (*read)(struct device *device, const struct point *point, device_done callback, void *ctx);
    /* No callback comes after this. */
    void (*free)(struct device *device);
    /* Counters since it was made; whether it is online is the charger's to say. Borrowed. */
    const struct device_health *(*health)(const struct device *device);
    /* A record that device_events.keep stored before the last restart; before the loop runs on. NULL: the driver keeps none. */
    void (*restore)(struct device *device, const char *key, const char *value);
};

/* News from a driver to the charger. */
struct device_events {
    /* Raw bytes of a point as they came (Modbus: registers in order, high byte first; bits: LSB first). */
    void (*on_value)(void *ctx, const struct point *point, const uint8_t *raw, size_t len);
    /* The device has no value for the point now (exception, SNA). */
    void (*on_no_value)(void *ctx, const struct point *point, int err);
    /* A batch of values ended: time to evaluate. */
    void (*on_batch)(void *ctx);
    /* The device began to answer (after connect, or again) or fell silent. Online while it is online: it has restarted. */
    void (*on_online)(void *ctx, bool online, int err);
    /* Keeps a text for the next start under a key of the device's own (value NULL: no more); both are copied. NULL: nothing can be kept. */
    void (*keep)(void *ctx, const char *key, const char *value);
};

#endif
