/* The authorization cache of a station on the bench: what the tests of it teach it and look up in it. */
#ifndef TESTS_TOKEN_CACHE_H
#define TESTS_TOKEN_CACHE_H

#include "tests/support/session.h"

#include "station/internal.h"

#define FRIEND   "04FFFFFF"
#define FAMILY   "'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}"
#define MASTER   "'groupIdToken': {'idToken': 'MASTER', 'type': 'Central'}"
#define ACCEPTED "{'idTokenInfo': {'status': 'Accepted'}}"
#define INVALID  "{'idTokenInfo': {'status': 'Invalid'}}"

/* session_setup(), and the cache is asked before the CSMS. */
int token_cache_setup(void **state);

struct id_token token_cache_token(const char *value, const char *type);
/* What the cache has of the card, or NULL; borrowed until it changes. */
const struct cached_token *token_cache_find(struct bench *b, const char *card);
/* Records of the cache in the store, its key among them. */
size_t token_cache_records(struct bench *b);

/* The CSMS says so (an IdTokenInfo) of the card, at once. */
void token_cache_tell(struct bench *b, const char *card, const char *info);
/* A card is presented and refused or granted, and taken back; then nothing is left but what the cache has of it. */
void token_cache_learn(struct bench *b, const char *card, const char *answer);

/* The i-th of many cards. */
void token_cache_name_card(int i, char ret[static ID_TOKEN_SIZE]);
/* The CSMS says so of the cards `from` up to before `to`, each a millisecond after the other. */
void token_cache_fill(struct bench *b, int from, int to, const char *info);

#endif
