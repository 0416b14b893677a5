/* How Modbus stands in a profile: its options, where a point is, and how long. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

#define MAX_WORDS             125
#define MAX_WRITE_INTERVAL_MS 10000 /* a stop may have to wait for so long */

static bool is_coil(const struct point *p)
{
    return p->at.modbus.kind == MODBUS_COIL || p->at.modbus.kind == MODBUS_DISCRETE;
}

static void read_modbus_functions(struct reading *r, const struct yaml_node *map, struct modbus_options *o)
{
    static const char *const writes[] = { "auto", "6", "16", NULL };
    static const char *const reads[] = { "auto", "3", "4", NULL };
    static const int read_codes[] = { 0, 3, 4 }, write_codes[] = { 0, 6, 16 };
    o->write_function = write_codes[read_enum(r, map, "write_function", 0, writes)];
    r->write_function = o->write_function;
    r->read_function = read_codes[read_enum(r, map, "read_function", 0, reads)];
}

/* How the model can be reached; absent: by all of them. */
static void read_transports(struct reading *r, const struct yaml_node *list, struct modbus_options *o)
{
    static const char *const names[] = { "tcp", "rtu", "ascii", NULL };
    bool *const over[] = { &o->over_tcp, &o->over_rtu, &o->over_ascii };
    int index = 0;
    o->over_tcp = o->over_rtu = o->over_ascii = !list;
    if (list && (list->kind != YAML_LIST || !list->children))
        COMPLAIN(r, list, "expected a list of tcp, rtu and ascii, such as [tcp, rtu]");
    for (const struct yaml_node *n = list ? list->children : NULL; n && list->kind == YAML_LIST; n = n->next)
        if (yaml_to_enum(r->yaml, n, names, r->problems, &index) == 0)
            *over[index] = true;
}

static void read_modbus(struct reading *r, const struct yaml_node *map)
{
    static const char *const keys[] = { "word_order",     "byte_order", "write_function", "read_function",
                                        "max_words",      "max_gap",    "pause",          "reconnect_after",
                                        "timeout",        "retries",    "unit",           "port",
                                        "baud",           "data_bits",  "stop_bits",      "parity",
                                        "write_interval", "wake",       "transports",     NULL };
    static const char *const orders[] = { "big", "little", NULL };
    static const char *const parities[] = { "none", "even", "odd", NULL };
    struct modbus_options *o = &r->profile->modbus;
    yaml_check_keys(r->yaml, map, keys, r->problems);
    o->low_word_first = read_enum(r, map, "word_order", 0, orders) == 1;
    o->low_byte_first = read_enum(r, map, "byte_order", 0, orders) == 1;
    read_modbus_functions(r, map, o);
    o->max_words = (int)read_int(r, map, "max_words", 60, 1, 125);
    o->max_gap = (int)read_int(r, map, "max_gap", 0, 0, 124);
    o->pause_ms = read_ms(r, map, "pause", 0, 0, 10000);
    read_transports(r, yaml_get(map, "transports"), o);
    if (yaml_get(map, "wake"))
        (void)yaml_to_bool(r->yaml, yaml_get(map, "wake"), r->problems, &o->wake);
    o->write_interval_ms = read_ms(r, map, "write_interval", 0, 0, MAX_WRITE_INTERVAL_MS);
    o->reconnect_after_ms = read_ms(r, map, "reconnect_after", 2000, 100, 600000);
    o->timeout_ms = read_ms(r, map, "timeout", 1000, 20, 60000);
    o->retries = (int)read_int(r, map, "retries", 1, 0, 10);
    o->unit = (int)read_int(r, map, "unit", 1, 0, 255);
    o->port = (int)read_int(r, map, "port", 502, 1, 65535);
    o->baud = (int)read_int(r, map, "baud", 9600, 300, 4000000);
    o->data_bits = (int)read_int(r, map, "data_bits", 8, 7, 8);
    o->stop_bits = (int)read_int(r, map, "stop_bits", 1, 1, 2);
    o->parity = "NEO"[read_enum(r, map, "parity", 0, parities)];
}

static void read_modbus_at(struct reading *r, const struct yaml_node *node, char *text, struct point *p,
                           const struct repetition *at)
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding", NULL };
    const char *names[MAX_WORDS_OF_AT];
    int64_t numbers[MAX_WORDS_OF_AT];
    int kind = -1, pairs = profile_split_pairs(text, names, numbers);
    for (int i = 0; pairs == 1 && kinds[i]; i++)
        if (str_equal(names[0], kinds[i]))
            kind = i;
    if (kind < 0) {
        const char *near = pairs == 1 ? nearest_name(names[0], kinds) : NULL;
        COMPLAIN(r, node, "expected coil, discrete, input or holding and a number, such as input 120%s%s%s",
                 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        return;
    }
    int64_t address = numbers[0] + (at ? (int64_t)at->index * at->address_offset[kind] : 0);
    p->at.modbus.kind = (enum modbus_kind)kind;
    if (address > 0xFFFF)
        COMPLAIN(r, node,
                 "address %" PRId64 " is beyond 65535; addresses start at 0, as in the protocol (40301 in a "
                 "manual is often holding 300)",
                 address);
    p->at.modbus.address = (uint16_t)address;
    int64_t own =
        read_int(r, node->parent, "unit_offset", 0, 0, 254) + (at ? (int64_t)at->index * at->unit_offset : 0);
    if (own > 255)
        COMPLAIN(r, yaml_get(node->parent, "unit_offset"),
                 "with that of the EVSE the unit id would be beyond 255");
    p->at.modbus.unit_offset = (uint8_t)own;
    p->is_bit_field = is_coil(p);
}

static void read_modbus_size(struct reading *r, const struct yaml_node *map, struct point *p)
{
    size_t fixed = (point_type_size(p->type) + 1) / 2;
    profile_unwanted(r, map, "size", "is for ECHONET; registers are counted by words");
    if (p->is_bit_field) {
        int64_t bits = read_int(r, map, "bits", 1, 1, 64);
        profile_unwanted(r, map, "words", "coils are counted by bits, such as bits: 4");
        if (bits > 1 && p->type == POINT_BOOL)
            COMPLAIN(r, map, "several coils need type: bits");
        p->at.modbus.count = (uint16_t)bits;
        p->raw_size = (uint16_t)((bits + 7) / 8);
        return;
    }
    profile_unwanted(r, map, "bits", "is for coils; registers are counted by words");
    bool number = p->type == POINT_BITS || p->type == POINT_BCD;
    int64_t words = read_int(r, map, "words",
                             fixed    ? (int64_t)fixed
                             : number ? 1
                                      : 0,
                             1, number ? 4 : MAX_WORDS);
    if (fixed && words != (int64_t)fixed)
        COMPLAIN(r, yaml_get(map, "words"), "%s has %zu", point_type_names[p->type], fixed);
    if (words == 0 && !yaml_get(map, "words"))
        COMPLAIN(r, map, "words is missing: the length of the text in registers, such as words: 8");
    words = words ? words : 1;
    if (words > r->profile->modbus.max_words && p->access & ACCESS_R)
        COMPLAIN(r, map, "has %" PRId64 " words, but a request reads at most %d (modbus.max_words)", words,
                 r->profile->modbus.max_words);
    if (p->at.modbus.address + words > 0x10000)
        COMPLAIN(r, map, "its %" PRId64 " words at address %u go beyond 65535", words, p->at.modbus.address);
    p->at.modbus.count = (uint16_t)words;
    p->raw_size = (uint16_t)(2 * words);
}

static void print_at(const struct point *p, char *ret, size_t size)
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding" };
    (void)snprintf(ret, size, "%s %d", kinds[p->at.modbus.kind], p->at.modbus.address);
}

const struct protocol protocol_modbus = {
    .name = "modbus",
    .title = "Modbus",
    .example_at = "input 120",
    .read_options = read_modbus,
    .read_at = read_modbus_at,
    .read_size = read_modbus_size,
    .print_at = print_at,
};
