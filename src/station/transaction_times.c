/* Times that were taken before anyone told the station what time it is: a host without a battery-backed clock begins in 1970, and the
 * CSMS may be out of reach for hours. What is stored until then is marked, and put right when the time is known:
 *
 *     the host's clock is stepped (NTP) ---+
 *                                          +--> every marked time moves by the same step; its order and distances stay
 *     the CSMS tells the time -------------+
 *
 * A mark is a private member of the stored event or meter value; it never leaves the station. */
#include "station/transaction_internal.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"

#define MARK          "unsure"
#define STEP_LEAST_MS 1000
#define PLAUSIBLE_MS  1577836800000 /* 2020-01-01: no clock that was ever set shows less */

static int64_t host_offset_ms(const struct station *s)
{
    return env_wall_ms(s->env) - env_now_ms(s->env);
}

bool transaction_times_are_unsure(const struct station *s)
{
    return !s->transactions.clock_known && variable_has_member(s, VAR_CLOCK_TIME_SOURCE, "Heartbeat");
}

void transaction_times_mark(const struct station *s, json_t *object)
{
    if (object && transaction_times_are_unsure(s))
        json_set_optional(object, MARK, json_true());
}

void transaction_times_unmark(json_t *payload)
{
    size_t index;
    json_t *value;
    json_object_del(payload, MARK);
    json_array_foreach(json_object_get(payload, "meterValue"), index, value) json_object_del(value, MARK);
}

/* A time of this run moves with its clock. One of an earlier run does so if its clock and this one were set, or neither was; if only that
 * one was set, it stays. Whatever comes out, it was before this start. */
static int64_t moved(const struct station *s, int64_t time_ms, int64_t step_ms, bool restored)
{
    int64_t start_ms = s->transactions.host_start_ms, new_start_ms = start_ms + step_ms;
    if (!restored)
        return time_ms + step_ms;
    bool was_set = time_ms >= PLAUSIBLE_MS, is_set = start_ms >= PLAUSIBLE_MS;
    int64_t ret_ms = was_set == is_set ? time_ms + step_ms : was_set ? time_ms : new_start_ms;
    return ret_ms > new_start_ms && (!was_set || new_start_ms >= PLAUSIBLE_MS) ? new_start_ms : ret_ms;
}

/* True if it moved. */
static bool move(const struct station *s, json_t *object, int64_t step_ms, bool restored)
{
    int64_t time_ms;
    char text[TIMESTAMP_SIZE];
    if (!json_object_get(object, MARK) ||
        timestamp_parse(json_get_string(object, "timestamp", ""), &time_ms) < 0)
        return false;
    int64_t moved_ms = moved(s, time_ms, step_ms, restored);
    timestamp_format(moved_ms, text);
    json_set_optional(object, "timestamp", json_string(text));
    return moved_ms != time_ms;
}

static bool move_all(const struct station *s, json_t *values, int64_t step_ms, bool restored)
{
    bool any = false;
    size_t index;
    json_t *value;
    json_array_foreach(values, index, value) any |= move(s, value, step_ms, restored);
    return any;
}

bool transaction_times_move(const struct station *s, json_t *payload, int64_t step_ms, bool restored)
{
    if (!json_object_get(payload, MARK))
        return false; /* what an event carries is not younger than itself */
    bool moved_it = move(s, payload, step_ms, restored);
    bool moved_values = move_all(s, json_object_get(payload, "meterValue"), step_ms, restored);
    return moved_it || moved_values;
}

static void move_transaction(struct evse *e, int64_t step_ms)
{
    struct evse_transaction *tx = &e->tx;
    const struct station *s = e->station;
    bool restored = tx->resumed;
    if (tx->unsure_times) {
        tx->started_ms = moved(s, tx->started_ms, step_ms, restored);
        if (tx->power_path_ms >= 0)
            tx->power_path_ms = moved(s, tx->power_path_ms, step_ms, restored);
    }
    if (!tx->resumed || tx->unsure_times) /* of one not seen yet the reading is as old as its record */
        tx->register_ms = moved(s, tx->register_ms, step_ms, restored);
    (void)move_all(s, tx->ended_samples, step_ms, restored);
    (void)move_all(s, tx->ended_aligned, step_ms, restored);
}

static void step(struct station *s, int64_t step_ms)
{
    struct transactions *t = &s->transactions;
    if (step_ms)
        log_info(LOG_STATION, "times taken before the clock was set are moved: station=%s by=%llds", s->id,
                 (long long)(step_ms / 1000));
    transaction_queue_move_times(s, step_ms);
    for (size_t i = 0; i < s->evse_count; i++)
        if (transaction_is_running(&s->evses[i]))
            move_transaction(&s->evses[i], step_ms);
    t->host_start_ms += step_ms;
}

void transaction_times_follow(struct station *s)
{
    struct transactions *t = &s->transactions;
    int64_t offset_ms = host_offset_ms(s);
    if (transaction_times_are_unsure(s) && llabs(offset_ms - t->host_offset_ms) >= STEP_LEAST_MS)
        step(s, offset_ms - t->host_offset_ms);
    t->host_offset_ms = offset_ms;
}

void transactions_on_clock_set(struct station *s, int64_t step_ms)
{
    struct transactions *t = &s->transactions;
    if (t->clock_known)
        return;
    transaction_times_follow(s);
    step(s, llabs(step_ms) < STEP_LEAST_MS ? 0 : step_ms);
    t->clock_known = true;
}

void transaction_times_start(struct station *s)
{
    s->transactions.host_offset_ms = host_offset_ms(s);
    s->transactions.host_start_ms = env_wall_ms(s->env);
    step(s, 0); /* what is still of 1970, while the host's clock is set by now, happened before this start */
}
