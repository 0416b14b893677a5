/* Logins and changes of users: what is asked now and answered later.
 *
 *     asked -> tries counted -> hash (pool) -> login: session                                   -> answer
 *                                           -> change: its turn -> checked -> store -> in force -> answer
 *
 * One change is written at a time and checked when its turn has come, so each sees what the one before did: two admins cannot demote each
 * other, and of two who set up one comes too late. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "manage/access_internal.h"

#define BUSY_S       2
#define TRY_KEY_SIZE (ACCESS_NAME_SIZE + 1 + THROTTLE_PEER_SIZE)

enum job_kind { JOB_LOGIN, JOB_SETUP, JOB_PUT_USER, JOB_CHANGE_PASSWORD };

struct access_job {
    struct hash_job hash;
    struct list link, turn;
    struct access *access; /* NULL: it is gone, and the job goes when its thread is done */
    enum job_kind kind;
    access_done done; /* NULL: forgotten */
    void *ctx;
    char user[ACCESS_NAME_SIZE], peer[THROTTLE_PEER_SIZE]; /* peer "": of this host, not counted */
    char keep[ACCESS_SECRET_SIZE];
    enum role role;
    bool is_new;
    struct account next, *fresh; /* what is being written; memory for a new user */
    bool overtaken;              /* the user was deleted while it was written */
};

static const char bad_name[] =
    "a name has 1 to 64 of the characters A-Z a-z 0-9 . _ - @ and is not \"local\"";
static const char bad_password[] = "a password has at least 10 characters and at most 256 bytes of UTF-8";
static const char bad_role[] = "a role is viewer, operator or admin";
static const char incomplete[] = "a new user needs a role and a password";
static const char busy[] = "too many logins at once: try again in a moment";

static const char *text_of(int err)
{
    switch (err) {
    case 0:
        return "done";
    case -EACCES:
        return "the user, the password or the setup token is wrong";
    case -EAGAIN:
        return "too many wrong tries: wait before the next one";
    case -EEXIST:
        return "there is a user or a token of this name already";
    case -ENOENT:
        return "there is no user of this name";
    case -E2BIG:
        return "there are as many users as there may be";
    case -EPERM:
        return "this is the last user who is admin: make another one first";
    case -ENOMEM:
        return "out of memory";
    default:
        return "it could not be stored: the log tells why";
    }
}

/* ---- answers ---- */

static void owe(struct access *access, access_done done, void *ctx, const struct owed_answer *answer)
{
    if (access->owed_count ==
        ACCESS_MAX_OWED) { /* more than there are connections: rather from inside than never */
        done(ctx, &(struct access_result){ answer->err, answer->text, answer->retry_after_s, NULL });
        return;
    }
    struct owed_answer *owed = &access->owed[(access->owed_first + access->owed_count++) % ACCESS_MAX_OWED];
    *owed = *answer;
    owed->done = done;
    owed->ctx = ctx;
    access_wake(access);
}

static void pay(struct access *access)
{
    for (size_t left = access->owed_count; left > 0; left--) {
        struct owed_answer owed = access->owed[access->owed_first];
        access->owed_first = (access->owed_first + 1) % ACCESS_MAX_OWED;
        access->owed_count--;
        if (owed.done)
            owed.done(owed.ctx, &(struct access_result){ owed.err, owed.text, owed.retry_after_s, NULL });
    }
}

/* ---- jobs ---- */

static void job_free(struct access_job *job)
{
    if (!job)
        return;
    list_remove(&job->link);
    list_remove(&job->turn);
    if (job->access)
        job->access->job_count--;
    free(job->fresh);
    hash_job_wipe(&job->hash);
    sodium_memzero(job, sizeof(*job));
    free(job);
}

static void on_hashed(struct hash_job *hash, int err);

/* NULL: that was answered. */
static struct access_job *job_new(struct access *access, enum job_kind kind, access_done done, void *ctx)
{
    bool fits = access->job_count < ACCESS_MAX_JOBS;
    struct access_job *job = fits ? calloc(1, sizeof(*job)) : NULL;
    if (!job) {
        struct owed_answer none = { .err = -ENOMEM, .text = text_of(-ENOMEM) };
        struct owed_answer full = { .err = -EAGAIN, .text = busy, .retry_after_s = BUSY_S };
        owe(access, done, ctx, fits ? &none : &full);
        return NULL;
    }
    job->access = access;
    job->kind = kind;
    job->done = done;
    job->ctx = ctx;
    job->hash.done = on_hashed;
    list_init(&job->turn);
    list_append(&access->jobs, &job->link);
    access->job_count++;
    return job;
}

/* Ends a job in the call that began it. */
static void refuse(struct access_job *job, int err, const char *text, int retry_after_s)
{
    owe(job->access, job->done, job->ctx,
        &(struct owed_answer){
            .err = err, .text = text ? text : text_of(err), .retry_after_s = retry_after_s });
    job_free(job);
}

/* Ends a job later. */
static void finish(struct access_job *job, int err, const struct access_session *session)
{
    access_done done = job->done;
    void *ctx = job->ctx;
    job_free(job);
    if (done)
        done(ctx, &(struct access_result){ err, text_of(err), 0, session });
}

/* ---- tries ---- */

static void set_peer(struct access_job *job, const char *peer)
{
    throttle_peer_key(peer ? peer : "", job->peer);
}

static const char *peer_of(const struct access_job *job)
{
    return job->peer[0] ? job->peer : "local";
}

/* False: such tries are not counted by it. */
static bool make_key(const struct access_job *job, enum try_key key, char ret[static TRY_KEY_SIZE])
{
    bool has_user = key != TRIES_BY_PEER, has_peer = key != TRIES_BY_USER;
    /* Names of users who are not there may hold anything, addresses no line end: the last one parts them. */
    (void)snprintf(ret, TRY_KEY_SIZE, "%s%s%s", has_user ? job->user : "", has_user && has_peer ? "\n" : "",
                   has_peer ? job->peer : "");
    return has_user ? job->kind != JOB_SETUP : job->peer[0] != '\0';
}

/* Where users have been before they wait for what they did wrong there only. */
static int64_t wait_ms_of(const struct access_job *job)
{
    struct access *access = job->access;
    char text[TRY_KEY_SIZE];
    bool was_here = make_key(job, TRIES_BY_PAIR, text) && throttle_has(&access->places, text);
    int64_t longest_ms = 0;
    for (enum try_key key = 0; key < (was_here ? TRIES_BY_PAIR + 1 : TRIES); key++) {
        int64_t wait_ms = make_key(job, key, text) ? throttle_wait_ms(&access->tries[key], text) : 0;
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
    }
    return longest_ms;
}

static void for_each_key(struct access_job *job, void (*what)(struct throttle *throttle, const char *key))
{
    char text[TRY_KEY_SIZE];
    for (enum try_key key = 0; key < TRIES; key++)
        if (make_key(job, key, text))
            what(&job->access->tries[key], text);
}

/* Counts it as wrong until it turns out right. false: it is too early for the next, which was answered. */
static bool may_try(struct access_job *job)
{
    int64_t wait_ms = wait_ms_of(job);
    if (wait_ms > 0) {
        refuse(job, -EAGAIN, NULL, (int)((wait_ms + 999) / 1000));
        return false;
    }
    for_each_key(job, throttle_count);
    return true;
}

static void take_try_back(struct access_job *job)
{
    for_each_key(job, throttle_take_back);
}

/* What was wrong before is forgiven the user, not the address: others may be tried from there. */
static void try_was_right(struct access_job *job)
{
    char text[TRY_KEY_SIZE];
    take_try_back(job);
    for (enum try_key key = TRIES_BY_PAIR; key <= TRIES_BY_USER; key++)
        if (make_key(job, key, text))
            throttle_forget(&job->access->tries[key], text);
}

/* Later tries from here do not wait for what strangers do. */
static int begin_session(struct access_job *job, const struct account *account, struct access_session *ret)
{
    char text[TRY_KEY_SIZE];
    (void)make_key(job, TRIES_BY_PAIR, text);
    throttle_count(&job->access->places, text);
    return session_new(job->access, account, ret);
}

/* ---- rules ---- */

static bool password_is_good(const char *password)
{
    size_t len = strnlen(password, ACCESS_PASSWORD_MAX + 1);
    return len <= ACCESS_PASSWORD_MAX && utf8_length(password, len) >= ACCESS_PASSWORD_MIN;
}

bool access_is_changing(const struct access *access, const char *user)
{
    const struct access_job *job = access->changing;
    return job && !job->overtaken && str_equal(job->user, user);
}

void access_overtake_change(struct access *access, const char *user)
{
    if (access_is_changing(access, user))
        access->changing->overtaken = true;
}

bool access_has_admin_besides(const struct access *access, const char *user)
{
    for (size_t i = 0; i < access->users.count; i++) {
        const struct account *other = access->users.at[i];
        bool stays = !access_is_changing(access, other->name) || access->changing->next.role == ROLE_ADMIN;
        if (!other->deleted && other->role == ROLE_ADMIN && stays && !str_equal(other->name, user))
            return true;
    }
    return false;
}

/* Whether the change may be made as things are. */
static int check_change(const struct access_job *job)
{
    const struct access *access = job->access;
    const struct account *account = accounts_find(&access->users, job->user);
    if (job->kind == JOB_SETUP && !access->setup_token[0])
        return -EACCES;
    if (job->is_new && (account || accounts_find(&access->tokens, job->user)))
        return -EEXIST;
    if (job->is_new)
        return accounts_are_full(&access->users) ? -E2BIG : 0;
    if (job->kind == JOB_CHANGE_PASSWORD)
        return account && secrets_are_equal(account->hash, job->hash.known) ? 0 : -EACCES;
    if (!account)
        return -ENOENT;
    bool demotes = account->role == ROLE_ADMIN && job->role != ROLE_NONE && job->role != ROLE_ADMIN;
    return demotes && !access_has_admin_besides(access, job->user) ? -EPERM : 0;
}

/* ---- changes ---- */

static void put_in_force(struct access_job *job)
{
    struct access *access = job->access;
    struct account *account = accounts_find(&access->users, job->user);
    bool is_other =
        account && (account->role != job->next.role || !secrets_are_equal(account->hash, job->next.hash));
    if (account) {
        account->role = job->next.role;
        memcpy(account->hash, job->next.hash, sizeof(account->hash));
    } else {
        *job->fresh = job->next;
        accounts_insert(&access->users, STEAL(job->fresh));
        sodium_memzero(access->setup_token, sizeof(access->setup_token));
    }
    if (is_other)
        sessions_end(access, job->user, job->keep);
}

static void on_stored(void *ctx, int err)
{
    struct access_job *job = ctx;
    struct access *access = job->access;
    struct access_session session = { 0 };
    bool is_there = err == 0 && !job->overtaken;
    access->changing = NULL;
    if (err < 0)
        log_error(LOG_STORE, "a user of the management API cannot be stored: user=%s %s", job->user,
                  err_text(err));
    if (is_there)
        put_in_force(job);
    int r = err < 0 ? -EIO : is_there ? 0 : -ENOENT;
    bool logs_in = r == 0 && job->kind == JOB_SETUP && job->done;
    if (logs_in)
        r = begin_session(job, accounts_find(&access->users, job->user), &session);
    access_flush(access); /* what had to wait for this change */
    access_wake(access);
    finish(job, r, logs_in && r == 0 ? &session : NULL);
    sodium_memzero(&session, sizeof(session));
}

static int write_change(struct access_job *job)
{
    struct access *access = job->access;
    int r = check_change(job);
    if (r < 0)
        return r;
    const struct account *account = accounts_find(&access->users, job->user);
    if (account) {
        job->next = *account;
    } else {
        job->fresh = calloc(1, sizeof(*job->fresh));
        if (!job->fresh)
            return -ENOMEM;
        (void)str_copy(job->next.name, sizeof(job->next.name), job->user);
        job->next.created_ms = env_wall_ms(&access->loop->env);
        job->next.used_ms = job->kind == JOB_SETUP ? job->next.created_ms : 0;
    }
    job->next.deleted = job->next.dirty = job->next.writing = false;
    job->next.used_stored_ms = job->next.used_ms;
    if (job->role != ROLE_NONE)
        job->next.role = job->role;
    if (job->hash.makes)
        memcpy(job->next.hash, job->hash.made, sizeof(job->next.hash));

    char value[ACCOUNT_VALUE_SIZE];
    account_print(&job->next, value);
    const struct record record = { RECORD_USER, job->user, value };
    r = store_write(access->store, "", &record, 1, on_stored, job);
    sodium_memzero(value, sizeof(value));
    return r < 0 && r != -ENOMEM ? -EIO : r;
}

void access_run(struct access *access)
{
    pay(access);
    while (!access->changing && !list_is_empty(&access->changes)) {
        struct access_job *job = LIST_ITEM(access->changes.next, struct access_job, turn);
        list_remove(&job->turn);
        int r = write_change(job);
        if (r < 0)
            finish(job, r, NULL);
        else
            access->changing = job;
    }
}

static void queue_change(struct access_job *job)
{
    list_append(&job->access->changes, &job->turn);
    access_wake(job->access);
}

/* ---- after hashing ---- */

static void end_login(struct access_job *job)
{
    struct access *access = job->access;
    struct account *account = accounts_find(&access->users, job->user);
    if (!account || !secrets_are_equal(account->hash, job->hash.known)) { /* changed or deleted meanwhile */
        finish(job, -EACCES, NULL);
        return;
    }
    struct access_session session = { 0 };
    try_was_right(job);
    int r = job->done ? begin_session(job, account, &session) : 0;
    if (job->done && r == 0) {
        account->used_ms = env_wall_ms(&access->loop->env);
        account->dirty = true;
        access_flush(access);
    }
    finish(job, r, r == 0 ? &session : NULL);
    sodium_memzero(&session, sizeof(session));
}

/* The name only of a user who is there: people type their password into the wrong field. */
static void log_wrong(const struct access_job *job)
{
    log_warn(LOG_GATEWAY, "a wrong password for the management API: user=%s peer=%s",
             job->hash.known[0] ? job->user : "(unknown)", peer_of(job));
}

static void on_hashed(struct hash_job *hash, int err)
{
    struct access_job *job = CONTAINER_OF(hash, struct access_job, hash);
    if (!job->access) {
        job_free(job);
        return;
    }
    if (err == -EACCES)
        log_wrong(job);
    else if (err < 0 && hash->compares)
        take_try_back(job);
    if (err < 0) {
        finish(job, err == -EACCES ? err : -ENOMEM, NULL);
    } else if (job->kind == JOB_LOGIN) {
        end_login(job);
    } else {
        if (job->kind == JOB_CHANGE_PASSWORD)
            try_was_right(job);
        queue_change(job);
    }
}

static void begin_hash(struct access_job *job)
{
    if (hash_pool_add(&job->access->pool, &job->hash) == 0)
        return;
    if (job->hash.compares)
        take_try_back(job);
    refuse(job, -EAGAIN, busy, BUSY_S);
}

/* ---- what is asked ---- */

/* A password that is too long is nobody's, and costs the same. */
static void compare_with(struct access_job *job, const char *user, const char *password)
{
    const struct account *account = accounts_find(&job->access->users, user);
    bool fits = str_copy(job->hash.password, sizeof(job->hash.password), password) == 0;
    if (account && fits)
        memcpy(job->hash.known, account->hash, sizeof(job->hash.known));
    job->hash.compares = true;
}

static void make_from(struct access_job *job, const char *password)
{
    (void)str_copy(job->hash.new_password, sizeof(job->hash.new_password), password);
    job->hash.makes = true;
}

static void set_kept(struct access_job *job, const char *session)
{
    (void)str_copy(job->keep, sizeof(job->keep), session ? session : "");
}

/* What is wrong with what is asked, or NULL. */
static const char *find_fault(const struct access_change *change, enum role role, bool is_new)
{
    if (is_new && !account_name_is_good(change->user))
        return bad_name;
    if (is_new && (!change->password || role == ROLE_NONE))
        return incomplete;
    if ((unsigned)role >= ROLES)
        return bad_role;
    return change->password && !password_is_good(change->password) ? bad_password : NULL;
}

void access_login(struct access *access, const char *user, const char *password, const char *peer,
                  access_done done, void *ctx)
{
    struct access_job *job = job_new(access, JOB_LOGIN, done, ctx);
    if (!job)
        return;
    (void)str_copy(job->user, sizeof(job->user), user);
    set_peer(job, peer);
    if (!may_try(job))
        return;
    compare_with(job, user, password);
    begin_hash(job);
}

void access_setup(struct access *access, const struct access_change *change, access_done done, void *ctx)
{
    struct access_job *job = job_new(access, JOB_SETUP, done, ctx);
    if (!job)
        return;
    set_peer(job, change->peer);
    if (!may_try(job))
        return;
    if (!access->setup_token[0] || !secrets_are_equal(access->setup_token, change->setup_token)) {
        log_warn(LOG_GATEWAY, "a wrong setup token for the management API: peer=%s", peer_of(job));
        refuse(job, -EACCES, NULL, 0);
        return;
    }
    try_was_right(job);
    job->role = ROLE_ADMIN;
    job->is_new = true;
    const char *fault = find_fault(change, job->role, job->is_new);
    if (fault) {
        refuse(job, -EINVAL, fault, 0);
        return;
    }
    (void)str_copy(job->user, sizeof(job->user), change->user);
    make_from(job, change->password);
    begin_hash(job);
}

void access_put_user(struct access *access, const struct access_change *change, access_done done, void *ctx)
{
    struct access_job *job = job_new(access, JOB_PUT_USER, done, ctx);
    if (!job)
        return;
    const char *fault = find_fault(change, change->role, change->is_new);
    if (fault) {
        refuse(job, -EINVAL, fault, 0);
        return;
    }
    bool fits = str_copy(job->user, sizeof(job->user), change->user) == 0;
    set_kept(job, change->keep_session);
    job->role = change->role;
    job->is_new = change->is_new;
    int r = fits ? check_change(job) : -ENOENT;
    if (r < 0) {
        refuse(job, r, NULL, 0);
    } else if (change->password) {
        make_from(job, change->password);
        begin_hash(job);
    } else {
        queue_change(job);
    }
}

void access_change_password(struct access *access, const struct access_change *change, access_done done,
                            void *ctx)
{
    struct access_job *job = job_new(access, JOB_CHANGE_PASSWORD, done, ctx);
    if (!job)
        return;
    if (!password_is_good(change->password)) {
        refuse(job, -EINVAL, bad_password, 0);
        return;
    }
    (void)str_copy(job->user, sizeof(job->user), change->user);
    set_kept(job, change->keep_session);
    set_peer(job, change->peer);
    if (!may_try(job))
        return;
    compare_with(job, change->user, change->old_password);
    make_from(job, change->password);
    begin_hash(job);
}

/* ---- the end ---- */

void access_forget(struct access *access, const void *ctx)
{
    for (size_t i = 0; i < access->owed_count; i++) {
        struct owed_answer *owed = &access->owed[(access->owed_first + i) % ACCESS_MAX_OWED];
        if (owed->ctx == ctx)
            owed->done = NULL;
    }
    LIST_FOREACH(link, next, &access->jobs)
    {
        struct access_job *job = LIST_ITEM(link, struct access_job, link);
        if (job->ctx != ctx)
            continue;
        job->done = NULL;
        if (job->kind == JOB_LOGIN && hash_pool_take_out(&job->hash)) { /* its place is another's */
            take_try_back(job);
            job_free(job);
        }
    }
}

void access_jobs_done(struct access *access)
{
    LIST_FOREACH(link, next, &access->jobs)
    {
        struct access_job *job = LIST_ITEM(link, struct access_job, link);
        store_forget(access->store, job);
        if (job->hash.state == HASH_RUNNING) {
            hash_job_orphan(&job->hash);
            list_remove(&job->link);
            job->access = NULL;
        } else {
            (void)hash_pool_take_out(&job->hash);
            job_free(job);
        }
    }
    access->changing = NULL;
}
