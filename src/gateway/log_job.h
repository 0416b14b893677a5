/* One log file for a CSMS: its texts are gathered on the loop, packed in libuv's pool, sent by net/transfer.h, and removed.
 *
 *     log_job_start -> (security log: what waits is committed) -> gather -> pack -> send -> ended */
#ifndef GATEWAY_LOG_JOB_H
#define GATEWAY_LOG_JOB_H

#include "gateway/station_entry.h"

struct log_job;

/* Once, never from inside log_job_start(); may free the job. err 0: the file is at its place. */
typedef void (*log_job_ended)(void *ctx, int err);

/* The request is copied. 0, -EINVAL (URL), -ENOMEM, -ENOBUFS. */
int log_job_start(struct gateway *gateway, struct station_entry *entry, const struct log_request *request,
                  log_job_ended ended, void *ctx, struct log_job **ret);
/* Whether there is a line of the time asked for, as far as the store has it. */
bool log_job_has_log(struct gateway *gateway, struct station_entry *entry, const struct log_request *request);
/* Breaks it off if it runs. NULL is fine. */
void log_job_free(struct log_job *job);

#endif
