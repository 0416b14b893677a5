/* Inside the station: what its functional blocks share. No one above station/ includes this.
 *
 * Each block has a file with its state (struct in its header), its table of handlers and its hooks; station.c puts them together and
 * says who hears of what in which order. */
#ifndef STATION_INTERNAL_H
#define STATION_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/evse.h"
#include "base/timestamp.h"
#include "ocpp/rpc.h"
#include "station/auth_cache.h"
#include "station/availability.h"
#include "station/certificates.h"
#include "station/device_variables.h"
#include "station/diagnostics.h"
#include "station/display.h"
#include "station/external_limit.h"
#include "station/firmware.h"
#include "station/known_token.h"
#include "station/local_list.h"
#include "station/lock.h"
#include "station/monitoring.h"
#include "station/network.h"
#include "station/network_profiles.h"
#include "station/notify_event.h"
#include "station/outbox.h"
#include "station/profile_store.h"
#include "station/provisioning.h"
#include "station/reservation.h"
#include "station/security.h"
#include "station/smart_charging.h"
#include "station/station.h"
#include "station/tariff.h"
#include "station/transactions.h"
#include "station/variables.h"

struct evse {
    struct station *station;
    int id; /* 1.. */
    struct evse_abilities abilities;
    struct evse_signals signals; /* the latest */
    bool is_held;                /* by a reservation (reservation.h) */
    bool is_heard;               /* the device told its state since the start, or is known to be silent */
    struct evse_availability availability; /* availability.h */
    struct evse_lock lock;                 /* lock.h */
    struct evse_transaction tx;            /* transactions.h: authorization and transaction of this EVSE */
    struct evse_limit limit;               /* smart_charging.h */
    uint32_t reset_ticket;                 /* EVSE_RESET not yet answered, or 0 */
    int reset_attempts;                    /* of it, before this one */
    struct device_values device_values;    /* device_variables.h */
    struct evse_screen screen;             /* display.h */
    struct evse_tariff *tariff;            /* tariff.h; NULL: nothing to tell the driver */
};

struct customer_report; /* customer.c */
void customer_init(struct station *s);
void customer_restore(struct station *s, const char *key); /* RECORD_STATE "forget/..." */
void customer_done(struct station *s);

struct station {
    const struct env *env;
    const struct station_ops *ops;
    void *ctx;
    char id[STATION_ID_SIZE];
    char *vendor, *model, *serial_number, *firmware_version, *csms_url, *password, *host_boot;
    int security_profile; /* reached: grows only (A05) */
    int configured_security_profile;
    size_t max_message;
    struct station_limits limits; /* none is 0 */
    struct rpc *rpc;
    struct outbox outbox;
    struct network network;           /* link and back-off */
    struct network_profiles profiles; /* where it leads */
    struct certificates certificates;
    struct provisioning provisioning; /* registration, heartbeat, clock, reset */
    struct availability availability;
    struct transactions transactions; /* station-wide part: event queue, sequence */
    struct smart_charging smart_charging;
    struct reservations reservations;
    struct profile_store profile_store; /* charging profiles */
    struct list external_limits;        /* external_limit.c */
    struct auth_cache auth_cache;
    struct local_list local_list;
    struct monitoring monitoring;
    struct events events; /* for NotifyEvent */
    struct diagnostics diagnostics;
    struct display display;
    struct customer_report *customer_report; /* being sent, or NULL; customer.c */
    struct list leavers;               /* tokens to be forgotten when their session is over; customer.c */
    struct firmware firmware;          /* the update under way, or the last one */
    struct security security;          /* security events not yet answered */
    struct variable_values *variables; /* what differs from the table; variables.c */
    struct device_variables device_variables; /* rows and values that its devices bring */
    struct report *report;                    /* the one being sent, or NULL; report.c */
    struct list persist_waiting;              /* callbacks of station_persist() */
    uint32_t next_ticket;
    bool started, stopping, freeing;
    size_t evse_count;
    struct evse *evses;
};

/* EVSE 1.., or NULL. */
struct evse *station_evse(struct station *s, int64_t id);

/* ---- handlers of the CSMS's CALLs: each block has a table of rows, station.c looks through them ---- */

/* What is answered before the registration is Accepted (B02); after a Rejected it is always SecurityError (B03.FR.08). */
enum handler_when {
    WHEN_ACCEPTED,               /* else SecurityError */
    WHEN_ACCEPTED_ELSE_REJECTED, /* else status Rejected (B02.FR.05) */
    WHEN_PENDING_TOO
};
struct handler {
    const char *action;
    enum handler_when when;
    /* Answers by rpc_result()/rpc_error() on s->rpc, at once or (with a copy of *request) later. */
    void (*handle)(struct station *s, const struct rpc_request *request);
};
/* Each ends with a row of NULL. */
extern const struct handler provisioning_handlers[], variables_handlers[], availability_handlers[],
    transactions_handlers[], remote_handlers[], smart_charging_handlers[], data_transfer_handlers[],
    report_handlers[], trigger_handlers[], network_profiles_handlers[], auth_cache_handlers[],
    local_list_handlers[], reservation_handlers[], diagnostics_handlers[], customer_handlers[],
    firmware_handlers[], certificates_handlers[], signing_handlers[], monitoring_handlers[],
    display_handlers[], tariff_handlers[];

/* {"status": status} and, if reason is not NULL, statusInfo.reasonCode (at most 20 characters). */
void answer_status(struct station *s, const struct rpc_request *request, const char *status,
                   const char *reason);

/* Answers a request that has more items than ItemsPerMessage or more bytes than BytesPerMessage allows with a CALLERROR (B06.FR.16,
 * B06.FR.17, B08.FR.17, B08.FR.18). True if it did. */
bool refuse_too_large(struct station *s, const struct rpc_request *request, const json_t *items,
                      enum variable_id items_limit, enum variable_id bytes_limit);

/* ---- services ---- */

/* The station's clock: the host's wall clock corrected by the CSMS's time, where ClockCtrlr.TimeSource has Heartbeat. */
int64_t station_wall_ms(const struct station *s);
/* The same as a JSON string. */
json_t *station_timestamp(const struct station *s);

/* Registered and the link up: ordinary messages can be sent. */
bool station_is_accepted(const struct station *s);
/* As the CSMS and the offline rules see it: link up and last registration Accepted. */
bool station_is_online(const struct station *s);

/* The Basic auth password in force, or NULL: set by the CSMS, else from the configuration. Never to be logged or reported. */
const char *station_password(const struct station *s);

/* Writes records durably. callback (may be NULL) comes once, never from inside; err 0 or why not. If the store does not even take
 * it, the callback comes with the error in a zero-delay timer. When the station is freed, it comes with -ECANCELED and s->freeing set:
 * then it releases ctx and does nothing else. */
typedef void (*persisted)(struct station *s, void *ctx, int err);
void station_persist(struct station *s, const struct record *records, size_t count, persisted callback,
                     void *ctx);

/* Never 0, and not used by anyone who still waits. */
uint32_t station_new_ticket(struct station *s);

/* Sends a command to the device; the result comes to every block's ..._on_command_done. Returns its ticket (never 0). */
uint32_t station_command(struct station *s, struct evse *e, enum evse_command_kind kind, double limit_A);

/* Queues a SecurityEventNotification if the type is critical (A04; Appendix 1), logs it in any case. */
void security_event(struct station *s, const char *type, const char *tech_info);

#endif
