/* Shared by the files of the engine (engine.h). */
#ifndef DRIVER_OCPP16_INTERNAL_H
#define DRIVER_OCPP16_INTERNAL_H

#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/ring.h"
#include "charger/ocpp16_point.h"
#include "driver/ocpp16/engine.h"
#include "ocpp/rpc.h"
#include "ocpp/secrets.h"

#define TAG_SIZE 21 /* idTag: CiString20 */

/* What the charger waits for an answer to. */
enum waiting { WAITING_NONE, WAITING_AUTHORIZE, WAITING_START };

struct session { /* a transaction at the charger */
    bool runs;
    int64_t id; /* ours */
    char id_tag[TAG_SIZE];
    int64_t meter_start_Wh; /* -1: not known */
    int64_t started_ms;     /* by the charger's clock */
    bool is_authorized;     /* the station asked for it */
    bool is_remote;         /* the tag is one that we made */
    int64_t stop_asked_ms;  /* the charger was told to end it; 0: not */
    bool is_confirmed;      /* since the link is up, the charger has shown that it still runs */
};

struct connector {
    struct device *device;
    int number; /* 0: the charge point as a whole */
    char status[21], error_code[32], vendor_error_code[51], info[51];
    char shown[21];  /* the status that the charger layer sees */
    bool has_status; /* told since the link is up */
    struct session session;
    int64_t stopped_id;    /* of the session before; 0: none */
    bool may_run;          /* START was the last wish */
    bool card_first;       /* a token was accepted before a vehicle was there: Preparing tells of none */
    char id_tag[TAG_SIZE]; /* presented now */
    char accepted_tag[TAG_SIZE]; /* the charger was told that it may start with it */
    char remote_tag[TAG_SIZE];   /* of a RemoteStartTransaction */
    double unauthorized_Wh;
    enum waiting waiting;
    struct rpc_request request; /* ... the request that waits */
    struct session asked;       /* ... what it is about */
    int64_t metered_ms;         /* when a reading came last */
    bool triggered;             /* readings were asked for */
    struct timer answer_timer;  /* the request has waited too long */
    struct timer start_timer;   /* an accepted token has started nothing */
    struct timer hold_timer;    /* a status that ends the session waits for StopTransaction */
    struct timer clear_timer;   /* of id_tag */
    struct timer offline_timer; /* what was before an offline session is being told */
    struct timer read_timer;    /* readings that were asked for have not come */
};

/* A CALL of ours that waits for its turn, or a read or write that has ended and is not yet told. */
struct call {
    struct list link;
    struct device *device;
    const char *action;
    json_t *payload, *second;  /* second: another CALL of the same action, done after it */
    const struct point *point; /* NULL: a trigger, or nobody waits */
    int connector;             /* a trigger of MeterValues: its connector; else -1 */
    bool is_reset;
    device_done callback;
    void *ctx;
    int err;
};

/* So many per minute. */
struct allowance {
    int64_t since_ms;
    int used;
};

struct datum { /* of a point */
    double number;
    char *text;
    bool is_known, told; /* told: the charger layer has a value of it */
    int64_t sampled_ms;  /* by the charger's clock */
};

struct device {
    const struct env *env;
    char identity[OCPP16_IDENTITY_SIZE];
    const struct profile *profile;
    struct ocpp16_options options;
    struct device_events events;
    void *ctx;
    struct device_health health;
    void (*on_free)(void *ctx);
    void *on_free_ctx;
    const struct ocpp16_link *link;
    void *link_ctx;
    struct rpc *rpc;
    bool connected, online; /* online: it has booted, or was up before */
    bool told, told_online; /* ... as the charger layer knows */
    bool restarted;         /* ... it is to hear that it was away */
    bool boot_asked;        /* a BootNotification that we asked for is no restart */
    int offline_err;
    int64_t opened_wall_ms, online_ms;
    struct connector *connectors;
    int connector_count; /* numbers 0..connector_count - 1 */
    struct datum *data;  /* by point */
    struct list calls, reads, done;
    size_t call_count; /* in all three */
    struct call *open; /* its CALL is under way */
    int timeouts;      /* in a row */
    char vendor[21], model[21], serial_number[26], firmware[51];
    int64_t last_id; /* of a transaction */
    int64_t last_profile;
    int64_t rate_since_ms;
    int rate;
    struct allowance warnings, unasked; /* per minute: lines in the log; transactions that nobody asked for */
    struct ring frames;
    struct timer news; /* tells what there is to tell */
    struct timer
        greet; /* nothing was heard of a charger that has connected; or it is time to ask for what it did not say */
    struct timer reset; /* it was told to restart and is still there */
};

static inline int64_t now_ms_of(const struct device *device)
{
    return env_now_ms(device->env);
}

/* ---- engine.c ---- */

/* Lets the charger layer know, soon, what has changed. */
void device_tell(struct device *device);
/* The charger talks; `booted`: it has just started. */
void device_come_online(struct device *device, bool booted);
void device_go_offline(struct device *device, int err);
/* For diagnostics: a frame that is sent. */
void device_keep_sent(struct device *device, const char *text, size_t len);
/* What a charger can bring about as often as it likes is not told, or done, as often. */
bool device_may(struct device *device, struct allowance *allowance);
struct connector *device_connector(struct device *device,
                                   int64_t number); /* NULL: the profile has none such */

/* What a charger can bring about again and again fills no log. */
#define WARN(device, ...)                                                                                    \
    do {                                                                                                     \
        if (device_may(device, &(device)->warnings))                                                         \
            log_warn(LOG_OCPP16, __VA_ARGS__);                                                               \
    } while (0)

/* ---- engine_calls.c ---- */

/* Queues a CALL; takes both payloads. Writes go before reads and triggers. 0, -ENOBUFS, -ENOMEM. */
int calls_add(struct device *device, const char *action, json_t *payload, json_t *second,
              const struct call *what);
/* A read or write that needs no CALL: its end is told with the next news. */
int calls_end_at_once(struct device *device, const struct call *what, int err);
/* A read that waits for readings of its connector. */
int calls_await_reading(struct device *device, struct connector *connector, const struct call *what);
void calls_on_reading(struct connector *connector, int err);
void calls_send_next(struct device *device);
/* Tells the ends of reads and writes. */
void calls_tell(struct device *device);
void calls_fail_all(struct device *device, int err);
void calls_free_all(struct device *device);
/* requestedMessage of TriggerMessage; connector < 0: of none. */
void calls_trigger(struct device *device, const char *message, int connector);

/* ---- engine_requests.c ---- */

extern const struct rpc_ops ocpp16_rpc_ops;

/* ---- engine_transactions.c ---- */

void connector_init(struct connector *connector, struct device *device, int number);
void connector_done(struct connector *connector);
void connector_on_closed(struct connector *connector);
/* Each answers the request, now or later. */
void on_authorize(struct device *device, const struct rpc_request *request);
void on_start_transaction(struct device *device, const struct rpc_request *request);
void on_stop_transaction(struct device *device, const struct rpc_request *request);
void connector_on_status(struct connector *connector, const char *status);
/* A reading that names this transaction. */
void connector_on_transaction_seen(struct connector *connector, int64_t id);
/* Commands of the charger layer, for which `what` waits. */
int connector_start(struct connector *connector, const struct call *what);
int connector_stop(struct connector *connector, const struct call *what);
int connector_limit(struct connector *connector, const struct call *what, double limit);
void connector_answer_token(struct connector *connector, bool accepted);
void connector_restore(struct connector *connector, const char *value);
/* A vehicle is plugged in, as far as can be told. */
bool connector_is_plugged(struct connector *connector);
/* What the charger layer is to see now: the status, unless it waits for what belongs before it. */
const char *connector_shown_status(struct connector *connector);
/* Nothing spoke against it that the session which ran before the link was lost still runs. */
void connector_confirm(struct connector *connector);

/* ---- engine_meter.c ---- */

/* The MeterValues or transactionData of a message. `is_certain`: they belong to the session that is told of. */
void meter_on_values(struct connector *connector, const json_t *meter_values, bool is_certain);
/* The session is over: what flowed in it flows no more, and is not known until it is told again. */
void meter_forget_flow(struct connector *connector);
/* meterStart, meterStop: it is so, whatever was read before. */
void meter_set_register(struct connector *connector, int64_t Wh);

#endif
