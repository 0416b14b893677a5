/* What certificates the station has, and how they are kept.
 *
 * Records: "<use>/<fingerprint>": the root's PEM, followed by its issuer's if that is another; or "deleted" for one of the
 * configuration. "own/current", "own/next": {"certificate", "key"}; "own/request": {"csr", "key", "over"}. "system": "deleted" once an
 * installed root has taken the place of the system's. "ocsp/...": certificate_status.c. */
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "pki/pki.h"
#include "station/certificates.h"
#include "station/internal.h"
#include "station/variable_table.h"

#define PEM_MAX (CERTIFICATES_MAX * (size_t)PKI_MAX_PEM)

const char *const certificate_use_names[CERTIFICATE_USES] = {
    [CERTIFICATE_CSMS_ROOT] = "CSMSRootCertificate",
    [CERTIFICATE_CSMS_ROOT_OLD] = "CSMSRootCertificate",
    [CERTIFICATE_MANUFACTURER_ROOT] = "ManufacturerRootCertificate",
    [CERTIFICATE_V2G_ROOT] = "V2GRootCertificate",
    [CERTIFICATE_MO_ROOT] = "MORootCertificate",
};

static const char *const key_prefixes[CERTIFICATE_USES] = { "csms", "csms_old", "manufacturer", "v2g", "mo" };

/* ---- roots ---- */

struct root_certificate *certificates_find(const struct station *s, enum certificate_use use,
                                           const char *fingerprint)
{
    LIST_FOREACH(link, next, (struct list *)&s->certificates.roots)
    {
        struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        if (root->use == use && str_equal(root->fingerprint, fingerprint))
            return root;
    }
    return NULL;
}

bool certificates_is_configured(const struct station *s, const struct root_certificate *root)
{
    for (size_t i = 0; root->use == CERTIFICATE_CSMS_ROOT && i < s->certificates.configured_count; i++)
        if (str_equal(s->certificates.configured[i], root->fingerprint))
            return true;
    return false;
}

static void root_free(struct root_certificate *root)
{
    free(root->pem);
    free(root->issuer_pem);
    free(root);
}

void certificates_remove(struct station *s, struct root_certificate *root)
{
    s->certificates.count--;
    list_remove(&root->link);
    root_free(root);
}

char *certificates_issuer(const struct station *s, const char *pem)
{
    struct pki_info info;
    struct pki_hash_data hash;
    if (pki_read(pem, &info) != PKI_OK || info.is_self_signed)
        return NULL;
    LIST_FOREACH(link, next, (struct list *)&s->certificates.roots)
    {
        const struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        if (pki_hash_certificate(pem, root->pem, PKI_SHA256, &hash) == PKI_OK)
            return strdup(root->pem);
    }
    return NULL;
}

int certificates_add(struct station *s, enum certificate_use use, const char *pem, const char *issuer_pem)
{
    struct pki_info info;
    enum pki_verdict verdict = pki_read(pem, &info);
    if (verdict != PKI_OK)
        return verdict == PKI_NO_MEMORY ? -ENOMEM : -EINVAL;

    struct root_certificate *root = calloc(1, sizeof(*root));
    if (!root)
        return -ENOMEM;
    root->use = use;
    (void)str_copy(root->fingerprint, sizeof(root->fingerprint), info.fingerprint);
    root->pem = strdup(pem);
    root->issuer_pem = issuer_pem ? strdup(issuer_pem) : NULL;
    if (!root->pem || (issuer_pem && !root->issuer_pem)) {
        root_free(root);
        return -ENOMEM;
    }
    struct root_certificate *same = certificates_find(s, use, info.fingerprint);
    if (same)
        certificates_remove(s, same);
    list_append(&s->certificates.roots, &root->link);
    s->certificates.count++;
    return 0;
}

/* What signs firmware is not believed once it was revoked. A CSMS deletes what it does not want to be checked against: without it the
 * station might be out of its reach for good. */
static bool is_believed(const struct station *s, const struct root_certificate *root)
{
    return root->use != CERTIFICATE_MANUFACTURER_ROOT || !ocsp_is_revoked(s, root->fingerprint);
}

char *certificates_roots(const struct station *s, enum certificate_use use)
{
    struct buf text;
    buf_init(&text, PEM_MAX);
    buf_text(&text, "");
    LIST_FOREACH(link, next, (struct list *)&s->certificates.roots)
    {
        const struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        if (root->use == use && is_believed(s, root))
            buf_printf(&text, "%s\n", root->pem);
    }
    char *copy = text.err ? NULL : strdup(buf_string(&text));
    buf_done(&text);
    return copy;
}

static bool has_root(const struct station *s, enum certificate_use use)
{
    LIST_FOREACH(link, next, (struct list *)&s->certificates.roots)
    if (LIST_ITEM(link, struct root_certificate, link)->use == use)
        return true;
    return false;
}

/* Something to go back to if a root that was installed is not the CSMS's. */
static bool has_old_trust(const struct station *s)
{
    return has_root(s, CERTIFICATE_CSMS_ROOT_OLD) ||
           (s->certificates.trusts_system && has_root(s, CERTIFICATE_CSMS_ROOT));
}

int certificates_trusted(const struct station *s, char **ret)
{
    const struct certificates *c = &s->certificates;
    bool is_system = c->uses_old_roots ? !has_root(s, CERTIFICATE_CSMS_ROOT_OLD)
                                       : !has_root(s, CERTIFICATE_CSMS_ROOT) && c->trusts_system;
    *ret = NULL;
    if (is_system)
        return 0;
    *ret = certificates_roots(s, c->uses_old_roots ? CERTIFICATE_CSMS_ROOT_OLD : CERTIFICATE_CSMS_ROOT);
    return *ret ? 0 : -ENOMEM;
}

bool certificates_can_check_csms(const struct station *s)
{
    int64_t now_ms = station_wall_ms(s);
    LIST_FOREACH(link, next, (struct list *)&s->certificates.roots)
    {
        const struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        struct pki_info info;
        if (root->use == CERTIFICATE_CSMS_ROOT && pki_read(root->pem, &info) == PKI_OK &&
            now_ms < info.not_after_ms)
            return true;
    }
    /* Whoever set up TLS without naming roots trusts the system's. */
    return s->configured_security_profile >= 2 && s->certificates.trusts_system;
}

void certificates_key(enum certificate_use use, const char *fingerprint,
                      char ret[static CERTIFICATE_KEY_SIZE])
{
    (void)snprintf(ret, CERTIFICATE_KEY_SIZE, "%s/%s", key_prefixes[use], fingerprint);
}

char *certificates_value(const struct root_certificate *root)
{
    struct buf text;
    buf_init(&text, PEM_MAX);
    buf_printf(&text, "%s%s%s", root->pem, root->issuer_pem ? "\n" : "",
               root->issuer_pem ? root->issuer_pem : "");
    char *copy = text.err ? NULL : strdup(buf_string(&text));
    buf_done(&text);
    return copy;
}

/* ---- the station's own ---- */

void wipe_text(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

int own_certificate_set(struct own_certificate *own, const char *pem, const char *key)
{
    struct pki_info info = { 0 };
    char *pem_copy = NULL, *key_copy = NULL;
    if (pem) {
        enum pki_verdict verdict = pki_read(pem, &info);
        if (verdict != PKI_OK)
            return verdict == PKI_NO_MEMORY ? -ENOMEM : -EINVAL;
        pem_copy = strdup(pem);
        key_copy = strdup(key);
        if (!pem_copy || !key_copy) {
            wipe_text(&pem_copy);
            wipe_text(&key_copy);
            return -ENOMEM;
        }
    }
    free(own->pem);
    wipe_text(&own->key);
    *own = (struct own_certificate){ pem_copy, key_copy, info.not_before_ms, info.not_after_ms };
    return 0;
}

char *own_certificate_text(const struct own_certificate *own)
{
    AUTO(json_t) *record = json_pack("{s:s, s:s}", "certificate", own->pem, "key", own->key);
    return record ? json_to_text(record) : NULL;
}

const struct own_certificate *certificates_own(const struct station *s)
{
    const struct certificates *c = &s->certificates;
    if (c->next.pem && !(c->uses_old_own && c->current.pem))
        return &c->next;
    return c->current.pem ? &c->current : NULL;
}

static bool is_valid_now(const struct station *s, const struct own_certificate *own)
{
    int64_t now_ms = station_wall_ms(s);
    return own->pem && own->not_before_ms <= now_ms && now_ms < own->not_after_ms;
}

bool certificates_can_identify(const struct station *s)
{
    return is_valid_now(s, &s->certificates.next) || is_valid_now(s, &s->certificates.current);
}

/* ---- what a connection tells of them ---- */

static void keep(struct station *s, const char *key, const char *value)
{
    station_persist(s, &(struct record){ RECORD_CERTIFICATE, key, value }, 1, NULL, NULL);
}

/* The new one has worked: it takes the old one's place. */
static void confirm_next(struct station *s)
{
    struct certificates *c = &s->certificates;
    char *text = own_certificate_text(&c->next);
    if (!text)
        return; /* at the next connection, then */
    const struct record records[] = { { RECORD_CERTIFICATE, "own/current", text },
                                      { RECORD_CERTIFICATE, "own/next", NULL } };
    station_persist(s, records, ARRAY_SIZE(records), NULL, NULL);
    wipe_text(&text);
    (void)own_certificate_set(&c->current, NULL, NULL);
    c->current = c->next;
    c->next = (struct own_certificate){ 0 };
    security_event(s, "ReconfigurationOfSecurityParameters", "a new certificate is in use");
    signing_plan_renewal(s);
    ocsp_renew(s); /* M06.FR.07 */
}

static void discard_next(struct station *s)
{
    (void)own_certificate_set(&s->certificates.next, NULL, NULL);
    keep(s, "own/next", NULL);
    security_event(s, "DiscardedRenewedClientCertificate", NULL); /* A02.FR.29 */
    signing_plan_renewal(s);
}

/* The roots that were used fit the CSMS: what they replaced goes (M05.FR.13). */
static void confirm_roots(struct station *s)
{
    if (s->certificates.trusts_system && has_root(s, CERTIFICATE_CSMS_ROOT)) {
        s->certificates.trusts_system = false;
        keep(s, "system", CERTIFICATE_DELETED);
        network_profiles_keep_factory(s);
    }
    LIST_FOREACH(link, next, &s->certificates.roots)
    {
        struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        char key[CERTIFICATE_KEY_SIZE];
        if (root->use != CERTIFICATE_CSMS_ROOT_OLD)
            continue;
        certificates_key(root->use, root->fingerprint, key);
        keep(s, key, NULL);
        certificates_remove(s, root);
    }
}

void certificates_on_link_up(struct station *s, int security_profile)
{
    struct certificates *c = &s->certificates;
    if (security_profile == 3 && c->next.pem) {
        if (certificates_own(s) == &c->next)
            confirm_next(s);
        else
            discard_next(s); /* A02.FR.10 */
    }
    if (security_profile >= 2 && !c->uses_old_roots)
        confirm_roots(s);
    c->uses_old_roots = c->uses_old_own = false;
}

/* The one of the CSMS before is tried first, then the configuration's; the one that works stays. */
static void bring_back_own(struct station *s)
{
    struct certificates *c = &s->certificates;
    if (!c->displaced.pem)
        return;
    char *current = own_certificate_text(&c->displaced), *next = own_certificate_text(&c->current);
    if (current && next) {
        const struct record records[] = { { RECORD_CERTIFICATE, "own/current", current },
                                          { RECORD_CERTIFICATE, "own/next", next } };
        station_persist(s, records, ARRAY_SIZE(records), NULL, NULL);
        (void)own_certificate_set(&c->next, NULL, NULL);
        c->next = c->current;
        c->current = c->displaced;
        c->displaced = (struct own_certificate){ 0 };
    }
    wipe_text(&current);
    wipe_text(&next);
}

void certificates_on_other_configuration(struct station *s)
{
    struct certificates *c = &s->certificates;
    c->trusts_system = !c->has_configured_roots;
    keep(s, "system", NULL);
    bring_back_own(s);
    /* Beside one that the CSMS has left they are something to fall back to, which goes when that one works. */
    bool as_old = has_root(s, CERTIFICATE_CSMS_ROOT);
    LIST_FOREACH(link, next, &c->removed)
    {
        struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        AUTO_FREE char *value = as_old ? certificates_value(root) : NULL;
        char key[CERTIFICATE_KEY_SIZE];
        root->use = as_old ? CERTIFICATE_CSMS_ROOT_OLD : CERTIFICATE_CSMS_ROOT;
        certificates_key(root->use, root->fingerprint, key);
        keep(s, key, value);
        list_remove(link);
        list_append(&c->roots, link);
        c->count++;
    }
}

bool certificates_on_failure(struct station *s, enum link_failure failure, bool is_migrating)
{
    struct certificates *c = &s->certificates;
    bool again = failure == LINK_TLS_CERTIFICATE && !c->uses_old_roots && !is_migrating && has_old_trust(s);
    c->uses_old_roots = again;
    return again;
}

void certificates_use_old_roots(struct station *s)
{
    s->certificates.uses_old_roots = has_old_trust(s);
}

void certificates_use_old_own(struct station *s, bool old)
{
    s->certificates.uses_old_own = old;
}

/* ---- restoring ---- */

static void restore_own(struct station *s, const char *what, const char *value)
{
    struct certificates *c = &s->certificates;
    AUTO(json_t) *record = json_from_text(value, strlen(value));
    const char *pem = json_get_string(record, "certificate", NULL);
    const char *key = json_get_string(record, "key", NULL);
    struct own_certificate own = { 0 };

    if (!pem || !key || own_certificate_set(&own, pem, key) < 0) {
        log_warn(LOG_STATION, "stored certificate is not readable: station=%s key=own/%s", s->id, what);
        return;
    }
    struct own_certificate *place = str_equal(what, "next") ? &c->next : &c->current;
    /* One in the configuration that is newer was put there since. */
    if (place == &c->current && place->pem && place->not_before_ms > own.not_before_ms) {
        (void)own_certificate_set(&own, NULL, NULL);
        return;
    }
    if (place == &c->current && place->pem && !str_equal(place->pem, own.pem)) {
        (void)own_certificate_set(&c->displaced, NULL, NULL);
        c->displaced = *place;
    } else {
        (void)own_certificate_set(place, NULL, NULL);
    }
    *place = own;
}

static void restore_root(struct station *s, enum certificate_use use, const char *fingerprint,
                         const char *value)
{
    if (str_equal(value, CERTIFICATE_DELETED)) {
        struct root_certificate *root = certificates_find(s, use, fingerprint);
        if (root) {
            s->certificates.count--;
            list_remove(&root->link);
            list_append(&s->certificates.removed, &root->link);
        }
        return;
    }
    AUTO_FREE char *pem = pki_nth(value, 0);
    AUTO_FREE char *issuer_pem = pki_count(value) > 1 ? pki_nth(value, 1) : NULL;
    if (!pem || certificates_add(s, use, pem, issuer_pem) < 0)
        log_warn(LOG_STATION, "stored certificate is not readable: station=%s key=%s/%s", s->id,
                 key_prefixes[use], fingerprint);
}

void certificates_restore(struct station *s, const char *key, const char *value)
{
    if (str_equal(key, "own/request")) {
        signing_restore(s, value);
        return;
    }
    if (str_starts(key, "ocsp/")) {
        ocsp_restore(s, key + strlen("ocsp/"), value);
        return;
    }
    if (str_equal(key, "system")) {
        s->certificates.trusts_system = false;
        return;
    }
    if (str_starts(key, "own/")) {
        restore_own(s, key + strlen("own/"), value);
        return;
    }
    for (int use = 0; use < CERTIFICATE_USES; use++) {
        size_t len = strlen(key_prefixes[use]);
        if (strncmp(key, key_prefixes[use], len) == 0 && key[len] == '/') {
            restore_root(s, (enum certificate_use)use, key + len + 1, value);
            return;
        }
    }
    log_warn(LOG_STATION, "stored certificate is not known: station=%s key=%s", s->id, key);
}

/* ---- life ---- */

/* A long bundle is not installed one by one: it stays the file's. */
static int add_configured(struct station *s, const char *pem)
{
    size_t count = pem ? pki_count(pem) : 0;
    if (count == 0 || count > PKI_MAX_CHAIN)
        return 0;
    struct certificates *c = &s->certificates;
    c->has_configured_roots = true;
    c->configured = calloc(count, sizeof(*c->configured));
    if (!c->configured)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *one = pki_nth(pem, i);
        int r = one ? certificates_add(s, CERTIFICATE_CSMS_ROOT, one, NULL) : -ENOMEM;
        if (r < 0)
            return r;
        const struct root_certificate *root = LIST_ITEM(c->roots.prev, struct root_certificate, link);
        (void)str_copy(c->configured[c->configured_count++], sizeof(*c->configured), root->fingerprint);
    }
    return 0;
}

int certificates_init(struct station *s, const struct station_settings *settings)
{
    list_init(&s->certificates.roots);
    list_init(&s->certificates.removed);
    signing_init(s);
    ocsp_init(s);
    int r = add_configured(s, settings->trusted_pem);
    s->certificates.trusts_system = !s->certificates.has_configured_roots;
    if (r == 0 && settings->certificate_pem && settings->key)
        r = own_certificate_set(&s->certificates.current, settings->certificate_pem, settings->key);
    return r;
}

void certificates_start(struct station *s)
{
    signing_start(s);
    ocsp_plan(s);
}

void certificates_done(struct station *s)
{
    struct certificates *c = &s->certificates;
    if (!c->roots.next)
        return;
    while (!list_is_empty(&c->roots))
        certificates_remove(s, LIST_ITEM(c->roots.next, struct root_certificate, link));
    LIST_FOREACH(link, next, &c->removed)
    {
        list_remove(link);
        root_free(LIST_ITEM(link, struct root_certificate, link));
    }
    free(c->configured);
    (void)own_certificate_set(&c->current, NULL, NULL);
    (void)own_certificate_set(&c->next, NULL, NULL);
    (void)own_certificate_set(&c->displaced, NULL, NULL);
    signing_done(s);
    ocsp_done(s);
}

void get_certificate_entries(const struct variable_place *p, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%d", p->station->certificates.count);
}
