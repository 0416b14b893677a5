/* Reservations (H01-H04). */
#include "station/reservation.h"

#include <errno.h>
#include <inttypes.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/transaction_internal.h"

#define NAP_MS 60000 /* a stepped clock is noticed after this time */

struct reservation {
    struct list link;
    int64_t id, expiry_ms; /* wall clock */
    struct id_token token;
    char group[ID_TOKEN_SIZE]; /* or "" */
    int evse;                  /* 0: any */
    char connector_type[21];   /* or "" */
};

static bool is_enabled(const struct station *s)
{
    return variable_bool(s, VAR_RESERVATION_ENABLED);
}

static struct reservation *find(const struct station *s, int64_t id)
{
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        struct reservation *r = LIST_ITEM(link, struct reservation, link);
        if (r->id == id)
            return r;
    }
    return NULL;
}

static bool is_of_type(const struct evse *e, const char *type)
{
    return !*type || str_equal(type, e->abilities.connector_type);
}

static bool is_its(const struct reservation *r, const struct id_token *token, const char *group)
{
    return id_token_equal(&r->token, token) ||
           (r->group[0] && group && str_equal_ci(r->group, group)); /* H03.FR.04, .05, .06 */
}

/* ---- who is held ---- */

static bool is_taken(const struct evse *e)
{
    return e->tx.authorization == AUTHORIZATION_GRANTED || e->tx.stopping;
}

/* Could take who is expected: nobody was let in, and no vehicle is there that came while it was not held. */
static bool is_free(const struct evse *e)
{
    enum connector_status status = availability_evse_unreserved(e);
    return !is_taken(e) && (status == CONNECTOR_AVAILABLE || (status == CONNECTOR_OCCUPIED && e->is_held));
}

/* How many EVSEs of a type ("": in all) are free and not reserved by number; and how many reservations want one of them. */
struct balance {
    size_t free, wanted;
};

static bool has_own(const struct station *s, const struct evse *e, const struct reservation *but)
{
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        const struct reservation *r = LIST_ITEM(link, struct reservation, link);
        if (r != but && r->evse == e->id)
            return true;
    }
    return false;
}

static struct balance balance_of(const struct station *s, const char *type, const struct reservation *but)
{
    struct balance b = { 0, 0 };
    for (size_t i = 0; i < s->evse_count; i++)
        b.free += is_of_type(&s->evses[i], type) && is_free(&s->evses[i]) && !has_own(s, &s->evses[i], but);
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        const struct reservation *r = LIST_ITEM(link, struct reservation, link);
        b.wanted += r != but && r->evse == 0 && (!*type || str_equal(type, r->connector_type));
    }
    return b;
}

/* Whether one EVSE more or less of its kind leaves enough for those who reserved no special one. */
static bool is_needed(const struct evse *e, const struct reservation *but)
{
    const struct station *s = e->station;
    struct balance all = balance_of(s, "", but), same = balance_of(s, e->abilities.connector_type, but);
    return (all.wanted > 0 && all.wanted >= all.free) || (same.wanted > 0 && same.wanted >= same.free);
}

/* Some reservation could want it. */
static bool is_wanted(const struct evse *e)
{
    LIST_FOREACH(link, next, &e->station->reservations.list)
    {
        const struct reservation *r = LIST_ITEM(link, struct reservation, link);
        if (r->evse ? r->evse == e->id : is_of_type(e, r->connector_type))
            return true;
    }
    return false;
}

static bool is_to_be_held(const struct evse *e)
{
    enum connector_status status = availability_evse_unreserved(e);
    if (!is_enabled(e->station) || is_taken(e))
        return false;
    if (status == CONNECTOR_UNAVAILABLE || status == CONNECTOR_FAULTED)
        return e->is_held && is_wanted(e); /* a vehicle may be there when it comes back (B11.FR.05) */
    return is_free(e) && (has_own(e->station, e, NULL) || is_needed(e, NULL)); /* H01.FR.20, .23, .24 */
}

bool reservation_holds(const struct evse *e)
{
    return e->is_held;
}

/* ---- the store ---- */

static char *key_of(int64_t id, char ret[static 24])
{
    (void)snprintf(ret, 24, "%" PRId64, id);
    return ret;
}

static char *record_of(const struct reservation *r)
{
    AUTO(json_t) *record = json_pack("{s:I, s:o, s:i}", "expiry", (json_int_t)r->expiry_ms, "idToken",
                                     id_token_to_json(&r->token), "evse", r->evse);
    if (!record || json_set_text(record, "group", r->group[0] ? r->group : NULL) < 0 ||
        json_set_text(record, "connectorType", r->connector_type[0] ? r->connector_type : NULL) < 0)
        return NULL;
    return json_to_text(record);
}

static void drop(struct station *s, struct reservation *r)
{
    list_remove(&r->link);
    s->reservations.count--;
    free(r);
}

/* Gone, here and in the store. */
static void forget(struct station *s, struct reservation *r)
{
    char key[24];
    station_persist(s, &(struct record){ RECORD_RESERVATION, key_of(r->id, key), NULL }, 1, NULL, NULL);
    drop(s, r);
}

/* ---- ends ---- */

/* H01.FR.16, H01.FR.17, H04.FR.01 */
static void end(struct station *s, struct reservation *r, const char *status)
{
    log_info(LOG_STATION, "reservation ended: station=%s id=%" PRId64 " status=%s", s->id, r->id, status);
    (void)outbox_call(
        s, "ReservationStatusUpdate",
        json_pack("{s:I, s:s}", "reservationId", (json_int_t)r->id, "reservationUpdateStatus", status),
        OUTBOX_KEEP_OFFLINE, NULL, NULL);
    forget(s, r);
}

/* Whether the EVSE was seen to be out of order, and not only on its way up or through a restart (B11.FR.05, B01.FR.13). */
static bool is_lost(const struct evse *e)
{
    const struct station *s = e->station;
    if (!e->is_heard || provisioning_is_resetting(s, e->id) || firmware_holds(s))
        return false;
    enum connector_status status = availability_evse_unreserved(e);
    return status == CONNECTOR_FAULTED || status == CONNECTOR_UNAVAILABLE;
}

/* What is lost for those who reserved no special EVSE: as many of the newest go as there are too few. An EVSE that is taken is not lost:
 * what is taken was not needed, or taken by who was expected. */
static bool has_too_few(const struct station *s, const struct reservation *r)
{
    size_t usable = 0, wanted = 0, lost = 0;
    for (size_t i = 0; i < s->evse_count; i++) {
        const struct evse *e = &s->evses[i];
        if (!is_of_type(e, r->connector_type) || has_own(s, e, NULL))
            continue;
        lost += is_lost(e);
        usable += !is_lost(e);
    }
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        const struct reservation *other = LIST_ITEM(link, struct reservation, link);
        wanted +=
            other->evse == 0 && (!*r->connector_type || str_equal(other->connector_type, r->connector_type));
    }
    return lost > 0 && wanted > usable;
}

static void remove_lost(struct station *s)
{
    struct list *link = s->reservations.list.prev;
    while (link != &s->reservations.list) { /* newest first */
        struct reservation *r = LIST_ITEM(link, struct reservation, link);
        const struct evse *e = station_evse(s, r->evse);
        link = link->prev;
        if (e ? is_lost(e) : has_too_few(s, r))
            end(s, r, "Removed");
    }
}

static void arm(struct station *s)
{
    int64_t first_ms = INT64_MAX;
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        const struct reservation *r = LIST_ITEM(link, struct reservation, link);
        first_ms = r->expiry_ms < first_ms ? r->expiry_ms : first_ms;
    }
    if (first_ms == INT64_MAX) {
        timer_stop(&s->reservations.timer);
        return;
    }
    int64_t wait_ms = first_ms - station_wall_ms(s);
    env_timer_start(s->env, &s->reservations.timer, wait_ms < 0 ? 0 : wait_ms < NAP_MS ? wait_ms : NAP_MS);
}

static void on_expiry_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        struct reservation *r = LIST_ITEM(link, struct reservation, link);
        if (r->expiry_ms <= station_wall_ms(s))
            end(s, r, "Expired");
    }
    reservations_update(s); /* H04.FR.02, H04.FR.03 */
    provisioning_on_idle(s);
    arm(s);
}

/* ---- what follows from a change ---- */

void reservations_update(struct station *s)
{
    bool was_held[STATION_MAX_EVSES], is_held[STATION_MAX_EVSES];
    if (!s->started)
        return;
    remove_lost(s);
    for (size_t i = 0; i < s->evse_count; i++) {
        was_held[i] = s->evses[i].is_held;
        is_held[i] = s->reservations.count > 0 && is_to_be_held(&s->evses[i]);
    }
    for (size_t i = 0; i < s->evse_count; i++)
        s->evses[i].is_held = is_held[i];
    for (size_t i = 0; i < s->evse_count; i++)
        if (was_held[i] != is_held[i])
            availability_report(&s->evses[i]);
}

void reservations_clock_changed(struct station *s)
{
    arm(s);
}

void reservations_enabled_changed(struct station *s)
{
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        struct reservation *r = LIST_ITEM(link, struct reservation, link);
        const struct evse *e = station_evse(s, r->evse);
        if (is_enabled(s) && e && e->tx.authorization == AUTHORIZATION_GRANTED)
            end(s, r, "Expired"); /* 2.8: somebody else came while it did not count */
    }
    reservations_update(s);
}

/* ---- who comes ---- */

bool reservation_is_for(struct evse *e, const struct id_token *token, const char *group)
{
    if (!e->is_held)
        return false;
    bool has_own_here = has_own(e->station, e, NULL);
    LIST_FOREACH(link, next, &e->station->reservations.list)
    {
        const struct reservation *r = LIST_ITEM(link, struct reservation, link);
        bool counts = has_own_here ? r->evse == e->id : r->evse == 0 && is_of_type(e, r->connector_type);
        if (counts && is_its(r, token, group))
            return true;
    }
    return false;
}

bool reservation_admits(struct evse *e, const struct id_token *token, const char *group)
{
    return !e->is_held || reservation_is_for(e, token, group);
}

/* The EVSE's own first, then one of its type, then any. */
static int rank(const struct evse *e, const struct reservation *r)
{
    if (r->evse)
        return r->evse == e->id ? 3 : 0;
    return !*r->connector_type ? 1 : is_of_type(e, r->connector_type) ? 2 : 0;
}

int64_t reservation_use(struct evse *e, const struct id_token *token, const char *group)
{
    struct station *s = e->station;
    struct reservation *used = NULL;
    if (!is_enabled(s))
        return -1;
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        struct reservation *r = LIST_ITEM(link, struct reservation, link);
        if (is_its(r, token, group) && rank(e, r) > (used ? rank(e, used) : 0))
            used = r;
    }
    if (!used)
        return -1;
    int64_t id = used->id;
    log_info(LOG_STATION, "reservation used: station=%s evse=%d id=%" PRId64, s->id, e->id, id);
    forget(s, used);
    arm(s);
    return id;
}

/* ---- ReserveNow ---- */

/* The status of a reservation (not in the list) as things stand; `but`: the one it replaces, or NULL. Rejected: there are too many. */
static const char *judge(struct station *s, const struct reservation *wanted, const struct reservation *but)
{
    static const char *const answers[] = { [CONNECTOR_OCCUPIED] = "Occupied",
                                           [CONNECTOR_RESERVED] = "Occupied",       /* H01.FR.11 */
                                           [CONNECTOR_UNAVAILABLE] = "Unavailable", /* H01.FR.14 */
                                           [CONNECTOR_FAULTED] = "Faulted" };       /* H01.FR.12 */
    enum connector_status best = CONNECTOR_FAULTED;
    if (!but && s->reservations.count >= (size_t)s->limits.reservations)
        return "Rejected";
    for (size_t i = 0; i < s->evse_count; i++) {
        const struct evse *e = &s->evses[i];
        if (wanted->evse ? wanted->evse != e->id : !is_of_type(e, wanted->connector_type))
            continue;
        bool is_open = is_free(e) && !has_own(s, e, but) && !is_needed(e, but);
        enum connector_status status = availability_evse_status(e);
        if (is_open)
            return "Accepted"; /* H01.FR.04, H01.FR.06, H01.FR.23 */
        if (status == CONNECTOR_AVAILABLE)
            status = CONNECTOR_OCCUPIED; /* someone is let in, and has not plugged in yet */
        best = status < best ? status : best;
    }
    return answers[best];
}

static bool has_type(const struct station *s, const struct reservation *r)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if ((!r->evse || r->evse == s->evses[i].id) && is_of_type(&s->evses[i], r->connector_type))
            return true;
    return false;
}

/* What is wrong with it: a reason code, or NULL. */
static const char *read_request(const struct station *s, const json_t *payload, struct reservation *r)
{
    const char *expiry = json_get_string(payload, "expiryDateTime", "");
    const json_t *group = json_object_get(payload, "groupIdToken"),
                 *evse = json_object_get(payload, "evseId");
    const struct evse *e = station_evse((struct station *)s, json_integer_value(evse));
    if (!is_enabled(s))
        return "NotEnabled"; /* H01.FR.01 */
    r->id = json_get_int(payload, "id", 0);
    r->evse = e ? e->id : 0;
    (void)str_copy(r->connector_type, sizeof(r->connector_type),
                   json_get_string(payload, "connectorType", ""));
    if (!id_token_from_json(json_object_get(payload, "idToken"), &r->token) ||
        str_copy(r->group, sizeof(r->group), json_get_string(group, "idToken", "")) < 0)
        return "InvalidIdToken";
    if (timestamp_parse(expiry, &r->expiry_ms) < 0 || r->expiry_ms <= station_wall_ms(s))
        return "InvalidValue";
    if (evse && !e)
        return "UnknownEvse";
    if (!has_type(s, r))
        return "UnknownConnectorType";
    if (!r->evse && !variable_bool(s, VAR_RESERVATION_NON_EVSE_SPECIFIC))
        return "UnsupportedParam"; /* H01.FR.19 */
    return NULL;
}

struct reserve {
    struct rpc_request request;
    struct reservation *reservation; /* NULL: CancelReservation */
    int64_t id;
    bool replaces; /* there was one of this id */
};

/* The store gets what is here of this id. */
static void store_again(struct station *s, int64_t id)
{
    char key[24];
    const struct reservation *r = find(s, id);
    AUTO_FREE char *value = r ? record_of(r) : NULL;
    if (value || !r)
        station_persist(s, &(struct record){ RECORD_RESERVATION, key_of(id, key), value }, 1, NULL, NULL);
}

static void on_reserved(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct reserve *reserve = ctx;
    AUTO_FREE struct reservation *r = reserve->reservation;
    if (s->freeing)
        return;
    if (err) {
        answer_status(s, &reserve->request, "Rejected", "InternalError");
        return;
    }
    /* while it was stored somebody may have come, or a device have failed */
    struct reservation *old = find(s, reserve->id);
    const char *status = r ? judge(s, r, old) : old ? "Accepted" : "Rejected";
    answer_status(s, &reserve->request, status, NULL);
    if (!str_equal(status, "Accepted")) {
        store_again(s, reserve->id);
        return;
    }
    if (old)
        drop(s, old); /* H01.FR.02, H02.FR.02 */
    if (r) {
        list_append(&s->reservations.list, &r->link);
        s->reservations.count++;
        log_info(LOG_STATION, "reserved: station=%s id=%" PRId64 " evse=%d", s->id, r->id, r->evse);
        (void)STEAL(r);
    }
    if (reserve->replaces && !old)
        store_again(s, reserve->id); /* it ended meanwhile, and took the record with it */
    reservations_update(s);
    if (!reserve->reservation)
        provisioning_on_idle(s); /* a reset may wait for this */
    arm(s);
}

/* Stores, then answers. r NULL: the reservation of this id is cancelled. Takes r. */
static void store(struct station *s, const struct rpc_request *request, struct reservation *r, int64_t id)
{
    char key[24];
    AUTO_FREE char *value = r ? record_of(r) : NULL;
    struct reserve *reserve = calloc(1, sizeof(*reserve));
    if (!reserve || (r && !value)) {
        free(reserve);
        free(r);
        answer_status(s, request, "Rejected", "OutOfMemory");
        return;
    }
    *reserve = (struct reserve){ *request, r, id, find(s, id) != NULL };
    reserve->request.payload = NULL;
    station_persist(s, &(struct record){ RECORD_RESERVATION, key_of(id, key), value }, 1, on_reserved,
                    reserve);
}

static void on_reserve_now(struct station *s, const struct rpc_request *request)
{
    AUTO_FREE struct reservation *r = calloc(1, sizeof(*r));
    const char *reason = r ? read_request(s, request->payload, r) : "OutOfMemory";
    const struct reservation *old = reason ? NULL : find(s, r->id);
    if (reason) {
        answer_status(s, request, "Rejected", reason);
        return;
    }
    const char *status = judge(s, r, old);
    if (!str_equal(status, "Accepted")) {
        answer_status(s, request, status, str_equal(status, "Rejected") ? "OutOfStorage" : NULL);
        return;
    }
    int64_t id = r->id;
    store(s, request, STEAL(r), id);
}

static void on_cancel_reservation(struct station *s, const struct rpc_request *request)
{
    int64_t id = json_get_int(request->payload, "reservationId", -1);
    if (find(s, id))
        store(s, request, NULL, id);
    else
        answer_status(s, request, "Rejected", NULL); /* H02.FR.01 */
}

const struct handler reservation_handlers[] = {
    { "ReserveNow", WHEN_ACCEPTED, on_reserve_now },
    { "CancelReservation", WHEN_ACCEPTED, on_cancel_reservation },
    { NULL, WHEN_ACCEPTED, NULL },
};

/* ---- displays ---- */

json_t *reservations_status(const struct station *s)
{
    json_t *list = json_array();
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        const struct reservation *r = LIST_ITEM(link, struct reservation, link);
        char expires[TIMESTAMP_SIZE];
        timestamp_format(r->expiry_ms, expires);
        json_t *one = json_pack("{s:I, s:s}", "id", (json_int_t)r->id, "expires", expires);
        if (r->evse)
            json_set_optional(one, "evse", json_integer(r->evse));
        json_set_text(one, "connectorType", r->connector_type[0] ? r->connector_type : NULL);
        json_array_append_new(list, one);
    }
    return list;
}

void reservations_each(const struct station *s, const struct id_token *token,
                       void (*each)(void *ctx, int64_t id, int64_t expiry_ms), void *ctx)
{
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        const struct reservation *r = LIST_ITEM(link, struct reservation, link);
        if (id_token_equal(&r->token, token))
            each(ctx, r->id, r->expiry_ms);
    }
}

/* ---- life ---- */

void reservations_restore(struct station *s, const char *key, const char *value)
{
    AUTO(json_t) *record = json_from_text(value, strlen(value));
    AUTO_FREE struct reservation *r = calloc(1, sizeof(*r));
    if (!r || str_to_int64(key, &r->id) < 0 ||
        !id_token_from_json(json_object_get(record, "idToken"), &r->token)) {
        log_warn(LOG_STATION, "cannot read a stored reservation: station=%s", s->id);
        return;
    }
    r->expiry_ms = json_get_int(record, "expiry", 0);
    r->evse = (int)json_get_int(record, "evse", 0);
    (void)str_copy(r->group, sizeof(r->group), json_get_string(record, "group", ""));
    (void)str_copy(r->connector_type, sizeof(r->connector_type),
                   json_get_string(record, "connectorType", ""));
    list_append(&s->reservations.list, &r->link);
    s->reservations.count++;
    (void)STEAL(r);
}

/* Its EVSEs are held before anybody is let in (B01.FR.13). What has expired meanwhile ends at once, by the host's clock until the CSMS
 * has told the time: without a CSMS nobody is to be kept out for ever. */
void reservations_start(struct station *s)
{
    LIST_FOREACH(link, next, &s->reservations.list)
    {
        struct reservation *r = LIST_ITEM(link, struct reservation, link);
        if (r->evse && !station_evse(s, r->evse))
            end(s, r, "Removed"); /* it is configured no more */
    }
    for (size_t i = 0; i < s->evse_count; i++)
        s->evses[i].is_held = is_enabled(s) && is_wanted(&s->evses[i]) && !is_taken(&s->evses[i]);
    arm(s);
}

void reservations_init(struct station *s)
{
    list_init(&s->reservations.list);
    timer_init(&s->reservations.timer, s->env->timers, on_expiry_timer, s);
}

void reservations_done(struct station *s)
{
    timer_stop(&s->reservations.timer);
    while (!list_is_empty(&s->reservations.list))
        drop(s, LIST_ITEM(s->reservations.list.next, struct reservation, link));
}
