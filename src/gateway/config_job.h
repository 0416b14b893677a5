/* gateway.yaml, or a text that may take its place, read in libuv's pool: with a thousand stations that takes longer than others may wait.
 *
 *     config_job_start -> pool: file, diff, config_parse -> loop: the callback, which compares it with what runs then
 *
 * One after the other, so that names are still resolved meanwhile. */
#ifndef GATEWAY_CONFIG_JOB_H
#define GATEWAY_CONFIG_JOB_H

#include <jansson.h>

#include "gateway/file_change.h"

/* Wait at a time. Their texts came over that many connections, whose bodies are bounded. */
#define CONFIG_JOBS_MAX 256

struct config;
struct gateway;

enum config_job_kind {
    CONFIG_JOB_CHECK,   /* a text, and what differs in the file */
    CONFIG_JOB_LOAD,    /* the file */
    CONFIG_JOB_ENTRIES, /* the stations' entries of the file, unless its etag is the known one */
};

/* What came of it. What the callback does not take (and sets to NULL) is freed after it. */
struct config_reading {
    int err; /* 0; -EINVAL, see problems; -ENOMEM; -ECANCELED: the gateway stops; of ENTRIES: why the file cannot be read */
    struct problems problems;
    char *text;            /* CHECK: as it was given */
    char *diff;            /* CHECK, also where there are problems; NULL: no memory */
    struct config *config; /* CHECK, LOAD; NULL if err */
    char etag[FILE_ETAG_SIZE];
    json_t *entries; /* ENTRIES: as config_edit_entries(), none where the file is no YAML; NULL: as known */
};
typedef void (*config_job_done)(void *ctx, struct config_reading *reading);

/* `text` is copied: of CHECK the text, of ENTRIES the etag that is known. 0: the callback comes, once, never from inside; -ENOMEM, -EBUSY (too many wait). */
int config_job_start(struct gateway *gateway, enum config_job_kind kind, const char *text,
                     config_job_done callback, void *ctx);
/* Calls all back with -ECANCELED. */
void config_jobs_cancel(struct gateway *gateway);

#endif
