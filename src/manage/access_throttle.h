/* Wrong tries, counted by a key (a user's name, a client's address, both): the first few are free, then each makes the next wait longer. */
#ifndef MANAGE_ACCESS_THROTTLE_H
#define MANAGE_ACCESS_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/siphash.h"

#define THROTTLE_KEYS      1000               /* the one with the oldest try makes room */
#define THROTTLE_FREE      5                  /* from this many on there is waiting: 1 s, 2 s, 4 s ... */
#define THROTTLE_FORGET_MS (60LL * 60 * 1000) /* after so long without a try */

struct throttle {
    const struct env *env;
    int64_t max_ms, forget_ms;
    uint8_t secret[SIPHASH_KEY_SIZE]; /* keys are kept as hashes: of one size, and no list of names */
    size_t count;
    struct throttle_entry {
        uint8_t key[SIPHASH_SIZE];
        int64_t last_ms, before_ms; /* the last try and the one before; monotonic */
        unsigned tries;
    } entries[THROTTLE_KEYS];
};

/* The longest wait, and after how long without a try all is forgotten. */
void throttle_init(struct throttle *throttle, const struct env *env, int64_t max_ms, int64_t forget_ms);

/* How long until the next try may be made; 0: now. */
int64_t throttle_wait_ms(struct throttle *throttle, const char *key);
/* Counts a try as wrong. It is called before the try is compared, so that many at once gain nothing. */
void throttle_count(struct throttle *throttle, const char *key);
/* Takes the last one back: it was right, or was not compared at all. What had to be waited for before it is not waited for again. */
void throttle_take_back(struct throttle *throttle, const char *key);
void throttle_forget(struct throttle *throttle, const char *key);
bool throttle_has(struct throttle *throttle, const char *key);

/* The key of an address: an IPv6 host has a whole /64 to come from, which counts as one; an IPv4 address in IPv6 is that IPv4 address. */
#define THROTTLE_PEER_SIZE 48
void throttle_peer_key(const char *peer, char ret[static THROTTLE_PEER_SIZE]);

#endif
