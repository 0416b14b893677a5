/* What a station stores of its transactions, told to the history as well.
 *
 *     station -> records -> store --(committed)--> history                      at work
 *                           store ---------------> history -> written           at the start, and when a station is made anew
 *
 * The history is told only what the store has, so it never knows of more than the store does; what a power cut takes from it is told again at the
 * next start. Of a running transaction the store keeps a record until its end. Its end might be acknowledged by the CSMS and gone from the
 * store before the history has it: so its last events stand there once more (RECORD_HISTORY) until then, and if it was so short that the history does not even
 * have its beginning, its record too.
 *
 * Of an id token the history has what the log shows: its last four characters, of a key code nothing. */
#ifndef GATEWAY_TRANSACTION_HISTORY_H
#define GATEWAY_TRANSACTION_HISTORY_H

#include "base/list.h"
#include "base/record.h"
#include "store/history.h"
#include "store/store.h"

/* Of one station. */
struct transaction_history {
    struct history *history;
    struct store *store;
    const char *station; /* borrowed */
    struct list notes,
        unwritten; /* notes of batches that the store has not answered; what the history does not have yet */
    uint64_t asked, answered;
};

void transaction_history_init(struct transaction_history *told, struct history *history, struct store *store,
                              const char *station);
/* What was not told yet stays for the next start. */
void transaction_history_done(struct transaction_history *told);

/* store_write() of the station; what the records tell of transactions follows to the history once they are committed. Each `callback` is to
 * call transaction_history_on_written() with its error. */
int transaction_history_write(struct transaction_history *told, const struct record *records, size_t count,
                              store_written callback, void *ctx);
void transaction_history_on_written(struct transaction_history *told, int err);
/* A record that the store has from before. */
void transaction_history_restore(struct transaction_history *told, enum record_kind kind, const char *key,
                                 const char *value);

/* How the history reads a TransactionEventRequest as it is stored, and the record of a running transaction (station/transaction_store.c). */
json_t *transaction_history_read_event(const char *id, const char *text, struct history_transaction *ret);
json_t *transaction_history_read_record(const char *id, const char *text, struct history_transaction *ret);

#endif
