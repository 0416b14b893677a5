/* Short of memory: each allocation of a path fails once. Nothing crashes, nothing leaks, and what comes back is whole or an error.
 *
 * The linker puts our allocators before the real ones (CMakeLists.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/config.h"
#include "gateway/events.h"
#include "gateway/gateway.h"
#include "gateway/log_job.h"
#include "ocpp/rpc.h"
#include "ocpp/summary.h"

static struct {
    bool inside;
    long count, fail_at;
} memory;

static bool is_refused(void)
{
    return memory.inside && ++memory.count == memory.fail_at;
}

/* The names are the linker's: --wrap=malloc turns malloc into __wrap_malloc and __real_malloc into malloc. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
#define WRAP(type, name, parameters)                                                                         \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters

WRAP(void *, malloc, (size_t size))
{
    return is_refused() ? NULL : __real_malloc(size);
}

WRAP(void *, calloc, (size_t count, size_t size))
{
    return is_refused() ? NULL : __real_calloc(count, size);
}

WRAP(void *, realloc, (void *block, size_t size))
{
    return is_refused() ? NULL : __real_realloc(block, size);
}

WRAP(void *, reallocarray, (void *block, size_t count, size_t size))
{
    return is_refused() ? NULL : __real_reallocarray(block, count, size);
}

WRAP(char *, strdup, (const char *text))
{
    return is_refused() ? NULL : __real_strdup(text);
}

WRAP(char *, strndup, (const char *text, size_t len))
{
    return is_refused() ? NULL : __real_strndup(text, len);
}

WRAP(int, vasprintf, (char **ret, const char *format, va_list args))
{
    return is_refused() ? -1 : __real_vasprintf(ret, format, args);
}

int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int r = __wrap_vasprintf(ret, format, args);
    va_end(args);
    return r;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* Calls `act` until none of its allocations is left to fail, one in `step` of them; it returns whether it was content with what it had. */
static void with_each_failing(bool (*act)(void *ctx), void *ctx, long step)
{
    long fail_at = 1;
    for (;; fail_at += step) {
        memory.count = 0;
        memory.fail_at = fail_at;
        memory.inside = true;
        bool whole = act(ctx);
        memory.inside = false;
        if (memory.count < fail_at) {
            assert_true(whole);
            break;
        }
    }
    assert_true(fail_at > 5); /* the allocators are ours */
    print_message("%ld allocations\n", fail_at - 1);
}

/* ---- the configuration ---- */

static const char good[] =
    "gateway: { profiles: \"" SOURCE_DIR
    "/profiles\", firmware: { slot: a, install_hook: [ /bin/true, b ] } }\n"
    "log: { format: json, areas: { modbus: debug } }\n"
    "csms:\n  a: { url: \"ws://csms/ocpp\", security_profile: 1 }\n"
    "buses:\n  line: { serial: /dev/ttyS0, line: { baud: 19200 } }\n"
    "stations:\n"
    "  - id: CS1\n    csms: a\n    vendor: V\n    password: 0123456789abcdef\n"
    "    variables: { OCPPCommCtrlr.HeartbeatInterval: 77, SampledDataCtrlr.TxUpdatedInterval: 5 }\n"
    "    chargers:\n"
    "      - { profile: demo-modbus-rtu, bus: line, unit: 7 }\n"
    "      - { profile: demo-modbus-ac22, tcp: 10.0.0.1, modbus: { retries: 1 } }\n"
    "      - { profile: echonet-02a1, echonet: 10.0.0.1 }\n"
    "meters: { grid: { profile: demo-modbus-meter, bus: line, unit: 20 } }\n"
    "external_limits:\n"
    "  - { meter: grid, limit: \"25 - current_l1\", unit: A, stations: [ CS1 ], on_silence: 6 }\n"
    "  - { meter: grid, limit: power, unit: W, source: SO, stations: all, on_silence: 0 }\n";

static const char bad[] =
    "csms:\n  a: { url: 5, x: 1 }\n  b: { url: \"ws://csms/\" }\n"
    "gateway: { profiles: \"" SOURCE_DIR "/profiles\" }\n"
    "buses: { a: {}, b: { serial: x, line: { baud: 1 } }, c: { serial: x } }\n"
    "stations:\n"
    "  - { id: 1 2, csms: q, variables: { A.B: 1, C: 2 }, chargers: [{ profile: none }] }\n"
    "  - { id: CS1, csms: b, password: 0123456789abcdef, chargers: [{ profile: demo-modbus-ac22, tcp: h },"
    " { profile: demo-modbus-ac22, tcp: h }] }\n"
    "meters: { a: { profile: demo-modbus-ac22, tcp: h }, b: { profile: demo-modbus-meter, tcp: h } }\n"
    "external_limits: [ { meter: b, limit: power + x, unit: W, stations: [ 9 ] }, { meter: a }, 5 ]\n";

static bool parse(void *text)
{
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    int r = config_parse("gateway.yaml", text, strlen(text), &problems, &config);
    assert_true((r == 0) == (config != NULL));
    assert_true(r == 0 || r == -ENOMEM || (r == -EINVAL && problems.total > 0));
    bool whole = text == good ? r == 0 : r == -EINVAL && problems.count == problems.total;
    for (size_t i = 0; config && i < config->station_count; i++)
        assert_non_null(config->stations[i].fingerprint);
    if (text == good)
        assert_int_not_equal(r, -EINVAL);
    config_free(config);
    problems_done(&problems);
    return whole;
}

static void a_good_configuration(void **state)
{
    (void)state;
    with_each_failing(parse, (void *)(uintptr_t)good, 1);
}

static void a_bad_configuration(void **state)
{
    (void)state;
    with_each_failing(parse, (void *)(uintptr_t)bad, 1);
}

/* ---- frames ---- */

struct peer {
    struct timers timers;
    struct env env;
    struct rpc *rpc;
    int sent, called, answered;
};

static int64_t no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void zeros(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    memset(ret, 0, len);
}

static void on_frame(void *ctx, const char *station, bool outgoing, const char *text, size_t len)
{
    (void)ctx;
    char summary[100];
    AUTO(json_t) *event = events_frame_json(station, outgoing, text, len);
    frame_summary(json_object_get(event, "frame"), summary, sizeof(summary));
}

static int on_send(void *ctx, const char *text, size_t len)
{
    struct peer *p = ctx;
    p->sent++;
    events_frame(&(struct events){ .on_frame = on_frame, .ctx = p }, "CS1", true, text, len);
    return 0;
}

static void on_call(void *ctx, const struct rpc_request *request)
{
    struct peer *p = ctx;
    p->called++;
    rpc_result(p->rpc, request, json_pack("{s:s}", "status", "Accepted"));
}

static bool supports(void *ctx, const struct message *message)
{
    (void)ctx;
    (void)message;
    return true;
}

static void on_answer(void *ctx, const struct rpc_answer *answer)
{
    (void)answer;
    ((struct peer *)ctx)->answered++;
}

static const struct rpc_ops ops = { on_send, on_call, supports, NULL, NULL, NULL };

static bool talk(void *ctx)
{
    static const char call[] = "[2,\"1\",\"Reset\",{\"type\":\"OnIdle\"}]";
    static const char wrong[] = "[2,\"2\",\"SetVariables\",{\"setVariableData\":[{\"attributeValue\":5}]}]";
    (void)ctx;
    struct peer p = { .env = { .now_ms = no_time, .wall_ms = no_time, .random = zeros } };
    timers_init(&p.timers);
    p.env.timers = &p.timers;
    p.rpc = rpc_new(&p.env, &ops, &p, 1000);
    if (!p.rpc)
        return false;
    rpc_set_connected(p.rpc, true);
    rpc_receive(p.rpc, call, strlen(call));
    rpc_receive(p.rpc, wrong, strlen(wrong));
    rpc_receive(p.rpc, "rubbish", 7);
    int calls = rpc_call(p.rpc, "Heartbeat", json_object(), 1000, on_answer, &p) == 0;
    rpc_call_local(p.rpc, "Reset", json_pack("{s:s}", "type", "OnIdle"), on_answer, &p);
    timers_run(&p.timers, 10);
    int sent = p.sent;
    rpc_set_connected(p.rpc, false);
    rpc_free(p.rpc);
    assert_int_equal(p.answered, calls + 1); /* each exactly once, whatever failed */
    return sent == 4 && p.called == 2;
}

static void frames_both_ways(void **state)
{
    (void)state;
    log_set_level(LOG_OCPP, LOG_DEBUG);
    log_setup(-1, true);
    with_each_failing(talk, NULL, 1);
    log_setup(2, false);
    log_set_level(LOG_OCPP, LOG_INFO);
}

/* ---- the whole ---- */

#define START_STEP 7 /* a start takes its time */

struct site {
    char directory[64], config[100];
    bool left_open, started;
};

static void on_log(void *ctx, const struct log_line *said)
{
    struct site *site = ctx;
    site->left_open = site->left_open || strstr(said->line, "left open");
}

static void look_for_started(void *ctx, const void *record, size_t len)
{
    struct site *site = ctx;
    (void)len;
    site->started = site->started || strstr(record, "gateway: started:");
}

/* As main() does. */
static bool start_and_stop(void *ctx)
{
    struct site *site = ctx;
    struct gateway gateway = { 0 };
    memory.inside = false;
    assert_int_equal(loop_init(&gateway.loop), 0);
    site->started = false;
    memory.inside = true;
    int r = gateway_start(&gateway, site->config);
    ring_each(&gateway.log_lines, look_for_started, site);
    assert_true(r == 0 || !site->started);
    if (r == 0)
        uv_run(&gateway.loop.uv, UV_RUN_NOWAIT);
    memory.inside = false; /* what is stopped is stopped with all the memory it wants */
    gateway_stop(&gateway);
    log_set_follower(on_log, site);
    loop_done(&gateway.loop);
    assert_false(site->left_open);
    return r == 0;
}

static void make_site(struct site *site)
{
    (void)str_copy(site->directory, sizeof(site->directory), "/tmp/test_memory.XXXXXX");
    assert_non_null(mkdtemp(site->directory));
    (void)snprintf(site->config, sizeof(site->config), "%s/gateway.yaml", site->directory);
    FILE *file = fopen(site->config, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "gateway: { state: %s, control: %s/socket, profiles: " SOURCE_DIR "/profiles,\n"
                  "  firmware: { slot: image, install_hook: [ /bin/true ] } }\n"
                  "csms: { a: { url: \"ws://127.0.0.1:1/\", security_profile: 0 } }\n"
                  "echonet: { bind: 127.93.1.1, multicast_interface: 127.93.1.1 }\n"
                  "stations:\n"
                  "  - id: CS1\n    csms: a\n    chargers:\n"
                  "      - { profile: demo-modbus-ac22, tcp: \"127.0.0.1:1\" }\n"
                  "      - { profile: echonet-02a1, echonet: 127.93.1.2 }\n",
                  site->directory, site->directory);
    assert_int_equal(fclose(file), 0);
}

static void remove_site(const struct site *site)
{
    char path[128];
    static const char *const files[] = { "gateway.yaml", "gateway.db", "gateway.db.lock",
                                         "gateway.db.reserve" };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", site->directory, files[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(site->directory), 0); /* the socket is gone, and SQLite's own files */
}

static void a_start_is_whole_or_leaves_nothing(void **state)
{
    (void)state;
    struct site site = { 0 };
    make_site(&site);
    with_each_failing(start_and_stop, &site, START_STEP);
    log_set_follower(NULL, NULL);
    log_setup(2, false);
    remove_site(&site);
}

/* ---- logs for the CSMS ---- */

static void on_log_job_ended(void *ctx, int err)
{
    (void)ctx;
    (void)err;
    fail_msg("it was let go before");
}

static bool begin_log_jobs(void *ctx)
{
    struct gateway *gateway = ctx;
    bool all = true;
    for (int kind = LOG_KIND_DIAGNOSTICS; kind <= LOG_KIND_SECURITY; kind++) {
        struct log_request request = { .kind = (enum log_kind)kind,
                                       .url = "http://127.0.0.1:1/",
                                       .file_name = "log.tar.gz",
                                       .trusted_pem = "none",
                                       .oldest_ms = INT64_MIN,
                                       .latest_ms = INT64_MAX };
        struct log_job *job = NULL;
        int r =
            log_job_start(gateway, gateway_station(gateway, "CS1"), &request, on_log_job_ended, NULL, &job);
        assert_true((r == 0) == (job != NULL));
        assert_true(r == 0 || r == -ENOMEM);
        log_job_free(job);
        all = all && r == 0;
    }
    memory.inside = false;
    uv_run(&gateway->loop.uv, UV_RUN_NOWAIT);
    return all;
}

static void a_log_is_begun_or_refused(void **state)
{
    (void)state;
    struct site site = { 0 };
    struct gateway gateway = { 0 };
    make_site(&site);
    assert_int_equal(loop_init(&gateway.loop), 0);
    log_set_follower(on_log, &site);
    assert_int_equal(gateway_start(&gateway, site.config), 0);
    uv_run(&gateway.loop.uv, UV_RUN_NOWAIT);
    with_each_failing(begin_log_jobs, &gateway, 1);
    gateway_stop(&gateway);
    log_set_follower(on_log, &site);
    loop_done(&gateway.loop);
    log_set_follower(NULL, NULL);
    log_setup(2, false);
    assert_false(site.left_open);
    remove_site(&site); /* no file is left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_configuration),      cmocka_unit_test(a_bad_configuration),
        cmocka_unit_test(frames_both_ways),          cmocka_unit_test(a_start_is_whole_or_leaves_nothing),
        cmocka_unit_test(a_log_is_begun_or_refused),
    };
    json_set_alloc_funcs(__wrap_malloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
