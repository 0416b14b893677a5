/* Scans that people start by the API: what is on a Modbus line or address, which ECHONET Lite nodes there are.
 *
 *     request -> modbus:  ocpp-cli beside the gateway (scan_program.h), over the gateway's own bus where it has one there (bus_relay.h)
 *             -> echonet: the gateway's own node (echonet_survey.h), or one made for it
 *             -> found and messages, kept until newer scans take their place
 *
 * Nothing is written to a device. At most SCANS_RUNNING at once; the last SCANS_KEPT are kept. */
#ifndef GATEWAY_SCAN_JOB_H
#define GATEWAY_SCAN_JOB_H

#include <jansson.h>

#include "gateway/gateway.h"

#define SCANS_RUNNING 2
#define SCANS_KEPT    16

struct scan_jobs;

/* `changed` tells that a scan has found something, said something or ended; never from inside a call. It may start and cancel. 0 or -ENOMEM. */
int scan_jobs_new(struct gateway *gateway, void (*changed)(void *ctx, uint32_t id), void *ctx,
                  struct scan_jobs **ret);
/* Ends all that run. NULL is fine. */
void scan_jobs_free(struct scan_jobs *jobs);

/* The request as of scan_request_read(). 0; else what is wrong is in `ret_problem`: -EINVAL, -EBUSY (others run), -ENOMEM, or -errno (it cannot be
 * begun). */
int scan_jobs_start(struct scan_jobs *jobs, const json_t *request, uint32_t *ret_id, char *ret_problem,
                    size_t size);
/* {id, protocol, target (of Modbus), state: "running"|"done"|"failed", found: [...], messages: [text]} as it is now; new reference. NULL: no such
 * scan (any more), or no memory. */
json_t *scan_jobs_get(const struct scan_jobs *jobs, uint32_t id);
/* Ends it and forgets it; nothing more is told of it. 0 or -ENOENT. */
int scan_jobs_cancel(struct scan_jobs *jobs, uint32_t id);
/* Ends all that run, as failed: before a reload, whose stations may want the same lines and ports. */
void scan_jobs_stop(struct scan_jobs *jobs);

#endif
