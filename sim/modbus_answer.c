/* A Modbus server over a register map: request PDU in, response PDU out (Modbus AP V1.1b3, 6 and 7). */
#include <errno.h>

#include "base/cleanup.h"
#include "sim/modbus_map.h"

static size_t width(const struct modbus_register *r)
{
    return r->kind == REGISTER_COIL ? 1 : r->field.size / 2u;
}

static const struct modbus_register *find(const struct modbus_map *map, enum register_kind kind,
                                          uint32_t address)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct modbus_register *r = &map->registers[i];
        if (r->kind == kind && address >= r->address && address < r->address + width(r))
            return r;
    }
    return NULL;
}

static bool in_gap(const struct modbus_map *map, enum register_kind kind, uint32_t address)
{
    for (const struct register_range *range = map->gaps; range->last; range++) {
        if (range->kind == kind && address >= range->first && address <= range->last)
            return true;
    }
    return false;
}

/* The low word first is the device's way with numbers, never with text. */
static void order_words(const struct modbus_map *map, const struct field *f, uint8_t *bytes)
{
    if (!map->low_word_first || f->size != 4 || f->type == FIELD_TEXT || f->type == FIELD_BYTES)
        return;
    uint8_t high[2] = { bytes[0], bytes[1] };
    bytes[0] = bytes[2];
    bytes[1] = bytes[3];
    bytes[2] = high[0];
    bytes[3] = high[1];
}

/* ---- reading ---- */

static enum modbus_exception read_words(const struct modbus_device *d, enum register_kind kind,
                                        uint32_t address, size_t count, uint8_t *ret)
{
    uint8_t bytes[FIELD_MAX_SIZE];
    const struct modbus_register *held = NULL;
    for (size_t i = 0; i < count; i++, address++, ret += 2) {
        const struct modbus_register *r = find(d->map, kind, address);
        if (!r || !(r->access & REGISTER_READ)) {
            if (r || !in_gap(d->map, kind, address))
                return MODBUS_ILLEGAL_ADDRESS;
            ret[0] = ret[1] = 0;
            continue;
        }
        if (r != held) {
            field_encode(&r->field, d->model, bytes);
            order_words(d->map, &r->field, bytes);
            held = r;
        }
        memcpy(ret, bytes + 2 * (size_t)(address - r->address), 2);
    }
    return 0;
}

static enum modbus_exception read_bits(const struct modbus_device *d, uint32_t address, size_t count,
                                       uint8_t *ret)
{
    memset(ret, 0, (count + 7) / 8);
    for (size_t i = 0; i < count; i++, address++) {
        const struct modbus_register *r = find(d->map, REGISTER_COIL, address);
        if (!r || !(r->access & REGISTER_READ))
            return MODBUS_ILLEGAL_ADDRESS;
        uint8_t bit;
        field_encode(&r->field, d->model, &bit);
        ret[i / 8] |= (uint8_t)(bit << i % 8);
    }
    return 0;
}

/* ---- writing ---- */

static enum modbus_exception exception_of(int err)
{
    switch (err) {
    case 0:
        return 0;
    case -EBUSY:
        return MODBUS_DEVICE_FAILURE;
    case -EACCES:
        return MODBUS_ILLEGAL_ADDRESS;
    default:
        return MODBUS_ILLEGAL_VALUE;
    }
}

static enum modbus_exception write_one(const struct modbus_device *d, const struct modbus_register *r,
                                       const uint8_t *wire)
{
    uint8_t bytes[FIELD_MAX_SIZE];
    memcpy(bytes, wire, r->field.size);
    order_words(d->map, &r->field, bytes);

    char value[2 * FIELD_MAX_SIZE + 3];
    field_print(&r->field, bytes, value, sizeof value);
    d->on_write(d->ctx, r->name, value);
    enum modbus_exception e = exception_of(field_apply(&r->field, d->model, bytes));
    if (e)
        d->on_write(d->ctx, r->name, "refused");
    return e;
}

/* Every address must belong to a register that is written whole; looked at before anything moves. */
static bool may_write(const struct modbus_device *d, enum register_kind kind, uint32_t address, size_t count)
{
    uint32_t end = address + (uint32_t)count;
    while (address < end) {
        const struct modbus_register *r = find(d->map, kind, address);
        if (!r || !(r->access & REGISTER_WRITE) || r->address != address || address + width(r) > end)
            return false;
        address += (uint32_t)width(r);
    }
    return true;
}

static enum modbus_exception write_words(const struct modbus_device *d, uint32_t address, const uint8_t *data,
                                         size_t count)
{
    if (!may_write(d, REGISTER_HOLDING, address, count))
        return MODBUS_ILLEGAL_ADDRESS;
    for (size_t i = 0; i < count;) {
        const struct modbus_register *r = find(d->map, REGISTER_HOLDING, address + (uint32_t)i);
        enum modbus_exception e = write_one(d, r, data + 2 * i);
        if (e)
            return e;
        i += width(r);
    }
    return 0;
}

static enum modbus_exception write_bits(const struct modbus_device *d, uint32_t address, const uint8_t *data,
                                        size_t count)
{
    if (!may_write(d, REGISTER_COIL, address, count))
        return MODBUS_ILLEGAL_ADDRESS;
    for (size_t i = 0; i < count; i++) {
        uint8_t bit = data[i / 8] >> i % 8 & 1;
        enum modbus_exception e = write_one(d, find(d->map, REGISTER_COIL, address + (uint32_t)i), &bit);
        if (e)
            return e;
    }
    return 0;
}

static enum modbus_exception mask_write(const struct modbus_device *d, const struct modbus_request *q)
{
    uint8_t bytes[2];
    enum modbus_exception e = read_words(d, REGISTER_HOLDING, q->address, 1, bytes);
    if (e)
        return e;
    uint16_t value = (uint16_t)(bytes[0] << 8 | bytes[1]);
    value = (uint16_t)((value & q->and_mask) | (q->or_mask & ~q->and_mask));
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
    return write_words(d, q->address, bytes, 1);
}

/* ---- a request ---- */

/* `data` has room for all that can be read. */
static enum modbus_exception execute(const struct modbus_device *d, const struct modbus_request *q,
                                     uint8_t *data, struct modbus_response *a)
{
    size_t words = q->function == MODBUS_READ_WRITE ? q->read_count : q->count;
    switch (q->function) {
    case MODBUS_READ_COILS:
        a->data_len = (q->count + 7u) / 8;
        return read_bits(d, q->address, q->count, data);
    case MODBUS_READ_HOLDING:
    case MODBUS_READ_INPUT:
        if (words > (size_t)d->map->max_read_words)
            return MODBUS_ILLEGAL_VALUE;
        a->data_len = 2 * words;
        return read_words(d, q->function == MODBUS_READ_INPUT ? REGISTER_INPUT : REGISTER_HOLDING, q->address,
                          words, data);
    case MODBUS_READ_WRITE: {
        enum modbus_exception e = write_words(d, q->address, q->data, q->count);
        a->data_len = 2 * words;
        return e ? e : read_words(d, REGISTER_HOLDING, q->read_address, words, data);
    }
    case MODBUS_WRITE_COIL:
        a->data = q->data;
        a->data_len = q->data_len;
        return write_bits(d, q->address, q->data, 1);
    case MODBUS_WRITE_COILS:
        return write_bits(d, q->address, q->data, q->count);
    case MODBUS_WRITE_REGISTER:
        a->data = q->data;
        a->data_len = q->data_len;
        return write_words(d, q->address, q->data, 1);
    case MODBUS_WRITE_REGISTERS:
        return write_words(d, q->address, q->data, q->count);
    case MODBUS_MASK_WRITE:
        return mask_write(d, q);
    default: /* no discrete inputs in these maps */
        return MODBUS_ILLEGAL_ADDRESS;
    }
}

static bool knows(const struct modbus_map *map, uint8_t function)
{
    return function < 32 && map->functions >> function & 1;
}

int modbus_answer(const struct modbus_device *d, const uint8_t *pdu, size_t len, uint8_t *ret)
{
    uint8_t data[MODBUS_MAX_PDU];
    struct modbus_request q = { 0 };
    int r = modbus_decode_request(pdu, len, &q);
    struct modbus_response a = { .function = q.function,
                                 .address = q.address,
                                 .count = q.count,
                                 .and_mask = q.and_mask,
                                 .or_mask = q.or_mask,
                                 .data = data };
    if (r == -EOPNOTSUPP || !knows(d->map, q.function)) {
        a.exception = MODBUS_ILLEGAL_FUNCTION;
    } else if (r < 0) {
        a.exception = MODBUS_ILLEGAL_VALUE;
    } else {
        model_update(d->model);
        a.exception = (uint8_t)execute(d, &q, data, &a);
    }
    return modbus_encode_response(&a, ret, MODBUS_MAX_PDU);
}
