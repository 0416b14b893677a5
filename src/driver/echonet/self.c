#include "driver/echonet/self.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"

#define MAX_EDT PROPERTY_MAP_MAX /* as long as the node id */

enum access { GET = 1, SET = 2, INF = 4 };
enum source { FIXED, NODE_ID, MAKER, LOCATION, MAP_OF_INF, MAP_OF_SET, MAP_OF_GET };
enum own { PROFILE, CONTROLLER };

/* Mandatory properties of both classes, and the product code (Appendix, node profile and super class). */
static const struct own_property {
    enum own object;
    uint8_t epc, access;
    enum source source;
    uint8_t len;
    const char *edt;
} own_properties[] = {
    { PROFILE, 0x80, GET | INF, FIXED, 1, "\x30" },       /* operating */
    { PROFILE, 0x82, GET, FIXED, 4, "\x01\x0E\x01\x00" }, /* version 1.14, format 1 */
    { PROFILE, EPC_NODE_ID, GET, NODE_ID, NODE_ID_SIZE, NULL },
    { PROFILE, 0x8A, GET, MAKER, 3, NULL },
    { PROFILE, 0x8C, GET, FIXED, 12, "ocpp-gateway" },
    { PROFILE, EPC_INF_MAP, GET, MAP_OF_INF, 0, NULL },
    { PROFILE, EPC_SET_MAP, GET, MAP_OF_SET, 0, NULL },
    { PROFILE, EPC_GET_MAP, GET, MAP_OF_GET, 0, NULL },
    { PROFILE, 0xD3, GET, FIXED, 3, "\x00\x00\x01" }, /* instances without the node profile */
    { PROFILE, 0xD4, GET, FIXED, 2, "\x00\x02" },     /* classes with it */
    { PROFILE, EPC_INSTANCE_LIST_NOTIFICATION, GET | INF, FIXED, 4, "\x01\x05\xFF\x01" },
    { PROFILE, EPC_INSTANCE_LIST, GET, FIXED, 4, "\x01\x05\xFF\x01" },
    { PROFILE, 0xD7, GET, FIXED, 3, "\x01\x05\xFF" },
    { CONTROLLER, 0x80, GET | INF, FIXED, 1, "\x30" },
    { CONTROLLER, EPC_INSTALLATION_LOCATION, GET | SET | INF, LOCATION, 1, NULL },
    { CONTROLLER, 0x82, GET, FIXED, 4, "\x00\x00R\x00" }, /* Appendix release R */
    { CONTROLLER, 0x88, GET | INF, FIXED, 1, "\x42" },    /* no fault */
    { CONTROLLER, 0x8A, GET, MAKER, 3, NULL },
    { CONTROLLER, 0x8C, GET, FIXED, 12, "ocpp-gateway" },
    { CONTROLLER, EPC_INF_MAP, GET, MAP_OF_INF, 0, NULL },
    { CONTROLLER, EPC_SET_MAP, GET, MAP_OF_SET, 0, NULL },
    { CONTROLLER, EPC_GET_MAP, GET, MAP_OF_GET, 0, NULL },
};

static const struct own_property *find_property(enum own object, uint8_t epc)
{
    for (size_t i = 0; i < ARRAY_SIZE(own_properties); i++)
        if (own_properties[i].object == object && own_properties[i].epc == epc)
            return &own_properties[i];
    return NULL;
}

static size_t map_of(enum own object, enum access access, uint8_t ret[static PROPERTY_MAP_MAX])
{
    struct property_map map = { 0 };
    for (size_t i = 0; i < ARRAY_SIZE(own_properties); i++)
        if (own_properties[i].object == object && own_properties[i].access & access)
            property_map_add(&map, own_properties[i].epc);
    return property_map_encode(&map, ret);
}

static size_t read_property(const struct self *self, const struct own_property *p,
                            uint8_t ret[static MAX_EDT])
{
    switch (p->source) {
    case FIXED:
        memcpy(ret, p->edt, p->len);
        return p->len;
    case NODE_ID:
        memcpy(ret, self->node_id, NODE_ID_SIZE);
        return NODE_ID_SIZE;
    case MAKER: /* the identification number begins with 0xFE and the maker */
        memcpy(ret, self->node_id + 1, p->len);
        return p->len;
    case LOCATION:
        ret[0] = self->location;
        return 1;
    case MAP_OF_INF:
        return map_of(p->object, INF, ret);
    case MAP_OF_SET:
        return map_of(p->object, SET, ret);
    case MAP_OF_GET:
        return map_of(p->object, GET, ret);
    }
    return 0;
}

/* The instance 0 of a request means every instance of the class: here the only one. */
static bool find_object(struct echonet_object deoj, enum own *ret, struct echonet_object *ret_object)
{
    static const struct echonet_object *const objects[] = { &echonet_node_profile, &echonet_controller };
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        struct echonet_object o = *objects[i];
        if (deoj.group != o.group || deoj.code != o.code || deoj.instance > o.instance)
            continue;
        *ret = (enum own)i;
        *ret_object = o;
        return true;
    }
    return false;
}

/* Adds an entry as far as there is room. Returns whether it is there with its data. */
static bool add(struct echonet_writer *w, uint8_t epc, const uint8_t *edt, size_t len)
{
    int room = echonet_room(w);
    if (room < 0)
        return false;
    bool fits = len <= (size_t)room;
    echonet_add(w, epc, edt, fits ? (uint8_t)len : 0);
    return fits;
}

static bool get_entries(const struct self *self, enum own object, struct echonet_list list,
                        struct echonet_writer *w)
{
    bool all = true;
    struct echonet_entry e;
    while (echonet_next(&list, &e)) {
        const struct own_property *p = find_property(object, e.epc);
        uint8_t edt[MAX_EDT];
        size_t len = p ? read_property(self, p, edt) : 0;
        if (!add(w, e.epc, edt, len) || !p)
            all = false;
    }
    return all;
}

/* Accepted entries come back empty, refused ones as they were. */
static bool set_entries(struct self *self, enum own object, struct echonet_list list,
                        struct echonet_writer *w)
{
    bool all = true;
    struct echonet_entry e;
    while (echonet_next(&list, &e)) {
        const struct own_property *p = find_property(object, e.epc);
        bool accepted = p && p->access & SET && p->source == LOCATION && e.pdc == 1;
        if (accepted)
            self->location = e.edt[0];
        if (!add(w, e.epc, e.edt, accepted ? 0 : e.pdc) || !accepted)
            all = false;
    }
    return all;
}

static bool receipt_entries(struct echonet_list list, struct echonet_writer *w)
{
    struct echonet_entry e;
    while (echonet_next(&list, &e))
        (void)add(w, e.epc, NULL, 0);
    return true;
}

int self_answer(struct self *self, const struct echonet_frame *request, uint8_t *ret, size_t size)
{
    struct echonet_frame header = { .tid = request->tid, .deoj = request->seoj };
    enum own object;
    if (!find_object(request->deoj, &object, &header.seoj) || request->list.count + request->get.count == 0)
        return 0;

    struct echonet_writer w;
    echonet_begin(&w, ret, size, &header);
    bool accepted = false;
    switch (request->esv) {
    case ESV_SETI:
    case ESV_SETC:
        accepted = set_entries(self, object, request->list, &w);
        break;
    case ESV_GET:
    case ESV_INF_REQ:
        accepted = get_entries(self, object, request->list, &w);
        break;
    case ESV_SETGET:
        accepted = set_entries(self, object, request->list, &w);
        echonet_next_list(&w);
        accepted = get_entries(self, object, request->get, &w) && accepted;
        break;
    case ESV_INFC:
        accepted = receipt_entries(request->list, &w);
        break;
    default:
        return 0;
    }
    uint8_t esv = esv_answer(request->esv, accepted);
    if (!esv)
        return 0;
    echonet_set_esv(&w, esv);
    int len = echonet_end(&w);
    return len > 0 ? len : 0;
}

int self_announce(const struct self *self, uint16_t tid, struct echonet_object object, uint8_t epc,
                  uint8_t *ret, size_t size)
{
    struct echonet_frame header = { tid, object, echonet_node_profile, ESV_INF, { 0 }, { 0 } };
    enum own own;
    bool found = find_object(object, &own, &header.seoj);
    const struct own_property *p = found ? find_property(own, epc) : NULL;
    assert(p);
    uint8_t edt[MAX_EDT];
    size_t len = read_property(self, p, edt);
    struct echonet_writer w;
    echonet_begin(&w, ret, size, &header);
    echonet_add(&w, epc, edt, (uint8_t)len);
    return echonet_end(&w);
}
