/* Charging profiles written short, on top of the bench. */
#ifndef TESTS_CHARGING_H
#define TESTS_CHARGING_H

#include "tests/support/session.h"

#define NOW           "2026-01-31T12:00:00Z"
#define ACCEPTED      "{'status': 'Accepted'}"
#define REJECTED(why) "{'status': 'Rejected', 'statusInfo': {'reasonCode': '" why "'}}"

/* Members of a ChargingProfileType besides its schedule. */
#define PROFILE(id, level, purpose, kind)                                                                    \
    "'id': " #id ", 'stackLevel': " #level ", 'chargingProfilePurpose': '" purpose                           \
    "', 'chargingProfileKind': '" kind "'"
#define DEFAULT(id, level) PROFILE(id, level, "TxDefaultProfile", "Absolute")
#define STATION_MAX(id)    PROFILE(id, 0, "ChargingStationMaxProfile", "Absolute")

/* Members of a ChargingScheduleType besides its id. */
#define PERIOD(start, limit) "{'startPeriod': " #start ", 'limit': " limit "}"
#define SCHEDULE(unit, periods)                                                                              \
    "'startSchedule': '" NOW "', 'chargingRateUnit': '" unit "', 'chargingSchedulePeriod': [" periods "]"
#define FLAT(unit, limit) SCHEDULE(unit, PERIOD(0, limit))
#define RELATIVE(unit, limit)                                                                                \
    "'chargingRateUnit': '" unit "', 'chargingSchedulePeriod': [" PERIOD(0, limit) "]"

/* SetChargingProfile of a profile of one schedule; the answer must contain `expected`. */
void charging_set(struct bench *b, int evse, const char *profile, const char *schedule, const char *expected);
/* A Relative TxProfile of id 7 at EVSE 1. */
void charging_set_tx(struct bench *b, const char *transaction_id, const char *schedule, const char *expected);
/* A station of `evses` EVSEs, charging values not sampled, booted. */
struct bench *charging_bench(size_t evses, const struct evse_abilities *abilities);
/* For cmocka: charging_bench() of one EVSE of bench_abilities(). */
int charging_setup(void **state);
/* A vehicle is plugged in at the EVSE, authorized and charges; forgets what was sent. */
void charging_begin(struct bench *b, int evse, const char *token);
/* GetCompositeSchedule; the schedule's periods must be `expected`: "0:10 60:16.5", each startPeriod:limit. Returns the schedule, borrowed
 * until the next call. */
const json_t *charging_composite(struct bench *b, int evse, int duration_s, const char *unit,
                                 const char *expected);

#endif
