/* Our ECHONET Lite driver on a command line, for tests against other people's nodes:
 *
 *   echonet_probe ADDRESS:PORT OPTIONS TARGETS POINT...
 *     ADDRESS  what we bind and multicast on
 *     OPTIONS  class,batch,timeout,pause,retries       class such as 0x02A1
 *     TARGETS  HOST/INSTANCE,... or id:HEX/INSTANCE,...; numbered from 1. "-": none
 *     POINT    name:epc:size:every_ms:access           size 0: any; access r, w or rw
 *
 * Commands on stdin: "write DEVICE NAME HEX", "read DEVICE NAME", "scan", "counters"; it ends with the input. On stdout a line per
 * event: "DEVICE online", "DEVICE offline ERR", "DEVICE value NAME HEX", "DEVICE none NAME ERR", "DEVICE batch", "DEVICE done ERR",
 * "DEVICE refused ERR", "found HOST instances GGCCII...", "found HOST id HEX", "counters ...". */
#include <inttypes.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "driver/driver.h"
#include "driver/echonet/codec.h"

#define MAX_POINTS  64
#define MAX_DEVICES 8

struct probe;

struct probed {
    struct probe *probe;
    int number;
    struct device *device;
};

struct probe {
    struct loop loop;
    struct echonet_options options;
    struct point points[MAX_POINTS];
    struct profile profile;
    struct probed devices[MAX_DEVICES];
    int device_count;
    struct echonet_node *node;
    uv_poll_t input;
    char line[1024];
    size_t line_len;
};

static void fail(const char *what)
{
    fprintf(stderr, "echonet_probe: %s\n", what);
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
    printf("%d value %s %s\n", ((struct probed *)ctx)->number, point->name, hex);
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    printf("%d none %s %d\n", ((struct probed *)ctx)->number, point->name, -err);
}

static void on_batch(void *ctx)
{
    printf("%d batch\n", ((struct probed *)ctx)->number);
}

static void on_online(void *ctx, bool online, int err)
{
    if (online)
        printf("%d online\n", ((struct probed *)ctx)->number);
    else
        printf("%d offline %d\n", ((struct probed *)ctx)->number, -err);
}

static void on_done(void *ctx, int err)
{
    printf("%d done %d\n", ((struct probed *)ctx)->number, -err);
}

static void on_found(void *ctx, const struct echonet_found *found)
{
    (void)ctx;
    char hex[2 * 255 + 1];
    if (found->node_id) {
        hex_encode(found->node_id, found->node_id_len, hex, sizeof(hex));
        printf("found %s id %s\n", found->host, hex);
        return;
    }
    printf("found %s instances ", found->host);
    for (size_t i = 0; i < found->instance_count; i++)
        printf("%02X%02X%02X", found->instances[i].group, found->instances[i].code,
               found->instances[i].instance);
    printf("\n");
}

/* ---- commands ---- */

static const struct point *find_point(struct probe *p, const char *name)
{
    for (size_t i = 0; i < p->profile.point_count; i++)
        if (name && str_equal(p->points[i].name, name))
            return &p->points[i];
    fail("no such point");
    return NULL;
}

static void print_counters(const struct bus_counters *c)
{
    printf("counters requests=%" PRIu64 " answers=%" PRIu64 " timeouts=%" PRIu64 " exceptions=%" PRIu64
           " bad_frames=%" PRIu64 " late_answers=%" PRIu64 "\n",
           c->requests, c->answers, c->timeouts, c->exceptions, c->bad_frames, c->late_answers);
}

static void command_device(struct probe *p, const char *verb, char *line)
{
    int index = number(strsep(&line, " ")) - 1;
    if (index < 0 || index >= p->device_count)
        fail("no such device");
    struct probed *d = &p->devices[index];
    const struct point *point = find_point(p, strsep(&line, " "));
    uint8_t raw[POINT_MAX_RAW];
    int r;
    if (str_equal(verb, "write")) {
        int len = line ? hex_decode(line, raw, sizeof(raw)) : -EINVAL;
        if (len < 0)
            fail("write wants hex digits");
        r = echonet_device_ops.write(d->device, point, raw, (size_t)len, on_done, d);
    } else {
        r = echonet_device_ops.read(d->device, point, on_done, d);
    }
    if (r < 0)
        printf("%d refused %d\n", d->number, -r);
}

static void obey(struct probe *p, char *line)
{
    const char *verb = strsep(&line, " ");
    if (str_equal(verb, "counters"))
        print_counters(echonet_counters(p->node));
    else if (str_equal(verb, "scan"))
        echonet_discover(p->node, on_found, NULL);
    else
        command_device(p, verb, line);
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

static void parse_options(struct echonet_options *o, char *text)
{
    int class = number(strsep(&text, ","));
    o->class_group = (uint8_t)(class >> 8);
    o->class_code = (uint8_t) class;
    o->batch = number(strsep(&text, ","));
    o->timeout_ms = number(strsep(&text, ","));
    o->pause_ms = number(strsep(&text, ","));
    o->retries = number(strsep(&text, ","));
}

static void parse_point(struct probe *p, char *text)
{
    struct point *point = &p->points[p->profile.point_count];
    if (p->profile.point_count == MAX_POINTS)
        fail("too many points");
    point->index = (uint16_t)p->profile.point_count++;
    point->type = POINT_BYTES;
    (void)str_copy(point->name, sizeof(point->name), strsep(&text, ":"));
    point->at.echonet.epc = (uint8_t)number(strsep(&text, ":"));
    point->raw_size = (uint16_t)number(strsep(&text, ":"));
    point->every_ms = number(strsep(&text, ":"));
    if (point->raw_size)
        point->type = POINT_BITS;
    const char *access = strsep(&text, ":");
    point->access = str_equal(access, "rw") ? ACCESS_RW : str_equal(access, "w") ? ACCESS_W : ACCESS_R;
}

static void add_device(struct probe *p, char *text)
{
    static const struct device_events events = { on_value, on_no_value, on_batch, on_online, NULL };
    struct echonet_target target = { 0 };
    const char *where = strsep(&text, "/");
    target.instance = (uint8_t)number(text);
    if (!str_starts(where, "id:"))
        (void)str_copy(target.host, sizeof(target.host), where);
    else if (hex_decode(where + 3, target.node_id, sizeof(target.node_id)) < 0)
        fail("wrong id");
    if (p->device_count == MAX_DEVICES)
        fail("too many devices");
    struct probed *d = &p->devices[p->device_count++];
    *d = (struct probed){ .probe = p, .number = p->device_count };
    d->device = echonet_device_new(p->node, &target, &p->profile, &p->options, &events, d);
}

int main(int argc, char **argv)
{
    struct probe *p = calloc(1, sizeof(*p));
    if (!p || argc < 4 || loop_init(&p->loop) < 0)
        fail("usage: echonet_probe ADDRESS:PORT OPTIONS TARGETS POINT...");
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct echonet_settings settings = { .node_id = { 0xFE, 0x00, 0x00, 0x77, 'p', 'r', 'o', 'b', 'e' } };
    char *where = argv[1];
    (void)str_copy(settings.bind_address, sizeof(settings.bind_address), strsep(&where, ":"));
    settings.port = (uint16_t)number(where);
    parse_options(&p->options, argv[2]);
    for (int i = 4; i < argc; i++)
        parse_point(p, argv[i]);
    p->profile.points = p->points;
    p->profile.echonet = p->options;

    int r = echonet_new(&p->loop, &settings, &p->node);
    if (r < 0)
        fail(err_text(r));
    for (char *targets = argv[3], *one; targets && !str_equal(argv[3], "-") && (one = strsep(&targets, ","));)
        add_device(p, one);
    p->input.data = p;
    uv_poll_init(&p->loop.uv, &p->input, STDIN_FILENO);
    uv_poll_start(&p->input, UV_READABLE | UV_DISCONNECT, on_input);
    loop_run(&p->loop);

    for (int i = 0; i < p->device_count; i++)
        echonet_device_ops.free(p->devices[i].device);
    echonet_free(p->node);
    uv_close((uv_handle_t *)&p->input, NULL);
    loop_done(&p->loop);
    free(p);
    return 0;
}
