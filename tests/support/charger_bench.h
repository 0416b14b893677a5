/* A charger in virtual time against a device that answers when the test says so, and a station that writes
 * down what it hears. */
#ifndef TESTS_SUPPORT_CHARGER_BENCH_H
#define TESTS_SUPPORT_CHARGER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "charger/charger_internal.h"
#include "charger/value.h"

#define MAX_REQUESTS 64

struct request {
    const struct point *point;
    bool is_write;
    device_done callback;
    void *ctx;
};

struct bench {
    struct timers timers;
    struct env env;
    int64_t now_ms;
    struct profile *profile;
    struct charger *charger;
    struct buf said;                       /* what happened, a line each, since the last look */
    struct request requests[MAX_REQUESTS]; /* with the device, oldest first */
    size_t request_count;
    bool is_full; /* the device takes no requests */
    struct evse_signals signals;
};

/* ---- the device ---- */

static inline int device_write(struct device *device, const struct point *point, const uint8_t *raw,
                               size_t len, device_done callback, void *ctx)
{
    struct bench *b = (struct bench *)(void *)device;
    char hex[2 * POINT_MAX_RAW + 1] = "";
    if (b->is_full)
        return -ENOBUFS;
    hex_encode(raw, len, hex, sizeof(hex));
    buf_printf(&b->said, "write %s %s\n", point->name, hex);
    assert_true(b->request_count < MAX_REQUESTS);
    b->requests[b->request_count++] = (struct request){ point, true, callback, ctx };
    return 0;
}

static inline int device_read(struct device *device, const struct point *point, device_done callback,
                              void *ctx)
{
    struct bench *b = (struct bench *)(void *)device;
    if (b->is_full)
        return -ENOBUFS;
    assert_true(b->request_count < MAX_REQUESTS);
    b->requests[b->request_count++] = (struct request){ point, false, callback, ctx };
    return 0;
}

static const struct device_ops ops = { .write = device_write, .read = device_read };

/* The device has this value now. */
static inline void set(struct bench *b, const char *name, double number)
{
    const struct point *p = profile_point(b->profile, name);
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    assert_non_null(p);
    assert_int_equal(value_encode_number(p, 0, number, ROUND_NEAREST, raw, &len), 0);
    charger_device_events.on_value(b->charger, p, raw, len);
}

static inline void set_text(struct bench *b, const char *name, const char *text)
{
    const struct point *p = profile_point(b->profile, name);
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    assert_non_null(p);
    assert_int_equal(value_encode_text(p, text, raw, &len), 0);
    charger_device_events.on_value(b->charger, p, raw, len);
}

static inline bool is_meter(const struct point *point)
{
    return strcmp(point->unit, "Wh") == 0 || strcmp(point->unit, "W") == 0;
}

/* Answers the reads of the energy register, whatever else waits. */
static inline void answer_meter(struct bench *b)
{
    for (size_t i = 0; i < b->request_count;) {
        struct request r = b->requests[i];
        if (r.is_write || !is_meter(r.point)) {
            i++;
            continue;
        }
        memmove(b->requests + i, b->requests + i + 1, (--b->request_count - i) * sizeof(r));
        r.callback(r.ctx, 0);
    }
}

/* A batch of values ends; a change of state waits for the meter. */
static inline void batch_without_meter(struct bench *b)
{
    charger_device_events.on_batch(b->charger);
}

static inline void batch(struct bench *b)
{
    batch_without_meter(b);
    answer_meter(b);
}

/* The device answers the oldest request. */
static inline void answer_one(struct bench *b, int err)
{
    assert_true(b->request_count > 0);
    struct request r = b->requests[0];
    memmove(b->requests, b->requests + 1, --b->request_count * sizeof(r));
    r.callback(r.ctx, err);
}

static inline void answer_all(struct bench *b)
{
    while (b->request_count)
        answer_one(b, 0);
}

/* It comes online without a word of who it is. */
static inline void online_as_stranger(struct bench *b)
{
    charger_device_events.on_online(b->charger, true, 0);
}

static inline void online(struct bench *b, bool is)
{
    const struct identify *id = &b->profile->identify;
    charger_device_events.on_online(b->charger, is, is ? 0 : -ERR_NO_ANSWER);
    if (!is || !id->point)
        return;
    assert_ptr_equal(b->requests[b->request_count - 1].point, id->point);
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    assert_int_equal(id->is_text ? value_encode_text(id->point, id->text, raw, &len)
                                 : value_encode_number(id->point, 0, id->number, ROUND_NEAREST, raw, &len),
                     0);
    charger_device_events.on_value(b->charger, id->point, raw, len);
    struct request r = b->requests[--b->request_count];
    r.callback(r.ctx, 0);
}

/* ---- the station ---- */

static inline void on_signals(void *ctx, int evse, const struct evse_signals *signals)
{
    struct bench *b = ctx;
    const struct evse_signals *before = &b->signals;
    bool same = before->state == signals->state && before->online == signals->online &&
                before->locked == signals->locked && before->lock_failed == signals->lock_failed &&
                str_equal(before->fault, signals->fault);
    b->signals = *signals;
    if (same)
        return; /* measures only */
    buf_printf(&b->said, "%d is %s%s%s%s%s%s\n", evse, evse_state_names[signals->state],
               signals->online ? "" : " offline", signals->locked ? " locked" : "",
               signals->lock_failed ? " lock failed" : "", *signals->fault ? " fault " : "", signals->fault);
}

static inline void on_id_token(void *ctx, int evse, const struct id_token *token)
{
    struct bench *b = ctx;
    buf_printf(&b->said, "%d token %s %s\n", evse, token->value, token->type);
}

static inline void on_command_done(void *ctx, int evse, const struct evse_command *command, int err)
{
    struct bench *b = ctx;
    buf_printf(&b->said, "%d %s %u: %s\n", evse, evse_command_names[command->kind], command->ticket,
               err ? err_text(err) : "done");
}

static const struct charger_events events = { .on_signals = on_signals,
                                              .on_id_token = on_id_token,
                                              .on_command_done = on_command_done };

static inline void command(struct bench *b, enum evse_command_kind kind, double limit_A, uint32_t ticket)
{
    charger_command(b->charger, 1,
                    &(struct evse_command){ .kind = kind, .limit_A = limit_A, .ticket = ticket });
}

/* ---- the bench ---- */

static inline int64_t now_ms(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static inline void pass(struct bench *b, int64_t ms)
{
    int64_t end = b->now_ms + ms, next = 0;
    while ((next = timers_next_ms(&b->timers)) >= 0 && next <= end) {
        b->now_ms = next > b->now_ms ? next : b->now_ms;
        timers_run(&b->timers, b->now_ms);
    }
    b->now_ms = end;
}

static inline void expect(struct bench *b, const char *said)
{
    assert_string_equal(buf_string(&b->said), said);
    buf_clear(&b->said);
}

static inline void forget(struct bench *b)
{
    buf_clear(&b->said);
}

static inline char *read_profile(const char *name)
{
    char path[512], chunk[4096];
    struct buf text;
    size_t n = 0;
    (void)snprintf(path, sizeof(path), SOURCE_DIR "/profiles/%s.yaml", name);
    FILE *f = fopen(path, "rbe");
    assert_non_null(f);
    buf_init(&text, 1 << 20);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_append(&text, chunk, n);
    (void)fclose(f);
    return buf_steal(&text);
}

static inline void use(struct bench *b, const char *text)
{
    struct problems problems;
    problems_init(&problems);
    int r = profile_parse("test", text, strlen(text), NULL, &problems, &b->profile);
    for (size_t i = 0; i < problems.count; i++)
        print_message("%s\n", problems.list[i].text);
    problems_done(&problems);
    assert_int_equal(r, 0);
    b->charger = charger_new(&b->env, b->profile, &events, b);
    assert_non_null(b->charger);
    charger_set_device(b->charger, (struct device *)(void *)b, &ops);
}

static inline int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    b->now_ms = 1000;
    b->env = (struct env){ .ctx = b, .now_ms = now_ms, .timers = &b->timers };
    timers_init(&b->timers);
    buf_init(&b->said, 1 << 16);
    *state = b;
    return 0;
}

static inline int clean_up(void **state)
{
    struct bench *b = *state;
    charger_free(b->charger);
    profile_free(b->profile);
    buf_done(&b->said);
    free(b);
    return 0;
}

/* The AC22 online and idle, its setup done and its keepalive on the way. */
static inline void ac22(struct bench *b)
{
    AUTO_FREE char *text = read_profile("demo-modbus-ac22");
    use(b, text);
    online(b, true);
    answer_all(b);
    set(b, "cp_state", 1);
    set(b, "flags", 0);
    set(b, "fault_code", 0);
    set(b, "power", 0);
    set(b, "energy", 1000);
    set(b, "enable", 0);
    set(b, "max_current", 32);
    set_text(b, "tag", "");
    batch(b);
    pass(b, 0);
    answer_all(b);
    forget(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

#endif
