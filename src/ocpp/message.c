/* Validation of payloads against the generated table. Depth is bounded by the table, not by the payload. */
#include "ocpp/message.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "ocpp/message_table.h"

/* A message lies in the array of its version. */
static const struct message_table *table_of(const struct message *message)
{
    const struct message *first = message_table_16.messages;
    return message >= first && message < first + message_table_16.count ? &message_table_16
                                                                        : &message_table_201;
}

const struct message *message_find_in(const struct message_table *table, const char *action)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(action, table->names + table->messages[middle].action);
        if (order == 0)
            return &table->messages[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct message *message_find(const char *action)
{
    return message_find_in(&message_table_201, action);
}

const char *message_name(const struct message *message)
{
    return table_of(message)->names + message->action;
}

const struct message *message_at(const struct message_table *table, size_t index)
{
    return index < table->count ? &table->messages[index] : NULL;
}

const char *message_table_version(const struct message_table *table)
{
    return table->version;
}

/* Where validation is: a chain of steps on the stack, from the innermost to the payload. */
struct place {
    const struct message_table *table;
    const struct place *parent; /* NULL: the payload itself */
    const char *name;           /* NULL: an array's item */
    size_t index;
};

static size_t write_path(const struct place *place, char *ret, size_t size)
{
    if (!place->parent)
        return 0;
    size_t at = write_path(place->parent, ret, size);
    if (at + 1 >= size)
        return at;
    int len = place->name ? snprintf(ret + at, size - at, "%s%s", at ? "." : "", place->name)
                          : snprintf(ret + at, size - at, "[%zu]", place->index);
    return at + (len < 0 ? 0 : (size_t)len);
}

/* Names of unknown members come from outside: in a log or an answer they must be harmless, and stay UTF-8 when
 * they are cut off. */
static void keep_printable(char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7E)
            *text = '?';
}

static bool fail(struct violation *ret, enum violation_kind kind, const struct place *place,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static bool fail(struct violation *ret, enum violation_kind kind, const struct place *place,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(ret->text, sizeof(ret->text), format, args);
    va_end(args);
    ret->kind = kind;
    ret->path[0] = '\0';
    (void)write_path(place, ret->path, sizeof(ret->path));
    keep_printable(ret->path);
    return false;
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = { "an object", "an array",  "a string",  "an integer",
                                         "a number",  "a boolean", "a boolean", "null" };
    return names[json_typeof(value)];
}

static bool check_type(bool fits, const json_t *value, const char *expected, const struct place *place,
                       struct violation *ret)
{
    return fits || fail(ret, VIOLATION_TYPE, place, "is %s, expected %s", type_name(value), expected);
}

static bool check_string(const struct message_field *field, const json_t *value, const struct place *place,
                         struct violation *ret)
{
    if (!check_type(json_is_string(value), value, "a string", place, ret))
        return false;
    size_t bytes = json_string_length(value);
    if (!field->max_length || bytes <= field->max_length)
        return true;
    int64_t length = utf8_length(json_string_value(value), bytes);
    return length <= field->max_length ||
           fail(ret, VIOLATION_PROPERTY, place, "has %" PRId64 " characters, at most %u are allowed", length,
                field->max_length);
}

static bool check_date_time(const json_t *value, const struct place *place, struct violation *ret)
{
    int64_t ignored;
    if (!check_type(json_is_string(value), value, "a date-time", place, ret))
        return false;
    const char *text = json_string_value(value);
    return (strlen(text) == json_string_length(value) && timestamp_parse(text, &ignored) == 0) ||
           fail(ret, VIOLATION_PROPERTY, place, "is no RFC 3339 time such as 2026-01-31T12:00:00.000Z");
}

static bool check_number(const struct message_field *field, const json_t *value, const struct place *place,
                         struct violation *ret)
{
    double number = json_number_value(value);
    bool is_integer =
        json_is_integer(value) || (json_is_real(value) && number == floor(number)); /* 3.0 is one */
    if (field->type == FIELD_INTEGER && !check_type(is_integer, value, "an integer", place, ret))
        return false;
    if (!check_type(json_is_number(value), value, "a number", place, ret))
        return false;
    if ((field->flags & FIELD_HAS_MIN) && number < field->min)
        return fail(ret, VIOLATION_PROPERTY, place, "is less than %d", field->min);
    if ((field->flags & FIELD_HAS_MAX) && number > field->max)
        return fail(ret, VIOLATION_PROPERTY, place, "is more than %d", field->max);
    return true;
}

static bool check_enum(const struct message_field *field, const json_t *value, const struct place *place,
                       struct violation *ret)
{
    const struct message_enum *e = &place->table->enums[field->ref];
    if (!check_type(json_is_string(value), value, "a string", place, ret))
        return false;
    for (unsigned i = 0; i < e->count; i++) {
        const char *allowed = place->table->names + place->table->values[e->first + i];
        size_t len = strlen(allowed);
        if (len == json_string_length(value) && memcmp(allowed, json_string_value(value), len) == 0)
            return true;
    }
    return fail(ret, VIOLATION_PROPERTY, place, "is no value of %s", place->table->names + e->name);
}

static bool check_object(const struct message_object *object, const json_t *value, const struct place *place,
                         struct violation *ret);

static bool check_one(const struct message_field *field, const json_t *value, const struct place *place,
                      struct violation *ret)
{
    switch ((enum field_type)field->type) {
    case FIELD_ANY:
        return true;
    case FIELD_STRING:
        return check_string(field, value, place, ret);
    case FIELD_DATE_TIME:
        return check_date_time(value, place, ret);
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return check_number(field, value, place, ret);
    case FIELD_BOOLEAN:
        return check_type(json_is_boolean(value), value, "a boolean", place, ret);
    case FIELD_ENUM:
        return check_enum(field, value, place, ret);
    case FIELD_OBJECT:
        return check_type(json_is_object(value), value, "an object", place, ret) &&
               check_object(&place->table->objects[field->ref], value, place, ret);
    }
    return true;
}

static bool check_field(const struct message_field *field, const json_t *value, const struct place *place,
                        struct violation *ret)
{
    if (!(field->flags & FIELD_ARRAY))
        return check_one(field, value, place, ret);
    if (!check_type(json_is_array(value), value, "an array", place, ret))
        return false;
    size_t count = json_array_size(value);
    if (count < field->min_items)
        return fail(ret, VIOLATION_OCCURRENCE, place, "has %zu items, at least %u are expected", count,
                    field->min_items);
    if (field->max_items && count > field->max_items)
        return fail(ret, VIOLATION_OCCURRENCE, place, "has %zu items, at most %u are allowed", count,
                    field->max_items);
    for (size_t i = 0; i < count; i++) {
        const struct place item = { place->table, place, NULL, i };
        if (!check_one(field, json_array_get(value, i), &item, ret))
            return false;
    }
    return true;
}

static const struct message_field *find_field(const struct message_table *table,
                                              const struct message_object *object, const char *name)
{
    for (unsigned i = 0; i < object->count; i++)
        if (strcmp(table->names + table->fields[object->first + i].name, name) == 0)
            return &table->fields[object->first + i];
    return NULL;
}

static bool check_object(const struct message_object *object, const json_t *value, const struct place *place,
                         struct violation *ret)
{
    const struct message_table *table = place->table;
    for (unsigned i = 0; i < object->count; i++) {
        const struct message_field *field = &table->fields[object->first + i];
        const struct place member = { table, place, table->names + field->name, 0 };
        if ((field->flags & FIELD_REQUIRED) && !json_object_get(value, member.name))
            return fail(ret, VIOLATION_OCCURRENCE, &member, "is missing");
    }
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
    {
        const struct place inner = { table, place, name, 0 };
        const struct message_field *field = find_field(table, object, name);
        if (!field && !object->is_open)
            return fail(ret, VIOLATION_FORMAT, &inner, "is no property of %s", table->names + object->name);
        if (field && !check_field(field, member, &inner, ret))
            return false;
    }
    return true;
}

bool message_validate(const struct message *message, enum message_part part, const json_t *payload,
                      struct violation *ret)
{
    struct violation ignored;
    if (!ret)
        ret = &ignored;
    *ret = (struct violation){ .kind = VIOLATION_NONE };
    const struct place root = { .table = table_of(message) };
    if (!json_is_object(payload))
        return fail(ret, VIOLATION_FORMAT, &root, "payload is no object");
    uint16_t row = part == MESSAGE_REQUEST ? message->request : message->response;
    return check_object(&root.table->objects[row], payload, &root, ret);
}
