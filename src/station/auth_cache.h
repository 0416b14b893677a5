/* The authorization cache (C10-C12): what the CSMS said last of the tokens presented here.
 *
 *   filled     from AuthorizeResponse and TransactionEventResponse, whatever the status (C10.FR.01)
 *   read       by authorization.c, where AuthCacheCtrlr.Enabled
 *   bounded    by AUTH_CACHE_MAX; what is not Accepted goes first, then by AuthCacheCtrlr.Policy (C10.FR.07)
 *   expiring   at cacheExpiryDateTime, else AuthCacheCtrlr.LifeTime after the last answer (C10.FR.10, C10.FR.13)
 *   persistent as RECORD_TOKEN; a token is kept, here and there, only as its hash under a key of this station (C10.FR.12)
 *
 * Of an empty cache nothing is on the heap. */
#ifndef STATION_AUTH_CACHE_H
#define STATION_AUTH_CACHE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/evse.h"
#include "base/siphash.h"
#include "base/timer.h"

struct station;

#define AUTH_CACHE_MAX 3072 /* tokens of a station; three quarters of the largest table */

enum authorization_status { /* AuthorizationStatusEnumType */
                            STATUS_ACCEPTED,
                            STATUS_BLOCKED,
                            STATUS_CONCURRENT_TX,
                            STATUS_EXPIRED,
                            STATUS_INVALID,
                            STATUS_NO_CREDIT,
                            STATUS_NOT_ALLOWED_TYPE_EVSE,
                            STATUS_NOT_AT_THIS_LOCATION,
                            STATUS_NOT_AT_THIS_TIME,
                            STATUS_UNKNOWN,
                            AUTHORIZATION_STATUSES
};
extern const char *const authorization_status_names[AUTHORIZATION_STATUSES];

#define EVERY_EVSE UINT64_MAX

struct cached_token {
    uint8_t hash[SIPHASH_SIZE];
    int64_t added_ms, updated_ms, used_ms; /* wall clock: first answer, last answer, last presented */
    int64_t expires_ms;                    /* cacheExpiryDateTime; -1: LifeTime counts */
    uint64_t evses;                        /* bit id - 1: may charge there; or EVERY_EVSE */
    char *group;                           /* groupIdToken, or NULL */
    uint32_t uses;                         /* times presented */
    uint8_t status;                        /* enum authorization_status */
    bool is_taken;                         /* else the slot is free */
    bool clearing;                         /* goes when the store has cleared it */
};

struct auth_cache {
    struct cached_token *slots; /* open addressing; NULL while empty */
    size_t capacity, count;     /* capacity: a power of two, or 0 */
    size_t group_bytes;
    uint8_t key[SIPHASH_KEY_SIZE];
    bool has_key, key_is_stored;
    struct timer purge_timer;
};

/* The hash of a token under a key of the station: of its type and its value in upper case (C01.FR.25: a CiString). */
void id_token_hash(const uint8_t key[static SIPHASH_KEY_SIZE], const struct id_token *token,
                   uint8_t ret[static SIPHASH_SIZE]);
/* evseId of an idTokenInfo as bits, or EVERY_EVSE. */
uint64_t token_info_evses(const json_t *info);
/* cacheExpiryDateTime of an idTokenInfo in Unix ms; -1: none; 0, which is over, where it cannot be read. */
int64_t token_info_expiry(const json_t *info);

/* The token's entry, or NULL: not there or expired (then it is removed). Not asked: whether the cache is enabled. Borrowed until the
 * next call here. */
const struct cached_token *auth_cache_find(struct station *s, const struct id_token *token);
/* The same for a token that was presented just now: counts for the Policy. */
const struct cached_token *auth_cache_use(struct station *s, const struct id_token *token);
/* Takes over an idTokenInfo that the CSMS gave for the token, if the cache is enabled and may have tokens of this type. */
void auth_cache_update(struct station *s, const struct id_token *token, const json_t *info);
/* Forgets the token, here and in the store (CustomerInformation with clear: N10). Whether it was there. */
bool auth_cache_remove(struct station *s, const struct id_token *token);
/* AuthCacheCtrlr.Storage: bytes in use, and the most there can be. */
size_t auth_cache_bytes(const struct station *s);
size_t auth_cache_max_bytes(void);

void auth_cache_init(struct station *s);
void auth_cache_done(struct station *s);
void auth_cache_restore(struct station *s, const char *key, const char *value); /* RECORD_TOKEN */
void auth_cache_start(struct station *s);                                       /* all is restored */

#endif
