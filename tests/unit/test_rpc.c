/* OCPP-J frames in virtual time: one rpc, a peer whose frames are written here as text. JSON in single quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "ocpp/rpc.h"

#define MAX_MESSAGE 2000

struct bench {
    struct timers timers;
    struct env env;
    int64_t now_ms;
    uint8_t next_random;
    struct rpc *rpc;
    char sent[4000]; /* the last frame */
    int sends, calls, answers, idles, frames_in, frames_out;
    int send_result;
    bool send_disconnects;
    struct rpc_request request; /* the last CALL */
    char request_payload[500];
    enum rpc_outcome outcome; /* the last answer */
    char answer[500];
};

/* ---- the world round it ---- */

static int64_t now_ms(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static void random_bytes(void *ctx, void *ret, size_t len)
{
    memset(ret, ((struct bench *)ctx)->next_random++, len);
}

static int on_send(void *ctx, const char *text, size_t len)
{
    struct bench *b = ctx;
    if (b->send_disconnects)
        rpc_set_connected(b->rpc, false);
    if (b->send_result < 0)
        return b->send_result;
    AUTO(json_t) *frame = json_from_text(text, len);
    assert_true(json_is_array(frame)); /* whatever comes in, what goes out is a frame */
    assert_int_equal(strlen(text), len);
    (void)snprintf(b->sent, sizeof(b->sent), "%s", text);
    b->sends++;
    return 0;
}

static void on_call(void *ctx, const struct rpc_request *request)
{
    struct bench *b = ctx;
    AUTO_FREE char *payload = json_to_text(request->payload);
    b->calls++;
    b->request = *request;
    (void)snprintf(b->request_payload, sizeof(b->request_payload), "%s", payload);
}

static bool supports(void *ctx, const struct message *message)
{
    (void)ctx;
    return strcmp(message_name(message), "ReserveNow") != 0;
}

static void on_idle(void *ctx)
{
    ((struct bench *)ctx)->idles++;
}

static void on_frame(void *ctx, bool outgoing, const char *text, size_t len)
{
    struct bench *b = ctx;
    (void)text;
    (void)len;
    if (outgoing)
        b->frames_out++;
    else
        b->frames_in++;
}

static const struct rpc_ops ops = { on_send, on_call, supports, on_idle, on_frame, NULL };

static int prepare(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    if (!b)
        return -1;
    timers_init(&b->timers);
    b->env = (struct env){ .ctx = b, .now_ms = now_ms, .random = random_bytes, .timers = &b->timers };
    b->rpc = rpc_new(&b->env, &ops, b, MAX_MESSAGE);
    rpc_set_connected(b->rpc, true);
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level(area, LOG_ERROR);
    *state = b;
    return b->rpc ? 0 : -1;
}

static int clean_up(void **state)
{
    struct bench *b = *state;
    rpc_free(b->rpc);
    assert_int_equal(timers_next_ms(&b->timers), -1);
    free(b);
    return 0;
}

/* ---- words of the tests ---- */

static void to_json(const char *text, char *ret)
{
    for (; *text; text++)
        *ret++ = *text == '\'' ? '"' : *text;
    *ret = '\0';
}

static void receive(struct bench *b, const char *text)
{
    char frame[4000];
    b->sent[0] = '\0';
    to_json(text, frame);
    rpc_receive(b->rpc, frame, strlen(frame));
}

static void assert_json(const char *got, const char *expected)
{
    char text[4000];
    to_json(expected, text);
    assert_string_equal(got, text);
}

static void pass(struct bench *b, int64_t ms)
{
    b->now_ms += ms;
    timers_run(&b->timers, b->now_ms);
}

static void on_answer(void *ctx, const struct rpc_answer *answer)
{
    struct bench *b = ctx;
    b->answers++;
    b->outcome = answer->outcome;
    b->answer[0] = '\0';
    if (answer->outcome == RPC_RESULT) {
        AUTO_FREE char *text = json_to_text(answer->payload);
        (void)snprintf(b->answer, sizeof(b->answer), "%s", text);
    } else if (answer->outcome == RPC_CALL_ERROR) {
        (void)snprintf(b->answer, sizeof(b->answer), "%s/%s", answer->code, answer->description);
    }
}

static int call_heartbeat(struct bench *b)
{
    return rpc_call(b->rpc, "Heartbeat", json_object(), 30000, on_answer, b);
}

#define ID0 "00000000-0000-4000-8000-000000000000" /* of our first CALL, by random_bytes() */
#define ID1 "01010101-0101-4101-8101-010101010101"

/* ---- our CALLs ---- */

static void a_call_is_answered(void **state)
{
    struct bench *b = *state;
    assert_true(rpc_is_idle(b->rpc));
    assert_int_equal(call_heartbeat(b), 0);
    assert_json(b->sent, "[2,'" ID0 "','Heartbeat',{}]");
    assert_false(rpc_is_idle(b->rpc));
    assert_int_equal(b->answers, 0);
    receive(b, "[3,'" ID0 "',{'currentTime':'2026-01-31T12:00:00Z'}]");
    assert_int_equal(b->outcome, RPC_RESULT);
    assert_json(b->answer, "{'currentTime':'2026-01-31T12:00:00Z'}");
    assert_true(b->answers == 1 && b->idles == 1 && rpc_is_idle(b->rpc));
    assert_int_equal(timers_next_ms(&b->timers), -1);
    assert_true(b->frames_in == 1 && b->frames_out == 1);
}

static void one_call_is_open_at_a_time(void **state) /* Part 4, 4.1.1 */
{
    struct bench *b = *state;
    assert_int_equal(call_heartbeat(b), 0);
    assert_int_equal(call_heartbeat(b), -EBUSY);
    assert_int_equal(b->sends, 1);
    receive(b, "[3,'" ID0 "',{'currentTime':'2026-01-31T12:00:00Z'}]");
    assert_int_equal(call_heartbeat(b), 0);
    assert_json(b->sent, "[2,'" ID1 "','Heartbeat',{}]");
}

static void a_call_times_out_and_its_late_answer_is_dropped(void **state)
{
    struct bench *b = *state;
    assert_int_equal(call_heartbeat(b), 0);
    pass(b, 29999);
    assert_int_equal(b->answers, 0);
    pass(b, 1);
    assert_int_equal(b->answers, 1);
    assert_int_equal(b->outcome, RPC_TIMED_OUT);
    assert_int_equal(b->idles, 1);
    receive(b, "[3,'" ID0 "',{'currentTime':'2026-01-31T12:00:00Z'}]");
    assert_int_equal(b->answers, 1);
    assert_string_equal(b->sent, "");
}

static void answers_with_another_id_are_dropped(void **state)
{
    struct bench *b = *state;
    static const char *const rows[] = {
        "[3,'x',{'currentTime':'2026-01-31T12:00:00Z'}]",
        "[4,'x','GenericError','',{}]",
        "[4,'-1','RpcFrameworkError','',{}]",
        "[3,7,{}]",
        "[3]",
        "[4]",
        "[4,'" ID0 "x','GenericError','',{}]",
    };
    assert_int_equal(call_heartbeat(b), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        receive(b, rows[i]);
        assert_string_equal(b->sent, "");
        assert_int_equal(b->answers, 0);
    }
}

static void a_call_error_ends_the_call(void **state)
{
    struct bench *b = *state;
    static const struct {
        int type;
        const char *rest, *answer;
    } rows[] = {
        { 4, ",'NotSupported','no such thing',{}]", "NotSupported/no such thing" },
        { 4, ",'FormationViolation','',{'a':1}]", "FormationViolation/" },
        { 4, ",'NotImplemented']", "NotImplemented/" },
        { 4, ",5,null]", "/" },
        { 4, "]", "/" },
        { 3, ",{'currentTime':'now'}]", "/currentTime is no RFC 3339 time such as 2026-01-31T12:00:00.000Z" },
        { 3, ",null]", "/currentTime is missing" },
        { 3, ",[]]", "/payload is no object" },
        { 3, "]", "/a CALLRESULT has three elements" },
        { 3, ",{'currentTime':'2026-01-31T12:00:00Z'},{}]", "/a CALLRESULT has three elements" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char frame[200], id[RPC_ID_SIZE];
        assert_int_equal(call_heartbeat(b), 0);
        memcpy(id, b->sent + 4, RPC_ID_SIZE - 1);
        id[RPC_ID_SIZE - 1] = '\0';
        (void)snprintf(frame, sizeof(frame), "[%d,'%s'%s", rows[i].type, id, rows[i].rest);
        receive(b, frame);
        assert_int_equal(b->outcome, RPC_CALL_ERROR);
        assert_string_equal(b->answer, rows[i].answer);
        assert_string_equal(b->sent, ""); /* an answer is never answered */
        assert_int_equal(b->answers, i + 1);
    }
}

static void the_end_of_the_link_ends_the_call(void **state)
{
    struct bench *b = *state;
    assert_int_equal(call_heartbeat(b), 0);
    rpc_set_connected(b->rpc, false);
    assert_int_equal(b->outcome, RPC_DISCONNECTED);
    assert_true(b->answers == 1 && b->idles == 0);
    assert_int_equal(call_heartbeat(b), -ENOTCONN);
    rpc_set_connected(b->rpc, true);
    receive(b, "[3,'" ID0 "',{'currentTime':'2026-01-31T12:00:00Z'}]");
    assert_int_equal(b->answers, 1);
    assert_int_equal(call_heartbeat(b), 0);
}

static void a_call_that_cannot_be_sent_was_never_made(void **state)
{
    struct bench *b = *state;
    b->send_result = -EPIPE;
    assert_int_equal(call_heartbeat(b), -ENOTCONN);
    assert_true(rpc_is_idle(b->rpc));
    b->send_disconnects = true;
    assert_int_equal(call_heartbeat(b), -ENOTCONN);
    rpc_set_connected(b->rpc, true);
    b->send_result = 0;
    assert_int_equal(call_heartbeat(b), -ENOTCONN); /* taken, and the link died of it */
    assert_int_equal(b->answers, 0);
    assert_int_equal(timers_next_ms(&b->timers), -1);
}

static void an_invalid_call_of_ours_is_not_sent(void **state)
{
    struct bench *b = *state;
    log_set_level(LOG_OCPP, LOG_ERROR);
    log_setup(-1, false); /* it is logged as our bug */
    assert_int_equal(rpc_call(b->rpc, "Heartbeat", json_pack("{s:i}", "x", 1), 1000, on_answer, b), -EINVAL);
    assert_int_equal(rpc_call(b->rpc, "NoSuchThing", json_object(), 1000, on_answer, b), -EINVAL);
    assert_int_equal(rpc_call(b->rpc, "Heartbeat", NULL, 1000, on_answer, b), -ENOMEM);
    log_setup(2, false);
    assert_true(b->sends == 0 && rpc_is_idle(b->rpc));
}

static void call_again(void *ctx, const struct rpc_answer *answer)
{
    struct bench *b = ctx;
    on_answer(ctx, answer);
    assert_int_equal(call_heartbeat(b), 0);
}

static void the_callback_may_make_the_next_call(void **state)
{
    struct bench *b = *state;
    assert_int_equal(rpc_call(b->rpc, "Heartbeat", json_object(), 1000, call_again, b), 0);
    receive(b, "[3,'" ID0 "',{'currentTime':'2026-01-31T12:00:00Z'}]");
    assert_int_equal(b->sends, 2);
    assert_int_equal(b->idles, 0);
    pass(b, 29999);
    assert_int_equal(b->answers, 1);
    pass(b, 1);
    assert_int_equal(b->outcome, RPC_TIMED_OUT);
}

static void a_number_is_sent_as_short_as_it_was_meant(void **state)
{
    struct bench *b = *state;
    json_t *payload = json_pack("{s:i, s:[{s:s, s:[{s:f}]}]}", "evseId", 1, "meterValue", "timestamp",
                                "2026-01-31T12:00:00Z", "sampledValue", "value", 0.1);
    assert_int_equal(rpc_call(b->rpc, "MeterValues", payload, 1000, on_answer, b), 0);
    assert_non_null(strstr(b->sent, "\"value\":0.1}"));
}

/* ---- the peer's CALLs ---- */

static void a_call_of_the_peer_is_handed_on_and_answered(void **state)
{
    struct bench *b = *state;
    receive(b, "[2,'a','Reset',{'type':'OnIdle'}]");
    assert_int_equal(b->calls, 1);
    assert_string_equal(b->sent, "");
    assert_string_equal(message_name(b->request.message), "Reset");
    assert_json(b->request_payload, "{'type':'OnIdle'}");
    rpc_result(b->rpc, &b->request, json_pack("{s:s}", "status", "Accepted"));
    assert_json(b->sent, "[3,'a',{'status':'Accepted'}]");
    receive(b, "[2,'b','Reset',{'type':'OnIdle'}]");
    rpc_error(b->rpc, &b->request, RPC_SECURITY_ERROR, "not yet");
    assert_json(b->sent, "[4,'b','SecurityError','not yet',{}]");
}

static void calls_cross(void **state)
{
    struct bench *b = *state;
    assert_int_equal(call_heartbeat(b), 0);
    receive(b, "[2,'a','Reset',{'type':'OnIdle'}]");
    assert_int_equal(b->calls, 1);
    rpc_result(b->rpc, &b->request, json_pack("{s:s}", "status", "Accepted"));
    assert_json(b->sent, "[3,'a',{'status':'Accepted'}]");
    receive(b, "[3,'" ID0 "',{'currentTime':'2026-01-31T12:00:00Z'}]");
    assert_int_equal(b->outcome, RPC_RESULT);
}

static void bad_frames_get_the_right_error(void **state) /* Part 4, 4.2.3 and 4.3 */
{
    struct bench *b = *state;
    static const struct {
        const char *frame, *id, *code;
    } rows[] = {
        /* what cannot be read at all */
        { "", "-1", "RpcFrameworkError" },
        { "nonsense", "-1", "RpcFrameworkError" },
        { "[2,'a','Reset',{'type':'OnIdle'}", "-1", "RpcFrameworkError" },
        { "{}", "-1", "RpcFrameworkError" },
        { "[]", "-1", "RpcFrameworkError" },
        { "null", "-1", "RpcFrameworkError" },
        { "['2','a','Reset',{}]", "-1", "RpcFrameworkError" },
        { "[2]", "-1", "RpcFrameworkError" },
        { "[2,7,'Reset',{}]", "-1", "RpcFrameworkError" },
        { "[2,'','Reset',{}]", "-1", "RpcFrameworkError" },
        { "[2,'a\\u0000b','Reset',{}]", "-1", "RpcFrameworkError" },
        { "[2,'1234567890123456789012345678901234567','Reset',{}]", "-1", "RpcFrameworkError" },
        /* message types, 4.4 */
        { "[5,'a',{}]", "a", "MessageTypeNotSupported" },
        { "[-2,'a']", "a", "MessageTypeNotSupported" },
        { "[99]", "-1", "MessageTypeNotSupported" },
        { "[5,'1234567890123456789012345678901234567']", "-1", "MessageTypeNotSupported" },
        /* a CALL with an id */
        { "[2,'a']", "a", "ProtocolError" },
        { "[2,'b','Reset']", "b", "ProtocolError" },
        { "[2,'c','Reset',{'type':'OnIdle'},{}]", "c", "ProtocolError" },
        { "[2,'d',{},'Reset']", "d", "ProtocolError" },
        { "[2,'e','Reset\\u0000',{'type':'OnIdle'}]", "e", "ProtocolError" },
        { "[2,'f','reset',{'type':'OnIdle'}]", "f", "NotImplemented" },
        { "[2,'g','RemoteStartTransaction',{}]", "g", "NotImplemented" },
        { "[2,'h','ReserveNow',{}]", "h", "NotSupported" }, /* before the payload is looked at */
        { "[2,'i','Reset',[]]", "i", "FormatViolation" },
        { "[2,'j','Reset','x']", "j", "FormatViolation" },
        { "[2,'k','Reset',{'type':'OnIdle','x':1}]", "k", "FormatViolation" },
        { "[2,'l','Reset',{}]", "l", "OccurrenceConstraintViolation" },
        { "[2,'m','Reset',null]", "m", "OccurrenceConstraintViolation" },
        { "[2,'n','Reset',{'type':5}]", "n", "TypeConstraintViolation" },
        { "[2,'o','Reset',{'type':'Now'}]", "o", "PropertyConstraintViolation" },
        { "[2,'1234567890123456789012345678901234 6','Reset',{'type':'Now'}]",
          "1234567890123456789012345678901234 6", "PropertyConstraintViolation" },
        { "[2,'\\\"\\n','Reset',{'type':'Now'}]", "\"\n", "PropertyConstraintViolation" },
        { "[2,'\xC3\xA4','Reset',{'type':'Now'}]", "\xC3\xA4", "PropertyConstraintViolation" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        pass(b, 60000); /* the allowance of complaints is fresh */
        receive(b, rows[i].frame);
        AUTO(json_t) *frame = json_from_text(b->sent, strlen(b->sent));
        assert_int_equal(json_array_size(frame), 5);
        assert_int_equal(json_integer_value(json_array_get(frame, 0)), 4);
        assert_string_equal(json_string_value(json_array_get(frame, 1)), rows[i].id);
        assert_string_equal(json_string_value(json_array_get(frame, 2)), rows[i].code);
        assert_true(json_is_object(json_array_get(frame, 4)));
        assert_int_equal(b->sends, i + 1);
    }
    assert_int_equal(b->calls, 0);
}

static void null_stands_for_no_payload(void **state) /* Part 4, 4.1.5 */
{
    struct bench *b = *state;
    receive(b, "[2,'a','ClearCache',null]");
    assert_json(b->request_payload, "{}");
}

static void an_id_used_before_is_refused_until_the_next_link(void **state) /* Part 4, 4.2.3 */
{
    struct bench *b = *state;
    receive(b, "[2,'a','ClearCache',{}]");
    receive(b, "[2,'a','ClearCache',{}]");
    assert_json(b->sent, "[4,'a','RpcFrameworkError','the message id was used before',{}]");
    assert_int_equal(b->calls, 1);
    rpc_set_connected(b->rpc, false);
    rpc_set_connected(b->rpc, true);
    receive(b, "[2,'a','ClearCache',{}]");
    assert_int_equal(b->calls, 2);
}

static void an_answer_after_a_reconnect_is_dropped(void **state)
{
    struct bench *b = *state;
    receive(b, "[2,'a','Reset',{'type':'OnIdle'}]");
    rpc_set_connected(b->rpc, false);
    rpc_result(b->rpc, &b->request, json_pack("{s:s}", "status", "Accepted"));
    rpc_set_connected(b->rpc, true);
    rpc_result(b->rpc, &b->request, json_pack("{s:s}", "status", "Accepted"));
    rpc_error(b->rpc, &b->request, RPC_GENERIC_ERROR, "");
    assert_int_equal(b->sends, 0);
}

static void an_invalid_response_of_ours_becomes_an_internal_error(void **state)
{
    struct bench *b = *state;
    log_setup(-1, false); /* it is logged as our bug */
    receive(b, "[2,'a','Reset',{'type':'OnIdle'}]");
    rpc_result(b->rpc, &b->request, json_pack("{s:s}", "status", "Perhaps"));
    assert_json(b->sent, "[4,'a','InternalError','',{}]");
    receive(b, "[2,'b','Reset',{'type':'OnIdle'}]");
    rpc_result(b->rpc, &b->request, NULL);
    log_setup(2, false);
    assert_json(b->sent, "[4,'b','InternalError','',{}]");
}

static void rubbish_is_not_answered_for_ever(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 1000; i++)
        receive(b, i % 2 ? "rubbish" : "[9,'x']");
    assert_int_equal(b->sends, 10);
    receive(b, "[2,'a','Reset',{}]"); /* what has an id always is */
    assert_int_equal(b->sends, 11);
    pass(b, 60000);
    receive(b, "rubbish");
    assert_int_equal(b->sends, 12);
}

static void spoilt_answers_are_not_answered(void **state)
{
    struct bench *b = *state;
    static const char *const rows[] = { "[3,", " [ 4 , 'x'", "[4,'a','b','c',{}", "[3,'\xFF',{}]" };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        receive(b, rows[i]);
    assert_int_equal(b->sends, 0);
}

static void size_and_depth_are_bounded(void **state)
{
    struct bench *b = *state;
    char text[MAX_MESSAGE + 2];
    memset(text, ' ', sizeof(text));
    static const char call[] = "[2,\"a\",\"ClearCache\",{}]";
    memcpy(text, call, sizeof(call) - 1);
    rpc_receive(b->rpc, text, MAX_MESSAGE + 1);
    assert_json(b->sent, "[4,'-1','RpcFrameworkError','the message is too long',{}]");
    rpc_receive(b->rpc, text, MAX_MESSAGE);
    assert_int_equal(b->calls, 1);
    memset(text, '[', sizeof(text));
    rpc_receive(b->rpc, text, MAX_MESSAGE);
    assert_json(b->sent, "[4,'-1','RpcFrameworkError','the message is nested too deeply',{}]");
    /* brackets in strings do not count */
    receive(b,
            "[2,'b','DataTransfer',{'vendorId':'x','data':'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[['}]");
    assert_int_equal(b->calls, 2);
}

static void a_description_cut_within_a_character_is_still_sent(void **state)
{
    struct bench *b = *state;
    char text[600];
    receive(b, "[2,'a','Reset',{'type':'OnIdle'}]");
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    text[sizeof(text) - 2] = '\0';
    rpc_error(b->rpc, &b->request, RPC_GENERIC_ERROR, text);
    assert_int_equal(b->sends, 1);
    receive(b,
            "[2,'b','ClearCache',{'"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
            "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4x':1}]");
    assert_int_equal(b->sends, 2);
}

static void nothing_is_taken_while_the_link_is_down(void **state)
{
    struct bench *b = *state;
    rpc_set_connected(b->rpc, false);
    receive(b, "[2,'a','ClearCache',{}]");
    assert_true(b->calls == 0 && b->sends == 0 && b->frames_in == 0);
}

/* ---- local CALLs ---- */

static void a_local_call_is_answered_here(void **state)
{
    struct bench *b = *state;
    rpc_set_connected(b->rpc, false);
    rpc_call_local(b->rpc, "Reset", json_pack("{s:s}", "type", "OnIdle"), on_answer, b);
    assert_int_equal(b->calls, 1);
    rpc_result(b->rpc, &b->request, json_pack("{s:s}", "status", "Accepted"));
    assert_int_equal(b->answers, 0); /* never from inside */
    rpc_error(b->rpc, &b->request, RPC_GENERIC_ERROR, "twice");
    pass(b, 0);
    assert_int_equal(b->answers, 1);
    assert_int_equal(b->outcome, RPC_RESULT);
    assert_json(b->answer, "{'status':'Accepted'}");
    assert_int_equal(b->sends, 0);
}

static void a_bad_local_call_gets_the_same_errors(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *action, *answer;
    } rows[] = {
        { "Reset", "OccurrenceConstraintViolation/type is missing" },
        { "ReserveNow", "NotSupported/ReserveNow is not supported" },
        { "Fly", "NotImplemented/OCPP 2.0.1 has no such action" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        rpc_call_local(b->rpc, rows[i].action, json_object(), on_answer, b);
        pass(b, 0);
        assert_int_equal(b->answers, i + 1);
        assert_string_equal(b->answer, rows[i].answer);
    }
    assert_int_equal(b->sends, 0);
}

static void local_calls_are_bounded_and_end_with_the_rpc(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < RPC_MAX_LOCAL; i++)
        rpc_call_local(b->rpc, "ClearCache", json_object(), on_answer, b);
    assert_int_equal(b->answers, 0);
    rpc_call_local(b->rpc, "ClearCache", json_object(), on_answer, b);
    assert_int_equal(b->answers, 1);
    assert_int_equal(b->outcome, RPC_CALL_ERROR);
    rpc_free(b->rpc);
    b->rpc = NULL;
    assert_int_equal(b->answers, 1 + RPC_MAX_LOCAL);
    assert_int_equal(b->outcome, RPC_DISCONNECTED);
}

/* ---- OCPP 1.6 ---- */

static void version_16_has_its_own_messages_and_error_names(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *frame, *answer;
    } rows[] = {
        { "[2,'a','TransactionEvent',{}]", "[4,'a','NotImplemented','OCPP 1.6 has no such action',{}]" },
        { "[2,'b','StatusNotification',{'connectorId':1,'errorCode':'NoError','status':'Occupied'}]",
          "[4,'b','PropertyConstraintViolation','status is no value of "
          "StatusNotificationRequest.status',{}]" },
        { "[2,'c','Heartbeat',{'x':1}]",
          "[4,'c','FormationViolation','x is no property of HeartbeatRequest',{}]" },
        { "[2,'d','Authorize',{}]", "[4,'d','OccurenceConstraintViolation','idTag is missing',{}]" },
        { "[2,'e','Authorize',{'idTag':1}]",
          "[4,'e','TypeConstraintViolation','idTag is an integer, expected a string',{}]" },
        { "[2,'f','Heartbeat']", "[4,'f','ProtocolError','a CALL is [2, id, action, payload]',{}]" },
        { "[5,'g',{}]", "" }, /* OCPP-J 1.6, 4.1.3: ignored */
        { "[2,7,'Heartbeat',{}]", "" },
        { "rubbish", "" },
    };
    rpc_set_version(b->rpc, &message_table_16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        receive(b, rows[i].frame);
        assert_json(b->sent, rows[i].answer);
    }
    receive(b, "[2,'h','Heartbeat',{}]");
    receive(b, "[2,'h','Heartbeat',{}]"); /* said again with the same id: handed on again */
    assert_int_equal(b->calls, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, prepare, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_answered),
        TEST(one_call_is_open_at_a_time),
        TEST(a_call_times_out_and_its_late_answer_is_dropped),
        TEST(answers_with_another_id_are_dropped),
        TEST(a_call_error_ends_the_call),
        TEST(the_end_of_the_link_ends_the_call),
        TEST(a_call_that_cannot_be_sent_was_never_made),
        TEST(an_invalid_call_of_ours_is_not_sent),
        TEST(the_callback_may_make_the_next_call),
        TEST(a_number_is_sent_as_short_as_it_was_meant),
        TEST(a_call_of_the_peer_is_handed_on_and_answered),
        TEST(calls_cross),
        TEST(bad_frames_get_the_right_error),
        TEST(null_stands_for_no_payload),
        TEST(an_id_used_before_is_refused_until_the_next_link),
        TEST(an_answer_after_a_reconnect_is_dropped),
        TEST(an_invalid_response_of_ours_becomes_an_internal_error),
        TEST(rubbish_is_not_answered_for_ever),
        TEST(spoilt_answers_are_not_answered),
        TEST(size_and_depth_are_bounded),
        TEST(a_description_cut_within_a_character_is_still_sent),
        TEST(nothing_is_taken_while_the_link_is_down),
        TEST(a_local_call_is_answered_here),
        TEST(a_bad_local_call_gets_the_same_errors),
        TEST(local_calls_are_bounded_and_end_with_the_rpc),
        TEST(version_16_has_its_own_messages_and_error_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
