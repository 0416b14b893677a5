/* The charger, its car and its meter; see model.h for the rules. */
#include "sim/model.h"

#include <errno.h>
#include <math.h>

#include "base/str.h"

#define TICK_MS             200
#define CONTACTOR_MIN_MS    200
#define CONTACTOR_SPREAD_MS 300
#define TAG_SHOWN_MS        10000
#define TAPER_FROM          0.8 /* state of charge where the car begins to take less ... */
#define TAPER_TO            0.1 /* ... down to this part of its current when full */
#define WATCHDOG_LIMIT_A    6.0
#define LINE_RESISTANCE_OHM 0.1 /* 16 A pull the voltage down by 1.6 V */
#define WH_PER_W_MS         (1.0 / 3600000.0)
#define FULL_WITHIN_WH      1e-6

/* A real supply is never quite symmetrical. */
static const double phase_offset_V[MODEL_PHASES] = { 0.0, 0.6, -0.4 };

const char *const model_state_names[MODEL_STATES] = {
    [MODEL_NO_VEHICLE] = "no_vehicle",     [MODEL_CONNECTED] = "connected",
    [MODEL_SUSPENDED_EV] = "suspended_ev", [MODEL_SUSPENDED_EVSE] = "suspended_evse",
    [MODEL_CHARGING] = "charging",         [MODEL_FAULTED] = "faulted",
};

struct model_settings model_default_settings(void)
{
    return (struct model_settings){ .phases = 3, .voltage_V = 230, .max_current_A = 32, .speed = 1 };
}

struct vehicle vehicle_default(void)
{
    return (struct vehicle){
        .capacity_Wh = 40000, .charged_Wh = 8000, .max_current_A = 16, .phases = 3, .ready = true
    };
}

/* ---- what follows from the state ---- */

double model_effective_limit_A(const struct model *m)
{
    return m->watchdog_expired ? fmin(m->limit_A, WATCHDOG_LIMIT_A) : m->limit_A;
}

static bool vehicle_is_full(const struct vehicle *v)
{
    return v->charged_Wh >= v->capacity_Wh - FULL_WITHIN_WH;
}

bool model_bay_is_occupied(const struct model *m)
{
    return m->parked || m->plugged;
}

bool model_vehicle_wants_energy(const struct model *m)
{
    return m->plugged && m->vehicle.ready && !vehicle_is_full(&m->vehicle);
}

enum model_state model_state(const struct model *m)
{
    if (m->fault)
        return MODEL_FAULTED;
    if (!m->plugged)
        return MODEL_NO_VEHICLE;
    if (!m->enabled)
        return MODEL_CONNECTED;
    if (model_effective_limit_A(m) < MODEL_MIN_CURRENT_A)
        return MODEL_SUSPENDED_EVSE;
    if (!model_vehicle_wants_energy(m))
        return MODEL_SUSPENDED_EV;
    return m->contactor ? MODEL_CHARGING : MODEL_CONNECTED;
}

static bool phase_is_used(const struct model *m, int phase)
{
    return phase < m->settings.phases && phase < m->phases && phase < m->vehicle.phases;
}

double model_current_A(const struct model *m, int phase)
{
    return phase_is_used(m, phase) ? m->current_A : 0;
}

double model_voltage_V(const struct model *m, int phase)
{
    if (phase >= m->settings.phases)
        return 0;
    return m->settings.voltage_V + phase_offset_V[phase] - LINE_RESISTANCE_OHM * model_current_A(m, phase);
}

double model_power_W(const struct model *m)
{
    double power_W = 0;
    for (int phase = 0; phase < MODEL_PHASES; phase++)
        power_W += model_voltage_V(m, phase) * model_current_A(m, phase);
    return power_W;
}

double model_soc_percent(const struct model *m)
{
    return m->plugged ? 100 * m->vehicle.charged_Wh / m->vehicle.capacity_Wh : 0;
}

static double vehicle_current_A(const struct vehicle *v)
{
    double over = (v->charged_Wh / v->capacity_Wh - TAPER_FROM) / (1 - TAPER_FROM);
    if (over <= 0)
        return v->max_current_A;
    return v->max_current_A * (1 - (1 - TAPER_TO) * fmin(over, 1));
}

/* ---- time ---- */

static void integrate(struct model *m, int64_t until_ms)
{
    double energy_Wh = model_power_W(m) * (double)(until_ms - m->time_ms) * WH_PER_W_MS * m->settings.speed;
    m->time_ms = until_ms;
    if (!m->plugged)
        return;
    energy_Wh = fmin(energy_Wh, m->vehicle.capacity_Wh - m->vehicle.charged_Wh);
    m->vehicle.charged_Wh += energy_Wh;
    m->energy_Wh += energy_Wh;
}

static void rearm(struct model *m)
{
    int64_t next_ms = -1;
    for (int i = 0; i < MODEL_EVENTS; i++) {
        if (m->due_ms[i] >= 0 && (next_ms < 0 || m->due_ms[i] < next_ms))
            next_ms = m->due_ms[i];
    }
    if (next_ms < 0)
        timer_stop(&m->timer);
    else
        timer_start_at(&m->timer, next_ms);
}

/* Contactor and current follow from everything else, after each change of it. */
static void settle(struct model *m)
{
    bool wanted = m->powered && !m->fault && m->enabled && model_vehicle_wants_energy(m) &&
                  model_effective_limit_A(m) >= MODEL_MIN_CURRENT_A;
    if (!wanted) {
        m->contactor = false;
        m->due_ms[MODEL_CONTACTOR] = -1;
    } else if (!m->contactor && m->due_ms[MODEL_CONTACTOR] < 0) {
        m->due_ms[MODEL_CONTACTOR] =
            m->time_ms + CONTACTOR_MIN_MS + env_random(m->env, CONTACTOR_SPREAD_MS + 1);
    }
    m->current_A = m->contactor ? fmin(model_effective_limit_A(m), vehicle_current_A(&m->vehicle)) : 0;
    m->due_ms[MODEL_TICK] = m->contactor ? m->time_ms + TICK_MS : -1;
    rearm(m);
}

static struct model_news news(const struct model *m)
{
    struct model_news n = {
        .state = model_state(m),
        .effective_limit_A = model_effective_limit_A(m),
        .powered = m->powered,
        .enabled = m->enabled,
        .contactor = m->contactor,
        .locked = m->locked,
        .occupied = model_bay_is_occupied(m),
        .lock_failed = model_lock_failed(m),
        .watchdog_expired = m->watchdog_expired,
        .ready = m->plugged && m->vehicle.ready,
        .fault = m->fault,
        .lamp = m->lamp,
    };
    (void)str_copy(n.tag, sizeof n.tag, m->tag);
    (void)str_copy(n.display, sizeof n.display, m->display);
    return n;
}

static bool is_old(const struct model_news *a, const struct model_news *b)
{
    return a->state == b->state && a->effective_limit_A == b->effective_limit_A && a->powered == b->powered &&
           a->enabled == b->enabled && a->contactor == b->contactor && a->locked == b->locked &&
           a->occupied == b->occupied && a->lock_failed == b->lock_failed &&
           a->watchdog_expired == b->watchdog_expired && a->ready == b->ready && a->fault == b->fault &&
           a->lamp == b->lamp && str_equal(a->tag, b->tag) && str_equal(a->display, b->display);
}

static void changed(struct model *m)
{
    settle(m);
    struct model_news now = news(m);
    if (is_old(&now, &m->told))
        return;
    m->told = now;
    if (m->on_change)
        m->on_change(m->ctx);
}

static void boot(struct model *m)
{
    m->powered = true;
    m->enabled = false;
    m->locked = m->plugged && !m->lock_breaks;
    m->watchdog_expired = false;
    if (!m->settings.keeps_limit)
        m->limit_A = m->settings.max_current_A;
    m->watchdog_ms = m->settings.watchdog_ms;
    m->due_ms[MODEL_RESTART] = -1;
    m->due_ms[MODEL_WATCHDOG] = m->watchdog_ms ? m->time_ms + m->watchdog_ms : -1;
}

/* One due event; only a tick that ends nothing passes without telling. */
static void happen(struct model *m, enum model_event event)
{
    m->due_ms[event] = -1;
    switch (event) {
    case MODEL_CONTACTOR:
        m->contactor = true;
        m->switched++;
        break;
    case MODEL_TICK:
        settle(m);
        if (m->contactor)
            return;
        break;
    case MODEL_TAG_GONE:
        m->tag[0] = '\0';
        break;
    case MODEL_WATCHDOG:
        m->watchdog_expired = true;
        break;
    case MODEL_RESTART:
        boot(m);
        break;
    case MODEL_EVENTS:
        return;
    }
    changed(m);
}

void model_update(struct model *m)
{
    int64_t now_ms = env_now_ms(m->env);
    for (;;) {
        int first = -1;
        for (int i = 0; i < MODEL_EVENTS; i++) {
            if (m->due_ms[i] >= 0 && m->due_ms[i] <= now_ms && (first < 0 || m->due_ms[i] < m->due_ms[first]))
                first = i;
        }
        if (first < 0)
            break;
        if (m->due_ms[first] > m->time_ms)
            integrate(m, m->due_ms[first]);
        happen(m, (enum model_event)first);
    }
    if (now_ms > m->time_ms)
        integrate(m, now_ms);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct model *m = ctx;
    model_update(m);
    rearm(m);
}

void model_init(struct model *m, const struct env *env, const struct model_settings *settings,
                void (*on_change)(void *ctx), void *ctx)
{
    *m = (struct model){ .env = env,
                         .settings = *settings,
                         .metered = true,
                         .limit_A = settings->max_current_A,
                         .phases = settings->phases,
                         .ambient_C = 25,
                         .energy_Wh = settings->energy_Wh,
                         .on_change = on_change,
                         .ctx = ctx,
                         .time_ms = env_now_ms(env) };
    for (int i = 0; i < MODEL_EVENTS; i++)
        m->due_ms[i] = -1;
    timer_init(&m->timer, env->timers, on_timer, m);
    boot(m);
    settle(m);
    m->told = news(m);
}

void model_done(struct model *m)
{
    timer_stop(&m->timer);
}

/* ---- what people, cars and the other end of the line do ---- */

int model_plug(struct model *m, const struct vehicle *vehicle)
{
    model_update(m);
    if (m->plugged)
        return -EBUSY;
    m->vehicle = *vehicle;
    m->plugged = true;
    m->cable_left = false;
    m->locked = m->powered && !m->lock_breaks;
    changed(m);
    return 0;
}

int model_unplug(struct model *m, bool at_car)
{
    model_update(m);
    if (!m->plugged && !m->cable_left)
        return -ENOENT;
    if (m->cable_left && m->locked && !at_car)
        return -EBUSY;
    m->plugged = false;
    m->cable_left = at_car;
    m->locked = at_car && m->locked;
    if (m->settings.stops_at_unplug)
        m->enabled = false;
    changed(m);
    return 0;
}

void model_park(struct model *m, bool parked)
{
    model_update(m);
    m->parked = parked;
    changed(m);
}

int model_set_ready(struct model *m, bool ready)
{
    model_update(m);
    if (!m->plugged)
        return -ENOENT;
    m->vehicle.ready = ready;
    changed(m);
    return 0;
}

int model_tap(struct model *m, const char *uid)
{
    uint8_t bytes[10];
    int len = hex_decode(uid, bytes, sizeof bytes);
    if (len != 4 && len != 7 && len != 10)
        return -EINVAL;
    model_update(m);
    if (!m->powered)
        return -ENODEV;
    hex_encode(bytes, (size_t)len, m->tag, sizeof m->tag);
    m->due_ms[MODEL_TAG_GONE] = m->time_ms + TAG_SHOWN_MS;
    changed(m);
    return 0;
}

void model_acknowledge_tag(struct model *m)
{
    model_update(m);
    m->tag[0] = '\0';
    m->due_ms[MODEL_TAG_GONE] = -1;
    changed(m);
}

void model_set_fault(struct model *m, uint16_t code)
{
    model_update(m);
    m->fault = code;
    changed(m);
}

void model_set_enabled(struct model *m, bool enabled)
{
    model_update(m);
    m->enabled = enabled;
    if (enabled && m->plugged)
        m->locked = !m->lock_breaks;
    changed(m);
}

int model_set_limit(struct model *m, double limit_A)
{
    if (!(limit_A >= 0) || limit_A > m->settings.max_current_A)
        return -ERANGE;
    model_update(m);
    m->limit_A = limit_A;
    changed(m);
    return 0;
}

int model_unlock(struct model *m)
{
    model_update(m);
    if (m->contactor)
        return -EBUSY;
    m->locked = false;
    changed(m);
    return 0;
}

bool model_lock_failed(const struct model *m)
{
    return m->lock_breaks && m->powered && m->plugged;
}

int model_set_ambient(struct model *m, double ambient_C)
{
    model_update(m);
    if (ambient_C < -40 || ambient_C > 125)
        return -ERANGE;
    m->ambient_C = ambient_C;
    return 0;
}

double model_temperature_C(const struct model *m)
{
    return m->ambient_C + 0.5 * m->current_A;
}

void model_set_lock_breaks(struct model *m, bool breaks)
{
    model_update(m);
    m->lock_breaks = breaks;
    m->locked = !breaks && m->powered && m->plugged;
    changed(m);
}

void model_set_watchdog(struct model *m, int64_t timeout_ms)
{
    m->watchdog_ms = timeout_ms;
    model_keep_alive(m);
}

void model_keep_alive(struct model *m)
{
    model_update(m);
    m->watchdog_expired = false;
    m->due_ms[MODEL_WATCHDOG] = m->watchdog_ms ? m->time_ms + m->watchdog_ms : -1;
    changed(m);
}

void model_set_meter(struct model *m, double energy_Wh)
{
    model_update(m);
    m->energy_Wh = energy_Wh;
}

void model_set_metered(struct model *m, bool metered)
{
    m->metered = metered;
}

void model_set_display(struct model *m, const char *text)
{
    model_update(m);
    (void)str_copy(m->display, sizeof m->display, text);
    changed(m);
}

int model_set_lamp(struct model *m, double state)
{
    model_update(m);
    if (state < 0 || state > 3)
        return -ERANGE;
    m->lamp = (uint16_t)state;
    changed(m);
    return 0;
}

int model_set_phases(struct model *m, double phases)
{
    if (phases != 1 && phases != m->settings.phases)
        return -ERANGE;
    model_update(m);
    m->phases = (int)phases;
    changed(m);
    return 0;
}

void model_power(struct model *m, bool on)
{
    model_update(m);
    if (on == m->powered)
        return;
    if (on) {
        boot(m);
    } else {
        m->powered = false;
        m->enabled = false;
        m->locked = false;
        m->tag[0] = m->display[0] = '\0';
        m->lamp = 0;
        m->phases = m->settings.phases;
        for (int i = 0; i < MODEL_EVENTS; i++)
            m->due_ms[i] = -1;
    }
    changed(m);
}

void model_restart(struct model *m, int64_t after_ms)
{
    model_power(m, false);
    m->due_ms[MODEL_RESTART] = m->time_ms + after_ms;
    rearm(m);
}
