/* The inside of a charger, shared by charger.c (values and signals), wish.c (what is asked of the device)
 * and job.c (how it is done, step by step).
 *
 * variable.c makes of values what the device model shows.
 *
 *     charger_command() -> wish.c: what is to be -> job.c: steps -> device_ops.write ... -> wish.c: what came of it */
#ifndef CHARGER_CHARGER_INTERNAL_H
#define CHARGER_CHARGER_INTERNAL_H

#define SETTLE_MAX_MS 2000 /* what waits for a reading of the meter waits no longer than that */
#define LEAVES_MS     3000 /* so long a device that restarts may still answer */

#include "charger/charger.h"
#include "charger/expression.h"
#include "charger/value.h"

/* A command from its acceptance until its end was told. */
struct order {
    struct order *next;
    struct evse_command command;
    int evse, err;
};

enum slot {
    SLOT_SWITCH, /* start, stop, and the pause of a limit below the minimum */
    SLOT_LIMIT,
    SLOT_UNLOCK,
    SLOT_RESET,
    SLOT_ACKNOWLEDGE,
    SLOT_DISPLAY,
    SLOT_ANSWER, /* to a token */
    EVSE_SLOTS,
    SLOT_SETUP = EVSE_SLOTS,
    SLOT_KEEPALIVE,
};

enum job_state {
    JOB_IDLE,
    JOB_PENDING, /* waits for its turn */
    JOB_READING, /* what a persistent point holds, before it is perhaps not written */
    JOB_WRITING, /* a write is with the device */
    JOB_WAITING,
    JOB_UNTIL,
};

/* One row of steps being done. There is one per slot, so that two of a kind never write at the same time. */
struct job {
    struct charger *charger;
    const struct steps *steps;
    struct order *order;       /* NULL: nobody waits for the end */
    const struct point *point; /* being written, and the value: one of the two */
    char *text;
    double number;
    double limit_A;
    int64_t due_ms;            /* WAITING: on with it; UNTIL: given up */
    int64_t read_ms;           /* UNTIL: read again */
    uint16_t at, reads;        /* step; reads that have not come back */
    uint8_t evse, slot, state; /* evse 1.., 0 for the charger's own */
    bool is_start;             /* SWITCH */
    bool discarded; /* the write on its way belongs to a job that is over; then to again, or idle */
    bool again, wrote, looked; /* looked: what this step must know before it writes was read */
    bool verifying;            /* UNTIL: the point that was written holds what was written */
    bool unread;               /* UNTIL: a point could not be read, so the condition says nothing */
    int err;                   /* of a step that does not end the row: setup, keepalive */
};

enum wish { WISH_NONE, WISH_START, WISH_STOP };

struct outlet {
    struct evse_signals signals;
    enum wish wish;        /* what the station asked for last */
    enum wish applied;     /* what the device was last brought to */
    double bound_A;        /* of the installation; NAN: none */
    double asked_A;        /* within that; NAN: nothing */
    int asked_phases;      /* 0: all */
    double applied_A;      /* NAN: not known */
    int limit_err;         /* of the last try to apply asked_A */
    int64_t held_ms;       /* a change of state is held until then, or until its meter was read; 0: none */
    int settling;          /* reads of the meter that have not come back */
    struct order *stopped; /* a stop that is done but for the reading of its meter; NULL: none */
    int64_t stopped_ms;    /* until then it waits */
    struct order *reset;   /* done but for the device being back; NULL: none */
    int64_t leaves_ms;     /* until then it may answer and yet be about to leave; 0: what it says counts */
    int asking;            /* reads of the state after that which have not come back */
    int64_t retry_ms;      /* what failed with nobody to be told is tried again; 0: none */
    uint8_t failures;      /* of that kind, one after the other */
    bool baseline;         /* the next token seen was there before we came: it is no presentation */
    bool unacknowledged;   /* the token as presented now was told, but the device does not know */
    char token[ID_TOKEN_SIZE]; /* as presented now; "": none */
    char *display_text;        /* what is to be shown; NULL: nobody has said */
    enum display_priority display_priority;
    bool displayed; /* the device has it, or has refused it */
    struct job jobs[EVSE_SLOTS];
};

/* What was told of a variable of the profile last. */
struct shown {
    char *text; /* DEVICE_STRING with a value */
    double number;
    bool is_known;
};

struct charger {
    const struct env *env;
    const struct profile *profile;
    const struct charger_events *events;
    void *ctx;
    struct device *device;
    const struct device_ops *ops;
    struct timer timer;
    bool has_scale_points;
    bool online, ready, changed, advancing; /* ready: the setup was done since it came online */
    int64_t armed_ms;                       /* what the timer is set to; 0: off */
    int64_t stale_ms;                       /* the next value may be too old; 0: none */
    int64_t keepalive_ms;                   /* next; 0: none */
    int64_t identify_ms;                    /* ask again who it is; 0: not */
    bool identifying, stranger;             /* the question is with the device; the answer was a wrong one */
    int64_t setup_ms;                       /* the setup is done again, for a step got no answer; 0: no */
    struct order *finished, **finished_end;
    struct job setup, keepalive;
    struct point_value *values;
    struct outlet *outlets;
    struct shown *shown; /* by the profile's variables; NULL: it has none */
};

/* ---- charger.c ---- */

/* The point has this value now: from the device, or acknowledged by it. */
void charger_store(struct charger *c, const struct point *point, const struct value *value);
/* What the point holds cannot be told until it is read again. */
void charger_doubt(struct charger *c, const struct point *point);
void charger_evaluate(struct charger *c);
/* Sets the timer to whatever is due first. */
void charger_arm(struct charger *c);
/* Asks for the energy registers of the outlet anew. True if answers are to be waited for (outlet.settling). */
bool charger_read_registers(struct charger *c, struct outlet *o);
double charger_power_of(const struct charger *c, const struct point *point);
/* False: the point is scaled by another whose value is not known. */
bool charger_has_scale(const struct charger *c, const struct point *point);

/* The device answers and is the right one. */
void charger_come_online(struct charger *c);

/* ---- variable.c ---- */

/* Tells of the profile's variables that have another value now. */
void variables_evaluate(struct charger *c);
void variables_done(struct charger *c);

/* ---- identity.c ---- */

bool identity_is_asked(const struct charger *c);
/* Asks the device; charger_come_online() follows if it is the right one. */
void identity_ask(struct charger *c);
void identity_forget(struct charger *c);

/* ---- job.c ---- */

void job_begin(struct job *job, const struct steps *steps, struct order *order, double limit_A);
/* Ends it without a result; its order is the caller's. */
struct order *job_cancel(struct job *job);
bool job_is_idle(const struct job *job);
void job_run(struct job *job);
/* Something was read, or time has passed. */
void job_on_news(struct job *job);
int64_t job_due_ms(const struct job *job);

/* ---- wish.c ---- */

struct job *charger_job(struct charger *c, size_t n); /* all of them, NULL after the last */
/* What the start of a device that a limit starts sets it to. */
double wish_start_limit_A(const struct charger *c, const struct outlet *o);
void wish_on_online(struct charger *c);
void wish_on_offline(struct charger *c);
/* Starts what may start now. */
void wish_advance(struct charger *c);
void wish_on_job_done(struct job *job, int err);
void order_finish(struct charger *c, struct order *order, int err);
/* Tells of finished orders. Only from the timer, never from inside a call. */
void wish_tell(struct charger *c);
/* The meter was read, or that took too long: a stop that waited for it is told. */
void wish_on_settled(struct outlet *o);
/* A device that restarts has had the time to leave: what it said before does not count. */
void wish_on_left(struct charger *c, struct outlet *o);
/* The state of the outlet is known: a reset that waited for it is told. */
void wish_on_state(struct charger *c, struct outlet *o);
/* Lets the device know that the token was taken. */
void wish_acknowledge(struct charger *c, int evse);
/* The time has come to try again what failed. */
void wish_retry(struct charger *c, struct outlet *o);

#endif
