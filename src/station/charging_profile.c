/* Charging profiles: read, checked, and asked for their limit (K01; Part 2, K 3.2-3.6). */
#include "station/charging_profile.h"

#include <errno.h>
#include <math.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"

#define DAY_MS INT64_C(86400000)

const char *const profile_purpose_names[PURPOSES] = {
    [PURPOSE_EXTERNAL_CONSTRAINTS] = "ChargingStationExternalConstraints",
    [PURPOSE_STATION_MAX] = "ChargingStationMaxProfile",
    [PURPOSE_TX_DEFAULT] = "TxDefaultProfile",
    [PURPOSE_TX] = "TxProfile",
};
static const char *const kind_names[KINDS] = { "Absolute", "Recurring", "Relative" };

static int index_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (str_equal(names[i], name))
            return i;
    return -1;
}

/* False if it is there and no time. */
static bool get_time(const json_t *object, const char *key, int64_t fallback, int64_t *ret)
{
    const char *text = json_get_string(object, key, NULL);
    *ret = fallback;
    return !text || timestamp_parse(text, ret) == 0;
}

static const char *read_period(const json_t *json, struct schedule_period *ret, int64_t after_s)
{
    ret->start_s = json_get_int(json, "startPeriod", -1);
    ret->limit = json_get_number(json, "limit", -1);
    ret->phases = (int)json_get_int(json, "numberPhases", 3);               /* K01.FR.49 */
    if (ret->start_s <= after_s || ret->limit < 0 || !isfinite(ret->limit)) /* K01.FR.35 */
        return "InvalidSchedule";
    if (ret->phases < 1 || ret->phases > 3)
        return "InvalidSchedule";
    if (json_object_get(json, "phaseToUse")) /* K01.FR.48: no charger shows us which phase it uses */
        return "UnsupportedParam";
    return NULL;
}

static const char *read_periods(struct charging_profile *p, const json_t *list)
{
    p->periods = calloc(json_array_size(list) + 1, sizeof(*p->periods));
    if (!p->periods)
        return "OutOfMemory";
    size_t index;
    const json_t *item;
    json_array_foreach(list, index, item)
    {
        const char *reason =
            read_period(item, &p->periods[index], index ? p->periods[index - 1].start_s : -1);
        if (reason)
            return reason;
        p->period_count = index + 1;
    }
    return p->period_count && p->periods[0].start_s == 0 ? NULL : "InvalidSchedule"; /* K01.FR.31 */
}

static const char *read_schedule(struct charging_profile *p, const json_t *schedules)
{
    if (json_array_size(schedules) != 1)
        return "InvalidSchedule"; /* K01.FR.34 */
    const json_t *schedule = json_array_get(schedules, 0);
    bool has_start = json_object_get(schedule, "startSchedule") != NULL;
    p->in_watts = str_equal(json_get_string(schedule, "chargingRateUnit", ""), "W");
    p->duration_s = json_get_int(schedule, "duration", INT64_MAX);
    if (has_start != (p->kind != KIND_RELATIVE)) /* K01.FR.40, K01.FR.41 */
        return "InvalidSchedule";
    if (!get_time(schedule, "startSchedule", 0, &p->start_ms) || p->duration_s < 0)
        return "InvalidSchedule";
    return read_periods(p, json_object_get(schedule, "chargingSchedulePeriod"));
}

static const char *read_profile(struct charging_profile *p, const json_t *json)
{
    int purpose =
        index_of(profile_purpose_names, PURPOSES, json_get_string(json, "chargingProfilePurpose", ""));
    int kind = index_of(kind_names, KINDS, json_get_string(json, "chargingProfileKind", ""));
    const char *recurrency = json_get_string(json, "recurrencyKind", NULL);
    if (purpose <= PURPOSE_EXTERNAL_CONSTRAINTS || kind < 0)
        return "InvalidProfile";
    p->id = json_get_int(json, "id", 0);
    p->stack_level = json_get_int(json, "stackLevel", -1);
    p->purpose = (enum profile_purpose)purpose;
    p->kind = (enum profile_kind)kind;
    p->recurrence_ms = recurrency && str_equal(recurrency, "Weekly") ? 7 * DAY_MS : DAY_MS;
    if (p->stack_level < 0)
        return "InvalidStackLevel";
    if (p->kind == KIND_RECURRING && !recurrency)
        return "InvalidProfile";
    if (!get_time(json, "validFrom", INT64_MIN, &p->valid_from_ms) ||
        !get_time(json, "validTo", INT64_MAX, &p->valid_to_ms) || p->valid_to_ms <= p->valid_from_ms)
        return "InvalidProfile";
    if (str_copy(p->transaction_id, sizeof(p->transaction_id), json_get_string(json, "transactionId", "")) <
        0)
        return "TxNotFound";
    if (p->purpose == PURPOSE_STATION_MAX && (p->evse != 0 || p->kind == KIND_RELATIVE))
        return "InvalidProfile"; /* K04.FR.03, K01.FR.38 */
    if (p->purpose == PURPOSE_TX && p->evse == 0)
        return "InvalidProfile"; /* K01.FR.16 */
    return read_schedule(p, json_object_get(json, "chargingSchedule"));
}

int charging_profile_read(const json_t *json, int evse, struct charging_profile **ret,
                          const char **ret_reason)
{
    AUTO(charging_profile) *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    list_init(&p->link);
    p->evse = evse;
    p->json = json_deep_copy(json);
    *ret_reason = p->json ? read_profile(p, json) : "OutOfMemory";
    if (*ret_reason)
        return -EINVAL;
    *ret = STEAL(p);
    return 0;
}

void charging_profile_free(struct charging_profile *profile)
{
    if (profile) {
        json_decref(profile->json);
        free(profile->periods);
        free(profile);
    }
}

/* ---- the limit at a moment ---- */

static void lower(int64_t *ret_next_ms, int64_t ms, int64_t now_ms)
{
    if (ms > now_ms && ms < *ret_next_ms)
        *ret_next_ms = ms;
}

/* Seconds after `start_ms`, as a time; what lies too far ahead never comes. */
static int64_t after(int64_t start_ms, int64_t seconds)
{
    return seconds > (INT64_MAX / 4 - start_ms) / 1000 ? INT64_MAX : start_ms + seconds * 1000;
}

/* When the schedule began that counts at `now_ms`; after `now_ms` if it is still to begin (K01.FR.30). */
static int64_t schedule_start(const struct charging_profile *p, int64_t now_ms, int64_t relative_ms,
                              int64_t *ret_next_ms)
{
    if (p->kind == KIND_RELATIVE)
        return relative_ms;
    if (p->kind == KIND_ABSOLUTE || now_ms < p->start_ms)
        return p->start_ms;
    int64_t start = now_ms - (now_ms - p->start_ms) % p->recurrence_ms;
    lower(ret_next_ms, start + p->recurrence_ms, now_ms);
    return start;
}

const struct schedule_period *charging_profile_period(const struct charging_profile *p, int64_t now_ms,
                                                      int64_t relative_ms, int64_t *ret_next_ms)
{
    lower(ret_next_ms, p->valid_from_ms, now_ms);
    lower(ret_next_ms, p->valid_to_ms, now_ms);
    if (now_ms < p->valid_from_ms || now_ms >= p->valid_to_ms) /* K01.FR.36, K01.FR.37 */
        return NULL;
    int64_t start = schedule_start(p, now_ms, relative_ms, ret_next_ms);
    lower(ret_next_ms, start, now_ms);
    if (now_ms < start)
        return NULL;
    int64_t end = after(start, p->duration_s);
    lower(ret_next_ms, end, now_ms);
    if (now_ms >= end)
        return NULL; /* K01.FR.11, K01.FR.13 */
    const struct schedule_period *found = NULL;
    for (size_t i = 0; i < p->period_count; i++) {
        int64_t from = after(start, p->periods[i].start_s);
        lower(ret_next_ms, from, now_ms);
        if (from <= now_ms)
            found = &p->periods[i]; /* K01.FR.12 */
    }
    return found;
}

bool charging_profiles_overlap(const struct charging_profile *a, const struct charging_profile *b)
{
    return a->valid_from_ms < b->valid_to_ms && b->valid_from_ms < a->valid_to_ms;
}
