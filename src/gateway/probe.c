/* A read is one request. A write is told first, and when it is confirmed: read, write, read (probe.h). Other devices than Modbus read or write a point
 * of theirs at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/probe_internal.h"
#include "gateway/station_charger.h"

#define MAX_PROBES 16
#define ANSWER_MS  2000
#define GIVE_UP_MS 30000 /* a device that is taken away meanwhile never answers */

/* ---- ends ---- */

static void finish(struct probe *p, json_t *answer)
{
    struct probes *probes = p->probes;
    probe_done done = p->done;
    void *ctx = p->ctx;
    bool answered = p->answered;
    if (p->bus) {
        modbus_bus_forget(resource_as_bus(p->bus), p);
        resource_put(p->bus);
    }
    property_device_free(p->property);
    if (p->node)
        resource_put(p->node);
    timer_stop(&p->timer);
    list_remove(&p->link);
    probes->count--;
    free(p);
    if (answered)
        json_decref(answer);
    else
        done(ctx, answer);
}

static json_t *failure(const char *text)
{
    return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

/* The same of what has begun: a write that was not answered may have been done. */
static json_t *failure_of(const struct probe *p, const char *text)
{
    json_t *answer = failure(text);
    if (p->writes && (p->stage == STAGE_WRITE || !probe_has_stages(p)))
        (void)json_set_optional(answer, "tried", json_true());
    return answer;
}

static const char *exception_text(int exception, char *ret, size_t size)
{
    static const char *const names[] = { "",
                                         "illegal function",
                                         "illegal data address",
                                         "illegal data value",
                                         "device failure",
                                         "acknowledged, takes its time",
                                         "busy" };
    if (exception > 0 && exception < (int)ARRAY_SIZE(names))
        (void)snprintf(ret, size, "the device answers with exception %d (%s)", exception, names[exception]);
    else
        (void)snprintf(ret, size, "the device answers with exception %d", exception);
    return ret;
}

static json_t *report(struct probe *p)
{
    json_t *answer = json_pack("{s:b, s:s, s:b}", "ok", 1, "station", p->station, "written", p->writes);
    if (p->point) {
        (void)json_set_text(answer, "point", p->point->name);
        (void)json_set_text(answer, "at", p->at);
        (void)json_set_text(answer, "unit_of_value", p->point->unit);
    } else if (p->property) {
        (void)json_set_text(answer, "at", p->at);
    }
    (void)json_set_text(answer, p->writes ? "before" : "raw", p->before);
    if (p->writes)
        (void)json_set_text(answer, "raw", p->after);
    if (p->has_value)
        (void)json_set_optional(answer, "value",
                                point_is_text(p->point) ? json_string(p->value.text)
                                                        : json_real(p->value.number));
    return answer;
}

static void tell_log(const struct probe *p)
{
    char raw[2 * POINT_MAX_RAW + 1];
    hex_encode(p->raw, p->raw_len, raw, sizeof(raw));
    log_info(LOG_GATEWAY,
             "written by hand: station=%s point=%s unit=%d address=%d before=%s written=%s after=%s",
             p->station, p->point ? p->point->name : "none", p->unit, p->address,
             *p->before ? p->before : "unknown", raw, *p->after ? p->after : "unknown");
}

static void finish_done(struct probe *p)
{
    if (p->writes)
        tell_log(p);
    finish(p, report(p));
}

/* Who gave up waiting; the device's own callback may still come, and frees then. */
static void on_timer(struct timer *timer, void *ctx)
{
    struct probe *p = ctx;
    (void)timer;
    if (probe_has_stages(p) && p->stage == STAGE_AFTER) { /* written, though not read back */
        finish_done(p);
    } else if (probe_has_stages(p)) {
        finish(p, failure_of(p, "no answer"));
    } else {
        p->answered = true;
        p->done(p->ctx, failure_of(p, "no answer"));
    }
}

/* ---- in stages ---- */

static void ask_modbus(struct probe *p);
static void ask_property(struct probe *p);

static void keep(struct probe *p, const uint8_t *raw, size_t len)
{
    hex_encode(raw, len, p->stage == STAGE_BEFORE ? p->before : p->after, sizeof(p->before));
    p->has_value = p->point && value_decode(p->point, 0, raw, len, &p->value) == 0;
}

static void next_stage(struct probe *p)
{
    if (!p->writes || p->stage == STAGE_AFTER || (p->stage == STAGE_WRITE && !p->reads)) {
        finish_done(p);
        return;
    }
    p->stage++;
    if (p->bus)
        ask_modbus(p);
    else
        ask_property(p);
}

/* ---- Modbus ---- */

static void on_answer(void *ctx, int err, const struct modbus_response *response)
{
    struct probe *p = ctx;
    char text[100];
    if (err == 0 && response->exception && (p->stage == STAGE_WRITE || !p->writes)) {
        finish(p, failure_of(p, exception_text(response->exception, text, sizeof(text))));
    } else if (err < 0 && (p->stage == STAGE_WRITE || !p->writes)) {
        finish(p, failure_of(p, err_text(err)));
    } else {
        if (err == 0 && !response->exception && p->stage != STAGE_WRITE)
            keep(p, response->data, response->data_len);
        next_stage(p);
    }
}

static void ask_modbus(struct probe *p)
{
    static const uint8_t functions[] = { MODBUS_READ_COILS, MODBUS_READ_DISCRETE, MODBUS_READ_INPUT,
                                         MODBUS_READ_HOLDING };
    struct modbus_request request = { .function = functions[p->kind],
                                      .address = p->address,
                                      .count = p->count };
    if (p->point && p->point->at.modbus.read_function)
        request.function = p->point->at.modbus.read_function;
    if (p->stage == STAGE_WRITE) {
        request.function = p->function;
        request.data = p->raw;
        request.data_len = p->raw_len;
        request.read_address = p->address;
        request.read_count = p->count;
    }
    if (request.function == MODBUS_MASK_WRITE)
        modbus_mask_point(p->point, p->raw, &request);
    int r = modbus_bus_ask(resource_as_bus(p->bus), p->unit, &request, ANSWER_MS, on_answer, p);
    if (r < 0 && p->stage == STAGE_AFTER)
        finish_done(p);
    else if (r < 0)
        finish(p, failure(r == -EINVAL ? "such a request cannot be made; too many registers?" : err_text(r)));
}

/* ---- ECHONET Lite: a property by its EPC ---- */

void probe_on_property(void *ctx, int err, const uint8_t *data, size_t len)
{
    struct probe *p = ctx;
    if (err < 0 && (p->stage == STAGE_WRITE || !p->writes)) {
        finish(p,
               failure_of(p, err == -ERR_DEVICE_EXCEPTION ? "the device has no such property, or refuses it"
                                                          : err_text(err)));
        return;
    }
    if (err == 0 && p->stage != STAGE_WRITE)
        keep(p, data, len);
    next_stage(p);
}

static void ask_property(struct probe *p)
{
    if (p->stage == STAGE_WRITE)
        property_device_write(p->property, p->raw, p->raw_len);
    else
        property_device_read(p->property);
}

/* ---- other devices: their points ---- */

static void on_device_done(void *ctx, int err)
{
    struct probe *p = ctx;
    if (err < 0) {
        finish(p, failure_of(p, err_text(err)));
        return;
    }
    if (p->writes)
        tell_log(p);
    const struct point_value *v = charger_value(p->charger->charger, p->point);
    p->has_value = v->quality == QUALITY_GOOD;
    p->value.number = v->number;
    (void)str_copy(p->value.text, sizeof(p->value.text), v->text ? v->text : "");
    finish(p, report(p));
}

static void ask_device(struct probe *p)
{
    int r = p->writes ? p->ops->write(p->device, p->point, p->raw, p->raw_len, on_device_done, p)
                      : p->ops->read(p->device, p->point, on_device_done, p);
    if (r < 0)
        finish(p, failure(err_text(r)));
}

/* ---- from outside ---- */

void probes_start(struct probes *probes, const json_t *request, probe_done done, void *ctx)
{
    struct probe *p = probes->count < MAX_PROBES ? calloc(1, sizeof(*p)) : NULL;
    if (!p) {
        done(ctx, failure("too many of them at a time"));
        return;
    }
    p->probes = probes;
    p->done = done;
    p->ctx = ctx;
    (void)str_copy(p->station, sizeof(p->station), json_get_string(request, "station", ""));
    timer_init(&p->timer, probes->gateway->loop.env.timers, on_timer, p);
    list_append(&probes->list, &p->link);
    probes->count++;
    const char *wrong = probe_prepare(p, request);
    if (wrong) {
        finish(p, failure(wrong));
        return;
    }
    env_timer_start(&probes->gateway->loop.env, &p->timer, GIVE_UP_MS);
    if (p->writes && !p->reads)
        p->stage = STAGE_WRITE;
    if (p->bus)
        ask_modbus(p);
    else if (p->property)
        ask_property(p);
    else
        ask_device(p);
}

struct probes *probes_new(struct gateway *gateway)
{
    struct probes *probes = calloc(1, sizeof(*probes));
    if (!probes)
        return NULL;
    *probes = (struct probes){ .gateway = gateway };
    list_init(&probes->list);
    return probes;
}

void probes_free(struct probes *probes)
{
    if (!probes)
        return;
    while (!list_is_empty(&probes->list)) {
        struct probe *p = LIST_ITEM(probes->list.next, struct probe, link);
        p->answered = true;
        finish(p, NULL);
    }
    free(probes);
}
