/* Start, reload and stop of the whole. */
#include "gateway/gateway.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/config_job.h"
#include "gateway/diagnostics.h"
#include "gateway/file.h"
#include "gateway/file_change.h"
#include "gateway/log_archive.h"
#include "gateway/management.h"
#include "gateway/meters.h"
#include "gateway/power_history.h"
#include "gateway/station_entry.h"
#include "gateway/station_firmware.h"
#include "pki/key.h"
#include "net/transfer.h"

#define CLOSE_TIME_MS 300 /* for close frames to leave at the end */
#define TRIM_EVERY_MS 5000
#define TRIM_MAX_MS   60000

static void log_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        log_error(LOG_GATEWAY, "%s", problems->list[i].text);
    if (problems->total > problems->count)
        log_error(LOG_GATEWAY, "and %zu problems more", problems->total - problems->count);
}

static void apply_log(const struct config *config)
{
    log_setup(2, config->log_json);
    for (int i = 0; i < LOG_AREAS; i++)
        log_set_level((enum log_area)i, config->log_levels[i]);
}

/* What a device does when we fall silent is the installer's business to know. */
static void log_hazards(const struct config *config)
{
    for (size_t i = 0; i < config->profile_count; i++) {
        const struct profile *profile = config->profiles[i].profile;
        char hazard[500];
        if (!profile)
            continue;
        profile_hazard(profile, hazard, sizeof(hazard));
        if (*hazard)
            log_warn(LOG_GATEWAY, "hazard: %s: profile=%s", hazard, profile->name);
    }
}

static void warn_if_public(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && status.st_mode & S_IROTH)
        log_warn(LOG_GATEWAY, "file with a password or key can be read by everyone: path=%s", path);
}

static void log_public_passwords(const struct config *config)
{
    bool inline_password = false;
    for (size_t i = 0; i < config->station_count; i++) {
        const struct station_config *station = &config->stations[i];
        if (station->key && !key_is_uri(station->key))
            warn_if_public(station->key);
        if (station->key_pin_file)
            warn_if_public(station->key_pin_file);
        if (station->password_file)
            warn_if_public(station->password_file);
        else if (station->password)
            inline_password = true;
    }
    if (inline_password)
        warn_if_public(config->name);
}

static void on_watchdog(struct timer *timer, void *ctx)
{
    struct gateway *gateway = ctx;
    (void)sd_notify(0, "WATCHDOG=1");
    env_timer_start(&gateway->loop.env, timer, gateway->watchdog_ms);
}

static void start_watchdog(struct gateway *gateway)
{
    uint64_t interval_us = 0;
    timer_init(&gateway->watchdog, gateway->loop.env.timers, on_watchdog, gateway);
    if (sd_watchdog_enabled(0, &interval_us) <= 0)
        return;
    gateway->watchdog_ms = (int64_t)(interval_us / 2000);
    env_timer_start(&gateway->loop.env, &gateway->watchdog, 0);
}

/* Handshakes need much memory (TLS above all) that no one needs once the links are up, as does reading the configuration: given back to the system then, or
 * when it seems that some links stay down. */
static void on_trim(struct timer *timer, void *ctx)
{
    struct gateway *gateway = ctx;
    bool all = true;
    for (size_t i = 0; i < gateway->station_count && all; i++)
        all = station_entry_is_connected(gateway->stations[i]);
    if (all || env_now_ms(&gateway->loop.env) >= gateway->trim_until_ms)
        (void)malloc_trim(0);
    else
        env_timer_start(&gateway->loop.env, timer, TRIM_EVERY_MS);
}

void gateway_trim_later(struct gateway *gateway)
{
    gateway->trim_until_ms = env_now_ms(&gateway->loop.env) + TRIM_MAX_MS;
    env_timer_start(&gateway->loop.env, &gateway->trim, TRIM_EVERY_MS);
}

static int open_store(struct gateway *gateway)
{
    const char *directory = gateway->config->general.state_directory;
    char path[512], text[256];
    if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
        log_error(LOG_GATEWAY, "state directory cannot be made: path=%s error=\"%s\"", directory,
                  err_text(-errno));
        return -EIO;
    }
    if (snprintf(path, sizeof(path), "%s/gateway.db", directory) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    log_archive_clean(directory);
    int r = store_open(&gateway->loop, path, text, sizeof(text), &gateway->store);
    if (r < 0)
        log_error(LOG_STORE, "database cannot be opened: path=%s: %s", path, text);
    return r;
}

static int open_history(struct gateway *gateway)
{
    char path[512];
    if (snprintf(path, sizeof(path), "%s/history.db", gateway->config->general.state_directory) >=
        (int)sizeof(path))
        return -ENAMETOOLONG;
    return history_open(&gateway->loop, path, &gateway->history);
}

/* Those not started yet, one after the other. */
static void start_stations(struct gateway *gateway)
{
    int64_t delay_ms = 0;
    for (size_t i = 0; i < gateway->station_count; i++) {
        if (station_entry_is_started(gateway->stations[i]))
            continue;
        station_entry_start(gateway->stations[i], delay_ms);
        delay_ms += gateway->config->general.pacing_ms;
    }
    gateway_trim_later(gateway);
}

static void hold_ocpp16(struct gateway *gateway)
{
    if (!gateway->ocpp16)
        gateway->ocpp16 = resource_hold_ocpp16(&gateway->resources, gateway->config);
}

static int make_stations(struct gateway *gateway)
{
    struct config *config = gateway->config;
    gateway->stations = calloc(config->station_count + 1, sizeof(struct station_entry *));
    if (!gateway->stations)
        return -ENOMEM;
    for (size_t i = 0; i < config->station_count; i++) {
        int r = station_entry_new(gateway, &config->stations[i], &gateway->stations[i]);
        if (r < 0)
            return r;
        gateway->station_count++;
    }
    hold_ocpp16(gateway);
    start_stations(gateway);
    return 0;
}

static void tell_if_orphaned(void *ctx, const char *station)
{
    bool is_of_a_station = station[0] != '\0'; /* users and tokens are not */
    if (is_of_a_station && !gateway_station(ctx, station))
        log_warn(LOG_STORE, "the database keeps records of a station that is not configured: station=%s",
                 station);
}

static int start(struct gateway *gateway)
{
    int r = open_store(gateway);
    if (r == 0)
        r = open_history(gateway);
    if (r < 0)
        return r;
    r = websocket_context_new(&gateway->loop, &gateway->websockets);
    if (r < 0)
        return r;
    r = transfers_new(&gateway->loop, &gateway->transfers);
    if (r < 0)
        return r;
    r = transfers_set_known_hosts(gateway->transfers, gateway->config->general.known_hosts);
    if (r == 0)
        r = gateway_firmware_new(gateway, &gateway->firmware);
    if (r < 0)
        return r;
    resources_init(&gateway->resources, &gateway->loop, gateway->websockets);
    r = management_new(gateway, &gateway->management);
    if (r < 0)
        return r;
    r = make_stations(gateway);
    if (r == 0)
        r = meters_new(gateway, &gateway->meters);
    if (r == 0 && !(gateway->power = power_history_new(gateway)))
        r = -ENOMEM;
    if (r < 0)
        return r;
    return store_stations(gateway->store, tell_if_orphaned, gateway);
}

/* Tells a restart of this program from one of the host. */
static void read_host_boot(struct gateway *gateway)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    if (file_read("/proc/sys/kernel/random/boot_id", sizeof(gateway->host_boot) - 1, &text, &len) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    (void)str_copy(gateway->host_boot, sizeof(gateway->host_boot), text);
}

int gateway_start(struct gateway *gateway, const char *config_path)
{
    struct problems problems;
    problems_init(&problems);
    list_init(&gateway->config_jobs);
    diagnostics_keep_log(gateway);
    int r = config_load(config_path, &problems, &gateway->config);
    if (r < 0)
        log_problems(&problems);
    problems_done(&problems);
    gateway->config_path = strdup(config_path);
    if (r == 0 && !gateway->config_path)
        r = -ENOMEM;
    if (r < 0)
        return r;

    apply_log(gateway->config);
    read_host_boot(gateway);
    gateway->started_ms = env_now_ms(&gateway->loop.env);
    timer_init(&gateway->trim, gateway->loop.env.timers, on_trim, gateway);
    r = start(gateway);
    if (r < 0) {
        log_error(LOG_GATEWAY, "start failed, nothing runs: error=\"%s\"", err_text(r));
        return r;
    }
    log_hazards(gateway->config);
    log_public_passwords(gateway->config);
    const char *known_hosts = gateway->config->general.known_hosts;
    if (known_hosts && access(known_hosts, R_OK) < 0)
        log_warn(LOG_GATEWAY, "no sftp server is known, so none is trusted: known_hosts=%s error=\"%s\"",
                 known_hosts, err_text(-errno));
    log_info(LOG_GATEWAY, "started: version=%s configuration=%s stations=%zu", GATEWAY_VERSION, config_path,
             gateway->station_count);
    management_listen(gateway->management);
    lag_start(&gateway->lag, &gateway->loop.env);
    start_watchdog(gateway);
    (void)sd_notify(0, "READY=1");
    return 0;
}

/* ---- reload ---- */

/* A profile whose text did not change stays the same object, since running chargers hold it. */
static void adopt_profiles(struct config *config, struct config *old)
{
    for (size_t i = 0; i < config->profile_count; i++)
        for (size_t k = 0; k < old->profile_count; k++) {
            struct loaded_profile *mine = &config->profiles[i], *theirs = &old->profiles[k];
            if (!str_equal(mine->name, theirs->name) || !str_equal(mine->text, theirs->text))
                continue;
            struct profile *fresh = mine->profile;
            for (size_t s = 0; s < config->station_count; s++)
                for (size_t c = 0; c < config->stations[s].charger_count; c++)
                    if (config->stations[s].chargers[c].profile == fresh)
                        config->stations[s].chargers[c].profile = theirs->profile;
            for (size_t m = 0; m < config->meter_count; m++)
                if (config->meters[m].device.profile == fresh)
                    config->meters[m].device.profile = theirs->profile;
            mine->profile = theirs->profile;
            theirs->profile = fresh;
        }
}

/* It is the same; the slot holds the old one's texts. */
static void adopt_firmware(struct config *config, struct config *old)
{
    struct firmware_config mine = config->firmware;
    config->firmware = old->firmware;
    old->firmware = mine;
}

const char *gateway_restart_needed(const struct gateway *gateway, const struct config *config)
{
    const struct config *old = gateway->config;
    if (gateway->ocpp16 && !str_equal(config->ocpp16.fingerprint, old->ocpp16.fingerprint))
        return "ocpp16";
    if (!str_equal(config->general.state_directory, old->general.state_directory))
        return "gateway.state";
    if (!str_equal(config->general.control_socket, old->general.control_socket))
        return "gateway.control";
    if (!str_equal(config->firmware.fingerprint, old->firmware.fingerprint))
        return "gateway.firmware";
    if (!str_equal(config->general.known_hosts, old->general.known_hosts))
        return "gateway.known_hosts";
    return NULL;
}

/* The program that installs its firmware would be killed. */
const char *gateway_installing(const struct gateway *gateway, const struct config *config)
{
    for (size_t i = 0; i < gateway->station_count; i++) {
        const struct station_config *now = station_entry_config(gateway->stations[i]);
        bool stays = !station_entry_is_installing(gateway->stations[i]);
        for (size_t k = 0; k < config->station_count && !stays; k++)
            stays = str_equal(config->stations[k].id, now->id) &&
                    str_equal(config->stations[k].fingerprint, now->fingerprint);
        if (!stays)
            return now->id;
    }
    return NULL;
}

/* The running entry of an unchanged station, taken out of the old list; NULL if it is new or changed. */
static struct station_entry *take_unchanged(struct gateway *gateway, const struct station_config *config)
{
    for (size_t i = 0; i < gateway->station_count; i++) {
        struct station_entry *entry = gateway->stations[i];
        if (entry && str_equal(station_entry_config(entry)->id, config->id) &&
            str_equal(station_entry_config(entry)->fingerprint, config->fingerprint)) {
            gateway->stations[i] = NULL;
            return entry;
        }
    }
    return NULL;
}

static void stop_rest(struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->station_count; i++)
        if (gateway->stations[i]) {
            log_info(LOG_GATEWAY, "station is stopped: station=%s",
                     station_entry_config(gateway->stations[i])->id);
            station_entry_stop(gateway->stations[i]);
            station_entry_free(gateway->stations[i]);
        }
    free(gateway->stations);
}

/* Goes over to `config`: unchanged stations stay, others are stopped, new ones made but not started. The first error of one that
 * cannot be made, which is left out. The configuration that was is the caller's then. */
static int switch_to(struct gateway *gateway, struct config *config)
{
    struct station_entry **entries = calloc(config->station_count + 1, sizeof(struct station_entry *));
    int result = 0;
    if (!entries)
        return -ENOMEM;
    adopt_profiles(config, gateway->config);
    adopt_firmware(config, gateway->config);
    for (size_t i = 0; i < config->station_count; i++) {
        entries[i] = take_unchanged(gateway, &config->stations[i]);
        if (entries[i])
            station_entry_rebind(entries[i], &config->stations[i]);
    }
    stop_rest(gateway);
    gateway->config = config;
    gateway->stations = entries;
    gateway->station_count = 0;
    for (size_t i = 0; i < config->station_count; i++) {
        struct station_entry *entry = entries[i];
        int r = entry ? 0 : station_entry_new(gateway, &config->stations[i], &entry);
        if (r == 0)
            entries[gateway->station_count++] = entry;
        else if (result == 0)
            result = r;
    }
    hold_ocpp16(gateway);
    int r = meters_switch(gateway, &gateway->meters);
    return result < 0 ? result : r;
}

/* To `config`, or back. Takes `config`. */
static int apply(struct gateway *gateway, struct config *config, struct problems *problems)
{
    struct config *old = gateway->config;
    int r = switch_to(gateway, config);
    if (r < 0) {
        problems_add(problems, gateway->config_path, 0, NULL, "cannot be put into force: %s (see the log)",
                     err_text(r));
        if (switch_to(gateway, old) < 0)
            log_error(LOG_GATEWAY, "not every station of the running configuration could be made again");
    }
    start_stations(gateway);
    config_free(r < 0 ? config : old);
    return r;
}

/* The moment is what systemd tells a reload it asked for by (Type=notify-reload, from 253 on). */
static void notify_reloading(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
                     (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

int gateway_put_into_force(struct gateway *gateway, uint64_t generation, int err, struct config *read,
                           struct problems *problems)
{
    AUTO(config) *config = read;
    int r = err;
    if (gateway->stopping)
        return -ECANCELED;
    notify_reloading();
    if (generation != gateway->generation) { /* what came meanwhile may be newer than this */
        problems_done(problems);
        problems_init(problems);
        config_free(STEAL(config));
        r = config_load(gateway->config_path, problems, &config);
    }
    const char *restart = r == 0 ? gateway_restart_needed(gateway, config) : NULL;
    if (restart) {
        problems_add(problems, gateway->config_path, 0, restart,
                     "changed, which needs a restart of the gateway");
        r = -EINVAL;
    }
    const char *busy = r == 0 ? gateway_installing(gateway, config) : NULL;
    if (busy) {
        problems_add(problems, gateway->config_path, 0, busy,
                     "changed while its firmware is being installed; reload when that is over");
        r = -EBUSY;
    }
    if (r == 0) {
        gateway->generation++;
        management_release_devices(gateway->management);
        r = apply(gateway, STEAL(config), problems);
    }
    if (r == 0) {
        apply_log(gateway->config);
        management_listen(gateway->management);
        log_info(LOG_GATEWAY, "configuration was reloaded: stations=%zu", gateway->station_count);
    } else {
        log_problems(problems);
        log_error(LOG_GATEWAY, "the changed configuration is refused, the running one stays");
    }
    (void)sd_notify(0, "READY=1");
    return r;
}

int gateway_reload(struct gateway *gateway, struct problems *problems)
{
    struct config *config = NULL;
    int r = config_load(gateway->config_path, problems, &config);
    return gateway_put_into_force(gateway, gateway->generation, r, config, problems);
}

/* ---- stop ---- */

static void on_closed(struct timer *timer, void *ctx)
{
    (void)timer;
    loop_stop(ctx);
}

void gateway_stop(struct gateway *gateway)
{
    (void)sd_notify(0, "STOPPING=1");
    gateway->stopping = true;
    file_change_forget(gateway);
    config_jobs_cancel(gateway);
    timer_stop(&gateway->watchdog);
    timer_stop(&gateway->trim);
    if (gateway->lag.env)
        lag_stop(&gateway->lag);
    management_close(gateway->management);
    for (size_t i = 0; i < gateway->station_count; i++)
        station_entry_stop(gateway->stations[i]);
    if (gateway->station_count) { /* a moment for the close frames */
        struct timer timer;
        timer_init(&timer, gateway->loop.env.timers, on_closed, &gateway->loop);
        env_timer_start(&gateway->loop.env, &timer, CLOSE_TIME_MS);
        loop_run(&gateway->loop);
        timer_stop(&timer); /* a second signal ends the waiting */
    }
    meters_free(gateway->meters);
    power_history_free(gateway->power);
    for (size_t i = 0; i < gateway->station_count; i++)
        station_entry_free(gateway->stations[i]);
    free(gateway->stations);
    management_free(STEAL(gateway->management));
    firmware_slot_free(gateway->firmware);
    transfers_free(gateway->transfers);
    history_close(gateway->history);
    store_close(gateway->store);
    resource_put(gateway->ocpp16);
    websocket_context_free(gateway->websockets);
    config_free(gateway->config);
    json_decref(gateway->entries);
    free(gateway->config_path);
    log_info(LOG_GATEWAY, "stopped");
    diagnostics_keep_no_log(gateway);
}

/* ---- for displays ---- */

struct station_entry *gateway_station(const struct gateway *gateway, const char *id)
{
    for (size_t i = 0; i < gateway->station_count; i++)
        if (str_equal(station_entry_config(gateway->stations[i])->id, id))
            return gateway->stations[i];
    return NULL;
}

json_t *gateway_bus_json(const char *name, const struct bus_counters *counters)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", name, "requests",
                     (json_int_t)counters->requests, "answers", (json_int_t)counters->answers, "timeouts",
                     (json_int_t)counters->timeouts, "exceptions", (json_int_t)counters->exceptions,
                     "badFrames", (json_int_t)counters->bad_frames, "lateAnswers",
                     (json_int_t)counters->late_answers);
}
