/* One station of one EVSE with a CSMS that answers in the same process, in virtual time. */
#ifndef BENCH_SOLO_H
#define BENCH_SOLO_H

#include "station/station.h"

struct solo {
    const int64_t *now_ms; /* shared virtual time, since 2026-01-31T12:00:00Z */
    struct station *station;
    /* Where records go; the tickets come back by station_on_persisted(). NULL: they are there at once. */
    int (*persist)(struct solo *solo, const struct record *records, size_t count, uint32_t ticket);
    void (*on_answer)(struct solo *solo, const char *text,
                      size_t len); /* to a request of the CSMS; NULL: of no interest */
    void *user;
    char answer[512]; /* to the one CALL that waits */
    bool wants_link;
    uint32_t tickets[64]; /* of what is to be acknowledged */
    size_t ticket_count;
};

/* The environment of stations that share this time. */
struct env solo_env(int64_t *now_ms, struct timers *timers);
/* Started, its device available. False without memory. */
bool solo_make(struct solo *solo, const struct env *env);
/* Answers what the station asked for, until it asks for nothing. */
void solo_serve(struct solo *solo);

#endif
