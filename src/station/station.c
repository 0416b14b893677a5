/* The station as a whole: its life, who hears of what in which order, and the services the blocks share. */
#include "station/station.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/report.h"

struct evse *station_evse(struct station *s, int64_t id)
{
    return id >= 1 && id <= (int64_t)s->evse_count ? &s->evses[id - 1] : NULL;
}

json_t *station_timestamp(const struct station *s)
{
    char text[TIMESTAMP_SIZE];
    timestamp_format(station_wall_ms(s), text);
    return json_string(text);
}

const char *station_password(const struct station *s)
{
    const char *set = variable_text(s, VAR_SECURITY_BASIC_AUTH_PASSWORD);
    return *set ? set : s->password;
}

uint32_t station_new_ticket(struct station *s)
{
    if (++s->next_ticket == 0)
        s->next_ticket = 1;
    return s->next_ticket;
}

uint32_t station_command(struct station *s, struct evse *e, enum evse_command_kind kind, double limit_A)
{
    struct evse_command command = { .kind = kind,
                                    .limit_A = limit_A,
                                    .phases = kind == EVSE_LIMIT ? e->limit.phases : 0,
                                    .ticket = station_new_ticket(s) };
    s->ops->command(s->ctx, e->id, &command);
    return command.ticket;
}

/* ---- the CSMS's CALLs ---- */

static const struct handler *const handler_tables[] = {
    provisioning_handlers,  variables_handlers,        report_handlers,     trigger_handlers,
    availability_handlers,  transactions_handlers,     remote_handlers,     smart_charging_handlers,
    data_transfer_handlers, network_profiles_handlers, auth_cache_handlers, local_list_handlers,
    reservation_handlers,   diagnostics_handlers,      customer_handlers,   firmware_handlers,
    certificates_handlers,  signing_handlers,          monitoring_handlers, display_handlers,
    tariff_handlers,
};

static const struct handler *find_handler(const struct message *message)
{
    for (size_t i = 0; i < ARRAY_SIZE(handler_tables); i++)
        for (const struct handler *h = handler_tables[i]; h->action; h++)
            if (str_equal(h->action, message_name(message)))
                return h;
    return NULL;
}

static bool rpc_supports(void *ctx, const struct message *message)
{
    (void)ctx;
    return find_handler(message) != NULL;
}

static void rpc_on_call(void *ctx, const struct rpc_request *request)
{
    struct station *s = ctx;
    const struct handler *h = find_handler(request->message);

    enum registration registration = s->provisioning.registration;
    if (registration == REGISTRATION_ACCEPTED || request->connection == RPC_LOCAL_CONNECTION ||
        (registration != REGISTRATION_REJECTED && h->when == WHEN_PENDING_TOO))
        h->handle(s, request);
    else if (registration != REGISTRATION_REJECTED && h->when == WHEN_ACCEPTED_ELSE_REJECTED)
        answer_status(s, request, "Rejected", "CSNotAccepted");
    else
        rpc_error(s->rpc, request, RPC_SECURITY_ERROR, "the registration of the station is not Accepted");
}

void answer_status(struct station *s, const struct rpc_request *request, const char *status,
                   const char *reason)
{
    json_t *payload = json_pack("{s:s}", "status", status);
    if (payload && reason)
        json_set_optional(payload, "statusInfo", json_pack("{s:s}", "reasonCode", reason));
    rpc_result(s->rpc, request, payload);
}

void station_request(struct station *station, const char *action, json_t *payload, rpc_answered callback,
                     void *ctx)
{
    rpc_call_local(station->rpc, action, payload, callback, ctx);
}

static int rpc_send(void *ctx, const char *text, size_t len)
{
    struct station *s = ctx;
    return s->ops->send(s->ctx, text, len);
}

static void rpc_on_idle(void *ctx)
{
    struct station *s = ctx;
    outbox_wake(s);
    provisioning_on_idle(s);
}

static void rpc_on_frame(void *ctx, bool outgoing, const char *text, size_t len)
{
    struct station *s = ctx;
    if (s->ops->on_frame)
        s->ops->on_frame(s->ctx, outgoing, text, len);
}

static void rpc_on_invalid(void *ctx, const char *why)
{
    security_event(ctx, "InvalidMessages", why);
}

static const struct rpc_ops rpc_ops = { .send = rpc_send,
                                        .on_call = rpc_on_call,
                                        .supports = rpc_supports,
                                        .on_idle = rpc_on_idle,
                                        .on_invalid = rpc_on_invalid,
                                        .on_frame = rpc_on_frame };

/* ---- storing ---- */

struct waiting_persist {
    struct list link;
    struct station *station;
    uint32_t ticket;
    int err;
    persisted callback;
    void *ctx;
    struct timer timer; /* for a store that did not even take it */
};

/* Told when it begins, not for each record. */
static void watch_storage(struct station *s, int err)
{
    bool was_full = s->security.storage_is_full;
    s->security.storage_is_full = err == -ENOSPC;
    if (s->security.storage_is_full && !was_full && s->started)
        security_event(s, "MemoryExhaustion", "the storage is full");
}

static void finish_persist(struct waiting_persist *w)
{
    list_remove(&w->link);
    timer_stop(&w->timer);
    watch_storage(w->station, w->err);
    w->callback(w->station, w->ctx, w->err);
    free(w);
}

static void on_persist_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    finish_persist(ctx);
}

void station_persist(struct station *s, const struct record *records, size_t count, persisted callback,
                     void *ctx)
{
    if (!callback) {
        if (!s->freeing && s->ops->persist(s->ctx, records, count, 0) < 0)
            log_error(LOG_STATION, "the store does not take a change: station=%s", s->id);
        return;
    }

    struct waiting_persist *w = s->freeing ? NULL : calloc(1, sizeof(*w));
    if (!w) { /* nothing to wait with */
        callback(s, ctx, s->freeing ? -ECANCELED : -ENOMEM);
        return;
    }
    *w = (struct waiting_persist){
        .station = s, .ticket = station_new_ticket(s), .callback = callback, .ctx = ctx
    };
    timer_init(&w->timer, s->env->timers, on_persist_timer, w);
    list_append(&s->persist_waiting, &w->link);
    w->err = s->ops->persist(s->ctx, records, count, w->ticket);
    if (w->err < 0)
        env_timer_start(s->env, &w->timer, 0);
}

void station_on_persisted(struct station *station, uint32_t ticket, int err)
{
    LIST_FOREACH(link, next, &station->persist_waiting)
    {
        struct waiting_persist *w = LIST_ITEM(link, struct waiting_persist, link);
        if (w->ticket != ticket)
            continue;
        w->err = err;
        finish_persist(w);
        return;
    }
}

static void cancel_persists(struct station *s)
{
    while (!list_is_empty(&s->persist_waiting)) {
        struct waiting_persist *w = LIST_ITEM(s->persist_waiting.next, struct waiting_persist, link);
        w->err = -ECANCELED;
        finish_persist(w);
    }
}

/* ---- what happens outside ---- */

void station_on_link_up(struct station *station)
{
    network_on_link_up(station);
    if (!network_is_up(station))
        return;
    rpc_set_connected(station->rpc, true);
    provisioning_on_link_up(station);
    outbox_wake(station);
}

/* A00.FR.310, .316, .323; what repeats is told once. */
static const char *const failure_events[LINK_FAILURES] = {
    [LINK_REFUSED] = "FailedToAuthenticateAtCsms",
    [LINK_TLS_CERTIFICATE] = "InvalidCsmsCertificate",
    [LINK_TLS_VERSION] = "InvalidTLSVersion",
    [LINK_TLS_SUITES] = "InvalidTLSCipherSuite",
};

static void log_link_down(struct station *station, bool was_up, bool is_news, const char *why)
{
    char *told_why = station->network.told_why;
    size_t size = sizeof(station->network.told_why);
    if (was_up) {
        told_why[0] = '\0';
        log_info(LOG_STATION, "link down: station=%s why=%s", station->id, why);
        return;
    }
    is_news |= strncmp(told_why, why, size - 1) != 0;
    log_at(LOG_STATION, is_news ? LOG_WARN : LOG_DEBUG, "no connection to the CSMS: station=%s url=%s why=%s",
           station->id, station->profiles.current ? station->profiles.current->url : "", why);
    (void)snprintf(told_why, size, "%s", why);
}

void station_on_link_down(struct station *station, enum link_failure failure, const char *text)
{
    bool was_up = network_is_up(station) || station->network.state == LINK_CLOSING;
    bool is_news = was_up || station->network.told_failure != (int)failure;

    log_link_down(station, was_up, is_news, text ? text : "");
    if (failure_events[failure] && is_news)
        security_event(station, failure_events[failure], text);
    if (failure == LINK_REFUSED)
        station->network.refusals++;
    station->network.told_failure = was_up ? -1 : (int)failure;
    network_on_link_down(station, failure);
    if (!was_up)
        return;
    rpc_set_connected(station->rpc, false);
    outbox_on_link_down(station);
    report_abort(station);
    monitoring_report_abort(station);
    provisioning_on_link_down(station);
    transactions_on_online(station, false);
    tariff_on_offline(station);
    reset_on_link_down(station);
}

void station_on_frame(struct station *station, const char *text, size_t len)
{
    network_on_heard(station);
    rpc_receive(station->rpc, text, len);
}

/* StatusNotification goes before the TransactionEvent that the same change brings (E02). */
void station_on_signals(struct station *station, int evse, const struct evse_signals *signals)
{
    struct evse *e = station_evse(station, evse);
    if (!e)
        return;
    struct evse_signals before = e->signals;
    e->signals = *signals;
    lock_on_signals(e);
    e->is_heard |= signals->state != EVSE_UNKNOWN || !signals->online;
    if (!station->started)
        return;
    network_on_device_heard(station);
    availability_on_evse_changed(e);
    lock_update(e);
    transactions_on_signals(e, &before);
    monitoring_touch(station);
    display_on_evse_changed(e);
    if (before.locked && !signals->locked) /* a reset may wait for the cable */
        provisioning_on_idle(station);
}

void station_on_id_token(struct station *station, int evse, const struct id_token *token)
{
    struct evse *e = station_evse(station, evse);
    if (e && station->started)
        transactions_on_id_token(e, token);
}

void station_on_command_done(struct station *station, int evse, const struct evse_command *command, int err)
{
    struct evse *e = station_evse(station, evse);
    if (!e)
        return;
    reset_on_command_done(e, command, err);
    transactions_on_command_done(e, command, err);
}

/* ---- life ---- */

/* A copy cut off at what the messages take, never within a character. NULL stays NULL. */
static int copy_text(char **ret, const char *text, size_t max)
{
    if (!text)
        return 0;
    size_t len = strlen(text);
    if (len > max) {
        for (len = max; len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--;
    }
    *ret = strndup(text, len);
    return *ret ? 0 : -ENOMEM;
}

/* What the settings leave open is the default. */
static struct station_limits limits_of(const struct station_limits *wanted)
{
    return (struct station_limits){
        .charging_profiles = wanted->charging_profiles ? wanted->charging_profiles : 100,
        .display_messages = wanted->display_messages ? wanted->display_messages : 50,
        .local_list_entries = wanted->local_list_entries ? wanted->local_list_entries : 100000,
        .monitors = wanted->monitors ? wanted->monitors : 100,
        .reservations = wanted->reservations ? wanted->reservations : 20,
    };
}

static int copy_settings(struct station *s, const struct station_settings *settings)
{
    (void)str_copy(s->id, sizeof(s->id), settings->id);
    s->security_profile = s->configured_security_profile = settings->security_profile;
    s->max_message = settings->max_message;
    s->limits = limits_of(&settings->limits);
    if (copy_text(&s->vendor, settings->vendor, 50) < 0 || copy_text(&s->model, settings->model, 20) < 0 ||
        copy_text(&s->serial_number, settings->serial_number, 25) < 0 ||
        copy_text(&s->firmware_version, settings->firmware_version, 50) < 0 ||
        copy_text(&s->csms_url, settings->csms_url, 512) < 0 ||
        copy_text(&s->password, settings->password, 64) < 0 ||
        copy_text(&s->host_boot, settings->host_boot, 64) < 0)
        return -ENOMEM;

    s->evses = calloc(settings->evse_count ? settings->evse_count : 1, sizeof(*s->evses));
    if (!s->evses)
        return -ENOMEM;
    s->evse_count = settings->evse_count;
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        e->station = s;
        e->id = (int)i + 1;
        e->abilities = settings->evses[i];
        if (e->abilities.connectors < 1)
            e->abilities.connectors = 1;
        if (e->abilities.connectors > MAX_CONNECTORS)
            e->abilities.connectors = MAX_CONNECTORS;
    }
    return variables_init(s, settings->presets, settings->preset_count);
}

struct station *station_new(const struct env *env, const struct station_settings *settings,
                            const struct station_ops *ops, void *ctx)
{
    AUTO(station) *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->env = env;
    s->ops = ops;
    s->ctx = ctx;
    list_init(&s->persist_waiting);
    customer_init(s);
    outbox_init(s);
    security_init(s);
    notify_event_init(s);
    if (copy_settings(s, settings) < 0 || device_variables_init(s, settings) < 0 ||
        network_profiles_init(s) < 0 || certificates_init(s, settings) < 0)
        return NULL;
    s->rpc = rpc_new(env, &rpc_ops, s, s->max_message);
    if (!s->rpc)
        return NULL;
    rpc_set_name(s->rpc, s->id);
    network_init(s);
    provisioning_init(s);
    availability_init(s);
    smart_charging_init(s);
    auth_cache_init(s);
    reservations_init(s);
    display_init(s);
    firmware_init(s, &settings->firmware);
    if (transactions_init(s) < 0 || monitoring_init(s) < 0)
        return NULL;
    return STEAL(s);
}

/* Those who wait for an answer are told first, while all they may touch is still there. */
void station_free(struct station *station)
{
    struct station *s = station;
    if (!s)
        return;
    s->freeing = true;
    s->started = false;
    if (s->rpc)
        rpc_set_connected(s->rpc, false);
    outbox_done(s);
    cancel_persists(s);
    report_abort(s);
    monitoring_done(s);
    notify_event_done(s);
    diagnostics_done(s);
    customer_done(s);
    if (s->rpc) { /* all was made up to here or nothing of it */
        availability_done(s);
        transactions_done(s);
        smart_charging_done(s);
        auth_cache_done(s);
        local_list_done(s);
        reservations_done(s);
        tariff_done(s);
        display_done(s);
    }
    firmware_done(s);
    provisioning_done(s);
    network_done(s);
    network_profiles_done(s);
    certificates_done(s);
    security_done(s);
    rpc_free(s->rpc);
    variables_free(s);
    device_variables_free(s);
    free(s->evses);
    free(s->vendor);
    free(s->model);
    free(s->serial_number);
    free(s->firmware_version);
    free(s->csms_url);
    free(s->password);
    free(s->host_boot);
    free(s);
}

static void restore_state(struct station *s, const char *key, const char *value)
{
    if (str_starts(key, "availability/"))
        availability_restore(s, key, value);
    else if (str_starts(key, "forget/"))
        customer_restore(s, key);
    else if (str_starts(key, "security_event/"))
        security_restore(s, key, value);
    else if (str_equal(key, "firmware"))
        firmware_restore(s, value);
    else if (str_equal(key, DIAGNOSTICS_KEY))
        diagnostics_restore(s, value);
    else
        provisioning_restore(s, key, value);
}

void station_restore(struct station *station, enum record_kind kind, const char *key, const char *value)
{
    switch (kind) {
    case RECORD_VARIABLE:
        variables_restore(station, key, value);
        break;
    case RECORD_TRANSACTION:
        transactions_restore(station, key, value);
        break;
    case RECORD_EVENT:
        transaction_queue_restore(station, key, value);
        break;
    case RECORD_STATE:
        restore_state(station, key, value);
        break;
    case RECORD_PROFILE:
        profile_store_restore(station, key, value);
        break;
    case RECORD_SECURITY_LOG:
        security_log_restore(station, key);
        break;
    case RECORD_CERTIFICATE:
        certificates_restore(station, key, value);
        break;
    case RECORD_NETWORK:
        network_profiles_restore(station, key, value);
        break;
    case RECORD_TOKEN:
        auth_cache_restore(station, key, value);
        break;
    case RECORD_MONITOR:
        monitoring_restore(station, key, value);
        break;
    case RECORD_LOCAL_LIST:
        local_list_restore(station, key, value);
        break;
    case RECORD_RESERVATION:
        reservations_restore(station, key, value);
        break;
    case RECORD_DISPLAY_MESSAGE:
        display_messages_restore(station, key, value);
        break;
    case RECORD_DEVICE: /* a driver's own */
    case RECORD_USER:   /* of no station */
    case RECORD_API_TOKEN:
    case RECORD_HISTORY: /* the gateway's */
    case RECORD_KINDS:
        break;
    }
}

void station_start(struct station *station, int64_t delay_ms)
{
    station->started = true;
    network_profiles_start(station);
    certificates_start(station);
    provisioning_start(station);
    security_start(station);
    auth_cache_start(station);
    local_list_start(station);
    transactions_start(station);
    reservations_start(station);
    for (size_t i = 0; i < station->evse_count; i++) { /* what the devices said before */
        struct evse *e = &station->evses[i];
        if (e->signals.state != EVSE_UNKNOWN)
            transactions_on_signals(e, &(struct evse_signals){ .state = EVSE_UNKNOWN });
    }
    display_start(station);
    firmware_start(station);
    diagnostics_start(station);
    monitoring_start(station);
    network_first_start(station, delay_ms);
}

void station_stop(struct station *station)
{
    if (station->stopping)
        return;
    station->stopping = true;
    transactions_stop(station);
    provisioning_stop(station);
    network_stop(station);
}

/* ---- displays ---- */

static json_t *signals_status(const struct evse_signals *signals)
{
    json_t *measured = json_object();
    for (int m = 0; measured && m < MEASURES; m++)
        if (evse_has(signals, (enum evse_measure)m))
            json_set_optional(measured, evse_measure_names[m], json_real(signals->value[m]));
    json_t *status = json_pack("{s:s, s:b, s:b, s:o}", "state", evse_state_names[signals->state], "online",
                               signals->online, "locked", signals->locked, "measured", measured);
    if (signals->bay != BAY_UNKNOWN)
        json_set_optional(status, "occupied", json_boolean(signals->bay == BAY_OCCUPIED));
    if (signals->lock_failed)
        json_set_optional(status, "lock_failed", json_true());
    json_set_text(status, "fault", signals->fault);
    return status;
}

static json_t *evse_status(const struct evse *e)
{
    json_t *connectors = json_array();
    for (int c = 1; connectors && c <= e->abilities.connectors; c++)
        json_array_append_new(connectors, json_string(connector_status_names[availability_status(e, c)]));
    json_t *status = json_pack("{s:i, s:s, s:o, s:o}", "id", e->id, "status",
                               connector_status_names[availability_evse_status(e)], "connectors", connectors,
                               "device", signals_status(&e->signals));
    json_set_optional(status, "transaction", transaction_status(e));
    json_set_optional(status, "display", display_json(e));
    if (e->limit.limit_A >= 0) /* not NAN */
        json_set_optional(status, "limit_A", json_real(e->limit.limit_A));
    json_set_optional(status, "limit_by", smart_charging_reason(e));
    return status;
}

json_t *station_status(const struct station *station)
{
    const struct station *s = station;
    json_t *evses = json_array();
    for (size_t i = 0; evses && i < s->evse_count; i++)
        json_array_append_new(evses, evse_status(&s->evses[i]));
    json_t *status = json_pack(
        "{s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:o, s:o}", "id", s->id, "registration",
        registration_names[s->provisioning.registration], "link", link_state_names[s->network.state],
        "online", station_is_online(s), "status", connector_status_names[availability_station_status(s)],
        "messages_waiting", (json_int_t)s->outbox.count, "events_waiting", (json_int_t)s->transactions.queued,
        "time", station_timestamp(s), "evses", evses);
    if (!network_is_up(s) && s->network.told_why[0])
        json_set_optional(status, "link_error", json_string(s->network.told_why));
    if (s->reservations.count > 0)
        json_set_optional(status, "reservations", reservations_status(s));
    json_set_optional(status, "local_time", provisioning_local_time(s));
    json_set_optional(status, "external_limits", external_limits_status(s));
    json_set_optional(status, "network", network_profiles_status(s));
    json_set_optional(status, "certificate", certificates_status(s));
    json_set_optional(status, "firmware", firmware_status_json(s));
    return status;
}
