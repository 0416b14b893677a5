/* START and STOP to the device: energy flows only while a vehicle is connected and its driver is authorized (C01.FR.01).
 *
 *     wanted = authorized and connected and nothing against it
 *     wanted != told  ->  command;  failed  ->  the matter ends, or again after a while
 *
 * A START that fails the first time ends the matter: the driver stands there and must learn of it. Later ones (after a pause, a
 * fault, a silent device) are tried again, since the session is still to be continued. A STOP is never given up. */
#include "station/transaction_internal.h"

#include "base/err.h"
#include "base/log.h"

#define RETRY_MS     5000
#define RETRY_MAX_MS 300000

bool drive_is_allowed(const struct evse *e)
{
    const struct evse_transaction *tx = &e->tx;
    return (tx->points & TX_POWER_PATH_CLOSED) && tx->authorization == AUTHORIZATION_GRANTED &&
           !tx->stopping && !tx->no_more_energy;
}

bool drive_is_possible(const struct evse *e)
{
    return e->abilities.start_stop || (e->abilities.limit && e->abilities.supports_pause);
}

bool drive_is_on(const struct evse *e)
{
    const struct evse_transaction *tx = &e->tx;
    return e->abilities.start_stop &&
           (tx->drive == DRIVE_STARTED || (tx->drive == DRIVE_STOPPED && tx->drive_ticket));
}

static enum drive wanted(const struct evse *e)
{
    /* a limit that the device cannot hold by itself is held by not offering energy */
    bool pauses = smart_charging_is_paused(e) && !(e->abilities.limit && e->abilities.supports_pause);
    return drive_is_allowed(e) && !pauses ? DRIVE_STARTED : DRIVE_STOPPED;
}

static void retry_later(struct evse *e)
{
    int64_t delay_ms = RETRY_MS;
    for (int i = 1; i < e->tx.drive_failures && delay_ms < RETRY_MAX_MS; i++)
        delay_ms *= 2;
    env_timer_start(e->station->env, &e->tx.drive_timer, delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS);
}

static void tell(struct evse *e, enum drive drive)
{
    struct evse_transaction *tx = &e->tx;
    timer_stop(&tx->drive_timer);
    tx->drive = tx->drive_tried = drive;
    tx->start_held = drive == DRIVE_STARTED && smart_charging_is_paused(e);
    tx->drive_ticket = station_command(e->station, e, drive == DRIVE_STARTED ? EVSE_START : EVSE_STOP, 0);
}

/* A device that is started while its limit is 0 need not show anything: that counts as taken, and it is told again when the limit rises. */
static void follow_hold(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    bool paused = smart_charging_is_paused(e);
    if (tx->drive_ticket)
        tx->start_held = tx->start_held || (paused && tx->drive == DRIVE_STARTED);
    else if (tx->start_held && !paused)
        tx->drive = DRIVE_UNKNOWN;
}

void drive_update(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    /* the limit is told before the start; and the share is free when the current has ceased (K04.FR.05) */
    smart_charging_share_changed(e, drive_is_allowed(e) || e->signals.state == EVSE_CHARGING);
    follow_hold(e);
    enum drive want = wanted(e);
    if (!e->abilities.start_stop || tx->resumed || want == tx->drive)
        return; /* a device that cannot be started and stopped is held by its limit */
    if (want == DRIVE_STOPPED && tx->drive == DRIVE_UNKNOWN && tx->drive_tried != DRIVE_STARTED &&
        (!e->signals.online || e->signals.state == EVSE_UNKNOWN))
        return; /* an idle device that is not there yet: told when it comes */
    if (tx->drive == DRIVE_UNKNOWN && tx->drive_tried == want && timer_is_active(&tx->drive_timer))
        return; /* just failed: again when the timer says so */
    tx->drive_failures = 0;
    tell(e, want);
}

static void on_drive_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct evse *e = ctx;
    enum drive want = wanted(e);
    bool charges = want == DRIVE_STOPPED && e->signals.state == EVSE_CHARGING;
    if (!charges && want == e->tx.drive)
        return;
    if (charges && e->tx.drive_failures == 0)
        log_error(LOG_STATION, "device charges without authorization: station=%s evse=%d", e->station->id,
                  e->id);
    e->tx.drive_failures++;
    tell(e, want);
}

void drive_on_signals(struct evse *e, const struct evse_signals *before)
{
    struct evse_transaction *tx = &e->tx;
    const struct evse_signals *now = &e->signals;
    bool came_back = (now->online && !before->online) ||
                     (before->state == EVSE_UNKNOWN && now->state != EVSE_UNKNOWN) ||
                     (before->state == EVSE_FAULTED && now->state != EVSE_FAULTED);
    if (came_back && !tx->drive_ticket && tx->drive == DRIVE_STARTED)
        tx->drive = DRIVE_UNKNOWN; /* it may have forgotten */
    bool unasked =
        now->state == EVSE_CHARGING && before->state != EVSE_CHARGING && wanted(e) == DRIVE_STOPPED;
    if (unasked && !tx->drive_ticket && e->abilities.start_stop) {
        log_warn(LOG_STATION, "device charges without authorization, stopped: station=%s evse=%d",
                 e->station->id, e->id);
        tx->drive_failures = 0;
        tell(e, DRIVE_STOPPED);
        return;
    }
    if (came_back && tx->drive == DRIVE_UNKNOWN)
        timer_stop(&tx->drive_timer);
    drive_update(e);
}

/* Not the moment it was told, but the vehicle does not want energy now: the device has taken the command. */
static bool took_effect(const struct evse *e, int err)
{
    return err == 0 || (err == -ERR_NO_EFFECT &&
                        (e->signals.state == EVSE_SUSPENDED_EV || e->signals.state == EVSE_CHARGING));
}

static void on_start_failed(struct evse *e, int err)
{
    struct evse_transaction *tx = &e->tx;
    tx->drive = DRIVE_UNKNOWN;
    if (wanted(e) != DRIVE_STARTED)
        return;
    if (tx->energised) {
        if (tx->drive_failures == 0)
            log_warn(LOG_STATION, "device does not start again, keeps trying: station=%s evse=%d: %s",
                     e->station->id, e->id, err_text(err));
        retry_later(e);
        return;
    }
    log_error(LOG_STATION, "device does not start, the matter ends: station=%s evse=%d: %s", e->station->id,
              e->id, err_text(err));
    transaction_never_began(e);
    transaction_stop(e, TRIGGER_ABNORMAL_CONDITION, "Other"); /* E06.FR.16 */
}

void drive_on_command_done(struct evse *e, const struct evse_command *command, int err)
{
    struct evse_transaction *tx = &e->tx;
    if (command->ticket != tx->drive_ticket)
        return; /* a newer one took its place */
    tx->drive_ticket = 0;
    if (err == -ERR_SUPERSEDED)
        return;
    if (command->kind == EVSE_START) {
        if (err == -ERR_NO_EFFECT && tx->start_held && !took_effect(e, err)) {
            drive_update(e);
            return;
        }
        tx->start_held = false;
        if (!took_effect(e, err)) {
            on_start_failed(e, err);
            return;
        }
        tx->energised = true;
        tx->drive_failures = 0;
        return;
    }
    bool charging = e->signals.state == EVSE_CHARGING && wanted(e) == DRIVE_STOPPED;
    if (err) {
        if (err == -ERR_LINK_DOWN)
            log_info(LOG_STATION, "stop waits until the device answers: station=%s evse=%d", e->station->id,
                     e->id);
        else if (tx->drive_failures == 0)
            log_warn(LOG_STATION, "device does not take a stop, keeps trying: station=%s evse=%d: %s",
                     e->station->id, e->id, err_text(err));
        tx->drive = DRIVE_UNKNOWN;
    }
    if (charging || (err && e->signals.online))
        retry_later(e); /* looks again, and stops again if it still charges */
}

void drive_init(struct evse *e)
{
    e->tx.drive = DRIVE_UNKNOWN;
    timer_init(&e->tx.drive_timer, e->station->env->timers, on_drive_timer, e);
}
