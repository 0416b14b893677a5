/* OCPP-J RPC: frames in, frames out. The frame's layout is drawn in rpc.h; codes are those of Part 4, 4.3. */
#include "ocpp/rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define MAX_DESCRIPTION 255 /* ErrorDescription, string[255] */
#define MAX_EXCERPT     120 /* of a bad frame, in the log */

enum message_type { CALL = 2, CALLRESULT = 3, CALLERROR = 4 };

/* A CALL made here, that waits for rpc_result() or rpc_error(). */
struct local_call {
    char id[RPC_ID_SIZE]; /* "" if free */
    rpc_answered callback;
    void *ctx;
    bool is_answered;
    json_t *payload; /* the answer, until the timer delivers it */
    char code[40], description[MAX_DESCRIPTION + 1];
};

struct rpc {
    const struct env *env;
    const struct rpc_ops *ops;
    void *ctx;
    size_t max_message;
    bool connected;
    uint32_t connection;
    /* our open CALL; id "" if none */
    char id[RPC_ID_SIZE];
    const struct message *message;
    rpc_answered callback;
    void *callback_ctx;
    struct timer timer;
    /* the peer's last message ids */
    char recent[RPC_RECENT_IDS][RPC_ID_SIZE];
    unsigned next_recent;
    struct local_call *local; /* RPC_MAX_LOCAL of them, once one was made */
    struct timer local_timer;
};

static const char *const error_names[RPC_ERRORS] = {
    [RPC_FORMAT_VIOLATION] = "FormatViolation",
    [RPC_GENERIC_ERROR] = "GenericError",
    [RPC_INTERNAL_ERROR] = "InternalError",
    [RPC_MESSAGE_TYPE_NOT_SUPPORTED] = "MessageTypeNotSupported",
    [RPC_NOT_IMPLEMENTED] = "NotImplemented",
    [RPC_NOT_SUPPORTED] = "NotSupported",
    [RPC_OCCURRENCE_CONSTRAINT_VIOLATION] = "OccurrenceConstraintViolation",
    [RPC_PROPERTY_CONSTRAINT_VIOLATION] = "PropertyConstraintViolation",
    [RPC_PROTOCOL_ERROR] = "ProtocolError",
    [RPC_RPC_FRAMEWORK_ERROR] = "RpcFrameworkError",
    [RPC_SECURITY_ERROR] = "SecurityError",
    [RPC_TYPE_CONSTRAINT_VIOLATION] = "TypeConstraintViolation",
};

const char *rpc_error_name(enum rpc_error error)
{
    return error_names[error];
}

/* ---- sending ---- */

static int send_frame(struct rpc *rpc, json_t *frame)
{
    AUTO(json_t) *owned = frame;
    AUTO_FREE char *text = owned ? json_to_text(owned) : NULL;
    if (!text)
        return -ENOMEM;
    size_t len = strlen(text);
    if (rpc->ops->on_frame)
        rpc->ops->on_frame(rpc->ctx, true, text, len);
    return rpc->ops->send(rpc->ctx, text, len);
}

static void send_error(struct rpc *rpc, const char *id, enum rpc_error error, const char *description)
{
    char text[MAX_DESCRIPTION + 1];
    (void)str_copy(text, sizeof(text), description);
    (void)send_frame(rpc, json_pack("[i, s, s, s, {}]", CALLERROR, id, error_names[error], text));
}

/* ---- our CALL ---- */

/* Ends our open CALL. The callback may make the next at once. */
static void finish_call(struct rpc *rpc, const struct rpc_answer *answer)
{
    rpc_answered callback = rpc->callback;
    void *ctx = rpc->callback_ctx;
    rpc->id[0] = '\0';
    rpc->callback = NULL;
    timer_stop(&rpc->timer);
    if (callback)
        callback(ctx, answer);
    if (rpc->ops->on_idle && rpc_is_idle(rpc))
        rpc->ops->on_idle(rpc->ctx);
}

static void on_timeout(struct timer *timer, void *ctx)
{
    (void)timer;
    struct rpc *rpc = ctx;
    log_debug(LOG_OCPP, "no answer in time: action=%s id=%s", message_name(rpc->message), rpc->id);
    finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_TIMED_OUT });
}

int rpc_call(struct rpc *rpc, const char *action, json_t *payload, int64_t timeout_ms, rpc_answered callback,
             void *ctx)
{
    AUTO(json_t) *owned = payload;
    const struct message *message = message_find(action);
    struct violation violation;
    if (!rpc->connected)
        return -ENOTCONN;
    if (rpc->id[0])
        return -EBUSY;
    if (!message || !message_validate(message, MESSAGE_REQUEST, owned, &violation)) {
        log_error(LOG_OCPP, "request of ours is invalid, not sent: action=%s at=%s: %s", action,
                  message ? violation.path : "", message ? violation.text : "no such action");
        return -EINVAL;
    }
    char id[UUID_SIZE];
    env_uuid(rpc->env, id);
    (void)str_copy(rpc->id, sizeof(rpc->id), id);
    rpc->message = message;
    rpc->callback = callback;
    rpc->callback_ctx = ctx;
    int r = send_frame(rpc, json_pack("[i, s, s, O]", CALL, id, action, owned));
    if (r < 0) {
        rpc->id[0] = '\0';
        rpc->callback = NULL;
        return r == -ENOMEM ? r : -ENOTCONN;
    }
    env_timer_start(rpc->env, &rpc->timer, timeout_ms);
    return 0;
}

bool rpc_is_idle(const struct rpc *rpc)
{
    return rpc->connected && !rpc->id[0];
}

/* ---- answers to our CALL ---- */

static bool is_our_call(const struct rpc *rpc, const json_t *id)
{
    if (rpc->id[0] && json_is_string(id) && str_equal(json_string_value(id), rpc->id))
        return true;
    log_debug(LOG_OCPP, "answer to no open call is dropped");
    return false;
}

static void on_call_result(struct rpc *rpc, const json_t *frame)
{
    const json_t *payload = json_array_get(frame, 2);
    struct violation violation;
    if (!is_our_call(rpc, json_array_get(frame, 1)))
        return;
    if (json_array_size(frame) != 3 ||
        !message_validate(rpc->message, MESSAGE_RESPONSE, payload, &violation)) {
        const char *text = json_array_size(frame) != 3 ? "a CALLRESULT has three elements" : violation.text;
        log_warn(LOG_OCPP, "response is invalid: action=%s at=%s: %s", message_name(rpc->message),
                 json_array_size(frame) != 3 ? "" : violation.path, text);
        finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_CALL_ERROR, .code = "", .description = text });
        return;
    }
    finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_RESULT, .payload = payload });
}

static void on_call_error(struct rpc *rpc, const json_t *frame)
{
    const char *code = json_string_value(json_array_get(frame, 2));
    const char *description = json_string_value(json_array_get(frame, 3));
    if (!is_our_call(rpc, json_array_get(frame, 1)))
        return;
    log_debug(LOG_OCPP, "call was answered by an error: action=%s code=%.40s description=%.120s",
              message_name(rpc->message), code ? code : "", description ? description : "");
    finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_CALL_ERROR,
                                           .code = code ? code : "",
                                           .description = description ? description : "" });
}

/* ---- the peer's CALL ---- */

static const enum rpc_error violation_errors[] = {
    [VIOLATION_NONE] = RPC_GENERIC_ERROR,
    [VIOLATION_FORMAT] = RPC_FORMAT_VIOLATION,
    [VIOLATION_OCCURRENCE] = RPC_OCCURRENCE_CONSTRAINT_VIOLATION,
    [VIOLATION_TYPE] = RPC_TYPE_CONSTRAINT_VIOLATION,
    [VIOLATION_PROPERTY] = RPC_PROPERTY_CONSTRAINT_VIOLATION,
};

/* False, with what is wrong, if the peer's CALL cannot be handed on. */
static bool check_call(struct rpc *rpc, const json_t *action, const json_t *payload,
                       struct rpc_request *request, enum rpc_error *ret_error, struct violation *ret)
{
    *ret = (struct violation){ .kind = VIOLATION_NONE };
    request->message = json_is_string(action) ? message_find(json_string_value(action)) : NULL;
    request->payload = payload;
    if (!request->message) {
        *ret_error = RPC_NOT_IMPLEMENTED;
        (void)str_copy(ret->text, sizeof(ret->text), "OCPP 2.0.1 has no such action");
        return false;
    }
    if (!rpc->ops->supports(rpc->ctx, request->message)) {
        *ret_error = RPC_NOT_SUPPORTED;
        (void)snprintf(ret->text, sizeof(ret->text), "%s is not supported", message_name(request->message));
        return false;
    }
    if (!message_validate(request->message, MESSAGE_REQUEST, payload, ret)) {
        *ret_error = violation_errors[ret->kind];
        return false;
    }
    return true;
}

static bool is_recent(struct rpc *rpc, const char *id)
{
    for (unsigned i = 0; i < RPC_RECENT_IDS; i++)
        if (str_equal(rpc->recent[i], id))
            return true;
    (void)str_copy(rpc->recent[rpc->next_recent], RPC_ID_SIZE, id);
    rpc->next_recent = (rpc->next_recent + 1) % RPC_RECENT_IDS;
    return false;
}

static void on_call(struct rpc *rpc, const json_t *frame)
{
    struct rpc_request request = { .connection = rpc->connection };
    const char *id = json_string_value(json_array_get(frame, 1));
    struct violation violation;
    enum rpc_error error;
    if (!id || !*id || str_copy(request.id, sizeof(request.id), id) < 0 ||
        strlen(id) != json_string_length(json_array_get(frame, 1))) {
        send_error(rpc, "-1", RPC_RPC_FRAMEWORK_ERROR, "the message id is no string of 1 to 36 characters");
        return;
    }
    if (is_recent(rpc, id)) {
        send_error(rpc, id, RPC_RPC_FRAMEWORK_ERROR, "the message id was used before");
        return;
    }
    if (json_array_size(frame) != 4) {
        send_error(rpc, id, RPC_PROTOCOL_ERROR, "a CALL has four elements");
        return;
    }
    if (check_call(rpc, json_array_get(frame, 2), json_array_get(frame, 3), &request, &error, &violation)) {
        rpc->ops->on_call(rpc->ctx, &request);
        return;
    }
    char text[MAX_DESCRIPTION + 1];
    (void)snprintf(text, sizeof(text), "%s%s%s", violation.path, violation.path[0] ? " " : "",
                   violation.text);
    log_warn(LOG_OCPP, "request of the peer is refused: action=%.40s code=%s: %s",
             json_string_value(json_array_get(frame, 2)) ? json_string_value(json_array_get(frame, 2)) : "",
             error_names[error], text);
    send_error(rpc, id, error, text);
}

/* ---- receiving ---- */

static void log_bad_frame(const char *text, size_t len, const char *why)
{
    char excerpt[MAX_EXCERPT + 1];
    size_t shown = len < MAX_EXCERPT ? len : MAX_EXCERPT;
    for (size_t i = 0; i < shown; i++)
        excerpt[i] = text[i] >= 0x20 && text[i] < 0x7F ? text[i] : '.';
    excerpt[shown] = '\0';
    log_warn(LOG_OCPP, "frame cannot be read: %s: length=%zu text=%s", why, len, excerpt);
}

/* Brackets outside strings, so that jansson never recurses deeper than we allow. */
static bool is_too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{') && ++depth > RPC_MAX_DEPTH)
            return true;
        else if (!in_string && (c == ']' || c == '}'))
            depth--;
    }
    return false;
}

/* Whether the frame is meant as an answer, as far as one can tell: such are never answered by an error, or two peers could send each
 * other errors for ever. */
static bool looks_like_answer(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && strchr(" \t\r\n[", text[at]) && text[at])
        at++;
    return at < len && (text[at] == '3' || text[at] == '4');
}

static void refuse_frame(struct rpc *rpc, const char *text, size_t len, const char *why)
{
    log_bad_frame(text, len, why);
    if (!looks_like_answer(text, len))
        send_error(rpc, "-1", RPC_RPC_FRAMEWORK_ERROR, why);
}

static void dispatch(struct rpc *rpc, const json_t *frame, const char *text, size_t len)
{
    const json_t *type = json_array_get(frame, 0);
    if (!json_is_array(frame) || !json_is_integer(type)) {
        refuse_frame(rpc, text, len, "the frame is no array that begins with a message type number");
        return;
    }
    switch (json_integer_value(type)) {
    case CALL:
        on_call(rpc, frame);
        return;
    case CALLRESULT:
        on_call_result(rpc, frame);
        return;
    case CALLERROR:
        on_call_error(rpc, frame);
        return;
    default: { /* Part 4, 4.4 */
        const char *id = json_string_value(json_array_get(frame, 1));
        log_bad_frame(text, len, "unknown message type");
        send_error(rpc, id && strlen(id) < RPC_ID_SIZE ? id : "-1", RPC_MESSAGE_TYPE_NOT_SUPPORTED,
                   "the message type number is none of 2, 3, 4");
    }
    }
}

void rpc_receive(struct rpc *rpc, const char *text, size_t len)
{
    if (!rpc->connected)
        return;
    if (rpc->ops->on_frame)
        rpc->ops->on_frame(rpc->ctx, false, text, len);
    if (len > rpc->max_message) {
        refuse_frame(rpc, text, len, "the message is too long");
        return;
    }
    if (is_too_deep(text, len)) {
        refuse_frame(rpc, text, len, "the message is nested too deeply");
        return;
    }
    AUTO(json_t) *frame = json_from_text(text, len);
    if (!frame)
        refuse_frame(rpc, text, len, "the message is no JSON");
    else
        dispatch(rpc, frame, text, len);
}

/* ---- CALLs made here ---- */

static void deliver_local(struct timer *timer, void *ctx)
{
    (void)timer;
    struct rpc *rpc = ctx;
    for (size_t i = 0; i < RPC_MAX_LOCAL; i++) {
        struct local_call call = rpc->local[i];
        if (!call.id[0] || !call.is_answered)
            continue;
        rpc->local[i] = (struct local_call){ 0 };
        struct rpc_answer answer = { .outcome = call.payload ? RPC_RESULT : RPC_CALL_ERROR,
                                     .payload = call.payload,
                                     .code = call.code,
                                     .description = call.description };
        call.callback(call.ctx, &answer);
        json_decref(call.payload);
    }
}

static struct local_call *find_local(struct rpc *rpc, const char *id)
{
    for (size_t i = 0; rpc->local && i < RPC_MAX_LOCAL; i++)
        if (str_equal(rpc->local[i].id, id))
            return &rpc->local[i];
    return NULL;
}

static void answer_local(struct rpc *rpc, const char *id, json_t *payload, enum rpc_error error,
                         const char *description)
{
    struct local_call *call = find_local(rpc, id);
    if (!call || call->is_answered) {
        json_decref(payload);
        return;
    }
    call->is_answered = true;
    call->payload = payload;
    if (!payload) {
        (void)str_copy(call->code, sizeof(call->code), error_names[error]);
        (void)str_copy(call->description, sizeof(call->description), description);
    }
    env_timer_start(rpc->env, &rpc->local_timer, 0);
}

void rpc_call_local(struct rpc *rpc, const char *action, json_t *payload, rpc_answered callback, void *ctx)
{
    AUTO(json_t) *owned = payload;
    AUTO(json_t) *name = json_string(action);
    if (!rpc->local)
        rpc->local = calloc(RPC_MAX_LOCAL, sizeof(*rpc->local));
    struct local_call *call = find_local(rpc, "");
    if (!call || !name || !owned) {
        callback(ctx, &(struct rpc_answer){ .outcome = RPC_CALL_ERROR,
                                            .code = error_names[RPC_INTERNAL_ERROR],
                                            .description = "too many requests wait" });
        return;
    }
    struct rpc_request request = { .connection = RPC_LOCAL_CONNECTION };
    struct violation violation;
    enum rpc_error error;
    env_uuid(rpc->env, request.id);
    *call = (struct local_call){ .callback = callback, .ctx = ctx };
    (void)str_copy(call->id, sizeof(call->id), request.id);
    if (check_call(rpc, name, payload, &request, &error, &violation)) {
        rpc->ops->on_call(rpc->ctx, &request);
        return;
    }
    char text[MAX_DESCRIPTION + 1];
    (void)snprintf(text, sizeof(text), "%s%s%s", violation.path, violation.path[0] ? " " : "",
                   violation.text);
    answer_local(rpc, request.id, NULL, error, text);
}

/* ---- answering ---- */

static bool is_current(const struct rpc *rpc, const struct rpc_request *request)
{
    return rpc->connected && request->connection == rpc->connection;
}

void rpc_result(struct rpc *rpc, const struct rpc_request *request, json_t *payload)
{
    AUTO(json_t) *owned = payload;
    struct violation violation;
    if (!owned || !message_validate(request->message, MESSAGE_RESPONSE, payload, &violation)) {
        log_error(LOG_OCPP, "response of ours is invalid: action=%s at=%s: %s",
                  message_name(request->message), owned ? violation.path : "",
                  owned ? violation.text : "out of memory");
        rpc_error(rpc, request, RPC_INTERNAL_ERROR, "");
        return;
    }
    if (request->connection == RPC_LOCAL_CONNECTION)
        answer_local(rpc, request->id, STEAL(owned), RPC_INTERNAL_ERROR, "");
    else if (is_current(rpc, request))
        (void)send_frame(rpc, json_pack("[i, s, O]", CALLRESULT, request->id, payload));
}

void rpc_error(struct rpc *rpc, const struct rpc_request *request, enum rpc_error error,
               const char *description)
{
    if (request->connection == RPC_LOCAL_CONNECTION)
        answer_local(rpc, request->id, NULL, error, description);
    else if (is_current(rpc, request))
        send_error(rpc, request->id, error, description);
}

/* ---- life ---- */

struct rpc *rpc_new(const struct env *env, const struct rpc_ops *ops, void *ctx, size_t max_message)
{
    struct rpc *rpc = calloc(1, sizeof(*rpc));
    if (!rpc)
        return NULL;
    rpc->env = env;
    rpc->ops = ops;
    rpc->ctx = ctx;
    rpc->max_message = max_message;
    timer_init(&rpc->timer, env->timers, on_timeout, rpc);
    timer_init(&rpc->local_timer, env->timers, deliver_local, rpc);
    return rpc;
}

void rpc_free(struct rpc *rpc)
{
    if (!rpc)
        return;
    timer_stop(&rpc->timer);
    timer_stop(&rpc->local_timer);
    for (size_t i = 0; rpc->local && i < RPC_MAX_LOCAL; i++) {
        struct local_call *call = &rpc->local[i];
        if (call->id[0])
            call->callback(call->ctx, &(struct rpc_answer){ .outcome = RPC_DISCONNECTED,
                                                            .code = "",
                                                            .description = "station is gone" });
        json_decref(call->payload);
    }
    free(rpc->local);
    free(rpc);
}

void rpc_set_connected(struct rpc *rpc, bool connected)
{
    if (rpc->connected == connected)
        return;
    rpc->connected = connected;
    if (connected) {
        rpc->connection = rpc->connection + 1 == RPC_LOCAL_CONNECTION ? 1 : rpc->connection + 1;
        memset(rpc->recent, 0, sizeof(rpc->recent));
    } else if (rpc->id[0]) {
        finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_DISCONNECTED });
    }
}
