/* The messages of OCPP 2.0.1 and 1.6 as compact tables, and validation of a payload against them.
 *
 * The tables (message_table.c, message_16_table.c) are generated from the official JSON schemas by tools/generate_messages.py:
 * fields, types, lengths, enums, cardinality, required. Validation gives the verdict the schema gives. */
#ifndef OCPP_MESSAGE_H
#define OCPP_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct message;       /* one action with its request and its response */
struct message_table; /* all of a version */

extern const struct message_table message_table_201, message_table_16;

enum message_part { MESSAGE_REQUEST, MESSAGE_RESPONSE };

/* By action name ("BootNotification"), exactly; NULL if OCPP 2.0.1 has no such action. */
const struct message *message_find(const char *action);
/* The same in another version's table. */
const struct message *message_find_in(const struct message_table *table, const char *action);
const char *message_name(const struct message *message);
/* All actions of a version, in alphabetical order; NULL past the last. */
const struct message *message_at(const struct message_table *table, size_t index);
/* "2.0.1", "1.6" */
const char *message_table_version(const struct message_table *table);

/* What a violation is, in the terms of Part 4, 4.3. */
enum violation_kind {
    VIOLATION_NONE,
    VIOLATION_FORMAT,     /* FormatViolation: payload is no object, or an unknown property */
    VIOLATION_OCCURRENCE, /* OccurrenceConstraintViolation: required missing, too few or too many items */
    VIOLATION_TYPE,       /* TypeConstraintViolation: wrong JSON type */
    VIOLATION_PROPERTY,   /* PropertyConstraintViolation: enum, length, range */
};

struct violation {
    enum violation_kind kind;
    char path[96];  /* "meterValue[0].sampledValue[2].value"; cut off to fit */
    char text[160]; /* what is wrong, what would be right; no value from the payload but names and lengths */
};

/* True if `payload` conforms; a date-time must be one, too (RFC 3339). Else `ret` (may be NULL) says where and what; the first one found. */
bool message_validate(const struct message *message, enum message_part part, const json_t *payload,
                      struct violation *ret);

#endif
