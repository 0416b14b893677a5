/* What is asked besides the devices of a bus: by a scanner, or by someone who looks at a register.
 *
 *   modbus_bus_ask() -> asks -> (its turn) asked -> answer, time-out or loss of the link -> callback
 *        '-> failed_asks, where the link cannot be had -> callback, by a timer
 *
 * Nothing that may have been answered is repeated here: who asks knows what it is worth. */
#include "driver/modbus/internal.h"

#include "base/err.h"

static void end(struct ask *ask, int err, const struct modbus_response *response)
{
    ask->callback(ask->ctx, err, response);
    free(ask);
}

static void on_failed_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct modbus_bus *bus = ctx;
    if (list_is_empty(&bus->failed_asks))
        return;
    struct ask *ask = LIST_ITEM(bus->failed_asks.next, struct ask, link);
    list_remove(&ask->link);
    bus->ask_count--;
    if (!list_is_empty(&bus->failed_asks))
        env_timer_start(&bus->loop->env, &bus->failed_timer, 0);
    end(ask, ask->err, NULL);
}

void asks_init(struct modbus_bus *bus)
{
    list_init(&bus->asks);
    list_init(&bus->failed_asks);
    timer_init(&bus->failed_timer, bus->loop->env.timers, on_failed_timer, bus);
}

static void drop(struct modbus_bus *bus, struct list *queue, const void *ctx, bool all)
{
    LIST_FOREACH(link, following, queue)
    {
        struct ask *ask = LIST_ITEM(link, struct ask, link);
        if (!all && ask->ctx != ctx)
            continue;
        list_remove(link);
        bus->ask_count--;
        free(ask);
    }
}

void asks_done(struct modbus_bus *bus)
{
    timer_stop(&bus->failed_timer);
    drop(bus, &bus->asks, NULL, true);
    drop(bus, &bus->failed_asks, NULL, true);
    free(bus->asked);
}

/* ---- rest after an answer that did not come ---- */

static void leave_alone(struct modbus_bus *bus, uint8_t unit, int64_t until_ms)
{
    if (bus->settings.framing == MODBUS_TCP)
        return;
    struct rest *oldest = &bus->rests[0];
    for (size_t i = 0; i < ARRAY_SIZE(bus->rests); i++)
        oldest = bus->rests[i].until_ms < oldest->until_ms ? &bus->rests[i] : oldest;
    *oldest = (struct rest){ unit, until_ms };
}

int64_t asks_rest_ms(const struct modbus_bus *bus, const struct device *device)
{
    int64_t until_ms = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bus->rests); i++) {
        if (bus->rests[i].until_ms > until_ms && device_has_unit(device, bus->rests[i].unit))
            until_ms = bus->rests[i].until_ms;
    }
    return until_ms;
}

static int64_t askable_ms(const struct modbus_bus *bus, uint8_t unit)
{
    int64_t until_ms = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bus->rests); i++) {
        if (bus->rests[i].unit == unit && bus->rests[i].until_ms > until_ms)
            until_ms = bus->rests[i].until_ms;
    }
    LIST_FOREACH(link, following, &bus->devices)
    {
        const struct device *device = LIST_ITEM(link, struct device, link);
        if (!device_has_unit(device, unit))
            continue;
        until_ms = later(until_ms, device->late_until_ms);
        if (device->presence != PRESENCE_SILENT) /* its pause; who is silent may be asked at any time */
            until_ms = later(until_ms, device->not_before_ms);
    }
    return until_ms;
}

/* ---- turns ---- */

struct ask *asks_next(struct modbus_bus *bus, int64_t now_ms, int64_t *ret_next_ms)
{
    LIST_FOREACH(link, following, &bus->asks)
    {
        struct ask *ask = LIST_ITEM(link, struct ask, link);
        int64_t at_ms = askable_ms(bus, ask->unit);
        if (at_ms <= now_ms)
            return ask;
        *ret_next_ms = earlier(*ret_next_ms, at_ms);
    }
    return NULL;
}

void ask_begin(struct modbus_bus *bus, struct ask *ask)
{
    list_remove(&ask->link);
    bus->ask_count--;
    bus->asked = ask;
    bus->sent = ask->request;
    bus->sent_unit = ask->unit;
}

void ask_end(struct modbus_bus *bus, int err, const struct modbus_response *response)
{
    struct ask *ask = STEAL(bus->asked);
    if (err < 0)
        leave_alone(bus, ask->unit, bus_now_ms(bus) + ask->timeout_ms);
    LIST_FOREACH(link, following, &bus->devices)
    {
        struct device *device = LIST_ITEM(link, struct device, link);
        if (device_has_unit(device, ask->unit))
            device->not_before_ms = later(device->not_before_ms, bus_now_ms(bus) + device->options.pause_ms);
    }
    end(ask, err, response);
}

void asks_on_link_lost(struct modbus_bus *bus)
{
    struct ask *asked = bus->asked;
    bool is_read = asked && asked->request.function <= MODBUS_READ_INPUT;
    if (is_read && bus->reopening && !asked->was_lost) { /* closed while it was under way: it had no turn */
        asked->was_lost = true;
        bus->asked = NULL;
        bus->ask_count++;
        list_prepend(&bus->asks, &asked->link);
    } else if (asked) {
        ask_end(bus, -ERR_LINK_DOWN, NULL);
    }
    while (!bus->reopening && !list_is_empty(&bus->asks)) {
        struct ask *ask = LIST_ITEM(bus->asks.next, struct ask, link);
        list_remove(&ask->link);
        bus->ask_count--;
        end(ask, -ERR_LINK_DOWN, NULL);
    }
}

/* ---- what others call ---- */

int modbus_bus_ask(struct modbus_bus *bus, int unit, const struct modbus_request *request, int64_t timeout_ms,
                   modbus_on_answer callback, void *ctx)
{
    uint8_t pdu[MODBUS_MAX_PDU];
    if (unit < (bus->settings.framing == MODBUS_TCP ? 0 : 1) || unit > 255 ||
        modbus_encode_request(request, pdu, sizeof(pdu)) < 0)
        return -EINVAL;
    if (bus->ask_count >= ASK_MAX)
        return -ENOBUFS;
    struct ask *ask = calloc(1, sizeof(*ask) + request->data_len);
    if (!ask)
        return -ENOMEM;
    list_init(&ask->link);
    ask->unit = (uint8_t)unit;
    ask->request = *request;
    ask->request.data = request->data_len > 0 ? ask->bytes : NULL;
    if (request->data_len > 0)
        memcpy(ask->bytes, request->data, request->data_len);
    ask->timeout_ms = timeout_ms > 0 ? timeout_ms : ASK_TIMEOUT_MS;
    ask->callback = callback;
    ask->ctx = ctx;

    bus->ask_count++;
    if (bus->link == MODBUS_LINK_LOST && !bus->reopening) {
        ask->err = -ERR_LINK_DOWN;
        list_append(&bus->failed_asks, &ask->link);
        env_timer_start(&bus->loop->env, &bus->failed_timer, 0);
        return 0;
    }
    list_append(&bus->asks, &ask->link);
    bus_kick(bus);
    return 0;
}

void modbus_bus_forget(struct modbus_bus *bus, void *ctx)
{
    drop(bus, &bus->asks, ctx, false);
    drop(bus, &bus->failed_asks, ctx, false);
    if (!bus->asked || bus->asked->ctx != ctx)
        return;
    free(STEAL(bus->asked));
    bus_abandon(bus);
    bus_kick(bus);
}
