/* Who may charge (block C): tokens presented at the device, AuthorizeRequest, and what to do without the CSMS.
 *
 *     token --+-- same as the running authorization's -----------------------> it ends (C01.FR.03)
 *             +-- another, during an authorization: known or asked, same group -> it ends (C09.FR.03)
 *             +-- none running: known or asked ------------ Accepted ----------> granted
 *
 * Known is what the Local Authorization List or else the authorization cache has (known_token.h). It counts without asking where
 * LocalPreAuthorize holds, and offline where LocalAuthorizeOffline does; what it has refused is asked for again. Offline a token that is
 * in neither is let in by OfflineTxForUnknownIdEnabled (C15). */
#include "station/transaction_internal.h"

#include <ctype.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define KEY_CODE_TRIES       3 /* wrong ones in a row that cost no waiting */
#define KEY_CODE_WAIT_MS     10000
#define KEY_CODE_WAIT_MAX_MS 600000

bool id_token_equal(const struct id_token *a, const struct id_token *b)
{
    return str_equal_ci(a->value, b->value) && str_equal(a->type, b->type);
}

bool id_token_from_json(const json_t *json, struct id_token *ret)
{
    return str_copy(ret->value, sizeof(ret->value), json_get_string(json, "idToken", "")) == 0 &&
           str_copy(ret->type, sizeof(ret->type), json_get_string(json, "type", "")) == 0;
}

/* UIDs of cards go out as upper-case hex. */
static struct id_token normalised(const struct id_token *token)
{
    struct id_token copy = *token;
    if (str_starts(copy.type, "ISO"))
        for (char *c = copy.value; *c; c++)
            *c = (char)toupper((unsigned char)*c);
    return copy;
}

static bool is_key_code(const struct id_token *token)
{
    return str_equal(token->type, "KeyCode");
}

/* Enough of a token to recognise it in a log, too little to copy it. Of a key code nothing (C04.FR.04). */
static const char *shortened(const struct id_token *token, char ret[static 8])
{
    size_t len = strlen(token->value);
    (void)snprintf(ret, 8, "..%.4s", len > 4 ? token->value + len - 4 : token->value);
    return is_key_code(token) ? "hidden" : ret;
}

/* ---- EVConnectionTimeOut ---- */

static void on_connection_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct evse *e = ctx;
    log_info(LOG_STATION, "no vehicle was plugged in: station=%s evse=%d", e->station->id, e->id);
    if (tx_stop_points(e) & TX_PARKING_BAY_OCCUPANCY) /* E03.FR.15: it ends when the driver drives off */
        transaction_deauthorize(e, TRIGGER_EV_CONNECT_TIMEOUT, "Timeout", NULL);
    else
        transaction_stop(e, TRIGGER_EV_CONNECT_TIMEOUT, "Timeout"); /* E03.FR.05, F02.FR.07, C01.FR.26 */
}

void authorization_await_vehicle(struct evse *e)
{
    int64_t seconds = variable_int(e->station, VAR_TX_EV_CONNECTION_TIME_OUT);
    if (seconds > 0)
        env_timer_start(e->station->env, &e->tx.connection_timer, seconds * 1000);
}

void authorization_on_plugged(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    timer_stop(&tx->connection_timer);
    if (variable_bool(e->station, VAR_AUTH_ENABLED) || tx->authorization == AUTHORIZATION_GRANTED ||
        transaction_is_running(e) || !availability_is_operative(e) ||
        provisioning_is_resetting(e->station, e->id))
        return;
    if (reservation_holds(e))
        return; /* who is expected has to show who he is (H03.FR.01) */
    /* nobody has to ask for anything: as with a start button (C02.FR.01) */
    tx->token = (struct id_token){ .value = "", .type = "NoAuthorization" };
    tx->authorization = AUTHORIZATION_GRANTED;
    tx->owed |= OWED_ID_TOKEN;
}

/* ---- granting ---- */

/* A reader may have a lamp for it, or a charger wait. */
static void answer(struct evse *e, bool accepted)
{
    if (e->station->ops->answer_token)
        e->station->ops->answer_token(e->station->ctx, e->id, accepted);
}

void authorization_grant(struct evse *e, const struct id_token *token, const char *group,
                         int64_t remote_start_id)
{
    struct evse_transaction *tx = &e->tx;
    char text[8];
    tx->token = *token;
    tx->authorization = AUTHORIZATION_GRANTED;
    (void)str_copy(tx->group_token, sizeof(tx->group_token), group ? group : "");
    tx->owed |= OWED_ID_TOKEN;
    tx->owes_cable = tx->token_confirmed = false;
    tx->remote_start_id = remote_start_id;
    if (remote_start_id >= 0)
        tx->owed |= OWED_REMOTE_START_ID;
    tx->reservation_id = reservation_use(e, token, group);
    if (tx->reservation_id >= 0)
        tx->owed |= OWED_RESERVATION;
    log_info(LOG_STATION, "authorized: station=%s evse=%d token=%s", e->station->id, e->id,
             shortened(token, text));
    answer(e, true);
    if (!(tx->points & TX_EV_CONNECTED))
        authorization_await_vehicle(e);
    lock_on_authorized(e);
    if (tx->reservation_id >= 0 || reservation_holds(e))
        availability_on_evse_changed(e); /* H03.FR.10 */
    transaction_authorized(e, remote_start_id >= 0 ? TRIGGER_REMOTE_START : TRIGGER_AUTHORIZED);
}

static void refuse(struct evse *e, const char *why)
{
    struct evse_transaction *tx = &e->tx;
    log_info(LOG_STATION, "not authorized: station=%s evse=%d: %s", e->station->id, e->id, why);
    answer(e, false);
    if (tx->authorization == AUTHORIZATION_ASKED)
        tx->authorization = AUTHORIZATION_REFUSED;
    tx->remote_start_id = -1;
    tariff_on_refused(e);
    if (!transaction_is_running(e)) {
        smart_charging_on_transaction_ended(e, ""); /* what came with the start is not for the next driver */
        availability_on_evse_changed(e);
        provisioning_on_idle(e->station);
    }
}

/* ---- what is known of a token, from the CSMS or without asking it ---- */

struct token_info {
    const char *status; /* AuthorizationStatusEnumType, or why there is none */
    const char *group;  /* or NULL */
    bool is_here;       /* C01.FR.21: may charge on this EVSE */
    int priority;       /* chargingPriority (K03.FR.06) */
};

static bool is_in_list(const json_t *list, int evse)
{
    size_t index;
    const json_t *id;
    json_array_foreach(list, index, id) if (json_integer_value(id) == evse) return true;
    return json_array_size(list) == 0;
}

bool authorization_is_for_here(const struct evse *e, const json_t *info)
{
    return is_in_list(json_object_get(info, "evseId"), e->id);
}

static struct token_info told(const struct evse *e, const json_t *info)
{
    return (struct token_info){
        .status = json_get_string(info, "status", "CSMS did not answer"),
        .group = json_get_string(json_object_get(info, "groupIdToken"), "idToken", NULL),
        .is_here = authorization_is_for_here(e, info),
        .priority = smart_charging_priority(info),
    };
}

static struct token_info remembered(const struct evse *e, const struct known_token *known)
{
    return (struct token_info){
        .status = authorization_status_names[known->is_expired ? STATUS_EXPIRED : known->status],
        .group = known->group,
        .is_here = known->evses >> (e->id - 1) & 1,
    };
}

/* Guessing key codes takes longer and longer (C04.FR.06). */
static void count_key_code(struct evse *e, const struct id_token *token, bool is_right)
{
    struct evse_transaction *tx = &e->tx;
    if (!is_key_code(token))
        return;
    tx->key_code_failures = is_right ? 0 : tx->key_code_failures + 1;
    int64_t wait_ms = KEY_CODE_WAIT_MS;
    for (int i = KEY_CODE_TRIES; i < tx->key_code_failures && wait_ms < KEY_CODE_WAIT_MAX_MS; i++)
        wait_ms *= 2;
    if (tx->key_code_failures >= KEY_CODE_TRIES)
        tx->key_code_from_ms =
            env_now_ms(e->station->env) + (wait_ms < KEY_CODE_WAIT_MAX_MS ? wait_ms : KEY_CODE_WAIT_MAX_MS);
}

bool authorization_is_master_pass(const struct station *s, const char *group)
{
    const char *master = variable_text(s, VAR_AUTH_MASTER_PASS_GROUP_ID);
    return group && *group && master && str_equal_ci(group, master);
}

/* C16.FR.02: there is no display to choose one with. */
static void stop_all(struct station *s, const struct id_token *token)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]))
            transaction_deauthorize(&s->evses[i], TRIGGER_STOP_AUTHORIZED, "MasterPass", token);
}

/* The cable is still locked in, and this is the token of who charged last. An empty socket may be locked, too. */
static bool owns_cable(const struct evse *e, const struct id_token *token)
{
    bool is_there = (e->tx.points & TX_EV_CONNECTED) || e->tx.cable_left;
    return e->abilities.unlock && e->abilities.lock_state && e->signals.locked && is_there &&
           token->value[0] && id_token_equal(token, &e->tx.token);
}

/* E05.FR.11: who may charge no more gets his cable back when he shows his card. */
static void release_to_owner(struct evse *e)
{
    if (e->tx.remote_start_id < 0 && !transaction_is_running(e) && owns_cable(e, &e->tx.asked))
        station_command(e->station, e, EVSE_UNLOCK, 0);
}

/* Who pulled the cable out at the vehicle, and is authorized anew while the transaction goes on, may want to go: he gets it (E09.FR.03). */
static void let_in(struct evse *e, const char *group)
{
    struct evse_transaction *tx = &e->tx;
    struct id_token token = tx->asked;
    if (!group || !*group)
        group = tx->asked_group;
    if (!reservation_admits(e, &token, group)) { /* H03.FR.01 */
        release_to_owner(e);
        refuse(e, "reserved for another");
        return;
    }
    bool is_back = tx->remote_start_id < 0 && transaction_is_running(e) &&
                   e->signals.state == EVSE_AVAILABLE && owns_cable(e, &token);
    authorization_grant(e, &token, group, tx->remote_start_id);
    if (is_back)
        station_command(e->station, e, EVSE_UNLOCK, 0);
}

static void decide_start(struct evse *e, const struct token_info *info)
{
    struct evse_transaction *tx = &e->tx;
    struct id_token token = tx->asked;
    if (tx->authorization != AUTHORIZATION_ASKED)
        return; /* taken back meanwhile */
    if (!str_equal(info->status, "Accepted")) {
        release_to_owner(e);
        refuse(e, info->status);
    } else if (authorization_is_master_pass(e->station, info->group)) {
        refuse(e, "a master pass only stops"); /* C16.FR.03, C12.FR.09 */
        stop_all(e->station, &token);
    } else if (!info->is_here)
        refuse(e, "not on this EVSE");
    else if (!availability_is_operative(e) || provisioning_is_resetting(e->station, e->id))
        refuse(e, "out of service");
    else {
        if (!tx->priority_is_own)
            tx->priority = info->priority;
        let_in(e, info->group);
    }
}

static bool is_same_group(const struct evse *e, const char *group)
{
    return group && *group && str_equal_ci(group, e->tx.group_token);
}

static void decide_stop(struct evse *e, const struct id_token *token, const struct token_info *info)
{
    bool is_good = str_equal(info->status, "Accepted");
    bool is_master = authorization_is_master_pass(e->station, info->group);
    answer(e, is_good && (is_master ||
                          (e->tx.authorization == AUTHORIZATION_GRANTED && is_same_group(e, info->group))));
    if (!is_good) /* C09.FR.11 */
        log_info(LOG_STATION, "another token stops nothing: station=%s evse=%d", e->station->id, e->id);
    else if (is_master)
        stop_all(e->station, token);
    else if (e->tx.authorization == AUTHORIZATION_GRANTED && is_same_group(e, info->group)) /* C09.FR.03 */
        transaction_deauthorize(e, TRIGGER_STOP_AUTHORIZED, "Local", token);
    else
        log_info(LOG_STATION, "token of another group stops nothing: station=%s evse=%d", e->station->id,
                 e->id);
}

static void decide_start_known(struct evse *e, const struct known_token *known)
{
    struct token_info info = remembered(e, known);
    AUTO(json_t) *more = known->listed ? local_list_info(known->listed) : NULL;
    if (more) {
        info.priority = smart_charging_priority(more);
        tariff_on_token_info(e, more);
    }
    decide_start(e, &info);
}

static void decide_start_offline(struct evse *e)
{
    struct station *s = e->station;
    if (e->tx.authorization != AUTHORIZATION_ASKED)
        return;
    const struct known_token known = known_token_use(s, &e->tx.asked);
    if (!availability_is_operative(e) || provisioning_is_resetting(s, e->id))
        refuse(e, "out of service");
    else if (known.is_known && variable_bool(s, VAR_AUTH_LOCAL_AUTHORIZE_OFFLINE))
        decide_start_known(e, &known); /* C13.FR.02, C13.FR.05 */
    else if (!known.is_known && variable_bool(s, VAR_AUTH_OFFLINE_TX_FOR_UNKNOWN_ID))
        let_in(e, NULL); /* C15.FR.08 */
    else {
        release_to_owner(e);
        refuse(e, "CSMS cannot be reached");
    }
}

/* ---- AuthorizeRequest ---- */

/* One on its way. Another token may have been asked for meanwhile: its answer is not this one. */
struct question {
    struct evse *evse;
    uint32_t number;
    struct id_token token;
};

static void on_authorize_result(void *ctx, const struct rpc_answer *answer)
{
    AUTO_FREE struct question *question = ctx;
    struct evse *e = question->evse;
    enum asking asking = e->tx.asking;
    const json_t *info =
        answer->outcome == RPC_RESULT ? json_object_get(answer->payload, "idTokenInfo") : NULL;
    struct token_info token_info = told(e, info);
    if (!e->station->started)
        return;                                            /* being freed */
    auth_cache_update(e->station, &question->token, info); /* C10.FR.04 */
    if (info)
        count_key_code(e, &question->token, str_equal(token_info.status, "Accepted"));
    if (question->number != e->tx.question)
        return; /* asked about something else since */
    e->tx.asking = ASKING_NOTHING;
    if (asking == ASKING_TO_START && answer->outcome == RPC_DISCONNECTED && !station_is_online(e->station))
        decide_start_offline(e);
    else if (asking == ASKING_TO_START) {
        if (info)
            tariff_on_token_info(e, info);
        decide_start(e, &token_info);
    } else if (asking == ASKING_TO_STOP)
        decide_stop(e, &question->token, &token_info);
}

static bool send_authorize(struct evse *e, const struct id_token *token, enum asking asking)
{
    if (variable_bool(e->station, VAR_AUTH_DISABLE_REMOTE_AUTHORIZATION))
        return false;
    AUTO_FREE struct question *question = calloc(1, sizeof(*question));
    if (!question)
        return false;
    *question = (struct question){ e, ++e->tx.question, *token };
    if (outbox_call(e->station, "Authorize", json_pack("{s:o}", "idToken", id_token_to_json(token)),
                    OUTBOX_ONLINE_ONLY, on_authorize_result, question) < 0)
        return false;
    (void)STEAL(question);
    e->tx.asking = asking;
    return true;
}

void authorization_request(struct evse *e, const struct id_token *token, const char *group,
                           int64_t remote_start_id)
{
    struct evse_transaction *tx = &e->tx;
    tx->asked = normalised(token);
    (void)str_copy(tx->asked_group, sizeof(tx->asked_group), group ? group : "");
    tx->authorization = AUTHORIZATION_ASKED;
    tx->remote_start_id = remote_start_id;
    if (!transaction_queue_has_room(e->station)) {
        refuse(e, "too many events wait for the CSMS");
        return;
    }
    if (transaction_limits_are_reached(e)) {
        refuse(e, "the transaction has had all it may");
        return;
    }
    if (!station_is_online(e->station)) {
        decide_start_offline(e);
        return;
    }
    const struct known_token known = known_token_use(e->station, &tx->asked);
    if (known_token_is_settled(e, &known))
        decide_start_known(e, &known);                        /* C12.FR.02, C14.FR.02 */
    else if (!send_authorize(e, &tx->asked, ASKING_TO_START)) /* C01.FR.02 */
        refuse(e, "cannot be asked");
}

/* ---- a token at the device ---- */

/* The vehicle has gone: there is nothing to start, only the cable to be fetched (E09.FR.03). */
static bool releases_cable(const struct evse *e, const struct id_token *token)
{
    return evse_is_idle(e) && e->signals.state == EVSE_AVAILABLE && owns_cable(e, token);
}

/* A member of the driver's group always may; a master pass where the list or the cache could also let someone in. */
static bool stops_without_asking(const struct evse *e, const struct known_token *known)
{
    const struct station *s = e->station;
    if (!known_token_is_good(known))
        return false;
    if (authorization_is_master_pass(e->station, known->group))
        return variable_bool(s, station_is_online(s) ? VAR_AUTH_LOCAL_PRE_AUTHORIZE
                                                     : VAR_AUTH_LOCAL_AUTHORIZE_OFFLINE);
    return is_same_group(e, known->group);
}

/* A token that is not the driver's. */
static void strange_token(struct evse *e, const struct id_token *token)
{
    const struct known_token known = known_token_use(e->station, token);
    if (stops_without_asking(e, &known)) {
        struct token_info info = remembered(e, &known);
        decide_stop(e, token, &info); /* C01.FR.03, C09.FR.07, C16.FR.04, C16.FR.05 */
        return;
    }
    bool may_ask = e->tx.asking == ASKING_NOTHING && station_is_online(e->station);
    bool is_refused = known_token_is_settled(e, &known) && !known_token_is_good(&known);
    if (may_ask && !is_refused)
        (void)send_authorize(e, token, ASKING_TO_STOP); /* C09.FR.05 */
}

static void token_while_authorized(struct evse *e, const struct id_token *token)
{
    if (!id_token_equal(token, &e->tx.token)) {
        strange_token(e, token);
        return;
    }
    answer(e, true);
    transaction_deauthorize(e, TRIGGER_STOP_AUTHORIZED, "Local", token); /* C01.FR.03, E07.FR.01 */
}

/* The driver ended his authorization, the transaction goes on: nobody else may continue it (C01.FR.23). Only a master pass counts, where
 * there are any (C16.FR.02). */
static void token_while_ending(struct evse *e, const struct id_token *token)
{
    log_info(LOG_STATION, "another token cannot continue this transaction: station=%s evse=%d",
             e->station->id, e->id);
    const char *master = variable_text(e->station, VAR_AUTH_MASTER_PASS_GROUP_ID);
    if (master && *master)
        strange_token(e, token);
}

void transactions_on_id_token(struct evse *e, const struct id_token *presented)
{
    struct evse_transaction *tx = &e->tx;
    struct id_token token = normalised(presented);
    char text[8];
    log_info(LOG_STATION, "token presented: station=%s evse=%d token=%s", e->station->id, e->id,
             shortened(&token, text));
    if (tx->resumed || tx->stopping || tx->asking == ASKING_TO_START)
        return; /* busy with the last one */
    if (is_key_code(&token) && env_now_ms(e->station->env) < tx->key_code_from_ms) {
        log_warn(LOG_STATION, "too many wrong key codes: station=%s evse=%d", e->station->id, e->id);
        return;
    }
    bool granted = tx->authorization == AUTHORIZATION_GRANTED;
    bool needs_none = !variable_bool(e->station, VAR_AUTH_ENABLED);
    if (needs_none && granted && !id_token_equal(&token, &tx->token))
        return; /* who charges needs no token */
    if (granted) {
        token_while_authorized(e, &token);
        return;
    }
    if (releases_cable(e, &token)) {
        station_command(e->station, e, EVSE_UNLOCK, 0);
        return;
    }
    if (transaction_is_running(e) && tx->token.type[0] && !id_token_equal(&token, &tx->token)) {
        token_while_ending(e, &token);
        return;
    }
    if (!availability_is_operative(e) || provisioning_is_resetting(e->station, e->id)) {
        refuse(e, "out of service");
        return;
    }
    if (needs_none && reservation_admits(e, &token, known_token_find(e->station, &token).group))
        authorization_grant(e, &token, NULL, -1); /* whoever it is */
    else if (needs_none)
        refuse(e, "reserved for another");
    else
        authorization_request(e, &token, NULL, -1);
}

void authorization_init(struct evse *e)
{
    timer_init(&e->tx.connection_timer, e->station->env->timers, on_connection_timer, e);
}
