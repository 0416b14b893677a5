/* Runs a program by uv_spawn in a session of its own, so that a time-out ends what it has started, too. */
#include "gateway/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define LINE_MAX_BYTES 400
#define LINES_MAX      200 /* of output that go to the log */
#define OUTPUT_WAIT_MS 200 /* for the rest of it after the end */

struct hook {
    struct loop *loop;
    uv_process_t process;
    uv_work_t reaper; /* waits for a process that was killed */
    int pid;
    uv_pipe_t output;
    struct timer timer;
    struct hook_events events; /* ended NULL: it was killed, nobody waits */
    void *ctx;
    char *argv[HOOK_MAX_ARGS + 1];
    char line[LINE_MAX_BYTES + 1];
    size_t line_len;
    int lines, open_handles;
    char bytes[1024];                                           /* being read */
    bool has_process, spawned, exited, output_ended, timed_out; /* has_process: libuv knows the handle */
    int status;
};

static void hook_free(struct hook *h)
{
    for (char **arg = h->argv; *arg; arg++)
        free(*arg);
    free(h);
}

/* ---- output ---- */

static void log_line(struct hook *h)
{
    h->line[h->line_len] = '\0';
    h->line_len = 0;
    str_make_harmless(h->line);
    if (h->line[0] && h->lines < LINES_MAX)
        log_info(LOG_GATEWAY, "hook says: program=%s: %s", h->argv[0], h->line);
    h->lines++;
    if (h->lines == LINES_MAX)
        log_warn(LOG_GATEWAY, "hook says too much, the rest is left out: program=%s", h->argv[0]);
}

/* ---- the end ---- */

static void on_part_gone(struct hook *h)
{
    if (--h->open_handles > 0)
        return;
    if (h->line_len)
        log_line(h);
    if (h->events.ended)
        h->events.ended(h->ctx, h->timed_out ? -ETIMEDOUT : h->status);
    hook_free(h);
}

static void on_closed(uv_handle_t *handle)
{
    on_part_gone(handle->data);
}

/* In the pool: libuv takes no notice any more of a process whose handle was closed. */
static void reap(uv_work_t *work)
{
    const struct hook *h = CONTAINER_OF(work, struct hook, reaper);
    while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void on_reaped(uv_work_t *work, int status)
{
    (void)status;
    on_part_gone(CONTAINER_OF(work, struct hook, reaper));
}

static void close_all(struct hook *h)
{
    timer_stop(&h->timer);
    h->open_handles = 1 + h->has_process;
    h->pid = h->process.pid;
    if (h->spawned && !h->exited && uv_queue_work(&h->loop->uv, &h->reaper, reap, on_reaped) == 0)
        h->open_handles++;
    uv_close((uv_handle_t *)&h->output, on_closed);
    if (h->has_process)
        uv_close((uv_handle_t *)&h->process, on_closed);
}

static bool is_closing(const struct hook *h)
{
    return uv_is_closing((const uv_handle_t *)&h->output);
}

static void close_if_over(struct hook *h)
{
    if (h->exited && h->output_ended && !is_closing(h))
        close_all(h);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct hook *h = handle->data;
    *ret = uv_buf_init(h->bytes, sizeof(h->bytes));
}

static void on_output(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes)
{
    struct hook *h = stream->data;
    if (len > 0 && h->events.output && h->events.ended)
        h->events.output(h->ctx, bytes->base, (size_t)len);
    for (ssize_t i = 0; i < len && !h->events.output; i++) {
        if (bytes->base[i] == '\n' || h->line_len == LINE_MAX_BYTES)
            log_line(h);
        if (bytes->base[i] != '\n')
            h->line[h->line_len++] = bytes->base[i];
    }
    if (len < 0 && !is_closing(h)) {
        uv_read_stop(stream);
        h->output_ended = true;
        close_if_over(h);
    }
}

static void on_exited(uv_process_t *process, int64_t status, int signal_number)
{
    struct hook *h = process->data;
    h->status = signal_number ? -EINTR : (int)status;
    h->exited = true;
    /* What it said last may still be in the pipe; what it left running may hold the pipe for long. */
    env_timer_start(&h->loop->env, &h->timer, OUTPUT_WAIT_MS);
    close_if_over(h);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct hook *h = ctx;
    if (h->exited || !h->spawned) {
        close_all(h);
        return;
    }
    h->timed_out = true;
    (void)kill(-h->process.pid, SIGKILL);
}

void hook_kill(struct hook *h)
{
    if (!h || !h->events.ended)
        return;
    h->events.ended = NULL;
    if (h->spawned && !is_closing(h))
        (void)kill(-h->process.pid, SIGKILL);
    if (!is_closing(h))
        close_all(h);
}

/* ---- the start ---- */

/* Both kinds of output go through one pipe. */
static int spawn(struct hook *h)
{
    char *environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            "LANG=C.UTF-8", NULL };
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    uv_stdio_container_t stdio[] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = ends[1] },
        { .flags = UV_INHERIT_FD, .data.fd = ends[1] },
    };
    uv_process_options_t options = {
        .exit_cb = on_exited,
        .file = h->argv[0],
        .args = h->argv,
        .env = environment,
        .cwd = "/",
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = ARRAY_SIZE(stdio),
        .stdio = stdio,
    };
    int r = uv_pipe_open(&h->output, ends[0]);
    h->has_process = r == 0;
    if (r < 0)
        (void)close(ends[0]);
    else
        r = uv_spawn(&h->loop->uv, &h->process, &options);
    (void)close(ends[1]);
    return r;
}

struct hook *hook_start_with(struct loop *loop, const char *const *argv, int64_t timeout_ms,
                             const struct hook_events *events, void *ctx)
{
    struct hook *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    for (size_t i = 0; argv[i] && i < HOOK_MAX_ARGS; i++)
        if (!(h->argv[i] = strdup(argv[i]))) {
            hook_free(h);
            return NULL;
        }
    h->loop = loop;
    h->events = *events;
    h->ctx = ctx;
    timer_init(&h->timer, loop->env.timers, on_timer, h);
    (void)uv_pipe_init(&loop->uv, &h->output, 0);
    h->output.data = h;
    int r = spawn(h);
    h->process.data = h;
    h->spawned = r == 0;
    h->status = r;
    if (r < 0 && !events->output)
        log_error(LOG_GATEWAY, "hook cannot be run: program=%s error=\"%s\"", h->argv[0], err_text(r));
    if (r == 0)
        (void)uv_read_start((uv_stream_t *)&h->output, on_alloc, on_output);
    env_timer_start(&loop->env, &h->timer, r < 0 ? 0 : timeout_ms);
    return h;
}

struct hook *hook_start(struct loop *loop, const char *const *argv, int64_t timeout_ms, hook_ended ended,
                        void *ctx)
{
    return hook_start_with(loop, argv, timeout_ms, &(struct hook_events){ ended, NULL }, ctx);
}
