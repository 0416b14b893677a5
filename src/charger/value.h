/* The bytes of a point and what they mean, both ways. Pure. */
#ifndef CHARGER_VALUE_H
#define CHARGER_VALUE_H

#include "charger/point.h"

#define VALUE_MAX_TEXT (2 * POINT_MAX_RAW + 1) /* two hex digits a byte */

struct value {
    double number;
    uint64_t raw; /* integral types: after mask and shift, unsigned in its width */
    char text[VALUE_MAX_TEXT];
};

/* `power` is the value of the point's scale_point (0 if it has none). 0, -ENODATA (the device says it has
 * none), -EBADMSG (bytes that do not fit the type). */
int value_decode(const struct point *point, double power, const uint8_t *raw, size_t len, struct value *ret);

enum value_rounding {
    ROUND_NEAREST,
    ROUND_DOWN /* towards 0: a device that charges by negative numbers is not told more than was allowed, either */
};
/* `ret` holds POINT_MAX_RAW bytes. 0, or -ERANGE: the point cannot hold the value. */
int value_encode_number(const struct point *point, double power, double number, enum value_rounding rounding,
                        uint8_t *ret, size_t *ret_len);
int value_encode_text(const struct point *point, const char *text, uint8_t *ret, size_t *ret_len);

bool point_is_text(const struct point *point);
bool point_is_integral(const struct point *point);
/* Bytes of a numeric type, 0 for texts. Bits and BCD have the size of the point. */
size_t point_type_size(enum point_type type);
extern const char *const point_type_names[POINT_TYPES + 1]; /* NULL-terminated */

/* Units a point may have. `base` is the unit of the same kind in which signals are given, factor how much
 * of it one is. */
struct unit {
    const char *name, *base;
    double factor;
};
extern const char *const unit_names[]; /* NULL-terminated */
const struct unit *unit_find(const char *name);

#endif
