/* Cells of memory: a register, a bit, or a property of an ECHONET Lite object, each known by its address (paper_device.h). */
#include "paper_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "charger/value.h"

#define MAX_CELLS 2048

struct cell {
    uint32_t key;
    size_t len;
    uint8_t bytes[POINT_MAX_RAW];
};

struct answer {
    struct list link;
    const struct point *point;
    device_done callback;
    void *ctx;
    bool is_write;
};

struct device {
    const struct profile *profile;
    struct charger *charger;
    struct timer timer; /* answers come a turn later, never from inside */
    struct list answers;
    struct cell *cells;
    size_t cell_count;
    struct {
        const struct yaml *yaml;
        const struct yaml_node *map; /* NULL: nothing is left to be done */
        struct problems *problems;
    } reaction;
    struct device_health health;
};

/* ---- memory ---- */

static uint32_t modbus_key(int unit, enum modbus_kind kind, unsigned address)
{
    return (uint32_t)unit << 20 | (uint32_t)kind << 16 | address;
}

static uint32_t echonet_key(const struct point *point)
{
    return (uint32_t)point->at.echonet.class_group << 24 | (uint32_t)point->at.echonet.class_code << 16 |
           (uint32_t)point->at.echonet.instance << 8 | point->at.echonet.epc;
}

/* Of what is no register; a point of OCPP 1.6 is a datum of its own, whole. */
static uint32_t property_key(const struct device *device, const struct point *point, size_t *ret_offset)
{
    bool is_echonet = device->profile->protocol == PROTOCOL_ECHONET;
    *ret_offset = is_echonet ? point->at.echonet.offset : 0;
    return is_echonet ? echonet_key(point) : point->index;
}

static struct cell *find(struct device *device, uint32_t key)
{
    for (size_t i = 0; i < device->cell_count; i++)
        if (device->cells[i].key == key)
            return &device->cells[i];
    return NULL;
}

static bool keep(struct device *device, uint32_t key, size_t offset, const uint8_t *bytes, size_t len)
{
    struct cell *cell = find(device, key);
    if (!cell && device->cell_count < MAX_CELLS) {
        cell = &device->cells[device->cell_count++];
        *cell = (struct cell){ .key = key };
    }
    if (!cell || offset + len > sizeof(cell->bytes))
        return false;
    memcpy(cell->bytes + offset, bytes, len);
    cell->len = offset + len > cell->len ? offset + len : cell->len;
    return true;
}

/* Length of the point's raw bytes, or -1: some of it is not there. */
static int load(struct device *device, const struct point *point, uint8_t raw[static POINT_MAX_RAW])
{
    if (device->profile->protocol != PROTOCOL_MODBUS) {
        size_t offset = 0;
        const struct cell *cell = find(device, property_key(device, point, &offset));
        if (!cell || cell->len < offset + point->raw_size)
            return -1;
        size_t len = point->raw_size ? point->raw_size : cell->len - offset;
        memcpy(raw, cell->bytes + offset, len);
        return (int)len;
    }
    memset(raw, 0, POINT_MAX_RAW);
    for (unsigned i = 0; i < point->at.modbus.count; i++) {
        const struct cell *cell = find(device, modbus_key(point->at.modbus.unit_offset, point->at.modbus.kind,
                                                          point->at.modbus.address + i));
        if (!cell)
            return -1;
        if (point->is_bit_field)
            raw[i / 8] |= (uint8_t)(cell->bytes[1] << i % 8);
        else
            memcpy(raw + 2 * i, cell->bytes, 2);
    }
    return (int)(point->is_bit_field ? (point->at.modbus.count + 7u) / 8u : point->at.modbus.count * 2u);
}

static bool store(struct device *device, const struct point *point, const uint8_t *raw, size_t len)
{
    if (device->profile->protocol != PROTOCOL_MODBUS) {
        size_t offset = 0;
        uint32_t key = property_key(device, point, &offset);
        struct cell *cell = find(device, key);
        if (cell && device->profile->protocol == PROTOCOL_OCPP16)
            cell->len = 0; /* a shorter text takes the place of a longer one */
        return keep(device, key, offset, raw, len);
    }
    bool ok = true;
    for (unsigned i = 0; i < point->at.modbus.count; i++) {
        uint8_t word[2] = { 0, (uint8_t)(raw[i / 8] >> i % 8 & 1) };
        if (!point->is_bit_field)
            memcpy(word, raw + 2 * i, 2);
        ok = ok && keep(device,
                        modbus_key(point->at.modbus.unit_offset, point->at.modbus.kind,
                                   point->at.modbus.address + i),
                        0, word, 2);
    }
    return ok;
}

/* ---- filling ---- */

static int fill_words(struct device *device, enum modbus_kind kind, int64_t address, const struct yaml *y,
                      const struct yaml_node *node, struct problems *problems)
{
    int64_t word = 0, max = kind <= MODBUS_DISCRETE ? 1 : 0xFFFF;
    const struct yaml_node *first = node->kind == YAML_LIST ? node->children : node;
    for (const struct yaml_node *n = first; n; n = node->kind == YAML_LIST ? n->next : NULL) {
        if (yaml_to_int(y, n, 0, max, problems, &word) < 0)
            return -EINVAL;
        uint8_t bytes[2] = { (uint8_t)(word >> 8), (uint8_t)word };
        if (address > 0xFFFF || !keep(device, modbus_key(0, kind, (unsigned)address++), 0, bytes, 2)) {
            yaml_problem(y, n, problems, "does not fit; at most %d registers", MAX_CELLS);
            return -EINVAL;
        }
    }
    return 0;
}

static int fill_property(struct device *device, int64_t epc, const struct yaml *y,
                         const struct yaml_node *node, struct problems *problems)
{
    const struct echonet_options *o = &device->profile->echonet;
    uint32_t key = (uint32_t)o->class_group << 24 | (uint32_t)o->class_code << 16 | (uint32_t)epc;
    uint8_t bytes[POINT_MAX_RAW];
    int len = node->kind == YAML_SCALAR ? hex_decode(node->text, bytes, sizeof(bytes)) : -EINVAL;
    if (len > 0 && keep(device, key, 0, bytes, (size_t)len))
        return 0;
    yaml_problem(y, node, problems, "expected the bytes of the property in hex, such as \"42\"");
    return -EINVAL;
}

static int fill_point(struct device *device, const struct point *point, const struct yaml *y,
                      const struct yaml_node *node, struct problems *problems)
{
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    double number = 0, power = 0;
    int64_t whole = 0;
    bool truth = false;
    int r = -EINVAL;
    if (node->kind != YAML_SCALAR) {
        yaml_problem(y, node, problems, "expected the value of %s", point->name);
        return r;
    }
    if (point_is_text(point)) {
        r = value_encode_text(point, node->text, raw, &len);
    } else {
        if (point->type == POINT_BOOL && (str_equal(node->text, "true") || str_equal(node->text, "false")))
            number = yaml_to_bool(y, node, problems, &truth) == 0 && truth;
        else if (str_starts(node->text, "0x") && str_to_int(node->text, 0, INT64_MAX, &whole) == 0)
            number = (double)whole;
        else if (yaml_to_double(y, node, -1e300, 1e300, problems, &number) < 0)
            return -EINVAL;
        if (point->scale_point >= 0)
            power = charger_value(device->charger, &device->profile->points[point->scale_point])->number;
        r = value_encode_number(point, power, number, ROUND_NEAREST, raw, &len);
    }
    if (r == 0 && store(device, point, raw, len))
        return 0;
    yaml_problem(y, node, problems, "%s cannot hold %s; its content can also be given by its address",
                 point->name, node->text);
    return -EINVAL;
}

static int fill_entry(struct device *device, const struct yaml *y, const struct yaml_node *node,
                      struct problems *problems)
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding" };
    const struct point *point = profile_point(device->profile, node->key);
    int64_t address = 0;
    if (point)
        return fill_point(device, point, y, node, problems);
    const char *blank = strchr(node->key, ' ');
    bool numbered = blank && str_to_int(blank + 1, 0, 0xFFFF, &address) == 0;
    if (numbered && device->profile->protocol == PROTOCOL_ECHONET && str_starts(node->key, "epc ") &&
        address <= 0xFF)
        return fill_property(device, address, y, node, problems);
    for (size_t i = 0; numbered && i < ARRAY_SIZE(kinds); i++)
        if (strlen(kinds[i]) == (size_t)(blank - node->key) && str_starts(node->key, kinds[i]))
            return fill_words(device, (enum modbus_kind)i, address, y, node, problems);
    yaml_problem(y, node, problems, "\"%s\" is no point of %s and no address such as holding 300 or epc 0xDA",
                 node->key, device->profile->name);
    return -EINVAL;
}

int paper_device_fill(struct device *device, const struct yaml *y, const struct yaml_node *map,
                      struct problems *problems)
{
    int r = 0;
    if (!map)
        return 0;
    if (map->kind != YAML_MAP) {
        yaml_problem(y, map, problems,
                     "expected points and their values, such as { state: 3, power: 11000 }");
        return -EINVAL;
    }
    for (const struct yaml_node *n = map->children; n; n = n->next)
        if (fill_entry(device, y, n, problems) < 0)
            r = -EINVAL;
    return r;
}

void paper_device_react(struct device *device, const struct yaml *y, const struct yaml_node *map,
                        struct problems *problems)
{
    device->reaction.yaml = y;
    device->reaction.map = map;
    device->reaction.problems = problems;
}

/* ---- answers ---- */

static void tell_point(struct device *device, const struct point *point)
{
    uint8_t raw[POINT_MAX_RAW];
    int len = load(device, point, raw);
    if (len >= 0)
        charger_device_events.on_value(device->charger, point, raw, (size_t)len);
    else
        charger_device_events.on_no_value(device->charger, point, -ERR_DEVICE_EXCEPTION);
}

void paper_device_tell(struct device *device)
{
    for (size_t i = 0; i < device->profile->point_count; i++)
        if (device->profile->points[i].access & ACCESS_R)
            tell_point(device, &device->profile->points[i]);
    charger_device_events.on_batch(device->charger);
}

/* It is who it is looked for, unless the case says otherwise. */
static void be_identified(struct device *device)
{
    const struct identify *id = &device->profile->identify;
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    if (!id->point || load(device, id->point, raw) >= 0)
        return;
    int r = id->is_text ? value_encode_text(id->point, id->text, raw, &len)
                        : value_encode_number(id->point, 0, id->number, ROUND_NEAREST, raw, &len);
    if (r == 0)
        (void)store(device, id->point, raw, len);
}

void paper_device_go_online(struct device *device)
{
    be_identified(device);
    charger_device_events.on_online(device->charger, true, 0);
    paper_device_tell(device);
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct device *device = ctx;
    if (list_is_empty(&device->answers))
        return;
    struct answer *answer = LIST_ITEM(device->answers.next, struct answer, link);
    list_remove(&answer->link);
    if (!list_is_empty(&device->answers))
        timer_start_at(timer, device->timer.timers->now_ms);
    uint8_t raw[POINT_MAX_RAW];
    int err = 0;
    if (!answer->is_write) {
        tell_point(device, answer->point);
        charger_device_events.on_batch(device->charger);
        err = load(device, answer->point, raw) < 0 ? -ERR_DEVICE_EXCEPTION : 0;
    }
    answer->callback(answer->ctx, err);
    if (answer->is_write && device->reaction.map) {
        const struct yaml_node *map = device->reaction.map;
        device->reaction.map = NULL;
        (void)paper_device_fill(device, device->reaction.yaml, map, device->reaction.problems);
        paper_device_tell(device);
    }
    free(answer);
}

static int enqueue(struct device *device, const struct point *point, bool is_write, device_done callback,
                   void *ctx)
{
    struct answer *answer = calloc(1, sizeof(*answer));
    if (!answer)
        return -ENOMEM;
    *answer = (struct answer){ .point = point, .callback = callback, .ctx = ctx, .is_write = is_write };
    list_append(&device->answers, &answer->link);
    timer_start_at(&device->timer, device->timer.timers->now_ms);
    return 0;
}

static int device_write(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                        device_done callback, void *ctx)
{
    return store(device, point, raw, len) ? enqueue(device, point, true, callback, ctx) : -ENOBUFS;
}

static int device_read(struct device *device, const struct point *point, device_done callback, void *ctx)
{
    return enqueue(device, point, false, callback, ctx);
}

static void device_free(struct device *device)
{
    while (!list_is_empty(&device->answers)) {
        struct answer *answer = LIST_ITEM(device->answers.next, struct answer, link);
        list_remove(&answer->link);
        free(answer);
    }
    timer_stop(&device->timer);
    free(device->cells);
    free(device);
}

static const struct device_health *device_health_of(const struct device *device)
{
    return &device->health;
}

const struct device_ops paper_device_ops = { device_write, device_read, device_free, device_health_of, NULL };

struct device *paper_device_new(const struct profile *profile, struct timers *timers)
{
    struct device *device = calloc(1, sizeof(*device));
    if (device)
        device->cells = calloc(MAX_CELLS, sizeof(*device->cells));
    if (!device || !device->cells) {
        free(device);
        return NULL;
    }
    device->profile = profile;
    list_init(&device->answers);
    timer_init(&device->timer, timers, on_timer, device);
    return device;
}

void paper_device_set_charger(struct device *device, struct charger *charger)
{
    device->charger = charger;
}
