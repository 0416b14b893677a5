/* Reads a limit, and says what is wrong with it in words. */
#include "gateway/limit_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "station/station.h"

#define MAX_PERIODS ((size_t)1024) /* of a ChargingScheduleType */

static int fail(char *ret, size_t size, const char *text)
{
    (void)snprintf(ret, size, "%s", text);
    return -EINVAL;
}

/* What is not named is most likely misspelt: a limit without its end, say. */
static int check_members(const json_t *request, char *ret, size_t size)
{
    static const char *const known[] = { "evse",     "source",   "limit",   "unit",
                                         "duration", "schedule", "release", NULL };
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)request, key, value)
    {
        size_t i = 0;
        while (known[i] && !str_equal(known[i], key))
            i++;
        if (known[i])
            continue;
        const char *near = nearest_name(key, known);
        (void)snprintf(ret, size, "unknown member \"%.40s\"%s%s%s", key, near ? "; did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
        return -EINVAL;
    }
    return 0;
}

static int read_source(const json_t *request, enum limit_source *ret_source, char *ret, size_t size)
{
    const char *name = json_get_string(request, "source", "EMS");
    for (int i = 0; i < LIMIT_SOURCE_CSO; i++)
        if (str_equal(limit_source_names[i], name)) {
            *ret_source = (enum limit_source)i;
            return 0;
        }
    return fail(ret, size, "unknown source; expected EMS, SO or Other");
}

/* A whole number in min..max; `fallback` if it is not there. */
static bool get_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t fallback,
                    int64_t *ret)
{
    const json_t *value = json_object_get(object, key);
    *ret = value ? json_integer_value(value) : fallback;
    return !value || (json_is_integer(value) && *ret >= min && *ret <= max);
}

static int read_schedule(const json_t *list, struct external_period **ret_later, size_t *ret_count, char *ret,
                         size_t size)
{
    size_t index, count = json_array_size(list);
    const json_t *item;
    if (list && (!json_is_array(list) || count > MAX_PERIODS))
        return fail(ret, size, "schedule: expected a list of at most 1024 periods");
    if (count == 0)
        return 0;
    *ret_later = calloc(count, sizeof(**ret_later));
    if (!*ret_later) {
        (void)snprintf(ret, size, "out of memory");
        return -ENOMEM;
    }
    *ret_count = count;
    json_array_foreach(list, index, item)
    {
        struct external_period *later = &(*ret_later)[index];
        int64_t after_s = index ? later[-1].start_s + 1 : 1;
        later->limit = json_get_number(item, "limit", -1);
        if (!get_int(item, "start", after_s, EXTERNAL_LIMIT_MAX_S, -1, &later->start_s) || later->start_s < 0)
            return fail(ret, size,
                        "schedule: expected start in whole seconds from now, each later than the one before");
        if (!(later->limit >= 0 && later->limit <= EXTERNAL_LIMIT_MAX))
            return fail(ret, size, "schedule: expected a limit of 0 or more in each period");
    }
    return 0;
}

static int read_limit(const json_t *request, struct external_limit *limit, char *ret, size_t size)
{
    const char *unit = json_get_string(request, "unit", "");
    limit->limit = json_get_number(request, "limit", -1);
    limit->in_watts = str_equal(unit, "W");
    if (!(limit->limit >= 0 && limit->limit <= EXTERNAL_LIMIT_MAX))
        return fail(ret, size, "expected a limit of 0 or more");
    if (!limit->in_watts && !str_equal(unit, "A"))
        return fail(ret, size, "expected unit \"A\" (per phase) or \"W\"");
    if (!get_int(request, "duration", 1, EXTERNAL_LIMIT_MAX_S, 0, &limit->duration_s))
        return fail(ret, size, "expected a duration in whole seconds, 1 to ten years");
    return 0;
}

/* What the station says, in words. */
static int explain(int err, char *ret, size_t size)
{
    static const struct {
        int err;
        const char *text;
    } texts[] = {
        { -ENODEV, "the station has no such evse" },
        { -EOPNOTSUPP, "the device cannot be limited: its profile has no command limit" },
        { -E2BIG, "more periods than SmartChargingCtrlr PeriodsPerSchedule allows" },
        { -ENOENT, "there is no such limit to release" },
        { -ENOMEM, "out of memory" },
    };
    const char *text = "the station does not take it";
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].err == err)
            text = texts[i].text;
    if (err)
        (void)snprintf(ret, size, "%s", text);
    return err;
}

int limit_request(struct station *station, const json_t *request, char *ret, size_t size)
{
    AUTO_FREE struct external_period *later = NULL;
    struct external_limit limit = { 0 };
    int64_t evse = 0;
    int r = check_members(request, ret, size);
    if (r < 0 || (r = read_source(request, &limit.source, ret, size)) < 0)
        return r;
    if (!get_int(request, "evse", 0, STATION_MAX_EVSES, 0, &evse))
        return explain(-ENODEV, ret, size);
    limit.evse = (int)evse;
    if (json_get_bool(request, "release", false)) {
        if (json_object_get(request, "limit") || json_object_get(request, "schedule"))
            return fail(ret, size, "either a limit or release, not both");
        return explain(station_release_external_limit(station, limit.evse, limit.source), ret, size);
    }
    r = read_limit(request, &limit, ret, size);
    if (r == 0)
        r = read_schedule(json_object_get(request, "schedule"), &later, &limit.later_count, ret, size);
    if (r < 0)
        return r;
    limit.later = later;
    return explain(station_set_external_limit(station, &limit), ret, size);
}
