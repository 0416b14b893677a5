/* How ECHONET Lite stands in a profile: its options, where a point is, and how long. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

static void read_echonet(struct reading *r, const struct yaml_node *map)
{
    static const char *const keys[] = { "class", "batch", "timeout", "pause", "retries", NULL };
    struct echonet_options *o = &r->profile->echonet;
    yaml_check_keys(r->yaml, map, keys, r->problems);
    int64_t class = read_int(r, map, "class", -1, 1, 0xFFFF);
    if (map->kind == YAML_MAP && !yaml_get(map, "class"))
        COMPLAIN(r, map, "class is missing; expected such as class: 0x02A1");
    o->class_group = (uint8_t)(class >> 8);
    o->class_code = (uint8_t) class;
    o->batch = (int)read_int(r, map, "batch", 5, 1, 60);
    o->timeout_ms = read_ms(r, map, "timeout", 3000, 100, 60000);
    o->pause_ms = read_ms(r, map, "pause", 100, 0, 10000);
    o->retries = (int)read_int(r, map, "retries", 2, 0, 10);
}

static void read_echonet_at(struct reading *r, const struct yaml_node *node, char *text, struct point *p,
                            const struct repetition *at)
{
    static const char *const words[] = { "epc", "offset", "instance", "class", NULL };
    static const int64_t max[] = { 0xFF, 0xFE, 0x7F, 0xFFFF };
    const char *names[MAX_WORDS_OF_AT];
    int64_t numbers[MAX_WORDS_OF_AT], found[4] = { -1, 0, 0, -1 };
    int pairs = profile_split_pairs(text, names, numbers);
    if (yaml_get(node->parent, "unit_offset"))
        COMPLAIN(r, yaml_get(node->parent, "unit_offset"),
                 "ECHONET Lite has no unit ids; expected an instance in at");
    for (int i = 0; i < pairs; i++) {
        int which = 0;
        while (words[which] && !str_equal(words[which], names[i]))
            which++;
        if (!words[which] || numbers[i] > max[which]) {
            pairs = -EINVAL;
            break;
        }
        found[which] = numbers[i];
    }
    if (pairs <= 0 || found[0] < 0x80) {
        COMPLAIN(
            r, node,
            "expected epc 0x80..0xFF, then perhaps offset N, instance N, class 0xGGCC, such as epc 0xDA");
        return;
    }
    int64_t class =
        found[3] >= 0 ? found[3] : r->profile->echonet.class_group << 8 | r->profile->echonet.class_code;
    p->at.echonet.class_group = (uint8_t)(class >> 8);
    p->at.echonet.class_code = (uint8_t) class;
    p->at.echonet.instance = (uint8_t)(found[2] + (found[2] && at ? at->index : 0));
    if (at && at->index > 0 && !found[2])
        COMPLAIN(r, node,
                 "with count it needs the first one's instance, such as %s instance 1, or all are the same",
                 node->text);
    p->at.echonet.epc = (uint8_t)found[0];
    p->at.echonet.offset = (uint8_t)found[1];
}

static void read_echonet_size(struct reading *r, const struct yaml_node *map, struct point *p)
{
    size_t fixed = point_type_size(p->type);
    bool number = p->type == POINT_BITS || p->type == POINT_BCD;
    profile_unwanted(r, map, "words", "is for Modbus; give size, in bytes");
    profile_unwanted(r, map, "bits", "is for Modbus coils");
    p->raw_size = (uint16_t)read_int(r, map, "size", fixed ? (int64_t)fixed : number, 1, number ? 8 : 255);
    if (fixed && p->raw_size != fixed)
        COMPLAIN(r, yaml_get(map, "size"), "%s has %zu", point_type_names[p->type], fixed);
    if (p->raw_size == 0 && p->at.echonet.offset)
        COMPLAIN(r, map, "a part of a property needs size, its length in bytes");
}

static void print_at(const struct point *p, char *ret, size_t size)
{
    (void)snprintf(ret, size, "epc 0x%02X", p->at.echonet.epc);
}

const struct protocol protocol_echonet = {
    .name = "echonet",
    .title = "ECHONET Lite",
    .example_at = "epc 0xDA",
    .example_options = "echonet: { class: 0x02A1 }",
    .counts_itself = true,
    .read_options = read_echonet,
    .read_at = read_echonet_at,
    .read_size = read_echonet_size,
    .print_at = print_at,
};
