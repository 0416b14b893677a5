/* The bench's JSON, and what a test expects of the CALLs of the station. */
#include "tests/support/bench_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* ---- JSON ---- */

json_t *bench_parse(const char *text)
{
    char *copy = strdup(text);
    json_error_t error;
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(copy, JSON_DECODE_ANY, &error);
    free(copy);
    if (!json)
        fail_msg("bad JSON in the test: %s: %s", text, error.text);
    return json;
}

bool bench_contains(const json_t *json, const json_t *expected)
{
    if (json_is_string(expected) && str_equal(json_string_value(expected), "*"))
        return json != NULL;
    if (json_is_null(expected))
        return json == NULL;
    if (json_is_number(expected))
        return json_is_number(json) && json_number_value(json) == json_number_value(expected);
    if (json_is_array(expected)) {
        if (!json_is_array(json) || json_array_size(json) != json_array_size(expected))
            return false;
        for (size_t i = 0; i < json_array_size(json); i++)
            if (!bench_contains(json_array_get(json, i), json_array_get(expected, i)))
                return false;
        return true;
    }
    if (json_is_object(expected)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)expected, key,
                            value) if (!bench_contains(json_object_get(json, key), value)) return false;
        return json_is_object(json);
    }
    return json_equal(json, expected);
}

void bench_check(const json_t *json, const char *expected, const char *what)
{
    json_t *wanted = bench_parse(expected);
    if (!bench_contains(json, wanted)) {
        char *text = json_dumps(json, JSON_ENCODE_ANY);
        fail_msg("%s is %s, expected %s", what, text ? text : "nothing", expected);
    }
    json_decref(wanted);
}

/* ---- expectations ---- */

const json_t *bench_expect(struct bench *b, const char *action, const char *payload)
{
    bench_settle(b);
    if (json_array_size(b->calls) == 0)
        fail_msg("nothing was sent, expected %s %s", action, payload);
    json_t *first = json_incref(json_array_get(b->calls, 0));
    json_array_remove(b->calls, 0);
    json_object_set_new(b->responses, "last", first); /* keeps it for the caller */

    const char *sent = json_string_value(json_array_get(first, 0));
    if (!str_equal(sent, action)) {
        char *text = json_dumps(json_array_get(first, 1), 0);
        fail_msg("%s %s was sent, expected %s %s", sent, text, action, payload);
    }
    bench_check(json_array_get(first, 1), payload, action);
    return json_array_get(first, 1);
}

const json_t *bench_expect_later(struct bench *b, const char *action, const char *payload)
{
    bench_settle(b);
    while (json_array_size(b->calls) > 0 &&
           !str_equal(json_string_value(json_array_get(json_array_get(b->calls, 0), 0)), action))
        json_array_remove(b->calls, 0);
    return bench_expect(b, action, payload);
}

void bench_expect_nothing(struct bench *b)
{
    bench_settle(b);
    if (json_array_size(b->calls) > 0) {
        char *text = json_dumps(b->calls, 0);
        fail_msg("sent, expected nothing: %s", text);
    }
}

void bench_forget(struct bench *b)
{
    bench_settle(b);
    json_array_clear(b->calls);
    json_array_clear(b->commands);
}

size_t bench_count(struct bench *b, const char *action)
{
    size_t count = 0, i;
    json_t *one;
    bench_settle(b);
    json_array_foreach(b->calls, i, one) count +=
        str_equal(json_string_value(json_array_get(one, 0)), action);
    return count;
}
