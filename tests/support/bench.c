/* The time of the bench, and the life of its station; bench_*.c are the world around it. */
#include "tests/support/bench_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "base/str.h"

/* ---- time and chance ---- */

static int64_t bench_now(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static int64_t bench_wall(void *ctx)
{
    const struct bench *b = ctx;
    return BENCH_WALL_MS + b->now_ms + b->wall_offset_ms;
}

static void bench_random(void *ctx, void *ret, size_t len)
{
    struct bench *b = ctx;
    for (uint8_t *at = ret; len > 0; len--) {
        b->random_state ^= b->random_state << 13;
        b->random_state ^= b->random_state >> 7;
        b->random_state ^= b->random_state << 17;
        *at++ = (uint8_t)(b->random_state >> 24);
    }
}

void bench_settle(struct bench *b)
{
    bool more = true;
    for (int i = 0; more; i++) {
        if (i > 10000)
            fail_msg("it never comes to rest");
        more = false;
        int64_t due_ms = timers_next_ms(&b->timers);
        if (due_ms >= 0 && due_ms <= b->now_ms) {
            timers_run(&b->timers, b->now_ms);
            more = true;
        }
        more = bench_do_csr(b) || bench_do_link(b) || bench_do_commit(b) || bench_do_command(b) ||
               bench_do_firmware(b) || bench_do_answer(b) || more;
    }
}

void bench_advance(struct bench *b, int64_t ms)
{
    int64_t end_ms = b->now_ms + ms;
    bench_settle(b);
    for (;;) {
        int64_t due_ms = timers_next_ms(&b->timers);
        if (due_ms < 0 || due_ms > end_ms)
            break;
        b->now_ms = due_ms;
        bench_settle(b);
    }
    b->now_ms = end_ms;
    bench_settle(b);
}

/* ---- life ---- */

struct evse_abilities bench_abilities(void)
{
    struct evse_abilities abilities = {
        .measures = 1u << MEASURE_ENERGY_IMPORT | 1u << MEASURE_POWER_IMPORT |
                    1u << MEASURE_CURRENT_IMPORT_L1 | 1u << MEASURE_CURRENT_IMPORT_L2 |
                    1u << MEASURE_CURRENT_IMPORT_L3 | 1u << MEASURE_VOLTAGE_L1 | 1u << MEASURE_VOLTAGE_L2 |
                    1u << MEASURE_VOLTAGE_L3,
        .reads_id_token = true,
        .start_stop = true,
        .limit = true,
        .unlock = true,
        .phases = 3,
        .min_current_A = 6,
        .max_current_A = 32,
        .voltage_V = 230,
        .supports_pause = true,
        .connectors = 1,
    };
    (void)str_copy(abilities.connector_type, sizeof(abilities.connector_type), "sType2");
    return abilities;
}

static const struct station_ops ops = { .connect = bench_on_connect,
                                        .disconnect = bench_on_disconnect,
                                        .set_ping_interval = bench_on_ping_interval,
                                        .send = bench_on_send,
                                        .persist = bench_on_persist,
                                        .command = bench_on_command,
                                        .show = bench_on_show,
                                        .upload_log = bench_on_upload_log,
                                        .has_log = bench_on_has_log,
                                        .cancel_log = bench_on_cancel_log,
                                        .firmware = bench_on_firmware,
                                        .make_csr = bench_on_make_csr,
                                        .device_health = bench_on_device_health };

static void make_station(struct bench *b)
{
    struct evse_abilities evses[BENCH_MAX_EVSES];
    for (size_t i = 0; i < b->options.evse_count; i++)
        evses[i] = b->options.abilities;
    struct station_settings settings = {
        .id = "CS-1",
        .vendor = "Example",
        .model = "AC22",
        .serial_number = "SN-1",
        .firmware_version = "1.0",
        .password = b->options.password,
        .csms_url = b->options.url ? b->options.url : "wss://csms.example/ocpp",
        .trusted_pem = b->options.trusted_pem,
        .certificate_pem = b->options.certificate_pem,
        .key = b->options.key,
        .security_profile = b->options.security_profile,
        .evse_count = b->options.evse_count,
        .evses = evses,
        .variables = b->options.variables,
        .variable_count = b->options.variable_count,
        .presets = b->options.presets,
        .preset_count = b->options.preset_count,
        .max_message = b->options.max_message,
        .firmware = b->options.firmware,
        .limits = b->options.limits,
        .host_boot = b->options.host_boot,
    };
    b->station = station_new(&b->env, &settings, &ops, b);
    assert_non_null(b->station);
    for (size_t i = 0; i < b->options.evse_count; i++)
        station_on_signals(b->station, (int)i + 1, &b->signals[i]);
}

void bench_keep_text(char **at, const char *text)
{
    free(*at);
    *at = text ? strdup(text) : NULL;
}

struct bench *bench_new(const struct bench_options *options)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    if (options)
        b->options = *options;
    if (b->options.evse_count == 0)
        b->options.evse_count = 1;
    if (b->options.abilities.connectors == 0)
        b->options.abilities = bench_abilities();
    if (b->options.max_message == 0)
        b->options.max_message = 65536;
    b->random_state = 0x9E3779B97F4A7C15;
    b->link_available = true;
    b->log_ends_ms = INT64_MAX;
    b->failure = LINK_UNREACHABLE;
    b->answers = json_object();
    b->calls = json_array();
    b->unanswered = json_array();
    b->responses = json_object();
    b->refuses = json_object();
    b->commands = json_array();
    b->open_commands = json_array();
    b->firmware_jobs = json_array();
    b->records = json_object();
    b->commits = json_array();
    timers_init(&b->timers);
    b->env = (struct env){
        .ctx = b, .now_ms = bench_now, .wall_ms = bench_wall, .random = bench_random, .timers = &b->timers
    };
    for (size_t i = 0; i < BENCH_MAX_EVSES; i++)
        b->signals[i] =
            (struct evse_signals){ .state = b->options.slow_devices ? EVSE_UNKNOWN : EVSE_AVAILABLE,
                                   .online = true };
    make_station(b);
    return b;
}

static void power_off(struct bench *b)
{
    station_free(b->station);
    b->station = NULL;
    b->is_up = b->connect_pending = b->disconnect_pending = false;
    b->csr_ticket = 0;
    json_array_clear(b->calls);
    json_array_clear(b->unanswered);
    json_array_clear(b->commands);
    json_array_clear(b->open_commands);
    json_array_clear(b->firmware_jobs);
    json_array_clear(b->commits);
    b->firmware_ticket = 0;
}

void bench_free(struct bench *b)
{
    if (!b)
        return;
    power_off(b);
    assert_int_equal(timers_next_ms(&b->timers), -1); /* it left no timer behind */
    json_decref(b->answers);
    json_decref(b->calls);
    json_decref(b->unanswered);
    json_decref(b->responses);
    json_decref(b->refuses);
    bench_keep_text(&b->trusted, NULL);
    bench_keep_text(&b->certificate, NULL);
    bench_keep_text(&b->key, NULL);
    bench_keep_text(&b->csr, NULL);
    bench_keep_text(&b->csr_key, NULL);
    json_decref(b->commands);
    json_decref(b->open_commands);
    json_decref(b->firmware_jobs);
    json_decref(b->records);
    json_decref(b->commits);
    json_decref(b->log_request);
    free(b);
}

void bench_start(struct bench *b)
{
    station_start(b->station, 0);
    bench_settle(b);
}

void bench_boot(struct bench *b)
{
    bench_start(b);
    bench_forget(b);
}

static void power_on(struct bench *b)
{
    b->hold_commits = false;
    b->hold_after = 0;
    make_station(b);
    const char *name;
    json_t *value;
    json_object_foreach(b->records, name, value)
    {
        for (int kind = 0; kind < RECORD_KINDS; kind++) {
            size_t len = strlen(record_kind_names[kind]);
            if (strncmp(name, record_kind_names[kind], len) == 0 && name[len] == '/')
                station_restore(b->station, (enum record_kind)kind, name + len + 1, json_string_value(value));
        }
    }
    bench_start(b);
}

void bench_restart(struct bench *b)
{
    power_off(b);
    power_on(b);
}

void bench_stop_and_restart(struct bench *b)
{
    station_stop(b->station);
    bench_settle(b);
    power_off(b);
    power_on(b);
}

int bench_setup_new(void **state)
{
    *state = bench_new(NULL);
    return 0;
}

int bench_setup(void **state)
{
    struct bench *b = bench_new(NULL);
    bench_boot(b);
    *state = b;
    return 0;
}

int bench_teardown(void **state)
{
    bench_free(*state);
    return 0;
}
