/* Our file transfers on a command line, for tests against other people's servers:
 *
 *   transfer_probe get|put URL FILE [ca=FILE] [hosts=FILE] [max=BYTES] [idle=MS] [name=NAME] [cancel=MS] [count=N]
 *
 * Several (`count`) go to FILE, FILE.1, ... at once. On stdout a line for each end: "ERRNO-NAME BYTES TEXT", or "refused ERRNO-NAME",
 * or "cancelled"; and at last "turns N": how often a timer of 10 ms came round, for a loop that is not kept waiting. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "net/transfer.h"

#define MAX_COUNT 32

struct probe {
    struct loop loop;
    struct transfers *transfers;
    struct transfer *transfer[MAX_COUNT];
    struct timer cancel, beat;
    int64_t beats, count, over;
};

static void end_if_over(struct probe *p)
{
    if (p->over == p->count)
        loop_stop(&p->loop);
}

static void on_ended(void *ctx, const struct transfer_end *end)
{
    struct probe *p = ctx;
    printf("%s %lld %s\n", end->err ? strerrorname_np(-end->err) : "ok", (long long)end->bytes, end->text);
    p->over++;
    end_if_over(p);
}

static void on_cancel(struct timer *timer, void *ctx)
{
    (void)timer;
    struct probe *p = ctx;
    for (int64_t i = 0; i < p->count; i++)
        transfer_free(STEAL(p->transfer[i]));
    puts("cancelled");
    loop_stop(&p->loop);
}

static void on_beat(struct timer *timer, void *ctx)
{
    struct probe *p = ctx;
    p->beats++;
    env_timer_start(&p->loop.env, timer, 10);
}

static const char *option(int argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    for (int i = 4; i < argc; i++)
        if (str_starts(argv[i], name) && argv[i][len] == '=')
            return argv[i] + len + 1;
    return NULL;
}

static int64_t number(int argc, char **argv, const char *name, int64_t otherwise)
{
    const char *text = option(argc, argv, name);
    int64_t value = otherwise;
    if (text && str_to_int64(text, &value) < 0)
        exit(2);
    return value;
}

static char *content(const char *path)
{
    static char text[65536];
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return NULL;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void start(struct probe *p, int argc, char **argv)
{
    struct transfer_settings s = {
        .url = argv[2],
        .is_upload = str_equal(argv[1], "put"),
        .name = option(argc, argv, "name"),
        .ca_pem = content(option(argc, argv, "ca")),
        .max_bytes = number(argc, argv, "max", 100000000),
        .idle_timeout_ms = number(argc, argv, "idle", 5000),
    };
    for (int64_t i = 0; i < p->count; i++) {
        char path[512];
        (void)snprintf(path, sizeof(path), i && !s.is_upload ? "%s.%d" : "%s", argv[3], (int)i);
        s.path = path;
        int r = transfer_start(p->transfers, &s, on_ended, p, &p->transfer[i]);
        if (r < 0) {
            printf("refused %s\n", strerrorname_np(-r));
            p->over++;
        }
    }
}

int main(int argc, char **argv)
{
    static struct probe p;
    if (argc < 4 || loop_init(&p.loop) < 0 || transfers_new(&p.loop, &p.transfers) < 0)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level((enum log_area)area, LOG_DEBUG);
    (void)transfers_set_known_hosts(p.transfers, option(argc, argv, "hosts"));
    p.count = number(argc, argv, "count", 1);
    if (p.count > MAX_COUNT)
        return 2;
    timer_init(&p.cancel, p.loop.env.timers, on_cancel, &p);
    timer_init(&p.beat, p.loop.env.timers, on_beat, &p);

    start(&p, argc, argv);
    int64_t cancel_ms = number(argc, argv, "cancel", -1);
    if (cancel_ms >= 0)
        env_timer_start(&p.loop.env, &p.cancel, cancel_ms);
    on_beat(&p.beat, &p);
    if (p.over < p.count)
        loop_run(&p.loop);

    timer_stop(&p.cancel);
    timer_stop(&p.beat);
    for (int64_t i = 0; i < p.count; i++)
        transfer_free(p.transfer[i]);
    transfers_free(p.transfers);
    loop_done(&p.loop);
    printf("turns %lld\n", (long long)p.beats);
    return 0;
}
