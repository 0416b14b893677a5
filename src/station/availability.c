/* Status of the connectors (G01, B04) and ChangeAvailability (G03, G04).
 *
 * A status is never stored but computed from the device's signals and from what was made inoperative; what was reported last is
 * kept, and a difference is sent as soon as there is someone to send it to. */
#include "station/availability.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

#define KEY_PREFIX "availability/" /* RECORD_STATE availability/<evse>/<connector>; 0 the whole */

const char *const connector_status_names[CONNECTOR_STATUSES] = { "Available", "Occupied", "Reserved",
                                                                 "Unavailable", "Faulted" };
static const char *const operation_names[] = { "Operative", "Scheduled", "Inoperative" };

/* The signals are those of the EVSE: a vehicle is taken to be at its first connector (G01.FR.08: nothing is said of the others). */
#define CONNECTOR_IN_USE 1

/* ---- what the status is ---- */

static bool is_plugged_in(const struct evse *e)
{
    switch (e->signals.state) {
    case EVSE_CONNECTED:
    case EVSE_CHARGING:
    case EVSE_SUSPENDED_EV:
    case EVSE_SUSPENDED_EVSE:
        return true;
    case EVSE_UNKNOWN:
    case EVSE_AVAILABLE:
    case EVSE_FAULTED:
    case EVSE_UNAVAILABLE:
    case EVSE_STATES:
        break;
    }
    return false;
}

/* A change that waits counts already where nothing is to be waited for. */
static bool is_off(enum operation operation, bool in_use)
{
    return operation == INOPERATIVE || (operation == INOPERATIVE_SCHEDULED && !in_use);
}

static bool is_connector_off(const struct evse *e, int connector, bool in_use)
{
    return is_off(e->station->availability.station, in_use) || is_off(e->availability.evse, in_use) ||
           is_off(e->availability.connector[connector - 1], in_use);
}

/* B12, 3a: until a scheduled reset, what is free is unavailable; and an EVSE is while it restarts. */
static bool is_off_for_reset(const struct evse *e)
{
    if (firmware_holds(e->station))
        return evse_is_idle(e) || (transaction_is_running(e) && !is_plugged_in(e)); /* L01.FR.07 */
    if (!provisioning_is_resetting(e->station, e->id))
        return false;
    switch (e->station->provisioning.reset) {
    case RESET_WHEN_IDLE:
        return evse_is_idle(e);
    case RESET_RESTARTING:
        return e->station->provisioning.reset_evse != 0;
    case RESET_NONE:
    case RESET_ENDING_TRANSACTIONS:
        break;
    }
    return false;
}

static enum connector_status unreserved_status(const struct evse *e, int connector)
{
    const struct evse_signals *signals = &e->signals;
    /* G01.FR.05: a vehicle that leaves before its transaction ends leaves an Unavailable connector, not an Available one */
    bool in_use = transaction_is_running(e) && is_plugged_in(e);

    if (signals->online && signals->state == EVSE_FAULTED)
        return CONNECTOR_FAULTED;
    if (is_connector_off(e, connector, in_use) || is_off_for_reset(e))
        return CONNECTOR_UNAVAILABLE; /* G03.FR.06, G04.FR.07 */
    if (!signals->online || signals->state == EVSE_UNKNOWN || signals->state == EVSE_UNAVAILABLE)
        return CONNECTOR_UNAVAILABLE; /* a device that says nothing can promise nothing */
    if (is_plugged_in(e) && connector == CONNECTOR_IN_USE)
        return CONNECTOR_OCCUPIED;
    return CONNECTOR_AVAILABLE;
}

/* A vehicle that was not expected leaves a reserved connector Reserved (G03.FR.09, G01.FR.09). */
enum connector_status availability_status(const struct evse *e, int connector)
{
    enum connector_status status = unreserved_status(e, connector);
    bool is_usable = status == CONNECTOR_AVAILABLE || status == CONNECTOR_OCCUPIED;
    return is_usable && reservation_holds(e) ? CONNECTOR_RESERVED : status;
}

/* Best first: a station, or an EVSE, is as well off as the best part of it. */
static enum connector_status better(enum connector_status a, enum connector_status b)
{
    return a < b ? a : b;
}

static enum connector_status evse_status(const struct evse *e,
                                         enum connector_status (*of)(const struct evse *e, int connector))
{
    enum connector_status status = CONNECTOR_FAULTED;
    for (int c = 1; c <= e->abilities.connectors; c++) {
        enum connector_status one = of(e, c);
        if (one == CONNECTOR_OCCUPIED)
            return one; /* one is used at a time */
        status = better(status, one);
    }
    return status;
}

enum connector_status availability_evse_status(const struct evse *e)
{
    return evse_status(e, availability_status);
}

enum connector_status availability_evse_unreserved(const struct evse *e)
{
    return evse_status(e, unreserved_status);
}

enum connector_status availability_station_status(const struct station *s)
{
    enum connector_status status = CONNECTOR_FAULTED;
    for (size_t i = 0; i < s->evse_count; i++)
        status = better(status, availability_evse_status(&s->evses[i]));
    return status;
}

bool availability_is_operative(const struct evse *e)
{
    const struct evse_signals *signals = &e->signals;

    if (is_connector_off(e, CONNECTOR_IN_USE, transaction_is_running(e)))
        return false;
    if (!provisioning_admits_transactions(e->station))
        return false;
    return signals->online && signals->state != EVSE_UNKNOWN && signals->state != EVSE_FAULTED &&
           signals->state != EVSE_UNAVAILABLE;
}

/* ---- telling the CSMS ---- */

#define ATTEMPTS_MAX 3 /* of a status that is not answered; then once after each heartbeat */

struct sent_status {
    struct evse *evse;
    int connector, attempt;
};

static void send_status_notification(struct evse *e, int connector, int flags, int attempt);

static void on_status_notification_result(void *ctx, const struct rpc_answer *answer)
{
    AUTO_FREE struct sent_status *sent = ctx;
    struct evse_availability *a = &sent->evse->availability;

    a->is_unanswered[sent->connector - 1] = answer->outcome == RPC_TIMED_OUT && sent->attempt >= ATTEMPTS_MAX;
    if (answer->outcome == RPC_DISCONNECTED)
        a->is_reported[sent->connector - 1] = false; /* the next link brings it again */
    else if (answer->outcome == RPC_TIMED_OUT && sent->attempt < ATTEMPTS_MAX)
        send_status_notification(sent->evse, sent->connector, 0, sent->attempt + 1);
}

static void send_status_notification(struct evse *e, int connector, int flags, int attempt)
{
    struct station *s = e->station;
    struct evse_availability *a = &e->availability;
    enum connector_status status = availability_status(e, connector);
    struct sent_status *sent = calloc(1, sizeof(*sent));
    if (!sent)
        return;

    *sent = (struct sent_status){ e, connector, attempt };
    json_t *payload = json_pack("{s:o, s:s, s:i, s:i}", "timestamp", station_timestamp(s), "connectorStatus",
                                connector_status_names[status], "evseId", e->id, "connectorId", connector);
    a->reported[connector - 1] = status;
    a->is_reported[connector - 1] = true;
    a->is_unanswered[connector - 1] = false;
    if (!outbox_keeps_all(s))
        flags |= OUTBOX_ONLINE_ONLY;
    if (outbox_call(s, "StatusNotification", payload, flags, on_status_notification_result, sent) < 0) {
        a->is_reported[connector - 1] = false;
        free(sent);
    }
}

/* When a change of the status may be told: it has lasted for MinimumStatusDuration. What was never told needs not. */
static int64_t report_due_ms(struct evse *e, int connector, enum connector_status status)
{
    struct evse_availability *a = &e->availability;
    int64_t now_ms = env_now_ms(e->station->env);
    if (a->present[connector - 1] != status) {
        a->present[connector - 1] = status;
        a->present_since_ms[connector - 1] = now_ms;
    }
    if (!a->is_reported[connector - 1])
        return now_ms;
    return a->present_since_ms[connector - 1] +
           variable_int(e->station, VAR_COMM_MINIMUM_STATUS_DURATION) * 1000;
}

static void report_changes(struct evse *e, int flags)
{
    struct evse_availability *a = &e->availability;
    int64_t now_ms = env_now_ms(e->station->env), next_ms = INT64_MAX;
    bool is_told = station_is_accepted(e->station) ||
                   outbox_keeps_all(e->station); /* else availability_on_accepted() follows */
    timer_stop(&a->timer);
    for (int c = 1; c <= e->abilities.connectors; c++) {
        enum connector_status status = availability_status(e, c);
        if (a->is_reported[c - 1] && a->reported[c - 1] == status) {
            a->present[c - 1] = status;
            continue;
        }
        int64_t due_ms = report_due_ms(e, c, status);
        if (!is_told)
            continue;
        if (due_ms <= now_ms)
            send_status_notification(e, c, flags, 1);
        else if (due_ms < next_ms)
            next_ms = due_ms;
    }
    if (next_ms < INT64_MAX)
        timer_start_at(&a->timer, next_ms);
}

static void on_status_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    report_changes(ctx, 0);
}

void availability_on_accepted(struct station *s, bool all)
{
    bool follows = outbox_keeps_all(s) && !list_is_empty(&s->outbox.waiting); /* older ones, perhaps */
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        for (int c = 0; c < MAX_CONNECTORS; c++)
            if (all || e->availability.is_unanswered[c])
                e->availability.is_reported[c] = false;
        report_changes(e, follows ? 0 : OUTBOX_FIRST);
        lock_update(e);
    }
}

void availability_on_heartbeat(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        for (int c = 1; c <= s->evses[i].abilities.connectors; c++)
            if (s->evses[i].availability.is_unanswered[c - 1])
                send_status_notification(&s->evses[i], c, 0, ATTEMPTS_MAX);
}

void trigger_status_notification(struct evse *e, int connector)
{
    send_status_notification(e, connector, OUTBOX_WHILE_PENDING, 1);
}

/* ---- operative or not ---- */

static enum operation *operation_of(struct station *s, struct evse *e, int connector)
{
    if (!e)
        return &s->availability.station;
    return connector == 0 ? &e->availability.evse : &e->availability.connector[connector - 1];
}

static void store_operation(struct station *s, const struct evse *e, int connector, enum operation operation,
                            persisted callback, void *ctx)
{
    char key[48];
    snprintf(key, sizeof(key), KEY_PREFIX "%d/%d", e ? e->id : 0, connector);
    station_persist(
        s, &(struct record){ RECORD_STATE, key, operation == OPERATIVE ? NULL : operation_names[operation] },
        1, callback, ctx);
}

static bool has_transaction(struct station *s, const struct evse *e)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if ((!e || e == &s->evses[i]) && transaction_is_running(&s->evses[i]))
            return true;
    return false;
}

/* True if a scheduled change came into effect. */
static bool apply_scheduled(struct station *s, struct evse *e, int connector)
{
    enum operation *operation = operation_of(s, e, connector);
    if (*operation != INOPERATIVE_SCHEDULED || has_transaction(s, e))
        return false;
    *operation = INOPERATIVE;
    store_operation(s, e, connector, INOPERATIVE, NULL, NULL);
    return true;
}

static void report_all(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        report_changes(&s->evses[i], 0);
}

void availability_report(struct evse *e)
{
    report_changes(e, 0);
}

void availability_settings_changed(struct station *s)
{
    report_all(s);
}

void availability_on_evse_changed(struct evse *e)
{
    struct station *s = e->station;

    for (int c = 0; c <= e->abilities.connectors; c++)
        (void)apply_scheduled(s, e, c);
    bool is_for_all = apply_scheduled(s, NULL, 0);
    reservations_update(s);
    if (is_for_all)
        report_all(s);
    else
        report_changes(e, 0);
    display_on_evse_changed(e);
}

void availability_restore(struct station *s, const char *key, const char *value)
{
    char *end;
    const char *numbers = key + strlen(KEY_PREFIX);
    long evse = strtol(numbers, &end, 10);
    long connector = *end == '/' ? strtol(end + 1, &end, 10) : -1;
    struct evse *e = station_evse(s, evse);

    bool known = evse == 0 ? connector == 0 : e && connector >= 0 && connector <= e->abilities.connectors;
    for (int i = INOPERATIVE_SCHEDULED; known && i <= INOPERATIVE; i++) {
        if (str_equal(value, operation_names[i])) {
            *operation_of(s, e, (int)connector) = (enum operation)i;
            return;
        }
    }
    log_warn(LOG_STATION, "stored availability fits nothing here: station=%s key=%s", s->id, key);
}

/* ---- the request ---- */

struct change {
    struct rpc_request request;
    struct evse *evse; /* NULL: the station */
    int connector;     /* 0: the whole EVSE */
    enum operation operation;
};

/* The CSMS is told the status of all that it asked to change, changed or not (TC_G_12, TC_G_13, TC_G_15, TC_G_16). */
static void report_anew(struct evse *e, int connector)
{
    for (int c = 1; station_is_accepted(e->station) && c <= e->abilities.connectors; c++)
        if (connector == 0 || connector == c)
            e->availability.is_reported[c - 1] = false;
}

static void on_change_stored(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct change *change = ctx;
    if (s->freeing)
        return;
    if (err < 0) {
        answer_status(s, &change->request, "Rejected", "InternalError");
        return;
    }
    answer_status(s, &change->request, change->operation == INOPERATIVE_SCHEDULED ? "Scheduled" : "Accepted",
                  NULL);
    *operation_of(s, change->evse, change->connector) = change->operation;
    for (size_t i = 0; i < s->evse_count; i++) /* G03.FR.04, .07; G04.FR.05, .08 */
        if (!change->evse || change->evse == &s->evses[i]) {
            if (change->operation != INOPERATIVE_SCHEDULED)
                report_anew(&s->evses[i], change->connector);
            if (!availability_is_operative(&s->evses[i]))
                transactions_on_inoperative(&s->evses[i]);
            availability_on_evse_changed(&s->evses[i]);
        }
}

static void on_change_availability(struct station *s, const struct rpc_request *request)
{
    const json_t *place = json_object_get(request->payload, "evse");
    struct evse *e = place ? station_evse(s, json_get_int(place, "id", 0)) : NULL;
    int64_t connector = json_get_int(place, "connectorId", 0);
    if (place && !e) {
        answer_status(s, request, "Rejected", "UnknownEvse");
        return;
    }
    if (e && json_object_get(place, "connectorId") &&
        (connector < 1 || connector > e->abilities.connectors)) {
        answer_status(s, request, "Rejected", "UnknownConnectorId");
        return;
    }

    struct change *change = calloc(1, sizeof(*change));
    if (!change) {
        answer_status(s, request, "Rejected", "OutOfMemory");
        return;
    }
    *change = (struct change){ *request, e, (int)connector, OPERATIVE };
    change->request.payload = NULL;
    if (str_equal(json_get_string(request->payload, "operationalStatus", ""), "Inoperative")) {
        bool now = *operation_of(s, e, change->connector) == INOPERATIVE || !has_transaction(s, e) ||
                   connector > CONNECTOR_IN_USE;
        change->operation = now ? INOPERATIVE : INOPERATIVE_SCHEDULED; /* G03.FR.03, .05; G04.FR.04, .06 */
    }
    store_operation(s, e, change->connector, change->operation, on_change_stored, change);
}

void availability_init(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        timer_init(&s->evses[i].availability.timer, s->env->timers, on_status_timer, &s->evses[i]);
}

void availability_done(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        timer_stop(&s->evses[i].availability.timer);
}

const struct handler availability_handlers[] = {
    { "ChangeAvailability", WHEN_ACCEPTED, on_change_availability },
    { NULL, WHEN_ACCEPTED, NULL },
};
