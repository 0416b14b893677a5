/* Scans of the API: what may be asked for, and real ones, by the ocpp-cli beside this program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/hook.h"
#include "gateway/scan_job.h"
#include "gateway/scan_request.h"
#include "tests/support/modbus_server.h"

#define PATIENCE_MS 60000

struct world {
    struct gateway gateway;
    struct mserver server;
    struct scan_jobs *jobs;
    char directory[64]; /* of profiles: reading all there are takes long */
    int told;
    uint32_t told_id;
};

static void on_changed(void *ctx, uint32_t id)
{
    struct world *w = ctx;
    w->told++;
    w->told_id = id;
}

static void configure(struct world *w, const char *buses)
{
    struct problems problems;
    char text[800];
    problems_init(&problems);
    (void)snprintf(
        text, sizeof(text),
        "gateway: { profiles: %s }\ncsms: { a: { url: \"ws://127.0.0.1/\", security_profile: 0 } }\n"
        "%s\nstations: []\n",
        w->directory, buses);
    config_free(w->gateway.config);
    w->gateway.config = NULL;
    (void)config_parse("/etc/gateway.yaml", text, strlen(text), &problems, &w->gateway.config);
    assert_string_equal(problems.count ? problems.list[0].text : "", "");
    problems_done(&problems);
}

static int setup(void **state)
{
    char target[300], path[100];
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    assert_int_equal(loop_init(&w->gateway.loop), 0);
    resources_init(&w->gateway.resources, &w->gateway.loop, NULL);
    (void)str_copy(w->directory, sizeof(w->directory), "/tmp/scan.XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    (void)snprintf(target, sizeof(target), "%s/profiles/demo-modbus-ac22.yaml", SOURCE_DIR);
    (void)snprintf(path, sizeof(path), "%s/demo-modbus-ac22.yaml", w->directory);
    assert_int_equal(symlink(target, path), 0);
    configure(w, "");
    mserver_start(&w->server, &w->gateway.loop);
    mserver_play_ac22(&w->server);
    assert_int_equal(scan_jobs_new(&w->gateway, on_changed, w, &w->jobs), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char path[100];
    (void)snprintf(path, sizeof(path), "%s/demo-modbus-ac22.yaml", w->directory);
    scan_jobs_free(w->jobs);
    mserver_stop(&w->server);
    assert_true(list_is_empty(&w->gateway.resources.list));
    config_free(w->gateway.config);
    loop_done(&w->gateway.loop);
    assert_int_equal(unlink(path) + rmdir(w->directory), 0);
    assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* no zombie */
    free(w);
    return 0;
}

/* ---- requests ---- */

/* clang-format off */
static const struct {
    const char *request, *problem; /* NULL: it is good */
} requests[] = {
    { "{'protocol': 'modbus', 'target': '192.168.1.20'}", NULL },
    { "{'protocol': 'modbus', 'target': '[fe80::1%eth0]:1502', 'units': '1-20,50,0', 'framing': 'rtu'}", NULL },
    { "{'protocol': 'modbus', 'target': 'charger.lan:502', 'units': '255', 'framing': 'ascii'}", NULL },
    { "{'protocol': 'modbus', 'target': '/dev/ptmx'}", "target: /dev/ptmx is no serial port" },
    { "{'protocol': 'modbus', 'target': '/dev/null'}", "target: /dev/null is no serial port" },
    { "{'protocol': 'modbus', 'target': '/dev/ttyNONE9'}", "target: there is no serial port /dev/ttyNONE9" },
    { "{'protocol': 'modbus', 'target': '/etc/passwd'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': '/dev/../etc/passwd'}", "target: /dev/../etc/passwd is no serial port" },
    { "{'protocol': 'modbus', 'target': 'dev/ttyS0'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': '--profiles'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': 'a b'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': 'a;reboot'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': 'a:0'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': 'a:65536'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': ''}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus'}", "target: expected host, host:port, or a serial port such as /dev/ttyUSB0" },
    { "{'protocol': 'modbus', 'target': 5}", "target: expected a text of at most 269 characters" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': '256'}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': '5-4'}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': '1,'}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': '1-'}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': '1-2-3'}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': '-1'}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': '0001'}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': ''}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'units': [1]}", "units: expected unit ids from 0 to 255, such as \"1-20,50\"" },
    { "{'protocol': 'modbus', 'target': 'a', 'framing': 'canbus'}", "framing: expected tcp, rtu or ascii" },
    { "{'protocol': 'modbus', 'target': 'a', 'baud': 9600}", "baud: is for serial ports" },
    { "{'protocol': 'modbus', 'target': 'a', 'unit': 1}", "unknown member \"unit\"; did you mean \"units\"?" },
    { "{'protocol': 'modbus', 'target': 'a', 'wait': '5s'}", "unknown member \"wait\"" },
    { "{'protocol': 'echonet'}", NULL },
    { "{'protocol': 'echonet', 'interface': 'eth0', 'wait': '2min', 'ipv6': true}", NULL },
    { "{'protocol': 'echonet', 'interface': '192.168.1.2'}", NULL },
    { "{'protocol': 'echonet', 'interface': '-eth0'}", "interface: expected the name of a network interface, such as eth0, or its IPv4 address" },
    { "{'protocol': 'echonet', 'interface': '300.1.1.1'}", "interface: expected the name of a network interface, such as eth0, or its IPv4 address" },
    { "{'protocol': 'echonet', 'wait': '3min'}", "wait: expected a time such as \"5s\", at most \"2min\"" },
    { "{'protocol': 'echonet', 'wait': 5}", "wait: expected a time such as \"5s\", at most \"2min\"" },
    { "{'protocol': 'echonet', 'wait': ''}", "wait: expected a time such as \"5s\", at most \"2min\"" },
    { "{'protocol': 'echonet', 'ipv6': 1}", "ipv6: expected true or false" },
    { "{'protocol': 'knx'}", "protocol: expected modbus or echonet" },
    { "{}", "protocol: expected modbus or echonet" },
    { "[]", "protocol: expected modbus or echonet" },
};
/* clang-format on */

static json_t *parse(const char *text)
{
    char json[400];
    (void)str_copy(json, sizeof(json), text);
    for (char *c = json; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return json_from_text(json, strlen(json));
}

static void a_request_is_checked_member_by_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        char problem[300] = "";
        struct scan_request read;
        AUTO(json_t) *request = parse(requests[i].request);
        if (!request)
            continue;
        int r = scan_request_read(request, &read, problem, sizeof(problem));
        if (r != (requests[i].problem ? -EINVAL : 0) || (r < 0 && !str_equal(problem, requests[i].problem)))
            fail_msg("%s: %d \"%s\"", requests[i].request, r, problem);
    }
}

static void what_belongs_to_a_line_is_checked_too(void **state)
{
    static const struct {
        const char *more, *problem;
    } rows[] = {
        { "", NULL },
        { ", 'baud': 9600, 'parity': 'even', 'stopBits': 2, 'framing': 'ascii'", NULL },
        { ", 'baud': 9601", "baud: expected a standard rate, such as 9600" },
        { ", 'baud': '9600'", "baud: expected a standard rate, such as 9600" },
        { ", 'baud': -9600", "baud: expected a standard rate, such as 9600" },
        { ", 'parity': 'mark'", "parity: expected none, even or odd" },
        { ", 'stopBits': 3", "stopBits: expected 1 or 2" },
        { ", 'framing': 'tcp'", "framing: expected rtu or ascii" },
    };
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[300], problem[300] = "";
        struct scan_request read;
        (void)snprintf(text, sizeof(text), "{'protocol': 'modbus', 'target': '%s'%s}", ptsname(master),
                       rows[i].more);
        AUTO(json_t) *request = parse(text);
        assert_non_null(request);
        int r = scan_request_read(request, &read, problem, sizeof(problem));
        assert_string_equal(problem, rows[i].problem ? rows[i].problem : "");
        assert_int_equal(r, rows[i].problem ? -EINVAL : 0);
        assert_true(r < 0 || read.is_serial);
    }
    close(master);
}

/* ---- scans ---- */

static uint32_t start(struct world *w, const char *text)
{
    char problem[300] = "";
    uint32_t id = 0;
    AUTO(json_t) *request = parse(text);
    (void)scan_jobs_start(w->jobs, request, &id, problem, sizeof(problem));
    assert_string_equal(problem, "");
    return id;
}

static uint32_t start_at(struct world *w, const char *units)
{
    char text[200];
    (void)snprintf(text, sizeof(text), "{'protocol': 'modbus', 'target': '127.0.0.1:%u', 'units': '%s'}",
                   mserver_port(&w->server), units);
    return start(w, text);
}

/* The loop turns until the scan has found so many, or has ended. New reference. */
static json_t *wait_for(struct world *w, uint32_t id, size_t found)
{
    int64_t end_ms = env_now_ms(&w->gateway.loop.env) + PATIENCE_MS;
    for (;;) {
        json_t *scan = scan_jobs_get(w->jobs, id);
        assert_non_null(scan);
        if (json_array_size(json_object_get(scan, "found")) >= found ||
            !str_equal(json_get_string(scan, "state", ""), "running"))
            return scan;
        json_decref(scan);
        assert_true(env_now_ms(&w->gateway.loop.env) < end_ms);
        (void)uv_run(&w->gateway.loop.uv, UV_RUN_ONCE);
    }
}

static json_t *wait_for_end(struct world *w, uint32_t id)
{
    return wait_for(w, id, SIZE_MAX);
}

static bool says(const json_t *scan, const char *part)
{
    size_t i;
    json_t *text;
    json_array_foreach(json_object_get(scan, "messages"), i, text)
    {
        if (strstr(json_string_value(text), part))
            return true;
    }
    return false;
}

static const char *state_of(const json_t *scan)
{
    return json_get_string(scan, "state", "");
}

static void expect_ac22(const json_t *found, int port)
{
    const json_t *settings = json_object_get(found, "settings");
    const json_t *best = json_array_get(json_object_get(found, "profiles"), 0);
    assert_int_equal(json_get_int(found, "unit", -1), 1);
    assert_string_equal(json_get_string(best, "profile", ""), "demo-modbus-ac22");
    assert_true(json_get_bool(best, "identified", false));
    assert_string_equal(json_get_string(settings, "host", ""), "127.0.0.1");
    assert_int_equal(json_get_int(settings, "port", 0), port);
}

static void a_charger_is_told_before_the_scan_has_ended(void **state)
{
    struct world *w = *state;
    uint32_t id = start_at(w, "1-30"); /* 29 that do not answer: half a minute */
    assert_int_equal(w->told, 0);
    AUTO(json_t) *scan = wait_for(w, id, 1);
    assert_string_equal(state_of(scan), "running");
    expect_ac22(json_array_get(json_object_get(scan, "found"), 0), mserver_port(&w->server));
    (void)uv_run(&w->gateway.loop.uv, UV_RUN_NOWAIT);
    assert_true(w->told > 0);
    assert_int_equal(w->told_id, id);
    assert_int_equal(w->server.writes, 0);

    assert_int_equal(scan_jobs_cancel(w->jobs, id), 0);
    assert_null(scan_jobs_get(w->jobs, id));
    assert_int_equal(scan_jobs_cancel(w->jobs, id), -ENOENT);
}

static void a_scan_ends_and_is_kept(void **state)
{
    struct world *w = *state;
    uint32_t id = start_at(w, "1");
    AUTO(json_t) *scan = wait_for_end(w, id);
    assert_string_equal(state_of(scan), "done");
    assert_int_equal(json_array_size(json_object_get(scan, "found")), 1);
    assert_string_equal(json_get_string(scan, "protocol", ""), "modbus");
    for (int i = 0; i < SCANS_KEPT; i++) {
        AUTO(json_t) *kept = scan_jobs_get(w->jobs, id);
        assert_non_null(kept);
        AUTO(json_t) *other = wait_for_end(w, start(w, "{'protocol': 'modbus', 'target': '127.0.0.1:9'}"));
        assert_string_equal(state_of(other), "failed");
        assert_true(says(other, "127.0.0.1 cannot be opened: Connection refused"));
    }
    assert_null(scan_jobs_get(w->jobs, id));
}

static void where_nothing_answers_that_is_said(void **state)
{
    struct world *w = *state;
    w->server.is_mute = true;
    AUTO(json_t) *scan = wait_for_end(w, start_at(w, "1"));
    assert_string_equal(state_of(scan), "done");
    assert_int_equal(json_array_size(json_object_get(scan, "found")), 0);
    assert_true(says(scan, "nothing answers"));
}

static void only_so_many_run_at_once(void **state)
{
    struct world *w = *state;
    char problem[200] = "";
    uint32_t id = 0;
    AUTO(json_t) *request = parse("{'protocol': 'modbus', 'target': '127.0.0.1:9'}");
    (void)start_at(w, "2-200");
    uint32_t second = start_at(w, "2-200");
    assert_int_equal(scan_jobs_start(w->jobs, request, &id, problem, sizeof(problem)), -EBUSY);
    assert_string_equal(problem, "2 scans run already; wait for one to end, or cancel it");
    assert_int_equal(scan_jobs_cancel(w->jobs, second), 0);
    (void)start_at(w, "2-200");

    scan_jobs_stop(w->jobs);
    AUTO(json_t) *stopped = scan_jobs_get(w->jobs, second - 1);
    assert_string_equal(state_of(stopped), "failed");
    assert_true(says(stopped, "the configuration is reloaded"));
}

/* A device that takes one connection has its station on it already. */
static void where_the_gateway_has_a_connection_it_is_used(void **state)
{
    struct world *w = *state;
    char buses[200];
    struct resource *bus = NULL;
    (void)snprintf(buses, sizeof(buses), "buses: { converter: { tcp: \"127.0.0.1:%u\" } }",
                   mserver_port(&w->server));
    configure(w, buses);
    assert_int_equal(resource_bus(&w->gateway.resources, &w->gateway.config->buses[0], &bus), 0);

    AUTO(json_t) *scan = wait_for_end(w, start_at(w, "1-2"));
    resource_put(bus);
    const json_t *found = json_array_get(json_object_get(scan, "found"), 0);
    assert_string_equal(state_of(scan), "done");
    assert_int_equal(json_array_size(json_object_get(scan, "found")), 1);
    expect_ac22(found, mserver_port(&w->server));
    assert_string_equal(json_get_string(json_object_get(found, "settings"), "bus", ""), "converter");
    assert_true(says(scan, "the gateway has a connection there"));
    assert_int_equal(w->server.connections, 1);
    assert_int_equal(w->server.writes, 0);
}

/* Nobody else can open it, by whatever name. */
static void a_line_of_the_gateway_is_looked_at_by_the_gateway(void **state)
{
    struct world *w = *state;
    char buses[200], link_path[100], text[200];
    struct resource *bus = NULL;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    (void)snprintf(link_path, sizeof(link_path), "%s.line", w->directory);
    assert_int_equal(symlink(ptsname(master), link_path), 0);
    (void)snprintf(buses, sizeof(buses),
                   "buses: { line: { serial: %s, line: { baud: 19200, parity: even } } }", link_path);
    configure(w, buses);
    assert_int_equal(resource_bus(&w->gateway.resources, &w->gateway.config->buses[0], &bus), 0);

    (void)snprintf(text, sizeof(text), "{'protocol': 'modbus', 'target': '%s', 'units': '0-1', 'baud': 9600}",
                   ptsname(master));
    AUTO(json_t) *scan = wait_for_end(w, start(w, text));
    resource_put(bus);
    uint8_t asked[64] = { 0 };
    assert_true(read(master, asked, sizeof(asked)) >= 8);
    assert_int_equal(asked[0], 1); /* the unit; 0 would be everybody */
    assert_true(asked[1] >= 1 && asked[1] <= 4);
    assert_true(says(scan, "with 19200 baud, 8E1; other settings are not tried"));
    assert_true(says(scan, "nothing answers"));
    assert_string_equal(state_of(scan), "done");
    unlink(link_path);
    close(master);
}

/* ---- ECHONET Lite ---- */

/* On addresses of this process, since all of a host hear a multicast. */
static void address(char ret[20], int number)
{
    (void)snprintf(ret, 20, "127.%d.%d.%d", 10 + getpid() / 65536 % 200, getpid() / 256 % 256,
                   getpid() % 250 + number);
}

static void on_sim_end(void *ctx, int status)
{
    (void)ctx;
    (void)status;
}

static void on_sim_output(void *ctx, const char *bytes, size_t len)
{
    if (memmem(bytes, len, "ready", 5))
        *(bool *)ctx = true;
}

static struct hook *start_sim(struct world *w, const char *at)
{
    static const struct hook_events events = { on_sim_end, on_sim_output };
    char program[300], charger[100];
    size_t len = sizeof(program) - 10;
    bool is_ready = false;
    assert_int_equal(uv_exepath(program, &len), 0);
    (void)str_copy(strrchr(program, '/') + 1, 10, "ocpp-sim");
    (void)snprintf(charger, sizeof(charger), "name=e1,map=echonet-02a1,address=%s", at);
    const char *const argv[] = { program, "--charger", charger, NULL };
    struct hook *sim = hook_start_with(&w->gateway.loop, argv, PATIENCE_MS, &events, &is_ready);
    assert_non_null(sim);
    while (!is_ready)
        (void)uv_run(&w->gateway.loop.uv, UV_RUN_ONCE);
    return sim;
}

/* All of a host hear a multicast, so others may be there, too. */
static void expect_charger(const json_t *scan, const char *at)
{
    size_t i;
    json_t *node;
    json_array_foreach(json_object_get(scan, "found"), i, node)
    {
        const json_t *object = json_array_get(json_object_get(node, "objects"), 0);
        if (!str_equal(json_get_string(node, "host", ""), at))
            continue;
        assert_int_equal(strlen(json_get_string(node, "node_id", "")), 34);
        assert_string_equal(json_get_string(object, "profile", ""), "echonet-02a1");
        assert_string_equal(json_get_string(object, "manufacturer", ""), "FFFFF0");
        assert_true(json_array_size(json_object_get(object, "properties")) > 20);
        return;
    }
    fail_msg("no node at %s", at);
}

static void echonet_lite_nodes_are_found_where_the_gateway_has_none_itself(void **state)
{
    struct world *w = *state;
    char own[20], at[20], text[200], problem[200] = "";
    uint32_t id = 0;
    address(own, 1);
    address(at, 2);
    struct hook *sim = start_sim(w, at);
    (void)snprintf(text, sizeof(text), "{'protocol': 'echonet', 'interface': '%s', 'wait': '1s'}", own);
    AUTO(json_t) *request = parse(text);
    id = start(w, text);
    assert_int_equal(scan_jobs_start(w->jobs, request, &id, problem, sizeof(problem)), -EBUSY);
    assert_string_equal(problem, "scan 1 looks for ECHONET Lite nodes already");
    AUTO(json_t) *scan = wait_for_end(w, 1);
    assert_string_equal(state_of(scan), "done");
    expect_charger(scan, at);
    (void)start(w, text); /* the port is free again; ended by the teardown */
    hook_kill(sim);
}

static void echonet_lite_nodes_are_found_by_the_node_that_the_gateway_has(void **state)
{
    struct world *w = *state;
    char own[20], at[20], config[200];
    struct resource *node = NULL;
    address(own, 3);
    address(at, 4);
    (void)snprintf(config, sizeof(config), "echonet: { bind: %s, multicast_interface: %s }", own, own);
    configure(w, config);
    assert_int_equal(resource_echonet(&w->gateway.resources, w->gateway.config, &node), 0);
    struct hook *sim = start_sim(w, at);
    AUTO(json_t) *scan =
        wait_for_end(w, start(w, "{'protocol': 'echonet', 'interface': '192.168.7.9', 'wait': '1s'}"));
    assert_true(says(scan, "the gateway's own node looks, at 127."));
    expect_charger(scan, at);
    hook_kill(sim);
    resource_put(node);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_checked_member_by_member),
        cmocka_unit_test(what_belongs_to_a_line_is_checked_too),
        TEST(a_charger_is_told_before_the_scan_has_ended),
        TEST(a_scan_ends_and_is_kept),
        TEST(where_nothing_answers_that_is_said),
        TEST(only_so_many_run_at_once),
        TEST(where_the_gateway_has_a_connection_it_is_used),
        TEST(a_line_of_the_gateway_is_looked_at_by_the_gateway),
        TEST(echonet_lite_nodes_are_found_where_the_gateway_has_none_itself),
        TEST(echonet_lite_nodes_are_found_by_the_node_that_the_gateway_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
