/* Shared by the files of access: the whole, and what each gives the others. */
#ifndef MANAGE_ACCESS_INTERNAL_H
#define MANAGE_ACCESS_INTERNAL_H

#include <sodium.h>

#include "base/list.h"
#include "manage/access_accounts.h"
#include "manage/access_hash.h"
#include "manage/access_throttle.h"

#define ACCESS_MAX_JOBS 64  /* logins and changes under way */
#define ACCESS_MAX_OWED 512 /* answers that wait for the next turn of the loop */
#define SECRET_BYTES    32

/* What wrong tries are counted by. Only the pair waits long: who tries a name from elsewhere must not lock its owner out, nor who shares an address the
 * others there. The short waits of the rest still make guessing from many addresses slow, and few passwords are compared. */
enum try_key { TRIES_BY_PAIR, TRIES_BY_USER, TRIES_BY_PEER, TRIES };

struct access_job;
struct session;

struct access {
    struct loop *loop;
    struct store *store;
    struct accounts users, tokens;
    char setup_token[ACCESS_SECRET_SIZE]; /* "": none */

    struct list sessions; /* the one unused longest comes first */
    size_t session_count;
    uint8_t csrf_key[crypto_generichash_KEYBYTES];
    struct access_session found; /* what access_find_session() lends */

    struct throttle tries[TRIES]; /* passwords and the setup token */
    struct throttle places;       /* no tries: users with addresses that they have logged in from */
    struct throttle
        by_token_peer; /* of their own: a machine with an old token keeps no one from logging in */

    struct hash_pool pool;
    struct list jobs, changes; /* changes: jobs that wait for their turn to write */
    size_t job_count;
    struct access_job *
        changing; /* whose record is being written: one at a time, so that each sees what the one before did */

    struct owed_answer {
        access_done done; /* NULL: forgotten */
        void *ctx;
        int err, retry_after_s;
        const char *text;
    } owed[ACCESS_MAX_OWED]; /* a ring */
    size_t owed_first, owed_count;

    struct timer soon;  /* for answers and changes, outside of the call that asked */
    struct timer again; /* what the store did not take */
    bool flushing, store_fails;
};

/* Lets on_soon() run at the next turn of the loop. */
void access_wake(struct access *access);

/* ---- access_sessions.c ---- */

/* A new session of the user into `ret`, its secrets included. 0, -ENOMEM. */
int session_new(struct access *access, const struct account *user, struct access_session *ret);
/* All of a user but the one with this secret (may be NULL). */
void sessions_end(struct access *access, const char *user, const char *keep_secret);
void sessions_done(struct access *access);

/* ---- access_change.c ---- */

/* Answers owed, and the next change; from access->soon. */
void access_run(struct access *access);
/* Whether another admin is there but this one, and stays. */
bool access_has_admin_besides(const struct access *access, const char *user);
/* Whether a change of the user is being written, which a snapshot of memory must not go over. */
bool access_is_changing(const struct access *access, const char *user);
/* The user was deleted meanwhile. */
void access_overtake_change(struct access *access, const char *user);
void access_jobs_done(struct access *access);

/* ---- access_store.c ---- */

/* Reads what there is; where no user is, there is a setup token. 0 or -errno. */
int access_load(struct access *access);
/* Writes what is dirty, now or when the write that is under way has ended. */
void access_flush(struct access *access);
/* The same at the end: nobody waits for it. */
void access_flush_last(struct access *access);

/* ---- secrets (access.c) ---- */

/* base64url of 32 random bytes. */
void secret_new(char ret[static ACCESS_SECRET_SIZE]);
/* false: it has not the form of one. */
bool secret_hash(const char *secret, uint8_t ret[static crypto_generichash_BYTES]);
bool secrets_are_equal(const char *a, const char *b);

#endif
