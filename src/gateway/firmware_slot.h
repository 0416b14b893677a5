/* A place where firmware is put and installed: the gateway's own, or that of one station's devices. One image at a time.
 *
 * Stations that are told to install from the same location share the image: it is loaded once, checked by each with the signature it was
 * given, and installed once, when the last of them is ready; other locations are refused meanwhile.
 *
 *     NONE --download--> LOADING --renamed into place--> READY --every member asks for it--> hook "install" --> outcome to all */
#ifndef GATEWAY_FIRMWARE_SLOT_H
#define GATEWAY_FIRMWARE_SLOT_H

#include "base/cleanup.h"
#include "net/transfer.h"
#include "station/station.h"

struct firmware_slot;
struct firmware_member; /* a station's share of a slot */

/* Exit statuses of the hook, run as `program args... install|confirm IMAGE more...`; any other: it failed. */
enum { FIRMWARE_HOOK_IN_FORCE = 0, FIRMWARE_HOOK_NEEDS_RESTART = 3, FIRMWARE_HOOK_NOT_SUITABLE = 4 };

#define FIRMWARE_HOOK_MAX_ARGS 16
#define FIRMWARE_MAX_RUNS      STATION_MAX_EVSES

/* One run of the hook: for each device of a station, or the only one of the gateway. */
struct firmware_run {
    const char *const *hook; /* program and arguments, ends with NULL */
    const char *more[3];     /* after the image: the device; NULL at the end */
};

struct firmware_slot_settings {
    struct loop *loop;
    struct transfers *transfers;
    const char *path; /* of the image; it is loaded beside it, as PATH.part */
    struct firmware_run runs[FIRMWARE_MAX_RUNS];
    size_t run_count;
    int64_t hook_timeout_ms, idle_timeout_ms, max_bytes;
    const char *ca_pem, *crl_pem; /* NULL: none */
    void (*restart)(void *ctx);   /* the gateway ends in order, to be started anew */
    void *ctx;
};

/* Texts of `settings` must outlive it, but for `path`. NULL without memory. */
struct firmware_slot *firmware_slot_new(const struct firmware_slot_settings *settings);
/* Every member must have been freed. NULL is fine. */
void firmware_slot_free(struct firmware_slot *slot);

typedef void (*firmware_done)(void *ctx, uint32_t ticket, enum firmware_outcome outcome);
struct firmware_member *firmware_member_new(struct firmware_slot *slot, firmware_done done, void *ctx);
/* Leaves the image: the station goes on with it when it is there again. NULL is fine. */
void firmware_member_free(struct firmware_member *member);
/* Whether a hook runs for it now: it would be killed with its last station. */
bool firmware_member_has_hook(const struct firmware_member *member);
/* As struct station_ops.firmware. */
int firmware_member_ask(struct firmware_member *member, const struct firmware_job *job);

#endif
