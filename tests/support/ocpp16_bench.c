#include "support/ocpp16_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "charger/value.h"

static int64_t now_ms(void *ctx)
{
    return ((struct ocpp16_bench *)ctx)->now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return ((struct ocpp16_bench *)ctx)->wall_ms;
}

static void random_bytes(void *ctx, void *ret, size_t len)
{
    struct ocpp16_bench *b = ctx;
    uint8_t *at = ret;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)((b->next_random = b->next_random * 1103515245 + 12345) >> 16);
}

static void to_json(const char *text, char *ret, size_t size)
{
    size_t i = 0;
    for (; text[i] && i + 1 < size; i++)
        ret[i] = text[i] == '\'' ? '"' : text[i];
    ret[i] = '\0';
}

/* ---- the link ---- */

static void pause(const struct ocpp16_bench *b, bool paused)
{
    if (b->pause)
        b->pause(paused);
}

static int link_send(void *ctx, const char *text, size_t len)
{
    struct ocpp16_bench *b = ctx;
    pause(b, true);
    AUTO(json_t) *frame = json_from_text(text, len);
    assert_true(json_is_array(frame)); /* whatever comes in, what goes out is a frame */
    if (b->sent_count == BENCH_MAX_SENT)
        peer_forget(b);
    b->sent[b->sent_count++] = strndup(text, len);
    pause(b, false);
    return 0;
}

static void link_close(void *ctx, int code)
{
    struct ocpp16_bench *b = ctx;
    b->closed = code;
}

static const struct ocpp16_link peer_link = { link_send, link_close };

/* ---- news ---- */

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct ocpp16_bench *b = ctx;
    struct value value;
    assert_int_equal(value_decode(point, 0, raw, len, &value), 0);
    if (point_is_text(point))
        (void)snprintf(b->values[point->index], sizeof(b->values[0]), "'%.70s'", value.text);
    else
        (void)snprintf(b->values[point->index], sizeof(b->values[0]), "%.10g", value.number);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    struct ocpp16_bench *b = ctx;
    assert_true(err < 0);
    b->values[point->index][0] = '\0';
}

static void on_batch(void *ctx)
{
    ((struct ocpp16_bench *)ctx)->batches++;
}

static void on_online(void *ctx, bool online, int err)
{
    struct ocpp16_bench *b = ctx;
    assert_true(online == (err == 0));
    b->online = online;
    b->onlines += online;
}

static void on_keep(void *ctx, const char *key, const char *value)
{
    struct ocpp16_bench *b = ctx;
    size_t i = 0;
    while (i < b->kept_count && !str_equal(b->kept[i][0], key))
        i++;
    assert_true(i < 8);
    b->kept_count = i == b->kept_count ? i + 1 : b->kept_count;
    (void)snprintf(b->kept[i][0], sizeof(b->kept[i][0]), "%s", key);
    (void)snprintf(b->kept[i][1], sizeof(b->kept[i][1]), "%s", value ? value : "");
}

static void on_done(void *ctx, int err)
{
    struct ocpp16_bench *b = ctx;
    b->done_err = err;
    b->dones++;
}

/* ---- life ---- */

static void make(struct ocpp16_bench *b)
{
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, on_keep };
    b->device = ocpp16_engine_new(&b->env, "CP1", b->profile, &b->profile->ocpp16, &events, b);
    assert_non_null(b->device);
    b->online = -1;
    memset(b->values, 0, sizeof(b->values));
}

struct ocpp16_bench *ocpp16_bench_new(const char *profile)
{
    struct ocpp16_bench *b = calloc(1, sizeof(*b));
    struct problems problems;
    assert_non_null(b);
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level(area, LOG_ERROR);
    timers_init(&b->timers);
    b->env = (struct env){
        .ctx = b, .now_ms = now_ms, .wall_ms = wall_ms, .random = random_bytes, .timers = &b->timers
    };
    b->now_ms = 1000;
    b->wall_ms = 1790000000000; /* 2026-09-21T14:13:20Z */
    problems_init(&problems);
    assert_int_equal(profile_parse("ocpp16.yaml", profile, strlen(profile), NULL, &problems, &b->profile), 0);
    problems_done(&problems);
    assert_true(b->profile->point_count <= 64);
    make(b);
    return b;
}

void ocpp16_bench_free(struct ocpp16_bench *b)
{
    peer_forget(b);
    ocpp16_device_ops.free(b->device);
    profile_free(b->profile);
    assert_int_equal(timers_next_ms(&b->timers), -1);
    free(b);
}

void peer_restart(struct ocpp16_bench *b)
{
    ocpp16_device_ops.free(b->device);
    make(b);
    for (size_t i = 0; i < b->kept_count; i++)
        if (b->kept[i][1][0])
            ocpp16_device_ops.restore(b->device, b->kept[i][0], b->kept[i][1]);
}

void peer_pass(struct ocpp16_bench *b, int64_t ms)
{
    int64_t until_ms = b->now_ms + ms;
    for (int64_t next_ms; (next_ms = timers_next_ms(&b->timers)) >= 0 && next_ms <= until_ms;) {
        int64_t step_ms = next_ms > b->now_ms ? next_ms - b->now_ms : 0;
        b->now_ms += step_ms;
        b->wall_ms += step_ms;
        timers_run(&b->timers, b->now_ms);
    }
    b->wall_ms += until_ms - b->now_ms;
    b->now_ms = until_ms;
}

void peer_open(struct ocpp16_bench *b)
{
    ocpp16_on_open(b->device, &peer_link, b);
    peer_pass(b, 0);
}

void peer_close(struct ocpp16_bench *b)
{
    ocpp16_on_closed(b->device);
    peer_pass(b, 0);
}

void peer_receive(struct ocpp16_bench *b, const char *text)
{
    char frame[8000];
    to_json(text, frame, sizeof(frame));
    ocpp16_on_message(b->device, frame, strlen(frame));
    peer_pass(b, 0);
}

void peer_call(struct ocpp16_bench *b, const char *action, const char *payload)
{
    char frame[8000];
    peer_forget(b);
    (void)snprintf(frame, sizeof(frame), "[2,'c%d','%s',%s]", b->ids++, action, payload);
    peer_receive(b, frame);
}

void peer_answer(struct ocpp16_bench *b, const char *payload)
{
    char frame[8000];
    for (size_t i = b->sent_count; i-- > 0;) {
        pause(b, true);
        AUTO(json_t) *sent = json_from_text(b->sent[i], strlen(b->sent[i]));
        pause(b, false);
        if (json_integer_value(json_array_get(sent, 0)) != 2)
            continue;
        (void)snprintf(frame, sizeof(frame), "[3,'%s',%s]", json_string_value(json_array_get(sent, 1)),
                       payload);
        peer_forget(b);
        peer_receive(b, frame);
        return;
    }
    fail_msg("no CALL is open");
}

bool peer_has_sent(const struct ocpp16_bench *b, const char *text)
{
    char json[2000];
    to_json(text, json, sizeof(json));
    for (size_t i = 0; i < b->sent_count; i++)
        if (strstr(b->sent[i], json))
            return true;
    return false;
}

void peer_forget(struct ocpp16_bench *b)
{
    while (b->sent_count)
        free(b->sent[--b->sent_count]);
}

static const struct point *find(const struct ocpp16_bench *b, const char *name)
{
    const struct point *point = profile_point(b->profile, name);
    assert_non_null(point);
    return point;
}

const char *peer_value(const struct ocpp16_bench *b, const char *point)
{
    return b->values[find(b, point)->index];
}

void peer_write(struct ocpp16_bench *b, const char *point, double number)
{
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    int dones = b->dones;
    assert_int_equal(value_encode_number(find(b, point), 0, number, ROUND_NEAREST, raw, &len), 0);
    assert_int_equal(ocpp16_device_ops.write(b->device, find(b, point), raw, len, on_done, b), 0);
    assert_int_equal(b->dones, dones); /* never from inside */
    peer_pass(b, 0);
}

void peer_write_text(struct ocpp16_bench *b, const char *point, const char *text)
{
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    assert_int_equal(value_encode_text(find(b, point), text, raw, &len), 0);
    assert_int_equal(ocpp16_device_ops.write(b->device, find(b, point), raw, len, on_done, b), 0);
    peer_pass(b, 0);
}

void peer_read(struct ocpp16_bench *b, const char *point)
{
    assert_int_equal(ocpp16_device_ops.read(b->device, find(b, point), on_done, b), 0);
    peer_pass(b, 0);
}
