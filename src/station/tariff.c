/* Tariff and cost of a driver (I01-I06). */
#include "station/tariff.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/internal.h"
#include "station/transaction_internal.h"

#define COST_WAIT_MS                                                                                         \
    30000 /* the total cost comes with the answer to Ended; when it takes longer the fallback is shown */
#define NOTICE_MS      60000 /* total cost */
#define REFUSED_MS     15000
#define COST_TEXT_SIZE 64

struct evse_tariff {
    struct evse *evse;
    char *text;                        /* driver-specific, or NULL */
    char cost[COST_TEXT_SIZE];         /* running, or ""  */
    char *notice;                      /* after the session, or NULL */
    char awaited[TRANSACTION_ID_SIZE]; /* has ended, its total cost is to come; "" none */
    char languages[2][LANGUAGE_SIZE];
    struct timer timer; /* the notice goes, or what is awaited does not come */
};

static bool has_display(const struct evse *e)
{
    return e->abilities.display && e->abilities.display_length > 0;
}

/* A session: somebody is authorized, or a transaction runs. */
static bool is_in_session(const struct evse *e)
{
    return transaction_is_running(e) || e->tx.authorization == AUTHORIZATION_GRANTED;
}

static void drop(struct evse *e)
{
    struct evse_tariff *t = STEAL(e->tariff);
    if (!t)
        return;
    timer_stop(&t->timer);
    free(t->text);
    free(t->notice);
    free(t);
}

static void set_notice(struct evse *e, const char *text, int64_t time_ms);

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct evse *e = ctx;
    struct evse_tariff *t = e->tariff;
    if (t->awaited[0]) {
        t->awaited[0] = '\0';
        set_notice(e, variable_text(e->station, VAR_TARIFF_TOTAL_COST_FALLBACK_MESSAGE), NOTICE_MS);
        return;
    }
    free(STEAL(t->notice));
    if (!is_in_session(e))
        drop(e);
    display_on_evse_changed(e);
}

/* NULL: nothing can be shown here, or there is no memory. */
static struct evse_tariff *make(struct evse *e)
{
    if (!e->tariff && has_display(e) && (e->tariff = calloc(1, sizeof(*e->tariff)))) {
        e->tariff->evse = e;
        timer_init(&e->tariff->timer, e->station->env->timers, on_timer, e);
    }
    return e->tariff;
}

/* What the driver leaves with; "" is none. */
static void set_notice(struct evse *e, const char *text, int64_t time_ms)
{
    struct evse_tariff *t = make(e);
    if (!t)
        return;
    char *copy = *text ? strdup(text) : NULL;
    free(t->notice);
    t->notice = copy;
    env_timer_start(e->station->env, &t->timer, copy ? time_ms : 0);
    display_attract(e, OWN_COST);
    display_on_evse_changed(e);
}

/* ---- money ---- */

/* ISO 4217: the others have two decimals. */
static const struct {
    const char *currency;
    int decimals;
} minor_units[] = {
    { "BHD", 3 }, { "BIF", 0 }, { "CLP", 0 }, { "DJF", 0 }, { "GNF", 0 }, { "IQD", 3 },
    { "ISK", 0 }, { "JOD", 3 }, { "JPY", 0 }, { "KMF", 0 }, { "KRW", 0 }, { "KWD", 3 },
    { "LYD", 3 }, { "OMR", 3 }, { "PYG", 0 }, { "RWF", 0 }, { "TND", 3 }, { "UGX", 0 },
    { "UYI", 0 }, { "VND", 0 }, { "VUV", 0 }, { "XAF", 0 }, { "XOF", 0 }, { "XPF", 0 },
};

static void print_cost(const struct station *s, const char *label, double cost,
                       char ret[static COST_TEXT_SIZE])
{
    const char *currency = variable_text(s, VAR_TARIFF_CURRENCY);
    int decimals = 2;
    for (size_t i = 0; i < ARRAY_SIZE(minor_units); i++)
        if (str_equal(minor_units[i].currency, currency))
            decimals = minor_units[i].decimals;
    if (cost > -1e15 && cost < 1e15)
        (void)snprintf(ret, COST_TEXT_SIZE, "%s: %.*f %.3s", label, decimals, cost, currency);
}

static bool shows_cost(const struct station *s)
{
    return variable_bool(s, VAR_TARIFF_COST_ENABLED);
}

static void set_running_cost(struct evse *e, double cost)
{
    struct evse_tariff *t = make(e);
    if (!t)
        return;
    print_cost(e->station, "Cost", cost, t->cost);
    display_on_evse_changed(e);
}

/* ---- what the CSMS tells ---- */

/* A text that the display can show; else NULL. Not more of it than PersonalMessageSize characters. */
static char *message_text(const struct station *s, const json_t *content)
{
    const char *format = json_get_string(content, "format", ""),
               *text = json_get_string(content, "content", "");
    if (!str_equal(format, "ASCII") && !str_equal(format, "UTF8"))
        return NULL;
    size_t left = strlen(text), len = 0;
    for (int64_t room = variable_int(s, VAR_DISPLAY_PERSONAL_MESSAGE_SIZE); room > 0 && len < left; room--) {
        size_t step = utf8_step(text + len, left - len);
        len += step ? step : 1;
    }
    return len > 0 ? strndup(text, len) : NULL;
}

static void set_tariff(struct evse *e, const json_t *content)
{
    char *text = content ? message_text(e->station, content) : NULL;
    struct evse_tariff *t = text ? make(e) : NULL;
    if (!t) {
        free(text);
        return;
    }
    bool is_news = !t->text || !str_equal(t->text, text);
    free(t->text);
    t->text = text;
    if (is_news)
        display_attract(e, OWN_TARIFF);
    display_on_evse_changed(e);
}

void tariff_on_token_info(struct evse *e, const json_t *info)
{
    static const char *const keys[2] = { "language1", "language2" };
    bool has_language = json_object_get(info, keys[0]) != NULL;
    struct evse_tariff *t = has_language ? make(e) : NULL;
    for (int i = 0; t && i < 2; i++)
        (void)str_copy(t->languages[i], LANGUAGE_SIZE, json_get_string(info, keys[i], ""));
    set_tariff(e, json_object_get(info, "personalMessage")); /* I01.FR.03 */
}

void tariff_on_refused(struct evse *e)
{
    struct evse_tariff *t = e->tariff;
    if (!t || is_in_session(e))
        return;
    AUTO_FREE char *text = STEAL(t->text);
    memset(t->languages, 0, sizeof(t->languages));
    if (text && variable_bool(e->station, VAR_TARIFF_ENABLED))
        set_notice(e, text, REFUSED_MS);
    else if (!t->notice && !t->awaited[0])
        drop(e);
}

/* ---- a transaction ends ---- */

/* I03.FR.05: the driver has gone. */
static bool has_driver_left(const struct evse *e)
{
    return tx_stop_points(e) == TX_PARKING_BAY_OCCUPANCY;
}

void tariff_on_ended(struct evse *e)
{
    struct station *s = e->station;
    if (!has_display(e) || !shows_cost(s) || has_driver_left(e))
        return;
    if (!station_is_online(s)) { /* I05.FR.02 */
        set_notice(e, variable_text(s, VAR_TARIFF_TOTAL_COST_FALLBACK_MESSAGE), NOTICE_MS);
        return;
    }
    struct evse_tariff *t = make(e);
    if (!t)
        return;
    (void)str_copy(t->awaited, sizeof(t->awaited), e->tx.id);
    env_timer_start(s->env, &t->timer, COST_WAIT_MS);
}

void tariff_on_session_over(struct evse *e)
{
    struct evse_tariff *t = e->tariff;
    if (!t)
        return;
    free(STEAL(t->text));
    t->cost[0] = '\0';
    memset(t->languages, 0, sizeof(t->languages));
    if (!t->notice && !t->awaited[0])
        drop(e);
}

void tariff_on_offline(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++) { /* as when the time is over */
        struct evse_tariff *t = s->evses[i].tariff;
        if (t && t->awaited[0])
            env_timer_start(s->env, &t->timer, 0);
    }
}

static struct evse *find_awaiting(struct station *s, const char *transaction_id)
{
    for (size_t i = 0; i < s->evse_count; i++)
        if (s->evses[i].tariff && *transaction_id && str_equal(s->evses[i].tariff->awaited, transaction_id))
            return &s->evses[i];
    return NULL;
}

/* I03.FR.03. Without a cost it is not said that it was free (I03.FR.04). */
static void on_total_cost(struct evse *e, const json_t *cost)
{
    char text[COST_TEXT_SIZE] = "";
    e->tariff->awaited[0] = '\0';
    if (cost)
        print_cost(e->station, "Total cost", json_number_value(cost), text);
    set_notice(e, cost ? text : variable_text(e->station, VAR_TARIFF_TOTAL_COST_FALLBACK_MESSAGE), NOTICE_MS);
}

void tariff_on_event_result(struct station *s, const char *transaction_id, bool is_ended,
                            const json_t *response)
{
    const json_t *cost = json_object_get(response, "totalCost");
    const json_t *info = json_object_get(response, "idTokenInfo");
    struct evse *e = is_ended ? find_awaiting(s, transaction_id) : transaction_find(s, transaction_id);
    if (!e)
        return;
    if (is_ended) {
        on_total_cost(e, cost);
        return;
    }
    if (info && e->tx.authorization == AUTHORIZATION_GRANTED)
        tariff_on_token_info(e, info);
    set_tariff(e, json_object_get(response, "updatedPersonalMessage")); /* I06.FR.03 */
    if (cost && shows_cost(s))
        set_running_cost(e, json_number_value(cost)); /* I02.FR.04 */
}

static void on_cost_updated(struct station *s, const struct rpc_request *request)
{
    if (!display_has_text(s) || !shows_cost(s)) {
        rpc_error(s->rpc, request, RPC_NOT_SUPPORTED, "costs cannot be shown or are not enabled");
        return;
    }
    struct evse *e = transaction_find(s, json_get_string(request->payload, "transactionId", ""));
    if (e)
        set_running_cost(e, json_get_number(request->payload, "totalCost", 0)); /* I02.FR.03 */
    else
        log_info(LOG_STATION, "cost of a transaction that does not run: station=%s", s->id);
    rpc_result(s->rpc, request, json_object()); /* I02.FR.02 */
}

const struct handler tariff_handlers[] = {
    { "CostUpdated", WHEN_ACCEPTED, on_cost_updated },
    { NULL, WHEN_ACCEPTED, NULL },
};

/* ---- what is to be shown ---- */

const char *tariff_cost_text(const struct evse *e)
{
    const struct evse_tariff *t = e->tariff;
    if (!t)
        return NULL;
    if (t->notice && !is_in_session(e))
        return t->notice;
    return is_in_session(e) && t->cost[0] && shows_cost(e->station) ? t->cost : NULL;
}

const char *tariff_text(const struct evse *e)
{
    if (!has_display(e) || !is_in_session(e) || !variable_bool(e->station, VAR_TARIFF_ENABLED))
        return NULL;
    if (e->tariff && e->tariff->text)
        return e->tariff->text;
    const char *fallback = variable_text(e->station, VAR_TARIFF_FALLBACK_MESSAGE); /* I04.FR.01 */
    return *fallback ? fallback : NULL;
}

const char *tariff_language(const struct evse *e, int which)
{
    return e->tariff ? e->tariff->languages[which] : "";
}

void tariff_settings_changed(struct station *s)
{
    display_changed(s);
}

void tariff_done(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        drop(&s->evses[i]);
}
