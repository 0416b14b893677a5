/* The protocols of devices, and what their descriptions in a profile share. */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"

const struct protocol *const protocols[PROTOCOLS] = {
    [PROTOCOL_MODBUS] = &protocol_modbus,
    [PROTOCOL_ECHONET] = &protocol_echonet,
    [PROTOCOL_OCPP16] = &protocol_ocpp16,
};

const char *protocol_name(enum point_protocol protocol)
{
    return protocols[protocol]->name;
}

void point_print_at(const struct profile *profile, const struct point *point, char *ret, size_t size)
{
    protocols[profile->protocol]->print_at(point, ret, size);
}

int profile_split_pairs(char *text, const char *names[], int64_t numbers[])
{
    char *rest = text;
    const char *word = NULL, *name = NULL;
    int count = 0;
    while ((word = strsep(&rest, " \t"))) {
        if (!*word)
            continue;
        if (!name) {
            name = word;
            continue;
        }
        if (count == MAX_WORDS_OF_AT || str_to_int(word, 0, 0xFFFFFF, &numbers[count]) < 0)
            return -EINVAL;
        names[count++] = name;
        name = NULL;
    }
    return name ? -EINVAL : count;
}

void profile_unwanted(struct reading *r, const struct yaml_node *map, const char *key, const char *why)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (node)
        COMPLAIN(r, node, "%s", why);
}
