/* The list of scans, and how each kind is begun and ended (scan_job.h). */
#include "gateway/scan_job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/bus_relay.h"
#include "gateway/echonet_survey.h"
#include "gateway/scan_owner.h"
#include "gateway/scan_program.h"
#include "gateway/scan_request.h"

#define MAX_MESSAGES 100
#define MAX_MESSAGE  500

enum state { SCAN_RUNNING, SCAN_DONE, SCAN_FAILED };

struct scan_job {
    struct list link;
    struct scan_jobs *jobs;
    uint32_t id;
    enum state state;
    struct scan_request request;
    json_t *found, *messages;
    bool is_news, has_error; /* news: to be told */
    /* Modbus */
    struct scan_program *program;
    struct bus_relay *relay; /* NULL: the gateway has no bus there */
    json_t *settings;        /* of that bus, in place of the relay's own */
    /* ECHONET Lite */
    struct echonet_survey *survey;
    struct resource *resource; /* the node that it uses: the gateway's, or */
    struct echonet_node *node; /* its own */
};

struct scan_jobs {
    struct gateway *gateway;
    void (*changed)(void *ctx, uint32_t id);
    void *ctx;
    struct list list; /* the oldest first */
    struct timer timer;
    uint32_t last_id;
};

/* ---- telling ---- */

static void on_timer(struct timer *timer, void *ctx)
{
    struct scan_jobs *jobs = ctx;
    struct scan_job *job = NULL;
    (void)timer;
    do {
        job = NULL;
        LIST_FOREACH(link, following, &jobs->list)
        {
            struct scan_job *other = LIST_ITEM(link, struct scan_job, link);
            job = other->is_news ? other : job;
        }
        if (!job)
            continue;
        job->is_news = false;
        jobs->changed(jobs->ctx, job->id);
    } while (job);
}

static void touch(struct scan_job *job)
{
    job->is_news = true;
    env_timer_start(&job->jobs->gateway->loop.env, &job->jobs->timer, 0);
}

static void say(struct scan_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct scan_job *job, const char *format, ...)
{
    char text[MAX_MESSAGE];
    va_list arguments;
    if (json_array_size(job->messages) >= MAX_MESSAGES)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    str_make_harmless(text);
    (void)json_array_append_new(job->messages, json_string(text));
    touch(job);
}

/* ---- the end ---- */

static void let_go(struct scan_job *job)
{
    scan_program_kill(STEAL(job->program));
    bus_relay_free(STEAL(job->relay));
    echonet_survey_free(STEAL(job->survey));
    if (job->node)
        echonet_free(STEAL(job->node));
    resource_put(STEAL(job->resource));
}

static void job_free(struct scan_job *job)
{
    if (!job)
        return;
    let_go(job);
    list_remove(&job->link);
    json_decref(job->found);
    json_decref(job->messages);
    json_decref(job->settings);
    free(job);
}
DEFINE_AUTO(scan_job, job_free)

static void finish(struct scan_job *job, const char *error)
{
    if (error)
        say(job, "%s", error);
    job->state = error || job->has_error ? SCAN_FAILED : SCAN_DONE;
    let_go(job);
    log_info(LOG_GATEWAY, "scan has ended: id=%" PRIu32 " found=%zu state=%s", job->id,
             json_array_size(job->found), job->state == SCAN_DONE ? "done" : "failed");
    touch(job);
}

/* ---- Modbus ---- */

static void on_object(void *ctx, const json_t *object)
{
    struct scan_job *job = ctx;
    const char *message = json_get_string(object, "message", NULL);
    const char *error = json_get_string(object, "error", NULL);
    if (message || error) {
        job->has_error = job->has_error || error;
        say(job, "%s", error ? error : message);
        return;
    }
    AUTO(json_t) *found = json_copy((json_t *)(uintptr_t)object);
    if (found && job->settings)
        (void)json_object_set(found, "settings", job->settings);
    (void)json_array_append(job->found, found);
    touch(job);
}

static void on_text(void *ctx, const char *text)
{
    say(ctx, "%s", text);
}

static void on_program_end(void *ctx, const char *error)
{
    struct scan_job *job = ctx;
    job->program = NULL;
    int err = job->relay && !json_array_size(job->found) ? bus_relay_err(job->relay) : 0;
    if (err < 0) {
        say(job, "the gateway itself has no connection there: %s", err_text(err));
        job->has_error = true;
    }
    finish(job, error);
}

/* The bus that the gateway has there, opened if no charger is on it; NULL: it has none, or nothing says how to speak there. */
static struct resource *bus_in_use(struct scan_job *job, const struct bus_config **ret)
{
    struct gateway *gateway = job->jobs->gateway;
    for (size_t i = 0; i < gateway->config->bus_count; i++) {
        *ret = &gateway->config->buses[i];
        if (!scan_request_is_of(&job->request, &(*ret)->settings))
            continue;
        struct resource *resource = resource_hold_bus(&gateway->resources, *ret);
        if (resource || (*ret)->is_undecided || resource_bus(&gateway->resources, *ret, &resource) == 0)
            return resource;
    }
    return NULL;
}

static int open_relay(struct scan_job *job, struct resource *bus, const struct bus_config *config)
{
    const struct serial_settings *line = &config->settings.line;
    int r = bus_relay_new(&job->jobs->gateway->loop, bus, &job->relay);
    if (r < 0)
        return r;
    job->settings = scan_settings_json(&config->settings);
    if (config->settings.serial || config->tcp) /* it has a name in the configuration */
        (void)json_set_text(job->settings, "bus", config->name);
    if (config->settings.serial)
        say(job,
            "the gateway has this line: it is looked at in turn with the chargers there, with %d baud, "
            "%d%c%d; other settings are not tried",
            line->baud, line->data_bits, line->parity, line->stop_bits);
    else
        say(job, "the gateway has a connection there: it is looked at over that one, in turn with the "
                 "chargers there");
    return 0;
}

static int start_modbus(struct scan_job *job, char *ret_problem, size_t size)
{
    static const struct scan_program_events events = { on_object, on_text, on_program_end };
    struct gateway *gateway = job->jobs->gateway;
    const struct bus_config *config = NULL;
    struct resource *bus = bus_in_use(job, &config);
    int r = bus ? open_relay(job, bus, config) : 0;
    if (r == 0) {
        job->program = scan_program_start(gateway, &job->request, job->relay ? bus_relay_port(job->relay) : 0,
                                          &events, job);
        r = job->program ? 0 : -ENOMEM;
    }
    if (r < 0)
        (void)snprintf(ret_problem, size, "the scan cannot be begun: %s", err_text(r));
    return r;
}

/* ---- ECHONET Lite ---- */

static void on_node(void *ctx, json_t *node)
{
    struct scan_job *job = ctx;
    (void)json_array_append_new(job->found, node);
    touch(job);
}

static void on_message(void *ctx, const char *text)
{
    say(ctx, "%s", text);
}

static void on_survey_done(void *ctx)
{
    struct scan_job *job = ctx;
    if (!json_array_size(job->found))
        say(job, "no node answers; are they on the network that was looked at?");
    finish(job, NULL);
}

static int open_node(struct scan_job *job, struct echonet_node **ret)
{
    struct gateway *gateway = job->jobs->gateway;
    const struct scan_request *request = &job->request;
    const char *own = gateway->config->echonet.multicast_interface;
    job->resource = resource_hold_echonet(&gateway->resources, gateway->config);
    if (job->resource && *request->interface && !str_equal(request->interface, own))
        say(job,
            "the gateway's own node looks, at %s; there is one UDP port, so no other interface can be "
            "chosen while it has chargers",
            *own ? own : "all interfaces");
    int r = 0;
    if (!job->resource && (*request->interface || request->ipv6))
        r = echonet_survey_node(&gateway->loop, request->interface, request->ipv6, &job->node);
    else if (!job->resource)
        r = resource_echonet(&gateway->resources, gateway->config, &job->resource);
    *ret = job->resource ? resource_as_echonet(job->resource) : job->node;
    return r;
}

static int start_echonet(struct scan_job *job, char *ret_problem, size_t size)
{
    static const struct echonet_survey_events events = { on_node, on_message, on_survey_done };
    struct scan_jobs *jobs = job->jobs;
    struct echonet_node *node = NULL;
    LIST_FOREACH(link, following, &jobs->list)
    {
        const struct scan_job *other = LIST_ITEM(link, struct scan_job, link);
        if (other == job || other->state != SCAN_RUNNING || other->request.protocol != SCAN_ECHONET)
            continue;
        (void)snprintf(ret_problem, size, "scan %" PRIu32 " looks for ECHONET Lite nodes already", other->id);
        return -EBUSY;
    }
    int r = open_node(job, &node);
    if (r < 0) {
        (void)snprintf(ret_problem, size, "UDP port 3610 cannot be opened: %s%s", err_text(r),
                       r == -EADDRINUSE ? " (another program of this machine has it)" : "");
        return r;
    }
    job->survey = echonet_survey_new(&jobs->gateway->loop.env, node, job->request.wait_ms, &events, job);
    if (job->survey)
        return 0;
    (void)snprintf(ret_problem, size, "out of memory");
    return -ENOMEM;
}

/* ---- the list ---- */

static struct scan_job *find(const struct scan_jobs *jobs, uint32_t id)
{
    LIST_FOREACH(link, following, (struct list *)(uintptr_t)&jobs->list)
    {
        struct scan_job *job = LIST_ITEM(link, struct scan_job, link);
        if (job->id == id)
            return job;
    }
    return NULL;
}

static size_t count(const struct scan_jobs *jobs, bool running)
{
    size_t n = 0;
    LIST_FOREACH(link, following, (struct list *)(uintptr_t)&jobs->list)
    {
        n += (LIST_ITEM(link, struct scan_job, link)->state == SCAN_RUNNING) == running;
    }
    return n;
}

static void forget_oldest(struct scan_jobs *jobs)
{
    LIST_FOREACH(link, following, &jobs->list)
    {
        struct scan_job *job = LIST_ITEM(link, struct scan_job, link);
        if (job->state == SCAN_RUNNING)
            continue;
        job_free(job);
        return;
    }
}

static struct scan_job *job_new(struct scan_jobs *jobs, const struct scan_request *request)
{
    struct scan_job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    list_append(&jobs->list, &job->link);
    job->jobs = jobs;
    job->request = *request;
    job->id = ++jobs->last_id;
    job->found = json_array();
    job->messages = json_array();
    if (job->found && job->messages)
        return job;
    job_free(job);
    return NULL;
}

int scan_jobs_start(struct scan_jobs *jobs, const json_t *request, uint32_t *ret_id, char *ret_problem,
                    size_t size)
{
    struct scan_request read;
    int r = scan_request_read(request, &read, ret_problem, size);
    if (r < 0)
        return r;
    if (count(jobs, true) >= SCANS_RUNNING) {
        (void)snprintf(ret_problem, size, "%d scans run already; wait for one to end, or cancel it",
                       SCANS_RUNNING);
        return -EBUSY;
    }
    AUTO(scan_job) *job = job_new(jobs, &read);
    if (!job) {
        (void)snprintf(ret_problem, size, "out of memory");
        return -ENOMEM;
    }
    r = read.protocol == SCAN_MODBUS ? start_modbus(job, ret_problem, size)
                                     : start_echonet(job, ret_problem, size);
    if (r < 0)
        return r;
    log_info(LOG_GATEWAY, "scan begins: id=%" PRIu32 " protocol=%s target=%s", job->id,
             read.protocol == SCAN_MODBUS ? "modbus" : "echonet",
             read.protocol == SCAN_MODBUS ? read.target : read.interface);
    while (count(jobs, false) >= SCANS_KEPT)
        forget_oldest(jobs);
    *ret_id = job->id;
    (void)STEAL(job);
    return 0;
}

json_t *scan_jobs_get(const struct scan_jobs *jobs, uint32_t id)
{
    static const char *const states[] = {
        [SCAN_RUNNING] = "running", [SCAN_DONE] = "done", [SCAN_FAILED] = "failed"
    };
    const struct scan_job *job = find(jobs, id);
    if (!job)
        return NULL;
    scan_owner_tell(job->found, &job->request, jobs->gateway->config);
    bool is_modbus = job->request.protocol == SCAN_MODBUS;
    json_t *json = json_pack("{s:I, s:s, s:s, s:o, s:o}", "id", (json_int_t)job->id, "protocol",
                             is_modbus ? "modbus" : "echonet", "state", states[job->state], "found",
                             json_copy(job->found), "messages", json_copy(job->messages));
    if (json && is_modbus)
        (void)json_set_text(json, "target", job->request.target);
    return json;
}

int scan_jobs_cancel(struct scan_jobs *jobs, uint32_t id)
{
    struct scan_job *job = find(jobs, id);
    if (!job)
        return -ENOENT;
    job_free(job);
    return 0;
}

void scan_jobs_stop(struct scan_jobs *jobs)
{
    LIST_FOREACH(link, following, &jobs->list)
    {
        struct scan_job *job = LIST_ITEM(link, struct scan_job, link);
        if (job->state == SCAN_RUNNING)
            finish(job, "ended, since the configuration is reloaded; start it again");
    }
}

int scan_jobs_new(struct gateway *gateway, void (*changed)(void *ctx, uint32_t id), void *ctx,
                  struct scan_jobs **ret)
{
    struct scan_jobs *jobs = calloc(1, sizeof(*jobs));
    if (!jobs)
        return -ENOMEM;
    jobs->gateway = gateway;
    jobs->changed = changed;
    jobs->ctx = ctx;
    list_init(&jobs->list);
    timer_init(&jobs->timer, gateway->loop.env.timers, on_timer, jobs);
    *ret = jobs;
    return 0;
}

void scan_jobs_free(struct scan_jobs *jobs)
{
    if (!jobs)
        return;
    while (!list_is_empty(&jobs->list))
        job_free(LIST_ITEM(jobs->list.next, struct scan_job, link));
    timer_stop(&jobs->timer);
    free(jobs);
}
