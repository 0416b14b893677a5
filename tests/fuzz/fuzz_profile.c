/* Profiles of any content; one that is accepted drives a charger on device bytes of any content. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "charger/charger.h"

#define MAX_VALUES 64

static const char base[] =
    "profile: base\nvendor: V\nmodels: [B]\nprotocol: modbus\npoints:\n"
    "  state: { at: input 0, type: u16 }\n  enable: { at: coil 0, access: rw }\n"
    "  limit: { at: holding 1, type: u16, unit: A, scale: 0.1, access: rw, persistent: true }\n"
    "  tag: { at: holding 20, type: uid, words: 4 }\n"
    "evses:\n  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
    "    signals:\n      state: [ { charging: state == 3 and enable }, { available: otherwise } ]\n"
    "      id_token: { value: tag, type: ISO14443, acknowledge: { enable: 0 } }\n"
    "    commands:\n      start: [ { set: { enable: 1 } }, { until: state == 3, within: 5s } ]\n"
    "      stop: { set: { enable: 0 } }\n      limit: { set: { limit: limit_A } }\n";

static char *find(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "base") == 0 ? strdup(base) : NULL;
}

/* A device that answers each request later, with what the input says. */
struct world {
    struct timers timers;
    struct env env;
    int64_t now_ms;
    const uint8_t *at, *end;
    struct {
        device_done callback;
        void *ctx;
    } waiting[256];
    size_t count;
};

static uint8_t take(struct world *w)
{
    return w->at < w->end ? *w->at++ : 0;
}

static int64_t now_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static int request(struct world *w, device_done callback, void *ctx)
{
    if (w->count == sizeof(w->waiting) / sizeof(w->waiting[0]))
        return -ENOBUFS;
    w->waiting[w->count].callback = callback;
    w->waiting[w->count].ctx = ctx;
    w->count++;
    return 0;
}

static int device_write(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                        device_done callback, void *ctx)
{
    (void)point;
    (void)raw;
    if (len > POINT_MAX_RAW)
        abort();
    return request((struct world *)(void *)device, callback, ctx);
}

static int device_read(struct device *device, const struct point *point, device_done callback, void *ctx)
{
    (void)point;
    return request((struct world *)(void *)device, callback, ctx);
}

static const struct device_ops ops = { .write = device_write, .read = device_read };

static void answer_one(struct world *w)
{
    static const int errs[] = { 0, 0, 0, -ERR_DEVICE_EXCEPTION, -ERR_NO_ANSWER };
    if (w->count == 0)
        return;
    w->count--;
    device_done callback = w->waiting[w->count].callback; /* not in order, either */
    callback(w->waiting[w->count].ctx, errs[take(w) % 5]);
}

static void on_signals(void *ctx, int evse, const struct evse_signals *signals)
{
    (void)ctx;
    (void)evse;
    if (signals->state >= EVSE_STATES || (!signals->online && signals->measures))
        abort();
}

static void on_id_token(void *ctx, int evse, const struct id_token *token)
{
    (void)ctx;
    (void)evse;
    if (!*token->value || strlen(token->value) >= ID_TOKEN_SIZE)
        abort();
}

static void on_command_done(void *ctx, int evse, const struct evse_command *command, int err)
{
    (void)ctx;
    (void)evse;
    (void)command;
    (void)err;
}

static void on_variable(void *ctx, int evse, size_t index, const struct device_value *value)
{
    (void)ctx;
    (void)evse;
    (void)index;
    if (value && !isfinite(value->number))
        abort();
}

static const struct charger_events events = { .on_signals = on_signals,
                                              .on_id_token = on_id_token,
                                              .on_variable = on_variable,
                                              .on_command_done = on_command_done };

static void give_value(struct world *w, struct charger *charger, const struct profile *profile)
{
    uint8_t raw[POINT_MAX_RAW];
    if (profile->point_count == 0)
        return;
    const struct point *p = &profile->points[take(w) % profile->point_count];
    size_t len = p->raw_size ? p->raw_size : take(w) % 32;
    for (size_t i = 0; i < len; i++)
        raw[i] = take(w);
    charger_device_events.on_value(charger, p, raw, len);
}

static void one_event(struct world *w, struct charger *charger, const struct profile *profile)
{
    struct evse_command command = { 0 };
    int evse = 1 + take(w) % (int)profile->evse_count;
    switch (take(w) % 8) {
    case 0:
        charger_device_events.on_online(charger, take(w) & 1, 0);
        break;
    case 1:
        charger_device_events.on_batch(charger);
        break;
    case 2:
        command.kind = (enum evse_command_kind)(take(w) % EVSE_COMMANDS);
        command.limit_A = take(w) / 4.0;
        charger_command(charger, evse, &command);
        break;
    case 3:
        answer_one(w);
        break;
    case 4:
        w->now_ms += take(w) * 100;
        timers_run(&w->timers, w->now_ms);
        break;
    default:
        give_value(w, charger, profile);
    }
    double limit_A = charger_limit_A(charger, evse);
    if (limit_A < 0)
        abort();
}

static void drive(const struct profile *profile, const uint8_t *data, size_t size)
{
    struct world w = { .now_ms = 1, .at = data, .end = data + size };
    w.env = (struct env){ .ctx = &w, .now_ms = now_ms, .timers = &w.timers };
    timers_init(&w.timers);
    struct charger *charger = charger_new(&w.env, profile, &events, NULL);
    if (!charger)
        return;
    charger_set_device(charger, (struct device *)(void *)&w, &ops);
    charger_device_events.on_online(charger, true, 0);
    while (w.at < w.end)
        one_event(&w, charger, profile);
    while (w.count)
        answer_one(&w);
    charger_free(charger);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The profile, and after a NUL what happens to it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct profile_source source = { .find = find };
    const uint8_t *nul = memchr(data, 0, size);
    size_t len = nul ? (size_t)(nul - data) : size;
    struct problems problems;
    struct profile *profile = NULL;
    problems_init(&problems);
    int r = profile_parse("fuzz", (const char *)data, len, &source, &problems, &profile);
    if (r != 0 && r != -ENOMEM && (r != -EINVAL || problems.total == 0))
        abort();
    if (r == 0)
        drive(profile, nul ? nul + 1 : data, nul ? size - len - 1 : size);
    profile_free(profile);
    problems_done(&problems);
    return 0;
}
