#include "gateway/problems_json.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* Texts are cut off at a byte, maybe inside a character. */
static json_t *part(const char *text, size_t len)
{
    AUTO_FREE char *copy = strndup(text, len);
    if (!copy)
        return NULL;
    str_make_harmless(copy);
    return json_string(copy);
}

static json_t *problem_json(const struct problem *problem, const char *file)
{
    const char *message = problem->text + problem->message;
    json_t *json = json_object();
    (void)json_object_set_new(json, "line", problem->line > 0 ? json_integer(problem->line) : json_null());
    (void)json_object_set_new(json, "path",
                              problem->path_len ? part(problem->text + problem->path, problem->path_len)
                                                : json_null());
    (void)json_object_set_new(json, "text", part(message, strlen(message)));
    if (strlen(file) != problem->prefix || strncmp(problem->text, file, problem->prefix) != 0)
        (void)json_object_set_new(json, "file", part(problem->text, problem->prefix));
    return json;
}

json_t *problems_json(const struct problems *problems, const char *file)
{
    AUTO(json_t) *list = json_array();
    char more[60];
    for (size_t i = 0; i < problems->count; i++)
        if (json_array_append_new(list, problem_json(&problems->list[i], file)) < 0)
            return NULL;
    (void)snprintf(more, sizeof(more), "and %zu problems more", problems->total - problems->count);
    if (problems->total > problems->count &&
        json_array_append_new(list, json_pack("{s:n, s:n, s:s}", "line", "path", "text", more)) < 0)
        return NULL;
    return STEAL(list);
}
