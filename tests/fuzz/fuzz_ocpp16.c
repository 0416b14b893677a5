/* A charger of OCPP 1.6 that says what the input says. One step per line:
 *
 *     U, D           the charger connects, its connection is lost
 *     [...           a frame, as it is
 *     R<payload>     the gateway's open CALL is answered with this payload; E: with a CALLERROR
 *     W<number>      the point of this number is written, Q<number>: read
 *     A<seconds>     time passes
 *     G              the gateway restarts with what was kept
 *
 * Checked: what goes out is a frame, nothing calls back from inside, each read and write ends at most once, the unauthorized energy never
 * falls, and the device is quiet when all is over. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "charger/value.h"
#include "driver/ocpp16/engine.h"

#define MAX_STEPS 300

static const char profile_text[] =
    "profile: ocpp16\nvendor: x\nmodels: [x]\nprotocol: ocpp16\n"
    "points:\n"
    "  model: { at: model }\n"
    "  interval: { at: configuration MeterValueSampleInterval }\n"
    "  sign: { at: data acme.com show }\n"
    "  restart: { at: reset Hard }\n"
    "  all: { at: limit connector 0 }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
    "    count: 2\n"
    "    points:\n"
    "      status: { at: status }\n"
    "      tag: { at: id_tag }\n"
    "      transaction: { at: transaction }\n"
    "      plugged: { at: plugged }\n"
    "      free: { at: unauthorized_energy }\n"
    "      energy: { at: measurand Energy.Active.Import.Register, unit: kWh }\n"
    "      power: { at: measurand Power.Active.Import }\n"
    "      authorize: { at: authorize }\n"
    "      start: { at: remote_start }\n"
    "      stop: { at: remote_stop }\n"
    "      unlock: { at: unlock }\n"
    "      limit: { at: limit }\n"
    "    signals:\n"
    "      state: [ { available: plugged == 0 }, { charging: status == \"Charging\" }, { connected: "
    "otherwise } ]\n";

struct world {
    struct env env;
    struct timers timers;
    int64_t now_ms;
    uint32_t random;
    const struct profile *profile;
    struct device *device;
    bool up, closing, inside;
    char open_id[64];
    double free_Wh[2];
    int asked, done;
    char kept[3][300];
};

static int64_t now_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return 1790000000000 + ((struct world *)ctx)->now_ms;
}

static void fill_random(void *ctx, void *ret, size_t len)
{
    struct world *w = ctx;
    uint8_t *at = ret;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)((w->random = w->random * 1103515245 + 12345) >> 16);
}

static void check(bool good)
{
    if (!good)
        abort();
}

static int link_send(void *ctx, const char *text, size_t len)
{
    struct world *w = ctx;
    AUTO(json_t) *frame = json_from_text(text, len);
    check(json_is_array(frame) && w->up);
    if (json_integer_value(json_array_get(frame, 0)) == 2)
        (void)str_copy(w->open_id, sizeof(w->open_id), json_string_value(json_array_get(frame, 1)));
    return 0;
}

static void link_close(void *ctx, int code)
{
    struct world *w = ctx;
    check(code >= 1000);
    w->closing = true;
}

static const struct ocpp16_link fuzz_link = { link_send, link_close };

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct world *w = ctx;
    struct value value;
    check(!w->inside);
    check(value_decode(point, 0, raw, len, &value) == 0);
    for (int i = 0; i < 2; i++)
        if (str_equal(point->name, i ? "2.free" : "1.free")) {
            check(value.number >= w->free_Wh[i]);
            w->free_Wh[i] = value.number;
        }
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    (void)ctx;
    check(point && err < 0);
}

static void on_batch(void *ctx)
{
    check(!((struct world *)ctx)->inside);
}

static void on_online(void *ctx, bool online, int err)
{
    check(!((struct world *)ctx)->inside && online == (err == 0));
}

static void on_keep(void *ctx, const char *key, const char *value)
{
    struct world *w = ctx;
    int number = key[strlen(key) - 1] - '0';
    check(number == 1 || number == 2);
    check(str_copy(w->kept[number], sizeof(w->kept[number]), value ? value : "") == 0);
}

static void on_done(void *ctx, int err)
{
    struct world *w = ctx;
    check(!w->inside && err <= 0);
    check(++w->done <= w->asked);
}

static void make(struct world *w)
{
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, on_keep };
    char key[40];
    w->device = ocpp16_engine_new(&w->env, "CP1", w->profile, &w->profile->ocpp16, &events, w);
    check(w->device);
    w->up = w->closing = false;
    w->free_Wh[0] = w->free_Wh[1] = 0;
    w->asked = w->done = 0;
    for (int i = 1; i <= 2; i++) {
        (void)snprintf(key, sizeof(key), "ocpp16 CP1 %d", i);
        if (w->kept[i][0])
            ocpp16_device_ops.restore(w->device, key, w->kept[i]);
    }
}

static void set_up(struct world *w, bool up)
{
    if (w->up && !up)
        ocpp16_on_closed(w->device);
    else if (!w->up && up)
        w->up = true, ocpp16_on_open(w->device, &fuzz_link, w);
    w->up = up;
    w->closing = false;
}

static void pass(struct world *w, int64_t ms)
{
    int64_t until_ms = w->now_ms + ms;
    for (int64_t next_ms; (next_ms = timers_next_ms(&w->timers)) >= 0 && next_ms <= until_ms;) {
        w->now_ms = next_ms > w->now_ms ? next_ms : w->now_ms;
        timers_run(&w->timers, w->now_ms);
    }
    w->now_ms = until_ms;
    if (w->closing)
        set_up(w, false);
}

static void use_point(struct world *w, bool writes, int64_t number)
{
    const struct point *point = &w->profile->points[(uint64_t)number % w->profile->point_count];
    uint8_t raw[POINT_MAX_RAW];
    size_t len = 0;
    int r = -1;
    if (!(point->access & (writes ? ACCESS_W : ACCESS_R)))
        return;
    w->inside = true;
    w->asked++;
    if (!writes)
        r = ocpp16_device_ops.read(w->device, point, on_done, w);
    else if (point_is_text(point)
                 ? value_encode_text(point, "text", raw, &len) == 0
                 : value_encode_number(point, 0, (double)(number % 40), ROUND_DOWN, raw, &len) == 0)
        r = ocpp16_device_ops.write(w->device, point, raw, len, on_done, w);
    w->asked -= r < 0;
    w->inside = false;
}

static void receive(struct world *w, const char *text, size_t len)
{
    w->inside = true;
    if (w->up)
        ocpp16_on_message(w->device, text, len);
    w->inside = false;
}

static void step(struct world *w, const char *line, size_t len)
{
    char frame[4200], number[20];
    int n = 0;
    int64_t value = 0;
    (void)snprintf(number, sizeof(number), "%.*s", (int)(len - 1 < 18 ? len - 1 : 18), line + 1);
    (void)str_to_int(number, 0, 100000, &value);
    switch (line[0]) {
    case 'U':
    case 'D':
        set_up(w, line[0] == 'U');
        break;
    case 'R':
        n = snprintf(frame, sizeof(frame), "[3,\"%s\",%.*s]", w->open_id,
                     (int)(len - 1 < 4000 ? len - 1 : 4000), line + 1);
        receive(w, frame, (size_t)n);
        break;
    case 'E':
        n = snprintf(frame, sizeof(frame), "[4,\"%s\",\"GenericError\",\"\",{}]", w->open_id);
        receive(w, frame, (size_t)n);
        break;
    case 'W':
    case 'Q':
        use_point(w, line[0] == 'W', value);
        break;
    case 'A':
        pass(w, value * 1000);
        break;
    case 'G':
        ocpp16_device_ops.free(w->device);
        make(w);
        break;
    default:
        receive(w, line, len);
    }
    pass(w, 0);
}

static struct profile *read_profile(void)
{
    struct problems problems;
    struct profile *profile = NULL;
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level(area, LOG_ERROR);
    problems_init(&problems);
    check(profile_parse("ocpp16.yaml", profile_text, strlen(profile_text), NULL, &problems, &profile) == 0);
    problems_done(&problems);
    return profile;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct profile *profile;
    struct world w = { .random = 1 };
    const char *at = (const char *)data, *end = at + size;
    if (!profile)
        profile = read_profile();
    timers_init(&w.timers);
    w.env = (struct env){
        .ctx = &w, .now_ms = now_ms, .wall_ms = wall_ms, .random = fill_random, .timers = &w.timers
    };
    w.profile = profile;
    make(&w);
    for (int i = 0; i < MAX_STEPS && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        if (len > 0)
            step(&w, at, len);
        at += len + 1;
    }
    set_up(&w, false);
    pass(&w, 200000);
    check(w.done == w.asked); /* each has ended */
    ocpp16_device_ops.free(w.device);
    check(timers_next_ms(&w.timers) < 0);
    return 0;
}
