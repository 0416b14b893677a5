/* OCPP-J RPC over one connection, either side of it (Part 4, chapter 4).
 *
 *     [2, "id", "Action", {payload}]                          CALL
 *     [3, "id", {payload}]                                    CALLRESULT
 *     [4, "id", "Code", "description", {details}]             CALLERROR
 *
 * Holds: at most one CALL of ours is open; a CALL is over by its answer, its time-out or the link's end; every
 * CALL of the peer's gets exactly one answer; what goes out was validated, and so is what comes in. A frame
 * that cannot be read is answered with its message id, or with "-1" where it has none (Part 4, 4.2.3); answers that
 * cannot be read, and rubbish past a number per minute, are not answered. */
#ifndef OCPP_RPC_H
#define OCPP_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "ocpp/message.h"

#define RPC_ID_SIZE    37 /* 36 characters; counted in bytes, ids outside of ASCII are not meant to be (4.1.2) */
#define RPC_RECENT_IDS 16 /* the peer's last message ids, to recognise a duplicate CALL */
#define RPC_MAX_DEPTH  32 /* of JSON */

enum rpc_error { /* Part 4, 4.3 */
                 RPC_FORMAT_VIOLATION,
                 RPC_GENERIC_ERROR,
                 RPC_INTERNAL_ERROR,
                 RPC_MESSAGE_TYPE_NOT_SUPPORTED,
                 RPC_NOT_IMPLEMENTED,
                 RPC_NOT_SUPPORTED,
                 RPC_OCCURRENCE_CONSTRAINT_VIOLATION,
                 RPC_PROPERTY_CONSTRAINT_VIOLATION,
                 RPC_PROTOCOL_ERROR,
                 RPC_RPC_FRAMEWORK_ERROR,
                 RPC_SECURITY_ERROR,
                 RPC_TYPE_CONSTRAINT_VIOLATION,
                 RPC_ERRORS
};

struct rpc;

/* The version that is spoken. 1.6 (OCPP-J 1.6, chapter 4) has other names for two errors and no name for four of them, which become
 * GenericError; a frame of an unknown type, or without a message id that can be read, is not answered there, and a message id
 * that is used again is no mistake: chargers repeat a message with it. Before the first connection; without: 2.0.1. */
void rpc_set_version(struct rpc *rpc, const struct message_table *table);

/* Peers whose messages do not conform in a small way (an unknown property, a text that is too long, a value that is none of an enum, a
 * time in another format) are understood all the same, and handlers must cope with that; what is missing or of a wrong type is refused as ever. */
void rpc_set_lenient(struct rpc *rpc, bool is_lenient);

/* How a CALL of ours ended. */
enum rpc_outcome {
    RPC_RESULT,     /* payload: the validated response, borrowed for the callback */
    RPC_CALL_ERROR, /* code and description as sent by the peer; or its CALLRESULT was invalid (code "") */
    RPC_TIMED_OUT,
    RPC_DISCONNECTED,
};
struct rpc_answer {
    enum rpc_outcome outcome;
    const json_t *payload; /* RPC_RESULT only */
    const char *code; /* RPC_CALL_ERROR only: as sent (FormationViolation and FormatViolation both occur) */
    const char *description;
};
typedef void (*rpc_answered)(void *ctx, const struct rpc_answer *answer);

/* A CALL of the peer's. To be answered exactly once by rpc_result() or rpc_error(), in the callback or later;
 * `id` and `connection` must then be copied. */
struct rpc_request {
    char id[RPC_ID_SIZE];
    uint32_t connection; /* an answer after a reconnect is silently dropped */
    const struct message *message;
    const json_t *payload; /* validated; borrowed for the callback */
    size_t size;           /* of the frame in bytes; 0: a local one */
};

struct rpc_ops {
    /* Sends one text frame. 0, or negative if it cannot be (link down). */
    int (*send)(void *ctx, const char *text, size_t len);
    /* A valid CALL with a known action. */
    void (*on_call)(void *ctx, const struct rpc_request *request);
    /* True if the station or CSMS can handle this action at all; false: NotSupported is answered before the
     * payload is looked at. (Unknown to OCPP 2.0.1 altogether: NotImplemented.) */
    bool (*supports)(void *ctx, const struct message *message);
    /* Our CALL is over and the next may be made (also after time-out). May be NULL. */
    void (*on_idle)(void *ctx);
    /* Every frame, for logs and displays; may be NULL. */
    void (*on_frame)(void *ctx, bool outgoing, const char *text, size_t len);
    /* A frame, request or response that is no valid OCPP came in; not more often than it is logged. May be NULL. */
    void (*on_invalid)(void *ctx, const char *why);
};

/* `env`, `ops`, `ctx` must outlive it. NULL without memory. max_message: longest frame taken, in bytes; a longer
 * one is answered by an RpcFrameworkError. */
struct rpc *rpc_new(const struct env *env, const struct rpc_ops *ops, void *ctx, size_t max_message);
void rpc_free(struct rpc *rpc);
/* The station's identity, for the log; borrowed for rpc's life. Without: "". */
void rpc_set_name(struct rpc *rpc, const char *name);

/* Link came up (new connection number) or went down (an open CALL ends RPC_DISCONNECTED, before this returns). */
void rpc_set_connected(struct rpc *rpc, bool connected);
bool rpc_is_idle(const struct rpc *rpc); /* connected and no CALL of ours open */

/* Sends a CALL. Takes the reference to `payload`, also on failure. The callback comes exactly once, never from
 * inside rpc_call(). 0; -EBUSY (one is open), -ENOTCONN, -EINVAL (payload invalid by the table: our bug, logged),
 * -ENOMEM. */
int rpc_call(struct rpc *rpc, const char *action, json_t *payload, int64_t timeout_ms, rpc_answered callback,
             void *ctx);

/* One frame from the peer: any bytes. */
void rpc_receive(struct rpc *rpc, const char *text, size_t len);

/* Makes a CALL as if the peer had sent it, with or without a link: checked, handed to on_call, answered to `callback` instead of the
 * wire. Takes the reference to `payload`. The callback comes exactly once; RPC_DISCONNECTED if rpc is freed first. At most
 * RPC_MAX_LOCAL wait at a time; one more gets an RPC_CALL_ERROR at once, from inside. */
#define RPC_MAX_LOCAL        8
#define RPC_LOCAL_CONNECTION UINT32_MAX /* rpc_request.connection of such a CALL */
void rpc_call_local(struct rpc *rpc, const char *action, json_t *payload, rpc_answered callback, void *ctx);

/* Answers. rpc_result() takes the reference to `payload`; an invalid payload is logged and turned into an
 * InternalError. */
void rpc_result(struct rpc *rpc, const struct rpc_request *request, json_t *payload);
void rpc_error(struct rpc *rpc, const struct rpc_request *request, enum rpc_error error,
               const char *description);

#endif
