/* Reads a limit as people write it: 16A, 0.5A, 11kW, 4200W, release. */
#include "limit.h"

#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "station/station.h"

static json_t *complain(const char *what, const char *text)
{
    (void)fprintf(stderr, "ocpp-cli: %s: %s\n", text, what);
    return NULL;
}

/* A number and its unit; false: it is none. */
static bool read_amount(const char *text, double *ret_value, const char **ret_unit)
{
    static const struct {
        const char *suffix, *unit;
        double factor;
    } units[] = { { "kW", "W", 1000 }, { "W", "W", 1 }, { "A", "A", 1 } };
    char number[32];
    size_t length = strlen(text);
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        size_t suffix = strlen(units[i].suffix);
        if (length <= suffix || length - suffix >= sizeof(number) ||
            !str_equal(text + length - suffix, units[i].suffix))
            continue;
        (void)snprintf(number, sizeof(number), "%.*s", (int)(length - suffix), text);
        if (str_to_double(number, ret_value) < 0 || !(*ret_value >= 0))
            return false;
        *ret_value *= units[i].factor;
        *ret_unit = units[i].unit;
        return true;
    }
    return false;
}

static json_t *add_choice(json_t *request, const struct limit_choice *choice)
{
    int64_t duration_ms = 0;
    json_set_text(request, "source", choice->source);
    if (!choice->duration)
        return request;
    if (str_to_duration_ms(choice->duration, &duration_ms) < 0 || duration_ms < 1000 ||
        duration_ms % 1000 != 0) {
        json_decref(request);
        return complain("expected --for whole seconds, such as 90s, 15min or 2h", choice->duration);
    }
    json_set_optional(request, "duration", json_integer(duration_ms / 1000));
    return request;
}

json_t *limit_request_read(char **argv, const struct limit_choice *choice)
{
    const char *evse = argv[2] ? argv[1] : NULL, *limit = argv[2] ? argv[2] : argv[1];
    int64_t number = 0;
    double value = 0;
    const char *unit = "";
    bool release = str_equal(limit, "release");
    if (evse && str_to_int(evse, 1, STATION_MAX_EVSES, &number) < 0)
        return complain("expected the number of an EVSE, from 1; none: the station as a whole", evse);
    if (!release && !read_amount(limit, &value, &unit))
        return complain("expected a limit such as 16A (per phase), 11kW, 4200W, or release", limit);
    if (release && choice->duration)
        return complain("a release has no end; --for goes with a limit", choice->duration);
    json_t *request = json_pack("{s:I}", "evse", (json_int_t)number);
    if (!request)
        return NULL;
    if (release)
        json_set_optional(request, "release", json_true());
    else if (json_set_optional(request, "limit", json_real(value)) == 0)
        json_set_optional(request, "unit", json_string(unit));
    return add_choice(request, choice);
}
