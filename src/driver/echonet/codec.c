#include "driver/echonet/codec.h"

#include <string.h>

#include "base/cleanup.h"

#define EHD1               0x10
#define EHD2_FORMAT1       0x81
#define EHD2_FORMAT2       0x82
#define EHD1_IS_ECHONET(b) ((b)&0x80) /* the older protocol, not ECHONET Lite */
#define MIN_FRAME          12
#define ESV_AT             10
#define FIRST_EPC          0x80
#define LIST_FORM_MAX      15

static const struct {
    uint8_t request, accepted, refused;
} answers[] = {
    { ESV_SETI, 0, ESV_SETI_SNA },
    { ESV_SETC, ESV_SET_RES, ESV_SETC_SNA },
    { ESV_GET, ESV_GET_RES, ESV_GET_SNA },
    { ESV_INF_REQ, ESV_INF, ESV_INF_SNA },
    { ESV_SETGET, ESV_SETGET_RES, ESV_SETGET_SNA },
    { ESV_INFC, ESV_INFC_RES, 0 },
};

uint8_t esv_answer(uint8_t request, bool accepted)
{
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        if (answers[i].request == request)
            return accepted ? answers[i].accepted : answers[i].refused;
    return 0;
}

static bool is_service(uint8_t esv)
{
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        if (esv == answers[i].request || (esv && (esv == answers[i].accepted || esv == answers[i].refused)))
            return true;
    return false;
}

static bool has_two_lists(uint8_t esv)
{
    return esv == ESV_SETGET || esv == ESV_SETGET_RES || esv == ESV_SETGET_SNA;
}

/* ---- frames ---- */

static struct echonet_object get_object(struct reader *r)
{
    struct echonet_object o;
    o.group = get_u8(r);
    o.code = get_u8(r);
    o.instance = get_u8(r);
    return o;
}

static struct echonet_entry get_entry(struct reader *r)
{
    struct echonet_entry p;
    p.epc = get_u8(r);
    p.pdc = get_u8(r);
    p.edt = get_bytes(r, p.pdc);
    return p;
}

/* Steps over the entries once, so that nobody needs to check them again. */
static struct echonet_list get_list(struct reader *r)
{
    struct echonet_list list = { .count = get_u8(r), .entries = *r };
    for (int i = 0; i < list.count; i++)
        (void)get_entry(r);
    list.entries.end = r->at;
    return list;
}

bool echonet_next(struct echonet_list *list, struct echonet_entry *ret)
{
    if (list->count == 0)
        return false;
    list->count--;
    *ret = get_entry(&list->entries);
    return list->entries.err == 0;
}

int echonet_decode(const uint8_t *bytes, size_t len, struct echonet_frame *ret)
{
    *ret = (struct echonet_frame){ 0 };
    struct reader r = reader_of(bytes, len);
    uint8_t ehd1 = get_u8(&r), ehd2 = get_u8(&r);
    if (r.err)
        return -EBADMSG;
    if (EHD1_IS_ECHONET(ehd1) || (ehd1 == EHD1 && ehd2 == EHD2_FORMAT2))
        return -EPROTONOSUPPORT;
    if (ehd1 != EHD1 || ehd2 != EHD2_FORMAT1 || len < MIN_FRAME)
        return -EBADMSG;

    ret->tid = get_u16be(&r);
    ret->seoj = get_object(&r);
    ret->deoj = get_object(&r);
    ret->esv = get_u8(&r);
    if (!is_service(ret->esv))
        return -EOPNOTSUPP;

    ret->list = get_list(&r);
    /* OpenECHO refuses SetGet with a single count of 0: its second list is as empty as the first. */
    bool cut_off = ret->esv == ESV_SETGET_SNA && ret->list.count == 0 && reader_left(&r) == 0;
    if (has_two_lists(ret->esv) && !cut_off)
        ret->get = get_list(&r);
    return r.err; /* bytes behind the last entry are padding of some devices: no error here */
}

static void put(struct echonet_writer *w, const void *bytes, size_t len)
{
    if (w->err || w->size - w->len < len) {
        w->err = -EMSGSIZE;
        return;
    }
    if (len)
        memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

static void put_u8(struct echonet_writer *w, uint8_t value)
{
    put(w, &value, 1);
}

static void put_object(struct echonet_writer *w, struct echonet_object o)
{
    put_u8(w, o.group);
    put_u8(w, o.code);
    put_u8(w, o.instance);
}

void echonet_begin(struct echonet_writer *w, uint8_t *bytes, size_t size, const struct echonet_frame *header)
{
    *w = (struct echonet_writer){ .bytes = bytes, .size = size };
    put_u8(w, EHD1);
    put_u8(w, EHD2_FORMAT1);
    put_u8(w, (uint8_t)(header->tid >> 8));
    put_u8(w, (uint8_t)header->tid);
    put_object(w, header->seoj);
    put_object(w, header->deoj);
    put_u8(w, header->esv);
    echonet_next_list(w);
}

void echonet_next_list(struct echonet_writer *w)
{
    w->count_at = w->len;
    put_u8(w, 0);
}

void echonet_add(struct echonet_writer *w, uint8_t epc, const void *edt, uint8_t pdc)
{
    if (!w->err && w->bytes[w->count_at] == UINT8_MAX)
        w->err = -EMSGSIZE;
    put_u8(w, epc);
    put_u8(w, pdc);
    put(w, edt, pdc);
    if (!w->err)
        w->bytes[w->count_at]++;
}

int echonet_room(const struct echonet_writer *w)
{
    if (w->err || w->bytes[w->count_at] == UINT8_MAX)
        return -1;
    return (int)(w->size - w->len) - 2;
}

void echonet_set_esv(struct echonet_writer *w, uint8_t esv)
{
    if (!w->err)
        w->bytes[ESV_AT] = esv;
}

int echonet_end(const struct echonet_writer *w)
{
    return w->err ? w->err : (int)w->len;
}

/* ---- property maps: byte i holds the EPCs with low nibble i, its bit b those with high nibble 8 + b ---- */

bool property_map_has(const struct property_map *map, uint8_t epc)
{
    return epc >= FIRST_EPC && map->bits[epc & 0x0F] >> ((epc >> 4) - 8) & 1;
}

void property_map_add(struct property_map *map, uint8_t epc)
{
    if (epc >= FIRST_EPC)
        map->bits[epc & 0x0F] |= (uint8_t)(1u << ((epc >> 4) - 8));
}

int property_map_count(const struct property_map *map)
{
    int count = 0;
    for (size_t i = 0; i < sizeof(map->bits); i++)
        count += __builtin_popcount(map->bits[i]);
    return count;
}

size_t property_map_encode(const struct property_map *map, uint8_t ret[static PROPERTY_MAP_MAX])
{
    ret[0] = (uint8_t)property_map_count(map);
    if (ret[0] > LIST_FORM_MAX) {
        memcpy(ret + 1, map->bits, sizeof(map->bits));
        return PROPERTY_MAP_MAX;
    }
    size_t len = 1;
    for (int epc = FIRST_EPC; epc <= UINT8_MAX; epc++)
        if (property_map_has(map, (uint8_t)epc))
            ret[len++] = (uint8_t)epc;
    return len;
}

int property_map_decode(const uint8_t *edt, size_t len, struct property_map *ret)
{
    *ret = (struct property_map){ 0 };
    struct reader r = reader_of(edt, len);
    size_t count = get_u8(&r);
    if (r.err)
        return -EBADMSG;

    if (count > LIST_FORM_MAX) {
        const uint8_t *bits = get_bytes(&r, sizeof(ret->bits));
        if (!bits)
            return -EBADMSG;
        memcpy(ret->bits, bits, sizeof(ret->bits));
    } else {
        for (size_t i = 0; i < count && reader_left(&r) > 0; i++)
            property_map_add(ret, get_u8(&r)); /* in any order */
    }
    return reader_finish(&r) == 0 && (size_t)property_map_count(ret) == count ? 0 : 1;
}

int echonet_instances_decode(const uint8_t *edt, size_t len, struct echonet_object *ret, size_t max)
{
    struct reader r = reader_of(edt, len);
    size_t count = get_u8(&r);
    if (r.err || reader_left(&r) < count * 3)
        return -EBADMSG;
    if (count > max)
        count = max;
    for (size_t i = 0; i < count; i++)
        ret[i] = get_object(&r);
    return (int)count;
}
