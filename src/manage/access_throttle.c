/* A small table, looked through as a whole: a try costs tens of milliseconds of hashing, this microseconds. */
#include "manage/access_throttle.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"

void throttle_init(struct throttle *throttle, const struct env *env, int64_t max_ms, int64_t forget_ms)
{
    throttle->env = env;
    throttle->max_ms = max_ms;
    throttle->forget_ms = forget_ms;
    throttle->count = 0;
    env->random(env->ctx, throttle->secret, sizeof(throttle->secret));
}

static void remove_entry(struct throttle *throttle, struct throttle_entry *entry)
{
    *entry = throttle->entries[--throttle->count];
}

/* NULL: nothing is known of it, or not any more. */
static struct throttle_entry *find(struct throttle *throttle, const uint8_t key[static SIPHASH_SIZE])
{
    for (size_t i = 0; i < throttle->count; i++) {
        struct throttle_entry *entry = &throttle->entries[i];
        if (memcmp(entry->key, key, SIPHASH_SIZE) != 0)
            continue;
        if (env_now_ms(throttle->env) - entry->last_ms < throttle->forget_ms)
            return entry;
        remove_entry(throttle, entry);
        return NULL;
    }
    return NULL;
}

static struct throttle_entry *find_text(struct throttle *throttle, const char *key,
                                        uint8_t ret_key[static SIPHASH_SIZE])
{
    siphash(throttle->secret, key, strlen(key), ret_key);
    return find(throttle, ret_key);
}

static int64_t delay_ms(unsigned tries, int64_t max_ms)
{
    if (tries < THROTTLE_FREE)
        return 0;
    unsigned doublings = tries - THROTTLE_FREE;
    int64_t delay = doublings < 20 ? 1000LL << doublings : max_ms;
    return delay < max_ms ? delay : max_ms;
}

int64_t throttle_wait_ms(struct throttle *throttle, const char *key)
{
    uint8_t hash[SIPHASH_SIZE];
    const struct throttle_entry *entry = find_text(throttle, key, hash);
    int64_t wait_ms =
        entry ? entry->last_ms + delay_ms(entry->tries, throttle->max_ms) - env_now_ms(throttle->env) : 0;
    return wait_ms > 0 ? wait_ms : 0;
}

static struct throttle_entry *new_entry(struct throttle *throttle)
{
    if (throttle->count < THROTTLE_KEYS)
        return &throttle->entries[throttle->count++];
    struct throttle_entry *oldest = &throttle->entries[0];
    for (size_t i = 1; i < THROTTLE_KEYS; i++)
        if (throttle->entries[i].last_ms < oldest->last_ms)
            oldest = &throttle->entries[i];
    return oldest;
}

void throttle_count(struct throttle *throttle, const char *key)
{
    uint8_t hash[SIPHASH_SIZE];
    struct throttle_entry *entry = find_text(throttle, key, hash);
    if (!entry) {
        entry = new_entry(throttle);
        memcpy(entry->key, hash, SIPHASH_SIZE);
        entry->tries = 0;
        entry->last_ms = env_now_ms(throttle->env);
    }
    entry->before_ms = entry->last_ms;
    entry->last_ms = env_now_ms(throttle->env);
    entry->tries++;
}

void throttle_take_back(struct throttle *throttle, const char *key)
{
    uint8_t hash[SIPHASH_SIZE];
    struct throttle_entry *entry = find_text(throttle, key, hash);
    if (!entry)
        return;
    entry->last_ms = entry->before_ms;
    if (--entry->tries == 0)
        remove_entry(throttle, entry);
}

void throttle_forget(struct throttle *throttle, const char *key)
{
    uint8_t hash[SIPHASH_SIZE];
    struct throttle_entry *entry = find_text(throttle, key, hash);
    if (entry)
        remove_entry(throttle, entry);
}

bool throttle_has(struct throttle *throttle, const char *key)
{
    uint8_t hash[SIPHASH_SIZE];
    return find_text(throttle, key, hash) != NULL;
}

void throttle_peer_key(const char *peer, char ret[static THROTTLE_PEER_SIZE])
{
    static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    struct in6_addr address;
    if (inet_pton(AF_INET6, peer, &address) != 1) {
        (void)str_copy(ret, THROTTLE_PEER_SIZE, peer);
    } else if (memcmp(&address, mapped, sizeof(mapped)) == 0) {
        (void)inet_ntop(AF_INET, &address.s6_addr[12], ret, THROTTLE_PEER_SIZE);
    } else {
        memset(&address.s6_addr[8], 0, 8);
        (void)inet_ntop(AF_INET6, &address, ret, THROTTLE_PEER_SIZE);
    }
}
