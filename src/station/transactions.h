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

struct evse_transaction {
    /* authorization */
    enum authorization authorization;
    struct id_token token; /* asked for or granted */
    char group_token[ID_TOKEN_SIZE];
    struct timer connection_timer; /* EVConnectionTimeOut */
    int64_t remote_start_id;       /* -1: none */
    /* the transaction; id "" if none runs */
    char id[TRANSACTION_ID_SIZE];
    uint32_t points; /* enum tx_point that hold now */
    int32_t next_seq_no;
    int charging_state;      /* last reported, index into charging_state_names */
    bool stopping;           /* a stop was asked for; waits for the device */
    char stopped_reason[20]; /* ReasonEnumType, once known */
    /* metering */
    double register_offset_Wh; /* added to the device's register, so that it never runs backwards */
    double register_Wh;        /* last known, monotonic */
    double start_Wh;
    int64_t started_ms;    /* wall clock */
    json_t *ended_samples; /* sampled values kept for the Ended event (SampledDataTxEndedInterval); bounded */
    json_t *ended_aligned;
    struct timer sample_timer, ended_sample_timer;
    bool resumed; /* restored from the store, device not seen yet */
    /* block F and what transactions.c needs besides */
    struct transaction_private *priv;
};

struct transactions {
    struct list queue; /* of struct queued_event (transaction_queue.c), oldest first */
    size_t queued;
    uint64_t next_place; /* key of the next event in the queue */
    int attempts;        /* of the oldest */
    bool in_flight;
    struct timer retry_timer;   /* MessageAttemptInterval */
    struct timer aligned_timer; /* AlignedDataInterval */
};

int transactions_init(struct station *s); /* 0 or -ENOMEM */
void transactions_done(struct station *s);
void transactions_restore(struct station *s, const char *key, const char *value); /* RECORD_TRANSACTION */
void transaction_queue_restore(struct station *s, const char *key, const char *value); /* RECORD_EVENT */
void transactions_start(struct station *s);                                            /* all is restored */
void transactions_on_signals(struct evse *e, const struct evse_signals *before);
void transactions_on_id_token(struct evse *e, const struct id_token *token);
void transactions_on_command_done(struct evse *e, const struct evse_command *command, int err);
/* Link and registration changes. */
void transactions_on_online(struct station *s, bool online);
/* Ends the EVSE's transaction now (all: e NULL) with this stoppedReason and triggerReason (reset B12, unavailable ...). */
void transactions_end(struct station *s, struct evse *e, const char *stopped_reason,
                      const char *trigger_reason);
bool transaction_is_running(const struct evse *e);
/* No transaction and no authorization waiting. */
bool evse_is_idle(const struct evse *e);
/* Intervals or measurands were changed by SetVariables. */
void metering_settings_changed(struct station *s);
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
