/* The Local Authorization List of one station, with a real store: how long it takes to send, how long anybody else has to wait meanwhile,
 * and how long a token is looked for.
 *
 *   bench-local-list SENT HELD
 *
 * Prints as JSON: seconds to send SENT entries in messages of 64 KiB, each answered before the next; the longest time that one message kept
 * the loop busy; the longest time that a record of another station waited for its commit meanwhile; the time of a lookup in a
 * list of HELD; and how long the loop was busy, and another station waited, when that list is replaced by an empty one. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "bench/solo.h"
#include "station/internal.h"
#include "store/store.h"

#define PER_MESSAGE 600
#define LOOKUPS     1000000

static struct {
    struct loop loop;
    struct store *store;
    struct solo solo;
    int64_t now_ms;
    struct timers timers;
    bool is_answered;
    double busy_longest_ms;
    double other_since_ms,
        other_longest_ms; /* the other station's record: since when it waits; 0: it does not */
} bench;

static double clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void count_busy(double begin_ms)
{
    double took = clock_ms() - begin_ms;
    bench.busy_longest_ms = took > bench.busy_longest_ms ? took : bench.busy_longest_ms;
}

static void on_written(void *ctx, int err)
{
    double begin = clock_ms();
    station_on_persisted(bench.solo.station, (uint32_t)(uintptr_t)ctx, err);
    count_busy(begin);
    loop_stop(&bench.loop);
}

static int persist(struct solo *solo, const struct record *records, size_t count, uint32_t ticket)
{
    (void)solo;
    return store_write(bench.store, "CS-000001", records, count, ticket ? on_written : NULL,
                       (void *)(uintptr_t)ticket); /* NOLINT(performance-no-int-to-ptr) */
}

static void on_answer(struct solo *solo, const char *text, size_t len)
{
    (void)solo;
    bench.is_answered = true;
    if (!memmem(text, len, "\"Accepted\"", 10))
        exit((fprintf(stderr, "%.*s\n", (int)len, text), 1));
}

static void on_other_written(void *ctx, int err)
{
    (void)ctx;
    (void)err;
    double waited = clock_ms() - bench.other_since_ms;
    bench.other_longest_ms = waited > bench.other_longest_ms ? waited : bench.other_longest_ms;
    bench.other_since_ms = 0;
}

static void write_other(void)
{
    if (bench.other_since_ms > 0)
        return;
    bench.other_since_ms = clock_ms();
    (void)store_write(bench.store, "CS-000002", &(struct record){ RECORD_EVENT, "1", "{}" }, 1,
                      on_other_written, NULL);
}

static void send_frame(const char *text, size_t len)
{
    double begin = clock_ms();
    bench.is_answered = false;
    station_on_frame(bench.solo.station, text, len);
    count_busy(begin);
    write_other();
    while (!bench.is_answered) {
        bench.loop.stopping = false;
        loop_run(&bench.loop);
    }
}

static void send_entries(int from, int count, int *version)
{
    for (int at = from; at < from + count; at += PER_MESSAGE) {
        struct buf frame;
        int number = ++*version;
        buf_init(&frame, 1 << 20);
        buf_printf(&frame,
                   "[2,\"%d\",\"SendLocalList\",{\"versionNumber\":%d,\"updateType\":\"Differential\","
                   "\"localAuthorizationList\":[",
                   number, number);
        for (int i = at; i < at + PER_MESSAGE && i < from + count; i++)
            buf_printf(&frame,
                       "%s{\"idToken\":{\"idToken\":\"%014d\",\"type\":\"ISO14443\"},\"idTokenInfo\":{"
                       "\"status\":\"Accepted\"}}",
                       i == at ? "" : ",", i);
        buf_text(&frame, "]}]");
        send_frame(buf_string(&frame), frame.len);
        buf_done(&frame);
    }
}

/* The whole list goes; until the store has nothing of it any more. */
static void replace_list(void)
{
    static const char frame[] = "[2,\"r\",\"SendLocalList\",{\"versionNumber\":1,\"updateType\":\"Full\"}]";
    bench.busy_longest_ms = bench.other_longest_ms = 0;
    send_frame(frame, strlen(frame));
    while (bench.solo.station->local_list.is_purging) {
        write_other();
        bench.loop.stopping = false;
        loop_run(&bench.loop);
    }
}

static double lookup_us(int held)
{
    struct id_token token = { .type = "ISO14443" };
    size_t found = 0;
    double begin = clock_ms();
    for (int i = 0; i < LOOKUPS; i++) {
        (void)snprintf(token.value, sizeof(token.value), "%014d", (int)(random() % (2 * held)));
        found += local_list_find(bench.solo.station, &token) != NULL;
    }
    double us = (clock_ms() - begin) * 1000 / LOOKUPS;
    return found > 0 ? us : -1;
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/bench-local-list-XXXXXX", file[64], why[200];
    if (argc < 3 || !mkdtemp(path) || loop_init(&bench.loop) < 0)
        return 2;
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level((enum log_area)area, LOG_ERROR);
    int sent = (int)strtol(argv[1], NULL, 10), held = (int)strtol(argv[2], NULL, 10), version = 0;
    (void)snprintf(file, sizeof(file), "%s/state.db", path);
    if (store_open(&bench.loop, file, why, sizeof(why), &bench.store) < 0)
        return 1;
    struct env env = solo_env(&bench.now_ms, &bench.timers);
    bench.solo = (struct solo){ .now_ms = &bench.now_ms };
    if (!solo_make(&bench.solo, &env))
        return 1;
    for (int second = 0; second < 30; second++, bench.now_ms += 1000) {
        timers_run(&bench.timers, bench.now_ms);
        solo_serve(&bench.solo);
    }
    bench.solo.persist = persist;
    bench.solo.on_answer = on_answer;
    double begin = clock_ms();
    send_entries(0, sent, &version);
    double took_s = (clock_ms() - begin) / 1000, busy_ms = bench.busy_longest_ms;
    double other_ms = bench.other_longest_ms;
    send_entries(sent, held - sent, &version);
    double found_us = lookup_us(held);
    replace_list();
    printf("{\"seconds\": %.3f, \"busy_ms\": %.2f, \"other_ms\": %.1f, \"lookup_us\": %.3f, "
           "\"replace_busy_ms\": %.2f, \"replace_other_ms\": %.1f}\n",
           took_s, busy_ms, other_ms, found_us, bench.busy_longest_ms, bench.other_longest_ms);
    station_free(bench.solo.station);
    store_close(bench.store);
    char command[200]; /* the files of this run */
    for (const char *const *suffix = (const char *const[]){ "", "-wal", "-shm", ".reserve", ".lock", NULL };
         *suffix; suffix++) {
        (void)snprintf(command, sizeof(command), "%s%s", file, *suffix);
        (void)unlink(command);
    }
    (void)rmdir(path);
    return 0;
}
