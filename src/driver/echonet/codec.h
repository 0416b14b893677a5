/* ECHONET Lite on the wire: frames, property maps, lists of instances. Pure; for both sides of a conversation.
 *
 *   0     1     2   4      7      10    11    12
 *   EHD1  EHD2  TID SEOJ   DEOJ   ESV   OPC   EPC PDC EDT ...     (SetGet: then OPCGet and its entries)
 *   0x10  0x81  big endian throughout; a UDP datagram is a frame
 *
 * Source: ECHONET Lite specification 1.14, part 2, 3.2. */
#ifndef DRIVER_ECHONET_CODEC_H
#define DRIVER_ECHONET_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reader.h"

#define ECHONET_PORT          3610
#define ECHONET_GROUP         "224.0.23.0"
#define ECHONET_GROUP_ADDRESS 0xE0001700u
#define ECHONET_GROUP_IPV6    "ff02::1"
#define ECHONET_MAX_FRAME     1232 /* that we send: one datagram on any network; what comes in may be longer */
#define ECHONET_MAX_INSTANCES 84   /* in D5 and D6 */
#define PROPERTY_MAP_MAX      17

enum esv {
    ESV_SETI = 0x60, /* no answer when accepted */
    ESV_SETC = 0x61,
    ESV_GET = 0x62,
    ESV_INF_REQ = 0x63,
    ESV_SETGET = 0x6E,
    ESV_SET_RES = 0x71,
    ESV_GET_RES = 0x72,
    ESV_INF = 0x73,
    ESV_INFC = 0x74,
    ESV_INFC_RES = 0x7A,
    ESV_SETGET_RES = 0x7E,
    ESV_SETI_SNA = 0x50,
    ESV_SETC_SNA = 0x51,
    ESV_GET_SNA = 0x52,
    ESV_INF_SNA = 0x53,
    ESV_SETGET_SNA = 0x5E,
};

/* The service that answers `request` when all of it was accepted, or when a part was refused; 0: none (SetI accepted, INFC
 * refused, no request at all). */
uint8_t esv_answer(uint8_t request, bool accepted);

struct echonet_object { /* EOJ */
    uint8_t group, code, instance;
};

static inline bool echonet_same_object(struct echonet_object a, struct echonet_object b)
{
    return a.group == b.group && a.code == b.code && a.instance == b.instance;
}

struct echonet_entry {
    uint8_t epc, pdc;
    const uint8_t *edt; /* pdc bytes, borrowed; never NULL after decoding */
};

/* Entries of a frame, checked when it was decoded: walk them with echonet_next(). */
struct echonet_list {
    uint8_t count;
    struct reader entries;
};

/* Takes the next entry out of `list` (a copy of the frame's, if it is to be walked again). false: no more. */
bool echonet_next(struct echonet_list *list, struct echonet_entry *ret);

struct echonet_frame {
    uint16_t tid;
    struct echonet_object seoj, deoj;
    uint8_t esv;
    struct echonet_list list; /* SetGet: what is to be set */
    struct echonet_list get;  /* SetGet only, else empty */
};

/* Borrows `bytes`. 0; -EBADMSG (not a frame); -EPROTONOSUPPORT (another message format: EHD2 0x82, or the old ECHONET);
 * -EOPNOTSUPP (unknown ESV: header set, lists empty). To all of these the right answer is silence. */
int echonet_decode(const uint8_t *bytes, size_t len, struct echonet_frame *ret);

/* Builds a frame: begin, add ..., for SetGet next_list and add ..., end. The first error sticks. */
struct echonet_writer {
    uint8_t *bytes;
    size_t size, len, count_at;
    int err; /* 0 or -EMSGSIZE */
};

/* `header`'s tid, objects and esv are used, its lists are not. */
void echonet_begin(struct echonet_writer *w, uint8_t *bytes, size_t size, const struct echonet_frame *header);
void echonet_add(struct echonet_writer *w, uint8_t epc, const void *edt, uint8_t pdc);
void echonet_next_list(struct echonet_writer *w);
/* Room left for one more entry's EDT; 0 also if there is room for its EPC and PDC only; negative for none. */
int echonet_room(const struct echonet_writer *w);
/* Corrects the service once it is known whether all was accepted. */
void echonet_set_esv(struct echonet_writer *w, uint8_t esv);
/* Length of the frame or -EMSGSIZE. */
int echonet_end(const struct echonet_writer *w);

/* A set of EPCs 0x80..0xFF. */
struct property_map {
    uint8_t bits[16];
};

/* EPCs below 0x80 are in no map. */
bool property_map_has(const struct property_map *map, uint8_t epc);
void property_map_add(struct property_map *map, uint8_t epc);
int property_map_count(const struct property_map *map);
/* Below 16 EPCs a list, from 16 on a bitmap. Returns the length. */
size_t property_map_encode(const struct property_map *map, uint8_t ret[static PROPERTY_MAP_MAX]);
/* 0: a proper map; 1: the count does not fit what follows, so it is a hint at best (seen in the field); -EBADMSG. */
int property_map_decode(const uint8_t *edt, size_t len, struct property_map *ret);

/* D5, D6: a count and that many objects. Returns how many were there and fit into `ret`, or -EBADMSG. */
int echonet_instances_decode(const uint8_t *edt, size_t len, struct echonet_object *ret, size_t max);

#endif
