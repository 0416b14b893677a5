/* What the history costs: transaction events as a station stores them, told to a store and a history, or to the store alone.
 *
 *   bench-history DIRECTORY EVENTS STATIONS [store]
 *
 * Prints as JSON what the loop's thread needs for one event, and what all threads need, in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "gateway/transaction_history.h"

#define PER_TURN 200 /* events before the loop runs */

struct world {
    struct loop loop;
    struct store *store;
    struct history *history;
    struct transaction_history *told;
    long count, answered;
};

struct batch {
    struct world *world;
    size_t station;
};

static double cpu_s(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_written(void *ctx, int err)
{
    struct batch *batch = ctx;
    struct world *world = batch->world;
    if (world->history)
        transaction_history_on_written(&world->told[batch->station], err);
    world->answered++;
}

static void event_text(long number, long seq, char *ret, size_t size)
{
    (void)snprintf(
        ret, size,
        "{\"eventType\":\"Updated\",\"timestamp\":\"2026-01-31T12:00:00.000Z\",\"triggerReason\":"
        "\"MeterValuePeriodic\",\"seqNo\":%ld,\"transactionInfo\":{\"transactionId\":"
        "\"6d0b7f6c-3f0d-4c55-9f3b-%012ld\",\"chargingState\":\"Charging\"},\"meterValue\":["
        "{\"timestamp\":\"2026-01-31T12:00:00.000Z\",\"sampledValue\":[{\"value\":%ld.0,\"context\":"
        "\"Sample.Periodic\",\"measurand\":\"Energy.Active.Import.Register\",\"unitOfMeasure\":{"
        "\"unit\":\"Wh\"}},{\"value\":11040.0,\"context\":\"Sample.Periodic\",\"measurand\":"
        "\"Power.Active.Import\",\"unitOfMeasure\":{\"unit\":\"W\"}}]}]}",
        seq, number, 1000 + seq);
}

static int write_event(struct world *world, struct batch *batch, long seq)
{
    static const char record[] =
        "{\"evse\":1,\"seqNo\":8,\"state\":\"Charging\",\"points\":15,\"started\":1769860800000,\"seen\":"
        "1769860800000,\"authorized\":true,\"idToken\":{\"idToken\":\"04A1B2C3D4E5F6\",\"type\":\"ISO14443\"}"
        ","
        "\"confirmed\":true,\"energised\":true,\"phases\":3,\"register\":1500,\"raw\":1500,\"start\":1000,"
        "\"charged\":60}";
    char text[1024], place[24], id[40];
    event_text((long)batch->station, seq, text, sizeof(text));
    (void)snprintf(place, sizeof(place), "%020ld", seq);
    (void)snprintf(id, sizeof(id), "6d0b7f6c-3f0d-4c55-9f3b-%012zu", batch->station);
    const struct record records[] = { { RECORD_EVENT, place, text }, { RECORD_TRANSACTION, id, record } };
    struct transaction_history *told = &world->told[batch->station];
    return world->history ? transaction_history_write(told, records, 2, on_written, batch)
                          : store_write(world->store, told->station, records, 2, on_written, batch);
}

static int run(struct world *world, struct batch *batches, size_t stations)
{
    for (long i = 0; i < world->count; i++) {
        int r = write_event(world, &batches[(size_t)i % stations], i / (long)stations);
        if (r < 0)
            return r;
        while (i % PER_TURN == PER_TURN - 1 && world->answered + 10 * PER_TURN < i)
            uv_run(&world->loop.uv, UV_RUN_ONCE);
    }
    while (world->answered < world->count)
        uv_run(&world->loop.uv, UV_RUN_ONCE);
    return 0;
}

int main(int argc, char **argv)
{
    char path[512], text[256];
    struct world world = { 0 };
    if (argc < 4)
        return 2;
    world.count = strtol(argv[2], NULL, 10);
    size_t stations = (size_t)strtol(argv[3], NULL, 10);
    (void)loop_init(&world.loop);
    (void)snprintf(path, sizeof(path), "%s/gateway.db", argv[1]);
    if (store_open(&world.loop, path, text, sizeof(text), &world.store) < 0)
        return 1;
    (void)snprintf(path, sizeof(path), "%s/history.db", argv[1]);
    if (argc < 5 && history_open(&world.loop, path, &world.history) < 0)
        return 1;
    world.told = calloc(stations, sizeof(*world.told));
    struct batch *batches = calloc(stations, sizeof(*batches));
    char(*ids)[16] = calloc(stations, sizeof(*ids));
    if (!world.told || !batches || !ids)
        return 1;
    for (size_t i = 0; i < stations; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "CS%04zu", i % 10000);
        batches[i] = (struct batch){ &world, i };
        transaction_history_init(&world.told[i], world.history, world.store, ids[i]);
    }
    double loop_s = cpu_s(CLOCK_THREAD_CPUTIME_ID), all_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    if (run(&world, batches, stations) < 0)
        return 1;
    loop_s = cpu_s(CLOCK_THREAD_CPUTIME_ID) - loop_s;
    history_close(world.history);
    all_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - all_s;
    store_close(world.store);
    (void)printf("{\"loop_us\": %.2f, \"all_us\": %.2f}\n", loop_s / (double)world.count * 1e6,
                 all_s / (double)world.count * 1e6);
    loop_done(&world.loop);
    free(world.told);
    free(batches);
    free(ids);
    return 0;
}
