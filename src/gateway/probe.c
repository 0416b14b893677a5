/* A read is one request. A write is told first, and when it is confirmed: read, write, read (probe.h). */
#include "gateway/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "base/str.h"
#include "charger/value.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"

#define MAX_PROBES 16
#define ANSWER_MS  2000
#define GIVE_UP_MS 30000 /* a device that is taken away meanwhile never answers */

enum stage { STAGE_BEFORE, STAGE_WRITE, STAGE_AFTER };

struct probes {
    struct gateway *gateway;
    struct list list;
    size_t count;
};

struct probe {
    struct list link;
    struct probes *probes;
    probe_done done;
    void *ctx;
    struct timer timer;
    struct resource *bus;  /* Modbus: held while it lasts */
    struct device *device; /* else */
    const struct device_ops *ops;
    struct station_charger *charger;
    char station[STATION_ID_SIZE];
    const struct point *point; /* NULL: an address without a name */
    struct point copy;         /* Modbus: a reload may take the profile away meanwhile */
    char at[40];
    uint8_t function; /* of the write */
    enum stage stage;
    bool writes, reads, answered;
    int unit;
    enum modbus_kind kind;
    uint16_t address, count;
    uint8_t raw[MODBUS_MAX_PDU]; /* to be written */
    size_t raw_len;
    char before[2 * MODBUS_MAX_PDU + 1], after[2 * MODBUS_MAX_PDU + 1];
    struct value value;
    bool has_value;
};

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
    if (p->writes && (p->stage == STAGE_WRITE || !p->bus))
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
    char raw[2 * MODBUS_MAX_PDU + 1];
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
    if (p->bus && p->stage == STAGE_AFTER) { /* written, though not read back */
        finish_done(p);
    } else if (p->bus) {
        finish(p, failure_of(p, "no answer"));
    } else {
        p->answered = true;
        p->done(p->ctx, failure_of(p, "no answer"));
    }
}

/* ---- Modbus ---- */

static void ask_modbus(struct probe *p);

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
    ask_modbus(p);
}

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

static uint8_t write_function(const struct probe *p)
{
    int wished = p->point && p->point->at.modbus.write_function ? p->point->at.modbus.write_function
                                                                : p->charger->config->modbus.write_function;
    if (p->point && p->kind == MODBUS_HOLDING &&
        (wished == MODBUS_READ_WRITE || (wished == MODBUS_MASK_WRITE && p->count == 1)))
        return (uint8_t)wished;
    bool many = p->count > 1 || wished == MODBUS_WRITE_REGISTERS || wished == MODBUS_WRITE_COILS;
    if (p->kind == MODBUS_COIL)
        return many ? MODBUS_WRITE_COILS : MODBUS_WRITE_COIL;
    return many ? MODBUS_WRITE_REGISTERS : MODBUS_WRITE_REGISTER;
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

/* ---- what is asked for ---- */

static bool sets(const struct steps *steps, const struct point *point)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->list[i].kind == STEP_SET && steps->list[i].point == point)
            return true;
    return false;
}

/* What start or limit write can make energy flow. */
static bool energises(const struct profile *profile, const struct point *point)
{
    for (size_t i = 0; i < profile->evse_count; i++)
        if (sets(&profile->evses[i].commands[EVSE_START].steps, point) ||
            sets(&profile->evses[i].commands[EVSE_LIMIT].steps, point))
            return true;
    return false;
}

/* What the gateway itself tells the device: a watchdog's time, what flows without us, who has the say. */
static bool is_setting(const struct profile *profile, const struct point *point)
{
    return sets(&profile->setup, point) || sets(&profile->keepalive, point);
}

static bool overlaps(const struct probe *p, const struct point *point, int unit)
{
    return point->at.modbus.kind == p->kind && unit + point->at.modbus.unit_offset == p->unit &&
           point->at.modbus.address < p->address + p->count &&
           p->address < point->at.modbus.address + point->at.modbus.count;
}

/* Why the write is not done without force; NULL: nothing speaks against it. */
static const char *hazard_of(const struct probe *p)
{
    const struct charger_config *config = p->charger->config;
    for (size_t i = 0; i < config->profile->point_count; i++) {
        const struct point *point = &config->profile->points[i];
        bool meant = p->point ? point == p->point : overlaps(p, point, config->unit);
        if (meant && energises(config->profile, point))
            return "start or limit write this point, so energy may flow by it; --force does it all the same";
        if (meant && is_setting(config->profile, point))
            return "setup or keepalive write this point, such as what flows when the gateway falls silent; "
                   "--force does it all the same";
        if (meant && point->persistent)
            return "it is kept in flash, which wears out; --force writes it all the same";
    }
    return NULL;
}

static const char *read_words(struct probe *p, const json_t *request)
{
    const json_t *words = json_object_get(request, "words");
    size_t count = json_array_size(words);
    if (count < 1 || count > MODBUS_MAX_WRITE_WORDS || p->kind == MODBUS_INPUT || p->kind == MODBUS_DISCRETE)
        return "expected 1 to 123 values for coils or holding registers";
    p->count = (uint16_t)count;
    for (size_t i = 0; i < count; i++) {
        json_int_t word = json_integer_value(json_array_get(words, i));
        if (word < 0 || word > (p->kind == MODBUS_COIL ? 1 : 0xFFFF))
            return "a register holds 0 to 65535, a coil 0 or 1";
        if (p->kind == MODBUS_COIL) {
            p->raw[i / 8] |= (uint8_t)(word << i % 8);
            continue;
        }
        p->raw[2 * i] = (uint8_t)(word >> 8);
        p->raw[2 * i + 1] = (uint8_t)word;
    }
    p->raw_len = p->kind == MODBUS_COIL ? (count + 7) / 8 : 2 * count;
    return NULL;
}

static const char *read_address(struct probe *p, const json_t *request)
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding" };
    const char *kind = json_get_string(request, "kind", "");
    int64_t address = json_get_int(request, "address", -1), count = json_get_int(request, "count", 1);
    size_t i = 0;
    while (i < ARRAY_SIZE(kinds) && !str_equal(kinds[i], kind))
        i++;
    if (i == ARRAY_SIZE(kinds) || address < 0 || address > 0xFFFF || count < 1 || count > 125)
        return "expected a point's name, or coil, discrete, input or holding with an address from 0 to 65535 "
               "and at most 125 of them";
    p->kind = (enum modbus_kind)i;
    p->address = (uint16_t)address;
    p->count = (uint16_t)count;
    p->unit = (int)json_get_int(request, "unit", p->charger->config->unit);
    p->reads = true;
    return p->writes ? read_words(p, request) : NULL;
}

static const char *read_point(struct probe *p, const json_t *request, const char *name)
{
    const json_t *value = json_object_get(request, "value");
    p->point = profile_point(p->charger->config->profile, name);
    if (!p->point)
        return "the profile has no such point; `ocpp-cli watch STATION` lists them";
    if (p->charger->config->profile->protocol == PROTOCOL_MODBUS) {
        p->kind = p->point->at.modbus.kind;
        p->address = p->point->at.modbus.address;
        p->count = p->point->at.modbus.count;
        p->unit = p->charger->config->unit + p->point->at.modbus.unit_offset;
    }
    p->reads = p->point->access & ACCESS_R;
    if (!p->writes)
        return p->reads ? NULL : "the point can only be written";
    if (!(p->point->access & ACCESS_W))
        return "the point can only be read";
    int r = -EINVAL;
    if (point_is_text(p->point) && json_is_string(value))
        r = value_encode_text(p->point, json_string_value(value), p->raw, &p->raw_len);
    else if (!point_is_text(p->point) && json_is_number(value) && p->point->scale_point < 0)
        r = value_encode_number(p->point, 0, json_number_value(value), ROUND_NEAREST, p->raw, &p->raw_len);
    return r < 0 ? "the point cannot hold this value" : NULL;
}

static const char *prepare(struct probe *p, const json_t *request)
{
    struct probes *probes = p->probes;
    const char *name = json_get_string(request, "point", NULL);
    const struct station_entry *entry = gateway_station(probes->gateway, p->station);
    if (!entry)
        return "no station of this id; `ocpp-cli status` lists them";
    p->charger = station_entry_charger(entry, (int)json_get_int(request, "evse", 1));
    if (!p->charger || !p->charger->link.device)
        return "the station has no such evse";
    p->writes = json_get_bool(request, "write", false);
    bool is_modbus = p->charger->config->profile->protocol == PROTOCOL_MODBUS;
    if (!is_modbus && !name)
        return "of such a device only points of its profile can be read and written";
    const char *wrong = name ? read_point(p, request, name) : read_address(p, request);
    const char *hazard = !wrong && p->writes && !json_get_bool(request, "force", false) ? hazard_of(p) : NULL;
    if (wrong || hazard)
        return wrong ? wrong : hazard;
    p->device = p->charger->link.device;
    p->ops = p->charger->link.ops;
    p->function = write_function(p);
    if (p->point)
        point_print_at(p->charger->config->profile, p->point, p->at, sizeof(p->at));
    if (p->point && is_modbus) {
        p->copy = *p->point;
        p->copy.invalid_count = 0;
        p->point = &p->copy;
    }
    if (is_modbus && resource_bus(&probes->gateway->resources,
                                  &probes->gateway->config->buses[p->charger->config->bus], &p->bus) < 0)
        return "out of memory";
    if (p->writes && !json_get_bool(request, "confirmed", false)) {
        if (!is_modbus || !p->reads)
            return "what it holds now cannot be told: confirm (--yes) to write it";
        p->writes = false; /* only what it holds now */
    }
    return NULL;
}

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
    const char *wrong = prepare(p, request);
    if (wrong) {
        finish(p, failure(wrong));
        return;
    }
    env_timer_start(&probes->gateway->loop.env, &p->timer, GIVE_UP_MS);
    if (p->writes && !p->reads)
        p->stage = STAGE_WRITE;
    if (p->bus)
        ask_modbus(p);
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
