/* One RS-485 line with many units: how often each is heard, how long a command takes while all are polled, and how the line's time is used.
 *
 *   bench-line UNITS DEAD BAUD EVERY_MS SECONDS
 *
 * The units are a thread behind a pseudo terminal that keeps the time of the line: each byte takes its ten bits, and a unit thinks for 5 ms. Each has a
 * state (every EVERY_MS), power and energy (5 times as long), currents and voltages (10 times), one after the other as in most register maps; the
 * last DEAD of them never answer. A register of some unit is written five times a second. Prints JSON. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "driver/driver.h"

#define MAX_UNITS   64
#define MAX_SAMPLES 100000
#define THINKING_US 5000
#define POINTS      4

static const struct {
    const char *name;
    uint16_t count;
    int times; /* the state's interval */
} map[POINTS] = { { "state", 1, 1 }, { "power", 2, 5 }, { "energy", 2, 5 }, { "phases", 6, 10 } };

struct unit {
    struct bench *bench;
    struct device *device;
    int64_t state_us; /* when its state was heard last */
};

struct bench {
    struct loop loop;
    struct point points[POINTS], limit;
    struct profile profile;
    struct unit units[MAX_UNITS];
    int count, dead, baud, master;
    int64_t every_ms, seconds;
    struct modbus_bus *bus;
    struct timer timer, end;
    int64_t written_us;
    bool counting;
    double periods[MAX_SAMPLES], latencies[MAX_SAMPLES];
    size_t period_count, latency_count;
    atomic_llong polls_us, writes_us; /* of the line */
    atomic_bool count_line, stop;
};

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void sleep_us(int64_t us)
{
    struct timespec t = { us / 1000000, us % 1000000 * 1000 };
    while (nanosleep(&t, &t) < 0)
        ;
}

/* ---- the units ---- */

static int64_t line_us(const struct bench *b, size_t bytes)
{
    return (int64_t)bytes * 10 * 1000000 / b->baud;
}

static void serve(struct bench *b, const struct modbus_frame *frame, size_t request_bytes)
{
    static const uint8_t data[2 * 125];
    struct modbus_request request = { 0 };
    uint8_t pdu[MODBUS_MAX_PDU], bytes[MODBUS_MAX_FRAME];
    int64_t took_us = line_us(b, request_bytes);
    if (modbus_decode_request(frame->pdu, frame->pdu_len, &request) == 0 &&
        frame->unit <= b->count - b->dead) {
        struct modbus_response response = { .function = request.function,
                                            .address = request.address,
                                            .count = request.count,
                                            .data = request.data ? request.data : data,
                                            .data_len =
                                                request.data ? request.data_len : 2u * request.count };
        int pdu_len = modbus_encode_response(&response, pdu, sizeof(pdu));
        struct modbus_frame reply = { 0, frame->unit, pdu, (size_t)pdu_len };
        int len = modbus_encode_frame(MODBUS_RTU, &reply, bytes, sizeof(bytes));
        took_us += line_us(b, (size_t)len);
        sleep_us(took_us + THINKING_US);
        if (write(b->master, bytes, (size_t)len) != len)
            abort();
        took_us += line_us(b, 7); /* silence before both */
    }
    if (atomic_load(&b->count_line))
        atomic_fetch_add(request.data ? &b->writes_us : &b->polls_us, took_us);
}

static void *run_units(void *ctx)
{
    struct bench *b = ctx;
    struct modbus_receiver receiver;
    struct modbus_frame frame;
    uint8_t bytes[512];
    modbus_receiver_init(&receiver, MODBUS_RTU, true);
    while (!atomic_load(&b->stop)) {
        struct pollfd p = { .fd = b->master, .events = POLLIN };
        ssize_t len = poll(&p, 1, 100) > 0 ? read(b->master, bytes, sizeof(bytes)) : 0;
        struct reader input = reader_of(bytes, len > 0 ? (size_t)len : 0);
        while (modbus_receive(&receiver, &input, &frame) > 0)
            serve(b, &frame, (size_t)len);
    }
    return NULL;
}

/* ---- the gateway's side ---- */

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    struct unit *u = ctx;
    struct bench *b = u->bench;
    int64_t now = now_us();
    (void)raw;
    (void)len;
    if (point != &b->points[0])
        return;
    if (b->counting && u->state_us && b->period_count < MAX_SAMPLES)
        b->periods[b->period_count++] = (double)(now - u->state_us) / 1000;
    u->state_us = now;
}

static void on_no_value(void *ctx, const struct point *point, int err)
{
    (void)ctx;
    (void)point;
    (void)err;
}

static void on_batch(void *ctx)
{
    (void)ctx;
}

static void on_online(void *ctx, bool online, int err)
{
    (void)ctx;
    (void)online;
    (void)err;
}

static void on_written(void *ctx, int err)
{
    struct bench *b = ctx;
    if (err == 0 && b->counting && b->latency_count < MAX_SAMPLES)
        b->latencies[b->latency_count++] = (double)(now_us() - b->written_us) / 1000;
    env_timer_start(&b->loop.env, &b->timer, 150 + env_random(&b->loop.env, 100));
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct bench *b = ctx;
    struct unit *u = &b->units[env_random(&b->loop.env, (uint32_t)(b->count - b->dead))];
    (void)timer;
    b->written_us = now_us();
    if (modbus_device_ops.write(u->device, &b->limit, (const uint8_t[]){ 0, 16 }, 2, on_written, b) < 0)
        env_timer_start(&b->loop.env, &b->timer, 200);
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(double *sorted, size_t count, double share)
{
    return count ? sorted[(size_t)(share * (double)(count - 1))] : 0;
}

/* What the wanted points need at least: a request of all that is due, for each unit that answers, each time its state is due; the bytes of a request and
 * of the head of its answer, and silence before both. */
static double least_share(const struct bench *b)
{
    double bytes = 8 + 5 + 7;
    for (int i = 0; i < POINTS; i++)
        bytes += 2.0 * map[i].count / map[i].times;
    return bytes * 10 / b->baud * (b->count - b->dead) * 1000 / (double)b->every_ms;
}

static void on_end(struct timer *timer, void *ctx)
{
    struct bench *b = ctx;
    if (!b->counting) {
        b->counting = true;
        atomic_store(&b->count_line, true);
        env_timer_start(&b->loop.env, timer, b->seconds * 1000);
        return;
    }
    qsort(b->periods, b->period_count, sizeof(double), by_value);
    qsort(b->latencies, b->latency_count, sizeof(double), by_value);
    printf("{\"period_ms\": [%.0f, %.0f, %.0f], \"latency_ms\": [%.1f, %.1f, %.1f], \"polls\": %.3f, "
           "\"writes\": %.3f, "
           "\"least\": %.3f, "
           "\"timeouts\": %llu}\n",
           at(b->periods, b->period_count, 0.5), at(b->periods, b->period_count, 0.99),
           at(b->periods, b->period_count, 1), at(b->latencies, b->latency_count, 0.5),
           at(b->latencies, b->latency_count, 0.99), at(b->latencies, b->latency_count, 1),
           (double)atomic_load(&b->polls_us) / 1e6 / (double)b->seconds,
           (double)atomic_load(&b->writes_us) / 1e6 / (double)b->seconds, least_share(b),
           (unsigned long long)modbus_bus_counters(b->bus)->timeouts);
    atomic_store(&b->stop, true);
    loop_stop(&b->loop);
}

static void make_points(struct bench *b)
{
    uint16_t address = 100;
    for (int i = 0; i < POINTS; i++) {
        struct point *p = &b->points[i];
        *p = (struct point){ .index = (uint16_t)i,
                             .access = ACCESS_R,
                             .every_ms = b->every_ms * map[i].times };
        (void)str_copy(p->name, sizeof(p->name), map[i].name);
        p->at.modbus.kind = MODBUS_HOLDING;
        p->at.modbus.address = address;
        p->at.modbus.count = map[i].count;
        address = (uint16_t)(address + map[i].count);
    }
    b->limit = (struct point){ .name = "limit",
                               .access = ACCESS_W,
                               .at.modbus = { .kind = MODBUS_HOLDING, .count = 1 } };
    b->profile = (struct profile){ .points = b->points, .point_count = POINTS };
}

static bool open_line(struct bench *b, char *ret_path, size_t size)
{
    b->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    return b->master >= 0 && grantpt(b->master) == 0 && unlockpt(b->master) == 0 &&
           ptsname_r(b->master, ret_path, size) == 0;
}

static bool start(struct bench *b)
{
    static const struct device_events events = {
        .on_value = on_value, .on_no_value = on_no_value, .on_batch = on_batch, .on_online = on_online
    };
    struct modbus_options options = { .max_words = 60, .timeout_ms = 300, .retries = 1 };
    struct modbus_bus_settings settings = { .name = "line", .framing = MODBUS_RTU, .serial = true };
    settings.line =
        (struct serial_settings){ .baud = b->baud, .data_bits = 8, .stop_bits = 1, .parity = 'N' };
    if (!open_line(b, settings.line.path, sizeof(settings.line.path)))
        return false;
    b->bus = modbus_bus_new(&b->loop, &settings);
    for (int i = 0; b->bus && i < b->count; i++) {
        b->units[i].bench = b;
        b->units[i].device = modbus_device_new(b->bus, i + 1, &b->profile, &options, &events, &b->units[i]);
        if (!b->units[i].device)
            return false;
    }
    return b->bus != NULL;
}

int main(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof(*b));
    pthread_t thread;
    if (!b || argc < 6 || loop_init(&b->loop) < 0)
        return 2;
    b->count = (int)strtol(argv[1], NULL, 10);
    b->dead = (int)strtol(argv[2], NULL, 10);
    b->baud = (int)strtol(argv[3], NULL, 10);
    b->every_ms = strtol(argv[4], NULL, 10);
    b->seconds = strtol(argv[5], NULL, 10);
    if (b->count < 1 || b->count > MAX_UNITS || b->dead < 0 || b->dead >= b->count || b->baud < 300)
        return 2;
    make_points(b);
    timer_init(&b->timer, b->loop.env.timers, on_timer, b);
    timer_init(&b->end, b->loop.env.timers, on_end, b);
    if (!start(b) || pthread_create(&thread, NULL, run_units, b) != 0)
        return 1;
    env_timer_start(&b->loop.env, &b->timer, 1000);
    env_timer_start(&b->loop.env, &b->end,
                    6000); /* the first round and the first doubts about the dead ones are over */
    loop_run(&b->loop);
    (void)pthread_join(thread, NULL);
    return 0;
}
