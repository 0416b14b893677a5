#include "gateway/config_job.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "gateway/config.h"
#include "gateway/config_edit.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "gateway/text_diff.h"

struct config_job {
    uv_work_t work;
    struct list link;
    struct gateway *gateway; /* NULL: it was cancelled, and called back */
    bool is_running;         /* in the pool */
    enum config_job_kind kind;
    char *path;
    config_job_done callback;
    void *ctx;
    struct config_reading reading;
};

static void job_free(struct config_job *job)
{
    if (!job)
        return;
    problems_done(&job->reading.problems);
    free(job->reading.text);
    free(job->reading.diff);
    config_free(job->reading.config);
    json_decref(job->reading.entries);
    free(job->path);
    free(job);
}
DEFINE_AUTO(config_job, job_free)

/* ---- in the pool: nothing is touched but the job and files ---- */

static int check(const char *path, struct config_reading *reading)
{
    AUTO_FREE char *now = NULL;
    size_t len = 0;
    int r = file_read(path, CONFIG_MAX_BYTES, &now, &len);
    if (r != -ENOMEM)
        reading->diff = text_diff(path, r < 0 ? "" : now, path, reading->text);
    len = strlen(reading->text);
    if (len <= CONFIG_MAX_BYTES)
        return config_parse(path, reading->text, len, &reading->problems, &reading->config);
    problems_add(&reading->problems, path, 0, NULL, "is longer than %u bytes", CONFIG_MAX_BYTES);
    return -EINVAL;
}

static int load(const char *path, struct config_reading *reading)
{
    return config_load(path, &reading->problems, &reading->config);
}

static int read_entries(const char *path, struct config_reading *reading)
{
    AUTO_FREE char *now = NULL;
    size_t len = 0;
    int r = file_read(path, CONFIG_MAX_BYTES, &now, &len);
    if (r < 0)
        return r;
    file_etag(now, reading->etag);
    if (reading->text && *reading->etag && str_equal(reading->etag, reading->text))
        return 0;
    r = config_edit_entries(now, &reading->problems, &reading->entries);
    if (r == -EINVAL)
        reading->entries = json_object();
    return reading->entries ? 0 : -ENOMEM;
}

static void run(uv_work_t *work)
{
    static int (*const kinds[])(const char *path, struct config_reading *reading) = {
        [CONFIG_JOB_CHECK] = check,
        [CONFIG_JOB_LOAD] = load,
        [CONFIG_JOB_ENTRIES] = read_entries,
    };
    struct config_job *job = CONTAINER_OF(work, struct config_job, work);
    job->reading.err = kinds[job->kind](job->path, &job->reading);
}

/* ---- on the loop ---- */

static void on_run(uv_work_t *work, int status);

static void cancel(struct config_job *job, int err)
{
    struct config_reading nothing = { .err = err }; /* its own may be written now */
    list_remove(&job->link);
    job->gateway = NULL;
    job->callback(job->ctx, &nothing);
}

static int begin(struct config_job *job)
{
    job->is_running = true;
    return uv_queue_work(&job->gateway->loop.uv, &job->work, run, on_run);
}

static void begin_next(struct gateway *gateway)
{
    LIST_FOREACH(link, next, &gateway->config_jobs)
    {
        struct config_job *job = LIST_ITEM(link, struct config_job, link);
        int r = begin(job);
        if (r == 0)
            return;
        cancel(job, r);
        job_free(job);
    }
}

static void on_run(uv_work_t *work, int status)
{
    AUTO(config_job) *job = CONTAINER_OF(work, struct config_job, work);
    struct gateway *gateway = job->gateway;
    if (!gateway)
        return;
    if (status < 0)
        job->reading.err = -ECANCELED;
    list_remove(&job->link);
    begin_next(gateway);
    if (job->reading.config)
        gateway_trim_later(gateway);
    job->callback(job->ctx, &job->reading);
}

static size_t count(const struct list *list)
{
    size_t found = 0;
    LIST_FOREACH(link, next, (struct list *)list)
    {
        found++;
    }
    return found;
}

int config_job_start(struct gateway *gateway, enum config_job_kind kind, const char *text,
                     config_job_done callback, void *ctx)
{
    size_t waiting = count(&gateway->config_jobs);
    if (waiting >= CONFIG_JOBS_MAX)
        return -EBUSY;
    AUTO(config_job) *job = calloc(1, sizeof(*job));
    if (!job)
        return -ENOMEM;
    job->gateway = gateway;
    job->kind = kind;
    job->callback = callback;
    job->ctx = ctx;
    problems_init(&job->reading.problems);
    job->path = strdup(gateway->config_path);
    job->reading.text = text ? strdup(text) : NULL;
    if (!job->path || (text && !job->reading.text))
        return -ENOMEM;
    int r = waiting > 0 ? 0 : begin(job);
    if (r < 0)
        return r;
    list_append(&gateway->config_jobs, &job->link);
    (void)STEAL(job);
    return 0;
}

void config_jobs_cancel(struct gateway *gateway)
{
    LIST_FOREACH(link, next, &gateway->config_jobs)
    {
        struct config_job *job = LIST_ITEM(link, struct config_job, link);
        cancel(job, -ECANCELED);
        if (!job->is_running) /* else on_run() frees it */
            job_free(job);
    }
}
