/* What a station's devices tell while they are verified (verify.h). */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "list.h"
#include "verify.h"

#define SAMPLE_MS  500
#define MAX_WRITES 500
#define FLOWS_W    100.0
#define FLOWS_A    1.0

int64_t verify_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

double verify_current_A(const struct verification *v)
{
    static const enum evse_measure phases[] = { MEASURE_CURRENT_IMPORT_L1, MEASURE_CURRENT_IMPORT_L2,
                                                MEASURE_CURRENT_IMPORT_L3, MEASURE_CURRENT_IMPORT };
    double highest = NAN;
    for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
        highest = fmax(highest, v->value[phases[i]]); /* fmax: a NAN counts for nothing */
    if (isnan(highest) && !isnan(v->value[MEASURE_POWER_IMPORT]))
        highest = v->value[MEASURE_POWER_IMPORT] / (230.0 * (double)json_get_int(v->offers, "phases", 3));
    return highest;
}

bool verify_flows(const struct verification *v)
{
    double power_W = v->value[MEASURE_POWER_IMPORT], current_A = verify_current_A(v);
    if (!isnan(power_W))
        return power_W > FLOWS_W;
    return isnan(current_A) ? str_equal(v->state, "charging") : current_A > FLOWS_A;
}

/* ---- events ---- */

static void take_sample(struct verification *v)
{
    double seconds = (double)(verify_now_ms() - v->origin_ms) / 1000;
    if (v->sample_count == MAX_SAMPLES ||
        (v->sample_count && seconds - v->samples[v->sample_count - 1].seconds < SAMPLE_MS / 1000.0))
        return;
    v->samples[v->sample_count++] =
        (struct sample){ seconds, v->value[MEASURE_POWER_IMPORT], verify_current_A(v), v->limit_A };
}

static void on_signals(struct verification *v, const json_t *event)
{
    const json_t *measured = json_object_get(event, "measured");
    v->online = json_get_bool(event, "online", false);
    (void)str_copy(v->state, sizeof(v->state), json_get_string(event, "state", "unknown"));
    for (int m = 0; m < MEASURES; m++)
        v->value[m] = json_get_number(measured, evse_measure_names[m], NAN);
    v->has_measured = true;
}

/* The EVSE that is verified is one of this charger's. */
static void on_charger(struct verification *v, const json_t *event)
{
    const json_t *offers = json_object_get(event, "offers"), *evses = json_object_get(offers, "evses");
    int64_t first = json_get_int(event, "evse", 1);
    size_t count = json_array_size(evses);
    if (v->evse < first || v->evse >= first + (int64_t)count)
        return;
    json_decref(v->offers);
    v->offers = json_incref(json_array_get(evses, (size_t)(v->evse - first)));
    (void)str_copy(v->profile, sizeof(v->profile), json_get_string(offers, "profile", "?"));
    (void)snprintf(v->model, sizeof(v->model), "%.30s %.45s", json_get_string(offers, "vendor", ""),
                   json_string_value(json_array_get(json_object_get(offers, "models"), 0)));
}

static void on_event(struct verification *v, json_t *event)
{
    const char *kind = json_get_string(event, "event", "");
    if (str_equal(kind, "charger"))
        on_charger(v, event);
    else if (str_equal(kind, "signals") && json_get_int(event, "evse", 0) == v->evse)
        on_signals(v, event);
    else if (str_equal(kind, "point"))
        (void)json_object_set(v->points, json_get_string(event, "point", "?"), event);
    else if (str_equal(kind, "write") && json_array_size(v->writes) < MAX_WRITES) {
        (void)json_object_set_new(event, "seconds",
                                  json_real((double)(verify_now_ms() - v->origin_ms) / 1000));
        (void)json_array_append(v->writes, event);
    }
}

/* What is there. False: nobody tells. */
static bool read_points(struct verification *v, const struct cli *cli)
{
    AUTO_FREE char *path = api_path("/stations/%s/points", v->station);
    AUTO(json_t) *now = path ? api_list(cli, path, 0) : NULL;
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(now, "items"), index, event) on_event(v, event);
    return now != NULL;
}

/* One event, if it comes within `ms`; after a gap all that is there. */
static void listen(struct verification *v, int64_t ms)
{
    json_t *event = event_stream_next(&v->watch, ms);
    if (event)
        on_event(v, event);
    else if (v->watch.ended)
        v->stopped = true;
    json_decref(event);
    if (v->watch.has_gap && !v->stopped) {
        struct cli patient = *v->cli;
        patient.is_silent = true;
        v->watch.has_gap = !read_points(v, &patient);
    }
}

bool verify_wait(struct verification *v, int64_t ms, bool (*is)(const struct verification *v))
{
    int64_t end_ms = verify_now_ms() + ms;
    while (!v->stopped && !(is && is(v))) {
        int64_t left_ms = end_ms - verify_now_ms();
        if (left_ms <= 0)
            break;
        listen(v, left_ms < SAMPLE_MS ? left_ms : SAMPLE_MS);
        take_sample(v);
    }
    return is && !v->stopped && is(v);
}

static bool has_all(const struct verification *v)
{
    return v->offers && v->has_measured && v->online && !str_equal(v->state, "unknown");
}

int verify_listen(struct verification *v)
{
    for (int m = 0; m < MEASURES; m++)
        v->value[m] = NAN;
    v->origin_ms = verify_now_ms();
    AUTO_FREE char *path = api_path("/stream?types=point,signals,write&station=%s", v->station);
    if (event_stream_open(&v->watch, v->cli, path) < 0)
        return -ENOTCONN;
    v->watch.interrupt_fd = v->interrupt_fd;
    if (!read_points(v, v->cli))
        return -EIO;
    (void)verify_wait(v, 15000, has_all);
    if (v->stopped)
        return -ECANCELED;
    if (!v->offers) {
        (void)fprintf(stderr, "ocpp-cli: the station has no evse %d\n", v->evse);
        return -ENOENT;
    }
    return 0;
}
