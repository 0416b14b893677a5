/* A charger without a station (trial.h). */
#include "gateway/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/device_json.h"
#include "gateway/device_link.h"
#include "gateway/profile_json.h"
#include "gateway/trial_config.h"

struct trial {
    struct list link;
    struct trials *trials;
    uint32_t id;
    struct config *config; /* of its own */
    const struct charger_config *device;
    struct charger *charger;
    struct device_link way;
    struct device_ops read_only;
    struct raw_value *raws;
    struct timer timer; /* nobody looks any more */
    bool is_told, is_online;
    int err; /* why the device is silent */
};

struct trials {
    struct gateway *gateway;
    struct list list;
    size_t count;
    uint32_t last_id;
};

/* ---- nothing is written ---- */

/* A refusal is for good, so the charger layer does not try again, and goes on with what only needs reading. */
static int refuse_write(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                        device_done callback, void *ctx) /* Foreign signature: device_ops */
{
    (void)device;
    (void)point;
    (void)raw;
    (void)len;
    (void)callback;
    (void)ctx;
    return -ERR_REFUSED;
}

/* ---- what the charger tells: it is asked when somebody looks ---- */

static void on_signals(void *ctx, int evse, const struct evse_signals *signals)
{
    (void)ctx;
    (void)evse;
    (void)signals;
}

static void on_id_token(void *ctx, int evse, const struct id_token *token)
{
    (void)ctx;
    (void)evse;
    (void)token;
}

static void on_variable(void *ctx, int evse, size_t index, const struct device_value *value)
{
    (void)ctx;
    (void)evse;
    (void)index;
    (void)value;
}

static void on_command_done(void *ctx, int evse, const struct evse_command *command, int err)
{
    (void)ctx;
    (void)evse;
    (void)command;
    (void)err;
}

static const struct charger_events charger_events = {
    .on_signals = on_signals,
    .on_id_token = on_id_token,
    .on_variable = on_variable,
    .on_command_done = on_command_done,
};

/* ---- what the device tells ---- */

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct trial *t = ctx;
    (void)raw_values_keep(&t->raws, t->device->profile, point, raw, len);
    charger_device_events.on_value(t->charger, point, raw, len);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    charger_device_events.on_no_value(((struct trial *)ctx)->charger, point, err);
}

static void on_batch(void *ctx)
{
    charger_device_events.on_batch(((struct trial *)ctx)->charger);
}

static void on_online(void *ctx, bool online, int err)
{
    struct trial *t = ctx;
    t->is_told = true;
    t->is_online = online;
    t->err = err;
    charger_device_events.on_online(t->charger, online, err);
}

/* ---- life ---- */

static void trial_free(struct trial *t)
{
    if (!t)
        return;
    timer_stop(&t->timer);
    device_link_close(&t->way);
    charger_free(t->charger);
    config_free(t->config);
    free(t->raws);
    list_remove(&t->link);
    t->trials->count--;
    free(t);
}
DEFINE_AUTO(trial, trial_free)

static void end(struct trial *t, const char *why)
{
    log_info(LOG_GATEWAY, "trial of a charger ends: id=%" PRIu32 " reason=%s", t->id, why);
    trial_free(t);
}

static void on_idle(struct timer *timer, void *ctx)
{
    (void)timer;
    end(ctx, "nobody looks");
}

static void begin_idle(struct trial *t)
{
    env_timer_start(&t->trials->gateway->loop.env, &t->timer, TRIAL_IDLE_MS);
}

static struct trial *trial_new(struct trials *trials)
{
    struct trial *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->trials = trials;
    t->id = ++trials->last_id;
    timer_init(&t->timer, trials->gateway->loop.env.timers, on_idle, t);
    list_append(&trials->list, &t->link);
    trials->count++;
    return t;
}

static int open_device(struct trial *t)
{
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, NULL };
    struct gateway *gateway = t->trials->gateway;
    t->device = &t->config->stations[0].chargers[0];
    t->charger = charger_new(&gateway->loop.env, t->device->profile, &charger_events, t);
    if (!t->charger)
        return -ENOMEM;
    int r = device_link_open(gateway, t->config, t->device, &events, t, &t->way);
    if (r < 0)
        return r;
    t->read_only = *t->way.ops;
    t->read_only.write = refuse_write;
    charger_set_device(t->charger, t->way.device, &t->read_only);
    return 0;
}

int trials_start(struct trials *trials, const json_t *entry, uint32_t *ret_id, struct problems *problems)
{
    if (trials->count >= TRIALS_MAX) {
        problems_add(problems, "charger", 0, NULL, "%d chargers are on trial already; end one of them first",
                     TRIALS_MAX);
        return -EBUSY;
    }
    AUTO(trial) *t = trial_new(trials);
    int r = t ? trial_config_read(trials->gateway->config, entry, problems, &t->config) : -ENOMEM;
    if (r == -EINVAL)
        return r;
    if (r == 0)
        r = open_device(t);
    if (r < 0) {
        problems_add(problems, "charger", 0, NULL, "cannot be opened: %s", err_text(r));
        return r;
    }
    begin_idle(t);
    log_info(LOG_GATEWAY, "trial of a charger begins: id=%" PRIu32 " profile=%s", t->id,
             t->device->profile->name);
    *ret_id = t->id;
    (void)STEAL(t);
    return 0;
}

static struct trial *find(const struct trials *trials, uint32_t id)
{
    LIST_FOREACH(link, following, (struct list *)(uintptr_t)&trials->list)
    {
        struct trial *t = LIST_ITEM(link, struct trial, link);
        if (t->id == id)
            return t;
    }
    return NULL;
}

int trials_end(struct trials *trials, uint32_t id)
{
    struct trial *t = find(trials, id);
    if (!t)
        return -ENOENT;
    end(t, "ended by a person");
    return 0;
}

void trials_end_all(struct trials *trials)
{
    while (!list_is_empty(&trials->list))
        end(LIST_ITEM(trials->list.next, struct trial, link), "reload");
}

struct trials *trials_new(struct gateway *gateway)
{
    struct trials *trials = calloc(1, sizeof(*trials));
    if (!trials)
        return NULL;
    trials->gateway = gateway;
    list_init(&trials->list);
    return trials;
}

void trials_free(struct trials *trials)
{
    if (!trials)
        return;
    while (!list_is_empty(&trials->list))
        trial_free(LIST_ITEM(trials->list.next, struct trial, link));
    free(trials);
}

/* ---- for who looks ---- */

/* It answers, but the charger layer leaves it alone until it says that it is the right one. */
static void print_stranger(const struct trial *t, char *ret, size_t size)
{
    const struct identify *id = &t->device->profile->identify;
    const struct point_value *value = id->point ? charger_value(t->charger, id->point) : NULL;
    if (!value || value->quality == QUALITY_NONE)
        return; /* it is being asked */
    char expected[80], found[80];
    if (id->is_text)
        (void)snprintf(expected, sizeof(expected), "\"%s\"", id->text);
    else
        (void)snprintf(expected, sizeof(expected), "%.10g", id->number);
    if (value->quality != QUALITY_GOOD)
        (void)snprintf(found, sizeof(found), "nothing");
    else if (id->is_text)
        (void)snprintf(found, sizeof(found), "\"%.70s\"", value->text);
    else
        (void)snprintf(found, sizeof(found), "%.10g", value->number);
    (void)snprintf(ret, size, "the device answers, but it is not of this profile: %s says %s, expected %s",
                   id->point->name, found, expected);
}

static void print_error(const struct trial *t, char *ret, size_t size)
{
    int err = 0;
    bool is_modbus = t->device->profile->protocol == PROTOCOL_MODBUS;
    enum modbus_link link =
        is_modbus ? modbus_bus_link(resource_as_bus(t->way.resource), &err) : MODBUS_LINK_OPEN;
    if (t->is_online)
        print_stranger(t, ret, size);
    else if (link != MODBUS_LINK_OPEN && err < 0)
        (void)snprintf(ret, size, "the connection or line cannot be opened: %s", err_text(err));
    else if (t->is_told)
        (void)snprintf(ret, size, "the device does not answer: %s", err_text(t->err));
}

static void add_item(void *ctx, json_t *event)
{
    (void)json_array_append_new(ctx, event);
}

json_t *trials_get(struct trials *trials, uint32_t id)
{
    struct trial *t = find(trials, id);
    char error[300] = "";
    if (!t)
        return NULL;
    begin_idle(t);
    const struct device_view view = { NULL, 1, t->device->profile, t->charger, t->raws };
    bool online = charger_signals(t->charger, 1)->online;
    json_t *items = json_array();
    device_json_tell(&view, add_item, items);
    json_t *json = json_pack("{s:I, s:b, s:o, s:o}", "id", (json_int_t)t->id, "online", online, "items",
                             items, "offers", profile_json(t->device->profile));
    if (!online)
        print_error(t, error, sizeof(error));
    (void)json_set_text(json, "error", error);
    return json;
}
