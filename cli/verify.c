/* The steps of the acceptance test, and what is checked in each (verify.h). */
#include "verify.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

#define PERSON_MS  300000 /* what a person has for plugging in and out */
#define DEVICE_MS  60000  /* what a device and a vehicle have to begin or end */
#define LOOK_MS    3000   /* ... and how often is looked whether the transaction still runs */
#define LIMIT_MS   30000  /* ... and to follow a limit */
#define LIMIT_A    10.0
#define LIMIT_MORE 0.5 /* A that a measurement may show above the limit */

enum { REPORT, TOKEN, HOLD };

const struct cli_option verify_options[] = {
    [REPORT] = { "report", "NAME", "writes NAME.html and NAME.json (default verify-STATION-TIME)", 0 },
    [TOKEN] = { "token", "ID", "id token to start with (default VERIFY)", 0 },
    [HOLD] = { "hold", "TIME", "how long each state is watched (default 10s)", 0 },
    { 0 },
};

const char *const verdict_names[VERDICTS] = { "passed", "FAILED", "unclear" };

/* ---- checks ---- */

static void check(struct verification *v, enum verdict verdict, const char *name, const char *wanted,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
static void check(struct verification *v, enum verdict verdict, const char *name, const char *wanted,
                  const char *format, ...)
{
    if (v->check_count == MAX_CHECKS || v->stopped)
        return;
    struct check *c = &v->checks[v->check_count++];
    va_list args;
    *c = (struct check){ .verdict = verdict, .seconds = v->took };
    v->took = -1;
    (void)str_copy(c->name, sizeof(c->name), name);
    (void)str_copy(c->wanted, sizeof(c->wanted), wanted);
    va_start(args, format);
    (void)vsnprintf(c->seen, sizeof(c->seen), format, args);
    va_end(args);
    str_make_harmless(c->seen);
    (void)printf("  %-8s %-48s %s", verdict_names[verdict], c->name, c->seen);
    if (c->seconds >= 0)
        (void)printf(" (%.1f s)", c->seconds);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static enum verdict verdict_of(bool good)
{
    return good ? VERDICT_PASSED : VERDICT_FAILED;
}

static void say(const char *text)
{
    (void)printf("\n%s\n", text);
    (void)fflush(stdout);
}

static double since(int64_t from_ms)
{
    return (double)(verify_now_ms() - from_ms) / 1000;
}

/* What is measured now, in words. */
static const char *measured(const struct verification *v, char *ret, size_t size)
{
    char power[40] = "", current[40] = "";
    if (!isnan(v->value[MEASURE_POWER_IMPORT]))
        (void)snprintf(power, sizeof(power), ", %.0f W", v->value[MEASURE_POWER_IMPORT]);
    if (!isnan(verify_current_A(v)))
        (void)snprintf(current, sizeof(current), ", %.1f A", verify_current_A(v));
    (void)snprintf(ret, size, "%s%s%s", v->online ? v->state : "silent", power, current);
    return ret;
}

static bool is_available(const struct verification *v)
{
    return v->online && str_equal(v->state, "available");
}

static bool is_plugged(const struct verification *v)
{
    return v->online && (str_equal(v->state, "connected") || str_equal(v->state, "charging") ||
                         str_starts(v->state, "suspended"));
}

static bool is_charging(const struct verification *v)
{
    return str_equal(v->state, "charging") && verify_flows(v);
}

/* Of a device that says nothing nobody knows what flows. */
static bool is_still(const struct verification *v)
{
    return v->online && !str_equal(v->state, "charging") && !verify_flows(v);
}

static bool flows(const struct verification *v)
{
    return verify_flows(v) || str_equal(v->state, "charging");
}

static bool draws(const struct verification *v)
{
    double current_A = verify_current_A(v);
    return isnan(current_A) || current_A > 1;
}

static bool is_within_limit(const struct verification *v)
{
    double current_A = verify_current_A(v);
    return isnan(current_A) || current_A <= v->limit_A + LIMIT_MORE;
}

static bool is_above_limit(const struct verification *v)
{
    return !is_within_limit(v);
}

/* ---- what the station is asked ---- */

/* An OCPP request as the CSMS would send it; its status, or what went wrong. */
static void request(const struct verification *v, const char *action, json_t *payload, char *ret, size_t size)
{
    int status = 0;
    AUTO_FREE char *path = api_path("/stations/%s/requests", v->station);
    AUTO(json_t) *answer = api_call(v->cli, "POST", path,
                                    json_pack("{s:s, s:o}", "action", action, "payload", payload), &status);
    (void)str_copy(ret, size, "no answer");
    if (answer)
        (void)str_copy(ret, size,
                       status == 200 ? json_get_string(json_object_get(answer, "result"), "status", "?")
                                     : json_get_string(answer, "detail", "refused"));
}

/* The transaction that runs at the EVSE; false: none. */
static bool find_transaction(const struct verification *v, char *ret, size_t size)
{
    AUTO_FREE char *path = api_path("/stations/%s", v->station);
    AUTO(json_t) *station = api_ask(v->cli, "GET", path, NULL);
    size_t index;
    json_t *evse;
    json_array_foreach(json_object_get(station, "evses"), index, evse)
    {
        const char *id = json_get_string(json_object_get(evse, "transaction"), "id", NULL);
        if (id && json_get_int(evse, "id", 0) == v->evse)
            return str_copy(ret, size, id) == 0;
    }
    return false;
}

/* NAN: releases it. */
static bool set_limit(struct verification *v, double limit_A)
{
    json_t *order = json_pack("{s:i, s:s}", "evse", v->evse, "source", "Other");
    if (isnan(limit_A))
        (void)json_set_optional(order, "release", json_true());
    else if (json_set_optional(order, "limit", json_real(limit_A)) == 0)
        (void)json_set_text(order, "unit", "A");
    AUTO_FREE char *path = api_path("/stations/%s/limits", v->station);
    AUTO(json_t) *answer = api_ask(v->cli, "POST", path, order);
    bool ok = answer != NULL;
    v->limit_A = ok ? limit_A : v->limit_A;
    return ok;
}

/* ---- steps ---- */

/* Points that should have a value and have none: devices lack optional ones, so this is for a person to judge. */
static void check_device(struct verification *v)
{
    const char *name;
    json_t *event;
    struct buf missing;
    size_t count = 0, good = 0;
    buf_init(&missing, 256);
    json_object_foreach(v->points, name, event)
    {
        const char *quality = json_get_string(event, "quality", "none");
        if (str_equal(quality, "none"))
            continue; /* only written, or not asked for yet */
        count++;
        good += str_equal(quality, "good");
        if (str_equal(quality, "good") || missing.len + strlen(name) > 120)
            continue;
        buf_printf(&missing, "%s%s", missing.len ? ", " : "; without: ", name);
    }
    check(v, verdict_of(v->online), "the device answers", "online", "%s", v->online ? "online" : "silent");
    check(v, good == count && count ? VERDICT_PASSED : VERDICT_UNCLEAR, "points have values",
          "all that are read", "%zu of %zu%s", good, count, buf_string(&missing));
    buf_done(&missing);
    check(v, verdict_of(!str_equal(v->state, "faulted") && !str_equal(v->state, "unknown")),
          "the state is known, no fault", "a state", "%s", v->state);
}

static void check_plug(struct verification *v)
{
    char text[100];
    int64_t from_ms;
    bool early;
    if (!is_available(v)) {
        say("> Please unplug the vehicle.");
        (void)verify_wait(v, PERSON_MS, is_available);
    }
    check(v, verdict_of(is_available(v)), "free without a vehicle", "available", "%s",
          measured(v, text, sizeof(text)));
    if (!is_available(v))
        return;
    say("> Please plug a vehicle in.");
    bool plugged = verify_wait(v, PERSON_MS, is_plugged);
    check(v, verdict_of(plugged), "a plugged vehicle is seen", "connected", "%s",
          measured(v, text, sizeof(text)));
    if (!plugged)
        return;
    from_ms = verify_now_ms();
    early = verify_wait(v, v->hold_ms, flows);
    v->took = since(from_ms);
    check(v, verdict_of(!early && v->online), "nothing flows before it is authorised", "no energy", "%s",
          measured(v, text, sizeof(text)));
}

static void check_figures(struct verification *v)
{
    static const enum evse_measure voltages[] = { MEASURE_VOLTAGE_L1, MEASURE_VOLTAGE_L2, MEASURE_VOLTAGE_L3,
                                                  MEASURE_VOLTAGE };
    static const enum evse_measure currents[] = { MEASURE_CURRENT_IMPORT_L1, MEASURE_CURRENT_IMPORT_L2,
                                                  MEASURE_CURRENT_IMPORT_L3, MEASURE_CURRENT_IMPORT };
    double sum_A = 0, some_V = NAN, power_W = v->value[MEASURE_POWER_IMPORT];
    bool good = true;
    for (size_t i = 0; i < ARRAY_SIZE(voltages); i++) {
        double volt = v->value[voltages[i]], ampere = v->value[currents[i]];
        good = good && (isnan(volt) || volt < 1 || (volt > 85 && volt < 500));
        some_V = fmax(some_V, volt);
        sum_A += i < 3 && !isnan(ampere) ? ampere : 0;
    }
    if (!isnan(some_V))
        check(v, verdict_of(good), "voltages are plausible", "85 to 500 V", "%.0f V", some_V);
    if (sum_A > 1 && !isnan(power_W)) {
        double by_current_W = sum_A * (some_V > 85 ? some_V : 230);
        check(v, fabs(by_current_W - power_W) < 0.2 * power_W + 200 ? VERDICT_PASSED : VERDICT_UNCLEAR,
              "power and currents agree", "within a fifth", "%.0f W measured, %.0f W by %.1f A", power_W,
              by_current_W, sum_A);
    }
}

/* The register must count what the power says: checked over the time that the limit step takes, too. */
static void check_energy(struct verification *v, double begun_Wh, int64_t begun_ms, double integral_Wh)
{
    double counted_Wh = v->value[MEASURE_ENERGY_IMPORT] - begun_Wh;
    if (isnan(counted_Wh))
        return;
    bool known = integral_Wh > 0;
    bool near = fabs(counted_Wh - integral_Wh) < 0.25 * integral_Wh + 100;
    v->took = since(begun_ms);
    check(v,
          counted_Wh <= 0  ? (known && integral_Wh > 200 ? VERDICT_FAILED : VERDICT_UNCLEAR)
          : known && !near ? VERDICT_FAILED
                           : VERDICT_PASSED,
          "the energy register counts", known ? "as the power says" : "more than before", "%.0f Wh counted%s",
          counted_Wh, counted_Wh > 0 ? "" : "; wait longer with --hold, or look at its resolution");
}

static double integral_Wh(const struct verification *v, double from_seconds)
{
    double Wh = 0;
    for (size_t i = 1; i < v->sample_count; i++)
        if (v->samples[i - 1].seconds >= from_seconds && !isnan(v->samples[i - 1].power_W))
            Wh += v->samples[i - 1].power_W * (v->samples[i].seconds - v->samples[i - 1].seconds) / 3600;
    return Wh;
}

static bool check_start(struct verification *v)
{
    const char *token = v->cli->values[TOKEN] ? v->cli->values[TOKEN] : "VERIFY";
    char id[64], status[120], text[100];
    say("Starting.");
    int64_t from_ms = verify_now_ms();
    request(v, "RequestStartTransaction",
            json_pack("{s:i, s:i, s:{s:s, s:s}}", "evseId", v->evse, "remoteStartId",
                      (int)(time(NULL) % 1000000), "idToken", "idToken", token, "type", "Central"),
            status, sizeof(status));
    check(v, verdict_of(str_equal(status, "Accepted")), "a start is accepted", "Accepted", "%s", status);
    if (!str_equal(status, "Accepted"))
        return false;
    bool runs = true, charging = false;
    while (!charging && runs && !v->stopped && since(from_ms) < DEVICE_MS / 1000.0) {
        charging = verify_wait(v, LOOK_MS, is_charging);
        runs = charging || find_transaction(v, id, sizeof(id));
    }
    bool no_wish = !charging && str_equal(v->state, "suspended_ev");
    v->took = since(from_ms);
    check(v,
          charging  ? VERDICT_PASSED
          : no_wish ? VERDICT_UNCLEAR
                    : VERDICT_FAILED,
          "energy flows after the start", "charging", "%s%s", measured(v, text, sizeof(text)),
          !runs     ? "; the transaction was ended (does the CSMS accept the token?)"
          : no_wish ? "; the vehicle takes nothing (full, or a timer?)"
                    : "");
    (void)verify_wait(v, v->hold_ms, NULL);
    if (charging) {
        (void)verify_wait(v, LIMIT_MS, draws); /* currents may be polled less often than the power */
        check_figures(v);
    }
    return charging;
}

static void check_limit(struct verification *v)
{
    const json_t *limit = json_object_get(v->offers, "limit");
    double wanted_A = fmax(LIMIT_A, json_get_number(limit, "min", 6)), before_A = verify_current_A(v);
    char wanted[60], text[100];
    if (!json_is_object(limit))
        return;
    (void)snprintf(wanted, sizeof(wanted), "at most %.1f A", wanted_A + LIMIT_MORE);
    (void)printf("\nLimiting to %g A.\n", wanted_A);
    (void)fflush(stdout);
    int64_t from_ms = verify_now_ms();
    if (!set_limit(v, wanted_A)) {
        check(v, VERDICT_FAILED, "a limit is taken", "taken", "refused");
        return;
    }
    bool held = verify_wait(v, LIMIT_MS, is_within_limit);
    double after = since(from_ms);
    held = held && !verify_wait(v, v->hold_ms, is_above_limit);
    /* Else the vehicle itself takes no more, or nobody knows. */
    bool proves = before_A > wanted_A + LIMIT_MORE && !isnan(verify_current_A(v));
    v->took = after;
    check(v,
          !held    ? VERDICT_FAILED
          : proves ? VERDICT_PASSED
                   : VERDICT_UNCLEAR,
          "the limit holds", wanted, "%s, %.1f A before%s", measured(v, text, sizeof(text)), before_A,
          proves ? "" : "; it proves nothing");
    check(v, verdict_of(verify_flows(v)), "it charges on below the limit", "charging", "%s",
          measured(v, text, sizeof(text)));
}

static void check_stop(struct verification *v)
{
    char id[64] = "", status[120], text[100];
    say("Stopping.");
    int64_t from_ms = verify_now_ms();
    if (!find_transaction(v, id, sizeof(id))) {
        check(v, VERDICT_FAILED, "a transaction runs", "one", "none");
        return;
    }
    request(v, "RequestStopTransaction", json_pack("{s:s}", "transactionId", id), status, sizeof(status));
    check(v, verdict_of(str_equal(status, "Accepted")), "a stop is accepted", "Accepted", "%s", status);
    bool still = verify_wait(v, DEVICE_MS, is_still);
    v->took = since(from_ms);
    check(v, verdict_of(still), "no energy flows after the stop", "no energy", "%s",
          measured(v, text, sizeof(text)));
    bool again = verify_wait(v, v->hold_ms, flows);
    check(v, verdict_of(!again && v->online), "it stays stopped", "no energy", "%s",
          measured(v, text, sizeof(text)));
}

static void check_unplug(struct verification *v)
{
    char text[100];
    say("> Please unplug the vehicle.");
    (void)verify_wait(v, PERSON_MS, is_available);
    check(v, verdict_of(is_available(v)), "free after unplugging", "available", "%s",
          measured(v, text, sizeof(text)));
}

static void run_steps(struct verification *v)
{
    check_device(v);
    if (!v->online)
        return;
    check_plug(v);
    if (!is_plugged(v))
        return;
    if (!json_get_bool(v->offers, "start_stop", false)) {
        say("The profile offers neither start nor stop.");
    } else {
        double energy_Wh = v->value[MEASURE_ENERGY_IMPORT], seconds = since(v->origin_ms);
        int64_t from_ms = verify_now_ms();
        if (check_start(v)) {
            check_limit(v);
            check_stop(v);
            check_energy(v, energy_Wh, from_ms, integral_Wh(v, seconds));
        } else {
            check_stop(v);
        }
    }
    check_unplug(v);
}

/* Whatever happened, nothing is left behind. */
static void clean_up(struct verification *v)
{
    char id[64], status[120];
    if (!isnan(v->limit_A))
        (void)set_limit(v, NAN);
    if (v->stopped && find_transaction(v, id, sizeof(id)))
        request(v, "RequestStopTransaction", json_pack("{s:s}", "transactionId", id), status, sizeof(status));
}

/* ---- the command ---- */

static bool read_options(const struct cli *cli, struct verification *v, char **argv)
{
    int64_t evse = 1;
    v->cli = cli;
    v->station = argv[0];
    v->hold_ms = 10000;
    v->limit_A = NAN;
    v->took = -1;
    if (argv[1] && str_to_int(argv[1], 1, 1000, &evse) < 0) {
        (void)fprintf(stderr, "ocpp-cli: expected the number of an EVSE, from 1: %s\n", argv[1]);
        return false;
    }
    v->evse = (int)evse;
    if (cli->values[HOLD] && (str_to_duration_ms(cli->values[HOLD], &v->hold_ms) < 0 || v->hold_ms < 1000)) {
        (void)fprintf(stderr, "ocpp-cli: expected --hold of a second or more, such as 10s: %s\n",
                      cli->values[HOLD]);
        return false;
    }
    return true;
}

static int64_t wall_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static int conclude(struct verification *v)
{
    char name[160], stamp[32] = "";
    struct tm parts;
    time_t now = time(NULL);
    if (gmtime_r(&now, &parts))
        (void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &parts);
    (void)snprintf(name, sizeof(name), "verify-%.48s-%s", v->station, stamp);
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '_' : *c; /* identities may have one */
    v->ended_ms = wall_ms();
    enum verdict result = verify_result(v);
    (void)printf("\n%s %d: %s%s\n", v->station, v->evse, verdict_names[result],
                 v->stopped ? " (broken off)" : "");
    if (verify_report(v, v->cli->values[REPORT] ? v->cli->values[REPORT] : name) < 0)
        return EXIT_FAILURE;
    return result == VERDICT_FAILED || v->stopped ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_verify(const struct cli *cli, int argc, char **argv)
{
    (void)argc;
    sigset_t interrupts;
    struct verification *v = calloc(1, sizeof(*v));
    int result = EXIT_FAILURE;
    if (!v || !read_options(cli, v, argv)) {
        free(v);
        return EXIT_USAGE;
    }
    v->points = json_object();
    v->writes = json_array();
    v->begun_ms = wall_ms();
    (void)sigemptyset(&interrupts);
    (void)sigaddset(&interrupts, SIGINT);
    (void)sigaddset(&interrupts, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &interrupts, NULL); /* what was started is stopped before it ends */
    v->interrupt_fd = signalfd(-1, &interrupts, SFD_CLOEXEC);
    if (verify_listen(v) == 0) {
        (void)printf("%s, evse %d: %s, profile %s\n\n", v->station, v->evse, v->model, v->profile);
        run_steps(v);
        clean_up(v);
        result = conclude(v);
    }
    event_stream_close(&v->watch);
    (void)close(v->interrupt_fd);
    json_decref(v->offers);
    json_decref(v->points);
    json_decref(v->writes);
    free(v);
    return result;
}
