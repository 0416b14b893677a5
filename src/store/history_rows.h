/* The history's tables: writing and searching them, on the history's thread. */
#ifndef STORE_HISTORY_ROWS_H
#define STORE_HISTORY_ROWS_H

#include <sqlite3.h>

#include "store/history.h"

#define HISTORY_KEPT_TRANSACTIONS 1000000
#define HISTORY_KEPT_AUDIT        100000

struct history_rows {
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *update_session, *insert_session, *set_times, *trim_sessions, *insert_audit, *trim_audit;
    int64_t kept_transactions, kept_audit; /* set before anything is written */
};

/* 0 or -errno; `ret_text` says what. To be closed in any case. */
int history_rows_open(struct history_rows *rows, const char *path, char *ret_text, size_t size);
void history_rows_close(struct history_rows *rows);

int history_rows_begin(struct history_rows *rows);
int history_rows_put(struct history_rows *rows, const char *station,
                     const struct history_transaction *transaction);
int history_rows_put_audit(struct history_rows *rows, const struct history_audit *audit);
/* Drops what is more than is kept, and commits. What fails from the beginning on is to be rolled back. */
int history_rows_commit(struct history_rows *rows);
void history_rows_rollback(struct history_rows *rows);

/* As history_find_...(). 0 or -errno; -ETIMEDOUT: the database's progress handler ended it. */
int history_rows_find_transactions(struct history_rows *rows, const struct history_filter *filter,
                                   json_t **ret_page);
int history_rows_find_audit(struct history_rows *rows, const struct history_filter *filter,
                            json_t **ret_page);

#endif
