/* What a thread of the pool works with belongs to the job, which outlives it: a job let go meanwhile is freed when the thread is
 * through with it. */
#include "gateway/log_job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "gateway/diagnostics.h"
#include "gateway/log_archive.h"
#include "net/transfer.h"

#define IDLE_TIMEOUT_MS 60000
#define PATH_SIZE       512

struct log_job {
    struct gateway *gateway; /* not looked at once abandoned */
    struct station_entry *entry;
    struct log_request request; /* its texts are these: */
    char url[TRANSFER_URL_MAX + 1], file_name[LOG_FILE_NAME_SIZE];
    log_job_ended ended;
    void *ctx;
    struct buf texts[DIAGNOSTICS_TEXTS];
    uv_work_t work;
    bool is_packing, abandoned;
    char *directory, *trusted_pem;
    char path[PATH_SIZE]; /* "": there is no file */
    int64_t wall_ms;
    int err;
    struct transfer *transfer;
};

static void remove_file(struct log_job *job)
{
    if (job->path[0])
        (void)unlink(job->path);
    job->path[0] = '\0';
}

static void destroy(struct log_job *job)
{
    transfer_free(job->transfer);
    remove_file(job);
    for (size_t i = 0; i < DIAGNOSTICS_TEXTS; i++)
        buf_done(&job->texts[i]);
    free(job->directory);
    free(job->trusted_pem);
    free(job);
}

static void end(struct log_job *job, int err)
{
    remove_file(job);
    job->ended(job->ctx, err); /* may free it */
}

/* ---- sending ---- */

static void on_transferred(void *ctx, const struct transfer_end *transferred)
{
    struct log_job *job = ctx;
    const char *station = station_entry_config(job->entry)->id;
    if (transferred->err == 0)
        log_info(LOG_GATEWAY, "log was uploaded: station=%s file=%s bytes=%lld", station, job->file_name,
                 (long long)transferred->bytes);
    else
        log_warn(LOG_GATEWAY, "log is not uploaded: station=%s file=%s error=\"%s\"", station, job->file_name,
                 transferred->text);
    end(job, transferred->err);
}

static void send_file(struct log_job *job)
{
    struct transfer_settings settings = { .url = job->url,
                                          .path = job->path,
                                          .is_upload = true,
                                          .name = job->file_name,
                                          .ca_pem = job->trusted_pem,
                                          .idle_timeout_ms = IDLE_TIMEOUT_MS };
    int r = transfer_start(job->gateway->transfers, &settings, on_transferred, job, &job->transfer);
    if (r < 0)
        end(job, r);
}

/* ---- packing, in a thread ---- */

static void pack(uv_work_t *work)
{
    struct log_job *job = work->data;
    struct log_member members[DIAGNOSTICS_TEXTS];
    size_t count = 0;
    bool is_security = job->request.kind == LOG_KIND_SECURITY;
    for (size_t i = 0; i < (is_security ? 1 : DIAGNOSTICS_TEXTS); i++)
        members[count++] = (struct log_member){ is_security ? "security.log" : diagnostics_texts[i].name,
                                                buf_string(&job->texts[i]), job->texts[i].len };
    job->err = log_archive_write(job->directory, members, count, job->wall_ms, job->path, sizeof(job->path));
    if (job->err < 0)
        job->path[0] = '\0';
}

static void on_packed(uv_work_t *work, int status)
{
    struct log_job *job = work->data;
    job->is_packing = false;
    if (status < 0)
        job->err = status;
    if (job->abandoned) {
        destroy(job);
    } else if (job->err < 0) {
        log_warn(LOG_GATEWAY, "log cannot be written: station=%s error=\"%s\"",
                 station_entry_config(job->entry)->id, err_text(job->err));
        end(job, job->err);
    } else {
        send_file(job);
    }
}

static int begin_packing(struct log_job *job)
{
    job->work.data = job;
    int r = uv_queue_work(&job->gateway->loop.uv, &job->work, pack, on_packed);
    job->is_packing = r == 0;
    return r;
}

/* ---- gathering ---- */

static bool is_in_time(const char *line, const struct log_request *request)
{
    char when[TIMESTAMP_SIZE];
    int64_t ms;
    (void)str_copy(when, sizeof(when), line);
    return timestamp_parse(when, &ms) < 0 || (ms >= request->oldest_ms && ms <= request->latest_ms);
}

struct search {
    const struct log_request *request;
    bool found;
};

static void find_security_event(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    (void)kind;
    (void)key;
    struct search *search = ctx;
    search->found = search->found || is_in_time(value, search->request);
}

bool log_job_has_log(struct gateway *gateway, struct station_entry *entry, const struct log_request *request)
{
    struct search search = { request, false };
    if (request->kind != LOG_KIND_SECURITY)
        return diagnostics_has_line(gateway, entry, request);
    return store_read_kind(gateway->store, station_entry_config(entry)->id, RECORD_SECURITY_LOG,
                           find_security_event, &search) < 0 ||
           search.found;
}

static void print_security_event(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    (void)kind;
    (void)key;
    struct log_job *job = ctx;
    if (is_in_time(value, &job->request))
        buf_printf(&job->texts[0], "%s\n", value);
}

/* What was written before GetLog came is committed now. */
static void on_store_caught_up(void *ctx, int err)
{
    struct log_job *job = ctx;
    int r = err < 0 ? err
                    : store_read_kind(job->gateway->store, station_entry_config(job->entry)->id,
                                      RECORD_SECURITY_LOG, print_security_event, job);
    if (r == 0)
        r = begin_packing(job);
    if (r < 0)
        end(job, r);
}

static int begin(struct log_job *job)
{
    if (job->request.kind == LOG_KIND_SECURITY)
        return store_write(job->gateway->store, station_entry_config(job->entry)->id, NULL, 0,
                           on_store_caught_up, job);
    for (size_t i = 0; i < DIAGNOSTICS_TEXTS; i++)
        diagnostics_texts[i].print(job->gateway, job->entry, &job->request, &job->texts[i]);
    return begin_packing(job);
}

static int copy_request(struct log_job *job, const struct log_request *request)
{
    const struct config *config = job->gateway->config;
    const char *configured = config->csms[station_entry_config(job->entry)->csms].ca_pem;
    const char *trusted = request->trusted_pem ? request->trusted_pem : configured;
    job->request = *request;
    if (str_copy(job->url, sizeof(job->url), request->url) < 0 ||
        str_copy(job->file_name, sizeof(job->file_name), request->file_name) < 0)
        return -EINVAL;
    job->request.url = job->url;
    job->request.file_name = job->file_name;
    job->request.trusted_pem = NULL;
    job->directory = strdup(config->general.state_directory);
    job->trusted_pem = trusted ? strdup(trusted) : NULL;
    return job->directory && (job->trusted_pem || !trusted) ? 0 : -ENOMEM;
}

int log_job_start(struct gateway *gateway, struct station_entry *entry, const struct log_request *request,
                  log_job_ended ended, void *ctx, struct log_job **ret)
{
    if (!transfer_url_is_valid(request->url))
        return -EINVAL;
    struct log_job *job = calloc(1, sizeof(*job));
    if (!job)
        return -ENOMEM;
    job->gateway = gateway;
    job->entry = entry;
    job->ended = ended;
    job->ctx = ctx;
    job->wall_ms = env_wall_ms(&gateway->loop.env);
    for (size_t i = 0; i < DIAGNOSTICS_TEXTS; i++)
        buf_init(&job->texts[i], DIAGNOSTICS_TEXT_MAX);
    int r = copy_request(job, request);
    if (r == 0)
        r = begin(job);
    if (r < 0) {
        destroy(job);
        return r;
    }
    *ret = job;
    return 0;
}

void log_job_free(struct log_job *job)
{
    if (!job)
        return;
    if (!job->is_packing) {
        if (job->request.kind == LOG_KIND_SECURITY)
            store_forget(job->gateway->store, job);
        destroy(job);
        return;
    }
    job->abandoned = true;
    (void)uv_cancel((uv_req_t *)&job->work); /* if it has not begun: on_packed comes all the same */
}
