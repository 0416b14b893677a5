/* What was: ended and running transactions, and the audit log, to be searched. A SQLite file of its own (mode 0600) and a thread of its own, so that no search
 * holds up the loop or the store of what must survive.
 *
 *     loop: history_put, history_find_... -> waiting --(thread)--> one SQL transaction; a search -> done --(uv_async)--> loop: callbacks
 *
 * Transactions are written once a second, audit entries at once, both before a search that came after them. What a power cut in that second loses is
 * written again from the store at the next start (gateway/transaction_history.h). A full disk is logged once; what comes while it is full is missing then.
 * A damaged file is set aside (history.db.broken, logged) and a new one begun.
 *
 * Kept: the newest 1,000,000 transactions, the newest 100,000 audit entries. */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "net/loop.h"

#define HISTORY_MAX_WAITING       100000     /* to be written */
#define HISTORY_MAX_WAITING_BYTES (64 << 20) /* of it */
#define HISTORY_MAX_SEARCHES      64
#define HISTORY_PAGE_MAX          1000

struct history;
/* The file is opened by the thread: what is wrong with it is logged. 0, -ENOMEM, or without a thread -errno. */
int history_open(struct loop *loop, const char *path, struct history **ret);
/* Writes what waits, answers the searches that wait with -ECANCELED. NULL is fine. */
void history_close(struct history *history);
DEFINE_AUTO(history, history_close)

/* ---- transactions ---- */

#define HISTORY_TOKEN_SIZE 16

/* What is kept and shown of an id token, as the station's log has it: "..E5F6". */
void history_shorten_token(const char *token, char ret[HISTORY_TOKEN_SIZE]);

/* What a text tells of a transaction. Of texts, numbers and times that are told twice, those of the greater sequence count; of the start, the
 * end and the token see there. */
struct history_transaction {
    const char *id;
    int evse;                          /* 0: not told */
    char id_token[HISTORY_TOKEN_SIZE]; /* as it may be shown; "": not told. The first one counts */
    const char *id_token_type;         /* NULL: not told */
    int64_t started_ms, ended_ms;      /* Unix; 0: not told. What was told last counts: clocks are set */
    int64_t updated_ms;                /* Unix; of what is told */
    double energy_first_Wh,
        energy_last_Wh; /* a register, which only grows: the least and the greatest count. NAN: not told */
    const char *stopped_reason, *charging_state; /* NULL: not told */
    int64_t sequence;                            /* seqNo */
};
/* Fills `ret`, in which nothing is told. Runs on the history's thread, so it uses nothing but these texts. What `ret` borrows lives as long as the value that is returned, which is
 * released by the caller; NULL: nothing is told. */
typedef json_t *(*history_reader)(const char *id, const char *text, struct history_transaction *ret);
/* It is on the disk (0), or was dropped. */
typedef void (*history_written)(void *ctx, const char *id, int err);

/* A text that tells of a transaction, on its way. */
struct history_note;
struct history_text {
    const char *station, *id, *text; /* copied */
    history_reader read;
    history_written written; /* on the loop, once, never from inside; NULL: of no interest */
    void *ctx;
};
struct history_note *history_note_new(const struct history_text *text); /* NULL without memory */
void history_note_free(struct history_note *note);
/* Takes the note. 0, or -ENOBUFS (logged once): it is gone, and `written` does not come. */
int history_put(struct history *history, struct history_note *note);

/* ---- audit log ---- */

struct history_audit {
    int64_t time_ms; /* Unix */
    const char *user, *role, *peer, *action, *target;
    const char *before, *after; /* JSON text, or NULL */
};
/* Copies everything. 0, -ENOBUFS (logged once), -ENOMEM. */
int history_put_audit(struct history *history, const struct history_audit *audit);

/* ---- searches ---- */

/* Empty texts and 0 do not filter. */
struct history_filter {
    char station[64],
        text[128]; /* text: part of transaction id, token (or the whole token), reason; of an audit entry: user, action, target. ASCII case ignored */
    char state[16]; /* of transactions: "running", "ended" */
    int evse;
    int64_t since_ms, until_ms; /* of the start, or of the audit entry; Unix ms, until exclusive */
    size_t offset, limit;       /* 1..1000 */
};
/* {"items": [...], "total": n} newest first, taken by the callee; NULL and err < 0 on failure (-ECANCELED, -ETIMEDOUT: it takes too long, -EIO, -ENOMEM ...).
 * Comes once, never from inside. */
typedef void (*history_found)(void *ctx, int err, json_t *page);
/* items: {station, id, evse, idToken, idTokenType, startedAt, endedAt, updatedAt, energyStartWh, energyEndWh, energyWh, durationSeconds, stoppedReason, chargingState,
 * state}; what is not known is left out. durationSeconds of a running one: until updatedAt. 0, -EINVAL (no such state), -ENOBUFS, -ENOMEM: nothing follows. */
int history_find_transactions(struct history *history, const struct history_filter *filter,
                              history_found found, void *ctx);
/* items: {id, time, user, role, peer, action, target, before?, after?} */
int history_find_audit(struct history *history, const struct history_filter *filter, history_found found,
                       void *ctx);
/* The callbacks of this ctx come no more. */
void history_forget(struct history *history, const void *ctx);

#endif
