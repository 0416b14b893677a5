/* `ocpp-cli scan modbus --lines`, run beside the gateway: what it says comes line by line. It is a program of its own, since it waits for every
 * answer, and since what a device answers is then read by somebody who has nothing to lose. */
#ifndef GATEWAY_SCAN_PROGRAM_H
#define GATEWAY_SCAN_PROGRAM_H

#include <jansson.h>

#include "gateway/gateway.h"
#include "gateway/scan_request.h"

struct scan_program;
struct scan_program_events {
    /* An object of those that cli/scan.h tells of; borrowed. */
    void (*on_object)(void *ctx, const json_t *object);
    /* What it says to people besides. */
    void (*on_text)(void *ctx, const char *text);
    /* It is over, and gone. `error` NULL: it went to its end; else why it did not. */
    void (*on_end)(void *ctx, const char *error);
};

/* `relay_port` 0: the request's own target; else that port of the loopback is looked at instead, with the settings it has. Everything is copied. NULL
 * without memory. Callbacks never come from inside. */
struct scan_program *scan_program_start(struct gateway *gateway, const struct scan_request *request,
                                        uint16_t relay_port, const struct scan_program_events *events,
                                        void *ctx);
/* Kills it; no callback after. NULL is fine. */
void scan_program_kill(struct scan_program *program);

#endif
