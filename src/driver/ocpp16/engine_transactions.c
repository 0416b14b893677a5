/* Tokens and transactions of a charger's connector: nothing flows that the station did not ask for.
 *
 *   Authorize ---------> id_tag is presented -> station grants: Accepted; refuses, or says nothing: Invalid
 *   StartTransaction --> START was wished: Accepted
 *                        made while the charger was offline: Invalid, its energy is told as unauthorized
 *                        else its tag is presented and it waits for START; without one: Invalid, and RemoteStopTransaction
 *   START --> a token that was accepted starts it; else RemoteStartTransaction with a tag of ours
 *
 * A session that ended is billed by meterStop. So a status that tells of the end (Available, Finishing) waits for StopTransaction; and
 * what an offline session has done to the register is told only when the end of the one before it was seen. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "driver/ocpp16/internal.h"

#define START_MS         15000 /* for the charger to begin with the accepted token, before it is told to */
#define HOLD_MS          20000 /* for StopTransaction to follow the status */
#define STOP_AGAIN_MS    10000
#define PRESENT_MS       1000  /* a tag is shown to the charger layer */
#define OFFLINE_MS       3000  /* the charger layer waits 2 s for the register */
#define OFFLINE_SLACK_MS 10000 /* between clocks */
#define ID_BASE_MS       1600000000000

static const char *const endings[] = { "Available", "Finishing", "Reserved", NULL };
static const char *const flowing[] = { "Charging", "SuspendedEV", "SuspendedEVSE", NULL };

static bool is_one_of(const char *text, const char *const *list)
{
    while (*list && !str_equal(*list, text))
        list++;
    return *list != NULL;
}

/* The status as the charger layer is to see it now. */
static void update_shown(struct connector *c)
{
    const char *status = timer_is_active(&c->offline_timer) ? "Available" : c->status;
    if (!(timer_is_active(&c->hold_timer) && c->session.runs))
        (void)str_copy(c->shown, sizeof(c->shown), status);
}

const char *connector_shown_status(struct connector *c)
{
    update_shown(c);
    return c->shown;
}

bool connector_is_plugged(struct connector *c)
{
    update_shown(c);
    if (timer_is_active(&c->offline_timer))
        return false;
    if (c->waiting == WAITING_START || c->session.runs)
        return true;
    if (str_equal(c->shown, "Preparing"))
        return !c->card_first;
    return is_one_of(c->shown, flowing) || str_equal(c->shown, "Finishing");
}

static json_t *tag_info(bool accepted)
{
    return json_pack("{s:s}", "status", accepted ? "Accepted" : "Invalid");
}

/* ---- what must survive ---- */

static void keep(const struct connector *c)
{
    struct device *device = c->device;
    const struct session *s = &c->session;
    char key[80];
    if (!device->events.keep)
        return;
    (void)snprintf(key, sizeof(key), "ocpp16 %s %d", device->identity, c->number);
    AUTO(json_t) *json =
        json_pack("{s:I, s:s, s:I, s:I, s:b, s:b}", "id", (json_int_t)s->id, "idTag", s->id_tag, "meterStart",
                  (json_int_t)s->meter_start_Wh, "started", (json_int_t)s->started_ms, "authorized",
                  s->is_authorized, "remote", s->is_remote);
    AUTO_FREE char *text = s->runs && json ? json_to_text(json) : NULL;
    device->events.keep(device->ctx, key, text);
}

void connector_restore(struct connector *c, const char *value)
{
    AUTO(json_t) *json = json_from_text(value, strlen(value));
    struct session s = { .runs = true, .id = json_get_int(json, "id", 0) };
    if (s.id <= 0 || s.id > INT32_MAX ||
        str_copy(s.id_tag, sizeof(s.id_tag), json_get_string(json, "idTag", "")) < 0)
        return;
    s.meter_start_Wh = json_get_int(json, "meterStart", -1);
    s.started_ms = json_get_int(json, "started", 0);
    s.is_authorized = json_get_bool(json, "authorized", false);
    s.is_remote = json_get_bool(json, "remote", false);
    c->session = s;
    if (s.id > c->device->last_id)
        c->device->last_id = s.id;
}

/* Not one that was given before a restart, either. */
static int64_t next_id(struct device *device)
{
    int64_t id = (env_wall_ms(device->env) - ID_BASE_MS) / 1000;
    if (id <= 0 || id > INT32_MAX)
        id = 1 + env_random(device->env, INT32_MAX / 2);
    if (id <= device->last_id)
        id = device->last_id + 1;
    return device->last_id = id < INT32_MAX ? id : 1;
}

/* ---- tokens ---- */

/* A time that cannot be read is now: only what is surely old was made offline. */
static int64_t time_of(const struct device *device, const json_t *payload)
{
    int64_t time_ms = 0;
    return timestamp_parse(json_get_string(payload, "timestamp", ""), &time_ms) == 0
               ? time_ms
               : env_wall_ms(device->env);
}

/* A part of a token is another token: what is longer (in bytes, outside of ASCII) is none. */
static void copy_tag(char ret[static TAG_SIZE], const json_t *payload)
{
    if (str_copy(ret, TAG_SIZE, json_get_string(payload, "idTag", "")) < 0)
        ret[0] = '\0';
}

static void present(struct connector *c, const char *tag)
{
    (void)str_copy(c->id_tag, sizeof(c->id_tag), tag);
    timer_stop(&c->clear_timer);
    device_tell(c->device);
}

static void on_clear_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct connector *c = ctx;
    c->id_tag[0] = '\0';
    device_tell(c->device);
}

/* The request is answered; the tag is gone from the reader a moment later, so that it is seen in any case. */
static void stop_waiting(struct connector *c)
{
    c->waiting = WAITING_NONE;
    timer_stop(&c->answer_timer);
    env_timer_start(c->device->env, &c->clear_timer, PRESENT_MS);
    device_tell(c->device);
}

static void answer_authorize(struct connector *c, bool accepted)
{
    struct device *device = c->device;
    stop_waiting(c);
    if (accepted) {
        (void)str_copy(c->accepted_tag, sizeof(c->accepted_tag), c->asked.id_tag);
        c->card_first = !connector_is_plugged(c);
    }
    rpc_result(device->rpc, &c->request, json_pack("{s:o}", "idTagInfo", tag_info(accepted)));
}

static void begin(struct connector *c, const struct rpc_request *request, const struct session *asked,
                  bool is_authorized);

static void refuse_waiting(struct connector *c)
{
    if (c->waiting == WAITING_AUTHORIZE) {
        answer_authorize(c, false);
    } else if (c->waiting == WAITING_START) {
        struct session asked = c->asked;
        stop_waiting(c);
        begin(c, &c->request, &asked, false);
    }
}

static void on_answer_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct connector *c = ctx;
    log_info(LOG_OCPP16, "token got no answer in time: charger=%s connector=%d", c->device->identity,
             c->number);
    refuse_waiting(c);
}

static void wait_for_answer(struct connector *c, enum waiting waiting, const struct rpc_request *request,
                            const struct session *asked)
{
    refuse_waiting(c); /* a charger that does not wait for its answers */
    c->waiting = waiting;
    c->request = *request;
    c->request.payload = NULL;
    c->asked = *asked;
    env_timer_start(c->device->env, &c->answer_timer, c->device->options.authorize_ms);
    device_tell(c->device);
}

/* A token is for the whole charger; which connector is meant shows only in StartTransaction. The likeliest one: whose session it is, the
 * one with a vehicle that waits, a free one, any. */
static struct connector *connector_for(struct device *device, const char *tag)
{
    struct connector *plugged = NULL, *free_one = NULL, *own = NULL;
    for (int i = 1; i < device->connector_count; i++) {
        struct connector *c = &device->connectors[i];
        if (c->session.runs && str_equal_ci(c->session.id_tag, tag))
            own = c;
        if (c->session.runs || c->waiting != WAITING_NONE)
            continue;
        if (str_equal(c->status, "Preparing") || (!plugged && str_equal(c->status, "Finishing")))
            plugged = c;
        else if (!free_one && !is_one_of(c->status, flowing))
            free_one = c;
    }
    if (own || plugged || free_one)
        return own ? own : plugged ? plugged : free_one;
    return device->connector_count > 1 ? &device->connectors[1] : NULL;
}

void on_authorize(struct device *device, const struct rpc_request *request)
{
    struct session asked = { .meter_start_Wh = -1 };
    copy_tag(asked.id_tag, request->payload);
    for (int i = 1; i < device->connector_count; i++) {
        const struct connector *c = &device->connectors[i];
        if (*c->remote_tag && str_equal_ci(c->remote_tag, asked.id_tag)) { /* AuthorizeRemoteTxRequests */
            rpc_result(device->rpc, request, json_pack("{s:o}", "idTagInfo", tag_info(true)));
            return;
        }
    }
    struct connector *c = connector_for(device, asked.id_tag);
    if (!c || !asked.id_tag[0]) {
        rpc_result(device->rpc, request, json_pack("{s:o}", "idTagInfo", tag_info(false)));
        return;
    }
    wait_for_answer(c, WAITING_AUTHORIZE, request, &asked);
    present(c, asked.id_tag);
}

void connector_answer_token(struct connector *c, bool accepted)
{
    if (c->waiting == WAITING_AUTHORIZE)
        answer_authorize(c, accepted);
    else if (!accepted)
        refuse_waiting(c);
}

/* ---- beginning ---- */

static void forget_tags(struct connector *c)
{
    c->accepted_tag[0] = c->remote_tag[0] = '\0';
    c->card_first = false;
    timer_stop(&c->start_timer);
}

static int remote_stop(struct connector *c, const struct call *what)
{
    c->session.stop_asked_ms = now_ms_of(c->device);
    return calls_add(c->device, "RemoteStopTransaction",
                     json_pack("{s:I}", "transactionId", (json_int_t)c->session.id), NULL, what);
}

static void begin(struct connector *c, const struct rpc_request *request, const struct session *asked,
                  bool is_authorized)
{
    struct device *device = c->device;
    bool is_remote = *c->remote_tag && str_equal_ci(c->remote_tag, asked->id_tag);
    c->session = *asked;
    c->session.runs = c->session.is_confirmed = true;
    c->session.is_authorized = is_authorized;
    c->session.is_remote = is_remote;
    c->session.id = next_id(device);
    forget_tags(c);
    timer_stop(&c->hold_timer);
    keep(c);
    if (!is_authorized)
        WARN(device,
             "charger has begun a transaction that nobody asked for: charger=%s connector=%d transaction=%d",
             device->identity, c->number, (int)c->session.id);
    rpc_result(device->rpc, request,
               json_pack("{s:I, s:o}", "transactionId", (json_int_t)c->session.id, "idTagInfo",
                         tag_info(is_authorized)));
    meter_set_register(c, asked->meter_start_Wh);
    bool may_flow =
        asked->started_ms >= device->opened_wall_ms - OFFLINE_SLACK_MS || is_one_of(c->status, flowing);
    struct call what = { .connector = -1 };
    if (!is_authorized && may_flow) /* not every charger ends it by itself */
        (void)remote_stop(c, &what);
    device_tell(device);
}

static bool is_repeated(const struct session *before, const struct session *asked)
{
    return before->started_ms == asked->started_ms && before->meter_start_Wh == asked->meter_start_Wh &&
           str_equal_ci(before->id_tag, asked->id_tag);
}

static void account(struct connector *c, int64_t meter_stop_Wh);

/* The session before it ended without a word. */
static void lose_session(struct connector *c, const char *why)
{
    if (!c->session.runs)
        return;
    WARN(c->device,
         "transaction has ended without StopTransaction: charger=%s connector=%d transaction=%d: %s",
         c->device->identity, c->number, (int)c->session.id, why);
    if (!c->session.is_authorized)
        account(c, -1);
    c->stopped_id = c->session.id;
    c->session = (struct session){ 0 };
    c->may_run = false;
    meter_forget_flow(c);
    keep(c);
}

static void on_offline_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct connector *c = ctx;
    struct session asked = c->asked;
    if (c->waiting != WAITING_START)
        return;
    stop_waiting(c);
    begin(c, &c->request, &asked, false);
}

/* The charger layer sees that the vehicle has gone, with the register as the last session left it; then the offline one comes. */
static void begin_offline(struct connector *c, const struct rpc_request *request, const struct session *asked)
{
    wait_for_answer(c, WAITING_START, request, asked);
    timer_stop(&c->answer_timer);
    env_timer_start(c->device->env, &c->offline_timer, OFFLINE_MS);
}

void on_start_transaction(struct device *device, const struct rpc_request *request)
{
    struct connector *c = device_connector(device, json_get_int(request->payload, "connectorId", 0));
    struct session asked = { .meter_start_Wh = json_get_int(request->payload, "meterStart", 0) };
    copy_tag(asked.id_tag, request->payload);
    asked.started_ms = time_of(device, request->payload);
    if (!c || c->number == 0) {
        WARN(device, "transaction on a connector that the profile does not have: charger=%s",
             device->identity);
        rpc_result(device->rpc, request,
                   json_pack("{s:I, s:o}", "transactionId", (json_int_t)next_id(device), "idTagInfo",
                             tag_info(false)));
        return;
    }
    if (c->session.runs && is_repeated(&c->session, &asked)) { /* our answer was lost */
        rpc_result(device->rpc, request,
                   json_pack("{s:I, s:o}", "transactionId", (json_int_t)c->session.id, "idTagInfo",
                             tag_info(c->session.is_authorized)));
        return;
    }
    if (c->waiting == WAITING_START &&
        is_repeated(&c->asked, &asked)) { /* it has given up waiting, and asks again */
        c->request = *request;
        c->request.payload = NULL;
        return;
    }
    if (!c->may_run && !device_may(device, &device->unasked)) {
        rpc_error(device->rpc, request, RPC_INTERNAL_ERROR, "too many transactions; try again later");
        return;
    }
    bool is_old = asked.started_ms < device->opened_wall_ms - OFFLINE_SLACK_MS;
    lose_session(c, "another has begun");
    if (c->may_run) {
        begin(c, request, &asked, true);
    } else if (is_old) {
        begin_offline(c, request, &asked);
    } else {
        wait_for_answer(c, WAITING_START, request, &asked);
        if (!str_equal_ci(asked.id_tag, c->accepted_tag)) /* shown twice it would end what it has begun */
            present(c, asked.id_tag);
    }
}

/* Nobody has plugged in, or the charger has forgotten the token: it is told. */
static void on_start_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct connector *c = ctx;
    struct call what = { .connector = -1 };
    if (!c->may_run || c->session.runs || !*c->accepted_tag)
        return;
    (void)calls_add(c->device, "RemoteStartTransaction",
                    json_pack("{s:i, s:s}", "connectorId", c->number, "idTag", c->accepted_tag), NULL, &what);
}

int connector_start(struct connector *c, const struct call *what)
{
    struct device *device = c->device;
    c->may_run = true;
    device_tell(device);
    if (c->waiting == WAITING_START && !timer_is_active(&c->offline_timer)) {
        struct session asked = c->asked;
        stop_waiting(c);
        begin(c, &c->request, &asked, true);
    } else if (c->waiting == WAITING_AUTHORIZE) {
        answer_authorize(c, true);
    }
    if (c->session.runs)
        return calls_end_at_once(device, what, 0);
    if (*c->accepted_tag) {
        env_timer_start(device->env, &c->start_timer, START_MS);
        return calls_end_at_once(device, what, 0);
    }
    (void)snprintf(c->remote_tag, sizeof(c->remote_tag), "GW%08X", env_random(device->env, UINT32_MAX));
    return calls_add(device, "RemoteStartTransaction",
                     json_pack("{s:i, s:s}", "connectorId", c->number, "idTag", c->remote_tag), NULL, what);
}

/* ---- ending ---- */

/* What flowed without authorization; -1: nobody knows how much. */
static void account(struct connector *c, int64_t meter_stop_Wh)
{
    const struct session *s = &c->session;
    bool is_known = meter_stop_Wh >= 0 && s->meter_start_Wh >= 0 && meter_stop_Wh >= s->meter_start_Wh;
    if (is_known && meter_stop_Wh == s->meter_start_Wh)
        return;
    if (is_known)
        c->unauthorized_Wh += (double)(meter_stop_Wh - s->meter_start_Wh);
    char energy[32] = "unknown", started[TIMESTAMP_SIZE];
    if (is_known)
        (void)snprintf(energy, sizeof(energy), "%lld Wh", (long long)(meter_stop_Wh - s->meter_start_Wh));
    timestamp_format(s->started_ms, started);
    WARN(c->device,
         "energy without authorization: charger=%s connector=%d transaction=%d started=%s energy=\"%s\"",
         c->device->identity, c->number, (int)s->id, started, energy);
}

/* The driver has ended it at the charger itself, with the token or a button: the station is to hear it as a token. */
static void tell_local_stop(struct connector *c, const json_t *payload)
{
    const char *tag = json_get_string(payload, "idTag", c->session.is_remote ? "" : c->session.id_tag);
    int64_t stopped_ms = time_of(c->device, payload);
    if (!c->may_run || !*tag || !str_equal(json_get_string(payload, "reason", "Local"), "Local") ||
        stopped_ms <
            c->device->opened_wall_ms - OFFLINE_SLACK_MS) /* shown later it could begin another session */
        return;
    present(c, tag);
    env_timer_start(c->device->env, &c->clear_timer, PRESENT_MS);
}

static void end_session(struct connector *c, const json_t *payload)
{
    int64_t meter_stop_Wh = json_get_int(payload, "meterStop", 0);
    meter_on_values(c, json_object_get(payload, "transactionData"), true);
    meter_set_register(c, meter_stop_Wh);
    if (c->session.is_authorized)
        tell_local_stop(c, payload);
    else
        account(c, meter_stop_Wh);
    c->stopped_id = c->session.id;
    c->session = (struct session){ 0 };
    c->may_run = false;
    meter_forget_flow(c);
    timer_stop(&c->hold_timer);
    keep(c);
}

void on_stop_transaction(struct device *device, const struct rpc_request *request)
{
    int64_t id = json_get_int(request->payload, "transactionId", 0);
    bool found = false, again = false;
    for (int i = 1; i < device->connector_count && !found; i++) {
        struct connector *c = &device->connectors[i];
        again = again || (id && c->stopped_id == id);
        found = c->session.runs && c->session.id == id;
        if (found)
            end_session(c, request->payload);
    }
    if (!found && !again) /* answered all the same, or it would be told for ever */
        WARN(device, "end of a transaction that is not known: charger=%s transaction=%lld meterStop=%lld",
             device->identity, (long long)id, (long long)json_get_int(request->payload, "meterStop", 0));
    rpc_result(device->rpc, request, json_object());
    device_tell(device);
}

int connector_stop(struct connector *c, const struct call *what)
{
    struct device *device = c->device;
    c->may_run = false;
    if (c->waiting == WAITING_START && !timer_is_active(&c->offline_timer))
        refuse_waiting(c); /* one who only asks is answered by what becomes of his token */
    forget_tags(c);
    if (c->session.runs && c->session.stop_asked_ms &&
        now_ms_of(device) - c->session.stop_asked_ms < STOP_AGAIN_MS)
        return calls_end_at_once(device, what, 0); /* it is on its way */
    if (c->session.runs)
        return remote_stop(c, what);
    if (!is_one_of(c->status, flowing))
        return calls_end_at_once(device, what, 0);
    calls_trigger(device, "MeterValues",
                  c->number); /* they tell which transaction it is; the stop is tried again */
    return calls_end_at_once(device, what, -ERR_NO_ANSWER);
}

void connector_confirm(struct connector *c)
{
    c->session.is_confirmed = c->session.is_confirmed || (c->session.runs && is_one_of(c->status, flowing));
}

void connector_on_transaction_seen(struct connector *c, int64_t id)
{
    if (c->number ==
        0) /* some tell a transaction with readings of the whole charger; which connector has it shows elsewhere */
        return;
    if (c->session.runs) {
        c->session.is_confirmed = c->session.is_confirmed || c->session.id == id;
        return;
    }
    if (id <= 0 || id > INT32_MAX || id == c->stopped_id || !is_one_of(c->status, flowing))
        return;
    WARN(c->device, "a transaction runs that is not known: charger=%s connector=%d transaction=%d",
         c->device->identity, c->number, (int)id);
    c->session = (struct session){
        .runs = true, .id = id, .meter_start_Wh = -1, .is_confirmed = true, .is_authorized = c->may_run
    };
    keep(c);
    device_tell(c->device);
}

/* ---- the limit ---- */

static json_t *charging_profile(struct connector *c, const char *purpose, const char *unit, double limit)
{
    double tenths = floor(limit * 10 + 1e-6) / 10;
    bool is_whole = tenths == floor(tenths);
    json_t *period = json_pack("{s:i, s:o}", "startPeriod", 0, "limit",
                               is_whole ? json_integer((json_int_t)tenths) : json_real(tenths));
    json_t *profile = json_pack(
        "{s:i, s:i, s:s, s:s, s:{s:s, s:[o]}}", "chargingProfileId",
        2 * c->number + (str_equal(purpose, "TxProfile") ? 2 : 1), "stackLevel", 0, "chargingProfilePurpose",
        purpose, "chargingProfileKind", str_equal(purpose, "ChargePointMaxProfile") ? "Absolute" : "Relative",
        "chargingSchedule", "chargingRateUnit", unit, "chargingSchedulePeriod", period);
    if (str_equal(purpose, "TxProfile"))
        (void)json_set_optional(profile, "transactionId", json_integer((json_int_t)c->session.id));
    return json_pack("{s:i, s:o}", "connectorId", c->number, "csChargingProfiles", profile);
}

/* For what begins later, and for what runs. */
int connector_limit(struct connector *c, const struct call *what, double limit)
{
    const char *unit = str_equal(what->point->unit, "W") ? "W" : "A";
    bool is_whole = c->number == 0;
    json_t *usual = charging_profile(c, is_whole ? "ChargePointMaxProfile" : "TxDefaultProfile", unit, limit);
    json_t *now = !is_whole && c->session.runs ? charging_profile(c, "TxProfile", unit, limit) : NULL;
    return calls_add(c->device, "SetChargingProfile", usual, now, what);
}

/* ---- the status ---- */

static void on_hold_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct connector *c = ctx;
    lose_session(c, "the status says so");
    device_tell(c->device);
}

void connector_on_status(struct connector *c, const char *status)
{
    bool becomes_free = str_equal(status, "Available") && !str_equal(c->status, status);
    (void)str_copy(c->status, sizeof(c->status), status);
    c->has_status = true;
    if (becomes_free && c->waiting == WAITING_NONE) { /* the token has lapsed, or the vehicle has gone */
        c->card_first = false;
        if (!c->session.runs)
            c->accepted_tag[0] = '\0';
    }
    if (c->session.runs && is_one_of(status, endings))
        env_timer_start(c->device->env, &c->hold_timer, HOLD_MS);
    else
        timer_stop(&c->hold_timer);
    device_tell(c->device);
}

/* ---- life ---- */

static void on_read_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    calls_on_reading(ctx, -ERR_NO_ANSWER);
}

void connector_on_closed(struct connector *c)
{
    c->waiting = WAITING_NONE;
    c->id_tag[0] = '\0';
    c->has_status = c->session.is_confirmed = false;
    c->may_run = c->may_run && c->session.runs;
    forget_tags(c);
    timer_stop(&c->answer_timer);
    timer_stop(&c->hold_timer);
    timer_stop(&c->offline_timer);
    timer_stop(&c->clear_timer);
    timer_stop(&c->read_timer);
}

void connector_init(struct connector *c, struct device *device, int number)
{
    c->device = device;
    c->number = number;
    timer_init(&c->answer_timer, device->env->timers, on_answer_timer, c);
    timer_init(&c->start_timer, device->env->timers, on_start_timer, c);
    timer_init(&c->hold_timer, device->env->timers, on_hold_timer, c);
    timer_init(&c->clear_timer, device->env->timers, on_clear_timer, c);
    timer_init(&c->offline_timer, device->env->timers, on_offline_timer, c);
    timer_init(&c->read_timer, device->env->timers, on_read_timer, c);
}

void connector_done(struct connector *c)
{
    connector_on_closed(c);
    timer_stop(&c->start_timer);
}
