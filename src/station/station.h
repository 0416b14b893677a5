/* One OCPP identity: the charging station a CSMS sees. Pure: what happens comes in by the station_on_...() calls, what
 * it does goes out by struct station_ops.
 *
 *     station_new -> station_restore (each stored record) -> station_start -> station_on_... -> station_free */
#ifndef STATION_STATION_H
#define STATION_STATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/env.h"
#include "base/evse.h"
#include "base/problems.h"
#include "base/record.h"
#include "ocpp/rpc.h"

struct station;

#define STATION_ID_SIZE   49 /* identifierString[48] */
#define STATION_MAX_EVSES 64

/* A value for a variable from the configuration file; stands above the table's default and below what the CSMS set. */
struct variable_preset {
    const char *component, *variable, *instance; /* instance may be NULL */
    const char *value;
};

/* Where and how to connect; all borrowed for the call. */
struct link_target {
    const char *url; /* without the station's identity */
    int security_profile;
    const char *password; /* profiles 1 and 2, or NULL */
    const char
        *trusted_pem; /* roots of the server's certificate; NULL: the configured file's, or the system's */
    const char *
        certificate_pem; /* profile 3: the station's own chain and key (PEM, or the URI of one in a token), else NULL */
    const char *key;
    bool allows_wildcards; /* in the server's certificate */
    int64_t ping_interval_ms;
};

/* What a firmware update may do while a vehicle charges. */
enum firmware_meanwhile {
    FIRMWARE_NOTHING_MEANWHILE,
    FIRMWARE_DOWNLOADS_MEANWHILE,
    FIRMWARE_INSTALLS_MEANWHILE
};

struct firmware_settings {
    bool is_possible;    /* there is something to update, and a way to do it */
    bool takes_unsigned; /* L02: images without certificate and signature, too */
    enum firmware_meanwhile transactions;
    const char *
        roots_pem; /* the manufacturer's, besides those the CSMS installs; or NULL. Borrowed for the station's life */
};

/* The gateway's part of a firmware update. CLAIM reserves the place of the update for this station (again, if it has it already; what
 * runs for an earlier claim is broken off): 0, -EBUSY (it is another's), -EINVAL (location), -EKEYREVOKED (certificate). RELEASE gives it
 * up. Both need no answer; every other step is answered by station_on_firmware_done() with the ticket, never from inside. */
enum firmware_step {
    FIRMWARE_CLAIM,
    FIRMWARE_DOWNLOAD,
    FIRMWARE_VERIFY,   /* without a certificate: only whether the image is there */
    FIRMWARE_INSTALL,  /* FIRMWARE_STARTED when it begins, then how it ended */
    FIRMWARE_CONFIRM,  /* after a restart or a power cut: is it in force? */
    FIRMWARE_ACTIVATE, /* the gateway restarts: no answer comes */
    FIRMWARE_RELEASE
};
struct firmware_job {
    enum firmware_step step;
    uint32_t ticket;
    const char *location, *certificate, *signature; /* borrowed; NULL where there is none */
    const char *trusted_pem; /* for the download by https and ftps: the CSMS's roots, or NULL */
};
enum firmware_outcome {
    FIRMWARE_DONE,
    FIRMWARE_STARTED,
    FIRMWARE_NEEDS_RESTART, /* installed; FIRMWARE_ACTIVATE brings it into force */
    FIRMWARE_NOT_SUITABLE,  /* the image is not one for this device */
    FIRMWARE_LOST,          /* the image is not there any more */
    FIRMWARE_FAILED
};

/* How many of each a CSMS may put into a station; reported in the device model. 0: the default. */
struct station_limits {
    int charging_profiles;  /* 100 */
    int display_messages;   /* 50 */
    int local_list_entries; /* 100,000 */
    int monitors;           /* 100, besides those that are there from the beginning */
    int reservations;       /* 20 */
};

/* What a certificate signing request is made of, besides a new key; borrowed for the call. */
struct csr_request {
    const char *common_name, *organization; /* organization may be "" */
};

struct station_settings {
    const char *id;
    const char *vendor, *model, *serial_number, *firmware_version; /* serial_number may be NULL */
    const char *password; /* Basic auth until the CSMS sets another; NULL: profile 0, none */
    const char *csms_url; /* until the CSMS sets a network profile */
    const char *
        trusted_pem; /* roots the configuration names for it, or NULL; more than PKI_MAX_CHAIN are not listed as installed */
    const char *certificate_pem, *key; /* of the station, both or neither; key as PEM or URI */
    int security_profile; /* of csms_url: 0 (none), 1 (Basic), 2 (Basic and TLS), 3 (certificates and TLS) */
    size_t evse_count;
    const struct evse_abilities *evses;
    const struct device_variable *variables; /* of the station as a whole; outlive it */
    size_t variable_count;
    const struct variable_preset *presets;
    size_t preset_count;
    size_t max_message; /* bytes of a WebSocket message, both ways */
    struct station_limits limits;
    struct firmware_settings firmware;
    const char *host_boot; /* another one after each start of the host; NULL: not known */
};

/* A log file that the CSMS wants (N01). Texts are borrowed for the call; times are Unix ms, INT64_MIN and INT64_MAX: no bound. */
#define LOG_FILE_NAME_SIZE 96
enum log_kind { LOG_KIND_DIAGNOSTICS, LOG_KIND_SECURITY };
struct log_request {
    enum log_kind kind;
    const char *url, *file_name; /* the URL may have a password: never to be logged */
    const char *trusted_pem;     /* roots for https and ftps, besides the system's; or NULL */
    int64_t oldest_ms, latest_ms;
};

struct station_ops {
    /* Start one attempt to connect; station_on_link_up() or station_on_link_down() follows, never from inside. */
    void (*connect)(void *ctx, const struct link_target *target);
    /* End the link; station_on_link_down() follows, never from inside. */
    void (*disconnect)(void *ctx);
    void (*set_ping_interval)(void *ctx, int64_t interval_ms);
    /* One frame to the CSMS. 0 or negative. */
    int (*send)(void *ctx, const char *text, size_t len);
    /* Write records as one atomic group; station_on_persisted() follows with the ticket, never from inside, in order.
     * 0, or negative: not taken, nothing follows. ticket 0: no answer wanted. */
    int (*persist)(void *ctx, const struct record *records, size_t count, uint32_t ticket);
    /* Move the device of an EVSE (1..); station_on_command_done() follows, never from inside. */
    void (*command)(void *ctx, int evse, const struct evse_command *command);
    /* How it goes with the device of an EVSE (1..) right now. NULL: nothing is known of it. */
    void (*device_health)(void *ctx, int evse, struct device_health *ret);
    /* Put this on the display of an EVSE (1..) that has one, in place of what was there; `display` is borrowed. May be NULL where none
     * has. */
    void (*show)(void *ctx, int evse, const struct evse_display *display);
    /* What became of a token that was presented at an EVSE (1..), or came with a remote start. May be NULL. */
    void (*answer_token)(void *ctx, int evse, bool accepted);
    /* Make the log file and send it; one at a time. station_on_log_uploaded() follows, never from inside. 0, or negative: nothing
     * follows. NULL: this station has no logs. */
    int (*upload_log)(void *ctx, const struct log_request *request);
    /* Whether there is anything of the kind and time asked for; the URL and name do not count. NULL: always. */
    bool (*has_log)(void *ctx, const struct log_request *request);
    /* Break it off: nothing follows any more. */
    void (*cancel_log)(void *ctx);
    /* A step of a firmware update; see enum firmware_step. May be NULL where none is possible. */
    int (*firmware)(void *ctx, const struct firmware_job *job);
    /* Make a key and a request for its certificate; station_on_csr() follows with the ticket, never from inside. NULL: not possible. */
    void (*make_csr)(void *ctx, const struct csr_request *request, uint32_t ticket);
    /* Every frame of the link, for logs and displays; may be NULL. */
    void (*on_frame)(void *ctx, bool outgoing, const char *text, size_t len);
};

/* Settings are copied; presets are checked by station_check_presets() before. env and ops are borrowed. NULL without memory. */
struct station *station_new(const struct env *env, const struct station_settings *settings,
                            const struct station_ops *ops, void *ctx);
void station_free(struct station *station);
DEFINE_AUTO(station, station_free)

/* Checks one preset against the device-model table: 0, or -EINVAL with what is wrong and would be right in `ret`. */
int station_check_preset(const struct variable_preset *preset, char *ret, size_t size);

/* Whether a station can have this variable of a profile, for itself or (`is_of_evse`) for an EVSE: 0, or -EINVAL with what is wrong
 * in `ret`: the gateway has one of the same name. */
int station_check_device_variable(const struct device_variable *variable, bool is_of_evse, char *ret,
                                  size_t size);

/* Before station_start(): each record kept for this station, in any order. A record that cannot be understood is logged and kept. */
void station_restore(struct station *station, enum record_kind kind, const char *key, const char *value);
/* Connects after `delay_ms` (pacing of many stations) and when the devices have told their state, or 5 s after; and lives. */
void station_start(struct station *station, int64_t delay_ms);
/* The program is about to end in order: writes down what is to be resumed. Ends no transaction. The link may be closed after it. */
void station_stop(struct station *station);

void station_on_link_up(struct station *station);
/* As enum websocket_failure (net/websocket.h). */
enum link_failure {
    LINK_LOST,
    LINK_UNREACHABLE,
    LINK_REFUSED,
    LINK_TLS_FAILED,
    LINK_TLS_CERTIFICATE,
    LINK_TLS_VERSION,
    LINK_TLS_SUITES,
    LINK_NO_SUBPROTOCOL,
    LINK_FAILURES
};
void station_on_link_down(struct station *station, enum link_failure failure, const char *text);
void station_on_frame(struct station *station, const char *text, size_t len);
/* Both PEM (the key may be a URI), borrowed; or err < 0 and NULL. */
void station_on_csr(struct station *station, uint32_t ticket, const char *csr, const char *key, int err);
void station_on_persisted(struct station *station, uint32_t ticket, int err);

/* From the charger of EVSE 1..; `signals` is copied. */
void station_on_signals(struct station *station, int evse, const struct evse_signals *signals);
/* A variable of settings.variables (evse 0) or of an EVSE's abilities has this value now; NULL: none that is good. Copied. */
void station_on_device_variable(struct station *station, int evse, size_t index,
                                const struct device_value *value);
void station_on_id_token(struct station *station, int evse, const struct id_token *token);
void station_on_command_done(struct station *station, int evse, const struct evse_command *command, int err);
/* The step of this ticket has ended, or (FIRMWARE_STARTED) begun. */
void station_on_firmware_done(struct station *station, uint32_t ticket, enum firmware_outcome outcome);

/* 0: the log is at its place; else why not: -EACCES (login), -EBADMSG (the server does not speak the protocol), -EOPNOTSUPP ... */
void station_on_log_uploaded(struct station *station, int err);

/* Puts a request to the station as its CSMS would (ocpp-cli send): the same checks, handlers and effects, while the CSMS may be out of
 * reach. Takes the reference to `payload`. The callback comes exactly once, never from inside; RPC_DISCONNECTED if the station went
 * away before it answered. */
void station_request(struct station *station, const char *action, json_t *payload, rpc_answered callback,
                     void *ctx);

/* ChargingLimitSourceEnumType: whose limit it is. The CSMS's own are the charging station operator's (CSO). */
enum limit_source { LIMIT_SOURCE_EMS, LIMIT_SOURCE_OTHER, LIMIT_SOURCE_SO, LIMIT_SOURCE_CSO, LIMIT_SOURCES };
extern const char *const limit_source_names[LIMIT_SOURCES];

#define EXTERNAL_LIMIT_MAX   1e9                         /* A or W */
#define EXTERNAL_LIMIT_MAX_S (INT64_C(10) * 366 * 86400) /* ten years */

/* A limit from outside of OCPP: of an energy management system, the grid (SO) or another (K11-K13). */
struct external_period {
    int64_t start_s; /* from now, > 0 */
    double limit;
};
struct external_limit {
    int evse;                            /* 1..; 0: of all together */
    enum limit_source source;            /* not LIMIT_SOURCE_CSO */
    bool in_watts;                       /* else A per phase */
    double limit;                        /* from now on, 0..EXTERNAL_LIMIT_MAX; a tenth is the finest */
    const struct external_period *later; /* how it changes then, in order; borrowed for the call */
    size_t later_count;
    int64_t duration_s; /* then it ends by itself; 0: until it is released */
    bool is_renewed;    /* who raises it does so again after a start: it is not kept in the store */
};
/* Takes the place of the one that this source has for the EVSE (or the station), and holds at once. 0; -ENODEV (no such EVSE),
 * -EOPNOTSUPP (its device cannot be limited), -E2BIG (more periods than PeriodsPerSchedule), -EINVAL, -ENOMEM: nothing has changed. */
int station_set_external_limit(struct station *station, const struct external_limit *limit);
/* 0, or -ENOENT: there is none. */
int station_release_external_limit(struct station *station, int evse, enum limit_source source);

/* A snapshot for displays (ocpp-cli status): registration, link, network profile, own certificate, EVSEs with connector status, transaction, limit, measured values,
 * queue lengths. New reference, or NULL without memory. */
json_t *station_status(const struct station *station);
/* Its own certificate in PEM, leaf first, that the next attempt to connect would show; borrowed. NULL: it has none. */
const char *station_certificate(const struct station *station);

/* The same in short, for lists of many: {id, vendor, model, link, linkError?, registration, messagesWaiting, eventsWaiting, evses: [{evse, state, online, status,
 * powerW?, energyWh?, currentA?, soc?, limitA?, fault?, transaction?}]}; tokens are shortened. New reference, or NULL. */
json_t *station_summary(const struct station *station);
/* Every limit that counts now, a row each: {evse, kind: "device", "chargingProfile", "external", "share" (of what the station may take) or "result", limit, unit,
 * inForce (it decides), purpose?, source?, chargingProfileId?, stackLevel?, ofStation?, until? (it changes then), takenA? (of a result: what the device took)}. New
 * reference, or NULL. */
json_t *station_limits(const struct station *station);

/* The device model with its values, as a full inventory reports it; what can only be written is left out. New reference, or NULL. */
json_t *station_inventory(struct station *station);

#endif
