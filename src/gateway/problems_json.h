/* Problems for the management API. */
#ifndef GATEWAY_PROBLEMS_JSON_H
#define GATEWAY_PROBLEMS_JSON_H

#include <jansson.h>

#include "base/problems.h"

/* [{"line": n or null, "path": text or null, "text": what is wrong}], with "file" where it is another than `file`. If there were too many, the
 * last says so. New reference, or NULL without memory. */
json_t *problems_json(const struct problems *problems, const char *file);

#endif
