/* How the generated table of messages is laid out; for message.c and the tables only.
 *
 * A message part is an object; an object is a run of fields; a field of type OBJECT or ENUM refers to another
 * row. Types that several messages share stand in the table once. Names are offsets into one text: pointers would
 * double the table, and again by their relocations. */
#ifndef OCPP_MESSAGE_TABLE_H
#define OCPP_MESSAGE_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_ANY,
    FIELD_STRING,
    FIELD_DATE_TIME,
    FIELD_INTEGER,
    FIELD_NUMBER,
    FIELD_BOOLEAN,
    FIELD_OBJECT,
    FIELD_ENUM
};
enum field_flags { FIELD_REQUIRED = 1, FIELD_ARRAY = 2, FIELD_HAS_MIN = 4, FIELD_HAS_MAX = 8 };

struct message_field {
    uint16_t name; /* this and every other name: offset into the names */
    uint8_t type, flags;
    uint16_t ref;                  /* row of objects or enums */
    uint16_t max_length;           /* of a string, in characters; 0: none */
    uint16_t min_items, max_items; /* of an array; 0: none */
    int16_t min, max;              /* of a number, where flagged */
};

struct message_object {
    uint16_t name;
    uint16_t first; /* in fields */
    uint8_t count;
    uint8_t is_open; /* takes properties beyond those named (CustomDataType) */
};

struct message_enum {
    uint16_t name;
    uint16_t first, count; /* in values */
};

struct message {
    uint16_t action;
    uint16_t request, response; /* rows of objects */
};

struct message_table {
    const char *version;
    const struct message *messages; /* by action, in alphabetical order */
    size_t count;
    const struct message_object *objects;
    const struct message_field *fields;
    const struct message_enum *enums;
    const uint16_t *values;
    const char *names;
};

#endif
