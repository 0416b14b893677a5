/* A charger that may be connected: its points, what is asked of it, and whether it is there.
 *
 *             opened                      Boot, or any other CALL of it        closed, deaf, told to restart
 *   AWAY -------------> connected --------------------------------> ONLINE ------------------------------> AWAY
 *                          '-- nothing for 10 s: TriggerMessage BootNotification --'
 *
 * All news goes to the charger layer from one timer that is due at once: values first, then the end of a batch, then the ends of reads
 * and writes. So nothing comes from inside a call, and what belongs together is seen together. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "driver/ocpp16/internal.h"

#define GREET_MS       10000
#define ASK_MS         3000
#define CONFIRM_MS     20000
#define RATE_PERIOD_MS 10000
#define MAX_RATE       2000 /* messages of a charger per period */
#define ALLOWANCE_MS   60000
#define MAX_ALLOWED    30

/* ---- values ---- */

/* The text of a point, NULL: it has none now. */
static const char *text_of(const struct device *device, struct connector *c, const struct point *point)
{
    switch ((enum ocpp16_item)point->at.ocpp16.item) {
    case OCPP16_STATUS:
        return *connector_shown_status(c) ? c->shown : NULL;
    case OCPP16_ERROR_CODE:
        return *c->status ? c->error_code : NULL;
    case OCPP16_VENDOR_ERROR_CODE:
        return c->vendor_error_code;
    case OCPP16_INFO:
        return c->info;
    case OCPP16_ID_TAG:
        return c->id_tag;
    case OCPP16_VENDOR:
        return *device->vendor ? device->vendor : NULL;
    case OCPP16_MODEL:
        return *device->model ? device->model : NULL;
    case OCPP16_SERIAL_NUMBER:
        return *device->serial_number ? device->serial_number : NULL;
    case OCPP16_FIRMWARE:
        return *device->firmware ? device->firmware : NULL;
    default:
        return device->data[point->index].text;
    }
}

/* False: it has no value now. */
static bool number_of(const struct device *device, struct connector *c, const struct point *point,
                      double *ret)
{
    const struct datum *datum = &device->data[point->index];
    switch ((enum ocpp16_item)point->at.ocpp16.item) {
    case OCPP16_TRANSACTION:
        *ret = c->session.runs;
        return true;
    case OCPP16_PLUGGED:
        *ret = connector_is_plugged(c);
        return *c->shown != '\0';
    case OCPP16_UNAUTHORIZED:
        *ret = c->unauthorized_Wh;
        return true;
    default:
        *ret = datum->number;
        return datum->is_known;
    }
}

static void tell_point(struct device *device, const struct point *point)
{
    struct connector *c = &device->connectors[point->at.ocpp16.connector];
    double number = 0;
    if (!(point->access & ACCESS_R))
        return;
    if (point->type == POINT_STRING) {
        const char *text = text_of(device, c, point);
        size_t len = text ? strnlen(text, POINT_MAX_RAW) : 0;
        if (text)
            device->events.on_value(device->ctx, point, (const uint8_t *)text, len);
    } else if (!number_of(device, c, point, &number)) {
        if (device->data[point->index].told)
            device->events.on_no_value(device->ctx, point, -ERR_DEVICE_EXCEPTION);
        device->data[point->index].told = false;
    } else {
        uint8_t raw[8];
        uint64_t bits;
        memcpy(&bits, &number, sizeof(bits));
        for (size_t i = 0; i < sizeof(raw); i++)
            raw[i] = (uint8_t)(bits >> (56 - 8 * i));
        device->data[point->index].told = true;
        device->events.on_value(device->ctx, point, raw, sizeof(raw));
    }
}

static void tell_points(struct device *device)
{
    for (size_t i = 0; i < device->profile->point_count; i++)
        tell_point(device, &device->profile->points[i]);
    device->events.on_batch(device->ctx);
}

/* Who comes online shows an empty reader first: a token that is there then would pass for an old one. */
static void tell_online(struct device *device)
{
    bool is_back = !device->told_online || device->restarted;
    device->told = true;
    device->told_online = true;
    device->restarted = false;
    if (!is_back)
        return;
    device->events.on_online(device->ctx, true, 0);
    for (size_t i = 0; i < device->profile->point_count; i++)
        if (device->profile->points[i].at.ocpp16.item == OCPP16_ID_TAG)
            device->events.on_value(device->ctx, &device->profile->points[i], (const uint8_t *)"", 0);
    device->events.on_batch(device->ctx);
}

static void on_news(struct timer *timer, void *ctx)
{
    (void)timer;
    struct device *device = ctx;
    if (device->online) {
        tell_online(device);
        tell_points(device);
    } else if (!device->told || device->told_online) {
        device->health.losses += device->told_online;
        device->told = true;
        device->told_online = false;
        device->events.on_online(device->ctx, false, device->offline_err);
    }
    calls_tell(device);
}

void device_tell(struct device *device)
{
    if (!timer_is_active(&device->news))
        env_timer_start(device->env, &device->news, 0);
}

bool device_may(struct device *device, struct allowance *allowance)
{
    int64_t now_ms = now_ms_of(device);
    if (allowance->used == 0 || now_ms - allowance->since_ms >= ALLOWANCE_MS)
        *allowance = (struct allowance){ .since_ms = now_ms };
    return allowance->used++ < MAX_ALLOWED;
}

struct connector *device_connector(struct device *device, int64_t number)
{
    return number >= 0 && number < device->connector_count ? &device->connectors[number] : NULL;
}

/* ---- presence ---- */

static void ask_what_is_missing(struct device *device)
{
    if (!*device->vendor)
        calls_trigger(device, "BootNotification", -1);
    for (int i = 1; i < device->connector_count; i++) {
        struct connector *c = &device->connectors[i];
        if (!c->has_status)
            calls_trigger(device, "StatusNotification", i);
        if (!c->session.runs && !c->triggered) {
            c->triggered = true;
            calls_trigger(device, "MeterValues", i);
            env_timer_start(device->env, &c->read_timer, CONFIRM_MS);
        }
    }
}

static void on_greet(struct timer *timer, void *ctx)
{
    (void)timer;
    struct device *device = ctx;
    if (!device->connected)
        return;
    if (!device->online) {
        calls_trigger(device, "BootNotification", -1);
        env_timer_start(device->env, &device->greet, 6 * GREET_MS);
        return;
    }
    if (now_ms_of(device) - device->online_ms < CONFIRM_MS) {
        ask_what_is_missing(device);
        env_timer_start(device->env, &device->greet, CONFIRM_MS);
        return;
    }
    for (int i = 1; i < device->connector_count; i++)
        connector_confirm(&device->connectors[i]);
}

void device_come_online(struct device *device, bool booted)
{
    if (booted && device->online)
        device->restarted = true;
    if (device->online && !booted)
        return;
    if (!booted && timer_is_active(&device->reset))
        return; /* it was told to restart, and will */
    timer_stop(&device->reset);
    device->online = true;
    device->online_ms = now_ms_of(device);
    env_timer_start(device->env, &device->greet, booted ? ASK_MS : 0);
    device_tell(device);
}

void device_go_offline(struct device *device, int err)
{
    device->online = false;
    device->offline_err = err;
    calls_fail_all(device, err);
    device_tell(device);
}

/* It was to restart, and did not as far as can be seen. */
static void on_reset(struct timer *timer, void *ctx)
{
    (void)timer;
    struct device *device = ctx;
    if (device->connected)
        device_come_online(device, false);
}

/* ---- the link ---- */

static void keep_frame(struct device *device, bool outgoing, const char *text, size_t len)
{
    char record[1200], when[TIMESTAMP_SIZE];
    bool hidden = text_may_hold_secret(text, len);
    timestamp_format(env_wall_ms(device->env), when);
    int n = snprintf(record, sizeof(record), "%s %s %.*s", when, outgoing ? "sent    " : "received",
                     hidden ? 8 : (int)(len < 1000 ? len : 1000), hidden ? "(hidden)" : text);
    for (char *at = record; *at; at++)
        if (*at < 0x20 || *at > 0x7E)
            *at = '?';
    (void)ring_add(&device->frames, record, (size_t)n);
}

void ocpp16_on_open(struct device *device, const struct ocpp16_link *link, void *link_ctx)
{
    device->link = link;
    device->link_ctx = link_ctx;
    device->connected = true;
    device->opened_wall_ms = env_wall_ms(device->env);
    device->timeouts = 0;
    device->rate = 0;
    device->boot_asked = false;
    rpc_set_connected(device->rpc, true);
    env_timer_start(device->env, &device->greet, GREET_MS);
}

void ocpp16_on_closed(struct device *device)
{
    device->connected = false;
    timer_stop(&device->greet);
    timer_stop(&device->reset);
    rpc_set_connected(device->rpc, false);
    for (int i = 0; i < device->connector_count; i++)
        connector_on_closed(&device->connectors[i]);
    device_go_offline(device, -ERR_LINK_DOWN);
}

static bool is_flood(struct device *device)
{
    int64_t now_ms = now_ms_of(device);
    if (device->rate == 0 || now_ms - device->rate_since_ms >= RATE_PERIOD_MS) {
        device->rate_since_ms = now_ms;
        device->rate = 0;
    }
    return device->rate++ >= MAX_RATE;
}

void ocpp16_on_message(struct device *device, const char *text, size_t len)
{
    if (!device->connected)
        return;
    if (is_flood(device)) {
        if (device->rate == MAX_RATE + 1) {
            log_warn(LOG_OCPP16, "charger sends too much, its connection is closed: charger=%s",
                     device->identity);
            device->link->close(device->link_ctx, OCPP16_CLOSE_FLOOD);
        }
        return;
    }
    device->health.last_answer_ms = now_ms_of(device);
    keep_frame(device, false, text, len);
    rpc_receive(device->rpc, text, len);
}

static void print_frame(void *ctx, const void *record, size_t len)
{
    (void)buf_append(ctx, record, len);
    (void)buf_text(ctx, "\n");
}

void ocpp16_print_frames(const struct device *device, struct buf *out)
{
    ring_each(&device->frames, print_frame, out);
}

void device_keep_sent(struct device *device, const char *text, size_t len)
{
    keep_frame(device, true, text, len);
}

/* ---- for the charger layer ---- */

static double number_from(const uint8_t *raw, size_t len)
{
    uint64_t bits = 0;
    double number = 0;
    for (size_t i = 0; i < len && i < 8; i++)
        bits = bits << 8 | raw[i];
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static int send_data(struct device *device, const struct call *what, const char *text)
{
    const char *vendor = what->point->at.ocpp16.name, *space = strchr(vendor, ' ');
    json_t *payload = json_pack("{s:s%, s:s}", "vendorId", vendor,
                                space ? (size_t)(space - vendor) : strlen(vendor), "data", text);
    (void)json_set_text(payload, "messageId", space ? space + 1 : NULL);
    return calls_add(device, "DataTransfer", payload, NULL, what);
}

static int write_text(struct device *device, const struct call *what, const uint8_t *raw, size_t len)
{
    char text[POINT_MAX_RAW + 1];
    memcpy(text, raw, len);
    text[len] = '\0';
    if (what->point->at.ocpp16.item == OCPP16_DATA)
        return send_data(device, what, text);
    return calls_add(device, "ChangeConfiguration",
                     json_pack("{s:s, s:s}", "key", what->point->at.ocpp16.name, "value", text), NULL, what);
}

static int write_number(struct device *device, struct connector *c, const struct call *what, double number)
{
    struct call reset = *what;
    switch ((enum ocpp16_item)what->point->at.ocpp16.item) {
    case OCPP16_AUTHORIZE:
        connector_answer_token(c, number != 0);
        return calls_end_at_once(device, what, 0);
    case OCPP16_REMOTE_START:
        return connector_start(c, what);
    case OCPP16_REMOTE_STOP:
        return connector_stop(c, what);
    case OCPP16_UNLOCK:
        return calls_add(device, "UnlockConnector", json_pack("{s:i}", "connectorId", c->number), NULL, what);
    case OCPP16_RESET:
        reset.is_reset = true;
        return calls_add(device, "Reset", json_pack("{s:s}", "type", what->point->at.ocpp16.name), NULL,
                         &reset);
    case OCPP16_LIMIT:
        return connector_limit(c, what, number);
    case OCPP16_AVAILABILITY:
        return calls_add(device, "ChangeAvailability",
                         json_pack("{s:i, s:s}", "connectorId", c->number, "type",
                                   number != 0 ? "Operative" : "Inoperative"),
                         NULL, what);
    default:
        return calls_end_at_once(device, what, -ERR_DEVICE_EXCEPTION);
    }
}

static int write_point(struct device *device, const struct point *point, const uint8_t *raw, size_t len,
                       device_done callback, void *ctx)
{
    struct call what = { .point = point, .connector = -1, .callback = callback, .ctx = ctx };
    if (!device->online)
        return calls_end_at_once(device, &what, -ERR_LINK_DOWN);
    if (len > POINT_MAX_RAW)
        return -ERANGE;
    return point->type == POINT_STRING ? write_text(device, &what, raw, len)
                                       : write_number(device, &device->connectors[point->at.ocpp16.connector],
                                                      &what, number_from(raw, len));
}

/* It is told at the start only. */
static bool is_of_boot(const struct point *point)
{
    return point->at.ocpp16.item >= OCPP16_VENDOR && point->at.ocpp16.item <= OCPP16_FIRMWARE;
}

static int read_point(struct device *device, const struct point *point, device_done callback, void *ctx)
{
    struct call what = { .point = point, .connector = -1, .callback = callback, .ctx = ctx };
    if (!device->online)
        return calls_end_at_once(device, &what, -ERR_LINK_DOWN);
    if (point->at.ocpp16.item == OCPP16_CONFIGURATION)
        return calls_add(device, "GetConfiguration", json_pack("{s:[s]}", "key", point->at.ocpp16.name), NULL,
                         &what);
    if (point->at.ocpp16.item == OCPP16_MEASURAND)
        return calls_await_reading(device, &device->connectors[point->at.ocpp16.connector], &what);
    if (is_of_boot(point) && !*device->vendor) {
        calls_trigger(device, "BootNotification", -1);
        return calls_end_at_once(device, &what, -ERR_NO_ANSWER);
    }
    return calls_end_at_once(device, &what, 0); /* the charger has told what there is */
}

static const struct device_health *health_of(const struct device *device)
{
    return &device->health;
}

static void restore(struct device *device, const char *key, const char *value)
{
    char own[80];
    for (int i = 1; i < device->connector_count; i++) {
        (void)snprintf(own, sizeof(own), "ocpp16 %s %d", device->identity, i);
        if (str_equal(own, key))
            connector_restore(&device->connectors[i], value);
    }
}

/* ---- life ---- */

static void free_device(struct device *device)
{
    if (!device)
        return;
    if (device->on_free)
        device->on_free(device->on_free_ctx);
    timer_stop(&device->news);
    timer_stop(&device->greet);
    timer_stop(&device->reset);
    for (int i = 0; i < device->connector_count; i++)
        connector_done(&device->connectors[i]);
    rpc_free(device->rpc);
    calls_free_all(device);
    for (size_t i = 0; device->data && i < device->profile->point_count; i++)
        free(device->data[i].text);
    ring_done(&device->frames);
    free(device->data);
    free(device->connectors);
    free(device);
}
DEFINE_AUTO(device, free_device)

const struct device_ops ocpp16_device_ops = { write_point, read_point, free_device, health_of, restore };

void ocpp16_set_on_free(struct device *device, void (*on_free)(void *ctx), void *ctx)
{
    device->on_free = on_free;
    device->on_free_ctx = ctx;
}

const char *ocpp16_identity(const struct device *device)
{
    return device->identity;
}

static int make_parts(struct device *device)
{
    int last = 1;
    for (size_t i = 0; i < device->profile->point_count; i++)
        if (device->profile->points[i].at.ocpp16.connector > last)
            last = device->profile->points[i].at.ocpp16.connector;
    device->connectors = calloc((size_t)last + 1, sizeof(*device->connectors));
    device->data = calloc(device->profile->point_count + 1, sizeof(*device->data));
    device->rpc = rpc_new(device->env, &ocpp16_rpc_ops, device, OCPP16_MAX_MESSAGE);
    if (!device->connectors || !device->data || !device->rpc)
        return -ENOMEM;
    rpc_set_version(device->rpc, &message_table_16);
    rpc_set_lenient(device->rpc, device->options.is_lenient);
    rpc_set_name(device->rpc, device->identity);
    for (int i = 0; i <= last; i++)
        connector_init(&device->connectors[i], device, i);
    device->connector_count = last + 1;
    return 0;
}

struct device *ocpp16_engine_new(const struct env *env, const char *identity, const struct profile *profile,
                                 const struct ocpp16_options *options, const struct device_events *events,
                                 void *ctx)
{
    AUTO(device) *device = calloc(1, sizeof(*device));
    if (!device || str_copy(device->identity, sizeof(device->identity), identity) < 0)
        return NULL;
    device->env = env;
    device->profile = profile;
    device->options = *options;
    device->events = *events;
    device->ctx = ctx;
    device->offline_err = -ERR_LINK_DOWN;
    list_init(&device->calls);
    list_init(&device->reads);
    list_init(&device->done);
    timer_init(&device->news, env->timers, on_news, device);
    timer_init(&device->greet, env->timers, on_greet, device);
    timer_init(&device->reset, env->timers, on_reset, device);
    ring_init(&device->frames, OCPP16_FRAME_BYTES);
    if (make_parts(device) < 0)
        return NULL;
    return STEAL(device);
}
