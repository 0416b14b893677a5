/* CustomerInformation and NotifyCustomerInformation (N09, N10).
 *
 *     kept about an id token            told    cleared
 *     authorization cache               yes     yes
 *     last session at an EVSE           yes     yes
 *     running session                   yes     when it is over
 *     events that wait for the CSMS     yes     when they are delivered
 *
 * Nothing is kept by customer identifier or certificate: for those no data is ever found. A part is sent when the one before it was
 * answered. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/transaction_internal.h"

#define DATA_MAX      512 /* bytes of a part; the schema's bound is in characters */
#define TEXT_MAX      16384
#define PART_ATTEMPTS 3 /* a part without answer is sent again */
#define LEAVERS_MAX   8
#define KEY_PREFIX    "forget/"
#define LEAVER_MS     10000 /* between two looks whether the token is still in use */

struct customer_report {
    struct station *station;
    int64_t request_id;
    char *text;
    size_t done, part; /* bytes answered, and of the part on its way */
    int seq_no, attempts;
};

/* ---- what there is ---- */

struct finding {
    const struct id_token *token;
    struct buf *out;
};

static void print_time(struct buf *out, const char *name, int64_t wall_ms)
{
    char when[TIMESTAMP_SIZE];
    timestamp_format(wall_ms, when);
    buf_printf(out, ", %s %s", name, when);
}

static void print_cached(struct station *s, const struct finding *f)
{
    const struct cached_token *cached = auth_cache_find(s, f->token);
    if (!cached)
        return;
    buf_printf(f->out, "authorization cache: %s, presented %u times",
               authorization_status_names[cached->status], (unsigned)cached->uses);
    print_time(f->out, "first", cached->added_ms);
    print_time(f->out, "updated", cached->updated_ms);
    if (cached->group)
        buf_printf(f->out, ", group %s", cached->group);
    buf_text(f->out, "\n");
}

static void print_listed(const struct station *s, const struct finding *f)
{
    const struct list_entry *entry = local_list_find(s, f->token);
    if (!entry)
        return;
    buf_printf(f->out, "local authorization list, version %lld: %s", (long long)s->local_list.version,
               authorization_status_names[entry->status]);
    if (entry->group[0])
        buf_printf(f->out, ", group %s", entry->group);
    buf_text(f->out, "\n");
}

static void print_reservation(void *ctx, int64_t id, int64_t expiry_ms)
{
    const struct finding *f = ctx;
    buf_printf(f->out, "reservation %lld", (long long)id);
    print_time(f->out, "until", expiry_ms);
    buf_text(f->out, "\n");
}

static void print_session(const struct evse *e, const struct finding *f)
{
    if (!id_token_equal(&e->tx.token, f->token))
        return;
    if (transaction_is_running(e)) {
        buf_printf(f->out, "transaction %s: EVSE %d", e->tx.id, e->id);
        print_time(f->out, "started", e->tx.started_ms);
        buf_text(f->out, "\n");
    } else if (e->tx.authorization != AUTHORIZATION_NONE) {
        buf_printf(f->out, "authorized: EVSE %d\n", e->id);
    } else {
        buf_printf(f->out, "last session: EVSE %d\n", e->id);
    }
}

static void print_event(void *ctx, const json_t *payload)
{
    const struct finding *f = ctx;
    buf_printf(f->out, "event that waits for the CSMS: transaction %s, %s at %s\n",
               json_get_string(json_object_get(payload, "transactionInfo"), "transactionId", ""),
               json_get_string(payload, "eventType", ""), json_get_string(payload, "timestamp", ""));
}

static void find_all(struct station *s, const struct id_token *token, struct buf *out)
{
    struct finding f = { token, out };
    print_cached(s, &f);
    print_listed(s, &f);
    reservations_each(s, token, print_reservation, &f);
    for (size_t i = 0; i < s->evse_count; i++)
        print_session(&s->evses[i], &f);
    transaction_queue_each(s, token, print_event, &f);
}

/* ---- clearing ---- */

static void count_event(void *ctx, const json_t *payload)
{
    (void)payload;
    ++*(size_t *)ctx;
}

static void count_reservation(void *ctx, int64_t id, int64_t expiry_ms)
{
    (void)id;
    (void)expiry_ms;
    ++*(size_t *)ctx;
}

/* What is to be told of a session cannot be taken away before it was told, nor who is expected before he came or did not come. */
static bool is_in_use(struct station *s, const struct id_token *token)
{
    size_t uses = 0;
    for (size_t i = 0; i < s->evse_count; i++) {
        const struct evse *e = &s->evses[i];
        bool in_session = transaction_is_running(e) || e->tx.authorization == AUTHORIZATION_GRANTED;
        bool is_asked = e->tx.authorization == AUTHORIZATION_ASKED || e->tx.asking != ASKING_NOTHING;
        if ((in_session && id_token_equal(&e->tx.token, token)) ||
            (is_asked && id_token_equal(&e->tx.asked, token)))
            return true;
    }
    transaction_queue_each(s, token, count_event, &uses);
    reservations_each(s, token, count_reservation, &uses);
    return uses > 0;
}

static void clear_all(struct station *s, const struct id_token *token)
{
    (void)auth_cache_remove(s, token);
    for (size_t i = 0; i < s->evse_count; i++) {
        struct evse_transaction *tx = &s->evses[i].tx;
        if (id_token_equal(&tx->token, token)) {
            tx->token = (struct id_token){ 0 };
            tx->group_token[0] = '\0';
        }
        if (id_token_equal(&tx->asked, token))
            tx->asked = (struct id_token){ 0 };
        if (id_token_equal(&tx->stop_token, token))
            tx->stop_token = (struct id_token){ 0 };
    }
}

/* A token that is to be forgotten, but is still in use. */
struct leaver {
    struct list link;
    struct station *station;
    struct id_token token;
    struct timer timer;
};

static void leaver_free(struct leaver *leaver)
{
    list_remove(&leaver->link);
    timer_stop(&leaver->timer);
    free(leaver);
}

/* RECORD_STATE "forget/<type>/<token>": a power cut does not make us remember. */
static void store_leaver(struct station *s, const struct id_token *token, const char *value)
{
    char key[sizeof(KEY_PREFIX) + 1 + sizeof(token->type) + sizeof(token->value)];
    snprintf(key, sizeof(key), KEY_PREFIX "%s/%s", token->type, token->value);
    station_persist(s, &(struct record){ RECORD_STATE, key, value }, 1, NULL, NULL);
}

static void on_leaver_timer(struct timer *timer, void *ctx)
{
    struct leaver *leaver = ctx;
    struct station *s = leaver->station;
    if (!s->started || is_in_use(s, &leaver->token)) {
        env_timer_start(s->env, timer, LEAVER_MS);
        return;
    }
    clear_all(s, &leaver->token);
    store_leaver(s, &leaver->token, NULL);
    leaver_free(leaver);
}

/* What the CSMS answers about the session may bring the token back into the cache, so it is looked at until nothing uses it. 0, -ENOMEM,
 * -ENOBUFS. */
static int forget_when_over(struct station *s, const struct id_token *token)
{
    size_t count = 0;
    LIST_FOREACH(link, following, &s->leavers)
    {
        if (id_token_equal(&LIST_ITEM(link, struct leaver, link)->token, token))
            return 0;
        count++;
    }
    if (count >= LEAVERS_MAX)
        return -ENOBUFS;
    struct leaver *leaver = calloc(1, sizeof(*leaver));
    if (!leaver)
        return -ENOMEM;
    leaver->station = s;
    leaver->token = *token;
    timer_init(&leaver->timer, s->env->timers, on_leaver_timer, leaver);
    list_append(&s->leavers, &leaver->link);
    env_timer_start(s->env, &leaver->timer, LEAVER_MS);
    return 0;
}

/* ---- parts ---- */

static void report_free(struct customer_report *report)
{
    free(report->text);
    free(report);
}

static size_t part_length(const char *text)
{
    size_t len = strlen(text);
    if (len <= DATA_MAX)
        return len;
    for (len = DATA_MAX; ((unsigned char)text[len] & 0xC0) == 0x80;)
        len--; /* not within a character */
    return len;
}

static void send_part(struct customer_report *report);

static void on_notify_customer_information_result(void *ctx, const struct rpc_answer *answer)
{
    struct customer_report *report = ctx;
    struct station *s = report->station;
    if (!s->freeing && answer->outcome == RPC_TIMED_OUT && report->attempts < PART_ATTEMPTS) {
        send_part(report);
        return;
    }
    report->done += report->part;
    report->seq_no++;
    report->attempts = 0;
    if (!s->freeing && answer->outcome == RPC_RESULT && report->text[report->done]) {
        send_part(report);
        return;
    }
    if (answer->outcome != RPC_RESULT)
        log_warn(LOG_STATION, "customer information broken off: station=%s request=%lld", s->id,
                 (long long)report->request_id);
    if (s->customer_report == report)
        s->customer_report = NULL;
    report_free(report);
}

static void send_part(struct customer_report *report)
{
    struct station *s = report->station;
    const char *text = report->text + report->done;
    report->part = part_length(text);
    report->attempts++;
    json_t *payload =
        json_pack("{s:I, s:s%, s:i, s:o}", "requestId", (json_int_t)report->request_id, "data", text,
                  report->part, "seqNo", report->seq_no, "generatedAt", station_timestamp(s));
    if (payload && text[report->part])
        json_set_optional(payload, "tbc", json_true());
    if (outbox_call(s, "NotifyCustomerInformation", payload, OUTBOX_KEEP_OFFLINE,
                    on_notify_customer_information_result, report) < 0) {
        s->customer_report = NULL;
        report_free(report);
    }
}

/* ---- the request ---- */

static bool names_one_customer(const json_t *request)
{
    return (json_object_get(request, "idToken") != NULL) +
               (json_object_get(request, "customerCertificate") != NULL) +
               (json_object_get(request, "customerIdentifier") != NULL) ==
           1;
}

static struct customer_report *report_new(struct station *s, const json_t *request, struct buf *found)
{
    bool is_report = json_get_bool(request, "report", false);
    if (!is_report) {
        buf_clear(found);
        buf_text(found, "The data was cleared."); /* N10.FR.06 */
    } else if (found->len == 0) {
        buf_text(found, "No data was found."); /* N09.FR.06, N10.FR.04 */
    }
    struct customer_report *report = calloc(1, sizeof(*report));
    if (!report)
        return NULL;
    report->station = s;
    report->request_id = json_get_int(request, "requestId", 0);
    report->text = strdup(buf_string(found));
    if (report->text)
        return report;
    free(report);
    return NULL;
}

static void on_customer_information(struct station *s, const struct rpc_request *request)
{
    const json_t *payload = request->payload;
    bool is_clear = json_get_bool(payload, "clear", false);
    struct id_token token = { 0 };
    bool is_token = id_token_from_json(json_object_get(payload, "idToken"), &token) && token.type[0];
    if (!names_one_customer(payload)) {
        answer_status(s, request, "Invalid", NULL); /* N09.FR.09 */
        return;
    }
    if (!is_clear && !json_get_bool(payload, "report", false)) {
        answer_status(s, request, "Rejected", "InvalidValue"); /* N09.FR.07, N10.FR.07 */
        return;
    }
    if (s->customer_report) { /* N09.FR.03, N10.FR.05: one at a time */
        answer_status(s, request, "Rejected", "InvalidMessageSeq");
        return;
    }

    struct buf found;
    buf_init(&found, TEXT_MAX);
    if (is_token)
        find_all(s, &token, &found);
    struct customer_report *report = report_new(s, payload, &found);
    bool is_whole = found.err == 0 || found.err == -EMSGSIZE; /* what is beyond is cut off */
    buf_done(&found);
    bool is_leaving = is_clear && is_token && is_in_use(s, &token);
    if (!report || !is_whole || (is_leaving && forget_when_over(s, &token) < 0)) {
        answer_status(s, request, "Rejected", "OutOfMemory");
        if (report)
            report_free(report);
        return;
    }
    answer_status(s, request, "Accepted", NULL); /* N09.FR.02, N10.FR.01 */
    if (is_leaving) {
        (void)auth_cache_remove(s, &token);
        store_leaver(s, &token, "");
    } else if (is_clear && is_token)
        clear_all(s, &token); /* N10.FR.03, N10.FR.06 */
    s->customer_report = report;
    send_part(report);
}

void customer_restore(struct station *s, const char *key)
{
    struct id_token token = { 0 };
    const char *type = key + strlen(KEY_PREFIX), *value = strchr(type, '/');
    size_t len = value ? (size_t)(value - type) : 0;
    if (len == 0 || len >= sizeof(token.type) || str_copy(token.value, sizeof(token.value), value + 1) < 0)
        return;
    memcpy(token.type, type, len);
    (void)forget_when_over(s, &token);
}

void customer_init(struct station *s)
{
    list_init(&s->leavers);
}

void customer_done(struct station *s)
{
    LIST_FOREACH(link, following, &s->leavers)
    leaver_free(LIST_ITEM(link, struct leaver, link));
}

const struct handler customer_handlers[] = {
    { "CustomerInformation", WHEN_ACCEPTED, on_customer_information },
    { NULL, WHEN_ACCEPTED, NULL },
};
