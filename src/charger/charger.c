/* Values and signals of a charger: what the driver brings becomes values; when a batch is complete and
 * something changed, the profile's expressions make signals of them; only if those changed, the station
 * hears of it. */
#include "charger/charger.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "charger/charger_internal.h"

#define STALE_INTERVALS 3
#define STALE_MIN_MS    5000 /* a busy line may be late once without all signals going */

/* ---- values ---- */

double charger_power_of(const struct charger *c, const struct point *point)
{
    return point->scale_point >= 0 ? c->values[point->scale_point].number : 0;
}

bool charger_has_scale(const struct charger *c, const struct point *point)
{
    return point->scale_point < 0 || c->values[point->scale_point].quality == QUALITY_GOOD;
}

static int64_t stale_after_ms(const struct point *point)
{
    int64_t ms = STALE_INTERVALS * point->every_ms;
    return ms > STALE_MIN_MS ? ms : STALE_MIN_MS;
}

static void tell_point(struct charger *c, const struct point *point)
{
    c->changed = true;
    if (c->events->on_point)
        c->events->on_point(c->ctx, point, &c->values[point->index]);
}

static void set_quality(struct charger *c, const struct point *point, enum quality quality)
{
    if (c->values[point->index].quality == quality)
        return;
    c->values[point->index].quality = quality;
    tell_point(c, point);
}

void charger_doubt(struct charger *c, const struct point *point)
{
    if (c->values[point->index].quality == QUALITY_GOOD)
        set_quality(c, point, QUALITY_STALE);
}

static void ignore(void *ctx, int err)
{
    (void)ctx;
    (void)err;
}

/* The power of ten changed, or is known again: what was computed with the old one is wrong, what came without
 * one is lost. */
static void renew_scaled(struct charger *c, const struct point *scale)
{
    for (size_t i = 0; i < c->profile->point_count; i++) {
        const struct point *p = &c->profile->points[i];
        if (p->scale_point != scale->index || !(p->access & ACCESS_R))
            continue;
        set_quality(c, p, QUALITY_NONE);
        if (c->device)
            (void)c->ops->read(c->device, p, ignore, NULL);
    }
}

void charger_store(struct charger *c, const struct point *point, const struct value *value)
{
    struct point_value *now = &c->values[point->index];
    bool is_text = point_is_text(point);
    now->time_ms = env_now_ms(c->env);
    if (point->every_ms > 0) {
        int64_t stale_ms = now->time_ms + stale_after_ms(point);
        c->stale_ms = c->stale_ms && c->stale_ms < stale_ms ? c->stale_ms : stale_ms;
    }
    bool same_text = !is_text || (now->text && strcmp(now->text, value->text) == 0);
    bool same =
        now->number == value->number && now->raw == value->raw && same_text && now->quality == QUALITY_GOOD;
    if (same)
        return;
    if (!same_text) {
        free(now->text);
        now->text = strdup(value->text); /* NULL without memory: no value */
    }
    now->number = value->number;
    now->raw = value->raw;
    now->quality = is_text && !now->text ? QUALITY_NONE : QUALITY_GOOD;
    tell_point(c, point);
    if (c->has_scale_points)
        renew_scaled(c, point);
}

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct charger *c = ctx;
    struct value value;
    if (!charger_has_scale(c, point))
        return;
    if (value_decode(point, charger_power_of(c, point), raw, len, &value) == 0)
        charger_store(c, point, &value);
    else
        set_quality(c, point, QUALITY_BAD);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    struct charger *c = ctx;
    if (*point->since && err == -ERR_DEVICE_EXCEPTION && c->values[point->index].quality != QUALITY_BAD)
        log_info(LOG_CHARGER,
                 "device lacks a point that its firmware has from a version on: profile=%s point=%s since=%s",
                 c->profile->name, point->name, point->since);
    set_quality(c, point, QUALITY_BAD);
}

static void find_stale(struct charger *c, int64_t now_ms)
{
    c->stale_ms = 0;
    for (size_t i = 0; i < c->profile->point_count; i++) {
        const struct point *p = &c->profile->points[i];
        if (p->every_ms == 0 || c->values[i].quality != QUALITY_GOOD)
            continue;
        int64_t due_ms = c->values[i].time_ms + stale_after_ms(p);
        if (due_ms <= now_ms)
            set_quality(c, p, QUALITY_STALE);
        else if (!c->stale_ms || due_ms < c->stale_ms)
            c->stale_ms = due_ms;
    }
}

/* The device is silent. What a persistent setting was set to holds all the same; what it is in truth is
 * read when it is back. */
static void lose_values(struct charger *c)
{
    for (size_t i = 0; i < c->profile->point_count; i++) {
        const struct point *p = &c->profile->points[i];
        bool kept = p->persistent && !(p->access & ACCESS_R);
        if (c->values[i].quality == QUALITY_GOOD && !kept)
            set_quality(c, p, QUALITY_STALE);
    }
    c->stale_ms = 0;
}

/* ---- signals ---- */

/* The first rule that is true gives the state. If one before it cannot be told, neither can the state,
 * unless it would have been the same. */
static enum evse_state evaluate_state(const struct charger *c, const struct profile_evse *evse)
{
    bool unsure = false;
    enum evse_state candidate = EVSE_UNKNOWN;
    for (size_t i = 0; i < evse->state_count; i++) {
        const struct state_rule *rule = &evse->states[i];
        struct expression_value v = { .known = true, .bits = 1 };
        if (rule->when)
            v = expression_eval(rule->when, c->values, NULL);
        if (v.known && v.bits == 0)
            continue;
        if (unsure && candidate != rule->state)
            return EVSE_UNKNOWN;
        if (v.known)
            return rule->state;
        unsure = true;
        candidate = rule->state;
    }
    return EVSE_UNKNOWN;
}

static void evaluate_fault(const struct charger *c, const struct expression *e, char *ret, size_t size)
{
    struct expression_value v = expression_eval(e, c->values, NULL);
    if (!v.known)
        return;
    if (v.text)
        (void)str_copy(ret, size, v.text);
    else if (v.number != 0)
        (void)snprintf(ret, size, "%.10g", v.number);
}

/* What cannot be told is not so. */
static bool is_true(const struct charger *c, const struct expression *e)
{
    if (!e)
        return false;
    struct expression_value v = expression_eval(e, c->values, NULL);
    return v.known && v.bits != 0;
}

static void evaluate_signals(const struct charger *c, const struct profile_evse *evse,
                             struct evse_signals *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->online = c->online;
    if (!c->online)
        return;
    ret->state = evaluate_state(c, evse);
    for (int m = 0; m < MEASURES; m++) {
        if (!evse->measures[m])
            continue;
        struct expression_value v = expression_eval(evse->measures[m], c->values, NULL);
        if (!v.known)
            continue;
        ret->measures |= 1u << m;
        ret->value[m] = v.number;
    }
    ret->locked = is_true(c, evse->locked);
    ret->lock_failed = is_true(c, evse->lock_failed);
    if (evse->occupied) {
        struct expression_value v = expression_eval(evse->occupied, c->values, NULL);
        ret->bay = !v.known ? BAY_UNKNOWN : v.bits ? BAY_OCCUPIED : BAY_FREE;
    }
    if (evse->fault)
        evaluate_fault(c, evse->fault, ret->fault, sizeof(ret->fault));
}

static bool signals_are_equal(const struct evse_signals *a, const struct evse_signals *b)
{
    if (a->state != b->state || a->online != b->online || a->locked != b->locked ||
        a->lock_failed != b->lock_failed || a->bay != b->bay || a->measures != b->measures ||
        strcmp(a->fault, b->fault) != 0)
        return false;
    for (int m = 0; m < MEASURES; m++)
        if (a->value[m] != b->value[m])
            return false;
    return true;
}

/* Is a card there, and which? -ENODATA: cannot be told now. 0: none. */
static int read_token(const struct charger *c, const struct profile_evse *evse, char ret[ID_TOKEN_SIZE])
{
    struct expression_value v = expression_eval(evse->id_token, c->values, NULL);
    struct expression_value when = { .known = v.known, .bits = v.text ? *v.text != '\0' : 1 };
    if (evse->id_token_when)
        when = expression_eval(evse->id_token_when, c->values, NULL);
    if (!when.known || (when.bits && !v.known))
        return -ENODATA;
    ret[0] = '\0';
    if (!when.bits)
        return 0;
    if (!v.text)
        return snprintf(ret, ID_TOKEN_SIZE, "%.0f", v.number) < ID_TOKEN_SIZE;
    return *v.text && str_copy(ret, ID_TOKEN_SIZE, v.text) == 0; /* a part of a token is another token */
}

/* A token is told once, when it appears. One that is there when the device comes online is an old one,
 * unless the device keeps it until it is acknowledged. */
static void evaluate_token(struct charger *c, int evse)
{
    const struct profile_evse *profile = &c->profile->evses[evse - 1];
    struct outlet *o = &c->outlets[evse - 1];
    struct id_token token;
    int r = profile->id_token && c->online ? read_token(c, profile, token.value) : -ENODATA;
    if (r < 0)
        return;
    bool old = o->baseline && profile->id_token_acknowledge.count == 0;
    o->baseline = false;
    if (r == 0)
        token.value[0] = '\0';
    bool is_new = r > 0 && strcmp(token.value, o->token) != 0;
    (void)str_copy(o->token, sizeof(o->token), token.value);
    if (r == 0)
        o->unacknowledged = false;
    if (is_new && !old) {
        (void)str_copy(token.type, sizeof(token.type), profile->abilities.id_token_type);
        o->unacknowledged = profile->id_token_acknowledge.count > 0;
        job_cancel(&o->jobs[SLOT_ACKNOWLEDGE]);
        c->events->on_id_token(c->ctx, evse, &token);
    }
    if (o->unacknowledged)
        wish_acknowledge(c, evse);
}

/* ---- a change of state, with its meter reading ---- */

static void on_settled(void *ctx, int err)
{
    (void)err;
    struct outlet *o = ctx;
    struct charger *c = o->jobs[0].charger;
    if (--o->settling > 0 || (!o->held_ms && !o->stopped))
        return;
    charger_evaluate(c);
    wish_on_settled(o);
    charger_arm(c);
}

bool charger_read_registers(struct charger *c, struct outlet *o)
{
    /* power, too: else a session would end with the power of a moment ago */
    static const enum evse_measure registers[] = { MEASURE_ENERGY_IMPORT, MEASURE_ENERGY_EXPORT,
                                                   MEASURE_POWER_IMPORT };
    const struct profile_evse *profile = &c->profile->evses[o - c->outlets];
    for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
        const struct expression *e = profile->measures[registers[i]];
        for (int n = 0, index; e && (index = expression_point(e, (size_t)n)) >= 0; n++) {
            const struct point *point = &c->profile->points[index];
            if ((point->access & ACCESS_R) && c->ops->read(c->device, point, on_settled, o) == 0)
                o->settling++;
        }
    }
    return o->settling > 0;
}

/* A session begins and ends by a change of state, and is billed by the register at that moment. The last
 * poll of the register may be long ago, so a change is told only when the register was read after it. A
 * reading that is awaited already will do: it is taken after what told of the change, for a device answers
 * one after the other. True while the change is to be held back. */
static bool is_held(struct charger *c, struct outlet *o, const struct evse_signals *now)
{
    int64_t now_ms = env_now_ms(c->env);
    if (now->state == o->signals.state || now->state == EVSE_UNKNOWN || !now->online || !c->device) {
        o->held_ms = 0;
        return false;
    }
    if (!o->held_ms && (o->settling > 0 || charger_read_registers(c, o)))
        o->held_ms = now_ms + SETTLE_MAX_MS;
    if (o->held_ms && o->settling > 0 && now_ms < o->held_ms)
        return true;
    o->held_ms = 0;
    return false;
}

void charger_evaluate(struct charger *c)
{
    c->changed = false;
    for (size_t i = 0; i < c->profile->evse_count; i++) {
        struct evse_signals signals;
        struct outlet *o = &c->outlets[i];
        evaluate_signals(c, &c->profile->evses[i], &signals);
        if (!signals_are_equal(&signals, &o->signals) && !is_held(c, o, &signals)) {
            o->signals = signals;
            c->events->on_signals(c->ctx, (int)i + 1, &o->signals);
        }
        if (o->signals.online && o->signals.state != EVSE_UNKNOWN)
            wish_on_state(c, o);
        evaluate_token(c, (int)i + 1);
    }
    variables_evaluate(c);
    wish_advance(c);
}

/* ---- news from the device, and time ---- */

static void run_jobs(struct charger *c)
{
    struct job *job = NULL;
    for (size_t n = 0; (job = charger_job(c, n)); n++)
        job_on_news(job);
}

static void on_batch(void *ctx)
{
    struct charger *c = ctx;
    if (c->changed)
        charger_evaluate(c);
    run_jobs(c);
    charger_arm(c);
}

void charger_come_online(struct charger *c)
{
    c->online = true;
    wish_on_online(c);
    charger_evaluate(c);
    charger_arm(c);
}

static void on_online(void *ctx, bool online, int err)
{
    struct charger *c = ctx;
    (void)err;
    if (c->online || !online) { /* online although it was online: it has restarted */
        wish_on_offline(c);
        lose_values(c);
    }
    c->online = false;
    identity_forget(c);
    if (online && identity_is_asked(c)) {
        identity_ask(c);
    } else if (online) {
        charger_come_online(c);
        return;
    }
    charger_evaluate(c);
    charger_arm(c);
}

const struct device_events charger_device_events = {
    .on_value = on_value,
    .on_no_value = on_no_value,
    .on_batch = on_batch,
    .on_online = on_online,
};

static void earlier(int64_t *due_ms, int64_t other_ms)
{
    if (other_ms && (!*due_ms || other_ms < *due_ms))
        *due_ms = other_ms;
}

void charger_arm(struct charger *c)
{
    struct job *job = NULL;
    int64_t now_ms = env_now_ms(c->env), due_ms = c->finished ? now_ms : 0;
    earlier(&due_ms, c->stale_ms);
    earlier(&due_ms, c->identify_ms);
    if (job_is_idle(&c->keepalive))
        earlier(&due_ms, c->keepalive_ms);
    earlier(&due_ms, c->setup_ms);
    for (size_t n = 0; (job = charger_job(c, n)); n++)
        earlier(&due_ms, job_due_ms(job));
    for (size_t i = 0; i < c->profile->evse_count; i++) {
        earlier(&due_ms, c->outlets[i].held_ms);
        earlier(&due_ms, c->outlets[i].stopped_ms);
        earlier(&due_ms, c->outlets[i].leaves_ms);
        earlier(&due_ms, c->outlets[i].retry_ms);
    }
    if (due_ms == c->armed_ms && timer_is_active(&c->timer) == (due_ms != 0))
        return;
    c->armed_ms = due_ms;
    if (due_ms)
        env_timer_start(c->env, &c->timer, due_ms > now_ms ? due_ms - now_ms : 0);
    else
        timer_stop(&c->timer);
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct charger *c = ctx;
    (void)timer;
    int64_t now_ms = env_now_ms(c->env);
    wish_tell(c);
    if (c->stale_ms && c->stale_ms <= now_ms)
        find_stale(c, now_ms);
    if (c->identify_ms && c->identify_ms <= now_ms)
        identity_ask(c);
    bool released = false;
    for (size_t i = 0; i < c->profile->evse_count; i++) {
        struct outlet *o = &c->outlets[i];
        released = released || (o->held_ms && o->held_ms <= now_ms);
        if (o->stopped && o->stopped_ms <= now_ms)
            wish_on_settled(o);
        if (o->leaves_ms && o->leaves_ms <= now_ms)
            wish_on_left(c, o);
        if (o->retry_ms && o->retry_ms <= now_ms)
            wish_retry(c, o);
    }
    if (c->changed || released)
        charger_evaluate(c);
    if (c->keepalive_ms && c->keepalive_ms <= now_ms && job_is_idle(&c->keepalive)) {
        c->keepalive_ms = now_ms + c->profile->keepalive_ms;
        job_begin(&c->keepalive, &c->profile->keepalive, NULL, NAN);
    }
    if (c->setup_ms && c->setup_ms <= now_ms) {
        c->setup_ms = 0;
        job_begin(&c->setup, &c->profile->setup, NULL, NAN);
    }
    run_jobs(c);
    wish_advance(c);
    charger_arm(c);
}

/* ---- life ---- */

static void init_jobs(struct charger *c)
{
    struct job *job = NULL;
    for (size_t n = 0; (job = charger_job(c, n)); n++) {
        job->charger = c;
        job->slot = (uint8_t)(n == 0 ? SLOT_SETUP : n == 1 ? SLOT_KEEPALIVE : (n - 2) % EVSE_SLOTS);
        job->evse = (uint8_t)(n < 2 ? 0 : (n - 2) / EVSE_SLOTS + 1);
        job->limit_A = NAN;
    }
}

struct charger *charger_new(const struct env *env, const struct profile *profile,
                            const struct charger_events *events, void *ctx)
{
    AUTO(charger) *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->env = env;
    c->profile = profile;
    c->events = events;
    c->ctx = ctx;
    c->finished_end = &c->finished;
    timer_init(&c->timer, env->timers, on_timer, c);
    c->values = calloc(profile->point_count + 1, sizeof(*c->values));
    c->outlets = calloc(profile->evse_count, sizeof(*c->outlets));
    if (profile->variable_count)
        c->shown = calloc(profile->variable_count, sizeof(*c->shown));
    if (!c->values || !c->outlets || (profile->variable_count && !c->shown))
        return NULL;
    for (size_t i = 0; i < profile->evse_count; i++) {
        c->outlets[i].bound_A = c->outlets[i].asked_A = c->outlets[i].applied_A = NAN;
        c->outlets[i].baseline = true;
    }
    for (size_t i = 0; i < profile->point_count; i++)
        c->has_scale_points = c->has_scale_points || profile->points[i].scale_point >= 0;
    init_jobs(c);
    return STEAL(c);
}

static void drop_jobs(struct charger *c)
{
    struct job *job = NULL;
    for (size_t n = 0; c->outlets && (job = charger_job(c, n)); n++) {
        order_finish(c, job_cancel(job), -ERR_LINK_DOWN);
        free(job->text);
        job->text = NULL;
        job->state = JOB_IDLE;
        job->discarded = job->again = false;
        job->reads = 0;
    }
    for (size_t i = 0; c->outlets && i < c->profile->evse_count; i++) {
        c->outlets[i].settling = 0;
        c->outlets[i].held_ms = 0;
        wish_on_settled(&c->outlets[i]);
        c->outlets[i].leaves_ms = 0;
        c->outlets[i].asking = 0;
        order_finish(c, STEAL(c->outlets[i].reset), -ERR_LINK_DOWN);
    }
}

void charger_free(struct charger *c)
{
    if (!c)
        return;
    drop_jobs(c);
    while (c->finished) {
        struct order *order = c->finished;
        c->finished = order->next;
        free(order);
    }
    for (size_t i = 0; c->values && i < c->profile->point_count; i++)
        free(c->values[i].text);
    for (size_t i = 0; c->outlets && i < c->profile->evse_count; i++)
        free(c->outlets[i].display_text);
    timer_stop(&c->timer);
    variables_done(c);
    free(c->values);
    free(c->outlets);
    free(c);
}

void charger_set_device(struct charger *c, struct device *device, const struct device_ops *ops)
{
    if (c->online)
        on_online(c, false, -ERR_LINK_DOWN);
    identity_forget(c);
    drop_jobs(c); /* the answers of a former device will not come */
    c->device = device;
    c->ops = ops;
    charger_arm(c);
}

const struct evse_signals *charger_signals(const struct charger *c, int evse)
{
    return &c->outlets[evse - 1].signals;
}

const struct point_value *charger_value(const struct charger *c, const struct point *point)
{
    return &c->values[point->index];
}

struct expression_value charger_eval(const struct charger *c, const struct expression *e)
{
    return c->online ? expression_eval(e, c->values, NULL) : (struct expression_value){ .known = false };
}
