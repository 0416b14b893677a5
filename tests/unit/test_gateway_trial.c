/* Chargers on trial: what an entry may be, what is seen of the device, and that it is left as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/trial.h"
#include "gateway/trial_config.h"
#include "tests/support/modbus_server.h"

#define PATIENCE_MS 20000

struct world {
    struct gateway gateway;
    struct mserver server;
    struct trials *trials;
};

static void configure(struct world *w, const char *more)
{
    struct problems problems;
    char text[1000];
    problems_init(&problems);
    (void)snprintf(text, sizeof(text),
                   "gateway: { profiles: profiles }\n"
                   "csms: { a: { url: \"ws://127.0.0.1/\", security_profile: 0 } }\n%s",
                   more);
    config_free(w->gateway.config);
    w->gateway.config = NULL;
    (void)config_parse(SOURCE_DIR "/gateway.yaml", text, strlen(text), &problems, &w->gateway.config);
    assert_string_equal(problems.count ? problems.list[0].text : "", "");
    problems_done(&problems);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    assert_int_equal(loop_init(&w->gateway.loop), 0);
    resources_init(&w->gateway.resources, &w->gateway.loop, NULL);
    configure(w, "stations: []\n");
    mserver_start(&w->server, &w->gateway.loop);
    mserver_play_ac22(&w->server);
    w->trials = trials_new(&w->gateway);
    assert_non_null(w->trials);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    trials_free(w->trials);
    mserver_stop(&w->server);
    assert_true(list_is_empty(&w->gateway.resources.list));
    config_free(w->gateway.config);
    loop_done(&w->gateway.loop);
    free(w);
    return 0;
}

static json_t *parse(const char *text)
{
    char json[400];
    (void)str_copy(json, sizeof(json), text);
    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *parsed = json_from_text(json, strlen(json));
    assert_non_null(parsed);
    return parsed;
}

/* ---- entries ---- */

/* The configuration of an entry, or what is wrong with it in `ret_problem`. */
static struct config *read_entry(struct world *w, const char *text, char *ret_problem, size_t size)
{
    struct problems problems;
    struct config *config = NULL;
    AUTO(json_t) *entry = parse(text);
    problems_init(&problems);
    int r = trial_config_read(w->gateway.config, entry, &problems, &config);
    (void)str_copy(ret_problem, size, problems.count ? problems.list[0].text : "");
    assert_int_equal(r, problems.count ? -EINVAL : 0);
    assert_true((config == NULL) == (r < 0));
    problems_done(&problems);
    return config;
}

static void an_entry_is_checked_as_in_the_configuration(void **state)
{
    static const struct {
        const char *entry, *problem;
    } rows[] = {
        { "{'profile': 'demo-modbus-ac22', 'tcp': '10.0.0.1'}", "" },
        { "{'profile': 'demo-modbus-ac22', 'tcp': '10.0.0.1:1502', 'unit': 7, 'max_current': 16.5, "
          "'modbus': {'timeout': '2s'}}",
          "" },
        { "{'profile': 'demo-modbus-ac22', 'bus': 'converter', 'unit': 7}", "" },
        { "{'profile': 'demo-modbus-rtu', 'bus': {'serial': '/dev/ttyS9', 'line': {'baud': 19200}}}", "" },
        { "{'profile': 'echonet-02a1', 'echonet': '10.0.0.1'}", "" },
        { "{'tcp': '10.0.0.1'}", "charger: profile is missing: name of a device profile" },
        { "{'profile': 'demo-modbus-ac22'}",
          "charger: profile demo-modbus-ac22 is Modbus: expected either tcp: host or bus: name" },
        { "{'profile': 'demo-modbus-ac22', 'bus': 'line'}",
          "charger: bus: no bus of the name \"line\" under buses:" },
        { "{'profile': 'demo-modbus-ac22', 'tcp': 'a:b'}", "charger: tcp: expected host or host:port" },
        { "{'profile': 'demo-modbus-ac22', 'tcp': 'a', 'unit': 256}",
          "charger: unit: \"256\" is no whole number from 0 to 255" },
        { "{'profile': 'demo-modbus-ac22', 'tcp': 'a', 'units': 1}",
          "charger: units: unknown key; did you mean \"unit\"?" },
        { "{'profile': 'demo-modbus-ac22', 'bus': {'tcp': 'a', 'serial': '/dev/ttyS9'}}",
          "charger: bus: expected either tcp: host:port or serial: /dev/..." },
        { "{'profile': 'demo-modbus-ac22', 'bus': {'serial': '/dev/ttyS9', 'line': {'baud': 9601}}}",
          "charger: bus.line.baud: expected a standard rate, such as 9600 or 19200" },
        { "{'profile': 'demo-modbus-ac22', 'bus': {'tcp': '10.0.0.9:502', 'framing': 'tcp'}}",
          "charger: bus: the configuration has this already as the bus \"converter\"; expected bus: "
          "converter" },
        { "{'profile': 'demo-modbus-ac22', 'tcp': '10.0.0.9'}",
          "charger: tcp: the configuration has this already as the bus \"converter\"; expected bus: "
          "converter" },
        { "{'profile': 'demo-modbus-meter', 'tcp': '10.0.0.1'}",
          "charger: profile: demo-modbus-meter is the profile of a meter, which belongs under meters:" },
        { "{'profile': 'ocpp16', 'ocpp16': 'CP1'}",
          "charger: ocpp16: a charger that speaks OCPP 1.6 cannot be tried: it connects by itself, and only "
          "its station can serve it; add the station and look at it there" },
        { "{'profile': 'demo-modbus-ac22', 'tcp': 'a', 'password_file': '/etc/shadow'}",
          "charger: password_file: a charger that speaks OCPP 1.6 cannot be tried: it connects by itself, "
          "and only its station can serve it; add the station and look at it there" },
        { "[]", "charger: expected an object, as under `chargers`" },
    };
    struct world *w = *state;
    configure(w, "buses: { converter: { tcp: \"10.0.0.9:502\", framing: rtu } }\nstations: []\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char problem[400];
        struct config *config = read_entry(w, rows[i].entry, problem, sizeof(problem));
        if (!str_equal(problem, rows[i].problem))
            fail_msg("%s:\n%s\n%s", rows[i].entry, problem, rows[i].problem);
        config_free(config);
    }
    char problem[400];
    assert_null(read_entry(w, "{'profile': 'none-such', 'tcp': 'a'}", problem, sizeof(problem)));
    assert_true(str_starts(problem, "charger: profile: no file none-such.yaml in the profile directories"));
    assert_null(read_entry(w, "{'profile': '../secret', 'tcp': 'a'}", problem, sizeof(problem)));
    assert_true(str_starts(problem, "charger: profile: no file ../secret.yaml in the profile directories"));
}

static void a_trial_shares_what_the_configuration_has(void **state)
{
    struct world *w = *state;
    char problem[400], own[600], text[400];
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    (void)snprintf(
        own, sizeof(own),
        "buses: { line: { serial: %s, line: { baud: 19200 }, turnaround: 50ms } }\n"
        "echonet: { bind: 127.0.0.7, multicast_interface: lo, ipv6: yes }\n"
        "stations: [ { id: CS1, csms: a, chargers: [ { profile: demo-modbus-ac22, tcp: 10.0.0.2 } ] } ]\n",
        ptsname(master));
    configure(w, own);
    static const struct {
        const char *entry;
        int running; /* its bus there */
    } rows[] = {
        { "{'profile': 'demo-modbus-rtu', 'bus': 'line', 'unit': 9}", 0 },
        { "{'profile': 'demo-modbus-ac22', 'tcp': '10.0.0.2:502'}", 1 },
        { "{'profile': 'demo-modbus-ac22', 'bus': {'tcp': '10.0.0.2'}}", 1 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct config *config = read_entry(w, rows[i].entry, problem, sizeof(problem));
        assert_string_equal(problem, "");
        const struct bus_config *mine = &config->buses[config->stations[0].chargers[0].bus];
        const struct bus_config *theirs = &w->gateway.config->buses[rows[i].running];
        assert_string_equal(mine->fingerprint, theirs->fingerprint);
        assert_string_equal(mine->name, theirs->name);
        assert_int_equal(mine->settings.turnaround_ms, theirs->settings.turnaround_ms);
        config_free(config);
    }
    (void)snprintf(text, sizeof(text), "{'profile': 'demo-modbus-rtu', 'bus': {'serial': '%s'}}",
                   ptsname(master));
    assert_null(read_entry(w, text, problem, sizeof(problem)));
    assert_string_equal(
        problem, "charger: bus: the configuration has this already as the bus \"line\"; expected bus: line");

    struct config *config =
        read_entry(w, "{'profile': 'echonet-02a1', 'echonet': 'fe80::1'}", problem, sizeof(problem));
    assert_string_equal(problem, "");
    assert_string_equal(config->echonet_fingerprint, w->gateway.config->echonet_fingerprint);
    assert_string_equal(config->echonet.multicast_interface, "lo");
    config_free(config);
    close(master);
}

/* ---- devices ---- */

static uint32_t start_at(struct world *w, int port)
{
    char text[200];
    struct problems problems;
    uint32_t id = 0;
    (void)snprintf(text, sizeof(text), "{'profile': 'demo-modbus-ac22', 'tcp': '127.0.0.1:%d'}", port);
    AUTO(json_t) *entry = parse(text);
    problems_init(&problems);
    (void)trials_start(w->trials, entry, &id, &problems);
    assert_string_equal(problems.count ? problems.list[0].text : "", "");
    problems_done(&problems);
    return id;
}

static void turn(struct world *w, int64_t ms)
{
    int64_t end_ms = env_now_ms(&w->gateway.loop.env) + ms;
    while (env_now_ms(&w->gateway.loop.env) < end_ms) {
        (void)uv_run(&w->gateway.loop.uv, UV_RUN_NOWAIT);
        (void)usleep(1000);
    }
}

/* The loop turns until the trial is online, or has an error. New reference. */
static json_t *look(struct world *w, uint32_t id)
{
    int64_t end_ms = env_now_ms(&w->gateway.loop.env) + PATIENCE_MS;
    for (;;) {
        json_t *trial = trials_get(w->trials, id);
        assert_non_null(trial);
        if (json_get_bool(trial, "online", false) || json_object_get(trial, "error"))
            return trial;
        json_decref(trial);
        assert_true(env_now_ms(&w->gateway.loop.env) < end_ms);
        turn(w, 5);
    }
}

/* Borrowed; of signals where `point` is NULL. */
static const json_t *item(const json_t *trial, const char *point)
{
    size_t i;
    json_t *event;
    json_array_foreach(json_object_get(trial, "items"), i, event)
    {
        assert_null(json_object_get(event, "station"));
        const char *name = json_get_string(event, "point", NULL);
        if (point ? str_equal(name, point) : str_equal(json_get_string(event, "event", ""), "signals"))
            return event;
    }
    fail_msg("no item %s", point ? point : "signals");
    return NULL;
}

static const char *error_of(const json_t *trial)
{
    return json_get_string(trial, "error", "");
}

/* The profile has a setup, a keepalive, and a card is to be acknowledged. */
static void a_device_is_seen_and_left_as_it_is(void **state)
{
    struct world *w = *state;
    w->server.holding[200] = '0' << 8 | '4';
    uint32_t id = start_at(w, mserver_port(&w->server));
    json_decref(look(w, id));
    turn(w, 1500);
    AUTO(json_t) *trial = look(w, id);
    assert_int_equal(json_get_int(trial, "id", 0), id);
    assert_true(json_get_bool(trial, "online", false));
    assert_string_equal(error_of(trial), "");
    const json_t *voltage = item(trial, "voltage_l1"), *signals = item(trial, NULL);
    assert_string_equal(json_get_string(voltage, "raw", ""), "08FC");
    assert_string_equal(json_get_string(voltage, "quality", ""), "good");
    assert_float_equal(json_get_number(voltage, "value", 0), 230, 0.01);
    assert_string_equal(json_get_string(item(trial, "tag"), "value", ""), "04");
    assert_string_equal(json_get_string(signals, "state", ""), "available");
    assert_float_equal(json_get_number(json_object_get(signals, "measured"), "voltage_l1", 0), 230, 0.01);
    assert_string_equal(json_get_string(json_object_get(trial, "offers"), "profile", ""), "demo-modbus-ac22");

    w->server.input[100] = 7;
    turn(w, 1500);
    AUTO(json_t) *later = trials_get(w->trials, id);
    assert_string_equal(json_get_string(item(later, NULL), "state", ""), "charging");
    assert_true(w->server.reads > 10);
    assert_int_equal(w->server.writes, 0);
}

static void a_device_that_takes_one_connection_has_one(void **state)
{
    struct world *w = *state;
    char own[200];
    struct resource *bus = NULL;
    (void)snprintf(own, sizeof(own), "buses: { ev: { tcp: \"127.0.0.1:%u\" } }\nstations: []\n",
                   mserver_port(&w->server));
    configure(w, own);
    assert_int_equal(resource_bus(&w->gateway.resources, &w->gateway.config->buses[0], &bus), 0);
    AUTO(json_t) *first = look(w, start_at(w, mserver_port(&w->server)));
    AUTO(json_t) *second = look(w, start_at(w, mserver_port(&w->server)));
    assert_true(json_get_bool(first, "online", false) && json_get_bool(second, "online", false));
    assert_int_equal(w->server.connections, 1);
    resource_put(bus);
}

static void another_model_is_told_from_the_profile_s(void **state)
{
    struct world *w = *state;
    w->server.holding[4] = 0x0200;
    AUTO(json_t) *trial = look(w, start_at(w, mserver_port(&w->server)));
    assert_false(json_get_bool(trial, "online", true));
    assert_non_null(strstr(error_of(trial), "the device answers, but it is not of this profile: "));
    assert_non_null(strstr(error_of(trial), " says 512, expected 263"));
}

static void it_is_told_why_there_is_nothing_to_see(void **state)
{
    struct world *w = *state;
    AUTO(json_t) *none = look(w, start_at(w, 9));
    assert_string_equal(error_of(none), "the connection or line cannot be opened: Connection refused");
    w->server.is_mute = true;
    AUTO(json_t) *mute = look(w, start_at(w, mserver_port(&w->server)));
    assert_false(json_get_bool(mute, "online", true));
    assert_non_null(strstr(error_of(mute), "the device does not answer: "));
    assert_string_equal(json_get_string(item(mute, "voltage_l1"), "quality", ""), "none");
}

static void only_so_many_are_on_trial(void **state)
{
    struct world *w = *state;
    struct problems problems;
    uint32_t id = 0;
    AUTO(json_t) *entry = parse("{'profile': 'demo-modbus-ac22', 'tcp': '127.0.0.1:9'}");
    for (int i = 0; i < TRIALS_MAX; i++)
        id = start_at(w, mserver_port(&w->server));
    problems_init(&problems);
    assert_int_equal(trials_start(w->trials, entry, &id, &problems), -EBUSY);
    assert_string_equal(problems.list[0].text,
                        "charger: 4 chargers are on trial already; end one of them first");
    problems_done(&problems);
    assert_int_equal(trials_end(w->trials, id), 0);
    assert_int_equal(trials_end(w->trials, id), -ENOENT);
    assert_null(trials_get(w->trials, id));
    assert_true(start_at(w, mserver_port(&w->server)) > id);
    trials_end_all(w->trials);
    assert_true(list_is_empty(&w->gateway.resources.list));
}

static int64_t passed_ms;

static int64_t later_ms(void *ctx)
{
    struct timespec now;
    (void)ctx;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + passed_ms;
}

/* As if so long had passed. */
static void pass(struct world *w, int64_t ms)
{
    w->gateway.loop.env.now_ms = later_ms;
    passed_ms += ms;
    for (int i = 0; i < 20; i++)
        timers_run(&w->gateway.loop.timers, later_ms(NULL));
}

static void a_trial_ends_when_nobody_looks(void **state)
{
    struct world *w = *state;
    uint32_t id = start_at(w, mserver_port(&w->server));
    json_decref(look(w, id));
    for (int i = 0; i < 2; i++) { /* each look counts */
        pass(w, TRIAL_IDLE_MS - 10000);
        AUTO(json_t) *trial = trials_get(w->trials, id);
        assert_non_null(trial);
    }
    pass(w, TRIAL_IDLE_MS + 1000);
    assert_null(trials_get(w->trials, id));
    assert_true(list_is_empty(&w->gateway.resources.list));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_checked_as_in_the_configuration),
        TEST(a_trial_shares_what_the_configuration_has),
        TEST(a_device_is_seen_and_left_as_it_is),
        TEST(a_device_that_takes_one_connection_has_one),
        TEST(another_model_is_told_from_the_profile_s),
        TEST(it_is_told_why_there_is_nothing_to_see),
        TEST(only_so_many_are_on_trial),
        TEST(a_trial_ends_when_nobody_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
