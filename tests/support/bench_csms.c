/* The other end of the bench: the link, which comes and goes as told, and the CSMS that answers and asks. */
#include "tests/support/bench_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"

/* ---- the link ---- */

void bench_on_connect(void *ctx, const struct link_target *target)
{
    struct bench *b = ctx;
    assert_false(b->is_up);
    assert_false(b->connect_pending);
    b->connect_pending = true;
    b->connects++;
    b->connected_at_ms = b->now_ms;
    b->ping_interval_ms = target->ping_interval_ms;
    b->allows_wildcards = target->allows_wildcards;
    b->security_profile = target->security_profile;
    bench_keep_text(&b->trusted, target->trusted_pem);
    bench_keep_text(&b->certificate, target->certificate_pem);
    bench_keep_text(&b->key, target->key);
    (void)str_copy(b->url, sizeof(b->url), target->url);
    (void)str_copy(b->password, sizeof(b->password), target->password ? target->password : "");
}

void bench_on_disconnect(void *ctx)
{
    struct bench *b = ctx;
    b->disconnect_pending = true;
}

void bench_on_ping_interval(void *ctx, int64_t interval_ms)
{
    ((struct bench *)ctx)->ping_interval_ms = interval_ms;
}

static void drop_link(struct bench *b, enum link_failure failure, const char *text)
{
    b->is_up = false;
    json_array_clear(b->unanswered);
    station_on_link_down(b->station, failure, text);
}

bool bench_do_link(struct bench *b)
{
    if (b->disconnect_pending) {
        b->disconnect_pending = b->connect_pending = false;
        drop_link(b, LINK_LOST, "closed");
        return true;
    }
    if (b->connect_pending) {
        b->connect_pending = false;
        enum link_failure failure = b->failure;
        b->is_up = b->link_available && !json_object_get(b->refuses, b->url) &&
                   (!b->accepts || b->accepts(b, &failure));
        if (b->is_up)
            station_on_link_up(b->station);
        else
            station_on_link_down(b->station, failure, "not reachable");
        return true;
    }
    return false;
}

void bench_link_lost(struct bench *b)
{
    b->link_available = false;
    if (b->is_up)
        drop_link(b, LINK_LOST, "lost");
    bench_settle(b);
}

void bench_link_back(struct bench *b)
{
    b->link_available = true;
    for (int i = 0; i < 10000 && !b->is_up; i++) {
        int64_t due_ms = timers_next_ms(&b->timers);
        assert_true(due_ms >= 0);
        bench_advance(b, due_ms > b->now_ms ? due_ms - b->now_ms : 0);
    }
    assert_true(b->is_up);
}

/* ---- the CSMS ---- */

int bench_on_send(void *ctx, const char *text, size_t len)
{
    struct bench *b = ctx;
    assert_true(b->is_up);
    json_t *frame = json_loadb(text, len, 0, NULL);
    assert_non_null(frame);
    if (getenv("BENCH_VERBOSE"))
        printf("%8lld station: %.*s\n", (long long)b->now_ms, (int)len, text);

    const char *id = json_string_value(json_array_get(frame, 1));
    if (json_integer_value(json_array_get(frame, 0)) == 2) {
        json_array_append_new(b->calls,
                              json_pack("[O, O]", json_array_get(frame, 2), json_array_get(frame, 3)));
        json_array_append_new(b->unanswered, json_pack("[s, O, O, I]", id, json_array_get(frame, 2),
                                                       json_array_get(frame, 3), (json_int_t)b->now_ms));
    } else {
        json_object_set(b->responses, id, frame);
    }
    json_decref(frame);
    return 0;
}

static void receive(struct bench *b, json_t *frame)
{
    char *text = json_dumps(frame, JSON_COMPACT);
    if (getenv("BENCH_VERBOSE"))
        printf("%8lld csms:    %s\n", (long long)b->now_ms, text);
    station_on_frame(b->station, text, strlen(text));
    free(text);
    json_decref(frame);
}

static json_t *usual_answer(struct bench *b, const char *action)
{
    char now[TIMESTAMP_SIZE];
    timestamp_format(BENCH_WALL_MS + b->now_ms + b->csms_offset_ms, now);
    if (str_equal(action, "BootNotification"))
        return json_pack("{s:s, s:s, s:i}", "status", "Accepted", "currentTime", now, "interval", 300);
    if (str_equal(action, "Heartbeat"))
        return json_pack("{s:s}", "currentTime", now);
    if (str_equal(action, "Authorize"))
        return json_pack("{s:{s:s}}", "idTokenInfo", "status", "Accepted");
    if (str_equal(action, "DataTransfer") || str_equal(action, "SignCertificate"))
        return json_pack("{s:s}", "status", "Accepted");
    return json_object();
}

/* Members `now` of an answer given by a test become the CSMS's time. */
static json_t *given_answer(struct bench *b, const char *text)
{
    char now[TIMESTAMP_SIZE];
    timestamp_format(BENCH_WALL_MS + b->now_ms + b->csms_offset_ms, now);
    json_t *answer = bench_parse(text);
    if (str_equal(json_string_value(json_object_get(answer, "currentTime")), "now"))
        json_object_set_new(answer, "currentTime", json_string(now));
    return answer;
}

/* What was met with silence for so long is not answered any more. */
#define TOO_LATE_MS 30000

static size_t next_to_answer(struct bench *b)
{
    size_t i = 0;
    for (; i < json_array_size(b->unanswered); i++) {
        const char *action = json_string_value(json_array_get(json_array_get(b->unanswered, i), 1));
        const char *answer = json_string_value(json_object_get(b->answers, action));
        if (!str_equal(answer ? answer : "", BENCH_SILENCE))
            break;
    }
    return i;
}

bool bench_do_answer(struct bench *b)
{
    size_t i = next_to_answer(b);
    if (!b->is_up || i >= json_array_size(b->unanswered))
        return false;
    json_t *call = json_incref(json_array_get(b->unanswered, i));
    json_array_remove(b->unanswered, i);
    if (b->now_ms - json_integer_value(json_array_get(call, 3)) > TOO_LATE_MS) {
        json_decref(call);
        return true;
    }

    const char *id = json_string_value(json_array_get(call, 0));
    const char *action = json_string_value(json_array_get(call, 1));
    const char *answer = json_string_value(json_object_get(b->answers, action));
    if (!answer || !*answer)
        receive(b, json_pack("[i, s, o]", 3, id, usual_answer(b, action)));
    else if (str_starts(answer, "error:"))
        receive(b, json_pack("[i, s, s, s, {}]", 4, id, answer + 6, ""));
    else
        receive(b, json_pack("[i, s, o]", 3, id, given_answer(b, answer)));
    if (b->on_answered)
        b->on_answered(b, action, json_array_get(call, 2), !answer || !str_starts(answer, "error:"));
    json_decref(call);
    return true;
}

void bench_answer(struct bench *b, const char *action, const char *answer)
{
    json_object_set_new(b->answers, action, json_string(answer));
    bench_settle(b);
}

void bench_reply(struct bench *b, const char *payload)
{
    assert_int_not_equal(json_array_size(b->unanswered), 0);
    json_t *call = json_incref(json_array_get(b->unanswered, 0));
    json_array_remove(b->unanswered, 0);
    receive(b, json_pack("[i, O, o]", 3, json_array_get(call, 0), given_answer(b, payload)));
    json_decref(call);
    bench_settle(b);
}

static const json_t *call(struct bench *b, const char *action, const char *payload)
{
    char id[16];
    assert_true(b->is_up);
    snprintf(id, sizeof(id), "c%d", b->next_call++);
    json_object_clear(b->responses);
    receive(b, json_pack("[i, s, s, o]", 2, id, action, bench_parse(payload)));
    bench_settle(b);
    const json_t *response = json_object_get(b->responses, id);
    if (!response)
        fail_msg("%s was not answered", action);
    return response;
}

const json_t *bench_request(struct bench *b, const char *action, const char *payload)
{
    const json_t *response = call(b, action, payload);
    if (json_integer_value(json_array_get(response, 0)) != 3)
        fail_msg("%s was answered by CALLERROR %s: %s", action,
                 json_string_value(json_array_get(response, 2)),
                 json_string_value(json_array_get(response, 3)));
    return json_array_get(response, 2);
}

void bench_call(struct bench *b, const char *action, const char *payload, const char *expected)
{
    bench_check(bench_request(b, action, payload), expected, action);
}

void bench_call_error(struct bench *b, const char *action, const char *payload, const char *code)
{
    const json_t *response = call(b, action, payload);
    if (json_integer_value(json_array_get(response, 0)) != 4)
        fail_msg("%s was answered by a CALLRESULT, expected %s", action, code);
    assert_string_equal(json_string_value(json_array_get(response, 2)), code);
}

void bench_frame(struct bench *b, const char *text)
{
    station_on_frame(b->station, text, strlen(text));
    bench_settle(b);
}
