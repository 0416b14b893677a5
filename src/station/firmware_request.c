/* UpdateFirmware as it comes in, and the record that keeps the update. */
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "pki/pki.h"
#include "station/internal.h"

#define ROOTS_MAX        (1 << 20) /* bytes */
#define RETRIES_DEFAULT  1         /* where the CSMS leaves it to us */
#define RETRIES_MAX      100
#define INTERVAL_DEFAULT 10 /* seconds */
#define INTERVAL_MAX     86400
#define FIRMWARE_KEY     "firmware"

const char *const firmware_phase_names[FIRMWARE_PHASES] = {
    "idle",     "waits to download", "downloads",         "waits to retry", "verifies", "waits to install",
    "is ready", "installs",          "waits to activate", "activates",      "confirms",
};

void firmware_update_clear(struct firmware_update *update)
{
    free(update->location);
    free(update->certificate);
    free(update->signature);
    *update = (struct firmware_update){ .install_ms = -1 };
}

/* ---- the record ---- */

void firmware_store(struct station *s, persisted callback, void *ctx)
{
    const struct firmware *f = &s->firmware;
    const struct firmware_update *u = &f->update;
    AUTO(json_t) *record = json_pack(
        "{s:I, s:s, s:s, s:b, s:b, s:I, s:I, s:i, s:I}", "requestId", (json_int_t)u->request_id, "phase",
        firmware_phase_names[f->phase], "status", firmware_status_names[f->status], "told", f->is_told,
        "restart", f->needs_restart, "retrieve", (json_int_t)u->retrieve_ms, "install",
        (json_int_t)u->install_ms, "retries", u->retries, "interval", (json_int_t)u->retry_interval_ms);
    if (record &&
        f->phase != FIRMWARE_IDLE) { /* a password in the URL is not kept longer than it is needed */
        json_set_text(record, "location", u->location);
        json_set_text(record, "certificate", u->certificate);
        json_set_text(record, "signature", u->signature);
    }
    AUTO_FREE char *text = record ? json_to_text(record) : NULL;
    if (text)
        station_persist(s, &(struct record){ RECORD_STATE, FIRMWARE_KEY, text }, 1, callback, ctx);
    else if (callback)
        callback(s, ctx, -ENOMEM);
}

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (str_equal(names[i], name))
            return i;
    return -1;
}

static int copy_member(char **ret, const json_t *object, const char *key)
{
    const char *text = json_get_string(object, key, "");
    *ret = *text ? strdup(text) : NULL;
    return *text && !*ret ? -ENOMEM : 0;
}

static int copy_texts(struct firmware_update *u, const json_t *object, const char *certificate)
{
    return copy_member(&u->location, object, "location") < 0 ||
                   copy_member(&u->certificate, object, certificate) < 0 ||
                   copy_member(&u->signature, object, "signature") < 0
               ? -ENOMEM
               : 0;
}

void firmware_restore(struct station *s, const char *value)
{
    struct firmware *f = &s->firmware;
    AUTO(json_t) *record = json_from_text(value, strlen(value));
    int phase = find_name(firmware_phase_names, FIRMWARE_PHASES, json_get_string(record, "phase", ""));
    int status = find_name(firmware_status_names, FIRMWARE_STATUSES, json_get_string(record, "status", ""));
    struct firmware_update u = {
        .request_id = json_get_int(record, "requestId", 0),
        .retrieve_ms = json_get_int(record, "retrieve", 0),
        .install_ms = json_get_int(record, "install", -1),
        .retries = (int)json_get_int(record, "retries", 0),
        .retry_interval_ms = json_get_int(record, "interval", 0),
    };
    if (phase < 0 || status < 0 || copy_texts(&u, record, "certificate") < 0) {
        log_warn(LOG_STATION, "stored firmware update is not readable: station=%s", s->id);
        firmware_update_clear(&u);
        return;
    }
    firmware_update_clear(&f->update);
    f->update = u;
    f->phase = (enum firmware_phase)phase;
    f->status = (enum firmware_status)status;
    f->is_told = json_get_bool(record, "told", true);
    f->needs_restart = json_get_bool(record, "restart", false);
}

/* ---- the request ---- */

struct firmware_request {
    struct rpc_request request;
    struct firmware_update update;
    bool cancels;
};

static void request_free(struct firmware_request *r)
{
    firmware_update_clear(&r->update);
    free(r);
}

static int64_t bounded(const json_t *payload, const char *key, int64_t fallback, int64_t max)
{
    int64_t value = json_get_int(payload, key, fallback);
    return value < 0 ? 0 : value > max ? max : value;
}

/* NULL, or the reason code. */
static const char *read_update(const json_t *payload, struct firmware_update *u)
{
    const json_t *firmware = json_object_get(payload, "firmware");
    const char *install = json_get_string(firmware, "installDateTime", NULL);

    u->request_id = json_get_int(payload, "requestId", 0);
    u->retries = (int)bounded(payload, "retries", RETRIES_DEFAULT, RETRIES_MAX);
    u->retry_interval_ms = bounded(payload, "retryInterval", INTERVAL_DEFAULT, INTERVAL_MAX) * 1000;
    u->install_ms = -1;
    if (timestamp_parse(json_get_string(firmware, "retrieveDateTime", ""), &u->retrieve_ms) < 0 ||
        (install && timestamp_parse(install, &u->install_ms) < 0))
        return "InvalidValue";
    return copy_texts(u, firmware, "signingCertificate") < 0 ? "OutOfMemory" : NULL;
}

/* Against the manufacturer's roots: those of the configuration and those that the CSMS installed (M05). */
static enum pki_verdict judge_certificate(struct station *s, const struct firmware_update *u)
{
    const char *configured = s->firmware.settings.roots_pem ? s->firmware.settings.roots_pem : "";
    AUTO_FREE char *installed = certificates_roots(s, CERTIFICATE_MANUFACTURER_ROOT);
    struct buf both;
    buf_init(&both, ROOTS_MAX);
    buf_printf(&both, "%s\n%s", configured, installed ? installed : "");
    AUTO_FREE char *roots = buf_steal(&both);
    buf_done(&both);
    if (!installed || !roots)
        return PKI_NO_MEMORY;
    return u->certificate ? pki_verify_chain(u->certificate, roots, PKI_USE_FIRMWARE, station_wall_ms(s))
                          : PKI_MALFORMED;
}

static void refuse(struct station *s, const struct rpc_request *request, const char *reason)
{
    log_warn(LOG_STATION, "firmware update is refused: station=%s why=%s", s->id, reason);
    answer_status(s, request, "Rejected", reason);
}

static void refuse_revoked(struct station *s, const struct rpc_request *request)
{
    log_warn(LOG_STATION, "the certificate that signs firmware was revoked: station=%s", s->id);
    answer_status(s, request, "RevokedCertificate", "InvalidCertificate");
    security_event(s, "InvalidFirmwareSigningCertificate", "revoked");
}

/* L01.FR.21, .22, .02. True if it was refused, and answered. */
static bool refuse_certificate(struct station *s, const struct rpc_request *request,
                               const struct firmware_update *u)
{
    if (!u->certificate && !u->signature && s->firmware.settings.takes_unsigned)
        return false;
    if (!u->certificate && !u->signature) { /* L02 is not for a station that can do L01 */
        refuse(s, request, "MissingParam");
        return true;
    }
    enum pki_verdict verdict = judge_certificate(s, u);
    if (verdict == PKI_OK && ocsp_has_revoked(s, u->certificate)) {
        refuse_revoked(s, request);
        return true;
    }
    if (verdict == PKI_OK)
        return false;
    log_warn(LOG_STATION, "the certificate that signs firmware is not taken: station=%s why=\"%s\"", s->id,
             pki_verdict_texts[verdict]);
    answer_status(s, request, "InvalidCertificate", "InvalidCertificate");
    security_event(s, "InvalidFirmwareSigningCertificate", pki_verdict_texts[verdict]);
    return true;
}

static void on_update_stored(struct station *s, void *ctx, int err)
{
    struct firmware_request *r = ctx;
    if (s->freeing) {
        request_free(r);
        return;
    }
    s->firmware.is_storing = false;
    if (err < 0) {
        answer_status(s, &r->request, "Rejected", "InternalError");
        (void)firmware_ask(s, FIRMWARE_RELEASE, NULL);
    } else {
        answer_status(s, &r->request, r->cancels ? "AcceptedCanceled" : "Accepted", NULL); /* L01.FR.24 */
        firmware_begin(s, &r->update);
    }
    request_free(r);
}

/* What is answered follows the record: an update that was accepted goes on after a power cut. */
static void accept(struct station *s, struct firmware_request *r)
{
    struct firmware *f = &s->firmware;
    struct firmware_update u = f->update;

    r->cancels = f->phase != FIRMWARE_IDLE;
    f->is_storing = true;
    f->phase = FIRMWARE_WAITS_TO_DOWNLOAD;
    f->status = FIRMWARE_STATUS_NONE;
    f->is_told = true;
    f->needs_restart = false;
    f->update = r->update;
    firmware_store(s, on_update_stored, r);
    f->update = u; /* firmware_begin() sets it */
    f->phase = FIRMWARE_IDLE;
}

static void on_update_firmware(struct station *s, const struct rpc_request *request)
{
    struct firmware *f = &s->firmware;
    if (!f->settings.is_possible) {
        refuse(s, request, "UnsupportedRequest");
        return;
    }
    if (f->is_storing || firmware_is_installing(s)) { /* L01.FR.27 */
        refuse(s, request, "FwUpdateInProgress");
        return;
    }

    struct firmware_request *r = calloc(1, sizeof(*r));
    const char *problem = r ? read_update(request->payload, &r->update) : "OutOfMemory";
    if (!problem && refuse_certificate(s, request, &r->update)) {
        request_free(r);
        return;
    }
    int err = problem ? 0 : firmware_ask(s, FIRMWARE_CLAIM, &r->update);
    if (err == -EKEYREVOKED) { /* L01.FR.12: the manufacturer's revocation list has it */
        refuse_revoked(s, request);
        request_free(r);
        return;
    }
    if (err < 0)
        problem = err == -EINVAL ? "InvalidURL" : err == -EBUSY ? "FwUpdateInProgress" : "InternalError";
    if (problem) {
        refuse(s, request, problem);
        if (r)
            request_free(r);
        return;
    }
    r->request = *request;
    r->request.payload = NULL;
    accept(s, r);
}

const struct handler firmware_handlers[] = {
    { "UpdateFirmware", WHEN_ACCEPTED, on_update_firmware },
    { NULL, WHEN_ACCEPTED, NULL },
};
