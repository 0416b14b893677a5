/* Modbus TCP round trips with our driver, one thread: each device reads again as soon as it has its answer.
 *
 *   bench-modbus PORT DEVICES SECONDS        (the devices are those of bench-peer)
 *
 * Prints round trips a second, CPU time of each, and resident memory of one device, as JSON. */
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"
#include "driver/driver.h"

struct bench;

struct reader_device {
    struct bench *bench;
    struct modbus_bus *bus;
    struct device *device;
};

struct bench {
    struct loop loop;
    struct point point;
    struct profile profile;
    struct reader_device *devices;
    int count, online;
    uint64_t answers, errors;
    struct timer timer;
    int64_t seconds, memory_before;
    bool counting;
    struct rusage begun;
    int64_t begun_ms;
};

static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128] = "", *rest = line;
    if (!file)
        return 0;
    if (fgets(line, sizeof(line), file))
        (void)strsep(&rest, " ");
    (void)fclose(file);
    return rest ? strtoll(rest, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static int64_t cpu_us(const struct rusage *a, const struct rusage *b)
{
    return (b->ru_utime.tv_sec - a->ru_utime.tv_sec + b->ru_stime.tv_sec - a->ru_stime.tv_sec) * 1000000LL +
           b->ru_utime.tv_usec - a->ru_utime.tv_usec + b->ru_stime.tv_usec - a->ru_stime.tv_usec;
}

static void read_again(void *ctx, int err)
{
    struct reader_device *d = ctx;
    d->bench->answers += err == 0;
    d->bench->errors += err != 0;
    (void)modbus_device_ops.read(d->device, &d->bench->point, read_again, d);
}

static void on_value(void *ctx, const struct point *point, const uint8_t *raw, size_t len)
{
    (void)ctx;
    (void)point;
    (void)raw;
    (void)len;
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

/* Counting begins when all answer, with one second to get going. */
static void on_online(void *ctx, bool online, int err)
{
    struct reader_device *d = ctx;
    struct bench *b = d->bench;
    if (!online) {
        fprintf(stderr, "bench-modbus: no answer: %d\n", err);
        exit(1);
    }
    if (++b->online == b->count)
        env_timer_start(&b->loop.env, &b->timer, 1000);
    (void)modbus_device_ops.read(d->device, &b->point, read_again, d);
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct bench *b = ctx;
    if (!b->counting) {
        b->counting = true;
        b->answers = b->errors = 0;
        b->begun_ms = env_now_ms(&b->loop.env);
        (void)getrusage(RUSAGE_SELF, &b->begun);
        env_timer_start(&b->loop.env, timer, b->seconds * 1000);
        return;
    }
    struct rusage ended;
    (void)getrusage(RUSAGE_SELF, &ended);
    double seconds = (double)(env_now_ms(&b->loop.env) - b->begun_ms) / 1000;
    printf("{\"per_second\": %.0f, \"cpu_us\": %.2f, \"errors\": %llu, \"bytes_per_device\": %lld}\n",
           (double)b->answers / seconds, (double)cpu_us(&b->begun, &ended) / (double)b->answers,
           (unsigned long long)b->errors, (long long)((resident_bytes() - b->memory_before) / b->count));
    loop_stop(&b->loop);
}

int main(int argc, char **argv)
{
    static const struct device_events events = {
        .on_value = on_value, .on_no_value = on_no_value, .on_batch = on_batch, .on_online = on_online
    };
    struct bench *b = calloc(1, sizeof(*b));
    if (!b || argc < 4 || loop_init(&b->loop) < 0)
        return 2;
    b->count = (int)strtol(argv[2], NULL, 10);
    b->seconds = strtol(argv[3], NULL, 10);
    b->devices = calloc((size_t)b->count, sizeof(*b->devices));
    b->point = (struct point){ .name = "state", .access = ACCESS_R, .every_ms = 3600000 };
    b->point.at.modbus.kind = MODBUS_INPUT;
    b->point.at.modbus.count = 5;
    b->profile = (struct profile){ .points = &b->point, .point_count = 1 };
    timer_init(&b->timer, b->loop.env.timers, on_timer, b);

    struct modbus_options options = { .max_words = 60, .timeout_ms = 2000, .retries = 1 };
    struct modbus_bus_settings settings = { .framing = MODBUS_TCP, .connect_timeout_ms = 5000 };
    settings.port = (uint16_t)strtol(argv[1], NULL, 10);
    b->memory_before = resident_bytes();
    for (int i = 0; i < b->count; i++) {
        struct reader_device *d = &b->devices[i];
        d->bench = b;
        (void)snprintf(settings.host, sizeof(settings.host), "127.1.%d.%d", i / 256, i % 256);
        d->bus = modbus_bus_new(&b->loop, &settings);
        d->device = d->bus ? modbus_device_new(d->bus, 1, &b->profile, &options, &events, d) : NULL;
        if (!d->device)
            return 1;
    }
    loop_run(&b->loop);
    return 0;
}
