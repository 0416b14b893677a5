#include "station/network_profiles.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/variable_table.h"

#define URL_MAX             512
#define MESSAGE_TIMEOUT_MAX 3600 /* s */

/* ---- profiles ---- */

static struct network_profile *profile_new(int slot, const char *url, int security_profile)
{
    struct network_profile *p = calloc(1, sizeof(*p));
    if (!p || !(p->url = strdup(url))) {
        free(p);
        return NULL;
    }
    p->users = 1;
    p->slot = slot;
    p->security_profile = security_profile;
    return p;
}

static void profile_put(struct network_profile *p)
{
    if (!p || --p->users > 0)
        return;
    free(p->url);
    free(p->data);
    free(p);
}

/* Lets `*at` hold p, which may be NULL. */
static void hold(struct network_profile **at, struct network_profile *p)
{
    if (p)
        p->users++;
    profile_put(*at);
    *at = p;
}

/* host[:port][/path]: no user, no blanks, a port that is one. */
static bool is_address(const char *text)
{
    size_t host = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/");
    int64_t port;
    char digits[6];

    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || strchr("@?#\"<>\\\x7F", *at))
            return false;
    if (host == 0 || host > strlen(text) || (*text == '[' && host < 4))
        return false;
    const char *rest = text + host;
    if (*rest == ':') {
        size_t len = strcspn(rest + 1, "/");
        if (len >= sizeof(digits))
            return false;
        (void)snprintf(digits, sizeof(digits), "%.*s", (int)len, rest + 1);
        return digits[0] >= '0' && digits[0] <= '9' && str_to_int64(digits, &port) == 0 && port >= 1 &&
               port <= 65535;
    }
    return *rest == '\0' || *rest == '/';
}

/* Profile 1 goes without TLS, 2 and 3 with it (A00.FR.2xx, .3xx, .4xx). */
static bool is_url(const char *url, int64_t security_profile)
{
    const char *scheme = security_profile >= 2 ? "wss://" : "ws://";
    size_t len = strlen(scheme);
    return strlen(url) <= URL_MAX && strncasecmp(url, scheme, len) == 0 && is_address(url + len);
}

/* B09.FR.02: NULL if it can be used, else what is wrong with it. Modems and tunnels are the host's, not ours. */
static const char *check_data(const json_t *data)
{
    int64_t security_profile = json_get_int(data, "securityProfile", -1);
    int64_t timeout_s = json_get_int(data, "messageTimeout", 0);

    if (!str_equal(json_get_string(data, "ocppVersion", ""), "OCPP20"))
        return "only OCPP 2.0.1 is spoken here";
    if (!str_equal(json_get_string(data, "ocppTransport", ""), "JSON"))
        return "only JSON over WebSocket is spoken here";
    if (json_object_get(data, "apn") || json_object_get(data, "vpn"))
        return "APN and VPN are not controlled by the station";
    if (timeout_s < 1 || timeout_s > MESSAGE_TIMEOUT_MAX)
        return "messageTimeout is out of range";
    if (security_profile < 0 || security_profile > 3)
        return "there is no such securityProfile";
    if (!is_url(json_get_string(data, "ocppCsmsUrl", ""), security_profile))
        return "ocppCsmsUrl is not a URL for this securityProfile";
    return NULL;
}

/* NULL without memory, or if it cannot be used. */
static struct network_profile *profile_from(int slot, const json_t *data)
{
    if (!data || check_data(data))
        return NULL;
    struct network_profile *p = profile_new(slot, json_get_string(data, "ocppCsmsUrl", ""),
                                            (int)json_get_int(data, "securityProfile", 0));
    if (!p)
        return NULL;
    p->message_timeout_s = json_get_int(data, "messageTimeout", 0);
    p->data = json_to_text(data);
    if (!p->data) {
        profile_put(p);
        return NULL;
    }
    return p;
}

static struct network_profile *in_slot(const struct station *s, int64_t slot)
{
    return slot >= 1 && slot <= NETWORK_SLOTS ? s->profiles.slots[slot - 1] : NULL;
}

/* ---- the order ---- */

/* The next slot of a list of numbers; 0 at its end, -1 if it is none. */
static int64_t next_slot(const char **at)
{
    char digits[4];
    int64_t slot;
    *at += strspn(*at, " ");
    size_t len = strcspn(*at, ", ");
    if (len == 0)
        return **at ? -1 : 0;
    if (len >= sizeof(digits))
        return -1;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)len, *at);
    *at += len;
    *at += strspn(*at, " ,");
    return str_to_int(digits, 1, NETWORK_SLOTS, &slot) < 0 ? -1 : slot;
}

/* The first entry that is set and not yet given up in this round, or NULL. */
static struct network_profile *next_entry(const struct station *s)
{
    const char *at = variable_text(s, VAR_COMM_NETWORK_CONFIGURATION_PRIORITY);
    for (int64_t slot; (slot = next_slot(&at)) > 0;)
        if (in_slot(s, slot) && !(s->profiles.tried & 1u << (slot - 1)))
            return in_slot(s, slot);
    return NULL;
}

static void use(struct station *s, struct network_profile *p)
{
    struct network_profiles *n = &s->profiles;
    n->attempts = 0;
    if (n->current && n->current != p)
        log_info(LOG_STATION, "network profile: station=%s slot=%d url=%s security_profile=%d", s->id,
                 p->slot, p->url, p->security_profile);
    if (n->current != p && n->tried && p == n->good)
        certificates_use_old_roots(s); /* M05.FR.16 */
    hold(&n->current, p);
}

/* An order of nothing but empty slots (a slot was taken away, memory ran out) must not strand the station. */
static struct network_profile *any(const struct station *s)
{
    if (s->profiles.good)
        return s->profiles.good;
    for (int64_t slot = 1; slot <= NETWORK_SLOTS; slot++)
        if (in_slot(s, slot))
            return in_slot(s, slot);
    return s->profiles.current;
}

static void begin_round(struct station *s, bool with_old_certificate)
{
    struct network_profiles *n = &s->profiles;
    n->tried = 0;
    n->falling_back = n->was_reached = false;
    n->is_old_round = with_old_certificate;
    certificates_use_old_own(s, with_old_certificate);
    struct network_profile *first = next_entry(s);
    use(s, first ? first : any(s));
}

void network_profiles_reboot(struct station *s)
{
    s->profiles.after_a_round = false;
    begin_round(s, false);
}

/* B10.FR.07: reconnecting to the one that worked last, for as long as the back-off grows; then all of them again (B10.FR.08, .09). */
static int64_t attempts_max(const struct station *s)
{
    int64_t attempts = variable_int(s, VAR_COMM_NETWORK_PROFILE_CONNECTION_ATTEMPTS);
    int64_t back_offs = variable_int(s, VAR_COMM_RETRY_BACK_OFF_REPEAT_TIMES) + 1;
    return s->profiles.falling_back && back_offs > attempts ? back_offs : attempts;
}

bool network_profiles_is_migrating(const struct station *s)
{
    const struct network_profiles *n = &s->profiles;
    return n->good && n->good != n->current && !n->after_a_round;
}

/* The last good profile, with what worked then: the old certificate if a new one may be the reason (A02.FR.28), the old roots
 * if it is the way back (M05.FR.16). */
static void fall_back(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    n->falling_back = n->after_a_round = true;
    certificates_use_old_own(s, n->was_reached);
    use(s, n->good);
}

bool network_profiles_on_failure(struct station *s, enum link_failure failure)
{
    struct network_profiles *n = &s->profiles;
    n->was_reached |= failure != LINK_UNREACHABLE;
    if (++n->attempts < attempts_max(s)) /* B10.FR.03 */
        return false;

    struct network_profile *before = n->current;
    n->tried |= 1u << (before->slot - 1);
    struct network_profile *next = n->falling_back ? NULL : next_entry(s);
    if (next) {
        use(s, next);
        return !n->after_a_round;
    }
    if (!n->falling_back && n->good) {
        fall_back(s);
        return false;
    }
    n->after_a_round = true;
    begin_round(s, n->was_reached && !n->is_old_round); /* A02.FR.28: in turn */
    return false;
}

/* ---- what is kept ---- */

static void keep(struct station *s, const char *key, const char *value)
{
    station_persist(s, &(struct record){ RECORD_NETWORK, key, value }, 1, NULL, NULL);
}

const char *network_profiles_password(const struct station *s)
{
    const char *const all[] = { station_password(s), s->profiles.password, s->password };
    const char *different[ARRAY_SIZE(all)];
    size_t count = 0;
    if (s->profiles.current->security_profile != 1 && s->profiles.current->security_profile != 2)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        bool is_new = all[i] != NULL;
        for (size_t j = 0; is_new && j < count; j++)
            is_new = !str_equal(different[j], all[i]);
        if (is_new)
            different[count++] = all[i];
    }
    return count ? different[s->network.refusals % count] : NULL;
}

/* The password of this link is one to go back to. */
static void keep_password(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    const char *used = network_profiles_password(s), *before = n->password ? n->password : s->password;
    if (!used || (before && str_equal(used, before)))
        return;
    bool is_configured = s->password && str_equal(used, s->password);
    char *copy = is_configured ? NULL : strdup(used);
    if (!copy && !is_configured)
        return; /* with the next link, then */
    keep(s, "password", copy);
    wipe_text(&n->password);
    n->password = copy;
}

/* What the configuration says, to be recognised. NULL without memory. */
static char *factory_text(const struct station *s)
{
    char text[URL_MAX + 4];
    (void)snprintf(text, sizeof(text), "%d %s", s->configured_security_profile,
                   s->csms_url ? s->csms_url : "");
    return strdup(text);
}

void network_profiles_keep_factory(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    if (!n->factory && (n->factory = factory_text(s)))
        keep(s, "factory", n->factory);
}

static void keep_good(struct station *s)
{
    const struct network_profile *p = s->profiles.good;
    if (!p->data) {
        keep(s, "good", NULL); /* the configuration's, as it will be then */
        return;
    }
    AUTO(json_t) *record =
        json_pack("{s:i, s:o?}", "slot", p->slot, "connectionData", json_from_text(p->data, strlen(p->data)));
    AUTO_FREE char *text = record ? json_to_text(record) : NULL;
    if (text)
        keep(s, "good", text);
}

void network_profiles_restore(struct station *s, const char *key, const char *value)
{
    struct network_profiles *n = &s->profiles;
    int64_t number;
    if (str_equal(key, "factory")) {
        free(n->factory);
        n->factory = strdup(value);
        return;
    }
    if (str_equal(key, "password")) {
        wipe_text(&n->password);
        n->password = strdup(value);
        return;
    }
    if (str_equal(key, "security_profile")) {
        if (str_to_int(value, 0, 3, &number) == 0)
            s->security_profile = (int)number;
        return;
    }

    AUTO(json_t) *record = json_from_text(value, strlen(value));
    bool is_good = str_equal(key, "good");
    int64_t slot = 0;
    if (is_good)
        slot = json_get_int(record, "slot", 0);
    else
        (void)str_to_int(key, 1, NETWORK_SLOTS, &slot);
    struct network_profile *p = NULL;
    if (slot >= 1 && slot <= NETWORK_SLOTS)
        p = profile_from((int)slot, is_good ? json_object_get(record, "connectionData") : record);
    if (!p) {
        log_warn(LOG_STATION, "stored network profile is not readable: station=%s key=%s", s->id, key);
        return;
    }
    hold(is_good ? &n->good : &n->slots[slot - 1], p);
    profile_put(p);
}

static void forget_all(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    static const char *const keys[] = { "1", "2", "3", "good", "factory", "security_profile", "password" };

    log_info(LOG_STATION,
             "the configuration names another CSMS: what the CSMS had set is forgotten: station=%s", s->id);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        keep(s, keys[i], NULL);
    variables_forget(s, VAR_COMM_NETWORK_CONFIGURATION_PRIORITY);
    for (int i = 0; i < NETWORK_SLOTS; i++)
        hold(&n->slots[i], NULL);
    hold(&n->good, NULL);
    free(STEAL(n->factory));
    wipe_text(&n->password);
    certificates_on_other_configuration(s);
    s->security_profile = s->configured_security_profile;
    hold(&n->slots[0], n->current);
}

/* The security profile below which the station does not go: the one reached; or 2 where the configuration lets it go back
 * from 3 (A00.FR.005, A05.FR.08, .09, .10). */
static int lowest_profile(const struct station *s)
{
    bool may_fall = variable_bool(s, VAR_SECURITY_ALLOW_SECURITY_PROFILE_DOWNGRADE);
    return s->security_profile == 3 && may_fall ? 2 : s->security_profile;
}

/* A05.FR.06: what is less secure than what the CSMS was reached by is gone. */
static bool remove_lower(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    bool has_removed = false;
    for (int i = 0; i < NETWORK_SLOTS; i++)
        if (n->slots[i] && n->slots[i]->security_profile < lowest_profile(s)) {
            hold(&n->slots[i], NULL);
            has_removed = true;
        }
    if (n->good && n->good->security_profile < lowest_profile(s))
        hold(&n->good, NULL);
    return has_removed;
}

/* NetworkConfigurationPriority names no slot that was taken away. */
static void shorten_order(struct station *s)
{
    char list[3 * NETWORK_SLOTS] = "";
    const char *at = variable_text(s, VAR_COMM_NETWORK_CONFIGURATION_PRIORITY);
    for (int64_t slot; (slot = next_slot(&at)) > 0;)
        if (in_slot(s, slot)) {
            size_t len = strlen(list);
            (void)snprintf(list + len, sizeof(list) - len, "%s%d", len ? "," : "", (int)slot);
        }
    if (list[0])
        variables_set_text(s, VAR_COMM_NETWORK_CONFIGURATION_PRIORITY, list);
}

static void remove_lower_for_good(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    for (int i = 0; i < NETWORK_SLOTS; i++) {
        char key[2] = { (char)('1' + i), '\0' };
        if (n->slots[i] && n->slots[i]->security_profile < lowest_profile(s))
            keep(s, key, NULL);
    }
    if (remove_lower(s))
        shorten_order(s);
}

void network_profiles_start(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    AUTO_FREE char *factory = factory_text(s);
    if (n->factory && factory && !str_equal(n->factory, factory))
        forget_all(s);
    if (remove_lower(s))
        shorten_order(s); /* a power cut came before it */
    /* Without a record it was the configuration's, also where the CSMS has set its slot anew since. */
    if (!n->good && n->current->security_profile >= lowest_profile(s))
        hold(&n->good, n->current);
    struct network_profile *same = n->good ? in_slot(s, n->good->slot) : NULL;
    if (same && same->data && n->good->data && str_equal(same->data, n->good->data))
        hold(&n->good, same);
    begin_round(s, false);
}

/* The CSMS was reached by a profile of another security than before: more, or where it is allowed less. */
static void change_security_profile(struct station *s)
{
    char text[4];
    s->security_profile = s->profiles.current->security_profile;
    (void)snprintf(text, sizeof(text), "%d", s->security_profile);
    log_info(LOG_STATION, "security profile: station=%s security_profile=%s", s->id, text);
    network_profiles_keep_factory(s);
    keep(s, "security_profile", text);
    remove_lower_for_good(s);
    security_event(s, "ReconfigurationOfSecurityParameters", "SecurityProfile");
}

void network_profiles_on_link_up(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    struct network_profile *current = n->current;
    bool is_other = !n->good || n->good != current;

    keep_password(s);
    /* B10.FR.10 */
    if (n->good && is_other)
        provisioning_on_other_csms(s);
    n->attempts = 0;
    n->tried = 0;
    n->falling_back = n->after_a_round = n->was_reached = false;
    bool was_kept = n->good && n->good->data;
    if (is_other) {
        hold(&n->good, current);
        if (current->data || was_kept)
            keep_good(s);
    }
    /* Also where it is no other: a power cut may have come between the two. */
    if (current->security_profile != s->security_profile)
        change_security_profile(s);
}

/* ---- NetworkConfigurationPriority ---- */

/* What must be there before the station may turn to a profile. */
static const char *refuse_profile(const struct station *s, const struct network_profile *p)
{
    if (p->security_profile < lowest_profile(s))
        return "NoSecurityDowngrade"; /* A05.FR.09, .10 */
    if ((p->security_profile == 1 || p->security_profile == 2) && !station_password(s))
        return "NoPassword";
    if (p->security_profile >= 2 && p->security_profile > s->security_profile &&
        !certificates_can_check_csms(s))
        return "NoRootCertificate"; /* A05.FR.02 */
    if (p->security_profile == 3 && p->security_profile > s->security_profile &&
        !certificates_can_identify(s))
        return "NoCertificate"; /* A05.FR.03 */
    return NULL;
}

const char *network_profiles_refuse_priority(const struct station *s, const char *list)
{
    const char *at = list;
    int64_t slot;
    while ((slot = next_slot(&at)) > 0) {
        const struct network_profile *p = in_slot(s, slot);
        const char *refusal = p ? refuse_profile(s, p) : "InvalidNetworkConf"; /* B10.FR.02 */
        if (refusal)
            return refusal;
    }
    return slot < 0 ? "InvalidValue" : NULL;
}

/* ---- SetNetworkProfile (B09) ---- */

struct set_profile {
    struct rpc_request request;
    struct network_profile *profile;
};

static void answer_reason(struct station *s, const struct rpc_request *request, const char *reason,
                          const char *text)
{
    json_t *info = json_pack("{s:s}", "reasonCode", reason);
    json_set_text(info, "additionalInfo", text);
    json_t *payload = json_pack("{s:s, s:o}", "status", "Rejected", "statusInfo", info);
    rpc_result(s->rpc, request, payload);
}

static void on_profile_stored(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct set_profile *set = ctx;
    struct network_profile *p = set->profile;
    if (!s->freeing && err == 0) {
        hold(&s->profiles.slots[p->slot - 1], p);
        security_event(s, "ReconfigurationOfSecurityParameters", "network profile");
    }
    if (!s->freeing)
        answer_status(s, &set->request, err == 0 ? "Accepted" : "Failed", NULL); /* B09.FR.01, .03 */
    profile_put(p);
}

static void on_set_network_profile(struct station *s, const struct rpc_request *request)
{
    const json_t *data = json_object_get(request->payload, "connectionData");
    int64_t slot = json_get_int(request->payload, "configurationSlot", 0);
    if (slot < 1 || slot > NETWORK_SLOTS) {
        answer_reason(s, request, "InvalidConfSlot", NULL); /* B09.FR.05 */
        return;
    }
    const char *wrong = check_data(data);
    if (wrong) {
        answer_reason(s, request, "InvalidNetworkConf", wrong); /* B09.FR.02 */
        return;
    }
    if (json_get_int(data, "securityProfile", 0) < lowest_profile(s)) {
        answer_reason(s, request, "NoSecurityDowngrade", NULL); /* B09.FR.04, .31 */
        return;
    }

    struct set_profile *set = calloc(1, sizeof(*set));
    struct network_profile *p = profile_from((int)slot, data);
    if (!set || !p) {
        free(set);
        profile_put(p);
        answer_status(s, request, "Failed", "OutOfMemory");
        return;
    }
    char key[2] = { (char)('0' + slot), '\0' };
    set->request = *request;
    set->request.payload = NULL;
    set->profile = p;
    network_profiles_keep_factory(s);
    station_persist(s, &(struct record){ RECORD_NETWORK, key, p->data }, 1, on_profile_stored, set);
}

const struct handler network_profiles_handlers[] = {
    { "SetNetworkProfile", WHEN_PENDING_TOO, on_set_network_profile },
    { NULL, WHEN_ACCEPTED, NULL },
};

/* ---- variables ---- */

void get_active_network_profile(const struct variable_place *p, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%d", p->station->profiles.current->slot);
}

void get_message_timeout(const struct variable_place *p, char *ret, size_t size)
{
    const struct station *s = p->station;
    int64_t timeout_s = s->profiles.current ? s->profiles.current->message_timeout_s : 0;
    if (timeout_s > 0)
        (void)snprintf(ret, size, "%lld", (long long)timeout_s);
    else
        (void)str_copy(ret, size, variable_text(s, VAR_COMM_MESSAGE_TIMEOUT));
}

json_t *network_profiles_status(const struct station *s)
{
    const struct network_profile *p = s->profiles.current;
    return json_pack("{s:i, s:s, s:i}", "slot", p->slot, "url", p->url, "security_profile",
                     p->security_profile);
}

/* ---- life ---- */

int network_profiles_init(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    n->current = profile_new(1, s->csms_url ? s->csms_url : "", s->security_profile);
    if (!n->current)
        return -ENOMEM;
    hold(&n->slots[0], n->current);
    return 0;
}

void network_profiles_done(struct station *s)
{
    struct network_profiles *n = &s->profiles;
    for (int i = 0; i < NETWORK_SLOTS; i++)
        hold(&n->slots[i], NULL);
    hold(&n->current, NULL);
    hold(&n->good, NULL);
    free(n->factory);
    wipe_text(&n->password);
}
