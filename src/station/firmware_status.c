/* FirmwareStatusNotification: one after the other, in order, also through a lost link; the last one also through a power cut. */
#include "base/json.h"
#include "base/log.h"
#include "station/internal.h"

#define ATTEMPTS_MAX 3 /* of a notification that is not answered */

const char *const firmware_status_names[FIRMWARE_STATUSES] = {
    "Idle",
    "DownloadScheduled",
    "Downloading",
    "Downloaded",
    "DownloadFailed",
    "SignatureVerified",
    "InvalidSignature",
    "InstallScheduled",
    "Installing",
    "InstallRebooting",
    "InstallVerificationFailed",
    "InstallationFailed",
    "Installed",
};

static json_t *status_payload(enum firmware_status status, int64_t request_id)
{
    json_t *payload = json_pack("{s:s}", "status", firmware_status_names[status]);
    if (payload && status != FIRMWARE_STATUS_NONE) /* L01.FR.10, .20 */
        json_set_optional(payload, "requestId", json_integer(request_id));
    return payload;
}

struct notice {
    struct station *station;
    int64_t request_id;
    enum firmware_status status;
    int attempts; /* without an answer */
};

static void send_firmware_status_notification(struct notice *notice, int flags);

static void notice_end(struct notice *notice)
{
    notice->station->firmware.notice_count--;
    free(notice);
}

static void on_firmware_status_notification_result(void *ctx, const struct rpc_answer *answer)
{
    struct notice *notice = ctx;
    struct station *s = notice->station;
    struct firmware *f = &s->firmware;
    bool is_lost = answer->outcome == RPC_DISCONNECTED || answer->outcome == RPC_TIMED_OUT;

    notice->attempts += is_lost && network_is_up(s);
    if (is_lost && notice->attempts < ATTEMPTS_MAX && !s->freeing) {
        send_firmware_status_notification(notice, OUTBOX_FIRST); /* before those that came later */
        return;
    }
    bool is_last = f->notice_count == 1;
    notice_end(notice);
    if (is_last && !is_lost && !s->freeing) {
        f->is_told = true;
        firmware_store(s, NULL, NULL);
    }
}

static void send_firmware_status_notification(struct notice *notice, int flags)
{
    json_t *payload = status_payload(notice->status, notice->request_id);
    if (outbox_call(notice->station, "FirmwareStatusNotification", payload, flags | OUTBOX_KEEP_OFFLINE,
                    on_firmware_status_notification_result, notice) < 0)
        notice_end(notice); /* the last one is sent after the next start */
}

void firmware_tell(struct station *s, enum firmware_status status)
{
    struct firmware *f = &s->firmware;
    log_info(LOG_STATION, "firmware: station=%s request=%lld status=%s", s->id,
             (long long)f->update.request_id, firmware_status_names[status]);
    f->status = status;
    f->is_told = false;
    firmware_store(s, NULL, NULL);
    struct notice *notice = calloc(1, sizeof(*notice));
    if (!notice)
        return;
    *notice = (struct notice){ s, f->update.request_id, status, 0 };
    f->notice_count++;
    send_firmware_status_notification(notice, 0);
}

json_t *firmware_status_json(const struct station *s)
{
    const struct firmware *f = &s->firmware;
    return f->status == FIRMWARE_STATUS_NONE
               ? NULL
               : json_pack("{s:s, s:s, s:I}", "status", firmware_status_names[f->status], "phase",
                           firmware_phase_names[f->phase], "requestId", (json_int_t)f->update.request_id);
}

/* L01.FR.25, .26 */
void trigger_firmware_status(struct station *s)
{
    const struct firmware *f = &s->firmware;
    enum firmware_status status = f->status == FIRMWARE_STATUS_INSTALLED ? FIRMWARE_STATUS_NONE : f->status;
    (void)outbox_call(s, "FirmwareStatusNotification", status_payload(status, f->update.request_id),
                      OUTBOX_WHILE_PENDING, NULL, NULL);
}
