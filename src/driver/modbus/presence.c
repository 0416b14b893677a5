/* Whether a device is there at all, and how long to wait for it.
 *
 *             answer                      no answer (after retries)
 *   UNKNOWN ----------> ONLINE           ONLINE, UNKNOWN -> SILENT: requests fail at once, one poll per back-off period
 *      ^                   ^ answer      SILENT stays so, the period doubles up to 60 s
 *      |                   '-- SILENT
 *      '- link up, unless ONLINE (link lost: SILENT, but ONLINE stays so for a grace)
 *
 * Grace: many devices close a connection when it was idle, after a minute, or after each answer. Who was there when the link was lost counts as
 * there until something answers on the next one, or the grace is over; what is to be written waits meanwhile. But who was away for some
 * seconds may have restarted, and have forgotten what it was set to: the charger hears of that. */
#include "driver/modbus/internal.h"

#include "base/err.h"
#include "base/log.h"

#define SHORT_POLLS      4 /* of polls of a silent device, one waits as long as the options say */
#define SHORT_MIN_MS     100
#define SHORT_TIMES      4 /* how much longer than its slowest answer the others wait */
#define GRACE_TIME_OUTS  3
#define AWAY_MS          3000 /* no restart is shorter */
#define CONVICTING_TIMES 3

static void tell(struct device *device, bool online, int err)
{
    if (device->told && device->told_online == online)
        return;
    if (device->told_online && !online)
        device->health.losses++;
    device->told = true;
    device->told_online = online;
    log_debug(LOG_MODBUS, "device %s: bus=%s unit=%d reason=%s", online ? "answers" : "is silent",
              device->bus->settings.name, device->unit, err ? err_text(err) : "none");
    device->events.on_online(device->ctx, online, err);
}

/* Whether it may have restarted since its last answer. A connection does not outlive that. */
static bool was_away(const struct device *device)
{
    const struct modbus_bus *bus = device->bus;
    return device->link_number != bus->link_number && device->quiet_since_ms > 0 &&
           bus->opened_ms - device->quiet_since_ms > AWAY_MS;
}

static void start_plan(struct device *device)
{
    if (device->plan.slot_count == 0)
        return;
    /* Devices that start together would else poll in step for ever. */
    uint32_t bound = (uint32_t)earlier(device->plan.fastest_ms, 60000);
    plan_start(&device->plan, bus_now_ms(device->bus), env_random(&device->bus->loop->env, bound));
}

void presence_found(struct device *device)
{
    bool has_restarted = device->presence == PRESENCE_ONLINE && was_away(device);
    device->quiet_since_ms = 0;
    device->link_number = device->bus->link_number;
    device->doubted = false;
    device->back_off_ms = DEVICE_BACK_OFF_MS;
    device->silent_polls = 0;
    device->suspect.answered = true;
    timer_stop(&device->grace);
    if (has_restarted) {
        start_plan(device);
        device->events.on_online(device->ctx, true, 0);
    }
    if (device->presence == PRESENCE_ONLINE)
        return;
    device->presence = PRESENCE_ONLINE;
    tell(device, true, 0);
}

void presence_lost(struct device *device, int err)
{
    device->presence = PRESENCE_SILENT;
    device->silent_err = err;
    device->doubted = false;
    device->suspect.times = 0;
    timer_stop(&device->grace);
    device->job = (struct job){ 0 };
    if (device->plan.changed)
        plan_build(&device->plan); /* who comes back may be restarted, and have what it refused before */
    plan_forget_silence(&device->plan);
    tell(device, false, err);
    device_fail_requests(device, &device->writes, err);
    device_fail_requests(device, &device->reads, err);
}

bool device_can_be_asked(const struct device *device)
{
    return device->plan.slot_count > 0 || device->probe;
}

static void on_grace_over(struct timer *timer, void *ctx)
{
    (void)timer;
    struct device *device = ctx;
    struct modbus_bus *bus = device->bus;
    if (bus->link == MODBUS_LINK_OPEN) { /* it had no turn yet */
        device->doubted = device_can_be_asked(device);
    } else {
        bus->delivering = true;
        presence_lost(device, -ERR_LINK_DOWN);
        bus->delivering = false;
    }
    bus_kick(bus);
}

void presence_init(struct device *device)
{
    device->back_off_ms = DEVICE_BACK_OFF_MS;
    timer_init(&device->grace, device->bus->loop->env.timers, on_grace_over, device);
}

static void begin_grace(struct device *device, bool link_worked)
{
    /* Nothing answered since the loss before. If another device did, this one had no turn, or its requests tell. */
    if (timer_is_active(&device->grace) && !link_worked)
        return;
    int64_t timeout_ms = device->options.timeout_ms;
    int64_t grace_ms = later(GRACE_TIME_OUTS * timeout_ms, 2 * device->bus->reconnect_after_ms + timeout_ms);
    env_timer_start(&device->bus->loop->env, &device->grace, grace_ms);
}

void presence_back_off(struct device *device, int64_t now_ms)
{
    device->not_before_ms = later(device->not_before_ms, now_ms + device->back_off_ms);
    device->back_off_ms = earlier(2 * device->back_off_ms, MODBUS_BACK_OFF_MAX_MS);
}

int64_t device_timeout_ms(const struct device *device)
{
    int64_t timeout_ms = device->options.timeout_ms;
    int64_t slowest_ms = device->slowest_ms ? device->slowest_ms : device->bus->slowest_ms;
    if (!device->told || device->told_online || slowest_ms == 0 ||
        device->silent_polls % SHORT_POLLS == SHORT_POLLS - 1)
        return timeout_ms;
    /* The others on the line wait for it, too. */
    return earlier(timeout_ms, later(SHORT_TIMES * slowest_ms, SHORT_MIN_MS));
}

/* Whether the request that is polled costs the connection, as far as one can tell. */
static bool is_convicted(struct device *device)
{
    const struct plan_request *polled = &device->plan.request;
    struct suspect *suspect = &device->suspect;
    bool same = suspect->times > 0 && suspect->unit_offset == polled->unit_offset &&
                suspect->function == polled->function &&
                polled->address < suspect->address + suspect->count &&
                suspect->address < polled->address + polled->count;
    int times = same ? suspect->times + suspect->answered : 1;
    *suspect = (struct suspect){
        polled->unit_offset, polled->function, polled->address, polled->count, times, false
    };
    return times >= CONVICTING_TIMES;
}

/* The link was lost with the request on the wire, and again when it was tried anew. */
static void give_up_job(struct device *device)
{
    struct job job = device->job;
    int64_t now_ms = bus_now_ms(device->bus);
    struct modbus_response refusal = { .function = device->plan.request.function,
                                       .exception = MODBUS_ILLEGAL_ADDRESS };
    device->job = (struct job){ 0 };
    if (job.request)
        device_end_request(device, job.request, -ERR_LINK_DOWN);
    if (job.kind != JOB_POLL)
        return;
    log_debug(LOG_MODBUS, "connection lost when asked: bus=%s unit=%d function=%d address=%d count=%d",
              device->bus->settings.name, device->unit, device->plan.request.function,
              device->plan.request.address, device->plan.request.count);
    if (is_convicted(device) && plan_refused(&device->plan, refusal.exception, now_ms) == PLAN_NO_VALUE)
        device_deliver_poll(device, &refusal);
    else
        plan_postpone(&device->plan, now_ms);
}

void device_on_link_lost(struct device *device, int err, bool was_asked, bool link_worked)
{
    err = err == -ERR_NO_ANSWER ? err : -ERR_LINK_DOWN;
    if (device->quiet_since_ms == 0)
        device->quiet_since_ms = bus_now_ms(device->bus);
    if (device->presence == PRESENCE_SILENT) {
        device->silent_err = err;
    } else if ((device->presence == PRESENCE_UNKNOWN && !link_worked) || err == -ERR_NO_ANSWER) {
        presence_lost(device, err);
    } else {
        int may_lose = device->job.request && device->options.retries > 1 ? device->options.retries : 1;
        begin_grace(device, link_worked);
        /* After an answer it may have been closed while the request was under way: only the second time says something about the
         * request. */
        if (was_asked && ++device->job.losses > may_lose && !link_worked)
            give_up_job(device);
    }
}

void device_on_link_up(struct device *device)
{
    device->not_before_ms = bus_now_ms(device->bus);
    if (device->presence == PRESENCE_ONLINE)
        return;
    device->presence = PRESENCE_UNKNOWN;
    start_plan(device);
}
