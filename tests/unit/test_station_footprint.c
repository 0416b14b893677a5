/* What an idle station costs on the heap: registered, its status told, nothing waiting (docs/architecture.md, budgets: at most 8 KiB). */
#include "tests/support/bench.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define STATIONS 200
#define BUDGET   8192

struct site {
    struct station *stations[STATIONS];
    struct timers timers;
    int64_t now_ms;
};

/* One of them; its CSMS answers what it sent last. */
struct one {
    struct station *station;
    char id[40], action[40];
    uint32_t tickets[16];
    size_t ticket_count;
};

static int64_t now_ms(void *ctx)
{
    return ((struct site *)ctx)->now_ms;
}

static void draw(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    memset(ret, 7, len);
}

static void on_connect(void *ctx, const struct link_target *target)
{
    (void)ctx;
    (void)target;
}

static void on_disconnect(void *ctx)
{
    (void)ctx;
}

/* [2,"id","Action",... */
static int on_send(void *ctx, const char *text, size_t len)
{
    struct one *one = ctx;
    (void)len;
    const char *id = strchr(text, '"') + 1, *action = strstr(text, "\",\"") + 3;
    (void)snprintf(one->id, sizeof(one->id), "%.*s", (int)strcspn(id, "\""), id);
    (void)snprintf(one->action, sizeof(one->action), "%.*s", (int)strcspn(action, "\""), action);
    return 0;
}

static int on_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket)
{
    struct one *one = ctx;
    (void)records;
    (void)count;
    if (ticket)
        one->tickets[one->ticket_count++] = ticket;
    return 0;
}

static void on_command(void *ctx, int evse, const struct evse_command *command)
{
    (void)ctx;
    (void)evse;
    (void)command;
}

static const struct station_ops ops = { .connect = on_connect,
                                        .disconnect = on_disconnect,
                                        .send = on_send,
                                        .persist = on_persist,
                                        .command = on_command };

static void boot(struct site *site, struct one *one)
{
    station_on_signals(one->station, 1, &(struct evse_signals){ .state = EVSE_AVAILABLE, .online = true });
    station_start(one->station, 0);
    timers_run(&site->timers, site->now_ms);
    station_on_link_up(one->station);
    while (one->id[0]) {
        char answer[200];
        (void)snprintf(
            answer, sizeof(answer), "[3,\"%s\",%s]", one->id,
            str_equal(one->action, "BootNotification")
                ? "{\"status\":\"Accepted\",\"currentTime\":\"2026-01-31T12:00:00Z\",\"interval\":300}"
                : "{}");
        one->id[0] = '\0';
        station_on_frame(one->station, answer, strlen(answer));
    }
}

static void an_idle_station_stays_within_its_budget(void **state)
{
    (void)state;
    struct site site = { .now_ms = 1 };
    struct env env = {
        .ctx = &site, .now_ms = now_ms, .wall_ms = now_ms, .random = draw, .timers = &site.timers
    };
    struct evse_abilities abilities = bench_abilities();
    struct station_settings settings = {
        .id = "CS-0001",
        .vendor = "Example",
        .model = "AC22",
        .serial_number = "SN-1",
        .firmware_version = "1.0",
        .password = "a-secret-of-16-or-more",
        .csms_url = "wss://csms.example/ocpp",
        .security_profile = 2,
        .evse_count = 1,
        .evses = &abilities,
        .max_message = 65536,
    };
    struct one all[STATIONS] = { 0 };
    timers_init(&site.timers);
    log_set_level(LOG_STATION, LOG_WARN);

    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < STATIONS; i++) {
        all[i].station = station_new(&env, &settings, &ops, &all[i]);
        assert_non_null(all[i].station);
        boot(&site, &all[i]);
        json_t *status = station_status(all[i].station);
        assert_true(json_is_true(json_object_get(status, "online")));
        json_decref(status);
    }
    size_t each = (mallinfo2().uordblks - before) / STATIONS;
    print_message("an idle station: %zu bytes of heap (0: the allocator of a sanitizer does not tell)\n",
                  each);
    assert_in_range(each, 0, BUDGET);

    for (size_t i = 0; i < STATIONS; i++)
        station_free(all[i].station);
    log_set_level(LOG_STATION, LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_station_stays_within_its_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
