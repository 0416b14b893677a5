/* The Local Authorization List of a station on the bench: what is sent to it, and what it has. */
#ifndef TESTS_LISTING_H
#define TESTS_LISTING_H

#include "tests/support/token_cache.h"

#define ENTRY(card, info) "{'idToken': {'idToken': '" card "', 'type': 'ISO14443'}, 'idTokenInfo': " info "}"
#define GONE(card)        "{'idToken': {'idToken': '" card "', 'type': 'ISO14443'}}"
#define GOOD              "{'status': 'Accepted'}"
#define BLOCKED           "{'status': 'Blocked'}"
#define OVER              "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-01-31T11:59:59Z'}"
#define NOT_YET_OVER      "{'status': 'Accepted', 'cacheExpiryDateTime': '2026-02-28T00:00:00Z'}"

/* SendLocalList of entries as above, with commas between them. */
void listing_send(struct bench *b, const char *type, int version, const char *entries, const char *expected);
/* ... that is accepted. */
void listing_full(struct bench *b, int version, const char *entries);
void listing_differential(struct bench *b, int version, const char *entries);
/* A Differential one of many cards (token_cache_name_card()), all accepted, each with `more` in its idTokenInfo. */
void listing_send_many(struct bench *b, int version, int first, int count, const char *more,
                       const char *expected);

void listing_expect_version(struct bench *b, int version);
/* LocalAuthListCtrlr.Entries */
void listing_expect_entries(struct bench *b, const char *value);
/* Of a card; NULL: not in the list. Borrowed. */
const struct list_entry *listing_find(struct bench *b, const char *card);
/* Entries in the store, those of replaced lists among them. */
size_t listing_records(struct bench *b);
/* A power cut, and the time until all has settled. */
void listing_restart(struct bench *b);

#endif
