/* ECHONET Lite chargers: the properties of the classes 0x02A1 (EV charger) and 0x027E (EV charger and discharger), and of
 * the node profile 0x0EF0 beside them. Pure. Written from the Machine Readable Appendix 1.3.1, releases as told in 0x82. */
#ifndef SIM_ECHONET_MAP_H
#define SIM_ECHONET_MAP_H

#include "driver/echonet/codec.h"
#include "sim/field.h"

#define ECHONET_EDT_MAX 64

enum echonet_access { ECHONET_GET = 1, ECHONET_SET = 2, ECHONET_INF = 4 };

struct echonet_node;

/* Told of each property the other side wrote, before its effect; a second time, with "refused", if there is none. */
typedef void (*echonet_written)(void *ctx, const char *name, const char *value);

struct
    echonet_property { /* NOLINT(clang-analyzer-optin.performance.Padding): in the order of a table's row */
    uint8_t epc;
    const char *name;
    uint8_t access;
    bool needs_car;        /* SNA while no vehicle tells it */
    struct field field[2]; /* one behind the other; size 0: none, but its scale is how a write is printed */
    /* Instead of fields. The EDT's length, or -ENODATA (SNA). */
    int (*get)(const struct echonet_node *node, uint8_t ret[static ECHONET_EDT_MAX]);
    /* 0, or negative: SNA. */
    int (*set)(struct echonet_node *node, const uint8_t *edt, size_t len);
};

struct echonet_class {
    uint8_t group, code;
    const struct echonet_property *properties; /* ordered by EPC */
    size_t count;
};

struct echonet_map {
    const char *name;
    struct echonet_class device;
    bool has_method; /* the setpoints act as 0xDC says */
};

/* What a node remembers beside its model. */
struct echonet_node {
    const struct echonet_map *map;
    struct model *model;
    const char *serial;
    echonet_written on_write; /* set after echonet_node_init() */
    void *ctx;
    uint8_t idle_mode; /* of 0xDA while not charging: 0x44 or 0x47 */
    uint8_t location;  /* 0x81 */
    uint8_t method;    /* 0xDC */
    bool power_last;   /* 0xEB was written after 0xED */
    uint32_t power_setpoint_W;
    uint16_t current_setpoint_dA;
};

extern const struct echonet_class echonet_node_profile;
extern const struct echonet_map *const echonet_maps[]; /* up to NULL */
const struct echonet_map *echonet_map_find(const char *name);

/* `serial` and model are borrowed. */
void echonet_node_init(struct echonet_node *node, const struct echonet_map *map, struct model *model,
                       const char *serial);
/* After each change of the model: what a car that left or a power cut makes the node forget. */
void echonet_node_update(struct echonet_node *node);

const struct echonet_property *echonet_property_find(const struct echonet_class *c, uint8_t epc);
/* The EDT's length (> 0), or -ENOENT, -ENODATA. */
int echonet_get(const struct echonet_node *node, const struct echonet_class *c, uint8_t epc,
                uint8_t ret[static ECHONET_EDT_MAX]);
/* 0, or negative: refused. */
int echonet_set(struct echonet_node *node, const struct echonet_class *c, uint8_t epc, const uint8_t *edt,
                size_t len);

/* The answer of the node's object of class `c` (instance 1) to a request, into ret[ECHONET_MAX_FRAME]. Its length; 0: none is due;
 * -EMSGSIZE: it would be too long (then a device is silent). `*ret_multicast`: it is for everybody. */
int echonet_reply(struct echonet_node *node, const struct echonet_class *c,
                  const struct echonet_frame *request, uint8_t *ret, bool *ret_multicast);
/* A notification of one property, as above. */
int echonet_notify(const struct echonet_node *node, const struct echonet_class *c, uint8_t epc, uint16_t tid,
                   uint8_t *ret);

#endif
