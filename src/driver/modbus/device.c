/* A device on a bus: what it is to be asked next, and what an answer means for its points.
 *
 * Every write can be repeated (a register set twice to one value is set), so writes are retried like reads.
 * Exceptions mean that the device is there; 10 and 11 come from a gateway before it and mean that it is not. */
#include "driver/modbus/internal.h"

#include <assert.h>

#include "base/err.h"
#include "base/log.h"

#define BUSY_PAUSE_MS 200 /* before a write or read is repeated that met exception 6 */

/* ---- requests ---- */

void device_end_request(struct device *device, struct request *request, int err)
{
    list_remove(&request->link);
    device->queued--;
    request->callback(request->ctx, err);
    free(request);
}

void device_fail_requests(struct device *device, struct list *queue, int err)
{
    while (!list_is_empty(queue))
        device_end_request(device, LIST_ITEM(queue->next, struct request, link), err);
}

/* Puts off the poll that failed and was to be tried again. */
static void give_up_poll(struct device *device)
{
    plan_postpone(&device->plan, bus_now_ms(device->bus));
    device->job = (struct job){ 0 };
}

/* A write goes before what was to be tried again: a poll comes again anyway, a read keeps its place in its queue. */
static void give_way(struct device *device)
{
    if (device->job.kind == JOB_POLL) {
        give_up_poll(device);
        return;
    }
    device->job.request->attempts = device->job.attempts;
    device->job.request->losses = device->job.losses;
    device->job = (struct job){ 0 };
}

bool device_has_unit(const struct device *device, uint8_t unit)
{
    return unit >= device->unit && unit - device->unit <= device->last_offset;
}

static int64_t not_before(const struct device *device, int64_t at_ms)
{
    return at_ms > device->not_before_ms ? at_ms : device->not_before_ms;
}

/* ---- whose turn, and with what ---- */

/* When the point may be written again; 0: at any time. */
static int64_t writable_ms(const struct device *device, const struct point *point)
{
    int64_t written_ms = device->written_ms ? device->written_ms[point->index] : 0;
    return written_ms ? written_ms + device->options.write_interval_ms : 0;
}

/* The write that may be done first, the oldest of those; NULL: there is none. */
static struct request *next_write(const struct device *device, int64_t *ret_at_ms)
{
    struct request *best = NULL;
    *ret_at_ms = 0;
    LIST_FOREACH(link, following, &device->writes)
    {
        struct request *request = LIST_ITEM(link, struct request, link);
        int64_t at_ms =
            request->written ? 0 : writable_ms(device, request->point); /* one that is begun goes on */
        if (best && at_ms >= *ret_at_ms)
            continue;
        best = request;
        *ret_at_ms = at_ms;
    }
    return best;
}

/* Whether one would leave now, but for what is to be tried again. */
static bool has_write_to_send(const struct device *device, int64_t now_ms)
{
    int64_t write_ms = 0;
    return !device->doubted && device->presence != PRESENCE_SILENT && next_write(device, &write_ms) &&
           write_ms <= now_ms;
}

int64_t device_wants_ms(struct device *device, int64_t now_ms, enum urgency *ret)
{
    *ret = URGENCY_POLL;
    if (device->presence == PRESENCE_SILENT && !device_can_be_asked(device)) {
        if (now_ms < device->not_before_ms)
            return device->not_before_ms;
        device->presence = PRESENCE_UNKNOWN; /* only the next write can tell */
    }
    if ((device->job.kind == JOB_POLL || device->job.kind == JOB_READ) && has_write_to_send(device, now_ms))
        give_way(device); /* no command waits for more than what is on the wire */
    if (device->job.kind != JOB_NONE || device->doubted || device->presence == PRESENCE_SILENT)
        return device->not_before_ms;
    int64_t write_ms = 0;
    bool writes = next_write(device, &write_ms) != NULL;
    if (writes && write_ms <= now_ms) {
        *ret = URGENCY_WRITE;
        return not_before(device, now_ms);
    }
    if (!list_is_empty(&device->reads)) {
        *ret = URGENCY_READ;
        return not_before(device, now_ms);
    }
    int64_t poll_ms = plan_due_ms(&device->plan);
    if (writes && (poll_ms < 0 || write_ms < poll_ms)) {
        *ret = URGENCY_WRITE;
        return not_before(device, write_ms);
    }
    if (poll_ms >= 0)
        return not_before(device, poll_ms);
    return device->presence == PRESENCE_UNKNOWN && device->probe ? device->not_before_ms : -1;
}

/* With what was tried before it gave way to a write. */
static struct job read_job(struct request *request)
{
    return (struct job){
        .kind = JOB_READ, .request = request, .attempts = request->attempts, .losses = request->losses
    };
}

static struct job next_job(struct device *device, int64_t now_ms)
{
    bool poll_only = device->doubted || device->presence == PRESENCE_SILENT;
    int64_t write_ms = 0;
    struct request *write = poll_only ? NULL : next_write(device, &write_ms);
    if (write && write_ms <= now_ms)
        return (struct job){ .kind = JOB_WRITE, .request = write };
    if (!list_is_empty(&device->reads) && !poll_only)
        return read_job(LIST_ITEM(device->reads.next, struct request, link));
    if (plan_due_ms(&device->plan) < 0)
        return (struct job){ .kind = JOB_PROBE };
    (void)plan_take(&device->plan, now_ms);
    return (struct job){ .kind = JOB_POLL };
}

/* The profile's wish, else its rule: 5 and 6 for one, 15 and 16 for several. */
static uint8_t write_function(const struct device *device, const struct point *point)
{
    int wished =
        point->at.modbus.write_function ? point->at.modbus.write_function : device->options.write_function;
    bool bits = point->at.modbus.kind == MODBUS_COIL;
    if (!bits &&
        (wished == MODBUS_READ_WRITE || (wished == MODBUS_MASK_WRITE && point->at.modbus.count == 1)))
        return (uint8_t)wished;
    bool several = wished == 0 ? point->at.modbus.count > 1
                               : wished == MODBUS_WRITE_COILS || wished == MODBUS_WRITE_REGISTERS ||
                                     wished == MODBUS_READ_WRITE;
    if (bits)
        return several ? MODBUS_WRITE_COILS : MODBUS_WRITE_COIL;
    return several ? MODBUS_WRITE_REGISTERS : MODBUS_WRITE_REGISTER;
}

static bool is_single(uint8_t function)
{
    return function == MODBUS_WRITE_COIL || function == MODBUS_WRITE_REGISTER;
}

static void begin_single(struct job *job, struct modbus_request *ret)
{
    const struct request *request = job->request;
    ret->address = (uint16_t)(ret->address + request->written);
    ret->count = 1;
    if (ret->function == MODBUS_WRITE_REGISTER) {
        ret->data = request->raw + 2 * (size_t)request->written;
        ret->data_len = 2;
        return;
    }
    job->bit = request->raw[request->written / 8] >> request->written % 8 & 1;
    ret->data = &job->bit;
    ret->data_len = 1;
}

void modbus_mask_point(const struct point *point, const uint8_t *raw, struct modbus_request *ret)
{
    uint16_t mask = point->mask ? (uint16_t)point->mask : 0xFFFF;
    if (point->low_byte_first) /* the mask is of the value, this of the register */
        mask = (uint16_t)(mask << 8 | mask >> 8);
    ret->and_mask = (uint16_t)~mask;
    ret->or_mask = (uint16_t)((raw[0] << 8 | raw[1]) & mask);
}

static void begin_write(struct device *device, struct modbus_request *ret)
{
    const struct request *request = device->job.request;
    assert(request);
    const struct point *point = request->point;
    *ret = (struct modbus_request){
        .function = write_function(device, point),
        .address = point->at.modbus.address,
        .count = point->at.modbus.count,
        .read_address = point->at.modbus.address,
        .read_count = point->at.modbus.count,
        .data = request->raw,
        .data_len = request->len,
    };
    if (device->written_ms) /* whatever comes of it */
        device->written_ms[point->index] = bus_now_ms(device->bus);
    if (is_single(ret->function))
        begin_single(&device->job, ret);
    if (ret->function == MODBUS_MASK_WRITE)
        modbus_mask_point(point, request->raw, ret);
}

static struct modbus_request read_of(const struct point *point)
{
    return (struct modbus_request){ .function = point_read_function(point),
                                    .address = point->at.modbus.address,
                                    .count = point->at.modbus.count };
}

void device_begin(struct device *device, struct modbus_request *ret, uint8_t *ret_unit)
{
    if (device->job.kind == JOB_NONE)
        device->job = next_job(device, bus_now_ms(device->bus));
    struct job *job = &device->job;
    const struct plan_request *polled = &device->plan.request;
    const struct point *point = job->request ? job->request->point : device->probe;
    switch (job->kind) {
    case JOB_WRITE:
        begin_write(device, ret);
        break;
    case JOB_READ:
    case JOB_PROBE:
        *ret = read_of(point);
        break;
    case JOB_POLL:
        *ret = (struct modbus_request){ .function = polled->function,
                                        .address = polled->address,
                                        .count = polled->count };
        break;
    case JOB_NONE:
        assert(false);
    }
    uint8_t offset = job->kind == JOB_POLL ? polled->unit_offset : point->at.modbus.unit_offset;
    *ret_unit = (uint8_t)(device->unit + offset);
}

/* ---- answers ---- */

/* Hands over the part of what was read that is the point's; `address` is where the data begins. */
static void deliver(struct device *device, const struct point *point, uint16_t address,
                    const struct modbus_response *response)
{
    size_t at = point->at.modbus.address - (size_t)address, count = point->at.modbus.count;
    uint8_t bits[POINT_MAX_RAW];
    if (response->function > MODBUS_READ_DISCRETE) {
        device->events.on_value(device->ctx, point, response->data + 2 * at, 2 * count);
        return;
    }
    memset(bits, 0, (count + 7) / 8);
    for (size_t i = 0; i < count; i++) {
        if (response->data[(at + i) / 8] >> (at + i) % 8 & 1)
            bits[i / 8] |= (uint8_t)(1 << i % 8);
    }
    device->events.on_value(device->ctx, point, bits, (count + 7) / 8);
}

static bool is_busy(const struct modbus_response *response)
{
    return response->exception == MODBUS_BUSY;
}

static void end_batch(struct device *device)
{
    if (device->events.on_batch)
        device->events.on_batch(device->ctx);
}

static void on_write_answer(struct device *device, const struct job *job,
                            const struct modbus_response *response)
{
    struct request *request = job->request;
    /* 5: accepted, and takes its time: repeating it would be wrong. */
    if (response->exception && response->exception != MODBUS_ACKNOWLEDGE) {
        device_end_request(device, request, -ERR_DEVICE_EXCEPTION);
        return;
    }
    if (is_single(write_function(device, request->point)) &&
        ++request->written < request->point->at.modbus.count)
        return; /* the next one at its next turn: it still heads the queue */
    if (response->function == MODBUS_READ_WRITE && !response->exception &&
        request->point->access & ACCESS_R) {
        deliver(device, request->point, request->point->at.modbus.address, response);
        end_batch(device);
    }
    device_end_request(device, request, 0);
}

static void on_read_answer(struct device *device, const struct job *job,
                           const struct modbus_response *response)
{
    const struct point *point = job->request->point;
    if (!response->exception)
        deliver(device, point, point->at.modbus.address, response);
    else if (!is_busy(response)) /* what was known stays known */
        device->events.on_no_value(device->ctx, point, -ERR_DEVICE_EXCEPTION);
    end_batch(device);
    device_end_request(device, job->request, response->exception ? -ERR_DEVICE_EXCEPTION : 0);
}

/* What the request that was polled says of its points; an exception: nothing. */
void device_deliver_poll(struct device *device, const struct modbus_response *response)
{
    const struct plan_request *polled = &device->plan.request;
    for (size_t i = polled->first; i < (size_t)polled->first + polled->slot_count; i++) {
        const struct point *point = plan_point(&device->plan, i);
        if (!plan_covers(&device->plan, i))
            continue;
        if (response->exception)
            device->events.on_no_value(device->ctx, point, -ERR_DEVICE_EXCEPTION);
        else
            deliver(device, point, polled->address, response);
    }
    end_batch(device);
}

static void on_poll_answer(struct device *device, const struct modbus_response *response)
{
    const struct plan_request *polled = &device->plan.request;
    int64_t now_ms = bus_now_ms(device->bus);
    if (plan_unit_answers(&device->plan, now_ms)) /* it may have forgotten what it was set to */
        device->events.on_online(device->ctx, true, 0);
    if (response->exception) {
        enum plan_verdict verdict = plan_refused(&device->plan, response->exception, now_ms);
        log_debug(LOG_MODBUS, "poll refused: bus=%s unit=%d function=%d address=%d count=%d exception=%d",
                  device->bus->settings.name, device->unit, polled->function, polled->address, polled->count,
                  response->exception);
        if (verdict != PLAN_NO_VALUE)
            return;
    } else {
        plan_answered(&device->plan, now_ms);
        if (polled->address <= device->suspect.address && /* then it was something else */
            polled->address + polled->count >= device->suspect.address + device->suspect.count &&
            polled->function == device->suspect.function)
            device->suspect.times = 0;
    }
    device_deliver_poll(device, response);
}

/* Whether the same is to be sent again. Who was not there, or is in doubt, is asked once; who sleeps hears only the second. */
static bool may_retry(struct device *device)
{
    const struct job *job = &device->job;
    bool was_there = device->presence == PRESENCE_ONLINE &&
                     !(job->kind == JOB_POLL && plan_unit_was_silent(&device->plan));
    device->job.attempts++;
    if (device->options.wake && device->job.attempts == 1)
        return true;
    return device->job.attempts <= device->options.retries && was_there && !device->doubted;
}

void device_on_answer(struct device *device, const struct modbus_response *response)
{
    if (response->exception == MODBUS_NO_PATH || response->exception == MODBUS_NO_ANSWER) {
        device_on_no_answer(device);
        return;
    }
    int64_t now_ms = bus_now_ms(device->bus);
    bool repeated = device->job.attempts > 0 && device->bus->settings.framing != MODBUS_TCP;
    device->not_before_ms = now_ms + (repeated ? device->options.timeout_ms : device->options.pause_ms);
    presence_found(device);
    if (is_busy(response) && device->job.request && may_retry(device)) {
        device->not_before_ms = not_before(device, now_ms + BUSY_PAUSE_MS);
        return;
    }

    struct job job = device->job;
    device->job = (struct job){ 0 };
    assert(job.request || (job.kind != JOB_WRITE && job.kind != JOB_READ));
    switch (job.kind) {
    case JOB_WRITE:
        on_write_answer(device, &job, response);
        break;
    case JOB_READ:
        on_read_answer(device, &job, response);
        break;
    case JOB_POLL:
        on_poll_answer(device, response);
        break;
    case JOB_PROBE:
    case JOB_NONE:
        break;
    }
}

/* One of several units behind one charger does not answer, but others do: its points are lost, no more. */
static bool is_only_a_unit(struct device *device, int64_t now_ms)
{
    struct plan *plan = &device->plan;
    bool known = plan_unit_was_silent(plan);
    if (device->presence == PRESENCE_SILENT || !plan_unit_silent(plan, now_ms))
        return false;
    for (size_t i = 0; i < plan->slot_count && !known; i++)
        if (plan_point(plan, i)->at.modbus.unit_offset == plan->request.unit_offset)
            device->events.on_no_value(device->ctx, plan_point(plan, i), -ERR_NO_ANSWER);
    if (!known)
        end_batch(device);
    return true;
}

void device_on_misfit(struct device *device)
{
    struct modbus_response failure = { .function = device->bus->sent.function,
                                       .exception = MODBUS_DEVICE_FAILURE };
    device->not_before_ms = bus_now_ms(device->bus) + device->options.pause_ms;
    if (device->bus->settings.framing != MODBUS_TCP)
        device->late_until_ms = bus_now_ms(device->bus) + device->options.timeout_ms;
    if (!may_retry(device))
        device_on_answer(device, &failure);
}

void device_on_no_answer(struct device *device)
{
    int64_t now_ms = bus_now_ms(device->bus);
    device->not_before_ms = now_ms + device->options.pause_ms;
    if (device->bus->settings.framing != MODBUS_TCP)
        device->late_until_ms = now_ms + device->options.timeout_ms;
    device->silent_polls++;
    if (may_retry(device))
        return;

    /* Where answers carry no transaction, a late one could fit the next request. */
    if (device->bus->settings.framing != MODBUS_TCP)
        device->not_before_ms = now_ms + device->options.timeout_ms;
    struct job job = device->job;
    device->job = (struct job){ 0 };
    if (job.kind == JOB_POLL && is_only_a_unit(device, now_ms))
        return;
    if (job.kind == JOB_POLL)
        plan_postpone(&device->plan, now_ms); /* ask for another one next */
    if (job.request && device->presence != PRESENCE_UNKNOWN && device_can_be_asked(device)) {
        device->doubted = true;
        device_end_request(device, job.request, -ERR_NO_ANSWER);
        return;
    }
    presence_back_off(device, now_ms);
    if (device->presence != PRESENCE_SILENT)
        presence_lost(device, -ERR_NO_ANSWER);
}

/* ---- what the charger calls ---- */

static struct request *request_new(struct device *device, const struct point *point, const uint8_t *raw,
                                   size_t len)
{
    struct request *request = calloc(1, sizeof(*request) + len);
    if (!request)
        return NULL;
    list_init(&request->link);
    request->device = device;
    request->point = point;
    request->len = len;
    if (len > 0)
        memcpy(request->raw, raw, len);
    return request;
}

static int enqueue(struct device *device, struct list *queue, struct request *request)
{
    bool is_lost = device->bus->link == MODBUS_LINK_LOST && device->presence != PRESENCE_ONLINE;
    if (device->presence == PRESENCE_SILENT || is_lost) {
        bus_end_later(device->bus, request,
                      device->presence == PRESENCE_SILENT ? device->silent_err : -ERR_LINK_DOWN);
        return 0;
    }
    device->queued++;
    list_append(queue, &request->link);
    bus_kick(device->bus);
    return 0;
}

/* The most one write can carry; a device that takes singles only gets them one by one. */
static size_t max_write_count(const struct device *device, const struct point *point)
{
    switch (write_function(device, point)) {
    case MODBUS_WRITE_COILS:
        return MODBUS_MAX_WRITE_BITS;
    case MODBUS_WRITE_REGISTERS:
        return MODBUS_MAX_WRITE_WORDS;
    case MODBUS_READ_WRITE:
        return MODBUS_MAX_WRITE_WORDS - 2; /* its request is four bytes longer */
    default:
        return POINT_MAX_RAW / 2;
    }
}

/* A newer value makes those for the same point pointless that have not been begun. */
static void supersede(struct device *device, const struct point *point)
{
    LIST_FOREACH(link, following, &device->writes)
    {
        struct request *request = LIST_ITEM(link, struct request, link);
        if (request->point != point || request == device->job.request || request->written > 0)
            continue;
        list_remove(link);
        device->queued--;
        bus_end_later(device->bus, request, -ERR_SUPERSEDED);
    }
}

static int device_write(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                        device_done callback, void *ctx)
{
    bool bits = point->at.modbus.kind == MODBUS_COIL;
    size_t count = point->at.modbus.count;
    if (point->at.modbus.kind == MODBUS_DISCRETE || point->at.modbus.kind == MODBUS_INPUT || count < 1 ||
        count > max_write_count(device, point) || len != (bits ? (count + 7) / 8 : 2 * count))
        return -EINVAL;
    supersede(device, point);
    if (device->queued >= 2 * DEVICE_MAX_QUEUE)
        return -ENOBUFS;
    struct request *request = request_new(device, point, raw, len);
    if (!request)
        return -ENOMEM;
    request->is_write = true;
    request->callback = callback;
    request->ctx = ctx;
    return enqueue(device, &device->writes, request);
}

static int device_read(struct device *device, const struct point *point, device_done callback, void *ctx)
{
    if (!point_is_readable(point))
        return -EINVAL;
    if (device->queued >= DEVICE_MAX_QUEUE)
        return -ENOBUFS;
    struct request *request = request_new(device, point, NULL, 0);
    if (!request)
        return -ENOMEM;
    request->callback = callback;
    request->ctx = ctx;
    return enqueue(device, &device->reads, request);
}

static void drop_requests(struct list *queue)
{
    while (!list_is_empty(queue)) {
        struct request *request = LIST_ITEM(queue->next, struct request, link);
        list_remove(&request->link);
        free(request);
    }
}

static void device_free(struct device *device)
{
    if (!device)
        return;
    drop_requests(&device->writes);
    drop_requests(&device->reads);
    free(device->written_ms);
    timer_stop(&device->grace);
    bus_forget_device(device->bus, device);
    plan_done(&device->plan);
    free(device);
}

static const struct device_health *device_health_of(const struct device *device)
{
    return &device->health;
}

const struct device_ops modbus_device_ops = { device_write, device_read, device_free, device_health_of,
                                              NULL };

struct device *modbus_device_new(struct modbus_bus *bus, int unit, const struct profile *profile,
                                 const struct modbus_options *options, const struct device_events *events,
                                 void *ctx)
{
    struct device *device = calloc(1, sizeof(*device));
    if (device && options->write_interval_ms > 0 && profile->point_count > 0) {
        device->written_ms = calloc(profile->point_count, sizeof(*device->written_ms));
        if (!device->written_ms) {
            free(device);
            return NULL;
        }
    }
    if (!device || plan_init(&device->plan, profile->points, profile->point_count, options,
                             bus_request_cost(bus, options->pause_ms)) < 0) {
        if (device)
            free(device->written_ms);
        free(device);
        return NULL;
    }
    device->bus = bus;
    device->unit = (uint8_t)unit;
    device->options = *options;
    if (device->options.timeout_ms <= 0)
        device->options.timeout_ms = 1000;
    device->events = *events;
    device->ctx = ctx;
    presence_init(device);
    list_init(&device->writes);
    list_init(&device->reads);
    for (size_t i = 0; i < profile->point_count; i++) {
        const struct point *point = &profile->points[i];
        if (!device->probe && point_is_readable(point))
            device->probe = point;
        if (point->at.modbus.unit_offset > device->last_offset)
            device->last_offset = point->at.modbus.unit_offset;
    }
    list_append(&bus->devices, &device->link);

    /* The device's wish for rest between connections binds the link it is on. */
    if (options->reconnect_after_ms > bus->reconnect_after_ms)
        bus->reconnect_ms = bus->reconnect_after_ms = options->reconnect_after_ms;
    if (bus->link == MODBUS_LINK_OPEN) {
        device_on_link_up(device);
        bus_kick(bus);
    }
    return device;
}
