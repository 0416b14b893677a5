/* The display messages of a station: SetDisplayMessage (O01, O02, O06) and ClearDisplayMessage (O05).
 *
 *     request -> checked -> stored, together with the end of what it replaces -> in force -> answered
 *
 * A message goes when it is cleared or replaced, after its endDateTime, and with its transaction. */
#include "station/display.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/transaction_internal.h"

#define KEY_SIZE 24

const char *const message_state_names[MESSAGE_STATES] = { "Charging", "Faulted", "Idle", "Unavailable" };
const char *const message_priority_names[DISPLAY_PRIORITIES] = { "", "NormalCycle", "InFront",
                                                                 "AlwaysFront" };

static void message_free(struct display_message *m)
{
    if (!m)
        return;
    list_remove(&m->link);
    json_decref(m->info);
    free(m);
}
DEFINE_AUTO(display_message, message_free)

static struct display_message *find(const struct station *s, int64_t id)
{
    LIST_FOREACH(link, following, &s->display.messages)
    {
        struct display_message *m = LIST_ITEM(link, struct display_message, link);
        if (m->id == id)
            return m;
    }
    return NULL;
}

static void message_key(int64_t id, char ret[static KEY_SIZE])
{
    snprintf(ret, KEY_SIZE, "%lld", (long long)id);
}

static void forget(struct station *s, struct display_message *m)
{
    char key[KEY_SIZE];
    message_key(m->id, key);
    station_persist(s, &(struct record){ RECORD_DISPLAY_MESSAGE, key, NULL }, 1, NULL, NULL);
    s->display.count--;
    message_free(m);
}

/* ---- reading ---- */

/* 0 where it is not said; -1: there is no such display. */
static int display_evse(const struct station *s, const json_t *component)
{
    const json_t *evse = json_object_get(component, "evse");
    if (!component)
        return 0;
    int64_t id = json_get_int(evse, "id", -1);
    bool is_known = str_equal_ci(json_get_string(component, "name", ""), "Display") &&
                    !*json_get_string(component, "instance", "") && !json_object_get(evse, "connectorId") &&
                    id >= 1 && id <= (int64_t)s->evse_count && s->evses[id - 1].abilities.display;
    return is_known ? (int)id : -1;
}

static int64_t time_of(const json_t *info, const char *key, int64_t fallback)
{
    int64_t ms = fallback;
    const char *text = json_get_string(info, key, NULL);
    if (text)
        (void)timestamp_parse(text, &ms);
    return ms;
}

/* Takes no reference to `info` but its own. NULL without memory. */
static struct display_message *message_new(const struct station *s, json_t *info)
{
    struct display_message *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    const json_t *content = json_object_get(info, "message");
    list_init(&m->link);
    m->info = json_incref(info);
    m->id = json_get_int(info, "id", -1);
    m->priority = (enum display_priority)name_index(message_priority_names, DISPLAY_PRIORITIES,
                                                    json_get_string(info, "priority", ""), DISPLAY_NOTHING);
    m->state = (enum message_state)name_index(message_state_names, MESSAGE_STATES,
                                              json_get_string(info, "state", ""), MESSAGE_ANY_STATE);
    m->evse = display_evse(s, json_object_get(info, "display"));
    m->start_ms = time_of(info, "startDateTime", INT64_MIN);
    m->end_ms = time_of(info, "endDateTime", INT64_MAX);
    m->transaction_id = json_get_string(info, "transactionId", "");
    m->language = json_get_string(content, "language", "");
    m->content = json_get_string(content, "content", "");
    return m;
}

void display_messages_restore(struct station *s, const char *key, const char *value)
{
    AUTO(json_t) *info = json_from_text(value, strlen(value));
    struct display_message *m = json_is_object(info) ? message_new(s, info) : NULL;
    if (!m || m->id < 0 || m->priority == DISPLAY_NOTHING) {
        log_error(LOG_STATION, "cannot read a stored display message: station=%s id=%s", s->id, key);
        message_free(m);
        return;
    }
    list_append(&s->display.messages, &m->link);
    s->display.count++;
}

/* ---- what is over ---- */

static bool is_over(struct station *s, const struct display_message *m)
{
    return m->end_ms <= station_wall_ms(s) || (*m->transaction_id && !transaction_find(s, m->transaction_id));
}

void display_messages_purge(struct station *s)
{
    LIST_FOREACH(link, following, &s->display.messages)
    {
        struct display_message *m = LIST_ITEM(link, struct display_message, link);
        if (is_over(s, m))
            forget(s, m);
    }
}

/* ---- SetDisplayMessage ---- */

struct refusal {
    const char *status, *reason; /* status NULL: none; reason may be NULL */
};

/* Text of a format that says "printable ASCII". */
static bool is_printable_ascii(const char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7E)
            return false;
    return true;
}

static bool some_device_can_fault(const struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].abilities.display && s->evses[i].abilities.can_fault)
            return true;
    return false;
}

static struct refusal check_content(const struct station *s, const struct display_message *m)
{
    const char *format = json_get_string(json_object_get(m->info, "message"), "format", "");
    if (!variable_has_member(s, VAR_DISPLAY_SUPPORTED_FORMATS, format))
        return (struct refusal){ "NotSupportedMessageFormat", NULL }; /* O01.FR.03, O02.FR.05 */
    if (str_equal(format, "ASCII") && !is_printable_ascii(m->content))
        return (struct refusal){ "Rejected", "InvalidValue" };
    if (!variable_has_member(s, VAR_DISPLAY_SUPPORTED_PRIORITIES, message_priority_names[m->priority]))
        return (struct refusal){ "NotSupportedPriority", NULL }; /* O01.FR.01, O02.FR.03 */
    if (m->state == MESSAGE_FAULTED && !some_device_can_fault(s))
        return (struct refusal){ "NotSupportedState", NULL }; /* O01.FR.02, O02.FR.04 */
    return (struct refusal){ NULL, NULL };
}

static struct refusal check(struct station *s, const struct display_message *m)
{
    struct refusal refusal = check_content(s, m);
    if (refusal.status)
        return refusal;
    if (m->evse < 0)
        return (struct refusal){ "Rejected", "UnsupportedParam" }; /* O01.FR.22 */
    if (m->id < 0 || m->end_ms <= m->start_ms || m->end_ms <= station_wall_ms(s))
        return (struct refusal){ "Rejected", "InvalidValue" };
    if (*m->transaction_id && !transaction_find(s, m->transaction_id))
        return (struct refusal){ "UnknownTransaction", NULL }; /* O02.FR.01 */
    const struct evse *e = *m->transaction_id ? transaction_find(s, m->transaction_id) : NULL;
    if (e && (!e->abilities.display || (m->evse && m->evse != e->id)))
        return (struct refusal){ "Rejected", "UnsupportedParam" }; /* it could never be shown */
    if (!find(s, m->id) && s->display.count + s->display.pending >= (size_t)s->limits.display_messages)
        return (struct refusal){ "Rejected", "TooManyElements" }; /* O01.FR.11, O02.FR.11 */
    return refusal;
}

/* On whose display alone it is shown; 0: on every one. */
static int place_of(struct station *s, const struct display_message *m)
{
    const struct evse *e = *m->transaction_id ? transaction_find(s, m->transaction_id) : NULL;
    return m->evse ? m->evse : e ? e->id : 0;
}

/* O06.FR.01; and only one AlwaysFront can be in front of a display (O01.FR.16, O02.FR.18). */
static bool is_replaced_by(struct station *s, const struct display_message *old,
                           const struct display_message *m)
{
    if (old->id == m->id)
        return true;
    if (m->priority != DISPLAY_ALWAYS_FRONT || old->priority != DISPLAY_ALWAYS_FRONT)
        return false;
    int place = place_of(s, m), old_place = place_of(s, old);
    return place == 0 || old_place == 0 || place == old_place;
}

/* A request until the store has taken what it asks for. */
struct waiting_request {
    struct rpc_request request;
    struct display_message *message; /* Set */
    int64_t id;                      /* Clear */
};

static struct waiting_request *waiting_new(const struct rpc_request *request)
{
    struct waiting_request *w = calloc(1, sizeof(*w));
    if (w) {
        w->request = *request;
        w->request.payload = NULL;
    }
    return w;
}

static void put_in_force(struct station *s, struct display_message *m)
{
    LIST_FOREACH(link, following, &s->display.messages)
    {
        struct display_message *old = LIST_ITEM(link, struct display_message, link);
        if (!is_replaced_by(s, old, m))
            continue;
        if (old->id == m->id) { /* its record is the new one's already */
            s->display.count--;
            message_free(old);
        } else {
            forget(s, old);
        }
    }
    list_append(&s->display.messages, &m->link);
    s->display.count++;
    for (size_t i = 0; i < s->evse_count; i++)
        display_attract(&s->evses[i], m->id);
    display_changed(s);
}

static void on_set_stored(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct waiting_request *w = ctx;
    AUTO(display_message) *m = w->message;
    s->display.pending--;
    if (s->freeing)
        return;
    if (err) {
        answer_status(s, &w->request, "Rejected", err == -ENOSPC ? "OutOfStorage" : "InternalError");
        return;
    }
    bool has_ended = *m->transaction_id && !transaction_find(s, m->transaction_id);
    answer_status(s, &w->request, has_ended ? "UnknownTransaction" : "Accepted", NULL);
    if (has_ended) { /* meanwhile */
        char key[KEY_SIZE];
        message_key(m->id, key);
        station_persist(s, &(struct record){ RECORD_DISPLAY_MESSAGE, key, NULL }, 1, NULL, NULL);
        return;
    }
    put_in_force(s, STEAL(m));
}

/* The message, and in the same group the end of those it replaces. False without memory; takes `w` if it returns true. */
static bool store(struct station *s, struct waiting_request *w)
{
    const struct display_message *m = w->message;
    AUTO_FREE struct record *records = calloc(s->display.count + 1, sizeof(*records));
    AUTO_FREE char(*keys)[KEY_SIZE] = calloc(s->display.count + 1, sizeof(*keys));
    AUTO_FREE char *text = json_to_text(m->info);
    size_t count = 1;
    if (!records || !keys || !text)
        return false;
    message_key(m->id, keys[0]);
    records[0] = (struct record){ RECORD_DISPLAY_MESSAGE, keys[0], text };
    LIST_FOREACH(link, following, &s->display.messages)
    {
        const struct display_message *old = LIST_ITEM(link, struct display_message, link);
        if (old->id == m->id || !is_replaced_by(s, old, m))
            continue;
        message_key(old->id, keys[count]);
        records[count] = (struct record){ RECORD_DISPLAY_MESSAGE, keys[count], NULL };
        count++;
    }
    s->display.pending++;
    station_persist(s, records, count, on_set_stored, w);
    return true;
}

static void on_set_display_message(struct station *s, const struct rpc_request *request)
{
    if (!display_is_offered(s, request))
        return;
    display_messages_purge(s);
    AUTO(json_t) *info = json_deep_copy(json_object_get(request->payload, "message"));
    AUTO(display_message) *m = info ? message_new(s, info) : NULL;
    struct refusal refusal = m ? check(s, m) : (struct refusal){ "Rejected", "OutOfMemory" };
    if (refusal.status) {
        answer_status(s, request, refusal.status, refusal.reason);
        return;
    }
    struct waiting_request *w = waiting_new(request);
    if (w)
        w->message = m;
    if (!w || !store(s, w)) {
        free(w);
        answer_status(s, request, "Rejected", "OutOfMemory");
        return;
    }
    (void)STEAL(m);
}

/* ---- ClearDisplayMessage ---- */

static void on_clear_stored(struct station *s, void *ctx, int err)
{
    AUTO_FREE struct waiting_request *w = ctx;
    if (s->freeing)
        return;
    if (err) {
        rpc_error(s->rpc, &w->request, RPC_INTERNAL_ERROR, "the message cannot be removed from the store");
        return;
    }
    struct display_message *m = find(s, w->id);
    if (m) {
        s->display.count--;
        message_free(m);
    }
    answer_status(s, &w->request, "Accepted", NULL); /* O05.FR.01 */
    display_changed(s);
}

static void on_clear_display_message(struct station *s, const struct rpc_request *request)
{
    if (!display_is_offered(s, request))
        return;
    display_messages_purge(s);
    int64_t id = json_get_int(request->payload, "id", -1);
    if (!find(s, id)) {
        answer_status(s, request, "Unknown", NULL); /* O05.FR.02 */
        return;
    }
    struct waiting_request *w = waiting_new(request);
    if (!w) {
        rpc_error(s->rpc, request, RPC_INTERNAL_ERROR, "no memory");
        return;
    }
    char key[KEY_SIZE];
    message_key(id, key);
    w->id = id;
    station_persist(s, &(struct record){ RECORD_DISPLAY_MESSAGE, key, NULL }, 1, on_clear_stored, w);
}

static void on_get_display_messages(struct station *s, const struct rpc_request *request)
{
    if (!display_is_offered(s, request))
        return;
    display_messages_purge(s);
    display_report_request(s, request);
}

const struct handler display_handlers[] = {
    { "SetDisplayMessage", WHEN_ACCEPTED, on_set_display_message },
    { "GetDisplayMessages", WHEN_ACCEPTED, on_get_display_messages },
    { "ClearDisplayMessage", WHEN_ACCEPTED, on_clear_display_message },
    { NULL, WHEN_ACCEPTED, NULL },
};

void display_messages_free(struct station *s)
{
    LIST_FOREACH(link, following, &s->display.messages)
    message_free(LIST_ITEM(link, struct display_message, link));
    s->display.count = 0;
}
