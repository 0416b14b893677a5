/* The series of power of the site and its stations (power_history.h). */
#include "gateway/power_history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/series.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"

struct entry {
    char *id;
    struct series *series; /* NULL: it never had a value */
};

struct power_history {
    struct gateway *gateway;
    struct timer timer;
    struct series *site;
    double now_W;
    struct entry *entries; /* in the order of the last sample */
    size_t count;
    bool failing_told;
};

/* ---- entries follow the stations ---- */

static void entries_free(struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].id);
        series_free(entries[i].series);
    }
    free(entries);
}

static bool are_the_same(const struct power_history *history, const struct station_power *stations,
                         size_t count)
{
    bool same = history->count == count;
    for (size_t i = 0; same && i < count; i++)
        same = str_equal(history->entries[i].id, stations[i].id);
    return same;
}

/* Where the order stays, the next one is the first that is looked at. */
static struct series *take_series(struct power_history *history, const char *id, size_t *at)
{
    for (size_t i = 0; i < history->count; i++) {
        struct entry *entry = &history->entries[(*at + i) % history->count];
        if (!str_equal(entry->id, id))
            continue;
        *at = (*at + i + 1) % history->count;
        return STEAL(entry->series);
    }
    return NULL;
}

/* Other stations than before: after a reload. Without memory the old ones stay, and it is tried again with the next sample. */
static bool follow(struct power_history *history, const struct station_power *stations, size_t count)
{
    if (are_the_same(history, stations, count))
        return true;
    struct entry *entries = calloc(count + 1, sizeof(*entries));
    bool complete = entries != NULL;
    for (size_t i = 0; complete && i < count; i++)
        complete = (entries[i].id = strdup(stations[i].id)) != NULL;
    if (!complete) {
        if (entries)
            entries_free(entries, count);
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        entries[i].series = take_series(history, stations[i].id, &at);
    entries_free(history->entries, history->count);
    history->entries = entries;
    history->count = count;
    return true;
}

/* ---- sampling ---- */

static void add(struct entry *entry, int64_t now_ms, double power_W)
{
    if (!entry->series && isfinite(power_W))
        entry->series = series_new(); /* without memory: with the next sample */
    if (entry->series)
        series_add(entry->series, now_ms, power_W);
}

void power_history_add(struct power_history *history, const struct station_power *stations, size_t count)
{
    int64_t now_ms = env_now_ms(&history->gateway->loop.env);
    double sum_W = NAN;
    bool follows = follow(history, stations, count);
    if (!follows && !history->failing_told)
        log_error(LOG_GATEWAY, "no memory for the power of the stations");
    history->failing_told = !follows;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(stations[i].power_W))
            sum_W = (isnan(sum_W) ? 0 : sum_W) + stations[i].power_W;
        if (follows)
            add(&history->entries[i], now_ms, stations[i].power_W);
    }
    history->now_W = sum_W;
    series_add(history->site, now_ms, sum_W);
}

double power_of_evse_W(const struct evse_signals *signals)
{
    static const enum evse_measure phases[] = { MEASURE_POWER_IMPORT_L1, MEASURE_POWER_IMPORT_L2,
                                                MEASURE_POWER_IMPORT_L3 };
    double sum_W = NAN;
    if (evse_has(signals, MEASURE_POWER_IMPORT))
        return signals->value[MEASURE_POWER_IMPORT];
    for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
        if (evse_has(signals, phases[i]))
            sum_W = (isnan(sum_W) ? 0 : sum_W) + signals->value[phases[i]];
    return sum_W;
}

static double power_of_station_W(const struct station_entry *entry)
{
    const struct station_config *config = station_entry_config(entry);
    double sum_W = NAN;
    for (int evse = 1; evse <= (int)config->evse_count; evse++) {
        const struct station_charger *c = station_entry_charger(entry, evse);
        double power_W = power_of_evse_W(charger_signals(c->charger, evse - c->first_evse + 1));
        if (isfinite(power_W))
            sum_W = (isnan(sum_W) ? 0 : sum_W) + power_W;
    }
    return sum_W;
}

static void on_timer(struct timer *timer, void *ctx)
{
    struct power_history *history = ctx;
    const struct gateway *gateway = history->gateway;
    struct station_power *stations = calloc(gateway->station_count + 1, sizeof(*stations));
    env_timer_start(&gateway->loop.env, timer, POWER_SAMPLE_MS);
    if (!stations)
        return;
    for (size_t i = 0; i < gateway->station_count; i++)
        stations[i] = (struct station_power){ station_entry_config(gateway->stations[i])->id,
                                              power_of_station_W(gateway->stations[i]) };
    power_history_add(history, stations, gateway->station_count);
    free(stations);
}

/* ---- telling ---- */

static const struct series *series_of(const struct power_history *history, const char *station)
{
    if (!station)
        return history->site;
    for (size_t i = 0; i < history->count; i++)
        if (str_equal(history->entries[i].id, station))
            return history->entries[i].series;
    return NULL;
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(round(value * 10) / 10) : json_null();
}

json_t *power_history_json(const struct power_history *history, const char *station, int64_t seconds)
{
    const struct env *env = &history->gateway->loop.env;
    int64_t now_ms = env_now_ms(env);
    const struct series *series = series_of(history, station);
    if (seconds > POWER_MAX_SECONDS)
        seconds = POWER_MAX_SECONDS;
    struct series_window window = series_window(now_ms, seconds * 1000);
    char from[TIMESTAMP_SIZE];
    bool failed = false;
    AUTO(json_t) *power = json_array();
    AUTO(json_t) *energy = json_array();
    timestamp_format(env_wall_ms(env) - now_ms + window.from_ms, from);
    for (size_t i = 0; i < window.count; i++) {
        double power_W = series ? series_at(series, &window, i) : (double)NAN;
        failed |= json_array_append_new(power, number(power_W)) < 0;
        failed |= json_array_append_new(energy, number(power_W * (double)window.step_ms / 3600000)) < 0;
    }
    return failed ? NULL
                  : json_pack("{s:s, s:I, s:O, s:O}", "from", from, "stepSeconds",
                              (json_int_t)(window.step_ms / 1000), "powerW", power, "energyWh", energy);
}

double power_history_now_W(const struct power_history *history)
{
    return history->now_W;
}

/* ---- life ---- */

struct power_history *power_history_new(struct gateway *gateway)
{
    struct power_history *history = calloc(1, sizeof(*history));
    if (!history || !(history->site = series_new())) {
        free(history);
        return NULL;
    }
    history->gateway = gateway;
    history->now_W = NAN;
    timer_init(&history->timer, gateway->loop.env.timers, on_timer, history);
    env_timer_start(&gateway->loop.env, &history->timer, POWER_SAMPLE_MS);
    return history;
}

void power_history_free(struct power_history *history)
{
    if (!history)
        return;
    timer_stop(&history->timer);
    entries_free(history->entries, history->count);
    series_free(history->site);
    free(history);
}
