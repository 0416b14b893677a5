/* Whether the certificates that the station holds were revoked (M06): asked of the CSMS by GetCertificateStatus, kept, and asked again.
 *
 * Asked for are those that name an OCSP responder and whose issuer is known: the station's own with what stands between it and its
 * root, and installed ones that others have signed. One at a time; the next when that one was answered.
 *
 * Records: "ocsp/<fingerprint>": {"status", "due"}, wall clock in ms. */
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "pki/pki.h"
#include "station/certificates.h"
#include "station/internal.h"

#define HOUR_MS       ((int64_t)3600000)
#define DAY_MS        (24 * HOUR_MS)
#define REFRESH_MS    (6 * DAY_MS)     /* M06.FR.10: once a week, with a day for a CSMS that is away */
#define RETRY_MS      ((int64_t)60000) /* is the station Accepted by now? */
#define MAX_RESPONDER 513              /* OCSPRequestDataType.responderURL */
#define MAX_STATUSES  (PKI_MAX_CHAIN + CERTIFICATES_MAX)

/* What is known of one. */
struct certificate_status {
    struct list link;
    char fingerprint[65];
    bool is_known, is_held;
    enum pki_ocsp_status status;
    int64_t due_ms; /* wall clock */
    int failures;   /* since the last answer that could be used */
};

/* What is asked. */
struct held {
    const char *pem, *issuer_pem;
    char fingerprint[65], responder[MAX_RESPONDER];
    struct pki_hash_data hash;
};

static struct certificate_status *find(const struct station *s, const char *fingerprint)
{
    LIST_FOREACH(link, next, (struct list *)&s->certificates.statuses)
    {
        struct certificate_status *one = LIST_ITEM(link, struct certificate_status, link);
        if (str_equal(one->fingerprint, fingerprint))
            return one;
    }
    return NULL;
}

static struct certificate_status *find_or_add(struct station *s, const char *fingerprint)
{
    struct certificate_status *one = find(s, fingerprint);
    if (one || s->certificates.status_count >= MAX_STATUSES || !(one = calloc(1, sizeof(*one))))
        return one;
    (void)str_copy(one->fingerprint, sizeof(one->fingerprint), fingerprint);
    list_append(&s->certificates.statuses, &one->link);
    s->certificates.status_count++;
    return one;
}

static void drop(struct station *s, struct certificate_status *one)
{
    list_remove(&one->link);
    s->certificates.status_count--;
    free(one);
}

static void key_of(const char *fingerprint, char ret[static CERTIFICATE_KEY_SIZE])
{
    (void)snprintf(ret, CERTIFICATE_KEY_SIZE, "ocsp/%s", fingerprint);
}

/* ---- what is held ---- */

typedef void (*visitor)(struct station *s, const struct held *held, void *ctx);

static void visit_one(struct station *s, const char *pem, const char *issuer_pem, visitor visit, void *ctx)
{
    struct held held = { .pem = pem, .issuer_pem = issuer_pem };
    struct pki_info info;
    pki_ocsp_responder(pem, held.responder, sizeof(held.responder));
    if (!*held.responder || pki_read(pem, &info) != PKI_OK ||
        pki_hash_certificate(pem, issuer_pem, PKI_SHA256, &held.hash) != PKI_OK)
        return;
    (void)str_copy(held.fingerprint, sizeof(held.fingerprint), info.fingerprint);
    visit(s, &held, ctx);
}

static void visit_own(struct station *s, visitor visit, void *ctx)
{
    const char *chain = s->certificates.current.pem;
    size_t count = chain ? pki_count(chain) : 0;
    for (size_t i = 0; i < count && i < PKI_MAX_CHAIN; i++) {
        AUTO_FREE char *pem = pki_nth(chain, i);
        AUTO_FREE char *above = i + 1 < count ? pki_nth(chain, i + 1) : NULL;
        if (pem && !above)
            above = certificates_issuer(s, pem);
        if (pem && above)
            visit_one(s, pem, above, visit, ctx);
    }
}

static void visit_held(struct station *s, visitor visit, void *ctx)
{
    visit_own(s, visit, ctx);
    LIST_FOREACH(link, next, &s->certificates.roots)
    {
        const struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        if (root->issuer_pem)
            visit_one(s, root->pem, root->issuer_pem, visit, ctx);
    }
}

/* ---- when ---- */

static void mark_held(struct station *s, const struct held *held, void *ctx)
{
    (void)ctx;
    struct certificate_status *one = find_or_add(s, held->fingerprint);
    if (one)
        one->is_held = true;
}

/* What is not held any more is forgotten. */
static void tidy(struct station *s)
{
    LIST_FOREACH(link, next, &s->certificates.statuses)
    LIST_ITEM(link, struct certificate_status, link)->is_held = false;
    visit_held(s, mark_held, NULL);
    LIST_FOREACH(link, next, &s->certificates.statuses)
    {
        struct certificate_status *one = LIST_ITEM(link, struct certificate_status, link);
        char key[CERTIFICATE_KEY_SIZE];
        if (one->is_held)
            continue;
        key_of(one->fingerprint, key);
        station_persist(s, &(struct record){ RECORD_CERTIFICATE, key, NULL }, 1, NULL, NULL);
        drop(s, one);
    }
}

static struct certificate_status *next_due(struct station *s)
{
    int64_t now_ms = station_wall_ms(s);
    struct certificate_status *first = NULL;
    LIST_FOREACH(link, next, &s->certificates.statuses)
    {
        struct certificate_status *one = LIST_ITEM(link, struct certificate_status, link);
        if (one->due_ms > now_ms + REFRESH_MS) /* the clock was set back */
            one->due_ms = now_ms;
        if (!first || one->due_ms < first->due_ms)
            first = one;
    }
    return first;
}

/* Day by day at least: the clock may be set meanwhile. */
static void wait_for_next(struct station *s)
{
    struct certificates *c = &s->certificates;
    const struct certificate_status *next = next_due(s);
    if (!next || *c->asked) {
        timer_stop(&c->status_timer);
        return;
    }
    int64_t wait_ms = next->due_ms - station_wall_ms(s);
    env_timer_start(s->env, &c->status_timer, wait_ms < 0 ? 0 : wait_ms > DAY_MS ? DAY_MS : wait_ms);
}

void ocsp_plan(struct station *s)
{
    if (!s->started)
        return;
    tidy(s);
    wait_for_next(s);
}

void ocsp_renew(struct station *s)
{
    LIST_FOREACH(link, next, &s->certificates.statuses)
    LIST_ITEM(link, struct certificate_status, link)->due_ms = 0;
    ocsp_plan(s);
}

/* ---- asking ---- */

static void keep(struct station *s, const struct certificate_status *one)
{
    char key[CERTIFICATE_KEY_SIZE];
    key_of(one->fingerprint, key);
    AUTO(json_t) *record =
        json_pack("{s:s, s:I}", "status", pki_ocsp_names[one->status], "due", (json_int_t)one->due_ms);
    AUTO_FREE char *text = record ? json_to_text(record) : NULL;
    if (text) /* else it is asked for again after a restart */
        station_persist(s, &(struct record){ RECORD_CERTIFICATE, key, text }, 1, NULL, NULL);
}

/* Each time after twice the wait before, a day at most: a CSMS that does not know this message is not flooded with it. */
static void try_later(struct station *s, struct certificate_status *one, const char *why)
{
    int64_t wait_ms = HOUR_MS << (one->failures < 5 ? one->failures : 5);
    one->failures++;
    one->due_ms = station_wall_ms(s) + (wait_ms < DAY_MS ? wait_ms : DAY_MS);
    log_debug(LOG_STATION, "status of a certificate is not known: station=%s certificate=%.16s error=\"%s\"",
              s->id, one->fingerprint, why);
}

/* Valid until the responder's next update, but a week at most, and an hour at least. */
static void learn(struct station *s, struct certificate_status *one, const struct pki_ocsp *ocsp)
{
    int64_t now_ms = station_wall_ms(s);
    bool is_news = !one->is_known || one->status != ocsp->status;
    one->is_known = true;
    one->failures = 0;
    one->status = ocsp->status;
    one->due_ms = now_ms + REFRESH_MS;
    if (ocsp->next_update_ms != 0 && ocsp->next_update_ms < one->due_ms)
        one->due_ms = ocsp->next_update_ms;
    if (one->due_ms < now_ms + HOUR_MS)
        one->due_ms = now_ms + HOUR_MS;
    keep(s, one);
    if (is_news && one->status != PKI_OCSP_GOOD)
        log_warn(LOG_STATION, "a certificate is not good any more: station=%s certificate=%.16s status=%s",
                 s->id, one->fingerprint, pki_ocsp_names[one->status]);
}

struct reading {
    const char *response;
    bool is_held;
    enum pki_verdict verdict;
    struct pki_ocsp ocsp;
};

static void read_answer(struct station *s, const struct held *held, void *ctx)
{
    struct reading *reading = ctx;
    if (!str_equal(held->fingerprint, s->certificates.asked))
        return;
    reading->is_held = true;
    reading->verdict =
        pki_ocsp_read(reading->response, held->pem, held->issuer_pem, station_wall_ms(s), &reading->ocsp);
}

static void on_get_certificate_status_result(void *ctx, const struct rpc_answer *answer)
{
    struct station *s = ctx;
    struct certificates *c = &s->certificates;
    if (s->freeing)
        return;
    struct certificate_status *one = find(s, c->asked);
    bool is_answer = answer->outcome == RPC_RESULT &&
                     str_equal(json_get_string(answer->payload, "status", ""), "Accepted");
    if (one && answer->outcome == RPC_DISCONNECTED) {
        one->due_ms = station_wall_ms(s) + RETRY_MS; /* it has not been asked */
    } else if (one && !is_answer) {
        try_later(s, one, "the CSMS could not get it"); /* M06.FR.04 */
    } else if (one) {
        struct reading reading = { .response = json_get_string(answer->payload, "ocspResult", "") };
        visit_held(s, read_answer, &reading);
        if (reading.is_held && reading.verdict == PKI_OK)
            learn(s, one, &reading.ocsp);
        else
            try_later(s, one, pki_verdict_texts[reading.is_held ? reading.verdict : PKI_NO_MEMORY]);
    }
    *c->asked = '\0';
    ocsp_plan(s);
}

static void ask(struct station *s, const struct held *held, void *ctx)
{
    const struct certificate_status *one = ctx;
    struct certificates *c = &s->certificates;
    if (*c->asked || !str_equal(held->fingerprint, one->fingerprint))
        return;
    json_t *data =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "hashAlgorithm", pki_hash_names[held->hash.algorithm],
                  "issuerNameHash", held->hash.issuer_name_hash, "issuerKeyHash", held->hash.issuer_key_hash,
                  "serialNumber", held->hash.serial_number, "responderURL", held->responder);
    if (outbox_call(s, "GetCertificateStatus", json_pack("{s:o}", "ocspRequestData", data),
                    OUTBOX_ONLINE_ONLY, on_get_certificate_status_result, s) == 0)
        (void)str_copy(c->asked, sizeof(c->asked), held->fingerprint);
}

static void on_status_timer(struct timer *timer, void *ctx)
{
    struct station *s = ctx;
    struct certificate_status *one = next_due(s);
    if (!one || one->due_ms > station_wall_ms(s)) {
        wait_for_next(s);
        return;
    }
    if (!station_is_accepted(s)) {
        env_timer_start(s->env, timer, RETRY_MS);
        return;
    }
    visit_held(s, ask, one);
    if (!*s->certificates.asked) {
        try_later(s, one, "it cannot be asked for");
        wait_for_next(s);
    }
}

/* ---- what is known ---- */

bool ocsp_is_revoked(const struct station *s, const char *fingerprint)
{
    const struct certificate_status *one = find(s, fingerprint);
    return one && one->is_known && one->status == PKI_OCSP_REVOKED;
}

bool ocsp_has_revoked(const struct station *s, const char *chain)
{
    for (size_t i = 0, count = s->certificates.status_count ? pki_count(chain) : 0; i < count; i++) {
        AUTO_FREE char *pem = pki_nth(chain, i);
        struct pki_info info;
        if (pem && pki_read(pem, &info) == PKI_OK && ocsp_is_revoked(s, info.fingerprint))
            return true;
    }
    return false;
}

const char *ocsp_status_name(const struct station *s, const char *pem)
{
    struct pki_info info;
    const struct certificate_status *one = pki_read(pem, &info) == PKI_OK ? find(s, info.fingerprint) : NULL;
    return one && one->is_known ? pki_ocsp_names[one->status] : NULL;
}

/* ---- life ---- */

void ocsp_restore(struct station *s, const char *fingerprint, const char *value)
{
    AUTO(json_t) *record = json_from_text(value, strlen(value));
    const char *status = json_get_string(record, "status", "");
    for (int i = 0; i < PKI_OCSP_STATUSES; i++) {
        struct certificate_status *one =
            str_equal(status, pki_ocsp_names[i]) ? find_or_add(s, fingerprint) : NULL;
        if (!one)
            continue;
        one->is_known = true;
        one->status = (enum pki_ocsp_status)i;
        one->due_ms = json_get_int(record, "due", 0);
    }
}

void ocsp_init(struct station *s)
{
    list_init(&s->certificates.statuses);
    timer_init(&s->certificates.status_timer, s->env->timers, on_status_timer, s);
}

void ocsp_done(struct station *s)
{
    timer_stop(&s->certificates.status_timer);
    while (!list_is_empty(&s->certificates.statuses))
        drop(s, LIST_ITEM(s->certificates.statuses.next, struct certificate_status, link));
}
