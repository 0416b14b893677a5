/* A firmware update from the request to its last status (L01; L02 where unsigned images are taken).
 *
 *   IDLE --UpdateFirmware--> WAITS_TO_DOWNLOAD --time--> DOWNLOADS --bytes are there--> VERIFIES --signature fits--> WAITS_TO_INSTALL
 *                                  WAITS_TO_RETRY <--failed--'  `--time-->'                                               |
 *      WAITS_TO_ACTIVATE <--installed-- INSTALLS <--begun-- IS_READY <--time, and no transaction where that matters-------'
 *        |-- in force at once: the station starts anew, IDLE
 *        `-- the gateway must start anew: ACTIVATES --start--> CONFIRMS --it is in force--> IDLE
 *
 * What is done (bytes, signatures, hooks) is the gateway's, by steps. Every phase stands in the store before it is acted on, so that a
 * power cut finds its way; a station that comes up in the middle of an installation asks whether it is in force. */
#include "station/firmware.h"

#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

#define WAIT_MAX_MS       3600000 /* the wall clock may step meanwhile: looked at again */
#define READY_MS          2000    /* an installation that has not begun by then waits for other stations */
#define ACTIVATE_GRACE_MS 10000   /* for the CSMS to have the status before the restart */

/* ---- small questions ---- */

bool firmware_is_installing(const struct station *s)
{
    switch (s->firmware.phase) {
    case FIRMWARE_INSTALLS:
    case FIRMWARE_WAITS_TO_ACTIVATE:
    case FIRMWARE_ACTIVATES:
    case FIRMWARE_CONFIRMS:
        return true;
    case FIRMWARE_IDLE:
    case FIRMWARE_WAITS_TO_DOWNLOAD:
    case FIRMWARE_DOWNLOADS:
    case FIRMWARE_WAITS_TO_RETRY:
    case FIRMWARE_VERIFIES:
    case FIRMWARE_WAITS_TO_INSTALL:
    case FIRMWARE_IS_READY:
    case FIRMWARE_PHASES:
        break;
    }
    return false;
}

static bool is_busy(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (!evse_is_idle(&s->evses[i]))
            return true;
    return false;
}

static bool has_transaction(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]))
            return true;
    return false;
}

/* Milliseconds until a wall-clock time; 0: it is now. */
static int64_t left_ms(const struct station *s, int64_t when_ms)
{
    int64_t left = when_ms - station_wall_ms(s);
    return left > 0 ? left : 0;
}

/* L01.FR.07, .33: while the end of transactions is waited for, what is free takes no new ones unless that is wanted; and while
 * the installation runs, where it bears none. */
bool firmware_holds(const struct station *s)
{
    const struct firmware *f = &s->firmware;
    if (f->phase == FIRMWARE_IDLE)
        return false;
    bool waits = !variable_bool(s, VAR_STATION_ALLOW_NEW_SESSIONS);
    switch (f->phase) {
    case FIRMWARE_WAITS_TO_DOWNLOAD:
        return waits && f->settings.transactions == FIRMWARE_NOTHING_MEANWHILE &&
               left_ms(s, f->update.retrieve_ms) == 0;
    case FIRMWARE_WAITS_TO_INSTALL:
        return waits && f->settings.transactions != FIRMWARE_INSTALLS_MEANWHILE &&
               left_ms(s, f->update.install_ms) == 0;
    case FIRMWARE_IS_READY:
    case FIRMWARE_INSTALLS:
        return f->settings.transactions != FIRMWARE_INSTALLS_MEANWHILE;
    case FIRMWARE_WAITS_TO_ACTIVATE:
        return waits || !is_busy(s);
    case FIRMWARE_ACTIVATES:
        return true;
    case FIRMWARE_IDLE:
    case FIRMWARE_DOWNLOADS:
    case FIRMWARE_WAITS_TO_RETRY:
    case FIRMWARE_VERIFIES:
    case FIRMWARE_CONFIRMS: /* what runs now, runs: it is only asked what it is */
    case FIRMWARE_PHASES:
        break;
    }
    return false;
}

static void report_statuses(struct station *s)
{
    if (!s->started)
        return;
    for (size_t i = 0; i < s->evse_count; i++)
        availability_on_evse_changed(&s->evses[i]);
}

void firmware_settings_changed(struct station *s)
{
    report_statuses(s);
}

/* ---- steps ---- */

static void set_phase(struct station *s, enum firmware_phase phase)
{
    log_debug(LOG_STATION, "firmware: station=%s %s -> %s", s->id, firmware_phase_names[s->firmware.phase],
              firmware_phase_names[phase]);
    s->firmware.phase = phase;
}

int firmware_ask(struct station *s, enum firmware_step step, const struct firmware_update *update)
{
    struct firmware *f = &s->firmware;
    if (!s->ops->firmware)
        return -ENOSYS;
    uint32_t ticket = f->ticket + 1 ? f->ticket + 1 : 1;
    struct firmware_job job = { .step = step, .ticket = ticket };
    if (update) {
        job.location = update->location;
        job.certificate = update->certificate;
        job.signature = update->signature;
    }
    AUTO_FREE char *trusted =
        NULL; /* who the CSMS is, may say where the image is; its signature counts in any case */
    if (step == FIRMWARE_DOWNLOAD && certificates_trusted(s, &trusted) == 0)
        job.trusted_pem = trusted;
    int r = s->ops->firmware(s->ctx, &job);
    if (r == 0) /* a claim that was refused leaves what runs */
        f->ticket = ticket;
    return r;
}

static void ask(struct station *s, enum firmware_step step)
{
    struct firmware *f = &s->firmware;
    if (firmware_ask(s, step, &f->update) < 0)
        log_warn(LOG_STATION, "the gateway cannot do a step of the update now: station=%s phase=%s", s->id,
                 firmware_phase_names[f->phase]);
}

/* It is over, well or not. */
static void end(struct station *s, enum firmware_status status)
{
    set_phase(s, FIRMWARE_IDLE);
    timer_stop(&s->firmware.timer);
    firmware_tell(s, status);
    (void)firmware_ask(s, FIRMWARE_RELEASE, NULL);
    report_statuses(s);
}

static void wait_until(struct station *s, int64_t left)
{
    env_timer_start(s->env, &s->firmware.timer, left < WAIT_MAX_MS ? left : WAIT_MAX_MS);
}

static void download(struct station *s)
{
    bool is_news = s->firmware.status != FIRMWARE_STATUS_DOWNLOADING;
    set_phase(s, FIRMWARE_DOWNLOADS);
    if (is_news)
        firmware_tell(s, FIRMWARE_STATUS_DOWNLOADING);
    ask(s, FIRMWARE_DOWNLOAD);
}

/* L01.FR.13 */
static void try_download(struct station *s)
{
    struct firmware *f = &s->firmware;
    int64_t left = left_ms(s, f->update.retrieve_ms);
    bool waits = left > 0 || (f->settings.transactions == FIRMWARE_NOTHING_MEANWHILE && is_busy(s));
    if (waits && f->status != FIRMWARE_STATUS_DOWNLOAD_SCHEDULED)
        firmware_tell(s, FIRMWARE_STATUS_DOWNLOAD_SCHEDULED);
    if (left > 0)
        wait_until(s, left);
    else if (!waits)
        download(s);
    report_statuses(s);
}

/* L01.FR.05, .06, .16, .34 */
static void try_install(struct station *s)
{
    struct firmware *f = &s->firmware;
    int64_t left = left_ms(s, f->update.install_ms);
    bool waits = left > 0 || (f->settings.transactions != FIRMWARE_INSTALLS_MEANWHILE && is_busy(s));
    if (waits && f->status != FIRMWARE_STATUS_INSTALL_SCHEDULED)
        firmware_tell(s, FIRMWARE_STATUS_INSTALL_SCHEDULED);
    if (left > 0)
        wait_until(s, left);
    else if (!waits) {
        set_phase(s, FIRMWARE_IS_READY);
        env_timer_start(s->env, &f->timer, READY_MS);
        ask(s, FIRMWARE_INSTALL);
    }
    report_statuses(s);
}

/* In force without a restart of the gateway: the station reconnects as new, and then tells it. One that charges does only the former
 * [L01.FR.28]. */
static void start_anew(struct station *s)
{
    if (!has_transaction(s)) {
        outbox_clear(s, false);
        provisioning_reboot(s, "FirmwareUpdate");
    }
    network_reconnect(s, 0);
    end(s, FIRMWARE_STATUS_INSTALLED);
    security_event(s, "FirmwareUpdated", NULL); /* L01.FR.31 */
}

/* The CSMS has some time to hear what was told. */
static void await_activation(struct station *s)
{
    struct firmware *f = &s->firmware;
    f->grace_until_ms = env_now_ms(s->env) + ACTIVATE_GRACE_MS;
    env_timer_start(s->env, &f->timer, f->notice_count > 0 ? ACTIVATE_GRACE_MS : 0);
}

static void tell_rebooting(struct station *s)
{
    firmware_tell(s, FIRMWARE_STATUS_INSTALL_REBOOTING);
    await_activation(s);
}

/* L01.FR.32 (a), .33. From the timer only: it ends the link. */
static void try_activate(struct station *s)
{
    struct firmware *f = &s->firmware;
    int64_t grace = f->grace_until_ms - env_now_ms(s->env);
    if (f->needs_restart && is_busy(s))
        return;
    if (f->needs_restart && f->status != FIRMWARE_STATUS_INSTALL_REBOOTING) { /* not while it still waits */
        tell_rebooting(s);
        return;
    }
    if (f->notice_count > 0 && grace > 0) {
        env_timer_start(s->env, &f->timer, grace);
        return;
    }
    if (!f->needs_restart) {
        start_anew(s);
        return;
    }
    set_phase(s, FIRMWARE_ACTIVATES);
    firmware_store(s, NULL, NULL);
    station_persist(s, &(struct record){ RECORD_STATE, "reset", "FirmwareUpdate" }, 1, NULL, NULL);
    report_statuses(s);
    ask(s, FIRMWARE_ACTIVATE);
}

static void step(struct station *s)
{
    switch (s->firmware.phase) {
    case FIRMWARE_WAITS_TO_DOWNLOAD:
        try_download(s);
        break;
    case FIRMWARE_WAITS_TO_INSTALL:
        try_install(s);
        break;
    case FIRMWARE_WAITS_TO_ACTIVATE:
        try_activate(s);
        break;
    case FIRMWARE_WAITS_TO_RETRY: /* for its timer */
    case FIRMWARE_IDLE:
    case FIRMWARE_DOWNLOADS:
    case FIRMWARE_VERIFIES:
    case FIRMWARE_IS_READY:
    case FIRMWARE_INSTALLS:
    case FIRMWARE_ACTIVATES:
    case FIRMWARE_CONFIRMS:
    case FIRMWARE_PHASES:
        break;
    }
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;
    if (s->firmware.phase == FIRMWARE_WAITS_TO_RETRY)
        download(s);
    else if (s->firmware.phase == FIRMWARE_IS_READY &&
             s->firmware.status != FIRMWARE_STATUS_INSTALL_SCHEDULED)
        firmware_tell(s, FIRMWARE_STATUS_INSTALL_SCHEDULED); /* others of the same image are not as far */
    else
        step(s);
}

void firmware_clock_changed(struct station *s)
{
    struct firmware *f = &s->firmware;
    bool has_date = f->phase == FIRMWARE_WAITS_TO_DOWNLOAD || f->phase == FIRMWARE_WAITS_TO_INSTALL;
    if (has_date && timer_is_active(&f->timer))
        env_timer_start(s->env, &f->timer, 0);
}

void firmware_on_idle(struct station *s)
{
    if (!s->started || s->stopping)
        return;
    struct firmware *f = &s->firmware;
    if (f->phase == FIRMWARE_WAITS_TO_ACTIVATE) {
        bool is_heard = f->notice_count == 0 || !timer_is_active(&f->timer); /* or its time is over */
        if (is_heard && !(f->needs_restart && is_busy(s)))
            env_timer_start(s->env, &f->timer, 0);
    } else if (!timer_is_active(&f->timer)) {
        step(s);
    }
}

/* ---- what the gateway says ---- */

static void on_verified(struct station *s, enum firmware_outcome outcome)
{
    struct firmware *f = &s->firmware;
    if (outcome == FIRMWARE_LOST) { /* a power cut has cost the image */
        download(s);
        return;
    }
    if (outcome != FIRMWARE_DONE) {
        end(s, FIRMWARE_STATUS_INVALID_SIGNATURE);
        security_event(s, "InvalidFirmwareSignature", NULL); /* L01.FR.03 */
        return;
    }
    /* Else it was checked once more, after a start; of an unsigned one only that it is there. */
    bool is_news = f->status == FIRMWARE_STATUS_DOWNLOADED && f->update.certificate;
    set_phase(s, FIRMWARE_WAITS_TO_INSTALL);
    if (is_news)
        firmware_tell(s, FIRMWARE_STATUS_SIGNATURE_VERIFIED);
    try_install(s);
}

static void on_downloaded(struct station *s, enum firmware_outcome outcome)
{
    struct firmware *f = &s->firmware;
    const struct firmware_update *u = &f->update;
    if (outcome != FIRMWARE_DONE && f->update.retries > 0) {
        f->update.retries--;
        set_phase(s, FIRMWARE_WAITS_TO_RETRY);
        firmware_store(s, NULL, NULL);
        log_info(LOG_STATION, "the download is tried again: station=%s request=%lld in_s=%lld left=%d", s->id,
                 (long long)u->request_id, (long long)u->retry_interval_ms / 1000, u->retries);
        env_timer_start(s->env, &f->timer, u->retry_interval_ms);
        return;
    }
    if (outcome != FIRMWARE_DONE) {
        end(s, FIRMWARE_STATUS_DOWNLOAD_FAILED); /* L01.FR.30 */
        return;
    }
    set_phase(s, u->certificate ? FIRMWARE_VERIFIES : FIRMWARE_WAITS_TO_INSTALL);
    firmware_tell(s, FIRMWARE_STATUS_DOWNLOADED);
    if (!u->certificate) /* L02 */
        try_install(s);
    else if (u->signature)
        ask(s, FIRMWARE_VERIFY);
    else
        on_verified(s, FIRMWARE_FAILED);
}

static void on_installed(struct station *s, enum firmware_outcome outcome)
{
    struct firmware *f = &s->firmware;
    switch (outcome) {
    case FIRMWARE_STARTED:
        timer_stop(&f->timer);
        set_phase(s, FIRMWARE_INSTALLS);
        firmware_tell(s, FIRMWARE_STATUS_INSTALLING);
        return;
    case FIRMWARE_DONE:
    case FIRMWARE_NEEDS_RESTART:
        f->needs_restart = outcome == FIRMWARE_NEEDS_RESTART;
        set_phase(s, FIRMWARE_WAITS_TO_ACTIVATE);
        if (f->needs_restart ? !is_busy(s) : !has_transaction(s)) /* L01.FR.32 */
            tell_rebooting(s);
        else { /* first the end of transactions; or it only connects anew */
            firmware_store(s, NULL, NULL);
            await_activation(s);
        }
        report_statuses(s);
        return;
    case FIRMWARE_NOT_SUITABLE:
        end(s, FIRMWARE_STATUS_INSTALL_VERIFICATION_FAILED); /* L01.FR.29 */
        return;
    case FIRMWARE_FAILED:
    case FIRMWARE_LOST:
        break;
    }
    end(s, FIRMWARE_STATUS_INSTALLATION_FAILED);
}

static void on_confirmed(struct station *s, enum firmware_outcome outcome)
{
    if (outcome != FIRMWARE_DONE) {
        end(s, FIRMWARE_STATUS_INSTALLATION_FAILED);
        return;
    }
    end(s, FIRMWARE_STATUS_INSTALLED);
    security_event(s, "FirmwareUpdated", NULL);
}

void station_on_firmware_done(struct station *s, uint32_t ticket, enum firmware_outcome outcome)
{
    if (ticket != s->firmware.ticket || s->freeing)
        return; /* of an update that was cancelled */
    switch (s->firmware.phase) {
    case FIRMWARE_DOWNLOADS:
        on_downloaded(s, outcome);
        break;
    case FIRMWARE_VERIFIES:
        on_verified(s, outcome);
        break;
    case FIRMWARE_IS_READY:
    case FIRMWARE_INSTALLS:
        on_installed(s, outcome);
        break;
    case FIRMWARE_CONFIRMS:
        on_confirmed(s, outcome);
        break;
    case FIRMWARE_IDLE:
    case FIRMWARE_WAITS_TO_DOWNLOAD:
    case FIRMWARE_WAITS_TO_RETRY:
    case FIRMWARE_WAITS_TO_INSTALL:
    case FIRMWARE_WAITS_TO_ACTIVATE:
    case FIRMWARE_ACTIVATES:
    case FIRMWARE_PHASES:
        break;
    }
}

/* ---- life ---- */

void firmware_begin(struct station *s, struct firmware_update *update)
{
    struct firmware *f = &s->firmware;
    timer_stop(&f->timer);
    firmware_update_clear(&f->update);
    f->update = *update;
    *update = (struct firmware_update){ .install_ms = -1 };
    f->status = FIRMWARE_STATUS_NONE;
    f->is_told = true;
    f->needs_restart = false;
    set_phase(s, FIRMWARE_WAITS_TO_DOWNLOAD);
    try_download(s);
}

/* An installation that a power cut or the restart has ended: the hook knows whether it is in force. What was to come into force
 * by the station's own restart is in force now. */
static void resume(struct station *s)
{
    struct firmware *f = &s->firmware;
    switch (f->phase) {
    case FIRMWARE_DOWNLOADS:
    case FIRMWARE_WAITS_TO_RETRY:
        download(s);
        break;
    case FIRMWARE_VERIFIES:
    case FIRMWARE_WAITS_TO_INSTALL:
    case FIRMWARE_IS_READY:
        set_phase(s, FIRMWARE_VERIFIES);
        ask(s, FIRMWARE_VERIFY);
        break;
    case FIRMWARE_INSTALLS:
    case FIRMWARE_WAITS_TO_ACTIVATE:
    case FIRMWARE_ACTIVATES:
    case FIRMWARE_CONFIRMS:
        set_phase(s, FIRMWARE_CONFIRMS);
        ask(s, FIRMWARE_CONFIRM);
        break;
    case FIRMWARE_IDLE:
    case FIRMWARE_WAITS_TO_DOWNLOAD:
    case FIRMWARE_PHASES:
        step(s);
        break;
    }
}

void firmware_start(struct station *s)
{
    struct firmware *f = &s->firmware;
    if (!f->is_told && f->status != FIRMWARE_STATUS_NONE && f->phase != FIRMWARE_ACTIVATES)
        firmware_tell(s, f->status);
    if (f->phase == FIRMWARE_IDLE)
        return;
    int err = f->settings.is_possible ? firmware_ask(s, FIRMWARE_CLAIM, &f->update) : -ENOSYS;
    if (err == 0) {
        resume(s);
        return;
    }
    log_warn(LOG_STATION, "a firmware update cannot be taken up again: station=%s error=\"%s\"", s->id,
             err_text(err));
    end(s, firmware_is_installing(s) ? FIRMWARE_STATUS_INSTALLATION_FAILED : FIRMWARE_STATUS_DOWNLOAD_FAILED);
}

void firmware_init(struct station *s, const struct firmware_settings *settings)
{
    struct firmware *f = &s->firmware;
    f->settings = *settings;
    f->is_told = true;
    f->update.install_ms = -1;
    timer_init(&f->timer, s->env->timers, on_timer, s);
}

void firmware_done(struct station *s)
{
    struct firmware *f = &s->firmware;
    if (f->timer.timers)
        timer_stop(&f->timer);
    firmware_update_clear(&f->update);
}
