/* What is known of a token without asking: by the Local Authorization List, which stands before the authorization cache
 * (C13.FR.01, C14.FR.01). */
#ifndef STATION_KNOWN_TOKEN_H
#define STATION_KNOWN_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/evse.h"
#include "station/auth_cache.h"

struct evse;
struct list_entry;
struct station;

struct known_token {
    bool is_known;                   /* else all else is 0 */
    bool is_expired;                 /* only of a listed one: those of the cache are forgotten then */
    const struct list_entry *listed; /* NULL: known by the cache; borrowed until the list changes */
    enum authorization_status status;
    const char *group; /* or NULL; borrowed until cache or list change */
    uint64_t evses;    /* bit id - 1, or EVERY_EVSE */
};

struct known_token known_token_find(struct station *s, const struct id_token *token);
/* The same for a token that was presented just now: counts for AuthCacheCtrlr.Policy. */
struct known_token known_token_use(struct station *s, const struct id_token *token);

/* Whether the CSMS, which could be asked, is not to be asked on this EVSE. */
bool known_token_is_settled(const struct evse *e, const struct known_token *known);
/* Whether it may start a transaction (on its EVSEs) as far as is known here. */
bool known_token_is_good(const struct known_token *known);

#endif
