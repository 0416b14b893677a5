/* One station with a CSMS that answers in the same process (solo.h). */
#include "bench/solo.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/timestamp.h"

static int64_t now_ms(void *ctx)
{
    return *(const int64_t *)ctx;
}

static int64_t wall_ms(void *ctx)
{
    return 1769860800000 + *(const int64_t *)ctx;
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
    ((struct solo *)ctx)->wants_link = true;
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
    struct solo *s = ctx;
    const char *boot = memmem(text, len, "\"BootNotification\"", 18);
    const char *heartbeat = memmem(text, len, "\"Heartbeat\"", 11);
    if (len >= 5 && text[1] != '2' && s->on_answer)
        s->on_answer(s, text, len);
    if (len < 5 || text[1] != '2')
        return 0;
    const char *id = text + 4;
    char time[TIMESTAMP_SIZE], body[128] = "{}";
    timestamp_format(1769860800000 + *s->now_ms, time);
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
    struct solo *s = ctx;
    if (s->persist)
        return s->persist(s, records, count, ticket);
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

void solo_serve(struct solo *s)
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

struct env solo_env(int64_t *now, struct timers *timers)
{
    timers_init(timers);
    return (struct env){ now, now_ms, wall_ms, random_bytes, timers };
}

bool solo_make(struct solo *s, const struct env *env)
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
    s->station = station_new(env, &settings, &ops, s);
    if (!s->station)
        return false;
    struct evse_signals signals = { .state = EVSE_AVAILABLE, .online = true, .measures = evse.measures };
    station_start(s->station, 0);
    station_on_signals(s->station, 1, &signals);
    return true;
}
