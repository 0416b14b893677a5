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
#include "net/websocket.h"

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
    uint64_t busy_ms; /* Modbus: a request was on its way or its answer awaited */
};
const struct bus_counters *modbus_bus_counters(const struct modbus_bus *bus);
/* Whether the link is there, and why it was lost, or could not be opened, the last time (0: it never was). */
enum modbus_link { MODBUS_LINK_LOST, MODBUS_LINK_OPENING, MODBUS_LINK_OPEN };
enum modbus_link modbus_bus_link(const struct modbus_bus *bus, int *ret_err);

/* The end of a request: 0 and the response (an exception, too; borrowed for the call), or NULL and -ERR_NO_ANSWER, -ERR_LINK_DOWN, -EBADMSG
 * (something came that cannot be the answer). May ask and forget, but free no bus. */
typedef void (*modbus_on_answer)(void *ctx, int err, const struct modbus_response *response);
/* One request to a unit (0..255 on TCP framing, else 1..255) besides all devices of the bus, in its turn: like a write, but after each the devices
 * have one. It is sent once; a read again if a link that worked was lost meanwhile. It waits for a link that is being opened, also anew,
 * but not for one that cannot be. The request is copied. `callback` comes once, never from inside. 0, -EINVAL (cannot be encoded), -ENOBUFS (too many wait), -ENOMEM. */
int modbus_bus_ask(struct modbus_bus *bus, int unit, const struct modbus_request *request, int64_t timeout_ms,
                   modbus_on_answer callback, void *ctx);
/* The masks with which function 22 writes a point of one register: only its own bits become those of `raw`. */
void modbus_mask_point(const struct point *point, const uint8_t *raw, struct modbus_request *ret);
/* Requests of this ctx that wait or are on the wire end without a callback. */
void modbus_bus_forget(struct modbus_bus *bus, void *ctx);
/* The last frames, a line of text each, as they went over the line. */
void modbus_bus_print_frames(const struct modbus_bus *bus, struct buf *out);

/* A unit on the bus (1..255; 0..255 on TCP framing), polled by the plan computed from the profile. `options` is copied;
 * profile borrowed. Events come on the loop; they may write and read, but free no device. NULL without memory. */
struct device *modbus_device_new(struct modbus_bus *bus, int unit, const struct profile *profile,
                                 const struct modbus_options *options, const struct device_events *events,
                                 void *ctx);
extern const struct device_ops modbus_device_ops;

/* ---- ECHONET Lite ---- */

struct echonet_settings {
    char bind_address[64];        /* "0.0.0.0" */
    char multicast_interface[64]; /* name or address; "": all there are */
    char ipv6[64];       /* address that the IPv6 socket is bound to, "yes" for all; "" or "no": no IPv6 */
    uint16_t port;       /* 3610 */
    uint8_t node_id[17]; /* 0x83 of our own node profile */
};

struct echonet_node; /* our own node: its sockets, node profile 0x0EF0, controller 0x05FF */
/* 0 or -errno of the socket. */
int echonet_new(struct loop *loop, const struct echonet_settings *settings, struct echonet_node **ret);
void echonet_free(struct echonet_node *node);
const struct bus_counters *echonet_counters(const struct echonet_node *node);
/* The last frames to and from the node at the address `host`, or of all ("", and what is no address). */
void echonet_print_frames(const struct echonet_node *node, const char *host, struct buf *out);

/* News of who is there, of every answer to discovery and every announcement of a node. */
struct echonet_object;
struct echonet_found {
    char host[64];          /* literal address: IPv4, or IPv6 (link-local: with %interface) */
    const uint8_t *node_id; /* 0x83; NULL: not in this message */
    size_t node_id_len;
    const struct echonet_object *instances; /* NULL: not in this message */
    size_t instance_count;
};
typedef void (*echonet_on_found)(void *ctx, const struct echonet_found *found);
/* Asks all nodes now and reports from now on, for `scan`. NULL ends it. */
void echonet_discover(struct echonet_node *node, echonet_on_found on_found, void *ctx);

struct echonet_target {
    char host[64]; /* literal address, as in echonet_found; "" if found by node id */
    uint8_t node_id
        [17]; /* 0x83 to look for, wherever it moves; all zero: none. With host: that is looked at first */
    uint8_t instance; /* 1..127 of the profile's class */
};
struct device *echonet_device_new(struct echonet_node *node, const struct echonet_target *target,
                                  const struct profile *profile, const struct echonet_options *options,
                                  const struct device_events *events, void *ctx);
extern const struct device_ops echonet_device_ops;

/* ---- OCPP 1.6J: chargers connect to us ---- */

struct ocpp16_settings {
    char address[64]; /* to listen on */
    uint16_t port;
    const char *cert_file, *key_file; /* PEM; NULL: no TLS */
};

struct ocpp16_server;
/* Listens, and tries again every 5 s where it cannot (logged). NULL without memory. */
struct ocpp16_server *ocpp16_server_new(struct loop *loop, struct websocket_context *websockets,
                                        const struct ocpp16_settings *settings);
/* All devices must be freed before. */
void ocpp16_server_free(struct ocpp16_server *server);
/* Of all chargers that are configured now; borrowed until the next call. */
const struct bus_counters *ocpp16_server_counters(struct ocpp16_server *server);

struct ocpp16_target {
    const char *identity; /* last segment of the URL that the charger connects to, and its user name */
    const char *password; /* of HTTP Basic authentication; NULL: none is asked for */
};
/* A charger that may connect. Of two with an identity the newer gets its next connection. Everything but the profile is copied. NULL
 * without memory, and where the identity is longer than 48 characters. */
struct device *ocpp16_device_new(struct ocpp16_server *server, const struct ocpp16_target *target,
                                 const struct profile *profile, const struct ocpp16_options *options,
                                 const struct device_events *events, void *ctx);
extern const struct device_ops ocpp16_device_ops;
/* The last messages of a charger, a line of text each. */
void ocpp16_print_frames(const struct device *device, struct buf *out);

#endif
