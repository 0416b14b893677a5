/* Who may charge (block C): tokens presented at the device, AuthorizeRequest, and what to do without the CSMS.
 *
 *     token --+-- same as the running authorization's -----------------> it ends (C01.FR.03)
 *             +-- another, during an authorization: asked -- same group -> it ends (C09.FR.03)
 *             +-- none running: asked ------------------- Accepted -----> granted
 *
 * There is neither cache nor local list yet: offline only OfflineTxForUnknownIdEnabled (C15) lets anyone charge. */
#include "station/transaction_internal.h"

#include <ctype.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

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

/* Enough of a token to recognise it in a log, too little to copy it. */
static const char *shortened(const struct id_token *token, char ret[static 8])
{
    size_t len = strlen(token->value);
    (void)snprintf(ret, 8, "..%.4s", len > 4 ? token->value + len - 4 : token->value);
    return ret;
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
    /* nobody has to ask for anything: as with a start button (C02.FR.01) */
    tx->token = (struct id_token){ .value = "", .type = "NoAuthorization" };
    tx->authorization = AUTHORIZATION_GRANTED;
    tx->owed |= OWED_ID_TOKEN;
}

/* ---- granting ---- */

void authorization_grant(struct evse *e, const struct id_token *token, const char *group,
                         int64_t remote_start_id)
{
    struct evse_transaction *tx = &e->tx;
    char text[8];
    tx->token = *token;
    tx->authorization = AUTHORIZATION_GRANTED;
    (void)str_copy(tx->group_token, sizeof(tx->group_token), group ? group : "");
    tx->owed |= OWED_ID_TOKEN;
    tx->remote_start_id = remote_start_id;
    if (remote_start_id >= 0)
        tx->owed |= OWED_REMOTE_START_ID;
    log_info(LOG_STATION, "authorized: station=%s evse=%d token=%s", e->station->id, e->id,
             shortened(token, text));
    if (!(tx->points & TX_EV_CONNECTED))
        authorization_await_vehicle(e);
    lock_on_authorized(e);
    transaction_authorized(e, remote_start_id >= 0 ? TRIGGER_REMOTE_START : TRIGGER_AUTHORIZED);
}

static void refuse(struct evse *e, const char *why)
{
    struct evse_transaction *tx = &e->tx;
    log_info(LOG_STATION, "not authorized: station=%s evse=%d: %s", e->station->id, e->id, why);
    if (tx->authorization == AUTHORIZATION_ASKED)
        tx->authorization = AUTHORIZATION_REFUSED;
    tx->remote_start_id = -1;
    if (!transaction_is_running(e)) {
        smart_charging_on_transaction_ended(e, ""); /* what came with the start is not for the next driver */
        availability_on_evse_changed(e);
        provisioning_on_idle(e->station);
    }
}

/* ---- AuthorizeRequest ---- */

static bool is_allowed_here(const struct evse *e, const json_t *info) /* C01.FR.21 */
{
    const json_t *list = json_object_get(info, "evseId");
    size_t index;
    const json_t *id;
    json_array_foreach(list, index, id) if (json_integer_value(id) == e->id) return true;
    return json_array_size(list) == 0;
}

static bool is_master_pass(const struct evse *e, const char *group)
{
    const char *master = variable_text(e->station, VAR_AUTH_MASTER_PASS_GROUP_ID);
    return group && *group && master && str_equal_ci(group, master);
}

/* C16.FR.02: there is no display to choose one with. */
static void stop_all(struct station *s, const struct id_token *token)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]))
            transaction_deauthorize(&s->evses[i], TRIGGER_STOP_AUTHORIZED, "MasterPass", token);
}

static void asked_to_start(struct evse *e, const char *status, const json_t *info)
{
    struct evse_transaction *tx = &e->tx;
    const char *group = json_get_string(json_object_get(info, "groupIdToken"), "idToken", NULL);
    struct id_token token = tx->asked;
    if (tx->authorization != AUTHORIZATION_ASKED)
        return; /* taken back meanwhile */
    if (!str_equal(status, "Accepted"))
        refuse(e, status);
    else if (!is_allowed_here(e, info))
        refuse(e, "not on this EVSE");
    else if (is_master_pass(e, group)) {
        refuse(e, "a master pass only stops"); /* C16.FR.03 */
        stop_all(e->station, &token);
    } else if (!availability_is_operative(e) || provisioning_is_resetting(e->station, e->id))
        refuse(e, "out of service");
    else
        authorization_grant(e, &token, group, tx->remote_start_id);
}

static void asked_to_stop(struct evse *e, const char *status, const json_t *info)
{
    struct evse_transaction *tx = &e->tx;
    const char *group = json_get_string(json_object_get(info, "groupIdToken"), "idToken", "");
    struct id_token token = tx->asked;
    if (tx->authorization != AUTHORIZATION_GRANTED || !str_equal(status, "Accepted")) /* C09.FR.11 */
        log_info(LOG_STATION, "another token stops nothing: station=%s evse=%d", e->station->id, e->id);
    else if (is_master_pass(e, group))
        stop_all(e->station, &token);
    else if (*group && str_equal_ci(group, tx->group_token)) /* C09.FR.03 */
        transaction_deauthorize(e, TRIGGER_STOP_AUTHORIZED, "Local", &token);
    else
        log_info(LOG_STATION, "token of another group stops nothing: station=%s evse=%d", e->station->id,
                 e->id);
}

static void decide_offline(struct evse *e)
{
    if (e->tx.authorization != AUTHORIZATION_ASKED)
        return;
    if (!availability_is_operative(e) || provisioning_is_resetting(e->station, e->id))
        refuse(e, "out of service");
    else if (variable_bool(e->station, VAR_AUTH_OFFLINE_TX_FOR_UNKNOWN_ID))
        authorization_grant(e, &e->tx.asked, NULL, e->tx.remote_start_id); /* C15.FR.08 */
    else
        refuse(e, "CSMS cannot be reached");
}

/* An AuthorizeRequest on its way. Another token may have been asked for meanwhile: its answer is not this one. */
struct question {
    struct evse *evse;
    uint32_t number;
};

static void on_authorize_result(void *ctx, const struct rpc_answer *answer)
{
    AUTO_FREE struct question *question = ctx;
    struct evse *e = question->evse;
    enum asking asking = e->tx.asking;
    const json_t *info =
        answer->outcome == RPC_RESULT ? json_object_get(answer->payload, "idTokenInfo") : NULL;
    const char *status = json_get_string(info, "status", "CSMS did not answer");
    if (!e->station->started || question->number != e->tx.question)
        return; /* being freed; or asked about something else since */
    e->tx.asking = ASKING_NOTHING;
    if (asking == ASKING_TO_START && answer->outcome == RPC_DISCONNECTED && !station_is_online(e->station))
        decide_offline(e);
    else if (asking == ASKING_TO_START)
        asked_to_start(e, status, info);
    else if (asking == ASKING_TO_STOP)
        asked_to_stop(e, status, info);
}

static bool send_authorize(struct evse *e, const struct id_token *token, enum asking asking)
{
    if (variable_bool(e->station, VAR_AUTH_DISABLE_REMOTE_AUTHORIZATION))
        return false;
    AUTO_FREE struct question *question = calloc(1, sizeof(*question));
    if (!question)
        return false;
    *question = (struct question){ e, ++e->tx.question };
    if (outbox_call(e->station, "Authorize", json_pack("{s:o}", "idToken", id_token_to_json(token)),
                    OUTBOX_ONLINE_ONLY, on_authorize_result, question) < 0)
        return false;
    (void)STEAL(question);
    e->tx.asking = asking;
    return true;
}

void authorization_request(struct evse *e, const struct id_token *token, int64_t remote_start_id)
{
    struct evse_transaction *tx = &e->tx;
    tx->asked = normalised(token);
    tx->authorization = AUTHORIZATION_ASKED;
    tx->remote_start_id = remote_start_id;
    if (!transaction_queue_has_room(e->station))
        refuse(e, "too many events wait for the CSMS");
    else if (!station_is_online(e->station))
        decide_offline(e);
    else if (!send_authorize(e, &tx->asked, ASKING_TO_START)) /* C01.FR.02 */
        refuse(e, "cannot be asked");
}

/* ---- a token at the device ---- */

/* The session is over, the cable still locked in: its owner releases it (E09.FR.03, E05.FR.11). */
static bool releases_cable(const struct evse *e, const struct id_token *token)
{
    return e->abilities.unlock && e->abilities.lock_state && e->signals.locked &&
           !transaction_is_running(e) && e->tx.authorization == AUTHORIZATION_NONE &&
           e->signals.state == EVSE_AVAILABLE && id_token_equal(token, &e->tx.token);
}

static void token_while_authorized(struct evse *e, const struct id_token *token)
{
    struct evse_transaction *tx = &e->tx;
    if (id_token_equal(token, &tx->token)) {
        transaction_deauthorize(e, TRIGGER_STOP_AUTHORIZED, "Local", token); /* C01.FR.03, E07.FR.01 */
        return;
    }
    if (tx->asking != ASKING_NOTHING || !station_is_online(e->station))
        return;
    tx->asked = *token;
    (void)send_authorize(e, token, ASKING_TO_STOP); /* C09.FR.05 */
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
    bool granted = tx->authorization == AUTHORIZATION_GRANTED;
    if (!variable_bool(e->station, VAR_AUTH_ENABLED) && !(granted && id_token_equal(&token, &tx->token)))
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
        log_info(LOG_STATION, "another token cannot continue this transaction: station=%s evse=%d",
                 e->station->id, e->id); /* C01.FR.23 */
        return;
    }
    if (!availability_is_operative(e) || provisioning_is_resetting(e->station, e->id)) {
        refuse(e, "out of service");
        return;
    }
    authorization_request(e, &token, -1);
}

void authorization_init(struct evse *e)
{
    timer_init(&e->tx.connection_timer, e->station->env->timers, on_connection_timer, e);
}
