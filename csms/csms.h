/* ocpp-csms: a small local CSMS for commissioning, islands and demos.
 *
 *   main.c      options, loop           tokens.c    who may charge, who may connect
 *   csms.c      stations, their links   database.c  transactions in SQLite
 *   handlers.c  what stations say       commands.c  what people say; console.c: prompt and socket
 *   authority.c signs their certificates */
#ifndef CSMS_CSMS_H
#define CSMS_CSMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/loop.h"
#include "net/websocket.h"
#include "ocpp/rpc.h"

#define CSMS_MAX_STATIONS 10000
#define CSMS_MAX_CALLS    50 /* waiting for one station */
#define CSMS_MAX_MESSAGE  (1u << 20)

struct authority;
struct tokens;
struct database;
struct console;

struct csms {
    struct loop loop;
    struct websocket_context *websockets;
    struct endpoint *endpoint;
    struct tokens *tokens;
    struct database *database;
    struct console *console;
    struct authority *authority; /* or NULL */
    struct list stations;        /* of struct csms_station; all that were ever connected since the start */
    size_t station_count;
    int64_t heartbeat_interval_s;
    int64_t next_id; /* of remote starts, profiles, reports */
    bool quiet, frames;
};

struct csms_station {
    struct list link;
    struct csms *csms;
    char id[49];
    struct websocket *websocket; /* NULL: not connected */
    struct rpc *rpc;
    struct list calls; /* of struct csms_call, waiting for their turn */
    size_t call_count;
    json_t *boot;       /* last BootNotification, or NULL */
    json_t *connectors; /* "evse.connector" -> status */
    json_t *report;     /* component.variable -> value of the last report */
};

/* Who asked: an answer that comes later finds them by it. */
typedef uint64_t csms_origin;
#define CSMS_NOBODY UINT64_MAX

int csms_listen(struct csms *csms, const struct server_endpoint_settings *settings);
void csms_close(struct csms *csms);

struct csms_station *csms_station(const struct csms *csms, const char *id);
/* Sends a CALL as soon as none is open; the answer goes to the origin's console. Takes `payload`. 0, -ENOTCONN, -ENOBUFS, -ENOMEM. */
int csms_call(struct csms_station *station, const char *action, json_t *payload, csms_origin origin);

/* handlers.c: answers a CALL of a station. */
void csms_handle(struct csms_station *station, const struct rpc_request *request);

/* commands.c: runs one line; its one answer goes to the origin by console_answer(), now or later. */
void csms_command(struct csms *csms, const char *line, csms_origin origin);

#endif
