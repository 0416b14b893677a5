/* Our Modbus driver on a command line, for tests against other people's servers:
 *
 *   modbus_probe LINK UNITS OPTIONS POINT...
 *     LINK     tcp:HOST:PORT, rtu:HOST:PORT, ascii:HOST:PORT, or rtu:PATH:BAUD:PARITY, ascii:PATH:BAUD:PARITY
 *     UNITS    1,2,...
 *     OPTIONS  timeout,retries,write function,max words,max gap
 *     POINT    name:kind:address:count:every_ms[:write function]     kind: coil discrete input holding
 *
 * Commands on stdin: "write UNIT NAME HEX", "read UNIT NAME", "counters", "also LINK" (a second bus with a unit 100 that nobody hears of;
 * "also"); it ends with the input. On stdout a line per
 * event: "UNIT online", "UNIT offline ERR", "UNIT value NAME HEX", "UNIT none NAME ERR", "UNIT batch", "UNIT done ERR",
 * "UNIT refused ERR" (not even queued), "counters ...". */
#include <inttypes.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "driver/driver.h"

#define MAX_POINTS 64
#define MAX_UNITS  8

struct unit {
    struct probe *probe;
    int number;
    struct device *device;
};

struct probe {
    struct loop loop;
    struct modbus_bus_settings settings;
    struct modbus_options options;
    struct point points[MAX_POINTS];
    struct profile profile;
    struct unit units[MAX_UNITS];
    size_t unit_count;
    struct modbus_bus *bus;
    struct modbus_bus *also;
    struct device *also_device;
    uv_poll_t input;
    char line[1024];
    size_t line_len;
};

static void fail(const char *what)
{
    fprintf(stderr, "modbus_probe: %s\n", what);
    exit(2);
}

static int number(const char *text)
{
    int64_t value = 0;
    if (!text || str_to_int(text, 0, 10000000, &value) < 0)
        fail("a number is missing or wrong");
    return (int)value;
}

/* ---- what the charger would hear ---- */

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    char hex[2 * POINT_MAX_RAW + 1];
    hex_encode(raw, len, hex, sizeof(hex));
    printf("%d value %s %s\n", ((struct unit *)ctx)->number, point->name, hex);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    printf("%d none %s %d\n", ((struct unit *)ctx)->number, point->name, -err);
}

static void on_batch(void *ctx)
{
    printf("%d batch\n", ((struct unit *)ctx)->number);
}

static void on_online(void *ctx, bool online, int err)
{
    int unit = ((struct unit *)ctx)->number;
    if (online)
        printf("%d online\n", unit);
    else
        printf("%d offline %d\n", unit, -err);
}

static void on_done(void *ctx, int err)
{
    printf("%d done %d\n", ((struct unit *)ctx)->number, -err);
}

/* ---- commands ---- */

static struct unit *find_unit(struct probe *p, const char *text)
{
    int wanted = number(text);
    for (size_t i = 0; i < p->unit_count; i++) {
        if (p->units[i].number == wanted)
            return &p->units[i];
    }
    fail("no such unit");
    return NULL;
}

static const struct point *find_point(struct probe *p, const char *name)
{
    for (size_t i = 0; i < p->profile.point_count; i++) {
        if (name && str_equal(p->points[i].name, name))
            return &p->points[i];
    }
    fail("no such point");
    return NULL;
}

static void print_counters(const struct bus_counters *c)
{
    printf("counters requests=%" PRIu64 " answers=%" PRIu64 " timeouts=%" PRIu64 " exceptions=%" PRIu64
           " bad_frames=%" PRIu64 " late_answers=%" PRIu64 "\n",
           c->requests, c->answers, c->timeouts, c->exceptions, c->bad_frames, c->late_answers);
}

static void parse_link(struct modbus_bus_settings *s, char *text);

static void ignore_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    (void)ctx;
    (void)point;
    (void)raw;
    (void)len;
}

static void ignore_no_value(void *ctx, const struct point *point, int err)
{
    (void)ctx;
    (void)point;
    (void)err;
}

static void ignore_online(void *ctx, bool online, int err)
{
    (void)ctx;
    (void)online;
    (void)err;
}

static void open_also(struct probe *p, char *link)
{
    static const struct device_events none = {
        .on_value = ignore_value,
        .on_no_value = ignore_no_value,
        .on_online = ignore_online,
    };
    struct modbus_bus_settings settings;
    if (!link || p->also)
        fail("also wants a link, once");
    parse_link(&settings, link);
    p->also = modbus_bus_new(&p->loop, &settings);
    p->also_device = p->also ? modbus_device_new(p->also, 100, &p->profile, &p->options, &none, p) : NULL;
    if (!p->also_device)
        fail("no memory");
    printf("also\n");
}

static void obey(struct probe *p, char *line)
{
    const char *verb = strsep(&line, " ");
    if (str_equal(verb, "counters")) {
        print_counters(modbus_bus_counters(p->bus));
        return;
    }
    if (str_equal(verb, "also")) {
        open_also(p, line);
        return;
    }
    struct unit *unit = find_unit(p, strsep(&line, " "));
    const struct point *point = find_point(p, strsep(&line, " "));
    int r;
    if (str_equal(verb, "write")) {
        uint8_t raw[POINT_MAX_RAW];
        int len = line ? hex_decode(line, raw, sizeof(raw)) : -EINVAL;
        if (len < 0)
            fail("write wants hex digits");
        r = modbus_device_ops.write(unit->device, point, raw, (size_t)len, on_done, unit);
    } else {
        r = modbus_device_ops.read(unit->device, point, on_done, unit);
    }
    if (r < 0)
        printf("%d refused %d\n", unit->number, -r);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct probe *p = poll->data;
    ssize_t n = read(STDIN_FILENO, p->line + p->line_len, sizeof(p->line) - p->line_len - 1);
    if (n <= 0) {
        loop_stop(&p->loop);
        return;
    }
    p->line_len += (size_t)n;
    for (char *end; (end = memchr(p->line, '\n', p->line_len));) {
        *end = '\0';
        obey(p, p->line);
        p->line_len -= (size_t)(end + 1 - p->line);
        memmove(p->line, end + 1, p->line_len);
    }
}

/* ---- arguments ---- */

static void parse_link(struct modbus_bus_settings *s, char *text)
{
    static const char *const framings[] = { "tcp", "rtu", "ascii" };
    const char *framing = strsep(&text, ":"), *place = strsep(&text, ":"), *third = strsep(&text, ":");
    *s = (struct modbus_bus_settings){ .name = "probe",
                                       .connect_timeout_ms = 2000,
                                       .reconnect_after_ms = 200 };
    while (s->framing < 3 && !str_equal(framings[s->framing], framing))
        s->framing++;
    if (s->framing == 3 || !place)
        fail("wrong link");
    s->serial = place[0] == '/';
    if (s->serial) {
        str_copy(s->line.path, sizeof(s->line.path), place);
        s->line.baud = number(third);
        s->line.parity = text ? text[0] : 'N';
        s->line.data_bits = 8;
        s->line.stop_bits = 1;
        return;
    }
    str_copy(s->host, sizeof(s->host), place);
    s->port = (uint16_t)number(third);
}

static void parse_options(struct modbus_options *o, char *text)
{
    o->timeout_ms = number(strsep(&text, ","));
    o->retries = number(strsep(&text, ","));
    o->write_function = number(strsep(&text, ","));
    o->max_words = number(strsep(&text, ","));
    o->max_gap = number(strsep(&text, ","));
}

static void parse_point(struct probe *p, char *text)
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding" };
    struct point *point = &p->points[p->profile.point_count];
    if (p->profile.point_count == MAX_POINTS)
        fail("too many points");
    point->index = (uint16_t)p->profile.point_count++;
    str_copy(point->name, sizeof(point->name), strsep(&text, ":"));
    const char *kind = strsep(&text, ":");
    while (kind && point->at.modbus.kind < 4 && !str_equal(kinds[point->at.modbus.kind], kind))
        point->at.modbus.kind++;
    if (!kind || point->at.modbus.kind == 4)
        fail("wrong kind");
    point->at.modbus.address = (uint16_t)number(strsep(&text, ":"));
    point->at.modbus.count = (uint16_t)number(strsep(&text, ":"));
    point->every_ms = number(strsep(&text, ":"));
    if (text)
        point->at.modbus.write_function = (uint8_t)number(text);
    point->access = ACCESS_RW;
}

int main(int argc, char **argv)
{
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, NULL };
    struct probe *p = calloc(1, sizeof(*p));
    if (!p || argc < 5 || loop_init(&p->loop) < 0)
        fail("usage: modbus_probe LINK UNITS OPTIONS POINT...");
    setvbuf(stdout, NULL, _IOLBF, 0);
    parse_link(&p->settings, argv[1]);
    parse_options(&p->options, argv[3]);
    for (int i = 4; i < argc; i++)
        parse_point(p, argv[i]);
    p->profile.points = p->points;

    p->bus = modbus_bus_new(&p->loop, &p->settings);
    for (char *units = argv[2]; p->bus && units && p->unit_count < MAX_UNITS;) {
        struct unit *unit = &p->units[p->unit_count++];
        *unit = (struct unit){ .probe = p, .number = number(strsep(&units, ",")) };
        unit->device = modbus_device_new(p->bus, unit->number, &p->profile, &p->options, &events, unit);
    }
    p->input.data = p;
    uv_poll_init(&p->loop.uv, &p->input, STDIN_FILENO);
    uv_poll_start(&p->input, UV_READABLE | UV_DISCONNECT, on_input);
    loop_run(&p->loop);

    for (size_t i = 0; i < p->unit_count; i++)
        modbus_device_ops.free(p->units[i].device);
    modbus_bus_free(p->bus);
    if (p->also)
        modbus_device_ops.free(p->also_device);
    modbus_bus_free(p->also);
    uv_close((uv_handle_t *)&p->input, NULL);
    loop_done(&p->loop);
    free(p);
    return 0;
}
