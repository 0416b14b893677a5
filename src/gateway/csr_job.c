#include "gateway/csr_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

struct csr_job {
    uv_work_t work;
    csr_made callback; /* NULL: cancelled */
    void *ctx;
    struct csr_settings settings;
    char *key_uri, *common_name, *organization, *country, *pin; /* its texts */
    char *csr, *key;
    int err;
};

static void job_free(struct csr_job *job)
{
    if (!job)
        return;
    key_text_free(job->pin);
    key_text_free(job->key);
    free(job->csr);
    free(job->key_uri);
    free(job->common_name);
    free(job->organization);
    free(job->country);
    free(job);
}
DEFINE_AUTO(csr_job, job_free)

/* In the pool: touches nothing but the job. */
static void make(uv_work_t *work)
{
    struct csr_job *job = CONTAINER_OF(work, struct csr_job, work);
    job->err = key_make_csr(&job->settings, &job->csr, &job->key);
}

static void on_made(uv_work_t *work, int status)
{
    AUTO(csr_job) *job = CONTAINER_OF(work, struct csr_job, work);
    int err = status < 0 ? -ECANCELED : job->err;
    if (job->callback)
        job->callback(job->ctx, err < 0 ? NULL : job->csr, err < 0 ? NULL : job->key, err);
}

static bool copy(char **ret, const char **ret_setting, const char *text)
{
    *ret = text ? strdup(text) : NULL;
    *ret_setting = *ret;
    return !text || *ret;
}

struct csr_job *csr_job_start(struct loop *loop, const struct csr_settings *settings, csr_made callback,
                              void *ctx)
{
    AUTO(csr_job) *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->callback = callback;
    job->ctx = ctx;
    job->settings.type = settings->type;
    if (!copy(&job->key_uri, &job->settings.key_uri, settings->key_uri) ||
        !copy(&job->common_name, &job->settings.common_name, settings->common_name) ||
        !copy(&job->organization, &job->settings.organization, settings->organization) ||
        !copy(&job->country, &job->settings.country, settings->country) ||
        !copy(&job->pin, &job->settings.pin, settings->pin))
        return NULL;
    return uv_queue_work(&loop->uv, &job->work, make, on_made) == 0 ? STEAL(job) : NULL;
}

void csr_job_cancel(struct csr_job *job)
{
    if (!job)
        return;
    job->callback = NULL;
    uv_cancel((uv_req_t *)&job->work);
}
