/* The Local Authorization List (block D): what the CSMS wants said of tokens without being asked.
 *
 *   changed    by SendLocalList only, all of it or nothing: a new list is made beside the old one, and takes its place when the store
 *              has it, in one group of records (D01.FR.09, D01.FR.10)
 *   read       by known_token.c, where LocalAuthListCtrlr.Enabled
 *   bounded    by max_local_list_entries of the configuration, and by LOCAL_LIST_ENTRY_BYTES for each of them
 *   persistent as RECORD_LOCAL_LIST; a token is kept, here and there, only as its hash under a key of this station
 *
 * A Full update begins a new generation, and does not wait until the records of the old one are gone: they are removed little by
 * little afterwards, or after the next start, and nobody else has to wait for that.
 *
 * A list that was never sent costs nothing. */
#ifndef STATION_LOCAL_LIST_H
#define STATION_LOCAL_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/evse.h"
#include "base/siphash.h"

struct station;
struct list_update; /* being stored */

#define LOCAL_LIST_ENTRY_BYTES 512 /* on average; without a message to the driver it is about 60 */

struct list_entry {
    uint8_t hash[SIPHASH_SIZE];
    int64_t expires_ms; /* cacheExpiryDateTime; -1: never */
    uint64_t evses;     /* bit id - 1: may charge there; or EVERY_EVSE */
    uint8_t status;     /* enum authorization_status */
    uint32_t size;      /* of the whole */
    uint32_t generation;
    /* groupIdToken, or ""; behind it the rest of the idTokenInfo (languages, personalMessage ...) as JSON, or "" */
    char group[];
};

struct local_list {
    struct list_entry **entries; /* by hash; NULL while empty */
    size_t count, capacity;      /* capacity: while it is restored */
    size_t bytes;                /* of the entries */
    int64_t version;             /* 0: none was ever sent (D02.FR.02) */
    uint32_t generation;         /* of the entries */
    struct list_entry **stale;   /* of earlier generations, and still in the store */
    size_t stale_count;
    bool is_purging; /* some of these are being removed from the store */
    bool is_damaged; /* there was no memory for all that the store has */
    uint8_t key[SIPHASH_KEY_SIZE];
    bool has_key;
    struct list_update *update;
};

/* The token's entry, or NULL. Not asked: whether the list is enabled, whether the entry has expired. Borrowed until the list changes. */
const struct list_entry *local_list_find(const struct station *s, const struct id_token *token);
/* What the CSMS gave with it besides status, group, expiry and EVSEs: an object, a new reference; or NULL. */
json_t *local_list_info(const struct list_entry *entry);
/* LocalAuthListCtrlr.Storage: bytes in use, and the most there can be. */
size_t local_list_bytes(const struct station *s);
size_t local_list_max_bytes(const struct station *s);

void local_list_done(struct station *s);
void local_list_restore(struct station *s, const char *key, const char *value); /* RECORD_LOCAL_LIST */
void local_list_start(struct station *s);                                       /* all is restored */

#endif
