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
#include "ocpp/secrets.h"

#define MAX_DESCRIPTION 255 /* ErrorDescription, string[255] */
#define MAX_EXCERPT     120 /* of a bad frame, in the log */

/* A peer that sends rubbish gets this many errors with id "-1", and fills as many lines of the log, per period. */
#define MAX_COMPLAINTS      10
#define COMPLAINT_PERIOD_MS 60000

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

struct allowance {
    int64_t since_ms;
    unsigned used;
};

struct rpc {
    const struct env *env;
    const char *name;
    const struct rpc_ops *ops;
    void *ctx;
    const struct message_table *table;
    size_t max_message;
    bool connected, is_lenient;
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
    struct allowance answers, logs;
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

/* OCPP-J 1.6, 4.2.3, which has the one misspelling as its standard. */
static const char *const error_names_16[RPC_ERRORS] = {
    [RPC_FORMAT_VIOLATION] = "FormationViolation",
    [RPC_GENERIC_ERROR] = "GenericError",
    [RPC_INTERNAL_ERROR] = "InternalError",
    [RPC_MESSAGE_TYPE_NOT_SUPPORTED] = "GenericError",
    [RPC_NOT_IMPLEMENTED] = "NotImplemented",
    [RPC_NOT_SUPPORTED] = "NotSupported",
    [RPC_OCCURRENCE_CONSTRAINT_VIOLATION] = "OccurenceConstraintViolation",
    [RPC_PROPERTY_CONSTRAINT_VIOLATION] = "PropertyConstraintViolation",
    [RPC_PROTOCOL_ERROR] = "ProtocolError",
    [RPC_RPC_FRAMEWORK_ERROR] = "GenericError",
    [RPC_SECURITY_ERROR] = "SecurityError",
    [RPC_TYPE_CONSTRAINT_VIOLATION] = "TypeConstraintViolation",
};

static bool is_16(const struct rpc *rpc)
{
    return rpc->table == &message_table_16;
}

static const char *error_name(const struct rpc *rpc, enum rpc_error error)
{
    return (is_16(rpc) ? error_names_16 : error_names)[error];
}

static bool may_complain(const struct rpc *rpc, struct allowance *a)
{
    int64_t now_ms = env_now_ms(rpc->env);
    if (a->used == 0 || now_ms - a->since_ms >= COMPLAINT_PERIOD_MS)
        *a = (struct allowance){ .since_ms = now_ms };
    if (a->used == MAX_COMPLAINTS)
        return false;
    a->used++;
    return true;
}

/* ---- sending ---- */

/* Takes the reference. */
static int send_frame(struct rpc *rpc, json_t *frame)
{
    AUTO(json_t) *owned = frame;
    AUTO_FREE char *text = owned ? json_to_text(owned) : NULL;
    if (!text)
        return -ENOMEM;
    size_t len = strlen(text);
    int r = rpc->ops->send(rpc->ctx, text, len);
    if (r >= 0 && rpc->ops->on_frame)
        rpc->ops->on_frame(rpc->ctx, true, text, len);
    return r;
}

static void send_error(struct rpc *rpc, const char *id, enum rpc_error error, const char *description)
{
    char text[MAX_DESCRIPTION + 1];
    (void)str_copy(text, sizeof(text), description);
    if (utf8_length(text, strlen(text)) < 0) /* perhaps cut within a character; JSON must be UTF-8 */
        for (char *c = text; *c; c++)
            *c = *c < 0 ? '?' : *c;
    (void)send_frame(rpc, json_pack("[i, s, s, s, {}]", CALLERROR, id, error_name(rpc, error), text));
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
    log_debug(LOG_OCPP, "no answer in time: station=%s action=%s id=%s", rpc->name,
              message_name(rpc->message), rpc->id);
    finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_TIMED_OUT });
}

int rpc_call(struct rpc *rpc, const char *action, json_t *payload, int64_t timeout_ms, rpc_answered callback,
             void *ctx)
{
    AUTO(json_t) *owned = payload;
    const struct message *message = message_find_in(rpc->table, action);
    struct violation violation;
    if (!rpc->connected)
        return -ENOTCONN;
    if (rpc->id[0])
        return -EBUSY;
    if (!owned)
        return -ENOMEM;
    if (!message || !message_validate(message, MESSAGE_REQUEST, owned, &violation)) {
        log_error(LOG_OCPP, "request of ours is invalid, not sent: station=%s action=%s at=%s: %s", rpc->name,
                  action, message ? violation.path : "", message ? violation.text : "no such action");
        return -EINVAL;
    }
    char id[UUID_SIZE];
    env_uuid(rpc->env, id);
    uint32_t connection = rpc->connection;
    int r = send_frame(rpc, json_pack("[i, s, s, O]", CALL, id, action, owned));
    if (r == -ENOMEM)
        return r;
    if (r < 0 || !rpc->connected || rpc->connection != connection) /* sending may have found the link dead */
        return -ENOTCONN;
    (void)str_copy(rpc->id, sizeof(rpc->id), id);
    rpc->message = message;
    rpc->callback = callback;
    rpc->callback_ctx = ctx;
    env_timer_start(rpc->env, &rpc->timer, timeout_ms);
    return 0;
}

bool rpc_is_idle(const struct rpc *rpc)
{
    return rpc->connected && !rpc->id[0];
}

/* ---- parts of a frame ---- */

/* The text of an element, or NULL if it is no string or holds a NUL. */
static const char *text_at(const json_t *frame, size_t index)
{
    const json_t *element = json_array_get(frame, index);
    const char *text = json_string_value(element);
    return text && strlen(text) == json_string_length(element) ? text : NULL;
}

/* The message id, or NULL if it is none of 1 to 36 characters. */
static const char *id_of(const json_t *frame)
{
    const char *id = text_at(frame, 1);
    return id && *id && strlen(id) < RPC_ID_SIZE ? id : NULL;
}

/* The payload, borrowed. Part 4, 4.1.5: null and {} both stand for one without content. */
static const json_t *payload_at(json_t *frame, size_t index)
{
    if (json_is_null(json_array_get(frame, index)))
        (void)json_array_set_new(frame, index, json_object());
    return json_array_get(frame, index);
}

/* What is wrong and where, in one text. */
static void describe(const struct violation *violation, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s%s%s", violation->path, violation->path[0] ? " " : "", violation->text);
}

static void tell_invalid(const struct rpc *rpc, const char *why)
{
    if (rpc->ops->on_invalid)
        rpc->ops->on_invalid(rpc->ctx, why);
}

/* ---- answers to our CALL ---- */

static bool is_our_call(const struct rpc *rpc, const json_t *frame)
{
    const char *id = id_of(frame);
    if (rpc->id[0] && id && str_equal(id, rpc->id))
        return true;
    log_debug(LOG_OCPP, "answer to no open call is dropped: station=%s id=%s", rpc->name, id ? id : "");
    return false;
}

static void on_call_result(struct rpc *rpc, json_t *frame)
{
    char text[MAX_DESCRIPTION + 1] = "a CALLRESULT has three elements";
    struct violation violation;
    if (!is_our_call(rpc, frame))
        return;
    const json_t *payload = payload_at(frame, 2);
    if (json_array_size(frame) == 3) {
        if (message_validate(rpc->message, MESSAGE_RESPONSE, payload, &violation)) {
            finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_RESULT, .payload = payload });
            return;
        }
        describe(&violation, text, sizeof(text));
    }
    if (may_complain(rpc, &rpc->logs)) {
        log_warn(LOG_OCPP, "response is invalid: station=%s action=%s: %s", rpc->name,
                 message_name(rpc->message), text);
        tell_invalid(rpc, text);
    }
    finish_call(rpc, &(struct rpc_answer){ .outcome = RPC_CALL_ERROR, .code = "", .description = text });
}

/* Peers forget description and details; the code is enough. */
static void on_call_error(struct rpc *rpc, const json_t *frame)
{
    const char *code = text_at(frame, 2);
    const char *description = text_at(frame, 3);
    if (!is_our_call(rpc, frame))
        return;
    log_debug(LOG_OCPP, "call was answered by an error: station=%s action=%s code=%.40s description=%.120s",
              rpc->name, message_name(rpc->message), code ? code : "", description ? description : "");
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

/* The payload is an object in any case: that is a violation of its format without a place. */
static bool may_pass(const struct rpc *rpc, const struct violation *violation)
{
    bool is_small = violation->kind == VIOLATION_PROPERTY ||
                    (violation->kind == VIOLATION_FORMAT && violation->path[0] != '\0');
    return rpc->is_lenient && is_small;
}

/* False if the peer's CALL cannot be handed on; ret_error and ret then say why. */
static bool check_call(struct rpc *rpc, const char *action, const json_t *payload,
                       struct rpc_request *request, enum rpc_error *ret_error, struct violation *ret)
{
    *ret = (struct violation){ .kind = VIOLATION_NONE };
    request->message = message_find_in(rpc->table, action);
    request->payload = payload;
    if (!request->message) {
        *ret_error = RPC_NOT_IMPLEMENTED;
        (void)snprintf(ret->text, sizeof(ret->text), "OCPP %s has no such action",
                       message_table_version(rpc->table));
        return false;
    }
    if (!rpc->ops->supports(rpc->ctx, request->message)) {
        *ret_error = RPC_NOT_SUPPORTED;
        (void)snprintf(ret->text, sizeof(ret->text), "%s is not supported", message_name(request->message));
        return false;
    }
    if (!message_validate(request->message, MESSAGE_REQUEST, payload, ret) && !may_pass(rpc, ret)) {
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

static void on_call(struct rpc *rpc, json_t *frame, const char *id, size_t size)
{
    struct rpc_request request = { .connection = rpc->connection, .size = size };
    const char *action = text_at(frame, 2);
    struct violation violation;
    enum rpc_error error;
    (void)str_copy(request.id, sizeof(request.id), id);
    if (is_recent(rpc, id) && !is_16(rpc)) {
        send_error(rpc, id, RPC_RPC_FRAMEWORK_ERROR, "the message id was used before");
        return;
    }
    if (json_array_size(frame) != 4 || !action) {
        send_error(rpc, id, RPC_PROTOCOL_ERROR, "a CALL is [2, id, action, payload]");
        return;
    }
    if (check_call(rpc, action, payload_at(frame, 3), &request, &error, &violation)) {
        rpc->ops->on_call(rpc->ctx, &request);
        return;
    }
    char text[MAX_DESCRIPTION + 1];
    describe(&violation, text, sizeof(text));
    if (may_complain(rpc, &rpc->logs)) {
        log_warn(LOG_OCPP, "request of the peer is refused: station=%s action=%.40s code=%s: %s", rpc->name,
                 action, error_name(rpc, error), text);
        if (error != RPC_NOT_IMPLEMENTED && error != RPC_NOT_SUPPORTED)
            tell_invalid(rpc, text);
    }
    send_error(rpc, id, error, text);
}

/* ---- receiving ---- */

static void log_bad_frame(struct rpc *rpc, const char *text, size_t len, const char *why)
{
    char excerpt[MAX_EXCERPT + 1];
    if (!may_complain(rpc, &rpc->logs))
        return;
    bool hidden = text_may_hold_secret(text, len);
    size_t shown = hidden ? 0 : len < MAX_EXCERPT ? len : MAX_EXCERPT;
    for (size_t i = 0; i < shown; i++)
        excerpt[i] = text[i] >= 0x20 && text[i] < 0x7F ? text[i] : '.';
    excerpt[shown] = '\0';
    log_warn(LOG_OCPP, "frame cannot be read: %s: station=%s length=%zu text=%s", why, rpc->name, len,
             hidden ? "(hidden)" : excerpt);
    tell_invalid(rpc, why);
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

/* Whether the frame is meant as an answer, as far as one can tell: such are never answered by an error, or two
 * peers could send each other errors for ever. */
static bool looks_like_answer(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && strchr(" \t\r\n[", text[at]) && text[at])
        at++;
    return at < len && (text[at] == '3' || text[at] == '4');
}

static void refuse_frame(struct rpc *rpc, const char *text, size_t len, const char *why)
{
    log_bad_frame(rpc, text, len, why);
    if (!is_16(rpc) && !looks_like_answer(text, len) && may_complain(rpc, &rpc->answers))
        send_error(rpc, "-1", RPC_RPC_FRAMEWORK_ERROR, why);
}

static void dispatch(struct rpc *rpc, json_t *frame, const char *text, size_t len)
{
    const json_t *type = json_array_get(frame, 0);
    const char *id = id_of(frame);
    if (!json_is_array(frame) || !json_is_integer(type)) {
        refuse_frame(rpc, text, len, "the frame is no array that begins with a message type number");
        return;
    }
    switch (json_integer_value(type)) {
    case CALL:
        if (id)
            on_call(rpc, frame, id, len);
        else
            refuse_frame(rpc, text, len, "the message id is no string of 1 to 36 characters");
        return;
    case CALLRESULT:
        on_call_result(rpc, frame);
        return;
    case CALLERROR:
        on_call_error(rpc, frame);
        return;
    default: /* Part 4, 4.4 */
        log_bad_frame(rpc, text, len, "unknown message type");
        if (!is_16(rpc) && may_complain(rpc, &rpc->answers))
            send_error(rpc, id ? id : "-1", RPC_MESSAGE_TYPE_NOT_SUPPORTED,
                       "the message type number is none of 2, 3, 4");
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
        (void)str_copy(call->code, sizeof(call->code), error_name(rpc, error));
        (void)str_copy(call->description, sizeof(call->description), description);
    }
    env_timer_start(rpc->env, &rpc->local_timer, 0);
}

void rpc_call_local(struct rpc *rpc, const char *action, json_t *payload, rpc_answered callback, void *ctx)
{
    AUTO(json_t) *owned = payload;
    if (!rpc->local)
        rpc->local = calloc(RPC_MAX_LOCAL, sizeof(*rpc->local));
    struct local_call *call = find_local(rpc, "");
    if (!call || !owned) {
        callback(ctx, &(struct rpc_answer){ .outcome = RPC_CALL_ERROR,
                                            .code = error_name(rpc, RPC_INTERNAL_ERROR),
                                            .description = "too many requests wait" });
        return;
    }
    struct rpc_request request = { .connection = RPC_LOCAL_CONNECTION };
    struct violation violation;
    enum rpc_error error;
    env_uuid(rpc->env, request.id);
    *call = (struct local_call){ .callback = callback, .ctx = ctx };
    (void)str_copy(call->id, sizeof(call->id), request.id);
    if (check_call(rpc, action, payload, &request, &error, &violation)) {
        rpc->ops->on_call(rpc->ctx, &request);
        return;
    }
    char text[MAX_DESCRIPTION + 1];
    describe(&violation, text, sizeof(text));
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
        log_error(LOG_OCPP, "response of ours is invalid: station=%s action=%s at=%s: %s", rpc->name,
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
    rpc->name = "";
    rpc->ops = ops;
    rpc->ctx = ctx;
    rpc->table = &message_table_201;
    rpc->max_message = max_message;
    timer_init(&rpc->timer, env->timers, on_timeout, rpc);
    timer_init(&rpc->local_timer, env->timers, deliver_local, rpc);
    return rpc;
}

void rpc_set_version(struct rpc *rpc, const struct message_table *table)
{
    rpc->table = table;
}

void rpc_set_lenient(struct rpc *rpc, bool is_lenient)
{
    rpc->is_lenient = is_lenient;
}

void rpc_set_name(struct rpc *rpc, const char *name)
{
    rpc->name = name;
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
