/* The points of a profile.
 *
 *     power: { at: input 120, type: i32, scale: 0.1, unit: W, every: 2s, invalid: [0x7FFFFFFF] } */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

#define DEFAULT_EVERY_MS 5000
#define MAX_INVALID      16
#define MAX_NAME         (POINT_NAME_SIZE - 5) /* room for the prefix of an EVSE */

static const char *const point_keys[] = {
    "at",          "type",          "words",          "bits",       "size",  "access",  "every",
    "unit",        "scale",         "offset",         "mask",       "shift", "invalid", "word_order",
    "byte_order",  "read_function", "write_function", "persistent", "rest",  "since",   "notes",
    "unit_offset", "verify",        "prefix",         NULL
};

static bool is_modbus(const struct reading *r)
{
    return r->profile->protocol == PROTOCOL_MODBUS;
}

/* ---- where ---- */

static void read_at(struct reading *r, const struct yaml_node *map, const struct yaml_node *node,
                    struct point *p, const struct repetition *at)
{
    char text[80];
    if (!node || node->kind != YAML_SCALAR || str_copy(text, sizeof(text), node->text) < 0) {
        COMPLAIN(r, node ? node : map, "%sexpected such as at: %s", node ? "" : "at is missing; ",
                 r->protocol->example_at);
        return;
    }
    r->protocol->read_at(r, node, text, p, at);
}

/* ---- what ---- */

static void read_type(struct reading *r, const struct yaml_node *map, struct point *p, bool is_identify)
{
    const struct yaml_node *node = yaml_get(map, "type");
    int type = is_identify && !p->is_bit_field ? POINT_U16 : POINT_BOOL;
    if (!node && !p->is_bit_field && !is_identify) {
        COMPLAIN(r, map, "type is missing; expected such as type: u16");
        type = POINT_U16;
    } else if (node && yaml_to_enum(r->yaml, node, point_type_names, r->problems, &type) < 0) {
        type = POINT_U16;
    }
    p->type = (enum point_type)type;
    if (p->is_bit_field && type != POINT_BOOL && type != POINT_BITS)
        COMPLAIN(r, node, "a coil is bool, or bits for several in a row");
    if (is_modbus(r) && (type == POINT_U8 || type == POINT_I8))
        COMPLAIN(r, node,
                 "a register has 16 bits; take type: u16 with mask: 0x00FF, or mask: 0xFF00 and shift: 8");
    if (type == POINT_BOOL && !p->is_bit_field) {
        COMPLAIN(r, node, "bool is for coils and discrete inputs; take type: bits, and & in expressions");
        p->type = POINT_BITS;
    }
}

static void read_access(struct reading *r, const struct yaml_node *map, struct point *p)
{
    static const char *const names[] = { "r", "w", "rw", NULL };
    const struct yaml_node *node = yaml_get(map, "access"), *every = yaml_get(map, "every");
    int index = p->access ? (int)p->access - 1 : 0; /* what the address says is not asked again */
    if (node && yaml_to_enum(r->yaml, node, names, r->problems, &index) == 0 && p->access &&
        (index + 1) & ~(int)p->access)
        COMPLAIN(r, node, "in %s it can only be %s", r->protocol->title,
                 p->access == ACCESS_R ? "read" : "written");
    p->access = (enum point_access)(index + 1);
    bool reads = p->access & ACCESS_R, writes = p->access & ACCESS_W;
    if (writes && is_modbus(r) && (p->at.modbus.kind == MODBUS_INPUT || p->at.modbus.kind == MODBUS_DISCRETE))
        COMPLAIN(r, node, "%s cannot be written in Modbus; only coil and holding can",
                 p->at.modbus.kind == MODBUS_INPUT ? "input registers" : "discrete inputs");
    if (every && r->protocol->tells_itself)
        COMPLAIN(r, every, "the device tells by itself what has changed");
    else if (every && !reads)
        COMPLAIN(r, every, "the point is write-only, so it is never read");
    else if (r->protocol->tells_itself)
        p->every_ms = 0;
    else if (every && every->kind == YAML_SCALAR && str_equal(every->text, "never"))
        p->every_ms = 0;
    else if (reads)
        p->every_ms = read_ms(r, map, "every", DEFAULT_EVERY_MS, 50, MAX_INTERVAL);
    if (yaml_get(map, "persistent"))
        (void)yaml_to_bool(r->yaml, yaml_get(map, "persistent"), r->problems, &p->persistent);
    if (p->persistent && !writes)
        COMPLAIN(r, yaml_get(map, "persistent"), "has a meaning for writable points only");
    if (yaml_get(map, "rest"))
        p->rest_ms = read_ms(r, map, "rest", 0, 1000, MAX_INTERVAL);
    if (p->rest_ms && !writes)
        COMPLAIN(r, yaml_get(map, "rest"), "has a meaning for writable points only");
}

/* After the type is known. */
static void read_verify(struct reading *r, const struct yaml_node *map, struct point *p)
{
    const struct yaml_node *node = yaml_get(map, "verify");
    if (!node)
        return;
    p->verify_ms = read_ms(r, map, "verify", 0, 100, 600000);
    if (p->access != ACCESS_RW)
        COMPLAIN(r, node, "what is read back must be readable and writable; expected access: rw");
    else if (point_is_text(p))
        COMPLAIN(r, node, "only numbers are read back");
}

/* ---- how ---- */

static void read_order(struct reading *r, const struct yaml_node *map, const char *key, bool *ret_little)
{
    static const char *const names[] = { "big", "little", NULL };
    const struct yaml_node *node = yaml_get(map, key);
    int index = *ret_little;
    if (node && !is_modbus(r))
        COMPLAIN(r, node, "%s has but one order of bytes", r->protocol->title);
    else if (node && yaml_to_enum(r->yaml, node, names, r->problems, &index) == 0)
        *ret_little = index == 1;
}

/* `allowed` ends with 0; `expected` tells them to the author. */
static uint8_t read_function(struct reading *r, const struct yaml_node *map, const char *key, int fallback,
                             const int *allowed, const char *expected)
{
    const struct yaml_node *node = yaml_get(map, key);
    int64_t code = 0;
    if (!node)
        return (uint8_t)fallback;
    if (!is_modbus(r)) {
        COMPLAIN(r, node, "is for Modbus");
        return 0;
    }
    if (yaml_to_int(r->yaml, node, 1, 23, r->problems, &code) < 0)
        return 0;
    for (int i = 0; allowed[i]; i++)
        if (allowed[i] == code)
            return (uint8_t)code;
    COMPLAIN(r, node, "function %" PRId64 " does not fit; expected %s", code, expected);
    return 0;
}

static void read_functions(struct reading *r, const struct yaml_node *map, struct point *p)
{
    static const int bit_reads[] = { 1, 2, 0 }, word_reads[] = { 3, 4, 0 };
    static const int bit_writes[] = { 5, 15, 0 }, word_writes[] = { 6, 16, 22, 23, 0 };
    bool coil = p->is_bit_field;
    int read = coil ? 0 : r->read_function, write = r->write_function;
    if (coil && write)
        write = write == 6 ? 5 : 15;
    uint8_t read_code = read_function(r, map, "read_function", read, coil ? bit_reads : word_reads,
                                      coil ? "1 or 2" : "3 or 4");
    uint8_t write_code = read_function(r, map, "write_function", write, coil ? bit_writes : word_writes,
                                       coil ? "5 or 15" : "6, 16, 22 (part of a register) or 23");
    if (!is_modbus(r))
        return;
    p->at.modbus.read_function = read_code;
    p->at.modbus.write_function = write_code;
    if ((write_code == 5 || write_code == 6 || write_code == 22) && p->access & ACCESS_W &&
        p->at.modbus.count > 1)
        COMPLAIN(r, yaml_get(map, "write_function") ? yaml_get(map, "write_function") : map,
                 "function %d writes one %s, but this point has %u", write_code, coil ? "coil" : "register",
                 p->at.modbus.count);
}

static uint64_t width(const struct point *p)
{
    return p->raw_size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * p->raw_size) - 1;
}

static void read_mask(struct reading *r, const struct yaml_node *map, struct point *p)
{
    const struct yaml_node *mask = yaml_get(map, "mask"), *shift = yaml_get(map, "shift");
    int64_t value = 0;
    if (!mask && !shift)
        return;
    if (!point_is_integral(p) || p->type == POINT_BCD || p->type == POINT_BOOL) {
        COMPLAIN(r, mask ? mask : shift, "a %s has no bits to choose; only u8..u64 and bits have",
                 point_type_names[p->type]);
        return;
    }
    if (mask && yaml_to_int(r->yaml, mask, 1, INT64_MAX, r->problems, &value) == 0) {
        p->mask = (uint64_t)value;
        if (p->mask & ~width(p))
            COMPLAIN(r, mask, "reaches beyond the %u bits of the point", 8u * p->raw_size);
    }
    p->shift = (uint8_t)read_int(r, map, "shift", 0, 0, 8 * p->raw_size - 1);
    if (!p->mask) /* a shift alone takes the upper part, and leaves the lower one as it is */
        p->mask = width(p) & ~((UINT64_C(1) << p->shift) - 1);
    if (p->mask >> p->shift == 0)
        COMPLAIN(r, shift, "moves all bits of the mask away; expected at most %d",
                 63 - __builtin_clzll(p->mask));
    if (p->access & ACCESS_W && !(is_modbus(r) && p->at.modbus.write_function == 22))
        COMPLAIN(r, mask ? mask : shift,
                 "a part of a register is written by write_function: 22 only; where the device does not "
                 "know it, describe the whole register as another point for writing");
    if (p->type == POINT_I8 || p->type == POINT_I16 || p->type == POINT_I32 || p->type == POINT_I64)
        COMPLAIN(r, mask ? mask : shift, "a part of a signed number has no sign; take the unsigned type");
}

static void read_scale(struct reading *r, const struct yaml_node *map, struct point *p)
{
    const struct yaml_node *scale = yaml_get(map, "scale"), *offset = yaml_get(map, "offset");
    bool no_number = point_is_text(p) || p->type == POINT_BITS || p->type == POINT_BOOL;
    p->scale = 1;
    p->scale_point = -1;
    if (no_number) {
        const struct yaml_node *odd = scale ? scale : offset ? offset : yaml_get(map, "unit");
        if (odd)
            COMPLAIN(r, odd, "a %s is no quantity; only numbers have scale, offset and unit",
                     point_type_names[p->type]);
        return;
    }
    p->offset = read_double(r, map, "offset", 0, -1e12, 1e12);
    if (!scale || scale->kind != YAML_SCALAR || str_to_double(scale->text, &p->scale) == 0) {
        p->scale = read_double(r, map, "scale", 1, -1e9, 1e9);
        if (fabs(p->scale) < 1e-9) {
            COMPLAIN(r, scale, "a scale of 0 leaves nothing of the value (decimals have a point: 0.1)");
            p->scale = 1;
        }
    } else {
        p->scale = 1; /* a point's name: profile_read_scales() */
    }
}

static void read_unit(struct reading *r, const struct yaml_node *map, struct point *p)
{
    const struct yaml_node *node = yaml_get(map, "unit");
    int index = 0;
    if (node && yaml_to_enum(r->yaml, node, unit_names, r->problems, &index) == 0)
        (void)str_copy(p->unit, sizeof(p->unit), unit_names[index]);
}

static bool read_invalid_value(struct reading *r, const struct yaml_node *node, const struct point *p,
                               uint64_t *ret)
{
    int64_t value = 0;
    uint64_t max = width(p);
    int64_t low = -(int64_t)(max / 2) - 1;
    if (p->raw_size == 8 && node->kind == YAML_SCALAR && str_equal_ci(node->text, "0xFFFFFFFFFFFFFFFF"))
        value = -1;
    else if (yaml_to_int(r->yaml, node, low, p->raw_size == 8 ? INT64_MAX : (int64_t)max, r->problems,
                         &value) < 0)
        return false;
    *ret = (uint64_t)value & max;
    return true;
}

static void read_invalid(struct reading *r, const struct yaml_node *map, struct point *p)
{
    const struct yaml_node *node = yaml_get(map, "invalid");
    if (!node)
        return;
    if (point_is_text(p) || p->type == POINT_BOOL) {
        COMPLAIN(r, node, "a %s has no such marker", point_type_names[p->type]);
        return;
    }
    if (node->kind == YAML_MAP || node->count > MAX_INVALID) {
        COMPLAIN(r, node, "expected a list of at most %d raw values, such as [0xFFFF]", MAX_INVALID);
        return;
    }
    p->invalid = calloc(node->kind == YAML_LIST ? node->count + 1 : 1, sizeof(*p->invalid));
    if (!p->invalid) {
        r->no_memory = true;
        return;
    }
    const struct yaml_node *n = node->kind == YAML_LIST ? node->children : node;
    for (; n; n = node->kind == YAML_LIST ? n->next : NULL)
        if (read_invalid_value(r, n, p, &p->invalid[p->invalid_count]))
            p->invalid_count++;
}

static void read_since(struct reading *r, const struct yaml_node *map, struct point *p)
{
    const struct yaml_node *node = yaml_get(map, "since");
    if (node &&
        (node->kind != YAML_SCALAR || !*node->text || str_copy(p->since, sizeof(p->since), node->text) < 0))
        COMPLAIN(r, node, "expected the firmware version from which on the point exists, such as \"1.0.3\"");
}

static void read_prefix(struct reading *r, const struct yaml_node *map, struct point *p)
{
    const struct yaml_node *node = yaml_get(map, "prefix");
    bool is_text = p->type == POINT_STRING || p->type == POINT_UTF16;
    if (node && (!is_text || r->protocol->tells_itself))
        COMPLAIN(r, node, "is for registers and properties of type string or utf16 only");
    else if (node && (node->kind != YAML_SCALAR || !*node->text ||
                      str_copy(p->prefix, sizeof(p->prefix), node->text) < 0))
        COMPLAIN(r, node, "expected what a text may begin with, at most 15 characters, such as \"RFID:\"");
}

/* ---- all of it ---- */

static void check_name(struct reading *r, const struct yaml_node *node, const char *name)
{
    static const char *const reserved[] = {
        "and", "or",  "not",   "in",        "true",    "false",   "min",
        "max", "abs", "known", "otherwise", "limit_A", "limit_W", "phases"
    };
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    if (name[len] || !len || len > MAX_NAME || (name[0] >= '0' && name[0] <= '9'))
        COMPLAIN(r, node, "is no name for a point; expected at most %d of a-z A-Z 0-9 _, a letter first",
                 MAX_NAME);
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
        if (str_equal(name, reserved[i]))
            COMPLAIN(r, node, "is a word of expressions; choose another name for the point");
}

static struct point *add_point(struct reading *r, const struct yaml_node *node, const char *name)
{
    struct profile *profile = r->profile;
    if (profile->point_count == PROFILE_MAX_POINTS) {
        COMPLAIN(r, node, "too many points; at most %d", PROFILE_MAX_POINTS);
        return NULL;
    }
    struct point *points = reallocarray(profile->points, profile->point_count + 1, sizeof(*points));
    if (!points) {
        r->no_memory = true;
        return NULL;
    }
    profile->points = points;
    struct point *p = &points[profile->point_count];
    *p = (struct point){ .index = (uint16_t)profile->point_count, .scale = 1, .scale_point = -1 };
    (void)str_copy(p->name, sizeof(p->name), name);
    profile->point_count++;
    return p;
}

void profile_read_point(struct reading *r, const struct yaml_node *node, const char *name,
                        const struct repetition *at, bool is_identify)
{
    if (node->kind != YAML_MAP) {
        COMPLAIN(r, node, "expected a map, such as { at: input 120, type: u16 }");
        return;
    }
    if (!is_identify)
        yaml_check_keys(r->yaml, node, point_keys, r->problems);
    struct point *p = add_point(r, node, name);
    if (!p)
        return;
    read_at(r, node, yaml_get(node, is_identify ? "read" : "at"), p, at);
    read_access(r, node, p);
    if (is_identify)
        p->every_ms = 0;
    if (r->protocol->tells_itself)
        profile_unwanted(r, node, "type", "follows from what the point is");
    else
        read_type(r, node, p, is_identify);
    read_verify(r, node, p);
    r->protocol->read_size(r, node, p);
    p->low_word_first = r->profile->modbus.low_word_first;
    p->low_byte_first = r->profile->modbus.low_byte_first;
    read_order(r, node, "word_order", &p->low_word_first);
    read_order(r, node, "byte_order", &p->low_byte_first);
    read_functions(r, node, p);
    read_mask(r, node, p);
    read_scale(r, node, p);
    read_unit(r, node, p);
    read_invalid(r, node, p);
    read_since(r, node, p);
    read_prefix(r, node, p);
}

static void full_name(const struct yaml_node *node, const struct repetition *at, char *ret)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%s%.*s", at ? at->prefix : "", MAX_NAME, node->key);
    (void)str_copy(ret, POINT_NAME_SIZE, name);
}

void profile_read_points(struct reading *r, const struct yaml_node *map, const struct repetition *at)
{
    char name[POINT_NAME_SIZE];
    if (!map)
        return;
    if (map->kind != YAML_MAP) {
        COMPLAIN(r, map, "expected a map of points");
        return;
    }
    for (const struct yaml_node *n = map->children; n; n = n->next) {
        check_name(r, n, n->key);
        full_name(n, at, name);
        if (profile_point(r->profile, name))
            COMPLAIN(r, n, "there is a point of this name already");
        profile_read_point(r, n, name, at, false);
    }
}

static bool is_power(const struct profile *profile, int index)
{
    for (size_t i = 0; i < profile->point_count; i++)
        if (profile->points[i].scale_point == index)
            return true;
    return false;
}

static void read_scale_point(struct reading *r, const struct yaml_node *scale, const char *name,
                             const struct repetition *at)
{
    struct expression_scope scope = profile_scope(r, at ? at->prefix : "", false);
    int owner = expression_find_point(&scope, name), index = expression_find_point(&scope, scale->text);
    if (owner < 0)
        return;
    const struct point *of = index >= 0 ? &r->profile->points[index] : NULL;
    if (!of)
        COMPLAIN(r, scale,
                 "\"%s\" is neither a number nor a point; expected such as 0.1, or the point that holds the "
                 "power of ten",
                 scale->text);
    else if (!point_is_integral(of) || index == owner || of->scale_point >= 0)
        COMPLAIN(r, scale, "%s cannot be a power of ten; expected a plain whole number", of->name);
    else if (is_power(r->profile, owner))
        COMPLAIN(r, scale, "%s is the power of ten of another point; expected scale: 1", name);
    else
        r->profile->points[owner].scale_point = index;
}

void profile_read_scales(struct reading *r, const struct yaml_node *map, const struct repetition *at)
{
    char name[POINT_NAME_SIZE];
    double number = 0;
    if (!map || map->kind != YAML_MAP)
        return;
    for (const struct yaml_node *n = map->children; n; n = n->next) {
        const struct yaml_node *scale = yaml_get(n, "scale");
        full_name(n, at, name);
        if (scale && scale->kind == YAML_SCALAR && str_to_double(scale->text, &number) < 0)
            read_scale_point(r, scale, name, at);
    }
}

/* ---- what goes together ---- */

static bool overlap_oddly(const struct point *a, const struct point *b)
{
    unsigned a_end = a->at.modbus.address + a->at.modbus.count,
             b_end = b->at.modbus.address + b->at.modbus.count;
    bool same = a->at.modbus.address == b->at.modbus.address && a->at.modbus.count == b->at.modbus.count;
    return a->at.modbus.kind == b->at.modbus.kind && a->at.modbus.unit_offset == b->at.modbus.unit_offset &&
           !same && a->at.modbus.address < b_end && b->at.modbus.address < a_end && !point_is_text(a) &&
           !point_is_text(b) && a->type != POINT_BITS && b->type != POINT_BITS;
}

/* Two views of the same registers are fine (masks); two numbers that share some registers are a slip. */
void profile_check_overlaps(struct reading *r, const struct yaml_node *node)
{
    const struct profile *profile = r->profile;
    if (!is_modbus(r))
        return;
    for (size_t i = 0; i < profile->point_count; i++)
        for (size_t k = i + 1; k < profile->point_count; k++) {
            const struct point *a = &profile->points[i], *b = &profile->points[k];
            if (!overlap_oddly(a, b))
                continue;
            const struct yaml_node *at = yaml_get(node, b->name);
            COMPLAIN(r, at ? at : node,
                     "%s (%u, %u words) and %s (%u, %u words) share registers; one of them is wrong", b->name,
                     b->at.modbus.address, b->at.modbus.count, a->name, a->at.modbus.address,
                     a->at.modbus.count);
        }
}

bool profile_check_number(struct reading *r, const struct yaml_node *node, const struct point *p,
                          double number)
{
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    if (p->scale_point >= 0 || value_encode_number(p, 0, number, ROUND_NEAREST, raw, &len) == 0)
        return true;
    COMPLAIN(r, node, "%s (%s, scale %g) cannot hold %g%s%s", p->name, point_type_names[p->type], p->scale,
             number, p->unit[0] ? " " : "", p->unit);
    return false;
}

bool profile_check_constant(struct reading *r, const struct yaml_node *node, const struct point *p,
                            double number)
{
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    struct value v = { 0 };
    if (!profile_check_number(r, node, p, number))
        return false;
    if (p->scale_point >= 0 || !point_is_integral(p) ||
        (value_encode_number(p, 0, number, ROUND_NEAREST, raw, &len) == 0 &&
         value_decode(p, 0, raw, len, &v) == 0 && fabs(v.number - number) < 1e-6 * fmax(1, fabs(number))))
        return true;
    COMPLAIN(r, node, "%s (%s, scale %g) cannot hold %g%s%s, only %g", p->name, point_type_names[p->type],
             p->scale, number, p->unit[0] ? " " : "", p->unit, v.number);
    return false;
}
