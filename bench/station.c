/* Memory of the station library alone: many stations of one EVSE, booted and idle, with a CSMS that answers in the same process.
 *
 *   bench-station STATIONS
 *
 * Prints the heap of one station as JSON. */
#include <errno.h>
#include <malloc.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "station/station.h"

struct bench;

struct bench_station {
    struct bench *bench;
    struct station *station;
    char answer[512]; /* to the one CALL that waits */
    bool wants_link;
    uint32_t tickets[64]; /* of what was persisted and is to be acknowledged */
    size_t ticket_count;
};

struct bench {
    struct timers timers;
    struct env env;
    int64_t now_ms;
    struct bench_station *stations;
    size_t count;
};

static int64_t now_ms(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return 1769860800000 + ((struct bench *)ctx)->now_ms;
}

static void random_bytes(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)ret)[i] = (uint8_t)random();
}

static void op_connect(void *ctx, const struct link_target *target)
{
    (void)target;
    ((struct bench_station *)ctx)->wants_link = true;
}

static void op_disconnect(void *ctx)
{
    (void)ctx;
}

static void op_set_ping_interval(void *ctx, int64_t interval_ms)
{
    (void)ctx;
    (void)interval_ms;
}

static int op_send(void *ctx, const char *text, size_t len)
{
    struct bench_station *s = ctx;
    const char *boot = memmem(text, len, "\"BootNotification\"", 18);
    const char *heartbeat = memmem(text, len, "\"Heartbeat\"", 11);
    if (len < 5 || text[1] != '2')
        return 0;
    const char *id = text + 4;
    char time[TIMESTAMP_SIZE], body[128] = "{}";
    timestamp_format(wall_ms(s->bench), time);
    if (boot)
        (void)snprintf(body, sizeof(body), "{\"currentTime\":\"%s\",\"interval\":60,\"status\":\"Accepted\"}",
                       time);
    if (heartbeat)
        (void)snprintf(body, sizeof(body), "{\"currentTime\":\"%s\"}", time);
    (void)snprintf(s->answer, sizeof(s->answer), "[3,\"%.*s\",%s]", (int)strcspn(id, "\""), id, body);
    return 0;
}

static int op_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket)
{
    struct bench_station *s = ctx;
    (void)records;
    (void)count;
    if (ticket && s->ticket_count == ARRAY_SIZE(s->tickets))
        return -ENOBUFS;
    if (ticket)
        s->tickets[s->ticket_count++] = ticket;
    return 0;
}

static void op_command(void *ctx, int evse, const struct evse_command *command)
{
    (void)ctx;
    (void)evse;
    (void)command;
}

static const struct station_ops ops = { .connect = op_connect,
                                        .disconnect = op_disconnect,
                                        .set_ping_interval = op_set_ping_interval,
                                        .send = op_send,
                                        .persist = op_persist,
                                        .command = op_command };

static void serve(struct bench_station *s)
{
    if (s->wants_link) {
        s->wants_link = false;
        station_on_link_up(s->station);
    }
    while (s->ticket_count > 0) {
        uint32_t ticket = s->tickets[0];
        s->ticket_count--;
        memmove(s->tickets, s->tickets + 1, s->ticket_count * sizeof(ticket));
        station_on_persisted(s->station, ticket, 0);
    }
    while (s->answer[0]) {
        char text[sizeof(s->answer)];
        memcpy(text, s->answer, sizeof(text));
        s->answer[0] = '\0';
        station_on_frame(s->station, text, strlen(text));
    }
}

static bool make(struct bench *b, struct bench_station *s)
{
    struct evse_abilities evse = { .measures = 1u << MEASURE_ENERGY_IMPORT | 1u << MEASURE_POWER_IMPORT,
                                   .start_stop = true,
                                   .limit = true,
                                   .phases = 3,
                                   .min_current_A = 6,
                                   .max_current_A = 32,
                                   .voltage_V = 230,
                                   .connectors = 1,
                                   .connector_type = "sType2" };
    struct station_settings settings = { .id = "CS-000001",
                                         .vendor = "Example GmbH",
                                         .model = "AC22",
                                         .firmware_version = "1",
                                         .csms_url = "ws://127.0.0.1",
                                         .evse_count = 1,
                                         .evses = &evse,
                                         .max_message = 65536 };
    s->bench = b;
    s->station = station_new(&b->env, &settings, &ops, s);
    if (!s->station)
        return false;
    struct evse_signals signals = { .state = EVSE_AVAILABLE, .online = true, .measures = evse.measures };
    station_start(s->station, 0);
    station_on_signals(s->station, 1, &signals);
    return true;
}

int main(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof(*b));
    if (!b || argc < 2)
        return 2;
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level((enum log_area)area, LOG_ERROR);
    b->count = (size_t)strtol(argv[1], NULL, 10);
    b->stations = calloc(b->count, sizeof(*b->stations));
    timers_init(&b->timers);
    b->env = (struct env){ b, now_ms, wall_ms, random_bytes, &b->timers };
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < b->count; i++) {
        if (!make(b, &b->stations[i]))
            return 1;
    }
    for (int second = 0; second < 120; second++, b->now_ms += 1000) {
        timers_run(&b->timers, b->now_ms);
        for (size_t i = 0; i < b->count; i++)
            serve(&b->stations[i]);
    }
    printf("{\"heap_bytes\": %zu}\n", (mallinfo2().uordblks - before) / b->count);
    for (size_t i = 0; i < b->count; i++)
        station_free(b->stations[i].station);
    free(b->stations);
    free(b);
    return 0;
}
