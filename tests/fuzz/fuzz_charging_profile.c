/* Charging profiles from any JSON, also what the message table would have refused: read, and asked for their limit over time.
 *
 * Holds whatever comes: a period that counts is one of the profile's, the next change lies ahead, and a schedule's periods follow each
 * other. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "station/charging_profile.h"
#include "station/composite.h"

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

static void ask_schedule(struct charging_profile *profile, size_t index, bool in_watts)
{
    static struct composite_period periods[COMPOSITE_MAX_PERIODS];
    struct composite_evse evse = { .id = 1,
                                   .transaction_id = profile->transaction_id,
                                   .relative_ms = NOW_MS - 60000,
                                   .phases = 3,
                                   .voltage_V = 230,
                                   .min_A = 6,
                                   .max_A = 32 };
    struct list profiles;
    list_init(&profiles);
    list_append(&profiles, &profile->link);
    struct composite composite = { .profiles = &profiles, .evses = &evse, .count = 1 };
    int count = composite_schedule(&composite, index, NOW_MS, 1000000, in_watts, periods);
    assert(count != 0);
    for (int i = 0; i < count; i++) {
        assert(periods[i].limit >= 0 && periods[i].limit <= 32 * 230 * 3);
        assert(i == 0 ? periods[i].start_s == 0 : periods[i].start_s > periods[i - 1].start_s);
    }
    list_remove(&profile->link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct charging_profile *profile = NULL;
    const char *reason = NULL;
    json_t *json = json_from_text((const char *)data, size);
    for (int evse = 0; json && evse < 2; evse++) {
        if (charging_profile_read(json, evse, LIMIT_SOURCE_CSO, &profile, &reason) == 0) {
            ask(profile);
            ask_schedule(profile, evse ? 0 : COMPOSITE_WHOLE, profile->in_watts);
            assert(charging_profiles_overlap(profile, profile));
            charging_profile_free(profile);
        } else {
            assert(reason);
        }
    }
    json_decref(json);
    return 0;
}
