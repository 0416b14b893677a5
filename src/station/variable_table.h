/* The device model's rows, and how to walk them. For variables.c and report.c. */
#ifndef STATION_VARIABLE_TABLE_H
#define STATION_VARIABLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "station/variables.h"

struct evse;

#define VARIABLE_VALUE_SIZE 1001  /* ConfigurationValueSize 1000 */
#define REQUEST_BYTES       32768 /* of GetVariables, SetVariables, GetReport at most */
#define ITEMS_PER_MESSAGE   100   /* of GetVariables, SetVariables, GetReport; and of a NotifyReport */

/* DataEnumType and MutabilityEnumType */
enum variable_type {
    TYPE_STRING,
    TYPE_DECIMAL,
    TYPE_INTEGER,
    TYPE_DATE_TIME,
    TYPE_BOOLEAN,
    TYPE_OPTION_LIST,
    TYPE_SEQUENCE_LIST,
    TYPE_MEMBER_LIST,
    VARIABLE_TYPES
};
extern const char *const variable_type_names[VARIABLE_TYPES];
enum mutability { READ_ONLY, WRITE_ONLY, READ_WRITE, MUTABILITIES };
extern const char *const mutability_names[MUTABILITIES];

/* Where a row stands: a row of TIER_EVSE is there once for each EVSE, and so on. */
enum variable_tier { TIER_STATION, TIER_EVSE, TIER_CONNECTOR };

struct variable_row;
struct variable_place {
    const struct station *station;
    const struct variable_row *row; /* set by variable_next_place() */
    const struct evse *evse;        /* NULL: TIER_STATION */
    int connector;                  /* 0: not TIER_CONNECTOR */
    bool begun;                     /* of variable_next_place() */
};

struct variable_row {
    const char *component, *variable, *instance; /* instance of the variable, or NULL */
    enum variable_type type;
    enum mutability mutability;
    const char *fallback;           /* the value until something else is set; NULL: computed by get */
    double min, max;                /* 0, 0: none; a text's max is its length */
    const char *unit, *values_list; /* or NULL */
    const char *component_instance; /* or NULL */
    enum variable_tier tier;
    /* Writes what of values_list the devices of the station allow; NULL: all of it. */
    void (*supported)(const struct station *s, char *ret, size_t size);
    void (*get)(const struct variable_place *place, char *ret, size_t size);
    double (*get_max)(const struct variable_place *place); /* instead of max */
    bool (*exists)(const struct variable_place *place);    /* NULL: always */
    bool (*is_valid)(const char *value);                   /* besides type and limits */
    /* Why the CSMS cannot set it now: a reason code, or NULL. */
    const char *(*refuse)(const struct station *s, const char *value);
    void (*changed)(struct station *s);    /* after a SetVariables */
    const struct device_monitor *monitors; /* that it has from the start */
    size_t monitor_count;
};

extern const struct variable_row variable_table[];
extern const size_t variable_table_size;

/* All rows of a station: the table's, then those its devices have (base/evse.h, struct device_variable). */
size_t variable_row_count(const struct station *s);
const struct variable_row *variable_row_at(const struct station *s, size_t index);

/* The row and place that a request's ComponentType and VariableType name (B06.FR.06, .07, .14, .15). */
enum variable_found { VARIABLE_FOUND, VARIABLE_UNKNOWN_COMPONENT, VARIABLE_UNKNOWN };
enum variable_found variable_find(const struct station *s, const json_t *component, const json_t *variable,
                                  const struct variable_row **ret, struct variable_place *ret_place);
/* ComponentType and VariableType of a row at a place; new references, or NULL without memory. */
json_t *variable_component_json(const struct variable_row *row, const struct variable_place *place);
json_t *variable_name_json(const struct variable_row *row);

/* One place after the other of a row (start with all zero but `station`); false past the last. Only places where the row exists. */
bool variable_next_place(const struct variable_row *row, struct variable_place *place);

/* The EVSE of a place of TIER_EVSE; else 0. */
int variable_place_evse(const struct variable_place *place);

#define VARIABLE_KEY_SIZE 160 /* component/variable/instance, of at most 50 characters each */
/* The row's name in the store. `evse` here and below: of a row of TIER_EVSE, else 0. */
void variable_key(const struct variable_row *row, int evse, char ret[static VARIABLE_KEY_SIZE]);

/* What the CSMS set, the configuration preset or the table has; borrowed until it changes. Not for rows with `get`. */
const char *variable_stored_text(const struct station *s, const struct variable_row *row, int evse);
/* As set by the CSMS; copies. Checks and stores nothing. 0 or -ENOMEM. */
int variable_set(struct station *s, const struct variable_row *row, int evse, const char *text);
/* Empty for WriteOnly. */
void variable_get(const struct variable_row *row, const struct variable_place *place,
                  char ret[static VARIABLE_VALUE_SIZE]);
/* The limits of what a row's value can be, of a text those of its length: those that a report has. NAN: none. */
void variable_limits(const struct variable_row *row, const struct variable_place *place, double *ret_min,
                     double *ret_max);
/* The values a list may have, or "". */
void variable_values_list(const struct variable_row *row, const struct station *s,
                          char ret[static VARIABLE_VALUE_SIZE]);
/* NULL if the row can have the text, else the reason code why not. s NULL: of no special station. */
const char *variable_check(const struct variable_row *row, const struct station *s, const char *text);

/* The measurands of the values list that some EVSE of the station can measure. */
void measurands_supported(const struct station *s, char *ret, size_t size);
/* Likewise the points of TxStartPoint and TxStopPoint; tx_points.c. */
void tx_points_supported(const struct station *s, char *ret, size_t size);

#endif
