/* A Modbus charger: its register map, and what it answers to a request PDU. Pure.
 *
 * The maps are written from the (made-up) makers' manuals in docs/simulator.md, on purpose not from the gateway's
 * profiles: a wrong profile must fail here. */
#ifndef SIM_MODBUS_MAP_H
#define SIM_MODBUS_MAP_H

#include "driver/modbus/codec.h"
#include "sim/field.h"

enum register_kind { REGISTER_COIL, REGISTER_INPUT, REGISTER_HOLDING };
enum register_access { REGISTER_READ = 1, REGISTER_WRITE = 2, REGISTER_BOTH = 3 };

struct modbus_register {
    const char *name;
    enum register_kind kind;
    uint16_t address; /* 0-based; a coil is one bit, else field.size / 2 words */
    enum register_access access;
    struct field field;
};

struct register_range {
    enum register_kind kind;
    uint16_t first, last;
};

struct modbus_map {
    const char *name;
    const struct modbus_register *registers;
    size_t count;
    const struct register_range *gaps; /* what is undefined in here reads as zero; up to last == 0 */
    uint32_t functions;                /* bit per function code the device knows */
    int max_read_words;
    bool low_word_first;
    int unit;
    bool keeps_limit;
    int64_t watchdog_ms;
};

extern const struct modbus_map *const modbus_maps[]; /* up to NULL */
/* NULL: no such map. */
const struct modbus_map *modbus_map_find(const char *name);

/* Told of each register the other side wrote, before its effect; a second time, with "refused", if there is none. */
typedef void (*modbus_written)(void *ctx, const char *name, const char *value);

struct modbus_device {
    const struct modbus_map *map;
    struct model *model;
    modbus_written on_write;
    void *ctx;
};

/* Its answer to `pdu` into ret[MODBUS_MAX_PDU]; the length, always > 0. */
int modbus_answer(const struct modbus_device *device, const uint8_t *pdu, size_t len, uint8_t *ret);

#endif
