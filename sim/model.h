/* What stands behind every simulated charger: one EVSE, the car at it, and its meter. Pure: time, chance and the
 * one timer come from env, so that a test runs a whole night in a moment.
 *
 *   contactor = powered, no fault, plugged, enabled, limit >= 6 A, the car wants energy; 200..500 ms later
 *   current   = min(limit, what the car takes at its state of charge), per phase
 *   energy   += sum over phases of voltage * current * time * speed
 *
 * The current is constant from one event to the next (a tick each 200 ms while charging is one), so the energy
 * is the exact integral, whenever and however often somebody reads. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"

#define MODEL_PHASES        3
#define MODEL_MIN_CURRENT_A 6.0 /* IEC 61851-1: the pilot can offer no less */
#define MODEL_TAG_SIZE      21  /* a UID of 4, 7 or 10 bytes in hex */
#define MODEL_ID_SIZE       25
#define MODEL_DISPLAY_SIZE  41

enum model_state {
    MODEL_NO_VEHICLE,     /* A */
    MODEL_CONNECTED,      /* B: not enabled, or the contactor is about to close */
    MODEL_SUSPENDED_EV,   /* B: offered, the car does not take it */
    MODEL_SUSPENDED_EVSE, /* C: the car may want it, the limit is below 6 A */
    MODEL_CHARGING,       /* C */
    MODEL_FAULTED,        /* F */
    MODEL_STATES
};
extern const char *const model_state_names[MODEL_STATES]; /* "no_vehicle", ... */

struct model_settings {
    int phases;           /* 1 or 3 */
    double voltage_V;     /* nominal, phase to neutral */
    double max_current_A; /* of the EVSE; the limit at power-up */
    double energy_Wh;     /* of the meter at the start */
    double speed;         /* cars fill (and meters count) this much faster; power and current stay true */
    int64_t watchdog_ms;  /* at power-up; 0: off */
    bool keeps_limit;     /* the limit survives a power cut */
    bool stops_at_unplug; /* enable falls when the car leaves */
};

struct vehicle {
    double capacity_Wh, charged_Wh;
    double max_current_A;
    int phases;
    bool ready; /* wants energy, if not full */
    char id[MODEL_ID_SIZE];
};

enum model_event { MODEL_CONTACTOR, MODEL_TICK, MODEL_TAG_GONE, MODEL_WATCHDOG, MODEL_RESTART, MODEL_EVENTS };

/* What is told of by on_change. */
struct model_news {
    enum model_state state;
    double effective_limit_A;
    bool powered, occupied, enabled, contactor, locked, lock_failed, watchdog_expired, ready;
    uint16_t fault;
    char tag[MODEL_TAG_SIZE], display[MODEL_DISPLAY_SIZE];
    uint16_t lamp;
};

struct model {
    const struct env *env;
    struct model_settings settings;
    bool cable_left; /* by a car that went: its end is still in the socket */
    bool powered, parked, plugged, enabled, contactor, locked, metered;
    bool lock_breaks;      /* the bolt does not hold a plug */
    bool watchdog_expired; /* nobody wrote the keepalive: at most 6 A */
    uint16_t fault;        /* 0: none */
    double limit_A;
    double ambient_C;       /* temperature around the device */
    uint32_t switched;      /* how often the contactor closed, ever */
    struct vehicle vehicle; /* while plugged */
    double current_A;       /* per phase in use, since time_ms */
    double energy_Wh;       /* the meter's register at time_ms */
    int64_t watchdog_ms;
    char tag[MODEL_TAG_SIZE];         /* upper-case hex of the card shown; "" none */
    char display[MODEL_DISPLAY_SIZE]; /* what it shows */
    uint16_t lamp;                    /* how its lamp burns */
    int phases;                       /* used of those there are */
    int64_t time_ms;                  /* the model is worked out up to here */
    int64_t due_ms[MODEL_EVENTS];
    struct timer timer;
    struct model_news told;
    void (*on_change)(void *ctx); /* something in struct model_news changed; may be NULL */
    void *ctx;
};

/* 3 phases, 230 V, 32 A, speed 1, no watchdog, meter at 0. */
struct model_settings model_default_settings(void);
/* env is borrowed. The device has power, no car, and is not enabled. */
void model_init(struct model *m, const struct env *env, const struct model_settings *settings,
                void (*on_change)(void *ctx), void *ctx);
void model_done(struct model *m);
/* Works it out up to now. Everything below does it, too. */
void model_update(struct model *m);

/* 40 kWh, 20 % full, 16 A, 3 phases, ready. */
struct vehicle vehicle_default(void);
/* 0, -EBUSY (a car is there). */
int model_plug(struct model *m, const struct vehicle *vehicle);
/* `at_car`: the cable stays in the socket, locked as it was, and is drawn there by a second call. 0, -ENOENT (no cable there), -EBUSY (what
 * is left of it is locked). */
int model_unplug(struct model *m, bool at_car);
/* A car stands in the bay, plugged in or not. One that is plugged in stands there in any case. */
void model_park(struct model *m, bool parked);
/* The car asks for energy or not. 0, -ENOENT. */
int model_set_ready(struct model *m, bool ready);
/* `uid` is 8, 14 or 20 hex digits; shown for 10 s or until acknowledged. 0, -EINVAL, -ENODEV (no power). */
int model_tap(struct model *m, const char *uid);
void model_acknowledge_tag(struct model *m);
/* What does not fit is cut off. */
void model_set_display(struct model *m, const char *text);
/* 0 (off) to 3 (flashes). 0, -ERANGE. */
int model_set_lamp(struct model *m, double state);
/* How many of its phases it uses, 1 or all. 0, -ERANGE. */
int model_set_phases(struct model *m, double phases);
/* 0 clears. */
void model_set_fault(struct model *m, uint16_t code);
void model_set_enabled(struct model *m, bool enabled);
/* Below 6 A: pause. 0, -ERANGE (negative, or above what the EVSE can). */
int model_set_limit(struct model *m, double limit_A);
/* 0, -EBUSY while current may flow. */
int model_unlock(struct model *m);
/* From now on the lock holds no plug, or does again. */
void model_set_lock_breaks(struct model *m, bool breaks);
/* -40..125 °C around it. 0, -ERANGE. */
int model_set_ambient(struct model *m, double ambient_C);
/* Inside: half a kelvin warmer for each ampere that flows. */
double model_temperature_C(const struct model *m);
/* There is a plug to hold, and the lock cannot. */
bool model_lock_failed(const struct model *m);
void model_set_watchdog(struct model *m, int64_t timeout_ms);
void model_keep_alive(struct model *m);
void model_set_meter(struct model *m, double energy_Wh);
void model_set_metered(struct model *m, bool metered);
/* Off: contactor opens, card and session are forgotten. On again: not enabled; the meter kept its register. */
void model_power(struct model *m, bool on);
/* Off, and on again after `after_ms`. */
void model_restart(struct model *m, int64_t after_ms);

enum model_state model_state(const struct model *m);
/* The limit in force: the watchdog's included. */
double model_effective_limit_A(const struct model *m);
bool model_vehicle_wants_energy(const struct model *m);
bool model_bay_is_occupied(const struct model *m);
/* phase is 0..2; 0 for a phase that is not there. */
double model_current_A(const struct model *m, int phase);
double model_voltage_V(const struct model *m, int phase);
double model_power_W(const struct model *m);
/* 0..100; 0 without a car. */
double model_soc_percent(const struct model *m);

#endif
