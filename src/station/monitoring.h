/* Monitors of a station (N02 to N08): those it has from the beginning, and those the CSMS sets.
 *
 *     kind            from                              the CSMS can
 *     HardWired       a row of the table (.monitors)    nothing
 *     Preconfigured   a row of the table or a profile   replace it: a custom one of its id, until the base is set; clear it
 *     Custom          SetVariableMonitoring             all */
#ifndef STATION_MONITORING_H
#define STATION_MONITORING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/record.h"
#include "base/timer.h"
#include "station/monitor.h"

struct station;
struct rpc_request;
struct monitoring_report; /* monitor_report.c */

struct monitoring {
    size_t count, room; /* room: for so many is space */
    struct monitor *monitors;
    size_t custom;    /* those without a preset */
    int next_id;      /* of the next one */
    bool is_writing;  /* a change is on its way into the store: the next must wait */
    json_t *restored; /* key -> value: records not yet looked at, or NULL */
    struct timer timer;
    struct monitoring_report *report; /* being sent, or NULL */
};

/* The presets of all rows. 0 or -ENOMEM. */
int monitoring_init(struct station *s);
void monitoring_done(struct station *s);
void monitoring_restore(struct station *s, const char *key, const char *value); /* RECORD_MONITOR */
void monitoring_start(struct station *s);
/* Signals or values of the devices are other ones, or the station is online: looked at within a second. */
void monitoring_touch(struct station *s);
/* Monitors or what decides on them changed: looked at now, and then as long as there is need. */
void monitoring_update(struct station *s);

/* ---- between the files of this block ---- */

/* It exists: presets that were cleared, or are not of the base, do not. */
bool monitoring_has(const struct station *s, const struct monitor *m);
/* One that exists, or NULL. */
struct monitor *monitoring_find(const struct station *s, int64_t id);
/* Space for `count` more. 0 or -ENOMEM. */
int monitoring_reserve(struct station *s, size_t count);
/* Takes one that replaces the one of its id, or is new; there is space. */
void monitoring_put(struct station *s, const struct monitor *m);
/* Takes it away: a preset is cleared, a custom one is gone. Pointers to monitors end. */
void monitoring_remove(struct station *s, struct monitor *m);

#define MONITOR_NEXT_ID_KEY "next_id" /* of the record of monitoring.next_id */
#define MONITOR_KEY_SIZE    256
/* Its name in the store: the id, or of a preset what it is on. */
void monitoring_key(const struct monitor *m, char ret[static MONITOR_KEY_SIZE]);
/* What is stored of it, the caller's; NULL without memory. Empty: nothing need be known. */
char *monitoring_value(const struct monitor *m);

/* GetMonitoringReport; monitor_report.c. */
void monitoring_on_get_report(struct station *s, const struct rpc_request *request);
/* Ends the report being sent, if there is one. */
void monitoring_report_abort(struct station *s);

#endif
