/* The simulated Modbus chargers. One row is one register of the manual. */
#include "sim/modbus_map.h"

#include "base/cleanup.h"
#include "base/str.h"

#define FUNCTION(code) (1u << (code))

#define U16(q, s)                                                                                            \
    {                                                                                                        \
        .type = FIELD_UINT, .size = 2, .quantity = (q), .scale = (s)                                         \
    }
#define I16(q, s)                                                                                            \
    {                                                                                                        \
        .type = FIELD_INT, .size = 2, .quantity = (q), .scale = (s)                                          \
    }
#define U32(q, s)                                                                                            \
    {                                                                                                        \
        .type = FIELD_UINT, .size = 4, .quantity = (q), .scale = (s)                                         \
    }
#define BIT(q)                                                                                               \
    {                                                                                                        \
        .type = FIELD_UINT, .size = 1, .quantity = (q)                                                       \
    }
#define CODE(q, table)                                                                                       \
    {                                                                                                        \
        .type = FIELD_CODE, .size = 2, .quantity = (q), .codes = (table)                                     \
    }
#define FLAGS(list)                                                                                          \
    {                                                                                                        \
        .type = FIELD_FLAGS, .size = 2, .flags = (list)                                                      \
    }
#define TEXT(words, content)                                                                                 \
    {                                                                                                        \
        .type = FIELD_TEXT, .size = 2 * (words), .quantity = Q_TEXT, .text = (content)                       \
    }

/* ---- ac22: a three-phase wall box on Modbus TCP ---- */

static const uint16_t ac22_states[MODEL_STATES] = {
    [MODEL_NO_VEHICLE] = 1,     [MODEL_CONNECTED] = 2, [MODEL_SUSPENDED_EV] = 5,
    [MODEL_SUSPENDED_EVSE] = 6, [MODEL_CHARGING] = 7,  [MODEL_FAULTED] = 9,
};
static const struct field_flag ac22_flags[] = {
    { 0x01, Q_LOCKED }, { 0x02, Q_OCCUPIED }, { 0x04, Q_LOCK_FAILED }, { 0x40, Q_FAULTED }, { 0, 0 }
};
static const struct register_range ac22_gaps[] = { { REGISTER_INPUT, 100, 131 }, { 0, 0, 0 } };

/* clang-format off */
static const struct modbus_register ac22_registers[] = {
    { "cp_state",    REGISTER_INPUT,   100, REGISTER_READ,  CODE(Q_STATE, ac22_states) },
    { "flags",       REGISTER_INPUT,   101, REGISTER_READ,  FLAGS(ac22_flags) },
    { "fault_code",  REGISTER_INPUT,   102, REGISTER_READ,  U16(Q_FAULT, 1) },
    { "temperature", REGISTER_INPUT,   103, REGISTER_READ,  I16(Q_TEMPERATURE, 0.1) },
    { "switched",    REGISTER_INPUT,   104, REGISTER_READ,  U32(Q_SWITCHED, 1) },
    { "current_l1",  REGISTER_INPUT,   110, REGISTER_READ,  U16(Q_CURRENT_L1, 0.01) },
    { "current_l2",  REGISTER_INPUT,   111, REGISTER_READ,  U16(Q_CURRENT_L2, 0.01) },
    { "current_l3",  REGISTER_INPUT,   112, REGISTER_READ,  U16(Q_CURRENT_L3, 0.01) },
    { "voltage_l1",  REGISTER_INPUT,   113, REGISTER_READ,  U16(Q_VOLTAGE_L1, 0.1) },
    { "voltage_l2",  REGISTER_INPUT,   114, REGISTER_READ,  U16(Q_VOLTAGE_L2, 0.1) },
    { "voltage_l3",  REGISTER_INPUT,   115, REGISTER_READ,  U16(Q_VOLTAGE_L3, 0.1) },
    { "power",       REGISTER_INPUT,   120, REGISTER_READ,
      { .type = FIELD_INT, .size = 4, .quantity = Q_POWER, .scale = 0.1, .absent = 0x7FFFFFFF } },
    { "energy",      REGISTER_INPUT,   124, REGISTER_READ,  U32(Q_ENERGY, 1) },
    { "firmware",    REGISTER_INPUT,   130, REGISTER_READ,  TEXT(8, "2.4.1") },
    { "model",       REGISTER_HOLDING,   4, REGISTER_READ,
      { .type = FIELD_UINT, .size = 2, .quantity = Q_CONSTANT, .constant = 0x0107 } },
    { "tag",         REGISTER_HOLDING, 200, REGISTER_BOTH,
      { .type = FIELD_TEXT, .size = 20, .quantity = Q_TAG } },
    { "enable",      REGISTER_COIL,      5, REGISTER_BOTH,  BIT(Q_ENABLED) },
    { "unlock",      REGISTER_COIL,      6, REGISTER_WRITE, BIT(Q_UNLOCK) },
    { "max_current", REGISTER_HOLDING, 300, REGISTER_BOTH,  U16(Q_LIMIT, 0.1) },
    { "alive",       REGISTER_HOLDING, 310, REGISTER_WRITE, U16(Q_KEEP_ALIVE, 1) },
    { "watchdog",    REGISTER_HOLDING, 311, REGISTER_BOTH,  U16(Q_WATCHDOG, 1) },
    { "reset",       REGISTER_HOLDING, 312, REGISTER_WRITE,
      { .type = FIELD_UINT, .size = 2, .quantity = Q_RESET, .constant = 0x5A5A } },
    { "phases",      REGISTER_HOLDING, 313, REGISTER_BOTH,  U16(Q_PHASES, 1) },
    { "display",     REGISTER_HOLDING, 320, REGISTER_BOTH,
      { .type = FIELD_TEXT, .size = 40, .quantity = Q_DISPLAY } },
};
/* clang-format on */

static const struct modbus_map ac22 = {
    .name = "ac22",
    .registers = ac22_registers,
    .count = ARRAY_SIZE(ac22_registers),
    .gaps = ac22_gaps,
    .functions = FUNCTION(1) | FUNCTION(2) | FUNCTION(3) | FUNCTION(4) | FUNCTION(5) | FUNCTION(6) |
                 FUNCTION(15) | FUNCTION(16) | FUNCTION(22) | FUNCTION(23),
    .max_read_words = MODBUS_MAX_READ_WORDS,
    .unit = 1,
    .keeps_limit = true,
    .watchdog_ms = 60000,
};

/* ---- rtu7: a small charger on RS-485, low word first, two functions only ---- */

static const uint16_t rtu7_letters[] = { [PILOT_A] = 'A', [PILOT_B] = 'B', [PILOT_C] = 'C', [PILOT_F] = 'F' };
static const struct field_flag rtu7_flags[] = {
    { 0x01, Q_ENABLED }, { 0x02, Q_CONTACTOR }, { 0x04, Q_LOCKED }, { 0, 0 }
};
static const struct register_range rtu7_gaps[] = { { REGISTER_HOLDING, 0x1000, 0x1019 }, { 0, 0, 0 } };

/* clang-format off */
static const struct modbus_register rtu7_registers[] = {
    { "iec_state",   REGISTER_HOLDING, 0x1000, REGISTER_READ,  CODE(Q_PILOT, rtu7_letters) },
    { "flags",       REGISTER_HOLDING, 0x1001, REGISTER_READ,  FLAGS(rtu7_flags) },
    { "error",       REGISTER_HOLDING, 0x1002, REGISTER_READ,  U16(Q_FAULT, 1) },
    { "temperature", REGISTER_HOLDING, 0x1003, REGISTER_READ,  I16(Q_TEMPERATURE, 0.1) },
    { "power",       REGISTER_HOLDING, 0x1010, REGISTER_READ,  U32(Q_POWER, 1) },
    { "energy",      REGISTER_HOLDING, 0x1012, REGISTER_READ,  U32(Q_ENERGY, 10) },
    { "current_l1",  REGISTER_HOLDING, 0x1014, REGISTER_READ,  U16(Q_CURRENT_L1, 0.1) },
    { "current_l2",  REGISTER_HOLDING, 0x1015, REGISTER_READ,  U16(Q_CURRENT_L2, 0.1) },
    { "current_l3",  REGISTER_HOLDING, 0x1016, REGISTER_READ,  U16(Q_CURRENT_L3, 0.1) },
    { "voltage_l1",  REGISTER_HOLDING, 0x1017, REGISTER_READ,  U16(Q_VOLTAGE_L1, 1) },
    { "voltage_l2",  REGISTER_HOLDING, 0x1018, REGISTER_READ,  U16(Q_VOLTAGE_L2, 1) },
    { "voltage_l3",  REGISTER_HOLDING, 0x1019, REGISTER_READ,  U16(Q_VOLTAGE_L3, 1) },
    { "rfid",        REGISTER_HOLDING, 0x1020, REGISTER_READ,
      { .type = FIELD_BYTES, .size = 8, .quantity = Q_TAG } },
    { "control",     REGISTER_HOLDING, 0x1030, REGISTER_BOTH,  U16(Q_ENABLED, 1) },
    { "limit",       REGISTER_HOLDING, 0x1031, REGISTER_BOTH,  U16(Q_LIMIT, 1) },
    { "rfid_acknowledge", REGISTER_HOLDING, 0x1032, REGISTER_WRITE, U16(Q_TAG_ACKNOWLEDGE, 1) },
    { "lamp",        REGISTER_HOLDING, 0x1033, REGISTER_BOTH,  U16(Q_LAMP, 1) },
    { "serial",      REGISTER_HOLDING, 0x1040, REGISTER_READ,  TEXT(8, "R7-0000417") },
};
/* clang-format on */

static const struct modbus_map rtu7 = {
    .name = "rtu7",
    .registers = rtu7_registers,
    .count = ARRAY_SIZE(rtu7_registers),
    .gaps = rtu7_gaps,
    .functions = FUNCTION(3) | FUNCTION(16),
    .max_read_words = 20,
    .low_word_first = true,
    .unit = 7,
};

const struct modbus_map *const modbus_maps[] = { &ac22, &rtu7, NULL };

const struct modbus_map *modbus_map_find(const char *name)
{
    for (size_t i = 0; modbus_maps[i]; i++) {
        if (str_equal(modbus_maps[i]->name, name))
            return modbus_maps[i];
    }
    return NULL;
}
