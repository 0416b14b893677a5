/* Arguments down, lines up (scan_program.h). Nothing goes through a shell, and nothing that people sent stands where an option could. */
#include "gateway/scan_program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/hook.h"

#define TIME_MS         600000
#define MAX_OUTPUT      (1u << 20)
#define RELAY_TIMEOUT   "30s" /* others have their turns before; the relay itself waits less */
#define PROGRAM         "ocpp-cli"
#define PROGRAM_PREFIX  PROGRAM ": "
#define MAX_DIRECTORIES 8192
#define MAX_LAST        200

struct scan_program {
    struct hook *hook;
    const struct scan_program_events *events;
    void *ctx;
    struct buf line; /* begun */
    size_t output;
    char last[MAX_LAST]; /* of what it said that is neither an object nor for people */
};

static void program_free(struct scan_program *p)
{
    buf_done(&p->line);
    free(p);
}

/* ---- what it says ---- */

static void on_line(struct scan_program *p, const char *line)
{
    AUTO(json_t) *object = line[0] == '{' ? json_from_text(line, strlen(line)) : NULL;
    if (json_is_object(object)) {
        p->events->on_object(p->ctx, object);
        return;
    }
    bool is_text = str_starts(line, PROGRAM_PREFIX);
    (void)str_copy(p->last, sizeof(p->last), is_text ? line + strlen(PROGRAM_PREFIX) : line);
    str_make_harmless(p->last);
    if (is_text)
        p->events->on_text(p->ctx, p->last);
}

static void end(struct scan_program *p, const char *error)
{
    const struct scan_program_events *events = p->events;
    void *ctx = p->ctx;
    program_free(p);
    events->on_end(ctx, error);
}

static void on_output(void *ctx, const char *bytes, size_t len)
{
    struct scan_program *p = ctx;
    p->output += len;
    if (p->output > MAX_OUTPUT) {
        hook_kill(p->hook);
        end(p, "it says too much, so it was ended");
        return;
    }
    while (len > 0) {
        const char *stop = memchr(bytes, '\n', len);
        size_t part = stop ? (size_t)(stop - bytes) : len;
        (void)buf_append(&p->line, bytes, part);
        if (stop) {
            on_line(p, p->line.err ? "" : buf_string(&p->line));
            buf_clear(&p->line);
        }
        bytes += part + (stop != NULL);
        len -= part + (stop != NULL);
    }
}

/* 1: nothing was found, or not all could be looked at, which was told. */
static void on_ended(void *ctx, int status)
{
    struct scan_program *p = ctx;
    char error[MAX_LAST + 100];
    if (p->line.len > 0)
        on_line(p, buf_string(&p->line));
    if (status == 0 || status == 1) {
        end(p, NULL);
        return;
    }
    if (status == -ETIMEDOUT)
        (void)snprintf(error, sizeof(error), "it took longer than %d minutes", TIME_MS / 60000);
    else if (status < 0 && status != -EINTR)
        (void)snprintf(error, sizeof(error), "%s cannot be run: %s", PROGRAM, err_text(status));
    else
        (void)snprintf(error, sizeof(error), "%s failed: %s", PROGRAM, p->last);
    end(p, error);
}

/* ---- what it is told ---- */

/* "ocpp-cli" beside our own program: that of this version. */
static int find_program(char *ret, size_t size)
{
    size_t len = size;
    int r = uv_exepath(ret, &len);
    char *slash = r == 0 ? strrchr(ret, '/') : NULL;
    if (!slash)
        return r < 0 ? r : -ENOENT;
    size_t left = size - (size_t)(slash + 1 - ret);
    return snprintf(slash + 1, left, "%s", PROGRAM) < (int)left ? 0 : -ENAMETOOLONG;
}

/* The gateway's profile directories, all absolute: relative ones start at the configuration. */
static void print_directories(const struct config *config, struct buf *out)
{
    char here[PATH_MAX] = "";
    size_t len = sizeof(here);
    const char *slash = strrchr(config->name, '/');
    int base = slash ? (int)(slash - config->name) : 0;
    if (config->name[0] != '/')
        (void)uv_cwd(here, &len);
    for (const char *at = config->general.profiles; at && *at;) {
        int part = (int)strcspn(at, ":");
        if (at[0] == '/')
            buf_printf(out, "%s%.*s", out->len ? ":" : "", part, at);
        else if (part > 0)
            buf_printf(out, "%s%s%s%.*s/%.*s", out->len ? ":" : "", here, here[0] && base ? "/" : "", base,
                       config->name, part, at);
        at += part + (at[part] == ':');
    }
}

struct words {
    const char *list[HOOK_MAX_ARGS];
    size_t count;
};

static void add(struct words *words, const char *option, const char *value)
{
    if (!*value || words->count + 2 >= HOOK_MAX_ARGS)
        return;
    words->list[words->count++] = option;
    words->list[words->count++] = value;
}

static struct hook *start(struct scan_program *p, struct gateway *gateway, const struct scan_request *request,
                          uint16_t relay_port)
{
    static const struct hook_events events = { on_ended, on_output };
    char program[PATH_MAX], relay[40];
    struct buf directories;
    struct words words = { .list = { program, "--json", "scan", "modbus", "--lines" }, .count = 5 };
    if (find_program(program, sizeof(program)) < 0)
        (void)str_copy(program, sizeof(program), PROGRAM);
    buf_init(&directories, MAX_DIRECTORIES);
    print_directories(gateway->config, &directories);
    add(&words, "--profiles", buf_string(&directories));
    add(&words, "--units", request->units);
    if (relay_port) {
        (void)snprintf(relay, sizeof(relay), "127.0.0.1:%u", relay_port);
        add(&words, "--timeout", RELAY_TIMEOUT);
    } else {
        add(&words, "--framing", request->framing);
        add(&words, "--baud", request->baud);
        add(&words, "--parity", request->parity);
        add(&words, "--stop-bits", request->stop_bits);
    }
    add(&words, "--", relay_port ? relay : request->target);
    struct hook *hook = hook_start_with(&gateway->loop, words.list, TIME_MS, &events, p);
    buf_done(&directories);
    return hook;
}

struct scan_program *scan_program_start(struct gateway *gateway, const struct scan_request *request,
                                        uint16_t relay_port, const struct scan_program_events *events,
                                        void *ctx)
{
    struct scan_program *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->events = events;
    p->ctx = ctx;
    buf_init(&p->line, MAX_OUTPUT);
    p->hook = start(p, gateway, request, relay_port);
    if (p->hook)
        return p;
    program_free(p);
    return NULL;
}

void scan_program_kill(struct scan_program *p)
{
    if (!p)
        return;
    hook_kill(p->hook);
    program_free(p);
}
