/* Short ways with reservations (H01 to H04), on top of the bench of a session. */
#ifndef TESTS_RESERVING_H
#define TESTS_RESERVING_H

#include "tests/support/token_cache.h"

#define GUEST        "04000001"
#define UNTIL        "'expiryDateTime': '2026-01-31T12:30:00Z'" /* half an hour from the start of the bench */
#define OF(card)     "'idToken': {'idToken': '" card "', 'type': 'ISO14443'}"
#define FAMILY_GROUP "'groupIdToken': {'idToken': 'FAMILY', 'type': 'Central'}"

/* A booted station with so many EVSEs; presets as for session_bench(). */
struct bench *reserving_bench(size_t evses, const char *const *presets);
/* For cmocka, with bench_teardown: two EVSEs, TxStartPoint and TxStopPoint of Authorized and EVConnected, nothing sampled. */
int reserving_setup(void **state);
/* ReserveNow UNTIL, with more members, is answered by this status. */
void reserve(struct bench *b, int id, const char *more, const char *status);
/* A power cut, and a minute. */
void reserving_restart(struct bench *b);

#endif
