/* What a station's devices bring into its device model: the points that their profiles declare as variables, and the
 * health of the way to each of them.
 *
 * The profiles' variables become rows behind the table's (variable_rows.c), one for all EVSEs that have the same; the
 * values stand with the EVSE, or with the station. */
#ifndef STATION_DEVICE_VARIABLES_H
#define STATION_DEVICE_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/evse.h"

struct station;
struct station_settings;
struct variable_place;
struct variable_row;

/* One variable of an EVSE or of the station, at its place in their list. */
struct device_slot {
    char *text; /* DEVICE_STRING with a value */
    double number;
    uint16_t row; /* of device_variables.rows */
    bool is_known;
};

struct device_values {
    size_t count;
    struct device_slot *slots; /* NULL: none */
};

struct device_variables {
    size_t row_count;
    struct variable_row *rows;
    struct device_values station;
};

/* 0 or -ENOMEM. */
int device_variables_init(struct station *s, const struct station_settings *settings);
void device_variables_free(struct station *s);

/* Getters of the table's rows on the device of an EVSE (component FieldDevice). */
void get_device_problem(const struct variable_place *place, char *ret, size_t size);
void get_device_count(const struct variable_place *place, char *ret, size_t size); /* of the row's instance */
void get_device_answer_age(const struct variable_place *place, char *ret, size_t size);
/* Whether anything is known of it. */
bool has_device_health(const struct variable_place *place);

#endif
