/* One datum of a charger as its maker laid it on the wire: bytes, scale and codes on this side, a quantity of the
 * model on the other. Register maps and ECHONET property tables are rows of these. */
#ifndef SIM_FIELD_H
#define SIM_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/model.h"

#define FIELD_MAX_SIZE 40

enum quantity {
    Q_CONSTANT, /* the field's own value or text */
    Q_STATE,    /* enum model_state */
    Q_PILOT,    /* enum pilot */
    Q_FAULT,
    Q_FAULTED,
    Q_ENABLED,
    Q_CONTACTOR,
    Q_LOCKED,
    Q_OCCUPIED,
    Q_LOCK_FAILED,
    Q_CURRENT_L1,
    Q_CURRENT_L2,
    Q_CURRENT_L3,
    Q_VOLTAGE_L1,
    Q_VOLTAGE_L2,
    Q_VOLTAGE_L3,
    Q_POWER,
    Q_ENERGY,
    Q_LIMIT,
    Q_NOMINAL_VOLTAGE,
    Q_MIN_CURRENT,
    Q_MAX_CURRENT,
    Q_MIN_POWER,
    Q_MAX_POWER,
    Q_TEMPERATURE, /* Celsius */
    Q_SWITCHED,
    Q_SOC,
    Q_BATTERY_ENERGY,
    Q_BATTERY_CAPACITY,
    Q_BATTERY_ROOM,
    Q_WATCHDOG,        /* s */
    Q_KEEP_ALIVE,      /* written: any value */
    Q_UNLOCK,          /* written: 1 */
    Q_RESET,           /* written: the field's value */
    Q_TAG_ACKNOWLEDGE, /* written: 1 */
    Q_METER_RESET,     /* written: the field's value */
    Q_DISPLAY,         /* text, UTF-8 */
    Q_LAMP,            /* 0..3 */
    Q_PHASES,          /* used of those there are: 1 or 3 */
    Q_TAG,             /* hex text or bytes; all zeros written acknowledges */
    Q_TEXT             /* the field's text */
};

/* IEC 61851 by its letters, as a device with nothing but a pilot tells it: C once the car answers an offer. */
enum pilot { PILOT_A, PILOT_B, PILOT_C, PILOT_F };

enum field_type { FIELD_UINT, FIELD_INT, FIELD_FLAGS, FIELD_CODE, FIELD_TEXT, FIELD_BYTES };

struct field_flag {
    uint32_t mask;
    enum quantity quantity;
};

struct field {
    enum field_type type;
    uint8_t size; /* bytes, at most FIELD_MAX_SIZE */
    enum quantity quantity;
    double scale;                   /* UINT, INT: value = raw * scale; 0 is taken as 1 */
    uint32_t constant;              /* of Q_CONSTANT, Q_RESET, Q_METER_RESET */
    uint32_t absent;                /* raw, while the meter is absent */
    const uint16_t *codes;          /* CODE: raw by value of the quantity */
    const struct field_flag *flags; /* FLAGS: up to mask 0 */
    const char *text;               /* Q_TEXT */
};

/* Measured by the meter, so unknown without it. */
bool quantity_is_metered(enum quantity quantity);
double quantity_get(const struct model *m, enum quantity quantity);
/* The field's bytes, high byte first; model_update() first. */
void field_encode(const struct field *field, const struct model *m, uint8_t *ret);
/* What the device does when `bytes` (field->size) are written. 0, -ERANGE (value not allowed), -EBUSY (not now),
 * -EACCES (never). */
int field_apply(const struct field *field, struct model *m, const uint8_t *bytes);
/* The value in these bytes, for people: "16", "6.5", "04A1B2C3". */
void field_print(const struct field *field, const uint8_t *bytes, char *ret, size_t size);

#endif
