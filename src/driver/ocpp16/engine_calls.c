/* Our CALLs to a charger: one at a time, commands before questions, each with its end told once. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "driver/ocpp16/internal.h"

#define MAX_CALLS       600  /* queued, waiting and not yet told: a read of each point and some commands */
#define READING_MS      5000 /* so long a reading that was asked for is waited for */
#define FRESH_MS        1000
#define MAX_TIMEOUTS    2 /* in a row: then the link is no good */
#define CLOSE_TRY_AGAIN 1013

/* ---- the lists ---- */

static struct call *call_new(struct device *device, const struct call *what)
{
    struct call *call = device->call_count < MAX_CALLS ? calloc(1, sizeof(*call)) : NULL;
    if (!call)
        return NULL;
    *call = *what;
    call->device = device;
    list_init(&call->link);
    device->call_count++;
    return call;
}

static void call_free(struct call *call)
{
    list_remove(&call->link);
    call->device->call_count--;
    json_decref(call->payload);
    json_decref(call->second);
    free(call);
}

/* It is over: the caller hears of it with the next news. */
static void end(struct call *call, int err)
{
    struct device *device = call->device;
    list_remove(&call->link);
    if (!call->callback) {
        call_free(call);
        return;
    }
    call->err = err;
    list_append(&device->done, &call->link);
    device_tell(device);
}

int calls_end_at_once(struct device *device, const struct call *what, int err)
{
    struct call *call = call_new(device, what);
    if (!call)
        return -ENOMEM;
    end(call, err);
    return 0;
}

void calls_tell(struct device *device)
{
    struct list told;
    list_init(&told);
    LIST_FOREACH(link, next, &device->done)
    {
        list_remove(link);
        list_append(&told, link);
    }
    while (!list_is_empty(&told)) { /* what ends meanwhile is told another time */
        struct call *call = LIST_ITEM(told.next, struct call, link);
        device_done callback = call->callback;
        void *ctx = call->ctx;
        int err = call->err;
        call_free(call);
        callback(ctx, err);
    }
}

static void each(struct list *list, int err, bool frees)
{
    LIST_FOREACH(link, next, list)
    {
        struct call *call = LIST_ITEM(link, struct call, link);
        if (frees)
            call_free(call);
        else
            end(call, err);
    }
}

void calls_fail_all(struct device *device, int err)
{
    each(&device->calls, err, false);
    each(&device->reads, err, false);
    if (device->open)
        end(STEAL(device->open), err);
    for (int i = 0; i < device->connector_count; i++)
        device->connectors[i].triggered = false;
}

void calls_free_all(struct device *device)
{
    each(&device->calls, 0, true);
    each(&device->reads, 0, true);
    each(&device->done, 0, true);
    if (device->open)
        call_free(STEAL(device->open));
}

/* ---- answers ---- */

/* GetConfiguration of one key. */
static int take_configuration(struct device *device, const struct point *point, const json_t *payload)
{
    const json_t *entry = json_array_get(json_object_get(payload, "configurationKey"), 0);
    struct datum *datum = &device->data[point->index];
    const char *value = json_get_string(entry, "value", NULL);
    free(datum->text);
    datum->text = value && strlen(value) <= POINT_MAX_RAW ? strdup(value) : NULL;
    datum->is_known = datum->text != NULL;
    if (!datum->text)
        device->events.on_no_value(device->ctx, point, -ERR_DEVICE_EXCEPTION);
    return datum->text ? 0 : -ERR_DEVICE_EXCEPTION;
}

static int judge(struct call *call, const struct rpc_answer *answer)
{
    static const char *const good[] = { "Accepted", "Scheduled", "RebootRequired", "Unlocked", NULL };
    switch (answer->outcome) {
    case RPC_TIMED_OUT:
        return -ERR_NO_ANSWER;
    case RPC_DISCONNECTED:
        return -ERR_LINK_DOWN;
    case RPC_CALL_ERROR:
        return -ERR_DEVICE_EXCEPTION;
    case RPC_RESULT:
        break;
    }
    if (str_equal(call->action, "GetConfiguration"))
        return take_configuration(call->device, call->point, answer->payload);
    const char *status = json_get_string(answer->payload, "status", "");
    for (size_t i = 0; good[i]; i++)
        if (str_equal(good[i], status))
            return 0;
    log_debug(LOG_OCPP16, "charger refuses: charger=%s action=%s status=%s", call->device->identity,
              call->action, status);
    return -ERR_DEVICE_EXCEPTION;
}

static void count(struct device *device, int err)
{
    if (err == -ERR_NO_ANSWER) {
        device->health.timeouts++;
        device->timeouts++;
        return;
    }
    device->timeouts = 0;
    if (err == -ERR_LINK_DOWN)
        return;
    device->health.answers++;
    device->health.exceptions += err < 0;
}

static void on_answer(void *ctx, const struct rpc_answer *answer)
{
    struct device *device = ctx;
    struct call *call = STEAL(device->open);
    if (!call)
        return;
    int err = judge(call, answer);
    count(device, err);
    if (err == 0 && call->second) { /* the other half of it */
        json_decref(call->payload);
        call->payload = STEAL(call->second);
        list_prepend(&device->calls, &call->link);
        return; /* on_idle sends it */
    }
    if (call->connector >= 0 && err < 0 && !device->connectors[call->connector].session.runs)
        calls_on_reading(/* none will come; at the end of a session one still does */
                         &device->connectors[call->connector], err);
    if (call->is_reset && err == 0) { /* what it says until it is back does not count */
        device_go_offline(device, -ERR_LINK_DOWN);
        env_timer_start(device->env, &device->reset, 60000);
    }
    end(call, err);
    if (device->timeouts >= MAX_TIMEOUTS) {
        device->timeouts = 0;
        log_warn(LOG_OCPP16, "charger does not answer, its connection is closed: charger=%s",
                 device->identity);
        device_go_offline(device, -ERR_NO_ANSWER);
        device->link->close(device->link_ctx, CLOSE_TRY_AGAIN);
    }
}

/* ---- sending ---- */

void calls_send_next(struct device *device)
{
    while (!device->open && device->connected && rpc_is_idle(device->rpc) && !list_is_empty(&device->calls)) {
        struct call *call = LIST_ITEM(device->calls.next, struct call, link);
        list_remove(&call->link);
        device->open = call;
        int r = rpc_call(device->rpc, call->action, json_incref(call->payload), device->options.timeout_ms,
                         on_answer, device);
        if (r == 0) {
            device->health.requests++;
            return;
        }
        device->open = NULL;
        end(call, r == -ENOTCONN ? -ERR_LINK_DOWN : r == -EINVAL ? -ERR_DEVICE_EXCEPTION : r);
    }
}

int calls_add(struct device *device, const char *action, json_t *payload, json_t *second,
              const struct call *what)
{
    AUTO(json_t) *owned = payload, *owned_second = second;
    struct call *call = owned ? call_new(device, what) : NULL;
    if (!call)
        return -ENOMEM;
    call->action = action;
    call->payload = STEAL(owned);
    call->second = STEAL(owned_second);
    bool is_question = !call->callback || str_equal(action, "GetConfiguration");
    struct list *at = device->calls.next; /* before it */
    while (at != &device->calls && (is_question || LIST_ITEM(at, struct call, link)->callback))
        at = at->next;
    list_append(at, &call->link);
    calls_send_next(device);
    return 0;
}

void calls_trigger(struct device *device, const char *message, int connector)
{
    json_t *payload = json_pack("{s:s}", "requestedMessage", message);
    struct call what = { .connector = -1 };
    if (connector > 0)
        (void)json_set_optional(payload, "connectorId", json_integer(connector));
    if (str_equal(message, "MeterValues") && connector >= 0)
        what.connector = connector;
    if (str_equal(message, "BootNotification"))
        device->boot_asked = true;
    (void)calls_add(device, "TriggerMessage", payload, NULL, &what);
}

/* ---- readings ---- */

int calls_await_reading(struct device *device, struct connector *connector, const struct call *what)
{
    if (connector->metered_ms && now_ms_of(device) - connector->metered_ms < FRESH_MS)
        return calls_end_at_once(device, what, 0);
    struct call *call = call_new(device, what);
    if (!call)
        return -ENOMEM;
    list_append(&device->reads, &call->link);
    if (!connector->triggered) {
        connector->triggered = true;
        calls_trigger(device, "MeterValues", connector->number);
        env_timer_start(device->env, &connector->read_timer, READING_MS);
    }
    return 0;
}

void calls_on_reading(struct connector *connector, int err)
{
    struct device *device = connector->device;
    if (err == 0)
        connector->metered_ms = now_ms_of(device);
    connector->triggered = false;
    timer_stop(&connector->read_timer);
    LIST_FOREACH(link, next, &device->reads)
    {
        struct call *call = LIST_ITEM(link, struct call, link);
        if (call->point->at.ocpp16.connector == connector->number)
            end(call, err);
    }
    device_tell(device);
}
