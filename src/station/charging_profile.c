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
const char *const limit_source_names[LIMIT_SOURCES] = {
    [LIMIT_SOURCE_EMS] = "EMS",
    [LIMIT_SOURCE_OTHER] = "Other",
    [LIMIT_SOURCE_SO] = "SO",
    [LIMIT_SOURCE_CSO] = "CSO",
};

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
    int64_t phases = json_get_int(json, "numberPhases", 3); /* K01.FR.49 */
    int64_t to_use = json_get_int(json, "phaseToUse", 0);
    ret->start_s = json_get_int(json, "startPeriod", -1);
    ret->limit = json_get_number(json, "limit", -1);
    if (ret->start_s <= after_s || !(ret->limit >= 0) || !isfinite(ret->limit)) /* K01.FR.35 */
        return "InvalidSchedule";
    if (phases < 1 || phases > 3)
        return "InvalidSchedule";
    if (json_object_get(json, "phaseToUse") && (to_use < 1 || to_use > 3 || phases != 1)) /* K01.FR.19 */
        return "InvalidSchedule";
    ret->phases = (int)phases;
    ret->phase_to_use = (int)to_use;
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
    p->min_charging_rate = json_get_number(schedule, "minChargingRate", 0);
    if (has_start != (p->kind != KIND_RELATIVE)) /* K01.FR.40, K01.FR.41 */
        return "InvalidSchedule";
    if (!get_time(schedule, "startSchedule", 0, &p->start_ms) || p->duration_s < 0 ||
        !(p->min_charging_rate >= 0) || !isfinite(p->min_charging_rate))
        return "InvalidSchedule";
    return read_periods(p, json_object_get(schedule, "chargingSchedulePeriod"));
}

static const char *read_profile(struct charging_profile *p, const json_t *json)
{
    int purpose =
        index_of(profile_purpose_names, PURPOSES, json_get_string(json, "chargingProfilePurpose", ""));
    int kind = index_of(kind_names, KINDS, json_get_string(json, "chargingProfileKind", ""));
    const char *recurrency = json_get_string(json, "recurrencyKind", NULL);
    if (purpose < 0 || kind < 0)
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

int charging_profile_read(const json_t *json, int evse, enum limit_source source,
                          struct charging_profile **ret, const char **ret_reason)
{
    AUTO(charging_profile) *p = calloc(1, sizeof(*p));
    *ret_reason = "OutOfMemory";
    if (!p)
        return -ENOMEM;
    list_init(&p->link);
    p->evse = evse;
    p->source = source;
    p->text = json_to_text(json);
    if (!p->text)
        return -ENOMEM;
    *ret_reason = read_profile(p, json);
    if (*ret_reason)
        return -EINVAL;
    *ret = STEAL(p);
    return 0;
}

void charging_profile_free(struct charging_profile *profile)
{
    if (profile) {
        free(profile->text);
        free(profile->periods);
        free(profile);
    }
}

int charging_profile_bind(struct charging_profile *profile, const char *transaction_id)
{
    (void)str_copy(profile->transaction_id, sizeof(profile->transaction_id), transaction_id);
    AUTO(json_t) *json = json_from_text(profile->text, strlen(profile->text));
    if (!json || json_object_set_new(json, "transactionId", json_string(transaction_id)) < 0)
        return -ENOMEM;
    char *text = json_to_text(json);
    if (!text)
        return -ENOMEM;
    free(profile->text);
    profile->text = text;
    return 0;
}

/* ---- the limit at a moment ---- */

/* Seconds after `start_ms`, as a time; what lies too far ahead never comes. */
static int64_t after(int64_t start_ms, int64_t seconds)
{
    return seconds > (INT64_MAX / 4 - start_ms) / 1000 ? INT64_MAX : start_ms + seconds * 1000;
}

static void lower(int64_t *ret_ms, int64_t ms)
{
    if (ms < *ret_ms)
        *ret_ms = ms;
}

/* The last period that begins at or before so many seconds; there is one. */
static const struct schedule_period *period_of(const struct charging_profile *p, int64_t seconds)
{
    size_t low = 0, high = p->period_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (p->periods[middle].start_s <= seconds)
            low = middle;
        else
            high = middle;
    }
    return &p->periods[low];
}

/* Of the schedule that began at `start_ms`, which is not later than `now_ms`. */
static const struct schedule_period *period_since(const struct charging_profile *p, int64_t start_ms,
                                                  int64_t now_ms, int64_t *ret_until_ms)
{
    int64_t end = after(start_ms, p->duration_s);
    if (now_ms >= end)
        return NULL; /* K01.FR.11, K01.FR.13 */
    lower(ret_until_ms, end);
    const struct schedule_period *found = period_of(p, (now_ms - start_ms) / 1000); /* K01.FR.12 */
    if (found + 1 < p->periods + p->period_count)
        lower(ret_until_ms, after(start_ms, found[1].start_s));
    return found;
}

static const struct schedule_period *work_out(const struct charging_profile *p, int64_t now_ms,
                                              int64_t relative_ms, int64_t *ret_until_ms)
{
    *ret_until_ms = INT64_MAX;
    if (now_ms < p->valid_from_ms) { /* K01.FR.36 */
        *ret_until_ms = p->valid_from_ms;
        return NULL;
    }
    if (now_ms >= p->valid_to_ms) /* K01.FR.37 */
        return NULL;
    lower(ret_until_ms, p->valid_to_ms);
    int64_t start = p->kind == KIND_RELATIVE ? relative_ms : p->start_ms;
    if (now_ms < start) { /* K01.FR.30 */
        lower(ret_until_ms, start);
        return NULL;
    }
    if (p->kind == KIND_RECURRING) {
        start = now_ms - (now_ms - start) % p->recurrence_ms;
        lower(ret_until_ms, start + p->recurrence_ms);
    }
    return period_since(p, start, now_ms, ret_until_ms);
}

const struct schedule_period *charging_profile_period(struct charging_profile *profile, int64_t now_ms,
                                                      int64_t relative_ms, int64_t *ret_next_ms)
{
    if (relative_ms != profile->last.relative_ms || now_ms < profile->last.from_ms ||
        now_ms >= profile->last.until_ms) {
        profile->last.period = work_out(profile, now_ms, relative_ms, &profile->last.until_ms);
        profile->last.relative_ms = relative_ms;
        profile->last.from_ms = now_ms;
    }
    lower(ret_next_ms, profile->last.until_ms);
    return profile->last.period;
}

void charging_profile_shift(struct charging_profile *profile, int64_t by_ms)
{
    if (by_ms == 0)
        return;
    profile->start_ms += by_ms;
    if (profile->valid_from_ms != INT64_MIN)
        profile->valid_from_ms += by_ms;
    if (profile->valid_to_ms != INT64_MAX)
        profile->valid_to_ms += by_ms;
    profile->last.until_ms = INT64_MIN; /* what was answered does not hold */
}

bool charging_profiles_overlap(const struct charging_profile *a, const struct charging_profile *b)
{
    return a->valid_from_ms < b->valid_to_ms && b->valid_from_ms < a->valid_to_ms;
}
