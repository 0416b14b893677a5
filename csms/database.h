/* Transactions as the stations told them, in SQLite: every event once, and what follows from them.
 *
 *     event(station, transaction_id, seq_no, type, time, payload)
 *     transactions: one row per transaction; complete when Started and Ended are there and no seqNo is missing */
#ifndef CSMS_DATABASE_H
#define CSMS_DATABASE_H

#include <jansson.h>

struct database;

/* path NULL: in memory. 0 or -EIO (said why on stderr). */
int database_open(const char *path, struct database **ret);
void database_close(struct database *database);

/* Keeps a TransactionEventRequest; the same seqNo again changes nothing. 0 or -EIO. */
int database_add_event(struct database *database, const char *station, const json_t *request);
/* [{"id", "station", "evse", "token", "energyWh", "durationSeconds", "stoppedReason", "complete", "events"}], oldest first; new reference. */
json_t *database_transactions(struct database *database);
/* Id of the newest transaction of the station that has not ended, into `ret` (37 bytes). 0 or -ENOENT. */
int database_running(struct database *database, const char *station, char *ret, size_t size);

#endif
