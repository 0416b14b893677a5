/* Drivers: buses and the devices on them. A bus belongs to the gateway; a device to its charger's entry. */
#ifndef DRIVER_DRIVER_H
#define DRIVER_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "charger/profile.h"
#include "driver/modbus/codec.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/udp.h"

/* ---- Modbus ---- */

struct modbus_bus_settings {
    char name[64];               /* for logs */
    enum modbus_framing framing; /* RTU and ASCII also over TCP */
    bool serial;
    struct serial_settings line; /* serial */
    char host[256];              /* otherwise */
    uint16_t port;
    int64_t connect_timeout_ms;
    int64_t reconnect_after_ms; /* first pause after a lost or refused connection; doubles up to 60 s */
    int64_t turnaround_ms;      /* pause before a frame to another unit than the last, but on TCP framing */
};

struct modbus_bus;
/* Connects at once and again after every loss. env's timers carry all waiting. NULL without memory. */
struct modbus_bus *modbus_bus_new(struct loop *loop, const struct modbus_bus_settings *settings);
/* All devices must be freed before. */
void modbus_bus_free(struct modbus_bus *bus);
/* Requests sent, answers, time-outs, exceptions, bad frames, bytes: for status and metrics. */
struct bus_counters {
    uint64_t requests, answers, timeouts, exceptions, bad_frames, late_answers;
};
const struct bus_counters *modbus_bus_counters(const struct modbus_bus *bus);
/* The last frames, a line of text each, as they went over the line. */
void modbus_bus_print_frames(const struct modbus_bus *bus, struct buf *out);

/* A unit on the bus (1..247; 0..255 on TCP framing), polled by the plan computed from the profile. `options` is copied;
 * profile borrowed. Events come on the loop; they may write and read, but free no device. NULL without memory. */
struct device *modbus_device_new(struct modbus_bus *bus, int unit, const struct profile *profile,
                                 const struct modbus_options *options, const struct device_events *events,
                                 void *ctx);
extern const struct device_ops modbus_device_ops;

/* ---- ECHONET Lite ---- */

struct echonet_settings {
    char bind_address[64];        /* "0.0.0.0" */
    char multicast_interface[64]; /* "" = the system's choice */
    uint16_t port;                /* 3610 */
    uint8_t node_id[17];          /* 0x83 of our own node profile */
};

struct echonet_node; /* our own node: the one socket, node profile 0x0EF0, controller 0x05FF */
/* 0 or -errno of the socket. */
int echonet_new(struct loop *loop, const struct echonet_settings *settings, struct echonet_node **ret);
void echonet_free(struct echonet_node *node);
const struct bus_counters *echonet_counters(const struct echonet_node *node);
/* The last frames to and from the node at the IPv4 address `host`, or of all ("", and what is no address). */
void echonet_print_frames(const struct echonet_node *node, const char *host, struct buf *out);

/* News of who is there, of every answer to discovery and every announcement of a node. */
struct echonet_object;
struct echonet_found {
    char host[16];          /* IPv4 literal */
    const uint8_t *node_id; /* 0x83; NULL: not in this message */
    size_t node_id_len;
    const struct echonet_object *instances; /* NULL: not in this message */
    size_t instance_count;
};
typedef void (*echonet_on_found)(void *ctx, const struct echonet_found *found);
/* Asks all nodes now and reports from now on, for `scan`. NULL ends it. */
void echonet_discover(struct echonet_node *node, echonet_on_found on_found, void *ctx);

struct echonet_target {
    char host[64]; /* IPv4 literal; "" if found by node id */
    uint8_t node_id
        [17]; /* 0x83 to look for, wherever it moves; all zero: none. With host: that is looked at first */
    uint8_t instance; /* 1..127 of the profile's class */
};
struct device *echonet_device_new(struct echonet_node *node, const struct echonet_target *target,
                                  const struct profile *profile, const struct echonet_options *options,
                                  const struct device_events *events, void *ctx);
extern const struct device_ops echonet_device_ops;

#endif
