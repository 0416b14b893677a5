/* The ECHONET Lite side of the gateway without its sockets: our own node, the peers (other nodes) and the devices on them.
 *
 *   datagram -> engine_receive() -> request to us:  self.c answers
 *                                -> answer:         device that asked (address, TID, SEOJ, ESV, EPCs)
 *                                -> announcement:   every device of that object at that address
 *                                -> node profile:   discovery: who is where
 *   device -> peer (one request at a time per node) -> send
 *
 * Time, chance and sending are handed in, so tests run in virtual time. node.c adds the sockets. */
#ifndef DRIVER_ECHONET_ENGINE_H
#define DRIVER_ECHONET_ENGINE_H

#include "base/env.h"
#include "base/list.h"
#include "driver/driver.h"
#include "driver/echonet/address.h"
#include "driver/echonet/self.h"

#define ENGINE_BUCKETS 256
#define ENGINE_ECHOES  16

/* `to` NULL: to everybody, in IPv4 and IPv6 where the node has both. What cannot be sent is lost. */
typedef void (*engine_send)(void *ctx, const struct echonet_address *to, const uint8_t *bytes, size_t len);

/* At most so many per period. */
struct allowance {
    int64_t since_ms;
    int used;
};

/* A multicast of ours, which comes back to us. */
struct echo {
    uint16_t tid;
    uint8_t esv; /* 0: none */
    int64_t sent_ms;
};

struct engine {
    const struct env *env;
    engine_send send;
    void *ctx;
    struct self self;
    struct bus_counters counters;
    uint16_t next_tid;

    struct list peers[ENGINE_BUCKETS]; /* by address */
    struct list devices;               /* all of them */
    uint32_t device_count;

    struct timer discovery;
    int discovery_step;
    int64_t lists_asked_ms;            /* when anybody last asked all nodes for their lists; -1: never */
    int64_t discovery_ms;              /* start of the last round; -1: none yet */
    struct echo echoes[ENGINE_ECHOES]; /* our latest multicasts */
    unsigned next_echo;

    struct allowance replies, lookups, complaints;
    uint64_t complaints_dropped;

    echonet_on_found on_found; /* NULL: nobody wants to know */
    void *found_ctx;
};

/* All borrowed for the engine's life; node_id is copied. */
void engine_init(struct engine *engine, const struct env *env, const uint8_t node_id[static NODE_ID_SIZE],
                 engine_send send, void *ctx);
/* All devices must be freed before. */
void engine_done(struct engine *engine);
/* Announces our node and begins to look for the others; again when the network is another. */
void engine_start(struct engine *engine);
void engine_receive(struct engine *engine, const struct echonet_address *address, const uint8_t *bytes,
                    size_t len);
void engine_discover(struct engine *engine, echonet_on_found on_found, void *ctx);

struct device *engine_device_new(struct engine *engine, const struct echonet_target *target,
                                 const struct profile *profile, const struct echonet_options *options,
                                 const struct device_events *events, void *ctx);

#endif
