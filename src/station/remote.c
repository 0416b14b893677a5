/* What the CSMS asks of transactions and connectors (blocks E14, F01-F03, F05). */
#include "station/transaction_internal.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define UNLOCKS_MAX 8

/* ---- RequestStartTransaction ---- */

/* Why a transaction cannot be started here now (a reasonCode of Appendix 5), or NULL if it can. */
static const char *obstacle(const struct evse *e)
{
    const struct evse_transaction *tx = &e->tx;
    if (!drive_is_possible(e))
        return "UnsupportedRequest";
    if (!availability_is_operative(e) || provisioning_is_resetting(e->station, e->id))
        return "Unspecified"; /* F01.FR.23 */
    if (tx->authorization == AUTHORIZATION_GRANTED || tx->authorization == AUTHORIZATION_ASKED ||
        tx->stopping || tx->resumed || (transaction_is_running(e) && tx->token.type[0]))
        return "TxInProgress"; /* F01.FR.24 */
    if (!transaction_queue_has_room(e->station))
        return "OutOfStorage";
    return NULL;
}

/* F01.FR.20: what is reserved for the token, else where a vehicle waits, else any that is free. */
static struct evse *pick_evse(struct station *s, const struct id_token *token, const char *group)
{
    struct evse *picked = NULL;
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        if (obstacle(e) || !reservation_admits(e, token, group))
            continue;
        if (reservation_is_for(e, token, group))
            return e;
    }
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse *e = &s->evses[i];
        if (obstacle(e) || !reservation_admits(e, token, group))
            continue;
        if (e->tx.points & TX_EV_CONNECTED)
            return e;
        picked = picked ? picked : e;
    }
    return picked;
}

static void answer_start(struct station *s, const struct rpc_request *request, const char *transaction_id)
{
    json_t *payload = json_pack("{s:s}", "status", "Accepted");
    if (payload)
        json_set_text(payload, "transactionId", transaction_id); /* F01.FR.13 */
    rpc_result(s->rpc, request, payload);
}

static bool must_be_authorized(const struct station *s, const struct id_token *token)
{
    return variable_bool(s, VAR_AUTH_ENABLED) && variable_bool(s, VAR_AUTH_AUTHORIZE_REMOTE_START) &&
           !str_equal(token->type, "Central") && !str_equal(token->type, "NoAuthorization"); /* C05.FR.01 */
}

/* C16.FR.03: by what comes with the request, or by what is known of the token. */
static bool is_master_pass(struct station *s, const struct id_token *token, const char *group)
{
    return authorization_is_master_pass(s, group) ||
           authorization_is_master_pass(s, known_token_find(s, token).group);
}

static void on_request_start_transaction(struct station *s, const struct rpc_request *request)
{
    const json_t *payload = request->payload;
    struct id_token token;
    int64_t remote_start_id = json_get_int(payload, "remoteStartId", 0);
    const json_t *evse_id = json_object_get(payload, "evseId");
    const char *group = json_get_string(json_object_get(payload, "groupIdToken"), "idToken", NULL);
    const json_t *profile = json_object_get(payload, "chargingProfile");
    if (!id_token_from_json(json_object_get(payload, "idToken"), &token)) {
        answer_status(s, request, "Rejected", "InvalidIdToken");
        return;
    }
    const char *known_group = group ? group : known_token_find(s, &token).group; /* H03.FR.07 */
    struct evse *e =
        evse_id ? station_evse(s, json_integer_value(evse_id)) : pick_evse(s, &token, known_group);
    const char *reason = !e ? (evse_id ? "UnknownEvse" : "TxInProgress") : obstacle(e);
    if (!reason && !reservation_admits(e, &token, known_group))
        reason = "InvalidIdToken"; /* F01.FR.21, .22; F02.FR.23, .24 */
    if (!reason && is_master_pass(s, &token, group))
        reason = "InvalidIdToken";
    if (!reason && profile && smart_charging_is_offered(s) &&
        e->abilities.limit) /* F01.FR.12: else ignored */
        reason = smart_charging_set_tx_profile(e, profile, e->tx.id);
    if (reason) {
        answer_status(s, request, "Rejected", reason);
        return;
    }
    answer_start(s, request, e->tx.id);
    if (must_be_authorized(s, &token))
        authorization_request(e, &token, group, remote_start_id); /* F01.FR.01, F02.FR.09 */
    else
        authorization_grant(e, &token, group, remote_start_id); /* F01.FR.02, F02.FR.10 */
}

/* ---- RequestStopTransaction ---- */

static void on_request_stop_transaction(struct station *s, const struct rpc_request *request)
{
    struct evse *e = transaction_find(s, json_get_string(request->payload, "transactionId", ""));
    if (!e) {
        answer_status(s, request, "Rejected", "UnknownTxId"); /* F03.FR.08 */
        return;
    }
    if (!drive_is_possible(e)) { /* energy would flow on, and be in no transaction */
        answer_status(s, request, "Rejected", "UnsupportedRequest");
        return;
    }
    answer_status(s, request, "Accepted", NULL);
    transaction_deauthorize(e, TRIGGER_REMOTE_STOP, "Remote", NULL); /* F03.FR.02-03 */
}

/* ---- UnlockConnector: answered when the device has done it ---- */

struct unlock {
    struct list link;
    struct rpc_request request; /* id and connection; no payload */
    uint32_t ticket;
};

static const char *unlock_obstacle(const struct evse *e, int64_t connector, const char **reason)
{
    *reason = NULL;
    if (!e || connector < 1 || connector > e->abilities.connectors) {
        *reason = e ? "UnknownConnectorId" : "UnknownEvse";
        return "UnknownConnector"; /* F05.FR.03 */
    }
    if (transaction_is_running(e) && e->tx.authorization == AUTHORIZATION_GRANTED) {
        *reason = "TxInProgress";
        return "OngoingAuthorizedTransaction"; /* F05.FR.02 */
    }
    if (!e->abilities.unlock) {
        *reason = e->abilities.connector_type[0] == 'c' ? "FixedCable" : "UnsupportedRequest";
        return "UnlockFailed";
    }
    return NULL;
}

static size_t unlocks_open(const struct station *s)
{
    size_t count = 0;
    LIST_FOREACH(link, following, &s->transactions.unlocks)
    count++;
    return count;
}

static void on_unlock_connector(struct station *s, const struct rpc_request *request)
{
    struct evse *e = station_evse(s, json_get_int(request->payload, "evseId", 0));
    const char *reason;
    const char *status = unlock_obstacle(e, json_get_int(request->payload, "connectorId", 0), &reason);
    struct unlock *unlock = status || unlocks_open(s) >= UNLOCKS_MAX ? NULL : calloc(1, sizeof(*unlock));
    if (!unlock) {
        answer_status(s, request, status ? status : "UnlockFailed", status ? reason : "OutOfMemory");
        return;
    }
    unlock->request = *request;
    unlock->request.payload = NULL;
    list_append(&s->transactions.unlocks, &unlock->link);
    unlock->ticket = station_command(s, e, EVSE_UNLOCK, 0); /* F05.FR.06: also without a cable */
}

void remote_on_command_done(struct evse *e, const struct evse_command *command, int err)
{
    struct station *s = e->station;
    LIST_FOREACH(link, following, &s->transactions.unlocks)
    {
        struct unlock *unlock = LIST_ITEM(link, struct unlock, link);
        if (unlock->ticket != command->ticket)
            continue;
        list_remove(link);
        answer_status(s, &unlock->request, err ? "UnlockFailed" : "Unlocked", NULL); /* F05.FR.04-05 */
        free(unlock);
        if (!err && transaction_is_running(e))
            transaction_event(e, EVENT_UPDATED, TRIGGER_UNLOCK_COMMAND, NULL, NULL);
        return;
    }
}

/* ---- GetTransactionStatus (E14) ---- */

static void on_get_transaction_status(struct station *s, const struct rpc_request *request)
{
    const char *id = json_get_string(request->payload, "transactionId", NULL);
    bool waits = id ? transaction_queue_has(s, id) : !transaction_queue_is_empty(s);
    json_t *payload = json_pack("{s:b}", "messagesInQueue", waits);
    if (payload && id)
        json_set_optional(payload, "ongoingIndicator", json_boolean(transaction_find(s, id) != NULL));
    rpc_result(s->rpc, request, payload);
}

/* ---- life ---- */

void remote_init(struct station *s)
{
    list_init(&s->transactions.unlocks);
}

void remote_done(struct station *s)
{
    LIST_FOREACH(link, following, &s->transactions.unlocks)
    {
        list_remove(link);
        free(LIST_ITEM(link, struct unlock, link));
    }
}

const struct handler remote_handlers[] = {
    { "RequestStartTransaction", WHEN_ACCEPTED_ELSE_REJECTED, on_request_start_transaction },
    { "RequestStopTransaction", WHEN_ACCEPTED_ELSE_REJECTED, on_request_stop_transaction },
    { "UnlockConnector", WHEN_ACCEPTED, on_unlock_connector },
    { NULL, WHEN_ACCEPTED, NULL },
};

const struct handler transactions_handlers[] = {
    { "GetTransactionStatus", WHEN_ACCEPTED, on_get_transaction_status },
    { NULL, WHEN_ACCEPTED, NULL },
};
