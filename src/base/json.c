/* Short ways with jansson. */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"

/* 15 digits come back as they went in; 17 would make 0.1 look like 0.10000000000000001. */
#define TEXT_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

const char *json_get_string(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : fallback;
}

int64_t json_get_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return json_integer_value(value);
    double real = json_real_value(value); /* 3.0 is an integer, too */
    return json_is_real(value) && real >= -9e15 && real <= 9e15 && real == (double)(int64_t)real
               ? (int64_t)real
               : fallback;
}

double json_get_number(const json_t *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_boolean_value(value) : fallback;
}

int json_set_optional(json_t *object, const char *key, json_t *value)
{
    if (!value)
        return 0;
    return json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

int json_set_text(json_t *object, const char *key, const char *value)
{
    if (!value || !*value)
        return 0;
    return json_object_set_new(object, key, json_string(value)) == 0 ? 0 : -ENOMEM;
}

static int append(const char *bytes, size_t len, void *ctx)
{
    return buf_append(ctx, bytes, len);
}

/* Not by json_dumps(): when memory runs out within a key, jansson 2.14 leaves the key out and goes on. Our buffer's error sticks. */
char *json_to_text(const json_t *json)
{
    struct buf text;
    buf_init(&text, SIZE_MAX / 4);
    size_t len = json_dump_callback(json, append, &text, TEXT_FLAGS) == 0 ? text.len : 0;
    char *ret = len ? buf_steal(&text) : NULL;
    buf_done(&text);
    char *fitting = ret ? realloc(ret, len + 1) : NULL; /* some are kept for long */
    return fitting ? fitting : ret;
}

size_t json_text_size(const json_t *json)
{
    return json_dumpb(json, NULL, 0, TEXT_FLAGS);
}

json_t *json_from_text(const char *text, size_t len)
{
    return json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

json_t *json_copy_whole(const json_t *json)
{
    AUTO(json_t) *copy = json_deep_copy(json);
    return copy && json_equal(copy, json) ? STEAL(copy) : NULL;
}
