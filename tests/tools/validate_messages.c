/* Reads lines `Action Request|Response {json}`, of OCPP 2.0.1 or, with an argument 1.6, of that, writes one verdict a line: "ok", or the violation. For
 * tests/system/test_message_tables.py, which compares them with those of python3-jsonschema. */
#include <string.h>

#include "base/json.h"
#include "ocpp/message.h"

static const char *const kinds[] = {
    [VIOLATION_NONE] = "None", [VIOLATION_FORMAT] = "Format",     [VIOLATION_OCCURRENCE] = "Occurrence",
    [VIOLATION_TYPE] = "Type", [VIOLATION_PROPERTY] = "Property",
};

static void judge(const struct message_table *table, const char *action, const char *part, const char *text)
{
    const struct message *message = message_find_in(table, action);
    AUTO(json_t) *payload = json_from_text(text, strlen(text));
    struct violation violation;
    if (!message || !payload)
        puts(message ? "no JSON" : "no such action");
    else if (message_validate(message, strcmp(part, "Request") == 0 ? MESSAGE_REQUEST : MESSAGE_RESPONSE,
                              payload, &violation))
        puts("ok");
    else
        printf("%s at \"%s\": %s\n", kinds[violation.kind], violation.path, violation.text);
}

int main(int argc, char **argv)
{
    const struct message_table *table =
        argc > 1 && strcmp(argv[1], "1.6") == 0 ? &message_table_16 : &message_table_201;
    AUTO_FREE char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        char *part = strchr(line, ' '), *text = part ? strchr(part + 1, ' ') : NULL;
        if (!text)
            return 2;
        *part++ = '\0';
        *text++ = '\0';
        line[len - 1] = '\0';
        judge(table, line, part, text);
    }
    return 0;
}
