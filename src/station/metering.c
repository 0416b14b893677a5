/* Meter values (block J): the energy register, samples for the events of a transaction, and clock-aligned values.
 *
 *     sampled   Started, every TxUpdatedInterval, Ended (with those collected every TxEndedInterval)
 *     aligned   every Interval since midnight: MeterValues, or an event where a transaction runs; and collected for Ended */
#include "station/transaction_internal.h"

#include <math.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define ENDED_SAMPLES_MAX 100   /* more are thinned (E06.FR.13, J02.FR.20) */
#define ALIGNED_NAP_MS    60000 /* a stepped clock is noticed after this time */
#define ALIGNED_LATE_MS   1000  /* a timer that comes as late still speaks of the boundary */
#define PHASE_IN_USE_A    0.5

/* ---- the register ---- */

/* A drop of this size is a register that was set back; less is the device's rounding. */
static bool was_reset(double before_Wh, double now_Wh)
{
    return before_Wh - now_Wh > 1000 || now_Wh < before_Wh / 2;
}

/* The most that can have been drawn since the last reading, with room for what a profile says wrongly. */
static double possible_Wh(const struct evse *e, int64_t now_ms)
{
    const struct evse_abilities *a = &e->abilities;
    double volts = a->voltage_V > 0 ? a->voltage_V : 230;
    double hours = fmax(0, (double)(now_ms - e->tx.register_ms) / 3600000);
    return 100 + 2 * a->max_current_A * volts * fmax(1, a->phases) * hours;
}

/* A device that starts may show 0 until it has read its meter: the register did not begin anew then. */
static bool has_recovered(const struct evse *e, double raw_Wh, int64_t now_ms)
{
    const struct evse_transaction *tx = &e->tx;
    return tx->fell_from_Wh > 0 && raw_Wh >= tx->fell_from_Wh && raw_Wh - tx->raw_Wh > possible_Wh(e, now_ms);
}

static void read_export(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    double raw = e->signals.value[MEASURE_ENERGY_EXPORT];
    if (!evse_has(&e->signals, MEASURE_ENERGY_EXPORT) || !isfinite(raw))
        return;
    if (!tx->has_export)
        tx->export_offset_Wh = 0;
    else if (raw < tx->export_raw_Wh && was_reset(tx->export_raw_Wh, raw))
        tx->export_offset_Wh += tx->export_raw_Wh; /* J02.FR.16 */
    else if (raw < tx->export_raw_Wh)
        raw = tx->export_raw_Wh;
    tx->has_export = true;
    tx->export_raw_Wh = raw;
}

void metering_on_signals(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    read_export(e);
    transaction_times_follow(e->station);
    int64_t now_ms = station_wall_ms(e->station);
    if (!evse_has(&e->signals, MEASURE_ENERGY_IMPORT))
        return;
    double raw = e->signals.value[MEASURE_ENERGY_IMPORT];
    if (!isfinite(raw))
        return;
    if (!tx->has_register) {
        tx->has_register = true;
        tx->register_offset_Wh = tx->fell_from_Wh = 0;
        tx->register_Wh = tx->start_Wh = raw;
    } else if (raw < tx->raw_Wh && was_reset(tx->raw_Wh, raw)) {
        /* it began anew at `raw` ago: what it shows now was drawn since (J02.FR.16) */
        tx->fell_from_Wh = tx->raw_Wh;
        tx->offset_before_Wh = tx->register_offset_Wh;
        tx->register_offset_Wh = tx->register_Wh;
        log_info(LOG_STATION, "energy register was set back: station=%s evse=%d from=%.0f to=%.0f",
                 e->station->id, e->id, tx->raw_Wh, raw);
    } else if (has_recovered(e, raw, now_ms)) {
        log_info(LOG_STATION, "energy register was not set back after all: station=%s evse=%d Wh=%.0f",
                 e->station->id, e->id, raw);
        tx->register_offset_Wh = tx->offset_before_Wh;
        tx->fell_from_Wh = 0;
    }
    tx->register_ms = now_ms;
    tx->raw_Wh = raw;
    if (raw + tx->register_offset_Wh > tx->register_Wh)
        tx->register_Wh = raw + tx->register_offset_Wh;
}

double metering_energy_Wh(const struct evse *e)
{
    return e->tx.has_register ? e->tx.register_Wh - e->tx.start_Wh : 0;
}

/* ---- time and phases ---- */

void metering_on_charging(struct evse *e, bool charging)
{
    struct evse_transaction *tx = &e->tx;
    int64_t now = env_now_ms(e->station->env);
    if (tx->charging_since_ms >= 0)
        tx->charging_ms += now - tx->charging_since_ms;
    tx->charging_since_ms = charging ? now : -1;
}

int64_t metering_charging_s(const struct evse *e)
{
    int64_t ms = e->tx.charging_ms;
    if (e->tx.charging_since_ms >= 0)
        ms += env_now_ms(e->station->env) - e->tx.charging_since_ms;
    return ms / 1000;
}

int metering_phases_used(const struct evse *e)
{
    static const enum evse_measure phases[] = { MEASURE_CURRENT_IMPORT_L1, MEASURE_CURRENT_IMPORT_L2,
                                                MEASURE_CURRENT_IMPORT_L3 };
    int used = 0;
    for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
        used += evse_has(&e->signals, phases[i]) && e->signals.value[phases[i]] > PHASE_IN_USE_A;
    return e->signals.state == EVSE_CHARGING ? used : 0;
}

/* ---- what an event carries ---- */

/* A sample for an event, now or later. */
static json_t *sample(struct evse *e, enum variable_id measurands, const char *context)
{
    transaction_times_follow(e->station);
    json_t *meter_value = measurands_sample(e, variable_text(e->station, measurands), context);
    transaction_times_mark(e->station, meter_value);
    return meter_value;
}

static json_t *one(json_t *meter_value)
{
    return meter_value ? json_pack("[o]", meter_value) : NULL;
}

json_t *metering_begin_values(struct evse *e)
{
    if (!variable_bool(e->station, VAR_SAMPLED_DATA_ENABLED))
        return NULL;
    return one(sample(e, VAR_SAMPLED_DATA_TX_STARTED_MEASURANDS, "Transaction.Begin"));
}

bool metering_has_begun(const struct evse *e)
{
    const struct station *s = e->station;
    return e->tx.has_register || !variable_bool(s, VAR_SAMPLED_DATA_ENABLED) ||
           !variable_has_member(s, VAR_SAMPLED_DATA_TX_STARTED_MEASURANDS, "Energy.Active.Import.Register");
}

json_t *metering_updated_values(struct evse *e, const char *context)
{
    return one(sample(e, VAR_SAMPLED_DATA_TX_UPDATED_MEASURANDS, context));
}

/* J02.FR.20: the 2nd, 4th ... go; the first and the last stay. */
void metering_thin(json_t *samples)
{
    for (size_t i = 1; i + 1 < json_array_size(samples); i++)
        json_array_remove(samples, i);
}

static int64_t time_at(const json_t *samples, size_t index)
{
    int64_t ms = 0;
    (void)timestamp_parse(json_get_string(json_array_get(samples, index), "timestamp", ""), &ms);
    return ms;
}

/* Drops the one that is missed least: neither the first nor the last, and the times of those that stay lie evenly. Taking every second
 * out each time would leave less and less of the beginning. */
static void drop_one(json_t *samples)
{
    size_t least = 1;
    int64_t least_ms = INT64_MAX, before_ms = time_at(samples, 0), ms = time_at(samples, 1);
    for (size_t i = 1; i + 1 < json_array_size(samples); i++) {
        int64_t after_ms = time_at(samples, i + 1);
        if (after_ms - before_ms < least_ms) {
            least_ms = after_ms - before_ms;
            least = i;
        }
        before_ms = ms;
        ms = after_ms;
    }
    json_array_remove(samples, least);
}

static void collect(json_t **samples, json_t *meter_value)
{
    if (!meter_value)
        return;
    if (!*samples)
        *samples = json_array();
    if (json_array_size(*samples) >= ENDED_SAMPLES_MAX)
        drop_one(*samples); /* E06.FR.13 */
    json_array_append_new(*samples, meter_value);
}

json_t *metering_ended_values(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    const struct station *s = e->station;
    json_t *values = json_array();
    bool is_sampled = variable_bool(s, VAR_SAMPLED_DATA_ENABLED); /* E06.FR.11 */
    /* what is billed by stands first and last: it is kept whatever has to go (J02.FR.20) */
    if (tx->ended_samples && is_sampled)
        json_array_extend(values, tx->ended_samples);
    if (tx->ended_aligned)
        json_array_extend(values, tx->ended_aligned);
    if (is_sampled) {
        json_t *last = sample(e, VAR_SAMPLED_DATA_TX_ENDED_MEASURANDS, "Transaction.End");
        if (last)
            json_array_append_new(values, last);
    }
    if (json_array_size(values) > 0)
        return values;
    json_decref(values);
    return NULL;
}

bool metering_has_ended_values(const struct evse *e)
{
    const struct station *s = e->station;
    return json_array_size(e->tx.ended_aligned) > 0 ||
           (variable_bool(s, VAR_SAMPLED_DATA_ENABLED) &&
            (json_array_size(e->tx.ended_samples) > 0 ||
             (e->tx.has_register && variable_has_member(s, VAR_SAMPLED_DATA_TX_ENDED_MEASURANDS,
                                                        "Energy.Active.Import.Register"))));
}

/* ---- sampling ---- */

static void start_interval(struct evse *e, struct timer *timer, enum variable_id interval)
{
    int64_t seconds = variable_int(e->station, interval);
    if (seconds > 0 && variable_bool(e->station, VAR_SAMPLED_DATA_ENABLED))
        env_timer_start(e->station->env, timer, seconds * 1000);
    else
        timer_stop(timer);
}

/* Counted from when this one was due, so that what comes late does not make the next one late. */
static void next_interval(struct evse *e, struct timer *timer, enum variable_id interval)
{
    int64_t due_ms = timer->due_ms + variable_int(e->station, interval) * 1000;
    start_interval(e, timer, interval);
    if (timer_is_active(timer) && due_ms > env_now_ms(e->station->env))
        timer_start_at(timer, due_ms);
}

static void on_sample_timer(struct timer *timer, void *ctx)
{
    struct evse *e = ctx;
    json_t *values = metering_updated_values(e, "Sample.Periodic");
    if (values) /* J02.FR.11; a device that tells nothing has nothing to be told of it */
        transaction_event(e, EVENT_UPDATED, TRIGGER_METER_VALUE_PERIODIC, NULL, values);
    next_interval(e, timer, VAR_SAMPLED_DATA_TX_UPDATED_INTERVAL);
}

static void on_ended_sample_timer(struct timer *timer, void *ctx)
{
    struct evse *e = ctx;
    collect(&e->tx.ended_samples, sample(e, VAR_SAMPLED_DATA_TX_ENDED_MEASURANDS, "Sample.Periodic"));
    next_interval(e, timer, VAR_SAMPLED_DATA_TX_ENDED_INTERVAL);
}

static void start_sampling(struct evse *e)
{
    start_interval(e, &e->tx.sample_timer, VAR_SAMPLED_DATA_TX_UPDATED_INTERVAL);
    start_interval(e, &e->tx.ended_sample_timer, VAR_SAMPLED_DATA_TX_ENDED_INTERVAL);
}

void metering_begin(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    metering_end(e);
    tx->started_ms = tx->register_ms = station_wall_ms(e->station);
    tx->charging_ms = 0;
    tx->charging_since_ms = tx->charging_state == CHARGING_STATE_CHARGING ? env_now_ms(e->station->env) : -1;
    tx->has_register = tx->has_export =
        false; /* J02.FR.17: a new transaction begins with what the device shows */
    metering_on_signals(e);
    if (variable_bool(e->station, VAR_SAMPLED_DATA_ENABLED))
        collect(&tx->ended_samples, sample(e, VAR_SAMPLED_DATA_TX_ENDED_MEASURANDS, "Transaction.Begin"));
    start_sampling(e);
}

void metering_resume(struct evse *e)
{
    start_sampling(e);
}

void metering_end(struct evse *e)
{
    timer_stop(&e->tx.sample_timer);
    timer_stop(&e->tx.ended_sample_timer);
    json_decref(STEAL(e->tx.ended_samples));
    json_decref(STEAL(e->tx.ended_aligned));
    e->tx.charging_since_ms = -1;
}

void metering_init_evse(struct evse *e)
{
    struct timers *timers = e->station->env->timers;
    timer_init(&e->tx.sample_timer, timers, on_sample_timer, e);
    timer_init(&e->tx.ended_sample_timer, timers, on_ended_sample_timer, e);
}

/* ---- clock-aligned ---- */

/* A sample on the clock has the time of the boundary: all EVSEs the same, and the distances are the interval. */
static json_t *aligned_sample(struct evse *e, enum variable_id measurands, int64_t due_ms)
{
    json_t *meter_value = sample(e, measurands, "Sample.Clock");
    char when[TIMESTAMP_SIZE];
    if (meter_value && station_wall_ms(e->station) - due_ms < ALIGNED_LATE_MS) {
        timestamp_format(due_ms, when);
        json_set_optional(meter_value, "timestamp", json_string(when));
    }
    return meter_value;
}

/* Takes `meter_value`; NULL: there is nothing to tell. */
static void send_meter_values(struct evse *e, json_t *meter_value, int flags)
{
    json_t *values = one(meter_value);
    if (values)
        (void)outbox_call(e->station, "MeterValues",
                          json_pack("{s:i, s:o}", "evseId", e->id, "meterValue", values), flags, NULL, NULL);
}

static bool any_transaction(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]))
            return true;
    return false;
}

static void send_aligned(struct station *s, int64_t due_ms)
{
    bool queue_all = variable_bool(s, VAR_COMM_QUEUE_ALL_MESSAGES);
    if (variable_bool(s, VAR_ALIGNED_DATA_SEND_DURING_IDLE) && any_transaction(s))
        return; /* J01.FR.20 */
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        if (transaction_is_running(e) && variable_evse_bool(e, VAR_ALIGNED_DATA_SEND_DURING_IDLE_EVSE))
            continue;                    /* J01.FR.19 */
        if (transaction_is_running(e)) { /* J01.FR.22 */
            json_t *values = one(aligned_sample(e, VAR_ALIGNED_DATA_MEASURANDS, due_ms));
            if (values && !e->tx.resumed)
                transaction_event(e, EVENT_UPDATED, TRIGGER_METER_VALUE_CLOCK, NULL, values);
            else
                json_decref(values);
        } else if (queue_all || station_is_accepted(s)) { /* J01.FR.14 */
            json_t *meter_value = aligned_sample(e, VAR_ALIGNED_DATA_MEASURANDS, due_ms);
            transaction_times_unmark(meter_value);
            send_meter_values(e, meter_value, 0);
        }
    }
}

static void collect_aligned(struct station *s, int64_t due_ms)
{
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        if (transaction_is_running(e) && !e->tx.resumed)
            collect(&e->tx.ended_aligned, aligned_sample(e, VAR_ALIGNED_DATA_TX_ENDED_MEASURANDS, due_ms));
    }
}

static void aligned_arm(struct station *s, struct timer *timer, int64_t *due_ms, enum variable_id interval)
{
    int64_t seconds = variable_int(s, interval);
    if (seconds <= 0 || !variable_bool(s, VAR_ALIGNED_DATA_ENABLED)) {
        timer_stop(timer);
        *due_ms = 0;
        return;
    }
    int64_t now = station_wall_ms(s);
    *due_ms = timestamp_next_boundary(now, seconds * 1000);
    int64_t wait = *due_ms - now;
    env_timer_start(s->env, timer, wait < ALIGNED_NAP_MS ? wait : ALIGNED_NAP_MS);
}

/* True at a boundary. */
static bool aligned_is_due(const struct station *s, int64_t due_ms)
{
    return due_ms && station_wall_ms(s) >= due_ms;
}

static void on_aligned_timer(struct timer *timer, void *ctx)
{
    struct station *s = ctx;
    struct transactions *t = &s->transactions;
    if (aligned_is_due(s, t->aligned_due_ms))
        send_aligned(s, t->aligned_due_ms);
    aligned_arm(s, timer, &t->aligned_due_ms, VAR_ALIGNED_DATA_INTERVAL);
}

static void on_ended_aligned_timer(struct timer *timer, void *ctx)
{
    struct station *s = ctx;
    struct transactions *t = &s->transactions;
    if (aligned_is_due(s, t->ended_aligned_due_ms))
        collect_aligned(s, t->ended_aligned_due_ms);
    aligned_arm(s, timer, &t->ended_aligned_due_ms, VAR_ALIGNED_DATA_TX_ENDED_INTERVAL);
}

/* ---- TriggerMessage ---- */

void metering_send_triggered(struct evse *e)
{
    const char *measurands = variable_text(e->station, VAR_ALIGNED_DATA_MEASURANDS);
    send_meter_values(e, measurands_sample(e, measurands, "Trigger"), OUTBOX_WHILE_PENDING); /* F06.FR.06 */
}

bool trigger_meter_values(struct station *s, struct evse *e)
{
    bool any = false;
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *each = &s->evses[i];
        if (e && e != each)
            continue;
        json_t *values = measurands_sample(each, variable_text(s, VAR_ALIGNED_DATA_MEASURANDS), "Trigger");
        if (values)
            any = each->tx.trigger_meter_values = true;
        json_decref(values);
    }
    if (any)
        env_timer_start(s->env, &s->transactions.trigger_timer, 0);
    return any;
}

/* ---- life ---- */

void metering_settings_changed(struct station *s)
{
    struct transactions *t = &s->transactions;
    aligned_arm(s, &t->aligned_timer, &t->aligned_due_ms, VAR_ALIGNED_DATA_INTERVAL);
    aligned_arm(s, &t->ended_aligned_timer, &t->ended_aligned_due_ms, VAR_ALIGNED_DATA_TX_ENDED_INTERVAL);
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]) && !s->evses[i].tx.resumed)
            start_sampling(&s->evses[i]);
}

/* A boundary that was passed over counts once; one that is further away now is looked for anew. */
static void follow_clock(struct station *s, struct timer *timer, int64_t *due_ms, enum variable_id interval)
{
    if (aligned_is_due(s, *due_ms))
        env_timer_start(s->env, timer, 0);
    else
        aligned_arm(s, timer, due_ms, interval);
}

void metering_clock_changed(struct station *s)
{
    struct transactions *t = &s->transactions;
    follow_clock(s, &t->aligned_timer, &t->aligned_due_ms, VAR_ALIGNED_DATA_INTERVAL);
    follow_clock(s, &t->ended_aligned_timer, &t->ended_aligned_due_ms, VAR_ALIGNED_DATA_TX_ENDED_INTERVAL);
}

void metering_init(struct station *s)
{
    timer_init(&s->transactions.aligned_timer, s->env->timers, on_aligned_timer, s);
    timer_init(&s->transactions.ended_aligned_timer, s->env->timers, on_ended_aligned_timer, s);
}

void metering_start(struct station *s)
{
    metering_settings_changed(s);
}

void metering_done(struct station *s)
{
    timer_stop(&s->transactions.aligned_timer);
    timer_stop(&s->transactions.ended_aligned_timer);
}
