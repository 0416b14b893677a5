/* The station's own certificate: a key is made outside, SignCertificate takes the request to the CSMS, CertificateSigned brings
 * the certificate (A02), by request of the CSMS or before the one in use expires (A03).
 *
 *     NONE -> MAKING_KEY -> STORING -> SENT -> WAITING -> (SENT ..., each wait twice the one before) -> NONE */
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "pki/pki.h"
#include "station/certificates.h"
#include "station/internal.h"

#define DAY_MS          ((int64_t)86400000)
#define RENEW_BEFORE_MS (30 * DAY_MS)    /* A03.FR.02 */
#define RETRY_MS        ((int64_t)60000) /* is the station Accepted by now? */
#define WAIT_MAX_S      ((int64_t)30 * 86400)

static const char *const signing_names[] = { "none", "making key", "storing", "sent", "waiting" };

static void set_signing(struct station *s, enum signing state, const char *why)
{
    struct certificates *c = &s->certificates;
    if (c->signing != state)
        log_info(LOG_STATION, "certificate request: station=%s %s -> %s: %s", s->id,
                 signing_names[c->signing], signing_names[state], why);
    c->signing = state;
}

/* ---- the request ---- */

static void forget_request(struct station *s)
{
    struct certificates *c = &s->certificates;
    timer_stop(&c->repeat_timer);
    free(STEAL(c->request));
    wipe_text(&c->key);
}

static void stop(struct station *s, const char *why)
{
    timer_stop(&s->certificates.repeat_timer);
    set_signing(s, SIGNING_NONE, why);
}

/* The caller's; to be wiped. NULL without memory. */
static char *request_text(const struct certificates *c, bool is_over)
{
    AUTO(json_t) *record = json_pack("{s:s, s:s, s:b}", "csr", c->request, "key", c->key, "over", is_over);
    return record ? json_to_text(record) : NULL;
}

/* Its certificate is still taken should it come, but it is not sent again, not after a restart either (A02.FR.19, .20). */
static void give_up(struct station *s, const char *why)
{
    stop(s, why);
    char *text = request_text(&s->certificates, true);
    if (text)
        station_persist(s, &(struct record){ RECORD_CERTIFICATE, "own/request", text }, 1, NULL, NULL);
    wipe_text(&text);
}

/* A02.FR.17, .18: CertSigningWaitMinimum, then so often twice the wait before. */
static void wait_for_certificate(struct station *s)
{
    struct certificates *c = &s->certificates;
    set_signing(s, SIGNING_WAITING, "the CSMS has the request");
    c->wait_s = c->repeats == 0 ? variable_int(s, VAR_SECURITY_CERT_SIGNING_WAIT_MINIMUM) : c->wait_s * 2;
    if (c->wait_s > WAIT_MAX_S)
        c->wait_s = WAIT_MAX_S;
    env_timer_start(s->env, &c->repeat_timer, c->wait_s * 1000);
}

static void on_sign_certificate_result(void *ctx, const struct rpc_answer *answer)
{
    struct station *s = ctx;
    /* An older one of which a newer has taken the place says nothing. */
    if (--s->certificates.sent > 0 || s->freeing || s->certificates.signing != SIGNING_SENT)
        return;
    bool is_refused = answer->outcome == RPC_RESULT &&
                      !str_equal(json_get_string(answer->payload, "status", ""), "Accepted");
    if (is_refused || answer->outcome == RPC_CALL_ERROR)
        give_up(s, "refused by the CSMS");
    else /* also what got no answer is sent again */
        wait_for_certificate(s);
}

static void send_request(struct station *s)
{
    struct certificates *c = &s->certificates;
    json_t *payload =
        json_pack("{s:s, s:s}", "csr", c->request, "certificateType", "ChargingStationCertificate");
    set_signing(s, SIGNING_SENT, "ready");
    c->sent++;
    int flags = c->is_asked_for ? OUTBOX_WHILE_PENDING : 0; /* B02.FR.02 */
    if (outbox_call(s, "SignCertificate", payload, flags | OUTBOX_KEEP_OFFLINE, on_sign_certificate_result,
                    s) < 0) {
        c->sent--;
        wait_for_certificate(s);
    }
}

/* Of its own accord only where the station is Accepted (B02.FR.02): a request that waited for that would cross the one the CSMS asks
 * for while Pending. */
static bool may_send(const struct station *s)
{
    return s->certificates.is_asked_for || station_is_accepted(s);
}

static void on_repeat_timer(struct timer *timer, void *ctx)
{
    struct station *s = ctx;
    struct certificates *c = &s->certificates;
    if (!may_send(s)) {
        env_timer_start(s->env, timer, RETRY_MS);
        return;
    }
    if (c->repeats > variable_int(s, VAR_SECURITY_CERT_SIGNING_REPEAT_TIMES)) {
        c->gave_up = true; /* A02.FR.19 */
        give_up(s, "no certificate came");
        log_warn(LOG_STATION,
                 "the CSMS brings no certificate and has to ask for the next request: station=%s", s->id);
        return;
    }
    c->repeats++;
    send_request(s);
}

static void on_request_stored(struct station *s, void *ctx, int err)
{
    (void)ctx;
    if (s->freeing || s->certificates.signing != SIGNING_STORING)
        return;
    if (err < 0) /* without its key a certificate would be of no use */
        stop(s, "the key cannot be stored");
    else
        send_request(s);
}

static void store_request(struct station *s)
{
    struct certificates *c = &s->certificates;
    char *text = request_text(c, false);
    set_signing(s, SIGNING_STORING, "key made");
    if (text)
        station_persist(s, &(struct record){ RECORD_CERTIFICATE, "own/request", text }, 1, on_request_stored,
                        NULL);
    else
        on_request_stored(s, NULL, -ENOMEM);
    wipe_text(&text);
}

void station_on_csr(struct station *station, uint32_t ticket, const char *csr, const char *key, int err)
{
    struct station *s = station;
    struct certificates *c = &s->certificates;
    if (c->signing != SIGNING_MAKING_KEY || ticket != c->ticket)
        return;
    if (err < 0) {
        log_error(LOG_STATION, "no key could be made: station=%s error=\"%s\"", s->id, err_text(err));
        stop(s, "no key");
        return;
    }
    forget_request(s);
    c->request = strdup(csr);
    c->key = strdup(key);
    if (!c->request || !c->key) {
        forget_request(s);
        stop(s, "out of memory");
        return;
    }
    store_request(s);
}

/* A02.FR.02: a new key each time. */
static void begin(struct station *s, const char *why)
{
    struct certificates *c = &s->certificates;
    if (c->signing == SIGNING_MAKING_KEY || c->signing == SIGNING_STORING)
        return; /* it is on its way */
    timer_stop(&c->repeat_timer);
    c->repeats = 0;
    c->gave_up = false;
    c->ticket = station_new_ticket(s);
    set_signing(s, SIGNING_MAKING_KEY, why);
    s->ops->make_csr(
        s->ctx,
        &(struct csr_request){ .common_name = s->id,
                               .organization = variable_text(s, VAR_SECURITY_ORGANIZATION_NAME) },
        c->ticket);
}

bool certificates_can_sign(const struct station *s)
{
    return s->ops->make_csr != NULL;
}

void trigger_sign_certificate(struct station *s)
{
    s->certificates.is_asked_for = true;
    begin(s, "asked for by the CSMS");
}

/* ---- renewal ---- */

/* A03.FR.02: a month before it expires; one that lives for weeks only, when a third of them is left, else it would be renewed for ever. */
static int64_t renew_in_ms(const struct station *s)
{
    const struct own_certificate *own = &s->certificates.current;
    if (!own->pem)
        return INT64_MAX;
    int64_t third_ms = (own->not_after_ms - own->not_before_ms) / 3;
    return own->not_after_ms - (third_ms < RENEW_BEFORE_MS ? third_ms : RENEW_BEFORE_MS) - station_wall_ms(s);
}

static void on_renewal_timer(struct timer *timer, void *ctx)
{
    struct station *s = ctx;
    struct certificates *c = &s->certificates;
    bool is_due = renew_in_ms(s) <= 0 && !c->next.pem && !c->gave_up && c->signing == SIGNING_NONE &&
                  certificates_can_sign(s);
    if (is_due && !station_is_accepted(s)) {
        env_timer_start(s->env, timer, RETRY_MS);
        return;
    }
    if (is_due) {
        c->is_asked_for = false;
        begin(s, "the certificate expires soon");
    }
    signing_plan_renewal(s);
}

/* Day by day: the clock may be set meanwhile. */
void signing_plan_renewal(struct station *s)
{
    struct certificates *c = &s->certificates;
    if (!c->current.pem || !s->started) {
        timer_stop(&c->renewal_timer);
        return;
    }
    int64_t wait_ms = renew_in_ms(s);
    env_timer_start(s->env, &c->renewal_timer, wait_ms > 0 && wait_ms < DAY_MS ? wait_ms : DAY_MS);
}

/* ---- CertificateSigned ---- */

struct signed_certificate {
    struct rpc_request request;
    struct own_certificate own;
};

static void signed_certificate_free(struct signed_certificate *c)
{
    if (!c)
        return;
    (void)own_certificate_set(&c->own, NULL, NULL);
    free(c);
}
DEFINE_AUTO(signed_certificate, signed_certificate_free)

static void on_signed_stored(struct station *s, void *ctx, int err)
{
    AUTO(signed_certificate) *c = ctx;
    if (s->freeing)
        return;
    if (err < 0) {
        answer_status(s, &c->request, "Rejected", "InternalError");
        return;
    }
    (void)own_certificate_set(&s->certificates.next, NULL, NULL);
    s->certificates.next = c->own;
    c->own = (struct own_certificate){ 0 };
    /* Another may have been begun meanwhile: that one goes on. */
    if (s->certificates.signing != SIGNING_STORING)
        forget_request(s);
    if (s->certificates.signing == SIGNING_SENT || s->certificates.signing == SIGNING_WAITING)
        stop(s, "signed");
    answer_status(s, &c->request, "Accepted", NULL);
    if (s->profiles.current->security_profile == 3)
        network_reconnect(s, 0); /* A02.FR.08 */
}

static enum pki_verdict check_chain(const struct station *s, const char *chain)
{
    const struct certificates *c = &s->certificates;
    if (!c->request)
        return PKI_WRONG_KEY;
    AUTO_FREE char *roots = certificates_roots(s, CERTIFICATE_CSMS_ROOT);
    AUTO_FREE char *old = certificates_roots(s, CERTIFICATE_CSMS_ROOT_OLD);
    if (!roots || !old)
        return PKI_NO_MEMORY;
    int64_t now_ms = station_wall_ms(s);
    enum pki_verdict verdict = pki_verify_chain(chain, roots, PKI_USE_CLIENT, now_ms);
    if (verdict != PKI_OK && *old && pki_verify_chain(chain, old, PKI_USE_CLIENT, now_ms) == PKI_OK)
        verdict = PKI_OK;
    if (verdict == PKI_OK && !pki_is_for_request(chain, c->request))
        verdict = PKI_WRONG_KEY;
    if (verdict == PKI_OK)
        verdict = pki_check_subject(chain, s->id, variable_text(s, VAR_SECURITY_ORGANIZATION_NAME));
    return verdict;
}

static void reject(struct station *s, const struct rpc_request *request, const char *text)
{
    json_t *info = json_pack("{s:s}", "reasonCode", "InvalidCertificate");
    json_set_text(info, "additionalInfo", text);
    rpc_result(s->rpc, request, json_pack("{s:s, s:o}", "status", "Rejected", "statusInfo", info));
}

/* Takes what it needs of the request under way, which stays until the certificate is stored. */
static void keep_signed(struct station *s, const struct rpc_request *request, const char *chain)
{
    AUTO(signed_certificate) *c = calloc(1, sizeof(*c));
    char *text = NULL;
    if (c && own_certificate_set(&c->own, chain, s->certificates.key) == 0)
        text = own_certificate_text(&c->own);
    if (!text) {
        answer_status(s, request, "Rejected", "OutOfMemory");
        return;
    }
    c->request = *request;
    c->request.payload = NULL;
    network_profiles_keep_factory(s);
    const struct record records[] = { { RECORD_CERTIFICATE, "own/next", text },
                                      { RECORD_CERTIFICATE, "own/request", NULL } };
    station_persist(s, records, ARRAY_SIZE(records), on_signed_stored, STEAL(c));
    wipe_text(&text);
}

static void on_certificate_signed(struct station *s, const struct rpc_request *request)
{
    const char *chain = json_get_string(request->payload, "certificateChain", "");
    const char *type = json_get_string(request->payload, "certificateType", "ChargingStationCertificate");
    if (!str_equal(type, "ChargingStationCertificate")) {
        answer_status(s, request, "Rejected", "UnsupportedParam"); /* no ISO 15118 here */
        return;
    }
    if ((int64_t)strlen(chain) > variable_int(s, VAR_SECURITY_MAX_CERTIFICATE_CHAIN_SIZE)) {
        answer_status(s, request, "Rejected", "TooLargeElement"); /* A02.FR.16 */
        return;
    }
    enum pki_verdict verdict = check_chain(s, chain); /* A02.FR.06 */
    if (verdict != PKI_OK) {                          /* A02.FR.07, .20 */
        if (s->certificates.signing == SIGNING_SENT || s->certificates.signing == SIGNING_WAITING)
            give_up(s, "the certificate is not valid");
        reject(s, request, pki_verdict_texts[verdict]);
        security_event(s, "InvalidChargingStationCertificate", pki_verdict_texts[verdict]);
        return;
    }
    keep_signed(s, request, chain);
}

const struct handler signing_handlers[] = {
    { "CertificateSigned", WHEN_PENDING_TOO, on_certificate_signed },
    { NULL, WHEN_ACCEPTED, NULL },
};

const char *station_certificate(const struct station *s)
{
    const struct own_certificate *own = certificates_own(s);
    return own ? own->pem : NULL;
}

json_t *certificates_status(const struct station *s)
{
    const struct own_certificate *own = certificates_own(s);
    char until[TIMESTAMP_SIZE];
    if (!own)
        return NULL;
    timestamp_format(own->not_after_ms, until);
    json_t *status =
        json_pack("{s:s, s:s}", "valid_until", until, "request", signing_names[s->certificates.signing]);
    json_set_text(status, "ocsp", ocsp_status_name(s, own->pem));
    return status;
}

/* ---- life ---- */

void signing_restore(struct station *s, const char *value)
{
    struct certificates *c = &s->certificates;
    AUTO(json_t) *record = json_from_text(value, strlen(value));
    const char *csr = json_get_string(record, "csr", NULL), *key = json_get_string(record, "key", NULL);
    if (!csr || !key) {
        log_warn(LOG_STATION, "stored certificate request is not readable: station=%s", s->id);
        return;
    }
    forget_request(s);
    c->request = strdup(csr);
    c->key = strdup(key);
    if (!c->request || !c->key)
        forget_request(s);
    c->is_over = json_is_true(json_object_get(record, "over"));
}

/* The certificate of a request from before may still come; or the request did not reach the CSMS (A02.FR.17). */
void signing_start(struct station *s)
{
    if (s->certificates.request && !s->certificates.is_over)
        wait_for_certificate(s);
    if (s->certificates.current.pem)
        env_timer_start(s->env, &s->certificates.renewal_timer, 0);
}

void signing_init(struct station *s)
{
    timer_init(&s->certificates.repeat_timer, s->env->timers, on_repeat_timer, s);
    timer_init(&s->certificates.renewal_timer, s->env->timers, on_renewal_timer, s);
}

void signing_done(struct station *s)
{
    forget_request(s);
    timer_stop(&s->certificates.renewal_timer);
}
