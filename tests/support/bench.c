#include "tests/support/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/record.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "tests/support/authority.h"

/* ---- JSON ---- */

static json_t *parse(const char *text)
{
    char *copy = strdup(text);
    json_error_t error;
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(copy, JSON_DECODE_ANY, &error);
    free(copy);
    if (!json)
        fail_msg("bad JSON in the test: %s: %s", text, error.text);
    return json;
}

bool bench_contains(const json_t *json, const json_t *expected)
{
    if (json_is_string(expected) && str_equal(json_string_value(expected), "*"))
        return json != NULL;
    if (json_is_null(expected))
        return json == NULL;
    if (json_is_number(expected))
        return json_is_number(json) && json_number_value(json) == json_number_value(expected);
    if (json_is_array(expected)) {
        if (!json_is_array(json) || json_array_size(json) != json_array_size(expected))
            return false;
        for (size_t i = 0; i < json_array_size(json); i++)
            if (!bench_contains(json_array_get(json, i), json_array_get(expected, i)))
                return false;
        return true;
    }
    if (json_is_object(expected)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)expected, key,
                            value) if (!bench_contains(json_object_get(json, key), value)) return false;
        return json_is_object(json);
    }
    return json_equal(json, expected);
}

static void check_contains(const json_t *json, const char *expected, const char *what)
{
    json_t *wanted = parse(expected);
    if (!bench_contains(json, wanted)) {
        char *text = json_dumps(json, JSON_ENCODE_ANY);
        fail_msg("%s is %s, expected %s", what, text ? text : "nothing", expected);
    }
    json_decref(wanted);
}

/* ---- the world ---- */

static int64_t bench_now(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static int64_t bench_wall(void *ctx)
{
    const struct bench *b = ctx;
    return BENCH_WALL_MS + b->now_ms + b->wall_offset_ms;
}

static void bench_random(void *ctx, void *ret, size_t len)
{
    struct bench *b = ctx;
    for (uint8_t *at = ret; len > 0; len--) {
        b->random_state ^= b->random_state << 13;
        b->random_state ^= b->random_state >> 7;
        b->random_state ^= b->random_state << 17;
        *at++ = (uint8_t)(b->random_state >> 24);
    }
}

/* ---- what the station does ---- */

static void keep_text(char **at, const char *text)
{
    free(*at);
    *at = text ? strdup(text) : NULL;
}

static void on_connect(void *ctx, const struct link_target *target)
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
    keep_text(&b->trusted, target->trusted_pem);
    keep_text(&b->certificate, target->certificate_pem);
    keep_text(&b->key, target->key);
    (void)str_copy(b->url, sizeof(b->url), target->url);
    (void)str_copy(b->password, sizeof(b->password), target->password ? target->password : "");
}

static void on_disconnect(void *ctx)
{
    struct bench *b = ctx;
    b->disconnect_pending = true;
}

static void on_ping_interval(void *ctx, int64_t interval_ms)
{
    ((struct bench *)ctx)->ping_interval_ms = interval_ms;
}

static int on_send(void *ctx, const char *text, size_t len)
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

static int on_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket)
{
    struct bench *b = ctx;
    if (b->store_refuses)
        return -28; /* ENOSPC */
    json_t *group = json_array();
    for (size_t i = 0; i < count; i++) {
        char name[300];
        snprintf(name, sizeof(name), "%s/%s", record_kind_names[records[i].kind], records[i].key);
        json_array_append_new(group, json_pack("[s, s?]", name, records[i].value));
    }
    json_array_append_new(b->commits, json_pack("[I, o]", (json_int_t)ticket, group));
    return 0;
}

static void on_command(void *ctx, int evse, const struct evse_command *command)
{
    struct bench *b = ctx;
    json_array_append_new(b->commands, json_pack("[i, i, f]", evse, command->kind, command->limit_A));
    json_array_append_new(b->open_commands, json_pack("[i, i, f, I]", evse, command->kind, command->limit_A,
                                                      (json_int_t)command->ticket));
}

static int on_upload_log(void *ctx, const struct log_request *request)
{
    struct bench *b = ctx;
    assert_null(b->log_request);
    b->log_uploads++;
    if (b->log_refusal < 0)
        return b->log_refusal;
    b->log_request = json_pack("{s:i, s:s, s:s}", "kind", request->kind, "url", request->url, "fileName",
                               request->file_name);
    if (request->trusted_pem)
        json_object_set_new(b->log_request, "trusted", json_string(request->trusted_pem));
    if (request->oldest_ms != INT64_MIN)
        json_object_set_new(b->log_request, "oldest", json_integer(request->oldest_ms));
    if (request->latest_ms != INT64_MAX)
        json_object_set_new(b->log_request, "latest", json_integer(request->latest_ms));
    return 0;
}

static void drop_log_request(struct bench *b)
{
    json_decref(b->log_request);
    b->log_request = NULL;
}

static bool on_has_log(void *ctx, const struct log_request *request)
{
    const struct bench *b = ctx;
    return request->latest_ms >= b->log_begins_ms && request->oldest_ms <= b->log_ends_ms;
}

static void on_cancel_log(void *ctx)
{
    struct bench *b = ctx;
    b->log_cancels++;
    drop_log_request(b);
}

void bench_log_uploaded(struct bench *b, int err)
{
    assert_non_null(b->log_request);
    drop_log_request(b);
    station_on_log_uploaded(b->station, err);
    bench_settle(b);
}

static int on_firmware(void *ctx, const struct firmware_job *job)
{
    struct bench *b = ctx;
    if (job->step == FIRMWARE_CLAIM && b->firmware_claim < 0)
        return b->firmware_claim;
    json_array_append_new(b->firmware_jobs, json_pack("[i, s?]", job->step, job->location));
    bool is_answered =
        job->step != FIRMWARE_CLAIM && job->step != FIRMWARE_RELEASE && job->step != FIRMWARE_ACTIVATE;
    b->firmware_ticket = is_answered ? job->ticket : 0;
    b->firmware_step = job->step;
    return 0;
}

static void on_make_csr(void *ctx, const struct csr_request *request, uint32_t ticket)
{
    struct bench *b = ctx;
    assert_int_equal(b->csr_ticket, 0);
    b->csr_ticket = ticket;
    b->requests++;
    (void)str_copy(b->csr_common_name, sizeof(b->csr_common_name), request->common_name);
    (void)str_copy(b->csr_organization, sizeof(b->csr_organization), request->organization);
}

static const struct station_ops ops = { .connect = on_connect,
                                        .disconnect = on_disconnect,
                                        .set_ping_interval = on_ping_interval,
                                        .send = on_send,
                                        .persist = on_persist,
                                        .command = on_command,
                                        .upload_log = on_upload_log,
                                        .has_log = on_has_log,
                                        .cancel_log = on_cancel_log,
                                        .firmware = on_firmware,
                                        .make_csr = on_make_csr };

/* ---- what follows from it ---- */

static void drop_link(struct bench *b, enum link_failure failure, const char *text)
{
    b->is_up = false;
    json_array_clear(b->unanswered);
    station_on_link_down(b->station, failure, text);
}

static bool do_link(struct bench *b)
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

static bool do_request(struct bench *b)
{
    uint32_t ticket = b->csr_ticket;
    if (ticket == 0)
        return false;
    b->csr_ticket = 0;
    keep_text(&b->csr, NULL);
    keep_text(&b->csr_key, NULL);
    if (b->csr_error == 0)
        authority_request(b->csr_common_name, b->csr_organization, &b->csr, &b->csr_key);
    station_on_csr(b->station, ticket, b->csr, b->csr_key, b->csr_error);
    return true;
}

static bool do_commit(struct bench *b)
{
    if (b->hold_commits || json_array_size(b->commits) == 0)
        return false;
    json_t *commit = json_incref(json_array_get(b->commits, 0));
    json_array_remove(b->commits, 0);
    if (b->hold_after > 0)
        b->hold_commits = --b->hold_after == 0;

    size_t i;
    json_t *record;
    json_array_foreach(json_array_get(commit, 1), i, record)
    {
        const char *name = json_string_value(json_array_get(record, 0));
        json_t *value = json_array_get(record, 1);
        if (json_is_null(value))
            json_object_del(b->records, name);
        else
            json_object_set(b->records, name, value);
    }
    uint32_t ticket = (uint32_t)json_integer_value(json_array_get(commit, 0));
    json_decref(commit);
    if (ticket)
        station_on_persisted(b->station, ticket, 0);
    return true;
}

void bench_command_done(struct bench *b, int err)
{
    assert_int_not_equal(json_array_size(b->open_commands), 0);
    json_t *open = json_incref(json_array_get(b->open_commands, 0));
    json_array_remove(b->open_commands, 0);
    struct evse_command command = { .kind =
                                        (enum evse_command_kind)json_integer_value(json_array_get(open, 1)),
                                    .limit_A = json_number_value(json_array_get(open, 2)),
                                    .ticket = (uint32_t)json_integer_value(json_array_get(open, 3)) };
    int evse = (int)json_integer_value(json_array_get(open, 0));
    json_decref(open);
    station_on_command_done(b->station, evse, &command, err);
    if (b->hold_commands)
        bench_settle(b);
}

static bool do_command(struct bench *b)
{
    if (b->hold_commands || json_array_size(b->open_commands) == 0)
        return false;
    bench_command_done(b, b->command_error);
    return true;
}

void bench_firmware_done(struct bench *b, enum firmware_outcome outcome)
{
    uint32_t ticket = b->firmware_ticket;
    assert_int_not_equal(ticket, 0);
    if (outcome != FIRMWARE_STARTED)
        b->firmware_ticket = 0;
    station_on_firmware_done(b->station, ticket, outcome);
    if (b->hold_firmware)
        bench_settle(b);
}

static bool do_firmware(struct bench *b)
{
    if (b->hold_firmware || b->firmware_ticket == 0)
        return false;
    if (b->firmware_step == FIRMWARE_INSTALL)
        bench_firmware_done(b, FIRMWARE_STARTED);
    bench_firmware_done(b, b->firmware_outcomes[b->firmware_step]);
    return true;
}

void bench_expect_firmware(struct bench *b, enum firmware_step step)
{
    bench_settle(b);
    const json_t *job = json_array_get(b->firmware_jobs, 0);
    assert_non_null(job);
    assert_int_equal(json_integer_value(json_array_get(job, 0)), step);
    json_array_remove(b->firmware_jobs, 0);
}

/* ---- the CSMS ---- */

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
    json_t *answer = parse(text);
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

static bool do_answer(struct bench *b)
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

void bench_settle(struct bench *b)
{
    bool more = true;
    for (int i = 0; more; i++) {
        if (i > 10000)
            fail_msg("it never comes to rest");
        more = false;
        int64_t due_ms = timers_next_ms(&b->timers);
        if (due_ms >= 0 && due_ms <= b->now_ms) {
            timers_run(&b->timers, b->now_ms);
            more = true;
        }
        more = do_request(b) || do_link(b) || do_commit(b) || do_command(b) || do_firmware(b) ||
               do_answer(b) || more;
    }
}

void bench_advance(struct bench *b, int64_t ms)
{
    int64_t end_ms = b->now_ms + ms;
    bench_settle(b);
    for (;;) {
        int64_t due_ms = timers_next_ms(&b->timers);
        if (due_ms < 0 || due_ms > end_ms)
            break;
        b->now_ms = due_ms;
        bench_settle(b);
    }
    b->now_ms = end_ms;
    bench_settle(b);
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
    receive(b, json_pack("[i, s, s, o]", 2, id, action, parse(payload)));
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
    check_contains(bench_request(b, action, payload), expected, action);
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

/* ---- expectations ---- */

const json_t *bench_expect(struct bench *b, const char *action, const char *payload)
{
    bench_settle(b);
    if (json_array_size(b->calls) == 0)
        fail_msg("nothing was sent, expected %s %s", action, payload);
    json_t *first = json_incref(json_array_get(b->calls, 0));
    json_array_remove(b->calls, 0);
    json_object_set_new(b->responses, "last", first); /* keeps it for the caller */

    const char *sent = json_string_value(json_array_get(first, 0));
    if (!str_equal(sent, action)) {
        char *text = json_dumps(json_array_get(first, 1), 0);
        fail_msg("%s %s was sent, expected %s %s", sent, text, action, payload);
    }
    check_contains(json_array_get(first, 1), payload, action);
    return json_array_get(first, 1);
}

const json_t *bench_expect_later(struct bench *b, const char *action, const char *payload)
{
    bench_settle(b);
    while (json_array_size(b->calls) > 0 &&
           !str_equal(json_string_value(json_array_get(json_array_get(b->calls, 0), 0)), action))
        json_array_remove(b->calls, 0);
    return bench_expect(b, action, payload);
}

void bench_expect_nothing(struct bench *b)
{
    bench_settle(b);
    if (json_array_size(b->calls) > 0) {
        char *text = json_dumps(b->calls, 0);
        fail_msg("sent, expected nothing: %s", text);
    }
}

void bench_forget(struct bench *b)
{
    bench_settle(b);
    json_array_clear(b->calls);
    json_array_clear(b->commands);
}

size_t bench_count(struct bench *b, const char *action)
{
    size_t count = 0, i;
    json_t *one;
    bench_settle(b);
    json_array_foreach(b->calls, i, one) count +=
        str_equal(json_string_value(json_array_get(one, 0)), action);
    return count;
}

static json_t *next_command(struct bench *b)
{
    bench_settle(b);
    if (json_array_size(b->commands) == 0)
        fail_msg("no command was given");
    json_t *command = json_incref(json_array_get(b->commands, 0));
    json_array_remove(b->commands, 0);
    json_object_set_new(b->responses, "command", command);
    return command;
}

void bench_expect_command(struct bench *b, int evse, enum evse_command_kind kind)
{
    const json_t *command = next_command(b);
    int64_t given = json_integer_value(json_array_get(command, 1));
    if (given != kind)
        fail_msg("command %s was given, expected %s", evse_command_names[given], evse_command_names[kind]);
    assert_int_equal(json_integer_value(json_array_get(command, 0)), evse);
}

void bench_expect_limit(struct bench *b, int evse, double limit_A)
{
    const json_t *command = next_command(b);
    assert_int_equal(json_integer_value(json_array_get(command, 0)), evse);
    assert_int_equal(json_integer_value(json_array_get(command, 1)), EVSE_LIMIT);
    double given_A = json_number_value(json_array_get(command, 2));
    if (given_A < limit_A - 0.001 || given_A > limit_A + 0.001)
        fail_msg("limit %g A was set, expected %g A", given_A, limit_A);
}

void bench_expect_no_command(struct bench *b)
{
    bench_settle(b);
    if (json_array_size(b->commands) > 0) {
        char *text = json_dumps(b->commands, 0);
        fail_msg("commands [evse, kind, limit] given, expected none: %s", text);
    }
}

const char *bench_record(struct bench *b, const char *kind, const char *key)
{
    char name[300];
    bench_settle(b);
    snprintf(name, sizeof(name), "%s/%s", kind, key);
    return json_string_value(json_object_get(b->records, name));
}

/* ---- devices ---- */

void bench_signals(struct bench *b, int evse)
{
    station_on_signals(b->station, evse, &b->signals[evse - 1]);
    bench_settle(b);
}

void bench_state(struct bench *b, int evse, enum evse_state state)
{
    b->signals[evse - 1].state = state;
    b->signals[evse - 1].online = state != EVSE_UNKNOWN;
    bench_signals(b, evse);
}

void bench_measure(struct bench *b, int evse, enum evse_measure measure, double value)
{
    b->signals[evse - 1].measures |= 1u << measure;
    b->signals[evse - 1].value[measure] = value;
    bench_signals(b, evse);
}

void bench_silent(struct bench *b, int evse)
{
    b->signals[evse - 1].measures = 0;
    bench_state(b, evse, EVSE_UNKNOWN);
}

void bench_token(struct bench *b, int evse, const char *value, const char *type)
{
    struct id_token token;
    (void)str_copy(token.value, sizeof(token.value), value);
    (void)str_copy(token.type, sizeof(token.type), type);
    station_on_id_token(b->station, evse, &token);
    bench_settle(b);
}

/* ---- life ---- */

struct evse_abilities bench_abilities(void)
{
    struct evse_abilities abilities = {
        .measures = 1u << MEASURE_ENERGY_IMPORT | 1u << MEASURE_POWER_IMPORT |
                    1u << MEASURE_CURRENT_IMPORT_L1 | 1u << MEASURE_CURRENT_IMPORT_L2 |
                    1u << MEASURE_CURRENT_IMPORT_L3 | 1u << MEASURE_VOLTAGE_L1 | 1u << MEASURE_VOLTAGE_L2 |
                    1u << MEASURE_VOLTAGE_L3,
        .reads_id_token = true,
        .start_stop = true,
        .limit = true,
        .unlock = true,
        .phases = 3,
        .min_current_A = 6,
        .max_current_A = 32,
        .voltage_V = 230,
        .supports_pause = true,
        .connectors = 1,
    };
    (void)str_copy(abilities.connector_type, sizeof(abilities.connector_type), "sType2");
    return abilities;
}

static void make_station(struct bench *b)
{
    struct evse_abilities evses[BENCH_MAX_EVSES];
    for (size_t i = 0; i < b->options.evse_count; i++)
        evses[i] = b->options.abilities;
    struct station_settings settings = {
        .id = "CS-1",
        .vendor = "Example",
        .model = "AC22",
        .serial_number = "SN-1",
        .firmware_version = "1.0",
        .password = b->options.password,
        .csms_url = b->options.url ? b->options.url : "wss://csms.example/ocpp",
        .trusted_pem = b->options.trusted_pem,
        .certificate_pem = b->options.certificate_pem,
        .key = b->options.key,
        .security_profile = b->options.security_profile,
        .evse_count = b->options.evse_count,
        .evses = evses,
        .presets = b->options.presets,
        .preset_count = b->options.preset_count,
        .max_message = b->options.max_message,
        .firmware = b->options.firmware,
        .host_boot = b->options.host_boot,
    };
    b->station = station_new(&b->env, &settings, &ops, b);
    assert_non_null(b->station);
    for (size_t i = 0; i < b->options.evse_count; i++)
        station_on_signals(b->station, (int)i + 1, &b->signals[i]);
}

struct bench *bench_new(const struct bench_options *options)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    if (options)
        b->options = *options;
    if (b->options.evse_count == 0)
        b->options.evse_count = 1;
    if (b->options.abilities.connectors == 0)
        b->options.abilities = bench_abilities();
    if (b->options.max_message == 0)
        b->options.max_message = 65536;
    b->random_state = 0x9E3779B97F4A7C15;
    b->link_available = true;
    b->log_ends_ms = INT64_MAX;
    b->failure = LINK_UNREACHABLE;
    b->answers = json_object();
    b->calls = json_array();
    b->unanswered = json_array();
    b->responses = json_object();
    b->refuses = json_object();
    b->commands = json_array();
    b->open_commands = json_array();
    b->firmware_jobs = json_array();
    b->records = json_object();
    b->commits = json_array();
    timers_init(&b->timers);
    b->env = (struct env){
        .ctx = b, .now_ms = bench_now, .wall_ms = bench_wall, .random = bench_random, .timers = &b->timers
    };
    for (size_t i = 0; i < BENCH_MAX_EVSES; i++)
        b->signals[i] =
            (struct evse_signals){ .state = b->options.slow_devices ? EVSE_UNKNOWN : EVSE_AVAILABLE,
                                   .online = true };
    make_station(b);
    return b;
}

static void power_off(struct bench *b)
{
    station_free(b->station);
    b->station = NULL;
    b->is_up = b->connect_pending = b->disconnect_pending = false;
    b->csr_ticket = 0;
    json_array_clear(b->calls);
    json_array_clear(b->unanswered);
    json_array_clear(b->commands);
    json_array_clear(b->open_commands);
    json_array_clear(b->firmware_jobs);
    json_array_clear(b->commits);
    b->firmware_ticket = 0;
}

void bench_free(struct bench *b)
{
    if (!b)
        return;
    power_off(b);
    assert_int_equal(timers_next_ms(&b->timers), -1); /* it left no timer behind */
    json_decref(b->answers);
    json_decref(b->calls);
    json_decref(b->unanswered);
    json_decref(b->responses);
    json_decref(b->refuses);
    keep_text(&b->trusted, NULL);
    keep_text(&b->certificate, NULL);
    keep_text(&b->key, NULL);
    keep_text(&b->csr, NULL);
    keep_text(&b->csr_key, NULL);
    json_decref(b->commands);
    json_decref(b->open_commands);
    json_decref(b->firmware_jobs);
    json_decref(b->records);
    json_decref(b->commits);
    json_decref(b->log_request);
    free(b);
}

void bench_start(struct bench *b)
{
    station_start(b->station, 0);
    bench_settle(b);
}

void bench_boot(struct bench *b)
{
    bench_start(b);
    bench_forget(b);
}

static void power_on(struct bench *b)
{
    b->hold_commits = false;
    b->hold_after = 0;
    make_station(b);
    const char *name;
    json_t *value;
    json_object_foreach(b->records, name, value)
    {
        for (int kind = 0; kind < RECORD_KINDS; kind++) {
            size_t len = strlen(record_kind_names[kind]);
            if (strncmp(name, record_kind_names[kind], len) == 0 && name[len] == '/')
                station_restore(b->station, (enum record_kind)kind, name + len + 1, json_string_value(value));
        }
    }
    bench_start(b);
}

void bench_restart(struct bench *b)
{
    power_off(b);
    power_on(b);
}

void bench_stop_and_restart(struct bench *b)
{
    station_stop(b->station);
    bench_settle(b);
    power_off(b);
    power_on(b);
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

int bench_setup_new(void **state)
{
    *state = bench_new(NULL);
    return 0;
}

int bench_setup(void **state)
{
    struct bench *b = bench_new(NULL);
    bench_boot(b);
    *state = b;
    return 0;
}

int bench_teardown(void **state)
{
    bench_free(*state);
    return 0;
}
