/* Keys and certificate requests, made in libuv's pool: they are slow, those of tokens above all. */
#ifndef GATEWAY_CSR_JOB_H
#define GATEWAY_CSR_JOB_H

#include "net/loop.h"
#include "pki/key.h"

struct csr_job;
/* Borrowed texts, or NULL with err < 0. The job is gone after it. */
typedef void (*csr_made)(void *ctx, const char *csr, const char *key, int err);

/* Copies the settings. The callback never comes from inside. NULL: no memory, or the pool takes no work. */
struct csr_job *csr_job_start(struct loop *loop, const struct csr_settings *settings, csr_made callback,
                              void *ctx);
/* No callback comes any more. NULL is fine. */
void csr_job_cancel(struct csr_job *job);

#endif
