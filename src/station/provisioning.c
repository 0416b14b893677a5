/* Registration, heartbeat and clock (B01-B04, G02).
 *
 *     NONE or PENDING or REJECTED --BootNotification--> PENDING, REJECTED or ACCEPTED
 *     ACCEPTED --restart (reset.c)--> NONE
 *
 * A lost link changes nothing in it: the station reports itself only after a start (Part 4, 5.3). */
#include "station/provisioning.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

/* Our own wait where the CSMS gives none, does not answer or answers with an error (B01 error handling; B02.FR.07); and up to so
 * much more at random, so that stations do not march in step. */
#define BOOT_RETRY_MS        60000
#define BOOT_RETRY_RANDOM_MS 10000

/* G02.FR.07 */
#define CLOCK_REFRESH_MS 86400000
/* Times of the CSMS may come without decimals: a difference below says nothing, and following it would make our clock jump back and
 * forth. */
#define CLOCK_RESOLUTION_MS 1000

const char *const registration_names[] = { "None", "Pending", "Rejected", "Accepted" };

/* ---- clock ---- */

static bool uses_csms_time(const struct station *s)
{
    return variable_has_member(s, VAR_CLOCK_TIME_SOURCE, "Heartbeat");
}

int64_t station_wall_ms(const struct station *s)
{
    if (s->provisioning.clock_is_set)
        return env_now_ms(s->env) + s->provisioning.clock_offset_ms;
    return env_wall_ms(s->env);
}

/* B01.FR.06, G02.FR.06 */
static void set_clock(struct station *s, const char *current_time)
{
    int64_t csms_ms;
    if (!uses_csms_time(s))
        return;
    if (timestamp_parse(current_time, &csms_ms) < 0) {
        log_warn(LOG_STATION, "the CSMS sent a time that cannot be read: station=%s time=%s", s->id,
                 current_time);
        return;
    }

    struct provisioning *p = &s->provisioning;
    int64_t step_ms = csms_ms - station_wall_ms(s);
    p->last_heartbeat_ms = env_now_ms(s->env);
    if (!p->clock_is_set) {
        transactions_on_clock_set(s, step_ms);
        security_on_clock_set(s, llabs(step_ms) < CLOCK_RESOLUTION_MS ? 0 : step_ms);
    }
    if (p->clock_is_set && llabs(step_ms) < CLOCK_RESOLUTION_MS)
        return;
    if (llabs(step_ms) < CLOCK_RESOLUTION_MS) /* the host is right: keep its milliseconds */
        csms_ms = station_wall_ms(s);
    p->clock_is_set = true;
    p->clock_offset_ms = csms_ms - env_now_ms(s->env);
    if (llabs(step_ms) > variable_int(s, VAR_CLOCK_TIME_ADJUSTMENT_REPORTING_THRESHOLD) * 1000) {
        char text[64];
        snprintf(text, sizeof(text), "adjusted by %lld s", (long long)(step_ms / 1000));
        security_event(s, "SettingSystemTime", text);
    }
    metering_clock_changed(s);
    display_changed(s);
    firmware_clock_changed(s);
    reservations_clock_changed(s);
    smart_charging_update(s);
}

void provisioning_time_source_changed(struct station *s)
{
    if (uses_csms_time(s))
        trigger_heartbeat(s);
    else
        s->provisioning.clock_is_set = false;
    metering_clock_changed(s);
    display_changed(s);
    firmware_clock_changed(s);
    reservations_clock_changed(s);
    smart_charging_update(s);
}

/* ---- local time: only displays have it (2.1.27-29) ---- */

static bool transition_is_over(const struct station *s)
{
    int64_t at_ms;
    return *variable_text(s, VAR_CLOCK_TIME_OFFSET_NEXT_TRANSITION) &&
           timestamp_parse(variable_text(s, VAR_CLOCK_NEXT_TIME_OFFSET_TRANSITION_DATE_TIME), &at_ms) == 0 &&
           station_wall_ms(s) >= at_ms;
}

const char *provisioning_time_offset(const struct station *s)
{
    return variable_text(s, transition_is_over(s) ? VAR_CLOCK_TIME_OFFSET_NEXT_TRANSITION
                                                  : VAR_CLOCK_TIME_OFFSET);
}

void provisioning_time_offset_changed(struct station *s)
{
    if (transition_is_over(s))
        variables_set_text(s, VAR_CLOCK_TIME_OFFSET_NEXT_TRANSITION, "");
}

json_t *provisioning_local_time(const struct station *s)
{
    const char *offset = provisioning_time_offset(s);
    int64_t hours = 0, minutes = 0;
    char digits[3] = { offset[1], offset[2], '\0' }, text[TIMESTAMP_SIZE];
    (void)str_to_int64(digits, &hours);
    (void)str_to_int64(offset + 4, &minutes);
    int64_t east_ms = (hours * 60 + minutes) * 60000;
    timestamp_format(station_wall_ms(s) + (*offset == '-' ? -east_ms : east_ms), text);
    return json_sprintf("%.23s%s", text, offset);
}

/* ---- heartbeat ---- */

/* G02.FR.02, .05: after so long without a message of ours; but once a day in any case, for the clock (G02.FR.07). */
void provisioning_heartbeat_changed(struct station *s)
{
    struct provisioning *p = &s->provisioning;
    if (!station_is_accepted(s)) {
        timer_stop(&p->heartbeat_timer);
        return;
    }
    int64_t now_ms = env_now_ms(s->env);
    int64_t due_ms = now_ms + variable_int(s, VAR_COMM_HEARTBEAT_INTERVAL) * 1000;
    int64_t clock_due_ms = p->last_heartbeat_ms + CLOCK_REFRESH_MS;
    if (uses_csms_time(s) && clock_due_ms < due_ms)
        due_ms = clock_due_ms > now_ms ? clock_due_ms : now_ms;
    timer_start_at(&p->heartbeat_timer, due_ms);
}

void provisioning_on_message_sent(struct station *s)
{
    if (timer_is_active(&s->provisioning.heartbeat_timer))
        provisioning_heartbeat_changed(s);
}

static void on_heartbeat_result(void *ctx, const struct rpc_answer *answer)
{
    struct station *s = ctx;
    if (answer->outcome == RPC_RESULT) {
        set_clock(s, json_get_string(answer->payload, "currentTime", ""));
        availability_on_heartbeat(s);
        security_on_heartbeat(s);
        notify_event_flush(s);
    } else /* no time from it: ask again after the interval, not at once */
        s->provisioning.last_heartbeat_ms = env_now_ms(s->env);
    provisioning_heartbeat_changed(s);
}

static int send_heartbeat(struct station *s, int flags)
{
    return outbox_call(s, "Heartbeat", json_object(), flags, on_heartbeat_result, s);
}

static void on_heartbeat_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;
    if (send_heartbeat(s, OUTBOX_ONLINE_ONLY) < 0)
        provisioning_heartbeat_changed(s);
}

void trigger_heartbeat(struct station *s)
{
    (void)send_heartbeat(s, OUTBOX_WHILE_PENDING | OUTBOX_ONLINE_ONLY);
}

void provisioning_probe(struct station *s)
{
    if (station_is_accepted(s)) /* else BootNotification is all that may be sent */
        (void)send_heartbeat(s, OUTBOX_FIRST | OUTBOX_ONLINE_ONLY);
}

/* ---- boot ---- */

static void set_registration(struct station *s, enum registration registration, const char *why)
{
    struct provisioning *p = &s->provisioning;
    if (p->registration != registration)
        log_info(LOG_STATION, "registration: station=%s %s -> %s: %s", s->id,
                 registration_names[p->registration], registration_names[registration], why);
    p->registration = registration;
}

static void retry_boot_later(struct station *s)
{
    int64_t wait_ms = s->provisioning.retry_interval_ms;
    if (wait_ms <= 0)
        wait_ms = BOOT_RETRY_MS + env_random(s->env, BOOT_RETRY_RANDOM_MS);
    env_timer_start(s->env, &s->provisioning.boot_timer, wait_ms);
}

/* The link is up and the CSMS has accepted us, now or before the link was lost. */
static void go_online(struct station *s, bool all_statuses)
{
    struct provisioning *p = &s->provisioning;

    s->network.down_since_ms = -1;
    p->last_heartbeat_ms = env_now_ms(s->env);
    provisioning_heartbeat_changed(s);
    availability_on_accepted(s, all_statuses);
    transactions_on_online(s, true);
    external_limits_on_accepted(s);
    security_on_heartbeat(s);
    notify_event_flush(s);
    monitoring_touch(s);
    outbox_wake(s);
}

static void on_accepted(struct station *s, int64_t interval_s)
{
    set_registration(s, REGISTRATION_ACCEPTED, "BootNotification answered");
    timer_stop(&s->provisioning.boot_timer);
    if (interval_s > 0) /* B01.FR.04 */
        variables_set_int(s, VAR_COMM_HEARTBEAT_INTERVAL, interval_s);
    station_persist(s, &(struct record){ RECORD_STATE, "reset", NULL }, 1, NULL, NULL);
    (void)str_copy(s->provisioning.boot_reason, sizeof(s->provisioning.boot_reason), "PowerUp");
    go_online(s, true); /* B01.FR.05 */
}

static void on_boot_notification_result(void *ctx, const struct rpc_answer *answer)
{
    struct station *s = ctx;
    struct provisioning *p = &s->provisioning;

    p->boot_in_flight = false;
    if (answer->outcome == RPC_DISCONNECTED && !network_is_up(s))
        return; /* the next link brings the next attempt */
    if (answer->outcome != RPC_RESULT) {
        retry_boot_later(s);
        return;
    }

    set_clock(s, json_get_string(answer->payload, "currentTime", ""));
    int64_t interval_s = json_get_int(answer->payload, "interval", 0);
    const char *status = json_get_string(answer->payload, "status", "");
    if (str_equal(status, "Accepted")) {
        on_accepted(s, interval_s);
        return;
    }
    p->retry_interval_ms = interval_s > 0 && interval_s < INT32_MAX ? interval_s * 1000 : 0;
    set_registration(s, str_equal(status, "Pending") ? REGISTRATION_PENDING : REGISTRATION_REJECTED,
                     "BootNotification answered");
    retry_boot_later(s);
    outbox_wake(s);
}

static void send_boot_notification(struct station *s, const char *reason)
{
    struct provisioning *p = &s->provisioning;
    if (p->boot_in_flight)
        return;

    json_t *station = json_pack("{s:s, s:s}", "model", s->model, "vendorName", s->vendor);
    json_set_text(station, "serialNumber", s->serial_number);
    json_set_text(station, "firmwareVersion", s->firmware_version);
    json_t *payload = json_pack("{s:s, s:o}", "reason", reason, "chargingStation", station);
    timer_stop(&p->boot_timer);
    p->boot_in_flight = true;
    int r =
        outbox_call(s, "BootNotification", payload, OUTBOX_FIRST | OUTBOX_WHILE_PENDING | OUTBOX_ONLINE_ONLY,
                    on_boot_notification_result, s);
    if (r < 0) {
        p->boot_in_flight = false;
        retry_boot_later(s);
    }
}

static void on_boot_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;
    if (network_is_up(s))
        send_boot_notification(s, s->provisioning.boot_reason);
}

void trigger_boot_notification(struct station *s)
{
    send_boot_notification(s, "Triggered");
}

void provisioning_on_link_up(struct station *s)
{
    struct provisioning *p = &s->provisioning;

    if (p->registration != REGISTRATION_ACCEPTED) {
        /* B02.FR.04: a new link does not shorten the interval of the last answer; our own, for want of one, it does. */
        if (p->registration == REGISTRATION_NONE || !timer_is_active(&p->boot_timer))
            send_boot_notification(s, p->boot_reason);
        return;
    }
    int64_t offline_ms = env_now_ms(s->env) - s->network.down_since_ms;
    go_online(s, offline_ms > variable_int(s, VAR_COMM_OFFLINE_THRESHOLD) * 1000); /* B04.FR.01, .02 */
}

void provisioning_on_other_csms(struct station *s)
{
    struct provisioning *p = &s->provisioning;
    if (p->registration == REGISTRATION_NONE)
        return;
    set_registration(s, REGISTRATION_NONE, "another network profile");
    (void)str_copy(p->boot_reason, sizeof(p->boot_reason), "Unknown");
    p->retry_interval_ms = 0;
    timer_stop(&p->boot_timer);
}

void provisioning_on_link_down(struct station *s)
{
    timer_stop(&s->provisioning.heartbeat_timer);
}

void provisioning_reboot(struct station *s, const char *boot_reason)
{
    struct provisioning *p = &s->provisioning;

    set_registration(s, REGISTRATION_NONE, boot_reason);
    (void)str_copy(p->boot_reason, sizeof(p->boot_reason), boot_reason);
    p->retry_interval_ms = 0;
    timer_stop(&p->boot_timer);
    security_event(s, "ResetOrReboot", boot_reason);
    security_event(s, "StartupOfTheDevice", NULL);
}

/* ---- what is kept ----
 *
 * state "reset": the boot reason of a reset that was accepted and whose BootNotification has not been; a power cut in between changes
 * nothing in it. state "ended": the program ended in order, so its next start is no PowerUp. state "running": the host's boot while it
 * runs: a program that ended otherwise, while the host ran on, has failed. */

void provisioning_restore(struct station *s, const char *key, const char *value)
{
    char *reason = s->provisioning.boot_reason;
    size_t size = sizeof(s->provisioning.boot_reason);

    if (str_equal(key, "reset"))
        (void)str_copy(reason, size, value);
    else if (str_equal(key, "ended") &&
             (str_equal(reason, "PowerUp") || str_equal(reason, "ApplicationReset")))
        (void)str_copy(reason, size, value);
    else if (str_equal(key, "running") && s->host_boot && str_equal(value, s->host_boot) &&
             str_equal(reason, "PowerUp"))
        (void)str_copy(reason, size, "ApplicationReset"); /* B01.FR.09 */
}

void provisioning_start(struct station *s)
{
    const struct record records[] = { { RECORD_STATE, "ended", NULL },
                                      { RECORD_STATE, "running", s->host_boot } };
    station_persist(s, records, ARRAY_SIZE(records), NULL, NULL);
}

void provisioning_stop(struct station *s)
{
    station_persist(s, &(struct record){ RECORD_STATE, "ended", "LocalReset" }, 1, NULL, NULL);
}

bool provisioning_admits_transactions(const struct station *s)
{
    return s->provisioning.registration == REGISTRATION_ACCEPTED ||
           variable_bool(s, VAR_TX_TX_BEFORE_ACCEPTED_ENABLED);
}

bool station_is_accepted(const struct station *s)
{
    return network_is_up(s) && s->provisioning.registration == REGISTRATION_ACCEPTED;
}

bool station_is_online(const struct station *s)
{
    return station_is_accepted(s);
}

void provisioning_init(struct station *s)
{
    struct provisioning *p = &s->provisioning;
    (void)str_copy(p->boot_reason, sizeof(p->boot_reason), "PowerUp");
    timer_init(&p->boot_timer, s->env->timers, on_boot_timer, s);
    timer_init(&p->heartbeat_timer, s->env->timers, on_heartbeat_timer, s);
    reset_init(s);
}

void provisioning_done(struct station *s)
{
    struct provisioning *p = &s->provisioning;
    if (!p->boot_timer.timers)
        return;
    timer_stop(&p->boot_timer);
    timer_stop(&p->heartbeat_timer);
    reset_done(s);
}
