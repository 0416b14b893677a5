/* What is asked of the device, and that it comes true: each EVSE has a wish (start, stop, nothing yet) and
 * a limit, which are kept when the device is lost and brought about again when it is back, in this order:
 *
 *     setup -> stop | limit -> start -> keepalive
 *
 * A limit below the minimum pauses: the steps of stop are done while the wish to charge stays, and those
 * of start when the limit rises. A limit that could not be set keeps a start from happening: on doubt no
 * current flows. */
#include <assert.h>
#include <errno.h>
#include <math.h>

#include "base/err.h"
#include "charger/charger_internal.h"

#define RETRY_MS        5000 /* the first pause, doubled so often: up to 320 s */
#define RETRY_DOUBLINGS 6
#define SETUP_AGAIN_MS  60000
#define KEEPALIVE_HASTE 4

struct job *charger_job(struct charger *c, size_t n)
{
    if (n < 2)
        return n == 0 ? &c->setup : &c->keepalive;
    size_t outlet = (n - 2) / EVSE_SLOTS;
    return outlet < c->profile->evse_count ? &c->outlets[outlet].jobs[(n - 2) % EVSE_SLOTS] : NULL;
}

/* ---- orders ---- */

void order_finish(struct charger *c, struct order *order, int err)
{
    if (!order)
        return;
    order->err = err;
    order->next = NULL;
    *c->finished_end = order;
    c->finished_end = &order->next;
}

void wish_tell(struct charger *c)
{
    struct order *order = c->finished; /* what is added meanwhile waits for the next turn of the timer */
    c->finished = NULL;
    c->finished_end = &c->finished;
    while (order) {
        struct order *next = order->next;
        c->events->on_command_done(c->ctx, order->evse, &order->command, order->err);
        free(order);
        order = next;
    }
}

/* The order that waits in the slot makes room for another. One of another kind is fulfilled by it: a stop
 * also keeps a limit. */
static void displace(struct job *job, enum evse_command_kind by)
{
    bool is_switch = by == EVSE_START || by == EVSE_STOP;
    struct order *order = job_cancel(job);
    if (!order)
        return;
    bool was_switch = order->command.kind == EVSE_START || order->command.kind == EVSE_STOP;
    order_finish(job->charger, order, is_switch == was_switch ? -ERR_SUPERSEDED : 0);
}

/* ---- limits ---- */

static const struct profile_evse *profile_of(const struct charger *c, const struct outlet *o)
{
    return &c->profile->evses[o - c->outlets];
}

/* The current to set for what was asked; never more than that. *ret_pause: it cannot be set, only paused. */
static double allowed_A(const struct command *limit, double asked_A, bool *ret_pause)
{
    double A = asked_A < limit->max_A ? asked_A : limit->max_A;
    if (limit->step_A > 0)
        A = floor(A / limit->step_A + 1e-9) * limit->step_A;
    *ret_pause = false;
    if (A >= limit->min_A)
        return A;
    *ret_pause = limit->below_min == BELOW_MIN_PAUSE;
    return limit->below_min == BELOW_MIN_CLAMP ? limit->min_A : 0;
}

static bool is_paused(const struct charger *c, const struct outlet *o)
{
    const struct command *limit = &profile_of(c, o)->commands[EVSE_LIMIT];
    bool pause = false;
    if (limit->offered && !isnan(o->asked_A))
        (void)allowed_A(limit, o->asked_A, &pause);
    return pause;
}

/* A device that a limit starts has it from its start on, and only then. */
static bool limit_starts(const struct charger *c, const struct outlet *o)
{
    return profile_of(c, o)->commands[EVSE_LIMIT].starts;
}

double wish_start_limit_A(const struct charger *c, const struct outlet *o)
{
    const struct command *limit = &profile_of(c, o)->commands[EVSE_LIMIT];
    bool pause = false;
    return allowed_A(limit, isnan(o->asked_A) ? limit->max_A : o->asked_A, &pause);
}

/* Would it charge with more than was asked, or use more phases, if it were started now? */
static bool limit_is_missing(const struct charger *c, const struct outlet *o)
{
    const struct command *limit = &profile_of(c, o)->commands[EVSE_LIMIT];
    return limit->offered && !limit->starts && !isnan(o->asked_A) && o->limit_err < 0 &&
           (o->asked_A < limit->max_A || o->asked_phases);
}

static void switch_to(struct charger *c, struct outlet *o, bool start, struct order *order)
{
    struct job *job = &o->jobs[SLOT_SWITCH];
    job->is_start = start;
    job_begin(job, &profile_of(c, o)->commands[start ? EVSE_START : EVSE_STOP].steps, order, NAN);
}

/* Goes on charging when a pause is over. */
static void resume(struct charger *c, struct outlet *o)
{
    struct job *job = &o->jobs[SLOT_SWITCH];
    bool runs = job_is_idle(job) ? o->applied == WISH_START : job->is_start;
    if (o->wish != WISH_START || is_paused(c, o) || runs)
        return;
    displace(job, EVSE_LIMIT);
    switch_to(c, o, true, NULL);
}

static void pause(struct charger *c, struct outlet *o, struct order *order)
{
    struct job *job = &o->jobs[SLOT_SWITCH];
    if (o->applied == WISH_STOP && job_is_idle(job)) {
        order_finish(c, order, 0);
        return;
    }
    if (!job_is_idle(job) && !job->is_start) { /* it is being stopped already */
        if (job->order)
            order_finish(c, order, 0);
        else
            job->order = order;
        return;
    }
    displace(job, EVSE_LIMIT);
    switch_to(c, o, false, order);
}

static void apply_limit(struct charger *c, struct outlet *o, struct order *order)
{
    const struct command *limit = &profile_of(c, o)->commands[EVSE_LIMIT];
    struct job *job = &o->jobs[SLOT_LIMIT];
    bool paused = false;
    double A = allowed_A(limit, o->asked_A, &paused);
    if (!job_is_idle(job)) /* whether the one on its way takes place, nobody knows */
        o->applied_A = NAN;
    displace(job, EVSE_LIMIT);
    if (paused) {
        o->limit_err = 0;
        pause(c, o, order);
    } else {
        job_begin(job, &limit->steps, order, A);
    }
}

double charger_limit_A(const struct charger *c, int evse)
{
    const struct outlet *o = &c->outlets[evse - 1];
    if (isnan(o->asked_A))
        return NAN;
    return is_paused(c, o) && o->applied == WISH_STOP ? 0 : o->applied_A;
}

void charger_set_max_current(struct charger *c, int evse, double max_A)
{
    struct outlet *o = &c->outlets[evse - 1];
    const struct command *limit = &profile_of(c, o)->commands[EVSE_LIMIT];
    if (limit->offered && max_A < limit->max_A)
        o->bound_A = o->asked_A = fmax(max_A, 0);
}

/* ---- commands ---- */

static void on_start(struct charger *c, struct outlet *o, struct order *order)
{
    struct job *job = &o->jobs[SLOT_SWITCH];
    o->wish = WISH_START;
    if (is_paused(c, o)) { /* it will charge when the limit allows */
        pause(c, o, NULL);
        order_finish(c, order, 0);
        return;
    }
    displace(job, EVSE_START);
    if (!isnan(o->asked_A) && job_is_idle(&o->jobs[SLOT_LIMIT]) && limit_is_missing(c, o))
        apply_limit(c, o, NULL);
    switch_to(c, o, true, order);
}

static void on_stop(struct charger *c, struct outlet *o, struct order *order)
{
    o->wish = WISH_STOP;
    if (!c->online) {
        order_finish(c, order, -ERR_LINK_DOWN); /* done when it is back */
        return;
    }
    displace(&o->jobs[SLOT_SWITCH], EVSE_STOP);
    if (limit_starts(c, o)) /* it must not come after the stop */
        displace(&o->jobs[SLOT_LIMIT], EVSE_STOP);
    switch_to(c, o, false, order);
}

static void on_limit(struct charger *c, struct outlet *o, const struct evse_command *command,
                     struct order *order)
{
    if (isnan(command->limit_A)) {
        order_finish(c, order, -EINVAL);
        return;
    }
    o->asked_phases = command->phases;
    o->asked_A = fmin(fmax(command->limit_A, 0), o->bound_A); /* fmin: a NAN binds nothing */
    struct job *pausing = &o->jobs[SLOT_SWITCH];
    if (pausing->order && pausing->order->command.kind == EVSE_LIMIT)
        order_finish(c, STEAL(pausing->order), -ERR_SUPERSEDED);
    if (c->online)
        apply_limit(c, o, order);
    else
        order_finish(c, order, -ERR_LINK_DOWN); /* done when it is back */
}

static void on_plain(struct charger *c, struct outlet *o, enum evse_command_kind kind, struct order *order)
{
    struct job *job = &o->jobs[kind == EVSE_UNLOCK ? SLOT_UNLOCK : SLOT_RESET];
    displace(job, kind);
    job_begin(job, &profile_of(c, o)->commands[kind].steps, order, NAN);
}

static void accept(struct charger *c, struct outlet *o, const struct evse_command *command,
                   struct order *order)
{
    enum evse_command_kind kind = command->kind;
    if (!profile_of(c, o)->commands[kind].offered) {
        order_finish(c, order, -ERR_UNSUPPORTED);
        return;
    }
    if (!c->online && kind != EVSE_STOP && kind != EVSE_LIMIT) {
        order_finish(c, order, -ERR_LINK_DOWN);
        return;
    }
    if (kind == EVSE_START || kind == EVSE_STOP) /* the end of the last one is told first */
        wish_on_settled(o);
    switch (kind) {
    case EVSE_START:
        on_start(c, o, order);
        break;
    case EVSE_STOP:
        on_stop(c, o, order);
        break;
    case EVSE_LIMIT:
        on_limit(c, o, command, order);
        break;
    case EVSE_UNLOCK:
    case EVSE_RESET:
        on_plain(c, o, kind, order);
        break;
    case EVSE_COMMANDS:
        break;
    }
}

void charger_command(struct charger *c, int evse, const struct evse_command *command)
{
    struct order *order = calloc(1, sizeof(*order));
    bool lessens = command->kind == EVSE_STOP || command->kind == EVSE_LIMIT;
    if (order) {
        order->command = *command;
        order->evse = evse;
    } else { /* the one case in which the end comes from inside */
        c->events->on_command_done(c->ctx, evse, command, -ENOMEM);
    }
    if (order || lessens) /* less energy needs no memory */
        accept(c, &c->outlets[evse - 1], command, order);
    wish_advance(c);
    charger_arm(c);
}

void wish_acknowledge(struct charger *c, int evse)
{
    const struct steps *steps = &c->profile->evses[evse - 1].id_token_acknowledge;
    struct job *job = &c->outlets[evse - 1].jobs[SLOT_ACKNOWLEDGE];
    if (steps->count && job_is_idle(job))
        job_begin(job, steps, NULL, NAN);
}

void charger_answer_token(struct charger *c, int evse, bool accepted)
{
    struct outlet *o = &c->outlets[evse - 1];
    const struct steps *steps = &profile_of(c, o)->id_token_answers[accepted];
    if (!steps->count || !c->online)
        return;
    job_begin(&o->jobs[SLOT_ANSWER], steps, NULL, NAN);
    wish_advance(c);
    charger_arm(c);
}

/* ---- the display ---- */

static void show(struct charger *c, struct outlet *o)
{
    job_begin(&o->jobs[SLOT_DISPLAY], &profile_of(c, o)->display, NULL, NAN);
}

void charger_show(struct charger *c, int evse, const struct evse_display *display)
{
    struct outlet *o = &c->outlets[evse - 1];
    char *text = profile_of(c, o)->abilities.display ? strdup(display->text) : NULL;
    if (!text)
        return;
    free(o->display_text);
    o->display_text = text;
    o->display_priority = display->priority;
    o->displayed = false;
    if (c->ready)
        show(c, o);
    wish_advance(c);
    charger_arm(c);
}

/* ---- coming and going ---- */

/* Begins what the device is not known to be brought to, unless that is on its way. */
static void bring_about(struct charger *c, struct outlet *o)
{
    bool paused = is_paused(c, o);
    bool limited = paused ? o->applied == WISH_STOP : o->limit_err == 0 && !isnan(o->applied_A);
    if (!isnan(o->asked_A) && !limited && job_is_idle(&o->jobs[SLOT_LIMIT]))
        apply_limit(c, o, NULL);
    if (o->wish != WISH_NONE && o->wish != o->applied && !paused && job_is_idle(&o->jobs[SLOT_SWITCH]))
        switch_to(c, o, o->wish == WISH_START, NULL);
    if (o->display_text && !o->displayed && job_is_idle(&o->jobs[SLOT_DISPLAY]))
        show(c, o);
}

static void on_ready(struct charger *c)
{
    if (c->ready) /* the setup was done again */
        return;
    c->ready = true;
    c->keepalive_ms = c->profile->keepalive.count ? env_now_ms(c->env) : 0;
    for (size_t i = 0; i < c->profile->evse_count; i++)
        bring_about(c, &c->outlets[i]);
}

/* A command that fails is told to who gave it, and tried again by him if he likes. What we do on our own
 * account (after a loss, for a pause, an acknowledgement) nobody would learn of. */
static void retry_later(struct charger *c, struct outlet *o)
{
    if (!c->online || o->retry_ms)
        return;
    o->retry_ms =
        env_now_ms(c->env) + (RETRY_MS << (o->failures < RETRY_DOUBLINGS ? o->failures : RETRY_DOUBLINGS));
    if (o->failures < RETRY_DOUBLINGS)
        o->failures++;
}

void wish_retry(struct charger *c, struct outlet *o)
{
    o->retry_ms = 0;
    if (!c->ready)
        return;
    bring_about(c, o);
    if (o->unacknowledged)
        wish_acknowledge(c, (int)(o - c->outlets) + 1);
}

void wish_on_online(struct charger *c)
{
    if (c->profile->setup.count)
        job_begin(&c->setup, &c->profile->setup, NULL, NAN);
    else
        on_ready(c);
    wish_advance(c);
}

/* A device that was told to restart is as it was for a moment, then silent, then back: only then the reset is over, and what is said
 * of it is true. */
static void await_restart(struct charger *c, struct outlet *o, struct order *order)
{
    order_finish(c, STEAL(o->reset), -ERR_SUPERSEDED);
    o->reset = order;
    o->leaves_ms = order && c->online ? env_now_ms(c->env) + LEAVES_MS : 0;
}

/* Who restarts may well do so before he answers. */
static bool was_reset(const struct job *job, int err)
{
    return job->slot == SLOT_RESET && job->wrote && (err == -ERR_NO_ANSWER || err == -ERR_LINK_DOWN);
}

void wish_on_offline(struct charger *c)
{
    struct job *job = NULL;
    struct outlet *outlets = c->outlets;
    assert(outlets);
    c->ready = false;
    c->keepalive_ms = c->setup_ms = 0;
    for (size_t n = 0; (job = charger_job(c, n)); n++) {
        struct order *order = job_cancel(job);
        if (order && order->command.kind == EVSE_START) /* it has failed: nothing starts later by itself */
            outlets[job->evse - 1].wish = WISH_STOP;
        if (order && was_reset(job, -ERR_LINK_DOWN))
            await_restart(c, &outlets[job->evse - 1], order);
        else
            order_finish(c, order, -ERR_LINK_DOWN);
    }
    for (size_t i = 0; i < c->profile->evse_count; i++) {
        outlets[i].applied = WISH_NONE;
        outlets[i].applied_A = NAN;
        outlets[i].limit_err = 0;
        outlets[i].displayed = false;
        outlets[i].leaves_ms = 0; /* it has left */
        outlets[i].retry_ms = 0;
        outlets[i].failures = 0;
        outlets[i].baseline = true;
    }
}

/* ---- restarts ---- */

static void ignore(void *ctx, int err)
{
    (void)ctx;
    (void)err;
}

static void on_state_read(void *ctx, int err)
{
    struct outlet *o = ctx;
    struct charger *c = o->jobs[0].charger;
    if (c->online && (err == -ERR_NO_ANSWER || err == -ERR_LINK_DOWN))
        o->leaves_ms = env_now_ms(c->env) + LEAVES_MS; /* it seems to have left; else once more */
    if (--o->asking > 0)
        return;
    charger_evaluate(c);
    charger_arm(c);
}

static void ask_state(struct charger *c, struct outlet *o)
{
    const struct profile_evse *profile = profile_of(c, o);
    int index = 0;
    o->asking++; /* in case the first answer comes at once */
    for (size_t i = 0; i < profile->state_count; i++) {
        const struct expression *when = profile->states[i].when;
        for (size_t n = 0; when && (index = expression_point(when, n)) >= 0; n++) {
            const struct point *point = &c->profile->points[index];
            if ((point->access & ACCESS_R) && c->ops->read(c->device, point, on_state_read, o) == 0)
                o->asking++;
        }
    }
    if (--o->asking == 0)
        charger_evaluate(c);
}

/* What it said and what it was brought to may be gone, even if it was not missed; at its other EVSEs, too: the profile does not tell
 * how much of the device restarts. */
void wish_on_left(struct charger *c, struct outlet *o)
{
    o->leaves_ms = 0;
    ask_state(c, o);
    for (size_t i = 0; i < c->profile->evse_count; i++) {
        c->outlets[i].applied = WISH_NONE;
        c->outlets[i].applied_A = NAN;
        c->outlets[i].limit_err = 0;
        c->outlets[i].displayed = false;
    }
    if (!c->ready)
        return;
    c->ready = false;
    if (c->profile->setup.count)
        job_begin(&c->setup, &c->profile->setup, NULL, NAN);
    else
        on_ready(c);
}

void wish_on_state(struct charger *c, struct outlet *o)
{
    if (o->reset && !o->leaves_ms && !o->asking && !o->held_ms)
        order_finish(c, STEAL(o->reset), 0);
}

/* ---- jobs begin and end ---- */

static bool may_begin(const struct charger *c, const struct job *job)
{
    if (job->state != JOB_PENDING || !c->online || !c->device)
        return false;
    if (job->slot == SLOT_SETUP)
        return true;
    if (!c->ready)
        return false;
    if (job->slot != SLOT_LIMIT && (job->slot != SLOT_SWITCH || !job->is_start))
        return true;
    const struct outlet *o = &c->outlets[job->evse - 1];
    if (job->slot == SLOT_LIMIT)
        return !limit_starts(c, o) || job_is_idle(&o->jobs[SLOT_SWITCH]);
    return job_is_idle(&o->jobs[SLOT_LIMIT]) ||
           (limit_starts(c, o) && o->jobs[SLOT_LIMIT].state == JOB_PENDING);
}

static void begin(struct charger *c, struct job *job)
{
    assert(c->outlets);
    struct outlet *o = &c->outlets[job->evse ? job->evse - 1 : 0];
    bool is_start = job->slot == SLOT_SWITCH && job->is_start;
    bool runs = o->wish == WISH_START && o->applied == WISH_START;
    if (is_start && limit_starts(c, o))
        job->limit_A = wish_start_limit_A(c, o);
    if (is_start && limit_is_missing(c, o)) {
        job->state = JOB_IDLE;
        wish_on_job_done(job, o->limit_err);
    } else if (job->slot == SLOT_LIMIT && limit_starts(c, o) && !runs) { /* the start will tell it */
        job->state = JOB_IDLE;
        wish_on_job_done(job, 0);
    } else {
        job_run(job);
    }
}

void wish_advance(struct charger *c)
{
    struct job *job = NULL;
    if (c->advancing)
        return;
    c->advancing = true;
    for (bool begun = true; begun;) {
        begun = false;
        for (size_t n = 0; (job = charger_job(c, n)); n++)
            if (may_begin(c, job)) {
                begun = true;
                begin(c, job);
            }
    }
    c->advancing = false;
}

void wish_on_settled(struct outlet *o)
{
    struct order *order = STEAL(o->stopped);
    o->stopped_ms = 0;
    order_finish(o->jobs[0].charger, order, 0);
}

/* A session is billed by what the register shows after the stop, so a stop is told only when the register
 * was read again. */
static void finish_switch(struct charger *c, struct outlet *o, struct order *order, int err)
{
    bool stopped = order && order->command.kind == EVSE_STOP && err == 0;
    if (stopped && !o->stopped && c->online && (o->settling > 0 || charger_read_registers(c, o))) {
        o->stopped = order;
        o->stopped_ms = env_now_ms(c->env) + SETTLE_MAX_MS;
    } else {
        order_finish(c, order, err);
    }
}

static void on_switch_done(struct charger *c, struct outlet *o, struct job *job, struct order *order, int err)
{
    bool took_place = err == 0 || err == -ERR_NO_EFFECT;
    bool was_asked = order && order->command.kind == EVSE_START;
    if (job->is_start)
        o->applied = took_place ? WISH_START : WISH_NONE;
    if (job->is_start && limit_starts(c, o))
        o->applied_A = took_place ? job->limit_A : NAN;
    if (!job->is_start)
        o->applied = err == 0 ? WISH_STOP : WISH_NONE;
    if (err == 0)
        o->failures = 0;
    else if (!order && o->applied == WISH_NONE)
        retry_later(c, o);
    finish_switch(c, o, order, err);
    if (took_place || !was_asked || o->wish != WISH_START)
        return;
    o->wish = WISH_STOP;
    if (job->wrote && c->online) /* half a start is no state to stay in */
        switch_to(c, o, false, NULL);
}

static void on_limit_done(struct charger *c, struct outlet *o, const struct job *job, struct order *order,
                          int err)
{
    o->limit_err = err;
    if (err == 0)
        o->applied_A = job->limit_A;
    else if (err != -ERR_REFUSED)
        o->applied_A = NAN;
    if (err == 0)
        o->failures = 0;
    else if (!order)
        retry_later(c, o);
    order_finish(c, order, err);
    if (err == 0)
        resume(c, o);
}

/* The sooner the token is seen to be gone, the sooner the same card counts again. */
static void read_token_again(struct charger *c, int evse)
{
    const struct expression *token = c->profile->evses[evse - 1].id_token;
    int index = 0;
    for (size_t n = 0; (index = expression_point(token, n)) >= 0; n++)
        if (c->profile->points[index].access & ACCESS_R)
            (void)c->ops->read(c->device, &c->profile->points[index], ignore, NULL);
}

void wish_on_job_done(struct job *job, int err)
{
    struct charger *c = job->charger;
    struct outlet *o = &c->outlets[job->evse ? job->evse - 1 : 0];
    struct order *order = job->order;
    job->order = NULL;
    switch ((enum slot)job->slot) {
    case SLOT_SWITCH:
        on_switch_done(c, o, job, order, err);
        break;
    case SLOT_LIMIT:
        on_limit_done(c, o, job, order, err);
        break;
    case SLOT_UNLOCK:
        order_finish(c, order, err);
        break;
    case SLOT_RESET:
        if (order && (err == 0 || was_reset(job, err)))
            await_restart(c, o, order);
        else
            order_finish(c, order, err);
        break;
    case SLOT_ACKNOWLEDGE:
        o->unacknowledged = err < 0 && err != -ERR_REFUSED;
        if (o->unacknowledged)
            retry_later(c, o);
        else if (err == 0)
            read_token_again(c, job->evse);
        break;
    case SLOT_DISPLAY:
        o->displayed = err == 0 || err == -ERR_REFUSED;
        if (!o->displayed)
            retry_later(c, o);
        break;
    case SLOT_ANSWER: /* later it would answer another */
        break;
    case SLOT_SETUP:
        if (err < 0 && err != -ERR_REFUSED)
            c->setup_ms = env_now_ms(c->env) + SETUP_AGAIN_MS;
        on_ready(c);
        break;
    case SLOT_KEEPALIVE:
        if (err < 0 &&
            err != -ERR_REFUSED) /* in time for a second and a third try before the device gives us up */
            c->keepalive_ms = env_now_ms(c->env) + c->profile->keepalive_ms / KEEPALIVE_HASTE;
        break;
    }
    wish_advance(c);
}
