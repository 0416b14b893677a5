/* Charging profiles from any JSON, also what the message table would have refused: read, and asked for their limit over time.
 *
 * Holds whatever comes: a period that counts is one of the profile's, and the next change lies ahead. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "station/charging_profile.h"

#define NOW_MS 1769860800000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct charging_profile *profile)
{
    int64_t now = NOW_MS;
    for (int i = 0; i < 20; i++) {
        int64_t next = INT64_MAX;
        const struct schedule_period *period = charging_profile_period(profile, now, NOW_MS - 60000, &next);
        assert(!period || (period >= profile->periods && period < profile->periods + profile->period_count));
        assert(next > now);
        if (next == INT64_MAX)
            break;
        now = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct charging_profile *profile = NULL;
    const char *reason = NULL;
    json_t *json = json_from_text((const char *)data, size);
    for (int evse = 0; json && evse < 2; evse++) {
        if (charging_profile_read(json, evse, LIMIT_SOURCE_CSO, &profile, &reason) == 0) {
            ask(profile);
            assert(charging_profiles_overlap(profile, profile));
            charging_profile_free(profile);
        } else {
            assert(reason);
        }
    }
    json_decref(json);
    return 0;
}
