/* Jobs: a row of steps (set, wait, until), done one after the other over the time it takes.
 *
 *     IDLE -> PENDING -> (READING ->) WRITING -> (next step) -> WAITING | UNTIL -> ... -> IDLE and wish_on_job_done()
 *
 * A write is always waited for: no job writes twice at once, and a job that was replaced while its write
 * is on the way lets the write come back before the new one begins. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "charger/charger_internal.h"

#define READ_AGAIN_MIN_MS 500 /* while an effect is awaited, at most so often besides the plan */

static void forget_text(struct job *job)
{
    free(job->text);
    job->text = NULL;
}

static void set_idle(struct job *job)
{
    forget_text(job);
    job->state = JOB_IDLE;
}

bool job_is_idle(const struct job *job)
{
    return job->state == JOB_IDLE || (job->discarded && !job->again);
}

void job_begin(struct job *job, const struct steps *steps, struct order *order, double limit_A)
{
    job->steps = steps;
    job->order = order;
    job->limit_A = limit_A;
    job->at = 0;
    job->wrote = job->looked = job->verifying = false;
    job->err = 0;
    if (job->state == JOB_WRITING) {
        job->discarded = true;
        job->again = true;
    } else {
        set_idle(job);
        job->state = JOB_PENDING;
    }
}

struct order *job_cancel(struct job *job)
{
    struct order *order = job->order;
    job->order = NULL;
    job->again = false;
    if (job->state == JOB_WRITING)
        job->discarded = true;
    else
        set_idle(job);
    return order;
}

static void next_step(struct job *job)
{
    job->at++;
    job->looked = job->verifying = false;
}

static void end(struct job *job, int err)
{
    set_idle(job);
    wish_on_job_done(job, err);
}

/* The limit for a job that tells it again, or starts with it. One that is on its way to the device is nobody
 * else's to write: the one before it would take its place. Where none was asked for, a start may have all
 * there is. */
static double limit_again_A(const struct job *job, const struct outlet *o, double max_A)
{
    if (job->charger->profile->evses[o - job->charger->outlets].commands[EVSE_LIMIT].starts) {
        if (job->slot == SLOT_SWITCH)
            return job->is_start ? job->limit_A : 0;
        if (!job_is_idle(&o->jobs[SLOT_SWITCH])) /* it is being started or stopped */
            return NAN;
        if (o->applied != WISH_START) /* renewing what it was told last must not start it */
            return o->applied == WISH_STOP ? 0 : NAN;
    }
    bool settled = job_is_idle(&o->jobs[SLOT_LIMIT]);
    double most_A =
        wish_start_limit_A(job->charger, o); /* less than it was told, if it refused the last one */
    if (settled && !isnan(o->applied_A))
        return most_A > 0 && most_A < o->applied_A ? most_A : o->applied_A;
    return settled && job->slot == SLOT_SWITCH && !(o->asked_A < max_A) ? max_A : NAN;
}

static struct expression_arguments arguments_of(const struct job *job, const struct step *step)
{
    const struct charger *c = job->charger;
    int evse = job->evse ? job->evse : step->evse ? step->evse : 1;
    const struct evse_abilities *a = &c->profile->evses[evse - 1].abilities;
    double limit_A =
        job->slot == SLOT_LIMIT ? job->limit_A : limit_again_A(job, &c->outlets[evse - 1], a->max_current_A);
    const struct outlet *o = &c->outlets[evse - 1];
    int phases = o->asked_phases && a->switches_phases ? o->asked_phases : a->phases;
    return (struct expression_arguments){
        .number = { [ARGUMENT_LIMIT_A] = limit_A,
                    [ARGUMENT_LIMIT_W] = limit_A * phases * a->voltage_V,
                    [ARGUMENT_PHASES] = phases,
                    [ARGUMENT_PRIORITY] = job->slot == SLOT_DISPLAY ? (double)o->display_priority : NAN },
        .text = job->slot == SLOT_DISPLAY ? o->display_text : NULL,
    };
}

static struct expression_value evaluate(const struct job *job, const struct step *step)
{
    struct expression_arguments arguments = arguments_of(job, step);
    return expression_eval(step->value, job->charger->values, &arguments);
}

/* ---- set ---- */

/* Nobody may round a limit up, in whatever command it stands. */
static enum value_rounding rounding_of(const struct job *job, const struct step *step)
{
    bool is_limit = job->slot == SLOT_LIMIT || expression_uses_argument(step->value, ARGUMENT_LIMIT_A) ||
                    expression_uses_argument(step->value, ARGUMENT_LIMIT_W);
    return is_limit ? ROUND_DOWN : ROUND_NEAREST;
}

static int encode(const struct job *job, const struct point *point, enum value_rounding rounding,
                  uint8_t *ret, size_t *ret_len)
{
    if (job->text)
        return value_encode_text(point, job->text, ret, ret_len);
    return value_encode_number(point, charger_power_of(job->charger, point), job->number, rounding, ret,
                               ret_len);
}

/* What was acknowledged is the value until the next reading says otherwise; for a write-only point it is
 * all we ever know. A write that a newer one took the place of was never sent: what was known still is. */
static void remember(struct job *job, int err)
{
    struct charger *c = job->charger;
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    struct value value;
    if (c->events->on_write)
        c->events->on_write(c->ctx, job->point, job->number, job->text, err);
    if (err == 0 && encode(job, job->point, ROUND_NEAREST, raw, &len) == 0 &&
        value_decode(job->point, charger_power_of(c, job->point), raw, len, &value) == 0)
        charger_store(c, job->point, &value);
    else if (err != -ERR_SUPERSEDED)
        charger_doubt(c, job->point);
    forget_text(job);
}

/* The job was replaced or given up while its write was on the way. */
static void leave_discarded(struct job *job)
{
    bool again = job->again;
    job->discarded = job->again = false;
    set_idle(job);
    if (again)
        job->state = JOB_PENDING;
    wish_advance(job->charger);
}

/* Setup and keepalive are settings side by side, perhaps of several EVSEs: what one does not take keeps the
 * others from nothing. A refusal is for good; anything else may pass. */
static bool goes_on(struct job *job, int err)
{
    if (job->slot < EVSE_SLOTS)
        return false;
    if (!job->err || err != -ERR_REFUSED)
        job->err = err;
    return true;
}

static void fail_step(struct job *job, int err)
{
    if (goes_on(job, err)) {
        next_step(job);
        job_run(job);
    } else {
        end(job, err);
    }
}

static void on_read(void *ctx, int err)
{
    struct job *job = ctx;
    /* The value, or that there is none, has come on its own way. Without an answer the old one still stands. */
    job->unread = job->unread || (err < 0 && err != -ERR_DEVICE_EXCEPTION);
    job->reads--;
    if (job->reads == 0)
        job_on_news(job);
    charger_arm(job->charger);
}

static bool ask_for(struct job *job, const struct point *point)
{
    struct charger *c = job->charger;
    if (!(point->access & ACCESS_R))
        return false;
    bool asked = c->ops->read(c->device, point, on_read, job) >= 0;
    job->unread = job->unread || !asked;
    job->reads = (uint16_t)(job->reads + asked);
    return asked;
}

/* ---- until; and a write that is read back ---- */

/* Asks for the points of the condition now. They are the reason why an old value does not pass for an
 * effect: the condition counts only when all of them have come back. */
static void read_points(struct job *job, const struct expression *e)
{
    int index = 0;
    for (size_t n = 0; (index = expression_point(e, n)) >= 0; n++)
        (void)ask_for(job, &job->charger->profile->points[index]);
}

static void begin_until(struct job *job, const struct step *step)
{
    int64_t time_ms = job->verifying ? step->point->verify_ms : step->time_ms;
    int64_t now = env_now_ms(job->charger->env), again = time_ms / 20;
    job->state = JOB_UNTIL;
    job->due_ms = now + time_ms;
    job->read_ms = now + (again > READ_AGAIN_MIN_MS ? again : READ_AGAIN_MIN_MS);
    job->unread = false;
    if (job->verifying)
        (void)ask_for(job, step->point);
    else
        read_points(job, step->value);
}

/* Does the point hold what was written? A float may come back a little off. */
static bool is_held(const struct job *job, const struct point *point)
{
    const struct point_value *now = &job->charger->values[point->index];
    double off = point_is_integral(point) ? 1e-9 : 1e-3;
    return now->quality == QUALITY_GOOD &&
           fabs(now->number - job->number) <= off * fmax(1, fabs(job->number));
}

static bool holds(const struct job *job, const struct step *step)
{
    if (job->reads > 0 || job->unread)
        return false;
    if (job->verifying)
        return is_held(job, step->point);
    struct expression_value v = evaluate(job, step);
    return v.known && v.bits != 0;
}

static void on_written(void *ctx, int err)
{
    struct job *job = ctx;
    struct charger *c = job->charger;
    remember(job, err);
    if (job->discarded) {
        leave_discarded(job);
    } else if (err == 0 && job->point->verify_ms > 0) {
        job->verifying = true;
        begin_until(job, &job->steps->list[job->at]);
    } else if (err < 0) {
        fail_step(job, err == -ERR_DEVICE_EXCEPTION ? -ERR_REFUSED : err);
    } else {
        next_step(job);
        job_run(job);
    }
    if (c->changed)
        charger_evaluate(c);
    charger_arm(c);
}

/* Then it will soon hold something else: a stop that takes back a limit must not go by what is there yet. */
static bool is_being_written(struct charger *c, const struct point *point)
{
    const struct job *job = NULL;
    for (size_t n = 0; (job = charger_job(c, n)); n++)
        if (job->state == JOB_WRITING && job->point == point)
            return true;
    return false;
}

/* Does the point hold this already, so that it must not (flash) or need not (limits) be written? */
static bool is_unchanged(const struct job *job, const struct point *point, const struct value *value)
{
    const struct point_value *now = &job->charger->values[point->index];
    if (!(point->persistent || job->slot == SLOT_LIMIT) || now->quality != QUALITY_GOOD ||
        is_being_written(job->charger, point))
        return false;
    return point_is_text(point) ? now->text && strcmp(now->text, value->text) == 0
                                : now->number == value->number;
}

/* Before a point is written, the power of ten that scales it must be known, and what it holds if it is
 * persistent. */
static bool look_first(struct job *job, const struct point *point)
{
    const struct charger *c = job->charger;
    bool asked = false;
    if (job->looked)
        return false;
    job->looked = true;
    if (!charger_has_scale(c, point))
        asked = ask_for(job, &c->profile->points[point->scale_point]);
    if (point->persistent && c->values[point->index].quality != QUALITY_GOOD)
        asked = ask_for(job, point) || asked;
    if (asked)
        job->state = JOB_READING;
    return asked;
}

/* Turns the step's value into bytes, and into what the device will make of them. */
static int prepare(struct job *job, const struct step *step, struct expression_value v, uint8_t *raw,
                   size_t *ret_len, struct value *ret)
{
    const struct point *point = step->point;
    job->number = v.number;
    if (!charger_has_scale(job->charger, point))
        return -ENODATA;
    if (point_is_text(point) && !(job->text = strdup(v.text)))
        return -ENOMEM;
    int r = encode(job, point, rounding_of(job, step), raw, ret_len);
    if (r == 0)
        r = value_decode(point, charger_power_of(job->charger, point), raw, *ret_len, ret);
    return r < 0 ? -ERANGE : 0;
}

/* A start that a limit came in between is done with less; a higher one follows it. */
static void lower_limit_of_start(struct job *job)
{
    const struct outlet *o = &job->charger->outlets[job->evse ? job->evse - 1 : 0];
    if (job->slot == SLOT_SWITCH && job->is_start && !isnan(job->limit_A))
        job->limit_A = fmin(job->limit_A, wish_start_limit_A(job->charger, o));
}

/* A write wears something out, and the last one is not long ago: it counts as done. */
static bool rests(const struct charger *c, const struct point *point)
{
    const struct point_value *now = &c->values[point->index];
    return point->rest_ms && now->sent_ms && env_now_ms(c->env) - now->sent_ms < point->rest_ms;
}

/* 1: the step is done; 0: the write is on its way; or negative. */
static int do_set(struct job *job, const struct step *step)
{
    struct charger *c = job->charger;
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    struct value value = { 0 };
    if (rests(c, step->point))
        return 1;
    if (look_first(job, step->point))
        return 0;
    lower_limit_of_start(job);
    struct expression_value v = evaluate(job, step);
    if (!v.known) /* a keepalive renews what there is; a command without its value is none */
        return job->slot >= EVSE_SLOTS ? 1 : -ENODATA;
    int r = prepare(job, step, v, raw, &len, &value);
    if (r == 0 && is_unchanged(job, step->point, &value))
        r = 1;
    if (r == 0) {
        if (!job->text)
            job->number = value.number; /* as the device will have it */
        job->state = JOB_WRITING;
        job->point = step->point;
        job->wrote = true;
        r = c->ops->write(c->device, step->point, raw, len, on_written, job);
        if (r == 0)
            c->values[step->point->index].sent_ms = env_now_ms(c->env);
    }
    if (r != 0)
        forget_text(job);
    return r;
}

/* ---- the row ---- */

/* 1: on to the next, 0: wait, or negative. */
static int do_step(struct job *job, const struct step *step)
{
    switch (step->kind) {
    case STEP_SET:
        return do_set(job, step);
    case STEP_WAIT:
        job->state = JOB_WAITING;
        job->due_ms = env_now_ms(job->charger->env) + step->time_ms;
        return 0;
    case STEP_UNTIL:
        begin_until(job, step);
        return holds(job, step);
    }
    return 1;
}

void job_run(struct job *job)
{
    while (job->at < job->steps->count) {
        int r = do_step(job, &job->steps->list[job->at]);
        if (r == 0)
            return;
        if (r < 0 && !goes_on(job, r)) {
            end(job, r);
            return;
        }
        next_step(job);
    }
    end(job, job->err);
}

void job_on_news(struct job *job)
{
    int64_t now = env_now_ms(job->charger->env);
    if (job->state == JOB_WAITING && now >= job->due_ms) {
        next_step(job);
        job_run(job);
        return;
    }
    if (job->state == JOB_READING && job->reads == 0) {
        job_run(job);
        return;
    }
    if (job->state != JOB_UNTIL)
        return;
    const struct step *step = &job->steps->list[job->at];
    if (holds(job, step)) {
        next_step(job);
        job_run(job);
    } else if (now >= job->due_ms) {
        fail_step(job, -ERR_NO_EFFECT);
    } else if (now >= job->read_ms && job->reads == 0) {
        int64_t due_ms = job->due_ms;
        begin_until(job, step);
        job->due_ms = due_ms;
    }
}

int64_t job_due_ms(const struct job *job)
{
    if (job->state == JOB_WAITING)
        return job->due_ms;
    if (job->state != JOB_UNTIL)
        return 0;
    return job->reads == 0 && job->read_ms < job->due_ms ? job->read_ms : job->due_ms;
}
