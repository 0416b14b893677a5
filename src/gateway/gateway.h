/* The gateway: configuration, shared resources and stations put together; start, reload, stop.
 *
 *     gateway_start -> (loop runs; gateway_reload on SIGHUP or ocpp-cli) -> gateway_stop */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <jansson.h>

#include "base/list.h"
#include "base/ring.h"
#include "gateway/config.h"
#include "gateway/events.h"
#include "gateway/lag.h"
#include "gateway/resources.h"
#include "net/loop.h"
#include "store/history.h"
#include "store/store.h"

struct station_entry;
struct file_change;
struct management;
struct meters;
struct power_history;

struct gateway {
    struct loop loop;
    char *config_path;
    struct config *config;
    struct websocket_context *websockets;
    struct firmware_slot *firmware; /* the gateway's own; NULL: none is configured */
    struct resources resources;
    struct resource *ocpp16; /* the server for OCPP 1.6 chargers, from its first use to the end; or NULL */
    struct store *store;
    struct history *history;
    struct management *management;
    struct events events;
    struct transfers *transfers; /* files from and to servers of the CSMS */
    struct ring log_lines;       /* the last ones, for diagnostics */
    struct power_history *power;
    struct meters *meters;           /* and the limits that they set */
    struct station_entry **stations; /* in the configuration's order */
    size_t station_count;
    char host_boot[40]; /* the kernel's random boot id; "": it has none */
    int64_t started_ms;
    struct lag lag;
    struct timer watchdog; /* systemd's */
    int64_t watchdog_ms;
    struct timer trim; /* looks whether all stations are connected */
    int64_t trim_until_ms;
    struct file_change *change; /* under way; or NULL */
    struct list config_jobs;    /* that read it, the first in the pool */
    uint64_t generation;        /* of the configuration: how many were tried before */
    json_t *entries;            /* of the stations in the file, see config_change_entry(); or NULL */
    bool stopping;
};

/* Loads the configuration and starts everything, or nothing. 0, or negative (all problems were logged). */
int gateway_start(struct gateway *gateway, const char *config_path);
/* Applies the changed file: only what changed restarts. On problems, or if a station cannot be made, the running configuration
 * stays: negative. */
int gateway_reload(struct gateway *gateway, struct problems *problems);
/* The same with what config_load() gave already, when gateway->generation was this: if it is another now, the file is read again. Takes `read`. */
int gateway_put_into_force(struct gateway *gateway, uint64_t generation, int err, struct config *read,
                           struct problems *problems);
/* What a reload to `config` would be refused for: the key that differs from the running one and cannot change without a restart, or
 * the station that would be made anew while its firmware is being installed. NULL: none. */
const char *gateway_restart_needed(const struct gateway *gateway, const struct config *config);
const char *gateway_installing(const struct gateway *gateway, const struct config *config);
void gateway_stop(struct gateway *gateway);
/* Much memory was used for a moment: what is free is given back to the system in a while. */
void gateway_trim_later(struct gateway *gateway);

struct station_entry *gateway_station(const struct gateway *gateway, const char *id);
/* Counters of a bus; new reference or NULL. */
json_t *gateway_bus_json(const char *name, const struct bus_counters *counters);

#endif
