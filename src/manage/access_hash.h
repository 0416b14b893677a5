/* Passwords compared and hashed (argon2id, 64 MiB and tens of milliseconds each) in libuv's pool: two at once, so that logins cannot eat the
 * memory, and a bounded number waits. */
#ifndef MANAGE_ACCESS_HASH_H
#define MANAGE_ACCESS_HASH_H

#include <sodium.h>
#include <stdbool.h>

#include "base/list.h"
#include "manage/access.h"

#define HASH_AT_ONCE     2
#define HASH_MAX_WAITING 32

struct hash_pool {
    struct loop *loop;
    struct list waiting;
    size_t waiting_count, running;
};

enum hash_state { HASH_IDLE, HASH_WAITING, HASH_RUNNING };

struct hash_job {
    /* Compares `password` if `compares`, then hashes `new_password` if `makes` (and the comparison was good). */
    bool compares, makes;
    char password[ACCESS_PASSWORD_MAX + 1], new_password[ACCESS_PASSWORD_MAX + 1];
    char known
        [crypto_pwhash_STRBYTES]; /* hash to compare with; "": there is none, which costs the same and is wrong */
    char made[crypto_pwhash_STRBYTES];
    /* On the loop, never from inside hash_pool_add(). err: 0, -EACCES (wrong password), -ENOMEM. */
    void (*done)(struct hash_job *job, int err);

    struct hash_pool *pool; /* NULL: the pool is gone */
    struct list link;
    uv_work_t work;
    enum hash_state state;
    int err;
};

void hash_pool_init(struct hash_pool *pool, struct loop *loop);
/* The job stays where it is until done. 0, or -EAGAIN: too many wait. */
int hash_pool_add(struct hash_pool *pool, struct hash_job *job);
/* Takes a job that waits out: true, and `done` does not come. One that runs already goes on, since a thread has it. */
bool hash_pool_take_out(struct hash_job *job);
/* Cuts a running job's tie to the pool, which may go then; its `done` still comes. */
void hash_job_orphan(struct hash_job *job);
/* Passwords and hashes. */
void hash_job_wipe(struct hash_job *job);

#endif
