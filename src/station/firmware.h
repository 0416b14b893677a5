/* Block L: firmware updates. firmware.c steps from the request to the last status; firmware_request.c reads the request and keeps the
 * update through a power cut; firmware_status.c tells the CSMS. */
#ifndef STATION_FIRMWARE_H
#define STATION_FIRMWARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"
#include "station/station.h"

struct station;
struct evse;
struct rpc_request;

/* FirmwareStatusEnumType, as far as it is used. NONE: no update was ever asked for. */
enum firmware_status {
    FIRMWARE_STATUS_NONE,
    FIRMWARE_STATUS_DOWNLOAD_SCHEDULED,
    FIRMWARE_STATUS_DOWNLOADING,
    FIRMWARE_STATUS_DOWNLOADED,
    FIRMWARE_STATUS_DOWNLOAD_FAILED,
    FIRMWARE_STATUS_SIGNATURE_VERIFIED,
    FIRMWARE_STATUS_INVALID_SIGNATURE,
    FIRMWARE_STATUS_INSTALL_SCHEDULED,
    FIRMWARE_STATUS_INSTALLING,
    FIRMWARE_STATUS_INSTALL_REBOOTING,
    FIRMWARE_STATUS_INSTALL_VERIFICATION_FAILED,
    FIRMWARE_STATUS_INSTALLATION_FAILED,
    FIRMWARE_STATUS_INSTALLED,
    FIRMWARE_STATUSES
};
extern const char *const firmware_status_names[FIRMWARE_STATUSES];

/* Stored by name: append, never rename. */
enum firmware_phase {
    FIRMWARE_IDLE,
    FIRMWARE_WAITS_TO_DOWNLOAD, /* for retrieveDateTime, or the end of transactions */
    FIRMWARE_DOWNLOADS,
    FIRMWARE_WAITS_TO_RETRY,
    FIRMWARE_VERIFIES,
    FIRMWARE_WAITS_TO_INSTALL, /* for installDateTime, or the end of transactions */
    FIRMWARE_IS_READY,         /* asked for the installation, which has not begun */
    FIRMWARE_INSTALLS,
    FIRMWARE_WAITS_TO_ACTIVATE, /* installed: for the end of transactions, and for the CSMS to have heard */
    FIRMWARE_ACTIVATES,         /* the gateway is about to start anew */
    FIRMWARE_CONFIRMS,          /* after a start: is it in force? */
    FIRMWARE_PHASES
};
extern const char *const firmware_phase_names[FIRMWARE_PHASES];

/* The update under way, or the last one. */
struct firmware_update {
    int64_t request_id;
    char *location, *certificate, *signature; /* the latter two may be NULL */
    int64_t retrieve_ms, install_ms;          /* wall clock; install_ms -1: as soon as can be */
    int retries;                              /* left */
    int64_t retry_interval_ms;
};

struct firmware {
    struct firmware_settings settings;
    enum firmware_phase phase;
    enum firmware_status status; /* the latest */
    bool is_told;                /* the CSMS has answered it */
    bool is_storing;             /* a request that is not yet answered */
    bool needs_restart;          /* of the gateway, to come into force */
    int64_t grace_until_ms;      /* activating waits so long for the CSMS to hear */
    struct firmware_update update;
    uint32_t ticket; /* of the step the gateway is at; 0: none */
    struct timer timer;
    int notice_count; /* statuses not yet answered */
};

void firmware_init(struct station *s, const struct firmware_settings *settings);
void firmware_done(struct station *s);
/* RECORD_STATE "firmware". */
void firmware_restore(struct station *s, const char *value);
/* All is restored: goes on where the last start left it. */
void firmware_start(struct station *s);
/* A transaction ended, an EVSE became idle or a message was answered. */
void firmware_on_idle(struct station *s);
/* Whether an update forbids new sessions now [L01.FR.07]. */
bool firmware_holds(const struct station *s);
/* It is being installed or about to come into force: nothing may disturb it. */
bool firmware_is_installing(const struct station *s);
/* The wall clock was set. */
void firmware_clock_changed(struct station *s);
/* AllowNewSessionsPendingFirmwareUpdate was set. */
void firmware_settings_changed(struct station *s);
/* For displays: status and request of the last update; NULL if there never was one. */
json_t *firmware_status_json(const struct station *s);
/* TriggerMessage. */
void trigger_firmware_status(struct station *s);

/* ---- between the files ---- */

/* A new update takes the place of what was; takes the texts of `update`. */
void firmware_begin(struct station *s, struct firmware_update *update);
/* Writes down phase, status and update; callback as station_persist(). */
void firmware_store(struct station *s, void (*callback)(struct station *s, void *ctx, int err), void *ctx);
void firmware_update_clear(struct firmware_update *update);
/* A new status: written down with the phase and sent in its turn. */
void firmware_tell(struct station *s, enum firmware_status status);
/* Asks the gateway for a step; station_on_firmware_done() follows but for CLAIM and RELEASE. 0, or why it cannot be claimed. */
int firmware_ask(struct station *s, enum firmware_step step, const struct firmware_update *update);

#endif
