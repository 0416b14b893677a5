/* A charger that speaks OCPP 1.6J, without its socket: the gateway is its Central System.
 *
 *   message -> rpc (validated) -> engine_requests.c      CALLs of the charger, answered
 *                                 engine_transactions.c  tokens, transactions: what may flow
 *                                 engine_meter.c         sampled values -> points
 *   write, read -> engine.c -> engine_calls.c (one CALL of ours at a time) -> rpc -> link
 *   news of points and the ends of writes and reads: engine.c, from a timer, never from inside
 *
 * Time, chance and the link are handed in, so tests run in virtual time; server.c adds the sockets. */
#ifndef DRIVER_OCPP16_ENGINE_H
#define DRIVER_OCPP16_ENGINE_H

#include "base/buf.h"
#include "base/env.h"
#include "charger/point.h"
#include "charger/profile.h"

#define OCPP16_IDENTITY_SIZE 49    /* 48 characters */
#define OCPP16_MAX_MESSAGE   65536 /* bytes */
#define OCPP16_FRAME_BYTES   16384 /* of the last frames, for diagnostics */
#define OCPP16_CLOSE_FLOOD   1008  /* close code: it sends too much */

/* The way to the charger; `ctx` is that of ocpp16_set_link(). */
struct ocpp16_link {
    int (*send)(void *ctx, const char *text, size_t len);
    /* Ends it with a WebSocket close code; ocpp16_on_closed() follows, never from inside. */
    void (*close)(void *ctx, int code);
};

/* `identity` as the charger gives it. profile borrowed, options and events copied. NULL without memory. */
struct device *ocpp16_engine_new(const struct env *env, const char *identity, const struct profile *profile,
                                 const struct ocpp16_options *options, const struct device_events *events,
                                 void *ctx);
extern const struct device_ops ocpp16_device_ops;
/* Called as the device is about to be freed, from inside its free(). */
void ocpp16_set_on_free(struct device *device, void (*on_free)(void *ctx), void *ctx);
const char *ocpp16_identity(const struct device *device);

/* The charger has connected; one that was connected before must have been told closed. */
void ocpp16_on_open(struct device *device, const struct ocpp16_link *link, void *link_ctx);
/* Any bytes. The device may ask for the link's end meanwhile. */
void ocpp16_on_message(struct device *device, const char *text, size_t len);
void ocpp16_on_closed(struct device *device);

/* The last frames, a line of text each; what may hold a secret is left out. */
void ocpp16_print_frames(const struct device *device, struct buf *out);

#endif
