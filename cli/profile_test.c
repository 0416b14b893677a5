/* `ocpp-cli profile test`: a profile against a device on paper. A case says what the device holds, and then what the station must see, or what a
 * command must write. Time is virtual: two minutes of waiting are done at once. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/str.h"
#include "gateway/config.h"
#include "gateway/file.h"
#include "paper_device.h"
#include "profile_commands.h"

#define SETTLE_MS      5000   /* a change of state waits at most so long for the energy register */
#define COMMAND_MAX_MS 600000 /* longer than any `within` that makes sense */
#define MAX_WRITES     64

struct write {
    const struct point *point;
    double number;
    char text[80];
    int err;
};

/* One case while it runs. */
struct trial {
    const struct yaml *yaml;
    struct problems *problems;
    const struct profile *profile;
    struct timers timers;
    struct env env;
    int64_t now_ms;
    struct charger *charger;
    struct device *device;
    int evse;
    struct evse_signals signals;
    struct id_token token;
    bool listening; /* to writes */
    struct write writes[MAX_WRITES];
    size_t write_count;
    bool done;
    int err;
};

/* ---- what the charger tells ---- */

static void on_signals(void *ctx, int evse, const struct evse_signals *signals)
{
    struct trial *t = ctx;
    if (evse == t->evse)
        t->signals = *signals;
}

static void on_id_token(void *ctx, int evse, const struct id_token *token)
{
    struct trial *t = ctx;
    if (evse == t->evse)
        t->token = *token;
}

static void on_command_done(void *ctx, int evse, const struct evse_command *command, int err)
{
    struct trial *t = ctx;
    (void)evse;
    (void)command;
    t->done = true;
    t->err = err;
}

static bool is_kept_alive(const struct profile *profile, const struct point *point)
{
    for (size_t i = 0; i < profile->keepalive.count; i++)
        if (profile->keepalive.list[i].point == point)
            return true;
    return false;
}

static void on_write(void *ctx, const struct point *point, double number, const char *text, int err)
{
    struct trial *t = ctx;
    if (!t->listening || t->write_count >= MAX_WRITES)
        return;
    struct write *write = &t->writes[t->write_count++];
    *write = (struct write){ .point = point, .number = number, .err = err };
    (void)str_copy(write->text, sizeof(write->text), text ? text : "");
}

static const struct charger_events charger_events = { .on_signals = on_signals,
                                                      .on_id_token = on_id_token,
                                                      .on_command_done = on_command_done,
                                                      .on_write = on_write };

/* ---- time ---- */

static int64_t now_ms(void *ctx)
{
    return ((struct trial *)ctx)->now_ms;
}

/* The device is polled each second meanwhile. `until_done`: ends with the command. */
static void pass(struct trial *t, int64_t ms, bool until_done)
{
    int64_t end = t->now_ms + ms, poll_ms = t->now_ms + 1000;
    while (t->now_ms < end && !(until_done && t->done)) {
        int64_t next = timers_next_ms(&t->timers);
        next = next < 0 || next > poll_ms ? poll_ms : next;
        t->now_ms = next > end ? end : next > t->now_ms ? next : t->now_ms;
        timers_run(&t->timers, t->now_ms);
        if (t->now_ms >= poll_ms) {
            paper_device_tell(t->device);
            poll_ms += 1000;
        }
    }
}

/* ---- commands ---- */

static bool read_command(struct trial *t, const struct yaml_node *node, struct evse_command *ret)
{
    static const char *const plain[] = { "start", "stop", "unlock", "reset", NULL };
    static const enum evse_command_kind kinds[] = { EVSE_START, EVSE_STOP, EVSE_UNLOCK, EVSE_RESET };
    static const char *const keys[] = { "limit", "phases", NULL };
    int index = 0;
    int64_t phases = 0;
    *ret = (struct evse_command){ .kind = EVSE_LIMIT };
    if (node->kind == YAML_SCALAR) {
        if (yaml_to_enum(t->yaml, node, plain, t->problems, &index) < 0)
            return false;
        ret->kind = kinds[index];
        return true;
    }
    const struct yaml_node *limit = yaml_get(node, "limit"), *count = yaml_get(node, "phases");
    if (!limit) {
        yaml_problem(t->yaml, node, t->problems, "expected start, stop, unlock, reset, or { limit: 10 }");
        return false;
    }
    yaml_check_keys(t->yaml, node, keys, t->problems);
    if (yaml_to_double(t->yaml, limit, 0, 1000, t->problems, &ret->limit_A) < 0 ||
        (count && yaml_to_int(t->yaml, count, 1, 3, t->problems, &phases) < 0))
        return false;
    ret->phases = (int)phases;
    return true;
}

static void command(struct trial *t, const struct yaml_node *node)
{
    struct evse_command c;
    if (!read_command(t, node, &c))
        return;
    t->done = false;
    charger_command(t->charger, t->evse, &c);
    pass(t, COMMAND_MAX_MS, true);
}

static void command_each(struct trial *t, const struct yaml_node *node)
{
    if (node && node->kind != YAML_LIST)
        command(t, node);
    for (const struct yaml_node *n = node && node->kind == YAML_LIST ? node->children : NULL; n; n = n->next)
        command(t, n);
}

/* ---- comparing ---- */

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-6 + 1e-6 * fabs(b);
}

static void compare_number(struct trial *t, const struct yaml_node *node, bool has, double is)
{
    double wanted = 0;
    if (node->kind == YAML_SCALAR && str_equal(node->text, "none")) {
        if (has)
            yaml_problem(t->yaml, node, t->problems, "expected none, is %.10g", is);
        return;
    }
    if (yaml_to_double(t->yaml, node, -1e300, 1e300, t->problems, &wanted) < 0)
        return;
    if (!has)
        yaml_problem(t->yaml, node, t->problems, "expected %.10g, has no value", wanted);
    else if (!is_near(is, wanted))
        yaml_problem(t->yaml, node, t->problems, "expected %.10g, is %.10g", wanted, is);
}

static void compare_text(struct trial *t, const struct yaml_node *node, const char *is)
{
    const char *wanted = node->kind == YAML_SCALAR ? node->text : "?";
    wanted = str_equal(wanted, "none") ? "" : wanted;
    if (!str_equal(wanted, is))
        yaml_problem(t->yaml, node, t->problems, "expected \"%s\", is \"%s\"", wanted, is);
}

static void compare_truth(struct trial *t, const struct yaml_node *node, bool is)
{
    bool wanted = false;
    if (yaml_to_bool(t->yaml, node, t->problems, &wanted) == 0 && wanted != is)
        yaml_problem(t->yaml, node, t->problems, "expected %s, is %s", wanted ? "true" : "false",
                     is ? "true" : "false");
}

static void compare_signal(struct trial *t, const struct yaml_node *node)
{
    const struct evse_signals *s = &t->signals;
    for (int m = 0; m < MEASURES; m++)
        if (str_equal(node->key, evse_measure_names[m])) {
            compare_number(t, node, evse_has(s, (enum evse_measure)m), s->value[m]);
            return;
        }
    if (str_equal(node->key, "state"))
        compare_text(t, node, evse_state_names[s->state]);
    else if (str_equal(node->key, "fault"))
        compare_text(t, node, s->fault);
    else if (str_equal(node->key, "id_token"))
        compare_text(t, node, t->token.value);
    else if (str_equal(node->key, "locked"))
        compare_truth(t, node, s->locked);
    else if (str_equal(node->key, "lock_failed"))
        compare_truth(t, node, s->lock_failed);
    else if (str_equal(node->key, "occupied"))
        compare_truth(t, node, s->bay == BAY_OCCUPIED);
    else if (str_equal(node->key, "limit_A"))
        compare_number(t, node, !isnan(charger_limit_A(t->charger, t->evse)),
                       charger_limit_A(t->charger, t->evse));
    else
        yaml_problem(t->yaml, node, t->problems, "\"%s\" is no signal; see docs/profiles.md", node->key);
}

static void compare_writes(struct trial *t, const struct yaml_node *list)
{
    size_t at = 0;
    char is[160];
    if (list->kind != YAML_LIST) {
        yaml_problem(t->yaml, list, t->problems, "expected a list such as [ { enable: 1 } ]; [] for none");
        return;
    }
    for (const struct yaml_node *n = list->children; n; n = n->next) {
        const struct yaml_node *pair = n->kind == YAML_MAP && n->count == 1 ? n->children : NULL;
        const struct point *point = pair ? profile_point(t->profile, pair->key) : NULL;
        double number = 0;
        int64_t whole = 0;
        if (!point || pair->kind != YAML_SCALAR) {
            yaml_problem(t->yaml, n, t->problems, "expected a point and its value, such as { enable: 1 }");
            continue;
        }
        while (at < t->write_count && t->writes[at].point != point &&
               is_kept_alive(t->profile, t->writes[at].point))
            at++;
        const struct write *write = at < t->write_count ? &t->writes[at++] : NULL;
        bool is_number = str_to_double(pair->text, &number) == 0;
        if (!is_number && str_to_int(pair->text, 0, INT64_MAX, &whole) == 0) { /* 0x... */
            number = (double)whole;
            is_number = true;
        }
        bool same = write && write->point == point &&
                    (*write->text || !is_number ? str_equal(write->text, pair->text)
                                                : is_near(write->number, number));
        if (same)
            continue;
        if (!write)
            (void)str_copy(is, sizeof(is), "nothing was written");
        else if (*write->text)
            (void)snprintf(is, sizeof(is), "%s: \"%s\" was", write->point->name, write->text);
        else
            (void)snprintf(is, sizeof(is), "%s: %.10g was", write->point->name, write->number);
        yaml_problem(t->yaml, n, t->problems, "expected %s: %s to be written; %s", pair->key, pair->text, is);
    }
    for (; at < t->write_count; at++)
        if (!is_kept_alive(t->profile, t->writes[at].point))
            yaml_problem(t->yaml, list, t->problems, "%s: %.10g%s was written besides",
                         t->writes[at].point->name, t->writes[at].number, t->writes[at].text);
}

static void compare_result(struct trial *t, const struct yaml_node *node)
{
    static const char *const names[] = { "done", "refused", "no effect", "unsupported", "error", NULL };
    int wanted = 0;
    int is = !t->done                     ? 4
             : t->err == 0                ? 0
             : t->err == -ERR_REFUSED     ? 1
             : t->err == -ERR_NO_EFFECT   ? 2
             : t->err == -ERR_UNSUPPORTED ? 3
                                          : 4;
    if (yaml_to_enum(t->yaml, node, names, t->problems, &wanted) == 0 && wanted != is)
        yaml_problem(t->yaml, node, t->problems, "expected %s, is %s%s%s", names[wanted], names[is],
                     is == 4 ? ": " : "",
                     is != 4   ? ""
                     : t->done ? err_text(t->err)
                               : "it does not end");
}

/* ---- a case ---- */

static const char *const case_keys[] = { "name", "evse",   "device", "before", "command",
                                         "then", "writes", "result", "expect", NULL };

static void play(struct trial *t, const struct yaml_node *defaults, const struct yaml_node *node)
{
    const struct yaml_node *order = yaml_get(node, "command"), *expect = yaml_get(node, "expect"),
                           *writes = yaml_get(node, "writes"), *result = yaml_get(node, "result");
    size_t before = t->problems->total;
    if (paper_device_fill(t->device, t->yaml, defaults, t->problems) < 0 ||
        paper_device_fill(t->device, t->yaml, yaml_get(node, "device"), t->problems) < 0)
        return;
    paper_device_go_online(t->device);
    pass(t, SETTLE_MS, false);
    command_each(t, yaml_get(node, "before"));
    t->listening = true;
    t->write_count = 0;
    paper_device_react(t->device, t->yaml, yaml_get(node, "then"), t->problems);
    if (order)
        command(t, order);
    else if (writes || result || yaml_get(node, "then"))
        yaml_problem(t->yaml, node, t->problems, "writes, result and then need a command");
    t->listening = false;
    pass(t, SETTLE_MS, false);
    if (t->problems->total > before)
        return;
    if (writes)
        compare_writes(t, writes);
    if (result)
        compare_result(t, result);
    else if (order && (!t->done || t->err))
        yaml_problem(t->yaml, order, t->problems, "the command failed: %s",
                     t->done ? err_text(t->err) : "it does not end");
    if (expect && expect->kind != YAML_MAP)
        yaml_problem(t->yaml, expect, t->problems,
                     "expected signals and their values, such as { state: charging }");
    for (const struct yaml_node *n = expect ? expect->children : NULL; n && n->key; n = n->next)
        compare_signal(t, n);
}

/* Whether it went as it should; problems are appended. */
static bool run_case(const struct yaml *y, const struct profile *profile, const struct yaml_node *defaults,
                     const struct yaml_node *node, struct problems *problems)
{
    size_t before = problems->total;
    int64_t evse = 1;
    struct trial t = { .yaml = y, .problems = problems, .profile = profile, .now_ms = 1000 };
    yaml_check_keys(y, node, case_keys, problems);
    if (yaml_get(node, "evse"))
        (void)yaml_to_int(y, yaml_get(node, "evse"), 1, (int64_t)profile->evse_count, problems, &evse);
    if (problems->total > before)
        return false;
    t.evse = (int)evse;
    timers_init(&t.timers);
    t.env = (struct env){ .ctx = &t, .now_ms = now_ms, .wall_ms = now_ms, .timers = &t.timers };
    t.charger = charger_new(&t.env, profile, &charger_events, &t);
    t.device = paper_device_new(profile, &t.timers);
    if (t.charger && t.device) {
        paper_device_set_charger(t.device, t.charger);
        charger_set_device(t.charger, t.device, &paper_device_ops);
        play(&t, defaults, node);
    } else {
        yaml_problem(y, node, problems, "out of memory");
    }
    if (t.device)
        paper_device_ops.free(t.device);
    charger_free(t.charger);
    return problems->total == before;
}

static const char *name_of(const struct yaml_node *node)
{
    const struct yaml_node *name = yaml_get(node, "name");
    return name && name->kind == YAML_SCALAR ? name->text : "(a case without a name)";
}

static int run_cases(const struct profile *profile, const struct yaml *y, struct problems *problems)
{
    static const char *const keys[] = { "profile", "device", "cases", NULL };
    const struct yaml_node *cases = yaml_get(y->root, "cases");
    int passed = 0, failed = 0;
    yaml_check_keys(y, y->root, keys, problems);
    if (!cases || cases->kind != YAML_LIST || !cases->children) {
        yaml_problem(y, cases ? cases : y->root, problems, "cases: expected a list of cases");
        return EXIT_FAILURE;
    }
    if (problems->total > 0)
        return EXIT_FAILURE;
    if (profile->is_meter) {
        yaml_problem(y, y->root, problems, "a meter has no EVSE to be tested");
        return EXIT_FAILURE;
    }
    for (const struct yaml_node *n = cases->children; n; n = n->next) {
        bool good = run_case(y, profile, yaml_get(y->root, "device"), n, problems);
        (void)printf("%s %s\n", good ? "ok  " : "FAIL", name_of(n));
        passed += good;
        failed += !good;
    }
    (void)printf("%s: %d passed, %d failed\n", profile->name, passed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* NAME.yaml is tested by NAME.test.yaml beside it. */
static char *default_cases(const char *path)
{
    char *ret = NULL;
    size_t len = strlen(path);
    if (len > 5 && str_equal(path + len - 5, ".yaml"))
        len -= 5;
    return asprintf(&ret, "%.*s.test.yaml", (int)len, path) < 0 ? NULL : ret;
}

int run_profile_test(const struct cli *cli, int argc, char **argv)
{
    AUTO(profile) *profile = NULL;
    AUTO(yaml) *y = NULL;
    AUTO_FREE char *path = argc > 1 ? strdup(argv[1]) : default_cases(argv[0]);
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    struct problems problems;
    int result = EXIT_FAILURE;
    problems_init(&problems);
    int r = config_load_profile(argv[0], profile_directories(cli), &problems, &profile);
    if (r == 0)
        r = path ? file_read(path, CONFIG_MAX_BYTES, &text, &len) : -ENOMEM;
    if (r < 0 && profile)
        problems_add(&problems, path ? path : argv[0], 0, NULL, "cannot be read: %s", err_text(r));
    if (r == 0 && yaml_parse(path, text, len, &problems, &y) == 0)
        result = run_cases(profile, y, &problems);
    print_problems(&problems);
    problems_done(&problems);
    return result;
}
