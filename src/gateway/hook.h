/* A program, the installer's or our own, run without a shell: a small environment, its output in the log (bounded) or to who wants it, a time
 * limit. */
#ifndef GATEWAY_HOOK_H
#define GATEWAY_HOOK_H

#include <stdint.h>

#include "base/cleanup.h"
#include "net/loop.h"

#define HOOK_MAX_ARGS 32 /* with the program and what we add */

struct hook;

/* The exit status, or negative: -ETIMEDOUT, -EINTR (killed by a signal), -errno (it cannot be run). Once, never from inside. */
typedef void (*hook_ended)(void *ctx, int status);

/* Both kinds of output, as it comes; may kill the hook, which `ended` may not. */
typedef void (*hook_output)(void *ctx, const char *bytes, size_t len);
struct hook_events {
    hook_ended ended;
    hook_output output; /* NULL: it goes to the log, as does why it cannot be run */
};

/* `argv` ends with NULL and is copied. NULL without memory. The hook frees itself when it has told its end. */
struct hook *hook_start(struct loop *loop, const char *const *argv, int64_t timeout_ms, hook_ended ended,
                        void *ctx);
/* The same with more events. */
struct hook *hook_start_with(struct loop *loop, const char *const *argv, int64_t timeout_ms,
                             const struct hook_events *events, void *ctx);
/* Kills it, with all it has started; no callback after. NULL is fine. */
void hook_kill(struct hook *hook);

#endif
