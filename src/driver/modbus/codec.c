/* PDUs: function code and data, the part of a Modbus message that is the same on every medium.
 *
 *   request                                       response
 *   1..4   fc | address 2 | count 2               fc | bytes 1 | data
 *   5, 6   fc | address 2 | value 2               the same
 *   15,16  fc | address 2 | count 2 | bytes 1 | data      fc | address 2 | count 2
 *   22     fc | address 2 | and 2 | or 2          the same
 *   23     fc | read address 2 | read count 2 | write address 2 | write count 2 | bytes 1 | data     fc | bytes 1 | data
 *   exception                                     fc + 0x80 | code 1
 *
 * Modbus Application Protocol V1.1b3, section 6. All numbers are big endian; bits are packed LSB first. */
#include "driver/modbus/codec.h"

#include <string.h>

enum shape { SHAPE_NONE, SHAPE_READ, SHAPE_SINGLE, SHAPE_MULTIPLE, SHAPE_MASK, SHAPE_READ_WRITE };

struct function_rule {
    enum shape shape;
    bool bits;
    uint16_t max_count;
};

static const struct function_rule function_rules[] = {
    [MODBUS_READ_COILS] = { SHAPE_READ, true, MODBUS_MAX_READ_BITS },
    [MODBUS_READ_DISCRETE] = { SHAPE_READ, true, MODBUS_MAX_READ_BITS },
    [MODBUS_READ_HOLDING] = { SHAPE_READ, false, MODBUS_MAX_READ_WORDS },
    [MODBUS_READ_INPUT] = { SHAPE_READ, false, MODBUS_MAX_READ_WORDS },
    [MODBUS_WRITE_COIL] = { SHAPE_SINGLE, true, 1 },
    [MODBUS_WRITE_REGISTER] = { SHAPE_SINGLE, false, 1 },
    [MODBUS_WRITE_COILS] = { SHAPE_MULTIPLE, true, MODBUS_MAX_WRITE_BITS },
    [MODBUS_WRITE_REGISTERS] = { SHAPE_MULTIPLE, false, MODBUS_MAX_WRITE_WORDS },
    [MODBUS_MASK_WRITE] = { SHAPE_MASK, false, 1 },
    [MODBUS_READ_WRITE] = { SHAPE_READ_WRITE, false, 121 },
};

static const struct function_rule *rule_of(uint8_t function)
{
    static const struct function_rule none = { SHAPE_NONE, false, 0 };
    return function < sizeof(function_rules) / sizeof(function_rules[0]) ? &function_rules[function] : &none;
}

static size_t bytes_for(const struct function_rule *rule, size_t count)
{
    return rule->bits ? (count + 7) / 8 : count * 2;
}

static bool count_is_allowed(const struct function_rule *rule, size_t count)
{
    return count >= 1 && count <= rule->max_count;
}

/* The writing counterpart of struct reader: the first error sticks. */
struct writer {
    uint8_t *start, *at, *end;
    int err;
};

static struct writer writer_of(uint8_t *bytes, size_t size)
{
    return (struct writer){ .start = bytes, .at = bytes, .end = bytes + size };
}

static void put_bytes(struct writer *w, const void *bytes, size_t len)
{
    if (w->err || (size_t)(w->end - w->at) < len) {
        w->err = -EMSGSIZE;
        return;
    }
    if (len > 0)
        memcpy(w->at, bytes, len);
    w->at += len;
}

static void put_u8(struct writer *w, size_t value)
{
    put_bytes(w, &(uint8_t){ (uint8_t)value }, 1);
}

static void put_u16(struct writer *w, uint16_t value)
{
    put_bytes(w, (uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static int writer_finish(const struct writer *w)
{
    return w->err ? w->err : (int)(w->at - w->start);
}

/* On the wire a coil is 0xFF00 or 0x0000; in our structs one byte, as for function 15. */
static void put_single_value(struct writer *w, const struct function_rule *rule, const uint8_t *data)
{
    if (rule->bits)
        put_u16(w, data[0] & 1 ? 0xFF00 : 0);
    else
        put_bytes(w, data, 2);
}

static int get_single_value(struct reader *r, const struct function_rule *rule, const uint8_t **ret_data,
                            size_t *ret_len)
{
    static const uint8_t coil_values[] = { 0, 1 };
    const uint8_t *value = get_bytes(r, 2);
    if (reader_finish(r) < 0)
        return -EBADMSG;

    *ret_data = value;
    *ret_len = 2;
    if (!rule->bits)
        return 0;

    if (value[1] != 0 || (value[0] != 0 && value[0] != 0xFF))
        return -EINVAL;
    *ret_data = &coil_values[value[0] == 0xFF];
    *ret_len = 1;
    return 0;
}

int modbus_encode_request(const struct modbus_request *request, uint8_t *ret, size_t size)
{
    const struct function_rule *rule = rule_of(request->function);
    size_t len = bytes_for(rule, request->count);
    if (rule->shape == SHAPE_NONE || !count_is_allowed(rule, request->count))
        return -EINVAL;
    if (rule->shape != SHAPE_READ && rule->shape != SHAPE_MASK &&
        (!request->data || request->data_len != len))
        return -EINVAL;

    struct writer w = writer_of(ret, size);
    put_u8(&w, request->function);
    switch (rule->shape) {
    case SHAPE_READ:
        put_u16(&w, request->address);
        put_u16(&w, request->count);
        break;
    case SHAPE_SINGLE:
        put_u16(&w, request->address);
        put_single_value(&w, rule, request->data);
        break;
    case SHAPE_MASK:
        put_u16(&w, request->address);
        put_u16(&w, request->and_mask);
        put_u16(&w, request->or_mask);
        break;
    case SHAPE_READ_WRITE:
        if (request->read_count < 1 || request->read_count > MODBUS_MAX_READ_WORDS)
            return -EINVAL;
        put_u16(&w, request->read_address);
        put_u16(&w, request->read_count);
        /* fall through */
    case SHAPE_MULTIPLE:
        put_u16(&w, request->address);
        put_u16(&w, request->count);
        put_u8(&w, len);
        put_bytes(&w, request->data, len);
        break;
    case SHAPE_NONE:
        return -EINVAL;
    }
    return writer_finish(&w);
}

int modbus_encode_response(const struct modbus_response *response, uint8_t *ret, size_t size)
{
    struct writer w = writer_of(ret, size);
    if (response->exception) {
        put_u8(&w, response->function | 0x80);
        put_u8(&w, response->exception);
        return writer_finish(&w);
    }

    const struct function_rule *rule = rule_of(response->function);
    put_u8(&w, response->function);
    switch (rule->shape) {
    case SHAPE_READ:
    case SHAPE_READ_WRITE:
        if (!response->data || response->data_len < 1 || response->data_len > MODBUS_MAX_PDU - 2)
            return -EINVAL;
        put_u8(&w, response->data_len);
        put_bytes(&w, response->data, response->data_len);
        break;
    case SHAPE_SINGLE:
        if (!response->data || response->data_len != bytes_for(rule, 1))
            return -EINVAL;
        put_u16(&w, response->address);
        put_single_value(&w, rule, response->data);
        break;
    case SHAPE_MULTIPLE:
        put_u16(&w, response->address);
        put_u16(&w, response->count);
        break;
    case SHAPE_MASK:
        put_u16(&w, response->address);
        put_u16(&w, response->and_mask);
        put_u16(&w, response->or_mask);
        break;
    case SHAPE_NONE:
        return -EINVAL;
    }
    return writer_finish(&w);
}

/* The tail of functions 15, 16 and 23: count, number of bytes, data. */
static int get_multiple(struct reader *r, const struct function_rule *rule, struct modbus_request *ret)
{
    ret->count = get_u16be(r);
    ret->data_len = get_u8(r);
    ret->data = get_bytes(r, ret->data_len);
    if (reader_finish(r) < 0)
        return -EBADMSG;
    return count_is_allowed(rule, ret->count) && ret->data_len == bytes_for(rule, ret->count) ? 0 : -EINVAL;
}

int modbus_decode_request(const uint8_t *pdu, size_t len, struct modbus_request *ret)
{
    struct reader r = reader_of(pdu, len);
    *ret = (struct modbus_request){ .function = get_u8(&r) };
    const struct function_rule *rule = rule_of(ret->function);
    if (r.err || len > MODBUS_MAX_PDU)
        return -EBADMSG;

    switch (rule->shape) {
    case SHAPE_NONE:
        return -EOPNOTSUPP;
    case SHAPE_READ:
        ret->address = get_u16be(&r);
        ret->count = get_u16be(&r);
        if (reader_finish(&r) < 0)
            return -EBADMSG;
        return count_is_allowed(rule, ret->count) ? 0 : -EINVAL;
    case SHAPE_SINGLE:
        ret->address = get_u16be(&r);
        ret->count = 1;
        return get_single_value(&r, rule, &ret->data, &ret->data_len);
    case SHAPE_MASK:
        ret->address = get_u16be(&r);
        ret->count = 1;
        ret->and_mask = get_u16be(&r);
        ret->or_mask = get_u16be(&r);
        return reader_finish(&r);
    case SHAPE_READ_WRITE:
        ret->read_address = get_u16be(&r);
        ret->read_count = get_u16be(&r);
        ret->address = get_u16be(&r);
        int err = get_multiple(&r, rule, ret);
        if (err < 0)
            return err;
        return ret->read_count >= 1 && ret->read_count <= MODBUS_MAX_READ_WORDS ? 0 : -EINVAL;
    case SHAPE_MULTIPLE:
        ret->address = get_u16be(&r);
        return get_multiple(&r, rule, ret);
    }
    return -EOPNOTSUPP;
}

int modbus_decode_response(const uint8_t *pdu, size_t len, struct modbus_response *ret)
{
    struct reader r = reader_of(pdu, len);
    uint8_t function = get_u8(&r);
    *ret = (struct modbus_response){ .function = function & 0x7F };
    if (r.err || len > MODBUS_MAX_PDU)
        return -EBADMSG;
    if (function & 0x80) {
        ret->exception = get_u8(&r);
        if (reader_finish(&r) < 0)
            return -EBADMSG;
        return ret->exception ? 0 : -EINVAL;
    }

    const struct function_rule *rule = rule_of(ret->function);
    switch (rule->shape) {
    case SHAPE_NONE:
        return -EOPNOTSUPP;
    case SHAPE_READ:
    case SHAPE_READ_WRITE:
        ret->data_len = get_u8(&r);
        ret->data = get_bytes(&r, ret->data_len);
        if (reader_finish(&r) < 0)
            return -EBADMSG;
        return ret->data_len > 0 ? 0 : -EINVAL;
    case SHAPE_SINGLE:
        ret->address = get_u16be(&r);
        ret->count = 1;
        return get_single_value(&r, rule, &ret->data, &ret->data_len);
    case SHAPE_MULTIPLE:
        ret->address = get_u16be(&r);
        ret->count = get_u16be(&r);
        if (reader_finish(&r) < 0)
            return -EBADMSG;
        return count_is_allowed(rule, ret->count) ? 0 : -EINVAL;
    case SHAPE_MASK:
        ret->address = get_u16be(&r);
        ret->count = 1;
        ret->and_mask = get_u16be(&r);
        ret->or_mask = get_u16be(&r);
        return reader_finish(&r);
    }
    return -EOPNOTSUPP;
}

bool modbus_is_answer(const struct modbus_request *request, const struct modbus_response *response)
{
    if (response->function != request->function)
        return false;
    if (response->exception)
        return true;

    const struct function_rule *rule = rule_of(request->function);
    switch (rule->shape) {
    case SHAPE_READ:
        return response->data_len == bytes_for(rule, request->count);
    case SHAPE_READ_WRITE:
        return response->data_len == bytes_for(rule, request->read_count);
    case SHAPE_SINGLE: {
        /* Only bit 0 of a coil's byte counts; a value changed by the device is no echo. */
        bool equal = rule->bits ? (request->data[0] & 1) == response->data[0]
                                : memcmp(request->data, response->data, 2) == 0;
        return response->address == request->address && equal;
    }
    case SHAPE_MULTIPLE:
        return response->address == request->address && response->count == request->count;
    case SHAPE_MASK:
        return response->address == request->address && response->and_mask == request->and_mask &&
               response->or_mask == request->or_mask;
    case SHAPE_NONE:
        return false;
    }
    return false;
}
