/* Short ways with monitors (N02 to N08), on top of the bench of one EVSE. */
#ifndef TESTS_MONITORS_H
#define TESTS_MONITORS_H

#include "tests/support/bench.h"

/* Component and variable, as members of an object. */
#define EVSE_STATE                                                                                           \
    "'component': {'name': 'EVSE', 'evse': {'id': 1}}, 'variable': {'name': 'AvailabilityState'}"
#define EVSE_POWER        "'component': {'name': 'EVSE', 'evse': {'id': 1}}, 'variable': {'name': 'Power'}"
#define EVSE_PROBLEM      "'component': {'name': 'EVSE', 'evse': {'id': 1}}, 'variable': {'name': 'Problem'}"
#define STATION_STATE     "'component': {'name': 'ChargingStation'}, 'variable': {'name': 'AvailabilityState'}"
#define STATION_PROBLEM   "'component': {'name': 'ChargingStation'}, 'variable': {'name': 'Problem'}"
#define OFFLINE_THRESHOLD "'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name': 'OfflineThreshold'}"
#define HEARTBEAT         "'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name': 'HeartbeatInterval'}"

/* There from the beginning: 1 on the station's Problem (preconfigured), 2 on that of the EVSE (hard-wired). */
#define PRESETS 2

/* A SetMonitoringDataType without its braces is Accepted; its id. */
int monitor_set(struct bench *b, const char *data);
/* What GetMonitoringReport brings, all parts put together; each is checked. Forgets what was sent before. New reference. */
json_t *monitors_reported(struct bench *b, const char *request);
size_t monitors_count(const json_t *report);
/* Whether the monitor of this id is in the report, and as expected. */
bool monitors_has(const json_t *report, int id, const char *expected);
/* The variable of MonitoringCtrlr. */
void monitor_variable_is(struct bench *b, const char *variable, const char *value);

#endif
