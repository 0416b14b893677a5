/* Reset (B11, B12). What is reset is the charging station the CSMS sees and, where their profiles offer it, the devices; the
 * gateway's own process runs on.
 *
 *     NONE --OnIdle, busy--> WHEN_IDLE --idle--> ENDING_TRANSACTIONS --events delivered or time over--> RESTARTING --> NONE
 *     NONE --else----------------------------> */
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

#define DELIVERY_GRACE_MS 10000 /* on top of the message timeout (B12.FR.05) */
#define RESTART_MS        1000  /* how long the station stays away */
#define DEVICE_RESTART_MS 60000 /* ... at most, if devices restart, too */

static const char *const state_names[] = { "none", "when idle", "ending transactions", "restarting" };

static void set_state(struct station *s, enum reset_state state, const char *why)
{
    log_info(LOG_STATION, "reset: station=%s evse=%d %s -> %s: %s", s->id, s->provisioning.reset_evse,
             state_names[s->provisioning.reset], state_names[state], why);
    s->provisioning.reset = state;
}

/* `reset` 0: the whole station. */
static bool is_in_scope(int reset, const struct evse *e)
{
    return reset == 0 || reset == e->id;
}

static void report_statuses(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        availability_on_evse_changed(&s->evses[i]);
}

/* Tasks of the whole station that a reset would come in between (errata to B11: what OnIdle means). */
static bool is_busy(const struct station *s)
{
    return s->diagnostics.upload || s->report || s->customer_report ||
           s->firmware.phase == FIRMWARE_DOWNLOADS || s->firmware.phase == FIRMWARE_VERIFIES ||
           s->reservations.count > 0;
}

/* ... an EVSE whose socket still holds a driver's cable, or that is kept for someone. */
static bool is_idle(const struct evse *e)
{
    return evse_is_idle(e) && !(e->tx.cable_left && e->signals.locked) && !reservation_holds(e);
}

static bool scope_is_idle(const struct station *s, int evse)
{
    if (evse == 0 && is_busy(s))
        return false;
    for (size_t i = 0; i < s->evse_count; i++)
        if (is_in_scope(evse, &s->evses[i]) && !is_idle(&s->evses[i]))
            return false;
    return true;
}

static bool scope_has_transaction(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (is_in_scope(s->provisioning.reset_evse, &s->evses[i]) && transaction_is_running(&s->evses[i]))
            return true;
    return false;
}

static const char *boot_reason(bool scheduled)
{
    return scheduled ? "ScheduledReset" : "RemoteReset";
}

/* ---- the restart ---- */

static void finish(struct station *s)
{
    struct provisioning *p = &s->provisioning;
    bool whole_station = p->reset_evse == 0;

    timer_stop(&p->reset_timer);
    set_state(s, RESET_NONE, "restarted");
    p->reset_evse = 0;
    if (!whole_station) {
        report_statuses(s);
        return;
    }
    outbox_clear(s, false);
    provisioning_reboot(s, boot_reason(p->reset_after_transaction));
    network_profiles_reboot(s);
    network_reconnect(s, 0);
}

static bool devices_restart(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].reset_ticket)
            return true;
    return false;
}

static void restart(struct station *s)
{
    struct provisioning *p = &s->provisioning;

    set_state(s, RESET_RESTARTING, "transactions are over");
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        bool is_meant = is_in_scope(p->reset_evse, e) && e->abilities.reset;
        e->reset_attempts = 0;
        e->reset_ticket = is_meant ? station_command(s, e, EVSE_RESET, 0) : 0;
    }
    env_timer_start(s->env, &p->reset_timer, devices_restart(s) ? DEVICE_RESTART_MS : RESTART_MS);
    if (p->reset_evse == 0)
        network_stop(s);
    else
        report_statuses(s);
}

void reset_on_command_done(struct evse *e, const struct evse_command *command, int err)
{
    struct station *s = e->station;
    struct provisioning *p = &s->provisioning;
    if (command->kind != EVSE_RESET || p->reset != RESET_RESTARTING || command->ticket != e->reset_ticket)
        return; /* or of an earlier reset, whose device took too long */

    if (err < 0) {
        log_warn(LOG_STATION, "device was not reset: station=%s evse=%d error=%d", s->id, e->id, err);
        if (e->reset_attempts < variable_int(s, VAR_COMM_RESET_RETRIES)) {
            e->reset_attempts++;
            e->reset_ticket = station_command(s, e, EVSE_RESET, 0);
            return;
        }
    }
    e->reset_ticket = 0;
    if (!devices_restart(s))
        env_timer_start(s->env, &p->reset_timer, RESTART_MS);
}

void provisioning_on_idle(struct station *s)
{
    struct provisioning *p = &s->provisioning;

    firmware_on_idle(s);
    if (p->reset == RESET_WHEN_IDLE && scope_is_idle(s, p->reset_evse)) {
        set_state(s, RESET_ENDING_TRANSACTIONS, "idle");
        env_timer_start(s->env, &p->reset_timer,
                        variable_int(s, VAR_COMM_MESSAGE_TIMEOUT) * 1000 + DELIVERY_GRACE_MS);
    }
    if (p->reset != RESET_ENDING_TRANSACTIONS || scope_has_transaction(s))
        return;
    /* B12.FR.04, .05: the events go first where they can; else they follow the restart. */
    if (!station_is_accepted(s) || outbox_is_drained(s))
        restart(s);
}

static void on_reset_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;

    switch (s->provisioning.reset) {
    case RESET_ENDING_TRANSACTIONS:
        restart(s);
        break;
    case RESET_RESTARTING:
        finish(s);
        break;
    case RESET_NONE:
    case RESET_WHEN_IDLE:
        break;
    }
}

bool provisioning_is_resetting(const struct station *s, int evse)
{
    const struct provisioning *p = &s->provisioning;
    if (firmware_holds(s))
        return true;
    return p->reset != RESET_NONE && (p->reset_evse == 0 || p->reset_evse == evse);
}

void reset_on_link_down(struct station *s)
{
    provisioning_on_idle(s); /* no need to wait for answers any more */
}

/* ---- the request ---- */

struct reset_request {
    struct rpc_request request;
    bool immediate, scheduled;
    int evse;
};

static void begin(struct station *s, const struct reset_request *r)
{
    struct provisioning *p = &s->provisioning;

    p->reset_evse = r->evse;
    p->reset_after_transaction = r->scheduled;
    if (r->scheduled) {
        set_state(s, RESET_WHEN_IDLE, "asked for");
        report_statuses(s); /* what is free takes no new transaction (B12) */
        return;
    }
    set_state(s, RESET_ENDING_TRANSACTIONS, "asked for");
    env_timer_start(s->env, &p->reset_timer,
                    variable_int(s, VAR_COMM_MESSAGE_TIMEOUT) * 1000 + DELIVERY_GRACE_MS);
    if (r->immediate && !scope_is_idle(s, r->evse)) /* errata to B12.FR.04, .08 */
        transactions_end(s, r->evse ? station_evse(s, r->evse) : NULL, "ImmediateReset", "ResetCommand");
    provisioning_on_idle(s);
}

/* Why a reset of the EVSE (0: station) cannot be had now, or NULL. */
static const char *refusal(struct station *s, int64_t evse)
{
    const struct provisioning *p = &s->provisioning;
    const struct evse *e = station_evse(s, evse);

    if (evse != 0 && !e)
        return "UnknownEvse";
    if (e && !e->abilities.reset)
        return "UnsupportedParam"; /* B11.FR.09, B12.FR.09 */
    if (firmware_is_installing(s))
        return "FwUpdateInProgress"; /* B11.FR.06 */
    if (p->reset == RESET_ENDING_TRANSACTIONS || p->reset == RESET_RESTARTING)
        return "InvalidMessageSeq";
    if (p->reset == RESET_WHEN_IDLE && evse != 0 && p->reset_evse != evse)
        return "InvalidMessageSeq"; /* one at a time */
    return NULL;
}

static void on_reset_stored(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct reset_request *r = ctx;
    if (s->freeing)
        return;
    if (err < 0) {
        answer_status(s, &r->request, "Rejected", "InternalError");
        return;
    }
    const char *reason = refusal(s, r->evse); /* another may have begun while this one was stored */
    if (reason) {
        answer_status(s, &r->request, "Rejected", reason);
        return;
    }
    answer_status(s, &r->request, r->scheduled ? "Scheduled" : "Accepted", NULL); /* B12.FR.01, .02 */
    begin(s, r);
}

static void on_reset(struct station *s, const struct rpc_request *request)
{
    int64_t evse = json_get_int(request->payload, "evseId", 0);
    const char *reason = refusal(s, evse);
    struct reset_request *r = reason ? NULL : calloc(1, sizeof(*r));
    if (!r) {
        answer_status(s, request, "Rejected", reason ? reason : "OutOfMemory");
        return;
    }

    r->request = *request;
    r->request.payload = NULL;
    r->evse = (int)evse;
    r->immediate = str_equal(json_get_string(request->payload, "type", ""), "Immediate");
    r->scheduled = !r->immediate && !scope_is_idle(s, r->evse);

    if (r->evse != 0) {
        on_reset_stored(s, r, 0);
        return;
    }
    station_persist(s, &(struct record){ RECORD_STATE, "reset", boot_reason(r->scheduled) }, 1,
                    on_reset_stored, r);
}

const struct handler provisioning_handlers[] = {
    { "Reset", WHEN_PENDING_TOO, on_reset },
    { NULL, WHEN_ACCEPTED, NULL },
};

void reset_init(struct station *s)
{
    timer_init(&s->provisioning.reset_timer, s->env->timers, on_reset_timer, s);
}

void reset_done(struct station *s)
{
    timer_stop(&s->provisioning.reset_timer);
}
