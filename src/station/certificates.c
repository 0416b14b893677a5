/* InstallCertificate, DeleteCertificate, GetInstalledCertificateIds (M03-M05). */
#include "station/certificates.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "pki/pki.h"
#include "station/internal.h"

static void answer_reason(struct station *s, const struct rpc_request *request, const char *status,
                          const char *reason, const char *text)
{
    json_t *info = json_pack("{s:s}", "reasonCode", reason);
    json_set_text(info, "additionalInfo", text);
    rpc_result(s->rpc, request, json_pack("{s:s, s:o}", "status", status, "statusInfo", info));
}

/* ---- installing ---- */

/* What is to be stored before it counts. */
struct installation {
    struct rpc_request request;
    enum certificate_use use;
    bool replaces; /* the other CSMS roots (M05.FR.10) */
    char *pem, *issuer_pem;
};

static void installation_free(struct installation *i)
{
    if (!i)
        return;
    free(i->pem);
    free(i->issuer_pem);
    free(i);
}
DEFINE_AUTO(installation, installation_free)

static bool replaces_others(const struct station *s, enum certificate_use use)
{
    return use == CERTIFICATE_CSMS_ROOT && variable_bool(s, VAR_SECURITY_ADDITIONAL_ROOT_CERTIFICATE_CHECK);
}

/* Roots of both generations; the caller's, or NULL without memory. */
static char *all_csms_roots(const struct station *s)
{
    AUTO_FREE char *roots = certificates_roots(s, CERTIFICATE_CSMS_ROOT);
    AUTO_FREE char *old = certificates_roots(s, CERTIFICATE_CSMS_ROOT_OLD);
    struct buf all;
    if (!roots || !old)
        return NULL;
    buf_init(&all, strlen(roots) + strlen(old) + 1);
    buf_text(&all, roots);
    buf_text(&all, old);
    char *text = all.err ? NULL : strdup(buf_string(&all));
    buf_done(&all);
    return text;
}

/* M05.FR.10, .11: the first one is free. */
static enum pki_verdict check_signer(const struct station *s, const char *pem)
{
    AUTO_FREE char *roots = all_csms_roots(s);
    if (!roots)
        return PKI_NO_MEMORY;
    return *roots ? pki_verify_chain(pem, roots, PKI_USE_CA_SIGNED, station_wall_ms(s)) : PKI_OK;
}

#define RECORDS_MAX (3 * CERTIFICATES_MAX + 3)

/* One group: the new one comes, and where it replaces the others they become old ones. */
struct change {
    struct record records[RECORDS_MAX];
    char keys[RECORDS_MAX][CERTIFICATE_KEY_SIZE];
    char *values[RECORDS_MAX];
    size_t count;
    bool failed;
};

/* Takes `value`; NULL deletes. */
static void change_add(struct change *change, enum certificate_use use, const char *fingerprint, char *value)
{
    size_t n = change->count++;
    certificates_key(use, fingerprint, change->keys[n]);
    change->values[n] = value;
    change->records[n] = (struct record){ RECORD_CERTIFICATE, change->keys[n], value };
}

static void change_keep(struct change *change, enum certificate_use use, const struct root_certificate *root)
{
    char *value = certificates_value(root);
    change->failed |= !value;
    change_add(change, use, root->fingerprint, value);
}

/* The record of a root that goes: of the configuration's it must be known that it went. */
static void change_remove(const struct station *s, struct change *change, const struct root_certificate *root)
{
    bool is_configured = certificates_is_configured(s, root);
    char *value = is_configured ? strdup(CERTIFICATE_DELETED) : NULL;
    change->failed |= is_configured && !value;
    change_add(change, root->use, root->fingerprint, value);
}

static void change_free(struct change *change)
{
    if (!change)
        return;
    for (size_t i = 0; i < change->count; i++)
        free(change->values[i]);
    free(change);
}
DEFINE_AUTO(change, change_free)

/* M05.FR.12: which roots are the old ones afterwards. While the newest has not been proven, the proven old one stays and the
 * newest goes. */
static bool stays_as_old(const struct station *s, const struct root_certificate *root, bool has_old)
{
    (void)s;
    return has_old ? root->use == CERTIFICATE_CSMS_ROOT_OLD : root->use == CERTIFICATE_CSMS_ROOT;
}

static bool has_old_roots(const struct station *s)
{
    LIST_FOREACH(link, next, (struct list *)&s->certificates.roots)
    if (LIST_ITEM(link, struct root_certificate, link)->use == CERTIFICATE_CSMS_ROOT_OLD)
        return true;
    return false;
}

static void change_replace(struct station *s, struct change *change, const char *fingerprint)
{
    bool has_old = has_old_roots(s);
    LIST_FOREACH(link, next, &s->certificates.roots)
    {
        const struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        if (root->use != CERTIFICATE_CSMS_ROOT || str_equal(root->fingerprint, fingerprint))
            continue;
        change_remove(s, change, root);
        if (stays_as_old(s, root, has_old))
            change_keep(change, CERTIFICATE_CSMS_ROOT_OLD, root);
    }
}

static void apply_replacement(struct station *s, const char *fingerprint)
{
    bool has_old = has_old_roots(s);
    LIST_FOREACH(link, next, &s->certificates.roots)
    {
        struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        if (root->use != CERTIFICATE_CSMS_ROOT || str_equal(root->fingerprint, fingerprint))
            continue;
        if (stays_as_old(s, root, has_old)) {
            root->use = CERTIFICATE_CSMS_ROOT_OLD;
        } else {
            certificates_remove(s, root);
        }
    }
}

static void on_installed(struct station *s, void *ctx, int err)
{
    AUTO(installation) *i = ctx;
    struct pki_info info;
    s->certificates.is_changing = false;
    if (s->freeing)
        return;
    if (err == 0)
        err = certificates_add(s, i->use, i->pem, i->issuer_pem);
    if (err == 0 && i->replaces && pki_read(i->pem, &info) == PKI_OK)
        apply_replacement(s, info.fingerprint);
    if (err == 0) {
        security_event(s, "ReconfigurationOfSecurityParameters", "certificate installed");
        ocsp_plan(s);
    }
    answer_status(s, &i->request, err == 0 ? "Accepted" : "Failed", NULL); /* M05.FR.02, .03 */
}

/* Takes `i`. */
static void install(struct station *s, struct installation *i, const struct pki_info *info)
{
    AUTO(change) *change = calloc(1, sizeof(*change));
    const struct root_certificate as = { .pem = i->pem, .issuer_pem = i->issuer_pem };
    if (change) {
        char *value = certificates_value(&as);
        change->failed = !value;
        change_add(change, i->use, info->fingerprint, value);
        if (i->replaces)
            change_replace(s, change, info->fingerprint);
    }
    if (!change || change->failed)
        on_installed(s, i, -ENOMEM);
    else {
        network_profiles_keep_factory(s);
        s->certificates.is_changing = true;
        station_persist(s, change->records, change->count, on_installed, i);
    }
}

static bool use_of(const char *type, enum certificate_use *ret)
{
    for (int use = 0; use < CERTIFICATE_USES; use++) {
        if (!str_equal(certificate_use_names[use], type))
            continue;
        *ret = (enum certificate_use)use;
        return true;
    }
    return false;
}

static void on_install_certificate(struct station *s, const struct rpc_request *request)
{
    const char *pem = json_get_string(request->payload, "certificate", "");
    enum certificate_use use;
    struct pki_info info;
    if (!use_of(json_get_string(request->payload, "certificateType", ""), &use)) {
        answer_status(s, request, "Rejected", NULL);
        return;
    }
    if (s->certificates.is_changing) {
        answer_reason(s, request, "Failed", "InternalError", "another change is being stored");
        return;
    }

    enum pki_verdict verdict = pki_verify_chain(pem, NULL, PKI_USE_ROOT, station_wall_ms(s));
    bool replaces = replaces_others(s, use);
    if (verdict == PKI_OK && replaces)
        verdict = check_signer(s, pem);
    if (verdict == PKI_OK)
        verdict = pki_read(pem, &info);
    if (verdict != PKI_OK) { /* M05.FR.07, .11 */
        answer_reason(s, request, verdict == PKI_NO_MEMORY ? "Failed" : "Rejected", "InvalidCertificate",
                      pki_verdict_texts[verdict]);
        return;
    }
    if (!certificates_find(s, use, info.fingerprint) && s->certificates.count >= CERTIFICATES_MAX) {
        answer_reason(s, request, "Rejected", "OutOfStorage", NULL); /* M05.FR.06 */
        return;
    }

    AUTO(installation) *i = calloc(1, sizeof(*i));
    if (!i || !(i->pem = strdup(pem))) {
        answer_status(s, request, "Failed", "OutOfMemory");
        return;
    }
    i->request = *request;
    i->request.payload = NULL;
    i->use = use;
    i->replaces = replaces;
    i->issuer_pem = certificates_issuer(s, pem);
    install(s, STEAL(i), &info);
}

/* ---- listing ---- */

static json_t *hash_json(const struct pki_hash_data *hash)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "hashAlgorithm", pki_hash_names[hash->algorithm],
                     "issuerNameHash", hash->issuer_name_hash, "issuerKeyHash", hash->issuer_key_hash,
                     "serialNumber", hash->serial_number);
}

static bool is_asked_for(const json_t *types, const char *type)
{
    for (size_t i = 0; i < json_array_size(types); i++)
        if (str_equal(json_string_value(json_array_get(types, i)), type))
            return true;
    return json_array_size(types) == 0;
}

static void on_get_installed_certificate_ids(struct station *s, const struct rpc_request *request)
{
    const json_t *types = json_object_get(request->payload, "certificateType");
    AUTO(json_t) *chain = json_array();
    LIST_FOREACH(link, next, &s->certificates.roots)
    {
        const struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        const char *type = certificate_use_names[root->use];
        struct pki_hash_data hash;
        if (!is_asked_for(types, type) || (root->use == CERTIFICATE_CSMS_ROOT_OLD &&
                                           certificates_find(s, CERTIFICATE_CSMS_ROOT, root->fingerprint)))
            continue;
        (void)pki_hash_certificate(root->pem, root->issuer_pem, PKI_SHA256, &hash);
        json_array_append_new(
            chain, json_pack("{s:s, s:o}", "certificateType", type, "certificateHashData", hash_json(&hash)));
    }
    if (json_array_size(chain) == 0) {
        answer_status(s, request, "NotFound", NULL); /* M03.FR.02 */
        return;
    }
    rpc_result(
        s->rpc, request,
        json_pack("{s:s, s:O}", "status", "Accepted", "certificateHashDataChain", chain)); /* M03.FR.04 */
}

/* ---- deleting ---- */

struct deletion {
    struct rpc_request request;
    enum certificate_use use;
    char fingerprint[65];
};

static bool algorithm_of(const json_t *data, enum pki_hash *ret)
{
    for (int hash = 0; hash < PKI_HASHES; hash++) {
        if (!str_equal(pki_hash_names[hash], json_get_string(data, "hashAlgorithm", "")))
            continue;
        *ret = (enum pki_hash)hash;
        return true;
    }
    return false;
}

/* The serial number in hex, with or without leading zeroes. */
static bool same_serial(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    return str_equal_ci(a, b);
}

static bool same_name(const struct pki_hash_data *hash, const json_t *data)
{
    return str_equal_ci(hash->issuer_name_hash, json_get_string(data, "issuerNameHash", "")) &&
           same_serial(hash->serial_number, json_get_string(data, "serialNumber", ""));
}

/* M04.FR.06: issuer and number name it; its issuer need not be known here. */
static bool is_own(const struct own_certificate *own, enum pki_hash algorithm, const json_t *data)
{
    struct pki_hash_data hash = { 0 };
    if (!own->pem)
        return false;
    (void)pki_hash_certificate(own->pem, NULL, algorithm, &hash);
    return same_name(&hash, data);
}

static struct root_certificate *find_by_hash(struct station *s, enum pki_hash algorithm, const json_t *data)
{
    LIST_FOREACH(link, next, &s->certificates.roots)
    {
        struct root_certificate *root = LIST_ITEM(link, struct root_certificate, link);
        struct pki_hash_data hash = { 0 };
        (void)pki_hash_certificate(root->pem, root->issuer_pem, algorithm, &hash);
        if (same_name(&hash, data) &&
            str_equal_ci(hash.issuer_key_hash, json_get_string(data, "issuerKeyHash", "")))
            return root;
    }
    return NULL;
}

/* Without a root no CSMS could be believed any more, and no one but the installer could help (M04.FR.03). An old one is there only
 * while the new one has not worked. */
static bool is_indispensable(const struct station *s, const struct root_certificate *root)
{
    int64_t now_ms = station_wall_ms(s);
    if ((root->use != CERTIFICATE_CSMS_ROOT && root->use != CERTIFICATE_CSMS_ROOT_OLD) ||
        s->security_profile < 2 || s->certificates.trusts_system)
        return false;
    LIST_FOREACH(link, next, (struct list *)&s->certificates.roots)
    {
        const struct root_certificate *other = LIST_ITEM(link, struct root_certificate, link);
        struct pki_info info;
        if (other != root && other->use == root->use && pki_read(other->pem, &info) == PKI_OK &&
            now_ms < info.not_after_ms)
            return false;
    }
    return true;
}

static void on_deleted(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct deletion *d = ctx;
    s->certificates.is_changing = false;
    if (s->freeing)
        return;
    struct root_certificate *root = certificates_find(s, d->use, d->fingerprint);
    if (err == 0 && root) {
        certificates_remove(s, root);
        security_event(s, "ReconfigurationOfSecurityParameters", "certificate deleted");
        ocsp_plan(s);
    }
    answer_status(s, &d->request, err == 0 ? "Accepted" : "Failed", NULL); /* M04.FR.02, .03 */
}

static void delete_root(struct station *s, const struct rpc_request *request,
                        const struct root_certificate *root)
{
    struct deletion *d = calloc(1, sizeof(*d));
    char key[CERTIFICATE_KEY_SIZE];
    if (!d) {
        answer_status(s, request, "Failed", "OutOfMemory");
        return;
    }
    d->request = *request;
    d->request.payload = NULL;
    d->use = root->use;
    (void)str_copy(d->fingerprint, sizeof(d->fingerprint), root->fingerprint);
    certificates_key(root->use, root->fingerprint, key);
    const char *value = certificates_is_configured(s, root) ? CERTIFICATE_DELETED : NULL;
    network_profiles_keep_factory(s);
    s->certificates.is_changing = true;
    station_persist(s, &(struct record){ RECORD_CERTIFICATE, key, value }, 1, on_deleted, d);
}

static void on_delete_certificate(struct station *s, const struct rpc_request *request)
{
    const json_t *data = json_object_get(request->payload, "certificateHashData");
    enum pki_hash algorithm;
    if (!algorithm_of(data, &algorithm)) {
        answer_status(s, request, "NotFound", NULL);
        return;
    }
    if (s->certificates.is_changing) {
        answer_reason(s, request, "Failed", "InternalError", "another change is being stored");
        return;
    }
    const struct root_certificate *root = find_by_hash(s, algorithm, data);
    if (!root) {
        bool own = is_own(&s->certificates.current, algorithm, data) ||
                   is_own(&s->certificates.next, algorithm, data);
        answer_status(s, request, own ? "Failed" : "NotFound", NULL); /* M04.FR.06, .04 */
        return;
    }
    if (is_indispensable(s, root)) {
        answer_reason(s, request, "Failed", "NotAllowed", "the last root that the CSMS is checked against");
        return;
    }
    delete_root(s, request, root);
}

const struct handler certificates_handlers[] = {
    { "DeleteCertificate", WHEN_PENDING_TOO, on_delete_certificate },
    { "GetInstalledCertificateIds", WHEN_PENDING_TOO, on_get_installed_certificate_ids },
    { "InstallCertificate", WHEN_PENDING_TOO, on_install_certificate },
    { NULL, WHEN_ACCEPTED, NULL },
};
