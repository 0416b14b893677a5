/* The site's limits to what one transaction may take: energy, and time in which it charges. Who has reached one is authorized no
 * more; TxStopPoint says whether the transaction ends with that. */
#include "base/log.h"
#include "station/transaction_internal.h"

static bool has_had_its_energy(const struct evse *e)
{
    int64_t most_Wh = variable_int(e->station, VAR_TX_MAX_ENERGY);
    return most_Wh > 0 && metering_energy_Wh(e) >= (double)most_Wh;
}

/* Seconds of charging; INT64_MAX: as many as it likes. */
static int64_t time_left_s(const struct evse *e)
{
    int64_t most_s = variable_int(e->station, VAR_TX_MAX_TIME);
    return most_s > 0 ? most_s - metering_charging_s(e) : INT64_MAX;
}

bool transaction_limits_are_reached(const struct evse *e)
{
    return transaction_is_running(e) && (has_had_its_energy(e) || time_left_s(e) <= 0);
}

static void reached(struct evse *e, enum trigger trigger, const char *reason)
{
    log_info(LOG_STATION, "limit of the transaction reached: station=%s evse=%d id=%s why=%s", e->station->id,
             e->id, e->tx.id, reason);
    transaction_deauthorize(e, trigger, reason, NULL);
}

void transaction_limits_check(struct evse *e)
{
    struct evse_transaction *tx = &e->tx;
    timer_stop(&tx->limit_timer);
    if (!transaction_is_running(e) || tx->authorization != AUTHORIZATION_GRANTED || tx->stopping ||
        tx->resumed)
        return;
    int64_t left_s = time_left_s(e);
    if (has_had_its_energy(e))
        reached(e, TRIGGER_ENERGY_LIMIT_REACHED, "EnergyLimitReached");
    else if (left_s <= 0)
        reached(e, TRIGGER_TIME_LIMIT_REACHED, "TimeLimitReached");
    else if (left_s < INT64_MAX && tx->charging_since_ms >= 0)
        env_timer_start(e->station->env, &tx->limit_timer, left_s * 1000);
}

static void on_limit_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    transaction_limits_check(ctx);
}

void transaction_limits_changed(struct station *s)
{
    for (size_t i = 0; i < s->evse_count; i++)
        transaction_limits_check(&s->evses[i]);
}

void transaction_limits_init(struct evse *e)
{
    timer_init(&e->tx.limit_timer, e->station->env->timers, on_limit_timer, e);
}
