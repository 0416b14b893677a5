/* Security events (A04; Part 2, appendix 1): every one is logged, a critical one reaches the CSMS, also through a lost link or a
 * power cut in between. */
#include "station/security.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

#define KEY_PREFIX    "security_event/"
#define TECH_INFO_MAX 255
#define ERRORS_MAX    3
#define ATTEMPTS_MAX  3 /* in a row; then once after each heartbeat */

struct security_event {
    struct list link;
    struct station *station;
    int64_t number;
    json_t *payload; /* the SecurityEventNotificationRequest */
    bool is_waiting; /* in the outbox */
    int attempts;    /* without an answer */
    int errors;      /* of the CSMS */
    bool is_unsure;  /* its time was taken before the CSMS told the time */
};

static const struct {
    const char *type;
    bool critical;
} types[] = {
    { "FirmwareUpdated", true },
    { "FailedToAuthenticateAtCsms", false },
    { "CsmsFailedToAuthenticate", false },
    { "SettingSystemTime", true },
    { "StartupOfTheDevice", true },
    { "ResetOrReboot", true },
    { "SecurityLogWasCleared", true },
    { "ReconfigurationOfSecurityParameters", false },
    { "MemoryExhaustion", true },
    { "InvalidMessages", false },
    { "AttemptedReplayAttacks", false },
    { "TamperDetectionActivated", true },
    { "InvalidFirmwareSignature", true },
    { "InvalidFirmwareSigningCertificate", true },
    { "InvalidCsmsCertificate", true },
    { "InvalidChargingStationCertificate", true },
    { "InvalidTLSVersion", true },
    { "InvalidTLSCipherSuite", true },
    { "DiscardedRenewedClientCertificate", true },
    { "MaintenanceLoginAccepted", true },
    { "MaintenanceLoginFailed", true },
};

static bool is_critical(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_equal(types[i].type, type))
            return types[i].critical;
    return false;
}

static void event_free(struct security_event *event)
{
    event->station->security.count--;
    list_remove(&event->link);
    json_decref(event->payload);
    free(event);
}

static void store(struct station *s, int64_t number, const char *value)
{
    char key[48];
    snprintf(key, sizeof(key), KEY_PREFIX "%lld", (long long)number);
    station_persist(s, &(struct record){ RECORD_STATE, key, value }, 1, NULL, NULL);
}

static void send_security_event(struct security_event *event);

/* A fault of the CSMS, which may be gone the next time. */
static bool may_pass(const struct rpc_answer *answer)
{
    return answer->outcome == RPC_CALL_ERROR &&
           (str_equal(answer->code, "InternalError") || str_equal(answer->code, "GenericError"));
}

static void on_security_event_notification_result(void *ctx, const struct rpc_answer *answer)
{
    struct security_event *event = ctx;

    event->is_waiting = false;
    event->attempts += answer->outcome == RPC_TIMED_OUT;
    if (may_pass(answer) && ++event->errors < ERRORS_MAX)
        return; /* after the next heartbeat */
    /* A CALLERROR is an answer, too: this CSMS does not want it. */
    if (answer->outcome == RPC_RESULT || answer->outcome == RPC_CALL_ERROR)
        store(event->station, event->number, NULL);
    else if (!event->station->freeing) {
        bool was_lost = answer->outcome == RPC_TIMED_OUT || !network_is_up(event->station);
        if (was_lost && event->attempts < ATTEMPTS_MAX)
            send_security_event(event);
        return;
    }
    event_free(event);
}

static void send_security_event(struct security_event *event)
{
    int r = outbox_call(event->station, "SecurityEventNotification", json_incref(event->payload),
                        OUTBOX_KEEP_OFFLINE, on_security_event_notification_result, event);
    if (r < 0)
        event_free(event); /* stays in the store: sent after the next start */
    else
        event->is_waiting = true;
}

void security_on_heartbeat(struct station *s)
{
    LIST_FOREACH(link, next, &s->security.events)
    {
        struct security_event *event = LIST_ITEM(link, struct security_event, link);
        if (!event->is_waiting)
            send_security_event(event);
    }
}

/* Takes the reference to payload. NULL without memory. */
static struct security_event *add_event(struct station *s, int64_t number, json_t *payload)
{
    struct security_event *event = payload ? calloc(1, sizeof(*event)) : NULL;
    if (!event) {
        json_decref(payload);
        return NULL;
    }
    *event = (struct security_event){ .station = s, .number = number, .payload = payload };
    list_append(&s->security.events, &event->link);
    s->security.count++;
    if (number >= s->security.next_number)
        s->security.next_number = number + 1;
    return event;
}

/* The same event not yet answered says it already (a certificate refused at each attempt to connect). */
static bool is_waiting(struct station *s, const char *type, const char *tech_info)
{
    LIST_FOREACH(link, next, &s->security.events)
    {
        const json_t *payload = LIST_ITEM(link, struct security_event, link)->payload;
        if (str_equal(json_get_string(payload, "type", ""), type) &&
            str_equal(json_get_string(payload, "techInfo", ""), tech_info ? tech_info : ""))
            return true;
    }
    return false;
}

void security_event(struct station *s, const char *type, const char *tech_info)
{
    log_info(LOG_STATION, "security event: station=%s type=%s info=%s", s->id, type,
             tech_info ? tech_info : "");
    security_log_add(s, type, tech_info, is_critical(type)); /* A04.FR.04 */
    if (!is_critical(type) || is_waiting(s, type, tech_info))
        return;
    if (s->security.count >= SECURITY_EVENTS_MAX) {
        log_warn(LOG_STATION, "too many security events wait for the CSMS: station=%s", s->id);
        return;
    }

    json_t *payload = json_pack("{s:s, s:o}", "type", type, "timestamp", station_timestamp(s));
    if (payload && tech_info) {
        char text[TECH_INFO_MAX + 1];
        (void)str_copy(text, sizeof(text), tech_info);
        json_set_text(payload, "techInfo", text);
    }
    struct security_event *event = add_event(s, s->security.next_number, payload);
    AUTO_FREE char *text = event ? json_to_text(event->payload) : NULL;
    if (!text) {
        if (event)
            event_free(event);
        return;
    }
    event->is_unsure = !s->provisioning.clock_is_set;
    store(s, event->number, text);
    if (s->started)
        send_security_event(event);
}

/* In the message that waits, too: it is the same object. */
static void move_time(struct station *s, struct security_event *event, int64_t step_ms)
{
    int64_t ms;
    char when[TIMESTAMP_SIZE];
    if (timestamp_parse(json_get_string(event->payload, "timestamp", ""), &ms) < 0)
        return;
    timestamp_format(ms + step_ms, when);
    json_set_text(event->payload, "timestamp", when);
    AUTO_FREE char *text = json_to_text(event->payload);
    if (text)
        store(s, event->number, text);
}

void security_on_clock_set(struct station *s, int64_t step_ms)
{
    security_log_on_clock_set(s, step_ms);
    LIST_FOREACH(link, next, &s->security.events)
    {
        struct security_event *event = LIST_ITEM(link, struct security_event, link);
        if (event->is_unsure && step_ms)
            move_time(s, event, step_ms);
        event->is_unsure = false;
    }
}

void security_restore(struct station *s, const char *key, const char *value)
{
    int64_t number;
    json_t *payload = json_from_text(value, strlen(value));
    const struct message *message = message_find("SecurityEventNotification");

    if (str_to_int(key + strlen(KEY_PREFIX), 0, INT64_MAX - 1, &number) < 0 ||
        !message_validate(message, MESSAGE_REQUEST, payload, NULL)) {
        log_warn(LOG_STATION, "stored security event is not readable: station=%s key=%s", s->id, key);
        json_decref(payload);
        return;
    }
    (void)add_event(s, number, payload);
}

void security_start(struct station *s)
{
    LIST_FOREACH(link, next, &s->security.events)
    send_security_event(LIST_ITEM(link, struct security_event, link));
    if (str_equal(s->provisioning.boot_reason, "RemoteReset") ||
        str_equal(s->provisioning.boot_reason, "ScheduledReset") ||
        str_equal(s->provisioning.boot_reason, "FirmwareUpdate") ||
        str_equal(s->provisioning.boot_reason, "ApplicationReset"))
        security_event(s, "ResetOrReboot", s->provisioning.boot_reason);
    security_event(s, "StartupOfTheDevice", NULL);
}

void security_init(struct station *s)
{
    list_init(&s->security.events);
    list_init(&s->security.unsure_lines);
}

/* After the outbox, which held the events that wait. */
void security_done(struct station *s)
{
    if (!s->security.events.next)
        return;
    security_log_on_clock_set(s, 0);
    LIST_FOREACH(link, next, &s->security.events)
    event_free(LIST_ITEM(link, struct security_event, link));
}
