/* GetLog and LogStatusNotification (N01).
 *
 *     GetLog -> Accepted -> Uploading -> upload_log() -+-> Uploaded
 *                                ^                     +-> failed: retries left? after retryInterval again
 *                                +---------------------+   none: UploadFailure, PermissionDenied ...
 *
 * A request stands in the store (RECORD_STATE "log") until its end is told: one that a restart or a power cut ends has failed.
 * A second GetLog breaks the first off (N01.FR.12). Attempts begin at a fixed distance, so that a slow refusal does not stretch it. */
#include "station/diagnostics.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"

#define RETRIES_DEFAULT    3
#define RETRIES_MAX        100
#define INTERVAL_DEFAULT_S 60
#define INTERVAL_MAX_S     86400
#define PRESENT_MS         300000 /* the CSMS's clock may be another */

struct log_upload {
    struct station *station;
    int64_t request_id;
    enum log_kind kind;
    char *url;
    char file_name[LOG_FILE_NAME_SIZE];
    int64_t oldest_ms, latest_ms;
    int64_t retries, interval_ms, begun_ms;
    bool is_running;
    struct timer timer; /* begins the next attempt */
};

/* How errors of an upload are called: UploadLogStatusEnumType. */
static const struct {
    int err;
    const char *status;
} statuses[] = {
    { 0, "Uploaded" },
    { -EACCES, "PermissionDenied" },
    { -EPERM, "PermissionDenied" },
    { -EOPNOTSUPP, "NotSupportedOperation" },
    { -EPROTONOSUPPORT, "NotSupportedOperation" },
    { -EBADMSG, "BadMessage" },
    { -EPROTO, "BadMessage" },
};

static const char *status_of(int err)
{
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].err == err)
            return statuses[i].status;
    return "UploadFailure";
}

bool file_url_is_supported(const struct station *s, const char *url)
{
    char scheme[8];
    size_t len = strcspn(url, ":");
    if (len >= sizeof(scheme) || !str_starts(url + len, "://"))
        return false;
    for (size_t i = 0; i < len; i++)
        scheme[i] = (char)toupper((unsigned char)url[i]);
    scheme[len] = '\0';
    return variable_has_member(s, VAR_COMM_FILE_TRANSFER_PROTOCOLS, scheme);
}

static void upload_free(struct log_upload *upload)
{
    if (!upload)
        return;
    timer_stop(&upload->timer);
    free(upload->url);
    free(upload);
}

static void break_off(struct station *s)
{
    struct log_upload *upload = s->diagnostics.upload;
    s->diagnostics.upload = NULL;
    if (upload && upload->is_running)
        s->ops->cancel_log(s->ctx);
    upload_free(upload);
}

/* It is told also after a loss of the link: the CSMS waits for the end. request_id NULL: none is under way. */
static void send_log_status_notification(struct station *s, const int64_t *request_id, const char *status,
                                         int flags)
{
    json_t *payload = json_pack("{s:s}", "status", status);
    if (payload && request_id)
        json_set_optional(payload, "requestId", json_integer(*request_id)); /* N01.FR.07 */
    (void)outbox_call(s, "LogStatusNotification", payload, flags | OUTBOX_KEEP_OFFLINE, NULL, NULL);
}

void trigger_log_status_notification(struct station *s)
{
    const struct log_upload *upload = s->diagnostics.upload;
    send_log_status_notification(s, upload ? &upload->request_id : NULL, upload ? "Uploading" : "Idle",
                                 OUTBOX_WHILE_PENDING);
}

/* ---- through a restart ---- */

static void remember(struct station *s, const struct log_upload *upload)
{
    char text[24] = "";
    if (upload)
        snprintf(text, sizeof(text), "%lld", (long long)upload->request_id);
    station_persist(s, &(struct record){ RECORD_STATE, DIAGNOSTICS_KEY, upload ? text : NULL }, 1, NULL,
                    NULL);
}

void diagnostics_restore(struct station *s, const char *value)
{
    s->diagnostics.is_broken_off = str_to_int64(value, &s->diagnostics.broken_off) == 0;
}

void diagnostics_start(struct station *s)
{
    if (!s->diagnostics.is_broken_off)
        return;
    s->diagnostics.is_broken_off = false;
    send_log_status_notification(s, &s->diagnostics.broken_off, "UploadFailure", 0); /* N01.FR.10 */
    remember(s, NULL);
}

/* ---- attempts ---- */

static void begin_attempt(struct log_upload *upload)
{
    struct station *s = upload->station;
    char *trusted = NULL;
    int r = certificates_trusted(s, &trusted); /* N01.FR.15 */
    struct log_request request = { .kind = upload->kind,
                                   .url = upload->url,
                                   .file_name = upload->file_name,
                                   .trusted_pem = trusted,
                                   .oldest_ms = upload->oldest_ms,
                                   .latest_ms = upload->latest_ms };
    upload->begun_ms = env_now_ms(s->env);
    upload->is_running = true;
    if (r == 0)
        r = s->ops->upload_log(s->ctx, &request);
    free(trusted);
    if (r < 0)
        station_on_log_uploaded(s, r);
}

static void on_retry_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    begin_attempt(ctx);
}

void station_on_log_uploaded(struct station *station, int err)
{
    struct log_upload *upload = station->diagnostics.upload;
    if (!upload || !upload->is_running)
        return;
    upload->is_running = false;
    if (err < 0 && upload->retries-- > 0) { /* N01.FR.10: a failure is told after the last attempt */
        int64_t wait_ms = upload->begun_ms + upload->interval_ms - env_now_ms(station->env);
        log_info(LOG_STATION, "the log is tried again: station=%s request=%lld in_s=%lld left=%lld",
                 station->id, (long long)upload->request_id, (long long)(wait_ms > 0 ? wait_ms / 1000 : 0),
                 (long long)upload->retries);
        env_timer_start(station->env, &upload->timer, wait_ms > 0 ? wait_ms : 0);
        return;
    }
    log_info(LOG_STATION, "log: station=%s request=%lld status=%s", station->id,
             (long long)upload->request_id, status_of(err));
    send_log_status_notification(station, &upload->request_id, status_of(err), 0); /* N01.FR.09, .10 */
    remember(station, NULL);
    station->diagnostics.upload = NULL;
    upload_free(upload);
}

/* ---- GetLog ---- */

/* "<station>-diagnostics-20260131T120000Z.tar.gz"; what a file name should not have becomes '_'. */
static void make_file_name(const struct station *s, enum log_kind kind, char ret[static LOG_FILE_NAME_SIZE])
{
    char when[TIMESTAMP_SIZE];
    timestamp_format(station_wall_ms(s), when);
    snprintf(ret, LOG_FILE_NAME_SIZE, "%s-%s-%.4s%.2s%.2sT%.2s%.2s%.2sZ.tar.gz", s->id,
             kind == LOG_KIND_SECURITY ? "security" : "diagnostics", when, when + 5, when + 8, when + 11,
             when + 14, when + 17);
    for (char *c = ret; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
            *c = '_';
}

static int64_t time_of(const json_t *log, const char *name, int64_t fallback_ms)
{
    int64_t ms;
    return timestamp_parse(json_get_string(log, name, ""), &ms) < 0 ? fallback_ms : ms;
}

static int64_t bounded(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

static struct log_upload *upload_new(struct station *s, const json_t *request)
{
    const json_t *log = json_object_get(request, "log");
    struct log_upload *upload = calloc(1, sizeof(*upload));
    if (!upload)
        return NULL;
    *upload = (struct log_upload){
        .station = s,
        .request_id = json_get_int(request, "requestId", 0),
        .kind = str_equal(json_get_string(request, "logType", ""), "SecurityLog") ? LOG_KIND_SECURITY
                                                                                  : LOG_KIND_DIAGNOSTICS,
        .url = strdup(json_get_string(log, "remoteLocation", "")),
        .oldest_ms = time_of(log, "oldestTimestamp", INT64_MIN),
        .latest_ms = time_of(log, "latestTimestamp", INT64_MAX),
        .retries = bounded(json_get_int(request, "retries", RETRIES_DEFAULT), 0, RETRIES_MAX),
        .interval_ms =
            1000 * bounded(json_get_int(request, "retryInterval", INTERVAL_DEFAULT_S), 1, INTERVAL_MAX_S),
    };
    timer_init(&upload->timer, s->env->timers, on_retry_timer, upload);
    make_file_name(s, upload->kind, upload->file_name);
    if (!upload->url) {
        upload_free(upload);
        return NULL;
    }
    return upload;
}

static bool is_there(const struct station *s, const struct log_upload *upload)
{
    struct log_request request = { .kind = upload->kind,
                                   .oldest_ms = upload->oldest_ms,
                                   .latest_ms = upload->latest_ms };
    bool is_all = upload->oldest_ms == INT64_MIN && upload->latest_ms == INT64_MAX;
    /* Much of the diagnostics is of the present, whether anything was logged lately or not. */
    bool is_of_now =
        upload->kind == LOG_KIND_DIAGNOSTICS && upload->latest_ms >= station_wall_ms(s) - PRESENT_MS;
    return is_all || is_of_now || !s->ops->has_log || s->ops->has_log(s->ctx, &request);
}

/* Why there is no such log, as a reason code, or NULL (N01.FR.05). */
static const char *why_not(const struct station *s, const struct log_upload *upload)
{
    if (!upload)
        return "OutOfMemory";
    if (!s->ops->upload_log)
        return "UnsupportedRequest";
    if (!file_url_is_supported(s, upload->url))
        return "InvalidURL";
    if (upload->latest_ms < upload->oldest_ms || upload->oldest_ms > station_wall_ms(s) ||
        (upload->kind == LOG_KIND_SECURITY && security_log_is_empty(s)) || !is_there(s, upload))
        return "NotFound";
    return NULL;
}

static void on_get_log(struct station *s, const struct rpc_request *request)
{
    struct log_upload *upload = upload_new(s, request->payload);
    const char *reason = why_not(s, upload);
    if (reason) {
        log_warn(LOG_STATION, "a log is refused: station=%s why=%s", s->id, reason);
        answer_status(s, request, "Rejected", reason);
        upload_free(upload);
        return;
    }

    const struct log_upload *before = s->diagnostics.upload;
    rpc_result(s->rpc, request,
               json_pack("{s:s, s:s}", "status", before ? "AcceptedCanceled" : "Accepted", "filename",
                         upload->file_name)); /* N01.FR.01, N01.FR.12 */
    if (before) {
        send_log_status_notification(s, &before->request_id, "AcceptedCanceled", 0); /* N01.FR.20 */
        break_off(s);
    }
    log_info(LOG_STATION, "a log was asked for: station=%s request=%lld file=%s", s->id,
             (long long)upload->request_id, upload->file_name);
    s->diagnostics.upload = upload;
    remember(s, upload);
    send_log_status_notification(s, &upload->request_id, "Uploading", 0); /* N01.FR.08 */
    begin_attempt(upload);
}

void diagnostics_done(struct station *s)
{
    break_off(s);
}

const struct handler diagnostics_handlers[] = {
    { "GetLog", WHEN_ACCEPTED, on_get_log },
    { NULL, WHEN_ACCEPTED, NULL },
};
