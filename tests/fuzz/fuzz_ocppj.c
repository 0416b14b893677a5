/* OCPP-J from any bytes: frames, one a line, to one rpc, with calls, answers, reconnects and time between them.
 *
 *     a line of one byte   'c' we make a CALL   'a' we answer what is open   'r' reconnect   't' a minute passes
 *     any other line       a frame of the peer's
 *
 * Holds whatever comes: all that goes out is a frame of its kind; a frame gets at most one answer, a readable CALL
 * exactly one; our CALL ends exactly once. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "ocpp/rpc.h"

#define MAX_OPEN    32
#define MAX_MESSAGE 4000

struct world {
    struct timers timers;
    int64_t now_ms;
    struct rpc *rpc;
    struct rpc_request open[MAX_OPEN];
    size_t open_count;
    unsigned sends, calls;
    unsigned made, ended;
};

static int64_t now_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static void same_bytes(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    memset(ret, 0, len);
}

static int on_send(void *ctx, const char *text, size_t len)
{
    AUTO(json_t) *frame = json_from_text(text, len);
    static const size_t elements[] = { [2] = 4, [3] = 3, [4] = 5 };
    json_int_t type = json_integer_value(json_array_get(frame, 0));
    assert(type >= 2 && type <= 4 && json_array_size(frame) == elements[type]);
    assert(json_string_length(json_array_get(frame, 1)) < RPC_ID_SIZE);
    assert(json_is_object(json_array_get(frame, elements[type] - 1)));
    if (type == 4)
        assert(json_string_length(json_array_get(frame, 3)) <= 255);
    ((struct world *)ctx)->sends++;
    return 0;
}

static void on_call(void *ctx, const struct rpc_request *request)
{
    struct world *w = ctx;
    assert(message_validate(request->message, MESSAGE_REQUEST, request->payload, NULL));
    w->calls++;
    if (w->open_count < MAX_OPEN)
        w->open[w->open_count++] = *request;
}

static bool supports(void *ctx, const struct message *message)
{
    (void)ctx;
    return message_name(message)[0] != 'P';
}

static const struct rpc_ops ops = { .send = on_send, .on_call = on_call, .supports = supports };

static void on_answer(void *ctx, const struct rpc_answer *answer)
{
    struct world *w = ctx;
    w->ended++;
    assert((answer->outcome == RPC_RESULT) == (answer->payload != NULL));
    assert(answer->outcome != RPC_CALL_ERROR || (answer->code && answer->description));
}

static void answer_all(struct world *w)
{
    for (size_t i = 0; i < w->open_count; i++)
        if (i % 2)
            rpc_error(w->rpc, &w->open[i], RPC_GENERIC_ERROR, "no");
        else
            rpc_result(w->rpc, &w->open[i], json_pack("{s:s}", "status", "Accepted"));
    w->open_count = 0;
}

static void act(struct world *w, char what)
{
    if (what == 'c' && rpc_call(w->rpc, "Heartbeat", json_object(), 30000, on_answer, w) == 0)
        w->made++;
    if (what == 'a')
        answer_all(w);
    if (what == 'r') {
        rpc_set_connected(w->rpc, false);
        rpc_set_connected(w->rpc, true);
    }
    if (what == 't')
        w->now_ms += 60000;
    timers_run(&w->timers, w->now_ms);
}

static int depth_of(const json_t *value)
{
    int deepest = 0;
    size_t index;
    const char *key;
    json_t *child;
    json_array_foreach((json_t *)(uintptr_t)value, index, child)
    {
        int depth = depth_of(child);
        deepest = depth > deepest ? depth : deepest;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        int depth = depth_of(child);
        deepest = depth > deepest ? depth : deepest;
    }
    return json_is_array(value) || json_is_object(value) ? deepest + 1 : 0;
}

static void receive(struct world *w, const char *line, size_t len)
{
    AUTO(json_t) *frame = json_from_text(line, len);
    const json_t *id = json_array_get(frame, 1);
    unsigned before = w->sends + w->calls;
    bool is_call = json_is_integer(json_array_get(frame, 0)) &&
                   json_integer_value(json_array_get(frame, 0)) == 2 && json_string_length(id) > 0 &&
                   json_string_length(id) < RPC_ID_SIZE &&
                   strlen(json_string_value(id)) == json_string_length(id) && len <= MAX_MESSAGE &&
                   depth_of(frame) <= RPC_MAX_DEPTH;
    rpc_receive(w->rpc, line, len);
    unsigned answers = w->sends + w->calls - before;
    assert(answers <= 1);
    assert(!is_call || answers == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { 0 };
    struct env env = { .ctx = &w, .now_ms = now_ms, .random = same_bytes, .timers = &w.timers };
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level(area, LOG_DEBUG);
    log_setup(-1, false);
    timers_init(&w.timers);
    w.rpc = rpc_new(&env, &ops, &w, MAX_MESSAGE);
    AUTO_FREE char *text = malloc(size + 1);
    if (!w.rpc || !text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    rpc_set_connected(w.rpc, true);
    for (char *line = text, *end = text + size; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((stop ? stop : end) - line);
        line[len] = '\0';
        if (len == 1)
            act(&w, *line);
        else
            receive(&w, line, len);
        line += len + 1;
    }
    rpc_set_connected(w.rpc, false);
    assert(w.made == w.ended);
    rpc_free(w.rpc);
    assert(timers_next_ms(&w.timers) == -1);
    return 0;
}
