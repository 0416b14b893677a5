/* Shared by the files of probe only. */
#ifndef GATEWAY_PROBE_INTERNAL_H
#define GATEWAY_PROBE_INTERNAL_H

#include "base/list.h"
#include "charger/value.h"
#include "gateway/probe.h"
#include "gateway/property_device.h"

enum stage { STAGE_BEFORE, STAGE_WRITE, STAGE_AFTER };

struct probes {
    struct gateway *gateway;
    struct list list;
    size_t count;
};

struct probe {
    struct list link;
    struct probes *probes;
    probe_done done;
    void *ctx;
    struct timer timer;
    struct resource *bus;             /* Modbus: held while it lasts */
    struct resource *node;            /* of an EPC: as well */
    struct property_device *property; /* of an EPC */
    struct device *device;            /* else */
    const struct device_ops *ops;
    struct station_charger *charger;
    char station[STATION_ID_SIZE];
    const struct point *point; /* NULL: an address without a name */
    struct point copy;         /* Modbus: a reload may take the profile away meanwhile */
    char at[40];
    uint8_t function; /* of the write */
    enum stage stage;
    bool writes, reads, answered;
    int unit;
    enum modbus_kind kind;
    uint16_t address, count;
    uint8_t raw[POINT_MAX_RAW]; /* to be written */
    size_t raw_len;
    char before[2 * POINT_MAX_RAW + 1], after[2 * POINT_MAX_RAW + 1];
    struct value value;
    bool has_value;
};

/* It is done by requests that follow each other, so that it is known how far it came. */
static inline bool probe_has_stages(const struct probe *p)
{
    return p->bus || p->property;
}

/* probe_request.c: what is asked for, checked. NULL, or what is wrong with it or speaks against it. */
const char *probe_prepare(struct probe *p, const json_t *request);
/* property_answered of a probe's property. */
void probe_on_property(void *ctx, int err, const uint8_t *data, size_t len);

#endif
