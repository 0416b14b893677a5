/* gateway.yaml from any bytes, and a change of it: a text that says what was asked for, or a refusal that says why. The first byte tells the change. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/config_edit.h"

static const char *const entries[] = {
    "{\"id\":\"CS-2\",\"csms\":\"a\",\"chargers\":[{\"profile\":\"p\",\"tcp\":\"10.0.0.1\",\"unit\":7}]}",
    "{\"id\":\"CS-1\",\"vendor\":\"a: # b\",\"variables\":{\"A.B\":60,\"C.D\":\"1,2\"}}",
    "{\"id\":\"CS-1\",\"password\":\"***\",\"chargers\":[{\"ocpp16\":\"x\",\"password\":\"***\"},{"
    "\"profile\":\"p\"}]}",
    "{\"id\":\"1\",\"csms\":\"\",\"list\":[],\"map\":{},\"deep\":[[1,[2.5,true]],{\"a\":[{\"b\":"
    "\"\\n\\u2028\"}]}]}",
};

static size_t stations_of(const char *text)
{
    struct problems problems;
    struct yaml *y = NULL;
    problems_init(&problems);
    int r = yaml_parse("fuzz.yaml", text, strlen(text), &problems, &y);
    assert(r == 0 && problems.total == 0); /* what comes out is YAML */
    const struct yaml_node *list = yaml_get(y->root, "stations");
    size_t count = list ? list->count : 0;
    yaml_free(y);
    problems_done(&problems);
    return count;
}

/* Reads what was written; the entry says what was asked for. */
static void check_entry(const char *text, const json_t *entry)
{
    struct problems problems;
    json_t *back = NULL;
    const char *key;
    json_t *value;
    problems_init(&problems);
    int r = config_edit_station(text, json_string_value(json_object_get(entry, "id")), &problems, &back);
    assert(r == 0);
    json_object_foreach((json_t *)entry, key, value)
    {
        const json_t *own = json_object_get(back, key);
        assert(own && json_typeof(own) == json_typeof(value));
        if (json_is_string(value))
            assert(str_equal(json_string_value(own), json_string_value(value)));
    }
    json_decref(back);
    problems_done(&problems);
}

static void change(const char *text, unsigned how, const json_t *entry)
{
    struct problems problems;
    char *result = NULL;
    int r = 0, added = 0;
    problems_init(&problems);
    switch (how % 4) {
    case 0:
        r = config_edit_add_station(text, entry, &problems, &result);
        added = 1;
        break;
    case 1:
        r = config_edit_replace_station(text, "CS-1", entry, &problems, &result);
        break;
    case 2:
        r = config_edit_remove_station(text, "CS-1", &problems, &result);
        added = -1;
        break;
    default:
        r = config_edit_named(text, "buses", "bus", entry, &problems, &result);
    }
    assert((r == 0) == (result != NULL) && (r == 0) == (problems.total == 0));
    if (r == 0) {
        assert(stations_of(result) == stations_of(text) + (size_t)added);
        if (how % 4 < 2)
            check_entry(result, entry);
    }
    free(result);
    problems_done(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    const char *line = entries[data[0] / 4 % ARRAY_SIZE(entries)];
    json_t *entry = json_from_text(line, strlen(line));
    assert(text && entry);
    change(text, data[0], entry);
    json_decref(entry);
    free(text);
    return 0;
}
