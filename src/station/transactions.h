/* Blocks C, E, F (and J inside transactions): authorization and transaction of each EVSE, and the durable queue of events.
 *
 *   evse_transaction      one per EVSE: the facts that TxStartPoint and TxStopPoint speak of, the token, the transaction
 *   transactions          one per station: events stored but not acknowledged, in order
 *
 * An event's life: built (seqNo, timestamp, meter values) -> persisted with the transaction's new state in one group -> sent when it is
 * the oldest -> acknowledged -> deleted. */
#ifndef STATION_TRANSACTIONS_H
#define STATION_TRANSACTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/evse.h"
#include "base/list.h"
#include "base/timer.h"
#include "ocpp/rpc.h"

struct station;
struct evse;

#define TRANSACTION_ID_SIZE 37
#define QUEUE_MAX_EVENTS    2000 /* per station; beyond it Updated events are thinned (E04.FR.08, E12) */

/* The facts TxStartPoint and TxStopPoint name (Part 2, TxStartStopPointEnumType); one bit each. */
enum tx_point {
    TX_PARKING_BAY_OCCUPANCY = 1,
    TX_EV_CONNECTED = 2,
    TX_AUTHORIZED = 4,
    TX_DATA_SIGNED = 8,
    TX_POWER_PATH_CLOSED = 16,
    TX_ENERGY_TRANSFER = 32,
};

enum authorization { AUTHORIZATION_NONE, AUTHORIZATION_ASKED, AUTHORIZATION_GRANTED, AUTHORIZATION_REFUSED };

/* What the open AuthorizeRequest is for. */
enum asking { ASKING_NOTHING, ASKING_TO_START, ASKING_TO_STOP };

enum charging_state {
    CHARGING_STATE_CHARGING,
    CHARGING_STATE_EV_CONNECTED,
    CHARGING_STATE_SUSPENDED_EV,
    CHARGING_STATE_SUSPENDED_EVSE,
    CHARGING_STATE_IDLE,
    CHARGING_STATES
};
extern const char *const charging_state_names[CHARGING_STATES]; /* ChargingStateEnumType */

enum drive { DRIVE_UNKNOWN, DRIVE_STOPPED, DRIVE_STARTED };

struct evse_transaction {
    /* authorization (authorization.c) */
    enum authorization authorization;
    struct id_token token; /* granted; afterwards the last one that was */
    char group_token[ID_TOKEN_SIZE];
    enum asking asking;
    uint32_t question;               /* number of the AuthorizeRequest last sent */
    struct id_token asked;           /* the token last asked for */
    char asked_group[ID_TOKEN_SIZE]; /* its group as a remote start named it, or "" */
    struct timer connection_timer;   /* EVConnectionTimeOut */
    int64_t remote_start_id;         /* -1: none */
    int64_t reservation_id;          /* that it ended; -1: none */
    int key_code_failures;           /* wrong key codes in a row */
    int64_t key_code_from_ms;        /* monotonic: none is taken before */
    /* the transaction (transactions.c); id "" if none runs */
    char id[TRANSACTION_ID_SIZE];
    int priority;         /* chargingPriority; 0: none is known (K03.FR.06) */
    bool priority_is_own; /* the CSMS gave it to this transaction, not to the token (K03.FR.05) */
    uint32_t points;      /* enum tx_point that hold now */
    int32_t next_seq_no;
    enum charging_state charging_state; /* last reported */
    uint32_t owed;                      /* enum owed (transaction_events.h): what the next event must carry */
    char stopped_reason[20];            /* ReasonEnumType: why it is being stopped, once known */
    bool stopping;                      /* a stop was asked for; waits for the device until stop_timer */
    int stop_trigger;                   /* enum trigger of the event that then follows */
    bool stop_ends;                     /* ... and whether that is Ended */
    struct id_token stop_token;         /* of that event; value "" none */
    struct timer stop_timer;
    struct timer limit_timer; /* MaxTime (transaction_limits.c) */
    bool cable_left;          /* pulled out at the vehicle, and locked in the socket since */
    bool owes_cable;          /* the driver ended it: his cable is released as soon as no energy flows */
    bool token_confirmed;     /* the CSMS was told of it and did not object */
    bool token_invalid;  /* the CSMS did not accept the token; StopTxOnInvalidId is false (E05.FR.02-03) */
    bool no_more_energy; /* ... and MaxEnergyOnInvalidId is used up */
    bool resumed;        /* restored from the store, device not seen yet */
    int phases_reported; /* numberOfPhasesUsed; 0 none */
    bool unsure_times;   /* it began before the clock was set (transaction_times.c) */
    /* the device (drive.c) */
    enum drive drive, drive_tried; /* what it holds to as far as we know; what it was told last */
    uint32_t drive_ticket;         /* of the open START or STOP; 0 none */
    int drive_failures;
    bool energised;  /* START worked once in this authorization */
    bool start_held; /* its limit was 0 during that START, and it has not shown that it took it */
    struct timer drive_timer;
    /* metering (metering.c) */
    bool has_register;
    double raw_Wh;             /* the device's register as last read */
    double register_offset_Wh; /* added to the device's register, so that it never runs backwards */
    double fell_from_Wh,
        offset_before_Wh; /* raw_Wh and the offset before the register fell last; 0: it never did */
    double register_Wh;   /* last known, monotonic */
    double start_Wh;
    bool
        has_export; /* of the other direction: the register as last read, and what keeps it from running backwards */
    double export_raw_Wh, export_offset_Wh;
    int64_t register_ms; /* wall clock of register_Wh */
    int64_t started_ms;  /* wall clock */
    int64_t
        power_path_ms; /* wall clock since when authorized and connected; -1: not. Relative schedules begin here */
    int64_t charging_since_ms; /* monotonic; -1: not charging */
    int64_t charging_ms;       /* timeSpentCharging of past intervals */
    json_t *ended_samples; /* sampled values kept for the Ended event (SampledDataTxEndedInterval); bounded */
    json_t *ended_aligned;
    struct timer sample_timer, ended_sample_timer;
    struct timer save_timer;                  /* keeps the stored ending fresh between events */
    struct timer resume_timer;                /* a restored transaction whose device does not come back */
    bool trigger_meter_values, trigger_event; /* asked for by TriggerMessage */
};

struct transactions {
    struct list queue; /* of struct queued_event (transaction_queue.c), oldest first */
    size_t queued;
    uint64_t next_place; /* key of the next event in the queue */
    int attempts;        /* of the oldest */
    bool in_flight;
    struct timer retry_timer; /* MessageAttemptInterval */
    struct timer store_timer; /* what the store did not take is written again */
    int64_t store_back_off_ms;
    bool store_open;                                 /* ... and is being written */
    struct timer aligned_timer, ended_aligned_timer; /* AlignedDataInterval, AlignedDataTxEndedInterval */
    int64_t aligned_due_ms, ended_aligned_due_ms;    /* wall clock of the next boundary; 0: none */
    struct timer trigger_timer;                      /* TriggerMessage: after its answer has left */
    bool clock_known;                                /* the CSMS has told the time since the start */
    int64_t host_offset_ms,
        host_start_ms;   /* of the host's clock: to the monotonic one when last looked at; at the start */
    struct list unlocks; /* UnlockConnector requests not yet answered (remote.c) */
    struct list orphans; /* restored transactions of EVSEs that are configured no more */
};

int transactions_init(struct station *s); /* 0 or -ENOMEM */
void transactions_done(struct station *s);
void transactions_restore(struct station *s, const char *key, const char *value); /* RECORD_TRANSACTION */
void transaction_queue_restore(struct station *s, const char *key, const char *value); /* RECORD_EVENT */
void transactions_start(struct station *s);                                            /* all is restored */
void transactions_stop(
    struct station *s); /* the program ends in order: writes down how the running ones stand */
void transactions_on_signals(struct evse *e, const struct evse_signals *before);
void transactions_on_id_token(struct evse *e, const struct id_token *presented);
/* The CSMS made the EVSE inoperative: an authorization that still waits for its vehicle ends. */
void transactions_on_inoperative(struct evse *e);
void transactions_on_command_done(struct evse *e, const struct evse_command *command, int err);
/* Link and registration changes. */
void transactions_on_online(struct station *s, bool online);
/* Ends the EVSE's transaction now (all: e NULL) with this stoppedReason and triggerReason (reset B12, unavailable ...). */
void transactions_end(struct station *s, struct evse *e, const char *stopped_reason,
                      const char *trigger_reason);
bool transaction_is_running(const struct evse *e);
/* No transaction and no authorization waiting. */
bool evse_is_idle(const struct evse *e);
/* MaxEnergy or MaxTime was changed by SetVariables. */
void transaction_limits_changed(struct station *s);
/* Intervals or measurands were changed by SetVariables. */
void metering_settings_changed(struct station *s);
/* The CSMS told the time, which differs by `step_ms` from what the station had. Before the station's clock follows. */
void transactions_on_clock_set(struct station *s, int64_t step_ms);
/* The station's clock was set: clock-aligned values follow it. */
void metering_clock_changed(struct station *s);
/* TriggerMessage: MeterValues and TransactionEvent. evse NULL: all. True if something will be sent. */
bool trigger_meter_values(struct station *s, struct evse *e);
bool trigger_transaction_event(struct station *s, struct evse *e);

/* ---- for the outbox ---- */
/* Sends the oldest durable event if there is one and its time has come. True if a CALL was made. */
bool transaction_queue_send(struct station *s);
bool transaction_queue_is_empty(const struct station *s);

/* JSON for station_status(). */
json_t *transaction_status(const struct evse *e);

#endif
