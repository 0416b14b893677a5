/* Transaction events between the moment they happen and the moment the CSMS has acknowledged them.
 *
 *     add -> committed (durable) -> sent when it is the oldest -> acknowledged -> deleted
 *
 * Holds: nothing is sent before it is durable; one is open at a time; order is the order of adding. What the store does not
 * take stays here and is written again. A text in memory per event: at most QUEUE_MAX_EVENTS and what ends running transactions. */
#include "station/transaction_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define PLACE_SIZE            21
#define STORE_BACK_OFF_MS     1000
#define THIN_LEAST            (QUEUE_MAX_EVENTS / 8) /* at a time: it looks at the whole queue */
#define NO_MEMORY_MS          1000 /* until an event is sent for which there was no memory */
#define STORE_BACK_OFF_MAX_MS 60000

struct queued_event {
    struct list link;
    uint64_t place;
    char transaction_id[TRANSACTION_ID_SIZE];
    enum event_type type;
    bool has_token, is_sample; /* sample: nothing but meter values, thinned first */
    bool stays;                /* it has what is told once: token, EVSE, first values */
    bool durable, offline;
    unsigned thinned; /* how often every second one around it was dropped */
    bool restored;    /* made before this start */
    bool is_stale;    /* what is being stored, or was, is older than text */
    char *text;
};

static void event_free(struct queued_event *event)
{
    if (event) {
        free(event->text);
        free(event);
    }
}
DEFINE_AUTO(queued_event, event_free)

static void place_key(uint64_t place, char ret[static PLACE_SIZE])
{
    (void)snprintf(ret, PLACE_SIZE, "%020" PRIu64, place);
}

static struct queued_event *oldest(const struct station *s)
{
    const struct list *queue = &s->transactions.queue;
    return list_is_empty(queue) ? NULL : LIST_ITEM(queue->next, struct queued_event, link);
}

static struct queued_event *find_place(struct station *s, uint64_t place)
{
    LIST_FOREACH(link, following, &s->transactions.queue)
    {
        struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        if (event->place == place)
            return event;
    }
    return NULL;
}

/* Takes it out of the queue and out of the store. */
static void event_forget(struct station *s, struct queued_event *event)
{
    char key[PLACE_SIZE];
    place_key(event->place, key);
    struct record record = { RECORD_EVENT, key, NULL };
    station_persist(s, &record, 1, NULL, NULL);
    list_remove(&event->link);
    s->transactions.queued--;
    event_free(event);
}

static bool is_sample(const json_t *payload)
{
    const char *trigger = json_get_string(payload, "triggerReason", "");
    return str_equal(trigger, trigger_names[TRIGGER_METER_VALUE_PERIODIC]) ||
           str_equal(trigger, trigger_names[TRIGGER_METER_VALUE_CLOCK]) ||
           str_equal(trigger, trigger_names[TRIGGER_CHARGING_RATE_CHANGED]);
}

static bool is_told_once(const json_t *payload)
{
    const json_t *value = json_array_get(json_object_get(payload, "meterValue"), 0);
    const json_t *sample = json_array_get(json_object_get(value, "sampledValue"), 0);
    return json_object_get(payload, "idToken") || json_object_get(payload, "evse") ||
           str_equal(json_get_string(sample, "context", ""), "Transaction.Begin");
}

static struct queued_event *event_new(const json_t *payload, uint64_t place)
{
    AUTO(queued_event) *event = calloc(1, sizeof(*event));
    if (!event)
        return NULL;
    list_init(&event->link);
    event->place = place;
    event->type = (enum event_type)name_index(event_type_names, EVENT_TYPES,
                                              json_get_string(payload, "eventType", ""), EVENT_UPDATED);
    event->has_token = json_object_get(payload, "idToken") != NULL;
    event->is_sample = is_sample(payload);
    event->stays = is_told_once(payload);
    (void)str_copy(event->transaction_id, sizeof(event->transaction_id),
                   json_get_string(json_object_get(payload, "transactionInfo"), "transactionId", ""));
    event->text = json_to_text(payload);
    return event->text ? STEAL(event) : NULL;
}

/* ---- storing ---- */

static void store_again_later(struct station *s)
{
    struct transactions *t = &s->transactions;
    if (timer_is_active(&t->store_timer))
        return;
    t->store_back_off_ms = t->store_back_off_ms == 0 ? STORE_BACK_OFF_MS : t->store_back_off_ms * 2;
    if (t->store_back_off_ms > STORE_BACK_OFF_MAX_MS)
        t->store_back_off_ms = STORE_BACK_OFF_MAX_MS;
    env_timer_start(s->env, &t->store_timer, t->store_back_off_ms);
}

static void on_event_stored(struct station *s, void *ctx, int err)
{
    struct transactions *t = &s->transactions;
    struct queued_event *event = find_place(s, (uintptr_t)ctx);
    if (!s->started)
        return; /* being freed */
    if (err) {
        if (t->store_back_off_ms == 0)
            log_error(LOG_STATION, "cannot store a transaction event, keeps trying: station=%s: %s", s->id,
                      err_text(err));
        store_again_later(s);
        return;
    }
    t->store_back_off_ms = 0;
    if (!event)
        return; /* thinned meanwhile */
    event->durable = !event->is_stale;
    outbox_wake(s);
}

/* `record`: the transaction as it stands now; NULL: it is over. */
static void event_store(struct station *s, const struct queued_event *event, const char *record)
{
    char key[PLACE_SIZE];
    place_key(event->place, key);
    struct record records[] = { { RECORD_EVENT, key, event->text },
                                { RECORD_TRANSACTION, event->transaction_id, record } };
    station_persist(s, records, 2, on_event_stored, (void *)(uintptr_t)event->place);
}

static void on_all_stored(struct station *s, void *ctx, int err)
{
    struct transactions *t = &s->transactions;
    if (!s->started)
        return; /* being freed */
    t->store_open = false;
    if (err) {
        store_again_later(s);
        return;
    }
    t->store_back_off_ms = 0;
    LIST_FOREACH(link, following, &t->queue)
    {
        struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        if (event->place <= (uintptr_t)ctx && !event->is_stale)
            event->durable = true;
        else if (!event->durable)
            store_again_later(s); /* it came meanwhile */
    }
    outbox_wake(s);
}

/* What the store did not take, in one group: a power cut must not leave a transaction's record without its events. */
static void on_store_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct station *s = ctx;
    size_t most = s->transactions.queued, count = 0;
    uint64_t last = 0;
    bool complete = true;
    struct record *records = calloc(2 * most + 1, sizeof(*records));
    char(*keys)[PLACE_SIZE] = calloc(most + 1, sizeof(*keys));
    LIST_FOREACH(link, following, &s->transactions.queue)
    {
        struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        complete = complete && records && keys;
        if (event->durable || !complete)
            continue;
        struct evse *e = transaction_find(s, event->transaction_id);
        char *record = e ? transaction_record(e) : NULL;
        if (e && !record) { /* without it the transaction would be deleted */
            complete = false;
            continue;
        }
        char *key = keys[count / 2];
        place_key(event->place, key);
        records[count++] = (struct record){ RECORD_EVENT, key, event->text };
        records[count++] = (struct record){ RECORD_TRANSACTION, event->transaction_id, record };
        last = event->place;
        event->is_stale = false;
    }
    if (count > 0) {
        s->transactions.store_open = true;
        station_persist(s, records, count, on_all_stored, (void *)(uintptr_t)last);
    }
    if (!complete)
        store_again_later(s);
    for (size_t i = 1; i < count; i += 2)
        free((char *)(uintptr_t)records[i].value);
    free(records);
    free(keys);
}

/* ---- times ---- */

/* The text with the times moved; NULL if none is to be, or without memory: then it keeps the time it has. */
static char *moved_text(const struct station *s, const struct queued_event *event, int64_t step_ms)
{
    AUTO(json_t) *payload = json_from_text(event->text, strlen(event->text));
    bool has_moved = payload && transaction_times_move(s, payload, step_ms, event->restored);
    return has_moved ? json_to_text(payload) : NULL;
}

/* They are stored once more before they are sent, in one group: a power cut must not leave some moved and others not. */
void transaction_queue_move_times(struct station *s, int64_t step_ms)
{
    LIST_FOREACH(link, following, &s->transactions.queue)
    {
        struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        char *text = moved_text(s, event, step_ms);
        if (!text)
            continue;
        free(event->text);
        event->text = text;
        event->durable = false;
        event->is_stale = true;
        store_again_later(s);
    }
}

/* ---- thinning ---- */

/* May go: not a Started or Ended, nor what is told once, nor one that is being sent, or was and will be again. */
static bool may_go(const struct station *s, const struct queued_event *event, bool samples_only)
{
    bool sending = (s->transactions.in_flight || s->transactions.attempts > 0) && event == oldest(s);
    return !sending && event->type == EVENT_UPDATED && !event->stays && (!samples_only || event->is_sample);
}

/* Drops every second of the intermediate events that may go (E04.FR.08, E12.FR.05), of those that were thinned least: so that what is
 * left of a long outage lies evenly. */
static size_t thin(struct station *s, bool samples_only)
{
    size_t dropped = 0;
    unsigned level = UINT_MAX;
    bool drop = true;
    LIST_FOREACH(link, following, &s->transactions.queue)
    {
        const struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        if (may_go(s, event, samples_only) && event->thinned < level)
            level = event->thinned;
    }
    LIST_FOREACH(link, following, &s->transactions.queue)
    {
        struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        if (!may_go(s, event, samples_only) || event->thinned != level)
            continue;
        event->thinned++;
        if (drop) {
            event_forget(s, event);
            dropped++;
        }
        drop = !drop;
    }
    return dropped;
}

/* First samples, then any Updated that may go. */
static void make_room(struct station *s)
{
    size_t dropped = 0, step = 1;
    if (s->transactions.queued < QUEUE_MAX_EVENTS)
        return;
    while (dropped < THIN_LEAST && step > 0) {
        step = thin(s, true);
        if (!step)
            step = thin(s, false);
        dropped += step;
    }
    log_warn(LOG_STATION, "transaction queue is full, thinned: station=%s dropped=%zu kept=%zu", s->id,
             dropped, s->transactions.queued);
}

bool transaction_queue_has_room(const struct station *s)
{
    if (s->transactions.store_back_off_ms >= STORE_BACK_OFF_MAX_MS)
        return false; /* nothing is stored any more: what is charged now might never be billed */
    if (s->transactions.queued < QUEUE_MAX_EVENTS)
        return true;
    size_t kept = 0;
    LIST_FOREACH(link, following, &s->transactions.queue)
    {
        const struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        kept += event->type != EVENT_UPDATED || event->stays;
    }
    return kept < QUEUE_MAX_EVENTS;
}

/* ---- adding ---- */

int transaction_queue_add(struct station *s, const json_t *payload, const char *record)
{
    struct transactions *t = &s->transactions;
    make_room(s);
    AUTO(queued_event) *event = event_new(payload, t->next_place);
    if (!event)
        return -ENOMEM;
    if (t->queued >= QUEUE_MAX_EVENTS && event->is_sample)
        return -ENOBUFS; /* nothing could be thinned: it is this one that goes */
    t->next_place++;
    list_append(&t->queue, &event->link);
    t->queued++;
    if (!transaction_queue_is_behind(s)) /* else it waits its turn, so that no later one is stored before */
        event_store(s, event, record);
    (void)STEAL(event);
    return 0;
}

void transaction_queue_restore(struct station *s, const char *key, const char *value)
{
    struct transactions *t = &s->transactions;
    int64_t place;
    json_t *payload = json_from_text(value, strlen(value));
    struct queued_event *event = NULL;
    if (payload && str_to_int64(key, &place) == 0 && place >= 0)
        event = event_new(payload, (uint64_t)place);
    json_decref(payload);
    if (!event) {
        log_error(LOG_STATION, "cannot read a stored transaction event: station=%s key=%s", s->id, key);
        return;
    }
    event->durable = true;
    event->restored = event->offline = true; /* it was not delivered while we were away (E11.FR.07) */
    if (event->place >= t->next_place)
        t->next_place = event->place + 1;
    /* records may come in any order */
    struct list *after = &t->queue;
    while (after->prev != &t->queue &&
           LIST_ITEM(after->prev, struct queued_event, link)->place > event->place)
        after = after->prev;
    list_append(after, &event->link);
    t->queued++;
}

/* ---- sending ---- */

static void attempt_failed(struct station *s, struct queued_event *event, const char *why)
{
    struct transactions *t = &s->transactions;
    t->attempts++;
    if (t->attempts >= variable_int(s, VAR_COMM_MESSAGE_ATTEMPTS)) { /* E13.FR.04 */
        log_error(LOG_STATION, "CSMS does not accept a transaction event, dropped: station=%s id=%s %s",
                  s->id, event->transaction_id, why);
        t->attempts = 0;
        event_forget(s, event);
        return;
    }
    log_warn(LOG_STATION, "CSMS does not accept a transaction event: station=%s id=%s attempt=%d %s", s->id,
             event->transaction_id, t->attempts, why);
    /* E13.FR.03: the interval times the number of transmissions so far */
    env_timer_start(s->env, &t->retry_timer,
                    variable_int(s, VAR_COMM_MESSAGE_ATTEMPT_INTERVAL) * 1000 * t->attempts);
}

/* The idToken the event carries; false if none. */
static bool event_token(const struct queued_event *event, struct id_token *ret)
{
    AUTO(json_t) *payload = event->has_token ? json_from_text(event->text, strlen(event->text)) : NULL;
    return payload && id_token_from_json(json_object_get(payload, "idToken"), ret);
}

static void event_acknowledged(struct station *s, struct queued_event *event, const json_t *response)
{
    char id[TRANSACTION_ID_SIZE];
    struct id_token token;
    const json_t *info = json_object_get(response, "idTokenInfo");
    bool has_token = event->has_token, is_ended = event->type == EVENT_ENDED;
    bool is_told = has_token ? event_token(event, &token) : info != NULL;
    (void)str_copy(id, sizeof(id), event->transaction_id);
    event_forget(s, event);
    smart_charging_on_priority(s, id, response);
    tariff_on_event_result(s, id, is_ended, response);
    if (!is_told)
        return;
    if (has_token && info)
        auth_cache_update(s, &token, info); /* C10.FR.05 */
    transaction_on_token_info(s, id, has_token ? &token : NULL, info);
}

static void on_transaction_event_result(void *ctx, const struct rpc_answer *answer)
{
    struct station *s = ctx;
    struct transactions *t = &s->transactions;
    struct queued_event *event = oldest(s); /* the oldest is never thinned while it is open */
    t->in_flight = false;
    switch (answer->outcome) {
    case RPC_RESULT:
        t->attempts = 0;
        event_acknowledged(s, event, answer->payload);
        break;
    case RPC_CALL_ERROR:
        attempt_failed(s, event, answer->code && *answer->code ? answer->code : "invalid answer");
        break;
    case RPC_TIMED_OUT:
        attempt_failed(s, event, "no answer");
        network_on_timeout(s);
        break;
    case RPC_DISCONNECTED: /* does not count: the link failed, not the message */
        event->offline = true;
        break;
    }
    outbox_wake(s);
}

static json_t *event_payload(const struct queued_event *event)
{
    json_t *payload = json_from_text(event->text, strlen(event->text));
    if (payload)
        transaction_times_unmark(payload);
    if (payload && event->offline)
        json_set_optional(payload, "offline", json_true());
    return payload;
}

bool transaction_queue_send(struct station *s)
{
    struct transactions *t = &s->transactions;
    struct queued_event *event = oldest(s);
    if (!event || t->in_flight || !event->durable || timer_is_active(&t->retry_timer) ||
        !station_is_accepted(s))
        return false;
    json_t *payload = event_payload(event);
    int err = rpc_call(s->rpc, "TransactionEvent", payload, variable_int(s, VAR_COMM_MESSAGE_TIMEOUT) * 1000,
                       on_transaction_event_result, s);
    if (err == -EINVAL) { /* never valid, then: it would block all behind it */
        log_error(LOG_STATION, "transaction event is not valid, dropped: station=%s id=%s", s->id,
                  event->transaction_id);
        event_forget(s, event);
        return transaction_queue_send(s);
    }
    if (err == -ENOMEM)
        env_timer_start(s->env, &t->retry_timer, NO_MEMORY_MS);
    t->in_flight = err == 0;
    return t->in_flight;
}

static void on_retry_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    outbox_wake(ctx);
}

void transaction_queue_on_offline(struct station *s)
{
    timer_stop(&s->transactions.retry_timer); /* the next link starts afresh with what waits; */
    s->transactions.attempts = 0;             /* silence on a link that turned out dead was no refusal */
    LIST_FOREACH(link, following, &s->transactions.queue)
    LIST_ITEM(link, struct queued_event, link)->offline = true; /* E11.FR.07 */
}

/* ---- questions and life ---- */

bool transaction_queue_is_empty(const struct station *s)
{
    return list_is_empty(&s->transactions.queue);
}

bool transaction_queue_is_behind(const struct station *s)
{
    return timer_is_active(&s->transactions.store_timer) || s->transactions.store_open;
}

void transaction_queue_each(const struct station *s, const struct id_token *token,
                            void (*each)(void *ctx, const json_t *payload), void *ctx)
{
    LIST_FOREACH(link, following, &s->transactions.queue)
    {
        const struct queued_event *event = LIST_ITEM(link, struct queued_event, link);
        AUTO(json_t) *payload = event->has_token ? json_from_text(event->text, strlen(event->text)) : NULL;
        struct id_token named;
        if (payload && id_token_from_json(json_object_get(payload, "idToken"), &named) &&
            id_token_equal(&named, token))
            each(ctx, payload);
    }
}

bool transaction_queue_has(const struct station *s, const char *transaction_id)
{
    LIST_FOREACH(link, following, &s->transactions.queue)
    if (str_equal(LIST_ITEM(link, struct queued_event, link)->transaction_id, transaction_id))
        return true;
    return false;
}

void transaction_queue_init(struct station *s)
{
    struct transactions *t = &s->transactions;
    list_init(&t->queue);
    timer_init(&t->retry_timer, s->env->timers, on_retry_timer, s);
    timer_init(&t->store_timer, s->env->timers, on_store_timer, s);
}

void transaction_queue_done(struct station *s)
{
    struct transactions *t = &s->transactions;
    timer_stop(&t->retry_timer);
    timer_stop(&t->store_timer);
    LIST_FOREACH(link, following, &t->queue)
    {
        list_remove(link);
        event_free(LIST_ITEM(link, struct queued_event, link));
    }
}
