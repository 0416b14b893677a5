/* Short ways with jansson. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

static inline void json_t_auto(struct json_t **json)
{
    json_decref(*json);
}

/* Member of an object, or the fallback if absent or of another type. Strings are borrowed. */
const char *json_get_string(const json_t *object, const char *key, const char *fallback);
int64_t json_get_int(const json_t *object, const char *key, int64_t fallback);
double json_get_number(const json_t *object, const char *key, double fallback);
bool json_get_bool(const json_t *object, const char *key, bool fallback);

/* Sets a member if `value` is there; takes the reference. NULL `value` leaves the object as it is, so that
 * optional members can be set without asking. 0 or -ENOMEM (only if memory ran out inside jansson). */
int json_set_optional(json_t *object, const char *key, json_t *value);
/* Text of `value` as a new string node if not NULL and not "", else nothing is set. */
int json_set_text(json_t *object, const char *key, const char *value);

/* A copy, all the way down; NULL without memory. jansson's own leaves out what there was no memory for, and does not say so. */
json_t *json_copy_whole(const json_t *json);

/* Compact text, the caller's to free; NULL without memory. */
char *json_to_text(const json_t *json);
/* Bytes of that text; 0 without memory. */
size_t json_text_size(const json_t *json);
/* Parses exactly one value; NULL if it is none. New reference. */
json_t *json_from_text(const char *text, size_t len);

#endif
